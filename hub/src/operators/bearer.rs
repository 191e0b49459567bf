//! What programs ask with: a token, shown once, of which the hub keeps a hash. It ends by itself, and with any change of
//! its account.

use aws_lc_rs::digest;
use data_encoding::BASE32_NOPAD;

use super::{Account, BadAccount, Changed, Role};
use crate::hub::{Hub, HubError};
use crate::store::BearerRow;

/// Longest life of a token, in days.
pub const BEARER_DAYS_MAX: u32 = 366;
/// Most tokens of an account.
const BEARERS_MAX: usize = 100;
/// So that a token that lies about is known for one.
const PREFIX: &str = "atoll-";

impl Hub {
    /// A token with which a program asks as this account, with its role or a smaller one.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be given is the inner error.
    pub fn issue_bearer(&mut self, name: &str, role: Option<Role>, expires: i64, now: i64) -> Changed<(String, Role)> {
        let token = format!("{PREFIX}{}", BASE32_NOPAD.encode(&self.throw()).to_lowercase());
        self.change(|hub| {
            let Some(account) = hub.store.operator(name)? else {
                return Ok(Err(BadAccount::Unknown));
            };
            if account.disabled {
                return Ok(Err(BadAccount::Disabled));
            }
            let live = hub.store.bearers(name)?.into_iter().filter(|row| row.expires > now).count();
            if live >= BEARERS_MAX {
                return Ok(Err(BadAccount::Many));
            }
            let role = role.map_or(account.role, |role| role.min(account.role));
            let generation = account.generation;
            hub.store.put_bearer(&BearerRow { hash: hash(&token), name: account.name, role, generation, expires })?;
            Ok(Ok((token, role)))
        })
    }

    /// The account as which a token asks, with the role that the token has.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn bearer(&self, token: &str, now: i64) -> Result<Option<Account>, HubError> {
        let Some(bearer) = self.store.bearer(&hash(token))? else { return Ok(None) };
        let Some(account) = self.operator(&bearer.name)? else { return Ok(None) };
        let holds = now < bearer.expires && !account.disabled && account.generation == bearer.generation;
        let role = bearer.role.min(account.role);
        Ok(holds.then_some(Account { role, ..account }))
    }

    /// How many tokens of an account are good.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn bearers(&self, name: &str, now: i64) -> Result<usize, HubError> {
        Ok(self.store.bearers(name)?.into_iter().filter(|row| row.expires > now).count())
    }
}

/// A token has 256 random bits: a plain hash tells nothing of it.
fn hash(token: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    out
}
