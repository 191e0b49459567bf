//! The hub's console: any path, method, header and body, by a supervisor's program or by nobody.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chrono::DateTime;
use hub::clock::{WallClock, system_second};
use hub::console::{self, Console};
use hub::counters::Counters;
use hub::disputes::{DisputeFilter, Verdict};
use hub::operators::Role;
use serde_json::{Value, json};
use shared::seal::password::Password;
use shared::seal::{HubKeys, Secret};

use super::choices::Choices;
use super::door;
use super::web::{ASKED_MAX, Got, HOST, NOW, Seen, ask, escape, runtime, typed};

/// What changes something; signing in is not among them, for a password takes its time.
const DEEDS: [&str; 7] = [
    "/operators",
    "/requests/1",
    "/sign-out",
    "/api/v1/operators",
    "/api/v1/programmes",
    "/api/v1/identity-requests/1",
    "/disputes/x",
];
const WORDS: [&str; 12] = [
    "grant",
    "reject",
    "approve",
    "refuse",
    "role",
    "disable",
    "sue",
    "king",
    "A123456789",
    "<fz>",
    "",
    "mask-2020-02-06",
];

/// The console of a hub that has seen a hostile day.
pub(super) fn holds(input: &[u8]) {
    const PAGES: [&str; 23] = [
        "/",
        "/cases",
        "/sites",
        "/style.css",
        "/api/v1/status",
        "/api/v1/cases",
        "/api/v1/sites",
        "/api/v1/programmes",
        "/healthz",
        "/readyz",
        "/metrics",
        "/cases/",
        "/api/v1/cases/",
        "/disputes/",
        "/api/v1/disputes",
        "/api/v1/disputes/",
        "/nothing",
        "/sign-in",
        "/requests",
        "/operators",
        "/audit",
        "/api/v1/audit",
        "/api/v1/identity-requests",
    ];
    let mut choices = Choices::new(input);
    let (web, token) = console_app();
    let seen = Seen::default();
    runtime().block_on(async {
        for _ in 0..ASKED_MAX {
            if choices.is_empty() {
                break;
            }
            let path = match choices.below(6) {
                0 => choices.text(80),
                1 => format!("/cases/{}", escape(&typed(&mut choices, &seen))),
                2 if choices.flag() => format!("/api/v1/cases/{}", choices.text(40)),
                2 => format!("{}{}", choices.pick(&["/disputes/", "/api/v1/disputes/"]), disputed()),
                _ => format!("{}{}", choices.pick(&PAGES), hub_query(&mut choices, &seen)),
            };
            let method = if choices.rarely() { *choices.pick(&["POST", "HEAD", "PUT", "BREW"]) } else { "GET" };
            let host = if choices.rarely() { choices.text(30) } else { HOST.to_owned() };
            let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
            if !choices.rarely() {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let Ok(request) = request.body(Body::from(choices.bytes(20).to_vec())) else { continue };
            let request = if choices.below(4) == 0 { deed(&mut choices, token) } else { request };
            let head = request.method() == "HEAD";
            let got = ask(web, request).await;
            if !head {
                check_console(&got);
            }
        }
    });
}

/// A form or JSON to one of the deeds.
fn deed(choices: &mut Choices<'_>, token: &str) -> Request<Body> {
    let case = disputed();
    let of_case = ["/disputes/{}", "/cases/{}/identity", "/cases/{}/identity/show", "/api/v1/disputes/{}/decision"];
    let path =
        if choices.flag() { choices.pick(&of_case).replace("{}", case) } else { (*choices.pick(&DEEDS)).to_owned() };
    let mut word = || *choices.pick(&WORDS);
    let fields = [
        ("name", word()),
        ("deed", word()),
        ("role", word()),
        ("verdict", word()),
        ("words", word()),
        ("reason", word()),
    ];
    let request =
        Request::post(path).header(header::HOST, HOST).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let (kind, body) = if choices.flag() {
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        ("application/x-www-form-urlencoded", pairs.join("&"))
    } else {
        let mut value: Value = fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        value["approve"] = json!(choices.flag());
        value["version"] = json!(choices.pick(&WORDS));
        ("application/json", value.to_string())
    };
    request.header(header::CONTENT_TYPE, kind).body(Body::from(body)).expect("a request")
}

fn hub_query(choices: &mut Choices<'_>, seen: &Seen) -> String {
    const FIELDS: [&str; 9] = ["q", "county", "enrolled", "from", "programme", "site", "closed", "limit", "offset"];
    const VALUES: [&str; 10] = [
        "true",
        "yes",
        "0",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "mask",
        "3501200000",
        "%",
        "%E5%8F%B0",
    ];
    let mut pairs = Vec::new();
    for _ in 0..choices.below(5) {
        let value = if choices.flag() { (*choices.pick(&VALUES)).to_owned() } else { escape(&typed(choices, seen)) };
        pairs.push(format!("{}={value}", choices.pick(&FIELDS)));
    }
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The case of the one dispute.
fn disputed() -> &'static str {
    static CASE: OnceLock<String> = OnceLock::new();
    CASE.get_or_init(|| {
        let keys = HubKeys::new(&Secret::new([42; 32])).expect("keys");
        keys.dispute_case(&door::with_markup().run.start.id).to_string()
    })
}

fn check_console(got: &Got) {
    assert!(got.status < 500, "{}: {}", got.status, got.text);
    assert!(got.headers_hardened, "an answer without its policy: {}", got.status);
    let typed = got.text.contains("<fz") || got.text.contains("<script") || got.text.contains("藥局<");
    assert!(!got.is_html || !typed, "what was typed stands on the page as it was typed");
    assert!(!got.is_json || serde_json::from_str::<Value>(&got.text).is_ok());
}

/// And a supervisor's token.
fn console_app() -> &'static (Router, String) {
    static CONSOLE: OnceLock<(Router, String)> = OnceLock::new();
    CONSOLE.get_or_init(|| {
        let mut hub = door::fresh();
        let day: Vec<_> = door::honest().iter().map(|(upload, _)| upload.clone()).collect();
        hub.ingest(&day, 1_580_954_400).expect("healthy");
        hub.ingest(&[door::with_markup()], 1_580_954_400).expect("healthy");
        for dispute in hub.disputes(&DisputeFilter::default()).expect("healthy") {
            let words = ("<fz><script>", "<fz>");
            hub.decide(&dispute.id, Verdict::Grant, words, 1_580_954_400).expect("healthy").expect("decided");
        }
        let (name, password) = ("sue".parse().expect("a name"), Password::typed("a password of the tests"));
        hub.add_operator(&name, Role::Supervisor, &password).expect("healthy").expect("an account");
        let now = system_second();
        let (token, _) = hub.issue_bearer("sue", None, now + 1_000_000, now).expect("healthy").expect("a token");
        let clock = WallClock::rehearsing(DateTime::parse_from_rfc3339(NOW).expect("a time"));
        let counters = Arc::new(Counters::default());
        let (hub, mailbox) = hub::mailbox::start(hub, clock, Arc::clone(&counters)).expect("a thread");
        // Its thread lives as long as the process.
        std::mem::forget(mailbox);
        (console::app(Console::new(hub.clone(), hub, counters, clock, [HOST.to_owned()].into())), token)
    })
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    (0..14).map(|page| [5, page, 2, 0, 3, 2, 60, 60, 1, 1, 3, 0, 0, 0].repeat(2)).collect()
}
