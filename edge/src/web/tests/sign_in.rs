//! 憑證登入 and what it opens (S11-S19), with 健保卡 and password; certificate cards are played by the real helper in
//! the system tests.

use shared::entry::Fact;
use shared::entry::access::{Access, Grant, Holder, Right};
use shared::rules::access::card::CardKind;
use shared::rules::identity::Document;
use shared::seal::passphrase::{Cost, Label, Passphrase};
use shared::sign::staff::{StaffKey, WHAT, lock};

use super::cards::Counter;
use super::*;
use crate::trial::{desk_entry, meet_hub, site_keys, tell_desk};

const MANAGER: &str = "A123456789";
const USER: &str = "B123456780";
const PASSWORD: &str = "correct horse battery";
const BUYER: &str = "kind=02&number=A100000010&birth=19860315";

/// The hub's grant to the holder of a 健保卡.
fn nhi_grant(seq: u32, number: &str, name: &str, right: Right) -> Fact {
    let seed = [u8::try_from(seq).unwrap(); 32];
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let label = Label { what: WHAT, of: "5931102274", salt: [3; 16], cost };
    let locked = lock(&seed, &Passphrase::parse(PASSWORD.as_bytes()).unwrap(), &label).unwrap();
    let document = Document::parse("01", number, "1986-03-15", "2020-02-06".parse().unwrap()).unwrap();
    let to = Holder {
        name: name.to_owned(),
        card: CardKind::Nhi,
        key: StaffKey::from_seed(&seed).unwrap().spki(),
        locked_key: Some(locked),
        document: Some(site_keys().seal(&desk_entry(seq), 0, &document).unwrap()),
        certificate: None,
    };
    let until = "2020-12-31".parse().unwrap();
    Fact::Access(Access::Grant(Grant { to, rights: vec![right], until, after: vec![], giver: None }))
}

/// The node of a site with a manager and a user.
pub(super) async fn staffed_desk() -> Desk {
    let desk = desk_at(THURSDAY, &["mask-2020-02-06"]);
    meet_hub(&desk).await;
    let masks = Right::service("masks").unwrap();
    let facts = [nhi_grant(1, MANAGER, "王經理", Right::Manager), nhi_grant(2, USER, "林藥師", masks)];
    tell_desk(&desk, &facts).await;
    desk.for_counters()
}

/// A counter of that site, nobody signed in.
async fn staffed() -> Counter {
    Counter::before(staffed_desk().await, false).await
}

impl Counter {
    async fn swap(&mut self, insertion: u64, number: &str) {
        if insertion > 1 {
            self.card(insertion - 1, "removed");
        }
        self.put_in(insertion, &[], number, "0750315").await;
    }

    /// The page that the browser is led to.
    async fn login(&mut self, reader: &str, card: &str, pin: &str) -> String {
        let form = format!("reader={reader}&card={card}&pin_source=keyboard&pin={pin}&back=L21hc2tz");
        words(&self.browser.post("/login", &form).await)
    }
}

#[tokio::test]
async fn s13_the_page_names_both_readers_and_all_five_cards() {
    let mut counter = staffed().await;
    let page = words(&counter.browser.get("/login").await);
    for wanted in [
        "所在位置 / 首頁 / 醫事機構登入 / 醫事人員卡",
        "請選擇讀卡機種類",
        "健保讀卡機/雲端控制軟體",
        "晶片讀卡機",
        "憑證 PIN 碼來源",
        "健保讀卡機 (已驗證成功者免輸入)",
        "電腦鍵盤",
        "申辦醫事人員卡事宜?",
        "醫事機構登入 (請選擇使用卡片)",
        "醫事人員卡",
        "健保卡",
        "自然人憑證卡",
        "醫事機構卡",
        "政府單位憑證卡",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
}

#[tokio::test]
async fn whoever_has_not_signed_in_sees_the_public_home_and_is_led_to_the_sign_in() {
    let mut counter = staffed().await;
    let home = words(&counter.browser.get("/").await);
    assert!(home.contains("首次使用") && !home.contains("防疫口罩管控系統_購買"), "{home}");
    for page in ["/masks", "/stock", "/recent", "/disputes", "/staff"] {
        let led = words(&counter.browser.get_led(page).await);
        assert!(led.contains("請選擇使用卡片"), "{page}: {led}");
    }
    let led = words(&counter.browser.post("/masks/check", BUYER).await);
    assert!(led.contains("請選擇使用卡片"), "{led}");
    for path in ["/api/v1/check", "/api/v1/sell", "/api/v1/arrive"] {
        let (status, answer) = counter.browser.ask(path, "{}").await;
        assert_eq!((status, answer["error"]["code"].as_str()), (401, Some("not-signed-in")), "{path} {answer}");
    }
    assert_eq!(counter.browser.look("/api/v1/recent").await["error"]["code"], "not-signed-in");
}

#[tokio::test]
async fn s10_a_card_in_the_wrong_kind_of_reader_is_told_the_right_one() {
    let mut counter = staffed().await;
    counter.swap(1, USER).await;
    let page = counter.login("chip", "nhi", PASSWORD).await;
    assert!(page.contains("健保卡不能以晶片讀卡機登入，請改用「健保讀卡機/雲端控制軟體」"), "{page}");
    let page = counter.login("nhi", "citizen", "123456").await;
    assert!(page.contains("自然人憑證卡不能以健保讀卡機"), "{page}");
}

#[tokio::test]
async fn a_user_signs_in_sells_and_signs_out() {
    let mut counter = staffed().await;
    counter.swap(1, "C123456781").await;
    let page = counter.login("nhi", "nhi", PASSWORD).await;
    assert!(page.contains("尚未登錄為本機構的使用者"), "{page}");
    counter.swap(2, USER).await;
    let page = counter.login("nhi", "nhi", "wrong horse battery").await;
    assert!(page.contains("登入密碼錯誤"), "{page}");
    let page = counter.login("nhi", "nhi", PASSWORD).await;
    assert!(page.contains("林藥師") && page.contains("登出") && page.contains("防疫口罩管控系統_購買"), "{page}");
    assert!(!page.contains("機構管理"), "a user manages nobody: {page}");
    // The card may be pulled: it is needed to sign in, and by the next customer.
    counter.card(2, "removed");
    counter.until("no card").await;
    counter.browser.post("/masks/entered", "").await;
    counter.browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
    counter.browser.post("/masks/check", BUYER).await;
    counter.browser.post("/masks/buy", "adult=2&child=0&by=somebody+else").await;
    let sold = words(&counter.browser.post("/masks/confirm", "").await);
    assert!(sold.contains("已完成購買"), "{sold}");
    let stock = words(&counter.browser.get("/stock").await);
    assert!(stock.contains("林藥師") && !stock.contains("somebody else"), "the entry names who signed in: {stock}");
    let led = words(&counter.browser.get_led("/staff").await);
    assert!(led.contains("您不能設定他人的權限"), "{led}");
    let home = words(&counter.browser.post("/logout", "").await);
    assert!(home.contains("醫事機構登入") && !home.contains("林藥師"), "{home}");
    assert!(words(&counter.browser.get_led("/masks").await).contains("請選擇使用卡片"));
}

#[tokio::test]
async fn a_shift_changes_and_the_page_stays_as_it_was() {
    let mut counter = staffed().await;
    counter.swap(1, USER).await;
    counter.login("nhi", "nhi", PASSWORD).await;
    counter.browser.post("/masks/entered", "").await;
    counter.browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
    let checked = counter.browser.post("/masks/check", BUYER).await;
    assert!(checked.contains(r#"<output class="figure">2</output>"#), "{checked}");
    let locked = words(&counter.browser.post("/lock", "").await);
    assert!(locked.contains("此櫃檯閒置已鎖定（林藥師）"), "{locked}");
    assert!(words(&counter.browser.get_led("/masks").await).contains("請選擇使用卡片"));
    counter.login("nhi", "nhi", PASSWORD).await;
    let page = counter.browser.get("/masks").await;
    assert!(page.contains(r#"<output class="figure">2</output>"#), "whoever was examined is still there: {page}");
}

#[tokio::test]
async fn s16_a_manager_registers_a_user_whose_right_is_then_taken_back() {
    let mut counter = staffed().await;
    counter.swap(1, MANAGER).await;
    let page = counter.login("nhi", "nhi", PASSWORD).await;
    assert!(page.contains("王經理") && page.contains("機構管理"), "{page}");
    let refused = words(&counter.browser.post("/masks/check", BUYER).await);
    assert!(refused.contains("您目前不能使用「防疫口罩管控系統」") && refused.contains("機構管理者"), "{refused}");
    // The new user's card, and a password that they type twice.
    counter.swap(2, "C123456781").await;
    let form = |again: &str| format!("card=nhi&name=陳小華&password=my own long word&again={again}");
    let page = words(&counter.browser.post("/staff/read", &form("another word").replace(' ', "+")).await);
    assert!(page.contains("兩次輸入的登入密碼不同"), "{page}");
    let page = words(&counter.browser.post("/staff/read", &form("my own long word").replace(' ', "+")).await);
    assert!(page.contains("授權給 陳小華（健保卡）"), "{page}");
    let grant = |pin: &str| {
        format!("right=service:masks&until=2020-06-30&name=陳小華&pin_source=keyboard&pin={pin}").replace(' ', "+")
    };
    let page = words(&counter.browser.post("/staff/grant", &grant(PASSWORD)).await);
    assert!(page.contains("尚未登錄") || page.contains("請換卡"), "the manager's own card has to sign: {page}");
    counter.swap(3, MANAGER).await;
    let page = words(&counter.browser.post("/staff/grant", &grant("wrong horse battery")).await);
    assert!(page.contains("登入密碼錯誤"), "{page}");
    let page = words(&counter.browser.post("/staff/grant", &grant(PASSWORD)).await);
    assert!(page.contains("已授權 陳小華") && page.contains("有效至 109/06/30"), "{page}");
    // They sign in with what they chose.
    counter.swap(4, "C123456781").await;
    let page = counter.login("nhi", "nhi", "my own long word").await;
    assert!(page.contains("陳小華"), "{page}");
    let id = counter.browser.get("/").await;
    assert!(id.contains("防疫口罩管控系統_購買"));
    // Their right is taken back while they are signed in: the next deed is refused.
    let user = counter.browser.cookie.clone();
    counter.browser.cookie = None;
    counter.swap(5, MANAGER).await;
    counter.login("nhi", "nhi", PASSWORD).await;
    let staff = counter.browser.get("/staff").await;
    let of = staff.rsplit("name=\"of\" value=\"").next().unwrap().split('"').next().unwrap();
    let ids: Vec<&str> = staff.split("name=\"of\" value=\"").skip(1).map(|rest| &rest[..32]).collect();
    assert!(ids.len() == 2 && ids.contains(&of), "two users, whose rights the manager may take: {staff}");
    for of in ids {
        let form = format!("of={of}&right=service:masks&reason=離職");
        assert!(words(&counter.browser.post("/staff/revoke", &form).await).contains("已收回授權"));
    }
    counter.browser.cookie = user;
    let refused = words(&counter.browser.post("/masks/check", BUYER).await);
    assert!(refused.contains("授權已於 109/02/06 收回（離職）"), "{refused}");
}

#[tokio::test]
async fn too_many_wrong_passwords_have_to_wait() {
    let mut counter = staffed().await;
    counter.swap(1, USER).await;
    for _ in 0..10 {
        assert!(counter.login("nhi", "nhi", "wrong horse battery").await.contains("登入密碼錯誤"));
    }
    let page = counter.login("nhi", "nhi", PASSWORD).await;
    assert!(page.contains("登入失敗次數過多"), "{page}");
}

#[tokio::test]
async fn a_certificate_card_without_a_helper_says_what_to_do() {
    let desk = desk_at(THURSDAY, &["mask-2020-02-06"]);
    let masks = Right::service("masks").unwrap();
    tell_desk(&desk, &[nhi_grant(1, USER, "林藥師", masks)]).await;
    let mut browser = Browser::before(&desk.for_counters());
    let form = "reader=nhi&card=professional&pin_source=keyboard&pin=123456";
    let page = words(&browser.post("/login", form).await);
    assert!(page.contains("讀卡程式未執行"), "{page}");
}

#[tokio::test]
async fn when_no_card_works_the_sealed_envelope_opens_the_counter_loudly() {
    let mut counter = staffed().await;
    counter.swap(1, MANAGER).await;
    counter.login("nhi", "nhi", PASSWORD).await;
    let page = words(&counter.browser.post("/staff/envelope", "").await);
    assert!(page.contains("授權給 緊急登入（緊急登入封緘代碼）") && !page.contains("封緘代碼："), "{page}");
    let grant = "right=service:masks&until=2020-12-31&name=緊急登入&pin_source=keyboard&pin=correct+horse+battery";
    let page = words(&counter.browser.post("/staff/grant", grant).await);
    let code = page.split("封緘代碼：").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(code.len(), 23, "{page}");
    assert!(!counter.browser.get("/staff").await.contains(&code), "it is shown once");
    counter.browser.post("/logout", "").await;
    counter.card(1, "removed");
    counter.until("no card").await;
    let page = counter.login("nhi", "envelope", "00000-00000-00000-00000").await;
    assert!(page.contains("封緘代碼不符或已收回"), "{page}");
    let page = counter.login("nhi", "envelope", &code.to_lowercase().replace('-', "+")).await;
    assert!(page.contains("緊急登入中：所有動作均會記錄"), "{page}");
    counter.browser.post("/masks/entered", "").await;
    let page = counter.browser.post("/masks/check", BUYER).await;
    assert!(page.contains(r#"<output class="figure">2</output>"#), "{page}");
}

#[tokio::test]
async fn who_looked_up_whom_is_written_down_before_it_is_answered_and_no_number_stands_there() {
    let mut counter = staffed().await;
    counter.swap(1, USER).await;
    counter.login("nhi", "nhi", "wrong horse battery").await;
    counter.login("nhi", "nhi", PASSWORD).await;
    counter.browser.post("/masks/check", BUYER).await;
    counter.browser.post("/masks/clear", "").await;
    counter.browser.post("/masks/check", "kind=02&number=A123456789&birth=19500101").await;
    let (_, denied) = (counter.browser.cookie.clone(), counter.browser.get_led("/api/v1/audit").await);
    assert!(denied.contains("managers-only"), "{denied}");
    counter.browser.post("/logout", "").await;
    counter.swap(2, MANAGER).await;
    counter.login("nhi", "nhi", PASSWORD).await;
    let lines: Vec<Value> =
        counter.browser.get("/api/v1/audit").await.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> =
        lines.iter().map(|line| (line["deed"].as_str().unwrap(), line["note"].as_str().unwrap())).collect();
    let want = [
        ("sign-in-failed", "nhi wrong-password"),
        ("sign-in", "nhi"),
        ("look-up", "typed may"),
        ("look-up", "typed turn"),
        ("sign-out", ""),
        ("sign-in", "nhi"),
        ("audit-export", ""),
    ];
    assert_eq!(told, want);
    assert!(lines[2]["who"].as_str().unwrap().starts_with("林藥師 "));
    assert!(lines[2]["about"].as_str().unwrap().starts_with("A10****010 "), "{}", lines[2]);
    let whole = serde_json::to_string(&lines).unwrap();
    assert!(!whole.contains("A100000010") && !whole.contains("A123456789") && !whole.contains(PASSWORD));
    for pair in lines.windows(2) {
        assert_eq!(pair[1]["previous"], pair[0]["link"], "each is linked to the one before");
    }
}
