//! `/sign-in` and `/sign-out`.

use std::net::SocketAddr;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::header::{ORIGIN, RETRY_AFTER, SET_COOKIE};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use shared::seal::password::Password;

use super::Console;
use super::door::{Me, SESSION, cookie, random, session_key};
use super::pages::Shell;
use super::trouble::Trouble;
use crate::audit::deeds;
use crate::operators::{Attempt, Known, Limits, NAME_BYTES_MAX, OF_ACCOUNTS, OF_ADDRESSES, SignIn};

/// Under this name a browser keeps that somebody has signed in from it.
const BROWSER: &str = "hub-browser";
/// For so long, in seconds.
const BROWSER_S: u32 = 90 * 24 * 60 * 60;
/// Nobody waits longer for a turn.
const TURN_LATEST: Duration = Duration::from_secs(10);
/// Longest path to go to afterwards, in bytes.
const NEXT_BYTES_MAX: usize = 200;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    shell: Shell,
    next: String,
    name: String,
    wrong: bool,
    wait_s: Option<i64>,
}

/// Where somebody wanted to go.
#[derive(Debug, Deserialize)]
pub(super) struct Where {
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`.
pub(super) async fn page(State(console): State<Console>, Query(wanted): Query<Where>) -> Response {
    match console.hub.call(|hub| hub.has_operators()).await {
        Ok(Ok(true)) => show(&console, StatusCode::OK, wanted.next, String::new(), None),
        Ok(Ok(false)) => Trouble::NoAccount.page(),
        Ok(Err(cause)) => Trouble::from(cause).page(),
        Err(stopped) => Trouble::from(stopped).page(),
    }
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// `POST /sign-in`.
pub(super) async fn enter(
    State(console): State<Console>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Response {
    let now = console.real.second();
    let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|from| from.0.ip().to_string()).unwrap_or_default();
    let Typed { name, password, code, next } = typed;
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    let asked = Asked { name: shown.trim().to_lowercase(), password: Password::typed(&password), code, address };
    match judge(&console, &headers, asked, now).await {
        Ok(Judged { outcome: SignIn::In { generation, .. }, name, browser }) => {
            begin(&console, &headers, (&name, generation), &browser, &next, now)
        }
        Ok(Judged { outcome: SignIn::Wait(until), .. }) => {
            show(&console, StatusCode::TOO_MANY_REQUESTS, next, shown, Some((until - now).max(1)))
        }
        Ok(Judged { outcome: SignIn::Wrong, .. }) => show(&console, StatusCode::UNAUTHORIZED, next, shown, None),
        Err(trouble) => trouble.page(),
    }
}

struct Asked {
    name: String,
    password: Password,
    code: String,
    address: String,
}

struct Judged {
    outcome: SignIn,
    name: String,
    browser: [u8; 8],
}

/// The same work for every name: look it up, wait for a turn, compare, judge and write down.
async fn judge(console: &Console, headers: &HeaderMap, asked: Asked, now: i64) -> Result<Judged, Trouble> {
    let Asked { name, password, code, address } = asked;
    let of = name.clone();
    let known = console.hub.call(move |hub| hub.before_sign_in(&of)).await??;
    let browser = known.as_ref().map(|known| known.browser).unwrap_or_default();
    let known_browser = known.is_some() && cookie(headers, BROWSER).is_some_and(|mark| is(mark, &browser));
    let waits = |until| Ok(Judged { outcome: SignIn::Wait(until), name: name.clone(), browser });
    if let Some(until) = known.as_ref().map(|known| known.locked).filter(|until| !known_browser && now < *until) {
        return waits(until);
    }
    let lanes = lanes(&name, &address, known.is_some(), known_browser);
    for (lane, limits) in &lanes {
        if let Err(until) = console.doors.throttle().begin(lane, *limits, now) {
            return waits(until);
        }
    }
    let fitted = compare(console, password, known).await?;
    let attempt = Attempt { name: name.clone(), fitted, code, address, known_browser };
    let second = console.clock.second();
    let outcome = console.desk.call(move |hub| hub.sign_in(&attempt, now, second)).await??;
    if matches!(outcome, SignIn::In { .. }) {
        lanes.iter().for_each(|(lane, _)| console.doors.throttle().passed(lane));
    }
    Ok(Judged { outcome, name, browser })
}

/// A browser that is known waits for its own failures only; everybody else for those of the address, and of the name,
/// which the hub counts where there is such an account.
fn lanes(name: &str, address: &str, known: bool, known_browser: bool) -> Vec<(String, Limits)> {
    if known_browser {
        return vec![(format!("browser {name}"), OF_ACCOUNTS)];
    }
    let mut lanes = vec![(format!("address {address}"), OF_ADDRESSES)];
    if !known {
        lanes.push((format!("name {name}"), OF_ACCOUNTS));
    }
    lanes
}

fn is(mark: &str, browser: &[u8; 8]) -> bool {
    let want = HEXLOWER.encode(browser);
    aws_lc_rs::constant_time::verify_slices_are_equal(mark.as_bytes(), want.as_bytes()).is_ok()
}

/// The hash that the password fits, if it does; takes as long for a name that is not there.
async fn compare(console: &Console, password: Password, known: Option<Known>) -> Result<Option<String>, Trouble> {
    let turn = tokio::time::timeout(TURN_LATEST, console.doors.turn.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(Trouble::Busy) };
    let decoy = console.doors.decoy.clone();
    let compared = tokio::task::spawn_blocking(move || {
        let hash = known.as_ref().map_or(&decoy, |known| &known.hash);
        let fits = password.is(hash).unwrap_or(false);
        known.filter(|_| fits).map(|known| known.hash)
    });
    compared.await.map_err(|_| Trouble::Hub)
}

/// A new session under a new key; the browser's old one ends.
fn begin(
    console: &Console,
    headers: &HeaderMap,
    (name, generation): (&str, u64),
    browser: &[u8; 8],
    next: &str,
    now: i64,
) -> Response {
    let key = random();
    {
        let mut sessions = console.doors.sessions();
        if let Some(old) = session_key(headers) {
            sessions.end(&old);
        }
        sessions.begin(key, name, generation, now);
    }
    let secure = if by_https(headers) { "; Secure" } else { "" };
    let session = format!("{SESSION}={}; Path=/; HttpOnly; SameSite=Strict{secure}", HEXLOWER.encode(&key));
    let mark = HEXLOWER.encode(browser);
    let mark = format!("{BROWSER}={mark}; Path=/sign-in; Max-Age={BROWSER_S}; HttpOnly; SameSite=Strict{secure}");
    let mut response = Redirect::to(own_path(next)).into_response();
    set_cookies(&mut response, &[session, mark]);
    response
}

/// The console itself speaks plain HTTP on loopback; where something before it speaks TLS, the browser says so.
fn by_https(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// Nowhere but on this console.
fn own_path(next: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    let own = next.starts_with('/') && !next.starts_with("//") && next.len() <= NEXT_BYTES_MAX;
    if own && next.chars().all(plain) { next } else { "/" }
}

fn set_cookies(response: &mut Response, cookies: &[String]) {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
}

/// `POST /sign-out`.
pub(super) async fn leave(State(console): State<Console>, Extension(me): Extension<Me>) -> Response {
    if let Some(key) = me.session {
        console.doors.sessions().end(&key);
    }
    if let Err(trouble) = console.note(&me, deeds::SIGN_OUT, "", "").await {
        return trouble.page();
    }
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookies(&mut response, &[format!("{SESSION}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")]);
    response
}

fn show(console: &Console, status: StatusCode, next: String, name: String, wait_s: Option<i64>) -> Response {
    let wrong = status == StatusCode::UNAUTHORIZED;
    let page = Page { shell: Shell::new("sign-in", console, None), next, name, wrong, wait_s };
    let mut response = match page.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(cause) => return Trouble::from(cause).page(),
    };
    if let Some(seconds) = wait_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_sign_in_one_stays_on_this_console() {
        assert_eq!(own_path("/cases/00ff"), "/cases/00ff");
        for foreign in ["", "cases", "//evil.test", "https://evil.test", "/\\evil.test", "/a?b", "/a\r\nx: y"] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }
}
