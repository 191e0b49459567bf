//! A hub besieged: honest sites that measure how long an acknowledgement takes, and hostile ones that send
//! everything a door can be hurt with. Papers are issued beforehand, so that both can call the real binary.

pub mod bombs;
mod holding;
pub mod honest;
pub mod hostile;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use edge::open::signing_request;
use edge::uplink::quic::Identity;
use hub::authority::Authority;
use hub::config::DataFolder;
use hub::registry::Enrolment;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, IdleTimeout, TransportConfig, VarInt};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use shared::ids::SiteCode;
use shared::rules::programme::shipped_text;
use shared::seal::Secret;

pub use crate::bench::counter::MORNING;
use crate::replay::town::nameless;

/// What a site shows at the door.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Papers {
    /// Its code.
    pub site: String,
    /// Of its sealing keys.
    pub secret: [u8; 32],
    certificate: Vec<u8>,
    ca: Vec<u8>,
    key: Vec<u8>,
}

impl Papers {
    /// None, but for the hub's certificate (DER).
    #[must_use]
    pub fn none(ca: Vec<u8>) -> Self {
        Self { ca, ..Self::default() }
    }

    /// The site.
    ///
    /// # Errors
    /// Never, for papers of ours.
    pub fn code(&self) -> Result<SiteCode> {
        Ok(self.site.parse()?)
    }

    /// The same, for an edge's own dialler.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { certificate: self.certificate.clone(), ca: self.ca.clone(), key: self.key.clone() }
    }

    /// A caller with these papers, or as a stranger who only knows the hub's certificate.
    ///
    /// # Errors
    /// Where the papers cannot be used.
    pub fn caller(&self, alpn: &[u8], shown: Shown, window_bytes: u32) -> Result<ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(self.ca.clone()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots);
        let mut tls = match shown {
            Shown::Certificate => builder.with_client_auth_cert(
                vec![CertificateDer::from(self.certificate.clone())],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone())),
            )?,
            Shown::Nothing => builder.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![alpn.to_vec()];
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        let mut transport = TransportConfig::default();
        transport
            .stream_receive_window(VarInt::from_u32(window_bytes))
            .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(60_000))));
        config.transport_config(Arc::new(transport));
        Ok(config)
    }
}

/// What a caller shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Its certificate.
    Certificate,
    /// Nothing: a stranger.
    Nothing,
}

/// Makes a hub in `folder` with the first day's rules and so many enrolled sites.
///
/// # Errors
/// Where the machine has a fault.
pub fn prepare(folder: &Path, sites: usize) -> Result<Vec<Papers>> {
    let data = DataFolder::named(Some(folder.join("hub"))).map_err(|cause| anyhow!("{cause}"))?;
    let authority = data.init(&[]).map_err(|cause| anyhow!("{cause}"))?;
    let mut hub = data.hub(&authority).map_err(|cause| anyhow!("{cause}"))?;
    hub.publish_programme(shipped_text("mask-2020-02-06").context("shipped")?, "siege", MORNING)?
        .map_err(|bad| anyhow!("{bad}"))?;
    let signer = Signer::new(&folder.join("signer"))?;
    let codes = (0..sites).map(|n| format!("59{n:08}").parse()).collect::<Result<Vec<SiteCode>, _>>()?;
    hub.import_sites(codes.iter().map(|code| nameless(*code)))?;
    let mut out = Vec::new();
    for (n, site) in (0u32..).zip(codes) {
        let mut secret = [7; 32];
        secret[..4].copy_from_slice(&n.to_be_bytes());
        let (papers, enrolment) = signer.papers(&authority, site, secret)?;
        hub.register(&site, &enrolment)?.map_err(|refusal| anyhow!("{refusal}"))?;
        out.push(papers);
    }
    Ok(out)
}

/// One TLS key for all: making thousands would only warm the machine.
struct Signer {
    request: Vec<u8>,
    key: Vec<u8>,
}

impl Signer {
    fn new(folder: &Path) -> Result<Self> {
        let place = edge::config::Folder::new(folder.to_path_buf());
        let owner = place.init("5931102274".parse()?, "siege").map_err(|fault| anyhow!("{fault}"))?;
        edge::open::make_keys(&place).map_err(|fault| anyhow!("{fault}"))?;
        let keys = edge::open::load_keys(&place).map_err(|fault| anyhow!("{fault}"))?;
        let request = signing_request(&owner, &keys).map_err(|fault| anyhow!("{fault}"))?;
        Ok(Self { request, key: keys.tls_key.0.clone() })
    }

    fn papers(&self, authority: &Authority, site: SiteCode, secret: [u8; 32]) -> Result<(Papers, Enrolment)> {
        let certificate = authority.certify(&site, &self.request)?;
        let enrolment = Enrolment {
            key_number: 1,
            secret: Secret::new(secret),
            fingerprint: certificate.fingerprint,
            serial: certificate.serial,
            expires: certificate.expires,
            second: MORNING,
        };
        let (site, ca, key) = (site.to_string(), authority.ca().to_vec(), self.key.clone());
        Ok((Papers { site, secret, certificate: certificate.der, ca, key }, enrolment))
    }
}
