//! The counters' screens, one a browser, in memory: bounded, forgotten when idle, never on disk.
//!
//! A cookie tells them apart. It proves nothing about who stands there (that is `sessions`); it only keeps two counters of one pharmacy from typing into each other's screen.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use chrono::NaiveDate;
use data_encoding::HEXLOWER;
use rand::Rng;
use shared::rules::programme::Text;
use zeroize::Zeroizing;

use super::pages::booking::BookingScreen;
use crate::counter::{Counter, Typed};
use crate::node::ask::{Examined, NewHolder, Sold};

/// Most counters at once; the one idle for longest gives way.
const COUNTERS_MAX: usize = 64;
/// A customer's number is not kept on an abandoned screen.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
const COOKIE: &str = "counter";

/// What one counter's screen shows.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// Where the customer is (M16).
    pub counter: Counter<Examined, Sold>,
    /// What was typed for a 資格審核 that was refused.
    pub typed: Typed,
    /// Who was refused because of what was bought: 說明單 and 異議 are about them.
    pub refused: Option<RefusedScreen>,
    /// The last answer, until the next deed.
    pub message: Option<Message>,
    /// The business day on which M17's question was answered last.
    pub stock_asked: Option<NaiveDate>,
    /// Who stands at the counter, as they said; unverified.
    pub by: String,
    /// The programme chosen, where several are in force.
    pub programme: String,
    /// Whose card was read to be given a right.
    pub new_holder: Option<NewHolder>,
    /// The code of an envelope that is being made.
    pub envelope: Option<Zeroizing<String>>,
    /// The code of one that was made, until it was shown.
    pub envelope_made: Option<Zeroizing<String>>,
    /// The pages of the bookings.
    pub booking: BookingScreen,
}

/// Somebody who was refused because of what was bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedScreen {
    /// What was typed.
    pub typed: Typed,
    /// The programme, where several are in force.
    pub programme: String,
    /// The key that makes it one dispute.
    pub request: String,
    /// Whether it is filed.
    pub filed: bool,
}

/// The last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The page on which it is shown.
    pub page: &'static str,
    /// What kind.
    pub tone: Tone,
    /// The words.
    pub text: Text,
    /// What they rest on, a line each.
    pub evidence: Vec<Text>,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done.
    Done,
    /// Refused, or something is wrong.
    Refused,
}

/// All counters.
#[derive(Debug, Default)]
pub struct Screens {
    of: Mutex<HashMap<String, (Instant, Screen)>>,
}

/// The name of one counter; a fresh one still has to be told to its browser.
#[derive(Debug, Clone)]
pub struct Seat {
    key: String,
    fresh: bool,
}

impl Seat {
    /// The header for a browser that does not know its name yet.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.fresh.then(|| format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", self.key))
    }
}

impl Screens {
    /// Whose request this is.
    #[must_use]
    pub fn seat(&self, headers: &HeaderMap) -> Seat {
        let known = cookie(headers, COOKIE).filter(|key| self.lock().contains_key(*key));
        match known {
            Some(key) => Seat { key: key.to_owned(), fresh: false },
            None => Seat { key: random_key(), fresh: true },
        }
    }

    /// Looks at, or changes, one screen. Quick: the lock is held meanwhile.
    pub fn with<T>(&self, seat: &Seat, what: impl FnOnce(&mut Screen) -> T) -> T {
        let now = Instant::now();
        let mut screens = self.lock();
        screens.retain(|_, (seen, _)| now.duration_since(*seen) < IDLE_MAX);
        if screens.len() >= COUNTERS_MAX && !screens.contains_key(&seat.key) {
            let oldest = screens.iter().min_by_key(|(_, (seen, _))| *seen).map(|(key, _)| key.clone());
            oldest.map(|key| screens.remove(&key));
        }
        let (seen, screen) = screens.entry(seat.key.clone()).or_insert_with(|| (now, Screen::default()));
        *seen = now;
        what(screen)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Screen)>> {
        // Screens are plain values: after a panic elsewhere they are still whole.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a browser says under a name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// 128 random bits: a cookie, or the key of a request.
#[must_use]
pub(super) fn random_key() -> String {
    let mut bytes = [0u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    HEXLOWER.encode(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        [(header::COOKIE, cookie.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn counters_do_not_share_a_screen() {
        let screens = Screens::default();
        let one = screens.seat(&HeaderMap::new());
        screens.with(&one, |screen| screen.by = "one".to_owned());
        let two = screens.seat(&HeaderMap::new());
        assert_eq!(screens.with(&two, |screen| screen.by.clone()), "");
        let again = screens.seat(&headers(&format!("x=y; counter={}", one.key)));
        assert_eq!((screens.with(&again, |screen| screen.by.clone()).as_str(), again.cookie()), ("one", None));
        let text = one.cookie().unwrap();
        assert!(text.contains("HttpOnly") && text.contains("SameSite=Strict"));
    }

    #[test]
    fn a_made_up_cookie_opens_no_screen_and_memory_is_bounded() {
        let screens = Screens::default();
        assert!(screens.seat(&headers("counter=../../etc")).cookie().is_some());
        for _ in 0..COUNTERS_MAX * 3 {
            let seat = screens.seat(&HeaderMap::new());
            screens.with(&seat, |_| ());
        }
        assert_eq!(screens.lock().len(), COUNTERS_MAX);
    }
}
