//! Documents at the counter and who a person is (M3-M6, M22; decisions 4, 10, 13).
//!
//! A [`Document`] is proof that its number passed the checks of its kind. Its
//! `Debug` shows the masked number only: what is written to a log is no secret.

use std::fmt;

use chrono::NaiveDate;

use super::calendar::{self, BadBirth};
use super::typed::half_width;
use crate::entry::Reading;

mod loose;
mod number;

pub use loose::holds_number;
pub use number::{BadNumber, NumberKind, number_kind};

/// Typed text longer than this is no number.
const TYPED_CHARS_MAX: usize = 60;
/// So much of a wrong kind is told again.
const KIND_CHARS_SHOWN: usize = 3;
/// Entry permits and passports have at most so many letters and digits.
const FOREIGN_CHARS_MAX: usize = 20;

/// 身分別: the five choices of the screen, in its order (M3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DocumentKind {
    /// 01: a NHI card read by the reader (M4).
    NhiCard,
    /// 02: a NHI card whose number was typed because card or reader failed (M5).
    NhiCardTyped,
    /// 03: 居留證.
    ResidentCertificate,
    /// 04: 入出境許可證.
    EntryPermit,
    /// 05: a passport.
    Passport,
}

impl DocumentKind {
    /// All of them, in the screen's order; the first is the default (M3).
    pub const ALL: [Self; 5] =
        [Self::NhiCard, Self::NhiCardTyped, Self::ResidentCertificate, Self::EntryPermit, Self::Passport];

    /// The two digits of the manual.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NhiCard => "01",
            Self::NhiCardTyped => "02",
            Self::ResidentCertificate => "03",
            Self::EntryPermit => "04",
            Self::Passport => "05",
        }
    }

    /// The kind of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The choice exactly as the manual's screen words it (M3).
    #[must_use]
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::NhiCard => "01-健保卡",
            Self::NhiCardTyped => "02-健保卡(卡片異常請輸入ID)",
            Self::ResidentCertificate => "03-居留證",
            Self::EntryPermit => "04-入出境許可證",
            Self::Passport => "05-護照",
        }
    }

    /// The choice in English.
    #[must_use]
    pub fn label_en(self) -> &'static str {
        match self {
            Self::NhiCard => "01 NHI card",
            Self::NhiCardTyped => "02 NHI card (card fault: type the number)",
            Self::ResidentCertificate => "03 resident certificate",
            Self::EntryPermit => "04 entry permit",
            Self::Passport => "05 passport",
        }
    }
}

/// What was wrong with a document. Never carries the number: it ends up in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument {
    /// Not one of 01 to 05; the first characters of what came, too few for a number in the wrong field.
    #[error("document kind {0:?} is none of 01 to 05: choose one")]
    Kind(String),
    /// The number has not the shape that this kind's numbers have.
    #[error("not a number of this kind of document ({}): check the number and the kind", .kind.label_en())]
    Number {
        /// The kind that was chosen.
        kind: DocumentKind,
    },
    /// The shape is right, the check digit is not: a slip of the finger, mostly.
    #[error("the number's check digit is wrong: type it again")]
    Checksum {
        /// The kind that was chosen.
        kind: DocumentKind,
    },
    /// The date of birth.
    #[error(transparent)]
    Birth(#[from] BadBirth),
}

impl BadDocument {
    /// For the person at the counter, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Kind(_) => "身分別錯誤，請選擇 01 至 05".to_owned(),
            Self::Number { kind } => format!("證號格式不符「{}」，請確認身分別及證號", kind.label_zh()),
            Self::Checksum { kind: _ } => "證號檢查碼錯誤，請重新輸入證號".to_owned(),
            Self::Birth(why) => why.zh(),
        }
    }

    /// For the person at the counter, in English.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }
}

/// A document that passed its checks: kind, number, date of birth (M22).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document {
    kind: DocumentKind,
    number: String,
    birth: NaiveDate,
}

impl Document {
    /// Reads what the counter sent: the kind's code, the number and the date of birth as typed.
    ///
    /// # Errors
    /// The first thing that is wrong: kind, then number, then birth.
    pub fn parse(kind: &str, number: &str, birth: &str, today: NaiveDate) -> Result<Self, BadDocument> {
        let kind = kind.trim();
        let kind = DocumentKind::from_code(kind)
            .ok_or_else(|| BadDocument::Kind(kind.chars().take(KIND_CHARS_SHOWN).collect()))?;
        let number = checked_number(kind, number)?;
        let birth = calendar::parse_birth(birth, today)?;
        Ok(Self { kind, number, birth })
    }

    /// The same checks for what a ledger or a card holds; only the future is not looked at.
    ///
    /// # Errors
    /// The first thing that is wrong: number, then birth.
    pub fn from_parts(kind: DocumentKind, number: &str, birth: NaiveDate) -> Result<Self, BadDocument> {
        let number = checked_number(kind, number)?;
        calendar::check_born(birth)?;
        Ok(Self { kind, number, birth })
    }

    /// 身分別.
    #[must_use]
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// 證號, normalised: half-width, upper case, without blanks and hyphens.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// 出生日期.
    #[must_use]
    pub fn birth(&self) -> NaiveDate {
        self.birth
    }

    /// How the number reached the counter: only kind 01 is read from the card.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match self.kind {
            DocumentKind::NhiCard => Reading::Card,
            DocumentKind::NhiCardTyped
            | DocumentKind::ResidentCertificate
            | DocumentKind::EntryPermit
            | DocumentKind::Passport => Reading::Typed,
        }
    }

    /// Who this is (decision 13).
    #[must_use]
    pub fn person(&self) -> Person {
        let key = match self.kind {
            DocumentKind::NhiCard | DocumentKind::NhiCardTyped | DocumentKind::ResidentCertificate => {
                format!("number/{}", self.number)
            }
            DocumentKind::EntryPermit => format!("permit/{}", self.number),
            DocumentKind::Passport => format!("passport/{}/{}", self.number, self.birth),
        };
        Person { key: key.into_bytes() }
    }

    /// The number for screens and slips (M15): `A12****789`; of short numbers less is shown, of very short ones nothing.
    #[must_use]
    pub fn masked(&self) -> String {
        let len = self.number.chars().count();
        let shown = (len * 3 / 10).min(3);
        self.number.chars().enumerate().map(|(i, c)| if i < shown || i >= len - shown { c } else { '*' }).collect()
    }

    /// The digit that decides whose day it is: the last digit found, `None` where there is none (decision 4).
    #[must_use]
    pub fn last_digit(&self) -> Option<u8> {
        self.number.bytes().rev().find(u8::is_ascii_digit).map(|c| c - b'0')
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} {})", self.kind.code(), self.masked())
    }
}

/// Someone identified by a document (decision 13): the number alone for 01, 02
/// and 03 (one space of numbers), kind and number for 04, kind, number and birth for 05.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    key: Vec<u8>,
}

impl Person {
    /// Canonical bytes for a keyed tag: equal for the same person, different for
    /// different people (a `/` is in no number, so no two spellings run together).
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.key.clone()
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(..)")
    }
}

/// Half-width, upper case, without blanks and hyphens (as passports and permits are printed).
fn normalised(typed: &str) -> String {
    half_width(typed).chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}

fn checked_number(kind: DocumentKind, typed: &str) -> Result<String, BadDocument> {
    if typed.chars().count() > TYPED_CHARS_MAX {
        return Err(BadDocument::Number { kind });
    }
    let number = normalised(typed);
    match kind {
        DocumentKind::NhiCard | DocumentKind::NhiCardTyped => match number_kind(&number) {
            Ok(NumberKind::National | NumberKind::UiNew | NumberKind::UiOld) => Ok(number),
            Err(BadNumber::Checksum) => Err(BadDocument::Checksum { kind }),
            Err(BadNumber::Shape) => Err(BadDocument::Number { kind }),
        },
        DocumentKind::ResidentCertificate => match number_kind(&number) {
            Ok(NumberKind::UiNew | NumberKind::UiOld) => Ok(number),
            Err(BadNumber::Checksum) => Err(BadDocument::Checksum { kind }),
            // A national number is on no resident certificate: the kind was chosen wrongly.
            Ok(NumberKind::National) | Err(BadNumber::Shape) => Err(BadDocument::Number { kind }),
        },
        DocumentKind::EntryPermit | DocumentKind::Passport => {
            let fits = (1..=FOREIGN_CHARS_MAX).contains(&number.len())
                && number.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
            if fits { Ok(number) } else { Err(BadDocument::Number { kind }) }
        }
    }
}

#[cfg(test)]
mod tests;
