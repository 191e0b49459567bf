//! What counts of somebody, for a counter that would refuse them by the nation's list (docs/protocol.md).
//!
//! Nothing is written, and nothing said that the list does not say of everybody: days, pieces and marks, never a site.

use shared::ids::SiteCode;
use shared::rules::calendar::taipei_day;
use shared::seal::mark;
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed, PURCHASES_MAX};

use crate::conflict::Effect;
use crate::hub::{BUYER, Hub, HubError};

impl Hub {
    /// The purchases that count of the person whom a site asks about; none where the question cannot be opened.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn confirm(&self, site: &SiteCode, ask: &Confirm) -> Result<Confirmed, HubError> {
        let feed = self.feed_position()?;
        let purchases = match self.unseal(site, &Confirm::place(ask.nonce), BUYER, &ask.document)? {
            Ok(document) => {
                let sales = self.store.sales(&ask.programme, &self.keys.tag(&document.person()))?;
                let counted = sales.into_iter().filter(|sale| sale.effect == Effect::Counts).map(|sale| Bought {
                    day: taipei_day(sale.instant),
                    mark: mark(&sale.id),
                    pieces: sale.pieces,
                });
                let mut newest: Vec<Bought> = counted.filter(|bought| bought.day >= ask.from).collect();
                newest.sort_unstable_by(|one, other| other.cmp(one));
                newest.truncate(PURCHASES_MAX);
                Some(newest)
            }
            Err(cause) => {
                tracing::warn!(%site, %cause, "a question about somebody cannot be opened");
                None
            }
        };
        Ok(Confirmed { nonce: ask.nonce, feed, purchases })
    }
}
