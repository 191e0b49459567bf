//! What is known of a person: this site's own sales and the nation's list, nothing twice.
//!
//! Own sales that the nation's list stands for ("covered") are left to it, so that one which the hub
//! found one too many stops counting with the list. The others are known again by their mark.

use chrono::{Days, NaiveDate};
use shared::ids::EntryId;
use shared::planted;
use shared::rules::evidence::List;
use shared::rules::identity::Person;
use shared::rules::programme::{Version, Window};
use shared::rules::quota::Past;
use shared::seal::mark;
use shared::sync::edge::LogPos;

use super::{Node, NodeError};
use crate::nation::Ask;
use crate::store::OwnSale;

/// A person's counted purchases, and whence each is known.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) past: Vec<Past>,
    /// In the same order.
    pub(super) sources: Vec<Source>,
}

/// Whence a purchase is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It was sold here.
    Own(LogPos),
    /// The nation's list of a day.
    Nation { day: NaiveDate, list: List },
}

impl History {
    fn push(&mut self, past: Past, source: Source) {
        self.past.push(past);
        self.sources.push(source);
    }
}

impl Node {
    /// Every counted purchase of a person that is known here.
    pub(super) fn history(
        &mut self,
        version: &Version,
        person: &Person,
        today: NaiveDate,
    ) -> Result<History, NodeError> {
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
        let (mut ours, mut covered) = (Vec::new(), Vec::new());
        let mut history = History::default();
        for sale in own {
            let id = self.id_at(&sale)?;
            let withdrawn = sale.withdrawn && !planted!(WithdrawalKeepsQuota);
            let counts = !withdrawn && !id.is_some_and(|id| self.over.contains(&id));
            if counts && (self.line.covers(sale.pos) || (planted!(CoveredTooEarly) && self.line.has(sale.pos))) {
                covered.extend(id.map(|id| (mark(&id), sale.pos)));
                continue;
            }
            ours.extend(id.filter(|_| !planted!(OwnItemCounted)).map(|id| mark(&id)));
            if counts {
                history.push(sale.past, Source::Own(sale.pos));
            }
        }
        for hit in hits.into_iter().filter(|hit| !ours.contains(&hit.mark)) {
            let own = covered.iter().find(|(mark, _)| *mark == hit.mark);
            let nation = Source::Nation { day: hit.day, list: List::Live };
            let source = own.map_or(nation, |(_, pos)| Source::Own(*pos));
            history.push(Past { day: hit.day, pieces: hit.pieces }, source);
        }
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
