//! The hub's own certificate authority: who may speak for which site (RELIABILITY T3).
//!
//! A site's certificate names it as `atoll://site/CODE`. Of a request the authority takes nothing
//! but the public key; name, purpose and time are the hub's to say. All keys lie in files of the
//! data folder that only their owner can read, or under a passphrase, or come from systemd
//! (docs/at-rest.md); never in the database.

mod bundle;
pub mod escrow;
mod files;
mod identity;
mod source;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use aws_lc_rs::{hkdf, hmac};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use shared::ids::SiteCode;
use shared::seal::Secret;
use shared::seal::passphrase::PassphraseError;

use crate::clock::system_second;

use bundle::{Bundle, master_text};
pub use files::{CA_CERTIFICATE, CA_KEY, MASTER_KEY, SEALED, SERVER_CERTIFICATE, SERVER_KEY};
pub use identity::{BadCertificate, Validity, fingerprint, site_of, validity_of};
pub use source::{KeySource, read_passphrase};

/// A site's certificate lasts so long, in days.
pub const SITE_DAYS: u64 = 400;
/// The authority's own certificate and the server's last so long, in days.
const OWN_DAYS: u64 = 3650;
/// A clock at a site may run behind by so much, in days.
const EARLY_DAYS: u64 = 1;

/// The authority could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// `init` in a folder that has an authority.
    #[error("{0} exists already: this folder has been initialised, and nothing in it is overwritten")]
    Exists(String),
    /// `init` was cut short.
    #[error("the making of {0} was cut short: run `atoll-hub init` again, nothing in it has been used")]
    Unfinished(String),
    /// Not a data folder.
    #[error("{0} is missing: is this a hub's data folder? `atoll-hub init` makes one")]
    Missing(String),
    /// The disk said no.
    #[error("{deed} {path}")]
    File {
        /// What was being done.
        deed: &'static str,
        /// To which file.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A file of the data folder does not hold what it should.
    #[error("{0} does not hold what it should")]
    Content(String),
    /// The keys are under a passphrase, and none was given.
    #[error("金鑰受密語保護 {0} is under a passphrase: give it with --passphrase-file or in ATOLL_HUB_PASSPHRASE")]
    Protected(String),
    /// A passphrase is none, or does not open the file.
    #[error("密語不符或檔案不正確，未作任何變更 nothing was changed: {name}")]
    Passphrase {
        /// Which file.
        name: String,
        /// Why not.
        #[source]
        cause: PassphraseError,
    },
    /// A passphrase that everybody can read.
    #[error("其他人也能讀取此密語檔 everybody can read {0}: chmod 600 it, and think about who has read it")]
    Open(String),
    /// systemd was to give the keys.
    #[error("systemd 未提供憑據 CREDENTIALS_DIRECTORY is not set: look at LoadCredential in the unit")]
    NoCredentials,
    /// Only systemd writes its credentials.
    #[error("金鑰由 systemd 憑據提供 the keys in {0} are systemd's and cannot be changed here: use systemd-creds")]
    ReadOnly(String),
    /// Not a name or address that a certificate can carry.
    #[error("host {0:?} is neither a name nor an address")]
    Host(String),
    /// The request is none, is not signed by its own key, or asks for what is not given.
    #[error("the certificate request cannot be used: {0}")]
    Request(String),
    /// The library refused.
    #[error("make a certificate")]
    Make(#[from] rcgen::Error),
}

/// A certificate for a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCertificate {
    /// DER.
    pub der: Vec<u8>,
    /// SHA-256 of the DER: what the registry knows it by.
    pub fingerprint: [u8; 32],
    /// Its random serial number.
    pub serial: [u8; 16],
    /// The first second after its time.
    pub expires: i64,
}

/// The opened authority.
pub struct Authority {
    ca: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    server: CertificateDer<'static>,
    server_key: PrivatePkcs8KeyDer<'static>,
    master: Secret,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(…)")
    }
}

impl Authority {
    /// Makes every key and certificate in `folder`, in clear, and overwrites nothing. Cut short, it may be done again.
    ///
    /// # Errors
    /// Where the folder has an authority, a host is none, or the disk says no.
    pub fn init(folder: &Path, hosts: &[String]) -> Result<Self, AuthorityError> {
        Self::init_in(&KeySource::folder(folder), hosts)
    }

    /// The same where `keys` says, under its passphrase where it has one.
    ///
    /// # Errors
    /// Where the folder has an authority, a host is none, or the disk says no.
    pub fn init_in(keys: &KeySource, hosts: &[String]) -> Result<Self, AuthorityError> {
        let folder = keys.writable()?;
        files::begin(folder)?;
        let ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let ca_params = ca_params();
        let ca = ca_params.self_signed(&ca_key)?;
        let server_params = server_params(hosts)?;
        let server_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let server = server_params.signed_by(&server_key, &Issuer::from_params(&ca_params, &ca_key))?;
        keys.lay(&Bundle {
            ca_key: ca_key.serialize_pem(),
            ca_certificate: ca.pem(),
            server_key: server_key.serialize_pem(),
            server_certificate: server.pem(),
            master_key: master_text(&Secret::new(rand::random())),
        })?;
        files::finish(folder)?;
        Self::open_in(keys)
    }

    /// Reads what [`Self::init`] made, where it is in clear.
    ///
    /// # Errors
    /// Where a file is missing or does not hold what it should.
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        Self::open_in(&KeySource::folder(folder))
    }

    /// The same where `keys` says.
    ///
    /// # Errors
    /// Where a file is missing or does not hold what it should, or the passphrase does not open it.
    pub fn open_in(keys: &KeySource) -> Result<Self, AuthorityError> {
        if files::is_unfinished(keys.data_folder()) {
            return Err(AuthorityError::Unfinished(keys.data_folder().display().to_string()));
        }
        Self::of(&keys.bundle()?)
    }

    /// From the five texts, which must belong together.
    fn of(bundle: &Bundle) -> Result<Self, AuthorityError> {
        let ca = bundle.ca()?;
        Ok(Self {
            issuer: Issuer::from_ca_cert_der(&ca, bundle.ca_key()?)?,
            ca,
            server: bundle.server()?,
            server_key: PrivatePkcs8KeyDer::from(bundle.server_key()?.serialize_der()),
            master: bundle.master()?,
        })
    }

    /// Signs stateless resets (RFC 9000, 10.3): the same over every start of this hub.
    #[must_use]
    pub fn reset_key(&self) -> hmac::Key {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"atoll/1 reset").extract(self.master().bytes());
        // Expanding to the hash's own length cannot fail.
        let expanded = root.expand(&[b"stateless reset"], hmac::HMAC_SHA256).map(hmac::Key::from);
        expanded.unwrap_or_else(|_| hmac::Key::new(hmac::HMAC_SHA256, self.master().bytes()))
    }

    /// The secret from which the hub's keys are derived.
    #[must_use]
    pub fn master(&self) -> &Secret {
        &self.master
    }

    /// The authority's certificate.
    #[must_use]
    pub fn ca(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    /// By which a token names this authority: the first 16 bytes of the certificate's SHA-256.
    #[must_use]
    pub fn ca_mark(&self) -> [u8; 16] {
        let hash = fingerprint(&self.ca);
        let mut mark = [0; 16];
        mark.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        mark
    }

    /// What the server shows: its certificate and the authority's, so that a token can be compared.
    #[must_use]
    pub fn server_chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.server.clone(), self.ca.clone()]
    }

    /// The server's private key.
    #[must_use]
    pub fn server_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.server_key.clone_key())
    }

    /// Signs a certificate for `site` over the public key of a request (PKCS #10, DER).
    ///
    /// # Errors
    /// Where the request is none or its signature is not by its own key.
    pub fn certify(&self, site: &SiteCode, csr: &[u8]) -> Result<SiteCertificate, AuthorityError> {
        let csr = CertificateSigningRequestDer::from(csr);
        let request = CertificateSigningRequestParams::from_der(&csr)
            .map_err(|cause| AuthorityError::Request(cause.to_string()))?;
        if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(AuthorityError::Request("its key is not ECDSA P-256".to_owned()));
        }
        let mut serial: [u8; 16] = rand::random();
        // X.509 serial numbers are positive and have no leading zero byte.
        serial[0] = (serial[0] & 0x7f) | 0x40;
        let (params, expires) = site_params(site, serial)?;
        let der = params.signed_by(&request.public_key, &self.issuer)?.der().to_vec();
        Ok(SiteCertificate { fingerprint: fingerprint(&der), der, serial, expires })
    }
}

fn today() -> NaiveDate {
    DateTime::from_timestamp(system_second(), 0).unwrap_or_default().date_naive()
}

/// Valid from yesterday for so many days; gives the first second after.
fn set_days(params: &mut CertificateParams, days: u64) -> i64 {
    let first = today().checked_sub_days(Days::new(EARLY_DAYS)).unwrap_or_default();
    let end = today().checked_add_days(Days::new(days)).unwrap_or_default();
    let (year, month, day) = ymd(first);
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = ymd(end);
    params.not_after = date_time_ymd(year, month, day);
    end.and_time(NaiveTime::MIN).and_utc().timestamp()
}

fn ymd(day: NaiveDate) -> (i32, u8, u8) {
    let small = |n: u32| u8::try_from(n).unwrap_or(1);
    (day.year(), small(day.month()), small(day.day()))
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params
}

fn ca_params() -> CertificateParams {
    let mut params = named("Atoll hub authority");
    set_days(&mut params, OWN_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

/// For the hosts given and for rehearsals on one machine.
fn server_params(hosts: &[String]) -> Result<CertificateParams, AuthorityError> {
    let mut params = named("Atoll hub");
    set_days(&mut params, OWN_DAYS);
    for host in hosts.iter().map(String::as_str).chain(["localhost", "127.0.0.1", "::1"]) {
        let name = host_name(host)?;
        if !params.subject_alt_names.contains(&name) {
            params.subject_alt_names.push(name);
        }
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn host_name(host: &str) -> Result<SanType, AuthorityError> {
    let bad = || AuthorityError::Host(host.chars().take(80).collect());
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    rustls::pki_types::DnsName::try_from(host).map_err(|_| bad())?;
    Ok(SanType::DnsName(host.try_into().map_err(|_| bad())?))
}

fn site_params(site: &SiteCode, serial: [u8; 16]) -> Result<(CertificateParams, i64), AuthorityError> {
    let mut params = named(site.as_str());
    let expires = set_days(&mut params, SITE_DAYS);
    params.subject_alt_names = vec![SanType::URI(identity::uri(site).as_str().try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok((params, expires))
}

#[cfg(test)]
mod tests;
