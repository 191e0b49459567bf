//! A site with a clock of its own and a hub that is just enough of one.

use chrono::NaiveDateTime;
use edge::clock::Reading;
use edge::nation::Nation;
use edge::node::ask::{
    ArriveRequest, Arrived, CorrectRequest, DocumentText, Examine, Examined, RecordRequest, SaleRequest, Sold,
    WithdrawRequest, Withdrawn,
};
use edge::node::{Answer, Committed, Lives, Node, NodeError, Setup};
use edge::store::Store;
use shared::entry::{Entry, Fact, Instant, Pieces, Published, Staff};
use shared::ids::{ActorId, DocId, EntryId, Incarnation};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::identity::Document;
use shared::rules::refusal::Refusal;
use shared::seal::{HubKeys, Secret, SiteKeys, mark};
use shared::wire::v1::entry as wire;
use shared::wire::v1::feed::{self, Batch, Group, Item};
use shared::wire::v1::message::FeedPart;

pub(crate) const SITE: &str = "5931102274";
pub(crate) const HUB_LIFE: Incarnation = Incarnation([9; 16]);

/// A site and what it calls now.
pub(crate) struct Site {
    node: Option<Node>,
    /// True time: what the monotonic clock counts.
    second: i64,
    /// How far the wall clock is off it, in seconds.
    off_s: i64,
    starts: u8,
}

/// The site's keys, as the hub has them too.
pub(crate) fn keys() -> SiteKeys {
    SiteKeys::new(SITE.parse().unwrap(), 1, &Secret::new([1; 32])).unwrap()
}

pub(crate) fn second(taipei: &str) -> i64 {
    second_of(NaiveDateTime::parse_from_str(taipei, "%Y-%m-%d %H:%M").unwrap())
}

/// `kind/number/birth`.
pub(crate) fn document(text: &str) -> DocumentText {
    let parts: Vec<&str> = text.split('/').collect();
    DocumentText { kind: parts[0].to_owned(), number: parts[1].to_owned(), birth: parts[2].to_owned() }
}

pub(crate) fn sale(who: &str, adult: i64, child: i64) -> SaleRequest {
    let document = document(who);
    let by = "王藥師".to_owned();
    SaleRequest { request: None, programme: None, document, adult, child, proxy: None, by, manager: None }
}

/// A node on a store, where it starts at all.
pub(crate) fn open(store: Store, taipei: &str) -> Result<Node, NodeError> {
    let second = second(taipei);
    start(store, 1, Reading { wall_ms: second * 1_000, mono_ms: u64::try_from(second).unwrap() * 1_000 })
}

fn start(store: Store, starts: u8, reading: Reading) -> Result<Node, NodeError> {
    let mut throws = [starts; 16];
    let dice = move || {
        throws[0] = throws[0].wrapping_add(16);
        throws
    };
    let setup = Setup {
        site: SITE.parse().unwrap(),
        name: "淡水藥局".to_owned(),
        secret: Secret::new([1; 32]),
        key_number: 1,
        incarnation: Incarnation([5; 16]),
        store,
        nation: Nation::stored(),
        lives: Lives::in_memory(&Secret::new([1; 32])).unwrap(),
        dice: Box::new(dice),
    };
    Node::open(setup, reading)
}

impl Site {
    /// A site with the versions named and 200 + 50 masks.
    pub(crate) fn new(taipei: &str, versions: &[&str]) -> Self {
        let mut site = Self::on(Store::in_memory().unwrap(), taipei);
        for (n, version) in (1..).zip(versions) {
            site.node().take_down(n, &Hub::default().published(n, version)).unwrap();
        }
        site.arrive(200, 50).unwrap().unwrap();
        site
    }

    pub(crate) fn on(store: Store, taipei: &str) -> Self {
        let mut site = Self { node: None, second: second(taipei), off_s: 0, starts: 0 };
        site.start(store);
        site
    }

    fn start(&mut self, store: Store) {
        self.starts += 1;
        self.node = Some(start(store, self.starts, self.reading()).unwrap());
    }

    /// kill -9 and start again.
    pub(crate) fn crash(&mut self) {
        let store = self.node.take().unwrap().into_store();
        self.start(store);
    }

    pub(crate) fn into_store(self) -> Store {
        self.node.unwrap().into_store()
    }

    pub(crate) fn node(&mut self) -> &mut Node {
        self.node.as_mut().unwrap()
    }

    pub(crate) fn reading(&self) -> Reading {
        Reading { wall_ms: (self.second + self.off_s) * 1_000, mono_ms: u64::try_from(self.second).unwrap() * 1_000 }
    }

    pub(crate) fn at(&mut self, taipei: &str) -> &mut Self {
        self.second = second(taipei);
        self
    }

    /// So many seconds pass.
    pub(crate) fn tick(&mut self, seconds: i64) -> &mut Self {
        self.second += seconds;
        self
    }

    /// Somebody sets the wall clock; true time is what it was.
    pub(crate) fn set_clock(&mut self, off_s: i64) -> &mut Self {
        self.off_s = off_s;
        self
    }

    /// The hub says what time it is.
    pub(crate) fn beacon(&mut self) {
        let reading = self.reading();
        let second = self.second;
        self.node().beacon(reading, reading, (second, None)).unwrap();
    }

    /// The true second.
    pub(crate) fn true_second(&self) -> i64 {
        self.second
    }

    pub(crate) fn examine(&mut self, who: &str) -> Result<Examined, Refusal> {
        let reading = self.reading();
        self.node().examine(&Examine { programme: None, document: document(who) }, reading).unwrap()
    }

    pub(crate) fn ask(&mut self, ask: &SaleRequest) -> Result<Sold, Refusal> {
        let reading = self.reading();
        self.node().sell(ask, reading).unwrap().map(Committed::into_inner)
    }

    pub(crate) fn sell(&mut self, who: &str, adult: i64, child: i64) -> Result<Sold, Refusal> {
        self.ask(&sale(who, adult, child))
    }

    /// Sells and says what came of it, in one line.
    pub(crate) fn try_sell(&mut self, who: &str, adult: i64, child: i64) -> String {
        match self.sell(who, adult, child) {
            Ok(sold) => format!("sold {}", sold.pieces.total()),
            Err(refusal) => refusal.en(),
        }
    }

    pub(crate) fn record(&mut self, taipei: &str, who: &str, adult: i64) -> Answer<Committed<Sold>> {
        let reading = self.reading();
        let happened = NaiveDateTime::parse_from_str(taipei, "%Y-%m-%d %H:%M").unwrap();
        self.node().record(&RecordRequest { sale: sale(who, adult, 0), happened }, reading)
    }

    pub(crate) fn arrive(&mut self, adult: i64, child: i64) -> Answer<Committed<Arrived>> {
        let reading = self.reading();
        let ask = ArriveRequest { request: None, programme: None, adult, child, by: "王藥師".to_owned() };
        self.node().arrive(&ask, reading)
    }

    pub(crate) fn correct(&mut self, adult: i64, child: i64) -> Result<i64, Refusal> {
        let reading = self.reading();
        let (reason, by) = ("盤點".to_owned(), "王藥師".to_owned());
        let ask = CorrectRequest { request: None, programme: None, adult, child, reason, by };
        self.node().correct(&ask, reading).unwrap().map(|corrected| corrected.get().stock.adult)
    }

    pub(crate) fn withdraw(&mut self, of: EntryId) -> Result<Withdrawn, Refusal> {
        let reading = self.reading();
        let ask = WithdrawRequest { request: None, of, reason: "打錯".to_owned(), by: "王藥師".to_owned() };
        self.node().withdraw(&ask, reading).unwrap().map(Committed::into_inner)
    }

    pub(crate) fn stock(&mut self) -> (i64, i64) {
        let reading = self.reading();
        let shelf = self.node().shelves(reading).unwrap().remove(0);
        (shelf.stock.adult, shelf.stock.child)
    }
}

/// The hub's pen.
#[derive(Default)]
pub(crate) struct Hub {
    /// The positions of its feed that have been given out.
    pub(crate) upto: u64,
}

impl Hub {
    /// The nation's ledger: every version under an actor of its own, for simplicity.
    pub(crate) fn published(&self, n: u64, version: &str) -> Run {
        let text = shared::rules::programme::shipped_text(version).unwrap();
        self.published_text(n, text)
    }

    /// The same of any text.
    pub(crate) fn published_text(&self, n: u64, text: &str) -> Run {
        let text = text.to_owned();
        let actor = ActorId([u8::try_from(n).unwrap() + 100; 16]);
        self.run("nation/2020-02", actor, &[Fact::Programme(Published { text })])
    }

    pub(crate) fn run(&self, doc: &str, actor: ActorId, facts: &[Fact]) -> Run {
        let doc: DocId = doc.parse().unwrap();
        let mut tip = Tip::start(doc, actor, 0, vec![]);
        let start = tip.next.clone();
        let by = Staff { name: "hub".to_owned(), verified: true, id: None };
        let at = Instant { second: second("2020-02-05 12:00"), doubt_s: 0 };
        let entry = |fact: &Fact| wire::encode(&Entry { at, by: by.clone(), fact: fact.clone() });
        let entries: Vec<Vec<u8>> = facts.iter().map(entry).collect();
        let links: Vec<_> = entries.iter().map(|entry| tip.append(entry).unwrap()).collect();
        Run { doc, start, entries, joints: vec![], last: links.last().unwrap().hash, signature: None }
    }

    /// One person's purchase begins or ceases to count.
    pub(crate) fn news(&mut self, programme: &str, bought: &str, who: &str, sale: EntryId, count: i32) -> FeedPart {
        let day = taipei_day(second(bought));
        let programme = programme.parse().unwrap();
        let key = HubKeys::new(&Secret::new([8; 32])).unwrap().day(&programme, day).unwrap();
        let DocumentText { kind, number, birth } = document(who);
        let person = Document::parse(&kind, &number, &birth, day).unwrap().person();
        let item = Item {
            fingerprint: key.fingerprint(&person),
            mark: mark(&sale),
            pieces: Pieces { adult: count.unsigned_abs(), child: 0 },
            gone: count < 0,
        };
        let group = Group { programme, day, key: key.secret().clone(), items: vec![item] };
        self.upto += 1;
        FeedPart { upto: self.upto, body: feed::encode(&Batch { groups: vec![group] }).into() }
    }
}

/// A sale of some other site.
pub(crate) fn elsewhere(n: u32) -> EntryId {
    EntryId { actor: ActorId([200; 16]), seq: n }
}
