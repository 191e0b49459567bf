//! The one-time code by which a browser is paired: eight digits, ten minutes, five tries, one at a time.

use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;

/// So long a code is good.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
/// So many may be tried.
const TRIES: u32 = 5;
/// Eight digits.
const CODES: u32 = 100_000_000;

/// A code that was made.
#[derive(Debug)]
struct Code {
    digits: String,
    made: Instant,
    tries_left: u32,
}

/// The code that may be typed now, if any.
#[derive(Debug, Default)]
pub(super) struct OneCode(Option<Code>);

/// A code as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its digits, in two groups.
    pub digits: String,
    /// For so many minutes more, begun ones too.
    pub minutes_left: u128,
    /// So many tries more.
    pub tries_left: u32,
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It was the code, which is none any more.
    Right,
    /// It was not; so many tries more, and after the last the code is burned.
    Wrong {
        /// Tries.
        left: u32,
    },
    /// Nothing can be tried: no code was made, or it is too old, used or burned.
    NoCode,
}

impl OneCode {
    /// A new one; the one before is none any more.
    pub(super) fn make(&mut self, now: Instant) {
        let digits = format!("{:08}", rand::random_range(0..CODES));
        self.0 = Some(Code { digits, made: now, tries_left: TRIES });
    }

    /// The one that may be typed now.
    pub(super) fn shown(&mut self, now: Instant) -> Option<Shown> {
        self.forget_old(now);
        let code = self.0.as_ref()?;
        let left = GOOD_FOR.saturating_sub(now.duration_since(code.made));
        let (one, other) = code.digits.split_at(code.digits.len() / 2);
        let digits = format!("{one} {other}");
        Some(Shown { digits, minutes_left: left.as_millis().div_ceil(60_000), tries_left: code.tries_left })
    }

    /// Somebody types one.
    pub(super) fn try_it(&mut self, typed: &str, now: Instant) -> Tried {
        self.forget_old(now);
        let Some(code) = &mut self.0 else { return Tried::NoCode };
        if verify_slices_are_equal(digits(typed).as_bytes(), code.digits.as_bytes()).is_ok() {
            self.0 = None;
            return Tried::Right;
        }
        code.tries_left -= 1;
        let left = code.tries_left;
        if left == 0 {
            self.0 = None;
        }
        Tried::Wrong { left }
    }

    fn forget_old(&mut self, now: Instant) {
        self.0.take_if(|code| now.duration_since(code.made) >= GOOD_FOR);
    }
}

/// What was typed, without blanks and hyphens; input methods leave full-width digits behind.
fn digits(typed: &str) -> String {
    let half_width = |c: char| match c {
        '\u{FF10}'..='\u{FF19}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    };
    typed.chars().filter(|c| !c.is_whitespace() && *c != '-').map(half_width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(now: Instant) -> (OneCode, String) {
        let mut code = OneCode::default();
        code.make(now);
        let digits = code.shown(now).unwrap().digits;
        (code, digits)
    }

    #[test]
    fn a_code_is_used_once() {
        let now = Instant::now();
        assert_eq!(OneCode::default().try_it("00000000", now), Tried::NoCode);
        let (mut code, shown) = made(now);
        assert_eq!(shown.len(), 9, "eight digits in two groups");
        assert_eq!(code.try_it(&shown, now), Tried::Right);
        assert_eq!(code.try_it(&shown, now), Tried::NoCode);
        let (mut code, shown) = made(now);
        let wide: String =
            shown.chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).filter(|_| c != ' ').unwrap_or('-')).collect();
        assert_eq!(code.try_it(&wide, now), Tried::Right, "{wide}");
    }

    #[test]
    fn five_wrong_tries_burn_it() {
        let now = Instant::now();
        let (mut code, shown) = made(now);
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(code.try_it("1234567", now), Tried::Wrong { left });
        }
        assert_eq!(code.try_it(&shown, now), Tried::NoCode);
        assert_eq!(code.shown(now), None);
    }

    #[test]
    fn after_ten_minutes_or_when_another_is_made_it_is_none() {
        let now = Instant::now();
        let (mut code, shown) = made(now);
        assert_eq!(code.shown(now).unwrap().minutes_left, 10);
        let just = now + GOOD_FOR - Duration::from_millis(1);
        assert_eq!(code.shown(just).unwrap().minutes_left, 1);
        assert_eq!(code.try_it(&shown, now + GOOD_FOR), Tried::NoCode);
        let (mut code, shown) = made(now);
        while code.shown(now).unwrap().digits == shown {
            code.make(now);
        }
        assert_eq!(code.try_it(&shown, now), Tried::Wrong { left: 4 });
        let second = code.shown(now).unwrap().digits;
        assert_eq!(code.try_it(&second, now), Tried::Right);
    }
}
