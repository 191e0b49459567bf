//! Statements for booked places: rounds, venues, slots and their accounts.

mod bookings;
mod leases;
mod lists;
mod told;
mod wishes;

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use rusqlite::Row;
use shared::entry::booking::{Slot, Start, VenueId};
use shared::ids::{ProgrammeId, SiteCode, VersionName};
use shared::lease::Account;

use super::read::{damaged, parsed};
use super::{Store, StoreError};

pub(crate) use bookings::{AttendedRow, BookingRow, CancelledRow, Standing};
pub(crate) use leases::{LeaseRow, NumbersRow, ReturnedRow};
pub(crate) use lists::ListRow;
pub(crate) use wishes::{AnswerRow, WaitingKey};

/// A slot's number in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotNumber(pub(super) i64);

/// A slot as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlotRow {
    pub(crate) number: SlotNumber,
    pub(crate) slot: Slot,
    /// The hub has said how many it holds.
    pub(crate) offered: bool,
    pub(crate) closed: bool,
    pub(crate) account: Account,
}

/// A published round.
pub(crate) struct RoundRow {
    pub(crate) name: VersionName,
    pub(crate) programme: ProgrammeId,
    pub(crate) text: String,
    pub(crate) author: String,
    pub(crate) second: i64,
}

const SLOT: &str = "SELECT id, venue, date, start, brands, offered, closed, places, lent, spent, granted FROM slot";

impl Store {
    pub(crate) fn put_round(&self, row: &RoundRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO round VALUES (?1, ?2, ?3, ?4, ?5)";
        let row = (row.name.as_str(), row.programme.as_str(), &row.text, &row.author, row.second);
        self.run(SQL, row, "keep a round").map(|_| ())
    }

    /// The text of a round.
    pub(crate) fn round(&self, name: &VersionName) -> Result<Option<String>, StoreError> {
        self.one("SELECT text FROM round WHERE name = ?1", [name.as_str()], "look for a round", |row| row.get(0))
    }

    /// The last word on each, by name.
    pub(crate) fn rounds(&self) -> Result<Vec<RoundRow>, StoreError> {
        const SQL: &str = "SELECT name, programme, text, author, second FROM round ORDER BY name";
        self.all(SQL, [], "read the rounds", |row| {
            Ok(RoundRow {
                name: parsed(row, 0)?,
                programme: parsed(row, 1)?,
                text: row.get(2)?,
                author: row.get(3)?,
                second: row.get(4)?,
            })
        })
    }

    /// The last word on a venue, as the entry's bytes.
    pub(crate) fn put_venue(
        &self,
        (id, county): (&VenueId, &str),
        site: Option<&SiteCode>,
        entry: &[u8],
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO venue VALUES (?1, ?2, ?3, ?4)";
        self.run(SQL, (id.as_str(), county, site.map(SiteCode::as_str), entry), "keep a venue").map(|_| ())
    }

    /// A site keeps a venue's day, or did.
    pub(crate) fn put_keeper(&self, venue: &VenueId, site: &SiteCode) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO venue_keeper VALUES (?1, ?2)";
        self.run(SQL, (venue.as_str(), site.as_str()), "keep who keeps a venue's day").map(|_| ())
    }

    pub(crate) fn venue(&self, id: &VenueId) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT entry FROM venue WHERE id = ?1", [id.as_str()], "read a venue", |row| row.get(0))
    }

    pub(crate) fn venues(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.all("SELECT entry FROM venue ORDER BY id", [], "read the venues", |row| row.get(0))
    }

    /// The venues whose day a site keeps.
    pub(crate) fn venues_of(&self, site: &SiteCode) -> Result<Vec<VenueId>, StoreError> {
        const SQL: &str = "SELECT id FROM venue WHERE site = ?1 ORDER BY id";
        self.all(SQL, [site.as_str()], "look for a site's venues", |row| parsed(row, 0))
    }

    /// A slot's number; one that nobody has named yet gets one, without places.
    pub(crate) fn slot_number(&self, slot: &Slot) -> Result<SlotNumber, StoreError> {
        const GET: &str = "SELECT id FROM slot WHERE venue = ?1 AND date = ?2 AND start = ?3 AND brands = ?4";
        const PUT: &str = "INSERT INTO slot (venue, date, start, brands, offered, places, closed, lent, spent, granted, \
            due) VALUES (?1, ?2, ?3, ?4, 0, 0, 1, 0, 0, 0, 0) RETURNING id";
        let date = slot.date.to_string();
        let key = (slot.venue.as_str(), date.as_str(), slot.start.minutes(), slot.brands.as_str());
        if let Some(known) = self.one(GET, key, "look for a slot", |row| row.get(0))? {
            return Ok(SlotNumber(known));
        }
        let made = self.one(PUT, key, "number a slot", |row| row.get(0))?;
        made.map(SlotNumber).ok_or_else(|| StoreError::Damaged("a slot has no number".to_owned()))
    }

    /// The last word on how many a slot holds.
    pub(crate) fn set_capacity(&self, slot: SlotNumber, places: u32, closed: bool) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE slot SET offered = 1, places = ?2, closed = ?3, due = 1 WHERE id = ?1";
        self.run(SQL, (slot.0, places, closed), "keep a slot's capacity").map(|_| ())
    }

    pub(crate) fn slot(&self, number: SlotNumber) -> Result<Option<SlotRow>, StoreError> {
        self.one(&format!("{SLOT} WHERE id = ?1"), [number.0], "read a slot", slot)
    }

    /// A slot by what it is.
    pub(crate) fn slot_named(&self, of: &Slot) -> Result<Option<SlotRow>, StoreError> {
        let sql = format!("{SLOT} WHERE venue = ?1 AND date = ?2 AND start = ?3 AND brands = ?4");
        let key = (of.venue.as_str(), of.date.to_string(), of.start.minutes(), of.brands.as_str());
        self.one(&sql, key, "look for a slot", slot)
    }

    /// Every slot, by venue, day, hour and vaccines.
    pub(crate) fn slots(&self) -> Result<Vec<SlotRow>, StoreError> {
        self.all(&format!("{SLOT} ORDER BY venue, date, start, brands"), [], "read the slots", slot)
    }

    /// Slots that the hub has offered from a day on, the earliest first.
    pub(crate) fn slots_from(&self, day: NaiveDate, most: usize) -> Result<Vec<SlotRow>, StoreError> {
        let sql = format!("{SLOT} WHERE offered = 1 AND date >= ?1 ORDER BY date, venue, start, brands LIMIT ?2");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.all(&sql, (day.to_string(), most), "read the slots to come", slot)
    }

    /// The slots of a venue's day, by hour.
    pub(crate) fn slots_on(&self, venue: &VenueId, date: NaiveDate) -> Result<Vec<SlotRow>, StoreError> {
        let sql = format!("{SLOT} WHERE venue = ?1 AND date = ?2 ORDER BY start, brands");
        self.all(&sql, (venue.as_str(), date.to_string()), "read a venue's day", slot)
    }

    /// Slots of a venue that have not begun, of which more than so much is free and for which no wish waits, the earliest
    /// first.
    pub(crate) fn slots_spare(
        &self,
        venue: &VenueId,
        (from, to): (NaiveDate, NaiveDate),
        (more_than, now): (i64, NaiveDateTime),
        most: usize,
    ) -> Result<Vec<SlotRow>, StoreError> {
        let sql = format!(
            "{SLOT} WHERE venue = ?1 AND date BETWEEN ?2 AND ?3 AND closed = 0 AND places > lent + granted \
             AND places - lent - granted > ?4 AND (date, start) > (?5, ?6) \
             AND NOT EXISTS (SELECT 1 FROM wish_slot WHERE wish_slot.slot = slot.id) \
             ORDER BY date, start, brands LIMIT ?7"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let minutes = now.hour() * 60 + now.minute();
        let days = (from.to_string(), to.to_string(), now.date().to_string());
        let row = (venue.as_str(), days.0, days.1, more_than, days.2, minutes, most);
        self.all(&sql, row, "look for what a venue can spare", slot)
    }

    /// Slots for which a wish waits are looked at again.
    pub(crate) fn look_at_wishes(&self) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE slot SET due = 1 WHERE id IN (SELECT slot FROM wish_slot) AND places > lent + granted";
        self.run(SQL, [], "look at the slots of wishes again").map(|_| ())
    }

    /// Slots of some days that have changed since they were shared out, the earliest days first.
    pub(crate) fn slots_due(&self, from: NaiveDate, to: NaiveDate, most: usize) -> Result<Vec<SlotRow>, StoreError> {
        let sql = format!(
            "{SLOT} WHERE due = 1 AND date BETWEEN ?1 AND ?2 AND closed = 0 AND places > lent + granted \
             ORDER BY date LIMIT ?3"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.all(&sql, (from.to_string(), to.to_string(), most), "look for slots to share out", slot)
    }

    /// The venues of a county, and a site's own.
    pub(crate) fn venues_around(&self, (county, site): (&str, &SiteCode)) -> Result<Vec<VenueId>, StoreError> {
        const SQL: &str = "SELECT id FROM venue WHERE county = ?1 UNION SELECT id FROM venue WHERE site = ?2";
        self.all(SQL, (county, site.as_str()), "look for the venues around a site", |row| parsed(row, 0))
    }

    /// Slots of a venue of which something is free, the earliest days first.
    pub(crate) fn slots_free(
        &self,
        venue: &VenueId,
        (from, to): (NaiveDate, NaiveDate),
        most: usize,
    ) -> Result<Vec<SlotRow>, StoreError> {
        let sql = format!(
            "{SLOT} WHERE venue = ?1 AND date BETWEEN ?2 AND ?3 AND closed = 0 AND places > lent + granted \
             ORDER BY date, start, brands LIMIT ?4"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let row = (venue.as_str(), from.to_string(), to.to_string(), most);
        self.all(&sql, row, "look for a venue's slots", slot)
    }

    /// Some slots with something free near a site.
    pub(crate) fn slots_near(
        &self,
        (county, site): (&str, &SiteCode),
        (from, to): (NaiveDate, NaiveDate),
        most: usize,
    ) -> Result<Vec<SlotRow>, StoreError> {
        let sql = format!(
            "{SLOT} WHERE venue IN (SELECT id FROM venue WHERE county = ?1 UNION SELECT id FROM venue WHERE site = ?2) \
             AND date BETWEEN ?3 AND ?4 AND closed = 0 AND places > lent + granted LIMIT ?5"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let row = (county, site.as_str(), from.to_string(), to.to_string(), most);
        self.all(&sql, row, "look for slots near a site", slot)
    }

    /// Slots with something free near a site are shared out once more.
    pub(crate) fn due_near(
        &self,
        (county, site): (&str, &SiteCode),
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE slot SET due = 1 WHERE venue IN (SELECT id FROM venue WHERE county = ?1 UNION SELECT id FROM venue WHERE site = ?2) AND date BETWEEN ?3 AND ?4 AND closed = 0 AND places > lent + granted";
        let row = (county, site.as_str(), from.to_string(), to.to_string());
        self.run(SQL, row, "look at slots again").map(|_| ())
    }

    /// The slots of a venue are looked at again.
    pub(crate) fn look_at_venue(&self, venue: &VenueId) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE slot SET due = 1 WHERE venue = ?1 AND places > lent + granted";
        self.run(SQL, [venue.as_str()], "look at a venue's slots again").map(|_| ())
    }

    /// The slots of some days are looked at again.
    pub(crate) fn look_at_days(&self, from: NaiveDate, to: NaiveDate) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE slot SET due = 1 WHERE date BETWEEN ?1 AND ?2 AND places > lent + granted";
        self.run(SQL, (from.to_string(), to.to_string()), "look at the slots of some days again").map(|_| ())
    }

    /// It was looked at and need not be again until something changes.
    pub(crate) fn shared_out(&self, slot: SlotNumber) -> Result<(), StoreError> {
        self.run("UPDATE slot SET due = 0 WHERE id = ?1", [slot.0], "note that a slot was shared out").map(|_| ())
    }

    /// Counts again what was lent of a slot and what was given away.
    pub(crate) fn settle_slot(&self, slot: SlotNumber) -> Result<(), StoreError> {
        const BOOKED: &str = "SELECT lease, count(*) FROM booking WHERE slot = ?1 AND stands IN (1, 2) GROUP BY lease";
        const LEASES: &str = "SELECT id, places, spent, returned, \
            (SELECT coalesce(sum(places), 0) FROM returned WHERE returned.lease = lease.id) FROM lease WHERE slot = ?1";
        const KEEP: &str = "UPDATE lease SET spent = ?2, returned = ?3 WHERE id = ?1";
        const SQL: &str = "UPDATE slot SET lent = ?2, spent = ?3, granted = ?4, \
            due = places > ?2 + ?4 WHERE id = ?1";
        let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?));
        let booked: HashMap<Option<i64>, i64> =
            self.all(BOOKED, [slot.0], "count bookings", read)?.into_iter().collect();
        let read =
            |row: &Row<'_>| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, i64>(4)?]);
        let (mut lent, mut spent, mut granted) = (0, 0, booked.get(&None).copied().unwrap_or(0));
        for [id, places, had_spent, had_returned, returned] in self.all(LEASES, [slot.0], "count what is lent", read)? {
            let of = booked.get(&Some(id)).copied().unwrap_or(0);
            let holds = (places - returned).max(0);
            lent += holds;
            spent += of.min(holds);
            // What a holder gave away beyond what it held is gone all the same.
            granted += (of - holds).max(0);
            if (had_spent, had_returned) != (of, returned) {
                self.run(KEEP, (id, of, returned), "count what was given away of a lease")?;
            }
        }
        self.run(SQL, (slot.0, lent, spent, granted), "keep a slot's account").map(|_| ())
    }

    /// Forgets what follows from the journal of booked places.
    pub(super) fn drop_bookings(&self) -> Result<(), StoreError> {
        const ALL: &str = "DELETE FROM round; DELETE FROM venue; DELETE FROM venue_keeper; DELETE FROM slot; DELETE FROM lease; \
            DELETE FROM returned; DELETE FROM numbers; DELETE FROM booking; DELETE FROM wish_slot; \
            DELETE FROM wish_answer; DELETE FROM booking_cancelled; DELETE FROM booking_amended; DELETE FROM attended; \
            DELETE FROM told_booking; DELETE FROM told_expected;";
        self.conn.execute_batch(ALL).map_err(super::deed("forget the bookings"))
    }
}

fn slot(row: &Row<'_>) -> rusqlite::Result<SlotRow> {
    let account =
        Account { capacity: row.get(7)?, lent: row.get(8)?, booked_of_lent: row.get(9)?, granted: row.get(10)? };
    let (offered, closed) = (row.get(5)?, row.get(6)?);
    Ok(SlotRow { number: SlotNumber(row.get(0)?), slot: named(row, 1)?, offered, closed, account })
}

/// Venue, day, hour and vaccines in four columns.
fn named(row: &Row<'_>, at: usize) -> rusqlite::Result<Slot> {
    let start: u16 = row.get(at + 2)?;
    let bad = || damaged(at + 2, StoreError::Damaged(format!("a slot begins at minute {start}")));
    Ok(Slot {
        venue: parsed(row, at)?,
        date: parsed(row, at + 1)?,
        start: Start::from_minutes(start).ok_or_else(bad)?,
        brands: parsed(row, at + 3)?,
    })
}
