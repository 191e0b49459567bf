//! Booked places at a site (V1-V17; docs/booking.md): who has what, what may be given away, and the deeds.
//!
//! **Invariant: nothing is given away that the hub's present life has not lent to this life of the store.** What is held
//! is a fold of the hub's leases and of this site's own entries, in whatever order they come; nothing of it is counted
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shared::entry::booking::{
    Answer, Attended, Booking, Cancelled, Capacity, Expected, Lease, Numbers, Returned, Slot, Stands, Venue, VenueId,
};
use shared::entry::{Entry, Fact};
use shared::ids::{DocId, EntryId, PersonTag, ProgrammeId, VersionName};
use shared::lease::Purse;
use shared::rules::booking::round::{Round, Rounds};
use shared::sync::edge::LogPos;

use super::write::decoded;
use super::{BadAsk, Committed, Node, NodeError};

mod book;
mod cancel;
mod draft;
mod enquire;
mod export;
mod known;
mod look;
mod returns;
mod shown;
mod venue;

use enquire::Asked;

/// The shelf under which rows of bookings stand in the log: it holds nothing.
const BOOKING_ROWS: &str = "site-booking";
/// Most slots that are remembered; the oldest day goes first. Not by today's date: the clock may be wrong until the first
/// beacon.
const SLOTS_MAX: usize = 200_000;

/// A booking or a wish of this site.
#[derive(Debug, Clone)]
struct Own {
    pos: LogPos,
    programme: ProgrammeId,
    round: VersionName,
    tag: PersonTag,
    /// The slots that would do; of a booking the one that is theirs.
    ranked: Vec<Slot>,
    /// Of a booking: out of which lease, and its number.
    given: Option<(EntryId, u64)>,
}

/// Everything that is known of bookings here.
#[derive(Debug, Default)]
pub(super) struct Bookings {
    rounds: Rounds,
    venues: BTreeMap<VenueId, Venue>,
    capacities: BTreeMap<Slot, Capacity>,
    leases: BTreeMap<EntryId, Lease>,
    numbers: BTreeMap<EntryId, Numbers>,
    purse: Purse,
    /// A lease or a block came, and the purse is not folded yet.
    is_changed: bool,
    own: BTreeMap<EntryId, Own>,
    by_person: HashMap<PersonTag, Vec<EntryId>>,
    by_serial: BTreeMap<u64, EntryId>,
    /// What the hub said to wishes.
    answers: BTreeMap<EntryId, Answer>,
    /// Bookings of whatever site that were taken back here, and where in the log.
    cancelled_here: BTreeMap<EntryId, LogPos>,
    /// As the hub says.
    stands: BTreeMap<EntryId, Stands>,
    cancelled_there: BTreeSet<EntryId>,
    /// Where the newest other telephone number of a booking stands in the log.
    amended: BTreeMap<EntryId, LogPos>,
    returned: BTreeMap<EntryId, u32>,
    expected: BTreeMap<EntryId, Expected>,
    /// The last word on somebody at a venue of this site.
    attended: BTreeMap<EntryId, Attended>,
    asked: Asked,
}

/// The shelf of rows of bookings.
pub(super) fn booking_rows() -> ProgrammeId {
    // The name is one; a test says so.
    BOOKING_ROWS.parse().unwrap_or_else(|_| unreachable!("a name of ours"))
}

impl Bookings {
    /// Whether a booking of whatever site was taken back, as far as is known.
    fn is_cancelled(&self, of: &EntryId) -> bool {
        self.cancelled_here.contains_key(of) || self.cancelled_there.contains(of)
    }

    /// A booking is taken back, by whomever: its place is in the lease again, once.
    fn cancel(&mut self, of: EntryId, here: Option<LogPos>) {
        let was = self.is_cancelled(&of);
        match here {
            Some(pos) => drop(self.cancelled_here.entry(of).or_insert(pos)),
            None => drop(self.cancelled_there.insert(of)),
        }
        if !was && let Some((lease, _)) = self.own.get(&of).and_then(|own| own.given) {
            self.purse.freed(&lease);
        }
    }

    /// A booking or a wish of this site.
    fn add(&mut self, id: EntryId, own: Own) {
        self.by_person.entry(own.tag).or_default().push(id);
        if let Some((lease, serial)) = own.given {
            self.by_serial.insert(serial, id);
            self.purse.spent(&lease, serial);
            if self.is_cancelled(&id) {
                self.purse.freed(&lease);
            }
        }
        self.own.insert(id, own);
    }

    fn give_back(&mut self, Returned { lease, places }: &Returned) {
        let all = self.returned.entry(*lease).or_default();
        *all = all.saturating_add(*places);
        self.purse.returned(lease, *places);
    }

    /// The purse from the hub's leases and this site's entries.
    fn fold_purse(&mut self) {
        let mut purse = Purse::default();
        self.leases.iter().for_each(|(id, lease)| purse.take_lease(*id, lease.clone()));
        self.numbers.iter().for_each(|(id, numbers)| purse.take_numbers(*id, numbers.clone()));
        for (id, own) in &self.own {
            let Some((lease, serial)) = own.given else { continue };
            purse.spent(&lease, serial);
            if self.is_cancelled(id) {
                purse.freed(&lease);
            }
        }
        self.returned.iter().for_each(|(lease, places)| purse.returned(lease, *places));
        (self.purse, self.is_changed) = (purse, false);
    }

    /// Another life of the hub: what the last one lent and said of this site is nothing until this one says it too.
    fn forget_hub(&mut self) {
        self.leases.clear();
        self.numbers.clear();
        for wish in std::mem::take(&mut self.answers).into_values() {
            wish.given.and_then(|(_, serial)| self.by_serial.remove(&serial));
        }
        self.stands.clear();
        self.cancelled_there.clear();
        self.expected.clear();
        self.asked = Asked::default();
        self.fold_purse();
    }

    /// One fact of the hub's ledgers; whether it has a meaning there.
    fn came(&mut self, doc: DocId, id: EntryId, booking: Booking) -> bool {
        match (doc, booking) {
            (DocId::Nation { .. }, Booking::Round(round)) => match Round::parse(&round.text) {
                Ok(round) => self.rounds.insert(round),
                Err(bad) => tracing::warn!(%bad, "a published round cannot be read; update this edge"),
            },
            (DocId::Nation { .. }, Booking::Venue(venue)) => drop(self.venues.insert(venue.id.clone(), venue)),
            (DocId::Nation { .. }, Booking::Capacity(of)) => self.hold(of, SLOTS_MAX),
            (DocId::Desk { .. }, Booking::Lease(lease)) => {
                self.leases.insert(id, lease);
                self.is_changed = true;
            }
            (DocId::Desk { .. }, Booking::Numbers(numbers)) => {
                self.numbers.insert(id, numbers);
                self.is_changed = true;
            }
            (DocId::Desk { .. }, Booking::Answer(answer)) => self.answered(answer),
            (DocId::Desk { .. }, Booking::Standing(standing)) => {
                self.stands.insert(standing.of, standing.stands);
                if standing.stands == Stands::Cancelled {
                    self.cancel(standing.of, None);
                }
            }
            (DocId::Desk { .. }, Booking::Cancelled(Cancelled { of, .. })) => self.cancel(of, None),
            (DocId::Desk { .. }, Booking::Expected(expected)) => drop(self.expected.insert(expected.of, expected)),
            (
                DocId::Nation { .. } | DocId::Desk { .. } | DocId::Site { .. },
                Booking::Round(_)
                | Booking::Venue(_)
                | Booking::Capacity(_)
                | Booking::Lease(_)
                | Booking::Numbers(_)
                | Booking::Answer(_)
                | Booking::Standing(_)
                | Booking::Expected(_)
                | Booking::Booked(_)
                | Booking::Wish(_)
                | Booking::Cancelled(_)
                | Booking::Amended(_)
                | Booking::Returned(_)
                | Booking::Attended(_),
            ) => return false,
        }
        true
    }

    /// The last word on a slot.
    fn hold(&mut self, of: Capacity, most: usize) {
        let newest = of.slot.date;
        self.capacities.insert(of.slot.clone(), of);
        if self.capacities.len() > most {
            let oldest = self.capacities.keys().map(|slot| slot.date).min().filter(|oldest| *oldest < newest);
            self.capacities.retain(|slot, _| Some(slot.date) != oldest);
        }
    }

    fn answered(&mut self, answer: Answer) {
        if let Some((_, serial)) = answer.given {
            self.by_serial.insert(serial, answer.wish);
        }
        self.answers.insert(answer.wish, answer);
    }
}

impl Node {
    /// What came of the hub's ledgers; whether it has a meaning there.
    pub(super) fn booking_came(&mut self, doc: DocId, id: EntryId, booking: Booking) -> bool {
        self.bookings.came(doc, id, booking)
    }

    /// Folds again where leases or numbers came.
    pub(super) fn fold_leases(&mut self) {
        if self.bookings.is_changed {
            self.bookings.fold_purse();
        }
    }

    /// Another life of the hub begins.
    pub(super) fn forget_hub_bookings(&mut self) {
        self.bookings.forget_hub();
    }

    /// The bookings in this site's own log, in its order.
    pub(super) fn load_bookings(&mut self, places: &[LogPos]) -> Result<(), NodeError> {
        for pos in places {
            let Some(row) = self.store.row(*pos)?.map(Committed::into_inner) else { continue };
            let Entry { at: _, by: _, fact } = decoded(&row)?;
            if let Fact::Booking(booking) = fact {
                self.wrote(row.id, *pos, &booking)?;
            }
        }
        Ok(())
    }

    /// One entry of this site's is on the disk.
    fn wrote(&mut self, id: EntryId, pos: LogPos, booking: &Booking) -> Result<(), NodeError> {
        match booking {
            Booking::Booked(it) => {
                let tag = self.tag_of(&id, &it.person.document)?;
                let (programme, round) = (it.programme.clone(), it.round.clone());
                let given = Some((it.lease, it.serial));
                self.bookings.add(id, Own { pos, programme, round, tag, ranked: vec![it.slot.clone()], given });
            }
            Booking::Wish(it) => {
                let tag = self.tag_of(&id, &it.person.document)?;
                let (programme, round, ranked) = (it.programme.clone(), it.round.clone(), it.ranked.clone());
                self.bookings.add(id, Own { pos, programme, round, tag, ranked, given: None });
            }
            Booking::Cancelled(it) => self.bookings.cancel(it.of, Some(pos)),
            Booking::Amended(it) => drop(self.bookings.amended.insert(it.of, pos)),
            Booking::Returned(it) => self.bookings.give_back(it),
            Booking::Attended(it) => drop(self.bookings.attended.insert(it.of, it.clone())),
            Booking::Round(_)
            | Booking::Venue(_)
            | Booking::Capacity(_)
            | Booking::Lease(_)
            | Booking::Numbers(_)
            | Booking::Answer(_)
            | Booking::Standing(_)
            | Booking::Expected(_) => {}
        }
        Ok(())
    }

    fn tag_of(&self, id: &EntryId, document: &shared::entry::Sealed) -> Result<PersonTag, NodeError> {
        Ok(self.keys.tag(&self.keys.open(id, 0, document)?.person()))
    }

    /// An entry of bookings in the log can be read.
    pub(super) fn prove_booking(&self, id: &EntryId, booking: &Booking) -> Result<(), NodeError> {
        if let Some(person) = booking.booker() {
            self.keys.open(id, 0, &person.document)?;
            self.keys.open_contact(id, &person.contact)?;
        }
        if let Booking::Amended(it) = booking {
            self.keys.open_contact(id, &it.contact)?;
        }
        Ok(())
    }

    /// The first day that a round of a programme may still reach.
    pub(super) fn bookings_reach(&self) -> BTreeMap<ProgrammeId, chrono::NaiveDate> {
        self.bookings.rounds.reached_from(self.today)
    }

    fn check_takes_booking(&self) -> Result<(), BadAsk> {
        if self.takes_booking { Ok(()) } else { Err(BadAsk::NoBooking) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_of_bookings_has_a_name() {
        assert_eq!(booking_rows().as_str(), BOOKING_ROWS);
    }

    #[test]
    fn of_too_many_slots_the_oldest_day_goes() {
        let mut book = Bookings::default();
        let capacity = |date: &str, start: &str| Capacity {
            slot: Slot {
                venue: "0291010019".parse().unwrap(),
                date: date.parse().unwrap(),
                start: start.parse().unwrap(),
                brands: "AZ".parse().unwrap(),
            },
            places: 1,
            closed: false,
        };
        for start in ["10:00", "11:00", "12:00", "13:00"] {
            book.hold(capacity("2021-07-12", start), 3);
        }
        assert_eq!(book.capacities.len(), 4, "a day stays whole");
        book.hold(capacity("2021-07-13", "10:00"), 3);
        let days: Vec<String> = book.capacities.keys().map(|slot| slot.date.to_string()).collect();
        assert_eq!(days, ["2021-07-13"]);
    }
}
