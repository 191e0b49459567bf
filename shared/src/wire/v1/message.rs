//! What the two ends say to each other. `docs/protocol.md` tells it in order.

use std::sync::Arc;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::WireError;
use super::confirm::{Confirm, Confirmed, WireConfirm, WireConfirmed};
use super::enquiry::{self, Enquiry, Told, WireEnquiry, WireTold};
use super::life::{EdgeLife, HubLife, WireEdgeLife, WireHubLife};
use super::list::at_most;
use super::run::{WireId, WireRun};
use crate::digest::{LayerId, Signed};
use crate::ids::{ChangeHash, EntryId, Incarnation};
use crate::ledger::run::Run;
use crate::seal::Secret;
use crate::sign::{Receipt, Signature};

/// The protocol that this library speaks.
pub const PROTOCOL: u32 = 1;
/// Most batches in one `Feed`.
pub const FEED_PARTS_MAX: usize = 8 * 1024;
/// Most bytes of a layer in one `Piece`.
pub const PIECE_BYTES_MAX: u32 = 64 * 1024;

/// Edge → hub, first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// [`crate::ledger::schema::ENCODER`]: both must build the same bytes.
    pub encoder: String,
    /// The site that the edge says it is; the certificate must say the same.
    pub site: String,
    /// This life of the site's store.
    pub incarnation: Incarnation,
    /// The hub's life that the two positions belong to; zeroes when none was met yet.
    pub hub_life: Incarnation,
    /// How far the hub's ledgers have come down: a position of the hub's journal.
    pub down: u64,
    /// How far the nation's feed has come down.
    pub feed: u64,
    /// None from an edge of the first version.
    pub life: Option<EdgeLife>,
    /// When the manifest that the edge holds was made, by the hub's clock, 0 for none; none from an edge that knows no
    /// digests.
    pub manifest: Option<u64>,
}

/// Hub → edge, first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// As in [`Hello`].
    pub encoder: String,
    /// One life of the hub's store: when it differs, the positions start again at 0.
    pub hub_life: Incarnation,
    /// The hub's time, seconds since 1970 (UTC).
    pub second: i64,
    /// The last entry that the hub holds of this incarnation.
    pub last: Option<Seen>,
    /// By this position of the feed, everything up to `last` has been counted.
    pub feed: u64,
    /// None from a hub of the first version.
    pub life: Option<HubLife>,
}

/// An entry that the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: EntryId,
    /// Its change's hash.
    pub hash: ChangeHash,
}

/// Why the other end closes, or a run was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The last entry of the run that was not taken, or none where the whole line is meant.
    pub id: Option<EntryId>,
    /// For the log: what was wrong.
    pub why: String,
}

/// One batch of the feed, cut where the hub cut it: the same for every edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPart {
    /// The position behind it.
    pub upto: u64,
    /// A batch, as `feed` encodes it.
    pub body: Arc<[u8]>,
}

/// Everything that crosses the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Edge → hub.
    Hello(Hello),
    /// Hub → edge.
    Welcome(Welcome),
    /// Edge → hub: entries of the site.
    Up(Run),
    /// Hub → edge: everything up to this entry is on the hub's disk, and counted at `feed`.
    Acked {
        /// The last entry of the run.
        id: EntryId,
        /// The feed's position behind it.
        feed: u64,
        /// The hub's signature for it; none from a hub of the first version.
        receipt: Option<Receipt>,
    },
    /// Hub → edge: entries of the nation's ledger or of the site's desk.
    Down {
        /// The hub's journal position behind the run.
        pos: u64,
        /// The entries.
        run: Run,
    },
    /// Hub → edge: what happened in the nation since `after`.
    Feed {
        /// The position before the first part.
        after: u64,
        /// Consecutive batches.
        parts: Vec<FeedPart>,
    },
    /// Edge → hub: one `Down` or `Feed` is on the edge's disk.
    Took,
    /// Edge → hub: what time is it?
    Ask {
        /// Comes back.
        echo: u64,
    },
    /// Hub → edge: the time.
    Beacon {
        /// What was asked.
        echo: u64,
        /// Seconds since 1970 (UTC).
        second: i64,
        /// How long the hub's feed is; none from a hub of an earlier version.
        feed: Option<u64>,
    },
    /// Either way; the sender closes afterwards unless an entry is named.
    Refused(Refused),
    /// Hub → edge: what other lives of the site's store have written.
    Own {
        /// The hub's journal position behind the run.
        pos: u64,
        /// The feed's position by which it is counted.
        feed: u64,
        /// None where only the position moves on.
        run: Option<Run>,
    },
    /// Either way, after the greeting: a secret of the site that the other end lacks.
    Key {
        /// Its number.
        number: u8,
        /// The secret.
        secret: Secret,
    },
    /// Hub → edge: which digests there are. The feed goes on behind its position.
    Manifest {
        /// The position.
        upto: u64,
        /// The manifest.
        signed: Signed,
    },
    /// Edge → hub: some bytes of a layer.
    Fetch(Fetch),
    /// Hub → edge: these; none where the layer is gone.
    Piece(Piece),
    /// Edge → hub: is it true that this person has bought?
    Confirm(Confirm),
    /// Hub → edge: what is true, in the order of the questions.
    Confirmed(Confirmed),
    /// Edge → hub: about booked places.
    Enquiry(Enquiry),
    /// Hub → edge: the answer, in the order of the questions.
    Told(Told),
}

/// Which bytes of a layer are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// Of which layer.
    pub layer: LayerId,
    /// From here on.
    pub offset: u32,
    /// At most so many, and at most [`PIECE_BYTES_MAX`].
    pub most: u32,
}

/// Some bytes of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of which layer.
    pub layer: LayerId,
    /// From here on.
    pub offset: u32,
    /// As they stand in it.
    pub bytes: Vec<u8>,
}

#[derive(Encode, Decode)]
enum WireMessage {
    #[n(0)]
    Hello(#[n(0)] WireHello),
    #[n(1)]
    Welcome(#[n(0)] WireWelcome),
    #[n(2)]
    Up(#[n(0)] WireRun),
    #[n(3)]
    Acked(#[n(0)] WireId, #[n(1)] u64, #[n(2)] Option<WireReceipt>),
    #[n(4)]
    Down(#[n(0)] u64, #[n(1)] WireRun),
    #[n(5)]
    Feed(#[n(0)] u64, #[cbor(n(1), decode_with = "at_most::<FEED_PARTS_MAX, _, _>")] Vec<(u64, ByteVec)>),
    #[n(6)]
    Took,
    #[n(7)]
    Ask(#[n(0)] u64),
    #[n(8)]
    Beacon(#[n(0)] u64, #[n(1)] i64, #[n(2)] Option<u64>),
    #[n(9)]
    Refused(#[n(0)] Option<WireId>, #[n(1)] String),
    #[n(10)]
    Own(#[n(0)] u64, #[n(1)] u64, #[n(2)] Option<WireRun>),
    #[n(11)]
    Key(#[n(0)] u8, #[cbor(n(1), with = "minicbor::bytes")] [u8; 32]),
    #[n(12)]
    Manifest(#[n(0)] u64, #[n(1)] ByteVec, #[cbor(n(2), with = "minicbor::bytes")] [u8; 64]),
    #[n(13)]
    Fetch(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32], #[n(1)] u32, #[n(2)] u32),
    #[n(14)]
    Piece(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32], #[n(1)] u32, #[n(2)] ByteVec),
    #[n(15)]
    Confirm(#[n(0)] WireConfirm),
    #[n(16)]
    Confirmed(#[n(0)] WireConfirmed),
    #[n(17)]
    Enquiry(#[n(0)] WireEnquiry),
    #[n(18)]
    Told(#[n(0)] WireTold),
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireHello {
    #[n(0)]
    protocol: u32,
    #[n(1)]
    encoder: String,
    #[n(2)]
    site: String,
    #[cbor(n(3), with = "minicbor::bytes")]
    incarnation: [u8; 16],
    #[cbor(n(4), with = "minicbor::bytes")]
    hub_life: [u8; 16],
    #[n(5)]
    down: u64,
    #[n(6)]
    feed: u64,
    #[n(7)]
    life: Option<WireEdgeLife>,
    #[n(8)]
    manifest: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireWelcome {
    #[n(0)]
    protocol: u32,
    #[n(1)]
    encoder: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    hub_life: [u8; 16],
    #[n(3)]
    second: i64,
    #[n(4)]
    last: Option<WireSeen>,
    #[n(5)]
    feed: u64,
    #[n(6)]
    life: Option<WireHubLife>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireSeen {
    #[n(0)]
    id: WireId,
    #[cbor(n(1), with = "minicbor::bytes")]
    hash: [u8; 32],
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireReceipt {
    #[n(0)]
    journal: u64,
    #[n(1)]
    second: i64,
    #[cbor(n(2), with = "minicbor::bytes")]
    signature: [u8; 64],
}

/// To bytes.
#[must_use]
pub fn encode(message: &Message) -> Vec<u8> {
    // Writing to a Vec cannot fail.
    minicbor::to_vec(WireMessage::from(message)).unwrap_or_default()
}

/// From bytes.
///
/// # Errors
/// Where the bytes are no message.
pub fn decode(bytes: &[u8]) -> Result<Message, WireError> {
    let wire: WireMessage =
        minicbor::decode(bytes).map_err(|cause| WireError::Cbor { what: "message", why: cause.to_string() })?;
    wire.try_into()
}

impl From<&Message> for WireMessage {
    fn from(message: &Message) -> Self {
        match message {
            Message::Hello(hello) => Self::Hello(hello.into()),
            Message::Welcome(welcome) => Self::Welcome(welcome.into()),
            Message::Up(run) => Self::Up(run.into()),
            Message::Acked { id, feed, receipt } => Self::Acked((*id).into(), *feed, receipt.map(Into::into)),
            Message::Down { pos, run } => Self::Down(*pos, run.into()),
            Message::Feed { after, parts } => {
                Self::Feed(*after, parts.iter().map(|part| (part.upto, part.body.to_vec().into())).collect())
            }
            Message::Took => Self::Took,
            Message::Ask { echo } => Self::Ask(*echo),
            Message::Beacon { echo, second, feed } => Self::Beacon(*echo, *second, *feed),
            Message::Refused(refused) => Self::Refused(refused.id.map(Into::into), refused.why.clone()),
            Message::Own { pos, feed, run } => Self::Own(*pos, *feed, run.as_ref().map(Into::into)),
            Message::Key { number, secret } => Self::Key(*number, *secret.bytes()),
            Message::Manifest { upto, signed } => {
                Self::Manifest(*upto, signed.body.to_vec().into(), signed.signature.0)
            }
            Message::Fetch(fetch) => Self::Fetch(fetch.layer.0, fetch.offset, fetch.most),
            Message::Piece(piece) => Self::Piece(piece.layer.0, piece.offset, piece.bytes.clone().into()),
            Message::Confirm(confirm) => Self::Confirm(confirm.into()),
            Message::Confirmed(confirmed) => Self::Confirmed(confirmed.into()),
            Message::Enquiry(asked) => Self::Enquiry(enquiry::to_wire(asked)),
            Message::Told(told) => Self::Told(enquiry::told_to_wire(told)),
        }
    }
}

impl TryFrom<WireMessage> for Message {
    type Error = WireError;

    fn try_from(wire: WireMessage) -> Result<Self, WireError> {
        Ok(match wire {
            WireMessage::Hello(hello) => Self::Hello(hello.into()),
            WireMessage::Welcome(welcome) => {
                let welcome = Welcome::from(welcome);
                position(welcome.feed)?;
                welcome.life.map(|hub| position(hub.journal)).transpose()?;
                Self::Welcome(welcome)
            }
            WireMessage::Up(run) => Self::Up(run.try_into()?),
            WireMessage::Acked(id, feed, receipt) => {
                let receipt = receipt.map(Receipt::from);
                receipt.map(|receipt| position(receipt.journal)).transpose()?;
                Self::Acked { id: id.into(), feed: position(feed)?, receipt }
            }
            WireMessage::Down(pos, run) => Self::Down { pos: position(pos)?, run: run.try_into()? },
            WireMessage::Feed(after, parts) => {
                let part = |(upto, body): (u64, ByteVec)| {
                    Ok::<_, WireError>(FeedPart { upto: position(upto)?, body: Vec::from(body).into() })
                };
                Self::Feed { after: position(after)?, parts: parts.into_iter().map(part).collect::<Result<_, _>>()? }
            }
            WireMessage::Took => Self::Took,
            WireMessage::Ask(echo) => Self::Ask { echo },
            WireMessage::Beacon(echo, second, feed) => {
                Self::Beacon { echo, second, feed: feed.map(position).transpose()? }
            }
            WireMessage::Refused(id, why) => Self::Refused(Refused { id: id.map(Into::into), why }),
            WireMessage::Own(pos, feed, run) => {
                let run = run.map(Run::try_from).transpose()?;
                Self::Own { pos: position(pos)?, feed: position(feed)?, run }
            }
            WireMessage::Key(number, secret) => Self::Key { number, secret: Secret::new(secret) },
            WireMessage::Manifest(upto, body, signature) => {
                let signed = Signed { body: Vec::from(body).into(), signature: Signature(signature) };
                Self::Manifest { upto: position(upto)?, signed }
            }
            WireMessage::Fetch(layer, offset, most) => {
                Self::Fetch(Fetch { layer: LayerId(layer), offset, most: most.min(PIECE_BYTES_MAX) })
            }
            WireMessage::Piece(layer, offset, bytes) => {
                if u32::try_from(bytes.len()).is_ok_and(|len| len <= PIECE_BYTES_MAX) {
                    Self::Piece(Piece { layer: LayerId(layer), offset, bytes: bytes.into() })
                } else {
                    return Err(WireError::limit("piece", "too many bytes"));
                }
            }
            WireMessage::Confirm(confirm) => Self::Confirm(confirm.try_into()?),
            WireMessage::Confirmed(confirmed) => Self::Confirmed(confirmed.try_into()?),
            WireMessage::Enquiry(asked) => Self::Enquiry(enquiry::from_wire(asked)?),
            WireMessage::Told(told) => Self::Told(enquiry::told_from_wire(told)?),
        })
    }
}

/// A place in the hub's journal or feed: what no store can count to is none, and an edge that believed it would
/// wait for ever for what comes behind.
pub(super) fn position(pos: u64) -> Result<u64, WireError> {
    i64::try_from(pos).map(|_| pos).map_err(|_| WireError::limit("position", pos))
}

impl From<&Hello> for WireHello {
    fn from(hello: &Hello) -> Self {
        Self {
            protocol: hello.protocol,
            encoder: hello.encoder.clone(),
            site: hello.site.clone(),
            incarnation: hello.incarnation.0,
            hub_life: hello.hub_life.0,
            down: hello.down,
            feed: hello.feed,
            life: hello.life.as_ref().map(Into::into),
            manifest: hello.manifest,
        }
    }
}

impl From<WireHello> for Hello {
    fn from(wire: WireHello) -> Self {
        Self {
            protocol: wire.protocol,
            encoder: wire.encoder,
            site: wire.site,
            incarnation: Incarnation(wire.incarnation),
            hub_life: Incarnation(wire.hub_life),
            down: wire.down,
            feed: wire.feed,
            life: wire.life.map(Into::into),
            manifest: wire.manifest,
        }
    }
}

impl From<&Welcome> for WireWelcome {
    fn from(welcome: &Welcome) -> Self {
        let last = welcome.last.map(|seen| WireSeen { id: seen.id.into(), hash: seen.hash.0 });
        Self {
            protocol: welcome.protocol,
            encoder: welcome.encoder.clone(),
            hub_life: welcome.hub_life.0,
            second: welcome.second,
            last,
            feed: welcome.feed,
            life: welcome.life.map(Into::into),
        }
    }
}

impl From<WireWelcome> for Welcome {
    fn from(wire: WireWelcome) -> Self {
        Self {
            protocol: wire.protocol,
            encoder: wire.encoder,
            hub_life: Incarnation(wire.hub_life),
            second: wire.second,
            last: wire.last.map(|seen| Seen { id: seen.id.into(), hash: ChangeHash(seen.hash) }),
            feed: wire.feed,
            life: wire.life.map(Into::into),
        }
    }
}

impl From<Receipt> for WireReceipt {
    fn from(receipt: Receipt) -> Self {
        Self { journal: receipt.journal, second: receipt.second, signature: receipt.signature.0 }
    }
}

impl From<WireReceipt> for Receipt {
    fn from(wire: WireReceipt) -> Self {
        Self { journal: wire.journal, second: wire.second, signature: Signature(wire.signature) }
    }
}

#[cfg(test)]
mod tests;
