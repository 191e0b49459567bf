//! Everybody who means ill: sites with papers that hold all the lines they may, and, once those stand, strangers,
//! squatters, callers who never finish a handshake, sites that send bombs, begin what they do not finish, or do not read.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
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
use super::holding::{Hold, Holder};
use super::{Papers, Shown};

/// Lines of one site: as many as a hub allows.
pub const LINES_PER_SITE: usize = 8;
const WINDOW_BYTES: u32 = 64 * 1024;
/// Of the deaf: the hub keeps what they do not take.
const DEAF_WINDOW_BYTES: u32 = 1024;
const HOLD: Duration = Duration::from_secs(20);
/// A caller a step: a little slower than the hub opens, or their knocks crowd each other out.
const STEP: Duration = Duration::from_millis(24);
/// Addresses from which lines are held.
const DOORS: u8 = 64;
/// Lines that are tried for, for every one that is asked for: some are always on their way back.
const SPARE_ONE_IN: usize = 10;
/// Callers who bomb.
const BOMBING: usize = 480;
/// Handshakes that nobody finishes.
const HALF_OPEN: usize = 120;

/// How many sites with papers so many held lines need.
#[must_use]
pub const fn holders(lines: usize) -> usize {
    (lines + lines / SPARE_ONE_IN).div_ceil(LINES_PER_SITE)
}

/// How many more those need who bomb: two callers a site, so that one is let in while another is heard more slowly.
#[must_use]
pub const fn bombers() -> usize {
    BOMBING / 2
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Lines that are held now, by those who do nothing else.
    pub held: u64,
    /// Lines with papers that were opened.
    pub greeted: u64,
    /// Handshakes that were begun and never finished.
    pub half_open: u64,
    /// Bombs that were thrown at a line that stood, of each kind.
    pub bombs: [u64; KINDS],
    /// Long frames that were begun, and questions asked without reading the answers.
    pub clung: u64,
}

impl Count {
    /// Bombs of all kinds.
    #[must_use]
    pub fn thrown(&self) -> u64 {
        self.bombs.iter().sum()
    }

    /// Whether every kind of bomb was thrown since another count.
    #[must_use]
    pub fn has_every_kind_since(&self, before: &Self) -> bool {
        self.bombs.iter().zip(before.bombs).all(|(now, before)| *now > before)
    }
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) held: AtomicU64,
    greeted: AtomicU64,
    half_open: AtomicU64,
    bombs: [AtomicU64; KINDS],
    clung: AtomicU64,
    /// The next bomb, of whoever throws it.
    turn: AtomicUsize,
}

impl Tally {
    fn now(&self) -> Count {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Count {
            held: read(&self.held),
            greeted: read(&self.greeted),
            half_open: read(&self.half_open),
            bombs: std::array::from_fn(|kind| read(&self.bombs[kind])),
            clung: read(&self.clung),
        }
    }
}

fn one_more(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

/// Besieges a hub until killed: first so many lines are held, then the bombs come. Says twice a second how it stands.
///
/// # Errors
/// Where it cannot begin.
pub async fn besiege(hub: SocketAddr, papers: &[Papers], lines: usize) -> Result<()> {
    let tally = Arc::new(Tally::default());
    let (holding, bombing) = papers.split_at_checked(holders(lines)).context("papers for every line")?;
    let initials = half_open(&papers[0], HALF_OPEN).await?;
    tokio::spawn(say(tally.clone()));
    let doors: Vec<Endpoint> = (1..=DOORS).map(|n| door([127, 0, 2, n])).collect::<Result<_>>()?;
    for n in 0..holding.len() * LINES_PER_SITE {
        // One line of each site after the other: a site alone would be at its limit at once.
        let papers = holding[n % holding.len()].clone();
        let holder =
            Holder { hub, papers, door: doors[n % doors.len()].clone(), how: Hold::of(n), tally: tally.clone() };
        tokio::spawn(holder.run(n as u64));
        sleep(STEP).await;
    }
    while tally.held.load(Ordering::Relaxed) < lines as u64 {
        sleep(STEP).await;
    }
    let doors: Vec<Endpoint> = (1..=DOORS).map(|n| door([127, 0, 5, n])).collect::<Result<_>>()?;
    for n in 0..BOMBING {
        let papers = bombing.get(n % bombers()).context("papers for every bomb")?.clone();
        let caller =
            Caller { hub, papers, door: doors[n % doors.len()].clone(), kind: Kind::of(n), tally: tally.clone() };
        tokio::spawn(caller.run(n as u64));
    }
    knock(hub, initials, tally).await;
    Ok(())
}

async fn say(tally: Arc<Tally>) {
    // What cannot be written down is not said.
    while let Ok(count) = serde_json::to_string(&tally.now()) {
        println!("{count}");
        sleep(Duration::from_millis(500)).await;
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
    fn of(n: usize) -> Self {
        match n % 16 {
            0 => Self::Stranger,
            1 => Self::Squatter,
            2 => Self::Slow,
            3 => Self::Deaf,
            _ => Self::Bomber,
        }
    }
}

/// Attackers call from other addresses than honest sites.
fn door(from: [u8; 4]) -> Result<Endpoint> {
    Endpoint::client(SocketAddr::from((from, 0))).context("open a socket")
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
    async fn run(self, seed: u64) {
        let mut dice = SmallRng::seed_from_u64(seed);
        loop {
            // Whatever ends a line, the next one is as good.
            let _ = timeout(HOLD, self.call(&mut dice)).await;
            sleep(Duration::from_millis(dice.random_range(200..1_000))).await;
        }
    }

    async fn call(&self, dice: &mut SmallRng) -> Result<()> {
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
            Kind::Bomber => self.bomb(&connection, dice).await?,
            Kind::Slow => {
                let (mut send, _recv) = greet(&connection, &self.papers, dice, &self.tally).await?;
                send.write_all(&u32::try_from(FRAME_BYTES_MAX)?.to_be_bytes()).await?;
                send.write_all(&vec![0; FRAME_BYTES_MAX - 1]).await?;
                one_more(&self.tally.clung);
                drop(connection.closed().await);
            }
            Kind::Deaf => {
                let (mut send, _recv) = greet(&connection, &self.papers, dice, &self.tally).await?;
                // Behind the greeting, which it does not read either.
                sleep(Duration::from_millis(500)).await;
                for echo in 0..20_000 {
                    send.write_all(&frame::encode(&Message::Ask { echo })?).await?;
                }
                one_more(&self.tally.clung);
                drop(connection.closed().await);
            }
        }
        Ok(())
    }

    /// One bomb after the other until the line is closed.
    async fn bomb(&self, connection: &Connection, dice: &mut SmallRng) -> Result<()> {
        let (mut send, mut recv) = greet(connection, &self.papers, dice, &self.tally).await?;
        let mut first = [0; 256];
        recv.read(&mut first).await?.context("the hub finished")?;
        let reading =
            tokio::spawn(async move { while recv.read_chunk(64 * 1024, false).await.is_ok_and(|c| c.is_some()) {} });
        loop {
            let kind = self.tally.turn.fetch_add(1, Ordering::Relaxed) % KINDS;
            let bytes = bomb(kind, self.papers.code()?, dice)?;
            // Of the largest the hub hears only the beginning before it closes.
            if connection.close_reason().is_none() {
                one_more(&self.tally.bombs[kind]);
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

/// Greets as an edge of the first version would, under a new incarnation every time.
pub(super) async fn greet(
    connection: &Connection,
    papers: &Papers,
    dice: &mut SmallRng,
    tally: &Tally,
) -> Result<(SendStream, RecvStream)> {
    let (mut send, recv) = connection.open_bi().await?;
    let standing = Standing {
        site: papers.code()?,
        incarnation: Incarnation(dice.random()),
        hub_life: Incarnation([0; 16]),
        down: 0,
        feed: 0,
        life: None,
        manifest: None,
    };
    send.write_all(&frame::encode(&Message::Hello(hello(standing)))?).await?;
    one_more(&tally.greeted);
    Ok((send, recv))
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
    loop {
        for (packet, socket) in initials.iter().zip(sockets.iter().cycle()) {
            if socket.send_to(packet, hub).is_ok() {
                one_more(&tally.half_open);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}
