//! Rights at the hub (S16-S20): grants and revocations that meet in any order, and deeds behind a withdrawal. Each
//! finding is told once, and a rebuild gives the same bytes.

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
use hub::ingest::Upload;
use hub::rights::{BadGrant, BadRevocation, Blame, Lack, NewGrant};
use shared::entry::access::{Access, Revocation, Right, ServiceStanding, ServiceWord};
use shared::entry::{Arrival, Entry, Fact, Sale, Staff};
use shared::ids::StaffId;
use shared::rules::access::card::CardKind::{Citizen, Institution, Nhi, Professional};
use shared::rules::access::{Denied, Place, Void};
use shared::wire::v1::entry;
use staff::*;

#[test]
fn whom_the_hub_names_may_and_the_key_the_issuer_and_the_number_come_from_the_certificate() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let card = authority.card(0x8001);
    let who = grant(&mut hub, &card, Professional, &[Right::Manager, masks()]);
    assert_eq!(who, card.who());
    let rights = hub.rights(&A.parse().unwrap()).unwrap();
    let day = "2020-02-06".parse().unwrap();
    assert_eq!(rights.of(&who, day), [Right::Manager, masks()]);
    let certificate = rights.holder(&who).unwrap().certificate.clone().unwrap();
    assert_eq!((certificate.issuer, certificate.serial), (authority.id(), vec![0x80, 0x01]), "no nought before it");
    assert_eq!(
        rights.may(&who, &masks(), day).unwrap().until.to_string(),
        "2021-02-05",
        "a year, where no day is named"
    );
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_grant_that_gives_what_it_must_not_is_not_written() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let card = authority.card(1);
    let base = new_grant(&card, Professional, &[masks()]);
    let tell = |hub: &mut Hub, new: NewGrant| match hub.grant(&[new], "op", second(MORNING)).unwrap() {
        Err(mut bad) => bad.remove(0).1,
        Ok(ids) => panic!("{ids:?}"),
    };
    let before = canonical(&hub);
    let representative = NewGrant { rights: vec![Right::Representative], ..base.clone() };
    assert!(matches!(tell(&mut hub, representative), BadGrant::Card { .. }), "S17");
    let of_site = NewGrant { card: Institution, ..base.clone() };
    assert!(matches!(tell(&mut hub, of_site), BadGrant::Card { .. }), "S15");
    assert_eq!(tell(&mut hub, NewGrant { card: Nhi, ..base.clone() }), BadGrant::NoCertificate(Nhi));
    assert_eq!(tell(&mut hub, NewGrant { rights: vec![], ..base.clone() }), BadGrant::Rights);
    assert_eq!(tell(&mut hub, NewGrant { name: " ".to_owned(), ..base.clone() }), BadGrant::Name);
    assert_eq!(tell(&mut hub, NewGrant { name: ANNA.to_owned(), ..base.clone() }), BadGrant::Personal);
    let over = NewGrant { until: "2020-02-05".parse().ok(), ..base.clone() };
    assert!(matches!(tell(&mut hub, over), BadGrant::Until { .. }));
    assert!(matches!(
        tell(&mut hub, NewGrant { until: "2022-01-01".parse().ok(), ..base.clone() }),
        BadGrant::Until { .. }
    ));
    let unknown = NewGrant { site: "9999999999".parse().unwrap(), ..base.clone() };
    assert!(matches!(tell(&mut hub, unknown), BadGrant::Site(_)));
    let other = NewGrant { certificate: Authority::new("HCA").card(1).der, ..base.clone() };
    assert!(matches!(tell(&mut hub, other), BadGrant::Certificate(_)), "the same name, another key");
    // Of two the good one is not written either.
    let two = [base, NewGrant { rights: vec![], ..new_grant(&card, Citizen, &[]) }];
    assert_eq!(hub.grant(&two, "op", second(MORNING)).unwrap(), Err(vec![(1, BadGrant::Rights)]));
    assert_eq!(canonical(&hub), before);
}

#[test]
fn a_card_is_good_for_no_longer_than_its_certificate() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let who = grant(&mut hub, &authority.card_until(1, 2020 + 1), Professional, &[masks()]);
    let rights = hub.rights(&A.parse().unwrap()).unwrap();
    assert_eq!(rights.may(&who, &masks(), "2020-02-06".parse().unwrap()).unwrap().until.to_string(), "2021-01-01");
    let bad = hub.grant(&[new_grant(&authority.card_until(2, 2020), Professional, &[masks()])], "op", second(MORNING));
    assert!(matches!(bad.unwrap().unwrap_err()[0].1, BadGrant::Certificate(_)), "expired");
}

#[test]
fn a_new_grant_names_what_was_taken_before_and_holds_in_spite_of_it() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let card = authority.card(1);
    let who = grant(&mut hub, &card, Professional, &[masks()]);
    revoke(&mut hub, "2020-02-06T09:00", who, masks());
    let may = |hub: &Hub| {
        let rights = hub.rights(&A.parse().unwrap()).unwrap();
        rights.may(&who, &masks(), "2020-02-06".parse().unwrap()).map(drop)
    };
    assert!(matches!(may(&hub), Err(Denied::Withdrawn { .. })));
    grant_at(&mut hub, "2020-02-06T10:00", &card, Professional, &[masks()]);
    assert_eq!(may(&hub), Ok(()));
    let site = A.parse().unwrap();
    let tell = |hub: &mut Hub, who: &str, right: Right, reason: &str| {
        hub.revoke_rights(&site, (who, &[right]), (reason, "op"), second(MORNING)).unwrap().unwrap_err()
    };
    let name = who.to_string();
    assert!(matches!(tell(&mut hub, "ff00ff00", masks(), "x"), BadRevocation::Nobody(_)));
    assert!(matches!(tell(&mut hub, "", masks(), "x"), BadRevocation::Nobody(_)));
    assert_eq!(tell(&mut hub, &name, Right::Manager, "x"), BadRevocation::NeverGiven(Right::Manager));
    assert_eq!(tell(&mut hub, &name, masks(), " "), BadRevocation::Reason);
    assert_eq!(tell(&mut hub, &name, masks(), ANNA), BadRevocation::Personal);
}

/// Somebody whose right was withdrawn at nine, with the store at which it was found or not.
struct Story {
    hub: Hub,
    who: StaffId,
    uploads: Vec<Upload>,
}

/// Deeds at half past eight, at ten and, taken back at once, at eleven; the revocation on the desk is of nine.
fn story() -> Story {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let who = grant(&mut hub, &authority.card(1), Professional, &[masks()]);
    let mut edge = Edge::new(A, 1);
    let (early, late) = (arrive(&mut edge, "2020-02-06T08:30", who), arrive(&mut edge, "2020-02-06T10:00", who));
    let at = second("2020-02-06T11:00");
    let sale = edge.write(edge.doc(at), 1, |keys, id, _| {
        let sale = Sale {
            programme: "mask".parse().unwrap(),
            version: MASK.parse().unwrap(),
            pieces: adult(2),
            happened: None,
            reading: shared::entry::Reading::Card,
            watermark: 0,
            document: keys.seal(&id, 0, &document(ANNA)).unwrap(),
            proxy: None,
            approved_by: None,
            behind: vec![],
        };
        let by = Staff { name: "王小明".to_owned(), verified: true, id: Some(who) };
        entry::encode(&Entry { by, ..written(at, Fact::Sale(sale)) })
    });
    let withdrawal = edge.withdraw("2020-02-06T11:01", id(&sale));
    Story { hub, who, uploads: vec![early, late, sale, withdrawal] }
}

#[test]
fn what_was_done_behind_a_withdrawal_is_found_whichever_ledger_comes_first() {
    let Story { mut hub, who, uploads } = story();
    revoke(&mut hub, "2020-02-06T09:00", who, masks());
    send(&mut hub, &uploads);
    let found = only(&hub);
    assert_eq!((found.who, found.card, found.rights.clone()), (who, Some(Professional), vec![masks()]));
    assert_eq!((found.first, found.deeds), (id(&uploads[1]), 2), "the sale counts, though it was taken back");
    assert!(matches!(&found.lack, Lack::Withdrawn { place: Place::Desk, reason, .. } if reason == "離職"));
    assert_eq!(found.blame, Blame::Unknown, "nobody can tell whether the desk had come down");
    rebuilds_to_the_same(&mut hub);

    let Story { hub: mut late, who: other, uploads } = story();
    send(&mut late, &uploads);
    assert!(flagged(&late).is_empty());
    revoke(&mut late, "2020-02-06T09:00", other, masks());
    let found = only(&late);
    assert_eq!((found.first, found.deeds, found.blame), (id(&uploads[1]), 2, Blame::CouldNot));
    rebuilds_to_the_same(&mut late);
}

#[test]
fn a_finding_says_who_what_when_why_and_how_often_and_shows_no_name() {
    let Story { mut hub, who, uploads } = story();
    revoke(&mut hub, "2020-02-06T09:00", who, masks());
    send(&mut hub, &uploads);
    let [line] = hub::view::staff_cases(&hub, Some(&A.parse().unwrap()), 10).unwrap().try_into().unwrap();
    let told = hub::view::staff_case(&line);
    let want = serde_json::json!({
        "site": A, "staff": who.to_string(), "name": "王○明", "card": "professional", "rights": ["service:masks"],
        "lack": "withdrawn", "first": id(&uploads[1]).to_string(), "second": second("2020-02-06T10:00"), "deeds": 2,
        "known": "unknown",
    });
    for (name, value) in want.as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    assert!(!told.to_string().contains("王小明"));
    for words in ["109/02/06 09:00", "離職", "2 筆", "10:00"] {
        assert!(line.words.zh.contains(words), "{words}: {}", line.words.zh);
    }
    assert_eq!(hub::view::staff_cases(&hub, Some(&B.parse().unwrap()), 10).unwrap(), []);
    assert_eq!(hub::view::staff_cases(&hub, None, 0).unwrap(), []);
}

#[test]
fn a_finding_is_told_once_however_often_and_in_whatever_order_the_ledgers_meet() {
    let Story { mut hub, who, uploads } = story();
    revoke(&mut hub, "2020-02-06T09:00", who, masks());
    for upload in uploads.iter().chain(&uploads) {
        send(&mut hub, std::slice::from_ref(upload));
    }
    send(&mut hub, &uploads);
    let found = only(&hub);
    assert_eq!(found.deeds, 2);
    let Story { hub: mut whole, who, uploads } = story();
    revoke(&mut whole, "2020-02-06T09:00", who, masks());
    send(&mut whole, &uploads);
    assert_eq!(only(&whole).deeds, 2, "in one batch as in many");
}

/// A representative, a manager whom they name, a user whom that one names, and what the user does.
fn chain(edge: &mut Edge, hub: &mut Hub, authority: &Authority) -> (Vec<Upload>, [Card; 3]) {
    let cards = [authority.card(1), authority.card(2), authority.card(3)];
    let representative = grant(hub, &cards[0], Institution, &[Right::Representative]);
    let under = under(hub, representative, &Right::Representative);
    let manager = given(edge, "2020-02-06T08:10", &cards[1], Right::Manager, (&cards[0], under));
    let user = given(edge, "2020-02-06T08:20", &cards[2], masks(), (&cards[1], id(&manager)));
    let deed = arrive(edge, "2020-02-06T09:30", cards[2].who());
    (vec![manager, user, deed], cards)
}

#[test]
fn a_site_gives_by_itself_and_every_order_of_its_ledgers_comes_to_the_same() {
    let authority = Authority::new("HCA");
    // Each in a ledger of its own, as several computers of a site write.
    let mut edges = [Edge::new(A, 1), Edge::new(A, 2), Edge::new(A, 3)];
    let (first, cards) = chain(&mut edges[0], &mut hub_with(&authority), &authority);
    let gone = taken(&mut edges[1], "2020-02-06T09:00", cards[2].who(), masks(), cards[1].who());
    let stranger = arrive(&mut edges[2], "2020-02-06T09:40", authority.card(9).who());
    let parts = [first, vec![gone], vec![stranger]];
    let mut dumps = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        // The hub's own entries are the same in each.
        let mut hub = hub_with(&authority);
        grant(&mut hub, &cards[0], Institution, &[Right::Representative]);
        order.iter().for_each(|part| send(&mut hub, &parts[*part]));
        let found = flagged(&hub);
        assert_eq!(found.iter().map(|case| case.deeds).collect::<Vec<_>>(), [1, 1], "{found:?}");
        assert!(found.iter().any(|case| case.lack == Lack::NeverGiven && case.blame == Blame::Could));
        assert!(found.iter().any(|case| matches!(case.lack, Lack::Withdrawn { place: Place::Site, .. })));
        rebuilds_to_the_same(&mut hub);
        dumps.push(canonical(&hub));
    }
    dumps.dedup();
    assert_eq!(dumps.len(), 1, "{dumps:#?}");
}

#[test]
fn a_site_that_took_the_right_itself_could_have_known() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let mut edge = Edge::new(A, 1);
    let (mut uploads, cards) = chain(&mut edge, &mut hub, &authority);
    let gone = taken(&mut edge, "2020-02-06T09:35", cards[2].who(), masks(), cards[1].who());
    uploads.extend([gone, arrive(&mut edge, "2020-02-06T09:50", cards[2].who())]);
    send(&mut hub, &uploads);
    let found = only(&hub);
    assert_eq!((found.deeds, found.blame), (1, Blame::Could), "its own log says so");
    // Its clock was set back between: by the times the deed is behind the revocation, in its log it is before.
    let mut hub = hub_with(&authority);
    let mut edge = Edge::new(A, 1);
    let (mut uploads, cards) = chain(&mut edge, &mut hub, &authority);
    let early = arrive(&mut edge, "2020-02-06T09:50", cards[2].who());
    uploads.extend([early, taken(&mut edge, "2020-02-06T09:40", cards[2].who(), masks(), cards[1].who())]);
    send(&mut hub, &uploads);
    assert_eq!(only(&hub).blame, Blame::CouldNot);
}

#[test]
fn deeds_that_came_before_their_grant_are_no_finding_once_it_is_here() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let mut edges = [Edge::new(A, 1), Edge::new(A, 2)];
    let (uploads, cards) = chain(&mut edges[0], &mut hub, &authority);
    let deed = arrive(&mut edges[1], "2020-02-06T12:00", cards[2].who());
    send(&mut hub, &[deed]);
    let early = only(&hub);
    assert_eq!((early.lack, early.card), (Lack::NeverGiven, None));
    send(&mut hub, &uploads);
    assert!(flagged(&hub).is_empty(), "it had only come late");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_grant_that_gives_nothing_is_flagged_with_its_reason_and_so_is_what_was_done_by_it() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let mut edge = Edge::new(A, 1);
    let (uploads, cards) = chain(&mut edge, &mut hub, &authority);
    send(&mut hub, &uploads[..1]);
    revoke(&mut hub, "2020-02-06T08:15", cards[1].who(), Right::Manager);
    send(&mut hub, &uploads[1..]);
    let found = flagged(&hub);
    let lacks: Vec<&Lack> = found.iter().map(|case| &case.lack).collect();
    assert_eq!(lacks, [&Lack::Void(Void::GiverWasWithdrawn), &Lack::VoidGrant(Void::GiverWasWithdrawn)]);
    assert_eq!(found.iter().map(|case| case.blame).collect::<Vec<_>>(), [Blame::Unknown, Blame::Unknown]);
    assert_ne!(found[0].id, found[1].id);
    let staff = hub.staff(&A.parse().unwrap()).unwrap();
    let void = staff.iter().find(|member| member.id == cards[2].who()).unwrap();
    assert_eq!((void.rights.len(), void.void.len()), (0, 1));
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_forged_grant_is_the_sites_to_see() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let mut edge = Edge::new(A, 1);
    let (uploads, cards) = chain(&mut edge, &mut hub, &authority);
    send(&mut hub, &uploads);
    let under = under(&hub, cards[1].who(), &Right::Manager);
    // Somebody else's card signed in the manager's name.
    let upload = given_as(
        &mut edge,
        "2020-02-06T10:00",
        &authority.card(6),
        masks(),
        (&authority.card(7), cards[1].who(), under),
    );
    send(&mut hub, &[upload]);
    let found = only(&hub);
    assert_eq!((found.lack, found.blame), (Lack::VoidGrant(Void::BadSignature), Blame::Could));
}

#[test]
fn what_is_typed_and_what_nobody_signed_for_is_no_deed() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let mut edge = Edge::new(A, 1);
    let sold = edge.sell("2020-02-06T10:00", &document(ANNA), adult(2));
    let arrived = edge.arrive("2020-02-06T09:00", adult(5));
    send(&mut hub, &[sold, arrived]);
    assert!(flagged(&hub).is_empty());
    assert!(!canonical(&hub).contains("deeds"));
}

#[test]
fn more_deeds_than_a_row_holds_are_all_counted() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let who = grant(&mut hub, &authority.card(1), Professional, &[masks()]);
    let mut edge = Edge::new(A, 1);
    for hour in 9..12 {
        let at = second(&format!("2020-02-06T{hour:02}:00"));
        let arrival = Arrival { programme: "mask".parse().unwrap(), counted: adult(1), advised: None };
        let by = Staff { name: "王小明".to_owned(), verified: true, id: Some(who) };
        let many = edge.write(edge.doc(at), 700, |_, _, n| {
            let at = at + i64::try_from(n).unwrap();
            entry::encode(&Entry { by: by.clone(), ..written(at, Fact::Arrival(arrival.clone())) })
        });
        send(&mut hub, &[many]);
    }
    revoke(&mut hub, "2020-02-06T10:00", who, masks());
    assert_eq!(only(&hub).deeds, 1_400, "two of three hours");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_site_cannot_fill_the_hub_with_rights() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let mut edge = Edge::new(A, 1);
    let at = second("2020-02-06T09:00");
    let revocation = Revocation { of: StaffId([1; 16]), rights: vec![masks()], taker: None, reason: String::new() };
    let bytes = entry::encode(&written(at, Fact::Access(Access::Revocation(revocation))));
    for _ in 0..2 {
        let many = edge.write(edge.doc(at), 1_024, |_, _, _| bytes.clone());
        send(&mut hub, &[many]);
    }
    let one = edge.write(edge.doc(at), 1, |_, _, _| bytes.clone());
    assert!(refused(&mut hub, &one).contains("too often"));
}

#[test]
fn s21_a_site_asks_for_a_service_and_only_the_hub_answers() {
    let authority = Authority::new("HCA");
    let mut hub = hub_with(&authority);
    let (site, service) = (A.parse().unwrap(), "masks".parse().unwrap());
    let mut edge = Edge::new(A, 1);
    let said = |standing| {
        let (service, reason) = ("masks".parse().unwrap(), "名單".to_owned());
        Fact::Access(Access::Service(ServiceWord { service, standing, reason }))
    };
    let who = grant(&mut hub, &authority.card(1), Professional, &[masks()]);
    let answer = |hub: &mut Hub, standing, reason: &str| {
        hub.answer_service(&site, (&service, standing), (reason, "op"), second("2020-02-06T08:00")).unwrap()
    };
    assert!(answer(&mut hub, ServiceStanding::Refused, " ").is_err(), "never without a reason");
    answer(&mut hub, ServiceStanding::Refused, "不在名單").unwrap();
    let day = "2020-02-06".parse().unwrap();
    let may = |hub: &Hub| hub.rights(&site).unwrap().may(&who, &masks(), day).map(drop);
    assert_eq!(may(&hub), Err(Denied::ServiceRefused { reason: "不在名單".to_owned() }));
    let asked = edge.fact("2020-02-06T09:00", said(ServiceStanding::Applied));
    send(&mut hub, &[asked]);
    assert!(hub.service(&site, &service).unwrap().applied.is_some());
    let own = edge.fact("2020-02-06T09:01", said(ServiceStanding::Approved));
    assert!(!refused(&mut hub, &own).is_empty(), "a site that approves itself is put aside");
    rebuilds_to_the_same(&mut hub);
    assert!(hub.service(&site, &service).unwrap().applied.is_some());
    hub.answer_service(
        &site,
        (&service, ServiceStanding::Approved),
        ("2020-02-06 名單", "op"),
        second("2020-02-06T10:00"),
    )
    .unwrap()
    .unwrap();
    assert_eq!((may(&hub), hub.service(&site, &service).unwrap().applied), (Ok(()), None));
}
