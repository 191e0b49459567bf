//! The public record of a NHI card (健保卡): 57 bytes, read without a PIN (`00 CA 11 00 02 00 00`).
//!
//! | bytes | field |
//! |---|---|
//! | 0–11 | card number, 12 digits |
//! | 12–31 | name, Big5, padded with zeros or blanks |
//! | 32–41 | national or residence number |
//! | 42–48 | birth date, `YYYMMDD` in ROC years |
//! | 49 | sex, `M` or `F` |
//! | 50–56 | day of issue, as the birth date |
//!
//! Source: three independent public readers (magiclen/tw-nhi-icc-service, Inndy/twnhi-smartcard-agent,
//! advmeds/CardReaderModule_Android) and NHI's own sample of `cshis.dll` agree on the offsets. Some programs take the
//! birth date from byte 43, which loses the first digit of everybody born since ROC 100. No real card was at hand.

use std::fmt;

use chrono::NaiveDate;
use encoding_rs::BIG5;
use shared::rules::calendar;
use shared::rules::identity::{BadDocument, Document, DocumentKind};

/// The record is always so long.
pub const RECORD_BYTES: usize = 57;
const CARD_NUMBER_DIGITS: usize = 12;
const ROC_DATE_DIGITS: usize = 7;
const NAME_BYTES: usize = 20;
const NUMBER_BYTES: usize = 10;

/// What a card's record says.
#[derive(Clone, PartialEq, Eq)]
pub struct NhiRecord {
    card: String,
    /// For the screen only, never to compare.
    pub name: Name,
    /// Whose card it is: kind 01, the checks of its number and birth date passed (M4).
    pub document: Document,
    /// `None` where the card says neither: no rule asks.
    pub sex: Option<Sex>,
    /// The day of issue; `None` where it is no day: no rule asks.
    pub issued: Option<NaiveDate>,
}

impl NhiRecord {
    /// The card's own number, 12 digits: another one after a card was lost.
    #[must_use]
    pub fn card(&self) -> &str {
        &self.card
    }
}

/// No log learns whose card it was.
impl fmt::Debug for NhiRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NhiRecord({:?})", self.document)
    }
}

/// The name as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    text: String,
    is_certain: bool,
}

impl Name {
    /// The text without its padding; a character that cannot be read is `�`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// False where a character may be another one: it could not be read, or it lies where Taiwan's users made their
    /// own characters and the Big5 of today's libraries shows those of Hong Kong.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.is_certain
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_certain { "Name(..)" } else { "Name(.., uncertain)" })
    }
}

/// The sex that the card names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// `F`.
    Female,
    /// `M`.
    Male,
}

/// Why a record is none. Never carries what was read: it ends up in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Not 57 bytes: a card pulled while it was read, or another card's data.
    #[error("the card gave {0} bytes instead of 57: put it in again; if it stays so, choose 02 and type the number")]
    Length(usize),
    /// The card's own number is not 12 digits: the record is shifted or another card's.
    #[error("the card's data (card number) cannot be read: choose 02, type the number and check the identity document")]
    Card,
    /// The number or the birth date is none.
    #[error("the card's data cannot be used ({0}): choose 02, type the number and check the identity document")]
    Document(#[from] BadDocument),
}

impl BadRecord {
    /// For the person at the counter, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Length(_) => "卡片資料不完整：請重新插卡；如仍無法讀取，請改用「02 卡片異常」手動輸入".to_owned(),
            Self::Card => "卡片資料異常（卡號），請改用「02 卡片異常」手動輸入並核對身分證件".to_owned(),
            Self::Document(bad) => {
                format!("卡片資料異常（{}），請改用「02 卡片異常」手動輸入並核對身分證件", bad.zh())
            }
        }
    }

    /// For the person at the counter, in English.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }
}

/// Reads a record; `today` in Taipei, because nobody is born after it.
///
/// # Errors
/// Where it has another length, or card number, number or birth date are none. A name that cannot be read, a sex or a
/// day of issue that is none send nobody away: no rule asks for them.
pub fn read(record: &[u8], today: NaiveDate) -> Result<NhiRecord, BadRecord> {
    let whole: &[u8; RECORD_BYTES] = record.try_into().map_err(|_| BadRecord::Length(record.len()))?;
    let (card, rest) = whole.split_at(CARD_NUMBER_DIGITS);
    let (name, rest) = rest.split_at(NAME_BYTES);
    let (number, rest) = rest.split_at(NUMBER_BYTES);
    let (birth, rest) = rest.split_at(ROC_DATE_DIGITS);
    let (sex, issued) = rest.split_at(1);
    Ok(NhiRecord {
        card: digits(card).ok_or(BadRecord::Card)?.to_owned(),
        name: name_of(name),
        document: document(number, birth, today)?,
        sex: match sex {
            b"F" => Some(Sex::Female),
            b"M" => Some(Sex::Male),
            _ => None,
        },
        issued: digits(issued).and_then(|day| calendar::parse_birth(day, NaiveDate::MAX).ok()),
    })
}

/// The same checks as for what is typed; a card has its number and date in one spelling only.
fn document(number: &[u8], birth: &[u8], today: NaiveDate) -> Result<Document, BadDocument> {
    let shapeless = BadDocument::Number { kind: DocumentKind::NhiCard };
    let number = str::from_utf8(number).map_err(|_| shapeless.clone())?;
    let birth = digits(birth).unwrap_or_default();
    let document = Document::parse(DocumentKind::NhiCard.code(), number, birth, today)?;
    if document.number() == number { Ok(document) } else { Err(shapeless) }
}

fn digits(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|c| c.is_ascii_digit()))
}

fn name_of(padded: &[u8]) -> Name {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    let (bytes, behind) = padded.split_at_checked(end).unwrap_or((padded, &[]));
    let (text, is_broken) = BIG5.decode_without_bom_handling(bytes);
    let told: String = text.chars().filter(|c| !c.is_control()).collect();
    let is_certain = !is_broken
        && told.len() == text.len()
        && behind.iter().all(|byte| matches!(byte, 0 | b' '))
        && !has_user_defined(bytes);
    Name { text: told.trim().to_owned(), is_certain }
}

/// Whether a character lies in a range of Big5 that Taiwan's MS950 leaves to its users (8140–A0FE, C6A1–C8FE,
/// FA40–FEFE), where WHATWG's Big5 has characters of HKSCS instead, without an error.
fn has_user_defined(mut bytes: &[u8]) -> bool {
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        if !(0x81..=0xFE).contains(first) {
            continue;
        }
        let [second, rest @ ..] = rest else { return true };
        bytes = rest;
        let character = u16::from_be_bytes([*first, *second]);
        if matches!(character, 0x8140..=0xA0FE | 0xC6A1..=0xC8FE | 0xFA40..=0xFEFE) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
