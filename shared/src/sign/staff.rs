//! A key of the site's own for somebody whose card signs nothing (健保卡): Ed25519 (RFC 8032), its private half under
//! the holder's password.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::seal::SealError;
use crate::seal::passphrase::{self, Label, Passphrase, PassphraseError};

/// What stands on a locked key.
pub const WHAT: &str = "staff key";
/// What comes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signs for one person.
pub struct StaffKey {
    pair: Ed25519KeyPair,
}

impl fmt::Debug for StaffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaffKey(…)")
    }
}

/// A locked key does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// The password is wrong, or this is no locked key.
    #[error("open the key of somebody at the counter")]
    Password(#[from] PassphraseError),
    /// What was in it is no key.
    #[error("what opened is no key")]
    Key,
}

impl StaffKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// Where the library refuses.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SealError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SealError::Key)?;
        Ok(Self { pair })
    }

    /// The public half as SubjectPublicKeyInfo (DER).
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        [&SPKI, self.pair.public_key().as_ref()].concat()
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// Puts a seed under a password.
///
/// # Errors
/// Where the cost cannot be paid.
pub fn lock(seed: &[u8; 32], password: &Passphrase, label: &Label<'_>) -> Result<Vec<u8>, PassphraseError> {
    passphrase::seal(seed, password, label).map(String::into_bytes)
}

/// The key under a password. It costs what a guess costs.
///
/// # Errors
/// Where the password is wrong or the bytes are none of ours.
pub fn unlock(locked: &[u8], password: &Passphrase) -> Result<StaffKey, Locked> {
    let text = std::str::from_utf8(locked).map_err(|_| Locked::Key)?;
    let plain = passphrase::open(text, WHAT, password)?;
    let seed = plain.as_slice().try_into().map(Zeroizing::new).map_err(|_| Locked::Key)?;
    StaffKey::from_seed(&seed).map_err(|_| Locked::Key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::passphrase::Cost;
    use crate::sign::card::CardKey;

    #[test]
    fn only_the_password_opens_the_key_and_what_it_signs_is_known_by_its_public_half() {
        let label =
            Label { what: WHAT, of: "5931102274", salt: [3; 16], cost: Cost { memory_kib: 64, passes: 1, lanes: 1 } };
        let password = |text: &str| Passphrase::parse(text.as_bytes()).unwrap();
        let locked = lock(&[7; 32], &password("correct horse battery"), &label).unwrap();
        let public = StaffKey::from_seed(&[7; 32]).unwrap().spki();
        let key = unlock(&locked, &password("correct horse battery")).unwrap();
        let signed = CardKey::from_spki(&public).unwrap();
        assert!(signed.signed(b"challenge", &key.sign(b"challenge")));
        assert!(!signed.signed(b"challengf", &key.sign(b"challenge")));
        assert!(unlock(&locked, &password("correct horse batterx")).is_err());
        assert_eq!(unlock(&[0xFF; 9], &password("correct horse battery")).unwrap_err(), Locked::Key);
    }
}
