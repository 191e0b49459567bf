//! The lives of a store: what it says of itself when it dials, where the exchange goes on, and when a new incarnation
//! begins (T10; docs/lives.md).
//!
//! A restored backup, a copied folder and a hub that was taken back are all seen at the greeting. The node goes on
//! selling through all of it; only the line begins again.

use shared::ids::{EntryId, Incarnation};
use shared::ledger::run::Run;
use shared::seal::{SealError, Secret};
use shared::sign::{PublicKey, Signer};
use shared::sync::edge::{LogPos, Resumed};
use shared::sync::handshake::Standing;
use shared::wire::v1::life::{Began, EdgeLife, HubLife, Parent, TIPS_MAX};
use shared::wire::v1::message::{Seen, Welcome};

use super::{Node, NodeError};
use crate::keys::KeyError;
use crate::store::Chain;

/// Writes the incarnation's stamp, outside the database; durable when it returns.
pub type Stamp = Box<dyn FnMut(Incarnation) -> Result<(), KeyError> + Send>;

/// Notes, outside the database, that the entry at a place gives away what was lent; durable when it returns.
pub type Spent = Box<dyn FnMut(Incarnation, LogPos) -> Result<(), KeyError> + Send>;

/// What a node needs to tell its lives apart.
pub struct Lives {
    /// Signs the heads of its ledgers.
    pub signer: Signer,
    /// Where its incarnation is stamped.
    pub stamp: Stamp,
    /// Where it notes what it gives away: a store that lacks it later is an old image of itself.
    pub mark: Spent,
}

impl std::fmt::Debug for Lives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lives({:?})", self.signer)
    }
}

impl Lives {
    /// For nodes that live in memory alone: nothing is stamped.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn in_memory(secret: &Secret) -> Result<Self, SealError> {
        Ok(Self {
            signer: Signer::derive(secret.bytes(), b"heads")?,
            stamp: Box::new(|_| Ok(())),
            mark: Box::new(|_, _| Ok(())),
        })
    }
}

impl Node {
    /// What this edge says of itself when it dials.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let life = EdgeLife {
            boot: self.boot,
            parent: self.parent,
            own: self.line.own,
            signer: self.lives.signer.public(),
            keys: self.keys.marks().to_vec(),
            tips: self.tips(),
        };
        Standing {
            site: self.site,
            incarnation: self.incarnation,
            hub_life: self.line.hub_life,
            down: self.line.down,
            feed: self.line.feed,
            life: Some(life),
            manifest: Some(self.nation.manifest_made()),
        }
    }

    /// Finds out from the hub's greeting how much of the log it has, and whether this store is still the one that it
    /// takes itself for.
    ///
    /// What the hub never told us of is sent again too: it goes on behind a run that it put aside, and only its
    /// answer says so.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn resume(&mut self, welcome: &Welcome) -> Result<Resumed, NodeError> {
        self.check_running()?;
        if let Some(hub) = &welcome.life {
            if self.hub_is_behind(welcome, hub) {
                tracing::warn!(site = %self.site, "the hub is an old image of itself: everything is offered again");
                self.forget_hub(Incarnation([0; 16]))?;
                return Ok(Resumed::Anew);
            }
            if let Some(began) = self.must_begin_anew(welcome, hub)? {
                self.begin_anew(began)?;
                return Ok(Resumed::Anew);
            }
            self.note_hub_signer(hub.signer)?;
        }
        self.note_what_the_hub_takes(welcome)?;
        let (known, mut acked) = (self.known_to(welcome)?, self.line.acked);
        if welcome.hub_life != self.line.hub_life {
            // What the old life put aside is offered to the new one.
            let aside = self.line.quarantined.first().map(|run| run.first.saturating_sub(1));
            acked = acked.min(aside.unwrap_or(acked));
            self.forget_hub(welcome.hub_life)?;
        }
        self.knowledge.greeted(welcome.feed);
        let pos = known.min(acked);
        // Of a new life the hub has nothing; what the lives before it sent is acknowledged up to here.
        let said = welcome.last.map_or(pos, |_| known.min(self.len));
        self.line.resumed(pos, said, welcome.feed);
        self.note_resumed(welcome)?;
        let wants = welcome.life.is_some_and(|hub| hub.wants_keys);
        let keys = if wants { self.keys.secrets().to_vec() } else { Vec::new() };
        Ok(Resumed::Behind { pos, keys })
    }

    /// By which key the hub signs; kept, for slips are checked where there is no line.
    fn note_hub_signer(&mut self, signer: PublicKey) -> Result<(), NodeError> {
        if self.hub_signer == Some(signer) {
            return Ok(());
        }
        let noted = self.store.put_hub_signer(&signer);
        self.promised(noted)?;
        self.hub_signer = Some(signer);
        Ok(())
    }

    fn note_resumed(&mut self, welcome: &Welcome) -> Result<(), NodeError> {
        let progress = self.line.progress();
        let noted = self.store.put_acked(progress.acked, progress.covered);
        self.promised(noted)?;
        if let Some(hub) = &welcome.life
            && hub.journal > self.line.hub_journal
        {
            self.line.hub_journal = hub.journal;
            let noted = self.store.put_hub_journal(hub.journal);
            self.promised(noted)?;
        }
        Ok(())
    }

    /// How much of the log the hub says it has.
    fn known_to(&self, welcome: &Welcome) -> Result<LogPos, NodeError> {
        let same_hub = welcome.hub_life == self.line.hub_life;
        match &welcome.last {
            // A hub that was taken back may hold the last and not what stands before it, where several lives of this
            // store wrote.
            Some(_) if !same_hub && self.store.has_others_chains()? => Ok(0),
            Some(seen) => self.find_seen(seen).map(|pos| pos.unwrap_or(0)),
            // A new incarnation of a store that the same hub has acknowledged before.
            None if welcome.life.is_some() && same_hub && self.parent.is_some() => Ok(LogPos::MAX),
            None => Ok(0),
        }
    }

    /// Whether the journal of the same hub is shorter than it has been.
    fn hub_is_behind(&self, welcome: &Welcome, hub: &HubLife) -> bool {
        welcome.hub_life == self.line.hub_life && hub.journal < self.line.hub_journal
    }

    fn must_begin_anew(&self, welcome: &Welcome, hub: &HubLife) -> Result<Option<Began>, NodeError> {
        if hub.renew {
            return Ok(Some(Began::Doubled));
        }
        let lost = match &welcome.last {
            Some(seen) => self.find_seen(seen)?.is_none(),
            None => false,
        };
        Ok(lost.then_some(Began::Behind))
    }

    /// The stamp first: a crash between the two is one more new life.
    fn begin_anew(&mut self, began: Began) -> Result<(), NodeError> {
        let incarnation = Incarnation((self.dice)());
        let old = self.incarnation;
        tracing::warn!(site = %self.site, %old, new = %incarnation, ?began, "a new incarnation of this store begins");
        (self.lives.stamp)(incarnation).map_err(NodeError::Stamp)?;
        let renewed = self.store.renew(incarnation, began);
        self.promised(renewed)?;
        self.incarnation = incarnation;
        self.parent = Some(Parent { incarnation: old, began });
        Ok(())
    }

    /// Another life of the hub, or an old image of it: everything from its positions begins again.
    fn forget_hub(&mut self, life: Incarnation) -> Result<(), NodeError> {
        let forgotten = self.store.forget_hub(life);
        self.promised(forgotten)?;
        self.nation.clear();
        self.over.clear();
        self.deliveries.clear();
        self.decisions.clear();
        self.forget_hub_bookings();
        self.line.new_hub(life);
        self.knowledge.forget();
        Ok(())
    }

    fn find_seen(&self, seen: &Seen) -> Result<Option<LogPos>, NodeError> {
        match self.store.find(&seen.id)? {
            Some((pos, hash)) if hash == seen.hash => Ok(Some(pos)),
            Some((pos, _)) => {
                tracing::warn!(site = %self.site, id = %seen.id, pos, "the hub holds another entry under our name");
                Ok(None)
            }
            None => {
                tracing::warn!(site = %self.site, id = %seen.id, "the hub holds an entry that this store has lost");
                Ok(None)
            }
        }
    }

    /// The ends of the newest chains of the log. What cannot be read now is not told, and comes back needlessly.
    fn tips(&self) -> Vec<EntryId> {
        let newest = self.store.newest_chains(TIPS_MAX).unwrap_or_default();
        let tip = |(chain, end): (Chain, LogPos)| {
            let behind = u32::try_from(end.checked_sub(chain.first)?).ok()?;
            Some(EntryId { actor: chain.actor, seq: chain.seq.checked_add(behind)? })
        };
        newest.into_iter().filter_map(tip).collect()
    }

    /// A run on its way up, under this site's signature.
    pub(super) fn signed(&self, run: Run) -> Run {
        run.signed(&self.lives.signer)
    }
}
