//! What the hub knows, as it is shown: JSON for programs, words for people. The console and the
//! commands say the same.

pub mod booking;
mod cases;
mod disputes;
mod rights;
mod site_cases;

use serde_json::{Value, json};
use shared::rules::programme::{Version, Versions, Window};

use crate::hub::{HubStatus, QuarantinedRun};
use crate::operators::Account;
use crate::publish::PublishedVersion;
use crate::registry::{SiteRecord, SiteStatus};

pub use cases::{
    Badge, BookingReceipt, CaseLine, CasePage, Receipt, SaleMention, ahead, booking, case, case_lines, case_summary,
};
pub use disputes::{DecisionWords, DisputeLine, DisputePage, dispute, dispute_lines, dispute_summary};
pub use rights::{StaffCaseLine, issuer, masked_name, notice, rights_words, staff_case, staff_cases, staff_member};
pub use site_cases::{SiteCaseLine, site_case, site_cases};

/// A site and how it stands.
#[must_use]
pub fn site(site: &SiteStatus) -> Value {
    let record = &site.record;
    let stock: Vec<Value> = site
        .stock
        .iter()
        .map(|stock| json!({ "programme": stock.programme.as_str(), "adult": stock.adult, "child": stock.child }))
        .collect();
    json!({
        "code": record.code.as_str(), "name": record.name, "kind": record.kind, "address": record.address,
        "tel": record.tel, "lat": record.lat, "lng": record.lng, "town": record.town,
        "check_digit_fits": record.code.check_digit_fits(), "enrolled": site.enrolled,
        "last_contact": site.last_contact, "entries": site.entries, "quarantined": site.quarantined, "stock": stock,
    })
}

/// An account and how many tokens are good.
#[must_use]
pub fn account(account: &Account, tokens: usize, now: i64) -> Value {
    json!({
        "name": account.name, "role": account.role.name(), "disabled": account.disabled, "tokens": tokens,
        "waits": account.locked > now,
    })
}

/// Whether a site's code, name or address holds all words of a text; 台 and 臺 are one.
#[must_use]
pub fn site_matches(site: &SiteRecord, text: &str) -> bool {
    let own = one_spelling(&format!("{} {} {}", site.code, site.name, site.address));
    one_spelling(text).split_whitespace().all(|word| own.contains(word))
}

/// 台 and 臺 are one, and so are small and capital letters.
pub(crate) fn one_spelling(text: &str) -> String {
    text.replace('台', "臺").to_uppercase()
}

/// 縣市: the first three characters of an address, where they name one.
#[must_use]
pub fn county(site: &SiteRecord) -> Option<String> {
    let first: String = site.address.chars().take(3).collect();
    let first = one_spelling(&first);
    (first.ends_with('縣') || first.ends_with('市')).then_some(first)
}

/// The versions as published, to be asked which is in force.
#[must_use]
pub fn versions(published: Vec<PublishedVersion>) -> Versions {
    let mut versions = Versions::default();
    for published in published {
        versions.insert(published.version);
    }
    versions
}

/// A published version, in short.
#[must_use]
pub fn version(version: &Version) -> Value {
    let window = match version.window {
        Window::Rolling { days } => json!({ "rolling_days": days }),
        Window::Round { number, from, next } => json!({ "round": number, "from": from, "next": next }),
    };
    json!({
        "programme": version.programme.as_str(), "name": version.name.as_str(), "from": version.from,
        "title": { "zh-TW": version.title.zh, "en": version.title.en }, "window": window,
        "one_purchase_per_window": version.one_purchase_per_window,
        "limit": { "adult_card": limits(version.limit.adult_card), "child_card": limits(version.limit.child_card) },
    })
}

fn limits(limits: shared::rules::programme::Limits) -> Value {
    json!({ "adult": limits.adult, "child": limits.child, "mixed": limits.mixed })
}

/// The hub at a glance.
#[must_use]
pub fn status(status: &HubStatus, quarantine: &[QuarantinedRun]) -> Value {
    let quarantine: Vec<Value> = quarantine
        .iter()
        .map(|run| {
            json!({
                "site": run.site.as_str(), "ledger": run.doc, "why": run.why, "second": run.second,
                "bytes": run.bytes, "waits": run.waits,
            })
        })
        .collect();
    json!({
        "life": status.life.to_string(), "journal": status.journal, "feed": status.feed, "sites": status.sites,
        "enrolled": status.enrolled, "entries": status.entries, "cases_open": status.cases_open,
        "quarantined": status.quarantined, "quarantine": quarantine,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_found_by_any_of_their_words() {
        let site = SiteRecord {
            code: "5931102274".parse().unwrap(),
            name: "淡水藥局".to_owned(),
            kind: "pharmacy".to_owned(),
            address: "台北市淡水區中正路1號".to_owned(),
            tel: String::new(),
            lat: None,
            lng: None,
            town: String::new(),
        };
        for text in ["", "淡水", "臺北 藥局", "5931102274", "台北市"] {
            assert!(site_matches(&site, text), "{text}");
        }
        assert!(!site_matches(&site, "淡水 花蓮"));
        assert_eq!(county(&site), Some("臺北市".to_owned()));
    }
}
