//! The console through its router, without a port (T14).

mod doors;
mod identities;
mod places;
mod sign_in;

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde_json::Value;
use shared::seal::Secret;
use shared::seal::password::Password;
use shared::seal::totp::KEY_BYTES;
use tower::ServiceExt;

use super::*;
use crate::disputes::{DisputeFilter, Verdict};
use crate::hub::Hub;
use crate::ingest::Upload;
use crate::mailbox::{self, Mailbox};
use crate::operators::Role;
use crate::testing::{Ledger, MORNING, OTHER, PERSON, code_of, doubly_served as hub};

const HOST: &str = "127.0.0.1:7480";
const ORIGIN: &str = "http://127.0.0.1:7480";
const PASSWORD: &str = "long enough to keep";
/// One of each role, and a second operator.
const ACCOUNTS: [(&str, Role); 4] =
    [("rita", Role::Reader), ("otto", Role::Operator), ("olga", Role::Operator), ("sue", Role::Supervisor)];

type Keys = BTreeMap<&'static str, [u8; KEY_BYTES]>;

/// A console at which everybody is signed in.
fn console(hub: Hub, clock: WallClock) -> (Console, Mailbox) {
    let (console, mailbox, _) = staffed(hub, clock);
    (console, mailbox)
}

/// And the secrets of their telephones.
fn staffed(mut hub: Hub, clock: WallClock) -> (Console, Mailbox, Keys) {
    let add = |(name, role): (&'static str, Role)| {
        let made = hub.add_operator(&name.parse().unwrap(), role, &Password::typed(PASSWORD)).unwrap().unwrap();
        (name, BASE32_NOPAD.decode(made.secret.as_bytes()).unwrap().try_into().unwrap())
    };
    let keys = ACCOUNTS.map(add).into_iter().collect();
    let (console, mailbox) = empty(hub, clock);
    for (name, _) in ACCOUNTS {
        console.doors.sessions().begin(key(name), name, 1, console.real.second());
    }
    (console, mailbox, keys)
}

/// A console without any account.
fn empty(hub: Hub, clock: WallClock) -> (Console, Mailbox) {
    let counters = Arc::new(Counters::default());
    let (hub, mailbox) = mailbox::start(hub, clock, counters.clone()).unwrap();
    let hosts = [HOST.to_owned(), "localhost:7480".to_owned()].into();
    let console = Console::new(hub.clone(), hub, counters, clock, hosts);
    (Console { real: clock, ..console }, mailbox)
}

fn key(name: &str) -> [u8; 32] {
    let mut key = [7; 32];
    key.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    key
}

fn cookie(name: &str) -> String {
    format!("hub-session={}", HEXLOWER.encode(&key(name)))
}

fn morning() -> WallClock {
    at(7200)
}

/// So many seconds after the morning.
fn at(seconds: i64) -> WallClock {
    WallClock::standing(MORNING + seconds)
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

async fn ask(console: &Console, request: Request<Body>) -> Got {
    let response = app(console.clone()).oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), 16 * 1024 * 1024).await.unwrap();
    Got { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

/// As the supervisor.
async fn get(console: &Console, path: &str) -> Got {
    get_as(console, "sue", path).await
}

async fn get_as(console: &Console, name: &str, path: &str) -> Got {
    let request = Request::get(path).header("host", HOST).header("cookie", cookie(name));
    ask(console, request.body(Body::empty()).unwrap()).await
}

/// A form of our own page.
async fn form_as(console: &Console, name: &str, path: &str, fields: &str) -> Got {
    let request = Request::post(path).header("host", HOST).header("origin", ORIGIN).header("cookie", cookie(name));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    ask(console, request.body(Body::from(fields.to_owned())).unwrap()).await
}

async fn json_as(console: &Console, name: &str, path: &str, body: &Value) -> Got {
    let request = Request::post(path).header("host", HOST).header("cookie", cookie(name));
    let request = request.header("content-type", "application/json");
    ask(console, request.body(Body::from(body.to_string())).unwrap()).await
}

/// What the audit has, deed by deed.
async fn deeds(console: &Console) -> Vec<(String, String)> {
    let records = console.hub.call(|hub| hub.audit(0, 1_000).unwrap().1).await.unwrap();
    records.into_iter().map(|line| (line.record.who, line.record.deed)).collect()
}

/// The same hub, where one of the two was refused and disputes it.
fn disputed() -> (Hub, String) {
    let mut hub = hub();
    let mut ledger = Ledger::new(code_of(OTHER), 9, &Secret::new([2; 32]));
    ledger.dispute(PERSON, MORNING + 3000, "<script>\"我沒買\"");
    let upload = Upload { site: code_of(OTHER), incarnation: ledger.incarnation(), run: ledger.run(0).unwrap() };
    hub.ingest(&[upload], MORNING + 3600).unwrap();
    let id = hub.disputes(&DisputeFilter::default()).unwrap()[0].id;
    (hub, id.to_string())
}

#[tokio::test]
async fn a_dispute_is_shown_with_its_evidence_and_escaped() {
    let (mut hub, id) = disputed();
    let case = id.parse().unwrap();
    hub.decide(&case, Verdict::Grant, ("<script>成立", "<b>承辦"), MORNING + 4000).unwrap().unwrap();
    let (console, _mailbox) = console(hub, morning());
    for path in ["/cases", &format!("/disputes/{id}")] {
        let page = get(&console, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for never in ["<script", "<b>承辦", PERSON, "診所<b>"] {
            assert!(!page.text.contains(never), "{path}: {never}");
        }
        assert!(page.text.contains("異議成立"), "{path}");
    }
    let page = get(&console, &format!("/disputes/{id}")).await.text;
    for text in ["淡水藥局", "台北虛擬診所", "讀卡", "我沒買", "異議不成立", "全國名單"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!get(&console, "/").await.text.contains("/disputes/"), "only those that wait");
    for (path, many) in [
        ("/api/v1/disputes", 0),
        ("/api/v1/disputes?decided=true", 1),
        ("/api/v1/cases", 0),
        ("/api/v1/cases?closed=true", 1),
    ] {
        assert_eq!(get(&console, path).await.json()["disputes"].as_array().unwrap().len(), many, "{path}");
    }
    let one = get(&console, &format!("/api/v1/disputes/{id}")).await;
    assert_eq!((one.json()["state"].as_str(), one.json()["sales"].as_array().unwrap().len()), (Some("granted"), 2));
    assert!(!one.text.contains(PERSON));
    for path in ["/disputes/x", "/api/v1/disputes/00", "/api/v1/disputes/00000000000000000000000000000000"] {
        assert_eq!(get(&console, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_page_is_there_masked_and_without_script() {
    let (console, _mailbox) = console(hub(), morning());
    let cases = get(&console, "/api/v1/cases").await.json();
    assert_eq!(cases["staff_cases"], serde_json::json!([]), "nobody has signed in");
    let id = cases["cases"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/",
        "/cases",
        &format!("/cases/{id}"),
        "/requests",
        "/operators",
        "/audit",
        "/sign-in",
        "/sites",
        "/sites?q=%E6%B7%A1%E6%B0%B4&county=%E6%96%B0%E5%8C%97%E5%B8%82",
    ] {
        let page = get(&console, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text.contains("演練模式"), "{path}: a rehearsal is marked");
        for never in ["<script", "onclick", "style=\"", PERSON, "診所<b>"] {
            assert!(!page.text.contains(never), "{path}: {never}");
        }
    }
    assert!(get(&console, "/style.css").await.text.contains(".receipt"));
}

#[tokio::test]
async fn a_case_shows_both_receipts_which_counts_and_why() {
    let (console, _mailbox) = console(hub(), morning());
    let case = get(&console, "/api/v1/cases").await.json()["cases"][0].clone();
    let id = case["id"].as_str().unwrap();
    let detail = get(&console, &format!("/api/v1/cases/{id}")).await.json();
    assert_eq!(detail["sales"].as_array().unwrap().len(), 2);
    assert_eq!((&detail["sales"][0]["effect"], &detail["sales"][1]["effect"]), (&"counts".into(), &"over".into()));
    assert_eq!(detail["findings"][0]["could_have_known"], "could-not");
    assert_eq!(detail["findings"][0]["knew"], serde_json::json!(["not-told"]));
    assert_eq!(detail["findings"][0]["next"], "2020-02-13");

    let page = get(&console, &format!("/cases/{id}")).await.text;
    for words in [
        "淡水藥局",
        "台北虛擬診所",
        "109/02/06 09:05",
        "109/02/06 09:47",
        "有效 counts",
        "超額 one too many",
        "109/02/13",
        "該站當時的全國資料尚未包含前一筆",
        "所知至第 0 筆；此筆為第 1 筆",
        "mask-2020-02-06",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(get(&console, "/cases").await.text.contains(id));
}

#[tokio::test]
async fn sites_are_found_by_county_and_text_and_paged() {
    let (console, _mailbox) = console(hub(), morning());
    let found = |path: &'static str| {
        let console = console.clone();
        async move { get(&console, path).await.json()["total"].as_u64().unwrap() }
    };
    assert_eq!(found("/api/v1/sites").await, 3);
    assert_eq!(found("/api/v1/sites?enrolled=true").await, 2);
    assert_eq!(found("/api/v1/sites?q=%E8%87%BA%E5%8C%97").await, 1, "臺 finds 台");
    let page = get(&console, "/api/v1/sites?limit=1&offset=1").await.json();
    assert_eq!(page["sites"].as_array().unwrap().len(), 1);
    let html = get(&console, "/sites?county=%E8%8A%B1%E8%93%AE%E7%B8%A3").await.text;
    assert!(html.contains("豐濱") && !html.contains("淡水藥局"));
    assert_eq!(get(&console, "/sites?from=18446744073709551615").await.status, StatusCode::OK);
    assert_eq!(get(&console, "/cases?from=18446744073709551615").await.status, StatusCode::OK);
}

#[tokio::test]
async fn programmes_and_status_are_told() {
    let (console, _mailbox) = console(hub(), morning());
    let programmes = get(&console, "/api/v1/programmes").await.json();
    assert_eq!(programmes["programmes"][0]["name"], "mask-2020-02-06");
    assert_eq!(programmes["programmes"][0]["in_force"], true);
    let status = get(&console, "/api/v1/status").await.json();
    assert_eq!((&status["entries"], &status["cases_open"], &status["rehearsal"]), (&2.into(), &1.into(), &true.into()));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_askers_way() {
    let (console, _mailbox) = console(hub(), morning());
    for path in ["/nothing", "/cases/zz", "/cases/00000000000000000000000000000000"] {
        let page = get(&console, path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text.contains("查無資料"), "{path}");
    }
    let api = get(&console, "/api/v1/cases/zz").await;
    assert_eq!((api.status, &api.json()["error"]["code"]), (StatusCode::NOT_FOUND, &"missing".into()));
    assert_eq!(get(&console, "/api/v1/cases?site=x").await.status, StatusCode::BAD_REQUEST);
    let post = Request::post("/cases").header("host", HOST).body(Body::empty()).unwrap();
    assert_eq!(ask(&console, post).await.status, StatusCode::FORBIDDEN, "not from our own pages");
    assert_eq!(form_as(&console, "sue", "/cases", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn only_the_names_on_the_list_are_answered() {
    let (console, _mailbox) = console(hub(), morning());
    let cases: [(&[&str], u16); 8] = [
        (&[HOST], 200),
        (&["LOCALHOST:7480"], 200),
        (&[], 421),
        (&["attacker.test:7480"], 421),
        (&["127.0.0.1"], 421),
        (&["127.0.0.1:7480.attacker.test"], 421),
        (&["127.0.0.1:7481"], 421),
        (&[HOST, "attacker.test"], 421),
    ];
    for path in ["/", "/api/v1/cases", "/healthz", "/style.css", "/nothing"] {
        for (hosts, status) in cases {
            let mut request = Request::get(path);
            for host in hosts {
                request = request.header("host", *host);
            }
            request = request.header("cookie", cookie("sue"));
            let got = ask(&console, request.body(Body::empty()).unwrap()).await;
            let status = if (path, status) == ("/nothing", 200) { 404 } else { status };
            assert_eq!(got.status.as_u16(), status, "{path} {hosts:?}");
            assert_eq!(got.headers["x-content-type-options"], "nosniff");
            assert_eq!(got.headers["cache-control"], "no-store");
            let csp = got.headers["content-security-policy"].to_str().unwrap();
            assert!(csp.starts_with("default-src 'none'; style-src 'self'"), "{csp}");
        }
    }
    let absolute = Request::get("http://attacker.test/").header("host", HOST).body(Body::empty()).unwrap();
    assert_eq!(ask(&console, absolute).await.status.as_u16(), 421);
}

#[tokio::test]
async fn a_hub_that_has_stopped_is_told_and_not_ready() {
    let (console, mailbox) = console(hub(), WallClock::system());
    assert_eq!(get(&console, "/readyz").await.status, StatusCode::OK);
    assert!(get(&console, "/metrics").await.text.contains("\natoll_hub_lines 0\n"));
    mailbox.stop().await;
    assert_eq!(get(&console, "/healthz").await.status, StatusCode::OK);
    for path in ["/readyz", "/", "/api/v1/status", "/api/v1/sites"] {
        assert_eq!(get(&console, path).await.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}
