//! Signing in and out, and what stands in the way of guessing.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use shared::seal::totp::{code, step};

use super::*;
use crate::console::sessions::{IDLE_S, WHOLE_S};

/// From an address, with whatever cookies the browser has.
async fn try_in(console: &Console, from: &str, cookies: &str, (name, password, code): (&str, &str, &str)) -> Got {
    let password = password.replace(' ', "+");
    let fields = format!("name={name}&password={password}&code={code}&next=%2Fcases");
    let mut request = Request::post("/sign-in")
        .header("host", HOST)
        .header("origin", ORIGIN)
        .header("cookie", cookies)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(fields))
        .unwrap();
    let address: SocketAddr = format!("{from}:40000").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    ask(console, request).await
}

fn now_code(console: &Console, keys: &Keys, name: &str) -> String {
    code(&keys[name], step(console.real.second()))
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(got: &Got) -> Vec<String> {
    let all = got.headers.get_all("set-cookie").iter();
    all.map(|set| set.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

async fn with_cookie(console: &Console, cookie: &str, path: &str) -> StatusCode {
    let request = Request::get(path).header("host", HOST).header("cookie", cookie);
    ask(console, request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn name_password_and_code_let_in_and_signing_out_ends_it() {
    let (console, _mailbox, keys) = staffed(hub(), morning());
    let digits = now_code(&console, &keys, "otto");
    let got = try_in(&console, "127.0.0.1", "hub-session=00", ("OTTO", PASSWORD, &digits)).await;
    assert_eq!((got.status, got.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/cases"));
    let set = got.headers.get_all("set-cookie").iter().next().unwrap().to_str().unwrap().to_owned();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    let session = cookies(&got)[0].clone();
    assert_ne!(session, "hub-session=00", "a new key at each sign-in");
    let request = Request::get("/").header("host", HOST).header("cookie", &session);
    let page = ask(&console, request.body(Body::empty()).unwrap()).await.text;
    assert!(page.contains("otto") && page.contains("登出") && page.contains("承辦"));

    let out = Request::post("/sign-out").header("host", HOST).header("origin", ORIGIN).header("cookie", &session);
    let out = ask(&console, out.body(Body::empty()).unwrap()).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(with_cookie(&console, &session, "/").await, StatusCode::SEE_OTHER);
    let deeds: Vec<String> = deeds(&console).await.into_iter().map(|(_, deed)| deed).collect();
    assert_eq!(deeds, ["sign-in", "list", "sign-out"]);
}

#[tokio::test]
async fn a_browser_that_came_by_tls_keeps_its_cookie_for_tls() {
    let (console, _mailbox, keys) = staffed(hub(), morning());
    let fields = format!("name=otto&password=long+enough+to+keep&code={}", now_code(&console, &keys, "otto"));
    let request = Request::post("/sign-in").header("host", HOST).header("origin", ORIGIN.replace("http", "https"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let got = ask(&console, request.body(Body::from(fields)).unwrap()).await;
    assert!(got.headers["set-cookie"].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same() {
    let (console, _mailbox, keys) = staffed(hub(), morning());
    let digits = now_code(&console, &keys, "otto");
    let mut pages = Vec::new();
    for (name, password, code) in [
        ("otto", "wrong password here", digits.as_str()),
        ("otto", PASSWORD, "000000x"),
        ("nobody", PASSWORD, &digits),
        (PERSON, PASSWORD, &digits),
        ("sue", PASSWORD, &digits),
    ] {
        let got = try_in(&console, "127.0.0.1", "", (name, password, code)).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{name}");
        assert!(cookies(&got).is_empty());
        pages.push(got.text.replace(&format!("value=\"{name}\""), ""));
    }
    assert!(pages.windows(2).all(|two| two[0] == two[1]));
    let audit = get(&console, "/audit").await.text;
    assert!(!audit.contains(PERSON), "what a stranger typed is in no audit");
    let used = try_in(&console, "127.0.0.1", "", ("otto", PASSWORD, &digits)).await;
    assert_eq!(used.status, StatusCode::SEE_OTHER);
    let again = try_in(&console, "127.0.0.1", "", ("otto", PASSWORD, &digits)).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "a code is good once");
}

#[tokio::test]
async fn sessions_end_when_idle_after_half_a_day_and_with_their_account() {
    let (console, _mailbox) = console(hub(), morning());
    let after = |seconds: i64| Console { real: at(7200 + seconds), ..console.clone() };
    assert_eq!(get_as(&after(IDLE_S - 60), "otto", "/sites").await.status, StatusCode::OK);
    assert_eq!(get_as(&after(IDLE_S + 60), "sue", "/sites").await.status, StatusCode::SEE_OTHER, "idle");
    let mut seconds = IDLE_S - 60;
    while seconds < WHOLE_S - 60 {
        assert_eq!(get_as(&after(seconds), "otto", "/sites").await.status, StatusCode::OK);
        seconds += IDLE_S - 60;
    }
    assert_eq!(get_as(&after(WHOLE_S + 1), "otto", "/sites").await.status, StatusCode::SEE_OTHER, "half a day");

    console.doors.sessions().begin(key("olga"), "olga", 1, console.real.second());
    assert_eq!(get_as(&console, "olga", "/sites").await.status, StatusCode::OK);
    let other = console.desk.call(|hub| hub.reset_operator("olga", &Password::typed("another, as long"))).await;
    other.unwrap().unwrap().unwrap();
    assert_eq!(get_as(&console, "olga", "/sites").await.status, StatusCode::SEE_OTHER, "a new password");
}

#[tokio::test]
async fn guessing_slows_down_and_keeps_nobody_out_who_was_here_before() {
    let (console, _mailbox, keys) = staffed(hub(), morning());
    let digits = now_code(&console, &keys, "otto");
    let home = try_in(&console, "10.0.0.1", "", ("otto", PASSWORD, &digits)).await;
    let browser = cookies(&home)[1].clone();
    assert!(browser.starts_with("hub-browser="));

    let mut answers = Vec::new();
    for n in 0..6 {
        let got = try_in(&console, &format!("10.0.1.{n}"), "", ("otto", "wrong password here", "000000")).await;
        answers.push(got.status.as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 429, 429, 429], "from whatever address");
    let locked = try_in(&console, "10.0.2.1", "", ("otto", PASSWORD, &digits)).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(locked.headers["retry-after"].to_str().unwrap().parse::<i64>().unwrap() <= 300);

    // The next step's code: the first was used.
    let next = code(&keys["otto"], step(console.real.second()) + 1);
    let made_up = try_in(&console, "10.0.2.2", "hub-browser=0011223344556677", ("otto", PASSWORD, &next)).await;
    assert_eq!(made_up.status, StatusCode::TOO_MANY_REQUESTS, "a made-up mark helps nobody");
    let back = try_in(&console, "10.0.1.1", &browser, ("otto", PASSWORD, &next)).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "the browser that was here before");
}

#[tokio::test]
async fn an_unknown_name_is_slowed_down_as_a_known_one_and_so_is_an_address() {
    let (console, _mailbox, _) = staffed(hub(), morning());
    let mut answers = Vec::new();
    for n in 0..5 {
        let got = try_in(&console, &format!("10.0.1.{n}"), "", ("nobody", "wrong password here", "000000")).await;
        answers.push(got.status.as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 429, 429]);
    answers.clear();
    for n in 0..12 {
        let name = format!("guess{n}");
        answers.push(try_in(&console, "10.9.9.9", "", (&name, "wrong password here", "0")).await.status.as_u16());
    }
    assert_eq!((&answers[..10], &answers[10..]), (&[401; 10][..], &[429; 2][..]), "from one address");
    let minute = Console { real: at(7200 + 61), ..console.clone() };
    let later = try_in(&minute, "10.9.9.9", "", ("guess", "wrong password here", "0")).await;
    assert_eq!(later.status, StatusCode::UNAUTHORIZED, "not for ever");
}

#[tokio::test]
async fn a_sign_in_from_a_foreign_page_is_none() {
    let (console, _mailbox, keys) = staffed(hub(), morning());
    let fields = format!("name=otto&password=long+enough+to+keep&code={}", now_code(&console, &keys, "otto"));
    let request = Request::post("/sign-in").header("host", HOST).header("origin", "http://attacker.test");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let got = ask(&console, request.body(Body::from(fields)).unwrap()).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.headers.get("set-cookie").is_none());
}
