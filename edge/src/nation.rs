//! What this edge knows of the rest of the nation: who was served on which day, as keyed
//! fingerprints (docs/architecture.md; M9).
//!
//! In production it lies in the edge's own store. In a replay thousands of edges live in one
//! process and share one [`SharedNation`]; each keeps only how far it has come.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use shared::digest::{BadLayer, BadManifest, Manifest};
use shared::entry::Pieces;
use shared::ids::{Incarnation, ProgrammeId};
use shared::rules::identity::Person;
use shared::seal::{DayKey, SealError};
use shared::sync::edge::LogPos;
use shared::wire::v1::WireError;
use shared::wire::v1::confirm::Bought;
use shared::wire::v1::feed::{self, Group};
use shared::wire::v1::message::{FeedPart, Fetch, Piece};

use crate::keys::Vault;
use crate::store::{KeptGroup, Programmes, Progress, Store, StoreError};

mod digests;
mod fold;
mod rules;
mod shared_nation;

use digests::{Digests, Told};
pub(crate) use fold::Event;
pub(crate) use rules::Rules;
pub use shared_nation::SharedNation;

/// Most people that are forgotten at once, so that a sale never waits long.
const FORGET_ITEMS: u32 = 4_096;

/// How much of the own log a digest can hold: by what was known of the line when its manifest came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OwnAt {
    /// Entries up to here are counted in it.
    pub(crate) counted: LogPos,
    /// Those behind and up to here the hub may have taken before or later, whenever it confirms them; what stands behind
    /// had not been sent.
    pub(crate) sent: LogPos,
}

/// What a day's digest says of somebody, without what the feed has taken out of it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DigestHit {
    /// The business day.
    pub(crate) day: NaiveDate,
    /// What was bought, where the digest says so.
    pub(crate) pieces: Option<Pieces>,
    /// The position of the feed up to which it goes.
    pub(crate) upto: u64,
    /// How much of our own log it holds.
    pub(crate) own: OwnAt,
    /// Sales of which the feed has spoken since: they are not in it, or were taken out.
    pub(crate) marks: Vec<u32>,
}

/// Days of which less is known than the feed's position says: their digests have not come yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Whose sales.
    pub programme: ProgrammeId,
    /// The first business day.
    pub first: NaiveDate,
    /// The last one.
    pub last: NaiveDate,
    /// Known up to this position of the feed.
    pub known: u64,
    /// And from this one on.
    pub again: u64,
}

/// What the nation knows of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Sale by sale, from the feed.
    pub(crate) hits: Vec<Bought>,
    /// Day by day, from the digests.
    pub(crate) digests: Vec<DigestHit>,
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
    /// A manifest that does not hold.
    #[error("take the list of the nation's digests")]
    Manifest(#[from] BadManifest),
    /// A manifest of another life of the hub.
    #[error("a list of digests of another life of the hub came")]
    OtherHub,
    /// A manifest that is not newer than what is known.
    #[error("a list of digests made at {made} came, and one made at {known} is known")]
    Replayed {
        /// Of the one that is known, seconds since 1970.
        known: u64,
        /// Of the one that came.
        made: u64,
    },
    /// A manifest for another position than the hub says.
    #[error("a list of digests up to {upto} came as one up to {said}")]
    Position {
        /// What the hub says.
        said: u64,
        /// What it signed.
        upto: u64,
    },
    /// A day that is known under another key.
    #[error("the list of digests names another key for {day}")]
    OtherKey {
        /// Which.
        day: NaiveDate,
    },
    /// A layer that does not hold, or is not the one that was named.
    #[error("take a digest")]
    Layer(#[source] BadLayer),
    /// The disk.
    #[error("keep the nation's feed")]
    Store(#[from] StoreError),
}

/// Where the knowledge lies.
#[derive(Debug)]
pub struct Nation {
    place: Place,
    digests: Digests,
}

/// A programme's day.
type Name = (ProgrammeId, NaiveDate);
/// Of days on which somebody bought.
type Keys = BTreeMap<Name, DayKey>;

#[derive(Debug)]
enum Place {
    Stored(Keys),
    Shared(SharedNation),
}

impl Place {
    fn shared(&self) -> Option<&SharedNation> {
        match self {
            Self::Stored(_) => None,
            Self::Shared(nation) => Some(nation),
        }
    }

    /// Those of a manifest that are not known yet; only days with layers need one.
    fn new_keys(&self, manifest: &Manifest) -> Result<Keys, NationError> {
        let mut new = Keys::new();
        for named in manifest.days.iter().filter(|named| !named.layers.is_empty()) {
            let name = (named.programme.clone(), named.day);
            let is_known = match self {
                Self::Stored(keys) => keys.get(&name).map(|key| *key.secret() == named.key),
                Self::Shared(nation) => nation.is_key(&name, &named.key),
            };
            match is_known {
                Some(true) => {}
                Some(false) => return Err(NationError::OtherKey { day: named.day }),
                None => drop(new.insert(name, DayKey::new(named.key.clone()))),
            }
        }
        Ok(new)
    }

    fn learn(&mut self, mut new: Keys) {
        match self {
            Self::Stored(keys) => keys.append(&mut new),
            Self::Shared(nation) => nation.learn(new),
        }
    }
}

impl Nation {
    /// In the edge's own store.
    #[must_use]
    pub fn stored() -> Self {
        Self { place: Place::Stored(Keys::new()), digests: Digests::default() }
    }

    /// In memory, shared with the other edges of this process.
    #[must_use]
    pub fn shared(nation: &SharedNation) -> Self {
        Self { place: Place::Shared(nation.clone()), digests: Digests::default() }
    }

    /// Reads the day keys and the digests.
    pub(crate) fn load(&mut self, mut own: Own<'_>) -> Result<(), NationError> {
        self.digests = Digests::load(&mut own, self.place.shared())?;
        let mut keys = Keys::new();
        for (number, day, sealed) in own.store.day_keys()? {
            if let Some(programme) = own.programmes.named(number) {
                keys.insert((programme.clone(), day), own.vault.open(programme, day, &sealed)?);
            }
        }
        self.place.learn(keys);
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
        match &mut self.place {
            Place::Stored(keys) => take_stored(keys, own, known, parts, progress),
            Place::Shared(nation) => {
                nation.take(parts)?;
                Ok(own.store.put_feed(progress, &[])?)
            }
        }
    }

    /// Somebody's purchases anywhere from a day on, as far as the watermark reaches.
    pub(crate) fn find(&self, ask: &Ask<'_>) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        let behind = |day| self.digests.behind(ask.programme, day);
        match &self.place {
            Place::Stored(keys) => {
                let span = (ask.programme.clone(), ask.from)..=(ask.programme.clone(), NaiveDate::MAX);
                for ((_, day), key) in keys.range(span) {
                    let print = key.fingerprint(ask.person);
                    let events = ask.store.nation_events(ask.number, *day, print, behind(*day))?;
                    seen.add(*day, self.digests.told(ask.programme, *day, print), events);
                }
            }
            Place::Shared(nation) => {
                for (day, print, events) in nation.events(ask.watermark, ask.programme, ask.person, ask.from) {
                    let told = self.digests.told(ask.programme, day, print);
                    let hole = told.as_ref().and_then(|told: &Told| told.hole);
                    let is_hidden = |pos| hole.is_some_and(|(known, upto)| pos > known && pos <= upto);
                    let is_seen = |event: &Event| event.pos > behind(day) && !is_hidden(event.pos);
                    seen.add(day, told, events.into_iter().filter(is_seen).collect());
                }
            }
        }
        Ok(seen)
    }

    /// Takes a manifest that came over the line, of the hub whose key and life these are.
    pub(crate) fn take_manifest(
        &mut self,
        mut own: Own<'_>,
        manifest: Manifest,
        hub: Incarnation,
        at: (u64, OwnAt),
        progress: &Progress,
    ) -> Result<(), NationError> {
        if manifest.hub_life != hub {
            return Err(NationError::OtherHub);
        }
        let keys = self.place.new_keys(&manifest)?;
        self.digests.take(&mut own, self.place.shared(), (manifest, &keys), at, progress)?;
        self.place.learn(keys);
        Ok(())
    }

    /// When the newest manifest was made, 0 for none.
    pub(crate) fn manifest_made(&self) -> u64 {
        self.digests.made()
    }

    /// The bytes of a digest that are wanted next.
    pub(crate) fn wanted(&self, most: u32) -> Option<Fetch> {
        self.digests.next(most)
    }

    /// Takes a piece of a digest.
    pub(crate) fn take_piece(&mut self, mut own: Own<'_>, piece: &Piece) -> Result<(), NationError> {
        self.digests.piece(&mut own, self.place.shared(), piece)
    }

    /// How many sites the hub had not heard since the end of some day of these.
    pub(crate) fn unheard(&self, programme: &ProgrammeId, days: Range<NaiveDate>) -> u32 {
        self.digests.unheard(programme, days)
    }

    /// The days that are known less far than the feed.
    pub(crate) fn lagging(&self) -> Vec<Lag> {
        self.digests.lagging()
    }

    /// The hub has taken the own log up to an entry, by this position of the feed.
    pub(crate) fn acked(&mut self, upto: LogPos, counted: u64) {
        self.digests.acked(upto, counted);
    }

    /// Whether a day is known less far than the feed.
    pub(crate) fn lags(&self, programme: &ProgrammeId, day: NaiveDate) -> bool {
        self.digests.lags(programme, day)
    }

    /// A person's fingerprint of a day, where the day's key is known.
    pub(crate) fn fingerprint(&self, programme: &ProgrammeId, day: NaiveDate, person: &Person) -> Option<u64> {
        match &self.place {
            Place::Stored(keys) => Some(keys.get(&(programme.clone(), day))?.fingerprint(person)),
            Place::Shared(nation) => nation.fingerprint(programme, day, person),
        }
    }

    /// Whether a day's digest is here, whole and as new as the newest manifest that has come.
    pub(crate) fn holds(&self, programme: &ProgrammeId, day: NaiveDate) -> bool {
        self.digests.holds(programme, day)
    }

    /// Forgets some of what lies before a programme's day.
    pub(crate) fn forget(
        &mut self,
        own: Own<'_>,
        before: impl Fn(&ProgrammeId) -> NaiveDate,
    ) -> Result<(), StoreError> {
        let Place::Stored(keys) = &mut self.place else {
            return Ok(());
        };
        if let Some(old) = keys.keys().find(|(programme, day)| *day < before(programme)).cloned() {
            let number = own.programmes.number(own.store, &old.0)?;
            if own.store.forget_day(number, old.1, FORGET_ITEMS)? {
                keys.remove(&old);
                self.digests.forget(&old);
            }
            return Ok(());
        }
        if let Some((name, upto)) = self.digests.unclean() {
            let number = own.programmes.number(own.store, &name.0)?;
            if own.store.forget_digested(number, name.1, upto, FORGET_ITEMS)? {
                self.digests.cleaned(&name);
            }
        }
        Ok(())
    }

    /// Another life of the hub: nothing is known. The store has forgotten it already.
    pub(crate) fn clear(&mut self) {
        if let Place::Stored(keys) = &mut self.place {
            keys.clear();
        }
        self.digests = Digests::default();
    }

    /// The versions behind one more published text; shared where the edges share.
    pub(crate) fn publish(&self, rules: &Rules, text: &str) -> Rules {
        match &self.place {
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
    keys: &mut Keys,
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
    let mut new_keys = Keys::new();
    for (first, group) in &groups {
        let place = (group.programme.clone(), group.day);
        let held = new_keys.get(&place).or_else(|| keys.get(&place));
        let sealed = if held.is_some_and(|key: &DayKey| *key.secret() == group.key) {
            None
        } else {
            new_keys.insert(place, DayKey::new(group.key.clone()));
            Some(own.vault.seal(&group.programme, group.day, &group.key)?)
        };
        let programme = own.programmes.number(own.store, &group.programme)?;
        kept.push(KeptGroup { programme, day: group.day, sealed, first: *first, items: &group.items });
    }
    if shared::planted!(FeedForgotten) {
        kept.clear();
    }
    own.store.put_feed(progress, &kept)?;
    keys.append(&mut new_keys);
    Ok(())
}

impl Seen {
    fn add(&mut self, day: NaiveDate, told: Option<Told>, events: Vec<Event>) {
        let digest = told.map(|told| (told.found, told.upto, told.own));
        let (hits, rest) = fold::fold(day, digest, events);
        self.hits.extend(hits);
        self.digests.extend(rest);
    }
}

/// The groups of a part without the items up to `known`, each with the position of its first item.
fn fresh(known: u64, after: u64, part: &FeedPart) -> Result<Vec<(u64, Group)>, NationError> {
    let groups = feed::decode(&part.body)?.groups;
    let items = groups.iter().map(|group| group.items.len()).sum::<usize>();
    if part.upto.checked_sub(after) != u64::try_from(items).ok() {
        return Err(NationError::Count { after, upto: part.upto, items });
    }
    let mut skip = usize::try_from(known.saturating_sub(after)).unwrap_or(usize::MAX);
    let mut first = after.max(known) + 1;
    let mut out = Vec::with_capacity(groups.len());
    for mut group in groups {
        let cut = skip.min(group.items.len());
        group.items.drain(..cut);
        skip -= cut;
        let count = u64::try_from(group.items.len()).unwrap_or(u64::MAX);
        out.push((first, group));
        first += count;
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
