//! The replay: the real node, rules, ledger, wire, sessions and hub over a scenario, in simulated time.
//!
//! Only the link (function calls that carry real frames) and the disks (SQLite in memory) are not
//! those of production. `docs/replay.md` has the contract.
//!
//! * Uploads run at ticks, [`TICK_MS`] apart: every connected edge that wrote something sends it.
//! * The hub publishes its digests as `serve` does, a quarter of an hour apart.
//! * Downloads run when an edge is about to act or its line is about to be cut: nothing that it
//!   could have received earlier would have changed anything before.

pub mod ask;
pub(crate) mod booking;
pub mod line;
pub mod report;
pub mod town;

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use edge::nation::SharedNation;

use self::ask::Ask;
use self::town::{Lists, Town};

/// How often a connected edge that has something to say says it, in simulated milliseconds. What
/// one site did must be known elsewhere after 60 s.
pub const TICK_MS: i64 = 20_000;

/// A line of the scenario that cannot be obeyed.
#[derive(Debug)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub why: String,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.number, self.why)
    }
}

impl std::error::Error for BadLine {}

/// Reads a scenario to its end and writes the answers.
///
/// # Errors
/// [`BadLine`] for a line that cannot be obeyed; anything else is a fault of the machine.
pub fn replay(scenario: impl BufRead, answers: impl Write) -> Result<()> {
    replay_in(&mut Town::new(Lists::Shared(SharedNation::new()))?, scenario, answers)
}

/// As [`replay`], in a town that is looked at afterwards.
///
/// # Errors
/// As [`replay`].
pub fn replay_in(town: &mut Town, scenario: impl BufRead, mut answers: impl Write) -> Result<()> {
    for (number, line) in (1..).zip(scenario.lines()) {
        let line = line.context("read the scenario")?;
        if line.trim().is_empty() {
            continue;
        }
        let bad = |why: String| BadLine { number, why };
        let (at_ms, ask) = ask::parse(&line).map_err(bad)?;
        if let Some(answer) = town.obey(at_ms, ask)?.map_err(bad)? {
            writeln!(answers, "{answer}").context("write an answer")?;
        }
    }
    town.settle()?;
    report::ending(town, &mut answers)?;
    answers.flush().context("write the answers")
}

/// As [`replay`], for texts.
///
/// # Errors
/// As [`replay`].
pub fn replay_text(scenario: &str) -> Result<String> {
    let mut out = Vec::new();
    replay(scenario.as_bytes(), &mut out)?;
    Ok(String::from_utf8(out)?)
}

impl Ask {
    /// What the line would do, for messages.
    #[must_use]
    pub fn deed(&self) -> &'static str {
        match self {
            Self::Programme { .. } => "programme",
            Self::Arrive { .. } => "arrive",
            Self::Sell(_) => "sell",
            Self::Withdraw { .. } => "withdraw",
            Self::Cut { .. } => "cut",
            Self::Heal { .. } => "heal",
            Self::Clock { .. } => "clock",
            Self::Crash { .. } => "crash",
            Self::Open(_) => "open",
            Self::Eligible { .. } => "eligible",
            Self::Book(_) => "book",
            Self::Cancel { .. } => "cancel",
        }
    }
}
