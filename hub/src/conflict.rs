//! Which of a person's sales was one too many, pure (M8, M9; docs/architecture.md).
//!
//! The same quota that the counter asked is asked again over everything that came. The answer is
//! a function of the set of sales: whatever the order of arrival, the same effects and findings.

use std::collections::{HashMap, HashSet};

use chrono::{Days, NaiveDate};
use shared::ids::{EntryId, ProgrammeId};
use shared::planted;
use shared::rules::programme::{Versions, Window};
use shared::rules::quota::{Cleared, Finding, FindingKind, Purchase, audit};

/// What a sale does to its buyer's entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Taken back by its site.
    Withdrawn,
    /// It counts.
    Counts,
    /// One too many: it stays in the ledger without effect.
    Over,
    /// An operator cleared it after a dispute: it stays in the ledger without effect.
    Cleared,
}

impl Effect {
    /// For the store.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Self::Withdrawn => 0,
            Self::Counts => 1,
            Self::Over => 2,
            Self::Cleared => 3,
        }
    }

    /// From the store.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Withdrawn, Self::Counts, Self::Over, Self::Cleared].into_iter().find(|effect| effect.code() == code)
    }
}

/// Where a sale stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its effect.
    pub effect: Effect,
    /// It counts, but was made under a version that was no longer in force.
    pub stale: bool,
}

/// What a person's live sales in one programme come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What is wrong, in the order that decides.
    pub findings: Vec<Finding>,
    kinds: HashMap<EntryId, FindingKind>,
    cleared: HashSet<EntryId>,
}

/// Judges all live (not withdrawn) sales of one person in one programme, of whom `cleared` does not count.
#[must_use]
pub fn judge(versions: &Versions, programme: &ProgrammeId, live: &[Purchase], cleared: &[Cleared]) -> Judgement {
    let findings = audit(versions, programme, live, cleared);
    let kinds = findings.iter().map(|finding| (finding.sale, finding.kind)).collect();
    let is_cleared = |sale: &&Purchase| cleared.iter().any(|cleared| cleared.covers(sale));
    let cleared = live.iter().filter(is_cleared).map(|sale| sale.id).collect();
    Judgement { findings, kinds, cleared }
}

/// The first day on which a sale may still weigh on one of `day` or later, by any version: what was
/// sold before it need not be on the table.
#[must_use]
pub fn reach(versions: &Versions, programme: &ProgrammeId, day: NaiveDate) -> NaiveDate {
    let windows = versions.iter().filter(|version| version.programme == *programme).map(|version| version.window);
    let first = |window| match window {
        Window::Rolling { days } => day.checked_sub_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MIN),
        // Whatever the round's end: before its beginning nothing weighs.
        Window::Round { number: _, from, next: _ } => from,
    };
    if planted!(ReachForgotten) {
        return day;
    }
    windows.map(first).min().map_or(day, |first| first.min(day))
}

impl Judgement {
    /// Where a live sale stands.
    #[must_use]
    pub fn place(&self, sale: &EntryId) -> Place {
        if self.cleared.contains(sale) {
            return Place { effect: Effect::Cleared, stale: false };
        }
        match self.kinds.get(sale) {
            // A doubtful time costs nobody anything.
            None | Some(FindingKind::DoubtfulTime) => Place { effect: Effect::Counts, stale: false },
            Some(FindingKind::StaleVersion) if !planted!(StaleIsOver) => Place { effect: Effect::Counts, stale: true },
            Some(FindingKind::Over | FindingKind::StaleVersion) => Place { effect: Effect::Over, stale: false },
        }
    }
}

/// What a change of effect means outside: to the nation's feed and to the desk of the sale's site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// `Some(true)`: it began to count; `Some(false)`: it ceased.
    pub counts: Option<bool>,
    /// `Some(true)`: it became over; `Some(false)`: it counts again.
    pub over: Option<bool>,
}

/// Compares; `old` is none for a sale that has just come.
#[must_use]
pub fn turn(old: Option<Effect>, new: Effect) -> Turn {
    let counts = |effect| effect == Effect::Counts || (planted!(LoserCounted) && effect == Effect::Over);
    let (did, does) = (old.is_some_and(counts), counts(new));
    let was_over = old == Some(Effect::Over);
    Turn {
        counts: (did != does).then_some(does),
        over: match new {
            Effect::Over => (!was_over).then_some(true),
            // The desk hears of a dispute's end by itself; what is cleared is not one too many.
            Effect::Counts | Effect::Cleared => was_over.then_some(false),
            Effect::Withdrawn => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told() {
        use Effect::{Cleared, Counts, Over, Withdrawn};
        for (old, new, counts, over) in [
            (None, Counts, Some(true), None),
            (None, Over, None, Some(true)),
            (None, Withdrawn, None, None),
            (Some(Counts), Counts, None, None),
            (Some(Counts), Over, Some(false), Some(true)),
            (Some(Counts), Withdrawn, Some(false), None),
            (Some(Over), Counts, Some(true), Some(false)),
            (Some(Over), Over, None, None),
            (Some(Over), Withdrawn, None, None),
            (Some(Counts), Cleared, Some(false), None),
            (Some(Over), Cleared, None, Some(false)),
            (Some(Cleared), Cleared, None, None),
            (Some(Cleared), Counts, Some(true), None),
            (Some(Cleared), Over, None, Some(true)),
            (Some(Cleared), Withdrawn, None, None),
            (None, Cleared, None, None),
        ] {
            assert_eq!(turn(old, new), Turn { counts, over }, "{old:?} to {new:?}");
        }
        for effect in [Withdrawn, Counts, Over, Cleared] {
            assert_eq!(Effect::from_code(effect.code()), Some(effect));
        }
    }
}
