//! What is left of leases whose time is over goes back to the hub, by an entry behind everything that was given away
//! (docs/decisions/0015-no-clock-takes-a-place-back.md).

use shared::entry::booking::{Booking, Returned};
use shared::rules::calendar::taipei_day;

use super::super::{Node, NodeError};
use super::draft::New;
use crate::clock::Reading;

/// Most leases that are returned at once, so that nobody at the counter waits long.
const RETURNS_MAX: usize = 64;

impl Node {
    /// Returns what is left of leases that are over by every clock that this site can have; gives how many. The line calls
    /// this when it opens and with each beacon.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn give_back(&mut self, reading: Reading) -> Result<usize, NodeError> {
        self.check_running()?;
        if !self.takes_booking {
            return Ok(0);
        }
        let (at, _) = self.today(reading);
        let mut over = self.bookings.purse.to_return(&self.incarnation, at);
        over.truncate(RETURNS_MAX);
        for (lease, places) in &over {
            let slot = self.slot(taipei_day(at.second))?;
            let by = self.author("")?;
            let booking = Booking::Returned(Returned { lease: *lease, places: *places });
            self.commit_booking(New { slot, at, reading, by, request: None, booking }, ())?;
        }
        Ok(over.len())
    }
}
