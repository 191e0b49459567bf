//! Statements for requests to see a person's number.

use rusqlite::Row;
use shared::ids::CaseId;

use super::read::{bytes, damaged, signed, unsigned};
use super::{Store, StoreError};
use crate::identities::{IdentityRequest, RequestState};

const COLUMNS: &str = "SELECT number, of, asker, reason, asked, state, judge, judged FROM identity_request";

impl Store {
    /// Keeps a new request; gives its number.
    pub(crate) fn add_identity_request(
        &self,
        of: &CaseId,
        asker: &str,
        reason: &str,
        asked: i64,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "INSERT INTO identity_request VALUES (NULL, ?1, ?2, ?3, ?4, 0, NULL, NULL) RETURNING number";
        let number = self.one(SQL, (&of.0, asker, reason, asked), "keep a request", |row| unsigned(row, 0))?;
        number.ok_or_else(|| StoreError::Damaged("a request has no number".to_owned()))
    }

    /// Keeps how a request was judged.
    pub(crate) fn judge_identity_request(
        &self,
        number: u64,
        approved: bool,
        judge: &str,
        second: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE identity_request SET state = ?2, judge = ?3, judged = ?4 WHERE number = ?1";
        let state = state_code(if approved { RequestState::Approved } else { RequestState::Refused });
        self.run(SQL, (signed(number), state, judge, second), "judge a request").map(|_| ())
    }

    pub(crate) fn identity_request(&self, number: u64) -> Result<Option<IdentityRequest>, StoreError> {
        self.one(&format!("{COLUMNS} WHERE number = ?1"), [signed(number)], "read a request", request)
    }

    /// Somebody's last request of a case.
    pub(crate) fn last_identity_request(
        &self,
        of: &CaseId,
        asker: &str,
    ) -> Result<Option<IdentityRequest>, StoreError> {
        let sql = format!("{COLUMNS} WHERE of = ?1 AND asker = ?2 ORDER BY number DESC LIMIT 1");
        self.one(&sql, (&of.0, asker), "read a case's last request", request)
    }

    /// The newest requests first.
    pub(crate) fn identity_requests(&self, limit: usize) -> Result<Vec<IdentityRequest>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(&format!("{COLUMNS} ORDER BY number DESC LIMIT ?1"), [limit], "read the requests", request)
    }
}

fn state_code(state: RequestState) -> i64 {
    match state {
        RequestState::Waiting => 0,
        RequestState::Approved => 1,
        RequestState::Refused => 2,
    }
}

fn request(row: &Row<'_>) -> rusqlite::Result<IdentityRequest> {
    let code: i64 = row.get(5)?;
    let known = [RequestState::Waiting, RequestState::Approved, RequestState::Refused];
    Ok(IdentityRequest {
        number: unsigned(row, 0)?,
        of: CaseId(bytes(row, 1)?),
        asker: row.get(2)?,
        reason: row.get(3)?,
        asked: row.get(4)?,
        state: known
            .into_iter()
            .find(|state| state_code(*state) == code)
            .ok_or_else(|| damaged(5, StoreError::Damaged(format!("a request in state {code}"))))?,
        judge: row.get(6)?,
        judged: row.get(7)?,
    })
}
