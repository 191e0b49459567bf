//! Sites with papers that hold every line they may, and do nothing for which a line is taken away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};
use quinn::{Endpoint, RecvStream, SendStream};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use shared::wire::v1::enrol::ALPN_SYNC;
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::Message;
use tokio::time::sleep;

use super::hostile::{Tally, greet};
use super::{Papers, Shown};

/// The longest frame for which a hub waits without an end.
const SHORT_BYTES: usize = 16 * 1024;
/// What comes down lies at the holder's end, so that the hub has nothing to complain of.
const ROOMY_BYTES: u32 = 1024 * 1024;
/// Before a line that ended is dialled again.
const AGAIN: Duration = Duration::from_secs(1);

/// How a line is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Greets, says nothing more, and confirms nothing that comes down.
    Silent,
    /// Begins a short frame and keeps its last byte.
    Stuck,
    /// Takes everything that comes down, as an edge does.
    Taking,
}

impl Hold {
    pub(super) fn of(n: usize) -> Self {
        match n % 8 {
            0 => Self::Taking,
            1..=4 => Self::Silent,
            _ => Self::Stuck,
        }
    }
}

/// Holds one line, and dials again where it is lost.
pub(super) struct Holder {
    pub(super) hub: SocketAddr,
    pub(super) papers: Papers,
    pub(super) door: Endpoint,
    pub(super) how: Hold,
    pub(super) tally: Arc<Tally>,
}

impl Holder {
    pub(super) async fn run(self, seed: u64) {
        let mut dice = SmallRng::seed_from_u64(seed);
        loop {
            // Whatever ends a line, the next one is as good.
            let _ = self.hold(&mut dice).await;
            sleep(AGAIN).await;
        }
    }

    async fn hold(&self, dice: &mut SmallRng) -> Result<()> {
        let config = self.papers.caller(ALPN_SYNC, Shown::Certificate, ROOMY_BYTES)?;
        let connection = self.door.connect_with(config, self.hub, "localhost")?.await?;
        let (mut send, recv) = greet(&connection, &self.papers, dice, &self.tally).await?;
        if self.how == Hold::Stuck {
            send.write_all(&u32::try_from(SHORT_BYTES)?.to_be_bytes()).await?;
            send.write_all(&vec![0; SHORT_BYTES - 1]).await?;
        }
        self.tally.held.fetch_add(1, Ordering::Relaxed);
        if self.how == Hold::Taking {
            // Whatever ends a line, the next one is as good.
            let _ = take(send, recv).await;
        } else {
            drop(connection.closed().await);
        }
        self.tally.held.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn take(mut send: SendStream, mut recv: RecvStream) -> Result<()> {
    let mut deframer = Deframer::default();
    loop {
        let chunk = recv.read_chunk(64 * 1024, true).await?.context("the hub finished")?;
        for message in deframer.push(&chunk.bytes)? {
            if matches!(message, Message::Down { .. } | Message::Feed { .. } | Message::Own { .. }) {
                send.write_all(&frame::encode(&Message::Took)?).await?;
            }
        }
    }
}
