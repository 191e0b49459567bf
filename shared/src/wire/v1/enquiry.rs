//! What a counter asks the hub about booked places while somebody stands there (V13; docs/booking.md): the booking that
//! a person has anywhere, and more places of a slot of which the site has none left.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::WireError;
use super::entry::{PLACES_MAX, WireSlot, contact, name, sealed, serial};
use super::message::position;
use super::run::WireId;
use crate::entry::Sealed;
use crate::entry::booking::Slot;
use crate::ids::{ActorId, EntryId, ProgrammeId, VersionName};

/// Edge → hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enquiry {
    /// Never the same twice; comes back.
    pub nonce: [u8; 16],
    /// What is asked.
    pub about: About,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// Which live booking has this person?
    Person {
        /// In this programme.
        programme: ProgrammeId,
        /// Whose: sealed for [`Enquiry::place`], slot 0.
        document: Sealed,
    },
    /// May this site have more places here?
    Places {
        /// Where.
        slot: Slot,
        /// How many would help.
        places: u32,
    },
}

/// Hub → edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Of the question.
    pub nonce: [u8; 16],
    /// The answer.
    pub answer: Answered,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The hub cannot say.
    Unsaid,
    /// The person's live booking, by this position of the feed.
    Person {
        /// By this position of the feed.
        feed: u64,
        /// None where there is none.
        booking: Option<Box<Known>>,
    },
    /// So many places, whose lease is in the site's desk once the hub's ledgers have come down this far.
    Places {
        /// How many; 0 where nothing is left.
        lent: u32,
        /// The hub's journal position.
        upto: u64,
    },
}

/// A booking as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The booking, or the wish.
    pub of: EntryId,
    /// By which round.
    pub round: VersionName,
    /// Slot and serial number; none of a wish that waits.
    pub given: Option<(Slot, u64)>,
    /// When it was written down, in seconds since 1970 (UTC).
    pub second: i64,
    /// Name and telephone: sealed for [`Enquiry::place`] under the asking site's key, slot 2.
    pub contact: Sealed,
}

impl Enquiry {
    /// What the document and the contact are sealed for. No entry has this id: they count from 1.
    #[must_use]
    pub fn place(nonce: [u8; 16]) -> EntryId {
        EntryId { actor: ActorId(nonce), seq: 0 }
    }
}

#[derive(Encode, Decode)]
pub(super) enum WireAbout {
    #[n(0)]
    Person(#[n(0)] String, #[n(1)] ByteVec),
    #[n(1)]
    Places(#[n(0)] WireSlot, #[n(1)] u32),
}

#[derive(Encode, Decode)]
pub(super) enum WireAnswered {
    #[n(0)]
    Unsaid,
    #[n(1)]
    Person(#[n(0)] u64, #[n(1)] Option<WireKnown>),
    #[n(2)]
    Places(#[n(0)] u32, #[n(1)] u64),
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireKnown {
    #[n(0)]
    of: WireId,
    #[n(1)]
    round: String,
    #[n(2)]
    slot: Option<WireSlot>,
    #[n(3)]
    serial: u64,
    #[n(4)]
    second: i64,
    #[n(5)]
    contact: ByteVec,
}

pub(super) type WireEnquiry = (ByteArray<16>, WireAbout);
pub(super) type WireTold = (ByteArray<16>, WireAnswered);

pub(super) fn to_wire(enquiry: &Enquiry) -> WireEnquiry {
    let about = match &enquiry.about {
        About::Person { programme, document } => WireAbout::Person(programme.to_string(), document.0.clone().into()),
        About::Places { slot, places } => WireAbout::Places(slot.into(), *places),
    };
    (enquiry.nonce.into(), about)
}

pub(super) fn from_wire((nonce, about): WireEnquiry) -> Result<Enquiry, WireError> {
    let about = match about {
        WireAbout::Person(programme, document) => {
            About::Person { programme: name(&programme)?, document: sealed(document)? }
        }
        WireAbout::Places(slot, places) if places <= PLACES_MAX => About::Places { slot: slot.try_into()?, places },
        WireAbout::Places(_, places) => return Err(WireError::limit("places", places)),
    };
    Ok(Enquiry { nonce: nonce.into(), about })
}

pub(super) fn told_to_wire(told: &Told) -> WireTold {
    let answer = match &told.answer {
        Answered::Unsaid => WireAnswered::Unsaid,
        Answered::Person { feed, booking } => WireAnswered::Person(*feed, booking.as_deref().map(WireKnown::from)),
        Answered::Places { lent, upto } => WireAnswered::Places(*lent, *upto),
    };
    (told.nonce.into(), answer)
}

pub(super) fn told_from_wire((nonce, answer): WireTold) -> Result<Told, WireError> {
    let answer = match answer {
        WireAnswered::Unsaid => Answered::Unsaid,
        WireAnswered::Person(feed, booking) => Answered::Person {
            feed: position(feed)?,
            booking: booking.map(|known| known.try_into().map(Box::new)).transpose()?,
        },
        WireAnswered::Places(lent, upto) if lent <= PLACES_MAX => Answered::Places { lent, upto: position(upto)? },
        WireAnswered::Places(lent, _) => return Err(WireError::limit("places", lent)),
    };
    Ok(Told { nonce: nonce.into(), answer })
}

impl From<&Known> for WireKnown {
    fn from(known: &Known) -> Self {
        Self {
            of: known.of.into(),
            round: known.round.to_string(),
            slot: known.given.as_ref().map(|(slot, _)| slot.into()),
            serial: known.given.as_ref().map_or(0, |(_, serial)| *serial),
            second: known.second,
            contact: known.contact.0.clone().into(),
        }
    }
}

impl TryFrom<WireKnown> for Known {
    type Error = WireError;

    fn try_from(wire: WireKnown) -> Result<Self, WireError> {
        let given = wire.slot.map(|slot| Ok::<_, WireError>((slot.try_into()?, serial(wire.serial)?))).transpose()?;
        Ok(Self {
            of: wire.of.into(),
            round: name(&wire.round)?,
            given,
            second: wire.second,
            contact: contact(wire.contact)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, decode, encode};
    use super::*;

    fn slot() -> Slot {
        Slot {
            venue: "0291010019".parse().unwrap(),
            date: chrono::NaiveDate::from_ymd_opt(2021, 7, 2).unwrap(),
            start: "10:00".parse().unwrap(),
            brands: "MO,AZ".parse().unwrap(),
        }
    }

    fn known(given: Option<(Slot, u64)>) -> Answered {
        let of = EntryId { actor: ActorId([1; 16]), seq: 4 };
        let round = "vaccine-2021-r1".parse().unwrap();
        let booking = Known { of, round, given, second: 1_624_597_583, contact: Sealed(vec![3; 60]) };
        Answered::Person { feed: 9, booking: Some(Box::new(booking)) }
    }

    #[test]
    fn questions_and_answers_round_trip() {
        let person = About::Person { programme: "vaccine".parse().unwrap(), document: Sealed(vec![1; 40]) };
        for about in [person, About::Places { slot: slot(), places: 3 }] {
            let message = Message::Enquiry(Enquiry { nonce: [5; 16], about });
            assert_eq!(decode(&encode(&message)).unwrap(), message);
        }
        let none = Answered::Person { feed: 9, booking: None };
        let places = Answered::Places { lent: 2, upto: 77 };
        for answer in [Answered::Unsaid, none, places, known(None), known(Some((slot(), 14_637)))] {
            let message = Message::Told(Told { nonce: [5; 16], answer });
            assert_eq!(decode(&encode(&message)).unwrap(), message);
        }
        let zero = Message::Told(Told { nonce: [5; 16], answer: known(Some((slot(), 0))) });
        assert!(decode(&encode(&zero)).is_err(), "a serial number counts from 1");
    }
}
