//! Statements for the audit. The table itself refuses to be changed.

use shared::audit::Link;
use shared::sign::Signature;

use super::read::{bytes, signed, unsigned};
use super::{Store, StoreError};

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditRow {
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) link: Link,
}

/// Where the audit ends, as the hub signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuditEnd {
    pub(crate) number: u64,
    pub(crate) link: Link,
    pub(crate) signature: Signature,
}

impl Store {
    pub(crate) fn put_audit(&self, row: &AuditRow) -> Result<(), StoreError> {
        let row = (signed(row.number), &row.bytes, &row.link.0);
        self.run("INSERT INTO audit VALUES (?1, ?2, ?3)", row, "write a record of the audit").map(|_| ())
    }

    pub(crate) fn put_audit_end(&self, end: &AuditEnd) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO audit_end VALUES (1, ?1, ?2, ?3)";
        self.run(SQL, (signed(end.number), &end.link.0, &end.signature.0), "sign the audit").map(|_| ())
    }

    pub(crate) fn audit_end(&self) -> Result<Option<AuditEnd>, StoreError> {
        self.one("SELECT number, link, signature FROM audit_end", [], "read where the audit ends", |row| {
            Ok(AuditEnd { number: unsigned(row, 0)?, link: Link(bytes(row, 1)?), signature: Signature(bytes(row, 2)?) })
        })
    }

    /// The last record's number and link.
    pub(crate) fn audit_last(&self) -> Result<Option<(u64, Link)>, StoreError> {
        const SQL: &str = "SELECT number, link FROM audit ORDER BY number DESC LIMIT 1";
        self.one(SQL, [], "read the last record of the audit", |row| Ok((unsigned(row, 0)?, Link(bytes(row, 1)?))))
    }

    /// Records behind a number, at most `limit`.
    pub(crate) fn audit_rows(&self, after: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        const SQL: &str = "SELECT number, bytes, link FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(SQL, (signed(after), limit), "read the audit", |row| {
            Ok(AuditRow { number: unsigned(row, 0)?, bytes: row.get(1)?, link: Link(bytes(row, 2)?) })
        })
    }
}
