//! Digests: what everybody's sales of a day have come to, small enough for every edge
//! (docs/decisions/0012-digests-are-folds-of-the-feed.md).
//!
//! A **layer** is what the feed's items of one programme and day between two positions come to: who counts and who counts
//! no more, as prefixes of the day's keyed fingerprints. It is named by the SHA-256 of its bytes. A **manifest** names a
//! hub's days, their keys and their layers, and is signed. Bytes: docs/protocol.md, Digests.

mod bits;
mod cursor;
mod gaps;
mod layer;
mod manifest;
mod pieces;
#[cfg(test)]
mod tests;

pub use layer::{BadLayer, Layer, encode};
pub use manifest::{BadManifest, DAYS_MAX, Day, LAYERS_A_DAY_MAX, LayerRef, MANIFEST_BYTES_MAX, Manifest, Signed};

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::NaiveDate;
use data_encoding::HEXLOWER;

use crate::entry::Pieces;
use crate::ids::ProgrammeId;

/// Fewest bits of a fingerprint that are kept.
pub const WIDTH_MIN: u8 = 20;
/// Most bits of a fingerprint that are kept.
pub const WIDTH_MAX: u8 = 60;
/// Longest layer, in bytes: twelve million people.
pub const LAYER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The width for all layers of a day of so many people: ⌈log2(people · 10⁶)⌉, within [`WIDTH_MIN`] and [`WIDTH_MAX`].
///
/// Somebody who did not buy that day is then found in one of its layers with a chance of at most 10⁻⁶. It is the day's
/// people that count: many little layers, each as narrow as its own people allow, would add up.
#[must_use]
pub fn width_for(people: u64) -> u8 {
    let goal = u128::from(people) * 1_000_000;
    (WIDTH_MIN..WIDTH_MAX).find(|width| goal <= 1 << width).unwrap_or(WIDTH_MAX)
}

/// A layer's name: the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(pub [u8; 32]);

impl LayerId {
    /// The name of these bytes, whatever they are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut id = [0; 32];
        id.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", HEXLOWER.encode(self.0.first_chunk::<4>().unwrap_or(&[0; 4])))
    }
}

/// What a layer says of itself, in its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Whose sales.
    pub programme: ProgrammeId,
    /// The business day of the sales.
    pub day: NaiveDate,
    /// How many bits of each fingerprint are kept ([`width_for`]).
    pub width: u8,
    /// Whether it tells the pieces of those that count.
    pub has_pieces: bool,
    /// The feed's position behind which it begins.
    pub after: u64,
    /// The feed's position up to which it goes.
    pub upto: u64,
}

/// What the feed says a fingerprint has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It counts, with all its pieces of that day.
    Counts(Pieces),
    /// It counted before, and does not any more.
    Gone,
}

impl State {
    /// Of two people with one prefix.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Counts(one), Self::Counts(two)) => Self::Counts(one.plus(two)),
            (counts @ Self::Counts(_), Self::Gone) | (Self::Gone, counts @ Self::Counts(_)) => counts,
            (Self::Gone, Self::Gone) => Self::Gone,
        }
    }
}

/// What a layer says of a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It counts; with its pieces where the layer has them.
    Counts(Option<Pieces>),
    /// It counted before, and does not any more.
    Gone,
}

/// What a day's layers, oldest first, say of the full fingerprint: the newest one that says something is right.
#[must_use]
pub fn find(layers: &[Arc<Layer>], fingerprint: u64) -> Option<Found> {
    layers.iter().rev().find_map(|layer| layer.find(fingerprint))
}
