//! Plays what an edge writes and sends, and opens hubs to send it to.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper, of which each test uses a part"
)]

use std::collections::HashMap;

use hub::hub::{Dice, Hub};
use hub::ingest::{Outcome, Upload};
use hub::registry::{Enrolment, SiteRecord};
use hub::store::Store;
use shared::entry::{Arrival, Correction, Entry, Fact, Instant, Pieces, Reading, Sale, Staff, Withdrawal};
use shared::ids::{ActorId, ChangeHash, DocId, EntryId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::identity::Document;
use shared::rules::programme::shipped_text;
use shared::seal::{Secret, SiteKeys};
use shared::wire::v1::entry;
use shared::wire::v1::message::Hello;

pub(crate) const MASK: &str = "mask-2020-02-06";
pub(crate) const A: &str = "5931102274";
pub(crate) const B: &str = "3501200000";
pub(crate) const C: &str = "0145080011";
/// Numbers with right checksums.
pub(crate) const ANNA: &str = "A123456789";
pub(crate) const BORIS: &str = "A100000001";

/// How far a clock that has heard the hub may be off, in seconds.
const SURE_S: u32 = 1;

pub(crate) fn second(at: &str) -> i64 {
    second_of(format!("{at}:00").parse().unwrap())
}

pub(crate) fn document(number: &str) -> Document {
    Document::parse("01", number, "1986-03-15", "2020-02-01".parse().unwrap()).unwrap()
}

/// A national number with a right checksum from a serial.
pub(crate) fn number(serial: u32) -> String {
    let body = format!("A1{serial:07}");
    (0..10).map(|check| format!("{body}{check}")).find(|n| shared::rules::identity::number_kind(n).is_ok()).unwrap()
}

pub(crate) fn adult(adult: u32) -> Pieces {
    Pieces { adult, child: 0 }
}

pub(crate) fn dice(seed: u8) -> Dice {
    let mut n = 0u64;
    Box::new(move || {
        n += 1;
        let mut out = [seed; 16];
        out[..8].copy_from_slice(&n.to_be_bytes());
        out
    })
}

pub(crate) fn master() -> Secret {
    Secret::new([42; 32])
}

pub(crate) fn site_secret(site: SiteCode) -> Secret {
    let mut bytes = [7; 32];
    bytes[..10].copy_from_slice(site.as_str().as_bytes());
    Secret::new(bytes)
}

pub(crate) fn record(site: SiteCode) -> SiteRecord {
    SiteRecord {
        code: site,
        name: format!("藥局{site}"),
        kind: "pharmacy".to_owned(),
        address: String::new(),
        tel: String::new(),
        lat: None,
        lng: None,
        town: String::new(),
    }
}

pub(crate) fn enrolment(site: SiteCode) -> Enrolment {
    let mut fingerprint = [1; 32];
    fingerprint[..10].copy_from_slice(site.as_str().as_bytes());
    Enrolment {
        key_number: 1,
        secret: site_secret(site),
        fingerprint,
        serial: [3; 16],
        expires: i64::MAX,
        second: second("2020-02-01T08:00"),
    }
}

pub(crate) fn enrol(hub: &mut Hub, site: &str) {
    let site: SiteCode = site.parse().unwrap();
    hub.import_sites([record(site)]).unwrap();
    hub.register(&site, &enrolment(site)).unwrap().unwrap();
}

/// A hub with three sites and the first programme.
pub(crate) fn hub() -> Hub {
    hub_on(Store::in_memory().unwrap(), 200)
}

pub(crate) fn hub_on(store: Store, seed: u8) -> Hub {
    let mut hub = Hub::open(store, &master(), dice(seed)).unwrap();
    for site in [A, B, C] {
        enrol(&mut hub, site);
    }
    publish(&mut hub, MASK);
    hub
}

pub(crate) fn publish(hub: &mut Hub, name: &str) {
    hub.publish_programme(shipped_text(name).unwrap(), "op", second("2020-02-05T20:00")).unwrap().unwrap();
}

/// One site's writing.
pub(crate) struct Edge {
    pub(crate) site: SiteCode,
    pub(crate) incarnation: Incarnation,
    pub(crate) keys: SiteKeys,
    actor: u8,
    tips: HashMap<DocId, Tip>,
    pub(crate) watermark: u64,
    pub(crate) programme: &'static str,
    pub(crate) version: &'static str,
}

impl Edge {
    pub(crate) fn new(site: &str, actor: u8) -> Self {
        let site: SiteCode = site.parse().unwrap();
        Self {
            site,
            incarnation: Incarnation([actor; 16]),
            keys: SiteKeys::new(site, 1, &site_secret(site)).unwrap(),
            actor,
            tips: HashMap::new(),
            watermark: 0,
            programme: "mask",
            version: MASK,
        }
    }

    pub(crate) fn doc(&self, second: i64) -> DocId {
        DocId::Site { site: self.site, day: taipei_day(second) }
    }

    pub(crate) fn tip(&mut self, doc: DocId) -> &mut Tip {
        let mut actor = [self.actor; 16];
        let day = doc.to_string();
        actor[..10].copy_from_slice(&day.as_bytes()[day.len() - 10..]);
        self.tips.entry(doc).or_insert_with(|| Tip::start(doc, ActorId(actor), 0, vec![]))
    }

    /// Writes entries whose bytes depend on their ids into one run.
    pub(crate) fn write(
        &mut self,
        doc: DocId,
        count: usize,
        mut fact: impl FnMut(&SiteKeys, EntryId, usize) -> Vec<u8>,
    ) -> Upload {
        let start = self.tip(doc).next.clone();
        let mut entries = Vec::new();
        let mut last = None;
        for n in 0..count {
            let id = self.tip(doc).next.id;
            let bytes = fact(&self.keys, id, n);
            last = Some(self.tip(doc).append(&bytes).unwrap());
            entries.push(bytes);
        }
        let run = Run { doc, start, entries, joints: vec![], last: last.unwrap().hash, signature: None };
        Upload { site: self.site, incarnation: self.incarnation, run }
    }

    pub(crate) fn fact(&mut self, at: &str, fact: Fact) -> Upload {
        let second = second(at);
        let bytes = entry::encode(&written(second, fact));
        self.write(self.doc(second), 1, |_, _, _| bytes.clone())
    }

    pub(crate) fn sell(&mut self, at: &str, document: &Document, pieces: Pieces) -> Upload {
        self.sell_as(at, document, pieces, |_| {})
    }

    pub(crate) fn sell_as(
        &mut self,
        at: &str,
        document: &Document,
        pieces: Pieces,
        change: impl Fn(&mut Sale),
    ) -> Upload {
        self.sell_at(Instant { second: second(at), doubt_s: SURE_S }, document, pieces, change)
    }

    fn sell_at(&mut self, at: Instant, document: &Document, pieces: Pieces, change: impl Fn(&mut Sale)) -> Upload {
        let (programme, version, watermark) = (self.programme, self.version, self.watermark);
        self.write(self.doc(at.second), 1, |keys, id, _| {
            let mut sale = Sale {
                programme: programme.parse().unwrap(),
                version: version.parse().unwrap(),
                pieces,
                happened: None,
                reading: Reading::Card,
                watermark,
                document: keys.seal(&id, 0, document).unwrap(),
                proxy: None,
                approved_by: None,
                behind: vec![],
            };
            change(&mut sale);
            entry::encode(&Entry { at, ..written(at.second, Fact::Sale(sale)) })
        })
    }

    /// The same, written by a clock that may be off by so much.
    pub(crate) fn sell_in_doubt(&mut self, at: &str, document: &Document, pieces: Pieces, doubt_s: u32) -> Upload {
        self.sell_at(Instant { second: second(at), doubt_s }, document, pieces, |_| {})
    }

    /// A run that follows a change which nobody ever wrote.
    pub(crate) fn orphan(&self, doc: DocId, n: u32) -> Upload {
        let mut actor = [9; 16];
        actor[..4].copy_from_slice(&n.to_be_bytes());
        let mut tip = Tip::start(doc, ActorId(actor), 5, vec![ChangeHash([7; 32])]);
        let start = tip.next.clone();
        let last = tip.append(b"orphan").unwrap().hash;
        let run = Run { doc, start, entries: vec![b"orphan".to_vec()], joints: vec![], last, signature: None };
        Upload { site: self.site, incarnation: self.incarnation, run }
    }

    pub(crate) fn arrive(&mut self, at: &str, counted: Pieces) -> Upload {
        let programme = self.programme.parse().unwrap();
        self.fact(at, Fact::Arrival(Arrival { programme, counted, advised: None }))
    }

    pub(crate) fn correct(&mut self, at: &str, adult: i32) -> Upload {
        let programme = self.programme.parse().unwrap();
        self.fact(at, Fact::Correction(Correction { programme, adult, child: 0, reason: "盤點".to_owned() }))
    }

    pub(crate) fn withdraw(&mut self, at: &str, of: EntryId) -> Upload {
        self.fact(at, Fact::Withdrawal(Withdrawal { of, reason: "打錯".to_owned() }))
    }
}

pub(crate) fn written(second: i64, fact: Fact) -> Entry {
    Entry {
        at: Instant { second, doubt_s: SURE_S },
        by: Staff { name: "王藥師".to_owned(), verified: false, id: None },
        fact,
    }
}

/// A greeting of the first version.
pub(crate) fn hello(site: SiteCode, incarnation: Incarnation) -> Hello {
    Hello {
        protocol: shared::wire::v1::message::PROTOCOL,
        encoder: shared::ledger::schema::ENCODER.to_owned(),
        site: site.to_string(),
        incarnation,
        hub_life: Incarnation([0; 16]),
        down: 0,
        feed: 0,
        life: None,
        manifest: None,
    }
}

/// The last entry of an upload.
pub(crate) fn id(upload: &Upload) -> EntryId {
    upload.run.last_id()
}

/// Sends and expects all to be taken.
pub(crate) fn send(hub: &mut Hub, uploads: &[Upload]) {
    for outcome in hub.ingest(uploads, second("2020-02-06T20:00")).unwrap() {
        assert!(matches!(outcome, Outcome::Ingested { .. }), "{outcome:?}");
    }
}

/// Sends one and expects it to be kept aside.
pub(crate) fn refused(hub: &mut Hub, upload: &Upload) -> String {
    match hub.ingest(std::slice::from_ref(upload), second("2020-02-06T20:00")).unwrap().pop().unwrap() {
        Outcome::Quarantined { why, .. } => why,
        outcome @ Outcome::Ingested { .. } => panic!("{outcome:?}"),
    }
}

pub(crate) fn canonical(hub: &Hub) -> String {
    String::from_utf8(hub.canonical().unwrap()).unwrap()
}
