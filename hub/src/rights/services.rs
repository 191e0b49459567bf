//! Services of a site (S18, S21): open until the hub refuses them; a manager asks, an operator answers.

use shared::entry::access::{Access, ServiceStanding, ServiceWord};
use shared::entry::{Entry, Fact};
use shared::ids::{ServiceName, SiteCode};
use shared::rules::access::{Rights, ServiceNow, Word};
use shared::rules::identity::holds_number;
use shared::wire::v1::entry::REASON_BYTES_MAX;

use super::read;
use crate::hub::{Hub, HubError};
use crate::publish::{desk, signed};
use crate::store::StaffFactRow;

/// An answer that is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// The register does not have the site.
    #[error("查無此醫事機構 unknown site {0}")]
    Site(SiteCode),
    /// No reason, one that is too long, or one with a person's number.
    #[error(
        "請填寫原因，勿填證號（上限 {REASON_BYTES_MAX} 位元組） a reason is needed, without identity numbers, of at most {REASON_BYTES_MAX} bytes"
    )]
    Reason,
}

impl Hub {
    /// What was said of services at a site, by it and by the hub.
    pub(crate) fn service_words(&self, site: &SiteCode) -> Result<Vec<Word>, HubError> {
        let mut words = Vec::new();
        for StaffFactRow { id, place, entry, .. } in self.store.staff_facts(site)? {
            let Entry { at, by: _, fact } = read(&entry)?;
            if let Fact::Access(Access::Service(word)) = fact {
                words.push(Word { id, at, place, word });
            }
        }
        Ok(words)
    }

    /// Where a service stands at a site.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn service(&self, site: &SiteCode, service: &ServiceName) -> Result<ServiceNow, HubError> {
        Ok(Rights::default().with_services(&self.service_words(site)?).service(service))
    }

    /// Says yes or no to a service at a site; the last word holds.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be written is the inner error.
    pub fn answer_service(
        &mut self,
        site: &SiteCode,
        (service, standing): (&ServiceName, ServiceStanding),
        (reason, by): (&str, &str),
        second: i64,
    ) -> Result<Result<(), BadAnswer>, HubError> {
        if self.site(site)?.is_none() {
            return Ok(Err(BadAnswer::Site(*site)));
        }
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX || holds_number(reason) {
            return Ok(Err(BadAnswer::Reason));
        }
        let word = ServiceWord { service: service.clone(), standing, reason: reason.to_owned() };
        let entry = signed(Fact::Access(Access::Service(word)), by, second);
        self.transact(|hub| hub.write(desk(site, second), &[entry], second))?;
        Ok(Ok(()))
    }
}
