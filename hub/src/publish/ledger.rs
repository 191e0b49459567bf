//! Writing in the hub's own ledgers: the nation's and the sites' desks.
//!
//! Each process writes under its own actor, behind whatever has been written before. Transactions
//! of several processes come one after the other, so these ledgers have one head: the change with
//! the highest operation number.

use std::collections::BTreeMap;

use shared::entry::{Decision, Entry, Fact, Standing};
use shared::ids::{ActorId, DocId, EntryId, SiteCode};
use shared::ledger::chain::{Link, Tip};
use shared::ledger::run::{RUN_BYTES_MAX, RUN_ENTRIES_MAX, Run};
use shared::rules::programme::Version;
use shared::wire::v1::entry;

use super::{SELF, desk, signed};
use crate::hub::{Hub, HubError, Writer};
use crate::store::{DecisionRow, ProgrammeRow};

/// What the desks are to be told: of which sale, whether it is over.
pub(crate) type Standings = BTreeMap<SiteCode, Vec<(EntryId, bool)>>;

impl Hub {
    /// Tells each desk where its sales stand now, unless that is what it was told last.
    pub(crate) fn tell_desks(&mut self, standings: Standings, second: i64) -> Result<(), HubError> {
        for (site, sales) in standings {
            let mut entries = Vec::new();
            for (sale, over) in sales {
                if self.store.told(&sale)? != over {
                    entries.push(signed(Fact::Standing(Standing { sale, over }), SELF, second));
                }
            }
            self.write(desk(&site, second), &entries, second)?;
        }
        Ok(())
    }

    /// Appends entries to a ledger of the hub's and projects them.
    pub(crate) fn write(&mut self, doc: DocId, entries: &[Entry], second: i64) -> Result<(), HubError> {
        let mut rest = entries;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            self.write_run(doc, now, second)?;
            rest = later;
        }
        Ok(())
    }

    fn write_run(&mut self, doc: DocId, entries: &[Entry], second: i64) -> Result<(), HubError> {
        let mut tip = self.writer(doc)?;
        let start = tip.next.clone();
        let bytes: Vec<Vec<u8>> = entries.iter().map(entry::encode).collect();
        let links: Vec<Link> = bytes
            .iter()
            .map(|entry| tip.append(entry).map_err(|_| HubError::Full("a ledger of the hub")))
            .collect::<Result<_, _>>()?;
        let last = links.last().map(|link| link.hash).ok_or(HubError::Full("nothing"))?;
        let run = Run { doc, start, entries: bytes, joints: Vec::new(), last, signature: None }.signed(&self.signer);
        let pos = self.journal_run(&run, &links, None, None, second)?;
        self.memory.writers.insert(doc, Writer { tip });
        for (entry, link) in entries.iter().zip(&links) {
            self.project_own(doc, pos, link.id, entry)?;
        }
        Ok(())
    }

    /// Where this process writes next in a ledger.
    fn writer(&mut self, doc: DocId) -> Result<Tip, HubError> {
        if let Some(writer) = self.memory.writers.get(&doc) {
            return Ok(writer.tip.clone());
        }
        let head = self.store.tips(&doc)?.into_iter().map(|(_, tip)| tip).max_by_key(|tip| tip.op);
        let actor = ActorId((self.dice)());
        Ok(match head {
            Some(head) => Tip::start(doc, actor, head.op, vec![head.hash]),
            None => Tip::start(doc, actor, 0, Vec::new()),
        })
    }

    /// Takes an entry of the hub's own into the projections, when it is written and when it is replayed.
    pub(crate) fn project_own(&mut self, doc: DocId, pos: u64, id: EntryId, entry: &Entry) -> Result<(), HubError> {
        match doc {
            DocId::Desk { site, month: _ } => self.store.put_down(site.as_str(), pos)?,
            DocId::Nation { month: _ } | DocId::Site { .. } => self.store.put_down("", pos)?,
        }
        match &entry.fact {
            Fact::Programme(published) => self.project_version(pos, entry, &published.text)?,
            Fact::Standing(standing) => self.store.set_told(&standing.sale, standing.over)?,
            Fact::Exception(exception) => self.project_exception(exception)?,
            Fact::Decision(decision) => self.project_decision(pos, entry, decision)?,
            Fact::Access(access) => self.project_own_access(doc, (pos, id), entry, access)?,
            Fact::Notice(notice) => self.store.put_notice(notice.name.as_str(), &entry::encode(entry))?,
            Fact::Booking(booking) => self.project_own_booking(doc, (pos, id), (entry, booking))?,
            Fact::Arrival(_)
            | Fact::Sale(_)
            | Fact::Withdrawal(_)
            | Fact::Correction(_)
            | Fact::Delivery(_)
            | Fact::Dispute(_) => {}
        }
        Ok(())
    }

    fn project_decision(&self, pos: u64, entry: &Entry, decision: &Decision) -> Result<(), HubError> {
        Ok(self.store.put_decision(&DecisionRow {
            id: self.keys.dispute_case(&decision.of),
            pos,
            granted: decision.granted,
            words: decision.words.clone(),
            author: entry.by.name.clone(),
            second: entry.at.second,
        })?)
    }

    fn project_version(&mut self, pos: u64, entry: &Entry, text: &str) -> Result<(), HubError> {
        let version = Version::parse(text)
            .map_err(|cause| HubError::Damaged(format!("a version in journal row {pos}: {cause}")))?;
        self.store.put_programme(&ProgrammeRow {
            pos,
            programme: version.programme.clone(),
            name: version.name.clone(),
            text: text.to_owned(),
            author: entry.by.name.clone(),
            second: entry.at.second,
        })?;
        self.memory.versions.insert(version);
        Ok(())
    }
}

/// How many of the first entries fit in one run; at least one, which the entry's own limit allows.
fn fitting(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        bytes += entry::encode(entry).len();
        bytes <= RUN_BYTES_MAX
    };
    entries.iter().take(RUN_ENTRIES_MAX).take_while(fits).count().max(1)
}
