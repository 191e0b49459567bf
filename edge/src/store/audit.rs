//! The audit: records in the order in which they were linked.

use rusqlite::Row;
use shared::audit::{Link, Linked, Record};

use super::{Store, StoreError, all, failed, log::pos, one};

/// A row as it is kept; whether it is a record the node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditRow {
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) link: Vec<u8>,
}

impl Store {
    /// The number and the link of the last record.
    pub(crate) fn audit_end(&self) -> Result<Option<AuditRow>, StoreError> {
        let sql = "SELECT number, bytes, link FROM audit ORDER BY number DESC LIMIT 1";
        one(&self.conn, sql, [], row).map_err(failed("read the end of the audit"))
    }

    /// Some records behind a number, and their links.
    pub(crate) fn audit_behind(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let sql = "SELECT number, bytes, link FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2";
        all(&self.conn, sql, (after.cast_signed(), limit), row).map_err(failed("read the audit"))
    }

    /// One more, durably.
    pub(crate) fn put_audit(&mut self, linked: &Linked) -> Result<(), StoreError> {
        let Linked { record, link } = linked;
        let sql = "INSERT INTO audit (number, bytes, link) VALUES (?1, ?2, ?3)";
        let done = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut insert| insert.execute((record.number.cast_signed(), record.bytes(), link.0)));
        done.map(drop).map_err(failed("write the audit"))
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow { number: pos(row, 0)?, bytes: row.get(1)?, link: row.get(2)? })
}

impl AuditRow {
    /// The record, where the row holds one.
    pub(crate) fn linked(&self) -> Option<Linked> {
        let record = Record::parse(&self.bytes).ok().filter(|record| record.number == self.number)?;
        Some(Linked { record, link: Link(self.link.as_slice().try_into().ok()?) })
    }
}
