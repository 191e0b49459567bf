//! Statements for the nation's feed.

use rusqlite::Row;

use super::read::{signed, unsigned};
use super::{Store, StoreError};

/// A batch as published.
pub(crate) struct FeedRow {
    pub(crate) after: u64,
    pub(crate) upto: u64,
    pub(crate) body: Vec<u8>,
}

impl Store {
    /// The position behind the last batch.
    pub(crate) fn feed_position(&self) -> Result<u64, StoreError> {
        let pos =
            self.one("SELECT max(upto) FROM feed", [], "read the feed's position", |row| row.get::<_, Option<i64>>(0))?;
        Ok(pos.flatten().map_or(0, i64::unsigned_abs))
    }

    pub(crate) fn put_feed(&self, row: &FeedRow) -> Result<(), StoreError> {
        let row = (signed(row.upto), signed(row.after), &row.body);
        self.run("INSERT INTO feed VALUES (?1, ?2, ?3)", row, "publish a batch of the feed").map(|_| ())
    }

    /// The batch that begins at a position, or the first behind it.
    pub(crate) fn feed_after(&self, after: u64) -> Result<Option<FeedRow>, StoreError> {
        const SQL: &str = "SELECT after, upto, body FROM feed WHERE upto > ?1 ORDER BY upto LIMIT 1";
        self.one(SQL, [signed(after)], "read the feed", feed)
    }
}

fn feed(row: &Row<'_>) -> rusqlite::Result<FeedRow> {
    Ok(FeedRow { after: unsigned(row, 0)?, upto: unsigned(row, 1)?, body: row.get(2)? })
}
