//! Records what the programs of a version say to each other, for `tests/versions` (its README says how).

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use harness::versions::story;

#[derive(Parser)]
#[command(version, about = "Records the lines and folders of a version's programs")]
struct Args {
    /// The folder with its `atoll-edge` and `atoll-hub`.
    #[arg(long)]
    programs: PathBuf,
    /// Where the recording goes.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    story::record(&args.programs, &args.out)
}
