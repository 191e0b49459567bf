//! Whether the ledger is the one that was written (T4, T13): every entry is hashed again and compared with what the hub
//! has signed for; what is missing, changed or out of its place is named. It works on a store that no node would start
//! on.

use shared::ids::{DocId, EntryId, SiteCode};
use shared::ledger::chain::{Link, Tip};
use shared::sign::Head;
use shared::sync::edge::LogPos;

use crate::store::{Chain, RawRow, ReceiptRow, Store, StoreError};

/// Rows read at once.
const ROWS_AT_ONCE: usize = 1_024;

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Entries of the log that were read.
    pub entries: u64,
    /// Of these, entries that the hub has signed for.
    pub signed: u64,
    /// Entries of the hub's ledgers that were read.
    pub down: u64,
    /// What is wrong; empty where the ledger is the one that was written.
    pub findings: Vec<Finding>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The position in the log; 0 in a ledger of the hub.
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
        }
    }
}

/// Reads everything and compares.
///
/// # Errors
/// Where the store cannot be read at all.
pub fn verify(store: &Store, site: SiteCode) -> Result<Verified, StoreError> {
    let mut out = Verified::default();
    let mut chains = store.chains()?.into_iter().peekable();
    let mut walk = Walk { chain: None, tip: None, next: 1 };
    let mut after = 0;
    loop {
        let rows = store.raw_rows(after, ROWS_AT_ONCE)?;
        let Some(last) = rows.last() else { break };
        after = last.pos;
        for row in &rows {
            while let Some(chain) = chains.next_if(|chain| chain.first <= row.pos) {
                walk.begin(chain, site, &mut out);
            }
            walk.row(row, &mut out);
        }
    }
    // Chains whose rows are all gone.
    for chain in chains {
        walk.missing(walk.next, chain.first, &mut out);
        walk.begin(chain, site, &mut out);
        out.findings.push(Finding { pos: walk.next.max(1), entry: walk.name(walk.next), what: Wrong::Missing });
    }
    for receipt in store.receipts()? {
        judge_receipt(store, &receipt, &mut out)?;
    }
    for row in store.down_entries()? {
        out.down += 1;
        let mut tip = Tip::start(row.doc, row.link.id.actor, row.link.op.saturating_sub(1), row.deps.clone());
        tip.next.id.seq = row.link.id.seq;
        if tip.append(&row.bytes).ok() != Some(row.link) {
            out.findings.push(Finding { pos: 0, entry: Some(row.link.id), what: Wrong::Hub });
        }
    }
    Ok(out)
}

struct Walk {
    chain: Option<Chain>,
    tip: Option<Tip>,
    next: LogPos,
}

impl Walk {
    fn begin(&mut self, chain: Chain, site: SiteCode, out: &mut Verified) {
        if chain.doc != (DocId::Site { site, day: chain.day }) {
            let id = EntryId { actor: chain.actor, seq: chain.seq };
            out.findings.push(Finding { pos: chain.first, entry: Some(id), what: Wrong::Changed });
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

    fn missing(&mut self, from: LogPos, to: LogPos, out: &mut Verified) {
        for pos in from..to {
            out.findings.push(Finding { pos, entry: self.name(pos), what: Wrong::Missing });
        }
        self.next = self.next.max(to);
    }

    fn row(&mut self, row: &RawRow, out: &mut Verified) {
        let gap = row.pos > self.next;
        self.missing(self.next, row.pos, out);
        self.next = row.pos + 1;
        out.entries += 1;
        let entry = self.name(row.pos);
        let (Some(tip), Some(entry_id)) = (self.tip.as_mut(), entry) else {
            out.findings.push(Finding { pos: row.pos, entry, what: Wrong::Changed });
            return;
        };
        let op = tip.next.op.saturating_add(u64::from(entry_id.seq.saturating_sub(tip.next.id.seq)));
        if gap {
            // Behind a gap nothing can be said of the place; the next one is judged by this one's hash.
        } else if tip.append(&row.entry).map(|link| link.hash).ok() != Some(row.hash) {
            out.findings.push(Finding { pos: row.pos, entry, what: Wrong::Changed });
        }
        // The stored hash counts from here on, so that one change is one finding.
        let link = Link { id: entry_id, op, hash: row.hash };
        self.tip = Tip::after(tip.doc, &link).ok();
    }
}

/// The hub has signed for an entry: it must be here, as it was signed for.
fn judge_receipt(store: &Store, row: &ReceiptRow, out: &mut Verified) -> Result<(), StoreError> {
    let found = store.find(&row.id)?;
    let pos = found.map_or(0, |(pos, _)| pos);
    let finding = |what| Finding { pos, entry: Some(row.id), what };
    let chain = match found {
        Some((pos, _)) => store.chain_at(pos)?,
        None => None,
    };
    let (Some((_, hash)), Some(chain)) = (found, chain) else {
        out.findings.push(finding(Wrong::Missing));
        return Ok(());
    };
    if hash != row.hash {
        out.findings.push(finding(Wrong::NotSigned));
    } else if !row.hub.gave_receipt(&Head { doc: chain.doc, id: row.id, hash }, &row.receipt) {
        out.findings.push(finding(Wrong::Receipt));
    } else {
        out.signed += u64::from(row.id.seq);
    }
    Ok(())
}
