//! Before every request: who asks, and whether this page is theirs to see (S19). The node looks again at every deed.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::BASE64URL_NOPAD;

use super::Web;
use super::answer::fault_json;
use super::sessions::Before;
use shared::entry::access::Right;
use shared::rules::access::{BOOKING, MASKS};

use crate::desk::asking_as;
use crate::fault::Fault;
use crate::node::access::Acting;

/// By which a shell on this computer shows that it can read the data folder.
pub(crate) const FOLDER_TOKEN: HeaderName = HeaderName::from_static("x-atoll-folder");

/// Everything behind this is asked as whoever has signed in.
pub(super) async fn who(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let acting = acting(&web, request.headers());
    asking_as(acting, next.run(request)).await
}

/// Who asks by these headers.
fn acting(web: &Web, headers: &HeaderMap) -> Acting {
    let token = headers.get(FOLDER_TOKEN).map(axum::http::HeaderValue::as_bytes);
    if let (Some(token), Some(ours)) = (token, &web.folder_token)
        && aws_lc_rs::constant_time::verify_slices_are_equal(token, ours.as_bytes()).is_ok()
    {
        return Acting::Shell;
    }
    match web.sessions.before(headers, Instant::now()) {
        Before::Somebody(who) => Acting::Person { id: who.id, name: who.name },
        Before::Nobody | Before::Locked(_) => Acting::Nobody,
    }
}

/// Pages of the counters: where this site says who may use them, whoever has not signed in is led to do so.
pub(super) async fn counters(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    match asks_sign_in(&web).await {
        Ok(false) => next.run(request).await,
        Ok(true) => turned_away(&request),
        Err(fault) => fault_json(StatusCode::SERVICE_UNAVAILABLE, &fault),
    }
}

/// Pages of the bookings (S24): where this site says who may use them, whoever has signed in proves it once more before
/// they are handed over.
pub(super) async fn booking(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let is_guarded = match guards(&web, BOOKING).await {
        Ok(is_guarded) => is_guarded,
        Err(fault) => return fault_json(StatusCode::SERVICE_UNAVAILABLE, &fault),
    };
    match web.desk.acting() {
        Acting::Nobody if is_guarded => turned_away(&request),
        Acting::Person { .. } if is_guarded && !is_handed_over(&web, &request) => asked_again(&request),
        Acting::Nobody | Acting::Person { .. } | Acting::Folder | Acting::Shell => next.run(request).await,
    }
}

/// Where that is proved.
pub(super) const HAND_OVER: &str = "/booking/enter";

fn is_handed_over(web: &Web, request: &Request) -> bool {
    request.uri().path() == HAND_OVER || web.sessions.is_handed_over(request.headers())
}

fn asked_again(request: &Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        let (zh, en) = (
            "請先由「前往Covid-19公費疫苗作業平台」再次確認身分",
            "prove who you are once more on the page of the booking service first",
        );
        return fault_json(StatusCode::UNAUTHORIZED, &Fault::asked("hand-over", zh, en));
    }
    Redirect::to(HAND_OVER).into_response()
}

/// Whether somebody has to sign in here who has not.
pub(super) async fn asks_sign_in(web: &Web) -> Result<bool, Fault> {
    if web.desk.acting() != Acting::Nobody {
        return Ok(false);
    }
    guards(web, MASKS).await
}

/// Whether this site says who may use a service.
pub(super) async fn guards(web: &Web, service: &str) -> Result<bool, Fault> {
    let view = web.desk.access().await?;
    Ok(Right::service(service).is_some_and(|right| view.rights.guards(&right)))
}

fn turned_away(request: &Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path.starts_with("/cards/") {
        return fault_json(StatusCode::UNAUTHORIZED, &not_signed_in());
    }
    // A form that was under way is not sent again behind somebody's back: only pages are come back to.
    let back = if request.method() == Method::GET { request.uri().path_and_query() } else { None };
    match back.map(|back| BASE64URL_NOPAD.encode(back.as_str().as_bytes())) {
        Some(back) => Redirect::to(&format!("/login?back={back}")).into_response(),
        None => Redirect::to("/login").into_response(),
    }
}

/// Whence somebody was led to sign in: a page of ours and nothing else.
pub(super) fn back_to(text: &str) -> Option<String> {
    let path = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let is_plain = path.bytes().all(|byte| (0x21..0x7F).contains(&byte) && byte != b'\\');
    let is_ours = is_plain && path.starts_with('/') && !path.starts_with("//");
    (is_ours && path.len() <= 200).then_some(path)
}

fn not_signed_in() -> Fault {
    Fault::asked(
        "not-signed-in",
        "本機構已設定使用者，請先登入（醫事機構登入）",
        "sign in first: this site says who may stand at its counters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_from_here() {
        let back = |path: &str| back_to(&BASE64URL_NOPAD.encode(path.as_bytes()));
        assert_eq!(back("/masks?entering=1").as_deref(), Some("/masks?entering=1"));
        for path in [
            "//attacker.test/",
            "https://attacker.test",
            "/\\attacker.test",
            "",
            "masks",
            "/a\r\nX: y",
            "/\t/attacker.test",
        ] {
            assert_eq!(back(path), None, "{path}");
        }
        assert_eq!(back_to("!"), None);
    }
}
