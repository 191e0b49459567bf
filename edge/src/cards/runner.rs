//! Keeps the helper running, tells what it says, and passes on what it is asked. Whatever happens to it, the counter goes
//! on: then cards are typed.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use shared::rules::calendar::taipei_day;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, watch};

use super::lines::{Ask, LINE_BYTES_MAX, Said, line, parse};
use super::readers::Readers;
use crate::desk::Desk;

/// A helper that ended is started again after this, and after twice as long each time up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// One that ran so long had nothing wrong with its start.
const GOOD_RUN: Duration = Duration::from_secs(60);
/// Asks that wait for it.
const ASKS_MAX: usize = 16;

/// The way to the readers.
#[derive(Debug, Clone)]
pub struct Cards {
    readers: watch::Receiver<Readers>,
    asks: mpsc::Sender<Ask>,
}

impl Cards {
    /// What is in the readers, now and whenever it changes.
    #[must_use]
    pub fn readers(&self) -> watch::Receiver<Readers> {
        self.readers.clone()
    }

    /// Asks something of the helper; what is asked while it is gone is forgotten.
    pub fn ask(&self, ask: Ask) {
        if self.asks.try_send(ask).is_err() {
            tracing::warn!("the card helper is gone or does not listen");
        }
    }
}

/// Keeps a helper running.
#[derive(Debug)]
pub struct Runner {
    program: OsString,
    arguments: Vec<OsString>,
    desk: Desk,
    told: watch::Sender<Readers>,
    asks: mpsc::Receiver<Ask>,
}

/// A runner of this program, not started yet, and the way to its readers.
#[must_use]
pub fn runner(program: OsString, arguments: Vec<OsString>, desk: Desk) -> (Runner, Cards) {
    let (told, readers) = watch::channel(Readers::default());
    let (ask, asks) = mpsc::channel(ASKS_MAX);
    (Runner { program, arguments, desk, told, asks }, Cards { readers, asks: ask })
}

impl Runner {
    /// Until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut pause = PAUSE;
        while !*stop.borrow() {
            let began = std::time::Instant::now();
            tokio::select! {
                ended = self.one_run() => {
                    tracing::warn!(program = ?self.program, why = %ended, "the card helper ended");
                }
                // A closed channel means the same.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            self.told.send_modify(Readers::helper_gone);
            pause = if began.elapsed() >= GOOD_RUN { PAUSE } else { (pause * 2).min(PAUSE_MAX) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// From its start to its end; why it ended.
    async fn one_run(&mut self) -> std::io::Error {
        let mut child = match self.start() {
            Ok(child) => child,
            Err(cause) => return cause,
        };
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return std::io::Error::other("no pipes");
        };
        let mut said = BufReader::new(output);
        let mut text = Vec::new();
        loop {
            let ask = tokio::select! {
                // Whatever was read of a line stays in `text` where the other branch comes first.
                read = next_line(&mut said, &mut text) => match read {
                    Ok(true) => self.take(&std::mem::take(&mut text)),
                    Ok(false) => return std::io::Error::other("it said nothing more"),
                    Err(cause) => return cause,
                },
                ask = self.asks.recv() => ask,
            };
            if let Some(ask) = ask
                && let Err(cause) = input.write_all(format!("{}\n", line(&ask)).as_bytes()).await
            {
                return cause;
            }
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn()
    }

    fn take(&self, text: &[u8]) -> Option<Ask> {
        let said = match str::from_utf8(text).map_err(|_| None).and_then(|text| parse::<Said>(text).map_err(Some)) {
            Ok(said) => said,
            Err(bad) => {
                tracing::warn!(bad = bad.map(tracing::field::display), "the card helper said something else");
                return None;
            }
        };
        let today = taipei_day(self.desk.reading().wall_ms.div_euclid(1_000));
        let mut ask = None;
        self.told.send_modify(|readers| ask = readers.take(said, today));
        ask
    }
}

/// Reads up to the end of a line, which may take several calls; false at the end of all.
async fn next_line(said: &mut BufReader<ChildStdout>, text: &mut Vec<u8>) -> std::io::Result<bool> {
    let room = u64::try_from(LINE_BYTES_MAX.saturating_sub(text.len())).unwrap_or(0);
    said.take(room).read_until(b'\n', text).await?;
    match text.pop() {
        Some(b'\n') => Ok(true),
        Some(last) if text.len() + 1 < LINE_BYTES_MAX => {
            text.push(last);
            Ok(false)
        }
        Some(_) => Err(std::io::Error::other("a line without an end")),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests;
