//! Names of things: sites, documents, actors, entries, programmes.
//!
//! Each is parsed once at the border; afterwards its type is the proof of its shape.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{Datelike, NaiveDate};
use data_encoding::HEXLOWER;

/// What was wrong with the text of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Not a site code.
    #[error("site code {0:?} is not ten digits or capital letters")]
    Site(String),
    /// Not an entry id.
    #[error("entry id {0:?} is not 32 hexadecimal digits, a hyphen and a number from 1")]
    Entry(String),
    /// Not the name of a ledger document.
    #[error("document {0:?} is none of site/CODE/YYYY-MM-DD, desk/CODE/YYYY-MM, nation/YYYY-MM")]
    Document(String),
    /// Not a programme or version name.
    #[error("name {0:?} is not 1 to 40 of a-z, 0-9 and hyphen")]
    Name(String),
}

/// 醫事機構代碼: ten digits; real codes carry a letter at the seventh place when serials run over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteCode([u8; 10]);

impl SiteCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII passes `from_str`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether the tenth digit fits the rule derived from the real codes:
    /// `c10 = Σ i·ci mod 10`, a letter at c7 counting from A = 10.
    ///
    /// Thirty real codes fail it, so a misfit warns and never rejects
    /// (REQUIREMENTS, decision 10).
    #[must_use]
    pub fn check_digit_fits(&self) -> bool {
        let sum: u32 = (1..=9u32).zip(self.0).map(|(place, c)| place * digit_or_letter(c)).sum();
        sum % 10 == digit_or_letter(self.0[9])
    }
}

fn digit_or_letter(c: u8) -> u32 {
    match c {
        b'0'..=b'9' => u32::from(c - b'0'),
        _ => u32::from(c.saturating_sub(b'A')) + 10,
    }
}

impl FromStr for SiteCode {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::Site(text.chars().take(40).collect());
        let code: [u8; 10] = text.as_bytes().try_into().map_err(|_| bad())?;
        if code.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) { Ok(Self(code)) } else { Err(bad()) }
    }
}

impl fmt::Display for SiteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SiteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

bytes_id!(
    /// An Automerge actor: random, new for every document at every process start,
    /// so that a restored backup never reuses (actor, sequence).
    ActorId, 16
);
bytes_id!(
    /// One life of a site's store; the stamp is kept outside the database.
    Incarnation, 16
);
bytes_id!(
    /// The SHA-256 of an Automerge change: it covers the entry and, through its
    /// dependencies, everything before it.
    ChangeHash, 32
);
bytes_id!(
    /// A person's keyed tag: HMAC-SHA-256 cut to 16 bytes. Under a site's key it
    /// finds the site's own people, under the hub's key the nation's.
    PersonTag, 16
);
bytes_id!(
    /// A case: HMAC of programme and person under the hub's tag key, so the same
    /// person's case has the same id whatever arrived first.
    CaseId, 16
);

bytes_id!(
    /// Who holds a card, by its public key: the first 16 bytes of the key's SHA-256.
    StaffId, 16
);

impl StaffId {
    /// The holder of this key (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub fn of_key(key: &[u8]) -> Self {
        let hash = digest(&SHA256, key);
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl FromStr for StaffId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::Name(text.chars().take(40).collect());
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| bad())?;
        bytes.try_into().map(Self).map_err(|_| bad())
    }
}

impl FromStr for CaseId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| BadId::Name(text.chars().take(40).collect()))?;
        let bytes = bytes.try_into().map_err(|_| BadId::Name(text.chars().take(40).collect()))?;
        Ok(Self(bytes))
    }
}

/// An entry's name: derived from the change that carries it, never stored in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryId {
    /// Who wrote the change.
    pub actor: ActorId,
    /// The change's sequence number under that actor, from 1.
    pub seq: u32,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.actor, self.seq)
    }
}

impl FromStr for EntryId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::Entry(text.chars().take(60).collect());
        let (actor, seq) = text.split_once('-').ok_or_else(bad)?;
        let actor = HEXLOWER.decode(actor.as_bytes()).map_err(|_| bad())?;
        let actor = ActorId(actor.try_into().map_err(|_| bad())?);
        match seq.parse() {
            Ok(seq) if seq >= 1 => Ok(Self { actor, seq }),
            _ => Err(bad()),
        }
    }
}

/// The name of a ledger: one Automerge document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocId {
    /// `site/<code>/<day>`: what a site's nodes wrote on one business day.
    Site {
        /// Its owner.
        site: SiteCode,
        /// The business day in Asia/Taipei.
        day: NaiveDate,
    },
    /// `desk/<code>/<month>`: what the hub writes for one site.
    Desk {
        /// The site it is for.
        site: SiteCode,
        /// The month.
        month: Month,
    },
    /// `nation/<month>`: what the hub writes for all.
    Nation {
        /// The month.
        month: Month,
    },
}

/// A calendar month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of a day.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self { year: day.year(), month: day.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site { site, day } => write!(f, "site/{site}/{day}"),
            Self::Desk { site, month } => write!(f, "desk/{site}/{month}"),
            Self::Nation { month } => write!(f, "nation/{month}"),
        }
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DocId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId::Document(text.chars().take(60).collect());
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| bad());
        let month = |text: &str| day(&format!("{text}-01")).map(Month::of);
        let mut parts = text.split('/');
        let doc = match (parts.next(), parts.next(), parts.next()) {
            (Some("site"), Some(site), Some(at)) => Self::Site { site: site.parse()?, day: day(at)? },
            (Some("desk"), Some(site), Some(at)) => Self::Desk { site: site.parse()?, month: month(at)? },
            (Some("nation"), Some(at), None) => Self::Nation { month: month(at)? },
            _ => return Err(bad()),
        };
        // One spelling for one document.
        if parts.next().is_none() && doc.to_string() == text { Ok(doc) } else { Err(bad()) }
    }
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let fits = (1..=40).contains(&text.len())
                    && text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'));
                if fits { Ok(Self(text.to_owned())) } else { Err(BadId::Name(text.chars().take(60).collect())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_id!(
    /// A family of rationing rules, such as `mask` or `kit`; stock and quota are counted within one.
    ProgrammeId
);
name_id!(
    /// A service that a person may use (S19, 健保服務), such as `masks` or `booking`.
    ServiceName
);
name_id!(
    /// One dated rule set of a programme, such as `mask-2020-02-06`.
    VersionName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_have_one_spelling() {
        for text in ["site/5931102274/2020-02-06", "desk/5931102274/2020-02", "nation/2020-02"] {
            assert_eq!(text.parse::<DocId>().unwrap().to_string(), text);
        }
        for text in ["site/5931102274/2020-2-06", "nation/2020-02/x", "site/593110227/2020-02-06", "", "x/y"] {
            assert!(text.parse::<DocId>().is_err(), "{text}");
        }
        let id = EntryId { actor: ActorId([7; 16]), seq: 12 };
        assert_eq!(id.to_string().parse::<EntryId>().unwrap(), id);
        assert!(format!("{}-0", id.actor).parse::<EntryId>().is_err());
        assert!("Mask".parse::<ProgrammeId>().is_err());
    }

    #[test]
    fn the_check_digit_warns_and_never_rejects() {
        let fits = |code: &str| code.parse::<SiteCode>().unwrap().check_digit_fits();
        assert!(fits("5931102274"), "淡水藥局 of the manual");
        assert!(!fits("3501200000"), "the manual's own virtual clinic");
    }
}
