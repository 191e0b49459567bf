//! A site whose program is brought from the first version to this one on the folder that it has (docs/lives.md):
//! what it sent unsigned stays as it is, and nobody is accused of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::sign::Signer;
use shared::wire::v1::life::EdgeLife;
use shared::wire::v1::message::Hello;

const LATER: &str = "2020-02-06T20:00";

fn signer() -> Signer {
    Signer::derive(&[5; 32], b"heads").unwrap()
}

/// A greeting of the first version, or of this one.
fn greet(hub: &mut Hub, edge: &Edge, life: Option<EdgeLife>) {
    let hello = Hello { life, ..hello(edge.site, edge.incarnation) };
    hub.greet(&edge.site, &hello, second(LATER)).unwrap();
}

fn life() -> EdgeLife {
    EdgeLife { boot: [1; 16], parent: None, own: 0, signer: signer().public(), keys: vec![], tips: vec![] }
}

fn signed(upload: Upload) -> Upload {
    Upload { run: upload.run.signed(&signer()), ..upload }
}

#[test]
fn what_a_life_sent_before_it_could_sign_is_no_finding() {
    let (mut hub, mut a) = (hub(), Edge::new(A, 1));
    greet(&mut hub, &a, None);
    send(&mut hub, &[a.arrive("2020-02-06T08:00", adult(200))]);
    send(&mut hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    let before = hub.verify().unwrap();
    assert_eq!((before.findings.len(), before.signed, before.entries), (0, 1, 3), "only the hub's own is signed");

    greet(&mut hub, &a, Some(life()));
    send(&mut hub, &[signed(a.sell("2020-02-06T10:00", &document(BORIS), adult(2)))]);
    let after = hub.verify().unwrap();
    assert_eq!(after.findings, [], "the same folder under a later program");
    assert_eq!((after.signed, after.entries), (2, 4), "unsigned is not called signed");
    let unsigned = a.sell("2020-02-06T11:00", &document(&number(7)), adult(2));
    assert!(refused(&mut hub, &unsigned).contains("sign"), "from now on it signs");
}

#[test]
fn a_site_that_had_two_lives_before_is_not_called_replaced() {
    let (mut hub, mut old, mut new) = (hub(), Edge::new(A, 1), Edge::new(A, 2));
    for edge in [&mut old, &mut new] {
        greet(&mut hub, edge, None);
        send(&mut hub, &[edge.arrive("2020-02-06T08:00", adult(200))]);
    }
    greet(&mut hub, &new, Some(life()));
    assert_eq!(hub.site_cases().unwrap(), [], "nothing happened but an update");
    greet(&mut hub, &Edge::new(A, 3), Some(life()));
    assert_eq!(hub.site_cases().unwrap().len(), 1, "this one is new");
}
