//! The real programs through the lives of a store (docs/lives.md): an old backup comes back, the folder is cloned, the
//! computer dies and a new one enrols, the hub comes back from yesterday. Nothing is lost, nothing has two names, and
//! the operator has one case for each. Then somebody touches the files, and `verify` names what.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use harness::prepared::{self, rules_down};
use harness::scenario::even_numbers;
use serde_json::{Value, json};

const SITE: &str = "5931102274";
const PATIENCE: Duration = Duration::from_secs(30);
const NOW: &str = "2020-02-06T10:00:00+08:00";

/// A hub and what people do to one site's computers.
struct Play {
    folder: tempfile::TempDir,
    hub: Option<Process>,
    quic: u16,
    people: Vec<String>,
    /// Entries that were answered and not lost for good.
    sold: u64,
}

/// A computer of the site.
struct Computer {
    data: PathBuf,
    http: Http,
    port: u16,
    running: Option<Process>,
}

impl Computer {
    fn on(data: PathBuf) -> Self {
        let port = free_tcp_port().unwrap();
        Self { data, http: Http::new(port), port, running: None }
    }

    fn tool(&self) -> Tool {
        Tool::new("atoll-edge", &self.data).unwrap().with(&["--rehearsal-clock", NOW])
    }

    fn start(&mut self) {
        self.running = Some(self.tool().start(&["serve", "--listen", &format!("127.0.0.1:{}", self.port)]).unwrap());
        until("the edge answers", PATIENCE, || self.http.is_ready().then_some(())).unwrap();
        rules_down(&self.http).unwrap();
    }

    fn kill(&mut self) {
        self.running.take().unwrap().kill().unwrap();
    }

    fn status(&self) -> Value {
        self.http.get("/api/v1/status").unwrap().1
    }

    fn settled(&self, entries: u64) {
        let all = || {
            let status = self.status();
            (status["ledger"]["entries"] == entries && status["ledger"]["acked"] == entries).then_some(())
        };
        let late = |cause| {
            panic!(
                "{cause}: {entries} entries wanted, {} {}",
                self.status(),
                std::fs::read_to_string(self.data.with_extension("log")).unwrap()
            )
        };
        until("everything has crossed", PATIENCE, all).unwrap_or_else(late);
    }

    fn verdict(&self, person: &str) -> Value {
        let ask = json!({
            "document": { "kind": "01", "number": person, "birth": "1986-03-15" }, "adult": 2, "child": 0, "by": "test",
        });
        self.http.post("/api/v1/sell", &ask).unwrap().1
    }
}

impl Play {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let people = even_numbers().take(60).collect();
        let mut play = Self { folder, hub: None, quic: free_udp_port().unwrap(), people, sold: 0 };
        play.hub_tool().run(&["init"]).unwrap();
        play.hub_tool().run(&["sites", "import"]).unwrap();
        play.hub_tool().run(&["programme", "publish", "mask-2020-02-06"]).unwrap();
        play.start_hub();
        play
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hub_tool(&self) -> Tool {
        Tool::new("atoll-hub", &self.path("hub")).unwrap().with(&["--rehearsal-clock", NOW])
    }

    fn start_hub(&mut self) {
        let (quic, http) = (format!("127.0.0.1:{}", self.quic), free_tcp_port().unwrap());
        let console = format!("127.0.0.1:{http}");
        self.hub = Some(self.hub_tool().start(&["serve", "--listen", &quic, "--http", &console]).unwrap());
        until("the hub answers", PATIENCE, || Http::new(http).is_ready().then_some(())).unwrap();
    }

    /// A new computer that enrols for the site.
    fn computer(&self, name: &str) -> Computer {
        let computer = Computer::on(self.path(name));
        let token = self.hub_tool().json(&["enrol", SITE]).unwrap();
        computer.tool().run(&["init", "--site", SITE]).unwrap();
        let hub = format!("127.0.0.1:{}", self.quic);
        computer.tool().run(&["enrol", "--hub", &hub, "--token", token["token"].as_str().unwrap()]).unwrap();
        computer
    }

    /// So many people are served, each for the first time; gives them.
    fn sell(&mut self, at: &Computer, count: usize) -> Vec<String> {
        let served: Vec<String> = self.people.drain(..count).collect();
        for person in &served {
            let answer = at.verdict(person);
            assert_eq!(answer["verdict"], "sold", "{answer}");
            self.sold += 1;
        }
        served
    }

    fn site_cases(&self) -> Vec<String> {
        let cases = self.hub_tool().json(&["cases"]).unwrap();
        let mut kinds: Vec<String> = cases["site_cases"].as_array().unwrap().iter().map(kind).collect();
        kinds.sort();
        kinds
    }

    fn stock(&self, at: &Computer) -> (i64, i64) {
        let stock = &at.status()["stock"][0]["stock"];
        (stock["adult"].as_i64().unwrap(), stock["child"].as_i64().unwrap())
    }

    /// Everybody who was ever served is refused here, and the shelf is what it must be.
    fn knows_everything(&self, at: &Computer, served: &[Vec<String>]) {
        for person in served.iter().flatten() {
            let answer = at.verdict(person);
            assert_eq!(answer["reason"], "bought", "{answer}");
        }
        let sold = i64::try_from(self.sold - 1).unwrap();
        assert_eq!(self.stock(at), (200 - 2 * sold, 50));
    }
}

fn kind(case: &Value) -> String {
    case["kind"].as_str().unwrap().to_owned()
}

/// A copy in place of whatever was there.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    prepared::copy(from, to).unwrap();
}

#[test]
fn a_backup_a_clone_a_dead_computer_and_a_hub_of_yesterday_lose_nothing() {
    let mut play = Play::new();
    let mut first = play.computer("first");
    first.start();
    let arrived = first.http.post("/api/v1/arrive", &json!({ "adult": 200, "child": 50, "by": "test" })).unwrap().1;
    assert_eq!(arrived["verdict"], "arrived", "{arrived}");
    play.sold += 1; // the arrival is an entry too
    let mut served = vec![play.sell(&first, 3)];
    first.settled(play.sold);

    // An old backup comes back, stamp and all; before the line is up, it sells.
    first.kill();
    copy(&first.data, &play.path("backup"));
    first.start();
    served.push(play.sell(&first, 2));
    first.settled(play.sold);
    first.kill();
    let old = first.status_of_life();
    copy(&play.path("backup"), &first.data);
    std::fs::write(first.data.join("line-cut"), "").unwrap();
    first.start();
    served.push(play.sell(&first, 1));
    std::fs::remove_file(first.data.join("line-cut")).unwrap();
    first.settled(play.sold);
    play.knows_everything(&first, &served);
    assert_ne!(first.status_of_life(), old, "a new life began");
    assert_eq!(play.site_cases(), ["restored"]);

    // The folder is cloned to a second computer, and both run.
    first.kill();
    copy(&first.data, &play.path("second"));
    let mut second = Computer::on(play.path("second"));
    first.start();
    served.push(play.sell(&first, 2));
    first.settled(play.sold);
    second.start();
    served.push(play.sell(&second, 2));
    for computer in [&first, &second] {
        computer.settled(play.sold);
        play.knows_everything(computer, &served);
    }
    let lives = BTreeSet::from([first.status_of_life(), second.status_of_life()]);
    assert_eq!(lives.len(), 2, "each has a life of its own");
    assert_eq!(play.site_cases(), ["cloned", "restored"]);

    // Both die. A new one enrols and sells.
    first.kill();
    second.kill();
    let began = Instant::now();
    let mut third = play.computer("third");
    third.start();
    third.settled(play.sold);
    served.push(play.sell(&third, 1));
    println!(
        "a new computer sold {:.1} s after its `init`, with {} entries given back",
        began.elapsed().as_secs_f64(),
        play.sold - 1
    );
    third.settled(play.sold);
    play.knows_everything(&third, &served);
    assert_eq!(play.site_cases(), ["cloned", "replaced", "restored"]);

    // The hub is taken back to a backup; a computer that enrolled since is known again.
    let backup = play.path("hub-backup.db");
    play.hub_tool().run(&["backup", "--out", backup.to_str().unwrap()]).unwrap();
    third.kill();
    let mut fourth = play.computer("fourth");
    fourth.start();
    fourth.settled(play.sold);
    served.push(play.sell(&fourth, 3));
    fourth.settled(play.sold);
    play.hub.take().unwrap().kill().unwrap();
    for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
        let _ = std::fs::remove_file(play.path("hub").join(name));
    }
    served.push(play.sell(&fourth, 1));
    let restored = play.hub_tool().json(&["restore", "--from", backup.to_str().unwrap()]).unwrap();
    assert_eq!(restored["restored"], true);
    play.start_hub();
    fourth.settled(play.sold);
    play.knows_everything(&fourth, &served);
    let held = || {
        let sites = play.hub_tool().json(&["sites", "--find", SITE]).unwrap();
        (sites["sites"][0]["entries"] == play.sold).then_some(())
    };
    until("the hub has everything again", PATIENCE, held).unwrap();
    let verified = play.hub_tool().json(&["verify"]).unwrap();
    assert_eq!(verified["findings"], json!([]));
    assert_eq!(verified["entries"].as_u64().unwrap(), verified["signed"].as_u64().unwrap(), "{verified}");
    fourth.kill();
    assert_eq!(fourth.tool().json(&["verify"]).unwrap()["findings"], json!([]));
}

#[test]
fn a_store_without_its_stamp_begins_a_new_life_and_the_operator_is_told() {
    let mut play = Play::new();
    let mut computer = play.computer("first");
    computer.start();
    computer.http.post("/api/v1/arrive", &json!({ "adult": 200, "child": 50, "by": "test" })).unwrap();
    play.sold += 1; // the arrival is an entry too
    let mut served = vec![play.sell(&computer, 2)];
    computer.settled(play.sold);
    let old = computer.status_of_life();
    computer.kill();
    assert_eq!(play.site_cases(), [""; 0]);

    // The database comes from a backup of whole disks, which leaves the stamp out.
    std::fs::remove_file(computer.data.join("incarnation")).unwrap();
    computer.start();
    served.push(play.sell(&computer, 1));
    computer.settled(play.sold);
    play.knows_everything(&computer, &served);
    assert_ne!(computer.status_of_life(), old, "a new life began");
    assert_eq!(play.site_cases(), ["unstamped"]);
    computer.kill();
    computer.start();
    computer.settled(play.sold);
    assert_eq!(play.site_cases(), ["unstamped"], "and not again at the next start");
    computer.kill();
}

impl Computer {
    fn status_of_life(&self) -> String {
        std::fs::read_to_string(self.data.join("incarnation")).unwrap()
    }
}

/// What `verify` finds in a copy of a folder after somebody has touched its database.
fn touched(tool: &Tool, data: &Path, database: &str, sql: &str) -> Vec<Value> {
    let copied = data.with_extension("touched");
    copy(data, &copied);
    let conn = rusqlite::Connection::open(copied.join(database)).unwrap();
    conn.execute_batch(sql).unwrap();
    drop(conn);
    let output = tool.on(&copied).output(&["--json", "verify"]).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let found: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap_or_else(|_| panic!("{sql}: {said}"));
    let findings = found["findings"].as_array().unwrap().clone();
    assert_eq!(output.status.success(), findings.is_empty(), "{sql}: {found}");
    findings
}

#[test]
fn whoever_deletes_changes_or_moves_an_entry_is_found() {
    let mut play = Play::new();
    let mut computer = play.computer("first");
    computer.start();
    computer.http.post("/api/v1/arrive", &json!({ "adult": 200, "child": 50, "by": "test" })).unwrap();
    play.sold += 1;
    computer.settled(play.sold);
    for _ in 0..4 {
        // Each a row of its own in the journal.
        play.sell(&computer, 1);
        computer.settled(play.sold);
    }
    let fed = || (computer.status()["nation"]["watermark"] == 4).then_some(());
    until("the receipts are on the disk", PATIENCE, fed).unwrap();
    computer.kill();
    play.hub.take().unwrap().kill().unwrap();

    let edge = |sql: &str| -> Vec<(u64, String)> {
        let found = touched(&computer.tool(), &computer.data, "ledger.db", sql);
        found.iter().map(|it| (it["pos"].as_u64().unwrap(), it["what"].as_str().unwrap().to_owned())).collect()
    };
    let named = |pos: u64, what: &str| (pos, what.to_owned());
    assert_eq!(edge(""), []);
    assert_eq!(edge("DELETE FROM log WHERE pos = 3"), [named(3, "missing")]);
    assert_eq!(edge("UPDATE log SET entry = CAST(entry || x'00' AS BLOB) WHERE pos = 2"), [named(2, "changed")]);
    let swap = "UPDATE log SET pos = -1 WHERE pos = 2; UPDATE log SET pos = 2 WHERE pos = 4; \
        UPDATE log SET pos = 4 WHERE pos = -1";
    let moved: Vec<(u64, String)> = (2..=5).map(|pos| named(pos, "changed")).collect();
    assert_eq!(edge(swap), moved, "and those that stood behind them");
    assert_eq!(edge("DELETE FROM log WHERE pos = 5"), [named(0, "missing")], "the hub has signed for it");

    let hub = |sql: &str| -> Vec<(u64, String)> {
        let found = touched(&play.hub_tool(), &play.path("hub"), "hub.db", sql);
        found.iter().map(|it| (it["row"].as_u64().unwrap(), it["what"].as_str().unwrap().to_owned())).collect()
    };
    let all =
        |found: &[(u64, &str)]| -> Vec<(u64, String)> { found.iter().map(|(row, what)| named(*row, what)).collect() };
    assert_eq!(hub(""), []);
    // Row 4 goes on behind entries that are gone; the hub has signed all six rows together.
    assert_eq!(hub("DELETE FROM journal WHERE pos = 3"), all(&[(3, "missing"), (4, "missing"), (6, "rewritten")]));
    let last = "DELETE FROM journal WHERE pos = 6";
    assert_eq!(
        hub(last),
        all(&[(6, "missing"), (6, "rewritten"), (6, "missing")]),
        "the row, the signature, the entry"
    );
    let changed = "UPDATE journal SET run = CAST(substr(run, 1, length(run) - 1) || x'ff' AS BLOB) WHERE pos = 4";
    assert_eq!(hub(changed), all(&[(4, "not-signed"), (6, "rewritten")]));
    let swap = "UPDATE journal SET pos = -1 WHERE pos = 3; UPDATE journal SET pos = 3 WHERE pos = 4; \
        UPDATE journal SET pos = 4 WHERE pos = -1";
    assert_eq!(hub(swap), all(&[(3, "missing"), (4, "moved"), (5, "missing"), (6, "rewritten")]));
    // When something was received stands under the hub's signature alone, which says up to where.
    assert_eq!(hub("UPDATE journal SET received = received + 60 WHERE pos = 3"), all(&[(6, "rewritten")]));
}
