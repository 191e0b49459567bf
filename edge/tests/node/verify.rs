//! A ledger is looked through while the site goes on selling.

use edge::node::Node;
use edge::verify::{Step, Verification, Verified};
use shared::seal::Secret;
use shared::sign::Signer;
use shared::sync::handshake::welcome;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::Welcome;

use super::town::{HUB_LIFE, Hub, Site, elsewhere, second};

const EVEN: &str = "05/P2/1986-03-15";
const ODD: &str = "01/A123456789/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];

fn to_the_end(node: &Node, mut under_way: Verification) -> (Verified, u32) {
    let mut steps = 1;
    loop {
        match node.verify_on(under_way).unwrap() {
            Step::More(rest) => under_way = *rest,
            Step::Done(verified) => return (verified, steps),
        }
        steps += 1;
    }
}

#[test]
fn whoever_buys_comes_between_two_steps() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    for _ in 0..1_100 {
        site.arrive(1, 0).unwrap().unwrap();
    }
    let Step::More(rest) = site.node().begin_verification().and_then(|begun| site.node().verify_on(begun)).unwrap()
    else {
        panic!("a thousand entries in one step")
    };
    // Another day is another chain, and a start another actor.
    site.sell(EVEN, 2, 0).unwrap();
    site.at("2020-02-07 09:00").arrive(5, 0).unwrap().unwrap();
    let (verified, steps) = to_the_end(site.node(), *rest);
    assert_eq!((verified.entries, verified.findings), (1_101, vec![]), "what has come since is left to the next");
    assert_eq!(steps, 2);
    site.crash();
    let begun = site.node().begin_verification().unwrap();
    let (verified, _) = to_the_end(site.node(), begun);
    assert_eq!((verified.entries, verified.findings), (1_103, vec![]));
}

#[test]
fn what_the_hub_has_signed_for_is_counted_entry_by_entry() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    site.sell(EVEN, 2, 0).unwrap();
    let signer = Signer::derive(Secret::new([7; 32]).bytes(), b"hub").unwrap();
    let life = Some(HubLife {
        renew: false,
        journal: 1,
        signer: signer.public(),
        wants_keys: false,
        disputes: false,
        confirms: false,
        access: false,
        booking: false,
    });
    let greeting = Welcome { life, ..welcome(HUB_LIFE, second("2020-02-06 09:00"), None, 0) };
    site.node().resume(&greeting).unwrap();
    let (run, upto) = site.node().load_run(0).unwrap().unwrap();
    let receipt = signer.receipt(&run.head(), 1, second("2020-02-06 09:00"));
    site.node().acked(upto, 1, Some(&receipt)).unwrap();
    let news = Hub::default().news("mask", "2020-02-06 09:00", ODD, elsewhere(1), 2);
    site.node().take_feed(0, &[news]).unwrap();
    site.sell("05/P4/1986-03-15", 2, 0).unwrap();
    site.crash();
    let begun = site.node().begin_verification().unwrap();
    let (verified, _) = to_the_end(site.node(), begun);
    assert_eq!((verified.entries, verified.signed, verified.findings), (3, 2, vec![]));
}
