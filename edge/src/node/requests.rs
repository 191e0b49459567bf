//! Request keys that were answered: a lost answer is asked for again and given again, not made again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use shared::rules::identity::holds_number;
use shared::sync::edge::LogPos;

use super::BadAsk;

/// Most keys that are kept; a busy site sells 2,000 times in two days.
pub(super) const REQUESTS_MAX: usize = 20_000;
/// Longest key.
const KEY_BYTES_MAX: usize = 128;

/// The newest keys.
#[derive(Debug, Default)]
pub(super) struct Requests {
    known: HashMap<Arc<str>, LogPos>,
    order: VecDeque<Arc<str>>,
}

impl Requests {
    /// The entry that answered a key.
    pub(super) fn answered(&self, key: Option<&str>) -> Result<Option<LogPos>, BadAsk> {
        let Some(key) = key else {
            return Ok(None);
        };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(BadAsk::RequestKey { bytes_max: KEY_BYTES_MAX });
        }
        if holds_number(key) {
            return Err(BadAsk::Personal);
        }
        Ok(self.known.get(key).copied())
    }

    /// A key was answered.
    pub(super) fn insert(&mut self, key: &str, pos: LogPos) {
        let key: Arc<str> = key.into();
        if self.known.insert(Arc::clone(&key), pos).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REQUESTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_goes_first() {
        let mut requests = Requests::default();
        for n in 0..=REQUESTS_MAX {
            requests.insert(&n.to_string(), u64::try_from(n).unwrap());
        }
        assert_eq!(requests.answered(Some("0")), Ok(None));
        assert_eq!(requests.answered(Some("1")), Ok(Some(1)));
        assert_eq!(requests.answered(None), Ok(None));
        assert!(requests.answered(Some("")).is_err());
        assert!(requests.answered(Some(&"x".repeat(129))).is_err());
    }
}
