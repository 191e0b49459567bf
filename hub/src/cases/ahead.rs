//! Sales that reached the hub before they were made: their site's clock was wrong although it said it was sure.
//! When something was received is evidence, and decides nothing.

use super::SaleLine;
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
        Ok(self.store.sales_ahead(SLACK_S, most)?)
    }
}

impl SaleLine {
    /// Whether it is one of them.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        let earliest = self.instant.saturating_sub(i64::from(self.doubt_s));
        !self.recorded && earliest > self.received.saturating_add(SLACK_S)
    }
}
