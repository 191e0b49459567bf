//! One immutable fact in a ledger, as the domain sees it. Its bytes are `wire::v1::entry`.
//!
//! Nothing is ever edited: a withdrawal or a correction is a new entry that names the old one.

use chrono::NaiveDate;

use crate::ids::{EntryId, ProgrammeId, SiteCode, StaffId, VersionName};

pub mod access;
pub mod booking;
mod dispute;
pub mod notice;

pub use dispute::{ClearedDay, Decision, Dispute, Exception, Found, Source};

/// Pieces of a programme's two kinds of goods. Programmes with one kind use `adult`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash, PartialOrd, Ord)]
pub struct Pieces {
    /// 成人片數.
    pub adult: u32,
    /// 兒童片數.
    pub child: u32,
}

impl Pieces {
    /// Both kinds together.
    #[must_use]
    pub fn total(self) -> u32 {
        self.adult.saturating_add(self.child)
    }

    /// Kind by kind, and never less than nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self { adult: self.adult.saturating_sub(other.adult), child: self.child.saturating_sub(other.child) }
    }

    /// Kind by kind.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { adult: self.adult.saturating_add(other.adult), child: self.child.saturating_add(other.child) }
    }
}

/// A time as a site knew it: whole seconds since 1970 (UTC), corrected by the hub's beacons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Instant {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub second: i64,
    /// How far off it may be, in seconds; `u32::MAX` where nobody knows.
    pub doubt_s: u32,
}

/// How the document's number reached the counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Reading {
    /// Read from the card. Sorts before `Typed`: of two sales in one second the card's counts.
    Card,
    /// Typed by hand.
    Typed,
}

impl Reading {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Typed => "typed",
        }
    }
}

/// Who stood at the counter.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Staff {
    /// The name given, at most 64 bytes.
    pub name: String,
    /// Whether a sign-in proved it.
    pub verified: bool,
    /// Whose card it was.
    pub id: Option<StaffId>,
}

/// Bytes sealed under the site's key (`seal`): a document, never in clear at rest.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Sealed(pub Vec<u8>);

/// A fact with its time and its author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it was written down.
    pub at: Instant,
    /// By whom.
    pub by: Staff,
    /// What happened.
    pub fact: Fact,
}

/// What can be written in a ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// 口罩到貨: goods were counted in (M18).
    Arrival(Arrival),
    /// Somebody bought (M14, M15).
    Sale(Sale),
    /// A sale or an arrival of this ledger is taken back; stock and quota come back with it.
    Withdrawal(Withdrawal),
    /// The stock was wrong (stock-take, damage).
    Correction(Correction),
    /// Nation: the hub publishes a version; its text is the TOML file.
    Programme(Published),
    /// Desk: the hub announces a delivery (M19).
    Delivery(Delivery),
    /// Desk: the hub says whether a sale of this site counts.
    Standing(Standing),
    /// 異議: somebody who was refused says that it is wrong (docs/disputes.md).
    Dispute(Dispute),
    /// Nation: days that an operator has cleared of somebody, or clears no more.
    Exception(Exception),
    /// Desk: what an operator decided on a dispute of this site.
    Decision(Decision),
    /// Who may do what (S16-S20).
    Access(access::Access),
    /// Nation: a text for every counter (S6-S9, S23).
    Notice(notice::Notice),
    /// Booked places (V1-V17).
    Booking(booking::Booking),
}

/// Counted goods that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Whose goods.
    pub programme: ProgrammeId,
    /// What was counted.
    pub counted: Pieces,
    /// What the delivery advice said, where there was one; both are kept.
    pub advised: Option<Pieces>,
}

/// A purchase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sale {
    /// Whose rules.
    pub programme: ProgrammeId,
    /// The version that the site decided by.
    pub version: VersionName,
    /// What was sold.
    pub pieces: Pieces,
    /// When it really happened, where it was recorded afterwards (decision 16).
    pub happened: Option<Instant>,
    /// How the document was read.
    pub reading: Reading,
    /// How far the site's knowledge of the nation reached: a position in the hub's feed, 0 for none.
    pub watermark: u64,
    /// The days of the window of which it knew less, because their digests had not come yet.
    pub behind: Vec<Behind>,
    /// The buyer's document, sealed.
    pub document: Sealed,
    /// The document of the person who carried the card (M20), sealed.
    pub proxy: Option<Sealed>,
    /// A second person who stood for it, where the version wanted one: a name, at most 64 bytes, that nobody has proved.
    pub approved_by: Option<String>,
}

/// Days of which a site knew less than its watermark says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Behind {
    /// The first of them.
    pub first: NaiveDate,
    /// The last of them.
    pub last: NaiveDate,
    /// Known up to this position of the feed.
    pub known: u64,
    /// And again behind this one.
    pub again: u64,
}

/// An earlier entry of the same site taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withdrawal {
    /// The sale or arrival.
    pub of: EntryId,
    /// Why, at most 200 bytes.
    pub reason: String,
}

/// A change of stock that is neither arrival nor sale.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// Whose goods.
    pub programme: ProgrammeId,
    /// Pieces more or fewer.
    pub adult: i32,
    /// Pieces more or fewer.
    pub child: i32,
    /// Why, at most 200 bytes.
    pub reason: String,
}

/// A version of a programme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// The TOML text.
    pub text: String,
}

/// An expected delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Whose goods.
    pub programme: ProgrammeId,
    /// For which business day.
    pub day: NaiveDate,
    /// How many.
    pub pieces: Pieces,
}

/// The hub's finding on one sale of a site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The sale.
    pub sale: EntryId,
    /// Whether it is one too many; the stock keeps its effect, the quota does not.
    pub over: bool,
}

impl Sale {
    /// The instant that quota and order look at: when it happened, else when it was written.
    #[must_use]
    pub fn instant(&self, written: Instant) -> Instant {
        self.happened.unwrap_or(written)
    }
}

/// Who wrote an entry and under what name: everything about it that is not in its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The site whose ledger it is.
    pub site: SiteCode,
    /// Its id.
    pub id: EntryId,
}
