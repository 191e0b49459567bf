//! Runs that a line was refused and that could not be kept either, because the quarantine of its site was full.
//!
//! They are the edge's still. The hub's word on how far the line has come stays before the first of them, so the
//! edge, which goes on behind that word, offers them again at every later greeting; what it sent after them
//! is taken meanwhile and known by then. So nothing is lost, and nothing else waits.

use shared::ids::EntryId;
use shared::wire::v1::message::Seen;

use super::{Taken, Upload};
use crate::hub::{Hub, HubError};

impl Hub {
    /// After a run: moves the line's last entry on, unless an earlier run is owed.
    pub(super) fn move_line(&mut self, line: i64, upload: &Upload, taken: &Taken, second: i64) -> Result<(), HubError> {
        let owed = self.memory.owed.get(&line).copied();
        let moves = match taken {
            Taken::NotKept(_) => {
                if owed.is_none() {
                    self.store.set_owed(line, Some(&upload.run.start.id))?;
                    self.memory.owed.insert(line, upload.run.start.id);
                }
                false
            }
            // Also behind a run that is kept aside: the edge must not send it again for ever.
            Taken::Ingested | Taken::Quarantined(_) => owed.is_none_or(|owed| covers(upload, &owed)),
        };
        if !moves {
            return Ok(());
        }
        if owed.is_some() {
            self.store.set_owed(line, None)?;
            self.memory.owed.remove(&line);
        }
        Ok(self.store.set_line(line, second, &Seen { id: upload.run.last_id(), hash: upload.run.last })?)
    }
}

fn covers(upload: &Upload, owed: &EntryId) -> bool {
    let (first, last) = (upload.run.start.id, upload.run.last_id());
    first.actor == owed.actor && (first.seq..=last.seq).contains(&owed.seq)
}
