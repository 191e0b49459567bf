//! An honest site on a real line, an edge of this version: it sells, signs, waits for the acknowledgement, and notes how
//! long that took; or it only listens, and notes when it was told what.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use shared::entry::{Entry, Fact, Instant as Moment, Pieces, Reading, Sale, Staff};
use shared::ids::{ActorId, DocId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::seal::{Secret, SiteKeys};
use shared::sign::Signer;
use shared::sync::edge::{Input, LogPos, Output, Resumed, Session};
use shared::sync::handshake::Standing;
use shared::wire::v1::enrol::ALPN_SYNC;
use shared::wire::v1::entry;
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::life::EdgeLife;
use shared::wire::v1::message::FeedPart;

use super::{MORNING, Papers, Shown};

const WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a site was told of the nation at once, and when.
#[derive(Debug, Clone)]
pub struct News {
    /// Once its session had taken it.
    pub at: Instant,
    /// It goes on behind this position of the feed.
    pub after: u64,
    /// Consecutive batches.
    pub parts: Vec<FeedPart>,
}

/// All that a site was told so far. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<News>>>);

impl Heard {
    /// As it is now.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The position of the feed up to which the site knows the nation.
    #[must_use]
    pub fn upto(&self) -> u64 {
        let news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        news.last().and_then(|last| last.parts.last()).map_or(0, |part| part.upto)
    }

    fn add(&self, after: u64, parts: Vec<FeedPart>) {
        let news = News { at: Instant::now(), after, parts };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(news);
    }
}

/// One site that sells, or listens.
pub struct Seller {
    site: SiteCode,
    signer: Signer,
    keys: SiteKeys,
    tip: Tip,
    runs: Vec<Run>,
    acked: LogPos,
    counted: u64,
    heard: Heard,
    session: Session,
    send: SendStream,
    recv: RecvStream,
    deframer: Deframer,
    line: (Endpoint, Connection),
}

impl std::fmt::Debug for Seller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seller({})", self.site)
    }
}

impl Seller {
    /// Dials and greets.
    ///
    /// # Errors
    /// Where the hub does not take the call.
    pub async fn open(hub: SocketAddr, papers: &Papers, actor: u8) -> Result<Self> {
        Self::through(Endpoint::client("127.0.0.1:0".parse()?)?, hub, papers, ActorId([actor; 16])).await
    }

    /// The same from a socket that others may share.
    ///
    /// # Errors
    /// Where the hub does not take the call.
    pub async fn through(endpoint: Endpoint, hub: SocketAddr, papers: &Papers, actor: ActorId) -> Result<Self> {
        let site = papers.code()?;
        let config = papers.caller(ALPN_SYNC, Shown::Certificate, WINDOW_BYTES)?;
        let connection = endpoint.connect_with(config, hub, "localhost")?.await.context("dial")?;
        let (send, recv) = connection.open_bi().await?;
        let doc = DocId::Site { site, day: taipei_day(MORNING) };
        let (secret, signer) = (Secret::new(papers.secret), Signer::derive(&papers.secret, b"siege")?);
        let life = EdgeLife {
            boot: actor.0,
            parent: None,
            own: 0,
            signer: signer.public(),
            keys: vec![secret.mark()?],
            tips: vec![],
        };
        let mut seller = Self {
            site,
            signer,
            keys: SiteKeys::new(site, 1, &secret)?,
            tip: Tip::start(doc, actor, 0, vec![]),
            runs: Vec::new(),
            acked: 0,
            counted: 0,
            heard: Heard::default(),
            session: Session::default(),
            send,
            recv,
            deframer: Deframer::default(),
            line: (endpoint, connection),
        };
        let standing = Standing {
            site,
            incarnation: Incarnation(actor.0),
            hub_life: Incarnation([0; 16]),
            down: 0,
            feed: 0,
            life: Some(life),
            manifest: None,
        };
        seller.step(Input::Connected(standing)).await?;
        while !seller.session.is_open() {
            seller.read().await?;
        }
        Ok(seller)
    }

    /// Sells to somebody; how long the hub took to have it on its disk.
    ///
    /// # Errors
    /// Where the line ends, or no acknowledgement comes.
    pub async fn sell(&mut self, number: &str) -> Result<Duration> {
        let run = self.sale(number)?;
        self.runs.push(run);
        let begun = Instant::now();
        let wanted = self.acked + 1;
        self.step(Input::Grown).await?;
        while self.acked < wanted {
            let left = PATIENCE.checked_sub(begun.elapsed()).context("no acknowledgement came")?;
            tokio::time::timeout(left, self.read()).await.context("no acknowledgement came")??;
        }
        Ok(begun.elapsed())
    }

    /// Takes what comes until the line ends, and sells nothing.
    ///
    /// # Errors
    /// Always, in the end: why the line ended.
    pub async fn listen(mut self) -> Result<()> {
        loop {
            self.read().await?;
        }
    }

    /// The feed's position by which what was acknowledged last is counted.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// What it is told, also while it listens.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Its line.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.line.1.clone()
    }

    fn sale(&mut self, number: &str) -> Result<Run> {
        let start = self.tip.next.clone();
        let document = Document::parse("01", number, "1986-03-15", taipei_day(MORNING))
            .map_err(|bad| anyhow::anyhow!(bad.en()))?;
        let sale = Sale {
            programme: "mask".parse()?,
            version: "mask-2020-02-06".parse()?,
            pieces: Pieces { adult: 2, child: 0 },
            happened: None,
            reading: Reading::Card,
            watermark: 0,
            document: self.keys.seal(&start.id, 0, &document)?,
            proxy: None,
            approved_by: None,
            behind: vec![],
        };
        let at = Moment { second: MORNING + i64::from(start.id.seq), doubt_s: 1 };
        let by = Staff { name: "王藥師".to_owned(), verified: false, id: None };
        let bytes = entry::encode(&Entry { at, by, fact: Fact::Sale(sale) });
        let last = self.tip.append(&bytes)?.hash;
        let mut run = Run { doc: self.tip.doc, start, entries: vec![bytes], joints: vec![], last, signature: None };
        run.signature = Some(self.signer.sign_head(&run.head()));
        Ok(run)
    }

    async fn read(&mut self) -> Result<()> {
        let chunk = self.recv.read_chunk(64 * 1024, true).await?.context("the hub finished")?;
        for message in self.deframer.push(&chunk.bytes)? {
            self.step(Input::Message(message)).await?;
        }
        Ok(())
    }

    async fn step(&mut self, input: Input) -> Result<()> {
        let mut outputs: std::collections::VecDeque<Output> = self.session.handle(input).into();
        while let Some(output) = outputs.pop_front() {
            let next = match output {
                Output::Send(message) => {
                    self.send.write_all(&frame::encode(&message)?).await?;
                    None
                }
                Output::Resume(_) => Some(Input::Resumed(Resumed::Behind { pos: 0, keys: vec![] })),
                Output::Load(after) => {
                    let run = self.runs.get(usize::try_from(after)?).cloned();
                    Some(Input::Loaded(run.map(|run| (run, after + 1))))
                }
                Output::Acked { upto, feed, .. } => {
                    (self.acked, self.counted) = (upto, feed);
                    None
                }
                Output::Feed { after, parts } => {
                    self.heard.add(after, parts);
                    Some(Input::Took)
                }
                Output::Down { .. } | Output::Own { .. } => Some(Input::Took),
                // It takes no digests, so it is given none.
                Output::Manifest { .. } | Output::Piece(_) => bail!("a digest for an edge that takes none"),
                Output::Want => Some(Input::Wanted(None)),
                Output::Beacon { .. } | Output::Key { .. } => None,
                Output::Confirmed(_) | Output::Told(_) => bail!("an answer to a question that was never asked"),
                Output::Quarantined { why, .. } => bail!("an honest run was put aside: {why}"),
                Output::Close(close) => bail!("an honest line was closed: {close}"),
            };
            if let Some(input) = next {
                outputs.extend(self.session.handle(input));
            }
        }
        Ok(())
    }
}
