//! Whom a venue may expect: told to the desk of the site that keeps the venue's day, sealed for that site.

use std::collections::{BTreeMap, BTreeSet};

use shared::entry::booking::{Booking, Expected, Stands, Venue, VenueId};
use shared::entry::{Entry, Fact};
use shared::ids::{EntryId, SiteCode};
use shared::wire::v1::entry;

use crate::hub::{BUYER, Hub, HubError};
use crate::publish::{SELF, desk, signed};
use crate::store::{BookingRow, Standing};

impl Hub {
    /// Tells the venues of some bookings what is new, unless that is what they were told last.
    pub(super) fn tell_venues(&mut self, of: &BTreeSet<EntryId>, second: i64) -> Result<(), HubError> {
        let mut desks: BTreeMap<SiteCode, Vec<Entry>> = BTreeMap::new();
        for id in of {
            let told = self.expected_told(id)?;
            let Some(row) = self.store.booking(id)? else { continue };
            let wanted = self.expected(&row)?;
            let elsewhere = |site: &SiteCode| wanted.as_ref().is_none_or(|(at, _)| at != site);
            let mut say = |site: &SiteCode, expected: Expected| {
                let fact = Fact::Booking(Booking::Expected(expected));
                desks.entry(*site).or_default().push(signed(fact, SELF, second));
            };
            for (site, last) in told.iter().filter(|(site, last)| last.comes && elsewhere(site)) {
                say(site, Expected { comes: false, ..last.clone() });
            }
            if let Some((site, expected)) = wanted
                && !told.iter().any(|(at, last)| *at == site && *last == expected)
            {
                say(&site, expected);
            }
        }
        for (site, entries) in desks {
            self.write(desk(&site, second), &entries, second)?;
        }
        Ok(())
    }

    fn expected_told(&self, of: &EntryId) -> Result<Vec<(SiteCode, Expected)>, HubError> {
        let mut out = Vec::new();
        for (site, bytes) in self.store.told_expected(of)? {
            let entry = entry::decode(&bytes).map_err(|cause| HubError::Damaged(format!("an expected: {cause}")))?;
            if let Fact::Booking(Booking::Expected(expected)) = entry.fact {
                out.push((site, expected));
            }
        }
        Ok(out)
    }

    /// What the site of a live booking's venue has to know; none where no enrolled site keeps its day.
    fn expected(&self, row: &BookingRow) -> Result<Option<(SiteCode, Expected)>, HubError> {
        let (Standing::Stands(Stands::Live), Some(slot), Some((_, serial))) = (row.standing, &row.slot, row.given)
        else {
            return Ok(None);
        };
        let Some(site) = self.venue(&slot.venue)?.and_then(|venue| venue.site) else { return Ok(None) };
        let keys = self.site_keys(&site)?;
        let Some(key) = keys.first() else { return Ok(None) };
        let document = self.unseal_again(&row.site, &row.id, &row.document)?;
        let (place, contact) = (Expected::place(row.id), self.contact_of(row)?);
        let expected = Expected {
            of: row.id,
            round: self.round_of(row).map_or(0, |round| round.number),
            serial,
            slot: slot.clone(),
            comes: true,
            document: key.seal(&place, BUYER, &document)?,
            contact: key.seal_contact(&place, &contact)?,
        };
        Ok(Some((site, expected)))
    }

    /// The last word on a venue.
    pub(crate) fn venue(&self, id: &VenueId) -> Result<Option<Venue>, HubError> {
        let Some(bytes) = self.store.venue(id)? else { return Ok(None) };
        let entry = entry::decode(&bytes).map_err(|cause| HubError::Damaged(format!("a venue: {cause}")))?;
        Ok(if let Fact::Booking(Booking::Venue(venue)) = entry.fact { Some(venue) } else { None })
    }
}
