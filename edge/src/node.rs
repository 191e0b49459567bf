//! The node: sole owner of a site's ledger (M1-M23 through one door; docs/architecture.md, promises 1 and 2).
//!
//! Decide first, then do: the rules speak on plain values, one transaction makes the answer durable,
//! and only then is it an answer. No socket, no thread, no clock: readings and dice come in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use shared::audit::Link;
use shared::entry::{Instant, Pieces};
use shared::ids::{EntryId, Incarnation, ProgrammeId, SiteCode};
use shared::ledger::chain::Tip;
use shared::planted;
use shared::rules::calendar::taipei_day;
use shared::rules::programme::Versions;
use shared::rules::stock::Stock;
use shared::seal::Secret;
use shared::sign::PublicKey;
use shared::sync::edge::LogPos;
use shared::wire::v1::entry as wire;
use shared::wire::v1::life::Parent;

use crate::clock::{Clock, ClockState, Reading};
use crate::keys::{KeyRing, Vault};
use crate::nation::{Nation, Own, Rules};
use crate::store::{Programmes, Store, Way};
use knowledge::Knowledge;
use line::{GivenBack, Line};
use requests::{REQUESTS_MAX, Requests};

pub mod access;
mod arrivals;
pub mod ask;
mod audit;
mod booking;
mod cleared;
pub mod confirm;
mod dispute;
mod down;
mod error;
mod export;
mod history;
mod knowledge;
mod life;
mod line;
mod mark;
mod own;
mod proof;
mod requests;
mod sale;
mod services;
mod shelf;
mod uplink;
mod verdict;
mod view;
mod withdrawal;
mod write;

use access::{Acting, Book};
use arrivals::Arrivals;
use booking::Bookings;
use cleared::Exceptions;

pub use crate::store::Committed;
pub use audit::AuditPart;
pub use error::{Answer, BadAsk, NodeError};
pub use life::{Lives, Spent, Stamp};
pub use verdict::Standing;

/// Random bytes, as many as are asked for.
pub type Dice = Box<dyn FnMut() -> [u8; 16] + Send>;

/// What a node is made of.
pub struct Setup {
    /// Its site.
    pub site: SiteCode,
    /// 院所簡稱.
    pub name: String,
    /// The site's secret.
    pub secret: Secret,
    /// Which of the site's secrets it is.
    pub key_number: u8,
    /// This life of the store ([`crate::keys::incarnation`]).
    pub incarnation: Incarnation,
    /// The disk.
    pub store: Store,
    /// What is known of the others.
    pub nation: Nation,
    /// How its lives are told apart.
    pub lives: Lives,
    /// For actors: never the same bytes twice.
    pub dice: Dice,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup(site {}, incarnation {})", self.site, self.incarnation)
    }
}

/// A site's node.
pub struct Node {
    site: SiteCode,
    name: String,
    keys: KeyRing,
    vault: Vault,
    lives: Lives,
    incarnation: Incarnation,
    /// The life that this one goes on from.
    parent: Option<Parent>,
    /// This start of the node.
    boot: [u8; 16],
    /// By which key the hub signs its receipts.
    hub_signer: Option<PublicKey>,
    store: Store,
    nation: Nation,
    dice: Dice,
    clock: Clock,
    /// The business day when the time was last asked for.
    today: NaiveDate,
    /// Where the next entry goes, while its document stays the same.
    tip: Option<Tip>,
    len: LogPos,
    programmes: Programmes,
    stocks: BTreeMap<ProgrammeId, Stock>,
    requests: Requests,
    rules: Rules,
    /// Deliveries that the hub announced.
    deliveries: BTreeMap<(NaiveDate, ProgrammeId), Pieces>,
    arrivals: Arrivals,
    /// Own sales that the hub found one too many.
    over: BTreeSet<EntryId>,
    /// Where this site's disputes stand in the log.
    disputes: Vec<LogPos>,
    /// What operators decided on them.
    decisions: BTreeMap<EntryId, ask::Decided>,
    /// What operators cleared, anywhere.
    exceptions: Exceptions,
    /// Whether the hub reads disputes, as it said at the last greeting.
    takes_disputes: bool,
    /// Whether it reads grants and revocations.
    takes_access: bool,
    /// Whether it reads bookings.
    takes_booking: bool,
    /// Rights, and what the hub says of cards and to all counters.
    access: Book,
    /// Something of it came and is not folded yet.
    access_changed: bool,
    /// The shelf under which rows of rights stand.
    staff_rows: ProgrammeId,
    /// Booked places.
    bookings: Bookings,
    /// The shelf under which rows of bookings stand.
    booking_rows: ProgrammeId,
    /// Who does what is done now.
    acting: Acting,
    /// The last record of the audit, once it was looked at.
    audit_last: Option<(u64, Link)>,
    line: Line,
    knowledge: Knowledge,
    /// Why nothing is written any more.
    stopped: Option<String>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node(site {}, {} entries)", self.site, self.len)
    }
}

impl Node {
    /// Starts a node on its store; everything that it knows comes from there.
    ///
    /// # Errors
    /// Where the store cannot be read, is another site's, or the keys cannot be used.
    pub fn open(setup: Setup, reading: Reading) -> Result<Self, NodeError> {
        let Setup { site, name, secret, key_number, incarnation, mut store, mut nation, lives, mut dice } = setup;
        let keys = KeyRing::new(site, key_number, &secret)?;
        let vault = Vault::new(&secret)?;
        let once = store.begin(site, incarnation)?;
        let mut programmes = Programmes::load(&store)?;
        nation.load(Own { store: &mut store, vault: &vault, programmes: &mut programmes })?;
        let len = store.log_len()?;
        let given_back = given_back(&store)?;
        let clock = last_written(&store, len, &once, &given_back)?;
        let stocks = store.stocks()?.into_iter();
        let stocks = stocks.filter_map(|(number, stock)| Some((programmes.named(number)?.clone(), stock))).collect();
        let mut node = Self {
            clock: Clock::restore(clock, reading),
            line: Line::new(&once, len, store.quarantined()?, given_back),
            knowledge: Knowledge::new(once.caught),
            today: NaiveDate::default(),
            tip: None,
            requests: Requests::default(),
            rules: Rules::default(),
            deliveries: BTreeMap::new(),
            arrivals: Arrivals::default(),
            over: BTreeSet::new(),
            disputes: Vec::new(),
            decisions: BTreeMap::new(),
            exceptions: Exceptions::default(),
            takes_disputes: store.hub_takes("disputes")?,
            takes_access: store.hub_takes("access")?,
            takes_booking: store.hub_takes("booking")?,
            access: Book::default(),
            access_changed: false,
            staff_rows: access::staff_rows(),
            bookings: Bookings::default(),
            booking_rows: booking::booking_rows(),
            acting: Acting::default(),
            audit_last: None,
            stopped: None,
            site,
            name,
            keys,
            vault,
            lives,
            incarnation,
            parent: once.parent,
            boot: dice(),
            hub_signer: once.hub_signer,
            store,
            nation,
            dice,
            len,
            programmes,
            stocks,
        };
        node.load_keys()?;
        let noted = node.prove_log()?;
        node.today(reading);
        if !planted!(RequestsForgotten) {
            node.load_requests()?;
        }
        node.fold_down()?;
        node.load_access(&noted.access)?;
        node.load_bookings(&noted.bookings)?;
        node.fold_leases();
        if planted!(StandingsForgotten) {
            node.over.clear();
        }
        Ok(node)
    }

    /// Gives the store back; whatever was not in it is forgotten, as by a power cut.
    #[must_use]
    pub fn into_store(self) -> Store {
        self.store
    }

    /// What a backup taken now would hold, for simulations only.
    ///
    /// # Errors
    /// Where the store fails.
    #[doc(hidden)]
    pub fn image(&self) -> Result<Store, NodeError> {
        Ok(self.store.image()?)
    }

    /// The number of its entries.
    #[must_use]
    pub fn log_len(&self) -> LogPos {
        self.len
    }

    /// The hub has everything up to here on its disk, as far as is known.
    #[must_use]
    pub fn acked_upto(&self) -> LogPos {
        self.line.acked
    }

    /// Its site.
    #[must_use]
    pub fn site(&self) -> SiteCode {
        self.site
    }

    /// Looks whether somebody moved the wall clock, and notes it; every deed does so too.
    pub fn watch_clock(&mut self, reading: Reading) {
        self.today(reading);
    }

    /// The business day by the node's own clock.
    pub fn business_day(&mut self, reading: Reading) -> NaiveDate {
        self.today(reading).1
    }

    /// Every version that the hub has published, as far as is known here.
    #[must_use]
    pub fn versions(&self) -> Arc<Versions> {
        Arc::clone(&self.rules.versions)
    }

    /// The business day. A wall clock that was moved meanwhile is noted, so that a restart without a line knows it.
    fn today(&mut self, reading: Reading) -> (Instant, NaiveDate) {
        if let Some(state) = self.clock.moved(reading) {
            let noted = self.store.put_clock(&state, self.len);
            // A disk that fails here stops the node; the next deed says so.
            let _ = self.promised(noted);
        }
        let now = self.clock.now(reading);
        self.today = taipei_day(now.second);
        (now, self.today)
    }

    /// The newest request keys, of whatever day: the clock may be wrong after a restart.
    fn load_requests(&mut self) -> Result<(), NodeError> {
        let most = u64::try_from(REQUESTS_MAX).unwrap_or(u64::MAX);
        for (key, pos) in self.store.requests_behind(self.len.saturating_sub(most))? {
            self.requests.insert(&key, pos);
        }
        Ok(())
    }

    /// Whether rows under this name move no goods.
    fn is_shelf_of_rows(&self, programme: &ProgrammeId) -> bool {
        *programme == self.staff_rows || *programme == self.booking_rows
    }

    fn stock_of(&self, programme: &ProgrammeId) -> Stock {
        self.stocks.get(programme).copied().unwrap_or_default()
    }
}

/// The rows that the hub gave back.
fn given_back(store: &Store) -> Result<Vec<GivenBack>, NodeError> {
    let mut rows = Vec::new();
    for chain in store.chains_given_back()? {
        let last = store.chain_end(chain.first)?;
        rows.extend(chain.counted.map(|counted| GivenBack { first: chain.first, last, counted }));
    }
    Ok(rows)
}

/// The clock's state with the last instant that was written, unless a beacon has set it right since.
fn last_written(
    store: &Store,
    len: LogPos,
    once: &crate::store::Once,
    given_back: &[GivenBack],
) -> Result<ClockState, NodeError> {
    if once.clock_pos == len {
        return Ok(once.clock);
    }
    let mut last = None;
    store.walk(Way::Back, |row| {
        // By another life's clock nothing is known of this one's.
        let ours = !given_back.iter().any(|rows| (rows.first..=rows.last).contains(&row.pos));
        last = ours.then_some(row);
        !ours
    })?;
    match last {
        Some(row) => match wire::decode(&row.bytes) {
            Ok(entry) => {
                let Instant { second, doubt_s } = entry.at;
                Ok(ClockState { high_second: second, high_doubt_s: doubt_s, ..once.clock })
            }
            Err(cause) => Err(NodeError::Damaged { id: row.id, cause }),
        },
        None => Ok(once.clock),
    }
}

#[cfg(test)]
mod tests;
