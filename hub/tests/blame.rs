//! Honest blame: a case says for each sale whether its site could have known, from the position in the feed that the
//! sale names; and says so where nobody can tell (docs/architecture.md, promise 2).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::cases::{CaseDetail, CaseFilter, FindingLine, Knew, Knowledge};
use hub::hub::Hub;
use shared::entry::{Behind, Instant};
use shared::ids::Incarnation;
use shared::wire::v1::message::Hello;

/// Kits of 2022: several purchases fill one window.
const KIT: &str = "kit-2022-10-01";

fn case(hub: &Hub) -> CaseDetail {
    let cases = hub.cases(&CaseFilter::default()).unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");
    hub.case(&cases[0].id).unwrap().unwrap()
}

fn finding(hub: &Hub) -> FindingLine {
    let mut findings = case(hub).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

/// Anna has bought at A, and the nation has been told.
fn bought_at_a(hub: &mut Hub) -> Edge {
    let mut a = Edge::new(A, 1);
    send(hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    a
}

/// The edge dials, going by the positions of such a life of the hub.
fn dials(hub: &mut Hub, edge: &Edge, life: Incarnation, at: &str) {
    let greeting = Hello { hub_life: life, ..hello(edge.site, edge.incarnation) };
    hub.greet(&edge.site, &greeting, second(at)).unwrap();
}

#[test]
fn who_sold_against_its_own_knowledge_is_told_so_plainly() {
    let mut hub = hub();
    bought_at_a(&mut hub);
    let mut b = Edge::new(B, 2);
    b.watermark = hub.feed_position().unwrap();
    send(&mut hub, &[b.sell("2020-02-06T15:00", &document(ANNA), adult(2))]);
    let found = finding(&hub);
    assert_eq!((found.knowledge, found.knew.as_slice()), (Knowledge::Could, &[Knew::Told][..]));
    assert!(found.text.zh.contains("該站當時的全國資料已包含前一筆，卻仍售出"), "{}", found.text.zh);
    assert!(found.text.en.contains("against its own knowledge"), "{}", found.text.en);
}

#[test]
fn whose_digest_of_that_day_had_not_come_is_not_to_blame() {
    for (known, again, knowledge) in [(0, 1, Knowledge::CouldNot), (1, 1, Knowledge::Could), (0, 0, Knowledge::Could)] {
        let mut hub = hub();
        bought_at_a(&mut hub);
        let mut b = Edge::new(B, 2);
        b.watermark = hub.feed_position().unwrap();
        let day = "2020-02-06".parse().unwrap();
        let behind = vec![Behind { first: day, last: day, known, again }];
        let sale = b.sell_as("2020-02-06T15:00", &document(ANNA), adult(2), |sale| sale.behind.clone_from(&behind));
        send(&mut hub, &[sale]);
        assert_eq!(finding(&hub).knowledge, knowledge, "known up to {known}, and from {again} on");
    }
}

#[test]
fn whose_knowledge_ended_before_is_not_to_blame() {
    let mut hub = hub();
    let mut c = Edge::new(C, 3);
    send(&mut hub, &[c.sell("2020-02-06T08:00", &document(BORIS), adult(2))]);
    let mut b = Edge::new(B, 2);
    b.watermark = hub.feed_position().unwrap();
    assert_eq!(b.watermark, 1);
    bought_at_a(&mut hub);
    send(&mut hub, &[b.sell("2020-02-06T15:00", &document(ANNA), adult(2))]);
    let found = finding(&hub);
    assert_eq!((found.knowledge, found.knew.as_slice()), (Knowledge::CouldNot, &[Knew::NotTold][..]));
    assert!(found.text.zh.contains("該站當時的全國資料尚未包含前一筆"), "{}", found.text.zh);
    assert!(found.text.en.contains("knowledge of the nation ended before the earlier purchase"), "{}", found.text.en);
}

#[test]
fn a_position_that_nobody_was_ever_told_says_nothing() {
    let mut hub = hub();
    bought_at_a(&mut hub);
    let mut b = Edge::new(B, 2);
    b.watermark = 1_000_000;
    send(&mut hub, &[b.sell("2020-02-06T15:00", &document(ANNA), adult(2))]);
    let found = finding(&hub);
    assert_eq!((found.knowledge, found.knew.as_slice()), (Knowledge::Unknown, &[Knew::Unknown][..]));
    assert!(found.text.zh.contains("無法查證") && found.text.en.contains("cannot be verified"), "{}", found.text.en);
}

#[test]
fn of_a_sale_that_was_written_down_afterwards_nobody_knows_what_was_known() {
    let mut hub = hub();
    bought_at_a(&mut hub);
    let mut b = Edge::new(B, 2);
    b.watermark = hub.feed_position().unwrap();
    let happened = Some(Instant { second: second("2020-02-06T10:00"), doubt_s: 60 });
    let late = b.sell_as("2020-02-06T18:00", &document(ANNA), adult(2), |sale| sale.happened = happened);
    send(&mut hub, &[late]);
    let found = finding(&hub);
    assert_eq!(found.knowledge, Knowledge::Recorded);
    assert!(found.text.zh.contains("事後補登，售出當時所知並無紀錄"), "{}", found.text.zh);
    assert!(found.text.en.contains("written down afterwards"), "{}", found.text.en);
}

#[test]
fn a_sites_own_record_counts_only_from_when_it_was_written() {
    // Both at A: the first was on record.
    let mut one = hub();
    let mut a = bought_at_a(&mut one);
    send(&mut one, &[a.sell("2020-02-06T16:00", &document(ANNA), adult(2))]);
    assert_eq!(finding(&one).knowledge, Knowledge::SameSite);
    // A paper list was typed in behind it: the one that happened first was not on record yet.
    let mut other = hub();
    let mut a = Edge::new(A, 1);
    let second_sale = a.sell("2020-02-06T16:00", &document(ANNA), adult(2));
    let happened = Some(Instant { second: second("2020-02-06T09:00"), doubt_s: 60 });
    let paper = a.sell_as("2020-02-06T18:00", &document(ANNA), adult(2), |sale| sale.happened = happened);
    send(&mut other, &[second_sale.clone(), paper]);
    let found = finding(&other);
    assert_eq!((found.sale, found.knowledge), (id(&second_sale), Knowledge::CouldNot));
    // Another computer of the site sold: this one need not have known.
    let mut third = hub();
    bought_at_a(&mut third);
    let mut clone = Edge::new(A, 4);
    send(&mut third, &[clone.sell("2020-02-06T16:00", &document(ANNA), adult(2))]);
    assert_eq!(finding(&third).knowledge, Knowledge::Unknown);
    let mut fourth = hub();
    bought_at_a(&mut fourth);
    let mut clone = Edge::new(A, 4);
    clone.watermark = fourth.feed_position().unwrap();
    send(&mut fourth, &[clone.sell("2020-02-06T16:00", &document(ANNA), adult(2))]);
    assert_eq!(finding(&fourth).knowledge, Knowledge::Could, "the nation's list told it");
}

#[test]
fn more_than_anybody_may_have_is_seen_without_knowing_anything() {
    let mut hub = hub();
    let mut b = Edge::new(B, 2);
    send(&mut hub, &[b.sell("2020-02-06T15:00", &document(ANNA), adult(3))]);
    let found = finding(&hub);
    assert_eq!((found.knowledge, found.knew.len()), (Knowledge::Alone, 0));
}

#[test]
fn of_several_sales_it_is_asked_whether_the_known_ones_suffice() {
    let mut hub = hub();
    publish(&mut hub, KIT);
    let kit = |site, actor| {
        let mut edge = Edge::new(site, actor);
        (edge.programme, edge.version) = ("kit", KIT);
        edge
    };
    let (mut a, mut c, mut b) = (kit(A, 1), kit(C, 3), kit(B, 2));
    send(&mut hub, &[a.sell("2022-10-03T09:00", &document(ANNA), adult(3))]);
    b.watermark = hub.feed_position().unwrap();
    send(&mut hub, &[c.sell("2022-10-03T10:00", &document(ANNA), adult(3))]);
    // Six in all: beside the three that B knew of, two more were right.
    send(&mut hub, &[b.sell("2022-10-03T11:00", &document(ANNA), adult(2))]);
    let found = finding(&hub);
    assert_eq!((found.knowledge, found.knew.as_slice()), (Knowledge::CouldNot, &[Knew::Told, Knew::NotTold][..]));
    assert!(
        found.text.zh.contains("（該站當時已知）") && found.text.zh.contains("（該站當時未知）"),
        "{}",
        found.text.zh
    );
    assert!(found.text.en.contains("(known to it)") && found.text.en.contains("(not known to it)"));
    // Four beside three were not.
    let mut other = self::hub();
    publish(&mut other, KIT);
    let (mut a, mut b) = (kit(A, 1), kit(B, 2));
    send(&mut other, &[a.sell("2022-10-03T09:00", &document(ANNA), adult(3))]);
    b.watermark = other.feed_position().unwrap();
    send(&mut other, &[b.sell("2022-10-03T11:00", &document(ANNA), adult(4))]);
    assert_eq!(finding(&other).knowledge, Knowledge::Could);
}

#[test]
fn a_hub_out_of_a_backup_accuses_nobody_by_positions_of_its_former_life() {
    let mut hub = hub();
    let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
    let old = hub.life();
    send(&mut hub, &[c.sell("2020-02-06T08:00", &document(BORIS), adult(2))]);
    let backup = hub.image().unwrap();
    // What follows is forgotten: others bought, the feed went on, and B had it all up to its end.
    for n in 0..3 {
        send(&mut hub, &[c.sell("2020-02-06T08:30", &document(&number(20 + n)), adult(2))]);
    }
    b.watermark = hub.feed_position().unwrap();
    assert_eq!(b.watermark, 4);
    let sold_by_old = b.sell("2020-02-06T10:00", &document(ANNA), adult(2));
    let mut hub = Hub::open(backup, &master(), dice(77)).unwrap();
    hub.begin_new_life().unwrap();
    // In the new life Anna's first purchase, of which B never heard, stands at a position that B has named.
    send(&mut hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    send(&mut hub, &[a.sell("2020-02-06T09:05", &document(&number(9)), adult(2))]);
    send(&mut hub, &[a.sell("2020-02-06T09:06", &document(&number(10)), adult(2))]);
    dials(&mut hub, &b, old, "2020-02-06T12:00");
    send(&mut hub, &[sold_by_old]);
    let found = finding(&hub);
    assert_eq!((found.knowledge, found.knew.as_slice()), (Knowledge::Unknown, &[Knew::Unknown][..]));
    let before = (canonical(&hub), found);
    hub.rebuild().unwrap();
    assert_eq!((canonical(&hub), finding(&hub)), before, "and a rebuild says the same");
}

#[test]
fn what_both_lives_of_a_hub_have_told_and_what_is_sold_after_the_turn_is_vouched_for() {
    let mut hub = hub();
    let old = hub.life();
    bought_at_a(&mut hub);
    let mut b = Edge::new(B, 2);
    b.watermark = hub.feed_position().unwrap();
    let both = b.sell("2020-02-06T10:00", &document(ANNA), adult(2));
    hub.begin_new_life().unwrap();
    dials(&mut hub, &b, old, "2020-02-06T12:00");
    send(&mut hub, &[both]);
    assert_eq!(finding(&hub).knowledge, Knowledge::Could, "the backup had it already");
    // From now on B goes by this life's positions.
    let mut c = Edge::new(C, 3);
    send(&mut hub, &[c.sell("2020-02-06T13:00", &document(BORIS), adult(2))]);
    b.watermark = hub.feed_position().unwrap();
    let new = hub.life();
    dials(&mut hub, &b, new, "2020-02-06T14:00");
    send(&mut hub, &[b.sell("2020-02-06T14:30", &document(BORIS), adult(2))]);
    let boris = hub.cases(&CaseFilter::default()).unwrap();
    let known = boris.iter().map(|case| hub.case(&case.id).unwrap().unwrap().findings[0].knowledge);
    assert_eq!(known.collect::<Vec<_>>(), [Knowledge::Could, Knowledge::Could]);
}
