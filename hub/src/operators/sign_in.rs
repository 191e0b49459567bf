//! Judging who signs in. The console compares the password, which takes its time, outside the hub's thread; here the
//! rest is judged in one transaction: that the account is the one whose hash was compared, that it is not locked, the
//! code, and that the code was not used before. What comes of it is a record of the audit.
//!
//! Who fails waits, longer each time, up to a limit: so guessing is slow, and nobody is locked out for ever. A browser
//! from which somebody has signed in before waits for its own failures only: a stranger cannot keep it out.

use shared::audit::Deed;
use shared::seal::totp;

use super::{Role, totp_key};
use crate::audit::deeds;
use crate::hub::{Hub, HubError};
use crate::store::OperatorRow;

/// How failures slow down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many failures cost nothing.
    pub free: u32,
    /// The longest wait, in seconds.
    pub longest_s: i64,
}

/// Of one account.
pub const OF_ACCOUNTS: Limits = Limits { free: 3, longest_s: 300 };
/// Of one address, behind which many may stand.
pub const OF_ADDRESSES: Limits = Limits { free: 10, longest_s: 60 };

/// So long after the last wait the failures before it are forgotten, in seconds: the same for every lane, or the
/// difference would tell which names are accounts.
pub const FORGOTTEN_S: i64 = 60 * 60;

/// How long the next try waits after so many failures in a row: 1, 2, 4 … seconds.
#[must_use]
pub fn delay_s(failures: u32, limits: Limits) -> i64 {
    let Some(behind) = failures.checked_sub(limits.free) else { return 0 };
    1_i64.checked_shl(behind.min(32)).unwrap_or(i64::MAX).min(limits.longest_s)
}

/// What has been found out before the hub is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The name as it was typed, in lower case.
    pub name: String,
    /// The hash that the password fitted, if it did.
    pub fitted: Option<String>,
    /// The six digits.
    pub code: String,
    /// From where.
    pub address: String,
    /// Whether somebody has signed in from this browser before.
    pub known_browser: bool,
}

/// What the console needs to compare a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The hash.
    pub hash: String,
    /// Until when strangers are not let try.
    pub locked: i64,
    /// By which a browser is known again.
    pub browser: [u8; 8],
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// In.
    In {
        /// What the account may do.
        role: Role,
        /// As of which change of it.
        generation: u64,
    },
    /// Something was wrong; which, nobody is told.
    Wrong,
    /// Too many failures: not before that second.
    Wait(i64),
}

impl Hub {
    /// What is known of a name before the password is compared.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn before_sign_in(&self, name: &str) -> Result<Option<Known>, HubError> {
        let Some(row) = self.store.operator(name)? else { return Ok(None) };
        let browser = self.keys.browser_mark(name, row.generation)?.0;
        Ok(Some(Known { hash: row.hash, locked: row.locked, browser }))
    }

    /// Judges the rest. `now` is the system's second, `second` the one of the record.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn sign_in(&mut self, attempt: &Attempt, now: i64, second: i64) -> Result<SignIn, HubError> {
        self.transact(|hub| {
            let row = hub.store.operator(&attempt.name)?;
            let Some(mut row) = row else {
                // What was typed in place of a name may be anything: it is not kept.
                hub.tried(second, "?", deeds::SIGN_IN_FAILED, attempt)?;
                return Ok(SignIn::Wrong);
            };
            if !attempt.known_browser && now < row.locked {
                return Ok(SignIn::Wait(row.locked));
            }
            let step = if row.disabled { None } else { hub.fitting_step(&row, attempt, now)? };
            match step {
                Some(step) => (row.step, row.failures, row.locked) = (step, 0, 0),
                // A browser that is known waits by itself.
                None if attempt.known_browser => {}
                None => {
                    let forgotten = now >= row.locked.saturating_add(FORGOTTEN_S);
                    row.failures = if forgotten { 1 } else { row.failures.saturating_add(1) };
                    row.locked = now.saturating_add(delay_s(row.failures, OF_ACCOUNTS));
                }
            }
            hub.store.put_operator(&row)?;
            let deed = if step.is_some() { deeds::SIGN_IN } else { deeds::SIGN_IN_FAILED };
            hub.tried(second, &row.name, deed, attempt)?;
            Ok(step.map_or(SignIn::Wrong, |_| SignIn::In { role: row.role, generation: row.generation }))
        })
    }

    /// The step of the code, where password and code are this account's.
    fn fitting_step(&self, row: &OperatorRow, attempt: &Attempt, now: i64) -> Result<Option<i64>, HubError> {
        let secret = self.keys.unwrap_operator(&row.name, &row.totp)?;
        let step = totp::accept(&totp_key(&secret), &attempt.code, now, row.step);
        Ok(step.filter(|_| attempt.fitted.as_ref() == Some(&row.hash)))
    }

    fn tried(&mut self, second: i64, who: &str, deed: &str, attempt: &Attempt) -> Result<(), HubError> {
        self.note(second, Deed { who, deed, about: "", note: &attempt.address })
    }
}
