//! What operators see of booked places: by number, by slot, by lease. Names and numbers of people are masked; a telephone
//! is shown to whoever calls, and the audit says so.

use std::collections::HashMap;

use chrono::NaiveDate;
use shared::entry::booking::{Slot, Start, VenueId};
use shared::ids::{EntryId, Incarnation, SiteCode};

use crate::cases::BookingLine;
use crate::hub::{Hub, HubError};
use crate::store::{LeaseRow, SlotRow};
use crate::view::masked_name;

/// Somebody to be called.
#[derive(Clone, PartialEq, Eq)]
pub struct Called {
    /// The booking.
    pub booking: BookingLine,
    /// The name, masked.
    pub name: String,
    /// The document's number, masked.
    pub document: String,
    /// The telephone.
    pub mobile: String,
}

impl std::fmt::Debug for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Called({})", self.booking.id)
    }
}

/// A lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseStatus {
    /// Its entry.
    pub id: EntryId,
    /// To whom.
    pub site: SiteCode,
    /// To which life of the site's store.
    pub life: Incarnation,
    /// Whether that life is the site's last.
    pub current: bool,
    /// Of which slot.
    pub slot: Slot,
    /// How many.
    pub places: u32,
    /// Given away, as far as the hub has heard.
    pub spent: i64,
    /// Returned, or given up as lost.
    pub returned: i64,
    /// What is left.
    pub left: i64,
    /// When it was lent, and until when: seconds since 1970.
    pub lent: i64,
    /// Until when.
    pub until: i64,
}

impl Hub {
    /// The bookings with a serial number: one, unless a number was used twice.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn bookings_of_number(&self, serial: u64) -> Result<Vec<BookingLine>, HubError> {
        self.store.bookings_of_serial(serial)?.iter().map(|row| self.booking_line(row)).collect()
    }

    /// The bookings at a venue's slots of a day, perhaps of one hour, that were not taken back.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn bookings_at(
        &self,
        venue: &VenueId,
        date: NaiveDate,
        start: Option<Start>,
    ) -> Result<Vec<BookingLine>, HubError> {
        let mut out = Vec::new();
        for slot in self.slots_at(venue, date, start)? {
            for row in self.store.bookings_at(slot.number)? {
                out.push(self.booking_line(&row)?);
            }
        }
        Ok(out)
    }

    /// Whom to call of them. Who asks writes it into the audit first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn to_call(&self, venue: &VenueId, date: NaiveDate, start: Option<Start>) -> Result<Vec<Called>, HubError> {
        let mut out = Vec::new();
        for slot in self.slots_at(venue, date, start)? {
            for row in self.store.bookings_at(slot.number)? {
                let contact = self.contact_of(&row)?;
                let document = self.unseal_again(&row.site, &row.id, &row.document)?;
                out.push(Called {
                    booking: self.booking_line(&row)?,
                    name: masked_name(contact.name()),
                    document: document.masked(),
                    mobile: contact.mobile().to_owned(),
                });
            }
        }
        Ok(out)
    }

    /// The slots of a venue's day, perhaps of one hour.
    pub(super) fn slots_at(
        &self,
        venue: &VenueId,
        date: NaiveDate,
        start: Option<Start>,
    ) -> Result<Vec<SlotRow>, HubError> {
        let mut rows = self.store.slots_on(venue, date)?;
        rows.retain(|row| start.is_none_or(|start| row.slot.start == start));
        Ok(rows)
    }

    /// Every lease of which something is left, or all; by site, slot and second.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn leases(&self, spent_too: bool) -> Result<Vec<LeaseStatus>, HubError> {
        let rows = self.store.leases()?;
        // As of now, whatever this process remembers: a page may be shown by one that never writes.
        let heard = self.store.lives_heard()?.into_iter();
        let lives: HashMap<SiteCode, Incarnation> = heard.map(|(site, life, _)| (site, life)).collect();
        let status = |row: LeaseRow| LeaseStatus {
            current: lives.get(&row.site) == Some(&row.life),
            left: row.left(),
            id: row.id,
            site: row.site,
            life: row.life,
            slot: row.slot,
            places: row.places,
            spent: row.spent,
            returned: row.returned,
            lent: row.second,
            until: row.until,
        };
        let mut out: Vec<LeaseStatus> = rows.into_iter().map(status).collect();
        out.retain(|lease| spent_too || lease.left > 0);
        out.sort_by(|one, next| {
            (one.site, &one.slot, one.lent, one.id).cmp(&(next.site, &next.slot, next.lent, next.id))
        });
        Ok(out)
    }
}
