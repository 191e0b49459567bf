//! JSON under `/api/v1/booking`: who may book when and where, what is lent, booked and waits. Nobody's name stands in it.

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::entry::booking::{Start, VenueId};

use super::{Console, Me, answer};
use crate::audit::deeds;
use crate::console::trouble::Trouble;
use crate::view;

/// Slots, leases or wishes in one answer.
const ROWS_MAX: usize = 10_000;

/// Which slots.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Asked {
    venue: Option<String>,
    date: Option<NaiveDate>,
    start: Option<String>,
    serial: Option<u64>,
    offset: Option<usize>,
}

impl Asked {
    fn venue(&self) -> Result<Option<VenueId>, Trouble> {
        let venue = self.venue.as_deref().map(str::parse).transpose();
        venue.map_err(|bad: shared::entry::booking::BadName| Trouble::Asked(bad.to_string()))
    }

    fn start(&self) -> Result<Option<Start>, Trouble> {
        let start = self.start.as_deref().map(str::parse).transpose();
        start.map_err(|bad: shared::entry::booking::BadName| Trouble::Asked(bad.to_string()))
    }

    /// One page of many, and how many there are.
    fn page(&self, name: &str, all: &[Value]) -> Value {
        let page: Vec<&Value> = all.iter().skip(self.offset.unwrap_or(0)).take(ROWS_MAX).collect();
        json!({ "total": all.len(), name: page })
    }
}

/// `GET booking/rounds`.
pub(in crate::console) async fn rounds(State(console): State<Console>) -> Response {
    answer(rounds_value(&console).await)
}

async fn rounds_value(console: &Console) -> Result<Value, Trouble> {
    let (rounds, lists) =
        console.hub.call(|hub| Ok::<_, crate::hub::HubError>((hub.rounds()?, hub.round_lists()?))).await??;
    let rounds: Vec<Value> = rounds.iter().map(view::booking::round).collect();
    Ok(json!({ "rounds": rounds, "lists": lists.iter().map(view::booking::list).collect::<Vec<_>>() }))
}

/// `GET booking/venues`.
pub(in crate::console) async fn venues(State(console): State<Console>) -> Response {
    answer(venues_value(&console).await)
}

async fn venues_value(console: &Console) -> Result<Value, Trouble> {
    let venues = console.hub.call(|hub| hub.venues()).await??;
    Ok(json!({ "venues": venues.iter().map(view::booking::venue).collect::<Vec<_>>() }))
}

/// `GET booking/slots`.
pub(in crate::console) async fn slots(State(console): State<Console>, Query(asked): Query<Asked>) -> Response {
    answer(slots_value(&console, &asked).await)
}

async fn slots_value(console: &Console, asked: &Asked) -> Result<Value, Trouble> {
    let (venue, start) = (asked.venue()?, asked.start()?);
    let mut slots = console.hub.call(|hub| hub.slots()).await??;
    slots.retain(|status| {
        venue.as_ref().is_none_or(|venue| *venue == status.slot.venue)
            && asked.date.is_none_or(|date| date == status.slot.date)
            && start.is_none_or(|start| start == status.slot.start)
    });
    let all: Vec<Value> = slots.iter().map(view::booking::slot).collect();
    Ok(asked.page("slots", &all))
}

/// `GET booking/bookings`: of a venue's day, or of a serial number.
pub(in crate::console) async fn bookings(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(asked): Query<Asked>,
) -> Response {
    answer(bookings_value(&console, &me, &asked).await)
}

async fn bookings_value(console: &Console, me: &Me, asked: &Asked) -> Result<Value, Trouble> {
    let start = asked.start()?;
    let found = match (asked.serial, asked.venue()?, asked.date) {
        (Some(serial), _, _) => {
            console.note(me, deeds::BOOKING, &serial.to_string(), "").await?;
            console.hub.call(move |hub| hub.bookings_of_number(serial)).await??
        }
        (None, Some(venue), Some(date)) => {
            console.note(me, deeds::BOOKING, &format!("{venue} {date}"), "").await?;
            console.hub.call(move |hub| hub.bookings_at(&venue, date, start)).await??
        }
        (None, _, _) => return Err(Trouble::Asked("give serial, or venue and date".to_owned())),
    };
    let all: Vec<Value> = found.iter().map(view::booking).collect();
    Ok(asked.page("bookings", &all))
}

/// `GET booking/wishes`.
pub(in crate::console) async fn wishes(State(console): State<Console>, Query(asked): Query<Asked>) -> Response {
    answer(wishes_value(&console, &asked).await)
}

async fn wishes_value(console: &Console, asked: &Asked) -> Result<Value, Trouble> {
    let wishes = console.hub.call(|hub| hub.waiting_wishes(ROWS_MAX)).await??;
    let all: Vec<Value> = wishes.iter().map(view::booking::wish).collect();
    Ok(asked.page("wishes", &all))
}

/// `GET booking/leases`.
pub(in crate::console) async fn leases(State(console): State<Console>, Query(asked): Query<Asked>) -> Response {
    answer(leases_value(&console, &asked).await)
}

async fn leases_value(console: &Console, asked: &Asked) -> Result<Value, Trouble> {
    let read = |hub: &mut crate::hub::Hub| Ok::<_, crate::hub::HubError>((hub.leases(false)?, hub.awaited()?));
    let (leases, awaited) = console.hub.call(read).await??;
    let all: Vec<Value> = leases.iter().map(view::booking::lease).collect();
    let mut value = asked.page("leases", &all);
    value["awaited"] = awaited.iter().map(|it| json!({ "site": it.site.as_str(), "greeted": it.greeted })).collect();
    Ok(value)
}
