//! A manifest is the hub's word: nobody else's, nothing changed, everything in its order.

use super::super::*;
use super::day;
use crate::ids::Incarnation;
use crate::seal::Secret;
use crate::sign::{Signature, Signer};

fn layer(upto: u64) -> LayerRef {
    LayerRef { id: LayerId([u8::try_from(upto % 251).unwrap(); 32]), bytes: 2_252_000, upto }
}

fn a_day(programme: &str, days: u64, layers: &[u64]) -> Day {
    Day {
        programme: programme.parse().unwrap(),
        day: day() + chrono::Days::new(days),
        key: Secret::new([9; 32]),
        is_closed: layers.len() < 2,
        unheard: 3,
        layers: layers.iter().copied().map(layer).collect(),
    }
}

fn manifest() -> Manifest {
    let days = vec![a_day("kit", 1, &[]), a_day("mask", 0, &[70]), a_day("mask", 1, &[80, 85, 90])];
    Manifest { hub_life: Incarnation([4; 16]), upto: 91, second: 1_580_950_800, days }
}

fn hub() -> Signer {
    Signer::derive(b"hub", b"hub").unwrap()
}

fn refused(change: impl FnOnce(&mut Manifest)) -> BadManifest {
    let mut manifest = manifest();
    change(&mut manifest);
    manifest.sign(&hub()).open(&hub().public()).unwrap_err()
}

#[test]
fn a_manifest_comes_back_as_it_was_signed() {
    let signed = manifest().sign(&hub());
    assert_eq!(signed.open(&hub().public()), Ok(manifest()));
    assert_eq!(*signed.body, manifest().encode());
    assert_eq!(manifest().sign(&hub()), signed, "signing needs no chance");
    let none = Manifest { days: vec![], ..manifest() };
    assert_eq!(Manifest::decode(&none.encode()), Ok(none));
}

#[test]
fn what_another_signed_or_somebody_changed_is_refused() {
    let signed = manifest().sign(&hub());
    let other = Signer::derive(b"another hub", b"hub").unwrap();
    assert_eq!(signed.open(&other.public()), Err(BadManifest::Signature));
    assert_eq!(manifest().sign(&other).open(&hub().public()), Err(BadManifest::Signature));
    for bit in 0..signed.body.len() * 8 {
        let mut body = signed.body.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        let forged = Signed { body: body.into(), ..signed.clone() };
        assert_eq!(forged.open(&hub().public()), Err(BadManifest::Signature), "bit {bit}");
    }
    let forged = Signed { signature: Signature([0; 64]), ..signed.clone() };
    assert_eq!(forged.open(&hub().public()), Err(BadManifest::Signature));
    // A signature that the hub gave for something else.
    let roll = [1; 32];
    let journal = Signed { signature: hub().sign_journal(91, &roll), ..signed };
    assert_eq!(journal.open(&hub().public()), Err(BadManifest::Signature));
}

#[test]
fn a_manifest_of_another_life_is_known_by_it() {
    let old = Manifest { hub_life: Incarnation([5; 16]), ..manifest() };
    let opened = old.sign(&hub()).open(&hub().public()).unwrap();
    assert_ne!(opened.hub_life, manifest().hub_life);
    let older = Manifest { upto: 90, second: manifest().second - 900, ..manifest() };
    let opened = older.sign(&hub()).open(&hub().public()).unwrap();
    assert!((opened.upto, opened.second) < (manifest().upto, manifest().second));
}

#[test]
fn days_and_layers_stand_in_their_order_and_once() {
    assert_eq!(refused(|manifest| manifest.days.swap(1, 2)), BadManifest::Order("days"));
    assert_eq!(refused(|manifest| manifest.days.swap(0, 1)), BadManifest::Order("days"));
    assert_eq!(refused(|manifest| manifest.days[2] = manifest.days[1].clone()), BadManifest::Order("days"));
    assert_eq!(refused(|manifest| manifest.days[2].layers.swap(0, 1)), BadManifest::Order("layers"));
    assert_eq!(refused(|manifest| manifest.days[2].layers[1] = layer(80)), BadManifest::Order("layers"));
    assert_eq!(refused(|manifest| manifest.days[2].layers[2] = layer(92)), BadManifest::Content("layer's position"));
    assert_eq!(refused(|manifest| manifest.upto = 1 << 63), BadManifest::Content("position"));
}

#[test]
fn everything_has_a_limit() {
    let many = |count: u64| (0..count).collect::<Vec<u64>>();
    let full = Manifest { upto: 1000, days: vec![a_day("mask", 0, &many(LAYERS_A_DAY_MAX as u64))], ..manifest() };
    assert_eq!(Manifest::decode(&full.encode()), Ok(full));
    let layers = refused(|manifest| manifest.days[0] = a_day("kit", 1, &many(LAYERS_A_DAY_MAX as u64 + 1)));
    assert_eq!(layers, BadManifest::TooLong("layers"));
    let days = (0..).map(|n| a_day("mask", n, &[]));
    let full = Manifest { days: days.clone().take(DAYS_MAX).collect(), ..manifest() };
    assert_eq!(Manifest::decode(&full.encode()), Ok(full));
    let long = refused(|manifest| manifest.days = days.take(DAYS_MAX + 1).collect());
    assert_eq!(long, BadManifest::TooLong("days"));
    let bytes = u32::try_from(LAYER_BYTES_MAX + 1).unwrap();
    let long = refused(|manifest| manifest.days[1].layers[0].bytes = bytes);
    assert_eq!(long, BadManifest::Content("layer's length"));
    let days = (0..100).map(|n| a_day("mask", n, &many(LAYERS_A_DAY_MAX as u64))).collect();
    let long = Manifest { upto: 1000, days, ..manifest() }.encode();
    assert!(long.len() > MANIFEST_BYTES_MAX);
    assert_eq!(Manifest::decode(&long), Err(BadManifest::TooLong("bytes")));
}

#[test]
fn a_manifest_cut_short_or_of_a_later_version_is_none() {
    let bytes = manifest().encode();
    for length in 0..bytes.len() {
        assert_eq!(Manifest::decode(&bytes[..length]), Err(BadManifest::Truncated), "{length}");
    }
    assert_eq!(Manifest::decode(&[&bytes[..], &[0]].concat()), Err(BadManifest::Behind));
    let mut later = bytes;
    assert_eq!(later[..2], [0x85, 1], "five places, the version first");
    later[1] = 2;
    assert_eq!(Manifest::decode(&later), Err(BadManifest::Version(2)));
}

/// A later version of the same manifest appends a place, and this one skips it.
#[test]
fn a_place_that_is_not_known_is_skipped() {
    let mut bytes = manifest().encode();
    bytes[0] = 0x86;
    bytes.extend([0x82, 1, 2]);
    assert_eq!(Manifest::decode(&bytes), Ok(manifest()));
}

#[test]
fn a_log_tells_no_key() {
    let shown = format!("{:?}{:?}", manifest(), manifest().sign(&hub()));
    assert!(shown.contains("Secret(…)") && !shown.contains("9, 9, 9"), "{shown}");
}
