//! Statements for those who sign in, and for what their programs ask with.

use rusqlite::Row;

use super::read::{bytes, damaged, signed, unsigned};
use super::{Store, StoreError};
use crate::operators::Role;

const COLUMNS: &str = "SELECT name, role, hash, totp, disabled, generation, step, failures, locked FROM operator";

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperatorRow {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) hash: String,
    pub(crate) totp: Vec<u8>,
    pub(crate) disabled: bool,
    pub(crate) generation: u64,
    pub(crate) step: i64,
    pub(crate) failures: u32,
    pub(crate) locked: i64,
}

/// What a program asks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BearerRow {
    pub(crate) hash: [u8; 32],
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) generation: u64,
    pub(crate) expires: i64,
}

impl Store {
    pub(crate) fn put_operator(&self, row: &OperatorRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT OR REPLACE INTO operator VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let row = rusqlite::params![
            row.name,
            role_code(row.role),
            row.hash,
            row.totp,
            row.disabled,
            signed(row.generation),
            row.step,
            row.failures,
            row.locked,
        ];
        self.run(SQL, row, "keep an account").map(|_| ())
    }

    pub(crate) fn operator(&self, name: &str) -> Result<Option<OperatorRow>, StoreError> {
        self.one(&format!("{COLUMNS} WHERE name = ?1"), [name], "read an account", operator)
    }

    /// All accounts by name.
    pub(crate) fn operators(&self) -> Result<Vec<OperatorRow>, StoreError> {
        self.all(&format!("{COLUMNS} ORDER BY name"), [], "read the accounts", operator)
    }

    pub(crate) fn has_operators(&self) -> Result<bool, StoreError> {
        Ok(self.one("SELECT 1 FROM operator LIMIT 1", [], "look for an account", |_| Ok(()))?.is_some())
    }

    pub(crate) fn put_bearer(&self, row: &BearerRow) -> Result<(), StoreError> {
        let row = (&row.hash, &row.name, role_code(row.role), signed(row.generation), row.expires);
        self.run("INSERT INTO operator_token VALUES (?1, ?2, ?3, ?4, ?5)", row, "keep a program's token").map(|_| ())
    }

    pub(crate) fn bearer(&self, hash: &[u8; 32]) -> Result<Option<BearerRow>, StoreError> {
        const SQL: &str = "SELECT hash, name, role, generation, expires FROM operator_token WHERE hash = ?1";
        self.one(SQL, [hash], "read a program's token", bearer)
    }

    /// An account's, those that are over too.
    pub(crate) fn bearers(&self, name: &str) -> Result<Vec<BearerRow>, StoreError> {
        const SQL: &str = "SELECT hash, name, role, generation, expires FROM operator_token WHERE name = ?1";
        self.all(SQL, [name], "read an account's tokens", bearer)
    }

    /// Forgets an account's tokens.
    pub(crate) fn drop_bearers(&self, name: &str) -> Result<(), StoreError> {
        self.run("DELETE FROM operator_token WHERE name = ?1", [name], "end an account's tokens").map(|_| ())
    }
}

fn role_code(role: Role) -> i64 {
    match role {
        Role::Reader => 1,
        Role::Operator => 2,
        Role::Supervisor => 3,
    }
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let code: i64 = row.get(column)?;
    let known = Role::ALL.into_iter().find(|role| role_code(*role) == code);
    known.ok_or_else(|| damaged(column, StoreError::Damaged(format!("a role {code}"))))
}

fn operator(row: &Row<'_>) -> rusqlite::Result<OperatorRow> {
    Ok(OperatorRow {
        name: row.get(0)?,
        role: role(row, 1)?,
        hash: row.get(2)?,
        totp: row.get(3)?,
        disabled: row.get(4)?,
        generation: unsigned(row, 5)?,
        step: row.get(6)?,
        failures: row.get(7)?,
        locked: row.get(8)?,
    })
}

fn bearer(row: &Row<'_>) -> rusqlite::Result<BearerRow> {
    Ok(BearerRow {
        hash: bytes(row, 0)?,
        name: row.get(1)?,
        role: role(row, 2)?,
        generation: unsigned(row, 3)?,
        expires: row.get(4)?,
    })
}
