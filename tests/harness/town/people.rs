//! The people of a town, and the rules of the shipped versions written down a second time: a table
//! and thirty lines of brute force that share no code with `shared::rules`.

use chrono::{Datelike, NaiveDate};
use edge::node::ask::DocumentText;
use shared::entry::Pieces;

use crate::scenario::dice::Dice;

/// Days since 1970 of a second, in Taipei.
pub(super) fn day_of(second: i64) -> i64 {
    (second + 8 * 3600).div_euclid(86_400)
}

/// Days since 1970.
pub(super) fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

fn day(year: i32, month: u32, day: u32) -> i64 {
    NaiveDate::from_ymd_opt(year, month, day).map_or(0, day_number)
}

/// Somebody with a document.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) kind: &'static str,
    number: String,
    pub(super) birth: NaiveDate,
}

impl Person {
    /// So many people, no two with one number.
    pub(super) fn some(dice: &mut Dice, count: usize) -> Vec<Self> {
        (0..count).map(|index| Self::one(dice, index)).collect()
    }

    fn one(dice: &mut Dice, index: usize) -> Self {
        let year = if dice.once_in(4) { dice.between(2004, 2015) } else { dice.between(1940, 1999) };
        let year = i32::try_from(year).unwrap_or(1980);
        let birth = NaiveDate::from_ymd_opt(year, 3, 15).unwrap_or_default();
        if dice.once_in(12) {
            return Self { kind: "05", number: format!("P{:07}", index * 13 + 7), birth };
        }
        Self { kind: "01", number: national(index * 7 + 3), birth }
    }

    /// As it is shown at a counter; `typed` where the card cannot be read.
    pub(super) fn document(&self, typed: bool) -> DocumentText {
        let kind = if typed && self.kind == "01" { "02" } else { self.kind };
        DocumentText { kind: kind.to_owned(), number: self.number.clone(), birth: self.birth.to_string() }
    }

    /// Whether the last digit is odd.
    fn is_odd(&self) -> bool {
        self.number.bytes().last().is_some_and(|digit| digit % 2 == 1)
    }
}

/// A national number with its check digit: A counts 1 and 0 × 9, then weights 8 to 1.
fn national(serial: usize) -> String {
    let digits = format!("1{serial:07}");
    let sum: u32 = digits.bytes().zip((1..=8).rev()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("A{digits}{}", (10 - (sum + 1) % 10) % 10)
}

/// How long a purchase weighs.
#[derive(Debug, Clone, Copy)]
enum Weighs {
    Days(i64),
    Round(i64, i64),
}

/// A version of a programme, as the manual has it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) programme: &'static str,
    /// The first business day.
    pub(super) from: i64,
    weighs: Weighs,
    /// Pieces for a grown-up's card.
    adult: u32,
    /// Child goods for a grown-up's card.
    adult_child: u32,
    /// For a child's card: adult, child, both together.
    child: (u32, u32, u32),
    /// Who was born in this year or later is a child.
    child_born: i32,
    /// Who was born in this year or later may come on any day.
    free_born: i32,
    passports: bool,
    /// Of those born in this year or later a proxy may carry three cards a day.
    young_born: i32,
}

const NOBODY: i32 = 9_999;
const EVERYBODY: i32 = 0;

/// Those that towns use.
pub(super) fn rules() -> [Rule; 6] {
    let mask = Rule {
        name: "mask-2020-02-06",
        programme: "mask",
        from: day(2020, 2, 6),
        weighs: Weighs::Days(7),
        adult: 2,
        adult_child: 0,
        child: (2, 2, 2),
        child_born: 2008,
        free_born: NOBODY,
        passports: true,
        young_born: NOBODY,
    };
    [
        Rule {
            name: "mask-2020-03-19",
            from: day(2020, 3, 19),
            adult: 3,
            child: (3, 5, 5),
            child_born: 2004,
            free_born: 2004,
            young_born: 2004,
            ..mask
        },
        Rule {
            name: "mask-2020-04-09",
            from: day(2020, 4, 9),
            weighs: Weighs::Days(14),
            adult: 9,
            adult_child: 10,
            child: (9, 10, 10),
            child_born: 2004,
            free_born: EVERYBODY,
            young_born: 2004,
            ..mask
        },
        Rule { name: "mask-2020-02-20", from: day(2020, 2, 20), child: (2, 4, 4), ..mask },
        Rule {
            name: "mask-2020-03-05",
            from: day(2020, 3, 5),
            adult: 3,
            child: (3, 5, 5),
            child_born: 2007,
            free_born: 2007,
            young_born: 2007,
            ..mask
        },
        Rule {
            name: "kit-2022-04-28",
            programme: "kit",
            from: day(2022, 4, 28),
            weighs: Weighs::Round(day(2022, 4, 28), day(2022, 6, 6)),
            adult: 1,
            adult_child: 0,
            child: (1, 0, 1),
            child_born: NOBODY,
            free_born: NOBODY,
            passports: false,
            young_born: NOBODY,
        },
        mask,
    ]
}

impl Rule {
    /// Whether somebody may come on this day.
    pub(super) fn turn(&self, who: &Person, today: i64) -> bool {
        // 1970-01-01 was a Thursday; Sunday is 0.
        let weekday = (today + 4).rem_euclid(7);
        weekday == 0 || who.birth.year() >= self.free_born || who.is_odd() == matches!(weekday, 1 | 3 | 5)
    }

    /// How many cards a proxy may carry on a day, this one among them.
    pub(super) fn cards(&self, who: &Person) -> usize {
        if who.birth.year() >= self.young_born { 3 } else { 1 }
    }

    /// Whether the kind of document is taken.
    pub(super) fn takes(&self, who: &Person) -> bool {
        self.passports || who.kind != "05"
    }

    /// Whether a purchase on one day weighs on another.
    pub(super) fn joins(&self, past: i64, today: i64) -> bool {
        match self.weighs {
            Weighs::Days(days) => (today - past).abs() < days,
            Weighs::Round(_, next) if today >= next => past >= next,
            Weighs::Round(from, next) => (from..next).contains(&past),
        }
    }

    /// Whether a purchase on one day and one on any of some days weigh on each other; the nearest of them are tried,
    /// and those at the ends of a round.
    pub(super) fn may_join(&self, day: i64, others: std::ops::RangeInclusive<i64>) -> bool {
        let nearest = day.clamp(*others.start(), *others.end());
        let ends = match self.weighs {
            Weighs::Days(_) => [nearest; 4],
            Weighs::Round(from, next) => [from - 1, from, next - 1, next],
        };
        let tried = [nearest, *others.start(), *others.end()].into_iter().chain(ends);
        tried.filter(|other| others.contains(other)).any(|other| self.joins(day.min(other), day.max(other)))
    }

    /// Whether a basket is within the limits of the card, by itself. At the counter child goods are for
    /// children; afterwards (`sold`) they count like others.
    pub(super) fn fits(&self, who: &Person, ask: Pieces, sold: bool) -> bool {
        let is_child = who.birth.year() >= self.child_born;
        let (adult, child, mixed) = if is_child { self.child } else { (self.adult, self.adult_child, self.adult) };
        let ask = if sold && child == 0 { Pieces { adult: ask.adult + ask.child, child: 0 } } else { ask };
        let both = ask.adult > 0 && ask.child > 0;
        ask.adult <= adult && ask.child <= child && (!both || ask.adult + ask.child <= mixed)
    }
}
