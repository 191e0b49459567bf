//! `atoll-siege HUB PAPERS LINES`: besieges a hub until killed. A process of its own, so that a test can give it
//! the machine's leftovers and stop it between two bombs.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use harness::siege::Papers;
use harness::siege::hostile::besiege;

/// Besieges a hub.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the hub listens.
    hub: std::net::SocketAddr,
    /// What the hostile sites show, as JSON.
    papers: PathBuf,
    /// How many lines to hold while the bombs come.
    lines: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let papers = std::fs::read(&arguments.papers).with_context(|| format!("read {}", arguments.papers.display()))?;
    let papers: Vec<Papers> = serde_json::from_slice(&papers)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(besiege(arguments.hub, &papers, arguments.lines))
}
