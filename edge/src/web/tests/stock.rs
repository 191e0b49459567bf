//! 防疫口罩管控系統_庫存 and withdrawals.

use super::*;

const MASK: &[&str] = &["mask-2020-02-06"];

/// The hidden key of the n-th form of a kind (a: arrival, c: correction).
fn key(page: &str, suffix: &str) -> String {
    let end = format!("-{suffix}\"");
    let before = page.split(&end).next().unwrap();
    format!("{}-{suffix}", before.rsplit('"').next().unwrap())
}

#[tokio::test]
async fn m18_an_arrival_adds_to_the_stock_once() {
    let mut browser = Browser::at(THURSDAY, MASK);
    let page = browser.get("/stock").await;
    let form = format!("programme=mask&adult=180&child=40&by=%E7%8E%8B&request={}", key(&page, "a1"));
    let done = words(&browser.post("/stock/arrive", &form).await);
    assert!(done.contains("口罩到貨：成人 180、兒童 40，已加入庫存"), "{done}");
    browser.post("/stock/arrive", &form).await;
    let stock = browser.look("/api/v1/stock").await;
    assert_eq!(stock["shelves"][0]["stock"]["adult"], 180, "the same form twice is one arrival");
    assert_eq!(stock["today"].as_array().unwrap().len(), 1);
    assert_eq!(stock["today"][0]["by"], "王");
}

#[tokio::test]
async fn m19_the_allotment_is_proposed_and_never_a_cap() {
    let mut browser = Browser::at(THURSDAY, MASK);
    let page = browser.get("/stock").await;
    assert!(page.contains(r#"name="adult" value="200""#) && page.contains(r#"name="child" value="50""#));
    assert!(words(&page).contains("每日預定配額"));
    browser.post("/stock/arrive", "programme=mask&adult=600&child=0").await;
    assert_eq!(browser.look("/api/v1/stock").await["shelves"][0]["stock"]["adult"], 600);
}

#[tokio::test]
async fn corrections_need_a_reason_and_withdrawals_undo() {
    let mut browser = Browser::ready().await;
    let refused = browser.post("/stock/correct", "programme=mask&adult=-3&reason=").await;
    assert!(refused.contains(r#"role="alert""#) && refused.contains("請填寫原因"));
    let done =
        words(&browser.post("/stock/correct", "programme=mask&adult=-3&child=2&reason=%E7%A0%B4%E6%90%8D").await);
    assert!(
        done.contains("庫存已更正：成人 -3、兒童 +2") && done.contains("破損") && done.contains("197／52"),
        "{done}"
    );
    let today = browser.look("/api/v1/stock").await;
    let arrival = today["today"].as_array().unwrap().iter().find(|line| line["kind"] == "arrival").unwrap();
    let form = format!("of={}&reason=x", arrival["entry"].as_str().unwrap());
    let kept = words(&browser.post("/stock/withdraw", &form).await);
    assert!(kept.contains("庫存不足"), "three of the arrival are gone: {kept}");
    browser.post("/stock/correct", "programme=mask&adult=3&child=-2&reason=x").await;
    let gone = words(&browser.post("/stock/withdraw", &form).await);
    assert!(gone.contains("已撤銷紀錄"), "{gone}");
    assert_eq!(browser.look("/api/v1/stock").await["shelves"][0]["stock"]["adult"], 0);
}

#[tokio::test]
async fn a_sale_is_withdrawn_with_a_reason_and_can_be_made_again() {
    let mut browser = Browser::ready().await;
    browser.sell("B123456780", "19860315", 2, 0).await;
    let sale = browser.look("/api/v1/recent").await["recent"][0]["sale"].as_str().unwrap().to_owned();
    let page = words(&browser.post("/recent/withdraw", &format!("of={sale}&reason=")).await);
    assert!(page.contains("請填寫原因"), "{page}");
    let page = words(&browser.post("/recent/withdraw", &format!("of={sale}&reason=%E8%AA%A4")).await);
    assert!(page.contains("已撤銷紀錄") && page.contains("已撤銷 withdrawn"), "{page}");
    let page = words(&browser.post("/recent/withdraw", &format!("of={sale}&reason=x")).await);
    assert!(page.contains("此筆紀錄已撤銷"), "{page}");
    assert!(words(&browser.post("/recent/withdraw", "of=nonsense&reason=x").await).contains("紀錄編號格式不正確"));
    browser.post("/masks/clear", "").await;
    assert!(words(&browser.sell("B123456780", "19860315", 2, 0).await).contains("已完成購買"));
}

#[tokio::test]
async fn goods_may_arrive_before_any_rules() {
    let mut browser = Browser::at(THURSDAY, &[]);
    assert!(words(&browser.get("/stock").await).contains("口罩到貨"));
    browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
    assert_eq!(browser.look("/api/v1/stock").await["shelves"][0]["stock"]["child"], 50);
}
