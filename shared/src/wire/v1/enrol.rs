//! Enrolment: a one-time token for a certificate. ALPN `atoll-enrol/1`, one stream: the request
//! up to its end, the reply up to its end.
//!
//! The token carries the hash of the hub's CA, so the edge knows the hub before it trusts it, and
//! the hub knows the edge by the token's secret.

use data_encoding::BASE32_NOPAD;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::WireError;
use crate::seal::Secret;

/// Of the exchange: facts up, facts down.
pub const ALPN_SYNC: &[u8] = b"atoll/1";
/// Of enrolment.
pub const ALPN_ENROL: &[u8] = b"atoll-enrol/1";
/// Longest request or reply, in bytes.
pub const ENROL_BYTES_MAX: usize = 64 * 1024;

/// What the operator hands to the site: printed once, good once, for a limited time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Known to the hub only by its hash.
    pub secret: [u8; 16],
    /// The first 16 bytes of the SHA-256 of the CA certificate (DER).
    pub ca: [u8; 16],
}

impl Token {
    /// As text: 52 letters and digits in groups.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = BASE32_NOPAD.encode(&[self.secret, self.ca].concat());
        let groups: Vec<&[u8]> = text.as_bytes().chunks(13).collect();
        groups.iter().map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join("-")
    }

    /// From text; case, blanks and hyphens do not matter.
    ///
    /// # Errors
    /// Where it is no token.
    pub fn parse(text: &str) -> Result<Self, WireError> {
        let bad = || WireError::limit("token", "not a token; copy the whole line that the hub printed");
        let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| bad())?;
        let (secret, ca) = bytes.split_first_chunk::<16>().ok_or_else(bad)?;
        Ok(Self { secret: *secret, ca: ca.try_into().map_err(|_| bad())? })
    }
}

/// Edge → hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Of the token.
    pub token: [u8; 16],
    /// The certificate signing request (PKCS #10, DER); the hub takes only its public key.
    pub csr: Vec<u8>,
    /// The number of the site's key.
    pub key_number: u8,
    /// The site's secret: the hub must read what the site seals.
    pub secret: Secret,
}

/// Hub → edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Enrolled.
    Enrolled(Box<Enrolled>),
    /// Not enrolled, and why (for people; English).
    Refused(String),
}

/// What the edge keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The site's code.
    pub site: String,
    /// Its name as the hub knows it.
    pub name: String,
    /// The edge's certificate (DER).
    pub certificate: Vec<u8>,
    /// The CA's certificate (DER).
    pub ca: Vec<u8>,
    /// The hub's time, seconds since 1970.
    pub second: i64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireRequest {
    #[cbor(n(0), with = "minicbor::bytes")]
    token: [u8; 16],
    #[n(1)]
    csr: ByteVec,
    #[n(2)]
    key_number: u8,
    #[cbor(n(3), with = "minicbor::bytes")]
    secret: [u8; 32],
}

#[derive(Encode, Decode)]
enum WireReply {
    #[n(0)]
    Enrolled(#[n(0)] String, #[n(1)] String, #[n(2)] ByteVec, #[n(3)] ByteVec, #[n(4)] i64),
    #[n(1)]
    Refused(#[n(0)] String),
}

/// To bytes.
#[must_use]
pub fn encode_request(request: &Request) -> Vec<u8> {
    let wire = WireRequest {
        token: request.token,
        csr: request.csr.clone().into(),
        key_number: request.key_number,
        secret: *request.secret.bytes(),
    };
    minicbor::to_vec(wire).unwrap_or_default()
}

/// From bytes.
///
/// # Errors
/// Where the bytes are no request.
pub fn decode_request(bytes: &[u8]) -> Result<Request, WireError> {
    let wire: WireRequest = minicbor::decode(bytes)
        .map_err(|cause| WireError::Cbor { what: "enrolment request", why: cause.to_string() })?;
    Ok(Request {
        token: wire.token,
        csr: wire.csr.into(),
        key_number: wire.key_number,
        secret: Secret::new(wire.secret),
    })
}

/// To bytes.
#[must_use]
pub fn encode_reply(reply: &Reply) -> Vec<u8> {
    let wire = match reply {
        Reply::Enrolled(enrolled) => WireReply::Enrolled(
            enrolled.site.clone(),
            enrolled.name.clone(),
            enrolled.certificate.clone().into(),
            enrolled.ca.clone().into(),
            enrolled.second,
        ),
        Reply::Refused(why) => WireReply::Refused(why.clone()),
    };
    minicbor::to_vec(wire).unwrap_or_default()
}

/// From bytes.
///
/// # Errors
/// Where the bytes are no reply.
pub fn decode_reply(bytes: &[u8]) -> Result<Reply, WireError> {
    let wire: WireReply =
        minicbor::decode(bytes).map_err(|cause| WireError::Cbor { what: "enrolment reply", why: cause.to_string() })?;
    Ok(match wire {
        WireReply::Enrolled(site, name, certificate, ca, second) => {
            Reply::Enrolled(Box::new(Enrolled { site, name, certificate: certificate.into(), ca: ca.into(), second }))
        }
        WireReply::Refused(why) => Reply::Refused(why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_typed() {
        let token = Token { secret: [200; 16], ca: [7; 16] };
        let text = token.to_text();
        assert_eq!(Token::parse(&text.to_lowercase().replace('-', " ")).unwrap(), token);
        assert!(Token::parse(&text[..40]).is_err());
        assert!(Token::parse("").is_err());
    }

    #[test]
    fn request_and_reply_round_trip() {
        let request = Request { token: [1; 16], csr: vec![2; 300], key_number: 1, secret: Secret::new([3; 32]) };
        assert_eq!(decode_request(&encode_request(&request)).unwrap(), request);
        let enrolled = Enrolled {
            site: "5931102274".to_owned(),
            name: "淡水藥局".to_owned(),
            certificate: vec![1; 400],
            ca: vec![2; 400],
            second: 9,
        };
        for reply in [Reply::Enrolled(Box::new(enrolled)), Reply::Refused("used".to_owned())] {
            assert_eq!(decode_reply(&encode_reply(&reply)).unwrap(), reply);
        }
    }
}
