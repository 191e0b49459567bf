//! Whether the ledger is the one that was written (T4, T13): every entry is hashed again and compared with what the hub
//! has signed for; what is missing, changed or out of its place is named. It works on a store that no node would start
//! on.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use shared::audit::{Broken, Link as AuditLink, verify as follow};
use shared::ids::{ActorId, DocId, EntryId, SiteCode};
use shared::ledger::chain::{Link, Tip};
use shared::sign::Head;
use shared::sync::edge::LogPos;

use crate::store::{Chain, RawRow, ReceiptRow, Store, StoreError};

/// Rows of one step: between two steps the node sells.
const ROWS_A_STEP: usize = 512;
/// Records of the audit that are read at once.
const AUDIT_STEP: u32 = 1_000;

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Entries of the log that were read.
    pub entries: u64,
    /// Of these, entries that the hub has signed for.
    pub signed: u64,
    /// Entries of the hub's ledgers that were read.
    pub down: u64,
    /// Records of the audit that were read.
    pub audit: u64,
    /// What is wrong; empty where the ledger is the one that was written.
    pub findings: Vec<Finding>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The position in the log, or the number in the audit; 0 in a ledger of the hub.
    pub pos: LogPos,
    /// The entry, where its name is known.
    pub entry: Option<EntryId>,
    /// What is wrong with it.
    pub what: Wrong,
}

/// How an entry can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// Its bytes, or its place, are not those that its hash was made of.
    Changed,
    /// The hub signed for another entry under this name: it was changed together with its hash.
    NotSigned,
    /// The hub's signature is not the hub's.
    Receipt,
    /// An entry of the hub's ledgers was changed.
    Hub,
    /// A record of the audit was changed, moved or taken out.
    Audit,
}

impl Wrong {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::NotSigned => "not-signed",
            Self::Receipt => "receipt",
            Self::Hub => "hub",
            Self::Audit => "audit",
        }
    }

    /// In words, Chinese and English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("遺失", "missing"),
            Self::Changed => ("內容或順序遭變更", "changed or moved"),
            Self::NotSigned => ("與中心簽收者不符", "not the one that the hub signed for"),
            Self::Receipt => ("中心簽收不符", "the hub's receipt is not the hub's"),
            Self::Hub => ("中心帳本遭變更", "the hub's ledger was changed"),
            Self::Audit => ("稽核紀錄遭變更", "the audit was changed from this record on"),
        }
    }
}

/// Reads everything and compares.
///
/// # Errors
/// Where the store cannot be read at all.
pub fn verify(store: &Store, site: SiteCode) -> Result<Verified, StoreError> {
    let mut under_way = Verification::begin(store, site)?;
    loop {
        match under_way.step(store)? {
            Step::More(rest) => under_way = *rest,
            Step::Done(verified) => return Ok(verified),
        }
    }
}

/// A verification under way. What is written after its beginning is left to the next.
#[derive(Debug)]
pub struct Verification {
    walk: Walk,
    /// Those that have not begun yet, in the order of the log.
    chains: Peekable<IntoIter<Chain>>,
    /// The last position that is looked at, and the last that was.
    upto: LogPos,
    at: LogPos,
    receipts: Vec<Finding>,
}

/// How a step of a verification ended.
#[derive(Debug)]
pub enum Step {
    /// There is more to read.
    More(Box<Verification>),
    /// Everything was read.
    Done(Verified),
}

impl Verification {
    /// Begins with what stands beside the log.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn begin(store: &Store, site: SiteCode) -> Result<Self, StoreError> {
        let (mut signed, mut receipts) = (BTreeMap::new(), Vec::new());
        for receipt in store.receipts()? {
            match judge_receipt(store, &receipt)? {
                Some(finding) => receipts.push(finding),
                None => drop(signed.insert(receipt.id.actor, receipt.id.seq)),
            }
        }
        let walk = Walk { site, signed, chain: None, tip: None, next: 1, out: Verified::default() };
        Ok(Self { walk, chains: store.chains()?.into_iter().peekable(), upto: store.log_len()?, at: 0, receipts })
    }

    /// Reads on.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn step(mut self, store: &Store) -> Result<Step, StoreError> {
        let rows = store.raw_rows(self.at, ROWS_A_STEP)?;
        for row in rows.iter().filter(|row| row.pos <= self.upto) {
            while let Some(chain) = self.chains.next_if(|chain| chain.first <= row.pos) {
                self.walk.begin(chain);
            }
            self.walk.row(row);
        }
        match rows.last().map(|row| row.pos).filter(|last| *last < self.upto) {
            Some(last) => Ok(Step::More(Box::new(Self { at: last, ..self }))),
            None => self.end(store).map(Step::Done),
        }
    }

    fn end(self, store: &Store) -> Result<Verified, StoreError> {
        let Self { mut walk, chains, receipts, .. } = self;
        // Chains whose rows are all gone.
        for chain in chains {
            walk.missing(chain.first);
            walk.begin(chain);
            walk.find(walk.next.max(1), walk.name(walk.next), Wrong::Missing);
        }
        let mut out = walk.out;
        out.findings.extend(receipts);
        for row in store.down_entries()? {
            out.down += 1;
            let mut tip = Tip::start(row.doc, row.link.id.actor, row.link.op.saturating_sub(1), row.deps.clone());
            tip.next.id.seq = row.link.id.seq;
            if tip.append(&row.bytes).ok() != Some(row.link) {
                out.findings.push(Finding { pos: 0, entry: Some(row.link.id), what: Wrong::Hub });
            }
        }
        match audit(store)? {
            Ok(records) => out.audit = records,
            Err(Broken { number }) => out.findings.push(Finding { pos: number, entry: None, what: Wrong::Audit }),
        }
        Ok(out)
    }
}

/// Follows the audit's chain: how many records, or the first that is not as it was written.
fn audit(store: &Store) -> Result<Result<u64, Broken>, StoreError> {
    let mut last = (0, AuditLink::FIRST);
    loop {
        let rows = store.audit_behind(last.0, AUDIT_STEP)?;
        if rows.is_empty() {
            return Ok(Ok(last.0));
        }
        for row in rows {
            let followed = row.linked().ok_or(Broken { number: row.number }).and_then(|linked| follow(last, [linked]));
            match followed {
                Ok(upto) => last = upto,
                Err(broken) => return Ok(Err(broken)),
            }
        }
    }
}

#[derive(Debug)]
struct Walk {
    site: SiteCode,
    /// Up to where the hub has signed for each actor's entries.
    signed: BTreeMap<ActorId, u32>,
    chain: Option<Chain>,
    tip: Option<Tip>,
    next: LogPos,
    out: Verified,
}

impl Walk {
    fn find(&mut self, pos: LogPos, entry: Option<EntryId>, what: Wrong) {
        self.out.findings.push(Finding { pos, entry, what });
    }

    fn begin(&mut self, chain: Chain) {
        if chain.doc != (DocId::Site { site: self.site, day: chain.day }) {
            self.find(chain.first, Some(EntryId { actor: chain.actor, seq: chain.seq }), Wrong::Changed);
        }
        let mut tip = Tip::start(chain.doc, chain.actor, chain.op.saturating_sub(1), chain.deps.clone());
        tip.next.id.seq = chain.seq;
        (self.tip, self.chain) = (Some(tip), Some(chain));
    }

    /// The name of the entry at a position of the chain.
    fn name(&self, pos: LogPos) -> Option<EntryId> {
        let chain = self.chain.as_ref()?;
        let behind = u32::try_from(pos.checked_sub(chain.first)?).ok()?;
        Some(EntryId { actor: chain.actor, seq: chain.seq.checked_add(behind)? })
    }

    /// Everything up to a position is missing.
    fn missing(&mut self, upto: LogPos) {
        for pos in self.next..upto {
            self.find(pos, self.name(pos), Wrong::Missing);
        }
        self.next = self.next.max(upto);
    }

    fn row(&mut self, row: &RawRow) {
        let gap = row.pos > self.next;
        self.missing(row.pos);
        self.next = row.pos + 1;
        self.out.entries += 1;
        let entry = self.name(row.pos);
        let (Some(tip), Some(id)) = (self.tip.as_mut(), entry) else {
            return self.find(row.pos, entry, Wrong::Changed);
        };
        let op = tip.next.op.saturating_add(u64::from(id.seq.saturating_sub(tip.next.id.seq)));
        // Behind a gap nothing can be said of the place; the next one is judged by this one's hash.
        let holds = gap || tip.append(&row.entry).map(|link| link.hash).ok() == Some(row.hash);
        // The stored hash counts from here on, so that one change is one finding.
        self.tip = Tip::after(tip.doc, &Link { id, op, hash: row.hash }).ok();
        if !holds {
            self.find(row.pos, entry, Wrong::Changed);
        } else if self.signed.get(&id.actor).is_some_and(|upto| id.seq <= *upto) {
            self.out.signed += 1;
        }
    }
}

/// The hub has signed for an entry: it must be here, as it was signed for.
fn judge_receipt(store: &Store, row: &ReceiptRow) -> Result<Option<Finding>, StoreError> {
    let found = store.find(&row.id)?;
    let pos = found.map_or(0, |(pos, _)| pos);
    let chain = match found {
        Some((pos, _)) => store.chain_at(pos)?,
        None => None,
    };
    let what = match (found, chain) {
        (Some((_, hash)), Some(chain)) => {
            let head = Head { doc: chain.doc, id: row.id, hash };
            let is_hubs = || row.hub.gave_receipt(&head, &row.receipt);
            if hash != row.hash { Some(Wrong::NotSigned) } else { (!is_hubs()).then_some(Wrong::Receipt) }
        }
        (None, _) | (_, None) => Some(Wrong::Missing),
    };
    Ok(what.map(|what| Finding { pos, entry: Some(row.id), what }))
}
