//! How time passes between the events of a small scenario.

use super::dice::Dice;

/// Mostly seconds, some a little more or less than the minute after which an answer must be known, and long waits.
pub(crate) struct Pace {
    /// The present second.
    pub(crate) now: i64,
    last: i64,
    /// The longest of the long waits, so that the events fill the time.
    wait_s: i64,
}

impl Pace {
    /// So many events from a second to another.
    pub(crate) fn new(first: i64, last: i64, events: usize) -> Self {
        // One event in four waits long: on average half of this.
        let wait_s = (last - first) * 8 / i64::try_from(events.max(8)).unwrap_or(i64::MAX);
        Self { now: first, last, wait_s }
    }

    pub(crate) fn pass(&mut self, dice: &mut Dice) {
        let wait = match dice.below(8) {
            0..3 => dice.between(0, 20),
            3..6 => dice.between(20, 150),
            _ => dice.between(0, self.wait_s),
        };
        self.now = (self.now + wait).min(self.last);
    }
}
