//! What counts of somebody, for a counter that would refuse them by the nation's list (docs/protocol.md).
//!
//! Nothing is written, and nothing said that the list does not say of everybody: days that a window may reach, pieces
//! and marks, never a site.

use chrono::NaiveTime;
use shared::ids::SiteCode;
use shared::rules::calendar::{second_of, taipei_day};
use shared::seal::mark;
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed, PURCHASES_MAX};

use crate::hub::{BUYER, Hub, HubError};
use crate::store::Counted;

/// Of a person with more sales than this in a programme nothing is said: they would be read while everybody waits.
const SALES_MAX: u32 = 1_024;

impl Hub {
    /// The purchases that count of the person whom a site asks about; none where the question cannot be opened, the
    /// programme is unknown, or there are too many.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn confirm(&self, site: &SiteCode, ask: &Confirm, second: i64) -> Result<Confirmed, HubError> {
        let feed = self.feed_position()?;
        let reached = self.reached_from(&ask.programme, second);
        let from = reached.map_or(ask.from, |first| first.max(ask.from));
        let silent = Confirmed { nonce: ask.nonce, feed, from, purchases: None };
        if reached.is_none() {
            return Ok(silent);
        }
        let document = match self.unseal(site, &Confirm::place(ask.nonce), BUYER, &ask.document)? {
            Ok(document) => document,
            Err(cause) => {
                tracing::debug!(%site, %cause, "a question about somebody cannot be opened");
                return Ok(silent);
            }
        };
        let tag = self.keys.tag(&document.person());
        let since = second_of(from.and_time(NaiveTime::MIN));
        let counted = self.store.counted_since(&ask.programme, &tag, since, SALES_MAX)?;
        let bought =
            |sale: Counted| Bought { day: taipei_day(sale.instant), mark: mark(&sale.id), pieces: sale.pieces };
        let purchases = counted.map(|newest| newest.into_iter().take(PURCHASES_MAX).map(bought).collect());
        Ok(Confirmed { purchases, ..silent })
    }
}
