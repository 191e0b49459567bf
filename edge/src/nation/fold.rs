//! What the feed says of somebody's day behind the digest of it. Pure.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared::digest::Found;
use shared::entry::Pieces;
use shared::wire::v1::confirm::Bought;

use super::{DigestHit, OwnAt};

/// An item of the feed that stands for one sale of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) pos: u64,
    pub(crate) mark: u32,
    pub(crate) pieces: Pieces,
    pub(crate) gone: bool,
}

/// A sale that counts by the feed behind the digest, and what of the digest is left by it.
///
/// An item that ceases to count without having begun behind the digest was in the digest.
pub(super) fn fold(
    day: NaiveDate,
    digest: Option<(Option<Found>, u64, OwnAt)>,
    mut events: Vec<Event>,
) -> (Vec<Bought>, Option<DigestHit>) {
    events.sort_unstable_by_key(|event| event.pos);
    let mut marks: BTreeMap<u32, (Event, Event)> = BTreeMap::new();
    for event in events {
        marks.entry(event.mark).and_modify(|(_, last)| *last = event).or_insert((event, event));
    }
    let mut hits = Vec::new();
    let mut taken = Pieces::default();
    let mut is_taken = false;
    for (mark, (first, last)) in &marks {
        match (first.gone, last.gone) {
            (false, false) => hits.push(Bought { day, pieces: last.pieces, mark: *mark }),
            (true, true) => (taken, is_taken) = (taken.plus(first.pieces), true),
            (false, true) | (true, false) => {}
        }
    }
    let left = |pieces: Option<Pieces>| match pieces {
        Some(had) => {
            let left = had.minus(taken);
            (left.total() > 0).then_some(Some(left))
        }
        None => (!is_taken).then_some(None),
    };
    let rest = digest.and_then(|(found, upto, own)| match found {
        Some(Found::Counts(pieces)) => {
            let marks = marks.keys().copied().collect();
            left(pieces).map(|pieces| DigestHit { day, pieces, upto, own, marks })
        }
        Some(Found::Gone) | None => None,
    });
    (hits, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: OwnAt = OwnAt { counted: 7, sent: 7 };
    const NOBODY: Option<(Option<Found>, u64, OwnAt)> = None;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2020, 2, 6).unwrap()
    }

    fn event(pos: u64, mark: u32, gone: bool) -> Event {
        Event { pos, mark, pieces: Pieces { adult: 2, child: 0 }, gone }
    }

    fn counted(adult: u32) -> Option<(Option<Found>, u64, OwnAt)> {
        Some((Some(Found::Counts(Some(Pieces { adult, child: 0 }))), 8, OWN))
    }

    fn set() -> Option<(Option<Found>, u64, OwnAt)> {
        Some((Some(Found::Counts(None)), 8, OWN))
    }

    #[test]
    fn without_a_digest_the_feed_alone_speaks() {
        let (hits, rest) = fold(day(), NOBODY, vec![event(2, 1, true), event(1, 1, false), event(3, 2, false)]);
        assert_eq!(hits, [Bought { day: day(), pieces: Pieces { adult: 2, child: 0 }, mark: 2 }]);
        assert_eq!(rest, None);
        // Gone, and it never came: it lay before what is known.
        assert_eq!(fold(day(), NOBODY, vec![event(2, 1, true)]), (vec![], None));
    }

    #[test]
    fn a_sale_of_the_digest_that_ceases_to_count_is_taken_out_of_it() {
        assert_eq!(fold(day(), set(), vec![event(9, 1, true)]), (vec![], None));
        let (_, rest) = fold(day(), counted(5), vec![event(9, 1, true)]);
        assert_eq!(rest.map(|rest| rest.pieces), Some(Some(Pieces { adult: 3, child: 0 })));
        assert_eq!(fold(day(), counted(2), vec![event(9, 1, true)]).1, None);
        // And comes back.
        let (hits, rest) = fold(day(), set(), vec![event(9, 1, true), event(10, 1, false)]);
        assert_eq!((hits.len(), rest.map(|rest| rest.pieces)), (0, Some(None)));
    }

    #[test]
    fn what_comes_and_goes_behind_the_digest_leaves_it_as_it_is() {
        let (hits, rest) = fold(day(), set(), vec![event(9, 1, false), event(10, 1, true), event(11, 2, false)]);
        assert_eq!(hits.len(), 1);
        assert_eq!(rest, Some(DigestHit { day: day(), pieces: None, upto: 8, own: OWN, marks: vec![1, 2] }));
    }

    #[test]
    fn somebody_the_digest_does_not_name_is_no_hit() {
        for found in [None, Some(Found::Gone)] {
            assert_eq!(fold(day(), Some((found, 8, OWN)), vec![]), (vec![], None));
        }
    }
}
