//! 防疫口罩管控系統_購買, line by line of REQUIREMENTS.

use super::*;

/// Even: may buy on Thursday.
const EVEN: &str = "B123456780";
const EVEN_TOO: &str = "A100000010";
/// Odd: may not.
const ODD: &str = "A123456789";
const MAN: &str = "19860315";
const BOY: &str = "20120101";
const MASK: &[&str] = &["mask-2020-02-06"];

#[tokio::test]
async fn m01_required_fields_and_the_sites_code_and_name() {
    let mut browser = Browser::ready().await;
    let page = words(&browser.get("/masks").await);
    for text in
        ["欄位名稱前有「*」標記者為必填欄位", "* 醫事機構代碼", "5931102274 淡水藥局", "* 身分別/證號", "* 出生日期"]
    {
        assert!(page.contains(text), "{text}");
    }
}

#[tokio::test]
async fn m02_the_steps() {
    let mut browser = Browser::ready().await;
    let page = browser.get("/masks").await;
    assert!(page.contains("操作步驟: (1)選身分別 (2)插卡或「輸入證號+出生日期」 (3)點選資格審核"));
    assert!(words(&page).contains("資格審核"));
}

#[tokio::test]
async fn m03_five_kinds_and_01_is_the_default() {
    let mut browser = Browser::ready().await;
    let page = browser.get("/masks").await;
    assert!(page.contains(r#"<option value="01" selected>01-健保卡</option>"#));
    for text in ["02-健保卡(卡片異常請輸入ID)", "03-居留證", "04-入出境許可證", "05-護照"] {
        assert!(page.contains(&format!(">{text}</option>")), "{text}");
    }
}

#[tokio::test]
async fn m04_without_a_reader_01_is_typed_and_the_page_says_so() {
    let mut browser = Browser::ready().await;
    assert!(browser.get("/masks").await.contains("本站尚未連接讀卡機"));
    let page = browser.check("01", EVEN, MAN).await;
    assert!(page.contains(EVEN) && page.contains(MAN), "the fields keep what was read");
}

#[tokio::test]
async fn m05_02_is_typed() {
    let mut browser = Browser::ready().await;
    let page = browser.check("02", "ｂ１２３４５６７８０", "75/03/15").await;
    assert!(!page.contains(r#"role="alert""#));
    assert!(page.contains(r#"<option value="02" selected>"#));
}

#[tokio::test]
async fn m06_a_bad_document_is_named_and_can_be_mended() {
    let mut browser = Browser::ready().await;
    let cases = [
        ("01", "B123456781", MAN, "證號檢查碼錯誤"),
        ("03", EVEN, MAN, "證號格式不符「03-居留證」"),
        ("01", EVEN, "110/02/30", "出生日期不存在"),
        ("01", EVEN, "20991231", "出生日期不可晚於今日"),
        ("01", EVEN, "19111231", "出生日期早於民國元年"),
        ("07", EVEN, MAN, "身分別錯誤"),
        ("01", "", "", "證號格式不符"),
    ];
    for (kind, number, birth, want) in cases {
        let page = browser.check(kind, number, birth).await;
        assert!(words(&page).contains(want), "{want}: {}", words(&page));
        assert!(number.is_empty() || page.contains(number), "{want}: what was typed stays to be mended");
    }
    assert!(!browser.check("01", EVEN, MAN).await.contains(r#"role="alert""#), "no 清除 needed after a typing error");
}

#[tokio::test]
async fn m07_whose_day_it_is() {
    let mut browser = Browser::ready().await;
    let page = words(&browser.check("01", ODD, MAN).await);
    assert!(page.contains("今日為證號末碼雙號者（0、2、4、6、8）購買日") && page.contains("109/02/07"), "{page}");
    assert!(page.contains("today is for even numbers"));
    let mut sunday = Browser::at("2020-02-09T10:00:00+08:00", MASK);
    for number in [EVEN, ODD] {
        assert!(!sunday.check("01", number, MAN).await.contains(r#"role="alert""#), "{number}");
        sunday.post("/masks/clear", "").await;
    }
}

#[tokio::test]
async fn m08_two_pieces_for_ten_dollars() {
    let mut browser = Browser::ready().await;
    assert!(words(&browser.sell(EVEN, MAN, 2, 0).await).contains("已完成購買，應收 10 元"));
}

#[tokio::test]
async fn m09_bought_already_shows_the_next_date() {
    let mut browser = Browser::ready().await;
    browser.sell(EVEN, MAN, 2, 0).await;
    browser.post("/masks/clear", "").await;
    let page = words(&browser.check("01", EVEN, MAN).await);
    assert!(page.contains("不符購買資格") && page.contains("下次購買起日：109/02/13"), "{page}");
    assert!(page.contains("bought already; next 2020-02-13"));
}

#[tokio::test]
async fn m10_qualified_shows_no_message_and_the_fields_become_usable() {
    let mut browser = Browser::ready().await;
    browser.post("/masks/clear", "").await;
    assert!(browser.get("/masks").await.contains("<fieldset disabled>"));
    let page = browser.check("01", EVEN, MAN).await;
    assert!(!page.contains(r#"class="message"#), "no message at all");
    assert!(page.contains("<fieldset>") && !page.contains("<fieldset disabled>"));
}

#[tokio::test]
async fn m11_this_purchase() {
    let mut browser = Browser::ready().await;
    let page = browser.check("01", EVEN, MAN).await;
    let said = words(&page);
    for text in ["本次購買紀錄", "購買日期 date 109/02/06", "可購買片數 may buy 2", "成人口罩片數", "兒童口罩片數"]
    {
        assert!(said.contains(text), "{text}: {said}");
    }
    for name in ["adult", "child"] {
        let field = page.split(&format!(r#"<select id="{name}""#)).nth(1).unwrap().split("</select>").next().unwrap();
        assert!(field.contains(r#"<option value="0" selected>0</option>"#), "{name} is 0 at first: {field}");
    }
}

#[tokio::test]
async fn m12_child_masks_for_children_only() {
    let mut browser = Browser::ready().await;
    let page = browser.check("01", EVEN, MAN).await;
    let child = page.split(r#"id="child""#).nth(1).unwrap().split("</select>").next().unwrap();
    assert_eq!(child.matches("<option").count(), 1, "born ROC 96 or earlier: adult only, nothing but 0: {child}");
    browser.post("/masks/buy", "adult=1&child=1").await;
    let refused = words(&browser.post("/masks/confirm", "").await);
    assert!(refused.contains("兒童口罩僅限民國 97 年（含）以後出生者購買"), "{refused}");
    browser.post("/masks/clear", "").await;
    assert!(words(&browser.sell(EVEN, BOY, 1, 1).await).contains("已完成購買"), "born ROC 97 or later: either");
}

#[tokio::test]
async fn m13_not_more_than_the_limit() {
    let mut browser = Browser::ready().await;
    let nothing = shared::rules::refusal::Refusal::NothingAsked.zh();
    let cases = [
        ("3", "超過購買上限"),
        ("-1", ""),
        ("99999999999", "超過購買上限"),
        ("x", "數量須為整數"),
        ("0", nothing.as_str()),
    ];
    for (adult, want) in cases {
        browser.check("01", EVEN, MAN).await;
        browser.post("/masks/buy", &format!("adult={adult}&child=0")).await;
        let page = browser.post("/masks/confirm", "").await;
        assert!(page.contains(r#"role="alert""#) && words(&page).contains(want), "{adult}: {}", words(&page));
        browser.post("/masks/clear", "").await;
    }
    assert_eq!(browser.look("/api/v1/stock").await["shelves"][0]["stock"]["adult"], 200, "nothing was sold");
}

#[tokio::test]
async fn m14_buttons_and_the_dialog() {
    let mut browser = Browser::ready().await;
    let page = words(&browser.check("01", EVEN, MAN).await);
    assert!(page.contains("購買 Buy") && page.contains("清除 Clear") && !page.contains("是否確定購買?"));
    let asked = words(&browser.post("/masks/buy", "adult=2&child=0").await);
    for text in ["購買訊息", "是否確定購買?", "確定", "取消"] {
        assert!(asked.contains(text), "{text}");
    }
    let cancelled = browser.post("/masks/cancel", "").await;
    assert!(!cancelled.contains("是否確定購買?") && cancelled.contains("<fieldset>"), "back to the fields");
    assert_eq!(browser.look("/api/v1/recent").await["recent"].as_array().unwrap().len(), 0, "nothing was sold");
    browser.post("/masks/buy", "adult=2&child=0").await;
    browser.post("/masks/confirm", "").await;
    let again = words(&browser.post("/masks/confirm", "").await);
    assert!(again.contains("已完成購買"), "確定 twice: {again}");
    assert_eq!(browser.look("/api/v1/recent").await["recent"].as_array().unwrap().len(), 1, "and one sale");
}

#[tokio::test]
async fn m15_the_recent_purchases() {
    let mut browser = Browser::ready().await;
    let page = words(&browser.sell(EVEN, MAN, 2, 0).await);
    assert!(page.contains("最近購買紀錄"));
    assert!(page.contains("院所簡稱 身分證號 購買日期 成人購買數量 兒童購買數量"), "{page}");
    assert!(page.contains("淡水藥局 B12****780 109/02/06 10:0"), "to the minute, masked: {page}");
    assert!(!page.contains(EVEN), "after the purchase the number is masked everywhere");
    assert!(words(&browser.get("/recent").await).contains("淡水藥局 B12****780 109/02/06 10:0"));
}

#[tokio::test]
async fn m16_the_next_customer_needs_clear() {
    let mut browser = Browser::ready().await;
    assert!(browser.get("/masks").await.contains("換個案購買時請先按 清除 後再重新執行 資格審核"));
    browser.check("01", EVEN, MAN).await;
    let page = browser.check("01", EVEN_TOO, MAN).await;
    assert!(page.contains(r#"role="alert""#) && page.contains(EVEN) && !page.contains(EVEN_TOO));
    browser.post("/masks/clear", "").await;
    assert!(!browser.check("01", EVEN_TOO, MAN).await.contains(r#"role="alert""#));
    // Nothing is bought for somebody who was not examined.
    browser.post("/masks/clear", "").await;
    let page = words(&browser.post("/masks/buy", "adult=2").await);
    assert!(page.contains("請先執行 資格審核"), "{page}");
}

#[tokio::test]
async fn m16_two_counters_have_two_screens() {
    let desk = desk_at(THURSDAY, MASK);
    let web = app(Arc::new(Web::new(desk, site(), watch::channel(LineStatus::default()).1, vec![HOST.to_owned()])));
    let (mut one, mut two) = (Browser::of(web.clone()), Browser::of(web));
    assert!(one.check("01", EVEN, MAN).await.contains(EVEN));
    let page = two.check("01", EVEN_TOO, MAN).await;
    assert!(!page.contains(r#"role="alert""#) && !page.contains(EVEN) && page.contains(EVEN_TOO));
}

#[tokio::test]
async fn m17_entering_asks_for_the_arrival() {
    let question = "請先至「防疫口罩管控系統_庫存」作業,確認今日口罩是否到貨?若無庫存,則無法進行交易!";
    let mut browser = Browser::at(THURSDAY, MASK);
    let page = browser.get("/masks").await;
    assert!(page.contains(question) && page.contains("網頁訊息") && words(&page).contains("確定"));
    assert!(!browser.post("/masks/entered", "").await.contains(question));
    assert!(browser.get("/masks?entering=1").await.contains(question), "by the menu it asks again");
    browser.post("/masks/entered", "").await;
    browser.check("01", EVEN, MAN).await;
    browser.post("/masks/buy", "adult=2").await;
    let page = words(&browser.post("/masks/confirm", "").await);
    assert!(page.contains("庫存不足"), "no stock, no transaction: {page}");
}

#[tokio::test]
async fn m20_a_proxy_may_carry_a_card() {
    let mut browser = Browser::ready().await;
    browser.check("01", EVEN, MAN).await;
    browser.post("/masks/buy", &format!("adult=2&proxy_kind=01&proxy_number={EVEN}&proxy_birth={MAN}")).await;
    let page = words(&browser.post("/masks/confirm", "").await);
    assert!(page.contains("代購人與購買人為同一人"), "{page}");
    browser.post("/masks/buy", &format!("adult=2&proxy_kind=01&proxy_number={ODD}&proxy_birth={MAN}")).await;
    assert!(words(&browser.post("/masks/confirm", "").await).contains("已完成購買"));
}

#[tokio::test]
async fn m21_the_five_lines_stay_visible() {
    let mut browser = Browser::ready().await;
    let lines = [
        "口罩購買說明:",
        "1.每人一次限購2片(7天內只能購買2片,2片10元)。",
        "2.身分證字號末碼雙號者(0、2、4、6、8)可於每週二、四、六購買,單號者(1、3、5、7、9)可於每週一、三、五購買,週日則開放全民皆可購買",
        "3.代購:一人限代持一張健保卡,購買規則相同。",
        "4.每日每個販售點成人口罩200片,兒童口罩50片,但會依實際口罩生產產能作調整。",
        "5.兒童口罩僅限12歲以下兒童健保卡(民國97年以後出生者)購買。",
    ];
    for page in
        [browser.get("/masks").await, browser.check("01", EVEN, MAN).await, browser.post("/masks/buy", "adult=2").await]
    {
        for line in lines {
            assert!(page.contains(line), "{line}");
        }
    }
}

#[tokio::test]
async fn m23_dates_are_roc_and_a_rehearsal_is_marked() {
    let mut browser = Browser::ready().await;
    for path in ["/", "/masks", "/stock", "/recent"] {
        let page = words(&browser.get(path).await);
        assert!(page.contains("今日 109/02/06"), "{path}");
        assert!(page.contains("演練模式") && page.contains("REHEARSAL"), "{path}");
        assert!(page.contains("線路： 尚未向中心註冊") || page.contains("線路：尚未向中心註冊"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_message_belongs_to_its_page() {
    let mut browser = Browser::ready().await;
    browser.check("01", ODD, MAN).await;
    for path in ["/", "/stock", "/recent"] {
        assert!(!browser.get(path).await.contains(r#"class="message"#), "{path}");
    }
    assert!(browser.get("/masks").await.contains(r#"class="message refused""#));
}

#[tokio::test]
async fn without_rules_the_page_says_so() {
    let mut browser = Browser::at(THURSDAY, &[]);
    assert!(browser.get("/masks").await.contains("尚未收到今日實施的購買規定"));
    assert!(words(&browser.check("01", EVEN, MAN).await).contains("今日沒有實施中的購買規定"));
}

#[tokio::test]
async fn what_is_typed_never_becomes_markup() {
    let mut browser = Browser::ready().await;
    let page = browser.check("01", "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "%3Cb%3E").await;
    assert!(!page.contains("<script") && !page.contains("<b>"));
    let page = browser.post("/stock/correct", "programme=mask&adult=1&reason=%3Cimg%20src=x%3E&by=%3Ci%3E").await;
    assert!(!page.contains("<img") && !page.contains("<i>") && page.contains("&#60;img"), "{page}");
}
