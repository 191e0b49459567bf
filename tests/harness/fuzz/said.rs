//! Messages made from choices: well formed, and saying anything.

use shared::ids::{ActorId, ChangeHash, DocId, EntryId, Incarnation};
use shared::ledger::run::{Joint, Run};
use shared::ledger::schema::{ENCODER, Place};
use shared::wire::v1::message::{FeedPart, Hello, Message, PROTOCOL, Refused, Seen, Welcome};

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

/// Any message.
pub(super) fn message(choices: &mut Choices<'_>) -> Message {
    match choices.below(10) {
        0 => Message::Hello(hello(choices)),
        1 => Message::Welcome(welcome(choices)),
        2 => Message::Up(run(choices)),
        3 => Message::Acked { id: id(choices), feed: choices.position() },
        4 => Message::Down { pos: choices.position(), run: run(choices) },
        5 => Message::Feed { after: choices.position(), parts: parts(choices) },
        6 => Message::Took,
        7 => Message::Ask { echo: choices.number() },
        8 => Message::Beacon { echo: choices.number(), second: choices.signed() },
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
    }
}

pub(super) fn welcome(choices: &mut Choices<'_>) -> Welcome {
    Welcome {
        protocol: if choices.rarely() { choices.number32() } else { PROTOCOL },
        encoder: if choices.rarely() { choices.text(80) } else { ENCODER.to_owned() },
        hub_life: Incarnation(choices.same()),
        second: choices.signed(),
        last: choices.flag().then(|| Seen { id: id(choices), hash: ChangeHash(choices.same()) }),
        feed: choices.position(),
    }
}

pub(super) fn id(choices: &mut Choices<'_>) -> EntryId {
    EntryId { actor: ActorId(choices.same()), seq: choices.number32() }
}

pub(super) fn run(choices: &mut Choices<'_>) -> Run {
    let doc: DocId = choices.pick(&DOCS).parse().expect("a document of the list");
    let start = Place { id: id(choices), op: choices.number(), deps: hashes(choices) };
    let entries = (0..choices.below(4)).map(|_| choices.bytes(60).to_vec()).collect();
    let joint =
        |choices: &mut Choices<'_>| Joint { index: choices.number32(), op: choices.number(), deps: hashes(choices) };
    let joints = (0..choices.below(3)).map(|_| joint(choices)).collect();
    Run { doc, start, entries, joints, last: ChangeHash(choices.same()) }
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
    (0..10u8).map(|kind| message(&mut Choices::new(&[[kind].as_slice(), &[1; 60]].concat()))).collect()
}
