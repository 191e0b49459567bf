//! Lists that come over the line are counted while they are read, not afterwards: a frame of a few
//! hundred bytes may inflate to a million empty entries, each of which costs more than it weighed.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Decoder, decode::Error};

use super::message::WireJoint;
use crate::ledger::run::{DEPS_MAX, RUN_BYTES_MAX, RUN_ENTRIES_MAX};

/// Most batches in one message of the feed: above what fits in a frame with a body in each.
const PARTS_MAX: usize = 64 * 1024;

pub(super) fn deps<C>(from: &mut Decoder<'_>, context: &mut C) -> Result<Vec<ByteArray<32>>, Error> {
    at_most(DEPS_MAX, "dependencies", from, context)
}

pub(super) fn joints<C>(from: &mut Decoder<'_>, context: &mut C) -> Result<Vec<WireJoint>, Error> {
    at_most(RUN_ENTRIES_MAX, "joints", from, context)
}

pub(super) fn parts<C>(from: &mut Decoder<'_>, context: &mut C) -> Result<Vec<(u64, ByteVec)>, Error> {
    at_most(PARTS_MAX, "batches", from, context)
}

/// Also their bytes are counted: what is longer than a run was cut by no writer of ours.
pub(super) fn entries<C>(from: &mut Decoder<'_>, context: &mut C) -> Result<Vec<ByteVec>, Error> {
    let entries: Vec<ByteVec> = at_most(RUN_ENTRIES_MAX, "entries", from, context)?;
    let bytes: usize = entries.iter().map(|entry| entry.len()).sum();
    if bytes > RUN_BYTES_MAX {
        return Err(Error::message(format!("entries of {bytes} bytes")));
    }
    Ok(entries)
}

fn at_most<'b, C, T: Decode<'b, C>>(
    most: usize,
    what: &str,
    from: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    for item in from.array_iter_with(context)? {
        if out.len() == most {
            return Err(Error::message(format!("more than {most} {what}")));
        }
        out.push(item?);
    }
    Ok(out)
}
