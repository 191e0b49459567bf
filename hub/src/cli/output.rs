//! What a command says: plain lines for people, JSON for programs.

use std::io::{self, Write};

use serde_json::Value;
use shared::rules::calendar::roc_minute;

use crate::clock::WallClock;

/// Says it the way that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// One of the two.
    pub(super) fn say(self, value: &Value, text: &str) -> anyhow::Result<()> {
        if self.json { self.print(&format!("{value}\n")) } else { self.print(text) }
    }

    /// Whatever was asked for: lines that are for programs anyway.
    pub(super) fn print(self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        let said = write!(out, "{text}");
        match said.and_then(|()| out.flush()) {
            // Whoever read (`| head`) has enough.
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }
}

/// Says on standard error what was not done, with every cause.
pub fn complain(cause: &anyhow::Error) {
    // With no standard error there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "未完成 error: {cause:#}");
}

/// Says on standard error that the time is not the real one.
pub(super) fn mark_rehearsal(clock: &WallClock) {
    let now = roc_minute(clock.second());
    let _ = writeln!(io::stderr().lock(), "*** 演練模式 REHEARSAL: the clock was set, it is {now} here ***");
}
