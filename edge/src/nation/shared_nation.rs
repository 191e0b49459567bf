//! One nation for all the edges of a process: a replay of 6,500 sites would else hold it 6,500 times.
//!
//! A batch is read once, whoever it comes to first; an edge sees only what lies below its own watermark.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::NaiveDate;
use shared::digest::{Layer, LayerId};
use shared::ids::ProgrammeId;
use shared::rules::identity::Person;
use shared::rules::programme::WINDOW_DAYS_MAX;
use shared::seal::{DayKey, Secret};
use shared::wire::v1::feed::Item;
use shared::wire::v1::message::FeedPart;

use super::{Event, Keys, Name, NationError, Rules, fresh};

/// So many days with sales are known of a programme, the longest window's. By number and not by date: one
/// edge whose clock is years ahead must not make the others forget.
const DAYS_MAX: usize = 400;
const _: () = assert!(DAYS_MAX > WINDOW_DAYS_MAX as usize, "every day that a window reaches is known");
/// No event before this one.
const NONE: u32 = u32::MAX;

/// The nation of a process; clones share.
#[derive(Clone, Default)]
pub struct SharedNation {
    index: Arc<RwLock<Index>>,
}

#[derive(Default)]
struct Index {
    upto: u64,
    /// Batches by the position behind them: the same position must always bring the same bytes.
    batches: BTreeMap<u64, Arc<[u8]>>,
    days: BTreeMap<ProgrammeId, BTreeMap<NaiveDate, Day>>,
    rules: HashMap<[u8; 32], Rules>,
    layers: HashMap<LayerId, Arc<Layer>>,
    /// Below `upto`, what nobody has taken.
    holes: Vec<(u64, u64)>,
}

struct Day {
    key: DayKey,
    /// The newest event of each fingerprint.
    newest: HashMap<u64, u32>,
    events: Vec<Link>,
}

struct Link {
    event: Event,
    /// The event before this one of the same fingerprint.
    before: u32,
}

impl std::fmt::Debug for SharedNation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "SharedNation(up to {})", index.upto)
    }
}

impl SharedNation {
    /// A nation of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what is new of consecutive parts.
    pub(super) fn take(&self, parts: &[(u64, &FeedPart)]) -> Result<(), NationError> {
        for (after, part) in parts {
            if !self.has(*after, part)? {
                self.index.write().unwrap_or_else(PoisonError::into_inner).take(*after, part)?;
            }
        }
        Ok(())
    }

    fn has(&self, after: u64, part: &FeedPart) -> Result<bool, NationError> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        match index.batches.get(&part.upto) {
            Some(body) if !Arc::ptr_eq(body, &part.body) && *body != part.body => {
                Err(NationError::Changed { upto: part.upto })
            }
            Some(_) => Ok(true),
            None => Ok(index.lacking(after, part.upto).is_empty()),
        }
    }

    /// What the feed said of somebody from a day on, as seen from a watermark; also on days of which it said nothing.
    pub(super) fn events(
        &self,
        seen: u64,
        programme: &ProgrammeId,
        who: &Person,
        from: NaiveDate,
    ) -> Vec<(NaiveDate, u64, Vec<Event>)> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let days = index.days.get(programme).into_iter().flat_map(|days| days.range(from..));
        let found = |(day, people): (&NaiveDate, &Day)| {
            let print = people.key.fingerprint(who);
            (*day, print, people.find(seen, print))
        };
        days.map(found).collect()
    }

    /// Whether this is the key of a day; none where none is known.
    pub(super) fn is_key(&self, (programme, day): &Name, key: &Secret) -> Option<bool> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        Some(*index.days.get(programme)?.get(day)?.key.secret() == *key)
    }

    /// Days that are known by their digests.
    pub(super) fn learn(&self, keys: Keys) {
        if keys.is_empty() {
            return;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for ((programme, day), key) in keys {
            index.day(programme, day, || key);
        }
    }

    /// A layer that an edge of this process has fetched.
    pub(super) fn layer(&self, id: &LayerId) -> Option<Arc<Layer>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).layers.get(id).cloned()
    }

    /// Keeps a layer for all edges of this process.
    pub(super) fn put_layer(&self, layer: &Arc<Layer>) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.layers.insert(layer.id(), Arc::clone(layer));
    }

    /// A person's fingerprint of a day, where the day's key is known.
    pub(super) fn fingerprint(&self, programme: &ProgrammeId, day: NaiveDate, who: &Person) -> Option<u64> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        Some(index.days.get(programme)?.get(&day)?.key.fingerprint(who))
    }

    /// The versions behind one more text, read once for all edges.
    pub(super) fn publish(&self, rules: &Rules, text: &str) -> Rules {
        let print = rules.print_with(text);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.rules.entry(print).or_insert_with(|| rules.with(text)).clone()
    }
}

impl Index {
    fn take(&mut self, after: u64, part: &FeedPart) -> Result<(), NationError> {
        let lacking = self.lacking(after, part.upto);
        for (first, group) in fresh(after, after, part)? {
            let day = self.day(group.programme, group.day, || DayKey::new(group.key));
            for (position, item) in (first..).zip(&group.items) {
                if lacking.iter().any(|(after, upto)| position > *after && position <= *upto) {
                    day.push(item, position);
                }
            }
        }
        self.fill(after, part.upto);
        self.batches.insert(part.upto, Arc::clone(&part.body));
        Ok(())
    }

    /// The positions of a part that nobody in this process has taken: an edge that jumps leaves a hole.
    fn lacking(&self, after: u64, upto: u64) -> Vec<(u64, u64)> {
        let open = self.holes.iter().copied().chain([(self.upto, u64::MAX)]);
        open.map(|(from, to)| (from.max(after), to.min(upto))).filter(|(from, to)| from < to).collect()
    }

    fn fill(&mut self, after: u64, upto: u64) {
        if after > self.upto {
            self.holes.push((self.upto, after));
        }
        let rest = |(from, to): (u64, u64)| [(from, to.min(after)), (from.max(upto), to)];
        let holes = std::mem::take(&mut self.holes);
        self.holes = holes.into_iter().flat_map(rest).filter(|(from, to)| from < to).collect();
        self.upto = self.upto.max(upto);
    }

    fn day(&mut self, programme: ProgrammeId, day: NaiveDate, key: impl FnOnce() -> DayKey) -> &mut Day {
        let days = self.days.entry(programme).or_default();
        if days.len() > DAYS_MAX {
            days.pop_first();
        }
        days.entry(day).or_insert_with(|| Day { key: key(), newest: HashMap::new(), events: Vec::new() })
    }
}

impl Day {
    fn push(&mut self, item: &Item, position: u64) {
        // Four thousand million people a day are beyond any nation.
        let here = u32::try_from(self.events.len()).unwrap_or(NONE);
        let before = self.newest.insert(item.fingerprint, here).unwrap_or(NONE);
        let Item { fingerprint: _, mark, pieces, gone } = *item;
        self.events.push(Link { event: Event { pos: position, mark, pieces, gone }, before });
    }

    /// What was said of a person below the watermark.
    fn find(&self, seen: u64, print: u64) -> Vec<Event> {
        let mut at = self.newest.get(&print).copied();
        let mut found = Vec::new();
        while let Some(link) = at.and_then(|at| self.events.get(usize::try_from(at).ok()?)) {
            found.extend(Some(link.event).filter(|event| event.pos <= seen));
            at = Some(link.before);
        }
        found
    }
}
