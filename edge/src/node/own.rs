//! What other lives of this store wrote: the hub gives it back, and it becomes part of the log (T10; docs/lives.md).
//!
//! The entries keep their names, their hashes and the place that they had; only their order in the log is this
//! store's own. They need no sending, and the nation's feed counts their sales already.

use shared::entry::{Entry, Fact, Sale, Withdrawal};
use shared::ids::{ChangeHash, DocId, EntryId};
use shared::ledger::chain::Link;
use shared::ledger::run::Run;
use shared::rules::calendar::taipei_day;
use shared::rules::stock::{Move, Stock};
use shared::seal::Secret;
use shared::sync::edge::LogPos;
use shared::wire::v1::entry as wire;
use shared::wire::v1::life::KEYS_MAX;

use super::down::deps;
use super::line::GivenBack;
use super::write::decoded;
use super::{Node, NodeError};
use crate::store::{self, Carried, Chain, Committed, Quota, Write};

/// An entry on its way into the log.
struct Adopted<'a> {
    id: EntryId,
    hash: ChangeHash,
    bytes: &'a [u8],
    /// Where its chain begins with it, and the stock before.
    chain: Option<(Chain, Vec<(i64, Stock)>)>,
    programme: i64,
    stock: Stock,
    effects: Effects,
}

/// What an entry does beside the log.
#[derive(Clone, Copy, Default)]
struct Effects {
    quota: Option<Quota>,
    carried: Option<Carried>,
    withdraws: Option<LogPos>,
    is_dispute: bool,
    is_access: bool,
    is_booking: bool,
}

impl Node {
    /// Keeps a run that another life of this store wrote, or only how far all of it has come back. What is known is
    /// skipped.
    ///
    /// # Errors
    /// Where the run is not this site's, is not what it says or contradicts what is known; where the store fails.
    pub fn take_own(&mut self, pos: u64, feed: u64, run: Option<&Run>) -> Result<(), NodeError> {
        self.check_running()?;
        let adopted = match run {
            Some(run) => self.adopt(run, feed)?,
            None => Vec::new(),
        };
        let first = self.len + 1;
        let writes: Vec<Write<'_>> = (first..).zip(&adopted).map(|(pos, entry)| write(pos, entry)).collect();
        let kept = self.store.put_own(pos, &writes);
        self.promised(kept)?;
        self.line.own = self.line.own.max(pos);
        let (mut rights, mut bookings) = (Vec::new(), Vec::new());
        for entry in &adopted {
            if let Some(programme) = self.programmes.named(entry.programme) {
                self.stocks.insert(programme.clone(), entry.stock);
            }
            self.len += 1;
            if entry.effects.is_dispute {
                self.disputes.push(self.len);
            }
            if entry.effects.is_access {
                rights.push(self.len);
            }
            if entry.effects.is_booking {
                bookings.push(self.len);
            }
        }
        if !rights.is_empty() {
            self.load_access(&rights)?;
        }
        self.load_bookings(&bookings)?;
        if !adopted.is_empty() {
            // The next entry of ours follows all heads of its document.
            self.tip = None;
            self.line.give_back(GivenBack { first, last: self.len, counted: feed });
        }
        Ok(())
    }

    /// The entries of a run that are not in the log yet, in order.
    fn adopt<'a>(&mut self, run: &'a Run, feed: u64) -> Result<Vec<Adopted<'a>>, NodeError> {
        let doc = run.doc;
        let DocId::Site { site, day } = doc else { return Err(NodeError::Foreign { doc }) };
        if site != self.site {
            return Err(NodeError::Foreign { doc });
        }
        let links = run.links().map_err(|cause| NodeError::Run { doc, cause })?;
        let mut adopted: Vec<Adopted<'a>> = Vec::new();
        for (index, (link, bytes)) in links.iter().zip(&run.entries).enumerate() {
            match self.store.find(&link.id)? {
                Some((_, hash)) if hash == link.hash => continue,
                Some(_) => return Err(NodeError::Contradiction { doc, entry: link.id }),
                None => {}
            }
            let Some(mut entry) = self.adopt_entry(link, bytes, &adopted)? else { continue };
            let follows = adopted.last().is_some_and(|last| deps(run, &links, index) == [last.hash]);
            if !follows {
                let first = self.len + 1 + LogPos::try_from(adopted.len()).unwrap_or(LogPos::MAX);
                let deps = deps(run, &links, index);
                let (actor, seq) = (link.id.actor, link.id.seq);
                let chain = Chain { first, doc, day, actor, seq, op: link.op, deps, counted: Some(feed) };
                entry.chain = Some((chain, self.stocks_behind(&adopted)));
            }
            adopted.push(entry);
        }
        Ok(adopted)
    }

    /// None where the entry takes back what is not here: nothing can be said of it.
    fn adopt_entry<'a>(
        &mut self,
        link: &Link,
        bytes: &'a [u8],
        before: &[Adopted<'_>],
    ) -> Result<Option<Adopted<'a>>, NodeError> {
        let id = link.id;
        let entry = wire::decode(bytes).map_err(|cause| unread(id, &cause))?;
        let (programme, effects) = match &entry.fact {
            Fact::Sale(sale) => (&sale.programme, self.sale_effects(&id, &entry, sale)?),
            Fact::Arrival(arrival) => (&arrival.programme, Effects::default()),
            Fact::Correction(correction) => (&correction.programme, Effects::default()),
            Fact::Withdrawal(withdrawal) => return self.adopt_withdrawal(link, bytes, withdrawal, before),
            Fact::Dispute(dispute) => {
                // One that cannot be opened would stop the next start.
                self.keys.open(&id, 0, &dispute.document).map_err(|cause| unread(id, &cause))?;
                (&dispute.programme, Effects { is_dispute: true, ..Effects::default() })
            }
            Fact::Access(access) => {
                // One that cannot be opened would stop the next start.
                self.prove_access(&id, access).map_err(|_| NodeError::GivenBack { entry: id })?;
                (&self.staff_rows, Effects { is_access: true, ..Effects::default() })
            }
            Fact::Booking(booking) if booking.is_of_sites() => {
                // One that cannot be opened would stop the next start.
                self.prove_booking(&id, booking).map_err(|_| NodeError::GivenBack { entry: id })?;
                (&self.booking_rows, Effects { is_booking: true, ..Effects::default() })
            }
            Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Notice(_)
            | Fact::Booking(_) => return Ok(None),
        };
        let number = self.programmes.number(&mut self.store, programme);
        let programme = self.promised(number)?;
        let have = self.stock_behind(programme, before);
        let stock = Move::of(&entry.fact).map_or(have, |step| have.after(step));
        Ok(Some(Adopted { id, hash: link.hash, bytes, chain: None, programme, stock, effects }))
    }

    fn sale_effects(&self, id: &EntryId, entry: &Entry, sale: &Sale) -> Result<Effects, NodeError> {
        let open = |slot, sealed| self.keys.open(id, slot, sealed).map_err(|cause| unread(*id, &cause));
        let document = open(0, &sale.document)?;
        let (tag, day) = (self.keys.tag(&document.person()), taipei_day(sale.instant(entry.at).second));
        let proxy = sale.proxy.as_ref().map(|proxy| open(1, proxy)).transpose()?;
        let carried = proxy.map(|proxy| Carried { proxy: self.keys.tag(&proxy.person()), card: tag, day });
        let quota = Some(Quota { tag, day, pieces: sale.pieces });
        Ok(Effects { quota, carried, ..Effects::default() })
    }

    fn adopt_withdrawal<'a>(
        &self,
        link: &Link,
        bytes: &'a [u8],
        withdrawal: &Withdrawal,
        before: &[Adopted<'_>],
    ) -> Result<Option<Adopted<'a>>, NodeError> {
        let Some(target) = self.target(&withdrawal.of, before)? else {
            tracing::warn!(site = %self.site, entry = %link.id, of = %withdrawal.of, "what it takes back is not here");
            return Ok(None);
        };
        let have = self.stock_behind(target.programme, before);
        // Taken back twice, by two lives of the store: the second has no effect.
        let again = target.withdrawn || before.iter().any(|entry| entry.effects.withdraws == Some(target.pos));
        let stock = if again { have } else { have.undone(target.step) };
        let effects = Effects { withdraws: (!again).then_some(target.pos), ..Effects::default() };
        let (id, hash, programme) = (link.id, link.hash, target.programme);
        Ok(Some(Adopted { id, hash, bytes, chain: None, programme, stock, effects }))
    }

    fn target(&self, of: &EntryId, before: &[Adopted<'_>]) -> Result<Option<Target>, NodeError> {
        if let Some(index) = before.iter().position(|entry| entry.id == *of) {
            let (Some(entry), Ok(index)) = (before.get(index), LogPos::try_from(index)) else { return Ok(None) };
            let fact = wire::decode(entry.bytes).map_err(|cause| unread(*of, &cause))?.fact;
            let pos = self.len + 1 + index;
            let target = |step| Target { pos, programme: entry.programme, withdrawn: false, step };
            return Ok(Move::of(&fact).map(target));
        }
        let Some((pos, _)) = self.store.find(of)? else { return Ok(None) };
        let Some(row) = self.store.row(pos)?.map(Committed::into_inner) else { return Ok(None) };
        let target = |step| Target { pos, programme: row.programme, withdrawn: row.withdrawn, step };
        Ok(Move::of(&decoded(&row)?.fact).map(target))
    }

    /// The stock of a programme behind entries that are not in the log yet.
    fn stock_behind(&self, programme: i64, before: &[Adopted<'_>]) -> Stock {
        let last = before.iter().rev().find(|entry| entry.programme == programme);
        let kept = || self.programmes.named(programme).map(|programme| self.stock_of(programme)).unwrap_or_default();
        last.map_or_else(kept, |entry| entry.stock)
    }

    fn stocks_behind(&self, before: &[Adopted<'_>]) -> Vec<(i64, Stock)> {
        let mut stocks: std::collections::BTreeMap<i64, Stock> = self.opening_stocks().into_iter().collect();
        stocks.extend(before.iter().map(|entry| (entry.programme, entry.stock)));
        stocks.into_iter().collect()
    }

    /// Keeps a secret of the site that another machine brought: without it nothing of that machine can be read.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn take_key(&mut self, number: u8, secret: &Secret) -> Result<(), NodeError> {
        self.check_running()?;
        if self.keys.len() >= KEYS_MAX || !self.keys.add(number, secret)? {
            return Ok(());
        }
        let mark = secret.mark()?;
        let sealed = self.vault.seal_secret(mark, secret)?;
        let kept = self.store.put_secret(&(mark, number, sealed));
        self.promised(kept)
    }

    /// Reads the secrets that other machines brought.
    pub(super) fn load_keys(&mut self) -> Result<(), NodeError> {
        for (mark, number, sealed) in self.store.secrets()? {
            self.keys.add(number, &self.vault.open_secret(mark, &sealed)?)?;
        }
        Ok(())
    }
}

fn unread(entry: EntryId, cause: &dyn std::error::Error) -> NodeError {
    tracing::warn!(%entry, %cause, "an entry that the hub gave back cannot be read");
    NodeError::GivenBack { entry }
}

/// What a withdrawal takes back.
struct Target {
    pos: LogPos,
    programme: i64,
    withdrawn: bool,
    step: Move,
}

fn write<'a>(pos: LogPos, entry: &'a Adopted<'_>) -> Write<'a> {
    let Adopted { hash, programme, stock, bytes, .. } = entry;
    Write {
        chain: entry.chain.as_ref().map(|(chain, stocks)| (chain, stocks.as_slice())),
        entry: store::Entry { pos, hash: *hash, programme: *programme, stock: *stock, request: None, bytes },
        quota: entry.effects.quota,
        carried: entry.effects.carried,
        withdraws: entry.effects.withdraws,
    }
}
