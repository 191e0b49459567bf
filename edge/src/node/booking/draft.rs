//! Making an entry of bookings: decided, written, taken into what is known.

use shared::entry::booking::Booking;
use shared::entry::{Entry, Fact, Instant, Staff};
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::identity::Document;
use shared::rules::stock::Stock;

use super::super::ask::DocumentText;
use super::super::write::{Draft, Slot, reason};
use super::super::{BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;
use crate::store::LogRow;

/// A fact of booking that has been decided on.
pub(super) struct New<'a> {
    pub(super) slot: Slot,
    pub(super) at: Instant,
    pub(super) reading: Reading,
    pub(super) by: Staff,
    pub(super) request: Option<&'a str>,
    pub(super) booking: Booking,
}

impl Node {
    /// Puts it on the disk; then it is known.
    pub(super) fn commit_booking<T>(&mut self, new: New<'_>, answer: T) -> Result<Committed<T>, NodeError> {
        let New { slot, at, reading, by, request, booking } = new;
        let (id, pos, rows) = (slot.id(), slot.pos, self.booking_rows.clone());
        if matches!(booking, Booking::Booked(_) | Booking::Returned(_)) {
            (self.lives.mark)(self.incarnation, pos).map_err(NodeError::Stamp)?;
        }
        let draft = Draft {
            slot,
            at,
            reading,
            by,
            fact: Fact::Booking(booking.clone()),
            programme: &rows,
            stock: Stock::default(),
            request,
            quota: None,
            carried: None,
            withdraws: None,
        };
        let done = self.commit(draft, answer)?;
        self.wrote(id, pos, &booking)?;
        Ok(done)
    }

    /// The entry of bookings that answered a request key.
    pub(super) fn booking_before(
        &self,
        request: Option<&str>,
    ) -> Result<Option<Committed<(LogRow, Booking)>>, NodeError> {
        let Some(found) = self.answered(request)? else { return Ok(None) };
        let is_booking = |(row, entry): (LogRow, Entry)| {
            let Fact::Booking(booking) = entry.fact else { return Err(NodeError::from(BadAsk::RequestReused)) };
            Ok((row, booking))
        };
        found.try_map(is_booking).map(Some)
    }
}

/// A document as it was typed or read.
pub(super) fn parse(text: &DocumentText, today: chrono::NaiveDate) -> Result<Document, BookingRefusal> {
    Ok(Document::parse(&text.kind, &text.number, &text.birth, today)?)
}

/// Why, where anything is said.
pub(super) fn reason_if_any(text: &str) -> Result<String, BadAsk> {
    if text.trim().is_empty() { Ok(String::new()) } else { reason(text) }
}
