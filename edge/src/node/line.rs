//! How far the exchange has come: what the hub has of our log, and what its feed says of it. Pure.

use std::collections::{BTreeMap, VecDeque};

use shared::ids::{ActorId, Incarnation};
use shared::sync::edge::LogPos;

use crate::nation::OwnAt;
use crate::store::{Once, Progress, QuarantinedRun, ReceiptRow};

/// Most acknowledgements that wait for the feed; more are joined.
const PENDING_MAX: usize = 1_024;

/// Rows of the log that the hub gave back: it has them, and its feed counts them at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenBack {
    pub(super) first: LogPos,
    pub(super) last: LogPos,
    pub(super) counted: u64,
}

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
    /// Up to here the hub may have the log: it has said so, or it was sent. On a line before this one, too: what was under
    /// way there may still arrive, and where a run comes twice the hub may say that it has less than it had.
    sent: LogPos,
    /// The hub had the log up to here when it greeted, counted by this position of the feed.
    greeted: (LogPos, u64),
    /// Acknowledged up to, counted at this position of the feed.
    pending: VecDeque<(LogPos, u64)>,
    pub(super) quarantined: Vec<QuarantinedRun>,
    /// In the order of the log; neighbours are joined.
    given_back: Vec<GivenBack>,
    /// The hub's receipts that are not on the disk yet, the newest of each actor.
    receipts: BTreeMap<ActorId, ReceiptRow>,
    /// How far what other lives of the store wrote has come back.
    pub(super) own: u64,
    /// How long the hub's journal was at the last greeting.
    pub(super) hub_journal: u64,
}

impl Line {
    /// With a log of `len` entries, of which nobody knows any more how many were sent.
    pub(super) fn new(once: &Once, len: LogPos, quarantined: Vec<QuarantinedRun>, given_back: Vec<GivenBack>) -> Self {
        let mut line = Self {
            hub_life: once.hub_life,
            down: once.down,
            feed: once.feed,
            acked: once.acked,
            covered: once.covered,
            settled: once.acked,
            sent: len,
            greeted: (0, u64::MAX),
            pending: VecDeque::new(),
            quarantined,
            given_back: Vec::new(),
            receipts: BTreeMap::new(),
            own: once.own,
            hub_journal: once.hub_journal,
        };
        given_back.into_iter().for_each(|rows| line.give_back(rows));
        line
    }

    /// The hub gave rows back; they are the last of the log.
    pub(super) fn give_back(&mut self, rows: GivenBack) {
        match self.given_back.last_mut().filter(|last| last.last + 1 == rows.first) {
            Some(last) => (last.last, last.counted) = (rows.last, last.counted.max(rows.counted)),
            None => self.given_back.push(rows),
        }
        self.skip_given_back();
    }

    /// Behind what is acknowledged may stand rows that the hub gave back itself.
    fn skip_given_back(&mut self) {
        self.acked = self.behind_given_back(self.acked);
        self.settled = self.behind_given_back(self.settled);
    }

    /// A position, or the end of the rows behind it that the hub gave back.
    pub(super) fn behind_given_back(&self, pos: LogPos) -> LogPos {
        self.given_back_at(pos + 1).map_or(pos, |rows| rows.last)
    }

    fn given_back_at(&self, pos: LogPos) -> Option<&GivenBack> {
        let behind = self.given_back.partition_point(|rows| rows.first <= pos);
        self.given_back.get(behind.checked_sub(1)?).filter(|rows| pos <= rows.last)
    }

    /// How many of the log's `len` entries the hub has.
    pub(super) fn count_had(&self, len: LogPos) -> LogPos {
        let back = self.given_back.iter().filter(|rows| rows.first > self.acked).map(|rows| rows.last + 1 - rows.first);
        self.acked.min(len) + back.sum::<LogPos>()
    }

    /// The hub's word on an entry; it goes to the disk with the feed.
    pub(super) fn receive(&mut self, receipt: ReceiptRow) {
        self.receipts.insert(receipt.id.actor, receipt);
    }

    /// Another life of the hub: we know nothing of it, and what it gave back it may have forgotten.
    pub(super) fn new_hub(&mut self, life: Incarnation) {
        self.hub_life = life;
        (self.down, self.feed, self.acked, self.covered, self.settled) = (0, 0, 0, 0, 0);
        (self.own, self.hub_journal) = (0, 0);
        self.pending.clear();
        self.quarantined.clear();
        self.given_back.clear();
    }

    /// The hub's greeting: it has everything up to `pos`, counted at `feed`.
    pub(super) fn resumed(&mut self, pos: LogPos, known: LogPos, feed: u64) {
        (self.acked, self.settled, self.sent) = (pos, pos, self.sent.max(known));
        self.greeted = (known, feed);
        self.skip_given_back();
        self.pending.clear();
        self.pending.push_back((pos, feed));
        self.cover();
    }

    /// A run up to here is on its way.
    pub(super) fn sends(&mut self, upto: LogPos) {
        self.sent = self.sent.max(upto);
    }

    /// How much of the log a digest up to this position of the feed can hold.
    pub(super) fn held_at(&self, feed: u64) -> OwnAt {
        let (known, by) = self.greeted;
        let counted = self.covered_at(feed).max(if by <= feed { known } else { 0 });
        OwnAt { counted, sent: self.sent }
    }

    /// Whether a digest up to this position counts an entry; none where nobody here can know.
    pub(super) fn is_held(&self, pos: LogPos, feed: u64, at: OwnAt) -> Option<bool> {
        if let Some(rows) = self.given_back_at(pos) {
            // By that position at the latest.
            return (rows.counted <= feed).then_some(true);
        }
        match pos {
            _ if self.is_quarantined(pos) => None,
            _ if pos <= at.counted => Some(true),
            _ if pos <= at.sent => None,
            _ => Some(false),
        }
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
        self.skip_given_back();
    }

    /// What will be true when the feed is on the disk up to `feed`.
    pub(super) fn after_feed(&self, feed: u64) -> Progress {
        let receipts = self.receipts.values().copied().collect();
        Progress { feed, acked: self.acked, covered: self.covered_at(feed), receipts }
    }

    fn covered_at(&self, feed: u64) -> LogPos {
        let counted = self.pending.iter().take_while(|(_, counted)| *counted <= feed).map(|(upto, _)| *upto);
        counted.fold(self.covered, LogPos::max)
    }

    /// It is.
    pub(super) fn fed(&mut self, progress: &Progress) {
        self.feed = progress.feed;
        self.receipts.clear();
        self.cover();
    }

    fn cover(&mut self) {
        self.covered = self.covered_at(self.feed);
        while self.pending.front().is_some_and(|(_, counted)| *counted <= self.feed) {
            self.pending.pop_front();
        }
    }

    /// What is true now.
    pub(super) fn progress(&self) -> Progress {
        Progress { feed: self.feed, acked: self.acked, covered: self.covered, receipts: Vec::new() }
    }

    /// Whether the hub has an entry.
    pub(super) fn has(&self, pos: LogPos) -> bool {
        let acked = pos <= self.acked && !self.is_quarantined(pos);
        acked || self.given_back_at(pos).is_some()
    }

    /// Whether the nation's items stand for a sale of ours.
    pub(super) fn covers(&self, pos: LogPos) -> bool {
        match self.given_back_at(pos) {
            Some(rows) => rows.counted <= self.feed,
            None => pos <= self.covered && !self.is_quarantined(pos),
        }
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
        let once = Once {
            incarnation: life,
            hub_life: life,
            down: 0,
            feed: 0,
            acked: 0,
            covered: 0,
            clock,
            clock_pos: 0,
            parent: None,
            own: 0,
            hub_journal: 0,
            caught: None,
            hub_signer: None,
        };
        Line::new(&once, 0, vec![], vec![])
    }

    fn fed(line: &mut Line, feed: u64) {
        let progress = line.after_feed(feed);
        line.fed(&progress);
    }

    #[test]
    fn a_sale_is_covered_when_the_feed_has_come_as_far_as_its_acknowledgement() {
        let mut line = line();
        line.resumed(0, 0, 0);
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
        line.resumed(0, 0, 0);
        line.acked(2, 1);
        line.quarantine(4, "hash".to_owned());
        line.acked(6, 3);
        fed(&mut line, 3);
        let view: Vec<bool> = (1..=7).map(|pos| line.has(pos) && line.covers(pos)).collect();
        assert_eq!(view, [true, true, false, false, true, true, false]);
        // Sent again after a repair, and taken.
        line.resumed(2, 2, 3);
        assert!(line.acked(4, 9));
        assert!(line.quarantined.is_empty());
    }

    #[test]
    fn what_the_hub_gave_back_is_there_and_counted_when_the_feed_has_come_so_far() {
        let mut line = line();
        line.resumed(0, 0, 0);
        line.acked(2, 5);
        // Two entries of ours wait; behind them five rows came back, in two pieces.
        line.give_back(GivenBack { first: 5, last: 7, counted: 8 });
        line.give_back(GivenBack { first: 8, last: 9, counted: 9 });
        assert_eq!((line.count_had(9), line.acked), (7, 2));
        assert!(line.has(2) && !line.has(3) && line.has(5) && line.has(9) && !line.has(10));
        fed(&mut line, 8);
        assert!(!line.covers(6), "joined pieces wait for the later one");
        fed(&mut line, 9);
        assert!(line.covers(2) && !line.covers(3) && line.covers(6) && line.covers(9));
        line.acked(4, 12);
        assert_eq!((line.count_had(9), line.acked), (9, 9), "the rows behind need no sending");
        assert_eq!(line.behind_given_back(4), 9);
        line.new_hub(Incarnation([3; 16]));
        assert!(!line.has(6) && line.behind_given_back(4) == 4, "a hub that may have forgotten gets them again");
    }

    #[test]
    fn a_new_hub_knows_nothing() {
        let mut line = line();
        line.resumed(7, 7, 0);
        assert!(line.covers(7));
        line.new_hub(Incarnation([2; 16]));
        assert!(!line.covers(1) && !line.has(1));
    }
}
