//! What the nation bought, as it came with the feed.

use rusqlite::{Connection, Row, params};
use shared::sync::edge::LogPos;
use shared::wire::v1::feed::Item;

use super::own::put_receipts;
use super::{ReceiptRow, Store, StoreError, all, day_number, day_of, failed};
use chrono::NaiveDate;

/// Days of one programme with their sealed keys.
pub(crate) type SealedKey = (i64, NaiveDate, Vec<u8>);

/// How far the feed has come, and what it says of our log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) feed: u64,
    pub(crate) acked: LogPos,
    pub(crate) covered: LogPos,
    /// The hub's receipts since the last write.
    pub(crate) receipts: Vec<ReceiptRow>,
}

/// One programme's day of a batch, ready to be kept.
#[derive(Debug)]
pub(crate) struct KeptGroup<'a> {
    pub(crate) programme: i64,
    pub(crate) day: NaiveDate,
    /// The day's key, sealed, where it is new.
    pub(crate) sealed: Option<Vec<u8>>,
    /// The position of the first item.
    pub(crate) first: u64,
    pub(crate) items: &'a [Item],
}

impl Store {
    /// Keeps parts of the feed, the position behind them and what is known of the line.
    pub(crate) fn put_feed(&mut self, progress: &Progress, groups: &[KeptGroup<'_>]) -> Result<(), StoreError> {
        self.all_or_nothing("keep the nation's feed", |conn| {
            for group in groups {
                put_group(conn, group)?;
            }
            put_progress(conn, progress)
        })
    }

    /// The sealed keys of all days.
    pub(crate) fn day_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, day_of(row, 1)?, row.get(2)?));
        all(&self.conn, "SELECT programme, day, sealed FROM day_key", [], read).map_err(failed("read the day keys"))
    }

    /// Forgets at most `count` people of a day; when nobody is left its key too. Gives whether the day is gone.
    pub(crate) fn forget_day(&mut self, programme: i64, day: NaiveDate, count: u32) -> Result<bool, StoreError> {
        let day = day_number(day);
        self.all_or_nothing("forget an old day", |conn| {
            let some = "DELETE FROM nation WHERE programme = ?1 AND day = ?2 AND (fingerprint, mark, pos) IN
                (SELECT fingerprint, mark, pos FROM nation WHERE programme = ?1 AND day = ?2 LIMIT ?3)";
            let gone = conn.prepare_cached(some)?.execute((programme, day, count))?;
            if gone == usize::try_from(count).unwrap_or(usize::MAX) {
                return Ok(false);
            }
            for of in [
                "DELETE FROM day_key WHERE programme = ?1 AND day = ?2",
                "DELETE FROM layer WHERE id IN (SELECT id FROM digest WHERE programme = ?1 AND day = ?2)",
                "DELETE FROM digest WHERE programme = ?1 AND day = ?2",
                "DELETE FROM digest_day WHERE programme = ?1 AND day = ?2",
            ] {
                conn.prepare_cached(of)?.execute((programme, day))?;
            }
            Ok(true)
        })
    }
}

fn put_group(conn: &Connection, group: &KeptGroup<'_>) -> rusqlite::Result<()> {
    let day = day_number(group.day);
    if let Some(sealed) = &group.sealed {
        conn.prepare_cached("INSERT OR REPLACE INTO day_key VALUES (?1, ?2, ?3)")?.execute(params![
            group.programme,
            day,
            sealed
        ])?;
    }
    let mut put = conn.prepare_cached("INSERT OR REPLACE INTO nation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for (pos, item) in (group.first..).zip(group.items) {
        if item.gone && shared::planted!(GoneForgotten) {
            continue;
        }
        let (print, pieces) = (item.fingerprint.cast_signed(), item.pieces);
        let (pos, gone) = (pos.cast_signed(), item.gone);
        put.execute((group.programme, day, print, item.mark, pos, pieces.adult, pieces.child, gone))?;
    }
    Ok(())
}

/// How far the feed has come, and what it says of our log.
pub(super) fn put_progress(conn: &Connection, progress: &Progress) -> rusqlite::Result<()> {
    put_receipts(conn, &progress.receipts)?;
    let Progress { feed, acked, covered, .. } = *progress;
    conn.prepare_cached("UPDATE self SET feed = ?1, acked = ?2, covered = ?3")?
        .execute([feed, acked, covered].map(u64::cast_signed))?;
    Ok(())
}
