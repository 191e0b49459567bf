//! The five cards of the sign-in page (S13), the two kinds of readers, and which card goes into which (S10).

use std::fmt;
use std::str::FromStr;

/// A card by which somebody signs in (S13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CardKind {
    /// 醫事人員卡.
    Professional,
    /// 健保卡: it says who somebody is and proves nothing, for its record can be copied.
    Nhi,
    /// 自然人憑證卡.
    Citizen,
    /// 醫事機構卡.
    Institution,
    /// 政府單位憑證卡.
    Government,
    /// 緊急登入封緘代碼: a code in a sealed envelope, for the day on which no card works. No card of the sign-in page.
    Envelope,
}

/// A kind of reader (S11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReaderKind {
    /// 健保讀卡機/雲端控制軟體.
    Nhi,
    /// 晶片讀卡機.
    Chip,
}

/// What a card is read for: the two manuals contradict each other (REQUIREMENTS, decision 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody signs in (manual 000, STEP.2).
    SignIn,
    /// Somebody buys (manual 002, 肆-一-2-A).
    Purchase,
}

impl CardKind {
    /// In the order of the sign-in page.
    pub const ALL: [Self; 5] = [Self::Professional, Self::Nhi, Self::Citizen, Self::Institution, Self::Government];

    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Professional => "professional",
            Self::Nhi => "nhi",
            Self::Citizen => "citizen",
            Self::Institution => "institution",
            Self::Government => "government",
            Self::Envelope => "envelope",
        }
    }

    /// The manual's word (S13).
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Professional => "醫事人員卡",
            Self::Nhi => "健保卡",
            Self::Citizen => "自然人憑證卡",
            Self::Institution => "醫事機構卡",
            Self::Government => "政府單位憑證卡",
            Self::Envelope => "緊急登入封緘代碼",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Professional => "professional's card",
            Self::Nhi => "NHI card",
            Self::Citizen => "citizen certificate",
            Self::Institution => "institution card",
            Self::Government => "government unit card",
            Self::Envelope => "code from a sealed envelope",
        }
    }

    /// Whether it stands for a site and not for a person: with it the 機構代表 signs in (S17).
    #[must_use]
    pub fn is_of_site(self) -> bool {
        match self {
            Self::Institution | Self::Government => true,
            Self::Professional | Self::Nhi | Self::Citizen | Self::Envelope => false,
        }
    }

    /// Whether this kind of reader reads it for this purpose (S10; either reader for a purchase, decision 5).
    #[must_use]
    pub fn fits(self, reader: ReaderKind, purpose: Purpose) -> bool {
        match (self, reader) {
            (Self::Professional | Self::Institution, ReaderKind::Nhi | ReaderKind::Chip)
            | (Self::Nhi, ReaderKind::Nhi)
            | (Self::Citizen | Self::Government, ReaderKind::Chip)
            | (Self::Envelope, _) => true,
            (Self::Nhi, ReaderKind::Chip) => purpose == Purpose::Purchase,
            (Self::Citizen | Self::Government, ReaderKind::Nhi) => false,
        }
    }
}

impl ReaderKind {
    /// In the order of the sign-in page.
    pub const ALL: [Self; 2] = [Self::Nhi, Self::Chip];

    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Nhi => "nhi",
            Self::Chip => "chip",
        }
    }

    /// The manual's word (S11).
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Nhi => "健保讀卡機/雲端控制軟體",
            Self::Chip => "晶片讀卡機",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Nhi => "NHI reader",
            Self::Chip => "chip card reader",
        }
    }
}

impl fmt::Display for CardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A name that is none of a card's or a reader's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of card or reader")]
pub struct BadKind(String);

impl FromStr for CardKind {
    type Err = BadKind;

    fn from_str(text: &str) -> Result<Self, BadKind> {
        let mut all = Self::ALL.into_iter().chain([Self::Envelope]);
        all.find(|kind| kind.code() == text).ok_or_else(|| BadKind(text.chars().take(40).collect()))
    }
}

impl FromStr for ReaderKind {
    type Err = BadKind;

    fn from_str(text: &str) -> Result<Self, BadKind> {
        Self::ALL.into_iter().find(|kind| kind.code() == text).ok_or_else(|| BadKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CardKind::{Citizen, Government, Institution, Nhi, Professional};

    /// S10: 「健保讀卡機：醫事人員卡、健保卡、醫事機構卡；晶片讀卡機：醫事人員卡、自然人憑證、醫事機構卡、政府單位憑證」.
    #[test]
    fn s10_which_card_goes_into_which_reader() {
        let table = [
            (Professional, [true, true]),
            (Nhi, [true, false]),
            (Citizen, [false, true]),
            (Institution, [true, true]),
            (Government, [false, true]),
        ];
        for (card, fits) in table {
            assert_eq!(ReaderKind::ALL.map(|reader| card.fits(reader, Purpose::SignIn)), fits, "{card}");
        }
        assert!(ReaderKind::ALL.into_iter().all(|reader| Nhi.fits(reader, Purpose::Purchase)), "decision 5");
    }

    #[test]
    fn names_come_back() {
        assert_eq!(CardKind::ALL.map(|kind| kind.code().parse()), CardKind::ALL.map(Ok));
        assert_eq!(ReaderKind::ALL.map(|kind| kind.code().parse()), ReaderKind::ALL.map(Ok));
        assert!("visa".parse::<CardKind>().is_err());
        assert_eq!(CardKind::ALL.map(CardKind::is_of_site), [false, false, false, true, true], "S17");
    }
}
