//! What was done by somebody whose right had been withdrawn in the meantime: found when ledgers meet, told once.

use std::collections::BTreeMap;

use super::{BOOKING, MASKS, Rights};
use crate::entry::access::{Access, Right};
use crate::entry::booking::Booking;
use crate::entry::{Entry, Fact, Instant};
use crate::ids::{EntryId, StaffId};
use crate::rules::calendar::taipei_day;

/// Something that somebody did who was signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The entry.
    pub id: EntryId,
    /// When.
    pub at: Instant,
    /// Who.
    pub by: StaffId,
    /// What it needed.
    pub right: Right,
}

impl Deed {
    /// What an entry of a site says that somebody who was signed in did; none where nobody was. A grant is judged by its
    /// own signature ([`Rights::void`]).
    #[must_use]
    pub fn of(id: EntryId, entry: &Entry) -> Option<Self> {
        let by = entry.by.id.filter(|_| entry.by.verified)?;
        Some(Self { id, at: entry.at, by, right: needed(&entry.fact)? })
    }
}

/// What somebody needs for a deed.
fn needed(fact: &Fact) -> Option<Right> {
    match fact {
        Fact::Sale(_) | Fact::Arrival(_) | Fact::Withdrawal(_) | Fact::Correction(_) | Fact::Dispute(_) => {
            Right::service(MASKS)
        }
        Fact::Booking(
            Booking::Booked(_) | Booking::Wish(_) | Booking::Cancelled(_) | Booking::Amended(_) | Booking::Attended(_),
        ) => Right::service(BOOKING),
        Fact::Access(Access::Revocation(revocation)) => {
            let first = revocation.rights.first()?;
            [Right::Representative, Right::Manager].into_iter().find(|right| right.gives(first))
        }
        Fact::Access(Access::Grant(_) | Access::Issuer(_) | Access::Revoked(_) | Access::Service(_))
        | Fact::Programme(_)
        | Fact::Delivery(_)
        | Fact::Standing(_)
        | Fact::Exception(_)
        | Fact::Decision(_)
        | Fact::Notice(_)
        | Fact::Booking(_) => None,
    }
}

/// Deeds behind one revocation, as one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misuse {
    /// Who.
    pub by: StaffId,
    /// What they had no right to.
    pub right: Right,
    /// The revocation; none: nobody ever gave the right, or it had expired.
    pub revocation: Option<EntryId>,
    /// When it was written.
    pub withdrawn: Option<Instant>,
    /// The first deed behind it.
    pub first: EntryId,
    /// When that was.
    pub at: Instant,
    /// How many there are.
    pub deeds: u64,
}

impl Misuse {
    /// One more of what was found of the same revocation among other deeds.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (first, second) =
            if (other.at, other.first) < (self.at, self.first) { (other, self) } else { (self, other) };
        Self { deeds: first.deeds.saturating_add(second.deeds), ..first }
    }
}

/// Every misuse among these deeds. Of several revocations the first one before the deed is named; a deed that was
/// written before every revocation is none.
#[must_use]
pub fn misused(rights: &Rights, deeds: &[Deed]) -> Vec<Misuse> {
    let mut found: BTreeMap<(StaffId, Right, Option<EntryId>), Misuse> = BTreeMap::new();
    for deed in deeds {
        let Err(revocation) = judge(rights, deed) else { continue };
        let withdrawn = revocation.and_then(|id| rights.taken_at(&id));
        let key = (deed.by, deed.right.clone(), revocation);
        let misuse = found.entry(key).or_insert_with(|| Misuse {
            by: deed.by,
            right: deed.right.clone(),
            revocation,
            withdrawn,
            first: deed.id,
            at: deed.at,
            deeds: 0,
        });
        misuse.deeds += 1;
        if (deed.at, deed.id) < (misuse.at, misuse.first) {
            (misuse.at, misuse.first) = (deed.at, deed.id);
        }
    }
    found.into_values().collect()
}

/// Whether some grant covers the deed; else the revocation that took the last one away.
fn judge(rights: &Rights, deed: &Deed) -> Result<(), Option<EntryId>> {
    let day = taipei_day(deed.at.second);
    let mut by = None;
    for holding in rights.holdings(&deed.by, &deed.right).iter().filter(|holding| day <= holding.until) {
        let before = holding
            .beaten_by
            .iter()
            .copied()
            .find(|id| rights.taken_at(id).is_some_and(|taken| taken.second <= deed.at.second));
        match before {
            None => return Ok(()),
            Some(revocation) => by = by.or(Some(revocation)),
        }
    }
    Err(by)
}
