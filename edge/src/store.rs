//! The edge's disk: the only place with SQL (docs/architecture.md).
//!
//! SQLite in WAL with `synchronous=FULL`; the mode that came back is compared, because a file
//! system that cannot do it answers with another mode and no error. One transaction a sale: one
//! row of the log and one row of the quota.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Days, NaiveDate};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Row, ffi, types::Type};
use shared::ids::SiteCode;

mod audit;
mod commit;
mod digests;
mod disputes;
mod down;
mod history;
mod log;
mod nation;
mod once;
mod own;
mod programmes;

pub use commit::Committed;
pub(crate) use commit::{Carried, Chain, Entry, Quota, Write};
pub(crate) use digests::{DigestDayRow, LayersRow, ManifestRow};
pub(crate) use down::{DownRow, KeptRow};
pub(crate) use history::OwnSale;
pub(crate) use log::{LogRow, RawRow, Way};
pub(crate) use nation::{KeptGroup, Progress};
pub(crate) use once::{Once, QuarantinedRun};
pub(crate) use own::ReceiptRow;
pub(crate) use programmes::Programmes;

mod migrations {
    //! Forward only; `schema.sql` is their sum.
    refinery::embed_migrations!("migrations");
}

/// How long to wait for an owner that is just ending.
const BUSY: Duration = Duration::from_millis(500);
/// Statements that are kept ready; more than there are.
const STATEMENTS_MAX: usize = 48;
/// Pages of a store in memory are small, because a replay holds thousands of stores.
const MEMORY_PAGE_BYTES: u32 = 1_024;

/// A fault of the disk or of what is on it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("open the store {path}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: rusqlite::Error,
    },
    /// The file system does not give what durability needs.
    #[error("the store {path} has {setting} {got:?}, needed is {needed:?}: move it to a local disk")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Which setting.
        setting: &'static str,
        /// What SQLite answered.
        got: String,
        /// What it must be.
        needed: &'static str,
    },
    /// The schema cannot be brought up to date.
    #[error("bring the store's schema up to date")]
    Migrate(#[source] Box<refinery::Error>),
    /// The store is another site's.
    #[error("the store belongs to site {found}, not to {wanted}")]
    OtherSite {
        /// In the store.
        found: String,
        /// Asked for.
        wanted: SiteCode,
    },
    /// SQLite failed.
    #[error("{deed}")]
    Sql {
        /// What was being done.
        deed: &'static str,
        /// Why it failed.
        #[source]
        cause: rusqlite::Error,
    },
}

/// Makes the error of a deed.
fn failed(deed: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |cause| StoreError::Sql { deed, cause }
}

/// The site's store.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
}

impl Store {
    /// Opens or makes the store at `path`.
    ///
    /// # Errors
    /// Where the file cannot be opened, is not durable, or has a schema of the future.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let open = |cause| StoreError::Open { path: path.to_owned(), cause };
        let mut conn = Connection::open(path).map_err(open)?;
        conn.busy_timeout(BUSY).map_err(open)?;
        // One owner: no other process may look in while the node runs, and none of the locks is needed.
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(open)?;
        let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(open)?;
        expect(path, "journal_mode", mode, "wal")?;
        conn.pragma_update(None, "synchronous", "FULL").map_err(open)?;
        let level: i64 = conn.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(open)?;
        expect(path, "synchronous", level.to_string(), "2")?;
        check_history(&conn).map_err(failed("read which schema the store has"))?;
        // One transaction for the schema and the note that it is there: a crash between the two would leave a store
        // that nobody can open again.
        let runner = migrations::migrations::runner().set_grouped(true);
        runner.run(&mut conn).map_err(|cause| StoreError::Migrate(Box::new(cause)))?;
        Self::over(conn)
    }

    /// A store that is gone with the process: for replays and tests.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn in_memory() -> Result<Self, StoreError> {
        let conn = Connection::open_in_memory().map_err(failed("open a store in memory"))?;
        conn.pragma_update(None, "page_size", MEMORY_PAGE_BYTES).map_err(failed("set the page size"))?;
        let runner = migrations::migrations::runner();
        for sql in runner.get_migrations().iter().filter_map(refinery::Migration::sql) {
            conn.execute_batch(sql).map_err(failed("make the schema"))?;
        }
        Self::over(conn)
    }

    /// Another store in memory with the same content: an old image to restore, for simulations only.
    ///
    /// # Errors
    /// Where SQLite fails.
    #[doc(hidden)]
    pub fn image(&self) -> Result<Self, StoreError> {
        let mut conn = Connection::open_in_memory().map_err(failed("open a store in memory"))?;
        conn.pragma_update(None, "page_size", MEMORY_PAGE_BYTES).map_err(failed("set the page size"))?;
        {
            let backup = rusqlite::backup::Backup::new(&self.conn, &mut conn).map_err(failed("copy a store"))?;
            backup.step(-1).map_err(failed("copy a store"))?;
        }
        Self::over(conn)
    }

    fn over(conn: Connection) -> Result<Self, StoreError> {
        conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        // Else SQLite parses a cached statement again whenever a bound value might change its plan.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(failed("keep the plans of statements"))?;
        Ok(Self { conn })
    }

    /// Does several things or none of them.
    fn all_or_nothing<T>(
        &self,
        deed: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let step = |sql: &str| self.conn.prepare_cached(sql)?.execute([]);
        step("BEGIN IMMEDIATE").map_err(failed(deed))?;
        let done = work(&self.conn).and_then(|value| step("COMMIT").map(|_| value));
        if done.is_err() && !self.conn.is_autocommit() {
            // The error that led here is the one to tell.
            let _ = step("ROLLBACK");
        }
        done.map_err(failed(deed))
    }
}

/// The library panics over a history that it did not write; a rotten disk may hold one.
fn check_history(conn: &Connection) -> rusqlite::Result<()> {
    if !conn.table_exists(None, "refinery_schema_history")? {
        return Ok(());
    }
    let read = |row: &Row<'_>| {
        let (when, sum): (String, String) = (row.get(0)?, row.get(1)?);
        let is_ours = chrono::DateTime::parse_from_rfc3339(&when).is_ok() && sum.parse::<u64>().is_ok();
        if is_ours { Ok(()) } else { Err(shape(0, Type::Text, "a schema's history")) }
    };
    all(conn, "SELECT applied_on, checksum FROM refinery_schema_history", [], read).map(drop)
}

fn expect(path: &Path, setting: &'static str, got: String, needed: &'static str) -> Result<(), StoreError> {
    if got.eq_ignore_ascii_case(needed) {
        return Ok(());
    }
    Err(StoreError::Mode { path: path.to_owned(), setting, got, needed })
}

/// A query for one row that may not be there.
fn one<T>(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    conn.prepare_cached(sql)?.query_row(params, read).optional()
}

/// A query for rows.
fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// A column that does not hold what we write there.
fn shape(column: usize, kind: Type, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, what.into())
}

/// A column with a name of ours.
fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize, what: &'static str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| shape(column, Type::Text, what))
}

/// Hashes one behind the other.
fn hashes(bytes: &[u8], column: usize) -> rusqlite::Result<Vec<shared::ids::ChangeHash>> {
    let (chunks, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(shape(column, Type::Blob, "hashes of 32 bytes"));
    }
    Ok(chunks.iter().map(|hash| shared::ids::ChangeHash(*hash)).collect())
}

fn joined(hashes: &[shared::ids::ChangeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Days since 1970.
fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

fn day_of(row: &Row<'_>, column: usize) -> rusqlite::Result<NaiveDate> {
    let days: i64 = row.get(column)?;
    let epoch = NaiveDate::default();
    let day = match u64::try_from(days) {
        Ok(after) => epoch.checked_add_days(Days::new(after)),
        Err(_) => epoch.checked_sub_days(Days::new(days.unsigned_abs())),
    };
    day.ok_or_else(|| shape(column, Type::Integer, "a day"))
}

/// Whether the disk is full, which people can mend.
#[must_use]
pub fn is_disk_full(error: &StoreError) -> bool {
    let StoreError::Sql { cause, .. } = error else {
        return false;
    };
    cause.sqlite_error_code() == Some(ffi::ErrorCode::DiskFull)
}

#[cfg(test)]
mod tests;
