//! Tells the lines that journal or feed have grown, a few lines at a time and each at most once a second: with thousands
//! of lines every commit would else wake all of them at once, and whoever has just sold would wait behind them.

use std::array;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::counters::Counters;
use crate::mailbox::Growth;

/// Groups of lines that are told one after the other.
const GROUPS: usize = 16;
/// Lines that are woken in a second: what 6,500 edges hear of is less than two seconds old.
const WOKEN_PER_S: u64 = 4_000;
/// Nobody is told more often than once in so many microseconds: what many sales have in common is sent once, and both
/// ends wake up once.
const ROUND_US_MIN: u64 = 1_000_000;
/// So few lines are told at once.
const FEW_LINES: u64 = 128;

/// Where a line hears of growth.
#[derive(Debug, Clone)]
pub(crate) struct Told(Arc<[watch::Receiver<Growth>; GROUPS]>);

impl Told {
    /// For the line of this number.
    pub(crate) fn of(&self, line: u64) -> watch::Receiver<Growth> {
        let group = usize::try_from(line % GROUPS as u64).unwrap_or(0);
        self.0[group].clone()
    }
}

/// Passes on what `growth` says until it ends.
pub(super) fn pass_on(growth: watch::Receiver<Growth>, counters: Arc<Counters>) -> (Told, impl Future<Output = ()>) {
    let begun = *growth.borrow();
    let groups: [(watch::Sender<Growth>, watch::Receiver<Growth>); GROUPS] = array::from_fn(|_| watch::channel(begun));
    let told = Told(Arc::new(array::from_fn(|at| groups[at].1.clone())));
    (told, tell(growth, groups.map(|(tell, _)| tell), counters))
}

async fn tell(mut growth: watch::Receiver<Growth>, groups: [watch::Sender<Growth>; GROUPS], counters: Arc<Counters>) {
    let mut newest = *groups[0].borrow();
    let mut behind = 0_usize;
    for group in groups.iter().cycle() {
        if behind == 0 && growth.changed().await.is_err() {
            return;
        }
        // Each hears the newest when it has its turn; those before it hear of that in their next: within one round.
        let now = *growth.borrow_and_update();
        behind = if now == newest { behind.saturating_sub(1) } else { GROUPS - 1 };
        newest = now;
        group.send_replace(now);
        let pause = pause(counters.lines.get());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// After one group has been told.
fn pause(lines: u64) -> Duration {
    if lines <= FEW_LINES {
        return Duration::ZERO;
    }
    let round_us = (lines * 1_000_000 / WOKEN_PER_S).max(ROUND_US_MIN);
    Duration::from_micros(round_us / GROUPS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lines_are_told_at_once_and_many_one_group_after_the_other() {
        let round_us = |lines| pause(lines).as_micros() * GROUPS as u128;
        assert_eq!(pause(FEW_LINES), Duration::ZERO);
        assert_eq!([129, 2_048, 4_000, 6_528].map(round_us), [1_000_000, 1_000_000, 1_000_000, 1_632_000]);
    }

    #[tokio::test]
    async fn whoever_has_its_turn_hears_the_newest_and_those_before_it_in_their_next() {
        let at = |feed| Growth { journal: feed, feed, manifest: 0 };
        let (grow, growth) = watch::channel(at(0));
        let counters = Arc::new(Counters::default());
        counters.lines.add(500);
        let (told, telling) = pass_on(growth, counters);
        let telling = tokio::spawn(telling);
        let (mut first, mut last) = (told.of(0), told.of(GROUPS as u64 - 1));
        grow.send_replace(at(1));
        first.changed().await.unwrap();
        grow.send_replace(at(2));
        last.changed().await.unwrap();
        assert_eq!(*last.borrow_and_update(), at(2), "not a round later");
        first.wait_for(|now| *now == at(2)).await.unwrap();
        drop(grow);
        telling.await.unwrap();
    }

    #[tokio::test]
    async fn every_line_hears_and_a_hub_that_stops_says_so() {
        let (grow, growth) = watch::channel(Growth::default());
        let counters = Arc::new(Counters::default());
        counters.lines.add(500);
        let (told, telling) = pass_on(growth, counters);
        let telling = tokio::spawn(telling);
        let grown = Growth { journal: 1, feed: 1, manifest: 0 };
        grow.send_replace(grown);
        for line in 0..GROUPS as u64 {
            told.of(line).wait_for(|now| *now == grown).await.unwrap();
        }
        drop(grow);
        telling.await.unwrap();
        assert!(told.of(0).has_changed().is_err());
    }
}
