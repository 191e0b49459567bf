//! What is known of somebody: by a round's list, by the nation's list of who has booked, by this site's own entries and by
//! the hub's word (V2, V13).
//!
//! That somebody is on no list is said only where the list is here whole.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use shared::entry::booking::{Slot, Stands};
use shared::entry::{Instant, Pieces};
use shared::ids::{EntryId, PersonTag, ProgrammeId, VersionName};
use shared::rules::booking::decide::{Listed, SlotKnown};
use shared::rules::booking::listing::Listing;
use shared::rules::booking::refusal::BookedKnown;
use shared::rules::booking::round::{Round, Rounds};
use shared::rules::calendar::taipei_time;
use shared::rules::identity::{Document, Person};
use shared::seal::mark;
use shared::wire::v1::enquiry::Known;

use super::super::{Node, NodeError};
use super::Own;
use crate::clock::Reading;
use crate::nation::{Ask, DigestHit, Seen};

/// What somebody has.
pub(super) enum Present {
    /// A booking or a wish of this site.
    Own(EntryId),
    /// One that the hub has told of, in the answer to this question.
    Hub([u8; 16], Box<Known>),
    /// One that the nation's list knows of.
    Listed,
}

impl Present {
    pub(super) fn known(&self) -> BookedKnown {
        match self {
            Self::Own(_) => BookedKnown::Own,
            Self::Hub(..) => BookedKnown::Hub,
            Self::Listed => BookedKnown::List,
        }
    }
}

impl Node {
    /// The programme that is meant: the one that was named, else that of the first round that is open, or comes next, or
    /// was last.
    pub(super) fn programme_meant(&self, named: Option<&ProgrammeId>, at: Instant) -> Option<ProgrammeId> {
        let now = taipei_time(at.second);
        let rounds = &self.bookings.rounds;
        let open = || rounds.open(now).min_by_key(|round| round.number);
        let next = || rounds.iter().filter(|round| round.opens > now).min_by_key(|round| round.opens);
        let last = || rounds.iter().max_by_key(|round| round.closes);
        named.cloned().or_else(|| open().or_else(next).or_else(last).map(|round| round.programme.clone()))
    }

    /// The programmes in which a slot can be booked, or all, whose rounds are not over.
    pub fn programmes_meant(&mut self, slot: Option<&Slot>, reading: Reading) -> BTreeSet<ProgrammeId> {
        let (_, today) = self.today(reading);
        let rounds = self.rounds_meant(None, slot);
        rounds.current(today).map(|round| round.programme.clone()).collect()
    }

    /// The rounds among which somebody is judged: of a programme, and those that have a slot where any does.
    pub(super) fn rounds_meant(&self, programme: Option<&ProgrammeId>, slot: Option<&Slot>) -> Rounds {
        let of = |fits: &dyn Fn(&Round) -> bool| {
            let mut rounds = Rounds::default();
            let all = self.bookings.rounds.iter().filter(|round| programme.is_none_or(|it| *it == round.programme));
            all.filter(|round| fits(round)).for_each(|round| rounds.insert(round.clone()));
            rounds
        };
        match slot.map(|slot| of(&|round| round.has(slot))) {
            Some(rounds) if !rounds.is_empty() => rounds,
            Some(_) | None => of(&|_| true),
        }
    }

    /// What the lists of the rounds that are open say of somebody.
    pub(super) fn listed(
        &mut self,
        rounds: &Rounds,
        person: &Person,
        now: NaiveDateTime,
    ) -> Result<BTreeMap<VersionName, Listed>, NodeError> {
        let mut out = BTreeMap::new();
        for round in rounds.open(now) {
            let Some(list) = round.list_programme() else { continue };
            let pieces = self.on_list(&list, round.list_day(), person)?;
            let listed = match pieces {
                Some(pieces) => Listed::On(Listing::unpacked(pieces)),
                None if self.nation.holds(&list, round.list_day()) => Listed::Off,
                None => Listed::Unseen,
            };
            out.insert(round.name.clone(), listed);
        }
        Ok(out)
    }

    /// The line of somebody in a list; nothing in it where the digest does not carry lines.
    fn on_list(&mut self, list: &ProgrammeId, day: NaiveDate, person: &Person) -> Result<Option<Pieces>, NodeError> {
        let Seen { hits, digests } = self.seen(list, day, person)?;
        // What the feed has told behind the digest is newer.
        let told = hits.iter().rev().find(|hit| hit.day == day).map(|hit| hit.pieces);
        let digest = digests.iter().find(|hit| hit.day == day).map(|hit| hit.pieces.unwrap_or_default());
        Ok(told.or(digest))
    }

    fn seen(&mut self, programme: &ProgrammeId, from: NaiveDate, person: &Person) -> Result<Seen, NodeError> {
        let number = self.programmes.number(&mut self.store, programme);
        let number = self.promised(number)?;
        Ok(self.nation.find(&Ask { store: &self.store, watermark: self.line.feed, programme, number, person, from })?)
    }

    /// What somebody has in a programme: here, by the hub's word, by the nation's list of one of these rounds.
    pub(super) fn present(
        &mut self,
        programme: &ProgrammeId,
        rounds: &[&Round],
        document: &Document,
        reading: Reading,
    ) -> Result<Option<Present>, NodeError> {
        let (_, today) = self.today(reading);
        let tag = self.keys.tag(&document.person());
        if let Some(own) = self.own_present(programme, tag, rounds, today) {
            return Ok(Some(Present::Own(own)));
        }
        let said = self.person_said(programme, tag, reading);
        // What the hub says of somebody counts for as long as the answer does; the list only where it is newer.
        let heard = said.as_ref().map(|said| said.feed);
        let mut is_listed = false;
        for round in rounds {
            is_listed |= self.is_listed_elsewhere(round, &document.person(), (tag, heard))?;
        }
        let listed = is_listed.then_some(Present::Listed);
        let Some(said) = said else { return Ok(listed) };
        let known = said.booking.filter(|known| !self.bookings.is_cancelled(&known.of));
        let known = known.filter(|known| blocks(&rounds_and_day(known), rounds, today));
        Ok(known.map(|known| Present::Hub(said.nonce, Box::new(known))).or(listed))
    }

    fn own_present(
        &self,
        programme: &ProgrammeId,
        tag: PersonTag,
        rounds: &[&Round],
        today: NaiveDate,
    ) -> Option<EntryId> {
        let theirs = self.bookings.by_person.get(&tag)?.iter();
        let stands = |id: &&EntryId| {
            let Some(own) = self.bookings.own.get(*id).filter(|own| own.programme == *programme) else { return false };
            let last = self.slots_of(id, own).iter().map(|slot| slot.date).max();
            self.state_of(id, own).holds() && blocks(&(own.round.clone(), last), rounds, today)
        };
        theirs.copied().find(|id| stands(&id))
    }

    /// The slots of a booking, or those that would do for a wish.
    pub(super) fn slots_of<'a>(&'a self, id: &EntryId, own: &'a Own) -> &'a [Slot] {
        let answer = self.bookings.answers.get(id).and_then(|answer| answer.given.as_ref());
        answer.map_or(own.ranked.as_slice(), |(slot, _)| std::slice::from_ref(slot))
    }

    /// Whether the nation's list of a round names somebody, by a booking that is not one of this site's: what was taken
    /// back here may still stand in it. What the hub has answered up to a position of the feed is newer than the list up to
    /// there.
    fn is_listed_elsewhere(
        &mut self,
        round: &Round,
        person: &Person,
        (tag, heard): (PersonTag, Option<u64>),
    ) -> Result<bool, NodeError> {
        let day = round.list_day();
        let Seen { hits, digests } = self.seen(&round.programme, day, person)?;
        let theirs = self.bookings.by_person.get(&tag).map_or(&[][..], Vec::as_slice);
        let is_known = |hit: u32| theirs.iter().chain(self.bookings.cancelled_here.keys()).any(|id| mark(id) == hit);
        let is_newer = |upto: u64| heard.is_none_or(|heard| heard < upto);
        if is_newer(self.line.feed) && hits.iter().any(|hit| hit.day == day && !is_known(hit.mark)) {
            return Ok(true);
        }
        // A digest names no booking: one of ours may be the one that it holds.
        let on_day = |hit: &&DigestHit| hit.day == day && is_newer(hit.upto);
        let may_hold = |hit: &DigestHit| theirs.iter().any(|id| self.may_be_held(id, round, hit));
        Ok(digests.iter().filter(on_day).any(|hit| !may_hold(hit)))
    }

    /// Whether a digest may hold this booking of ours: it was given, had come to the hub, and was not known there to be taken
    /// back.
    fn may_be_held(&self, id: &EntryId, round: &Round, hit: &DigestHit) -> bool {
        let Some(own) = self.bookings.own.get(id).filter(|own| own.round == round.name) else { return false };
        let is_held = |pos| self.line.is_held(pos, hit.upto, hit.own);
        let was_granted = self.bookings.answers.get(id).is_some_and(|answer| answer.given.is_some());
        let was_given = own.given.is_some() || was_granted;
        let is_taken_out = self.bookings.cancelled_here.get(id).is_some_and(|pos| is_held(*pos) == Some(true));
        // One that is over counts in none, and that it is over says that somebody booked elsewhere.
        let is_over = self.bookings.stands.get(id) == Some(&Stands::Over);
        was_given && !is_over && is_held(own.pos) != Some(false) && !is_taken_out
    }

    /// A slot as it is known.
    pub(super) fn slot_known(&self, slot: &Slot) -> SlotKnown<'_> {
        let (venues, capacities) = (&self.bookings.venues, &self.bookings.capacities);
        SlotKnown { venue: venues.get(&slot.venue), capacity: capacities.get(slot) }
    }

    /// A lease with a place of a slot, and a serial number for it; none where either is lacking, or the clock is not sure
    /// enough.
    pub(super) fn place_for(&self, slot: &Slot, at: Instant) -> Option<(EntryId, u64)> {
        let purse = &self.bookings.purse;
        Some((purse.lease_for(slot, &self.incarnation, at)?, purse.next_number(&self.incarnation)?))
    }
}

/// The round of a booking, and the last day on which it may be.
type RoundAndDay = (VersionName, Option<NaiveDate>);

fn rounds_and_day(known: &Known) -> RoundAndDay {
    (known.round.clone(), known.given.as_ref().map(|(slot, _)| slot.date))
}

/// Whether a booking stands in the way of another: it is of one of these rounds, or its day has not passed.
fn blocks((round, day): &RoundAndDay, rounds: &[&Round], today: NaiveDate) -> bool {
    rounds.iter().any(|one| one.name == *round) || day.is_none_or(|day| day >= today)
}
