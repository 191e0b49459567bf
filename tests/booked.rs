//! A town that books (docs/simulation.md): no slot oversold, no number twice, no wish lost, one live booking a person.

use harness::booked::{HEAD, Knobs, Report, live};

/// Small towns that every run lives through.
const SEEDS: u64 = 12;
/// Of these some have computers that are cloned.
const CLONES_SEEDS: u64 = 6;
/// Of those who ask where there is no line and something may be had, so many hundredths are booked at once.
const OFFLINE_PERCENT: f64 = 95.0;

fn all(seeds: impl Iterator<Item = u64>, knobs: Knobs) -> Report {
    let mut sum = Report::default();
    for seed in seeds {
        match live(seed, knobs) {
            Ok(report) => {
                println!("{seed:<8}{report}");
                sum.add(&report);
            }
            Err(cause) => panic!("{cause:#}"),
        }
    }
    println!("{HEAD}\n        {sum}");
    sum
}

#[test]
fn no_slot_is_oversold_and_nobody_has_two() {
    let sum = all(1..=SEEDS, Knobs::small(false));
    assert!(sum.booked > 2_000 && sum.wishes > 20 && sum.cancelled > 100 && sum.shaken > 0, "{sum:?}");
}

#[test]
fn what_cloned_computers_give_away_twice_is_found() {
    let sum = all(1..=CLONES_SEEDS, Knobs::small(true));
    assert!(sum.twice > 0, "nothing was given twice, so nothing is shown: {sum:?}");
}

#[test]
fn who_asks_without_a_line_is_booked_at_once() {
    let sum = all(1..=SEEDS, Knobs { trouble: false, ..Knobs::small(false) });
    assert!(sum.offline > 500 && sum.offline_share() >= OFFLINE_PERCENT, "{sum:?}");
}
