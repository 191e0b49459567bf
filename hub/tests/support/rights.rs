//! Rights as a hub and a site write them: grants, revocations, and what people do who are signed in.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper, of which each test uses a part"
)]

use hub::hub::Hub;
use hub::ingest::Upload;
use hub::rights::{NewGrant, StaffCase};
use shared::entry::access::{Access, Giver, Grant, Holder, Revocation, Right};
use shared::entry::{Arrival, Entry, Fact, Staff};
use shared::ids::{EntryId, StaffId};
use shared::rules::access::card::CardKind::{self, Citizen, Institution, Professional};
use shared::sign::grant::grant_words;
use shared::wire::v1::entry;

use crate::cards::{Authority, Card};
use crate::edge::{A, Edge, adult, canonical, hub, second, written};

pub(crate) const MORNING: &str = "2020-02-06T08:00";

pub(crate) fn masks() -> Right {
    Right::service("masks").unwrap()
}

pub(crate) fn new_grant(card: &Card, kind: CardKind, rights: &[Right]) -> NewGrant {
    NewGrant {
        site: A.parse().unwrap(),
        name: "王小明".to_owned(),
        card: kind,
        certificate: card.der.clone(),
        rights: rights.to_vec(),
        until: None,
    }
}

pub(crate) fn grant(hub: &mut Hub, card: &Card, kind: CardKind, rights: &[Right]) -> StaffId {
    grant_at(hub, MORNING, card, kind, rights)
}

pub(crate) fn grant_at(hub: &mut Hub, at: &str, card: &Card, kind: CardKind, rights: &[Right]) -> StaffId {
    hub.grant(&[new_grant(card, kind, rights)], "陳承辦", second(at)).unwrap().unwrap()[0]
}

pub(crate) fn revoke(hub: &mut Hub, at: &str, who: StaffId, right: Right) {
    let who = who.to_string();
    hub.revoke_rights(&A.parse().unwrap(), (&who, &[right]), ("離職", "陳承辦"), second(at)).unwrap().unwrap();
}

/// A hub where an authority's cards of every kind count.
pub(crate) fn hub_with(authority: &Authority) -> Hub {
    let mut hub = hub();
    let kinds = [Institution, Professional, Citizen];
    hub.add_issuer(&authority.der(), &kinds, "陳承辦", second(MORNING)).unwrap().unwrap();
    hub
}

/// An entry by somebody who is signed in.
pub(crate) fn by(edge: &mut Edge, at: &str, who: StaffId, fact: Fact) -> Upload {
    let bytes = entry::encode(&Entry {
        by: Staff { name: "王小明".to_owned(), verified: true, id: Some(who) },
        ..written(second(at), fact)
    });
    edge.write(edge.doc(second(at)), 1, |_, _, _| bytes.clone())
}

pub(crate) fn arrive(edge: &mut Edge, at: &str, who: StaffId) -> Upload {
    let arrival = Arrival { programme: "mask".parse().unwrap(), counted: adult(10), advised: None };
    by(edge, at, who, Fact::Arrival(arrival))
}

/// What a giver's card signs and the site writes.
pub(crate) fn given(edge: &mut Edge, at: &str, to: &Card, right: Right, (card, under): (&Card, EntryId)) -> Upload {
    given_as(edge, at, to, right, (card, card.who(), under))
}

/// The same, whoever is said to have given it.
pub(crate) fn given_as(
    edge: &mut Edge,
    at: &str,
    to: &Card,
    right: Right,
    (card, who, under): (&Card, StaffId, EntryId),
) -> Upload {
    let mut grant = Grant {
        to: Holder {
            name: "李小華".to_owned(),
            card: Professional,
            key: to.key(),
            locked_key: None,
            document: None,
            certificate: None,
        },
        rights: vec![right],
        until: "2020-12-31".parse().unwrap(),
        after: vec![],
        giver: Some(Giver { id: who, under, signature: vec![] }),
    };
    let signature = card.sign(&grant_words(&edge.site, &grant));
    grant.giver = grant.giver.map(|giver| Giver { signature, ..giver });
    by(edge, at, who, Fact::Access(Access::Grant(grant)))
}

pub(crate) fn taken(edge: &mut Edge, at: &str, of: StaffId, right: Right, taker: StaffId) -> Upload {
    let revocation = Revocation { of, rights: vec![right], taker: Some(taker), reason: "離職".to_owned() };
    by(edge, at, taker, Fact::Access(Access::Revocation(revocation)))
}

pub(crate) fn flagged(hub: &Hub) -> Vec<StaffCase> {
    hub.flagged(None, usize::MAX).unwrap()
}

pub(crate) fn only(hub: &Hub) -> StaffCase {
    let [only] = flagged(hub).try_into().unwrap();
    only
}

/// The grant by which somebody has a right.
pub(crate) fn under(hub: &Hub, who: StaffId, right: &Right) -> EntryId {
    let rights = hub.rights(&A.parse().unwrap()).unwrap();
    rights.may(&who, right, "2020-02-06".parse().unwrap()).unwrap().grant
}

pub(crate) fn rebuilds_to_the_same(hub: &mut Hub) {
    let (before, found) = (canonical(hub), flagged(hub));
    hub.rebuild().unwrap();
    assert_eq!(canonical(hub), before);
    let without_time = |found: Vec<StaffCase>| -> Vec<StaffCase> {
        found.into_iter().map(|case| StaffCase { opened: 0, ..case }).collect()
    };
    assert_eq!(without_time(flagged(hub)), without_time(found));
}
