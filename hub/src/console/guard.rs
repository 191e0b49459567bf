//! Who may ask, and what a browser may do with the answer (RELIABILITY T14).

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Console;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A page elsewhere that points its own name at this address is not answered (DNS rebinding).
pub(super) async fn guard(State(console): State<Console>, request: Request, next: Next) -> Response {
    let mut response = if is_ours(&console.hosts, &request) {
        next.run(request).await
    } else {
        let why = "421 這個主機名稱不在允許清單 this host name is not on the list (--http-host)\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Every name that the request gives must be on the list, and it must give one.
fn is_ours(hosts: &[String], request: &Request) -> bool {
    let listed = |name: &str| hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    let in_address = request.uri().authority().is_none_or(|authority| listed(authority.as_str()));
    let mut named = request.headers().get_all(HOST).iter();
    match (named.next(), named.next()) {
        (Some(host), None) => in_address && host.to_str().is_ok_and(listed),
        (None, _) => in_address && request.uri().authority().is_some(),
        (Some(_), Some(_)) => false,
    }
}
