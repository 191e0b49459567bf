//! From facts to bytes.

use chrono::Datelike;

use super::{
    WireAttendance, WireAttended, WireBooked, WireBooker, WireBooking, WireExpected, WireGiven, WireLease, WireNumbers,
    WireSlot, WireVenue, WireVoucher, WireWish,
};
use crate::entry::Reading;
use crate::entry::booking::{
    Amended, Answer, Attendance, Attended, Booked, Booker, Booking, BookingStanding, Cancelled, Capacity, Expected,
    Lease, Numbers, Returned, Shown, Slot, Stands, Venue, Wish,
};
use crate::sign::slip::Voucher;

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

fn stands_code(stands: Stands) -> u8 {
    match stands {
        Stands::Live => 0,
        Stands::Over => 1,
        Stands::Cancelled => 2,
    }
}

fn shown_code(shown: Shown) -> u8 {
    match shown {
        Shown::Age => 0,
        Shown::List => 1,
        Shown::Unseen => 2,
    }
}
