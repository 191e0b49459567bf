//! The limits of QUIC at the real endpoint: streams, windows, half-open handshakes, reflection (T7).

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use quinn::VarInt;
use shared::seal::Secret;
use shared::wire::v1::enrol::ALPN_SYNC;
use shared::wire::v1::message::Message;
use tokio::time::timeout;

use super::edge::{Edge, client, dial, endpoint, framed};
use super::{SECRET, Town, code};
use crate::gateway::{HALF_OPEN_RETRY, WINDOW_BYTES};
use crate::hub::Hub;
use crate::mailbox::Answer;
use crate::testing::{Ledger, MORNING, OTHER, TAMSUI, code_of};

/// The shortest first packet that QUIC allows; ours are as long.
const INITIAL_BYTES: usize = 1200;
/// If it were allowed it would be at once.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_one_stream() {
    let town = Town::new().await;
    let (edge, papers) = town.edge(TAMSUI, 1).await;
    assert!(timeout(AT_ONCE, edge.connection.open_bi()).await.is_err(), "a second stream");
    assert!(timeout(AT_ONCE, edge.connection.open_uni()).await.is_err(), "a stream of one direction");
    assert_eq!(edge.connection.max_datagram_size(), None, "datagrams");
    // Also for somebody who opens nothing first.
    let endpoint = endpoint();
    let bare = dial(&endpoint, town.gateway.local_addr(), client(town.ca(), Some(&papers), ALPN_SYNC)).await.unwrap();
    let _first = bare.open_bi().await.unwrap();
    assert!(timeout(AT_ONCE, bare.open_bi()).await.is_err());
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_not_heard_sends_no_more_than_its_window() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    // Runs that cannot be taken: the site is not heard for longer and longer.
    let mut refusals = Vec::new();
    for n in 0..8 {
        edge.ledger.sell("A123456789", MORNING + n);
        let mut forged = edge.ledger.run(usize::try_from(n).unwrap()).unwrap();
        forged.entries[0][3] ^= 1;
        refusals.extend(framed(&Message::Up(forged)));
    }
    edge.say(&refusals).await;
    let asks: Vec<u8> = (0..400_000).flat_map(|echo| framed(&Message::Ask { echo })).collect();
    let length = u64::try_from(asks.len()).unwrap();
    assert!(length > 20 * u64::from(WINDOW_BYTES), "{length}");
    assert!(timeout(AT_ONCE * 2, edge.say(&asks)).await.is_err(), "all was taken");
    let sent = edge.connection.stats().udp_tx.bytes;
    // What was read before the pauses became long, one window, one piece in each hand.
    assert!(sent < 6 * u64::from(WINDOW_BYTES), "{sent} of {length} bytes");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_has_narrow_windows_until_a_run_of_it_was_taken() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    let narrow = sent_while_the_line_waits(&town, &mut edge).await;
    let (mut edge, _) = town.edge(OTHER, 2).await;
    edge.ledger.sell("A123456789", MORNING);
    edge.grown().await;
    edge.until("an acknowledgement", |edge| edge.acked == 1).await;
    let wide = sent_while_the_line_waits(&town, &mut edge).await;
    println!("{narrow} bytes, then {wide}");
    let window = u64::from(WINDOW_BYTES);
    assert!(narrow < window && wide > window, "{narrow} bytes, then {wide}");
    town.stop().await;
}

/// How many bytes go out while the hub does not get on with the first message.
async fn sent_while_the_line_waits(town: &Town, edge: &mut Edge) -> u64 {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (nobody, _) = tokio::sync::mpsc::channel(1);
    let wait = move |_: &mut Hub| {
        let _ = held.recv();
        Ok(Answer::Trouble)
    };
    town.hub.post(nobody, wait).await.unwrap();
    let before = edge.connection.stats().udp_tx.bytes;
    edge.say(&framed(&Message::Key { number: 9, secret: Secret::new(SECRET) })).await;
    let asks: Vec<u8> = (0..40_000).flat_map(|echo| framed(&Message::Ask { echo })).collect();
    assert!(asks.len() > 4 * usize::try_from(WINDOW_BYTES).unwrap());
    let _ = timeout(AT_ONCE * 2, edge.say(&asks)).await;
    drop(release);
    edge.connection.stats().udp_tx.bytes - before
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_asks_and_takes_nothing_is_given_up() {
    let town = Town::new().await;
    let (edge, papers) = town.edge(TAMSUI, 1).await;
    edge.connection.close(VarInt::from_u32(0), b"");
    let mut config = client(town.ca(), Some(&papers), ALPN_SYNC);
    let mut transport = quinn::TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(16));
    config.transport_config(std::sync::Arc::new(transport));
    let endpoint = endpoint();
    let deaf = dial(&endpoint, town.gateway.local_addr(), config).await.unwrap();
    let (mut send, _recv) = deaf.open_bi().await.unwrap();
    let ledger = Ledger::new(code_of(TAMSUI), 7, &Secret::new(SECRET));
    send.write_all(&framed(&Message::Hello(super::edge::hello_of(TAMSUI, &ledger)))).await.unwrap();
    // The greeting is on its way; then more questions than the hub keeps answers to.
    tokio::time::sleep(AT_ONCE).await;
    let asks: Vec<u8> = (0..40_000).flat_map(|echo| framed(&Message::Ask { echo })).collect();
    let _ = timeout(Duration::from_secs(20), send.write_all(&asks)).await;
    let ended = timeout(Duration::from_secs(60), deaf.closed()).await.expect("it is given up");
    let quinn::ConnectionError::ApplicationClosed(close) = ended else { panic!("{ended}") };
    assert_eq!(close.error_code, VarInt::from_u32(code::PROTOCOL), "{close:?}");
    let why = String::from_utf8_lossy(&close.reason).into_owned();
    assert!(why.contains("without reading"), "{why}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_frame_that_is_not_finished_ends_its_line() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    let mut long = 17_000u32.to_be_bytes().to_vec();
    long.resize(long.len() + 16_999, 0);
    edge.say(&long).await;
    // Ten seconds and four more for its length.
    let ended = timeout(Duration::from_secs(60), edge.connection.closed()).await.expect("the line ends");
    let quinn::ConnectionError::ApplicationClosed(close) = ended else { panic!("{ended}") };
    let why = String::from_utf8_lossy(&close.reason).into_owned();
    assert_eq!(close.error_code, VarInt::from_u32(code::PROTOCOL), "{why}");
    assert!(why.contains("not finished"), "{why}");
    town.stop().await;
}

/// First packets of real handshakes, caught where nobody answers.
async fn initials(town: &Town, count: usize) -> Vec<Vec<u8>> {
    let sink = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (endpoint, to) = (endpoint(), sink.local_addr().unwrap());
    let mut buffer = vec![0; 2048];
    let (mut out, mut seen, mut kept) = (Vec::new(), HashSet::new(), Vec::new());
    while out.len() < count {
        let connecting = endpoint.connect_with(client(town.ca(), None, ALPN_SYNC), to, "localhost").unwrap();
        let (length, _) = sink.recv_from(&mut buffer).await.unwrap();
        if length >= INITIAL_BYTES && seen.insert(buffer[6..6 + usize::from(buffer[5])].to_vec()) {
            out.push(buffer[..length].to_vec());
        }
        // One that is given up would say so, in a packet as long.
        kept.push(connecting);
    }
    out
}

/// Everything that comes back to a socket until nothing comes for a while.
fn answers(socket: &UdpSocket, silence: Duration) -> Vec<Vec<u8>> {
    socket.set_read_timeout(Some(silence)).unwrap();
    let mut buffer = vec![0; 65_536];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_crowd_of_half_open_handshakes_a_stranger_gets_a_retry() {
    let town = Town::new().await;
    let hub = town.gateway.local_addr();
    let crowd = usize::try_from(HALF_OPEN_RETRY).unwrap();
    let initials = initials(&town, crowd + 40).await;
    // From a few addresses: one alone may not begin so many.
    for (n, packet) in initials[..crowd].iter().enumerate() {
        let from = SocketAddr::from(([127, 0, 4, u8::try_from(n % 4).unwrap() + 1], 0));
        UdpSocket::bind(from).unwrap().send_to(packet, hub).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let half_open = &town.hub.counters().half_open;
    timeout(Duration::from_secs(8), async {
        while half_open.get() < HALF_OPEN_RETRY {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("only {} half open", half_open.get()));
    let stranger = UdpSocket::bind("127.0.5.1:0").unwrap();
    for packet in &initials[crowd..] {
        stranger.send_to(packet, hub).unwrap();
    }
    let said = tokio::task::spawn_blocking(move || answers(&stranger, Duration::from_secs(2))).await.unwrap();
    let retries: Vec<&Vec<u8>> = said.iter().filter(|packet| packet[0] & 0xf0 == 0xf0).collect();
    assert!(retries.len() >= 30, "{} of {} answers", retries.len(), said.len());
    let reflected: usize = said.iter().map(Vec::len).sum();
    println!("a crowd is told {reflected} bytes for {}", 40 * INITIAL_BYTES);
    assert!(reflected < 40 * INITIAL_BYTES / 4, "a retry is short");
    assert_eq!(half_open.get(), HALF_OPEN_RETRY, "nothing is kept of a stranger");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_an_address_that_is_not_proven_little_goes_back() {
    let town = Town::new().await;
    let hub = town.gateway.local_addr();
    for packet in initials(&town, 3).await {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&packet, hub).unwrap();
        // The handshake's patience is ten seconds; sent again after one, three, seven.
        let said = tokio::task::spawn_blocking(move || answers(&socket, Duration::from_secs(5))).await.unwrap();
        let bytes: usize = said.iter().map(Vec::len).sum();
        let sizes: Vec<usize> = said.iter().map(Vec::len).collect();
        println!("{} bytes sent, {bytes} came back in {sizes:?}", packet.len());
        assert!(bytes > packet.len(), "it was answered");
        // QUIC's three times; quinn lets the datagram with which that is reached be a whole one.
        assert!(bytes < 3 * packet.len() + INITIAL_BYTES, "{bytes} for {}", packet.len());
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_knocks_without_end_does_not_keep_others_out() {
    let town = Town::new().await;
    let papers = town.enrol(TAMSUI).await;
    let hub = town.gateway.local_addr();
    let flood = initials(&town, 400).await;
    let socket = UdpSocket::bind("127.0.6.1:0").unwrap();
    for packet in &flood {
        socket.send_to(packet, hub).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut edge = town.dial(TAMSUI, &papers, Ledger::new(code_of(TAMSUI), 1, &Secret::new(SECRET))).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    town.stop().await;
}
