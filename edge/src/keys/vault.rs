//! Secrets at rest: day keys, and the secrets of the site's other machines, sealed under a key from this machine's
//! secret, so that the database alone tells nobody who bought.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf};
use chrono::NaiveDate;
use shared::ids::ProgrammeId;
use shared::seal::{DayKey, KeyMark, SealError, Secret};

/// Seals what the store holds beside the ledger.
pub(crate) struct Vault {
    key: LessSafeKey,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// From the site's secret.
    pub(crate) fn new(secret: &Secret) -> Result<Self, SealError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"atoll/1 edge").extract(secret.bytes());
        let key = root.expand(&[b"day keys"], &AES_256_GCM_SIV).map_err(|_| SealError::Key)?;
        Ok(Self { key: LessSafeKey::new(UnboundKey::from(key)) })
    }

    /// Hides a day's key, bound to its programme and day.
    pub(crate) fn seal(&self, programme: &ProgrammeId, day: NaiveDate, key: &Secret) -> Result<Vec<u8>, SealError> {
        self.seal_at(place(programme, day), key)
    }

    /// Opens what [`Self::seal`] made.
    pub(crate) fn open(&self, programme: &ProgrammeId, day: NaiveDate, sealed: &[u8]) -> Result<DayKey, SealError> {
        self.open_at(place(programme, day), sealed).map(DayKey::new)
    }

    /// Hides a secret of the site that another machine brought, bound to its name.
    pub(crate) fn seal_secret(&self, mark: KeyMark, secret: &Secret) -> Result<Vec<u8>, SealError> {
        self.seal_at(mark.0.to_vec(), secret)
    }

    /// Opens what [`Self::seal_secret`] made.
    pub(crate) fn open_secret(&self, mark: KeyMark, sealed: &[u8]) -> Result<Secret, SealError> {
        self.open_at(mark.0.to_vec(), sealed)
    }

    fn seal_at(&self, place: Vec<u8>, key: &Secret) -> Result<Vec<u8>, SealError> {
        let mut bytes = key.bytes().to_vec();
        let nonce = nonce(&place)?;
        self.key.seal_in_place_append_tag(nonce, Aad::from(place), &mut bytes).map_err(|_| SealError::Key)?;
        Ok(bytes)
    }

    fn open_at(&self, place: Vec<u8>, sealed: &[u8]) -> Result<Secret, SealError> {
        let mut bytes = sealed.to_vec();
        let nonce = nonce(&place)?;
        let plain = self.key.open_in_place(nonce, Aad::from(place), &mut bytes).map_err(|_| SealError::Changed)?;
        Ok(Secret::new((&*plain).try_into().map_err(|_| SealError::Changed)?))
    }
}

fn place(programme: &ProgrammeId, day: NaiveDate) -> Vec<u8> {
    format!("{programme}/{day}").into_bytes()
}

/// One key a place; GCM-SIV stands a nonce that comes again when a hub begins a new life.
fn nonce(place: &[u8]) -> Result<Nonce, SealError> {
    let hash = digest::digest(&digest::SHA256, place);
    let cut = hash.as_ref().get(..NONCE_LEN).ok_or(SealError::Key)?;
    Nonce::try_assume_unique_for_key(cut).map_err(|_| SealError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_key_opens_only_for_its_day() {
        let vault = Vault::new(&Secret::new([1; 32])).unwrap();
        let mask = "mask".parse().unwrap();
        let day: NaiveDate = "2020-02-06".parse().unwrap();
        let key = Secret::new([5; 32]);
        let sealed = vault.seal(&mask, day, &key).unwrap();
        assert_eq!(*vault.open(&mask, day, &sealed).unwrap().secret(), key);
        assert!(vault.open(&mask, day.succ_opt().unwrap(), &sealed).is_err());
        assert!(vault.open(&"kit".parse().unwrap(), day, &sealed).is_err());
        assert!(Vault::new(&Secret::new([2; 32])).unwrap().open(&mask, day, &sealed).is_err());
    }
}
