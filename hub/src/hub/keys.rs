//! Keys as the hub uses them: the sites' to read what they sealed, a day's for fingerprints.

use std::sync::Arc;

use chrono::NaiveDate;
use shared::entry::Sealed;
use shared::ids::{EntryId, ProgrammeId, SiteCode};
use shared::rules::booking::contact::Contact;
use shared::rules::identity::{Document, Person};
use shared::seal::{SealError, SiteKeys};

use super::memory::DAY_KEYS_MAX;
use super::{Hub, HubError};

/// In an entry: the buyer's document.
pub(crate) const BUYER: u8 = 0;
/// In an entry: the proxy's document.
pub(crate) const PROXY: u8 = 1;

impl Hub {
    /// A site's keys, the newest first.
    pub(crate) fn site_keys(&self, site: &SiteCode) -> Result<Arc<[SiteKeys]>, HubError> {
        if let Some(keys) = self.memory.site_keys.borrow().get(site) {
            return Ok(Arc::clone(keys));
        }
        let mut keys = Vec::new();
        for (number, wrapped) in self.store.keys(site)? {
            let secret = self.keys.unwrap_secret(site, &wrapped)?;
            keys.push(SiteKeys::new(*site, number, &secret)?);
        }
        let keys: Arc<[SiteKeys]> = keys.into();
        self.memory.site_keys.borrow_mut().insert(*site, Arc::clone(&keys));
        Ok(keys)
    }

    /// Opens a document that a site sealed in the entry `id`; the inner error is the site's.
    pub(crate) fn unseal(
        &self,
        site: &SiteCode,
        id: &EntryId,
        slot: u8,
        sealed: &Sealed,
    ) -> Result<Result<Document, SealError>, HubError> {
        self.open_with(site, sealed, |key| key.open(id, slot, sealed))
    }

    /// Opens name and telephone that a site sealed in the entry `id`; the inner error is the site's.
    pub(crate) fn unseal_contact(
        &self,
        site: &SiteCode,
        id: &EntryId,
        sealed: &Sealed,
    ) -> Result<Result<Contact, SealError>, HubError> {
        self.open_with(site, sealed, |key| key.open_contact(id, sealed))
    }

    fn open_with<T>(
        &self,
        site: &SiteCode,
        sealed: &Sealed,
        open: impl Fn(&SiteKeys) -> Result<T, SealError>,
    ) -> Result<Result<T, SealError>, HubError> {
        let keys = self.site_keys(site)?;
        let mut last = SealError::KeyNumber(sealed.0.first().copied().unwrap_or_default());
        for key in keys.iter() {
            match open(key) {
                Ok(opened) => return Ok(Ok(opened)),
                // Of several keys the one with the right number says most.
                Err(SealError::KeyNumber(_)) => {}
                Err(cause @ (SealError::Key | SealError::Changed | SealError::Content)) => last = cause,
            }
        }
        Ok(Err(last))
    }

    /// Opens a document that was opened when it came.
    pub(crate) fn unseal_again(&self, site: &SiteCode, id: &EntryId, sealed: &Sealed) -> Result<Document, HubError> {
        self.unseal(site, id, BUYER, sealed)?
            .map_err(|cause| HubError::Damaged(format!("the document of entry {id} no longer opens: {cause}")))
    }

    /// A person's fingerprint of a programme's day.
    pub(crate) fn fingerprint(
        &mut self,
        programme: &ProgrammeId,
        day: NaiveDate,
        person: &Person,
    ) -> Result<u64, HubError> {
        let name = (programme.clone(), day);
        if let Some(key) = self.memory.day_keys.get(&name) {
            return Ok(key.fingerprint(person));
        }
        let key = self.keys.day(programme, day)?;
        let fingerprint = key.fingerprint(person);
        if self.memory.day_keys.len() >= DAY_KEYS_MAX {
            self.memory.day_keys.clear();
        }
        self.memory.day_keys.insert(name, key);
        Ok(fingerprint)
    }
}
