//! `/api/v1`: what the pages can do, for programs.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::rules::refusal::Refusal;

use super::body::{self, Arrive, Check, Correct, File, Record, Sell, Withdraw};
use super::{Web, answer, status as whole_status};
use crate::desk::Told;
use crate::fault::{Blame, Fault};

/// Most lines of 最近購買紀錄 in one answer.
const RECENT_MAX: usize = 500;
/// Most disputes in one answer.
const DISPUTES_MAX: usize = 500;
/// Most entries read from the log at once for an export.
const EXPORT_STEP: usize = 1_000;

type Raw = Result<Bytes, BytesRejection>;
type Shared = State<Arc<Web>>;

/// GET recent's query.
#[derive(Deserialize)]
pub(super) struct Limit {
    limit: Option<usize>,
}

fn told<T>(told: Told<T>, words: impl FnOnce(&T) -> Value) -> Response {
    match told {
        Ok(Ok(done)) => Json(words(&done)).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(fault) => match fault.blame {
            Blame::Caller => answer::bad_request(&fault),
            Blame::Machine => answer::unwell(&fault),
        },
    }
}

fn refused(refusal: &Refusal) -> Response {
    Json(answer::refused(refusal)).into_response()
}

fn looked(found: Result<Value, Fault>) -> Response {
    match found {
        Ok(found) => Json(found).into_response(),
        Err(fault) => answer::unwell(&fault),
    }
}

pub(super) async fn status(State(web): Shared) -> Response {
    looked(whole_status::whole(&web).await.map(|whole| whole.json()))
}

pub(super) async fn verify(State(web): Shared) -> Response {
    looked(web.desk.verify().await.map(|verified| answer::verified(&verified)))
}

pub(super) async fn stock(State(web): Shared) -> Response {
    let found = async {
        let shelves = web.desk.shelves().await?;
        let today = web.desk.movements_today().await?;
        let movements: Vec<Value> = today.iter().map(answer::movement).collect();
        Ok(json!({ "shelves": shelves.iter().map(answer::shelf).collect::<Vec<_>>(), "today": movements }))
    };
    looked(found.await)
}

pub(super) async fn recent(State(web): Shared, query: Result<Query<Limit>, QueryRejection>) -> Response {
    let Ok(Query(query)) = query else {
        let fault = Fault::asked("limit", "limit 須為整數", "limit must be a whole number");
        return answer::bad_request(&fault);
    };
    let found = web.desk.recent(query.limit.unwrap_or(20).min(RECENT_MAX)).await;
    looked(found.map(|lines| json!({ "recent": lines.iter().map(answer::recent).collect::<Vec<_>>() })))
}

pub(super) async fn disputes(State(web): Shared) -> Response {
    let found = web.desk.disputes(DISPUTES_MAX).await;
    looked(found.map(|lines| json!({ "disputes": lines.iter().map(answer::dispute_line).collect::<Vec<_>>() })))
}

pub(super) async fn dispute(State(web): Shared, raw: Raw) -> Response {
    match body::read::<File>(raw) {
        Ok(ask) => told(web.desk.dispute(ask).await, answer::disputed),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(super) async fn versions(State(web): Shared) -> Response {
    looked(
        web.desk
            .versions()
            .await
            .map(|versions| json!({ "versions": versions.iter().map(answer::version).collect::<Vec<_>>() })),
    )
}

pub(super) async fn export(State(web): Shared) -> Response {
    let mut text = String::new();
    let mut after = 0;
    loop {
        match web.desk.export(after, EXPORT_STEP).await {
            Ok(part) => {
                for line in &part.lines {
                    text.push_str(line);
                    text.push('\n');
                }
                match part.upto {
                    Some(upto) if upto > after => after = upto,
                    Some(_) | None => break,
                }
            }
            Err(fault) => return answer::unwell(&fault),
        }
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from(text)).into_response()
}

pub(super) async fn check(State(web): Shared, raw: Raw) -> Response {
    match body::read::<Check>(raw) {
        Ok(ask) => told(web.desk.examine(ask).await, answer::examined),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(super) async fn sell(State(web): Shared, raw: Raw) -> Response {
    match body::read::<Sell>(raw) {
        Ok(ask) => told(web.desk.sell(ask).await, |sale| answer::sold(&web.site.name, sale)),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(super) async fn record(State(web): Shared, raw: Raw) -> Response {
    match body::read::<Record>(raw) {
        Ok(ask) => told(web.desk.record(ask).await, |sale| answer::sold(&web.site.name, sale)),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(super) async fn arrive(State(web): Shared, raw: Raw) -> Response {
    match body::read::<Arrive>(raw) {
        Ok(ask) => told(web.desk.arrive(ask).await, answer::arrived),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(super) async fn correct(State(web): Shared, raw: Raw) -> Response {
    match body::read::<Correct>(raw) {
        Ok(ask) => told(web.desk.correct(ask).await, answer::corrected),
        Err(fault) => answer::bad_request(&fault),
    }
}

pub(super) async fn withdraw(State(web): Shared, raw: Raw) -> Response {
    match body::read::<Withdraw>(raw) {
        Ok(ask) => told(web.desk.withdraw(ask).await, answer::withdrawn),
        Err(fault) => answer::bad_request(&fault),
    }
}
