//! Business days in Asia/Taipei, ROC dates, and dates of birth as people type
//! them (M6, M23; decision 14 counts on them).
//!
//! Taiwan has kept UTC+8 without summer time since 1979, so a fixed offset is
//! the whole truth for every date the programmes can meet: no time-zone
//! database, nothing to keep up to date at an edge that is offline for weeks.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::typed::half_width;

/// Taipei's distance from UTC, in seconds.
const TAIPEI_OFFSET_S: i64 = 8 * 3600;
/// A typed date is never longer.
const BIRTH_CHARS_MAX: usize = 20;
/// 民國元年 is 1912, so ROC years are 1911 behind.
const ROC_OFFSET_YEARS: i32 = 1911;

/// What was wrong with a typed date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBirth {
    /// Not a date in any form that the counter accepts.
    #[error("date of birth not readable: write it as 19860315, 1986-03-15 or 75/03/15")]
    Unreadable,
    /// A day that no calendar has, such as ROC 110/02/30.
    #[error("no such day in the calendar: check the date of birth")]
    Impossible,
    /// After today.
    #[error("the date of birth lies in the future: check it")]
    Future,
    /// Before 1912-01-01 (民國 1).
    #[error("the date of birth lies before 1912: check it")]
    BeforeRoc,
}

impl BadBirth {
    /// For the person at the counter, in Chinese.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::Unreadable => "出生日期格式不正確，請輸入 YYYYMMDD（例如 19860315）或民國 75/03/15",
            Self::Impossible => "出生日期不存在，請再確認",
            Self::Future => "出生日期不可晚於今日，請再確認",
            Self::BeforeRoc => "出生日期早於民國元年，請再確認",
        }
        .to_owned()
    }

    /// For the person at the counter, in English.
    #[must_use]
    pub fn en(self) -> String {
        self.to_string()
    }
}

/// The local time of day in Taipei of a second since 1970 (UTC).
#[must_use]
pub fn taipei_time(second: i64) -> NaiveDateTime {
    let beyond = if second < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
    DateTime::from_timestamp(second.saturating_add(TAIPEI_OFFSET_S), 0).map_or(beyond, |t| t.naive_utc())
}

/// The business day of a second since 1970 (UTC): the calendar day in Taipei.
#[must_use]
pub fn taipei_day(second: i64) -> NaiveDate {
    taipei_time(second).date()
}

/// The second since 1970 (UTC) of a local time in Taipei.
#[must_use]
pub fn second_of(taipei: NaiveDateTime) -> i64 {
    taipei.and_utc().timestamp().saturating_sub(TAIPEI_OFFSET_S)
}

/// A date as the mask screens show it: `109/02/04` (M23). Years before 1912 are 民國前.
#[must_use]
pub fn roc_date(day: NaiveDate) -> String {
    let year = day.year().saturating_sub(ROC_OFFSET_YEARS);
    let (era, year) = if year >= 1 { ("", year) } else { ("民國前", 1 - year) };
    format!("{era}{year}/{:02}/{:02}", day.month(), day.day())
}

/// A second as 最近購買紀錄 shows it, to the minute: `109/02/04 16:26` (M15).
#[must_use]
pub fn roc_minute(second: i64) -> String {
    let time = taipei_time(second);
    format!("{} {:02}:{:02}", roc_date(time.date()), time.hour(), time.minute())
}

/// Whether somebody could have been born on this day: 1912-01-01 (民國 1) or later.
pub(super) fn check_born(birth: NaiveDate) -> Result<(), BadBirth> {
    if birth.year() > ROC_OFFSET_YEARS { Ok(()) } else { Err(BadBirth::BeforeRoc) }
}

/// Reads a date of birth as people type it.
///
/// Gregorian with a four-digit year: `19860315` (M6's YYYYMMDD), `1986-03-15`,
/// `1986/3/15`. ROC with a year below 1000: `0750315`, `075/03/15`, `75/03/15`.
/// Full-width digits are read too. Six bare digits are refused: nobody can tell
/// whether the year is ROC.
///
/// # Errors
/// What is wrong with it, in words for the counter.
pub fn parse_birth(text: &str, today: NaiveDate) -> Result<NaiveDate, BadBirth> {
    if text.chars().count() > BIRTH_CHARS_MAX {
        return Err(BadBirth::Unreadable);
    }
    let text = half_width(text);
    let (year, month, day) = parts(text.trim()).ok_or(BadBirth::Unreadable)?;
    if year <= ROC_OFFSET_YEARS {
        return Err(BadBirth::BeforeRoc);
    }
    let birth = NaiveDate::from_ymd_opt(year, month, day).ok_or(BadBirth::Impossible)?;
    if birth > today { Err(BadBirth::Future) } else { Ok(birth) }
}

/// The Gregorian year, the month and the day, not yet known to be a date.
fn parts(text: &str) -> Option<(i32, u32, u32)> {
    let pieces: Vec<&str> = text.split(['-', '/', '.']).collect();
    match pieces.as_slice() {
        [whole] if whole.is_ascii() && matches!(whole.len(), 7 | 8) => {
            let (year, rest) = whole.split_at_checked(whole.len() - 4)?;
            let (month, day) = rest.split_at_checked(2)?;
            Some((year_of(year)?, digits(month, 2)?, digits(day, 2)?))
        }
        [year, month, day] => Some((year_of(year)?, digits(month, 2)?, digits(day, 2)?)),
        _ => None,
    }
}

/// Four digits are a Gregorian year, fewer an ROC year.
fn year_of(text: &str) -> Option<i32> {
    let year = i32::try_from(digits(text, 4)?).ok()?;
    Some(if text.len() == 4 { year } else { year + ROC_OFFSET_YEARS })
}

fn digits(text: &str, len_max: usize) -> Option<u32> {
    let fits = (1..=len_max).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_business_day_turns_at_midnight_in_taipei() {
        let midnight = second_of("2020-02-06T00:00:00".parse().unwrap());
        assert_eq!(taipei_day(midnight), day("2020-02-06"));
        assert_eq!(taipei_day(midnight - 1), day("2020-02-05"));
        assert_eq!(taipei_time(midnight).to_string(), "2020-02-06 00:00:00");
        assert_eq!(midnight, 1_580_918_400);
        // Beyond every calendar: clamped, never a panic.
        assert_eq!(taipei_time(i64::MAX), NaiveDateTime::MAX);
        assert_eq!(taipei_time(i64::MIN), NaiveDateTime::MIN);
    }

    #[test]
    fn m23_dates_are_roc_dates() {
        assert_eq!(roc_date(day("2020-02-04")), "109/02/04");
        assert_eq!(roc_date(day("1986-03-15")), "75/03/15");
        assert_eq!(roc_date(day("1912-01-01")), "1/01/01");
        assert_eq!(roc_date(day("1911-12-31")), "民國前1/12/31");
        assert_eq!(roc_date(day("1900-01-02")), "民國前12/01/02");
        assert_eq!(roc_minute(second_of("2020-02-04T16:26:59".parse().unwrap())), "109/02/04 16:26");
    }

    #[test]
    fn m6_dates_of_birth_as_people_type_them() {
        let today = day("2021-03-01");
        for text in [
            "19860315",
            "1986-03-15",
            "1986/03/15",
            "1986/3/15",
            "1986.3.15",
            "0750315",
            "075/03/15",
            "75/03/15",
            "75-3-15",
            " 19860315 ",
            "１９８６０３１５",
            "７５／０３／１５",
        ] {
            assert_eq!(parse_birth(text, today), Ok(day("1986-03-15")), "{text}");
        }
        let refused = [
            ("110/02/30", BadBirth::Impossible),
            ("1100230", BadBirth::Impossible),
            ("20210229", BadBirth::Impossible),
            ("1986-13-01", BadBirth::Impossible),
            ("0/01/01", BadBirth::BeforeRoc),
            ("19111231", BadBirth::BeforeRoc),
            ("0001-01-01", BadBirth::BeforeRoc),
            ("20210302", BadBirth::Future),
            ("9999-12-31", BadBirth::Future),
            ("", BadBirth::Unreadable),
            ("750315", BadBirth::Unreadable),
            ("1986-03", BadBirth::Unreadable),
            ("1986-03-15-", BadBirth::Unreadable),
            ("-1986-03-15", BadBirth::Unreadable),
            ("+986-03-15", BadBirth::Unreadable),
            ("民國75年3月15日", BadBirth::Unreadable),
            ("1986031x", BadBirth::Unreadable),
            ("000000000000000000000000", BadBirth::Unreadable),
        ];
        for (text, why) in refused {
            assert_eq!(parse_birth(text, today), Err(why), "{text}");
        }
        let spaced = |blanks: usize| format!("{}19860315", " ".repeat(blanks));
        assert_eq!(parse_birth(&spaced(12), today), Ok(day("1986-03-15")), "20 characters");
        for blanks in [13, 14] {
            assert_eq!(parse_birth(&spaced(blanks), today), Err(BadBirth::Unreadable), "{blanks} blanks before it");
        }
        assert_eq!(parse_birth("20210301", today), Ok(today), "born today");
        assert_eq!(parse_birth("1/01/01", today), Ok(day("1912-01-01")), "the first day of 民國");
        assert_eq!(BadBirth::Future.en(), "the date of birth lies in the future: check it");
    }
}
