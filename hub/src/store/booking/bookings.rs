//! Statements for bookings and wishes, and for what is written of them afterwards.

use rusqlite::Row;
use shared::entry::booking::{Shown, Slot, Stands, VenueId};
use shared::entry::{Instant, Reading, Sealed};
use shared::ids::{EntryId, PersonTag, ProgrammeId, SiteCode, VersionName};

use super::leases::LeaseNumber;
use super::{SlotNumber, named};
use crate::store::read::{bytes, damaged, entry_id, parsed, parsed_opt, signed, site, unsigned};
use crate::store::{Store, StoreError};
use chrono::NaiveDate;

/// How a booking or a wish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Standing {
    /// A wish that nobody has answered.
    Waits,
    /// A booking.
    Stands(Stands),
    /// A wish that was not granted.
    TurnedDown,
}

impl Standing {
    const ALL: [Self; 5] = [
        Self::Waits,
        Self::Stands(Stands::Live),
        Self::Stands(Stands::Over),
        Self::Stands(Stands::Cancelled),
        Self::TurnedDown,
    ];

    /// Its place in the list is its number on the disk.
    fn number(self) -> i64 {
        Self::ALL.iter().zip(0..).find(|(one, _)| **one == self).map_or(0, |(_, number)| number)
    }

    /// A stable name for machines.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Waits => "waiting",
            Self::Stands(stands) => stands.code(),
            Self::TurnedDown => "turned-down",
        }
    }
}

/// A booking or a wish as projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BookingRow {
    pub(crate) id: EntryId,
    pub(crate) tag: PersonTag,
    pub(crate) programme: ProgrammeId,
    pub(crate) site: SiteCode,
    pub(crate) at: Instant,
    pub(crate) reading: Reading,
    pub(crate) wish: bool,
    pub(crate) round: VersionName,
    /// Slot and serial number; none of a wish that was not granted.
    pub(crate) given: Option<(SlotNumber, u64)>,
    pub(crate) lease: Option<LeaseNumber>,
    pub(crate) shown: Shown,
    pub(crate) watermark: u64,
    pub(crate) document: Sealed,
    pub(crate) contact: Sealed,
    pub(crate) standing: Standing,
    /// Under which day the nation was told of it.
    pub(crate) fed: Option<NaiveDate>,
    pub(crate) pos: u64,
    /// Somebody took it back; read only.
    pub(crate) cancelled: bool,
    /// The slot in words; read only.
    pub(crate) slot: Option<Slot>,
}

/// A cancellation as projected.
pub(crate) struct CancelledRow {
    pub(crate) of: EntryId,
    pub(crate) id: EntryId,
    /// None where the hub did it.
    pub(crate) site: Option<SiteCode>,
    pub(crate) second: i64,
    pub(crate) reason: String,
}

/// What a venue says of somebody who was booked.
pub(crate) struct AttendedRow {
    pub(crate) of: EntryId,
    pub(crate) id: EntryId,
    pub(crate) site: SiteCode,
    pub(crate) second: i64,
    pub(crate) what: String,
    pub(crate) detail: String,
}

const BOOKING: &str = "SELECT booking.actor, booking.seq, booking.tag, booking.programme, booking.site, \
    booking.instant, booking.doubt, booking.typed, booking.wish, booking.round, booking.slot, booking.serial, \
    booking.lease, booking.shown, booking.watermark, booking.document, booking.contact, booking.stands, booking.fed, \
    booking.pos, EXISTS (SELECT 1 FROM booking_cancelled AS gone WHERE gone.of_actor = booking.actor \
    AND gone.of_seq = booking.seq), slot.venue, slot.date, slot.start, slot.brands \
    FROM booking LEFT JOIN slot ON slot.id = booking.slot";

/// In the order that decides whose a number is: to whom it was lent before whoever used it first.
const BY_RIGHT: &str = "booking.its DESC, booking.instant, booking.typed, booking.site, booking.actor, booking.seq";

impl Store {
    /// Keeps a booking or a wish that has come; once.
    pub(crate) fn put_booking(&self, row: &BookingRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO booking VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
            ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?9 OR ?5 IS (SELECT site FROM numbers AS block \
            WHERE first = (SELECT max(first) FROM numbers WHERE first <= ?12) AND ?12 < first + count AND pos < ?20))";
        let row = rusqlite::params![
            &row.id.actor.0,
            row.id.seq,
            &row.tag.0,
            row.programme.as_str(),
            row.site.as_str(),
            row.at.second,
            row.at.doubt_s,
            row.reading == Reading::Typed,
            row.wish,
            row.round.as_str(),
            row.given.map(|(slot, _)| slot.0),
            row.given.map(|(_, serial)| signed(serial)),
            row.lease.map(|lease| lease.0),
            shown_number(row.shown),
            signed(row.watermark),
            &row.document.0,
            &row.contact.0,
            row.standing.number(),
            row.fed.map(|day| day.to_string()),
            signed(row.pos),
        ];
        self.run(SQL, row, "keep a booking").map(|_| ())
    }

    /// Keeps what a new look at the person found.
    pub(crate) fn set_booking(&self, row: &BookingRow) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE booking SET slot = ?3, serial = ?4, stands = ?5, fed = ?6 WHERE actor = ?1 AND seq = ?2";
        let (slot, serial) = row.given.unzip();
        let given = (slot.map(|slot| slot.0), serial.map(signed));
        let fed = row.fed.map(|day| day.to_string());
        let row = (&row.id.actor.0, row.id.seq, given.0, given.1, row.standing.number(), fed);
        self.run(SQL, row, "keep a booking's standing").map(|_| ())
    }

    pub(crate) fn booking(&self, id: &EntryId) -> Result<Option<BookingRow>, StoreError> {
        let sql = format!("{BOOKING} WHERE booking.actor = ?1 AND booking.seq = ?2");
        self.one(&sql, (&id.actor.0, id.seq), "look for a booking", booking)
    }

    /// At most so many of a person's bookings and wishes in a programme, by entry.
    pub(crate) fn bookings_of(
        &self,
        programme: &ProgrammeId,
        tag: &PersonTag,
        most: u32,
    ) -> Result<Vec<BookingRow>, StoreError> {
        let sql = format!(
            "{BOOKING} WHERE booking.tag = ?1 AND booking.programme = ?2 ORDER BY booking.actor, booking.seq LIMIT ?3"
        );
        self.all(&sql, (&tag.0, programme.as_str(), most), "read a person's bookings", booking)
    }

    /// Of the bookings with a serial number the one whose it is.
    pub(crate) fn first_of_serial(&self, serial: u64) -> Result<Option<BookingRow>, StoreError> {
        let sql = format!("{BOOKING} WHERE booking.serial = ?1 ORDER BY {BY_RIGHT} LIMIT 1");
        self.one(&sql, [signed(serial)], "look for a serial number", booking)
    }

    /// All bookings with a serial number, in the order that decides.
    pub(crate) fn bookings_of_serial(&self, serial: u64) -> Result<Vec<BookingRow>, StoreError> {
        let sql = format!("{BOOKING} WHERE booking.serial = ?1 ORDER BY {BY_RIGHT}");
        self.all(&sql, [signed(serial)], "look for a serial number", booking)
    }

    /// Bookings of a slot that were not taken back, by serial number.
    pub(crate) fn bookings_at(&self, slot: SlotNumber) -> Result<Vec<BookingRow>, StoreError> {
        let sql = format!("{BOOKING} WHERE booking.slot = ?1 AND booking.stands IN (1, 2) ORDER BY booking.serial");
        self.all(&sql, [slot.0], "read a slot's bookings", booking)
    }

    /// People with a live booking at a venue.
    pub(crate) fn people_at(&self, venue: &VenueId) -> Result<Vec<(PersonTag, ProgrammeId)>, StoreError> {
        const SQL: &str = "SELECT DISTINCT booking.tag, booking.programme FROM slot \
            JOIN booking ON booking.slot = slot.id WHERE slot.venue = ?1 AND booking.stands IN (1, 2)";
        self.all(SQL, [venue.as_str()], "read who is booked at a venue", person)
    }

    /// People with a booking or a wish in a round.
    pub(crate) fn people_in(&self, round: &VersionName) -> Result<Vec<(PersonTag, ProgrammeId)>, StoreError> {
        const SQL: &str = "SELECT DISTINCT tag, programme FROM booking WHERE round = ?1";
        self.all(SQL, [round.as_str()], "read who is booked in a round", person)
    }

    /// People who booked in a round without its list, or wait.
    pub(crate) fn people_unseen(&self, round: &VersionName) -> Result<Vec<(PersonTag, ProgrammeId)>, StoreError> {
        const SQL: &str = "SELECT DISTINCT tag, programme FROM booking WHERE round = ?1 AND (shown = 2 OR stands = 0)";
        self.all(SQL, [round.as_str()], "read who booked without a list", person)
    }

    /// How many live bookings each site has made at a venue.
    pub(crate) fn history(&self, venue: &VenueId) -> Result<Vec<(SiteCode, u32)>, StoreError> {
        const SQL: &str = "SELECT booking.site, count(*) FROM slot JOIN booking ON booking.slot = slot.id \
            WHERE slot.venue = ?1 AND booking.stands = 1 GROUP BY booking.site";
        self.all(SQL, [venue.as_str()], "count who books for a venue", |row| Ok((site(row, 0)?, row.get(1)?)))
    }

    /// Every booking and wish, by entry.
    pub(crate) fn bookings(&self) -> Result<Vec<BookingRow>, StoreError> {
        self.all(&format!("{BOOKING} ORDER BY booking.actor, booking.seq"), [], "read the bookings", booking)
    }

    /// The sites with bookings that no lease covers and that were not taken back, and when the first was made.
    pub(crate) fn booked_outside(&self) -> Result<Vec<(SiteCode, i64)>, StoreError> {
        const SQL: &str = "SELECT site, min(instant) FROM booking WHERE lease IS NULL AND wish = 0 AND stands IN (1, 2) \
            GROUP BY site ORDER BY site";
        self.all(SQL, [], "look what no lease covers", |row| Ok((site(row, 0)?, row.get(1)?)))
    }

    pub(crate) fn put_cancelled(&self, row: &CancelledRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO booking_cancelled VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let site = row.site.as_ref().map_or("", SiteCode::as_str);
        let (of, id) = (row.of, row.id);
        let row = (&of.actor.0, of.seq, &id.actor.0, id.seq, site, row.second, &row.reason);
        self.run(SQL, row, "keep a cancellation").map(|_| ())
    }

    /// Every cancellation in the order of what it takes back.
    pub(crate) fn all_cancelled(&self) -> Result<Vec<CancelledRow>, StoreError> {
        const SQL: &str = "SELECT of_actor, of_seq, actor, seq, site, instant, reason FROM booking_cancelled \
            ORDER BY of_actor, of_seq, actor, seq";
        self.all(SQL, [], "read the cancellations", |row| {
            let by: String = row.get(4)?;
            Ok(CancelledRow {
                of: entry_id(row, 0)?,
                id: entry_id(row, 2)?,
                site: if by.is_empty() { None } else { Some(site(row, 4)?) },
                second: row.get(5)?,
                reason: row.get(6)?,
            })
        })
    }

    /// Another name and telephone of a booking.
    pub(crate) fn put_amended(
        &self,
        (of, id): (&EntryId, &EntryId),
        (by, second): (&SiteCode, i64),
        contact: &Sealed,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO booking_amended VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let row = (&of.actor.0, of.seq, second, by.as_str(), &id.actor.0, id.seq, &contact.0);
        self.run(SQL, row, "keep another telephone number").map(|_| ())
    }

    /// The last name and telephone of a booking, who wrote it and in which entry; none where it was never amended.
    pub(crate) fn amended(&self, of: &EntryId) -> Result<Option<(SiteCode, EntryId, Sealed)>, StoreError> {
        const SQL: &str = "SELECT site, actor, seq, contact FROM booking_amended WHERE of_actor = ?1 AND of_seq = ?2 \
            ORDER BY instant DESC, site DESC, actor DESC, seq DESC LIMIT 1";
        self.one(SQL, (&of.actor.0, of.seq), "look for another telephone number", |row| {
            Ok((site(row, 0)?, entry_id(row, 1)?, Sealed(row.get(3)?)))
        })
    }

    /// Of every amended booking, who amended it in which entry.
    pub(crate) fn all_amended(&self) -> Result<Vec<(EntryId, SiteCode, EntryId)>, StoreError> {
        const SQL: &str = "SELECT of_actor, of_seq, site, actor, seq FROM booking_amended \
            ORDER BY of_actor, of_seq, instant, site, actor, seq";
        self.all(SQL, [], "read the other telephone numbers", |row| {
            Ok((entry_id(row, 0)?, site(row, 2)?, entry_id(row, 3)?))
        })
    }

    pub(crate) fn put_attended(&self, row: &AttendedRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR IGNORE INTO attended VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (of, id) = (row.of, row.id);
        let by = row.site.as_str();
        let row = (&of.actor.0, of.seq, row.second, by, &id.actor.0, id.seq, &row.what, &row.detail);
        self.run(SQL, row, "keep who came").map(|_| ())
    }

    /// When somebody who was booked at a venue was given the vaccine, in seconds since 1970: as a site says that keeps
    /// the venue's day, or has.
    pub(crate) fn given_at(&self, of: &EntryId, venue: &VenueId) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT min(instant) FROM attended WHERE of_actor = ?1 AND of_seq = ?2 AND what = 'given' \
            AND site IN (SELECT site FROM venue_keeper WHERE venue = ?3)";
        let row = (&of.actor.0, of.seq, venue.as_str());
        Ok(self.one(SQL, row, "read when it was given", |row| row.get(0))?.flatten())
    }

    /// The sites that said of somebody who came, or did not, what was not theirs to say.
    pub(crate) fn attended_elsewhere(&self, of: &EntryId, venue: &VenueId) -> Result<Vec<SiteCode>, StoreError> {
        const SQL: &str = "SELECT DISTINCT site FROM attended WHERE of_actor = ?1 AND of_seq = ?2 \
            AND site NOT IN (SELECT site FROM venue_keeper WHERE venue = ?3) ORDER BY site";
        self.all(SQL, (&of.actor.0, of.seq, venue.as_str()), "look who says who came", |row| site(row, 0))
    }

    /// Whether the hub knows that a booking's serial number was not its to use.
    pub(crate) fn is_number_anothers(&self, of: &EntryId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM booking WHERE actor = ?1 AND seq = ?2 AND its = 0 \
            AND NOT EXISTS (SELECT 1 FROM numbers_lost WHERE first <= booking.serial AND booking.serial < next)";
        Ok(self.one(SQL, (&of.actor.0, of.seq), "look whose a number is", |_| Ok(()))?.is_some())
    }

    /// Who came, in the order of bookings and of what was said of each.
    pub(crate) fn all_attended(&self) -> Result<Vec<AttendedRow>, StoreError> {
        const SQL: &str = "SELECT of_actor, of_seq, instant, site, actor, seq, what, detail FROM attended \
            ORDER BY of_actor, of_seq, instant, site, actor, seq";
        self.all(SQL, [], "read who came", |row| {
            Ok(AttendedRow {
                of: entry_id(row, 0)?,
                second: row.get(2)?,
                site: site(row, 3)?,
                id: entry_id(row, 4)?,
                what: row.get(6)?,
                detail: row.get(7)?,
            })
        })
    }
}

fn person(row: &Row<'_>) -> rusqlite::Result<(PersonTag, ProgrammeId)> {
    Ok((PersonTag(bytes(row, 0)?), parsed(row, 1)?))
}

fn shown_number(shown: Shown) -> i64 {
    match shown {
        Shown::Age => 0,
        Shown::List => 1,
        Shown::Unseen => 2,
    }
}

fn booking(row: &Row<'_>) -> rusqlite::Result<BookingRow> {
    let (shown, stands): (i64, i64) = (row.get(13)?, row.get(17)?);
    let strange = |column: usize, number: i64| damaged(column, StoreError::Damaged(format!("booking: {number}")));
    let number: Option<i64> = row.get(10)?;
    let serial: Option<i64> = row.get(11)?;
    let typed: bool = row.get(7)?;
    Ok(BookingRow {
        id: entry_id(row, 0)?,
        tag: PersonTag(bytes(row, 2)?),
        programme: parsed(row, 3)?,
        site: site(row, 4)?,
        at: Instant { second: row.get(5)?, doubt_s: row.get(6)? },
        reading: if typed { Reading::Typed } else { Reading::Card },
        wish: row.get(8)?,
        round: parsed(row, 9)?,
        given: number.map(SlotNumber).zip(serial.map(i64::unsigned_abs)),
        lease: row.get::<_, Option<i64>>(12)?.map(LeaseNumber),
        shown: [Shown::Age, Shown::List, Shown::Unseen]
            .into_iter()
            .find(|one| shown_number(*one) == shown)
            .ok_or_else(|| strange(13, shown))?,
        watermark: unsigned(row, 14)?,
        document: Sealed(row.get(15)?),
        contact: Sealed(row.get(16)?),
        standing: Standing::ALL.into_iter().find(|one| one.number() == stands).ok_or_else(|| strange(17, stands))?,
        fed: parsed_opt(row, 18)?,
        pos: unsigned(row, 19)?,
        cancelled: row.get(20)?,
        slot: if number.is_some() { Some(named(row, 21)?) } else { None },
    })
}
