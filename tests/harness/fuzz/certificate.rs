//! The certificates of a card: whatever somebody writes on a chip and hands over the counter.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use edge::cards::certificate::{Issuer, Policy, Trust, judge};
use edge::cards::login::LoginFailure;
use shared::entry::Instant;
use shared::entry::access::RevokedCards;
use shared::rules::access::card::CardKind;

/// An authority whose key nobody has any more.
const AUTHORITY: &str = "3082016330820109a00302010202146bfbd130ac52100aec5ad130b21c26d64cc62d3b300a06082a8648ce3d040302300e310c300a060355\
    04030c03484341301e170d3130303130313030303030305a170d3430303130313030303030305a300e310c300a06035504030c0348434130\
    59301306072a8648ce3d020106082a8648ce3d03010703420004c9390348f4639c0e034c267d2570b226dd706e69de7e87e3d4410f796e5e\
    1b6312578add106e5512a02ab78df71b3ff3ef78bfd01444ef7248ef46c6c94e194ca3453043300e0603551d0f0101ff040403020106301d\
    0603551d0e041604146358c229300b48eb678386bbd03531b9eb77332d30120603551d130101ff040830060101ff020100300a06082a8648\
    ce3d040302034800304502202a4c75877b207f3fef9eeb9fbea50984a73d4b6829cb4af2e8eb82ab4ea8fa9a022100998d52516dcec232f7\
    94da0b9d41d78c18b3cfba8dcf7f337494bd61a8977077";
/// The two cards that it made: a professional's and an institution's.
const PROFESSIONAL: &str = "308201463081eea00302010202045a010203300a06082a8648ce3d040302300e310c300a06035504030c03484341301e170d323030313031\
    3030303030305a170d3231303130313030303030305a30143112301006035504030c09e78e8be5b08fe6988e3059301306072a8648ce3d02\
    0106082a8648ce3d03010703420004f9c19387586578334af8147bd9ebc0c7ffc68ac89f3fc4392b9dec0a8b0fc338388f6f4e0be9e35156\
    a9cb2a3110819e73f699626dc32494732dff2aa7fd2f3ca3343032300e0603551d0f0101ff04040302078030200603551d09041930173015\
    060760867601640201310a06086086760164030107300a06082a8648ce3d040302034700304402203fd452f651067881f24a19d7a8c2f74c\
    ada8db76f30877d327464029bb418d8902202110cdf8f9159b8529a519c95dc6080bfb9c8d31a6e89826829f2312381ed279";
const INSTITUTION: &str = "3082016130820106a00302010202045a010203300a06082a8648ce3d040302300e310c300a06035504030c03484341301e170d3230303130\
    313030303030305a170d3231303130313030303030305a302c3115301306035504030c0ce6b8ace8a9a6e897a5e5b1803113301106035504\
    050c0a353933313130323237343059301306072a8648ce3d020106082a8648ce3d03010703420004033b3f03e9d0627965aee56d24811af1\
    a3752e753c9a64201ec9e66ee51f82bb1b1ab98112149bc7186d4bdd79d3c458b7d87fd71009b1947334c06bbf7e183fa3343032300e0603\
    551d0f0101ff04040302078030200603551d09041930173015060760867601640201310a06086086760164030215300a06082a8648ce3d04\
    03020349003046022100a0e1fb5316c8ef3e8a0c232cf8fdf8b89e66e961f983572389bbd6d3d3febe09022100874753e345245d2d0b7cbe\
    9da405f4cc5fc4d5dca2be4752c18b9fdf94e74de6";
/// 2020-02-06, nine o'clock in the morning.
const NOW: Instant = Instant { second: 1_580_950_800, doubt_s: 30 };

static CARDS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [PROFESSIONAL, INSTITUTION].map(bytes));
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let kinds = vec![CardKind::Professional, CardKind::Institution];
    Trust::new(vec![Issuer { kinds, certificate: bytes(AUTHORITY) }]).expect("an authority")
});

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")
}

/// A certificate as it stands: nobody is believed but whom the authority made a card for.
pub(super) fn holds(input: &[u8]) {
    let lists: Vec<_> =
        TRUST.issuers().map(|(_, id)| RevokedCards { issuer: *id, as_of: NOW.second, cards: vec![] }).collect();
    for kind in [CardKind::Professional, CardKind::Institution] {
        // A card may hold others beside it, and whatever they are they change nothing.
        let on_the_card = [bytes(AUTHORITY), input.to_vec()];
        let judged = judge(&on_the_card, kind, &TRUST, &lists, NOW, &Policy::default());
        let made = CARDS.iter().any(|card| card == input);
        match judged {
            Ok(identity) => {
                assert!(made, "believed, and nobody made it");
                assert_eq!(identity.kind, kind);
                assert!(!format!("{identity:?}").contains(&identity.common_name), "a log would name somebody");
            }
            Err(LoginFailure::WrongKind { is }) => assert!(is != kind && made),
            Err(failure) => assert!(!made && !failure.zh().is_empty() && !failure.en().is_empty()),
        }
    }
    if let Ok(trust) = Trust::new(vec![Issuer { kinds: vec![CardKind::Citizen], certificate: input.to_vec() }]) {
        assert_eq!(trust.issuers().count(), 1);
        assert!(!CARDS.iter().any(|card| card == input), "a card was taken for an authority");
    }
}

/// The authority and its cards.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    CARDS.iter().cloned().chain([bytes(AUTHORITY)]).collect()
}
