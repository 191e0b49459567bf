//! What is written down when somebody who was refused says that it is wrong (docs/disputes.md).

use chrono::NaiveDate;

use super::{Reading, Sealed};
use crate::ids::{CaseId, EntryId, ProgrammeId, VersionName};

/// A refusal that is disputed, with what the site knew: in the site's own ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// Whose rules.
    pub programme: ProgrammeId,
    /// The version that the site refused by.
    pub version: VersionName,
    /// How the document was read.
    pub reading: Reading,
    /// How far the site's knowledge of the nation reached: a position in the hub's feed, 0 for none.
    pub watermark: u64,
    /// The person's document, sealed.
    pub document: Sealed,
    /// The purchases on which the person was refused.
    pub found: Vec<Found>,
    /// What the person says, at most 200 bytes.
    pub reason: String,
}

/// A purchase that a refusal rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Found {
    /// Its business day.
    pub day: NaiveDate,
    /// Whence it is known.
    pub source: Source,
}

/// Whence a site knows of a purchase. Never where it was: a site is not told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Source {
    /// It is the site's own sale.
    Own,
    /// The nation's list has it.
    Nation,
}

impl Source {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Nation => "nation",
        }
    }
}

/// What an operator has cleared of somebody, for every edge; nobody is named. Of one case the last word counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exception {
    /// The dispute's case.
    pub case: CaseId,
    /// The programme.
    pub programme: ProgrammeId,
    /// Whether it holds; a decision that is taken back ends it.
    pub holds: bool,
    /// Purchases up to this second (since 1970, UTC) do not count on those days; what is bought later does.
    pub upto: i64,
    /// The days.
    pub days: Vec<ClearedDay>,
}

/// A day on which somebody's purchases do not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClearedDay {
    /// The business day.
    pub day: NaiveDate,
    /// The person's fingerprint of that day, under the day's key.
    pub fingerprint: u64,
    /// Which purchases, as the nation's list marks them; none: whatever the list has under that fingerprint, for the
    /// hub knows of no purchase of this person.
    pub marks: Vec<u32>,
}

/// What an operator decided; by whom stands in the entry. A later decision beats an earlier one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The dispute.
    pub of: EntryId,
    /// Whether the person was right.
    pub granted: bool,
    /// What the operator says to it, at most 200 bytes.
    pub words: String,
}
