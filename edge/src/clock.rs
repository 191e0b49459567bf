//! What time it is, as well as an edge can know (docs/architecture.md).
//!
//! Pure: the wall clock and the monotonic clock come in as [`Reading`]s, the hub's time as beacons.
//! After a beacon the time is the beacon's plus the monotonic clock: who moves the wall clock moves
//! nothing. Before one it is the wall clock with the last known correction, and never before the
//! last second that was written into the ledger.

use shared::entry::Instant;

/// How much a computer's clock drifts at most, in parts per million.
const DRIFT_PPM: u64 = 50;
/// A beacon says whole seconds.
const BEACON_DOUBT_MS: u64 = 1_000;
/// Half of what the beacon's second leaves open.
const BEACON_MIDDLE_MS: i64 = 500;
/// A wall clock with an old correction is doubted by so much, and by its drift since.
const RESTART_DOUBT_S: u32 = 60;
/// A beacon that took longer says nothing.
const ROUND_TRIP_MS_MAX: u64 = 60_000;
/// A wall clock that is so far off its correction was moved, in milliseconds.
const MOVED_MS: u64 = 5_000;
/// So far back a wall clock may go that is only being disciplined, in milliseconds.
const SLEW_MS: i64 = 2_000;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ClockState {
    /// True time minus wall time at the last beacon.
    pub offset_ms: i64,
    /// The second of the last beacon; `None` where there never was one.
    pub synced_second: Option<i64>,
    /// The last second that was written.
    pub high_second: i64,
}

/// A moment whose true time is known.
#[derive(Clone, Copy, Debug)]
struct Fix {
    mono_ms: u64,
    true_ms: i64,
    doubt_ms: u64,
}

/// The edge's clock.
#[derive(Clone, Debug)]
pub struct Clock {
    state: ClockState,
    fix: Option<Fix>,
    /// The last second written, and the monotonic time at which it was.
    floor: Fix,
}

impl Clock {
    /// After a start.
    #[must_use]
    pub fn restore(state: ClockState, reading: Reading) -> Self {
        // What the wall clock says at the start holds while it runs: set back later, it is not followed.
        let true_ms = state.high_second.saturating_mul(1_000).max(reading.wall_ms.saturating_add(state.offset_ms));
        let floor = Fix { mono_ms: reading.mono_ms, true_ms, doubt_ms: 0 };
        Self { state, fix: None, floor }
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
        let (floor_ms, drift_ms) = self.floor.at(reading);
        let drift_ms = i64::try_from(drift_ms).unwrap_or(i64::MAX);
        if wall_ms.saturating_add(drift_ms).saturating_add(SLEW_MS) < floor_ms {
            // Somebody has set the clock back: not followed, and not trusted either.
            return Instant { second: floor_ms.div_euclid(1_000), doubt_s: u32::MAX };
        }
        let second = wall_ms.div_euclid(1_000).max(self.state.high_second);
        let doubt_s = match self.state.synced_second {
            Some(synced) => {
                let drift = second.abs_diff(synced).saturating_mul(2 * DRIFT_PPM) / 1_000_000;
                u32::try_from(drift).unwrap_or(u32::MAX).saturating_add(RESTART_DOUBT_S)
            }
            None => u32::MAX,
        };
        Instant { second, doubt_s }
    }

    /// An entry with this second is on the disk.
    pub fn wrote(&mut self, second: i64, reading: Reading) {
        self.state.high_second = second;
        self.floor = Fix { mono_ms: reading.mono_ms, true_ms: second.saturating_mul(1_000), doubt_ms: 0 };
    }

    /// The hub's time, asked for at one reading and got at another. Gives what is worth keeping, if anything.
    pub fn beacon(&mut self, asked: Reading, got: Reading, hub_second: i64) -> Option<ClockState> {
        let round_trip_ms = got.mono_ms.checked_sub(asked.mono_ms)?;
        if round_trip_ms > ROUND_TRIP_MS_MAX {
            return None;
        }
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
        let now = self.now(reading);
        let set_back = self.fix.is_none() && now.doubt_s == u32::MAX;
        if self.fix.is_none() && (!set_back || self.state.synced_second.is_none()) {
            return None;
        }
        let offset_ms = now.second.saturating_mul(1_000).saturating_sub(reading.wall_ms);
        if offset_ms.abs_diff(self.state.offset_ms) < MOVED_MS {
            return None;
        }
        self.state.offset_ms = offset_ms;
        if set_back {
            // Nobody knows how wrong the clock was before.
            self.state.synced_second = None;
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
            self.wrote(second, got);
        }
        let moved = self.state.offset_ms.abs_diff(old.offset_ms) >= 2 * BEACON_DOUBT_MS;
        (first || back || moved).then_some(self.state)
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
mod tests {
    use super::*;

    const START: i64 = 1_580_954_400;

    fn at(wall_s: i64, mono_s: u64) -> Reading {
        Reading { wall_ms: wall_s * 1_000, mono_ms: mono_s * 1_000 }
    }

    #[test]
    fn never_synced_is_the_wall_clock_and_says_so() {
        let clock = Clock::restore(ClockState::default(), at(START, 5));
        assert_eq!(clock.now(at(START + 9, 14)), Instant { second: START + 9, doubt_s: u32::MAX });
    }

    #[test]
    fn after_a_beacon_the_wall_clock_moves_nothing() {
        let mut clock = Clock::restore(ClockState::default(), at(START + 86_400, 5));
        assert!(clock.beacon(at(START + 86_400, 10), at(START + 86_400, 10), START).is_some());
        for wall in [START - 1_000_000, START, START + 1_000_000] {
            assert_eq!(clock.now(at(wall, 70)), Instant { second: START + 60, doubt_s: 2 });
        }
        let later = clock.now(at(0, 10 + 86_400));
        assert_eq!((later.second, later.doubt_s), (START + 86_400, 6), "50 ppm are 4.3 s a day");
    }

    #[test]
    fn a_restart_without_a_line_keeps_the_correction_and_never_goes_back() {
        let mut clock = Clock::restore(ClockState::default(), at(START - 3_600, 0));
        clock.beacon(at(START - 3_600, 0), at(START - 3_600, 0), START);
        clock.wrote(START + 10, at(START - 3_590, 10));
        let again = Clock::restore(clock.state(), at(START - 3_500, 3));
        let now = again.now(at(START - 3_500, 3));
        assert_eq!(now.second, START + 100);
        assert!((60..=61).contains(&now.doubt_s));
        // The wall clock was set back: the last good time goes on, also where nothing was written since the start.
        let now = again.now(at(START - 90_000, 33));
        assert_eq!(now, Instant { second: START + 100 + 30, doubt_s: u32::MAX });
        let slewed = again.now(at(START - 3_500 + 29, 33));
        assert!(slewed.doubt_s < 100, "a clock that is being disciplined is trusted: {slewed:?}");
    }

    #[test]
    fn a_clock_moved_while_the_line_is_cut_is_remembered_over_a_restart() {
        let mut clock = Clock::restore(ClockState::default(), at(START, 0));
        clock.beacon(at(START, 0), at(START, 0), START);
        assert_eq!(clock.moved(at(START + 50, 50)), None, "nobody moved it");
        let kept = clock.moved(at(START - 90_000, 60)).expect("a day back");
        let again = Clock::restore(kept, at(START - 89_990, 0));
        let now = again.now(at(START - 89_990, 0));
        assert!((START + 69..=START + 71).contains(&now.second), "{now:?}");
    }

    #[test]
    fn a_beacon_corrects_what_ran_ahead() {
        let mut clock = Clock::restore(ClockState::default(), at(START + 86_400, 0));
        clock.wrote(START + 86_400, at(START + 86_400, 0));
        let kept = clock.beacon(at(START + 86_400, 1), at(START + 86_400, 1), START + 1).unwrap();
        assert_eq!((kept.offset_ms, kept.high_second), (-86_398_500, START + 1));
        assert_eq!(clock.now(at(START + 86_400, 2)).second, START + 2);
        let again = Clock::restore(kept, at(START + 86_400 + 5, 0));
        assert_eq!(again.now(at(START + 86_400 + 5, 0)).second, START + 6);
    }

    #[test]
    fn a_worse_beacon_is_not_taken_and_a_broken_one_neither() {
        let mut clock = Clock::restore(ClockState::default(), at(START, 0));
        clock.beacon(at(START, 0), at(START, 0), START);
        assert_eq!(clock.beacon(at(START, 1), at(START, 21), START + 10), None, "twenty seconds on the way");
        assert_eq!(clock.now(at(START, 30)), Instant { second: START + 30, doubt_s: 2 });
        assert_eq!(clock.beacon(at(START, 40), at(START, 30), START), None);
        assert_eq!(clock.beacon(at(START, 40), at(START, 900), START), None);
    }
}
