//! What a hub publishes at one position of its feed: every day that a window can still reach, its key and its layers.
//!
//! CBOR, arrays with numbered places as on the wire: a later version appends, an earlier one skips.

use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use minicbor::{Decode, Decoder, Encode};

use super::{LAYER_BYTES_MAX, LayerId};
use crate::ids::{Incarnation, ProgrammeId};
use crate::seal::Secret;
use crate::sign::{PublicKey, Signature, Signer};

/// Most days of all programmes together.
pub const DAYS_MAX: usize = 512;
/// Most layers of one day: a digest every quarter of an hour, and 160 supplements.
pub const LAYERS_A_DAY_MAX: usize = 256;
/// Longest manifest, in bytes; a layer takes 46 of them, a day some 60 more.
pub const MANIFEST_BYTES_MAX: usize = 512 * 1024;
const VERSION: u8 = 1;

/// Why bytes are no manifest of this hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// Not signed by this hub, or changed since.
    #[error("the hub did not sign this manifest")]
    Signature,
    /// More bytes, days or layers than a manifest may have.
    #[error("too many {0} in a manifest")]
    TooLong(&'static str),
    /// It ends before its end.
    #[error("the manifest is cut short")]
    Truncated,
    /// Written by a version whose manifests say something else.
    #[error("manifests of version {0} cannot be read here")]
    Version(u8),
    /// Not the CBOR that was expected.
    #[error("read a manifest: {0}")]
    Cbor(String),
    /// What it says cannot be.
    #[error("the manifest's {0} cannot be")]
    Content(&'static str),
    /// Days or layers are not in their order, or stand there twice.
    #[error("the manifest's {0} are not in their order")]
    Order(&'static str),
    /// Something stands behind its end.
    #[error("something stands behind the manifest's end")]
    Behind,
}

/// A layer, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerRef {
    /// Its name.
    pub id: LayerId,
    /// How long it is.
    pub bytes: u32,
    /// The feed's position up to which it goes.
    pub upto: u64,
}

/// One programme's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The programme.
    pub programme: ProgrammeId,
    /// The business day.
    pub day: NaiveDate,
    /// By which its fingerprints are made ([`crate::seal::DayKey`]).
    pub key: Secret,
    /// Whether its first layer is the digest of the whole day, which never changes again.
    pub is_closed: bool,
    /// How many sites had not been heard since the day's end.
    pub unheard: u32,
    /// Oldest first: the digest, then the supplements 1, 2, …; each goes further in the feed than the one before.
    pub layers: Vec<LayerRef>,
}

/// What a hub knows and publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The hub's life: positions of another life say nothing.
    pub hub_life: Incarnation,
    /// The feed's position that all days' layers together cover.
    pub upto: u64,
    /// When it was signed: seconds since 1970, by the hub's clock.
    pub second: i64,
    /// By programme, then by day.
    pub days: Vec<Day>,
}

/// What travels. Its bytes hold day keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The manifest's bytes.
    pub body: Arc<[u8]>,
    /// Over them.
    pub signature: Signature,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} bytes, {:?})", self.body.len(), self.signature)
    }
}

impl Signed {
    /// The manifest, once it is sure that the hub signed it. Whether it is a newer one than another, and of which of
    /// the hub's lives, is for the caller to compare.
    ///
    /// # Errors
    /// Where another signed, or what was signed is no manifest.
    pub fn open(&self, hub: &PublicKey) -> Result<Manifest, BadManifest> {
        if !hub.signed_manifest(&self.body, &self.signature) {
            return Err(BadManifest::Signature);
        }
        Manifest::decode(&self.body)
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireManifest {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    hub_life: [u8; 16],
    #[n(2)]
    upto: u64,
    #[n(3)]
    second: i64,
    #[n(4)]
    days: Vec<WireDay>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireDay {
    #[n(0)]
    programme: String,
    /// Counted from the first of January of the year 1, which is 1.
    #[n(1)]
    day: i32,
    #[cbor(n(2), with = "minicbor::bytes")]
    key: [u8; 32],
    #[n(3)]
    is_closed: bool,
    #[n(4)]
    unheard: u32,
    #[n(5)]
    layers: Vec<WireLayer>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireLayer {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 32],
    #[n(1)]
    bytes: u32,
    #[n(2)]
    upto: u64,
}

impl Manifest {
    /// To bytes. Who writes more than [`MANIFEST_BYTES_MAX`] writes what nobody reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let days = self.days.iter().map(to_wire).collect();
        let (upto, second) = (self.upto, self.second);
        let wire = WireManifest { version: VERSION, hub_life: self.hub_life.0, upto, second, days };
        // Writing into memory does not fail.
        minicbor::to_vec(wire).unwrap_or_default()
    }

    /// From bytes.
    ///
    /// # Errors
    /// Where they are no manifest, or what it says is outside its limits or in a wrong order.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadManifest> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(BadManifest::TooLong("bytes"));
        }
        // The version comes first: what follows may have changed with it.
        let mut first = Decoder::new(bytes);
        first.array().and_then(|_| first.u8()).map_err(bad).and_then(|version| match version {
            VERSION => Ok(()),
            other => Err(BadManifest::Version(other)),
        })?;
        let mut decoder = Decoder::new(bytes);
        let wire: WireManifest = decoder.decode().map_err(bad)?;
        if decoder.position() != bytes.len() {
            return Err(BadManifest::Behind);
        }
        from_wire(wire)
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> Signed {
        let body: Arc<[u8]> = self.encode().into();
        Signed { signature: signer.sign_manifest(&body), body }
    }
}

fn bad(cause: minicbor::decode::Error) -> BadManifest {
    if cause.is_end_of_input() { BadManifest::Truncated } else { BadManifest::Cbor(cause.to_string()) }
}

fn to_wire(day: &Day) -> WireDay {
    let layer = |layer: &LayerRef| WireLayer { id: layer.id.0, bytes: layer.bytes, upto: layer.upto };
    WireDay {
        programme: day.programme.to_string(),
        day: day.day.num_days_from_ce(),
        key: *day.key.bytes(),
        is_closed: day.is_closed,
        unheard: day.unheard,
        layers: day.layers.iter().map(layer).collect(),
    }
}

fn from_wire(wire: WireManifest) -> Result<Manifest, BadManifest> {
    if wire.upto > i64::MAX.cast_unsigned() {
        return Err(BadManifest::Content("position"));
    }
    if wire.days.len() > DAYS_MAX {
        return Err(BadManifest::TooLong("days"));
    }
    let upto = wire.upto;
    let days = wire.days.into_iter().map(|day| day_from_wire(day, upto)).collect::<Result<Vec<_>, _>>()?;
    if !days.is_sorted_by(|one, next| (&one.programme, one.day) < (&next.programme, next.day)) {
        return Err(BadManifest::Order("days"));
    }
    Ok(Manifest { hub_life: Incarnation(wire.hub_life), upto, second: wire.second, days })
}

fn day_from_wire(wire: WireDay, upto: u64) -> Result<Day, BadManifest> {
    if wire.layers.len() > LAYERS_A_DAY_MAX {
        return Err(BadManifest::TooLong("layers"));
    }
    let layer = |layer: WireLayer| LayerRef { id: LayerId(layer.id), bytes: layer.bytes, upto: layer.upto };
    let layers: Vec<LayerRef> = wire.layers.into_iter().map(layer).collect();
    if layers.iter().any(|layer| layer.bytes as usize > LAYER_BYTES_MAX) {
        return Err(BadManifest::Content("layer's length"));
    }
    if !layers.is_sorted_by(|one, next| one.upto < next.upto) {
        return Err(BadManifest::Order("layers"));
    }
    if layers.last().is_some_and(|last| last.upto > upto) {
        return Err(BadManifest::Content("layer's position"));
    }
    Ok(Day {
        programme: wire.programme.parse().map_err(|_| BadManifest::Content("programme"))?,
        day: NaiveDate::from_num_days_from_ce_opt(wire.day).ok_or(BadManifest::Content("day"))?,
        key: Secret::new(wire.key),
        is_closed: wire.is_closed,
        unheard: wire.unheard,
        layers,
    })
}
