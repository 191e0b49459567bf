//! Who is lent places at once because they have none: new lives, and whoever has given away nearly all (docs/booking.md).
#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use booking::{OPEN, account, book, greet_plainly, hub, leases, offer, person, rebuilds_to_the_same, send, slot, wish};
use edge::{A, B, C, Edge, number, second};
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::booking::{Capacity, Slot};

const HOURS: [&str; 12] =
    ["09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00"];

/// What a life was lent: how many places of how many slots.
fn lent(hub: &Hub, edge: &Edge) -> (u32, usize) {
    let leases = leases(hub, &edge.site);
    let own: Vec<u32> =
        leases.iter().filter(|(_, lease)| lease.life == edge.incarnation).map(|(_, lease)| lease.places).collect();
    (own.iter().sum(), own.len())
}

/// A, of the venue's district, the venue's own site, and slots of which all is lent that is lent.
fn all_is_lent(slots: usize) -> (Hub, [Edge; 2]) {
    let mut hub = hub();
    let edges = [Edge::new(A, 1), Edge::new(C, 2)];
    edges.iter().for_each(|edge| greet_plainly(&mut hub, edge, OPEN));
    HOURS[..slots].iter().for_each(|hour| offer(&mut hub, OPEN, hour, 8));
    (hub, edges)
}

#[test]
fn a_new_life_is_lent_some_of_what_is_kept_where_the_old_one_holds_its_share() {
    let (mut hub, [a, _]) = all_is_lent(12);
    let (before, _) = lent(&hub, &a);
    assert!(before > 24, "half of six places of each of twelve slots, and somewhat more: {before}");
    let new = Edge::new(A, 3);
    greet_plainly(&mut hub, &new, "2021-07-07T09:01");
    assert_eq!(lent(&hub, &new), (8, 8), "one place each");
    for hour in HOURS {
        let account = account(&hub, hour);
        assert!(account.free() >= 1, "the last place stays for whoever asks: {hour} {account:?}");
    }
    greet_plainly(&mut hub, &new, "2021-07-07T09:02");
    assert_eq!(lent(&hub, &new), (8, 8), "once");
    // Lives without end do not get everything.
    for life in 4..40 {
        greet_plainly(&mut hub, &Edge::new(A, life), "2021-07-07T09:03");
    }
    assert!(HOURS.iter().all(|hour| account(&hub, hour).free() >= 1));
    rebuilds_to_the_same(&mut hub);
}

/// Five days, twelve hours, two vaccines.
fn many_slots() -> Vec<Capacity> {
    let days = ["2021-07-12", "2021-07-13", "2021-07-14", "2021-07-15", "2021-07-16"];
    let of = |date: &str, hour: &str, brands: &str| Slot {
        date: date.parse().unwrap(),
        brands: brands.parse().unwrap(),
        ..slot(hour)
    };
    let hours = days.iter().flat_map(|date| HOURS.iter().map(move |hour| (*date, *hour)));
    let slots = hours.flat_map(|(date, hour)| ["AZ", "MO"].map(|brands| of(date, hour, brands)));
    slots.map(|slot| Capacity { slot, places: 8, closed: false }).collect()
}

#[test]
fn what_is_kept_of_late_days_is_lent_when_that_of_the_first_is_gone() {
    let (mut hub, _) = all_is_lent(0);
    hub.put_capacities(&many_slots(), "op", second(OPEN)).unwrap().unwrap();
    // One place of each of 120 slots may go.
    for life in 4..19 {
        let new = Edge::new(A, life);
        greet_plainly(&mut hub, &new, "2021-07-07T09:03");
        assert_eq!(lent(&hub, &new), (8, 8), "life {life}");
    }
    let late = Edge::new(A, 19);
    greet_plainly(&mut hub, &late, "2021-07-07T09:04");
    assert_eq!(lent(&hub, &late), (0, 0));
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn who_returns_nothing_is_lent_nothing_more_of_what_is_kept() {
    let (mut hub, _) = all_is_lent(0);
    let places = |slot: Slot| Capacity { slot, places: 8, closed: false };
    // Of a round that is open for longer than a lease.
    let (_, text) = shared::rules::programme::shipped_rounds()[0];
    hub.publish_round(&text.replace("2021-07-09T17:00", "2021-07-14T17:00"), "op", second(OPEN)).unwrap().unwrap();
    let slots = many_slots().into_iter().filter(|of| of.slot.date.to_string() == "2021-07-16");
    hub.put_capacities(&slots.map(|of| places(of.slot)).collect::<Vec<_>>(), "op", second(OPEN)).unwrap().unwrap();
    let new = Edge::new(A, 4);
    greet_plainly(&mut hub, &new, "2021-07-07T09:03");
    assert_eq!(lent(&hub, &new).0, 8);
    greet_plainly(&mut hub, &new, "2021-07-11T09:03");
    assert_eq!(lent(&hub, &new).0, 8, "its leases are over, and it holds them");
}

#[test]
fn a_wish_goes_before_who_holds_few() {
    let (mut hub, [mut a, _]) = all_is_lent(1);
    hub.begin_new_life().unwrap();
    let wished = wish(&mut a, "2021-07-07T09:05", &person(&number(1)), &["09:00"]);
    send(&mut hub, "2021-07-07T09:06", &[wished]);
    assert_eq!(hub.waiting_wishes(10).unwrap().len(), 1, "a restored hub grants nothing");
    hub.resume_lending(second("2021-07-07T09:07")).unwrap();
    assert_eq!(hub.waiting_wishes(10).unwrap(), [], "and then what waits first");
}

#[test]
fn who_lies_elsewhere_in_the_county_is_lent_nothing_of_what_is_kept() {
    let (mut hub, _) = all_is_lent(12);
    let b = Edge::new(B, 4);
    greet_plainly(&mut hub, &b, "2021-07-07T09:01");
    assert_eq!(lent(&hub, &b), (0, 0));
}

#[test]
fn who_has_given_away_nearly_all_is_lent_more_while_the_line_is_up() {
    let (mut hub, [mut a, _]) = all_is_lent(2);
    let before = lent(&hub, &a);
    let mut serial = 0;
    let mut uploads: Vec<Upload> = Vec::new();
    for (id, lease) in leases(&hub, &a.site) {
        let hour = lease.slot.start.to_string();
        for _ in 1..lease.places {
            serial += 1;
            let document = person(&number(u32::try_from(serial).unwrap()));
            uploads.push(book(&mut a, "2021-07-07T09:30", &document, (id, &hour, serial)));
        }
    }
    send(&mut hub, "2021-07-07T09:31", &uploads);
    let after = lent(&hub, &a);
    assert!(after.0 > before.0, "it held one place of each: {before:?} {after:?}");
    assert!(HOURS[..2].iter().all(|hour| account(&hub, hour).free() >= 1));
    rebuilds_to_the_same(&mut hub);
}
