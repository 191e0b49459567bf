//! The shape of a ledger document: root map, key = entry id, value = the entry's bytes.
//!
//! One put a change, written once, never overwritten, time 0, no message, no extra bytes: so the
//! same facts give the same change bytes everywhere, and the hash says so.

use std::num::NonZeroU64;

use automerge::legacy::{Key, ObjectId, Op, OpType, SortedVec};
use automerge::{ActorId as AmActor, Change, ChangeHash as AmHash, ExpandedChange, ScalarValue};

use crate::ids::{ChangeHash, EntryId};

/// Named in the handshake: both ends must build the same bytes.
pub const ENCODER: &str = "automerge-0.12/entry-1";

/// Where one change stands in its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose change, and which of theirs.
    pub id: EntryId,
    /// The number of its only operation: one more than any it depends on.
    pub op: u64,
    /// The changes it directly follows.
    pub deps: Vec<ChangeHash>,
}

/// Builds the change that puts `entry` at `place`.
///
/// # Errors
/// `None` where the operation number is 0.
#[must_use]
pub fn change(place: &Place, entry: &[u8]) -> Option<Change> {
    let put = Op {
        action: OpType::Put(ScalarValue::Bytes(entry.to_vec())),
        obj: ObjectId::Root,
        key: Key::Map(key(&place.id).into()),
        pred: SortedVec::new(),
        insert: false,
    };
    Some(Change::from(ExpandedChange {
        operations: vec![put],
        actor_id: AmActor::from(place.id.actor.0.as_slice()),
        hash: None,
        seq: u64::from(place.id.seq),
        start_op: NonZeroU64::new(place.op)?,
        time: 0,
        message: None,
        deps: place.deps.iter().map(|hash| AmHash(hash.0)).collect(),
        extra_bytes: Vec::new(),
        author: None,
    }))
}

/// The hash of a change.
#[must_use]
pub fn hash(change: &Change) -> ChangeHash {
    ChangeHash(change.hash().0)
}

/// The root key of an entry.
#[must_use]
pub fn key(id: &EntryId) -> String {
    id.to_string()
}

/// The entry id behind a root key.
#[must_use]
pub fn id(key: &str) -> Option<EntryId> {
    key.parse().ok()
}
