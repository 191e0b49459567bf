//! What is asked and told where somebody says that a refusal is wrong (docs/disputes.md).

use chrono::NaiveDate;
use shared::entry::{Found, Instant};
use shared::ids::{EntryId, ProgrammeId};
use shared::rules::programme::Text;
use shared::sync::edge::LogPos;

use super::{DocumentText, Mark};

/// 提出異議: somebody who is refused says that it is wrong.
#[derive(Clone, Debug)]
pub struct DisputeRequest {
    /// The same key again gives the same answer and one dispute.
    pub request: Option<String>,
    /// Which programme; where there is only one nobody need say.
    pub programme: Option<ProgrammeId>,
    /// Whose document.
    pub document: DocumentText,
    /// What the person says; needed.
    pub reason: String,
    /// Who stands at the counter; nobody has proved it.
    pub by: String,
}

/// A dispute on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Its name everywhere.
    pub id: EntryId,
    /// Its place in the site's log.
    pub pos: LogPos,
    /// When it was written.
    pub at: Instant,
    /// The programme.
    pub programme: ProgrammeId,
    /// The person's number as slips show it.
    pub masked: String,
    /// The purchases on which the person was refused.
    pub found: Vec<Found>,
    /// Whether this is an earlier answer once more, or the person's earlier dispute that still waits.
    pub replayed: bool,
}

/// 說明單: why somebody is refused, for the person to take away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// The programme.
    pub programme: ProgrammeId,
    /// What the screens call it.
    pub title: Text,
    /// When it was looked up.
    pub at: Instant,
    /// What is said of that time.
    pub mark: Mark,
    /// The person's number as slips show it.
    pub masked: String,
    /// The purchases on which the person is refused: when, and whose word it is; never where.
    pub found: Vec<Found>,
    /// 下次購買起日, where it is known.
    pub next: Option<NaiveDate>,
    /// The person's dispute of this refusal at this site, where one waits or was decided.
    pub dispute: Option<DisputeLine>,
}

/// A dispute of this site's and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeLine {
    /// Its name everywhere.
    pub id: EntryId,
    /// When it was written.
    pub at: Instant,
    /// The programme.
    pub programme: ProgrammeId,
    /// The person's number as slips show it.
    pub masked: String,
    /// The purchases on which the person was refused.
    pub found: Vec<Found>,
    /// What the person said.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// Whether the hub has it on its disk.
    pub acked: bool,
    /// What the operator decided; none as long as it waits.
    pub decided: Option<Decided>,
}

/// What an operator decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Whether the person was right.
    pub granted: bool,
    /// What the operator says.
    pub words: String,
    /// Who.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}
