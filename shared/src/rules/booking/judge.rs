//! Which of a person's bookings counts: the same question before a booking, after a merge, and after a cancellation.
//!
//! Order of arrival does not matter: a booking that was taken back, wherever and whenever, does not count. The others are
//! looked at by instant, then card before typed, then site, then name. One counts unless an earlier one that counts is of
//! the same round, or still stood when it was made: its day had not passed, and the vaccine had not been given. Those that
//! do not count hold their places until somebody cancels them: nobody loses a place that they have on paper without a
//! word.

use chrono::NaiveDate;

use crate::entry::booking::Stands;
use crate::entry::{Instant, Reading};
use crate::ids::{EntryId, SiteCode, VersionName};
use crate::rules::booking::round::Round;
use crate::rules::calendar::{taipei_day, taipei_time};

/// A booking, or a wish that was granted.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// By which round: nobody has two in one.
    pub round: VersionName,
    /// The day of its slot: who misses it may book again in the next round.
    pub date: NaiveDate,
    /// When the vaccine was given, in seconds since 1970 (UTC).
    pub given: Option<i64>,
}

impl Made {
    /// Whether it stands in the way of one of this round at a second.
    #[must_use]
    pub fn blocks(&self, round: &VersionName, second: i64) -> bool {
        !self.cancelled && (self.round == *round || self.is_to_come(second))
    }

    /// Whether it matters to anybody at a second: its day is to come, or its round, if that is known, can still be booked.
    #[must_use]
    pub fn still_matters(&self, round: Option<&Round>, second: i64) -> bool {
        self.is_to_come(second) || round.is_none_or(|round| round.closes > taipei_time(second))
    }

    fn is_to_come(&self, second: i64) -> bool {
        self.date >= taipei_day(second) && self.given.is_none_or(|given| given > second)
    }
}

/// How each stands; of one that is over, which earlier one stood.
#[must_use]
pub fn judge(made: &[Made]) -> Vec<(EntryId, Stands, Option<EntryId>)> {
    let mut order: Vec<&Made> = made.iter().collect();
    order.sort_by_key(|one| (one.at.second, one.reading, one.site, one.id));
    let mut live: Vec<&Made> = Vec::new();
    let mut out = Vec::with_capacity(order.len());
    for one in order {
        let stood = live.iter().find(|other| other.blocks(&one.round, one.at.second)).map(|other| other.id);
        out.push(match (one.cancelled, stood) {
            (true, _) => (one.id, Stands::Cancelled, None),
            (false, Some(first)) => (one.id, Stands::Over, Some(first)),
            (false, None) => {
                live.push(one);
                (one.id, Stands::Live, None)
            }
        });
    }
    out
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
    use crate::rules::calendar::second_of;

    fn made(number: u8, second: i64, reading: Reading, cancelled: bool) -> Made {
        let id = EntryId { actor: ActorId([number; 16]), seq: 1 };
        Made {
            id,
            site: "5931102274".parse().unwrap(),
            at: Instant { second, doubt_s: 0 },
            reading,
            cancelled,
            round: "vaccine-r1".parse().unwrap(),
            date: NaiveDate::from_ymd_opt(1970, 1, 2).unwrap(),
            given: None,
        }
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
    fn who_was_given_it_or_missed_the_day_books_again() {
        const DAY_S: i64 = 86_400;
        let first = made(1, 10, Reading::Card, false);
        let next = |second| Made { round: "vaccine-r2".parse().unwrap(), ..made(2, second, Reading::Card, false) };
        let stands = |first: &Made, second: i64| stands(&[first.clone(), next(second)])[1].1;
        // The slot is on 2 January, in Taipei's days.
        assert_eq!(stands(&first, 2 * DAY_S - 8 * 3_600 - 1), Stands::Over, "the last second of its day");
        assert_eq!(stands(&first, 2 * DAY_S - 8 * 3_600), Stands::Live, "missed: book again");
        let same = [first.clone(), made(2, 9 * DAY_S, Reading::Card, false)];
        assert_eq!(judge(&same)[1].1, Stands::Over, "in the next round, not in this one");
        let given = Made { given: Some(5_000), ..first.clone() };
        assert_eq!((stands(&given, 4_999), stands(&given, 5_000)), (Stands::Over, Stands::Live));
    }

    #[test]
    fn it_matters_until_its_day_has_passed_and_while_its_round_can_be_booked() {
        const DAY_S: i64 = 86_400;
        let round = Round::parse(include_str!("../../../rounds/vaccine-2021-r1.toml")).unwrap();
        let closes = second_of(round.closes);
        let one = made(1, 10, Reading::Card, false);
        assert!(one.still_matters(Some(&round), closes - 1), "its day has passed, its round is open");
        assert!(!one.still_matters(Some(&round), closes));
        assert!(one.still_matters(None, closes), "nobody knows");
        let later = Made { date: taipei_day(closes), ..one };
        assert!(later.still_matters(Some(&round), closes) && !later.still_matters(Some(&round), closes + 2 * DAY_S));
        assert!(!Made { given: Some(closes), ..later }.still_matters(Some(&round), closes), "given");
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
