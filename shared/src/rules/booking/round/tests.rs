//! Rounds as the manual and the years after had them.

use super::*;
use crate::entry::booking::{Capacity, Venue};
use crate::rules::booking::contact::Contact;
use crate::rules::booking::decide::{Form, Listed, SlotKnown, check, may_book};
use crate::rules::booking::refusal::{BookedKnown, BookingRefusal, NotEligible};
use crate::rules::identity::Document;

const ISLANDS: &str = include_str!("../../../../rounds/vaccine-2021-r1.toml");
const BY_AGE: &str = include_str!("../../../../rounds/vaccine-2022-r27.toml");

fn rounds() -> Rounds {
    let mut rounds = Rounds::default();
    rounds.insert(Round::parse(ISLANDS).unwrap());
    rounds.insert(Round::parse(BY_AGE).unwrap());
    rounds
}

fn born(day: &str) -> Document {
    Document::parse("01", "A123456789", day, NaiveDate::from_ymd_opt(2022, 1, 20).unwrap()).unwrap()
}

fn moment(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn code(document: &Document, at: &str, listed: Listed) -> Result<String, String> {
    let rounds = rounds();
    let permit = may_book(&rounds, document, moment(at), |_| listed);
    permit.map(|permit| format!("{} {:?}", permit.round.name, permit.shown)).map_err(|refusal| refusal.modal())
}

fn listing(category: u8, registered: bool) -> Listed {
    Listed::On(Listing { category, registered, ..Listing::default() })
}

#[test]
fn who_may_book_and_who_may_not_in_the_manuals_words() {
    let of_islands = "2021-07-06T10:00:00";
    let not = |number: &str| Err(format!("您不符合本期可施打資格[C][{number}]"));
    let may = |how: &str| Ok(format!("vaccine-2021-r1 {how}"));
    for (born_on, listed, expected) in [
        ("1965-01-01", Listed::Off, may("Age")),
        ("1980-01-01", Listed::Off, not("R01-1")),
        ("1980-01-01", listing(9, false), may("List")),
        ("1980-01-01", listing(8, false), not("R01-2")),
        ("1980-01-01", listing(0, true), may("List")),
        ("1980-01-01", Listed::Unseen, may("Unseen")),
        // 17 and 18 on the round's first day, 2021-07-12; 64 and 65.
        ("2003-07-12", listing(9, false), may("List")),
        ("2003-07-13", listing(9, false), not("R01-2")),
        ("1956-07-13", Listed::Off, may("Age")),
        ("1956-07-12", Listed::Off, not("R01-1")),
    ] {
        assert_eq!(code(&born(born_on), of_islands, listed), expected, "V2: {born_on} {listed:?}");
    }
}

#[test]
fn only_during_the_booking_window_and_by_age_from_different_hours_on() {
    for (at, expected) in [
        ("2021-07-06T09:59:59", Err("目前非開放預約接種登記期間，下次開放：2021/07/06 10:00[T][1]")),
        ("2021-07-06T10:00:00", Ok("vaccine-2021-r1 Age")),
        ("2021-07-09T16:59:59", Ok("vaccine-2021-r1 Age")),
        ("2021-07-09T17:00:00", Err("目前非開放預約接種登記期間，下次開放：2022/01/20 10:00[T][1]")),
        ("2022-01-20T11:59:59", Err("您的類別自 2022/01/20 12:00 起開放預約[T][2]")),
        ("2022-01-20T12:00:00", Ok("vaccine-2022-r27 Age")),
        ("2022-01-22T12:00:00", Err("目前非開放預約接種登記期間，請等候公告[T][1]")),
    ] {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(code(&born("1965-01-01"), at, Listed::Off), expected, "V15: {at}");
    }
}

fn venue(county: &str) -> Venue {
    Venue {
        id: "2390010010".parse().unwrap(),
        name: "金門縣金寧鄉衛生所".to_owned(),
        county: county.to_owned(),
        district: "金寧鄉".to_owned(),
        address: "金門縣金寧鄉盤山村仁愛新村2之1號".to_owned(),
        phone: String::new(),
        site: None,
        holds: true,
    }
}

fn slot(date: &str, brands: &str) -> Slot {
    Slot {
        venue: "2390010010".parse().unwrap(),
        date: date.parse().unwrap(),
        start: "14:00".parse().unwrap(),
        brands: brands.parse().unwrap(),
    }
}

#[test]
fn the_slot_is_checked_behind_the_person_and_the_form() {
    let (rounds, now) = (rounds(), moment("2021-07-08T15:00:00"));
    let permit = may_book(&rounds, &born("1965-01-01"), now, |_| Listed::Off).unwrap();
    let form = |name: &str, mobile: &str, consent| Form { consent, contact: Contact::parse(name, mobile) };
    let good = form("王大明", "0912345678", true);
    let (here, away) = (venue("金門縣"), venue("臺北市"));
    let told = |form: &Form, booked, slot: &Slot, venue: Option<&Venue>, closed| {
        let capacity = Capacity { slot: slot.clone(), places: 4, closed };
        let known = SlotKnown { venue, capacity: Some(&capacity) };
        check(&permit, booked, form, (slot, known), now).map_err(|refusal| refusal.code())
    };
    let monday = slot("2021-07-12", "AZ");
    assert!(told(&good, None, &monday, Some(&here), false).is_ok());
    for (expected, form, booked, slot, venue, closed) in [
        ("booked", &form("", "", false), Some(BookedKnown::Own), &monday, Some(&here), true),
        ("name", &form("", "0912345678", true), None, &monday, Some(&here), false),
        ("mobile", &form("王大明", "02", false), None, &monday, Some(&here), false),
        ("consent", &form("王大明", "0912345678", false), None, &monday, Some(&here), false),
        ("slot", &good, None, &monday, None, false),
        ("slot", &good, None, &slot("2021-07-11", "AZ"), Some(&here), false),
        ("slot", &good, None, &slot("2021-07-12", "BNT"), Some(&here), false),
        ("slot-closed", &good, None, &monday, Some(&here), true),
        ("county", &good, None, &monday, Some(&away), false),
    ] {
        assert_eq!(told(form, booked, slot, venue, closed).unwrap_err(), expected);
    }
    let known = SlotKnown { venue: Some(&here), capacity: None };
    assert_eq!(check(&permit, None, &good, (&monday, known), now).unwrap_err().code(), "slot", "not offered");
}

#[test]
fn a_slot_of_yesterday_or_of_an_hour_ago_is_past() {
    let (rounds, now) = (rounds(), moment("2022-01-22T11:00:00"));
    let mut round = rounds.named(&"vaccine-2022-r27".parse().unwrap()).unwrap().clone();
    round.first_day = "2022-01-20".parse().unwrap();
    let mut rounds = Rounds::default();
    rounds.insert(round);
    let permit = may_book(&rounds, &born("1950-01-01"), now, |_| Listed::Off).unwrap();
    let venue = venue("臺北市");
    for (date, start, expected) in
        [("2022-01-21", "14:00", Err("past")), ("2022-01-22", "11:00", Err("past")), ("2022-01-22", "12:00", Ok(()))]
    {
        let slot = Slot { start: start.parse().unwrap(), ..slot(date, "BNT") };
        let capacity = Capacity { slot: slot.clone(), places: 4, closed: false };
        let known = SlotKnown { venue: Some(&venue), capacity: Some(&capacity) };
        assert_eq!(permit.check_slot(&slot, known, now).map_err(|refusal| refusal.code()), expected, "{date} {start}");
    }
}

#[test]
fn doses_have_an_interval_and_a_brand() {
    let (rounds, now) = (rounds(), moment("2021-07-08T15:00:00"));
    let last = |day: &str, brand| Some((day.parse().unwrap(), brand));
    let here = venue("金門縣");
    for (expected, listing, slot) in [
        (Ok(()), Listing::default(), slot("2021-07-12", "AZ")),
        (Ok(()), Listing { last: last("2021-05-03", 1), ..Listing::default() }, slot("2021-07-12", "AZ")),
        (Err("interval"), Listing { last: last("2021-05-04", 1), ..Listing::default() }, slot("2021-07-12", "AZ")),
        (Ok(()), Listing { last: last("2021-06-14", 2), ..Listing::default() }, slot("2021-07-12", "MO")),
        (Err("brand"), Listing { last: last("2021-01-01", 2), ..Listing::default() }, slot("2021-07-12", "AZ")),
        (Ok(()), Listing { last: last("2021-01-01", 2), ..Listing::default() }, slot("2021-07-12", "MO,AZ")),
        (Err("brand"), Listing { wants: 0b10, ..Listing::default() }, slot("2021-07-12", "AZ")),
        (Ok(()), Listing { wants: 0b10, ..Listing::default() }, slot("2021-07-12", "MO")),
        (Ok(()), Listing { wants: 0b11, ..Listing::default() }, slot("2021-07-12", "AZ")),
    ] {
        let permit = may_book(&rounds, &born("1965-01-01"), now, |_| Listed::On(listing)).unwrap();
        let capacity = Capacity { slot: slot.clone(), places: 4, closed: false };
        let known = SlotKnown { venue: Some(&here), capacity: Some(&capacity) };
        assert_eq!(permit.check_slot(&slot, known, now).map_err(|refusal| refusal.code()), expected, "{listing:?}");
    }
}

#[test]
fn a_file_that_is_wrong_is_told_by_line_and_field() {
    for (from, to, line, field) in [
        ("number = 1\n", "number = 100\n", 10, "number"),
        ("closes = \"2021-07-09T17:00\"", "closes = \"2021-07-06T10:00\"", 13, "closes"),
        ("last_day = \"2021-07-16\"", "last_day = \"2021-07-11\"", 15, "last_day"),
        ("opens = \"2021-07-06T10:00\"", "opens = \"6 July\"", 12, "opens"),
        ("[\"AZ\", \"MO\"]", "[\"AZ\", \"AZ\"]", 16, "brands.2"),
        ("registered = true", "registerd = true", 38, "groups.3.registerd"),
        ("categories = [9]", "categories = [256]", 27, "groups.1.categories.1"),
    ] {
        let text = ISLANDS.replacen(from, to, 1);
        assert_ne!(text, ISLANDS, "{from}");
        let bad = Round::parse(&text).unwrap_err();
        assert_eq!((bad.line, bad.field.as_str()), (line, field), "{bad}");
    }
    assert!(Round::parse(&ISLANDS.replace("[[groups]]", "[[group]]")).is_err());
}

#[test]
fn a_list_that_has_not_come_refuses_nobody_and_one_that_has_does() {
    let not = BookingRefusal::NotEligible { round: 1, because: NotEligible::NotListed };
    let (rounds, now) = (rounds(), moment("2021-07-08T15:00:00"));
    assert_eq!(may_book(&rounds, &born("1980-01-01"), now, |_| Listed::Off), Err(not));
    assert!(may_book(&rounds, &born("1980-01-01"), now, |_| Listed::Unseen).is_ok());
    let named = rounds.named(&"vaccine-2021-r1".parse().unwrap()).unwrap();
    assert_eq!(named.list_programme().unwrap().as_str(), "vaccine-list");
    assert!(named.needs_list());
}

#[test]
fn ages_are_whole_years() {
    for (birth, day, age) in [
        ("2003-07-12", "2021-07-12", 18),
        ("2003-07-13", "2021-07-12", 17),
        ("2004-02-29", "2021-02-28", 16),
        ("2004-02-29", "2021-03-01", 17),
        ("2021-07-12", "2021-07-12", 0),
    ] {
        assert_eq!(age_on(birth.parse().unwrap(), day.parse().unwrap()), age, "{birth} on {day}");
    }
}
