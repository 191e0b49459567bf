//! `atoll-oracle`: whether the output of `scripts/replay` is right for its scenario.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

/// Judges the output of scripts/replay by brute force. Exit code 0: right; 1: disagreements; 2: the scenario cannot be judged.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The scenario, as replay read it.
    scenario: PathBuf,
    /// What replay wrote.
    output: PathBuf,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<bool> {
    let verdict = harness::oracle::judge_streams(open(&args.scenario)?, open(&args.output)?)?;
    writeln!(std::io::stdout(), "{verdict}")?;
    Ok(verdict.is_right())
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    Ok(BufReader::with_capacity(1 << 20, file))
}
