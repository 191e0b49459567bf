//! Building changes from facts, link by link, without opening a document.
//!
//! Measured at 2 µs a change; both ends do it and compare the hashes, so that no byte that a
//! peer encoded ever reaches Automerge (docs/architecture.md).

use automerge::Change;

use super::schema::{self, Place};
use crate::ids::{ActorId, ChangeHash, DocId, EntryId};

/// Where the next entry of one actor in one document goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The document.
    pub doc: DocId,
    /// The next change.
    pub next: Place,
}

/// A change that has been built, as much of it as is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The entry's name.
    pub id: EntryId,
    /// The number of the change's operation.
    pub op: u64,
    /// The change's hash.
    pub hash: ChangeHash,
}

/// The sequence or operation number ran out (after four thousand million entries).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document is full")]
pub struct Full;

impl Tip {
    /// A new actor in a document whose heads are `deps` and whose highest operation is `op_max`.
    #[must_use]
    pub fn start(doc: DocId, actor: ActorId, op_max: u64, deps: Vec<ChangeHash>) -> Self {
        let next = Place { id: EntryId { actor, seq: 1 }, op: op_max.saturating_add(1), deps };
        Self { doc, next }
    }

    /// Behind a change that exists: the next of the same actor.
    ///
    /// # Errors
    /// Where the numbers run out.
    pub fn after(doc: DocId, link: &Link) -> Result<Self, Full> {
        let seq = link.id.seq.checked_add(1).ok_or(Full)?;
        let op = link.op.checked_add(1).ok_or(Full)?;
        let next = Place { id: EntryId { actor: link.id.actor, seq }, op, deps: vec![link.hash] };
        Ok(Self { doc, next })
    }

    /// Appends an entry: gives its link and moves on.
    ///
    /// # Errors
    /// Where the numbers run out.
    pub fn append(&mut self, entry: &[u8]) -> Result<Link, Full> {
        let (link, _) = self.append_change(entry)?;
        Ok(link)
    }

    /// As [`Self::append`], and gives the change too.
    ///
    /// # Errors
    /// Where the numbers run out.
    pub fn append_change(&mut self, entry: &[u8]) -> Result<(Link, Change), Full> {
        let change = schema::change(&self.next, entry).ok_or(Full)?;
        let link = Link { id: self.next.id, op: self.next.op, hash: schema::hash(&change) };
        *self = Self::after(self.doc, &link)?;
        Ok((link, change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::transaction::Transactable;
    use automerge::{ActorId as AmActor, Automerge, ROOT, ReadDoc};

    fn doc() -> DocId {
        "site/5931102274/2020-02-06".parse().unwrap()
    }

    #[test]
    fn a_change_built_without_a_document_is_the_one_automerge_commits() {
        let actor = ActorId([7; 16]);
        let mut automerge = Automerge::new().with_actor(AmActor::from(actor.0.as_slice()));
        let mut tip = Tip::start(doc(), actor, 0, vec![]);
        for n in 0u8..50 {
            let entry = vec![n; 1 + usize::from(n) * 9];
            let (link, ours) = tip.append_change(&entry).unwrap();
            let mut transaction = automerge.transaction();
            transaction.put(ROOT, schema::key(&link.id), automerge::ScalarValue::Bytes(entry)).unwrap();
            let options = automerge::transaction::CommitOptions::default().with_time(0);
            transaction.commit_with(options);
            let theirs = automerge.get_changes(&[]).pop().unwrap();
            assert_eq!(theirs.raw_bytes(), ours.raw_bytes(), "entry {n}");
            assert_eq!(schema::hash(&theirs), link.hash);
        }
        assert_eq!(automerge.length(ROOT), 50);
    }

    #[test]
    fn a_second_actor_continues_behind_the_heads_of_the_first() {
        let mut first = Tip::start(doc(), ActorId([1; 16]), 0, vec![]);
        let one = first.append(b"one").unwrap();
        let mut second = Tip::start(doc(), ActorId([2; 16]), one.op, vec![one.hash]);
        let two = second.append(b"two").unwrap();
        assert_eq!((two.op, two.id.seq), (2, 1));
    }
}
