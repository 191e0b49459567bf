//! `booking`: people who ask for a place at one hub, 400 a second while the rush lasts and 40 a second, or as many as is
//! said, afterwards. A real
//! `atoll-hub serve`, and in one other process real nodes on a disk, each with its QUIC line and mutual TLS, its leases from
//! the greeting and its list from the digests; each person asks at a counter's own door ([`Desk::book`]).
//!
//! The loop is open: a request is due by the clock, whatever became of those before it, and its time is counted from then
//! until the answer, so that a machine which cannot keep up shows it. Beside it, in the same run and on the same disk, a
//! bare durable insert is due with every eighth of them.
//!
//! [`Desk::book`]: edge::desk::Desk::book

mod counters;
mod hall;
mod outcome;
mod rush;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::Figure;
use crate::siege::prepare;
use counters::Counter;
use hall::Hall;
use rush::Shape;

/// Counters where nobody says.
pub const EDGES: usize = 64;
/// People where nobody says: half a minute.
pub const PEOPLE: usize = 6_600;
/// People a second behind the rush, where nobody says.
pub const LATER_A_SECOND: usize = 40;
/// People of the first round's day.
pub const PEOPLE_LONG: usize = 430_000;

/// Measures with so many edges, one number after the other; people come `later` a second once the rush is over.
///
/// # Errors
/// Where the machine has a fault, a slot is oversold, or somebody is not answered.
pub fn run(folder: &Path, edges: &[usize], (people, later): (usize, usize)) -> Result<Vec<Figure>> {
    let shape = Shape::of(people.max(1), later.max(1));
    let mut figures = Vec::new();
    for edges in edges.iter().copied() {
        let folder = folder.join(edges.to_string());
        std::fs::create_dir(&folder)?;
        figures.extend(play(&folder, edges.max(1), people.max(1), &shape).with_context(|| format!("{edges} edges"))?);
    }
    Ok(figures)
}

fn play(folder: &Path, edges: usize, people: usize, shape: &Shape) -> Result<Vec<Figure>> {
    let papers = prepare(folder, edges)?;
    let hall = Arc::new(Hall::new(edges, people)?);
    hall.open(folder, &papers)?;
    let hub = counters::Hub::start(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut counters = Vec::new();
        for (n, papers) in (0u8..=u8::MAX).zip(&papers) {
            counters.push(Counter::open(folder, papers, n, &hub).await?);
        }
        let counters = Arc::new(counters);
        counters::are_ready(&counters, &hall).await?;
        rush::ask(folder, shape, &hall, &counters).await
    })?;
    runtime.shutdown_background();
    hub.stop()?;
    outcome.judge(&hall, &hall.accounts(folder)?)
}
