//! What a refusal for a purchase rests on: this site's own record, or the nation's list of a day. Never where the
//! other purchase was: no site knows that of another, and no counter may tell.

use chrono::NaiveDate;

use super::calendar::{roc_date, roc_minute, taipei_time};

/// One purchase that fills the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Evidence {
    /// A sale of this site.
    Own {
        /// When it happened, seconds since 1970.
        second: i64,
    },
    /// Somebody in the nation sold to this person on a day.
    Nation {
        /// The day.
        day: NaiveDate,
        /// By which list.
        list: List,
    },
}

/// In which form the nation's purchases of a day reached this site.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum List {
    /// As they happened, while there was a line.
    Live,
    /// As one list of the day.
    Digest,
    /// From the hub, when it was asked about this person.
    Hub,
}

impl Evidence {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Own { .. } => "own",
            Self::Nation { list: List::Live, .. } => "live-list",
            Self::Nation { list: List::Digest, .. } => "digest",
            Self::Nation { list: List::Hub, .. } => "hub",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::Own { second } => format!("本站 {} 的購買紀錄", roc_minute(second)),
            Self::Nation { day, list: List::Live } => format!("全國 {} 的即時購買名單", roc_date(day)),
            Self::Nation { day, list: List::Digest } => format!("全國 {} 的彙整購買名單", roc_date(day)),
            Self::Nation { day, list: List::Hub } => format!("中心確認的 {} 購買紀錄", roc_date(day)),
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> String {
        match self {
            Self::Own { second } => format!("this site's sale of {}", taipei_time(second).format("%Y-%m-%d %H:%M")),
            Self::Nation { day, list: List::Live } => format!("the nation's live list of {day}"),
            Self::Nation { day, list: List::Digest } => format!("the nation's digest of {day}"),
            Self::Nation { day, list: List::Hub } => format!("a purchase of {day} that the hub confirms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::calendar::second_of;

    #[test]
    fn evidence_says_what_it_is_and_of_which_day() {
        let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
        let second = second_of(day.and_hms_opt(10, 32, 59).unwrap());
        for (evidence, code, zh, en) in [
            (
                Evidence::Own { second },
                "own",
                "本站 109/02/06 10:32 的購買紀錄",
                "this site's sale of 2020-02-06 10:32",
            ),
            (
                Evidence::Nation { day, list: List::Live },
                "live-list",
                "全國 109/02/06 的即時購買名單",
                "the nation's live list of 2020-02-06",
            ),
            (
                Evidence::Nation { day, list: List::Digest },
                "digest",
                "全國 109/02/06 的彙整購買名單",
                "the nation's digest of 2020-02-06",
            ),
            (
                Evidence::Nation { day, list: List::Hub },
                "hub",
                "中心確認的 109/02/06 購買紀錄",
                "a purchase of 2020-02-06 that the hub confirms",
            ),
        ] {
            assert_eq!((evidence.code(), evidence.zh().as_str(), evidence.en().as_str()), (code, zh, en));
        }
    }
}
