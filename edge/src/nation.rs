//! What this edge knows of the rest of the nation: who was served on which day, as keyed
//! fingerprints (docs/architecture.md; M9).
//!
//! In production it lies in the edge's own store. In a replay thousands of edges live in one
//! process and share one [`SharedNation`]; each keeps only how far it has come.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared::entry::Pieces;
use shared::ids::ProgrammeId;
use shared::rules::identity::Person;
use shared::seal::{DayKey, SealError};
use shared::wire::v1::WireError;
use shared::wire::v1::feed::{self, Group};
use shared::wire::v1::message::FeedPart;

use crate::keys::Vault;
use crate::store::{KeptGroup, Programmes, Progress, Store, StoreError};

mod rules;
mod shared_nation;

pub(crate) use rules::Rules;
pub use shared_nation::SharedNation;

/// Most people that are forgotten at once, so that a sale never waits long.
const FORGET_ITEMS: u32 = 4_096;

/// A purchase somewhere in the nation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its business day.
    pub day: NaiveDate,
    /// What was bought.
    pub pieces: Pieces,
    /// By which the site that sold it knows it again.
    pub mark: u32,
}

/// The feed cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum NationError {
    /// Something between is missing.
    #[error("the nation is known up to {known}, and the feed goes on behind {after}")]
    Gap {
        /// Our watermark.
        known: u64,
        /// Where the part begins.
        after: u64,
    },
    /// A batch says another number of items than its positions.
    #[error("a batch of {items} items for the positions behind {after} up to {upto}")]
    Count {
        /// Where it begins.
        after: u64,
        /// Where it ends.
        upto: u64,
        /// What it holds.
        items: usize,
    },
    /// Another batch at a position that is known.
    #[error("another batch came for the feed up to {upto} than before")]
    Changed {
        /// Its position.
        upto: u64,
    },
    /// Not a batch.
    #[error("read a batch of the feed")]
    Batch(#[from] WireError),
    /// A day's key cannot be sealed or opened.
    #[error("seal or open the key of a day")]
    Seal(#[from] SealError),
    /// The disk.
    #[error("keep the nation's feed")]
    Store(#[from] StoreError),
}

/// Where the knowledge lies.
#[derive(Debug)]
pub struct Nation(Place);

#[derive(Debug)]
enum Place {
    Stored(BTreeMap<(ProgrammeId, NaiveDate), DayKey>),
    Shared(SharedNation),
}

impl Nation {
    /// In the edge's own store.
    #[must_use]
    pub fn stored() -> Self {
        Self(Place::Stored(BTreeMap::new()))
    }

    /// In memory, shared with the other edges of this process.
    #[must_use]
    pub fn shared(nation: &SharedNation) -> Self {
        Self(Place::Shared(nation.clone()))
    }

    /// Reads the day keys.
    pub(crate) fn load(&mut self, store: &Store, vault: &Vault, programmes: &Programmes) -> Result<(), NationError> {
        let Place::Stored(keys) = &mut self.0 else {
            return Ok(());
        };
        keys.clear();
        for (number, day, sealed) in store.day_keys()? {
            if let Some(programme) = programmes.named(number) {
                keys.insert((programme.clone(), day), vault.open(programme, day, &sealed)?);
            }
        }
        Ok(())
    }

    /// Takes parts of the feed, none of them known; `progress` is what is true when they are on the disk.
    pub(crate) fn take(
        &mut self,
        own: Own<'_>,
        known: u64,
        parts: &[Part<'_>],
        progress: &Progress,
    ) -> Result<(), NationError> {
        match &mut self.0 {
            Place::Stored(keys) => take_stored(keys, own, known, parts, progress),
            Place::Shared(nation) => {
                nation.take(parts)?;
                Ok(own.store.put_feed(progress, &[])?)
            }
        }
    }

    /// Somebody's purchases anywhere from a day on, as far as the watermark reaches.
    pub(crate) fn find(&self, ask: &Ask<'_>) -> Result<Vec<Hit>, StoreError> {
        let keys = match &self.0 {
            Place::Stored(keys) => keys,
            Place::Shared(nation) => {
                return Ok(nation.find(ask.watermark, ask.programme, ask.person, ask.from));
            }
        };
        let span = (ask.programme.clone(), ask.from)..=(ask.programme.clone(), NaiveDate::MAX);
        let mut hits = Vec::new();
        for ((_, day), key) in keys.range(span) {
            hits.extend(ask.store.nation_hits(ask.number, *day, key.fingerprint(ask.person))?);
        }
        Ok(hits)
    }

    /// A person's fingerprint of a day, where the day's key is known.
    pub(crate) fn fingerprint(&self, programme: &ProgrammeId, day: NaiveDate, person: &Person) -> Option<u64> {
        match &self.0 {
            Place::Stored(keys) => Some(keys.get(&(programme.clone(), day))?.fingerprint(person)),
            Place::Shared(nation) => nation.fingerprint(programme, day, person),
        }
    }

    /// Forgets some of what lies before a day.
    pub(crate) fn forget(&mut self, own: Own<'_>, before: NaiveDate) -> Result<(), StoreError> {
        let Place::Stored(keys) = &mut self.0 else {
            return Ok(());
        };
        let Some(old) = keys.keys().find(|(_, day)| *day < before).cloned() else {
            return Ok(());
        };
        let number = own.programmes.number(own.store, &old.0)?;
        if own.store.forget_day(number, old.1, FORGET_ITEMS)? {
            keys.remove(&old);
        }
        Ok(())
    }

    /// Another life of the hub: nothing is known. The store has forgotten it already.
    pub(crate) fn clear(&mut self) {
        if let Place::Stored(keys) = &mut self.0 {
            keys.clear();
        }
    }

    /// The versions behind one more published text; shared where the edges share.
    pub(crate) fn publish(&self, rules: &Rules, text: &str) -> Rules {
        match &self.0 {
            Place::Stored(_) => rules.with(text),
            Place::Shared(nation) => nation.publish(rules, text),
        }
    }
}

/// A part of the feed and the position before it.
pub(crate) type Part<'a> = (u64, &'a FeedPart);

/// Of consecutive parts behind `after` those that reach beyond what is known.
pub(crate) fn unknown<'a>(known: u64, after: u64, parts: &'a [FeedPart]) -> Result<Vec<Part<'a>>, NationError> {
    let (mut upto, mut after) = (known, after);
    let mut new = Vec::new();
    for part in parts {
        if part.upto > upto {
            if after > upto {
                return Err(NationError::Gap { known: upto, after });
            }
            new.push((after, part));
            upto = part.upto;
        }
        after = part.upto;
    }
    Ok(new)
}

/// What a stored nation needs of its edge.
#[derive(Debug)]
pub(crate) struct Own<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) vault: &'a Vault,
    pub(crate) programmes: &'a mut Programmes,
}

/// Who is looked up, and where.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) store: &'a Store,
    pub(crate) watermark: u64,
    pub(crate) programme: &'a ProgrammeId,
    pub(crate) number: i64,
    pub(crate) person: &'a Person,
    pub(crate) from: NaiveDate,
}

fn take_stored(
    keys: &mut BTreeMap<(ProgrammeId, NaiveDate), DayKey>,
    own: Own<'_>,
    known: u64,
    parts: &[Part<'_>],
    progress: &Progress,
) -> Result<(), NationError> {
    let mut groups = Vec::new();
    let mut upto = known;
    for (after, part) in parts {
        groups.append(&mut fresh(upto, *after, part)?);
        upto = part.upto;
    }
    let mut kept = Vec::with_capacity(groups.len());
    let mut new_keys = BTreeMap::new();
    for group in &groups {
        let place = (group.programme.clone(), group.day);
        let held = new_keys.get(&place).or_else(|| keys.get(&place));
        let sealed = if held.is_some_and(|key: &DayKey| *key.secret() == group.key) {
            None
        } else {
            new_keys.insert(place, DayKey::new(group.key.clone()));
            Some(own.vault.seal(&group.programme, group.day, &group.key)?)
        };
        let programme = own.programmes.number(own.store, &group.programme)?;
        kept.push(KeptGroup { programme, day: group.day, sealed, items: &group.items });
    }
    if shared::planted!(FeedForgotten) {
        kept.clear();
    }
    own.store.put_feed(progress, &kept)?;
    keys.append(&mut new_keys);
    Ok(())
}

/// The groups of a part without the items up to `known`.
fn fresh(known: u64, after: u64, part: &FeedPart) -> Result<Vec<Group>, NationError> {
    let mut groups = feed::decode(&part.body)?.groups;
    let items = groups.iter().map(|group| group.items.len()).sum::<usize>();
    if part.upto.checked_sub(after) != u64::try_from(items).ok() {
        return Err(NationError::Count { after, upto: part.upto, items });
    }
    let mut skip = usize::try_from(known.saturating_sub(after)).unwrap_or(usize::MAX);
    for group in &mut groups {
        let cut = skip.min(group.items.len());
        group.items.drain(..cut);
        skip -= cut;
    }
    Ok(groups)
}

#[cfg(test)]
mod tests;
