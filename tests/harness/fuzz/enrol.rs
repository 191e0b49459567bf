//! Enrolment: requests, replies, tokens as people type them, and requests for a certificate that go to the
//! authority. Whoever asks gets the name that the hub gives, never the one that the request says.

use std::sync::OnceLock;

use hub::authority::{Authority, site_of};
use shared::ids::SiteCode;
use shared::seal::Secret;
use shared::wire::v1::enrol::{
    Enrolled, Reply, Request, Token, decode_reply, decode_request, encode_reply, encode_request,
};

use super::said::SITE;

/// One part of the exchange, by the first byte.
pub(super) fn holds(input: &[u8]) {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    match kind % 4 {
        0 => request(rest),
        1 => reply(rest),
        2 => token(rest),
        _ => certify(rest),
    }
}

fn request(input: &[u8]) {
    let Ok(read) = decode_request(input) else {
        return;
    };
    let written = encode_request(&read);
    assert!(written.len() <= input.len());
    assert_eq!(decode_request(&written).as_ref(), Ok(&read));
    certify(&read.csr);
}

fn reply(input: &[u8]) {
    let Ok(read) = decode_reply(input) else {
        return;
    };
    let written = encode_reply(&read);
    assert!(written.len() <= input.len());
    assert_eq!(decode_reply(&written).as_ref(), Ok(&read));
    if let Reply::Enrolled(enrolled) = read {
        let _ = site_of(&enrolled.certificate);
    }
}

fn token(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(token) = Token::parse(&text) {
        assert_eq!(Token::parse(&token.to_text()), Ok(token));
    }
    let bytes: Vec<u8> = input.iter().copied().chain(std::iter::repeat(7)).take(32).collect();
    if let (Some((secret, rest)), true) = (bytes.split_first_chunk::<16>(), bytes.len() == 32) {
        let token = Token { secret: *secret, ca: rest.try_into().expect("sixteen are left") };
        let typed = token.to_text().to_lowercase().replace('-', " ");
        assert_eq!(Token::parse(&typed), Ok(token));
    }
}

fn certify(csr: &[u8]) {
    let site: SiteCode = SITE.parse().expect("a site");
    if let Ok(certificate) = authority().certify(&site, csr) {
        assert_eq!(site_of(&certificate.der), Ok(site), "the certificate names somebody else");
    }
    let _ = site_of(csr);
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        Authority::init(folder.path(), &["localhost".to_owned()]).expect("an authority")
    })
}

/// A request that an edge made; its key is nobody's.
const CSR: &str = "\
    3081ca3071020100300f310d300b06035504030c04736974653059301306072a8648ce3d020106082a8648ce3d0301070342\
    0004bca8c9a22b8f3012bbc2f41807580d4cb328b5cb894317e358dac86770d398425224eb90c962a9ac371b4cc1c9a0fce6\
    0b432b82ebe8051fc32328f8332506dea000300a06082a8648ce3d0403020349003046022100c0063c1e2cffb09bae9c780f\
    28b958501723470e890998babc3aa28ad94df2cb022100bda11c14162c5a2413276859728d122ccb27b2efb2083ca26addd0\
    f611e72eb9";

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let csr = data_encoding::HEXLOWER.decode(CSR.as_bytes()).unwrap_or_default();
    let asked = Request { token: [1; 16], csr: csr.clone(), key_number: 1, secret: Secret::new([2; 32]) };
    let enrolled = Enrolled {
        site: SITE.to_owned(),
        name: "淡水藥局".to_owned(),
        certificate: vec![0x30, 0],
        ca: authority().ca().to_vec(),
        second: 1_580_950_800,
    };
    let token = Token { secret: [3; 16], ca: [4; 16] };
    vec![
        [&[0], encode_request(&asked).as_slice()].concat(),
        [&[1], encode_reply(&Reply::Enrolled(Box::new(enrolled))).as_slice()].concat(),
        [&[1], encode_reply(&Reply::Refused("no".to_owned())).as_slice()].concat(),
        [&[2], token.to_text().as_bytes()].concat(),
        [&[3], csr.as_slice()].concat(),
    ]
}
