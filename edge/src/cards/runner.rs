//! Keeps the helper running, tells what it says, and passes on what it is asked. Whatever happens to it, the counter goes
//! on: then cards are typed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use shared::rules::calendar::taipei_day;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::lines::{ASK_BYTES_MAX, Ask, LINE_BYTES_MAX, Said, ask_line, parse};
use super::readers::{Health, Readers};
use crate::desk::Desk;

mod questions;

use questions::{Question, Waiting};

/// A helper that ended is started again after this, and after twice as long each time up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// One that ran so long had nothing wrong with its start.
const GOOD_RUN: Duration = Duration::from_secs(60);
/// A helper says once a second that it watches; one that is silent for so long is killed.
const SILENT: Duration = Duration::from_secs(10);
/// It is kept so often at most.
const KEPT_EVERY: Duration = Duration::from_secs(10);
/// In the data folder.
const KEPT_FILE: &str = "readers.json";
/// Asks that wait for it.
const ASKS_MAX: usize = 16;

/// The way to the readers.
#[derive(Debug, Clone)]
pub struct Cards {
    readers: watch::Receiver<Readers>,
    asks: mpsc::Sender<Ask>,
    questions: mpsc::Sender<Question>,
}

impl Cards {
    /// What is in the readers, now and whenever it changes.
    #[must_use]
    pub fn readers(&self) -> watch::Receiver<Readers> {
        self.readers.clone()
    }

    /// Asks something of the helper; what is asked while it is gone waits for the next one.
    pub fn ask(&self, ask: Ask) {
        if self.asks.try_send(ask).is_err() {
            tracing::warn!("the card helper does not listen");
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
    questions: mpsc::Receiver<Question>,
    /// Where it is kept how the readers have fared.
    kept: PathBuf,
    kept_last: Option<Instant>,
}

/// A runner of this program, not started yet, and the way to its readers. How these fare is kept in the folder.
#[must_use]
pub fn runner(program: OsString, arguments: Vec<OsString>, desk: Desk, folder: &Path) -> (Runner, Cards) {
    let kept = folder.join(KEPT_FILE);
    let (told, readers) = watch::channel(Readers::new(health(&kept), desk.rehearsal().is_on()));
    let (ask, asks) = mpsc::channel(ASKS_MAX);
    let (question, questions) = mpsc::channel(ASKS_MAX);
    let runner = Runner { program, arguments, desk, told, asks, questions, kept, kept_last: None };
    (runner, Cards { readers, asks: ask, questions: question })
}

impl Runner {
    /// Until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut pause = PAUSE;
        while !*stop.borrow() {
            let began = Instant::now();
            tokio::select! {
                ended = self.one_run() => {
                    tracing::warn!(program = ?self.program, why = %ended, "the card helper ended");
                }
                // A closed channel means the same.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            self.told.send_modify(Readers::helper_gone);
            if began.elapsed() >= GOOD_RUN {
                pause = PAUSE;
            }
            let ends = Instant::now() + pause;
            tokio::select! {
                () = self.rest(ends) => pause = (pause * 2).min(PAUSE_MAX),
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Between two helpers no question waits: a PIN would reach the card when nobody stands there any more.
    async fn rest(&mut self, until: Instant) {
        let answered = async {
            while let Some(question) = self.questions.recv().await {
                drop(question);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = answered => {}
            () = sleep_until(until) => {}
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
        let (mut text, mut heard) = (Vec::new(), Instant::now());
        let mut waiting = Waiting::default();
        loop {
            let ask = tokio::select! {
                // Whatever was read of a line stays in `text` where the other branch comes first.
                read = next_line(&mut said, &mut text) => match read {
                    Ok(true) => {
                        heard = Instant::now();
                        self.take(&std::mem::take(&mut text), &mut waiting)
                    }
                    Ok(false) => return std::io::Error::other("it said nothing more"),
                    Err(cause) => return cause,
                },
                ask = self.asks.recv() => ask,
                question = self.questions.recv() => question.and_then(|question| waiting.ask(question)),
                // A card service that hangs would leave the last customer's card in the reader for ever.
                () = sleep_until(heard + SILENT) => return std::io::Error::other("it says nothing"),
            };
            let Some(text) = ask.as_ref().map(ask_line) else { continue };
            if text.len() > ASK_BYTES_MAX {
                // The name of a reader may come from a page.
                tracing::warn!("an ask too long for the card helper");
            } else if let Err(cause) = input.write_all(&text).await {
                return cause;
            }
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        without_secrets(&mut command);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn()
    }

    fn take(&mut self, text: &[u8], waiting: &mut Waiting) -> Option<Ask> {
        let said = match str::from_utf8(text).map_err(|_| None).and_then(|text| parse::<Said>(text).map_err(Some)) {
            Ok(said) => said,
            Err(bad) => {
                tracing::warn!(bad = bad.map(tracing::field::display), "the card helper said something else");
                return None;
            }
        };
        let said = waiting.answer(said)?;
        let is_read = matches!(said, Said::Read { .. });
        let today = taipei_day(self.desk.reading().wall_ms.div_euclid(1_000));
        let mut ask = None;
        self.told.send_modify(|readers| ask = readers.take(said, today));
        if is_read && self.kept_last.is_none_or(|last| last.elapsed() >= KEPT_EVERY) {
            self.kept_last = Some(Instant::now());
            self.keep();
        }
        ask
    }

    /// Worth a warning and no more: it is about readers, not about sales.
    fn keep(&self) {
        let text = serde_json::to_vec(self.told.borrow().health()).unwrap_or_default();
        let fresh = self.kept.with_extension("new");
        if let Err(cause) = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &self.kept)) {
            tracing::warn!(%cause, "how the readers fare cannot be kept");
        }
    }
}

/// A child gets none of what opens this edge's keys.
pub(crate) fn without_secrets(command: &mut Command) {
    let is_secret = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("ATOLL_") || name == "CREDENTIALS_DIRECTORY"
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_secret(name)) {
        command.env_remove(name);
    }
}

/// How the readers have fared; nothing where nobody knows.
fn health(kept: &Path) -> BTreeMap<String, Health> {
    let Ok(text) = std::fs::read(kept) else { return BTreeMap::new() };
    serde_json::from_slice(&text).unwrap_or_else(|cause| {
        tracing::warn!(%cause, "how the readers have fared cannot be read: it is counted anew");
        BTreeMap::new()
    })
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
