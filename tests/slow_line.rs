//! A line of 64 kbit/s, shaped in a network namespace of its own: the computer of a site is dead, a new one enrols and
//! must sell within ten minutes, with the site's own ledger, its shelf, and what the nation bought.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::path::Path;
use std::time::{Duration, Instant};

use harness::fleet::{Http, Process, Tool, free_udp_port, until};
use harness::prepared::{self, MORNING, SITE, all_sent, rules_down, serve_edge, skipped};
use harness::scenario::even_numbers;
use harness::slow::SlowLine;
use harness::sweep::is_long;
use serde_json::{Value, json};

const OTHER: &str = "0145080011";
const ARRIVED: u64 = 40_000;
const KBIT: u32 = 64;
const TEN_MINUTES: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(60);
/// Of the line at least this part is used while the ledger comes down.
const BUSY_AT_LEAST: f64 = 0.5;

/// Sales of the site, and of the nation beside it: a day of a busy pharmacy, or two weeks of it.
fn sales() -> (usize, usize) {
    if is_long() { (2_800, 10_000) } else { (400, 800) }
}

#[test]
fn a_new_computer_in_place_of_a_dead_one_sells_within_ten_minutes_over_64_kbit() {
    let line = match SlowLine::new() {
        Ok(line) => line,
        Err(cause) => return skipped(format_args!("no network namespace here ({cause:#})")),
    };
    let (own, others) = sales();
    let people: Vec<String> = even_numbers().take(own + others + 2).collect();
    let folder = tempfile::tempdir().unwrap();
    let town = Town::new(folder.path(), &line);
    let _hub = town.serve_hub();
    std::thread::scope(|scope| {
        scope.spawn(|| town.sells("dead", SITE, &people[..own]));
        scope.spawn(|| town.sells("other", OTHER, &people[own..own + others]));
    });

    line.slow(KBIT).unwrap();
    let (down_before, _) = line.bytes().unwrap();
    let began = Instant::now();
    let (_running, http) = town.computer("new", SITE);
    // Its shelf is empty until the arrival has come back.
    let sold = || (verdict(&http, &people[own + others])["verdict"] == "sold").then_some(());
    until("the first sale", TEN_MINUTES, sold).unwrap();
    let first_s = began.elapsed().as_secs_f64();
    // The first arrival, the sales of the dead one, and this one.
    let whole = || (http.get("/api/v1/status").ok()?.1["ledger"]["entries"] == own + 2).then_some(());
    until("the ledger has come back", TEN_MINUTES, whole).unwrap();
    let whole_s = began.elapsed().as_secs_f64();
    let known = || knows(&http, &people[own + others - 1]).then_some(());
    until("the nation's people have come", TEN_MINUTES, known).unwrap();
    let all_s = began.elapsed().as_secs_f64();
    let down = line.bytes().unwrap().0 - down_before;
    let busy = down as f64 * 8.0 / (f64::from(KBIT) * 1e3) / all_s;
    println!(
        "over {KBIT} kbit/s: sold {first_s:.1} s after `init`, {own} own sales back after {whole_s:.1} s, {others} of the \
         nation known after {all_s:.1} s; {down} bytes down, {:.0} % of the line",
        busy * 100.0
    );
    for person in [&people[0], &people[own - 1], &people[own]] {
        assert!(knows(&http, person), "{person}");
    }
    let shelf = &http.get("/api/v1/status").unwrap().1["stock"][0]["stock"];
    assert_eq!(shelf["adult"].as_u64(), Some(ARRIVED - 2 * (own as u64 + 1)));
    assert!(busy > BUSY_AT_LEAST, "the line was used to {busy:.2}");
}

/// A hub behind the line and the computers before it.
struct Town<'a> {
    folder: &'a Path,
    line: &'a SlowLine,
    quic: String,
}

impl<'a> Town<'a> {
    fn new(folder: &'a Path, line: &'a SlowLine) -> Self {
        let town = Self { folder, line, quic: format!("{}:{}", line.far(), free_udp_port().unwrap()) };
        let hub = town.tool("atoll-hub", "hub");
        hub.run(&["init", "--name", &line.far().to_string()]).unwrap();
        hub.run(&["sites", "import"]).unwrap();
        hub.run(&["programme", "publish", "mask-2020-02-06"]).unwrap();
        town
    }

    fn tool(&self, name: &str, folder: &str) -> Tool {
        prepared::tool(name, &self.folder.join(folder), MORNING).unwrap()
    }

    fn serve_hub(&self) -> Process {
        let hub = self.tool("atoll-hub", "hub").through(&self.line.launcher());
        let hub = hub.start(&["serve", "--listen", &self.quic, "--http", "127.0.0.1:8000"]).unwrap();
        let log = self.folder.join("hub.log");
        let ready = || std::fs::read_to_string(&log).ok()?.contains("atoll-hub is ready").then_some(());
        until("the hub is ready", PATIENCE, ready).unwrap();
        hub
    }

    /// A new computer that enrols for a site and has the rules.
    fn computer(&self, name: &str, site: &str) -> (Process, Http) {
        let token = self.tool("atoll-hub", "hub").json(&["enrol", site]).unwrap();
        let edge = self.tool("atoll-edge", name);
        edge.run(&["init", "--site", site]).unwrap();
        edge.run(&["enrol", "--hub", &self.quic, "--token", token["token"].as_str().unwrap()]).unwrap();
        let (running, http) = serve_edge(&edge).unwrap();
        rules_down(&http).unwrap();
        (running, http)
    }

    /// A computer that sells to all of these, tells the hub, and dies.
    fn sells(&self, name: &str, site: &str, people: &[String]) {
        let (running, http) = self.computer(name, site);
        let arrived = http.post("/api/v1/arrive", &json!({ "adult": ARRIVED, "by": "test" })).unwrap().1;
        assert_eq!(arrived["verdict"], "arrived", "{arrived}");
        for person in people {
            let answer = verdict(&http, person);
            assert_eq!(answer["verdict"], "sold", "{answer}");
        }
        all_sent(&http).unwrap();
        running.kill().unwrap();
    }
}

fn verdict(http: &Http, person: &str) -> Value {
    let ask = json!({ "document": document(person), "adult": 2, "child": 0, "by": "test" });
    http.post("/api/v1/sell", &ask).unwrap().1
}

/// Whether this counter knows that a person has bought; nothing is sold.
fn knows(http: &Http, person: &str) -> bool {
    let (status, found) = http.post("/api/v1/check", &json!({ "document": document(person) })).unwrap();
    assert!(status < 500 && found["verdict"].is_string(), "{status} {found}");
    found["reason"] == "bought"
}

fn document(person: &str) -> Value {
    json!({ "kind": "01", "number": person, "birth": "1986-03-15" })
}
