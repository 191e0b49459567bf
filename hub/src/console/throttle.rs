//! How often somebody may try to sign in from an address, as a name that is no account, or from a browser that is known:
//! in memory and bounded. Accounts themselves are slowed down by the hub (`operators::sign_in`).

use std::collections::HashMap;

use crate::operators::{FORGOTTEN_S, Limits, delay_s};

/// Most lanes that are remembered; the one whose wait ended first gives way.
const LANES_MAX: usize = 4_096;

#[derive(Debug, Clone, Copy)]
struct Lane {
    tries: u32,
    until: i64,
}

impl Lane {
    fn is_forgotten(&self, now: i64) -> bool {
        now >= self.until.saturating_add(FORGOTTEN_S)
    }
}

/// All lanes.
#[derive(Debug, Default)]
pub(super) struct Throttle(HashMap<String, Lane>);

impl Throttle {
    /// Counts a try as if it failed, so that many at once are no way around; or until when there is none.
    pub(super) fn begin(&mut self, name: &str, limits: Limits, now: i64) -> Result<(), i64> {
        let lane = self.0.get(name).copied().filter(|lane| !lane.is_forgotten(now));
        let lane = lane.unwrap_or(Lane { tries: 0, until: now });
        if now < lane.until {
            return Err(lane.until);
        }
        self.make_room(name, now);
        let tries = lane.tries.saturating_add(1);
        let until = now.saturating_add(delay_s(tries, limits));
        self.0.insert(name.to_owned(), Lane { tries, until });
        Ok(())
    }

    /// It did not fail.
    pub(super) fn passed(&mut self, name: &str) {
        self.0.remove(name);
    }

    fn make_room(&mut self, name: &str, now: i64) {
        if self.0.len() < LANES_MAX || self.0.contains_key(name) {
            return;
        }
        self.0.retain(|_, lane| !lane.is_forgotten(now));
        if self.0.len() >= LANES_MAX {
            let oldest = self.0.iter().min_by_key(|(_, lane)| lane.until).map(|(name, _)| name.clone());
            oldest.map(|name| self.0.remove(&name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::{OF_ACCOUNTS, OF_ADDRESSES};

    #[test]
    fn the_next_try_waits_longer_and_a_good_one_forgives() {
        let mut throttle = Throttle::default();
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..9 {
            if let Err(until) = throttle.begin("x", OF_ACCOUNTS, now) {
                waits.push(until - now);
                now = until;
                throttle.begin("x", OF_ACCOUNTS, now).unwrap();
            }
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32]);
        assert!(throttle.begin("x", OF_ACCOUNTS, now).is_err());
        assert!(throttle.begin("y", OF_ACCOUNTS, now).is_ok(), "another lane");
        throttle.passed("x");
        assert!(throttle.begin("x", OF_ACCOUNTS, now).is_ok());
    }

    #[test]
    fn no_lane_is_closed_for_ever_and_memory_is_bounded() {
        let mut throttle = Throttle::default();
        let mut now = 0;
        for _ in 0..200 {
            if let Err(until) = throttle.begin("x", OF_ADDRESSES, now) {
                assert!(until - now <= OF_ADDRESSES.longest_s);
                now = until;
            }
        }
        for n in 0..2 * LANES_MAX {
            throttle.begin(&n.to_string(), OF_ACCOUNTS, now).unwrap();
        }
        assert_eq!(throttle.0.len(), LANES_MAX);
    }
}
