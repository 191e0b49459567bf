//! Whether every change of a run stands where Automerge would have put it: behind known changes,
//! with the next operation number. Nothing weaker keeps hostile changes out (docs/architecture.md).
//!
//! Almost always one look at the actor's tip says so; a site with two nodes needs the graph.

use std::collections::HashMap;

use shared::ids::{ChangeHash, DocId};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::ledger::schema::Place;

use super::Fault;
use crate::hub::{Hub, HubError};
use crate::store::TipRow;

/// A change as the graph knows it.
pub(crate) struct Node {
    op: u64,
    deps: Vec<ChangeHash>,
}

/// The changes of one ledger.
pub(crate) type Graph = HashMap<ChangeHash, Node>;

impl Hub {
    /// Looks at every place of a run whose first entry is the next of its actor.
    pub(super) fn check_lineage(&self, run: &Run, tip: Option<&TipRow>) -> Result<Result<(), Fault>, HubError> {
        if run.joints.is_empty() && follows(&run.start, tip) {
            return Ok(Ok(()));
        }
        let mut kept = self.memory.graph.borrow_mut();
        let mut graph = match kept.take_if(|(doc, _)| *doc == run.doc) {
            Some((_, graph)) => graph,
            None => self.graph_of(&run.doc)?,
        };
        let mut before = tip.map(|tip| tip.hash);
        let mut new = Vec::new();
        let checked = grow(&mut graph, run, &mut |graph, (place, hash)| {
            let checked = check(graph, place, before);
            before = Some(hash);
            new.push(hash);
            checked
        })?;
        // It is not in the journal yet, and may never be.
        new.iter().for_each(|hash| drop(graph.remove(hash)));
        *kept = Some((run.doc, graph));
        Ok(checked)
    }

    fn graph_of(&self, doc: &DocId) -> Result<Graph, HubError> {
        let mut graph = Graph::new();
        for known in self.runs_of(doc)? {
            // What is in the journal was checked when it came.
            grow(&mut graph, &known, &mut |_, _| Ok(()))?.map_err(damaged)?;
        }
        Ok(graph)
    }

    /// A run has entered the journal.
    pub(super) fn grow_graph(&self, run: &Run) -> Result<(), HubError> {
        let mut kept = self.memory.graph.borrow_mut();
        match kept.as_mut().filter(|(doc, _)| *doc == run.doc) {
            Some((_, graph)) => grow(graph, run, &mut |_, _| Ok(()))?.map_err(damaged),
            None => Ok(()),
        }
    }
}

/// Directly behind the actor's last change, or the first of all.
fn follows(start: &Place, tip: Option<&TipRow>) -> bool {
    match tip {
        Some(tip) => start.deps == [tip.hash] && tip.op.checked_add(1) == Some(start.op),
        None => start.deps.is_empty() && start.op == 1,
    }
}

fn check(graph: &Graph, place: &Place, before: Option<ChangeHash>) -> Result<(), Fault> {
    let mut op_max = 0;
    for dep in &place.deps {
        op_max = graph.get(dep).ok_or(Fault::Dependencies(place.id))?.op.max(op_max);
    }
    let distinct = place.deps.is_sorted_by(|a, b| a < b);
    let behind_own = before.is_none_or(|own| reaches(graph, &place.deps, own, place.op));
    if distinct && behind_own && place.op == op_max + 1 { Ok(()) } else { Err(Fault::Place(place.id)) }
}

/// Whether `target` is among the ancestors of `from`.
fn reaches(graph: &Graph, from: &[ChangeHash], target: ChangeHash, limit: u64) -> bool {
    let mut seen = std::collections::HashSet::new();
    let mut open = from.to_vec();
    let floor = graph.get(&target).map_or(limit, |node| node.op);
    while let Some(hash) = open.pop() {
        if hash == target {
            return true;
        }
        // Operation numbers only grow along dependencies: below the target there is nothing to find.
        let node = graph.get(&hash).filter(|node| node.op > floor);
        if let Some(node) = node
            && seen.insert(hash)
        {
            open.extend_from_slice(&node.deps);
        }
    }
    false
}

/// Adds a run's changes, asking `look` before each.
fn grow(
    graph: &mut Graph,
    run: &Run,
    look: &mut impl FnMut(&Graph, (&Place, ChangeHash)) -> Result<(), Fault>,
) -> Result<Result<(), Fault>, HubError> {
    let mut tip = Tip { doc: run.doc, next: run.start.clone() };
    for (index, entry) in (0u32..).zip(&run.entries) {
        if let Some(joint) = run.joints.iter().find(|joint| joint.index == index) {
            tip.next.op = joint.op;
            tip.next.deps.clone_from(&joint.deps);
        }
        let place = tip.next.clone();
        let link = tip.append(entry).map_err(|_| HubError::Full("a ledger"))?;
        if let Err(fault) = look(graph, (&place, link.hash)) {
            return Ok(Err(fault));
        }
        graph.insert(link.hash, Node { op: place.op, deps: place.deps });
    }
    Ok(Ok(()))
}

fn damaged(fault: Fault) -> HubError {
    HubError::Damaged(fault.to_string())
}
