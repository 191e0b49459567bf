//! The public key of a certificate card (S13) and whether it signed something: what a sign-in rests on, at the edge and
//! again at the hub.
//!
//! Every byte of a key and of a signature is hostile. Three forms of a key are known and no others, so that nobody has
//! to guess by which rule a signature is to be read.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};

/// Longest key. An RSA key of 4096 bits has 550 bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// No signature is longer: that of the longest RSA key.
pub const SIGNATURE_BYTES_MAX: usize = 1_024;
/// A shorter RSA key is not taken.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// What stands before the point of a P-256 key; then follow 65 bytes, not compressed.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE,
    0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P256_BYTES: usize = 91;
/// What stands before the 32 bytes of an Ed25519 key.
const EDWARDS: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];
const EDWARDS_BYTES: usize = 44;
/// Which algorithm an RSA key says it is of; the length of the whole stands before it.
const RSA: [u8; 15] = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];

/// A public key, as its certificate spells it (SubjectPublicKeyInfo).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardKey {
    spki: Vec<u8>,
    kind: Kind,
}

/// By which rule it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Rsa,
    P256,
    Edwards,
}

/// Bytes that are no key of a card's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no public key that a card may have")]
pub struct BadCardKey;

impl CardKey {
    /// RSA of 2048 bits and more, ECDSA on P-256, or Ed25519.
    ///
    /// # Errors
    /// Where it is none of these, or longer than [`KEY_BYTES_MAX`].
    pub fn from_spki(spki: &[u8]) -> Result<Self, BadCardKey> {
        let kind = Kind::of(spki).ok_or(BadCardKey)?;
        ParsedPublicKey::new(kind.algorithm(), spki).map_err(|_| BadCardKey)?;
        if kind == Kind::Rsa {
            let key = PublicEncryptingKey::from_der(spki).map_err(|_| BadCardKey)?;
            if !RSA_BITS.contains(&key.key_size_bits()) {
                return Err(BadCardKey);
            }
        }
        Ok(Self { spki: spki.to_vec(), kind })
    }

    /// Its bytes.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 over its bytes: which key it is.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.spki)
    }

    /// Whether it signed the message: PKCS#1 1.5 or ECDSA with SHA-256 (`r` and `s` of 32 bytes each, as PKCS#11 gives
    /// them), or Ed25519.
    #[must_use]
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() <= SIGNATURE_BYTES_MAX
            && ParsedPublicKey::new(self.kind.algorithm(), &self.spki)
                .is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let print = self.fingerprint();
        let begin = print.first_chunk::<4>().unwrap_or(&[0; 4]);
        write!(f, "CardKey({:?}, {}…)", self.kind, data_encoding::HEXLOWER.encode(begin))
    }
}

impl Kind {
    /// By the bytes alone; whether they hold a key is another question.
    fn of(spki: &[u8]) -> Option<Self> {
        match spki.len() {
            EDWARDS_BYTES if spki.starts_with(&EDWARDS) => Some(Self::Edwards),
            P256_BYTES if spki.starts_with(&P256) => Some(Self::P256),
            ..=KEY_BYTES_MAX if rsa_inside(spki)?.starts_with(&RSA) => Some(Self::Rsa),
            _ => None,
        }
    }

    fn algorithm(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rsa => &RSA_PKCS1_2048_8192_SHA256,
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::Edwards => &ED25519,
        }
    }
}

/// What an RSA key has inside its outermost length, which must be that of all that follows: 256 bytes or more.
fn rsa_inside(spki: &[u8]) -> Option<&[u8]> {
    let ([0x30, 0x82, high, low], inside) = spki.split_first_chunk::<4>()? else { return None };
    (usize::from(u16::from_be_bytes([*high, *low])) == inside.len()).then_some(inside)
}

/// The hash that names keys and certificates.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap_or([0; 32])
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RsaKeyPair,
    };
    use proptest::prelude::*;

    use super::*;

    fn spki(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
        key.as_der().unwrap().as_ref().to_vec()
    }

    /// A key of each form, and its signature of a message.
    fn signed(message: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let random = SystemRandom::new();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut by_rsa = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut by_rsa).unwrap();
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let edwards = Ed25519KeyPair::generate().unwrap();
        vec![
            (spki(rsa.public_key()), by_rsa),
            (spki(p256.public_key()), p256.sign(&random, message).unwrap().as_ref().to_vec()),
            (spki(edwards.public_key()), edwards.sign(message).as_ref().to_vec()),
        ]
    }

    #[test]
    fn each_form_of_a_key_knows_its_own_signature_and_no_other() {
        let message = b"atoll/1 sign in";
        let (all, others) = (signed(message), signed(message));
        for ((spki, signature), (other, _)) in all.iter().zip(&others) {
            let key = CardKey::from_spki(spki).unwrap();
            assert!(key.signed(message, signature), "{key:?}");
            assert!(!key.signed(b"atoll/1 sign on", signature), "another message");
            assert!(!CardKey::from_spki(other).unwrap().signed(message, signature), "another key");
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut flipped = signature.clone();
                flipped[at] ^= 1;
                assert!(!key.signed(message, &flipped));
            }
            assert!(!key.signed(message, &signature[1..]) && !key.signed(message, &[]));
            assert!(!key.signed(message, &vec![0; SIGNATURE_BYTES_MAX + 1]));
            assert_eq!((key.spki(), key.fingerprint()), (spki.as_slice(), sha256(spki)));
        }
        for (key, _) in &all {
            let strange = all.iter().filter(|(other, _)| other != key);
            assert!(strange.into_iter().all(|(_, by)| !CardKey::from_spki(key).unwrap().signed(message, by)));
        }
    }

    #[test]
    fn another_hash_of_the_same_rsa_key_is_refused() {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA384, &SystemRandom::new(), b"message", &mut signature).unwrap();
        assert!(!CardKey::from_spki(&spki(rsa.public_key())).unwrap().signed(b"message", &signature));
    }

    #[test]
    fn keys_of_other_forms_are_none() {
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let long = [&[0x30, 0x82, 0x04, 0x22], RSA.as_slice(), &[0; 0x422 - RSA.len()]].concat();
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let raw_point = p256.public_key().as_ref().to_vec();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let raw_rsa = rsa.public_key().as_ref().to_vec();
        let good = spki(rsa.public_key());
        let behind = [good.as_slice(), &[0]].concat();
        let off_the_curve = [P256.as_slice(), &[4], &[7; 64]].concat();
        let p384 = spki(p384.public_key());
        for bad in [&[][..], &[0x30], &raw_point, &raw_rsa, &p384, &long, &behind, &off_the_curve, &good[..200]] {
            assert_eq!(CardKey::from_spki(bad), Err(BadCardKey), "{} bytes", bad.len());
        }
    }

    /// An RSA key of 1984 bits, made by openssl.
    #[test]
    fn a_short_rsa_key_is_none() {
        const SHORT: &str = "MIIBGTANBgkqhkiG9w0BAQEFAAOCAQYAMIIBAQKB+QCp/LT6TaKKs+StHah0BszymQI/fYlpt6poPoHA+z+3tgSIKP7f\
            syU19R5F1L4sKIZ6x4Uyur5bgkRI7beXF0P11Qk0tHOWAR2ngL13s1w8IW6QOMxEgsXfehs0+5FkuACtdOHezUZ3ALW5\
            PBL84aj/zvnPklejLX/b4AsPNS9JinH9K3hdKf2RhQpaFbtSQ2srt4JkWhqAo+cca/bgRaMlYSyCtzzC0KqtKyIRJPCS\
            AWNRENipOcL4vOvWdFcrcXnvRVYFIYIy8DhQQl/rorTHjY3adyw8l1myZ8yQuJRVdIoOITN3JbjGOVEv9eyM3p0ZEAB4\
            RGK03QIDAQAB";
        let short = data_encoding::BASE64.decode(SHORT.as_bytes()).unwrap();
        assert_eq!(Kind::of(&short), Some(Kind::Rsa), "by its form it would be one");
        assert_eq!(CardKey::from_spki(&short), Err(BadCardKey));
    }

    static KEYS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| signed(b"m").into_iter().map(|(key, _)| key).collect());

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>, signature: Vec<u8>, of in 0_usize..3, at in 0_usize..294, with: u8) {
            let _ = CardKey::from_spki(&bytes);
            let mut key = KEYS[of].clone();
            if let Some(byte) = key.get_mut(at) {
                *byte = with;
            }
            if let Ok(key) = CardKey::from_spki(&key) {
                prop_assert!(!key.signed(&bytes, &signature));
            }
        }
    }
}
