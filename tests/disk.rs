//! A disk that is full, fails or rots under a running edge (S1, S15): what cannot be written is not
//! answered, the edge stops selling and says why until it is started again, and everything that was answered is
//! there then. Flipped bits in the database are shown as a fault or not at all, never as other data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::fleet::{Http, Tool};
use harness::ledger::Ledger;
use harness::prepared::{LATER, Prepared, ask, copy, person, scratch, serve_edge, skipped, tool};
use harness::recorder::{Fault, Lasts, Recorder, calls};
use harness::sweep::is_long;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const SEED: u64 = 20_200_206;
/// More than fit on any disk of these tests.
const SALES_MAX: usize = 4_000;
const FLIPS: usize = 200;
const FLIPS_LONG: usize = 2_000;

/// A small disk in memory, for root.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at).output().unwrap();
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
            skipped(format_args!("no small disk can be mounted here ({})", why.trim()));
            return None;
        }
        Some(Self(at.to_path_buf()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stops_the_counter_until_there_is_room() {
    let (prepared, folder) = (Prepared::new().unwrap(), scratch().unwrap());
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk")) else { return };
    let (data, ballast) = (disk.0.join("edge"), disk.0.join("ballast"));
    copy(&prepared.edge(), &data).unwrap();
    std::fs::write(&ballast, vec![1; 500 << 10]).unwrap();
    let edge = tool("atoll-edge", &data, LATER).unwrap();
    edge.run(&["arrive", "--adult", "20000"]).unwrap();
    let before = Ledger::of(&edge).unwrap();

    let (process, http) = serve_edge(&edge).unwrap();
    let sold = sell_until_refused(&http, 100);
    assert!(sold.len() < SALES_MAX, "the disk was never full");
    stopped(&http, 100 + sold.len());
    process.kill().unwrap();
    std::fs::remove_file(&ballast).unwrap();
    after_restart(&edge, &before, &sold, 100);
    println!(
        "full disk: {} sales answered, then none; lost 0, doubled 0, selling again when there was room",
        sold.len()
    );
}

#[test]
fn a_failed_fsync_stops_the_counter_until_it_is_started_again() {
    let prepared = Prepared::new().unwrap();
    let (recorder, scratch) = (Recorder::build().unwrap(), scratch().unwrap());
    let edge_at = |name: &str| {
        let data = scratch.path().join(name);
        copy(&prepared.edge(), &data).unwrap();
        tool("atoll-edge", &data, LATER).unwrap()
    };
    // Which fsyncs are the commits'? (SQLite does not look at what the fsync of the folder returns.)
    let log = scratch.path().join("log");
    let (process, http) = serve_edge(&edge_at("learn").under(recorder.logging(&log))).unwrap();
    for n in 100..104 {
        assert_eq!(http.post("/api/v1/sell", &ask(&person(n), &n.to_string())).unwrap().0, 200);
    }
    process.kill().unwrap();
    let all = calls(&log).unwrap();
    let syncs = (1..).zip(all.iter().filter(|call| call.name.ends_with("sync")));
    let commits = syncs.filter(|(_, call)| call.file.ends_with("ledger.db-wal")).map(|(at, _)| at);
    let commits: Vec<u32> = commits.collect();
    assert!(commits.len() >= 4, "{all:?}");

    let (mut answered, mut unanswered) = (0, 0);
    for (at, lasts) in commits.iter().flat_map(|at| [(*at, Lasts::Once), (*at, Lasts::Ever)]) {
        let edge = edge_at(&format!("{at} {lasts:?}"));
        let before = Ledger::of(&edge).unwrap();
        let fault = Fault::NoSync(at, lasts);
        let (process, http) = serve_edge(&edge.clone().under(recorder.environment(fault))).unwrap();
        let sold = sell_until_refused(&http, 100);
        assert!(sold.len() < commits.len(), "{fault:?}: {} sales", sold.len());
        stopped(&http, 100 + sold.len());
        process.kill().unwrap();
        unanswered += after_restart(&edge, &before, &sold, 100);
        answered += sold.len();
    }
    let places = commits.len();
    println!(
        "failed fsync under a running counter, {places} places, once and for ever: {answered} answered, lost 0, {unanswered} not answered and yet there"
    );
}

/// Sells to one after the other, each under a key of its own, until the edge cannot; the ids.
fn sell_until_refused(http: &Http, first: usize) -> Vec<String> {
    let mut sold = Vec::new();
    let numbers = harness::scenario::even_numbers().skip(first);
    for (n, number) in (first..first + SALES_MAX).zip(numbers) {
        let (status, answer) = http.post("/api/v1/sell", &ask(&number, &n.to_string())).unwrap();
        if status != 200 {
            reason(&answer);
            // Nobody knows: after a failed fsync it may turn up.
            assert!(!answer.to_string().contains("nothing was changed"), "{answer}");
            break;
        }
        assert_eq!(answer["verdict"], "sold", "{answer}");
        sold.push(answer["sale"].as_str().unwrap().to_owned());
    }
    sold
}

/// Both languages say why.
fn reason(answer: &Value) {
    for language in ["zh-TW", "en"] {
        let why = answer["error"][language].as_str().unwrap_or_default();
        assert!(why.chars().count() > 10, "no reason in {language}: {answer}");
    }
}

/// It sells no more, although the next fsync or write might do, and whoever looks is told.
fn stopped(http: &Http, next: usize) {
    for n in [next, next + 1] {
        let (status, answer) = http.post("/api/v1/sell", &ask(&person(n), &n.to_string())).unwrap();
        assert!(status >= 500 && answer["error"]["code"] == "stopped", "{status}: {answer}");
        reason(&answer);
    }
    assert!(!http.is_ready(), "an edge that does not sell says that it is ready");
}

/// Everything answered is there once; the sale that was not answered is there at most once, and the same request
/// makes it one; and the counter goes on.
/// Gives how many were there without an answer.
fn after_restart(edge: &Tool, before: &Ledger, sold: &[String], first: usize) -> usize {
    let wanted: BTreeSet<String> =
        before.ids("sale").into_iter().chain(sold.iter().map(String::as_str)).map(str::to_owned).collect();
    let after = Ledger::of(edge).unwrap();
    assert!(after.goes_on(before));
    let there: BTreeSet<String> = after.ids("sale").into_iter().map(str::to_owned).collect();
    assert!(there.is_superset(&wanted), "{} sales lost", wanted.difference(&there).count());
    assert!(there.len() - wanted.len() <= 1, "{} sales that nobody was told of", there.len() - wanted.len());

    let (process, http) = serve_edge(edge).unwrap();
    let next = first + sold.len();
    for n in [next, next + 1] {
        let (status, answer) = http.post("/api/v1/sell", &ask(&person(n), &n.to_string())).unwrap();
        assert_eq!((status, &answer["verdict"]), (200, &json!("sold")), "{answer}");
    }
    process.kill().unwrap();
    assert_eq!(Ledger::of(edge).unwrap().ids("sale").len(), wanted.len() + 2, "the same request is one sale");
    there.len() - wanted.len()
}

/// A single copy on a disk that lies: only the truth or a fault may be shown (S15).
#[test]
fn a_flipped_bit_shows_the_truth_or_a_fault() {
    let (prepared, folder) = (Prepared::new().unwrap(), scratch().unwrap());
    fill(&prepared.edge());
    let data = folder.path().join("edge");
    copy(&prepared.edge(), &data).unwrap();
    let truth = Looks::at(&data);
    assert!(truth.0.iter().all(|(output, _)| !is_fault(output)), "{truth:?}");
    let sound = std::fs::read(prepared.edge().join("ledger.db")).unwrap();
    assert!(sound.len() >= 16 * 4096, "a database of {} bytes has too few pages", sound.len());

    let long = is_long();
    let mut dice = SmallRng::seed_from_u64(SEED);
    let (mut refused, mut wrong) = (0, Vec::new());
    let flips = if long { FLIPS_LONG } else { FLIPS };
    for n in 0..flips {
        let (at, bit) = (dice.random_range(0..sound.len()), dice.random_range(0..8));
        let mut rotten = sound.clone();
        rotten[at] ^= 1 << bit;
        let _ = std::fs::remove_dir_all(&data);
        copy(&prepared.edge(), &data).unwrap();
        std::fs::write(data.join("ledger.db"), rotten).unwrap();
        let seen = Looks::at(&data);
        refused += u32::from(seen.0.iter().any(|(output, _)| is_fault(output)));
        wrong.extend(seen.lies(&truth).map(|lie| format!("flip {n}, byte {at} bit {bit}: {lie}")));
    }
    println!("{flips} flipped bits (SEED={SEED}): {refused} refused, {} shown as other data", wrong.len());
    assert!(wrong.is_empty(), "{} lies:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 0, "no flip was seen at all");
}

/// Some of everything in the ledger.
fn fill(data: &Path) {
    let edge = tool("atoll-edge", data, LATER).unwrap();
    let (process, http) = serve_edge(&edge).unwrap();
    for n in 10..60 {
        assert_eq!(http.post("/api/v1/sell", &ask(&person(n), &n.to_string())).unwrap().0, 200);
    }
    process.stop().unwrap();
    let ledger = Ledger::of(&edge).unwrap();
    edge.run(&["withdraw", ledger.ids("sale")[7], "--reason", "test"]).unwrap();
    edge.run(&["correct", "--adult=-3", "--reason", "wet"]).unwrap();
}

/// 0 is done, 1 a refusal by the rules.
fn is_fault(output: &Output) -> bool {
    output.status.code() == Some(2)
}

/// What four commands say of a folder, each with what must be the same.
#[derive(Debug)]
struct Looks(Vec<(Output, Value)>);

impl Looks {
    fn at(data: &Path) -> Self {
        let edge = tool("atoll-edge", data, LATER).unwrap();
        // Of somebody who bought: what a lost row of the quota would change.
        let buyer = person(10);
        let check = ["--json", "check", "--number", &buyer, "--birth", "1986-03-15"];
        let looks = [&["export"][..], &["--json", "recent", "--limit", "100"], &["--json", "status"], &check];
        let outputs = looks.iter().map(|look| edge.output(look).unwrap());
        let said = |output: Output| {
            let fixed = fixed(&output);
            (output, fixed)
        };
        Self(outputs.map(said).collect())
    }

    /// The first thing that is neither the truth nor a fault.
    fn lies(&self, truth: &Self) -> Option<String> {
        self.0.iter().zip(&truth.0).find_map(|((output, said), (_, wanted))| {
            let errors = String::from_utf8_lossy(&output.stderr);
            if errors.contains("panicked") || !matches!(output.status.code(), Some(0..=2)) {
                return Some(format!("it ended with {}: {errors}", output.status));
            }
            (!is_fault(output) && said != wanted).then(|| difference(said, wanted))
        })
    }
}

/// Without the time of day.
fn fixed(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::from(line))).collect();
    for line in &mut lines {
        if line.get("now").is_some() {
            *line = json!({ "stock": line["stock"], "ledger": line["ledger"], "today": line["today"] });
        }
    }
    Value::from(lines)
}

fn difference(said: &Value, wanted: &Value) -> String {
    let (said, wanted) = (said.as_array().unwrap(), wanted.as_array().unwrap());
    let first = said.iter().zip(wanted).find(|(said, wanted)| said != wanted);
    match first {
        Some((said, wanted)) => format!("said {said}\n  truth {wanted}"),
        None => format!("{} lines instead of {}", said.len(), wanted.len()),
    }
}
