//! A case in plain words, zh-TW and English.

use shared::entry::{Pieces, Reading};
use shared::rules::calendar::{roc_date, roc_minute, taipei_day, taipei_time};
use shared::rules::programme::Text;
use shared::rules::quota::{Finding, FindingKind};
use shared::rules::refusal::{Refusal, off_en, off_zh};

use super::{FindingLine, Knowledge, SaleLine, Times};
use crate::conflict::Effect;

/// A sale's receipt.
pub(super) fn receipt(sale: &SaleLine) -> Text {
    let (zh_extra, en_extra) = extras(sale);
    let effect = match sale.effect {
        Effect::Counts => ("有效", "counts"),
        Effect::Over => ("超額（不計入）", "one too many"),
        Effect::Withdrawn => ("已撤銷", "withdrawn"),
        Effect::Cleared => ("異議成立（不計入）", "cleared by a dispute"),
    };
    let reading = match sale.reading {
        Reading::Card => ("讀卡", "read from the card"),
        Reading::Typed => ("人工輸入", "typed"),
    };
    let verified = if sale.by.verified { ("", "") } else { ("（未驗證）", " (not verified)") };
    let who = if sale.by.name.is_empty() { "—" } else { sale.by.name.as_str() };
    Text {
        zh: format!(
            "{} {}（{}）售出{}；證件：{}，{}；規定版本 {}；經手人 {who}{}{zh_extra}。{}",
            roc_minute(sale.instant),
            sale.site_name,
            sale.site,
            pieces_zh(sale.pieces),
            sale.kind.label_zh(),
            reading.0,
            sale.version,
            verified.0,
            effect.0,
        ),
        en: format!(
            "{}: {} ({}) sold {}; document {}, {}; rules {}; by {who}{}{en_extra}. {}",
            minute(sale.instant),
            sale.site_name,
            sale.site,
            pieces_en(sale.pieces),
            sale.kind.label_en(),
            reading.1,
            sale.version,
            verified.1,
            capital(effect.1),
        ),
    }
}

fn extras(sale: &SaleLine) -> (String, String) {
    let (mut zh, mut en) = (String::new(), String::new());
    if sale.proxied {
        zh.push_str("；由他人代購");
        en.push_str("; carried by a proxy");
    }
    if sale.recorded {
        zh.push_str("；事後補登");
        en.push_str("; recorded afterwards");
    }
    match sale.doubt_s {
        0..=60 => {}
        u32::MAX => {
            zh.push_str("；該站時鐘未曾校正");
            en.push_str("; the site's clock had never been set by the hub");
        }
        doubt => {
            zh.push_str(&format!("；時間未經中心確認，{}", off_zh(doubt)));
            en.push_str(&format!("; the time is not confirmed: {}", off_en(doubt)));
        }
    }
    if sale.ahead {
        zh.push_str("；該時間晚於中心收到之時，該站時鐘當時必定有誤");
        en.push_str("; that is later than the hub received it: the site's clock was wrong");
    }
    (zh, en)
}

/// Why a sale was found.
pub(super) fn finding(
    finding: &Finding,
    sale: &SaleLine,
    because: &[&SaleLine],
    (known, times): (Knowledge, Times),
) -> Text {
    let verdict = match finding.kind {
        FindingKind::Over => ("為超額購買，不計入", "is one too many and does not count"),
        FindingKind::StaleVersion => (
            "依該站當時所知之舊版規定售出，仍計入，不歸責該站",
            "was right under the older rules that its site knew: it counts, and nobody is to blame",
        ),
        FindingKind::DoubtfulTime => (
            "時間可疑，可能為重複購買；仍計入，不歸責任何人，請查明實際時間",
            "may have been one too many, for its time is in doubt: it counts, nobody is to blame, and somebody has to ask when it was",
        ),
    };
    let day = taipei_day(sale.instant);
    Text {
        zh: format!(
            "{} {} 的購買{}：{}{}{}{}",
            roc_date(day),
            sale.site_name,
            verdict.0,
            before_zh(because),
            why_zh(finding),
            known_zh(finding.kind, known),
            times_zh(finding.kind, times),
        ),
        en: format!(
            "The purchase of {day} at {} {}: {}{}{}{}",
            sale.site_name,
            verdict.1,
            before_en(because),
            why_en(finding),
            known_en(finding.kind, known),
            times_en(finding.kind, times),
        ),
    }
}

fn before_zh(because: &[&SaleLine]) -> String {
    let list: Vec<String> = because
        .iter()
        .map(|sale| {
            format!("{} 已於 {} 購買{}", roc_date(taipei_day(sale.instant)), sale.site_name, pieces_zh(sale.pieces))
        })
        .collect();
    if list.is_empty() { String::new() } else { format!("{}；", list.join("、")) }
}

fn before_en(because: &[&SaleLine]) -> String {
    let list: Vec<String> = because
        .iter()
        .map(|sale| format!("{} at {} on {}", pieces_en(sale.pieces), sale.site_name, taipei_day(sale.instant)))
        .collect();
    if list.is_empty() { String::new() } else { format!("bought {}; ", list.join(", ")) }
}

fn why_zh(finding: &Finding) -> String {
    match (&finding.refusal, finding.refusal.next()) {
        (Refusal::Clock { doubt_s }, _) => format!("{}。", off_zh(*doubt_s)),
        (_, Some(next)) => format!("下次購買起日 {}。", roc_date(next)),
        (_, None) => format!("{}。", finding.refusal.zh()),
    }
}

fn why_en(finding: &Finding) -> String {
    match (&finding.refusal, finding.refusal.next()) {
        (Refusal::Clock { doubt_s }, _) => format!("{}.", off_en(*doubt_s)),
        (_, Some(next)) => format!("next eligible on {next}."),
        (_, None) => format!("{}.", finding.refusal.en()),
    }
}

/// A finding on a doubtful time has said so already.
fn times_zh(kind: FindingKind, times: Times) -> &'static str {
    match (kind, times) {
        (FindingKind::Over | FindingKind::StaleVersion, Times::InDoubt) => {
            "時間未經確認，先後或相隔日數不能確定，請查明後再認定。"
        }
        (FindingKind::Over | FindingKind::StaleVersion, Times::Certain) | (FindingKind::DoubtfulTime, _) => "",
    }
}

fn times_en(kind: FindingKind, times: Times) -> &'static str {
    match (kind, times) {
        (FindingKind::Over | FindingKind::StaleVersion, Times::InDoubt) => {
            " The times are in doubt: which came first, or how many days lie between, is not certain."
        }
        (FindingKind::Over | FindingKind::StaleVersion, Times::Certain) | (FindingKind::DoubtfulTime, _) => "",
    }
}

fn known_zh(kind: FindingKind, known: Knowledge) -> &'static str {
    match (kind, known) {
        (FindingKind::StaleVersion | FindingKind::DoubtfulTime, _) => "",
        (FindingKind::Over, Knowledge::SameSite) => "兩筆為同一機構售出，該站應已知情。",
        (FindingKind::Over, Knowledge::Could) => "售出時該站已收到前一筆的全國通知，應可得知。",
        (FindingKind::Over, Knowledge::CouldNot) => {
            "售出時該站尚未收到前一筆的通知（斷線或未同步），無從得知，不歸責該站。"
        }
        (FindingKind::Over, Knowledge::NotPublished) => "前一筆尚未通知各站，該站無從得知，不歸責該站。",
    }
}

fn known_en(kind: FindingKind, known: Knowledge) -> &'static str {
    match (kind, known) {
        (FindingKind::StaleVersion | FindingKind::DoubtfulTime, _) => "",
        (FindingKind::Over, Knowledge::SameSite) => " Both were sold by the same site, which had its own record.",
        (FindingKind::Over, Knowledge::Could) => {
            " The site had been told of the earlier purchase: it could have known."
        }
        (FindingKind::Over, Knowledge::CouldNot) => {
            " The site had not yet been told of the earlier purchase (line down or not yet synced): it could not have known and is not to blame."
        }
        (FindingKind::Over, Knowledge::NotPublished) => {
            " No site had been told of the earlier purchase: it could not have been known and nobody is to blame."
        }
    }
}

/// The whole case.
pub(super) fn summary(sales: &[SaleLine], findings: &[FindingLine]) -> Text {
    let count = |effect: Effect| sales.iter().filter(|sale| sale.effect == effect).count();
    let (counts, over) = (count(Effect::Counts), count(Effect::Over));
    if findings.is_empty() {
        return Text::new(
            "目前沒有超額購買：原有的發現已因撤銷或補登而消失。",
            "Nothing is too many now: what was found has gone.",
        );
    }
    let zh: Vec<&str> = findings.iter().map(|finding| finding.text.zh.as_str()).collect();
    let en: Vec<&str> = findings.iter().map(|finding| finding.text.en.as_str()).collect();
    Text {
        zh: format!("共 {} 筆購買，{counts} 筆有效，{over} 筆超額。{}", counts + over, zh.join(" ")),
        en: format!("{} purchases: {counts} count, {over} too many. {}", counts + over, en.join(" ")),
    }
}

fn pieces_zh(pieces: Pieces) -> String {
    match pieces {
        Pieces { adult, child: 0 } => format!("成人 {adult} 片"),
        Pieces { adult: 0, child } => format!("兒童 {child} 片"),
        Pieces { adult, child } => format!("成人 {adult} 片、兒童 {child} 片"),
    }
}

fn pieces_en(pieces: Pieces) -> String {
    match pieces {
        Pieces { adult, child: 0 } => format!("{adult} adult"),
        Pieces { adult: 0, child } => format!("{child} child"),
        Pieces { adult, child } => format!("{adult} adult and {child} child"),
    }
}

/// Taipei's time of day, to the minute.
fn minute(second: i64) -> String {
    taipei_time(second).format("%Y-%m-%d %H:%M").to_string()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
