//! Statements for the lists of who may book, as they were imported.

use shared::entry::Pieces;

use crate::store::{DigestDay, Store, StoreError};

impl Store {
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
}
