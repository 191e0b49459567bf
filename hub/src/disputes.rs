//! Disputes: somebody was refused and says that it is wrong. Each is a case of its own kind, with the evidence, for an
//! operator to decide (docs/disputes.md).

mod decide;
mod evidence;
mod words;

use shared::entry::{Dispute, Fact, Found, Reading, Staff};
use shared::ids::{CaseId, EntryId, ProgrammeId, SiteCode, VersionName};
use shared::rules::identity::{Document, DocumentKind};
use shared::rules::programme::Text;

use crate::cases::SaleLine;
use crate::hub::{Hub, HubError};
use crate::store::{DecisionRow, DisputeRow};

pub use decide::{BadDecision, Verdict};
pub use words::source;

/// Which disputes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisputeFilter {
    /// Also those that are decided.
    pub decided_too: bool,
    /// At most so many, those received last first; 0 for all.
    pub limit: usize,
}

/// How a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeState {
    /// Nobody has decided.
    Waiting,
    /// The person was right: what was found does not count.
    Granted,
    /// The person stays refused.
    Rejected,
}

impl DisputeState {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Rejected => "rejected",
        }
    }
}

/// A dispute in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeSummary {
    /// Its case.
    pub id: CaseId,
    /// The site's entry: its number on the slip.
    pub entry: EntryId,
    /// The programme.
    pub programme: ProgrammeId,
    /// What the screens call it.
    pub title: Text,
    /// Where the person was refused.
    pub site: SiteCode,
    /// The site's name.
    pub site_name: String,
    /// When, as the site knew it, seconds since 1970.
    pub filed: i64,
    /// How far that may be off, in seconds; `u32::MAX` where nobody knows.
    pub doubt_s: u32,
    /// When the hub received it.
    pub received: i64,
    /// The person's number, masked.
    pub person: String,
    /// The kind of document shown.
    pub kind: DocumentKind,
    /// How it stands.
    pub state: DisputeState,
}

/// A dispute with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeDetail {
    /// What the list says.
    pub line: DisputeSummary,
    /// By whom it was filed.
    pub by: Staff,
    /// How the document was read.
    pub reading: Reading,
    /// The version that the site refused by.
    pub version: VersionName,
    /// How far the site's knowledge of the nation reached.
    pub watermark: u64,
    /// What the site knew.
    pub found: Vec<Found>,
    /// What the person says.
    pub reason: String,
    /// Every sale to this person that a window may have reached, in the order that decides.
    pub sales: Vec<SaleLine>,
    /// Every decision, the one that holds first.
    pub decisions: Vec<DecisionLine>,
    /// The whole dispute in a few sentences.
    pub summary: Text,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionLine {
    /// Which way.
    pub granted: bool,
    /// What the operator says.
    pub words: String,
    /// Who.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}

/// A dispute as its entry has it.
struct Filed {
    dispute: Dispute,
    by: Staff,
    person: Document,
}

impl Hub {
    /// Disputes, those received last first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn disputes(&self, filter: &DisputeFilter) -> Result<Vec<DisputeSummary>, HubError> {
        let mut rows = self.store.disputes()?;
        rows.sort_by_key(|row| (std::cmp::Reverse(row.received), row.id));
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
        let mut out = Vec::new();
        for row in rows {
            if out.len() >= limit {
                break;
            }
            let state = state(&self.store.decisions(&row.id)?);
            if filter.decided_too || state == DisputeState::Waiting {
                out.push(self.dispute_line(&row, &self.filed(&row)?, state)?);
            }
        }
        Ok(out)
    }

    /// A dispute with its evidence; none where there is no such dispute.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn dispute(&self, id: &CaseId) -> Result<Option<DisputeDetail>, HubError> {
        let Some(row) = self.store.dispute(id)? else {
            return Ok(None);
        };
        let filed = self.filed(&row)?;
        let decisions = self.store.decisions(id)?;
        let line = self.dispute_line(&row, &filed, state(&decisions))?;
        let sales = self.evidence(&row)?;
        let summary = words::summary(&line, &filed.dispute.found, &sales);
        let Filed { dispute, by, person: _ } = filed;
        let decision = |row: DecisionRow| DecisionLine {
            granted: row.granted,
            words: row.words,
            by: row.author,
            second: row.second,
        };
        Ok(Some(DisputeDetail {
            line,
            by,
            reading: dispute.reading,
            version: dispute.version,
            watermark: dispute.watermark,
            found: dispute.found,
            reason: dispute.reason,
            sales,
            decisions: decisions.into_iter().map(decision).collect(),
            summary,
        }))
    }

    fn dispute_line(&self, row: &DisputeRow, filed: &Filed, state: DisputeState) -> Result<DisputeSummary, HubError> {
        Ok(DisputeSummary {
            id: row.id,
            entry: row.entry,
            title: self.title_on(&row.programme, row.instant)?,
            programme: row.programme.clone(),
            site: row.site,
            site_name: self.site_name(&row.site)?,
            filed: row.instant,
            doubt_s: row.doubt_s,
            received: row.received,
            person: filed.person.masked(),
            kind: filed.person.kind(),
            state,
        })
    }

    /// Whether a case is one of a dispute.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn is_dispute(&self, id: &CaseId) -> Result<bool, HubError> {
        Ok(self.store.dispute(id)?.is_some())
    }

    /// Who filed a dispute; none where there is no such dispute.
    pub(crate) fn disputant(&self, id: &CaseId) -> Result<Option<Document>, HubError> {
        let row = self.store.dispute(id)?;
        row.map(|row| Ok(self.filed(&row)?.person)).transpose()
    }

    /// Reads the entry of a dispute again.
    fn filed(&self, row: &DisputeRow) -> Result<Filed, HubError> {
        let missing = || HubError::Damaged(format!("the dispute {} is missing", row.entry));
        let found = self.find_at(&row.entry, row.pos)?.ok_or_else(missing)?;
        let Fact::Dispute(dispute) = found.entry.fact else {
            return Err(missing());
        };
        let person = self.unseal_again(&row.site, &row.entry, &dispute.document)?;
        Ok(Filed { dispute, by: found.entry.by, person })
    }
}

/// The last word counts.
fn state(decisions: &[DecisionRow]) -> DisputeState {
    match decisions.first() {
        None => DisputeState::Waiting,
        Some(last) if last.granted => DisputeState::Granted,
        Some(_) => DisputeState::Rejected,
    }
}
