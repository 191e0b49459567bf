//! A booking for the screens and for paper: 預約登錄結果 (V10-V13), and the slip that proves itself.

use shared::entry::booking::{Booking, BookingNumber, Slot, Stands};
use shared::entry::{Entry, Fact};
use shared::ids::{EntryId, ProgrammeId, VersionName};
use shared::rules::access::BOOKING;
use shared::rules::booking::contact::Contact;
use shared::rules::booking::printed;
use shared::rules::identity::Document;
use shared::sign::slip::{Block, Claim, Voucher};
use shared::wire::v1::enquiry::{Enquiry, Known};

use super::super::access::Doing;
use super::super::ask::{Booked, BookedState, BookingRef};
use super::super::write::decoded;
use super::super::{Committed, Node, NodeError};
use super::Own;
use crate::clock::Reading;

impl Node {
    /// A booking or a wish of this site.
    ///
    /// # Errors
    /// Where the store fails, or whoever acts may not look.
    pub fn booking(&mut self, of: BookingRef, reading: Reading) -> Result<Option<Booked>, NodeError> {
        self.admit_to(BOOKING, Doing::Look, reading)?;
        match self.own_of(of) {
            Some(id) => self.shown_own(&id),
            None => Ok(None),
        }
    }

    /// Which entry of this site is meant.
    pub(super) fn own_of(&self, of: BookingRef) -> Option<EntryId> {
        match of {
            BookingRef::Entry(id) => self.bookings.own.contains_key(&id).then_some(id),
            BookingRef::Serial(serial) => self.bookings.by_serial.get(&serial).copied(),
        }
    }

    /// How one of this site's stands.
    pub(super) fn state_of(&self, id: &EntryId, own: &Own) -> BookedState {
        let stands = || self.bookings.stands.get(id).copied().unwrap_or(Stands::Live);
        if self.bookings.is_cancelled(id) {
            return BookedState::Cancelled;
        }
        match (own.given, self.bookings.answers.get(id)) {
            (Some(_), _) => BookedState::Booked(stands()),
            (None, None) => BookedState::Waiting,
            (None, Some(answer)) if answer.given.is_some() => BookedState::Booked(stands()),
            (None, Some(answer)) => BookedState::Denied(answer.why.clone()),
        }
    }

    /// A booking or a wish of this site, opened.
    pub(super) fn shown_own(&self, id: &EntryId) -> Result<Option<Booked>, NodeError> {
        let Some(own) = self.bookings.own.get(id) else { return Ok(None) };
        let Some(row) = self.store.row(own.pos)?.map(Committed::into_inner) else { return Ok(None) };
        let Entry { at, by: _, fact } = decoded(&row)?;
        let Fact::Booking(booking) = &fact else { return Ok(None) };
        let Some(person) = booking.booker() else { return Ok(None) };
        let document = self.keys.open(id, 0, &person.document)?;
        let contact = match self.bookings.amended.get(id) {
            Some(pos) => self.amended_at(*pos)?,
            None => None,
        };
        let contact = match contact {
            Some(contact) => contact,
            None => self.keys.open_contact(id, &person.contact)?,
        };
        let answer = self.bookings.answers.get(id).and_then(|answer| answer.given.clone());
        let given = own.given.map(|(_, serial)| serial).or(answer.as_ref().map(|(_, serial)| *serial));
        let slot = answer.map(|(slot, _)| slot).or_else(|| own.ranked.first().cloned());
        let mut booked = self.shown((*id, at.second), (&own.programme, &own.round), (slot, given), document, contact);
        booked.state = self.state_of(id, own);
        booked.ranked.clone_from(&own.ranked);
        booked.is_own = true;
        booked.slip = self.slip_of(&booked);
        Ok(Some(booked))
    }

    /// One that the hub has told of, in the answer to a question with this nonce.
    pub(super) fn shown_known(
        &self,
        (nonce, known): (&[u8; 16], &Known),
        programme: &ProgrammeId,
        document: Document,
    ) -> Result<Booked, NodeError> {
        let contact = self.keys.open_contact(&Enquiry::place(*nonce), &known.contact)?;
        let (slot, serial) = known.given.clone().unzip();
        Ok(self.shown((known.of, known.second), (programme, &known.round), (slot, serial), document, contact))
    }

    /// As it will stand once it is written.
    pub(super) fn shown(
        &self,
        (id, second): (EntryId, i64),
        (programme, round): (&ProgrammeId, &VersionName),
        (slot, serial): (Option<Slot>, Option<u64>),
        document: Document,
        contact: Contact,
    ) -> Booked {
        let known = self.bookings.rounds.named(round).map_or(0, |round| round.number);
        let brands = slot.as_ref().map(|slot| slot.brands.clone());
        let number = brands.zip(serial).map(|(brands, serial)| BookingNumber { brands, round: known, serial });
        Booked {
            id,
            is_own: false,
            second,
            programme: programme.clone(),
            round: round.clone(),
            state: if number.is_some() { BookedState::Booked(Stands::Live) } else { BookedState::Waiting },
            number,
            venue: slot.as_ref().and_then(|slot| self.bookings.venues.get(&slot.venue)).cloned(),
            slot,
            ranked: Vec::new(),
            document,
            contact,
            slip: None,
            replayed: false,
        }
    }

    /// The signed text of a slip, where the hub has vouched that this key may give that number away.
    pub(super) fn slip_of(&self, booked: &Booked) -> Option<String> {
        let number = booked.number.clone().filter(|_| booked.state.holds())?;
        let (block, voucher) = self.vouched(booked.id, number.serial)?;
        let claim = Claim {
            site: self.site,
            number,
            slot: booked.slot.clone()?,
            second: booked.second,
            printed: printed(&booked.document),
        };
        Some(self.lives.signer.slip(&claim, block, &voucher))
    }

    fn vouched(&self, id: EntryId, serial: u64) -> Option<(Block, Voucher)> {
        let ours = self.lives.signer.public();
        let answer = self.bookings.answers.get(&id).and_then(|answer| answer.voucher);
        let answer = answer.map(|voucher| (Block { first: serial, count: 1 }, voucher));
        let holds = |block: &Block| serial >= block.first && serial - block.first < u64::from(block.count);
        let blocks = self.bookings.numbers.values();
        let mut blocks = blocks.filter_map(|numbers| Some((Block::from(numbers), numbers.voucher?)));
        let block = blocks.find(|(block, voucher)| holds(block) && voucher.key == ours);
        block.or(answer.filter(|(_, voucher)| voucher.key == ours))
    }

    /// Name and telephone as an entry at a position has amended them.
    fn amended_at(&self, pos: shared::sync::edge::LogPos) -> Result<Option<Contact>, NodeError> {
        let Some(row) = self.store.row(pos)?.map(Committed::into_inner) else { return Ok(None) };
        let Fact::Booking(Booking::Amended(it)) = decoded(&row)?.fact else { return Ok(None) };
        Ok(Some(self.keys.open_contact(&row.id, &it.contact)?))
    }
}
