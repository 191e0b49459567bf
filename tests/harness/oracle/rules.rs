//! The rules of the mask programme, written a second time from REQUIREMENTS.md and `rules_timeline.json`, sharing no code with
//! `shared::rules`. mask-2020-02-06 is exact; of later versions what the requirements leave open counts as either.

use chrono::{Datelike, NaiveDate};

use super::lines::{Document, Pieces};

/// What is known of a reason to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    No,
    Yes,
    /// The requirements allow both.
    Open,
}

impl Finding {
    fn yes(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

/// One dated rule set. Every one of them allows one purchase a window.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) name: &'static str,
    from: (i32, u32, u32),
    pub(super) window_days: i64,
    adult_max: i64,
    child_max: i64,
    /// Child masks are for those born in this year or later.
    child_born: i32,
    /// Whether anybody may have child masks.
    child_for_all: bool,
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Everybody,
    /// All but those born in this year or later.
    ExceptBornFrom(i32),
    Nobody,
}

const fn rules(name: &'static str, from: (i32, u32, u32), maxima: (i64, i64), child_born: i32, turn: Turn) -> Rules {
    let (adult_max, child_max) = maxima;
    Rules { name, from, window_days: 7, adult_max, child_max, child_born, child_for_all: false, turn }
}

/// The shipped mask versions.
static VERSIONS: [Rules; 8] = [
    rules("mask-2020-02-06", (2020, 2, 6), (2, 2), 2008, Turn::Everybody),
    rules("mask-2020-02-16", (2020, 2, 16), (2, 2), 2008, Turn::Everybody),
    rules("mask-2020-02-20", (2020, 2, 20), (2, 4), 2008, Turn::Everybody),
    rules("mask-2020-02-27", (2020, 2, 27), (2, 4), 2008, Turn::ExceptBornFrom(2007)),
    rules("mask-2020-03-05", (2020, 3, 5), (3, 5), 2007, Turn::ExceptBornFrom(2007)),
    rules("mask-2020-03-19", (2020, 3, 19), (3, 5), 2004, Turn::ExceptBornFrom(2004)),
    Rules {
        window_days: 14,
        child_for_all: true,
        ..rules("mask-2020-04-09", (2020, 4, 9), (9, 10), 2004, Turn::Nobody)
    },
    Rules {
        window_days: 14,
        child_for_all: true,
        ..rules("mask-2020-04-19", (2020, 4, 19), (9, 10), 2004, Turn::Nobody)
    },
];

impl Rules {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        VERSIONS.iter().find(|rules| rules.name == name)
    }

    pub(super) fn from(&self) -> NaiveDate {
        let (year, month, day) = self.from;
        NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
    }

    /// Not their day (M7; decision 4: the last digit found, a number without one is bound to no day).
    pub(super) fn turn(&self, document: &Document, birth: NaiveDate, today: NaiveDate) -> Finding {
        let bound = match self.turn {
            Turn::Everybody => true,
            Turn::ExceptBornFrom(year) => birth.year() < year,
            Turn::Nobody => false,
        };
        let Some(digit) = document.number.chars().rev().find_map(|c| c.to_digit(10)) else { return Finding::No };
        let odd_day = match today.weekday() {
            chrono::Weekday::Mon | chrono::Weekday::Wed | chrono::Weekday::Fri => true,
            chrono::Weekday::Tue | chrono::Weekday::Thu | chrono::Weekday::Sat => false,
            chrono::Weekday::Sun => return Finding::No,
        };
        Finding::yes(bound && (digit % 2 == 1) != odd_day)
    }

    /// Child masks for somebody too old (M12; decision 14: by year alone).
    pub(super) fn child(&self, birth: NaiveDate, pieces: Pieces) -> Finding {
        Finding::yes(pieces.child > 0 && !self.child_for_all && birth.year() < self.child_born)
    }

    /// More than may be bought at once (M13). Where the two limits differ, a mixed purchase between them is left open.
    pub(super) fn limit(&self, pieces: Pieces) -> Finding {
        let total = pieces.adult + pieces.child;
        let (least, most) = (self.adult_max.min(self.child_max), self.adult_max.max(self.child_max));
        match pieces {
            _ if total == 0 => Finding::Open,
            Pieces { child: 0, .. } => Finding::yes(total > self.adult_max),
            Pieces { adult: 0, .. } => Finding::yes(total > self.child_max),
            _ if total <= least => Finding::No,
            _ if total > most => Finding::Yes,
            _ => Finding::Open,
        }
    }
}

/// Whether the document is wrong in itself (decision 10), and the birth date that it shows.
pub(super) fn document(document: &Document, today: NaiveDate) -> (Finding, NaiveDate) {
    let Ok(birth) = document.birth.parse::<NaiveDate>() else { return (Finding::Yes, NaiveDate::default()) };
    let impossible = birth > today || birth.year() < 1912;
    let number = number(&document.kind, &document.number);
    (if impossible { Finding::Yes } else { number }, birth)
}

fn number(kind: &str, number: &str) -> Finding {
    match (kind, shape(number)) {
        ("01" | "02" | "03", Some(_)) if !checksum(number) => Finding::Yes,
        ("01" | "02", Some(Shape::National)) | ("03", Some(Shape::OldResident)) => Finding::No,
        // New numbers came in 2021; a card may carry a resident's number; 03 with a national number is a slip.
        ("01" | "02", Some(Shape::OldResident | Shape::NewResident)) => Finding::No,
        ("03", Some(Shape::NewResident | Shape::National)) => Finding::Open,
        ("01" | "02" | "03", _) => Finding::Yes,
        ("04" | "05", _) => paper(number),
        _ => Finding::Yes,
    }
}

/// Permits and passports have no checksum: letters and digits.
fn paper(number: &str) -> Finding {
    let plain = number.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    match number.len() {
        0 => Finding::Yes,
        5..=15 if plain => Finding::No,
        _ => Finding::Open,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    National,
    NewResident,
    OldResident,
}

fn shape(number: &str) -> Option<Shape> {
    let bytes = number.as_bytes();
    let [first, second, rest @ ..] = bytes else { return None };
    if rest.len() != 8 || !first.is_ascii_uppercase() || !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    match second {
        b'1' | b'2' => Some(Shape::National),
        b'8' | b'9' => Some(Shape::NewResident),
        b'A'..=b'D' => Some(Shape::OldResident),
        _ => None,
    }
}

/// The check of national and resident numbers; the number has the shape of one.
fn checksum(number: &str) -> bool {
    let value = |c: char| match c.to_digit(10) {
        Some(digit) => digit,
        // A is 10, B 11, …; I, O, W, X, Y, Z stand at 34, 35, 32, 30, 31, 33.
        None => "ABCDEFGHJKLMNPQRSTUVXYWZIO".find(c).and_then(|at| u32::try_from(at).ok()).unwrap_or(0) + 10,
    };
    let mut sum = 0;
    for (place, c) in (0u32..).zip(number.chars()) {
        sum += match place {
            0 => value(c) / 10 + value(c) % 10 * 9,
            9 => value(c),
            _ => value(c) % 10 * (9 - place),
        };
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_judged_as_the_real_vectors() {
        for (kind, text, right) in [
            ("01", "A123456789", Finding::No),
            ("01", "A101000005", Finding::No),
            ("03", "AC00000003", Finding::No),
            ("03", "AB00207171", Finding::No),
            ("02", "A870000015", Finding::No),
            ("01", "A123456788", Finding::Yes),
            ("01", "AA23456789", Finding::Yes),
            ("01", "A12345678", Finding::Yes),
            ("05", "300123456", Finding::No),
        ] {
            assert_eq!(number(kind, text), right, "{kind} {text}");
        }
    }

    #[test]
    fn versions_differ_as_the_timeline_says() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let version = |name: &str| Rules::named(name).unwrap();
        let pieces = |adult, child| Pieces { adult, child };
        let first = version("mask-2020-02-06");
        assert_eq!(first.limit(pieces(1, 1)), Finding::No);
        assert_eq!(first.limit(pieces(2, 1)), Finding::Yes);
        assert_eq!(first.child(day("2007-12-31"), pieces(0, 1)), Finding::Yes);
        assert_eq!(first.child(day("2008-01-01"), pieces(0, 1)), Finding::No);
        assert_eq!(version("mask-2020-02-20").limit(pieces(0, 4)), Finding::No);
        assert_eq!(version("mask-2020-03-05").limit(pieces(4, 0)), Finding::Yes);
        assert_eq!(version("mask-2020-04-09").child(day("1950-01-01"), pieces(0, 10)), Finding::No);
        let odd = Document { kind: "01".into(), number: "A123456789".into(), birth: String::new() };
        let (thursday, friday, sunday) = (day("2020-02-06"), day("2020-02-07"), day("2020-02-09"));
        let born = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        assert_eq!(first.turn(&odd, born(2010), thursday), Finding::Yes);
        assert_eq!(first.turn(&odd, born(2010), friday), Finding::No);
        assert_eq!(first.turn(&odd, born(2010), sunday), Finding::No);
        assert_eq!(version("mask-2020-02-27").turn(&odd, born(2010), thursday), Finding::No);
        assert_eq!(version("mask-2020-02-27").turn(&odd, born(2000), thursday), Finding::Yes);
        assert_eq!(version("mask-2020-04-09").turn(&odd, born(2000), thursday), Finding::No);
    }

    #[test]
    fn every_version_begins_on_the_day_in_its_name() {
        for rules in &VERSIONS {
            assert_eq!(rules.name, format!("mask-{}", rules.from()));
        }
    }
}
