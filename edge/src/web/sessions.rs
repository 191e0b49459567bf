//! Who has signed in at which counter (S11-S14), in memory: bounded, locked when idle, gone with the program.
//!
//! A session is not the screen: whoever takes over signs in, and finds the page as it was left (shift change).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use shared::ids::StaffId;
use shared::rules::access::card::CardKind;

use super::session::{cookie, random_key};

/// Without a touch for so long a counter locks.
pub(super) const IDLE: Duration = Duration::from_secs(15 * 60);
/// A page that nobody touches looks again after so many seconds, finds its counter locked, and shows nothing more.
pub(super) const LOCKED_BY_S: u64 = 15 * 60 + 5;
/// Longest time for which somebody is signed in without signing in again.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// Most people signed in at once; the one idle for longest gives way.
const SESSIONS_MAX: usize = 64;
/// So many tries may fail within [`TRIES_WITHIN`], over all counters: a card locks after three anyway.
const TRIES_MAX: usize = 10;
const TRIES_WITHIN: Duration = Duration::from_secs(5 * 60);
const COOKIE: &str = "session";

/// Somebody who has proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedIn {
    /// Who.
    pub(super) id: StaffId,
    /// Their name on the screen.
    pub(super) name: String,
    /// By which card.
    pub(super) card: CardKind,
    /// So many days old was the list of revoked cards, where that is worth a note.
    pub(super) list_days_old: Option<u32>,
}

/// Who stands before a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    /// Nobody has signed in.
    Nobody,
    /// Somebody had, and left the counter alone for too long.
    Locked(SignedIn),
    /// Somebody has.
    Somebody(SignedIn),
}

#[derive(Debug)]
struct Session {
    who: SignedIn,
    began: Instant,
    seen: Instant,
    is_locked: bool,
    /// They have proved it once more for the booking service (S24).
    is_handed_over: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Sessions {
    of: Mutex<HashMap<String, Session>>,
    failed: Mutex<VecDeque<Instant>>,
}

impl Sessions {
    /// Who is before this counter; being asked is a touch.
    pub(super) fn before(&self, headers: &HeaderMap, now: Instant) -> Before {
        let Some(key) = cookie(headers, COOKIE) else { return Before::Nobody };
        let mut sessions = self.lock();
        sessions.retain(|_, session| now.duration_since(session.began) < LONGEST);
        let Some(session) = sessions.get_mut(key) else { return Before::Nobody };
        session.is_locked |= now.duration_since(session.seen) >= IDLE;
        if session.is_locked {
            return Before::Locked(session.who.clone());
        }
        if !is_automatic(headers) {
            session.seen = now;
        }
        Before::Somebody(session.who.clone())
    }

    /// Somebody has proved who they are: the cookie. The session before ends, its key is never used again.
    pub(super) fn begin(&self, headers: &HeaderMap, who: SignedIn, now: Instant) -> String {
        self.end(headers);
        let key = random_key();
        let mut sessions = self.lock();
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.seen).map(|(key, _)| key.clone());
            oldest.map(|key| sessions.remove(&key));
        }
        sessions.insert(key.clone(), Session { who, began: now, seen: now, is_locked: false, is_handed_over: false });
        format!("{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict")
    }

    /// 登出.
    pub(super) fn end(&self, headers: &HeaderMap) {
        if let Some(key) = cookie(headers, COOKIE) {
            self.lock().remove(key);
        }
    }

    /// The counter is left: whoever comes back signs in again.
    pub(super) fn lock_now(&self, headers: &HeaderMap) {
        if let Some(key) = cookie(headers, COOKIE)
            && let Some(session) = self.lock().get_mut(key)
        {
            session.is_locked = true;
        }
    }

    /// Whoever has signed in here has proved it once more.
    pub(super) fn hand_over(&self, headers: &HeaderMap) {
        if let Some(key) = cookie(headers, COOKIE)
            && let Some(session) = self.lock().get_mut(key)
        {
            session.is_handed_over = true;
        }
    }

    /// Whether they have. A counter that was locked has to prove everything again.
    pub(super) fn is_handed_over(&self, headers: &HeaderMap) -> bool {
        let key = cookie(headers, COOKIE);
        key.is_some_and(|key| self.lock().get(key).is_some_and(|session| session.is_handed_over && !session.is_locked))
    }

    /// A try begins, and counts as failed until it is [`Self::done`]; how long to wait where there were too many.
    pub(super) fn begin_try(&self, now: Instant) -> Result<(), Duration> {
        let mut failed = self.failed();
        while failed.front().is_some_and(|first| now.duration_since(*first) >= TRIES_WITHIN) {
            failed.pop_front();
        }
        match failed.front() {
            Some(first) if failed.len() >= TRIES_MAX => Err(TRIES_WITHIN.saturating_sub(now.duration_since(*first))),
            Some(_) | None => {
                failed.push_back(now);
                Ok(())
            }
        }
    }

    /// The try that began then was none that failed.
    pub(super) fn done(&self, began: Instant) {
        let mut failed = self.failed();
        if let Some(at) = failed.iter().position(|at| *at == began) {
            failed.remove(at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        // Plain values: after a panic elsewhere they are still whole.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a page asked by itself: browsers say whether somebody pressed something (Fetch Metadata, `Sec-Fetch-User`). A
/// page that reloads itself, or hears of cards, does not keep an empty counter open.
fn is_automatic(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-dest") && !headers.contains_key("sec-fetch-user")
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn lin() -> SignedIn {
        SignedIn {
            id: StaffId([1; 16]), name: "林藥師".to_owned(), card: CardKind::Professional, list_days_old: None
        }
    }

    fn with(cookie: &str) -> HeaderMap {
        [(header::COOKIE, cookie.split(';').next().unwrap().parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn an_idle_counter_locks_and_says_for_whom_and_a_touch_keeps_it_open() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let cookie = sessions.begin(&HeaderMap::new(), lin(), start);
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        let here = with(&cookie);
        assert_eq!(sessions.before(&here, after(14)), Before::Somebody(lin()));
        assert_eq!(sessions.before(&here, after(28)), Before::Somebody(lin()));
        assert_eq!(sessions.before(&here, after(43)), Before::Locked(lin()));
        assert_eq!(sessions.before(&here, after(43)), Before::Locked(lin()), "looking does not open it");
        assert!(Duration::from_secs(LOCKED_BY_S) > IDLE, "a page that reloads too early would keep itself open");
        assert_eq!(sessions.before(&HeaderMap::new(), start), Before::Nobody);
        assert_eq!(sessions.before(&with("session=../../x"), start), Before::Nobody);
    }

    #[test]
    fn a_page_that_reloads_itself_does_not_keep_an_empty_counter_open() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let here = with(&sessions.begin(&HeaderMap::new(), lin(), start));
        let mut reload = here.clone();
        reload.insert("sec-fetch-dest", "document".parse().unwrap());
        let mut press = reload.clone();
        press.insert("sec-fetch-user", "?1".parse().unwrap());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert_eq!(sessions.before(&press, after(10)), Before::Somebody(lin()));
        assert_eq!(sessions.before(&reload, after(20)), Before::Somebody(lin()));
        assert_eq!(sessions.before(&reload, after(26)), Before::Locked(lin()));
    }

    #[test]
    fn nobody_is_signed_in_for_longer_than_a_shift() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let here = with(&sessions.begin(&HeaderMap::new(), lin(), start));
        for minutes in (0..12 * 60).step_by(10) {
            let now = start + Duration::from_secs(60 * minutes);
            assert_eq!(sessions.before(&here, now), Before::Somebody(lin()), "{minutes} minutes");
        }
        assert_eq!(sessions.before(&here, start + LONGEST), Before::Nobody);
    }

    #[test]
    fn signing_in_takes_a_new_key_and_signing_out_ends_it() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = with(&sessions.begin(&HeaderMap::new(), lin(), now));
        let second = with(&sessions.begin(&first, lin(), now));
        assert_ne!(first, second);
        assert_eq!(sessions.before(&first, now), Before::Nobody, "a key that was known before is none");
        sessions.lock_now(&second);
        assert_eq!(sessions.before(&second, now), Before::Locked(lin()));
        sessions.end(&second);
        assert_eq!(sessions.before(&second, now), Before::Nobody);
        for _ in 0..SESSIONS_MAX * 2 {
            sessions.begin(&HeaderMap::new(), lin(), now);
        }
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
    }

    #[test]
    fn too_many_failed_tries_wait() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        for _ in 0..TRIES_MAX {
            assert_eq!(sessions.begin_try(start), Ok(()));
        }
        let later = start + Duration::from_secs(60);
        assert_eq!(sessions.begin_try(later), Err(TRIES_WITHIN - Duration::from_secs(60)));
        sessions.done(start);
        assert_eq!(sessions.begin_try(later), Ok(()), "one of them was right");
        sessions.begin(&HeaderMap::new(), lin(), later);
        assert!(sessions.begin_try(later).is_err(), "one's own sign-in gives no more guesses at another's password");
        assert_eq!(sessions.begin_try(start + TRIES_WITHIN), Ok(()));
    }
}
