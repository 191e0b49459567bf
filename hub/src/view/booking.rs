//! Booked places as they are shown: rounds, venues, slots, wishes, leases.

use serde_json::{Value, json};
use shared::entry::booking::Slot;

use crate::booking::{Called, LeaseStatus, ListStatus, PublishedRound, PublishedVenue, SlotStatus, WaitingWish};

use super::cases::text;

/// A round.
#[must_use]
pub fn round(published: &PublishedRound) -> Value {
    let round = &published.round;
    json!({
        "name": round.name.as_str(), "programme": round.programme.as_str(), "number": round.number,
        "title": text(&round.title), "opens": round.opens.to_string(), "closes": round.closes.to_string(),
        "first_day": round.first_day, "last_day": round.last_day, "brands": round.brands,
        "needs_list": round.needs_list(), "by": published.by, "published": published.second,
    })
}

/// A venue.
#[must_use]
pub fn venue(published: &PublishedVenue) -> Value {
    let venue = &published.venue;
    json!({
        "id": venue.id.as_str(), "name": venue.name, "county": venue.county, "district": venue.district,
        "address": venue.address, "phone": venue.phone, "site": venue.site.map(|site| site.to_string()),
        "holds": venue.holds, "by": published.by, "published": published.second,
    })
}

fn slot_value(slot: &Slot) -> Value {
    json!({
        "venue": slot.venue.as_str(), "date": slot.date, "start": slot.start.to_string(),
        "brands": slot.brands.as_str(),
    })
}

/// A slot with its account.
#[must_use]
pub fn slot(status: &SlotStatus) -> Value {
    let account = &status.account;
    let mut value = slot_value(&status.slot);
    value["offered"] = json!(status.offered);
    value["closed"] = json!(status.closed);
    value["capacity"] = json!(account.capacity);
    value["free"] = json!(account.free());
    value["lent"] = json!(account.unspent());
    value["booked"] = json!(account.booked());
    value["oversold"] = json!(account.is_oversold());
    value
}

/// A wish that waits.
#[must_use]
pub fn wish(wish: &WaitingWish) -> Value {
    json!({
        "id": wish.id.to_string(), "site": wish.site.as_str(), "second": wish.second, "round": wish.round.as_str(),
        "ranked": wish.ranked.iter().map(slot_value).collect::<Vec<_>>(),
    })
}

/// A lease.
#[must_use]
pub fn lease(lease: &LeaseStatus) -> Value {
    json!({
        "id": lease.id.to_string(), "site": lease.site.as_str(), "life": lease.life.to_string(),
        "current": lease.current, "slot": slot_value(&lease.slot), "places": lease.places, "spent": lease.spent,
        "returned": lease.returned, "left": lease.left, "lent": lease.lent, "until": lease.until,
    })
}

/// A list of who may book.
#[must_use]
pub fn list(list: &ListStatus) -> Value {
    json!({
        "round": list.round.as_str(), "day": list.day, "imported": list.imported, "people": list.people,
        "bytes": list.bytes,
    })
}

/// Somebody to be called.
#[must_use]
pub fn called(called: &Called) -> Value {
    let mut value = super::booking(&called.booking);
    value["name"] = json!(called.name);
    value["document"] = json!(called.document);
    value["mobile"] = json!(called.mobile);
    value
}
