//! The venue's day: who is expected, who came, and what a slip is worth without a line.

use edge::node::ask::{AttendRequest, AttendedBooking, BookingAnswer, BookingRef, Comer, ExpectedLine};
use edge::node::{BadAsk, Committed, NodeError};
use shared::entry::booking::{Attendance, Booking, Expected};
use shared::ids::EntryId;
use shared::rules::booking::contact::Contact;
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::identity::Document;

use super::office::{OLD, Office, bad, ten, venue};
use crate::town::{SITE, document, elsewhere, keys};

const DAY: &str = "2021-07-12 10:05";
const WHO: &str = "01/A223456781/1966-03-15";

/// A site that keeps the venue's day, with one booking of its own.
fn office() -> Office {
    let mut office = Office::lent("2021-07-06 13:06", 3);
    office.nation(vec![Booking::Venue(venue(Some(SITE)))]);
    office.book(OLD, &ten()).unwrap();
    office
}

/// The hub tells of somebody who was booked elsewhere.
fn expected(of: EntryId, serial: u64, comes: bool) -> Booking {
    let place = Expected::place(of);
    let text = document(WHO);
    let today = "2021-07-06".parse().unwrap();
    let person = Document::parse(&text.kind, &text.number, &text.birth, today).unwrap();
    let contact = Contact::parse("測試", "0912345672").unwrap();
    Booking::Expected(Expected {
        of,
        round: 1,
        serial,
        slot: ten(),
        comes,
        document: keys().seal(&place, 0, &person).unwrap(),
        contact: keys().seal_contact(&place, &contact).unwrap(),
    })
}

fn day(office: &mut Office) -> Vec<ExpectedLine> {
    let reading = office.site.reading();
    office.site.node().expected("2021-07-12".parse().unwrap(), reading).unwrap()
}

fn try_attend(office: &mut Office, of: Comer, what: Attendance) -> BookingAnswer<AttendedBooking> {
    let reading = office.site.reading();
    let ask = AttendRequest { request: None, of, what, by: "王藥師".to_owned() };
    Ok(office.site.node().attend(&ask, reading)?.map(Committed::into_inner))
}

fn attend(office: &mut Office, of: Comer, what: Attendance) -> Result<AttendedBooking, BookingRefusal> {
    try_attend(office, of, what).unwrap()
}

fn given(brand: &str, lot: &str) -> Attendance {
    Attendance::Given { brand: brand.to_owned(), lot: lot.to_owned() }
}

#[test]
fn whoever_is_booked_is_on_the_day_from_here_and_from_elsewhere() {
    let mut office = office();
    office.desk(vec![expected(elsewhere(1), 8, true), expected(elsewhere(2), 9, true)]);
    office.site.crash();
    let lines = day(&mut office);
    let numbers: Vec<String> = lines.iter().map(|line| line.number.to_string()).collect();
    assert_eq!(numbers, ["AZ01-0000000008", "AZ01-0000000009", "AZ01-0000014637"]);
    assert_eq!((lines[0].contact.name(), lines[2].contact.name()), ("測試", "王大明"));
    office.desk(vec![expected(elsewhere(2), 9, false)]);
    office.cancel(BookingRef::Serial(14_637), OLD).unwrap();
    assert_eq!(day(&mut office).len(), 1, "who does not come is not expected");
}

#[test]
fn checked_in_by_number_by_slip_and_by_card_then_given_once() {
    let mut office = office();
    office.desk(vec![expected(elsewhere(1), 8, true)]);
    let reading = office.site.reading();
    let booked = office.site.node().booking(BookingRef::Serial(14_637), reading).unwrap().unwrap();
    let slip = booked.slip.unwrap();
    let early = bad(try_attend(&mut office, Comer::Serial(8), Attendance::CheckedIn));
    assert_eq!(early.zh(), "此預約日期為 2021/07/12，不是今日；當日未到者請於下一期重新預約");
    office.at(DAY);
    assert_eq!(attend(&mut office, Comer::Serial(8), Attendance::CheckedIn).unwrap().of, elsewhere(1));
    assert_eq!(attend(&mut office, Comer::Slip(slip.clone()), Attendance::CheckedIn).unwrap().of, booked.id);
    assert_eq!(attend(&mut office, Comer::Document(document(WHO)), Attendance::CheckedIn).unwrap().serial, 8);
    assert_eq!(attend(&mut office, Comer::Serial(5), Attendance::CheckedIn).unwrap_err(), BookingRefusal::Unknown);
    assert!(matches!(
        bad(try_attend(&mut office, Comer::Slip("x".to_owned()), Attendance::CheckedIn)),
        BadAsk::Slip(_)
    ));
    assert_eq!(attend(&mut office, Comer::Serial(8), given("BNT", "L1")).unwrap_err().code(), "brand");
    assert!(matches!(bad(try_attend(&mut office, Comer::Serial(8), given("AZ", " "))), BadAsk::Lot { .. }));
    let done = attend(&mut office, Comer::Serial(8), given("", " CTMAV512 ")).unwrap();
    assert_eq!(done.what, given("AZ", "CTMAV512"), "the slot has one vaccine alone");
    office.site.crash();
    office.site.beacon();
    assert_eq!(attend(&mut office, Comer::Serial(8), given("AZ", "L2")).unwrap_err(), BookingRefusal::Attended);
    assert_eq!(day(&mut office)[0].attended, Some(given("AZ", "CTMAV512")));
    office.at("2021-07-13 09:00");
    let late = bad(try_attend(&mut office, Comer::Slip(slip), Attendance::CheckedIn));
    assert!(matches!(late, BadAsk::NotToday { .. }), "{late:?}");
}

#[test]
fn who_comes_with_a_slip_that_was_cancelled_hears_so_and_not_that_it_holds() {
    let mut office = office();
    office.desk(vec![expected(elsewhere(1), 8, true)]);
    let reading = office.site.reading();
    let slip = office.site.node().booking(BookingRef::Serial(14_637), reading).unwrap().unwrap().slip.unwrap();
    office.cancel(BookingRef::Serial(14_637), OLD).unwrap();
    office.desk(vec![expected(elsewhere(1), 8, false)]);
    office.at(DAY);
    for of in [Comer::Slip(slip), Comer::Serial(8), Comer::Document(document(WHO))] {
        let refusal = attend(&mut office, of, Attendance::CheckedIn).unwrap_err();
        assert_eq!(refusal, BookingRefusal::NotExpected);
        assert_eq!(
            refusal.modal(),
            "此預約目前不在本站名單上（已取消、改至他處，或與較早的預約重複），請讀取本人健保卡查詢目前的預約[B][5]"
        );
    }
}

#[test]
fn not_given_with_a_reason_and_later_the_same_day() {
    let mut office = office();
    office.at(DAY);
    let none = Attendance::NotGiven { reason: " ".to_owned() };
    assert!(matches!(bad(try_attend(&mut office, Comer::Serial(14_637), none)), BadAsk::Reason { .. }));
    let fever = Attendance::NotGiven { reason: "發燒".to_owned() };
    attend(&mut office, Comer::Serial(14_637), fever).unwrap();
    let later = |start: &str| Attendance::Later { start: start.parse().unwrap() };
    assert_eq!(attend(&mut office, Comer::Serial(14_637), later("10:00")).unwrap_err(), BookingRefusal::Past);
    attend(&mut office, Comer::Serial(14_637), later("14:00")).unwrap();
    let line = day(&mut office).remove(0);
    assert_eq!((line.start.span().as_str(), line.attended), ("14:00~15:00", Some(later("14:00"))));
}

#[test]
fn the_same_request_is_one_attendance() {
    let mut office = office();
    office.at(DAY);
    let ask = AttendRequest {
        request: Some("k1".to_owned()),
        of: Comer::Serial(14_637),
        what: given("AZ", "L1"),
        by: String::new(),
    };
    let reading = office.site.reading();
    let first = office.site.node().attend(&ask, reading).unwrap().unwrap().into_inner();
    let again = office.site.node().attend(&ask, reading).unwrap().unwrap().into_inner();
    assert_eq!((again.id, again.replayed), (first.id, true));
    let changed = [
        AttendRequest { of: Comer::Serial(14_638), ..ask.clone() },
        AttendRequest { of: Comer::Document(document(WHO)), ..ask.clone() },
        AttendRequest { what: given("AZ", "L2"), ..ask.clone() },
    ];
    for other in changed {
        let told = office.site.node().attend(&other, reading);
        assert!(matches!(told, Err(NodeError::Ask(BadAsk::RequestReused))), "nobody else was given anything: {told:?}");
    }
}
