//! Whether the journal is the one that was written (T13): every row is hashed again, every signature of a site and of
//! the hub is looked at, and what is missing, changed or out of its place is named.

use std::collections::BTreeMap;

use shared::audit::Broken;
use shared::ids::{ActorId, ChangeHash, DocId, EntryId, SiteCode};
use shared::ledger::run::Run;
use shared::sign::PublicKey;
use shared::wire::v1::run::decode_run;

use crate::hub::{Hub, HubError};
use crate::signed::Roll;
use crate::store::{SignedRow, WholeRow};

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Rows of the journal that were read.
    pub rows: u64,
    /// Entries in them.
    pub entries: u64,
    /// Of these, entries under a signature of their writer.
    pub signed: u64,
    /// What is wrong; empty where the journal is the one that was written.
    pub findings: Vec<Finding>,
    /// How many records the audit has.
    pub records: u64,
    /// The first record of it that is not the one that was written.
    pub audit: Option<Broken>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The row of the journal.
    pub row: u64,
    /// The entries, first and last, where their names are known.
    pub entries: Option<(EntryId, EntryId)>,
    /// What is wrong with them.
    pub what: Wrong,
}

/// How a row can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// Its bytes are not those that its hash was made of.
    Changed,
    /// It does not follow what stands before it.
    Moved,
    /// It is not what the site signed.
    NotSigned,
    /// The journal up to here is not the one that the hub signed.
    Rewritten,
}

impl Wrong {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::NotSigned => "not-signed",
            Self::Rewritten => "rewritten",
        }
    }

    /// In words, Chinese and English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("遺失", "missing"),
            Self::Changed => ("內容遭變更", "changed"),
            Self::Moved => ("順序不符", "out of its place"),
            Self::NotSigned => ("與機構簽章不符", "not what the site signed"),
            Self::Rewritten => {
                ("至此的日誌與中心簽章不符", "the journal up to here is not the one that the hub signed")
            }
        }
    }
}

/// One actor's chain as far as it has been read.
#[derive(Debug, Clone)]
struct Chain {
    doc: DocId,
    seq: u32,
    hash: ChangeHash,
    row: u64,
}

/// A verification under way.
struct Walk<'a> {
    hub: &'a Hub,
    out: Verified,
    chains: BTreeMap<ActorId, Chain>,
    signers: BTreeMap<SiteCode, Vec<PublicKey>>,
    signatures: Vec<SignedRow>,
    roll: Roll,
    next: u64,
}

impl Hub {
    /// Reads the whole journal and compares; the hub may go on serving.
    ///
    /// # Errors
    /// Where the store cannot be read at all.
    pub fn verify(&self) -> Result<Verified, HubError> {
        let audit = self.verify_audit()?;
        let journal = self.store.snapshot(|| {
            let mut signatures = self.store.signatures()?;
            signatures.reverse();
            let mut walk = Walk {
                hub: self,
                out: Verified::default(),
                chains: BTreeMap::new(),
                signers: BTreeMap::new(),
                signatures,
                roll: Roll::default(),
                next: 1,
            };
            self.each_whole_row(0, |row| walk.row(row))?;
            walk.end()
        });
        Ok(Verified { records: audit.records, audit: audit.broken, ..journal? })
    }
}

impl Walk<'_> {
    fn find(&mut self, row: u64, entries: Option<(EntryId, EntryId)>, what: Wrong) {
        self.out.findings.push(Finding { row, entries, what });
    }

    fn row(&mut self, row: &WholeRow) -> Result<(), HubError> {
        self.unsigned_before(row.pos);
        for missing in self.next..row.pos {
            self.find(missing, None, Wrong::Missing);
        }
        self.next = row.pos + 1;
        self.out.rows += 1;
        self.out.entries += u64::from(row.count);
        self.roll = self.roll.with(&row.into());
        let last = row.first.saturating_add(row.count.saturating_sub(1));
        let names = (EntryId { actor: row.actor, seq: row.first }, EntryId { actor: row.actor, seq: last });
        match decode_run(&row.run) {
            Ok(run) => self.run(row, &run, names)?,
            Err(_) => self.find(row.pos, Some(names), Wrong::Changed),
        }
        self.judge_roll(row.pos);
        Ok(())
    }

    fn run(&mut self, row: &WholeRow, run: &Run, names: (EntryId, EntryId)) -> Result<(), HubError> {
        let columns = run.start.id == names.0 && run.last_id() == names.1;
        if !columns || run.links().is_err() {
            self.find(row.pos, Some(names), Wrong::Changed);
        } else if !self.is_signed(row, run)? {
            self.find(row.pos, Some(names), Wrong::NotSigned);
        }
        let before = self.chains.get(&row.actor).cloned();
        let have = before.as_ref().map_or(0, |chain| chain.seq);
        if row.first > have.saturating_add(1) {
            let gap = |seq| EntryId { actor: row.actor, seq };
            self.find(row.pos, Some((gap(have + 1), gap(row.first - 1))), Wrong::Missing);
        }
        let follows = match &before {
            Some(chain) => {
                let behind = run.start.deps != [chain.hash] && run.start.deps.len() < 2;
                row.first == chain.seq + 1 && row.prev == Some(chain.row) && chain.doc == run.doc && !behind
            }
            None => row.first == 1 && row.prev.is_none(),
        };
        if !follows && row.first <= have.saturating_add(1) {
            self.find(row.pos, Some(names), Wrong::Moved);
        }
        let chain = Chain { doc: run.doc, seq: names.1.seq, hash: run.last, row: row.pos };
        self.chains.insert(row.actor, chain);
        Ok(())
    }

    /// Whether a run carries the signature that it must; the first version signed nothing.
    fn is_signed(&mut self, row: &WholeRow, run: &Run) -> Result<bool, HubError> {
        let Some(signature) = &run.signature else {
            return self.may_be_unsigned(row);
        };
        let head = run.head();
        let signed = match row.site {
            None => self.hub.signer.public().signed_head(&head, signature),
            Some(site) => self.signers_of(site)?.iter().any(|key| key.signed_head(&head, signature)),
        };
        if signed {
            self.out.signed += u64::from(row.count);
        }
        Ok(signed)
    }

    fn may_be_unsigned(&self, row: &WholeRow) -> Result<bool, HubError> {
        Ok(match row.site {
            Some(_) => self.hub.store.may_be_unsigned(row.pos)?,
            // The hub's own, before it could sign.
            None => row.pos < self.first_signed(),
        })
    }

    fn first_signed(&self) -> u64 {
        self.signatures.last().map_or(u64::MAX, |row| row.pos)
    }

    fn signers_of(&mut self, site: SiteCode) -> Result<&[PublicKey], HubError> {
        if !self.signers.contains_key(&site) {
            self.signers.insert(site, self.hub.store.signers(&site)?);
        }
        Ok(self.signers.get(&site).map_or(&[], Vec::as_slice))
    }

    /// Signatures over rows that are not there any more.
    fn unsigned_before(&mut self, pos: u64) {
        while self.signatures.last().is_some_and(|row| row.pos < pos) {
            if let Some(row) = self.signatures.pop() {
                self.find(row.pos, None, Wrong::Rewritten);
            }
        }
    }

    fn judge_roll(&mut self, pos: u64) {
        let Some(row) = self.signatures.pop_if(|row| row.pos == pos) else { return };
        let key = self.hub.signer.public();
        if row.roll != self.roll.0 || !key.signed_journal(row.pos, &row.roll, &row.signature) {
            self.find(pos, None, Wrong::Rewritten);
            // From here on the signed hash counts, so that one change is one finding.
            self.roll = Roll(row.roll);
        }
    }

    fn end(mut self) -> Result<Verified, HubError> {
        let behind = self.signatures.first().map_or(0, |row| row.pos);
        for missing in self.next..=behind {
            self.find(missing, None, Wrong::Missing);
        }
        self.unsigned_before(u64::MAX);
        for (actor, tip) in self.hub.store.all_tips()? {
            let have = self.chains.get(&actor).map_or(0, |chain| chain.seq);
            let name = |seq| EntryId { actor, seq };
            if have < tip.seq {
                self.find(tip.pos, Some((name(have + 1), name(tip.seq))), Wrong::Missing);
            } else if self.chains.get(&actor).is_none_or(|chain| chain.hash != tip.hash) {
                self.find(tip.pos, Some((name(tip.seq), name(tip.seq))), Wrong::Changed);
            }
        }
        Ok(self.out)
    }
}
