//! The judge before cards of every kind, by the manual's words and by what an attacker would put on a card.

use std::slice::from_ref;

use data_encoding::BASE64;
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use shared::rules::calendar::second_of;

use super::*;
use CardKind::{Citizen, Government, Institution, Professional};
use LoginFailure::{Clock, Expired, ListTooOld, NotACertificateCard, NotYet, Revoked, UnknownIssuer, WrongKind};

#[expect(unreachable_pub, reason = "the system's tests take it in too")]
mod issued;
mod old;

use issued::{Authority, Card, Issued, oid, printable, tlv};

/// 2020-02-06, nine o'clock in the morning.
fn morning() -> Instant {
    Instant { second: at(6), doubt_s: 30 }
}

fn at(day: u32) -> i64 {
    second_of(chrono::NaiveDate::from_ymd_opt(2020, 2, day).unwrap().and_hms_opt(9, 0, 0).unwrap())
}

/// The authorities of the four kinds: one makes both those of the health professions.
struct Country {
    health: Authority,
    citizens: Authority,
    government: Authority,
    trust: Trust,
    lists: Vec<RevokedCards>,
}

impl Country {
    fn new() -> Self {
        let [health, citizens, government] = ["HCA", "MOICA", "GCA"].map(Authority::new);
        let pin = |kinds: &[CardKind], of: &Authority| Issuer { kinds: kinds.to_vec(), certificate: of.der.clone() };
        let trust = Trust::new(vec![
            pin(&[Professional, Institution], &health),
            pin(&[Citizen], &citizens),
            pin(&[Government], &government),
        ])
        .unwrap();
        let fresh = |(_, id): (&Issuer, &[u8; 32])| RevokedCards { issuer: *id, as_of: at(6) - 3_600, cards: vec![] };
        let lists = trust.issuers().map(fresh).collect();
        Self { health, citizens, government, trust, lists }
    }

    fn of(&self, kind: CardKind) -> &Authority {
        match kind {
            Professional | Institution => &self.health,
            Citizen | CardKind::Nhi | CardKind::Envelope => &self.citizens,
            Government => &self.government,
        }
    }

    fn judge(&self, card: &Issued, wanted: CardKind) -> Result<CardIdentity, LoginFailure> {
        self.judge_at(card, wanted, morning())
    }

    fn judge_at(&self, card: &Issued, wanted: CardKind, now: Instant) -> Result<CardIdentity, LoginFailure> {
        judge(from_ref(&card.der), wanted, &self.trust, &self.lists, now, &Policy::default())
    }

    /// A card that is wrong in one way only.
    fn failure(&self, kind: CardKind, wrong: impl FnOnce(&mut Card)) -> LoginFailure {
        let mut card = Card::of(kind);
        wrong(&mut card);
        self.judge(&self.of(kind).issue(&card), kind).unwrap_err()
    }
}

#[test]
fn s13_each_of_the_four_certificate_cards_says_whose_it_is() {
    let country = Country::new();
    for (kind, name, tail, unit) in [
        (Professional, "王小明", None, None),
        (Institution, "測試藥局", None, Some("5931102274")),
        (Citizen, "陳美玲", Some("6734"), None),
        (Government, "測試衛生所", None, Some("2.16.886.101.20003.20001")),
    ] {
        let card = country.of(kind).issue(&Card::of(kind));
        let identity = country.judge(&card, kind).unwrap();
        assert_eq!((identity.kind, identity.common_name.as_str()), (kind, name));
        assert_eq!((identity.id_tail.as_deref(), identity.unit.as_deref()), (tail, unit));
        assert_eq!((identity.leaf, identity.serial.as_slice()), (sha256(&card.der), &[0x5A, 1, 2, 3][..]));
        assert_eq!((identity.not_after, identity.list_days_old), (1_609_459_200, None));
        assert!(country.trust.issuers().any(|(issuer, id)| *id == identity.issuer && issuer.kinds.contains(&kind)));
        let shown = format!("{identity:?}");
        assert!(!shown.contains(name) && !shown.contains("6734"), "a log names nobody: {shown}");
        for other in CardKind::ALL.into_iter().filter(|other| *other != kind) {
            assert_eq!(country.judge(&card, other), Err(WrongKind { is: kind }), "S17, S18: {kind} is no {other}");
        }
    }
}

#[test]
fn a_card_has_other_certificates_and_the_one_to_sign_by_is_found() {
    let country = Country::new();
    let encrypts = Card { usages: vec![KeyUsagePurpose::KeyEncipherment], ..Card::of(Citizen) };
    let signs = country.citizens.issue(&Card::of(Citizen));
    let all =
        [country.citizens.issue(&encrypts).der, country.citizens.der.clone(), b"none".to_vec(), signs.der.clone()];
    let judged = judge(&all, Citizen, &country.trust, &country.lists, morning(), &Policy::default()).unwrap();
    assert_eq!(judged.leaf, sha256(&signs.der));
    let judged = judge(&all[..3], Citizen, &country.trust, &country.lists, morning(), &Policy::default());
    assert_eq!(judged, Err(NotACertificateCard));
    assert_eq!(judge(&[], Citizen, &country.trust, &[], morning(), &Policy::default()), Err(NotACertificateCard));
    // Of two that are refused the one that is further on speaks.
    let expired = country.citizens.issue(&Card { to: (2020, 1, 2), ..Card::of(Citizen) });
    let strange = Authority::new("nobody").issue(&Card::of(Citizen));
    for all in [[&strange, &expired], [&expired, &strange]] {
        let all = all.map(|card| card.der.clone());
        assert_eq!(judge(&all, Citizen, &country.trust, &country.lists, morning(), &Policy::default()), Err(Expired));
    }
}

#[test]
fn what_is_not_to_sign_in_by_is_none() {
    let country = Country::new();
    let failure = |wrong: fn(&mut Card)| country.failure(Professional, wrong);
    assert_eq!(failure(|card| card.usages.clear()), NotACertificateCard, "nobody says that it signs");
    assert_eq!(failure(|card| card.usages = vec![KeyUsagePurpose::ContentCommitment]), NotACertificateCard);
    assert_eq!(failure(|card| card.purposes = vec![ExtendedKeyUsagePurpose::ServerAuth]), NotACertificateCard);
    assert_eq!(failure(|card| card.attributes.clear()), NotACertificateCard, "of an issuer of two kinds neither");
    assert_eq!(
        failure(|card| card.attributes = vec![(issued::SUBJECT_TYPE, oid(&[2, 16, 886, 9]))]),
        NotACertificateCard
    );
}

#[test]
fn a_card_cannot_make_itself_another_kind_than_its_issuer_makes() {
    let country = Country::new();
    let pharmacist = Card { attributes: Card::of(Professional).attributes, ..Card::of(Citizen) };
    let card = country.citizens.issue(&pharmacist);
    assert_eq!(country.judge(&card, Professional), Err(UnknownIssuer));
    assert_eq!(country.judge(&card, Citizen), Err(UnknownIssuer));
}

#[test]
fn an_issuer_that_only_calls_itself_so_is_unknown() {
    let country = Country::new();
    let forged = Authority::new("HCA").issue(&Card::of(Professional));
    assert_eq!(country.judge(&forged, Professional), Err(UnknownIssuer));
    let mut flipped = country.health.issue(&Card::of(Professional));
    *flipped.der.last_mut().unwrap() ^= 1;
    assert_eq!(country.judge(&flipped, Professional), Err(UnknownIssuer));
    let own = Authority::new("HCA").der;
    assert_eq!(country.judge(&Issued { der: own, key: vec![] }, Professional), Err(NotACertificateCard));
    let nobody = Trust::default();
    let card = country.health.issue(&Card::of(Professional));
    let judged = judge(&[card.der], Professional, &nobody, &country.lists, morning(), &Policy::default());
    assert_eq!(judged, Err(UnknownIssuer));
}

#[test]
fn sha_1_is_refused_where_sha_256_by_the_same_issuer_is_not() {
    let [authority, by_sha1, by_sha256] =
        [old::AUTHORITY, old::BY_SHA1, old::BY_SHA256].map(|text| BASE64.decode(text.as_bytes()).unwrap());
    let trust = Trust::new(vec![Issuer { kinds: vec![Citizen], certificate: authority }]).unwrap();
    let list = RevokedCards { issuer: *trust.issuers().next().unwrap().1, as_of: 1_800_000_000, cards: vec![] };
    let now = Instant { second: 1_800_000_000, doubt_s: 1 };
    let judge = |der: Vec<u8>| judge(&[der], Citizen, &trust, from_ref(&list), now, &Policy::default());
    assert_eq!(judge(by_sha256).unwrap().common_name, "Old card");
    assert_eq!(judge(by_sha1), Err(UnknownIssuer));
}

#[test]
fn an_rsa_key_signs_as_a_short_one_does_and_another_message_is_not_signed() {
    let country = Country::new();
    let card = country.citizens.issue(&Card { is_short: false, ..Card::of(Citizen) });
    let identity = country.judge(&card, Citizen).unwrap();
    let key = aws_lc_rs::signature::RsaKeyPair::from_pkcs8(&card.key).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    key.sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, b"challenge", &mut signature).unwrap();
    assert_eq!(check_signature(&identity, b"challenge", &signature), Ok(()));
    assert_eq!(check_signature(&identity, b"another", &signature), Err(LoginFailure::BadSignature));
}

#[test]
fn validity_is_judged_with_the_doubt_of_the_clock() {
    let country = Country::new();
    let card = country.citizens.issue(&Card { from: (2020, 2, 6), to: (2020, 2, 8), ..Card::of(Citizen) });
    let [from, to] = [1_580_947_200, 1_581_120_000];
    for (second, doubt_s, wanted) in [
        (from, 0, None),
        (from - 1, 0, Some(NotYet)),
        (from + 60, 61, Some(Clock)),
        (from + 60, 60, None),
        (from - 100, 99, Some(NotYet)),
        (to, 0, None),
        (to + 1, 0, Some(Expired)),
        (to - 60, 61, Some(Clock)),
        (to + 100, 99, Some(Expired)),
        (from + 86_400, 86_401, Some(Clock)),
        (from, u32::MAX, Some(Clock)),
        (i64::MAX, 1, Some(Expired)),
        (i64::MIN, 1, Some(Clock)),
    ] {
        let mut country = Country { trust: country.trust.clone(), lists: country.lists.clone(), ..Country::new() };
        country.lists.iter_mut().for_each(|list| list.as_of = from - 86_400);
        let policy = Policy { stale_days_max: u32::MAX, ..Policy::default() };
        let now = Instant { second, doubt_s };
        let judged = judge(from_ref(&card.der), Citizen, &country.trust, &country.lists, now, &policy);
        assert_eq!(judged.err(), wanted, "{second} ± {doubt_s}");
    }
}

#[test]
fn a_clock_that_lies_behind_what_an_issuer_said_is_not_believed() {
    let mut country = Country::new();
    let card = country.health.issue(&Card::of(Professional));
    let behind = Instant { second: at(6) - 10 * DAY_S, doubt_s: 60 };
    assert_eq!(country.judge_at(&card, Professional, behind), Err(Clock));
    country.lists.iter_mut().for_each(|list| list.as_of = behind.second);
    assert!(country.judge_at(&card, Professional, behind).is_ok());
}

#[test]
fn a_revoked_card_is_refused_however_its_number_is_spelled_and_only_that_of_its_issuer() {
    let mut country = Country::new();
    let card = country.citizens.issue(&Card { serial: vec![0xC1, 7, 0, 9], ..Card::of(Citizen) });
    let other = country.citizens.issue(&Card { serial: vec![7, 0, 9], ..Card::of(Citizen) });
    let id = country.judge(&card, Citizen).unwrap().issuer;
    let since = at(3);
    for spelled in [vec![0xC1, 7, 0, 9], vec![0, 0xC1, 7, 0, 9], vec![0, 0, 0xC1, 7, 0, 9]] {
        for list in &mut country.lists {
            list.cards = if list.issuer == id { vec![(vec![1], 0), (spelled.clone(), since)] } else { vec![] };
        }
        assert_eq!(country.judge(&card, Citizen), Err(Revoked { since }));
        assert!(country.judge(&other, Citizen).is_ok());
    }
    for list in &mut country.lists {
        list.cards = if list.issuer == id { vec![] } else { vec![(vec![0xC1, 7, 0, 9], since)] };
    }
    assert!(country.judge(&card, Citizen).is_ok(), "the same number of another issuer");
    // Whoever is revoked stays so, whatever a later list forgets.
    country.lists.push(RevokedCards { issuer: id, as_of: at(1), cards: vec![(vec![0xC1, 7, 0, 9], since)] });
    assert_eq!(country.judge(&card, Citizen), Err(Revoked { since }));
}

#[test]
fn an_old_list_is_borne_and_noted_and_a_very_old_one_is_not() {
    let mut country = Country::new();
    let card = country.citizens.issue(&Card::of(Citizen));
    let lenient = Policy { stale_days_max: u32::MAX, ..Policy::default() };
    let hour = 3_600;
    for (age, noted, strict) in [
        (0, None, None),
        (2 * DAY_S - hour, None, None),
        (2 * DAY_S + hour, Some(2), None),
        (8 * DAY_S - hour, Some(7), None),
        (8 * DAY_S + hour, Some(8), Some(ListTooOld { days: 8 })),
    ] {
        country.lists.iter_mut().for_each(|list| list.as_of = morning().second - age);
        let judge = |policy| judge(from_ref(&card.der), Citizen, &country.trust, &country.lists, morning(), policy);
        assert_eq!(judge(&lenient).unwrap().list_days_old, noted, "{age}");
        assert_eq!(judge(&Policy::default()).err(), strict, "{age}");
    }
    country.lists.clear();
    assert_eq!(country.judge(&card, Citizen), Err(ListTooOld { days: u32::MAX }), "none ever came");
}

#[test]
fn only_authorities_are_pinned() {
    let country = Country::new();
    let authority = || country.health.der.clone();
    let card = country.health.issue(&Card::of(Professional)).der;
    for (kinds, certificate) in [
        (vec![Professional], card),
        (vec![Professional], b"none".to_vec()),
        (vec![Professional], [authority(), vec![0]].concat()),
        (vec![], authority()),
        (vec![Professional, CardKind::Nhi], authority()),
    ] {
        let good = Issuer { kinds: vec![Professional], certificate: authority() };
        assert_eq!(Trust::new(vec![good, Issuer { kinds, certificate }]), Err(BadIssuer { place: 1 }));
    }
}

#[test]
fn names_are_cleaned_and_cut_and_codes_that_are_none_are_left_out() {
    let country = Country::new();
    let identity = |card: Card| country.judge(&country.citizens.issue(&card), Citizen).unwrap();
    let name = format!("王\u{202E}小\u{7}明\u{200B}{}", "x".repeat(100));
    let shown = identity(Card { name, ..Card::of(Citizen) }).common_name;
    assert_eq!(shown, format!("王小明{}", "x".repeat(61)));
    for (value, tail) in [
        (printable("6734"), Some("6734")),
        (tlv(0x0C, b"6734"), Some("6734")),
        (tlv(0x1E, &[0, b'6', 0, b'7', 0, b'3', 0, b'4']), Some("6734")),
        (tlv(0x1E, &[0, b'6', 0]), None),
        (printable("A123456734"), None),
        (tlv(0x0C, &[0xFF; 4]), None),
        (tlv(0x04, b"6734"), None),
        (vec![], None),
    ] {
        let card = Card { attributes: vec![(issued::ID_TAIL, value.clone())], ..Card::of(Citizen) };
        assert_eq!(identity(card).id_tail.as_deref(), tail, "{value:02x?}");
    }
    let many = Card { attributes: vec![(issued::AGENCY, printable("x")); 33], ..Card::of(Citizen) };
    assert_eq!(identity(many).unit, None, "more than any card has");
}

#[test]
fn no_byte_of_a_certificate_breaks_the_judge() {
    let country = Country::new();
    let good = country.health.issue(&Card::of(Institution)).der;
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            let judged = country.judge(&Issued { der: bad, key: vec![] }, Institution);
            assert!(judged.is_err(), "byte {at} is not covered by the signature");
        }
        assert!(country.judge(&Issued { der: good[..at].to_vec(), key: vec![] }, Institution).is_err());
    }
    let long = [good.as_slice(), &vec![0; CERTIFICATE_BYTES_MAX]].concat();
    assert_eq!(country.judge(&Issued { der: long, key: vec![] }, Institution), Err(NotACertificateCard));
}
