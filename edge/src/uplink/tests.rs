//! The uplink against a hub made of `shared::sync::hub` and a memory, over real QUIC on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, Incoming};
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use shared::ids::{EntryId, Incarnation};
use shared::ledger::run::Run;
use shared::seal::Secret;
use shared::sync::handshake::welcome;
use shared::sync::hub::{Input, Output, Session};
use shared::wire::v1::confirm::{Confirm, Confirmed};
use shared::wire::v1::enquiry::{Answered, Enquiry, Told};
use shared::wire::v1::enrol::{
    ALPN_ENROL, ALPN_SYNC, ENROL_BYTES_MAX, Enrolled, Reply, Token, decode_request, encode_reply,
};
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::{Message, Welcome};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::enrol::{Applicant, enrol};
use super::quic::{Dialler, Identity};
use super::{LineState, LineStatus, Uplink};
use crate::desk::Desk;
use crate::node::ask::{ArriveRequest, DocumentText, Examine, SaleRequest};
use crate::trial::{THURSDAY, booking, desk_at, elsewhere, hub_life, published, site};

const SOON: Duration = Duration::from_secs(10);
const HUB_SECOND: i64 = 1_580_954_400;

/// A hub: its CA, and the entries that it holds.
struct Hub {
    issuer: Issuer<'static, KeyPair>,
    ca: Vec<u8>,
    address: SocketAddr,
    endpoint: Endpoint,
    held: Arc<Mutex<Vec<EntryId>>>,
}

fn authority() -> (Issuer<'static, KeyPair>, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "test CA");
    let ca = params.self_signed(&key).unwrap().der().to_vec();
    (Issuer::new(params, key), ca)
}

impl Hub {
    fn start() -> Self {
        let (issuer, ca) = authority();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let own = params.signed_by(&key, &issuer).unwrap();
        let chain = vec![own.der().clone(), CertificateDer::from(ca.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(ca.clone())).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
        let tls = rustls::ServerConfig::builder_with_provider(provider);
        let tls = tls.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
        let mut tls = tls.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
        tls.alpn_protocols = vec![ALPN_SYNC.to_vec(), ALPN_ENROL.to_vec()];
        let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let endpoint = Endpoint::server(config, ([127, 0, 0, 1], 0).into()).unwrap();
        let address = endpoint.local_addr().unwrap();
        Self { issuer, ca, address, endpoint, held: Arc::default() }
    }

    /// A certificate for the signing request.
    fn certify(&self, csr: Vec<u8>) -> Vec<u8> {
        let csr = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(csr)).unwrap();
        csr.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    fn token(&self) -> Token {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.ca);
        Token { secret: [5; 16], ca: hash.as_ref()[..16].try_into().unwrap() }
    }

    fn dialler(&self) -> Dialler {
        let key = KeyPair::generate().unwrap();
        let csr = CertificateParams::new(vec![]).unwrap().serialize_request(&key).unwrap();
        let identity =
            Identity { certificate: self.certify(csr.der().to_vec()), ca: self.ca.clone(), key: key.serialize_der() };
        Dialler::new(&self.address.to_string(), &identity).unwrap()
    }

    /// Takes lines for ever.
    fn serve(&self) {
        let (endpoint, held) = (self.endpoint.clone(), Arc::clone(&self.held));
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                tokio::spawn(one_line(incoming, Arc::clone(&held)));
            }
        });
    }
}

async fn one_line(incoming: Incoming, held: Arc<Mutex<Vec<EntryId>>>) -> Option<()> {
    let connection = incoming.await.ok()?;
    let (mut send, mut recv) = connection.accept_bi().await.ok()?;
    let mut session = Session::new(site().code);
    let mut deframer = Deframer::default();
    while let Some(chunk) = recv.read_chunk(65_536, true).await.ok()? {
        for message in deframer.push(&chunk.bytes).unwrap() {
            let mut todo: std::collections::VecDeque<Output> = session.handle(Input::Message(message)).into();
            while let Some(output) = todo.pop_front() {
                let answer = match output {
                    Output::Send(message) => {
                        send.write_all(&frame::encode(&message).unwrap()).await.ok()?;
                        None
                    }
                    Output::Greet(hello) => {
                        let welcome = welcome(Incarnation([8; 16]), HUB_SECOND, None, 0);
                        let welcome = Welcome { life: Some(hub_life()), ..welcome };
                        Some(Input::Greeted { welcome, down: hello.down, feed: hello.feed, manifest: None, own: None })
                    }
                    Output::Ingest(run) => Some(ingest(&run, &held)),
                    Output::LoadDown(after) => {
                        Some(Input::Down((after == 0).then(|| (published(&["mask-2020-02-06"]), 1))))
                    }
                    Output::LoadFeed { .. } => Some(Input::Feed(vec![])),
                    Output::LoadOwn { .. } => Some(Input::Own(None)),
                    Output::Key { .. } | Output::LoadPiece(_) => None,
                    // It knows of nobody's purchases.
                    Output::Confirm(Confirm { nonce, from, .. }) => {
                        Some(Input::Confirmed(Confirmed { nonce, feed: 1, from, purchases: Some(vec![]) }))
                    }
                    Output::Enquire(Enquiry { nonce, .. }) => {
                        Some(Input::Told(Told { nonce, answer: Answered::Unsaid }))
                    }
                    Output::Beacon { echo } => {
                        let beacon = Message::Beacon { echo, second: HUB_SECOND, feed: None };
                        send.write_all(&frame::encode(&beacon).unwrap()).await.ok()?;
                        None
                    }
                    Output::Close(_) => return None,
                };
                todo.extend(answer.map(|answer| session.handle(answer)).unwrap_or_default());
            }
        }
    }
    Some(())
}

fn ingest(run: &Run, held: &Mutex<Vec<EntryId>>) -> Input {
    let ids: Vec<EntryId> = run.links().unwrap().iter().map(|link| link.id).collect();
    let id = *ids.last().unwrap();
    held.lock().unwrap().extend(ids);
    Input::Ingested { id, feed: 0, receipt: None }
}

async fn arrive(desk: &Desk) {
    let ask = ArriveRequest { request: None, programme: None, adult: 200, child: 50, by: "王".to_owned() };
    desk.arrive(ask).await.unwrap().unwrap();
}

async fn until(status: &mut watch::Receiver<LineStatus>, what: impl FnMut(&LineStatus) -> bool) -> LineStatus {
    tokio::time::timeout(SOON, status.wait_for(what)).await.unwrap().unwrap().clone()
}

/// A line from this desk to the hub: what keeps it up, how it stands, and what ends it.
fn line_up(
    hub: &Hub,
    desk: &Desk,
    folder: &Path,
) -> (JoinHandle<()>, watch::Receiver<LineStatus>, watch::Sender<bool>) {
    let (status, line) = watch::channel(LineStatus::default());
    let (stop, stopped) = watch::channel(false);
    let (dialler, cut_file) = (hub.dialler(), folder.join("line-cut"));
    let running = tokio::spawn(Uplink { dialler, desk: desk.clone(), status, cut_file }.run(stopped));
    (running, line, stop)
}

#[tokio::test]
async fn facts_go_up_rules_come_down_and_the_clock_is_set() {
    let hub = Hub::start();
    hub.serve();
    let desk = desk_at(THURSDAY, &[]);
    arrive(&desk).await;
    let folder = tempfile::tempdir().unwrap();
    let (running, mut line, stop) = line_up(&hub, &desk, folder.path());
    let status = until(&mut line, |line| line.state == LineState::Connected).await;
    assert!(status.connected_since.is_some() && status.last_attempt.is_some());
    // What is written while the line stands follows at once.
    arrive(&desk).await;
    let done = async {
        loop {
            let status = desk.status().await.unwrap();
            if status.acked == 2 && status.down == 1 && status.beacon_seen {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let status = tokio::time::timeout(SOON, done).await.unwrap();
    assert!((status.now.second - HUB_SECOND).abs() < 20, "the hub's time: {}", status.now.second);
    assert_eq!(desk.versions().await.unwrap().iter().count(), 1);
    assert_eq!(hub.held.lock().unwrap().len(), 2);
    stop.send_replace(true);
    let at_once = Duration::from_millis(500);
    tokio::time::timeout(at_once, running).await.unwrap().unwrap();
    assert_eq!(line.borrow().state, LineState::Stopped);
}

#[tokio::test]
async fn leases_that_are_over_go_back_as_soon_as_there_is_a_line() {
    let hub = Hub::start();
    hub.serve();
    let desk = booking::desk(booking::OPEN).await;
    let greeting = welcome(Incarnation([8; 16]), HUB_SECOND, None, 0);
    desk.resume(Welcome { life: Some(hub_life()), ..greeting }).await.unwrap();
    let over = booking::lease_until("14:00", 2, desk.reading().wall_ms / 1_000 - 60);
    booking::tell(&desk, 10, booking::DESK, vec![over]).await;
    let folder = tempfile::tempdir().unwrap();
    let (running, _line, stop) = line_up(&hub, &desk, folder.path());
    let returned = async {
        while hub.held.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, returned).await.unwrap();
    let line = desk.export(0, 9).await.unwrap().lines.remove(0);
    assert!(line.contains(r#""kind":"returned""#) && line.contains(r#""places":2"#), "{line}");
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn whom_the_list_takes_for_a_buyer_is_refused_only_where_the_hub_cannot_be_asked() {
    let hub = Hub::start();
    hub.serve();
    let desk = desk_at(THURSDAY, &["mask-2020-02-06"]);
    arrive(&desk).await;
    let folder = tempfile::tempdir().unwrap();
    let (running, mut line, stop) = line_up(&hub, &desk, folder.path());
    until(&mut line, |line| line.state == LineState::Connected).await;
    desk.take_feed(0, vec![elsewhere("A100000010")]).await.unwrap();
    let text = |text: &str| text.to_owned();
    let document = DocumentText { kind: text("01"), number: text("A100000010"), birth: text("19860315") };
    let ask = Examine { programme: None, document: document.clone() };
    assert_eq!(desk.examine(ask.clone()).await.unwrap().unwrap().allowance.most(), 2);
    assert_eq!(desk.slip(ask.clone()).await.unwrap_err().code, "not-refused");
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(desk.examine(ask.clone()).await.unwrap().unwrap_err().code(), "bought", "there is no line");
    assert_eq!(desk.slip(ask).await.unwrap().unwrap().found.len(), 1);
    let (_running, mut line, _stop) = line_up(&hub, &desk, folder.path());
    until(&mut line, |line| line.state == LineState::Connected).await;
    let (request, programme, by) = (None, None, String::new());
    let ask = SaleRequest { request, programme, document, adult: 2, child: 0, proxy: None, manager: None, by };
    assert_eq!(desk.sell(ask).await.unwrap().unwrap().pieces.adult, 2);
}

#[tokio::test]
async fn a_cut_line_is_hung_up_and_heals() {
    let hub = Hub::start();
    hub.serve();
    let desk = desk_at(THURSDAY, &[]);
    let folder = tempfile::tempdir().unwrap();
    let cut_file = folder.path().join("line-cut");
    std::fs::write(&cut_file, "").unwrap();
    let (_running, mut line, stop) = line_up(&hub, &desk, folder.path());
    until(&mut line, |line| line.state == LineState::Cut).await;
    assert_eq!(line.borrow().last_attempt, None, "a cut line is not dialled");
    std::fs::remove_file(&cut_file).unwrap();
    until(&mut line, |line| line.state == LineState::Connected).await;
    std::fs::write(&cut_file, "").unwrap();
    until(&mut line, |line| line.state == LineState::Cut).await;
    arrive(&desk).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(hub.held.lock().unwrap().is_empty(), "nothing passes a cut line");
    drop(stop);
}

#[tokio::test]
async fn who_is_not_there_or_not_ours_is_told_in_plain_words() {
    let hub = Hub::start();
    hub.serve();
    let stranger = Hub::start();
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::new(vec![]).unwrap().serialize_request(&key).unwrap().der().to_vec();
    // Our own certificate, but we trust another CA than this hub's.
    let identity = Identity { certificate: hub.certify(csr), ca: stranger.ca.clone(), key: key.serialize_der() };
    let fault = Dialler::new(&hub.address.to_string(), &identity).unwrap().dial().await.unwrap_err();
    assert!(fault.zh.contains("互信") && fault.en.contains("trust"), "{fault}");
    let fault = Dialler::new("no-such-hub.invalid:7443", &identity).unwrap().dial().await.unwrap_err();
    assert_eq!(fault.code, "hub-unknown", "{fault}");
}

#[tokio::test]
async fn enrolment_trusts_the_tokens_hub_and_no_other() {
    let hub = Arc::new(Hub::start());
    let secret = Secret::new([3; 32]);
    let key = KeyPair::generate().unwrap();
    let csr = CertificateParams::new(vec![]).unwrap().serialize_request(&key).unwrap().der().to_vec();
    let applicant = Applicant { site: site().code, key_number: 1, secret: &secret, csr };
    let server = Arc::clone(&hub);
    let answering = tokio::spawn(async move {
        let mut used = false;
        while let Some(incoming) = server.endpoint.accept().await {
            let Ok(connection) = incoming.await else { continue };
            let (mut send, mut recv) = connection.accept_bi().await.unwrap();
            let request = decode_request(&recv.read_to_end(ENROL_BYTES_MAX).await.unwrap()).unwrap();
            assert_eq!((request.token, request.key_number), ([5; 16], 1));
            let reply = if std::mem::replace(&mut used, true) {
                Reply::Refused("the token was used already".to_owned())
            } else {
                let certificate = server.certify(request.csr);
                let (ca, name) = (server.ca.clone(), "淡水藥局".to_owned());
                Reply::Enrolled(Box::new(Enrolled { site: site().code.to_string(), name, certificate, ca, second: 0 }))
            };
            send.write_all(&encode_reply(&reply)).await.unwrap();
            send.finish().unwrap();
            connection.closed().await;
        }
    });
    let at = hub.address.to_string();
    let enrolled = enrol(&at, &hub.token(), &applicant).await.unwrap();
    assert_eq!(enrolled.name, "淡水藥局");
    assert_eq!(enrol(&at, &hub.token(), &applicant).await.unwrap_err().code, "token-refused", "a token is good once");
    let other = Token { ca: [0; 16], ..hub.token() };
    assert_eq!(enrol(&at, &other, &applicant).await.unwrap_err().code, "hub-other");
    answering.abort();
}
