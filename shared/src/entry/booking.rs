//! Booked places as facts (V1-V17): what the hub says of rounds, venues and capacity, what it lends, and what a counter
//! does with it. Nothing is edited: a cancellation, another telephone number, a place given back is a new entry.

mod place;

pub use place::*;

use super::{Reading, Sealed};
use crate::ids::{EntryId, Incarnation, ProgrammeId, SiteCode, VersionName};
use crate::sign::slip::Voucher;

/// One fact of booking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Booking {
    /// Nation: a round of a programme; its text is the TOML file.
    Round(Round),
    /// Nation: a venue; of one name the last word counts.
    Venue(Venue),
    /// Nation: how many a slot holds; of one slot the last word counts.
    Capacity(Capacity),
    /// Desk: places that this site may give away.
    Lease(Lease),
    /// Desk: serial numbers that this site may give away.
    Numbers(Numbers),
    /// Desk: what became of a wish of this site.
    Answer(Answer),
    /// Desk: where a booking of this site stands at the hub.
    Standing(BookingStanding),
    /// Desk of a venue's site: somebody is booked there.
    Expected(Expected),
    /// Site: a place from a lease is given away.
    Booked(Booked),
    /// Site: nothing was left to give; the hub decides (待確認).
    Wish(Wish),
    /// Site or desk: a booking is taken back.
    Cancelled(Cancelled),
    /// Site: another telephone number.
    Amended(Amended),
    /// Site: places that it will not give away any more.
    Returned(Returned),
    /// A venue's site: who came.
    Attended(Attended),
}

/// A published round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round {
    /// The TOML text.
    pub text: String,
}

/// Where people go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Venue {
    /// For machines.
    pub id: VenueId,
    /// 施打地點, without the suffix of brands; at most 120 bytes.
    pub name: String,
    /// 縣市.
    pub county: String,
    /// 鄉鎮市區.
    pub district: String,
    /// 施打地址, at most 240 bytes.
    pub address: String,
    /// At most 40 bytes; may be empty.
    pub phone: String,
    /// Whose edge keeps the venue's day.
    pub site: Option<SiteCode>,
    /// Whether it is offered.
    pub holds: bool,
}

/// How many a slot holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// Of which slot.
    pub slot: Slot,
    /// People.
    pub places: u32,
    /// Nothing more is given away there; who is booked is called.
    pub closed: bool,
}

/// Places lent to one life of a site's store: it gives away these and no others (docs/booking.md).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// To which life; another one of the same site may not use it.
    pub life: Incarnation,
    /// Of which slot.
    pub slot: Slot,
    /// How many.
    pub places: u32,
    /// From this second on (since 1970, UTC) nothing more is given away from it, and what is left is returned.
    pub until: i64,
}

/// Serial numbers lent to one life of a site's store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// To which life.
    pub life: Incarnation,
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// That this life's key may sign slips with these numbers; none where the hub knows no key of it.
    pub voucher: Option<Voucher>,
}

/// How it is known that somebody may book.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Shown {
    /// By the date of birth on the document alone.
    Age,
    /// By the round's list.
    List,
    /// By nothing: the list had not come to this site yet. The hub looks.
    Unseen,
}

/// Somebody has a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booked {
    /// Whose rules.
    pub programme: ProgrammeId,
    /// By which round.
    pub round: VersionName,
    /// Which place.
    pub slot: Slot,
    /// Out of which lease.
    pub lease: EntryId,
    /// 預約序號.
    pub serial: u64,
    /// Who, and how to reach them.
    pub person: Booker,
}

/// Who books: what is the same of a booking and of a wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booker {
    /// The document, sealed (slot 0).
    pub document: Sealed,
    /// Name and telephone, sealed (slot 2).
    pub contact: Sealed,
    /// How the document was read.
    pub reading: Reading,
    /// How far the site's knowledge of the nation reached: a position in the hub's feed, 0 for none.
    pub watermark: u64,
    /// How it is known that they may.
    pub shown: Shown,
}

/// Somebody would like a place, and the site has none left and no line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Whose rules.
    pub programme: ProgrammeId,
    /// By which round.
    pub round: VersionName,
    /// The slots that they would take, the dearest first; at most 8.
    pub ranked: Vec<Slot>,
    /// Who.
    pub person: Booker,
}

/// What the hub says to a wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The wish.
    pub wish: EntryId,
    /// Slot and serial number; none: there is nothing left, and the code says why.
    pub given: Option<(Slot, u64)>,
    /// That the asking life's key may sign a slip with this number.
    pub voucher: Option<Voucher>,
    /// A stable name for machines where nothing is given; at most 40 bytes.
    pub why: String,
}

/// Where a booking stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Stands {
    /// The person's one live booking.
    Live,
    /// Another booking of the same person came first; the place is held until somebody cancels.
    Over,
    /// Taken back.
    Cancelled,
}

impl Booking {
    /// Who books, of a booking or a wish.
    #[must_use]
    pub fn booker(&self) -> Option<&Booker> {
        match self {
            Self::Booked(it) => Some(&it.person),
            Self::Wish(it) => Some(&it.person),
            Self::Round(_)
            | Self::Venue(_)
            | Self::Capacity(_)
            | Self::Lease(_)
            | Self::Numbers(_)
            | Self::Answer(_)
            | Self::Standing(_)
            | Self::Expected(_)
            | Self::Cancelled(_)
            | Self::Amended(_)
            | Self::Returned(_)
            | Self::Attended(_) => None,
        }
    }

    /// Whether sites write facts like this one; the others are the hub's alone, which also cancels and gives up leases.
    #[must_use]
    pub fn is_of_sites(&self) -> bool {
        match self {
            Self::Booked(_)
            | Self::Wish(_)
            | Self::Cancelled(_)
            | Self::Amended(_)
            | Self::Returned(_)
            | Self::Attended(_) => true,
            Self::Round(_)
            | Self::Venue(_)
            | Self::Capacity(_)
            | Self::Lease(_)
            | Self::Numbers(_)
            | Self::Answer(_)
            | Self::Standing(_)
            | Self::Expected(_) => false,
        }
    }
}

impl Stands {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Over => "over",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where a booking or a granted wish of a site stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingStanding {
    /// Which.
    pub of: EntryId,
    /// How.
    pub stands: Stands,
}

/// Somebody is booked at a venue: for its day's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The booking.
    pub of: EntryId,
    /// 期別, for the number.
    pub round: u32,
    /// 預約序號.
    pub serial: u64,
    /// When.
    pub slot: Slot,
    /// Whether they still are.
    pub comes: bool,
    /// The document, sealed for this site under the place of [`Expected::place`] (slot 0).
    pub document: Sealed,
    /// Name and telephone (slot 2).
    pub contact: Sealed,
}

impl Expected {
    /// What document and contact are sealed for. No entry has this id: actors are random, and sequences count from 1.
    #[must_use]
    pub fn place(of: EntryId) -> EntryId {
        // Of another site's booking: the venue's own entries are under other actors.
        EntryId { actor: of.actor, seq: of.seq | 1 << 31 }
    }
}

/// A booking or a wish is taken back (V14).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancelled {
    /// Of whatever site.
    pub of: EntryId,
    /// 預約序號; 0 of a wish that has none.
    pub serial: u64,
    /// Why, at most 200 bytes; may be empty.
    pub reason: String,
}

/// Another telephone number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Amended {
    /// Of whatever site.
    pub of: EntryId,
    /// Name and telephone, sealed (slot 2).
    pub contact: Sealed,
}

/// Places of a lease that its holder gives up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Returned {
    /// Which lease.
    pub lease: EntryId,
    /// How many; never given away by anybody who holds the lease.
    pub places: u32,
}

/// What happened to somebody who was booked, as the venue says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attended {
    /// The booking.
    pub of: EntryId,
    /// 預約序號.
    pub serial: u64,
    /// On which slot they were.
    pub slot: Slot,
    /// What.
    pub what: Attendance,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Attendance {
    /// They are here.
    CheckedIn,
    /// Given: brand, and lot of at most 40 bytes.
    Given {
        /// Which vaccine.
        brand: String,
        /// From which lot.
        lot: String,
    },
    /// Not given; why, at most 200 bytes.
    NotGiven {
        /// Why.
        reason: String,
    },
    /// They come later the same day.
    Later {
        /// From when on.
        start: Start,
    },
}

impl Attendance {
    /// A stable name for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CheckedIn => "checked-in",
            Self::Given { .. } => "given",
            Self::NotGiven { .. } => "not-given",
            Self::Later { .. } => "later",
        }
    }
}
