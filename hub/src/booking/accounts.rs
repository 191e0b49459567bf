//! Slots with their accounts, as they are shown and compared.

use shared::entry::booking::Slot;
use shared::lease::Account;

use crate::hub::{Hub, HubError};
use crate::store::SlotRow;

/// A slot and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotStatus {
    /// Which.
    pub slot: Slot,
    /// The hub has said how many it holds; otherwise only a site has named it.
    pub offered: bool,
    /// Nothing more is given away there.
    pub closed: bool,
    /// Its places.
    pub account: Account,
}

impl Hub {
    /// Every slot that holds anything, or of which anything was given away, with its account.
    ///
    /// What a holder gave away beyond what it held, and what no lease covers, counts like what the hub granted itself:
    /// so free, lent and unspent, and booked always make up the capacity.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn slot_accounts(&self) -> Result<Vec<(Slot, Account)>, HubError> {
        Ok(self.slots()?.into_iter().map(|status| (status.slot, status.account)).collect())
    }

    /// The same with what else is known of each.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn slots(&self) -> Result<Vec<SlotStatus>, HubError> {
        let is_any = |row: &SlotRow| row.offered || row.account != Account::default();
        let status = |row: SlotRow| SlotStatus {
            slot: row.slot,
            offered: row.offered,
            closed: row.closed,
            account: row.account,
        };
        Ok(self.store.slots()?.into_iter().filter(is_any).map(status).collect())
    }
}
