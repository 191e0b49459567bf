//! What the edge asks, line by line. A line may hold a PIN: every buffer that it passes through is cleaned behind it.

use std::io::{Error, Read, Result};

use edge::cards::lines::ASK_BYTES_MAX;
use zeroize::{Zeroize, Zeroizing};

/// So much is read at once: more than the standard input's own buffer holds, which is passed by then. Nobody could clean
/// that one.
const CHUNK_BYTES: usize = 64 * 1024;

/// Reads asks.
pub(crate) struct Asks<R> {
    from: R,
    chunk: Zeroizing<Vec<u8>>,
    /// What was read and not given out; it never grows beyond what it was made for, so that no copy is left behind.
    text: Zeroizing<Vec<u8>>,
}

impl<R: Read> Asks<R> {
    pub(crate) fn new(from: R) -> Self {
        let text = Zeroizing::new(Vec::with_capacity(ASK_BYTES_MAX + CHUNK_BYTES));
        Self { from, chunk: Zeroizing::new(vec![0; CHUNK_BYTES]), text }
    }

    /// The next line without its end; none at the end of all.
    pub(crate) fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.give(end)));
            }
            if self.text.len() > ASK_BYTES_MAX {
                return Err(Error::other("an ask without an end"));
            }
            let read = self.from.read(&mut self.chunk)?;
            let Some(news) = self.chunk.get_mut(..read).filter(|news| !news.is_empty()) else { return Ok(None) };
            self.text.extend_from_slice(news);
            news.zeroize();
        }
    }

    fn give(&mut self, end: usize) -> Zeroizing<Vec<u8>> {
        let line = Zeroizing::new(self.text.iter().take(end).copied().collect());
        let left = self.text.len() - end - 1;
        self.text.copy_within(end + 1.., 0);
        self.text.iter_mut().skip(left).for_each(Zeroize::zeroize);
        self.text.truncate(left);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives piece by piece, as a pipe does.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn lines_come_whole_however_they_were_cut_and_nothing_of_them_stays() {
        let mut asks = Asks::new(Pieces(vec![b"on", b"e\ntwo\nth", b"ree\n", b"\nno end"]));
        let mut lines = Vec::new();
        while let Some(line) = asks.next().unwrap() {
            lines.push(line.to_vec());
            assert!(asks.chunk.iter().all(|byte| *byte == 0));
        }
        assert_eq!(lines, [b"one".as_slice(), b"two", b"three", b""]);
        assert_eq!(asks.text.as_slice(), b"no end");
    }

    #[test]
    fn a_line_without_an_end_is_given_up_and_no_buffer_grew() {
        let endless: &'static [u8] = &[b'x'; 1_000];
        let mut asks = Asks::new(Pieces(vec![endless; 100]));
        assert!(asks.next().is_err());
        assert_eq!(asks.text.capacity(), ASK_BYTES_MAX + CHUNK_BYTES);
    }
}
