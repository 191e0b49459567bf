//! `atoll-scenario`: a real day of 2020, or an invented time, as a scenario for `scripts/replay`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use chrono::NaiveDate;
use clap::Parser;
use harness::scenario::{self, DoublesPlan, Plan};

/// Turns a real day of the mask feed of 2020 into a scenario for scripts/replay.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The day, 2020-02-06 to 2020-02-12.
    #[arg(long, default_value = "2020-02-06")]
    day: NaiveDate,
    /// Times, people and cuts come from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only so many of the day's sites.
    #[arg(long)]
    sites: Option<usize>,
    /// Repeat or thin the day's pattern to exactly so many purchases.
    #[arg(long)]
    purchases: Option<u64>,
    /// A small random scenario of so many events instead, in which everything goes wrong.
    #[arg(long, conflicts_with_all = ["day", "sites", "purchases"])]
    nasty: Option<usize>,
    /// The same with bookings.
    #[arg(long, conflicts_with_all = ["day", "sites", "purchases", "nasty"])]
    places: Option<usize>,
    /// Two weeks of fifty sites instead, in which one person in five buys twice.
    #[arg(long, conflicts_with_all = ["day", "sites", "purchases", "nasty"])]
    doubles: bool,
    /// With --doubles: each line is up so many hundredths of the time.
    #[arg(long, default_value_t = 70, requires = "doubles", value_parser = clap::value_parser!(u32).range(1..=100))]
    up: u32,
    /// Where to write; standard output where absent.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => Box::new(File::create(path).with_context(|| format!("create {}", path.display()))?),
        None => Box::new(std::io::stdout().lock()),
    };
    if let Some(events) = args.places {
        out.write_all(scenario::places(args.seed, events).as_bytes())?;
        return Ok(());
    }
    if let Some(events) = args.nasty {
        out.write_all(scenario::nasty(args.seed, events).as_bytes())?;
        return Ok(());
    }
    let out = BufWriter::with_capacity(1 << 20, out);
    if args.doubles {
        let plan = DoublesPlan { seed: args.seed, up_percent: args.up, ..DoublesPlan::default() };
        let made = scenario::write_doubles(&plan, out)?;
        eprintln!(
            "{} lines: {} sites up {:.1} % of {} days, {} purchases, {} by somebody who had bought elsewhere",
            made.lines, plan.sites, made.up_percent, plan.days, made.purchases, made.doubles
        );
        return Ok(());
    }
    let plan = Plan { day: args.day, seed: args.seed, sites: args.sites, purchases: args.purchases };
    let figures = scenario::write_day(&plan, out)?;
    eprintln!(
        "{} lines: {} sites, {} arrivals, {} purchases of {} masks, {} by somebody who had been before, {} cuts",
        figures.lines, figures.sites, figures.arrivals, figures.purchases, figures.masks, figures.repeats, figures.cuts
    );
    Ok(())
}
