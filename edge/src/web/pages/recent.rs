//! 最近購買紀錄 with withdrawal (M15, M23, decision 12).

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::rules::calendar::roc_minute;
use shared::rules::programme::Text;

use super::{Frame, Message, Web, bad_form, frame, name_or_counter, page, told, unwell};
use crate::node::ask::{Recent, WithdrawRequest};
use crate::web::body;
use crate::web::session::random_key;

/// Lines on the page.
const LINES_MAX: usize = 100;

#[derive(Template)]
#[template(path = "recent.html")]
struct RecentPage {
    frame: Frame,
    lines: Vec<Recent>,
    by: String,
    key: String,
}

/// The form that takes an entry back.
#[derive(Deserialize)]
pub(in crate::web) struct WithdrawForm {
    of: String,
    reason: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    request: String,
}

/// GET /recent.
pub(in crate::web) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    let frame = match frame(&web, &screen, "/recent").await {
        Ok(frame) => frame,
        Err(fault) => return unwell(&fault),
    };
    match web.desk.recent(LINES_MAX).await {
        Ok(lines) => page(&RecentPage { frame, lines, by: screen.by, key: random_key() }, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

/// POST /recent/withdraw.
pub(in crate::web) async fn withdraw(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    form: Result<Form<WithdrawForm>, FormRejection>,
) -> Response {
    withdraw_from(&web, &headers, form, "/recent").await
}

/// Takes an entry back and returns to the page that asked.
pub(super) async fn withdraw_from(
    web: &Arc<Web>,
    headers: &HeaderMap,
    form: Result<Form<WithdrawForm>, FormRejection>,
    path: &'static str,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(cause) => return bad_form(cause),
    };
    let seat = web.screens.seat(headers);
    web.screens.with(&seat, |screen| screen.by = form.by.clone());
    let of = match body::entry(&form.of) {
        Ok(of) => of,
        Err(fault) => {
            web.screens.with(&seat, |screen| screen.message = Some(Message::fault(path, &fault)));
            return super::back(path, &seat);
        }
    };
    let request = (!form.request.is_empty()).then_some(form.request);
    let ask = WithdrawRequest { request, of, reason: form.reason, by: name_or_counter(&form.by) };
    told(web, &seat, path, web.desk.withdraw(ask).await, |done| {
        Text::new(&format!("已撤銷紀錄 {}", done.of), &format!("withdrew {}", done.of))
    })
}

/// A second as the screens show it, for the templates.
pub(super) fn minute(second: &i64) -> String {
    roc_minute(*second)
}
