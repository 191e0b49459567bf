//! `sale`: rules, ledger, seal and durable commit through the node, against a bare durable insert of
//! 200 bytes, in turns.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::Connection;
use shared::seal::Secret;

use super::{Figure, counter, quantile_us};
use crate::scenario::even_numbers;

const WARM_UP: usize = 100;
const ROUNDS: usize = 3_000;
const BARE_BYTES: usize = 200;

/// Runs it in a folder of its own.
///
/// # Errors
/// Where the disk has a fault.
pub fn run(folder: &Path) -> Result<Vec<Figure>> {
    let mut node = counter::open(folder, "5931102274".parse()?, Secret::new([1; 32]))?;
    counter::stock(&mut node)?;
    let bare = bare(&folder.join("bare.db"))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (round, number) in (0..WARM_UP + ROUNDS).zip(even_numbers()) {
        let started = Instant::now();
        counter::sell(&mut node, number, i64::try_from(round)? * 1000)?;
        let sale = started.elapsed();
        let started = Instant::now();
        insert(&bare)?;
        let row = started.elapsed();
        if round >= WARM_UP {
            ours.push(sale);
            theirs.push(row);
        }
    }
    Ok(vec![figure("sale", &ours, &theirs, 0.5), figure("sale-p99", &ours, &theirs, 0.99)])
}

fn figure(name: &'static str, ours: &[Duration], theirs: &[Duration], q: f64) -> Figure {
    let at = |times: &[Duration]| quantile_us(&mut times.to_vec(), q);
    Figure { name, value: at(ours), unit: "us", baseline: at(theirs) }
}

/// A database of rows that nobody reads, as durable as a ledger.
pub(super) fn bare(path: &Path) -> Result<Connection> {
    let bare = Connection::open(path)?;
    bare.pragma_update(None, "journal_mode", "wal")?;
    bare.pragma_update(None, "synchronous", "full")?;
    bare.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)", [])?;
    Ok(bare)
}

/// A row is on the disk.
pub(super) fn insert(bare: &Connection) -> Result<()> {
    let mut insert = bare.prepare_cached("INSERT INTO bare (bytes) VALUES (?)").context("prepare")?;
    insert.execute([[7u8; BARE_BYTES].as_slice()])?;
    Ok(())
}
