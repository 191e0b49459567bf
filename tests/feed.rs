//! The nation's news reaches every edge: a real hub, light edges on real lines, a few that sell
//! (`scripts/bench feed` measures the same with thousands).

use std::time::Duration;

use harness::bench::feed::{Load, play};

const LOAD: Load = Load { edges: 20, sellers: 3, sales_each: 15, pause: Duration::from_millis(300) };

#[test]
fn every_edge_comes_to_know_every_sale_and_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = play(folder.path(), &LOAD).unwrap();
    assert_eq!((outcome.edges.len(), outcome.sales.len()), (20, 45));
    outcome.judge().unwrap();
    assert_eq!(outcome.delays().len(), 45, "each sale was known to all");
    for figure in outcome.figures() {
        println!("{figure}");
        assert!(figure.value.is_finite() && figure.baseline > 0.0, "{figure}");
    }
}
