//! The hub's clock: the system's wall clock, or in a rehearsal one that starts elsewhere.
//!
//! A rehearsal (training, `scripts/start --story`, tests) plays days of 2020; every page, status
//! and log then says so. Certificates always live by the system's own time.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, NaiveDate};
use shared::rules::calendar;

/// Tells seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock(Hand);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    System,
    /// So many seconds ahead of the system's.
    Ahead(i64),
    #[cfg(test)]
    Standing(i64),
}

impl WallClock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Hand::System)
    }

    /// A clock that shows `at` now and goes on from there.
    #[must_use]
    pub fn rehearsing(at: DateTime<FixedOffset>) -> Self {
        Self(Hand::Ahead(at.timestamp().saturating_sub(system_second())))
    }

    /// A rehearsal's clock that does not go on.
    #[cfg(test)]
    pub(crate) fn standing(second: i64) -> Self {
        Self(Hand::Standing(second))
    }

    /// Seconds since 1970 (UTC).
    #[must_use]
    pub fn second(&self) -> i64 {
        match self.0 {
            Hand::System => system_second(),
            Hand::Ahead(offset_s) => system_second().saturating_add(offset_s),
            #[cfg(test)]
            Hand::Standing(second) => second,
        }
    }

    /// The business day in Asia/Taipei.
    #[must_use]
    pub fn day(&self) -> NaiveDate {
        calendar::taipei_day(self.second())
    }

    /// Whether this is a rehearsal.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.0 != Hand::System
    }
}

/// Seconds since 1970 by the system's clock.
#[must_use]
pub fn system_second() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_starts_where_it_is_told_and_says_so() {
        let at = DateTime::parse_from_rfc3339("2020-02-06T09:00:00+08:00").unwrap();
        let clock = WallClock::rehearsing(at);
        assert!((clock.second() - at.timestamp()).abs() <= 1);
        assert_eq!(clock.day(), NaiveDate::from_ymd_opt(2020, 2, 6).unwrap());
        assert!(clock.is_rehearsal());
        assert!(!WallClock::system().is_rehearsal());
    }
}
