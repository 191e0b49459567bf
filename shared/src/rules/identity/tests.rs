//! Documents, masking and persons (M3-M6, M15, M22; decisions 4, 13).

use super::*;
use proptest::prelude::*;

fn today() -> NaiveDate {
    "2020-02-06".parse().unwrap()
}

fn doc(kind: &str, number: &str) -> Result<Document, BadDocument> {
    Document::parse(kind, number, "19860315", today())
}

#[test]
fn m3_the_list_is_the_manuals() {
    let labels: Vec<_> = DocumentKind::ALL.iter().map(|kind| kind.label_zh()).collect();
    assert_eq!(labels, ["01-健保卡", "02-健保卡(卡片異常請輸入ID)", "03-居留證", "04-入出境許可證", "05-護照"]);
    for kind in DocumentKind::ALL {
        assert_eq!(DocumentKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(DocumentKind::from_code("06"), None);
}

#[test]
fn m5_numbers_are_read_as_people_type_them() {
    for typed in ["A123456789", " a123456789 ", "Ａ１２３４５６７８９", "A123-456-789", "A1234 56789"] {
        assert_eq!(doc("02", typed).unwrap().number(), "A123456789", "{typed}");
    }
}

#[test]
fn each_kind_takes_its_own_numbers_only() {
    let cases = [
        ("01", "A123456789", None),
        ("01", "A870000015", None),
        ("01", "AB00207171", None),
        ("02", "A123456788", Some(BadDocument::Checksum { kind: DocumentKind::NhiCardTyped })),
        ("02", "A12345678", Some(BadDocument::Number { kind: DocumentKind::NhiCardTyped })),
        ("02", "A323456789", Some(BadDocument::Number { kind: DocumentKind::NhiCardTyped })),
        ("03", "A870000015", None),
        ("03", "AC00000003", None),
        ("03", "A123456789", Some(BadDocument::Number { kind: DocumentKind::ResidentCertificate })),
        ("03", "A870000016", Some(BadDocument::Checksum { kind: DocumentKind::ResidentCertificate })),
        ("04", "109-00001234", None),
        ("05", "X1", None),
        ("05", "", Some(BadDocument::Number { kind: DocumentKind::Passport })),
        ("05", "護照", Some(BadDocument::Number { kind: DocumentKind::Passport })),
        ("05", "A23456789012345678901", Some(BadDocument::Number { kind: DocumentKind::Passport })),
        ("06", "A123456789", Some(BadDocument::Kind("06".to_owned()))),
        ("", "A123456789", Some(BadDocument::Kind(String::new()))),
    ];
    for (kind, number, expected) in cases {
        assert_eq!(doc(kind, number).err(), expected, "{kind} {number}");
    }
    let misplaced = doc("A123456789", "01").unwrap_err();
    assert!(!format!("{misplaced} {misplaced:?}").contains("A1234"), "a number in the wrong field reaches no log");
    let born = |text| Document::parse("02", "A123456789", text, today()).err();
    assert_eq!(born("110/02/30"), Some(BadDocument::Birth(BadBirth::Impossible)));
    assert_eq!(born("20200207"), Some(BadDocument::Birth(BadBirth::Future)));
}

#[test]
fn every_refusal_speaks_both_languages() {
    let all = [
        BadDocument::Kind("9".to_owned()),
        BadDocument::Number { kind: DocumentKind::Passport },
        BadDocument::Checksum { kind: DocumentKind::NhiCard },
        BadDocument::Birth(BadBirth::Unreadable),
        BadDocument::Birth(BadBirth::Impossible),
        BadDocument::Birth(BadBirth::Future),
        BadDocument::Birth(BadBirth::BeforeRoc),
    ];
    for bad in all {
        assert!(!bad.zh().is_ascii(), "{bad:?}");
        assert!(bad.en().is_ascii() && !bad.en().ends_with('.'), "{bad:?}");
    }
    let slip = BadDocument::Checksum { kind: DocumentKind::NhiCard };
    assert_eq!(slip.en(), "the number's check digit is wrong: type it again");
}

#[test]
fn a_number_is_typed_with_some_blanks_and_not_with_any() {
    let typed = |blanks: usize| doc("02", &format!("A1{}23456789", " ".repeat(blanks))).err();
    assert_eq!(typed(TYPED_CHARS_MAX - 10), None, "sixty characters");
    for beyond in [1, 2] {
        let bad = Some(BadDocument::Number { kind: DocumentKind::NhiCardTyped });
        assert_eq!(typed(TYPED_CHARS_MAX - 10 + beyond), bad, "{beyond} too many");
    }
}

#[test]
fn a_document_from_the_ledger_passes_the_same_checks() {
    let made = Document::from_parts(DocumentKind::NhiCard, "A123456789", today()).unwrap();
    assert_eq!(made.reading(), Reading::Card);
    assert!(Document::from_parts(DocumentKind::NhiCard, "A123456788", today()).is_err());
    let too_old = "1911-12-31".parse().unwrap();
    assert_eq!(
        Document::from_parts(DocumentKind::Passport, "X1", too_old),
        Err(BadDocument::Birth(BadBirth::BeforeRoc))
    );
}

#[test]
fn m15_little_of_the_number_is_shown() {
    let masked = |kind, number| doc(kind, number).unwrap().masked();
    assert_eq!(masked("01", "A123456789"), "A12****789");
    assert_eq!(masked("05", "AB1234567"), "AB*****67");
    assert_eq!(masked("05", "X123"), "X**3");
    assert_eq!(masked("05", "X12"), "***");
    let shown = format!("{:?}", doc("01", "A123456789").unwrap());
    assert_eq!(shown, "Document(01 A12****789)");
    assert_eq!(format!("{:?}", doc("01", "A123456789").unwrap().person()), "Person(..)");
}

#[test]
fn decision_4_the_last_digit_found_decides() {
    let digit = |number| doc("05", number).unwrap().last_digit();
    assert_eq!(digit("123456789"), Some(9));
    assert_eq!(digit("12A4B"), Some(4));
    assert_eq!(digit("ABC"), None);
}

#[test]
fn decision_13_who_is_a_person() {
    let person = |kind, number, birth| Document::parse(kind, number, birth, today()).unwrap().person();
    let read = person("01", "A870000015", "19860315");
    assert_eq!(read, person("02", "a870000015", "19990101"), "read or typed, the number is the person");
    assert_eq!(read, person("03", "A870000015", "19860315"), "01, 02 and 03 are one space of numbers");
    assert_ne!(read, person("05", "A870000015", "19860315"));
    let permit = person("04", "X1234", "19860315");
    assert_eq!(permit, person("04", "X1234", "19990101"), "a permit's number is the person");
    assert_ne!(permit, person("05", "X1234", "19860315"));
    assert_ne!(person("05", "X1234", "19860315"), person("05", "X1234", "19860316"));
    assert_eq!(read.key(), b"number/A870000015");
}

proptest! {
    #[test]
    fn no_text_makes_the_border_panic(kind in "\\PC{0,4}", number in "\\PC{0,70}", birth in "\\PC{0,24}") {
        let _ = Document::parse(&kind, &number, &birth, today());
        for kind in DocumentKind::ALL {
            if let Ok(document) = Document::parse(kind.code(), &number, "19860315", today()) {
                let again = Document::from_parts(kind, document.number(), document.birth());
                prop_assert_eq!(again, Ok(document), "what was taken once is taken from the ledger");
            }
        }
    }

    #[test]
    fn a_date_of_birth_that_is_read_reads_again(text in "[0-9/.-]{6,10}") {
        if let Ok(birth) = calendar::parse_birth(&text, today()) {
            prop_assert_eq!(calendar::parse_birth(&birth.to_string(), today()), Ok(birth));
            prop_assert_eq!(calendar::parse_birth(&calendar::roc_date(birth), today()), Ok(birth));
        }
    }
}
