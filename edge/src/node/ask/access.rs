//! What is asked about people and rights (S16-S20).

use std::sync::Arc;

use chrono::NaiveDate;
use shared::entry::Instant;
use shared::entry::access::{Issuer, RevokedCards, Right};
use shared::entry::notice::Notice;
use shared::ids::{EntryId, StaffId};
use shared::rules::access::Rights;
use shared::rules::access::card::CardKind;

use super::DocumentText;

/// Everything that signing in and the pages about people need to know.
#[derive(Debug, Clone)]
pub struct AccessView {
    /// The rights at this site.
    pub rights: Arc<Rights>,
    /// Whose cards count.
    pub issuers: Vec<Issuer>,
    /// Which cards are revoked.
    pub lists: Vec<RevokedCards>,
    /// What the hub tells every counter today.
    pub notices: Vec<Notice>,
    /// The corrected time.
    pub at: Instant,
    /// The business day.
    pub today: NaiveDate,
}

/// Who is to be given a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHolder {
    /// Their name.
    pub name: String,
    /// Their card.
    pub card: CardKind,
    /// Its public key.
    pub key: Vec<u8>,
    /// Of a 健保卡: the key under the password.
    pub locked_key: Option<Vec<u8>>,
    /// Of a 健保卡: whose.
    pub document: Option<DocumentText>,
    /// Of a certificate: issuer and serial number.
    pub certificate: Option<([u8; 32], Vec<u8>)>,
}

/// Somebody shall be able to do something.
#[derive(Debug, Clone)]
pub struct GrantAsk {
    /// The same key again writes nothing new.
    pub request: Option<String>,
    /// Who.
    pub to: NewHolder,
    /// What.
    pub rights: Vec<Right>,
    /// The last day.
    pub until: NaiveDate,
}

/// It is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its entry.
    pub id: EntryId,
    /// Who.
    pub to: StaffId,
    /// Their name.
    pub name: String,
}

/// Somebody shall no longer be able to do something.
#[derive(Debug, Clone)]
pub struct RevokeAsk {
    /// The same key again writes nothing new.
    pub request: Option<String>,
    /// Who.
    pub of: StaffId,
    /// What.
    pub rights: Vec<Right>,
    /// Why.
    pub reason: String,
}

/// It is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// Its entry.
    pub id: EntryId,
    /// Whose.
    pub of: StaffId,
}
