//! How old the knowledge of the nation is: on every page, in the API, and what the purchase page asks for then.

use shared::rules::programme::shipped_text;

use super::*;

/// The shipped version with a table for old knowledge; this site never had a line.
fn version(never: &str) -> String {
    let text = shipped_text("mask-2020-02-06").unwrap();
    text.replacen("[[notices]]", &format!("[knowledge]\nnever = \"{never}\"\n[[notices]]"), 1)
}

async fn browser(never: &str) -> Browser {
    let mut browser = Browser::at(THURSDAY, &[&version(never)]);
    browser.post("/masks/entered", "").await;
    browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
    browser
}

#[tokio::test]
async fn every_page_and_the_status_say_what_is_known_of_the_nation_and_what_that_allows() {
    for (never, zh, en) in [
        ("sell", "從未取得全國資料；可照常販售", "nothing is known of the nation yet; selling works"),
        (
            "refuse",
            "從未取得全國資料；依規定停止販售，請先連線",
            "nothing is known of the nation yet; nothing is sold: connect to the hub first",
        ),
    ] {
        let mut browser = browser(never).await;
        for path in ["/", "/masks", "/stock", "/recent"] {
            let page = words(&browser.get(path).await);
            assert!(page.contains(zh) && page.contains(en), "{path}: {page}");
        }
        let known = &browser.look("/api/v1/status").await["nation"]["known"];
        assert_eq!((known["step"].as_str(), known["allowed"].as_str()), (Some("never"), Some(never)), "{known}");
        assert_eq!((known["zh-TW"].as_str(), known["en"].as_str()), (Some(zh), Some(en)));
        assert!(known["age_s"].is_null() && known["age_s_max"].is_null());
    }
}

#[tokio::test]
async fn the_purchase_page_asks_for_a_manager_where_the_version_wants_one() {
    let mut with = browser("manager").await;
    let page = with.check("01", "B123456780", "19860315").await;
    assert!(page.contains(r#"name="manager""#), "{page}");
    with.post("/masks/buy", "adult=2&child=0&by=王").await;
    let page = with.post("/masks/confirm", "").await;
    assert!(words(&page).contains("依規定須主管同意"), "{page}");
    let page = with.post("/masks/buy", "adult=2&child=0&by=王&manager=王").await;
    assert!(words(&page).contains("主管：王"), "the dialog shows the name");
    assert!(words(&with.post("/masks/confirm", "").await).contains("依規定須主管同意"), "nobody is their own manager");
    with.post("/masks/buy", "adult=2&child=0&by=王&manager=林主任").await;
    assert!(words(&with.post("/masks/confirm", "").await).contains("已完成購買"));
    let mut without = browser("sell").await;
    assert!(!without.check("01", "B123456780", "19860315").await.contains(r#"name="manager""#));
}

#[tokio::test]
async fn a_program_names_the_manager_too() {
    let browser = browser("manager").await;
    let sale = |rest: &str| {
        format!(
            r#"{{"document":{{"kind":"01","number":"B123456780","birth":"1986-03-15"}},"adult":2,"by":"王"{rest}}}"#
        )
    };
    let (status, refused) = browser.ask("/api/v1/sell", &sale("")).await;
    assert_eq!((status, refused["reason"].as_str()), (200, Some("manager")), "{refused}");
    let check = r#"{"document":{"kind":"01","number":"B123456780","birth":"1986-03-15"}}"#;
    let (_, checked) = browser.ask("/api/v1/check", check).await;
    assert_eq!(checked["allowed"], "manager");
    assert!(checked["message"]["zh-TW"].as_str().unwrap().ends_with("；須主管同意"), "{checked}");
    let (_, sold) = browser.ask("/api/v1/sell", &sale(r#","manager":"林主任""#)).await;
    assert_eq!((sold["verdict"].as_str(), sold["receipt"]["approved_by"].as_str()), (Some("sold"), Some("林主任")));
    let request = Request::get("/api/v1/export").header(header::HOST, HOST).body(Body::empty()).unwrap();
    assert!(text(browser.send(request).await).await.contains(r#""approved_by":"林主任""#));
}
