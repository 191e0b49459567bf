//! The uplink's doors: what goes up, how far it has come, and the nation's feed.

use chrono::{Days, NaiveDate};
use shared::ledger::chain::Link;
use shared::ledger::run::{RUN_BYTES_MAX, RUN_ENTRIES_MAX, Run};
use shared::ledger::schema::Place;
use shared::rules::programme::{Version, Window};
use shared::sync::edge::LogPos;
use shared::sync::handshake::Standing;
use shared::wire::v1::message::{FeedPart, Seen, Welcome};

use super::{Node, NodeError};
use crate::clock::Reading;
use crate::nation::{NationError, Own, unknown};
use crate::store::Chain;

/// People are remembered at least so long.
const KEEP_DAYS_MIN: u64 = 35;

impl Node {
    /// What this edge says of itself when it dials.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            site: self.site,
            incarnation: self.incarnation,
            hub_life: self.line.hub_life,
            down: self.line.down,
            feed: self.line.feed,
        }
    }

    /// Finds out from the hub's greeting how much of the log it has. What it does not know of this
    /// incarnation is sent again from the beginning; the hub knows an entry that it has.
    ///
    /// What the hub never told us of is sent again too: it goes on behind a run that it put aside,
    /// and only its answer says so.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn resume(&mut self, welcome: &Welcome) -> Result<LogPos, NodeError> {
        self.check_running()?;
        if welcome.hub_life != self.line.hub_life {
            let forgotten = self.store.forget_hub(welcome.hub_life);
            self.promised(forgotten)?;
            self.nation.clear();
            self.over.clear();
            self.deliveries.clear();
            self.line.new_hub(welcome.hub_life);
        }
        let known = match &welcome.last {
            Some(seen) => self.find_seen(seen)?,
            None => 0,
        };
        let pos = known.min(self.line.acked);
        let feed = if pos == 0 { 0 } else { welcome.feed };
        self.line.resumed(pos, feed);
        let progress = self.line.progress();
        let noted = self.store.put_acked(progress.acked, progress.covered);
        self.promised(noted)?;
        Ok(pos)
    }

    fn find_seen(&self, seen: &Seen) -> Result<LogPos, NodeError> {
        match self.store.find(&seen.id)? {
            Some((pos, hash)) if hash == seen.hash => Ok(pos),
            Some((pos, _)) => {
                tracing::warn!(site = %self.site, id = %seen.id, pos, "the hub holds another entry under our name");
                Ok(0)
            }
            None => {
                tracing::warn!(site = %self.site, id = %seen.id, "the hub holds an entry that this store has lost");
                Ok(0)
            }
        }
    }

    /// The next run behind a position, and the position of its last entry; none at the end of the log.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_run(&self, after: LogPos) -> Result<Option<(Run, LogPos)>, NodeError> {
        if after >= self.len {
            return Ok(None);
        }
        let Some(chain) = self.store.chain_at(after + 1)? else {
            return Ok(None);
        };
        let rows = self.store.rows_of(&chain, after, RUN_ENTRIES_MAX, RUN_BYTES_MAX)?;
        let (Some((last, _)), Ok(count)) = (rows.last(), u64::try_from(rows.len())) else {
            return Ok(None);
        };
        let last = *last;
        let start = self.place(&chain, after + 1)?;
        let entries = rows.into_iter().map(|(_, bytes)| bytes).collect();
        Ok(Some((Run { doc: chain.doc, start, entries, joints: Vec::new(), last }, after + count)))
    }

    /// Where the entry at a position stands in its document.
    fn place(&self, chain: &Chain, at: LogPos) -> Result<Place, NodeError> {
        let before = at.saturating_sub(chain.first);
        let first =
            Place { id: shared::ids::EntryId { actor: chain.actor, seq: 1 }, op: chain.op, deps: chain.deps.clone() };
        if before == 0 {
            return Ok(first);
        }
        let seq = u32::try_from(before).unwrap_or(u32::MAX);
        let hash = self.store.hash_at(at - 1)?.unwrap_or(shared::ids::ChangeHash([0; 32]));
        let op = chain.op.saturating_add(before).saturating_sub(1);
        let link = Link { id: shared::ids::EntryId { actor: chain.actor, seq }, op, hash };
        Ok(shared::ledger::chain::Tip::after(chain.doc, &link)?.next)
    }

    /// The hub has the run up to `upto` on its disk, counted at `feed`.
    ///
    /// Kept in memory until the feed comes: a restart learns it again from the greeting.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn acked(&mut self, upto: LogPos, feed: u64) -> Result<(), NodeError> {
        if self.line.acked(upto.min(self.len), feed) {
            self.put_quarantined()?;
        }
        Ok(())
    }

    /// The hub has put the run up to `upto` aside.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn quarantined(&mut self, upto: LogPos, why: &str) -> Result<(), NodeError> {
        tracing::warn!(site = %self.site, upto, why, "the hub did not take a run");
        self.line.quarantine(upto.min(self.len), why.chars().take(200).collect());
        self.put_quarantined()
    }

    fn put_quarantined(&mut self) -> Result<(), NodeError> {
        let noted = self.store.put_quarantined(&self.line.quarantined);
        self.promised(noted)
    }

    /// Keeps consecutive parts of the nation's feed that begin behind `after`. What is known is
    /// skipped; a gap is an error and nothing is kept.
    ///
    /// # Errors
    /// Where parts are missing or unreadable, or the store fails.
    pub fn take_feed(&mut self, after: u64, parts: &[FeedPart]) -> Result<(), NodeError> {
        self.check_running()?;
        let known = self.line.feed;
        let new = unknown(known, after, parts)?;
        let Some((_, last)) = new.last() else {
            return Ok(());
        };
        let progress = self.line.after_feed(last.upto);
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        match self.nation.take(own, known, &new, progress) {
            Ok(()) => {}
            Err(NationError::Store(cause)) => return self.promised(Err(cause)),
            Err(other) => return Err(other.into()),
        }
        self.line.fed(progress);
        self.forget_old_days()
    }

    /// Some of the people whom no window reaches any more; only by a clock that is known to be right.
    fn forget_old_days(&mut self) -> Result<(), NodeError> {
        if !self.clock.beacon_seen() {
            return Ok(());
        }
        let before = self.keep_from();
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        let forgotten = self.nation.forget(own, before);
        self.promised(forgotten)
    }

    /// The first day that the window of a version in force, or of one to come, may still reach.
    fn keep_from(&self) -> NaiveDate {
        let back = |days: u64| self.today.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
        let versions = &self.rules.versions;
        let is_over = |version: &&Version| {
            let in_force = versions.in_force(&version.programme, self.today);
            version.from <= self.today && in_force.is_none_or(|other| other.name != version.name)
        };
        let reach = |version: &Version| match version.window {
            Window::Rolling { days } => back(u64::from(days)),
            // Until the round behind it is announced, this one's end is all that is known of it.
            Window::Round { next: Some(next), .. } if self.today >= next => next,
            Window::Round { from, .. } => from,
        };
        let windows = versions.iter().filter(|version| !is_over(version)).map(reach);
        windows.fold(back(KEEP_DAYS_MIN), NaiveDate::min)
    }

    /// The hub's time, asked for at one reading and got at another.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn beacon(&mut self, asked: Reading, got: Reading, hub_second: i64) -> Result<(), NodeError> {
        let kept = self.clock.beacon(asked, got, hub_second);
        self.today(got);
        if let Some(state) = kept {
            let noted = self.store.put_clock(&state, self.len);
            self.promised(noted)?;
        }
        Ok(())
    }
}
