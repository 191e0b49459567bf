//! The bytes of booking; an end of an earlier version does not read them.

use chrono::Datelike;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::super::list::at_most;
use super::{REASON_BYTES_MAX, WireEntryId, WireError, name, numbered_day, sealed, text};
use crate::entry::booking::{
    Amended, Answer, Attendance, Attended, Booked, Booker, Booking, BookingStanding, Cancelled, Capacity, Expected,
    Lease, Numbers, Returned, Round, SERIAL_MAX, Shown, Slot, Stands, Start, Venue, Wish,
};
use crate::entry::{Reading, Sealed};
use crate::ids::Incarnation;
use crate::seal::CONTACT_SEALED_BYTES_MAX;
use crate::sign::slip::Voucher;
use crate::sign::{PublicKey, Signature};

/// Most slots that a wish names.
pub const RANKED_MAX: usize = 8;
/// Most places of one slot, and of one lease.
pub const PLACES_MAX: u32 = 100_000;
/// Most serial numbers in one block.
pub const NUMBERS_MAX: u32 = 1_000_000;
/// Longest name of a venue, in bytes.
pub const VENUE_NAME_BYTES_MAX: usize = 120;
/// Longest address of a venue, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 240;
/// Longest other word of a venue or an attendance: county, district, telephone, lot; in bytes.
pub const WORD_BYTES_MAX: usize = 40;

#[derive(Encode, Decode)]
pub(super) enum WireBooking {
    #[n(0)]
    Round(#[n(0)] String),
    #[n(1)]
    Venue(#[n(0)] WireVenue),
    #[n(2)]
    Capacity(#[n(0)] WireSlot, #[n(1)] u32, #[n(2)] bool),
    #[n(3)]
    Lease(#[n(0)] WireLease),
    #[n(4)]
    Numbers(#[n(0)] WireNumbers),
    #[n(5)]
    Answer(#[n(0)] WireEntryId, #[n(1)] Option<WireGiven>, #[n(2)] String, #[n(3)] Option<WireVoucher>),
    #[n(6)]
    Standing(#[n(0)] WireEntryId, #[n(1)] u8),
    #[n(7)]
    Expected(#[n(0)] WireExpected),
    #[n(8)]
    Booked(#[n(0)] WireBooked),
    #[n(9)]
    Wish(#[n(0)] WireWish),
    #[n(10)]
    Cancelled(#[n(0)] WireEntryId, #[n(1)] u64, #[n(2)] String),
    #[n(11)]
    Amended(#[n(0)] WireEntryId, #[n(1)] ByteVec),
    #[n(12)]
    Returned(#[n(0)] WireEntryId, #[n(1)] u32),
    #[n(13)]
    Attended(#[n(0)] WireAttended),
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(in crate::wire::v1) struct WireSlot {
    #[n(0)]
    venue: String,
    #[n(1)]
    date: i32,
    #[n(2)]
    start: u16,
    #[n(3)]
    brands: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireVenue {
    #[n(0)]
    id: String,
    #[n(1)]
    name: String,
    #[n(2)]
    county: String,
    #[n(3)]
    district: String,
    #[n(4)]
    address: String,
    #[n(5)]
    phone: String,
    #[n(6)]
    site: Option<String>,
    #[n(7)]
    holds: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireLease {
    #[cbor(n(0), with = "minicbor::bytes")]
    life: [u8; 16],
    #[n(1)]
    slot: WireSlot,
    #[n(2)]
    places: u32,
    #[n(3)]
    until: i64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireNumbers {
    #[cbor(n(0), with = "minicbor::bytes")]
    life: [u8; 16],
    #[n(1)]
    first: u64,
    #[n(2)]
    count: u32,
    #[n(3)]
    voucher: Option<WireVoucher>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireVoucher {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: [u8; 64],
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireGiven {
    #[n(0)]
    slot: WireSlot,
    #[n(1)]
    serial: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireExpected {
    #[n(0)]
    of: WireEntryId,
    #[n(1)]
    round: u32,
    #[n(2)]
    serial: u64,
    #[n(3)]
    slot: WireSlot,
    #[n(4)]
    comes: bool,
    #[n(5)]
    document: ByteVec,
    #[n(6)]
    contact: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireBooker {
    #[n(0)]
    document: ByteVec,
    #[n(1)]
    contact: ByteVec,
    #[n(2)]
    typed: bool,
    #[n(3)]
    watermark: u64,
    #[n(4)]
    shown: u8,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireBooked {
    #[n(0)]
    programme: String,
    #[n(1)]
    round: String,
    #[n(2)]
    slot: WireSlot,
    #[n(3)]
    lease: WireEntryId,
    #[n(4)]
    serial: u64,
    #[n(5)]
    person: WireBooker,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireWish {
    #[n(0)]
    programme: String,
    #[n(1)]
    round: String,
    #[cbor(n(2), decode_with = "at_most::<RANKED_MAX, _, _>")]
    ranked: Vec<WireSlot>,
    #[n(3)]
    person: WireBooker,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireAttended {
    #[n(0)]
    of: WireEntryId,
    #[n(1)]
    serial: u64,
    #[n(2)]
    slot: WireSlot,
    #[n(3)]
    what: WireAttendance,
}

#[derive(Encode, Decode)]
enum WireAttendance {
    #[n(0)]
    CheckedIn,
    #[n(1)]
    Given(#[n(0)] String, #[n(1)] String),
    #[n(2)]
    NotGiven(#[n(0)] String),
    #[n(3)]
    Later(#[n(0)] u16),
}

impl From<&Booking> for WireBooking {
    fn from(booking: &Booking) -> Self {
        match booking {
            Booking::Round(round) => Self::Round(round.text.clone()),
            Booking::Venue(venue) => Self::Venue(venue.into()),
            Booking::Capacity(Capacity { slot, places, closed }) => Self::Capacity(slot.into(), *places, *closed),
            Booking::Lease(Lease { life, slot, places, until }) => {
                Self::Lease(WireLease { life: life.0, slot: slot.into(), places: *places, until: *until })
            }
            Booking::Numbers(Numbers { life, first, count, voucher }) => Self::Numbers(WireNumbers {
                life: life.0,
                first: *first,
                count: *count,
                voucher: voucher.as_ref().map(Into::into),
            }),
            Booking::Answer(Answer { wish, given, voucher, why }) => {
                let given = given.as_ref().map(|(slot, serial)| WireGiven { slot: slot.into(), serial: *serial });
                Self::Answer((*wish).into(), given, why.clone(), voucher.as_ref().map(Into::into))
            }
            Booking::Standing(BookingStanding { of, stands }) => Self::Standing((*of).into(), stands_code(*stands)),
            Booking::Expected(expected) => Self::Expected(expected.into()),
            Booking::Booked(booked) => Self::Booked(booked.into()),
            Booking::Wish(wish) => Self::Wish(wish.into()),
            Booking::Cancelled(Cancelled { of, serial, reason }) => {
                Self::Cancelled((*of).into(), *serial, reason.clone())
            }
            Booking::Amended(Amended { of, contact }) => Self::Amended((*of).into(), contact.0.clone().into()),
            Booking::Returned(Returned { lease, places }) => Self::Returned((*lease).into(), *places),
            Booking::Attended(attended) => Self::Attended(attended.into()),
        }
    }
}

impl From<&Voucher> for WireVoucher {
    fn from(voucher: &Voucher) -> Self {
        Self { key: voucher.key.0, signature: voucher.signature.0 }
    }
}

impl From<WireVoucher> for Voucher {
    fn from(wire: WireVoucher) -> Self {
        Self { key: PublicKey(wire.key), signature: Signature(wire.signature) }
    }
}

impl From<&Slot> for WireSlot {
    fn from(slot: &Slot) -> Self {
        Self {
            venue: slot.venue.to_string(),
            date: slot.date.num_days_from_ce(),
            start: slot.start.minutes(),
            brands: slot.brands.to_string(),
        }
    }
}

impl From<&Venue> for WireVenue {
    fn from(venue: &Venue) -> Self {
        Self {
            id: venue.id.to_string(),
            name: venue.name.clone(),
            county: venue.county.clone(),
            district: venue.district.clone(),
            address: venue.address.clone(),
            phone: venue.phone.clone(),
            site: venue.site.as_ref().map(ToString::to_string),
            holds: venue.holds,
        }
    }
}

impl From<&Expected> for WireExpected {
    fn from(expected: &Expected) -> Self {
        Self {
            of: expected.of.into(),
            round: expected.round,
            serial: expected.serial,
            slot: (&expected.slot).into(),
            comes: expected.comes,
            document: expected.document.0.clone().into(),
            contact: expected.contact.0.clone().into(),
        }
    }
}

impl From<&Booker> for WireBooker {
    fn from(booker: &Booker) -> Self {
        Self {
            document: booker.document.0.clone().into(),
            contact: booker.contact.0.clone().into(),
            typed: booker.reading == Reading::Typed,
            watermark: booker.watermark,
            shown: shown_code(booker.shown),
        }
    }
}

impl From<&Booked> for WireBooked {
    fn from(booked: &Booked) -> Self {
        Self {
            programme: booked.programme.to_string(),
            round: booked.round.to_string(),
            slot: (&booked.slot).into(),
            lease: booked.lease.into(),
            serial: booked.serial,
            person: (&booked.person).into(),
        }
    }
}

impl From<&Wish> for WireWish {
    fn from(wish: &Wish) -> Self {
        Self {
            programme: wish.programme.to_string(),
            round: wish.round.to_string(),
            ranked: wish.ranked.iter().map(Into::into).collect(),
            person: (&wish.person).into(),
        }
    }
}

impl From<&Attended> for WireAttended {
    fn from(attended: &Attended) -> Self {
        let what = match &attended.what {
            Attendance::CheckedIn => WireAttendance::CheckedIn,
            Attendance::Given { brand, lot } => WireAttendance::Given(brand.clone(), lot.clone()),
            Attendance::NotGiven { reason } => WireAttendance::NotGiven(reason.clone()),
            Attendance::Later { start } => WireAttendance::Later(start.minutes()),
        };
        Self { of: attended.of.into(), serial: attended.serial, slot: (&attended.slot).into(), what }
    }
}

impl TryFrom<WireBooking> for Booking {
    type Error = WireError;

    fn try_from(wire: WireBooking) -> Result<Self, WireError> {
        Ok(match wire {
            WireBooking::Round(text) => Self::Round(Round { text }),
            WireBooking::Venue(venue) => Self::Venue(venue.try_into()?),
            WireBooking::Capacity(slot, people, closed) => {
                Self::Capacity(Capacity { slot: slot.try_into()?, places: places(people)?, closed })
            }
            WireBooking::Lease(WireLease { life, slot, places: lent, until }) => {
                Self::Lease(Lease { life: Incarnation(life), slot: slot.try_into()?, places: places(lent)?, until })
            }
            WireBooking::Numbers(lent) => Self::Numbers(numbers(lent)?),
            WireBooking::Answer(wish, given, why, voucher) => {
                let given = given.map(|given| Ok((given.slot.try_into()?, serial(given.serial)?))).transpose()?;
                let why = text("reason", why, WORD_BYTES_MAX)?;
                Self::Answer(Answer { wish: wish.try_into()?, given, voucher: voucher.map(Into::into), why })
            }
            WireBooking::Standing(of, code) => {
                Self::Standing(BookingStanding { of: of.try_into()?, stands: stands(code)? })
            }
            WireBooking::Expected(expected) => Self::Expected(expected.try_into()?),
            WireBooking::Booked(booked) => Self::Booked(booked.try_into()?),
            WireBooking::Wish(wish) => Self::Wish(wish.try_into()?),
            WireBooking::Cancelled(of, number, reason) => Self::Cancelled(Cancelled {
                of: of.try_into()?,
                serial: if number == 0 { 0 } else { serial(number)? },
                reason: text("reason", reason, REASON_BYTES_MAX)?,
            }),
            WireBooking::Amended(of, sealed) => {
                Self::Amended(Amended { of: of.try_into()?, contact: contact(sealed)? })
            }
            WireBooking::Returned(lease, given_up) => {
                Self::Returned(Returned { lease: lease.try_into()?, places: places(given_up)? })
            }
            WireBooking::Attended(attended) => Self::Attended(attended.try_into()?),
        })
    }
}

impl TryFrom<WireSlot> for Slot {
    type Error = WireError;

    fn try_from(wire: WireSlot) -> Result<Self, WireError> {
        Ok(Self {
            venue: name(&wire.venue)?,
            date: numbered_day(wire.date)?,
            start: start(wire.start)?,
            brands: name(&wire.brands)?,
        })
    }
}

impl TryFrom<WireVenue> for Venue {
    type Error = WireError;

    fn try_from(wire: WireVenue) -> Result<Self, WireError> {
        Ok(Self {
            id: name(&wire.id)?,
            name: text("venue", wire.name, VENUE_NAME_BYTES_MAX)?,
            county: text("county", wire.county, WORD_BYTES_MAX)?,
            district: text("district", wire.district, WORD_BYTES_MAX)?,
            address: text("address", wire.address, ADDRESS_BYTES_MAX)?,
            phone: text("telephone", wire.phone, WORD_BYTES_MAX)?,
            site: wire.site.map(|code| name(&code)).transpose()?,
            holds: wire.holds,
        })
    }
}

impl TryFrom<WireExpected> for Expected {
    type Error = WireError;

    fn try_from(wire: WireExpected) -> Result<Self, WireError> {
        Ok(Self {
            of: wire.of.try_into()?,
            round: wire.round,
            serial: serial(wire.serial)?,
            slot: wire.slot.try_into()?,
            comes: wire.comes,
            document: sealed(wire.document)?,
            contact: contact(wire.contact)?,
        })
    }
}

impl TryFrom<WireBooker> for Booker {
    type Error = WireError;

    fn try_from(wire: WireBooker) -> Result<Self, WireError> {
        Ok(Self {
            document: sealed(wire.document)?,
            contact: contact(wire.contact)?,
            reading: if wire.typed { Reading::Typed } else { Reading::Card },
            watermark: wire.watermark,
            shown: match wire.shown {
                0 => Shown::Age,
                1 => Shown::List,
                2 => Shown::Unseen,
                other => return Err(WireError::limit("shown", other)),
            },
        })
    }
}

impl TryFrom<WireBooked> for Booked {
    type Error = WireError;

    fn try_from(wire: WireBooked) -> Result<Self, WireError> {
        Ok(Self {
            programme: name(&wire.programme)?,
            round: name(&wire.round)?,
            slot: wire.slot.try_into()?,
            lease: wire.lease.try_into()?,
            serial: serial(wire.serial)?,
            person: wire.person.try_into()?,
        })
    }
}

impl TryFrom<WireWish> for Wish {
    type Error = WireError;

    fn try_from(wire: WireWish) -> Result<Self, WireError> {
        let ranked: Vec<Slot> = wire.ranked.into_iter().map(Slot::try_from).collect::<Result<_, _>>()?;
        if ranked.is_empty() {
            return Err(WireError::limit("wish", "for no slot"));
        }
        Ok(Self {
            programme: name(&wire.programme)?,
            round: name(&wire.round)?,
            ranked,
            person: wire.person.try_into()?,
        })
    }
}

impl TryFrom<WireAttended> for Attended {
    type Error = WireError;

    fn try_from(wire: WireAttended) -> Result<Self, WireError> {
        let what = match wire.what {
            WireAttendance::CheckedIn => Attendance::CheckedIn,
            WireAttendance::Given(brand, lot) => Attendance::Given {
                brand: text("brand", brand, WORD_BYTES_MAX)?,
                lot: text("lot", lot, WORD_BYTES_MAX)?,
            },
            WireAttendance::NotGiven(reason) => {
                Attendance::NotGiven { reason: text("reason", reason, REASON_BYTES_MAX)? }
            }
            WireAttendance::Later(minutes) => Attendance::Later { start: start(minutes)? },
        };
        Ok(Self { of: wire.of.try_into()?, serial: serial(wire.serial)?, slot: wire.slot.try_into()?, what })
    }
}

fn numbers(wire: WireNumbers) -> Result<Numbers, WireError> {
    let WireNumbers { life, first, count, voucher } = wire;
    let last = first.checked_add(u64::from(count)).filter(|behind| *behind <= SERIAL_MAX + 1);
    if first == 0 || count == 0 || count > NUMBERS_MAX || last.is_none() {
        return Err(WireError::limit("serial numbers", format!("{count} from {first}")));
    }
    Ok(Numbers { life: Incarnation(life), first, count, voucher: voucher.map(Into::into) })
}

pub(in crate::wire::v1) fn serial(serial: u64) -> Result<u64, WireError> {
    if (1..=SERIAL_MAX).contains(&serial) { Ok(serial) } else { Err(WireError::limit("serial number", serial)) }
}

fn places(places: u32) -> Result<u32, WireError> {
    if places <= PLACES_MAX { Ok(places) } else { Err(WireError::limit("places", places)) }
}

fn start(minutes: u16) -> Result<Start, WireError> {
    Start::from_minutes(minutes).ok_or_else(|| WireError::limit("time of day", minutes))
}

pub(in crate::wire::v1) fn contact(bytes: ByteVec) -> Result<Sealed, WireError> {
    if bytes.len() > CONTACT_SEALED_BYTES_MAX {
        return Err(WireError::limit("sealed contact", format!("{} bytes", bytes.len())));
    }
    Ok(Sealed(bytes.into()))
}

fn stands_code(stands: Stands) -> u8 {
    match stands {
        Stands::Live => 0,
        Stands::Over => 1,
        Stands::Cancelled => 2,
    }
}

fn stands(code: u8) -> Result<Stands, WireError> {
    match code {
        0 => Ok(Stands::Live),
        1 => Ok(Stands::Over),
        2 => Ok(Stands::Cancelled),
        other => Err(WireError::limit("standing", other)),
    }
}

fn shown_code(shown: Shown) -> u8 {
    match shown {
        Shown::Age => 0,
        Shown::List => 1,
        Shown::Unseen => 2,
    }
}
