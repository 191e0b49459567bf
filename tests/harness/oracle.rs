//! The oracle: whether the output of `scripts/replay` is right by the contract in `docs/replay.md`.
//!
//! It shares no code with the rules. What an edge knows of the others' sales is partly free, so an answer is held against two
//! bounds of knowledge: what the site may have heard and what it must have heard (`reach`). Everything after that follows from
//! the answers given: the stock of every site, and by brute force who was served twice.

mod clock;
mod doubles;
mod ending;
mod lines;
mod places;
mod reach;
mod right;
mod rules;
mod sales;
mod trial;

use std::fmt;
use std::io::BufRead;

use anyhow::Context;

pub use doubles::{Doubles, Ends};
use ending::Ending;
use lines::{Line, Output};
use trial::Trial;

/// So many disagreements are told in words, the others counted.
const TOLD_MAX: usize = 20;

/// What the oracle found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Sales answered "sold".
    pub sold: u64,
    /// Sales answered "refused".
    pub refused: u64,
    /// Withdrawals answered "withdrawn".
    pub withdrawn: u64,
    /// Cases in the output.
    pub cases: u64,
    /// Sales that the cases name as over.
    pub over: u64,
    /// Sites named by the scenario.
    pub sites: u64,
    /// How purchases ended of those who had bought within the window, and of the others.
    pub doubles: Doubles,
    /// How many disagreements there are.
    pub wrong: u64,
    /// The first twenty of them.
    pub told: Vec<String>,
}

impl Verdict {
    /// Whether the output is right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.wrong == 0
    }

    fn disagree(&mut self, what: String) {
        self.wrong += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }

    fn count(&mut self, line: &Line, answer: &Output) {
        let sale = matches!(line.deed, lines::Deed::Sell(_));
        match answer.verdict.as_deref() {
            Some("sold") if sale => self.sold += 1,
            Some("refused") if sale => self.refused += 1,
            Some("withdrawn") => self.withdrawn += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sold, refused, withdrawn, cases, over, sites, doubles, wrong, told } = self;
        writeln!(
            out,
            "sold {sold}, refused {refused}, withdrawn {withdrawn}, cases {cases}, over {over}, sites {sites}"
        )?;
        let again = doubles.again();
        writeln!(out, "with an earlier purchase in the window: sold {}, refused for it {}", again.sold, again.bought)?;
        for what in told {
            writeln!(out, "  {what}")?;
        }
        if self.is_right() { write!(out, "right") } else { write!(out, "{wrong} disagreements") }
    }
}

/// Judges an output against its scenario. A scenario that cannot be read is a disagreement, too.
#[must_use]
pub fn judge(scenario: &str, output: &str) -> Verdict {
    judge_streams(scenario.as_bytes(), output.as_bytes()).unwrap_or_else(|error| {
        let mut verdict = Verdict::default();
        verdict.disagree(format!("{error:#}"));
        verdict
    })
}

/// The same line by line, for days that should not be held in memory.
///
/// # Errors
/// Where the scenario breaks the contract, with the line's number, or a stream cannot be read.
pub fn judge_streams(scenario: impl BufRead, output: impl BufRead) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut trial = Trial::default();
    let mut outputs = Outputs { lines: output.lines(), number: 0 };
    let mut any = false;
    for (number, text) in (1u32..).zip(scenario.lines()) {
        let text = text.with_context(|| format!("read scenario line {number}"))?;
        let line = Line::parse(&text).with_context(|| format!("scenario line {number}"))?;
        let answer = match trial::answered(&line) {
            None => None,
            Some(refer) => match outputs.answer(refer)? {
                Ok(answer) => Some(answer),
                Err(why) => {
                    verdict.disagree(format!("scenario line {number}: {why}; nothing after it can be judged"));
                    return Ok(verdict);
                }
            },
        };
        let wrong = trial.step(&line, number, answer.as_ref()).with_context(|| format!("scenario line {number}"))?;
        if let Some(answer) = &answer {
            verdict.count(&line, answer);
        }
        if let Some(wrong) = wrong {
            verdict.disagree(format!("scenario line {number}: {wrong}"));
        }
        any = true;
    }
    anyhow::ensure!(any, "the scenario is empty");
    verdict.doubles = trial.doubles;
    verdict.sites = u64::try_from(trial.sites.len()).unwrap_or(u64::MAX);
    end(&trial, &mut outputs, &mut verdict)?;
    Ok(verdict)
}

/// Judges the lines after the last answer.
fn end(trial: &Trial, outputs: &mut Outputs<impl BufRead>, verdict: &mut Verdict) -> anyhow::Result<()> {
    let mut ending = Ending::new(trial);
    while let Some(line) = outputs.next()? {
        let wrong = line.map_or_else(Some, |line| ending.take(&line));
        if let Some(wrong) = wrong {
            verdict.disagree(format!("output line {}: {wrong}", outputs.number));
        }
    }
    for missing in ending.missing() {
        verdict.disagree(missing);
    }
    (verdict.cases, verdict.over) = (ending.cases, ending.over);
    Ok(())
}

/// The lines of the output, one by one.
struct Outputs<R: BufRead> {
    lines: std::io::Lines<R>,
    number: u64,
}

impl<R: BufRead> Outputs<R> {
    /// The next line, parsed, or what is wrong with it; nothing at the end.
    fn next(&mut self) -> anyhow::Result<Option<Result<Output, String>>> {
        let Some(text) = self.lines.next() else { return Ok(None) };
        self.number += 1;
        let text = text.with_context(|| format!("read output line {}", self.number))?;
        Ok(Some(serde_json::from_str(&text).map_err(|error| error.to_string())))
    }

    /// The answer to `refer`, which must be the next line; or why there is none.
    fn answer(&mut self, refer: &str) -> anyhow::Result<Result<Output, String>> {
        Ok(match self.next()? {
            None => Err(format!("no answer to {refer}: the output ends")),
            Some(Err(why)) => Err(format!("output line {} is no answer to {refer}: {why}", self.number)),
            Some(Ok(line)) if line.verdict.is_none() => {
                Err(format!("output line {} is no answer to {refer}", self.number))
            }
            Some(Ok(line)) if line.refer.as_deref() != Some(refer) => {
                let found = line.refer.as_deref().unwrap_or("nothing");
                Err(format!("output line {} answers {found}, not {refer}", self.number))
            }
            Some(Ok(line)) => Ok(line),
        })
    }
}

#[cfg(test)]
mod tests;
