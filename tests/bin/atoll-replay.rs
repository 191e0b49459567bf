//! `scripts/replay`: the real code of edges and hub over a scenario (docs/replay.md).

use std::fs::File;
use std::io::{BufReader, BufWriter, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use harness::replay::{BadLine, replay};

/// Runs a scenario and prints the answers, one JSON object a line.
#[derive(Parser)]
struct Arguments {
    /// The scenario (NDJSON); `-` reads standard input.
    scenario: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("{cause:#}");
            ExitCode::from(if cause.is::<BadLine>() { 2 } else { 1 })
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let out = BufWriter::new(stdout().lock());
    if arguments.scenario.as_os_str() == "-" {
        return replay(stdin().lock(), out);
    }
    let file = File::open(&arguments.scenario).with_context(|| format!("open {}", arguments.scenario.display()))?;
    replay(BufReader::new(file), out)
}
