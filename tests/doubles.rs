//! Double purchases all over a town (docs/simulation.md): a short form of `scripts/simulate --doubles`.

use harness::doubles::{HEAD, Row, SHARES, live};
use harness::scenario::DoublesPlan;

const SEED: u64 = 1;

#[test]
fn what_could_be_known_is_refused_what_is_sold_is_found_and_nobody_else_is_refused() {
    println!("{HEAD}");
    let rows = SHARES.map(|up_percent| {
        let row = live(&DoublesPlan { seed: SEED, sites: 12, days: 9, people: 600, up_percent }).unwrap();
        println!("{row}");
        assert!(row.broken().is_empty(), "SEED={SEED} lines up {up_percent} %: {:#?}", row.broken());
        row
    });
    let sold = |row: &Row| row.verdict.doubles.again().sold;
    assert!(rows.windows(2).all(|rows| sold(&rows[0]) > sold(&rows[1])), "more line, fewer doubles");
    // A table without any of these proves nothing.
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    assert!(sum(|row| row.verdict.doubles.known.bought) > 100);
    assert!(sum(|row| row.verdict.doubles.unknown.sold) > 100);
    assert!(sum(|row| row.verdict.doubles.open.sold) > 0 && sum(|row| row.verdict.doubles.open.bought) > 0);
    assert!(sum(|row| row.took.jumps) > 50 && sum(|row| row.took.layers) > 100);
}

/// With the feature `plant`: what somebody could have written in edge and hub instead does not pass.
#[cfg(feature = "plant")]
#[test]
fn planted_bugs_do_not_pass_the_judges() {
    use shared::plant::{Bug, Planted};
    for bug in [Bug::FeedForgotten, Bug::FirstComeCounts, Bug::ReachForgotten, Bug::TypedIsAnother] {
        let _planted = Planted::new(bug);
        let plan = DoublesPlan { seed: SEED, sites: 12, days: 9, people: 600, up_percent: 1 };
        let broken = live(&plan).map_or_else(|cause| vec![format!("{cause:#}")], |row| row.broken());
        println!("{bug:?}: {}", broken.first().map_or("not caught", String::as_str));
        assert!(!broken.is_empty(), "{bug:?} passes");
    }
}
