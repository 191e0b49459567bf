//! TLS 1.3 for both protocols: our server certificate, and client certificates of our authority only.

use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, crypto};
use shared::wire::v1::enrol::{ALPN_ENROL, ALPN_SYNC};

use super::GatewayError;
use crate::authority::Authority;

/// A certificate may be missing (enrolment comes without); one that is shown must be ours.
pub(super) fn server(authority: &Authority) -> Result<QuicServerConfig, GatewayError> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.ca().clone()).map_err(failed)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(failed)?;
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(failed)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(authority.server_chain(), authority.server_key())
        .map_err(failed)?;
    tls.alpn_protocols = vec![ALPN_SYNC.to_vec(), ALPN_ENROL.to_vec()];
    // A resumed session would carry a certificate that nobody looked at again.
    tls.send_tls13_tickets = 0;
    QuicServerConfig::try_from(tls).map_err(failed)
}

fn failed(cause: impl ToString) -> GatewayError {
    GatewayError::Tls(cause.to_string())
}
