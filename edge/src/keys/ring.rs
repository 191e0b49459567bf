//! The site's keys: its own, and those of machines that wrote for it before.

use shared::entry::Sealed;
use shared::ids::{EntryId, PersonTag, SiteCode};
use shared::rules::booking::contact::Contact;
use shared::rules::identity::{Document, Person};
use shared::seal::{KeyMark, SealError, Secret, SiteKeys};

/// Seals and finds under its own secret, opens what was sealed under any.
#[derive(Debug)]
pub(crate) struct KeyRing {
    site: SiteCode,
    own: SiteKeys,
    past: Vec<SiteKeys>,
    /// Every secret with its number, this machine's first, and their names.
    secrets: Vec<(u8, Secret)>,
    marks: Vec<KeyMark>,
}

impl KeyRing {
    /// With this machine's secret alone.
    pub(crate) fn new(site: SiteCode, number: u8, secret: &Secret) -> Result<Self, SealError> {
        let own = SiteKeys::new(site, number, secret)?;
        let (secrets, marks) = (vec![(number, secret.clone())], vec![secret.mark()?]);
        Ok(Self { site, own, past: Vec::new(), secrets, marks })
    }

    /// Another machine's secret. Gives whether it is new.
    pub(crate) fn add(&mut self, number: u8, secret: &Secret) -> Result<bool, SealError> {
        if self.secrets.iter().any(|(_, known)| known == secret) {
            return Ok(false);
        }
        self.past.push(SiteKeys::new(self.site, number, secret)?);
        self.marks.push(secret.mark()?);
        self.secrets.push((number, secret.clone()));
        Ok(true)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Every secret with its number.
    pub(crate) fn secrets(&self) -> &[(u8, Secret)] {
        &self.secrets
    }

    /// The names of all secrets.
    pub(crate) fn marks(&self) -> &[KeyMark] {
        &self.marks
    }

    /// Seals the document of an entry.
    pub(crate) fn seal(&self, id: &EntryId, slot: u8, document: &Document) -> Result<Sealed, SealError> {
        self.own.seal(id, slot, document)
    }

    /// Opens the document of an entry, whichever machine sealed it.
    pub(crate) fn open(&self, id: &EntryId, slot: u8, sealed: &Sealed) -> Result<Document, SealError> {
        let own = self.own.open(id, slot, sealed);
        if own.is_ok() {
            return own;
        }
        self.past.iter().find_map(|keys| keys.open(id, slot, sealed).ok()).map_or(own, Ok)
    }

    /// Seals the name and telephone of an entry.
    pub(crate) fn seal_contact(&self, id: &EntryId, contact: &Contact) -> Result<Sealed, SealError> {
        self.own.seal_contact(id, contact)
    }

    /// Opens the name and telephone of an entry, whichever machine sealed it.
    pub(crate) fn open_contact(&self, id: &EntryId, sealed: &Sealed) -> Result<Contact, SealError> {
        let own = self.own.open_contact(id, sealed);
        if own.is_ok() {
            return own;
        }
        self.past.iter().find_map(|keys| keys.open_contact(id, sealed).ok()).map_or(own, Ok)
    }

    /// The tag under which this machine finds a person again.
    pub(crate) fn tag(&self, person: &Person) -> PersonTag {
        self.own.tag(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ids::ActorId;

    #[test]
    fn what_a_dead_machine_sealed_opens_under_its_secret_and_no_other() {
        let site = "5931102274".parse().unwrap();
        let today = "2020-02-06".parse().unwrap();
        let document = Document::parse("01", "A123456789", "1986-03-15", today).unwrap();
        let id = EntryId { actor: ActorId([1; 16]), seq: 1 };
        let dead = KeyRing::new(site, 1, &Secret::new([1; 32])).unwrap();
        let sealed = dead.seal(&id, 0, &document).unwrap();
        let mut new = KeyRing::new(site, 1, &Secret::new([2; 32])).unwrap();
        assert!(new.open(&id, 0, &sealed).is_err());
        assert!(new.add(1, &Secret::new([1; 32])).unwrap());
        assert!(!new.add(1, &Secret::new([1; 32])).unwrap(), "known already");
        assert_eq!(new.open(&id, 0, &sealed).unwrap(), document);
        assert_ne!(new.tag(&document.person()), dead.tag(&document.person()), "people are found by the own tag");
        assert_eq!(new.len(), 2);
    }
}
