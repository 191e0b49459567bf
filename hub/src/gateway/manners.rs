//! How sites behave on their lines, and how fast strangers may knock: whoever sends what cannot be taken is
//! heard more and more slowly; whoever sends well is not touched by it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::ids::SiteCode;
use tokio::time::Instant;

/// After the first run that was not taken a site's lines are not heard for so long, then twice, up to the most.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A site that is not heard for so long need not call.
const TURNED_AWAY: Duration = Duration::from_secs(1);
/// A site that behaved for so long begins anew.
const FORGIVEN: Duration = Duration::from_secs(60);
/// Handshakes a second that one address may begin, and how many at once.
const KNOCKS_PER_S: f64 = 25.0;
const KNOCKS_AT_ONCE: f64 = 32.0;
/// The same for all addresses together: a twentieth of a core. A nation that comes back at
/// once is in within three minutes.
const ALL_KNOCKS_PER_S: f64 = 50.0;
const ALL_KNOCKS_AT_ONCE: f64 = 64.0;
/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 4096;

/// What the gateway remembers of sites that misbehaved: at most one entry a registered site.
#[derive(Debug, Default)]
pub(crate) struct Manners(Mutex<HashMap<SiteCode, Record>>);

#[derive(Debug, Clone, Copy)]
struct Record {
    bad: u32,
    until: Instant,
}

impl Manners {
    fn lock(&self) -> MutexGuard<'_, HashMap<SiteCode, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something came that cannot be taken.
    pub(crate) fn bad(&self, site: SiteCode, now: Instant) {
        let mut records = self.lock();
        let record = records.entry(site).or_insert(Record { bad: 0, until: now });
        record.bad = if now.duration_since(record.until) > FORGIVEN { 1 } else { record.bad.saturating_add(1) };
        let pause = PAUSE.saturating_mul(1 << record.bad.saturating_sub(1).min(16)).min(PAUSE_MAX);
        record.until = record.until.max(now + pause);
    }

    /// Whether a new line of the site would only wait.
    pub(super) fn turns_away(&self, site: &SiteCode, now: Instant) -> bool {
        self.heard_at(site, now).is_some_and(|until| until.duration_since(now) > TURNED_AWAY)
    }

    /// When the site is heard again; none where at once.
    pub(crate) fn heard_at(&self, site: &SiteCode, now: Instant) -> Option<Instant> {
        self.lock().get(site).map(|record| record.until).filter(|until| *until > now)
    }
}

/// Who may begin a handshake now.
#[derive(Debug)]
pub(super) struct Doorbell {
    all: Bucket,
    of: HashMap<IpAddr, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, per_s: f64, most: f64, now: Instant) {
        self.left = (self.left + now.duration_since(self.at).as_secs_f64() * per_s).min(most);
        self.at = now;
    }
}

impl Doorbell {
    pub(super) fn new(now: Instant) -> Self {
        Self { all: Bucket { left: ALL_KNOCKS_AT_ONCE, at: now }, of: HashMap::new() }
    }

    /// Whether an address may begin one more handshake.
    pub(super) fn ring(&mut self, from: IpAddr, now: Instant) -> bool {
        self.all.refill(ALL_KNOCKS_PER_S, ALL_KNOCKS_AT_ONCE, now);
        if self.of.len() >= ADDRESSES_MAX && !self.of.contains_key(&from) {
            // Full again means never seen: it may be forgotten.
            self.of.retain(|_, bucket| {
                bucket.refill(KNOCKS_PER_S, KNOCKS_AT_ONCE, now);
                bucket.left < KNOCKS_AT_ONCE
            });
            if self.of.len() >= ADDRESSES_MAX {
                self.of.clear();
            }
        }
        let own = self.of.entry(from).or_insert(Bucket { left: KNOCKS_AT_ONCE, at: now });
        own.refill(KNOCKS_PER_S, KNOCKS_AT_ONCE, now);
        let may = own.left >= 1.0 && self.all.left >= 1.0;
        if may {
            own.left -= 1.0;
            self.all.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_heard_more_and_more_slowly_and_forgiven() {
        let (manners, site, start) = (Manners::default(), "5931102274".parse().unwrap(), Instant::now());
        assert_eq!(manners.heard_at(&site, start), None);
        let mut now = start;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            manners.bad(site, now);
            let until = manners.heard_at(&site, now).unwrap();
            pauses.push(until.duration_since(now));
            now = until;
        }
        assert_eq!((pauses[0], pauses[1], pauses[11]), (PAUSE, PAUSE * 2, PAUSE_MAX));
        assert_eq!(manners.heard_at(&"3501200000".parse().unwrap(), start), None, "nobody else");
        now += FORGIVEN * 2;
        manners.bad(site, now);
        assert_eq!(manners.heard_at(&site, now).unwrap().duration_since(now), PAUSE);
    }

    #[test]
    fn one_address_does_not_use_up_the_door_of_the_others() {
        let start = Instant::now();
        let mut bell = Doorbell::new(start);
        let (flood, honest): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let let_in = (0..10_000).filter(|_| bell.ring(flood, start)).count();
        assert_eq!(let_in, 32);
        assert!(bell.ring(honest, start));
        let later = start + Duration::from_secs(1);
        assert_eq!((0..10_000).filter(|_| bell.ring(flood, later)).count(), 25);
        assert!(bell.ring(honest, later));
    }

    #[test]
    fn many_addresses_together_are_bounded_and_forgotten() {
        let start = Instant::now();
        let mut bell = Doorbell::new(start);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        assert_eq!((0..20_000).filter(|n| bell.ring(address(*n), start)).count(), 64);
        assert!(bell.of.len() <= ADDRESSES_MAX);
    }
}
