//! The one style sheet, out of the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const SHEET: &str = include_str!("../../templates/style.css");

/// GET /style.css.
pub(super) async fn sheet() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], SHEET).into_response()
}
