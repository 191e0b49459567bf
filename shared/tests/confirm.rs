//! Questions about somebody in the two session machines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use shared::entry::Sealed;
use shared::ids::Incarnation;
use shared::sign::PublicKey;
use shared::sync::handshake::{Standing, hello, welcome};
use shared::sync::{Close, edge, hub};
use shared::wire::v1::confirm::{Confirm, Confirmed};
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::{Message, Welcome};

const LIFE: Incarnation = Incarnation([9; 16]);

fn standing() -> Standing {
    let (site, incarnation) = ("5931102274".parse().unwrap(), Incarnation([1; 16]));
    Standing { site, incarnation, hub_life: LIFE, down: 0, feed: 0, life: None, manifest: Some(0) }
}

/// Greeted by a hub that takes questions, or by one of an earlier version.
fn greeted(confirms: bool) -> edge::Session {
    let mut edge = edge::Session::default();
    edge.handle(edge::Input::Connected(standing()));
    let signer = PublicKey([1; 32]);
    let life = HubLife {
        renew: false,
        journal: 1,
        signer,
        wants_keys: false,
        disputes: true,
        confirms,
        access: true,
        booking: true,
    };
    let welcome = Welcome { life: Some(life), ..welcome(LIFE, 0, None, 0) };
    edge.handle(edge::Input::Message(Message::Welcome(welcome)));
    edge
}

fn behind() -> edge::Input {
    edge::Input::Resumed(edge::Resumed::Behind { pos: 0, keys: vec![] })
}

fn question(nonce: u8) -> Confirm {
    let (programme, from) = ("mask".parse().unwrap(), "2020-02-06".parse().unwrap());
    Confirm { programme, from, nonce: [nonce; 16], document: Sealed(vec![1]) }
}

fn answer(nonce: u8) -> Confirmed {
    Confirmed { nonce: [nonce; 16], feed: 3, from: question(nonce).from, purchases: Some(vec![]) }
}

#[test]
fn the_hub_is_asked_about_somebody_only_where_it_answers_and_a_few_questions_at_once() {
    let mut old = greeted(false);
    old.handle(behind());
    assert!(!old.confirms());
    assert_eq!(old.handle(edge::Input::Confirm(question(1))), [], "it would end the line");
    let mut edge = greeted(true);
    assert!(!edge.confirms(), "not before the greetings are through");
    edge.handle(behind());
    for n in 0..4 {
        let asked = [edge::Output::Send(Message::Confirm(question(n)))];
        assert_eq!(edge.handle(edge::Input::Confirm(question(n))), asked);
    }
    assert!(!edge.confirms());
    assert_eq!(edge.handle(edge::Input::Confirm(question(4))), []);
    let told = |n| edge::Input::Message(Message::Confirmed(answer(n)));
    assert_eq!(edge.handle(told(0)), [edge::Output::Confirmed(answer(0))]);
    assert!(edge.confirms());
    let out = edge.handle(told(2));
    assert!(matches!(out.as_slice(), [edge::Output::Close(Close::Unexpected(_))]), "out of turn: {out:?}");
    let mut idle = greeted(true);
    idle.handle(behind());
    let out = idle.handle(told(0));
    assert!(matches!(out.as_slice(), [edge::Output::Close(Close::Unexpected(_))]), "nobody asked: {out:?}");
}

#[test]
fn an_edge_that_asks_about_more_people_at_once_than_it_may_is_closed() {
    let mut hub = hub::Session::new("5931102274".parse().unwrap());
    hub.handle(hub::Input::Message(Message::Hello(hello(standing()))));
    let welcome = welcome(LIFE, 0, None, 0);
    hub.handle(hub::Input::Greeted { welcome, down: 0, feed: 0, manifest: Some(0), own: None });
    let ask = |n| hub::Input::Message(Message::Confirm(question(n)));
    for n in 0..4 {
        assert_eq!(hub.handle(ask(n)), [hub::Output::Confirm(question(n))]);
    }
    let told = [hub::Output::Send(Message::Confirmed(answer(0)))];
    assert_eq!(hub.handle(hub::Input::Confirmed(answer(0))), told);
    assert_eq!(hub.handle(ask(4)), [hub::Output::Confirm(question(4))]);
    assert_eq!(hub.handle(ask(5)), [hub::Output::Close(Close::Flood)]);
}
