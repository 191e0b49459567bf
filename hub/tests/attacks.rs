//! The attacks that were measured on Automerge 0.12, each built for real, and what becomes of it at the hub's door
//! (T7-T10; docs/strict-door.md).
//!
//! No byte that a peer encoded reaches Automerge. So every test says twice: plain Automerge takes it, and is hurt; the
//! hub refuses it or keeps it aside, lists it, and knows no more than a hub that never heard of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use std::num::NonZeroU64;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType, SortedVec};
use automerge::transaction::Transactable;
use automerge::{ActorId as AmActor, Automerge, AutomergeError, Change, ExpandedChange, ObjType, ReadDoc, ScalarValue};
use edge::*;
use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use shared::ledger::run::RUN_BYTES_MAX;
use shared::wire::v1::entry::ENTRY_BYTES_MAX;
use shared::wire::v1::frame::{Deframer, FRAME_BYTES_MAX};
use shared::wire::v1::message;

const EVENING: &str = "2020-02-06T20:00";

/// One change of plain Automerge with these operations.
fn change(actor: &AmActor, seq: u64, start_op: u64, deps: Vec<automerge::ChangeHash>, operations: Vec<Op>) -> Change {
    Change::from(ExpandedChange {
        operations,
        actor_id: actor.clone(),
        hash: None,
        seq,
        start_op: NonZeroU64::new(start_op).unwrap(),
        time: 0,
        message: None,
        deps,
        extra_bytes: Vec::new(),
        author: None,
    })
}

fn root(key: &str, action: OpType) -> Op {
    Op { action, obj: ObjectId::Root, key: Key::Map(key.into()), pred: SortedVec::new(), insert: false }
}

/// A body as a frame of the wire, plain or compressed.
fn frame(body: &[u8], compressed: bool) -> Vec<u8> {
    let body = if compressed { zstd(body) } else { body.to_vec() };
    let mut frame = u32::try_from(body.len() + 1).unwrap().to_be_bytes().to_vec();
    frame.push(u8::from(compressed));
    frame.extend(body);
    frame
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 19).unwrap()
}

/// As a frame, plain and compressed: no message, and the line would be closed.
fn no_message(body: &[u8]) {
    for compressed in [false, true] {
        let frame = frame(body, compressed);
        assert!(Deframer::default().push(&frame).is_err(), "{} bytes, compressed: {compressed}", body.len());
    }
}

/// As entries of a run that is right in everything else: kept aside, listed, and without any effect.
fn kept_aside_as_an_entry(attack: &[u8]) {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let honest = b.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    let doc = a.doc(second("2020-02-06T09:00"));
    let bad = a.write(doc, 1, |_, _, _| attack.to_vec());
    let outcomes = hub.ingest(&[bad.clone(), honest.clone()], second(EVENING)).unwrap();
    assert!(matches!(&outcomes[0], Outcome::Quarantined { .. }), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Outcome::Ingested { .. }), "{outcomes:?}");
    let listed = hub.quarantine(9).unwrap();
    assert_eq!((listed.len(), listed[0].site), (1, a.site));
    assert!(listed[0].bytes >= attack.len() as u64, "kept as it came");
    never_heard_of_it(&hub, &[honest]);
}

/// The hub knows what one knows that was sent only this.
fn never_heard_of_it(hub: &Hub, honest: &[Upload]) {
    let mut clean = edge::hub();
    send(&mut clean, honest);
    assert_eq!(canonical(hub), canonical(&clean));
}

#[test]
fn about_a_kilobyte_that_expands_to_a_million_operations() {
    let actor = AmActor::from([1u8; 16].as_slice());
    let list = ObjectId::Id(OpId::new(1, &actor));
    let insert = |n: u64| {
        let after = if n == 0 { ElementId::Head } else { ElementId::Id(OpId::new(n + 1, &actor)) };
        let action = OpType::Put(ScalarValue::Null);
        Op { action, obj: list.clone(), key: Key::Seq(after), pred: SortedVec::new(), insert: true }
    };
    let mut operations = vec![root("list", OpType::Make(ObjType::List))];
    operations.extend((0..1_000_000).map(insert));
    let attack = change(&actor, 1, 1, vec![], operations).raw_bytes().to_vec();
    println!("{} bytes expand to 1,000,001 operations", attack.len());
    // Run lengths: Automerge takes it, and works through every operation.
    assert!(attack.len() <= 1_104, "{} bytes", attack.len());
    assert_eq!(Change::from_bytes(attack.clone()).unwrap().len(), 1_000_001);

    // On our wire an entry is one operation, and the list of them is counted while it is read.
    no_message(&attack);
    kept_aside_as_an_entry(&attack);
}

#[test]
fn a_change_deflated_a_thousand_to_one() {
    let actor = AmActor::from([1u8; 16].as_slice());
    let zeros = OpType::Put(ScalarValue::Bytes(vec![0; 8 << 20]));
    let mut change = change(&actor, 1, 1, vec![], vec![root("zeros", zeros)]);
    let attack = change.bytes().into_owned();
    let ratio = change.raw_bytes().len() / attack.len();
    println!("{} bytes inflate {ratio} times", attack.len());
    assert_eq!(attack[8], 2, "a deflated chunk");
    assert!(ratio >= 1_000, "{ratio}:1");
    // Automerge inflates all of it, before it compares anything.
    assert_eq!(Change::from_bytes(attack.clone()).unwrap().raw_bytes().len(), change.raw_bytes().len());

    no_message(&attack);
    kept_aside_as_an_entry(&attack);
    // Compression is ours, at the frame, and ends at the frame's limit.
    let bomb = frame(&vec![0; 64 << 20], true);
    println!("{} bytes of ours would inflate to {}", bomb.len(), 64 << 20);
    assert!(Deframer::default().push(&bomb).unwrap_err().to_string().contains("compressed frame"));
    // An inflated frame that is within the limit holds no more than a run may.
    let mut a = Edge::new(A, 1);
    let doc = a.doc(second("2020-02-06T09:00"));
    let mut long = a.write(doc, 1, |_, _, _| vec![0; 10]).run;
    long.entries = vec![vec![0; RUN_BYTES_MAX / 8]; 9];
    let body = message::encode(&message::Message::Up(long));
    assert!(body.len() < FRAME_BYTES_MAX);
    no_message(&body);
}

#[test]
fn nested_two_thousand_deep() {
    let mut doc = Automerge::new();
    let mut deepest = automerge::ROOT;
    let mut tx = doc.transaction();
    for _ in 0..2_000 {
        deepest = tx.put_object(&deepest, "x", ObjType::Map).unwrap();
    }
    tx.commit();
    let attack = doc.get_last_local_change().unwrap().raw_bytes().to_vec();
    // Automerge takes a depth that whoever walks it by recursion has no stack for.
    let mut taken = Automerge::new();
    taken.apply_changes([Change::from_bytes(attack.clone()).unwrap()]).unwrap();
    let (mut at, mut depth) = (automerge::ROOT, 0);
    while let Some((_, next)) = taken.get(&at, "x").unwrap() {
        (at, depth) = (next, depth + 1);
    }
    println!("{} bytes nest {depth} deep", attack.len());
    assert_eq!(depth, 2_000);

    no_message(&attack);
    kept_aside_as_an_entry(&attack);
    // The same against our own decoder: as a message, as an appended place that a reader skips, as an entry.
    for depth in [2_000, 500_000] {
        for open in [0x81, 0x9f, 0xa1, 0xc6] {
            let nest = vec![open; depth];
            no_message(&nest);
            no_message(&[&[0x82, 6], nest.as_slice()].concat());
            no_message(&[&[0x82, 2, 0x98, 40], nest.as_slice()].concat());
            // A message that is whole, with a nest behind its known places: skipped without a stack of calls.
            let mut skipped = vec![0x82, 7, 0x82, 1];
            skipped.extend(&nest);
            skipped.push(0);
            let said = Deframer::default().push(&frame(&skipped, true));
            // One number closes arrays and tags of one; the others stay open.
            assert_eq!(said.is_ok(), matches!(open, 0x81 | 0xc6), "{open:#x}, {depth} deep");
        }
    }
    let nest = vec![0x81; ENTRY_BYTES_MAX];
    kept_aside_as_an_entry(&nest);
    let mut appended = shared::wire::v1::entry::encode(&written(
        second("2020-02-06T09:00"),
        shared::entry::Fact::Correction(shared::entry::Correction {
            programme: "mask".parse().unwrap(),
            adult: 1,
            child: 0,
            reason: "x".to_owned(),
        }),
    ));
    assert_eq!(appended[0] >> 5, 4, "an entry is an array of places");
    appended[0] += 1;
    appended.extend(&nest[..20_000]);
    kept_aside_as_an_entry(&appended);
}

#[test]
fn twelve_thousand_orphans() {
    let nobody = automerge::ChangeHash([7; 32]);
    let orphan = |n: u32| {
        let mut actor = [9u8; 16];
        actor[..4].copy_from_slice(&n.to_be_bytes());
        let put = root("orphan", OpType::Put(ScalarValue::Uint(u64::from(n))));
        change(&AmActor::from(actor.as_slice()), 1, 2, vec![nobody], vec![put])
    };
    let mut doc = Automerge::new();
    doc.apply_changes((0..12_000).map(orphan).collect::<Vec<_>>()).unwrap();
    // Automerge keeps all of them in a queue without a bound, and shows none.
    assert_eq!((doc.get_missing_deps(&[]), doc.keys(automerge::ROOT).count()), (vec![nobody], 0));

    let mut hub = hub();
    let (a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let doc = a.doc(second("2020-02-06T09:00"));
    let runs: Vec<Upload> = (0u32..12_000).map(|n| a.orphan(doc, n)).collect();
    let mut honest = Vec::new();
    for (n, some) in (0u32..).zip(runs.chunks(1_000)) {
        let sale = b.sell("2020-02-06T09:00", &document(&number(n)), adult(2));
        let mut batch = some.to_vec();
        batch.push(sale.clone());
        let outcomes = hub.ingest(&batch, second(EVENING)).unwrap();
        assert!(matches!(outcomes.last(), Some(Outcome::Ingested { .. })));
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Quarantined { .. })).count();
        assert_eq!(refused, 1_000);
        honest.push(sale);
    }
    let kept = hub.quarantine(99_999).unwrap();
    assert_eq!(kept.len(), 1_024, "the queue is ours and bounded");
    assert!(kept.iter().all(|run| run.waits && run.site == a.site));
    never_heard_of_it(&hub, &honest);
}

#[test]
fn an_actor_and_sequence_used_twice() {
    let actor = AmActor::from([1u8; 16].as_slice());
    let put = |word: &str| change(&actor, 1, 1, vec![], vec![root(word, OpType::Put(ScalarValue::Boolean(true)))]);
    let plain = |first: &str, second: &str| {
        let mut doc = Automerge::new();
        doc.apply_changes([put(first)]).unwrap();
        let again = doc.apply_changes([put(second)]);
        assert!(matches!(again, Err(AutomergeError::DuplicateSeqNumber(1, _))), "{again:?}");
        doc.get_heads()
    };
    assert_ne!(plain("one", "two"), plain("two", "one"), "replicas of plain Automerge differ for ever");

    let both = || {
        let (mut one, mut two) = (Edge::new(A, 1), Edge::new(A, 1));
        let sale = |edge: &mut Edge, who: &str| edge.sell("2020-02-06T09:00", &document(who), adult(2));
        (sale(&mut one, ANNA), sale(&mut two, BORIS))
    };
    let (anna, boris) = both();
    assert_eq!(id(&anna), id(&boris), "one name, two contents");
    let mut b = Edge::new(B, 2);
    let honest = b.sell("2020-02-06T10:00", &document(ANNA), adult(2));
    for (first, other) in [(&anna, &boris), (&boris, &anna)] {
        let mut hub = hub();
        send(&mut hub, std::slice::from_ref(first));
        assert!(refused(&mut hub, other).contains("restored or cloned"));
        // In one batch too, and however often.
        let outcomes = hub.ingest(&[other.clone(), honest.clone(), other.clone()], second(EVENING)).unwrap();
        assert!(matches!(outcomes[1], Outcome::Ingested { .. }));
        // Both contents are at the hub: one counts, one lies aside for the operator; a name never means two things.
        assert_eq!(hub.quarantine(9).unwrap().len(), 1);
        never_heard_of_it(&hub, &[first.clone(), honest.clone()]);
        let before = canonical(&hub);
        hub.rebuild().unwrap();
        assert_eq!(canonical(&hub), before);
    }
    // What is kept aside of one site changes nothing of another's, whichever came first.
    let of_b = |first: &Upload, other: &Upload| {
        let mut hub = hub();
        hub.ingest(&[first.clone(), other.clone(), honest.clone()], second(EVENING)).unwrap();
        hub.document(&honest.run.doc).unwrap().save()
    };
    assert_eq!(of_b(&anna, &boris), of_b(&boris, &anna));
}
