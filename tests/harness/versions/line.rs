//! A recorded line: every frame that crossed it, whole and in its order, as text (`>` up, `<` down).
//!
//! Knows of a frame only its header and of a message only its number: those never change. Nothing here asks the
//! decoder of this version.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use minicbor::Decoder;

const HEADER_BYTES: usize = 4;
/// Of a frame, before and after compression: longer ones no version reads.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// The messages' numbers on the wire, as far as a player must tell them apart.
pub mod number {
    /// Edge → hub, first.
    pub const HELLO: u32 = 0;
    /// Hub → edge, first.
    pub const WELCOME: u32 = 1;
    /// A run.
    pub const UP: u32 = 2;
    /// A run is on the hub's disk.
    pub const ACKED: u32 = 3;
    /// A run of the hub's.
    pub const DOWN: u32 = 4;
    /// Batches of the feed.
    pub const FEED: u32 = 5;
    /// One `DOWN`, `FEED` or `OWN` is on the edge's disk.
    pub const TOOK: u32 = 6;
    /// What time is it?
    pub const ASK: u32 = 7;
    /// The time.
    pub const BEACON: u32 = 8;
    /// A run of another life of the site; not in the first version.
    pub const OWN: u32 = 10;
}

/// What an edge says `Took` to.
pub const GIVEN: [u32; 3] = [number::DOWN, number::FEED, number::OWN];

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The edge.
    Edge,
    /// The hub.
    Hub,
}

/// A frame that crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossed {
    /// From where.
    pub from: End,
    /// Its bytes, header and all.
    pub frame: Vec<u8>,
}

/// Reads a recorded line.
///
/// # Errors
/// Where the file is none.
pub fn read(path: &Path) -> Result<Vec<Crossed>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let one = |line: &str| {
        let (from, hex) = line.split_once(' ').with_context(|| format!("no frame: {line}"))?;
        let from = match from {
            ">" => End::Edge,
            "<" => End::Hub,
            _ => bail!("from nobody: {line}"),
        };
        Ok(Crossed { from, frame: HEXLOWER.decode(hex.as_bytes())? })
    };
    text.lines().map(one).collect()
}

/// Writes one.
///
/// # Errors
/// Where the disk refuses.
pub fn write(path: &Path, line: &[Crossed]) -> Result<()> {
    let mut text = String::new();
    for crossed in line {
        let from = if crossed.from == End::Edge { '>' } else { '<' };
        writeln!(text, "{from} {}", HEXLOWER.encode(&crossed.frame))?;
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// What one end said.
#[must_use]
pub fn said(line: &[Crossed], by: End) -> Vec<Vec<u8>> {
    line.iter().filter(|crossed| crossed.from == by).map(|crossed| crossed.frame.clone()).collect()
}

/// Cuts a stream into whole frames.
#[derive(Debug, Default)]
pub struct Cutter {
    held: Vec<u8>,
}

impl Cutter {
    /// Takes bytes as they come; gives the frames that they complete.
    ///
    /// # Errors
    /// Where a frame is longer than any version reads.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.held.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(length) = self.held.first_chunk::<HEADER_BYTES>() {
            let length = usize::try_from(u32::from_be_bytes(*length))?;
            ensure!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
            if self.held.len() < HEADER_BYTES + length {
                break;
            }
            let rest = self.held.split_off(HEADER_BYTES + length);
            frames.push(std::mem::replace(&mut self.held, rest));
        }
        Ok(frames)
    }
}

/// The message in a frame, inflated.
///
/// # Errors
/// Where it is no frame.
pub fn message(frame: &[u8]) -> Result<Vec<u8>> {
    let body = frame.get(HEADER_BYTES..).unwrap_or_default();
    match body.split_first() {
        Some((0, plain)) => Ok(plain.to_vec()),
        Some((1, packed)) => zstd::bulk::decompress(packed, FRAME_BYTES_MAX).context("inflate a frame"),
        Some((kind, _)) => bail!("a frame of kind {kind}"),
        None => bail!("an empty frame"),
    }
}

/// The number of the message in a frame.
///
/// # Errors
/// Where it is no frame.
pub fn number(frame: &[u8]) -> Result<u32> {
    let message = message(frame)?;
    let mut decoder = Decoder::new(&message);
    decoder.array()?;
    Ok(decoder.u32()?)
}

/// How many of these frames hold a message of one of these numbers.
#[must_use]
pub fn count(frames: &[Vec<u8>], numbers: &[u32]) -> usize {
    frames.iter().filter(|frame| number(frame).is_ok_and(|found| numbers.contains(&found))).count()
}
