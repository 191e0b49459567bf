//! Wall clocks that lie under the real binaries (docs/clocks.md): libfaketime moves the clock of an edge
//! while it runs and between its lives; the hub's clock is right. Business days, marks and refusals are as
//! the version says, and a double purchase across two sites of which one is led astray is a case or is found
//! to be in doubt, never nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use harness::prepared::{all_sent, person, rules_down, scratch, sell, serve_edge, skipped};
use serde_json::{Value, json};
use shared::rules::programme::shipped_text;
use tempfile::TempDir;

const LIB: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const PATIENCE: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400;
const SURE: &str = "5931102274";
const LIES: &str = "3501200000";

/// A hub and two sites that have met; the clock of one of them is a file's.
struct Nation {
    folder: TempDir,
    hub: Tool,
    line: String,
    _serving: Process,
}

impl Nation {
    /// None where the clock cannot be made to lie.
    fn new(programme: &str) -> Option<Self> {
        if !Path::new(LIB).is_file() {
            skipped(format_args!("there is no {LIB} here (Debian package faketime)"));
            return None;
        }
        let folder = scratch().unwrap();
        let line = format!("127.0.0.1:{}", free_udp_port().unwrap());
        let hub = Tool::new("atoll-hub", &folder.path().join("hub")).unwrap();
        hub.run(&["init"]).unwrap();
        hub.run(&["sites", "import"]).unwrap();
        let file = folder.path().join("version.toml");
        std::fs::write(&file, programme).unwrap();
        hub.run(&["programme", "publish", file.to_str().unwrap()]).unwrap();
        let serving = hub
            .start(&["serve", "--listen", &line, "--http", &format!("127.0.0.1:{}", free_tcp_port().unwrap())])
            .unwrap();
        let nation = Self { folder, hub, line, _serving: serving };
        for site in [SURE, LIES] {
            nation.enrol(site);
        }
        Some(nation)
    }

    fn enrol(&self, site: &str) {
        let edge = self.edge(site);
        self.set_clock(site, 0);
        edge.run(&["init", "--site", site]).unwrap();
        let token = until("a token", PATIENCE, || self.hub.json(&["enrol", site]).ok()).unwrap();
        let token = token["token"].as_str().unwrap().to_owned();
        until("the site is enrolled", PATIENCE, || edge.run(&["enrol", "--hub", &self.line, "--token", &token]).ok())
            .unwrap();
        let (process, http) = serve_edge(&edge).unwrap();
        rules_down(&http).unwrap();
        heard(&http);
        process.stop().unwrap();
        edge.run(&["arrive", "--adult", "1000"]).unwrap();
    }

    fn clock(&self, site: &str) -> PathBuf {
        self.folder.path().join(format!("{site}.clock"))
    }

    /// Off true time by so many seconds, from now on; a file is replaced whole.
    fn set_clock(&self, site: &str, off_s: i64) {
        let new = self.folder.path().join("clock.new");
        std::fs::write(&new, format!("{off_s:+}\n")).unwrap();
        std::fs::rename(new, self.clock(site)).unwrap();
    }

    fn edge(&self, site: &str) -> Tool {
        let environment: Vec<(&'static str, OsString)> = vec![
            ("LD_PRELOAD", LIB.into()),
            ("FAKETIME_TIMESTAMP_FILE", self.clock(site).into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ];
        Tool::new("atoll-edge", &self.folder.path().join(site)).unwrap().under(environment)
    }

    /// What the hub says of the person's sales: `over`, `doubtful`, or nothing.
    fn says_of(&self, sales: &[&str]) -> Vec<&'static str> {
        let listed = self.hub.json(&["cases"]).unwrap();
        let cases: Vec<&Value> = listed["cases"].as_array().unwrap().iter().collect();
        let holds = |case: &Value, list: &str| sales.iter().any(|sale| names(case, list).contains(sale));
        let about: Vec<&&Value> = cases.iter().filter(|case| holds(case, "sales")).collect();
        ["over", "doubtful"].into_iter().filter(|kind| about.iter().any(|case| holds(case, kind))).collect()
    }
}

fn names<'a>(case: &'a Value, list: &str) -> Vec<&'a str> {
    case[list].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// The hub was heard since the start.
fn heard(http: &Http) {
    until("the hub's time", PATIENCE, || {
        (http.get("/api/v1/status").ok()?.1["clock"]["beacon_seen"] == json!(true)).then_some(())
    })
    .unwrap();
}

/// kill -9; a process under libfaketime that cannot clean up leaves two files in memory.
fn kill(process: Process) {
    let pid = process.id();
    process.kill().unwrap();
    for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(name));
    }
}

fn cut(edge: &Tool, http: &Http) {
    edge.run(&["line", "cut"]).unwrap();
    until("the line is cut", PATIENCE, || {
        (http.get("/api/v1/status").ok()?.1["line"]["state"] == json!("cut")).then_some(())
    })
    .unwrap();
}

fn buy(http: &Http, number: &str) -> Value {
    let ask = json!({"document": {"kind": "01", "number": number, "birth": "1986-03-15"}, "adult": 1, "by": "test"});
    let (status, answer) = http.post("/api/v1/sell", &ask).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer
}

fn sold(http: &Http, number: &str) -> Value {
    let answer = buy(http, number);
    assert_eq!(answer["verdict"], "sold", "{answer}");
    answer
}

fn name(sale: &Value) -> &str {
    sale["sale"].as_str().unwrap()
}

/// The sale's second, as its site wrote it.
fn second(sale: &Value) -> i64 {
    let at = sale["receipt"]["written"].as_str().unwrap();
    chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp()
}

fn true_second() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn off_s(sale: &Value) -> i64 {
    (second(sale) - true_second()).abs()
}

fn to_1970() -> i64 {
    600 - true_second()
}

fn jumps() -> [(&'static str, i64); 6] {
    [
        ("eight hours ahead", 8 * 3_600),
        ("eight hours behind", -8 * 3_600),
        ("two days behind", -2 * DAY),
        ("400 days ahead", 400 * DAY),
        ("400 days behind", -400 * DAY),
        ("reset to 1970", to_1970()),
    ]
}

/// Far from every midnight nobody knows the day better than the clock; the slack is for a loaded machine.
const SLACK_S: i64 = 60;

#[test]
fn a_clock_that_jumps_while_the_edge_runs_moves_nothing() {
    let Some(nation) = Nation::new(shipped_text("mask-2020-04-19").unwrap()) else { return };
    let edge = nation.edge(LIES);
    let (process, http) = serve_edge(&edge).unwrap();
    heard(&http);
    let mut buyers = (0..).map(person);
    let mut sales = 0;
    for with_line in [true, false] {
        if !with_line {
            nation.set_clock(LIES, 0);
            all_sent(&http).unwrap();
            cut(&edge, &http);
        }
        for (jump, off) in jumps() {
            nation.set_clock(LIES, off);
            let sale = sold(&http, &buyers.next().unwrap());
            assert!(off_s(&sale) < SLACK_S, "{jump}, line {with_line}: {sale}");
            assert_eq!(sale["receipt"]["time_in_doubt"], Value::Null, "{jump}: {sale}");
            sales += 1;
        }
    }
    // The same life, the same window: who bought is refused whatever the clock says.
    let again = buy(&http, &person(0));
    assert_eq!((&again["verdict"], &again["reason"]), (&json!("refused"), &json!("bought")), "{again}");
    process.stop().unwrap();
    let jumps = jumps().len();
    println!("{sales} sales under {jumps} jumps, with the line and without: none off by {SLACK_S} s, none marked");
}

#[test]
fn a_clock_that_jumps_after_a_start_without_a_line_marks_and_hides_no_double_purchase() {
    let Some(nation) = Nation::new(shipped_text("mask-2020-04-19").unwrap()) else { return };
    let (sure, lies) = (nation.edge(SURE), nation.edge(LIES));
    let (sure_process, sure_http) = serve_edge(&sure).unwrap();
    heard(&sure_http);
    let mut said = Vec::new();
    for (number, (jump, off)) in jumps().into_iter().enumerate() {
        for while_it_runs in [true, false] {
            let buyer = person(100 + 2 * number + usize::from(while_it_runs));
            // The two sites cannot hear of each other.
            let (process, http) = serve_edge(&lies).unwrap();
            heard(&http);
            all_sent(&http).unwrap();
            cut(&lies, &http);
            kill(process);
            let first = sold(&sure_http, &buyer);
            all_sent(&sure_http).unwrap();
            if !while_it_runs {
                nation.set_clock(LIES, off);
            }
            let (process, http) = serve_edge(&lies).unwrap();
            if while_it_runs {
                nation.set_clock(LIES, off);
            }
            let second = sold(&http, &buyer);
            assert_ne!(second["receipt"]["time_in_doubt"], Value::Null, "{jump}, running {while_it_runs}: {second}");
            let text = second["message"]["zh-TW"].as_str().unwrap();
            assert!(text.contains("時間未經中心確認"), "{text}");
            let recent = http.get("/api/v1/recent").unwrap().1;
            assert_ne!(recent["recent"][0]["time_in_doubt"], Value::Null, "{recent}");
            // Its own clock is set right before the line is: certificates live by the computer's time.
            nation.set_clock(LIES, 0);
            lies.run(&["line", "heal"]).unwrap();
            heard(&http);
            all_sent(&http).unwrap();
            let kinds = nation.says_of(&[name(&first), name(&second)]);
            assert!(!kinds.is_empty(), "{jump}, running {while_it_runs}: silence about {first} and {second}");
            said.push(format!("{jump}{}: {}", if while_it_runs { "" } else { " at the start" }, kinds.join("+")));
            process.stop().unwrap();
        }
    }
    sure_process.stop().unwrap();
    assert!(said.iter().any(|line| line.contains("doubtful")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("over")), "{said:?}");
    println!("{}", said.join("\n"));
}

#[test]
fn a_version_that_refuses_sells_nothing_until_the_hub_is_heard() {
    let strict = shipped_text("mask-2020-04-19").unwrap();
    let table = "[clock]\ndoubt_s_max = 300\nwhen_doubtful = \"refuse\"\n\n[[notices]]";
    let strict = strict.replacen("[[notices]]", table, 1);
    let Some(nation) = Nation::new(&strict) else { return };
    let lies = nation.edge(LIES);
    let (process, http) = serve_edge(&lies).unwrap();
    heard(&http);
    sold(&http, &person(0));
    all_sent(&http).unwrap();
    cut(&lies, &http);
    kill(process);
    for (number, (jump, off)) in jumps().into_iter().enumerate() {
        nation.set_clock(LIES, 0);
        let (process, http) = serve_edge(&lies).unwrap();
        nation.set_clock(LIES, off);
        let refused = buy(&http, &person(10 + number));
        assert_eq!(
            (&refused["verdict"], &refused["reason"]),
            (&json!("refused"), &json!("clock")),
            "{jump}: {refused}"
        );
        // The command says it as the counter does.
        let number = person(10 + number);
        let said = lies.output(&sell(&number, "by command")).unwrap();
        let words = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!(said.status.code(), Some(1), "{jump}: {words}");
        assert!(words.contains("本機時間無法確認") && words.contains("is not certain"), "{jump}: {words}");
        kill(process);
    }
    nation.set_clock(LIES, 0);
    let (process, http) = serve_edge(&lies).unwrap();
    lies.run(&["line", "heal"]).unwrap();
    heard(&http);
    sold(&http, &person(10));
    process.stop().unwrap();
}

impl Drop for Nation {
    fn drop(&mut self) {
        // Its own log says what the hub thought, where a test has failed.
        if std::thread::panicking()
            && let Ok(log) = std::fs::read_to_string(self.folder.path().join("hub.log"))
        {
            eprintln!("{log}");
        }
    }
}
