//! The digests that this edge holds or wants, day by day (decision 12).
//!
//! **Invariant: of a day that is named what is known only grows.** Layers in use stay in use until every wanted one of
//! the day is here; a manifest or a layer that does not hold changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;
use shared::digest::{self, Found, Layer, LayerId, LayerRef, Manifest};
use shared::ids::ProgrammeId;
use shared::sync::edge::LogPos;
use shared::wire::v1::message::{Fetch, Piece};

use super::{Keys, Lag, Name, NationError, Own, OwnAt, SharedNation};
use crate::store::{DigestDayRow, LayersRow, ManifestRow, Progress, Store, StoreError};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Digests {
    /// When the newest manifest was made.
    made: u64,
    /// Its position.
    upto: u64,
    /// Of days that the manifest does not name this edge knows all up to here only: it jumped, or has forgotten some.
    jumped: Option<u64>,
    days: BTreeMap<Name, Day>,
    /// How much of a layer is here.
    coming: BTreeMap<LayerId, u32>,
    /// The hub has these no more: the next manifest names others.
    missing: BTreeSet<LayerId>,
}

#[derive(Debug)]
struct Day {
    is_closed: bool,
    /// So many sites the hub had not heard since its end.
    unheard: u32,
    /// Where it lags behind the feed: known up to here, and not from there up to the manifest.
    known: Option<u64>,
    used: LayersRow,
    /// Those of `used`, open.
    layers: Vec<Arc<Layer>>,
    wanted: LayersRow,
    /// Those of `wanted` that are here.
    held: BTreeMap<LayerId, Arc<Layer>>,
    /// The feed's items that the layers in use hold are forgotten.
    is_clean: bool,
}

/// What the digest of a day says of somebody.
pub(super) struct Told {
    pub(super) found: Option<Found>,
    /// Items behind this position come on top.
    pub(super) upto: u64,
    pub(super) own: OwnAt,
    /// Where the day lags: from here on nothing is known, up to there.
    pub(super) hole: Option<(u64, u64)>,
}

impl Digests {
    /// As the store has them. A layer that is broken or gone is wanted again, and its day lags meanwhile.
    pub(super) fn load(own: &mut Own<'_>, shared: Option<&SharedNation>) -> Result<Self, NationError> {
        let ManifestRow { made, upto, jumped } = own.store.manifest()?;
        let mut out = Self { made, upto, jumped, ..Self::default() };
        for row in own.store.digest_days()? {
            let Some(programme) = own.programmes.named(row.programme) else { continue };
            let name = (programme.clone(), row.day);
            let mut day = Day {
                is_closed: row.is_closed,
                unheard: row.unheard,
                known: row.known,
                layers: Vec::new(),
                held: BTreeMap::new(),
                used: row.used,
                wanted: row.wanted,
                is_clean: false,
            };
            day.open(own.store, shared, &name)?;
            for layer in &day.wanted.layers {
                out.coming.insert(layer.id, own.store.pieces_upto(&layer.id)?);
            }
            out.days.insert(name, day);
        }
        Ok(out)
    }

    /// When the newest manifest was made, 0 for none.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// How many sites the hub had not heard since the end of some day of these, as the newest manifest says.
    pub(super) fn unheard(&self, programme: &ProgrammeId, days: Range<NaiveDate>) -> u32 {
        let span = (programme.clone(), days.start)..(programme.clone(), days.end);
        self.days.range(span).map(|(_, day)| day.unheard).max().unwrap_or(0)
    }

    /// Whether the day is known less far than the feed.
    pub(super) fn lags(&self, programme: &ProgrammeId, day: NaiveDate) -> bool {
        self.known(programme, day).is_some()
    }

    /// Whether the day's layers are here, all of those that the manifest names.
    pub(super) fn holds(&self, programme: &ProgrammeId, day: NaiveDate) -> bool {
        let named = self.days.get(&(programme.clone(), day));
        named.is_some_and(|day| day.known.is_none() && !day.layers.is_empty())
    }

    /// The days that lag.
    pub(super) fn lagging(&self) -> Vec<Lag> {
        let lag = |programme: &ProgrammeId, (first, last), known| {
            let programme = programme.clone();
            Lag { programme, first, last, known, again: self.upto }
        };
        let days = self.days.iter().filter_map(|(name, day)| Some((name, day.known?)));
        let mut out: Vec<Lag> = days.map(|((programme, day), known)| lag(programme, (*day, *day), known)).collect();
        let Some(known) = self.jumped else { return out };
        let mut spans: BTreeMap<&ProgrammeId, (NaiveDate, NaiveDate)> = BTreeMap::new();
        for (programme, day) in self.days.keys() {
            spans.entry(programme).or_insert((*day, *day)).1 = *day;
        }
        for (programme, (first, last)) in spans {
            out.extend(first.pred_opt().map(|before| lag(programme, (NaiveDate::MIN, before), known)));
            out.extend(last.succ_opt().map(|after| lag(programme, (after, NaiveDate::MAX), known)));
        }
        out
    }

    /// Up to where a day that lags is known. Of days beyond those that a manifest names nothing is known that this edge
    /// jumped over.
    pub(super) fn known(&self, programme: &ProgrammeId, day: NaiveDate) -> Option<u64> {
        if let Some(named) = self.days.get(&(programme.clone(), day)) {
            return named.known;
        }
        let first = (programme.clone(), NaiveDate::MIN)..=(programme.clone(), NaiveDate::MAX);
        let is_known = self.days.range(first).next().is_some();
        self.jumped.filter(|_| is_known && !self.is_spanned(programme, day))
    }

    /// Takes a manifest of this hub whose signature holds, and which of its keys are new. `held` is how much of the own
    /// log it can hold.
    pub(super) fn take(
        &mut self,
        own: &mut Own<'_>,
        shared: Option<&SharedNation>,
        (manifest, keys): (Manifest, &Keys),
        (feed, held): (u64, OwnAt),
        progress: &Progress,
    ) -> Result<(), NationError> {
        let (made, upto) = (manifest.second.cast_unsigned(), manifest.upto);
        if made <= self.made || upto < self.upto {
            return Err(NationError::Replayed { known: self.made, made });
        }
        let (mut days, mut rows) = (BTreeMap::new(), Vec::new());
        for told in manifest.days {
            let name = (told.programme.clone(), told.day);
            let before = self.days.get(&name);
            let is_new = keys.contains_key(&name);
            let sealed = is_new.then(|| own.vault.seal(&told.programme, told.day, &told.key)).transpose()?;
            // A day that the last one did not name may have been jumped over.
            let known = match before {
                Some(before) => before.known,
                None => self.known(&told.programme, told.day),
            };
            let known = known.or((feed < upto).then_some(feed));
            let day = Day::named(before, known, told, upto, held);
            rows.push(day.row(own, &name, sealed)?);
            days.insert(name, day);
        }
        let jumped = self.jumped.or((feed < upto).then_some(feed));
        // A day that is named no more is forgotten with its digest, and with what the feed said of it before that.
        let is_forgotten = self.days.iter().any(|(name, day)| day.used.upto > 0 && !days.contains_key(name));
        let jumped = if is_forgotten { Some(0) } else { jumped };
        own.store.put_manifest(ManifestRow { made, upto, jumped }, progress, &rows)?;
        for (name, day) in &mut days {
            day.open(own.store, shared, name)?;
        }
        (self.made, self.upto, self.jumped, self.days) = (made, upto, jumped, days);
        self.missing.clear();
        let wanted: BTreeSet<LayerId> = self.wanted().map(|layer| layer.id).collect();
        self.coming.retain(|id, _| wanted.contains(id));
        self.complete(own)
    }

    fn wanted(&self) -> impl Iterator<Item = &LayerRef> {
        self.days.values().flat_map(|day| &day.wanted.layers)
    }

    /// The bytes that are wanted next: of days that lag first, the newest first and lists of rounds last; then of those that have closed, which
    /// are smaller than what the feed said of them.
    pub(super) fn next(&self, most: u32) -> Option<Fetch> {
        let of = |lags: bool| {
            let mut days: Vec<(&Name, &Day)> = self.days.iter().collect();
            days.sort_unstable_by_key(|((programme, date), _)| (is_list(programme), std::cmp::Reverse(*date)));
            let days = days.into_iter().filter(move |(_, day)| day.known.is_some() == lags && (lags || day.is_closed));
            days.flat_map(|(_, day)| day.lacking()).find(|layer| !self.missing.contains(&layer.id))
        };
        let layer = of(true).or_else(|| of(false))?;
        let offset = self.coming.get(&layer.id).copied().unwrap_or(0);
        Some(Fetch { layer: layer.id, offset, most: most.min(layer.bytes.saturating_sub(offset)) })
    }

    /// Takes a piece of a wanted layer; where it is the last one the layer is proven, and its day where it is the last
    /// layer.
    pub(super) fn piece(
        &mut self,
        own: &mut Own<'_>,
        shared: Option<&SharedNation>,
        piece: &Piece,
    ) -> Result<(), NationError> {
        let Some((name, wanted)) = self.place_of(&piece.layer) else {
            return Ok(());
        };
        if piece.bytes.is_empty() {
            tracing::warn!(layer = ?piece.layer, "the hub has a digest no more; the next manifest names another");
            self.missing.insert(piece.layer);
            return Ok(());
        }
        let upto = piece.offset.saturating_add(u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX));
        own.store.put_piece(&piece.layer, piece.offset, &piece.bytes)?;
        self.coming.insert(piece.layer, upto);
        if upto < wanted.bytes {
            return Ok(());
        }
        let body: Arc<[u8]> = own.store.joined_pieces(&piece.layer)?.into();
        self.coming.remove(&piece.layer);
        let layer = match Layer::open(Arc::clone(&body))
            .and_then(|layer| layer.expect(&name.0, name.1, &wanted).map(|()| layer))
        {
            Ok(layer) => Arc::new(layer),
            Err(cause) => {
                own.store.drop_pieces(&piece.layer)?;
                return Err(NationError::Layer(cause));
            }
        };
        if let Some(nation) = shared {
            nation.put_layer(&layer);
            own.store.drop_pieces(&piece.layer)?;
        } else {
            own.store.put_layer(&piece.layer, &body)?;
        }
        if let Some(day) = self.days.get_mut(&name) {
            day.held.insert(piece.layer, layer);
        }
        self.complete(own)
    }

    fn place_of(&self, id: &LayerId) -> Option<(Name, LayerRef)> {
        self.days.iter().find_map(|(name, day)| {
            let wanted = day.wanted.layers.iter().find(|layer| layer.id == *id)?;
            Some((name.clone(), *wanted))
        })
    }

    /// Days of which every wanted layer is here are known as far as their manifest.
    fn complete(&mut self, own: &mut Own<'_>) -> Result<(), NationError> {
        for (name, day) in &mut self.days {
            if day.wanted.layers.is_empty() || day.lacking().next().is_some() {
                continue;
            }
            let mut after = DigestDayRow { known: None, ..day.row(own, name, None)? };
            after.used = std::mem::take(&mut after.wanted);
            own.store.put_digest_day(&after)?;
            day.known = None;
            day.used = std::mem::take(&mut day.wanted);
            let mut held = std::mem::take(&mut day.held);
            day.layers = day.used.layers.iter().filter_map(|layer| held.remove(&layer.id)).collect();
            day.is_clean = false;
        }
        Ok(())
    }

    /// Up to which position of the feed what was told of a day is in its digest: behind it the feed goes on.
    pub(super) fn behind(&self, programme: &ProgrammeId, day: NaiveDate) -> u64 {
        match self.days.get(&(programme.clone(), day)) {
            Some(named) => named.used.upto,
            // Between the days that are named nobody counts.
            None if self.is_spanned(programme, day) => self.upto,
            None => 0,
        }
    }

    /// Whether the day lies between days that the manifest names.
    fn is_spanned(&self, programme: &ProgrammeId, day: NaiveDate) -> bool {
        let is_named = |from, to| self.days.range((programme.clone(), from)..=(programme.clone(), to)).next().is_some();
        is_named(NaiveDate::MIN, day) && is_named(day, NaiveDate::MAX)
    }

    /// The hub has taken the own log up to an entry, by this position of the feed at the latest: a run that comes again is
    /// confirmed again, by a later one.
    pub(super) fn acked(&mut self, upto: LogPos, counted: u64) {
        for day in self.days.values_mut() {
            for row in [&mut day.used, &mut day.wanted].into_iter().filter(|row| counted <= row.upto) {
                row.own.counted = row.own.counted.max(upto);
            }
        }
    }

    /// What the digest of a day says of the person with a fingerprint.
    pub(super) fn told(&self, programme: &ProgrammeId, day: NaiveDate, print: u64) -> Option<Told> {
        let named = self.days.get(&(programme.clone(), day))?;
        let found = digest::find(&named.layers, print);
        let hole = named.known.map(|known| (known, self.upto));
        Some(Told { found, upto: named.used.upto, own: named.used.own, hole })
    }

    /// A day whose items of the feed the layers in use hold, and up to where.
    pub(super) fn unclean(&self) -> Option<(Name, u64)> {
        let (name, day) = self.days.iter().find(|(_, day)| !day.is_clean && day.used.upto > 0)?;
        Some((name.clone(), day.used.upto))
    }

    pub(super) fn cleaned(&mut self, name: &Name) {
        if let Some(day) = self.days.get_mut(name) {
            day.is_clean = true;
        }
    }

    pub(super) fn forget(&mut self, name: &Name) {
        self.days.remove(name);
    }
}

/// Whether under this name a round's list travels: it is large, and nobody is refused for its absence.
fn is_list(programme: &ProgrammeId) -> bool {
    programme.as_str().ends_with("-list")
}

impl Day {
    /// As a manifest names it.
    ///
    /// Where it jumps it is `known` less far, whatever its newest layer's position: what comes and goes between two layers
    /// is in none.
    fn named(before: Option<&Self>, known: Option<u64>, told: digest::Day, upto: u64, own: OwnAt) -> Self {
        let used = before.map(|before| before.used.clone()).unwrap_or_default();
        let told_now = LayersRow { layers: told.layers, upto, own };
        // Layers in use that are still all of them say what is true now.
        let (known, used, wanted) = if used.layers == told_now.layers {
            (None, told_now, LayersRow::default())
        } else {
            (known, used, told_now)
        };
        Self {
            is_closed: told.is_closed,
            unheard: told.unheard,
            known,
            layers: before.map(|before| before.layers.clone()).unwrap_or_default(),
            used,
            wanted,
            held: before.map(|before| before.held.clone()).unwrap_or_default(),
            is_clean: before.is_some_and(|before| before.is_clean),
        }
    }

    fn row(&self, own: &mut Own<'_>, name: &Name, sealed: Option<Vec<u8>>) -> Result<DigestDayRow, StoreError> {
        Ok(DigestDayRow {
            programme: own.programmes.number(own.store, &name.0)?,
            day: name.1,
            is_closed: self.is_closed,
            unheard: self.unheard,
            known: self.known,
            used: self.used.clone(),
            wanted: self.wanted.clone(),
            sealed,
        })
    }

    /// Wanted layers that are not here.
    fn lacking(&self) -> impl Iterator<Item = &LayerRef> {
        self.wanted.layers.iter().filter(|layer| !self.held.contains_key(&layer.id))
    }

    /// Opens what the store, or the process, has of the day.
    fn open(&mut self, store: &Store, shared: Option<&SharedNation>, name: &Name) -> Result<(), NationError> {
        let find = |wanted: &LayerRef| -> Result<Option<Arc<Layer>>, StoreError> {
            if let Some(nation) = shared {
                return Ok(nation.layer(&wanted.id));
            }
            let Some(body) = store.layer(&wanted.id)? else { return Ok(None) };
            let layer =
                Layer::open(body.into()).and_then(|layer| layer.expect(&name.0, name.1, wanted).map(|()| layer));
            Ok(layer
                .map(Arc::new)
                .inspect_err(|cause| tracing::warn!(%cause, "a digest is damaged; it comes again"))
                .ok())
        };
        if self.layers.len() < self.used.layers.len() {
            let mut layers = Vec::new();
            for wanted in &self.used.layers {
                layers.extend(find(wanted)?);
            }
            if layers.len() < self.used.layers.len() {
                self.known = Some(0);
                if self.wanted.layers.is_empty() {
                    self.wanted = std::mem::take(&mut self.used);
                }
                self.used = LayersRow::default();
                layers.clear();
            }
            self.layers = layers;
        }
        for wanted in &self.wanted.layers {
            if self.held.contains_key(&wanted.id) {
                continue;
            }
            let in_use = self.used.layers.iter().zip(&self.layers).find(|(used, _)| used.id == wanted.id);
            let layer = match in_use {
                Some((_, layer)) => Some(Arc::clone(layer)),
                None => find(wanted)?,
            };
            self.held.extend(layer.map(|layer| (wanted.id, layer)));
        }
        Ok(())
    }
}
