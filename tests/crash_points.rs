//! A crash before every call that changes the disk (S1, S3): the real binaries as single
//! commands, killed cleanly and in the middle of each write; started again, killed once more in the middle of
//! that, and then asked: what was answered is there once, what was not is there at most once, and the same
//! request again makes it exactly one.

use std::path::Path;

use harness::ledger::Ledger;
use harness::prepared::{LATER, MORNING, Prepared, SITE, person, scratch, sell, tool};
use harness::recorder::{Call, Fault, Lasts, Recorder};
use harness::sweep::{Deed, Points, Swept, Tally, each_point, every, fresh_copy, learn, sweep_deed};

#[test]
fn a_sale_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let number = person(1);
    let deed = Deed { kind: "sale", verdict: "sold", id: "sale", arguments: sell(&number, "swept") };
    sweep_deed(&prepared.edge(), &deed, 1).unwrap();
}

#[test]
fn a_withdrawal_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let edge = tool("atoll-edge", &prepared.edge(), LATER).unwrap();
    let sale = Ledger::of(&edge).unwrap().ids("sale")[0].to_owned();
    let arguments = vec!["withdraw", &sale, "--reason", "test", "--request", "swept"];
    let deed = Deed { kind: "withdrawal", verdict: "withdrawn", id: "withdrawal", arguments };
    sweep_deed(&prepared.edge(), &deed, 1).unwrap();
}

#[test]
fn an_arrival_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let arguments = vec!["arrive", "--adult", "40", "--request", "swept"];
    let deed = Deed { kind: "arrival", verdict: "arrived", id: "arrival", arguments };
    sweep_deed(&prepared.edge(), &deed, 1).unwrap();
}

/// A disk that is full for one write or from one write on: refused with a reason, nothing half written.
#[test]
fn a_sale_survives_a_full_disk_at_every_write() {
    survives("writes without room", |call| call.is_write() || call.name == "open", Fault::Full);
}

/// An fsync that fails once or for ever: nobody knows what is on the disk then, so nobody is told that it is.
#[test]
fn a_sale_survives_every_failed_fsync() {
    survives("failed fsyncs", |call| call.name.ends_with("sync"), Fault::NoSync);
}

fn survives(what: &str, counts: impl Fn(&Call) -> bool, fault: impl Fn(u32, Lasts) -> Fault) {
    let prepared = Prepared::new().unwrap();
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let data = folder.path().join("edge");
    let number = person(1);
    let deed = Deed { kind: "sale", verdict: "sold", id: "sale", arguments: sell(&number, "swept") };
    let before = deed.before(&prepared.edge(), &data).unwrap();
    let from = &prepared.edge();
    let swept = Swept { from, name: "atoll-edge", arguments: &deed.arguments, step: 1 };
    let points = learn(&recorder, swept).unwrap();
    let points = u32::try_from(points.iter().filter(|call| counts(call)).count()).unwrap();
    let mut tally = Tally::default();
    for at in 1..=points {
        for lasts in [Lasts::Once, Lasts::Ever] {
            fresh_copy(from, &data).unwrap();
            let faults = [fault(at, lasts), Fault::Kill(7)];
            deed.crash(&recorder, &data, &before, faults, &mut tally)
                .unwrap_or_else(|cause| panic!("{faults:?}: {cause:#}"));
        }
    }
    let Tally { answered, there } = tally;
    assert!(points > 2 && answered < 2 * points, "{points} points, {answered} answered: the faults do not hit");
    println!("{what}: {points} points, once and for ever; answered {answered}, on the disk {there}; lost 0, doubled 0");
}

/// The first command makes the schema too.
#[test]
fn the_first_start_survives_a_crash_at_every_point() {
    let folder = scratch().unwrap();
    let fresh = folder.path().join("fresh");
    tool("atoll-edge", &fresh, MORNING).unwrap().run(&["init", "--site", SITE]).unwrap();
    let arguments = vec!["arrive", "--adult", "40", "--request", "swept"];
    let deed = Deed { kind: "arrival", verdict: "arrived", id: "arrival", arguments };
    sweep_deed(&fresh, &deed, every(3)).unwrap();
}

#[test]
fn the_edges_init_survives_a_crash_at_every_point() {
    let arguments = ["init", "--site", SITE];
    let points = sweep_init("atoll-edge", &arguments, 1, &|folder, _| {
        let edge = tool("atoll-edge", folder, MORNING).unwrap();
        edge.run(&["arrive", "--adult", "40"]).map(|_| assert_eq!(Ledger::of(&edge).unwrap().len(), 1))
    });
    println!("init of an edge: {points}, 0 folders that cannot be used");
}

#[test]
fn the_hubs_init_survives_a_crash_at_every_point() {
    let points = sweep_init("atoll-hub", &["init"], every(3), &|folder, _| {
        let hub = tool("atoll-hub", folder, MORNING).unwrap();
        hub.run(&["programme", "publish", "mask-2020-02-06"])?;
        hub.json(&["programme", "list"]).map(|list| assert_eq!(list["published"].as_array().unwrap().len(), 1))
    });
    println!("init of a hub: {points}, 0 folders that cannot be used");
}

/// What was announced as published is; what was not is there wholly or not at all, and goes in again.
#[test]
fn publishing_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let publish = ["programme", "publish", "mask-2020-03-05"];
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let swept = Swept { from: &prepared.hub(), name: "atoll-hub", arguments: &publish, step: 1 };
    let points = each_point(&recorder, swept, |fault| {
        let data = folder.path().join("hub");
        fresh_copy(swept.from, &data)?;
        let hub = tool("atoll-hub", &data, LATER).unwrap();
        let said = hub.clone().under(recorder.environment(fault)).output(&publish).unwrap();
        let published = || hub.json(&["programme", "list"]).unwrap()["published"].as_array().unwrap().len();
        let before = published();
        assert!(before == 1 || before == 2, "{fault:?}: {before} versions");
        if said.status.success() {
            assert_eq!(before, 2, "{fault:?}: said but not there");
        }
        let again = hub.output(&publish).unwrap();
        assert!(again.status.success() || before == 2, "{fault:?}: {}", String::from_utf8_lossy(&again.stderr));
        assert_eq!(published(), 2, "{fault:?}");
        hub.run(&["rebuild"]).map(drop)
    });
    println!("programme publish: {}, 0 lost, 0 doubled", points.unwrap());
}

/// A folder that is made: after a crash the same command again makes it whole, or says that it is.
fn sweep_init(
    name: &str,
    arguments: &[&str],
    step: usize,
    works: &dyn Fn(&Path, Fault) -> anyhow::Result<()>,
) -> Points {
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let mut bad = Vec::new();
    let nothing = folder.path().join("nothing");
    let points = each_point(&recorder, Swept { from: &nothing, name, arguments, step }, |fault| {
        let data = folder.path().join("made");
        fresh_copy(&nothing, &data)?;
        let init = tool(name, &data, MORNING).unwrap();
        let _ = init.clone().under(recorder.environment(fault)).output(arguments).unwrap();
        let again = init.output(arguments).unwrap();
        if let Err(cause) = works(&data, fault) {
            let said = String::from_utf8_lossy(&again.stderr).into_owned();
            bad.push(format!("{fault:?}: {cause:#}; the second init ended with {} and said {said}", again.status));
        }
        Ok(())
    });
    assert!(bad.is_empty(), "{} folders cannot be used:\n{}", bad.len(), bad.join("\n"));
    points.unwrap()
}
