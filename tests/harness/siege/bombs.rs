//! What a hostile site with papers says once it is let in: frames that no edge of ours would send.

use std::io::Write;

use anyhow::Result;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rand::rngs::SmallRng;
use rand::{Rng, RngExt};
use shared::ids::{ActorId, ChangeHash, DocId, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::{RUN_BYTES_MAX, RUN_ENTRIES_MAX, Run};
use shared::rules::calendar::taipei_day;
use shared::wire::v1::frame;
use shared::wire::v1::message::{Message, Refused};

use super::MORNING;

const ZSTD: u8 = 1;

/// How many kinds there are.
pub const KINDS: usize = 13;

/// The `n`-th kind, for a site: the bytes to say.
///
/// # Errors
/// Where it cannot be built.
pub fn bomb(n: usize, site: SiteCode, dice: &mut SmallRng) -> Result<Vec<u8>> {
    let doc = DocId::Site { site, day: taipei_day(MORNING) };
    let up = |run: Run| frame::encode(&Message::Up(run));
    Ok(match n % KINDS {
        // 64 MiB of zeros in a frame.
        0 => compressed(&vec![0; 64 << 20])?,
        // A million empty entries.
        1 => compressed(&million_entries(site))?,
        // A thousand frames of 1 MiB.
        2 => megabyte(site)?.repeat(1_000),
        // 500,000 arrays in each other.
        3 => compressed(&[vec![0x82, 7, 0x82, 1], vec![0x81; 500_000]].concat())?,
        // A frame of 2 GiB.
        4 => vec![0x7f, 0xff, 0xff, 0xff, 0, 0],
        // Garbage.
        5 => garbage(dice),
        // A deflated change as an entry.
        6 => up(one(doc, dice.random(), deflated_change()?)?)?,
        // A nest as an entry.
        7 => up(one(doc, dice.random(), vec![0x81; 32 * 1024])?)?,
        // Eight orphans.
        8 => orphans(doc, dice)?,
        // A full run that cannot be read.
        9 => up(full(doc, dice.random())?)?,
        // An actor and sequence used again.
        10 => up(one(doc, [3; 16], dice.next_u64().to_be_bytes().to_vec())?)?,
        // A wrong hash.
        11 => up(Run { last: ChangeHash(dice.random()), ..one(doc, dice.random(), vec![0])? })?,
        // Ten thousand questions.
        _ => questions()?,
    })
}

fn compressed(body: &[u8]) -> Result<Vec<u8>> {
    let packed = zstd::bulk::compress(body, 3)?;
    let mut out = u32::try_from(packed.len() + 1)?.to_be_bytes().to_vec();
    out.push(ZSTD);
    out.extend(packed);
    Ok(out)
}

fn million_entries(site: SiteCode) -> Vec<u8> {
    let doc = format!("site/{site}/2020-02-06");
    let mut run = vec![0x82, 2, 0x81, 0x87, 0x78, 26];
    run.extend_from_slice(doc.as_bytes());
    run.extend_from_slice(&[0x82, 0x50]);
    run.extend_from_slice(&[1; 16]);
    run.extend_from_slice(&[1, 1, 0x80, 0x9a, 0, 0x0f, 0, 0]);
    let length = run.len() + 0x000f_0000;
    run.resize(length, 0x40);
    run
}

/// A run that says its ledger in a megabyte of words: a message in every place but one.
fn megabyte(site: SiteCode) -> Result<Vec<u8>> {
    let why = format!("{site}{}", "a".repeat(frame::FRAME_BYTES_MAX - 128));
    Ok(frame::encode(&Message::Refused(Refused { id: None, why }))?)
}

fn garbage(dice: &mut SmallRng) -> Vec<u8> {
    let mut bytes = vec![0; 16 * 1024];
    dice.fill_bytes(&mut bytes);
    bytes[..4].copy_from_slice(&[0, 0, 0x3f, 0xfc]);
    bytes
}

/// A chunk as Automerge reads it: magic, checksum, "deflated", a length, a thousand times less than it becomes.
fn deflated_change() -> Result<Vec<u8>> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(&vec![0; 8 << 20])?;
    let body = deflate.finish()?;
    let mut out = vec![0x85, 0x6f, 0x4a, 0x83, 1, 2, 3, 4, 2];
    let mut length = body.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f)? | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length)?);
    out.extend(body);
    Ok(out)
}

fn one(doc: DocId, actor: [u8; 16], entry: Vec<u8>) -> Result<Run> {
    let mut tip = Tip::start(doc, ActorId(actor), 0, vec![]);
    let start = tip.next.clone();
    let last = tip.append(&entry)?.hash;
    Ok(Run { doc, start, entries: vec![entry], joints: vec![], last, signature: None })
}

fn full(doc: DocId, actor: [u8; 16]) -> Result<Run> {
    let mut tip = Tip::start(doc, ActorId(actor), 0, vec![]);
    let start = tip.next.clone();
    let entries = vec![vec![0xff; RUN_BYTES_MAX / RUN_ENTRIES_MAX]; RUN_ENTRIES_MAX];
    let mut last = ChangeHash([0; 32]);
    for entry in &entries {
        last = tip.append(entry)?.hash;
    }
    Ok(Run { doc, start, entries, joints: vec![], last, signature: None })
}

fn orphans(doc: DocId, dice: &mut SmallRng) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..8 {
        let mut tip = Tip::start(doc, ActorId(dice.random()), 5, vec![ChangeHash(dice.random())]);
        let start = tip.next.clone();
        let last = tip.append(b"orphan")?.hash;
        let run = Run { doc, start, entries: vec![b"orphan".to_vec()], joints: vec![], last, signature: None };
        out.extend(frame::encode(&Message::Up(run))?);
    }
    Ok(out)
}

fn questions() -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for echo in 0..10_000 {
        out.extend(frame::encode(&Message::Ask { echo })?);
    }
    Ok(out)
}
