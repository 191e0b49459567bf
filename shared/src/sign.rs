//! Signatures over the heads of ledgers (Ed25519, RFC 8032): a site signs each batch that it sends, the hub
//! countersigns what it has taken, so that nobody can rewrite a ledger unnoticed (T5, T13). The hub also signs what it
//! publishes of the nation ([`crate::digest`]).
//!
//! A change's hash covers all changes before it, so the last hash of a batch stands for the whole history. Signing
//! needs no chance: the same head always has the same signature.

use std::fmt;

use aws_lc_rs::hkdf;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::audit::Link;
use crate::ids::{ChangeHash, DocId, EntryId};
use crate::seal::SealError;

pub mod card;
pub mod grant;
pub mod slip;
pub mod staff;

/// Who signed: a public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// A signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", data_encoding::HEXLOWER.encode(self.0.first_chunk::<4>().unwrap_or(&[0; 4])))
    }
}

/// The last entry of a batch, and by its hash everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The document.
    pub doc: DocId,
    /// The entry.
    pub id: EntryId,
    /// Its change's hash.
    pub hash: ChangeHash,
}

/// The hub's word that it held an entry: what it had journalled, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The length of the hub's journal when it gave its word.
    pub journal: u64,
    /// Seconds since 1970, by the hub's clock.
    pub second: i64,
    /// Over the head and the two above.
    pub signature: Signature,
}

/// Signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?})", self.public)
    }
}

impl Signer {
    /// A signing key from secret bytes that only its owner has, such as a TLS key; `purpose` keeps uses apart.
    ///
    /// # Errors
    /// Where the library refuses.
    pub fn derive(secret: &[u8], purpose: &[u8]) -> Result<Self, SealError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"atoll/1 sign").extract(secret);
        let purpose = [purpose];
        let key = root.expand(&purpose, hkdf::HKDF_SHA256).map_err(|_| SealError::Key)?;
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        key.fill(&mut *seed).map_err(|_| SealError::Key)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| SealError::Key)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| SealError::Key)?;
        Ok(Self { pair, public: PublicKey(public) })
    }

    /// Who this is.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs the head of a batch.
    #[must_use]
    pub fn sign_head(&self, head: &Head) -> Signature {
        self.sign(&head_words(head))
    }

    /// Countersigns a head that is on the disk.
    #[must_use]
    pub fn receipt(&self, head: &Head, journal: u64, second: i64) -> Receipt {
        let signature = self.sign(&receipt_words(head, journal, second));
        Receipt { journal, second, signature }
    }

    /// Signs how far a journal has come: the number of its rows and a hash over all of them.
    #[must_use]
    pub fn sign_journal(&self, rows: u64, roll: &[u8; 32]) -> Signature {
        self.sign(&journal_words(rows, roll))
    }

    /// Signs how far an audit has come ([`crate::audit`]): its last record's number and link.
    #[must_use]
    pub fn sign_audit(&self, number: u64, link: &Link) -> Signature {
        self.sign(&audit_words(number, link))
    }

    /// Signs the bytes of a manifest ([`crate::digest`]).
    #[must_use]
    pub fn sign_manifest(&self, body: &[u8]) -> Signature {
        self.sign(&manifest_words(body))
    }

    fn sign(&self, words: &[u8]) -> Signature {
        let signed = self.pair.sign(words);
        // An Ed25519 signature has 64 bytes.
        Signature(signed.as_ref().try_into().unwrap_or([0; 64]))
    }
}

impl PublicKey {
    /// Whether this key signed the head.
    #[must_use]
    pub fn signed_head(&self, head: &Head, signature: &Signature) -> bool {
        self.verify(&head_words(head), signature)
    }

    /// Whether this key gave the receipt for the head.
    #[must_use]
    pub fn gave_receipt(&self, head: &Head, receipt: &Receipt) -> bool {
        self.verify(&receipt_words(head, receipt.journal, receipt.second), &receipt.signature)
    }

    /// Whether this key signed the journal.
    #[must_use]
    pub fn signed_journal(&self, rows: u64, roll: &[u8; 32], signature: &Signature) -> bool {
        self.verify(&journal_words(rows, roll), signature)
    }

    /// Whether this key signed the audit.
    #[must_use]
    pub fn signed_audit(&self, number: u64, link: &Link, signature: &Signature) -> bool {
        self.verify(&audit_words(number, link), signature)
    }

    /// Whether this key signed the bytes of the manifest.
    #[must_use]
    pub fn signed_manifest(&self, body: &[u8], signature: &Signature) -> bool {
        self.verify(&manifest_words(body), signature)
    }

    fn verify(&self, words: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(words, &signature.0).is_ok()
    }
}

fn head_words(head: &Head) -> Vec<u8> {
    words(b"atoll/1 head\0", head)
}

fn receipt_words(head: &Head, journal: u64, second: i64) -> Vec<u8> {
    let mut out = words(b"atoll/1 receipt\0", head);
    out.extend_from_slice(&journal.to_be_bytes());
    out.extend_from_slice(&second.to_be_bytes());
    out
}

fn journal_words(rows: u64, roll: &[u8; 32]) -> Vec<u8> {
    [&b"atoll/1 journal\0"[..], &rows.to_be_bytes(), roll].concat()
}

fn audit_words(number: u64, link: &Link) -> Vec<u8> {
    [&b"atoll/1 audit\0"[..], &number.to_be_bytes(), &link.0].concat()
}

fn manifest_words(body: &[u8]) -> Vec<u8> {
    [&b"atoll/1 manifest\0"[..], body].concat()
}

/// Everything but the document's name has a fixed length.
fn words(purpose: &[u8], head: &Head) -> Vec<u8> {
    let doc = head.doc.to_string();
    [purpose, &head.id.actor.0, &head.id.seq.to_be_bytes(), &head.hash.0, doc.as_bytes(), b"\0"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;

    fn head(seq: u32) -> Head {
        let id = EntryId { actor: ActorId([3; 16]), seq };
        Head { doc: "site/5931102274/2020-02-06".parse().unwrap(), id, hash: ChangeHash([4; 32]) }
    }

    #[test]
    fn a_signature_stands_for_one_head_and_one_purpose() {
        let signer = Signer::derive(b"a TLS key", b"heads").unwrap();
        let (key, signature) = (signer.public(), signer.sign_head(&head(1)));
        assert!(key.signed_head(&head(1), &signature));
        assert!(!key.signed_head(&head(2), &signature));
        let mut flipped = signature;
        flipped.0[9] ^= 1;
        assert!(!key.signed_head(&head(1), &flipped));
        let other = Signer::derive(b"another TLS key", b"heads").unwrap();
        assert!(!other.public().signed_head(&head(1), &signature));

        let receipt = signer.receipt(&head(1), 7, 9);
        assert!(key.gave_receipt(&head(1), &receipt));
        assert!(!key.gave_receipt(&head(1), &Receipt { journal: 8, ..receipt }));
        assert!(!key.signed_head(&head(1), &receipt.signature), "a receipt is no signature of the site");
        let journal = signer.sign_journal(7, &[1; 32]);
        assert!(key.signed_journal(7, &[1; 32], &journal) && !key.signed_journal(6, &[1; 32], &journal));
        let audit = signer.sign_audit(7, &Link([1; 32]));
        assert!(key.signed_audit(7, &Link([1; 32]), &audit) && !key.signed_audit(8, &Link([1; 32]), &audit));
        assert!(!key.signed_journal(7, &[1; 32], &audit), "an audit is no journal");
        let manifest = signer.sign_manifest(&journal_words(7, &[1; 32]));
        assert!(key.signed_manifest(&journal_words(7, &[1; 32]), &manifest));
        assert!(!key.signed_journal(7, &[1; 32], &manifest), "a manifest's signature is none of a journal");
    }

    #[test]
    fn the_same_head_has_the_same_signature() {
        let sign = || Signer::derive(b"key", b"heads").unwrap().sign_head(&head(1));
        assert_eq!(sign(), sign());
    }
}
