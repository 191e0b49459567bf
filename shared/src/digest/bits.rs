//! Bits behind each other, the highest of a byte first, filled up to whole bytes with zeros.

/// So many bits are sure to be in one window, wherever in a byte it begins.
const WINDOW_BITS: u32 = 57;

/// Appends bits to bytes.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// The last bits, fewer than eight of them not yet written.
    rest: u64,
    held: u32,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, rest: 0, held: 0 }
    }

    /// The lowest `count` bits of `value`, at most 64.
    pub(super) fn put(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.put(value >> 32, count - 32);
            return self.put(value, 32);
        }
        self.rest = (self.rest << count) | (value & ((1 << count) - 1));
        self.held += count;
        while self.held >= 8 {
            self.held -= 8;
            self.out.push((self.rest >> self.held).to_be_bytes()[7]);
        }
    }

    /// So many zeros, then a one.
    pub(super) fn put_zeros(&mut self, mut zeros: u64) {
        while zeros >= 32 {
            self.put(0, 32);
            zeros -= 32;
        }
        self.put(1, u32::try_from(zeros).unwrap_or_default() + 1);
    }

    /// Fills up the last byte.
    pub(super) fn end(mut self) {
        if self.held > 0 {
            self.put(0, 8 - self.held);
        }
    }
}

/// Reads what [`Writer`] wrote; `None` behind the end.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Reader<'a> {
    /// From the bit `at` on.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The bit at which it stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bits are left.
    pub(super) fn left(&self) -> u64 {
        (self.bytes.len() as u64 * 8).saturating_sub(self.at as u64)
    }

    /// The next `count` bits, at most 64.
    pub(super) fn take(&mut self, count: u32) -> Option<u64> {
        if count > 32 {
            let high = self.take(count - 32)?;
            return Some((high << 32) | self.take(32)?);
        }
        if self.left() < u64::from(count) {
            return None;
        }
        let value = self.window().checked_shr(64 - count).unwrap_or(0);
        self.at += count as usize;
        Some(value)
    }

    /// The zeros before the next one, and past it.
    pub(super) fn take_zeros(&mut self) -> Option<u64> {
        let mut zeros = 0;
        loop {
            let lead = self.window().leading_zeros();
            if lead < WINDOW_BITS {
                self.at += lead as usize + 1;
                return Some(zeros + u64::from(lead));
            }
            if self.left() < u64::from(WINDOW_BITS) {
                return None;
            }
            self.at += WINDOW_BITS as usize;
            zeros += u64::from(WINDOW_BITS);
        }
    }

    /// To the next whole byte. `None` where what is passed is not zero.
    pub(super) fn end(&mut self) -> Option<usize> {
        let over = u32::try_from(self.at % 8).unwrap_or_default();
        if over > 0 && self.take(8 - over) != Some(0) {
            return None;
        }
        Some(self.at / 8)
    }

    /// The bits from here on, the first one highest; zeros behind the end.
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = rest.first_chunk().map_or_else(|| short(rest), |word| u64::from_be_bytes(*word));
        word << (self.at % 8)
    }
}

#[cold]
fn short(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_taken_and_nothing_behind_it() {
        let parts = [(0, 0), (1, 1), (5, 3), (0x0fed_cba9_8765, 48), (u64::MAX, 64), (3, 57), (0, 33)];
        let zeros = [0, 1, 7, 31, 32, 33, 56, 57, 58, 1000];
        let mut bytes = vec![0xff];
        let mut writer = Writer::new(&mut bytes);
        for (value, count) in parts {
            writer.put(value, count);
        }
        zeros.iter().for_each(|zeros| writer.put_zeros(*zeros));
        writer.end();
        let mut reader = Reader::new(&bytes, 8);
        for (value, count) in parts {
            assert_eq!(reader.take(count), Some(value), "{count} bits");
        }
        for zeros in zeros {
            assert_eq!(reader.take_zeros(), Some(zeros));
        }
        assert_eq!(reader.end(), Some(bytes.len()));
        assert_eq!((reader.take(0), reader.take(1), reader.take_zeros()), (Some(0), None, None));
        assert_eq!(Reader::new(&[0x80], 3).end(), Some(1));
        assert_eq!(Reader::new(&[0x81], 3).end(), None, "filled up with something");
    }
}
