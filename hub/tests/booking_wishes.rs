//! Wishes in their order, however many wait; what a question for places gets, and which rounds are published.
#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use booking::{
    OPEN, account, book, capacity, greet_plainly, hub, leases, offer, person, rebuilds_to_the_same, send, slot, wish,
    wish_in,
};
use edge::{A, B, C, Edge, canonical, id, number, second};
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::access::ServiceStanding;
use shared::ids::SiteCode;
use shared::wire::v1::enquiry::{About, Answered, Enquiry};

/// A and B were heard, and sixteen places are offered.
fn lent() -> (Hub, [Edge; 2]) {
    let mut hub = hub();
    let edges = [Edge::new(A, 1), Edge::new(B, 2)];
    edges.iter().for_each(|edge| greet_plainly(&mut hub, edge, OPEN));
    offer(&mut hub, OPEN, "10:00", 16);
    (hub, edges)
}

#[test]
fn a_site_gets_no_more_by_asking_as_one_new_life_after_another() {
    let mut hub = hub();
    // Nobody was heard but for C: the others ask all the same.
    greet_plainly(&mut hub, &Edge::new(C, 9), OPEN);
    offer(&mut hub, OPEN, "11:00", 400);
    let site = B.parse().unwrap();
    let mut ask = |life: u8| {
        let ask = Enquiry { nonce: [1; 16], about: About::Places { slot: slot("11:00"), places: 8 } };
        let told = hub.enquire(&site, &booking::incarnation(life), &ask, second("2021-07-07T09:30")).unwrap();
        if let Answered::Places { lent, .. } = told.answer { Some(lent) } else { None }
    };
    let lent: Vec<Option<u32>> = (50..54).map(&mut ask).collect();
    assert_eq!(lent, [Some(8), Some(8), None, None], "what a life holds that is gone is lost to its site");
}

#[test]
fn a_wish_at_a_site_whose_service_was_refused_waits_until_it_is_approved() {
    let (mut hub, [mut a, mut b]) = lent();
    let service = "booking".parse().unwrap();
    let answer = |hub: &mut Hub, site: &SiteCode, standing| {
        hub.answer_service(site, (&service, standing), ("停用", "op"), second(OPEN)).unwrap().unwrap();
    };
    answer(&mut hub, &a.site, ServiceStanding::Refused);
    let first = wish(&mut a, "2021-07-07T09:20", &person(&number(7)), &["10:00"]);
    let next = wish(&mut b, "2021-07-07T09:30", &person(&number(8)), &["10:00"]);
    send(&mut hub, "2021-07-07T10:00", &[first.clone(), next]);
    let waiting = |hub: &Hub| hub.waiting_wishes(10).unwrap().iter().map(|wish| wish.id).collect::<Vec<_>>();
    assert_eq!(waiting(&hub), [id(&first)]);
    answer(&mut hub, &a.site, ServiceStanding::Approved);
    hub.lend(second("2021-07-07T10:01")).unwrap();
    assert_eq!(waiting(&hub), []);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn whoever_used_the_number_that_a_wish_is_given_is_judged_again() {
    let (mut hub, [mut a, mut b]) = lent();
    offer(&mut hub, OPEN, "11:00", 0);
    let wished = wish(&mut a, "2021-07-07T09:10", &person(&number(7)), &["11:00"]);
    send(&mut hub, "2021-07-07T10:00", &[wished]);
    // The next number, which nobody has been given, by two people; one of them twice.
    let lease = leases(&hub, &b.site)[0].0;
    let used: Vec<Upload> =
        [1, 2, 2].map(|n| book(&mut b, "2021-07-07T09:30", &person(&number(n)), (lease, "10:00", 201))).into();
    send(&mut hub, "2021-07-07T10:01", &used);
    let twice = |hub: &Hub| canonical(hub).matches("number-twice").count();
    assert_eq!(twice(&hub), 2, "all but the first");
    offer(&mut hub, "2021-07-07T10:05", "11:00", 1);
    assert_eq!(hub.waiting_wishes(10).unwrap(), []);
    assert_eq!(twice(&hub), 3, "the wish was first");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn very_many_wishes_are_answered_in_several_turns_in_their_order() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    greet_plainly(&mut hub, &a, OPEN);
    offer(&mut hub, OPEN, "11:00", 0);
    let wishes: Vec<Upload> = (0..1_100)
        .map(|n| wish(&mut a, &format!("2021-07-07T09:{:02}", 10 + n / 30), &person(&number(n)), &["11:00"]))
        .collect();
    for part in wishes.chunks(100) {
        send(&mut hub, "2021-07-07T10:00", part);
    }
    assert_eq!(hub.waiting_wishes(2_000).unwrap().len(), 1_100);
    let count = |hub: &Hub| (hub.waiting_wishes(2_000).unwrap().len(), account(hub, "11:00").lent);
    let capacity = [capacity("11:00", 2_000)];
    hub.put_capacities(&capacity, "op", second("2021-07-07T10:05")).unwrap().unwrap();
    while count(&hub).0 > 0 {
        assert_eq!(count(&hub).1, 0, "whoever waits comes first");
        assert!(hub.lend(second("2021-07-07T10:06")).unwrap() > 0);
    }
    hub.lend(second("2021-07-07T10:07")).unwrap();
    let account = account(&hub, "11:00");
    assert_eq!((account.granted, account.lent), (1_100, 675));
}

#[test]
fn wishes_of_a_round_that_nobody_knows_keep_nobody_waiting() {
    let (mut hub, [mut a, mut b]) = lent();
    offer(&mut hub, OPEN, "11:00", 0);
    let strange = wish_in("strange", &mut a, "2021-07-07T09:10", (&person(&number(7)), &["11:00"]));
    let good = wish(&mut b, "2021-07-07T09:20", &person(&number(8)), &["11:00"]);
    send(&mut hub, "2021-07-07T10:00", &[strange.clone(), good]);
    offer(&mut hub, "2021-07-07T10:05", "11:00", 1);
    assert_eq!(hub.waiting_wishes(10).unwrap().iter().map(|wish| wish.id).collect::<Vec<_>>(), [id(&strange)]);
    let (_, text) = shared::rules::programme::shipped_rounds()[0];
    let other =
        text.replace("vaccine-2021-r1", "strange").replace("first_day = \"2021-07-12\"", "first_day = \"2021-07-11\"");
    offer(&mut hub, "2021-07-07T10:06", "11:00", 2);
    hub.publish_round(&other, "op", second("2021-07-07T10:10")).unwrap().unwrap();
    assert_eq!(hub.waiting_wishes(10).unwrap(), [], "now it is known");
}

#[test]
fn two_rounds_of_a_programme_do_not_begin_on_one_day() {
    let mut hub = hub();
    let (_, text) = shared::rules::programme::shipped_rounds()[0];
    let other = text.replace("vaccine-2021-r1", "vaccine-2021-r2");
    let before = hub.journal_position().unwrap();
    let bad = hub.publish_round(&other, "op", second(OPEN)).unwrap().unwrap_err();
    assert_eq!(text.lines().nth(bad.line - 1).unwrap(), "first_day = \"2021-07-12\"");
    assert!(bad.zh().contains("首日") && bad.en().contains("first day of another published round"), "{bad}");
    assert_eq!((hub.rounds().unwrap().len(), hub.journal_position().unwrap()), (1, before));
    hub.publish_round(text, "op", second(OPEN)).unwrap().unwrap();
    for (_, text) in shared::rules::programme::shipped_rounds() {
        hub.publish_round(text, "op", second(OPEN)).unwrap().unwrap();
    }
    hub.publish_round(include_str!("../../scripts/demo/round.toml"), "op", second(OPEN)).unwrap().unwrap();
}
