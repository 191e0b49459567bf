//! Sweeping a command that writes one entry: what was answered is there once, what was not at most once, and the same
//! request again makes it exactly one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::{Points, SEED, Swept, answer, each_point, fresh_copy};
use crate::fleet::Tool;
use crate::ledger::Ledger;
use crate::prepared::{LATER, MORNING, scratch, tool};
use crate::recorder::{Fault, Recorder};

/// A command that writes one entry.
#[derive(Debug)]
pub struct Deed<'a> {
    /// Of the entry.
    pub kind: &'a str,
    /// What is answered.
    pub verdict: &'a str,
    /// Where its id stands in the answer.
    pub id: &'a str,
    /// The command, with a request key.
    pub arguments: Vec<&'a str>,
}

/// What came of crashes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Answered before the process died.
    pub answered: u32,
    /// On the disk after the first crash.
    pub there: u32,
}

/// Sweeps a deed over copies of a folder, with a second crash while the first is mended, and prints the counts.
///
/// # Errors
/// Where something is lost, doubled or changed.
pub fn sweep_deed(prepared: &Path, deed: &Deed<'_>, step: usize) -> Result<Points> {
    let (recorder, folder) = (Recorder::build()?, scratch()?);
    let data = folder.path().join("edge");
    let before = deed.before(prepared, &data)?;
    let mut dice = SmallRng::seed_from_u64(SEED);
    let mut tally = Tally::default();
    let swept = Swept { from: prepared, name: "atoll-edge", arguments: &deed.arguments, step };
    let points = each_point(&recorder, swept, |fault| {
        fresh_copy(prepared, &data)?;
        let second = Fault::Kill(dice.random_range(1..40));
        deed.crash(&recorder, &data, &before, [fault, second], &mut tally)
    })?;
    // The teeth of the sweep: it must have seen each of the three states.
    let Tally { answered, there } = tally;
    ensure!(answered > 0 && answered < there && there < points.clean + points.torn, "{points}: {tally:?}");
    println!("{}: {points}; answered {answered}, on the disk {there}; lost 0, doubled 0", deed.arguments[0]);
    Ok(points)
}

impl Deed<'_> {
    /// The ledger of a folder that is swept.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn before(&self, prepared: &Path, data: &Path) -> Result<Ledger> {
        fresh_copy(prepared, data)?;
        Ledger::of(&tool("atoll-edge", data, MORNING)?)
    }

    /// One crash, a second one while the first is mended, and the judgement.
    ///
    /// # Errors
    /// Where something is lost, doubled or changed.
    pub fn crash(
        &self,
        recorder: &Recorder,
        data: &Path,
        before: &Ledger,
        faults: [Fault; 2],
        tally: &mut Tally,
    ) -> Result<()> {
        let edge = tool("atoll-edge", data, LATER)?;
        let [fault, second] = faults;
        let mut answers = BTreeSet::new();
        answers.extend(self.answer(&edge, recorder.environment(fault))?);
        tally.answered += u32::try_from(answers.len())?;

        // Looking alone mends what the crash left.
        let after = Ledger::of(&edge)?;
        ensure!(after.goes_on(before), "what was there has changed");
        let found = self.added(&after, before);
        ensure!(found.len() <= 1 && after.len() - before.len() == found.len(), "doubled");
        ensure!(answers.is_subset(&found), "lost");
        tally.there += u32::try_from(found.len())?;

        answers.extend(self.answer(&edge, recorder.environment(second))?);
        answers.extend(self.answer(&edge, Vec::new())?);
        let last = Ledger::of(&edge).with_context(|| format!("then {second:?}"))?;
        ensure!(last.goes_on(&after), "what was there has changed; then {second:?}");
        answers.extend(found);
        ensure!(answers.len() == 1, "the same request has several answers, or none; then {second:?}");
        ensure!(self.added(&last, before) == answers, "the ledger holds something else than was answered");
        Ok(())
    }

    fn added(&self, ledger: &Ledger, before: &Ledger) -> BTreeSet<String> {
        ledger.ids(self.kind)[before.ids(self.kind).len()..].iter().map(|id| (*id).to_owned()).collect()
    }

    /// The id of the entry, where the command got as far as saying it.
    fn answer(&self, edge: &Tool, environment: Vec<(&'static str, OsString)>) -> Result<Option<String>> {
        let Some(answer) = answer(edge, environment, &self.arguments)? else { return Ok(None) };
        if answer["verdict"] == self.verdict {
            return Ok(Some(answer[self.id].as_str().context("no id")?.to_owned()));
        }
        ensure!(answer["error"]["en"].as_str().is_some_and(|why| !why.is_empty()), "no reason: {answer}");
        Ok(None)
    }
}
