//! How old this site's knowledge of the nation is (docs/architecture.md, promise 2).
//!
//! Each beacon says how long the hub's feed was then: once ours is as long, nothing is missing that the hub had told by
//! that moment. An earlier hub says it in its greeting and with each acknowledgement only. Pure but for the last note on
//! the disk.

use std::collections::VecDeque;

use shared::ids::ProgrammeId;
use shared::rules::knowledge::{Allowed, Heard, KnowledgeRule, Step};
use shared::rules::programme::Version;

use super::{Node, NodeError};
use crate::clock::Reading;
use crate::node::ask::Known;

/// Four beacons: so long after the last one the line is taken to be up.
const NOW_S: u64 = 60;
/// Most beacons that wait for the feed: a quarter of an hour of them. More are joined, the newest in the last.
const WAITING_MAX: usize = 64;
/// The note on the disk is made again after so many seconds.
const NOTED_EVERY_S: i64 = 600;

/// When the hub was last heard and nothing was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beat {
    /// By the monotonic clock of this process.
    mono_ms: u64,
    /// By the corrected clock, at the earliest; `None` where nobody knows.
    second: Option<i64>,
}

/// What is known of how old the knowledge is.
#[derive(Debug, Clone, Default)]
pub(super) struct Knowledge {
    /// How long the hub's feed is at least, as it said on this line.
    told: Option<u64>,
    /// Beacons of this line at which the hub's feed was longer than ours is, and how long.
    waiting: VecDeque<(u64, Beat)>,
    /// The last moment at which nothing was missing, in this process.
    caught: Option<Beat>,
    /// The same, as the disk has it.
    noted: Option<i64>,
}

impl Knowledge {
    pub(super) fn new(noted: Option<i64>) -> Self {
        Self { noted, ..Self::default() }
    }

    /// A line begins: the hub's feed is so long.
    pub(super) fn greeted(&mut self, feed: u64) {
        self.told = Some(feed);
        self.waiting.clear();
    }

    /// The hub's feed is at least so long.
    pub(super) fn told(&mut self, feed: u64) {
        self.told = self.told.max(Some(feed));
    }

    /// The hub was heard; its feed was so long, or nobody knows better than it has said on this line.
    fn beat(&mut self, feed: Option<u64>, beat: Beat) {
        let Some(feed) = feed.or(self.told) else { return };
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_back();
        }
        self.waiting.push_back((feed, beat));
    }

    /// Another life of the hub: nothing is known.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Our feed is on the disk up to `feed`, and whether a day's digest is missing. Gives what to note.
    fn look(&mut self, feed: u64, lags: bool) -> Option<i64> {
        let is_here = |(told, _): &&(u64, Beat)| !lags && *told <= feed;
        let (_, beat) = self.waiting.drain(..self.waiting.iter().take_while(is_here).count()).next_back()?;
        self.caught = Some(beat);
        let second = beat.second?;
        let is_news = self.noted.is_none_or(|noted| second < noted || second.saturating_sub(noted) >= NOTED_EVERY_S);
        is_news.then(|| *self.noted.insert(second))
    }

    /// How old it is.
    fn heard(&self, now: shared::entry::Instant, reading: Reading) -> Heard {
        match (self.caught, self.noted) {
            (Some(caught), _) => match reading.mono_ms.saturating_sub(caught.mono_ms) / 1_000 {
                0..=NOW_S => Heard::Now,
                age_s => Heard::Ago { age_s, doubt_s: 0 },
            },
            (None, Some(noted)) => {
                let age_s = u64::try_from(now.second.saturating_sub(noted)).unwrap_or(0);
                Heard::Ago { age_s, doubt_s: now.doubt_s }
            }
            (None, None) => Heard::Never,
        }
    }
}

impl Node {
    /// How old the knowledge of the nation is.
    pub(super) fn heard(&self, now: shared::entry::Instant, reading: Reading) -> Heard {
        self.knowledge.heard(now, reading)
    }

    /// The hub was heard.
    pub(super) fn heard_beacon(&mut self, got: Reading, feed: Option<u64>) -> Result<(), NodeError> {
        let now = self.clock.now(got);
        let second = (now.doubt_s != u32::MAX).then(|| now.second.saturating_sub(i64::from(now.doubt_s)));
        self.knowledge.beat(feed, Beat { mono_ms: got.mono_ms, second });
        self.look_whether_caught_up()
    }

    /// The feed has come further, or the hub was heard.
    pub(super) fn look_whether_caught_up(&mut self) -> Result<(), NodeError> {
        let lags = !self.lagging_today().is_empty();
        match self.knowledge.look(self.line.feed, lags) {
            Some(second) => {
                let noted = self.store.put_caught(second);
                self.promised(noted)
            }
            None => Ok(()),
        }
    }

    /// For the screens: by the version in force that allows the least.
    pub(super) fn known(&self, now: shared::entry::Instant, reading: Reading) -> Known {
        let heard = self.heard(now, reading);
        let versions = &self.rules.versions;
        let today = shared::rules::calendar::taipei_day(now.second);
        let in_force = |programme: &ProgrammeId| versions.in_force(programme, today);
        let said = |rule: &KnowledgeRule| (rule.allowed(rule.step(heard)), rule.step(heard));
        let rules = versions.programmes().filter_map(in_force).map(|version: &Version| said(&version.knowledge));
        let (allowed, step): (Allowed, Step) = rules.max().unwrap_or_else(|| said(&KnowledgeRule::default()));
        Known { heard, step, allowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::entry::Instant;

    fn beat(known: &mut Knowledge, feed: Option<u64>, second: i64) {
        known.beat(feed, Beat { mono_ms: u64::try_from(second).unwrap() * 1_000, second: Some(second) });
    }

    fn heard(known: &Knowledge, second: i64, doubt_s: u32) -> Heard {
        let reading = Reading { wall_ms: second * 1_000, mono_ms: u64::try_from(second).unwrap() * 1_000 };
        known.heard(Instant { second, doubt_s }, reading)
    }

    #[test]
    fn caught_up_is_what_the_hub_has_told_and_not_more() {
        let mut known = Knowledge::new(None);
        assert_eq!(heard(&known, 100, 1), Heard::Never);
        known.greeted(7);
        assert_eq!(known.look(7, false), None, "nobody knows since when");
        beat(&mut known, None, 100);
        assert_eq!(known.look(6, false), None, "one is missing");
        assert_eq!(known.look(7, true), None, "the digest of a day is missing");
        assert_eq!(heard(&known, 100, 1), Heard::Never);
        assert_eq!(known.look(7, false), Some(100));
        assert_eq!(heard(&known, 160, 1), Heard::Now);
        assert_eq!(heard(&known, 161, 1), Heard::Ago { age_s: 61, doubt_s: 0 });
        // An acknowledgement says that there is more: until it is here nothing gets younger.
        known.told(9);
        beat(&mut known, None, 200);
        assert_eq!((known.look(7, false), heard(&known, 200, 1)), (None, Heard::Ago { age_s: 100, doubt_s: 0 }));
        assert_eq!((known.look(9, false), heard(&known, 200, 1)), (None, Heard::Now), "and the disk knows well enough");
    }

    /// On a line that is slower than the feed grows nothing else would say that a site falls behind which only listens.
    #[test]
    fn a_beacon_counts_when_the_feed_is_here_that_the_hub_had_then() {
        let mut known = Knowledge::new(None);
        known.greeted(7);
        beat(&mut known, Some(9), 100);
        beat(&mut known, Some(12), 115);
        assert_eq!((known.look(8, false), heard(&known, 116, 1)), (None, Heard::Never));
        assert_eq!((known.look(11, false), heard(&known, 400, 1)), (Some(100), Heard::Ago { age_s: 300, doubt_s: 0 }));
        assert_eq!((known.look(12, false), heard(&known, 116, 1)), (None, Heard::Now));
        for n in 0..1_000 {
            beat(&mut known, Some(20 + n), 200 + i64::try_from(n).unwrap());
        }
        assert_eq!(known.waiting.len(), WAITING_MAX);
        known.look(1_018, false);
        assert_eq!(heard(&known, 1_199, 1), Heard::Ago { age_s: 1_199 - 262, doubt_s: 0 });
        known.look(1_019, false);
        assert_eq!(heard(&known, 1_199, 1), Heard::Now);
    }

    #[test]
    fn the_next_line_begins_with_what_the_hub_says_then() {
        let mut known = Knowledge::new(None);
        known.greeted(3);
        beat(&mut known, None, 100);
        known.look(3, false);
        known.greeted(5);
        assert_eq!(known.look(5, false), None, "by a beacon of this line only");
        assert_eq!(heard(&known, 400, 1), Heard::Ago { age_s: 300, doubt_s: 0 });
        beat(&mut known, None, 1_000);
        assert_eq!(known.look(5, false), Some(1_000));
        known.forget();
        assert_eq!(heard(&known, 1_000, 1), Heard::Never, "of another life of the hub nothing is known");
    }

    #[test]
    fn after_a_restart_the_clocks_doubt_makes_it_older() {
        let known = Knowledge::new(Some(1_000));
        assert_eq!(heard(&known, 4_600, 28_860), Heard::Ago { age_s: 3_600, doubt_s: 28_860 });
        assert_eq!(heard(&known, 500, u32::MAX), Heard::Ago { age_s: 0, doubt_s: u32::MAX });
    }
}
