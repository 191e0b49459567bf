//! The hub at a glance, for operators and `/metrics`.

use shared::ids::{Incarnation, SiteCode};

use super::{Hub, HubError};

/// Figures of the whole hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubStatus {
    /// The life of its store.
    pub life: Incarnation,
    /// The journal's position.
    pub journal: u64,
    /// The feed's position.
    pub feed: u64,
    /// Sites in the registry.
    pub sites: u64,
    /// Sites with a certificate that is not revoked.
    pub enrolled: u64,
    /// Entries of sites in the journal.
    pub entries: u64,
    /// Cases with a finding.
    pub cases_open: u64,
    /// Runs in quarantine.
    pub quarantined: u64,
}

/// A run that was kept aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedRun {
    /// Who sent it.
    pub site: SiteCode,
    /// For which ledger.
    pub doc: String,
    /// What is wrong.
    pub why: String,
    /// When it came, seconds since 1970.
    pub second: i64,
    /// Its size.
    pub bytes: u64,
    /// Whether it is taken by itself once what it waits for comes.
    pub waits: bool,
}

impl Hub {
    /// The hub at a glance.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn status(&self) -> Result<HubStatus, HubError> {
        let total = |counts: Vec<(SiteCode, u64)>| counts.into_iter().map(|(_, count)| count).sum();
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        Ok(HubStatus {
            life: self.life,
            journal: self.store.journal_position()?,
            feed: self.store.feed_position()?,
            sites: self.store.count_sites()?,
            enrolled: count(self.store.enrolled()?.len()),
            entries: total(self.store.entry_counts()?),
            cases_open: self.store.count_open_cases()?,
            quarantined: total(self.store.quarantine_counts()?),
        })
    }

    /// The newest runs in quarantine.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn quarantine(&self, limit: usize) -> Result<Vec<QuarantinedRun>, HubError> {
        let rows = self.store.quarantine(limit)?.into_iter();
        Ok(rows
            .map(|row| QuarantinedRun {
                site: row.site,
                doc: row.doc.to_string(),
                why: row.why,
                second: row.second,
                bytes: u64::try_from(row.run.len()).unwrap_or(u64::MAX),
                waits: row.waits,
            })
            .collect())
    }
}
