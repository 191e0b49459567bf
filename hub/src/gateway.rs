//! The gateway: where edges arrive over QUIC (RELIABILITY T3, T7).
//!
//! Two protocols by ALPN: `atoll/1` for edges with a certificate of ours, `atoll-enrol/1` for those
//! that come to get one. Every window, queue and wait is bounded; whoever sends nonsense loses
//! its own line and nobody else's.
//!
//! **Invariant: the gateway looks into no entry.** It carries messages between a line's session
//! (`shared::sync::hub`) and the mailbox of the hub.

mod arrivals;
mod enrol;
mod growth;
mod line;
mod lines;
mod listen;
mod manners;
mod tls;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{
    ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::authority::Authority;
use crate::clock::WallClock;
use crate::mailbox::HubHandle;

/// Why a line is closed: the QUIC application code that the edge sees, with words beside it.
pub mod code {
    /// Nothing is wrong.
    pub const DONE: u32 = 0;
    /// No certificate was shown where one is needed, or it names no site.
    pub const NO_CERTIFICATE: u32 = 1;
    /// The certificate was revoked or replaced.
    pub const NOT_CURRENT: u32 = 2;
    /// What came is no message, or none that could come.
    pub const PROTOCOL: u32 = 3;
    /// The hub is in trouble; come again.
    pub const TROUBLE: u32 = 4;
    /// The hub stops; come again.
    pub const STOPPING: u32 = 5;
    /// Too many lines of one site; the oldest is closed.
    pub const TOO_MANY: u32 = 6;
    /// Another process greeted under the same incarnation; come again if this one still lives.
    pub const SUPERSEDED: u32 = 7;
}

/// Connections that wait to be looked at.
const INCOMING_MAX: usize = 1024;
/// From so many handshakes under way on, a caller must prove its address first: a hub reflects to addresses
/// that are not the caller's three times and a datagram, but only so often; the rest gets a tenth.
pub(crate) const HALF_OPEN_RETRY: u64 = 64;
/// From so many on, nobody new is let in.
pub(crate) const HALF_OPEN_MAX: u64 = 4096;
const INCOMING_BUFFER_BYTES: u64 = 64 * 1024;
const INCOMING_BUFFER_BYTES_TOTAL: u64 = 16 * 1024 * 1024;
/// The exchange is one stream, and so is enrolment.
const BIDI_STREAMS_MAX: u32 = 1;
/// What a line may have sent before the hub has looked at it: 64 KiB at every 600 ms, the longest way there
/// is (a satellite), are 2,500 sales a second.
const WINDOW_BYTES: u32 = 64 * 1024;
const SEND_WINDOW_BYTES: u64 = 128 * 1024;
/// Before a run of a line has been taken, and where all wide windows are in use: the same, each way.
const NARROW_BYTES: u32 = 16 * 1024;
const NARROW_SEND_BYTES: u64 = 16 * 1024;
/// How many lines have wide windows at once: about 50 MiB.
const WIDE_LINES_MAX: usize = 320;
/// What a handshake may say.
const HANDSHAKE_BYTES_MAX: usize = 16 * 1024;
/// What all lines may hold of long frames on their way out, in KiB.
const SENT_KIB_MAX: usize = 32 * 1024;
const IDLE_MS: u32 = 60_000;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long the last words of closing lines may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What a gateway needs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where to listen (UDP); port 0 for any.
    pub listen: SocketAddr,
    /// Whose certificates count.
    pub authority: Arc<Authority>,
    /// The time that edges are told.
    pub clock: WallClock,
}

/// The gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Another program holds the port, or the address is not ours.
    #[error("listen on {listen} (UDP)")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The keys do not fit together.
    #[error("set up TLS: {0}")]
    Tls(String),
}

/// A gateway that runs.
#[derive(Debug)]
pub struct Gateway {
    local_addr: SocketAddr,
    endpoint: Endpoint,
    stopping: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// What all lines of one gateway share.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) hub: HubHandle,
    pub(crate) authority: Arc<Authority>,
    pub(crate) clock: WallClock,
    pub(crate) lines: lines::Lines,
    pub(crate) manners: Arc<manners::Manners>,
    pub(crate) room: Room,
    pub(crate) told: growth::Told,
}

/// What all lines together may hold: long frames under way and large messages, in KiB, and wide windows.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) heard: Arc<Semaphore>,
    pub(crate) inflated: Arc<Semaphore>,
    pub(crate) sent: Arc<Semaphore>,
    pub(crate) wide: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        let of = |most| Arc::new(Semaphore::new(most));
        let (heard, inflated) = (of(listen::LONG_KIB_MAX), of(listen::INFLATED_KIB_MAX));
        Self { heard, inflated, sent: of(SENT_KIB_MAX), wide: of(WIDE_LINES_MAX) }
    }
}

/// Opens the port and serves until [`Gateway::stop`]. Call it inside a tokio runtime.
///
/// # Errors
/// Where the port cannot be had or the keys do not fit.
pub fn start(setup: Setup, hub: HubHandle) -> Result<Gateway, GatewayError> {
    let listen = setup.listen;
    let failed = |cause| GatewayError::Listen { listen, cause };
    let config = server_config(&setup.authority)?;
    let socket = std::net::UdpSocket::bind(listen).map_err(failed)?;
    let endpoint_config = endpoint_config(&setup.authority);
    let endpoint = Endpoint::new(endpoint_config, Some(config), socket, Arc::new(TokioRuntime));
    let endpoint = endpoint.map_err(failed)?;
    let local_addr = endpoint.local_addr().map_err(failed)?;
    let (stopping, stop) = watch::channel(false);
    let lines = lines::Lines::new(hub.counters().clone());
    let (authority, clock) = (setup.authority, setup.clock);
    let (told, telling) = growth::pass_on(hub.growth(), hub.counters().clone());
    let desk = Desk { hub, authority, clock, lines, manners: Arc::default(), room: Room::default(), told };
    let tasks = vec![
        tokio::spawn(telling),
        tokio::spawn(arrivals::serve(endpoint.clone(), desk.clone())),
        tokio::spawn(lines::watch_over(desk, stop)),
    ];
    Ok(Gateway { local_addr, endpoint, stopping, tasks })
}

/// Under a key that every start has, a hub that was killed and started again resets the lines of its former life at
/// once; each edge would else wait for a minute.
fn endpoint_config(authority: &Authority) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(authority.reset_key()));
    config.cid_generator(|| Box::new(RandomIds));
    config
}

/// Random connection ids (RFC 9000, 5.1). quinn's own generator drops what another process named, and resets nothing.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&rand::random::<[u8; 8]>())
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

impl Gateway {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Ends every line, saying why. What was acknowledged is on the disk; the rest comes again.
    pub async fn stop(self) {
        // Nobody watches any more: nothing to stop.
        let _ = self.stopping.send(true);
        self.endpoint.close(VarInt::from_u32(code::STOPPING), b"the hub is stopping");
        let _ = tokio::time::timeout(GOODBYE, self.endpoint.wait_idle()).await;
        for task in self.tasks {
            let _ = tokio::time::timeout(GOODBYE, task).await;
        }
    }
}

/// The server's side of QUIC and TLS, its limits lowered from quinn's defaults (T7).
///
/// # Errors
/// Where the keys do not fit together.
pub fn server_config(authority: &Authority) -> Result<ServerConfig, GatewayError> {
    let mut config = ServerConfig::with_crypto(Arc::new(tls::server(authority)?));
    config
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_BYTES_TOTAL)
        .migration(true)
        .transport_config(Arc::new(transport()));
    Ok(config)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDI_STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .receive_window(VarInt::from_u32(NARROW_BYTES))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(NARROW_SEND_BYTES)
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(HANDSHAKE_BYTES_MAX)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE));
    transport
}
