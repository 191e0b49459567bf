//! A counter on a real disk, for the benchmarks: a node that knows the rules of 2020-02-06 and has masks.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use edge::clock::Reading;
use edge::nation::Nation;
use edge::node::ask::{ArriveRequest, DocumentText, SaleRequest};
use edge::node::{Lives, Node, Setup};
use edge::store::Store;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use shared::entry::{Entry, Fact, Instant, Published, Staff};
use shared::ids::{ActorId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::programme::shipped_text;
use shared::seal::Secret;
use shared::wire::v1::entry;

/// Thursday 2020-02-06, 09:00 in Taipei.
pub const MORNING: i64 = 1_580_950_800;

/// A node whose files lie in `folder`.
///
/// # Errors
/// Where the disk has a fault.
pub fn open(folder: &Path, site: SiteCode, secret: Secret) -> Result<Node> {
    let mut dice = SmallRng::seed_from_u64(7);
    let setup = Setup {
        site,
        name: site.to_string(),
        lives: Lives::in_memory(&secret)?,
        secret,
        key_number: 1,
        incarnation: Incarnation([3; 16]),
        store: Store::open(&folder.join("edge.db"))?,
        nation: Nation::stored(),
        dice: Box::new(move || dice.random()),
    };
    Ok(Node::open(setup, reading(0))?)
}

/// The rules, as the hub would send them, and a shelf that never empties.
///
/// # Errors
/// Where the node has a fault.
pub fn stock(node: &mut Node) -> Result<()> {
    node.take_down(1, &rules()?)?;
    let arrival = ArriveRequest { request: None, programme: None, adult: 1_000_000, child: 0, by: "bench".to_owned() };
    node.arrive(&arrival, reading(0))?.map_err(|refusal| anyhow!(refusal.en()))?;
    Ok(())
}

/// Two masks for the holder of a number, `ms` after the morning's beginning.
///
/// # Errors
/// Where the node has a fault or refuses.
pub fn sell(node: &mut Node, number: String, ms: i64) -> Result<()> {
    let document = DocumentText { kind: "01".to_owned(), number, birth: "1986-03-15".to_owned() };
    let ask = SaleRequest {
        request: None,
        programme: None,
        document,
        adult: 2,
        child: 0,
        proxy: None,
        manager: None,
        by: "王藥師".to_owned(),
    };
    node.sell(&ask, reading(ms))?.map_err(|refusal| anyhow!(refusal.en()))?;
    Ok(())
}

fn reading(ms: i64) -> Reading {
    Reading { wall_ms: MORNING * 1000 + ms, mono_ms: u64::try_from(ms).unwrap_or_default() }
}

/// The first day's rules as they come down.
///
/// # Errors
/// Where they do not fit in a ledger.
pub fn rules() -> Result<Run> {
    let mut tip = Tip::start("nation/2020-02".parse()?, ActorId([9; 16]), 0, vec![]);
    let start = tip.next.clone();
    let text = shipped_text("mask-2020-02-06").context("a shipped version")?.to_owned();
    let entry = entry::encode(&Entry {
        at: Instant { second: MORNING - 3600, doubt_s: 0 },
        by: Staff { name: "bench".to_owned(), verified: false, id: None },
        fact: Fact::Programme(Published { text }),
    });
    let last = tip.append(&entry)?.hash;
    Ok(Run { doc: tip.doc, start, entries: vec![entry], joints: vec![], last, signature: None })
}
