//! The ladder: how old a site's knowledge of the nation is, and what a version lets it do then
//! (docs/architecture.md, promise 2).
//!
//! "Bought" only grows, so what a site knows stays true; what it does not know yet grows with every hour without a
//! line. The version says from which age on that matters, and what follows.

use super::programme::Version;
use super::refusal::Refusal;

const HOUR_S: u64 = 3_600;

/// What a site knows of the nation, and since when. Ordered from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Step {
    /// The line is up, and everything that the hub has told is here.
    Connected,
    /// No older than [`KnowledgeRule::fresh_hours`].
    Fresh,
    /// No older than [`KnowledgeRule::stale_hours`].
    Stale,
    /// Older than that.
    VeryStale,
    /// Nothing was ever heard of the nation.
    Never,
}

/// What a version allows at a step. Ordered from the least to the most that stands in the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Allowed {
    /// Everything that the other rules allow.
    Sell,
    /// At most one piece a sale.
    OnePiece,
    /// Only with the word of a second person, who is named.
    Manager,
    /// Nothing.
    Refuse,
}

/// When the site's knowledge was last complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Heard {
    /// Never.
    Never,
    /// It is.
    Now,
    /// Some time ago.
    Ago {
        /// So many seconds, by the site's own clock.
        age_s: u64,
        /// How many more it may be, the clock being in doubt; `u32::MAX` where nobody knows.
        doubt_s: u32,
    },
}

/// What a version says of each step: its table `[knowledge]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnowledgeRule {
    /// Up to so many hours the knowledge is fresh.
    pub fresh_hours: u32,
    /// Up to so many hours it is stale, and very stale behind.
    pub stale_hours: u32,
    /// What is allowed at [`Step::Connected`].
    pub connected: Allowed,
    /// What is allowed at [`Step::Fresh`].
    pub fresh: Allowed,
    /// What is allowed at [`Step::Stale`].
    pub stale: Allowed,
    /// What is allowed at [`Step::VeryStale`].
    pub very_stale: Allowed,
    /// What is allowed at [`Step::Never`].
    pub never: Allowed,
}

impl Default for KnowledgeRule {
    /// What a file means that says nothing: it sells at every step.
    fn default() -> Self {
        Self {
            fresh_hours: 3,
            stale_hours: 72,
            connected: Allowed::Sell,
            fresh: Allowed::Sell,
            stale: Allowed::Sell,
            very_stale: Allowed::Sell,
            never: Allowed::Sell,
        }
    }
}

impl KnowledgeRule {
    /// Where a site stands. A clock in doubt makes knowledge older, never younger.
    #[must_use]
    pub fn step(&self, heard: Heard) -> Step {
        let hours_s = |hours: u32| u64::from(hours) * HOUR_S;
        match heard {
            Heard::Never => Step::Never,
            Heard::Now => Step::Connected,
            Heard::Ago { .. } => match heard.age_s_max() {
                Some(age_s) if age_s <= hours_s(self.fresh_hours) => Step::Fresh,
                Some(age_s) if age_s <= hours_s(self.stale_hours) => Step::Stale,
                Some(_) | None => Step::VeryStale,
            },
        }
    }

    /// What is allowed at a step.
    #[must_use]
    pub fn allowed(&self, step: Step) -> Allowed {
        match step {
            Step::Connected => self.connected,
            Step::Fresh => self.fresh,
            Step::Stale => self.stale,
            Step::VeryStale => self.very_stale,
            Step::Never => self.never,
        }
    }
}

impl Heard {
    /// How old the knowledge is at most, in seconds; `None` where nobody knows.
    #[must_use]
    pub fn age_s_max(self) -> Option<u64> {
        match self {
            Self::Never | Self::Ago { age_s: _, doubt_s: u32::MAX } => None,
            Self::Now => Some(0),
            Self::Ago { age_s, doubt_s } => Some(age_s.saturating_add(u64::from(doubt_s))),
        }
    }
}

/// What a version allows to a site that knows so much.
#[must_use]
pub fn allowed(version: &Version, heard: Heard) -> Allowed {
    version.knowledge.allowed(version.knowledge.step(heard))
}

/// Whether anything may be sold at all by somebody who knows so much.
///
/// # Errors
/// [`Refusal::KnowledgeTooOld`] where the version sells nothing then.
pub fn check_knowledge(version: &Version, heard: Heard) -> Result<Allowed, Refusal> {
    match allowed(version, heard) {
        Allowed::Refuse => Err(Refusal::KnowledgeTooOld { heard }),
        allowed @ (Allowed::Sell | Allowed::OnePiece | Allowed::Manager) => Ok(allowed),
    }
}

/// Whose word stands for a sale: a name, and not that of whoever sells.
#[must_use]
pub fn second_person<'a>(manager: Option<&'a str>, by: &str) -> Option<&'a str> {
    let same = |name: &str| name.to_lowercase() == by.trim().to_lowercase();
    manager.map(str::trim).filter(|name| !name.is_empty() && !same(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const H: u64 = HOUR_S;

    #[test]
    fn the_ladder_by_age_and_doubt() {
        let rule = KnowledgeRule::default();
        for (age_s, doubt_s, step) in [
            (0, 0, Step::Fresh),
            (3 * H, 0, Step::Fresh),
            (3 * H, 1, Step::Stale),
            (3 * H + 1, 0, Step::Stale),
            (60, 8 * 3_600, Step::Stale),
            (72 * H, 0, Step::Stale),
            (72 * H + 1, 0, Step::VeryStale),
            (71 * H, 8 * 3_600, Step::VeryStale),
            // Nobody knows what time it is: then nobody knows how old this is.
            (0, u32::MAX, Step::VeryStale),
            (u64::MAX, 5, Step::VeryStale),
        ] {
            assert_eq!(rule.step(Heard::Ago { age_s, doubt_s }), step, "{age_s} s, ±{doubt_s} s");
        }
        assert_eq!(rule.step(Heard::Never), Step::Never);
        assert_eq!(rule.step(Heard::Now), Step::Connected);
    }

    #[test]
    fn each_step_has_its_own_word() {
        let rule = KnowledgeRule {
            stale: Allowed::OnePiece,
            very_stale: Allowed::Manager,
            never: Allowed::Refuse,
            ..KnowledgeRule::default()
        };
        let steps = [Step::Connected, Step::Fresh, Step::Stale, Step::VeryStale, Step::Never];
        let words = steps.map(|step| rule.allowed(step));
        assert_eq!(words, [Allowed::Sell, Allowed::Sell, Allowed::OnePiece, Allowed::Manager, Allowed::Refuse]);
        let shipped = steps.map(|step| KnowledgeRule::default().allowed(step));
        assert_eq!(shipped, [Allowed::Sell; 5], "who says nothing sells at every step");
    }

    #[test]
    fn nobody_is_their_own_manager() {
        for (manager, by, word) in [
            (Some("林主任"), "王藥師", Some("林主任")),
            (Some(" 林主任 "), "王藥師", Some("林主任")),
            (Some("王藥師"), "王藥師", None),
            (Some(" Wang "), "wang ", None),
            (Some("  "), "王藥師", None),
            (None, "王藥師", None),
        ] {
            assert_eq!(second_person(manager, by), word, "{manager:?} for {by}");
        }
    }
}
