//! Statements for what is lent to sites: places, serial numbers; and for who has to be heard before a restored hub lends.

use chrono::NaiveDate;
use rusqlite::Row;
use shared::entry::booking::Slot;
use shared::ids::{EntryId, Incarnation, SiteCode};

use super::{SlotNumber, named};
use crate::store::read::{bytes, entry_id, signed, site, unsigned};
use crate::store::{Store, StoreError};

/// A lease's number in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseNumber(pub(crate) i64);

/// A lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) number: LeaseNumber,
    pub(crate) id: EntryId,
    pub(crate) site: SiteCode,
    pub(crate) life: Incarnation,
    pub(crate) slot: Slot,
    pub(crate) at: SlotNumber,
    pub(crate) places: u32,
    pub(crate) until: i64,
    pub(crate) second: i64,
    /// By its holder, or given up as lost.
    pub(crate) returned: i64,
    /// Given away out of it and not taken back, as far as the hub has heard.
    pub(crate) spent: i64,
    /// Where in the journal it was lent.
    pub(crate) pos: u64,
}

impl LeaseRow {
    /// Whether a site that wrote something at a position of the journal could have held it: nobody can name what is
    /// still to be lent.
    pub(crate) fn is_of(&self, site: &SiteCode, pos: u64) -> bool {
        self.site == *site && self.pos < pos
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> i64 {
        (i64::from(self.places) - self.returned - self.spent).max(0)
    }
}

/// A block of serial numbers.
pub(crate) struct NumbersRow {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) site: SiteCode,
    pub(crate) life: Incarnation,
    pub(crate) next: u64,
}

/// Places that came back.
pub(crate) struct ReturnedRow {
    pub(crate) id: EntryId,
    pub(crate) lease: LeaseNumber,
    pub(crate) places: u32,
    /// Given up by the hub, not by the holder.
    pub(crate) lost: bool,
}

/// A site that has to be heard, and the entries that it named when it greeted.
pub(crate) type AwaitedRow = (SiteCode, Option<Vec<EntryId>>);

const LEASE: &str = "SELECT lease.id, lease.actor, lease.seq, lease.site, lease.life, lease.slot, lease.places, \
    lease.until, lease.second, lease.returned, lease.spent, slot.venue, slot.date, slot.start, slot.brands, lease.pos \
    FROM lease JOIN slot ON slot.id = lease.slot";
const ID_BYTES: usize = 20;

impl Store {
    /// Keeps a lease that the hub has written.
    pub(crate) fn put_lease(
        &self,
        (pos, id): (u64, EntryId),
        (of, life, slot): (&SiteCode, &Incarnation, SlotNumber),
        (places, until, second): (u32, i64, i64),
    ) -> Result<(), StoreError> {
        const PUT: &str = "INSERT OR IGNORE INTO lease (actor, seq, site, life, slot, places, until, second, returned, \
            spent, pos) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, ?9)";
        const ADD: &str = "UPDATE slot SET lent = lent + ?2 WHERE id = ?1";
        let row = (&id.actor.0, id.seq, of.as_str(), &life.0, slot.0, places, until, second, signed(pos));
        if self.run(PUT, row, "keep a lease")? > 0 {
            self.run(ADD, (slot.0, places), "count what is lent")?;
        }
        Ok(())
    }

    pub(crate) fn lease(&self, id: &EntryId) -> Result<Option<LeaseRow>, StoreError> {
        let sql = format!("{LEASE} WHERE lease.actor = ?1 AND lease.seq = ?2");
        self.one(&sql, (&id.actor.0, id.seq), "look for a lease", lease)
    }

    /// Every lease, by entry.
    pub(crate) fn leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        self.all(&format!("{LEASE} ORDER BY lease.actor, lease.seq"), [], "read the leases", lease)
    }

    /// Leases of which more was given away than they held.
    pub(crate) fn leases_overspent(&self) -> Result<Vec<LeaseRow>, StoreError> {
        let sql = format!(
            "{LEASE} WHERE lease.spent > lease.places - lease.returned AND lease.spent > 0 ORDER BY lease.actor, lease.seq"
        );
        self.all(&sql, [], "look for leases that were overspent", lease)
    }

    /// What of a slot is lent and unspent: to whom, which life, how many places. One that is over is still held until its
    /// holder returns it.
    pub(crate) fn unspent(&self, slot: SlotNumber) -> Result<Vec<(SiteCode, Incarnation, i64)>, StoreError> {
        const SQL: &str = "SELECT site, life, sum(max(places - returned - spent, 0)) FROM lease \
            WHERE slot = ?1 GROUP BY site, life ORDER BY site, life";
        self.all(SQL, [slot.0], "look what of a slot is lent", |row| {
            Ok((site(row, 0)?, Incarnation(bytes(row, 1)?), row.get(2)?))
        })
    }

    /// What a site holds of a slot and is unspent, over or not: which life, how many places.
    pub(crate) fn unspent_of(&self, slot: SlotNumber, of: &SiteCode) -> Result<Vec<(Incarnation, i64)>, StoreError> {
        const SQL: &str = "SELECT life, sum(max(places - returned - spent, 0)) FROM lease \
            WHERE slot = ?1 AND site = ?2 GROUP BY life";
        let row = (slot.0, of.as_str());
        self.all(SQL, row, "look what a site holds of a slot", |row| Ok((Incarnation(bytes(row, 0)?), row.get(1)?)))
    }

    /// Whether a life was lent anything by a lease that still runs.
    pub(crate) fn holds_any(&self, of: &SiteCode, life: &Incarnation, second: i64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM lease WHERE site = ?1 AND life = ?2 AND until > ?3 LIMIT 1";
        Ok(self
            .one(SQL, (of.as_str(), &life.0, second), "look whether a life was lent anything", |_| Ok(()))?
            .is_some())
    }

    /// What a life holds of slots from a day on, and is unspent. What is over is still held until it is returned.
    pub(crate) fn held_by(&self, of: &SiteCode, life: &Incarnation, from: NaiveDate) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT coalesce(sum(max(lease.places - returned - lease.spent, 0)), 0) FROM lease \
            JOIN slot ON slot.id = lease.slot WHERE site = ?1 AND life = ?2 AND date >= ?3";
        let row = (of.as_str(), &life.0, from.to_string());
        let held = self.one(SQL, row, "look what a life holds", |row| unsigned(row, 0))?;
        Ok(held.unwrap_or(0))
    }

    pub(crate) fn put_returned(&self, row: &ReturnedRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO returned VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = (&row.id.actor.0, row.id.seq, row.lease.0, row.places, row.lost);
        self.run(SQL, row, "keep what was returned").map(|_| ())
    }

    /// Keeps a block that was lent at a position of the journal; a site that used numbers of it before it had them has
    /// used them.
    pub(crate) fn put_numbers(&self, pos: u64, row: &NumbersRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO numbers VALUES (?1, ?2, ?3, ?4, coalesce((SELECT max(serial) + 1 \
            FROM booking WHERE serial >= ?1 AND serial < ?1 + ?2 AND site = ?3 AND wish = 0), ?5), ?6)";
        let (first, next, pos) = (signed(row.first), signed(row.next), signed(pos));
        let row = (first, row.count, row.site.as_str(), &row.life.0, next, pos);
        self.run(SQL, row, "keep a block of serial numbers").map(|_| ())
    }

    /// A site has given a number away: those before it in its block will not be.
    pub(crate) fn number_used(&self, of: &SiteCode, serial: u64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE numbers SET next = ?2 + 1 \
            WHERE first = (SELECT max(first) FROM numbers WHERE first <= ?2) AND site = ?1 AND next <= ?2 \
            AND ?2 < first + count";
        self.run(SQL, (of.as_str(), signed(serial)), "note that a serial number is used").map(|_| ())
    }

    /// How many serial numbers a life has left, as far as the hub has heard.
    pub(crate) fn numbers_left(&self, of: &SiteCode, life: &Incarnation) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT coalesce(sum(first + count - next), 0) FROM numbers WHERE site = ?1 AND life = ?2";
        let left = self.one(SQL, (of.as_str(), &life.0), "count serial numbers", |row| unsigned(row, 0))?;
        Ok(left.unwrap_or(0))
    }

    /// Every block by its first number.
    pub(crate) fn all_numbers(&self) -> Result<Vec<NumbersRow>, StoreError> {
        const SQL: &str = "SELECT first, count, site, life, next FROM numbers ORDER BY first";
        self.all(SQL, [], "read the serial numbers", |row| {
            Ok(NumbersRow {
                first: unsigned(row, 0)?,
                count: row.get(1)?,
                site: site(row, 2)?,
                life: Incarnation(bytes(row, 3)?),
                next: unsigned(row, 4)?,
            })
        })
    }

    /// Whose these numbers are nobody knows any more.
    pub(crate) fn put_lost_numbers(&self, first: u64, next: u64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO numbers_lost VALUES (?1, ?2)";
        self.run(SQL, (signed(first), signed(next)), "note which numbers may have been lent").map(|_| ())
    }

    /// Nothing is lent until each site that was heard since a second has been heard again.
    pub(crate) fn begin_hold(&self, since: i64) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO lease_hold \
            SELECT site, NULL FROM line GROUP BY site HAVING max(second) >= ?1";
        self.run(SQL, [since], "note who has to be heard").map(|_| ())
    }

    /// The sites that are awaited; what each said at its greeting that it holds, 20 bytes an entry.
    pub(crate) fn held_up_by(&self) -> Result<Vec<AwaitedRow>, StoreError> {
        self.all("SELECT site, tips FROM lease_hold ORDER BY site", [], "read who has to be heard", |row| {
            let tips: Option<Vec<u8>> = row.get(1)?;
            let read =
                |tips: Vec<u8>| tips.as_chunks::<ID_BYTES>().0.iter().filter_map(super::super::cases::id_of).collect();
            Ok((site(row, 0)?, tips.map(read)))
        })
    }

    /// A site that is awaited has greeted.
    pub(crate) fn set_hold(&self, of: &SiteCode, tips: &[EntryId]) -> Result<(), StoreError> {
        let bytes: Vec<u8> = tips.iter().flat_map(super::super::cases::id_bytes).collect();
        self.run("INSERT OR REPLACE INTO lease_hold VALUES (?1, ?2)", (of.as_str(), bytes), "note who greeted")
            .map(|_| ())
    }

    /// A site is awaited no more.
    pub(crate) fn end_hold(&self, of: &SiteCode) -> Result<(), StoreError> {
        self.run("DELETE FROM lease_hold WHERE site = ?1", [of.as_str()], "note who was heard").map(|_| ())
    }

    /// Nobody is awaited any more.
    pub(crate) fn end_holds(&self) -> Result<usize, StoreError> {
        self.run("DELETE FROM lease_hold", [], "wait for nobody any more")
    }

    /// When each life of each site was heard last, the latest of a site last.
    pub(crate) fn lives_heard(&self) -> Result<Vec<(SiteCode, Incarnation, i64)>, StoreError> {
        const SQL: &str = "SELECT site, incarnation, second FROM line ORDER BY second, id";
        self.all(SQL, [], "read which lives were heard", |row| {
            Ok((site(row, 0)?, Incarnation(bytes(row, 1)?), row.get(2)?))
        })
    }

    /// When any site was heard last.
    pub(crate) fn last_heard(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.one("SELECT max(second) FROM line", [], "read who was heard last", |row| row.get(0))?.flatten())
    }
}

fn lease(row: &Row<'_>) -> rusqlite::Result<LeaseRow> {
    Ok(LeaseRow {
        number: LeaseNumber(row.get(0)?),
        id: entry_id(row, 1)?,
        site: site(row, 3)?,
        life: Incarnation(bytes(row, 4)?),
        at: SlotNumber(row.get(5)?),
        places: row.get(6)?,
        until: row.get(7)?,
        second: row.get(8)?,
        returned: row.get(9)?,
        spent: row.get(10)?,
        slot: named(row, 11)?,
        pos: unsigned(row, 15)?,
    })
}
