//! What was put into a layer is found in it, nothing else is taken for one, and it is as small as was promised.

use proptest::prelude::*;

use super::*;
use std::collections::{BTreeMap, BTreeSet};

mod manifests;

/// Random numbers, always the same (splitmix64).
pub(super) fn random(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 2, 6).unwrap()
}

fn header(width: u8, has_pieces: bool) -> Header {
    Header { programme: "mask".parse().unwrap(), day: day(), width, has_pieces, after: 3, upto: 900 }
}

fn open(bytes: Vec<u8>) -> Result<Layer, BadLayer> {
    Layer::open(bytes.into())
}

fn pieces(adult: u32, child: u32) -> Pieces {
    Pieces { adult, child }
}

/// So many people, each with two pieces.
fn people(count: usize, seed: u64) -> BTreeMap<u64, State> {
    random(seed).take(count).map(|fingerprint| (fingerprint, State::Counts(pieces(2, 0)))).collect()
}

/// What the layer must say, by prefix: the same rules, written once more.
fn model(width: u8, has_pieces: bool, changes: &BTreeMap<u64, State>) -> BTreeMap<u64, Found> {
    let prefixes: BTreeSet<u64> = changes.keys().map(|fingerprint| fingerprint >> (64 - width)).collect();
    let said = |prefix: u64| {
        let counting: Vec<Pieces> = changes
            .iter()
            .filter(|(fingerprint, _)| **fingerprint >> (64 - width) == prefix)
            .filter_map(|(_, state)| match state {
                State::Counts(pieces) => Some(*pieces),
                State::Gone => None,
            })
            .collect();
        let sum = |of: fn(&Pieces) -> u32| counting.iter().map(of).fold(0, u32::saturating_add);
        match counting.len() {
            0 => Found::Gone,
            _ => Found::Counts(has_pieces.then(|| pieces(sum(|p| p.adult), sum(|p| p.child)))),
        }
    };
    prefixes.into_iter().map(|prefix| (prefix, said(prefix))).collect()
}

fn check(header: &Header, changes: &BTreeMap<u64, State>) {
    let bytes = encode(header, changes);
    let layer = open(bytes.clone()).unwrap();
    assert_eq!(layer.header(), header);
    let model = model(header.width, header.has_pieces, changes);
    assert_eq!(layer.iter().collect::<BTreeMap<_, _>>(), model);
    assert_eq!(layer.people() + layer.gone(), model.len() as u64);
    assert_eq!(layer.gone(), model.values().filter(|found| **found == Found::Gone).count() as u64);
    for fingerprint in changes.keys() {
        let prefix = fingerprint >> (64 - header.width);
        assert_eq!(layer.find(*fingerprint), model.get(&prefix).copied(), "{fingerprint:x}");
        let beside = (prefix ^ 1) << (64 - header.width);
        assert_eq!(layer.find(beside), model.get(&(prefix ^ 1)).copied(), "beside {fingerprint:x}");
    }
    for fingerprint in [0, u64::MAX] {
        assert_eq!(layer.find(fingerprint), model.get(&(fingerprint >> (64 - header.width))).copied());
    }
    assert_eq!((layer.size_bytes(), layer.id()), (bytes.len(), LayerId::of(&bytes)));
    assert_eq!(rewritten(&layer), bytes, "what it says, written again");
}

fn state() -> impl Strategy<Value = State> {
    let few = (0..4u32, 0..3u32).prop_map(|(adult, child)| State::Counts(pieces(adult, child)));
    let any = (any::<u32>(), any::<u32>()).prop_map(|(adult, child)| State::Counts(pieces(adult, child)));
    prop_oneof![6 => few, 1 => any, 2 => Just(State::Gone)]
}

/// Fingerprints of which many share their first bits.
fn fingerprint() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), (0..40u64, any::<u8>()).prop_map(|(high, low)| (high << 40) | u64::from(low))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_layer_says_what_was_put_into_it(
        changes in proptest::collection::btree_map(fingerprint(), state(), 0..300),
        width in WIDTH_MIN..=WIDTH_MAX,
        has_pieces: bool,
    ) {
        check(&header(width, has_pieces), &changes);
    }
}

#[test]
fn layers_of_nobody_one_two_and_many() {
    for has_pieces in [false, true] {
        for width in [WIDTH_MIN, 40, WIDTH_MAX] {
            for count in [0, 1, 2, 63, 64, 65, 128, 129, 1000] {
                check(&header(width, has_pieces), &people(count, 1));
            }
            let ends = [(0, State::Gone), (u64::MAX, State::Counts(pieces(1, 1)))];
            check(&header(width, has_pieces), &ends.into());
            check(&header(width, has_pieces), &[(7, State::Gone)].into());
        }
    }
    // Nobody has the same number of pieces as another.
    let all = (0..1000).zip(random(2)).map(|(n, fingerprint)| (fingerprint, State::Counts(pieces(n, u32::MAX - n))));
    check(&header(40, true), &all.collect());
}

#[test]
fn equal_prefixes_fall_together_and_who_counts_wins() {
    let one = |states: &[State]| {
        let changes = (1..).zip(states.iter().copied()).collect();
        open(encode(&header(40, true), &changes)).unwrap().find(9)
    };
    let counts = |adult, child| State::Counts(pieces(adult, child));
    assert_eq!(one(&[State::Gone, counts(2, 1)]), Some(Found::Counts(Some(pieces(2, 1)))));
    assert_eq!(one(&[counts(2, 1), State::Gone]), Some(Found::Counts(Some(pieces(2, 1)))));
    assert_eq!(one(&[counts(2, 1), counts(3, 0), State::Gone]), Some(Found::Counts(Some(pieces(5, 1)))));
    assert_eq!(one(&[counts(u32::MAX, 0), counts(1, 0)]), Some(Found::Counts(Some(pieces(u32::MAX, 0)))));
    assert_eq!(one(&[State::Gone, State::Gone]), Some(Found::Gone));
    assert_eq!(one(&[]), None);
}

#[test]
fn the_newest_layer_that_says_something_is_right() {
    let layer = |changes: &[(u64, State)]| {
        let spread = changes.iter().map(|(who, state)| (who << 40, *state)).collect();
        Arc::new(open(encode(&header(40, true), &spread)).unwrap())
    };
    let counts = |adult| State::Counts(pieces(adult, 0));
    let digest = layer(&[(1, counts(2)), (2, counts(2)), (3, State::Gone)]);
    let first = layer(&[(1, State::Gone), (4, counts(1))]);
    let second = layer(&[(1, counts(5)), (3, counts(1)), (4, State::Gone)]);
    let layers = [digest, first, second];
    let found = |upto: usize, who: u64| find(&layers[..upto], who << 40);
    let counts = |adult| Some(Found::Counts(Some(pieces(adult, 0))));
    assert_eq!([1, 2, 3].map(|upto| found(upto, 1)), [counts(2), Some(Found::Gone), counts(5)]);
    assert_eq!([1, 2, 3].map(|upto| found(upto, 2)), [counts(2); 3]);
    assert_eq!([1, 2, 3].map(|upto| found(upto, 3)), [Some(Found::Gone), Some(Found::Gone), counts(1)]);
    assert_eq!([1, 2, 3].map(|upto| found(upto, 4)), [None, counts(1), Some(Found::Gone)]);
    assert_eq!((found(3, 5), find(&[], 1)), (None, None));
}

#[test]
fn the_width_keeps_a_days_false_hits_below_one_in_a_million() {
    let widths = [(0, 20), (1, 20), (2, 21), (825_000, 40), (1_650_000, 41), (100_000, 37), (u64::MAX, 60)];
    for (people, width) in widths {
        assert_eq!(width_for(people), width, "{people}");
    }
    // 2^36 is no multiple of 10⁶: just below and just above it.
    assert_eq!((width_for(68_719), width_for(68_720)), (36, 37));
}

/// Expected: people ÷ 2^width a probe. At the day's own width 0.73 hits in a million; at ten bits less 745, ± 27.
#[test]
fn strangers_are_found_as_rarely_as_was_said_and_members_always() {
    let members = people(100_000, 3);
    let hits = |width: u8| {
        let layer = open(encode(&header(width, false), &members)).unwrap();
        assert!(members.keys().all(|member| layer.find(*member) == Some(Found::Counts(None))));
        random(4).take(1_000_000).filter(|stranger| layer.find(*stranger).is_some()).count()
    };
    assert!(hits(width_for(100_000)) <= 8);
    assert!((600..=890).contains(&hits(width_for(100_000) - 10)));
}

#[test]
fn a_person_takes_twenty_two_bits() {
    let layer = open(encode(&header(width_for(825_000), false), &people(825_000, 5))).unwrap();
    let bits = layer.size_bytes() as f64 * 8.0 / layer.people() as f64;
    assert!((21.37..=22.3).contains(&bits), "{bits}");
    let memory = layer.memory_bytes() as f64 / layer.size_bytes() as f64;
    assert!(memory < 1.1, "{memory} of its bytes in memory");
}

/// Three bytes for the table; then a bit each as soon as one person has another number, two from the third on.
#[test]
fn pieces_take_as_many_bits_as_it_needs_to_tell_them_apart() {
    let mut changes = people(8000, 5);
    let size = |has_pieces, changes: &_| encode(&header(40, has_pieces), changes).len();
    let bare = size(false, &changes);
    assert_eq!(size(true, &changes), bare + 3);
    let who: Vec<u64> = changes.keys().copied().collect();
    changes.insert(who[0], State::Counts(pieces(3, 0)));
    assert_eq!(size(true, &changes), bare + 5 + 1000);
    changes.insert(who[1], State::Counts(pieces(0, 4)));
    assert_eq!(size(true, &changes), bare + 7 + 2000);
}

/// Whatever was changed: no layer, or another one in its own one form.
#[test]
fn a_changed_or_shortened_layer_is_refused_or_another() {
    let mut changes = people(40, 6);
    changes.extend(random(7).take(9).map(|fingerprint| (fingerprint, State::Gone)));
    changes.extend(random(8).take(9).map(|fingerprint| (fingerprint, State::Counts(pieces(300, 7)))));
    for has_pieces in [false, true] {
        let bytes = encode(&header(40, has_pieces), &changes);
        let id = LayerId::of(&bytes);
        for length in 0..bytes.len() {
            assert!(open(bytes[..length].to_vec()).is_err(), "{length} of {} bytes", bytes.len());
        }
        assert_eq!(open([&bytes[..], &[0]].concat()).unwrap_err(), BadLayer::Behind(1));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(layer) = open(changed.clone()) {
                assert_ne!(layer.id(), id);
                assert_eq!(rewritten(&layer), changed, "bit {bit}: not in its one form");
            }
        }
    }
}

fn rewritten(layer: &Layer) -> Vec<u8> {
    let shift = 64 - layer.header().width;
    let states = layer.iter().map(|(prefix, found)| match found {
        Found::Counts(pieces) => (prefix << shift, State::Counts(pieces.unwrap_or_default())),
        Found::Gone => (prefix << shift, State::Gone),
    });
    encode(layer.header(), &states.collect())
}

/// The bytes of one person's layer, a field at a time.
#[test]
fn every_field_is_judged() {
    let bytes = encode(&header(20, true), &[(1 << 44, State::Counts(pieces(2, 0)))].into());
    let with = |at: usize, field: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + field.len()].copy_from_slice(field);
        open(changed).unwrap_err()
    };
    assert_eq!(&bytes[..6], b"ALY\x01\x01\x14");
    assert_eq!(with(0, b"a"), BadLayer::NoLayer);
    assert_eq!(with(3, &[2]), BadLayer::Version(2));
    assert_eq!(with(4, &[3]), BadLayer::Header("flags"));
    assert_eq!(with(5, &[19]), BadLayer::Header("width"));
    assert_eq!(with(5, &[61]), BadLayer::Header("width"));
    assert_eq!(with(6, &i32::MAX.to_be_bytes()), BadLayer::Header("day"));
    assert_eq!(with(10, &901u64.to_be_bytes()), BadLayer::Header("position"));
    assert_eq!(with(18, &(1u64 << 63).to_be_bytes()), BadLayer::Header("position"));
    assert_eq!(with(26, &u32::MAX.to_be_bytes()), BadLayer::Truncated);
    assert_eq!(with(30, &u32::MAX.to_be_bytes()), BadLayer::Truncated);
    assert_eq!(with(35, b"Mask"), BadLayer::Header("programme"));
    // The gap: a one (no zeros), then the last 19 bits, which are 1; then zeros.
    assert_eq!(&bytes[39..], [0x80, 0x00, 0x10, 1, 2, 0]);
    assert_eq!(with(41, &[0x11]), BadLayer::NotCanonical("the last byte of the gaps is not filled with zeros"));
    assert_eq!(with(39, &[0x10]), BadLayer::Outside);
    assert_eq!(with(42, &[0]), BadLayer::NotCanonical("numbers of pieces that nobody has"));
    assert_eq!(with(42, &[2]), BadLayer::NotCanonical("numbers of pieces that nobody has"));
    assert_eq!(with(43, &[0x80]), BadLayer::NotCanonical("a number is longer than it need be"));
    assert_eq!(open(vec![0; LAYER_BYTES_MAX + 1]).unwrap_err(), BadLayer::TooLong(LAYER_BYTES_MAX + 1));
}

#[test]
fn the_table_of_pieces_is_what_the_people_have() {
    let all = |adults: &[u32]| {
        let states = adults.iter().map(|adult| State::Counts(pieces(*adult, 0)));
        encode(&header(20, true), &(0..).map(|n: u64| n << 44).zip(states).collect())
    };
    let with = |bytes: &[u8], index: u8| {
        let (_, before) = bytes.split_last().unwrap();
        open([before, &[index]].concat()).map(|layer| layer.people())
    };
    let two = all(&[2, 3]);
    assert_eq!(two[two.len() - 6..], [2, 2, 0, 3, 0, 0b0100_0000], "how many, both, and who has which");
    assert_eq!(with(&two, 0b1000_0000), Ok(2), "the other way round");
    let unused = BadLayer::NotCanonical("numbers of pieces that nobody has");
    assert_eq!(with(&two, 0), Err(unused));
    assert_eq!(with(&two, 0b1100_0000), Err(unused));
    let filled = BadLayer::NotCanonical("the last byte of the pieces is not filled with zeros");
    assert_eq!(with(&two, 0b0100_0001), Err(filled));
    let three = all(&[2, 3, 4]);
    assert_eq!(three.last(), Some(&0b0001_1000));
    let outside = BadLayer::NotCanonical("pieces that are not in the table");
    assert_eq!(with(&three, 0b0001_1100), Err(outside));
    let mut reversed = two;
    let table = reversed.len() - 5;
    reversed[table..table + 4].copy_from_slice(&[3, 0, 2, 0]);
    assert_eq!(open(reversed).unwrap_err(), BadLayer::NotCanonical("the numbers of pieces do not ascend"));
}

#[test]
fn who_counts_and_is_gone_in_one_layer_is_refused() {
    let mut bytes = encode(&header(20, false), &[(1 << 44, State::Counts(pieces(2, 0)))].into());
    let person = bytes[39..].to_vec();
    bytes[30..34].copy_from_slice(&1u32.to_be_bytes());
    bytes.extend(person);
    assert_eq!(open(bytes).unwrap_err(), BadLayer::Twice);
}

#[test]
fn a_fetched_layer_must_be_the_one_that_was_named() {
    let bytes = encode(&header(40, false), &people(20, 9));
    let layer = open(bytes.clone()).unwrap();
    let (mask, kit): (ProgrammeId, ProgrammeId) = ("mask".parse().unwrap(), "kit".parse().unwrap());
    let wanted = LayerRef { id: layer.id(), bytes: u32::try_from(bytes.len()).unwrap(), upto: 900 };
    assert_eq!(layer.expect(&mask, day(), &wanted), Ok(()));
    assert_eq!(layer.expect(&kit, day(), &wanted), Err(BadLayer::WrongProgramme));
    let other = day().succ_opt().unwrap();
    assert_eq!(layer.expect(&mask, other, &wanted), Err(BadLayer::WrongDay { wanted: other, found: day() }));
    let further = LayerRef { upto: 901, ..wanted };
    assert_eq!(layer.expect(&mask, day(), &further), Err(BadLayer::WrongPosition { wanted: 901, found: 900 }));
    let longer = LayerRef { bytes: wanted.bytes + 1, ..wanted };
    let found = bytes.len();
    assert_eq!(layer.expect(&mask, day(), &longer), Err(BadLayer::WrongSize { wanted: wanted.bytes + 1, found }));
    // The same day, the same positions, the same length, other people.
    let forged = (0..).map(|seed| encode(&header(40, false), &people(20, seed))).filter(|forged| *forged != bytes);
    let forged = open(forged.take(10_000).find(|forged| forged.len() == found).unwrap()).unwrap();
    let wrong = BadLayer::WrongId { wanted: wanted.id, found: forged.id() };
    assert_eq!(forged.expect(&mask, day(), &wanted), Err(wrong));
}

#[test]
fn a_log_tells_nobodys_fingerprint() {
    let layer = open(encode(&header(40, false), &people(20, 9))).unwrap();
    let id = layer.id().to_string();
    assert_eq!(id.len(), 64);
    let shown = format!("Layer({}…, mask 2020-02-06, 3 to 900, 20 count, 0 gone)", &id[..8]);
    assert_eq!(format!("{layer:?}"), shown);
}
