//! Why a run is kept aside: for the log, the operator and the edge.

use shared::ids::{ActorId, DocId, EntryId, SiteCode};
use shared::ledger::run::BadRun;
use shared::seal::SealError;
use shared::wire::v1::WireError;

/// What is wrong with a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The ledger is not the sender's.
    #[error("site {site} may not write in ledger {doc}")]
    Owner {
        /// By its certificate.
        site: SiteCode,
        /// The ledger.
        doc: DocId,
    },
    /// Outside its limits, or the hash differs.
    #[error(transparent)]
    Run(#[from] BadRun),
    /// Not signed by the key that this life of the site's store named.
    #[error("entry {0} is not signed by the site's key")]
    Signature(EntryId),
    /// Entries before it are missing.
    #[error("entries are missing: actor {actor} is known up to {have}, the run begins with {first}")]
    Gap {
        /// Whose.
        actor: ActorId,
        /// The last that is known.
        have: u32,
        /// The first that came.
        first: u32,
    },
    /// It follows changes that are not known.
    #[error("entry {0} follows changes of its ledger that are not known here")]
    Dependencies(EntryId),
    /// Its place in the ledger is not where a writer of ours puts it.
    #[error("entry {0} stands where no writer puts it")]
    Place(EntryId),
    /// The same numbers under the same actor, but other entries.
    #[error("entry {0} is known with another content: a store was restored or cloned")]
    OtherHistory(EntryId),
    /// The actor writes elsewhere.
    #[error("actor {actor} writes in another ledger already")]
    Elsewhere {
        /// Whose.
        actor: ActorId,
    },
    /// Not an entry.
    #[error("entry {id} cannot be read: {cause}")]
    Entry {
        /// Which.
        id: EntryId,
        /// What the decoder said.
        cause: WireError,
    },
    /// A fact that only the hub may write.
    #[error("entry {0} is a fact that only the hub writes")]
    HubFact(EntryId),
    /// The site has given and taken more rights than one does.
    #[error("entry {0} gives or takes a right, and this site has done so too often")]
    Rights(EntryId),
    /// The document in it does not open.
    #[error("the document in entry {id} does not open: {cause}")]
    Sealed {
        /// Which.
        id: EntryId,
        /// Why.
        cause: SealError,
    },
}

impl Fault {
    /// Whether it ends by itself when other runs come.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self {
            Self::Gap { .. } | Self::Dependencies(_) => true,
            Self::Owner { .. }
            | Self::Run(_)
            | Self::Signature(_)
            | Self::Place(_)
            | Self::OtherHistory(_)
            | Self::Elsewhere { .. }
            | Self::Entry { .. }
            | Self::HubFact(_)
            | Self::Rights(_)
            | Self::Sealed { .. } => false,
        }
    }
}
