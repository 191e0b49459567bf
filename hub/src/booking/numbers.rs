//! Serial numbers (V10): blocks for one life of a site's store, in the order of a counter that only grows.
//!
//! The counter lies beside the projections and is raised by every number that the journal names: a rebuild cannot take it
//! back. A restored hub does not know what it gave away since the backup and goes on far behind it.

use std::collections::HashMap;

use shared::entry::Fact;
use shared::entry::booking::{Booking, Numbers, SERIAL_MAX};
use shared::ids::{Incarnation, SiteCode};
use shared::rules::calendar::taipei_day;
use shared::sign::slip::{Block, Voucher};

use crate::hub::{Hub, HubError};
use crate::publish::{SELF, desk, signed};

/// Under this name the store keeps the next number that nobody has.
const NEXT: &str = "booking_next_number";
/// Numbers lent at once.
pub(super) const BLOCK: u32 = 100;
/// A life with fewer left gets another block.
const LOW: u64 = 20;
/// More than any hub gives away between a backup and its loss, or the next.
const GAP: u64 = 10_000_000;
/// So many gaps at most are left out after a restore: of two from one backup the second does not begin where the first did.
const GAPS_MAX: u64 = 32;

impl Hub {
    /// Numbers before this one are given away.
    pub(super) fn numbers_given(&self, next: u64) -> Result<(), HubError> {
        if next > self.next_number()? {
            self.store.set_meta_number(NEXT, next)?;
        }
        Ok(())
    }

    fn next_number(&self) -> Result<u64, HubError> {
        Ok(self.store.meta_number(NEXT)?.unwrap_or(1))
    }

    /// What was given away since the backup is not given again, and nobody is told that it was not theirs. How much is
    /// left out follows from the new life.
    pub(super) fn skip_numbers(&self, life: &Incarnation) -> Result<(), HubError> {
        let first = self.next_number()?;
        let gaps = 1 + life.0.iter().copied().map(u64::from).sum::<u64>() % GAPS_MAX;
        // Another life that began with the same backup may have left out more, and lent what stands behind that.
        self.store.put_lost_numbers(first, first.saturating_add((GAPS_MAX + 1) * GAP))?;
        self.numbers_given(first.saturating_add(gaps * GAP))
    }

    /// Takes consecutive numbers that nobody has; within the transaction that writes them down.
    pub(super) fn take_numbers(&self, count: u32) -> Result<u64, HubError> {
        let first = self.next_number()?;
        let next = first.saturating_add(u64::from(count));
        if next > SERIAL_MAX + 1 {
            return Err(HubError::Full("the serial numbers"));
        }
        self.store.set_meta_number(NEXT, next)?;
        Ok(first)
    }

    /// That a life's key may sign slips with these numbers; none where no key of it is known.
    pub(super) fn voucher(
        &self,
        site: &SiteCode,
        life: &Incarnation,
        block: Block,
    ) -> Result<Option<Voucher>, HubError> {
        let key = self.store.life(site, life)?.and_then(|life| life.signer);
        Ok(key.map(|key| self.signer.vouch(site, key, block)))
    }

    /// Whether a life should be lent numbers.
    pub(super) fn wants_numbers(&self, site: &SiteCode, life: &Incarnation, second: i64) -> Result<bool, HubError> {
        Ok(self.is_any_current(second) && self.store.numbers_left(site, life)? < LOW)
    }

    /// Whether anything may still be booked, or is still to come.
    fn is_any_current(&self, second: i64) -> bool {
        self.memory.rounds.current(taipei_day(second)).next().is_some()
    }

    /// Lends a block of numbers.
    pub(super) fn lend_numbers(&mut self, site: &SiteCode, life: &Incarnation, second: i64) -> Result<(), HubError> {
        let first = self.take_numbers(BLOCK)?;
        let voucher = self.voucher(site, life, Block { first, count: BLOCK })?;
        let numbers = Numbers { life: *life, first, count: BLOCK, voucher };
        let fact = Fact::Booking(Booking::Numbers(numbers));
        self.write(desk(site, second), &[signed(fact, SELF, second)], second)
    }

    /// Lends numbers to whoever was heard since a second and has few; at most so many.
    pub(super) fn lend_numbers_to_all(&mut self, heard: i64, most: usize, second: i64) -> Result<(), HubError> {
        if !self.is_any_current(second) {
            return Ok(());
        }
        let mut left: HashMap<(SiteCode, Incarnation), u64> = HashMap::new();
        for row in self.store.all_numbers()? {
            *left.entry((row.site, row.life)).or_default() +=
                (row.first + u64::from(row.count)).saturating_sub(row.next);
        }
        let lives = self.lives()?.iter().filter(|(_, (_, last))| *last >= heard);
        let has = |site: &SiteCode, life: &Incarnation| left.get(&(*site, *life)).copied().unwrap_or(0);
        let mut low: Vec<(SiteCode, Incarnation)> =
            lives.filter(|(site, (life, _))| has(site, life) < LOW).map(|(site, (life, _))| (*site, *life)).collect();
        low.sort_unstable();
        for (site, life) in low.into_iter().take(most) {
            self.lend_numbers(&site, &life, second)?;
        }
        Ok(())
    }
}
