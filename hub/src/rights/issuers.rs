//! Whose certificates count: issuers that the hub publishes to the nation.

use shared::entry::access::{Access, Issuer};
use shared::entry::{Entry, Fact};
use shared::ids::DocId;
use shared::rules::access::card::CardKind;

use super::certificate::{self, BadCertificate};
use super::{has_certificate, read};
use crate::hub::{Hub, HubError};
use crate::publish::{month, signed};

/// An issuer as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedIssuer {
    /// What the edges were told of it.
    pub issuer: Issuer,
    /// SHA-256 of its certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its key: which issuer a card's certificate names.
    pub key: [u8; 32],
    /// Whom its certificate names.
    pub name: String,
    /// When its certificate's time is over.
    pub expires: i64,
    /// Who published it, or took it back.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}

/// An issuer that is not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIssuer {
    /// By its certificate.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// No kind of card was named.
    #[error("請指明卡片種類 say which cards it issues: --card professional, institution, citizen or government")]
    NoCard,
    /// 健保卡 have no certificates.
    #[error("{}沒有憑證 a {} has no certificate, so nobody issues one", .0.zh(), .0.en())]
    NoCertificate(CardKind),
    /// Nobody such was published.
    #[error("查無此憑證機構 no published issuer {0:?}, or several begin so; `atoll-hub issuer list` shows them")]
    Nobody(String),
}

impl Hub {
    /// Publishes an issuer of cards to the nation.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be published is the inner error.
    pub fn add_issuer(
        &mut self,
        file: &[u8],
        cards: &[CardKind],
        by: &str,
        second: i64,
    ) -> Result<Result<PinnedIssuer, BadIssuer>, HubError> {
        if cards.is_empty() {
            return Ok(Err(BadIssuer::NoCard));
        }
        if let Some(card) = cards.iter().find(|card| !has_certificate(**card)) {
            return Ok(Err(BadIssuer::NoCertificate(*card)));
        }
        let certificate = match certificate::read_authority(file, second) {
            Ok(certificate) => certificate,
            Err(bad) => return Ok(Err(bad.into())),
        };
        let mut cards = cards.to_vec();
        cards.sort_unstable();
        cards.dedup();
        self.publish_issuer(Issuer { cards, certificate, holds: true }, by, second).map(Ok)
    }

    /// Takes an issuer back, by the beginning of its fingerprint: nobody signs in any more with a card that it signed.
    ///
    /// # Errors
    /// Where the machine fails; an issuer that is not there is the inner error.
    pub fn remove_issuer(
        &mut self,
        fingerprint: &str,
        by: &str,
        second: i64,
    ) -> Result<Result<PinnedIssuer, BadIssuer>, HubError> {
        let wanted = fingerprint.to_ascii_lowercase().replace(':', "");
        let mut all = self.issuers()?;
        all.retain(|pinned| pinned.issuer.holds && certificate::hex(&pinned.fingerprint).starts_with(&wanted));
        match <[PinnedIssuer; 1]>::try_from(all) {
            Ok([pinned]) if !wanted.is_empty() => {
                let issuer = Issuer { holds: false, ..pinned.issuer };
                self.publish_issuer(issuer, by, second).map(Ok)
            }
            Ok(_) | Err(_) => Ok(Err(BadIssuer::Nobody(fingerprint.to_owned()))),
        }
    }

    fn publish_issuer(&mut self, issuer: Issuer, by: &str, second: i64) -> Result<PinnedIssuer, HubError> {
        let entry = signed(Fact::Access(Access::Issuer(issuer.clone())), by, second);
        let published = pinned(issuer, &entry)?;
        self.transact(|hub| hub.write(DocId::Nation { month: month(second) }, &[entry], second))?;
        Ok(published)
    }

    /// Every issuer that was ever published, as the last word on it stands.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn issuers(&self) -> Result<Vec<PinnedIssuer>, HubError> {
        let mut all = Vec::new();
        for bytes in self.store.issuers()? {
            let entry = read(&bytes)?;
            if let Fact::Access(Access::Issuer(issuer)) = &entry.fact {
                all.push(pinned(issuer.clone(), &entry)?);
            }
        }
        Ok(all)
    }
}

fn pinned(issuer: Issuer, entry: &Entry) -> Result<PinnedIssuer, HubError> {
    let damaged = |cause: BadCertificate| HubError::Damaged(format!("a published issuer: {cause}"));
    let (fingerprint, key) = certificate::prints(&issuer.certificate).map_err(damaged)?;
    let expires = certificate::whole(&issuer.certificate).map_err(damaged)?.validity().not_after.timestamp();
    let name = certificate::name_of(&issuer.certificate);
    Ok(PinnedIssuer { issuer, fingerprint, key, name, expires, by: entry.by.name.clone(), second: entry.at.second })
}
