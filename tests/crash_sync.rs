//! A crash in the middle of an exchange (S1, S2, S7): edge or hub is killed before the n-th call
//! that changes its disk while sales go up and rules come down; after everything has started again the hub holds
//! what was answered, each once, and both sides agree.
//!
//! Every seventh point in the short form, every one with `ATOLL_LONG=1`.

use std::collections::BTreeSet;

use harness::fleet::Http;
use harness::ledger::Ledger;
use harness::pair::{Pair, Victim};
use harness::prepared::{LATER, Prepared, ask, person, scratch, serve_edge, tool};
use harness::recorder::{Fault, Recorder, calls};
use harness::sweep::{SEED, every};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

/// Sales in one exchange.
const SALES: usize = 4;
/// Version that comes down in the exchange.
const NEXT: &str = "mask-2020-03-05";

#[test]
fn an_edge_that_dies_in_the_exchange_loses_and_doubles_nothing() {
    sweep(Victim::Edge);
}

#[test]
fn a_hub_that_dies_in_the_exchange_loses_and_doubles_nothing() {
    sweep(Victim::Hub);
}

fn sweep(victim: Victim) {
    let prepared = Prepared::new().unwrap();
    let answered = fill(&prepared);
    let recorder = Recorder::build().unwrap();
    let scratch = scratch().unwrap();
    let pair = |name: &str| {
        let pair = Pair { prepared: &prepared, folder: scratch.path().join(name) };
        pair.fresh(&prepared.hub(), &prepared.edge()).unwrap();
        pair
    };

    let log = scratch.path().join("log");
    let learn = pair("learn");
    learn.exchange(victim, recorder.logging(&log), is_done).unwrap();
    judge(&learn, &answered, "no fault");
    let count = u32::try_from(calls(&log).unwrap().len()).unwrap();

    let step = every(7);
    let mut dice = SmallRng::seed_from_u64(SEED);
    let (mut points, mut died) = (0, 0);
    for at in (1 + dice.random_range(0..u32::try_from(step).unwrap())..=count).step_by(step) {
        let fault = if dice.random() { Fault::Kill(at) } else { Fault::Tear(at, dice.random_range(1..1000)) };
        let what = format!("{victim:?} under {fault:?} of {count} (SEED={SEED})");
        let it = pair("pair");
        points += 1;
        let hit = it.exchange(victim, recorder.environment(fault), is_done);
        died += u32::from(hit.unwrap_or_else(|cause| panic!("{what}: {cause:#}")));
        it.exchange(victim, Vec::new(), is_done).unwrap_or_else(|cause| panic!("{what}: {cause:#}"));
        judge(&it, &answered, &what);
    }
    assert!(died * 2 > points, "of {points} faults only {died} hit");
    println!("{victim:?} killed in the exchange at {died} of {count} points (step {step}): lost 0, doubled 0");
}

/// Sells with the line down, publishes the next rules; gives every sale of the site.
fn fill(prepared: &Prepared) -> BTreeSet<String> {
    let edge = tool("atoll-edge", &prepared.edge(), LATER).unwrap();
    let (process, http) = serve_edge(&edge).unwrap();
    for n in 0..SALES {
        let (status, answer) = http.post("/api/v1/sell", &ask(&person(n + 10), &n.to_string())).unwrap();
        assert_eq!((status, &answer["verdict"]), (200, &json!("sold")), "{answer}");
    }
    process.stop().unwrap();
    let hub = tool("atoll-hub", &prepared.hub(), LATER).unwrap();
    hub.run(&["programme", "publish", NEXT]).unwrap();
    let ledger = Ledger::of(&edge).unwrap();
    ledger.ids("sale").iter().map(|id| (*id).to_owned()).collect()
}

/// The hub's ledger holds the site's, and each knows what the other does.
fn judge(pair: &Pair<'_>, answered: &BTreeSet<String>, what: &str) {
    let edge = Ledger::of(&pair.edge().unwrap()).unwrap_or_else(|cause| panic!("{what}: {cause:#}"));
    let own: BTreeSet<String> = edge.ids("sale").iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(&own, answered, "{what}: the edge's ledger");
    assert_eq!(&pair.sales_at_the_hub().unwrap(), answered, "{what}: the hub's ledger");
    pair.hub().unwrap().run(&["rebuild"]).unwrap_or_else(|cause| panic!("{what}: {cause:#}"));
}

/// Nothing is unsent, and the rules have come.
fn is_done(http: &Http) -> bool {
    let (Ok((_, status)), Ok((_, versions))) = (http.get("/api/v1/status"), http.get("/api/v1/versions")) else {
        return false;
    };
    let rules = versions["versions"].as_array().map_or(0, Vec::len);
    status["ledger"]["unsent"] == json!(0) && rules == 2
}
