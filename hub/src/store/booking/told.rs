//! Statements for what the desks were told last of bookings.

use rusqlite::Row;
use shared::entry::booking::Stands;
use shared::ids::{EntryId, SiteCode};

use crate::store::read::{damaged, entry_id, site};
use crate::store::{Store, StoreError};

const STANDS: [Stands; 3] = [Stands::Live, Stands::Over, Stands::Cancelled];

impl Store {
    /// What the desk of a booking's site was told last; of a fresh one nothing, and it is live.
    pub(crate) fn told_booking(&self, id: &EntryId) -> Result<Stands, StoreError> {
        const SQL: &str = "SELECT stands FROM told_booking WHERE actor = ?1 AND seq = ?2";
        let told = self.one(SQL, (&id.actor.0, id.seq), "look what a desk was told", |row| {
            let number = usize::from(row.get::<_, u8>(0)?);
            let strange = || damaged(0, StoreError::Damaged(format!("a booking was told as {number}")));
            STANDS.get(number).copied().ok_or_else(strange)
        })?;
        Ok(told.unwrap_or(Stands::Live))
    }

    pub(crate) fn set_told_booking(&self, id: &EntryId, stands: Stands) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO told_booking VALUES (?1, ?2, ?3)";
        let number = STANDS.iter().zip(0i64..).find(|(one, _)| **one == stands).map_or(0, |(_, number)| number);
        self.run(SQL, (&id.actor.0, id.seq, number), "note what a desk was told").map(|_| ())
    }

    /// What desks of venues' sites were told last of a booking, as entries.
    pub(crate) fn told_expected(&self, of: &EntryId) -> Result<Vec<(SiteCode, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT site, entry FROM told_expected WHERE actor = ?1 AND seq = ?2 ORDER BY site";
        let read = |row: &Row<'_>| Ok((site(row, 0)?, row.get(1)?));
        self.all(SQL, (&of.actor.0, of.seq), "look what a venue was told", read)
    }

    pub(crate) fn set_told_expected(&self, of: &EntryId, at: &SiteCode, entry: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO told_expected VALUES (?1, ?2, ?3, ?4)";
        self.run(SQL, (&of.actor.0, of.seq, at.as_str(), entry), "note what a venue was told").map(|_| ())
    }

    /// Of which bookings a site was told since a second.
    pub(crate) fn asked_since(&self, of: &SiteCode, second: i64) -> Result<Vec<EntryId>, StoreError> {
        const SQL: &str = "SELECT actor, seq FROM asked_booking WHERE site = ?1 AND second > ?2";
        self.all(SQL, (of.as_str(), second), "look whom a site was told of", |row| entry_id(row, 0))
    }

    /// A site is told of a booking; what it was told before a second is forgotten.
    pub(crate) fn put_asked(
        &self,
        of: &SiteCode,
        about: &EntryId,
        (second, before): (i64, i64),
    ) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM asked_booking WHERE site = ?1 AND second <= ?2";
        const PUT: &str = "INSERT OR REPLACE INTO asked_booking VALUES (?1, ?2, ?3, ?4)";
        self.run(FORGET, (of.as_str(), before), "forget whom a site was told of")?;
        let row = (of.as_str(), &about.actor.0, about.seq, second);
        self.run(PUT, row, "note whom a site was told of").map(|_| ())
    }
}
