//! kill -9 of edge and hub at random moments under load, twenty times: every answered sale is in the
//! hub in the end, exactly once. (The exhaustive sweep over system calls is a work of its own.)

#![expect(clippy::expect_used, reason = "a test that cannot go on should stop here")]

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset, TimeDelta};
use harness::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use harness::scenario::even_numbers;
use hub::authority::Authority;
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::store::Store;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use shared::entry::Fact;
use shared::ids::EntryId;
use shared::ledger::fold;
use shared::wire::v1::entry;

const KILLS: u32 = 20;
const SEED: u64 = 20_200_206;
const SITES: [&str; 2] = ["5931102274", "5940180035"];
const PATIENCE: Duration = Duration::from_secs(60);

/// The first Thursday, running on with the real clock.
struct Rehearsal {
    began: Instant,
    base: DateTime<FixedOffset>,
}

impl Rehearsal {
    fn new() -> Self {
        let base = DateTime::parse_from_rfc3339("2020-02-06T09:00:00+08:00").unwrap();
        Self { began: Instant::now(), base }
    }

    fn now(&self) -> String {
        (self.base + TimeDelta::from_std(self.began.elapsed()).unwrap()).to_rfc3339()
    }

    fn tool(&self, name: &str, data: &Path) -> Tool {
        Tool::new(name, data).unwrap().with(&["--rehearsal-clock", &self.now()])
    }
}

/// One process that is killed and started again.
struct Victim {
    name: &'static str,
    data: std::path::PathBuf,
    arguments: Vec<String>,
    http: Http,
    running: Option<Process>,
}

impl Victim {
    fn start(&mut self, clock: &Rehearsal) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.running = Some(clock.tool(self.name, &self.data).start(&arguments).unwrap());
        until("the process answers", PATIENCE, || self.http.is_ready().then_some(())).unwrap();
    }

    fn kill(&mut self) {
        self.running.take().unwrap().kill().unwrap();
    }
}

#[test]
fn twenty_kills_under_load_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Rehearsal::new();
    let mut victims = build(folder.path(), &clock);
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let sellers: Vec<JoinHandle<HashMap<String, String>>> = (0..SITES.len())
        .map(|n| {
            let http = victims[n + 1].http.clone();
            thread::spawn(move || sell_until(stop, n, &http))
        })
        .collect();

    let mut dice = SmallRng::seed_from_u64(SEED);
    for _ in 0..KILLS {
        thread::sleep(Duration::from_millis(dice.random_range(50..700)));
        let victim = dice.random_range(0..victims.len());
        victims[victim].kill();
        thread::sleep(Duration::from_millis(dice.random_range(0..200)));
        victims[victim].start(&clock);
    }
    stop.store(true, Ordering::Relaxed);
    let answered: Vec<HashMap<String, String>> = sellers.into_iter().map(|seller| seller.join().unwrap()).collect();

    for (n, victim) in victims.iter().skip(1).enumerate() {
        until("everything is acknowledged", PATIENCE, || {
            let status = victim.http.get("/api/v1/status").ok()?.1;
            (status["ledger"]["unsent"] == json!(0)).then_some(())
        })
        .unwrap_or_else(|cause| panic!("site {n}: {cause}: {:?}", victim.http.get("/api/v1/status")));
    }
    victims.iter_mut().for_each(Victim::kill);
    let sold: usize = answered.iter().map(HashMap::len).sum();
    assert!(sold > 200, "the load was too small to mean anything: {sold} sales");
    judge(folder.path(), &answered);
    println!("{KILLS} kills (SEED={SEED}), {sold} sales answered, each in the hub exactly once");
}

/// A hub and two sites, set up as the README says.
fn build(folder: &Path, clock: &Rehearsal) -> Vec<Victim> {
    let hub_data = folder.join("hub");
    let hub = clock.tool("atoll-hub", &hub_data);
    hub.run(&["init"]).unwrap();
    hub.run(&["sites", "import"]).unwrap();
    hub.run(&["programme", "publish", "mask-2020-02-06"]).unwrap();
    let (udp, tcp) = (format!("127.0.0.1:{}", free_udp_port().unwrap()), free_tcp_port().unwrap());
    let serve = ["serve", "--listen", &udp, "--http", &format!("127.0.0.1:{tcp}")].map(str::to_owned);
    let mut victims = vec![Victim {
        name: "atoll-hub",
        data: hub_data,
        arguments: serve.to_vec(),
        http: Http::new(tcp),
        running: None,
    }];
    victims[0].start(clock);
    for site in SITES {
        let data = folder.join(site);
        let token = hub.json(&["enrol", site]).unwrap();
        let edge = clock.tool("atoll-edge", &data);
        edge.run(&["init", "--site", site]).unwrap();
        edge.run(&["enrol", "--hub", &udp, "--token", token["token"].as_str().unwrap()]).unwrap();
        let tcp = free_tcp_port().unwrap();
        let serve = ["serve", "--listen", &format!("127.0.0.1:{tcp}")].map(str::to_owned);
        let mut victim =
            Victim { name: "atoll-edge", data, arguments: serve.to_vec(), http: Http::new(tcp), running: None };
        victim.start(clock);
        until("the rules come down", PATIENCE, || {
            let versions = victim.http.get("/api/v1/versions").ok()?.1;
            (!versions["versions"].as_array()?.is_empty()).then_some(())
        })
        .unwrap();
        let arrival = json!({"adult": 1_000_000, "by": "test"});
        assert_eq!(victim.http.post("/api/v1/arrive", &arrival).unwrap().0, 200);
        victims.push(victim);
    }
    victims
}

/// Sells to one person after the other; a question that got no answer is asked again with the same
/// key. Gives what was answered: key → entry.
fn sell_until(stop: &AtomicBool, seller: usize, http: &Http) -> HashMap<String, String> {
    let mut answered = HashMap::new();
    for (n, number) in even_numbers().skip(seller * 1_000_000).enumerate() {
        let key = format!("{seller}-{n}");
        let ask = json!({
            "request": key, "document": {"kind": "01", "number": number, "birth": "1986-03-15"},
            "adult": 2, "by": "test",
        });
        let asked = Instant::now();
        let answer = loop {
            match http.post("/api/v1/sell", &ask) {
                Ok((200, answer)) => break answer,
                Ok((status, answer)) => panic!("{status}: {answer}"),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
            assert!(asked.elapsed() < PATIENCE, "no answer for {PATIENCE:?}");
        };
        assert_eq!(answer["verdict"], "sold", "{answer}");
        answered.insert(key, answer["sale"].as_str().expect("a sale has an id").to_owned());
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    answered
}

/// The hub's ledgers hold exactly the answered sales.
fn judge(folder: &Path, answered: &[HashMap<String, String>]) {
    let authority = Authority::open(&folder.join("hub")).unwrap();
    let store = Store::open(&folder.join("hub").join("hub.db")).unwrap();
    let hub = Hub::open(store, authority.master(), Box::new(|| [7; 16])).unwrap();
    for (site, answered) in SITES.iter().zip(answered) {
        let doc = format!("site/{site}/2020-02-06").parse().unwrap();
        let held = fold::entries(&hub.document(&doc).unwrap()).unwrap();
        let is_sale = |bytes: &[u8]| matches!(entry::decode(bytes).unwrap().fact, Fact::Sale(_));
        let sales: BTreeSet<EntryId> = held.iter().filter(|(_, bytes)| is_sale(bytes)).map(|(id, _)| *id).collect();
        let wanted: BTreeSet<EntryId> = answered.values().map(|id| id.parse().unwrap()).collect();
        assert_eq!(wanted.len(), answered.len(), "two questions, two sales");
        assert_eq!(sales, wanted, "site {site}");
    }
    assert_eq!(hub.cases(&CaseFilter::default()).unwrap(), [], "nobody bought twice");
}
