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
use shared::entry::access::Right;
use shared::rules::refusal::Refusal;

pub(super) mod booking;

use super::body::{self, Arrive, Check, Correct, File, Record, Sell, Withdraw};
use super::{Web, answer, status as whole_status};
use crate::desk::Told;
use crate::fault::{Blame, Fault};
use crate::node::access::Acting;

/// Most lines of 最近購買紀錄 in one answer.
const RECENT_MAX: usize = 500;
/// Most disputes in one answer.
const DISPUTES_MAX: usize = 500;
/// Most entries read from the log at once for an export.
const EXPORT_STEP: usize = 1_000;
/// Most records read from the audit at once.
const AUDIT_STEP: u32 = 1_000;

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
    if let Err(fault) = web.desk.note("ledger-export", String::new(), String::new()).await {
        return answer::unwell(&fault);
    }
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

/// GET audit: for whoever looks after the people of this site, and for the shell.
pub(super) async fn audit(State(web): Shared) -> Response {
    if let Err(fault) = may_read_audit(&web).await {
        return answer::bad_request(&fault);
    }
    let (mut text, mut after) = (String::new(), 0);
    loop {
        match web.desk.audit(after, AUDIT_STEP).await {
            Ok(part) => {
                part.lines.iter().for_each(|line| text.extend([line.as_str(), "\n"]));
                match part.upto {
                    Some(upto) => after = upto,
                    None => break,
                }
            }
            Err(fault) => return answer::unwell(&fault),
        }
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from(text)).into_response()
}

async fn may_read_audit(web: &Web) -> Result<(), Fault> {
    let may = match web.desk.acting() {
        Acting::Folder | Acting::Shell => true,
        Acting::Nobody => false,
        Acting::Person { id, .. } => {
            let view = web.desk.access().await?;
            let may = |right: &Right| view.rights.may(&id, right, view.today).is_ok();
            may(&Right::Manager) || may(&Right::Representative)
        }
    };
    if !may {
        let (zh, en) =
            ("稽核紀錄僅供機構管理者與機構代表查閱", "the audit is for this site's managers and its representative");
        return Err(Fault::asked("managers-only", zh, en));
    }
    web.desk.note("audit-export", String::new(), String::new()).await
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
