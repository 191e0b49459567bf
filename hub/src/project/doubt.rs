//! Sales whose time is in doubt (docs/clocks.md): looked at when everything else of a batch is written,
//! because a sale that may lie anywhere weighs on sales of any day.

use shared::ids::{PersonTag, ProgrammeId};
use shared::rules::programme::Versions;
use shared::rules::quota::{Finding, Timed, doubtful};

use super::settle::finding_row;
use crate::hub::{Hub, HubError};
use crate::store::{CaseRow, FindingRow, SaleRow};

/// Of one person and programme so many sales are looked at: a person has fewer, and nobody is to slow the hub down.
const SALES_MAX: u32 = 128;

impl Hub {
    /// Looks at a person's doubtful times again and writes what is found now.
    pub(super) fn look_for_doubt(
        &mut self,
        programme: &ProgrammeId,
        tag: PersonTag,
        received: i64,
    ) -> Result<(), HubError> {
        let sales = self.store.sales_for_doubt(programme, &tag, SALES_MAX)?;
        let found: Vec<FindingRow> =
            in_doubt(&self.memory.versions, programme, &sales).iter().map(finding_row).collect();
        let id = self.keys.case(programme, &tag);
        if self.store.set_doubtful(&id, &found)? {
            let open = !found.is_empty();
            self.store.put_case(&CaseRow { id, programme: programme.clone(), tag, opened: received, open })?;
        }
        Ok(())
    }
}

/// What is found of the times of a person's sales. Those under an older version are a finding already.
fn in_doubt(versions: &Versions, programme: &ProgrammeId, sales: &[SaleRow]) -> Vec<Finding> {
    let timed: Vec<Timed> = sales.iter().map(timed).collect();
    let mut found = doubtful(versions, programme, &timed);
    found.retain(|finding| !sales.iter().any(|sale| sale.id == finding.sale && sale.stale));
    found
}

/// A stored sale as the rules look at its time.
pub(crate) fn timed(row: &SaleRow) -> Timed {
    Timed { id: row.id, instant: row.instant, doubt_s: row.doubt_s, pieces: row.pieces }
}
