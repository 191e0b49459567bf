//! Statements for cases, findings and what the desks were told.

use std::collections::BTreeSet;

use rusqlite::Row;
use shared::ids::{ActorId, CaseId, EntryId, PersonTag, ProgrammeId};

use super::read::{bytes, damaged, entry_id, parsed, parsed_opt};
use super::{Store, StoreError};
use chrono::NaiveDate;
use shared::rules::quota::FindingKind;

use crate::booking::BookingFault;

const ID_BYTES: usize = 20;
const CASE: &str = "SELECT id, programme, tag, opened, open FROM case_file";

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseRow {
    pub(crate) id: CaseId,
    pub(crate) programme: ProgrammeId,
    pub(crate) tag: PersonTag,
    pub(crate) opened: i64,
    pub(crate) open: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Of a sale.
    Sale(FindingKind),
    /// Of a booking.
    Booking(BookingFault),
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Sale(FindingKind::Over),
        Self::Sale(FindingKind::StaleVersion),
        Self::Sale(FindingKind::DoubtfulTime),
        Self::Booking(BookingFault::Over),
        Self::Booking(BookingFault::NotEligible),
        Self::Booking(BookingFault::NumberTwice),
        Self::Booking(BookingFault::NumberNotLent),
        Self::Booking(BookingFault::AttendedElsewhere),
    ];

    /// Its place in the list, from 1, is its number on the disk.
    fn number(self) -> i64 {
        Self::ALL.iter().zip(1..).find(|(one, _)| **one == self).map_or(0, |(_, number)| number)
    }

    /// As the canonical dump has it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Sale(FindingKind::Over) => "over",
            Self::Sale(FindingKind::StaleVersion) => "stale",
            Self::Sale(FindingKind::DoubtfulTime) => "doubtful",
            Self::Booking(fault) => fault.code(),
        }
    }
}

/// A finding of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FindingRow {
    /// Or the booking.
    pub(crate) sale: EntryId,
    pub(crate) kind: Kind,
    pub(crate) code: String,
    pub(crate) next: Option<NaiveDate>,
    pub(crate) because: Vec<EntryId>,
}

impl Store {
    /// Keeps a case: open as long as anything is found of it.
    pub(crate) fn put_case(&self, row: &CaseRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO case_file VALUES (?1, ?2, ?3, ?4, EXISTS (SELECT 1 FROM finding WHERE id = ?1)) \
            ON CONFLICT DO UPDATE SET open = excluded.open";
        let row = (&row.id.0, row.programme.as_str(), &row.tag.0, row.opened);
        self.run(SQL, row, "keep a case").map(|_| ())
    }

    pub(crate) fn case(&self, id: &CaseId) -> Result<Option<CaseRow>, StoreError> {
        self.one(&format!("{CASE} WHERE id = ?1"), [&id.0], "read a case", case)
    }

    /// All cases by id.
    pub(crate) fn cases(&self) -> Result<Vec<CaseRow>, StoreError> {
        self.all(&format!("{CASE} ORDER BY id"), [], "read the cases", case)
    }

    /// How many cases are open.
    pub(crate) fn count_open_cases(&self) -> Result<u64, StoreError> {
        let count = self.one("SELECT count(*) FROM case_file WHERE open = 1", [], "count cases", |row| {
            super::read::unsigned(row, 0)
        })?;
        Ok(count.unwrap_or(0))
    }

    /// Replaces what was found of the sales that were judged again.
    pub(crate) fn set_findings(
        &self,
        id: &CaseId,
        judged: &BTreeSet<EntryId>,
        findings: &[FindingRow],
    ) -> Result<(), StoreError> {
        for sale in judged {
            const SQL: &str = "DELETE FROM finding WHERE id = ?1 AND actor = ?2 AND seq = ?3";
            self.run(SQL, (&id.0, &sale.actor.0, sale.seq), "forget findings")?;
        }
        self.put_findings(id, findings)
    }

    /// Replaces what was found of a person's doubtful times; gives whether there is or was anything.
    pub(crate) fn set_doubtful(&self, id: &CaseId, findings: &[FindingRow]) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM finding WHERE id = ?1 AND kind = ?2";
        let gone = self.run(SQL, (&id.0, Kind::Sale(FindingKind::DoubtfulTime).number()), "forget doubtful times")?;
        self.put_findings(id, findings)?;
        Ok(gone > 0 || !findings.is_empty())
    }

    fn put_findings(&self, id: &CaseId, findings: &[FindingRow]) -> Result<(), StoreError> {
        for finding in findings {
            let because: Vec<u8> = finding.because.iter().flat_map(id_bytes).collect();
            let next = finding.next.map(|day| day.to_string());
            let kind = finding.kind.number();
            let sale = finding.sale;
            let row = (&id.0, &sale.actor.0, sale.seq, kind, &finding.code, next, because);
            self.run("INSERT INTO finding VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", row, "keep a finding")?;
        }
        Ok(())
    }

    /// A case's findings by sale.
    pub(crate) fn findings(&self, id: &CaseId) -> Result<Vec<FindingRow>, StoreError> {
        const SQL: &str = "SELECT actor, seq, kind, code, next, because FROM finding WHERE id = ?1 \
            ORDER BY actor, seq, kind";
        self.all(SQL, [&id.0], "read findings", finding)
    }

    /// Whether the desk was told last that a sale is over.
    pub(crate) fn told(&self, sale: &EntryId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT over FROM told WHERE actor = ?1 AND seq = ?2";
        let told = self.one(SQL, (&sale.actor.0, sale.seq), "look what the desk was told", |row| row.get(0))?;
        Ok(told.unwrap_or(false))
    }

    pub(crate) fn set_told(&self, sale: &EntryId, over: bool) -> Result<(), StoreError> {
        let row = (&sale.actor.0, sale.seq, over);
        self.run("INSERT OR REPLACE INTO told VALUES (?1, ?2, ?3)", row, "note what the desk was told").map(|_| ())
    }
}

pub(super) fn id_bytes(id: &EntryId) -> [u8; ID_BYTES] {
    let mut out = [0; ID_BYTES];
    let bytes = id.actor.0.into_iter().chain(id.seq.to_be_bytes());
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    out
}

pub(super) fn id_of(bytes: &[u8; ID_BYTES]) -> Option<EntryId> {
    let (actor, seq) = bytes.split_first_chunk::<16>()?;
    Some(EntryId { actor: ActorId(*actor), seq: u32::from_be_bytes(seq.try_into().ok()?) })
}

fn case(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    Ok(CaseRow {
        id: CaseId(bytes(row, 0)?),
        programme: parsed(row, 1)?,
        tag: PersonTag(bytes(row, 2)?),
        opened: row.get(3)?,
        open: row.get(4)?,
    })
}

fn finding(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    let kind: i64 = row.get(2)?;
    let because: Vec<u8> = row.get(5)?;
    Ok(FindingRow {
        sale: entry_id(row, 0)?,
        kind: Kind::ALL
            .into_iter()
            .find(|known| known.number() == kind)
            .ok_or_else(|| damaged(2, StoreError::Damaged(format!("finding of kind {kind}"))))?,
        code: row.get(3)?,
        next: parsed_opt(row, 4)?,
        because: because.as_chunks::<ID_BYTES>().0.iter().filter_map(id_of).collect(),
    })
}
