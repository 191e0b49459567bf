//! The nation's digests: what the feed has come to, in layers, named by a signed manifest (docs/protocol.md;
//! decision 12).
//!
//! **Invariant: a layer is never changed.** What comes later for its day is another layer behind it; when a day closes
//! its layers are replaced by one.

mod fold;
mod lists;
mod named;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use shared::digest::{self, BadLayer, Found, Header, Layer, LayerId, LayerRef, State, width_for};
use shared::entry::Pieces;
use shared::rules::booking::round::Round;
use shared::rules::calendar::taipei_day;
use shared::rules::programme::WINDOW_DAYS_MAX;
use shared::wire::v1::feed;
use shared::wire::v1::message::{Fetch, Piece};

use fold::{Counted, Net, fold};
use named::Reach;

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
/// Under this name the store keeps by which reach the days of the manifest were chosen.
const NAMED_BY: &str = "digests_named_by";

/// What the feed's items come to, by programme and day, then by fingerprint.
type Nets = BTreeMap<DigestDay, BTreeMap<u64, Net>>;

impl Hub {
    /// Publishes a manifest where the last is old enough.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn publish_digests_in_time(&mut self, every_s: i64, second: i64) -> Result<Option<u64>, HubError> {
        let last = self.manifest_made()?.cast_signed();
        let is_new = last > 0 && second.saturating_sub(last).unsigned_abs() < every_s.unsigned_abs();
        if is_new && self.is_named_by(&self.reach(second))? {
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
            let reach = hub.reach(second);
            if !is_grown && !is_closed && hub.is_named_by(&reach)? && hub.manifest_made()? > 0 {
                return Ok(None);
            }
            hub.store.set_meta(NAMED_BY, &reach.bytes())?;
            let row = hub.next_manifest(&reach, second)?;
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

    /// Whether another version, or another day, has not changed which days the newest manifest has to name.
    fn is_named_by(&self, reach: &Reach) -> Result<bool, HubError> {
        Ok(self.store.meta(NAMED_BY)?.is_some_and(|last| last == reach.bytes()))
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
                is_grown |= self.is_fed(&day, second) && self.add_layer(&day, &nets, (after, upto), second)?;
            }
            self.store.set_meta_number(DIGESTED, upto)?;
        }
    }

    /// Up to where the feed has gone into layers.
    fn digested(&self) -> Result<u64, HubError> {
        Ok(self.store.meta_number(DIGESTED)?.unwrap_or(0))
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
    fn is_fed(&self, of: &DigestDay, second: i64) -> bool {
        let today = taipei_day(second);
        let is_booked = |round: &Round| round.programme == of.0 && round.list_day() == of.1;
        self.is_sold(of, today) || self.memory.rounds.current(today).any(is_booked)
    }

    /// Whether the day is still of use: also one of a list of who may book, which no feed touches.
    fn is_kept(&self, of: &DigestDay, second: i64) -> bool {
        let is_list = |round: &Round| round.list_day() == of.1 && round.list_programme().as_ref() == Some(&of.0);
        self.is_fed(of, second) || self.memory.rounds.current(taipei_day(second)).any(is_list)
    }

    fn is_sold(&self, (programme, day): &DigestDay, today: NaiveDate) -> bool {
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
            self.merge_layers(day, first, second, |_| OPEN_WIDTH)?;
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

    /// One layer in place of all from the `first` on, so wide for so many people.
    fn merge_layers(
        &mut self,
        day: &DigestDay,
        first: usize,
        second: i64,
        width: impl FnOnce(usize) -> u8,
    ) -> Result<(), HubError> {
        let layers = self.open_layers(day)?;
        let merged = layers.get(first..).unwrap_or_default();
        let (Some(oldest), Some(newest)) = (merged.first(), merged.last()) else { return Ok(()) };
        // What a layer takes back stands in one before it, which stays only where the merge does not begin with it.
        let keeps_gone = first > 0;
        let changes = fold(merged, keeps_gone);
        let (after, upto) = (oldest.header().after, newest.header().upto);
        let header = Header { width: width(changes.len()), after, upto, ..newest.header().clone() };
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
            self.merge_layers(&day, 0, second, |people| width_for(u64::try_from(people).unwrap_or(u64::MAX)))?;
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
