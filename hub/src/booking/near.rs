//! Who lies near a venue, and which slots lie near a site: by the register's addresses, and by who has booked where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use shared::entry::booking::{Venue, VenueId};
use shared::ids::SiteCode;

use crate::hub::{Hub, HubError};
use crate::store::{SlotNumber, SlotRow, StoreError};
use crate::view::one_spelling;

/// A live booking at a venue weighs so much beside what follows.
const BOOKING_WEIGHS: u32 = 4_096;
/// Whoever lies in the venue's district, or is its own site, counts like so many bookings: a few of them say little yet.
const LOCAL_WEIGHS: u32 = 20 * BOOKING_WEIGHS;
/// Each of the others of its county, and less where they are many:
const COUNTY_WEIGHS: u32 = LOCAL_WEIGHS / 5;
/// all together weigh at most one part in so many of what the local ones do.
const COUNTY_PART: u32 = 8;
/// Slots of a county among which those of the earliest days are sought.
const SLOTS_AROUND: usize = 1_024;

impl Hub {
    /// By distance and history.
    pub(super) fn weights(&mut self, venue: &Venue) -> Result<BTreeMap<SiteCode, u32>, HubError> {
        let mut weights: BTreeMap<SiteCode, u32> = self.near(venue)?.iter().copied().collect();
        for (site, live) in self.store.history(&venue.id)? {
            *weights.entry(site).or_default() += live.saturating_mul(BOOKING_WEIGHS);
        }
        Ok(weights)
    }

    /// The sites of a venue's district and county, remembered.
    fn near(&mut self, venue: &Venue) -> Result<Arc<[(SiteCode, u32)]>, HubError> {
        if let Some(near) = self.memory.near.get(&venue.id) {
            return Ok(Arc::clone(near));
        }
        let (county, district) = (one_spelling(&venue.county), one_spelling(&venue.district));
        let (mut local, mut others) = (Vec::new(), Vec::new());
        for (site, address) in self.addresses()?.iter() {
            let in_county = !county.is_empty() && address.starts_with(&county);
            let is_there = in_county && !district.is_empty() && address.contains(&district);
            if is_there || venue.site == Some(*site) {
                local.push(*site);
            } else if in_county {
                others.push(*site);
            }
        }
        let near: Arc<[(SiteCode, u32)]> = weighed(local, others).into();
        self.memory.near.insert(venue.id.clone(), Arc::clone(&near));
        Ok(near)
    }

    /// Where each site of the register lies, in one spelling.
    fn addresses(&mut self) -> Result<Arc<[(SiteCode, String)]>, HubError> {
        if let Some(addresses) = &self.memory.addresses {
            return Ok(Arc::clone(addresses));
        }
        let sites = self.store.sites()?.into_iter();
        let addresses: Arc<[(SiteCode, String)]> =
            sites.map(|record| (record.code, one_spelling(&record.address))).collect();
        self.memory.addresses = Some(Arc::clone(&addresses));
        Ok(addresses)
    }

    /// Slots near a site of which something is free: of its own venue and district first, then by day.
    pub(super) fn nearest(
        &mut self,
        (county, site): (&str, &SiteCode),
        days: &[(NaiveDate, NaiveDate)],
        most: usize,
    ) -> Result<Vec<SlotRow>, HubError> {
        let mut out = self.local_slots((county, site), days, most)?;
        if out.len() >= most {
            return Ok(out);
        }
        let is_out: BTreeSet<SlotNumber> = out.iter().map(|row| row.number).collect();
        let mut rows = BTreeMap::new();
        for days in days {
            let near = self.store.slots_near((county, site), *days, SLOTS_AROUND)?.into_iter();
            rows.extend(near.filter(|row| !is_out.contains(&row.number)).map(|row| (row.number, row)));
        }
        out.extend(by_day(rows.into_values().collect(), most - out.len()));
        Ok(out)
    }

    /// Slots of a site's own venue and district of which something is free, by day.
    fn local_slots(
        &mut self,
        around: (&str, &SiteCode),
        days: &[(NaiveDate, NaiveDate)],
        most: usize,
    ) -> Result<Vec<SlotRow>, HubError> {
        self.of_local_venues(around, days, most, |hub, venue, days| hub.store.slots_free(venue, days, most))
    }

    /// The same of which more than so much is free, and for which nobody waits.
    pub(super) fn spare_slots(
        &mut self,
        around: (&str, &SiteCode),
        days: &[(NaiveDate, NaiveDate)],
        than: (i64, NaiveDateTime),
        most: usize,
    ) -> Result<Vec<SlotRow>, HubError> {
        self.of_local_venues(around, days, most, |hub, venue, days| hub.store.slots_spare(venue, days, than, most))
    }

    fn of_local_venues(
        &mut self,
        (county, site): (&str, &SiteCode),
        days: &[(NaiveDate, NaiveDate)],
        most: usize,
        look: impl Fn(&Self, &VenueId, (NaiveDate, NaiveDate)) -> Result<Vec<SlotRow>, StoreError>,
    ) -> Result<Vec<SlotRow>, HubError> {
        let mut rows = BTreeMap::new();
        for venue in self.store.venues_around((county, site))? {
            if !self.is_local(site, &venue)? {
                continue;
            }
            for days in days {
                rows.extend(look(self, &venue, *days)?.into_iter().map(|row| (row.number, row)));
            }
        }
        Ok(by_day(rows.into_values().collect(), most))
    }

    fn is_local(&mut self, site: &SiteCode, venue: &VenueId) -> Result<bool, HubError> {
        let near = match self.memory.near.get(venue) {
            Some(near) => Arc::clone(near),
            None => match self.venue(venue)? {
                Some(venue) => self.near(&venue)?,
                None => return Ok(false),
            },
        };
        // Those of the district come first.
        Ok(near.iter().take_while(|(_, weight)| *weight == LOCAL_WEIGHS).any(|(of, _)| of == site))
    }
}

fn by_day(mut rows: Vec<SlotRow>, most: usize) -> Vec<SlotRow> {
    rows.sort_by_key(|row| (row.slot.date, row.slot.start));
    rows.truncate(most);
    rows
}

/// What the sites around a venue weigh before anybody has booked there.
fn weighed(local: Vec<SiteCode>, others: Vec<SiteCode>) -> Vec<(SiteCode, u32)> {
    let count = |sites: &[SiteCode]| u32::try_from(sites.len()).unwrap_or(u32::MAX);
    let together = count(&local).saturating_mul(LOCAL_WEIGHS) / COUNTY_PART;
    let each = match together.checked_div(count(&others)) {
        Some(each) if !local.is_empty() => each.clamp(1, COUNTY_WEIGHS),
        Some(_) | None => COUNTY_WEIGHS,
    };
    let local = local.into_iter().map(|site| (site, LOCAL_WEIGHS));
    local.chain(others.into_iter().map(|site| (site, each))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(local: u32, others: u32) -> (u32, u32) {
        let site = |number: u32| format!("59{number:08}").parse().unwrap();
        let weights = weighed((0..local).map(site).collect(), (local..local + others).map(site).collect());
        let of = |range: std::ops::Range<usize>| weights[range].iter().map(|(_, weight)| weight).sum();
        (of(0..local as usize), of(local as usize..weights.len()))
    }

    #[test]
    fn a_countys_many_sites_do_not_take_the_places_of_a_few_local_ones() {
        assert_eq!(together(1, 1), (LOCAL_WEIGHS, LOCAL_WEIGHS / 8));
        assert_eq!(together(4, 1), (4 * LOCAL_WEIGHS, COUNTY_WEIGHS), "each at most a fifth");
        for (local, others) in [(10, 290), (1, 100), (30, 270)] {
            let (here, there) = together(local, others);
            assert!(there <= here / COUNTY_PART && there > here / COUNTY_PART / 2, "{local} {others}: {here} {there}");
        }
        assert_eq!(together(0, 10), (0, 10 * COUNTY_WEIGHS), "with nobody in the district all the county alike");
        assert!(together(1, 6_000).1 <= LOCAL_WEIGHS / COUNTY_PART, "however many they are");
    }
}
