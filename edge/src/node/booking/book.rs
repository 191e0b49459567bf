//! 確認送出: a place out of a lease, or a wish where nothing is left and no line says so (V1-V10).
//!
//! The order of refusals is that of `rules::booking::decide`; what is left of a slot is asked last.

use shared::entry::Instant;
use shared::entry::booking::{self, Booker, Booking, Slot};
use shared::ids::{EntryId, ProgrammeId, VersionName};
use shared::rules::access::BOOKING;
use shared::rules::booking::contact::Contact;
use shared::rules::booking::decide::{Form, Listed, check, may_book};
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::calendar::{taipei_day, taipei_time};
use shared::rules::identity::Document;
use shared::wire::v1::enquiry::Told;
use shared::wire::v1::entry::RANKED_MAX;

use super::super::access::Doing;
use super::super::ask::{BookRequest, Booked, BookingAnswer};
use super::super::{BadAsk, Committed, Node, NodeError};
use super::draft::{New, parse};
use crate::clock::Reading;

/// A booking that may be written.
struct Decided<'a> {
    ask: &'a BookRequest,
    programme: ProgrammeId,
    round: VersionName,
    document: Document,
    contact: Contact,
    shown: booking::Shown,
    /// Slots that would do, the chosen one first.
    ranked: Vec<Slot>,
    /// Lease and serial number; none: it is a wish.
    given: Option<(EntryId, u64)>,
}

impl Node {
    /// Books, or takes a wish down where nothing is held here and the hub has not said that nothing is left.
    ///
    /// The answers to [`Node::ask_person`] and [`Node::ask_places`] count for some seconds; one of them may come in `told`.
    ///
    /// # Errors
    /// Where the store fails, the question is no question, or the hub takes no bookings.
    pub fn book(
        &mut self,
        ask: &BookRequest,
        told: Option<&Told>,
        reading: Reading,
    ) -> BookingAnswer<Committed<Booked>> {
        self.admit_to(BOOKING, Doing::Write, reading)?;
        told.into_iter().for_each(|told| self.hear_told(told, reading));
        if let Some(booked) = self.booked_before(ask, reading)? {
            return Ok(Ok(booked));
        }
        self.check_takes_booking()?;
        let (at, _) = self.today(reading);
        match self.decide_booking(ask, at, reading)? {
            Ok(decided) => self.put_booking(decided, at, reading).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    fn decide_booking<'a>(
        &mut self,
        ask: &'a BookRequest,
        at: Instant,
        reading: Reading,
    ) -> BookingAnswer<Decided<'a>> {
        let now = taipei_time(at.second);
        let document = match parse(&ask.document, now.date()) {
            Ok(document) => document,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let rounds = self.rounds_meant(None, Some(&ask.slot));
        let listed = self.listed(&rounds, &document.person(), now)?;
        let listed =
            |round: &shared::rules::booking::round::Round| listed.get(&round.name).copied().unwrap_or(Listed::Unseen);
        let permit = match may_book(&rounds, &document, now, listed) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let programme = permit.round.programme.clone();
        let present = self.present(&programme, &[permit.round], &document, reading)?;
        let form = Form { consent: ask.consent, contact: Contact::parse(&ask.name, &ask.mobile) };
        let booked = present.map(|present| present.known());
        let contact = match check(&permit, booked, &form, (&ask.slot, self.slot_known(&ask.slot)), now) {
            Ok(contact) => contact,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let given = self.place_for(&ask.slot, at);
        let mut ranked = vec![ask.slot.clone()];
        if given.is_none() {
            for slot in &ask.wishes {
                if let Err(refusal) = permit.check_slot(slot, self.slot_known(slot), now) {
                    return Ok(Err(refusal));
                }
                if !ranked.contains(slot) {
                    ranked.push(slot.clone());
                }
            }
            ranked.truncate(RANKED_MAX);
            // Places without a number to give are no reason to say that nothing is left.
            let holds = self.bookings.purse.lease_for(&ask.slot, &self.incarnation, at).is_some();
            if !holds && self.is_full(&ask.slot, reading) {
                return Ok(Err(BookingRefusal::Full));
            }
        }
        let (round, shown) = (permit.round.name.clone(), permit.shown);
        Ok(Ok(Decided { ask, programme, round, document, contact, shown, ranked, given }))
    }

    fn put_booking(
        &mut self,
        decided: Decided<'_>,
        at: Instant,
        reading: Reading,
    ) -> Result<Committed<Booked>, NodeError> {
        let Decided { ask, programme, round, document, contact, shown, ranked, given } = decided;
        let slot = self.slot(taipei_day(at.second))?;
        let id = slot.id();
        let by = self.author(&ask.by)?;
        let person = Booker {
            document: self.keys.seal(&id, 0, &document)?,
            contact: self.keys.seal_contact(&id, &contact)?,
            reading: document.reading(),
            watermark: self.line.feed,
            shown,
        };
        let (first, serial) = (ranked.first().cloned(), given.map(|(_, serial)| serial));
        let mut booked = self.shown((id, at.second), (&programme, &round), (first, serial), document, contact);
        booked.is_own = true;
        booked.ranked.clone_from(&ranked);
        booked.slip = self.slip_of(&booked);
        let booking = match given {
            Some((lease, serial)) => {
                let slot = ask.slot.clone();
                Booking::Booked(booking::Booked { programme, round, slot, lease, serial, person })
            }
            None => Booking::Wish(booking::Wish { programme, round, ranked, person }),
        };
        let request = ask.request.as_deref();
        self.commit_booking(New { slot, at, reading, by, request, booking }, booked)
    }

    /// The same request again: the same answer, as it stands now.
    fn booked_before(&mut self, ask: &BookRequest, reading: Reading) -> Result<Option<Committed<Booked>>, NodeError> {
        let Some(found) = self.booking_before(ask.request.as_deref())? else { return Ok(None) };
        let (_, today) = self.today(reading);
        let booked = found.try_map(|(row, _)| {
            let reused = || NodeError::from(BadAsk::RequestReused);
            let booked = self.shown_own(&row.id)?.ok_or_else(reused)?;
            let same = parse(&ask.document, today).is_ok_and(|asked| asked == booked.document)
                && booked.ranked.first() == Some(&ask.slot);
            if same { Ok(Booked { replayed: true, ..booked }) } else { Err(reused()) }
        })?;
        Ok(Some(booked))
    }
}
