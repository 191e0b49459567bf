//! For those who run the hub: is it alive, can it work, what has it counted.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::Console;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The store answers, and the last commit went through.
pub(super) async fn readyz(State(console): State<Console>) -> Response {
    let reads = matches!(console.hub.call(|hub| hub.journal_position()).await, Ok(Ok(_)));
    if reads && console.counters.trouble.get() == 0 {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// Prometheus text.
pub(super) async fn metrics(State(console): State<Console>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], console.counters.to_text()).into_response()
}
