//! For the tests of the shell: a register, and a site's ledger as an edge would write it.

use shared::entry::booking::{Booked, Booker, Booking, Shown, Slot};
use shared::entry::{Dispute, Entry, Fact, Found, Instant, Pieces, Reading, Sale, Source, Staff};
use shared::ids::{ActorId, DocId, EntryId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::booking::contact::Contact;
use shared::rules::identity::Document;
use shared::rules::programme::shipped_text;
use shared::seal::{Secret, SiteKeys};
use shared::wire::v1::entry;

use crate::hub::Hub;
use crate::ingest::Upload;
use crate::registry::{Enrolment, SiteRecord};
use crate::store::Store;

/// 2020-02-06 09:00 in Taipei, a Thursday.
pub(crate) const MORNING: i64 = 1_580_950_800;
/// 淡水藥局 of the manual.
pub(crate) const TAMSUI: &str = "5931102274";
/// The manual's virtual clinic.
pub(crate) const OTHER: &str = "3501200000";

/// Valid; the masked form shows only a little of it.
pub(crate) const PERSON: &str = "A123456789";

/// A site's code.
pub(crate) fn code_of(site: &str) -> SiteCode {
    site.parse().unwrap()
}

/// A site as a register has it.
pub(crate) fn record(site: &str, name: &str, address: &str) -> SiteRecord {
    SiteRecord {
        code: code_of(site),
        name: name.to_owned(),
        kind: "pharmacy".to_owned(),
        address: address.to_owned(),
        tel: "(02)26211234".to_owned(),
        lat: None,
        lng: None,
        town: String::new(),
    }
}

/// A hub at which one person bought at two sites that did not know of each other.
pub(crate) fn doubly_served() -> Hub {
    // Far from the ledgers' actors below.
    let mut n = 100u8;
    let dice = move || {
        n += 1;
        [n; 16]
    };
    let mut hub = Hub::open(Store::in_memory().unwrap(), &Secret::new([3; 32]), Box::new(dice)).unwrap();
    let sites = [
        record(TAMSUI, "淡水藥局", "新北市淡水區中正路1號"),
        record(OTHER, "台北虛擬診所<b>", "台北市中正區2號"),
        record("0145080011", "豐濱原住民分院", "花蓮縣豐濱鄉"),
    ];
    hub.import_sites(sites).unwrap();
    hub.publish_programme(shipped_text("mask-2020-02-06").unwrap(), "op", MORNING).unwrap().unwrap();
    for (number, (site, minutes)) in (1..).zip([(TAMSUI, 5), (OTHER, 47)]) {
        let secret = Secret::new([number; 32]);
        let enrolment = Enrolment {
            key_number: 1,
            secret: secret.clone(),
            fingerprint: [number; 32],
            serial: [number; 16],
            expires: i64::MAX,
            second: MORNING,
        };
        hub.register(&code_of(site), &enrolment).unwrap().unwrap();
        let mut ledger = Ledger::new(code_of(site), number, &secret);
        ledger.sell(PERSON, MORNING + minutes * 60);
        let run = ledger.run(0).unwrap();
        let upload = Upload { site: code_of(site), incarnation: ledger.incarnation(), run };
        hub.ingest(&[upload], MORNING + 3600).unwrap();
    }
    hub
}

/// A site's ledger of one day, in memory.
pub(crate) struct Ledger {
    doc: DocId,
    keys: SiteKeys,
    runs: Vec<Run>,
    tip: Tip,
}

impl Ledger {
    pub(crate) fn new(site: SiteCode, actor: u8, secret: &Secret) -> Self {
        let doc: DocId = format!("site/{site}/2020-02-06").parse().unwrap();
        let keys = SiteKeys::new(site, 1, secret).unwrap();
        Self { doc, keys, runs: Vec::new(), tip: Tip::start(doc, ActorId([actor; 16]), 0, vec![]) }
    }

    /// Sells two pieces to a person, as a run of one entry.
    pub(crate) fn sell(&mut self, number: &str, second: i64) -> EntryId {
        self.sell_knowing(number, second, 0)
    }

    /// The same, by a site whose knowledge of the nation reaches so far.
    pub(crate) fn sell_knowing(&mut self, number: &str, second: i64, watermark: u64) -> EntryId {
        let today = shared::rules::calendar::taipei_day(second);
        let document = Document::parse("01", number, "1986-03-15", today).unwrap();
        let id = self.tip.next.id;
        let at = Instant { second, doubt_s: 1 };
        let sale = Sale {
            programme: "mask".parse().unwrap(),
            version: "mask-2020-02-06".parse().unwrap(),
            pieces: Pieces { adult: 2, child: 0 },
            happened: None,
            reading: Reading::Card,
            watermark,
            document: self.keys.seal(&id, 0, &document).unwrap(),
            proxy: None,
            approved_by: None,
            behind: vec![],
        };
        self.write(at, Fact::Sale(sale));
        id
    }

    /// Somebody is refused and disputes it, as a run of one entry.
    pub(crate) fn dispute(&mut self, number: &str, second: i64, reason: &str) {
        let today = shared::rules::calendar::taipei_day(second);
        let document = Document::parse("01", number, "1986-03-15", today).unwrap();
        let dispute = Dispute {
            programme: "mask".parse().unwrap(),
            version: "mask-2020-02-06".parse().unwrap(),
            reading: Reading::Typed,
            watermark: 0,
            document: self.keys.seal(&self.tip.next.id, 0, &document).unwrap(),
            found: vec![Found { day: today, source: Source::Nation }],
            reason: reason.to_owned(),
        };
        self.write(Instant { second, doubt_s: 1 }, Fact::Dispute(dispute));
    }

    /// Gives a place away that no lease covers, as a run of one entry.
    pub(crate) fn book(&mut self, number: &str, second: i64, slot: &Slot, contact: &Contact) {
        let today = shared::rules::calendar::taipei_day(second);
        let document = Document::parse("01", number, "1950-03-15", today).unwrap();
        let id = self.tip.next.id;
        let person = Booker {
            document: self.keys.seal(&id, 0, &document).unwrap(),
            contact: self.keys.seal_contact(&id, contact).unwrap(),
            reading: Reading::Card,
            watermark: 0,
            shown: Shown::Age,
        };
        let (programme, round) = ("vaccine".parse().unwrap(), "vaccine-r1".parse().unwrap());
        let booked = Booked { programme, round, slot: slot.clone(), lease: id, serial: 7, person };
        self.write(Instant { second, doubt_s: 1 }, Fact::Booking(Booking::Booked(booked)));
    }

    fn write(&mut self, at: Instant, fact: Fact) {
        let by = Staff { name: "王小明".to_owned(), verified: false, id: None };
        let bytes = entry::encode(&Entry { at, by, fact });
        let start = self.tip.next.clone();
        let link = self.tip.append(&bytes).unwrap();
        self.runs.push(Run {
            doc: self.doc,
            start,
            entries: vec![bytes],
            joints: vec![],
            last: link.hash,
            signature: None,
        });
    }

    pub(crate) fn run(&self, at: usize) -> Option<Run> {
        self.runs.get(at).cloned()
    }

    /// One life, one actor.
    pub(crate) fn incarnation(&self) -> Incarnation {
        Incarnation(self.tip.next.id.actor.0)
    }
}
