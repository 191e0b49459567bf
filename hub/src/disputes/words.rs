//! A dispute in plain words, zh-TW and English.

use shared::entry::{Found, Source};
use shared::rules::calendar::{roc_date, roc_minute, taipei_day, taipei_time};
use shared::rules::programme::Text;

use super::{DisputeState, DisputeSummary};
use crate::cases::SaleLine;
use crate::conflict::Effect;

/// What the site knew beside what the hub knows.
pub(super) fn summary(line: &DisputeSummary, found: &[Found], sales: &[SaleLine]) -> Text {
    let state = match line.state {
        DisputeState::Waiting => ("尚待裁定。", "It waits for a decision."),
        DisputeState::Granted => ("異議成立，所列購買不再計入。", "It was granted: these purchases do not count."),
        DisputeState::Rejected => ("異議不成立。", "It was rejected."),
    };
    let (zh_none, en_none) = without_sale(found, sales);
    let live = sales.iter().filter(|sale| sale.effect != Effect::Withdrawn).count();
    let when = taipei_time(line.filed).format("%Y-%m-%d %H:%M");
    Text {
        zh: format!(
            "{} 於 {} 遭拒，該站所知：{}。中心查得此人同一期間 {live} 筆購買。{zh_none}{}",
            roc_minute(line.filed),
            line.site_name,
            listed(found, "；", day_zh),
            state.0,
        ),
        en: format!(
            "Refused on {when} at {}, which knew of: {}. Purchases of this person in the same window that the hub \
             knows of: {live}. {en_none}{}",
            line.site_name,
            listed(found, "; ", day_en),
            state.1,
        ),
    }
}

/// Days on which the site found something and the hub has no sale to this person: a fingerprint of somebody else's.
fn without_sale(found: &[Found], sales: &[SaleLine]) -> (String, String) {
    let there = |found: &&Found| sales.iter().any(|sale| taipei_day(sale.instant) == found.day);
    let none: Vec<Found> = found.iter().filter(|found| !there(found)).copied().collect();
    if none.is_empty() {
        return (String::new(), String::new());
    }
    let zh = listed(&none, "、", |found| roc_date(found.day));
    let en = listed(&none, ", ", |found| found.day.to_string());
    (
        format!("{zh} 中心並無此人的購買：該筆命中應屬他人（指紋誤中），或尚未上傳。"),
        format!(
            "Of {en} the hub has no purchase of this person: the hit is somebody else's fingerprint, or has not \
             reached the hub. "
        ),
    )
}

fn listed(found: &[Found], between: &str, one: impl Fn(&Found) -> String) -> String {
    if found.is_empty() { "—".to_owned() } else { found.iter().map(one).collect::<Vec<_>>().join(between) }
}

fn day_zh(found: &Found) -> String {
    format!("{}（{}）", roc_date(found.day), source(found.source).0)
}

fn day_en(found: &Found) -> String {
    format!("{} ({})", found.day, source(found.source).1)
}

/// Whence a site knew of a purchase, in Chinese and in English.
#[must_use]
pub fn source(source: Source) -> (&'static str, &'static str) {
    match source {
        Source::Own => ("本站售出", "the site's own sale"),
        Source::Nation => ("全國名單", "the nation's list"),
    }
}
