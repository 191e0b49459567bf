//! From bytes to facts: whatever is out of bounds is refused here.

use minicbor::bytes::ByteVec;

use super::super::{REASON_BYTES_MAX, WireError, name, numbered_day, sealed, text};
use super::{
    ADDRESS_BYTES_MAX, NUMBERS_MAX, PLACES_MAX, VENUE_NAME_BYTES_MAX, WORD_BYTES_MAX, WireAttendance, WireAttended,
    WireBooked, WireBooker, WireBooking, WireExpected, WireLease, WireNumbers, WireSlot, WireVenue, WireVoucher,
    WireWish,
};
use crate::entry::booking::{
    Amended, Answer, Attendance, Attended, Booked, Booker, Booking, BookingStanding, Cancelled, Capacity, Expected,
    Lease, Numbers, Returned, Round, SERIAL_MAX, Shown, Slot, Stands, Start, Venue, Wish,
};
use crate::entry::{Reading, Sealed};
use crate::ids::Incarnation;
use crate::seal::CONTACT_SEALED_BYTES_MAX;
use crate::sign::slip::Voucher;
use crate::sign::{PublicKey, Signature};

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

impl From<WireVoucher> for Voucher {
    fn from(wire: WireVoucher) -> Self {
        Self { key: PublicKey(wire.key), signature: Signature(wire.signature) }
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

fn stands(code: u8) -> Result<Stands, WireError> {
    match code {
        0 => Ok(Stands::Live),
        1 => Ok(Stands::Over),
        2 => Ok(Stands::Cancelled),
        other => Err(WireError::limit("standing", other)),
    }
}
