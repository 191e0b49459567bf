//! `scripts/simulate`: towns in a box, one a seed, on every core; and double purchases by lines that are up much or little
//! (docs/simulation.md).

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use harness::booked::{self, Knobs};
use harness::doubles;
use harness::scenario::DoublesPlan;
use harness::town::{Extra, Report, Violation, simulate};

/// Lives through many towns and prints what they came to; exit 1 and `SEED=…` where an invariant does not hold.
#[derive(Parser)]
struct Arguments {
    /// How many towns.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many at once; all cores unless said.
    #[arg(long)]
    threads: Option<usize>,
    /// No store is restored, cloned or replaced.
    #[arg(long)]
    stores_live: bool,
    /// Instead: two weeks of fifty sites in which one person in five buys twice, with lines up 1, 30, 70 and 100 % of the time. The
    /// seed is that of --from.
    #[arg(long, conflicts_with_all = ["seeds", "threads", "stores_live"])]
    doubles: bool,
    /// Instead: towns of 300 counters and 60 venues that book for three days, calm, under every fault, and with computers that
    /// are cloned; --seeds of each, with the least and the median share that was booked at once.
    #[arg(long, conflicts_with_all = ["doubles", "threads", "stores_live"])]
    bookings: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.doubles {
        let holds = table_of_doubles(arguments.from).unwrap_or_else(|cause| {
            eprintln!("{cause:#}");
            false
        });
        return if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if arguments.bookings {
        return table_of_bookings(arguments.from, arguments.seeds);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, end) = (AtomicU64::new(arguments.from), arguments.from.saturating_add(arguments.seeds));
    let done: Mutex<(u64, Report, Vec<Violation>)> = Mutex::default();
    let extra = Extra { plant: None, stores_live: arguments.stores_live };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.unwrap_or(cores) {
            scope.spawn(|| work((&next, end), extra, &done));
        }
    });
    let (towns, sum, violations) = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (days, seconds) = (sum.site_millidays / 1000, begun.elapsed().as_secs_f64());
    println!("towns {towns}  site-days {days}  seconds {seconds:.1}  site-days/s {:.0}", days as f64 / seconds);
    println!(
        "sold {}  refused {}  cases {}  in doubt {}  lies {}  crashes {}  lines {}",
        sum.sold, sum.refused, sum.cases, sum.in_doubt, sum.lies, sum.crashes, sum.lines
    );
    println!(
        "stores and hubs restored, cloned or replaced {}  new lives {}  entries given back {}",
        sum.shaken, sum.lives, sum.came_back
    );
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the table; whether everything that was promised holds.
fn table_of_doubles(seed: u64) -> anyhow::Result<bool> {
    let mut holds = true;
    println!("{}", doubles::HEAD);
    for up_percent in doubles::SHARES {
        let row = doubles::live(&DoublesPlan { seed, up_percent, ..DoublesPlan::default() })?;
        println!("{row}");
        for broken in row.broken() {
            println!("SEED={seed} lines up {up_percent} %: {broken}");
            holds = false;
        }
    }
    Ok(holds)
}

/// Prints a row for each kind of town that books, as it ends.
fn table_of_bookings(from: u64, seeds: u64) -> ExitCode {
    let mut holds = true;
    println!("{}", booked::HEAD);
    for (name, trouble, clones) in [("calm", false, false), ("faults", true, false), ("clones", true, true)] {
        let mut sum = booked::Report::default();
        let mut shares: Vec<f64> = Vec::new();
        for seed in from..from.saturating_add(seeds) {
            match booked::live(seed, Knobs::whole(trouble, clones)) {
                Ok(report) => {
                    sum.add(&report);
                    shares.push(report.offline_share());
                }
                Err(cause) => {
                    println!("{name}: {cause:#}");
                    holds = false;
                }
            }
        }
        shares.sort_by(f64::total_cmp);
        let (least, median) = (shares.first().unwrap_or(&0.0), shares.get(shares.len() / 2).unwrap_or(&0.0));
        println!("{name:<8}{sum}  of {} towns at least {least:.1} %, median {median:.1} %", shares.len());
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work((next, end): (&AtomicU64, u64), extra: Extra, done: &Mutex<(u64, Report, Vec<Violation>)>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let lived = simulate(seed, extra);
        let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.0 += 1;
        match lived {
            Ok(report) => done.1.add(&report),
            Err(violation) => {
                println!("{violation}");
                done.2.push(violation);
            }
        }
    }
}
