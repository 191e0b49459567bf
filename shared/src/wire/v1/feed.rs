//! A batch of the nation's feed: who was served, as keyed fingerprints, day by day.
//!
//! Thirteen bytes a person. The same positions always have the same bytes, so that edges which
//! live in one process can share a batch by its content.

use chrono::NaiveDate;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::WireError;
use crate::entry::Pieces;
use crate::ids::ProgrammeId;
use crate::seal::Secret;

/// Most items in a batch.
pub const BATCH_ITEMS_MAX: usize = 16 * 1024;
const GONE: u8 = 0x80;

/// Part of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// By programme and day.
    pub groups: Vec<Group>,
}

/// One programme's day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The programme.
    pub programme: ProgrammeId,
    /// The business day of the sales.
    pub day: NaiveDate,
    /// The key of the fingerprints.
    pub key: Secret,
    /// In the order of the feed.
    pub items: Vec<Item>,
}

/// Somebody's sale began or ceased to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Who, under the day's key.
    pub fingerprint: u64,
    /// Which sale, for the site that made it ([`crate::seal::mark`]).
    pub mark: u32,
    /// How many pieces.
    pub pieces: Pieces,
    /// Withdrawn, or found to be one too many.
    pub gone: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireBatch {
    #[n(0)]
    groups: Vec<WireGroup>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireGroup {
    #[n(0)]
    programme: String,
    #[n(1)]
    day: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    key: [u8; 32],
    /// Eight bytes each.
    #[n(3)]
    fingerprints: ByteVec,
    /// Four bytes each.
    #[n(4)]
    marks: ByteVec,
    /// One byte each: which pieces; the top bit says gone.
    #[n(5)]
    kinds: ByteVec,
    /// The different numbers of pieces.
    #[n(6)]
    pieces: Vec<(u32, u32)>,
}

/// To bytes.
#[must_use]
pub fn encode(batch: &Batch) -> Vec<u8> {
    let groups = batch.groups.iter().flat_map(split).collect();
    minicbor::to_vec(WireBatch { groups }).unwrap_or_default()
}

/// From bytes.
///
/// # Errors
/// Where the bytes are no batch.
pub fn decode(bytes: &[u8]) -> Result<Batch, WireError> {
    let wire: WireBatch =
        minicbor::decode(bytes).map_err(|cause| WireError::Cbor { what: "feed", why: cause.to_string() })?;
    let groups = wire.groups.into_iter().map(group).collect::<Result<Vec<_>, _>>()?;
    if groups.iter().map(|group| group.items.len()).sum::<usize>() > BATCH_ITEMS_MAX {
        return Err(WireError::limit("feed", "too many items"));
    }
    Ok(Batch { groups })
}

/// A group whose pieces differ in more than 128 ways becomes several.
fn split(group: &Group) -> Vec<WireGroup> {
    let mut out: Vec<WireGroup> = Vec::new();
    for item in &group.items {
        let pieces = (item.pieces.adult, item.pieces.child);
        let fits =
            out.last().is_some_and(|last| last.pieces.len() < usize::from(GONE) || last.pieces.contains(&pieces));
        if !fits {
            out.push(empty(group));
        }
        if let Some(last) = out.last_mut() {
            push(last, item, pieces);
        }
    }
    out
}

fn empty(group: &Group) -> WireGroup {
    WireGroup {
        programme: group.programme.to_string(),
        day: group.day.to_string(),
        key: *group.key.bytes(),
        fingerprints: Vec::new().into(),
        marks: Vec::new().into(),
        kinds: Vec::new().into(),
        pieces: Vec::new(),
    }
}

fn push(group: &mut WireGroup, item: &Item, pieces: (u32, u32)) {
    let kind = group.pieces.iter().position(|known| *known == pieces).unwrap_or_else(|| {
        group.pieces.push(pieces);
        group.pieces.len() - 1
    });
    let kind = u8::try_from(kind).unwrap_or_default();
    group.fingerprints.extend_from_slice(&item.fingerprint.to_be_bytes());
    group.marks.extend_from_slice(&item.mark.to_be_bytes());
    group.kinds.push(if item.gone { kind | GONE } else { kind });
}

fn group(wire: WireGroup) -> Result<Group, WireError> {
    let bad = |why: &str| WireError::limit("feed", why);
    let count = wire.kinds.len();
    if wire.fingerprints.len() != count * 8 || wire.marks.len() != count * 4 {
        return Err(bad("columns of different length"));
    }
    let (fingerprints, marks) = (wire.fingerprints.as_chunks::<8>().0, wire.marks.as_chunks::<4>().0);
    let mut items = Vec::with_capacity(count);
    for ((fingerprint, mark), kind) in fingerprints.iter().zip(marks).zip(wire.kinds.iter()) {
        let (adult, child) =
            *wire.pieces.get(usize::from(kind & !GONE)).ok_or_else(|| bad("pieces that are not there"))?;
        items.push(Item {
            fingerprint: u64::from_be_bytes(*fingerprint),
            mark: u32::from_be_bytes(*mark),
            pieces: Pieces { adult, child },
            gone: kind & GONE != 0,
        });
    }
    Ok(Group {
        programme: wire.programme.parse().map_err(|_| bad("programme"))?,
        day: NaiveDate::parse_from_str(&wire.day, "%Y-%m-%d").map_err(|_| bad("day"))?,
        key: Secret::new(wire.key),
        items,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(items: u32) -> Batch {
        let item = |n: u32| Item {
            fingerprint: u64::from(n) << 33,
            mark: n,
            pieces: Pieces { adult: n % 3, child: n % 2 },
            gone: n.is_multiple_of(5),
        };
        let group = Group {
            programme: "mask".parse().unwrap(),
            day: NaiveDate::from_ymd_opt(2020, 2, 6).unwrap(),
            key: Secret::new([7; 32]),
            items: (0..items).map(item).collect(),
        };
        Batch { groups: vec![group] }
    }

    #[test]
    fn a_batch_round_trips_at_thirteen_bytes_a_person() {
        let batch = batch(1000);
        let bytes = encode(&batch);
        assert_eq!(decode(&bytes).unwrap(), batch);
        assert!(bytes.len() < 13 * 1000 + 100, "{}", bytes.len());
    }

    #[test]
    fn many_different_numbers_of_pieces_still_fit() {
        let mut batch = batch(400);
        for (n, item) in (0..).zip(&mut batch.groups[0].items) {
            item.pieces.adult = n;
        }
        let back = decode(&encode(&batch)).unwrap();
        let items: Vec<Item> = back.groups.into_iter().flat_map(|group| group.items).collect();
        assert_eq!(items, batch.groups[0].items);
    }

    #[test]
    fn columns_that_disagree_are_refused() {
        let bytes = encode(&batch(3));
        for at in 0..bytes.len() {
            let _ = decode(&bytes[..at]);
        }
        assert!(decode(&[]).is_err());
    }
}
