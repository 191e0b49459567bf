//! Wishes (待確認): taken down where nothing was left and no line, answered here in the order of their seconds.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, Timelike};
use shared::entry::Fact;
use shared::entry::booking::{Answer, Booking, Capacity, Slot};
use shared::ids::{EntryId, SiteCode, VersionName};
use shared::rules::booking::decide::{Permit, SlotKnown, in_round};
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::booking::round::Round;
use shared::rules::calendar::taipei_time;
use shared::sign::slip::Block;

use super::judge::Telling;
use super::{Touches, Which};
use crate::hub::{Hub, HubError};
use crate::publish::{SELF, desk, signed};
use crate::store::{BookingRow, SlotNumber, SlotRow, Standing, WaitingKey};

/// Wishes for one slot that are looked at in one round.
const AT_ONCE: u32 = 64;
/// Wishes that are turned down in one transaction because nothing can come of them.
const IN_VAIN_AT_ONCE: usize = 1_024;
/// Somebody has a booking.
const BOOKED: &str = "booked";
/// Nothing is left, and nothing can come free.
const FULL: &str = "full";

/// A wish that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingWish {
    /// Its entry.
    pub id: EntryId,
    /// Where it was taken down.
    pub site: SiteCode,
    /// When, in seconds since 1970.
    pub second: i64,
    /// By which round.
    pub round: VersionName,
    /// What they would take, the dearest first.
    pub ranked: Vec<Slot>,
}

/// What comes of a wish now.
enum Comes {
    Given(Slot),
    Nothing(&'static str),
    /// It waits on.
    Waits,
}

impl Hub {
    /// Wishes that wait, in the order in which they are answered; at most so many.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn waiting_wishes(&self, most: usize) -> Result<Vec<WaitingWish>, HubError> {
        let mut out = Vec::new();
        for (second, site, id) in self.store.waiting_wishes(most)? {
            let Some(row) = self.store.booking(&id)? else { continue };
            let mut ranked = Vec::new();
            for slot in self.store.ranked(&id)? {
                ranked.extend(self.store.slot(slot)?.map(|row| row.slot));
            }
            out.push(WaitingWish { id, site, second, round: row.round, ranked });
        }
        Ok(out)
    }

    /// Answers the wishes that have just come, those of people whose standing may have changed, and those that wait for
    /// what has become free.
    pub(super) fn answer_wishes(&mut self, touches: &Touches, telling: &mut Telling) -> Result<(), HubError> {
        let mut open = touches.wishes.clone();
        for (tag, programme) in touches.people.keys() {
            let rows = self.store.bookings_of(programme, tag, u32::MAX)?;
            let waits = rows.into_iter().filter(|row| row.standing == Standing::Waits);
            open.extend(waits.map(|row| (row.at.second, row.site, row.id)));
        }
        let mut looked: BTreeSet<WaitingKey> = BTreeSet::new();
        // What is free only becomes less here: nobody waits anew for a slot for which nobody waited before.
        let mut slots: Vec<SlotNumber> = touches.slots.iter().copied().collect();
        loop {
            let mut waited_for = Vec::new();
            for slot in slots {
                let next = self.next_for(slot, &looked)?;
                waited_for.extend((!next.is_empty()).then_some(slot));
                open.extend(next);
            }
            slots = waited_for;
            let Some(next) = open.pop_first() else { return Ok(()) };
            if looked.insert(next) {
                self.answer_wish(&next.2, telling)?;
            }
        }
    }

    /// Whoever waits next for a slot in which something is free.
    fn next_for(&self, slot: SlotNumber, looked: &BTreeSet<WaitingKey>) -> Result<Vec<WaitingKey>, HubError> {
        if self.store.slot(slot)?.is_none_or(|row| row.closed || row.account.free() <= 0) {
            return Ok(Vec::new());
        }
        let mut most = AT_ONCE;
        loop {
            let waiting = self.store.waiting_for(slot, most)?;
            let is_all = u32::try_from(waiting.len()).is_ok_and(|len| len < most);
            let fresh: Vec<WaitingKey> = waiting.into_iter().filter(|key| !looked.contains(key)).collect();
            if is_all || !fresh.is_empty() {
                return Ok(fresh);
            }
            most = most.saturating_mul(2);
        }
    }

    fn answer_wish(&mut self, id: &EntryId, telling: &mut Telling) -> Result<(), HubError> {
        let Some(row) = self.store.booking(id)?.filter(|row| row.standing == Standing::Waits) else { return Ok(()) };
        let second = telling.received;
        let (given, why) = match self.comes_of(&row, second)? {
            Comes::Waits => return Ok(()),
            Comes::Nothing(why) => (None, why),
            Comes::Given(slot) => (Some((slot, self.take_numbers(1)?)), ""),
        };
        let voucher = match (&given, self.lives()?.get(&row.site).copied()) {
            (Some((_, first)), Some((life, _))) => self.voucher(&row.site, &life, Block { first: *first, count: 1 })?,
            (Some(_), None) | (None, _) => None,
        };
        let is_given = given.is_some();
        let answer = Answer { wish: *id, given, voucher, why: why.to_owned() };
        let entry = signed(Fact::Booking(Booking::Answer(answer)), SELF, second);
        self.write(desk(&row.site, second), &[entry], second)?;
        if is_given {
            self.judge_booker(&row.programme, &row.tag, &Which::All, telling)?;
            self.judge_number_of(&row, telling)?;
        }
        Ok(())
    }

    /// Somebody may have used the number already, which nobody had given them.
    fn judge_number_of(&mut self, row: &BookingRow, telling: &mut Telling) -> Result<(), HubError> {
        let given = self.store.booking(&row.id)?.and_then(|row| row.given);
        for other in given.map(|(_, serial)| self.store.bookings_of_serial(serial)).transpose()?.into_iter().flatten() {
            if other.id != row.id {
                self.judge_booker(&other.programme, &other.tag, &Which::All, telling)?;
            }
        }
        Ok(())
    }

    fn comes_of(&mut self, row: &BookingRow, second: i64) -> Result<Comes, HubError> {
        if self.is_blocked((&row.programme, &row.tag), &row.round, row.at.second)? {
            return Ok(Comes::Nothing(BOOKED));
        }
        let now = taipei_time(second);
        let mut ranked = Vec::new();
        for slot in self.store.ranked(&row.id)? {
            ranked.extend(self.store.slot(slot)?);
        }
        let Some(round) = self.round_of(row).cloned() else {
            let is_to_come = ranked.iter().any(|known| known.slot.begins() > now);
            return Ok(if is_to_come { Comes::Waits } else { Comes::Nothing(FULL) });
        };
        let document = self.unseal_again(&row.site, &row.id, &row.document)?;
        let listed = self.listed(&round, &document)?;
        // When they asked counts, not when it is answered.
        let permit = match in_round(&round, &document, taipei_time(row.at.second), listed) {
            Ok(permit) => permit,
            Err(refusal) => return Ok(Comes::Nothing(refusal.code())),
        };
        self.first_free(&permit, ranked, now)
    }

    /// The first of the slots that is theirs to have.
    fn first_free(&self, permit: &Permit<'_>, ranked: Vec<SlotRow>, now: NaiveDateTime) -> Result<Comes, HubError> {
        let (mut may_come, mut why) = (false, FULL);
        for known in ranked {
            let venue = self.venue(&known.slot.venue)?;
            let capacity = Capacity {
                slot: known.slot.clone(),
                places: known.account.capacity,
                closed: known.closed || !known.offered,
            };
            let known_slot = SlotKnown { venue: venue.as_ref(), capacity: Some(&capacity) };
            match permit.check_slot(&known.slot, known_slot, now) {
                Ok(()) if known.account.free() > 0 => return Ok(Comes::Given(known.slot)),
                Ok(()) => may_come = true,
                Err(refusal) if refusal.class() == 'C' => why = refusal.code(),
                Err(refusal) => may_come |= may_pass(&refusal),
            }
        }
        let waits = may_come && permit.round.last_day >= now.date();
        Ok(if waits { Comes::Waits } else { Comes::Nothing(why) })
    }

    /// Turns down the wishes of which nothing can come any more.
    pub(super) fn end_wishes_in_vain(&mut self, second: i64) -> Result<(), HubError> {
        let now = taipei_time(second);
        let is_over = |round: &&Round| round.last_day < now.date();
        let over: Vec<VersionName> =
            self.memory.rounds.iter().filter(is_over).map(|round| round.name.clone()).collect();
        let minute = u16::try_from(now.time().num_seconds_from_midnight() / 60).unwrap_or(0);
        let date = now.date().to_string();
        let mut telling = Telling::new(second, true);
        for (_, _, id) in self.store.waiting_in_vain(&over, (&date, minute), IN_VAIN_AT_ONCE)? {
            self.answer_wish(&id, &mut telling)?;
        }
        self.tell_all(telling)
    }
}

/// Whether a slot that may not be given now may be later.
fn may_pass(refusal: &BookingRefusal) -> bool {
    matches!(refusal, BookingRefusal::SlotClosed | BookingRefusal::NoSlot)
}
