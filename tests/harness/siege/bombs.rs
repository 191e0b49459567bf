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

/// A bomb: its name, and the bytes to say.
pub type Bomb = (&'static str, Vec<u8>);

/// How many kinds there are.
pub const KINDS: usize = 13;

/// The `n`-th kind, for a site.
///
/// # Errors
/// Where it cannot be built.
pub fn bomb(n: usize, site: SiteCode, dice: &mut SmallRng) -> Result<Bomb> {
    let doc = DocId::Site { site, day: taipei_day(MORNING) };
    let up = |run: Run| frame::encode(&Message::Up(run));
    Ok(match n % KINDS {
        0 => ("64 MiB of zeros in a frame", compressed(&vec![0; 64 << 20])?),
        1 => ("a million empty entries", compressed(&million_entries(site))?),
        2 => ("a thousand frames of 1 MiB", megabyte(site)?.repeat(1_000)),
        3 => ("500,000 arrays in each other", compressed(&[vec![0x82, 7, 0x82, 1], vec![0x81; 500_000]].concat())?),
        4 => ("a frame of 2 GiB", vec![0x7f, 0xff, 0xff, 0xff, 0, 0]),
        5 => ("garbage", garbage(dice)),
        6 => ("a deflated change as an entry", up(one(doc, dice.random(), deflated_change()?)?)?),
        7 => ("a nest as an entry", up(one(doc, dice.random(), vec![0x81; 32 * 1024])?)?),
        8 => ("eight orphans", orphans(doc, dice)?),
        9 => ("a full run that cannot be read", up(full(doc, dice.random())?)?),
        10 => ("an actor and sequence used again", up(one(doc, [3; 16], dice.next_u64().to_be_bytes().to_vec())?)?),
        11 => ("a wrong hash", up(Run { last: ChangeHash(dice.random()), ..one(doc, dice.random(), vec![0])? })?),
        _ => ("ten thousand questions", questions()?),
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
