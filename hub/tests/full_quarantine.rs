//! A site whose quarantine is full loses nothing: what the hub could not keep is asked for again (T9, L2).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use hub::store::Store;
use shared::ids::{EntryId, Incarnation};
use shared::wire::v1::message::Hello;

/// What is kept aside of one site at most.
const KEPT: usize = 1_024;
const SALES: u32 = 1_100;

/// An edge's log and how it goes up, as `shared::sync::edge` and the edge's node do it: on behind the hub's word
/// or the last answer, whichever is earlier; a refusal is an answer.
struct Log {
    runs: Vec<Upload>,
    answered: usize,
}

impl Log {
    /// One session with the hub from its greeting on.
    fn session(&mut self, hub: &mut Hub) {
        let greeting = hub.greet(&self.runs[0].site, &self.hello(), second("2020-02-06T20:00")).unwrap();
        let known = greeting.welcome.last.map_or(0, |seen| self.after(&seen.id));
        self.answered = self.answered.min(known);
        for upload in &self.runs[self.answered..] {
            hub.ingest(std::slice::from_ref(upload), second("2020-02-06T20:00")).unwrap();
        }
        self.answered = self.runs.len();
    }

    fn after(&self, last: &EntryId) -> usize {
        self.runs.iter().position(|run| id(run) == *last).unwrap() + 1
    }

    fn hello(&self) -> Hello {
        hello(self.runs[0].site, self.runs[0].incarnation)
    }
}

/// A day of sales whose first never reached the hub, and then a good day.
fn sales() -> (Upload, Log) {
    let mut a = Edge::new(A, 1);
    let first = a.sell("2020-02-06T09:00", &document(&number(0)), adult(2));
    let sale = |n: u32, at: &str, a: &mut Edge| a.sell(at, &document(&number(n)), adult(2));
    let mut runs: Vec<Upload> = (1..=SALES).map(|n| sale(n, "2020-02-06T10:00", &mut a)).collect();
    runs.extend((1..=5).map(|n| sale(SALES + n, "2020-02-07T10:00", &mut a)));
    (first, Log { runs, answered: 0 })
}

fn canonical_sales(hub: &Hub) -> usize {
    canonical(hub).matches("sale ").count()
}

#[test]
fn more_runs_than_can_be_kept_are_offered_again_and_taken() {
    let (first, mut log) = sales();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.db");
    let mut hub = hub_on(Store::open(&file).unwrap(), 200);
    log.session(&mut hub);
    assert_eq!(hub.quarantine(9_999).unwrap().len(), KEPT);
    assert_eq!(canonical_sales(&hub), 5, "the next day is not held up");

    // What is missing comes, over another line: those that were kept are taken by themselves.
    let elsewhere = Upload { incarnation: Incarnation([9; 16]), ..first };
    send(&mut hub, std::slice::from_ref(&elsewhere));
    assert_eq!(hub.quarantine(9_999).unwrap().len(), 0);
    assert_eq!(canonical_sales(&hub), 1 + KEPT + 5);

    // The others are the edge's still, also after the hub was started again.
    drop(hub);
    let mut hub = Hub::open(Store::open(&file).unwrap(), &master(), dice(201)).unwrap();
    log.session(&mut hub);
    assert_eq!(canonical_sales(&hub), 1 + SALES as usize + 5, "nothing is lost");
    let (_, straight) = sales();
    let mut clean = edge::hub();
    send(&mut clean, std::slice::from_ref(&elsewhere));
    send(&mut clean, &straight.runs);
    assert_eq!(canonical(&hub), canonical(&clean));

    // And then the line has come to its end: nothing is sent twice for ever.
    let word = hub.greet(&log.runs[0].site, &log.hello(), second("2020-02-06T20:00")).unwrap().welcome.last.unwrap();
    assert_eq!(word.id, id(log.runs.last().unwrap()));
}

#[test]
fn the_hubs_word_stays_before_what_it_could_not_keep() {
    let (_, mut log) = sales();
    let mut hub = hub();
    let word = |hub: &mut Hub, log: &Log| {
        let greeting = hub.greet(&log.runs[0].site, &log.hello(), second("2020-02-06T20:00")).unwrap();
        greeting.welcome.last.map(|seen| seen.id)
    };
    log.session(&mut hub);
    assert_eq!(word(&mut hub, &log), Some(id(&log.runs[KEPT - 1])), "not behind the first that was not kept");
    // As long as nothing changes, the same is offered and refused again; the operator sees the site all the while.
    log.session(&mut hub);
    assert_eq!(word(&mut hub, &log), Some(id(&log.runs[KEPT - 1])));
    assert_eq!(hub.site_status(&log.runs[0].site).unwrap().unwrap().quarantined, KEPT as u64);
    // One that is kept already is no new one.
    let again = hub.ingest(&log.runs[..1], second("2020-02-06T20:00")).unwrap();
    assert!(matches!(&again[0], Outcome::Quarantined { why, .. } if !why.contains("not kept")), "{again:?}");
    let bad = SALES as usize;
    let late = hub.ingest(&log.runs[bad - 1..bad], second("2020-02-06T20:00")).unwrap();
    assert!(matches!(&late[0], Outcome::Quarantined { why, .. } if why.contains("not kept")), "{late:?}");
}
