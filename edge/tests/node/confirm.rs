//! Before the nation's list refuses somebody, the hub is asked; what it answers takes the list's place.

use shared::entry::Pieces;
use shared::ids::EntryId;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::rules::refusal::Refusal;
use shared::seal::mark;
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed};

use super::town::{Hub, Site, document, elsewhere, keys, sale, second};

const EVEN: &str = "05/P2/1986-03-15";
const CARD: &str = "01/A123456789/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];
const KIT: &[&str] = &["kit-2022-10-01"];

/// A site that has heard of a purchase elsewhere on the sixth.
fn told(who: &str) -> Site {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    let news = Hub::default().news("mask", "2020-02-06 10:00", who, elsewhere(1), 2);
    site.node().take_feed(0, &[news]).unwrap();
    site
}

fn question(site: &mut Site, who: &str) -> Option<Confirm> {
    let reading = site.reading();
    site.node().question(None, &document(who), reading).unwrap()
}

fn answer(feed: u64, purchases: &[(&str, EntryId, u32)]) -> Confirmed {
    let bought = |(at, sale, adult): &(&str, EntryId, u32)| Bought {
        day: taipei_day(second(at)),
        mark: mark(sale),
        pieces: Pieces { adult: *adult, child: 0 },
    };
    Confirmed { nonce: [0; 16], feed, purchases: Some(purchases.iter().map(bought).collect()) }
}

fn sells(site: &mut Site, who: &str, hub: &Confirmed) -> Result<u32, Refusal> {
    let reading = site.reading();
    let sold = site.node().sell_confirmed(&sale(who, 2, 0), Some(hub), reading).unwrap();
    sold.map(|sold| sold.into_inner().pieces.adult)
}

/// What may still be bought by the hub's answer.
fn left(site: &mut Site, hub: &Confirmed) -> u32 {
    let (ask, reading) = (edge::node::ask::Examine { programme: None, document: document(CARD) }, site.reading());
    site.node().examine_confirmed(&ask, Some(hub), reading).unwrap().map_or(0, |found| found.allowance.most())
}

fn said(refusal: &Refusal) -> Vec<String> {
    refusal.evidence().iter().map(|evidence| evidence.en()).collect()
}

#[test]
fn only_about_whom_the_list_names_the_hub_is_asked() {
    let mut site = told(EVEN);
    assert!(question(&mut site, EVEN).is_some());
    assert_eq!(question(&mut site, "05/P4/1986-03-15"), None, "nobody says anything of them");
    assert_eq!(question(&mut site, "01/A123456788/1986-03-15"), None, "no number");
    site.sell("05/P4/1986-03-15", 2, 0).unwrap();
    assert_eq!(question(&mut site, "05/P4/1986-03-15"), None, "what was sold here is known here");
    site.at("2020-02-13 09:00");
    assert_eq!(question(&mut site, EVEN), None, "the purchase matters no more");
}

#[test]
fn a_question_is_sealed_and_never_the_same_twice() {
    let mut site = told(EVEN);
    let (one, other) = (question(&mut site, EVEN).unwrap(), question(&mut site, EVEN).unwrap());
    assert_eq!((one.programme.as_str(), one.from), ("mask", "2020-02-02".parse().unwrap()));
    assert!(one.nonce != other.nonce && one.document != other.document);
    let opened = keys().open(&Confirm::place(one.nonce), 0, &one.document).unwrap();
    assert_eq!(opened, Document::parse("05", "P2", "1986-03-15", "2020-02-08".parse().unwrap()).unwrap());
    assert!(keys().open(&Confirm::place(other.nonce), 0, &one.document).is_err(), "it is moved to no other");
}

#[test]
fn whom_the_hub_does_not_know_is_no_buyer_whatever_the_list_says() {
    let mut site = told(EVEN);
    assert_eq!(site.sell(EVEN, 2, 0).unwrap_err().code(), "bought");
    assert_eq!(sells(&mut site, EVEN, &answer(1, &[])), Ok(2));
    assert_eq!(said(&site.sell(EVEN, 2, 0).unwrap_err())[1..], ["the nation's live list of 2020-02-06"]);
}

#[test]
fn what_the_hub_confirms_refuses_with_the_next_day_and_says_whence_it_is_known() {
    let mut site = told(EVEN);
    let refusal = sells(&mut site, EVEN, &answer(9, &[("2020-02-07 10:00", elsewhere(2), 2)])).unwrap_err();
    assert_eq!((refusal.code(), refusal.next()), ("bought", Some("2020-02-14".parse().unwrap())));
    assert_eq!(said(&refusal), ["a purchase of 2020-02-07 that the hub confirms"]);
    // What was bought before today's window does not.
    assert_eq!(sells(&mut site, EVEN, &answer(9, &[("2020-02-01 10:00", elsewhere(2), 2)])), Ok(2));
}

#[test]
fn a_hub_that_knows_less_than_the_list_or_cannot_open_the_question_changes_nothing() {
    let mut site = told(EVEN);
    let of_list = Err(site.sell(EVEN, 2, 0).unwrap_err());
    assert_eq!(sells(&mut site, EVEN, &answer(0, &[])), of_list);
    assert_eq!(sells(&mut site, EVEN, &Confirmed { nonce: [0; 16], feed: 1, purchases: None }), of_list);
}

#[test]
fn a_sale_of_ours_counts_once_beside_what_the_hub_says() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    let sold = site.sell(CARD, 2, 0).unwrap();
    let both = answer(9, &[("2022-10-05 09:00", sold.id, 2), ("2022-10-05 08:00", elsewhere(1), 3)]);
    let other = answer(9, &[("2022-10-05 08:00", elsewhere(1), 3)]);
    assert_eq!(left(&mut site, &both), 1, "the hub has it");
    assert_eq!(left(&mut site, &other), 1, "the hub has not heard of it");
    site.withdraw(sold.id).unwrap();
    assert_eq!(left(&mut site, &both), 3, "the hub has not heard that it was taken back");
    assert_eq!(left(&mut site, &other), 3);
}
