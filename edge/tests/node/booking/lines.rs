//! With a line: the hub says what somebody has, and lends what is lacking (V13; docs/booking.md).

use edge::node::access::Acting;
use edge::node::ask::{AmendRequest, BookedState, BookingRef, LookedUp};
use edge::node::{BadAsk, NodeError};
use shared::entry::Fact;
use shared::entry::access::{Access, Grant, Holder, Right};
use shared::ids::{ActorId, EntryId};
use shared::rules::access::card::CardKind;
use shared::rules::booking::contact::Contact;
use shared::rules::booking::refusal::{BookedKnown, BookingRefusal};
use shared::sign::staff::StaffKey;
use shared::wire::v1::enquiry::{About, Answered, Enquiry, Known, Told};

use super::office::{OLD, Office, bad, book_ask, capacity, lease, numbers, slot, ten};
use crate::town::{Hub, Site, document, elsewhere, keys, second};

const OPEN: &str = "2021-07-06 13:06";
const FIRST_DAY: &str = "2021-07-12 00:00";
const OTHER: &str = "01/A223456781/1966-03-15";

fn asked(office: &mut Office, who: &str) -> Enquiry {
    let reading = office.site.reading();
    office.site.node().ask_person(None, &document(who), reading).unwrap().unwrap()
}

fn answer(enquiry: &Enquiry, feed: u64, booked: Option<(EntryId, Option<u64>)>) -> Told {
    let About::Person { programme, document } = &enquiry.about else { panic!("about a person") };
    assert_eq!(programme.as_str(), "vaccine");
    let place = Enquiry::place(enquiry.nonce);
    keys().open(&place, 0, document).unwrap();
    let contact = keys().seal_contact(&place, &Contact::parse("測試", "0912345672").unwrap()).unwrap();
    let booking = booked.map(|(of, serial)| {
        let given = serial.map(|serial| (ten(), serial));
        let round = "vaccine-2021-r1".parse().unwrap();
        Box::new(Known { of, round, given, second: second("2021-07-06 11:00"), contact: contact.clone() })
    });
    Told { nonce: enquiry.nonce, answer: Answered::Person { feed, booking } }
}

#[test]
fn v13_v14_the_booking_of_another_site_is_shown_and_cancelled_by_the_hubs_word() {
    let mut office = Office::lent(OPEN, 3);
    let enquiry = asked(&mut office, OLD);
    let told = answer(&enquiry, 0, Some((elsewhere(7), Some(100_000_008))));
    let Ok(LookedUp::Has(booked)) = office.look_up(OLD, Some(&told)) else { panic!("it is shown") };
    assert_eq!((booked.serial(), booked.contact.name(), booked.is_own), (Some(100_000_008), "測試", false));
    assert_eq!(booked.slip, None, "only its own site signs a slip");
    assert_eq!(office.book(OLD, &ten()).unwrap_err(), BookingRefusal::Booked { known: BookedKnown::Hub });
    assert_eq!(office.cancel(BookingRef::Entry(elsewhere(7)), OTHER).unwrap_err().code(), "unknown", "another's card");
    let cancelled = office.cancel(BookingRef::Serial(100_000_008), OLD).unwrap();
    assert_eq!((cancelled.of, cancelled.serial), (elsewhere(7), 100_000_008));
    assert_eq!(office.held(), 3, "no lease of this site's gets it");
    assert_eq!(office.try_book(OLD, &ten()), "AZ01-0000014637", "and they may book again at once");
}

#[test]
fn an_answer_about_somebody_else_or_of_long_ago_is_none() {
    let mut office = Office::lent(OPEN, 3);
    let enquiry = asked(&mut office, OTHER);
    let told = answer(&enquiry, 0, Some((elsewhere(7), Some(8))));
    assert!(matches!(office.look_up(OLD, Some(&told)), Ok(LookedUp::May(_))));
    let unknown = Told { nonce: [0; 16], ..told.clone() };
    assert!(matches!(office.look_up(OLD, Some(&unknown)), Ok(LookedUp::May(_))));
    assert!(matches!(office.look_up(OTHER, None), Ok(LookedUp::Has(_))), "it was heard");
    office.site.tick(11);
    assert!(matches!(office.look_up(OTHER, Some(&told)), Ok(LookedUp::May(_))), "an answer is not heard twice");
}

#[test]
fn the_hub_overrules_the_list_unless_the_list_is_newer() {
    let mut office = Office::lent(OPEN, 3);
    let mut hub = Hub::default();
    let booked = hub.news("vaccine", FIRST_DAY, OLD, elsewhere(1), 1);
    office.site.node().take_feed(0, &[booked]).unwrap();
    let none = answer(&asked(&mut office, OLD), 5, None);
    assert!(matches!(office.look_up(OLD, Some(&none)), Ok(LookedUp::May(_))), "a stranger's fingerprint");
    office.site.tick(11);
    let none = answer(&asked(&mut office, OLD), 0, None);
    let listed = BookingRefusal::Booked { known: BookedKnown::List };
    assert_eq!(office.look_up(OLD, Some(&none)).unwrap_err(), listed, "it was told after that");
}

#[test]
fn what_the_hub_said_of_somebody_counts_although_the_feed_goes_on() {
    let mut office = Office::lent(OPEN, 3);
    let mut hub = Hub::default();
    let told = answer(&asked(&mut office, OLD), 0, Some((elsewhere(7), None)));
    assert!(
        matches!(office.look_up(OLD, Some(&told)), Ok(LookedUp::Has(_))),
        "a wish elsewhere, of which no list speaks"
    );
    let strangers = hub.news("vaccine", FIRST_DAY, OTHER, elsewhere(1), 1);
    office.site.node().take_feed(0, &[strangers]).unwrap();
    assert_eq!(office.book(OLD, &ten()).unwrap_err(), BookingRefusal::Booked { known: BookedKnown::Hub });
}

#[test]
fn places_without_a_number_to_give_are_no_reason_to_say_that_nothing_is_left() {
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    office.desk(vec![lease(&ten(), 2, "2021-07-12 10:00")]);
    let reading = office.site.reading();
    let enquiry = office.site.node().ask_places(&ten(), reading).unwrap().unwrap();
    let told = Told { nonce: enquiry.nonce, answer: Answered::Places { lent: 0, upto: 0 } };
    let wish = office.site.node().book(&book_ask(OLD, &ten()), Some(&told), reading).unwrap().unwrap().into_inner();
    assert_eq!(wish.state, BookedState::Waiting);
}

#[test]
fn another_telephone_number_of_another_sites_booking_is_one_however_often_it_is_sent() {
    let mut office = Office::lent(OPEN, 3);
    let told = answer(&asked(&mut office, OLD), 0, Some((elsewhere(7), Some(100_000_008))));
    let mut ask = AmendRequest {
        request: Some("k1".to_owned()),
        of: BookingRef::Serial(100_000_008),
        document: document(OLD),
        mobile: "0987654321".to_owned(),
        by: String::new(),
    };
    let reading = office.site.reading();
    let mut amend = |ask: &AmendRequest| {
        let done = office.site.node().amend(ask, Some(&told), reading);
        done.map(|done| done.unwrap().into_inner()).map(|done| (done.of, done.replayed))
    };
    assert_eq!(amend(&ask).unwrap(), (elsewhere(7), false));
    assert_eq!(amend(&ask).unwrap(), (elsewhere(7), true));
    ask.mobile = "0911111111".to_owned();
    assert!(matches!(amend(&ask), Err(NodeError::Ask(BadAsk::RequestReused))), "it was not changed to that");
}

#[test]
fn with_a_line_and_nothing_left_it_is_full_and_without_it_is_a_wish() {
    let mut office = Office::bare(OPEN);
    office.nation(vec![capacity(&ten(), 10, false)]);
    let ask = |office: &mut Office| {
        let reading = office.site.reading();
        office.site.node().ask_places(&ten(), reading).unwrap()
    };
    let enquiry = ask(&mut office).unwrap();
    assert_eq!(enquiry.about, About::Places { slot: ten(), places: 2 });
    let told = Told { nonce: enquiry.nonce, answer: Answered::Places { lent: 0, upto: 0 } };
    let reading = office.site.reading();
    let full = office.site.node().book(&book_ask(OLD, &ten()), Some(&told), reading).unwrap().unwrap_err();
    assert_eq!(
        (full.clone(), full.modal().as_str()),
        (BookingRefusal::Full, "此時段已額滿，請選擇其他時段或地點[S][4]")
    );
    office.site.tick(11);
    let wish = office.book(OLD, &ten()).unwrap();
    assert_eq!(wish.state, BookedState::Waiting, "that was long ago");
    office.desk(vec![lease(&ten(), 2, "2021-07-12 10:00"), numbers(1, 9)]);
    assert!(ask(&mut office).is_none(), "places are held");
    let reading = office.site.reading();
    for slot in [slot("2021-07-14", "10:00"), slot("2021-08-14", "10:00")] {
        assert!(office.site.node().ask_places(&slot, reading).unwrap().is_none(), "{slot} cannot be booked at all");
    }
}

fn grant(right: &str) -> Fact {
    let key = StaffKey::from_seed(&[3; 32]).unwrap().spki();
    let to = Holder {
        name: "林藥師".to_owned(),
        card: CardKind::Professional,
        key,
        locked_key: None,
        document: None,
        certificate: None,
    };
    let rights = vec![Right::service(right).unwrap()];
    let until = "2021-12-31".parse().unwrap();
    Fact::Access(Access::Grant(Grant { to, rights, until, after: vec![], giver: None }))
}

#[test]
fn s19_s20_each_service_has_its_own_right() {
    let mut office = Office::lent(OPEN, 3);
    office.site.node().act_as(Acting::Nobody);
    assert!(office.try_ask(&book_ask(OTHER, &ten())).unwrap().is_ok(), "where nobody guards the service");
    let run = Hub::default().run("desk/5931102274/2021-07", ActorId([99; 16]), &[grant("masks")]);
    office.site.node().take_down(90, &run).unwrap();
    assert!(office.try_ask(&book_ask("05/P2/1965-03-15", &ten())).unwrap().is_ok(), "the masks are guarded, not this");
    let run = Hub::default().run("desk/5931102274/2021-07", ActorId([98; 16]), &[grant("booking")]);
    office.site.node().take_down(91, &run).unwrap();
    assert_eq!(bad(office.try_ask(&book_ask(OLD, &ten()))), BadAsk::NotSignedIn);
    let reading = office.site.reading();
    let question = office.site.node().ask_person(None, &document(OLD), reading);
    assert!(matches!(question, Err(NodeError::Ask(BadAsk::NotSignedIn))), "nor is the hub asked");
    assert!(office.site.node().expected("2021-07-12".parse().unwrap(), reading).is_err());
    let id = shared::ids::StaffId::of_key(&StaffKey::from_seed(&[3; 32]).unwrap().spki());
    office.site.node().act_as(Acting::Person { id, name: "林藥師".to_owned() });
    assert!(office.try_ask(&book_ask(OLD, &ten())).unwrap().is_ok());
    office.site.node().act_as(Acting::Folder);
    let site: &mut Site = &mut office.site;
    let lines = site.node().export(0, 9).unwrap().lines;
    assert!(lines.iter().any(|line| line.contains("林藥師") && line.contains("\"booked\"")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("王大明") || line.contains("0912345678")), "no name, no number");
}
