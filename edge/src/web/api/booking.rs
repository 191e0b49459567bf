//! `/api/v1/booking`: what the booking pages can do, for programs.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Raw, Shared, looked};
use crate::desk::booking::BookingTold;
use crate::fault::{Blame, Fault};
use crate::web::answer::{self, booking as words};
use crate::web::body::booking::{Amend, Attend, Book, Cancel, Look, SlipText, day as date_of};
use crate::web::body::read;

/// GET booking/day's query.
#[derive(Deserialize)]
pub(in crate::web) struct Day {
    date: Option<String>,
}

fn told<T>(told: BookingTold<T>, words: impl FnOnce(&T) -> Value) -> Response {
    match told {
        Ok(Ok(done)) => Json(words(&done)).into_response(),
        Ok(Err(refusal)) => Json(words::booking_refused(&refusal)).into_response(),
        Err(fault) => failed(&fault),
    }
}

fn failed(fault: &Fault) -> Response {
    match fault.blame {
        Blame::Caller => answer::bad_request(fault),
        Blame::Machine => answer::unwell(fault),
    }
}

pub(in crate::web) async fn view(State(web): Shared) -> Response {
    looked(web.desk.booking_view().await.map(|view| words::booking_view(&view)))
}

pub(in crate::web) async fn day(State(web): Shared, query: Result<Query<Day>, QueryRejection>) -> Response {
    let date = query.ok().and_then(|Query(day)| day.date);
    let lines = async {
        let date = match date {
            Some(date) => date_of(&date)?,
            None => web.desk.booking_view().await?.today,
        };
        let lines = web.desk.expected(date).await?;
        let lines: Vec<Value> = lines.iter().map(words::expected).collect();
        Ok(json!({ "date": date.to_string(), "expected": lines }))
    };
    match lines.await {
        Ok(found) => Json(found).into_response(),
        Err(fault) => failed(&fault),
    }
}

pub(in crate::web) async fn look_up(State(web): Shared, raw: Raw) -> Response {
    match read::<Look>(raw) {
        Ok(ask) => told(web.desk.look_up(ask).await, words::looked_up),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(in crate::web) async fn book(State(web): Shared, raw: Raw) -> Response {
    match read::<Book>(raw) {
        Ok(ask) => told(web.desk.book(ask).await, words::booked),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(in crate::web) async fn cancel(State(web): Shared, raw: Raw) -> Response {
    match read::<Cancel>(raw) {
        Ok(ask) => told(web.desk.cancel(ask).await, words::booking_cancelled),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(in crate::web) async fn amend(State(web): Shared, raw: Raw) -> Response {
    match read::<Amend>(raw) {
        Ok(ask) => told(web.desk.amend(ask).await, words::booking_amended),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(in crate::web) async fn attend(State(web): Shared, raw: Raw) -> Response {
    match read::<Attend>(raw) {
        Ok(ask) => told(web.desk.attend(ask).await, words::booking_attended),
        Err(fault) => answer::bad_request(&fault),
    }
}

/// A slip that does not hold is an answer, not a fault.
pub(in crate::web) async fn verify_slip(State(web): Shared, raw: Raw) -> Response {
    let text = match read::<SlipText>(raw) {
        Ok(text) => text,
        Err(fault) => return answer::bad_request(&fault),
    };
    match web.desk.verify_slip(text).await {
        Ok(slip) => Json(words::slip(&slip)).into_response(),
        Err(fault) if fault.code == "slip" => {
            let message = json!({ "zh-TW": fault.zh, "en": fault.en });
            Json(json!({ "verdict": "refused", "reason": "slip", "message": message })).into_response()
        }
        Err(fault) => failed(&fault),
    }
}
