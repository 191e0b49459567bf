//! Who may do what at a site, as facts: grants, revocations, the issuers of cards, cards that were revoked.

use std::fmt;

use chrono::NaiveDate;

use super::Sealed;
use crate::ids::{EntryId, ServiceName, StaffId};
use crate::rules::access::card::CardKind;

/// One fact of rights.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Somebody may do something: at the site by its 機構代表 or 機構管理者, at the desk by the hub.
    Grant(Grant),
    /// Somebody may no more.
    Revocation(Revocation),
    /// Nation: whose certificates count.
    Issuer(Issuer),
    /// Desk: which cards of this site's people are revoked.
    Revoked(RevokedCards),
    /// 健保服務申請: the site asks for a service, the hub says yes or no at the desk (S18, S21).
    Service(ServiceWord),
}

/// What somebody may do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Right {
    /// 機構代表: names the managers (S17).
    Representative,
    /// 機構管理者: applies for services, looks after the users and what they may use (S18).
    Manager,
    /// 機構使用者 of one service (S19).
    Service(ServiceName),
}

/// The holder of a card: whoever signs with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name on the screen, at most 64 bytes.
    pub name: String,
    /// Which card.
    pub card: CardKind,
    /// The card's public key (SubjectPublicKeyInfo, DER; RFC 5280). Of a 健保卡, which signs nothing, a key of the
    /// site's own whose private half opens with the holder's password.
    pub key: Vec<u8>,
    /// That private half under the password ([`crate::seal::passphrase`]).
    pub locked_key: Option<Vec<u8>>,
    /// Whose 健保卡 it is, sealed.
    pub document: Option<Sealed>,
    /// The certificate's issuer (SHA-256 of its public key) and number, by which it can be revoked.
    pub certificate: Option<Certificate>,
}

/// Which certificate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Certificate {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer: [u8; 32],
    /// Its serial number without leading zeros, at most 20 bytes (RFC 5280, 4.1.2.2).
    pub serial: Vec<u8>,
}

impl Holder {
    /// The name of whoever holds this key.
    #[must_use]
    pub fn id(&self) -> StaffId {
        StaffId::of_key(&self.key)
    }
}

impl fmt::Debug for Holder {
    /// Neither the key under the password nor whose card it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Holder({} {:?}, {})", self.id(), self.name, self.card)
    }
}

/// Somebody may do something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Who.
    pub to: Holder,
    /// What.
    pub rights: Vec<Right>,
    /// The last day on which it holds.
    pub until: NaiveDate,
    /// The revocations of these rights of this holder that the giver knew of: it holds in spite of them, and of no other.
    pub after: Vec<EntryId>,
    /// By whom, under which grant of their own; none: by the hub.
    pub giver: Option<Giver>,
}

impl RevokedCards {
    /// Since when a certificate of this issuer is revoked.
    #[must_use]
    pub fn since(&self, serial: &[u8]) -> Option<i64> {
        let wanted = without_zeros(serial);
        self.cards.iter().find(|(revoked, _)| without_zeros(revoked) == wanted).map(|(_, since)| *since)
    }
}

/// A serial number has many spellings in DER and none begins with a nought here.
#[must_use]
pub fn without_zeros(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}

/// Who gave, and the proof of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Giver {
    /// Who.
    pub id: StaffId,
    /// The grant by which they could.
    pub under: EntryId,
    /// Their card's signature over [`crate::sign::grant::grant_words`].
    pub signature: Vec<u8>,
}

/// Somebody may no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Who.
    pub of: StaffId,
    /// What.
    pub rights: Vec<Right>,
    /// Who took it; none: the hub.
    pub taker: Option<StaffId>,
    /// Why, at most 200 bytes.
    pub reason: String,
}

/// A pinned issuer of cards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer {
    /// Which cards it issues.
    pub cards: Vec<CardKind>,
    /// Its certificate (DER).
    pub certificate: Vec<u8>,
    /// Whether it counts; the last word does.
    pub holds: bool,
}

/// What was said of a service at a site; of the hub's words the last one holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceWord {
    /// Which service.
    pub service: ServiceName,
    /// What.
    pub standing: ServiceStanding,
    /// Why, at most 200 bytes.
    pub reason: String,
}

/// Where a service stands at a site.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ServiceStanding {
    /// A manager has asked for it.
    Applied,
    /// The hub has said yes.
    Approved,
    /// The hub has said no: nobody there may use it.
    Refused,
}

impl ServiceStanding {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Applied, Self::Approved, Self::Refused].into_iter().find(|standing| standing.code() == code)
    }
}

/// What an issuer's list said of the cards of one site; the newest of an issuer counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevokedCards {
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer: [u8; 32],
    /// When the issuer made its list, in seconds since 1970.
    pub as_of: i64,
    /// Serial numbers, and since when.
    pub cards: Vec<(Vec<u8>, i64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_card_is_found_however_its_number_is_spelled() {
        let list = RevokedCards { issuer: [7; 32], as_of: 2, cards: vec![(vec![0, 0x81], 1), (vec![5, 0], 1)] };
        for spelled in [&[0x81][..], &[0, 0x81], &[0, 0, 0x81], &[5, 0], &[0, 5, 0]] {
            assert_eq!(list.since(spelled), Some(1), "{spelled:?}");
        }
        assert_eq!((list.since(&[5]), list.since(&[])), (None, None), "a nought behind is another number");
    }
}
