//! What a site can have heard, and what it must have heard: the times at which its line was up, and nothing else.

/// An answer is known elsewhere for certain after more than so many seconds of connection at each end (docs/replay.md).
const MINUTE_S: i64 = 60;

/// A place in the scenario: the second, then the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) at: i64,
    pub(super) line: u32,
}

impl Moment {
    const BEFORE_ALL: Self = Self { at: i64::MIN, line: 0 };
    const NEVER: Self = Self { at: i64::MAX, line: u32::MAX };
}

/// When a site's line was up.
#[derive(Debug)]
pub(super) struct Reach {
    /// The line that first named the site: it may have been enrolled earlier, it must be from here.
    named: Moment,
    /// Spans `from..to` without a cut or a crash, in order; the last one may be open.
    spans: Vec<(Moment, Moment)>,
}

impl Reach {
    pub(super) fn new(named: Moment) -> Self {
        Self { named, spans: vec![(Moment::BEFORE_ALL, Moment::NEVER)] }
    }

    pub(super) fn connected(&self) -> bool {
        self.spans.last().is_some_and(|&(_, to)| to == Moment::NEVER)
    }

    /// Whether the line was up at any time in the last seconds.
    pub(super) fn up_within(&self, seconds: i64, now: Moment) -> bool {
        self.spans.last().is_some_and(|(_, to)| to.at.saturating_add(seconds) >= now.at)
    }

    pub(super) fn cut(&mut self, now: Moment) {
        if let Some((_, to)) = self.spans.last_mut().filter(|(_, to)| *to == Moment::NEVER) {
            *to = now;
        }
    }

    pub(super) fn heal(&mut self, now: Moment) {
        if !self.connected() {
            self.spans.push((now, Moment::NEVER));
        }
    }

    /// A crash takes no time, but the minute begins anew.
    pub(super) fn crash(&mut self, now: Moment) {
        if self.connected() {
            self.cut(now);
            self.heal(now);
        }
    }

    /// The first moment from `after` on at which the line was up.
    fn first_up(&self, after: Moment) -> Option<Moment> {
        let next = self.spans.partition_point(|&(_, to)| to <= after);
        self.spans.get(next).map(|&(from, _)| from.max(after))
    }

    /// The beginning of the first unbroken minute from `after` on that was over before `now`.
    fn first_minute(&self, after: Moment, now: Moment) -> Option<Moment> {
        let next = self.spans.partition_point(|&(_, to)| to <= after);
        self.spans[next..].iter().find_map(|&(from, to)| {
            let from = from.max(after).max(self.named);
            (to.min(now).at.saturating_sub(from.at) > MINUTE_S).then_some(from)
        })
    }

    /// Whether word from the hub, given out at `since`, may and must be here.
    pub(super) fn hears_hub(&self, since: Moment, now: Moment) -> Known {
        Known { may: self.first_up(since).is_some_and(|up| up <= now), must: self.first_minute(since, now).is_some() }
    }

    /// Whether what was answered at another site may and must be known here: its line up first, then, or at the same time, ours.
    pub(super) fn hears_site(&self, other: &Self, since: Moment, now: Moment) -> Known {
        Known {
            may: other.first_up(since).is_some_and(|up| up <= now && self.hears_hub(up, now).may),
            must: other.first_minute(since, now).is_some_and(|from| self.hears_hub(from, now).must),
        }
    }
}

/// The two bounds of what a site knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) may: bool,
    pub(super) must: bool,
}

impl Known {
    /// A site's own deeds.
    pub(super) const OWN: Self = Self { may: true, must: true };
    /// What has not happened.
    pub(super) const NOT: Self = Self { may: false, must: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: i64) -> Moment {
        Moment { at, line: u32::try_from(at).unwrap() }
    }

    /// Spans as (heal, cut); up at first only where the first begins at 0.
    fn reach(spans: &[(i64, i64)]) -> Reach {
        let mut reach = Reach::new(at(0));
        reach.cut(at(0));
        for &(heal, cut) in spans {
            reach.heal(at(heal));
            reach.cut(at(cut));
        }
        reach
    }

    #[test]
    fn known_only_after_both_were_up_and_surely_after_a_minute() {
        let known = |a: &[(i64, i64)], b: &[(i64, i64)], now| {
            let known = reach(b).hears_site(&reach(a), at(100), at(now));
            (known.may, known.must)
        };
        assert_eq!(known(&[(0, 900)], &[(0, 900)], 160), (true, false));
        assert_eq!(known(&[(0, 900)], &[(0, 900)], 161), (true, true));
        assert_eq!(known(&[(0, 900)], &[(0, 50)], 800), (false, false));
        assert_eq!(known(&[(0, 90), (300, 400)], &[(0, 200)], 800), (false, false));
        assert_eq!(known(&[(0, 90), (300, 400)], &[(0, 200), (500, 520), (600, 700)], 510), (true, false));
        assert_eq!(known(&[(0, 90), (300, 400)], &[(0, 200), (500, 520), (600, 700)], 661), (true, true));
        assert_eq!(known(&[(300, 330)], &[(0, 900)], 800), (true, false));
    }

    #[test]
    fn a_crash_begins_the_minute_anew() {
        let (a, mut b) = (Reach::new(at(0)), Reach::new(at(0)));
        b.crash(at(130));
        assert!(!b.hears_site(&a, at(100), at(170)).must);
        assert!(b.hears_site(&a, at(100), at(191)).must);
    }
}
