//! The hub as a process of its own, and the counters: a node on a disk, its thread, its line.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use chrono::{DateTime, FixedOffset, TimeDelta};
use edge::desk::{Desk, Rehearsal};
use edge::mailbox::{self, Clocks};
use edge::nation::Nation;
use edge::node::ask::booking::{BookedState, BookingRef, LookUp, LookedUp};
use edge::node::{Lives, Node, Setup};
use edge::store::Store;
use edge::uplink::drive::run_line;
use edge::uplink::quic::Dialler;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use shared::entry::booking::{Shown, Slot};
use shared::ids::{EntryId, Incarnation};
use shared::seal::Secret;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::hall::Hall;
use crate::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use crate::siege::Papers;

/// The hub's clock when it starts: the round opens.
const CLOCK: &str = "2021-07-06T10:00:00+08:00";
/// The hub shares out once a minute what it has not lent at a greeting.
const PATIENCE: Duration = Duration::from_secs(180);
/// It is looked at least so often.
const LOOK: Duration = Duration::from_millis(100);
/// Nothing more comes down once nothing has for so long.
const QUIET: Duration = Duration::from_secs(2);

/// `atoll-hub serve`.
pub(super) struct Hub {
    process: Process,
    line: SocketAddr,
    started: Instant,
    clock: DateTime<FixedOffset>,
}

impl Hub {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let (line, tcp) = (format!("127.0.0.1:{}", free_udp_port()?), free_tcp_port()?);
        let tool = Tool::new("atoll-hub", &folder.join("hub"))?.with(&["--rehearsal-clock", CLOCK]);
        let (started, clock) = (Instant::now(), DateTime::parse_from_rfc3339(CLOCK)?);
        let tool = tool.under(vec![("ATOLL_LOG", "error".into())]);
        let process = tool.start(&["serve", "--listen", &line, "--http", &format!("127.0.0.1:{tcp}")])?;
        let http = Http::new(tcp);
        until("the hub answers", PATIENCE, || http.is_ready().then_some(()))?;
        Ok(Self { process, line: line.parse()?, started, clock })
    }

    fn now(&self) -> Result<DateTime<FixedOffset>> {
        Ok(self.clock + TimeDelta::from_std(self.started.elapsed())?)
    }

    pub(super) fn stop(self) -> Result<()> {
        let ended = self.process.stop()?;
        ensure!(ended.success(), "the hub ended with {ended}");
        Ok(())
    }
}

/// What became of a wish.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    /// Where, and its serial number; none where the hub had nothing to give.
    pub(super) given: Option<(Slot, u64)>,
    /// From when it was due.
    pub(super) took: Duration,
}

/// What a counter has heard of the hub since.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// How far the hub has acknowledged its log, and when.
    pub(super) acks: Vec<(Instant, u64)>,
    /// Wishes that wait, and when they were due.
    pub(super) waiting: Vec<(EntryId, Instant)>,
    pub(super) granted: Vec<Granted>,
}

/// A counter.
pub(super) struct Counter {
    pub(super) desk: Desk,
    node: mailbox::Handle,
    heard: Arc<Mutex<Heard>>,
    line: JoinHandle<Result<()>>,
}

impl Counter {
    /// Its line greets.
    pub(super) async fn open(folder: &Path, papers: &Papers, n: u8, hub: &Hub) -> Result<Self> {
        let place = folder.join(format!("edge-{n}"));
        std::fs::create_dir(&place)?;
        let real = Clocks::default().read();
        let rehearsal = Rehearsal::new(Some(hub.now()?), real);
        let (node, _thread) = mailbox::start(open(&place, papers, n, rehearsal.shift(real))?)?;
        let desk = Desk::new(node.clone(), rehearsal);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let dialler = Dialler::new(&hub.line.to_string(), &papers.identity()).map_err(|fault| anyhow!("{fault}"))?;
        let news = Arc::new(Notify::new());
        let (told, of_line) = (news.clone(), desk.clone());
        let line = tokio::spawn(async move {
            let line = dialler.dial().await.map_err(|fault| anyhow!("{fault}"))?;
            let ended = run_line(line.connection.clone(), of_line, move |_| told.notify_one()).await;
            ended.map_err(|fault| anyhow!("{fault}"))
        });
        tokio::spawn(follow(node.clone(), rehearsal, news, heard.clone()));
        Ok(Self { desk, node, heard, line })
    }

    pub(super) fn heard<T>(&self, deed: impl FnOnce(&mut Heard) -> T) -> T {
        deed(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the hub has acknowledged everything; an error where the line is gone.
    pub(super) async fn is_heard(&self) -> Result<bool> {
        ensure!(!self.line.is_finished(), "a line ended early");
        Ok(self.node.ask(|node, _| node.acked_upto() >= node.log_len()).await?)
    }

    /// How far it has come: places held, and the hub's position.
    async fn held(&self) -> Result<(u64, u64)> {
        ensure!(!self.line.is_finished(), "a line ended early");
        let view = self.desk.booking_view().await.map_err(|fault| anyhow!("{fault}"))?;
        let down = self.desk.standing().await.map_err(|fault| anyhow!("{fault}"))?.down;
        Ok((view.slots.iter().map(|slot| u64::from(slot.held)).sum(), down))
    }

    /// Whether the list is here: it says of somebody too young that they are on none.
    async fn has_list(&self, hall: &Hall, who: usize) -> Result<bool> {
        let ask = LookUp { programme: None, document: hall.document(who) };
        let told = self.desk.look_up(ask).await.map_err(|fault| anyhow!("{fault}"))?;
        Ok(!matches!(told, Ok(LookedUp::May(may)) if may.shown == Shown::Unseen))
    }
}

/// Leases, numbers and the list are at every counter, and nothing more comes.
pub(super) async fn are_ready(counters: &[Counter], hall: &Hall) -> Result<()> {
    let stranger = (0..hall.len()).find(|who| !hall.is_listed(*who));
    let (begun, mut before, mut since) = (Instant::now(), Vec::new(), Instant::now());
    loop {
        let (mut now, mut are_listed) = (Vec::new(), true);
        for counter in counters {
            now.push(counter.held().await?);
            if let Some(who) = stranger {
                are_listed &= counter.has_list(hall, who).await?;
            }
        }
        if now != before {
            (before, since) = (now, Instant::now());
        } else if are_listed && before.iter().all(|(held, _)| *held > 0) && since.elapsed() >= QUIET {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "places and list have not come: {before:?}, {are_listed}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn open(place: &Path, papers: &Papers, n: u8, reading: edge::clock::Reading) -> Result<Node> {
    let (site, secret) = (papers.code()?, Secret::new(papers.secret));
    let mut dice = SmallRng::seed_from_u64(u64::from(n) + 1);
    let setup = Setup {
        site,
        name: site.to_string(),
        lives: Lives::in_memory(&secret)?,
        secret,
        key_number: 1,
        incarnation: Incarnation([n; 16]),
        store: Store::open(&place.join("edge.db"))?,
        nation: Nation::stored(),
        dice: Box::new(move || dice.random()),
    };
    Ok(Node::open(setup, reading)?)
}

/// Writes down what the line has brought, as it comes.
async fn follow(node: mailbox::Handle, rehearsal: Rehearsal, news: Arc<Notify>, heard: Arc<Mutex<Heard>>) {
    let hold = |deed: &mut dyn FnMut(&mut Heard)| deed(&mut heard.lock().unwrap_or_else(PoisonError::into_inner));
    loop {
        // A wish may have been answered before it was known to wait.
        let _silence = tokio::time::timeout(LOOK, news.notified()).await;
        let mut waiting = Vec::new();
        hold(&mut |heard| waiting.clone_from(&heard.waiting));
        let look = move |node: &mut Node, reading| {
            let state = |(id, due)| {
                let booked = node.booking(BookingRef::Entry(id), rehearsal.shift(reading)).ok().flatten()?;
                let serial = booked.serial();
                (booked.state != BookedState::Waiting).then_some((id, due, booked.slot.zip(serial)))
            };
            let answered: Vec<_> = waiting.into_iter().filter_map(state).collect();
            (node.acked_upto(), answered)
        };
        let Ok((upto, mut answered)) = node.ask(look).await else { return };
        let now = Instant::now();
        hold(&mut |heard| {
            if heard.acks.last().is_none_or(|(_, before)| *before < upto) {
                heard.acks.push((now, upto));
            }
            for (id, due, given) in answered.drain(..) {
                heard.waiting.retain(|(waits, _)| *waits != id);
                heard.granted.push(Granted { given, took: now.saturating_duration_since(due) });
            }
        });
    }
}
