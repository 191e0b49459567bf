//! What a [`super::Hub`] remembers of its own store between transactions.
//!
//! Nothing here is the truth: all of it is dropped when another process has written or a
//! transaction failed, and read again.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use shared::digest::{Layer, LayerId};
use shared::entry::booking::VenueId;
use shared::ids::{ActorId, DocId, EntryId, Incarnation, ProgrammeId, SiteCode};
use shared::ledger::chain::Tip;
use shared::rules::access::Rights;
use shared::rules::booking::round::Rounds;
use shared::rules::programme::Versions;
use shared::seal::{DayKey, SiteKeys};
use shared::sign::PublicKey;
use shared::wire::v1::message::FeedPart;

use crate::booking::WishesLeft;
use crate::ingest::Graph;
use crate::signed::Roll;
use crate::store::{ManifestRow, TipRow};

/// Most chain ends that are remembered: a nation's day has about 10,000.
pub(crate) const TIPS_MAX: usize = 100_000;
/// Most lines whose numbers are remembered.
pub(crate) const LINES_MAX: usize = 100_000;
/// Most runs whose places are remembered.
pub(crate) const CHAIN_RUNS_MAX: usize = 1_000_000;
/// Most days whose keys are remembered: a site may name any day and any programme.
pub(crate) const DAY_KEYS_MAX: usize = 4_096;
/// Most bytes of the feed that are remembered, so that thousands of edges share them.
pub(crate) const FEED_CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// See the module.
#[derive(Default)]
pub(crate) struct Memory {
    /// Whether the rest has been read.
    pub(crate) loaded: bool,
    /// The journal's last position.
    pub(crate) journal: u64,
    /// The hash over the journal, and up to where it is signed.
    pub(crate) roll: Roll,
    pub(crate) signed: u64,
    /// The feed's last position.
    pub(crate) feed: u64,
    /// Whether anything is cleared of anybody.
    pub(crate) clears: bool,
    /// In the order of publication.
    pub(crate) versions: Versions,
    /// The rounds of booking.
    pub(crate) rounds: Rounds,
    /// This store was restored, and not everybody who may hold places has been heard: nothing is lent.
    pub(crate) holds_back: bool,
    /// The life of each site that was heard last, and when; none before somebody asks.
    pub(crate) heard: Option<HashMap<SiteCode, (Incarnation, i64)>>,
    /// Since when sites are enrolled; none before somebody asks.
    pub(crate) enrolled: Option<Vec<(SiteCode, i64)>>,
    /// Sites at which booking was refused; none before somebody asks.
    pub(crate) booking_refused: Option<Arc<HashSet<SiteCode>>>,
    /// Wishes that the last turn did not come to.
    pub(crate) wishes: WishesLeft,
    /// Where each site lies, in one spelling; none before somebody asks.
    pub(crate) addresses: Option<Arc<[(SiteCode, String)]>>,
    /// Who lies near a venue, and how much that weighs.
    pub(crate) near: HashMap<VenueId, Arc<[(SiteCode, u32)]>>,
    pub(crate) tips: HashMap<ActorId, TipRow>,
    /// Where the runs of those actors lie that were asked for something far behind.
    pub(crate) chains: RefCell<Chains>,
    /// Lines by the lives that they belong to.
    pub(crate) lines: HashMap<(SiteCode, Incarnation), Line>,
    /// The last row of the journal that each site wrote.
    pub(crate) last_of: RefCell<HashMap<SiteCode, u64>>,
    pub(crate) site_keys: RefCell<HashMap<SiteCode, Arc<[SiteKeys]>>>,
    pub(crate) day_keys: HashMap<(ProgrammeId, NaiveDate), DayKey>,
    /// The changes of the ledger that was asked for its lineage last: a site with two nodes asks again and again.
    pub(crate) graph: RefCell<Option<(DocId, Graph)>>,
    /// Where this process writes in the hub's own ledgers.
    pub(crate) writers: HashMap<DocId, Writer>,
    /// The first entry that a line was refused and that was not kept either.
    pub(crate) owed: HashMap<i64, EntryId>,
    /// Runs and bytes that lie aside, of those sites that sent some.
    pub(crate) aside: HashMap<SiteCode, (u64, u64)>,
    pub(crate) waiting_docs: HashSet<DocId>,
    pub(crate) waiting_withdrawals: HashSet<(EntryId, SiteCode)>,
    /// The rights of sites where somebody has signed in.
    pub(crate) rights: HashMap<SiteCode, Arc<Rights>>,
    /// Sites whose rights have changed since a batch was judged.
    pub(crate) rights_changed: BTreeSet<SiteCode>,
    /// Lines that greeted since the last write.
    pub(crate) contacts: HashMap<(SiteCode, Incarnation), i64>,
    pub(crate) contacts_written: i64,
    pub(crate) feed_cache: RefCell<FeedCache>,
    /// The newest manifest.
    pub(crate) manifest: Option<ManifestRow>,
    /// Layers that were opened to build on.
    pub(crate) layers: RefCell<BTreeMap<LayerId, Arc<Layer>>>,
}

impl Memory {
    pub(crate) fn remember_line(&mut self, name: (SiteCode, Incarnation), line: Line) {
        if self.lines.len() >= LINES_MAX {
            self.lines.clear();
        }
        self.lines.insert(name, line);
    }
}

/// The line of one life of a site's store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) number: i64,
    /// By which key it signs; none for an edge of the first version.
    pub(crate) signer: Option<PublicKey>,
}

/// The end of this process's chain in one of the hub's ledgers.
pub(crate) struct Writer {
    pub(crate) tip: Tip,
}

/// The runs of some actors: first sequence and position, from the beginning. What is in the journal stays there.
#[derive(Default)]
pub(crate) struct Chains {
    of: HashMap<ActorId, Vec<(u32, u64)>>,
    runs: usize,
}

impl Chains {
    /// The runs of an actor as far as they are known.
    pub(crate) fn get(&self, actor: &ActorId) -> &[(u32, u64)] {
        self.of.get(actor).map_or(&[], Vec::as_slice)
    }

    /// Keeps runs that follow those that are known.
    pub(crate) fn extend(&mut self, actor: ActorId, more: Vec<(u32, u64)>) {
        if self.runs + more.len() > CHAIN_RUNS_MAX {
            *self = Self::default();
            return;
        }
        self.runs += more.len();
        self.of.entry(actor).or_default().extend(more);
    }
}

/// Published batches, by the position before them. They never change, so they outlive the rest.
#[derive(Default)]
pub(crate) struct FeedCache {
    parts: BTreeMap<u64, FeedPart>,
    bytes: usize,
}

impl FeedCache {
    pub(crate) fn get(&self, after: u64) -> Option<FeedPart> {
        self.parts.get(&after).cloned()
    }

    /// Keeps a batch; the oldest go first.
    pub(crate) fn put(&mut self, after: u64, part: FeedPart) {
        self.bytes += part.body.len();
        if let Some(old) = self.parts.insert(after, part) {
            self.bytes -= old.body.len();
        }
        while self.bytes > FEED_CACHE_BYTES_MAX
            && let Some((_, old)) = self.parts.pop_first()
        {
            self.bytes -= old.body.len();
        }
    }
}
