//! What one enrolled site sends costs the others no more than what it sends: judging and looking up
//! grow with the number of entries, not with its square (T7; docs/architecture.md).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use std::time::{Duration, Instant};

use edge::*;
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::Pieces;

/// How long a hub takes over uploads that come one at a time.
fn time(hub: &mut Hub, uploads: &[Upload]) -> Duration {
    let begun = Instant::now();
    for upload in uploads {
        hub.ingest(std::slice::from_ref(upload), second("2020-02-06T20:00")).unwrap();
    }
    begun.elapsed()
}

/// Far from both: without the square it is once or twice, with it a hundred times.
fn at_most(took: Duration, times: u32, usual: Duration) {
    assert!(took < usual * times, "{took:?} against {usual:?}");
}

const RUNS: u32 = 2_000;

#[test]
fn one_buyer_thousands_of_times() {
    let sales = |buyer: fn(u32) -> String| -> Vec<Upload> {
        let mut a = Edge::new(A, 1);
        (0..RUNS).map(|n| a.sell("2020-02-06T09:00", &document(&buyer(n)), adult(2))).collect()
    };
    let usual = time(&mut hub(), &sales(number));
    let mut hub = hub();
    at_most(time(&mut hub, &sales(|_| ANNA.to_owned())), 15, usual);
    let cases = hub.cases(&CaseFilter::default()).unwrap();
    assert_eq!((cases.len(), cases[0].over.len()), (1, RUNS as usize - 1));
}

#[test]
fn one_buyer_in_thousands_of_weeks() {
    let sales = |anna: bool| -> Vec<Upload> {
        let mut a = Edge::new(A, 1);
        let sale = |n: u32| {
            let buyer = if anna { ANNA.to_owned() } else { number(n) };
            a.sell_as("2020-02-06T09:00", &document(&buyer), adult(2), |sale| {
                let second = second("2020-02-06T09:00") + i64::from(n) * 7 * 86_400;
                sale.happened = Some(shared::entry::Instant { second, doubt_s: 1 });
            })
        };
        (0..RUNS).map(sale).collect()
    };
    let usual = time(&mut hub(), &sales(false));
    let mut hub = hub();
    at_most(time(&mut hub, &sales(true)), 15, usual);
    assert_eq!(hub.cases(&CaseFilter::default()).unwrap(), vec![]);
}

#[test]
fn one_buyer_in_hundreds_of_weeks_by_a_clock_that_nobody_checked() {
    let sales = |anna: bool| -> Vec<Upload> {
        let mut a = Edge::new(A, 1);
        let sale = |n: u32| {
            let buyer = if anna { ANNA.to_owned() } else { number(n) };
            a.sell_as("2020-02-06T09:00", &document(&buyer), adult(2), |sale| {
                let second = second("2020-02-06T09:00") + i64::from(n) * 7 * 86_400;
                sale.happened = Some(shared::entry::Instant { second, doubt_s: u32::MAX });
            })
        };
        (0..RUNS / 4).map(sale).collect()
    };
    let usual = time(&mut hub(), &sales(false));
    let mut hub = hub();
    // Nine to twelve times: of a person's sales 128 are looked at, 32 of them beside all the others.
    at_most(time(&mut hub, &sales(true)), 30, usual);
    let cases = hub.cases(&CaseFilter::default()).unwrap();
    assert_eq!((cases.len(), cases[0].over.len()), (1, 0));
    assert_eq!(cases[0].doubtful.len(), shared::rules::quota::DOUBTFUL_SALES_MAX, "bounded, and not silent");
}

#[test]
fn the_oldest_of_thousands_of_runs_named_again_and_again() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let runs: Vec<Upload> = (0..RUNS).map(|_| a.arrive("2020-02-06T08:00", Pieces { adult: 1, child: 0 })).collect();
    let usual = time(&mut hub, &runs);
    let named: Vec<Upload> = (0..RUNS).map(|_| a.withdraw("2020-02-06T09:00", id(&runs[1]))).collect();
    at_most(time(&mut hub, &named), 15, usual);
    // And sent again, each a look at a hash far behind.
    at_most(time(&mut hub, &runs), 15, usual);
}

#[test]
fn runs_that_wait_are_not_built_again_with_every_run_of_their_ledger() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(A, 2));
    let doc = a.doc(second("2020-02-06T08:00"));
    // Behind a gap that is never filled, and behind changes that nobody ever wrote.
    let mut waiting: Vec<Upload> = Vec::new();
    b.arrive("2020-02-06T08:00", adult(1));
    for n in 0u32..100 {
        waiting.push(b.write(doc, 200, |_, _, _| vec![0; 40]));
        waiting.push(a.orphan(doc, n));
    }
    let runs: Vec<Upload> = (0..100).map(|_| a.arrive("2020-02-06T08:00", adult(1))).collect();
    let usual = time(&mut edge::hub(), &runs);
    time(&mut hub, &waiting);
    assert_eq!(hub.status().unwrap().quarantined, 200);
    // They are read again, which is bounded by what is kept of a site; building them took 5,000 times as long.
    at_most(time(&mut hub, &runs), 800, usual);
    assert_eq!(hub.status().unwrap().quarantined, 200);
}

#[test]
fn what_is_kept_aside_of_a_site_is_bounded_in_bytes() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let doc = a.doc(second("2020-02-06T08:00"));
    for _ in 0..100 {
        let big = a.write(doc, 8, |_, _, _| vec![0; 30_000]);
        hub.ingest(std::slice::from_ref(&big), second("2020-02-06T20:00")).unwrap();
    }
    let kept: u64 = hub.quarantine(1_000).unwrap().iter().map(|run| run.bytes).sum();
    assert!((16 << 20..17 << 20).contains(&kept), "{kept}");
    // And says so to the edge; another site's are still kept.
    assert!(refused(&mut hub, &a.write(doc, 1, |_, _, _| vec![0; 9])).contains("full"));
    let mut b = Edge::new(B, 2);
    let doc = b.doc(second("2020-02-06T08:00"));
    assert!(!refused(&mut hub, &b.write(doc, 1, |_, _, _| vec![0; 9])).contains("full"));
}
