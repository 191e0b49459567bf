//! Lists of revoked cards at the hub: which are believed, and what each site is told of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/cards.rs"]
mod cards;
#[path = "support/edge.rs"]
mod edge;
#[path = "support/rights.rs"]
mod staff;

use cards::*;
use edge::*;
use hub::hub::Hub;
use hub::rights::{BadGrant, BadList, CardCertificate, CardList, NewGrant};
use shared::entry::Fact;
use shared::entry::access::{Access, Certificate, Giver, RevokedCards, Right};
use shared::ledger::fold;
use shared::rules::access::card::CardKind::{Citizen, Institution, Professional};
use shared::sign::grant::grant_words;
use shared::wire::v1::entry;
use staff::*;

/// What a site's desk says of revoked cards, the last word last.
fn told(hub: &Hub, site: &str) -> Vec<RevokedCards> {
    let desk = hub.document(&format!("desk/{site}/2020-02").parse().unwrap()).unwrap();
    let revoked = |bytes: &Vec<u8>| {
        let Fact::Access(Access::Revoked(list)) = entry::decode(bytes).unwrap().fact else { return None };
        Some(list)
    };
    let mut all: Vec<RevokedCards> = fold::entries(&desk).unwrap().values().filter_map(revoked).collect();
    all.sort_by_key(|list| (list.as_of, list.cards.len()));
    all
}

fn import(hub: &mut Hub, list: &[u8]) -> Result<hub::rights::Imported, BadList> {
    hub.import_card_list(list, second("2020-02-10T08:00")).unwrap()
}

#[test]
fn each_site_is_told_of_its_own_peoples_cards_and_that_there_are_none() {
    let (authority, other) = (Authority::new("HCA"), Authority::rsa("MOICA"));
    let mut hub = hub_with(&authority);
    hub.add_issuer(&other.der(), &[Citizen], "op", second(MORNING)).unwrap().unwrap();
    grant(&mut hub, &authority.card(0xF001), Professional, &[masks()]);
    let at_b = NewGrant { site: B.parse().unwrap(), ..new_grant(&authority.card(2), Professional, &[masks()]) };
    hub.grant(&[at_b], "op", second(MORNING)).unwrap().unwrap();
    let done = import(&mut hub, &authority.list(8, [0xF001, 77])).unwrap();
    assert_eq!((done.cards, done.sites, done.revoked), (2, 2, 1));
    let [at_a] = told(&hub, A).try_into().unwrap();
    assert_eq!((at_a.issuer, at_a.cards.len(), at_a.cards[0].0.clone()), (authority.id(), 1, vec![0xF0, 0x01]));
    assert_eq!(told(&hub, B)[0].cards, [], "its age is what counts");
    assert!(
        hub.document(&format!("desk/{C}/2020-02").parse().unwrap())
            .is_ok_and(|desk| fold::entries(&desk).unwrap().is_empty())
    );
    assert_eq!(import(&mut hub, &other.list(8, [1])).unwrap().sites, 0, "nobody has a card of theirs");
    // Once more the same: nothing is said again.
    import(&mut hub, &authority.list(8, [0xF001, 77])).unwrap();
    assert_eq!(told(&hub, A).len(), 1);
    // A newer one with the card back and none else.
    import(&mut hub, &authority.list(9, [])).unwrap();
    assert_eq!(told(&hub, A).last().unwrap().cards, []);
    assert!(matches!(import(&mut hub, &authority.list(8, [0xF001])), Err(BadList::Older { .. })), "a replayed one");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_card_that_was_revoked_before_its_holder_came_is_told_too() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    import(&mut hub, &authority.list(5, [1, 2, 3])).unwrap();
    let bad = hub.grant(&[new_grant(&authority.card(3), Professional, &[masks()])], "op", second(MORNING)).unwrap();
    assert!(matches!(bad.unwrap_err()[0].1, BadGrant::Revoked(_)), "the hub itself gives nothing to such a card");
    grant(&mut hub, &authority.card(9), Professional, &[masks()]);
    assert_eq!(told(&hub, A)[0].cards, [], "a list that came before its people is told when they come");
    // A site names somebody with a revoked card, whose certificate the giver signs too.
    let (giver, to) = (authority.card(11), authority.card(2));
    let of_site = grant(&mut hub, &giver, Institution, &[Right::Representative]);
    let under = under(&hub, of_site, &Right::Representative);
    let mut edge = Edge::new(A, 1);
    let upload = given(&mut edge, "2020-02-06T09:00", &to, Right::Manager, (&giver, under));
    let Fact::Access(Access::Grant(mut named)) = entry::decode(&upload.run.entries[0]).unwrap().fact else { panic!() };
    named.to.certificate = Some(Certificate { issuer: authority.id(), serial: vec![2] });
    let signature = giver.sign(&grant_words(&edge.site, &named));
    named.giver = named.giver.map(|giver| Giver { signature, ..giver });
    let upload = by(&mut Edge::new(A, 2), "2020-02-06T09:00", of_site, Fact::Access(Access::Grant(named)));
    send(&mut hub, &[upload]);
    let cards = told(&hub, A).pop().unwrap().cards;
    assert_eq!(cards.iter().map(|(serial, _)| serial.as_slice()).collect::<Vec<_>>(), [[2]]);
    assert!(flagged(&hub).is_empty(), "the grant stands; the edge refuses the card");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_list_that_is_not_to_be_believed_changes_nothing() {
    let (authority, rsa) = (Authority::new("HCA"), Authority::rsa("MOICA"));
    let mut hub = hub_with(&authority);
    hub.add_issuer(&rsa.der(), &[Citizen], "op", second(MORNING)).unwrap().unwrap();
    let good = authority.list(8, 1..100);
    for end in [0, 1, 100, good.len() / 2, good.len() - 1] {
        assert_eq!(import(&mut hub, &good[..end]), Err(BadList::Form), "cut at {end}");
    }
    assert_eq!(import(&mut hub, &[good.as_slice(), &[0]].concat()), Err(BadList::Form));
    assert_eq!(import(&mut hub, b"garbage"), Err(BadList::Form));
    assert_eq!(import(&mut hub, &authority.der()), Err(BadList::Form));
    let mut changed = good.clone();
    let at = good.len() - 20;
    changed[at] ^= 1;
    assert!(matches!(import(&mut hub, &changed), Err(BadList::Signature(_) | BadList::Form)));
    assert!(matches!(import(&mut hub, &Authority::new("HCA").list(8, [])), Err(BadList::Signature(_))));
    assert!(
        matches!(import(&mut hub, &Authority::new("GCA").list(8, [])), Err(BadList::Unknown(name)) if name.contains("GCA"))
    );
    assert!(matches!(import(&mut hub, &with_sha1(&rsa.list(8, [1]))), Err(BadList::Algorithm(_))));
    assert!(matches!(import(&mut hub, &authority.list(20, [])), Err(BadList::Future(_))));
    assert!(hub.card_lists().unwrap().is_empty());
    assert!(import(&mut hub, &good).is_ok());
    let print = hex(&hub.issuers().unwrap().iter().find(|it| it.key == authority.id()).unwrap().fingerprint);
    hub.remove_issuer(&print[..12], "op", second(MORNING)).unwrap().unwrap();
    assert!(matches!(import(&mut hub, &authority.list(9, [])), Err(BadList::Unknown(_))), "it was taken back");
}

/// A reader of DER may overlook a changed bit around what is signed; what it reads then is what was signed all the same.
#[test]
fn no_changed_byte_of_a_list_or_a_certificate_changes_what_is_believed() {
    let authority = Authority::new("HCA");
    let hub = hub_with(&authority);
    let (list, card, issuers) = (authority.list(5, [1]), authority.card(1).der, hub.issuers().unwrap());
    let now = second("2020-02-10T08:00");
    let changed = |der: &[u8]| -> Vec<Vec<u8>> {
        let bits = (0..der.len()).flat_map(|at| (0..8).map(move |bit| (at, 1 << bit)));
        let flip = |(at, bit): (usize, u8)| [&der[..at], &[der[at] ^ bit], &der[at + 1..]].concat();
        bits.map(flip).collect()
    };
    let read = |der: &[u8]| CardList::read(der, &issuers, now);
    let (whole, mut believed) = (read(&list).unwrap(), 0);
    for list in changed(&list) {
        believed += usize::from(read(&list).is_ok_and(|read| read == whole));
        assert!(read(&list).map_or(true, |read| read == whole), "{list:02x?}");
    }
    let read = |der: &[u8]| CardCertificate::read(der, Professional, &issuers, now);
    let whole = read(&card).unwrap();
    for card in changed(&card) {
        believed += usize::from(read(&card).is_ok_and(|read| read == whole));
        assert!(read(&card).map_or(true, |read| read == whole), "{card:02x?}");
    }
    assert!(believed < 32, "{believed} of {} bits are overlooked", 8 * (list.len() + card.len()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// By hand: `cargo nextest run -p hub --test card_lists --run-ignored only --no-capture`.
#[test]
#[ignore = "measures: a list as long as the longest that is known"]
fn a_list_of_412000_cards() {
    let authority = Authority::rsa("MOICA");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let mut hub = hub_on(hub::store::Store::open(&path).unwrap(), 7);
    hub.add_issuer(&authority.der(), &[Professional, Citizen], "op", second(MORNING)).unwrap().unwrap();
    let serial = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    grant(&mut hub, &authority.card(serial(5)), Professional, &[masks()]);
    let long = |n: u64| rcgen::SerialNumber::from([serial(n).to_be_bytes(), n.to_be_bytes()].concat());
    let all = (1..=412_000).map(long).chain([serial(5).into()]);
    let list = authority.list_of(8, all, Some(rcgen::RevocationReason::KeyCompromise));
    let size =
        || std::fs::metadata(&path).unwrap().len() + std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    let (before, start) = (size(), std::time::Instant::now());
    let done = import(&mut hub, &list).unwrap();
    println!(
        "list {} bytes, {} cards, {} revoked: {:?}, store grew by at most {} bytes",
        list.len(),
        done.cards,
        done.revoked,
        start.elapsed(),
        size() - before
    );
    let start = std::time::Instant::now();
    grant_at(&mut hub, "2020-02-10T09:00", &authority.card(serial(500_000)), Professional, &[masks()]);
    println!("a grant beside it: {:?}", start.elapsed());
}
