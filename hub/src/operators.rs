//! Who may sign in at the hub and what they may do there: accounts with a role, a password and a telephone's secret.
//! Made and changed by the one at the hub's own keyboard (`atoll-hub operator`) or by a supervisor at the console.

mod bearer;
mod sign_in;

use std::fmt;
use std::str::FromStr;

use shared::rules::identity::holds_number;
use shared::seal::password::{BadHash, BadPassword, COST, Password};
use shared::seal::totp::{self, KEY_BYTES};
use shared::seal::{SealError, Secret};

use crate::hub::{Hub, HubError};
use crate::store::OperatorRow;

pub use bearer::BEARER_DAYS_MAX;
pub use sign_in::{Attempt, FORGOTTEN_S, Known, Limits, OF_ACCOUNTS, OF_ADDRESSES, SignIn, delay_s};

/// Most accounts.
pub const OPERATORS_MAX: usize = 1_000;
/// Longest name, in bytes: it is signed under decisions.
pub const NAME_BYTES_MAX: usize = 48;
/// What a telephone shows above the code.
const ISSUER: &str = "Atoll hub";

/// What somebody may do; each may do what those before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks.
    Reader,
    /// Decides disputes; asks for identities and judges what others ask.
    Operator,
    /// Manages accounts, publishes, reads the audit.
    Supervisor,
}

impl Role {
    /// The least first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Operator, Self::Supervisor];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
        }
    }

    /// Its name on the screen.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Reader => "檢視",
            Self::Operator => "承辦",
            Self::Supervisor => "主管",
        }
    }
}

/// No role of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is reader, operator or supervisor")]
pub struct BadRole;

impl FromStr for Role {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(BadRole)
    }
}

/// The name of an account: letters of any script, digits, `.`, `-`, `_`; in lower case, so that two never look alike by
/// that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorName(String);

/// A text that cannot name an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "帳號以文字、數字及 . - _ 組成，上限 {NAME_BYTES_MAX} 位元組，不可為證號 \
     a name has letters, digits, '.', '-', '_', at most {NAME_BYTES_MAX} bytes, and is no identity number"
)]
pub struct BadName;

impl FromStr for OperatorName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let name = text.trim().to_lowercase();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(fits) && !holds_number(&name);
        if good { Ok(Self(name)) } else { Err(BadName) }
    }
}

impl OperatorName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether nobody can sign in with it.
    pub disabled: bool,
    /// One more with each change: what was let in before it is let in no more.
    pub generation: u64,
    /// Until when strangers are not let try, seconds since 1970.
    pub locked: i64,
}

impl From<OperatorRow> for Account {
    fn from(row: OperatorRow) -> Self {
        let OperatorRow { name, role, disabled, generation, locked, .. } = row;
        Self { name, role, disabled, generation, locked }
    }
}

/// The secret of a new account's telephone: shown once.
#[derive(Clone)]
pub struct Credentials {
    /// As it is typed by hand.
    pub secret: String,
    /// For a picture that the telephone reads.
    pub uri: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A change to an account that is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAccount {
    /// No such account.
    #[error("查無此帳號 there is no such account")]
    Unknown,
    /// There is one of that name.
    #[error("帳號已存在 there is an account of that name already")]
    Exists,
    /// Nobody could manage accounts any more.
    #[error("這是最後一個主管帳號 this is the last supervisor: make another one first")]
    LastSupervisor,
    /// There are enough.
    #[error("帳號過多 there are at most {OPERATORS_MAX} accounts")]
    Many,
    /// It is disabled.
    #[error("帳號已停用 the account is disabled")]
    Disabled,
    /// The password.
    #[error(transparent)]
    Password(#[from] BadPassword),
}

type Changed<T> = Result<Result<T, BadAccount>, HubError>;

impl Hub {
    /// Makes an account.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be made is the inner error.
    pub fn add_operator(&mut self, name: &OperatorName, role: Role, password: &Password) -> Changed<Credentials> {
        if let Err(bad) = password.check(name.as_str()) {
            return Ok(Err(bad.into()));
        }
        let (hash, totp, credentials) = self.secrets(name.as_str(), password)?;
        let row = OperatorRow {
            name: name.to_string(),
            role,
            hash,
            totp,
            disabled: false,
            generation: 1,
            step: 0,
            failures: 0,
            locked: 0,
        };
        self.change(|hub| {
            let all = hub.store.operators()?;
            if all.iter().any(|other| other.name == row.name) {
                return Ok(Err(BadAccount::Exists));
            }
            if all.len() >= OPERATORS_MAX {
                return Ok(Err(BadAccount::Many));
            }
            hub.store.put_operator(&row)?;
            Ok(Ok(credentials))
        })
    }

    /// Gives an account another role; who is signed in with it is signed out.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be changed is the inner error.
    pub fn set_role(&mut self, name: &str, role: Role) -> Changed<()> {
        self.change_account(name, |row| OperatorRow { role, ..row })
    }

    /// Nobody signs in with it any more; who is signed in with it is signed out, and its tokens end.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be changed is the inner error.
    pub fn disable_operator(&mut self, name: &str) -> Changed<()> {
        self.change_account(name, |row| OperatorRow { disabled: true, ..row })
    }

    /// A new password and a new secret; a disabled account can be used again.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be changed is the inner error.
    pub fn reset_operator(&mut self, name: &str, password: &Password) -> Changed<Credentials> {
        if let Err(bad) = password.check(name) {
            return Ok(Err(bad.into()));
        }
        let (hash, totp, credentials) = self.secrets(name, password)?;
        let reset = |row| OperatorRow { hash, totp, disabled: false, step: 0, failures: 0, locked: 0, ..row };
        Ok(self.change_account(name, reset)?.map(|()| credentials))
    }

    /// All accounts by name.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn operators(&self) -> Result<Vec<Account>, HubError> {
        Ok(self.store.operators()?.into_iter().map(Account::from).collect())
    }

    /// An account.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn operator(&self, name: &str) -> Result<Option<Account>, HubError> {
        Ok(self.store.operator(name)?.map(Account::from))
    }

    /// Whether there is any account.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn has_operators(&self) -> Result<bool, HubError> {
        Ok(self.store.has_operators()?)
    }

    fn change_account(&mut self, name: &str, change: impl FnOnce(OperatorRow) -> OperatorRow) -> Changed<()> {
        self.change(|hub| {
            let all = hub.store.operators()?;
            let Some(before) = all.iter().find(|row| row.name == name) else {
                return Ok(Err(BadAccount::Unknown));
            };
            let after = change(before.clone());
            let rules = |row: &OperatorRow| row.role == Role::Supervisor && !row.disabled;
            let others = all.iter().any(|row| row.name != name && rules(row));
            if rules(before) && !rules(&after) && !others {
                return Ok(Err(BadAccount::LastSupervisor));
            }
            hub.store.drop_bearers(name)?;
            hub.store.put_operator(&OperatorRow { generation: before.generation + 1, ..after })?;
            Ok(Ok(()))
        })
    }

    /// One transaction, undone where the change is not made: no record tells of it then.
    fn change<T>(&mut self, work: impl FnOnce(&mut Self) -> Changed<T>) -> Changed<T> {
        self.transact(|hub| {
            let done = work(hub)?;
            if done.is_err() {
                hub.record = None;
            }
            Ok(done)
        })
    }

    /// The hash, the sealed secret, and what is shown of it once.
    fn secrets(&mut self, name: &str, password: &Password) -> Result<(String, Vec<u8>, Credentials), HubError> {
        let hash = password.hash(&(self.dice)(), COST).map_err(|BadHash| SealError::Key)?;
        let secret = Secret::new(self.throw());
        let key = totp_key(&secret);
        let credentials = Credentials { secret: totp::base32(&key), uri: totp::uri(&key, ISSUER, name) };
        Ok((hash, self.keys.wrap_operator(name, &secret)?, credentials))
    }

    /// 32 random bytes.
    fn throw(&mut self) -> [u8; 32] {
        let mut out = [0; 32];
        for half in out.as_chunks_mut::<16>().0 {
            *half = (self.dice)();
        }
        out
    }
}

/// Of a secret the part that a telephone has.
fn totp_key(secret: &Secret) -> [u8; KEY_BYTES] {
    secret.bytes().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
