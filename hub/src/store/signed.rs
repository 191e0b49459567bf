//! Statements for the hash over the journal and its signatures.

use shared::ids::{ActorId, SiteCode};
use shared::sign::Signature;

use super::read::{bytes, parsed_opt, signed, unsigned};
use super::{Store, StoreError};

/// So many rows apart signatures are kept for good; between two only the newest.
pub(crate) const SIGNED_EVERY: u64 = 1_000;

/// How far the journal is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedRow {
    pub(crate) pos: u64,
    pub(crate) roll: [u8; 32],
    pub(crate) signature: Signature,
}

/// A row of the journal with everything that its hash covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WholeRow {
    pub(crate) pos: u64,
    pub(crate) actor: ActorId,
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) prev: Option<u64>,
    pub(crate) received: i64,
    pub(crate) site: Option<SiteCode>,
    pub(crate) run: Vec<u8>,
}

impl Store {
    /// The last signature over the journal.
    pub(crate) fn last_signed(&self) -> Result<Option<SignedRow>, StoreError> {
        const SQL: &str = "SELECT pos, roll, signature FROM signed ORDER BY pos DESC LIMIT 1";
        self.one(SQL, [], "read how far the journal is signed", signed_row)
    }

    /// Every signature over the journal.
    pub(crate) fn signatures(&self) -> Result<Vec<SignedRow>, StoreError> {
        self.all(
            "SELECT pos, roll, signature FROM signed ORDER BY pos",
            [],
            "read the journal's signatures",
            signed_row,
        )
    }

    /// Signs up to a position; an earlier signature of the same thousand goes.
    pub(crate) fn put_signed(&self, row: &SignedRow) -> Result<(), StoreError> {
        let from = row.pos - row.pos % SIGNED_EVERY;
        self.run("DELETE FROM signed WHERE pos > ?1", [signed(from)], "sign the journal")?;
        let row = (signed(row.pos), &row.roll, &row.signature.0);
        self.run("INSERT OR REPLACE INTO signed VALUES (?1, ?2, ?3)", row, "sign the journal").map(|_| ())
    }

    /// Rows behind a position, whole, at most `limit`.
    pub(crate) fn whole_rows(&self, after: u64, limit: usize) -> Result<Vec<WholeRow>, StoreError> {
        const SQL: &str = "SELECT pos, actor, first, count, prev, received, \
            (SELECT site FROM line WHERE line.id = journal.line), run FROM journal WHERE pos > ?1 ORDER BY pos LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(SQL, (signed(after), limit), "read the journal", |row| {
            Ok(WholeRow {
                pos: unsigned(row, 0)?,
                actor: ActorId(bytes(row, 1)?),
                first: row.get(2)?,
                count: row.get(3)?,
                prev: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                received: row.get(5)?,
                site: parsed_opt(row, 6)?,
                run: row.get(7)?,
            })
        })
    }
}

fn signed_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SignedRow> {
    Ok(SignedRow { pos: unsigned(row, 0)?, roll: bytes(row, 1)?, signature: Signature(bytes(row, 2)?) })
}
