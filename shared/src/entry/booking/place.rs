//! What names a place: venue, brands, hour, slot and the number of a booking (V8-V10).

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Longest name of a venue for machines, in bytes.
pub const VENUE_BYTES_MAX: usize = 64;
/// Most brands at one slot.
pub const BRANDS_MAX: usize = 8;
/// Longest brand, in bytes.
pub const BRAND_BYTES_MAX: usize = 8;
/// Minutes of a slot (V9).
pub const SLOT_MINUTES: u16 = 60;
/// The highest serial number: ten digits (V10).
pub const SERIAL_MAX: u64 = 9_999_999_999;

/// What was wrong with the name of something that is booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Of a venue.
    #[error("venue {0:?} is not 1 to 64 bytes without blanks and commas")]
    Venue(String),
    /// Of brands.
    #[error("brands {0:?} are not 1 to 8 names of A-Z and 0-9, separated by commas, none twice")]
    Brands(String),
    /// Of an hour.
    #[error("time {0:?} is not a time of day such as 10:00")]
    Start(String),
}

/// A venue's name for machines: its 醫事機構代碼, or whatever its county calls it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VenueId(String);

impl VenueId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VenueId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let fits = (1..=VENUE_BYTES_MAX).contains(&text.len())
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadName::Venue(text.chars().take(40).collect())) }
    }
}

impl fmt::Display for VenueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VenueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The vaccines of a slot as the manual prints them behind a venue's name: `MO,AZ` (V8, V10).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Brands(String);

impl Brands {
    /// As printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(',')
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, brand: &str) -> bool {
        self.iter().any(|one| one == brand)
    }
}

impl FromStr for Brands {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let names: Vec<&str> = text.split(',').collect();
        let is_name = |name: &&str| {
            (1..=BRAND_BYTES_MAX).contains(&name.len())
                && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        };
        let is_once = |(at, name): (usize, &&str)| !names.iter().take(at).any(|other| other == name);
        let fits = names.len() <= BRANDS_MAX && names.iter().all(is_name) && names.iter().enumerate().all(is_once);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadName::Brands(text.chars().take(60).collect())) }
    }
}

impl fmt::Display for Brands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Brands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a slot begins: minutes since midnight in Taipei.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Start(u16);

impl Start {
    const DAY_MINUTES: u16 = 24 * 60;

    /// From minutes since midnight; none where a day has no such minute.
    #[must_use]
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes < Self::DAY_MINUTES).then_some(Self(minutes))
    }

    /// Minutes since midnight.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }

    /// `10:00~11:00`, as the manual prints it (V9).
    #[must_use]
    pub fn span(self) -> String {
        let end = self.0.saturating_add(SLOT_MINUTES).min(Self::DAY_MINUTES);
        format!("{self}~{:02}:{:02}", end / 60, end % 60)
    }
}

impl FromStr for Start {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName::Start(text.chars().take(20).collect());
        let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
        let number = |digits: &str| digits.bytes().all(|c| c.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?;
        match (number(hour), number(minute)) {
            (Some(hour), Some(minute)) if hour < 24 && minute < 60 => Ok(Self(hour * 60 + minute)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// One hour of one day at one venue, for certain vaccines (V8, V9): what has a capacity.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot {
    /// Where.
    pub venue: VenueId,
    /// On which day.
    pub date: NaiveDate,
    /// From when on.
    pub start: Start,
    /// Which vaccines.
    pub brands: Brands,
}

impl Slot {
    /// Its beginning, in Taipei's time.
    #[must_use]
    pub fn begins(&self) -> NaiveDateTime {
        self.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(self.start.0))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.venue, self.date, self.start, self.brands)
    }
}

/// 預約編號: brands, the round's number in two digits, a serial number in ten (V10; decision 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookingNumber {
    /// Of the slot.
    pub brands: Brands,
    /// 期別.
    pub round: u32,
    /// 預約序號 (V13).
    pub serial: u64,
}

impl fmt::Display for BookingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02}-{:010}", self.brands, self.round, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_hours_are_written_as_the_manual_prints_them() {
        let number = BookingNumber { brands: "MO,AZ".parse().unwrap(), round: 1, serial: 14_637 };
        assert_eq!(number.to_string(), "MO,AZ01-0000014637", "V10");
        assert_eq!("10:00".parse::<Start>().unwrap().span(), "10:00~11:00", "V9");
        assert_eq!("14:00".parse::<Start>().unwrap().span(), "14:00~15:00", "V9");
        assert_eq!("23:30".parse::<Start>().unwrap().span(), "23:30~24:00");
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for brands in ["", ",", "AZ,", "az", "AZ,AZ", "A B", "ABCDEFGHI", "A,B,C,D,E,F,G,H,I"] {
            assert!(brands.parse::<Brands>().is_err(), "{brands:?}");
        }
        for start in ["", "10", "24:00", "10:60", "1x:00", "-1:00", "+1:00", "10:00:00"] {
            assert!(start.parse::<Start>().is_err(), "{start:?}");
        }
        for venue in ["", "a b", "a,b", "a\u{0}"] {
            assert!(venue.parse::<VenueId>().is_err(), "{venue:?}");
        }
        assert!("x".repeat(65).parse::<VenueId>().is_err());
        assert!("0291010019".parse::<VenueId>().is_ok() && "培靈醫院".parse::<VenueId>().is_ok());
    }
}
