//! The lines that are open, so that a revoked certificate ends its own within seconds.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::Connection;
use shared::ids::Incarnation;
use tokio::sync::watch;

use super::arrivals::{NOT_CURRENT, close};
use super::{Desk, code};
use crate::counters::Counters;
use crate::mailbox::{Caller, Standing, Stopped};

/// Lines that one site may hold at once: its nodes, and those that died without a word.
const LINES_PER_SITE_MAX: usize = 8;
/// How often the registry and the journal are looked at for what another process wrote.
const LOOK: Duration = Duration::from_secs(1);

/// All open lines of a gateway.
#[derive(Clone)]
pub(crate) struct Lines {
    open: Arc<Mutex<HashMap<u64, Open>>>,
    counters: Arc<Counters>,
}

struct Open {
    caller: Caller,
    connection: Connection,
    /// The incarnation and the process, once it has greeted.
    greeted: Option<(Incarnation, [u8; 16])>,
}

/// Takes its line off the list when dropped.
pub(crate) struct Entry {
    lines: Lines,
    number: u64,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lines({})", self.lock().len())
    }
}

impl Lines {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self { open: Arc::default(), counters }
    }

    /// The map is whole at every step, whoever panicked.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a line; the oldest of a site that has too many is closed.
    pub(crate) fn enter(&self, caller: Caller, connection: Connection) -> Entry {
        self.counters.lines.add(1);
        let number = self.counters.lines_total.add(1);
        let mut open = self.lock();
        let of_site = |line: &Open| line.caller.site == caller.site && line.connection.close_reason().is_none();
        let mut same: Vec<(&u64, &Open)> = open.iter().filter(|(_, line)| of_site(line)).collect();
        same.sort_unstable_by_key(|(number, _)| **number);
        for (_, oldest) in same.iter().take((same.len() + 1).saturating_sub(LINES_PER_SITE_MAX)) {
            close(&oldest.connection, code::TOO_MANY, "too many lines of this site");
        }
        open.insert(number, Open { caller, connection, greeted: None });
        Entry { lines: self.clone(), number }
    }

    /// A line has greeted: an older one of another process under the same incarnation is closed. If that process
    /// still lives it dials again, and by that the hub knows that there are two.
    fn greeted(&self, number: u64, incarnation: Incarnation, boot: [u8; 16]) {
        let mut open = self.lock();
        let Some(line) = open.get_mut(&number) else { return };
        line.greeted = Some((incarnation, boot));
        let site = line.caller.site;
        let is_other = |line: &&Open| {
            let of_life = line.greeted.is_some_and(|(life, other)| life == incarnation && other != boot);
            line.caller.site == site && of_life
        };
        for other in open.values().filter(is_other) {
            close(&other.connection, code::SUPERSEDED, "another process greeted under this incarnation");
        }
    }

    fn callers(&self) -> Vec<Caller> {
        let mut callers: Vec<Caller> = self.lock().values().map(|line| line.caller).collect();
        callers.sort_unstable_by_key(|caller| (caller.site, caller.fingerprint));
        callers.dedup();
        callers
    }

    fn end(&self, gone: &[Caller]) {
        for line in self.lock().values().filter(|line| gone.contains(&line.caller)) {
            tracing::info!(site = %line.caller.site, "line ended: the certificate is not current any more");
            close(&line.connection, code::NOT_CURRENT, NOT_CURRENT);
        }
    }
}

impl Entry {
    /// Its line's number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The line has greeted.
    pub(crate) fn greeted(&self, incarnation: Incarnation, boot: [u8; 16]) {
        self.lines.greeted(self.number, incarnation, boot);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.lines.lock().remove(&self.number);
        self.lines.counters.lines.sub(1);
    }
}

/// Once a second: what another process wrote is passed on, whom another process revoked is cut off.
pub(super) async fn watch_over(desk: Desk, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if look(&desk).await.is_err() {
            return;
        }
    }
}

async fn look(desk: &Desk) -> Result<(), Stopped> {
    desk.hub.look().await?;
    let callers = desk.lines.callers();
    if callers.is_empty() {
        return Ok(());
    }
    let gone = desk.hub.call(move |hub| {
        let mut callers = callers;
        callers.retain(|caller| Standing::of(hub, caller) == Standing::NotCurrent);
        callers
    });
    desk.lines.end(&gone.await?);
    Ok(())
}
