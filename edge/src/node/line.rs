//! How far the exchange has come: what the hub has of our log, and what its feed says of it. Pure.

use std::collections::VecDeque;

use shared::ids::Incarnation;
use shared::sync::edge::LogPos;

use crate::store::{Once, Progress, QuarantinedRun};

/// Most acknowledgements that wait for the feed; more are joined.
const PENDING_MAX: usize = 1_024;

/// The node's end of the line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) hub_life: Incarnation,
    /// How far the hub's ledgers have come down.
    pub(super) down: u64,
    /// The watermark: how far the nation's feed has come down.
    pub(super) feed: u64,
    /// The hub has everything up to here, but for the quarantined.
    pub(super) acked: LogPos,
    /// The nation's items stand for our sales up to here, but for the quarantined.
    covered: LogPos,
    /// Up to here this session's runs have been answered.
    settled: LogPos,
    /// Acknowledged up to, counted at this position of the feed.
    pending: VecDeque<(LogPos, u64)>,
    pub(super) quarantined: Vec<QuarantinedRun>,
}

impl Line {
    pub(super) fn new(once: &Once, quarantined: Vec<QuarantinedRun>) -> Self {
        Self {
            hub_life: once.hub_life,
            down: once.down,
            feed: once.feed,
            acked: once.acked,
            covered: once.covered,
            settled: once.acked,
            pending: VecDeque::new(),
            quarantined,
        }
    }

    /// Another life of the hub: it has nothing and we know nothing.
    pub(super) fn new_hub(&mut self, life: Incarnation) {
        self.hub_life = life;
        (self.down, self.feed, self.acked, self.covered, self.settled) = (0, 0, 0, 0, 0);
        self.pending.clear();
        self.quarantined.clear();
    }

    /// The hub's greeting: it has everything up to `pos`, counted at `feed`.
    pub(super) fn resumed(&mut self, pos: LogPos, feed: u64) {
        (self.acked, self.settled) = (pos, pos);
        self.pending.clear();
        self.pending.push_back((pos, feed));
        self.cover();
    }

    /// The hub has the next run, up to `upto`. Gives whether a run is not quarantined any more.
    pub(super) fn acked(&mut self, upto: LogPos, feed: u64) -> bool {
        let taken = self.settled.saturating_add(1)..=upto;
        let before = self.quarantined.len();
        self.quarantined.retain(|run| !(taken.contains(&run.first) && taken.contains(&run.last)));
        self.settle(upto);
        if self.pending.len() >= PENDING_MAX {
            self.pending.pop_back();
        }
        self.pending.push_back((upto, feed));
        self.cover();
        self.quarantined.len() < before
    }

    /// The hub has put the next run aside, up to `upto`.
    pub(super) fn quarantine(&mut self, upto: LogPos, why: String) {
        let first = self.settled.saturating_add(1);
        self.quarantined.retain(|run| !(first..=upto).contains(&run.first));
        self.quarantined.push(QuarantinedRun { first, last: upto, why });
        self.quarantined.sort_by_key(|run| run.first);
        self.settle(upto);
    }

    fn settle(&mut self, upto: LogPos) {
        self.settled = upto;
        self.acked = self.acked.max(upto);
    }

    /// What will be true when the feed is on the disk up to `feed`.
    pub(super) fn after_feed(&self, feed: u64) -> Progress {
        let counted = self.pending.iter().take_while(|(_, counted)| *counted <= feed).map(|(upto, _)| *upto);
        Progress { feed, acked: self.acked, covered: counted.fold(self.covered, LogPos::max) }
    }

    /// It is.
    pub(super) fn fed(&mut self, progress: Progress) {
        self.feed = progress.feed;
        self.cover();
    }

    fn cover(&mut self) {
        self.covered = self.after_feed(self.feed).covered;
        while self.pending.front().is_some_and(|(_, counted)| *counted <= self.feed) {
            self.pending.pop_front();
        }
    }

    /// What is true now.
    pub(super) fn progress(&self) -> Progress {
        Progress { feed: self.feed, acked: self.acked, covered: self.covered }
    }

    /// Whether the hub has an entry.
    pub(super) fn has(&self, pos: LogPos) -> bool {
        pos <= self.acked && !self.is_quarantined(pos)
    }

    /// Whether the nation's items stand for a sale of ours.
    pub(super) fn covers(&self, pos: LogPos) -> bool {
        pos <= self.covered && !self.is_quarantined(pos)
    }

    fn is_quarantined(&self, pos: LogPos) -> bool {
        self.quarantined.iter().any(|run| (run.first..=run.last).contains(&pos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockState;

    fn line() -> Line {
        let life = Incarnation([1; 16]);
        let clock = ClockState::default();
        let once =
            Once { incarnation: life, hub_life: life, down: 0, feed: 0, acked: 0, covered: 0, clock, clock_pos: 0 };
        Line::new(&once, vec![])
    }

    fn fed(line: &mut Line, feed: u64) {
        let progress = line.after_feed(feed);
        line.fed(progress);
    }

    #[test]
    fn a_sale_is_covered_when_the_feed_has_come_as_far_as_its_acknowledgement() {
        let mut line = line();
        line.resumed(0, 0);
        line.acked(3, 10);
        line.acked(5, 20);
        assert!(line.has(5) && !line.covers(3));
        fed(&mut line, 12);
        assert!(line.covers(3) && !line.covers(4));
        fed(&mut line, 20);
        assert!(line.covers(5) && !line.covers(6));
    }

    #[test]
    fn what_the_hub_put_aside_is_neither_there_nor_covered() {
        let mut line = line();
        line.resumed(0, 0);
        line.acked(2, 1);
        line.quarantine(4, "hash".to_owned());
        line.acked(6, 3);
        fed(&mut line, 3);
        let view: Vec<bool> = (1..=7).map(|pos| line.has(pos) && line.covers(pos)).collect();
        assert_eq!(view, [true, true, false, false, true, true, false]);
        // Sent again after a repair, and taken.
        line.resumed(2, 3);
        assert!(line.acked(4, 9));
        assert!(line.quarantined.is_empty());
    }

    #[test]
    fn a_new_hub_knows_nothing() {
        let mut line = line();
        line.resumed(7, 0);
        assert!(line.covers(7));
        line.new_hub(Incarnation([2; 16]));
        assert!(!line.covers(1) && !line.has(1));
    }
}
