//! `feed`: how old the nation's news is. Thousands of light edges (a real QUIC line with mutual TLS and a real session
//! each, no store) hang on a real `atoll-hub` process; a few sell 45 times a second in all; for each sale the time from
//! its acknowledgement until the last of the edges knows it.
//!
//! Beside it, in the same run, with as many lines: a bare QUIC server with the hub's own limits that tells all of them
//! one byte, before and after the sales. All edges and both ends' callers are this one process.

pub mod bare;
mod outcome;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quinn::{Connection, Endpoint};
use shared::ids::ActorId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, interval_at, sleep, timeout};

use super::Figure;
use crate::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, processor_time, resident_bytes, until};
use crate::scenario::even_numbers;
use crate::siege::honest::{Heard, Seller};
use crate::siege::{Papers, prepare};
use bare::Crowd;
pub use outcome::{Outcome, Sale};

/// With how many edges where nobody says.
pub const EDGES: [usize; 3] = [250, 1_000, 2_000];
/// 45 sales a second in all, for 20 seconds.
const SELLERS: usize = 9;
const SALES_EACH: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);
/// The hub's clock: the first day's rules hold.
const CLOCK: &str = "2020-02-06T09:00:00+08:00";
const PATIENCE: Duration = Duration::from_secs(60);
/// Sockets, each with an address of its own, that the edges share: the hub counts handshakes by address.
const DOORS: u8 = 64;
/// A caller a step: a little slower than the hub opens, or their knocks crowd each other out.
const STEP: Duration = Duration::from_millis(21);
/// Until nothing is left of the handshakes.
const SETTLED: Duration = Duration::from_secs(2);
/// One byte to all, so often before and so often after the sales.
const ROUNDS: usize = 10;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(100);

/// How much is asked of a hub.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Edges that only listen.
    pub edges: usize,
    /// Edges that sell, besides.
    pub sellers: usize,
    /// What each of them sells.
    pub sales_each: usize,
    /// Between two sales of one.
    pub pause: Duration,
}

/// Measures with so many edges, one number after the other.
///
/// # Errors
/// Where the machine has a fault, or an edge came to know something else than the others.
pub fn run(folder: &Path, edges: &[usize]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for edges in edges.iter().copied() {
        let folder = folder.join(edges.to_string());
        std::fs::create_dir(&folder)?;
        let outcome = play(&folder, &Load { edges, sellers: SELLERS, sales_each: SALES_EACH, pause: PAUSE })?;
        outcome.judge().with_context(|| format!("{edges} edges"))?;
        figures.extend(outcome.figures());
    }
    Ok(figures)
}

/// A hub, its edges, and the sales: to the last edge's knowledge of the last sale.
///
/// # Errors
/// Where the machine has a fault, a line ends, or an edge does not come to know everything.
pub fn play(folder: &Path, load: &Load) -> Result<Outcome> {
    let papers = prepare(folder, load.sellers + load.edges)?;
    let hub = Hub::start(folder)?;
    let (bare, bare_at) = bare_server(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (selling, listening) = papers.split_at(load.sellers);
    let outcome = runtime.block_on(async {
        let doors: Vec<Endpoint> = (1..=DOORS).map(door).collect::<Result<_>>()?;
        let mut crowd = Crowd::gather(bare_at, listening, &doors, bare.id()).await?;
        let mut sellers = Vec::new();
        for (actor, papers) in (1u8..).zip(selling) {
            sellers.push(Seller::open(hub.line, papers, actor).await?);
        }
        let empty = resident_bytes(hub.process.id())?;
        let mut edges = Edges::gather(hub.line, listening, &doors).await?;
        sleep(SETTLED).await;
        let held = resident_bytes(hub.process.id())?;
        let mut rounds = crowd.rounds(ROUNDS, BETWEEN_ROUNDS).await?;
        let mut outcome = edges.follow(load, sellers, hub.process.id()).await?;
        outcome.hub_bytes = (empty, held, resident_bytes(hub.process.id())?);
        rounds.extend(crowd.rounds(ROUNDS, BETWEEN_ROUNDS).await?);
        (outcome.bare_bytes, outcome.rounds) = (crowd.bytes_a_line()?, rounds);
        Ok::<_, anyhow::Error>(outcome)
    })?;
    // The edges first: a hub that stops would wait for what their lines still have to say.
    runtime.shutdown_background();
    hub.process.stop()?;
    drop(bare);
    Ok(outcome)
}

fn door(n: u8) -> Result<Endpoint> {
    Endpoint::client(SocketAddr::from(([127, 0, 2, n], 0))).context("open a socket")
}

/// `atoll-hub serve`.
struct Hub {
    process: Process,
    line: SocketAddr,
}

impl Hub {
    fn start(folder: &Path) -> Result<Self> {
        let (line, tcp) = (format!("127.0.0.1:{}", free_udp_port()?), free_tcp_port()?);
        let hub = Tool::new("atoll-hub", &folder.join("hub"))?.with(&["--rehearsal-clock", CLOCK]);
        let hub = hub.under(vec![("ATOLL_LOG", "error".into())]);
        let process = hub.start(&["serve", "--listen", &line, "--http", &format!("127.0.0.1:{tcp}")])?;
        let http = Http::new(tcp);
        until("the hub answers", PATIENCE, || http.is_ready().then_some(()))?;
        Ok(Self { process, line: line.parse()? })
    }
}

/// `atoll-bare`, with the hub's papers.
fn bare_server(folder: &Path) -> Result<(Process, SocketAddr)> {
    let at = format!("127.0.0.1:{}", free_udp_port()?);
    let process = Tool::new("atoll-bare", &folder.join("hub"))?.start(&["--listen", &at])?;
    Ok((process, at.parse()?))
}

/// Edges that listen.
struct Edges {
    lines: JoinSet<Result<()>>,
    heard: Vec<(Heard, Connection)>,
}

impl Edges {
    /// All have greeted.
    async fn gather(hub: SocketAddr, papers: &[Papers], doors: &[Endpoint]) -> Result<Self> {
        let (tell, mut opened) = mpsc::unbounded_channel();
        let mut lines = JoinSet::new();
        let mut step = interval(STEP);
        for (n, papers) in (0u32..).zip(papers.iter().cloned()) {
            let mut actor = [0x80; 16];
            actor[..4].copy_from_slice(&n.to_be_bytes());
            let (door, tell) = (doors[n as usize % doors.len()].clone(), tell.clone());
            step.tick().await;
            lines.spawn(async move {
                let edge = Seller::through(door, hub, &papers, ActorId(actor)).await?;
                // Nobody waits any more: the line is as good.
                let _ = tell.send((edge.heard(), edge.connection()));
                edge.listen().await
            });
        }
        let mut heard = Vec::new();
        while heard.len() < papers.len() {
            tokio::select! {
                Some(one) = opened.recv() => heard.push(one),
                Some(ended) = lines.join_next() => return Err(why(ended)),
                () = sleep(PATIENCE) => bail!("only {} of {} lines are held", heard.len(), papers.len()),
            }
        }
        Ok(Self { lines, heard })
    }

    /// While the sellers sell, and until everybody knows of every sale.
    async fn follow(&mut self, load: &Load, sellers: Vec<Seller>, hub: u32) -> Result<Outcome> {
        let (worked, ours) = (processor_time(hub)?, processor_time(std::process::id())?);
        let (begun, wire) = (Instant::now(), self.wire_bytes());
        let sales = sell(load, sellers).await?;
        let selling = begun.elapsed();
        let worked = processor_time(hub)?.saturating_sub(worked);
        let ours = processor_time(std::process::id())?.saturating_sub(ours);
        let last = sales.iter().map(|sale| sale.feed).max().context("nothing was sold")?;
        timeout(PATIENCE, async {
            while self.heard.iter().any(|(heard, _)| heard.upto() < last) {
                if let Some(ended) = self.lines.try_join_next() {
                    return Err(why(ended));
                }
                sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        })
        .await
        .context("not everybody came to know everything")??;
        Ok(Outcome {
            sales,
            selling,
            following: begun.elapsed(),
            wire_bytes: self.wire_bytes() - wire,
            worked: (worked, ours),
            edges: self.heard.iter().map(|(heard, _)| heard.news()).collect(),
            ..Outcome::default()
        })
    }

    /// What has crossed the lines both ways, everything included.
    fn wire_bytes(&self) -> u64 {
        self.heard.iter().map(|(_, connection)| super::backlog::bytes(&connection.stats())).sum()
    }
}

fn why(ended: Result<Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    let cause = ended.map_err(anyhow::Error::from).and_then(|ended| ended).err();
    cause.unwrap_or_else(|| anyhow::anyhow!("no reason")).context("a line ended")
}

/// The sellers begin one after the other, so that their sales are spread evenly; each waits for its acknowledgement,
/// and makes up for what it missed by that.
async fn sell(load: &Load, sellers: Vec<Seller>) -> Result<Vec<Sale>> {
    let (mut numbers, mut set) = (even_numbers(), JoinSet::new());
    let (count, pause) = (u32::try_from(sellers.len().max(1))?, load.pause);
    let begin = tokio::time::Instant::now();
    for (n, mut seller) in (0u32..).zip(sellers) {
        let people: Vec<String> = numbers.by_ref().take(load.sales_each).collect();
        set.spawn(async move {
            let mut tick = interval_at(begin + pause * n / count, pause);
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut sales = Vec::with_capacity(people.len());
            for number in people {
                tick.tick().await;
                let took = seller.sell(&number).await?;
                sales.push(Sale { acked: Instant::now(), took, feed: seller.counted() });
            }
            Ok::<_, anyhow::Error>(sales)
        });
    }
    let mut all = Vec::new();
    while let Some(sales) = set.join_next().await {
        all.extend(sales??);
    }
    Ok(all)
}
