//! Who is signed in, in memory: bounded, ended when idle, and after half a day in any case. A restart signs everybody
//! out. Time and keys come in as arguments.

use std::collections::HashMap;

/// Most sessions; the one idle for longest gives way.
pub(super) const SESSIONS_MAX: usize = 1_000;
/// Most of one account.
pub(super) const OF_ACCOUNT_MAX: usize = 8;
/// A session ends when nobody has used it for so long, in seconds.
pub(super) const IDLE_S: i64 = 15 * 60;
/// And so long after it began, in seconds.
pub(super) const WHOLE_S: i64 = 12 * 60 * 60;

/// What a browser's cookie holds.
pub(super) type Key = [u8; 32];

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// Whose.
    pub(super) name: String,
    /// As of which change of the account.
    pub(super) generation: u64,
    began: i64,
    seen: i64,
}

impl Session {
    fn lives(&self, now: i64) -> bool {
        let (idle, whole) = (self.seen.saturating_add(IDLE_S), self.began.saturating_add(WHOLE_S));
        now < idle && now < whole
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<Key, Session>);

impl Sessions {
    /// A new session under a key that nobody has had.
    pub(super) fn begin(&mut self, key: Key, name: &str, generation: u64, now: i64) {
        self.0.retain(|_, session| session.lives(now));
        while self.0.values().filter(|session| session.name == name).count() >= OF_ACCOUNT_MAX {
            self.drop_idle(|session| session.name == name);
        }
        while self.0.len() >= SESSIONS_MAX {
            self.drop_idle(|_| true);
        }
        self.0.insert(key, Session { name: name.to_owned(), generation, began: now, seen: now });
    }

    /// The session that lives under a key; it has been used.
    pub(super) fn find(&mut self, key: &Key, now: i64) -> Option<Session> {
        let session = self.0.get_mut(key)?;
        if !session.lives(now) {
            self.0.remove(key);
            return None;
        }
        session.seen = session.seen.max(now);
        Some(session.clone())
    }

    /// Ends it.
    pub(super) fn end(&mut self, key: &Key) {
        self.0.remove(key);
    }

    fn drop_idle(&mut self, of: impl Fn(&Session) -> bool) {
        let idle = self.0.iter().filter(|(_, session)| of(session)).min_by_key(|(key, session)| (session.seen, **key));
        if let Some(key) = idle.map(|(key, _)| *key) {
            self.0.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Key {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    #[test]
    fn a_session_ends_when_idle_and_after_half_a_day() {
        let mut sessions = Sessions::default();
        sessions.begin(key(1), "sue", 1, 0);
        assert_eq!(sessions.find(&key(1), IDLE_S - 1).unwrap().name, "sue");
        assert!(sessions.find(&key(1), 2 * IDLE_S - 2).is_some(), "each use counts");
        assert!(sessions.find(&key(1), 4 * IDLE_S).is_none());
        assert!(sessions.find(&key(1), 4 * IDLE_S - 1).is_none(), "gone for good");

        sessions.begin(key(2), "sue", 1, 0);
        let mut now = 0;
        while now < WHOLE_S {
            assert!(sessions.find(&key(2), now).is_some(), "{now}");
            now += IDLE_S - 1;
        }
        assert!(sessions.find(&key(2), WHOLE_S).is_none());
    }

    #[test]
    fn sessions_are_bounded_and_the_idle_ones_give_way() {
        let mut sessions = Sessions::default();
        for n in 0..OF_ACCOUNT_MAX + 1 {
            sessions.begin(key(n), "sue", 1, i64::try_from(n).unwrap());
        }
        assert!(sessions.find(&key(0), 9).is_none() && sessions.find(&key(1), 9).is_some());
        for n in 100..100 + 2 * SESSIONS_MAX {
            sessions.begin(key(n), &format!("op{n}"), 1, 10);
        }
        assert_eq!(sessions.0.len(), SESSIONS_MAX);
    }

    #[test]
    fn signing_out_ends_one_session() {
        let mut sessions = Sessions::default();
        sessions.begin(key(1), "sue", 1, 0);
        sessions.begin(key(2), "sue", 1, 0);
        sessions.end(&key(1));
        assert!(sessions.find(&key(1), 1).is_none() && sessions.find(&key(2), 1).is_some());
    }
}
