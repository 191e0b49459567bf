//! Where a site's clock may be wrong: moved while its line is cut, until the hub's beacon has corrected it.

/// A beacon has come for certain after so many seconds of connection.
const BEACON_S: i64 = 60;

/// A site's clock.
#[derive(Debug, Default)]
pub(super) struct Clock {
    offset_s: i64,
    /// The offset that the last beacon took away.
    corrected_s: i64,
    /// How wrong the site may have been since.
    errors_s: Vec<i64>,
    /// When the beacon that ends it has come.
    steady_at: Option<i64>,
}

impl Clock {
    /// How wrong the site's time may be now; empty where it is right.
    pub(super) fn errors(&mut self, now: i64) -> &[i64] {
        if self.steady_at.is_some_and(|steady| now > steady) {
            self.corrected_s = self.offset_s;
            self.errors_s.clear();
            self.steady_at = None;
        }
        &self.errors_s
    }

    pub(super) fn set(&mut self, offset_s: i64, now: i64, connected: bool) {
        self.errors(now);
        // The site may have noticed an earlier move by its monotonic clock, or may not.
        self.errors_s.extend([offset_s - self.corrected_s, offset_s - self.offset_s]);
        self.errors_s.dedup();
        self.offset_s = offset_s;
        self.steady_at = connected.then_some(now + BEACON_S);
    }

    pub(super) fn cut(&mut self, now: i64) {
        self.errors(now);
        self.steady_at = None;
    }

    pub(super) fn heal(&mut self, now: i64) {
        self.steady_at = Some(now + BEACON_S);
    }

    /// The correction may be gone with the process.
    pub(super) fn crash(&mut self, now: i64, connected: bool) {
        self.errors(now);
        if self.offset_s != 0 {
            self.errors_s.push(self.offset_s);
        }
        self.steady_at = connected.then_some(now + BEACON_S);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_right_again_a_minute_after_the_line() {
        let mut clock = Clock::default();
        clock.set(500, 0, true);
        assert_eq!(clock.errors(60), [500]);
        assert!(clock.errors(61).is_empty());
        clock.cut(100);
        assert!(clock.errors(9_000).is_empty(), "corrected before the cut");
        clock.set(-20, 9_000, false);
        assert_eq!(clock.errors(99_000), [-520]);
        clock.heal(99_000);
        assert!(clock.errors(99_061).is_empty());
    }
}
