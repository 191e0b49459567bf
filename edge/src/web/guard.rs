//! Who may talk to this edge's web at all: its own pages and tools on its own names.
//!
//! Against DNS rebinding the Host header must be one of ours (421 otherwise); against forged
//! forms a POST must come from our own pages, or be JSON, which no foreign page can send without
//! asking first (403 otherwise). Every answer forbids framing, sniffing, caching and foreign code.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::fault_json;
use super::{Door, Web};
use crate::fault::Fault;

/// Nothing but our own style sheet, our own forms, and two scripts of ours: one hears of cards, one prints.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// No `Strict-Transport-Security`: under it browsers refuse a self-signed certificate for good, and ask nobody.
const HARDENED: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The names under which an edge that listens at `address` answers, and `more` names of the site's own.
#[must_use]
pub fn hosts(address: std::net::SocketAddr, more: &[String]) -> Vec<String> {
    let port = address.port();
    let mut hosts =
        vec![format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), address.to_string()];
    for name in more {
        let name = name.to_ascii_lowercase();
        hosts.push(if name.contains(':') { name } else { format!("{name}:{port}") });
    }
    // Browsers leave out the port that http means anyway.
    let short: Vec<String> = hosts.iter().filter_map(|host| host.strip_suffix(":80").map(str::to_owned)).collect();
    hosts.extend(short);
    hosts.dedup();
    hosts
}

/// Checks the request, hardens the answer, counts both.
pub async fn guard(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let judged = judge(web.door, &web.hosts, request.method(), request.headers());
    let mut response = match judged {
        Ok(()) => next.run(request).await,
        Err((status, fault)) => {
            tracing::warn!(code = fault.code, "request turned away: {fault}");
            fault_json(status, &fault)
        }
    };
    web.metrics.count(response.status());
    web.door.seal_cookies(response.headers_mut());
    for (name, value) in HARDENED {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn judge(door: Door, hosts: &[String], method: &Method, headers: &HeaderMap) -> Result<(), (StatusCode, Fault)> {
    let host = only(headers, header::HOST).map(str::to_ascii_lowercase);
    let Some(host) = host.filter(|host| hosts.contains(host)) else {
        return Err((StatusCode::MISDIRECTED_REQUEST, door.wrong_host()));
    };
    let ours = format!("{}://{host}", door.scheme());
    if method == Method::GET || method == Method::HEAD || is_ours(&ours, headers) {
        return Ok(());
    }
    Err((StatusCode::FORBIDDEN, foreign()))
}

/// A header that is there exactly once, as text.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

/// Whether an unsafe request comes from our own pages, or from a program.
fn is_ours(ours: &str, headers: &HeaderMap) -> bool {
    let site = HeaderName::from_static("sec-fetch-site");
    let from_page = |name: &HeaderName| headers.contains_key(name);
    if from_page(&header::ORIGIN) || from_page(&site) {
        let origin_ours = match only(headers, header::ORIGIN) {
            Some(origin) => origin.to_ascii_lowercase() == ours,
            None => !from_page(&header::ORIGIN),
        };
        let site_ours = match only(headers, site.clone()) {
            Some(site) => site == "same-origin",
            None => !from_page(&site),
        };
        return origin_ours && site_ours;
    }
    // No browser sends a form without both headers, nor JSON to a stranger without asking first.
    only(headers, header::CONTENT_TYPE).is_some_and(is_json)
}

/// Whether a content type is JSON.
#[must_use]
pub fn is_json(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn foreign() -> Fault {
    Fault::new(
        "origin",
        "此要求不是由本站畫面送出，未作任何變更；請由本站畫面重新操作",
        "the request did not come from this edge's own pages; nothing was changed: do it on the page itself",
    )
}

/// 404 in our own words.
pub async fn no_such_page() -> Response {
    let fault = Fault::new("not-found", "沒有這個畫面；請回首頁", "there is no such page: go back to /");
    fault_json(StatusCode::NOT_FOUND, &fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(method: &Method, pairs: &[(&str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let hosts = hosts("127.0.0.1:8080".parse().unwrap(), &["counter.lan".to_owned()]);
        judge(Door::Loopback, &hosts, method, &headers).err().map_or(200, |(status, _)| status.as_u16())
    }

    const OURS: (&str, &str) = ("host", "localhost:8080");
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[test]
    fn only_our_own_names_are_answered() {
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:8080", "counter.lan:8080"] {
            assert_eq!(judged(&Method::GET, &[("host", host)]), 200, "{host}");
        }
        for host in
            ["", "localhost", "localhost:81", "attacker.test:8080", "127.0.0.1.attacker.test:8080", "127.0.0.2:8080"]
        {
            assert_eq!(judged(&Method::GET, &[("host", host)]), 421, "{host}");
        }
        assert_eq!(judged(&Method::GET, &[]), 421, "no host");
        assert_eq!(judged(&Method::GET, &[OURS, ("host", "attacker.test")]), 421, "two hosts");
    }

    #[test]
    fn browsers_leave_the_usual_port_out() {
        let hosts = hosts("192.168.1.5:80".parse().unwrap(), &["counter.lan".to_owned()]);
        for host in ["localhost", "127.0.0.1", "[::1]", "192.168.1.5", "counter.lan", "counter.lan:80"] {
            let headers = [(header::HOST, host.parse().unwrap())].into_iter().collect();
            assert!(judge(Door::Loopback, &hosts, &Method::GET, &headers).is_ok(), "{host}");
        }
        let foreign = [(header::HOST, "attacker.test".parse().unwrap())].into_iter().collect();
        assert!(judge(Door::Loopback, &hosts, &Method::GET, &foreign).is_err());
    }

    #[test]
    fn at_the_second_door_our_own_pages_are_encrypted_ones() {
        let hosts = ["192.168.1.5:8751".to_owned()];
        let judged = |origin: &str, host: &str| {
            let pairs = [(header::HOST, host), (header::ORIGIN, origin)];
            let headers = pairs.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
            judge(Door::Lan, &hosts, &Method::POST, &headers).err().map_or(200, |(status, _)| status.as_u16())
        };
        assert_eq!(judged("https://192.168.1.5:8751", "192.168.1.5:8751"), 200);
        assert_eq!(judged("http://192.168.1.5:8751", "192.168.1.5:8751"), 403);
        assert_eq!(judged("https://attacker.test", "192.168.1.5:8751"), 403);
        assert_eq!(judged("https://localhost:8751", "localhost:8751"), 421);
    }

    #[test]
    fn only_our_own_pages_may_change_anything() {
        let origin = |value| ("origin", value);
        let site = |value| ("sec-fetch-site", value);
        let cases: [(&[(&str, &str)], u16); 14] = [
            (&[OURS, FORM, origin("http://localhost:8080")], 200),
            (&[OURS, FORM, origin("http://localhost:8080"), site("same-origin")], 200),
            (&[OURS, FORM, site("same-origin")], 200),
            (&[OURS, JSON], 200),
            (&[OURS, FORM], 403),
            (&[OURS], 403),
            (&[OURS, ("content-type", "text/plain")], 403),
            (&[OURS, FORM, origin("null")], 403),
            (&[OURS, FORM, origin("http://attacker.test")], 403),
            (&[OURS, FORM, origin("https://localhost:8080")], 403),
            (&[OURS, FORM, origin("http://127.0.0.1:8080")], 403),
            (&[OURS, JSON, origin("http://attacker.test")], 403),
            (&[OURS, FORM, origin("http://localhost:8080"), site("cross-site")], 403),
            (&[OURS, JSON, site("same-site")], 403),
        ];
        for (headers, want) in cases {
            assert_eq!(judged(&Method::POST, headers), want, "{headers:?}");
            assert_eq!(judged(&Method::DELETE, headers), want, "{headers:?}");
        }
    }
}
