//! Making an entry: its place in the ledger, its change, its transaction.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use shared::entry::{Entry, Fact, Instant, Staff};
use shared::ids::{ActorId, ChangeHash, DocId, EntryId, ProgrammeId};
use shared::ledger::chain::Tip;
use shared::ledger::run::DEPS_MAX;
use shared::rules::identity::holds_number;
use shared::rules::stock::Stock;
use shared::sync::edge::LogPos;
use shared::wire::v1::entry as wire;

use super::{BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;
use crate::store::{self, Carried, Chain, LogRow, Quota, StoreError, Write};

/// Where the next entry will stand.
#[derive(Debug)]
pub(super) struct Slot {
    tip: Tip,
    /// The chain that begins with it.
    chain: Option<Chain>,
    pub(super) pos: LogPos,
}

impl Slot {
    /// The entry's name: known before it is written, because its document is sealed under it.
    pub(super) fn id(&self) -> EntryId {
        self.tip.next.id
    }
}

/// An entry that has been decided on.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) slot: Slot,
    pub(super) at: Instant,
    pub(super) reading: Reading,
    pub(super) by: Staff,
    pub(super) fact: Fact,
    pub(super) programme: &'a ProgrammeId,
    /// The stock of the programme behind it.
    pub(super) stock: Stock,
    pub(super) request: Option<&'a str>,
    pub(super) quota: Option<Quota>,
    pub(super) carried: Option<Carried>,
    pub(super) withdraws: Option<LogPos>,
}

impl Node {
    /// Whether anything may still be promised: no write has failed.
    #[must_use]
    pub fn sells(&self) -> bool {
        self.stopped.is_none()
    }

    /// The same, with the reason.
    pub(super) fn check_running(&self) -> Result<(), NodeError> {
        match &self.stopped {
            Some(why) => Err(NodeError::Stopped { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// The place of the next entry: behind the last one of the day's document, under an actor that
    /// is new for every document at every start.
    pub(super) fn slot(&mut self, day: NaiveDate) -> Result<Slot, NodeError> {
        let doc = DocId::Site { site: self.site, day };
        let pos = self.len + 1;
        if let Some(tip) = self.tip.as_ref().filter(|tip| tip.doc == doc) {
            return Ok(Slot { tip: tip.clone(), chain: None, pos });
        }
        let (op_max, deps) = self.head(doc)?;
        let actor = ActorId((self.dice)());
        let tip = Tip::start(doc, actor, op_max, deps);
        let (op, deps) = (tip.next.op, tip.next.deps.clone());
        let chain = Chain { first: pos, doc, day, actor, seq: 1, op, deps, counted: None };
        Ok(Slot { tip, chain: Some(chain), pos })
    }

    /// The highest operation and the heads of a document: the ends of its chains on which no other chain builds.
    fn head(&self, doc: DocId) -> Result<(u64, Vec<ChangeHash>), NodeError> {
        let (mut op_max, mut heads) = (0, BTreeSet::new());
        let chains = self.store.chains_of_doc(doc)?;
        for chain in &chains {
            let end = self.store.chain_end(chain.first)?;
            op_max = op_max.max(chain.op.saturating_add(end.saturating_sub(chain.first)));
            heads.extend(self.store.hash_at(end)?);
        }
        for dep in chains.iter().flat_map(|chain| &chain.deps) {
            heads.remove(dep);
        }
        // The rest joins with the entry behind this one.
        Ok((op_max, heads.into_iter().take(DEPS_MAX).collect()))
    }

    /// Puts a decided entry on the disk. No rules below this line, no disk above it.
    pub(super) fn commit<T>(&mut self, draft: Draft<'_>, answer: T) -> Result<Committed<T>, NodeError> {
        let Draft { mut slot, at, reading, by, fact, programme, stock, request, quota, carried, withdraws } = draft;
        let bytes = wire::encode(&Entry { at, by, fact });
        // What nobody could read again must never get as far as the disk.
        wire::decode(&bytes).map_err(NodeError::Unreadable)?;
        let link = slot.tip.append(&bytes)?;
        let number = self.programmes.number(&mut self.store, programme);
        let number = self.promised(number)?;
        let opening = match &slot.chain {
            Some(_) => self.opening_stocks(),
            None => Vec::new(),
        };
        let entry = store::Entry { pos: slot.pos, hash: link.hash, programme: number, stock, request, bytes: &bytes };
        let chain = slot.chain.as_ref().map(|chain| (chain, opening.as_slice()));
        let write = Write { chain, entry, quota, carried, withdraws };
        let done = self.store.commit(&write, answer);
        let done = self.promised(done)?;
        self.len = slot.pos;
        self.tip = Some(slot.tip);
        self.clock.wrote(at, reading);
        match self.stocks.get_mut(programme) {
            Some(known) => *known = stock,
            None => drop(self.stocks.insert(programme.clone(), stock)),
        }
        if let Some(request) = request {
            self.requests.insert(request, slot.pos);
        }
        Ok(done)
    }

    pub(super) fn opening_stocks(&self) -> Vec<(i64, Stock)> {
        self.stocks.iter().filter_map(|(programme, stock)| Some((self.programmes.known(programme)?, *stock))).collect()
    }

    /// A write that failed stops the node: after a failed fsync nobody knows what is on the disk.
    pub(super) fn promised<T>(&mut self, done: Result<T, StoreError>) -> Result<T, NodeError> {
        done.map_err(|cause| {
            let why = std::error::Error::source(&cause).map_or_else(String::new, |source| format!(": {source}"));
            tracing::error!(site = %self.site, %cause, "a write failed; this node stops selling");
            self.stopped.get_or_insert(format!("{cause}{why}"));
            NodeError::Store(cause)
        })
    }

    /// The entry that answered a request key, read back from the disk.
    pub(super) fn answered(&self, request: Option<&str>) -> Result<Option<Committed<(LogRow, Entry)>>, NodeError> {
        let Some(pos) = self.requests.answered(request)? else {
            return Ok(None);
        };
        let Some(row) = self.store.row(pos)? else {
            return Ok(None);
        };
        row.try_map(|row| Ok((decoded(&row)?, row)).map(|(entry, row)| (row, entry))).map(Some)
    }

    /// The programme of a row.
    pub(super) fn programme_of(&self, row: &LogRow) -> Result<ProgrammeId, NodeError> {
        let named = self.programmes.named(row.programme).cloned();
        named.ok_or_else(|| NodeError::Damaged { id: row.id, cause: no_programme(row.programme) })
    }
}

/// The entry in a row.
pub(super) fn decoded(row: &LogRow) -> Result<Entry, NodeError> {
    wire::decode(&row.bytes).map_err(|cause| NodeError::Damaged { id: row.id, cause })
}

fn no_programme(number: i64) -> shared::wire::v1::WireError {
    shared::wire::v1::WireError::Limit { what: "programme", why: format!("number {number} has no name") }
}

/// Who stands at the counter; nobody has proved it yet.
pub(super) fn staff(name: &str) -> Result<Staff, BadAsk> {
    if name.len() > wire::NAME_BYTES_MAX {
        return Err(BadAsk::Name { bytes_max: wire::NAME_BYTES_MAX });
    }
    if holds_number(name) {
        return Err(BadAsk::Personal);
    }
    Ok(Staff { name: name.to_owned(), verified: false, id: None })
}

/// Why; nothing is corrected or taken back without.
pub(super) fn reason(text: &str) -> Result<String, BadAsk> {
    let text = text.trim();
    if text.is_empty() || text.len() > wire::REASON_BYTES_MAX {
        return Err(BadAsk::Reason { bytes_max: wire::REASON_BYTES_MAX });
    }
    if holds_number(text) {
        return Err(BadAsk::Personal);
    }
    Ok(text.to_owned())
}
