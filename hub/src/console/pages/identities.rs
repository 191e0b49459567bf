//! Two people for a number in clear: asking on the case's page, judging on `/requests`, the number itself.

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use shared::ids::CaseId;
use shared::rules::calendar::roc_minute;

use super::{ROWS, Shell, show};
use crate::console::Console;
use crate::console::door::Me;
use crate::console::trouble::Trouble;
use crate::hub::{Hub, HubError};
use crate::identities::{IdentityRequest, RequestState, Standing};
use crate::operators::Role;

/// What a case's page offers about the number.
#[derive(Debug, Default)]
pub(super) struct IdentityBox {
    pub(super) of: String,
    pub(super) shown_until: Option<String>,
    pub(super) waits_since: Option<String>,
    pub(super) refused: Option<String>,
}

/// For operators and above.
pub(super) fn identity_box(hub: &Hub, of: &CaseId, me: &Me, second: i64) -> Result<Option<IdentityBox>, HubError> {
    if me.role < Role::Operator {
        return Ok(None);
    }
    let mut out = IdentityBox { of: of.to_string(), ..IdentityBox::default() };
    match hub.identity_standing(of, &me.name, second)? {
        Standing::Free => {}
        Standing::Waiting(since) => out.waits_since = Some(roc_minute(since)),
        Standing::Shown(until) => out.shown_until = Some(roc_minute(until)),
        Standing::Refused(at) => out.refused = Some(roc_minute(at)),
    }
    Ok(Some(out))
}

/// Why.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Why {
    #[serde(default)]
    reason: String,
}

/// `POST /cases/{id}/identity`.
pub(in crate::console) async fn ask(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
    Form(why): Form<Why>,
) -> Response {
    match console.ask_identity(&me, &id, why.reason).await {
        Ok(_) => Redirect::to(&format!("/cases/{id}")).into_response(),
        Err(trouble) => trouble.page(),
    }
}

#[derive(Template)]
#[template(path = "identity.html")]
struct Identity {
    shell: Shell,
    kind: &'static str,
    number: String,
    name: String,
    until: String,
    left_s: i64,
    back: String,
}

/// `POST /cases/{id}/identity/show`.
pub(in crate::console) async fn clear(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Response {
    show(clear_page(&console, &me, &id).await)
}

async fn clear_page(console: &Console, me: &Me, id: &str) -> Result<Identity, Trouble> {
    let (document, until) = console.show_identity(me, id).await?;
    Ok(Identity {
        shell: Shell::new("cases", console, Some(me)),
        kind: document.kind().label_zh(),
        number: document.number().to_owned(),
        name: me.name.clone(),
        until: roc_minute(until),
        left_s: (until - console.clock.second()).max(1),
        back: format!("/cases/{id}"),
    })
}

#[derive(Template)]
#[template(path = "requests.html")]
struct Requests {
    shell: Shell,
    rows: Vec<Row>,
}

struct Row {
    number: u64,
    of: String,
    short: String,
    asker: String,
    reason: String,
    asked: String,
    mine_to_judge: bool,
    class: &'static str,
    zh: &'static str,
    en: &'static str,
    judge: Option<String>,
    judged: String,
}

/// `GET /requests`.
pub(in crate::console) async fn requests(State(console): State<Console>, Extension(me): Extension<Me>) -> Response {
    show(requests_page(&console, &me).await)
}

async fn requests_page(console: &Console, me: &Me) -> Result<Requests, Trouble> {
    let requests = console.hub.call(|hub| hub.identity_requests(ROWS)).await??;
    let second = console.clock.second();
    let rows = requests.into_iter().map(|request| row(request, me, second)).collect();
    Ok(Requests { shell: Shell::new("requests", console, Some(me)), rows })
}

fn row(request: IdentityRequest, me: &Me, second: i64) -> Row {
    let waits = request.waits(second);
    let (class, zh, en) = match request.state {
        RequestState::Waiting if waits => ("doubt", "待他人核可", "waits for another"),
        RequestState::Waiting => ("", "已逾期", "too old"),
        RequestState::Approved => ("counts", "已核可", "approved"),
        RequestState::Refused => ("over", "已駁回", "refused"),
    };
    let of = request.of.to_string();
    Row {
        number: request.number,
        short: of.chars().take(8).collect(),
        of,
        mine_to_judge: waits && request.asker != me.name,
        asker: request.asker,
        reason: request.reason,
        asked: roc_minute(request.asked),
        class,
        zh,
        en,
        judge: request.judge,
        judged: request.judged.map(roc_minute).unwrap_or_default(),
    }
}

/// Which way.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Verdict {
    #[serde(default)]
    verdict: String,
}

/// `POST /requests/{number}`.
pub(in crate::console) async fn judge(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(number): Path<String>,
    Form(verdict): Form<Verdict>,
) -> Response {
    let approved = match verdict.verdict.as_str() {
        "approve" => true,
        "refuse" => false,
        _ => return Trouble::Asked("approve or refuse".to_owned()).page(),
    };
    match console.judge_identity(&me, &number, approved).await {
        Ok(()) => Redirect::to("/requests").into_response(),
        Err(trouble) => trouble.page(),
    }
}
