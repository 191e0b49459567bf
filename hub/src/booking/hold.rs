//! A hub that was restored does not know what it lent after its backup. It lends nothing until everybody who may hold
//! something has been heard, or an operator says so (docs/booking.md).

use shared::ids::{EntryId, Incarnation, SiteCode};
use shared::wire::v1::message::Hello;

use crate::hub::{Hub, HubError};

/// Whoever was heard so long before the last contact may hold places, in seconds.
const HEARD_WITHIN_S: i64 = 30 * 24 * 3600;

/// A site that has to be heard before anything is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Which.
    pub site: SiteCode,
    /// It has greeted, and has not sent everything yet.
    pub greeted: bool,
}

impl Hub {
    /// From now on nothing is lent until whoever may hold something has been heard.
    pub(crate) fn hold_back(&mut self, life: &Incarnation) -> Result<(), HubError> {
        self.skip_numbers(life)?;
        if let Some(last) = self.store.last_heard()? {
            self.store.begin_hold(last.saturating_sub(HEARD_WITHIN_S))?;
        }
        self.look_who_is_awaited()
    }

    fn look_who_is_awaited(&mut self) -> Result<(), HubError> {
        self.memory.holds_back = !self.store.held_up_by()?.is_empty();
        Ok(())
    }

    /// A site greets while nothing is lent: it is heard once all that it names has come.
    pub(super) fn heard_after_restore(&mut self, site: &SiteCode, hello: &Hello) -> Result<(), HubError> {
        let awaited = self.store.held_up_by()?;
        let listed = awaited.iter().find(|(of, _)| of == site).map(|(_, tips)| tips.clone());
        let tips = hello.life.as_ref().map_or(&[][..], |life| life.tips.as_slice());
        // One that enrolled after the backup is not in the list, and may hold something too.
        let is_strange = hello.hub_life != self.life() && hello.hub_life != Incarnation([0; 16]);
        let is_here = self.are_here(tips)?;
        match listed {
            Some(_) if is_here => self.transact(|hub| hub.is_heard(site)),
            Some(Some(known)) if known == tips => Ok(()),
            None if is_here || !is_strange => Ok(()),
            Some(_) | None => self.transact(|hub| Ok(hub.store.set_hold(site, tips)?)),
        }
    }

    fn is_heard(&mut self, site: &SiteCode) -> Result<(), HubError> {
        self.store.end_hold(site)?;
        self.look_who_is_awaited()
    }

    fn are_here(&self, tips: &[EntryId]) -> Result<bool, HubError> {
        for tip in tips {
            if self.tip(&tip.actor)?.is_none_or(|here| here.seq < tip.seq) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// After a batch: whoever has greeted and sent everything is awaited no more; where that was the last one, lending
    /// begins again.
    pub(crate) fn hear_again(&mut self, second: i64) -> Result<(), HubError> {
        if !self.memory.holds_back {
            return Ok(());
        }
        for (site, tips) in self.store.held_up_by()? {
            if let Some(tips) = tips
                && self.are_here(&tips)?
            {
                self.is_heard(&site)?;
            }
        }
        if !self.memory.holds_back {
            self.store.look_at_wishes()?;
            self.lend_due(second)?;
        }
        Ok(())
    }

    /// Who has to be heard before this hub lends anything; nobody where it was not restored.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn awaited(&self) -> Result<Vec<Awaited>, HubError> {
        let awaited = self.store.held_up_by()?.into_iter();
        Ok(awaited.map(|(site, tips)| Awaited { site, greeted: tips.is_some() }).collect())
    }

    /// An operator says that nobody is awaited any more; gives how many were.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn resume_lending(&mut self, second: i64) -> Result<usize, HubError> {
        self.transact(|hub| {
            let awaited = hub.store.end_holds()?;
            hub.look_who_is_awaited()?;
            hub.store.look_at_wishes()?;
            hub.lend_due(second)?;
            Ok(awaited)
        })
    }
}
