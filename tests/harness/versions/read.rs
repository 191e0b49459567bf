//! What frames mean to this version, so that what it says can be laid beside what was recorded.

use anyhow::{Context, Result, bail};
use shared::entry::Fact;
use shared::ids::{ChangeHash, DocId, EntryId};
use shared::wire::v1::feed::Item;
use shared::wire::v1::message::{self, Hello, Message, Seen};
use shared::wire::v1::{entry, feed};

use super::line;

/// How much a hub has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    downs: usize,
    feed: u64,
}

impl Reached {
    /// By these frames.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn by(frames: &[Vec<u8>]) -> Result<Self> {
        let told = Told::by(frames)?;
        Ok(Self { downs: told.down.len(), feed: told.feed })
    }

    /// Whether this is as much as that.
    #[must_use]
    pub fn covers(&self, that: &Self) -> bool {
        self.downs >= that.downs && self.feed >= that.feed
    }
}

/// What a hub told, whatever its cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// What it held at the greeting.
    pub seen: Vec<Option<Seen>>,
    /// What it took.
    pub acked: Vec<EntryId>,
    /// Its own facts.
    pub down: Vec<(DocId, Fact)>,
    /// Who was served, in the order of the marks: within a batch, which may be cut elsewhere, none is promised.
    pub people: Vec<Item>,
    /// The position behind them.
    pub feed: u64,
}

impl Told {
    /// By these frames.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn by(frames: &[Vec<u8>]) -> Result<Self> {
        let mut told = Self::default();
        for frame in frames {
            match message::decode(&line::message(frame)?)? {
                Message::Welcome(welcome) => told.seen.push(welcome.last),
                Message::Acked { id, .. } => told.acked.push(id),
                Message::Down { run, .. } => {
                    for bytes in &run.entries {
                        told.down.push((run.doc, entry::decode(bytes)?.fact));
                    }
                }
                Message::Feed { parts, .. } => {
                    for part in parts {
                        told.feed = part.upto;
                        let groups = feed::decode(&part.body)?.groups;
                        told.people.extend(groups.into_iter().flat_map(|group| group.items));
                    }
                }
                Message::Hello(_)
                | Message::Up(_)
                | Message::Took
                | Message::Ask { .. }
                | Message::Beacon { .. }
                | Message::Refused(_)
                | Message::Own { .. }
                | Message::Manifest { .. }
                | Message::Fetch(_)
                | Message::Piece(_)
                | Message::Confirm(_)
                | Message::Confirmed(_)
                | Message::Enquiry(_)
                | Message::Told(_)
                | Message::Key { .. } => {}
            }
        }
        told.people.sort_by_key(|item| (item.mark, item.gone));
        Ok(told)
    }
}

/// A run that an edge offered.
#[derive(Debug, PartialEq, Eq)]
pub struct Offered {
    /// Its last entry.
    pub last: EntryId,
    /// That one's hash, which covers all before it.
    pub hash: ChangeHash,
    /// The bytes of all.
    pub entries: Vec<Vec<u8>>,
}

/// The runs that an edge offered.
///
/// # Errors
/// Where a frame cannot be read.
pub fn offered(frames: &[Vec<u8>]) -> Result<Vec<Offered>> {
    let mut offered = Vec::new();
    for frame in frames {
        if let Message::Up(run) = message::decode(&line::message(frame)?)? {
            offered.push(Offered { last: run.last_id(), hash: run.last, entries: run.entries });
        }
    }
    Ok(offered)
}

/// An edge's greeting, as far as every version says it.
///
/// # Errors
/// Where it did not greet.
pub fn greeted(frames: &[Vec<u8>]) -> Result<Hello> {
    match message::decode(&line::message(frames.first().context("nothing was said")?)?)? {
        Message::Hello(hello) => Ok(Hello { life: None, manifest: None, ..hello }),
        other => bail!("no greeting: {other:?}"),
    }
}
