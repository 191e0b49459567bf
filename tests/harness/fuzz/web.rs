//! The pages and the API of edge and hub, called without a port.
//!
//! Whatever is asked, the machine stays healthy; what was typed comes back escaped or not at all; what was turned
//! away changed nothing; and the books balance when somebody else counts them.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use chrono::DateTime;
use edge::config::Site;
use edge::desk::{Desk, Rehearsal};
use edge::mailbox::{Clocks, start};
use edge::nation::Nation;
use edge::node::{Lives, Node, Setup};
use edge::uplink::LineStatus;
use edge::web::{Web, app};
use serde_json::{Value, json};
use shared::ids::Incarnation;
use shared::ledger::run::Run;
use shared::seal::{HubKeys, Secret};
use shared::sync::handshake::welcome;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::Welcome;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tower::ServiceExt;

use super::choices::Choices;
use crate::bench::counter::rules;
use crate::ledger::Ledger;

pub(super) const HOST: &str = "127.0.0.1:7480";
/// 2020-02-06 10:00 in Taipei: the day of even numbers.
pub(super) const NOW: &str = "2020-02-06T10:00:00+08:00";
pub(super) const ASKED_MAX: usize = 12;
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Stands in much of what is typed, and on no page.
const CANARY: &str = "<fz'\"&>";

const TEXTS: [&str; 14] = [
    CANARY,
    "A123456716",
    "A123456789",
    "1986-03-15",
    "75/03/15",
    "01",
    "mask",
    "王藥師",
    "2",
    "-1",
    "9223372036854775807",
    "109/02/06 09:30",
    "",
    "a\u{202e}\0\r\nSet-Cookie: x",
];

const PAGES: [&str; 16] = [
    "/",
    "/masks",
    "/masks/entered",
    "/masks/check",
    "/masks/buy",
    "/masks/confirm",
    "/masks/cancel",
    "/masks/clear",
    "/stock",
    "/stock/arrive",
    "/stock/correct",
    "/stock/withdraw",
    "/recent/withdraw",
    "/masks/slip",
    "/masks/dispute",
    "/disputes",
];
const DEEDS: [&str; 7] = ["check", "sell", "record", "arrive", "correct", "withdraw", "disputes"];
const LOOKS: [&str; 13] = [
    "/api/v1/status",
    "/api/v1/stock",
    "/api/v1/recent",
    "/api/v1/versions",
    "/api/v1/export",
    "/api/v1/disputes",
    "/healthz",
    "/readyz",
    "/metrics",
    "/style.css",
    "/recent",
    "/masks?entering=1",
    "/nothing",
];
const FIELDS: [&str; 20] = [
    "kind",
    "number",
    "birth",
    "programme",
    "adult",
    "child",
    "by",
    "request",
    "of",
    "reason",
    "at",
    "proxy_kind",
    "proxy_number",
    "proxy_birth",
    "document",
    "proxy",
    "q",
    "county",
    "enrolled",
    "from",
];

pub(super) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime"))
}

/// A counter with two hundred masks, asked a dozen things.
pub(super) fn edge(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (desk, web) = site();
    runtime().block_on(async {
        let mut seen = Seen::default();
        let stocked = json!({ "adult": 200, "child": 50, "request": "r0" }).to_string();
        seen.keep(&ask(&web, post("/api/v1/arrive", "application/json", stocked.into_bytes(), None)).await);
        for _ in 0..ASKED_MAX {
            if choices.is_empty() {
                break;
            }
            let Some(request) = edge_request(&mut choices, &seen) else { continue };
            let before = log_len(&desk).await;
            let got = ask(&web, request).await;
            check(&got);
            assert!(got.status < 400 || log_len(&desk).await == before, "turned away, and something was written");
            seen.keep(&got);
        }
        balance(&web).await;
    });
}

/// The export, counted by somebody else; the status says the same.
async fn balance(web: &Router) {
    let export = ask(web, get("/api/v1/export")).await;
    let ledger = Ledger::parse(&export.text).unwrap_or_else(|cause| panic!("the books do not balance: {cause:#}"));
    let status: Value = serde_json::from_str(&ask(web, get("/api/v1/status")).await.text).expect("JSON");
    assert_eq!(status["ledger"]["entries"], ledger.len(), "{status}");
}

async fn log_len(desk: &Desk) -> u64 {
    desk.status().await.expect("healthy").entries
}

fn site() -> (Desk, Router) {
    let real = Clocks::default().read();
    let rehearsal = Rehearsal::new(DateTime::parse_from_rfc3339(NOW).ok(), real);
    let mut actors = 0u8;
    let dice = move || {
        actors += 1;
        [actors; 16]
    };
    let site = Site { code: super::said::SITE.parse().expect("a site"), name: "淡水<藥局>".to_owned(), hub: None };
    let setup = Setup {
        site: site.code,
        name: site.name.clone(),
        secret: Secret::new([1; 32]),
        key_number: 1,
        incarnation: Incarnation([2; 16]),
        store: edge::store::Store::in_memory().expect("a store"),
        nation: Nation::stored(),
        lives: Lives::in_memory(&Secret::new([1; 32])).expect("a key"),
        dice: Box::new(dice),
    };
    let mut node = Node::open(setup, rehearsal.shift(real)).expect("a node");
    node.take_down(1, published()).expect("the rules");
    node.resume(&takes_disputes()).expect("a greeting");
    let desk = Desk::new(start(node).expect("a thread").0, rehearsal);
    let (_, line) = watch::channel(LineStatus::default());
    let web = app(Arc::new(Web::new(desk.clone(), site, line, vec![HOST.to_owned()])));
    (desk, web)
}

/// The greeting of a hub that takes disputes.
fn takes_disputes() -> Welcome {
    let signer = HubKeys::new(&Secret::new([42; 32])).and_then(|keys| keys.signer()).expect("keys").public();
    let life = HubLife {
        renew: false,
        journal: 1,
        signer,
        wants_keys: false,
        disputes: true,
        confirms: true,
        access: true,
        booking: false,
    };
    Welcome { life: Some(life), ..welcome(Incarnation([9; 16]), 1_580_954_400, None, 0) }
}

/// The first day's rules as they come down.
pub(super) fn published() -> &'static Run {
    static RULES: OnceLock<Run> = OnceLock::new();
    RULES.get_or_init(|| rules().expect("shipped"))
}

/// What earlier answers told: a cookie, the names of entries.
#[derive(Default)]
pub(super) struct Seen {
    cookie: Option<String>,
    entries: Vec<String>,
}

impl Seen {
    fn keep(&mut self, got: &Got) {
        self.cookie = got.cookie.clone().or(self.cookie.take());
        if let Ok(value) = serde_json::from_str::<Value>(&got.text) {
            let named =
                ["sale", "arrival", "correction", "withdrawal", "dispute"].iter().filter_map(|key| value[key].as_str());
            self.entries.extend(named.map(str::to_owned));
        }
    }
}

fn edge_request(choices: &mut Choices<'_>, seen: &Seen) -> Option<Request<Body>> {
    match choices.below(8) {
        0 => {
            let path = format!("{}{}", choices.pick(&LOOKS), query(choices, seen));
            Request::get(path).header(header::HOST, HOST).body(Body::empty()).ok()
        }
        1 => Some(get(choices.pick::<&str>(&PAGES))),
        2..=4 => {
            let path = format!("/api/v1/{}", choices.pick(&DEEDS));
            let body =
                if choices.rarely() { choices.bytes(300).to_vec() } else { json_body(choices, seen).into_bytes() };
            Some(post(&path, "application/json", body, None))
        }
        5 | 6 => {
            let body = if choices.rarely() { choices.bytes(300).to_vec() } else { form(choices, seen).into_bytes() };
            Some(post(choices.pick::<&str>(&PAGES), "application/x-www-form-urlencoded", body, seen.cookie.as_deref()))
        }
        _ => {
            let method = *choices.pick(&["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"]);
            let (path, host) = (choices.text(60), choices.text(20));
            let request = Request::builder().method(method).uri(path).header(header::HOST, host);
            request.header(header::COOKIE, choices.text(20)).body(Body::from(choices.bytes(60).to_vec())).ok()
        }
    }
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, HOST).body(Body::empty()).expect("a request")
}

fn post(path: &str, kind: &str, body: Vec<u8>, cookie: Option<&str>) -> Request<Body> {
    let request = Request::post(path).header(header::HOST, HOST).header(header::CONTENT_TYPE, kind);
    let request = match cookie {
        Some(cookie) => request.header(header::COOKIE, cookie),
        None => request,
    };
    let request = match kind {
        "application/json" => request,
        _ => request.header(header::ORIGIN, format!("http://{HOST}")).header("sec-fetch-site", "same-origin"),
    };
    request.body(Body::from(body)).expect("a request")
}

pub(super) fn typed(choices: &mut Choices<'_>, seen: &Seen) -> String {
    match choices.below(8) {
        0 => choices.text(40),
        1 if !seen.entries.is_empty() => choices.pick(&seen.entries).clone(),
        2 => choices.signed().to_string(),
        3 => format!("{CANARY}{}", choices.text(10)),
        _ => (*choices.pick(&TEXTS)).to_owned(),
    }
}

/// A body as the API wants it, with fields missing, doubled, of a wrong kind.
fn json_body(choices: &mut Choices<'_>, seen: &Seen) -> String {
    let number = *choices.pick(&["A123456716", "A123456734", "A100000002", CANARY]);
    let mut body = json!({ "document": { "kind": "01", "number": number, "birth": "1986-03-15" } });
    let usual =
        [("adult", json!(2)), ("by", json!("王藥師")), ("reason", json!("盤點")), ("at", json!("109/02/06 09:30"))];
    for (name, value) in usual {
        if choices.flag() {
            body[name] = value;
        }
    }
    if let (true, Some(of)) = (choices.flag(), seen.entries.last()) {
        body["of"] = json!(of);
    }
    if choices.flag() {
        body["request"] = json!(format!("r{}", choices.byte() % 4));
    }
    for _ in 0..choices.below(4) {
        let name = *choices.pick(&FIELDS);
        let value = any_json(choices, seen);
        match choices.below(4) {
            0 => drop(body.as_object_mut().and_then(|body| body.remove(name))),
            1 => body["document"] = json!({ "kind": "05", name: value }),
            _ => body[name] = value,
        }
    }
    body.to_string()
}

fn any_json(choices: &mut Choices<'_>, seen: &Seen) -> Value {
    match choices.below(7) {
        0 => Value::Null,
        1 => json!(choices.signed()),
        2 => json!(choices.flag()),
        3 => json!([choices.number()]),
        4 => json!({ "kind": typed(choices, seen), "number": typed(choices, seen), "birth": typed(choices, seen) }),
        _ => json!(typed(choices, seen)),
    }
}

fn form(choices: &mut Choices<'_>, seen: &Seen) -> String {
    let mut pairs = Vec::new();
    for _ in 0..choices.below(8) {
        pairs.push(format!("{}={}", choices.pick(&FIELDS), escape(&typed(choices, seen))));
    }
    if choices.flag() {
        pairs.push("kind=01&number=A123456716&birth=1986-03-15&adult=2&programme=mask".to_owned());
    }
    pairs.join("&")
}

fn query(choices: &mut Choices<'_>, seen: &Seen) -> String {
    let pairs = (0..choices.below(4)).map(|_| format!("{}={}", choices.pick(&FIELDS), escape(&typed(choices, seen))));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

pub(super) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// An answer, as far as it is looked at.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) is_html: bool,
    pub(super) is_json: bool,
    pub(super) headers_hardened: bool,
    cookie: Option<String>,
    pub(super) text: String,
}

pub(super) async fn ask(app: &Router, request: Request<Body>) -> Got {
    let response = app.clone().oneshot(request).await.expect("a router always answers");
    let kind = head(&response, &header::CONTENT_TYPE).unwrap_or_default();
    let policy = head(&response, &header::CONTENT_SECURITY_POLICY).unwrap_or_default();
    let cookie = head(&response, &header::SET_COOKIE).and_then(|value| value.split(';').next().map(str::to_owned));
    let status = response.status().as_u16();
    let headers_hardened = policy.starts_with("default-src 'none'")
        && head(&response, &header::X_CONTENT_TYPE_OPTIONS).as_deref() == Some("nosniff");
    let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.expect("an answer within its limit");
    let (is_html, is_json) = (kind.starts_with("text/html"), kind.starts_with("application/json"));
    Got { status, is_html, is_json, headers_hardened, cookie, text: String::from_utf8(bytes.to_vec()).expect("a text") }
}

fn head(response: &Response<Body>, name: &header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn check(got: &Got) {
    assert!(got.status < 500, "{}: {}", got.status, got.text);
    assert!(got.headers_hardened, "an answer without its policy: {}", got.status);
    assert!(!got.is_html || !got.text.contains("<fz"), "what was typed stands on the page as it was typed");
    assert!(!got.is_html || !got.text.contains("<script"));
    if got.is_json {
        let value: Value = serde_json::from_str(&got.text).expect("JSON");
        let told = got.status < 400 || value["error"]["code"].is_string();
        assert!(told, "turned away without a reason: {}", got.text);
    }
}

pub(super) fn edge_seeds() -> Vec<Vec<u8>> {
    let sale = [2, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0];
    let screen = [5, 3, 0, 0, 1, 5, 4, 0, 0, 1, 5, 5, 0, 0, 1];
    let mut out =
        vec![sale.to_vec(), sale.repeat(3), screen.to_vec(), (0..12).collect(), [1, 1, 0, 1, 8, 0, 9, 0, 4].to_vec()];
    out.extend((0..7).map(|deed| [2, deed, 0, 0, 1, 1, 1, 1, 1, 0, 0].repeat(2)));
    out.extend((0..13).map(|page| [5, page, 0, 3, 1, 3, 2, 60, 102, 8, 4, 0, 1, 1, page].repeat(2)));
    out
}
