//! One step of a town: time passes, lines come and go, people ask, frames move, things break.

use anyhow::{Context, Result};

use super::ending::publish;
use super::{Plant, Town};

/// How often everything is looked at.
const WHOLE_CHECK_STEPS: u64 = 64;
/// How often a line comes and goes in one step.
const TURNS_MAX: u32 = 3;
const DAY_MS: i64 = 86_400_000;
/// So many times as often as at any other step a clock is set while its computer is off.
const WHILE_OFF: u64 = 16;
/// Taipei's distance from UTC.
const EIGHT_HOURS_MS: i64 = 8 * 3_600_000;
/// The clock of a computer is off by no more, in milliseconds: 400 days.
const OFFSET_MS_MAX: i64 = 400 * DAY_MS;

impl Town {
    pub(super) fn step(&mut self, step: u64) -> Result<()> {
        self.pass_time();
        for index in 0..self.knobs.era.versions.len() {
            let (_, after_ms) = self.knobs.era.versions[index];
            if self.begun_ms + after_ms <= self.now_ms {
                self.publish(index)?;
            }
        }
        self.publish_digests()?;
        for at in 0..self.sites.len() {
            self.turn_line(at)?;
        }
        let at = self.dice.index(self.sites.len());
        self.break_something(at)?;
        for _ in 0..=self.dice.below(3) {
            self.deed(at)?;
        }
        self.exchange()?;
        self.check_step()?;
        if step.is_multiple_of(WHOLE_CHECK_STEPS) {
            self.check_all()?;
        }
        self.note(1, &self.now_ms.to_le_bytes());
        Ok(())
    }

    /// Mostly moments, now and then hours, so that the days come to what was drawn.
    fn pass_time(&mut self) {
        let mean = self.knobs.days * DAY_MS / i64::try_from(self.knobs.steps).unwrap_or(1);
        self.now_ms += match self.dice.below(10) {
            0..=4 => self.dice.between(0, 2_000.min(mean)),
            5..=8 => self.dice.between(0, 2 * mean),
            _ => self.dice.between(2 * mean, 10 * mean),
        };
    }

    /// Publishes a version of the era, once.
    pub(super) fn publish(&mut self, index: usize) -> Result<()> {
        let (name, _) = self.knobs.era.versions[index];
        if self.published.contains(&name) {
            return Ok(());
        }
        let (text, second) = (self.text(name)?, self.second());
        publish(self.hub()?, &text, second)?;
        publish(&mut self.shadow, &text, second)?;
        self.published.push(name);
        self.hub_wrote()
    }

    /// What the feed has come to, where it is time.
    pub(super) fn publish_digests(&mut self) -> Result<()> {
        let Some(digests) = self.knobs.digests else { return Ok(()) };
        let second = self.second();
        if self.hub()?.publish_digests_in_time(digests.every_s, second)?.is_some() {
            self.hub_wrote()?;
        }
        Ok(())
    }

    /// The line comes or goes when its time is there.
    fn turn_line(&mut self, at: usize) -> Result<()> {
        for _ in 0..TURNS_MAX {
            if self.sites[at].turns_ms > self.now_ms {
                return Ok(());
            }
            let weather = self.knobs.weather[at];
            let is_up = self.sites[at].line.is_some();
            let (from, to) = if is_up { weather.down_ms } else { weather.up_ms };
            // As often short as long.
            let most = from.max(to >> self.dice.below(10));
            let lasts_ms = self.dice.between(from, most).max(1_000);
            self.sites[at].turns_ms += lasts_ms;
            if is_up {
                self.cut(at);
            } else {
                self.dial(at)?;
            }
        }
        // What happened in the hours that nobody looked at does not matter.
        self.sites[at].turns_ms = self.sites[at].turns_ms.max(self.now_ms);
        Ok(())
    }

    pub(super) fn happens(&mut self, per_1000: u64) -> bool {
        self.dice.below(1000) < per_1000
    }

    fn break_something(&mut self, at: usize) -> Result<()> {
        if self.happens(self.knobs.edge_crash_per_1000) {
            self.crash_edge(at)?;
        }
        if self.happens(self.knobs.hub_crash_per_1000) {
            self.crash_hub()?;
        }
        if self.happens(self.knobs.clock_per_1000) {
            self.set_clock(at);
        }
        if self.happens(self.knobs.again_per_1000) {
            self.deliver_again()?;
        }
        if let Some(liar) = self.liar
            && self.happens(self.knobs.lie_per_1000)
        {
            self.lie(liar)?;
        }
        self.shake(at)
    }

    /// Somebody, a battery or a time zone sets the wall clock of a computer.
    fn set_clock(&mut self, at: usize) {
        let by = [10_000, 600_000, EIGHT_HOURS_MS, 3 * DAY_MS, OFFSET_MS_MAX][self.dice.index(5)];
        let way = if self.dice.once_in(2) { -1 } else { 1 };
        let (offset_ms, fast_per_1000) = match self.dice.below(8) {
            0 | 1 => (0, 0),
            2 => (way * EIGHT_HOURS_MS, 0),
            3 => (way * OFFSET_MS_MAX, 0),
            // Reset to 1970.
            4 => (self.dice.between(0, DAY_MS) - self.now_ms, 0),
            5 => (0, self.dice.between(-500, 4_000)),
            _ => (self.dice.between(-by, by), 0),
        };
        let site = &mut self.sites[at];
        (site.offset_ms, site.fast_per_1000, site.set_ms) = (offset_ms, fast_per_1000, self.now_ms);
    }

    /// kill -9: what is not in the store is lost. Asked again for its last sale, it gives the same answer.
    fn crash_edge(&mut self, at: usize) -> Result<()> {
        self.crashes += 1;
        if self.happens(WHILE_OFF * self.knobs.clock_per_1000) {
            self.set_clock(at);
        }
        let seed = match self.knobs.plant {
            Some(Plant::ActorReused) => at as u64,
            _ => self.dice.next(),
        };
        let now_ms = self.now_ms;
        let left = self.unsynced.remove(&at);
        self.sites[at].crash(left, now_ms, seed)?;
        self.check_log(at)?;
        self.ask_again(at)
    }

    /// kill -9 of the hub: lines and what waits are gone.
    fn crash_hub(&mut self) -> Result<()> {
        self.crashes += 1;
        self.inbox.clear();
        for at in 0..self.sites.len() {
            self.cut(at);
        }
        let store = self.hub.take().context("a hub that is running")?.into_store();
        let dice = super::hub_dice(self.dice.next());
        let mut hub = hub::hub::Hub::open(store, &self.master, dice)?;
        self.jump(&mut hub);
        self.hub = Some(hub);
        Ok(())
    }

    /// Frames move on all lines, in any order; the hub's writer takes what has come.
    fn exchange(&mut self) -> Result<()> {
        let rounds = 1 + self.dice.below(3);
        for _ in 0..rounds {
            let first = self.dice.index(self.sites.len());
            for next in 0..self.sites.len() {
                let at = (first + next) % self.sites.len();
                if self.dice.once_in(6) {
                    self.ask_time(at)?;
                }
                let most = if self.dice.once_in(2) { 64 } else { self.dice.below(6) };
                self.carry(at, most)?;
            }
            let most = if self.dice.once_in(3) { self.dice.index(4) } else { usize::MAX };
            self.ingest(most)?;
        }
        Ok(())
    }
}
