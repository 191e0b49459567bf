//! What time it is, as well as an edge can know (docs/architecture.md).
//!
//! Pure: the wall clock and the monotonic clock come in as [`Reading`]s, the hub's time as beacons.
//! After a beacon the time is the beacon's plus the monotonic clock: who moves the wall clock moves
//! nothing. Before one it is the wall clock as it stood at the start, with the last known correction,
//! and never before the last second that was written into the ledger. While the program was off
//! anybody may have set the wall clock: until the next beacon the time is doubted by as much as it
//! went on meanwhile (docs/clocks.md).

use shared::entry::Instant;

/// How much a computer's clock drifts at most, in parts per million.
const DRIFT_PPM: u64 = 50;
/// A beacon says whole seconds.
const BEACON_DOUBT_MS: u64 = 1_000;
/// Half of what the beacon's second leaves open.
const BEACON_MIDDLE_MS: i64 = 500;
/// A wall clock with an old correction is doubted by so much, by its drift since, and by what follows.
const RESTART_DOUBT_S: u32 = 60;
/// A start within so many seconds after the last thing known leaves no room for more than that.
const AT_ONCE_S: u64 = 600;
/// After a longer pause: as far as Taipei's time and UTC are apart, a slip that is made at a start.
const SLIP_S: u64 = 8 * 3_600;
/// A wall clock with its correction that is further ahead was set otherwise, if without it it is not.
const LOST_S: i64 = 30 * 86_400;
/// The last beacon is kept again after so many seconds.
const KEPT_S: i64 = 600;
/// A beacon that took longer says nothing.
const ROUND_TRIP_MS_MAX: u64 = 60_000;
/// A wall clock that is so far off its correction was moved, in milliseconds.
const MOVED_MS: u64 = 5_000;
/// So far back a wall clock may go that is only being disciplined, in milliseconds.
const SLEW_MS: i64 = 2_000;
/// So far ahead it may be: a second is lost by writing whole ones.
const AHEAD_MS: i64 = SLEW_MS + 1_000;
/// Corrections backwards by less than this stand still instead.
const STILL_MS: i64 = 5_000;

/// The computer's two clocks, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock: milliseconds since 1970 (UTC), true or not.
    pub wall_ms: i64,
    /// Milliseconds since any fixed moment, never set, never backwards.
    pub mono_ms: u64,
}

/// What survives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockState {
    /// True time minus wall time at the last beacon.
    pub offset_ms: i64,
    /// The second of the last beacon; `None` where there never was one.
    pub synced_second: Option<i64>,
    /// The last second that was written.
    pub high_second: i64,
    /// How far off that was, as the site knew it: not kept beside the ledger, which has it.
    pub high_doubt_s: u32,
}

impl Default for ClockState {
    fn default() -> Self {
        Self { offset_ms: 0, synced_second: None, high_second: 0, high_doubt_s: u32::MAX }
    }
}

/// A moment whose true time is known.
#[derive(Clone, Copy, Debug)]
struct Fix {
    mono_ms: u64,
    true_ms: i64,
    doubt_ms: u64,
}

/// What the wall clock is worth while no beacon was seen since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It fits what was known, and may have been set by so many seconds while the program was off.
    Fits { doubt_s: u32 },
    /// There never was a beacon, it stands before what was written, or somebody has set it while the program was off
    /// and nobody knows how well: it may be set right, never back.
    Lost,
    /// Somebody set it while the program ran: only the monotonic clock is followed.
    Moved,
}

/// The edge's clock.
#[derive(Clone, Debug)]
pub struct Clock {
    state: ClockState,
    fix: Option<Fix>,
    trust: Trust,
    /// The monotonic time of the last beacon since the start.
    heard_ms: Option<u64>,
    /// The start, or the last second written since: time does not go back behind it.
    floor: Fix,
}

impl Clock {
    /// After a start.
    #[must_use]
    pub fn restore(state: ClockState, reading: Reading) -> Self {
        let was_set = state.is_outlived(reading);
        let state = ClockState { offset_ms: if was_set { 0 } else { state.offset_ms }, ..state };
        let wall_ms = reading.wall_ms.saturating_add(state.offset_ms);
        // What the wall clock says at the start holds while it runs: set later, it is not followed.
        let true_ms = state.high_second.saturating_mul(1_000).max(wall_ms);
        let floor = Fix { mono_ms: reading.mono_ms, true_ms, doubt_ms: 0 };
        let trust = if was_set { Trust::Lost } else { state.trust(wall_ms) };
        Self { state, fix: None, trust, heard_ms: None, floor }
    }

    /// What to keep for the next start.
    #[must_use]
    pub fn state(&self) -> ClockState {
        self.state
    }

    /// Whether a beacon was seen since the start.
    #[must_use]
    pub fn beacon_seen(&self) -> bool {
        self.fix.is_some()
    }

    /// How long ago the hub was heard last, as far as is known; `None` where it never was.
    #[must_use]
    pub fn beacon_age_s(&self, reading: Reading) -> Option<u64> {
        match (self.heard_ms, self.state.synced_second) {
            (Some(heard_ms), _) => Some(reading.mono_ms.saturating_sub(heard_ms) / 1_000),
            (None, Some(synced)) => Some(u64::try_from(self.now(reading).second.saturating_sub(synced)).unwrap_or(0)),
            (None, None) => None,
        }
    }

    /// The time, and how far off it may be.
    #[must_use]
    pub fn now(&self, reading: Reading) -> Instant {
        match self.fix {
            Some(fix) => {
                let (ms, doubt_ms) = fix.at(reading);
                let behind = self.state.high_second.saturating_mul(1_000).saturating_sub(ms);
                let ms = if (0..=STILL_MS).contains(&behind) { ms.saturating_add(behind) } else { ms };
                Instant { second: ms.div_euclid(1_000), doubt_s: seconds_up(doubt_ms) }
            }
            None => self.without_beacon(reading),
        }
    }

    fn without_beacon(&self, reading: Reading) -> Instant {
        let wall_ms = reading.wall_ms.saturating_add(self.state.offset_ms);
        let floor_second = self.floor.at(reading).0.div_euclid(1_000);
        match self.trust {
            Trust::Moved => Instant { second: floor_second, doubt_s: u32::MAX },
            Trust::Lost => Instant { second: wall_ms.div_euclid(1_000).max(floor_second), doubt_s: u32::MAX },
            Trust::Fits { .. } if self.is_moved(reading) => Instant { second: floor_second, doubt_s: u32::MAX },
            Trust::Fits { doubt_s } => {
                let second = wall_ms.div_euclid(1_000).max(self.state.high_second);
                let since = self.state.synced_second.map_or(0, |synced| second.abs_diff(synced));
                let drift = u32::try_from(since.saturating_mul(2 * DRIFT_PPM) / 1_000_000).unwrap_or(u32::MAX);
                Instant { second, doubt_s: drift.saturating_add(doubt_s) }
            }
        }
    }

    /// Whether wall clock and monotonic clock have parted since the start: somebody has set the wall clock.
    fn is_moved(&self, reading: Reading) -> bool {
        let wall_ms = reading.wall_ms.saturating_add(self.state.offset_ms);
        let (floor_ms, drift_ms) = self.floor.at(reading);
        let drift_ms = i64::try_from(drift_ms).unwrap_or(i64::MAX);
        let ahead_ms = wall_ms.saturating_sub(floor_ms);
        ahead_ms > drift_ms.saturating_add(AHEAD_MS) || ahead_ms < -drift_ms.saturating_add(SLEW_MS)
    }

    /// An entry of this instant is on the disk.
    pub fn wrote(&mut self, at: Instant, reading: Reading) {
        let second = at.second;
        (self.state.high_second, self.state.high_doubt_s) = (second, at.doubt_s);
        match (self.fix, self.trust) {
            // Measured from the start: nobody leads the clock astray by small steps.
            (None, Trust::Fits { .. } | Trust::Moved) => {}
            (Some(_), _) | (None, Trust::Lost) => {
                let (ms, _) = self.floor.at(reading);
                // Whole seconds are written; the rest must not be lost each time.
                let true_ms = if ms.div_euclid(1_000) == second { ms } else { second.saturating_mul(1_000) };
                self.floor = Fix { mono_ms: reading.mono_ms, true_ms, doubt_ms: 0 };
            }
        }
    }

    /// The hub's time, asked for at one reading and got at another. Gives what is worth keeping, if anything.
    pub fn beacon(&mut self, asked: Reading, got: Reading, hub_second: i64) -> Option<ClockState> {
        let round_trip_ms = got.mono_ms.checked_sub(asked.mono_ms)?;
        if round_trip_ms > ROUND_TRIP_MS_MAX {
            return None;
        }
        self.heard_ms = Some(got.mono_ms);
        let half = i64::try_from(round_trip_ms / 2).unwrap_or(0);
        let true_ms = hub_second.saturating_mul(1_000).saturating_add(BEACON_MIDDLE_MS).saturating_add(half);
        let fix = Fix { mono_ms: got.mono_ms, true_ms, doubt_ms: round_trip_ms / 2 + BEACON_DOUBT_MS };
        if self.fix.is_some_and(|old| old.is_better(&fix, got)) {
            return None;
        }
        let first = self.fix.replace(fix).is_none();
        self.keep(true_ms, got, first)
    }

    /// Whether somebody moved the wall clock since the correction was kept, seen by the monotonic clock. Gives what to
    /// keep: with it a restart without a line goes on from the time that this process knows.
    pub fn moved(&mut self, reading: Reading) -> Option<ClockState> {
        let unknown = match self.trust {
            Trust::Fits { .. } | Trust::Moved | Trust::Lost if self.fix.is_some() => false,
            Trust::Fits { .. } => self.is_moved(reading),
            Trust::Moved => true,
            // It stays lost over any start until the hub is heard; it may be set right, so no correction is noted.
            Trust::Lost => return self.state.synced_second.take().map(|_| self.state),
        };
        if self.fix.is_none() && !unknown {
            return None;
        }
        let offset_ms = self.now(reading).second.saturating_mul(1_000).saturating_sub(reading.wall_ms);
        if offset_ms.abs_diff(self.state.offset_ms) < MOVED_MS {
            return None;
        }
        self.state.offset_ms = offset_ms;
        if self.fix.is_none() {
            // Nobody knows how wrong the clock was before.
            self.state.synced_second = None;
            self.trust = Trust::Moved;
        }
        Some(self.state)
    }

    fn keep(&mut self, true_ms: i64, got: Reading, first: bool) -> Option<ClockState> {
        let old = self.state;
        let second = true_ms.div_euclid(1_000);
        self.state.offset_ms = true_ms.saturating_sub(got.wall_ms);
        self.state.synced_second = Some(second);
        let back = self.state.high_second.saturating_mul(1_000).saturating_sub(true_ms) > STILL_MS;
        if back {
            // What was written came from a clock that ran ahead; the truth does not wait for it.
            self.wrote(Instant { second, doubt_s: RESTART_DOUBT_S }, got);
        }
        let moved = self.state.offset_ms.abs_diff(old.offset_ms) >= 2 * BEACON_DOUBT_MS;
        // A start goes on from here: the longer ago, the less it knows.
        let old_news = old.synced_second.is_none_or(|synced| second.saturating_sub(synced) > KEPT_S);
        if !(first || back || moved || old_news) {
            self.state.synced_second = old.synced_second;
            return None;
        }
        Some(self.state)
    }
}

impl ClockState {
    /// The last second that is certainly past.
    fn known_second(&self) -> i64 {
        let written = match self.high_doubt_s {
            u32::MAX => i64::MIN,
            doubt_s => self.high_second.saturating_sub(i64::from(doubt_s)),
        };
        written.max(self.synced_second.unwrap_or(i64::MIN))
    }

    /// Whether somebody has set a wall clock right that stood years off: the old correction then leads as far astray,
    /// and without it the clock fits what is known.
    fn is_outlived(&self, reading: Reading) -> bool {
        let ahead = |offset_ms: i64| {
            reading.wall_ms.saturating_add(offset_ms).div_euclid(1_000).saturating_sub(self.known_second())
        };
        self.synced_second.is_some() && ahead(self.offset_ms) > LOST_S && (0..=LOST_S).contains(&ahead(0))
    }

    /// What a wall clock is worth that shows this at the start.
    fn trust(&self, wall_ms: i64) -> Trust {
        let second = wall_ms.saturating_add(SLEW_MS).div_euclid(1_000);
        match u64::try_from(second.saturating_sub(self.known_second())) {
            Ok(went_on) if self.synced_second.is_some() && second >= self.high_second => {
                let set_by = if went_on <= AT_ONCE_S { went_on } else { went_on.max(SLIP_S) };
                Trust::Fits { doubt_s: u32::try_from(set_by).unwrap_or(u32::MAX).saturating_add(RESTART_DOUBT_S) }
            }
            Ok(_) | Err(_) => Trust::Lost,
        }
    }
}

impl Fix {
    /// The time at a reading, and the doubt, in milliseconds.
    fn at(&self, reading: Reading) -> (i64, u64) {
        let elapsed = reading.mono_ms.saturating_sub(self.mono_ms);
        let ms = self.true_ms.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX));
        (ms, self.doubt_ms.saturating_add(elapsed.saturating_mul(DRIFT_PPM) / 1_000_000))
    }

    /// Whether the old one still says more than the new one: narrower, and the two agree.
    fn is_better(&self, new: &Self, reading: Reading) -> bool {
        let (ms, doubt_ms) = self.at(reading);
        doubt_ms < new.doubt_ms && ms.abs_diff(new.true_ms) <= doubt_ms.saturating_add(new.doubt_ms)
    }
}

fn seconds_up(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
