//! Everybody who means ill: strangers, squatters, callers who never finish a handshake, sites with papers that send
//! bombs, begin what they do not finish, or do not read.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use quinn::{Connection, Endpoint};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use shared::ids::Incarnation;
use shared::sync::handshake::{Standing, hello};
use shared::wire::v1::enrol::{ALPN_ENROL, ALPN_SYNC};
use shared::wire::v1::frame::{self, FRAME_BYTES_MAX};
use shared::wire::v1::message::Message;
use tokio::time::{sleep, timeout};

use super::bombs::{KINDS, bomb};
use super::{Papers, Shown};

/// Lines of one site: as many as a hub allows.
pub const LINES_PER_SITE: usize = 8;
const WINDOW_BYTES: u32 = 64 * 1024;
/// Of the deaf: the hub keeps what they do not take.
const DEAF_WINDOW_BYTES: u32 = 1024;
const HOLD: Duration = Duration::from_secs(20);

/// How many sites with papers so many connections need.
#[must_use]
pub const fn sites_for(connections: usize) -> usize {
    (connections / 2).div_ceil(LINES_PER_SITE)
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Count {
    /// Connections that are open now, or were refused and will come again.
    pub connections: u64,
    /// Lines with papers that were opened.
    pub greeted: u64,
    /// Handshakes that were begun and never finished.
    pub half_open: u64,
    /// Bombs that were thrown at a line that stood.
    pub bombs: u64,
    /// Which kinds of them, a bit each.
    pub kinds: u64,
}

#[derive(Debug, Default)]
struct Tally {
    connections: AtomicU64,
    greeted: AtomicU64,
    half_open: AtomicU64,
    bombs: AtomicU64,
    kinds: AtomicU64,
}

impl Tally {
    fn now(&self) -> Count {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Count {
            connections: read(&self.connections),
            greeted: read(&self.greeted),
            half_open: read(&self.half_open),
            bombs: read(&self.bombs),
            kinds: read(&self.kinds),
        }
    }
}

fn one_more(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

/// Besieges a hub until killed; says once a second how it stands.
///
/// # Errors
/// Where it cannot begin.
pub async fn besiege(hub: SocketAddr, papers: &[Papers], connections: usize) -> Result<()> {
    let tally = Arc::new(Tally::default());
    let initials = half_open(&papers[0], connections / 4).await?;
    let doors: Vec<Endpoint> = (0..8u8).map(door).collect::<Result<_>>()?;
    let mut lines = 0;
    for n in 0..connections {
        let Some(kind) = Kind::of(n) else { continue };
        let site = if kind.has_papers() { lines / LINES_PER_SITE } else { 0 };
        lines += usize::from(kind.has_papers());
        let papers = papers.get(site).context("papers for every line")?.clone();
        let caller = Caller { hub, papers, door: doors[n % doors.len()].clone(), kind, tally: tally.clone() };
        tokio::spawn(caller.run(n));
    }
    tokio::spawn(knock(hub, initials, tally.clone()));
    loop {
        println!("{}", serde_json::to_string(&tally.now())?);
        sleep(Duration::from_secs(1)).await;
    }
}

/// What a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without papers, at the door of the exchange.
    Stranger,
    /// Begins an enrolment and says nothing more.
    Squatter,
    /// With papers: one bomb after the other.
    Bomber,
    /// Begins a long frame and keeps its last byte.
    Slow,
    /// Asks for everything and takes nothing.
    Deaf,
}

impl Kind {
    /// Of eight connections two are half open, which needs no caller.
    fn of(n: usize) -> Option<Self> {
        match n % 8 {
            0 => Some(Self::Stranger),
            1 => Some(Self::Squatter),
            2 | 3 => None,
            4 | 5 => Some(Self::Bomber),
            6 => Some(Self::Slow),
            _ => Some(Self::Deaf),
        }
    }

    fn has_papers(self) -> bool {
        match self {
            Self::Stranger | Self::Squatter => false,
            Self::Bomber | Self::Slow | Self::Deaf => true,
        }
    }
}

/// Attackers call from other addresses than honest sites.
fn door(n: u8) -> Result<Endpoint> {
    Endpoint::client(SocketAddr::from(([127, 0, 2, n + 1], 0))).context("open a socket")
}

struct Caller {
    hub: SocketAddr,
    papers: Papers,
    door: Endpoint,
    kind: Kind,
    tally: Arc<Tally>,
}

impl Caller {
    /// Comes again as often as it is thrown out.
    async fn run(self, n: usize) {
        let mut dice = SmallRng::seed_from_u64(n as u64);
        let mut turn = n;
        one_more(&self.tally.connections);
        loop {
            // Whatever ends a line, the next one is as good.
            let _ = timeout(HOLD, self.call(&mut turn, &mut dice)).await;
            sleep(Duration::from_millis(dice.random_range(200..1_000))).await;
        }
    }

    async fn call(&self, turn: &mut usize, dice: &mut SmallRng) -> Result<()> {
        let (alpn, shown) = match self.kind {
            Kind::Squatter => (ALPN_ENROL, Shown::Nothing),
            Kind::Stranger => (ALPN_SYNC, Shown::Nothing),
            Kind::Bomber | Kind::Slow | Kind::Deaf => (ALPN_SYNC, Shown::Certificate),
        };
        let window = if self.kind == Kind::Deaf { DEAF_WINDOW_BYTES } else { WINDOW_BYTES };
        let config = self.papers.caller(alpn, shown, window)?;
        let connection = self.door.connect_with(config, self.hub, "localhost")?.await?;
        match self.kind {
            Kind::Stranger => drop(connection.closed().await),
            Kind::Squatter => {
                let (mut send, _recv) = connection.open_bi().await?;
                send.write_all(&[0x80]).await?;
                drop(connection.closed().await);
            }
            Kind::Bomber => self.bomb(&connection, turn, dice).await?,
            Kind::Slow => {
                let (mut send, _recv) = self.greet(&connection, dice).await?;
                send.write_all(&u32::try_from(FRAME_BYTES_MAX)?.to_be_bytes()).await?;
                send.write_all(&vec![0; FRAME_BYTES_MAX - 1]).await?;
                one_more(&self.tally.bombs);
                drop(connection.closed().await);
            }
            Kind::Deaf => {
                let (mut send, _recv) = self.greet(&connection, dice).await?;
                // Behind the greeting, which it does not read either.
                sleep(Duration::from_millis(500)).await;
                for echo in 0..20_000 {
                    send.write_all(&frame::encode(&Message::Ask { echo })?).await?;
                }
                one_more(&self.tally.bombs);
                drop(connection.closed().await);
            }
        }
        Ok(())
    }

    async fn greet(
        &self,
        connection: &Connection,
        dice: &mut SmallRng,
    ) -> Result<(quinn::SendStream, quinn::RecvStream)> {
        let (mut send, recv) = connection.open_bi().await?;
        let standing = Standing {
            site: self.papers.code()?,
            incarnation: Incarnation(dice.random()),
            hub_life: Incarnation([0; 16]),
            down: 0,
            feed: 0,
            life: None,
        };
        send.write_all(&frame::encode(&Message::Hello(hello(standing)))?).await?;
        one_more(&self.tally.greeted);
        Ok((send, recv))
    }

    /// One bomb after the other until the line is closed.
    async fn bomb(&self, connection: &Connection, turn: &mut usize, dice: &mut SmallRng) -> Result<()> {
        let (mut send, mut recv) = self.greet(connection, dice).await?;
        let mut first = [0; 256];
        recv.read(&mut first).await?.context("the hub finished")?;
        let reading =
            tokio::spawn(async move { while recv.read_chunk(64 * 1024, false).await.is_ok_and(|c| c.is_some()) {} });
        loop {
            let kind = *turn % KINDS;
            *turn += 1;
            let bytes = bomb(kind, self.papers.code()?, dice)?;
            // Of the largest the hub hears only the beginning before it closes.
            if connection.close_reason().is_none() {
                one_more(&self.tally.bombs);
                self.tally.kinds.fetch_or(1 << kind, Ordering::Relaxed);
            }
            let said = send.write_all(&bytes).await;
            if said.is_err() || connection.close_reason().is_some() {
                reading.abort();
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// First packets of handshakes that nobody will finish: caught at a socket that does not answer.
async fn half_open(papers: &Papers, count: usize) -> Result<Vec<Vec<u8>>> {
    let sink = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    let endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
    let config = papers.caller(ALPN_SYNC, Shown::Nothing, WINDOW_BYTES)?;
    let (mut packets, mut seen, mut kept) = (Vec::with_capacity(count), HashSet::new(), Vec::new());
    let mut buffer = vec![0; 2048];
    while packets.len() < count {
        let connecting = endpoint.connect_with(config.clone(), sink.local_addr()?, "localhost")?;
        let (length, _) = timeout(Duration::from_secs(10), sink.recv_from(&mut buffer)).await??;
        if length >= 1200 && seen.insert(buffer[6..6 + usize::from(buffer[5])].to_vec()) {
            packets.push(buffer[..length].to_vec());
        }
        // One that is given up would say so, in a packet as long.
        kept.push(connecting);
    }
    Ok(packets)
}

/// Knocks with all of them, again and again, from addresses of their own.
async fn knock(hub: SocketAddr, initials: Vec<Vec<u8>>, tally: Arc<Tally>) {
    let sockets: Vec<UdpSocket> =
        (1..=16u8).filter_map(|n| UdpSocket::bind(SocketAddr::from(([127, 0, 3, n], 0))).ok()).collect();
    for _ in &initials {
        one_more(&tally.connections);
    }
    loop {
        for (packet, socket) in initials.iter().zip(sockets.iter().cycle()) {
            if socket.send_to(packet, hub).is_ok() {
                one_more(&tally.half_open);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}
