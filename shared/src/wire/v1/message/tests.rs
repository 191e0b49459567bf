//! Every message comes back as it was written; positions have their limit.

use super::super::run::{decode_run, encode_run};
use super::*;
use crate::ids::ActorId;
use crate::ledger::run::Joint;
use crate::ledger::schema::Place;
use crate::seal::KeyMark;
use crate::sign::PublicKey;
use crate::wire::v1::life::{Began, Parent};

fn run(id: EntryId, hash: ChangeHash) -> Run {
    Run {
        doc: "site/5931102274/2020-02-06".parse().unwrap(),
        start: Place { id, op: 8, deps: vec![hash] },
        entries: vec![vec![1, 2], vec![3]],
        joints: vec![Joint { index: 1, op: 12, deps: vec![hash, hash] }],
        last: hash,
        signature: Some(Signature([5; 64])),
    }
}

#[test]
fn every_message_round_trips() {
    let (id, hash) = (EntryId { actor: ActorId([4; 16]), seq: 8 }, ChangeHash([6; 32]));
    let run = run(id, hash);
    let life = Incarnation([1; 16]);
    let hello = Hello {
        protocol: PROTOCOL,
        encoder: "e".to_owned(),
        site: "5931102274".to_owned(),
        incarnation: life,
        hub_life: life,
        down: 1,
        feed: 2,
        life: Some(EdgeLife {
            boot: [7; 16],
            parent: Some(Parent { incarnation: life, began: Began::Doubled }),
            own: 3,
            signer: PublicKey([8; 32]),
            keys: vec![KeyMark([9; 8])],
            tips: vec![id],
        }),
        manifest: Some(9),
    };
    let welcome = Welcome {
        protocol: PROTOCOL,
        encoder: "e".to_owned(),
        hub_life: life,
        second: 3,
        last: Some(Seen { id, hash }),
        feed: 4,
        life: Some(HubLife {
            renew: true,
            journal: 6,
            signer: PublicKey([8; 32]),
            wants_keys: true,
            disputes: true,
            confirms: true,
            access: false,
            booking: true,
        }),
    };
    let receipt = Receipt { journal: 6, second: 7, signature: Signature([1; 64]) };
    let messages = [
        Message::Hello(hello),
        Message::Welcome(welcome),
        Message::Up(run.clone()),
        Message::Acked { id, feed: 5, receipt: Some(receipt) },
        Message::Acked { id, feed: 5, receipt: None },
        Message::Own { pos: 6, feed: 7, run: Some(run.clone()) },
        Message::Own { pos: 6, feed: 7, run: None },
        Message::Key { number: 2, secret: Secret::new([3; 32]) },
        Message::Down { pos: 6, run: run.clone() },
        Message::Feed { after: 7, parts: vec![FeedPart { upto: 8, body: vec![9; 300].into() }] },
        Message::Manifest { upto: 9, signed: Signed { body: vec![1, 2].into(), signature: Signature([2; 64]) } },
        Message::Fetch(Fetch { layer: LayerId([4; 32]), offset: 70_000, most: 9 }),
        Message::Piece(Piece { layer: LayerId([4; 32]), offset: 70_000, bytes: vec![3; 300] }),
        Message::Took,
        Message::Ask { echo: 1 },
        Message::Beacon { echo: 1, second: -1, feed: None },
        Message::Beacon { echo: 1, second: -1, feed: Some(7) },
        Message::Refused(Refused { id: Some(id), why: "x".to_owned() }),
    ];
    for message in messages {
        assert_eq!(decode(&encode(&message)).unwrap(), message);
    }
    assert_eq!(decode_run(&encode_run(&run)).unwrap(), run);
}

#[test]
fn a_position_that_no_store_can_count_to_is_none() {
    let id = EntryId { actor: ActorId([4; 16]), seq: 8 };
    let hub = |journal| HubLife {
        renew: false,
        journal,
        signer: PublicKey([8; 32]),
        wants_keys: false,
        disputes: false,
        confirms: false,
        access: false,
        booking: false,
    };
    let welcome = |feed, journal| Welcome {
        protocol: PROTOCOL,
        encoder: "e".to_owned(),
        hub_life: Incarnation([1; 16]),
        second: 3,
        last: None,
        feed,
        life: Some(hub(journal)),
    };
    let receipt = |journal| Some(Receipt { journal, second: 7, signature: Signature([1; 64]) });
    let run = Run {
        doc: "nation/2020-02".parse().unwrap(),
        start: Place { id, op: 8, deps: vec![] },
        entries: vec![vec![1]],
        joints: vec![],
        last: ChangeHash([6; 32]),
        signature: None,
    };
    let with = |pos: u64| {
        [
            Message::Welcome(welcome(pos, 1)),
            Message::Welcome(welcome(1, pos)),
            Message::Beacon { echo: 1, second: 2, feed: Some(pos) },
            Message::Acked { id, feed: pos, receipt: None },
            Message::Acked { id, feed: 1, receipt: receipt(pos) },
            Message::Down { pos, run: run.clone() },
            Message::Feed { after: pos, parts: vec![] },
            Message::Feed { after: 1, parts: vec![FeedPart { upto: pos, body: vec![9].into() }] },
            Message::Own { pos, feed: 1, run: None },
            Message::Own { pos: 1, feed: pos, run: None },
            Message::Confirmed(Confirmed { nonce: [5; 16], feed: pos, from: chrono::NaiveDate::MIN, purchases: None }),
        ]
    };
    let last = u64::MAX / 2;
    for (most, beyond) in with(last).into_iter().zip(with(last + 1)) {
        assert_eq!(decode(&encode(&most)).as_ref(), Ok(&most));
        assert_eq!(decode(&encode(&beyond)), Err(WireError::limit("position", last + 1)), "{beyond:?}");
    }
}
