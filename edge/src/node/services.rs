//! 健保服務申請 (S18, S21): a manager asks the hub for a service that it has refused, and reads what it said.

use shared::entry::access::{Access, Right, ServiceStanding, ServiceWord};
use shared::ids::{EntryId, ServiceName};

use super::access::Acting;
use super::write::reason;
use super::{BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;

impl Node {
    /// Asks for a service. What is asked already, or open, is not asked again.
    ///
    /// # Errors
    /// Where the store fails, or whoever acts is no manager.
    pub fn apply(
        &mut self,
        service: &ServiceName,
        why: &str,
        reading: Reading,
    ) -> Result<Committed<EntryId>, NodeError> {
        self.check_running()?;
        self.check_takes_access()?;
        let (at, today) = self.today(reading);
        let Acting::Person { id, .. } = &self.acting else { return Err(BadAsk::NotSignedIn.into()) };
        let rights = self.rights();
        if rights.may(id, &Right::Manager, today).is_err() {
            return Err(BadAsk::NotYours { right: Right::Service(service.clone()) }.into());
        }
        let now = rights.service(service);
        let is_refused = now.decided.is_some_and(|word| word.standing == ServiceStanding::Refused);
        if !is_refused || now.applied.is_some() {
            return Err(BadAsk::NothingToApply.into());
        }
        let word = ServiceWord { service: service.clone(), standing: ServiceStanding::Applied, reason: reason(why)? };
        let slot = self.slot(today)?;
        let id = slot.id();
        let rows = self.staff_rows.clone();
        let draft = self.access_draft((slot, &rows), (at, reading), Access::Service(word), None)?;
        self.commit_access(draft, id)
    }
}
