//! The people who are looked for: valid numbers, each once, with birth dates, names and phones of their own.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use shared::rules::identity::{Document, number_kind};
use shared::wire::v1::document;

/// Whose turn it is on an even day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The last digit is even: may buy.
    Even,
    /// It is odd: is refused.
    Odd,
    /// The check digit is wrong.
    Wrong,
}

/// Somebody who is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// 證號.
    pub number: String,
    /// 出生日期.
    pub birth: NaiveDate,
    /// A name that nobody in the register has.
    pub name: String,
    /// A mobile phone.
    pub phone: String,
    /// Whether they may buy.
    pub turn: Turn,
}

const GIVEN: [&str; 22] = [
    "旻", "翎", "澔", "蓁", "婕", "霈", "岑", "瑀", "昀", "暘", "芃", "晞", "苡", "禾", "沐", "玥", "澄", "璟", "恩",
    "瀅", "羿", "珩",
];
const FIRST_BIRTH: NaiveDate = NaiveDate::from_ymd_opt(1930, 1, 1).expect("a date");
const BIRTH_DAYS: u64 = 75 * 365;

/// So many people from a seed; the sixth part odd, the sixth part wrong.
#[must_use]
pub fn people(seed: u64, count: usize) -> Vec<Known> {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut given = BTreeSet::new();
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        let turn = match out.len() % 6 {
            0 => Turn::Odd,
            1 => Turn::Wrong,
            _ => Turn::Even,
        };
        let number = number(&mut dice, turn);
        if !given.insert(number.clone()) {
            continue;
        }
        let n = out.len();
        out.push(Known {
            number,
            birth: FIRST_BIRTH + Days::new(dice.random_range(0..BIRTH_DAYS)),
            name: format!("司馬{}{}{}", GIVEN[n / 484 % 22], GIVEN[n / 22 % 22], GIVEN[n % 22]),
            phone: format!("09{:08}", 10_000_000 + n * 7919 % 80_000_000),
            turn,
        });
    }
    out
}

fn number(dice: &mut SmallRng, turn: Turn) -> String {
    let letter = char::from(b'A' + dice.random_range(0..26u8));
    let begin = format!("{letter}{}{:07}", dice.random_range(1..=2u8), dice.random_range(0..10_000_000u32));
    let last = (0..10u8).find(|last| number_kind(&format!("{begin}{last}")).is_ok()).unwrap_or(0);
    match (turn, last % 2) {
        (Turn::Wrong, _) => format!("{begin}{}", (last + 1) % 10),
        (Turn::Even, 0) | (Turn::Odd, 1) => format!("{begin}{last}"),
        (Turn::Even | Turn::Odd, _) => number(dice, turn),
    }
}

impl Known {
    /// 出生日期 as a program is told.
    #[must_use]
    pub fn born(&self) -> String {
        self.birth.to_string()
    }

    /// The bytes that would lie there if a sale were not sealed.
    #[must_use]
    pub fn packed(&self) -> Option<Vec<u8>> {
        Document::parse("01", &self.number, &self.born(), NaiveDate::MAX).ok().map(|found| document::encode(&found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_people_are_ten_thousand() {
        let all = people(1, 10_000);
        assert_eq!(all, people(1, 10_000), "the same from the same seed");
        for told in [|k: &Known| k.number.clone(), |k: &Known| k.name.clone(), |k: &Known| k.phone.clone()] {
            assert_eq!(all.iter().map(told).collect::<BTreeSet<_>>().len(), 10_000);
        }
        assert!(all.iter().all(|known| (known.turn == Turn::Wrong) == number_kind(&known.number).is_err()));
        assert!(all.iter().all(|known| known.packed().is_some() == (known.turn != Turn::Wrong)));
    }
}
