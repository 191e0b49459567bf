//! Statements for runs that could not be taken.

use rusqlite::Row;
use shared::ids::{DocId, EntryId, Incarnation, SiteCode};

use super::read::{bytes, parsed, site, unsigned};
use super::{Store, StoreError};

/// Before the number of a line, among the hub's own values.
const OWED: &str = "owed/";

/// A run that was kept aside.
pub(crate) struct QuarantineRow {
    pub(crate) hash: [u8; 32],
    pub(crate) site: SiteCode,
    pub(crate) incarnation: Incarnation,
    pub(crate) doc: DocId,
    pub(crate) why: String,
    pub(crate) second: i64,
    pub(crate) waits: bool,
    pub(crate) run: Vec<u8>,
}

impl Store {
    /// Keeps a run aside, once.
    pub(crate) fn put_quarantine(&self, row: &QuarantineRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let doc = row.doc.to_string();
        let row = (&row.hash, row.site.as_str(), &row.incarnation.0, doc, &row.why, row.second, row.waits, &row.run);
        self.run(SQL, row, "keep a run aside").map(|_| ())
    }

    /// Whether a run lies aside already.
    pub(crate) fn is_quarantined(&self, hash: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.one("SELECT 1 FROM quarantine WHERE hash = ?1", [hash], "look for a run", |_| Ok(()))?.is_some())
    }

    /// Notes the first entry that a line was refused without being kept, or that there is none any more.
    pub(crate) fn set_owed(&self, line: i64, owed: Option<&EntryId>) -> Result<(), StoreError> {
        let name = format!("{OWED}{line}");
        match owed {
            Some(id) => self.set_meta(&name, id.to_string().as_bytes()),
            None => self.run("DELETE FROM meta WHERE name = ?1", [name], "forget what is owed").map(|_| ()),
        }
    }

    /// What [`Self::set_owed`] noted, by line.
    pub(crate) fn owed(&self) -> Result<Vec<(i64, EntryId)>, StoreError> {
        const SQL: &str = "SELECT CAST(substr(name, 6) AS INTEGER), CAST(value AS TEXT) FROM meta \
            WHERE name >= 'owed/' AND name < 'owed0'";
        self.all(SQL, [], "read what is owed", |row| Ok((row.get(0)?, parsed(row, 1)?)))
    }

    /// A run that waited has been taken, or never can be (`why`).
    pub(crate) fn end_waiting(&self, hash: &[u8; 32], why: Option<&str>) -> Result<(), StoreError> {
        let what = "end a run's waiting";
        match why {
            None => self.run("DELETE FROM quarantine WHERE hash = ?1", [hash], what),
            Some(why) => self.run("UPDATE quarantine SET waits = 0, why = ?2 WHERE hash = ?1", (hash, why), what),
        }
        .map(|_| ())
    }

    /// Runs of a document that wait for others, oldest sequence first where it matters not: by arrival.
    pub(crate) fn waiting(&self, doc: &DocId) -> Result<Vec<QuarantineRow>, StoreError> {
        const SQL: &str = "SELECT hash, site, incarnation, doc, why, second, waits, run FROM quarantine \
            WHERE doc = ?1 AND waits = 1 ORDER BY hash";
        self.all(SQL, [doc.to_string()], "read the runs that wait", row)
    }

    /// Documents in which runs wait.
    pub(crate) fn waiting_docs(&self) -> Result<Vec<DocId>, StoreError> {
        const SQL: &str = "SELECT DISTINCT doc FROM quarantine WHERE waits = 1";
        self.all(SQL, [], "read where runs wait", |row| parsed(row, 0))
    }

    /// The newest runs that were kept aside.
    pub(crate) fn quarantine(&self, limit: usize) -> Result<Vec<QuarantineRow>, StoreError> {
        const SQL: &str = "SELECT hash, site, incarnation, doc, why, second, waits, run FROM quarantine \
            ORDER BY second DESC, hash LIMIT ?1";
        self.all(SQL, [i64::try_from(limit).unwrap_or(i64::MAX)], "read the quarantine", row)
    }

    /// How many runs of each site lie aside.
    pub(crate) fn quarantine_counts(&self) -> Result<Vec<(SiteCode, u64)>, StoreError> {
        const SQL: &str = "SELECT site, count(*) FROM quarantine GROUP BY site";
        self.all(SQL, [], "count the quarantine", |row| Ok((site(row, 0)?, unsigned(row, 1)?)))
    }

    /// How many runs of one site lie aside, and their bytes.
    pub(crate) fn quarantined_of(&self, site: &SiteCode) -> Result<(u64, u64), StoreError> {
        const SQL: &str = "SELECT count(*), ifnull(sum(length(run)), 0) FROM quarantine WHERE site = ?1";
        let read = |row: &Row<'_>| Ok((unsigned(row, 0)?, unsigned(row, 1)?));
        Ok(self.one(SQL, [site.as_str()], "count the quarantine", read)?.unwrap_or((0, 0)))
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<QuarantineRow> {
    Ok(QuarantineRow {
        hash: bytes(row, 0)?,
        site: site(row, 1)?,
        incarnation: Incarnation(bytes(row, 2)?),
        doc: parsed(row, 3)?,
        why: row.get(4)?,
        second: row.get(5)?,
        waits: row.get(6)?,
        run: row.get(7)?,
    })
}
