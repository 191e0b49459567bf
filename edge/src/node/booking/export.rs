//! Bookings in the site's own log for other eyes: documents masked, no name, no telephone number.

use serde_json::{Value, json};
use shared::entry::booking::{Attendance, Booker, Booking, Shown, Slot};
use shared::ids::EntryId;

use super::super::{Node, NodeError};

impl Node {
    /// A fact of booking as the export says it.
    pub(in crate::node) fn booking_line(&self, id: &EntryId, booking: &Booking) -> Result<Value, NodeError> {
        Ok(match booking {
            Booking::Booked(it) => json!({
                "kind": "booked", "programme": it.programme.as_str(), "round": it.round.as_str(),
                "slot": slot(&it.slot), "lease": it.lease.to_string(), "serial": it.serial,
                "person": self.booker_line(id, &it.person)?,
            }),
            Booking::Wish(it) => json!({
                "kind": "wish", "programme": it.programme.as_str(), "round": it.round.as_str(),
                "ranked": it.ranked.iter().map(slot).collect::<Vec<_>>(),
                "person": self.booker_line(id, &it.person)?,
            }),
            Booking::Cancelled(it) => json!({
                "kind": "cancelled", "of": it.of.to_string(), "serial": it.serial, "reason": it.reason,
            }),
            Booking::Amended(it) => json!({ "kind": "amended", "of": it.of.to_string() }),
            Booking::Returned(it) => json!({
                "kind": "returned", "lease": it.lease.to_string(), "places": it.places,
            }),
            Booking::Attended(it) => json!({
                "kind": "attended", "of": it.of.to_string(), "serial": it.serial, "slot": slot(&it.slot),
                "what": attendance(&it.what),
            }),
            Booking::Round(_)
            | Booking::Venue(_)
            | Booking::Capacity(_)
            | Booking::Lease(_)
            | Booking::Numbers(_)
            | Booking::Answer(_)
            | Booking::Standing(_)
            | Booking::Expected(_) => json!({ "kind": "of the hub" }),
        })
    }

    fn booker_line(&self, id: &EntryId, person: &Booker) -> Result<Value, NodeError> {
        let shown = match person.shown {
            Shown::Age => "age",
            Shown::List => "list",
            Shown::Unseen => "unseen",
        };
        let masked = self.keys.open(id, 0, &person.document)?.masked();
        Ok(json!({ "document": masked, "watermark": person.watermark, "shown": shown }))
    }
}

fn slot(slot: &Slot) -> Value {
    json!({
        "venue": slot.venue.as_str(), "date": slot.date.to_string(), "start": slot.start.to_string(),
        "brands": slot.brands.as_str(),
    })
}

fn attendance(what: &Attendance) -> Value {
    let code = what.code();
    match what {
        Attendance::CheckedIn => json!({ "code": code }),
        Attendance::Given { brand, lot } => json!({ "code": code, "brand": brand, "lot": lot }),
        Attendance::NotGiven { reason } => json!({ "code": code, "reason": reason }),
        Attendance::Later { start } => json!({ "code": code, "start": start.to_string() }),
    }
}
