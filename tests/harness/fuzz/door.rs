//! The strict door: an enrolled site uploads whatever it likes beside an honest one.
//!
//! Nothing of it may be taken that no writer writes, nothing may be lost from the operator's sight, and what
//! follows from the honest site's ledger stays as if the other had never been there.

mod disputed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use hub::disputes::{DisputeFilter, Verdict};
use hub::hub::{Hub, QuarantinedRun};
use hub::ingest::{Outcome, Upload};
use hub::registry::{Enrolment, SiteRecord};
use hub::store::Store;
use shared::entry::booking::Booking;
use shared::entry::{
    Arrival, Correction, Entry, Fact, Instant, Pieces, Published, Reading, Sale, Sealed, Staff, Standing, Withdrawal,
};
use shared::ids::{ActorId, ChangeHash, DocId, EntryId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::{Joint, Run};
use shared::rules::booking::contact::Contact;
use shared::rules::identity::Document;
use shared::rules::programme::shipped_text;
use shared::seal::{Secret, SiteKeys};
use shared::wire::v1::{entry, run};

pub(super) use disputed::{disputed, with_markup};

use super::choices::Choices;
use super::said;
use crate::bench::counter::MORNING;

const HONEST: &str = "3501200000";
const LIAR: &str = "5931102274";
const RECEIVED: i64 = MORNING + 3_600;
const BATCHES_MAX: usize = 8;
const RUNS_MAX: usize = 4;
/// More than any input can bring.
const LISTED_MAX: usize = 1_000;

const NUMBERS: [&str; 3] = ["A123456789", "A100000001", "A123456716"];

/// Hostile uploads in batches, the honest site's between them.
pub(super) fn holds(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut world = World::new();
    for _ in 0..BATCHES_MAX {
        if choices.is_empty() {
            break;
        }
        world.batch(&mut choices);
    }
    world.end();
}

struct World {
    hub: Hub,
    keys: SiteKeys,
    honest: usize,
    /// Everything that ever came, for copies and for a second delivery.
    uploads: Vec<Upload>,
    hashes: Vec<ChangeHash>,
    ids: Vec<EntryId>,
    aside: BTreeSet<Vec<u8>>,
    held: BTreeMap<EntryId, ChangeHash>,
}

fn code(site: &str) -> SiteCode {
    site.parse().expect("a site")
}

fn secret(site: &str) -> Secret {
    let mut bytes = [7; 32];
    bytes[..10].copy_from_slice(site.as_bytes());
    Secret::new(bytes)
}

/// A hub that knows both sites and the first day's rules.
pub(super) fn fresh() -> Hub {
    let mut thrown = 0u64;
    let dice = move || {
        thrown += 1;
        let mut out = [200; 16];
        out[..8].copy_from_slice(&thrown.to_be_bytes());
        out
    };
    let store = Store::in_memory().expect("a store");
    let mut hub = Hub::open(store, &Secret::new([42; 32]), Box::new(dice)).expect("a hub");
    for site in [HONEST, LIAR] {
        let record = SiteRecord {
            code: code(site),
            name: format!("藥局<{site}>"),
            kind: "pharmacy".to_owned(),
            address: "新北市淡水區".to_owned(),
            tel: String::new(),
            lat: None,
            lng: None,
            town: String::new(),
        };
        hub.import_sites([record]).expect("imported");
        let mut fingerprint = [1; 32];
        fingerprint[..10].copy_from_slice(site.as_bytes());
        let enrolment = Enrolment {
            key_number: 1,
            secret: secret(site),
            fingerprint,
            serial: fingerprint[..16].try_into().expect("sixteen"),
            expires: i64::MAX,
            second: MORNING,
        };
        hub.register(&code(site), &enrolment).expect("healthy").expect("enrolled");
    }
    let text = shipped_text("mask-2020-02-06").expect("shipped");
    hub.publish_programme(text, "operator", MORNING).expect("healthy").expect("published");
    hub
}

/// What the honest site uploads, and what the hub says of it when nobody else is there.
pub(super) fn honest() -> &'static [(Upload, Vec<String>)] {
    static HONEST_DAY: OnceLock<Vec<(Upload, Vec<String>)>> = OnceLock::new();
    HONEST_DAY.get_or_init(|| {
        let keys = SiteKeys::new(code(HONEST), 1, &secret(HONEST)).expect("keys");
        let doc: DocId = format!("site/{HONEST}/2020-02-06").parse().expect("a document");
        let mut tip = Tip::start(doc, ActorId([100; 16]), 0, vec![]);
        let mut alone = fresh();
        let mut out = Vec::new();
        for step in 0..5u8 {
            let id = tip.next.id;
            let fact = match step {
                0 => arrival(Pieces { adult: 200, child: 50 }),
                1..=3 => sale(&keys, id, NUMBERS[usize::from(step - 1)], Pieces { adult: 2, child: 0 }),
                _ => Fact::Withdrawal(Withdrawal { of: EntryId { seq: 3, ..id }, reason: "打錯".to_owned() }),
            };
            let entry = written(fact);
            let start = tip.next.clone();
            let last = tip.append(&entry).expect("room").hash;
            let run = Run { doc, start, entries: vec![entry], joints: vec![], last, signature: None };
            let upload = Upload { site: code(HONEST), incarnation: Incarnation([100; 16]), run };
            let outcomes = alone.ingest(std::slice::from_ref(&upload), RECEIVED).expect("healthy");
            assert!(matches!(outcomes.as_slice(), [Outcome::Ingested { .. }]), "{outcomes:?}");
            out.push((upload, honest_part(&alone)));
        }
        out
    })
}

/// How a sale stands, at the end of its line.
const ENDS: [&str; 3] = [" counts", " over", " cleared"];

/// The dump's lines on the honest site. Whether a sale counts may change: the other may have served the same person.
fn honest_part(hub: &Hub) -> Vec<String> {
    let dump = String::from_utf8(hub.canonical().expect("healthy")).expect("a text");
    let about = dump.lines().filter(|line| line.contains(HONEST));
    let fact = |line: &str| match ENDS.iter().find_map(|end| line.strip_suffix(end)) {
        Some(fact) if line.starts_with("sale ") => fact.to_owned(),
        Some(_) | None => line.to_owned(),
    };
    let mut lines: Vec<String> = about.map(fact).collect();
    lines.sort();
    lines
}

impl World {
    fn new() -> Self {
        Self {
            hub: fresh(),
            keys: SiteKeys::new(code(LIAR), 1, &secret(LIAR)).expect("keys"),
            honest: 0,
            uploads: Vec::new(),
            hashes: vec![ChangeHash([9; 32])],
            ids: vec![EntryId { actor: ActorId([9; 16]), seq: 1 }],
            aside: BTreeSet::new(),
            held: BTreeMap::new(),
        }
    }

    fn batch(&mut self, choices: &mut Choices<'_>) {
        let mut batch = Vec::new();
        for _ in 0..=choices.below(RUNS_MAX) {
            let upload = self.hostile(choices);
            self.hashes.push(upload.run.last);
            batch.push(upload);
        }
        let day = honest();
        if choices.flag() && self.honest < day.len() {
            batch.insert(choices.below(batch.len() + 1), day[self.honest].0.clone());
            self.honest += 1;
        }
        let outcomes = self.hub.ingest(&batch, RECEIVED).expect("whatever comes, the machine is healthy");
        assert_eq!(outcomes.len(), batch.len());
        for (upload, outcome) in batch.iter().zip(&outcomes) {
            self.judge(upload, outcome);
        }
        self.uploads.extend(batch);
        self.check_honest();
    }

    fn judge(&mut self, upload: &Upload, outcome: &Outcome) {
        match outcome {
            Outcome::Ingested { id, .. } => {
                assert!(may_be_taken(upload), "taken, and no writer writes it: {:?}", upload.run);
                assert_eq!(*id, upload.run.last_id());
                for link in upload.run.links().expect("judged above") {
                    let held = self.hub.entry_hash(&link.id).expect("healthy");
                    assert_eq!(held, Some(link.hash), "acknowledged and not held: {}", link.id);
                    assert_eq!(*self.held.entry(link.id).or_insert(link.hash), link.hash, "one name, two contents");
                    self.ids.push(link.id);
                    self.hashes.push(link.hash);
                }
            }
            Outcome::Quarantined { id, why } => {
                assert!(upload.site != code(HONEST), "an honest run is set aside: {why}");
                assert!(*id == upload.run.last_id() && !why.is_empty());
                self.aside.insert(run::encode_run(&upload.run));
            }
        }
    }

    fn check_honest(&self) {
        let alone = self.honest.checked_sub(1).map_or(&[][..], |last| &honest()[last].1);
        assert_eq!(honest_part(&self.hub), alone, "the honest site's part has changed");
    }

    /// Every run that was set aside is listed, or has been taken since; the projections follow from the journal;
    /// a second delivery changes nothing.
    fn end(&mut self) {
        let listed = self.hub.quarantine(LISTED_MAX).expect("healthy");
        // The list tells a run by its length: of each length at least as many are shown as were not taken since.
        let mut owed: BTreeMap<usize, usize> = BTreeMap::new();
        for bytes in &self.aside {
            let run = run::decode_run(bytes);
            let taken = run.is_ok_and(|run| self.hub.entry_hash(&run.last_id()).expect("healthy") == Some(run.last));
            *owed.entry(bytes.len()).or_default() += usize::from(!taken);
        }
        for (length, owed) in owed {
            let is_shown = |aside: &&QuarantinedRun| aside.site == code(LIAR) && aside.bytes == length as u64;
            assert!(listed.iter().filter(is_shown).count() >= owed, "a run is neither taken nor shown to the operator");
        }
        assert!(listed.len() <= self.aside.len() && listed.iter().all(|aside| !aside.why.is_empty()));
        for (id, hash) in &self.held {
            assert_eq!(self.hub.entry_hash(id).expect("healthy"), Some(*hash), "{id} was lost or replaced");
        }
        self.decide();
        let before = (self.hub.canonical().expect("healthy"), self.hub.journal_position().expect("healthy"));
        self.hub.rebuild().expect("healthy");
        assert_eq!(self.dump(), before.0, "made again from the journal it is another");
        let uploads = std::mem::take(&mut self.uploads);
        for upload in &uploads {
            self.hub.ingest(std::slice::from_ref(upload), RECEIVED).expect("healthy");
        }
        let after = (self.hub.canonical().expect("healthy"), self.hub.journal_position().expect("healthy"));
        assert!(before == after, "a second delivery changes something");
        self.check_honest();
    }

    /// An operator believes everything: nothing of the honest site's ledger changes by it.
    fn decide(&mut self) {
        let all = DisputeFilter { decided_too: true, limit: 8 };
        for (turn, dispute) in self.hub.disputes(&all).expect("healthy").into_iter().enumerate() {
            assert!(dispute.site == code(LIAR));
            let verdict = if turn % 3 == 2 { Verdict::Reject } else { Verdict::Grant };
            let decided = self.hub.decide(&dispute.id, verdict, ("words", "operator"), RECEIVED).expect("healthy");
            decided.expect("it can be decided");
            let detail = self.hub.dispute(&dispute.id).expect("healthy").expect("it is there");
            assert!(!detail.decisions.is_empty() && !detail.summary.zh.is_empty());
        }
    }

    fn dump(&self) -> Vec<u8> {
        self.hub.canonical().expect("healthy")
    }

    fn hostile(&mut self, choices: &mut Choices<'_>) -> Upload {
        let copied = choices.below(4) == 3 && !self.uploads.is_empty();
        let mut run = if copied { choices.pick(&self.uploads).run.clone() } else { self.fresh_run(choices) };
        let tampers = choices.below(4);
        for _ in 0..tampers {
            self.tamper(&mut run, choices);
        }
        if !choices.rarely() {
            seal(&mut run);
        }
        Upload { site: code(LIAR), incarnation: Incarnation([choices.byte() % 3; 16]), run }
    }

    /// As an edge of ours would write it: behind what this actor wrote, or behind other heads of the ledger.
    fn fresh_run(&self, choices: &mut Choices<'_>) -> Run {
        let day = 6 + choices.byte() % 2;
        let doc: DocId = format!("site/{LIAR}/2020-02-{day:02}").parse().expect("a document");
        let actor = ActorId([day * 10 + choices.byte() % 3; 16]);
        let mut own = self.uploads.iter().filter(|upload| upload.run.start.id.actor == actor && upload.run.doc == doc);
        let before = own.next_back().and_then(|upload| upload.run.links().ok()).and_then(|links| links.last().copied());
        let heads = || {
            self.uploads.iter().rev().find(|upload| upload.run.doc == doc).and_then(|upload| upload.run.links().ok())
        };
        let mut tip = match (before, heads().and_then(|links| links.last().copied())) {
            (Some(link), _) => Tip::after(doc, &link).expect("room"),
            (None, Some(head)) if choices.flag() => Tip::start(doc, actor, head.op, vec![head.hash]),
            (None, _) => Tip::start(doc, actor, 0, vec![]),
        };
        let start = tip.next.clone();
        let mut entries = Vec::new();
        for _ in 0..=choices.below(3) {
            let bytes = self.entry(tip.next.id, choices);
            if tip.append(&bytes).is_err() {
                break;
            }
            entries.push(bytes);
        }
        Run { doc, start, entries, joints: vec![], last: ChangeHash([0; 32]), signature: None }
    }

    fn entry(&self, id: EntryId, choices: &mut Choices<'_>) -> Vec<u8> {
        let pieces = Pieces { adult: choices.number32() % 5_000_000, child: u32::from(choices.byte() % 4) };
        let fact = match choices.below(14) {
            0 => arrival(pieces),
            1..=3 => {
                let fact =
                    sale(&self.keys, id, choices.pick::<&str>(&NUMBERS), Pieces { adult: pieces.adult % 4, ..pieces });
                self.bent(fact, choices)
            }
            4 => Fact::Withdrawal(Withdrawal { of: *choices.pick(&self.ids), reason: choices.text(20) }),
            5 => Fact::Withdrawal(Withdrawal { of: EntryId { seq: 1 + id.seq / 2, ..id }, reason: String::new() }),
            6 => Fact::Correction(Correction {
                programme: "mask".parse().expect("a programme"),
                adult: choices.signed() as i32 % 2_000_000,
                child: 0,
                reason: choices.text(20),
            }),
            7 => Fact::Programme(Published { text: choices.text(20) }),
            8 => Fact::Standing(Standing { sale: *choices.pick(&self.ids), over: true }),
            9 | 10 => {
                let known = Document::parse("01", choices.pick::<&str>(&NUMBERS), "1986-03-15", chrono::NaiveDate::MAX);
                let sealed = known.ok().and_then(|person| self.keys.seal(&id, 0, &person).ok());
                let bent = Sealed(choices.bytes(64).to_vec());
                said::of_a_dispute(choices, sealed.filter(|_| bent.0.len() < 32).unwrap_or(bent))
            }
            11 | 12 => {
                let known = Document::parse("01", choices.pick::<&str>(&NUMBERS), "1986-03-15", chrono::NaiveDate::MAX);
                let document = known.ok().and_then(|person| self.keys.seal(&id, 0, &person).ok());
                let contact = Contact::parse("王大明", "0912345678").ok();
                let contact = contact.and_then(|contact| self.keys.seal_contact(&id, &contact).ok());
                let bent = Sealed(choices.bytes(64).to_vec());
                let straight = bent.0.len() < 48;
                let document = document.filter(|_| straight).unwrap_or_else(|| bent.clone());
                said::of_booking(choices, document, contact.filter(|_| straight).unwrap_or(bent))
            }
            _ => return choices.bytes(40).to_vec(),
        };
        let second = if choices.rarely() { choices.signed() } else { MORNING + i64::from(choices.byte()) * 60 };
        let by = Staff { name: choices.text(8), verified: choices.flag(), id: None };
        entry::encode(&Entry { at: Instant { second, doubt_s: choices.number32() }, by, fact })
    }

    /// A sale of which one part says anything.
    fn bent(&self, fact: Fact, choices: &mut Choices<'_>) -> Fact {
        let Fact::Sale(mut sale) = fact else { return fact };
        match choices.below(12) {
            0 => sale.happened = Some(Instant { second: choices.signed(), doubt_s: choices.number32() }),
            1 => sale.watermark = choices.number(),
            2 => sale.document = Sealed(choices.bytes(64).to_vec()),
            3 => sale.proxy = Some(Sealed(choices.bytes(64).to_vec())),
            4 => sale.version = choices.text(8).to_lowercase().parse().unwrap_or(sale.version),
            5 => sale.programme = choices.text(8).to_lowercase().parse().unwrap_or(sale.programme),
            6 => sale.reading = Reading::Typed,
            7 => sale.happened = Some(Instant { second: MORNING - i64::from(choices.byte()) * 86_400, doubt_s: 0 }),
            _ => {}
        }
        Fact::Sale(sale)
    }

    fn tamper(&self, run: &mut Run, choices: &mut Choices<'_>) {
        let at = choices.below(run.entries.len().max(1));
        match choices.below(13) {
            0 => run.doc = choices.pick(&docs()).parse().expect("a document of the list"),
            1 => run.start.id.seq = choices.number32(),
            2 => run.start.op = choices.number(),
            3 => run.start.id.actor = ActorId([choices.byte(); 16]),
            4 => run.start.deps = (0..choices.below(18)).map(|_| *choices.pick(&self.hashes)).collect(),
            5 => run.start.deps.sort(),
            6 => {
                let deps = (0..choices.below(3)).map(|_| *choices.pick(&self.hashes)).collect();
                run.joints.push(Joint { index: choices.number32(), op: choices.number(), deps });
            }
            7 => drop(run.entries.pop()),
            8 => run.entries.reverse(),
            9 => {
                let place = choices.number();
                if let Some(byte) = run.entries.get_mut(at).and_then(|entry| {
                    let place = usize::try_from(place).unwrap_or(0) % entry.len().max(1);
                    entry.get_mut(place)
                }) {
                    *byte ^= 1 << (choices.byte() % 8);
                }
            }
            10 => run.start.id.seq = run.start.id.seq.wrapping_add(1),
            11 => run.start.op = run.start.op.wrapping_add(1),
            _ => run.last = *choices.pick(&self.hashes),
        }
    }
}

fn docs() -> [String; 5] {
    let site = |site: &str, day: &str| format!("site/{site}/{day}");
    [
        site(HONEST, "2020-02-06"),
        site(LIAR, "2020-02-06"),
        site(LIAR, "0001-01-01"),
        format!("desk/{LIAR}/2020-02"),
        "nation/2020-02".to_owned(),
    ]
}

fn arrival(counted: Pieces) -> Fact {
    Fact::Arrival(Arrival { programme: "mask".parse().expect("a programme"), counted, advised: None })
}

fn sale(keys: &SiteKeys, id: EntryId, number: &str, pieces: Pieces) -> Fact {
    let today = "2020-02-06".parse().expect("a day");
    let document = Document::parse("01", number, "1986-03-15", today).expect("a document");
    Fact::Sale(Sale {
        programme: "mask".parse().expect("a programme"),
        version: "mask-2020-02-06".parse().expect("a version"),
        pieces,
        happened: None,
        reading: Reading::Card,
        watermark: 0,
        document: keys.seal(&id, 0, &document).expect("sealed"),
        proxy: None,
        approved_by: None,
        behind: vec![],
    })
}

fn written(fact: Fact) -> Vec<u8> {
    let by = Staff { name: "王藥師".to_owned(), verified: false, id: None };
    entry::encode(&Entry { at: Instant { second: MORNING, doubt_s: 1 }, by, fact })
}

/// Gives a run the hash that its facts have, where they have one.
fn seal(run: &mut Run) {
    if let Ok(changes) = run.changes() {
        run.last = changes.last().map_or(run.last, shared::ledger::schema::hash);
    }
}

/// What is asked of a run that is taken, apart from its place among others.
fn may_be_taken(upload: &Upload) -> bool {
    let own = matches!(upload.run.doc, DocId::Site { site, .. } if site == upload.site);
    let facts = upload.run.entries.iter().all(|bytes| {
        let fact = entry::decode(bytes).map(|entry| entry.fact);
        let of_a_site = |fact: &Fact| {
            matches!(
                fact,
                Fact::Arrival(_)
                    | Fact::Sale(_)
                    | Fact::Withdrawal(_)
                    | Fact::Correction(_)
                    | Fact::Dispute(_)
                    | Fact::Booking(
                        Booking::Booked(_)
                            | Booking::Wish(_)
                            | Booking::Cancelled(_)
                            | Booking::Amended(_)
                            | Booking::Returned(_)
                            | Booking::Attended(_)
                    )
            )
        };
        fact.is_ok_and(|fact| of_a_site(&fact))
    });
    own && facts && upload.run.links().is_ok()
}

/// Honest batches, and one of each kind of lie.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let honest = [0, 0, 0, 0, 0, 0, 200, 0, 1, 5, 0, 0, 0, 0, 0, 0, 1, 0];
    let mut out = vec![honest.repeat(4)];
    out.extend(
        (0..13).map(|kind| [honest.as_slice(), &[1, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, kind, 1, 1], &honest].concat()),
    );
    out.extend((0..12).map(|kind| [0, 0, 0, 0, 0, 0, 2, 0, kind, 8, 0, 0, 0, 0, 0, 0, 1, 0].repeat(3)));
    out
}
