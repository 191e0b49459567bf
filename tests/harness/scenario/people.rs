//! People from a seed: valid numbers (`data/identity_vectors.json`), each given once, and plausible birth dates.

use std::fmt;

use chrono::{Days, NaiveDate};

use super::dice::Dice;

/// Letters in the order of their values from 10 (A) to 35 (O).
const LETTERS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
/// Letter, sex and the seven digits before the checking one.
const NUMBERS: u64 = 26 * 2 * 10_000_000;
/// Of so many people one holds a residence certificate (03).
const ONE_RESIDENT_IN: u64 = 100;
/// Of so many cards one cannot be read and is typed (02).
const ONE_TYPED_IN: u64 = 50;

/// Whose day it is: which last digits may buy (M7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Odd,
    Even,
    Everybody,
}

impl Turn {
    /// Tuesday, Thursday, Saturday even; Monday, Wednesday, Friday odd; Sunday everybody.
    pub(super) fn of(day: NaiveDate) -> Self {
        match chrono::Datelike::weekday(&day).number_from_monday() {
            7 => Self::Everybody,
            n if n % 2 == 0 => Self::Even,
            _ => Self::Odd,
        }
    }

    pub(super) fn allows(self, last_digit: u8) -> bool {
        match self {
            Self::Everybody => true,
            Self::Even => last_digit.is_multiple_of(2),
            Self::Odd => !last_digit.is_multiple_of(2),
        }
    }
}

/// Old enough that only adult masks are sold to them, or born in 2008 or later (M12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Adult,
    Child,
}

/// Somebody at a counter; eight bytes, because a national day has 600,000 of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    number: u32,
    birth_days: u16,
    pub(super) kind: Kind,
    pub(super) age: Age,
}

/// 身分別 (M3), those that the real day uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Card,
    Typed,
    Resident,
}

impl Person {
    /// The same person with a card that cannot be read today.
    pub(super) fn typed(self) -> Self {
        let kind = if self.kind == Kind::Card { Kind::Typed } else { self.kind };
        Self { kind, ..self }
    }

    pub(super) fn code(self) -> &'static str {
        match self.kind {
            Kind::Card => "01",
            Kind::Typed => "02",
            Kind::Resident => "03",
        }
    }

    pub(super) fn number(self) -> Number {
        Number::new(self.number, self.kind == Kind::Resident)
    }

    pub(super) fn birth(self) -> NaiveDate {
        first_birth() + Days::new(u64::from(self.birth_days))
    }
}

/// Ten characters with a right check digit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number([u8; 10]);

impl Number {
    /// The `index`th number; of a national, or of a resident (the old form of 2020, second letter C or D).
    pub(super) fn new(index: u32, resident: bool) -> Self {
        let letter = index % 26;
        let sex = index / 26 % 2;
        let mut serial = index / 52;
        let mut text = [b'0'; 10];
        text[0] = LETTERS[letter as usize];
        // C and D stand for 12 and 13, of which the check digit takes the last figure: 2 and 3.
        let (second, value) = match (resident, sex) {
            (false, 0) => (b'1', 1),
            (false, _) => (b'2', 2),
            (true, 0) => (b'C', 2),
            (true, _) => (b'D', 3),
        };
        text[1] = second;
        let letter_value = letter + 10;
        let mut sum = letter_value / 10 + letter_value % 10 * 9 + value * 8;
        for (weight, place) in (1..).zip(text[2..9].iter_mut().rev()) {
            let digit = serial % 10;
            serial /= 10;
            *place = b'0' + u8::try_from(digit).unwrap_or(0);
            sum += digit * weight;
        }
        text[9] = b'0' + u8::try_from((10 - sum % 10) % 10).unwrap_or(0);
        Self(text)
    }

    pub(super) fn last_digit(self) -> u8 {
        self.0[9] - b'0'
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            fmt::Write::write_char(out, char::from(byte))?;
        }
        Ok(())
    }
}

/// Gives out people, no number twice.
#[derive(Debug)]
pub(super) struct People {
    step: u64,
    at: u64,
    left: u64,
}

impl People {
    pub(super) fn new(dice: &mut Dice) -> Self {
        // A step that shares no factor with 26 * 2 * 10^7 visits every number once.
        let step = loop {
            let step = dice.between(100_000_000, 500_000_000).unsigned_abs();
            if [2, 5, 13].iter().all(|&factor| !step.is_multiple_of(factor)) {
                break step;
            }
        };
        Self { step, at: dice.below(NUMBERS), left: NUMBERS }
    }

    /// The next person of that age whose turn it is.
    ///
    /// # Errors
    /// After 500 million people.
    pub(super) fn next(&mut self, dice: &mut Dice, age: Age, turn: Turn) -> anyhow::Result<Person> {
        let kind = match dice.below(ONE_RESIDENT_IN * ONE_TYPED_IN) {
            n if n < ONE_TYPED_IN => Kind::Resident,
            n if n % ONE_TYPED_IN == 0 => Kind::Typed,
            _ => Kind::Card,
        };
        while self.left > 0 {
            self.left -= 1;
            self.at = (self.at + self.step) % NUMBERS;
            let number = u32::try_from(self.at)?;
            if turn.allows(Number::new(number, kind == Kind::Resident).last_digit()) {
                return Ok(Person { number, birth_days: birth_days(dice, age), kind, age });
            }
        }
        anyhow::bail!("no number is left to give")
    }
}

/// The oldest buyer's birthday.
fn first_birth() -> NaiveDate {
    NaiveDate::from_ymd_opt(1925, 1, 1).unwrap_or_default()
}

/// Days after [`first_birth`]: adults to the end of 2007, children from 2008 to January 2020.
fn birth_days(dice: &mut Dice, age: Age) -> u16 {
    const BORN_2008: i64 = 30_315; // 1925-01-01 .. 2008-01-01
    const BORN_2020_02: i64 = 34_729; // 1925-01-01 .. 2020-02-01
    let days = match age {
        Age::Adult => dice.between(0, BORN_2008 - 1),
        Age::Child => dice.between(BORN_2008, BORN_2020_02 - 1),
    };
    u16::try_from(days).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_the_right_check_digit() {
        // All three are real vectors; index = (serial * 2 + sex) * 26 + letter.
        assert_eq!(Number::new(100_000 * 52, false).to_string(), "A101000005");
        assert_eq!(Number::new(0, true).to_string(), "AC00000003");
        assert_eq!(Number::new(2_345_678 * 52, false).to_string(), "A123456789");
    }

    #[test]
    fn births_fit_the_ages() {
        let mut dice = Dice::new(1, 0);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for _ in 0..20_000 {
            let adult = first_birth() + Days::new(u64::from(birth_days(&mut dice, Age::Adult)));
            let child = first_birth() + Days::new(u64::from(birth_days(&mut dice, Age::Child)));
            assert!(adult < day("2008-01-01"), "{adult}");
            assert!(child >= day("2008-01-01") && child < day("2020-02-01"), "{child}");
        }
    }

    #[test]
    fn nobody_comes_twice_and_all_have_their_turn() {
        let mut dice = Dice::new(7, 0);
        let mut people = People::new(&mut dice);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..50_000 {
            let person = people.next(&mut dice, Age::Adult, Turn::Even).unwrap();
            assert_eq!(person.number().last_digit() % 2, 0);
            assert!(seen.insert(person.number().to_string()));
        }
    }
}
