//! Capacity that cannot be oversold: places and serial numbers that the hub lends to sites (docs/booking.md; bounded
//! counters after O'Neil's escrow method, TODS 11(4), 1986, and Balegas et al., SRDS 2015).
//!
//! **Invariant: of every slot, free + lent and unspent + booked = capacity.** A holder gives away only what it holds; the
//! hub lends only what is free, and what was lent is free again only when its holder has returned it. No clock takes a
//! place back: of what an offline holder gave away before some second nobody else can know.

use std::collections::BTreeMap;

use crate::entry::Instant;
use crate::entry::booking::{Lease, Numbers, Slot};
use crate::ids::{EntryId, Incarnation, SiteCode};
use crate::rules::calendar::second_of;

/// A lease that ends before its slot begins is returned by a site with a line so long before its end, in seconds.
pub const RENEW_S: i64 = 24 * 3600;

/// A slot's account at the hub, in places.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// By the last word on it.
    pub capacity: u32,
    /// Lent and not returned, whether given away or not.
    pub lent: u32,
    /// Given away out of leases and not taken back.
    pub booked_of_lent: u32,
    /// Given away by the hub itself to wishes, and not taken back.
    pub granted: u32,
}

impl Account {
    /// What can be lent or granted. Less than nothing where the capacity was cut after it was promised.
    #[must_use]
    pub fn free(&self) -> i64 {
        i64::from(self.capacity) - i64::from(self.lent) - i64::from(self.granted)
    }

    /// Lent, and not given away as far as the hub knows. Less than nothing where a holder gave away more than it held.
    #[must_use]
    pub fn unspent(&self) -> i64 {
        i64::from(self.lent) - i64::from(self.booked_of_lent)
    }

    /// Given away.
    #[must_use]
    pub fn booked(&self) -> u32 {
        self.booked_of_lent.saturating_add(self.granted)
    }

    /// More was given away than there is.
    #[must_use]
    pub fn is_oversold(&self) -> bool {
        self.booked() > self.capacity
    }
}

/// A lease in the hands of its holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// As it was lent.
    pub lease: Lease,
    /// Given away out of it and not taken back, as far as the holder knows.
    pub spent: u32,
    /// Returned.
    pub returned: u32,
}

impl Held {
    /// What is left.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.lease.places.saturating_sub(self.spent).saturating_sub(self.returned)
    }

    /// Whether its time has not come by any clock that the holder can have.
    #[must_use]
    pub fn runs(&self, at: Instant) -> bool {
        at.second.saturating_add(i64::from(at.doubt_s)) < self.lease.until
    }
}

/// Everything that a site holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Purse {
    leases: BTreeMap<EntryId, Held>,
    numbers: BTreeMap<EntryId, HeldNumbers>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct HeldNumbers {
    numbers: Numbers,
    /// The next one to give away.
    next: u64,
}

impl HeldNumbers {
    fn left(&self) -> u64 {
        (self.numbers.first + u64::from(self.numbers.count)).saturating_sub(self.next)
    }
}

impl Purse {
    /// The hub has lent places; of a lease that is known nothing changes.
    pub fn take_lease(&mut self, id: EntryId, lease: Lease) {
        self.leases.entry(id).or_insert(Held { lease, spent: 0, returned: 0 });
    }

    /// The hub has lent serial numbers.
    pub fn take_numbers(&mut self, id: EntryId, numbers: Numbers) {
        let next = numbers.first;
        self.numbers.entry(id).or_insert(HeldNumbers { numbers, next });
    }

    /// A place of a lease was given away, with this number.
    pub fn spent(&mut self, lease: &EntryId, serial: u64) {
        if let Some(held) = self.leases.get_mut(lease) {
            held.spent += 1;
        }
        for held in self.numbers.values_mut() {
            let end = held.numbers.first + u64::from(held.numbers.count);
            if (held.numbers.first..end).contains(&serial) {
                held.next = held.next.max(serial + 1);
            }
        }
    }

    /// What was given away came back.
    pub fn freed(&mut self, lease: &EntryId) {
        if let Some(held) = self.leases.get_mut(lease) {
            held.spent = held.spent.saturating_sub(1);
        }
    }

    /// Places were returned to the hub.
    pub fn returned(&mut self, lease: &EntryId, places: u32) {
        if let Some(held) = self.leases.get_mut(lease) {
            held.returned = held.returned.saturating_add(places);
        }
    }

    /// A lease from which a place of a slot can be given away now: of several the one that ends first. None while the
    /// clock may be past its end, and none that another life was lent.
    #[must_use]
    pub fn lease_for(&self, slot: &Slot, life: &Incarnation, at: Instant) -> Option<EntryId> {
        let fits =
            |held: &&Held| held.lease.life == *life && held.lease.slot == *slot && held.left() > 0 && held.runs(at);
        let leases = self.leases.iter().filter(|(_, held)| fits(held));
        leases.min_by_key(|(id, held)| (held.lease.until, **id)).map(|(id, _)| *id)
    }

    /// The next serial number of this life's.
    #[must_use]
    pub fn next_number(&self, life: &Incarnation) -> Option<u64> {
        let ours = self.numbers.values().filter(|held| held.numbers.life == *life && held.left() > 0);
        ours.map(|held| held.next).min()
    }

    /// How many serial numbers this life has left.
    #[must_use]
    pub fn numbers_left(&self, life: &Incarnation) -> u64 {
        self.numbers.values().filter(|held| held.numbers.life == *life).map(HeldNumbers::left).sum()
    }

    /// Leases of a life that still run, and what is left of them.
    pub fn running(&self, life: &Incarnation, at: Instant) -> impl Iterator<Item = (&EntryId, &Held)> {
        let life = *life;
        self.leases.iter().filter(move |(_, held)| held.lease.life == life && held.left() > 0 && held.runs(at))
    }

    /// Leases of a life of which something is left, and that are over, or will be in [`RENEW_S`] though their slot is not:
    /// to be returned by a site with a line, which is lent again what is due to it.
    #[must_use]
    pub fn to_return(&self, life: &Incarnation, at: Instant) -> Vec<(EntryId, u32)> {
        let earliest = at.second.saturating_sub(i64::from(at.doubt_s));
        let over = |held: &Held| {
            let is_cut = held.lease.until < second_of(held.lease.slot.begins());
            earliest >= held.lease.until || (is_cut && earliest.saturating_add(RENEW_S) >= held.lease.until)
        };
        let ours = self.leases.iter().filter(|(_, held)| held.lease.life == *life && held.left() > 0 && over(held));
        ours.map(|(id, held)| (*id, held.left())).collect()
    }

    /// A lease that is held.
    #[must_use]
    pub fn held(&self, lease: &EntryId) -> Option<&Held> {
        self.leases.get(lease)
    }
}

/// Somebody who may be lent places of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// Who.
    pub site: SiteCode,
    /// How much of the slot they are likely to give away, beside the others: by history and distance.
    pub weight: u32,
    /// What they hold of it, unspent.
    pub holds: u32,
    /// Drawn anew for every slot: who comes first where a place cannot be divided.
    pub turn: u64,
}

/// Shares free places of a slot out, `keep` of them kept for whoever asks over the line: to each by its weight, with what
/// it holds counted in. Gives only what is more than they hold.
///
/// Whole places by quota. What is left over of a slot goes by lot, the likelier the greater the remainder (a race of draws
/// divided by weights), and not to the greatest remainders: slots have fewer places than there are sites, and the same
/// sites would have all of all slots.
#[must_use]
pub fn share_out(free: u32, keep: u32, askers: &[Asker]) -> Vec<(SiteCode, u32)> {
    let weights: u64 = askers.iter().map(|asker| u64::from(asker.weight)).sum();
    let Some(mut rest) = free.checked_sub(keep).filter(|rest| *rest > 0 && weights > 0) else {
        return Vec::new();
    };
    let pool = u64::from(rest) + askers.iter().map(|asker| u64::from(asker.holds)).sum::<u64>();
    let part = |asker: &Asker| (pool * u64::from(asker.weight) / weights, pool * u64::from(asker.weight) % weights);
    let whole: u64 = askers.iter().map(|asker| part(asker).0).sum();
    let mut order: Vec<&Asker> = askers.iter().collect();
    order.sort_by_cached_key(|asker| {
        let remainder = part(asker).1;
        let arrives = asker.turn.checked_div(remainder).unwrap_or(u64::MAX);
        (arrives, std::cmp::Reverse(remainder), asker.turn, asker.site)
    });
    let mut out = Vec::new();
    for (asker, place) in order.into_iter().zip(0u64..) {
        let share = part(asker).0 + u64::from(place < pool - whole);
        let more = u32::try_from(share.saturating_sub(u64::from(asker.holds))).unwrap_or(u32::MAX).min(rest);
        rest -= more;
        out.extend((more > 0).then_some((asker.site, more)));
    }
    out
}

#[cfg(test)]
mod tests;
