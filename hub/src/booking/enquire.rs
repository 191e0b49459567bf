//! Questions of a counter while somebody stands there: the booking that a person has anywhere, and more places (V13).
//!
//! Name and telephone of somebody who booked elsewhere are told by the manual's word (V13), on the record, and to no
//! counter of more people than stand at one.

use shared::audit::Deed;
use shared::entry::Sealed;
use shared::entry::booking::{Slot, Stands};
use shared::ids::{ActorId, EntryId, Incarnation, ProgrammeId, SiteCode};
use shared::wire::v1::enquiry::{About, Answered, Enquiry, Known, Told};

use super::BOOKINGS_READ_MAX;
use crate::audit::deeds;
use crate::hub::{BUYER, Hub, HubError};
use crate::store::{BookingRow, Standing};

/// Most places that one question gets.
const PLACES_MAX: u32 = 8;
/// Of so many people who booked elsewhere a site is told in an hour: one every half minute. Of more it is told nothing, and
/// has only the nation's list to refuse them by.
const TOLD_AN_HOUR_MAX: usize = 120;
/// In seconds.
const HOUR: i64 = 3_600;
/// No entry has this name: actors are random, and sequences count from 1.
const NOBODY: EntryId = EntryId { actor: ActorId([0; 16]), seq: 0 };

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
            About::Person { programme, document } => {
                self.asked_person((site, second), (programme, document), ask.nonce)?
            }
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
        &mut self,
        (site, second): (&SiteCode, i64),
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
        let Some(row) = self.row_to_tell(&rows, site, second)? else {
            return Ok(Answered::Person { feed, booking: None });
        };
        let keys = self.site_keys(site)?;
        let Some(key) = keys.first() else { return Ok(Answered::Unsaid) };
        if row.site != *site && !self.may_tell(site, &row.id, second)? {
            return Ok(Answered::Unsaid);
        }
        let contact = key.seal_contact(&place, &self.contact_of(row)?)?;
        Ok(Answered::Person { feed, booking: Some(Box::new(known(row, contact))) })
    }

    /// Of what somebody has the live booking of the latest day, or the first wish that waits.
    fn row_to_tell<'r>(
        &self,
        rows: &'r [BookingRow],
        site: &SiteCode,
        second: i64,
    ) -> Result<Option<&'r BookingRow>, HubError> {
        let mut live = Vec::new();
        for row in rows.iter().filter(|row| row.standing == Standing::Stands(Stands::Live)) {
            let made = self.made(row)?;
            if row.site == *site || made.is_some_and(|made| made.still_matters(self.round_of(row), second)) {
                live.push(row);
            }
        }
        let waits = rows.iter().filter(|row| row.standing == Standing::Waits);
        let latest = live.into_iter().max_by_key(|row| row.slot.as_ref().map(|slot| slot.date));
        Ok(latest.or_else(|| waits.min_by_key(|row| (row.at.second, row.site, row.id))))
    }

    /// Whether a site may be told of another's booking; the first time in an hour it is written down before it is.
    fn may_tell(&mut self, site: &SiteCode, of: &EntryId, second: i64) -> Result<bool, HubError> {
        let before = second.saturating_sub(HOUR);
        let asked = self.store.asked_since(site, before)?;
        if asked.contains(of) {
            return Ok(true);
        }
        let was_withheld = asked.contains(&NOBODY);
        let may = asked.len() - usize::from(was_withheld) < TOLD_AN_HOUR_MAX;
        let (about, deed) = match may {
            true => (*of, deeds::BOOKING_TOLD),
            false if was_withheld => return Ok(false),
            false => (NOBODY, deeds::BOOKING_WITHHELD),
        };
        let named = if may { of.to_string() } else { String::new() };
        self.transact(|hub| {
            hub.store.put_asked(site, &about, (second, before))?;
            hub.note(second, Deed { who: site.as_str(), deed, about: &named, note: "" })
        })?;
        Ok(may)
    }
}

fn known(row: &BookingRow, contact: Sealed) -> Known {
    let given = row.slot.clone().zip(row.given.map(|(_, serial)| serial));
    Known { of: row.id, round: row.round.clone(), given, second: row.at.second, contact }
}
