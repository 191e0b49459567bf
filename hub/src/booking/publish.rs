//! What the hub says of booking: rounds, venues, how many a slot holds; and what an operator takes back.

use chrono::NaiveDate;
use shared::entry::booking::{
    BadName, Booking, Cancelled, Capacity, Returned, Round as Published, Start, Venue, VenueId,
};
use shared::entry::{Entry, Fact};
use shared::ids::{DocId, EntryId, VersionName};
use shared::rules::booking::round::{Round, Rounds};
use shared::rules::identity::holds_number;
use shared::rules::programme::{BadVersion, Why};
use shared::wire::v1::entry::{self, ADDRESS_BYTES_MAX, ENTRY_BYTES_MAX, REASON_BYTES_MAX, VENUE_NAME_BYTES_MAX};

use crate::hub::{Hub, HubError};
use crate::project::Batch;
use crate::publish::{desk, month, signed};
use crate::store::{RoundRow, SlotRow};

/// Longest telephone number of a venue, in bytes.
const PHONE_BYTES_MAX: usize = 40;
/// Longest county or district, in bytes.
const PLACE_BYTES_MAX: usize = 40;

/// A round as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRound {
    /// The round.
    pub round: Round,
    /// By whom.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}

/// A venue as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedVenue {
    /// The venue.
    pub venue: Venue,
    /// By whom.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}

/// What cannot be published of booking, or taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBooking {
    /// A name of something.
    #[error("名稱不符 {0}")]
    Name(#[from] BadName),
    /// A text that is empty or too long.
    #[error("{what} 為空白或過長 the {what} is empty or longer than {bytes_max} bytes")]
    Text {
        /// Which.
        what: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// No such venue.
    #[error("查無此施打地點 unknown venue {0:?}; `atoll-hub venue list` shows them")]
    Venue(String),
    /// No such slot.
    #[error("查無此時段 no such slot is offered; `atoll-hub slot list` shows them")]
    Slot,
    /// Nothing with this number, or nothing that was not taken back.
    #[error("查無此預約 there is no booking with this number that could be cancelled")]
    Booking,
    /// Two bookings have one number.
    #[error("此預約序號重複 several bookings have this number; name one of them by its entry")]
    Several,
    /// No such lease, or nothing left of it.
    #[error("查無此配額 there is no such lease, or nothing is left of it; `atoll-hub lease list` shows them")]
    Lease,
    /// No reason, or one that is too long, or with somebody's number.
    #[error(
        "請填寫原因，勿填證號（上限 {REASON_BYTES_MAX} 位元組） a reason is needed, without identity numbers, of at most {REASON_BYTES_MAX} bytes"
    )]
    Reason,
}

/// What a reason may be.
fn check_reason(reason: &str) -> Result<String, BadBooking> {
    let reason = reason.trim();
    let fits = !reason.is_empty() && reason.len() <= REASON_BYTES_MAX && !holds_number(reason);
    if fits { Ok(reason.to_owned()) } else { Err(BadBooking::Reason) }
}

/// Whether a venue's texts are as long as they may be.
///
/// # Errors
/// The first that is not.
pub fn check_venue(venue: &Venue) -> Result<(), BadBooking> {
    let filled = [
        ("name", venue.name.as_str(), VENUE_NAME_BYTES_MAX),
        ("county", venue.county.as_str(), PLACE_BYTES_MAX),
        ("district", venue.district.as_str(), PLACE_BYTES_MAX),
        ("address", venue.address.as_str(), ADDRESS_BYTES_MAX),
    ];
    for (what, text, bytes_max) in filled {
        if text.is_empty() || text.len() > bytes_max {
            return Err(BadBooking::Text { what, bytes_max });
        }
    }
    if venue.phone.len() > PHONE_BYTES_MAX {
        return Err(BadBooking::Text { what: "phone", bytes_max: PHONE_BYTES_MAX });
    }
    Ok(())
}

/// What is wrong where another round of the programme begins on the same day: lists and digests go by those two.
fn day_taken(known: &Rounds, round: &Round, text: &str) -> Option<BadVersion> {
    known.clash(round)?;
    let begins = |line: &str| line.trim_start().starts_with("first_day");
    let line = text.lines().position(begins).map_or(1, |at| at + 1);
    let why = Why::Contradicts {
        zh: "同一計畫已公布首日相同的其他期別；名冊以計畫與首日為準，請改用其他首日",
        en: "is the first day of another published round of this programme: a list goes by programme and first day",
    };
    Some(BadVersion { line, field: "first_day".to_owned(), why })
}

impl Hub {
    /// Publishes a round to the nation; of one name the last word counts.
    ///
    /// # Errors
    /// Where the machine fails; a text that is no round is the inner error.
    pub fn publish_round(
        &mut self,
        text: &str,
        by: &str,
        second: i64,
    ) -> Result<Result<VersionName, BadVersion>, HubError> {
        let round = match Round::parse(text) {
            Ok(round) => round,
            Err(bad) => return Ok(Err(bad)),
        };
        let entry = signed(Fact::Booking(Booking::Round(Published { text: text.to_owned() })), by, second);
        if entry::encode(&entry).len() > ENTRY_BYTES_MAX {
            let why = Why::TooLong { most: ENTRY_BYTES_MAX - 200 };
            return Ok(Err(BadVersion { line: 1, field: "(toml)".to_owned(), why }));
        }
        // What is not done is no deed: a transaction would write one down.
        if let Some(bad) = day_taken(&self.fresh_rounds()?, &round, text) {
            return Ok(Err(bad));
        }
        self.transact(|hub| {
            if let Some(bad) = day_taken(&hub.memory.rounds, &round, text) {
                return Ok(Err(bad));
            }
            hub.write(DocId::Nation { month: month(second) }, &[entry], second)?;
            let mut batch = Batch::new(second);
            hub.touch_round(&round.name, &mut batch)?;
            hub.settle(batch)?;
            hub.lend_due(second)?;
            Ok(Ok(round.name))
        })
    }

    /// Publishes venues to the nation; of one name the last word counts.
    ///
    /// # Errors
    /// Where the machine fails; what is no venue is the inner error, with its place among them.
    pub fn put_venues(
        &mut self,
        venues: &[Venue],
        by: &str,
        second: i64,
    ) -> Result<Result<(), (usize, BadBooking)>, HubError> {
        for (place, venue) in venues.iter().enumerate() {
            if let Err(bad) = check_venue(venue) {
                return Ok(Err((place, bad)));
            }
        }
        let entry = |venue: &Venue| signed(Fact::Booking(Booking::Venue(venue.clone())), by, second);
        let entries: Vec<Entry> = venues.iter().map(entry).collect();
        self.transact(|hub| {
            hub.write(DocId::Nation { month: month(second) }, &entries, second)?;
            let mut batch = Batch::new(second);
            for venue in venues {
                batch.bookings.people(hub.store.people_at(&venue.id)?);
            }
            hub.settle(batch)?;
            hub.lend_due(second).map(drop)
        })?;
        Ok(Ok(()))
    }

    /// Says how many some slots hold; of one slot the last word counts. What becomes free is granted and lent at once.
    ///
    /// # Errors
    /// Where the machine fails; a slot at a venue that nobody has published is the inner error, with its place.
    pub fn put_capacities(
        &mut self,
        capacities: &[Capacity],
        by: &str,
        second: i64,
    ) -> Result<Result<(), (usize, BadBooking)>, HubError> {
        for (place, capacity) in capacities.iter().enumerate() {
            if self.store.venue(&capacity.slot.venue)?.is_none() {
                return Ok(Err((place, BadBooking::Venue(capacity.slot.venue.to_string()))));
            }
        }
        let entry = |capacity: &Capacity| signed(Fact::Booking(Booking::Capacity(capacity.clone())), by, second);
        let entries: Vec<Entry> = capacities.iter().map(entry).collect();
        self.transact(|hub| {
            hub.write(DocId::Nation { month: month(second) }, &entries, second)?;
            let mut batch = Batch::new(second);
            for capacity in capacities {
                batch.bookings.slots.insert(hub.store.slot_number(&capacity.slot)?);
            }
            hub.settle(batch)?;
            hub.lend_due(second).map(drop)
        })?;
        Ok(Ok(()))
    }

    /// Closes the slots of a venue's day, perhaps of one hour, or opens them again; gives how many.
    ///
    /// # Errors
    /// Where the machine fails; that nothing is offered then is the inner error.
    pub fn close_slots(
        &mut self,
        (venue, date, start): (&VenueId, NaiveDate, Option<Start>),
        closed: bool,
        by: &str,
        second: i64,
    ) -> Result<Result<usize, BadBooking>, HubError> {
        let rows = self.slots_at(venue, date, start)?.into_iter().filter(|row| row.offered);
        let capacity = |row: SlotRow| Capacity { slot: row.slot, places: row.account.capacity, closed };
        let capacities: Vec<Capacity> = rows.map(capacity).collect();
        if capacities.is_empty() {
            return Ok(Err(BadBooking::Slot));
        }
        let count = capacities.len();
        Ok(self.put_capacities(&capacities, by, second)?.map(|()| count).map_err(|(_, bad)| bad))
    }

    /// Cancels a booking on its site's desk.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be cancelled is the inner error.
    pub fn cancel_booking(
        &mut self,
        of: &EntryId,
        (reason, by): (&str, &str),
        second: i64,
    ) -> Result<Result<(), BadBooking>, HubError> {
        let reason = match check_reason(reason) {
            Ok(reason) => reason,
            Err(bad) => return Ok(Err(bad)),
        };
        let stands = |hub: &Self| Ok::<_, HubError>(hub.store.booking(of)?.filter(|row| !row.cancelled));
        // What is not done is no deed: a transaction would write one down.
        if stands(self)?.is_none() {
            return Ok(Err(BadBooking::Booking));
        }
        self.transact(|hub| {
            let Some(row) = stands(hub)? else { return Ok(Err(BadBooking::Booking)) };
            let serial = row.given.map_or(0, |(_, serial)| serial);
            let cancelled = Booking::Cancelled(Cancelled { of: *of, serial, reason });
            hub.write(desk(&row.site, second), &[signed(Fact::Booking(cancelled), by, second)], second)?;
            let mut batch = Batch::new(second);
            hub.touch_booking(of, &mut batch)?;
            hub.settle(batch)?;
            Ok(Ok(()))
        })
    }

    /// Gives up what is left of a lease whose holder never comes back: written down on its desk, and free again. Slips
    /// of it may be out there.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be given up is the inner error.
    pub fn forfeit_lease(
        &mut self,
        lease: &EntryId,
        (reason, by): (&str, &str),
        second: i64,
    ) -> Result<Result<u32, BadBooking>, HubError> {
        if let Err(bad) = check_reason(reason) {
            return Ok(Err(bad));
        }
        let left = |hub: &Self| {
            let row = hub.store.lease(lease)?.filter(|row| row.left() > 0);
            Ok::<_, HubError>(row.and_then(|row| u32::try_from(row.left()).ok().map(|left| (row, left))))
        };
        if left(self)?.is_none() {
            return Ok(Err(BadBooking::Lease));
        }
        self.transact(|hub| {
            let Some((row, places)) = left(hub)? else { return Ok(Err(BadBooking::Lease)) };
            let returned = Booking::Returned(Returned { lease: *lease, places });
            hub.write(desk(&row.site, second), &[signed(Fact::Booking(returned), by, second)], second)?;
            let mut batch = Batch::new(second);
            batch.bookings.slots.insert(row.at);
            hub.settle(batch)?;
            Ok(Ok(places))
        })
    }

    /// Every round that was published, as the last word on it stands, by name.
    ///
    /// # Errors
    /// Where the store fails or holds what is no round.
    pub fn rounds(&self) -> Result<Vec<PublishedRound>, HubError> {
        let read = |row: RoundRow| {
            let round = Round::parse(&row.text)
                .map_err(|cause| HubError::Damaged(format!("round {} of the journal: {cause}", row.name)))?;
            Ok(PublishedRound { round, by: row.author, second: row.second })
        };
        self.store.rounds()?.into_iter().map(read).collect()
    }

    /// The same, to be asked which are open.
    pub(crate) fn fresh_rounds(&self) -> Result<Rounds, HubError> {
        let mut rounds = Rounds::default();
        for published in self.rounds()? {
            rounds.insert(published.round);
        }
        Ok(rounds)
    }

    /// Every venue that was published, as the last word on it stands, by name.
    ///
    /// # Errors
    /// Where the store fails or holds what is no venue.
    pub fn venues(&self) -> Result<Vec<PublishedVenue>, HubError> {
        let mut out = Vec::new();
        for bytes in self.store.venues()? {
            let entry = entry::decode(&bytes).map_err(|cause| HubError::Damaged(format!("a venue: {cause}")))?;
            if let Fact::Booking(Booking::Venue(venue)) = entry.fact {
                out.push(PublishedVenue { venue, by: entry.by.name, second: entry.at.second });
            }
        }
        Ok(out)
    }
}
