//! Double purchases all over a town whose lines are up much or little: how many were sold, how many refused at the counter, how many
//! found later (docs/simulation.md).
//!
//! The scenario is [`write_doubles`]'s, the replay runs the real edges and the real hub, and two judges look at what came of it: the
//! oracle, by the times at which lines were up, and [`recorded`], by what each sale says that its site knew.

pub mod recorded;

use std::fmt;
use std::time::Instant;

use anyhow::Result;

use self::recorded::Record;
use crate::oracle::{self, Verdict};
use crate::replay::line::Took;
use crate::replay::replay_in;
use crate::replay::town::{Lists, Town};
use crate::scenario::{DoublesFigures, DoublesPlan, write_doubles};

/// How much of the time lines are up, in hundredths.
pub const SHARES: [u32; 4] = [1, 30, 70, 100];
/// A town of fifty sites has few purchases: an edge that is so many behind is given digests in place of the feed.
const JUMP_ITEMS: u64 = 50;
/// A digest takes so many strangers for somebody who bought, a day and look-up (docs/benchmarks.md).
const FALSE_HITS: f64 = 1e-6;
/// Days that a look-up asks.
const WINDOW_DAYS: f64 = 7.0;

/// A town that was lived through.
#[derive(Debug)]
pub struct Row {
    /// What was tried.
    pub made: DoublesFigures,
    /// What the oracle says of it.
    pub verdict: Verdict,
    /// What the sales that are over say of themselves.
    pub record: Record,
    /// What all edges took of the digests.
    pub took: Took,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Lives through a town and judges it.
///
/// # Errors
/// Where the scenario cannot be made or the machine has a fault.
pub fn live(plan: &DoublesPlan) -> Result<Row> {
    let begun = Instant::now();
    let (mut scenario, mut answers) = (Vec::new(), Vec::new());
    let made = write_doubles(plan, &mut scenario)?;
    let mut town = Town::new(Lists::Own)?;
    town.hub.jump_at(JUMP_ITEMS);
    replay_in(&mut town, scenario.as_slice(), &mut answers)?;
    let verdict = oracle::judge_streams(scenario.as_slice(), answers.as_slice())?;
    let record = recorded::read(&town.hub)?;
    Ok(Row { made, verdict, record, took: town.counts.took, seconds: begun.elapsed().as_secs_f64() })
}

impl Row {
    /// What was promised and does not hold; empty where everything does.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let Self { made, verdict, record: Record { against, blamed }, .. } = self;
        let doubles = &verdict.doubles;
        let again = doubles.again();
        let mut broken = verdict.told.clone();
        let mut promise = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        promise(verdict.is_right(), format!("{} disagreements with the oracle", verdict.wrong));
        promise(doubles.known.sold == 0, format!("{} sold that had to be known", doubles.known.sold));
        promise(*against == 0, format!("{against} sold against what their site had recorded that it knew"));
        promise(*blamed == 0, format!("of {blamed} sold the hub says that their site could have known"));
        let unfounded = doubles.first.bought + doubles.unknown.bought;
        promise(unfounded == 0, format!("{unfounded} refused without an earlier purchase that can have been known"));
        promise(again.sold == verdict.over, format!("{} doubles sold, {} found as over", again.sold, verdict.over));
        promise(verdict.cases == verdict.over, format!("{} cases of {} sales over", verdict.cases, verdict.over));
        promise(again.all() == made.doubles, format!("{} doubles tried of {}", again.all(), made.doubles));
        let other = doubles.first.other + again.other;
        promise(other == 0, format!("{other} refused for another reason"));
        broken
    }
}

/// The head of the table of which a [`Row`] is a line.
pub const HEAD: &str = "\
| Lines up | Doubles tried | Refused at the counter | Sold | Found as cases | Surely known: sold of tried | Perhaps known | Not known: refused of tried | Sold against recorded knowledge | Others refused (the stated rate) | Jumps, layers | Time |
|---|---|---|---|---|---|---|---|---|---|---|---|";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made, verdict, record, took, seconds } = self;
        let doubles = &verdict.doubles;
        let (again, first, known, open, unknown) =
            (doubles.again(), &doubles.first, &doubles.known, &doubles.open, &doubles.unknown);
        write!(
            f,
            "| {:.1} % | {} | {} | {} | {} | {} of {} | {} of {} | {} of {} | {} | {} of {} ({:.2}) | {}, {} | {seconds:.0} s |",
            made.up_percent,
            again.all(),
            again.bought,
            again.sold,
            verdict.over,
            known.sold,
            known.all(),
            open.sold,
            open.all(),
            unknown.bought,
            unknown.all(),
            record.against,
            first.bought,
            first.all(),
            first.all() as f64 * WINDOW_DAYS * FALSE_HITS,
            took.jumps,
            took.layers,
        )
    }
}
