//! Who is due when, and what they were answered.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use edge::node::ask::booking::BookedState;
use shared::entry::booking::Slot;
use shared::ids::EntryId;
use tokio::sync::mpsc;

use super::counters::Counter;
use super::hall::Hall;
use super::outcome::Outcome;
use crate::bench::sale::{bare, insert};

/// People a second while the rush lasts.
pub(super) const RUSH_A_SECOND: usize = 400;
/// The rush lasts no longer.
const RUSH_S_MAX: usize = 60;
/// A bare insert is due with one in so many people.
const BARE_EVERY: usize = 8;
/// The first is due so long after the word.
const LEAD: Duration = Duration::from_millis(200);
/// Until everything is answered, acknowledged, and as many wishes granted as can be.
const PATIENCE: Duration = Duration::from_secs(300);
/// Wishes that the hub has not answered so long after the last acknowledgement wait for a place.
const SETTLED: Duration = Duration::from_secs(5);

/// How many ask, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    people: usize,
    pub(super) rush: usize,
    /// People a second afterwards.
    later: usize,
}

impl Shape {
    /// A minute of rush where there are people enough; less for fewer, and as long afterwards.
    pub(super) fn of(people: usize, later: usize) -> Self {
        let rush_s = (people / (RUSH_A_SECOND + later)).clamp(1, RUSH_S_MAX);
        Self { people, rush: (rush_s * RUSH_A_SECOND).min(people), later }
    }

    /// After the beginning.
    fn due(&self, who: usize) -> Duration {
        let seconds = |people: usize, a_second: usize| Duration::from_secs_f64(people as f64 / a_second as f64);
        let after = who.saturating_sub(self.rush);
        seconds(who.min(self.rush), RUSH_A_SECOND) + seconds(after, self.later)
    }

    /// When the rush is over.
    pub(super) fn rush_lasts(&self) -> Duration {
        self.due(self.rush)
    }
}

/// What somebody was told.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Booked {
        id: EntryId,
        slot: Slot,
        serial: u64,
    },
    Wish(EntryId),
    /// Why.
    Refused(&'static str),
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) who: usize,
    /// From when it was due.
    pub(super) took: Duration,
    pub(super) due: Instant,
    pub(super) said: Said,
}

/// Everybody asks, and is answered; then the lines finish.
pub(super) async fn ask(
    folder: &Path,
    shape: &Shape,
    hall: &Arc<Hall>,
    counters: &Arc<Vec<Counter>>,
) -> Result<Outcome> {
    let (shape, begin) = (*shape, Instant::now() + LEAD);
    let bare = insert_beside(folder, shape, begin)?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let (runtime, theirs, asked) = (tokio::runtime::Handle::current(), hall.clone(), counters.clone());
    // A thread of its own: tokio's timers are a millisecond wide, which is longer than an answer takes.
    let asking = thread::Builder::new().name("people".to_owned()).spawn(move || {
        for who in 0..shape.people {
            let due = begin + shape.due(who);
            wait_until(due);
            let (hall, counters, tell) = (theirs.clone(), asked.clone(), tell.clone());
            runtime.spawn(async move {
                // Nobody listens any more where somebody else has failed.
                let _ = tell.send(at_counter(who, due, &hall, &counters[who % counters.len()]).await);
            });
        }
    })?;
    let mut answers = Vec::with_capacity(shape.people);
    while let Some(answer) = told.recv().await {
        answers.push(answer?);
    }
    let bare = tokio::task::spawn_blocking(move || (asking.join(), bare.join())).await?;
    let bare = bare.1.map_err(|_| anyhow!("the bare inserts ended early"))??;
    settle(counters).await?;
    let heard = counters.iter().map(|counter| counter.heard(std::mem::take)).collect();
    Ok(Outcome { shape, begin, answers, bare, heard })
}

/// One request at one counter.
async fn at_counter(who: usize, due: Instant, hall: &Hall, counter: &Counter) -> Result<Answer> {
    let told = counter.desk.book(hall.request(who)).await.map_err(|fault| anyhow!("{fault}"))?;
    let took = due.elapsed();
    let said = match told {
        Err(refusal) => Said::Refused(refusal.code()),
        Ok(booked) if booked.state == BookedState::Waiting => {
            counter.heard(|heard| heard.waiting.push((booked.id, due)));
            Said::Wish(booked.id)
        }
        Ok(booked) => {
            let serial = booked.serial().context("a booking with a number")?;
            Said::Booked { id: booked.id, slot: booked.slot.context("a booking with a slot")?, serial }
        }
    };
    Ok(Answer { who, took, due, said })
}

/// Everything is acknowledged, and no wish is answered any more.
async fn settle(counters: &[Counter]) -> Result<()> {
    let (begun, mut since, mut before) = (Instant::now(), Instant::now(), usize::MAX);
    loop {
        let (mut are_heard, mut waiting) = (true, 0);
        for counter in counters {
            are_heard &= counter.is_heard().await?;
            waiting += counter.heard(|heard| heard.waiting.len());
        }
        if !are_heard || waiting != before {
            (since, before) = (Instant::now(), waiting);
        } else if waiting == 0 || since.elapsed() >= SETTLED {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "the hub has not acknowledged everything");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// With whom a bare row was due, and how long it took from then.
type Row = (usize, Duration);

/// Bare rows, due as people are.
fn insert_beside(folder: &Path, shape: Shape, begin: Instant) -> Result<JoinHandle<Result<Vec<Row>>>> {
    let rows = bare(&folder.join("bare.db"))?;
    let inserting = thread::Builder::new().name("bare".to_owned()).spawn(move || {
        let mut took = Vec::new();
        for who in (0..shape.people).step_by(BARE_EVERY) {
            let due = begin + shape.due(who);
            wait_until(due);
            insert(&rows)?;
            took.push((who, due.elapsed()));
        }
        Ok(took)
    });
    Ok(inserting?)
}

fn wait_until(due: Instant) {
    if let Some(left) = due.checked_duration_since(Instant::now()) {
        thread::sleep(left);
    }
}
