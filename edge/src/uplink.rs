//! The line to the hub: dials for ever, drives the exchange, says how it stands.
//!
//! **Invariant: the uplink looks into no fact.** It carries out what `shared::sync::edge` says and
//! asks the node, through its mailbox, to keep or load things; no rule is here.
//!
//! The file `line-cut` in the data folder makes it hang up and not dial, for rehearsals.

use std::path::PathBuf;
use std::time::Duration;

use rand::Rng;
use shared::sync::backoff;
use tokio::sync::watch;

use crate::desk::Desk;
use crate::fault::Fault;

pub mod drive;
pub mod enrol;
mod pace;
pub mod quic;
mod status;
#[cfg(test)]
mod tests;

pub use status::{Failure, LineState, LineStatus, Moment};

/// How often the file `line-cut` is looked for.
const CUT_LOOK: Duration = Duration::from_millis(500);

/// A line that stood at least so long was a good one: the next try comes at once.
const GOOD_LINE: Duration = Duration::from_secs(30);

/// So often in a row a new life of the store dials at once; then it waits like any other.
const ANEW_MAX: u32 = 4;

/// How a line ended.
enum Ended {
    /// The store has begun a new life, or begins with the hub anew.
    Anew,
    /// After so long.
    Lasted(Duration),
}

/// What the uplink needs.
pub struct Uplink {
    /// Knows the hub and who we are.
    pub dialler: quic::Dialler,
    /// The node.
    pub desk: Desk,
    /// Where the state of the line is told.
    pub status: watch::Sender<LineStatus>,
    /// The file whose existence cuts the line.
    pub cut_file: PathBuf,
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Uplink({:?})", self.dialler)
    }
}

impl Uplink {
    /// Keeps the line up until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (mut attempt, mut anew) = (0, 0);
        while !is_stopped(&stop) {
            if is_cut(&self.cut_file) {
                self.set(LineState::Cut);
                attempt = 0;
                tokio::select! {
                    () = until_cut_is(&self.cut_file, false) => {}
                    () = until_stopped(&mut stop) => {}
                }
                continue;
            }
            attempt = match self.one_line(&mut stop).await {
                Ended::Anew if anew < ANEW_MAX => {
                    anew += 1;
                    continue;
                }
                Ended::Anew => attempt + 1,
                Ended::Lasted(lasted) => {
                    anew = 0;
                    if lasted >= GOOD_LINE { 0 } else { attempt + 1 }
                }
            };
            if !is_stopped(&stop) {
                self.pause(attempt, &mut stop).await;
            }
        }
        self.set(LineState::Stopped);
    }

    /// One line, from dialling to its end.
    async fn one_line(&self, stop: &mut watch::Receiver<bool>) -> Ended {
        let now = self.desk.reading().mono_ms;
        self.status.send_modify(|status| status.dialling(now));
        let began = std::time::Instant::now();
        tokio::select! {
            ended = self.dial_and_drive() => {
                let fault = match ended {
                    Ok(()) => Fault::new("line-closed", "中心結束了連線", "the hub ended the line"),
                    Err(fault) => fault,
                };
                tracing::warn!(code = fault.code, causes = %fault.causes(), "line: {fault}");
                if fault.code == drive::ANEW {
                    return Ended::Anew;
                }
                let now = self.desk.reading().mono_ms;
                self.status.send_modify(|status| status.failed(&fault, now));
            }
            () = until_cut_is(&self.cut_file, true) => {
                tracing::warn!("line cut by the file {}", self.cut_file.display());
                self.set(LineState::Cut);
            }
            () = until_stopped(stop) => {}
        }
        let opened = self.status.borrow().opened_last;
        Ended::Lasted(if opened { began.elapsed() } else { Duration::ZERO })
    }

    async fn dial_and_drive(&self) -> Result<(), Fault> {
        let line = self.dialler.dial().await?;
        let clock = self.desk.clone();
        let status = self.status.clone();
        let told = move |news: drive::News| {
            let now = clock.reading().mono_ms;
            status.send_modify(|status| status.news(news, now));
        };
        drive::run_line(line.connection.clone(), self.desk.clone(), told).await
    }

    async fn pause(&self, attempt: u32, stop: &mut watch::Receiver<bool>) {
        let wait = backoff::wait(attempt, rand::rng().next_u64());
        tracing::info!(wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), attempt, "line: next try");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = until_cut_is(&self.cut_file, true) => {}
            () = until_stopped(stop) => {}
        }
    }

    fn set(&self, state: LineState) {
        self.status.send_modify(|status| status.set(state));
    }
}

/// The program is ending, or nobody is left to say so.
fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    // A closed channel means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits until the file is there, or is gone.
async fn until_cut_is(file: &std::path::Path, cut: bool) {
    while is_cut(file) != cut {
        tokio::time::sleep(CUT_LOOK).await;
    }
}

fn is_cut(file: &std::path::Path) -> bool {
    file.exists()
}
