//! The public record of a NHI card: 57 bytes that anybody can have printed.

use chrono::{Datelike, NaiveDate};
use edge::cards::nhi::{self, BadRecord, NhiRecord, RECORD_BYTES};
use encoding_rs::BIG5;
use shared::rules::identity::DocumentKind;

use super::choices::Choices;
use super::identity::{is_right, numbered};

/// Bytes as they stand, or a card of somebody, some of it changed.
pub(super) fn holds(input: &[u8]) {
    let mut choices = Choices::new(input);
    let today = NaiveDate::from_ymd_opt(2021, 7, 13).expect("a day");
    let record = if choices.rarely() { choices.bytes(80).to_vec() } else { printed(&mut choices) };
    match nhi::read(&record, today) {
        Ok(read) => check(&read, &record, today),
        Err(bad) => {
            let told = [bad.zh(), bad.en(), format!("{bad:?}")].concat();
            let number = record.get(32..42).and_then(|number| str::from_utf8(number).ok()).filter(|n| is_right(n));
            assert!(number.is_none_or(|number| !told.contains(number)), "the refusal tells the number: {told}");
            assert_eq!(matches!(bad, BadRecord::Length(_)), record.len() != RECORD_BYTES);
            assert!(!is_good(&record, today), "refused, and nothing is wrong: {bad}");
        }
    }
}

/// The fields of a card, each rarely something else.
fn printed(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut out: Vec<u8> = choices.array::<12>().map(|byte| b'0' + byte % 10).to_vec();
    let mut name = choices.bytes(20).to_vec();
    name.resize(20, if choices.flag() { 0 } else { b' ' });
    out.extend(name);
    out.extend(numbered(choices).bytes());
    let year = choices.below(115);
    out.extend(format!("{year:03}{:02}{:02}", choices.below(14), choices.below(33)).bytes());
    out.push(*choices.pick(b"FM?"));
    out.extend(choices.array::<7>().map(|byte| b'0' + byte % 10));
    for _ in 0..choices.below(3) {
        let at = choices.below(out.len());
        out[at] = choices.byte();
    }
    if choices.rarely() {
        out.resize(choices.below(80), 0);
    }
    out
}

fn check(read: &NhiRecord, record: &[u8], today: NaiveDate) {
    assert!(is_good(record, today), "read, and something is wrong");
    assert_eq!(record.get(..12), Some(read.card().as_bytes()));
    assert_eq!(read.document.kind(), DocumentKind::NhiCard);
    assert_eq!(record.get(32..42), Some(read.document.number().as_bytes()));
    let birth = read.document.birth();
    let printed = format!("{:03}{:02}{:02}", birth.year() - 1911, birth.month(), birth.day());
    assert_eq!(record.get(42..49), Some(printed.as_bytes()));
    let (name, text) = (&read.name, read.name.text());
    assert!(text.chars().count() <= 20 && !text.chars().any(char::is_control));
    if name.is_certain() {
        assert_eq!(
            BIG5.decode_without_bom_handling(&BIG5.encode(text).0).0,
            text,
            "certain, and no other program would read it so"
        );
    }
    let logged = format!("{read:?}{name:?}");
    assert!(!logged.contains(read.document.number()) && !logged.contains(read.card()), "a log would tell: {logged}");
}

/// The same once more, byte by byte.
fn is_good(record: &[u8], today: NaiveDate) -> bool {
    let number_at = |from: usize, to: usize| -> Option<u32> {
        record.get(from..to)?.iter().try_fold(0, |sum, c| c.is_ascii_digit().then(|| sum * 10 + u32::from(c - b'0')))
    };
    let born =
        || NaiveDate::from_ymd_opt(number_at(42, 45)?.cast_signed() + 1911, number_at(45, 47)?, number_at(47, 49)?);
    record.len() == 57
        && record.iter().take(12).all(u8::is_ascii_digit)
        && str::from_utf8(&record[32..42]).is_ok_and(is_right)
        && born().is_some_and(|born| born.year() > 1911 && born <= today)
}

/// A card of 王小美, and one whose name lies in the users' range.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let name = |name: &[u8]| {
        let mut out = vec![0; 13];
        out.push(u8::try_from(name.len()).unwrap_or_default());
        out.extend_from_slice(name);
        out.extend_from_slice(&[0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 75, 3, 15, 0, 1, 0, 8, 0, 5, 0, 1]);
        out
    };
    let mut whole = vec![255, 57];
    whole.extend_from_slice(b"000012345678\xa4\xfd\xa4\x70\xac\xfc");
    whole.resize(2 + 32, 0);
    whole.extend_from_slice(b"A1234567890750315F1080501");
    vec![name(b"\xa4\xfd\xa4\x70\xac\xfc"), name(b"\xa4\xfd\xfa\xf0"), whole]
}
