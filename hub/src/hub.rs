//! The hub: sole owner of the store for writing. Everything that changes it is one durable
//! transaction; what is answered has been committed (docs/architecture.md).
//!
//! [`Hub`] is synchronous and knows no clock and no dice: the shell gives it seconds and bytes.
//! Several processes may have the same file open: what a `Hub` remembers is dropped whenever
//! another one has written, and a transaction that fails leaves nothing remembered.

mod exchange;
mod inspect;
mod keys;
mod memory;
mod rebuild;
mod status;

use std::fmt;

use shared::ids::{DocId, Incarnation};
use shared::ledger::fold;
use shared::rules::programme::{Version, Versions};
use shared::seal::{HubKeys, SealError, Secret};
use shared::sign::Signer;

use crate::audit::Pending;
use crate::cases::FEED_SHARED;
use crate::digests::JUMP_ITEMS;
use crate::store::{Store, StoreError};

pub use exchange::Greeting;
pub(crate) use keys::{BUYER, PROXY};
pub(crate) use memory::{Line, Memory, TIPS_MAX, Writer};
pub use status::{HubStatus, QuarantinedRun};

/// Under this name the store keeps which life of the hub it is.
pub(crate) const LIFE: &str = "hub_life";
/// Of the store, in a hub that only reads.
const READER_KIB: i32 = 16 * 1024;

/// Random bytes for new actors, tokens and the hub's life.
pub type Dice = Box<dyn FnMut() -> [u8; 16] + Send>;

/// Something is wrong with the machine (never with what a site sent).
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be derived or used.
    #[error("use the hub's keys")]
    Key(#[from] SealError),
    /// The store holds what this program never wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A ledger does not fold into a document.
    #[error("fold ledger {doc}")]
    Fold {
        /// Which.
        doc: DocId,
        /// Why.
        #[source]
        cause: Box<fold::FoldError>,
    },
    /// A number ran out of its range.
    #[error("{0} is full")]
    Full(&'static str),
}

/// The hub.
pub struct Hub {
    pub(crate) store: Store,
    pub(crate) keys: HubKeys,
    pub(crate) signer: Signer,
    pub(crate) life: Incarnation,
    pub(crate) dice: Dice,
    pub(crate) memory: Memory,
    /// What the next transaction carries out, for the audit.
    pub(crate) record: Option<Pending>,
    /// So far behind a manifest an edge is given it in place of the feed.
    pub(crate) jump_items: u64,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({})", self.life)
    }
}

impl Hub {
    /// Opens the hub on its store; `master` comes from a file outside the database.
    ///
    /// # Errors
    /// Where the store cannot be read or `master` is not the one that it was made with.
    pub fn open(store: Store, master: &Secret, dice: Dice) -> Result<Self, HubError> {
        let keys = HubKeys::new(master)?;
        let life = Incarnation([0; 16]);
        let signer = keys.signer()?;
        let mut hub =
            Self { store, keys, signer, life, dice, memory: Memory::default(), record: None, jump_items: JUMP_ITEMS };
        hub.life = hub.transact(Self::find_life)?;
        Ok(hub)
    }

    /// This one only reads, for people: it keeps little of the store in memory.
    ///
    /// # Errors
    /// Where the store refuses.
    pub fn keep_little(&self) -> Result<(), HubError> {
        Ok(self.store.keep_in_memory(READER_KIB)?)
    }

    /// One life of this hub's store: positions of another life mean nothing.
    #[must_use]
    pub fn life(&self) -> Incarnation {
        self.life
    }

    /// All published versions, as of the last write of this `Hub`.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.memory.versions
    }

    /// A store that was restored begins a new life: every position that an edge was told means nothing any more, and
    /// what this hub has forgotten is offered again.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn begin_new_life(&mut self) -> Result<Incarnation, HubError> {
        let life = Incarnation((self.dice)());
        self.transact(|hub| {
            hub.store.forget_manifest()?;
            hub.memory.manifest = None;
            // What the nation is told from here on stands at positions at which the life before told other things.
            let known = hub.store.meta_number(FEED_SHARED)?.unwrap_or(u64::MAX);
            hub.store.set_meta_number(FEED_SHARED, hub.store.feed_position()?.min(known))?;
            hub.hold_back(&life)?;
            Ok(hub.store.set_meta(LIFE, &life.0)?)
        })?;
        self.life = life;
        Ok(life)
    }

    /// What a backup taken now would hold, for simulations only.
    ///
    /// # Errors
    /// Where the store fails.
    #[doc(hidden)]
    pub fn image(&self) -> Result<Store, HubError> {
        Ok(self.store.image()?)
    }

    fn find_life(&mut self) -> Result<Incarnation, HubError> {
        if let Some(bytes) = self.store.meta(LIFE)? {
            let bytes = bytes.try_into().map_err(|_| HubError::Damaged("the hub's life is not 16 bytes".to_owned()))?;
            return Ok(Incarnation(bytes));
        }
        let life = (self.dice)();
        self.store.set_meta(LIFE, &life)?;
        Ok(Incarnation(life))
    }

    /// Carries `work` out in one durable transaction: all of it or nothing.
    pub(crate) fn transact<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, HubError>) -> Result<T, HubError> {
        let done = self.begin().and_then(|()| work(self)).and_then(|value| {
            self.note_pending()?;
            self.sign_journal()?;
            self.store.commit()?;
            Ok(value)
        });
        if done.is_err() {
            self.store.roll_back();
            self.memory = Memory::default();
        }
        done
    }

    fn begin(&mut self) -> Result<(), HubError> {
        let written_elsewhere = self.store.begin()?;
        if written_elsewhere || !self.memory.loaded {
            self.remember()?;
        }
        Ok(())
    }

    /// All published versions as the store has them now, by whatever process.
    pub(crate) fn fresh_versions(&self) -> Result<Versions, HubError> {
        let mut versions = Versions::default();
        for row in self.store.programmes()? {
            let version = Version::parse(&row.text)
                .map_err(|cause| HubError::Damaged(format!("version {} of the journal: {cause}", row.name)))?;
            versions.insert(version);
        }
        Ok(versions)
    }

    /// Reads again what is kept in memory.
    pub(crate) fn remember(&mut self) -> Result<(), HubError> {
        let mut memory = Memory {
            loaded: true,
            journal: self.store.journal_position()?,
            feed: self.store.feed_position()?,
            feed_cache: std::mem::take(&mut self.memory.feed_cache),
            contacts: std::mem::take(&mut self.memory.contacts),
            contacts_written: self.memory.contacts_written,
            wishes: std::mem::take(&mut self.memory.wishes),
            versions: self.fresh_versions()?,
            rounds: self.fresh_rounds()?,
            holds_back: !self.store.held_up_by()?.is_empty(),
            manifest: self.store.manifest()?,
            layers: std::mem::take(&mut self.memory.layers),
            clears: self.store.clears()?,
            ..Memory::default()
        };
        (memory.roll, memory.signed) = self.find_roll()?;
        memory.owed = self.store.owed()?.into_iter().collect();
        memory.waiting_docs = self.store.waiting_docs()?.into_iter().collect();
        memory.waiting_withdrawals = self.store.waiting_withdrawals()?.into_iter().collect();
        self.memory = memory;
        Ok(())
    }
}
