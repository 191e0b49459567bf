//! Whether the hub reads disputes.

use super::{Store, StoreError, failed, one};

impl Store {
    /// As it said at the last greeting.
    pub(crate) fn hub_takes_disputes(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM hub_takes WHERE what = 'disputes')";
        let takes = one(&self.conn, sql, [], |row| row.get(0)).map_err(failed("read what the hub takes"))?;
        Ok(takes.unwrap_or(false))
    }

    /// Notes what the hub said.
    pub(crate) fn put_hub_takes_disputes(&mut self, takes: bool) -> Result<(), StoreError> {
        let sql = match takes {
            true => "INSERT INTO hub_takes VALUES ('disputes') ON CONFLICT DO NOTHING",
            false => "DELETE FROM hub_takes WHERE what = 'disputes'",
        };
        self.conn.execute(sql, []).map(drop).map_err(failed("note what the hub takes"))
    }
}
