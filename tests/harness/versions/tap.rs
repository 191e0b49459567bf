//! A tap on one line: for the edge it is the hub, for the hub it is the edge, with the keys of both; every frame is
//! noted before it goes on. The programs on both sides may be of any version whose keys this one reads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use edge::config::Folder;
use edge::open;
use edge::uplink::quic::Dialler;
use hub::authority::Authority;
use hub::gateway::server_config;
use quinn::{Endpoint, RecvStream, SendStream};
use tokio::runtime::Runtime;

use super::folder::point;
use super::line::{Crossed, Cutter, End, number};

/// Most bytes of one read.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// What becomes of the hub's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// They reach the edge.
    Arrive,
    /// All behind the greeting are lost, and not noted.
    Lost,
}

#[derive(Debug, Default)]
struct Notes {
    crossed: Vec<Crossed>,
    lost: Vec<Vec<u8>>,
}

/// A tap; the line dies with it.
#[derive(Debug)]
pub struct Tap {
    notes: Arc<Mutex<Notes>>,
    _runtime: Runtime,
}

impl Tap {
    /// Between the edge of one folder and the hub of another, which listens at `to`; the edge will dial here. Only its
    /// first line is taken.
    ///
    /// # Errors
    /// Where keys or ports cannot be used.
    pub fn open(edge: &Path, hub: &Path, to: u16, answers: Answers) -> Result<Self> {
        let runtime = Runtime::new()?;
        let _inside = runtime.enter();
        point(edge, to)?;
        let dialler = open::dialler(&Folder::new(edge))?.context("the edge has not enrolled")?;
        let endpoint = Endpoint::server(server_config(&Authority::open(hub)?)?, "127.0.0.1:0".parse()?)?;
        point(edge, endpoint.local_addr()?.port())?;
        let notes = Arc::default();
        runtime.spawn(carry(endpoint, dialler, answers, Arc::clone(&notes)));
        Ok(Self { notes, _runtime: runtime })
    }

    /// What has crossed until now.
    #[must_use]
    pub fn crossed(&self) -> Vec<Crossed> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).crossed.clone()
    }

    /// What the hub said and the edge never heard.
    #[must_use]
    pub fn lost(&self) -> Vec<Vec<u8>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).lost.clone()
    }
}

async fn carry(endpoint: Endpoint, dialler: Dialler, answers: Answers, notes: Arc<Mutex<Notes>>) -> Result<()> {
    let from_edge = endpoint.accept().await.context("nobody dialled")?.await?;
    let (to_edge, edge_says) = from_edge.accept_bi().await?;
    let line = dialler.dial().await?;
    let (to_hub, hub_says) = line.connection.open_bi().await?;
    let up = pass(edge_says, to_hub, (End::Edge, Answers::Arrive), &notes);
    let down = pass(hub_says, to_edge, (End::Hub, answers), &notes);
    let ended = tokio::select! { ended = up => ended, ended = down => ended };
    from_edge.close(0u32.into(), b"done");
    ended
}

async fn pass(
    mut from: RecvStream,
    mut to: SendStream,
    (end, answers): (End, Answers),
    notes: &Mutex<Notes>,
) -> Result<()> {
    let mut cutter = Cutter::default();
    while let Some(chunk) = from.read_chunk(CHUNK_BYTES_MAX, true).await? {
        for frame in cutter.push(&chunk.bytes)? {
            if answers == Answers::Lost && number(&frame)? != number::WELCOME {
                notes.lock().unwrap_or_else(PoisonError::into_inner).lost.push(frame);
                continue;
            }
            let crossed = Crossed { from: end, frame: frame.clone() };
            notes.lock().unwrap_or_else(PoisonError::into_inner).crossed.push(crossed);
            to.write_all(&frame).await?;
        }
    }
    ensure!(to.finish().is_ok(), "the line is gone");
    Ok(())
}
