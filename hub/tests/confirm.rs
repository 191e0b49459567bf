//! What the hub says of somebody whom a counter would refuse: what counts, since when it matters, and never where.

#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::Pieces;
use shared::ids::SiteCode;
use shared::seal::{SiteKeys, mark};
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed, PURCHASES_MAX};

const NONCE: [u8; 16] = [7; 16];

/// A site's question about somebody.
fn question(site: &str, number: &str, from: &str) -> Confirm {
    let site: SiteCode = site.parse().unwrap();
    let keys = SiteKeys::new(site, 1, &site_secret(site)).unwrap();
    let sealed = keys.seal(&Confirm::place(NONCE), 0, &document(number)).unwrap();
    Confirm { programme: "mask".parse().unwrap(), from: from.parse().unwrap(), nonce: NONCE, document: sealed }
}

fn ask(hub: &Hub, site: &str, question: &Confirm) -> Confirmed {
    hub.confirm(&site.parse().unwrap(), question).unwrap()
}

fn bought(day: &str, upload: &Upload, pieces: Pieces) -> Bought {
    Bought { day: day.parse().unwrap(), mark: mark(&id(upload)), pieces }
}

#[test]
fn what_counts_of_a_person_is_told_from_a_day_on_and_nothing_else() {
    let (mut hub, mut a, mut b) = (hub(), Edge::new(A, 1), Edge::new(B, 2));
    let old = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    let new = a.sell("2020-02-13T09:00", &document(ANNA), adult(2));
    let gone = a.sell("2020-02-20T09:00", &document(ANNA), adult(1));
    let back = a.withdraw("2020-02-20T09:10", id(&gone));
    let over = b.sell("2020-02-14T09:00", &document(ANNA), adult(2));
    let other = b.sell("2020-02-14T09:01", &document(BORIS), adult(1));
    for upload in [old.clone(), new.clone(), gone, back, over, other] {
        send(&mut hub, &[upload]);
    }
    let told = ask(&hub, C, &question(C, ANNA, "2020-02-10"));
    assert_eq!(told.purchases.unwrap(), [bought("2020-02-13", &new, adult(2))], "not the withdrawn, not the one over");
    assert_eq!((told.nonce, told.feed), (NONCE, hub.feed_position().unwrap()));
    let told = ask(&hub, C, &question(C, ANNA, "2020-02-06")).purchases.unwrap();
    assert_eq!(told, [bought("2020-02-13", &new, adult(2)), bought("2020-02-06", &old, adult(2))], "the newest first");
    let told = ask(&hub, A, &question(A, "A100000010", "2020-02-06"));
    assert_eq!(told.purchases, Some(vec![]), "somebody who bought nothing");
}

#[test]
fn a_question_that_cannot_be_opened_is_answered_by_nothing() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    let sold = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    send(&mut hub, &[sold]);
    let of_a = question(A, ANNA, "2020-02-06");
    assert_eq!(ask(&hub, B, &of_a).purchases, None, "of another site");
    assert_eq!(ask(&hub, A, &Confirm { nonce: [8; 16], ..of_a.clone() }).purchases, None, "moved");
    let mut changed = of_a;
    *changed.document.0.last_mut().unwrap() ^= 1;
    assert_eq!(ask(&hub, A, &changed).purchases, None, "changed");
}

#[test]
fn of_very_many_purchases_the_newest_are_told() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    for n in 0..=PURCHASES_MAX {
        // On the days before the first rules everybody may buy.
        let at = format!("2020-01-{:02}T09:{:02}", 1 + n / 3, n % 3);
        let sold = a.sell(&at, &document(ANNA), adult(1));
        send(&mut hub, &[sold]);
    }
    let told = ask(&hub, A, &question(A, ANNA, "2020-01-01")).purchases.unwrap();
    assert_eq!(told.len(), PURCHASES_MAX);
    assert_eq!(told.iter().filter(|bought| bought.day == "2020-01-01".parse().unwrap()).count(), 2, "one is left out");
}
