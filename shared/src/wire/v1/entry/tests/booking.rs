//! Booked places: round, limited, and small.

use super::*;
use crate::entry::booking::{
    Amended, Answer, Attendance, Attended, Booked, Booker, Booking, BookingStanding, Cancelled, Capacity, Expected,
    Lease, Numbers, Returned, Round, SERIAL_MAX, Shown, Slot, Stands, Venue, Wish,
};
use crate::ids::Incarnation;
use crate::seal::CONTACT_SEALED_BYTES_MAX;
use crate::sign::slip::Voucher;
use crate::sign::{PublicKey, Signature};

const ID: EntryId = EntryId { actor: ActorId([1; 16]), seq: 3 };
const VOUCHER: Option<Voucher> = Some(Voucher { key: PublicKey([2; 32]), signature: Signature([3; 64]) });

fn slot() -> Slot {
    Slot {
        venue: "0291010019".parse().unwrap(),
        date: NaiveDate::from_ymd_opt(2021, 7, 2).unwrap(),
        start: "10:00".parse().unwrap(),
        brands: "MO,AZ".parse().unwrap(),
    }
}

fn booker() -> Booker {
    Booker {
        document: Sealed(vec![5; 25]),
        contact: Sealed(vec![6; 40]),
        reading: Reading::Card,
        watermark: 12,
        shown: Shown::List,
    }
}

fn booked() -> Booked {
    Booked {
        programme: "vaccine".parse().unwrap(),
        round: "vaccine-2021-r1".parse().unwrap(),
        slot: slot(),
        lease: ID,
        serial: 14_637,
        person: booker(),
    }
}

fn wish(ranked: Vec<Slot>) -> Wish {
    Wish { programme: "vaccine".parse().unwrap(), round: "vaccine-2021-r1".parse().unwrap(), ranked, person: booker() }
}

fn numbers() -> Numbers {
    Numbers { life: Incarnation([7; 16]), first: 1, count: 100, voucher: VOUCHER }
}

fn attended(what: Attendance) -> Booking {
    Booking::Attended(Attended { of: ID, serial: 14_637, slot: slot(), what })
}

fn trip(booking: Booking) -> bool {
    let entry = Entry { fact: Fact::Booking(booking), ..sale() };
    decode(&encode(&entry)).is_ok_and(|read| read == entry)
}

#[test]
fn bookings_come_back_as_they_were_written() {
    let venue = Venue {
        id: slot().venue,
        name: "培靈醫院".to_owned(),
        county: "臺北市".to_owned(),
        district: "松山區".to_owned(),
        address: "臺北市松山區八德路四段355號".to_owned(),
        phone: String::new(),
        site: Some("5931102274".parse().unwrap()),
        holds: true,
    };
    let expected = Expected {
        of: ID,
        round: 1,
        serial: 14_637,
        slot: slot(),
        comes: true,
        document: Sealed(vec![5; 25]),
        contact: Sealed(vec![6; 40]),
    };
    let all = [
        Booking::Round(Round { text: "number = 1".to_owned() }),
        Booking::Venue(venue.clone()),
        Booking::Venue(Venue { site: None, holds: false, ..venue }),
        Booking::Capacity(Capacity { slot: slot(), places: 8, closed: true }),
        Booking::Lease(Lease { life: Incarnation([7; 16]), slot: slot(), places: 4, until: 1_625_000_000 }),
        Booking::Numbers(numbers()),
        Booking::Numbers(Numbers { first: SERIAL_MAX, count: 1, voucher: None, ..numbers() }),
        Booking::Answer(Answer { wish: ID, given: Some((slot(), 9)), voucher: VOUCHER, why: String::new() }),
        Booking::Answer(Answer { wish: ID, given: None, voucher: None, why: "full".to_owned() }),
        Booking::Expected(expected.clone()),
        Booking::Expected(Expected { comes: false, ..expected }),
        Booking::Booked(booked()),
        Booking::Wish(wish(vec![slot(); 8])),
        Booking::Cancelled(Cancelled { of: ID, serial: 14_637, reason: "改期".to_owned() }),
        Booking::Cancelled(Cancelled { of: ID, serial: 0, reason: String::new() }),
        Booking::Amended(Amended { of: ID, contact: Sealed(vec![6; 40]) }),
        Booking::Returned(Returned { lease: ID, places: 3 }),
        attended(Attendance::CheckedIn),
        attended(Attendance::Given { brand: "AZ".to_owned(), lot: "CTMAV505".to_owned() }),
        attended(Attendance::NotGiven { reason: "發燒".to_owned() }),
        attended(Attendance::Later { start: "14:00".parse().unwrap() }),
    ];
    for booking in all {
        assert!(trip(booking.clone()), "{booking:?}");
    }
    for stands in [Stands::Live, Stands::Over, Stands::Cancelled] {
        assert!(trip(Booking::Standing(BookingStanding { of: ID, stands })));
    }
    for shown in [Shown::Age, Shown::List, Shown::Unseen] {
        assert!(trip(Booking::Booked(Booked { person: Booker { shown, ..booker() }, ..booked() })));
    }
}

#[test]
fn bookings_without_measure_are_an_error() {
    let long_contact = Booker { contact: Sealed(vec![6; CONTACT_SEALED_BYTES_MAX + 1]), ..booker() };
    for booking in [
        Booking::Booked(Booked { serial: 0, ..booked() }),
        Booking::Booked(Booked { serial: SERIAL_MAX + 1, ..booked() }),
        Booking::Booked(Booked { person: long_contact, ..booked() }),
        Booking::Wish(wish(vec![])),
        Booking::Wish(wish(vec![slot(); RANKED_MAX + 1])),
        Booking::Numbers(Numbers { first: 0, ..numbers() }),
        Booking::Numbers(Numbers { count: 0, ..numbers() }),
        Booking::Numbers(Numbers { first: SERIAL_MAX, count: 2, ..numbers() }),
        Booking::Numbers(Numbers { first: u64::MAX, ..numbers() }),
        Booking::Numbers(Numbers { count: NUMBERS_MAX + 1, ..numbers() }),
        Booking::Capacity(Capacity { slot: slot(), places: PLACES_MAX + 1, closed: false }),
        Booking::Returned(Returned { lease: ID, places: PLACES_MAX + 1 }),
        attended(Attendance::NotGiven { reason: "x".repeat(REASON_BYTES_MAX + 1) }),
    ] {
        assert!(!trip(booking.clone()), "{booking:?}");
    }
}

#[test]
fn a_booking_costs_what_its_facts_cost() {
    let bytes = encode(&Entry { fact: Fact::Booking(Booking::Booked(booked())), ..sale() }).len();
    // Sealed document and contact, names, slot, lease: 65 + 22 + 26 + 21.
    assert!(bytes < 200, "{bytes}");
}
