//! 說明單 and 異議 at the counter (docs/disputes.md).

use super::*;
use crate::trial::meet_hub;

const EVEN: &str = "B123456780";
const MAN: &str = "19860315";

/// Somebody has bought here and is refused; the hub takes disputes.
async fn refused() -> (Browser, String) {
    let desk = desk_at(THURSDAY, &["mask-2020-02-06"]);
    meet_hub(&desk).await;
    let mut browser = Browser::before(&desk);
    browser.post("/masks/entered", "").await;
    browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
    browser.sell(EVEN, MAN, 2, 0).await;
    browser.post("/masks/clear", "").await;
    let page = browser.check("01", EVEN, MAN).await;
    (browser, page)
}

#[tokio::test]
async fn a_refused_person_can_have_a_slip_printed_and_the_counter_can_file_a_dispute() {
    let (mut browser, page) = refused().await;
    assert!(page.contains("不符購買資格") && page.contains("列印說明單") && page.contains("提出異議"), "{page}");
    let slip = words(&browser.get("/masks/slip").await);
    for text in [
        "說明單編號 slip number 20200206-",
        "5931102274 淡水藥局",
        "B12****780",
        "查詢時間 looked up 109/02/06 10:00",
        "109/02/06 本站售出 2020-02-06 sold here",
        "109/02/13 2020-02-13",
        "請向本站櫃檯提出異議",
        "Tell the counter here",
    ] {
        assert!(slip.contains(text), "{text}: {slip}");
    }
    assert!(!slip.contains(EVEN) && !slip.contains("異議編號"));
    let done = browser.post("/masks/dispute", "reason=%E6%B2%92%E6%9C%89%E8%B2%B7%E9%81%8E&by=%E7%8E%8B").await;
    assert!(done.contains("已登錄異議") && !done.contains(r#"role="alert""#), "{done}");
    assert!(done.contains("列印說明單") && !done.contains("提出異議"), "once is enough");
    // Pressed twice: one dispute.
    browser.post("/masks/dispute", "reason=%E6%B2%92%E6%9C%89%E8%B2%B7%E9%81%8E&by=%E7%8E%8B").await;
    let listed = browser.look("/api/v1/disputes").await;
    assert_eq!(listed["disputes"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["disputes"][0]["state"], "waiting");
    let number = listed["disputes"][0]["dispute"].as_str().unwrap().to_owned();
    assert!(browser.get("/masks/slip").await.contains(&number));
    let page = words(&browser.get("/disputes").await);
    assert!(page.contains("沒有買過") && page.contains("待裁定 waiting") && page.contains("待上傳"), "{page}");
}

#[tokio::test]
async fn who_may_buy_or_is_refused_for_something_else_is_offered_neither() {
    let mut browser = Browser::ready().await;
    for (number, what) in [("A123456789", "the other digits' day"), ("B123456780", "may buy"), ("B123", "no number")] {
        let page = browser.check("01", number, MAN).await;
        assert!(!page.contains("/masks/slip") && !page.contains("/masks/dispute"), "{what}");
        // The doors are shut too.
        for page in [browser.get_led("/masks/slip").await, browser.post("/masks/dispute", "reason=x").await] {
            assert!(!page.contains("已登錄異議") && page.contains("資格審核"), "{what}");
        }
        browser.post("/masks/clear", "").await;
    }
    let (mut browser, _) = refused().await;
    browser.post("/masks/clear", "").await;
    assert!(!browser.get("/masks").await.contains("/masks/slip"), "the next customer is not the last one");
}

#[tokio::test]
async fn nothing_typed_stands_unescaped() {
    let (mut browser, _) = refused().await;
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27";
    let done = browser.post("/masks/dispute", &format!("reason={hostile}&by={hostile}")).await;
    assert!(done.contains("已登錄異議"), "{done}");
    for path in ["/disputes", "/masks", "/masks/slip"] {
        assert!(!browser.get(path).await.contains("<script"), "{path}");
    }
    assert!(browser.get("/disputes").await.contains("&#60;script&#62;"));
}

#[tokio::test]
async fn a_reason_with_a_number_in_it_is_refused_with_words() {
    let (mut browser, _) = refused().await;
    for reason in [EVEN, "", "%E9%95%B7".repeat(67).as_str()] {
        let page = browser.post("/masks/dispute", &format!("reason={reason}")).await;
        assert!(page.contains(r#"role="alert""#), "{reason}");
    }
    assert!(browser.look("/api/v1/disputes").await["disputes"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_hub_that_takes_no_disputes_is_named_and_the_slip_is_there_all_the_same() {
    let mut browser = Browser::ready().await;
    browser.sell(EVEN, MAN, 2, 0).await;
    browser.post("/masks/clear", "").await;
    browser.check("01", EVEN, MAN).await;
    assert!(browser.get("/masks/slip").await.contains("說明單編號"));
    let page = browser.post("/masks/dispute", "reason=x").await;
    assert!(page.contains("中心目前尚不受理線上異議"), "{page}");
}

#[tokio::test]
async fn programs_file_and_list() {
    let (browser, _) = refused().await;
    let body = |number: &str| {
        let document = format!(r#"{{"kind":"01","number":"{number}","birth":"1986-03-15"}}"#);
        format!(r#"{{"document":{document},"reason":"沒有買過","by":"王","request":"r1"}}"#)
    };
    let (status, filed) = browser.ask("/api/v1/disputes", &body(EVEN)).await;
    assert_eq!((status, filed["verdict"].as_str(), filed["replayed"].as_bool()), (200, Some("disputed"), Some(false)));
    assert_eq!(filed["found"], serde_json::json!([{ "day": "2020-02-06", "source": "own" }]));
    let (_, again) = browser.ask("/api/v1/disputes", &body(EVEN)).await;
    assert_eq!((&again["dispute"], again["replayed"].as_bool()), (&filed["dispute"], Some(true)));
    let other = body("A100000010").replace("r1", "r2");
    let (status, bad) = browser.ask("/api/v1/disputes", &other).await;
    assert_eq!((status, bad["error"]["code"].as_str()), (400, Some("not-refused")));
    let (status, _) = browser.ask("/api/v1/disputes", r#"{"document":1}"#).await;
    assert_eq!(status, 400);
    let text = browser.look("/api/v1/disputes").await.to_string();
    assert!(!text.contains(EVEN) && text.contains("B12****780"), "{text}");
}
