//! Digests at an edge: fetched in pieces, put in place of what the feed said, refused where they do not hold.

use std::collections::BTreeMap;

use shared::digest::{Header, Layer, LayerId, LayerRef, Manifest, State, encode};
use shared::ids::Incarnation;
use shared::wire::v1::message::Piece;

use super::*;

const HUB: Incarnation = Incarnation([5; 16]);

/// A layer of one day: who counts with how many pieces, or none for who counts no more.
fn layer(on: &str, (after, upto): (u64, u64), people: &[(&str, Option<u32>)]) -> (LayerRef, Vec<u8>) {
    let date = day(on);
    let print = |who: &str| DayKey::new(key(date)).fingerprint(&person(who));
    let state = |adult: Option<u32>| adult.map_or(State::Gone, |adult| State::Counts(Pieces { adult, child: 0 }));
    let changes: BTreeMap<u64, State> = people.iter().map(|(who, adult)| (print(who), state(*adult))).collect();
    let programme = "mask".parse().unwrap();
    let body = encode(&Header { programme, day: date, width: 44, has_pieces: true, after, upto }, &changes);
    (LayerRef { id: LayerId::of(&body), bytes: u32::try_from(body.len()).unwrap(), upto }, body)
}

fn named(on: &str, is_closed: bool, layers: &[LayerRef]) -> shared::digest::Day {
    let date = day(on);
    let programme = "mask".parse().unwrap();
    shared::digest::Day { programme, day: date, key: key(date), is_closed, unheard: 0, layers: layers.to_vec() }
}

impl Edge {
    fn manifest(&mut self, upto: u64, days: Vec<shared::digest::Day>) -> Result<(), NationError> {
        let manifest = Manifest { hub_life: HUB, upto, second: i64::try_from(upto).unwrap(), days };
        let progress = Progress { feed: self.feed.max(upto), acked: 0, covered: 0, receipts: Vec::new() };
        let at = (self.feed, OwnAt { counted: 7, sent: 7 });
        let (own, nation) = self.own();
        nation.take_manifest(own, manifest, HUB, at, &progress)?;
        self.feed = self.feed.max(upto);
        Ok(())
    }

    /// Fetches what is wanted, so many bytes at once; gives the layers in their order.
    fn fetch(&mut self, most: u32, bodies: &[&Vec<u8>]) -> Result<Vec<LayerId>, NationError> {
        let mut order = Vec::new();
        while let Some(fetch) = self.nation.wanted(most) {
            assert!(fetch.most <= most && fetch.most > 0);
            let body = bodies.iter().find(|body| LayerId::of(body) == fetch.layer).expect("a layer that there is");
            let from = usize::try_from(fetch.offset).unwrap();
            let bytes = body[from..].iter().copied().take(usize::try_from(fetch.most).unwrap()).collect();
            if order.last() != Some(&fetch.layer) {
                order.push(fetch.layer);
            }
            let (own, nation) = self.own();
            nation.take_piece(own, &Piece { layer: fetch.layer, offset: fetch.offset, bytes })?;
        }
        Ok(order)
    }

    fn lags(&self, on: &str) -> bool {
        self.nation.lags(&"mask".parse().unwrap(), day(on))
    }
}

#[test]
fn an_edge_far_behind_jumps_and_knows_each_day_when_its_layers_are_here() {
    for mut edge in both() {
        edge.take(0, &[part(0, "2020-02-06", &[("P1", 1, 2, false)])]).unwrap();
        let (old, old_body) = layer("2020-02-06", (0, 90), &[("P1", Some(2)), ("P2", Some(1))]);
        let (new, new_body) = layer("2020-02-07", (0, 100), &[("P3", Some(1))]);
        let days = vec![named("2020-02-06", true, &[old]), named("2020-02-07", false, &[new])];
        edge.manifest(100, days).unwrap();
        assert_eq!((edge.feed, edge.lags("2020-02-06"), edge.lags("2020-02-07")), (100, true, true));
        // What was known stays known, and the feed goes on.
        edge.take(100, &[part(100, "2020-02-07", &[("P4", 9, 2, false)])]).unwrap();
        assert_eq!(edge.find("P1", "2020-02-01"), hits(&[("2020-02-06", 2)]));
        assert_eq!(edge.find("P4", "2020-02-01"), hits(&[("2020-02-07", 2)]));
        assert_eq!(edge.find("P2", "2020-02-01"), hits(&[]));
        let order = edge.fetch(10, &[&old_body, &new_body]).unwrap();
        assert_eq!(order, [new.id, old.id], "the newest day first");
        assert!(!edge.lags("2020-02-06") && !edge.lags("2020-02-07"));
        for (who, found) in [("P1", ("2020-02-06", 2)), ("P2", ("2020-02-06", 1)), ("P3", ("2020-02-07", 1))] {
            assert_eq!(edge.find(who, "2020-02-01"), hits(&[found]), "{who}: once, however it came");
        }
        assert_eq!(edge.find("P5", "2020-02-01"), hits(&[]));
        // Sales of the digest that cease to count.
        edge.take(101, &[part(101, "2020-02-06", &[("P2", 77, 1, true)])]).unwrap();
        assert_eq!(edge.find("P2", "2020-02-01"), hits(&[]));
    }
}

#[test]
fn a_download_goes_on_at_any_byte_also_after_a_restart() {
    let people: Vec<String> = (10..400).map(|n| format!("P{n}")).collect();
    let people: Vec<(&str, Option<u32>)> = people.iter().map(|who| (who.as_str(), Some(2))).collect();
    let (wanted, body) = layer("2020-02-06", (0, 90), &people);
    let mut edge = Edge::new(Nation::stored());
    edge.manifest(100, vec![named("2020-02-06", true, &[wanted])]).unwrap();
    let mut restarts = 0;
    while let Some(fetch) = edge.nation.wanted(101) {
        let from = usize::try_from(fetch.offset).unwrap();
        assert_eq!(from, restarts * 101, "nothing is fetched twice");
        let bytes = body[from..].iter().copied().take(101).collect();
        let (own, nation) = edge.own();
        nation.take_piece(own, &Piece { layer: fetch.layer, offset: fetch.offset, bytes }).unwrap();
        edge.nation = Nation::stored();
        edge.load();
        restarts += 1;
    }
    assert!(restarts > 10 && !edge.lags("2020-02-06"));
    assert_eq!(edge.find("P10", "2020-02-01"), hits(&[("2020-02-06", 2)]));
    assert_eq!(edge.nation.manifest_made(), 100);
}

#[test]
fn a_closed_day_takes_the_place_of_what_the_feed_said_and_supplements_follow() {
    let mut edge = Edge::new(Nation::stored());
    let items = [("P1", 1, 2, false), ("P2", 2, 1, false), ("P3", 3, 1, false), ("P3", 3, 1, true)];
    edge.take(0, &[part(0, "2020-02-06", &items)]).unwrap();
    let (base, base_body) = layer("2020-02-06", (0, 4), &[("P1", Some(2)), ("P2", Some(1))]);
    edge.manifest(4, vec![named("2020-02-06", true, &[base])]).unwrap();
    assert!(!edge.lags("2020-02-06"), "the feed has said it all");
    edge.take(4, &[part(4, "2020-02-06", &[("P4", 4, 2, false)])]).unwrap();
    edge.fetch(64, &[&base_body]).unwrap();
    let (own, nation) = edge.own();
    nation.forget(own, |_| day("2020-01-01")).unwrap();
    let found = |edge: &mut Edge| ["P1", "P2", "P3", "P4"].map(|who| edge.find(who, "2020-02-01").len());
    assert_eq!(found(&mut edge), [1, 1, 0, 1]);
    assert_eq!(edge.store.nation_len().unwrap(), 1, "of the feed only what came behind the digest");
    let (second, second_body) = layer("2020-02-06", (4, 6), &[("P4", Some(2)), ("P1", None)]);
    edge.take(5, &[part(5, "2020-02-06", &[("P1", 1, 2, true)])]).unwrap();
    edge.manifest(6, vec![named("2020-02-06", true, &[base, second])]).unwrap();
    assert_eq!(edge.fetch(64, &[&base_body, &second_body]).unwrap(), [second.id], "the digest is here already");
    assert_eq!(found(&mut edge), [0, 1, 0, 1]);
}

#[test]
fn what_does_not_hold_is_refused_and_what_is_known_stays() {
    let mut edge = Edge::new(Nation::stored());
    let (good, body) = layer("2020-02-06", (0, 90), &[("P1", Some(2))]);
    edge.manifest(90, vec![named("2020-02-06", true, &[good])]).unwrap();
    edge.fetch(64, &[&body]).unwrap();
    let known = |edge: &mut Edge| edge.find("P1", "2020-02-01") == hits(&[("2020-02-06", 2)]);
    assert!(known(&mut edge));
    // Replayed, and of another hub, and under another key.
    let again = edge.manifest(90, vec![]).unwrap_err();
    assert!(matches!(again, NationError::Replayed { known: 90, made: 90 }), "{again}");
    let (own, nation) = edge.own();
    let progress = Progress { feed: 95, acked: 0, covered: 0, receipts: Vec::new() };
    let other = Manifest { hub_life: Incarnation([6; 16]), upto: 95, second: 95, days: vec![] };
    assert!(matches!(
        nation.take_manifest(own, other, HUB, (90, OwnAt::default()), &progress),
        Err(NationError::OtherHub)
    ));
    let stolen = shared::digest::Day { key: Secret::new([9; 32]), ..named("2020-02-06", true, &[good]) };
    assert!(matches!(edge.manifest(95, vec![stolen]), Err(NationError::OtherKey { .. })));
    assert!(known(&mut edge) && edge.feed == 90);
    // A layer of another day under this day's name, and one that was changed or cut on the way.
    let (elsewhere, elsewhere_body) = layer("2020-02-07", (0, 95), &[("P1", Some(1))]);
    edge.manifest(96, vec![named("2020-02-06", true, &[good, elsewhere])]).unwrap();
    assert!(matches!(edge.fetch(64, &[&elsewhere_body]), Err(NationError::Layer(_))));
    assert!(known(&mut edge));
    let (next, next_body) = layer("2020-02-06", (90, 97), &[("P2", Some(1))]);
    edge.manifest(97, vec![named("2020-02-06", true, &[good, next])]).unwrap();
    for at in [0, next_body.len() / 2, next_body.len() - 1] {
        let mut changed = next_body.clone();
        changed[at] ^= 1;
        let (own, nation) = edge.own();
        let piece = Piece { layer: next.id, offset: 0, bytes: changed };
        assert!(matches!(nation.take_piece(own, &piece), Err(NationError::Layer(_))), "byte {at}");
        assert!(known(&mut edge) && edge.find("P2", "2020-02-01").is_empty());
    }
    // It comes again from its beginning, and holds.
    edge.fetch(64, &[&next_body]).unwrap();
    assert!(known(&mut edge) && edge.find("P2", "2020-02-01").len() == 1);
}

/// Found by reading: the keys of a refused manifest were taken for known and never written down.
#[test]
fn a_manifest_that_was_refused_has_said_nothing() {
    let mut edge = Edge::new(Nation::stored());
    let (good, _) = layer("2020-02-06", (0, 90), &[("P1", Some(2))]);
    edge.manifest(90, vec![named("2020-02-06", true, &[good])]).unwrap();
    let (next, _) = layer("2020-02-07", (0, 80), &[("P2", Some(2))]);
    let refused = edge.manifest(80, vec![named("2020-02-07", false, &[next])]);
    assert!(matches!(refused, Err(NationError::Replayed { .. })));
    edge.take(90, &[part(90, "2020-02-07", &[("P2", 5, 2, false)])]).unwrap();
    edge.nation = Nation::stored();
    edge.load();
    assert_eq!(edge.find("P2", "2020-02-01"), hits(&[("2020-02-07", 2)]));
}

#[test]
fn a_digest_that_rots_on_the_disk_is_fetched_again() {
    let mut edge = Edge::new(Nation::stored());
    let (good, body) = layer("2020-02-06", (0, 90), &[("P1", Some(2))]);
    edge.manifest(90, vec![named("2020-02-06", true, &[good])]).unwrap();
    edge.fetch(64, &[&body]).unwrap();
    let mut rotten = body.clone();
    rotten[body.len() - 1] ^= 4;
    edge.store.put_layer(&good.id, &rotten).unwrap();
    edge.nation = Nation::stored();
    edge.load();
    assert!(edge.lags("2020-02-06") && edge.find("P1", "2020-02-01").is_empty());
    edge.fetch(64, &[&body]).unwrap();
    assert_eq!(edge.find("P1", "2020-02-01"), hits(&[("2020-02-06", 2)]));
}

#[test]
fn a_layer_that_the_hub_has_no_more_is_not_asked_for_without_end() {
    let mut edge = Edge::new(Nation::stored());
    let (gone, _) = layer("2020-02-06", (0, 90), &[("P1", Some(2))]);
    let (other, body) = layer("2020-02-05", (0, 90), &[("P1", Some(2))]);
    edge.manifest(90, vec![named("2020-02-05", true, &[other]), named("2020-02-06", true, &[gone])]).unwrap();
    let (own, nation) = edge.own();
    nation.take_piece(own, &Piece { layer: gone.id, offset: 0, bytes: vec![] }).unwrap();
    assert_eq!(edge.fetch(64, &[&body]).unwrap(), [other.id]);
    assert!(edge.lags("2020-02-06") && !edge.lags("2020-02-05"));
}

#[test]
fn the_keys_and_layers_of_a_day_are_forgotten_with_it() {
    let mut edge = Edge::new(Nation::stored());
    let (good, body) = layer("2020-02-06", (0, 90), &[("P1", Some(2))]);
    edge.manifest(90, vec![named("2020-02-06", true, &[good])]).unwrap();
    edge.fetch(64, &[&body]).unwrap();
    let (own, nation) = edge.own();
    nation.forget(own, |_| day("2020-03-01")).unwrap();
    assert_eq!(edge.find("P1", "2020-02-01"), hits(&[]));
    assert!(edge.store.day_keys().unwrap().is_empty() && edge.store.layer(&good.id).unwrap().is_none());
    assert!(Layer::open(body.into()).is_ok());
}
