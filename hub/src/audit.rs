//! The hub's audit (T2, T13): who looked at whose case, signed in or failed to, decided, granted, asked for and approved
//! an identity, changed an account, took something out. A record stands in the transaction of what it is about; its form
//! and its chain are `shared::audit`'s, and the hub signs where it ends.

use shared::audit::{BadRecord, Broken, Deed, Link, Linked, Record, verify};

use crate::hub::{Hub, HubError};
use crate::store::{AuditEnd, AuditRow};

/// Records read at once.
const ROWS_AT_ONCE: usize = 1_024;

/// The codes of what is written down; they never change their meaning.
pub mod deeds {
    /// Somebody signed in.
    pub const SIGN_IN: &str = "sign-in";
    /// A name, a password or a code was wrong.
    pub const SIGN_IN_FAILED: &str = "sign-in-failed";
    /// Somebody signed out.
    pub const SIGN_OUT: &str = "sign-out";
    /// Somebody asked for what the role does not allow.
    pub const NOT_ALLOWED: &str = "not-allowed";
    /// A list of cases or disputes was looked at.
    pub const LIST: &str = "list";
    /// A case was looked at.
    pub const CASE: &str = "case";
    /// A dispute was looked at.
    pub const DISPUTE: &str = "dispute";
    /// A dispute was decided for the person.
    pub const GRANT: &str = "grant";
    /// A dispute was decided against the person.
    pub const REJECT: &str = "reject";
    /// Somebody asked to see a number.
    pub const IDENTITY_ASKED: &str = "identity-asked";
    /// Another approved it.
    pub const IDENTITY_APPROVED: &str = "identity-approved";
    /// Another refused it.
    pub const IDENTITY_REFUSED: &str = "identity-refused";
    /// The number was shown.
    pub const IDENTITY_SHOWN: &str = "identity-shown";
    /// An account was made.
    pub const ACCOUNT_ADDED: &str = "account-added";
    /// An account has another role.
    pub const ACCOUNT_ROLE: &str = "account-role";
    /// An account was disabled.
    pub const ACCOUNT_DISABLED: &str = "account-disabled";
    /// An account has a new password and a new secret.
    pub const ACCOUNT_RESET: &str = "account-reset";
    /// A program was given a token.
    pub const TOKEN_ISSUED: &str = "token-issued";
    /// The audit was taken out.
    pub const AUDIT_EXPORTED: &str = "audit-exported";
    /// A copy of the store was taken.
    pub const BACKUP: &str = "backup";
    /// A copy of the keys was taken.
    pub const ESCROW: &str = "escrow";
    /// A site was given a token with which it enrols.
    pub const ENROL: &str = "enrol";
    /// A site's certificates were revoked.
    pub const REVOKE: &str = "revoke";
    /// A version was published.
    pub const PUBLISH: &str = "publish";
    /// A delivery was announced.
    pub const DELIVERY: &str = "delivery";
    /// Rights were given at a site.
    pub const STAFF_GRANTED: &str = "staff-granted";
    /// Rights were taken back at a site.
    pub const STAFF_REVOKED: &str = "staff-revoked";
    /// A service was approved or refused at a site.
    pub const SERVICE_ANSWERED: &str = "service-answered";
    /// An issuer of cards counts.
    pub const ISSUER_ADDED: &str = "issuer-added";
    /// An issuer of cards counts no more.
    pub const ISSUER_REMOVED: &str = "issuer-removed";
    /// A list of revoked cards was imported.
    pub const LIST_IMPORTED: &str = "list-imported";
    /// Notices were published or withdrawn.
    pub const NOTICE: &str = "notice";
    /// A round of booking was published.
    pub const ROUND: &str = "round";
    /// Venues were published.
    pub const VENUES: &str = "venues";
    /// It was said how many slots hold, or they were closed or opened.
    pub const SLOTS: &str = "slots";
    /// A list of who may book was imported.
    pub const BOOK_LIST: &str = "book-list";
    /// A booking was looked at.
    pub const BOOKING: &str = "booking";
    /// A site was told of somebody's booking at another site, with name and telephone.
    pub const BOOKING_TOLD: &str = "booking-told";
    /// A site has asked about so many that it is told of no more in this hour.
    pub const BOOKING_WITHHELD: &str = "booking-withheld";
    /// A booking was cancelled.
    pub const BOOKING_CANCELLED: &str = "booking-cancelled";
    /// Telephone numbers of people who are booked somewhere were shown.
    pub const CALLED: &str = "called";
    /// What was left of a lease was given up as lost.
    pub const LEASE_FORFEITED: &str = "lease-forfeited";
    /// A restored hub lends again before everybody was heard.
    pub const LEASE_RESUMED: &str = "lease-resumed";
}

/// A deed that waits for the transaction in which it is done.
#[derive(Debug)]
pub(crate) struct Pending {
    second: i64,
    who: String,
    deed: String,
    about: String,
    note: String,
}

/// What a look at the whole audit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditVerified {
    /// How many records there are.
    pub records: u64,
    /// The last one's link.
    pub link: Link,
    /// The first that is not the one that was written.
    pub broken: Option<Broken>,
}

impl Hub {
    /// Does `work`; where it changes the store, the record stands in the same transaction, and where it changes nothing
    /// there is no record.
    pub fn recorded<T>(&mut self, second: i64, deed: Deed<'_>, work: impl FnOnce(&mut Self) -> T) -> T {
        let Deed { who, deed, about, note } = deed;
        let [who, deed, about, note] = [who, deed, about, note].map(str::to_owned);
        self.record = Some(Pending { second, who, deed, about, note });
        let done = work(self);
        self.record = None;
        done
    }

    /// Writes down what changes nothing else, such as a look: before the answer.
    ///
    /// # Errors
    /// Where the store fails; then there is no answer either.
    pub fn write_down(&mut self, second: i64, deed: Deed<'_>) -> Result<(), HubError> {
        self.transact(|hub| hub.note(second, deed))
    }

    /// Within a transaction.
    pub(crate) fn note(&mut self, second: i64, deed: Deed<'_>) -> Result<(), HubError> {
        let (last, link) = self.store.audit_last()?.unwrap_or((0, Link::FIRST));
        let number = last.checked_add(1).ok_or(HubError::Full("the audit"))?;
        let Linked { record, link } = Record::new(number, second, deed).linked(link);
        self.store.put_audit(&AuditRow { number, bytes: record.bytes(), link })?;
        let signature = self.signer.sign_audit(number, &link);
        Ok(self.store.put_audit_end(&AuditEnd { number, link, signature })?)
    }

    /// The deed that this transaction carries out, if one waits.
    pub(crate) fn note_pending(&mut self) -> Result<(), HubError> {
        let Some(Pending { second, who, deed, about, note }) = self.record.take() else { return Ok(()) };
        self.note(second, Deed { who: &who, deed: &deed, about: &about, note: &note })
    }

    /// Records behind a number, at most `limit`, with the link before them.
    ///
    /// # Errors
    /// Where the store fails, or holds there what is no record.
    pub fn audit(&self, after: u64, limit: usize) -> Result<(Link, Vec<Linked>), HubError> {
        self.store.snapshot(|| {
            let before = after.checked_sub(1).map(|before| self.store.audit_rows(before, 1)).transpose()?;
            let before = before.and_then(|rows| rows.first().map(|row| row.link)).unwrap_or(Link::FIRST);
            let rows = self.store.audit_rows(after, limit)?;
            let read = |row: AuditRow| {
                let number = row.number;
                linked(row).map_err(|BadRecord| damaged(number))
            };
            Ok((before, rows.into_iter().map(read).collect::<Result<_, HubError>>()?))
        })
    }

    /// The last record's number and link; 0 and [`Link::FIRST`] where there is none.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn audit_last(&self) -> Result<(u64, Link), HubError> {
        Ok(self.store.audit_last()?.unwrap_or((0, Link::FIRST)))
    }

    /// Reads the whole audit and names the first record that was changed, is missing or was put in; the hub may go on
    /// serving.
    ///
    /// # Errors
    /// Where the store cannot be read at all.
    pub fn verify_audit(&self) -> Result<AuditVerified, HubError> {
        self.store.snapshot(|| {
            let mut at = (0, Link::FIRST);
            loop {
                let rows = self.store.audit_rows(at.0, ROWS_AT_ONCE)?;
                if rows.is_empty() {
                    break;
                }
                for row in rows {
                    let next = Broken { number: at.0 + 1 };
                    match linked(row).map_err(|BadRecord| next).and_then(|linked| verify(at, [linked])) {
                        Ok(now) => at = now,
                        Err(broken) => return Ok(AuditVerified { records: at.0, link: at.1, broken: Some(broken) }),
                    }
                }
            }
            let broken = self.judge_end(at)?;
            Ok(AuditVerified { records: at.0, link: at.1, broken })
        })
    }

    /// Whether the audit ends where the hub signed that it does.
    fn judge_end(&self, (number, link): (u64, Link)) -> Result<Option<Broken>, HubError> {
        let key = self.signer.public();
        Ok(match self.store.audit_end()? {
            None if number == 0 => None,
            None => Some(Broken { number }),
            Some(end) if !key.signed_audit(end.number, &end.link, &end.signature) => Some(Broken { number }),
            // Cut off at its end, or written by somebody else.
            Some(end) if end.number != number => Some(Broken { number: end.number.min(number) + 1 }),
            Some(end) if end.link != link => Some(Broken { number }),
            Some(_) => None,
        })
    }
}

/// The number is the row's own: a row that was moved does not fit its link.
fn linked(AuditRow { number, bytes, link }: AuditRow) -> Result<Linked, BadRecord> {
    let mut record = Record::parse(&bytes)?;
    record.number = number;
    Ok(Linked { record, link })
}

fn damaged(number: u64) -> HubError {
    HubError::Damaged(format!("record {number} of the audit; see `atoll-hub audit verify`"))
}

#[cfg(test)]
mod tests;
