//! Sales that reached the hub before they were made: their site's clock was wrong although it said it was sure.
//! When something was received is evidence, and decides nothing.

use shared::entry::Instant;

use crate::hub::{Hub, HubError};
use crate::store::AheadSale;

/// The hub's own second, and the edge's.
const SLACK_S: i64 = 5;

impl Hub {
    /// Such sales, those received last first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn sales_ahead(&self, most: u32) -> Result<Vec<AheadSale>, HubError> {
        Ok(self.store.sales_ahead(most)?)
    }
}

/// Whether something was received so long before it was made that the clock of its site was wrong, whatever it knew.
pub(crate) fn is_ahead(at: Instant, received: i64) -> bool {
    at.second.saturating_sub(i64::from(at.doubt_s)) > received.saturating_add(SLACK_S)
}
