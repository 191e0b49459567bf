//! The uplink's doors: what goes up, how far it has come, and the nation's feed.

use chrono::{Days, NaiveDate};
use shared::digest::Signed;
use shared::entry::Behind;
use shared::ids::{ChangeHash, EntryId, ProgrammeId};
use shared::ledger::chain::{Link, Tip};
use shared::ledger::run::{RUN_BYTES_MAX, RUN_ENTRIES_MAX, Run};
use shared::ledger::schema::Place;
use shared::rules::programme::Version;
use shared::sign::Receipt;
use shared::sync::edge::LogPos;
use shared::wire::v1::entry::BEHIND_MAX;
use shared::wire::v1::message::{FeedPart, Fetch, Piece};

use super::{Node, NodeError};
use crate::clock::Reading;
use crate::nation::{Lag, NationError, Own, unknown};
use crate::store::{Chain, ReceiptRow};

/// People are remembered at least so long.
const KEEP_DAYS_MIN: u64 = 35;

impl Node {
    /// The next run behind a position, and the position of its last entry; none at the end of the log.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_run(&mut self, after: LogPos) -> Result<Option<(Run, LogPos)>, NodeError> {
        let after = self.line.behind_given_back(after);
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
        let run = Run { doc: chain.doc, start, entries, joints: Vec::new(), last, signature: None };
        self.line.sends(after + count);
        Ok(Some((self.signed(run), after + count)))
    }

    /// Where the entry at a position stands in its document.
    fn place(&self, chain: &Chain, at: LogPos) -> Result<Place, NodeError> {
        let before = at.saturating_sub(chain.first);
        let id = EntryId { actor: chain.actor, seq: chain.seq };
        if before == 0 {
            return Ok(Place { id, op: chain.op, deps: chain.deps.clone() });
        }
        let step = u32::try_from(before - 1).unwrap_or(u32::MAX);
        let hash = self.store.hash_at(at - 1)?.unwrap_or(ChangeHash([0; 32]));
        let op = chain.op.saturating_add(before).saturating_sub(1);
        let link = Link { id: EntryId { seq: id.seq.saturating_add(step), ..id }, op, hash };
        Ok(Tip::after(chain.doc, &link)?.next)
    }

    /// The hub has the run up to `upto` on its disk, counted at `feed`.
    ///
    /// Kept in memory until the feed comes: a restart learns it again from the greeting.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn acked(&mut self, upto: LogPos, feed: u64, receipt: Option<&Receipt>) -> Result<(), NodeError> {
        if let Some(receipt) = receipt {
            self.receive(upto, receipt)?;
        }
        self.nation.acked(upto, feed);
        self.knowledge.told(feed);
        if self.line.acked(upto.min(self.len), feed) {
            self.put_quarantined()?;
        }
        Ok(())
    }

    /// Keeps a receipt as it came; `verify` looks whether it is the hub's and for this entry.
    fn receive(&mut self, upto: LogPos, receipt: &Receipt) -> Result<(), NodeError> {
        let Some(hub) = self.hub_signer else { return Ok(()) };
        let (Some(id), Some(hash)) = (self.store.id_at(upto)?, self.store.hash_at(upto)?) else { return Ok(()) };
        self.line.receive(ReceiptRow { id, hash, hub, receipt: *receipt });
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
        let taken = self.nation.take(own, known, &new, &progress);
        self.nation_taken(taken)?;
        self.line.fed(&progress);
        self.look_whether_caught_up()?;
        self.forget_old_days()
    }

    /// Some of the people whom no window reaches any more; only by a clock that is known to be right.
    fn forget_old_days(&mut self) -> Result<(), NodeError> {
        if !self.clock.beacon_seen() {
            return Ok(());
        }
        let (least, rounds) = (self.keep_from(), self.bookings_reach());
        let before = |programme: &ProgrammeId| rounds.get(programme).map_or(least, |first| least.min(*first));
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        let forgotten = self.nation.forget(own, before);
        self.promised(forgotten)
    }

    /// The first day that the window of a version in force, or of one to come, may still reach.
    fn keep_from(&self) -> NaiveDate {
        let versions = &self.rules.versions;
        let windows = versions.programmes().filter_map(|programme| versions.reached_from(programme, self.today));
        let least = self.today.checked_sub_days(Days::new(KEEP_DAYS_MIN)).unwrap_or(NaiveDate::MIN);
        windows.fold(least, NaiveDate::min)
    }

    /// Keeps which digests the hub has; the feed goes on behind the manifest.
    ///
    /// # Errors
    /// Where it is not this hub's, is older than what is known, or the store fails: what is known stays in use.
    pub fn take_manifest(&mut self, upto: u64, signed: &Signed) -> Result<(), NodeError> {
        self.check_running()?;
        let hub = self.hub_signer.ok_or(NationError::OtherHub)?;
        let manifest = signed.open(&hub).map_err(NationError::from)?;
        if manifest.upto != upto {
            return Err(NationError::Position { said: upto, upto: manifest.upto }.into());
        }
        let known = self.line.feed;
        let held = self.line.held_at(upto);
        let progress = self.line.after_feed(known.max(upto));
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        let taken = self.nation.take_manifest(own, manifest, self.line.hub_life, (known, held), &progress);
        self.nation_taken(taken)?;
        self.line.fed(&progress);
        self.look_whether_caught_up()
    }

    /// The days of which less is known than the watermark says, because their digests have not come yet.
    #[must_use]
    pub fn lagging(&self) -> Vec<Lag> {
        self.nation.lagging()
    }

    /// Those of them that matter for a sale today.
    #[must_use]
    pub fn lagging_today(&self) -> Vec<Lag> {
        let from = |lag: &Lag| self.rules.versions.reached_from(&lag.programme, self.today);
        let is_reached = |lag: &Lag| from(lag).is_some_and(|from| lag.last >= from && lag.first <= self.today);
        self.nation.lagging().into_iter().filter(is_reached).collect()
    }

    /// Sites that the hub had not heard since some day ended that matters for a sale today: what they sold there nobody
    /// knows yet.
    pub(super) fn unheard(&self) -> u32 {
        let versions = &self.rules.versions;
        let of = |programme| {
            let from = versions.reached_from(programme, self.today)?;
            (from < self.today).then(|| self.nation.unheard(programme, from..self.today))
        };
        versions.programmes().filter_map(of).max().unwrap_or(0)
    }

    /// The days of a version's window of which less is known than the watermark says, as a sale of that day tells it.
    pub(super) fn behind(&self, version: &Version, today: NaiveDate) -> Vec<Behind> {
        let from = version.window.reached_from(today);
        let lags = self.nation.lagging().into_iter().filter(|lag| lag.programme == version.programme);
        let span = |lag: Lag| {
            let (first, last) = (lag.first.max(from), lag.last.min(today));
            (first <= last).then_some(Behind { first, last, known: lag.known, again: lag.again })
        };
        let all: Vec<Behind> = lags.filter_map(span).collect();
        if all.len() <= BEHIND_MAX {
            return all;
        }
        // So many that one that holds them all says enough.
        let widest = |one: Behind, other: Behind| Behind {
            first: one.first.min(other.first),
            last: one.last.max(other.last),
            known: one.known.min(other.known),
            again: one.again.max(other.again),
        };
        all.into_iter().reduce(widest).into_iter().collect()
    }

    /// The bytes of a digest that are wanted next, at most so many.
    #[must_use]
    pub fn wanted(&self, most: u32) -> Option<Fetch> {
        self.nation.wanted(most)
    }

    /// Keeps some bytes of a digest.
    ///
    /// # Errors
    /// Where the digest is complete and not what the manifest named, or the store fails: what is known stays in use.
    pub fn take_piece(&mut self, piece: &Piece) -> Result<(), NodeError> {
        self.check_running()?;
        let own = Own { store: &mut self.store, vault: &self.vault, programmes: &mut self.programmes };
        let taken = self.nation.take_piece(own, piece);
        self.nation_taken(taken)?;
        self.look_whether_caught_up()
    }

    /// What the hub says may be wrong; only the own disk stops the node.
    fn nation_taken(&mut self, taken: Result<(), NationError>) -> Result<(), NodeError> {
        match taken {
            Err(NationError::Store(cause)) => self.promised(Err(cause)),
            other => Ok(other?),
        }
    }

    /// The hub's time and how long its feed is, as far as it says, asked for at one reading and got at another.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn beacon(
        &mut self,
        asked: Reading,
        got: Reading,
        (hub_second, feed): (i64, Option<u64>),
    ) -> Result<(), NodeError> {
        let kept = self.clock.beacon(asked, got, hub_second);
        self.today(got);
        if let Some(state) = kept {
            let noted = self.store.put_clock(&state, self.len);
            self.promised(noted)?;
        }
        self.heard_beacon(got, feed)
    }
}
