//! Scenarios for `scripts/replay`, by the contract in `docs/replay.md`.
//!
//! Three makers: [`write_day`] turns a real day of the mask feed of 2020 into a scenario, [`nasty()`] invents a small one in which
//! everything goes wrong at once, and [`write_doubles`] one in which some buy twice. All are deterministic for a seed. Nothing here
//! knows `edge`, `hub` or `shared`: a scenario that borrowed their code could not accuse them.

mod day;
pub(crate) mod dice;
mod doubles;
mod feed;
mod lines;
mod nasty;
mod pace;
mod people;
mod places;

pub use day::{Figures, Plan, write_day};
pub use doubles::{DoublesFigures, DoublesPlan, write_doubles};
pub use nasty::nasty;
pub use places::places;

/// A whole real day as text, for tests; `sites` of its sites, or all.
///
/// # Errors
/// As [`write_day`].
pub fn real_day(seed: u64, sites: Option<usize>) -> anyhow::Result<String> {
    let plan = Plan { seed, sites, ..Plan::default() };
    let mut text = Vec::new();
    write_day(&plan, &mut text)?;
    Ok(String::from_utf8(text)?)
}

/// A valid national number.
pub(crate) fn number(index: u32) -> String {
    people::Number::new(index, false).to_string()
}

/// Valid national numbers that may buy on an even day, each once: for benchmarks.
pub fn even_numbers() -> impl Iterator<Item = String> {
    let all = (0..).map(|index| people::Number::new(index, false));
    all.filter(|number| people::Turn::Even.allows(number.last_digit())).map(|number| number.to_string())
}
