//! The nation's digests: which there are, which are here, and pieces of those that are coming.

use chrono::NaiveDate;
use rusqlite::{Connection, Row, params};
use shared::digest::{LayerId, LayerRef};

use super::nation::put_progress;
use super::{Progress, Store, StoreError, all, day_number, day_of, failed, one};
use crate::nation::{Event, OwnAt};
use shared::entry::Pieces;

/// The newest manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ManifestRow {
    /// When it was made, by the hub's clock; 0 for none.
    pub(crate) made: u64,
    /// Its position of the feed.
    pub(crate) upto: u64,
    /// Of days that it does not name all is known up to here only.
    pub(crate) jumped: Option<u64>,
}

/// A day of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DigestDayRow {
    pub(crate) programme: i64,
    pub(crate) day: NaiveDate,
    pub(crate) is_closed: bool,
    /// So many sites had not been heard since its end.
    pub(crate) unheard: u32,
    /// Where it lags behind the feed: known up to here.
    pub(crate) known: Option<u64>,
    pub(crate) used: LayersRow,
    pub(crate) wanted: LayersRow,
    /// The day's key, sealed, where it is new.
    pub(crate) sealed: Option<Vec<u8>>,
}

/// Some layers of a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LayersRow {
    /// Oldest first.
    pub(crate) layers: Vec<LayerRef>,
    /// What they say is true up to this position of the feed.
    pub(crate) upto: u64,
    /// How much of the own log they hold.
    pub(crate) own: OwnAt,
}

impl Store {
    /// The newest manifest.
    pub(crate) fn manifest(&self) -> Result<ManifestRow, StoreError> {
        let number = |row: &Row<'_>, column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let read = |row: &Row<'_>| {
            let jumped = row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned);
            Ok(ManifestRow { made: number(row, 0)?, upto: number(row, 1)?, jumped })
        };
        let found = one(&self.conn, "SELECT manifest_made, manifest, jumped FROM self", [], read);
        Ok(found.map_err(failed("read how new the digests are"))?.unwrap_or_default())
    }

    /// Keeps what a manifest says of its days; those that it does not name are forgotten.
    pub(crate) fn put_manifest(
        &mut self,
        manifest: ManifestRow,
        progress: &Progress,
        days: &[DigestDayRow],
    ) -> Result<(), StoreError> {
        self.all_or_nothing("keep which digests there are", |conn| {
            conn.execute_batch("DELETE FROM digest_day; DELETE FROM digest")?;
            for row in days {
                put_day(conn, row)?;
            }
            drop_unnamed(conn)?;
            put_progress(conn, progress)?;
            let ManifestRow { made, upto, jumped } = manifest;
            let row = (made.cast_signed(), upto.cast_signed(), jumped.map(u64::cast_signed));
            conn.prepare_cached("UPDATE self SET manifest_made = ?1, manifest = ?2, jumped = ?3")?.execute(row)
        })?;
        Ok(())
    }

    /// Keeps a piece of a layer.
    pub(crate) fn put_piece(&mut self, id: &LayerId, offset: u32, body: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO layer_piece VALUES (?1, ?2, ?3)";
        let put = self.conn.prepare_cached(sql).and_then(|mut put| put.execute(params![id.0, offset, body]));
        put.map(drop).map_err(failed("keep a piece of a digest"))
    }

    /// How much of a layer is here, of what has no hole before it.
    pub(crate) fn pieces_upto(&self, id: &LayerId) -> Result<u32, StoreError> {
        let sql = "SELECT offset, length(body) FROM layer_piece WHERE id = ?1 ORDER BY offset";
        let pieces: Vec<(u32, u32)> = all(&self.conn, sql, [id.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(failed("look how much of a digest is here"))?;
        Ok(pieces.into_iter().fold(0, |upto, (offset, len)| if offset <= upto { upto.max(offset + len) } else { upto }))
    }

    /// The pieces of a layer, joined.
    pub(crate) fn joined_pieces(&self, id: &LayerId) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT body FROM layer_piece WHERE id = ?1 ORDER BY offset";
        let pieces: Vec<Vec<u8>> =
            all(&self.conn, sql, [id.0], |row| row.get(0)).map_err(failed("read the pieces of a digest"))?;
        Ok(pieces.concat())
    }

    /// The pieces are no layer: they come again from the beginning.
    pub(crate) fn drop_pieces(&mut self, id: &LayerId) -> Result<(), StoreError> {
        let dropped = self.conn.prepare_cached("DELETE FROM layer_piece WHERE id = ?1");
        dropped.and_then(|mut drop| drop.execute([id.0])).map(drop).map_err(failed("forget pieces of a digest"))
    }

    /// Keeps a whole layer in place of its pieces.
    pub(crate) fn put_layer(&mut self, id: &LayerId, body: &[u8]) -> Result<(), StoreError> {
        self.all_or_nothing("keep a digest", |conn| {
            conn.prepare_cached("INSERT OR REPLACE INTO layer VALUES (?1, ?2)")?.execute(params![id.0, body])?;
            conn.prepare_cached("DELETE FROM layer_piece WHERE id = ?1")?.execute([id.0])
        })?;
        Ok(())
    }

    /// Changes what is known of a day; layers that none names any more go.
    pub(crate) fn put_digest_day(&mut self, row: &DigestDayRow) -> Result<(), StoreError> {
        self.all_or_nothing("keep what is known of a day", |conn| {
            put_day(conn, row)?;
            drop_unnamed(conn)
        })
    }

    /// A layer as it was kept.
    pub(crate) fn layer(&self, id: &LayerId) -> Result<Option<Vec<u8>>, StoreError> {
        one(&self.conn, "SELECT body FROM layer WHERE id = ?1", [id.0], |row| row.get(0))
            .map_err(failed("read a digest"))
    }

    /// Every day of the manifest.
    pub(crate) fn digest_days(&self) -> Result<Vec<DigestDayRow>, StoreError> {
        let sql = "SELECT programme, day, closed, known, used_upto, used_counted, used_sent, wanted_upto,
            wanted_counted, wanted_sent, unheard FROM digest_day";
        let number = |row: &Row<'_>, column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let layers = |row: &Row<'_>, column: usize| -> rusqlite::Result<LayersRow> {
            let own = OwnAt { counted: number(row, column + 1)?, sent: number(row, column + 2)? };
            Ok(LayersRow { layers: Vec::new(), upto: number(row, column)?, own })
        };
        let read = |row: &Row<'_>| {
            Ok(DigestDayRow {
                programme: row.get(0)?,
                day: day_of(row, 1)?,
                is_closed: row.get(2)?,
                known: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
                used: layers(row, 4)?,
                wanted: layers(row, 7)?,
                unheard: row.get(10)?,
                sealed: None,
            })
        };
        let mut days = all(&self.conn, sql, [], read).map_err(failed("read which digests there are"))?;
        for day in &mut days {
            day.used.layers = self.layers_of(day, true)?;
            day.wanted.layers = self.layers_of(day, false)?;
        }
        Ok(days)
    }

    fn layers_of(&self, row: &DigestDayRow, used: bool) -> Result<Vec<LayerRef>, StoreError> {
        let sql = "SELECT id, bytes, upto FROM digest WHERE programme = ?1 AND day = ?2 AND used = ?3 ORDER BY nth";
        let read = |row: &Row<'_>| {
            Ok(LayerRef { id: LayerId(row.get(0)?), bytes: row.get(1)?, upto: row.get::<_, i64>(2)?.cast_unsigned() })
        };
        let key = (row.programme, day_number(row.day), used);
        all(&self.conn, sql, key, read).map_err(failed("read which digests there are"))
    }

    /// What the feed said of somebody's day behind a position.
    pub(crate) fn nation_events(
        &self,
        programme: i64,
        day: NaiveDate,
        print: u64,
        behind: u64,
    ) -> Result<Vec<Event>, StoreError> {
        let sql = "SELECT pos, mark, adult, child, gone FROM nation
            WHERE programme = ?1 AND day = ?2 AND fingerprint = ?3 AND (pos > ?4 OR ?4 = 0)";
        let read = |row: &Row<'_>| {
            let pieces = Pieces { adult: row.get(2)?, child: row.get(3)? };
            Ok(Event { pos: row.get::<_, i64>(0)?.cast_unsigned(), mark: row.get(1)?, pieces, gone: row.get(4)? })
        };
        let key = (programme, day_number(day), print.cast_signed(), behind.cast_signed());
        all(&self.conn, sql, key, read).map_err(failed("look somebody up in the nation"))
    }

    /// How many items of the feed are kept.
    #[cfg(test)]
    pub(crate) fn nation_len(&self) -> Result<u64, StoreError> {
        let len = one(&self.conn, "SELECT count(*) FROM nation", [], |row| row.get::<_, i64>(0));
        Ok(len.map_err(failed("count the nation's items"))?.map_or(0, i64::cast_unsigned))
    }

    /// Forgets at most `count` items that a digest holds. Gives whether all of them are gone.
    pub(crate) fn forget_digested(
        &mut self,
        programme: i64,
        day: NaiveDate,
        upto: u64,
        count: u32,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM nation WHERE programme = ?1 AND day = ?2 AND (fingerprint, mark, pos) IN
            (SELECT fingerprint, mark, pos FROM nation WHERE programme = ?1 AND day = ?2 AND pos <= ?3 LIMIT ?4)";
        let key = (programme, day_number(day), upto.cast_signed(), count);
        let gone = self.conn.prepare_cached(sql).and_then(|mut forget| forget.execute(key));
        let gone = gone.map_err(failed("forget what a digest holds"))?;
        Ok(gone < usize::try_from(count).unwrap_or(usize::MAX))
    }
}

fn put_day(conn: &Connection, row: &DigestDayRow) -> rusqlite::Result<()> {
    let day = day_number(row.day);
    if let Some(sealed) = &row.sealed {
        let key = params![row.programme, day, sealed];
        conn.prepare_cached("INSERT OR REPLACE INTO day_key VALUES (?1, ?2, ?3)")?.execute(key)?;
    }
    conn.prepare_cached("INSERT OR REPLACE INTO digest_day VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
        .execute(params![
            row.programme,
            day,
            row.is_closed,
            row.known.map(u64::cast_signed),
            row.used.upto.cast_signed(),
            row.used.own.counted.cast_signed(),
            row.used.own.sent.cast_signed(),
            row.wanted.upto.cast_signed(),
            row.wanted.own.counted.cast_signed(),
            row.wanted.own.sent.cast_signed(),
            row.unheard,
        ])?;
    conn.prepare_cached("DELETE FROM digest WHERE programme = ?1 AND day = ?2")?.execute((row.programme, day))?;
    for (used, layers) in [(true, &row.used.layers), (false, &row.wanted.layers)] {
        for (nth, layer) in (0i64..).zip(layers) {
            let row = params![row.programme, day, used, nth, layer.id.0, layer.bytes, layer.upto.cast_signed()];
            conn.prepare_cached("INSERT INTO digest VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(row)?;
        }
    }
    Ok(())
}

/// Layers and pieces that no day names.
fn drop_unnamed(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM layer WHERE id NOT IN (SELECT id FROM digest)")?.execute([])?;
    conn.prepare_cached("DELETE FROM layer_piece WHERE id NOT IN (SELECT id FROM digest)")?.execute([])?;
    Ok(())
}
