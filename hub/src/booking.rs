//! Booked places at the hub: what is lent, what was given away, whose booking counts (docs/booking.md).
//!
//! **Invariant: nothing is lent or granted that is not free**, in the transaction that writes it. Accounts, standings
//! and findings follow from the journal, from the lists that were imported, and from what may have been lent before a
//! restore. In whatever order the ledgers came they are the same, but for what a site used before it was lent.

mod accounts;
mod contact;
mod dump;
mod enquire;
mod expected;
mod facts;
mod greeting;
mod hold;
mod judge;
mod lend;
mod lists;
mod near;
mod numbers;
mod offered;
mod overspent;
mod publish;
mod show;
mod tables;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{EntryId, PersonTag, ProgrammeId, SiteCode};

use crate::store::{BookingRow, SlotNumber, WaitingKey};

pub use accounts::SlotStatus;
pub use hold::Awaited;
pub use lists::{BadLines, BadRoundList, ListImported, ListStatus};
pub use publish::{BadBooking, PublishedRound, PublishedVenue, check_venue};
pub use show::{Called, LeaseStatus};
pub use tables::{BadTable, read_slots, read_venues};
pub use wishes::WaitingWish;
pub(crate) use wishes::WishesLeft;

/// A person with more bookings than this is no person; nobody else waits while they are read.
const BOOKINGS_READ_MAX: u32 = 1_024;

/// What was found of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BookingFault {
    /// Another booking of the person came first.
    Over,
    /// Made without the list, which speaks against it.
    NotEligible,
    /// Its serial number is another's.
    NumberTwice,
    /// Its serial number was never lent to its site.
    NumberNotLent,
    /// A site says who came that does not keep the venue's day; it does not count.
    AttendedElsewhere,
}

impl BookingFault {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Over => "booked",
            Self::NotEligible => "not-eligible",
            Self::NumberTwice => "number-twice",
            Self::NumberNotLent => "number-not-lent",
            Self::AttendedElsewhere => "attended-elsewhere",
        }
    }
}

/// A person in a programme.
type Person = (PersonTag, ProgrammeId);

/// Which of a person's bookings may stand otherwise now, beside those that the rule moves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    These(BTreeSet<EntryId>),
    All,
}

/// What a batch has touched of booked places.
#[derive(Default)]
pub(crate) struct Touches {
    people: BTreeMap<Person, Which>,
    slots: BTreeSet<SlotNumber>,
    /// Wishes that have just come.
    wishes: BTreeSet<WaitingKey>,
    /// Sites that gave numbers or places away, or back.
    sites: BTreeSet<SiteCode>,
}

impl Touches {
    /// Something was said of a booking.
    fn booking(&mut self, row: &BookingRow) {
        let which = self.people.entry((row.tag, row.programme.clone())).or_insert(Which::These(BTreeSet::new()));
        match which {
            Which::These(ids) => drop(ids.insert(row.id)),
            Which::All => {}
        }
    }

    /// All bookings of some people are looked at again.
    fn people(&mut self, people: impl IntoIterator<Item = (PersonTag, ProgrammeId)>) {
        self.people.extend(people.into_iter().map(|person| (person, Which::All)));
    }

    fn is_empty(&self) -> bool {
        self.people.is_empty() && self.slots.is_empty() && self.wishes.is_empty() && self.sites.is_empty()
    }
}
