//! Small steps that all statements share: run, read one, read many, and ids as bytes.

use rusqlite::types::FromSql;
use rusqlite::{OptionalExtension, Params, Row};
use shared::ids::{ActorId, ChangeHash, EntryId, SiteCode};

use super::{Store, StoreError, deed};

impl Store {
    /// Runs a statement; gives how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params, what: &'static str) -> Result<usize, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(deed(what))?;
        statement.execute(params).map_err(deed(what))
    }

    /// The first row, if any.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        what: &'static str,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(deed(what))?;
        statement.query_row(params, read).optional().map_err(deed(what))
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        what: &'static str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(deed(what))?;
        let rows = statement.query_map(params, read).map_err(deed(what))?;
        rows.collect::<rusqlite::Result<_>>().map_err(deed(what))
    }
}

/// A damaged cell, as SQLite's own error, so that one kind of error runs through a row's reading.
pub(super) fn damaged(column: usize, what: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(what))
}

/// Text that was parsed before it was written.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|cause| damaged(column, cause))
}

/// Text that was parsed before it was written, or nothing.
pub(super) fn parsed_opt<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => text.parse().map(Some).map_err(|cause| damaged(column, cause)),
        None => Ok(None),
    }
}

/// Bytes of fixed length.
pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    FromSql::column_result(row.get_ref(column)?).map_err(|cause| damaged(column, cause))
}

/// An entry's id in two columns.
pub(super) fn entry_id(row: &Row<'_>, column: usize) -> rusqlite::Result<EntryId> {
    Ok(EntryId { actor: ActorId(bytes(row, column)?), seq: row.get(column + 1)? })
}

/// A change's hash.
pub(super) fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<ChangeHash> {
    bytes(row, column).map(ChangeHash)
}

/// A site's code.
pub(super) fn site(row: &Row<'_>, column: usize) -> rusqlite::Result<SiteCode> {
    parsed(row, column)
}

/// SQLite's integers are signed; positions and counts never come near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Back again.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|cause| damaged(column, cause))
}
