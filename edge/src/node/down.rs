//! What comes down: the nation's ledger and this site's desk, kept as it came and folded.

use shared::entry::access::Access;
use shared::entry::{Delivery, Entry, Fact, Standing};
use shared::ids::{DocId, EntryId};
use shared::ledger::chain::Link;
use shared::ledger::run::Run;
use shared::wire::v1::entry as wire;

use super::proof::prove_down;
use super::{Node, NodeError};
use crate::store::DownRow;

/// Most announced deliveries that are remembered; the oldest day goes first.
const DELIVERIES_MAX: usize = 1_024;

impl Node {
    /// Keeps a run of the hub's ledgers; `pos` is the hub's journal position behind it. What is known is skipped.
    ///
    /// # Errors
    /// Where the run is not for this site, is not what it says, leaves a gap or contradicts what is
    /// known; where the store fails.
    pub fn take_down(&mut self, pos: u64, run: &Run) -> Result<(), NodeError> {
        self.check_running()?;
        let doc = run.doc;
        if !self.is_ours(doc) {
            return Err(NodeError::Foreign { doc });
        }
        let links = run.links().map_err(|cause| NodeError::Run { doc, cause })?;
        let known = self.store.down_last(doc, run.start.id.actor)?;
        if run.start.id.seq > known.saturating_add(1) {
            return Err(NodeError::Gap { doc, entry: run.start.id, known });
        }
        let mut rows = Vec::with_capacity(links.len());
        for (index, (link, bytes)) in links.iter().zip(&run.entries).enumerate() {
            if link.id.seq > known {
                rows.push(DownRow { link: *link, deps: deps(run, &links, index), bytes });
            } else if self.store.down_hash(doc, link)? != Some(link.hash) {
                return Err(NodeError::Contradiction { doc, entry: link.id });
            }
        }
        let kept = self.store.put_down(doc, pos, &rows);
        self.promised(kept)?;
        self.line.down = self.line.down.max(pos);
        for row in &rows {
            self.fold(doc, row.link.id, row.bytes);
        }
        if self.access_changed {
            self.fold_rights();
        }
        self.fold_leases();
        Ok(())
    }

    fn is_ours(&self, doc: DocId) -> bool {
        match doc {
            DocId::Nation { .. } => true,
            DocId::Desk { site, .. } => site == self.site,
            DocId::Site { .. } => false,
        }
    }

    /// Everything that has ever come down, in the order of the hub's journal.
    pub(super) fn fold_down(&mut self) -> Result<(), NodeError> {
        for row in self.store.down_entries()? {
            prove_down(&row)?;
            self.fold(row.doc, row.link.id, &row.bytes);
        }
        Ok(())
    }

    fn fold(&mut self, doc: DocId, id: EntryId, bytes: &[u8]) {
        let Entry { at, by, fact } = match wire::decode(bytes) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::warn!(%doc, %error, "an entry of the hub cannot be read; it is kept for a later version");
                return;
            }
        };
        match (doc, fact) {
            (doc, Fact::Booking(booking)) => {
                if !self.booking_came(doc, id, booking) {
                    tracing::warn!(%doc, "an entry of the hub has no meaning there; it is kept");
                }
            }
            (DocId::Nation { .. }, Fact::Programme(published)) => {
                self.rules = self.nation.publish(&self.rules, &published.text);
            }
            (DocId::Desk { .. }, Fact::Delivery(Delivery { programme, day, pieces })) => {
                self.deliveries.insert((day, programme), pieces);
                // Not by today's date: the clock may be wrong until the first beacon.
                if self.deliveries.len() > DELIVERIES_MAX {
                    self.deliveries.pop_first();
                }
            }
            (DocId::Desk { .. }, Fact::Standing(Standing { sale, over: true })) => {
                self.over.insert(sale);
            }
            (DocId::Desk { .. }, Fact::Standing(Standing { sale, over: false })) => {
                self.over.remove(&sale);
            }
            (DocId::Nation { .. }, Fact::Exception(exception)) => self.exceptions.take(exception),
            (DocId::Nation { .. }, Fact::Notice(notice)) => self.access.notice(notice),
            (DocId::Nation { .. }, Fact::Access(access @ Access::Issuer(_)))
            | (
                DocId::Desk { .. },
                Fact::Access(
                    access @ (Access::Grant(_) | Access::Revocation(_) | Access::Revoked(_) | Access::Service(_)),
                ),
            ) => self.access_came(id, at, access),
            (DocId::Desk { .. }, Fact::Decision(decision)) => self.decided((at.second, by.name), decision),
            (
                DocId::Nation { .. } | DocId::Desk { .. } | DocId::Site { .. },
                Fact::Arrival(_)
                | Fact::Sale(_)
                | Fact::Withdrawal(_)
                | Fact::Correction(_)
                | Fact::Programme(_)
                | Fact::Delivery(_)
                | Fact::Standing(_)
                | Fact::Dispute(_)
                | Fact::Exception(_)
                | Fact::Decision(_)
                | Fact::Access(_)
                | Fact::Notice(_),
            ) => tracing::warn!(%doc, "an entry of the hub has no meaning there; it is kept"),
        }
    }
}

/// What a change of the run depends on.
pub(super) fn deps(run: &Run, links: &[Link], index: usize) -> Vec<shared::ids::ChangeHash> {
    let joint = run.joints.iter().find(|joint| usize::try_from(joint.index).is_ok_and(|at| at == index));
    let before = index.checked_sub(1).and_then(|before| links.get(before));
    match (joint, before) {
        (Some(joint), _) => joint.deps.clone(),
        (None, Some(link)) => vec![link.hash],
        (None, None) => run.start.deps.clone(),
    }
}
