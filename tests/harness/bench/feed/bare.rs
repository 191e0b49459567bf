//! The physical limit: a QUIC server with the hub's certificate and limits that knows nothing but its lines and tells
//! all of them one byte; and the crowd that holds these lines and notes when the last one has it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use hub::config::DataFolder;
use hub::gateway::server_config;
use quinn::{Endpoint, Incoming, RecvStream, SendStream};
use shared::wire::v1::enrol::ALPN_SYNC;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::fleet::resident_bytes;
use crate::siege::{Papers, Shown};

const WINDOW_BYTES: u32 = 64 * 1024;
/// Handshakes at once; more would only wait for each other.
const AT_ONCE: usize = 32;
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves with the papers of the hub in `data`, until killed.
///
/// # Errors
/// Where there are none, or the port is taken.
pub async fn serve(data: PathBuf, listen: SocketAddr) -> Result<()> {
    let folder = DataFolder::named(Some(data)).map_err(|cause| anyhow!("{cause}"))?;
    let authority = folder.authority().map_err(|cause| anyhow!("{cause}"))?;
    let endpoint = Endpoint::server(server_config(&authority)?, listen)?;
    let streams = Arc::default();
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(hold(incoming, Arc::clone(&streams)));
    }
    Ok(())
}

/// The first byte of a line opens it and comes back; each further one is told to all lines.
async fn hold(incoming: Incoming, streams: Arc<Mutex<Vec<SendStream>>>) -> Result<()> {
    let (mut send, mut recv) = incoming.await?.accept_bi().await?;
    let mut said = [0];
    recv.read_exact(&mut said).await?;
    let mut all = streams.lock().await;
    send.write_all(&said).await?;
    all.push(send);
    drop(all);
    loop {
        recv.read_exact(&mut said).await?;
        for stream in streams.lock().await.iter_mut() {
            stream.write_all(&said).await?;
        }
    }
}

/// Lines to a bare server.
pub(super) struct Crowd {
    /// One of the lines.
    speaker: SendStream,
    lines: JoinSet<Result<()>>,
    told: mpsc::UnboundedReceiver<Instant>,
    server: u32,
    /// The server's memory with the first line.
    first_bytes: u64,
}

impl Crowd {
    /// One line each.
    pub(super) async fn gather(at: SocketAddr, papers: &[Papers], doors: &[Endpoint], server: u32) -> Result<Self> {
        let (tell, told) = mpsc::unbounded_channel();
        let mut papers = papers.iter().cloned().zip(doors.iter().cloned().cycle());
        let (first, door) = papers.next().context("at least one line")?;
        let (speaker, recv) = call(first, door, at).await?;
        let first_bytes = resident_bytes(server)?;
        let (mut lines, mut opening) = (JoinSet::new(), JoinSet::new());
        lines.spawn(listen(recv, None, tell.clone()));
        loop {
            let next = papers.next();
            let is_last = next.is_none();
            if let Some((papers, door)) = next {
                opening.spawn(call(papers, door, at));
            }
            while opening.len() >= AT_ONCE || (is_last && !opening.is_empty()) {
                let opened = opening.join_next().await.context("a handshake")?;
                let (send, recv) = opened??;
                lines.spawn(listen(recv, Some(send), tell.clone()));
            }
            if is_last {
                return Ok(Self { speaker, lines, told, server, first_bytes });
            }
        }
    }

    /// From the word to the server until the last line has heard it, so many times.
    pub(super) async fn rounds(&mut self, count: usize, pause: Duration) -> Result<Vec<Duration>> {
        let mut took = Vec::new();
        for _ in 0..count {
            sleep(pause).await;
            let begun = Instant::now();
            self.speaker.write_all(&[1]).await?;
            let mut last = begun;
            for _ in 0..self.lines.len() {
                let told = timeout(PATIENCE, self.told.recv()).await.context("not every bare line was told")?;
                last = last.max(told.context("the bare lines have ended")?);
            }
            took.push(last - begun);
        }
        Ok(took)
    }

    /// What the server's memory has grown by, a line.
    pub(super) fn bytes_a_line(&self) -> Result<f64> {
        let more = resident_bytes(self.server)?.saturating_sub(self.first_bytes);
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        Ok(more as f64 / self.lines.len().saturating_sub(1).max(1) as f64)
    }
}

async fn call(papers: Papers, door: Endpoint, at: SocketAddr) -> Result<(SendStream, RecvStream)> {
    let config = papers.caller(ALPN_SYNC, Shown::Certificate, WINDOW_BYTES)?;
    let connection = door.connect_with(config, at, "localhost")?.await.context("dial the bare server")?;
    let (mut send, mut recv) = connection.open_bi().await?;
    send.write_all(&[0]).await?;
    recv.read_exact(&mut [0]).await?;
    Ok((send, recv))
}

/// Its end of the stream is kept as long as it listens.
async fn listen(mut recv: RecvStream, _send: Option<SendStream>, tell: mpsc::UnboundedSender<Instant>) -> Result<()> {
    loop {
        recv.read_exact(&mut [0]).await?;
        tell.send(Instant::now())?;
    }
}
