//! Disputes, as they are shown.

use serde_json::{Value, json};
use shared::entry::Found;
use shared::rules::calendar::{roc_date, roc_minute};
use shared::rules::programme::Text;

use super::cases::{Badge, Receipt, reading, receipt, sale, text};
use crate::disputes::{DecisionLine, DisputeDetail, DisputeFilter, DisputeState, DisputeSummary, source};
use crate::hub::{Hub, HubError};

/// Of a case's id in a list.
const SHORT: usize = 12;

/// A dispute in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeLine {
    /// Its case.
    pub id: String,
    /// The beginning of its case's id.
    pub short: String,
    /// What the programme is called.
    pub title: Text,
    /// The person's number, masked.
    pub person: String,
    /// The site's code and name.
    pub site: String,
    /// When it was filed, in Taipei.
    pub time: String,
    /// How it stands.
    pub badge: Badge,
}

/// A dispute's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputePage {
    /// Its line.
    pub line: DisputeLine,
    /// The number that the counter and the slip know it by.
    pub entry: String,
    /// The kind of document.
    pub kind: Text,
    /// How the document was read.
    pub reading: Text,
    /// By which rules the person was refused.
    pub version: String,
    /// By whom it was filed.
    pub by: String,
    /// When it reached the hub, in Taipei.
    pub received: String,
    /// What the site knew.
    pub found: Vec<Text>,
    /// What the person says.
    pub reason: String,
    /// The whole dispute in a few sentences.
    pub summary: Text,
    /// Every sale's receipt.
    pub receipts: Vec<Receipt>,
    /// Every decision, the one that holds first.
    pub decisions: Vec<DecisionWords>,
}

/// A decision as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionWords {
    /// Which way.
    pub badge: Badge,
    /// What the operator says.
    pub words: String,
    /// Who.
    pub by: String,
    /// When, in Taipei.
    pub time: String,
}

/// Disputes that wait for a decision, or all of them; those received last first.
///
/// # Errors
/// Where the store fails.
pub fn dispute_lines(hub: &Hub, filter: &DisputeFilter) -> Result<Vec<DisputeLine>, HubError> {
    Ok(hub.disputes(filter)?.iter().map(DisputeLine::from).collect())
}

impl From<&DisputeSummary> for DisputeLine {
    fn from(dispute: &DisputeSummary) -> Self {
        let id = dispute.id.to_string();
        Self {
            short: id.chars().take(SHORT).collect(),
            id,
            title: dispute.title.clone(),
            person: dispute.person.clone(),
            site: format!("{} {}", dispute.site, dispute.site_name),
            time: roc_minute(dispute.filed),
            badge: badge(dispute.state),
        }
    }
}

impl From<&DisputeDetail> for DisputePage {
    fn from(dispute: &DisputeDetail) -> Self {
        let verified = if dispute.by.verified { "" } else { "（未驗證 not verified）" };
        Self {
            line: DisputeLine::from(&dispute.line),
            entry: dispute.line.entry.to_string(),
            kind: Text::new(dispute.line.kind.label_zh(), dispute.line.kind.label_en()),
            reading: reading(dispute.reading),
            version: dispute.version.to_string(),
            by: format!("{}{verified}", dispute.by.name),
            received: roc_minute(dispute.line.received),
            found: dispute.found.iter().map(found_words).collect(),
            reason: dispute.reason.clone(),
            summary: dispute.summary.clone(),
            receipts: (1..).zip(&dispute.sales).map(|(number, sale)| receipt(number, sale, &[])).collect(),
            decisions: dispute.decisions.iter().map(decision_words).collect(),
        }
    }
}

fn found_words(found: &Found) -> Text {
    let (zh, en) = source(found.source);
    Text { zh: format!("{} {zh}", roc_date(found.day)), en: format!("{} {en}", found.day) }
}

fn decision_words(decision: &DecisionLine) -> DecisionWords {
    let state = if decision.granted { DisputeState::Granted } else { DisputeState::Rejected };
    let (words, by) = (decision.words.clone(), decision.by.clone());
    DecisionWords { badge: badge(state), words, by, time: roc_minute(decision.second) }
}

fn badge(state: DisputeState) -> Badge {
    let (class, zh, en) = match state {
        DisputeState::Waiting => ("doubt", "待裁定", "waiting"),
        DisputeState::Granted => ("counts", "異議成立", "granted"),
        DisputeState::Rejected => ("over", "異議不成立", "rejected"),
    };
    Badge { class, text: Text::new(zh, en) }
}

/// A dispute in a list, as JSON.
#[must_use]
pub fn dispute_summary(dispute: &DisputeSummary) -> Value {
    json!({
        "id": dispute.id.to_string(), "dispute": dispute.entry.to_string(), "programme": dispute.programme.as_str(),
        "site": dispute.site.as_str(), "site_name": dispute.site_name, "filed": dispute.filed,
        "doubt_s": (dispute.doubt_s != u32::MAX).then_some(dispute.doubt_s), "received": dispute.received,
        "person": dispute.person, "kind": dispute.kind.code(), "state": dispute.state.code(),
    })
}

/// A dispute with its evidence, as JSON.
#[must_use]
pub fn dispute(dispute: &DisputeDetail) -> Value {
    let found = |found: &Found| json!({ "day": found.day.to_string(), "source": found.source.code() });
    let decision = |decision: &DecisionLine| {
        json!({
            "granted": decision.granted, "words": decision.words, "by": decision.by, "second": decision.second,
        })
    };
    let mut value = dispute_summary(&dispute.line);
    value["title"] = text(&dispute.line.title);
    value["summary"] = text(&dispute.summary);
    value["by"] = json!(dispute.by.name);
    value["by_verified"] = json!(dispute.by.verified);
    value["reading"] = json!(dispute.reading.code());
    value["version"] = json!(dispute.version.as_str());
    value["watermark"] = json!(dispute.watermark);
    value["found"] = dispute.found.iter().map(found).collect();
    value["reason"] = json!(dispute.reason);
    value["sales"] = dispute.sales.iter().map(sale).collect();
    value["decisions"] = dispute.decisions.iter().map(decision).collect();
    value
}
