//! An honest site on a real line, an edge of this version: it sells, signs, waits for the acknowledgement, and notes how
//! long that took.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quinn::{Endpoint, RecvStream, SendStream};
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

use super::{MORNING, Papers, Shown};

const WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// One site that sells.
pub struct Seller {
    site: SiteCode,
    signer: Signer,
    keys: SiteKeys,
    tip: Tip,
    runs: Vec<Run>,
    acked: LogPos,
    session: Session,
    send: SendStream,
    recv: RecvStream,
    deframer: Deframer,
    _line: (Endpoint, quinn::Connection),
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
        let site = papers.code()?;
        let endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
        let config = papers.caller(ALPN_SYNC, Shown::Certificate, WINDOW_BYTES)?;
        let connection = endpoint.connect_with(config, hub, "localhost")?.await.context("dial")?;
        let (send, recv) = connection.open_bi().await?;
        let doc = DocId::Site { site, day: taipei_day(MORNING) };
        let actor = ActorId([actor; 16]);
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
            session: Session::default(),
            send,
            recv,
            deframer: Deframer::default(),
            _line: (endpoint, connection),
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
        let by = Staff { name: "王藥師".to_owned(), verified: false };
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
                Output::Acked { upto, .. } => {
                    self.acked = upto;
                    None
                }
                Output::Down { .. } | Output::Feed { .. } | Output::Own { .. } => Some(Input::Took),
                // It takes no digests, so it is given none.
                Output::Manifest { .. } | Output::Piece(_) => bail!("a digest for an edge that takes none"),
                Output::Want => Some(Input::Wanted(None)),
                Output::Beacon { .. } | Output::Key { .. } => None,
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
