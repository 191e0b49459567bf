//! What is said of a time that is in doubt (docs/clocks.md).

use shared::entry::{Entry, Instant, Sale};
use shared::rules::clock::{Time, time};
use shared::rules::programme::Version;
use shared::rules::refusal::{off_en, off_zh};

use super::Node;
use super::ask::Mark;
use crate::clock::Reading;

impl Node {
    /// Of a time now, by a version.
    pub(super) fn mark(&self, version: &Version, at: Instant, reading: Reading) -> Mark {
        match time(version, at.doubt_s) {
            Time::Sure => Mark::None,
            Time::Doubtful => Mark::Doubtful { doubt_s: at.doubt_s, beacon_age_s: self.clock.beacon_age_s(reading) },
        }
    }

    /// Of the present, by the strictest version in force.
    pub(super) fn mark_now(&self, at: Instant, reading: Reading) -> Mark {
        let versions = &self.rules.versions;
        let today = shared::rules::calendar::taipei_day(at.second);
        let in_force = versions.programmes().filter_map(|programme| versions.in_force(programme, today));
        match in_force.min_by_key(|version| version.clock.doubt_s_max) {
            Some(version) => self.mark(version, at, reading),
            None => Mark::None,
        }
    }

    /// Of a sale that was written earlier: how long the hub had not been heard then is not in it.
    pub(super) fn mark_then(&self, entry: &Entry, sale: &Sale) -> Mark {
        let doubt_s = sale.instant(entry.at).doubt_s;
        let version = self.rules.versions.named_in(&sale.programme, &sale.version);
        match version.map(|version| time(version, doubt_s)) {
            Some(Time::Doubtful) => Mark::Doubtful { doubt_s, beacon_age_s: None },
            Some(Time::Sure) | None => Mark::None,
        }
    }
}

impl Mark {
    /// Whether anything is said.
    #[must_use]
    pub fn is_doubtful(self) -> bool {
        self != Self::None
    }

    /// In Chinese; empty where nothing is said.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Doubtful { doubt_s, beacon_age_s: None } => format!("時間未經中心確認（{}）", off_zh(doubt_s)),
            Self::Doubtful { doubt_s, beacon_age_s: Some(age_s) } => {
                format!("時間未經中心確認（{}；上次校時於 {} 前）", off_zh(doubt_s), ago(age_s).0)
            }
        }
    }

    /// In English; empty where nothing is said.
    #[must_use]
    pub fn en(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Doubtful { doubt_s, beacon_age_s: None } => {
                format!("the time is not confirmed by the hub ({})", off_en(doubt_s))
            }
            Self::Doubtful { doubt_s, beacon_age_s: Some(age_s) } => {
                format!("the time is not confirmed by the hub ({}; last heard {} ago)", off_en(doubt_s), ago(age_s).1)
            }
        }
    }
}

fn ago(seconds: u64) -> (String, String) {
    match seconds {
        0..=5_400 => (format!("{} 分鐘", seconds / 60), format!("{} min", seconds / 60)),
        5_401..=172_800 => (format!("{} 小時", seconds / 3_600), format!("{} h", seconds / 3_600)),
        _ => (format!("{} 天", seconds / 86_400), format!("{} days", seconds / 86_400)),
    }
}
