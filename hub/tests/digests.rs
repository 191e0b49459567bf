//! The hub's digests: a fold of its feed, in layers that never change, named by what it signs (decision 12).

#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use edge::*;
use hub::hub::Hub;
use hub::store::Store;
use shared::digest::{self, Day, Found, Layer, LayerId, Manifest};
use shared::entry::Pieces;
use shared::rules::identity::Person;
use shared::rules::programme::shipped_text;
use shared::seal::{DayKey, HubKeys};
use shared::sync::hub::Input;
use shared::wire::v1::message::Fetch;

/// Six packs in a round, in any number of purchases.
const KIT: &str = "kit-2022-10-01";

fn person(serial: u32) -> Person {
    document(&number(serial)).person()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What an edge that has the feed up to a position and this manifest is given next.
fn given(hub: &Hub, after: u64, held: u64) -> Option<Manifest> {
    let Input::Manifest { made, upto, signed } = hub.load_nation(after, Some(held)).unwrap() else { return None };
    let manifest = signed.open(&HubKeys::new(&master()).unwrap().signer().unwrap().public()).unwrap();
    assert_eq!((manifest.second.cast_unsigned(), manifest.upto), (made, upto));
    Some(manifest)
}

fn newest(hub: &Hub) -> Manifest {
    given(hub, hub.feed_position().unwrap(), 0).unwrap()
}

/// A layer as an edge fetches it, so many bytes at once.
fn fetched(hub: &Hub, id: LayerId, most: u32) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let offset = u32::try_from(out.len()).unwrap();
        let piece = hub.load_piece(&Fetch { layer: id, offset, most }).unwrap();
        if piece.bytes.is_empty() {
            return out;
        }
        out.extend(piece.bytes);
    }
}

fn layers(hub: &Hub, named: &Day) -> Vec<Arc<Layer>> {
    let open = |wanted: &digest::LayerRef| {
        let layer = Layer::open(fetched(hub, wanted.id, 60).into()).unwrap();
        layer.expect(&named.programme, named.day, wanted).unwrap();
        Arc::new(layer)
    };
    named.layers.iter().map(open).collect()
}

fn named<'a>(manifest: &'a Manifest, on: &str) -> &'a Day {
    manifest.days.iter().find(|named| named.day == day(on)).unwrap()
}

/// Who counts by the digest of a day.
fn counts(hub: &Hub, on: &str, serial: u32) -> Option<Option<Pieces>> {
    let manifest = newest(hub);
    let named = named(&manifest, on);
    let print = DayKey::new(named.key.clone()).fingerprint(&person(serial));
    match digest::find(&layers(hub, named), print) {
        Some(Found::Counts(pieces)) => Some(pieces),
        Some(Found::Gone) | None => None,
    }
}

fn sells(hub: &mut Hub, edge: &mut Edge, at: &str, serials: impl IntoIterator<Item = u32>) {
    for serial in serials {
        send(hub, &[edge.sell(at, &document(&number(serial)), adult(2))]);
    }
}

fn publish_at(hub: &mut Hub, at: &str) -> Option<u64> {
    hub.publish_digests(second(at)).unwrap()
}

#[test]
fn a_running_day_grows_by_layers_and_a_closed_one_is_one_that_never_changes() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..5);
    assert_eq!(publish_at(&mut hub, "2020-02-06T09:15"), Some(5));
    sells(&mut hub, &mut a, "2020-02-06T09:20", 5..9);
    assert_eq!(publish_at(&mut hub, "2020-02-06T09:30"), Some(9));
    let running = named(&newest(&hub), "2020-02-06").clone();
    assert_eq!((running.is_closed, running.layers.len()), (false, 2));
    assert_eq!(publish_at(&mut hub, "2020-02-06T09:45"), None, "nothing is new");

    publish_at(&mut hub, "2020-02-07T04:01").unwrap();
    let closed = named(&newest(&hub), "2020-02-06").clone();
    assert_eq!((closed.is_closed, closed.layers.len()), (true, 1));
    for serial in 0..9 {
        assert_eq!(counts(&hub, "2020-02-06", serial), Some(None), "one purchase a window: no pieces");
    }
    assert_eq!(counts(&hub, "2020-02-06", 9), None);

    // A ledger that comes late, and a sale that is taken back: supplements.
    let mut b = Edge::new(B, 2);
    let late = b.sell("2020-02-06T10:00", &document(&number(20)), adult(1));
    send(&mut hub, std::slice::from_ref(&late));
    publish_at(&mut hub, "2020-02-07T09:00").unwrap();
    let taken_back = b.withdraw("2020-02-06T10:05", id(&late));
    send(&mut hub, &[taken_back]);
    publish_at(&mut hub, "2020-02-07T09:15").unwrap();
    let after = named(&newest(&hub), "2020-02-06").clone();
    assert_eq!(after.layers.len(), 3);
    assert_eq!(after.layers[0], closed.layers[0], "the digest itself is the same for ever");
    assert_eq!((counts(&hub, "2020-02-06", 20), counts(&hub, "2020-02-06", 3)), (None, Some(None)));
}

#[test]
fn the_same_feed_gives_the_same_bytes() {
    let layers_of = |seed: u8| {
        let mut hub = hub_on(Store::in_memory().unwrap(), seed);
        let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
        sells(&mut hub, &mut a, "2020-02-06T09:00", 0..30);
        publish_at(&mut hub, "2020-02-06T09:15").unwrap();
        sells(&mut hub, &mut b, "2020-02-06T09:20", 20..50);
        publish_at(&mut hub, "2020-02-07T05:00").unwrap();
        named(&newest(&hub), "2020-02-06").layers.clone()
    };
    assert_eq!(layers_of(1), layers_of(2));
}

#[test]
fn where_pieces_count_they_ride_along_and_add_up() {
    let mut hub = hub();
    publish(&mut hub, KIT);
    let mut a = Edge::new(A, 1);
    (a.programme, a.version) = ("kit", KIT);
    let sale = a.sell("2022-10-05T09:00", &document(&number(2)), adult(1));
    hub.ingest(&[sale, a.sell("2022-10-05T09:30", &document(&number(2)), adult(2))], second("2022-10-05T10:00"))
        .unwrap();
    publish_at(&mut hub, "2022-10-05T10:15").unwrap();
    let last = a.sell("2022-10-05T11:00", &document(&number(2)), adult(1));
    hub.ingest(std::slice::from_ref(&last), second("2022-10-05T11:00")).unwrap();
    publish_at(&mut hub, "2022-10-05T11:15").unwrap();
    assert_eq!(counts(&hub, "2022-10-05", 2), Some(Some(adult(4))));
    let back = a.withdraw("2022-10-05T11:30", id(&last));
    hub.ingest(&[back], second("2022-10-05T11:30")).unwrap();
    publish_at(&mut hub, "2022-10-06T05:00").unwrap();
    assert_eq!(counts(&hub, "2022-10-05", 2), Some(Some(adult(3))));
}

#[test]
fn days_that_no_window_reaches_are_named_no_more() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..3);
    publish_at(&mut hub, "2020-02-06T09:15").unwrap();
    publish_at(&mut hub, "2020-02-13T09:15").unwrap();
    let with_people = |hub: &Hub| {
        let days = newest(hub).days.into_iter().filter(|named| !named.layers.is_empty());
        days.map(|named| named.day).collect::<Vec<_>>()
    };
    assert_eq!(with_people(&hub), [day("2020-02-06")], "and a day more than the window");
    publish_at(&mut hub, "2020-02-14T09:15").unwrap();
    assert!(with_people(&hub).is_empty());
    // From the first day to the last that are named nothing is missing, though nobody bought.
    let days: Vec<NaiveDate> = newest(&hub).days.iter().map(|named| named.day).collect();
    assert_eq!(days.first(), Some(&day("2020-02-07")));
    assert!(days.last() > Some(&day("2021-01-01")));
}

/// Found by reading: a version that was published again under its name did not count as another.
#[test]
fn a_window_that_reaches_further_is_named_at_once() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..3);
    publish_at(&mut hub, "2020-02-14T09:00").unwrap();
    let is_named = |hub: &Hub| newest(hub).days.iter().any(|named| named.day == day("2020-02-06"));
    assert!(!is_named(&hub));
    let look = |hub: &mut Hub, at: &str| hub.publish_digests_in_time(900, second(at)).unwrap().is_some();
    assert!(!look(&mut hub, "2020-02-14T09:05"), "nothing is new, and it is not time yet");
    let text = shipped_text("mask-2020-02-06").unwrap().replace("rolling_days = 7", "rolling_days = 14");
    hub.publish_programme(&text, "op", second("2020-02-14T09:06")).unwrap().unwrap();
    assert!(look(&mut hub, "2020-02-14T09:07") && is_named(&hub));
    assert!(!look(&mut hub, "2020-02-14T09:08"));
}

#[test]
fn who_is_far_behind_jumps_and_who_is_not_gets_the_feed() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    hub.jump_at(10);
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..20);
    publish_at(&mut hub, "2020-02-06T09:15").unwrap();
    assert!(given(&hub, 9, 0).is_some(), "eleven items behind");
    assert!(given(&hub, 10, 0).is_none(), "ten: the feed is quicker");
    let made = newest(&hub).second.cast_unsigned();
    assert!(given(&hub, 20, made).is_none(), "it has this one");
    assert!(matches!(hub.load_nation(0, None).unwrap(), Input::Feed(parts) if !parts.is_empty()), "the first version");
}

#[test]
fn a_piece_of_what_is_not_here_is_empty_and_every_cut_gives_the_same_layer() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..40);
    publish_at(&mut hub, "2020-02-06T09:15").unwrap();
    let id = named(&newest(&hub), "2020-02-06").layers[0].id;
    let whole = fetched(&hub, id, 65_536);
    assert_eq!(LayerId::of(&whole), id);
    for most in [1, 7, 100] {
        assert_eq!(fetched(&hub, id, most), whole);
    }
    assert!(fetched(&hub, LayerId([9; 32]), 100).is_empty());
    let beyond = Fetch { layer: id, offset: u32::MAX, most: 10 };
    assert!(hub.load_piece(&beyond).unwrap().bytes.is_empty());
}

#[test]
fn a_replaced_layer_can_be_fetched_to_its_end_for_a_day() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..5);
    publish_at(&mut hub, "2020-02-06T09:15").unwrap();
    let old = named(&newest(&hub), "2020-02-06").layers[0].id;
    publish_at(&mut hub, "2020-02-07T05:00").unwrap();
    assert_ne!(named(&newest(&hub), "2020-02-06").layers[0].id, old);
    assert!(!fetched(&hub, old, 100).is_empty());
    sells(&mut hub, &mut a, "2020-02-07T09:00", 5..6);
    publish_at(&mut hub, "2020-02-08T06:00").unwrap();
    assert!(fetched(&hub, old, 100).is_empty());
}

#[test]
fn many_supplements_become_one_beside_the_digest() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..5);
    let sold = a.sell("2020-02-06T09:01", &document(&number(200)), adult(1));
    send(&mut hub, std::slice::from_ref(&sold));
    publish_at(&mut hub, "2020-02-07T05:00").unwrap();
    let digest = named(&newest(&hub), "2020-02-06").layers[0];
    let back = a.withdraw("2020-02-07T05:01", id(&sold));
    send(&mut hub, &[back]);
    let mut b = Edge::new(B, 2);
    for late in 0..40 {
        sells(&mut hub, &mut b, "2020-02-06T10:00", [100 + late]);
        publish_at(&mut hub, &format!("2020-02-07T{:02}:{:02}", 6 + late / 4, 15 * (late % 4))).unwrap();
    }
    let after = named(&newest(&hub), "2020-02-06").clone();
    assert!(after.layers.len() <= 25, "{} layers", after.layers.len());
    assert_eq!(after.layers[0], digest);
    assert!((0..5).chain(100..140).all(|serial| counts(&hub, "2020-02-06", serial).is_some()));
    assert_eq!(counts(&hub, "2020-02-06", 200), None, "what was taken back of the digest stays so");
}

#[test]
fn where_one_sale_takes_the_place_of_another_and_goes_again_somebody_counts_throughout() {
    let (mut hub, mut a, mut b) = (hub(), Edge::new(A, 1), Edge::new(B, 2));
    sells(&mut hub, &mut a, "2020-02-06T09:00", [2]);
    publish_at(&mut hub, "2020-02-06T09:15").unwrap();
    let earlier = b.sell("2020-02-06T08:00", &document(&number(2)), adult(1));
    send(&mut hub, std::slice::from_ref(&earlier));
    assert_eq!(publish_at(&mut hub, "2020-02-06T09:30"), None, "it comes to the same");
    assert_eq!(counts(&hub, "2020-02-06", 2), Some(None));
    let back = b.withdraw("2020-02-06T09:40", id(&earlier));
    send(&mut hub, &[back]);
    sells(&mut hub, &mut a, "2020-02-06T09:41", [4]);
    publish_at(&mut hub, "2020-02-06T09:45").unwrap();
    assert_eq!(counts(&hub, "2020-02-06", 2), Some(None));
}

/// On the day before the first rules everybody may buy twice. Where digests say no pieces they still say who bought as
/// long as one of the purchases stands.
#[test]
fn of_two_sales_of_one_day_one_is_taken_back_and_then_the_other() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    let first = a.sell("2020-02-05T09:00", &document(&number(2)), adult(1));
    let other = a.sell("2020-02-05T09:10", &document(&number(2)), adult(1));
    for (at, sent, after) in [
        ("2020-02-05T09:15", vec![first.clone(), other.clone()], Some(None)),
        ("2020-02-05T09:30", vec![a.withdraw("2020-02-05T09:20", id(&first))], Some(None)),
        ("2020-02-05T09:45", vec![a.withdraw("2020-02-05T09:40", id(&other))], None),
    ] {
        send(&mut hub, &sent);
        publish_at(&mut hub, at);
        assert_eq!(counts(&hub, "2020-02-05", 2), after, "{at}");
    }
}

#[test]
fn another_life_of_the_hub_signs_for_itself_and_keeps_its_layers() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..5);
    publish_at(&mut hub, "2020-02-06T09:15").unwrap();
    let before = newest(&hub);
    let life = hub.begin_new_life().unwrap();
    assert!(given(&hub, 5, 0).is_none(), "it has not said yet what there is");
    publish_at(&mut hub, "2020-02-06T09:30").unwrap();
    let after = newest(&hub);
    assert!(after.hub_life == life && before.hub_life != life);
    let layers = |manifest: &Manifest| -> BTreeMap<NaiveDate, Vec<digest::LayerRef>> {
        manifest.days.iter().map(|named| (named.day, named.layers.clone())).collect()
    };
    assert_eq!(layers(&after), layers(&before));
}

#[test]
fn whoever_names_absurd_days_and_programmes_crowds_nobody_out() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    sells(&mut hub, &mut a, "2020-02-06T09:00", 0..5);
    let mut liar = Edge::new(B, 2);
    for n in 0..600_i64 {
        let at = day("2020-02-08") + chrono::Days::new(n.unsigned_abs());
        let sale = liar.sell(&format!("{at}T09:00"), &document(&number(1_000)), adult(1));
        hub.ingest(&[sale], second("2020-02-06T20:00")).unwrap();
    }
    publish_at(&mut hub, "2020-02-06T20:15").unwrap();
    let manifest = newest(&hub);
    assert!(manifest.days.len() <= digest::DAYS_MAX);
    assert_eq!(counts(&hub, "2020-02-06", 3), Some(None));
}
