//! The record of NHI's own sample layout, and every way in which it can be wrong.

use super::*;

const TODAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2020, 2, 6);

fn record(name: &[u8], number: &str, birth: &str) -> Vec<u8> {
    let mut out = b"000012345678".to_vec();
    let mut padded = name.to_vec();
    padded.resize(20, 0);
    out.extend_from_slice(&padded);
    out.extend_from_slice(number.as_bytes());
    out.extend_from_slice(birth.as_bytes());
    out.extend_from_slice(b"F1080501");
    out
}

fn good() -> Vec<u8> {
    // 王小美 in Big5.
    record(b"\xa4\xfd\xa4\x70\xac\xfc", "A123456789", "0750315")
}

fn read_today(record: &[u8]) -> Result<NhiRecord, BadRecord> {
    read(record, TODAY.unwrap())
}

#[test]
fn m4_the_card_fills_in_number_and_birth_date() {
    let read = read_today(&good()).unwrap();
    assert_eq!(read.card(), "000012345678");
    assert_eq!((read.name.text(), read.name.is_certain()), ("王小美", true));
    assert_eq!(read.document, Document::parse("01", "A123456789", "1986-03-15", TODAY.unwrap()).unwrap());
    assert_eq!(read.sex, Some(Sex::Female));
    assert_eq!(read.issued, NaiveDate::from_ymd_opt(2019, 5, 1));
}

#[test]
fn a_child_born_since_roc_100_keeps_the_first_digit_of_its_year() {
    let years =
        [("1020704", "2013-07-04"), ("1000101", "2011-01-01"), ("0991231", "2010-12-31"), ("0010101", "1912-01-01")];
    for (roc, born) in years {
        let read = read_today(&record(b"", "A123456789", roc)).unwrap();
        assert_eq!(read.document.birth().to_string(), born);
    }
}

#[test]
fn a_birth_date_that_is_no_day_sends_to_the_typed_form() {
    let bad = ["1100230", "0750229", "0000101", "1090207", "       ", "075 315", "\u{0}750315", "075/3/5", "75/3/15"];
    for birth in bad {
        let found = read_today(&record(b"", "A123456789", birth));
        assert!(matches!(found, Err(BadRecord::Document(BadDocument::Birth(_)))), "{birth:?}: {found:?}");
    }
    // A leap day that there was.
    assert!(read_today(&record(b"", "A123456789", "1050229")).is_ok());
    let found = read_today(&record(b"", "A123456789", "1100230")).unwrap_err();
    assert!(found.zh().contains("02 卡片異常") && found.en().contains("choose 02"), "{found}");
}

#[test]
fn a_number_with_a_wrong_check_digit_or_spelling_is_refused() {
    assert_eq!(
        read_today(&record(b"", "A123456788", "0750315")),
        Err(BadRecord::Document(BadDocument::Checksum { kind: DocumentKind::NhiCard }))
    );
    for number in
        ["a123456789", "A-12345678", "A12345678 ", "0123456789", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"]
    {
        assert!(read_today(&record(b"", number, "0750315")).is_err(), "{number:?}");
    }
    // Foreigners' cards hold a residence number, old and new.
    for number in ["AB00207171", "A800000014"] {
        assert!(read_today(&record(b"", number, "0750315")).is_ok(), "{number}");
    }
}

#[test]
fn another_length_is_a_card_that_was_pulled() {
    let good = good();
    for length in (0..RECORD_BYTES).chain([RECORD_BYTES + 1, 72, 255]) {
        let mut other = good.clone();
        other.resize(length, 0);
        assert_eq!(read_today(&other), Err(BadRecord::Length(length)));
    }
}

#[test]
fn a_shifted_record_is_not_read_as_somebody_else() {
    let good = good();
    for by in 1..RECORD_BYTES {
        let mut shifted = good.clone();
        shifted.rotate_left(by);
        assert!(read_today(&shifted).is_err(), "shifted by {by}");
    }
}

#[test]
fn both_paddings_of_a_name_are_no_part_of_it() {
    for padding in [0, b' '] {
        let mut name = b"\xa4\xfd\xa4\x70\xac\xfc".to_vec();
        name.resize(20, padding);
        let read = read_today(&record(&name, "A123456789", "0750315")).unwrap();
        assert_eq!((read.name.text(), read.name.is_certain()), ("王小美", true));
    }
}

#[test]
fn a_character_that_its_users_defined_is_shown_and_marked() {
    // FAF0: made by a user in Taiwan, 灹 of HKSCS to the library, without an error.
    let read = read_today(&record(b"\xa4\xfd\xfa\xf0", "A123456789", "0750315")).unwrap();
    assert_eq!((read.name.text(), read.name.is_certain()), ("王灹", false));
    for character in [[0x81, 0x40], [0xa0, 0xfe], [0xc6, 0xa1], [0xc8, 0xfe], [0xfa, 0x40], [0xfe, 0xfe]] {
        let read = read_today(&record(&character, "A123456789", "0750315")).unwrap();
        assert!(!read.name.is_certain(), "{character:x?}");
    }
    // The plain characters around those ranges.
    for character in [[0xa1, 0x41], [0xc6, 0x7e], [0xc9, 0x40], [0xf9, 0xd5]] {
        let read = read_today(&record(&character, "A123456789", "0750315")).unwrap();
        assert!(read.name.is_certain(), "{character:x?}");
    }
}

#[test]
fn a_name_that_cannot_be_read_sends_nobody_away() {
    // A lone lead byte, a cut character at the end of the field, one that is none, a bell, text behind the padding.
    let cut = [b"\xa4\xfd".repeat(9).as_slice(), b"A\xa4"].concat();
    for name in [b"\xa4".as_slice(), cut.as_slice(), b"\xa4\xfd\xff\xff", b"\xa4\xfd\x07", b"\xa4\xfd\0\0\xac\xfc"] {
        let read = read_today(&record(name, "A123456789", "0750315")).unwrap();
        assert!(!read.name.is_certain(), "{name:x?}");
        assert!(read.name.text().chars().all(|c| !c.is_control()));
    }
}

#[test]
fn sex_and_day_of_issue_send_nobody_away() {
    let mut odd = good();
    odd[49..].copy_from_slice(b"?1080230");
    let read = read_today(&odd).unwrap();
    assert_eq!((read.sex, read.issued), (None, None));
}

#[test]
fn a_log_does_not_tell_whose_card_it_was() {
    let read = read_today(&good()).unwrap();
    let logged = format!("{read:?}{:?}", read.name);
    for secret in ["A123456789", "王", "1986", "12345678"] {
        assert!(!logged.contains(secret), "{logged}");
    }
}
