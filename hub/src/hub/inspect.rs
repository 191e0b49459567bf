//! Looking at a hub from outside: whether it holds an entry, and its store when it ends.

use shared::ids::{ChangeHash, EntryId};

use super::{Hub, HubError};
use crate::store::Store;

impl Hub {
    /// Gives the store back; whatever was not in it is forgotten, as by a power cut.
    #[must_use]
    pub fn into_store(self) -> Store {
        self.store
    }

    /// The hash of an entry's change, where the journal holds the entry.
    ///
    /// # Errors
    /// Where the store fails or is damaged.
    pub fn entry_hash(&self, id: &EntryId) -> Result<Option<ChangeHash>, HubError> {
        self.hash_of(id)
    }
}
