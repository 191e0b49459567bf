//! 讀卡: whether somebody may book, or what they have (V1, V2, V13); and what the pages show of no person.

use std::collections::BTreeMap;

use shared::entry::booking::Slot;
use shared::rules::access::BOOKING;
use shared::rules::booking::decide::{Listed, may_book};
use shared::rules::booking::refusal::{BookedKnown, BookingRefusal};
use shared::rules::booking::round::{Round, Rounds};
use shared::rules::calendar::taipei_time;
use shared::wire::v1::enquiry::Told;

use super::super::access::Doing;
use super::super::ask::{BookedState, BookingAnswer, BookingView, LookUp, LookedUp, MayBook, SlotLine};
use super::super::{Node, NodeError};
use super::draft::parse;
use super::known::Present;
use crate::clock::Reading;

impl Node {
    /// Whether somebody may book; or their present booking, here or by the hub's answer to [`Node::ask_person`].
    ///
    /// One that only the nation's list knows of is a refusal: what it is cannot be shown without a line.
    ///
    /// # Errors
    /// Where the store fails, or whoever acts may not look.
    pub fn look_up(&mut self, ask: &LookUp, told: Option<&Told>, reading: Reading) -> BookingAnswer<LookedUp> {
        self.admit_to(BOOKING, Doing::Look, reading)?;
        told.into_iter().for_each(|told| self.hear_told(told, reading));
        let (at, today) = self.today(reading);
        let now = taipei_time(at.second);
        let document = match parse(&ask.document, today) {
            Ok(document) => document,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(programme) = self.programme_meant(ask.programme.as_ref(), at) else {
            return Ok(Err(BookingRefusal::Closed { opens: None }));
        };
        let rounds = self.rounds_meant(Some(&programme), None);
        let open: Vec<&Round> = rounds.open(now).collect();
        let theirs = if open.is_empty() { rounds.current(today).collect() } else { open };
        let present = self.present(&programme, &theirs, &document, reading)?;
        match &present {
            Some(Present::Own(id)) => {
                if let Some(booked) = self.shown_own(id)? {
                    return Ok(Ok(LookedUp::Has(Box::new(booked))));
                }
            }
            Some(Present::Hub(nonce, known)) => {
                let booked = self.shown_known((nonce, known), &programme, document)?;
                return Ok(Ok(LookedUp::Has(Box::new(booked))));
            }
            Some(Present::Listed) | None => {}
        }
        let listed = self.listed(&rounds, &document.person(), now)?;
        let listed = |round: &Round| listed.get(&round.name).copied().unwrap_or(Listed::Unseen);
        let permit = match may_book(&rounds, &document, now, listed) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if present.is_some() {
            return Ok(Err(BookingRefusal::Booked { known: BookedKnown::List }));
        }
        Ok(Ok(LookedUp::May(MayBook {
            round: permit.round.name.clone(),
            number: permit.round.number,
            title: permit.round.title.clone(),
            shown: permit.shown,
            masked: document.masked(),
            known: self.known(at, reading),
            programme,
        })))
    }

    /// Rounds, venues, and slots with what this site holds of them.
    pub fn booking_view(&mut self, reading: Reading) -> BookingView {
        let (at, today) = self.today(reading);
        let now = taipei_time(at.second);
        let book = &self.bookings;
        let mut held: BTreeMap<&Slot, u32> = BTreeMap::new();
        for (_, lease) in book.purse.running(&self.incarnation, at) {
            *held.entry(&lease.lease.slot).or_default() += lease.left();
        }
        let rounds: Vec<Round> = book.rounds.current(today).cloned().collect();
        let shown = |slot: &Slot| slot.begins() > now && rounds.iter().any(|round| round.has(slot));
        let venues = book.venues.iter().filter(|(_, venue)| venue.holds);
        let slots = book.capacities.values().filter(|of| shown(&of.slot));
        let line = |of: &shared::entry::booking::Capacity| SlotLine {
            held: held.get(&of.slot).copied().unwrap_or(0),
            slot: of.slot.clone(),
            places: of.places,
            closed: of.closed,
        };
        BookingView {
            now,
            today,
            site: self.site,
            takes: self.takes_booking,
            venues: venues.map(|(id, venue)| (id.clone(), venue.clone())).collect(),
            slots: slots.map(line).collect(),
            rounds,
            numbers_left: book.purse.numbers_left(&self.incarnation),
            waiting: book.own.iter().filter(|(id, own)| self.state_of(id, own) == BookedState::Waiting).count(),
            known: self.known(at, reading),
        }
    }

    /// Whether the hub takes bookings, or has told of rounds.
    #[must_use]
    pub fn has_bookings(&self) -> bool {
        self.takes_booking || !self.bookings.rounds.is_empty()
    }

    /// Every round that is known here.
    #[must_use]
    pub fn rounds(&self) -> &Rounds {
        &self.bookings.rounds
    }

    /// Whether whoever acts may look at what was booked; looking goes on where nothing is written any more.
    ///
    /// # Errors
    /// As for every deed of these pages.
    pub fn may_look_at_bookings(&mut self, reading: Reading) -> Result<(), NodeError> {
        match self.admit_to(BOOKING, Doing::Look, reading) {
            Err(NodeError::Stopped { .. }) => Ok(()),
            other => other,
        }
    }
}
