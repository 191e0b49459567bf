//! A crash while a store begins a new life (docs/lives.md): an old backup of the site's folder was put back, with or
//! without its stamp, or the computer is dead and a new one enrols and gets the ledger back. Nothing is lost or
//! doubled, one life begins as the hub sees it, and stamp and store agree.
//!
//! Every fourteenth point of an exchange in the short form, every one with `ATOLL_LONG=1`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::fleet::{Http, Tool};
use harness::ledger::Ledger;
use harness::pair::{Pair, Victim};
use harness::prepared::{LATER, Prepared, SITE, person, scratch, sell, tool};
use harness::recorder::{Recorder, calls};
use harness::sweep::{Deed, Swept, each_of, each_point, every, fresh_copy, sweep_deed};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

/// A site whose hub has more of it than a backup: the folders before and after.
struct Past {
    prepared: Prepared,
    recorder: Recorder,
    folder: TempDir,
    /// Every sale that was answered and that the hub has.
    sent: BTreeSet<String>,
}

impl Past {
    fn new() -> Self {
        let past = Self {
            prepared: Prepared::new().unwrap(),
            recorder: Recorder::build().unwrap(),
            folder: scratch().unwrap(),
            sent: BTreeSet::new(),
        };
        let now = past.pair("now");
        now.fresh(&past.prepared.hub(), &past.prepared.edge()).unwrap();
        now.exchange(Victim::Edge, Vec::new(), |http| holds(http, 2)).unwrap();
        fresh_copy(&now.folder.join("edge"), &past.path("backup")).unwrap();
        for n in 1..3 {
            now.edge().unwrap().run(&sell(&person(n), &n.to_string())).unwrap();
        }
        now.exchange(Victim::Edge, Vec::new(), |http| holds(http, 4)).unwrap();
        let sent = sales(&now.edge().unwrap()).unwrap();
        assert_eq!(sent.len(), 3);
        Self { sent, ..past }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pair(&self, name: &str) -> Pair<'_> {
        Pair { prepared: &self.prepared, folder: self.path(name) }
    }

    /// Both sides hold every sale once, stamp and store agree on the life, the hub has seen one begin, and the site sells.
    fn judge(&self, pair: &Pair<'_>, sold: &BTreeSet<String>, cases: &[&str]) -> Result<()> {
        let (edge, hub) = (pair.edge()?, pair.hub()?);
        ensure!(&sales(&edge)? == sold, "the edge's ledger");
        ensure!(&pair.sales_at_the_hub()? == sold, "the hub's ledger");
        let lives = lives(&pair.folder.join("hub/hub.db"))?;
        let stamp = stamp(&pair.folder.join("edge"))?;
        ensure!(lives.len() == 2 && lives.contains(&stamp), "the hub knows {lives:?}, the site is {stamp}");
        let found = hub.json(&["cases"])?["site_cases"].clone();
        let [case] = found.as_array().context("no list")?.as_slice() else { anyhow::bail!("not one case: {found}") };
        ensure!(cases.iter().any(|kind| case["kind"] == *kind), "{found}");
        ensure!(hub.json(&["verify"])?["findings"] == json!([]), "the journal does not hold");
        edge.run(&sell(&person(20), "goes on"))?;
        ensure!(sales(&edge)?.len() == sold.len() + 1, "it does not sell");
        Ok(())
    }

    /// Kills the edge at points of an exchange that begins with copies of these two folders; gives what was swept.
    fn sweep(&self, edge: &Path, hub: &Path, sold: &BTreeSet<String>, cases: &[&str]) -> String {
        let (pair, log) = (self.pair("pair"), self.path("log"));
        let is_done = |http: &Http| holds(http, sold.len() + 1);
        pair.fresh(hub, edge).unwrap();
        pair.exchange(Victim::Edge, self.recorder.logging(&log), is_done).unwrap();
        self.judge(&pair, sold, cases).unwrap();
        let calls = calls(&log).unwrap();
        let (mut died, mut faults) = (0, 0);
        let points = each_of(&calls, every(14), |fault| {
            pair.fresh(hub, edge)?;
            faults += 1;
            died += u32::from(pair.exchange(Victim::Edge, self.recorder.environment(fault), is_done)?);
            pair.exchange(Victim::Edge, Vec::new(), is_done)?;
            self.judge(&pair, sold, cases).with_context(|| format!("{fault:?} of {}", calls.len()))
        });
        let points = points.unwrap();
        assert!(died * 2 > faults, "of {faults} faults only {died} hit");
        format!("{points}, {died} hit")
    }
}

#[test]
fn an_old_backup_that_was_put_back_survives_every_crash() {
    let past = Past::new();
    // It sells before the line is up.
    let edge = tool("atoll-edge", &past.path("backup"), LATER).unwrap();
    edge.run(&sell(&person(5), "after the backup")).unwrap();
    let sold: BTreeSet<String> = past.sent.union(&sales(&edge).unwrap()).cloned().collect();
    assert_eq!(sold.len(), 4);
    // A crash between the new stamp and the store makes one more life, which is told as one without a stamp.
    let cases = &["restored", "unstamped"];
    let swept = past.sweep(&past.path("backup"), &past.path("now/hub"), &sold, cases);
    println!("an old backup put back, edge killed: {swept}; lost 0, doubled 0");

    let bare = past.pair("pair");
    bare.fresh(&past.path("now/hub"), &past.path("backup")).unwrap();
    fs::remove_file(bare.folder.join("edge/incarnation")).unwrap();
    bare.exchange(Victim::Edge, Vec::new(), |http| holds(http, 5)).unwrap();
    past.judge(&bare, &sold, &["unstamped"]).unwrap();
}

#[test]
fn a_backup_without_its_stamp_begins_one_life_through_every_crash() {
    let prepared = Prepared::new().unwrap();
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let old = stamp(&prepared.edge()).unwrap();
    fs::remove_file(prepared.edge().join("incarnation")).unwrap();
    let data = folder.path().join("edge");
    let swept = Swept { from: &prepared.edge(), name: "atoll-edge", arguments: &["export"], step: 1 };
    let points = each_point(&recorder, swept, |fault| {
        fresh_copy(swept.from, &data)?;
        let edge = tool("atoll-edge", &data, LATER)?;
        edge.clone().under(recorder.environment(fault)).output(swept.arguments)?;
        edge.run(swept.arguments)?;
        let begun = stamp(&data)?;
        edge.run(swept.arguments)?;
        ensure!(begun != old && begun == stamp(&data)?, "{old} before, then {begun}, then {}", stamp(&data)?);
        let (life, parent) = life_of(&data)?;
        ensure!(life == begun && parent == old, "the store says {life} after {parent}, the stamp {begun}");
        Ok(())
    });
    println!("a backup without its stamp: {}; one life begun each, lost 0", points.unwrap());
    let number = person(1);
    let deed = Deed { kind: "sale", verdict: "sold", id: "sale", arguments: sell(&number, "swept") };
    sweep_deed(&prepared.edge(), &deed, every(3)).unwrap();
}

#[test]
fn a_new_computer_gets_the_ledger_back_through_every_crash() {
    let past = Past::new();
    let fresh = past.path("fresh");
    tool("atoll-edge", &fresh, LATER).unwrap().run(&["init", "--site", SITE]).unwrap();
    let enrolled = past.pair("enrolled");
    enrolled.fresh(&past.path("now/hub"), &fresh).unwrap();
    let log = past.path("enrol-log");
    enrol(&enrolled, |edge| edge.under(past.recorder.logging(&log))).unwrap();
    let swept = past.sweep(&past.path("enrolled/edge"), &past.path("enrolled/hub"), &past.sent, &["replaced"]);
    println!("a new computer gets the ledger back, edge killed: {swept}; lost 0, doubled 0");

    let pair = past.pair("pair");
    let points = each_of(&calls(&log).unwrap(), every(4), |fault| {
        pair.fresh(&past.path("now/hub"), &fresh)?;
        enrol(&pair, |edge| edge.under(past.recorder.environment(fault)))?;
        pair.exchange(Victim::Edge, Vec::new(), |http| holds(http, 4))?;
        past.judge(&pair, &past.sent, &["replaced"])
    });
    println!("enrol of a new computer: {}; lost 0, doubled 0, none that cannot enrol", points.unwrap());
}

/// Enrols, under a fault at first; whoever was cut short asks with the same token, then with another one.
fn enrol(pair: &Pair<'_>, first: impl FnOnce(Tool) -> Tool) -> Result<()> {
    let (serving, _) = pair.prepared.serve_hub(&pair.hub()?)?;
    let token =
        || -> Result<String> { Ok(pair.hub()?.json(&["enrol", SITE])?["token"].as_str().context("no token")?.into()) };
    let ask = |edge: &Tool, token: &str| edge.output(&["enrol", "--hub", &pair.prepared.line, "--token", token]);
    let same = token()?;
    let mut last = ask(&first(pair.edge()?), &same)?;
    if !last.status.success() {
        last = ask(&pair.edge()?, &same)?;
    }
    if !last.status.success() {
        last = ask(&pair.edge()?, &token()?)?;
    }
    ensure!(last.status.success(), "it cannot enrol any more: {last:?}");
    serving.stop()?;
    Ok(())
}

/// Whether so many entries are there, and the hub has all.
fn holds(http: &Http, entries: usize) -> bool {
    http.get("/api/v1/status")
        .is_ok_and(|(_, status)| status["ledger"]["entries"] == entries && status["ledger"]["acked"] == entries)
}

fn sales(edge: &Tool) -> Result<BTreeSet<String>> {
    Ok(Ledger::of(edge)?.ids("sale").into_iter().map(str::to_owned).collect())
}

fn stamp(folder: &Path) -> Result<String> {
    Ok(fs::read_to_string(folder.join("incarnation"))?.trim().to_owned())
}

/// The life that the store says it is, and which one it goes on from.
fn life_of(folder: &Path) -> Result<(String, String)> {
    let conn = Connection::open(folder.join("ledger.db"))?;
    Ok(conn.query_row("SELECT lower(hex(incarnation)), lower(hex(parent)) FROM self", [], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?)
}

/// The lives of the site that greeted the hub.
fn lives(database: &Path) -> Result<BTreeSet<String>> {
    let conn = Connection::open(database)?;
    let mut lives = conn.prepare("SELECT lower(hex(incarnation)) FROM line WHERE site = ?1")?;
    let lives = lives.query_map([SITE], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(lives)
}
