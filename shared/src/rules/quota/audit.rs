//! Which of the sales that all happened was one too many (docs/architecture.md).
//!
//! The same quota as before the sale, asked again in the order of events. The
//! result is a function of the set of purchases: any order of arrival, and any
//! entry delivered twice, gives the same findings.

use std::cmp::Ordering;

use chrono::NaiveDate;

use super::{Cleared, Past, check_amount};
use crate::entry::{Pieces, Reading};
use crate::ids::{EntryId, ProgrammeId, SiteCode, VersionName};
use crate::rules::calendar::taipei_day;
use crate::rules::programme::{Version, Versions};
use crate::rules::refusal::Refusal;

/// A sale as the audit sees it: one person's, in one programme, not withdrawn.
///
/// Ordered, and equal, by (instant, reading, site, id): earlier first, of one
/// second the card that was read before the number that was typed. The id alone
/// tells entries apart, so two entries never compare equal.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// The entry.
    pub id: EntryId,
    /// Where.
    pub site: SiteCode,
    /// When: seconds since 1970 (UTC), as the site knew it.
    pub instant: i64,
    /// How far that may be off, in seconds: marks a case, never decides it.
    pub doubt_s: u32,
    /// How the document was read.
    pub reading: Reading,
    /// The version that the site decided by.
    pub version: VersionName,
    /// The buyer's date of birth.
    pub birth: NaiveDate,
    /// What was bought.
    pub pieces: Pieces,
    /// How far the site's knowledge of the nation reached: explains a case, never decides it.
    pub watermark: u64,
    /// Whether it was recorded after it had happened (decision 16): judged like any other.
    pub recorded: bool,
}

impl Purchase {
    fn place(&self) -> (i64, Reading, SiteCode, EntryId) {
        (self.instant, self.reading, self.site, self.id)
    }
}

impl Ord for Purchase {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Purchase {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Purchase {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Purchase {}

/// What is wrong with a sale.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The sale.
    pub sale: EntryId,
    /// Whose fault it can be.
    pub kind: FindingKind,
    /// What the counter would have said, by the version in force: `Bought` or `Limit`; `Clock` of a doubtful time.
    pub refusal: Refusal,
    /// The counted sales that fill the window, in order; empty where the basket alone is too large.
    pub because: Vec<EntryId>,
}

/// The kinds of finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum FindingKind {
    /// One too many: without effect on the person's entitlement.
    Over,
    /// Right under another version than the one in force, the one that its site
    /// decided by: it counts, and nobody is to blame.
    StaleVersion,
    /// It counts as it was written down, and may have been one too many: its time is in doubt.
    DoubtfulTime,
}

/// Walks one person's purchases in one programme and tells which were one too many.
///
/// Each is judged by the version in force on its own business day, beside those
/// before it that count. Refused by that version but right under the site's own,
/// it is a [`FindingKind::StaleVersion`] and counts; otherwise it is
/// [`FindingKind::Over`] and does not. Where no version is in force nothing can
/// be too many. Turn (M7) and child goods (M12) are the counter's business.
/// What an operator has `cleared` is neither judged nor counted.
#[must_use]
pub fn audit(
    versions: &Versions,
    programme: &ProgrammeId,
    purchases: &[Purchase],
    cleared: &[Cleared],
) -> Vec<Finding> {
    let counts =
        |purchase: &&Purchase| purchase.pieces.total() > 0 && !cleared.iter().any(|cleared| cleared.covers(purchase));
    let mut in_order: Vec<&Purchase> = purchases.iter().filter(counts).collect();
    in_order.sort_unstable();
    in_order.dedup();
    let mut walk = Walk::default();
    for purchase in in_order {
        walk.step(versions, programme, purchase);
    }
    walk.findings
}

/// What is known on the way: `ids` and `history` run side by side.
#[derive(Default)]
struct Walk {
    ids: Vec<EntryId>,
    history: Vec<Past>,
    findings: Vec<Finding>,
}

impl Walk {
    fn step(&mut self, versions: &Versions, programme: &ProgrammeId, purchase: &Purchase) {
        let day = taipei_day(purchase.instant);
        let found = versions.in_force(programme, day).and_then(|in_force| {
            let refusal = self.judge(in_force, purchase, day).err()?;
            let own = versions.named_in(programme, &purchase.version).filter(|own| own.name != in_force.name);
            let right = own.is_some_and(|own| self.judge(own, purchase, day).is_ok());
            let kind = if right { FindingKind::StaleVersion } else { FindingKind::Over };
            Some(Finding { sale: purchase.id, kind, refusal, because: self.because(in_force, day) })
        });
        let counts = found.as_ref().is_none_or(|finding| match finding.kind {
            FindingKind::Over => false,
            FindingKind::StaleVersion | FindingKind::DoubtfulTime => true,
        });
        self.findings.extend(found);
        if counts {
            self.ids.push(purchase.id);
            self.history.push(Past { day, pieces: purchase.pieces });
        }
    }

    fn judge(&self, version: &Version, purchase: &Purchase, day: NaiveDate) -> Result<(), Refusal> {
        check_amount(version, &self.history, purchase.birth, purchase.pieces, day)
    }

    fn because(&self, version: &Version, day: NaiveDate) -> Vec<EntryId> {
        let counted = self.ids.iter().zip(&self.history);
        counted.filter(|(_, past)| past.counts(version.window, day)).map(|(id, _)| *id).collect()
    }
}
