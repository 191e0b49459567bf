//! What the hub is asked while somebody stands at the counter, and what it has said (V13).
//!
//! A question is known again by its nonce: an answer about somebody else, or of long ago, is none.

use std::collections::VecDeque;

use shared::entry::booking::Slot;
use shared::ids::{PersonTag, ProgrammeId};
use shared::rules::access::BOOKING;
use shared::wire::v1::enquiry::{About, Answered, Enquiry, Known, Told};

use super::super::access::Doing;
use super::super::ask::DocumentText;
use super::super::{Node, NodeError};
use super::draft::parse;
use crate::clock::Reading;

/// Most questions that are remembered; the oldest goes first.
const ASKED_MAX: usize = 128;
/// An answer is used for so long.
const ANSWER_MS: u64 = 10_000;
/// So many places help: a couple comes together.
const PLACES_ASKED: u32 = 2;

/// The newest questions.
#[derive(Debug, Default)]
pub(super) struct Asked(VecDeque<Question>);

#[derive(Debug)]
struct Question {
    nonce: [u8; 16],
    about: Meant,
    /// The answer, and when it came by the monotonic clock.
    said: Option<(u64, Answered)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Person(ProgrammeId, PersonTag),
    Places(Slot),
}

/// What the hub has said of somebody.
pub(super) struct PersonSaid {
    pub(super) nonce: [u8; 16],
    /// By this position of the feed.
    pub(super) feed: u64,
    pub(super) booking: Option<Known>,
}

impl Asked {
    fn ask(&mut self, nonce: [u8; 16], about: Meant) {
        if self.0.len() >= ASKED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Question { nonce, about, said: None });
    }

    fn hear(&mut self, told: &Told, mono_ms: u64) {
        if let Some(question) = self.0.iter_mut().rev().find(|question| question.nonce == told.nonce)
            && question.said.is_none()
        {
            question.said = Some((mono_ms, told.answer.clone()));
        }
    }

    /// The newest answer to a question like this, if it is not too old.
    fn said(&self, about: &Meant, mono_ms: u64) -> Option<(&Question, &Answered)> {
        let is_new = |at: u64| mono_ms.saturating_sub(at) <= ANSWER_MS;
        let like = self.0.iter().rev().filter(|question| question.about == *about);
        like.filter_map(|question| {
            let (at, said) = question.said.as_ref()?;
            is_new(*at).then_some((question, said))
        })
        .next()
    }
}

impl Node {
    /// What to ask the hub about somebody's booking; none where the hub takes no bookings, or nobody can be asked about.
    ///
    /// # Errors
    /// Where whoever acts may not look anybody up.
    pub fn ask_person(
        &mut self,
        programme: Option<&ProgrammeId>,
        document: &DocumentText,
        reading: Reading,
    ) -> Result<Option<Enquiry>, NodeError> {
        self.admit_to(BOOKING, Doing::Look, reading)?;
        let (now, today) = self.today(reading);
        let programme = self.programme_meant(programme, now);
        let (Ok(document), Some(programme), true) = (parse(document, today), programme, self.takes_booking) else {
            return Ok(None);
        };
        let nonce = (self.dice)();
        let tag = self.keys.tag(&document.person());
        self.bookings.asked.ask(nonce, Meant::Person(programme.clone(), tag));
        let document = self.keys.seal(&Enquiry::place(nonce), 0, &document)?;
        Ok(Some(Enquiry { nonce, about: About::Person { programme, document } }))
    }

    /// What to ask the hub about places; none where it takes no bookings, the slot cannot be booked now, or places of it
    /// are held already.
    ///
    /// # Errors
    /// Where whoever acts may not book.
    pub fn ask_places(&mut self, slot: &Slot, reading: Reading) -> Result<Option<Enquiry>, NodeError> {
        self.admit_to(BOOKING, Doing::Write, reading)?;
        let (at, _) = self.today(reading);
        let now = shared::rules::calendar::taipei_time(at.second);
        let is_open = self.bookings.rounds.open(now).any(|round| round.has(slot)) && slot.begins() > now;
        let is_there = self.bookings.capacities.get(slot).is_some_and(|of| !of.closed);
        if !self.takes_booking || !is_open || !is_there || self.place_for(slot, at).is_some() {
            return Ok(None);
        }
        let nonce = (self.dice)();
        self.bookings.asked.ask(nonce, Meant::Places(slot.clone()));
        Ok(Some(Enquiry { nonce, about: About::Places { slot: slot.clone(), places: PLACES_ASKED } }))
    }

    /// The hub has answered a question; every deed hears what it is told too.
    pub fn hear_told(&mut self, told: &Told, reading: Reading) {
        self.bookings.asked.hear(told, reading.mono_ms);
    }

    /// What the hub has said of somebody just now.
    pub(super) fn person_said(&self, programme: &ProgrammeId, tag: PersonTag, reading: Reading) -> Option<PersonSaid> {
        let about = Meant::Person(programme.clone(), tag);
        match self.bookings.asked.said(&about, reading.mono_ms)? {
            (question, Answered::Person { feed, booking }) => {
                Some(PersonSaid { nonce: question.nonce, feed: *feed, booking: booking.as_deref().cloned() })
            }
            (_, Answered::Unsaid | Answered::Places { .. }) => None,
        }
    }

    /// Whether the hub has said just now that nothing is left there.
    pub(super) fn is_full(&self, slot: &Slot, reading: Reading) -> bool {
        let said = self.bookings.asked.said(&Meant::Places(slot.clone()), reading.mono_ms);
        matches!(said, Some((_, Answered::Places { lent: 0, .. })))
    }
}
