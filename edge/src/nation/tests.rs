//! What the nation knows: gaps, doubles, removals, shared and stored alike.

use shared::rules::identity::Document;
use shared::seal::Secret;
use shared::wire::v1::feed::{Batch, Item};

use super::*;

mod digests;

/// A digest without pieces says only this.
const SOME: Pieces = Pieces { adult: 1, child: 0 };

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn person(number: &str) -> Person {
    Document::parse("05", number, "1986-03-15", day("2020-02-10")).unwrap().person()
}

fn key(day: NaiveDate) -> Secret {
    let mut bytes = [0; 32];
    bytes[..10].copy_from_slice(day.to_string().as_bytes());
    Secret::new(bytes)
}

/// One part behind `after`: who, which sale, how many, gone.
fn part(after: u64, on: &str, items: &[(&str, u32, u32, bool)]) -> FeedPart {
    let on = day(on);
    let item = |(who, mark, adult, gone): &(&str, u32, u32, bool)| Item {
        fingerprint: DayKey::new(key(on)).fingerprint(&person(who)),
        mark: *mark,
        pieces: Pieces { adult: *adult, child: 0 },
        gone: *gone,
    };
    let group =
        Group { programme: "mask".parse().unwrap(), day: on, key: key(on), items: items.iter().map(item).collect() };
    let upto = after + u64::try_from(items.len()).unwrap();
    FeedPart { upto, body: feed::encode(&Batch { groups: vec![group] }).into() }
}

struct Edge {
    store: Store,
    vault: Vault,
    programmes: Programmes,
    nation: Nation,
    feed: u64,
}

impl Edge {
    fn new(nation: Nation) -> Self {
        let mut store = Store::in_memory().unwrap();
        let life = shared::ids::Incarnation([1; 16]);
        store.begin("5931102274".parse().unwrap(), life).unwrap();
        let (vault, programmes) = (Vault::new(&Secret::new([1; 32])).unwrap(), Programmes::load(&store).unwrap());
        Self { store, vault, programmes, nation, feed: 0 }
    }

    fn take(&mut self, after: u64, parts: &[FeedPart]) -> Result<(), NationError> {
        let new = unknown(self.feed, after, parts)?;
        let Some((_, last)) = new.last() else { return Ok(()) };
        let progress = Progress { feed: last.upto, acked: 0, covered: 0, receipts: Vec::new() };
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        self.nation.take(own, self.feed, &new, &progress)?;
        self.feed = last.upto;
        Ok(())
    }

    fn own(&mut self) -> (Own<'_>, &mut Nation) {
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        (own, &mut self.nation)
    }

    /// As after a restart.
    fn load(&mut self) {
        let (own, nation) = self.own();
        nation.load(own).unwrap();
    }

    fn find(&mut self, who: &str, from: &str) -> Vec<(String, u32)> {
        let programme = "mask".parse().unwrap();
        let number = self.programmes.number(&mut self.store, &programme).unwrap();
        let ask = Ask {
            store: &self.store,
            watermark: self.feed,
            programme: &programme,
            number,
            person: &person(who),
            from: day(from),
        };
        let seen = self.nation.find(&ask).unwrap();
        let digests = seen.digests.iter().map(|hit| (hit.day, hit.pieces.unwrap_or(SOME)));
        let hits = seen.hits.iter().map(|hit| (hit.day, hit.pieces));
        let mut all: Vec<_> = hits.chain(digests).map(|(day, pieces)| (day.to_string(), pieces.adult)).collect();
        all.sort();
        all
    }
}

fn both() -> [Edge; 2] {
    [Edge::new(Nation::stored()), Edge::new(Nation::shared(&SharedNation::new()))]
}

fn hits(list: &[(&str, u32)]) -> Vec<(String, u32)> {
    list.iter().map(|(day, pieces)| ((*day).to_owned(), *pieces)).collect()
}

#[test]
fn a_person_is_found_on_the_days_of_the_window() {
    for mut edge in both() {
        let first = part(0, "2020-02-06", &[("P1", 1, 2, false), ("P2", 2, 1, false)]);
        let second = part(2, "2020-02-07", &[("P1", 3, 1, false)]);
        edge.take(0, &[first, second]).unwrap();
        assert_eq!(edge.find("P1", "2020-02-06"), hits(&[("2020-02-06", 2), ("2020-02-07", 1)]));
        assert_eq!(edge.find("P1", "2020-02-07"), hits(&[("2020-02-07", 1)]));
        assert_eq!(edge.find("P2", "2020-02-01"), hits(&[("2020-02-06", 1)]));
        assert_eq!(edge.find("P3", "2020-02-01"), hits(&[]));
    }
}

#[test]
fn what_is_gone_is_gone_and_may_come_back() {
    for mut edge in both() {
        edge.take(0, &[part(0, "2020-02-06", &[("P1", 1, 2, false)])]).unwrap();
        edge.take(1, &[part(1, "2020-02-06", &[("P1", 1, 2, true)])]).unwrap();
        assert_eq!(edge.find("P1", "2020-02-06"), hits(&[]));
        edge.take(2, &[part(2, "2020-02-06", &[("P1", 1, 2, false)])]).unwrap();
        assert_eq!(edge.find("P1", "2020-02-06"), hits(&[("2020-02-06", 2)]));
    }
}

#[test]
fn known_parts_are_skipped_and_a_gap_takes_nothing() {
    for mut edge in both() {
        let first = part(0, "2020-02-06", &[("P1", 1, 2, false), ("P2", 2, 1, false)]);
        let second = part(2, "2020-02-06", &[("P1", 1, 2, true)]);
        edge.take(0, &[first.clone(), second.clone()]).unwrap();
        edge.take(0, &[first, second]).unwrap();
        assert_eq!(edge.find("P1", "2020-02-06"), hits(&[]), "not added a second time");
        let far = part(9, "2020-02-06", &[("P3", 9, 2, false)]);
        assert!(matches!(edge.take(9, &[far]), Err(NationError::Gap { known: 3, after: 9 })));
        // Cut elsewhere: only what is new counts.
        let wide = part(1, "2020-02-06", &[("P2", 2, 1, false), ("P1", 1, 2, true), ("P3", 5, 3, false)]);
        edge.take(1, &[wide]).unwrap();
        assert_eq!((edge.feed, edge.find("P3", "2020-02-06")), (4, hits(&[("2020-02-06", 3)])));
        let mut short = part(4, "2020-02-06", &[("P4", 1, 1, false)]);
        short.upto = 7;
        assert!(matches!(edge.take(4, &[short]), Err(NationError::Count { items: 1, .. })));
        assert_eq!(edge.feed, 4);
    }
}

#[test]
fn a_day_is_known_as_long_as_any_window_reaches_back() {
    for mut edge in both() {
        for (after, on) in (0..).zip(["2020-02-06", "2020-08-06", "2038-01-01", "2020-08-07"]) {
            let who = ["P1", "P2"][usize::from(after > 0)];
            edge.take(after, &[part(after, on, &[(who, 7, 2, false)])]).unwrap();
        }
        assert_eq!(edge.find("P1", "2020-02-01").len(), 1, "half a year is within 366 days");
        assert_eq!(edge.find("P2", "2020-08-01").len(), 3, "and somebody's clock was wrong");
    }
}

#[test]
fn edges_that_share_see_only_up_to_their_own_watermark() {
    let nation = SharedNation::new();
    let (mut ahead, mut behind) = (Edge::new(Nation::shared(&nation)), Edge::new(Nation::shared(&nation)));
    let first = part(0, "2020-02-06", &[("P1", 1, 2, false)]);
    let second = part(1, "2020-02-06", &[("P1", 1, 2, true), ("P2", 2, 2, false)]);
    ahead.take(0, &[first.clone(), second]).unwrap();
    assert_eq!((ahead.find("P1", "2020-02-06"), ahead.find("P2", "2020-02-06").len()), (hits(&[]), 1));
    behind.take(0, &[first]).unwrap();
    assert_eq!((behind.find("P1", "2020-02-06").len(), behind.find("P2", "2020-02-06")), (1, hits(&[])));
    let other = part(0, "2020-02-06", &[("P9", 1, 2, false)]);
    let mut late = Edge::new(Nation::shared(&nation));
    assert!(matches!(late.take(0, &[other]), Err(NationError::Changed { upto: 1 })));
}

#[test]
fn a_stored_nation_survives_a_restart_and_forgets_old_days() {
    let mut edge = Edge::new(Nation::stored());
    edge.take(0, &[part(0, "2020-02-06", &[("P1", 1, 2, false)]), part(1, "2020-03-06", &[("P1", 2, 2, false)])])
        .unwrap();
    edge.nation = Nation::stored();
    edge.load();
    assert_eq!(edge.find("P1", "2020-02-01").len(), 2);
    let own = Own { store: &mut edge.store, vault: &edge.vault, programmes: &mut edge.programmes };
    edge.nation.forget(own, |_| day("2020-03-01")).unwrap();
    assert_eq!(edge.find("P1", "2020-02-01"), hits(&[("2020-03-06", 2)]));
    assert_eq!(edge.store.day_keys().unwrap().len(), 1, "the key of the day is forgotten with it");
}
