//! Tells which readers there are and which cards come and go, for as long as the program runs.
//!
//! The card service may end and come back: then everything begins again with a new context.

use std::ffi::CString;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use edge::cards::lines::{CardState, Said};
use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};

use crate::slots::Slots;
use crate::{first_insertion, tell};

/// The service is tried again so often.
const AGAIN: Duration = Duration::from_millis(500);
/// Without news the readers are counted again so often.
const TICK: Duration = Duration::from_secs(1);

/// Watches for ever.
pub(crate) fn watch(slots: &Slots, said: &Sender<Said>) {
    let (mut insertions, mut was_up) = (first_insertion(), None);
    loop {
        if let Ok(context) = Context::establish(Scope::User) {
            if was_up.replace(true) != Some(true) {
                tell(said, Said::Service { up: true });
            }
            let mut service = Service { insertions, readers: Vec::new(), states: Vec::new() };
            let ended = service.watch(&context, slots, said);
            insertions = service.insertions;
            tracing::warn!(cause = %ended, "the card service went away");
        }
        slots.clear();
        if was_up.replace(false) != Some(false) {
            tell(said, Said::Service { up: false });
        }
        tell(said, Said::Alive);
        thread::sleep(AGAIN);
    }
}

/// The readers as one context knows them.
struct Service {
    insertions: u64,
    readers: Vec<Reader>,
    /// Of the same readers, behind that of new readers.
    states: Vec<ReaderState>,
}

/// What was said of a reader.
struct Reader {
    name: CString,
    events: u32,
    insertion: Option<u64>,
}

impl Service {
    /// Until the service goes; why it went.
    fn watch(&mut self, context: &Context, slots: &Slots, said: &Sender<Said>) -> Error {
        let mut is_told = false;
        loop {
            let there = match context.list_readers_owned() {
                Ok(there) => there,
                Err(Error::NoReadersAvailable) => Vec::new(),
                Err(cause) => return cause,
            };
            if !is_told || !self.are(&there) {
                is_told = true;
                self.begin(there, slots);
                let readers = self.readers.iter().map(Reader::text).collect();
                tell(said, Said::Readers { readers });
            }
            match context.get_status_change(TICK, &mut self.states) {
                Ok(()) | Err(Error::Timeout) => tell(said, Said::Alive),
                Err(cause) => return cause,
            }
            self.states.iter_mut().for_each(ReaderState::sync_current_state);
            for (state, reader) in self.states.iter().skip(1).zip(&mut self.readers) {
                let news = reader.look(state.event_state(), state.event_count(), &mut self.insertions);
                for (insertion, state) in news {
                    let here = (state != CardState::Removed).then_some(insertion);
                    slots.put(&reader.text(), here);
                    tell(said, Said::Card { reader: reader.text(), insertion, state });
                }
            }
        }
    }

    fn are(&self, there: &[CString]) -> bool {
        self.readers.iter().map(|reader| &reader.name).eq(there)
    }

    /// With these readers; of those that stay nothing is forgotten.
    fn begin(&mut self, there: Vec<CString>, slots: &Slots) {
        for gone in self.readers.iter().filter(|reader| !there.contains(&reader.name)) {
            slots.put(&gone.text(), None);
        }
        let mut before = std::mem::take(&mut self.readers);
        self.states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
        for name in there {
            self.states.push(ReaderState::new(name.clone(), State::UNAWARE));
            let known = before.iter().position(|reader| reader.name == name).map(|at| before.swap_remove(at));
            self.readers.push(known.unwrap_or(Reader { name, events: 0, insertion: None }));
        }
    }
}

impl Reader {
    fn text(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// What the service says of it now, and what is news of that: removals before insertions.
    fn look(&mut self, state: State, events: u32, insertions: &mut u64) -> Vec<(u64, CardState)> {
        let is_there = state.contains(State::PRESENT);
        let was_swapped = self.events != events;
        self.events = events;
        let mut news = Vec::new();
        if let Some(gone) = self.insertion.take_if(|_| !is_there || was_swapped) {
            news.push((gone, CardState::Removed));
        }
        if is_there && self.insertion.is_none() {
            *insertions += 1;
            self.insertion = Some(*insertions);
            let mute = state.intersects(State::MUTE | State::UNPOWERED);
            news.push((*insertions, if mute { CardState::Mute } else { CardState::Inserted }));
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CardState::{Inserted, Mute, Removed};

    #[test]
    fn cards_come_and_go_and_one_that_is_swapped_at_once_is_another() {
        let mut reader = Reader { name: CString::default(), events: 0, insertion: None };
        let mut insertions = 0;
        let mut look = |state, events| reader.look(state, events, &mut insertions);
        assert_eq!(look(State::EMPTY, 0), []);
        assert_eq!(look(State::PRESENT, 1), [(1, Inserted)]);
        assert_eq!(look(State::PRESENT | State::INUSE, 1), [], "somebody reads it");
        assert_eq!(look(State::EMPTY, 2), [(1, Removed)]);
        assert_eq!(look(State::PRESENT | State::MUTE, 3), [(2, Mute)]);
        assert_eq!(look(State::PRESENT, 5), [(2, Removed), (3, Inserted)], "between two looks");
        assert_eq!(look(State::UNAVAILABLE, 5), [(3, Removed)]);
    }
}
