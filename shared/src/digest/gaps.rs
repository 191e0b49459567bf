//! Sorted prefixes as Golomb-Rice coded gaps: for random prefixes half a bit above what any code of them needs.
//!
//! Each prefix is told by how far it lies behind the one before it (the next one possible: 0), in two parts: the gap
//! divided by 2^k as that many zeros and a one, then its last k bits. k follows from the width and the count.

use super::bits::{Reader, Writer};
use super::layer::BadLayer;

/// One prefix in so many is also kept as it is, so that a look-up decodes half as many.
const STRIDE: u32 = 64;

/// Which k makes the fewest bits: the least one with 2^k ≥ ln φ · 2^width ÷ count, where one bit more in the last
/// part begins to cost as much as it spares in the first.
fn rice(width: u8, count: u32) -> u32 {
    let goal = 481_212_u128 << width;
    let unit = u128::from(count) * 1_000_000;
    (0..u32::from(width)).find(|k| unit << k >= goal).unwrap_or(u32::from(width))
}

/// Appends the prefixes, which ascend and are below 2^`width`.
pub(super) fn write(out: &mut Vec<u8>, width: u8, prefixes: &[u64]) {
    let k = rice(width, u32::try_from(prefixes.len()).unwrap_or(u32::MAX));
    let mut bits = Writer::new(out);
    let mut next = 0;
    for prefix in prefixes {
        let gap = prefix.saturating_sub(next);
        bits.put_zeros(gap.checked_shr(k).unwrap_or(0));
        bits.put(gap, k);
        next = prefix + 1;
    }
    bits.end();
}

/// Where the prefixes lie in the bytes, and every 64th of them.
pub(super) struct Gaps {
    count: u32,
    rice: u32,
    /// The bit at which they begin.
    from: usize,
    /// The 1st, the 65th … prefix.
    firsts: Vec<u64>,
    /// The bit behind each of them: fewer than 2^28.
    behind: Vec<u32>,
}

impl Gaps {
    /// Reads them all; also tells the byte behind them.
    pub(super) fn open(bytes: &[u8], from: usize, width: u8, count: u32) -> Result<(Self, usize), BadLayer> {
        let rice = rice(width, count);
        let mut walk = Walk { bits: Reader::new(bytes, from * 8), rice, left: count, next: 0 };
        // Before anything is allocated: each takes a one and the last part.
        if walk.bits.left() < u64::from(count) * u64::from(rice + 1) {
            return Err(BadLayer::Truncated);
        }
        let samples = count.div_ceil(STRIDE) as usize;
        let (mut firsts, mut behind) = (Vec::with_capacity(samples), Vec::with_capacity(samples));
        for number in 0..count {
            let prefix = walk.next().ok_or(BadLayer::Truncated)?;
            if prefix >> width != 0 {
                return Err(BadLayer::Outside);
            }
            if number.is_multiple_of(STRIDE) {
                firsts.push(prefix);
                behind.push(u32::try_from(walk.bits.at()).map_err(|_| BadLayer::TooLong(bytes.len()))?);
            }
        }
        let end =
            walk.bits.end().ok_or(BadLayer::NotCanonical("the last byte of the gaps is not filled with zeros"))?;
        Ok((Self { count, rice, from: from * 8, firsts, behind }, end))
    }

    /// Which of them it is, from 0.
    pub(super) fn find(&self, bytes: &[u8], prefix: u64) -> Option<u32> {
        let sample = self.firsts.partition_point(|first| *first <= prefix).checked_sub(1)?;
        let (first, behind) = (*self.firsts.get(sample)?, *self.behind.get(sample)?);
        let number = u32::try_from(sample).ok()? * STRIDE;
        if first == prefix {
            return Some(number);
        }
        let left = (self.count - number).min(STRIDE) - 1;
        let walk = Walk { bits: Reader::new(bytes, behind as usize), rice: self.rice, left, next: first + 1 };
        for (number, found) in (number + 1..).zip(walk) {
            if found >= prefix {
                return (found == prefix).then_some(number);
            }
        }
        None
    }

    pub(super) fn walk<'a>(&self, bytes: &'a [u8]) -> Walk<'a> {
        Walk { bits: Reader::new(bytes, self.from), rice: self.rice, left: self.count, next: 0 }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// On the heap.
    pub(super) fn memory_bytes(&self) -> usize {
        self.firsts.capacity() * size_of::<u64>() + self.behind.capacity() * size_of::<u32>()
    }
}

/// Decodes one after the other.
pub(super) struct Walk<'a> {
    bits: Reader<'a>,
    rice: u32,
    left: u32,
    /// The least prefix that may follow.
    next: u64,
}

impl Iterator for Walk<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let zeros = self.bits.take_zeros()?;
        let last = self.bits.take(self.rice)?;
        // What is too far for 64 bits is outside every width too.
        let gap = zeros.saturating_mul(1 << self.rice).saturating_add(last);
        let prefix = self.next.saturating_add(gap);
        self.next = prefix.saturating_add(1);
        Some(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits that k makes of a geometric gap of that mean, beside those of its neighbours.
    #[test]
    fn no_other_parameter_makes_fewer_bits() {
        for (width, count) in [(37, 100_000), (40, 825_000), (41, 1_650_000), (40, 40_500), (20, 700_000), (60, 3)] {
            let mean = 2f64.powi(i32::from(width)) / f64::from(count);
            let bits = |k: u32| f64::from(k) + 1.0 + 1.0 / (2f64.powi(k.cast_signed()) / mean).exp_m1();
            let k = rice(width, count);
            assert!(bits(k) <= bits(k + 1) && (k == 0 || bits(k) <= bits(k - 1)), "{width} {count}: {k}");
        }
        assert_eq!(rice(40, 825_000), 20);
        assert_eq!(rice(20, 0), 20);
        assert_eq!(rice(20, 1 << 20), 0);
    }
}
