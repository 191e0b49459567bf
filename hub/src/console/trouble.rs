//! When a page or an answer cannot be given.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use crate::hub::HubError;
use crate::mailbox::Stopped;

/// Why not.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No such page, case or site.
    Missing,
    /// Parameters that say nothing.
    Asked(String),
    /// The hub or its store.
    Hub,
}

impl From<Stopped> for Trouble {
    fn from(_: Stopped) -> Self {
        Self::Hub
    }
}

impl From<HubError> for Trouble {
    fn from(cause: HubError) -> Self {
        tracing::error!(error = &cause as &dyn std::error::Error, "the console cannot read");
        Self::Hub
    }
}

impl From<askama::Error> for Trouble {
    fn from(cause: askama::Error) -> Self {
        tracing::error!(%cause, "a page cannot be rendered");
        Self::Hub
    }
}

impl Trouble {
    fn parts(&self) -> (StatusCode, &'static str, &'static str, String) {
        match self {
            Self::Missing => (StatusCode::NOT_FOUND, "missing", "查無資料", "there is no such thing here".to_owned()),
            Self::Asked(why) => (StatusCode::BAD_REQUEST, "request", "查詢條件有誤", why.clone()),
            Self::Hub => (
                StatusCode::SERVICE_UNAVAILABLE,
                "trouble",
                "系統暫時無法回應，請稍後再試",
                "the hub cannot answer now; try again later".to_owned(),
            ),
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> Response {
        let (status, code, zh, en) = self.parts();
        (status, Json(json!({ "error": { "code": code, "zh-TW": zh, "en": en } }))).into_response()
    }

    /// For people.
    pub(super) fn page(&self) -> Response {
        let (status, _, zh, en) = self.parts();
        let en = en.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!doctype html><html lang=\"zh-Hant-TW\"><meta charset=\"utf-8\"><title>{zh} · Atoll</title>\
             <link rel=\"stylesheet\" href=\"/style.css\"><main><h1>{zh}</h1><p class=\"en\">{en}</p>\
             <p><a href=\"/\">回總覽 <span class=\"en\">back to the overview</span></a></main></html>"
        );
        (status, Html(page)).into_response()
    }
}

/// Everything that no route knows.
pub(super) async fn not_found(uri: Uri) -> Response {
    if uri.path().starts_with("/api/") { Trouble::Missing.json() } else { Trouble::Missing.page() }
}
