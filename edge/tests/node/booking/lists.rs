//! Who may book by a round's list, and who has booked by the nation's: no list is no refusal (V2, V13).

use edge::node::ask::{BookingRef, LookedUp};
use shared::digest::{Day, Manifest};
use shared::entry::Pieces;
use shared::entry::booking::Shown;
use shared::rules::booking::listing::Listing;
use shared::rules::booking::refusal::{BookedKnown, BookingRefusal};
use shared::wire::v1::message::Piece;

use super::office::{OLD, Office, YOUNG, hub_signer, ten};
use crate::digests::{fetch, layer};
use crate::town::{HUB_LIFE, Hub, elsewhere};

const OPEN: &str = "2021-07-06 13:06";
const FIRST_DAY: &str = "2021-07-12 00:00";
const OTHER: &str = "01/C123456781/1991-03-15";

fn registered() -> Listing {
    Listing { registered: true, ..Listing::default() }
}

/// A manifest of these days comes.
fn told(office: &mut Office, made: i64, upto: u64, days: Vec<Day>) {
    let manifest = Manifest { hub_life: HUB_LIFE, upto, second: made, days };
    office.site.node().take_manifest(upto, &manifest.sign(&hub_signer())).unwrap();
}

fn list(people: &[(&str, Listing)], upto: u64) -> (Day, Vec<u8>) {
    let people: Vec<(&str, Pieces)> = people.iter().map(|(who, listing)| (*who, listing.packed())).collect();
    layer("vaccine-list", FIRST_DAY, upto, &people, true)
}

fn shown(office: &mut Office, who: &str) -> Shown {
    match office.look_up(who, None) {
        Ok(LookedUp::May(may)) => may.shown,
        other => panic!("{other:?}"),
    }
}

#[test]
fn v2_who_is_not_on_the_list_is_refused_only_where_the_list_is_here() {
    let mut office = Office::lent(OPEN, 3);
    assert_eq!(shown(&mut office, YOUNG), Shown::Unseen, "no list has come");
    let (day, body) = list(&[(YOUNG, registered())], 50);
    told(&mut office, 100, 50, vec![day]);
    assert_eq!(shown(&mut office, OTHER), Shown::Unseen, "it is named, and not here");
    fetch(&mut office.site, &body);
    for _ in 0..2 {
        assert_eq!(shown(&mut office, YOUNG), Shown::List);
        let refusal = office.look_up(OTHER, None).unwrap_err();
        assert_eq!(refusal.modal(), "您不符合本期可施打資格[C][R01-1]", "V2");
        assert_eq!(office.try_book(OTHER, &ten()), "您不符合本期可施打資格[C][R01-1]");
        assert_eq!(shown(&mut office, OLD), Shown::Age);
        office.site.crash();
    }
    let (newer, newer_body) = list(&[(OTHER, registered())], 60);
    let (first, _) = list(&[(YOUNG, registered())], 50);
    let both = Day { layers: [first.layers, newer.layers].concat(), ..newer };
    told(&mut office, 200, 60, vec![both]);
    assert_eq!(shown(&mut office, OTHER), Shown::Unseen, "a newer part of it is still on its way");
    fetch(&mut office.site, &newer_body);
    assert_eq!((shown(&mut office, OTHER), shown(&mut office, YOUNG)), (Shown::List, Shown::List));
    assert_eq!(office.try_book(YOUNG, &ten()), "AZ01-0000014637");
}

#[test]
fn what_the_list_says_of_doses_and_brands_counts() {
    let mut office = Office::lent(OPEN, 9);
    let last = |day: &str, brand| Listing { last: Some((day.parse().unwrap(), brand)), doses: 1, ..registered() };
    let people = [
        (YOUNG, Listing { wants: 0b10, ..registered() }),
        (OTHER, last("2021-06-01", 1)),
        ("01/D123456782/1991-03-15", last("2021-04-01", 1)),
        ("01/E123456783/1991-03-15", Listing { category: 3, ..Listing::default() }),
    ];
    let (day, body) = list(&people, 50);
    told(&mut office, 100, 50, vec![day]);
    fetch(&mut office.site, &body);
    let codes: Vec<String> = people
        .iter()
        .map(|(who, _)| {
            office.book(who, &ten()).map_or_else(|refusal| refusal.code().to_owned(), |_| "booked".to_owned())
        })
        .collect();
    assert_eq!(codes, ["brand", "interval", "booked", "eligible"]);
}

#[test]
fn v13_who_has_booked_elsewhere_is_refused_and_it_is_said_that_it_cannot_be_shown() {
    let mut office = Office::lent(OPEN, 3);
    let mut hub = Hub::default();
    let booked = hub.news("vaccine", FIRST_DAY, OLD, elsewhere(1), 1);
    office.site.node().take_feed(0, &[booked]).unwrap();
    let refusal = BookingRefusal::Booked { known: BookedKnown::List };
    assert_eq!(office.look_up(OLD, None).unwrap_err(), refusal);
    assert_eq!(office.book(OLD, &ten()).unwrap_err(), refusal);
    let gone = hub.news("vaccine", FIRST_DAY, OLD, elsewhere(1), -1);
    office.site.node().take_feed(1, &[gone]).unwrap();
    let booked = office.book(OLD, &ten()).unwrap();
    // Its own item comes back to it, and after the cancellation still stands in the list for a while.
    let own = hub.news("vaccine", FIRST_DAY, OLD, booked.id, 1);
    office.site.node().take_feed(2, &[own]).unwrap();
    assert_eq!(office.book(OLD, &ten()).unwrap_err(), BookingRefusal::Booked { known: BookedKnown::Own });
    office.cancel(BookingRef::Entry(booked.id), OLD).unwrap();
    office.site.crash();
    assert_eq!(office.try_book(OLD, &ten()), "AZ01-0000014638", "cancel and book again, also without a line");
}

#[test]
fn v13_a_digest_of_who_has_booked_refuses_those_whom_this_site_did_not_book() {
    let mut office = Office::lent(OPEN, 3);
    let first = office.book(OLD, &ten()).unwrap();
    office.cancel(BookingRef::Entry(first.id), OLD).unwrap();
    let two = Pieces { adult: 1, child: 0 };
    let (day, body) = layer("vaccine", FIRST_DAY, 50, &[(OLD, two), ("05/P9/1965-03-15", two)], false);
    told(&mut office, 100, 50, vec![day]);
    fetch(&mut office.site, &body);
    let refused = office.book("05/P9/1965-03-15", &ten()).unwrap_err();
    assert_eq!(refused, BookingRefusal::Booked { known: BookedKnown::List });
    let refused = office.book(OLD, &ten()).unwrap_err();
    assert_eq!(refused, BookingRefusal::Booked { known: BookedKnown::List }, "nothing of ours had come to the hub");
}

#[test]
fn the_days_of_rounds_are_not_forgotten_while_they_matter_and_do_not_disturb_the_masks() {
    let mut office = Office::lent(OPEN, 3);
    let reading = office.site.reading();
    let known = office.site.node().status(reading).unwrap();
    let (day, body) = list(&[(YOUNG, registered())], 50);
    told(&mut office, 100, 50, vec![day]);
    let after = office.site.node().status(reading).unwrap();
    assert_eq!((after.lagging, after.known), (known.lagging, known.known), "a list on its way is no lag of the masks");
    fetch(&mut office.site, &body);
    // A long round: its first day lies further back than masks are remembered.
    let text = super::office::round(1, "2021-07-06T10:00", "2021-09-09T17:00", ("2021-07-12", "2021-09-16"));
    let round = shared::entry::booking::Round { text };
    office.nation(vec![shared::entry::booking::Booking::Round(round)]);
    office.at("2021-09-01 10:00");
    let mut hub = Hub { upto: 50 };
    for n in 0..3 {
        let news = hub.news("mask", "2021-09-01 09:00", "05/P2/1986-03-15", elsewhere(n), 1);
        office.site.node().take_feed(50 + u64::from(n), &[news]).unwrap();
    }
    assert_eq!(office.look_up(OTHER, None).unwrap_err().code(), "eligible", "the list is still here");
    office.at("2021-11-01 10:00");
    for n in 3..6 {
        let news = hub.news("mask", "2021-11-01 09:00", "05/P2/1986-03-15", elsewhere(n), 1);
        office.site.node().take_feed(50 + u64::from(n), &[news]).unwrap();
    }
    office.at("2021-09-01 10:00");
    assert_eq!(shown(&mut office, OTHER), Shown::Unseen, "once the round is over it goes");
}

#[test]
fn a_list_is_fetched_after_everything_that_masks_need() {
    let mut office = Office::lent(OPEN, 3);
    let (list, _) = list(&[(YOUNG, registered())], 50);
    let bought = [("05/P2/1986-03-15", Pieces { adult: 2, child: 0 })];
    let (masks, body) = layer("mask", "2021-07-05 10:00", 50, &bought, true);
    let (wanted_last, wanted_first) = (list.layers[0].id, masks.layers[0].id);
    told(&mut office, 100, 50, vec![masks, list]);
    assert_eq!(office.site.node().wanted(4_096).map(|fetch| fetch.layer), Some(wanted_first));
    office.site.node().take_piece(&Piece { layer: wanted_first, offset: 0, bytes: body }).unwrap();
    assert_eq!(office.site.node().wanted(4_096).map(|fetch| fetch.layer), Some(wanted_last));
}

#[test]
fn yesterdays_slot_is_past_and_a_list_of_another_round_says_nothing() {
    let mut office = Office::lent(OPEN, 3);
    let text = super::office::round(2, "2021-07-06T10:00", "2021-07-30T17:00", ("2021-07-01", "2021-07-20"));
    office.nation(vec![
        shared::entry::booking::Booking::Round(shared::entry::booking::Round { text }),
        super::office::capacity(&super::office::slot("2021-07-05", "10:00"), 5, false),
    ]);
    let yesterday = super::office::slot("2021-07-05", "10:00");
    assert_eq!(office.book(OLD, &yesterday).unwrap_err(), BookingRefusal::Past);
    let (day, body) = layer("vaccine-list", "2021-07-01 00:00", 50, &[(YOUNG, registered().packed())], true);
    told(&mut office, 100, 50, vec![day]);
    fetch(&mut office.site, &body);
    // The second round's list is here and the first one's is not.
    assert_eq!(office.book(OTHER, &yesterday).unwrap_err().code(), "eligible");
    assert_eq!(office.try_book(OTHER, &ten()), "AZ01-0000014637");
}
