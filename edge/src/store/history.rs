//! Who bought here, and whose cards a proxy carried.

use chrono::NaiveDate;
use rusqlite::Row;
use shared::entry::Pieces;
use shared::ids::PersonTag;
use shared::rules::quota::Past;
use shared::sync::edge::LogPos;

use super::log::pos;
use super::{Store, StoreError, all, day_number, day_of, failed, one};

/// A sale of this site to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnSale {
    pub(crate) pos: LogPos,
    pub(crate) past: Past,
    /// The entry that took it back.
    pub(crate) withdrawn: Option<LogPos>,
}

impl Store {
    /// What somebody bought here, withdrawn sales too.
    pub(crate) fn own_sales(&self, tag: &PersonTag, programme: i64) -> Result<Vec<OwnSale>, StoreError> {
        let sql = "SELECT quota.pos, day, adult, child, withdrawn.by
            FROM quota LEFT JOIN withdrawn ON withdrawn.pos = quota.pos WHERE tag = ?1 AND programme = ?2";
        let read = |row: &Row<'_>| {
            let pieces = Pieces { adult: row.get(2)?, child: row.get(3)? };
            let withdrawn = row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned);
            Ok(OwnSale { pos: pos(row, 0)?, past: Past { day: day_of(row, 1)?, pieces }, withdrawn })
        };
        all(&self.conn, sql, (tag.0, programme), read).map_err(failed("look somebody up"))
    }

    /// How many cards other than `card` a proxy carried on a day.
    pub(crate) fn cards_carried(&self, proxy: &PersonTag, card: &PersonTag, day: NaiveDate) -> Result<u32, StoreError> {
        let sql = "SELECT count(DISTINCT card) FROM carried WHERE tag = ?1 AND day = ?2 AND card <> ?3
            AND NOT EXISTS (SELECT 1 FROM withdrawn WHERE withdrawn.pos = carried.pos)";
        let count = one(&self.conn, sql, (proxy.0, day_number(day), card.0), |row| row.get(0));
        Ok(count.map_err(failed("count a proxy's cards"))?.unwrap_or(0))
    }

    /// How many rows the quota has, and how many entries are withdrawn.
    pub(crate) fn beside(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT (SELECT count(*) FROM quota), (SELECT count(*) FROM withdrawn)";
        let counts = one(&self.conn, sql, [], |row| Ok((pos(row, 0)?, pos(row, 1)?)));
        Ok(counts.map_err(failed("count what stands beside the log"))?.unwrap_or_default())
    }
}
