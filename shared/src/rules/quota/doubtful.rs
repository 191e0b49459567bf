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
pub const DOUBTFUL_SALES_MAX: usize = 32;
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
    let mut sales: Vec<Dated<'_>> = counted
        .iter()
        .filter(|sale| sale.pieces.total() > 0)
        .map(|sale| Dated { sale, days: sale.days(), rules: versions.in_force(programme, taipei_day(sale.instant)) })
        .collect();
    sales.sort_unstable_by_key(|dated| (dated.sale.instant, dated.sale.id));
    sales.dedup_by_key(|dated| dated.sale.id);
    let looked_at = sales.iter().filter(|dated| dated.sale.is_doubtful()).take(DOUBTFUL_SALES_MAX);
    looked_at.filter_map(|dated| dated.look_at(&sales)).collect()
}

/// A sale, the days on which it may have happened, and the version in force on the one written down.
#[derive(Clone, Copy)]
struct Dated<'v> {
    sale: &'v Timed,
    days: (NaiveDate, NaiveDate),
    rules: Option<&'v Version>,
}

impl Dated<'_> {
    fn look_at(&self, all: &[Self]) -> Option<Finding> {
        let mut near: Vec<&Self> =
            all.iter().filter(|other| other.sale.id != self.sale.id && self.may_join(other)).collect();
        let used = near.iter().fold(Pieces::default(), |sum, other| sum.plus(other.sale.pieces));
        let is_too_much = |dated: &Self| dated.rules.is_some_and(|rules| is_too_much(rules, self.sale.pieces, used));
        if near.is_empty() || !(is_too_much(self) || near.iter().any(|other| is_too_much(other))) {
            return None;
        }
        near.sort_by_key(|other| (other.sale.instant.abs_diff(self.sale.instant), other.sale.id));
        near.truncate(DOUBTFUL_BECAUSE_MAX);
        near.sort_by_key(|other| (other.sale.instant, other.sale.id));
        Some(Finding {
            sale: self.sale.id,
            kind: FindingKind::DoubtfulTime,
            refusal: Refusal::Clock { doubt_s: self.sale.doubt_s },
            because: near.into_iter().map(|other| other.sale.id).collect(),
        })
    }

    /// Whether two sales may lie in one window, by the version of either's day.
    fn may_join(&self, other: &Self) -> bool {
        [self.rules, other.rules].into_iter().flatten().any(|rules| rules.window.may_join(self.days, other.days))
    }
}

/// Whether a purchase would be too much beside others. Nobody knows here who is a child: what is too
/// much for either class of card is.
fn is_too_much(rules: &Version, pieces: Pieces, used: Pieces) -> bool {
    let limits = [rules.limit.adult_card, rules.limit.child_card];
    rules.one_purchase_per_window || limits.into_iter().any(|limits| !Allowance::beside(limits, used).covers(pieces))
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
                some_days(first, last)
                    .any(|day| some_days(from, to).any(|other| self.joins(day.min(other), day.max(other))))
            }
        }
    }
}
