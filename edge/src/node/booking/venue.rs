//! The day of a venue that this site keeps: who is expected, who came, and whether a slip holds.
//!
//! Who was booked here itself is on the list without a line; the hub tells of the others.

use chrono::NaiveDate;
use shared::entry::booking::{Attendance, Attended, Booking, BookingNumber, Expected, Slot};
use shared::ids::EntryId;
use shared::rules::access::BOOKING;
use shared::rules::booking::contact::Contact;
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::calendar::{taipei_day, taipei_time};
use shared::rules::identity::Document;
use shared::sign::slip::BadSlip;
use shared::wire::v1::entry::WORD_BYTES_MAX;

use super::super::access::Doing;
use super::super::ask::{AttendRequest, AttendedBooking, BookingAnswer, Comer, ExpectedLine, VerifiedSlip};
use super::super::write::reason;
use super::super::{BadAsk, Committed, Node, NodeError};
use super::draft::{New, parse};
use crate::clock::Reading;

/// Somebody who is expected, opened.
struct Person {
    of: EntryId,
    number: BookingNumber,
    slot: Slot,
    comes: bool,
    document: Document,
    contact: Contact,
}

impl Node {
    /// Who is expected on a day at the venues of this site, by hour and number.
    ///
    /// # Errors
    /// Where the store fails, or whoever acts may not look.
    pub fn expected(&mut self, date: NaiveDate, reading: Reading) -> Result<Vec<ExpectedLine>, NodeError> {
        self.may_look_at_bookings(reading)?;
        let mut lines: Vec<ExpectedLine> = Vec::new();
        for person in self.expected_people(|day, _| day == date)? {
            let attended = self.bookings.attended.get(&person.of).map(|it| it.what.clone());
            if !person.comes && attended.is_none() {
                continue;
            }
            let start = match attended {
                Some(Attendance::Later { start }) => start,
                Some(Attendance::CheckedIn | Attendance::Given { .. } | Attendance::NotGiven { .. }) | None => {
                    person.slot.start
                }
            };
            lines.push(ExpectedLine {
                of: person.of,
                masked: person.document.masked(),
                number: person.number,
                slot: person.slot,
                start,
                comes: person.comes,
                contact: person.contact,
                attended,
            });
        }
        lines.sort_by_key(|line| (line.start, line.number.serial));
        Ok(lines)
    }

    /// At the venue: somebody is here, was given the vaccine, was not, or comes later the same day.
    ///
    /// # Errors
    /// Where the store fails, the question is no question, or the hub takes no bookings.
    pub fn attend(&mut self, ask: &AttendRequest, reading: Reading) -> BookingAnswer<Committed<AttendedBooking>> {
        self.admit_to(BOOKING, Doing::Write, reading)?;
        if let Some(done) = self.attended_before(ask)? {
            return Ok(Ok(done));
        }
        self.check_takes_booking()?;
        let (at, today) = self.today(reading);
        let person = match self.comer(&ask.of, today)? {
            Ok(person) => person,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let now = taipei_time(at.second);
        if person.slot.date != today {
            return Err(BadAsk::NotToday { date: person.slot.date }.into());
        }
        if self.is_given(&person.of) {
            return Ok(Err(BookingRefusal::Attended));
        }
        let what = match attendance(&ask.what, &person.slot, now)? {
            Ok(what) => what,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let by = self.author(&ask.by)?;
        let slot = self.slot(taipei_day(at.second))?;
        let (of, serial) = (person.of, person.number.serial);
        let answer = AttendedBooking { id: slot.id(), of, serial, what: what.clone(), replayed: false };
        let booking = Booking::Attended(Attended { of, serial, slot: person.slot, what });
        let request = ask.request.as_deref();
        self.commit_booking(New { slot, at, reading, by, request, booking }, answer).map(Ok)
    }

    /// Whether a slip holds, by the hub's public key; needs no line.
    ///
    /// # Errors
    /// Where this site has never met its hub.
    pub fn verify_slip(&self, text: &str) -> Result<Result<VerifiedSlip, BadSlip>, NodeError> {
        let hub = self.hub_signer.ok_or(BadAsk::NoHubKey)?;
        Ok(hub.read_slip(text).map(|claim| {
            let venue = self.bookings.venues.get(&claim.slot.venue).cloned();
            let is_here = venue.as_ref().is_some_and(|venue| venue.site == Some(self.site));
            VerifiedSlip { claim, venue, is_here }
        }))
    }

    /// Whether somebody was given the vaccine, as far as this site says.
    pub(super) fn is_given(&self, of: &EntryId) -> bool {
        self.bookings.attended.get(of).is_some_and(|it| matches!(it.what, Attendance::Given { .. }))
    }

    /// Those whom the hub has told of, and whom this site has booked at its own venues, by day and serial number; only they
    /// are opened.
    fn expected_people(&self, fits: impl Fn(NaiveDate, Option<u64>) -> bool) -> Result<Vec<Person>, NodeError> {
        let mut people = Vec::new();
        let told = self.bookings.expected.values();
        for expected in told.filter(|expected| fits(expected.slot.date, Some(expected.serial))) {
            people.push(self.expected_person(expected)?);
        }
        for (id, own) in &self.bookings.own {
            let is_told = self.bookings.expected.contains_key(id);
            let answer = self.bookings.answers.get(id).and_then(|answer| answer.given.as_ref());
            let serial = own.given.map(|(_, serial)| serial).or(answer.map(|(_, serial)| *serial));
            let is_here = |slot: &Slot| {
                let venue = self.bookings.venues.get(&slot.venue);
                venue.is_some_and(|venue| venue.site == Some(self.site)) && fits(slot.date, serial)
            };
            if is_told || !self.slots_of(id, own).iter().any(is_here) {
                continue;
            }
            let Some(booked) = self.shown_own(id)? else { continue };
            if let (Some(number), Some(slot)) = (booked.number, booked.slot) {
                let comes = booked.state.holds();
                let (document, contact) = (booked.document, booked.contact);
                people.push(Person { of: *id, number, slot, comes, document, contact });
            }
        }
        Ok(people)
    }

    fn expected_person(&self, expected: &Expected) -> Result<Person, NodeError> {
        let place = Expected::place(expected.of);
        let (brands, round, serial) = (expected.slot.brands.clone(), expected.round, expected.serial);
        Ok(Person {
            of: expected.of,
            number: BookingNumber { brands, round, serial },
            slot: expected.slot.clone(),
            comes: expected.comes && !self.bookings.is_cancelled(&expected.of),
            document: self.keys.open(&place, 0, &expected.document)?,
            contact: self.keys.open_contact(&place, &expected.contact)?,
        })
    }

    /// Who stands there: on the day's list by number or slip, or by their card.
    fn comer(&self, of: &Comer, today: NaiveDate) -> BookingAnswer<Person> {
        // Of two with one number the one that is expected, at the hour of the slip.
        let by_serial = |serial: u64, slot: Option<&Slot>| {
            let people = self.expected_people(|_, known| known == Some(serial))?;
            let fits = |person: &Person| (person.comes, slot.is_some_and(|slot| *slot == person.slot));
            Ok::<_, NodeError>(people.into_iter().max_by_key(fits))
        };
        let found = match of {
            Comer::Serial(serial) => by_serial(*serial, None)?,
            Comer::Slip(text) => match self.verify_slip(text)? {
                Ok(slip) => by_serial(slip.claim.number.serial, Some(&slip.claim.slot))?,
                Err(bad) => return Err(BadAsk::Slip(bad).into()),
            },
            Comer::Document(text) => {
                let document = match parse(text, today) {
                    Ok(document) => document,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                let people = self.expected_people(|day, _| day == today)?;
                let theirs = people.into_iter().filter(|person| person.document.person() == document.person());
                theirs.max_by_key(|person| person.comes)
            }
        };
        Ok(match found {
            Some(person) if person.comes => Ok(person),
            Some(_) => Err(BookingRefusal::NotExpected),
            None => Err(BookingRefusal::Unknown),
        })
    }

    /// Whether who stands there is who has this number.
    fn is_about(&self, of: &Comer, serial: u64) -> Result<bool, NodeError> {
        Ok(match of {
            Comer::Serial(said) => *said == serial,
            Comer::Slip(text) => self.verify_slip(text)?.is_ok_and(|slip| slip.claim.number.serial == serial),
            Comer::Document(text) => {
                let people = self.expected_people(|_, known| known == Some(serial))?;
                let is_theirs = |person: &Person| {
                    parse(text, person.slot.date).is_ok_and(|document| document.person() == person.document.person())
                };
                people.iter().any(is_theirs)
            }
        })
    }

    fn attended_before(&self, ask: &AttendRequest) -> Result<Option<Committed<AttendedBooking>>, NodeError> {
        let Some(found) = self.booking_before(ask.request.as_deref())? else { return Ok(None) };
        let done = found.try_map(|(row, booking)| {
            if let Booking::Attended(it) = booking
                && self.is_about(&ask.of, it.serial)?
                // Whether it was too late was judged when it was new.
                && attendance(&ask.what, &it.slot, chrono::NaiveDateTime::MIN)?.as_ref() == Ok(&it.what)
            {
                let (of, serial, what) = (it.of, it.serial, it.what);
                return Ok(AttendedBooking { id: row.id, of, serial, what, replayed: true });
            }
            Err(NodeError::from(BadAsk::RequestReused))
        })?;
        Ok(Some(done))
    }
}

/// What happened as an entry can hold it.
fn attendance(what: &Attendance, slot: &Slot, now: chrono::NaiveDateTime) -> BookingAnswer<Attendance> {
    Ok(Ok(match what {
        Attendance::CheckedIn => Attendance::CheckedIn,
        Attendance::Given { brand, lot } => {
            let mut brands = slot.brands.iter();
            let only = brands.next().filter(|_| brands.next().is_none());
            let brand = if brand.trim().is_empty() { only.unwrap_or_default() } else { brand.trim() };
            if !slot.brands.has(brand) {
                return Ok(Err(BookingRefusal::Brand));
            }
            let lot = lot.trim();
            if lot.is_empty() || lot.len() > WORD_BYTES_MAX {
                return Err(BadAsk::Lot { bytes_max: WORD_BYTES_MAX }.into());
            }
            Attendance::Given { brand: brand.to_owned(), lot: lot.to_owned() }
        }
        Attendance::NotGiven { reason: why } => Attendance::NotGiven { reason: reason(why)? },
        Attendance::Later { start } => {
            let later = Slot { start: *start, ..slot.clone() };
            if later.begins() <= now {
                return Ok(Err(BookingRefusal::Past));
            }
            Attendance::Later { start: *start }
        }
    }))
}
