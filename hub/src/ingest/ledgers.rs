//! Reading ledgers back out of the journal: an entry, a hash, a whole document.
//!
//! Every row names the row of the same actor before it, so no index beside the journal is needed.

use automerge::Automerge;
use shared::entry::Entry;
use shared::ids::{ActorId, ChangeHash, DocId, EntryId};
use shared::ledger::fold;
use shared::ledger::run::Run;
use shared::wire::v1::entry;

use crate::hub::{Hub, HubError};
use crate::store::TipRow;

/// Where an entry lies.
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// Of its run in the journal.
    pub(crate) pos: u64,
    pub(crate) received: i64,
    /// The end of its actor's chain.
    pub(crate) tip: TipRow,
}

impl Hub {
    /// The end of an actor's chain, as of this transaction.
    pub(crate) fn tip(&self, actor: &ActorId) -> Result<Option<TipRow>, HubError> {
        match self.memory.tips.get(actor) {
            Some(tip) => Ok(Some(tip.clone())),
            None => Ok(self.store.tip(actor)?),
        }
    }

    /// The end of the chain that holds an entry; what is remembered may be behind another process.
    fn tip_holding(&self, id: &EntryId) -> Result<Option<TipRow>, HubError> {
        let holds = |tip: &TipRow| tip.seq >= id.seq;
        match self.memory.tips.get(&id.actor).filter(|tip| holds(tip)) {
            Some(tip) => Ok(Some(tip.clone())),
            None => Ok(self.store.tip(&id.actor)?.filter(holds)),
        }
    }

    pub(crate) fn remember_tip(&mut self, actor: ActorId, tip: TipRow) {
        if self.memory.tips.len() >= crate::hub::TIPS_MAX {
            self.memory.tips.clear();
        }
        self.memory.tips.insert(actor, tip);
    }

    /// The run that holds an entry, its position, and when it came.
    fn run_with(&self, id: &EntryId, last: u64) -> Result<Option<(Run, u64, i64)>, HubError> {
        let Some(pos) = self.position_of(id, last)? else {
            return Ok(None);
        };
        let row = self.store.journal(pos)?.ok_or_else(|| missing(pos))?;
        let holds = (row.first..row.first.saturating_add(row.count)).contains(&id.seq);
        if holds { Ok(Some((self.decode(pos, &row.run)?, pos, row.received))) } else { Ok(None) }
    }

    /// Where the run of an entry lies. An actor's rows are walked once, from its last to those known
    /// already: whoever names the oldest of many runs again and again pays for the walk only once.
    fn position_of(&self, id: &EntryId, last: u64) -> Result<Option<u64>, HubError> {
        let known = self.memory.chains.borrow().get(&id.actor).last().copied();
        let mut walked = Vec::new();
        let mut next = Some(last).filter(|pos| known.is_none_or(|(_, known)| known < *pos));
        while let Some(pos) = next {
            let (first, prev) = self.store.journal_link(pos)?.ok_or_else(|| missing(pos))?;
            walked.push((first, pos));
            if walked.len() == 1 && first <= id.seq {
                return Ok(Some(pos));
            }
            next = prev.filter(|prev| known.is_none_or(|(_, known)| known < *prev));
        }
        walked.reverse();
        let holding = |runs: &[(u32, u64)]| {
            let behind = runs.partition_point(|(first, _)| *first <= id.seq);
            behind.checked_sub(1).and_then(|at| runs.get(at)).map(|(_, pos)| *pos)
        };
        let mut chains = self.memory.chains.borrow_mut();
        let found = holding(&walked).or_else(|| holding(chains.get(&id.actor)));
        chains.extend(id.actor, walked);
        Ok(found)
    }

    /// An entry of the journal.
    pub(crate) fn find(&self, id: &EntryId) -> Result<Option<Found>, HubError> {
        let Some(tip) = self.tip_holding(id)? else {
            return Ok(None);
        };
        self.find_from(id, tip.pos, tip)
    }

    /// An entry of the journal whose run is known.
    pub(crate) fn find_at(&self, id: &EntryId, pos: u64) -> Result<Option<Found>, HubError> {
        match self.tip_holding(id)? {
            Some(tip) => self.find_from(id, pos, tip),
            None => Ok(None),
        }
    }

    fn find_from(&self, id: &EntryId, last: u64, tip: TipRow) -> Result<Option<Found>, HubError> {
        let Some((run, pos, received)) = self.run_with(id, last)? else {
            return Ok(None);
        };
        let at = usize::try_from(id.seq - run.start.id.seq).unwrap_or(usize::MAX);
        let bytes = run.entries.get(at).ok_or_else(|| HubError::Damaged(format!("entry {id} is missing")))?;
        let entry = entry::decode(bytes).map_err(|cause| HubError::Damaged(format!("entry {id}: {cause}")))?;
        Ok(Some(Found { entry, pos, received, tip }))
    }

    /// The hash of an entry's change.
    pub(crate) fn hash_of(&self, id: &EntryId) -> Result<Option<ChangeHash>, HubError> {
        let Some(tip) = self.tip_holding(id)? else {
            return Ok(None);
        };
        let Some((run, ..)) = self.run_with(id, tip.pos)? else {
            return Ok(None);
        };
        let links = run.links().map_err(|cause| HubError::Damaged(format!("the run of entry {id}: {cause}")))?;
        Ok(links.iter().find(|link| link.id == *id).map(|link| link.hash))
    }

    /// Every run of a ledger, each actor's in sequence, an actor before those that build on it
    /// only by chance.
    pub(crate) fn runs_of(&self, doc: &DocId) -> Result<Vec<Run>, HubError> {
        let mut runs = Vec::new();
        for (_, tip) in self.store.tips(doc)? {
            let mut of_actor = Vec::new();
            let mut next = Some(tip.pos);
            while let Some(pos) = next {
                let row = self.store.journal(pos)?.ok_or_else(|| missing(pos))?;
                of_actor.push(self.decode(pos, &row.run)?);
                next = row.prev;
            }
            runs.extend(of_actor.into_iter().rev());
        }
        Ok(runs)
    }

    /// A ledger as an Automerge document, folded from the journal.
    ///
    /// # Errors
    /// Where the store fails or the journal's runs do not make a document.
    pub fn document(&self, doc: &DocId) -> Result<Automerge, HubError> {
        let mut changes = Vec::new();
        for run in self.runs_of(doc)? {
            // The hash of every run is compared again: the journal's bytes may have been touched.
            run.links().map_err(|cause| HubError::Damaged(format!("a run of ledger {doc}: {cause}")))?;
            changes.extend(run.changes().map_err(|cause| HubError::Damaged(format!("ledger {doc}: {cause}")))?);
        }
        fold::document(changes).map_err(|cause| HubError::Fold { doc: *doc, cause: Box::new(cause) })
    }
}

fn missing(pos: u64) -> HubError {
    HubError::Damaged(format!("journal row {pos} is missing"))
}
