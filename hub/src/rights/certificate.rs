//! Certificates as an operator brings them, PEM or DER: an issuer's, and that of a card which an issuer signed. They say
//! whose key it is and by what number it can be revoked; nothing else of them is believed.

use data_encoding::{BASE64, HEXLOWER};
use shared::entry::access::{Certificate, without_zeros};
use shared::rules::access::card::CardKind;
use shared::rules::calendar::{roc_minute, taipei_day};
use shared::sign::card::{CardKey, sha256};
use shared::wire::v1::entry::CERTIFICATE_BYTES_MAX;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_PKCS1_SHA1WITHRSA, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SHA1_WITH_RSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519,
};
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;
use x509_parser::x509::AlgorithmIdentifier;

use super::PinnedIssuer;

/// A serial number is never longer (RFC 5280, 4.1.2.2).
pub(super) const SERIAL_BYTES_MAX: usize = 20;
/// A certificate as a PEM file is never longer, in bytes.
const FILE_BYTES_MAX: usize = 4 * CERTIFICATE_BYTES_MAX;

/// Why a certificate is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not one.
    #[error("不是憑證檔 this is no certificate (PEM or DER, at most {CERTIFICATE_BYTES_MAX} bytes)")]
    Form,
    /// A signature that anybody can make today.
    #[error("以 SHA-1 簽章，不受理 it is signed with SHA-1, which anybody can forge today")]
    Sha1,
    /// A rule by which no card is signed.
    #[error("簽章方式不受理 it is signed by a rule that is not taken: {0}")]
    Algorithm(String),
    /// Its time is over.
    #[error("憑證已過期 it expired at {}", roc_minute(*.0))]
    Expired(i64),
    /// Its time has not begun.
    #[error("憑證尚未生效 it is not valid before {}", roc_minute(*.0))]
    Early(i64),
    /// A card's certificate was wanted.
    #[error("這是憑證機構的憑證，不是卡片的憑證 this is an authority's certificate and no card's")]
    Authority,
    /// A certificate to sign with was wanted.
    #[error(
        "這是加密用憑證，不能登入；請改用簽章用憑證 this certificate is for encryption, and nobody signs in by it: take the card's other one"
    )]
    Encrypts,
    /// An authority's certificate was wanted.
    #[error("這不是憑證機構的憑證 this is no authority's certificate: it may not sign others")]
    NotAuthority,
    /// A key of another form.
    #[error("金鑰種類不受理 its key is none that a card may have: RSA of 2048 bits and more, P-256, Ed25519")]
    Key,
    /// Nobody who is published signed it.
    #[error(
        "憑證不是由已公布的憑證機構簽發 no published issuer signed it; it names {0}; `atoll-hub issuer list` shows them"
    )]
    Unknown(String),
    /// Its issuer makes other cards.
    #[error("簽發機構不發{} its issuer {issuer} makes no {}", .card.zh(), .card.en())]
    Kind {
        /// Who signed it.
        issuer: String,
        /// Which card it was said to be.
        card: CardKind,
    },
}

/// A card's certificate that a published issuer signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardCertificate {
    /// The card's public key (SubjectPublicKeyInfo, DER).
    pub key: Vec<u8>,
    /// By which it can be revoked.
    pub name: Certificate,
    /// The last second in which it is valid.
    pub expires: i64,
}

impl CardCertificate {
    /// Of a file's bytes.
    ///
    /// # Errors
    /// Where it is none of a card of this kind that is valid now.
    pub fn read(bytes: &[u8], card: CardKind, issuers: &[PinnedIssuer], now: i64) -> Result<Self, BadCertificate> {
        let der = der(bytes)?;
        let certificate = whole(&der)?;
        if certificate.is_ca() {
            return Err(BadCertificate::Authority);
        }
        // A card has another certificate to encrypt with, by which nobody signs in.
        let usage = certificate.key_usage().map_err(|_| BadCertificate::Form)?;
        if usage.is_some_and(|usage| !usage.value.digital_signature()) {
            return Err(BadCertificate::Encrypts);
        }
        check_algorithm(&certificate.signature_algorithm)?;
        let issuer = signer_of(&certificate, issuers)?;
        if !issuer.issuer.cards.contains(&card) {
            return Err(BadCertificate::Kind { issuer: issuer.name.clone(), card });
        }
        check_time(&certificate, now)?;
        let key = CardKey::from_spki(certificate.public_key().raw).map_err(|_| BadCertificate::Key)?;
        let serial = without_zeros(certificate.raw_serial()).to_vec();
        if serial.len() > SERIAL_BYTES_MAX {
            return Err(BadCertificate::Form);
        }
        let name = Certificate { issuer: issuer.key, serial };
        Ok(Self { key: key.spki().to_vec(), name, expires: certificate.validity().not_after.timestamp() })
    }

    /// The last whole day on which it is valid.
    #[must_use]
    pub fn last_day(&self) -> chrono::NaiveDate {
        taipei_day(self.expires)
    }
}

/// An authority's certificate that may be published now.
pub(super) fn read_authority(bytes: &[u8], now: i64) -> Result<Vec<u8>, BadCertificate> {
    let der = der(bytes)?;
    let certificate = whole(&der)?;
    let may_sign = certificate.key_usage().ok().flatten().is_none_or(|usage| usage.value.key_cert_sign());
    if !certificate.is_ca() || !may_sign {
        return Err(BadCertificate::NotAuthority);
    }
    check_algorithm(&certificate.signature_algorithm)?;
    check_time(&certificate, now)?;
    Ok(der)
}

/// A certificate and nothing behind it.
pub(super) fn whole(der: &[u8]) -> Result<X509Certificate<'_>, BadCertificate> {
    let Ok(([], certificate)) = parse_x509_certificate(der) else { return Err(BadCertificate::Form) };
    let one_rule = certificate.signature_algorithm == certificate.tbs_certificate.signature;
    let one_form = one_rule && certificate.signature_value.unused_bits == 0;
    if one_form && der.len() <= CERTIFICATE_BYTES_MAX { Ok(certificate) } else { Err(BadCertificate::Form) }
}

/// Which it is: SHA-256 of the certificate, and of its key.
pub(super) fn prints(der: &[u8]) -> Result<([u8; 32], [u8; 32]), BadCertificate> {
    Ok((sha256(der), sha256(whole(der)?.public_key().raw)))
}

/// Whom it names, for people.
pub(super) fn name_of(der: &[u8]) -> String {
    whole(der).map(|certificate| shown(&certificate.subject().to_string())).unwrap_or_default()
}

/// A name out of a certificate, fit to be shown.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// The bytes of a PEM, DER or base64 text.
fn der(bytes: &[u8]) -> Result<Vec<u8>, BadCertificate> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(BadCertificate::Form);
    }
    if bytes.starts_with(b"-----BEGIN") {
        let (_, pem) = parse_x509_pem(bytes).map_err(|_| BadCertificate::Form)?;
        let is_certificate = pem.label == "CERTIFICATE";
        return if is_certificate { Ok(pem.contents) } else { Err(BadCertificate::Form) };
    }
    if bytes.first() == Some(&0x30) {
        return Ok(bytes.to_vec());
    }
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(&text).map_err(|_| BadCertificate::Form)
}

/// SHA-1 is told apart, for old cards and lists have it.
pub(super) fn check_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> Result<(), BadCertificate> {
    let oid = &algorithm.algorithm;
    // ECDSA with SHA-1 has no name in the registry.
    let sha1 = [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA].contains(oid) || oid.to_id_string() == "1.2.840.10045.4.1";
    let taken = [
        OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA,
        OID_PKCS1_SHA512WITHRSA,
        OID_SIG_ECDSA_WITH_SHA256,
        OID_SIG_ECDSA_WITH_SHA384,
        OID_SIG_ED25519,
    ];
    match (sha1, taken.contains(oid)) {
        (true, _) => Err(BadCertificate::Sha1),
        (false, true) => Ok(()),
        (false, false) => Err(BadCertificate::Algorithm(oid.to_id_string())),
    }
}

fn check_time(certificate: &X509Certificate<'_>, now: i64) -> Result<(), BadCertificate> {
    let (from, to) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    if now > to {
        Err(BadCertificate::Expired(to))
    } else if now < from {
        Err(BadCertificate::Early(from))
    } else {
        Ok(())
    }
}

/// Of several with one name the one whose key fits.
fn signer_of<'i>(
    certificate: &X509Certificate<'_>,
    issuers: &'i [PinnedIssuer],
) -> Result<&'i PinnedIssuer, BadCertificate> {
    let named = shown(&certificate.issuer().to_string());
    for pinned in issuers.iter().filter(|pinned| pinned.issuer.holds) {
        let issuer = whole(&pinned.issuer.certificate)?;
        let same_name = issuer.subject().as_raw() == certificate.issuer().as_raw();
        if same_name && certificate.verify_signature(Some(issuer.public_key())).is_ok() {
            return Ok(pinned);
        }
    }
    Err(BadCertificate::Unknown(named))
}

/// A hash as people compare it.
pub(super) fn hex(print: &[u8]) -> String {
    HEXLOWER.encode(print)
}
