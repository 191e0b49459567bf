//! What the hub tells: the nation's list and the desks must say of every sale what brute force says (S5).

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use shared::ids::EntryId;

use super::Town;

impl Town {
    /// What the hub has, is not withdrawn and not over counts on the nation's list, and nothing else does.
    pub(super) fn check_told(&mut self) -> Result<()> {
        let over = self.over();
        let life = self.hub()?.life();
        let withdrawn: BTreeSet<EntryId> = self.model.withdrawals().collect();
        for id in self.model.sales.keys() {
            let stands = self.model.delivered.contains_key(id) && !withdrawn.contains(id);
            let (counts, told) = (stands && !over.contains(id), self.model.counts_by_feed(&life, id));
            ensure!(counts == told, "S5: the nation is told that {id} counts: {told}; it does: {counts}");
        }
        Ok(())
    }

    /// At the end every desk knows which of its sales are over.
    pub(super) fn check_desks(&mut self) -> Result<()> {
        let over = self.over();
        let withdrawn: BTreeSet<EntryId> = self.model.withdrawals().collect();
        for (at, book) in &self.model.books {
            let code = self.sites[*at].code;
            let own = |id: &&EntryId| self.model.sales.get(id).is_some_and(|sale| sale.site == code);
            let right: BTreeSet<&EntryId> = over.iter().filter(own).collect();
            // A sale that was over and is taken back is of no interest any more.
            let told: BTreeSet<&EntryId> = book.over.iter().filter(|id| !withdrawn.contains(id)).collect();
            ensure!(told == right, "S5: the desk of {code} knows of {} sales over, not of {}", told.len(), right.len());
        }
        Ok(())
    }

    fn over(&self) -> BTreeSet<EntryId> {
        let published: Vec<_> = super::rules().iter().filter(|rule| self.published.contains(&rule.name)).collect();
        self.model.cases(&self.people, &published).0.into_iter().flat_map(|case| case.over).collect()
    }
}
