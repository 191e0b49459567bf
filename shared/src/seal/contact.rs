//! Name and telephone of somebody who books, sealed like a document: never in clear at rest.

use super::{CONTACT_SEALED_BYTES_MAX, SealError, SiteKeys};
use crate::entry::Sealed;
use crate::ids::EntryId;
use crate::rules::booking::contact::Contact;

/// In an entry: name and telephone. 0 and 1 are documents.
const SLOT: u8 = 2;
/// Between name and telephone: no name holds it.
const BETWEEN: char = '\n';

impl SiteKeys {
    /// Seals name and telephone in the entry `id`.
    ///
    /// # Errors
    /// Where the library refuses.
    pub fn seal_contact(&self, id: &EntryId, contact: &Contact) -> Result<Sealed, SealError> {
        let text = format!("{}{BETWEEN}{}", contact.name(), contact.mobile());
        self.seal_bytes(id, SLOT, text.into_bytes())
    }

    /// Opens what [`Self::seal_contact`] made.
    ///
    /// # Errors
    /// Where the bytes were changed, moved to another entry, or sealed by another site.
    pub fn open_contact(&self, id: &EntryId, sealed: &Sealed) -> Result<Contact, SealError> {
        let plain = self.open_bytes((id, SLOT), sealed, CONTACT_SEALED_BYTES_MAX)?;
        let text = String::from_utf8(plain).map_err(|_| SealError::Content)?;
        let (name, mobile) = text.split_once(BETWEEN).ok_or(SealError::Content)?;
        Contact::parse(name, mobile).map_err(|_| SealError::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActorId;
    use crate::rules::booking::contact::NAME_BYTES_MAX;
    use crate::seal::Secret;

    #[test]
    fn a_name_of_rare_characters_opens_only_in_its_entry_at_its_site() {
        let keys = SiteKeys::new("5931102274".parse().unwrap(), 1, &Secret::new([1; 32])).unwrap();
        let id = EntryId { actor: ActorId([3; 16]), seq: 9 };
        let longest = "𠮷".repeat(NAME_BYTES_MAX / 4);
        for name in ["王小明", "𠮷田 ⺼女", longest.as_str()] {
            let contact = Contact::parse(name, "0912345678").unwrap();
            let sealed = keys.seal_contact(&id, &contact).unwrap();
            assert!(sealed.0.len() <= CONTACT_SEALED_BYTES_MAX, "{}", sealed.0.len());
            assert_eq!(keys.open_contact(&id, &sealed).unwrap(), contact);
            assert!(keys.open_contact(&EntryId { seq: 10, ..id }, &sealed).is_err());
            assert!(keys.open(&id, 0, &sealed).is_err(), "it is no document");
        }
    }
}
