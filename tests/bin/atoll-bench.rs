//! `scripts/bench`: figures, one a line: name value unit baseline ratio.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Parser;
use harness::bench::{Figure, backlog, digest, feed, ingest, sale};

/// Measures; each figure beside its physical limit, in the same run.
#[derive(Parser)]
struct Arguments {
    /// Which: sale, backlog, ingest, digest, feed; all where none is named.
    names: Vec<String>,
    /// With how many edges the feed is measured.
    #[arg(long, value_delimiter = ',', default_values_t = feed::EDGES)]
    edges: Vec<usize>,
}

/// A benchmark, by the name of its first figure.
type Bench<'a> = (&'a str, &'a dyn Fn(&Path) -> Result<Vec<Figure>>);

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let feed = |folder: &Path| feed::run(folder, &arguments.edges);
    let all: [Bench<'_>; 5] = [
        ("sale", &sale::run),
        ("backlog", &backlog::run),
        ("ingest", &ingest::run),
        ("digest", &digest::run),
        ("feed", &feed),
    ];
    if let Some(unknown) = arguments.names.iter().find(|name| !all.iter().any(|(known, _)| known == name)) {
        bail!("no benchmark {unknown:?}; there are {}", all.map(|(name, _)| name).join(", "));
    }
    for (name, run) in all {
        if arguments.names.is_empty() || arguments.names.iter().any(|asked| asked == name) {
            let folder = tempfile::tempdir()?;
            for figure in run(folder.path())? {
                println!("{figure}");
            }
        }
    }
    Ok(())
}
