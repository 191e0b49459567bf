//! Who may ask, and what a browser may do with the answer (RELIABILITY T14).

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Console;
use super::door::bearer;
use super::trouble::Trouble;

/// Every answer has them.
const HEADERS: [(HeaderName, &str); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    (REFERRER_POLICY, "same-origin"),
];

/// Every answer has them that does not say otherwise: what is published says so.
const UNLESS_SAID: [(HeaderName, &str); 2] =
    [(CACHE_CONTROL, "no-store"), (HeaderName::from_static("cross-origin-resource-policy"), "same-origin")];

/// A page elsewhere that points its own name at this address is not answered (DNS rebinding), and a form on a page
/// elsewhere changes nothing.
pub(super) async fn guard(State(console): State<Console>, request: Request, next: Next) -> Response {
    let mut response = if is_ours(&console.hosts, &request) {
        if may_change(request.method(), request.headers()) {
            next.run(request).await
        } else {
            Trouble::Foreign.say(request.uri().path().starts_with("/api/"))
        }
    } else {
        let why = "421 這個主機名稱不在允許清單 this host name is not on the list (--http-host)\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in UNLESS_SAID {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
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

/// Whether a request that may change something comes from our own pages, or from a program: no browser sends a token,
/// or JSON to a stranger without asking first.
fn may_change(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) || bearer(headers).is_some() {
        return true;
    }
    let site = HeaderName::from_static("sec-fetch-site");
    let only = |name: &HeaderName| {
        let mut all = headers.get_all(name).iter();
        match (all.next(), all.next()) {
            (Some(value), None) => value.to_str().ok().map(str::to_ascii_lowercase),
            (Some(_), Some(_)) | (None, _) => None,
        }
    };
    if !headers.contains_key(ORIGIN) && !headers.contains_key(&site) {
        let json = |kind: &str| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
        return only(&CONTENT_TYPE).is_some_and(|kind| json(&kind));
    }
    let host = only(&HOST).unwrap_or_default();
    let ours = |origin: String| origin == format!("http://{host}") || origin == format!("https://{host}");
    let origin_ours = !headers.contains_key(ORIGIN) || only(&ORIGIN).is_some_and(ours);
    let site_ours = !headers.contains_key(&site) || only(&site).is_some_and(|site| site == "same-origin");
    origin_ours && site_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_programs_change_anything() {
        const HERE: (&str, &str) = ("host", "localhost:7480");
        const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
        const JSON: (&str, &str) = ("content-type", "Application/JSON; charset=utf-8");
        const OURS: (&str, &str) = ("origin", "http://localhost:7480");
        let table: [(&[(&str, &str)], bool); 14] = [
            (&[HERE, FORM, OURS], true),
            (&[HERE, FORM, ("origin", "https://localhost:7480")], true),
            (&[HERE, FORM, OURS, ("sec-fetch-site", "same-origin")], true),
            (&[HERE, FORM, ("sec-fetch-site", "same-origin")], true),
            (&[HERE, JSON], true),
            (&[HERE, ("authorization", "Bearer atoll-x")], true),
            (&[HERE], false),
            (&[HERE, FORM], false),
            (&[HERE, FORM, ("origin", "null")], false),
            (&[HERE, JSON, ("origin", "http://attacker.test")], false),
            (&[HERE, FORM, ("origin", "http://localhost:7481")], false),
            (&[HERE, FORM, OURS, ("origin", "http://attacker.test")], false),
            (&[HERE, FORM, OURS, ("sec-fetch-site", "cross-site")], false),
            (&[HERE, JSON, ("sec-fetch-site", "same-site")], false),
        ];
        for (pairs, want) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            for method in [Method::POST, Method::PUT, Method::DELETE] {
                assert_eq!(may_change(&method, &headers), want, "{pairs:?}");
            }
            assert!(may_change(&Method::GET, &headers));
        }
    }
}
