//! Towns in a box (docs/simulation.md): many seeds, the same seed twice, and planted bugs that must be caught.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::town::{Extra, Plant, Report, simulate};

/// Towns that the tests live through, in two halves so that both cores work.
const SEEDS: u64 = 320;
/// Towns that once found a bug, which, and must hold ever since.
const FOUND: [(u64, &str); 8] = [
    (100_319, "a clock of 1970 was set right by hand to two days ago, and was believed"),
    (38, "what came and went between two layers of a day was lost on an edge that jumped over it"),
    (121, "a sale of a day beyond those that a manifest names, by a clock a year ahead, was forgotten by its own site"),
    (161, "the same"),
    (412, "of two sales of one person and day one was taken back, and the digest forgot both"),
    (522, "a day that was named no more was forgotten, and nobody said so"),
    (2_736, "a sale that the hub gave back was taken for one that no earlier digest can hold"),
    (400_963, "what the hub confirmed behind a digest was taken for not being in it"),
];
/// A planted bug shows within so many towns.
const TEETH_SEEDS: u64 = 200;

fn seeds() -> u64 {
    std::env::var("ATOLL_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS)
}

fn live(seeds: impl Iterator<Item = u64>) {
    let (mut towns, mut sum) = (0, Report::default());
    for seed in seeds {
        match simulate(seed, Extra::default()) {
            Ok(report) => sum.add(&report),
            Err(violation) => panic!("{violation}"),
        }
        towns += 1;
    }
    println!("{towns} towns: {sum:?}");
    assert!(sum.sold > towns && sum.cases > towns / 4, "towns in which nothing happens prove nothing: {sum:?}");
}

#[test]
fn towns_with_odd_seeds_hold() {
    live((1..=seeds()).step_by(2));
}

#[test]
fn towns_with_even_seeds_hold() {
    live((2..=seeds()).step_by(2));
}

#[test]
fn towns_that_once_found_a_bug_hold() {
    live(FOUND.into_iter().map(|(seed, _)| seed));
}

#[test]
fn the_same_seed_is_the_same_town() {
    for seed in [1, 2, 3, 4, 5] {
        let twice = [(); 2].map(|()| simulate(seed, Extra::default())).map(|lived| lived.map_err(|it| it.to_string()));
        assert_eq!(twice[0], twice[1]);
    }
}

/// Each bug alone, in one town after the other until one catches it; `ATOLL_TEETH=all` lives through all of them and
/// counts. With the feature `plant` also those that lie inside the product.
#[test]
fn planted_bugs_are_caught() {
    let plants = Plant::all();
    let (next, free) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(plant) = plants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !is_caught(*plant) {
                        free.lock().unwrap().push(plant.name());
                    }
                }
            });
        }
    });
    let free = free.into_inner().unwrap();
    assert!(free.is_empty(), "within {TEETH_SEEDS} towns nobody catches {free:?}");
}

/// Prints in how many towns a bug is caught, and how in the first.
fn is_caught(plant: Plant) -> bool {
    let extra = Extra { plant: Some(plant), ..Extra::default() };
    let mut caught = (1..=TEETH_SEEDS).filter_map(|seed| simulate(seed, extra).err());
    let Some(first) = caught.next() else { return false };
    let name = plant.name();
    match std::env::var("ATOLL_TEETH").as_deref() {
        Ok("all") => println!("{name}: {} of {TEETH_SEEDS} towns, first {first}", 1 + caught.count()),
        Ok(_) | Err(_) => println!("{name}: {first}"),
    }
    true
}

/// The table of docs/simulation.md names every bug that is planted.
#[cfg(feature = "plant")]
#[test]
fn every_planted_bug_stands_in_the_table() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/simulation.md");
    let page = std::fs::read_to_string(page).unwrap();
    let plants = Plant::all();
    let unknown: Vec<String> = plants.iter().map(|plant| plant.name()).filter(|name| !page.contains(name)).collect();
    assert!(plants.len() >= 25 && unknown.is_empty(), "of {} bugs the page does not name {unknown:?}", plants.len());
}
