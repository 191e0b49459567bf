//! A run: consecutive entries of one actor in one document, as facts.
//!
//! The receiver builds the changes itself; the last hash covers all before it, so one comparison
//! proves that both ends hold the same.

use automerge::Change;

use super::chain::{Link, Tip};
use super::schema::Place;
use crate::ids::{ChangeHash, DocId, EntryId};
use crate::sign::{Head, Signature, Signer};

/// Most entries in a run.
pub const RUN_ENTRIES_MAX: usize = 1024;
/// Most bytes of entries in a run.
pub const RUN_BYTES_MAX: usize = 256 * 1024;
/// Most direct predecessors of one change: as many nodes as a site could have.
pub const DEPS_MAX: usize = 16;

const _: () = assert!(crate::wire::v1::entry::ENTRY_BYTES_MAX <= RUN_BYTES_MAX, "the longest entry must fit in a run");

/// Facts on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The document.
    pub doc: DocId,
    /// Where the first entry stands.
    pub start: Place,
    /// The entries' bytes, in sequence.
    pub entries: Vec<Vec<u8>>,
    /// Entries whose change does not simply follow the one before it.
    pub joints: Vec<Joint>,
    /// The hash of the last change.
    pub last: ChangeHash,
    /// The writer's signature over [`Self::head`]; none from a writer of the first version.
    pub signature: Option<Signature>,
}

/// A change that joined other heads (another node of the site had written meanwhile).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joint {
    /// Which entry of the run, from 1.
    pub index: u32,
    /// Its operation number.
    pub op: u64,
    /// Its dependencies.
    pub deps: Vec<ChangeHash>,
}

/// A run that cannot be what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRun {
    /// No entries, or more than allowed.
    #[error("a run of {entries} entries and {bytes} bytes")]
    Size {
        /// Their number.
        entries: usize,
        /// Their size.
        bytes: usize,
    },
    /// Numbers or dependencies that no writer of ours gives.
    #[error("a place in the run is impossible: {0}")]
    Place(&'static str),
    /// The changes that we build are not those that the sender built.
    #[error("the changes' hash differs: built {built}, said {said}")]
    Hash {
        /// Ours.
        built: ChangeHash,
        /// The sender's.
        said: ChangeHash,
    },
}

impl Run {
    /// The name of the last entry, whether or not the run is any good.
    #[must_use]
    pub fn last_id(&self) -> EntryId {
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        EntryId { seq: self.start.id.seq.saturating_add(count).saturating_sub(1), ..self.start.id }
    }

    /// What a signature stands for: the last entry, and by its hash all before it.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { doc: self.doc, id: self.last_id(), hash: self.last }
    }

    /// The same run under a signature.
    #[must_use]
    pub fn signed(mut self, signer: &Signer) -> Self {
        self.signature = Some(signer.sign_head(&self.head()));
        self
    }

    /// Builds every change of the run and compares the last hash.
    ///
    /// # Errors
    /// Where the run is outside its limits or the hash differs.
    pub fn links(&self) -> Result<Vec<Link>, BadRun> {
        let links = self.build(|link, _| link)?;
        let built = links.last().map_or(self.last, |link| link.hash);
        if built == self.last { Ok(links) } else { Err(BadRun::Hash { built, said: self.last }) }
    }

    /// The changes, for folding into a document.
    ///
    /// # Errors
    /// Where the run is outside its limits.
    pub fn changes(&self) -> Result<Vec<Change>, BadRun> {
        self.build(|_, change| change)
    }

    fn build<T>(&self, keep: impl Fn(Link, Change) -> T) -> Result<Vec<T>, BadRun> {
        self.check_limits()?;
        let mut tip = Tip { doc: self.doc, next: self.start.clone() };
        let mut joints = self.joints.iter().peekable();
        let mut out = Vec::with_capacity(self.entries.len());
        for (index, entry) in (0u32..).zip(&self.entries) {
            if let Some(joint) = joints.next_if(|joint| joint.index == index) {
                tip.next.op = joint.op;
                tip.next.deps.clone_from(&joint.deps);
            }
            let (link, change) = tip.append_change(entry).map_err(|_| BadRun::Place("numbers ran out"))?;
            out.push(keep(link, change));
        }
        if joints.peek().is_some() {
            return Err(BadRun::Place("joints out of order"));
        }
        Ok(out)
    }

    fn check_limits(&self) -> Result<(), BadRun> {
        let bytes = self.entries.iter().map(Vec::len).sum();
        if self.entries.is_empty() || self.entries.len() > RUN_ENTRIES_MAX || bytes > RUN_BYTES_MAX {
            return Err(BadRun::Size { entries: self.entries.len(), bytes });
        }
        let deps = std::iter::once(&self.start.deps).chain(self.joints.iter().map(|joint| &joint.deps));
        if deps.into_iter().any(|deps| deps.len() > DEPS_MAX || !deps.is_sorted()) {
            return Err(BadRun::Place("dependencies too many or not sorted"));
        }
        if self.start.id.seq == 0 || self.start.op == 0 || self.start.op < u64::from(self.start.id.seq) {
            return Err(BadRun::Place("sequence or operation number"));
        }
        Ok(())
    }

    /// Takes the next run behind this one, where that is the same actor's in the same document and both fit in one;
    /// gives whether it did.
    #[must_use]
    pub fn join(&mut self, next: Self) -> bool {
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let bytes: usize = self.entries.iter().chain(&next.entries).map(Vec::len).sum();
        let fits = self.entries.len() + next.entries.len() <= RUN_ENTRIES_MAX && bytes <= RUN_BYTES_MAX;
        let after = self.last_id();
        let follows = next.start.id.actor == after.actor && Some(next.start.id.seq) == after.seq.checked_add(1);
        if !fits || !follows || self.doc != next.doc {
            return false;
        }
        let op = self
            .joints
            .last()
            .map_or(self.start.op + u64::from(count), |joint| joint.op + u64::from(count - joint.index));
        if next.start.deps != [self.last] || next.start.op != op {
            self.joints.push(Joint { index: count, op: next.start.op, deps: next.start.deps });
        }
        let behind = |joint: Joint| Some(Joint { index: joint.index.checked_add(count)?, ..joint });
        self.joints.extend(next.joints.into_iter().filter_map(behind));
        self.entries.extend(next.entries);
        (self.last, self.signature) = (next.last, next.signature);
        true
    }

    /// Cuts off the first `count` entries, which the receiver has already; `links` are the run's own.
    #[must_use]
    pub fn without_first(mut self, count: usize, links: &[Link]) -> Option<Self> {
        let before = links.get(count.checked_sub(1)?)?;
        if count >= self.entries.len() {
            return None;
        }
        self.entries.drain(..count);
        let cut = u32::try_from(count).ok()?;
        let place = Tip::after(self.doc, before).ok()?.next;
        let joined = self.joints.iter().find(|joint| joint.index == cut);
        self.start = match joined {
            Some(joint) => Place { op: joint.op, deps: joint.deps.clone(), ..place },
            None => place,
        };
        self.joints.retain(|joint| joint.index > cut);
        for joint in &mut self.joints {
            joint.index -= cut;
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;
    use crate::ledger::schema;

    pub(crate) fn run(entries: u8) -> (Run, Vec<Link>) {
        let doc = "site/5931102274/2020-02-06".parse().unwrap();
        let mut tip = Tip::start(doc, ActorId([1; 16]), 0, vec![]);
        let start = tip.next.clone();
        let entries: Vec<Vec<u8>> = (0..entries).map(|n| vec![n; 60]).collect();
        let links: Vec<Link> = entries.iter().map(|entry| tip.append(entry).unwrap()).collect();
        let last = links.last().unwrap().hash;
        (Run { doc, start, entries, joints: vec![], last, signature: None }, links)
    }

    #[test]
    fn both_ends_build_the_same_changes() {
        let (run, links) = run(30);
        assert_eq!(run.links().unwrap(), links);
        let changes: Vec<ChangeHash> = run.changes().unwrap().iter().map(schema::hash).collect();
        assert_eq!(changes, links.iter().map(|link| link.hash).collect::<Vec<_>>());
    }

    #[test]
    fn any_change_of_the_facts_changes_the_hash() {
        let (good, _) = run(5);
        let mut other = good.clone();
        other.entries[2][7] ^= 1;
        assert!(matches!(other.links(), Err(BadRun::Hash { .. })));
        let mut other = good.clone();
        other.entries.swap(0, 1);
        assert!(matches!(other.links(), Err(BadRun::Hash { .. })));
        let mut other = good.clone();
        other.start.id.seq = 2;
        other.start.op = 2;
        assert!(matches!(other.links(), Err(BadRun::Hash { .. })));
        let mut other = good;
        other.entries.clear();
        assert!(matches!(other.links(), Err(BadRun::Size { .. })));
    }

    #[test]
    fn a_run_has_its_limits() {
        let (good, _) = run(1);
        let sized = |entries: usize, bytes: usize| Run { entries: vec![vec![7; bytes]; entries], ..good.clone() };
        let is_too_large = |run: &Run| matches!(run.changes(), Err(BadRun::Size { .. }));
        assert!(!is_too_large(&sized(RUN_ENTRIES_MAX, 1)), "as many entries as fit");
        assert!(is_too_large(&sized(RUN_ENTRIES_MAX + 1, 1)), "one entry too many");
        assert!(!is_too_large(&sized(2, RUN_BYTES_MAX / 2)), "as many bytes as fit");
        assert!(is_too_large(&sized(3, RUN_BYTES_MAX / 2)), "too many bytes");
        assert!(is_too_large(&sized(0, 0)), "nothing");
    }

    #[test]
    fn no_place_is_taken_that_no_writer_gives() {
        let (good, _) = run(1);
        let hashes = |count: u8| (0..count).map(|n| ChangeHash([n; 32])).collect::<Vec<_>>();
        let at = |seq: u32, op: u64, deps: Vec<ChangeHash>| {
            let mut run = good.clone();
            (run.start.id.seq, run.start.op, run.start.deps) = (seq, op, deps);
            run.changes().err()
        };
        let most = u8::try_from(DEPS_MAX).unwrap();
        assert_eq!(at(1, 1, hashes(most)), None, "as many heads as nodes");
        assert_eq!(at(3, 3, vec![]), None);
        let bad_deps = Some(BadRun::Place("dependencies too many or not sorted"));
        assert_eq!(at(1, 1, hashes(most + 1)), bad_deps);
        assert_eq!(at(1, 1, hashes(2).into_iter().rev().collect()), bad_deps);
        let bad_numbers = Some(BadRun::Place("sequence or operation number"));
        for (seq, op) in [(0, 5), (0, 0), (1, 0), (3, 2)] {
            assert_eq!(at(seq, op, vec![]), bad_numbers, "sequence {seq}, operation {op}");
        }
    }

    #[test]
    fn what_the_receiver_has_is_cut_off() {
        let (whole, links) = run(10);
        let rest = whole.clone().without_first(4, &links).unwrap();
        assert_eq!(rest.links().unwrap(), links[4..]);
        assert_eq!(whole.without_first(10, &links), None);
    }

    #[test]
    fn what_was_cut_in_two_is_put_together_again() {
        let (whole, links) = run(10);
        let rest = whole.clone().without_first(4, &links).unwrap();
        let mut start = whole.clone();
        start.entries.truncate(4);
        start.last = links[3].hash;
        let mut both = start.clone();
        assert!(both.join(rest.clone()));
        assert_eq!(both, whole);
        let mut other = rest.clone();
        assert!(!other.join(start), "the other way round");
        assert_eq!(other, rest);

        let (mut joined, links) = run(3);
        joined.start = Place { id: EntryId { seq: 11, ..joined.start.id }, op: 20, deps: vec![ChangeHash([9; 32])] };
        joined.last = ChangeHash([0; 32]);
        let Err(BadRun::Hash { built, .. }) = joined.links() else { panic!("{links:?}") };
        joined.last = built;
        let mut both = whole;
        assert!(both.join(joined));
        assert_eq!(both.joints, [Joint { index: 10, op: 20, deps: vec![ChangeHash([9; 32])] }]);
        assert_eq!(both.links().unwrap().len(), 13);
    }

    #[test]
    fn wherever_it_is_cut_its_joints_come_back() {
        let (mut whole, _) = run(6);
        let mut tip = Tip::start(whole.doc, whole.start.id.actor, 0, vec![]);
        let mut links = Vec::new();
        for (entry, index) in whole.entries.iter().zip(0..) {
            // The first joint jumps in operations and heads, the second only joins another head.
            if index == 1 || index == 4 {
                tip.next.deps.push(ChangeHash([255; 32]));
                tip.next.op += if index == 1 { 20 } else { 0 };
                whole.joints.push(Joint { index, op: tip.next.op, deps: tip.next.deps.clone() });
            }
            links.push(tip.append(entry).unwrap());
        }
        whole.last = links[5].hash;
        assert_eq!(whole.links().unwrap(), links);
        for cut in 1..6 {
            let rest = whole.clone().without_first(cut, &links).unwrap();
            assert_eq!(rest.links().unwrap(), links[cut..], "behind {cut}");
            let mut start = whole.clone();
            start.entries.truncate(cut);
            start.joints.retain(|joint| usize::try_from(joint.index).unwrap() < cut);
            start.last = links[cut - 1].hash;
            assert!(start.join(rest));
            assert_eq!(start, whole, "cut at {cut}");
        }
    }

    #[test]
    fn two_runs_that_do_not_fit_in_one_stay_two() {
        let (one, _) = run(1);
        let joins = |first: (usize, usize), second: (usize, usize)| {
            let of = |(entries, bytes): (usize, usize)| Run { entries: vec![vec![7; bytes]; entries], ..one.clone() };
            let mut start = of(first);
            let mut rest = of(second);
            rest.start.id.seq += u32::try_from(first.0).unwrap();
            start.join(rest)
        };
        assert!(joins((RUN_ENTRIES_MAX - 2, 1), (2, 1)), "as many entries as fit");
        assert!(!joins((RUN_ENTRIES_MAX - 1, 1), (2, 1)), "one entry too many");
        assert!(joins((1, RUN_BYTES_MAX - 1), (1, 1)), "as many bytes as fit");
        assert!(!joins((1, RUN_BYTES_MAX), (1, 1)), "one byte too many");
    }

    #[test]
    fn a_joint_joins_two_heads() {
        let (mut joined, links) = run(3);
        let mut tip = Tip::after(joined.doc, &links[2]).unwrap();
        tip.next.deps.push(ChangeHash([255; 32]));
        tip.next.op = 9;
        let place = tip.next.clone();
        let link = tip.append(b"joined").unwrap();
        joined.entries.push(b"joined".to_vec());
        joined.joints.push(Joint { index: 3, op: 9, deps: place.deps });
        joined.last = link.hash;
        assert_eq!(joined.links().unwrap()[3], link);
        let rest = joined.clone().without_first(3, &joined.links().unwrap()).unwrap();
        assert_eq!(rest.links().unwrap(), vec![link]);
        assert_eq!(rest.joints, vec![], "the joint is where the rest begins");
        let rest = joined.clone().without_first(2, &joined.links().unwrap()).unwrap();
        assert_eq!(rest.joints[0].index, 1, "the joint moves with its entry");
        assert_eq!(rest.links().unwrap()[1], link);
    }
}
