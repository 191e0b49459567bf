//! Sales whose time is so doubtful that they may have been one too many (docs/clocks.md).
//!
//! The audit goes by the times that the sites wrote down. A wrong clock moves a sale out of the
//! window in which it belongs, and a double purchase is gone. So each sale that may lie on another
//! day is looked at once more, with everything that may lie in one window with it. What is found
//! costs nobody anything: somebody has to ask.

use chrono::NaiveDate;

use super::{Allowance, Finding, FindingKind};
use crate::entry::Pieces;
use crate::ids::{EntryId, ProgrammeId};
use crate::rules::calendar::taipei_day;
use crate::rules::programme::{Version, Versions, Window};
use crate::rules::refusal::Refusal;

/// Of one person and programme so many doubtful sales are looked at, the first: a person has fewer.
pub const DOUBTFUL_SALES_MAX: usize = 64;
/// A finding names so many others, the nearest.
pub const DOUBTFUL_BECAUSE_MAX: usize = 8;

/// A counted sale as it is looked at here: one person's, in one programme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timed {
    /// The entry.
    pub id: EntryId,
    /// When: seconds since 1970 (UTC), as the site knew it.
    pub instant: i64,
    /// How far that may be off, in seconds; `u32::MAX` where nobody knows.
    pub doubt_s: u32,
    /// What was bought.
    pub pieces: Pieces,
}

impl Timed {
    /// The first and the last business day on which it may have happened.
    #[must_use]
    pub fn days(&self) -> (NaiveDate, NaiveDate) {
        let doubt_s = i64::from(self.doubt_s);
        (taipei_day(self.instant.saturating_sub(doubt_s)), taipei_day(self.instant.saturating_add(doubt_s)))
    }

    /// Whether it may have happened on another business day than the one written down.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        let (first, last) = self.days();
        first != last
    }
}

/// Finds the counted sales that may lie on another business day, and there in one window with
/// others beside which the counter would have refused them.
///
/// Windows and limits are those in force on the days that were written down; a function of the set,
/// like the audit.
#[must_use]
pub fn doubtful(versions: &Versions, programme: &ProgrammeId, counted: &[Timed]) -> Vec<Finding> {
    let mut sales: Vec<(Timed, Option<&Version>)> = counted
        .iter()
        .filter(|sale| sale.pieces.total() > 0)
        .map(|sale| (*sale, versions.in_force(programme, taipei_day(sale.instant))))
        .collect();
    sales.sort_unstable_by_key(|(sale, _)| (sale.instant, sale.id));
    sales.dedup_by_key(|(sale, _)| sale.id);
    let looked_at = sales.iter().filter(|(sale, _)| sale.is_doubtful()).take(DOUBTFUL_SALES_MAX);
    looked_at.filter_map(|sale| look_at(sale, &sales)).collect()
}

/// A sale, and the version in force on its day.
type Ruled<'v> = (Timed, Option<&'v Version>);

fn look_at(sale: &Ruled<'_>, all: &[Ruled<'_>]) -> Option<Finding> {
    let mut near: Vec<&Ruled<'_>> =
        all.iter().filter(|other| other.0.id != sale.0.id && may_join(sale, other)).collect();
    if near.is_empty() || !near.iter().chain([&sale]).any(|(_, rules)| is_too_much(*rules, &sale.0, &near)) {
        return None;
    }
    near.sort_by_key(|(other, _)| (other.instant.abs_diff(sale.0.instant), other.id));
    near.truncate(DOUBTFUL_BECAUSE_MAX);
    near.sort_by_key(|(other, _)| (other.instant, other.id));
    Some(Finding {
        sale: sale.0.id,
        kind: FindingKind::DoubtfulTime,
        refusal: Refusal::Clock { doubt_s: sale.0.doubt_s },
        because: near.into_iter().map(|(other, _)| other.id).collect(),
    })
}

/// Whether two sales may lie in one window, by the version of either's day.
fn may_join((sale, rules): &Ruled<'_>, (other, others): &Ruled<'_>) -> bool {
    let windows = [rules, others].into_iter().flatten().map(|version| version.window);
    windows.into_iter().any(|window| window.may_join(sale.days(), other.days()))
}

/// Whether they would be too many together, by a version. Nobody knows here who is a child: what is
/// too much for either class of card is.
fn is_too_much(rules: Option<&Version>, sale: &Timed, near: &[&Ruled<'_>]) -> bool {
    let Some(version) = rules else { return false };
    let used = near.iter().fold(Pieces::default(), |sum, (other, _)| sum.plus(other.pieces));
    let limits = [version.limit.adult_card, version.limit.child_card];
    version.one_purchase_per_window
        || limits.into_iter().any(|limits| !Allowance::beside(limits, used).covers(sale.pieces))
}

impl Window {
    /// Whether a purchase within some days and one within others may fall into one window.
    fn may_join(self, (first, last): (NaiveDate, NaiveDate), (from, to): (NaiveDate, NaiveDate)) -> bool {
        match self {
            Self::Rolling { days } => {
                let apart = first.signed_duration_since(to).max(from.signed_duration_since(last)).num_days();
                apart < i64::from(days)
            }
            Self::Round { number: _, from: begins, next } => {
                // A round's edges are the only days at which anything changes.
                let edges = [Some(begins), next, begins.pred_opt(), next.and_then(|next| next.pred_opt())];
                let some_days = |first: NaiveDate, last: NaiveDate| {
                    let within = edges.into_iter().flatten().filter(move |day| (first..=last).contains(day));
                    [first, last].into_iter().chain(within)
                };
                some_days(first, last).any(|day| some_days(from, to).any(|other| self.joins(day.min(other), day.max(other))))
            }
        }
    }
}
