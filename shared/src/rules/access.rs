//! Who may stand at the counter (REQUIREMENTS S10-S20): the cards that say who somebody is, what a person may do,
//! and what a withdrawn right means to those who had not heard of it.
//!
//! Grants and revocations are facts of several ledgers that meet in any order, so their meaning is a fold of the set
//! ([`Rights::fold`]). **A revocation beats every grant that does not name it**: whoever gave without knowing of it
//! gave too late or at the same time. A grant is worth what its giver was: it names the giver's own grant, and falls
//! where that had been taken back before or meanwhile.

use crate::entry::access::Right;
use crate::ids::ServiceName;
use card::CardKind;

pub mod card;
mod fold;
pub mod misuse;

pub use fold::{Denied, Given, Holding, Place, Rights, ServiceNow, Taken, Void, Word};

/// The service of the rationing programmes: 防疫口罩管控系統.
pub const MASKS: &str = "masks";
/// Longest time for which a right is given, in days.
pub const GRANT_DAYS_MAX: u64 = 400;
/// The service of booked places: Covid-19公費疫苗預約.
pub const BOOKING: &str = "booking";

impl Right {
    /// The right to use a service of this name; none where it is no name.
    #[must_use]
    pub fn service(name: &str) -> Option<Self> {
        name.parse::<ServiceName>().ok().map(Self::Service)
    }

    /// Whether whoever has this right may give, and take, that one (S16-S18): the 機構代表 names managers, a
    /// 機構管理者 says who uses what. The hub gives any.
    #[must_use]
    pub fn gives(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Representative, Self::Manager) | (Self::Manager, Self::Service(_)) => true,
            (Self::Representative | Self::Manager | Self::Service(_), _) => false,
        }
    }

    /// Whether the right may be held by this card: the 機構代表 signs in with the site's own card (S17), all others
    /// with their own (S15, S18).
    #[must_use]
    pub fn fits(&self, card: CardKind) -> bool {
        match self {
            Self::Representative => card.is_of_site(),
            Self::Manager => !card.is_of_site() && card != CardKind::Envelope,
            Self::Service(_) => !card.is_of_site(),
        }
    }

    /// The manual's word.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Representative => "機構代表".to_owned(),
            Self::Manager => "機構管理者".to_owned(),
            Self::Service(service) => match service.as_str() {
                MASKS => "防疫口罩管控系統".to_owned(),
                BOOKING => "Covid-19公費疫苗預約".to_owned(),
                other => other.to_owned(),
            },
        }
    }

    /// In English.
    #[must_use]
    pub fn en(&self) -> String {
        match self {
            Self::Representative => "representative".to_owned(),
            Self::Manager => "manager".to_owned(),
            Self::Service(service) => match service.as_str() {
                MASKS => "rationed goods".to_owned(),
                BOOKING => "vaccination booking".to_owned(),
                other => other.to_owned(),
            },
        }
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Representative => f.write_str("representative"),
            Self::Manager => f.write_str("manager"),
            Self::Service(service) => write!(f, "service:{service}"),
        }
    }
}

impl std::str::FromStr for Right {
    type Err = crate::ids::BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("service:") {
            Some(service) => service.parse().map(Self::Service),
            None if text == "representative" => Ok(Self::Representative),
            None if text == "manager" => Ok(Self::Manager),
            None => Err(crate::ids::BadId::Name(text.chars().take(60).collect())),
        }
    }
}

#[cfg(test)]
mod tests;
