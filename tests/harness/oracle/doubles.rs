//! How purchases ended of people who had bought within the window, by what the site can have heard of that.

use super::lines::Output;
use super::reach::Known;

/// How some purchases ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Sold.
    pub sold: u64,
    /// Refused because somebody had bought.
    pub bought: u64,
    /// Refused for another reason.
    pub other: u64,
}

impl Ends {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.sold + self.bought + self.other
    }
}

/// All purchases of a scenario, by the times at which lines were up alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Doubles {
    /// Of people without an earlier one within the window.
    pub first: Ends,
    /// The others: an earlier one was the site's own, or must have been known there.
    pub known: Ends,
    /// One may have been known, or not.
    pub open: Ends,
    /// None can have been known.
    pub unknown: Ends,
}

impl Doubles {
    /// All that somebody tried with an earlier one within the window.
    #[must_use]
    pub fn again(&self) -> Ends {
        let sum = |of: fn(&Ends) -> u64| of(&self.known) + of(&self.open) + of(&self.unknown);
        Ends { sold: sum(|ends| ends.sold), bought: sum(|ends| ends.bought), other: sum(|ends| ends.other) }
    }

    /// Counts one. `earlier` is what the site may and must know of any purchase within the window, none where there is none.
    pub(super) fn count(&mut self, earlier: Option<Known>, answer: &Output) {
        let ends = match earlier {
            None => &mut self.first,
            Some(Known { must: true, .. }) => &mut self.known,
            Some(Known { may: true, .. }) => &mut self.open,
            Some(Known { .. }) => &mut self.unknown,
        };
        match (answer.verdict.as_deref(), answer.reason.as_deref()) {
            (Some("sold"), _) => ends.sold += 1,
            (_, Some("bought")) => ends.bought += 1,
            _ => ends.other += 1,
        }
    }
}
