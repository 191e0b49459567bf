//! Lending places to sites: by history and distance, with a quarter kept for whoever asks over the line.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use shared::entry::access::ServiceStanding;
use shared::entry::booking::{Booking, Lease, Slot, Venue, VenueId};
use shared::entry::{Entry, Fact};
use shared::ids::{Incarnation, SiteCode};
use shared::lease::{Asker, share_out};
use shared::rules::access::BOOKING;
use shared::rules::booking::round::Round;
use shared::rules::calendar::{second_of, taipei_time};

use crate::hub::{Hub, HubError};
use crate::publish::{SELF, desk, signed};
use crate::store::{SlotNumber, SlotRow};

/// A lease ends after so long, in seconds, or when its slot begins. Its holder renews it a day before, where it has a line
/// ([`shared::lease::RENEW_S`]): what nobody needs comes round, and an outage of a day finds every site with places.
const LEASE_S: i64 = 72 * 3600;
/// So long before a round opens its places are lent.
const AHEAD: TimeDelta = TimeDelta::hours(48);
/// Sites that were not heard for so long are lent nothing, in seconds.
const HEARD_WITHIN_S: i64 = 3 * 24 * 3600;
/// Slots shared out in one transaction: some tenths of a second, behind which others wait.
const SLOTS_AT_ONCE: usize = 512;
/// Sites that are lent numbers in one transaction.
const BLOCKS_AT_ONCE: usize = 2_048;
/// A site that holds so many unspent places of a slot, by whatever lives, is lent no more when it asks: twice what one
/// question gets.
const HELD_MAX: i64 = 16;
/// One part in so many is kept for whoever asks over the line.
const KEPT: u32 = 4;

/// The lives that were heard last, and when.
pub(super) type Lives = HashMap<SiteCode, (Incarnation, i64)>;

/// Who lies near the venues of one sharing out.
#[derive(Default)]
pub(super) struct Surroundings {
    of: HashMap<VenueId, BTreeMap<SiteCode, u32>>,
    /// Sites that give places away these days.
    due: Option<BTreeSet<SiteCode>>,
}

impl Hub {
    /// Shares out what is free of all slots that changed, answers wishes that nothing can come of, and lends serial
    /// numbers; gives how many places were lent and wishes answered. Much is done in several turns.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn lend(&mut self, second: i64) -> Result<u64, HubError> {
        self.transact(|hub| hub.lend_due(second))
    }

    pub(super) fn lend_due(&mut self, second: i64) -> Result<u64, HubError> {
        if self.memory.holds_back {
            return Ok(0);
        }
        self.end_wishes_in_vain(second)?;
        self.lend_numbers_to_all(second.saturating_sub(HEARD_WITHIN_S), BLOCKS_AT_ONCE, second)?;
        let due = self.slots_due(second)?;
        let answered = self.answer_wishes_left(due.into_iter().map(|row| row.number), second)?;
        // Whoever waits comes first.
        let due = self.slots_due(second)?.into_iter().filter(|row| !self.memory.wishes.has(row.number));
        Ok(answered + self.share(due.collect(), second)?)
    }

    fn slots_due(&self, second: i64) -> Result<Vec<SlotRow>, HubError> {
        let mut due = BTreeMap::new();
        for (from, to) in self.days_lent(taipei_time(second)) {
            let rows = self.store.slots_due(from, to, SLOTS_AT_ONCE)?;
            due.extend(rows.into_iter().map(|row| (row.number, row)));
        }
        Ok(due.into_values().take(SLOTS_AT_ONCE).collect())
    }

    /// The days of the slots that may be lent now, by round.
    pub(super) fn days_lent(&self, now: NaiveDateTime) -> Vec<(NaiveDate, NaiveDate)> {
        let lends = |round: &&Round| lends(round, now);
        self.memory.rounds.iter().filter(lends).map(|round| (round.first_day.max(now.date()), round.last_day)).collect()
    }

    /// Shares out slots of which holders have given much away; of very many the next turn shares the rest.
    pub(super) fn refill(&mut self, slots: &BTreeSet<SlotNumber>, second: i64) -> Result<(), HubError> {
        let mut rows = Vec::new();
        for slot in slots.iter().filter(|slot| !self.memory.wishes.has(**slot)).take(SLOTS_AT_ONCE) {
            rows.extend(self.store.slot(*slot)?);
        }
        self.share(rows, second).map(drop)
    }

    fn share(&mut self, rows: Vec<SlotRow>, second: i64) -> Result<u64, HubError> {
        let mut around = Surroundings::default();
        let mut leases: BTreeMap<SiteCode, Vec<Lease>> = BTreeMap::new();
        for row in &rows {
            for (site, lease) in self.plan(row, &mut around, second)? {
                leases.entry(site).or_default().push(lease);
            }
        }
        let lent = self.write_leases(leases, second)?;
        for row in rows {
            self.store.shared_out(row.number)?;
        }
        Ok(lent)
    }

    pub(super) fn write_leases(
        &mut self,
        leases: BTreeMap<SiteCode, Vec<Lease>>,
        second: i64,
    ) -> Result<u64, HubError> {
        let mut lent = 0;
        for (site, leases) in leases {
            lent += leases.iter().map(|lease| u64::from(lease.places)).sum::<u64>();
            let entry = |lease| signed(Fact::Booking(Booking::Lease(lease)), SELF, second);
            let entries: Vec<Entry> = leases.into_iter().map(entry).collect();
            self.write(desk(&site, second), &entries, second)?;
        }
        Ok(lent)
    }

    /// Lends some places of a slot to one life that asks for them; gives how many.
    pub(super) fn lend_asked(
        &mut self,
        (site, life): (&SiteCode, &Incarnation),
        (slot, places): (&Slot, u32),
        second: i64,
    ) -> Result<u32, HubError> {
        let Some(row) = self.store.slot_named(slot)? else { return Ok(0) };
        let Ok(free) = u32::try_from(row.account.free()) else { return Ok(0) };
        let places = places.min(free);
        if places == 0
            || self.holds_enough(site, &row)?
            || self.lendable(&row, second)?.is_none()
            || self.refused_sites()?.contains(site)
        {
            return Ok(0);
        }
        let lease = lease(*life, slot, places, second);
        self.write_leases(BTreeMap::from([(*site, vec![lease])]), second)?;
        Ok(places)
    }

    /// Whether a site, over all its lives, holds so much of a slot that it must first say what became of it. Its last
    /// bookings may not have come yet.
    pub(super) fn holds_enough(&self, site: &SiteCode, row: &SlotRow) -> Result<bool, HubError> {
        let held: i64 = self.store.unspent_of(row.number, site)?.iter().map(|(_, left)| *left).sum();
        Ok(held >= HELD_MAX)
    }

    /// The venue of a slot, where places of the slot may be lent now.
    pub(super) fn lendable(&self, row: &SlotRow, second: i64) -> Result<Option<Venue>, HubError> {
        let now = taipei_time(second);
        let in_round = |round: &Round| round.has(&row.slot) && lends(round, now);
        if !row.offered || row.closed || row.slot.begins() <= now || !self.memory.rounds.iter().any(in_round) {
            return Ok(None);
        }
        Ok(self.venue(&row.slot.venue)?.filter(|venue| venue.holds))
    }

    /// Who is lent how many of a slot now: only whoever has little left of what is due to them.
    pub(super) fn plan(
        &mut self,
        row: &SlotRow,
        around: &mut Surroundings,
        second: i64,
    ) -> Result<Vec<(SiteCode, Lease)>, HubError> {
        let Some(free) = u32::try_from(row.account.free()).ok().filter(|free| *free > 0) else { return Ok(Vec::new()) };
        let Some(venue) = self.lendable(row, second)? else { return Ok(Vec::new()) };
        let running = self.store.unspent(row.number)?;
        let left = running.iter().map(|(_, _, left)| u32::try_from(*left).unwrap_or(0)).sum::<u32>();
        let keep = free.saturating_add(left).div_ceil(KEPT);
        if free <= keep {
            return Ok(Vec::new());
        }
        let askers = self.askers(&venue, around, second)?;
        let lives = self.lives()?;
        let life_of = |site: &SiteCode| lives.get(site).map(|(life, _)| *life);
        let holds = |site: &SiteCode| {
            let own = running.iter().find(|(of, life, _)| of == site && life_of(site) == Some(*life));
            own.map_or(0, |(_, _, left)| u32::try_from(*left).unwrap_or(0))
        };
        let askers: Vec<Asker> = askers
            .into_iter()
            .map(|(site, weight)| Asker { site, weight, holds: holds(&site), turn: turn(&row.slot, &site) })
            .collect();
        let is_low = |held: u32, more: u32| held <= 1 || held.saturating_mul(KEPT) < held.saturating_add(more);
        let shares = share_out(free, keep, &askers).into_iter().filter(|(site, more)| is_low(holds(site), *more));
        Ok(shares.filter_map(|(site, more)| Some((site, lease(life_of(&site)?, &row.slot, more, second)))).collect())
    }

    /// Who may be lent places of a venue, and how much each weighs; where nobody lies near, everybody alike.
    fn askers(
        &mut self,
        venue: &Venue,
        around: &mut Surroundings,
        second: i64,
    ) -> Result<Vec<(SiteCode, u32)>, HubError> {
        let mut weights = match around.of.get(&venue.id) {
            Some(weights) => weights.clone(),
            None => self.weights(venue)?,
        };
        around.of.entry(venue.id.clone()).or_insert_with(|| weights.clone());
        let due = match &mut around.due {
            Some(due) => due,
            none => none.insert(self.sites_due(second)?),
        };
        weights.retain(|site, _| due.contains(site));
        if weights.is_empty() {
            return Ok(due.iter().map(|site| (*site, 1)).collect());
        }
        Ok(weights.into_iter().collect())
    }

    /// Sites at which the hub has refused the service (S18, S21): they are lent nothing.
    pub(super) fn refused_sites(&mut self) -> Result<Arc<HashSet<SiteCode>>, HubError> {
        if let Some(refused) = &self.memory.booking_refused {
            return Ok(Arc::clone(refused));
        }
        let mut refused = HashSet::new();
        if let Ok(service) = BOOKING.parse() {
            for site in self.store.sites_with_rights()? {
                let decided = self.service(&site, &service)?.decided;
                if decided.is_some_and(|word| word.standing == ServiceStanding::Refused) {
                    refused.insert(site);
                }
            }
        }
        let refused = Arc::new(refused);
        self.memory.booking_refused = Some(Arc::clone(&refused));
        Ok(refused)
    }

    /// Sites that give places away these days: heard, or enrolled and not heard yet. The share of one that is not here
    /// yet waits for it, so that whoever comes first does not get all.
    fn sites_due(&mut self, second: i64) -> Result<BTreeSet<SiteCode>, HubError> {
        let is_new = |since: &i64| second.saturating_sub(*since) <= HEARD_WITHIN_S;
        if self.memory.enrolled.is_none() {
            self.memory.enrolled = Some(self.store.enrolled_since()?);
        }
        let refused = self.refused_sites()?;
        let enrolled = self.memory.enrolled.clone().unwrap_or_default().into_iter();
        let lives = self.lives()?;
        let is_heard = |site: &SiteCode| lives.get(site).is_some_and(|(_, last)| is_new(last));
        // Whose certificates were all revoked is not among them, however lately it was heard.
        let due = enrolled.filter(|(site, since)| (is_new(since) || is_heard(site)) && !refused.contains(site));
        Ok(due.map(|(site, _)| site).collect())
    }

    /// The life of each site that was heard last.
    pub(super) fn lives(&mut self) -> Result<&Lives, HubError> {
        let lives = match self.memory.heard.take() {
            Some(lives) => lives,
            None => {
                let mut lives = Lives::new();
                for (site, life, second) in self.store.lives_heard()? {
                    lives.insert(site, (life, second));
                }
                for ((site, life), second) in &self.memory.contacts {
                    if lives.get(site).is_none_or(|(_, last)| second >= last) {
                        lives.insert(*site, (*life, *second));
                    }
                }
                lives
            }
        };
        Ok(self.memory.heard.insert(lives))
    }

    /// A life of a site was heard.
    pub(crate) fn heard_life(&mut self, site: &SiteCode, life: &Incarnation, second: i64) {
        if let Some(lives) = &mut self.memory.heard
            && lives.get(site).is_none_or(|(_, last)| second >= *last)
        {
            lives.insert(*site, (*life, second));
        }
    }
}

/// Whose turn it is where weights leave it open: of two slots another's.
pub(super) fn turn(slot: &Slot, site: &SiteCode) -> u64 {
    let hash = digest::digest(&digest::SHA256, format!("{slot} {site}").as_bytes());
    u64::from_be_bytes(hash.as_ref().first_chunk().copied().unwrap_or_default())
}

/// Whether places of a round's slots are lent now.
fn lends(round: &Round, now: NaiveDateTime) -> bool {
    round.opens - AHEAD <= now && now < round.closes
}

pub(super) fn lease(life: Incarnation, slot: &Slot, places: u32, second: i64) -> Lease {
    let until = second_of(slot.begins()).min(second.saturating_add(LEASE_S));
    Lease { life, slot: slot.clone(), places, until }
}
