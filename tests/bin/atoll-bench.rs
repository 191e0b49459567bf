//! `scripts/bench`: figures, one a line: name value unit baseline ratio.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Parser;
use harness::bench::{Figure, backlog, digest, ingest, sale};

/// Measures; each figure beside its physical limit, in the same run.
#[derive(Parser)]
struct Arguments {
    /// Which: sale, backlog, ingest, digest; all where none is named.
    names: Vec<String>,
}

/// A benchmark, by the name of its first figure.
type Bench = (&'static str, fn(&Path) -> Result<Vec<Figure>>);

const ALL: [Bench; 4] =
    [("sale", sale::run), ("backlog", backlog::run), ("ingest", ingest::run), ("digest", digest::run)];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(unknown) = arguments.names.iter().find(|name| !ALL.iter().any(|(known, _)| known == name)) {
        bail!("no benchmark {unknown:?}; there are {}", ALL.map(|(name, _)| name).join(", "));
    }
    for (name, run) in ALL {
        if arguments.names.is_empty() || arguments.names.iter().any(|asked| asked == name) {
            let folder = tempfile::tempdir()?;
            for figure in run(folder.path())? {
                println!("{figure}");
            }
        }
    }
    Ok(())
}
