//! What can go wrong in a town, each drawn from the seed on its own.

use chrono::{NaiveDate, NaiveTime};
use shared::rules::calendar::second_of;

use super::plants::Plant;
use crate::scenario::dice::Dice;

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra {
    /// A bug.
    pub plant: Option<Plant>,
    /// No store and no hub is restored, cloned or replaced.
    pub stores_live: bool,
}

/// When a town lives, and by which versions.
#[derive(Debug, Clone)]
pub(super) struct Era {
    pub(super) begins_ms: i64,
    pub(super) programmes: Vec<&'static str>,
    /// Versions and how long after the beginning the hub publishes them, in milliseconds.
    pub(super) versions: Vec<(&'static str, i64)>,
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Era {
    fn drawn(dice: &mut Dice) -> Self {
        let mut late = |days: i64| dice.between(days * DAY_MS - 36 * HOUR_MS, days * DAY_MS + 36 * HOUR_MS).max(0);
        let masks = |begins_ms, versions| Self { begins_ms, programmes: vec!["mask"], versions };
        let (second, third, stricter, kit) = (late(3), late(3), late(5), late(2));
        match dice.below(5) {
            0 => masks(at(2020, 2, 6), vec![("mask-2020-02-06", 0)]),
            1 => masks(at(2020, 2, 17), vec![("mask-2020-02-06", 0), ("mask-2020-02-20", second)]),
            2 => masks(at(2020, 3, 2), vec![("mask-2020-02-20", 0), ("mask-2020-03-05", third)]),
            // Who has the older version sells too early by the newer one, and nobody is to blame.
            3 => masks(at(2020, 4, 4), vec![("mask-2020-03-19", 0), ("mask-2020-04-09", stricter)]),
            _ => Self {
                begins_ms: at(2022, 4, 26),
                programmes: vec!["mask", "kit", "kit"],
                versions: vec![("mask-2020-03-05", 0), ("kit-2022-04-28", kit)],
            },
        }
    }
}

/// Seven in the morning.
fn at(year: i32, month: u32, day: u32) -> i64 {
    let day = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    second_of(day.and_time(NaiveTime::MIN)) * 1000 + 7 * HOUR_MS
}

/// How lines come and go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) up_ms: (i64, i64),
    pub(super) down_ms: (i64, i64),
}

impl Weather {
    fn drawn(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 => Self { up_ms: (5 * DAY_MS, 30 * DAY_MS), down_ms: (1_000, 60_000) },
            1 => Self { up_ms: (1_000, 120_000), down_ms: (1_000, 600_000) },
            2 => Self { up_ms: (60_000, HOUR_MS), down_ms: (HOUR_MS, 3 * DAY_MS) },
            3 => Self { up_ms: (1_000, 60_000), down_ms: (HOUR_MS, 12 * HOUR_MS) },
            _ => Self { up_ms: (600_000, 6 * HOUR_MS), down_ms: (60_000, 6 * HOUR_MS) },
        }
    }
}

/// How the hub publishes digests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digests {
    /// At most so often, in seconds.
    pub(super) every_s: i64,
    /// An edge that is so many items behind is given digests.
    pub(super) jump_items: u64,
}

impl Digests {
    /// In four of five towns, and there so soon that edges which were away for minutes get them too.
    pub(super) fn drawn(dice: &mut Dice) -> Option<Self> {
        let every_s = [60, 900, 3_600, 6 * 3_600][dice.index(4)];
        let jump_items = dice.below(6);
        (!dice.once_in(5)).then_some(Self { every_s, jump_items })
    }
}

/// Everything that is drawn once for a town.
#[derive(Debug, Clone)]
pub(super) struct Knobs {
    pub(super) era: Era,
    pub(super) sites: usize,
    pub(super) people: usize,
    pub(super) days: i64,
    pub(super) steps: u64,
    pub(super) weather: Vec<Weather>,
    pub(super) latency_ms: i64,
    pub(super) cut_per_1000_frames: u64,
    pub(super) edge_crash_per_1000: u64,
    pub(super) hub_crash_per_1000: u64,
    pub(super) clock_per_1000: u64,
    pub(super) again_per_1000: u64,
    pub(super) lie_per_1000: u64,
    pub(super) restore_per_1000: u64,
    pub(super) clone_per_1000: u64,
    pub(super) replace_per_1000: u64,
    pub(super) hub_restore_per_1000: u64,
    pub(super) digests: Option<Digests>,
    pub(super) plant: Option<Plant>,
}

impl Knobs {
    /// A town's knobs.
    pub(super) fn drawn(dice: &mut Dice, extra: Extra) -> Self {
        let mut rare = |most: u64| if dice.once_in(3) { 0 } else { dice.below(most) };
        let (cut, crash, hub_crash, clock) = (rare(60), rare(60), rare(20), rare(25));
        let shaken = |rate: u64| if extra.stores_live { 0 } else { rate };
        let (restore, clone, replace, hub_restore) = (rare(40), rare(6), rare(10), rare(12));
        let restores = extra.plant == Some(Plant::ActorReusedAfterRestore);
        let sites = 2 + dice.index(4);
        let days = [1, 2, 4, 8, 16, 30][dice.index(6)];
        Self {
            era: Era::drawn(dice),
            sites,
            people: 8 + dice.index(60),
            days,
            steps: 150 + dice.below(250),
            weather: (0..sites).map(|_| Weather::drawn(dice)).collect(),
            latency_ms: [0, 20, 800, 20_000][dice.index(4)],
            cut_per_1000_frames: cut,
            edge_crash_per_1000: crash,
            hub_crash_per_1000: hub_crash,
            clock_per_1000: clock,
            again_per_1000: 10,
            lie_per_1000: if dice.once_in(5) { 60 } else { 0 },
            restore_per_1000: if restores { 40 } else { shaken(restore) },
            clone_per_1000: shaken(clone),
            replace_per_1000: shaken(replace),
            hub_restore_per_1000: shaken(hub_restore),
            digests: None,
            plant: extra.plant,
        }
    }
}
