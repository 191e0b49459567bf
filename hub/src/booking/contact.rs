//! Name and telephone of somebody who booked, as they were said last.

use shared::rules::booking::contact::Contact;

use crate::hub::{Hub, HubError};
use crate::store::BookingRow;

impl Hub {
    /// Opened under the key of whichever site wrote it last.
    pub(super) fn contact_of(&self, row: &BookingRow) -> Result<Contact, HubError> {
        let last = self.store.amended(&row.id)?;
        let (site, id, sealed) =
            last.as_ref().map_or((&row.site, &row.id, &row.contact), |(site, id, sealed)| (site, id, sealed));
        self.unseal_contact(site, id, sealed)?
            .map_err(|cause| HubError::Damaged(format!("the contact in entry {id} no longer opens: {cause}")))
    }
}
