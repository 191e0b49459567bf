//! Before every request at the second door: whether this browser was paired. Whoever was not sees one page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::answer::fault_json;
use super::session::cookie;
use super::{Door, Web};
use crate::fault::Fault;

/// Where a browser is paired.
pub(super) const PATH: &str = "/pair";
/// `__Host-`: set by this host over TLS, and no other host of the same name's can put one in its place.
const COOKIE: &str = "__Host-paired";
const COOKIE_S: u32 = 365 * 24 * 3_600;

/// Nobody else comes further.
pub(super) async fn only(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = web.door == Door::Loopback || path == PATH || path == "/style.css";
    if is_open || is_paired(&web, request.headers()) {
        return next.run(request).await;
    }
    if path.starts_with("/api/") || path.starts_with("/cards/") {
        return fault_json(StatusCode::UNAUTHORIZED, &not_paired());
    }
    Redirect::to(PATH).into_response()
}

/// Whether this browser was paired, and is not forgotten.
pub(super) fn is_paired(web: &Web, headers: &HeaderMap) -> bool {
    let Some(lan) = &web.lan else { return false };
    cookie(headers, COOKIE).is_some_and(|key| lan.pairing.knows(key))
}

/// What a browser shows from now on ([`Door::seal_cookies`] adds that it does so over TLS alone).
pub(super) fn kept(key: &str) -> String {
    format!("{COOKIE}={key}; Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=Strict")
}

fn not_paired() -> Fault {
    Fault::asked(
        "not-paired",
        "此瀏覽器尚未配對；請開啟 /pair 並輸入「櫃檯電腦」畫面上的代碼",
        "this browser is not paired: open /pair and type the code from the page about counters",
    )
}
