//! What was answered to people, whatever became of the computers: the town's own book.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use shared::entry::booking::Slot;
use shared::ids::EntryId;

/// A booking or a wish that somebody was told of.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) who: usize,
    /// None of a wish that waits.
    pub(super) place: Option<(Slot, u64)>,
    pub(super) is_wish: bool,
    pub(super) cancelled: bool,
    /// The computer on which it stood was taken back to before it, and the hub had never heard of it.
    pub(super) lost: bool,
    /// Its cancellation was lost like that.
    pub(super) uncancelled: bool,
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) told: BTreeMap<EntryId, Told>,
    /// Who was told each number.
    numbers: BTreeMap<u64, Vec<EntryId>>,
    live: BTreeMap<Slot, u32>,
    pub(super) capacity: BTreeMap<Slot, u32>,
    /// Clones may give away what they hold twice: then it is counted, not forbidden.
    pub(super) is_cloned: bool,
}

impl Truth {
    pub(super) fn new(is_cloned: bool) -> Self {
        Self { is_cloned, ..Self::default() }
    }

    /// Somebody is told of a place.
    pub(super) fn booked(&mut self, id: EntryId, who: usize, slot: &Slot, serial: u64) -> Result<()> {
        self.number(id, serial)?;
        self.told.insert(
            id,
            Told {
                who,
                place: Some((slot.clone(), serial)),
                is_wish: false,
                cancelled: false,
                lost: false,
                uncancelled: false,
            },
        );
        self.take(slot)
    }

    fn number(&mut self, id: EntryId, serial: u64) -> Result<()> {
        let told = self.numbers.entry(serial).or_default();
        told.push(id);
        ensure!(told.len() == 1 || self.is_cloned, "number {serial} is given twice");
        Ok(())
    }

    /// Numbers that several people have who still have a booking, of which a disk knows; and who had them beside these.
    pub(super) fn given_twice(&self) -> Vec<(Vec<EntryId>, Vec<EntryId>)> {
        let has = |id: &EntryId| self.told.get(id).is_some_and(|told| !told.lost && !told.cancelled);
        let all = self.numbers.values().map(|ids| ids.iter().copied().partition::<Vec<_>, _>(has));
        all.filter(|(ids, _)| ids.len() > 1).collect()
    }

    fn take(&mut self, slot: &Slot) -> Result<()> {
        let holds = self.capacity.get(slot).copied().unwrap_or(0);
        let live = self.live.entry(slot.clone()).or_default();
        *live += 1;
        ensure!(*live <= holds || self.is_cloned, "{slot} is oversold: {live} of {holds}");
        Ok(())
    }

    pub(super) fn wished(&mut self, id: EntryId, who: usize) {
        self.told
            .insert(id, Told { who, place: None, is_wish: true, cancelled: false, lost: false, uncancelled: false });
    }

    /// The hub has granted a wish.
    pub(super) fn granted(&mut self, id: EntryId, slot: &Slot, serial: u64) -> Result<()> {
        let Some(told) = self.told.get_mut(&id) else { bail!("a wish was granted that nobody made: {id}") };
        match &told.place {
            Some((known, number)) => ensure!((known, *number) == (slot, serial), "a wish is granted twice: {id}"),
            None => {
                told.place = Some((slot.clone(), serial));
                let cancelled = told.cancelled;
                self.number(id, serial)?;
                if !cancelled {
                    self.take(slot)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn cancelled(&mut self, id: &EntryId) {
        if let Some(told) = self.told.get_mut(id).filter(|told| !told.cancelled) {
            told.cancelled = true;
            if let Some((slot, _)) = &told.place
                && let Some(live) = self.live.get_mut(slot)
            {
                *live -= 1;
            }
        }
    }

    /// The disk on which it stood was taken back to before it, and the hub had not heard of it.
    pub(super) fn lost(&mut self, id: &EntryId) {
        if let Some(told) = self.told.get_mut(id) {
            told.lost = true;
        }
    }

    /// The same of its cancellation: nobody knows of it but the person.
    pub(super) fn never_cancelled(&mut self, of: &EntryId) {
        if let Some(told) = self.told.get_mut(of) {
            told.uncancelled = true;
        }
    }

    /// Bookings of somebody that nobody has taken back, newest last.
    pub(super) fn of(&self, who: usize) -> Vec<EntryId> {
        let theirs = self.told.iter().filter(|(_, told)| told.who == who && !told.cancelled);
        theirs.map(|(id, _)| *id).collect()
    }

    /// How many were given away beyond what slots hold.
    pub(super) fn oversold(&self) -> u64 {
        let over =
            |(slot, live): (&Slot, &u32)| u64::from(live.saturating_sub(self.capacity.get(slot).copied().unwrap_or(0)));
        self.live.iter().map(over).sum()
    }
}
