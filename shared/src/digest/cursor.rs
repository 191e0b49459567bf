//! Whole bytes of a layer, one field after the other.

use super::layer::BadLayer;

/// Where in the bytes the next field begins.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// All of them, also those before.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(super) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], BadLayer> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let found = *rest.first_chunk().ok_or(BadLayer::Truncated)?;
        self.at += N;
        Ok(found)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], BadLayer> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (found, _) = rest.split_at_checked(count).ok_or(BadLayer::Truncated)?;
        self.at += count;
        Ok(found)
    }
}
