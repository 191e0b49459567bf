//! Which card is in which reader now, and which reader is being read: what the threads share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All readers by their names.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    of: Mutex<HashMap<String, Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// The card that is in it.
    insertion: Option<u64>,
    /// A read that has not come back, of whatever card.
    is_read: bool,
}

/// Why no read can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The card is gone, or another one is there.
    Gone,
    /// A read of this reader has not come back.
    Hung,
}

impl Slots {
    /// The map is whole at every step, whoever panicked.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A card came, or none is there.
    pub(crate) fn put(&self, reader: &str, insertion: Option<u64>) {
        self.lock().entry(reader.to_owned()).or_default().insertion = insertion;
    }

    /// No reader is there.
    pub(crate) fn clear(&self) {
        self.lock().values_mut().for_each(|slot| slot.insertion = None);
    }

    /// Whether this card is still in the reader.
    pub(crate) fn holds(&self, reader: &str, insertion: u64) -> bool {
        self.lock().get(reader).is_some_and(|slot| slot.insertion == Some(insertion))
    }

    /// A read begins: one at a time.
    pub(crate) fn begin(&self, reader: &str, insertion: u64) -> Result<(), Refused> {
        let mut slots = self.lock();
        let slot = slots.get_mut(reader).filter(|slot| slot.insertion == Some(insertion)).ok_or(Refused::Gone)?;
        if std::mem::replace(&mut slot.is_read, true) { Err(Refused::Hung) } else { Ok(()) }
    }

    /// It has come back.
    pub(crate) fn end(&self, reader: &str) {
        if let Some(slot) = self.lock().get_mut(reader) {
            slot.is_read = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_card_is_read_once_at_a_time_and_only_while_it_is_there() {
        let slots = Slots::default();
        assert_eq!(slots.begin("a", 1), Err(Refused::Gone), "no such reader");
        slots.put("a", Some(1));
        assert_eq!((slots.begin("a", 2), slots.begin("a", 1)), (Err(Refused::Gone), Ok(())));
        assert_eq!(slots.begin("a", 1), Err(Refused::Hung));
        // Pulled and another one put in while the driver still hangs in the first.
        slots.put("a", None);
        assert!(!slots.holds("a", 1));
        slots.put("a", Some(2));
        assert_eq!((slots.holds("a", 2), slots.begin("a", 2)), (true, Err(Refused::Hung)));
        slots.end("a");
        assert_eq!(slots.begin("a", 2), Ok(()));
        slots.clear();
        assert!(!slots.holds("a", 2));
    }
}
