//! A time as somebody states it at the counter: Taipei's, ROC or Gregorian (decision 16, M23).

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// Longest text that is looked at, in bytes.
const BYTES_MAX: usize = 40;
/// Longer is a slip of the finger.
const YEAR_DIGITS_MAX: usize = 4;
/// As `chrono` holds a leap second.
const LEAP_NANOSECONDS: u32 = 1_000_000_000;
const TAIPEI_S: i32 = 8 * 3600;
const ROC_OFFSET_YEARS: i32 = 1911;

/// Reads `109/02/06 10:30`, `2020-02-06 10:30`, `2020-02-06T10:30` or RFC 3339.
#[must_use]
pub fn parse(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if text.len() > BYTES_MAX {
        return None;
    }
    // A second 60 would be written down as the one before it.
    read(text).filter(|time| time.nanosecond() < LEAP_NANOSECONDS)
}

fn read(text: &str) -> Option<NaiveDateTime> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&FixedOffset::east_opt(TAIPEI_S)?).naive_local());
    }
    let (day, time) = text.split_once([' ', 'T'])?;
    Some(parse_day(day)?.and_time(parse_time(time.trim())?))
}

fn parse_day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [year, month, day].iter().any(|part| !part.bytes().all(|c| c.is_ascii_digit())) {
        return None;
    }
    if year.len() > YEAR_DIGITS_MAX {
        return None;
    }
    let number: i32 = year.parse().ok()?;
    let year = if year.len() < 4 { number + ROC_OFFSET_YEARS } else { number };
    NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?)
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m23_times_as_people_state_them() {
        let want: NaiveDateTime = "2020-02-06T10:30:00".parse().unwrap();
        for text in [
            "109/02/06 10:30",
            "109-2-6 10:30",
            " 2020-02-06 10:30 ",
            "2020/02/06 10:30:00",
            "2020-02-06T10:30",
            "2020-02-06T10:30:00+08:00",
            "2020-02-06T02:30:00Z",
        ] {
            assert_eq!(parse(text), Some(want), "{text}");
        }
        for text in [
            "",
            "109/02/06",
            "10:30",
            "109/02/30 10:30",
            "109/02/06 25:00",
            "x/y/z 10:30",
            "109/02/06/1 10:30",
            "+109/02/06 10:30",
            "20209/02/06 10:30",
            "109/02/06 10:30:60",
            "2020-02-06T23:59:60Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
