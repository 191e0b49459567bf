//! What is published of places (docs/booking.md, what everybody may read): venues, slots and when a venue was heard.
//! Nothing of a person is read for it.

use std::collections::HashMap;

use shared::ids::SiteCode;
use shared::rules::calendar::{second_of, taipei_day};

use crate::hub::{Hub, HubError};
use crate::opendata::smart::Published;

/// Most slots that are published, the earliest days first.
const SLOTS_MAX: usize = 100_000;

impl Hub {
    /// The venues, the slots from today on that the hub has offered, and when each venue's site was heard. Of a slot that
    /// has begun nobody can have a place any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn places_offered(&self, second: i64) -> Result<Published, HubError> {
        let mut contacts: HashMap<SiteCode, i64> = self.store.contacts()?.into_iter().collect();
        for ((site, _), heard) in &self.memory.contacts {
            let last = contacts.entry(*site).or_insert(*heard);
            *last = (*last).max(*heard);
        }
        let venues: Vec<_> = self.venues()?.into_iter().map(|published| published.venue).collect();
        let heard = venues.iter().filter_map(|venue| Some((venue.id.clone(), contacts.get(&venue.site?).copied())));
        let heard = heard.collect();
        let rows = self.store.slots_from(taipei_day(second), SLOTS_MAX)?;
        if rows.len() == SLOTS_MAX {
            tracing::warn!(most = SLOTS_MAX, "not all slots are published: there are more than that");
        }
        let slots = rows.into_iter().map(|row| {
            let gone = row.closed || second_of(row.slot.begins()) <= second;
            (row.slot, row.account, gone)
        });
        Ok(Published { slots: slots.collect(), venues, heard, second })
    }
}
