//! How many may be connected at once: bounded, and nobody keeps others out by holding connections open.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use tokio::sync::oneshot;

/// Most connections, handshakes among them.
const PLACES_MAX: usize = 128;

#[derive(Debug)]
struct Taken {
    number: u64,
    from: IpAddr,
    /// Dropped, it tells the connection that it is to end.
    _stays: oneshot::Sender<()>,
}

#[derive(Debug, Default)]
struct Room {
    taken: VecDeque<Taken>,
    next: u64,
}

/// All places.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<Mutex<Room>>);

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    places: Places,
    /// None when it was given away.
    ends: Option<oneshot::Receiver<()>>,
}

impl Places {
    /// A place for who comes from here. Where all are taken the oldest gives way, of whoever holds the most.
    pub(super) fn take(&self, from: IpAddr) -> Place {
        let mut room = self.room();
        if room.taken.len() >= PLACES_MAX
            && let Some(at) = gives_way(&room.taken)
        {
            room.taken.remove(at);
        }
        let (stays, ends) = oneshot::channel();
        let number = room.next;
        room.next += 1;
        room.taken.push_back(Taken { number, from, _stays: stays });
        Place { number, places: self.clone(), ends: Some(ends) }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // Plain values: after a panic elsewhere they are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gives_way(taken: &VecDeque<Taken>) -> Option<usize> {
    let mut of: HashMap<IpAddr, usize> = HashMap::new();
    for one in taken {
        *of.entry(one.from).or_default() += 1;
    }
    let most = of.values().max()?;
    taken.iter().position(|one| of.get(&one.from) == Some(most))
}

impl Place {
    /// Ready when this connection has to give way.
    pub(super) fn poll_given_away(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(ends) = &mut self.ends {
            // Nothing is ever sent: it ends when its other half is dropped.
            let _ended = ready!(ends.poll_unpin(context));
            self.ends = None;
        }
        Poll::Ready(())
    }

    /// Ends when this connection has to give way.
    pub(super) async fn given_away(&mut self) {
        std::future::poll_fn(|context| self.poll_given_away(context)).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = self.number;
        self.places.room().taken.retain(|one| one.number != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_gone(place: &mut Place) -> bool {
        place.given_away().now_or_never().is_some()
    }

    #[test]
    fn whoever_holds_the_most_gives_way_and_everybody_else_stays() {
        let (one, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let places = Places::default();
        let mut counter = places.take(one);
        let mut many: Vec<Place> = (0..PLACES_MAX * 2).map(|_| places.take(other)).collect();
        assert_eq!(places.room().taken.len(), PLACES_MAX);
        assert!(!is_gone(&mut counter), "an old connection of somebody else stays");
        let gone = many.iter_mut().filter_map(|place| is_gone(place).then_some(())).count();
        assert_eq!(gone, PLACES_MAX + 1);
        assert!(is_gone(&mut many[0]) && !is_gone(&mut many[PLACES_MAX * 2 - 1]), "the oldest");
        let mut another = places.take(one);
        assert!(!is_gone(&mut counter) && !is_gone(&mut another));
        drop((many, counter, another));
        assert!(places.room().taken.is_empty());
    }
}
