//! Secrecy of personal data: sealing documents in entries, finding people by keyed tags,
//! and the fingerprints that tell the nation of a purchase (docs/architecture.md).
//!
//! * A site's **sealing key** hides number and birth date in its entries (AES-256-GCM-SIV,
//!   RFC 8452; nonce from the entry id, site and entry id as associated data).
//! * A site's **look-up key** finds its own people again by a tag.
//! * The hub's **tag key** never leaves it; a **day key** leaves it with the day's list.
//!
//! All are derived from one secret by HKDF-SHA-256 (RFC 5869) under different labels.
//! Pseudonymous, not anonymous: who holds a key and guesses numbers can test them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};
use chrono::NaiveDate;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entry::Sealed;
use crate::entry::access::Right;
use crate::ids::{CaseId, EntryId, Incarnation, PersonTag, ProgrammeId, SiteCode, StaffId};
use crate::rules::identity::{Document, Person};
use crate::sign::Signer;
use crate::wire::v1::document;

pub mod contact;
pub mod passphrase;
pub mod password;
pub mod totp;

/// Longest sealed document that is accepted, in bytes.
pub const SEALED_BYTES_MAX: usize = 64;
/// Longest sealed name with telephone that is accepted, in bytes.
pub const CONTACT_SEALED_BYTES_MAX: usize = 176;

/// 32 secret bytes; wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes random bytes from the caller.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the key file and the enrolment.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// By which both ends know that they hold the same secret; it tells nothing of it.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn mark(&self) -> Result<KeyMark, SealError> {
        Ok(KeyMark(cut(self.derive(&[b"mark"])?.0)))
    }

    /// A key for one purpose.
    fn derive(&self, purpose: &[&[u8]]) -> Result<Self, SealError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"atoll/1").extract(&self.0);
        let key = root.expand(purpose, hkdf::HKDF_SHA256).map_err(|_| SealError::Key)?;
        let mut out = [0; 32];
        key.fill(&mut out).map_err(|_| SealError::Key)?;
        Ok(Self(out))
    }

    fn mac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Names a secret without telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMark(pub [u8; 8]);

/// Sealing or opening failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The library refused the key.
    #[error("the key cannot be used")]
    Key,
    /// Sealed under a key that this site never had.
    #[error("sealed under key number {0}, which is not known")]
    KeyNumber(u8),
    /// Too short, too long, or changed.
    #[error("the sealed document has been changed or was sealed elsewhere")]
    Changed,
    /// It opened, but what came out is no document.
    #[error("the sealed document is not one")]
    Content,
}

/// A site's keys, derived once.
pub struct SiteKeys {
    number: u8,
    seal: LessSafeKey,
    lookup: hmac::Key,
    site: SiteCode,
}

impl fmt::Debug for SiteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteKeys(site {}, number {})", self.site, self.number)
    }
}

impl SiteKeys {
    /// Derives the sealing and the look-up key of `site` from its secret; `number` counts renewals.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn new(site: SiteCode, number: u8, secret: &Secret) -> Result<Self, SealError> {
        let seal = secret.derive(&[b"site seal", site.as_str().as_bytes()])?;
        let lookup = secret.derive(&[b"site look-up", site.as_str().as_bytes()])?;
        let seal = UnboundKey::new(&AES_256_GCM_SIV, seal.bytes()).map_err(|_| SealError::Key)?;
        Ok(Self { number, seal: LessSafeKey::new(seal), lookup: lookup.mac(), site })
    }

    /// Seals the document of the entry `id`; `slot` tells buyer (0) from proxy (1).
    ///
    /// # Errors
    /// Where the library refuses.
    pub fn seal(&self, id: &EntryId, slot: u8, document: &Document) -> Result<Sealed, SealError> {
        self.seal_bytes(id, slot, document::encode(document))
    }

    fn seal_bytes(&self, id: &EntryId, slot: u8, mut bytes: Vec<u8>) -> Result<Sealed, SealError> {
        self.seal
            .seal_in_place_append_tag(nonce(id, slot)?, self.associated(id, slot), &mut bytes)
            .map_err(|_| SealError::Key)?;
        bytes.insert(0, self.number);
        Ok(Sealed(bytes))
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// Where the bytes were changed, moved to another entry, or sealed by another site.
    pub fn open(&self, id: &EntryId, slot: u8, sealed: &Sealed) -> Result<Document, SealError> {
        let plain = self.open_bytes((id, slot), sealed, SEALED_BYTES_MAX)?;
        document::decode(&plain).map_err(|_| SealError::Content)
    }

    fn open_bytes(&self, (id, slot): (&EntryId, u8), sealed: &Sealed, most: usize) -> Result<Vec<u8>, SealError> {
        let (number, rest) = sealed.0.split_first().ok_or(SealError::Changed)?;
        if *number != self.number {
            return Err(SealError::KeyNumber(*number));
        }
        if rest.len() > most {
            return Err(SealError::Changed);
        }
        let mut bytes = rest.to_vec();
        let plain = self
            .seal
            .open_in_place(nonce(id, slot)?, self.associated(id, slot), &mut bytes)
            .map_err(|_| SealError::Changed)?;
        let len = plain.len();
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The tag under which this site finds the person again.
    #[must_use]
    pub fn tag(&self, person: &Person) -> PersonTag {
        PersonTag(cut(hmac::sign(&self.lookup, &person.key())))
    }

    fn associated(&self, id: &EntryId, slot: u8) -> Aad<Vec<u8>> {
        let mut bytes = self.site.as_str().as_bytes().to_vec();
        bytes.extend_from_slice(&id.actor.0);
        bytes.extend_from_slice(&id.seq.to_be_bytes());
        bytes.push(slot);
        Aad::from(bytes)
    }
}

/// Unique under a site's key: actors are random and never reused, sequences count up.
fn nonce(id: &EntryId, slot: u8) -> Result<Nonce, SealError> {
    let mut bytes = id.actor.0.to_vec();
    bytes.extend_from_slice(&id.seq.to_be_bytes());
    bytes.push(slot);
    let hash = digest::digest(&digest::SHA256, &bytes);
    let cut = hash.as_ref().get(..NONCE_LEN).ok_or(SealError::Key)?;
    Nonce::try_assume_unique_for_key(cut).map_err(|_| SealError::Key)
}

/// The hub's master secret and what is derived from it.
pub struct HubKeys {
    master: Secret,
    tag: hmac::Key,
    case: hmac::Key,
}

impl fmt::Debug for HubKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubKeys(…)")
    }
}

impl HubKeys {
    /// Derives the tag keys.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn new(master: &Secret) -> Result<Self, SealError> {
        Ok(Self {
            tag: master.derive(&[b"national tag"])?.mac(),
            case: master.derive(&[b"case"])?.mac(),
            master: master.clone(),
        })
    }

    /// By which the hub countersigns what it has taken.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn signer(&self) -> Result<Signer, SealError> {
        Signer::derive(self.master.bytes(), b"hub")
    }

    /// The case of one life of a site's store.
    #[must_use]
    pub fn site_case(&self, site: &SiteCode, life: &Incarnation) -> CaseId {
        let mut bytes = b"site\0".to_vec();
        bytes.extend_from_slice(site.as_str().as_bytes());
        bytes.extend_from_slice(&life.0);
        CaseId(cut(hmac::sign(&self.case, &bytes)))
    }

    /// The nation's tag of a person.
    #[must_use]
    pub fn tag(&self, person: &Person) -> PersonTag {
        PersonTag(cut(hmac::sign(&self.tag, &person.key())))
    }

    /// The case of a person in a programme.
    #[must_use]
    pub fn case(&self, programme: &ProgrammeId, person: &PersonTag) -> CaseId {
        let mut bytes = programme.as_str().as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(&person.0);
        CaseId(cut(hmac::sign(&self.case, &bytes)))
    }

    /// The case of a dispute: each is one of its own, so that nobody learns from it whose it is.
    #[must_use]
    pub fn dispute_case(&self, dispute: &EntryId) -> CaseId {
        let mut bytes = b"dispute\0".to_vec();
        bytes.extend_from_slice(&dispute.actor.0);
        bytes.extend_from_slice(&dispute.seq.to_be_bytes());
        CaseId(cut(hmac::sign(&self.case, &bytes)))
    }

    /// The case of what somebody did at a site without the right to it.
    #[must_use]
    pub fn staff_case(&self, site: &SiteCode, who: &StaffId, right: &Right) -> CaseId {
        let mut bytes = b"staff\0".to_vec();
        bytes.extend_from_slice(site.as_str().as_bytes());
        bytes.extend_from_slice(&who.0);
        bytes.extend_from_slice(right.to_string().as_bytes());
        CaseId(cut(hmac::sign(&self.case, &bytes)))
    }

    /// The case of a grant that gives nothing.
    #[must_use]
    pub fn grant_case(&self, grant: &EntryId) -> CaseId {
        let mut bytes = b"grant\0".to_vec();
        bytes.extend_from_slice(&grant.actor.0);
        bytes.extend_from_slice(&grant.seq.to_be_bytes());
        CaseId(cut(hmac::sign(&self.case, &bytes)))
    }

    /// The key of one programme's day, handed to every edge with the day's list.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn day(&self, programme: &ProgrammeId, day: NaiveDate) -> Result<DayKey, SealError> {
        let day = day.to_string();
        let secret = self.master.derive(&[b"day", programme.as_str().as_bytes(), day.as_bytes()])?;
        Ok(DayKey::new(secret))
    }

    /// Hides a site's secret in the hub's own store (32 bytes), bound to the site.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn wrap(&self, site: &SiteCode, secret: &Secret) -> Result<Vec<u8>, SealError> {
        self.hide(b"wrap", site.as_str(), secret)
    }

    /// Opens what [`Self::wrap`] made.
    ///
    /// # Errors
    /// Where the bytes were changed or belong to another site.
    pub fn unwrap_secret(&self, site: &SiteCode, wrapped: &[u8]) -> Result<Secret, SealError> {
        self.show(b"wrap", site.as_str(), wrapped)
    }

    /// Hides the secret of somebody who signs in at the hub, bound to the name.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn wrap_operator(&self, name: &str, secret: &Secret) -> Result<Vec<u8>, SealError> {
        self.hide(b"wrap operator", name, secret)
    }

    /// Opens what [`Self::wrap_operator`] made.
    ///
    /// # Errors
    /// Where the bytes were changed or belong to another name.
    pub fn unwrap_operator(&self, name: &str, wrapped: &[u8]) -> Result<Secret, SealError> {
        self.show(b"wrap operator", name, wrapped)
    }

    /// By which a browser from which somebody has signed in is known again; it opens nothing.
    ///
    /// # Errors
    /// Where the library refuses the key.
    pub fn browser_mark(&self, name: &str, generation: u64) -> Result<KeyMark, SealError> {
        self.master.derive(&[b"browser", &generation.to_be_bytes(), name.as_bytes()])?.mark()
    }

    fn hide(&self, purpose: &[u8], name: &str, secret: &Secret) -> Result<Vec<u8>, SealError> {
        let mut bytes = secret.bytes().to_vec();
        let aad = Aad::from(name.as_bytes().to_vec());
        self.wrapping(purpose, name)?
            .seal_in_place_append_tag(wrap_nonce(secret)?, aad, &mut bytes)
            .map_err(|_| SealError::Key)?;
        let mut out = wrap_nonce(secret)?.as_ref().to_vec();
        out.append(&mut bytes);
        Ok(out)
    }

    fn show(&self, purpose: &[u8], name: &str, wrapped: &[u8]) -> Result<Secret, SealError> {
        let (nonce, bytes) = wrapped.split_at_checked(NONCE_LEN).ok_or(SealError::Changed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Changed)?;
        let aad = Aad::from(name.as_bytes().to_vec());
        let mut bytes = bytes.to_vec();
        let plain =
            self.wrapping(purpose, name)?.open_in_place(nonce, aad, &mut bytes).map_err(|_| SealError::Changed)?;
        Ok(Secret::new((&*plain).try_into().map_err(|_| SealError::Changed)?))
    }

    fn wrapping(&self, purpose: &[u8], name: &str) -> Result<LessSafeKey, SealError> {
        let key = self.master.derive(&[purpose, name.as_bytes()])?;
        let key = UnboundKey::new(&AES_256_GCM_SIV, key.bytes()).map_err(|_| SealError::Key)?;
        Ok(LessSafeKey::new(key))
    }
}

/// Synthetic: GCM-SIV stands a repeated nonce, and an equal one here means an equal secret.
fn wrap_nonce(secret: &Secret) -> Result<Nonce, SealError> {
    let hash = digest::digest(&digest::SHA256, secret.bytes());
    let cut = hash.as_ref().get(..NONCE_LEN).ok_or(SealError::Key)?;
    Nonce::try_assume_unique_for_key(cut).map_err(|_| SealError::Key)
}

/// A programme's key for one business day: forgotten when no window needs the day.
#[derive(Clone)]
pub struct DayKey {
    secret: Secret,
    mac: hmac::Key,
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DayKey(…)")
    }
}

impl DayKey {
    /// From the bytes that came with the list.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self { mac: secret.mac(), secret }
    }

    /// The secret, to be sent or sealed.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The person's fingerprint of that day.
    #[must_use]
    pub fn fingerprint(&self, person: &Person) -> u64 {
        u64::from_be_bytes(cut(hmac::sign(&self.mac, &person.key())))
    }
}

/// Four bytes by which a site knows its own entry in the nation's list again; they say nothing to others.
#[must_use]
pub fn mark(id: &EntryId) -> u32 {
    let mut bytes = id.actor.0.to_vec();
    bytes.extend_from_slice(&id.seq.to_be_bytes());
    let hash = digest::digest(&digest::SHA256, &bytes);
    u32::from_be_bytes(cut(hash.as_ref()))
}

/// The first `N` bytes of a longer hash.
fn cut<const N: usize>(hash: impl AsRef<[u8]>) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;

    fn document() -> Document {
        let today = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
        Document::parse("01", "A123456789", "1986-03-15", today).unwrap()
    }

    #[test]
    fn a_sealed_document_opens_only_in_its_entry_at_its_site() {
        let id = EntryId { actor: ActorId([3; 16]), seq: 9 };
        let site = "5931102274".parse().unwrap();
        let secret = Secret::new([1; 32]);
        let keys = SiteKeys::new(site, 1, &secret).unwrap();
        let sealed = keys.seal(&id, 0, &document()).unwrap();
        assert_eq!(keys.open(&id, 0, &sealed).unwrap(), document());
        assert_eq!(sealed.0.len(), 1 + 8 + 16, "key number, packed document, authentication tag");

        let elsewhere = SiteKeys::new("3501200000".parse().unwrap(), 1, &secret).unwrap();
        assert_eq!(elsewhere.open(&id, 0, &sealed), Err(SealError::Changed));
        assert_eq!(keys.open(&EntryId { seq: 10, ..id }, 0, &sealed), Err(SealError::Changed));
        assert_eq!(keys.open(&id, 1, &sealed), Err(SealError::Changed));
        let renewed = SiteKeys::new(site, 2, &secret).unwrap();
        assert_eq!(renewed.open(&id, 0, &sealed), Err(SealError::KeyNumber(1)));
        for at in 0..sealed.0.len() {
            let mut flipped = sealed.clone();
            flipped.0[at] ^= 1;
            assert!(keys.open(&id, 0, &flipped).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_hub_keeps_a_sites_secret_wrapped() {
        let keys = HubKeys::new(&Secret::new([9; 32])).unwrap();
        let site = "5931102274".parse().unwrap();
        let wrapped = keys.wrap(&site, &Secret::new([1; 32])).unwrap();
        assert_eq!(keys.unwrap_secret(&site, &wrapped).unwrap(), Secret::new([1; 32]));
        assert!(keys.unwrap_secret(&"3501200000".parse().unwrap(), &wrapped).is_err());
        assert!(keys.unwrap_secret(&site, &wrapped[..20]).is_err());
    }

    #[test]
    fn the_hub_keeps_an_operators_secret_under_the_name() {
        let keys = HubKeys::new(&Secret::new([9; 32])).unwrap();
        let wrapped = keys.wrap_operator("alice", &Secret::new([1; 32])).unwrap();
        assert_eq!(keys.unwrap_operator("alice", &wrapped).unwrap(), Secret::new([1; 32]));
        assert!(keys.unwrap_operator("bob", &wrapped).is_err());
        let other = HubKeys::new(&Secret::new([8; 32])).unwrap();
        assert!(other.unwrap_operator("alice", &wrapped).is_err());
        let mark = keys.browser_mark("alice", 1).unwrap();
        assert_ne!(mark, keys.browser_mark("alice", 2).unwrap());
        assert_ne!(mark, keys.browser_mark("bob", 1).unwrap());
    }

    #[test]
    fn days_sites_and_purposes_have_unrelated_keys() {
        let hub = HubKeys::new(&Secret::new([9; 32])).unwrap();
        let mask = "mask".parse().unwrap();
        let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
        let person = document().person();
        let first = hub.day(&mask, day).unwrap().fingerprint(&person);
        let second = hub.day(&mask, day.succ_opt().unwrap()).unwrap().fingerprint(&person);
        assert_ne!(first, second);
        assert_ne!(hub.case(&mask, &hub.tag(&person)), hub.case(&"kit".parse().unwrap(), &hub.tag(&person)));
    }
}
