//! 電腦設定檢查: one button, every check, what to do about each (S2-S5, S9).

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State as Here;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Frame, Web, frame, page, unwell};
use crate::doctor::{Check, State, judge, look};
use crate::fault::Fault;
use crate::web::answer::fault_json;

#[derive(Template)]
#[template(path = "doctor.html")]
struct Doctor {
    frame: Frame,
    checks: Vec<Check>,
}

/// GET /doctor.
pub(in crate::web) async fn show(Here(web): Here<Arc<Web>>, headers: HeaderMap) -> Response {
    let seat = web.screens.seat(&headers);
    let screen = web.screens.with(&seat, |screen| screen.clone());
    let made =
        async { Ok::<_, Fault>(Doctor { checks: checks(&web).await?, frame: frame(&web, &screen, "/doctor").await? }) };
    match made.await {
        Ok(doctor) => page(&doctor, Some(&seat)),
        Err(fault) => unwell(&fault),
    }
}

/// GET /api/v1/doctor.
pub(in crate::web) async fn api(Here(web): Here<Arc<Web>>) -> Response {
    match checks(&web).await {
        Ok(checks) => {
            let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Good);
            Json(json!({ "state": worst.code(), "checks": checks.iter().map(line).collect::<Vec<_>>() }))
                .into_response()
        }
        Err(fault) => fault_json(StatusCode::SERVICE_UNAVAILABLE, &fault),
    }
}

async fn checks(web: &Web) -> Result<Vec<Check>, Fault> {
    let Some(folder) = &web.folder else {
        return Err(Fault::new("folder", "此程式沒有資料夾", "there is no data folder here"));
    };
    let status = web.line.borrow().clone();
    Ok(judge(&look(folder, &web.desk, &status, web.cards.as_ref()).await?))
}

fn line(check: &Check) -> Value {
    json!({
        "check": check.code, "title": { "zh-TW": check.title.zh, "en": check.title.en },
        "state": check.state.code(), "zh-TW": check.found.zh, "en": check.found.en,
    })
}
