//! Wishes (待確認): taken down where nothing was left and no line, answered here in the order of their seconds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, Timelike};
use shared::entry::Fact;
use shared::entry::booking::{Answer, Booking, Capacity, Slot};
use shared::ids::{EntryId, PersonTag, ProgrammeId, SiteCode, VersionName};
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

/// Wishes for one slot that are read at once.
const AT_ONCE: u32 = 64;
/// Wishes that are looked at in one turn: each is opened and judged, and others wait behind it.
const LOOKED_AT_ONCE: usize = 1_024;
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

/// Wishes that are still to be looked at; not the truth: their slots are due as long.
#[derive(Debug, Default)]
pub(crate) struct WishesLeft {
    open: BTreeSet<WaitingKey>,
    /// Slots, behind whom each is to be read on; and the same by slot.
    queue: BTreeSet<(Option<WaitingKey>, SlotNumber)>,
    slots: BTreeMap<SlotNumber, Option<WaitingKey>>,
}

impl WishesLeft {
    /// Whether not everybody who waits for a slot was looked at.
    pub(super) fn has(&self, slot: SlotNumber) -> bool {
        self.slots.contains_key(&slot)
    }

    /// A slot is read behind somebody, or from the first on who waits for it.
    fn read_on(&mut self, slot: SlotNumber, after: Option<WaitingKey>) {
        if let Some(before) = self.slots.insert(slot, after) {
            self.queue.remove(&(before, slot));
        }
        self.queue.insert((after, slot));
    }

    /// A slot where somebody may wait who comes before all that are open.
    fn next_slot(&mut self) -> Option<(SlotNumber, Option<WaitingKey>)> {
        let is_before = |after: &Option<WaitingKey>| self.open.first().is_none_or(|first| after.as_ref() < Some(first));
        self.queue.first().filter(|(after, _)| is_before(after))?;
        let (after, slot) = self.queue.pop_first()?;
        self.slots.remove(&slot);
        Some((slot, after))
    }
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
    pub(super) fn answer_wishes_of(&mut self, touches: &Touches, telling: &mut Telling) -> Result<(), HubError> {
        let mut left = std::mem::take(&mut self.memory.wishes);
        left.open.extend(&touches.wishes);
        for (tag, programme) in touches.people.keys() {
            let rows = self.store.bookings_of(programme, tag, u32::MAX)?;
            let waits = rows.into_iter().filter(|row| row.standing == Standing::Waits);
            left.open.extend(waits.map(|row| (row.at.second, row.site, row.id)));
        }
        touches.slots.iter().for_each(|slot| left.read_on(*slot, None));
        self.answer_wishes(left, telling)?;
        // Where this process forgets them their slots say that they were not looked at.
        for (_, _, id) in self.memory.wishes.open.intersection(&touches.wishes) {
            self.store.look_at_ranked(id)?;
        }
        Ok(())
    }

    /// Goes on with the wishes that the last turn did not come to, and with those for slots that have changed since they
    /// were shared out; gives how many were looked at and have an answer.
    pub(super) fn answer_wishes_left(
        &mut self,
        slots: impl IntoIterator<Item = SlotNumber>,
        second: i64,
    ) -> Result<u64, HubError> {
        let mut left = std::mem::take(&mut self.memory.wishes);
        for slot in slots {
            if !left.has(slot) {
                left.read_on(slot, None);
            }
        }
        let mut telling = Telling::new(second, true);
        let answered = self.answer_wishes(left, &mut telling)?;
        self.tell_all(telling)?;
        Ok(answered)
    }

    /// In the order of their seconds, so many at once; what is left is kept for the next turn.
    fn answer_wishes(&mut self, mut left: WishesLeft, telling: &mut Telling) -> Result<u64, HubError> {
        let (mut answered, refused) = (0, self.refused_sites()?);
        for _ in 0..LOOKED_AT_ONCE {
            while let Some((slot, after)) = left.next_slot() {
                let next = self.next_for(slot, after.as_ref())?;
                if let Some(last) = next.last() {
                    left.read_on(slot, Some(*last));
                }
                // Of a site where booking was refused nobody is given anything, until it is approved again.
                left.open.extend(next.into_iter().filter(|(_, site, _)| !refused.contains(site)));
            }
            let Some(next) = left.open.pop_first() else { break };
            answered += u64::from(self.answer_wish(&next.2, telling)?);
        }
        self.memory.wishes = left;
        Ok(answered)
    }

    /// Whoever waits next for a slot, no more of them than there is free.
    fn next_for(&self, slot: SlotNumber, after: Option<&WaitingKey>) -> Result<Vec<WaitingKey>, HubError> {
        let free = self.store.slot(slot)?.filter(|row| !row.closed).map_or(0, |row| row.account.free());
        let most = u32::try_from(free).unwrap_or(0).min(AT_ONCE);
        if most == 0 { Ok(Vec::new()) } else { Ok(self.store.waiting_for(slot, after, most)?) }
    }

    /// Gives whether it has an answer now.
    fn answer_wish(&mut self, id: &EntryId, telling: &mut Telling) -> Result<bool, HubError> {
        let Some(row) = self.store.booking(id)?.filter(|row| row.standing == Standing::Waits) else { return Ok(false) };
        let second = telling.received;
        let (given, why) = match self.comes_of(&row, second)? {
            Comes::Waits => return Ok(false),
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
            self.judge_with_number_of(&row, telling)?;
        }
        Ok(true)
    }

    /// Judges whoever got a number, and whoever has used it already, which nobody had given them; each once.
    fn judge_with_number_of(&mut self, row: &BookingRow, telling: &mut Telling) -> Result<(), HubError> {
        let mut people: BTreeMap<(ProgrammeId, PersonTag), BTreeSet<EntryId>> = BTreeMap::new();
        people.entry((row.programme.clone(), row.tag)).or_default().insert(row.id);
        let given = self.store.booking(&row.id)?.and_then(|row| row.given);
        for other in given.map(|(_, serial)| self.store.bookings_of_serial(serial)).transpose()?.into_iter().flatten() {
            people.entry((other.programme, other.tag)).or_default().insert(other.id);
        }
        for ((programme, tag), ids) in people {
            self.judge_booker(&programme, &tag, &Which::These(ids), telling)?;
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
        Ok(match self.first_free(&permit, ranked, now)? {
            // Whoever may not book there is given nothing either.
            Comes::Given(_) if self.refused_sites()?.contains(&row.site) => Comes::Waits,
            comes @ (Comes::Given(_) | Comes::Nothing(_) | Comes::Waits) => comes,
        })
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
