//! How many pieces each of a layer's people has: the different numbers once, and a short index a person.

use std::collections::BTreeSet;

use super::bits::{Reader, Writer};
use super::cursor::Cursor;
use super::layer::BadLayer;
use crate::entry::Pieces;

/// Appends how many different ones there are, those, and which of them each person has. There is no limit to how
/// different they may be: each makes the index wider for all.
pub(super) fn write(out: &mut Vec<u8>, pieces: &[Pieces]) {
    let table: Vec<Pieces> = pieces.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    put_number(out, u32::try_from(table.len()).unwrap_or(u32::MAX));
    for pieces in &table {
        put_number(out, pieces.adult);
        put_number(out, pieces.child);
    }
    let width = index_bits(table.len());
    let mut bits = Writer::new(out);
    for pieces in pieces {
        bits.put(table.binary_search(pieces).unwrap_or_default() as u64, width);
    }
    bits.end();
}

/// Bits that tell `count` things apart.
fn index_bits(count: usize) -> u32 {
    count.saturating_sub(1).checked_ilog2().map_or(0, |log| log + 1)
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number.to_be_bytes()[3] | 0x80);
        number >>= 7;
    }
    out.push(number.to_be_bytes()[3]);
}

fn number(cursor: &mut Cursor<'_>) -> Result<u32, BadLayer> {
    let mut number = 0u64;
    for shift in (0..35).step_by(7) {
        let [byte] = cursor.array()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            if byte == 0 && shift > 0 {
                return Err(BadLayer::NotCanonical("a number is longer than it need be"));
            }
            return u32::try_from(number).map_err(|_| BadLayer::Outside);
        }
    }
    Err(BadLayer::Outside)
}

/// The different numbers, and where the index lies.
pub(super) struct Table {
    table: Vec<Pieces>,
    /// The bit at which it begins.
    from: usize,
}

impl Table {
    /// Reads the numbers and every index.
    pub(super) fn open(cursor: &mut Cursor<'_>, people: u32) -> Result<Self, BadLayer> {
        let count = number(cursor)?;
        if count > people || (count == 0 && people > 0) {
            return Err(BadLayer::NotCanonical("numbers of pieces that nobody has"));
        }
        // Before anything is allocated: each takes two bytes.
        if (cursor.left() as u64) < u64::from(count) * 2 {
            return Err(BadLayer::Truncated);
        }
        let mut table: Vec<Pieces> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let pieces = Pieces { adult: number(cursor)?, child: number(cursor)? };
            if table.last().is_some_and(|last| *last >= pieces) {
                return Err(BadLayer::NotCanonical("the numbers of pieces do not ascend"));
            }
            table.push(pieces);
        }
        let found = Self { from: cursor.at() * 8, table };
        found.check(cursor, people)?;
        Ok(found)
    }

    fn check(&self, cursor: &mut Cursor<'_>, people: u32) -> Result<(), BadLayer> {
        let width = index_bits(self.table.len());
        let mut bits = Reader::new(cursor.bytes(), self.from);
        let mut used = vec![false; self.table.len()];
        for _ in 0..people {
            let index = bits.take(width).ok_or(BadLayer::Truncated)?;
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            *used.get_mut(index).ok_or(BadLayer::NotCanonical("pieces that are not in the table"))? = true;
        }
        if used.contains(&false) {
            return Err(BadLayer::NotCanonical("numbers of pieces that nobody has"));
        }
        let end = bits.end().ok_or(BadLayer::NotCanonical("the last byte of the pieces is not filled with zeros"))?;
        cursor.skip_to(end);
        Ok(())
    }

    /// Those of a person.
    pub(super) fn of(&self, bytes: &[u8], number: u32) -> Option<Pieces> {
        let width = index_bits(self.table.len());
        let index = Reader::new(bytes, self.from + number as usize * width as usize).take(width)?;
        self.table.get(usize::try_from(index).ok()?).copied()
    }

    /// On the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        self.table.capacity() * size_of::<Pieces>()
    }
}
