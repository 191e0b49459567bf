//! The hub in 512 MiB of memory, besieged (T7-T9, S11): the real binary in a control group, 2,000 hostile lines that it
//! has let in and that are held, every kind of bomb in every round, and honest sites that sell and sign as edges of
//! this version do.
//!
//! The hub is never restarted and the kernel kills nobody; an honest acknowledgement under the siege takes at most
//! twice its quiet time, in the median and at the 99th percentile of all rounds together. The quiet time is that of a
//! twin on the same machine, a hub which nobody besieges and which has no other lines, measured between the rounds
//! while the attackers stand still: so both see the same machine. Where no control group can be had it says SKIPPED,
//! and nothing is counted.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::cgroup::MemoryGroup;
use harness::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, processor_time, staff, until};
use harness::prepared::skipped;
use harness::scenario::even_numbers;
use harness::siege::bombs::KINDS;
use harness::siege::honest::Seller;
use harness::siege::hostile::{Count, bombers, holders};
use harness::siege::{Papers, prepare};
use harness::sweep::is_long;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const LIMIT_BYTES: u64 = 512 << 20;
const LINES: usize = 2_000;
const HONEST: usize = 4;
const ROUNDS: usize = 8;
const ROUNDS_LONG: usize = 24;
/// Sales of each honest site in each half of a round, at least.
const SALES: usize = 60;
/// Of the medians and of the 99th percentiles: what is promised.
const RATIO_MAX: f64 = 2.0;
const PATIENCE: Duration = Duration::from_secs(60);
/// All lines are held within this, which is far longer than the hub's own pace of 50 a second.
const RAMP: Duration = Duration::from_secs(300);
/// After they stood still.
const AWAKE: Duration = Duration::from_secs(2);
const CLOCK: &str = "2020-02-06T09:00:00+08:00";

fn rounds() -> usize {
    if is_long() { ROUNDS_LONG } else { ROUNDS }
}

#[test]
fn a_besieged_hub_in_512_mib_is_never_restarted_and_serves_honest_sites() {
    let group = match MemoryGroup::new("hub", LIMIT_BYTES) {
        Ok(group) => group,
        Err(cause) => return skipped(format_args!("no memory-limited control group here ({cause:#})")),
    };
    let (folder, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let papers = prepare(folder.path(), HONEST + holders(LINES) + bombers()).unwrap();
    let (honest, hostile) = papers.split_at(HONEST);
    let of_twin = prepare(beside.path(), HONEST).unwrap();
    let mut fort = Fort::start(folder.path(), Some(&group));
    let twin = Fort::start(beside.path(), None);
    let mut numbers = even_numbers();
    let mut town = Town::open(fort.line, honest);
    let mut quiet_town = Town::open(twin.line, &of_twin);

    let before = Latency::of(&mut town.sell(&mut numbers));
    let before_twin = Latency::of(&mut quiet_town.sell(&mut numbers));
    println!("before, nobody besieges: {before}; the twin: {before_twin}");
    let siege = Siege::start(fort.line, folder.path(), hostile);
    until("the lines are held", RAMP, || (fort.lines() >= LINES + HONEST && siege.count().thrown() > 0).then_some(()))
        .unwrap();
    let held_mib = group.in_use().unwrap() >> 20;

    let (mut quiet, mut besieged) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS_LONG {
        // A machine that was busy with something else for a while gets more rounds; all of them count.
        if round >= rounds() && ratio(&besieged, &quiet) <= RATIO_MAX {
            break;
        }
        siege.process.freeze().unwrap();
        let mut still = quiet_town.sell(&mut numbers);
        siege.process.thaw().unwrap();
        // No siege begins with what its attackers slept through.
        std::thread::sleep(AWAKE);
        let (begun, worked) = (siege.count(), processor_time(fort.pid).unwrap());
        let mut under = town.sell(&mut numbers);
        let lines = fort.lines();
        assert!(lines >= LINES + HONEST, "round {round}: only {lines} lines are held");
        // Few sales are no round: it goes on until every kind of bomb has come.
        while !siege.count().has_every_kind_since(&begun) {
            under.extend(town.sell(&mut numbers));
        }
        let (count, worked) = (siege.count(), processor_time(fort.pid).unwrap() - worked);
        fort.is_whole(&group);
        println!(
            "round {round}: quiet {}, besieged {}; {lines} lines, {} bombs of {KINDS} kinds, the hub worked {} ms",
            Latency::of(&mut still),
            Latency::of(&mut under),
            count.thrown() - begun.thrown(),
            worked.as_millis(),
        );
        quiet.extend(still);
        besieged.extend(under);
    }
    let count = siege.count();
    drop(siege);
    let (quiet, besieged) = (Latency::of(&mut quiet), Latency::of(&mut besieged));
    let (p50, p99) = (besieged.p50 / quiet.p50, besieged.p99 / quiet.p99);
    println!("all rounds: quiet {quiet}, besieged {besieged}: ratio p50 {p50:.2}, p99 {p99:.2}; {count:?}");
    println!("memory: {held_mib} MiB with all lines, at most {} MiB of 512", group.peak().unwrap() >> 20);
    let status = fort.http.get("/api/v1/status").unwrap().1;
    let (entries, aside) = (&status["entries"], &status["quarantined"]);
    println!("entries {entries}, kept aside {aside}");
    assert_eq!(entries.as_u64(), Some(town.sold as u64), "every honest sale, and nothing hostile");
    assert!(aside.as_u64().unwrap() > 0, "what was hostile is listed: {status}");
    fort.is_whole(&group);
    assert!(
        p50.max(p99) <= RATIO_MAX,
        "honest acknowledgements took {p50:.2} times as long, the slowest {p99:.2} times"
    );
    drop((town, quiet_town));
    fort.hub.stop().unwrap();
}

/// A hub.
struct Fort {
    hub: Process,
    http: Http,
    line: SocketAddr,
    pid: u32,
}

impl Fort {
    fn start(folder: &Path, group: Option<&MemoryGroup>) -> Self {
        let (line, tcp) = (format!("127.0.0.1:{}", free_udp_port().unwrap()), free_tcp_port().unwrap());
        let mut hub = Tool::new("atoll-hub", &folder.join("hub")).unwrap().with(&["--rehearsal-clock", CLOCK]);
        let token = staff(&hub, "reader").unwrap();
        if let Some(group) = group {
            hub = hub.inside(&group.procs());
        }
        let hub = hub.under(vec![("ATOLL_LOG", "error".into())]);
        let hub = hub.start(&["serve", "--listen", &line, "--http", &format!("127.0.0.1:{tcp}")]).unwrap();
        let http = Http::new(tcp).with_token(token);
        until("the hub answers", PATIENCE, || http.is_ready().then_some(())).unwrap();
        let pid = hub.id();
        Self { hub, http, line: line.parse().unwrap(), pid }
    }

    /// As the hub itself counts them.
    fn lines(&self) -> usize {
        let status = self.http.get("/api/v1/status").unwrap().1;
        usize::try_from(status["lines"].as_u64().unwrap()).unwrap()
    }

    /// The same process as in the beginning, inside the group, and nobody was killed.
    fn is_whole(&mut self, group: &MemoryGroup) {
        assert_eq!(self.hub.ended().unwrap(), None, "the hub has ended");
        let procs = fs::read_to_string(group.procs()).unwrap();
        assert!(procs.lines().any(|pid| pid == self.pid.to_string()), "the hub is not in its group: {procs:?}");
        assert_eq!(group.killed().unwrap(), 0, "the kernel killed for want of memory");
        assert!(self.http.is_ready(), "the hub does not answer");
    }
}

/// The attackers' process, on one core and at the lowest priority: their machine would not be the hub's.
struct Siege {
    process: Process,
    log: std::path::PathBuf,
}

impl Siege {
    fn start(hub: SocketAddr, folder: &Path, papers: &[Papers]) -> Self {
        let (shown, log) = (folder.join("papers"), folder.join("siege.log"));
        fs::write(&shown, serde_json::to_vec(papers).unwrap()).unwrap();
        let siege = Tool::new("atoll-siege", folder).unwrap();
        let child = Command::new("nice")
            .args(["-n", "19", "taskset", "-c", "0"])
            .arg(siege.binary())
            .args([&hub.to_string(), &shown.display().to_string(), &LINES.to_string()])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { process: Process::of(child), log }
    }

    /// How it stood half a second ago.
    fn count(&self) -> Count {
        let said = fs::read_to_string(&self.log).unwrap();
        said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default()
    }
}

/// The greater of the ratios of medians and of 99th percentiles.
fn ratio(besieged: &[Duration], quiet: &[Duration]) -> f64 {
    let (besieged, quiet) = (Latency::of(&mut besieged.to_vec()), Latency::of(&mut quiet.to_vec()));
    (besieged.p50 / quiet.p50).max(besieged.p99 / quiet.p99)
}

/// How long acknowledgements took, in milliseconds.
struct Latency {
    p50: f64,
    p99: f64,
}

impl Latency {
    fn of(took: &mut [Duration]) -> Self {
        took.sort_unstable();
        let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.1} p99 {:.1} ms", self.p50, self.p99)
    }
}

/// The honest sites of one hub.
struct Town {
    runtime: Runtime,
    sellers: Vec<Seller>,
    sold: usize,
}

impl Town {
    fn open(hub: SocketAddr, papers: &[Papers]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let open = async {
            let mut sellers = Vec::new();
            for (actor, papers) in (1u8..).zip(papers) {
                sellers.push(Seller::open(hub, papers, actor).await.unwrap());
            }
            sellers
        };
        let sellers = runtime.block_on(open);
        Self { runtime, sellers, sold: 0 }
    }

    /// All sites sell side by side, each to people of its own.
    fn sell(&mut self, numbers: &mut impl Iterator<Item = String>) -> Vec<Duration> {
        let mut set = JoinSet::new();
        for mut seller in self.sellers.drain(..) {
            let people: Vec<String> = numbers.by_ref().take(SALES).collect();
            self.sold += people.len();
            let selling = async move {
                let mut took = Vec::with_capacity(people.len());
                for number in people {
                    took.push(seller.sell(&number).await.unwrap());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                (seller, took)
            };
            set.spawn_on(selling, self.runtime.handle());
        }
        let mut all = Vec::new();
        for (seller, took) in self.runtime.block_on(set.join_all()) {
            self.sellers.push(seller);
            all.extend(took);
        }
        all
    }
}
