//! What is known of a person: this site's own sales and the nation's list, nothing twice.
//!
//! Own sales that the nation's list stands for ("covered") are left to it, so that one which the hub
//! found one too many stops counting with the list. The others are known again by their mark.

use chrono::{Days, NaiveDate};
use shared::ids::EntryId;
use shared::planted;
use shared::rules::identity::Person;
use shared::rules::programme::{Version, Window};
use shared::rules::quota::Past;
use shared::seal::mark;

use super::{Node, NodeError};
use crate::nation::Ask;
use crate::store::OwnSale;

impl Node {
    /// Every counted purchase of a person that is known here.
    pub(super) fn history(
        &mut self,
        version: &Version,
        person: &Person,
        today: NaiveDate,
    ) -> Result<Vec<Past>, NodeError> {
        let number = self.programmes.number(&mut self.store, &version.programme);
        let number = self.promised(number)?;
        let own = self.store.own_sales(&self.keys.tag(person), number)?;
        let hits = self.nation.find(&Ask {
            store: &self.store,
            watermark: self.line.feed,
            programme: &version.programme,
            number,
            person,
            from: window_from(version, today),
        })?;
        let mut ours = Vec::new();
        let mut history = Vec::new();
        for sale in own {
            let id = self.id_at(&sale)?;
            let withdrawn = sale.withdrawn && !planted!(WithdrawalKeepsQuota);
            let counts = !withdrawn && !id.is_some_and(|id| self.over.contains(&id));
            if counts && (self.line.covers(sale.pos) || (planted!(CoveredTooEarly) && self.line.has(sale.pos))) {
                continue;
            }
            ours.extend(id.filter(|_| !planted!(OwnItemCounted)).map(|id| mark(&id)));
            if counts {
                history.push(sale.past);
            }
        }
        let theirs = hits.into_iter().filter(|hit| !ours.contains(&hit.mark));
        let theirs = theirs.filter(|hit| !self.is_cleared(&version.programme, person, hit.day, hit.mark));
        history.extend(theirs.map(|hit| Past { day: hit.day, pieces: hit.pieces }));
        Ok(history)
    }

    fn id_at(&self, sale: &OwnSale) -> Result<Option<EntryId>, NodeError> {
        Ok(self.store.id_at(sale.pos)?)
    }
}

/// The first day on which a purchase can still count.
fn window_from(version: &Version, today: NaiveDate) -> NaiveDate {
    match version.window {
        Window::Rolling { days } => {
            today.checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))).unwrap_or(NaiveDate::MIN)
        }
        Window::Round { from, .. } => from,
    }
}
