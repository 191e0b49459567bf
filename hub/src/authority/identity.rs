//! Reading a site's code back from the certificate that it showed.

use aws_lc_rs::digest::{SHA256, digest};
use shared::ids::SiteCode;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

const SCHEME: &str = "atoll://site/";

/// A certificate that says nothing the hub can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not X.509.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// Not made for a site.
    #[error("the certificate is not one for signing in as a site")]
    Purpose,
    /// It does not name exactly one site.
    #[error("the certificate names no site")]
    Name,
}

/// The name that a certificate carries.
#[must_use]
pub(super) fn uri(site: &SiteCode) -> String {
    format!("{SCHEME}{site}")
}

/// The only site that a certificate names; its signature has been checked by TLS.
///
/// # Errors
/// Where it names none, several, or is not for a client.
pub fn site_of(der: &[u8]) -> Result<SiteCode, BadCertificate> {
    let (_, certificate) = parse_x509_certificate(der).map_err(|_| BadCertificate::Unreadable)?;
    let usage = certificate.extended_key_usage().map_err(|_| BadCertificate::Unreadable)?;
    if !usage.is_some_and(|usage| usage.value.client_auth && !usage.value.any) {
        return Err(BadCertificate::Purpose);
    }
    let names = certificate.subject_alternative_name().map_err(|_| BadCertificate::Unreadable)?;
    match names.ok_or(BadCertificate::Name)?.value.general_names.as_slice() {
        [GeneralName::URI(uri)] => {
            let code = uri.strip_prefix(SCHEME).ok_or(BadCertificate::Name)?;
            code.parse().map_err(|_| BadCertificate::Name)
        }
        _ => Err(BadCertificate::Name),
    }
}

/// What a certificate says of its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its serial number.
    pub serial: [u8; 16],
    /// From when on it is good, seconds since 1970.
    pub issued: i64,
    /// Until when.
    pub expires: i64,
}

/// When a certificate is good; its signature has been checked by TLS.
///
/// # Errors
/// Where it cannot be read.
pub fn validity_of(der: &[u8]) -> Result<Validity, BadCertificate> {
    let (_, certificate) = parse_x509_certificate(der).map_err(|_| BadCertificate::Unreadable)?;
    let mut serial = [0; 16];
    let raw = certificate.raw_serial();
    serial.iter_mut().rev().zip(raw.iter().rev()).for_each(|(to, from)| *to = *from);
    let validity = certificate.validity();
    Ok(Validity { serial, issued: validity.not_before.timestamp(), expires: validity.not_after.timestamp() })
}

/// SHA-256 of a certificate (DER).
#[must_use]
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(digest(&SHA256, der).as_ref()).for_each(|(to, from)| *to = *from);
    out
}
