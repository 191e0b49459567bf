//! A case in plain words, zh-TW and English.

use shared::entry::{Pieces, Reading};
use shared::rules::calendar::{roc_date, roc_minute, taipei_day, taipei_time};
use shared::rules::programme::Text;
use shared::rules::quota::{Finding, FindingKind};
use shared::rules::refusal::{Refusal, off_en, off_zh};

use super::{FindingLine, Knew, Knowledge, SaleLine, Times};
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
    if let Some(manager) = &sale.approved_by {
        zh.push_str(&format!("；主管 {manager} 同意（未驗證）"));
        en.push_str(&format!("; {manager} stood for it (not verified)"));
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
    (known, knew, times): (Knowledge, &[Knew], Times),
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
            before_zh(because, each(finding, knew)),
            why_zh(finding),
            known_zh(finding.kind, known),
            times_zh(finding.kind, times),
        ),
        en: format!(
            "The purchase of {day} at {} {}: {}{}{}{}",
            sale.site_name,
            verdict.1,
            before_en(because, each(finding, knew)),
            why_en(finding),
            known_en(finding.kind, known),
            times_en(finding.kind, times),
        ),
    }
}

/// What was known of each of several, where that is not the same of all.
fn each<'a>(finding: &Finding, knew: &'a [Knew]) -> &'a [Knew] {
    let differs = knew.iter().zip(knew.iter().skip(1)).any(|(one, next)| one != next);
    if finding.kind == FindingKind::Over && differs { knew } else { &[] }
}

fn before_zh(because: &[&SaleLine], knew: &[Knew]) -> String {
    let list: Vec<String> = because
        .iter()
        .enumerate()
        .map(|(at, sale)| {
            let knew = match knew.get(at) {
                None => "",
                Some(Knew::Own) => "（該站自有紀錄）",
                Some(Knew::Told) => "（該站當時已知）",
                Some(Knew::NotTold) => "（該站當時未知）",
                Some(Knew::NotPublished) => "（各站當時皆未知）",
                Some(Knew::Unknown) => "（該站是否已知不明）",
            };
            let (day, pieces) = (roc_date(taipei_day(sale.instant)), pieces_zh(sale.pieces));
            format!("{day} 已於 {} 購買{pieces}{knew}", sale.site_name)
        })
        .collect();
    if list.is_empty() { String::new() } else { format!("{}；", list.join("、")) }
}

fn before_en(because: &[&SaleLine], knew: &[Knew]) -> String {
    let list: Vec<String> = because
        .iter()
        .enumerate()
        .map(|(at, sale)| {
            let knew = match knew.get(at) {
                None => "",
                Some(Knew::Own) => " (its own record)",
                Some(Knew::Told) => " (known to it)",
                Some(Knew::NotTold) => " (not known to it)",
                Some(Knew::NotPublished) => " (known to nobody)",
                Some(Knew::Unknown) => " (nobody can say whether it knew)",
            };
            format!("{} at {} on {}{knew}", pieces_en(sale.pieces), sale.site_name, taipei_day(sale.instant))
        })
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
        (FindingKind::Over, Knowledge::Alone) => "此筆本身即超過上限，該站應已知情。",
        (FindingKind::Over, Knowledge::SameSite) => "兩筆為同一機構售出，該站應已知情。",
        (FindingKind::Over, Knowledge::Could) => {
            "該站當時的全國資料已包含前一筆，卻仍售出：與該站自身所知不符，應可得知，請查明原因。"
        }
        (FindingKind::Over, Knowledge::CouldNot) => {
            "該站當時的全國資料尚未包含前一筆（斷線或未同步），無從得知，不歸責該站。"
        }
        (FindingKind::Over, Knowledge::NotPublished) => "前一筆當時尚未通知各站，該站無從得知，不歸責該站。",
        (FindingKind::Over, Knowledge::Recorded) => "此筆為事後補登，售出當時所知並無紀錄，不能認定該站是否知情。",
        (FindingKind::Over, Knowledge::Unknown) => "該站所記的全國資料位置無法查證，不能認定該站是否知情，不歸責該站。",
    }
}

fn known_en(kind: FindingKind, known: Knowledge) -> &'static str {
    match (kind, known) {
        (FindingKind::StaleVersion | FindingKind::DoubtfulTime, _) => "",
        (FindingKind::Over, Knowledge::Alone) => " It was over the limit by itself: the site could see that.",
        (FindingKind::Over, Knowledge::SameSite) => " Both were sold by the same site, which had its own record.",
        (FindingKind::Over, Knowledge::Could) => {
            " The site's knowledge of the nation included the earlier purchase and it sold all the same, against its own knowledge: it could have known, and somebody has to ask why."
        }
        (FindingKind::Over, Knowledge::CouldNot) => {
            " The site's knowledge of the nation ended before the earlier purchase (line down or not yet synced): it could not have known and is not to blame."
        }
        (FindingKind::Over, Knowledge::NotPublished) => {
            " No site had been told of the earlier purchase: it could not have been known and nobody is to blame."
        }
        (FindingKind::Over, Knowledge::Recorded) => {
            " It was written down afterwards, and what the site knew when it sold is not on record: nobody can say whether it could have known."
        }
        (FindingKind::Over, Knowledge::Unknown) => {
            " How far the site's knowledge of the nation reached cannot be verified: nobody can say whether it could have known, and it is not to blame."
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
