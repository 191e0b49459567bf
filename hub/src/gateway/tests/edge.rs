//! A small edge: the real session of `shared::sync::edge` over a real QUIC connection, with a
//! ledger in memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use shared::ids::{Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::seal::Secret;
use shared::sync::edge::{Input, LogPos, Output, Resumed, Session};
use shared::sync::handshake::{Standing, hello};
use shared::wire::v1::enrol::{ALPN_ENROL, ALPN_SYNC, Reply, Request, Token, decode_reply, encode_request};
use shared::wire::v1::feed;
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::{FeedPart, Hello, Message, Welcome};

use crate::testing::Ledger;

/// Long enough for a busy machine, short enough for a person.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What an edge shows at the door.
pub(super) struct Papers {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivatePkcs8KeyDer<'static>,
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap()
}

/// A client that trusts `ca` and speaks `alpn`.
pub(super) fn client(ca: &CertificateDer<'static>, papers: Option<&Papers>, alpn: &[u8]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut tls = match papers {
        Some(papers) => {
            tls.with_client_auth_cert(papers.chain.clone(), PrivateKeyDer::Pkcs8(papers.key.clone_key())).unwrap()
        }
        None => tls.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![alpn.to_vec()];
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

/// Connects, or says how it ended; TLS 1.3 tells a client of a refused certificate only afterwards.
pub(super) async fn dial(
    endpoint: &Endpoint,
    addr: SocketAddr,
    config: ClientConfig,
) -> Result<Connection, ConnectionError> {
    endpoint.connect_with(config, addr, "localhost").unwrap().await
}

/// How a connection ended: the hub's code and words, or what TLS said.
pub(super) async fn ended(connection: Result<Connection, ConnectionError>) -> (Option<u32>, String) {
    let cause = match connection {
        Ok(connection) => tokio::time::timeout(PATIENCE, connection.closed()).await.expect("it ends"),
        Err(cause) => cause,
    };
    match &cause {
        ConnectionError::ApplicationClosed(close) => {
            let code = u32::try_from(close.error_code.into_inner()).unwrap();
            (Some(code), String::from_utf8_lossy(&close.reason).into_owned())
        }
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => (None, cause.to_string()),
    }
}

/// Enrols with a token.
pub(super) async fn enrol(
    addr: SocketAddr,
    ca: &CertificateDer<'static>,
    token: &Token,
    secret: &Secret,
) -> Result<Papers, String> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let csr = CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let request = Request { token: token.secret, csr, key_number: 1, secret: secret.clone() };
    let endpoint = endpoint();
    let connection = dial(&endpoint, addr, client(ca, None, ALPN_ENROL)).await.unwrap();
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&encode_request(&request)).await.unwrap();
    send.finish().unwrap();
    let bytes = recv.read_to_end(64 * 1024).await.unwrap();
    match decode_reply(&bytes).unwrap() {
        Reply::Enrolled(enrolled) => {
            assert_eq!(enrolled.ca, ca.to_vec());
            let chain = vec![CertificateDer::from(enrolled.certificate)];
            Ok(Papers { chain, key: PrivatePkcs8KeyDer::from(key.serialize_der()) })
        }
        Reply::Refused(why) => Err(why),
    }
}

/// One line of a small edge.
pub(super) struct Edge {
    pub(super) connection: Connection,
    pub(super) ledger: Ledger,
    /// So many of its runs are acknowledged.
    pub(super) acked: LogPos,
    pub(super) refused: Vec<String>,
    pub(super) welcome: Option<Welcome>,
    pub(super) down: Vec<Run>,
    pub(super) feed: Vec<FeedPart>,
    pub(super) beacons: Vec<i64>,
    standing: Standing,
    session: Session,
    send: SendStream,
    recv: RecvStream,
    deframer: Deframer,
    _endpoint: Endpoint,
}

impl Edge {
    /// Dials with papers; `site` is what it says of itself.
    pub(super) async fn dial(
        addr: SocketAddr,
        ca: &CertificateDer<'static>,
        papers: &Papers,
        site: SiteCode,
        ledger: Ledger,
    ) -> Self {
        let endpoint = endpoint();
        let connection = dial(&endpoint, addr, client(ca, Some(papers), ALPN_SYNC)).await.unwrap();
        let (send, recv) = connection.open_bi().await.unwrap();
        let incarnation = ledger.incarnation();
        let standing = Standing {
            site,
            incarnation,
            hub_life: Incarnation([0; 16]),
            down: 0,
            feed: 0,
            life: None,
            manifest: None,
        };
        let mut edge = Self {
            connection,
            ledger,
            acked: 0,
            refused: vec![],
            welcome: None,
            down: vec![],
            feed: vec![],
            beacons: vec![],
            standing: standing.clone(),
            session: Session::default(),
            send,
            recv,
            deframer: Deframer::default(),
            _endpoint: endpoint,
        };
        edge.step(Input::Connected(standing)).await;
        edge
    }

    /// Reads and answers until something is so; panics where the line ends before, or nothing comes.
    pub(super) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !done(self) {
                if let Err(cause) = self.read().await {
                    panic!("before {what}: {cause}");
                }
            }
        });
        waited.await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    /// Reads until the line ends, and says how.
    pub(super) async fn ending(mut self) -> (Option<u32>, String) {
        let waited = tokio::time::timeout(PATIENCE, async { while self.read().await.is_ok() {} });
        waited.await.expect("the line ends");
        ended(Ok(self.connection)).await
    }

    async fn read(&mut self) -> Result<(), String> {
        let chunk = self.recv.read_chunk(64 * 1024, true).await.map_err(|cause| cause.to_string())?;
        let chunk = chunk.ok_or("the hub finished")?;
        for message in self.deframer.push(&chunk.bytes).unwrap() {
            self.step(Input::Message(message)).await;
        }
        Ok(())
    }

    /// The node wrote something.
    pub(super) async fn grown(&mut self) {
        self.step(Input::Grown).await;
    }

    pub(super) async fn ask(&mut self) {
        self.step(Input::Ask { echo: 1 }).await;
    }

    /// Says something that no session would.
    pub(super) async fn say(&mut self, bytes: &[u8]) {
        // A line that is closed meanwhile hears nothing.
        let _ = self.send.write_all(bytes).await;
    }

    /// What comes next, past the session.
    pub(super) async fn hear(&mut self, count: usize) -> Vec<Message> {
        let mut heard = Vec::new();
        let all = tokio::time::timeout(PATIENCE, async {
            while heard.len() < count {
                let chunk = self.recv.read_chunk(64 * 1024, true).await.unwrap().unwrap();
                heard.extend(self.deframer.push(&chunk.bytes).unwrap());
            }
        });
        all.await.unwrap_or_else(|_| panic!("only {} messages came", heard.len()));
        heard
    }

    async fn step(&mut self, input: Input) {
        let mut outputs: std::collections::VecDeque<Output> = self.session.handle(input).into();
        while let Some(output) = outputs.pop_front() {
            let next = match output {
                Output::Send(message) => {
                    let frame = frame::encode(&message).unwrap();
                    self.say(&frame).await;
                    None
                }
                Output::Resume(welcome) => {
                    self.welcome = Some(welcome);
                    Some(Input::Resumed(Resumed::Behind { pos: self.resume_at(), keys: vec![] }))
                }
                Output::Load(after) => {
                    let at = usize::try_from(after).unwrap();
                    Some(Input::Loaded(self.ledger.run(at).map(|run| (run, after + 1))))
                }
                Output::Acked { upto, .. } => {
                    self.acked = upto;
                    None
                }
                Output::Quarantined { why, .. } => {
                    self.refused.push(why);
                    None
                }
                Output::Down { run, .. } => {
                    self.down.push(run);
                    Some(Input::Took)
                }
                Output::Feed { parts, .. } => {
                    self.feed.extend(parts);
                    Some(Input::Took)
                }
                Output::Own { .. } => Some(Input::Took),
                Output::Key { .. } => None,
                Output::Beacon { second, .. } => {
                    self.beacons.push(second);
                    None
                }
                Output::Manifest { .. } => Some(Input::Took),
                Output::Want => Some(Input::Wanted(None)),
                Output::Piece(_) | Output::Confirmed(_) | Output::Told(_) => None,
                Output::Close(close) => {
                    self.refused.push(close.to_string());
                    None
                }
            };
            if let Some(input) = next {
                outputs.extend(self.session.handle(input));
            }
        }
    }

    fn resume_at(&self) -> LogPos {
        let last = self.welcome.as_ref().and_then(|welcome| welcome.last);
        last.map_or(0, |seen| LogPos::from(seen.id.seq))
    }

    /// People in the feed that came.
    pub(super) fn people(&self) -> usize {
        let items =
            |part: &FeedPart| feed::decode(&part.body).unwrap().groups.iter().map(|g| g.items.len()).sum::<usize>();
        self.feed.iter().map(items).sum()
    }

    pub(super) fn site(&self) -> SiteCode {
        self.standing.site
    }
}

/// A message as a frame.
pub(super) fn framed(message: &Message) -> Vec<u8> {
    frame::encode(message).unwrap()
}

/// The greeting of a site that has met nobody yet.
pub(super) fn hello_of(site: &str, ledger: &Ledger) -> Hello {
    let site = site.parse().unwrap();
    let (incarnation, hub_life) = (ledger.incarnation(), Incarnation([0; 16]));
    hello(Standing { site, incarnation, hub_life, down: 0, feed: 0, life: None, manifest: None })
}
