//! The bytes of entries: frozen, round, limited.

use super::*;
use crate::entry::{Behind, ClearedDay, Decision, Dispute, Exception, Found, Source};
use crate::ids::CaseId;

mod access;
mod booking;

fn sale() -> Entry {
    Entry {
        at: Instant { second: 1_580_954_400, doubt_s: 1 },
        by: Staff { name: "王藥師".to_owned(), verified: false, id: None },
        fact: Fact::Sale(Sale {
            programme: "mask".parse().unwrap(),
            version: "mask-2020-02-06".parse().unwrap(),
            pieces: Pieces { adult: 2, child: 0 },
            happened: None,
            reading: Reading::Card,
            watermark: 12,
            document: Sealed(vec![5; 25]),
            proxy: None,
            approved_by: None,
            behind: vec![],
        }),
    }
}

#[test]
fn the_bytes_of_a_sale_are_frozen() {
    // A golden vector: who changes it breaks every ledger ever written.
    let hex = data_encoding::HEXLOWER.encode(&encode(&sale()));
    let (before, sealed, after) = (
        "851a5e3b73200182018186",
        format!("5819{}", "05".repeat(25)),
        "646d61736b6f6d61736b2d323032302d30322d3036820200f40c69e78e8be897a5e5b8abf4",
    );
    assert_eq!(hex, format!("{before}{sealed}{after}"));
}

fn approved() -> Fact {
    let Fact::Sale(sale) = sale().fact else { unreachable!("a sale") };
    Fact::Sale(Sale { approved_by: Some("林主任".to_owned()), ..sale })
}

fn behind(days: usize) -> Fact {
    let Fact::Sale(sale) = sale().fact else { unreachable!("a sale") };
    let (first, last) = (NaiveDate::from_ymd_opt(2020, 2, 1).unwrap(), NaiveDate::from_ymd_opt(2020, 2, 3).unwrap());
    Fact::Sale(Sale { behind: vec![Behind { first, last, known: 3, again: 9 }; days], ..sale })
}

#[test]
fn a_managers_name_is_an_appended_place_and_no_longer_than_a_name() {
    let entry = Entry { fact: approved(), ..sale() };
    let hex = data_encoding::HEXLOWER.encode(&encode(&entry));
    assert!(hex.contains("0200f40cf6f669e69e97e4b8bbe4bbbb"), "happened and proxy stay empty before it: {hex}");
    let Fact::Sale(sold) = approved() else { unreachable!("a sale") };
    let long = Fact::Sale(Sale { approved_by: Some("x".repeat(65)), ..sold });
    assert!(decode(&encode(&Entry { fact: long, ..sale() })).is_err());
}

#[test]
fn days_of_which_less_was_known_are_an_appended_place_and_few() {
    let bytes = |days| encode(&Entry { fact: behind(days), ..sale() });
    assert_eq!(bytes(0), encode(&sale()), "who knows all of the window says nothing");
    assert!(decode(&bytes(BEHIND_MAX)).is_ok() && decode(&bytes(BEHIND_MAX + 1)).is_err());
}

fn dispute(found: Vec<Found>) -> Fact {
    Fact::Dispute(Dispute {
        programme: "mask".parse().unwrap(),
        version: "mask-2020-02-06".parse().unwrap(),
        reading: Reading::Typed,
        watermark: 12,
        document: Sealed(vec![5; 25]),
        found,
        reason: "本週未曾購買".to_owned(),
    })
}

fn exception(days: Vec<ClearedDay>) -> Fact {
    let case = CaseId([9; 16]);
    Fact::Exception(Exception { case, programme: "mask".parse().unwrap(), holds: true, upto: 1_580_954_400, days })
}

#[test]
fn the_bytes_of_a_dispute_are_frozen() {
    let found = vec![Found { day: NaiveDate::from_ymd_opt(2020, 2, 6).unwrap(), source: Source::Nation }];
    let hex = data_encoding::HEXLOWER.encode(&encode(&Entry { fact: dispute(found), ..sale() }));
    let sealed = format!("5819{}", "05".repeat(25));
    let before = "851a5e3b73200182078187";
    let after = "646d61736b6f6d61736b2d323032302d30322d3036f50c81821a000b40b5f472";
    assert!(hex.starts_with(&format!("{before}{sealed}{after}")), "{hex}");
}

#[test]
fn a_dispute_or_an_exception_without_measure_is_an_error() {
    let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
    let found = Found { day, source: Source::Own };
    let cleared = |marks| ClearedDay { day, fingerprint: 1, marks };
    for (fact, fits) in [
        (dispute(vec![found; FOUND_MAX]), true),
        (dispute(vec![found; FOUND_MAX + 1]), false),
        (exception(vec![cleared(vec![]); CLEARED_DAYS_MAX]), true),
        (exception(vec![cleared(vec![]); CLEARED_DAYS_MAX + 1]), false),
        (exception(vec![cleared(vec![1; CLEARED_MARKS_MAX])]), true),
        (exception(vec![cleared(vec![1; CLEARED_MARKS_MAX + 1])]), false),
    ] {
        assert_eq!(decode(&encode(&Entry { fact, ..sale() })).is_ok(), fits);
    }
    let Fact::Dispute(mut long) = dispute(vec![]) else { panic!() };
    long.reason = "x".repeat(REASON_BYTES_MAX + 1);
    assert!(decode(&encode(&Entry { fact: Fact::Dispute(long), ..sale() })).is_err());
}

#[test]
fn every_fact_round_trips() {
    let id = EntryId { actor: ActorId([1; 16]), seq: 3 };
    let pieces = Pieces { adult: 200, child: 50 };
    let programme: crate::ids::ProgrammeId = "mask".parse().unwrap();
    let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
    let facts = [
        Fact::Arrival(Arrival { programme: programme.clone(), counted: pieces, advised: Some(pieces) }),
        Fact::Withdrawal(Withdrawal { of: id, reason: "打錯".to_owned() }),
        Fact::Correction(Correction { programme: programme.clone(), adult: -3, child: 0, reason: "盤點".to_owned() }),
        Fact::Programme(Published { text: "x".to_owned() }),
        Fact::Delivery(Delivery { programme, day, pieces }),
        Fact::Standing(Standing { sale: id, over: true }),
        dispute(vec![Found { day, source: Source::Own }, Found { day, source: Source::Nation }]),
        exception(vec![ClearedDay { day, fingerprint: u64::MAX, marks: vec![7, u32::MAX] }]),
        Fact::Decision(Decision { of: id, granted: true, words: "查無此筆".to_owned() }),
        sale().fact,
        approved(),
        behind(2),
    ];
    for fact in facts {
        let entry = Entry { fact, ..sale() };
        assert_eq!(decode(&encode(&entry)).unwrap(), entry);
    }
}

#[test]
fn places_that_a_later_version_appends_are_skipped() {
    let mut bytes = encode(&sale());
    bytes[0] = 0x87; // an array of seven, nobody signed in
    bytes.push(0xf6);
    bytes.push(0x18);
    bytes.push(99);
    assert_eq!(decode(&bytes).unwrap(), sale());
}

#[test]
fn nonsense_is_an_error() {
    for bytes in [&[][..], &[0xff; 40], &[0x85, 1, 2, 3], &[0x9f; 5000]] {
        assert!(decode(bytes).is_err());
    }
    let mut wild = sale();
    wild.at.second = i64::MAX;
    assert!(decode(&encode(&wild)).is_err());
}
