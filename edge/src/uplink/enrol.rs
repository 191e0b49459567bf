//! Enrolment: a one-time token for a certificate.
//!
//! The token carries the hash of the hub's CA, so the very first connection already trusts that
//! hub and no other; the request then carries the token's secret and this site's public key.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme};
use shared::ids::SiteCode;
use shared::seal::Secret;
use shared::wire::v1::enrol::{
    ALPN_ENROL, ENROL_BYTES_MAX, Enrolled, Reply, Request, Token, decode_reply, encode_request,
};

use super::quic;
use crate::fault::Fault;

/// From the request to the reply.
const REPLY: Duration = Duration::from_secs(20);

/// What this site brings.
#[derive(Debug)]
pub struct Applicant<'a> {
    /// Its code, as in its data folder.
    pub site: SiteCode,
    /// The number of its key.
    pub key_number: u8,
    /// The secret under which it seals.
    pub secret: &'a Secret,
    /// The certificate signing request (PKCS #10, DER).
    pub csr: Vec<u8>,
}

/// Asks the hub at `host:port` for a certificate.
///
/// # Errors
/// Where the hub cannot be reached, is not the token's, or refuses; nothing was changed then.
pub async fn enrol(hub: &str, token: &Token, applicant: &Applicant<'_>) -> Result<Enrolled, Fault> {
    let config = quic::client_config(tls(token)?)?;
    let (endpoint, connection) = quic::dial(hub, config).await.map_err(|fault| explain_dial(hub, fault))?;
    let request = Request {
        token: token.secret,
        csr: applicant.csr.clone(),
        key_number: applicant.key_number,
        secret: applicant.secret.clone(),
    };
    let reply = tokio::time::timeout(REPLY, exchange(&connection, &encode_request(&request)))
        .await
        .map_err(|_| no_reply())
        .flatten();
    connection.close(0u32.into(), b"done");
    endpoint.wait_idle().await;
    judge(reply?, token, applicant.site)
}

async fn exchange(connection: &quinn::Connection, request: &[u8]) -> Result<Reply, Fault> {
    let (mut send, mut recv) = connection.open_bi().await.map_err(|cause| no_reply().because(cause))?;
    send.write_all(request).await.map_err(|cause| no_reply().because(cause))?;
    send.finish().map_err(|cause| no_reply().because(cause))?;
    let reply = recv.read_to_end(ENROL_BYTES_MAX).await.map_err(|cause| no_reply().because(cause))?;
    decode_reply(&reply).map_err(|cause| no_reply().because(cause))
}

/// Whether the reply is for this site, from the token's hub.
fn judge(reply: Reply, token: &Token, site: SiteCode) -> Result<Enrolled, Fault> {
    let enrolled = match reply {
        Reply::Enrolled(enrolled) => *enrolled,
        Reply::Refused(why) => return Err(refused(&why)),
    };
    if enrolled.site != site.as_str() {
        let theirs: String = enrolled.site.chars().take(20).collect();
        return Err(Fault::new(
            "other-site",
            format!("此註冊碼屬於機構 {theirs}，本資料夾為 {site}；未作任何變更。請向中心索取本機構的註冊碼"),
            format!(
                "the token is for site {theirs}, this folder is {site}; nothing was changed: ask the hub for this site's token"
            ),
        ));
    }
    if !is_tokens_ca(&enrolled.ca, token) {
        return Err(Fault::new(
            "hub-other",
            "回應的中心憑證與註冊碼不符；未作任何變更",
            "the reply's CA is not the token's; nothing was changed",
        ));
    }
    Ok(enrolled)
}

fn refused(why: &str) -> Fault {
    let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
    Fault::new(
        "token-refused",
        format!("中心不接受此註冊碼（{why}）。註冊碼只能使用一次且有期限，請向中心索取新的註冊碼"),
        format!(
            "the hub did not take the token: {why}. A token is good once and for a limited time: ask the hub for a new one"
        ),
    )
}

fn no_reply() -> Fault {
    Fault::new(
        "no-reply",
        "中心沒有回覆註冊；若再試仍失敗，註冊碼可能已使用，請向中心索取新的註冊碼",
        "the hub did not answer the enrolment: try again; if the token then counts as used, ask the hub for a new one",
    )
}

/// A hub with another CA shows itself as a broken handshake.
fn explain_dial(hub: &str, fault: Fault) -> Fault {
    if !fault.causes().contains(WRONG_CA) {
        return fault;
    }
    Fault::new(
        "hub-other",
        format!("{hub} 不是發出此註冊碼的中心；請核對位址與註冊碼"),
        format!("{hub} is not the hub that issued this token: check the address and the token"),
    )
    .because(fault)
}

fn tls(token: &Token) -> Result<rustls::ClientConfig, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(TokenVerifier { token: token.clone(), provider });
    let mut tls = quic::tls_builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    tls.alpn_protocols = vec![ALPN_ENROL.to_vec()];
    Ok(tls)
}

fn is_tokens_ca(certificate: &[u8], token: &Token) -> bool {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    hash.as_ref().starts_with(&token.ca)
}

const WRONG_CA: &str = "not the hub of the token";

/// Trusts the CA whose hash is in the token, as `WebPkiServerVerifier` trusts a root; nothing else.
#[derive(Debug)]
struct TokenVerifier {
    token: Token,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for TokenVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let wrong = || TlsError::General(WRONG_CA.to_owned());
        let ca = intermediates.iter().find(|der| is_tokens_ca(der, &self.token)).ok_or_else(wrong)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|cause| TlsError::General(cause.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(ca: &[u8]) -> Token {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ca);
        Token { secret: [1; 16], ca: hash.as_ref()[..16].try_into().unwrap() }
    }

    fn reply(site: &str, ca: &[u8]) -> Reply {
        Reply::Enrolled(Box::new(Enrolled {
            site: site.to_owned(),
            name: "淡水藥局".to_owned(),
            certificate: vec![1],
            ca: ca.to_vec(),
            second: 0,
        }))
    }

    #[test]
    fn a_reply_is_judged_before_anything_is_kept() {
        let site = "5931102274".parse().unwrap();
        let token = token(b"ca");
        assert!(judge(reply("5931102274", b"ca"), &token, site).is_ok());
        let fault = |reply| judge(reply, &token, site).unwrap_err().code;
        assert_eq!(fault(reply("3501200000", b"ca")), "other-site");
        assert_eq!(fault(reply("5931102274", b"another")), "hub-other");
        let used = judge(Reply::Refused("the token was used already".to_owned()), &token, site).unwrap_err();
        assert_eq!(used.code, "token-refused");
        assert!(used.zh.contains("新的註冊碼") && used.en.contains("used already"));
    }
}
