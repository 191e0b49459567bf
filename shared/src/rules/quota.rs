//! The quota, written once and asked from every side: before a sale
//! ([`check`]), on the screen ([`remaining`]) and after the merge ([`audit()`],
//! [`doubtful()`])
//! (M8, M9, M11-M13; decisions 1-3).

use chrono::{Days, NaiveDate};

use super::programme::{Limits, Version, Window};
use super::refusal::Refusal;
use crate::entry::Pieces;

mod audit;
mod cleared;
mod doubtful;

pub use audit::{Finding, FindingKind, Purchase, audit};
pub use cleared::Cleared;
pub use doubtful::{DOUBTFUL_BECAUSE_MAX, DOUBTFUL_SALES_MAX, Timed, doubtful};

/// A purchase that counts: when, and how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Past {
    /// Its business day.
    pub day: NaiveDate,
    /// What was bought.
    pub pieces: Pieces,
}

/// What a card may still have now, kind by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// The most adult pieces.
    pub adult: u32,
    /// The most child pieces.
    pub child: u32,
    /// The most pieces of a basket with both kinds.
    pub mixed: u32,
}

impl Allowance {
    /// Nothing.
    pub const NONE: Self = Self { adult: 0, child: 0, mixed: 0 };

    /// 可購買片數: the largest basket that is possible (M11).
    #[must_use]
    pub fn most(self) -> u32 {
        self.adult.max(self.child).max(self.mixed)
    }

    /// Whether a basket fits.
    #[must_use]
    pub fn covers(self, ask: Pieces) -> bool {
        let both = ask.adult > 0 && ask.child > 0;
        ask.adult <= self.adult && ask.child <= self.child && (!both || ask.total() <= self.mixed)
    }

    /// M13: whether a basket fits.
    ///
    /// # Errors
    /// [`Refusal::Limit`].
    pub fn check(self, ask: Pieces) -> Result<(), Refusal> {
        if self.covers(ask) { Ok(()) } else { Err(Refusal::Limit { most: self }) }
    }

    /// What a card's limits leave beside what it had in the same window.
    fn beside(limits: Limits, used: Pieces) -> Self {
        let mixed = limits.mixed.saturating_sub(used.total());
        // What is bought beside the other kind makes the window's basket a mixed one.
        let kind = |limit: u32, used: u32, other: u32| {
            let own = limit.saturating_sub(used);
            if other > 0 { own.min(mixed) } else { own }
        };
        let adult = kind(limits.adult, used.adult, used.child);
        let child = kind(limits.child, used.child, used.adult);
        Self { adult, child, mixed: mixed.min(adult.saturating_add(child)) }
    }
}

/// What may still be bought today: the answer of 資格審核 on quota.
///
/// `history` is every counted purchase of the person in the programme, in any
/// order. One dated after today counts where it is near enough: somebody's
/// clock is wrong, and evidence is evidence.
///
/// # Errors
/// [`Refusal::Bought`] with the first day on which something is free again, when nothing is left.
pub fn remaining(
    version: &Version,
    history: &[Past],
    birth: NaiveDate,
    today: NaiveDate,
) -> Result<Allowance, Refusal> {
    let limits = version.limits_for(birth);
    let left = left_on(version, limits, history, today);
    if left.most() > 0 {
        Ok(left)
    } else {
        Err(Refusal::Bought { next: next_day(version, limits, history, today), evidence: Vec::new() })
    }
}

/// Whether a card may have these pieces today.
///
/// # Errors
/// `Bought`, `Child` or `Limit`, in this order.
pub fn check(
    version: &Version,
    history: &[Past],
    birth: NaiveDate,
    ask: Pieces,
    today: NaiveDate,
) -> Result<(), Refusal> {
    let most = remaining(version, history, birth, today)?;
    check_child(version, birth, ask)?;
    most.check(ask)
}

/// M12: child goods are for children, unless the version sells them to all.
///
/// # Errors
/// [`Refusal::Child`].
pub fn check_child(version: &Version, birth: NaiveDate, ask: Pieces) -> Result<(), Refusal> {
    if ask.child == 0 || version.limits_for(birth).child > 0 {
        Ok(())
    } else {
        let goods = version.goods.child.as_ref().map(|good| good.name.clone());
        Err(Refusal::Child { goods, born_from: version.child })
    }
}

/// What the audit asks: quota without M12, which is the counter's business.
/// Child goods that a card may not have and got all the same count like adult ones.
fn check_amount(
    version: &Version,
    history: &[Past],
    birth: NaiveDate,
    bought: Pieces,
    today: NaiveDate,
) -> Result<(), Refusal> {
    let allowed = check_child(version, birth, bought).is_ok();
    let counted = if allowed { bought } else { Pieces { adult: bought.total(), child: 0 } };
    remaining(version, history, birth, today)?.check(counted)
}

/// Which purchases of a history use something of today's window up: their places in it.
pub fn filling<'a>(version: &Version, history: &'a [Past], today: NaiveDate) -> impl Iterator<Item = usize> + 'a {
    let window = version.window;
    history.iter().enumerate().filter(move |(_, past)| past.counts(window, today)).map(|(at, _)| at)
}

fn left_on(version: &Version, limits: Limits, history: &[Past], day: NaiveDate) -> Allowance {
    let mut counted = history.iter().filter(|past| past.counts(version.window, day)).peekable();
    if version.one_purchase_per_window && counted.peek().is_some() {
        return Allowance::NONE;
    }
    let used = counted.fold(Pieces::default(), |sum, past| sum.plus(past.pieces));
    Allowance::beside(limits, used)
}

/// The first day after today on which something is free: only the end of a
/// purchase's reach can free anything, so only those days are tried.
fn next_day(version: &Version, limits: Limits, history: &[Past], today: NaiveDate) -> Option<NaiveDate> {
    let free = |day: &NaiveDate| *day > today && left_on(version, limits, history, *day).most() > 0;
    match version.window {
        Window::Rolling { days } => {
            let ends = history.iter().filter_map(|past| past.day.checked_add_days(Days::new(u64::from(days))));
            ends.filter(free).min()
        }
        Window::Round { number: _, from: _, next } => next.filter(free),
    }
}

impl Past {
    /// Whether this purchase uses up something of the window that `today` lies in.
    /// A purchase of nothing is none.
    fn counts(&self, window: Window, today: NaiveDate) -> bool {
        self.pieces.total() > 0 && window.joins(self.day, today)
    }
}

impl Window {
    /// The first day whose purchases may still fall into one window with `today` or a later day.
    #[must_use]
    pub fn reached_from(self, today: NaiveDate) -> NaiveDate {
        match self {
            Self::Rolling { days } => {
                today.checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))).unwrap_or(NaiveDate::MIN)
            }
            // Until the round behind it is announced, this one's end is all that is known of it.
            Self::Round { next: Some(next), .. } if today >= next => next,
            Self::Round { from, .. } => from,
        }
    }

    /// Whether a purchase on `day` and one on `today` fall into one window.
    #[must_use]
    pub fn joins(self, day: NaiveDate, today: NaiveDate) -> bool {
        match self {
            Self::Rolling { days } => today.signed_duration_since(day).num_days().unsigned_abs() < u64::from(days),
            // A round that has ended is followed by one of which only the beginning is known.
            Self::Round { number: _, from, next } => match next {
                Some(next) if today >= next => day >= next,
                Some(next) => (from..next).contains(&day),
                None => day >= from,
            },
        }
    }
}

#[cfg(test)]
mod tests;
