//! The nation's digests: what the feed has come to, in layers, named by a signed manifest (docs/protocol.md;
//! decision 12).
//!
//! **Invariant: a layer is never changed.** What comes later for its day is another layer behind it; when a day closes
//! its layers are replaced by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime};
use shared::digest::{self, BadLayer, Found, Header, Layer, LayerId, LayerRef, Manifest, State, width_for};
use shared::entry::Pieces;
use shared::ids::ProgrammeId;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::programme::WINDOW_DAYS_MAX;
use shared::wire::v1::feed::{self, Item};
use shared::wire::v1::message::{Fetch, Piece};

use crate::hub::{Hub, HubError};
use crate::store::{DigestDay, ManifestRow};

/// A manifest is published at most so often, in seconds: the deltas of a day are for a quarter of an hour.
pub const MANIFEST_EVERY_S: i64 = 15 * 60;
/// A day closes so long after its end, in seconds: most ledgers of the day have come by then.
const CLOSES_AFTER_S: i64 = 4 * 3600;
/// An edge that is so many items behind is quicker with digests than with the feed.
pub(crate) const JUMP_ITEMS: u64 = 32 * 1024;
/// Bits of a fingerprint in what comes before a day closes and after: enough for 17 million people a day.
const OPEN_WIDTH: u8 = 44;
/// A day with more layers gets one in place of its supplements, or of all of them while it runs.
const LAYERS_MAX: usize = 24;
/// Most bytes of layers that stay open.
const OPEN_LAYERS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Of the feed that is read at once, in items.
const READ_ITEMS_MAX: u64 = 1 << 20;
/// Layers that were replaced can still be fetched for so long, in seconds.
const REPLACED_KEPT_S: i64 = 24 * 3600;
/// Under this name the store keeps up to where the feed has gone into layers.
const DIGESTED: &str = "digested";
/// Under this name the store keeps by which versions, and on which day, the days of the manifest were chosen.
const NAMED_BY: &str = "digests_named_by";

/// What the feed's items of somebody come to between two positions.
#[derive(Debug, Clone, Copy, Default)]
struct Net {
    sales: i64,
    adult: i64,
    child: i64,
}

/// By programme and day, then by fingerprint.
type Nets = BTreeMap<DigestDay, BTreeMap<u64, Net>>;

impl Net {
    fn add(&mut self, item: &Item) {
        let sign = if item.gone { -1 } else { 1 };
        self.sales += sign;
        self.adult += sign * i64::from(item.pieces.adult);
        self.child += sign * i64::from(item.pieces.child);
    }

    /// What somebody's sales come to, some of which count before.
    fn on(self, before: Counted) -> Counted {
        let sum = |had: u32, more: i64| u32::try_from((i64::from(had) + more).max(0)).unwrap_or(u32::MAX);
        let Counted { sales, pieces } = before;
        let pieces = Pieces { adult: sum(pieces.adult, self.adult), child: sum(pieces.child, self.child) };
        Counted { sales: (sales + self.sales).max(0), pieces }
    }
}

/// What counts of somebody.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    sales: i64,
    pieces: Pieces,
}

impl Counted {
    /// As a layer says it; none where it says the same as before.
    fn news(self, before: Self, has_pieces: bool) -> Option<State> {
        let counts = |it: Self| if has_pieces { it.pieces.total() > 0 } else { it.sales > 0 };
        match (counts(before), counts(self)) {
            (false, false) => None,
            (true, false) => Some(State::Gone),
            (true, true) if !has_pieces || self.pieces == before.pieces => None,
            (_, true) => Some(State::Counts(self.pieces)),
        }
    }
}

impl Hub {
    /// Publishes a manifest where the last is old enough.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn publish_digests_in_time(&mut self, every_s: i64, second: i64) -> Result<Option<u64>, HubError> {
        let last = self.manifest_made()?.cast_signed();
        let is_new = last > 0 && second.saturating_sub(last).unsigned_abs() < every_s.unsigned_abs();
        // Another version may reach other days.
        let is_same = self.store.meta(NAMED_BY)?.is_some_and(|last| last.starts_with(&self.named_by()));
        if is_new && is_same {
            return Ok(None);
        }
        self.publish_digests(second)
    }

    /// Makes layers of what the feed has told since the last time, closes the days that are over and publishes a
    /// manifest; gives its position, none where nothing is new.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn publish_digests(&mut self, second: i64) -> Result<Option<u64>, HubError> {
        self.transact(|hub| {
            let is_grown = hub.digest_feed(second)?;
            let is_closed = hub.close_days(second)?;
            hub.forget_days(second)?;
            let named_by = [hub.named_by().as_slice(), taipei_day(second).to_string().as_bytes()].concat();
            let is_same = hub.store.meta(NAMED_BY)?.is_some_and(|last| last == named_by);
            if !is_grown && !is_closed && is_same && hub.store.manifest()?.is_some() {
                return Ok(None);
            }
            hub.store.set_meta(NAMED_BY, &named_by)?;
            let row = hub.next_manifest(second)?;
            hub.store.put_manifest(&row)?;
            let upto = row.upto;
            hub.memory.manifest = Some(row);
            hub.forget_open_layers();
            Ok(Some(upto))
        })
    }

    /// When the newest manifest was made, by whatever process; 0 for none.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn manifest_made(&self) -> Result<u64, HubError> {
        Ok(self.store.manifest_made()?)
    }

    /// An edge that is so many items behind the manifest is given that in place of the feed.
    pub fn jump_at(&mut self, items: u64) {
        self.jump_items = items;
    }

    /// The manifest, where it is newer than the one that an edge holds and the edge has the feed as far or lies far
    /// behind.
    pub(crate) fn newer_manifest(&self, after: u64, held: u64) -> Option<ManifestRow> {
        let newest = self.memory.manifest.as_ref().filter(|newest| newest.made > held)?;
        let is_behind = after < newest.upto;
        let is_far = newest.upto.saturating_sub(after) > self.jump_items;
        (!is_behind || is_far).then(|| newest.clone())
    }

    /// Some bytes of a layer, none where it is gone.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_piece(&self, fetch: &Fetch) -> Result<Piece, HubError> {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let bytes = self.store.layer_piece(&fetch.layer, size(fetch.offset), size(fetch.most))?;
        Ok(Piece { layer: fetch.layer, offset: fetch.offset, bytes })
    }

    fn digest_feed(&mut self, second: i64) -> Result<bool, HubError> {
        let mut is_grown = false;
        loop {
            let after = self.digested()?;
            let (nets, upto) = self.read_feed(after)?;
            if upto == after {
                return Ok(is_grown);
            }
            for (day, nets) in nets {
                is_grown |= self.is_kept(&day, second) && self.add_layer(&day, &nets, (after, upto), second)?;
            }
            self.store.set_meta(DIGESTED, &upto.to_be_bytes())?;
        }
    }

    /// Up to where the feed has gone into layers.
    fn digested(&self) -> Result<u64, HubError> {
        let bytes = self.store.meta(DIGESTED)?;
        Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    fn read_feed(&self, after: u64) -> Result<(Nets, u64), HubError> {
        let (mut nets, mut at) = (Nets::new(), after);
        while at - after < READ_ITEMS_MAX
            && let Some(row) = self.store.feed_after(at)?
        {
            let batch = feed::decode(&row.body).map_err(|cause| HubError::Damaged(format!("the feed: {cause}")))?;
            for group in batch.groups {
                let of = nets.entry((group.programme, group.day)).or_default();
                group.items.iter().for_each(|item| of.entry(item.fingerprint).or_default().add(item));
            }
            at = row.upto;
        }
        Ok((nets, at))
    }

    /// Whether a window of any version, also of one to come, may reach the day. A site may name any programme and any
    /// day, and the clock of one may be ahead.
    fn is_kept(&self, (programme, day): &DigestDay, second: i64) -> bool {
        let today = taipei_day(second);
        let longest = Days::new(u64::from(WINDOW_DAYS_MAX));
        let first = today.checked_sub_days(longest).unwrap_or(NaiveDate::MIN);
        let last = today.checked_add_days(longest).unwrap_or(NaiveDate::MAX);
        self.memory.versions.programmes().any(|known| known == programme) && (first..=last).contains(day)
    }

    fn add_layer(
        &mut self,
        day: &DigestDay,
        nets: &BTreeMap<u64, Net>,
        (after, upto): (u64, u64),
        second: i64,
    ) -> Result<bool, HubError> {
        let layers = self.open_layers(day)?;
        let has_pieces = match layers.first() {
            Some(first) => first.header().has_pieces,
            None => self.memory.versions.counts_pieces(&day.0),
        };
        let mut changes = BTreeMap::new();
        for (print, net) in nets {
            let before = self.counted(day, &layers, *print)?;
            let after = net.on(before);
            if !has_pieces && after.sales != before.sales && after.sales.max(before.sales) > 1 {
                self.store.put_more_sales(day, *print, after.sales)?;
            }
            changes.extend(after.news(before, has_pieces).map(|state| (*print, state)));
        }
        if changes.is_empty() {
            return Ok(false);
        }
        let (programme, date) = day.clone();
        self.keep_layer(day, &Header { programme, day: date, width: OPEN_WIDTH, has_pieces, after, upto }, &changes)?;
        if layers.len() >= LAYERS_MAX {
            let first = usize::from(self.store.is_closed(day)?);
            self.merge_layers(day, first, OPEN_WIDTH, second)?;
        }
        Ok(true)
    }

    /// What counts of somebody by the layers of a day.
    fn counted(&self, day: &DigestDay, layers: &[Arc<Layer>], print: u64) -> Result<Counted, HubError> {
        Ok(match digest::find(layers, print) {
            Some(Found::Counts(Some(pieces))) => Counted { sales: 1, pieces },
            Some(Found::Counts(None)) => {
                Counted { sales: self.store.more_sales(day, print)?, pieces: Pieces::default() }
            }
            Some(Found::Gone) | None => Counted::default(),
        })
    }

    fn keep_layer(&mut self, day: &DigestDay, header: &Header, changes: &BTreeMap<u64, State>) -> Result<(), HubError> {
        let body: Arc<[u8]> = digest::encode(header, changes).into();
        let layer = Layer::open(Arc::clone(&body)).map_err(damaged)?;
        let bytes = u32::try_from(body.len()).map_err(|_| HubError::Full("a layer"))?;
        self.store.put_layer(day, &LayerRef { id: layer.id(), bytes, upto: header.upto }, &body)?;
        self.memory.layers.borrow_mut().insert(layer.id(), Arc::new(layer));
        Ok(())
    }

    /// One layer in place of all from the `first` on.
    fn merge_layers(&mut self, day: &DigestDay, first: usize, width: u8, second: i64) -> Result<(), HubError> {
        let layers = self.open_layers(day)?;
        let merged = layers.get(first..).unwrap_or_default();
        let (Some(oldest), Some(newest)) = (merged.first(), merged.last()) else { return Ok(()) };
        // What a layer takes back stands in one before it, which stays only where the merge does not begin with it.
        let keeps_gone = first > 0;
        let changes = fold(merged, keeps_gone);
        let (after, upto) = (oldest.header().after, newest.header().upto);
        let header = Header { width, after, upto, ..newest.header().clone() };
        for layer in merged {
            self.store.replace_layer(&layer.id(), second)?;
            self.memory.layers.borrow_mut().remove(&layer.id());
        }
        self.keep_layer(day, &header, &changes)
    }

    fn close_days(&mut self, second: i64) -> Result<bool, HubError> {
        let today = taipei_day(second.saturating_sub(CLOSES_AFTER_S));
        let mut is_closed = false;
        for (day, closed) in self.store.digested_days()? {
            if closed || day.1 >= today {
                continue;
            }
            let people = fold(&self.open_layers(&day)?, false).len();
            let width = width_for(u64::try_from(people).unwrap_or(u64::MAX));
            self.merge_layers(&day, 0, width, second)?;
            self.store.close_day(&day)?;
            is_closed = true;
        }
        Ok(is_closed)
    }

    fn forget_days(&mut self, second: i64) -> Result<(), HubError> {
        for (day, _) in self.store.digested_days()? {
            if !self.is_kept(&day, second) {
                self.store.forget_digests(&day)?;
            }
        }
        Ok(self.store.forget_replaced(second.saturating_sub(REPLACED_KEPT_S))?)
    }

    /// What decides which days a manifest names: the versions.
    fn named_by(&self) -> Vec<u8> {
        let names = self.memory.versions.iter().map(|version| format!("{} {} ", version.name, version.from));
        names.collect::<String>().into_bytes()
    }

    fn next_manifest(&mut self, second: i64) -> Result<ManifestRow, HubError> {
        let contacts: BTreeMap<_, i64> = self.store.contacts()?.into_iter().collect();
        let named = self.named_days(taipei_day(second))?;
        let mut days = Vec::new();
        for ((programme, day), is_closed) in named {
            let ends =
                day.checked_add_days(Days::new(1)).map_or(i64::MAX, |next| second_of(next.and_time(NaiveTime::MIN)));
            let since = ends.min(second.saturating_sub(MANIFEST_EVERY_S));
            let unheard = contacts.values().filter(|heard| **heard < since).count();
            let key = self.keys.day(&programme, day)?.secret().clone();
            let unheard = u32::try_from(unheard).unwrap_or(u32::MAX);
            let layers = self.store.layers(&(programme.clone(), day))?;
            days.push(digest::Day { programme, day, key, is_closed, unheard, layers });
        }
        let upto = self.digested()?;
        // Later than the last, also where somebody set the hub's clock back.
        let made = second.cast_unsigned().max(self.manifest_made()? + 1);
        let signed = Manifest { hub_life: self.life, upto, second: made.cast_signed(), days }.sign(&self.signer);
        Ok(ManifestRow { made, upto, signed })
    }

    /// The days that a window may reach, and whether each is closed; and for every programme the first and the last day
    /// between which nothing is missing, though nobody bought on them.
    fn named_days(&self, today: NaiveDate) -> Result<BTreeMap<DigestDay, bool>, HubError> {
        let versions = &self.memory.versions;
        // And a day more: an edge's day may end a little after the hub's.
        let yesterday = today.pred_opt().unwrap_or(today);
        let from = |programme: &ProgrammeId| {
            let days = [yesterday, today].map(|day| versions.reached_from(programme, day));
            days.into_iter().flatten().min()
        };
        let days = self.store.digested_days()?.into_iter();
        let mut named: BTreeMap<DigestDay, bool> =
            days.filter(|((programme, day), _)| from(programme).is_some_and(|from| *day >= from)).collect();
        // Who says absurd days must not crowd out the days that matter.
        let far = |day: NaiveDate| today.signed_duration_since(day).num_days().unsigned_abs();
        let mut distances: Vec<u64> = named.keys().map(|(_, day)| far(*day)).collect();
        distances.sort_unstable();
        let room = digest::DAYS_MAX.saturating_sub(2 * versions.programmes().count());
        let reach = distances.get(room).map_or(u64::from(WINDOW_DAYS_MAX), |beyond| beyond.saturating_sub(1));
        named.retain(|(_, day), _| far(*day) <= reach);
        let first = today.checked_sub_days(Days::new(reach)).unwrap_or(NaiveDate::MIN);
        let last = today.checked_add_days(Days::new(reach)).unwrap_or(NaiveDate::MAX);
        for programme in versions.programmes() {
            let Some(from) = from(programme) else { continue };
            named.entry((programme.clone(), from.max(first))).or_insert(false);
            named.entry((programme.clone(), last)).or_insert(false);
        }
        Ok(named)
    }

    /// What was opened stays open for the next time, unless it is much: late ledgers touch many days.
    fn forget_open_layers(&self) {
        let mut layers = self.memory.layers.borrow_mut();
        if layers.values().map(|layer| layer.memory_bytes()).sum::<usize>() > OPEN_LAYERS_BYTES_MAX {
            layers.clear();
        }
    }

    fn open_layers(&self, day: &DigestDay) -> Result<Vec<Arc<Layer>>, HubError> {
        self.store.layers(day)?.iter().map(|layer| self.open_layer(&layer.id)).collect()
    }

    fn open_layer(&self, id: &LayerId) -> Result<Arc<Layer>, HubError> {
        if let Some(layer) = self.memory.layers.borrow().get(id) {
            return Ok(Arc::clone(layer));
        }
        let layer = Arc::new(Layer::open(self.store.layer(id)?.into()).map_err(damaged)?);
        self.memory.layers.borrow_mut().insert(*id, Arc::clone(&layer));
        Ok(layer)
    }
}

fn damaged(cause: BadLayer) -> HubError {
    HubError::Damaged(format!("a layer: {cause}"))
}

/// What layers come to, by fingerprints of which the bits that were kept stand first.
fn fold(layers: &[Arc<Layer>], keeps_gone: bool) -> BTreeMap<u64, State> {
    let mut out = BTreeMap::new();
    for layer in layers {
        let rest = 64 - u32::from(layer.header().width);
        for (prefix, found) in layer.iter() {
            let state = match found {
                Found::Counts(pieces) => State::Counts(pieces.unwrap_or_default()),
                Found::Gone => State::Gone,
            };
            out.insert(prefix << rest, state);
        }
    }
    if !keeps_gone {
        out.retain(|_, state| matches!(state, State::Counts(_)));
    }
    out
}
