//! Booked places at the hub: what is lent, what was given away, whose booking counts (docs/booking.md).

use shared::ids::{Incarnation, SiteCode};
use shared::wire::v1::enquiry::{Answered, Enquiry, Told};

use crate::hub::{Hub, HubError};

impl Hub {
    /// Answers a question about booked places of a life of a site's store; lends what it lends in a durable transaction.
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn enquire(
        &mut self,
        _site: &SiteCode,
        _life: &Incarnation,
        ask: &Enquiry,
        _second: i64,
    ) -> Result<Told, HubError> {
        Ok(Told { nonce: ask.nonce, answer: Answered::Unsaid })
    }
}
