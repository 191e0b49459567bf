//! What each finding says and how it is judged.

use super::*;
use crate::uplink::quic::HUB_SILENT;

fn facts() -> Facts {
    Facts {
        hub: Some("hub.example:7443".to_owned()),
        addresses: vec!["192.0.2.7:7443".parse().unwrap()],
        line: Line::Connected,
        certificate_days: Some(80),
        clock_doubt_s: Some(1),
        disk_bytes: Some(50 << 30),
        has_rules: true,
        cards: Cards::Ready { suspect: false },
        printers: Some(vec!["Laser".to_owned()]),
    }
}

/// The one check that is not good, or `good`.
fn only(facts: &Facts) -> (&'static str, State, String) {
    let checks = judge(facts);
    let mut bad = checks.into_iter().filter(|check| check.state != State::Good);
    let first = bad.next();
    assert_eq!(bad.next(), None, "one thing at a time");
    first.map_or(("", State::Good, String::new()), |check| (check.code, check.state, check.found.zh))
}

#[test]
fn where_nothing_is_wrong_all_is_good() {
    assert_eq!(only(&facts()), ("", State::Good, String::new()));
    assert_eq!(only(&Facts { line: Line::Answers, ..facts() }).1, State::Good);
}

#[test]
fn each_trouble_says_what_to_do() {
    let silent =
        |host_answers| Line::Silent { fault: Fault::new(HUB_SILENT, "中心沒有回應", "silent"), host_answers };
    use State::{Attention, Bad};
    for (facts, code, state, says) in [
        (Facts { addresses: vec![], ..facts() }, "name", Bad, "請檢查 DNS"),
        (Facts { line: silent(true), ..facts() }, "line", Bad, "UDP 不通，請防火牆開放"),
        (Facts { line: silent(false), ..facts() }, "line", Bad, "請檢查網路線、VPN 與防火牆"),
        (
            Facts { line: Line::Failed(Fault::new("line", "中心關閉了連線", "closed")), ..facts() },
            "line",
            Bad,
            "中心關閉了連線",
        ),
        (Facts { line: Line::Cut, ..facts() }, "line", Attention, "line heal"),
        (Facts { certificate_days: None, ..facts() }, "certificate", Bad, "請註冊"),
        (Facts { certificate_days: Some(-1), ..facts() }, "certificate", Bad, "已過期"),
        (Facts { certificate_days: Some(14), ..facts() }, "certificate", Attention, "14 天後到期"),
        (Facts { clock_doubt_s: None, ..facts() }, "clock", Attention, "請核對電腦日期與時間"),
        (Facts { clock_doubt_s: Some(61), ..facts() }, "clock", Attention, "61 秒"),
        (Facts { has_rules: false, ..facts() }, "rules", Bad, "請先連線"),
        (Facts { disk_bytes: Some(100 << 20), ..facts() }, "disk", Bad, "僅剩 100 MiB；請立即清出空間"),
        (Facts { disk_bytes: Some(1 << 30), ..facts() }, "disk", Attention, "剩 1024 MiB"),
        (Facts { disk_bytes: None, ..facts() }, "disk", Attention, "未告知"),
        (Facts { cards: Cards::NotAsked, ..facts() }, "cards", Attention, "--card-helper"),
        (Facts { cards: Cards::Ready { suspect: true }, ..facts() }, "cards", Attention, "清潔或更換"),
        (Facts { cards: Cards::Trouble(CardFailure::NoReader), ..facts() }, "cards", Bad, "請檢查 USB 線"),
        (Facts { printers: None, ..facts() }, "printer", Attention, "請試印一張"),
        (Facts { printers: Some(vec![]), ..facts() }, "printer", Attention, "沒有印表機"),
    ] {
        let (found, how, words) = only(&facts);
        assert_eq!((found, how), (code, state), "{facts:?}");
        assert!(words.contains(says), "{code}: {words}");
    }
}

#[test]
fn a_site_that_is_not_enrolled_is_told_so_first() {
    let silent = Line::Silent {
        fault: Fault::new("not-enrolled", "尚未向中心註冊", "not enrolled"),
        host_answers: false,
    };
    let new = Facts { hub: None, addresses: vec![], line: silent, certificate_days: None, has_rules: false, ..facts() };
    let checks = judge(&new);
    assert_eq!((checks[0].code, checks[0].state), ("enrolled", State::Bad));
    assert!(checks[0].found.zh.contains("atoll-edge enrol"));
    assert_eq!((checks[1].code, checks[1].state), ("name", State::Attention));
}
