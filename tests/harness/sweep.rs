//! A crash before every call of a command: its calls are learnt from one run, then it dies at each of them, cleanly
//! and in the middle of each write, and somebody judges what is left.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::fleet::Tool;
use crate::prepared::{LATER, copy, scratch, tool};
use crate::recorder::{Call, Fault, Recorder, calls};

mod deed;

pub use deed::{Deed, Tally, sweep_deed};

/// Seed of every sweep.
pub const SEED: u64 = 20_200_206;

/// What is swept.
#[derive(Debug, Clone, Copy)]
pub struct Swept<'a> {
    /// Every crash begins with a copy of this folder; where there is none, with nothing.
    pub from: &'a Path,
    /// `atoll-edge` or `atoll-hub`.
    pub name: &'a str,
    /// The command.
    pub arguments: &'a [&'a str],
    /// Every which point.
    pub step: usize,
}

/// How many crashes there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points {
    /// Kills before a call.
    pub clean: u32,
    /// Kills in the middle of a write.
    pub torn: u32,
}

impl std::fmt::Display for Points {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} clean and {} torn crash points", self.clean, self.torn)
    }
}

/// Whether every point of a long sweep is wanted (`ATOLL_LONG=1`).
#[must_use]
pub fn is_long() -> bool {
    std::env::var("ATOLL_LONG").is_ok_and(|long| long == "1")
}

/// Every point in the long form, every `short`-th in the short one.
#[must_use]
pub fn every(short: usize) -> usize {
    if is_long() { 1 } else { short }
}

/// Runs a command once to learn its calls; then `judge` gets a kill before each of them, a torn write for each
/// that writes, and one fault that lies behind them all.
///
/// # Errors
/// Where the command fails without a fault, or the judge finds something.
pub fn each_point(recorder: &Recorder, swept: Swept<'_>, mut judge: impl FnMut(Fault) -> Result<()>) -> Result<Points> {
    let calls = learn(recorder, swept)?;
    each_of(&calls, swept.step, |fault| {
        judge(fault).with_context(|| format!("{:?} under {fault:?} (SEED={SEED})", swept.arguments))
    })
}

/// The same over calls that are known.
///
/// # Errors
/// Where the judge finds something.
pub fn each_of(calls: &[Call], step: usize, mut judge: impl FnMut(Fault) -> Result<()>) -> Result<Points> {
    let mut dice = SmallRng::seed_from_u64(SEED);
    let mut points = Points { clean: 0, torn: 0 };
    for (at, call) in (1..).zip(calls).step_by(step) {
        points.clean += 1;
        judge(Fault::Kill(at))?;
        if call.is_write() {
            points.torn += 1;
            judge(Fault::Tear(at, dice.random_range(1..1000)))?;
        }
    }
    judge(Fault::Kill(u32::try_from(calls.len())? + 1))?;
    Ok(points)
}

/// The calls of a command on a copy of a folder.
///
/// # Errors
/// Where it fails, or the recorder saw next to nothing.
pub fn learn(recorder: &Recorder, swept: Swept<'_>) -> Result<Vec<Call>> {
    let folder = scratch()?;
    let (data, log) = (folder.path().join("learn"), folder.path().join("log"));
    fresh_copy(swept.from, &data)?;
    tool(swept.name, &data, LATER)?.under(recorder.logging(&log)).run(swept.arguments)?;
    let calls = calls(&log)?;
    ensure!(calls.len() > 8, "the recorder saw {} calls only", calls.len());
    Ok(calls)
}

/// A copy in place of whatever was there; of nothing, nothing.
///
/// # Errors
/// Where the disk refuses.
pub fn fresh_copy(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(to);
    if from.exists() { copy(from, to) } else { Ok(()) }
}

/// What a command with `--json` answered under a fault, where it got as far as a whole line.
///
/// # Errors
/// Where it cannot be started, or was done without a word.
pub fn answer(tool: &Tool, environment: Vec<(&'static str, OsString)>, arguments: &[&str]) -> Result<Option<Value>> {
    let output = tool.clone().under(environment).output(&[&["--json"], arguments].concat())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let answer = said.strip_suffix('\n').and_then(|line| serde_json::from_str::<Value>(line).ok());
    ensure!(answer.is_some() || !output.status.success(), "done, but said {said:?}");
    let is_half = output.status.code().is_some() && answer.is_none() && !said.is_empty();
    ensure!(!is_half, "half an answer: {said:?}");
    Ok(answer)
}
