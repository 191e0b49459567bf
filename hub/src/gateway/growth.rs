//! Tells the lines that journal or feed have grown, a few lines at a time: with thousands of lines every commit would
//! else wake all of them at once, and whoever has just sold would wait behind them.

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
/// Shorter pauses are not worth a timer: so few lines are told at once.
const PAUSE_MIN: Duration = Duration::from_millis(2);

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
    let groups: [(watch::Sender<Growth>, watch::Receiver<Growth>); GROUPS] =
        array::from_fn(|_| watch::channel(*growth.borrow()));
    let told = Told(Arc::new(array::from_fn(|at| groups[at].1.clone())));
    (told, tell(growth, groups.map(|(tell, _)| tell), counters))
}

async fn tell(mut growth: watch::Receiver<Growth>, groups: [watch::Sender<Growth>; GROUPS], counters: Arc<Counters>) {
    while growth.changed().await.is_ok() {
        // What grows while some have been told is told to them in the next round.
        let now = *growth.borrow_and_update();
        for group in &groups {
            group.send_replace(now);
            let pause = pause(counters.lines.get());
            if pause >= PAUSE_MIN {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// After one group has been told.
fn pause(lines: u64) -> Duration {
    Duration::from_micros(lines * 1_000_000 / WOKEN_PER_S / GROUPS as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lines_are_told_at_once_and_many_one_group_after_the_other() {
        let round_ms = |lines| pause(lines).as_millis() * GROUPS as u128;
        assert!(pause(100) < PAUSE_MIN, "no pause");
        assert_eq!((round_ms(2_048), round_ms(6_528)), (512, 1_632));
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
