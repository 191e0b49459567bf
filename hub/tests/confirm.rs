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

/// On the day of the last sale.
fn ask(hub: &Hub, site: &str, question: &Confirm) -> Confirmed {
    ask_at(hub, site, question, "2020-02-12T12:00")
}

fn ask_at(hub: &Hub, site: &str, question: &Confirm, at: &str) -> Confirmed {
    hub.confirm(&site.parse().unwrap(), question, second(at)).unwrap()
}

fn bought(day: &str, upload: &Upload, pieces: Pieces) -> Bought {
    Bought { day: day.parse().unwrap(), mark: mark(&id(upload)), pieces }
}

#[test]
fn what_counts_of_a_person_is_told_from_a_day_on_and_nothing_else() {
    let (mut hub, mut a, mut b) = (hub(), Edge::new(A, 1), Edge::new(B, 2));
    // On the days before the first rules everybody may buy.
    let before = a.sell("2020-02-05T08:00", &document(ANNA), adult(1));
    let old = a.sell("2020-02-05T09:00", &document(ANNA), adult(2));
    let new = a.sell("2020-02-12T09:00", &document(ANNA), adult(2));
    let gone = a.sell("2020-02-05T10:00", &document(ANNA), adult(1));
    let back = a.withdraw("2020-02-05T10:10", id(&gone));
    let over = b.sell("2020-02-12T10:00", &document(ANNA), adult(2));
    let other = b.sell("2020-02-12T09:01", &document(BORIS), adult(1));
    for upload in [before.clone(), old.clone(), new.clone(), gone, back, over, other] {
        send(&mut hub, &[upload]);
    }
    let told = ask(&hub, C, &question(C, ANNA, "2020-02-10"));
    assert_eq!(told.purchases.unwrap(), [bought("2020-02-12", &new, adult(2))], "not the withdrawn, not the one over");
    let from = "2020-02-10".parse().unwrap();
    assert_eq!((told.nonce, told.feed, told.from), (NONCE, hub.feed_position().unwrap(), from));
    let all = ask(&hub, C, &question(C, ANNA, "2020-02-05")).purchases.unwrap();
    let days = [("2020-02-12", &new, 2), ("2020-02-05", &old, 2), ("2020-02-05", &before, 1)];
    assert_eq!(all, days.map(|(day, sale, pieces)| bought(day, sale, adult(pieces))), "the newest first");
    let told = ask(&hub, A, &question(A, "A100000010", "2020-02-06"));
    assert_eq!(told.purchases, Some(vec![]), "somebody who bought nothing");
}

/// The keys of those days are forgotten at every site: a stolen one must not learn more by asking.
#[test]
fn what_no_window_reaches_any_more_is_told_to_nobody() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    let sold = a.sell("2020-02-05T09:00", &document(ANNA), adult(2));
    send(&mut hub, &[sold]);
    let far = question(A, ANNA, "0001-01-01");
    let told = ask_at(&hub, A, &far, "2020-02-12T12:00");
    assert_eq!((told.from, told.purchases.map(|all| all.len())), ("2020-02-05".parse().unwrap(), Some(1)));
    let told = ask_at(&hub, A, &far, "2020-02-13T12:00");
    assert_eq!((told.from, told.purchases), ("2020-02-06".parse().unwrap(), Some(vec![])));
    let unknown = Confirm { programme: "kit".parse().unwrap(), ..far };
    assert_eq!(ask(&hub, A, &unknown).purchases, None, "nor is anything of a programme without rules");
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
fn of_very_many_purchases_the_newest_are_told_and_of_too_many_none() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    let mut sell = |hub: &mut Hub, n: usize| {
        let at = format!("2020-02-05T{:02}:{:02}", 6 + n / 60 % 16, n % 60);
        let sold = a.sell(&at, &document(ANNA), adult(1));
        hub.ingest(&[sold], second("2020-02-05T23:00")).unwrap();
    };
    (0..=PURCHASES_MAX).for_each(|n| sell(&mut hub, n));
    let asked = question(A, ANNA, "2020-02-05");
    assert_eq!(ask(&hub, A, &asked).purchases.map(|all| all.len()), Some(PURCHASES_MAX));
    (PURCHASES_MAX + 1..=1_024).for_each(|n| sell(&mut hub, n));
    assert_eq!(ask(&hub, A, &asked).purchases, None, "they would all be read while others wait");
}
