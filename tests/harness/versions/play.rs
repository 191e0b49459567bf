//! Plays one end of a recorded line against a program of this version, over a line of its own.
//!
//! What was a question then is asked in the same bytes; what was an answer is given in the same bytes once what it
//! answers has come. Only a `Took` is said as often as something comes, for a hub may put more or less into a message.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use edge::config::Folder;
use edge::open;
use hub::authority::Authority;
use hub::gateway::server_config;
use quinn::{Endpoint, RecvStream, SendStream};
use shared::sync::hub::GIVEN_IN_FLIGHT_MAX;
use tokio::runtime::Runtime;

use super::line::{Crossed, Cutter, End, GIVEN, count, number, said};
use super::read::Reached;

const CHUNK_BYTES_MAX: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// One end of a stream, and what the other has said on it.
struct Talk {
    send: SendStream,
    recv: RecvStream,
    cutter: Cutter,
    heard: Vec<Vec<u8>>,
}

impl Talk {
    fn on((send, recv): (SendStream, RecvStream)) -> Self {
        Self { send, recv, cutter: Cutter::default(), heard: Vec::new() }
    }

    /// Whatever comes next.
    async fn hear(&mut self) -> Result<Vec<Vec<u8>>> {
        let chunk = tokio::time::timeout(PATIENCE, self.recv.read_chunk(CHUNK_BYTES_MAX, true)).await;
        let chunk = chunk.context("nothing more comes")??.context("the other end hung up")?;
        let frames = self.cutter.push(&chunk.bytes)?;
        self.heard.extend(frames.iter().cloned());
        Ok(frames)
    }
}

/// Says to the hub at which an edge's folder points what the recorded edge said; gives what the hub said, once it has
/// answered everything and told as much as the recorded hub.
///
/// # Errors
/// Where the hub hangs up or falls silent before.
pub fn as_edge(edge: &Path, line: &[Crossed]) -> Result<Vec<Vec<u8>>> {
    Runtime::new()?.block_on(async {
        let dialler = open::dialler(&Folder::new(edge))?.context("the edge has not enrolled")?;
        let dialled = dialler.dial().await?;
        let mut talk = Talk::on(dialled.connection.open_bi().await?);
        let told = said(line, End::Hub);
        for (at, crossed) in line.iter().enumerate() {
            if crossed.from == End::Edge && number(&crossed.frame)? != number::TOOK {
                talk.send.write_all(&crossed.frame).await?;
            }
            let until_now = said(&line[..=at], End::Hub);
            for answer in [number::WELCOME, number::ACKED, number::BEACON] {
                while count(&talk.heard, &[answer]) < count(&until_now, &[answer]) {
                    listen(&mut talk, line).await?;
                }
            }
        }
        let (asked, enough) = (count(&said(line, End::Edge), &[number::UP]), Reached::by(&told)?);
        while count(&talk.heard, &[number::ACKED]) < asked || !Reached::by(&talk.heard)?.covers(&enough) {
            listen(&mut talk, line).await.with_context(|| format!("{:?} of {enough:?}", Reached::by(&talk.heard)))?;
        }
        Ok(talk.heard)
    })
}

/// Hears, and says `Took` in the recorded edge's bytes; one that heard nothing never said it.
async fn listen(talk: &mut Talk, line: &[Crossed]) -> Result<()> {
    let took = line.iter().find(|crossed| number(&crossed.frame).is_ok_and(|number| number == number::TOOK));
    for frame in talk.hear().await? {
        if let Some(took) = took
            && GIVEN.contains(&number(&frame)?)
        {
            talk.send.write_all(&took.frame).await?;
        }
    }
    Ok(())
}

/// A recorded hub that waits for an edge.
#[derive(Debug)]
pub struct RecordedHub {
    /// Where it listens.
    pub port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    _runtime: Runtime,
}

impl RecordedHub {
    /// Takes the next line that is dialled and answers on it as recorded, then listens on.
    ///
    /// # Errors
    /// Where no port is to be had.
    pub fn start(authority: &Authority, line: Vec<Crossed>) -> Result<Self> {
        let runtime = Runtime::new()?;
        let _inside = runtime.enter();
        let endpoint = Endpoint::server(server_config(authority)?, "127.0.0.1:0".parse()?)?;
        let port = endpoint.local_addr()?.port();
        let heard = Arc::default();
        runtime.spawn(answer(endpoint, line, Arc::clone(&heard)));
        Ok(Self { port, heard, _runtime: runtime })
    }

    /// What the edge has said.
    #[must_use]
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(endpoint: Endpoint, line: Vec<Crossed>, heard: Arc<Mutex<Vec<Vec<u8>>>>) -> Result<()> {
    let connection = endpoint.accept().await.context("nobody dialled")?.await?;
    let mut talk = Talk::on(connection.accept_bi().await?);
    let answers = said(&line, End::Hub);
    for (at, frame) in answers.iter().enumerate() {
        while !may_come(&answers[..=at], &talk.heard)? {
            note(&mut talk, &heard).await?;
        }
        talk.send.write_all(frame).await?;
    }
    loop {
        note(&mut talk, &heard).await?;
    }
}

async fn note(talk: &mut Talk, heard: &Mutex<Vec<Vec<u8>>>) -> Result<()> {
    let frames = talk.hear().await?;
    heard.lock().unwrap_or_else(PoisonError::into_inner).extend(frames);
    Ok(())
}

/// Whether what the last of these answers has been asked.
fn may_come(answers: &[Vec<u8>], heard: &[Vec<u8>]) -> Result<bool> {
    let last = answers.last().context("no answer")?;
    let question = match number(last)? {
        number::WELCOME => number::HELLO,
        number::ACKED => number::UP,
        number::BEACON => number::ASK,
        given => {
            ensure!(GIVEN.contains(&given), "a recorded hub said number {given}");
            let unanswered = usize::try_from(GIVEN_IN_FLIGHT_MAX)?;
            return Ok(count(answers, &GIVEN) <= count(heard, &[number::TOOK]) + unanswered);
        }
    };
    Ok(count(answers, &[number(last)?]) <= count(heard, &[question]))
}
