//! What an operator has cleared of a person after a dispute: it stays in the ledger and uses nothing up (docs/disputes.md).

use chrono::NaiveDate;

use super::Purchase;
use crate::rules::calendar::taipei_day;

/// Purchases of one person in one programme on one business day, as far as they were made before the dispute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cleared {
    /// The business day.
    pub day: NaiveDate,
    /// The last second (since 1970, UTC) that is cleared: what is bought later, on the same day too, counts.
    pub upto: i64,
}

impl Cleared {
    /// Whether a purchase is one of these.
    #[must_use]
    pub fn covers(&self, purchase: &Purchase) -> bool {
        purchase.instant <= self.upto && taipei_day(purchase.instant) == self.day
    }
}
