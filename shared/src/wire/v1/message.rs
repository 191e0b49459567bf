//! What the two ends say to each other. `docs/protocol.md` tells it in order.

use std::sync::Arc;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::{WireError, bounded};
use crate::ids::{ActorId, ChangeHash, EntryId, Incarnation};
use crate::ledger::run::{Joint, Run};
use crate::ledger::schema::Place;

/// The protocol that this library speaks.
pub const PROTOCOL: u32 = 1;

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
    },
    /// Either way; the sender closes afterwards unless an entry is named.
    Refused(Refused),
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
    Acked(#[n(0)] WireId, #[n(1)] u64),
    #[n(4)]
    Down(#[n(0)] u64, #[n(1)] WireRun),
    #[n(5)]
    Feed(#[n(0)] u64, #[cbor(n(1), decode_with = "bounded::parts")] Vec<(u64, ByteVec)>),
    #[n(6)]
    Took,
    #[n(7)]
    Ask(#[n(0)] u64),
    #[n(8)]
    Beacon(#[n(0)] u64, #[n(1)] i64),
    #[n(9)]
    Refused(#[n(0)] Option<WireId>, #[n(1)] String),
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
struct WireId {
    #[cbor(n(0), with = "minicbor::bytes")]
    actor: [u8; 16],
    #[n(1)]
    seq: u32,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireRun {
    #[n(0)]
    doc: String,
    #[n(1)]
    first: WireId,
    #[n(2)]
    op: u64,
    #[cbor(n(3), decode_with = "bounded::deps")]
    deps: Vec<minicbor::bytes::ByteArray<32>>,
    #[cbor(n(4), decode_with = "bounded::entries")]
    entries: Vec<ByteVec>,
    #[cbor(n(5), decode_with = "bounded::joints")]
    joints: Vec<WireJoint>,
    #[cbor(n(6), with = "minicbor::bytes")]
    last: [u8; 32],
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireJoint {
    #[n(0)]
    index: u32,
    #[n(1)]
    op: u64,
    #[cbor(n(2), decode_with = "bounded::deps")]
    deps: Vec<minicbor::bytes::ByteArray<32>>,
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

/// A run alone, for journals that keep runs as they came.
#[must_use]
pub fn encode_run(run: &Run) -> Vec<u8> {
    minicbor::to_vec(WireRun::from(run)).unwrap_or_default()
}

/// A run alone.
///
/// # Errors
/// Where the bytes are no run.
pub fn decode_run(bytes: &[u8]) -> Result<Run, WireError> {
    let wire: WireRun =
        minicbor::decode(bytes).map_err(|cause| WireError::Cbor { what: "run", why: cause.to_string() })?;
    wire.try_into()
}

impl From<&Message> for WireMessage {
    fn from(message: &Message) -> Self {
        match message {
            Message::Hello(hello) => Self::Hello(hello.into()),
            Message::Welcome(welcome) => Self::Welcome(welcome.into()),
            Message::Up(run) => Self::Up(run.into()),
            Message::Acked { id, feed } => Self::Acked((*id).into(), *feed),
            Message::Down { pos, run } => Self::Down(*pos, run.into()),
            Message::Feed { after, parts } => {
                Self::Feed(*after, parts.iter().map(|part| (part.upto, part.body.to_vec().into())).collect())
            }
            Message::Took => Self::Took,
            Message::Ask { echo } => Self::Ask(*echo),
            Message::Beacon { echo, second } => Self::Beacon(*echo, *second),
            Message::Refused(refused) => Self::Refused(refused.id.map(Into::into), refused.why.clone()),
        }
    }
}

impl TryFrom<WireMessage> for Message {
    type Error = WireError;

    fn try_from(wire: WireMessage) -> Result<Self, WireError> {
        Ok(match wire {
            WireMessage::Hello(hello) => Self::Hello(hello.into()),
            WireMessage::Welcome(welcome) => Self::Welcome(welcome.into()),
            WireMessage::Up(run) => Self::Up(run.try_into()?),
            WireMessage::Acked(id, feed) => Self::Acked { id: id.into(), feed },
            WireMessage::Down(pos, run) => Self::Down { pos, run: run.try_into()? },
            WireMessage::Feed(after, parts) => {
                let part = |(upto, body): (u64, ByteVec)| FeedPart { upto, body: Vec::from(body).into() };
                Self::Feed { after, parts: parts.into_iter().map(part).collect() }
            }
            WireMessage::Took => Self::Took,
            WireMessage::Ask(echo) => Self::Ask { echo },
            WireMessage::Beacon(echo, second) => Self::Beacon { echo, second },
            WireMessage::Refused(id, why) => Self::Refused(Refused { id: id.map(Into::into), why }),
        })
    }
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
        }
    }
}

impl From<EntryId> for WireId {
    fn from(id: EntryId) -> Self {
        Self { actor: id.actor.0, seq: id.seq }
    }
}

impl From<WireId> for EntryId {
    fn from(wire: WireId) -> Self {
        Self { actor: ActorId(wire.actor), seq: wire.seq }
    }
}

impl From<&Run> for WireRun {
    fn from(run: &Run) -> Self {
        let joint = |joint: &Joint| WireJoint { index: joint.index, op: joint.op, deps: hashes(&joint.deps) };
        Self {
            doc: run.doc.to_string(),
            first: run.start.id.into(),
            op: run.start.op,
            deps: hashes(&run.start.deps),
            entries: run.entries.iter().map(|entry| entry.clone().into()).collect(),
            joints: run.joints.iter().map(joint).collect(),
            last: run.last.0,
        }
    }
}

impl TryFrom<WireRun> for Run {
    type Error = WireError;

    fn try_from(wire: WireRun) -> Result<Self, WireError> {
        let doc = wire.doc.parse().map_err(|cause| WireError::limit("document", cause))?;
        let joint = |joint: WireJoint| Joint { index: joint.index, op: joint.op, deps: from_hashes(joint.deps) };
        Ok(Self {
            doc,
            start: Place { id: wire.first.into(), op: wire.op, deps: from_hashes(wire.deps) },
            entries: wire.entries.into_iter().map(Into::into).collect(),
            joints: wire.joints.into_iter().map(joint).collect(),
            last: ChangeHash(wire.last),
        })
    }
}

fn hashes(hashes: &[ChangeHash]) -> Vec<minicbor::bytes::ByteArray<32>> {
    hashes.iter().map(|hash| hash.0.into()).collect()
}

fn from_hashes(hashes: Vec<minicbor::bytes::ByteArray<32>>) -> Vec<ChangeHash> {
    hashes.into_iter().map(|hash| ChangeHash(hash.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_round_trips() {
        let id = EntryId { actor: ActorId([4; 16]), seq: 8 };
        let hash = ChangeHash([6; 32]);
        let run = Run {
            doc: "site/5931102274/2020-02-06".parse().unwrap(),
            start: Place { id, op: 8, deps: vec![hash] },
            entries: vec![vec![1, 2], vec![3]],
            joints: vec![Joint { index: 1, op: 12, deps: vec![hash, hash] }],
            last: hash,
        };
        let life = Incarnation([1; 16]);
        let hello = Hello {
            protocol: PROTOCOL,
            encoder: "e".to_owned(),
            site: "5931102274".to_owned(),
            incarnation: life,
            hub_life: life,
            down: 1,
            feed: 2,
        };
        let welcome = Welcome {
            protocol: PROTOCOL,
            encoder: "e".to_owned(),
            hub_life: life,
            second: 3,
            last: Some(Seen { id, hash }),
            feed: 4,
        };
        let messages = [
            Message::Hello(hello),
            Message::Welcome(welcome),
            Message::Up(run.clone()),
            Message::Acked { id, feed: 5 },
            Message::Down { pos: 6, run: run.clone() },
            Message::Feed { after: 7, parts: vec![FeedPart { upto: 8, body: vec![9; 300].into() }] },
            Message::Took,
            Message::Ask { echo: 1 },
            Message::Beacon { echo: 1, second: -1 },
            Message::Refused(Refused { id: Some(id), why: "x".to_owned() }),
        ];
        for message in messages {
            assert_eq!(decode(&encode(&message)).unwrap(), message);
        }
        assert_eq!(decode_run(&encode_run(&run)).unwrap(), run);
    }
}
