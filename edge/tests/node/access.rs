//! Who may stand at the counter (S16-S20): the node looks in the rights before every deed, whatever the web says.

use edge::node::access::Acting;
use edge::node::ask::{GrantAsk, Granted, NewHolder, RevokeAsk};
use edge::node::{BadAsk, NodeError};
use shared::entry::Fact;
use shared::entry::access::{
    Access, Certificate, Grant, Holder, Revocation, RevokedCards, Right, ServiceStanding, ServiceWord,
};
use shared::ids::{ActorId, StaffId};
use shared::rules::access::card::CardKind;
use shared::rules::access::{Denied, Void};
use shared::sign::Signer;
use shared::sign::staff::StaffKey;
use shared::sync::handshake::welcome;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::Welcome;

use super::town::{HUB_LIFE, Hub, Site, document, sale};

const EVEN: &str = "05/P2/1986-03-15";
const OTHER: &str = "05/P4/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];
const REPRESENTATIVE: u8 = 1;
const MANAGER: u8 = 2;
const USER: u8 = 3;

fn key(of: u8) -> StaffKey {
    StaffKey::from_seed(&[of; 32]).unwrap()
}

fn who(of: u8) -> StaffId {
    StaffId::of_key(&key(of).spki())
}

fn masks() -> Right {
    Right::service("masks").unwrap()
}

fn greet(site: &mut Site, access: bool) {
    let signer = Signer::derive(&[4; 32], b"hub").unwrap().public();
    let life = HubLife {
        renew: false,
        journal: 1,
        signer,
        wants_keys: false,
        disputes: true,
        confirms: false,
        access,
        booking: false,
    };
    site.node().resume(&Welcome { life: Some(life), ..welcome(HUB_LIFE, 0, None, 0) }).unwrap();
}

fn desk(site: &mut Site, pos: u64, facts: &[Fact]) {
    let run = Hub::default().run("desk/5931102274/2020-02", ActorId([u8::try_from(pos).unwrap(); 16]), facts);
    site.node().take_down(pos, &run).unwrap();
}

/// The hub's own grant of a right.
fn by_hub(of: u8, card: CardKind, right: Right) -> Fact {
    let certificate = (card == CardKind::Citizen).then(|| Certificate { issuer: [7; 32], serial: vec![9] });
    let to =
        Holder {
            name: format!("人員{of}"), card, key: key(of).spki(), locked_key: None, document: None, certificate
        };
    let until = "2020-12-31".parse().unwrap();
    Fact::Access(Access::Grant(Grant { to, rights: vec![right], until, after: vec![], giver: None }))
}

fn new_holder(of: u8, card: CardKind) -> NewHolder {
    let key = key(of).spki();
    NewHolder { name: format!("人員{of}"), card, key, locked_key: None, document: None, certificate: None }
}

fn ask(to: u8, card: CardKind, right: Right) -> GrantAsk {
    GrantAsk { request: None, to: new_holder(to, card), rights: vec![right], until: "2020-06-30".parse().unwrap() }
}

fn act(site: &mut Site, of: u8) {
    site.node().act_as(Acting::Person { id: who(of), name: format!("人員{of}") });
}

fn try_grant(site: &mut Site, giver: u8, signer: u8, ask: &GrantAsk) -> Result<Granted, NodeError> {
    act(site, giver);
    let reading = site.reading();
    let words = site.node().grant_words(ask, reading)?;
    Ok(site.node().grant(ask, key(signer).sign(&words), reading)?.into_inner())
}

fn grant(site: &mut Site, giver: u8, ask: &GrantAsk) -> Granted {
    try_grant(site, giver, giver, ask).unwrap()
}

fn bad<T: std::fmt::Debug>(answer: Result<T, NodeError>) -> BadAsk {
    match answer {
        Err(NodeError::Ask(bad)) => bad,
        other => panic!("{other:?}"),
    }
}

/// A purchase as whoever acts.
fn try_sell(site: &mut Site, whom: &str) -> Result<(), NodeError> {
    let reading = site.reading();
    site.node().sell(&sale(whom, 2, 0), reading).map(|sold| drop(sold.unwrap()))
}

fn revoke(site: &mut Site, taker: u8, of: u8, right: Right) -> Result<(), NodeError> {
    act(site, taker);
    let reading = site.reading();
    let ask = RevokeAsk { request: None, of: who(of), rights: vec![right], reason: "離職".to_owned() };
    site.node().revoke(&ask, reading).map(drop)
}

/// 機構代表 by the hub, 機構管理者 and 機構使用者 at the site.
fn staffed() -> Site {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    greet(&mut site, true);
    desk(&mut site, 1, &[by_hub(REPRESENTATIVE, CardKind::Institution, Right::Representative)]);
    grant(&mut site, REPRESENTATIVE, &ask(MANAGER, CardKind::Professional, Right::Manager));
    grant(&mut site, MANAGER, &ask(USER, CardKind::Professional, masks()));
    site
}

#[test]
fn where_nobody_has_a_right_the_counter_is_as_open_as_before() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    site.node().act_as(Acting::Nobody);
    try_sell(&mut site, EVEN).unwrap();
}

#[test]
fn s17_s19_who_may_do_what() {
    let mut site = staffed();
    let table = [(REPRESENTATIVE, false), (MANAGER, false), (USER, true), (9, false)];
    for (of, may) in table {
        act(&mut site, of);
        let sold = try_sell(&mut site, if may { EVEN } else { OTHER });
        match may {
            true => sold.unwrap(),
            false => assert_eq!(bad(sold), BadAsk::NoRight { right: masks(), denied: Denied::NeverGiven }, "{of}"),
        }
    }
    site.node().act_as(Acting::Nobody);
    assert_eq!(bad(try_sell(&mut site, OTHER)), BadAsk::NotSignedIn);
    let reading = site.reading();
    let looked = site.node().examine(&edge::node::ask::Examine { programme: None, document: document(OTHER) }, reading);
    assert_eq!(bad(looked), BadAsk::NotSignedIn, "looking somebody up needs the right too");
    site.node().act_as(Acting::Folder);
    try_sell(&mut site, OTHER).unwrap();
}

#[test]
fn an_entry_says_who_had_signed_in() {
    let mut site = staffed();
    act(&mut site, USER);
    try_sell(&mut site, EVEN).unwrap();
    let export = site.node().export(0, 100).unwrap();
    let lines: Vec<String> = export.lines.iter().map(ToString::to_string).collect();
    let sold = lines.iter().find(|line| line.contains(r#""kind":"sale""#)).unwrap();
    assert!(sold.contains(&who(USER).to_string()) && sold.contains("人員3"), "{sold}");
    assert_eq!(lines.iter().filter(|line| line.contains(r#""kind":"grant""#)).count(), 2);
}

#[test]
fn s16_nobody_gives_what_is_not_theirs_to_give() {
    let mut site = staffed();
    let professional = CardKind::Professional;
    let len = site.node().log_len();
    for (giver, right) in [
        (REPRESENTATIVE, masks()),
        (REPRESENTATIVE, Right::Representative),
        (MANAGER, Right::Manager),
        (USER, masks()),
        (9, masks()),
    ] {
        let denied = try_grant(&mut site, giver, giver, &ask(5, professional, right.clone()));
        assert_eq!(bad(denied), BadAsk::NotYours { right }, "{giver}");
    }
    let wrong = try_grant(&mut site, MANAGER, MANAGER, &ask(5, CardKind::Institution, masks()));
    assert!(matches!(bad(wrong), BadAsk::WrongCard { .. }));
    let forged = try_grant(&mut site, MANAGER, USER, &ask(5, professional, masks()));
    assert_eq!(bad(forged), BadAsk::GrantVoid { why: Void::BadSignature }, "another card signed");
    let long = GrantAsk { until: "2030-01-01".parse().unwrap(), ..ask(5, professional, masks()) };
    assert!(matches!(bad(try_grant(&mut site, MANAGER, MANAGER, &long)), BadAsk::GrantDay { .. }));
    let named = NewHolder { name: "A123456789".to_owned(), ..new_holder(5, professional) };
    let named = GrantAsk { to: named, ..ask(5, professional, masks()) };
    assert_eq!(bad(try_grant(&mut site, MANAGER, MANAGER, &named)), BadAsk::Personal);
    assert_eq!(site.node().log_len(), len, "nothing was written");
}

#[test]
fn a_right_is_taken_back_and_given_again() {
    let mut site = staffed();
    assert_eq!(bad(revoke(&mut site, USER, USER, masks())), BadAsk::NotYours { right: masks() });
    assert_eq!(bad(revoke(&mut site, MANAGER, 77, masks())), BadAsk::NobodySuch);
    revoke(&mut site, MANAGER, USER, masks()).unwrap();
    assert_eq!(bad(revoke(&mut site, MANAGER, USER, masks())), BadAsk::NobodySuch, "once");
    act(&mut site, USER);
    assert!(matches!(bad(try_sell(&mut site, EVEN)), BadAsk::NoRight { denied: Denied::Withdrawn { .. }, .. }));
    site.tick(60);
    grant(&mut site, MANAGER, &ask(USER, CardKind::Professional, masks()));
    act(&mut site, USER);
    try_sell(&mut site, EVEN).unwrap();
    // The hub takes it, at the desk.
    let gone = Revocation { of: who(USER), rights: vec![masks()], taker: None, reason: "停業".to_owned() };
    desk(&mut site, 2, &[Fact::Access(Access::Revocation(gone))]);
    assert!(matches!(bad(try_sell(&mut site, OTHER)), BadAsk::NoRight { denied: Denied::Withdrawn { .. }, .. }));
}

#[test]
fn rights_outlive_the_program_and_verify_knows_them() {
    let mut site = staffed();
    revoke(&mut site, MANAGER, USER, masks()).unwrap();
    site.tick(60);
    grant(&mut site, MANAGER, &ask(4, CardKind::Nhi, masks()));
    site.crash();
    act(&mut site, USER);
    assert!(try_sell(&mut site, EVEN).is_err());
    act(&mut site, 4);
    try_sell(&mut site, EVEN).unwrap();
    let reading = site.reading();
    let shelves = site.node().status(reading).unwrap().shelves;
    assert_eq!(shelves.len(), 1, "rights stand on no shelf that anybody sees");
}

#[test]
fn twice_the_same_request_grants_once() {
    let mut site = staffed();
    let ask = GrantAsk { request: Some("g-1".to_owned()), ..ask(5, CardKind::Citizen, masks()) };
    let first = grant(&mut site, MANAGER, &ask);
    let len = site.node().log_len();
    let reading = site.reading();
    assert_eq!(site.node().grant(&ask, vec![], reading).unwrap().into_inner(), first);
    assert_eq!(site.node().log_len(), len);
    let other = GrantAsk { to: new_holder(6, CardKind::Citizen), ..ask };
    assert_eq!(bad(site.node().grant(&other, vec![], reading).map(drop)), BadAsk::RequestReused);
}

#[test]
fn an_nhi_card_is_known_by_whose_it_is_and_nobody_else_s() {
    let mut site = staffed();
    let mut ask = ask(5, CardKind::Nhi, masks());
    ask.to.document = Some(document("01/A123456789/1986-03-15"));
    ask.to.locked_key = Some(vec![1; 40]);
    let granted = grant(&mut site, MANAGER, &ask);
    site.crash();
    let day = "2020-02-06".parse().unwrap();
    let document = |number: &str| shared::rules::identity::Document::parse("01", number, "1986-03-15", day).unwrap();
    let reading = site.reading();
    assert_eq!(site.node().holder_of(&document("A123456789"), reading), Some(granted.to));
    assert_eq!(site.node().holder_of(&document("B123456780"), reading), None);
}

#[test]
fn a_list_that_is_too_old_lets_look_and_not_sell_as_the_version_says() {
    let minds = format!("{}\n[access]\nlist_days_max = 7\n", shared::rules::programme::shipped_text(MASK[0]).unwrap());
    let mut site = Site::new("2020-02-06 09:00", &[]);
    let run = Hub::default().published_text(1, &minds);
    site.node().take_down(1, &run).unwrap();
    greet(&mut site, true);
    desk(&mut site, 2, &[by_hub(USER, CardKind::Citizen, masks())]);
    act(&mut site, USER);
    assert_eq!(bad(try_sell(&mut site, EVEN)), BadAsk::ListTooOld { days: u32::MAX }, "none has ever come");
    let list = |day: &str| {
        let as_of = super::town::second(&format!("{day} 09:00"));
        Fact::Access(Access::Revoked(RevokedCards { issuer: [7; 32], as_of, cards: vec![] }))
    };
    desk(&mut site, 3, &[list("2020-01-29")]);
    assert_eq!(bad(try_sell(&mut site, EVEN)), BadAsk::ListTooOld { days: 8 });
    let reading = site.reading();
    let looked = site.node().examine(&edge::node::ask::Examine { programme: None, document: document(EVEN) }, reading);
    assert!(looked.unwrap().is_ok(), "looking is allowed");
    desk(&mut site, 4, &[list("2020-01-30")]);
    try_sell(&mut site, EVEN).unwrap();
    desk(&mut site, 5, &[list("2020-01-01")]);
    try_sell(&mut site, OTHER).unwrap();
}

#[test]
fn a_hub_that_reads_no_rights_is_sent_none() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    greet(&mut site, false);
    desk(&mut site, 1, &[by_hub(REPRESENTATIVE, CardKind::Institution, Right::Representative)]);
    let denied =
        try_grant(&mut site, REPRESENTATIVE, REPRESENTATIVE, &ask(MANAGER, CardKind::Professional, Right::Manager));
    assert_eq!(bad(denied), BadAsk::NoAccess);
}

#[test]
fn s18_s21_a_refused_service_nobody_uses_until_a_manager_asks_and_the_hub_approves() {
    let mut site = staffed();
    let said = |standing, reason: &str| {
        let word = ServiceWord { service: "masks".parse().unwrap(), standing, reason: reason.to_owned() };
        Fact::Access(Access::Service(word))
    };
    desk(&mut site, 2, &[said(ServiceStanding::Refused, "不在名單")]);
    act(&mut site, USER);
    assert!(matches!(bad(try_sell(&mut site, EVEN)), BadAsk::NoRight { denied: Denied::ServiceRefused { .. }, .. }));
    let apply = |site: &mut Site, of: u8| {
        act(site, of);
        let reading = site.reading();
        site.node().apply(&"masks".parse().unwrap(), "已列入名單", reading).map(drop)
    };
    assert!(matches!(bad(apply(&mut site, USER)), BadAsk::NotYours { .. }), "a manager asks");
    apply(&mut site, MANAGER).unwrap();
    site.crash();
    assert_eq!(bad(apply(&mut site, MANAGER)), BadAsk::NothingToApply, "once");
    act(&mut site, USER);
    assert!(try_sell(&mut site, EVEN).is_err(), "to ask is not to have");
    desk(&mut site, 3, &[said(ServiceStanding::Approved, "2020-02-06 名單")]);
    act(&mut site, USER);
    try_sell(&mut site, EVEN).unwrap();
    assert_eq!(bad(apply(&mut site, MANAGER)), BadAsk::NothingToApply, "it is open");
}

#[test]
fn a_site_that_has_named_nobody_who_may_sell_sells_as_before() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    greet(&mut site, true);
    desk(&mut site, 1, &[by_hub(REPRESENTATIVE, CardKind::Institution, Right::Representative)]);
    let booking = Right::service("booking").unwrap();
    desk(&mut site, 2, &[by_hub(USER, CardKind::Professional, booking)]);
    site.node().act_as(Acting::Nobody);
    try_sell(&mut site, EVEN).unwrap();
    act(&mut site, REPRESENTATIVE);
    try_sell(&mut site, OTHER).unwrap();
}

#[test]
fn nothing_is_counted_on_the_shelf_where_rights_stand() {
    let mut site = staffed();
    act(&mut site, USER);
    let reading = site.reading();
    let ask = edge::node::ask::ArriveRequest {
        request: None,
        programme: "site-staff".parse().ok(),
        adult: 10,
        child: 0,
        by: String::new(),
    };
    assert!(site.node().arrive(&ask, reading).unwrap().is_err());
    revoke(&mut site, MANAGER, USER, masks()).unwrap();
    site.crash();
}

#[test]
fn a_card_that_is_revoked_meanwhile_sells_no_more() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    greet(&mut site, true);
    desk(&mut site, 2, &[by_hub(USER, CardKind::Citizen, masks())]);
    act(&mut site, USER);
    try_sell(&mut site, EVEN).unwrap();
    let since = super::town::second("2020-02-06 08:00");
    let list = RevokedCards { issuer: [7; 32], as_of: since, cards: vec![(vec![0, 9], since)] };
    desk(&mut site, 3, &[Fact::Access(Access::Revoked(list))]);
    assert_eq!(bad(try_sell(&mut site, OTHER)), BadAsk::CardRevoked { since });
}

#[test]
fn nobody_is_their_own_second_person() {
    let manager =
        format!("{}\n[knowledge]\nnever = \"manager\"\n", shared::rules::programme::shipped_text(MASK[0]).unwrap());
    let mut site = Site::new("2020-02-06 09:00", &[]);
    let run = Hub::default().published_text(1, &manager);
    site.node().take_down(1, &run).unwrap();
    greet(&mut site, true);
    desk(&mut site, 2, &[by_hub(USER, CardKind::Professional, masks())]);
    act(&mut site, USER);
    let reading = site.reading();
    let ask = edge::node::ask::SaleRequest {
        manager: Some("人員3".to_owned()),
        by: "counter".to_owned(),
        ..sale(EVEN, 2, 0)
    };
    assert!(site.node().sell(&ask, reading).unwrap().is_err(), "the name that signed in is no other one");
    let ask = edge::node::ask::SaleRequest { manager: Some("林主任".to_owned()), ..ask };
    assert!(site.node().sell(&ask, reading).unwrap().is_ok());
}

#[test]
fn somebody_registered_twice_is_who_may_do_something_today() {
    let mut site = staffed();
    let day = "2020-02-06".parse().unwrap();
    let card = shared::rules::identity::Document::parse("01", "A123456789", "1986-03-15", day).unwrap();
    let registered = |site: &mut Site, key: u8| {
        site.tick(60);
        let mut ask = ask(key, CardKind::Nhi, masks());
        ask.to.document = Some(document("01/A123456789/1986-03-15"));
        ask.to.locked_key = Some(vec![1; 40]);
        grant(site, MANAGER, &ask).to
    };
    for (old, new) in [(20, 21), (23, 22), (24, 25)] {
        let forgotten = registered(&mut site, old);
        act(&mut site, MANAGER);
        let reading = site.reading();
        let ask = RevokeAsk { request: None, of: forgotten, rights: vec![masks()], reason: "重新登錄".to_owned() };
        site.node().revoke(&ask, reading).unwrap();
        let now = registered(&mut site, new);
        let reading = site.reading();
        assert_eq!(site.node().holder_of(&card, reading), Some(now));
        let ask = RevokeAsk { of: now, ..ask };
        act(&mut site, MANAGER);
        site.node().revoke(&ask, reading).unwrap();
    }
}
