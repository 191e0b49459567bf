//! What a site is lent at once when it greets, and when it has given away nearly all that it holds: its line may not last
//! until places come round.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use shared::entry::booking::{Lease, Slot};
use shared::ids::{Incarnation, SiteCode};
use shared::rules::calendar::{taipei_day, taipei_time};
use shared::wire::v1::message::Hello;

use super::lend::{Surroundings, lease, turn};
use crate::hub::{Hub, HubError};

/// Slots that one site is lent at once, the nearest first.
const SLOTS_AT_ONCE: usize = 64;
/// A life that holds fewer unspent places is lent some of what is kept for whoever asks: all that is due to a new one may
/// be lent to others, and to the life before it.
const FEW: u64 = 4;
/// Until it holds so many.
const ENOUGH: u64 = 8;
/// Of what is kept of a slot so much stays with the hub.
const STAYS: i64 = 1;

impl Hub {
    /// A site greets: what it is lent stands in its desk before that comes down. Nothing is written where there is
    /// nothing to lend.
    pub(crate) fn lend_at_greeting(&mut self, site: &SiteCode, hello: &Hello, second: i64) -> Result<(), HubError> {
        if self.memory.holds_back {
            self.heard_after_restore(site, hello)?;
        }
        if self.memory.holds_back || self.memory.rounds.is_empty() {
            return Ok(());
        }
        let life = hello.incarnation;
        let numbers = self.wants_numbers(site, &life, second)?;
        if !numbers && self.plan_for(site, &life, second)?.is_empty() {
            return Ok(());
        }
        self.transact(|hub| {
            if hub.wants_numbers(site, &life, second)? {
                hub.lend_numbers(site, &life, second)?;
                hub.look_again_near(site, second)?;
            }
            let leases = hub.plan_for(site, &life, second)?;
            hub.write_leases(BTreeMap::from([(*site, leases)]), second).map(drop)
        })
    }

    /// Lends numbers, and places, to whichever of these sites gave away most of theirs.
    pub(super) fn refill_sites<'s>(
        &mut self,
        sites: impl IntoIterator<Item = &'s SiteCode>,
        second: i64,
    ) -> Result<(), HubError> {
        for site in sites {
            let Some((life, _)) = self.lives()?.get(site).copied() else { continue };
            if self.wants_numbers(site, &life, second)? {
                self.lend_numbers(site, &life, second)?;
            }
            self.refill_one(site, &life, second)?;
        }
        Ok(())
    }

    /// Lends to a life that has given away nearly all that it holds. Its share comes with the next ones.
    fn refill_one(&mut self, site: &SiteCode, life: &Incarnation, second: i64) -> Result<(), HubError> {
        let Some(near) = self.has_few(site, life, second)? else { return Ok(()) };
        let leases = self.plan_from_kept((site, life), &near, (near.held, &HashSet::new()), second)?;
        self.write_leases(BTreeMap::from([(*site, leases)]), second).map(drop)
    }

    /// A new life of a site: the slots near it that it is not lent at its greeting are shared out with the next ones.
    fn look_again_near(&self, site: &SiteCode, second: i64) -> Result<(), HubError> {
        let Some(county) = self.store.site(site)?.and_then(|record| crate::view::county(&record)) else {
            return Ok(());
        };
        for days in self.days_lent(taipei_time(second)) {
            self.store.due_near((&county, site), days)?;
        }
        Ok(())
    }

    /// Where a life that holds few places may be lent more.
    fn has_few(&self, site: &SiteCode, life: &Incarnation, second: i64) -> Result<Option<Around>, HubError> {
        let days = self.days_lent(taipei_time(second));
        if days.is_empty() {
            return Ok(None);
        }
        let held = self.store.held_by(site, life, taipei_day(second))?;
        if held >= FEW {
            return Ok(None);
        }
        let county = self.store.site(site)?.and_then(|record| crate::view::county(&record));
        Ok(county.map(|county| Around { county, days, held }))
    }

    /// What a site that holds few is lent of the slots near it: where it was lent nothing yet its share, and of its own
    /// district some places of what is kept.
    fn plan_for(&mut self, site: &SiteCode, life: &Incarnation, second: i64) -> Result<Vec<Lease>, HubError> {
        let Some(near) = self.has_few(site, life, second)? else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        if !self.store.holds_any(site, life, second)? {
            let mut around = Surroundings::default();
            for row in self.nearest((&near.county, site), &near.days, SLOTS_AT_ONCE)? {
                let plan = self.plan(&row, &mut around, second)?.into_iter();
                out.extend(plan.filter(|(of, lease)| of == site && lease.life == *life).map(|(_, lease)| lease));
            }
        }
        let has = near.held + out.iter().map(|lease| u64::from(lease.places)).sum::<u64>();
        let shared: HashSet<Slot> = out.iter().map(|lease| lease.slot.clone()).collect();
        out.extend(self.plan_from_kept((site, life), &near, (has, &shared), second)?);
        Ok(out)
    }

    /// One place of a slot each of what is kept for whoever asks, as many as a life that `has` so many needs; none of what
    /// it is lent already.
    fn plan_from_kept(
        &mut self,
        (site, life): (&SiteCode, &Incarnation),
        near: &Around,
        (has, lent): (u64, &HashSet<Slot>),
        second: i64,
    ) -> Result<Vec<Lease>, HubError> {
        let mut out = Vec::new();
        let needs = usize::try_from(ENOUGH.saturating_sub(has)).unwrap_or(0);
        if needs == 0 || self.refused_sites()?.contains(site) {
            return Ok(out);
        }
        let than = (STAYS, taipei_time(second));
        let mut rows = self.spare_slots((&near.county, site), &near.days, than, SLOTS_AT_ONCE)?;
        rows.retain(|row| !lent.contains(&row.slot));
        // By a lot that says nothing about the one by which slots were shared out.
        rows.sort_by_cached_key(|row| turn(&row.slot, site).reverse_bits());
        for row in rows {
            if out.len() == needs {
                break;
            }
            let may = !self.holds_enough(site, &row)? && self.lendable(&row, second)?.is_some();
            out.extend(may.then(|| lease(*life, &row.slot, 1, second)));
        }
        Ok(out)
    }
}

/// Where a site is, and what it holds.
struct Around {
    county: String,
    days: Vec<(NaiveDate, NaiveDate)>,
    held: u64,
}
