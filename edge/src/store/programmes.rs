//! Programmes have short numbers in the store.

use std::collections::BTreeMap;

use shared::ids::ProgrammeId;

use super::{Store, StoreError, all, failed, one, parsed};

/// The numbers that a store has given.
#[derive(Debug, Default)]
pub(crate) struct Programmes(BTreeMap<ProgrammeId, i64>);

impl Programmes {
    /// Reads them.
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let sql = "SELECT name, id FROM programme";
        let known = all(&store.conn, sql, [], |row| Ok((parsed(row, 0, "a programme")?, row.get(1)?)));
        Ok(Self(known.map_err(failed("read the programmes"))?.into_iter().collect()))
    }

    /// The number of a programme; a new one where it has none.
    pub(crate) fn number(&mut self, store: &mut Store, programme: &ProgrammeId) -> Result<i64, StoreError> {
        if let Some(number) = self.0.get(programme) {
            return Ok(*number);
        }
        let sql = "INSERT INTO programme (name) VALUES (?1) RETURNING id";
        let number =
            one(&store.conn, sql, [programme.as_str()], |row| row.get(0)).map_err(failed("add a programme"))?;
        let number = number.ok_or_else(|| failed("add a programme")(rusqlite::Error::QueryReturnedNoRows))?;
        self.0.insert(programme.clone(), number);
        Ok(number)
    }

    /// The number of a programme, where it has one.
    pub(crate) fn known(&self, programme: &ProgrammeId) -> Option<i64> {
        self.0.get(programme).copied()
    }

    /// The programme behind a number.
    pub(crate) fn named(&self, number: i64) -> Option<&ProgrammeId> {
        self.0.iter().find(|(_, known)| **known == number).map(|(programme, _)| programme)
    }
}
