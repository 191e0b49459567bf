//! 取消預約 and another telephone number (V13-V15): the person's own document must be there.

use chrono::NaiveDateTime;
use shared::entry::Instant;
use shared::entry::booking::{Amended, Booking, Cancelled};
use shared::ids::{EntryId, VersionName};
use shared::rules::access::BOOKING;
use shared::rules::booking::contact::Contact;
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::calendar::{taipei_day, taipei_time};
use shared::rules::identity::Document;
use shared::wire::v1::enquiry::{Enquiry, Told};

use super::super::access::Doing;
use super::super::ask::{
    AmendRequest, AmendedBooking, BookedState, BookingAnswer, BookingRef, CancelRequest, CancelledBooking, DocumentText,
};
use super::super::{BadAsk, Committed, Node, NodeError};
use super::draft::{New, parse, reason_if_any};
use crate::clock::Reading;

/// A booking of the person who is there.
struct Theirs {
    of: EntryId,
    /// 0 of a wish that has none.
    serial: u64,
    round: VersionName,
    contact: Contact,
    state: BookedState,
    /// When its place begins.
    begins: Option<NaiveDateTime>,
}

impl Node {
    /// 取消預約: only while the round is open, and only by the person's own document. One of another site needs the hub's
    /// answer to [`Node::ask_person`].
    ///
    /// # Errors
    /// Where the store fails, the question is no question, or the hub takes no bookings.
    pub fn cancel(
        &mut self,
        ask: &CancelRequest,
        told: Option<&Told>,
        reading: Reading,
    ) -> BookingAnswer<Committed<CancelledBooking>> {
        self.admit_to(BOOKING, Doing::Write, reading)?;
        told.into_iter().for_each(|told| self.hear_told(told, reading));
        if let Some(done) = self.cancelled_before(ask)? {
            return Ok(Ok(done));
        }
        let (at, theirs) = match self.theirs_now(ask.of, &ask.document, reading)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = self.may_cancel(&theirs, taipei_time(at.second)) {
            return Ok(Err(refusal));
        }
        let (by, reason) = (self.author(&ask.by)?, reason_if_any(&ask.reason)?);
        let slot = self.slot(taipei_day(at.second))?;
        let Theirs { of, serial, .. } = theirs;
        let answer = CancelledBooking { id: slot.id(), of, serial, replayed: false };
        let booking = Booking::Cancelled(Cancelled { of, serial, reason });
        let request = ask.request.as_deref();
        self.commit_booking(New { slot, at, reading, by, request, booking }, answer).map(Ok)
    }

    fn may_cancel(&self, theirs: &Theirs, now: NaiveDateTime) -> Result<(), BookingRefusal> {
        if self.is_given(&theirs.of) {
            return Err(BookingRefusal::Attended);
        }
        let rounds = &self.bookings.rounds;
        if rounds.open(now).any(|round| round.name == theirs.round) {
            return Ok(());
        }
        let opens = rounds.iter().map(|round| round.opens).filter(|opens| *opens > now).min();
        Err(BookingRefusal::Closed { opens })
    }

    /// Another telephone number: as long as the place has not begun.
    ///
    /// # Errors
    /// As [`Node::cancel`].
    pub fn amend(
        &mut self,
        ask: &AmendRequest,
        told: Option<&Told>,
        reading: Reading,
    ) -> BookingAnswer<Committed<AmendedBooking>> {
        self.admit_to(BOOKING, Doing::Write, reading)?;
        told.into_iter().for_each(|told| self.hear_told(told, reading));
        if let Some(done) = self.amended_before(ask)? {
            return Ok(Ok(done));
        }
        let (at, theirs) = match self.theirs_now(ask.of, &ask.document, reading)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if theirs.begins.is_some_and(|begins| begins <= taipei_time(at.second)) {
            return Ok(Err(BookingRefusal::Past));
        }
        let contact = match Contact::parse(theirs.contact.name(), &ask.mobile) {
            Ok(contact) => contact,
            Err(bad) => return Ok(Err(bad.into())),
        };
        let by = self.author(&ask.by)?;
        let slot = self.slot(taipei_day(at.second))?;
        let id = slot.id();
        let booking = Booking::Amended(Amended { of: theirs.of, contact: self.keys.seal_contact(&id, &contact)? });
        let answer = AmendedBooking { id, of: theirs.of, replayed: false };
        let request = ask.request.as_deref();
        self.commit_booking(New { slot, at, reading, by, request, booking }, answer).map(Ok)
    }

    /// The booking that is meant, which stands and is that of whoever is there.
    fn theirs_now(
        &mut self,
        of: BookingRef,
        document: &DocumentText,
        reading: Reading,
    ) -> BookingAnswer<(Instant, Theirs)> {
        self.check_takes_booking()?;
        let (at, today) = self.today(reading);
        let document = match parse(document, today) {
            Ok(document) => document,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(match self.theirs(of, &document, reading)? {
            None => Err(BookingRefusal::Unknown),
            Some(theirs) if theirs.state == BookedState::Cancelled => Err(BookingRefusal::AlreadyCancelled),
            Some(theirs) => Ok((at, theirs)),
        })
    }

    /// The booking that is meant, if it is this person's.
    fn theirs(&self, of: BookingRef, document: &Document, reading: Reading) -> Result<Option<Theirs>, NodeError> {
        if let Some(id) = self.own_of(of) {
            let Some(booked) = self.shown_own(&id)? else { return Ok(None) };
            let is_theirs = booked.document.person() == document.person();
            return Ok(is_theirs.then(|| Theirs {
                of: id,
                serial: booked.serial().unwrap_or(0),
                round: booked.round.clone(),
                begins: booked.slot.as_ref().map(shared::entry::booking::Slot::begins),
                state: booked.state,
                contact: booked.contact,
            }));
        }
        let tag = self.keys.tag(&document.person());
        let programmes: std::collections::BTreeSet<_> = self.bookings.rounds.iter().map(|it| &it.programme).collect();
        let said = programmes.into_iter().filter_map(|programme| self.person_said(programme, tag, reading));
        for said in said {
            let Some(known) = said.booking else { continue };
            let serial = known.given.as_ref().map(|(_, serial)| *serial);
            let is_meant = match of {
                BookingRef::Entry(id) => known.of == id,
                BookingRef::Serial(wanted) => serial == Some(wanted),
            };
            if is_meant {
                let is_cancelled = self.bookings.is_cancelled(&known.of);
                return Ok(Some(Theirs {
                    of: known.of,
                    serial: serial.unwrap_or(0),
                    round: known.round,
                    begins: known.given.as_ref().map(|(slot, _)| slot.begins()),
                    state: if is_cancelled { BookedState::Cancelled } else { BookedState::Waiting },
                    contact: self.keys.open_contact(&Enquiry::place(said.nonce), &known.contact)?,
                }));
            }
        }
        Ok(None)
    }

    fn cancelled_before(&self, ask: &CancelRequest) -> Result<Option<Committed<CancelledBooking>>, NodeError> {
        let Some(found) = self.booking_before(ask.request.as_deref())? else { return Ok(None) };
        let done = found.try_map(|(row, booking)| {
            if let Booking::Cancelled(it) = booking
                && match ask.of {
                    BookingRef::Entry(id) => id == it.of,
                    BookingRef::Serial(serial) => serial == it.serial,
                }
            {
                return Ok(CancelledBooking { id: row.id, of: it.of, serial: it.serial, replayed: true });
            }
            Err(NodeError::from(BadAsk::RequestReused))
        })?;
        Ok(Some(done))
    }

    fn amended_before(&self, ask: &AmendRequest) -> Result<Option<Committed<AmendedBooking>>, NodeError> {
        let Some(found) = self.booking_before(ask.request.as_deref())? else { return Ok(None) };
        let done = found.try_map(|(row, booking)| {
            if let Booking::Amended(it) = booking {
                // Of another site's booking this one does not keep the number: then the telephone says that it is the same.
                let is_meant = match ask.of {
                    BookingRef::Entry(id) => id == it.of,
                    BookingRef::Serial(_) => self.own_of(ask.of).is_none_or(|id| id == it.of),
                };
                let kept = self.keys.open_contact(&row.id, &it.contact)?;
                let asked = Contact::parse(kept.name(), &ask.mobile);
                if is_meant && asked.is_ok_and(|asked| asked.mobile() == kept.mobile()) {
                    return Ok(AmendedBooking { id: row.id, of: it.of, replayed: true });
                }
            }
            Err(NodeError::from(BadAsk::RequestReused))
        })?;
        Ok(Some(done))
    }
}
