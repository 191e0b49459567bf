//! What people do at a counter: ask, book, wish, cancel.

use anyhow::{Context, Result, ensure};
use edge::node::ask::booking::{BookRequest, BookedState, BookingRef, BookingView, CancelRequest, LookUp, LookedUp};
use shared::entry::booking::Slot;
use shared::ids::EntryId;
use shared::rules::booking::refusal::BookingRefusal;
use shared::wire::v1::enquiry::Told;

use super::{WISHES_MAX, World, Wrote};

impl World {
    /// Somebody comes to a counter.
    pub(super) fn somebody(&mut self) -> Result<()> {
        let who = self.dice.index(self.people.len());
        let near: Vec<usize> =
            (0..self.counters.len()).filter(|at| self.counters[*at].district == self.people[who].district).collect();
        let at = if near.is_empty() || self.dice.once_in(30) {
            self.dice.index(self.counters.len())
        } else {
            *self.dice.pick(&near)
        };
        match self.truth.of(who).last().copied() {
            Some(booked) if self.dice.once_in(4) => self.cancel(at, who, booked),
            _ => self.book(at, who),
        }
    }

    fn look_up(&mut self, at: usize, who: usize) -> Result<(Option<Told>, Result<LookedUp, BookingRefusal>)> {
        let document = self.people[who].text(&mut self.dice);
        let reading = self.counters[at].site.reading(self.now_ms);
        let ask = self.counters[at].site.node()?.ask_person(None, &document, reading)?;
        let told = match ask {
            Some(ask) => {
                self.with_line(at, |line, node, hub, now| line.enquire(ask.clone(), node, hub, now))?.flatten()
            }
            None => None,
        };
        let look = LookUp { programme: None, document };
        let said = self.counters[at].site.node()?.look_up(&look, told.as_ref(), reading)?;
        Ok((told, said))
    }

    fn book(&mut self, at: usize, who: usize) -> Result<()> {
        let (told, said) = self.look_up(at, who)?;
        if !matches!(said, Ok(LookedUp::May(_))) {
            self.report.refused += 1;
            return Ok(());
        }
        let is_up = self.counters[at].up;
        let reading = self.counters[at].site.reading(self.now_ms);
        let view = self.counters[at].site.node()?.booking_view(reading);
        let choices = self.choices(&view, self.people[who].district);
        let Some(slot) = choices.first().cloned() else { return Ok(()) };
        if let Some(ask) = self.counters[at].site.node()?.ask_places(&slot, reading)? {
            self.with_line(at, |line, node, hub, now| {
                let told = line.enquire(ask.clone(), node, hub, now)?;
                told.iter().for_each(|told| node.hear_told(told, now.reading));
                line.settle(node, hub, now)
            })?;
        }
        let document = self.people[who].text(&mut self.dice);
        let request = BookRequest {
            request: None,
            document,
            name: "王大明".to_owned(),
            mobile: "0912345678".to_owned(),
            slot,
            consent: true,
            wishes: choices,
            by: "town".to_owned(),
        };
        let reading = self.counters[at].site.reading(self.now_ms);
        let answer = self.counters[at].site.node()?.book(&request, told.as_ref(), reading)?;
        let is_asked = !is_up && self.people[who].listed;
        let counter = &self.counters[at];
        let is_met = counter.met == Some(counter.site.stamp());
        self.report.offline += u64::from(is_asked);
        self.report.offline_unmet += u64::from(is_asked && !is_met);
        match answer.map(edge::node::Committed::into_inner) {
            Ok(wish) if wish.state == BookedState::Waiting => {
                ensure!(!is_up, "a wish at a counter with a line");
                self.report.wishes += 1;
                self.note(at, Wrote::Booking(wish.id))?;
                self.truth.wished(wish.id, who);
                Ok(())
            }
            Ok(booked) => {
                self.report.booked += 1;
                self.report.offline_booked += u64::from(is_asked);
                self.note(at, Wrote::Booking(booked.id))?;
                let serial = booked.serial().context("a booking with a number")?;
                let slot = booked.slot.as_ref().context("a booking with a slot")?;
                self.truth.booked(booked.id, who, slot, serial)
            }
            Err(BookingRefusal::Full) => {
                self.report.full += 1;
                Ok(())
            }
            Err(_) => {
                self.report.refused += 1;
                Ok(())
            }
        }
    }

    /// A counter has answered.
    fn note(&mut self, at: usize, wrote: Wrote) -> Result<()> {
        let counter = &mut self.counters[at];
        let pos = counter.site.node()?.log_len();
        counter.wrote.push((pos, wrote));
        Ok(())
    }

    /// What somebody of a district would take: what the counter holds first.
    fn choices(&mut self, view: &BookingView, district: usize) -> Vec<Slot> {
        let near = |slot: &Slot| slot.venue.as_str().ends_with(&format!("-{district}"));
        let mut held: Vec<&Slot> =
            view.slots.iter().filter(|it| it.held > 0 && !it.closed && near(&it.slot)).map(|it| &it.slot).collect();
        let mut others: Vec<&Slot> =
            view.slots.iter().filter(|it| it.held == 0 && !it.closed && near(&it.slot)).map(|it| &it.slot).collect();
        let mut out = Vec::new();
        for list in [&mut held, &mut others] {
            while out.len() < WISHES_MAX && !list.is_empty() {
                let at = self.dice.index(list.len());
                out.push(list.swap_remove(at).clone());
            }
        }
        out
    }

    fn cancel(&mut self, at: usize, who: usize, of: EntryId) -> Result<()> {
        let (told, _) = self.look_up(at, who)?;
        let document = self.people[who].text(&mut self.dice);
        let of_entry = BookingRef::Entry(of);
        let request =
            CancelRequest { request: None, of: of_entry, document, reason: String::new(), by: "town".to_owned() };
        let reading = self.counters[at].site.reading(self.now_ms);
        if self.counters[at].site.node()?.cancel(&request, told.as_ref(), reading)?.is_ok() {
            self.report.cancelled += 1;
            self.note(at, Wrote::Cancellation(of))?;
            self.truth.cancelled(&of);
        }
        Ok(())
    }
}
