//! `/api/v1`.

use super::*;
use crate::trial::elsewhere;

const MASK: &[&str] = &["mask-2020-02-06"];

fn sale(rest: &str) -> String {
    format!(r#"{{"document":{{"kind":"01","number":"B123456780","birth":"1986-03-15"}}{rest}}}"#)
}

async fn stocked() -> Browser {
    let browser = Browser::at(THURSDAY, MASK);
    let (status, arrived) = browser.ask("/api/v1/arrive", r#"{"adult":200,"child":50}"#).await;
    assert_eq!((status, arrived["verdict"].as_str()), (200, Some("arrived")));
    browser
}

#[tokio::test]
async fn a_repeated_request_is_one_sale() {
    let browser = stocked().await;
    let body = sale(r#","adult":2,"request":"k1","by":"王""#);
    let (_, first) = browser.ask("/api/v1/sell", &body).await;
    let (_, second) = browser.ask("/api/v1/sell", &body).await;
    assert_eq!((first["verdict"].as_str(), first["replayed"].as_bool()), (Some("sold"), Some(false)), "{first}");
    assert_eq!((second["sale"].clone(), second["replayed"].as_bool()), (first["sale"].clone(), Some(true)));
    assert_eq!(second["receipt"]["price_ntd"], 10);
    let status = browser.look("/api/v1/status").await;
    assert_eq!(
        (status["ledger"]["entries"].as_u64(), status["stock"][0]["stock"]["adult"].as_i64()),
        (Some(2), Some(198))
    );
    let (status, reused) = browser.ask("/api/v1/arrive", r#"{"adult":1,"request":"k1"}"#).await;
    assert_eq!((status, reused["error"]["code"].as_str()), (400, Some("request-reused")), "{reused}");
}

#[tokio::test]
async fn a_refusal_is_an_answer_with_its_reason_and_the_next_date() {
    let browser = stocked().await;
    browser.ask("/api/v1/sell", &sale(r#","adult":2"#)).await;
    let (status, refused) = browser.ask("/api/v1/sell", &sale(r#","adult":2"#)).await;
    assert_eq!(status, 200);
    assert_eq!(
        (refused["verdict"].as_str(), refused["reason"].as_str(), refused["next"].as_str()),
        (Some("refused"), Some("bought"), Some("2020-02-13"))
    );
    assert!(refused["message"]["zh-TW"].as_str().unwrap().contains("109/02/13"));
    let (_, checked) = browser.ask("/api/v1/check", &sale("")).await;
    assert_eq!(checked["reason"], "bought");
}

#[tokio::test]
async fn what_cannot_be_meant_is_400_and_changes_nothing() {
    let browser = stocked().await;
    let cases = [
        ("/api/v1/sell", "".to_owned(), "shape"),
        ("/api/v1/sell", "{".to_owned(), "shape"),
        ("/api/v1/sell", "[]".to_owned(), "shape"),
        ("/api/v1/sell", r#"{"adult":2}"#.to_owned(), "shape"),
        ("/api/v1/sell", sale(r#","adult":"two""#), "shape"),
        ("/api/v1/sell", sale(r#","adult":1.5"#), "shape"),
        ("/api/v1/sell", sale(r#","adult":99999999999999999999"#), "shape"),
        ("/api/v1/sell", sale(r#","adults":2"#), "shape"),
        ("/api/v1/sell", sale(r#","adult":2,"programme":"Masks!""#), "programme"),
        ("/api/v1/sell", sale(r#","adult":2,"request":"""#), "request-key"),
        ("/api/v1/record", sale(r#","adult":2,"at":"yesterday""#), "at"),
        ("/api/v1/record", sale(r#","adult":2,"at":"109/02/07 10:00""#), "future"),
        ("/api/v1/withdraw", r#"{"of":"x","reason":"y"}"#.to_owned(), "entry"),
        ("/api/v1/correct", r#"{"adult":1,"reason":""}"#.to_owned(), "reason"),
    ];
    for (path, body, code) in cases {
        let (status, answer) = browser.ask(path, &body).await;
        assert_eq!((status, answer["error"]["code"].as_str()), (400, Some(code)), "{path} {body}: {answer}");
        let error = &answer["error"];
        assert!(!error["zh-TW"].as_str().unwrap().is_empty() && !error["en"].as_str().unwrap().is_empty());
    }
    assert_eq!(browser.look("/api/v1/status").await["ledger"]["entries"], 1);
}

#[tokio::test]
async fn counts_that_no_shelf_holds_are_refused() {
    let browser = stocked().await;
    for body in [r#"{"adult":-5}"#, r#"{"child":-1,"adult":3}"#, r#"{"adult":0}"#, r#"{"adult":9223372036854775807}"#] {
        let (status, answer) = browser.ask("/api/v1/arrive", body).await;
        assert_eq!((status, answer["verdict"].as_str()), (200, Some("refused")), "{body}: {answer}");
    }
    for rest in [r#","adult":-1"#, r#","adult":3"#, r#","adult":-1,"child":2"#, r#","adult":9223372036854775807"#] {
        let (status, answer) = browser.ask("/api/v1/sell", &sale(rest)).await;
        assert_eq!((status, answer["verdict"].as_str()), (200, Some("refused")), "{rest}: {answer}");
    }
    assert_eq!(browser.look("/api/v1/status").await["ledger"]["entries"], 1);
}

#[tokio::test]
async fn an_unknown_entry_or_programme_is_refused() {
    let browser = stocked().await;
    let of = format!("{}-1", "ab".repeat(16));
    let (status, answer) = browser.ask("/api/v1/withdraw", &format!(r#"{{"of":"{of}","reason":"x"}}"#)).await;
    assert_eq!((status, answer["reason"].as_str()), (200, Some("unknown")), "{answer}");
    let (_, answer) = browser.ask("/api/v1/sell", &sale(r#","adult":2,"programme":"kit""#)).await;
    assert_eq!(answer["reason"], "programme");
}

#[tokio::test]
async fn a_refusal_says_what_it_rests_on_and_never_where_another_purchase_was() {
    let desk = desk_at(THURSDAY, MASK);
    let browser = Browser::before(&desk);
    browser.ask("/api/v1/arrive", r#"{"adult":200,"child":50}"#).await;
    browser.ask("/api/v1/sell", &sale(r#","adult":2"#)).await;
    let (_, refused) = browser.ask("/api/v1/check", &sale("")).await;
    let own = &refused["evidence"][0];
    assert_eq!((own["kind"].as_str(), own["day"].is_null()), (Some("own"), true), "{refused}");
    assert!(own["at"].as_str().unwrap().starts_with("2020-02-06T10:0"), "{own}");
    // Somebody else bought at 5901012345, whose name no edge ever learns: the answer has room for a day only.
    desk.take_feed(0, vec![elsewhere("A100000010")]).await.unwrap();
    let body = sale("").replace("B123456780", "A100000010");
    let (_, refused) = browser.ask("/api/v1/check", &body).await;
    let wanted = serde_json::json!([{
        "kind": "live-list", "at": null, "day": "2020-02-04",
        "zh-TW": "全國 109/02/04 的即時購買名單", "en": "the nation's live list of 2020-02-04",
    }]);
    assert_eq!(refused["evidence"], wanted);
    let mut counter = Browser::before(&desk);
    let page = words(&counter.check("01", "A100000010", "19860315").await);
    assert!(
        page.contains("依據 known from ：全國 109/02/04 的即時購買名單 the nation&#39;s live list of 2020-02-04"),
        "{page}"
    );
    for said in [refused.to_string(), page] {
        assert!(!said.contains("5901012345"), "{said}");
    }
}

#[tokio::test]
async fn where_a_sale_stands_is_said_by_page_and_program() {
    let desk = desk_at(THURSDAY, MASK);
    let mut browser = Browser::before(&desk);
    browser.ask("/api/v1/arrive", r#"{"adult":200,"child":50}"#).await;
    browser.ask("/api/v1/sell", &sale(r#","adult":2"#)).await;
    let standing = &browser.look("/api/v1/recent").await["recent"][0]["standing"];
    assert_eq!(*standing, serde_json::json!({ "code": "provisional", "zh-TW": "暫定", "en": "provisional" }));
    assert!(words(&browser.get("/recent").await).contains("暫定 provisional"));
    let welcome = shared::sync::handshake::welcome(shared::ids::Incarnation([9; 16]), 0, None, 0);
    desk.resume(welcome).await.unwrap();
    desk.acked(2, 0, None).await.unwrap();
    assert_eq!(browser.look("/api/v1/recent").await["recent"][0]["standing"]["code"], "confirmed");
    assert!(words(&browser.get("/recent").await).contains("已確認 confirmed"));
}

#[tokio::test]
async fn a_sale_that_happened_is_recorded_and_never_refused() {
    let browser = Browser::at(THURSDAY, MASK);
    let (_, answer) = browser.ask("/api/v1/record", &sale(r#","adult":2,"at":"109/02/06 09:10","by":"王""#)).await;
    assert_eq!(answer["verdict"], "recorded", "{answer}");
    assert_eq!(answer["receipt"]["date"], "109/02/06 09:10");
    assert_eq!(answer["stock"]["adult"], -2, "the shelf moves");
    assert_eq!(browser.look("/api/v1/recent").await["recent"][0]["recorded"], true);
}

#[tokio::test]
async fn status_versions_and_export_tell_everything_but_who() {
    let browser = stocked().await;
    browser.ask("/api/v1/sell", &sale(r#","adult":2"#)).await;
    let status = browser.look("/api/v1/status").await;
    assert_eq!((status["line"]["state"].as_str(), status["rehearsal"].as_bool()), (Some("not-enrolled"), Some(true)));
    assert_eq!((status["today"]["roc"].as_str(), status["ledger"]["unsent"].as_u64()), (Some("109/02/06"), Some(2)));
    assert_eq!(browser.look("/api/v1/versions").await["versions"][0]["version"], "mask-2020-02-06");
    let request = Request::get("/api/v1/export").header(header::HOST, HOST).body(Body::empty()).unwrap();
    let export = text(browser.send(request).await).await;
    assert_eq!(export.lines().count(), 2);
    assert!(export.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && !export.contains("B123456780"));
}

#[tokio::test]
async fn machines_can_watch() {
    let mut browser = stocked().await;
    assert_eq!(browser.get("/healthz").await, "ok\n");
    assert_eq!(browser.get("/readyz").await, "ready\n");
    let metrics = browser.get("/metrics").await;
    assert!(metrics.contains("atoll_edge_entries 1\n") && metrics.contains("atoll_edge_connected 0\n"), "{metrics}");
}
