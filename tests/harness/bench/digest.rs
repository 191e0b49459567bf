//! `digest`: how small a day of the nation is, how rarely it errs, and what it costs to build, open and ask, each beside
//! the plain sorted fingerprints or the bound of what any code needs.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::NaiveDate;
use shared::digest::{Header, Layer, LayerId, State, encode, width_for};
use shared::entry::Pieces;

use super::{Figure, quantile_us};
use crate::scenario::dice::Dice;

/// The people of the nation's day, of a small one, and of two days in one.
const DAY: usize = 825_000;
/// What the feed tells in a quarter of an hour at its measured peak: 45 a second.
const QUARTER: usize = 45 * 15 * 60;
const FEED_BYTES_A_PERSON: usize = 13;
/// log2(10⁶) + log2(e): what a Golomb code needs a person where one stranger in a million is found.
const BOUND_BITS: f64 = 21.37;
const PROBES: u32 = 40_000_000;
const ROUNDS: usize = 7;
const ASKED: usize = 200_000;

/// Runs it; nothing is written.
///
/// # Errors
/// Where somebody is not found who was put in.
pub fn run(_folder: &Path) -> Result<Vec<Figure>> {
    let day = people(DAY, 1);
    let layer = open(&day, width_for(DAY as u64))?;
    let rate = false_hits(&layer);
    let mut out = vec![
        bits("digest-bits-per-person-100000", 100_000)?,
        bits("digest-bits-per-person-825000", DAY)?,
        bits("digest-bits-per-person-1650000", 2 * DAY)?,
        Figure { name: "digest-false-hits-per-day", value: rate, unit: "per-million", baseline: 1.0 },
        Figure { name: "digest-false-hits-7-days", value: 7.0 * rate, unit: "per-million", baseline: 7.0 },
        Figure { name: "digest-false-hits-14-days", value: 14.0 * rate, unit: "per-million", baseline: 14.0 },
    ];
    out.extend(times(&day, &layer)?);
    let delta = encode(&header(width_for(DAY as u64)), &changes(&people(QUARTER, 2)));
    let feed = (QUARTER * FEED_BYTES_A_PERSON) as f64;
    out.extend([
        memory("digest-memory-7-days", 7.0, &layer),
        memory("digest-memory-14-days", 14.0, &layer),
        Figure { name: "digest-delta-bytes-15-min", value: delta.len() as f64, unit: "B", baseline: feed },
    ]);
    Ok(out)
}

/// Fingerprints in the order in which the feed tells them.
fn people(count: usize, stream: u64) -> Vec<u64> {
    let mut dice = Dice::new(1, stream);
    (0..count).map(|_| dice.next()).collect()
}

fn changes(people: &[u64]) -> BTreeMap<u64, State> {
    let pieces = Pieces { adult: 2, child: 0 };
    people.iter().map(|fingerprint| (*fingerprint, State::Counts(pieces))).collect()
}

fn header(width: u8) -> Header {
    let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap_or_default();
    let programme = "mask".parse().expect("a name");
    Header { programme, day, width, has_pieces: false, after: 0, upto: DAY as u64 }
}

fn open(people: &[u64], width: u8) -> Result<Layer> {
    Ok(Layer::open(encode(&header(width), &changes(people)).into())?)
}

fn bits(name: &'static str, count: usize) -> Result<Figure> {
    let people = people(count, 3);
    let layer = open(&people, width_for(count as u64))?;
    ensure!(people.iter().all(|fingerprint| layer.find(*fingerprint).is_some()), "somebody is not found");
    Ok(Figure { name, value: layer.size_bytes() as f64 * 8.0 / count as f64, unit: "bits", baseline: BOUND_BITS })
}

/// Strangers found, in a million.
fn false_hits(layer: &Layer) -> f64 {
    let mut dice = Dice::new(1, 4);
    let hits = (0..PROBES).filter(|_| layer.find(dice.next()).is_some()).count();
    hits as f64 * 1e6 / f64::from(PROBES)
}

/// The median of each, ours and the limit's in turns.
fn times(day: &[u64], layer: &Layer) -> Result<[Figure; 3]> {
    let all = changes(day);
    let bytes: Arc<[u8]> = encode(layer.header(), &all).into();
    let sorted: Vec<u64> = all.keys().copied().collect();
    let asked = asked(day);
    let mut took: [Vec<Duration>; 6] = Default::default();
    for _ in 0..ROUNDS {
        took[0].push(timed(|| encode(layer.header(), &all).len()));
        let mut unsorted = day.to_vec();
        took[1].push(timed(|| {
            unsorted.sort_unstable();
            unsorted.len()
        }));
        took[2].push(timed(|| Layer::open(bytes.clone()).is_ok()));
        took[3].push(timed(|| LayerId::of(&bytes)));
        took[4].push(timed(|| asked.iter().filter(|who| layer.find(**who).is_some()).count()));
        took[5].push(timed(|| asked.iter().filter(|who| sorted.binary_search(who).is_ok()).count()));
    }
    let found = asked.iter().filter(|who| layer.find(**who).is_some()).count();
    ensure!(found >= ASKED / 2, "{found} of {} found", ASKED / 2);
    let [build, sort, open, hash, ours, plain] = took.map(|mut times| quantile_us(&mut times, 0.5));
    let each = ASKED as f64;
    Ok([
        Figure { name: "digest-build", value: build / 1e6, unit: "s", baseline: sort / 1e6 },
        Figure { name: "digest-open", value: open / 1e3, unit: "ms", baseline: hash / 1e3 },
        Figure { name: "digest-lookup", value: ours / each, unit: "us", baseline: plain / each },
    ])
}

/// Every other one bought that day.
fn asked(day: &[u64]) -> Vec<u64> {
    let mut dice = Dice::new(1, 5);
    (0..ASKED).map(|n| if n % 2 == 0 { *dice.pick(day) } else { dice.next() }).collect()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

fn memory(name: &'static str, days: f64, layer: &Layer) -> Figure {
    let plain = (DAY * size_of::<u64>()) as f64;
    let mega = |bytes: f64| days * bytes / 1e6;
    Figure { name, value: mega(layer.memory_bytes() as f64), unit: "MB", baseline: mega(plain) }
}
