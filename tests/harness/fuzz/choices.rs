//! Bytes read as choices: a fuzzer that changes a byte changes one decision of a target, not the whole input.

/// What is left of an input. At its end every choice is the first one.
#[derive(Debug, Clone)]
pub(super) struct Choices<'a> {
    left: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(super) fn new(left: &'a [u8]) -> Self {
        Self { left }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.left.split_first() else {
            return 0;
        };
        self.left = rest;
        *first
    }

    /// A number below `end`, which is at least 1.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let byte = usize::from(self.byte());
        if end <= 256 { byte % end } else { (byte << 8 | usize::from(self.byte())) % end }
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// True where the byte is one of the last eight: something rare.
    pub(super) fn rarely(&mut self) -> bool {
        self.byte() >= 248
    }

    pub(super) fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    /// Any number, the small ones and the edges of every width first.
    pub(super) fn number(&mut self) -> u64 {
        let small = |choices: &mut Self| u64::from(choices.byte());
        match self.byte() % 8 {
            0..=2 => small(self),
            3 => u64::from(u16::from_be_bytes(self.array())),
            4 => u64::from(u32::from_be_bytes(self.array())),
            5 => u64::from_be_bytes(self.array()),
            6 => u64::from(u32::MAX) + 1 - small(self),
            _ => u64::MAX - small(self),
        }
    }

    /// As [`Self::number`], what does not fit cut off.
    pub(super) fn number32(&mut self) -> u32 {
        let [_, _, _, _, low @ ..] = self.number().to_be_bytes();
        u32::from_be_bytes(low)
    }

    /// A place in a journal or a feed.
    pub(super) fn position(&mut self) -> u64 {
        self.number() & i64::MAX.cast_unsigned()
    }

    pub(super) fn signed(&mut self) -> i64 {
        let number = self.number();
        if self.flag() { i64::from_be_bytes(number.to_be_bytes()).wrapping_neg() } else { number.cast_signed() }
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.byte())
    }

    /// The same byte throughout: enough to tell names apart.
    pub(super) fn same<const N: usize>(&mut self) -> [u8; N] {
        [self.byte(); N]
    }

    /// At most `most` bytes, as they stand.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = self.below(most + 1).min(self.left.len());
        let (bytes, rest) = self.left.split_at(len);
        self.left = rest;
        bytes
    }

    pub(super) fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }
}
