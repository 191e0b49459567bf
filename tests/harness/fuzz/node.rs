//! The edge's node under a hub that says anything: its time, its ledgers, its feed, its acknowledgements.
//!
//! The counter goes on selling; what was written can be read, sent and, after a restart, found again.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use edge::clock::Reading;
use edge::nation::Nation;
use edge::node::ask::{ArriveRequest, DisputeRequest, DocumentText, SaleRequest};
use edge::node::{Lives, Node, NodeError, Setup};
use edge::store::Store;
use shared::entry::{Delivery, Entry, Fact, Instant, Pieces, Published, Sealed, Staff, Standing};
use shared::ids::{ActorId, ChangeHash, DocId, Incarnation};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::programme::shipped;
use shared::seal::Secret;
use shared::sync::edge::LogPos;
use shared::wire::v1::entry;
use shared::wire::v1::feed::{self, Batch, Group, Item};
use shared::wire::v1::message::FeedPart;

use super::choices::Choices;
use super::said::{self, SITE};
use super::web;

/// 2020-02-06 10:00 in Taipei: the day of even numbers.
const NOW_MS: i64 = 1_580_954_400_000;
const STEPS_MAX: usize = 40;

/// Deeds at the counter between messages of the hub.
pub(super) fn holds(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut site = Site::new();
    for _ in 0..STEPS_MAX {
        if choices.is_empty() {
            break;
        }
        site.step(&mut choices);
    }
    site.restart();
    site.send();
}

struct Site {
    node: Option<Node>,
    now: Reading,
    lives: u8,
    /// Up to here the line has sent; none before the greeting.
    sent: Option<LogPos>,
    /// Where the hub's ledgers go on.
    tips: Vec<Tip>,
    /// What the hub gave back stands at these places of the log, and need not be sent.
    back: BTreeSet<LogPos>,
}

fn open(store: Store, now: Reading, life: u8) -> Node {
    let mut actors = 0u8;
    let dice = move || {
        actors += 1;
        [actors, life, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    };
    let setup = Setup {
        site: SITE.parse().expect("a site"),
        name: "淡水藥局".to_owned(),
        secret: Secret::new([1; 32]),
        key_number: 1,
        incarnation: Incarnation([2; 16]),
        store,
        nation: Nation::stored(),
        lives: Lives::in_memory(&Secret::new([1; 32])).expect("a key"),
        dice: Box::new(dice),
    };
    Node::open(setup, now).expect("a store of ours opens")
}

impl Site {
    fn new() -> Self {
        let now = Reading { wall_ms: NOW_MS, mono_ms: 1_000 };
        let mut node = open(Store::in_memory().expect("a store"), now, 0);
        node.take_down(1, web::published()).expect("the rules");
        let tips = ["nation/2020-02", &format!("desk/{SITE}/2020-02"), "desk/3501200000/2020-02"];
        let tip = |doc: &&str| Tip::start(doc.parse::<DocId>().expect("a document"), ActorId([50; 16]), 0, vec![]);
        Self {
            node: Some(node),
            now,
            lives: 0,
            sent: None,
            tips: tips.iter().map(tip).collect(),
            back: BTreeSet::new(),
        }
    }

    fn node(&mut self) -> &mut Node {
        self.node.as_mut().expect("a node that runs")
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        self.now.mono_ms += u64::from(choices.byte()) * 50;
        self.now.wall_ms += i64::from(choices.byte()) * 50;
        let now = self.now;
        let done = match choices.below(12) {
            0 => {
                let asked = Reading { mono_ms: now.mono_ms.saturating_sub(choices.number() % 3_000), ..now };
                let second = if choices.flag() { choices.signed() } else { NOW_MS / 1_000 + i64::from(choices.byte()) };
                let feed = choices.flag().then(|| choices.position());
                self.node().beacon(asked, now, (second, feed))
            }
            1 => self.node().resume(&said::welcome(choices)).map(|resumed| self.sent = resumed.pos()),
            2 | 3 => {
                let (pos, run) = (choices.position(), self.down(choices));
                self.node().take_down(pos, &run)
            }
            4 | 5 => {
                let known = self.node().standing().feed;
                let after = if choices.rarely() { choices.position() } else { known };
                let parts = parts(choices, after);
                self.node().take_feed(after, &parts)
            }
            6 | 7 => self.answered(choices),
            8 => self.counter(choices),
            9 => {
                let (pos, feed) = (choices.position(), choices.position());
                let run = choices.flag().then(|| self.own(choices));
                let before = self.node().log_len();
                let done = self.node().take_own(pos, feed, run.as_ref());
                let behind = before + 1..=self.node().log_len();
                self.back.extend(behind);
                done
            }
            10 => self.node().take_key(choices.byte(), &Secret::new([choices.byte(); 32])),
            _ => {
                self.restart();
                Ok(())
            }
        };
        if let Err(error) = done {
            assert!(is_no_fault(&error), "the hub's words are a fault of the machine: {error:?}");
        }
        let status = self.node().status(now).expect("healthy");
        assert_eq!(status.stopped, None, "the hub's words stop the counter");
    }

    /// The next run goes up, and is acknowledged at a position of the hub's choice, or set aside.
    fn answered(&mut self, choices: &mut Choices<'_>) -> Result<(), NodeError> {
        let Some(at) = self.sent else { return Ok(()) };
        let Some((_, upto)) = self.node().load_run(at)? else { return Ok(()) };
        self.sent = Some(upto);
        match choices.flag() {
            true => self.node().quarantined(upto, &choices.text(60)),
            false => self.node().acked(upto, choices.position(), None),
        }
    }

    fn counter(&mut self, choices: &mut Choices<'_>) -> Result<(), NodeError> {
        let now = self.now;
        let by = "王藥師".to_owned();
        if choices.rarely() {
            let request = choices.flag().then(|| format!("d{}", choices.byte() % 3));
            let document =
                DocumentText { kind: "01".to_owned(), number: "A123456716".to_owned(), birth: "1986-03-15".to_owned() };
            let ask = DisputeRequest { request, programme: None, document, reason: choices.text(20), by };
            let answer = self.node().dispute(&ask, None, now).map(drop);
            let looked = self.node().disputes(100).expect("healthy");
            assert!(looked.len() as u64 <= self.node().log_len());
            return answer;
        }
        if choices.flag() {
            let (adult, child) = (i64::from(choices.byte()), 0);
            let ask = ArriveRequest { request: None, programme: "mask".parse().ok(), adult, child, by };
            return self.node().arrive(&ask, now).map(drop);
        }
        let number = (*choices.pick(&["A123456716", "A123456734"])).to_owned();
        let document = DocumentText { kind: "01".to_owned(), number, birth: "1986-03-15".to_owned() };
        let manager = Some("林主任".to_owned());
        let ask =
            SaleRequest { request: None, programme: None, document, adult: 2, child: 0, proxy: None, by, manager };
        self.node().sell(&ask, now).map(drop)
    }

    /// A run of the hub's; sometimes behind a gap, sometimes not what it says.
    fn down(&mut self, choices: &mut Choices<'_>) -> Run {
        let which = choices.below(self.tips.len());
        let mut tip = self.tips[which].clone();
        let start = tip.next.clone();
        let mut last = ChangeHash([0; 32]);
        let mut entries = Vec::new();
        for _ in 0..=choices.below(3) {
            let bytes = word(choices);
            last = tip.append(&bytes).expect("room").hash;
            entries.push(bytes);
        }
        let mut run = Run { doc: tip.doc, start, entries, joints: vec![], last, signature: None };
        match choices.below(8) {
            0 => run.last = ChangeHash([choices.byte(); 32]),
            1 => run = said::run(choices),
            2 => {}
            _ => self.tips[which] = tip,
        }
        run
    }

    /// What another life of this site's store wrote, as a hub may say it: real entries in a chain of its own, or not.
    fn own(&mut self, choices: &mut Choices<'_>) -> Run {
        if choices.rarely() {
            return said::run(choices);
        }
        let doc = format!("site/{SITE}/2020-02-06").parse().expect("a document");
        let actor = ActorId([60 + choices.byte() % 4; 16]);
        let mut tip = Tip::start(doc, actor, 0, vec![]);
        let start = tip.next.clone();
        let entries: Vec<Vec<u8>> = (0..=choices.below(3)).map(|_| word(choices)).collect();
        let hashes: Vec<ChangeHash> = entries.iter().map(|entry| tip.append(entry).expect("room").hash).collect();
        let last = hashes.last().copied().unwrap_or(ChangeHash([0; 32]));
        Run { doc, start, entries, joints: vec![], last, signature: None }
    }

    /// kill -9 and a new start.
    fn restart(&mut self) {
        let now = self.now;
        let before = self.node().status(now).expect("healthy");
        (self.lives, self.sent) = (self.lives + 1, None);
        let store = self.node.take().expect("a node that runs").into_store();
        self.node = Some(open(store, now, self.lives));
        let after = self.node().status(now).expect("healthy");
        assert_eq!((after.entries, after.watermark), (before.entries, before.watermark));
        // Acknowledgements are kept with the feed; the greeting tells the others again.
        assert!(after.acked <= before.acked);
        let stock = |status: &edge::node::ask::Status| {
            status.shelves.iter().map(|shelf| (shelf.programme.clone(), shelf.stock)).collect::<Vec<_>>()
        };
        assert_eq!((stock(&after), after.over, after.down), (stock(&before), before.over, before.down));
    }

    /// Everything that the hub did not give back can be sent, and is what it says.
    fn send(&mut self) {
        let len = self.node().log_len();
        let mut at = 0;
        while let Some((run, upto)) = self.node().load_run(at).expect("healthy") {
            assert!(upto > at && run.links().is_ok());
            self.check_skipped(at, upto - run.entries.len() as u64);
            assert!(run.entries.iter().all(|bytes| entry::decode(bytes).is_ok()), "written, and it cannot be read");
            at = upto;
        }
        self.check_skipped(at, len);
    }

    fn check_skipped(&self, after: LogPos, upto: LogPos) {
        assert!((after + 1..=upto).all(|pos| self.back.contains(&pos)), "entries that cannot be sent");
    }
}

/// Not the machine's: the hub contradicts itself or us, or the question was none.
fn is_no_fault(error: &NodeError) -> bool {
    match error {
        NodeError::Ask(_)
        | NodeError::Nation(_)
        | NodeError::Full(_)
        | NodeError::Unreadable(_)
        | NodeError::Run { .. }
        | NodeError::Foreign { .. }
        | NodeError::Gap { .. }
        | NodeError::GivenBack { .. }
        | NodeError::Contradiction { .. } => true,
        NodeError::Stopped { .. }
        | NodeError::Store(_)
        | NodeError::Keys(_)
        | NodeError::Stamp(_)
        | NodeError::Damaged { .. }
        | NodeError::Altered { .. } => false,
    }
}

/// What a hub writes, or something else.
fn word(choices: &mut Choices<'_>) -> Vec<u8> {
    let fact = match choices.below(11) {
        0 => {
            let (_, text) = *choices.pick(shipped());
            Fact::Programme(Published { text: text.to_owned() })
        }
        1 => Fact::Programme(Published { text: choices.text(40) }),
        2 => Fact::Standing(Standing { sale: said::id(choices), over: choices.flag() }),
        4 => Fact::Arrival(shared::entry::Arrival {
            programme: "mask".parse().expect("a programme"),
            counted: Pieces { adult: u32::from(choices.byte()), child: 0 },
            advised: None,
        }),
        5 => Fact::Withdrawal(shared::entry::Withdrawal { of: said::id(choices), reason: "x".to_owned() }),
        3 => Fact::Delivery(Delivery {
            programme: "mask".parse().expect("a programme"),
            day: day(choices),
            pieces: Pieces { adult: choices.number32(), child: 0 },
        }),
        6 | 7 => {
            let document = Sealed(choices.bytes(40).to_vec());
            said::of_a_dispute(choices, document)
        }
        8 | 9 => {
            let (document, contact) = (Sealed(choices.bytes(40).to_vec()), Sealed(choices.bytes(60).to_vec()));
            said::of_booking(choices, document, contact)
        }
        _ => return choices.bytes(60).to_vec(),
    };
    let at = Instant { second: choices.signed(), doubt_s: 0 };
    entry::encode(&Entry { at, by: Staff { name: "hub".to_owned(), verified: true, id: None }, fact })
}

fn parts(choices: &mut Choices<'_>, after: u64) -> Vec<FeedPart> {
    let mut at = after;
    let mut out = Vec::new();
    for _ in 0..choices.below(4) {
        let (body, items) = batch(choices);
        at = if choices.rarely() { choices.position() } else { at.saturating_add(items).min(i64::MAX.cast_unsigned()) };
        out.push(FeedPart { upto: at, body: body.into() });
    }
    out
}

fn batch(choices: &mut Choices<'_>) -> (Vec<u8>, u64) {
    if choices.rarely() {
        return (choices.bytes(60).to_vec(), 1);
    }
    let mut items = 0;
    let mut groups = Vec::new();
    for _ in 0..=choices.below(2) {
        let item = |choices: &mut Choices<'_>| Item {
            fingerprint: choices.number(),
            mark: choices.number32(),
            pieces: Pieces { adult: choices.number32(), child: u32::from(choices.byte()) },
            gone: choices.flag(),
        };
        let programme = (*choices.pick(&["mask", "kit", "x"])).parse().expect("a programme");
        let (day, key) = (day(choices), Secret::new([choices.byte() % 3; 32]));
        let of_day: Vec<Item> = (0..=choices.below(3)).map(|_| item(choices)).collect();
        items += of_day.len() as u64;
        groups.push(Group { programme, day, key, items: of_day });
    }
    (feed::encode(&Batch { groups }), items)
}

fn day(choices: &mut Choices<'_>) -> NaiveDate {
    let days = if choices.rarely() { choices.number32() % 3_000_000 } else { 737_000 + choices.number32() % 1_000 };
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(days).unwrap_or(1)).unwrap_or(NaiveDate::MAX)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let arrive = [0, 0, 8, 1, 200];
    let sell = [1, 1, 8, 0, 0];
    let feed = [1, 1, 4, 0, 1, 0, 0, 0, 0, 0, 5, 1, 1, 0, 7, 0, 9, 0, 2, 0, 0];
    let down = [1, 1, 2, 0, 2, 0, 0, 0, 3, 0, 0, 7];
    let beacon = [1, 1, 0, 0, 10, 0, 3];
    let acked = [1, 1, 1, 0, 0, 1, 2, 1, 1, 0, 0, 0, 1, 1, 6, 0, 0, 3];
    let own = [1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let key = [1, 1, 10, 1, 7];
    let restart = [1, 1, 11];
    let day: Vec<u8> = [&arrive[..], &sell, &feed, &down, &beacon, &acked, &own, &key, &restart, &sell].concat();
    vec![day.clone(), day.repeat(2), beacon.repeat(3), feed.repeat(5), down.repeat(5)]
}
