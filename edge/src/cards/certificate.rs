//! Who stands behind a certificate card, and whether to believe it (S13-S18): judged before anybody is asked for a PIN,
//! so that no try is burnt on a card that would be refused anyway. Pure: the time, the issuers and the lists of revoked
//! cards are arguments, and no line is needed.
//!
//! A card is believed where an issuer that is pinned here made its certificate; which kind of card it is the issuer
//! says, and a certificate only between the kinds that its issuer makes. Every byte of it is hostile.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use shared::entry::Instant;
use shared::entry::access::{RevokedCards, without_zeros};
use shared::rules::access::card::CardKind;
use shared::sign::card::{CardKey, sha256};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs as algorithms};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use super::lines::CERTIFICATE_BYTES_MAX;
use super::login::LoginFailure;

mod subject;

/// How an issuer may have signed a certificate. SHA-1, by which the oldest cards were signed, is not among them.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ED25519,
];
const DAY_S: i64 = 86_400;

/// Judges a card by its certificates: whose it is, or why nobody may sign in by it.
///
/// # Errors
/// Of several certificates to sign by, the failure that says most.
pub fn judge(
    certificates: &[Vec<u8>],
    wanted: CardKind,
    trust: &Trust,
    lists: &[RevokedCards],
    now: Instant,
    policy: &Policy,
) -> Result<CardIdentity, LoginFailure> {
    let mut failure = LoginFailure::NotACertificateCard;
    for der in certificates {
        match judge_one(der, wanted, trust, lists, now, policy) {
            Ok(identity) => return Ok(identity),
            Err(other) if says(other) > says(failure) => failure = other,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// Whether the card signed the message.
///
/// # Errors
/// [`LoginFailure::BadSignature`] where it did not.
pub fn check_signature(identity: &CardIdentity, message: &[u8], signature: &[u8]) -> Result<(), LoginFailure> {
    if identity.key.signed(message, signature) { Ok(()) } else { Err(LoginFailure::BadSignature) }
}

/// Whose card it is, by a certificate that was believed.
#[derive(Clone, PartialEq, Eq)]
pub struct CardIdentity {
    /// What the issuer says that it is.
    pub kind: CardKind,
    /// By whom: [`Issuer::id`].
    pub issuer: [u8; 32],
    /// The certificate's number at its issuer, without leading zeros.
    pub serial: Vec<u8>,
    /// SHA-256 of the certificate: names it to the helper. Nothing else should be bound to it, for a signature can be
    /// written in more than one way; a card is its issuer and number, or its key.
    pub leaf: [u8; 32],
    /// Its key.
    pub key: CardKey,
    /// The name on it, for show; nothing is decided by it.
    pub common_name: String,
    /// Of a citizen's card: the last four characters of the number. No card says all of them.
    pub id_tail: Option<String>,
    /// Of an institution or a government unit: its code.
    pub unit: Option<String>,
    /// The last second in which it is valid, since 1970.
    pub not_after: i64,
    /// So many days old is what was heard of revoked cards, where that is worth a note: shown and logged.
    pub list_days_old: Option<u32>,
}

/// Names nobody: it may stand in a log.
impl std::fmt::Debug for CardIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardIdentity")
            .field("kind", &self.kind)
            .field("key", &self.key)
            .field("not_after", &self.not_after)
            .field("list_days_old", &self.list_days_old)
            .finish_non_exhaustive()
    }
}

/// An authority whose cards are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The kinds of cards that it makes.
    pub kinds: Vec<CardKind>,
    /// The certificate of the authority that signs the cards themselves, not of one above it (DER).
    pub certificate: Vec<u8>,
}

impl Issuer {
    /// Which it is: SHA-256 of its key (SubjectPublicKeyInfo). None where the certificate is none.
    #[must_use]
    pub fn id(&self) -> Option<[u8; 32]> {
        whole(&self.certificate).map(|certificate| sha256(certificate.public_key().raw))
    }
}

/// The authorities that are pinned here. Nobody else is asked, and nothing above them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    issuers: Vec<(Issuer, [u8; 32])>,
}

/// A certificate that is none of an authority's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("certificate {place} is none of an authority that makes certificate cards")]
pub struct BadIssuer {
    /// Which of them, from nought.
    pub place: usize,
}

impl Trust {
    /// In these authorities.
    ///
    /// # Errors
    /// Where one has no certificate of an authority, or makes no kind of certificate card.
    pub fn new(issuers: Vec<Issuer>) -> Result<Self, BadIssuer> {
        let pinned = |(place, issuer): (usize, Issuer)| {
            let bad = BadIssuer { place };
            let certificate = whole(&issuer.certificate).ok_or(bad)?;
            let is_authority = certificate.is_ca()
                && anchor_from_trusted_cert(&CertificateDer::from(issuer.certificate.as_slice())).is_ok();
            let id = sha256(certificate.public_key().raw);
            let has_certificate = |kind: &CardKind| !matches!(kind, CardKind::Nhi | CardKind::Envelope);
            let makes_cards = !issuer.kinds.is_empty() && issuer.kinds.iter().all(has_certificate);
            if is_authority && makes_cards { Ok((issuer, id)) } else { Err(bad) }
        };
        Ok(Self { issuers: issuers.into_iter().enumerate().map(pinned).collect::<Result<_, _>>()? })
    }

    /// The authorities, each with its [`Issuer::id`].
    pub fn issuers(&self) -> impl Iterator<Item = (&Issuer, &[u8; 32])> {
        self.issuers.iter().map(|(issuer, id)| (issuer, id))
    }
}

/// How much doubt is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A list that is older by more than this is noted.
    pub stale_days_noted: u32,
    /// With one that is older than this nobody signs in; `u32::MAX` never refuses.
    pub stale_days_max: u32,
    /// Nobody signs in where the time is more doubtful than this.
    pub clock_doubt_max_s: u32,
}

impl Default for Policy {
    /// A list is a day old where the line works; a week without it is borne, and so is a day's doubt of the time.
    fn default() -> Self {
        Self { stale_days_noted: 1, stale_days_max: 7, clock_doubt_max_s: 86_400 }
    }
}

/// Of two failures the one that is further on is told.
fn says(failure: LoginFailure) -> u8 {
    match failure {
        LoginFailure::NotACertificateCard => 0,
        LoginFailure::UnknownIssuer => 1,
        LoginFailure::WrongKind { .. } => 2,
        LoginFailure::NotYet
        | LoginFailure::Expired
        | LoginFailure::Revoked { .. }
        | LoginFailure::ListTooOld { .. }
        | LoginFailure::Clock
        | LoginFailure::HelperDown
        | LoginFailure::ModuleMissing
        | LoginFailure::NoToken
        | LoginFailure::PinLength
        | LoginFailure::PinWrong { .. }
        | LoginFailure::PinLocked
        | LoginFailure::PadCancelled
        | LoginFailure::Removed
        | LoginFailure::Hung
        | LoginFailure::BadSignature
        | LoginFailure::Refused => 3,
    }
}

fn judge_one(
    der: &[u8],
    wanted: CardKind,
    trust: &Trust,
    lists: &[RevokedCards],
    now: Instant,
    policy: &Policy,
) -> Result<CardIdentity, LoginFailure> {
    let (leaf, key) = signs(der).ok_or(LoginFailure::NotACertificateCard)?;
    let (issuer, id) = issuer_of(der, &leaf, trust)?;
    let kind = kind_of(&leaf, issuer)?;
    if kind != wanted {
        return Err(LoginFailure::WrongKind { is: kind });
    }
    let lists: Vec<_> = lists.iter().filter(|list| list.issuer == id).collect();
    let heard = lists.iter().map(|list| list.as_of).max();
    let validity = leaf.validity();
    let not_after = validity.not_after.timestamp();
    check_time(now, heard, (validity.not_before.timestamp(), not_after), policy)?;
    let serial = without_zeros(leaf.raw_serial());
    if let Some(since) = lists.iter().find_map(|list| list.since(serial)) {
        return Err(LoginFailure::Revoked { since });
    }
    Ok(CardIdentity {
        kind,
        issuer: id,
        serial: serial.to_vec(),
        leaf: sha256(der),
        key,
        common_name: subject::common_name(&leaf),
        id_tail: subject::id_tail(&leaf),
        unit: subject::unit(&leaf, kind),
        not_after,
        list_days_old: check_age(now, heard, policy)?,
    })
}

/// A certificate and nothing behind it.
fn whole(der: &[u8]) -> Option<X509Certificate<'_>> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return None;
    }
    parse_x509_certificate(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, certificate)| certificate)
}

/// One that its holder signs by: a card has others to encrypt, and those of its issuers.
fn signs(der: &[u8]) -> Option<(X509Certificate<'_>, CardKey)> {
    let leaf = whole(der)?;
    let signs = leaf.key_usage().ok()??.value.digital_signature();
    let is_authority = leaf.basic_constraints().ok()?.is_some_and(|constraints| constraints.value.ca);
    let key = CardKey::from_spki(leaf.public_key().raw).ok()?;
    (signs && !is_authority).then_some((leaf, key))
}

/// Which pinned authority signed it.
fn issuer_of<'t>(
    der: &[u8],
    leaf: &X509Certificate<'_>,
    trust: &'t Trust,
) -> Result<(&'t Issuer, [u8; 32]), LoginFailure> {
    let der = CertificateDer::from(der);
    let card = EndEntityCert::try_from(&der).map_err(|_| LoginFailure::NotACertificateCard)?;
    let mut failure = LoginFailure::UnknownIssuer;
    for (issuer, id) in &trust.issuers {
        match signed_by(&card, leaf, &issuer.certificate) {
            Ok(()) => return Ok((issuer, *id)),
            // It made the certificate, and for something else: a server, a mail box.
            Err(webpki::Error::RequiredEkuNotFoundContext(_)) => failure = LoginFailure::NotACertificateCard,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// At the beginning of its validity: whether that is now is judged elsewhere, with the clock's doubt.
fn signed_by(card: &EndEntityCert<'_>, leaf: &X509Certificate<'_>, issuer: &[u8]) -> Result<(), webpki::Error> {
    let issuer = CertificateDer::from(issuer);
    let anchors = [anchor_from_trusted_cert(&issuer)?];
    let began = u64::try_from(leaf.validity().not_before.timestamp()).map_err(|_| webpki::Error::BadDerTime)?;
    let began = UnixTime::since_unix_epoch(Duration::from_secs(began));
    card.verify_for_usage(ALGORITHMS, &anchors, &[], began, KeyUsage::client_auth(), None, None).map(drop)
}

/// What the certificate says of itself counts only among the kinds that its issuer makes.
fn kind_of(leaf: &X509Certificate<'_>, issuer: &Issuer) -> Result<CardKind, LoginFailure> {
    match (subject::kind(leaf), issuer.kinds.as_slice()) {
        (Some(kind), kinds) if kinds.contains(&kind) => Ok(kind),
        (Some(_), _) => Err(LoginFailure::UnknownIssuer),
        (None, [only]) => Ok(*only),
        (None, _) => Err(LoginFailure::NotACertificateCard),
    }
}

/// Refuses surely, or says that nobody can tell: where the doubt reaches over an end of the validity, or an issuer spoke
/// in what this clock calls the future.
fn check_time(now: Instant, heard: Option<i64>, (from, to): (i64, i64), policy: &Policy) -> Result<(), LoginFailure> {
    let doubt = i64::from(now.doubt_s);
    let (earliest, latest) = (now.second.saturating_sub(doubt), now.second.saturating_add(doubt));
    if now.doubt_s > policy.clock_doubt_max_s || heard.is_some_and(|heard| heard > latest) {
        Err(LoginFailure::Clock)
    } else if latest < from {
        Err(LoginFailure::NotYet)
    } else if earliest > to {
        Err(LoginFailure::Expired)
    } else if earliest < from || latest > to {
        Err(LoginFailure::Clock)
    } else {
        Ok(())
    }
}

/// How old what was heard is, where that is worth a note.
fn check_age(now: Instant, heard: Option<i64>, policy: &Policy) -> Result<Option<u32>, LoginFailure> {
    let age = |heard| now.second.saturating_sub(heard).max(0) / DAY_S;
    let days = heard.map_or(u32::MAX, |heard| u32::try_from(age(heard)).unwrap_or(u32::MAX));
    if days > policy.stale_days_max {
        return Err(LoginFailure::ListTooOld { days });
    }
    Ok((days > policy.stale_days_noted).then_some(days))
}

#[cfg(test)]
mod tests;
