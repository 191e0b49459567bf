//! The hub's disk: embedded SQLite. The only place with SQL.
//!
//! WAL with `synchronous=FULL`, and the returned mode compared: with an injected error SQLite
//! answers `delete` without one (RELIABILITY, fact 2). Every write of the hub is one transaction
//! that takes the write lock at its beginning, so that several processes may share a file.

mod audit;
mod booking;
mod cases;
mod digests;
mod disputes;
mod feed;
mod identities;
mod journal;
mod lives;
mod operators;
mod quarantine;
mod read;
mod registry;
mod rights;
mod sales;
mod signed;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

pub(crate) use audit::{AuditEnd, AuditRow};
pub(crate) use booking::{
    AnswerRow, AttendedRow, BookingRow, CancelledRow, LeaseRow, ListRow, NumbersRow, ReturnedRow, RoundRow, SlotNumber,
    SlotRow, Standing, WaitingKey,
};
pub(crate) use cases::{CaseRow, FindingRow, Kind};
pub(crate) use digests::{Day as DigestDay, ManifestRow};
pub(crate) use disputes::{DecisionRow, DisputeRow};
pub(crate) use feed::FeedRow;
pub(crate) use journal::{AppendRow, ProgrammeRow, TipRow};
pub(crate) use lives::{Boot, LifeRow};
pub(crate) use operators::{BearerRow, OperatorRow};
pub(crate) use quarantine::QuarantineRow;
pub(crate) use registry::CertificateRow;
pub(crate) use rights::{CardListHead, CardListRow, StaffFactRow};
pub use sales::AheadSale;
pub(crate) use sales::{Counted, SaleRow, WithdrawalRow};
pub(crate) use signed::{SignedRow, WholeRow};

/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(30);
const STATEMENTS_CACHED: usize = 128;
const PRAGMAS: &str = "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-131072; \
    PRAGMA wal_autocheckpoint=16384; PRAGMA journal_size_limit=134217728; PRAGMA temp_store=MEMORY;";

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite.
    #[error("{deed}")]
    Sqlite {
        /// What was being done.
        deed: &'static str,
        /// What SQLite said.
        #[source]
        cause: rusqlite::Error,
    },
    /// The schema could not be brought up to date.
    #[error("bring the store's schema up to date")]
    Migrate(#[source] Box<refinery::Error>),
    /// SQLite did not enter the mode in which commits survive a power cut.
    #[error("the store is in journal mode {0:?}, not \"wal\": its disk or folder does not allow it")]
    Mode(String),
    /// A row holds what this program never wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// The open store.
pub struct Store {
    conn: Connection,
    /// SQLite's count of other connections' commits, as last seen.
    seen: i64,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(…)")
    }
}

/// Names the deed of a failed statement.
fn deed(deed: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |cause| StoreError::Sqlite { deed, cause }
}

impl Store {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// Where the file cannot be opened, is no store of ours, or its disk cannot promise durability.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let conn = Connection::open(path).map_err(deed("open the store"))?;
        Self::prepare(conn, "wal")
    }

    /// A store that is gone with the process: for replays and tests.
    ///
    /// # Errors
    /// Where SQLite refuses.
    pub fn in_memory() -> Result<Self, StoreError> {
        let conn = Connection::open_in_memory().map_err(deed("open a store in memory"))?;
        Self::prepare(conn, "memory")
    }

    /// Another store in memory with the same content, for simulations only.
    ///
    /// # Errors
    /// Where SQLite fails.
    #[doc(hidden)]
    pub fn image(&self) -> Result<Self, StoreError> {
        let mut conn = Connection::open_in_memory().map_err(deed("open a store in memory"))?;
        self.copy_into(&mut conn)?;
        Self::prepare(conn, "memory")
    }

    fn prepare(mut conn: Connection, mode: &str) -> Result<Self, StoreError> {
        conn.busy_timeout(BUSY).map_err(deed("set how long to wait"))?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        // Else SQLite parses a cached statement again whenever a bound value might change its plan:
        // half of all the time of an ingest, measured.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(deed("keep the plans of statements"))?;
        let got: String =
            conn.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).map_err(deed("choose the journal mode"))?;
        if got != mode {
            return Err(StoreError::Mode(got));
        }
        conn.execute_batch(PRAGMAS).map_err(deed("set up the store"))?;
        // One transaction for the schema and the note that it is there: a crash between the two would leave a store
        // that nobody can open again.
        let runner = embedded::migrations::runner().set_grouped(true);
        runner.run(&mut conn).map_err(|cause| StoreError::Migrate(Box::new(cause)))?;
        Ok(Self { conn, seen: -1 })
    }

    /// Keeps so many KiB of the file in memory, in place of what a writer keeps.
    pub(crate) fn keep_in_memory(&self, kib: i32) -> Result<(), StoreError> {
        self.conn.pragma_update(None, "cache_size", -kib).map_err(deed("set how much is kept in memory"))
    }

    /// Looks at one moment of the store, whoever writes meanwhile.
    pub(crate) fn snapshot<T, E: From<StoreError>>(&self, look: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.conn.execute_batch("BEGIN").map_err(deed("hold a moment of the store"))?;
        let seen = look();
        self.conn.execute_batch("ROLLBACK").map_err(deed("let go of a moment of the store"))?;
        seen
    }

    /// Copies one moment of the store into a new file, whoever writes meanwhile.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let mut conn = Connection::open(path).map_err(deed("make a backup's file"))?;
        self.copy_into(&mut conn)
    }

    fn copy_into(&self, conn: &mut Connection) -> Result<(), StoreError> {
        let backup = rusqlite::backup::Backup::new(&self.conn, conn).map_err(deed("copy the store"))?;
        backup.step(-1).map(drop).map_err(deed("copy the store"))
    }

    /// Whether SQLite finds every page where it belongs.
    pub(crate) fn is_sound(&self) -> Result<bool, StoreError> {
        let found: String = self
            .conn
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(deed("look whether the store is sound"))?;
        Ok(found == "ok")
    }

    /// Ends with everything in one file.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let Self { conn, .. } = self;
        conn.query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(())).map_err(deed("put everything into one file"))?;
        conn.close().map_err(|(_, cause)| deed("close the store")(cause))
    }

    /// Begins a transaction that may write; says whether anybody else has written since the last.
    pub(crate) fn begin(&mut self) -> Result<bool, StoreError> {
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(deed("begin a transaction"))?;
        let version =
            self.conn.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(deed("look for other writers"))?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }

    /// Makes everything since [`Self::begin`] durable.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.conn.execute_batch("COMMIT").map_err(deed("commit"))
    }

    /// Undoes everything since [`Self::begin`].
    pub(crate) fn roll_back(&mut self) {
        self.seen = -1;
        // Where SQLite has already undone it, there is nothing to do.
        if !self.conn.is_autocommit()
            && let Err(cause) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%cause, "roll back");
        }
    }

    /// A value of the hub itself.
    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], "read a value", |row| row.get(0))
    }

    /// Keeps a value of the hub itself.
    pub(crate) fn set_meta(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.run("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (name, value), "keep a value").map(|_| ())
    }

    /// A value of the hub itself that is a number; none where it is not there.
    pub(crate) fn meta_number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.meta(name)?.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes))
    }

    /// Keeps a number.
    pub(crate) fn set_meta_number(&self, name: &str, number: u64) -> Result<(), StoreError> {
        self.set_meta(name, &number.to_be_bytes())
    }

    /// Forgets every projection. The journal, the registry and the feed stay.
    pub(crate) fn drop_projections(&self) -> Result<(), StoreError> {
        const ALL: &str = "DELETE FROM programme; DELETE FROM sale; DELETE FROM withdrawal; DELETE FROM stock; \
            DELETE FROM case_file; DELETE FROM finding; DELETE FROM told; \
            DELETE FROM dispute; DELETE FROM decision; DELETE FROM cleared; \
            DELETE FROM staff_fact; DELETE FROM deed; DELETE FROM misuse; DELETE FROM void_grant; DELETE FROM staff_case; \
            DELETE FROM issuer; DELETE FROM told_cards; DELETE FROM notice;";
        self.conn.execute_batch(ALL).map_err(deed("forget the projections"))?;
        self.drop_bookings()
    }
}

#[cfg(test)]
mod tests;
