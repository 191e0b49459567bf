//! A run of entries as it crosses the line and lies in the journal, and the names of entries.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::decode::Error;
use minicbor::{Decode, Decoder, Encode};

use super::WireError;
use super::list::at_most;
use crate::ids::{ActorId, ChangeHash, EntryId};
use crate::ledger::run::{DEPS_MAX, Joint, RUN_BYTES_MAX, RUN_ENTRIES_MAX, Run};
use crate::ledger::schema::Place;
use crate::sign::Signature;

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireId {
    #[cbor(n(0), with = "minicbor::bytes")]
    actor: [u8; 16],
    #[n(1)]
    seq: u32,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireRun {
    #[n(0)]
    doc: String,
    #[n(1)]
    first: WireId,
    #[n(2)]
    op: u64,
    #[cbor(n(3), decode_with = "at_most::<DEPS_MAX, _, _>")]
    deps: Vec<ByteArray<32>>,
    #[cbor(n(4), decode_with = "entries_of_a_run")]
    entries: Vec<ByteVec>,
    #[cbor(n(5), decode_with = "at_most::<RUN_ENTRIES_MAX, _, _>")]
    joints: Vec<WireJoint>,
    #[cbor(n(6), with = "minicbor::bytes")]
    last: [u8; 32],
    #[n(7)]
    signature: Option<ByteArray<64>>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireJoint {
    #[n(0)]
    index: u32,
    #[n(1)]
    op: u64,
    #[cbor(n(2), decode_with = "at_most::<DEPS_MAX, _, _>")]
    deps: Vec<ByteArray<32>>,
}

/// Also their bytes are counted: what is longer than a run was cut by no writer of ours.
fn entries_of_a_run<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<ByteVec>, Error> {
    let entries: Vec<ByteVec> = at_most::<RUN_ENTRIES_MAX, _, _>(decoder, context)?;
    let bytes: usize = entries.iter().map(|entry| entry.len()).sum();
    if bytes > RUN_BYTES_MAX { Err(Error::message("entries are too long for a run")) } else { Ok(entries) }
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
            signature: run.signature.map(|signature| signature.0.into()),
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
            signature: wire.signature.map(|signature| Signature(signature.into())),
        })
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

fn hashes(hashes: &[ChangeHash]) -> Vec<ByteArray<32>> {
    hashes.iter().map(|hash| hash.0.into()).collect()
}

fn from_hashes(hashes: Vec<ByteArray<32>>) -> Vec<ChangeHash> {
    hashes.into_iter().map(|hash| ChangeHash(hash.into())).collect()
}
