//! A crash before every call that changes the disk (S1, S3): the real binaries as single
//! commands, killed cleanly and in the middle of each write; started again, killed once more in the middle of
//! that, and then asked: what was answered is there once, what was not is there at most once, and the same
//! request again makes it exactly one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use harness::fleet::Tool;
use harness::ledger::Ledger;
use harness::prepared::{LATER, MORNING, Prepared, SITE, copy, person, scratch, sell, tool};
use harness::recorder::{Call, Fault, Lasts, Recorder, calls};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

const SEED: u64 = 20_200_206;

/// A command that writes one entry.
struct Deed<'a> {
    kind: &'a str,
    verdict: &'a str,
    /// Where its id stands in the answer.
    id: &'a str,
    arguments: Vec<&'a str>,
}

/// What came of a sweep.
#[derive(Debug, Default)]
struct Tally {
    clean: u32,
    torn: u32,
    answered: u32,
    there: u32,
}

#[test]
fn a_sale_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let number = person(1);
    let deed = Deed { kind: "sale", verdict: "sold", id: "sale", arguments: sell(&number, "swept") };
    sweep(&prepared.edge(), &deed, 1);
}

#[test]
fn a_withdrawal_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let edge = tool("atoll-edge", &prepared.edge(), LATER).unwrap();
    let sale = Ledger::of(&edge).unwrap().ids("sale")[0].to_owned();
    let arguments = vec!["withdraw", &sale, "--reason", "test", "--request", "swept"];
    let deed = Deed { kind: "withdrawal", verdict: "withdrawn", id: "withdrawal", arguments };
    sweep(&prepared.edge(), &deed, 1);
}

#[test]
fn an_arrival_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let arguments = vec!["arrive", "--adult", "40", "--request", "swept"];
    sweep(&prepared.edge(), &Deed { kind: "arrival", verdict: "arrived", id: "arrival", arguments }, 1);
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
    let before = ledger_before(&prepared.edge(), &data);
    let number = person(1);
    let deed = Deed { kind: "sale", verdict: "sold", id: "sale", arguments: sell(&number, "swept") };
    let points = learn(&recorder, &prepared.edge(), "atoll-edge", &deed.arguments);
    let points = u32::try_from(points.iter().filter(|call| counts(call)).count()).unwrap();
    let mut tally = Tally::default();
    for at in 1..=points {
        for lasts in [Lasts::Once, Lasts::Ever] {
            fresh_copy(&prepared.edge(), &data);
            crash(&recorder, &data, &deed, &before, [fault(at, lasts), Fault::Kill(7)], &mut tally);
        }
    }
    let Tally { answered, there, .. } = tally;
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
    sweep(&fresh, &Deed { kind: "arrival", verdict: "arrived", id: "arrival", arguments }, step());
}

#[test]
fn the_edges_init_survives_a_crash_at_every_point() {
    let arguments = ["init", "--site", SITE];
    let (clean, torn) = sweep_init("atoll-edge", &arguments, 1, &|folder, _| {
        let edge = tool("atoll-edge", folder, MORNING).unwrap();
        edge.run(&["arrive", "--adult", "40"]).map(|_| assert_eq!(Ledger::of(&edge).unwrap().len(), 1))
    });
    println!("init of an edge: {clean} clean and {torn} torn crash points, 0 folders that cannot be used");
}

#[test]
fn the_hubs_init_survives_a_crash_at_every_point() {
    let (clean, torn) = sweep_init("atoll-hub", &["init"], step(), &|folder, _| {
        let hub = tool("atoll-hub", folder, MORNING).unwrap();
        hub.run(&["programme", "publish", "mask-2020-02-06"])?;
        hub.json(&["programme", "list"]).map(|list| assert_eq!(list["published"].as_array().unwrap().len(), 1))
    });
    println!("init of a hub: {clean} clean and {torn} torn crash points, 0 folders that cannot be used");
}

/// What was announced as published is; what was not is there wholly or not at all, and goes in again.
#[test]
fn publishing_survives_a_crash_at_every_point() {
    let prepared = Prepared::new().unwrap();
    let publish = ["programme", "publish", "mask-2020-03-05"];
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let (clean, torn) = each_point(&recorder, &prepared.hub(), "atoll-hub", &publish, 1, |fault| {
        let data = folder.path().join("hub");
        fresh_copy(&prepared.hub(), &data);
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
        hub.run(&["rebuild"]).unwrap();
    });
    println!("programme publish: {clean} clean and {torn} torn crash points, 0 lost, 0 doubled");
}

fn sweep(prepared: &Path, deed: &Deed<'_>, step: usize) {
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let data = folder.path().join("edge");
    let before = ledger_before(prepared, &data);
    let mut dice = SmallRng::seed_from_u64(SEED);
    let mut tally = Tally::default();
    let (clean, torn) = each_point(&recorder, prepared, "atoll-edge", &deed.arguments, step, |fault| {
        fresh_copy(prepared, &data);
        let second = Fault::Kill(dice.random_range(1..40));
        crash(&recorder, &data, deed, &before, [fault, second], &mut tally);
    });
    Tally { clean, torn, ..tally }.tell(deed);
}

impl Tally {
    fn tell(self, deed: &Deed<'_>) {
        let Self { clean, torn, answered, there } = self;
        // The teeth of the sweep: it must have seen each of the three states.
        let points = clean + torn;
        assert!(answered > 0 && answered < there && there < points, "{self:?}");
        println!(
            "{}: {clean} clean and {torn} torn crash points; answered {answered}, on the disk {there}; lost 0, doubled 0",
            deed.arguments[0]
        );
    }
}

fn ledger_before(prepared: &Path, data: &Path) -> Ledger {
    fresh_copy(prepared, data);
    Ledger::of(&tool("atoll-edge", data, MORNING).unwrap()).unwrap()
}

/// One crash, a second one while the first is mended, and the judgement.
fn crash(recorder: &Recorder, data: &Path, deed: &Deed<'_>, before: &Ledger, faults: [Fault; 2], tally: &mut Tally) {
    let edge = tool("atoll-edge", data, LATER).unwrap();
    let [fault, second] = faults;
    let tell = |what: &str| format!("{what}; {} under {fault:?}, then {second:?} (SEED={SEED})", deed.arguments[0]);
    let mut answers = BTreeSet::new();
    answers.extend(answer(&edge, recorder.environment(fault), deed));
    tally.answered += u32::try_from(answers.len()).unwrap();

    // Looking alone mends what the crash left.
    let after = Ledger::of(&edge).unwrap_or_else(|cause| panic!("{}", tell(&format!("{cause:#}"))));
    assert!(after.goes_on(before), "{}", tell("what was there has changed"));
    let new = |ledger: &Ledger| {
        ledger.ids(deed.kind)[before.ids(deed.kind).len()..].iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>()
    };
    let found = new(&after);
    assert!(found.len() <= 1 && after.len() - before.len() == found.len(), "{}", tell("doubled"));
    assert!(answers.is_subset(&found), "{}", tell("lost"));
    tally.there += u32::try_from(found.len()).unwrap();

    answers.extend(answer(&edge, recorder.environment(second), deed));
    answers.extend(answer(&edge, Vec::new(), deed));
    let last = Ledger::of(&edge).unwrap_or_else(|cause| panic!("{}", tell(&format!("{cause:#}"))));
    assert!(last.goes_on(&after), "{}", tell("what was there has changed"));
    answers.extend(found);
    assert_eq!(answers.len(), 1, "{}", tell("the same request has several answers, or none"));
    assert_eq!(new(&last), answers, "{}", tell("the ledger holds something else than was answered"));
}

/// The id of the entry, where the command got as far as saying it.
fn answer(edge: &Tool, environment: Vec<(&'static str, OsString)>, deed: &Deed<'_>) -> Option<String> {
    let arguments = [&["--json"], deed.arguments.as_slice()].concat();
    let output = edge.clone().under(environment).output(&arguments).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let answer = said.strip_suffix('\n').and_then(|line| serde_json::from_str::<Value>(line).ok());
    let id = answer.as_ref().filter(|answer| answer["verdict"] == deed.verdict);
    let id = id.map(|answer| answer[deed.id].as_str().unwrap().to_owned());
    assert!(id.is_some() || !output.status.success(), "done, but said {said:?}");
    if output.status.code().is_some() && id.is_none() && !said.is_empty() {
        let answer = answer.unwrap_or_else(|| panic!("half an answer: {said:?}"));
        assert!(answer["error"]["en"].as_str().is_some_and(|why| !why.is_empty()), "no reason: {answer}");
    }
    id
}

/// Runs a command once to learn its calls; then `judge` gets a kill before each of them, a torn write for each
/// that writes, and one fault that lies behind them all. Gives the numbers of both.
fn each_point(
    recorder: &Recorder,
    prepared: &Path,
    name: &str,
    arguments: &[&str],
    step: usize,
    mut judge: impl FnMut(Fault),
) -> (u32, u32) {
    let calls = learn(recorder, prepared, name, arguments);
    let mut dice = SmallRng::seed_from_u64(SEED);
    let (mut clean, mut torn) = (0, 0);
    for (at, call) in (1..).zip(&calls).step_by(step) {
        clean += 1;
        judge(Fault::Kill(at));
        if call.is_write() {
            torn += 1;
            judge(Fault::Tear(at, dice.random_range(1..1000)));
        }
    }
    judge(Fault::Kill(u32::try_from(calls.len()).unwrap() + 1));
    (clean, torn)
}

/// The calls of a command on a copy of a folder.
fn learn(recorder: &Recorder, prepared: &Path, name: &str, arguments: &[&str]) -> Vec<Call> {
    let folder = scratch().unwrap();
    let (data, log) = (folder.path().join("learn"), folder.path().join("log"));
    if prepared.exists() {
        copy(prepared, &data).unwrap();
    }
    tool(name, &data, LATER).unwrap().under(recorder.logging(&log)).run(arguments).unwrap();
    let calls = calls(&log).unwrap();
    assert!(calls.len() > 8, "the recorder saw {} calls only", calls.len());
    calls
}

/// What happens once in the life of a folder has hundreds of points: every third, or all of them.
fn step() -> usize {
    if std::env::var("ATOLL_LONG").is_ok_and(|long| long == "1") { 1 } else { 3 }
}

/// A folder that is made: after a crash the same command again makes it whole, or says that it is.
fn sweep_init(
    name: &str,
    arguments: &[&str],
    step: usize,
    works: &dyn Fn(&Path, Fault) -> anyhow::Result<()>,
) -> (u32, u32) {
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let mut bad = Vec::new();
    let nothing = folder.path().join("nothing");
    let points = each_point(&recorder, &nothing, name, arguments, step, |fault| {
        let data = folder.path().join("made");
        let _ = std::fs::remove_dir_all(&data);
        let init = tool(name, &data, MORNING).unwrap();
        let _ = init.clone().under(recorder.environment(fault)).output(arguments).unwrap();
        let again = init.output(arguments).unwrap();
        if let Err(cause) = works(&data, fault) {
            let said = String::from_utf8_lossy(&again.stderr).into_owned();
            bad.push(format!("{fault:?}: {cause:#}; the second init ended with {} and said {said}", again.status));
        }
    });
    assert!(bad.is_empty(), "{} folders cannot be used:\n{}", bad.len(), bad.join("\n"));
    points
}

fn fresh_copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    copy(from, to).unwrap();
}
