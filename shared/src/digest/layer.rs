//! A layer's bytes (docs/protocol.md, Digests): written by [`encode`], read whole by [`Layer::open`], which takes nothing
//! that `encode` would not have written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use super::cursor::Cursor;
use super::gaps::{self, Gaps};
use super::manifest::LayerRef;
use super::pieces::{self, Table};
use super::{Found, Header, LAYER_BYTES_MAX, LayerId, State, WIDTH_MAX, WIDTH_MIN};
use crate::entry::Pieces;
use crate::ids::ProgrammeId;

const MAGIC: [u8; 3] = *b"ALY";
const VERSION: u8 = 1;
/// The only flag.
const HAS_PIECES: u8 = 1;

/// Why bytes are no layer, or not the one that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLayer {
    /// More bytes than a layer may have.
    #[error("a layer of {0} bytes is too long")]
    TooLong(usize),
    /// It ends before its end.
    #[error("the layer is cut short")]
    Truncated,
    /// It does not begin as one.
    #[error("the bytes are no layer")]
    NoLayer,
    /// Written by a later version.
    #[error("layers of version {0} cannot be read here")]
    Version(u8),
    /// What its header says cannot be.
    #[error("the layer's {0} cannot be")]
    Header(&'static str),
    /// A prefix or a number that is larger than it may be.
    #[error("a number in the layer is larger than it may be")]
    Outside,
    /// Somebody is among those that count and among those that do not.
    #[error("a fingerprint counts and is gone in one layer")]
    Twice,
    /// It says the same as another layer in other bytes.
    #[error("the layer is not in its one form: {0}")]
    NotCanonical(&'static str),
    /// Something stands behind its end.
    #[error("{0} bytes stand behind the layer's end")]
    Behind(usize),
    /// Another layer than the one that was named.
    #[error("this is layer {found}, not {wanted}")]
    WrongId {
        /// What was asked for.
        wanted: LayerId,
        /// What is here.
        found: LayerId,
    },
    /// Not as long as was said.
    #[error("the layer has {found} bytes, not {wanted}")]
    WrongSize {
        /// What was said.
        wanted: u32,
        /// What is here.
        found: usize,
    },
    /// Of another programme.
    #[error("the layer is another programme's")]
    WrongProgramme,
    /// Of another day.
    #[error("the layer is of {found}, not of {wanted}")]
    WrongDay {
        /// What was asked for.
        wanted: NaiveDate,
        /// What is here.
        found: NaiveDate,
    },
    /// Up to another position of the feed.
    #[error("the layer goes up to {found} in the feed, not to {wanted}")]
    WrongPosition {
        /// What was said.
        wanted: u64,
        /// What is here.
        found: u64,
    },
}

/// Writes a layer: what each full fingerprint has come to, cut to the header's width (one outside the limits is moved
/// to the nearest limit).
///
/// Equal prefixes fall together: who counts wins over who is gone, and the pieces of several that count are added up.
/// The same arguments always make the same bytes. Who writes more than [`LAYER_BYTES_MAX`] writes what nobody opens.
#[must_use]
pub fn encode(header: &Header, changes: &BTreeMap<u64, State>) -> Vec<u8> {
    let width = header.width.clamp(WIDTH_MIN, WIDTH_MAX);
    // Fingerprints ascend, so equal prefixes stand side by side.
    let mut folded: Vec<(u64, State)> = Vec::with_capacity(changes.len());
    for (fingerprint, state) in changes {
        let prefix = prefix(*fingerprint, width);
        match folded.last_mut() {
            Some((last, known)) if *last == prefix => *known = known.with(*state),
            _ => folded.push((prefix, *state)),
        }
    }
    let (mut people, mut gone, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
    for (prefix, state) in folded {
        match state {
            State::Counts(of) => {
                people.push(prefix);
                pieces.push(of);
            }
            State::Gone => gone.push(prefix),
        }
    }
    let mut out = begin(header, width, people.len(), gone.len());
    gaps::write(&mut out, width, &people);
    if header.has_pieces {
        pieces::write(&mut out, &pieces);
    }
    gaps::write(&mut out, width, &gone);
    out
}

/// The header's bytes, and the two counts.
fn begin(header: &Header, width: u8, people: usize, gone: usize) -> Vec<u8> {
    let programme = header.programme.as_str().as_bytes();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = MAGIC.to_vec();
    out.extend([VERSION, if header.has_pieces { HAS_PIECES } else { 0 }, width]);
    out.extend(header.day.num_days_from_ce().to_be_bytes());
    out.extend(header.after.to_be_bytes());
    out.extend(header.upto.to_be_bytes());
    out.extend(count(people));
    out.extend(count(gone));
    // A name has at most forty.
    out.push(u8::try_from(programme.len()).unwrap_or_default());
    out.extend_from_slice(programme);
    out
}

fn read_header(cursor: &mut Cursor<'_>) -> Result<(Header, u32, u32), BadLayer> {
    if cursor.array()? != MAGIC {
        return Err(BadLayer::NoLayer);
    }
    let [version] = cursor.array()?;
    if version != VERSION {
        return Err(BadLayer::Version(version));
    }
    let [flags, width] = cursor.array()?;
    if flags & !HAS_PIECES != 0 {
        return Err(BadLayer::Header("flags"));
    }
    if !(WIDTH_MIN..=WIDTH_MAX).contains(&width) {
        return Err(BadLayer::Header("width"));
    }
    let day = i32::from_be_bytes(cursor.array()?);
    let day = NaiveDate::from_num_days_from_ce_opt(day).ok_or(BadLayer::Header("day"))?;
    let (after, upto) = (u64::from_be_bytes(cursor.array()?), u64::from_be_bytes(cursor.array()?));
    if after > upto || upto > i64::MAX.cast_unsigned() {
        return Err(BadLayer::Header("position"));
    }
    let (people, gone) = (u32::from_be_bytes(cursor.array()?), u32::from_be_bytes(cursor.array()?));
    let [length] = cursor.array()?;
    let programme = str::from_utf8(cursor.take(length.into())?).map_err(|_| BadLayer::Header("programme"))?;
    let programme: ProgrammeId = programme.parse().map_err(|_| BadLayer::Header("programme"))?;
    let has_pieces = flags & HAS_PIECES != 0;
    Ok((Header { programme, day, width, has_pieces, after, upto }, people, gone))
}

/// The first `width` bits.
fn prefix(fingerprint: u64, width: u8) -> u64 {
    fingerprint >> (64 - u32::from(width))
}

/// A layer that was checked whole and is ready for look-ups.
pub struct Layer {
    bytes: Arc<[u8]>,
    id: LayerId,
    header: Header,
    people: Gaps,
    pieces: Option<Table>,
    gone: Gaps,
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layer({:?}, {} {}, ", self.id, self.header.programme, self.header.day)?;
        write!(f, "{} to {}, {} count, {} gone)", self.header.after, self.header.upto, self.people(), self.gone())
    }
}

impl Layer {
    /// Reads and checks every byte; what is held beside the bytes is never more than four times as much.
    ///
    /// # Errors
    /// Where [`encode`] would not have written these bytes.
    pub fn open(bytes: Arc<[u8]>) -> Result<Self, BadLayer> {
        if bytes.len() > LAYER_BYTES_MAX {
            return Err(BadLayer::TooLong(bytes.len()));
        }
        let mut cursor = Cursor::new(&bytes);
        let (header, people, gone) = read_header(&mut cursor)?;
        let (people, end) = Gaps::open(&bytes, cursor.at(), header.width, people)?;
        cursor.skip_to(end);
        let pieces = if header.has_pieces { Some(Table::open(&mut cursor, people.count())?) } else { None };
        let (gone, end) = Gaps::open(&bytes, cursor.at(), header.width, gone)?;
        if end != bytes.len() {
            return Err(BadLayer::Behind(bytes.len().saturating_sub(end)));
        }
        let id = LayerId::of(&bytes);
        let layer = Self { id, header, people, pieces, gone, bytes };
        if layer.says_both() { Err(BadLayer::Twice) } else { Ok(layer) }
    }

    fn says_both(&self) -> bool {
        let mut people = self.people.walk(&self.bytes).peekable();
        self.gone.walk(&self.bytes).any(|gone| {
            while people.next_if(|prefix| *prefix < gone).is_some() {}
            people.peek() == Some(&gone)
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> LayerId {
        self.id
    }

    /// What it says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many prefixes count.
    #[must_use]
    pub fn people(&self) -> u64 {
        self.people.count().into()
    }

    /// How many prefixes count no more.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.gone.count().into()
    }

    /// Its bytes on the line and on the disk.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What it takes in memory: its bytes, and what makes look-ups quick.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let table = self.pieces.as_ref().map_or(0, Table::memory_bytes);
        size_of::<Self>() + self.bytes.len() + self.people.memory_bytes() + self.gone.memory_bytes() + table
    }

    /// Whether it is the layer that a manifest names for the programme's day: to be asked of whatever was fetched.
    ///
    /// # Errors
    /// What is different.
    pub fn expect(&self, programme: &ProgrammeId, day: NaiveDate, wanted: &LayerRef) -> Result<(), BadLayer> {
        if self.header.programme != *programme {
            return Err(BadLayer::WrongProgramme);
        }
        if self.header.day != day {
            return Err(BadLayer::WrongDay { wanted: day, found: self.header.day });
        }
        if self.header.upto != wanted.upto {
            return Err(BadLayer::WrongPosition { wanted: wanted.upto, found: self.header.upto });
        }
        if u32::try_from(self.bytes.len()) != Ok(wanted.bytes) {
            return Err(BadLayer::WrongSize { wanted: wanted.bytes, found: self.bytes.len() });
        }
        if self.id != wanted.id {
            return Err(BadLayer::WrongId { wanted: wanted.id, found: self.id });
        }
        Ok(())
    }

    /// What it says of the full fingerprint; `None` where it does not say anything. It is sure of nobody: another
    /// person may have the same prefix.
    #[must_use]
    pub fn find(&self, fingerprint: u64) -> Option<Found> {
        let prefix = prefix(fingerprint, self.header.width);
        if let Some(number) = self.people.find(&self.bytes, prefix) {
            return Some(Found::Counts(self.pieces_of(number)));
        }
        self.gone.find(&self.bytes, prefix).map(|_| Found::Gone)
    }

    /// All that it says, by prefix: first those that count, then those that are gone, each ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Found)> {
        let people = (0..).zip(self.people.walk(&self.bytes));
        let counts = people.map(|(number, prefix)| (prefix, Found::Counts(self.pieces_of(number))));
        counts.chain(self.gone.walk(&self.bytes).map(|prefix| (prefix, Found::Gone)))
    }

    fn pieces_of(&self, number: u32) -> Option<Pieces> {
        self.pieces.as_ref().and_then(|table| table.of(&self.bytes, number))
    }
}
