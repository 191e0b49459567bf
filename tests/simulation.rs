//! Towns in a box (docs/simulation.md): many seeds, the same seed twice, and planted bugs that must be caught.

use harness::town::{Extra, Plant, Report, simulate};

/// Towns that the tests live through, in two halves so that both cores work.
const SEEDS: u64 = 320;
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
fn the_same_seed_is_the_same_town() {
    for seed in [1, 2, 3, 4, 5] {
        let twice = [(); 2].map(|()| simulate(seed, Extra::default())).map(|lived| lived.map_err(|it| it.to_string()));
        assert_eq!(twice[0], twice[1]);
    }
}

#[test]
fn planted_bugs_are_caught() {
    for plant in Plant::ALL {
        let extra = Extra { plant: Some(plant), ..Extra::default() };
        let caught = (1..=TEETH_SEEDS).find_map(|seed| simulate(seed, extra).err());
        let violation = caught.unwrap_or_else(|| panic!("{plant:?} lives through {TEETH_SEEDS} towns"));
        println!("{plant:?}: {violation}");
    }
}
