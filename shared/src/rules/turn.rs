//! Whose day it is: odd and even last digits (M7, decision 4).

use chrono::{Datelike, Days, NaiveDate, WeekdaySet};

use super::identity::Document;
use super::programme::{Turn, Version};
use super::refusal::{Refusal, TurnDay};

/// Whether the document may come today.
///
/// A document without any digit, a kind that the version frees and young people
/// whom it frees may come on every day.
///
/// # Errors
/// [`Refusal::Turn`] with the next day of its own.
pub fn check_turn(version: &Version, document: &Document, today: NaiveDate) -> Result<(), Refusal> {
    let (odd, even, free_for) = match version.turn {
        Turn::Everyone => return Ok(()),
        Turn::OddEven { odd, even, free_for } => (odd, even, free_for),
    };
    let freed = free_for.is_some_and(|born| born.includes(document.birth()))
        || version.documents.free_of_turn.contains(&document.kind());
    let Some(digit) = document.last_digit().filter(|_| !freed) else {
        return Ok(());
    };
    let own = if digit % 2 == 1 { odd } else { even };
    if own.contains(today.weekday()) {
        return Ok(());
    }
    Err(Refusal::Turn { today: turn_of(odd, even, today), own: next_of(own, today) })
}

fn turn_of(odd: WeekdaySet, even: WeekdaySet, today: NaiveDate) -> TurnDay {
    // Only asked where one of the two is not today's.
    if odd.contains(today.weekday()) {
        TurnDay::Odd
    } else if even.contains(today.weekday()) {
        TurnDay::Even
    } else {
        TurnDay::Nobody
    }
}

/// The next of these weekdays after today.
fn next_of(days: WeekdaySet, today: NaiveDate) -> Option<NaiveDate> {
    (1..=7).filter_map(|ahead| today.checked_add_days(Days::new(ahead))).find(|day| days.contains(day.weekday()))
}
