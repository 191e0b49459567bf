//! Layers and manifests: bytes of strangers, and layers of our own beside a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use shared::digest::{
    Day, Found, Header, Layer, LayerId, LayerRef, MANIFEST_BYTES_MAX, Manifest, State, WIDTH_MAX, WIDTH_MIN, encode,
    find,
};
use shared::entry::Pieces;
use shared::ids::Incarnation;
use shared::seal::Secret;

use super::choices::Choices;

/// The first byte says which; the three ways begin with 0, 1 and 2.
pub(super) fn holds(input: &[u8]) {
    let mut choices = Choices::new(input);
    let which = choices.below(3);
    let rest = input.get(1..).unwrap_or_default();
    match which {
        0 => layer(rest),
        1 => manifest(rest),
        _ => days(&mut choices),
    }
}

/// A layer that is read is the one that would have been written, and says what it holds.
fn layer(bytes: &[u8]) {
    let Ok(layer) = Layer::open(bytes.into()) else { return };
    let width = layer.header().width;
    assert!((WIDTH_MIN..=WIDTH_MAX).contains(&width) && layer.header().after <= layer.header().upto);
    let said: Vec<(u64, Found)> = layer.iter().collect();
    assert_eq!(said.len() as u64, layer.people() + layer.gone());
    // Each takes at least a bit; an input is not longer than a letter.
    assert!(said.len() <= bytes.len() * 8 && layer.memory_bytes() <= bytes.len() * 5 + 1024);
    let changes = said.iter().map(|(prefix, found)| (prefix << (64 - width), state(*found)));
    assert_eq!(encode(layer.header(), &changes.collect()), bytes, "not in its one form");
    let said: BTreeMap<u64, Found> = said.into_iter().collect();
    check(&[Arc::new(layer)], &said, width);
}

fn state(found: Found) -> State {
    match found {
        Found::Counts(pieces) => State::Counts(pieces.unwrap_or_default()),
        Found::Gone => State::Gone,
    }
}

/// Every prefix, and those beside it, as the map says.
fn check(layers: &[Arc<Layer>], said: &BTreeMap<u64, Found>, width: u8) {
    let step = said.len().div_ceil(400).max(1);
    let last = u64::MAX >> (64 - width);
    let ends = [0, last];
    let asked = said.keys().step_by(step).flat_map(|prefix| [*prefix, prefix.wrapping_add(1), prefix.wrapping_sub(1)]);
    for prefix in asked.chain(ends).filter(|prefix| *prefix <= last) {
        // Whatever stands behind the prefix does not matter.
        for fingerprint in [prefix << (64 - width), (prefix << (64 - width)) | (u64::MAX >> width)] {
            assert_eq!(find(layers, fingerprint), said.get(&prefix).copied(), "{fingerprint:016x} of {width} bits");
        }
    }
}

/// A manifest that is read says the same once it is written again, and keeps its order.
fn manifest(bytes: &[u8]) {
    let Ok(manifest) = Manifest::decode(bytes) else { return };
    let again = manifest.encode();
    assert!(again.len() <= MANIFEST_BYTES_MAX && again.len() <= bytes.len(), "its shortest form is longer");
    assert_eq!(Manifest::decode(&again).as_ref(), Ok(&manifest));
    assert!(manifest.days.is_sorted_by_key(|day| (&day.programme, day.day)));
    let layers = manifest.days.iter().flat_map(|day| &day.layers);
    assert!(layers.into_iter().all(|layer| layer.upto <= manifest.upto));
}

/// A day's layers, each beside a plain map.
fn days(choices: &mut Choices<'_>) {
    let width = *choices.pick(&[WIDTH_MIN, 21, 32, 33, 37, 40, 41, WIDTH_MAX]);
    let has_pieces = choices.flag();
    let mut layers = Vec::new();
    let mut said = BTreeMap::new();
    for upto in 0..=choices.below(4) as u64 {
        let changes = changes(choices);
        let header = header(width, has_pieces, upto);
        let bytes = encode(&header, &changes);
        let opened = Layer::open(bytes.as_slice().into()).expect("what we wrote");
        assert_eq!(opened.header(), &header);
        said.extend(model(width, has_pieces, &changes));
        layers.push(Arc::new(opened));
        self::layer(&bytes);
        changed(choices, bytes);
    }
    check(&layers, &said, width);
}

fn changes(choices: &mut Choices<'_>) -> BTreeMap<u64, State> {
    let mut out = BTreeMap::new();
    for _ in 0..choices.below(160) {
        if choices.is_empty() {
            break;
        }
        let fingerprint = choices.number().rotate_left(u32::from(choices.byte()) % 64);
        let state = match choices.byte() {
            0..=50 => State::Gone,
            51..=240 => State::Counts(Pieces { adult: choices.byte().into(), child: 0 }),
            _ => State::Counts(Pieces { adult: choices.number32(), child: choices.number32() }),
        };
        out.insert(fingerprint, state);
    }
    out
}

/// By prefix, who counts and who is gone: the rules of a layer once more.
fn model(width: u8, has_pieces: bool, changes: &BTreeMap<u64, State>) -> BTreeMap<u64, Found> {
    let mut out: BTreeMap<u64, Option<Pieces>> = BTreeMap::new();
    for (fingerprint, state) in changes {
        let known = out.entry(fingerprint >> (64 - width)).or_default();
        if let State::Counts(more) = state {
            *known = Some(known.unwrap_or_default().plus(*more));
        }
    }
    let found = |counts: Option<Pieces>| counts.map_or(Found::Gone, |of| Found::Counts(has_pieces.then_some(of)));
    out.into_iter().map(|(prefix, counts)| (prefix, found(counts))).collect()
}

/// A changed layer is none, or another one in its own one form.
fn changed(choices: &mut Choices<'_>, mut bytes: Vec<u8>) {
    let id = LayerId::of(&bytes);
    let at = choices.below(bytes.len());
    bytes[at] ^= choices.byte().max(1);
    assert!(Layer::open(bytes.as_slice().into()).map_or(true, |other| other.id() != id));
    layer(&bytes);
}

fn header(width: u8, has_pieces: bool, upto: u64) -> Header {
    Header { programme: "mask".parse().expect("a name"), day: day(), width, has_pieces, after: upto, upto: upto + 1 }
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 2, 6).expect("a day")
}

/// A layer of each form, manifests, and a day that is built.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let people = (1..=70u64).map(|n| {
        let adult = u32::from(n % 7 == 0) + 2;
        let state = if n % 9 == 0 { State::Gone } else { State::Counts(Pieces { adult, child: 0 }) };
        (n.wrapping_mul(0x9e37_79b9_7f4a_7c15), state)
    });
    let people: BTreeMap<u64, State> = people.collect();
    let forms = [(20, false), (20, true), (40, false), (40, true), (60, true)];
    let layers = forms.map(|(width, has_pieces)| [&[0], &encode(&header(width, has_pieces, 5), &people)[..]].concat());
    let nobody = [&[0], &encode(&header(40, true, 5), &BTreeMap::new())[..]].concat();
    let manifests = [0, 1, 3].map(|days| [&[1], &published(days).encode()[..]].concat());
    let built = (0..4u8).map(|n| {
        let mut out = vec![2, n * 2, n, 2];
        out.extend((0..200u8).map(|byte| byte.wrapping_mul(37).wrapping_add(n)));
        out
    });
    layers.into_iter().chain([nobody]).chain(manifests).chain(built).collect()
}

fn published(days: u64) -> Manifest {
    let layer = |upto: u64| LayerRef { id: LayerId([7; 32]), bytes: 2_252_000, upto };
    let a_day = |n: u64| Day {
        programme: "mask".parse().expect("a name"),
        day: day() + Days::new(n),
        key: Secret::new([9; 32]),
        is_closed: n == 0,
        unheard: 3,
        layers: (0..n).map(|layers| layer(80 + layers)).collect(),
    };
    let days = (0..days).map(a_day).collect();
    Manifest { hub_life: Incarnation([4; 16]), upto: 91, second: 1_580_950_800, days }
}
