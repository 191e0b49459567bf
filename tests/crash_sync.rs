//! A crash in the middle of an exchange (S1, S2, S7): edge or hub is killed before the n-th call
//! that changes its disk while sales go up and rules come down; after everything has started again the hub holds
//! what was answered, each once, and both sides agree.
//!
//! Every seventh point in the short form, every one with `ATOLL_LONG=1`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::fleet::{Http, Tool, until};
use harness::ledger::Ledger;
use harness::prepared::{LATER, Prepared, SITE, ask, copy, person, scratch, serve_edge, tool};
use harness::recorder::{Fault, Recorder, calls};
use hub::authority::Authority;
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::store::Store;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use shared::entry::Fact;
use shared::ledger::fold;
use shared::wire::v1::entry;

const SEED: u64 = 20_200_206;
const STEP: u32 = 7;
const PATIENCE: Duration = Duration::from_secs(30);
/// Sales in one exchange.
const SALES: usize = 4;
/// Version that comes down in the exchange.
const NEXT: &str = "mask-2020-03-05";

/// Which process suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Edge,
    Hub,
}

/// Copies of both folders, before the exchange: sales are waiting at the edge, rules at the hub.
struct Pair<'a> {
    prepared: &'a Prepared,
    folder: PathBuf,
    answered: BTreeSet<String>,
}

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
    let pair = |name: &str| Pair { prepared: &prepared, folder: scratch.path().join(name), answered: answered.clone() };

    let log = scratch.path().join("log");
    let learn = pair("learn");
    learn.fresh();
    learn.exchange(victim, recorder.logging(&log));
    learn.judge("no fault");
    let count = u32::try_from(calls(&log).unwrap().len()).unwrap();

    let long = std::env::var("ATOLL_LONG").is_ok_and(|long| long == "1");
    let step = if long { 1 } else { STEP };
    let mut dice = SmallRng::seed_from_u64(SEED);
    let (mut points, mut died) = (0, 0);
    for at in (1 + dice.random_range(0..step)..=count).step_by(step as usize) {
        let fault = if dice.random() { Fault::Kill(at) } else { Fault::Tear(at, dice.random_range(1..1000)) };
        let it = pair("pair");
        it.fresh();
        points += 1;
        died += u32::from(it.exchange(victim, recorder.environment(fault)));
        it.exchange(victim, Vec::new());
        it.judge(&format!("{victim:?} under {fault:?} of {count} (SEED={SEED})"));
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

impl Pair<'_> {
    fn hub(&self) -> Tool {
        tool("atoll-hub", &self.folder.join("hub"), LATER).unwrap()
    }

    fn edge(&self) -> Tool {
        tool("atoll-edge", &self.folder.join("edge"), LATER).unwrap()
    }

    fn fresh(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        copy(&self.prepared.hub(), &self.folder.join("hub")).unwrap();
        copy(&self.prepared.edge(), &self.folder.join("edge")).unwrap();
    }

    /// Both serve until everything is exchanged, or until the victim is dead. Whether it died.
    fn exchange(&self, victim: Victim, environment: Vec<(&'static str, std::ffi::OsString)>) -> bool {
        let (mut hub, mut edge) = (self.hub(), self.edge());
        match victim {
            Victim::Hub => hub = hub.under(environment),
            Victim::Edge => edge = edge.under(environment),
        }
        // One that dies while it starts is as good.
        let Ok((mut hub, _)) = self.prepared.serve_hub(&hub) else {
            return true;
        };
        let Ok((mut edge, http)) = serve_edge(&edge) else {
            return true;
        };
        let mut died = false;
        until("everything is exchanged", PATIENCE, || {
            died = hub.ended().unwrap().is_some() || edge.ended().unwrap().is_some();
            (died || is_done(&http)).then_some(())
        })
        .unwrap_or_else(|cause| panic!("{cause}: {:?}", http.get("/api/v1/status")));
        // Closing is a crash point too.
        let ended = [edge.stop().unwrap(), hub.stop().unwrap()];
        died || ended.iter().any(|status| !status.success())
    }

    /// The hub's ledger holds the site's, and each knows what the other does.
    fn judge(&self, what: &str) {
        let edge = Ledger::of(&self.edge()).unwrap_or_else(|cause| panic!("{what}: {cause:#}"));
        let own: BTreeSet<String> = edge.ids("sale").iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(own, self.answered, "{what}: the edge's ledger");
        assert_eq!(sales(&self.folder.join("hub")), self.answered, "{what}: the hub's ledger");
        self.hub().run(&["rebuild"]).unwrap_or_else(|cause| panic!("{what}: {cause:#}"));
    }
}

/// Nothing is unsent, and the rules have come.
fn is_done(http: &Http) -> bool {
    let (Ok((_, status)), Ok((_, versions))) = (http.get("/api/v1/status"), http.get("/api/v1/versions")) else {
        return false;
    };
    let rules = versions["versions"].as_array().map_or(0, Vec::len);
    status["ledger"]["unsent"] == json!(0) && rules == 2
}

/// The site's sales in the hub's ledger.
fn sales(folder: &Path) -> BTreeSet<String> {
    let authority = Authority::open(folder).unwrap();
    let hub =
        Hub::open(Store::open(&folder.join("hub.db")).unwrap(), authority.master(), Box::new(|| [7; 16])).unwrap();
    assert_eq!(hub.cases(&CaseFilter::default()).unwrap(), [], "nobody bought twice");
    let held = fold::entries(&hub.document(&format!("site/{SITE}/2020-02-06").parse().unwrap()).unwrap()).unwrap();
    let is_sale = |bytes: &[u8]| matches!(entry::decode(bytes).unwrap().fact, Fact::Sale(_));
    held.iter().filter(|(_, bytes)| is_sale(bytes)).map(|(id, _)| id.to_string()).collect()
}
