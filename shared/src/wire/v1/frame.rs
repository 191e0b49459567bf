//! Frames: a length, one byte that says whether the rest is compressed, a message.
//!
//! A frame that is too long is refused before it is read, one that would grow too large before
//! it is inflated. Compression stands here and nowhere else.

use super::WireError;
use super::message::{self, Message};

/// Longest frame, before and after compression, in bytes.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of messages out of one piece of the stream: more than both ends may have unanswered.
const PUSH_BYTES_MAX: usize = 8 * FRAME_BYTES_MAX;
/// Shorter messages are not worth compressing, in bytes.
const COMPRESS_FROM_BYTES: usize = 128;
/// A batch of up to ten fingerprints or so, with what surrounds them.
const SMALL_BATCH_BYTES: usize = 200;
const LEVEL: i32 = 3;
const HEADER: usize = 4;
/// What a line keeps between two frames.
const SHRINK_TO_BYTES: usize = 4 * 1024;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

const _: () = assert!(crate::ledger::run::RUN_BYTES_MAX * 2 < FRAME_BYTES_MAX, "a run and its framing fit in a frame");

/// A whole frame.
///
/// # Errors
/// Where the message is too long for a frame.
pub fn encode(message: &Message) -> Result<Vec<u8>, WireError> {
    let plain = message::encode(message);
    if plain.len() >= FRAME_BYTES_MAX {
        return Err(WireError::limit("frame", format!("{} bytes", plain.len())));
    }
    let packed = if is_random(message) { None } else { compress(&plain) };
    let (kind, body) = match packed {
        Some(packed) => (ZSTD, packed),
        None => (PLAIN, plain),
    };
    let length = u32::try_from(body.len() + 1).map_err(|_| WireError::limit("frame", body.len()))?;
    let mut out = Vec::with_capacity(HEADER + 1 + body.len());
    out.extend_from_slice(&length.to_be_bytes());
    out.push(kind);
    out.extend_from_slice(&body);
    Ok(out)
}

/// Keyed fingerprints do not compress: trying cost a sixth of a national day's replay. What surrounds them does, where
/// there is more of it: small batches that each name the day and its key.
fn is_random(message: &Message) -> bool {
    let Message::Feed { parts, .. } = message else { return false };
    parts.iter().map(|part| part.body.len()).sum::<usize>() > parts.len() * SMALL_BATCH_BYTES
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < COMPRESS_FROM_BYTES {
        return None;
    }
    zstd::bulk::compress(plain, LEVEL).ok().filter(|packed| packed.len() < plain.len())
}

/// The message and its size, inflated.
fn decode(body: &[u8]) -> Result<(Message, usize), WireError> {
    let (kind, rest) = body.split_first().ok_or_else(|| WireError::limit("frame", "empty"))?;
    match *kind {
        PLAIN => Ok((message::decode(rest)?, rest.len())),
        ZSTD => {
            let plain = zstd::bulk::decompress(rest, FRAME_BYTES_MAX)
                .map_err(|cause| WireError::limit("compressed frame", cause))?;
            Ok((message::decode(&plain)?, plain.len()))
        }
        other => Err(WireError::limit("frame", format!("kind {other}"))),
    }
}

/// Cuts a stream of bytes into messages; holds at most one frame and the last piece of the stream.
#[derive(Debug, Default)]
pub struct Deframer {
    held: Vec<u8>,
    at: usize,
    inflated: usize,
}

impl Deframer {
    /// Takes bytes as they come and gives every message that is complete.
    ///
    /// # Errors
    /// At the first frame that is no message; the stream is then useless and must be closed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Message>, WireError> {
        self.take(bytes);
        let mut out = Vec::new();
        while let Some(message) = self.next_message()? {
            out.push(message);
        }
        Ok(out)
    }

    /// Takes bytes as they come; [`Self::next_message`] gives what they complete.
    pub fn take(&mut self, bytes: &[u8]) {
        self.held.drain(..self.at);
        (self.at, self.inflated) = (0, 0);
        self.held.extend_from_slice(bytes);
    }

    /// The next message that is complete: one at a time, so that many small frames that inflate to
    /// large ones never lie in memory together.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn next_message(&mut self) -> Result<Option<Message>, WireError> {
        let Some(body) = next_body(self.held.get(self.at..).unwrap_or_default())? else {
            self.held.drain(..self.at);
            self.at = 0;
            self.held.shrink_to(SHRINK_TO_BYTES);
            return Ok(None);
        };
        let (message, size) = decode(body)?;
        self.at += HEADER + body.len();
        self.inflated += size;
        if self.inflated > PUSH_BYTES_MAX {
            return Err(WireError::limit("frames", format!("{} bytes at once", self.inflated)));
        }
        Ok(Some(message))
    }

    /// How many bytes the next message has inflated, once its frame is all there; found without inflating it.
    #[must_use]
    pub fn complete(&self) -> Option<usize> {
        let body = next_body(self.held.get(self.at..).unwrap_or_default()).ok()??;
        Some(match body.split_first() {
            Some((&ZSTD, packed)) => inflated(packed),
            Some(_) | None => body.len(),
        })
    }

    /// How long the frame is that has begun and is not all there; none between frames.
    #[must_use]
    pub fn unfinished(&self) -> Option<usize> {
        let held = self.held.get(self.at..).unwrap_or_default();
        if held.is_empty() {
            return None;
        }
        let length = held.split_first_chunk::<HEADER>().map_or(0, |(length, _)| u32::from_be_bytes(*length));
        Some(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

/// What a packed body says of its size: the most that a frame may have, where it says nothing or is several in a row.
fn inflated(packed: &[u8]) -> usize {
    let is_one = zstd::zstd_safe::find_frame_compressed_size(packed).is_ok_and(|length| length == packed.len());
    let said = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().filter(|_| is_one);
    said.and_then(|bytes| usize::try_from(bytes).ok()).map_or(FRAME_BYTES_MAX, |bytes| bytes.min(FRAME_BYTES_MAX))
}

/// The body of the first frame, once it is all there.
fn next_body(held: &[u8]) -> Result<Option<&[u8]>, WireError> {
    let Some((length, rest)) = held.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(WireError::limit("frame", format!("{length} bytes")));
    }
    Ok(rest.get(..length))
}

#[cfg(test)]
mod tests {
    use super::super::message::FeedPart;
    use super::*;

    fn beacon(second: i64) -> Message {
        Message::Beacon { echo: 7, second, feed: None }
    }

    #[test]
    fn messages_survive_any_cut_of_the_stream() {
        let stream: Vec<u8> = (0..5).flat_map(|n| encode(&beacon(n)).unwrap()).collect();
        for cut in 1..stream.len() {
            let mut deframer = Deframer::default();
            let mut seen = deframer.push(&stream[..cut]).unwrap();
            seen.extend(deframer.push(&stream[cut..]).unwrap());
            assert_eq!(seen, (0..5).map(beacon).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_surrounds_many_small_batches_of_the_feed_is_compressed_and_fingerprints_are_not() {
        let mut n = 0u64;
        let mut part = |items: usize| {
            let mut body = vec![7; 60];
            // As random as a fingerprint.
            body.extend((0..items * 12).map(|_| {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                n.to_be_bytes()[0]
            }));
            FeedPart { upto: 8, body: body.into() }
        };
        let kind = |parts: &[FeedPart]| encode(&Message::Feed { after: 7, parts: parts.to_vec() }).unwrap()[HEADER];
        let small: Vec<FeedPart> = (0..45).map(|_| part(1)).collect();
        let large: Vec<FeedPart> = (0..5).map(|_| part(1_000)).collect();
        assert_eq!((kind(&small), kind(&large), kind(&large[..1])), (ZSTD, PLAIN, PLAIN));
        let frame = encode(&Message::Feed { after: 7, parts: small.clone() }).unwrap();
        assert!(frame.len() < 45 * 25, "{} bytes", frame.len());
        assert_eq!(Deframer::default().push(&frame).unwrap(), [Message::Feed { after: 7, parts: small }]);
    }

    #[test]
    fn the_size_of_a_message_is_known_before_it_is_inflated() {
        let framed = |packed: &[u8]| {
            let mut deframer = Deframer::default();
            deframer.take(&u32::try_from(packed.len() + 1).unwrap().to_be_bytes());
            assert_eq!(deframer.complete(), None);
            deframer.take(&[ZSTD]);
            deframer.take(packed);
            deframer.complete().unwrap()
        };
        let small = zstd::bulk::compress(&[0; 200], 3).unwrap();
        let large = zstd::bulk::compress(&vec![0; FRAME_BYTES_MAX / 2], 3).unwrap();
        let bomb = zstd::bulk::compress(&vec![0; 2 * FRAME_BYTES_MAX], 3).unwrap();
        assert_eq!((framed(&small), framed(&large), framed(&bomb)), (200, FRAME_BYTES_MAX / 2, FRAME_BYTES_MAX));
        assert_eq!(framed(&[small, large].concat()), FRAME_BYTES_MAX, "the second is not seen: the most is assumed");
        assert_eq!(framed(b"no zstd"), FRAME_BYTES_MAX);
        let mut plain = Deframer::default();
        plain.take(&encode(&beacon(1)).unwrap());
        assert!(plain.complete().unwrap() < 100);
    }

    #[test]
    fn a_frame_too_long_is_refused_before_it_is_read() {
        let mut deframer = Deframer::default();
        assert!(deframer.push(&[0x7f, 0xff, 0xff, 0xff]).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_inflated() {
        let bomb = zstd::bulk::compress(&vec![0; 64 * FRAME_BYTES_MAX], 19).unwrap();
        let mut frame = u32::try_from(bomb.len() + 1).unwrap().to_be_bytes().to_vec();
        frame.push(ZSTD);
        frame.extend(bomb);
        assert!(Deframer::default().push(&frame).is_err());
    }

    #[test]
    fn many_small_bombs_are_refused_as_one_big_one() {
        let why = "a".repeat(FRAME_BYTES_MAX - 64);
        let frame = encode(&Message::Refused(message::Refused { id: None, why })).unwrap();
        assert!(frame.len() < 256, "it does compress");
        let stream = frame.repeat(100);
        assert!(Deframer::default().push(&stream).is_err(), "100 MiB out of 10 kB");
        let mut deframer = Deframer::default();
        let slowly = stream.chunks(frame.len()).filter(|frame| deframer.push(frame).is_ok());
        assert_eq!(slowly.count(), 100, "one at a time is as large as any frame");
    }

    #[test]
    fn a_million_empty_entries_are_counted_while_they_are_read() {
        let mut run = vec![0x82, 2, 0x81, 0x87, 0x78, 26];
        run.extend_from_slice(b"site/5931102274/2020-02-06");
        run.extend_from_slice(&[0x82, 0x50]);
        run.extend_from_slice(&[1; 16]);
        run.extend_from_slice(&[1, 1, 0x80, 0x9a, 0, 0x0f, 0, 0]);
        let head = run.len();
        run.resize(head + 0x000f_0000, 0x40);
        let body = zstd::bulk::compress(&run, 19).unwrap();
        assert!(body.len() < 512, "{} bytes inflate to {}", body.len(), run.len());
        let mut frame = u32::try_from(body.len() + 1).unwrap().to_be_bytes().to_vec();
        frame.push(ZSTD);
        frame.extend(body);
        let why = Deframer::default().push(&frame).unwrap_err().to_string();
        assert!(why.contains("a list is too long"), "{why}");
    }

    #[test]
    fn a_frame_that_has_begun_says_how_long_it_will_be() {
        let frame = encode(&beacon(1)).unwrap();
        let mut deframer = Deframer::default();
        assert_eq!(deframer.unfinished(), None);
        deframer.take(&frame[..frame.len() - 1]);
        assert_eq!(deframer.next_message().unwrap(), None);
        assert_eq!(deframer.unfinished(), Some(frame.len() - HEADER));
        deframer.take(&frame[frame.len() - 1..]);
        assert_eq!(deframer.next_message().unwrap(), Some(beacon(1)));
        assert_eq!(deframer.next_message().unwrap(), None);
        assert_eq!(deframer.unfinished(), None);
    }

    #[test]
    fn nonsense_is_an_error_and_not_a_panic() {
        for body in [&[][..], &[9, 9], &[0], &[1, 1, 2, 3], &[0, 0xff, 0xff]] {
            let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
            frame.extend_from_slice(body);
            assert!(Deframer::default().push(&frame).is_err(), "{body:?}");
        }
    }
}
