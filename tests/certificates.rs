//! Signing in by a certificate card, by the real `atoll-card` before SoftHSM behind a module that counts wrong PINs as a
//! card does (docs/cards.md). S13-S18; no real card was at hand.

use std::process::Command;
use std::time::{Duration, Instant as Clock};

use data_encoding::HEXLOWER;
use edge::cards::certificate::{CardIdentity, Issuer, Policy, Trust, check_signature, judge};
use edge::cards::lines::{Ask, CardCertificates, Found, PinState, Said, Signed};
use edge::cards::login::LoginFailure;
use edge::cards::pin::Pin;
use harness::cards::Helper;
use harness::cards::issued::{Authority, Card};
use harness::fleet::{binary, free_tcp_port};
use harness::prepared::{MORNING, SITE, serve, skipped, tool};
use harness::softhsm::{Drawer, PIN};
use shared::entry::Instant;
use shared::entry::access::RevokedCards;
use shared::rules::access::card::CardKind;
use shared::sign::card::sha256;

/// 2020-02-06, nine o'clock in the morning.
const NOW: Instant = Instant { second: 1_580_950_800, doubt_s: 30 };
const DAY: i64 = 86_400;
const WRONG: &str = "111111";
const CHALLENGE: &[u8] = b"atoll/1 sign in 5931102274 once";

/// A counter: who is believed there, what is known of revoked cards, and what time it is.
struct Counter {
    trust: Trust,
    lists: Vec<RevokedCards>,
    now: Instant,
    policy: Policy,
    asks: u64,
}

/// The authorities of the four kinds of cards.
struct Country {
    health: Authority,
    citizens: Authority,
    government: Authority,
}

impl Country {
    fn new() -> Self {
        let [health, citizens, government] = ["HCA", "MOICA", "GCA"].map(Authority::new);
        Self { health, citizens, government }
    }

    fn of(&self, kind: CardKind) -> &Authority {
        match kind {
            CardKind::Professional | CardKind::Institution => &self.health,
            CardKind::Citizen | CardKind::Nhi | CardKind::Envelope => &self.citizens,
            CardKind::Government => &self.government,
        }
    }

    fn counter(&self) -> Counter {
        let pin = |kinds: &[CardKind], of: &Authority| Issuer { kinds: kinds.to_vec(), certificate: of.der.clone() };
        let trust = Trust::new(vec![
            pin(&[CardKind::Professional, CardKind::Institution], &self.health),
            pin(&[CardKind::Citizen], &self.citizens),
            pin(&[CardKind::Government], &self.government),
        ])
        .unwrap();
        let fresh = |(_, id): (&Issuer, &[u8; 32])| RevokedCards { issuer: *id, as_of: NOW.second, cards: vec![] };
        let lists = trust.issuers().map(fresh).collect();
        Counter { trust, lists, now: NOW, policy: Policy::default(), asks: 0 }
    }
}

impl Counter {
    fn look(&mut self, helper: &mut Helper) -> Result<Vec<CardCertificates>, LoginFailure> {
        self.asks += 1;
        let wanted = self.asks;
        helper.ask(&Ask::Certificates { ask: wanted }).unwrap();
        let found = helper.next("the cards", |said| match said {
            Said::Certificates { ask, outcome } if ask == wanted => Some(outcome),
            _ => None,
        });
        match found.unwrap() {
            Found::Cards(cards) => Ok(cards),
            Found::Failed(failure) => Err(failure),
        }
    }

    fn judge(&self, card: &CardCertificates, wanted: CardKind) -> Result<CardIdentity, LoginFailure> {
        judge(&card.certificates, wanted, &self.trust, &self.lists, self.now, &self.policy)
    }

    fn ask_to_sign(&mut self, helper: &mut Helper, token: &str, leaf: [u8; 32], pin: Option<&str>) -> u64 {
        self.asks += 1;
        let pin = pin.map(|pin| Pin::new(pin.to_owned()).unwrap());
        let (token, message) = (token.to_owned(), CHALLENGE.to_vec());
        helper.ask(&Ask::Sign { ask: self.asks, token, certificate: leaf, pin, message }).unwrap();
        self.asks
    }

    fn sign(
        &mut self,
        helper: &mut Helper,
        token: &str,
        leaf: [u8; 32],
        pin: Option<&str>,
    ) -> Result<Vec<u8>, LoginFailure> {
        let wanted = self.ask_to_sign(helper, token, leaf, pin);
        let signed = helper.next("a signature", |said| match said {
            Said::Signed { ask, outcome } if ask == wanted => Some(outcome),
            _ => None,
        });
        match signed.unwrap() {
            Signed::Signature(signature) => Ok(signature),
            Signed::Failed(failure) => Err(failure),
        }
    }

    /// As an edge does it: look, judge, and only then ask for the PIN.
    fn sign_in(&mut self, helper: &mut Helper, wanted: CardKind, pin: &str) -> Result<CardIdentity, LoginFailure> {
        let card = self.look(helper)?.swap_remove(0);
        let identity = self.judge(&card, wanted)?;
        let signature = self.sign(helper, &card.token, identity.leaf, Some(pin))?;
        check_signature(&identity, CHALLENGE, &signature)?;
        Ok(identity)
    }
}

/// A drawer of cards; none where SoftHSM is not there.
fn drawer() -> Option<Drawer> {
    let drawer = Drawer::new().unwrap();
    if drawer.is_none() {
        skipped("no SoftHSM here for certificate cards");
    }
    drawer
}

/// A drawer with one professional's card, put in; its counter and the helper.
fn pharmacist() -> Option<(Drawer, Counter, Helper)> {
    let (drawer, country) = (drawer()?, Country::new());
    let card = country.health.issue(&Card::of(CardKind::Professional));
    drawer.make("pharmacist", &card, &[]).unwrap();
    drawer.insert("pharmacist").unwrap();
    let helper = drawer.helper(&[]).unwrap();
    Some((drawer, country.counter(), helper))
}

#[test]
fn s17_s18_the_four_certificate_cards_sign_in_each_as_its_own_kind() {
    let Some(drawer) = drawer() else { return };
    let country = Country::new();
    let kinds = [CardKind::Professional, CardKind::Citizen, CardKind::Institution, CardKind::Government];
    for kind in kinds {
        let signs = country.of(kind).issue(&Card { is_short: false, ..Card::of(kind) });
        let encrypts = country.of(kind).issue(&Card {
            usages: vec![rcgen::KeyUsagePurpose::KeyEncipherment],
            serial: vec![9],
            ..Card::of(kind)
        });
        drawer.make(kind.code(), &signs, &[&encrypts.der, &country.of(kind).der]).unwrap();
    }
    let (mut helper, mut counter) = (drawer.helper(&[]).unwrap(), country.counter());
    let mut took = Vec::new();
    for kind in kinds {
        drawer.insert(kind.code()).unwrap();
        let began = Clock::now();
        let identity = counter.sign_in(&mut helper, kind, PIN).unwrap();
        took.push(began.elapsed().as_millis());
        assert_eq!((identity.kind, identity.common_name), (kind, Card::of(kind).name));
        let before = drawer.log().len();
        for other in kinds.into_iter().filter(|other| *other != kind) {
            let refused = counter.sign_in(&mut helper, other, PIN);
            assert_eq!(refused, Err(LoginFailure::WrongKind { is: kind }), "{kind} is no {other}");
        }
        assert_eq!(drawer.log().len(), before, "for a card of another kind no PIN is asked");
    }
    println!("from the look to the checked signature, RSA 2048: {took:?} ms, the module's start in the first");
    assert_eq!(drawer.log(), ["login", "logout"].repeat(4), "one C_Login a sign-in, and each card is left closed");
}

#[test]
fn a_short_key_signs_too() {
    let Some((_drawer, mut counter, mut helper)) = pharmacist() else { return };
    let mut took = Vec::new();
    for _ in 0..10 {
        let began = Clock::now();
        counter.sign_in(&mut helper, CardKind::Professional, PIN).unwrap();
        took.push(began.elapsed().as_millis());
    }
    println!("from the look to the checked signature, P-256: {took:?} ms");
}

#[test]
fn a_card_that_is_refused_costs_no_try() {
    let Some(drawer) = drawer() else { return };
    let country = Country::new();
    let kind = CardKind::Citizen;
    let expired = Card { to: (2020, 2, 1), ..Card::of(kind) };
    let early = Card { from: (2020, 3, 1), ..Card::of(kind) };
    let revoked = Card { serial: vec![0x77], ..Card::of(kind) };
    drawer.make("expired", &country.citizens.issue(&expired), &[]).unwrap();
    drawer.make("early", &country.citizens.issue(&early), &[]).unwrap();
    drawer.make("revoked", &country.citizens.issue(&revoked), &[]).unwrap();
    drawer.make("strange", &Authority::new("MOICA").issue(&Card::of(kind)), &[]).unwrap();
    drawer.make("good", &country.citizens.issue(&Card::of(kind)), &[]).unwrap();
    let (mut helper, mut counter) = (drawer.helper(&[]).unwrap(), country.counter());
    for list in &mut counter.lists {
        list.cards.push((vec![0x77], NOW.second - DAY));
    }
    for (label, failure) in [
        ("expired", LoginFailure::Expired),
        ("early", LoginFailure::NotYet),
        ("revoked", LoginFailure::Revoked { since: NOW.second - DAY }),
        ("strange", LoginFailure::UnknownIssuer),
    ] {
        drawer.insert(label).unwrap();
        assert_eq!(counter.sign_in(&mut helper, kind, PIN), Err(failure));
    }
    drawer.insert("good").unwrap();
    // The clock is behind what the issuer said, or nobody knows how far off it is.
    for now in [Instant { second: NOW.second - 2 * DAY, ..NOW }, Instant { doubt_s: u32::MAX, ..NOW }] {
        let mut behind = Counter { now, ..country.counter() };
        assert_eq!(behind.sign_in(&mut helper, kind, PIN), Err(LoginFailure::Clock));
    }
    // The line was cut for nine days: the strict counter refuses, and the lenient one notes it.
    let later = Instant { second: NOW.second + 9 * DAY, ..NOW };
    let mut strict = Counter { now: later, ..country.counter() };
    assert_eq!(strict.sign_in(&mut helper, kind, PIN), Err(LoginFailure::ListTooOld { days: 9 }));
    assert_eq!(drawer.log(), [""; 0], "not one C_Login");
    let policy = Policy { stale_days_max: 30, ..Policy::default() };
    let mut lenient = Counter { now: later, policy, ..country.counter() };
    assert_eq!(lenient.sign_in(&mut helper, kind, PIN).unwrap().list_days_old, Some(9));
}

#[test]
fn a_wrong_pin_the_last_try_and_a_locked_card_are_told_apart_and_none_is_tried_again() {
    let Some((drawer, mut counter, mut helper)) = pharmacist() else { return };
    let mut sign_in = |helper: &mut Helper, pin| counter.sign_in(helper, CardKind::Professional, pin).map(drop);
    assert_eq!(sign_in(&mut helper, WRONG), Err(LoginFailure::PinWrong { last_try: false }));
    assert_eq!(drawer.log(), ["wrong"], "one try for one ask");
    assert_eq!(sign_in(&mut helper, PIN), Ok(()));
    assert_eq!(sign_in(&mut helper, WRONG), Err(LoginFailure::PinWrong { last_try: false }));
    assert_eq!(sign_in(&mut helper, WRONG), Err(LoginFailure::PinWrong { last_try: true }));
    assert_eq!(sign_in(&mut helper, WRONG), Err(LoginFailure::PinLocked));
    let tried = drawer.log();
    assert_eq!(tried, ["wrong", "login", "logout", "wrong", "wrong", "wrong"]);
    // What a token says of itself is enough: the card is not asked again, by no helper.
    let mut other = drawer.helper(&[]).unwrap();
    assert_eq!(sign_in(&mut helper, PIN), Err(LoginFailure::PinLocked));
    assert_eq!(sign_in(&mut other, PIN), Err(LoginFailure::PinLocked));
    assert_eq!(drawer.log(), tried);
}

#[test]
fn what_the_token_says_of_its_pin_is_told_before_anybody_types() {
    let Some((_drawer, mut counter, mut helper)) = pharmacist() else { return };
    for state in [PinState::Fine, PinState::FewTries, PinState::LastTry, PinState::Locked] {
        let card = counter.look(&mut helper).unwrap().swap_remove(0);
        assert_eq!((card.pin, card.has_pad, card.label.as_str()), (state, false, "pharmacist"));
        let _ = counter.sign_in(&mut helper, CardKind::Professional, WRONG);
    }
}

#[test]
fn s12_the_pin_may_be_typed_on_the_reader_s_pad() {
    let Some((drawer, mut counter, mut helper)) = pharmacist() else { return };
    let card = counter.look(&mut helper).unwrap().swap_remove(0);
    let identity = counter.judge(&card, CardKind::Professional).unwrap();
    let by_pad = |counter: &mut Counter, helper: &mut Helper| counter.sign(helper, &card.token, identity.leaf, None);
    assert_eq!(by_pad(&mut counter, &mut helper), Err(LoginFailure::PinLength), "it has none");
    drawer.pad("cancel").unwrap();
    assert_eq!(by_pad(&mut counter, &mut helper), Err(LoginFailure::PadCancelled));
    drawer.pad(WRONG).unwrap();
    assert_eq!(by_pad(&mut counter, &mut helper), Err(LoginFailure::PinWrong { last_try: false }));
    drawer.pad(PIN).unwrap();
    assert!(counter.look(&mut helper).unwrap()[0].has_pad);
    let signature = by_pad(&mut counter, &mut helper).unwrap();
    assert_eq!(check_signature(&identity, CHALLENGE, &signature), Ok(()));
    assert_eq!(drawer.log(), ["cancel", "wrong", "login", "logout"]);
}

#[test]
fn a_card_that_was_pulled_or_swapped_between_the_look_and_the_pin_is_asked_nothing() {
    let Some(drawer) = drawer() else { return };
    let country = Country::new();
    let kind = CardKind::Professional;
    let issued = country.health.issue(&Card::of(kind));
    drawer.make("first", &issued, &[]).unwrap();
    drawer.make("twin", &issued, &[]).unwrap();
    drawer.make("second", &country.health.issue(&Card::of(kind)), &[]).unwrap();
    let (mut helper, mut counter) = (drawer.helper(&[]).unwrap(), country.counter());
    assert_eq!(counter.look(&mut helper), Err(LoginFailure::NoToken), "an empty reader");
    drawer.insert("first").unwrap();
    let first = counter.look(&mut helper).unwrap().swap_remove(0);
    let leaf = counter.judge(&first, kind).unwrap().leaf;
    for other in ["second", "twin"] {
        drawer.insert(other).unwrap();
        assert_eq!(counter.sign(&mut helper, &first.token, leaf, Some(PIN)), Err(LoginFailure::Removed), "{other}");
    }
    drawer.insert("second").unwrap();
    // The same token, another certificate than the one that was judged.
    let second = counter.look(&mut helper).unwrap().swap_remove(0);
    assert_eq!(counter.sign(&mut helper, &second.token, leaf, Some(PIN)), Err(LoginFailure::Removed));
    drawer.pull().unwrap();
    assert_eq!(counter.sign(&mut helper, &first.token, leaf, Some(PIN)), Err(LoginFailure::Removed));
    for nonsense in ["", "0", "9/7/x", "0/8/x", "x/y/z"] {
        assert_eq!(counter.sign(&mut helper, nonsense, leaf, Some(PIN)), Err(LoginFailure::Removed));
    }
    assert_eq!(drawer.log(), [""; 0], "not one C_Login");
    drawer.insert("first").unwrap();
    assert!(counter.sign(&mut helper, &first.token, leaf, Some(PIN)).is_ok(), "put back it is the same card");
}

#[test]
fn a_pin_of_a_length_that_the_token_does_not_take_burns_no_try() {
    let Some((drawer, mut counter, mut helper)) = pharmacist() else { return };
    for typed in ["12345", "123456789"] {
        let sign_in = counter.sign_in(&mut helper, CardKind::Professional, typed);
        assert_eq!(sign_in, Err(LoginFailure::PinLength), "this token takes six to eight");
    }
    assert_eq!(drawer.log(), [""; 0]);
}

#[test]
fn without_the_module_certificates_say_so_and_beside_one_that_works_it_does_not_matter() {
    let Some((drawer, mut counter, mut helper)) = pharmacist() else { return };
    let mut none = Command::new(binary("atoll-card").unwrap());
    none.env("PCSCLITE_CSOCK_NAME", "/no/such/socket");
    let mut none = Helper::run(none).unwrap();
    let mut missing = Command::new(binary("atoll-card").unwrap());
    missing.args(["--module", "/no/such/module.so"]);
    let mut missing = Helper::run(missing).unwrap();
    for helper in [&mut none, &mut missing] {
        assert_eq!(counter.look(helper), Err(LoginFailure::ModuleMissing));
        helper.next("the readers are watched all the same", |said| (said == Said::Alive).then_some(())).unwrap();
    }
    let mut both = drawer.helper(&["--module", "/no/such/module.so"]).unwrap();
    assert!(counter.sign_in(&mut both, CardKind::Professional, PIN).is_ok());
    drawer.pull().unwrap();
    assert_eq!(counter.look(&mut both), Err(LoginFailure::ModuleMissing), "the card may be one of the other's");
    assert_eq!(counter.look(&mut helper), Err(LoginFailure::NoToken));
}

#[test]
fn a_module_that_hangs_is_answered_for_and_nothing_else_stops() {
    let Some((drawer, mut counter, mut helper)) = pharmacist() else { return };
    let card = counter.look(&mut helper).unwrap().swap_remove(0);
    drawer.hang().unwrap();
    let leaf = sha256(&card.certificates[0]);
    let hangs = counter.ask_to_sign(&mut helper, &card.token, leaf, Some(PIN));
    helper.next("the readers are watched meanwhile", |said| (said == Said::Alive).then_some(())).unwrap();
    let failed = helper.next("an answer for it", |said| match said {
        Said::Signed { ask, outcome } if ask == hangs => Some(outcome),
        _ => None,
    });
    assert_eq!(failed.unwrap(), Signed::Failed(LoginFailure::Hung));
    let began = Clock::now();
    assert_eq!(counter.look(&mut helper), Err(LoginFailure::Hung));
    assert!(began.elapsed() < Duration::from_secs(2), "at once, while it hangs");
    drawer.go_on().unwrap();
    let back = harness::fleet::until("the module is back", Duration::from_secs(20), || {
        counter.look(&mut helper).ok().map(drop)
    });
    back.unwrap();
    assert_eq!(drawer.log(), [""; 0], "nobody waited for that PIN any more: the card never got it");
    assert!(counter.sign_in(&mut helper, CardKind::Professional, PIN).is_ok());
}

#[test]
fn a_helper_that_is_killed_leaves_the_card_to_the_next_one() {
    let Some((drawer, mut counter, mut helper)) = pharmacist() else { return };
    let card = counter.look(&mut helper).unwrap().swap_remove(0);
    drawer.hang().unwrap();
    counter.ask_to_sign(&mut helper, &card.token, sha256(&card.certificates[0]), Some(PIN));
    helper.kill().unwrap();
    drawer.go_on().unwrap();
    let mut next = drawer.helper(&[]).unwrap();
    assert!(counter.sign_in(&mut next, CardKind::Professional, PIN).is_ok());
    assert_eq!(drawer.log(), ["login", "logout"], "the ask died with its helper");
}

#[test]
fn a_helper_forgets_the_line_of_a_pin() {
    let Some((_drawer, mut counter, mut helper)) = pharmacist() else { return };
    let (in_the_line, wrong) = (HEXLOWER.encode(PIN.as_bytes()), HEXLOWER.encode(WRONG.as_bytes()));
    let token = counter.look(&mut helper).unwrap().swap_remove(0).token;
    for pin in [PIN, WRONG] {
        let _ = counter.sign_in(&mut helper, CardKind::Professional, pin);
        // Nor where nothing comes of it.
        let _ = counter.sign(&mut helper, &token, [0; 32], Some(pin));
    }
    assert!(helper.remembers(b"atoll-card").unwrap(), "there is something to look into");
    for trace in [in_the_line, wrong, WRONG.to_owned()] {
        assert!(!helper.remembers(trace.as_bytes()).unwrap(), "{trace}");
    }
}

/// For a newcomer's first look and for tests of pages.
#[test]
fn a_demonstration_holds_certificate_cards_that_lock_as_real_ones() {
    let country = Country::new();
    let folder = tempfile::tempdir().unwrap();
    let people = folder.path().join("people.json");
    let card = |kind, is_short| {
        let issued = country.of(kind).issue(&Card { is_short, ..Card::of(kind) });
        let (der, key) = (HEXLOWER.encode(&issued.der), HEXLOWER.encode(&issued.key));
        serde_json::json!({ "label": kind.code(), "certificates": [der], "key": key, "pin": PIN })
    };
    let nhi = serde_json::json!({
        "label": "anna", "card": "000000000001", "number": "A123456716", "birth": "0750315", "sex": "M"
    });
    let all = [nhi, card(CardKind::Professional, true), card(CardKind::Institution, false)];
    std::fs::write(&people, serde_json::to_vec(&all).unwrap()).unwrap();
    let mut command = Command::new(binary("atoll-card").unwrap());
    command.arg("--demonstration").arg(&people);
    let (mut helper, mut counter) = (Helper::run(command).unwrap(), country.counter());
    let readers = helper.next("the readers", |said| match said {
        Said::Readers { readers } => Some(readers),
        _ => None,
    });
    let reader = readers.unwrap().swap_remove(0);
    let insert = |helper: &mut Helper, person| helper.ask(&Ask::Insert { reader: reader.clone(), person }).unwrap();
    insert(&mut helper, 0);
    assert_eq!(counter.look(&mut helper), Err(LoginFailure::NoToken), "a NHI card is none");
    insert(&mut helper, 2);
    assert!(counter.sign_in(&mut helper, CardKind::Institution, PIN).is_ok());
    insert(&mut helper, 1);
    assert!(counter.sign_in(&mut helper, CardKind::Professional, PIN).is_ok());
    let mut sign_in = |helper: &mut Helper, pin| counter.sign_in(helper, CardKind::Professional, pin).unwrap_err();
    assert_eq!(sign_in(&mut helper, WRONG), LoginFailure::PinWrong { last_try: false });
    assert_eq!(sign_in(&mut helper, WRONG), LoginFailure::PinWrong { last_try: true });
    assert_eq!(sign_in(&mut helper, WRONG), LoginFailure::PinLocked);
    insert(&mut helper, 1);
    assert_eq!(sign_in(&mut helper, PIN), LoginFailure::PinLocked, "the same card, put in again");
}

/// The whole sign-in again where there is no network at all, judge and all.
#[test]
fn no_network_is_needed() {
    if drawer().is_none() {
        return;
    }
    let whole = "certificates::s17_s18_the_four_certificate_cards_sign_in_each_as_its_own_kind";
    let in_vain = Command::new("unshare").args(["--net", "true"]).status();
    if !in_vain.is_ok_and(|status| status.success()) {
        return skipped("no namespace here without a network");
    }
    let run =
        Command::new("unshare").arg("--net").arg(std::env::current_exe().unwrap()).args(["--exact", whole]).output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

/// A real edge passes the modules on to the helper that it starts.
#[test]
fn an_edge_names_the_modules_to_its_helper() {
    let folder = tempfile::tempdir().unwrap();
    let (helper, heard) = (folder.path().join("helper"), folder.path().join("heard"));
    std::fs::write(&helper, format!("#!/bin/sh\necho \"$@\" > {0}.new; mv {0}.new {0}; exec cat\n", heard.display()))
        .unwrap();
    let made = Command::new("chmod").arg("+x").arg(&helper).status().unwrap();
    assert!(made.success());
    let edge = tool("atoll-edge", &folder.path().join("edge"), MORNING).unwrap();
    edge.run(&["init", "--site", SITE]).unwrap();
    let port = free_tcp_port().unwrap();
    let (listen, helper) = (format!("127.0.0.1:{port}"), helper.display().to_string());
    let arguments =
        ["serve", "--listen", &listen, "--card-helper", &helper, "--card-module", "a.so", "--card-module", "b"];
    let (_serving, _http) = serve(&edge, &arguments, port).unwrap();
    let heard = harness::fleet::until("the helper is started", Duration::from_secs(20), || {
        std::fs::read_to_string(&heard).ok()
    });
    assert_eq!(heard.unwrap().trim(), "--module a.so --module b");
}
