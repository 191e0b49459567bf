//! From entries to rows: what the hub itself wrote of booked places, and what sites did.
//!
//! A cancellation may come before its booking, an answer stands before its wish while the journal is replayed: each is
//! kept by what it is about and looked up when that comes.

use shared::entry::Entry;
use shared::entry::booking::{Attendance, Booked, Booker, Booking, Cancelled, Lease, Returned, Slot, Stands, Wish};
use shared::ids::{DocId, EntryId, ProgrammeId, SiteCode, VersionName};
use shared::rules::booking::round::Round;
use shared::rules::identity::Document;
use shared::wire::v1::entry;

use crate::hub::{Hub, HubError};
use crate::project::Batch;
use crate::store::{
    AnswerRow, AttendedRow, BookingRow, CancelledRow, LeaseRow, NumbersRow, ReturnedRow, RoundRow, SlotNumber, Standing,
};

/// Where an entry stands: its run in the journal, and its name.
type At = (u64, EntryId);

impl Hub {
    /// Takes what the hub itself wrote, when it is written and when it is replayed.
    pub(crate) fn project_own_booking(
        &mut self,
        doc: DocId,
        (pos, id): At,
        (entry, booking): (&Entry, &Booking),
    ) -> Result<(), HubError> {
        match (booking, doc) {
            (Booking::Round(round), _) => self.keep_round(entry, &round.text)?,
            (Booking::Venue(venue), _) => {
                self.memory.near.remove(&venue.id);
                let key = (&venue.id, venue.county.as_str());
                self.store.put_venue(key, venue.site.as_ref(), &entry::encode(entry))?;
                if let Some(site) = &venue.site {
                    self.store.put_keeper(&venue.id, site)?;
                }
                self.store.look_at_venue(&venue.id)?;
            }
            (Booking::Capacity(capacity), _) => {
                let slot = self.store.slot_number(&capacity.slot)?;
                self.store.set_capacity(slot, capacity.places, capacity.closed)?;
            }
            (Booking::Lease(Lease { life, slot, places, until }), DocId::Desk { site, .. }) => {
                let slot = self.store.slot_number(slot)?;
                self.store.put_lease((pos, id), (&site, life, slot), (*places, *until, entry.at.second))?;
            }
            (Booking::Numbers(lent), DocId::Desk { site, .. }) => {
                self.numbers_given(lent.first.saturating_add(u64::from(lent.count)))?;
                let (first, count, life) = (lent.first, lent.count, lent.life);
                self.store.put_numbers(pos, &NumbersRow { first, count, site, life, next: first })?;
            }
            (Booking::Answer(answer), _) => {
                let given = answer.given.as_ref().map(|(slot, serial)| (slot, *serial));
                self.keep_answer(&answer.wish, given, (&answer.why, entry.at.second))?;
            }
            (Booking::Standing(standing), _) => self.store.set_told_booking(&standing.of, standing.stands)?,
            (Booking::Expected(expected), DocId::Desk { site, .. }) => {
                self.store.set_told_expected(&expected.of, &site, &entry::encode(entry))?;
            }
            (Booking::Cancelled(cancelled), _) => self.keep_cancelled(None, id, (entry, cancelled))?,
            (Booking::Returned(returned), DocId::Desk { site, .. }) => {
                if let Some(slot) = self.keep_returned(&site, (pos, id), (returned, true))? {
                    self.store.settle_slot(slot)?;
                }
            }
            // The hub writes these nowhere else, and the others not at all.
            (
                Booking::Lease(_)
                | Booking::Numbers(_)
                | Booking::Expected(_)
                | Booking::Returned(_)
                | Booking::Booked(_)
                | Booking::Wish(_)
                | Booking::Amended(_)
                | Booking::Attended(_),
                _,
            ) => {}
        }
        Ok(())
    }

    fn keep_round(&mut self, entry: &Entry, text: &str) -> Result<(), HubError> {
        let round =
            Round::parse(text).map_err(|cause| HubError::Damaged(format!("a round of the journal: {cause}")))?;
        self.store.put_round(&RoundRow {
            name: round.name.clone(),
            programme: round.programme.clone(),
            text: text.to_owned(),
            author: entry.by.name.clone(),
            second: entry.at.second,
        })?;
        self.store.look_at_days(round.first_day, round.last_day)?;
        self.memory.rounds.insert(round);
        Ok(())
    }

    fn keep_answer(
        &mut self,
        wish: &EntryId,
        given: Option<(&Slot, u64)>,
        (why, second): (&str, i64),
    ) -> Result<(), HubError> {
        let given =
            given.map(|(slot, serial)| Ok::<_, HubError>((self.store.slot_number(slot)?, serial))).transpose()?;
        if let Some((_, serial)) = given {
            self.numbers_given(serial.saturating_add(1))?;
        }
        self.store.put_answer(&AnswerRow { wish: *wish, given, why: why.to_owned(), second })?;
        let Some(row) = self.store.booking(wish)? else { return Ok(()) };
        self.store.set_booking(&BookingRow { given, standing: answered(given), ..row })?;
        self.store.end_ranked(wish)?;
        match given {
            Some((slot, _)) => Ok(self.store.settle_slot(slot)?),
            None => Ok(()),
        }
    }

    fn keep_cancelled(
        &self,
        site: Option<SiteCode>,
        id: EntryId,
        (entry, cancelled): (&Entry, &Cancelled),
    ) -> Result<(), HubError> {
        let (of, reason) = (cancelled.of, cancelled.reason.clone());
        Ok(self.store.put_cancelled(&CancelledRow { of, id, site, second: entry.at.second, reason })?)
    }

    /// Gives the slot of the lease where it is one of this site's.
    fn keep_returned(
        &self,
        site: &SiteCode,
        (pos, id): At,
        (returned, lost): (&Returned, bool),
    ) -> Result<Option<SlotNumber>, HubError> {
        let Some(lease) = self.store.lease(&returned.lease)?.filter(|lease| lease.is_of(site, pos)) else {
            return Ok(None);
        };
        self.store.put_returned(&ReturnedRow { id, lease: lease.number, places: returned.places, lost })?;
        Ok(Some(lease.at))
    }

    /// Takes what a site did into the batch.
    pub(crate) fn project_booking(
        &mut self,
        site: &SiteCode,
        at: At,
        (entry, booking): (&Entry, &Booking),
        person: Option<&Document>,
        batch: &mut Batch,
    ) -> Result<(), HubError> {
        let id = at.1;
        match (booking, person) {
            (Booking::Booked(booked), Some(person)) => self.booked(site, at, (entry, booked), person, batch)?,
            (Booking::Wish(wish), Some(person)) => self.wished(site, at, (entry, wish), person, batch)?,
            (Booking::Cancelled(cancelled), _) => {
                self.keep_cancelled(Some(*site), id, (entry, cancelled))?;
                self.touch_booking(&cancelled.of, batch)?;
            }
            (Booking::Amended(amended), _) => {
                let by = (site, entry.at.second);
                self.store.put_amended((&amended.of, &id), by, &amended.contact)?;
                self.touch_booking(&amended.of, batch)?;
            }
            (Booking::Returned(returned), _) => {
                batch.bookings.slots.extend(self.keep_returned(site, at, (returned, false))?);
                batch.bookings.sites.insert(*site);
            }
            (Booking::Attended(attended), _) => {
                let detail = detail(&attended.what);
                let (of, what, second) = (attended.of, attended.what.code().to_owned(), entry.at.second);
                self.store.put_attended(&AttendedRow { of, id, site: *site, second, what, detail })?;
                self.touch_booking(&of, batch)?;
            }
            // Only the hub writes these; a booking without its person does not get here.
            (
                Booking::Booked(_)
                | Booking::Wish(_)
                | Booking::Round(_)
                | Booking::Venue(_)
                | Booking::Capacity(_)
                | Booking::Lease(_)
                | Booking::Numbers(_)
                | Booking::Answer(_)
                | Booking::Standing(_)
                | Booking::Expected(_),
                _,
            ) => {}
        }
        Ok(())
    }

    fn booked(
        &mut self,
        site: &SiteCode,
        (pos, id): At,
        (entry, booked): (&Entry, &Booked),
        person: &Document,
        batch: &mut Batch,
    ) -> Result<(), HubError> {
        let slot = self.store.slot_number(&booked.slot)?;
        let covers = |lease: &LeaseRow| lease.is_of(site, pos) && lease.at == slot;
        let row = BookingRow {
            given: Some((slot, booked.serial)),
            lease: self.store.lease(&booked.lease)?.filter(covers).map(|lease| lease.number),
            standing: Standing::Stands(Stands::Live),
            ..self.row(site, (pos, id), (entry, &booked.person), (&booked.programme, &booked.round), person)
        };
        self.touch_number(&row, batch)?;
        self.store.put_booking(&row)?;
        self.store.number_used(site, booked.serial)?;
        batch.bookings.booking(&row);
        batch.bookings.slots.insert(slot);
        batch.bookings.sites.insert(*site);
        Ok(())
    }

    fn wished(
        &mut self,
        site: &SiteCode,
        (pos, id): At,
        (entry, wish): (&Entry, &Wish),
        person: &Document,
        batch: &mut Batch,
    ) -> Result<(), HubError> {
        let answer = self.store.answer(&id)?;
        let row = BookingRow {
            wish: true,
            given: answer.as_ref().and_then(|answer| answer.given),
            standing: answer.as_ref().map_or(Standing::Waits, |answer| answered(answer.given)),
            ..self.row(site, (pos, id), (entry, &wish.person), (&wish.programme, &wish.round), person)
        };
        self.touch_number(&row, batch)?;
        self.store.put_booking(&row)?;
        batch.bookings.booking(&row);
        batch.bookings.slots.extend(row.given.map(|(slot, _)| slot));
        if answer.is_none() {
            let key = (entry.at.second, *site, id);
            let ranked = wish.ranked.iter().map(|slot| self.store.slot_number(slot)).collect::<Result<Vec<_>, _>>()?;
            self.store.put_ranked(&key, &ranked)?;
            batch.bookings.wishes.insert(key);
        }
        Ok(())
    }

    /// What is the same of a booking and of a wish; a wish that waits.
    fn row(
        &self,
        site: &SiteCode,
        (pos, id): At,
        (entry, booker): (&Entry, &Booker),
        (programme, round): (&ProgrammeId, &VersionName),
        person: &Document,
    ) -> BookingRow {
        BookingRow {
            id,
            tag: self.keys.tag(&person.person()),
            programme: programme.clone(),
            site: *site,
            at: entry.at,
            reading: booker.reading,
            wish: false,
            round: round.clone(),
            given: None,
            lease: None,
            shown: booker.shown,
            watermark: booker.watermark,
            document: booker.document.clone(),
            contact: booker.contact.clone(),
            standing: Standing::Waits,
            fed: None,
            pos,
            cancelled: false,
            slot: None,
        }
    }

    /// Whoever had a serial number first is judged again when another booking brings the same.
    fn touch_number(&self, row: &BookingRow, batch: &mut Batch) -> Result<(), HubError> {
        if let Some((_, serial)) = row.given
            && let Some(first) = self.store.first_of_serial(serial)?
        {
            batch.bookings.booking(&first);
        }
        Ok(())
    }

    /// Something was said of a booking: who holds it is judged again, once it is there.
    pub(super) fn touch_booking(&self, of: &EntryId, batch: &mut Batch) -> Result<(), HubError> {
        if let Some(row) = self.store.booking(of)? {
            batch.bookings.slots.extend(row.given.map(|(slot, _)| slot));
            batch.bookings.booking(&row);
        }
        Ok(())
    }

    /// Everybody in a round is judged again.
    pub(super) fn touch_round(&self, round: &VersionName, batch: &mut Batch) -> Result<(), HubError> {
        batch.bookings.people(self.store.people_in(round)?);
        Ok(())
    }

    /// Whoever booked in a round without its list is judged again.
    pub(super) fn touch_unseen(&self, round: &VersionName, batch: &mut Batch) -> Result<(), HubError> {
        batch.bookings.people(self.store.people_unseen(round)?);
        Ok(())
    }

    /// Everybody who is booked at the venues of a site is judged again, so that it hears of them.
    pub(crate) fn touch_venues_of(&self, site: &SiteCode, batch: &mut Batch) -> Result<(), HubError> {
        for venue in self.store.venues_of(site)? {
            batch.bookings.people(self.store.people_at(&venue)?);
        }
        Ok(())
    }
}

/// How a wish stands once it is answered, before its person is judged.
fn answered(given: Option<(SlotNumber, u64)>) -> Standing {
    if given.is_some() { Standing::Stands(Stands::Live) } else { Standing::TurnedDown }
}

/// What goes with an attendance, as the canonical dump has it.
fn detail(what: &Attendance) -> String {
    match what {
        Attendance::CheckedIn => String::new(),
        Attendance::Given { brand, lot } => format!("{brand} {lot}"),
        Attendance::NotGiven { reason } => reason.clone(),
        Attendance::Later { start } => start.to_string(),
    }
}
