//! What there is one of: whose store it is, how far it has come, what time it was.

use rusqlite::{Row, params};
use shared::ids::{Incarnation, SiteCode};
use shared::sign::PublicKey;
use shared::sync::edge::LogPos;
use shared::wire::v1::life::{Began, Parent};

use super::log::pos;
use super::{Store, StoreError, all, failed, one};
use crate::clock::ClockState;

/// How far the exchange has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Once {
    pub(crate) incarnation: Incarnation,
    pub(crate) hub_life: Incarnation,
    pub(crate) down: u64,
    pub(crate) feed: u64,
    pub(crate) acked: LogPos,
    pub(crate) covered: LogPos,
    pub(crate) clock: ClockState,
    /// The length of the log when the clock's state was kept.
    pub(crate) clock_pos: LogPos,
    /// The life that this one goes on from.
    pub(crate) parent: Option<Parent>,
    /// How far what other lives wrote has come back: a position of the hub's journal.
    pub(crate) own: u64,
    /// How long the hub's journal was at the last greeting.
    pub(crate) hub_journal: u64,
    /// The second, at the earliest, at which everything that the hub had told of the nation was here.
    pub(crate) caught: Option<i64>,
    /// By which key the hub signs, as it said at the last greeting.
    pub(crate) hub_signer: Option<PublicKey>,
}

/// A run of the log that the hub did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuarantinedRun {
    pub(crate) first: LogPos,
    pub(crate) last: LogPos,
    pub(crate) why: String,
}

impl Store {
    /// The incarnation that the store was last opened under; `None` for a new store.
    ///
    /// # Errors
    /// Where SQLite fails.
    pub fn incarnation(&self) -> Result<Option<Incarnation>, StoreError> {
        let read = |row: &Row<'_>| row.get(0).map(Incarnation);
        one(&self.conn, "SELECT incarnation FROM self", [], read).map_err(failed("read the incarnation"))
    }

    /// Makes the store this site's, under this incarnation, and reads where it stands.
    pub(crate) fn begin(&mut self, site: SiteCode, incarnation: Incarnation) -> Result<Once, StoreError> {
        let found = one(&self.conn, "SELECT site FROM self", [], |row| row.get::<_, String>(0));
        let found = found.map_err(failed("read whose store it is"))?;
        if let Some(found) = found.filter(|found| found != site.as_str()) {
            return Err(StoreError::OtherSite { found, wanted: site });
        }
        let sql = "INSERT INTO self (one, site, incarnation, hub_life, down, feed, acked, covered, clock_offset_ms,
                clock_high, clock_high_pos) VALUES (1, ?1, ?2, zeroblob(16), 0, 0, 0, 0, 0, 0, 0)
            ON CONFLICT DO NOTHING";
        self.conn.execute(sql, params![site.as_str(), incarnation.0]).map_err(failed("note whose store it is"))?;
        self.renew(incarnation, Began::Stamp)?;
        let once = one(&self.conn, "SELECT * FROM self", [], once).map_err(failed("read where the store stands"))?;
        once.ok_or_else(|| failed("read where the store stands")(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Goes on under another incarnation, unless it is the same.
    pub(crate) fn renew(&mut self, incarnation: Incarnation, began: Began) -> Result<(), StoreError> {
        let sql = "UPDATE self SET parent = incarnation, began = ?2, incarnation = ?1 WHERE incarnation <> ?1";
        let renewed = self.conn.execute(sql, params![incarnation.0, began.code()]);
        renewed.map(drop).map_err(failed("note the incarnation"))
    }

    /// Another life of the hub: everything that came from its positions begins again. Its rules are
    /// kept, before all that the new one will say; what it said of this site goes with it.
    pub(crate) fn forget_hub(&mut self, life: Incarnation) -> Result<(), StoreError> {
        self.all_or_nothing("begin with the hub anew", |conn| {
            conn.execute("DELETE FROM nation", [])?;
            for table in ["day_key", "digest_day", "digest", "layer", "layer_piece"] {
                conn.execute(&format!("DELETE FROM {table}"), [])?;
            }
            conn.execute("DELETE FROM quarantined", [])?;
            conn.execute("DELETE FROM down WHERE doc LIKE 'desk/%'", [])?;
            conn.execute("UPDATE down SET at = at - (SELECT down FROM self)", [])?;
            // It may have forgotten what it gave back: from now on that is ours to give.
            conn.execute("UPDATE chain SET counted = -1 WHERE counted NOT NULL", [])?;
            let sql =
                "UPDATE self SET hub_life = ?1, down = 0, feed = 0, acked = 0, covered = 0, own = 0, hub_journal = 0,
                manifest_made = 0, manifest = 0, jumped = NULL, caught = NULL";
            conn.execute(sql, [life.0])
        })?;
        Ok(())
    }

    /// How far the hub has our log, and how far its feed has counted it.
    pub(crate) fn put_acked(&mut self, acked: LogPos, covered: LogPos) -> Result<(), StoreError> {
        let sql = "UPDATE self SET acked = ?1, covered = ?2";
        let put = self.conn.prepare_cached(sql).and_then(|mut put| put.execute([acked, covered].map(u64::cast_signed)));
        put.map(|_| ()).map_err(failed("note how far the hub has the log"))
    }

    /// How long the hub's journal is.
    pub(crate) fn put_hub_journal(&mut self, journal: u64) -> Result<(), StoreError> {
        let put = self.conn.prepare_cached("UPDATE self SET hub_journal = ?1");
        let put = put.and_then(|mut put| put.execute([journal.cast_signed()]));
        put.map(drop).map_err(failed("note how long the hub's journal is"))
    }

    /// When everything that the hub had told of the nation was here.
    pub(crate) fn put_caught(&mut self, second: i64) -> Result<(), StoreError> {
        let put = self.conn.prepare_cached("UPDATE self SET caught = ?1").and_then(|mut put| put.execute([second]));
        put.map(drop).map_err(failed("note how old the knowledge of the nation is"))
    }

    /// By which key the hub signs.
    pub(crate) fn put_hub_signer(&mut self, signer: &PublicKey) -> Result<(), StoreError> {
        let put = self.conn.execute("UPDATE self SET hub_signer = ?1", [signer.0]);
        put.map(drop).map_err(failed("note by which key the hub signs"))
    }

    /// The clock's correction.
    pub(crate) fn put_clock(&mut self, clock: &ClockState, len: LogPos) -> Result<(), StoreError> {
        let sql = "UPDATE self SET clock_offset_ms = ?1, clock_synced = ?2, clock_high = ?3, clock_high_pos = ?4";
        let values = params![clock.offset_ms, clock.synced_second, clock.high_second, len.cast_signed()];
        let put = self.conn.prepare_cached(sql).and_then(|mut put| put.execute(values));
        put.map(|_| ()).map_err(failed("note the clock's correction"))
    }

    /// Replaces the list of runs that the hub did not take.
    pub(crate) fn put_quarantined(&mut self, runs: &[QuarantinedRun]) -> Result<(), StoreError> {
        self.all_or_nothing("note what the hub did not take", |conn| {
            conn.execute("DELETE FROM quarantined", [])?;
            for run in runs {
                conn.prepare_cached("INSERT INTO quarantined VALUES (?1, ?2, ?3)")?.execute(params![
                    run.first.cast_signed(),
                    run.last.cast_signed(),
                    run.why
                ])?;
            }
            Ok(())
        })
    }

    /// Runs that the hub did not take.
    pub(crate) fn quarantined(&self) -> Result<Vec<QuarantinedRun>, StoreError> {
        let read = |row: &Row<'_>| Ok(QuarantinedRun { first: pos(row, 0)?, last: pos(row, 1)?, why: row.get(2)? });
        let sql = "SELECT first, last, why FROM quarantined ORDER BY first";
        all(&self.conn, sql, [], read).map_err(failed("read what the hub did not take"))
    }
}

fn once(row: &Row<'_>) -> rusqlite::Result<Once> {
    Ok(Once {
        incarnation: Incarnation(row.get("incarnation")?),
        hub_life: Incarnation(row.get("hub_life")?),
        down: row.get::<_, i64>("down")?.cast_unsigned(),
        feed: row.get::<_, i64>("feed")?.cast_unsigned(),
        acked: row.get::<_, i64>("acked")?.cast_unsigned(),
        covered: row.get::<_, i64>("covered")?.cast_unsigned(),
        clock: ClockState {
            offset_ms: row.get("clock_offset_ms")?,
            synced_second: row.get("clock_synced")?,
            high_second: row.get("clock_high")?,
            ..ClockState::default()
        },
        clock_pos: row.get::<_, i64>("clock_high_pos")?.cast_unsigned(),
        parent: parent(row)?,
        own: row.get::<_, i64>("own")?.cast_unsigned(),
        hub_journal: row.get::<_, i64>("hub_journal")?.cast_unsigned(),
        caught: row.get("caught")?,
        hub_signer: row.get::<_, Option<[u8; 32]>>("hub_signer")?.map(PublicKey),
    })
}

fn parent(row: &Row<'_>) -> rusqlite::Result<Option<Parent>> {
    let (incarnation, began) = (row.get::<_, Option<[u8; 16]>>("parent")?, row.get::<_, Option<u8>>("began")?);
    let parent =
        |incarnation| Parent { incarnation: Incarnation(incarnation), began: Began::from_code(began.unwrap_or(0)) };
    Ok(incarnation.map(parent))
}
