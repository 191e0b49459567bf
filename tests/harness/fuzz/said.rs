//! Messages made from choices: well formed, and saying anything.

use chrono::{Days, NaiveDate};
use shared::digest::{LayerId, Signed};
use shared::entry::booking::{
    Amended, Answer, Attendance, Attended, Booked, Booker, Booking, BookingStanding, Cancelled, Capacity, Expected,
    Lease, Numbers, Returned, Shown, Slot, Stands, Start, Wish,
};
use shared::entry::{ClearedDay, Decision, Dispute, Exception, Fact, Found, Pieces, Reading, Sealed, Source};
use shared::ids::{ActorId, CaseId, ChangeHash, DocId, EntryId, Incarnation, ProgrammeId};
use shared::ledger::run::{Joint, Run};
use shared::ledger::schema::{ENCODER, Place};
use shared::seal::{KeyMark, Secret};
use shared::sign::{PublicKey, Receipt, Signature};
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed};
use shared::wire::v1::enquiry::{About, Answered, Enquiry, Known, Told};
use shared::wire::v1::entry::PLACES_MAX;
use shared::wire::v1::life::{Began, EdgeLife, HubLife, Parent};
use shared::wire::v1::message::{
    FeedPart, Fetch, Hello, Message, PIECE_BYTES_MAX, PROTOCOL, Piece, Refused, Seen, Welcome,
};

use super::choices::Choices;

/// The site that the sessions are about.
pub(super) const SITE: &str = "5931102274";

const DOCS: [&str; 5] = [
    "site/5931102274/2020-02-06",
    "site/3501200000/2020-02-06",
    "desk/5931102274/2020-02",
    "nation/2020-02",
    "site/5931102274/9999-12-31",
];

/// How many kinds of messages there are.
pub(super) const KINDS: u8 = 19;

/// Any message.
pub(super) fn message(choices: &mut Choices<'_>) -> Message {
    match choices.below(usize::from(KINDS)) {
        0 => Message::Hello(hello(choices)),
        1 => Message::Welcome(welcome(choices)),
        2 => Message::Up(run(choices)),
        3 => Message::Acked { id: id(choices), feed: choices.position(), receipt: receipt(choices) },
        4 => Message::Down { pos: choices.position(), run: run(choices) },
        5 => Message::Feed { after: choices.position(), parts: parts(choices) },
        6 => Message::Took,
        7 => Message::Ask { echo: choices.number() },
        8 => Message::Beacon {
            echo: choices.number(),
            second: choices.signed(),
            feed: choices.flag().then(|| choices.position()),
        },
        9 => own(choices),
        10 => Message::Key { number: choices.byte(), secret: Secret::new(choices.same()) },
        11 => {
            let upto = choices.position();
            Message::Manifest { upto, signed: signed(choices) }
        }
        12 => Message::Fetch(fetch(choices)),
        13 => Message::Piece(piece(choices)),
        14 => Message::Confirm(confirm(choices)),
        15 => Message::Confirmed(confirmed(choices)),
        16 => Message::Enquiry(enquiry(choices)),
        17 => Message::Told(told(choices)),
        _ => Message::Refused(Refused { id: choices.flag().then(|| id(choices)), why: choices.text(40) }),
    }
}

pub(super) fn hello(choices: &mut Choices<'_>) -> Hello {
    Hello {
        protocol: if choices.rarely() { choices.number32() } else { PROTOCOL },
        encoder: if choices.rarely() { choices.text(80) } else { ENCODER.to_owned() },
        site: if choices.rarely() { choices.text(40) } else { SITE.to_owned() },
        incarnation: Incarnation(choices.same()),
        hub_life: Incarnation(choices.same()),
        down: choices.number(),
        feed: choices.number(),
        life: choices.flag().then(|| edge_life(choices)),
        manifest: choices.flag().then(|| choices.number()),
    }
}

fn edge_life(choices: &mut Choices<'_>) -> EdgeLife {
    let parent = |choices: &mut Choices<'_>| Parent {
        incarnation: Incarnation(choices.same()),
        began: Began::from_code(choices.byte() % 3),
    };
    EdgeLife {
        boot: choices.same(),
        parent: choices.flag().then(|| parent(choices)),
        own: choices.number(),
        signer: PublicKey(choices.same()),
        keys: (0..choices.below(3)).map(|_| KeyMark(choices.same())).collect(),
        tips: (0..choices.below(3)).map(|_| id(choices)).collect(),
    }
}

fn hub_life(choices: &mut Choices<'_>) -> HubLife {
    HubLife {
        renew: choices.rarely(),
        journal: choices.position(),
        signer: PublicKey(choices.same()),
        wants_keys: choices.flag(),
        disputes: choices.flag(),
        confirms: choices.flag(),
        access: choices.flag(),
        booking: choices.flag(),
    }
}

fn receipt(choices: &mut Choices<'_>) -> Option<Receipt> {
    let signature = |choices: &mut Choices<'_>| Signature([choices.byte(); 64]);
    let receipt = |choices: &mut Choices<'_>| Receipt {
        journal: choices.position(),
        second: choices.signed(),
        signature: signature(choices),
    };
    choices.flag().then(|| receipt(choices))
}

pub(super) fn confirm(choices: &mut Choices<'_>) -> Confirm {
    let (programme, from) = (programme(choices), any_day(choices));
    Confirm { programme, from, nonce: choices.same(), document: Sealed(choices.bytes(40).to_vec()) }
}

pub(super) fn confirmed(choices: &mut Choices<'_>) -> Confirmed {
    let bought = |choices: &mut Choices<'_>| Bought {
        day: any_day(choices),
        mark: choices.number32(),
        pieces: Pieces { adult: choices.number32(), child: choices.number32() },
    };
    let some = choices.flag().then(|| (0..choices.below(4)).map(|_| bought(choices)).collect());
    Confirmed { nonce: choices.same(), feed: choices.position(), from: any_day(choices), purchases: some }
}

pub(super) fn enquiry(choices: &mut Choices<'_>) -> Enquiry {
    let about = match choices.flag() {
        true => About::Person { programme: programme(choices), document: Sealed(choices.bytes(40).to_vec()) },
        false => About::Places { slot: slot(choices), places: choices.number32() % PLACES_MAX },
    };
    Enquiry { nonce: choices.same(), about }
}

pub(super) fn told(choices: &mut Choices<'_>) -> Told {
    let answer = match choices.below(3) {
        0 => Answered::Unsaid,
        1 => {
            let booking = choices.flag().then(|| Box::new(known(choices)));
            Answered::Person { feed: choices.position(), booking }
        }
        _ => Answered::Places { lent: choices.number32() % PLACES_MAX, upto: choices.position() },
    };
    Told { nonce: choices.same(), answer }
}

fn known(choices: &mut Choices<'_>) -> Known {
    Known {
        of: id(choices),
        round: "vaccine-2021-r1".parse().expect("a name"),
        given: choices.flag().then(|| (slot(choices), 1 + u64::from(choices.number32()))),
        second: choices.signed(),
        contact: Sealed(choices.bytes(60).to_vec()),
    }
}

fn slot(choices: &mut Choices<'_>) -> Slot {
    Slot {
        venue: "0291010019".parse().expect("a venue"),
        date: any_day(choices),
        start: Start::from_minutes(u16::from(choices.byte())).expect("a time of day"),
        brands: "MO,AZ".parse().expect("brands"),
    }
}

fn own(choices: &mut Choices<'_>) -> Message {
    let (pos, feed) = (choices.position(), choices.position());
    Message::Own { pos, feed, run: choices.flag().then(|| run(choices)) }
}

pub(super) fn welcome(choices: &mut Choices<'_>) -> Welcome {
    Welcome {
        protocol: if choices.rarely() { choices.number32() } else { PROTOCOL },
        encoder: if choices.rarely() { choices.text(80) } else { ENCODER.to_owned() },
        hub_life: Incarnation(choices.same()),
        second: choices.signed(),
        last: choices.flag().then(|| Seen { id: id(choices), hash: ChangeHash(choices.same()) }),
        feed: choices.position(),
        life: choices.flag().then(|| hub_life(choices)),
    }
}

pub(super) fn id(choices: &mut Choices<'_>) -> EntryId {
    EntryId { actor: ActorId(choices.same()), seq: choices.number32() }
}

fn any_day(choices: &mut Choices<'_>) -> NaiveDate {
    let ahead = if choices.rarely() { choices.number32() % 2_900_000 } else { u32::from(choices.byte() % 20) };
    NaiveDate::from_ymd_opt(2020, 2, 1).expect("a day") + Days::new(ahead.into())
}

fn programme(choices: &mut Choices<'_>) -> ProgrammeId {
    (*choices.pick(&["mask", "kit", "x"])).parse().expect("a programme")
}

/// What a dispute, its exception or its decision may say.
pub(super) fn of_a_dispute(choices: &mut Choices<'_>, document: Sealed) -> Fact {
    let found = |choices: &mut Choices<'_>| {
        let source = if choices.flag() { Source::Own } else { Source::Nation };
        Found { day: any_day(choices), source }
    };
    let cleared = |choices: &mut Choices<'_>| {
        let fingerprint = u64::from(choices.byte());
        let marks = (0..choices.below(3)).map(|_| choices.number32()).collect();
        ClearedDay { day: any_day(choices), fingerprint, marks }
    };
    match choices.below(3) {
        0 => Fact::Dispute(Dispute {
            programme: programme(choices),
            version: "mask-2020-02-06".parse().expect("a version"),
            reading: if choices.flag() { Reading::Card } else { Reading::Typed },
            watermark: choices.number(),
            document,
            found: (0..choices.below(4)).map(|_| found(choices)).collect(),
            reason: choices.text(20),
        }),
        1 => Fact::Exception(Exception {
            case: CaseId([choices.byte() % 4; 16]),
            programme: "mask".parse().expect("a programme"),
            holds: choices.flag(),
            upto: choices.signed(),
            days: (0..choices.below(4)).map(|_| cleared(choices)).collect(),
        }),
        _ => Fact::Decision(Decision { of: id(choices), granted: choices.flag(), words: choices.text(20) }),
    }
}

/// Any fact of booking; whose document and contact are given.
pub(super) fn of_booking(choices: &mut Choices<'_>, document: Sealed, contact: Sealed) -> Fact {
    let of = id(choices);
    let person = Booker {
        document: document.clone(),
        contact: contact.clone(),
        reading: if choices.flag() { Reading::Card } else { Reading::Typed },
        watermark: choices.number(),
        shown: *choices.pick(&[Shown::Age, Shown::List, Shown::Unseen]),
    };
    let (programme, round) = ("vaccine".parse().expect("a programme"), "vaccine-2021-r1".parse().expect("a round"));
    let (life, places) = (Incarnation(choices.same()), choices.number32() % PLACES_MAX);
    let serial = 1 + u64::from(choices.byte());
    Fact::Booking(match choices.below(13) {
        0 | 1 => Booking::Booked(Booked { programme, round, slot: slot(choices), lease: of, serial, person }),
        2 => {
            let ranked = (0..=choices.below(3)).map(|_| slot(choices)).collect();
            Booking::Wish(Wish { programme, round, ranked, person })
        }
        3 => Booking::Cancelled(Cancelled { of, serial, reason: choices.text(20) }),
        4 => Booking::Amended(Amended { of, contact }),
        5 => Booking::Returned(Returned { lease: of, places }),
        6 => {
            let what = *choices.pick(&[0, 1, 2]);
            let what = match what {
                0 => Attendance::CheckedIn,
                1 => Attendance::NotGiven { reason: choices.text(20) },
                _ => Attendance::Given { brand: "AZ".to_owned(), lot: choices.text(10) },
            };
            Booking::Attended(Attended { of, serial, slot: slot(choices), what })
        }
        7 => Booking::Lease(Lease { life, slot: slot(choices), places, until: choices.signed() }),
        8 => Booking::Numbers(Numbers { life, first: serial, count: 1 + places, voucher: None }),
        9 => {
            let given = choices.flag().then(|| (slot(choices), serial));
            Booking::Answer(Answer { wish: of, given, voucher: None, why: choices.text(10) })
        }
        10 => Booking::Standing(BookingStanding {
            of,
            stands: *choices.pick(&[Stands::Live, Stands::Over, Stands::Cancelled]),
        }),
        11 => Booking::Capacity(Capacity { slot: slot(choices), places, closed: choices.flag() }),
        _ => {
            let (round, slot, comes) = (choices.number32() % 100, slot(choices), choices.flag());
            Booking::Expected(Expected { of, round, serial, slot, comes, document, contact })
        }
    })
}

pub(super) fn run(choices: &mut Choices<'_>) -> Run {
    let doc: DocId = choices.pick(&DOCS).parse().expect("a document of the list");
    let start = Place { id: id(choices), op: choices.number(), deps: hashes(choices) };
    let entries = (0..choices.below(4)).map(|_| choices.bytes(60).to_vec()).collect();
    let joint =
        |choices: &mut Choices<'_>| Joint { index: choices.number32(), op: choices.number(), deps: hashes(choices) };
    let joints = (0..choices.below(3)).map(|_| joint(choices)).collect();
    let signature = choices.flag().then(|| Signature([choices.byte(); 64]));
    Run { doc, start, entries, joints, last: ChangeHash(choices.same()), signature }
}

pub(super) fn signed(choices: &mut Choices<'_>) -> Signed {
    Signed { body: choices.bytes(60).into(), signature: Signature([choices.byte(); 64]) }
}

pub(super) fn fetch(choices: &mut Choices<'_>) -> Fetch {
    let most = choices.number32().min(PIECE_BYTES_MAX);
    Fetch { layer: LayerId(choices.same()), offset: choices.number32(), most }
}

fn piece(choices: &mut Choices<'_>) -> Piece {
    Piece { layer: LayerId(choices.same()), offset: choices.number32(), bytes: choices.bytes(60).to_vec() }
}

fn hashes(choices: &mut Choices<'_>) -> Vec<ChangeHash> {
    (0..choices.below(3)).map(|_| ChangeHash(choices.same())).collect()
}

pub(super) fn parts(choices: &mut Choices<'_>) -> Vec<FeedPart> {
    let part = |choices: &mut Choices<'_>| FeedPart { upto: choices.position(), body: choices.bytes(40).into() };
    (0..choices.below(4)).map(|_| part(choices)).collect()
}

/// One of every kind, for the targets that begin with bytes.
pub(super) fn examples() -> Vec<Message> {
    (0..KINDS).map(|kind| message(&mut Choices::new(&[[kind].as_slice(), &[1; 60]].concat()))).collect()
}
