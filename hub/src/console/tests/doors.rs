//! Who may go where.

use super::*;

const NOBODY: &str = "nobody";
const NOT_ALLOWED: &str = "您的帳號無此權限";

/// Every route behind a door, and the least role that passes it.
const ROUTES: &[(&str, &str, Role)] = &[
    ("GET", "/", Role::Reader),
    ("GET", "/cases", Role::Reader),
    ("GET", "/cases/{id}", Role::Reader),
    ("GET", "/disputes/{id}", Role::Reader),
    ("GET", "/sites", Role::Reader),
    ("GET", "/api/v1/status", Role::Reader),
    ("GET", "/api/v1/cases", Role::Reader),
    ("GET", "/api/v1/cases/{id}", Role::Reader),
    ("GET", "/api/v1/disputes", Role::Reader),
    ("GET", "/api/v1/disputes/{id}", Role::Reader),
    ("GET", "/api/v1/clocks", Role::Reader),
    ("GET", "/api/v1/sites", Role::Reader),
    ("GET", "/api/v1/programmes", Role::Reader),
    ("GET", "/api/v1/booking/rounds", Role::Reader),
    ("GET", "/api/v1/booking/venues", Role::Reader),
    ("GET", "/api/v1/booking/slots", Role::Reader),
    ("GET", "/api/v1/booking/bookings", Role::Reader),
    ("GET", "/api/v1/booking/wishes", Role::Reader),
    ("GET", "/api/v1/booking/leases", Role::Reader),
    ("POST", "/disputes/{id}", Role::Operator),
    ("POST", "/cases/{id}/identity", Role::Operator),
    ("POST", "/cases/{id}/identity/show", Role::Operator),
    ("GET", "/requests", Role::Operator),
    ("POST", "/requests/{number}", Role::Operator),
    ("POST", "/api/v1/disputes/{id}/decision", Role::Operator),
    ("GET", "/api/v1/cases/{id}/identity", Role::Operator),
    ("POST", "/api/v1/cases/{id}/identity", Role::Operator),
    ("GET", "/api/v1/identity-requests", Role::Operator),
    ("POST", "/api/v1/identity-requests/{number}", Role::Operator),
    ("GET", "/operators", Role::Supervisor),
    ("POST", "/operators", Role::Supervisor),
    ("GET", "/audit", Role::Supervisor),
    ("GET", "/api/v1/operators", Role::Supervisor),
    ("POST", "/api/v1/operators", Role::Supervisor),
    ("POST", "/api/v1/programmes", Role::Supervisor),
    ("GET", "/api/v1/audit", Role::Supervisor),
    // Last: it ends the session.
    ("POST", "/sign-out", Role::Reader),
];
const OPEN: [&str; 9] = [
    "/style.css",
    "/sign-in",
    "/healthz",
    "/readyz",
    "/metrics",
    "/$bulk-publish",
    "/smart/location.ndjson",
    "/smart/schedule.ndjson",
    "/smart/slot.ndjson",
];

fn address(path: &str) -> String {
    path.replace("{id}", "00000000000000000000000000000000").replace("{number}", "99")
}

async fn go(console: &Console, who: &str, method: &str, path: &str) -> Got {
    let request = Request::builder().method(method).uri(address(path)).header("host", HOST).header("origin", ORIGIN);
    ask(console, request.header("cookie", cookie(who)).body(Body::empty()).unwrap()).await
}

/// Whether the door let this one through, whatever was behind it.
fn passed(got: &Got, method: &str, path: &str) -> bool {
    let page = !path.starts_with("/api/");
    match got.status {
        StatusCode::SEE_OTHER if page && method == "GET" => {
            assert!(got.headers["location"].to_str().unwrap().starts_with("/sign-in?next=/"), "{path}");
            false
        }
        StatusCode::UNAUTHORIZED => {
            assert!(page || got.code() == "sign-in", "{path}");
            false
        }
        StatusCode::FORBIDDEN if got.text.contains(NOT_ALLOWED) => false,
        _ => true,
    }
}

#[tokio::test]
async fn each_role_passes_its_doors_and_no_others() {
    let (console, _mailbox) = console(hub(), morning());
    for (method, path, least) in ROUTES {
        for (name, role) in ACCOUNTS {
            let got = go(&console, name, method, path).await;
            assert_eq!(passed(&got, method, path), role >= *least, "{name}: {method} {path}: {}", got.status);
        }
        assert!(!passed(&go(&console, NOBODY, method, path).await, method, path), "a stranger: {method} {path}");
    }
    for path in OPEN {
        assert_eq!(go(&console, NOBODY, "GET", path).await.status, StatusCode::OK, "{path}");
    }
    let refused = deeds(&console).await.into_iter().filter(|(_, deed)| deed == "not-allowed").count();
    let beyond = |role: Role| ROUTES.iter().filter(|(_, _, least)| *least > role).count();
    assert_eq!(refused, ACCOUNTS.iter().map(|(_, role)| beyond(*role)).sum::<usize>(), "each is written down");
}

#[test]
fn no_route_is_missing_in_the_table() {
    let routes = include_str!("../../console.rs").split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let missing: Vec<&str> =
        routes.filter(|path| !OPEN.contains(path) && !ROUTES.iter().any(|(_, known, _)| known == path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn without_an_account_only_how_to_make_one_is_shown() {
    let (console, _mailbox) = empty(hub(), morning());
    for path in ["/", "/cases", "/sites", "/sign-in", "/operators"] {
        let got = go(&console, NOBODY, "GET", path).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}");
        assert!(
            got.text.contains("建立第一個主管帳號") && got.text.contains("atoll-hub --data DIR operator add"),
            "{path}"
        );
        assert!(!got.text.contains("淡水"), "{path}");
    }
    for path in ["/api/v1/status", "/api/v1/cases", "/api/v1/audit"] {
        let got = go(&console, NOBODY, "GET", path).await;
        assert_eq!((got.status, got.code().as_str()), (StatusCode::FORBIDDEN, "no-account"), "{path}");
        assert!(got.text.contains("operator add"), "{path}");
    }
    for path in OPEN.into_iter().filter(|path| *path != "/sign-in") {
        assert_eq!(go(&console, NOBODY, "GET", path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_program_asks_with_its_token_and_a_wrong_one_opens_nothing() {
    let (console, _mailbox) = console(hub(), morning());
    let now = console.real.second();
    let token = console
        .desk
        .call(move |hub| hub.issue_bearer("otto", Some(Role::Reader), now + 60, now).unwrap().unwrap().0)
        .await
        .unwrap();
    let asked = |header: String, path: &'static str, console: Console| async move {
        let request = Request::get(path).header("host", HOST).header("authorization", header);
        ask(&console, request.body(Body::empty()).unwrap()).await
    };
    let good = format!("Bearer {token}");
    assert_eq!(asked(good.clone(), "/api/v1/cases", console.clone()).await.status, StatusCode::OK);
    assert_eq!(asked(good.clone(), "/cases", console.clone()).await.status, StatusCode::OK);
    let beyond = asked(good.clone(), "/api/v1/identity-requests", console.clone()).await;
    assert_eq!(beyond.code(), "role", "the token's role, not the account's");
    for wrong in [format!("bearer {token}"), format!("Bearer {token}x"), "Bearer ".to_owned(), token.clone()] {
        let got = asked(wrong.clone(), "/api/v1/cases", console.clone()).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let later = Console { real: at(7200 + 61), ..console.clone() };
    assert_eq!(asked(good, "/api/v1/cases", later).await.status, StatusCode::UNAUTHORIZED);
    let who: Vec<String> = deeds(&console).await.into_iter().map(|(who, _)| who).collect();
    assert_eq!(who, ["otto:api", "otto:api", "otto:api"], "a program is told from its account");
}

#[tokio::test]
async fn a_decision_carries_the_name_of_who_signed_in() {
    let (hub, id) = disputed();
    let (console, _mailbox) = console(hub, morning());
    let fields = "verdict=grant&words=%E5%B7%B2%E6%9F%A5%E6%98%8E&by=somebody";
    let got = form_as(&console, "otto", &format!("/disputes/{id}"), fields).await;
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
    let words = serde_json::json!({ "verdict": "reject", "words": "再查", "by": "somebody" });
    let got = json_as(&console, "olga", &format!("/api/v1/disputes/{id}/decision"), &words).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text);
    let page = get(&console, &format!("/disputes/{id}")).await.text;
    assert!(page.contains("otto") && page.contains("olga") && !page.contains("somebody"));
    let all = deeds(&console).await;
    for deed in [("otto", "grant"), ("olga", "reject")] {
        assert!(all.contains(&(deed.0.to_owned(), deed.1.to_owned())), "{all:?}");
    }
    for (verdict, words, status) in [("x", "y", 400), ("grant", "", 422), ("grant", "A123456789", 422)] {
        let body = serde_json::json!({ "verdict": verdict, "words": words });
        let got = json_as(&console, "otto", &format!("/api/v1/disputes/{id}/decision"), &body).await;
        assert_eq!(got.status.as_u16(), status, "{}", got.text);
    }
    let elsewhere = [("origin", "http://attacker.test"), ("host", HOST)];
    let mut request = Request::post(format!("/disputes/{id}")).header("cookie", cookie("otto"));
    for (name, value) in elsewhere {
        request = request.header(name, value);
    }
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let forged = ask(&console, request.body(Body::from(fields)).unwrap()).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn supervisors_change_accounts_publish_and_read_the_audit() {
    let (console, _mailbox) = console(hub(), morning());
    let got = form_as(&console, "sue", "/operators", "name=otto&deed=role&role=reader").await;
    assert_eq!(got.status, StatusCode::SEE_OTHER);
    assert_eq!(get_as(&console, "otto", "/cases").await.status, StatusCode::SEE_OTHER, "signed out by the change");
    let disable = serde_json::json!({ "name": "olga", "deed": "disable" });
    assert_eq!(json_as(&console, "sue", "/api/v1/operators", &disable).await.status, StatusCode::OK);
    assert_eq!(get_as(&console, "olga", "/cases").await.status, StatusCode::SEE_OTHER);
    for (body, status) in [
        (serde_json::json!({ "name": "sue", "deed": "disable" }), 409),
        (serde_json::json!({ "name": "sue", "deed": "role", "role": "reader" }), 409),
        (serde_json::json!({ "name": "nobody", "deed": "disable" }), 404),
        (serde_json::json!({ "name": "rita", "deed": "role", "role": "king" }), 400),
        (serde_json::json!({ "name": "rita", "deed": "x" }), 400),
        (serde_json::json!([]), 400),
    ] {
        let got = json_as(&console, "sue", "/api/v1/operators", &body).await;
        assert_eq!(got.status.as_u16(), status, "{body}");
    }
    let publish = serde_json::json!({ "version": "mask-2020-02-27" });
    let got = json_as(&console, "sue", "/api/v1/programmes", &publish).await;
    assert_eq!((got.status, &got.json()["published"]), (StatusCode::OK, &"mask-2020-02-27".into()), "{}", got.text);
    let bad = json_as(&console, "sue", "/api/v1/programmes", &serde_json::json!({ "version": "x = 1" })).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);

    let accounts = get(&console, "/operators").await.text;
    assert!(accounts.contains("已停用") && accounts.contains("olga"));
    let audit = get(&console, "/audit").await.text;
    for deed in ["account-role", "account-disabled", "publish", "sue"] {
        assert!(audit.contains(deed), "{deed}");
    }
    let records = get(&console, "/api/v1/audit?from=2&limit=1").await.json();
    assert_eq!(records["records"][0]["number"], 2);
    for path in ["/audit?upto=1", "/audit?upto=18446744073709551615", "/api/v1/audit?from=18446744073709551615"] {
        assert_eq!(get(&console, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn readers_see_what_is_offered_lent_and_booked_and_the_audit_says_who_looked() {
    let mut hub = hub();
    let (_, text) = shared::rules::programme::shipped_rounds()[0];
    hub.publish_round(text, "op", MORNING).unwrap().unwrap();
    let venue = "id,name,county,district,address\nV1,金寧衛生所,金門縣,金寧鄉,金寧鄉1號\n";
    hub.put_venues(&crate::booking::read_venues(venue.as_bytes()).unwrap(), "op", MORNING).unwrap().unwrap();
    let slots = "venue,date,start,brands,places\nV1,2021-07-12,10:00,AZ,8\nV1,2021-07-12,11:00,AZ,4\n";
    hub.put_capacities(&crate::booking::read_slots(slots.as_bytes()).unwrap(), "op", MORNING).unwrap().unwrap();
    let (console, _mailbox) = console(hub, morning());
    let get = async |what: &str| get_as(&console, "rita", &format!("/api/v1/booking/{what}")).await;
    assert_eq!(get("rounds").await.json()["rounds"][0]["number"], 1);
    assert_eq!(get("venues").await.json()["venues"][0]["county"], "金門縣");
    let slots = get("slots?venue=V1&start=11:00").await.json();
    assert_eq!((&slots["total"], &slots["slots"][0]["free"]), (&1.into(), &4.into()));
    assert_eq!(get("wishes").await.json()["total"], 0);
    assert_eq!(get("leases").await.json()["awaited"], serde_json::json!([]));
    assert_eq!(get("bookings?venue=V1&date=2021-07-12").await.json()["total"], 0);
    assert_eq!(get("bookings?serial=7").await.json()["total"], 0);
    for bad in ["bookings", "bookings?venue=V1", "slots?venue=V%201", "slots?start=25:00"] {
        assert_eq!(get(bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let looks = deeds(&console).await.into_iter().filter(|(who, deed)| who == "rita" && deed == "booking").count();
    assert_eq!(looks, 2);
}
