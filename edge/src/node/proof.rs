//! Whether the ledger on the disk is the one that was written: asked once, when a node starts (S15).
//!
//! A disk may give back other bytes than it was given. Every entry is hashed again, link by link, and what stands
//! beside it (stock, quota, withdrawals) is derived again; where anything differs the node does not start. What has
//! no second witness is not proven: request keys, proxies' cards, the nation's feed, how far the hub has the log.

use std::collections::BTreeMap;

use shared::entry::{Entry, Fact, Sale};
use shared::ids::{DocId, EntryId};
use shared::ledger::chain::Tip;
use shared::rules::calendar::taipei_day;
use shared::rules::quota::Past;
use shared::rules::stock::{Move, Stock};
use shared::sync::edge::LogPos;

use super::write::decoded;
use super::{Node, NodeError};
use crate::store::{Committed, KeptRow, LogRow, Way};
use crate::verify::{Step, Verification};

/// What has been proven so far.
#[derive(Debug, Default)]
struct Proven {
    tip: Option<Tip>,
    chain_end: LogPos,
    len: LogPos,
    stocks: BTreeMap<i64, Stock>,
    sales: u64,
    withdrawals: u64,
    disputes: Vec<LogPos>,
    noted: Noted,
}

/// Where in the log what is folded stands.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) access: Vec<LogPos>,
    pub(super) bookings: Vec<LogPos>,
}

fn altered(what: &'static str) -> NodeError {
    NodeError::Altered { what }
}

fn holds(what: &'static str, holds: bool) -> Result<(), NodeError> {
    if holds { Ok(()) } else { Err(altered(what)) }
}

impl Node {
    /// Begins to look whether the ledger is the one that was written; a node that runs has been proven at its start.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn begin_verification(&self) -> Result<Verification, NodeError> {
        Ok(Verification::begin(&self.store, self.site)?)
    }

    /// A step on.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn verify_on(&self, under_way: Verification) -> Result<Step, NodeError> {
        Ok(under_way.step(&self.store)?)
    }

    /// Reads the whole log and compares; notes where disputes stand in it and gives where rights and bookings do.
    pub(super) fn prove_log(&mut self) -> Result<Noted, NodeError> {
        let mut proven = Proven::default();
        let mut judged = Ok(());
        self.store.walk(Way::Forward { after: 0 }, |row| {
            judged = self.prove(&mut proven, &row);
            judged.is_ok()
        })?;
        judged?;
        let beside = (proven.sales, proven.withdrawals) == self.store.beside()?;
        holds("the end of the log", proven.len == self.len && beside)?;
        let shelves = self.stocks.iter().all(|(programme, stock)| {
            let number = self.programmes.known(programme);
            number.and_then(|number| proven.stocks.get(&number)) == Some(stock)
        });
        holds("the stock", shelves && self.stocks.len() == proven.stocks.len())?;
        self.disputes = proven.disputes;
        Ok(proven.noted)
    }

    fn prove(&self, proven: &mut Proven, row: &LogRow) -> Result<(), NodeError> {
        proven.len += 1;
        holds("a position of the log", row.pos == proven.len)?;
        self.prove_link(proven, row)?;
        let entry = decoded(row)?;
        let stock = proven.stocks.entry(row.programme).or_default();
        *stock = match &entry.fact {
            Fact::Withdrawal(withdrawal) => match self.taken_back_by(&withdrawal.of, row)? {
                Some(step) => {
                    proven.withdrawals += 1;
                    stock.undone(step)
                }
                None => *stock,
            },
            Fact::Dispute(_) | Fact::Access(_) | Fact::Booking(_) => *stock,
            fact @ (Fact::Arrival(_)
            | Fact::Sale(_)
            | Fact::Correction(_)
            | Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Notice(_)) => stock.after(Move::of(fact).ok_or(altered("an entry of the log"))?),
        };
        holds("the stock behind an entry", *stock == row.stock)?;
        proven.sales += u64::from(matches!(entry.fact, Fact::Sale(_)));
        match &entry.fact {
            Fact::Sale(sale) => self.prove_sale(row, &entry, sale),
            Fact::Arrival(arrival) => holds("the goods of an arrival", self.is_of(row, &arrival.programme)),
            Fact::Correction(correction) => holds("the goods of a correction", self.is_of(row, &correction.programme)),
            Fact::Dispute(dispute) => {
                proven.disputes.push(row.pos);
                self.keys.open(&row.id, 0, &dispute.document)?;
                holds("the programme of a dispute", self.is_of(row, &dispute.programme))
            }
            Fact::Access(access) => {
                proven.noted.access.push(row.pos);
                self.prove_access(&row.id, access)
            }
            Fact::Booking(booking) => {
                proven.noted.bookings.push(row.pos);
                self.prove_booking(&row.id, booking)
            }
            Fact::Withdrawal(_)
            | Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Notice(_) => Ok(()),
        }
    }

    /// The entry, its name and its place are those that its hash was made of.
    fn prove_link(&self, proven: &mut Proven, row: &LogRow) -> Result<(), NodeError> {
        let begins = proven.chain_end < row.pos;
        if begins {
            let chain = self.store.chain_at(row.pos)?.ok_or(altered("a chain of the log"))?;
            holds("a chain of the log", chain.first == row.pos)?;
            proven.chain_end = self.store.chain_end(chain.first)?;
            let is_ours = chain.doc == DocId::Site { site: self.site, day: chain.day };
            holds("a chain of the log", is_ours)?;
            let mut tip = Tip::start(chain.doc, chain.actor, chain.op.saturating_sub(1), chain.deps);
            tip.next.id.seq = chain.seq;
            proven.tip = Some(tip);
        }
        let tip = proven.tip.as_mut().filter(|tip| tip.next.id == row.id).ok_or(altered("the order of the log"))?;
        holds("an entry of the log", tip.append(&row.bytes)?.hash == row.hash)
    }

    /// What a withdrawal undid; the entry that it names is marked as withdrawn. None where an entry before it did that
    /// already: two lives of the store took the same sale back.
    fn taken_back_by(&self, of: &EntryId, row: &LogRow) -> Result<Option<Move>, NodeError> {
        let missing = || altered("what a withdrawal took back");
        let (pos, _) = self.store.find(of)?.ok_or_else(missing)?;
        let target = self.store.row(pos)?.map(Committed::into_inner).ok_or_else(missing)?;
        let by = target.withdrawn_by.ok_or_else(missing)?;
        holds("what a withdrawal took back", by <= row.pos && target.programme == row.programme && pos < row.pos)?;
        if by < row.pos {
            return Ok(None);
        }
        Move::of(&decoded(&target)?.fact).ok_or_else(missing).map(Some)
    }

    /// The buyer is found again by the quota, with the same day and pieces.
    fn prove_sale(&self, row: &LogRow, entry: &Entry, sale: &Sale) -> Result<(), NodeError> {
        let person = self.keys.open(&row.id, 0, &sale.document)?.person();
        let day = taipei_day(sale.happened.unwrap_or(entry.at).second);
        let past = Past { day, pieces: sale.pieces };
        let known = self.store.own_sales(&self.keys.tag(&person), row.programme)?;
        let mut own = known.iter().filter(|own| own.pos == row.pos);
        let found = own.next().is_some_and(|own| own.past == past && own.withdrawn.is_some() == row.withdrawn);
        holds("the quota of a sale", found && self.is_of(row, &sale.programme))
    }

    fn is_of(&self, row: &LogRow, programme: &shared::ids::ProgrammeId) -> bool {
        self.programmes.named(row.programme) == Some(programme)
    }
}

/// An entry of the hub's ledgers is the one that its hash was made of.
pub(super) fn prove_down(row: &KeptRow) -> Result<(), NodeError> {
    let mut tip = Tip::start(row.doc, row.link.id.actor, row.link.op.saturating_sub(1), row.deps.clone());
    tip.next.id.seq = row.link.id.seq;
    holds("an entry of the hub", tip.append(&row.bytes)? == row.link)
}
