//! What can go wrong in a town, each drawn from the seed on its own.

use chrono::{NaiveDate, NaiveTime};
use shared::rules::calendar::second_of;

use crate::scenario::dice::Dice;

/// What is not drawn from the seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra {
    /// A bug.
    pub plant: Option<Plant>,
    /// No store and no hub is restored, cloned or replaced.
    pub stores_live: bool,
}

/// A bug that the harness plants, to see that it is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// A run is lost and acknowledged all the same.
    AckWithoutDisk,
    /// A run with a withdrawal is lost and acknowledged all the same.
    WithdrawalLost,
    /// A sale is answered and its transaction forgotten.
    SaleNotWritten,
    /// A withdrawal is answered and its transaction forgotten.
    WithdrawalNotWritten,
    /// A start of a node draws the same actor as the one before.
    ActorReused,
    /// A start on a restored backup draws the same actors as the one before.
    ActorReusedAfterRestore,
    /// The version that the hub publishes counts six days, not seven.
    WindowOffByOne,
    /// It lets everybody come on every day.
    TurnForgotten,
    /// It knows no Sunday.
    SundayForgotten,
    /// Its children are a year younger.
    ChildYearOffByOne,
    /// It gives one piece more.
    LimitOffByOne,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::AckWithoutDisk,
        Self::WithdrawalLost,
        Self::SaleNotWritten,
        Self::WithdrawalNotWritten,
        Self::ActorReused,
        Self::ActorReusedAfterRestore,
        Self::WindowOffByOne,
        Self::TurnForgotten,
        Self::SundayForgotten,
        Self::ChildYearOffByOne,
        Self::LimitOffByOne,
    ];

    /// What the bug makes of a version's text.
    pub(super) fn spoil(self, text: &str) -> String {
        match self {
            Self::WindowOffByOne => text.replace("rolling_days = 7", "rolling_days = 6"),
            Self::TurnForgotten => match text.split_once("[turn]").map(|(before, rest)| (before, rest.find("\n\n"))) {
                Some((before, Some(end))) => {
                    let rest = text.split_once("[turn]").map_or("", |(_, rest)| rest).split_at(end).1;
                    format!("{before}[turn]\nrule = \"everyone\"{}", without_freedom(rest))
                }
                Some((_, None)) | None => text.to_owned(),
            },
            Self::SundayForgotten => text.replace(", \"sun\"]", "]"),
            Self::ChildYearOffByOne => {
                let next = text.replace("born_from_year = 2008", "born_from_year = 2009");
                next.replace("born_from_year = 2007", "born_from_year = 2008")
            }
            Self::LimitOffByOne => {
                let next = text.replace("adult = 3\nchild = 0\nmixed = 3", "adult = 4\nchild = 0\nmixed = 4");
                next.replace("adult = 2\nchild = 0\nmixed = 2", "adult = 3\nchild = 0\nmixed = 3")
            }
            Self::AckWithoutDisk
            | Self::WithdrawalLost
            | Self::SaleNotWritten
            | Self::WithdrawalNotWritten
            | Self::ActorReused
            | Self::ActorReusedAfterRestore => text.to_owned(),
        }
    }
}

/// Without whom the turn frees: a rule for everyone frees nobody.
fn without_freedom(rest: &str) -> String {
    match rest.split_once("[turn.free_for]") {
        Some((before, behind)) => {
            let behind = behind.find("\n\n").map_or("", |end| &behind[end..]);
            format!("{before}{behind}")
        }
        None => rest.to_owned(),
    }
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
        let (second, third, kit) = (late(3), late(3), late(2));
        match dice.below(4) {
            0 => masks(at(2020, 2, 6), vec![("mask-2020-02-06", 0)]),
            1 => masks(at(2020, 2, 17), vec![("mask-2020-02-06", 0), ("mask-2020-02-20", second)]),
            2 => masks(at(2020, 3, 2), vec![("mask-2020-02-20", 0), ("mask-2020-03-05", third)]),
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
            plant: extra.plant,
        }
    }
}
