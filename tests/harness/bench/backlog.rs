//! `backlog`: 10,000 sales over real QUIC with mutual TLS: bytes on the wire a sale, everything
//! included (handshake, IP and UDP headers, acknowledgements, the rules and the nation's feed that come
//! down, both directions), and the time against the same bytes sent raw over a connection between the
//! same ends.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use edge::desk::Desk;
use edge::mailbox;
use edge::node::Node;
use edge::open::{load_keys, make_keys, signing_request};
use edge::uplink::drive::run_line;
use edge::uplink::quic::{Dialler, Identity};
use hub::authority::Authority;
use hub::clock::WallClock;
use hub::counters::Counters;
use hub::gateway;
use hub::hub::Hub;
use hub::registry::Enrolment;
use hub::store::Store;
use quinn::{ConnectionStats, Endpoint};
use rand::RngExt;
use shared::ids::SiteCode;
use shared::rules::programme::shipped_text;

use super::{Figure, counter};
use crate::replay::town::nameless;
use crate::scenario::even_numbers;

const SALES: usize = 10_000;
/// IPv4 and UDP headers of a datagram.
const DATAGRAM_HEADER_BYTES: u64 = 28;

/// Runs it in a folder of its own.
///
/// # Errors
/// Where the machine has a fault.
pub fn run(folder: &Path) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let site: SiteCode = "5931102274".parse()?;
    let place = edge::config::Folder::new(folder.join("edge"));
    let owner = place.init(site, "bench").map_err(|fault| anyhow!("{fault}"))?;
    make_keys(&place).map_err(|fault| anyhow!("{fault}"))?;
    let keys = load_keys(&place).map_err(|fault| anyhow!("{fault}"))?;
    let request = signing_request(&owner, &keys).map_err(|fault| anyhow!("{fault}"))?;

    let mut node = counter::open(&folder.join("edge"), site, keys.secret.clone())?;
    counter::stock(&mut node)?;
    for (n, number) in (0..SALES).zip(even_numbers()) {
        counter::sell(&mut node, number, i64::try_from(n)? * 2000)?;
    }
    let facts = packed_facts(&mut node)?;

    let authority = Arc::new(Authority::init(&folder.join("hub"), &[])?);
    let certificate = authority.certify(&site, &request)?;
    let mut hub =
        Hub::open(Store::open(&folder.join("hub.db"))?, authority.master(), Box::new(|| rand::rng().random()))?;
    let text = shipped_text("mask-2020-02-06").context("a shipped version")?;
    hub.publish_programme(text, "bench", counter::MORNING - 3600)?.map_err(|bad| anyhow!("{bad}"))?;
    hub.import_sites([nameless(site)])?;
    let enrolment = Enrolment {
        key_number: keys.number,
        secret: keys.secret,
        fingerprint: certificate.fingerprint,
        serial: certificate.serial,
        expires: certificate.expires,
        second: counter::MORNING,
    };
    hub.register(&site, &enrolment)?.map_err(|refusal| anyhow!("{refusal}"))?;
    let identity = Identity { certificate: certificate.der, ca: authority.ca().to_vec(), key: keys.tls_key.0.clone() };
    runtime.block_on(measure(node, hub, authority, &identity, facts))
}

async fn measure(
    node: Node,
    hub: Hub,
    authority: Arc<Authority>,
    identity: &Identity,
    facts: f64,
) -> Result<Vec<Figure>> {
    let entries = node.log_len();
    let clock = WallClock::system();
    let raw_endpoint = raw_sink(&authority)?;
    let (handle, _mailbox) = hub::mailbox::start(hub, clock, Arc::new(Counters::default()))?;
    let listen: SocketAddr = "127.0.0.1:0".parse()?;
    let gateway = gateway::start(gateway::Setup { listen, authority, clock }, handle)?;
    let (desk, _thread) = mailbox::start(node)?;

    let (stats, ours) = exchange(gateway.local_addr(), identity, desk, entries).await?;
    let wire = bytes(&stats);
    let theirs = raw_copy(raw_endpoint.local_addr()?, identity, stats.udp_tx.bytes).await?;
    let per_sale = |bytes: f64| bytes / SALES as f64;
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let wire = per_sale(wire as f64);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(vec![
        Figure { name: "backlog-bytes-per-sale", value: wire, unit: "B", baseline: per_sale(facts) },
        Figure { name: "backlog-time", value: ms(ours), unit: "ms", baseline: ms(theirs) },
    ])
}

/// The least that the facts could cost: all entries' bytes in one piece, compressed.
fn packed_facts(node: &mut Node) -> Result<f64> {
    let (mut all, mut after) = (Vec::new(), 0);
    while let Some((run, upto)) = node.load_run(after)? {
        all.extend(run.entries.concat());
        after = upto;
    }
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    Ok(zstd::bulk::compress(&all, 3)?.len() as f64)
}

/// Until the hub has acknowledged everything (how long that took) and its feed has come down.
async fn exchange(
    hub: SocketAddr,
    identity: &Identity,
    desk: mailbox::Handle,
    entries: u64,
) -> Result<(ConnectionStats, Duration)> {
    let dialler = Dialler::new(&hub.to_string(), identity).map_err(|fault| anyhow!("{fault}"))?;
    let line = dialler.dial().await.map_err(|fault| anyhow!("{fault}"))?;
    let connection = line.connection.clone();
    let running = tokio::spawn(run_line(line.connection.clone(), Desk::from(desk.clone()), |_| ()));
    let started = Instant::now();
    let mut acked = Duration::ZERO;
    loop {
        let (upto, feed) = desk.ask(|node, _| (node.acked_upto(), node.standing().feed)).await?;
        if upto >= entries && acked.is_zero() {
            acked = started.elapsed();
        }
        // The hub's feed tells the nation of these sales, this edge with it: it counts too.
        if upto >= entries && feed >= SALES as u64 {
            break;
        }
        anyhow::ensure!(!running.is_finished(), "the line ended early");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stats = connection.stats();
    running.abort();
    Ok((stats, acked))
}

/// What a line has carried both ways, with the headers of IP and UDP.
pub(super) fn bytes(stats: &ConnectionStats) -> u64 {
    let datagrams = stats.udp_tx.datagrams + stats.udp_rx.datagrams;
    stats.udp_tx.bytes + stats.udp_rx.bytes + datagrams * DATAGRAM_HEADER_BYTES
}

/// An end that reads what comes and says nothing but that it came.
fn raw_sink(authority: &Authority) -> Result<Endpoint> {
    let endpoint = Endpoint::server(gateway::server_config(authority)?, "127.0.0.1:0".parse()?)?;
    let sink = endpoint.clone();
    tokio::spawn(async move {
        while let Some(incoming) = sink.accept().await {
            let Ok(connection) = incoming.await else { continue };
            let Ok((mut send, mut receive)) = connection.accept_bi().await else { continue };
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(Some(_)) = receive.read(&mut buffer).await {}
            let _ = send.finish();
            connection.closed().await;
        }
    });
    Ok(endpoint)
}

/// Dials and sends so many bytes; until the other end has read them all.
async fn raw_copy(to: SocketAddr, identity: &Identity, count: u64) -> Result<Duration> {
    let dialler = Dialler::new(&to.to_string(), identity).map_err(|fault| anyhow!("{fault}"))?;
    let started = Instant::now();
    let line = dialler.dial().await.map_err(|fault| anyhow!("{fault}"))?;
    let (mut send, mut receive) = line.connection.open_bi().await?;
    send.write_all(&vec![7; usize::try_from(count)?]).await?;
    send.finish()?;
    receive.read_to_end(16).await?;
    Ok(started.elapsed())
}
