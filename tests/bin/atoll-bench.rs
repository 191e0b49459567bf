//! `scripts/bench`: figures, one a line: name value unit baseline ratio.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Parser;
use harness::bench::{Figure, backlog, booking, digest, feed, ingest, sale};

/// Measures; each figure beside its physical limit, in the same run.
#[derive(Parser)]
struct Arguments {
    /// Which: sale, backlog, ingest, digest, feed, booking; all where none is named.
    names: Vec<String>,
    /// With how many edges the feed is measured (250, 1,000, 2,000), or by how many people book (64).
    #[arg(long, value_delimiter = ',')]
    edges: Vec<usize>,
    /// How many people book.
    #[arg(long, default_value_t = booking::PEOPLE)]
    people: usize,
    /// 430,000 of them, which takes three hours at 40 a second.
    #[arg(long, conflicts_with = "people")]
    long: bool,
    /// How many a second come behind the rush.
    #[arg(long, default_value_t = booking::LATER_A_SECOND)]
    later: usize,
}

/// A benchmark, by the name of its first figure.
type Bench<'a> = (&'a str, &'a dyn Fn(&Path) -> Result<Vec<Figure>>);

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let many = |default: &[usize]| if arguments.edges.is_empty() { default.to_vec() } else { arguments.edges.clone() };
    let people = if arguments.long { booking::PEOPLE_LONG } else { arguments.people };
    let feed = |folder: &Path| feed::run(folder, &many(&feed::EDGES));
    let booking = |folder: &Path| booking::run(folder, &many(&[booking::EDGES]), (people, arguments.later));
    let all: [Bench<'_>; 6] = [
        ("sale", &sale::run),
        ("backlog", &backlog::run),
        ("ingest", &ingest::run),
        ("digest", &digest::run),
        ("feed", &feed),
        ("booking", &booking),
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
