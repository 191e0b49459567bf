//! How site, ledger, line and clock stand: for `/api/v1/status`, `/metrics` and the status line
//! of every page.

use serde_json::{Value, json};
use shared::rules::calendar::{roc_date, roc_minute};
use shared::rules::programme::Text;

use super::Web;
use super::{answer, known};
use crate::fault::Fault;
use crate::node::ask::{Mark, Status};
use crate::uplink::{LineState, LineStatus, Moment};

/// Everything at once.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// The node.
    pub(super) node: Status,
    /// The line.
    pub(super) line: LineStatus,
    /// The monotonic clock when the node was asked.
    pub(super) asked: Moment,
    /// Whether the time is a rehearsal's.
    pub(super) rehearsal: bool,
}

/// The status line of a page, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusLine {
    /// A stable name, for the colour.
    pub(super) state: &'static str,
    /// The line's state.
    pub(super) line_zh: String,
    /// The line's state.
    pub(super) line_en: String,
    /// How old the knowledge of the nation is, and what that allows.
    pub(super) known: Text,
    /// Whether that asks for attention.
    pub(super) known_is_notable: bool,
    /// When something was last exchanged, ROC.
    pub(super) synced: Option<String>,
    /// Why the last line failed; shown while there is none.
    pub(super) failure: Option<(String, String)>,
    /// Entries that the hub has not yet acknowledged.
    pub(super) unsent: u64,
    /// Sales that the hub found one too many.
    pub(super) over: usize,
    /// Runs that the hub put aside.
    pub(super) quarantined: usize,
    /// Why the node does not sell any more.
    pub(super) stopped: Option<String>,
    /// What is said of the time.
    pub(super) mark: Mark,
    /// In a rehearsal: the time it plays.
    pub(super) rehearsal: Option<String>,
}

/// Asks the node and looks at the line.
///
/// # Errors
/// Where the node cannot answer.
pub(super) async fn whole(web: &Web) -> Result<Whole, Fault> {
    let node = web.desk.status().await?;
    let line = web.line.borrow().clone();
    let asked = web.desk.reading().mono_ms;
    Ok(Whole { node, line, asked, rehearsal: web.desk.rehearsal().is_on() })
}

impl Whole {
    /// Entries that the hub has not yet acknowledged.
    pub(super) fn unsent(&self) -> u64 {
        self.node.entries.saturating_sub(self.node.acked)
    }

    /// When a moment of the line was, by the clock that the ledger goes by.
    fn second_of(&self, moment: Moment) -> i64 {
        let ago = i64::try_from(self.asked.saturating_sub(moment) / 1_000).unwrap_or(i64::MAX);
        self.node.now.second.saturating_sub(ago)
    }

    /// For the pages.
    pub(super) fn line_for_pages(&self) -> StatusLine {
        let line = &self.line;
        let failure = match line.state {
            LineState::Dialling | LineState::Waiting => line.last_failure.as_ref(),
            LineState::NotEnrolled | LineState::Cut | LineState::Connected | LineState::Stopped => None,
        };
        StatusLine {
            state: line.state.code(),
            line_zh: line.state.zh().to_owned(),
            line_en: line.state.en().to_owned(),
            known: known::words(&self.node.known, line.state),
            known_is_notable: known::is_notable(&self.node.known),
            synced: line.last_success.map(|moment| roc_minute(self.second_of(moment))),
            failure: failure.map(|failure| (failure.zh.clone(), failure.en.clone())),
            unsent: self.unsent(),
            over: self.node.over,
            quarantined: self.node.quarantined,
            stopped: self.node.stopped.clone(),
            mark: self.node.mark,
            rehearsal: self.rehearsal.then(|| roc_minute(self.node.now.second)),
        }
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let node = &self.node;
        json!({
            "site": node.site.as_str(),
            "name": node.name,
            "incarnation": node.incarnation.to_string(),
            "rehearsal": self.rehearsal,
            "now": answer::rfc3339(node.now.second),
            "today": { "date": node.today.to_string(), "roc": roc_date(node.today) },
            "clock": {
                "beacon_seen": node.beacon_seen,
                "beacon_age_s": node.beacon_age_s,
                "doubt_s": (node.now.doubt_s != u32::MAX).then_some(node.now.doubt_s),
                "in_doubt": answer::mark(node.mark),
            },
            "ledger": {
                "entries": node.entries,
                "acked": node.acked,
                "unsent": self.unsent(),
                "quarantined": node.quarantined,
                "over": node.over,
                "stopped": node.stopped,
            },
            "nation": {
                "watermark": node.watermark, "down": node.down, "days_behind": node.lagging,
                "unheard_sites": node.unheard,
                "known": known::json(&node.known, self.line.state),
            },
            "line": self.line_json(),
            "stock": node.shelves.iter().map(answer::shelf).collect::<Vec<_>>(),
        })
    }

    fn line_json(&self) -> Value {
        let line = &self.line;
        let time = |moment: Option<Moment>| moment.and_then(|moment| answer::rfc3339(self.second_of(moment)));
        json!({
            "state": line.state.code(),
            "zh-TW": line.state.zh(),
            "en": line.state.en(),
            "connected_since": time(line.connected_since),
            "last_success": time(line.last_success),
            "last_attempt": time(line.last_attempt),
            "last_failure": line.last_failure.as_ref().map(|failure| {
                json!({ "at": time(Some(failure.at)), "zh-TW": failure.zh, "en": failure.en })
            }),
        })
    }
}
