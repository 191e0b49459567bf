//! A line of 64 kbit/s, shaped in a network namespace of its own: the computer of a site is dead, a new one enrols and
//! must sell within ten minutes, with the site's own ledger, its shelf, and what the nation bought.

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
const SUNDAY: &str = "2020-02-09T10:00:00+08:00";
const TEN_MINUTES: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(60);
/// Of the line at least this part is used while the ledger comes down.
const BUSY_AT_LEAST: f64 = 0.5;
/// What comes down beside the people.
const OTHERWISE_BYTES: u64 = 16 * 1024;
/// So many refusals are confirmed and timed.
const CONFIRMED: usize = 21;

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

#[test]
fn after_three_days_offline_its_own_sales_go_first_then_today_then_all_of_the_window() {
    let line = match SlowLine::new() {
        Ok(line) => line,
        Err(cause) => return skipped(format_args!("no network namespace here ({cause:#})")),
    };
    let (own, others) = if is_long() { (1_500, 10_000) } else { (150, 500) };
    let people: Vec<String> = even_numbers().take(own + 4 * others + 1).collect();
    let (mine, theirs) = people.split_at(own);
    let folder = tempfile::tempdir().unwrap();
    let mut town = Town::new(folder.path(), &line);
    let hub = town.serve_hub();
    drop(town.computer("away", SITE));
    hub.kill().unwrap();
    // Three days without a line; on the third all may buy.
    town.clock = SUNDAY;
    let edge = town.tool("atoll-edge", "away");
    let (offline, http) = serve_edge(&edge).unwrap();
    http.post("/api/v1/arrive", &json!({ "adult": ARRIVED, "by": "test" })).unwrap();
    for person in mine {
        assert_eq!(verdict(&http, person)["verdict"], "sold");
    }
    offline.kill().unwrap();
    // Meanwhile the nation bought, on each of these days.
    let hub = town.serve_hub();
    let (busy, far) = town.computer("busy", OTHER);
    far.post("/api/v1/arrive", &json!({ "adult": ARRIVED, "by": "test" })).unwrap();
    let bought = |day: usize| &theirs[day * others..(day + 1) * others];
    for (day, at) in ["2020-02-06 10:00", "2020-02-07 10:00", "2020-02-08 10:00"].into_iter().enumerate() {
        bought(day).iter().for_each(|person| record(&far, person, at));
    }
    for person in bought(3) {
        assert_eq!(verdict(&far, person)["verdict"], "sold");
    }
    all_sent(&far).unwrap();
    busy.kill().unwrap();
    // A manifest a second: it names all of it now.
    std::thread::sleep(Duration::from_secs(3));

    line.slow(KBIT).unwrap();
    let (down_before, _) = line.bytes().unwrap();
    let began = Instant::now();
    let (_running, http) = serve_edge(&edge).unwrap();
    let seen = |what, is: &dyn Fn() -> bool| {
        until(what, TEN_MINUTES, || is().then_some(())).unwrap();
        began.elapsed().as_secs_f64()
    };
    let status = || http.get("/api/v1/status").map(|(_, status)| status).unwrap_or_default();
    let own_s = seen("its own sales are with the hub", &|| status()["ledger"]["unsent"] == json!(0));
    let today_s = seen("today is known", &|| knows(&http, &bought(3)[others - 1]));
    let all_s = seen("all of the window is known", &|| {
        let nation = &status()["nation"];
        nation["days_behind"] == json!(0) && nation["known"]["step"] == "connected"
    });
    let down = line.bytes().unwrap().0 - down_before;
    println!(
        "over {KBIT} kbit/s after three days: {own} own sales with the hub after {own_s:.1} s, today known after \
         {today_s:.1} s, all of the window ({} people) after {all_s:.1} s; {down} bytes down",
        4 * others
    );
    for day in 0..4 {
        for person in [&bought(day)[0], &bought(day)[others - 1]] {
            assert!(knows(&http, person), "{person} of day {day}");
        }
    }
    assert!(!knows(&http, people.last().unwrap()));
    // What the list says against somebody is confirmed at the hub; where that takes longer than a second, or the hub is
    // dead, the list decides.
    let mut seconds = Vec::new();
    for person in &bought(2)[..CONFIRMED] {
        let began = Instant::now();
        match evidence(&http, person).as_str() {
            "hub" => seconds.push(began.elapsed().as_secs_f64()),
            other => assert_eq!(other, "digest"),
        }
    }
    seconds.sort_unstable_by(f64::total_cmp);
    println!("the hub confirms {} of {CONFIRMED} refusals over this line: {seconds:.3?} s", seconds.len());
    assert!(seconds.len() > CONFIRMED / 2);
    hub.kill().unwrap();
    assert_eq!(evidence(&http, &bought(2)[0]), "digest");
    // In digests, which are a quarter of what the feed would have been; beside them the handshake, the rules, the cases.
    assert!(down < OTHERWISE_BYTES + 4 * others as u64 * 13, "{down} bytes for {} people", 4 * others);
}

/// A sale that is written down on a later day.
fn record(http: &Http, person: &str, at: &str) {
    let ask = json!({ "document": document(person), "adult": 2, "child": 0, "by": "test", "at": at });
    let (status, answer) = http.post("/api/v1/record", &ask).unwrap();
    assert!(status == 200 && answer["verdict"] == "recorded", "{status} {answer}");
}

/// A hub behind the line and the computers before it.
struct Town<'a> {
    folder: &'a Path,
    line: &'a SlowLine,
    quic: String,
    clock: &'static str,
}

impl<'a> Town<'a> {
    fn new(folder: &'a Path, line: &'a SlowLine) -> Self {
        let town = Self { folder, line, quic: format!("{}:{}", line.far(), free_udp_port().unwrap()), clock: MORNING };
        let hub = town.tool("atoll-hub", "hub");
        hub.run(&["init", "--name", &line.far().to_string()]).unwrap();
        hub.run(&["sites", "import"]).unwrap();
        hub.run(&["programme", "publish", "mask-2020-02-06"]).unwrap();
        town
    }

    fn tool(&self, name: &str, folder: &str) -> Tool {
        prepared::tool(name, &self.folder.join(folder), self.clock).unwrap()
    }

    fn serve_hub(&self) -> Process {
        let hub = self.tool("atoll-hub", "hub").through(&self.line.launcher());
        let hub = hub
            .start(&[
                "serve",
                "--listen",
                &self.quic,
                "--http",
                "127.0.0.1:8000",
                "--digests-every",
                "1",
                "--digests-ahead",
                "200",
            ])
            .unwrap();
        let log = self.folder.join("hub.log");
        let starts = std::fs::read_to_string(&log).unwrap_or_default().matches("atoll-hub is ready").count();
        let ready = || {
            let said = std::fs::read_to_string(&log).ok()?;
            (said.matches("atoll-hub is ready").count() > starts).then_some(())
        };
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

/// Whence this counter knows that a person has bought.
fn evidence(http: &Http, person: &str) -> String {
    let found = http.post("/api/v1/check", &json!({ "document": document(person) })).unwrap().1;
    found["evidence"][0]["kind"].as_str().unwrap_or_default().to_owned()
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
