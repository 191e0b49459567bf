//! Statements for the nation's digests.

use std::sync::Arc;

use chrono::NaiveDate;
use rusqlite::Row;
use shared::digest::{LayerId, LayerRef, Signed};
use shared::ids::ProgrammeId;
use shared::sign::Signature;

use super::read::{bytes, parsed, signed, unsigned};
use super::{Store, StoreError};

/// A layer lies in parts of this size, and a piece of it that is asked for in one of them.
const PART_BYTES: usize = 64 * 1024;

/// A programme's day.
pub(crate) type Day = (ProgrammeId, NaiveDate);

/// The newest manifest.
#[derive(Debug, Clone)]
pub(crate) struct ManifestRow {
    /// When, in seconds since 1970: later than the one before it.
    pub(crate) made: u64,
    pub(crate) upto: u64,
    pub(crate) signed: Signed,
}

impl Store {
    /// Keeps a layer behind the others of its day.
    pub(crate) fn put_layer(&self, (programme, day): &Day, layer: &LayerRef, body: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO layer VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        let row = (layer.id.0, programme.as_str(), day.to_string(), signed(layer.upto), layer.bytes);
        self.run(SQL, row, "keep a layer")?;
        for (nth, part) in (0i64..).zip(body.chunks(PART_BYTES)) {
            let part = (layer.id.0, nth, part);
            self.run("INSERT OR REPLACE INTO layer_part VALUES (?1, ?2, ?3)", part, "keep a part of a layer")?;
        }
        Ok(())
    }

    /// A day's layers, oldest first.
    pub(crate) fn layers(&self, (programme, day): &Day) -> Result<Vec<LayerRef>, StoreError> {
        const SQL: &str = "SELECT id, bytes, upto FROM layer WHERE programme = ?1 AND day = ?2 AND replaced IS NULL
            ORDER BY upto";
        self.all(SQL, (programme.as_str(), day.to_string()), "read a day's layers", |row| {
            Ok(LayerRef { id: LayerId(bytes(row, 0)?), bytes: row.get(1)?, upto: unsigned(row, 2)? })
        })
    }

    /// A layer is named no more; it stays a while for those who are fetching it.
    pub(crate) fn replace_layer(&self, id: &LayerId, second: i64) -> Result<(), StoreError> {
        self.run("UPDATE layer SET replaced = ?2 WHERE id = ?1", (id.0, second), "replace a layer").map(|_| ())
    }

    /// The whole of a layer.
    pub(crate) fn layer(&self, id: &LayerId) -> Result<Vec<u8>, StoreError> {
        const SQL: &str = "SELECT bytes FROM layer_part WHERE id = ?1 ORDER BY nth";
        let parts: Vec<Vec<u8>> = self.all(SQL, [id.0], "read a layer", |row| row.get(0))?;
        Ok(parts.concat())
    }

    /// Some bytes of a layer, none where it is not here.
    pub(crate) fn layer_piece(&self, id: &LayerId, offset: usize, most: usize) -> Result<Vec<u8>, StoreError> {
        const SQL: &str = "SELECT bytes FROM layer_part WHERE id = ?1 AND nth = ?2";
        let nth = i64::try_from(offset / PART_BYTES).unwrap_or(i64::MAX);
        let part = self.one(SQL, (id.0, nth), "read a part of a layer", |row| row.get::<_, Vec<u8>>(0))?;
        let part = part.unwrap_or_default();
        let rest = part.get(offset % PART_BYTES..).unwrap_or_default();
        Ok(rest.get(..most.min(rest.len())).unwrap_or_default().to_vec())
    }

    /// Every day that has layers, and whether it is closed.
    pub(crate) fn digested_days(&self) -> Result<Vec<(Day, bool)>, StoreError> {
        const SQL: &str = "SELECT DISTINCT programme, day, EXISTS (SELECT 1 FROM closed_day
            WHERE closed_day.programme = layer.programme AND closed_day.day = layer.day)
            FROM layer WHERE replaced IS NULL ORDER BY programme, day";
        self.all(SQL, [], "read which days have digests", |row| Ok(((parsed(row, 0)?, parsed(row, 1)?), row.get(2)?)))
    }

    /// How many sales of somebody count by the layers of a day that say one does.
    pub(crate) fn more_sales(&self, (programme, day): &Day, print: u64) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT sales FROM digest_more WHERE programme = ?1 AND day = ?2 AND print = ?3";
        let key = (programme.as_str(), day.to_string(), print.cast_signed());
        Ok(self.one(SQL, key, "look who has more sales", |row| row.get(0))?.unwrap_or(1))
    }

    /// Keeps how many it are.
    pub(crate) fn put_more_sales(&self, (programme, day): &Day, print: u64, sales: i64) -> Result<(), StoreError> {
        let key = (programme.as_str(), day.to_string(), print.cast_signed());
        if sales < 2 {
            const SQL: &str = "DELETE FROM digest_more WHERE programme = ?1 AND day = ?2 AND print = ?3";
            return self.run(SQL, key, "note who has more sales").map(|_| ());
        }
        let row = (key.0, key.1, key.2, sales);
        self.run("INSERT OR REPLACE INTO digest_more VALUES (?1, ?2, ?3, ?4)", row, "note who has more sales")
            .map(|_| ())
    }

    /// Whether the day is closed.
    pub(crate) fn is_closed(&self, (programme, day): &Day) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM closed_day WHERE programme = ?1 AND day = ?2";
        let found = self.one(SQL, (programme.as_str(), day.to_string()), "look whether a day is closed", |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// The day's digest does not change any more.
    pub(crate) fn close_day(&self, (programme, day): &Day) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO closed_day VALUES (?1, ?2)";
        self.run(SQL, (programme.as_str(), day.to_string()), "close a day").map(|_| ())
    }

    /// No window reaches the day any more.
    pub(crate) fn forget_digests(&self, (programme, day): &Day) -> Result<(), StoreError> {
        let day = day.to_string();
        let name = (programme.as_str(), day.as_str());
        let parts = "DELETE FROM layer_part WHERE id IN (SELECT id FROM layer WHERE programme = ?1 AND day = ?2)";
        self.run(parts, name, "forget a day's layers")?;
        self.run("DELETE FROM layer WHERE programme = ?1 AND day = ?2", name, "forget a day's layers")?;
        self.run("DELETE FROM digest_more WHERE programme = ?1 AND day = ?2", name, "forget a day")?;
        self.run("DELETE FROM closed_day WHERE programme = ?1 AND day = ?2", name, "forget a day").map(|_| ())
    }

    /// Forgets the layers that were replaced before a second.
    pub(crate) fn forget_replaced(&self, before: i64) -> Result<(), StoreError> {
        let parts = "DELETE FROM layer_part WHERE id IN (SELECT id FROM layer WHERE replaced < ?1)";
        self.run(parts, [before], "forget replaced layers")?;
        self.run("DELETE FROM layer WHERE replaced < ?1", [before], "forget replaced layers").map(|_| ())
    }

    /// The newest manifest.
    pub(crate) fn manifest(&self) -> Result<Option<ManifestRow>, StoreError> {
        const SQL: &str = "SELECT made, upto, body, signature FROM manifest";
        self.one(SQL, [], "read the manifest", manifest)
    }

    /// When the newest manifest was made, 0 for none.
    pub(crate) fn manifest_made(&self) -> Result<u64, StoreError> {
        let made = self.one("SELECT made FROM manifest", [], "look how new the manifest is", |row| unsigned(row, 0))?;
        Ok(made.unwrap_or(0))
    }

    /// Publishes a manifest in place of the last.
    pub(crate) fn put_manifest(&self, row: &ManifestRow) -> Result<(), StoreError> {
        self.forget_manifest()?;
        let row = (signed(row.made), signed(row.upto), &row.signed.body[..], row.signed.signature.0);
        self.run("INSERT INTO manifest VALUES (?1, ?2, ?3, ?4)", row, "publish a manifest").map(|_| ())
    }

    /// Another life of the hub has not said yet what there is.
    pub(crate) fn forget_manifest(&self) -> Result<(), StoreError> {
        self.run("DELETE FROM manifest", [], "take the manifest back").map(|_| ())
    }
}

fn manifest(row: &Row<'_>) -> rusqlite::Result<ManifestRow> {
    let body: Vec<u8> = row.get(2)?;
    let signed = Signed { body: Arc::from(body), signature: Signature(row.get(3)?) };
    Ok(ManifestRow { made: unsigned(row, 0)?, upto: unsigned(row, 1)?, signed })
}
