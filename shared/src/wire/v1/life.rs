//! What both ends say of their own lives in the greeting, behind what the first version says: which process, which
//! store, which keys. An end of the first version says none of it and skips it.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::list::at_most;
use super::run::WireId;
use crate::ids::{EntryId, Incarnation};
use crate::seal::KeyMark;
use crate::sign::PublicKey;

/// Most secrets of one site; every machine that lost its disk brought one.
pub const KEYS_MAX: usize = 16;
/// Most chains whose ends an edge tells.
pub const TIPS_MAX: usize = 8;

/// Edge → hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeLife {
    /// The process: new at every start, so that two that run on one store are told apart.
    pub boot: [u8; 16],
    /// The life that this one goes on from.
    pub parent: Option<Parent>,
    /// How far the site's own ledgers have come back: a position of the hub's journal.
    pub own: u64,
    /// By which key the site signs its heads.
    pub signer: PublicKey,
    /// Which of the site's secrets are here.
    pub keys: Vec<KeyMark>,
    /// The last entry of the newest chains in the log: what is known need not come back.
    pub tips: Vec<EntryId>,
}

/// The life before, and why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Which.
    pub incarnation: Incarnation,
    /// Why another began.
    pub began: Began,
}

/// Why a store took a new incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Began {
    /// The stamp beside the store was missing or another: a backup, or a folder that was copied without it.
    Stamp,
    /// The hub held entries that the store had lost: an old image came back.
    Behind,
    /// Two processes ran under one stamp: the folder was cloned.
    Doubled,
}

impl Began {
    /// Its number on the wire and on the disk.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Stamp => 0,
            Self::Behind => 1,
            Self::Doubled => 2,
        }
    }

    /// From its number; what a later version may add is as vague as a missing stamp.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Behind,
            2 => Self::Doubled,
            _ => Self::Stamp,
        }
    }
}

/// Hub → edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubLife {
    /// This incarnation is used twice: take a new one and dial again.
    pub renew: bool,
    /// How long the hub's journal is. Shorter than ever seen: the hub is an old image of itself.
    pub journal: u64,
    /// By which key the hub countersigns.
    pub signer: PublicKey,
    /// The hub lacks a secret of the site.
    pub wants_keys: bool,
    /// The hub reads disputes; an earlier one would put aside the run that holds one.
    pub disputes: bool,
    /// The hub answers a [`Confirm`](super::confirm::Confirm); an earlier one would end the line.
    pub confirms: bool,
    /// The hub reads grants and revocations; an earlier one would put aside the run that holds one.
    pub access: bool,
    /// The hub reads bookings and answers questions about them ([`super::enquiry`]); an earlier one does neither.
    pub booking: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireEdgeLife {
    #[cbor(n(0), with = "minicbor::bytes")]
    boot: [u8; 16],
    #[n(1)]
    parent: Option<WireParent>,
    #[n(2)]
    own: u64,
    #[cbor(n(3), with = "minicbor::bytes")]
    signer: [u8; 32],
    #[cbor(n(4), decode_with = "at_most::<KEYS_MAX, _, _>")]
    keys: Vec<ByteArray<8>>,
    #[cbor(n(5), decode_with = "at_most::<TIPS_MAX, _, _>")]
    tips: Vec<WireId>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireParent {
    #[cbor(n(0), with = "minicbor::bytes")]
    incarnation: [u8; 16],
    #[n(1)]
    began: u8,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireHubLife {
    #[n(0)]
    renew: bool,
    #[n(1)]
    journal: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    signer: [u8; 32],
    #[n(3)]
    wants_keys: bool,
    #[n(4)]
    disputes: Option<bool>,
    #[n(5)]
    confirms: Option<bool>,
    #[n(6)]
    access: Option<bool>,
    #[n(7)]
    booking: Option<bool>,
}

impl From<&EdgeLife> for WireEdgeLife {
    fn from(life: &EdgeLife) -> Self {
        let parent = |parent: Parent| WireParent { incarnation: parent.incarnation.0, began: parent.began.code() };
        Self {
            boot: life.boot,
            parent: life.parent.map(parent),
            own: life.own,
            signer: life.signer.0,
            keys: life.keys.iter().map(|mark| mark.0.into()).collect(),
            tips: life.tips.iter().map(|tip| (*tip).into()).collect(),
        }
    }
}

impl From<WireEdgeLife> for EdgeLife {
    fn from(wire: WireEdgeLife) -> Self {
        let parent = |parent: WireParent| Parent {
            incarnation: Incarnation(parent.incarnation),
            began: Began::from_code(parent.began),
        };
        Self {
            boot: wire.boot,
            parent: wire.parent.map(parent),
            own: wire.own,
            signer: PublicKey(wire.signer),
            keys: wire.keys.into_iter().map(|mark| KeyMark(mark.into())).collect(),
            tips: wire.tips.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<HubLife> for WireHubLife {
    fn from(life: HubLife) -> Self {
        Self {
            renew: life.renew,
            journal: life.journal,
            signer: life.signer.0,
            wants_keys: life.wants_keys,
            disputes: life.disputes.then_some(true),
            confirms: life.confirms.then_some(true),
            access: life.access.then_some(true),
            booking: life.booking.then_some(true),
        }
    }
}

impl From<WireHubLife> for HubLife {
    fn from(wire: WireHubLife) -> Self {
        Self {
            renew: wire.renew,
            journal: wire.journal,
            signer: PublicKey(wire.signer),
            wants_keys: wire.wants_keys,
            disputes: wire.disputes.unwrap_or(false),
            confirms: wire.confirms.unwrap_or(false),
            access: wire.access.unwrap_or(false),
            booking: wire.booking.unwrap_or(false),
        }
    }
}
