//! Everything that makes a hub this hub, as one value: what its five files hold, what lies under a
//! passphrase, what an escrow carries to another machine.

use std::path::Path;

use data_encoding::HEXLOWER;
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use shared::seal::Secret;
use x509_parser::parse_x509_certificate;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::files::{self, CA_CERTIFICATE, CA_KEY, MASTER_KEY, SERVER_CERTIFICATE, SERVER_KEY};
use super::{AuthorityError, fingerprint};

/// The texts of the five files; wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(super) struct Bundle {
    pub(super) ca_key: String,
    pub(super) ca_certificate: String,
    pub(super) server_key: String,
    pub(super) server_certificate: String,
    pub(super) master_key: String,
}

impl Bundle {
    /// Reads the five files: secrets from `secrets`, certificates from `folder`.
    pub(super) fn read(secrets: &Path, folder: &Path) -> Result<Self, AuthorityError> {
        Ok(Self {
            ca_key: files::read(secrets, CA_KEY)?,
            ca_certificate: files::read(folder, CA_CERTIFICATE)?,
            server_key: files::read(secrets, SERVER_KEY)?,
            server_certificate: files::read(folder, SERVER_CERTIFICATE)?,
            master_key: files::read(secrets, MASTER_KEY)?,
        })
    }

    /// The three that nobody else may have, each with the name of its file.
    pub(super) fn secrets(&self) -> [(&'static str, &str); 3] {
        [(CA_KEY, &self.ca_key), (SERVER_KEY, &self.server_key), (MASTER_KEY, &self.master_key)]
    }

    /// The two that everybody may see.
    pub(super) fn certificates(&self) -> [(&'static str, &str); 2] {
        [(CA_CERTIFICATE, &self.ca_certificate), (SERVER_CERTIFICATE, &self.server_certificate)]
    }

    /// As one text, to be sealed.
    pub(super) fn text(&self) -> Result<Zeroizing<String>, AuthorityError> {
        toml::to_string(self).map(Zeroizing::new).map_err(|_| AuthorityError::Content("the hub's keys".to_owned()))
    }

    /// What [`Self::text`] made.
    pub(super) fn parse(name: &str, text: &[u8]) -> Result<Self, AuthorityError> {
        let text = std::str::from_utf8(text).ok();
        let bundle = text.and_then(|text| toml::from_str(text).ok());
        bundle.ok_or_else(|| AuthorityError::Content(name.to_owned()))
    }

    pub(super) fn ca(&self) -> Result<CertificateDer<'static>, AuthorityError> {
        certificate(CA_CERTIFICATE, &self.ca_certificate)
    }

    pub(super) fn server(&self) -> Result<CertificateDer<'static>, AuthorityError> {
        certificate(SERVER_CERTIFICATE, &self.server_certificate)
    }

    pub(super) fn ca_key(&self) -> Result<KeyPair, AuthorityError> {
        key_of(CA_KEY, &self.ca_key, &self.ca()?)
    }

    pub(super) fn server_key(&self) -> Result<KeyPair, AuthorityError> {
        key_of(SERVER_KEY, &self.server_key, &self.server()?)
    }

    pub(super) fn master(&self) -> Result<Secret, AuthorityError> {
        let bytes = HEXLOWER.decode(self.master_key.trim().as_bytes()).ok().map(Zeroizing::new);
        let bytes = bytes.and_then(|bytes| bytes.as_slice().try_into().ok());
        bytes.map(Secret::new).ok_or_else(|| AuthorityError::Content(MASTER_KEY.to_owned()))
    }

    /// What stands on sealed files: by which authority a hub is known.
    pub(super) fn mark(&self) -> Result<String, AuthorityError> {
        let hash = fingerprint(&self.ca()?);
        Ok(HEXLOWER.encode(hash.get(..16).unwrap_or(&hash)))
    }
}

fn certificate(name: &str, text: &str) -> Result<CertificateDer<'static>, AuthorityError> {
    CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| AuthorityError::Content(name.to_owned()))
}

/// A private key that belongs to its certificate.
fn key_of(name: &str, text: &str, certificate: &CertificateDer<'_>) -> Result<KeyPair, AuthorityError> {
    let wrong = || AuthorityError::Content(name.to_owned());
    let key = KeyPair::from_pem(text).map_err(|_| wrong())?;
    let (_, certificate) = parse_x509_certificate(certificate).map_err(|_| wrong())?;
    let fits = certificate.public_key().raw == key.subject_public_key_info();
    fits.then_some(key).ok_or_else(wrong)
}

/// The text of a master key.
pub(super) fn master_text(master: &Secret) -> String {
    format!("{}\n", HEXLOWER.encode(master.bytes()))
}
