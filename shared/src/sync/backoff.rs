//! When to dial again: exponential with full jitter, so that six thousand edges which lost the
//! line together do not come back together.

use std::time::Duration;

/// The first wait is below this.
pub const BASE_MS: u64 = 1_000;
/// No wait is above this.
pub const CAP_MS: u64 = 5 * 60 * 1_000;

/// The wait before try number `attempt` (from 0); `dice` is any random number.
#[must_use]
pub fn wait(attempt: u32, dice: u64) -> Duration {
    let ceiling = BASE_MS.saturating_mul(1u64.checked_shl(attempt.min(20)).unwrap_or(u64::MAX)).min(CAP_MS);
    Duration::from_millis(dice % (ceiling + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_spread_and_stay_below_the_cap() {
        assert_eq!(wait(0, BASE_MS), Duration::from_millis(BASE_MS));
        assert_eq!(wait(3, 0), Duration::ZERO);
        for attempt in 0..70 {
            assert!(wait(attempt, u64::MAX - 1) <= Duration::from_millis(CAP_MS));
        }
        let far: u64 = (0..1000).map(|n| u64::try_from(wait(12, n * 7_919_317).as_millis()).unwrap()).sum();
        assert!(far / 1000 > CAP_MS / 4, "spread over the whole range");
    }
}
