//! Questions of a counter while somebody stands there: the booking that a person has anywhere, and more places (V13).

use shared::entry::Sealed;
use shared::entry::booking::{Slot, Stands};
use shared::ids::{Incarnation, ProgrammeId, SiteCode};
use shared::wire::v1::enquiry::{About, Answered, Enquiry, Known, Told};

use super::BOOKINGS_READ_MAX;
use crate::hub::{BUYER, Hub, HubError};
use crate::store::{BookingRow, Standing};

/// Most places that one question gets.
const PLACES_MAX: u32 = 8;

impl Hub {
    /// Answers a question about booked places of a life of a site's store; lends what it lends in a durable transaction.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn enquire(
        &mut self,
        site: &SiteCode,
        life: &Incarnation,
        ask: &Enquiry,
        second: i64,
    ) -> Result<Told, HubError> {
        let answer = match &ask.about {
            About::Person { programme, document } => self.asked_person(site, (programme, document), ask.nonce)?,
            About::Places { slot, places } => {
                let asks = (*places).min(PLACES_MAX);
                let may = asks > 0 && !self.store_holds_back()? && self.may_lend(slot)?;
                let lent =
                    if may { self.transact(|hub| hub.lend_asked((site, life), (slot, asks), second))? } else { 0 };
                // That nothing is left is said only where it is so: who is told it takes no wish.
                let is_kept = lent == 0 && self.may_lend(slot)?;
                if is_kept { Answered::Unsaid } else { Answered::Places { lent, upto: self.journal_position()? } }
            }
        };
        Ok(Told { nonce: ask.nonce, answer })
    }

    /// Whether anything is free there, by what is on the disk: most questions for places find none.
    fn may_lend(&self, slot: &Slot) -> Result<bool, HubError> {
        Ok(self.store.slot_named(slot)?.is_some_and(|row| !row.closed && row.account.free() > 0))
    }

    fn store_holds_back(&self) -> Result<bool, HubError> {
        Ok(self.memory.holds_back && !self.store.held_up_by()?.is_empty())
    }

    fn asked_person(
        &self,
        site: &SiteCode,
        (programme, document): (&ProgrammeId, &Sealed),
        nonce: [u8; 16],
    ) -> Result<Answered, HubError> {
        let feed = self.feed_position()?;
        let place = Enquiry::place(nonce);
        let document = match self.unseal(site, &place, BUYER, document)? {
            Ok(document) => document,
            Err(cause) => {
                tracing::debug!(%site, %cause, "a question about somebody cannot be opened");
                return Ok(Answered::Unsaid);
            }
        };
        let tag = self.keys.tag(&document.person());
        let rows = self.store.bookings_of(programme, &tag, BOOKINGS_READ_MAX + 1)?;
        if u32::try_from(rows.len()).is_ok_and(|len| len > BOOKINGS_READ_MAX) {
            return Ok(Answered::Unsaid);
        }
        let live = rows.iter().filter(|row| row.standing == Standing::Stands(Stands::Live));
        let live = live.max_by_key(|row| row.slot.as_ref().map(|slot| slot.date));
        let waits = rows.iter().filter(|row| row.standing == Standing::Waits);
        let Some(row) = live.or_else(|| waits.min_by_key(|row| (row.at.second, row.site, row.id))) else {
            return Ok(Answered::Person { feed, booking: None });
        };
        let keys = self.site_keys(site)?;
        let Some(key) = keys.first() else { return Ok(Answered::Unsaid) };
        let contact = key.seal_contact(&place, &self.contact_of(row)?)?;
        Ok(Answered::Person { feed, booking: Some(Box::new(known(row, contact))) })
    }
}

fn known(row: &BookingRow, contact: Sealed) -> Known {
    let given = row.slot.clone().zip(row.given.map(|(_, serial)| serial));
    Known { of: row.id, round: row.round.clone(), given, second: row.at.second, contact }
}
