//! The gateway's doors: the greeting, and what comes down (docs/architecture.md).

use std::sync::Arc;

use shared::ids::{Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::sync::handshake;
use shared::sync::hub::{Input, OwnStanding};
use shared::wire::v1::message::{FeedPart, Hello, Welcome};
use shared::wire::v1::run::decode_run;

use super::{Hub, HubError};
use crate::store::{FeedRow, ManifestRow};

/// Most bytes of feed in one message; at least one batch goes.
const FEED_MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Greetings are written down together, so often at most, in seconds.
const CONTACTS_EVERY_S: i64 = 10;

/// What the hub answers to an edge's greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// To send.
    pub welcome: Welcome,
    /// Give the hub's ledgers from behind this journal position.
    pub down: u64,
    /// Give the feed from behind this position.
    pub feed: u64,
    /// When the manifest that the edge holds was made, 0 for none; none where it takes none.
    pub manifest: Option<u64>,
    /// What is given back of the site's own ledgers; none to an edge of the first version.
    pub own: Option<OwnStanding>,
}

impl Hub {
    /// Greets an edge whose certificate names `site`.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn greet(&mut self, site: &SiteCode, hello: &Hello, second: i64) -> Result<Greeting, HubError> {
        self.heard(site, &hello.incarnation, second)?;
        let met = match &hello.life {
            Some(life) => Some(self.meet(site, hello, life, second)?),
            None => None,
        };
        self.lend_at_greeting(site, hello, second)?;
        let last = self.store.line_last(site, &hello.incarnation)?;
        // What this line sent was counted in the transaction that took it.
        let counted = self.store.feed_position()?;
        let same = hello.hub_life == self.life;
        if !same && goes_by_others(hello) {
            self.note_turned(site, second)?;
        }
        let (life, own) = met.unzip();
        Ok(Greeting {
            welcome: Welcome { life, ..handshake::welcome(self.life, second, last, counted) },
            down: if same { hello.down } else { 0 },
            feed: if same { hello.feed } else { 0 },
            manifest: hello.manifest.map(|held| if same { held } else { 0 }),
            own,
        })
    }

    /// Notes that a line was heard: at once in memory, together with others on the disk.
    pub(crate) fn heard(&mut self, site: &SiteCode, of: &Incarnation, second: i64) -> Result<(), HubError> {
        self.memory.contacts.insert((*site, *of), second);
        self.heard_life(site, of, second);
        if second.saturating_sub(self.memory.contacts_written) < CONTACTS_EVERY_S {
            return Ok(());
        }
        self.transact(|hub| hub.write_contacts(second))
    }

    /// Writes down who was heard.
    pub(crate) fn write_contacts(&mut self, second: i64) -> Result<(), HubError> {
        for ((site, of), heard) in std::mem::take(&mut self.memory.contacts) {
            self.store.touch_line(&site, &of, heard)?;
        }
        self.memory.contacts_written = second;
        Ok(())
    }

    /// The next run of the nation's ledger or of the site's desk behind a journal position.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_down(&self, site: &SiteCode, after: u64) -> Result<Option<(Run, u64)>, HubError> {
        let Some(pos) = self.store.next_down(site, after)? else {
            return Ok(None);
        };
        let row = self.store.journal(pos)?.ok_or_else(|| HubError::Damaged(format!("journal row {pos} is missing")))?;
        Ok(Some((self.decode(pos, &row.run)?, pos)))
    }

    /// A run as the journal holds it.
    pub(crate) fn decode(&self, pos: u64, run: &[u8]) -> Result<Run, HubError> {
        decode_run(run).map_err(|cause| HubError::Damaged(format!("journal row {pos}: {cause}")))
    }

    /// What an edge that has the feed up to a position is given next: a newer manifest than the one that it holds (none
    /// where it takes none), or batches.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_nation(&self, after: u64, manifest: Option<u64>) -> Result<Input, HubError> {
        match manifest.and_then(|held| self.newer_manifest(after, held)) {
            Some(ManifestRow { made, upto, signed }) => Ok(Input::Manifest { made, upto, signed }),
            None => Ok(Input::Feed(self.load_feed(after)?)),
        }
    }

    /// Consecutive batches of the feed behind a position, none at the end.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load_feed(&self, after: u64) -> Result<Vec<FeedPart>, HubError> {
        let mut parts: Vec<FeedPart> = Vec::new();
        let mut bytes = 0;
        let mut at = after;
        while let Some(part) = self.feed_part(at)? {
            bytes += part.body.len();
            if bytes > FEED_MESSAGE_BYTES_MAX && !parts.is_empty() {
                break;
            }
            at = part.upto;
            parts.push(part);
        }
        Ok(parts)
    }

    /// The batch that begins exactly at a position.
    fn feed_part(&self, after: u64) -> Result<Option<FeedPart>, HubError> {
        if let Some(part) = self.memory.feed_cache.borrow().get(after) {
            return Ok(Some(part));
        }
        let Some(FeedRow { after: begins, upto, body }) = self.store.feed_after(after)? else {
            return Ok(None);
        };
        if begins != after {
            tracing::warn!(after, begins, "an edge stands inside a batch of the feed");
            return Ok(None);
        }
        let part = FeedPart { upto, body: Arc::from(body) };
        self.memory.feed_cache.borrow_mut().put(after, part.clone());
        Ok(Some(part))
    }

    /// The position behind everything that the nation has been told, by whatever process.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn feed_position(&self) -> Result<u64, HubError> {
        Ok(self.store.feed_position()?)
    }

    /// The position behind the last run in the journal, by whatever process.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn journal_position(&self) -> Result<u64, HubError> {
        Ok(self.store.journal_position()?)
    }
}

/// Whether an edge may have written entries that name positions of another life of this hub. One that was taken back by
/// hand is left without a word; then the edge has written something and names no life.
fn goes_by_others(hello: &Hello) -> bool {
    let wrote = hello.life.as_ref().is_some_and(|life| !life.tips.is_empty());
    wrote || hello.hub_life != Incarnation([0; 16])
}
