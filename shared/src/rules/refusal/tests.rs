//! Every refusal has a code and both languages; the manual's words stand where it has them.

use super::*;
use crate::rules::calendar::BadBirth;
use crate::rules::evidence::List;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn bought(next: Option<&str>) -> Refusal {
    Refusal::Bought { next: next.map(day), evidence: Vec::new() }
}

fn all() -> Vec<(Refusal, &'static str)> {
    let most = Allowance { adult: 2, child: 4, mixed: 4 };
    let goods = Some(Text::new("兒童口罩", "Child mask"));
    vec![
        (Refusal::Document(BadDocument::Birth(BadBirth::Impossible)), "document"),
        (Refusal::KindOff(DocumentKind::Passport), "document"),
        (Refusal::NoProgramme, "programme"),
        (Refusal::Clock { doubt_s: u32::MAX }, "clock"),
        (Refusal::Clock { doubt_s: 301 }, "clock"),
        (Refusal::KnowledgeTooOld { heard: Heard::Never }, "knowledge"),
        (Refusal::KnowledgeTooOld { heard: Heard::Ago { age_s: 400_000, doubt_s: 0 } }, "knowledge"),
        (Refusal::OnePiece { heard: Heard::Ago { age_s: 20_000, doubt_s: 30_000 } }, "limit"),
        (Refusal::AskManager { heard: Heard::Ago { age_s: 20_000, doubt_s: u32::MAX } }, "manager"),
        (Refusal::Turn { today: TurnDay::Even, own: Some(day("2020-02-07")) }, "turn"),
        (Refusal::Turn { today: TurnDay::Odd, own: None }, "turn"),
        (Refusal::Turn { today: TurnDay::Nobody, own: None }, "turn"),
        (bought(Some("2020-02-13")), "bought"),
        (bought(None), "bought"),
        (Refusal::Child { goods: goods.clone(), born_from: Some(BornFrom::Year(2008)) }, "child"),
        (Refusal::Child { goods: goods.clone(), born_from: Some(BornFrom::Day(day("2004-01-01"))) }, "child"),
        (Refusal::Child { goods: None, born_from: None }, "child"),
        (Refusal::Proxy { most: 1 }, "proxy"),
        (Refusal::Proxy { most: 0 }, "proxy"),
        (Refusal::ProxyIsBuyer, "proxy"),
        (Refusal::Limit { most }, "limit"),
        (Refusal::Limit { most: Allowance { child: 0, ..most } }, "limit"),
        (Refusal::NothingAsked, "limit"),
        (Refusal::Stock { have: Stock { adult: 1, child: -2 } }, "stock"),
        (Refusal::Unknown, "unknown"),
        (Refusal::AlreadyWithdrawn, "unknown"),
        (Refusal::NotSameDay { day: day("2020-02-06") }, "day"),
        (Refusal::ClearFirst, "clear"),
    ]
}

#[test]
fn every_refusal_has_a_code_and_two_languages() {
    for (refusal, code) in all() {
        assert_eq!(refusal.code(), code, "{refusal:?}");
        assert!(!refusal.zh().is_ascii(), "{refusal:?}");
        let en = refusal.en();
        assert!(en.is_ascii() && !en.ends_with('.'), "{en}");
        assert!(en.starts_with(|c: char| c.is_lowercase() || c.is_ascii_digit()), "{en}");
        assert_eq!(refusal.to_string(), en);
    }
}

#[test]
fn m9_the_next_date_is_named_in_both_languages() {
    let refusal = bought(Some("2020-02-13"));
    assert!(refusal.zh().contains("不符購買資格"));
    assert!(refusal.zh().contains("下次購買起日：109/02/13"));
    assert_eq!(refusal.en(), "bought already; next 2020-02-13");
    assert!(bought(None).zh().contains("不符購買資格"));
}

#[test]
fn only_a_purchase_rests_on_evidence_and_on_each_once() {
    let own = Evidence::Own { second: 1_580_956_320 };
    let nation = Evidence::Nation { day: day("2020-02-06"), list: List::Live };
    let refusal = bought(None).resting_on([own, nation, own]);
    assert_eq!(refusal.evidence(), [own, nation]);
    assert_eq!(refusal.resting_on([nation]).evidence(), [own, nation]);
    for (refusal, code) in all().into_iter().filter(|(_, code)| *code != "bought") {
        assert_eq!(refusal.clone().resting_on([own]), refusal, "{code}");
        assert!(refusal.evidence().is_empty(), "{code}");
    }
}

#[test]
fn the_next_date_comes_only_with_bought() {
    for (refusal, code) in all() {
        assert_eq!(refusal.next().is_some(), refusal == bought(Some("2020-02-13")), "{code}");
    }
}

#[test]
fn a_doubt_is_said_in_the_largest_unit_that_fits() {
    for (doubt_s, zh, en) in [
        (301, "可能誤差 6 分鐘", "it may be off by 6 min"),
        (28_860, "可能誤差 9 小時", "it may be off by 9 h"),
        (400 * 86_400, "可能誤差 400 天", "it may be off by 400 days"),
        (u32::MAX, "誤差不明", "nobody knows how far it is off"),
    ] {
        let refusal = Refusal::Clock { doubt_s };
        assert!(refusal.zh().contains(zh) && refusal.en().contains(en), "{refusal}");
        assert!(refusal.zh().contains("連線至中心") && refusal.en().contains("connect to the hub"));
    }
}

#[test]
fn how_old_the_knowledge_is_stands_in_the_refusal_and_what_to_do() {
    for (heard, zh, en) in [
        (Heard::Never, "從未取得全國資料", "nothing is known of the nation yet"),
        (Heard::Now, "全國資料即時", "the nation is known to the second"),
        (ago(3 * 3_600, 0), "全國資料為 3 小時前", "the nation is known as of 3 hours ago"),
        (ago(1_200, 1), "全國資料為 20 分鐘前", "the nation is known as of 20 min ago"),
        (ago(6_000, 0), "全國資料為 1 小時前", "the nation is known as of 1 hour ago"),
        (ago(400_000, 0), "全國資料為 4 天前", "the nation is known as of 4 days ago"),
        (
            ago(600, 28_800),
            "全國資料為 10 分鐘前（最久 8 小時）",
            "the nation is known as of 10 min ago (at most 8 hours)",
        ),
        (
            ago(600, u32::MAX),
            "全國資料為 10 分鐘前（時鐘未確認，可能更久）",
            "the nation is known as of 10 min ago (or longer: the clock is in doubt)",
        ),
    ] {
        assert_eq!((known_zh(heard).as_str(), known_en(heard).as_str()), (zh, en));
        for refusal in [Refusal::KnowledgeTooOld { heard }, Refusal::OnePiece { heard }, Refusal::AskManager { heard }]
        {
            assert!(refusal.zh().starts_with(zh) && refusal.en().starts_with(en), "{refusal}");
            assert!(refusal.zh().contains("連線至中心") && refusal.en().contains("connect to the hub"), "{refusal}");
        }
    }
}

fn ago(age_s: u64, doubt_s: u32) -> Heard {
    Heard::Ago { age_s, doubt_s }
}

#[test]
fn whose_day_it_is_and_when_to_come() {
    let weekdays = ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"];
    for (weekday, date) in weekdays.into_iter().zip(2..) {
        let own = Some(day(&format!("2020-02-{date:02}")));
        let zh = Refusal::Turn { today: TurnDay::Odd, own }.zh();
        assert!(zh.ends_with(&format!("，請於 109/02/{date:02}（{weekday}）起購買")), "{zh}");
    }
    let own = Some(day("2020-02-07"));
    assert_eq!(Refusal::Turn { today: TurnDay::Even, own }.en(), "today is for even numbers; come on 2020-02-07 (Fri)");
}

#[test]
fn m16_the_manuals_words() {
    assert_eq!(Refusal::ClearFirst.zh(), "換個案購買時請先按 清除 後再重新執行 資格審核");
}
