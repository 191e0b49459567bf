//! Statements for the lists of who may book, as they were imported.

use chrono::NaiveDate;
use shared::entry::Pieces;
use shared::ids::{ProgrammeId, VersionName};

use crate::store::read::{parsed, unsigned};
use crate::store::{DigestDay, Store, StoreError};

/// A list as it was imported last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListRow {
    pub(crate) programme: ProgrammeId,
    pub(crate) day: NaiveDate,
    pub(crate) round: VersionName,
    pub(crate) imported: i64,
    pub(crate) people: u64,
}

impl Store {
    /// Adds people to a list, or replaces what it says of them; gives how many are on it now.
    pub(crate) fn put_listed(
        &self,
        (programme, day): &DigestDay,
        (round, second): (&VersionName, i64),
        people: impl IntoIterator<Item = (u64, Pieces)>,
    ) -> Result<u64, StoreError> {
        const LIST: &str = "INSERT INTO book_list (programme, day, round, imported, people) VALUES (?1, ?2, ?3, ?4, 0) \
            ON CONFLICT DO UPDATE SET round = excluded.round, imported = excluded.imported RETURNING id";
        const PUT: &str = "INSERT OR REPLACE INTO listed VALUES (?1, ?2, ?3, ?4)";
        const COUNT: &str = "UPDATE book_list SET people = (SELECT count(*) FROM listed WHERE list = ?1) WHERE id = ?1 \
            RETURNING people";
        let day = day.to_string();
        let row = (programme.as_str(), day.as_str(), round.as_str(), second);
        let list = self.one(LIST, row, "keep a list", |row| row.get::<_, i64>(0))?.unwrap_or_default();
        for (print, Pieces { adult, child }) in people {
            self.run(PUT, (list, print.cast_signed(), adult, child), "keep who is on a list")?;
        }
        Ok(self.one(COUNT, [list], "count who is on a list", |row| unsigned(row, 0))?.unwrap_or(0))
    }

    /// Everybody on a list, as it rides with the fingerprints.
    pub(crate) fn each_listed(
        &self,
        (programme, day): &DigestDay,
        mut see: impl FnMut(u64, Pieces),
    ) -> Result<(), StoreError> {
        const SQL: &str = "SELECT print, adult, child FROM listed \
            WHERE list = (SELECT id FROM book_list WHERE programme = ?1 AND day = ?2)";
        self.all(SQL, (programme.as_str(), day.to_string()), "read a list", |row| {
            see(row.get::<_, i64>(0)?.cast_unsigned(), Pieces { adult: row.get(1)?, child: row.get(2)? });
            Ok(())
        })
        .map(|_| ())
    }

    /// What a list says of somebody; the outer one is none where there is no such list.
    pub(crate) fn listed(
        &self,
        (programme, day): &DigestDay,
        print: u64,
    ) -> Result<Option<Option<Pieces>>, StoreError> {
        const LIST: &str = "SELECT id FROM book_list WHERE programme = ?1 AND day = ?2";
        const SQL: &str = "SELECT adult, child FROM listed WHERE list = ?1 AND print = ?2";
        let list =
            self.one(LIST, (programme.as_str(), day.to_string()), "look for a list", |row| row.get::<_, i64>(0))?;
        let Some(list) = list else { return Ok(None) };
        let found = self.one(SQL, (list, print.cast_signed()), "look for somebody on a list", |row| {
            Ok(Pieces { adult: row.get(0)?, child: row.get(1)? })
        })?;
        Ok(Some(found))
    }

    /// Every list, by programme and day.
    pub(crate) fn lists(&self) -> Result<Vec<ListRow>, StoreError> {
        const SQL: &str = "SELECT programme, day, round, imported, people FROM book_list ORDER BY programme, day";
        self.all(SQL, [], "read which lists there are", |row| {
            Ok(ListRow {
                programme: parsed(row, 0)?,
                day: parsed(row, 1)?,
                round: parsed(row, 2)?,
                imported: row.get(3)?,
                people: unsigned(row, 4)?,
            })
        })
    }
}
