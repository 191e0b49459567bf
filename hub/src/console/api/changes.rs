//! What a program may change or ask for under `/api/v1`: as JSON, with somebody's token or session.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer;
use crate::console::Console;
use crate::console::deeds::AccountDeed;
use crate::console::door::Me;
use crate::console::trouble::Trouble;
use crate::hub::{Hub, HubError};
use crate::identities::{IdentityRequest, RequestState};
use crate::view;

/// Requests in one answer.
const REQUESTS_MAX: usize = 200;
/// Records in one answer.
const RECORDS_MAX: usize = 1_000;

type Body<T> = Result<Json<T>, JsonRejection>;

fn body<T>(body: Body<T>) -> Result<T, Trouble> {
    body.map(|Json(body)| body).map_err(|cause| Trouble::Asked(cause.body_text()))
}

/// A decision.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Decision {
    verdict: String,
    words: String,
}

/// `POST disputes/{id}/decision`.
pub(in crate::console) async fn decide(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
    asked: Body<Decision>,
) -> Response {
    let done = async {
        let Decision { verdict, words } = body(asked)?;
        console.decide(&me, &id, &verdict, words).await?;
        Ok(json!({ "decided": verdict, "by": me.name }))
    };
    answer(done.await)
}

/// Why.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Why {
    reason: String,
}

/// `POST cases/{id}/identity`.
pub(in crate::console) async fn ask_identity(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
    asked: Body<Why>,
) -> Response {
    let done = async { Ok(json!({ "request": console.ask_identity(&me, &id, body(asked)?.reason).await? })) };
    answer(done.await)
}

/// `GET cases/{id}/identity`.
pub(in crate::console) async fn identity(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Response {
    let done = async {
        let (document, until) = console.show_identity(&me, &id).await?;
        Ok(json!({ "kind": document.kind().code(), "number": document.number(), "until": until }))
    };
    answer(done.await)
}

/// `GET identity-requests`.
pub(in crate::console) async fn requests(State(console): State<Console>) -> Response {
    let done = async {
        let requests = console.hub.call(|hub| hub.identity_requests(REQUESTS_MAX)).await??;
        let second = console.clock.second();
        let all: Vec<Value> = requests.iter().map(|request| request_value(request, second)).collect();
        Ok(json!({ "requests": all }))
    };
    answer(done.await)
}

fn request_value(request: &IdentityRequest, second: i64) -> Value {
    let state = match request.state {
        RequestState::Waiting if request.waits(second) => "waiting",
        RequestState::Waiting => "expired",
        RequestState::Approved => "approved",
        RequestState::Refused => "refused",
    };
    json!({
        "request": request.number, "case": request.of.to_string(), "asker": request.asker, "reason": request.reason,
        "asked": request.asked, "state": state, "judge": request.judge, "judged": request.judged,
    })
}

/// Which way.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Judgement {
    approve: bool,
}

/// `POST identity-requests/{number}`.
pub(in crate::console) async fn judge(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(number): Path<String>,
    asked: Body<Judgement>,
) -> Response {
    let done = async {
        let Judgement { approve } = body(asked)?;
        console.judge_identity(&me, &number, approve).await?;
        Ok(json!({ "approved": approve, "by": me.name }))
    };
    answer(done.await)
}

/// `GET operators`.
pub(in crate::console) async fn operators(State(console): State<Console>) -> Response {
    let done = async {
        let now = console.real.second();
        let read = move |hub: &mut Hub| {
            let accounts = hub.operators()?.into_iter();
            let value = |account: crate::operators::Account| {
                Ok::<_, HubError>(view::account(&account, hub.bearers(&account.name, now)?, now))
            };
            accounts.map(value).collect::<Result<Vec<_>, _>>()
        };
        Ok(json!({ "operators": console.hub.call(read).await?? }))
    };
    answer(done.await)
}

/// `POST operators`.
pub(in crate::console) async fn change_operator(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    asked: Body<AccountDeed>,
) -> Response {
    let done = async {
        let deed = body(asked)?;
        let name = deed.name.clone();
        console.change_account(&me, deed).await?;
        Ok(json!({ "name": name, "changed": true }))
    };
    answer(done.await)
}

/// The text of a version file, or the name of a shipped one.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Publish {
    version: String,
}

/// `POST programmes`.
pub(in crate::console) async fn publish(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    asked: Body<Publish>,
) -> Response {
    let done = async {
        let published = console.publish(&me, &body(asked)?.version).await?;
        Ok(json!({ "published": published.as_str() }))
    };
    answer(done.await)
}

/// From which record on.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct FromRecord {
    from: Option<u64>,
    limit: Option<usize>,
}

/// `GET audit`: the records as an export has them.
pub(in crate::console) async fn audit(State(console): State<Console>, Query(query): Query<FromRecord>) -> Response {
    let done = async {
        let after = query.from.unwrap_or(1).saturating_sub(1);
        let limit = query.limit.unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
        let (mut before, records) = console.hub.call(move |hub| hub.audit(after, limit)).await??;
        let mut out: Vec<Value> = Vec::with_capacity(records.len());
        for line in &records {
            out.push(serde_json::from_str(&line.json_line(before)).map_err(|_| Trouble::Hub)?);
            before = line.link;
        }
        Ok(json!({ "records": out }))
    };
    answer(done.await)
}
