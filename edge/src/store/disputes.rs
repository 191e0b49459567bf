//! What the hub reads of what later versions write.

use super::{Store, StoreError, failed, one};

impl Store {
    /// As it said at the last greeting.
    pub(crate) fn hub_takes(&self, what: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM hub_takes WHERE what = ?1)";
        let takes = one(&self.conn, sql, [what], |row| row.get(0)).map_err(failed("read what the hub takes"))?;
        Ok(takes.unwrap_or(false))
    }

    /// Notes what the hub said.
    pub(crate) fn put_hub_takes(&mut self, what: &str, takes: bool) -> Result<(), StoreError> {
        let sql = match takes {
            true => "INSERT INTO hub_takes VALUES (?1) ON CONFLICT DO NOTHING",
            false => "DELETE FROM hub_takes WHERE what = ?1",
        };
        self.conn.execute(sql, [what]).map(drop).map_err(failed("note what the hub takes"))
    }
}
