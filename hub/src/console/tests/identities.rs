//! Two people for a number in clear, by the pages and by the API.

use serde_json::json;

use super::*;
use crate::identities::SHOWN_S;

async fn case(console: &Console) -> String {
    get(console, "/api/v1/cases").await.json()["cases"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn by_the_pages_one_asks_another_approves_and_the_asker_alone_sees() {
    let (console, _mailbox) = console(hub(), morning());
    let id = case(&console).await;
    let path = format!("/cases/{id}");
    assert!(get_as(&console, "otto", &path).await.text.contains("申請顯示身分"));
    assert!(!get_as(&console, "rita", &path).await.text.contains("申請顯示身分"), "a reader only looks");
    let early = form_as(&console, "otto", &format!("{path}/identity/show"), "").await;
    assert_eq!(early.status, StatusCode::FORBIDDEN);

    let asked = form_as(&console, "otto", &format!("{path}/identity"), "reason=%3Cb%3Ephone+call").await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    assert!(get_as(&console, "otto", &path).await.text.contains("等待他人核可"));
    let own = get_as(&console, "otto", "/requests").await.text;
    assert!(own.contains("待他人核可") && !own.contains("value=\"approve\""), "no button for one's own");
    assert!(!own.contains("<b>phone"), "escaped");
    let same = form_as(&console, "otto", "/requests/1", "verdict=approve").await;
    assert_eq!(same.status, StatusCode::FORBIDDEN);

    assert!(get_as(&console, "olga", "/requests").await.text.contains("value=\"approve\""));
    let approved = form_as(&console, "olga", "/requests/1", "verdict=approve").await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER);
    let page = get_as(&console, "otto", &path).await.text;
    assert!(page.contains("顯示證號") && !page.contains(PERSON));
    let shown = form_as(&console, "otto", &format!("{path}/identity/show"), "").await;
    assert!(shown.text.contains(PERSON) && shown.text.contains("http-equiv=\"refresh\""));
    assert_eq!(shown.headers["cache-control"], "no-store");
    for other in ["olga", "sue"] {
        let got = form_as(&console, other, &format!("{path}/identity/show"), "").await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{other}");
        assert!(!got.text.contains(PERSON));
    }
    let all = deeds(&console).await;
    for deed in [("otto", "identity-asked"), ("olga", "identity-approved"), ("otto", "identity-shown")] {
        assert!(all.contains(&(deed.0.to_owned(), deed.1.to_owned())), "{all:?}");
    }
    let later = Console { clock: at(7200 + SHOWN_S + 5), ..console.clone() };
    assert_eq!(form_as(&later, "otto", &format!("{path}/identity/show"), "").await.status, StatusCode::FORBIDDEN);
    assert!(get_as(&later, "otto", &path).await.text.contains("申請顯示身分"), "to be asked again");
}

#[tokio::test]
async fn by_the_api_the_same_rule_holds_and_a_refusal_shows_nothing() {
    let (hub, dispute) = disputed();
    let (console, _mailbox) = console(hub, morning());
    let id = case(&console).await;
    let path = format!("/api/v1/cases/{id}/identity");
    for (reason, status) in [("", 422), ("A123456789", 422)] {
        let got = json_as(&console, "otto", &path, &json!({ "reason": reason })).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (status, "refused"));
    }
    let asked = json_as(&console, "otto", &path, &json!({ "reason": "phone call" })).await.json();
    assert_eq!(asked["request"], 1);
    assert_eq!(json_as(&console, "otto", &path, &json!({ "reason": "again" })).await.status, StatusCode::CONFLICT);
    let judge = |name: &'static str, number: u64, approve: bool| {
        let console = console.clone();
        async move {
            let path = format!("/api/v1/identity-requests/{number}");
            json_as(&console, name, &path, &json!({ "approve": approve })).await.status
        }
    };
    assert_eq!(judge("otto", 1, true).await, StatusCode::FORBIDDEN, "never the same account");
    assert_eq!(judge("sue", 1, false).await, StatusCode::OK);
    assert_eq!(judge("olga", 1, true).await, StatusCode::CONFLICT, "judged");
    assert_eq!(get_as(&console, "otto", &path).await.status, StatusCode::FORBIDDEN);

    assert_eq!(json_as(&console, "otto", &path, &json!({ "reason": "again" })).await.json()["request"], 2);
    assert_eq!(judge("sue", 2, true).await, StatusCode::OK);
    assert_eq!(get_as(&console, "otto", &path).await.json()["number"], PERSON);
    let other = format!("/api/v1/cases/{dispute}/identity");
    assert_eq!(get_as(&console, "otto", &other).await.status, StatusCode::FORBIDDEN, "another case of the same person");
    let listed = get_as(&console, "otto", "/api/v1/identity-requests").await.json();
    assert_eq!(
        (&listed["requests"][0]["state"], &listed["requests"][1]["state"]),
        (&"approved".into(), &"refused".into())
    );

    // Who filed a dispute is somebody, too.
    assert_eq!(json_as(&console, "otto", &other, &json!({ "reason": "dispute" })).await.json()["request"], 3);
    assert_eq!(judge("olga", 3, true).await, StatusCode::OK);
    assert_eq!(get_as(&console, "otto", &other).await.json()["number"], PERSON);
    let to = get_as(&console, "otto", &format!("/cases/{dispute}")).await;
    assert_eq!(to.headers["location"], format!("/disputes/{dispute}"));
}

#[tokio::test]
async fn no_page_answer_or_audit_has_the_number_but_the_one_that_shows_it() {
    let (hub, dispute) = disputed();
    let (console, _mailbox) = console(hub, morning());
    let id = case(&console).await;
    form_as(&console, "otto", &format!("/cases/{id}/identity"), "reason=phone").await;
    form_as(&console, "olga", "/requests/1", "verdict=approve").await;
    assert!(form_as(&console, "otto", &format!("/cases/{id}/identity/show"), "").await.text.contains(PERSON));
    for name in ["otto", "olga", "sue"] {
        for path in [
            "/",
            "/cases",
            "/sites",
            "/requests",
            "/operators",
            "/audit",
            "/metrics",
            "/api/v1/status",
            "/api/v1/cases?closed=true",
            "/api/v1/disputes?decided=true",
            "/api/v1/clocks",
            "/api/v1/identity-requests",
            "/api/v1/operators",
            "/api/v1/audit",
            &format!("/cases/{id}"),
            &format!("/disputes/{dispute}"),
            &format!("/api/v1/cases/{id}"),
            &format!("/api/v1/disputes/{dispute}"),
            &format!("/cases/{PERSON}"),
        ] {
            assert!(!get_as(&console, name, path).await.text.contains(PERSON), "{name}: {path}");
        }
    }
    form_as(&console, "rita", &format!("/cases/{PERSON}/identity"), "reason=x").await;
    let (_, records) = console.hub.call(|hub| hub.audit(0, 10_000)).await.unwrap().unwrap();
    assert!(records.iter().all(|line| !line.json_line(line.link).contains(PERSON)));
}
