//! Statements for disputes, decisions and what is cleared.

use chrono::NaiveDate;
use rusqlite::Row;
use shared::ids::{CaseId, EntryId, PersonTag, ProgrammeId, SiteCode};
use shared::rules::quota::Cleared;

use super::read::{bytes, entry_id, parsed, signed, site, unsigned};
use super::{Store, StoreError};

const COLUMNS: &str =
    "SELECT id, actor, seq, site, programme, tag, instant, doubt, watermark, pos, received FROM dispute";

/// A dispute as projected; the rest stands in its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisputeRow {
    pub(crate) id: CaseId,
    pub(crate) entry: EntryId,
    pub(crate) site: SiteCode,
    pub(crate) programme: ProgrammeId,
    pub(crate) tag: PersonTag,
    pub(crate) instant: i64,
    pub(crate) doubt_s: u32,
    pub(crate) watermark: u64,
    pub(crate) pos: u64,
    pub(crate) received: i64,
}

/// A decision as projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionRow {
    pub(crate) id: CaseId,
    pub(crate) pos: u64,
    pub(crate) granted: bool,
    pub(crate) words: String,
    pub(crate) author: String,
    pub(crate) second: i64,
}

impl Store {
    pub(crate) fn put_dispute(&self, dispute: &DisputeRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO dispute VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let row = rusqlite::params![
            &dispute.id.0,
            &dispute.entry.actor.0,
            dispute.entry.seq,
            dispute.site.as_str(),
            dispute.programme.as_str(),
            &dispute.tag.0,
            dispute.instant,
            dispute.doubt_s,
            signed(dispute.watermark),
            signed(dispute.pos),
            dispute.received,
        ];
        self.run(SQL, row, "keep a dispute").map(|_| ())
    }

    pub(crate) fn dispute(&self, id: &CaseId) -> Result<Option<DisputeRow>, StoreError> {
        self.one(&format!("{COLUMNS} WHERE id = ?1"), [&id.0], "read a dispute", dispute)
    }

    /// All disputes by id.
    pub(crate) fn disputes(&self) -> Result<Vec<DisputeRow>, StoreError> {
        self.all(&format!("{COLUMNS} ORDER BY id"), [], "read the disputes", dispute)
    }

    pub(crate) fn put_decision(&self, decision: &DecisionRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO decision VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let DecisionRow { id, pos, granted, words, author, second } = decision;
        self.run(SQL, (&id.0, signed(*pos), granted, words, author, second), "keep a decision").map(|_| ())
    }

    /// The decisions on a dispute, the last first.
    pub(crate) fn decisions(&self, id: &CaseId) -> Result<Vec<DecisionRow>, StoreError> {
        const SQL: &str =
            "SELECT id, pos, granted, words, author, second FROM decision WHERE id = ?1 ORDER BY pos DESC";
        self.all(SQL, [&id.0], "read the decisions on a dispute", |row| {
            Ok(DecisionRow {
                id: CaseId(bytes(row, 0)?),
                pos: unsigned(row, 1)?,
                granted: row.get(2)?,
                words: row.get(3)?,
                author: row.get(4)?,
                second: row.get(5)?,
            })
        })
    }

    /// Replaces what is cleared by a case.
    pub(crate) fn set_cleared(&self, id: &CaseId, cleared: &[Cleared]) -> Result<(), StoreError> {
        self.run("DELETE FROM cleared WHERE id = ?1", [&id.0], "end what a case cleared")?;
        for Cleared { day, upto } in cleared {
            const SQL: &str = "INSERT OR REPLACE INTO cleared VALUES (?1, ?2, ?3)";
            self.run(SQL, (&id.0, day.to_string(), upto), "keep a day that is cleared")?;
        }
        Ok(())
    }

    /// What a case clears, by day.
    pub(crate) fn cleared_by(&self, id: &CaseId) -> Result<Vec<Cleared>, StoreError> {
        const SQL: &str = "SELECT day, upto FROM cleared WHERE id = ?1 ORDER BY day";
        self.all(SQL, [&id.0], "read what a case clears", cleared)
    }

    /// Whether anything is cleared of anybody.
    pub(crate) fn clears(&self) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM cleared LIMIT 1";
        Ok(self.one(SQL, [], "look whether anything is cleared", |_| Ok(()))?.is_some())
    }

    /// What is cleared of a person in a programme, by whatever case.
    pub(crate) fn cleared_of(&self, programme: &ProgrammeId, tag: &PersonTag) -> Result<Vec<Cleared>, StoreError> {
        const SQL: &str = "SELECT cleared.day, cleared.upto FROM dispute JOIN cleared ON cleared.id = dispute.id \
            WHERE dispute.tag = ?1 AND dispute.programme = ?2 ORDER BY cleared.day, cleared.upto";
        self.all(SQL, (&tag.0, programme.as_str()), "read what is cleared of a person", cleared)
    }
}

fn cleared(row: &Row<'_>) -> rusqlite::Result<Cleared> {
    Ok(Cleared { day: parsed::<NaiveDate>(row, 0)?, upto: row.get(1)? })
}

fn dispute(row: &Row<'_>) -> rusqlite::Result<DisputeRow> {
    Ok(DisputeRow {
        id: CaseId(bytes(row, 0)?),
        entry: entry_id(row, 1)?,
        site: site(row, 3)?,
        programme: parsed(row, 4)?,
        tag: PersonTag(bytes(row, 5)?),
        instant: row.get(6)?,
        doubt_s: row.get(7)?,
        watermark: unsigned(row, 8)?,
        pos: unsigned(row, 9)?,
        received: row.get(10)?,
    })
}
