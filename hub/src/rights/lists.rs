//! Issuers' lists of revoked cards (RFC 5280, 5): read once, kept compactly, and of each list every site is told what
//! concerns its own people. That nothing does is told too, for a list's age is what a site goes by.

use std::collections::BTreeMap;

use shared::entry::Fact;
use shared::entry::access::{Access, Certificate, RevokedCards, without_zeros};
use shared::ids::SiteCode;
use shared::rules::calendar::roc_minute;
use shared::wire::v1::entry::REVOKED_MAX;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_DELTA_CRL_INDICATOR;
use x509_parser::parse_x509_crl;
use x509_parser::pem::parse_x509_pem;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};

use super::certificate::{self, BadCertificate, SERIAL_BYTES_MAX, check_algorithm};
use super::{PinnedIssuer, read};
use crate::hub::{Hub, HubError};
use crate::publish::{desk, signed};
use crate::store::CardListRow;

/// Longest list, in bytes; the longest that is known has 20 MB.
pub const LIST_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A card in a kept list: its number, filled up with noughts before it, and since when.
const RECORD_BYTES: usize = SERIAL_BYTES_MAX + 8;
/// The hub's clock and an issuer's differ by no more, in seconds.
const AHEAD_MAX_S: i64 = 300;
/// Who signs what nobody asked for.
const SELF: &str = "atoll-hub";

/// Why a list is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    /// Not one, or cut short.
    #[error("不是憑證廢止清冊，或檔案不完整 this is no list of revoked certificates (PEM or DER), or it was cut short")]
    Form,
    /// Its signature's rule.
    #[error(transparent)]
    Algorithm(#[from] BadCertificate),
    /// Nobody who is published made it.
    #[error(
        "清冊不是由已公布的憑證機構簽發 no published issuer made it; it names {0}; `atoll-hub issuer list` shows them"
    )]
    Unknown(String),
    /// It names an issuer, whose key did not sign it.
    #[error("清冊簽章不符 it was not signed by {0}, whom it names: it was changed, or made by somebody else")]
    Signature(String),
    /// Only what has changed since another list.
    #[error("這是差異清冊，請改用完整清冊 it tells only changes: bring the whole list")]
    Delta,
    /// Only some cards or reasons.
    #[error("清冊只涵蓋部分憑證 it covers only a part of the issuer's cards, or says what this program does not know")]
    Partial,
    /// An older one than is known.
    #[error("已有較新的清冊 a newer list is known: this one is of {}, the newest of {}", roc_minute(*.made), roc_minute(*.known))]
    Older {
        /// When it was made.
        made: i64,
        /// When the newest was.
        known: i64,
    },
    /// Made in what the hub's clock calls the future.
    #[error("清冊時間在未來 it says that it was made at {}, which is in the future: look at this computer's clock", roc_minute(*.0))]
    Future(i64),
}

/// An issuer's list.
#[derive(Clone, PartialEq, Eq)]
pub struct CardList {
    /// SHA-256 of the issuer's key.
    pub issuer: [u8; 32],
    /// When the issuer made it.
    pub as_of: i64,
    /// When the issuer means to make the next.
    pub next: Option<i64>,
    /// In the order of the numbers.
    cards: Vec<u8>,
}

impl std::fmt::Debug for CardList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CardList({} cards as of {})", self.len(), self.as_of)
    }
}

impl CardList {
    /// Of a file's bytes; its issuer must be published, and have signed it.
    ///
    /// # Errors
    /// Where it is none, or is not to be believed.
    pub fn read(bytes: &[u8], issuers: &[PinnedIssuer], now: i64) -> Result<Self, BadList> {
        let pem = if bytes.starts_with(b"-----BEGIN") {
            let (_, pem) = parse_x509_pem(bytes).map_err(|_| BadList::Form)?;
            Some(pem.contents)
        } else {
            None
        };
        let ([], list) = parse_x509_crl(pem.as_deref().unwrap_or(bytes)).map_err(|_| BadList::Form)? else {
            return Err(BadList::Form);
        };
        check_algorithm(&list.signature_algorithm)?;
        if list.signature_value.unused_bits != 0 {
            return Err(BadList::Form);
        }
        let issuer = signer_of(&list, issuers)?;
        check_whole(&list)?;
        let as_of = list.last_update().timestamp();
        if as_of > now.saturating_add(AHEAD_MAX_S) {
            return Err(BadList::Future(as_of));
        }
        let mut records = list.iter_revoked_certificates().map(record).collect::<Result<Vec<_>, _>>()?;
        records.sort_unstable();
        let next = list.next_update().map(|next| next.timestamp());
        Ok(Self { issuer, as_of, next, cards: records.concat() })
    }

    /// How many cards are on it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cards.len() / RECORD_BYTES
    }

    /// Whether no card is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// Since when a card is revoked.
    #[must_use]
    pub fn since(&self, serial: &[u8]) -> Option<i64> {
        let wanted = padded(without_zeros(serial))?;
        let (records, _) = self.cards.as_chunks::<RECORD_BYTES>();
        let at = records.partition_point(|record| record.as_slice() < wanted.as_slice());
        let (number, since) = records.get(at)?.split_at(SERIAL_BYTES_MAX);
        let since = since.try_into().map(i64::from_be_bytes).ok()?;
        (number == wanted).then_some(since)
    }
}

/// How an import went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Whose list.
    pub issuer: String,
    /// When it was made.
    pub as_of: i64,
    /// When the next is due.
    pub next: Option<i64>,
    /// How many cards are on it.
    pub cards: usize,
    /// How many sites have people of this issuer.
    pub sites: usize,
    /// How many of their cards are revoked.
    pub revoked: usize,
}

/// A list as it was imported last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStanding {
    /// SHA-256 of the issuer's key.
    pub issuer: [u8; 32],
    /// When it was made.
    pub as_of: i64,
    /// When the next is due.
    pub next: Option<i64>,
    /// When it was imported.
    pub imported: i64,
    /// How many cards are on it.
    pub cards: u64,
}

impl Hub {
    /// Takes an issuer's list and tells every site that has people of this issuer.
    ///
    /// # Errors
    /// Where the machine fails; what is not believed is the inner error.
    pub fn import_card_list(&mut self, file: &[u8], second: i64) -> Result<Result<Imported, BadList>, HubError> {
        let issuers = self.issuers()?;
        let list = match CardList::read(file, &issuers, second) {
            Ok(list) => list,
            Err(bad) => return Ok(Err(bad)),
        };
        self.transact(|hub| {
            if let Some(known) = hub.store.card_list(&list.issuer)?.filter(|known| known.as_of > list.as_of) {
                return Ok(Err(BadList::Older { made: list.as_of, known: known.as_of }));
            }
            let CardList { issuer, as_of, next, cards } = list.clone();
            hub.store.put_card_list(&CardListRow { issuer, as_of, next, imported: second, cards })?;
            let sites = hub.store.sites_of_issuer(&issuer)?;
            let mut revoked = 0;
            for site in &sites {
                revoked += hub.tell_cards(site, &list, second)?;
            }
            let name = issuers.iter().find(|pinned| pinned.key == issuer).map(|pinned| pinned.name.clone());
            let issuer = name.unwrap_or_default();
            Ok(Ok(Imported { issuer, as_of, next, cards: list.len(), sites: sites.len(), revoked }))
        })
    }

    /// Tells a site's desk which of its people's cards are on a list, unless that is what it was told last; gives how
    /// many they are.
    fn tell_cards(&mut self, site: &SiteCode, list: &CardList, second: i64) -> Result<usize, HubError> {
        let mut cards = BTreeMap::new();
        for row in self.store.staff_facts(site)? {
            let certificate = row.certificate.filter(|of| of.issuer == list.issuer);
            if let Some(certificate) = certificate
                && let Some(since) = list.since(&certificate.serial)
            {
                cards.insert(certificate.serial, since);
            }
        }
        let count = cards.len();
        if count > REVOKED_MAX {
            tracing::warn!(%site, count, "more revoked cards of one site than a desk can be told of");
        }
        let cards = cards.into_iter().take(REVOKED_MAX).collect();
        let fact = Fact::Access(Access::Revoked(RevokedCards { issuer: list.issuer, as_of: list.as_of, cards }));
        let told = self.store.told_cards(site, &list.issuer)?.map(|bytes| read(&bytes)).transpose()?;
        if told.is_none_or(|told| told.fact != fact) {
            self.write(desk(site, second), &[signed(fact, SELF, second)], second)?;
        }
        Ok(count)
    }

    /// Since when a card is revoked by what its site was told last.
    pub(super) fn told_since(&self, site: &SiteCode, card: &Certificate) -> Result<Option<i64>, HubError> {
        let Some(told) = self.store.told_cards(site, &card.issuer)? else { return Ok(None) };
        let Fact::Access(Access::Revoked(list)) = read(&told)?.fact else { return Ok(None) };
        Ok(list.cards.into_iter().find(|(serial, _)| *serial == card.serial).map(|(_, since)| since))
    }

    /// The same of every list that was imported, where a site's people have changed.
    pub(super) fn tell_cards_again(&mut self, site: &SiteCode, second: i64) -> Result<(), HubError> {
        let facts = self.store.staff_facts(site)?;
        let mut issuers: Vec<[u8; 32]> = facts.into_iter().filter_map(|row| Some(row.certificate?.issuer)).collect();
        issuers.sort_unstable();
        issuers.dedup();
        for issuer in issuers {
            if let Some(list) = self.card_list(&issuer)? {
                self.tell_cards(site, &list, second)?;
            }
        }
        Ok(())
    }

    /// The list of an issuer that was imported last.
    pub(super) fn card_list(&self, issuer: &[u8; 32]) -> Result<Option<CardList>, HubError> {
        let kept = self.store.card_list(issuer)?;
        Ok(kept.map(|row| CardList { issuer: row.issuer, as_of: row.as_of, next: row.next, cards: row.cards }))
    }

    /// Every list that was imported.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn card_lists(&self) -> Result<Vec<ListStanding>, HubError> {
        let all = self.store.card_list_heads()?.into_iter();
        let standing = |(issuer, as_of, next, imported, bytes): crate::store::CardListHead| {
            let cards = bytes / RECORD_BYTES as u64;
            ListStanding { issuer, as_of, next, imported, cards }
        };
        Ok(all.map(standing).collect())
    }
}

fn signer_of(list: &CertificateRevocationList<'_>, issuers: &[PinnedIssuer]) -> Result<[u8; 32], BadList> {
    let name = certificate::shown(&list.issuer().to_string());
    let mut bad = BadList::Unknown(name.clone());
    for pinned in issuers.iter().filter(|pinned| pinned.issuer.holds) {
        let issuer = certificate::whole(&pinned.issuer.certificate)?;
        if issuer.subject().as_raw() != list.issuer().as_raw() {
            continue;
        }
        if list.signature_algorithm == list.tbs_cert_list.signature
            && list.verify_signature(issuer.public_key()).is_ok()
        {
            return Ok(pinned.key);
        }
        bad = BadList::Signature(name.clone());
    }
    Err(bad)
}

/// Whether it speaks of all of the issuer's cards.
fn check_whole(list: &CertificateRevocationList<'_>) -> Result<(), BadList> {
    for extension in list.extensions() {
        if extension.oid == OID_X509_EXT_DELTA_CRL_INDICATOR {
            return Err(BadList::Delta);
        }
        if let ParsedExtension::IssuingDistributionPoint(point) = extension.parsed_extension() {
            let other = point.only_contains_attribute_certs || point.only_contains_ca_certs;
            if other || point.indirect_crl || point.only_some_reasons.is_some() {
                return Err(BadList::Partial);
            }
        } else if extension.critical {
            return Err(BadList::Partial);
        }
    }
    Ok(())
}

fn record(revoked: &RevokedCertificate<'_>) -> Result<[u8; RECORD_BYTES], BadList> {
    let number = padded(without_zeros(revoked.raw_serial())).ok_or(BadList::Form)?;
    let mut out = [0; RECORD_BYTES];
    let (to_number, to_since) = out.split_at_mut(SERIAL_BYTES_MAX);
    to_number.copy_from_slice(&number);
    to_since.copy_from_slice(&revoked.revocation_date.timestamp().to_be_bytes());
    Ok(out)
}

/// A number at its full length.
fn padded(number: &[u8]) -> Option<[u8; SERIAL_BYTES_MAX]> {
    let before = SERIAL_BYTES_MAX.checked_sub(number.len())?;
    let mut out = [0; SERIAL_BYTES_MAX];
    out.get_mut(before..)?.copy_from_slice(number);
    Some(out)
}
