//! What lies on the disks: ten thousand people buy, are refused, take back, are typed wrongly and into
//! the wrong fields at real edges with a real hub; both log as much as they can, crash, and start
//! again. Then every file that either has written is searched for every one of them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use harness::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, staff, until};
use harness::prepared::{all_sent, rules_down, scratch};
use harness::rest::{Found, Known, Scanner, Turn, people};
use hub::authority::Authority;
use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use hub::store::Store;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use shared::entry::Fact;
use shared::ids::{ActorId, DocId, Incarnation};
use shared::ledger::chain::Tip;
use shared::ledger::fold;
use shared::ledger::run::Run;
use shared::wire::v1::entry;

const SEED: u64 = 20_200_206;
/// All of them take part everywhere; a short form would prove less.
const PEOPLE: usize = 10_000;
const SITES: [&str; 2] = ["5931102274", "5940180035"];
const CLOCK: &str = "2020-02-06T10:00:00+08:00";
/// What the first site logs all day, and what the second one and the hub log.
const MUCH: &str = "debug,edge=trace,ureq=trace,ureq_proto=trace";
const EVERYTHING: &str = "debug,edge=trace,hub=trace,shared=trace,hyper=trace,axum=trace,tower=trace,rustls=trace";
const PATIENCE: Duration = Duration::from_secs(120);
/// In clear on purpose: who did it, and why (docs/at-rest.md).
const STAFF: &str = "藥師王大明";
const REASON: &str = "誤刷他人的卡";

/// A hub and two sites, and a folder for everything that they say.
struct Town {
    folder: tempfile::TempDir,
    hub_line: String,
    hub: Tool,
    /// A supervisor's.
    token: String,
    edges: Vec<Tool>,
    said: File,
}

/// A process and its HTTP.
struct Running {
    process: Process,
    http: Http,
}

impl Town {
    fn new() -> Self {
        let folder = scratch().unwrap();
        for name in ["tmp", "cores"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let tool = |program: &str, name: &str| {
            let tool = Tool::new(program, &folder.path().join(name)).unwrap();
            let log = if name == SITES[0] { MUCH } else { EVERYTHING };
            tool.with(&["--rehearsal-clock", CLOCK])
                .under(talkative(folder.path(), log))
                .at(&folder.path().join("cores"))
        };
        let said = File::options().create(true).append(true).open(folder.path().join("said")).unwrap();
        let hub_line = format!("127.0.0.1:{}", free_udp_port().unwrap());
        let (hub, edges) = (tool("atoll-hub", "hub"), SITES.map(|site| tool("atoll-edge", site)).to_vec());
        let mut town = Self { folder, hub_line, hub, edges, said, token: String::new() };
        for command in [vec!["init"], vec!["sites", "import"], vec!["programme", "publish", "mask-2020-02-06"]] {
            town.run(&town.hub.clone(), &command);
        }
        town.token = staff(&town.hub, "supervisor").unwrap();
        town
    }

    /// Runs a command that must succeed and keeps what it said, as a terminal's log would.
    fn run(&mut self, tool: &Tool, arguments: &[&str]) -> String {
        let output = self.ask(tool, arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, whatever comes of it.
    fn ask(&mut self, tool: &Tool, arguments: &[&str]) -> Output {
        let output = tool.output(arguments).unwrap();
        self.keep(&output.stdout);
        self.keep(&output.stderr);
        output
    }

    fn keep(&mut self, said: &[u8]) {
        self.said.write_all(said).and_then(|()| self.said.write_all(b"\n")).unwrap();
    }

    /// Keeps an answer; gives it as JSON, where it is.
    fn post(&mut self, http: &Http, path: &str, body: &Value) -> Value {
        let (_, answer) = http.post(path, body).unwrap();
        self.keep(answer.to_string().as_bytes());
        answer
    }

    fn look(&mut self, http: &Http, path: &str) -> String {
        let (_, text) = http.text(path).unwrap();
        self.keep(text.as_bytes());
        text
    }

    fn serve_hub(&self) -> Running {
        let tcp = free_tcp_port().unwrap();
        let running =
            start(&self.hub, &["serve", "--listen", &self.hub_line, "--http", &format!("127.0.0.1:{tcp}")], tcp);
        Running { http: running.http.with_token(self.token.clone()), ..running }
    }

    fn serve_edge(&self, n: usize) -> Running {
        let tcp = free_tcp_port().unwrap();
        start(&self.edges[n], &["serve", "--listen", &format!("127.0.0.1:{tcp}")], tcp)
    }

    /// Sets a site up, serves it, and gives it goods.
    fn open_site(&mut self, n: usize) -> Running {
        let (edge, hub) = (self.edges[n].clone(), self.hub.clone());
        let token: Value = serde_json::from_str(&self.run(&hub, &["--json", "enrol", SITES[n]])).unwrap();
        self.run(&edge, &["init", "--site", SITES[n]]);
        self.run(&edge, &["enrol", "--hub", &self.hub_line.clone(), "--token", token["token"].as_str().unwrap()]);
        let running = self.serve_edge(n);
        rules_down(&running.http).unwrap();
        let arrived = self.post(&running.http, "/api/v1/arrive", &json!({"adult": 1_000_000, "by": STAFF}));
        assert_eq!(arrived["verdict"], "arrived", "{arrived}");
        running
    }
}

fn start(tool: &Tool, arguments: &[&str], tcp: u16) -> Running {
    let process = tool.start(arguments).unwrap();
    let http = Http::new(tcp);
    until("a process answers", PATIENCE, || http.is_ready().then_some(())).unwrap();
    Running { process, http }
}

/// Logged, and what is temporary lies where it is searched.
fn talkative(folder: &Path, log: &str) -> Vec<(&'static str, OsString)> {
    let tmp = || folder.join("tmp").into_os_string();
    vec![
        ("RUST_LOG", log.into()),
        ("ATOLL_LOG", log.into()),
        ("RUST_BACKTRACE", "1".into()),
        ("TMPDIR", tmp()),
        ("SQLITE_TMPDIR", tmp()),
        ("HOME", tmp()),
    ]
}

/// How often each thing happened.
#[derive(Debug, Default)]
struct Tally {
    sold: usize,
    refused: usize,
    withdrawn: usize,
    disputed: usize,
    turned_away: usize,
    other: usize,
}

impl Tally {
    fn count(&mut self, answer: &Value) {
        match answer["verdict"].as_str() {
            Some("sold" | "recorded") => self.sold += 1,
            Some("refused") => self.refused += 1,
            Some("withdrawn") => self.withdrawn += 1,
            Some(_) => self.other += 1,
            None => self.turned_away += 1,
        }
    }
}

/// What a day brings: one deed a person, chosen by their place in the list.
fn day(town: &mut Town, http: &Http, known: &[Known]) -> Tally {
    let mut tally = Tally::default();
    let mut cookie = String::new();
    for (n, person) in known.iter().enumerate() {
        let answer = match n % 30 {
            2 => town.post(http, "/api/v1/check", &json!({"document": document(person)})),
            3 | 8 => {
                let mut ask = sale(n, person);
                ask["at"] = json!("109/02/06 09:30");
                town.post(http, "/api/v1/record", &ask)
            }
            4 | 9 => {
                let mut ask = sale(n, person);
                ask["proxy"] = document(&known[(n + 1) % known.len()]);
                town.post(http, "/api/v1/sell", &ask)
            }
            5 | 11 => misplaced(town, http, n, person),
            10 | 14 => {
                cookie = form(town, http, person, cookie);
                continue;
            }
            _ => town.post(http, "/api/v1/sell", &sale(n, person)),
        };
        tally.count(&answer);
        if n % 40 == 15 && answer["verdict"] == "sold" {
            let withdrawal = json!({"of": answer["sale"], "reason": REASON, "by": STAFF});
            let answer = town.post(http, "/api/v1/withdraw", &withdrawal);
            tally.count(&answer);
        }
        if n % 40 == 16 && answer["verdict"] == "sold" {
            let dispute = json!({"document": document(person), "reason": REASON, "by": STAFF});
            let answer = town.post(http, "/api/v1/disputes", &dispute);
            tally.disputed += usize::from(answer["verdict"] == "disputed");
        }
    }
    tally
}

fn document(person: &Known) -> Value {
    let roc = n_is_even(person)
        .then(|| format!("{}{}", chrono::Datelike::year(&person.birth) - 1911, person.birth.format("/%m/%d")));
    json!({"kind": "01", "number": person.number, "birth": roc.unwrap_or_else(|| person.born())})
}

/// Half of the birth dates are typed as the Republic counts.
fn n_is_even(person: &Known) -> bool {
    person.phone.ends_with(['0', '2', '4', '6', '8'])
}

fn sale(n: usize, person: &Known) -> Value {
    json!({"request": format!("at-rest-{n}"), "document": document(person), "adult": 2, "by": STAFF})
}

/// What belongs into one field, typed into another, or into the address.
fn misplaced(town: &mut Town, http: &Http, n: usize, person: &Known) -> Value {
    let Known { number, name, phone, .. } = person;
    let mut answers = Vec::new();
    for (field, text) in [
        ("by", number.clone()),
        ("by", format!("{STAFF} {phone}")),
        ("request", format!("sale-{number}")),
        ("name", name.clone()),
        ("kind", number.clone()),
        ("programme", number.to_lowercase()),
        (number.as_str(), phone.clone()),
    ] {
        // A wrong number is no number: nobody can tell it from another word.
        if person.turn == Turn::Wrong && matches!(field, "by" | "request") {
            continue;
        }
        let mut ask = sale(n, person);
        ask[field] = json!(text);
        answers.push(town.post(http, "/api/v1/sell", &ask));
    }
    let ask = json!({"adult": 1, "reason": format!("{REASON}，請電{phone}"), "by": STAFF});
    answers.push(town.post(http, "/api/v1/correct", &ask));
    let ask = json!({"document": document(person), "reason": format!("{REASON}，請電{phone}"), "by": STAFF});
    answers.push(town.post(http, "/api/v1/disputes", &ask));
    let ask = json!({"of": number, "reason": name, "by": STAFF});
    answers.push(town.post(http, "/api/v1/withdraw", &ask));
    let ask = json!({"document": document(person), "adult": 2, "at": person.born()});
    answers.push(town.post(http, "/api/v1/record", &ask));
    let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in [
        format!("/api/v1/recent?limit={number}"),
        format!("/{number}/{escaped}"),
        format!("/masks?number={number}&tel={phone}"),
    ] {
        // The page that a person asked for is theirs to see; what the server writes down is searched.
        let _ = http.text(&path).unwrap();
    }
    assert!(answers.iter().all(|answer| answer["verdict"] != "sold"), "{answers:?}");
    answers.pop().unwrap()
}

/// The same through the counter's page; what the page shows again is for the one who typed it.
fn form(town: &mut Town, http: &Http, person: &Known, cookie: String) -> String {
    let (number, born) = (person.number.as_str(), person.born());
    let mut seat = cookie;
    for (path, fields) in [
        ("/masks/entered", vec![]),
        ("/masks/check", vec![("kind", "01"), ("number", number), ("birth", born.as_str())]),
        ("/masks/buy", vec![("adult", "2"), ("by", STAFF)]),
        ("/masks/confirm", vec![]),
        ("/masks/clear", vec![]),
    ] {
        let (status, _, cookie) = http.form(path, &fields, &seat).unwrap_or_else(|cause| panic!("{path}: {cause:#}"));
        assert!(status < 400, "{path}: {status}");
        seat = cookie;
    }
    town.look(http, "/recent");
    seat
}

#[test]
fn nobody_is_found_in_what_edge_and_hub_have_written() {
    let known = people(SEED, PEOPLE);
    let scanner = Scanner::new(&known);
    let mut town = Town::new();
    let cores = allow_core_dumps(&town.folder.path().join("cores"));
    let began = Instant::now();
    let hub = town.serve_hub();
    let (first, second) = (town.open_site(0), town.open_site(1));

    // The second site sells to some of the same people while its line is cut: cases.
    let edge = town.edges[1].clone();
    town.run(&edge, &["line", "cut"]);
    let tally = day(&mut town, &first.http, &known);
    let again = day(&mut town, &second.http, &known[..300]);
    println!("{PEOPLE} people in {:.1?}: {tally:?}; elsewhere {again:?}", began.elapsed());
    assert!(tally.sold > PEOPLE * 2 / 5 && tally.refused > PEOPLE / 5 && tally.withdrawn > 50, "{tally:?}");
    assert!(tally.disputed > 20, "{tally:?}");
    let written = first.http.get("/api/v1/status").unwrap().1["ledger"]["entries"].as_u64().unwrap() as usize;
    // Beside the arrival: everything else was sold by the counter's page.
    let by_page = written - 1 - tally.sold - tally.withdrawn - tally.disputed;
    println!("{by_page} sales by the counter's page");
    assert!(by_page > PEOPLE / 60, "{by_page} of {written} entries");
    clean(&scanner, town.folder.path(), "while they run");
    town.run(&edge, &["line", "heal"]);
    for running in [&first, &second] {
        all_sent(&running.http).unwrap();
    }

    pages(&mut town, &hub.http, &first.http, &known);
    commands(&mut town, &known);
    crash(hub, "the hub");
    crash(first, "an edge");
    second.process.kill().unwrap();
    let fallen = list(&town.folder.path().join("cores"));
    assert!(fallen.is_empty(), "core dumps: {fallen:?}");
    println!("core dumps of this machine {}", if cores { "fall; none of ours did" } else { "go elsewhere" });
    clean(&scanner, town.folder.path(), "after the crash");

    aside(&town.folder.path().join("hub"));
    town.run(&town.hub.clone(), &["rebuild"]);
    let (hub, first) = (town.serve_hub(), town.serve_edge(0));
    assert!(town.look(&hub.http, "/metrics").contains("atoll"), "metrics");
    assert!(hub.process.stop().unwrap().success() && first.process.stop().unwrap().success());
    let looked = clean(&scanner, town.folder.path(), "at the end");
    println!("searched {} files, {:.1} MB, for {} patterns", looked.0, looked.1, scanner.patterns());

    in_clear_on_purpose(town.folder.path());
    planted(&scanner, town.folder.path());
}

/// Everything that shows lists to an authorised person shows masked numbers.
fn pages(town: &mut Town, hub: &Http, edge: &Http, known: &[Known]) {
    for path in "/ /masks /stock /recent /metrics /disputes".split(' ') {
        town.look(edge, path);
    }
    for path in "recent?limit=500 stock status disputes".split(' ') {
        town.look(edge, &format!("/api/v1/{path}"));
    }
    let export = town.look(edge, "/api/v1/export");
    assert!(export.lines().count() > PEOPLE * 2 / 5, "the export has every entry");
    for path in ["/", "/cases", "/sites", "/requests", "/operators", "/audit", "/metrics"] {
        assert!(!town.look(hub, path).contains("sign-in"), "{path}: signed in");
    }
    for path in ["status", "sites", "programmes", "clocks", "identity-requests", "operators", "audit"] {
        assert!(!town.look(hub, &format!("/api/v1/{path}")).contains("\"error\""), "{path}");
    }
    let cases: Value = serde_json::from_str(&town.look(hub, "/api/v1/cases")).unwrap();
    let cases = cases["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "somebody bought twice");
    for case in cases.iter().take(50) {
        let id = case["id"].as_str().unwrap();
        town.look(hub, &format!("/cases/{id}"));
        town.look(hub, &format!("/api/v1/cases/{id}"));
    }
    let disputes: Value = serde_json::from_str(&town.look(hub, "/api/v1/disputes")).unwrap();
    let disputes = disputes["disputes"].as_array().unwrap().clone();
    assert!(!disputes.is_empty(), "somebody disputed a refusal");
    for dispute in disputes.iter().take(20) {
        let id = dispute["id"].as_str().unwrap();
        let decide = ["decide", id, "--grant", "--words", REASON, "--by", STAFF];
        let tool = town.hub.clone();
        town.run(&tool, &decide);
        town.look(hub, &format!("/disputes/{id}"));
        town.look(hub, &format!("/api/v1/disputes/{id}"));
    }
    for person in known.iter().take(50) {
        let number = &person.number;
        for path in [format!("/cases/{number}"), format!("/cases?find={number}"), format!("/{number}")] {
            let _ = hub.text(&path).unwrap();
        }
    }
}

/// The command line: what it prints and logs.
fn commands(town: &mut Town, known: &[Known]) {
    let (edge, hub) = (town.edges[0].clone(), town.hub.clone());
    for person in known.iter().take(6) {
        let (number, birth) = (person.number.as_str(), person.born());
        town.ask(&edge, &["sell", "--number", number, "--birth", &birth, "--adult", "2", "--as", STAFF]);
        town.ask(&edge, &["--json", "check", "--number", number, "--birth", &birth]);
        town.ask(&edge, &["withdraw", number, "--reason", REASON]);
    }
    for arguments in [["recent", "--limit", "500"].as_slice(), &["export"], &["status"]] {
        town.run(&edge, arguments);
    }
    let audit = town.run(&hub, &["audit", "export"]);
    assert!(audit.contains("\"deed\":\"case\"") && audit.contains("\"deed\":\"grant\""));
    let cases = town.run(&hub, &["cases", "--all"]);
    let case = cases.split_whitespace().next().unwrap().to_owned();
    for arguments in [["case", &case], ["case", known[0].number.as_str()]] {
        // The second is told what it asked; nobody writes that down.
        let output = hub.output(arguments.as_slice()).unwrap();
        if arguments[1] == case {
            town.keep(&output.stdout);
        }
    }
}

fn crash(running: Running, what: &str) {
    let ended = running.process.abort().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
    assert_eq!(signal, Some(6), "{what} did not crash: {ended}");
    assert!(!std::os::unix::process::ExitStatusExt::core_dumped(&ended), "{what} dumped its memory");
}

/// Lets this process's children dump their memory; whether a crash here leaves a file at all.
fn allow_core_dumps(folder: &Path) -> bool {
    let most = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: most, maximum: most }).unwrap();
    let ended = Command::new("sh").args(["-c", "kill -ABRT $$"]).current_dir(folder).status().unwrap();
    let fallen = list(folder);
    fallen.iter().for_each(|path| fs::remove_file(path).unwrap());
    // Where the system takes them through a pipe, only the exit status says that there was one.
    !fallen.is_empty() || std::os::unix::process::ExitStatusExt::core_dumped(&ended)
}

fn list(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A run that no honest edge sends: another site's sale under this one's name, kept aside.
fn aside(data: &Path) {
    let authority = Authority::open(data).unwrap();
    let mut hub =
        Hub::open(Store::open(&data.join("hub.db")).unwrap(), authority.master(), Box::new(|| [7; 16])).unwrap();
    let doc = |site: &str| -> DocId { format!("site/{site}/2020-02-06").parse().unwrap() };
    let held = fold::entries(&hub.document(&doc(SITES[0])).unwrap()).unwrap();
    let sale = held.iter().find(|(_, bytes)| matches!(entry::decode(bytes).unwrap().fact, Fact::Sale(_))).unwrap();
    let mut tip = Tip::start(doc(SITES[1]), ActorId([9; 16]), 0, Vec::new());
    let start = tip.next.clone();
    let last = tip.append(sale.1).unwrap().hash;
    let run =
        Run { doc: doc(SITES[1]), start, entries: vec![sale.1.clone()], joints: Vec::new(), last, signature: None };
    let upload = Upload { site: SITES[1].parse().unwrap(), incarnation: Incarnation([9; 16]), run };
    let outcomes = hub.ingest(&[upload], 1_580_954_400).unwrap();
    assert!(matches!(outcomes.as_slice(), [Outcome::Quarantined { .. }]), "{outcomes:?}");
}

/// Searches everything; what was searched, in files and MB.
fn clean(scanner: &Scanner, folder: &Path, when: &str) -> (usize, f64) {
    let looked = scanner.scan_folder(folder).unwrap();
    let shown: Vec<&Found> = looked.found.iter().take(20).collect();
    assert!(shown.is_empty(), "{when}: {} found, among them {shown:#?}", looked.found.len());
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = looked.bytes as f64 / 1e6;
    (looked.files, megabytes)
}

/// Who did it and why is kept as it was typed, in the ledgers and nowhere else.
fn in_clear_on_purpose(folder: &Path) {
    let holds = |name: &str, text: &str| {
        let bytes = fs::read(folder.join(name)).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    for text in [STAFF, REASON] {
        assert!(holds("5931102274/ledger.db", text) && holds("hub/hub.db", text), "{text}");
        assert!(!holds("5931102274.log", text) && !holds("hub.log", text), "{text} in a log");
    }
}

/// The search finds what is there: every form, in the middle of files that were just found clean.
fn planted(scanner: &Scanner, folder: &Path) {
    for file in ["5931102274/ledger.db", "hub/hub.db", "5931102274.log", "hub.log"] {
        let path = folder.join(file);
        let clean = fs::read(&path).unwrap();
        for (form, sample) in scanner.samples() {
            let mut bytes = clean.clone();
            let at = bytes.len() / 2;
            let planted = [b"\n".as_slice(), sample, b"\n"].concat();
            bytes.splice(at..at + planted.len(), planted);
            let around = &bytes[at.saturating_sub(4096)..(at + 4096).min(bytes.len())];
            let found = scanner.scan(file, around);
            assert!(found.iter().any(|found| found.form == form), "{form} was planted in {file} and not found");
        }
    }
    let (_, number) = scanner.samples()[0];
    let path = folder.join("hub.log");
    File::options().append(true).open(&path).unwrap().write_all(number).unwrap();
    let found = scanner.scan_folder(folder).unwrap().found;
    assert!(found.iter().any(|found| found.place == path.display().to_string()), "{found:?}");
}
