//! Two people for a number in clear: one asks with a reason, another one approves, and the asker alone sees it, in that
//! case, for a quarter of an hour. Every step is a record of the audit.

use shared::audit::Deed;
use shared::ids::CaseId;
use shared::rules::identity::{Document, holds_number};

use crate::audit::deeds;
use crate::hub::{Hub, HubError};

/// How long an approved number can be seen, in seconds.
pub const SHOWN_S: i64 = 15 * 60;
/// How long a request waits, in seconds.
pub const WAITS_S: i64 = 24 * 60 * 60;
/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 200;

/// A request to see a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRequest {
    /// Its number.
    pub number: u64,
    /// Of whom: a case, or the case of a dispute.
    pub of: CaseId,
    /// Who asked.
    pub asker: String,
    /// Why.
    pub reason: String,
    /// When, seconds since 1970.
    pub asked: i64,
    /// How it stands.
    pub state: RequestState,
    /// Who approved or refused it.
    pub judge: Option<String>,
    /// When, seconds since 1970.
    pub judged: Option<i64>,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has judged it.
    Waiting,
    /// Another one approved it.
    Approved,
    /// Another one refused it.
    Refused,
}

/// What an asker may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Ask: nothing is under way.
    Free,
    /// Wait for another one, since then.
    Waiting(i64),
    /// See the number, until then.
    Shown(i64),
    /// Ask again: it was refused, then.
    Refused(i64),
}

/// A request that cannot be made, judged or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// No such case, or no such request.
    #[error("查無此案件或申請 there is no such case or request")]
    Unknown,
    /// The other one has to know why.
    #[error("請填寫理由（上限 {REASON_BYTES_MAX} 位元組） a reason is needed, of at most {REASON_BYTES_MAX} bytes")]
    Reason,
    /// A person's number in a text that is kept in clear.
    #[error("理由會以原文保存，請勿填寫證號 reasons are kept as they are: leave identity numbers out")]
    Personal,
    /// There is one already.
    #[error("已有申請待核可或核可中 a request of yours waits or is approved already")]
    Already,
    /// Nobody judges their own.
    #[error("申請人不得核可自己的申請 nobody approves or refuses a request of their own")]
    Own,
    /// It has been judged.
    #[error("此申請已有人處理 somebody has judged this request")]
    Judged,
    /// It waited too long.
    #[error("此申請已逾期，請重新申請 the request is too old: ask again")]
    Expired,
    /// Nobody has approved it, or it was too long ago.
    #[error("未經核可或已逾時 not approved, or no longer")]
    NotApproved,
}

impl IdentityRequest {
    /// What its asker may do at that second.
    #[must_use]
    pub fn standing(&self, second: i64) -> Standing {
        let judged = self.judged.unwrap_or(self.asked);
        match self.state {
            RequestState::Waiting if self.waits(second) => Standing::Waiting(self.asked),
            RequestState::Approved if (judged..judged.saturating_add(SHOWN_S)).contains(&second) => {
                Standing::Shown(judged.saturating_add(SHOWN_S))
            }
            RequestState::Refused => Standing::Refused(judged),
            RequestState::Waiting | RequestState::Approved => Standing::Free,
        }
    }

    /// Whether it can be judged at that second.
    #[must_use]
    pub fn waits(&self, second: i64) -> bool {
        self.state == RequestState::Waiting && second < self.asked.saturating_add(WAITS_S)
    }
}

impl Hub {
    /// Asks to see the number of a case's person; gives the request's number.
    ///
    /// # Errors
    /// Where the store fails; what cannot be asked is the inner error.
    pub fn ask_identity(
        &mut self,
        of: &CaseId,
        asker: &str,
        reason: &str,
        second: i64,
    ) -> Result<Result<u64, BadRequest>, HubError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
            return Ok(Err(BadRequest::Reason));
        }
        if holds_number(reason) {
            return Ok(Err(BadRequest::Personal));
        }
        if self.document_of(of)?.is_none() {
            return Ok(Err(BadRequest::Unknown));
        }
        self.transact(|hub| {
            match hub.identity_standing(of, asker, second)? {
                Standing::Waiting(_) | Standing::Shown(_) => return Ok(Err(BadRequest::Already)),
                Standing::Free | Standing::Refused(_) => {}
            }
            let number = hub.store.add_identity_request(of, asker, reason, second)?;
            let note = format!("#{number} {reason}");
            hub.note(second, Deed { who: asker, deed: deeds::IDENTITY_ASKED, about: &of.to_string(), note: &note })?;
            Ok(Ok(number))
        })
    }

    /// Approves or refuses a request of somebody else.
    ///
    /// # Errors
    /// Where the store fails; what cannot be judged is the inner error.
    pub fn judge_identity(
        &mut self,
        number: u64,
        approved: bool,
        judge: &str,
        second: i64,
    ) -> Result<Result<(), BadRequest>, HubError> {
        self.transact(|hub| {
            let Some(request) = hub.store.identity_request(number)? else {
                return Ok(Err(BadRequest::Unknown));
            };
            if request.asker == judge {
                return Ok(Err(BadRequest::Own));
            }
            if request.state != RequestState::Waiting {
                return Ok(Err(BadRequest::Judged));
            }
            if !request.waits(second) {
                return Ok(Err(BadRequest::Expired));
            }
            hub.store.judge_identity_request(number, approved, judge, second)?;
            let deed = if approved { deeds::IDENTITY_APPROVED } else { deeds::IDENTITY_REFUSED };
            let (about, note) = (request.of.to_string(), format!("#{number} {}", request.asker));
            hub.note(second, Deed { who: judge, deed, about: &about, note: &note })?;
            Ok(Ok(()))
        })
    }

    /// The number of a case's person in clear, for who asked, while it is approved; and until when. Written down first.
    ///
    /// # Errors
    /// Where the store fails; who may not see it is the inner error.
    pub fn show_identity(
        &mut self,
        of: &CaseId,
        asker: &str,
        second: i64,
    ) -> Result<Result<(Document, i64), BadRequest>, HubError> {
        self.transact(|hub| {
            let Some(request) = hub.store.last_identity_request(of, asker)? else {
                return Ok(Err(BadRequest::NotApproved));
            };
            let Standing::Shown(until) = request.standing(second) else {
                return Ok(Err(BadRequest::NotApproved));
            };
            let Some(document) = hub.document_of(of)? else {
                return Ok(Err(BadRequest::Unknown));
            };
            let (about, note) = (of.to_string(), format!("#{}", request.number));
            hub.note(second, Deed { who: asker, deed: deeds::IDENTITY_SHOWN, about: &about, note: &note })?;
            Ok(Ok((document, until)))
        })
    }

    /// What somebody may do about a case's number now.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn identity_standing(&self, of: &CaseId, asker: &str, second: i64) -> Result<Standing, HubError> {
        let last = self.store.last_identity_request(of, asker)?;
        Ok(last.map_or(Standing::Free, |request| request.standing(second)))
    }

    /// The newest requests first.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn identity_requests(&self, limit: usize) -> Result<Vec<IdentityRequest>, HubError> {
        Ok(self.store.identity_requests(limit)?)
    }

    /// The document of a case's person, or of who filed a dispute.
    fn document_of(&self, id: &CaseId) -> Result<Option<Document>, HubError> {
        if let Some(case) = self.store.case(id)? {
            let mut sales = self.store.sales(&case.programme, &case.tag)?;
            sales.sort_by_key(crate::cases::order);
            let Some(first) = sales.first() else { return self.first_booker(&case) };
            return self.unseal_again(&first.site, &first.id, &first.document).map(Some);
        }
        self.disputant(id)
    }
}

#[cfg(test)]
mod tests;
