//! Identity numbers against the vectors of nine public validators, and the
//! institution codes against real ones (REQUIREMENTS, decision 10).

use serde_json::Value;
use shared::ids::SiteCode;
use shared::rules::identity::{BadDocument, BadNumber, Document, DocumentKind, NumberKind, number_kind};

const IDENTITY: &str = include_str!("data/identity_vectors.json");
const INSTITUTIONS: &str = include_str!("data/institution_code_vectors.json");

/// Wrong in scope: three validators of UI numbers say `false` because it is a
/// national number. Its checksum is right, so here it is a national number.
const OUT_OF_SCOPE: &str = "A123456789";

#[cfg(test)] // so that clippy knows it for a test
fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(IDENTITY).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn kind_name(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::National => "national_id",
        NumberKind::UiNew => "ui_new",
        NumberKind::UiOld => "ui_old",
    }
}

#[test]
fn decision_10_every_vector_is_judged_by_the_algorithm() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 174);
    let mut out_of_scope = 0;
    for vector in vectors {
        let number = vector["value"].as_str().unwrap();
        let found = number_kind(number);
        if number == OUT_OF_SCOPE && !vector["valid"].as_bool().unwrap() {
            assert_eq!(found, Ok(NumberKind::National), "{vector}");
            out_of_scope += 1;
            continue;
        }
        assert_eq!(found.is_ok(), vector["valid"].as_bool().unwrap(), "{vector}");
        match found {
            Ok(kind) => assert_eq!(vector["kind"].as_str(), Some(kind_name(kind)), "{vector}"),
            Err(BadNumber::Checksum) => assert_eq!(vector["reason"].as_str(), Some("checksum"), "{vector}"),
            Err(BadNumber::Shape) => assert_eq!(vector["reason"].as_str(), Some("format"), "{vector}"),
        }
    }
    assert_eq!(out_of_scope, 5);
}

#[test]
fn m5_a_typed_card_takes_exactly_the_valid_numbers() {
    let today = "2021-06-01".parse().unwrap();
    for vector in vectors() {
        let number = vector["value"].as_str().unwrap();
        let typed = Document::parse("02", number, "19860315", today);
        match number_kind(&number.to_uppercase()) {
            Ok(_) => assert!(typed.is_ok(), "{vector}"),
            Err(BadNumber::Checksum) => {
                assert_eq!(typed, Err(BadDocument::Checksum { kind: DocumentKind::NhiCardTyped }), "{vector}");
            }
            // A hyphen at the end is dropped, and the rest is still too long.
            Err(BadNumber::Shape) => {
                assert_eq!(typed, Err(BadDocument::Number { kind: DocumentKind::NhiCardTyped }), "{vector}");
            }
        }
    }
}

#[test]
fn decision_10_real_institution_codes_fail_the_check_digit_and_are_taken() {
    let file: Value = serde_json::from_str(INSTITUTIONS).unwrap();
    let failing = file["fail_some_real_codes"].as_array().unwrap();
    assert_eq!(failing.len(), 12);
    for row in failing {
        let code: SiteCode = row[0].as_str().unwrap().parse().expect("a real code is a code");
        assert!(!code.check_digit_fits(), "{code}");
    }
    let real: SiteCode = "5931102274".parse().expect("淡水藥局");
    assert!(real.check_digit_fits());
}
