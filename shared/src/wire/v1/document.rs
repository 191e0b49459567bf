//! A document in as few bytes as can be, because every sale carries one, sealed.
//!
//! `kind` (low 3 bits; bit 3: packed number) · birth date as days since 1912-01-01, big endian ·
//! the number: a letter and nine digits as 5 bytes, anything else as it is.

use chrono::{Days, NaiveDate};

use super::WireError;
use crate::rules::identity::{Document, DocumentKind};

const PACKED: u8 = 8;
const DIGITS: u64 = 1_000_000_000;

/// 民國 1 January 1: nobody older is served.
const EPOCH: Option<NaiveDate> = NaiveDate::from_ymd_opt(1912, 1, 1);

/// To bytes.
#[must_use]
pub fn encode(document: &Document) -> Vec<u8> {
    let days = EPOCH.map_or(0, |epoch| (document.birth() - epoch).num_days());
    let days = u16::try_from(days).unwrap_or(u16::MAX);
    let mut out = vec![kind_code(document.kind())];
    out.extend_from_slice(&days.to_be_bytes());
    match pack(document.number()) {
        Some(packed) => {
            if let Some(first) = out.first_mut() {
                *first |= PACKED;
            }
            out.extend_from_slice(&packed);
        }
        None => out.extend_from_slice(document.number().as_bytes()),
    }
    out
}

/// From bytes.
///
/// # Errors
/// Where the bytes are no document that could have been accepted.
pub fn decode(bytes: &[u8]) -> Result<Document, WireError> {
    let bad = |why: &str| WireError::limit("document", why);
    let (&[first, high, low], rest) = bytes.split_first_chunk::<3>().ok_or_else(|| bad("too short"))?;
    let kind = kind(first & !PACKED).ok_or_else(|| bad("kind"))?;
    let days = u64::from(u16::from_be_bytes([high, low]));
    let birth = EPOCH.and_then(|epoch| epoch.checked_add_days(Days::new(days))).ok_or_else(|| bad("birth"))?;
    let number = if first & PACKED != 0 { unpack(rest) } else { String::from_utf8(rest.to_vec()).ok() };
    let number = number.ok_or_else(|| bad("number"))?;
    Document::from_parts(kind, &number, birth).map_err(|_| bad("number"))
}

fn kind_code(kind: DocumentKind) -> u8 {
    match kind {
        DocumentKind::NhiCard => 1,
        DocumentKind::NhiCardTyped => 2,
        DocumentKind::ResidentCertificate => 3,
        DocumentKind::EntryPermit => 4,
        DocumentKind::Passport => 5,
    }
}

fn kind(code: u8) -> Option<DocumentKind> {
    DocumentKind::ALL.into_iter().find(|kind| kind_code(*kind) == code)
}

/// A123456789 as letter·10⁹ + digits in 40 bits.
fn pack(number: &str) -> Option<[u8; 5]> {
    let (letter, digits) = number.split_at_checked(1)?;
    let letter = letter.bytes().next().filter(u8::is_ascii_uppercase)?;
    if digits.len() != 9 || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let value = u64::from(letter - b'A') * DIGITS + digits.parse::<u64>().ok()?;
    value.to_be_bytes().last_chunk().copied()
}

fn unpack(bytes: &[u8]) -> Option<String> {
    let packed: [u8; 5] = bytes.try_into().ok()?;
    let mut wide = [0; 8];
    wide.last_chunk_mut::<5>()?.copy_from_slice(&packed);
    let value = u64::from_be_bytes(wide);
    let letter = u8::try_from(value / DIGITS).ok().filter(|letter| *letter < 26)?;
    Some(format!("{}{:09}", char::from(b'A' + letter), value % DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_round_trip() {
        let today = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
        for (kind, number, birth, len) in [
            ("01", "A123456789", "1986-03-15", 8),
            ("02", "A123456789", "1912-01-01", 8),
            ("03", "AB00207171", "1986-03-15", 13),
            ("04", "X12", "2020-02-06", 6),
            ("05", "PA1234567", "1986-03-15", 12),
        ] {
            let document = Document::parse(kind, number, birth, today).unwrap();
            let bytes = encode(&document);
            assert_eq!(bytes.len(), len, "{number}");
            assert_eq!(decode(&bytes).unwrap(), document);
        }
        assert!(decode(&[]).is_err());
        assert!(decode(&[9, 0, 0, 255, 255, 255, 255, 255]).is_err());
        assert!(decode(&[0, 0, 0, 1]).is_err());
    }
}
