//! 登錄預約 and 取消預約 at one counter.

use edge::node::BadAsk;
use edge::node::ask::{AmendRequest, BookRequest, Booked, BookedState, BookingRef, LookedUp};
use shared::entry::booking::{Booking, Shown, Stands};
use shared::rules::booking::refusal::BookingRefusal;

use super::office::{OLD, Office, bad, book_ask, capacity, hub_signer, slot, ten};
use crate::town::document;

const OTHER: &str = "01/A223456781/1966-03-15";
const OPEN: &str = "2021-07-06 13:06";

fn has(office: &mut Office, who: &str) -> Booked {
    match office.look_up(who, None) {
        Ok(LookedUp::Has(booked)) => *booked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn v1_to_v13_a_card_is_read_a_place_is_booked_and_the_card_shows_it_again() {
    let mut office = Office::lent(OPEN, 2);
    let LookedUp::May(may) = office.look_up(OLD, None).unwrap() else { panic!("V1: they may book") };
    assert_eq!((may.number, may.shown, may.masked.as_str()), (1, Shown::Age, "A12****789"));
    let booked = office.book(OLD, &ten()).unwrap();
    assert_eq!(booked.number.as_ref().unwrap().to_string(), "AZ01-0000014637", "V10");
    assert_eq!(booked.venue_title(), "金門縣金寧鄉衛生所--AZ", "V8, as the manual prints it");
    assert_eq!(booked.printed(), "A12-XXXXXX", "V12");
    assert_eq!((booked.contact.name(), booked.contact.mobile()), ("王大明", "0912345678"), "V4");
    office.site.crash();
    let again = has(&mut office, OLD);
    assert_eq!((again.serial(), again.second), (Some(14_637), booked.second), "V13");
    assert_eq!(again, Booked { ranked: again.ranked.clone(), ..booked }, "nothing of it is lost");
    assert_eq!(office.try_book(OLD, &ten()), "已有預約，如需變更請先取消預約再重新登錄[B][1]");
    assert_eq!(office.try_book(OTHER, &ten()), "AZ01-0000014638");
    assert_eq!(office.held(), 0);
}

#[test]
fn v14_to_change_it_is_cancelled_and_booked_again_with_another_number() {
    let mut office = Office::lent(OPEN, 1);
    let first = office.book(OLD, &ten()).unwrap();
    assert_eq!(office.try_book(OTHER, &ten()), "wish", "nothing is left, and there is no line");
    let by_another = office.cancel(BookingRef::Serial(14_637), OTHER);
    assert_eq!(by_another.unwrap_err().code(), "unknown", "only by the person's own card");
    let cancelled = office.cancel(BookingRef::Serial(14_637), OLD).unwrap();
    assert_eq!((cancelled.of, cancelled.serial), (first.id, 14_637));
    assert_eq!(office.cancel(BookingRef::Entry(first.id), OLD).unwrap_err(), BookingRefusal::AlreadyCancelled);
    for crashes in [false, true] {
        if crashes {
            office.site.crash();
        }
        assert_eq!(office.held(), 1, "the place is in the lease again");
        assert!(matches!(office.look_up(OLD, None), Ok(LookedUp::May(_))));
    }
    assert_eq!(office.try_book(OLD, &ten()), "AZ01-0000014638", "a number is never used twice");
    assert_eq!(has(&mut office, OTHER).state, BookedState::Waiting);
}

#[test]
fn v15_only_while_the_round_is_open() {
    let mut office = Office::lent(OPEN, 3);
    let booked = office.book(OLD, &ten()).unwrap();
    office.at("2021-07-09 17:00");
    let closed = "目前非開放預約接種登記期間，請等候公告[T][1]";
    assert_eq!(office.try_book(OTHER, &ten()), closed);
    let late = office.cancel(BookingRef::Entry(booked.id), OLD).unwrap_err();
    assert_eq!((late.code(), late.modal().as_str()), ("round", closed));
    assert_eq!(has(&mut office, OLD).id, booked.id, "it is shown all the same");
    let mut early = Office::lent("2021-07-06 09:59", 3);
    let next = "目前非開放預約接種登記期間，下次開放：2021/07/06 10:00[T][1]";
    assert_eq!(early.try_book(OLD, &ten()), next);
}

#[test]
fn the_same_request_is_one_booking() {
    let mut office = Office::lent(OPEN, 3);
    let ask = BookRequest { request: Some("k1".to_owned()), ..book_ask(OLD, &ten()) };
    let first = office.ask(&ask).unwrap();
    for _ in 0..3 {
        let again = office.ask(&ask).unwrap();
        assert_eq!((again.id, again.number, again.replayed), (first.id, first.number.clone(), true));
        office.site.crash();
    }
    assert_eq!(office.held(), 2);
    let other = BookRequest { request: Some("k1".to_owned()), ..book_ask(OTHER, &ten()) };
    assert_eq!(bad(office.try_ask(&other)), BadAsk::RequestReused);
}

#[test]
fn what_is_wrong_with_the_form_is_told_in_the_manuals_order() {
    let mut office = Office::lent(OPEN, 3);
    let late = slot("2021-07-13", "10:00");
    office.nation(vec![capacity(&late, 5, true)]);
    let ask = book_ask(OLD, &ten());
    let no_slot = slot("2021-07-14", "10:00");
    let other_day = slot("2021-08-14", "10:00");
    for (ask, what) in [
        (BookRequest { document: document("01/A123456788/1965-03-15"), ..ask.clone() }, "document"),
        (BookRequest { name: " ".to_owned(), consent: false, ..ask.clone() }, "name"),
        (BookRequest { mobile: "0812345678".to_owned(), ..ask.clone() }, "mobile"),
        (BookRequest { consent: false, slot: no_slot.clone(), ..ask.clone() }, "consent"),
        (BookRequest { slot: no_slot, ..ask.clone() }, "slot"),
        (BookRequest { slot: other_day, ..ask.clone() }, "slot"),
        (BookRequest { slot: late, ..ask.clone() }, "slot-closed"),
    ] {
        assert_eq!(office.ask(&ask).unwrap_err().code(), what, "{what}");
    }
    let rare = BookRequest { name: " 𠮷野・Ciwas ⺼ ".to_owned(), ..ask };
    assert_eq!(office.ask(&rare).unwrap().contact.name(), "𠮷野・Ciwas ⺼", "V4: rare characters");
    office.site.crash();
    assert_eq!(has(&mut office, OLD).contact.name(), "𠮷野・Ciwas ⺼");
}

#[test]
fn a_slot_that_has_begun_is_past() {
    let mut office = Office::bare("2021-07-06 13:06");
    let text = super::office::round(2, "2021-07-06T10:00", "2021-07-20T17:00", ("2021-07-06", "2021-07-16"));
    office.nation(vec![Booking::Round(shared::entry::booking::Round { text })]);
    for (date, start, code) in
        [("2021-07-06", "13:00", "past"), ("2021-07-05", "14:00", "slot"), ("2021-07-06", "14:00", "wish")]
    {
        let slot = slot(date, start);
        office.nation(vec![capacity(&slot, 5, false)]);
        let told = office.book(OLD, &slot);
        let code_told = told.as_ref().map_or_else(BookingRefusal::code, |booked| booked.state.code());
        assert_eq!(code_told, code, "{slot}");
    }
}

#[test]
fn another_telephone_number_is_kept_beside_the_name() {
    let mut office = Office::lent(OPEN, 3);
    let booked = office.book(OLD, &ten()).unwrap();
    let mut ask = AmendRequest {
        request: Some("k1".to_owned()),
        of: BookingRef::Serial(14_637),
        document: document(OLD),
        mobile: "0987 654 321".to_owned(),
        by: String::new(),
    };
    let reading = office.site.reading();
    let amended = office.site.node().amend(&ask, None, reading).unwrap().unwrap().into_inner();
    assert_eq!((amended.of, amended.replayed), (booked.id, false));
    assert!(office.site.node().amend(&ask, None, reading).unwrap().unwrap().into_inner().replayed);
    office.site.crash();
    let shown = has(&mut office, OLD);
    assert_eq!((shown.contact.name(), shown.contact.mobile()), ("王大明", "0987654321"));
    (ask.request, ask.mobile) = (None, "1234".to_owned());
    let refused = office.site.node().amend(&ask, None, reading).unwrap().unwrap_err();
    assert_eq!(refused.code(), "mobile");
}

#[test]
fn v12_a_slip_proves_itself_and_a_changed_one_does_not() {
    let mut office = Office::lent(OPEN, 3);
    let booked = office.book(OLD, &ten()).unwrap();
    let text = booked.slip.clone().unwrap();
    let claim = hub_signer().public().read_slip(&text).unwrap();
    assert_eq!((Some(claim.number), claim.printed.as_str()), (booked.number.clone(), "A12-XXXXXX"));
    office.site.crash();
    let verified = office.site.node().verify_slip(&text).unwrap().unwrap();
    assert_eq!((verified.claim.second, verified.is_here), (booked.second, false), "the key is known without a line");
    let forged = text.replace('A', "B");
    assert!(office.site.node().verify_slip(&forged).unwrap().is_err());
    office.cancel(BookingRef::Entry(booked.id), OLD).unwrap();
    let reading = office.site.reading();
    let shown = office.site.node().booking(BookingRef::Serial(14_637), reading).unwrap().unwrap();
    assert_eq!((shown.slip, shown.state), (None, BookedState::Cancelled), "no slip of what was taken back");
}

#[test]
fn without_a_hub_that_takes_bookings_nothing_is_written() {
    let mut office = Office::lent(OPEN, 3);
    office.greet(false);
    assert_eq!(bad(office.try_ask(&book_ask(OLD, &ten()))), BadAsk::NoBooking);
    let reading = office.site.reading();
    assert!(office.site.node().ask_person(None, &document(OLD), reading).unwrap().is_none());
    assert!(office.site.node().ask_places(&slot("2021-07-13", "10:00"), reading).unwrap().is_none());
    assert_eq!((office.site.node().log_len(), office.site.node().give_back(reading).unwrap()), (0, 0));
    office.site.crash();
    assert_eq!(bad(office.try_ask(&book_ask(OLD, &ten()))), BadAsk::NoBooking, "it is remembered");
    office.greet(true);
    office.site.crash();
    assert_eq!(office.try_book(OLD, &ten()), "AZ01-0000014637");
}

#[test]
fn a_site_that_knows_no_round_says_so() {
    let mut office = Office::lent(OPEN, 3);
    office.site = crate::town::Site::on(edge::store::Store::in_memory().unwrap(), OPEN);
    office.greet(true);
    assert_eq!(office.look_up(OLD, None).unwrap_err(), BookingRefusal::Closed { opens: None });
    assert_eq!(office.book(OLD, &ten()).unwrap_err(), BookingRefusal::Closed { opens: None });
}

#[test]
fn one_that_is_over_keeps_its_place_until_somebody_cancels() {
    let mut office = Office::lent(OPEN, 2);
    let booked = office.book(OLD, &ten()).unwrap();
    let standing = |stands| Booking::Standing(shared::entry::booking::BookingStanding { of: booked.id, stands });
    office.desk(vec![standing(Stands::Over)]);
    assert_eq!((office.held(), has(&mut office, OLD).state), (1, BookedState::Booked(Stands::Over)));
    for _ in 0..2 {
        office.desk(vec![standing(Stands::Cancelled)]);
        assert_eq!(office.held(), 2, "freed once, however often it is said");
    }
    assert_eq!(office.cancel(BookingRef::Entry(booked.id), OLD).unwrap_err(), BookingRefusal::AlreadyCancelled);
    office.site.crash();
    assert_eq!(office.held(), 2);
}
