//! 電腦設定檢查: one button, every check, what to do about each (S2-S5, S9).

use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::Json;
use axum::extract::State as Here;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Frame, Web, frame, page, unwell};
use crate::doctor::{Check, json, judge, known, look};
use crate::fault::Fault;
use crate::web::answer::fault_json;

/// What was found is shown again for so long.
const GOOD_FOR: Duration = Duration::from_secs(5);

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
        Ok(checks) => Json(json(&checks)).into_response(),
        Err(fault) => fault_json(StatusCode::SERVICE_UNAVAILABLE, &fault),
    }
}

/// One look at a time, and good for a moment: each calls the hub and the printing system.
async fn checks(web: &Web) -> Result<Vec<Check>, Fault> {
    let Some(folder) = &web.folder else {
        return Err(Fault::new("folder", "此程式沒有資料夾", "there is no data folder here"));
    };
    let mut last = web.looked.lock().await;
    if let Some((_, checks)) = last.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR) {
        return Ok(checks.clone());
    }
    let (known, status) = (known(&web.desk).await?, web.line.borrow().clone());
    let checks = judge(&look(folder, known, &status, web.cards.as_ref()).await?);
    *last = Some((Instant::now(), checks.clone()));
    Ok(checks)
}
