//! Before the nation's list refuses somebody, the hub is asked; what it answers takes the list's place.

use edge::node::ask::{DisputeRequest, Examine, RecordRequest};
use edge::node::confirm::{Confirmation, Question};
use shared::entry::{ClearedDay, Exception, Fact, Pieces, Standing};
use shared::ids::{ActorId, CaseId, EntryId, Incarnation};
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::rules::refusal::Refusal;
use shared::seal::{HubKeys, Secret, mark};
use shared::sign::Signer;
use shared::sync::handshake::welcome;
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed};
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::Welcome;

use super::town::{HUB_LIFE, Hub, Site, document, elsewhere, keys, sale, second};

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

fn question(site: &mut Site, who: &str) -> Option<Question> {
    let reading = site.reading();
    site.node().question(None, &document(who), reading).unwrap()
}

/// What the hub says of somebody whom the list names, from the first day on that matters.
fn answer(site: &mut Site, who: &str, feed: u64, purchases: &[(&str, EntryId, u32)]) -> Confirmation {
    let bought = |(at, sale, adult): &(&str, EntryId, u32)| Bought {
        day: taipei_day(second(at)),
        mark: mark(sale),
        pieces: Pieces { adult: *adult, child: 0 },
    };
    let question = question(site, who).unwrap();
    let from = question.ask.from;
    let purchases = Some(purchases.iter().map(bought).collect());
    let said = Confirmed { nonce: question.ask.nonce, feed, from, purchases };
    question.answered(said)
}

fn sells(site: &mut Site, who: &str, hub: &Confirmation) -> Result<u32, Refusal> {
    let reading = site.reading();
    let sold = site.node().sell_confirmed(&sale(who, 2, 0), Some(hub), reading).unwrap();
    sold.map(|sold| sold.into_inner().pieces.adult)
}

/// What may still be bought by the hub's answer.
fn left(site: &mut Site, hub: &Confirmation) -> u32 {
    let (ask, reading) = (Examine { programme: None, document: document(CARD) }, site.reading());
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
    assert_eq!((one.ask.programme.as_str(), one.ask.from), ("mask", "2020-02-02".parse().unwrap()));
    assert!(one.ask.nonce != other.ask.nonce && one.ask.document != other.ask.document);
    let opened = keys().open(&Confirm::place(one.ask.nonce), 0, &one.ask.document).unwrap();
    assert_eq!(opened, Document::parse("05", "P2", "1986-03-15", "2020-02-08".parse().unwrap()).unwrap());
    assert!(keys().open(&Confirm::place(other.ask.nonce), 0, &one.ask.document).is_err(), "it is moved to no other");
}

#[test]
fn whom_the_hub_does_not_know_is_no_buyer_whatever_the_list_says() {
    let mut site = told(EVEN);
    assert_eq!(site.sell(EVEN, 2, 0).unwrap_err().code(), "bought");
    let nobody = answer(&mut site, EVEN, 1, &[]);
    assert_eq!(sells(&mut site, EVEN, &nobody), Ok(2));
    assert_eq!(said(&site.sell(EVEN, 2, 0).unwrap_err())[1..], ["the nation's live list of 2020-02-06"]);
}

#[test]
fn what_the_hub_confirms_refuses_with_the_next_day_and_says_whence_it_is_known() {
    let mut site = told(EVEN);
    let recent = answer(&mut site, EVEN, 9, &[("2020-02-07 10:00", elsewhere(2), 2)]);
    let refusal = sells(&mut site, EVEN, &recent).unwrap_err();
    assert_eq!((refusal.code(), refusal.next()), ("bought", Some("2020-02-14".parse().unwrap())));
    assert_eq!(said(&refusal), ["a purchase of 2020-02-07 that the hub confirms"]);
    // What was bought before today's window does not.
    let old = answer(&mut site, EVEN, 9, &[("2020-02-01 10:00", elsewhere(2), 2)]);
    assert_eq!(sells(&mut site, EVEN, &old), Ok(2));
}

#[test]
fn an_answer_that_does_not_fit_changes_nothing() {
    let mut site = told(EVEN);
    let of_list = Err(site.sell(EVEN, 2, 0).unwrap_err());
    let right = answer(&mut site, EVEN, 1, &[]).said().clone();
    let silent = Confirmed { purchases: None, ..right.clone() };
    let behind = Confirmed { feed: 0, ..right.clone() };
    let later = Confirmed { from: "2020-02-03".parse().unwrap(), ..right.clone() };
    for (what, said) in [("cannot say", silent), ("knows less than the list", behind), ("a day is missing", later)] {
        let answer = question(&mut site, EVEN).unwrap().answered(said);
        assert_eq!(sells(&mut site, EVEN, &answer), of_list, "{what}");
    }
    let mut other = question(&mut site, EVEN).unwrap();
    other.ask.programme = "kit".parse().unwrap();
    assert_eq!(sells(&mut site, EVEN, &other.answered(right.clone())), of_list, "about another programme");
    let before = question(&mut site, EVEN).unwrap().answered(right);
    let life = Incarnation([77; 16]);
    site.node().resume(&welcome(life, 0, None, 0)).unwrap();
    let news = Hub::default().news("mask", "2020-02-06 10:00", EVEN, elsewhere(1), 2);
    site.node().take_feed(0, &[news]).unwrap();
    assert_eq!(sells(&mut site, EVEN, &before), of_list, "of a hub before");
}

#[test]
fn a_sale_of_ours_counts_once_beside_what_the_hub_says() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    let news = Hub::default().news("kit", "2022-10-05 08:00", CARD, elsewhere(1), 3);
    site.node().take_feed(0, &[news]).unwrap();
    let sold = site.sell(CARD, 2, 0).unwrap();
    let theirs = ("2022-10-05 08:00", elsewhere(1), 3);
    let both = answer(&mut site, CARD, 9, &[("2022-10-05 09:00", sold.id, 2), theirs]);
    let other = answer(&mut site, CARD, 9, &[theirs]);
    assert_eq!(left(&mut site, &both), 1, "the hub has it");
    assert_eq!(left(&mut site, &other), 1, "the hub has not heard of it");
    site.withdraw(sold.id).unwrap();
    assert_eq!(left(&mut site, &both), 3, "the hub has not heard that it was taken back");
    assert_eq!(left(&mut site, &other), 3);
}

/// Found by a reader: the other purchase was taken back, so that ours counts again, and this site has not heard it.
#[test]
fn a_sale_of_ours_that_was_over_counts_again_where_the_hub_says_so() {
    let mut site = told(EVEN);
    let reading = site.reading();
    let ours = site
        .node()
        .record(&RecordRequest { sale: sale(EVEN, 2, 0), happened: "2020-02-07T10:00:00".parse().unwrap() }, reading);
    let ours = ours.unwrap().unwrap().into_inner();
    let over = Fact::Standing(Standing { sale: ours.id, over: true });
    let desk = Hub::default().run("desk/5931102274/2020-02", ActorId([3; 16]), &[over]);
    site.node().take_down(2, &desk).unwrap();
    let again = answer(&mut site, EVEN, 2, &[("2020-02-07 10:00", ours.id, 2)]);
    let refusal = sells(&mut site, EVEN, &again).unwrap_err();
    assert_eq!(refusal.next(), Some("2020-02-14".parse().unwrap()));
    assert_eq!(said(&refusal), ["this site's sale of 2020-02-07 10:00"]);
}

/// By the list alone it is the other way round: the desk is the newer word.
#[test]
fn a_sale_of_ours_that_is_over_counts_no_more_though_the_list_still_has_it() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    let ours = site.sell(EVEN, 2, 0).unwrap();
    let news = Hub::default().news("mask", "2020-02-08 09:00", EVEN, ours.id, 2);
    site.node().take_feed(0, &[news]).unwrap();
    let over = Fact::Standing(Standing { sale: ours.id, over: true });
    site.node().take_down(2, &Hub::default().run("desk/5931102274/2020-02", ActorId([3; 16]), &[over])).unwrap();
    assert_eq!(site.examine(EVEN).unwrap().allowance.adult, 2);
}

/// An operator's grant was taken back, and this site has not heard it.
#[test]
fn what_was_cleared_counts_again_where_the_hub_says_so() {
    let mut site = told(EVEN);
    let (programme, day) = ("mask".parse().unwrap(), "2020-02-06".parse().unwrap());
    let key = HubKeys::new(&Secret::new([8; 32])).unwrap().day(&programme, day).unwrap();
    let person = Document::parse("05", "P2", "1986-03-15", day).unwrap().person();
    let days = vec![ClearedDay { day, fingerprint: key.fingerprint(&person), marks: vec![] }];
    let granted = Fact::Exception(Exception { case: CaseId([1; 16]), programme, holds: true, upto: 9, days });
    site.node().take_down(3, &Hub::default().run("nation/2020-02", ActorId([3; 16]), &[granted])).unwrap();
    assert_eq!(site.examine(EVEN).unwrap().allowance.adult, 2, "cleared");
    // Something else on the list makes the site ask.
    let news = Hub { upto: 1 }.news("mask", "2020-02-07 10:00", EVEN, elsewhere(2), 2);
    site.node().take_feed(1, &[news]).unwrap();
    let said = answer(&mut site, EVEN, 9, &[("2020-02-06 10:00", elsewhere(1), 2)]);
    assert_eq!(sells(&mut site, EVEN, &said).unwrap_err().next(), Some("2020-02-13".parse().unwrap()));
}

#[test]
fn whom_the_hub_refuses_gets_the_slip_and_may_object_by_what_the_hub_says() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted_by_a_hub_that_reads_disputes(&mut site);
    let news = Hub::default().news("kit", "2022-10-04 08:00", CARD, elsewhere(1), 1);
    site.node().take_feed(0, &[news]).unwrap();
    let all =
        answer(&mut site, CARD, 9, &[("2022-10-04 08:00", elsewhere(1), 1), ("2022-10-05 08:00", elsewhere(2), 5)]);
    let (ask, reading) = (Examine { programme: None, document: document(CARD) }, site.reading());
    assert!(site.node().slip(&ask, None, reading).is_err(), "by the list alone there is something left");
    let slip = site.node().slip(&ask, Some(&all), reading).unwrap().unwrap();
    let days: Vec<String> = slip.found.iter().map(|found| found.day.to_string()).collect();
    assert_eq!(days, ["2022-10-04", "2022-10-05"]);
    let ask = DisputeRequest {
        request: None,
        programme: None,
        document: document(CARD),
        reason: "沒有買過".to_owned(),
        by: "王藥師".to_owned(),
    };
    let disputed = site.node().dispute(&ask, Some(&all), reading).unwrap().unwrap().into_inner();
    assert_eq!(disputed.found, slip.found);
}

fn greeted_by_a_hub_that_reads_disputes(site: &mut Site) {
    let signer = Signer::derive(&[4; 32], b"hub").unwrap().public();
    let life = HubLife {
        renew: false,
        journal: 1,
        signer,
        wants_keys: false,
        disputes: true,
        confirms: true,
        access: true,
        booking: false,
    };
    site.node().resume(&Welcome { life: Some(life), ..welcome(HUB_LIFE, 0, None, 0) }).unwrap();
}
