//! Who is lent places at once because they have none: new lives, and whoever has given away nearly all (docs/booking.md).
#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use booking::{OPEN, account, book, greet_plainly, hub, leases, offer, person, rebuilds_to_the_same, send};
use edge::{A, B, C, Edge, number};
use hub::hub::Hub;
use hub::ingest::Upload;

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
