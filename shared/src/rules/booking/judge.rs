//! Which of a person's bookings counts: the same question before a booking, after a merge, and after a cancellation.
//!
//! Order does not matter: a booking that was taken back, wherever and whenever, does not count; of those that are left
//! the first one does, by instant, then card before typed, then site, then name. The others hold their places until
//! somebody cancels them: nobody loses a place that they have on paper without a word.

use crate::entry::booking::Stands;
use crate::entry::{Instant, Reading};
use crate::ids::{EntryId, SiteCode};

/// A booking, or a wish that was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Made {
    /// Its entry.
    pub id: EntryId,
    /// Where.
    pub site: SiteCode,
    /// When, as the site knew it.
    pub at: Instant,
    /// How the document was read.
    pub reading: Reading,
    /// Somebody took it back.
    pub cancelled: bool,
}

/// How each stands; of one that is over, which one came first.
#[must_use]
pub fn judge(made: &[Made]) -> Vec<(EntryId, Stands, Option<EntryId>)> {
    let mut order: Vec<&Made> = made.iter().collect();
    order.sort_by_key(|one| (one.at.second, one.reading, one.site, one.id));
    let live = order.iter().find(|one| !one.cancelled).map(|one| one.id);
    let stands = |one: &&Made| match (one.cancelled, live) {
        (true, _) => (one.id, Stands::Cancelled, None),
        (false, Some(first)) if first != one.id => (one.id, Stands::Over, Some(first)),
        (false, _) => (one.id, Stands::Live, None),
    };
    order.iter().map(stands).collect()
}

/// Whether the doubts of two instants leave open which came first.
#[must_use]
pub fn is_open(one: Instant, other: Instant) -> bool {
    let apart = one.second.abs_diff(other.second);
    apart <= u64::from(one.doubt_s) + u64::from(other.doubt_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;

    fn made(number: u8, second: i64, reading: Reading, cancelled: bool) -> Made {
        let id = EntryId { actor: ActorId([number; 16]), seq: 1 };
        Made { id, site: "5931102274".parse().unwrap(), at: Instant { second, doubt_s: 0 }, reading, cancelled }
    }

    fn stands(made: &[Made]) -> Vec<(u8, Stands)> {
        let mut all: Vec<_> = judge(made).into_iter().map(|(id, stands, _)| (id.actor.0[0], stands)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn the_first_that_was_not_taken_back_counts_in_whatever_order_they_come() {
        use Reading::{Card, Typed};
        use Stands::{Cancelled, Live, Over};
        for (all, expected) in [
            (vec![], vec![]),
            (vec![made(1, 10, Card, false)], vec![(1, Live)]),
            (vec![made(1, 10, Card, false), made(2, 20, Card, false)], vec![(1, Live), (2, Over)]),
            (vec![made(1, 10, Card, true), made(2, 20, Card, false)], vec![(1, Cancelled), (2, Live)]),
            (vec![made(1, 10, Typed, false), made(2, 10, Card, false)], vec![(1, Over), (2, Live)]),
            (
                vec![made(1, 10, Card, true), made(2, 20, Card, false), made(3, 30, Card, false)],
                vec![(1, Cancelled), (2, Live), (3, Over)],
            ),
            (vec![made(1, 10, Card, true), made(2, 20, Card, true)], vec![(1, Cancelled), (2, Cancelled)]),
        ] {
            assert_eq!(stands(&all), expected, "{all:?}");
            let mut turned = all.clone();
            turned.reverse();
            assert_eq!(stands(&turned), expected, "turned {all:?}");
        }
    }

    #[test]
    fn who_came_first_is_named_and_doubt_leaves_it_open() {
        let all = [made(1, 10, Reading::Card, false), made(2, 20, Reading::Card, false)];
        let over = judge(&all).into_iter().find(|(_, stands, _)| *stands == Stands::Over).unwrap();
        assert_eq!(over.2, Some(all[0].id));
        let at = |second, doubt_s| Instant { second, doubt_s };
        assert!(is_open(at(10, 5), at(20, 5)) && !is_open(at(10, 4), at(20, 5)));
        assert!(is_open(at(10, u32::MAX), at(i64::from(u32::MAX), 0)));
    }
}
