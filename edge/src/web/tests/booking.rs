//! 登錄預約 and 取消預約 on the pages and in the API, by the V lines.

use shared::entry::Fact;
use shared::entry::access::{Access, Grant, Holder, Right};
use shared::ids::ActorId;
use shared::rules::access::card::CardKind;
use shared::rules::identity::Document;
use shared::seal::passphrase::{Cost, Label, Passphrase};
use shared::sign::staff::{StaffKey, WHAT, lock};

use super::cards::Counter;
use super::*;
use crate::trial::booking::{OPEN, desk};
use crate::trial::{run, site_keys};

const PERSON: &str = "kind=02&number=A123456789&birth=19650315";
const OTHER: &str = "kind=02&number=A223456781&birth=19650315";
const YOUNG: &str = "kind=02&number=B123456780&birth=20100315";
const PLACE: &str = "area=%E9%87%91%E9%96%80%E7%B8%A3+%E9%87%91%E5%AF%A7%E9%84%89&venue=0291010019+MO,AZ";
const PASSWORD: &str = "correct horse battery";

async fn counter() -> Browser {
    Browser::before(&desk(OPEN).await)
}

fn form(who: &str, hour: &str, rest: &str) -> String {
    let contact = "name=%E7%8E%8B%E5%A4%A7%E6%98%8E&mobile=0912345678";
    let request = &who["kind=02&number=A123456".len()..][..3];
    format!("{who}&{contact}&{PLACE}&slot=2021-07-15+{hour}&request={request}{rest}")
}

async fn choose_place(browser: &mut Browser) -> String {
    browser.post("/booking/choose", PLACE).await;
    browser.post("/booking/choose", PLACE).await
}

async fn book(browser: &mut Browser, who: &str, hour: &str) -> String {
    choose_place(browser).await;
    browser.post("/booking/confirm", &form(who, hour, "&consent=1")).await
}

#[tokio::test]
async fn v3_to_v9_the_form_in_the_manuals_words() {
    let mut browser = counter().await;
    let page = browser.get("/booking").await;
    let said = words(&page);
    for text in [
        "登錄預約-淡水藥局",
        "*皆為必填欄位，請確實填寫欄位，以免影響自己的權益。",
        "*身分證號",
        "讀卡",
        "*姓名",
        "*手機號碼",
        "*選擇接種區域",
        "*選擇施打地點",
        "請選擇施打地點",
        "施打地點地址",
        "*選擇日期/時段",
        "請選擇日期 時段",
        "請選擇",
        "我已閱讀並同意 隱私權公告",
        "清除資料",
        "確認送出",
        "各地方衛生所或藥局可使用此功能協助民眾登錄預約接種疫苗",
        "步驟1.讀取民眾的健保卡",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(page.contains(r#"<a href="/?tab=policy" target="_blank">隱私權公告</a>"#), "V6");
    browser.post("/booking/choose", "area=%E9%87%91%E9%96%80%E7%B8%A3+%E9%87%91%E5%AF%A7%E9%84%89").await;
    let page = browser.post("/booking/choose", PLACE).await;
    assert!(page.contains(">金門縣金寧鄉衛生所--MO,AZ</option>"), "V8: {page}");
    assert!(page.contains("金門縣金寧鄉盤山村仁愛新村2之1號"));
    assert!(page.contains(">2021/07/15 14:00~15:00（本站名額 2）</option>"), "V9, V16");
    assert!(page.contains("disabled>2021/07/15 16:00~17:00（停止預約）</option>"));
}

#[tokio::test]
async fn v1_v2_who_is_not_eligible_sees_the_red_modal_over_the_dimmed_form() {
    let mut browser = counter().await;
    let page = words(&browser.post("/booking/read", PERSON).await);
    assert!(page.contains("A12****789 可預約：COVID-19 公費疫苗第 1 期"), "V1: {page}");
    browser.post("/booking/clear", "").await;
    let page = browser.post("/booking/read", YOUNG).await;
    assert!(page.contains(r#"<div inert>"#) && page.contains(r#"class="dialog refused" role="alertdialog""#), "{page}");
    assert!(words(&page).contains("X 提示 您不符合本期可施打資格[C][R01-1]"), "V2: {}", words(&page));
    assert!(page.contains(r#"aria-label="關閉">X</button>"#) && page.contains("autofocus>確認</button>"), "{page}");
    browser.post("/booking/clear", "").await;
    choose_place(&mut browser).await;
    let page = browser.post("/booking/confirm", &form(PERSON, "14:00", "")).await;
    let said = words(&page);
    assert!(said.contains("X 提示 請先勾選「我已閱讀並同意 隱私權公告」[F][2]") && said.contains("確認"), "V6: {said}");
    let page = browser.post("/booking/dismiss", "").await;
    assert!(!page.contains("alertdialog") && page.contains("0912345678"), "what was typed stays");
    let page = browser.post("/booking/clear", "").await;
    assert!(!page.contains("0912345678") && !page.contains("A123456789"), "V7");
}

#[tokio::test]
async fn v1_the_form_is_filled_from_the_card_and_only_while_it_is_there() {
    let mut counter = Counter::before(desk(OPEN).await, false).await;
    counter.put_in(1, &[0xA4, 0xFD], "A123456789", "0540315").await;
    let page = counter.browser.get("/booking").await;
    assert!(words(&page).contains("已讀取健保卡") && page.contains(r#"value="A123456789""#), "{}", words(&page));
    assert!(page.contains(r#"data-page="/booking""#) && page.contains(r#"name="insertion" value="1""#));
    assert!(words(&page).contains("今日 2021/07/06"), "V16: dates of this module are Gregorian");
    let read = "kind=01&number=A123456789&birth=19650315&insertion=1";
    let page = words(&counter.browser.post("/booking/read", read).await);
    assert!(page.contains("A12****789 可預約"), "{page}");
    counter.browser.post("/booking/clear", "").await;
    let other = read.replace("A123456789", "A223456781");
    let page = words(&counter.browser.post("/booking/read", &other).await);
    assert!(!page.contains("可預約：") && page.contains("卡"), "another's number with this card: {page}");
}

#[tokio::test]
async fn v10_to_v12_the_result_and_the_sheet() {
    let mut browser = counter().await;
    let page = book(&mut browser, PERSON, "14:00").await;
    let said = words(&page);
    for text in [
        "預約登錄結果-淡水藥局",
        "預約完成時間：2021/07/06 13:06:",
        "預約編號 booking number MO,AZ01-0000014637",
        "身分證號 identity number A123456789",
        "王大明",
        "0912345678",
        "2021/07/15 14:00~15:00",
        "金門縣金寧鄉衛生所--MO,AZ 金門縣金寧鄉盤山村仁愛新村2之1號",
        "列印",
        "回預約疫苗網頁",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(!said.contains("取消預約"), "that is on the page of the card that is read again");
    let sheet = browser.get("/booking/slip/0000014637").await;
    let said = words(&sheet);
    for text in [
        "預約編號： booking number MO,AZ01-0000014637",
        "身分證號： identity number A12-XXXXXX",
        "施打地點： venue 金門縣金寧鄉衛生所--MO,AZ",
        "施打地址： address 金門縣金寧鄉盤山村仁愛新村2之1號",
        "列印",
        "取消列印",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(!sheet.contains("A123456789"), "V12: no number in clear on paper");
    assert!(sheet.contains("<svg class=\"qr\"") && !said.contains("待確認"));
    assert!(browser.get("/print.js").await.contains("window.print"));
}

/// What names the person on 前次預約登錄結果, as its forms send it.
fn shown_key(page: &str) -> String {
    let (_, behind) = page.split_once(r#"name="key" value=""#).unwrap();
    format!("key={}", behind.split('"').next().unwrap())
}

#[tokio::test]
async fn the_page_of_one_person_does_nothing_to_the_next_whose_card_was_read_at_another_tab() {
    let mut browser = counter().await;
    for (who, hour) in [(PERSON, "14:00"), (OTHER, "14:00")] {
        let page = book(&mut browser, who, hour).await;
        assert!(words(&page).contains("預約登錄結果"), "{}", words(&page));
        browser.post("/booking/clear", "").await;
    }
    let first = shown_key(&browser.post("/booking/read", PERSON).await);
    browser.post("/booking/cancel", &first).await;
    browser.post("/booking/read", OTHER).await;
    for path in ["/booking/cancel", "/booking/cancel/confirm"] {
        let page = words(&browser.post(path, &first).await);
        assert!(page.contains("A223456781") && !page.contains("已取消") && !page.contains("是否確定"), "{page}");
    }
    let page = words(&browser.post("/booking/amend", &format!("{first}&mobile=0987-654-321")).await);
    assert!(page.contains("0912345678") && !page.contains("0987654321"), "{page}");
}

#[tokio::test]
async fn v13_to_v15_the_card_is_read_again_and_the_booking_cancelled() {
    let mut browser = counter().await;
    book(&mut browser, PERSON, "14:00").await;
    browser.post("/booking/clear", "").await;
    let page = browser.post("/booking/read", PERSON).await;
    let key = shown_key(&page);
    let page = words(&page);
    for text in [
        "前次預約登錄結果",
        "預約序號 serial number 0000014637",
        "取消預約",
        "列印",
        "回預約疫苗網頁",
        "協助民眾取消預約接種登記",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = words(&browser.post("/booking/amend", &format!("{key}&mobile=0987-654-321")).await);
    assert!(page.contains("已更改手機號碼") && page.contains("mobile number 0987654321"), "{page}");
    let asked = browser.post("/booking/cancel", &key).await;
    assert!(words(&asked).contains("是否確定取消預約?") && asked.contains("<div inert>"));
    let kept = words(&browser.post("/booking/keep", &key).await);
    assert!(!kept.contains("是否確定取消預約?") && kept.contains("0000014637"));
    browser.post("/booking/cancel", &key).await;
    let page = words(&browser.post("/booking/cancel/confirm", &key).await);
    assert!(page.contains("已取消預約"), "{page}");
    let page = words(&browser.post("/booking/read", PERSON).await);
    assert!(page.contains("可預約"), "V14: and booked again: {page}");
    let result = words(&browser.get("/booking/result/0000014637").await);
    assert!(result.contains("已取消") && !result.contains("列印"), "{result}");
    let gone = words(&browser.get_led("/booking/slip/0000014637").await);
    assert!(gone.contains("此預約已取消"), "no sheet of what was taken back: {gone}");
}

#[tokio::test]
async fn confirming_twice_is_one_booking_and_nothing_of_a_person_stands_in_an_address() {
    let mut browser = counter().await;
    choose_place(&mut browser).await;
    let sent = form(PERSON, "14:00", "&consent=1");
    let mut places = Vec::new();
    for _ in 0..2 {
        let response = browser.post_only("/booking/confirm", &sent).await;
        places.push(response.headers()[header::LOCATION].to_str().unwrap().to_owned());
    }
    assert_eq!(places, ["/booking/result/0000014637"; 2]);
    let view = browser.look("/api/v1/booking/view").await;
    assert_eq!((view["slots"][1]["held"].as_u64(), view["numbers_left"].as_u64()), (Some(1), Some(49)), "{view}");
}

#[tokio::test]
async fn without_a_place_and_without_a_line_the_sheet_says_in_big_letters_that_it_waits() {
    let mut browser = counter().await;
    let page = book(&mut browser, PERSON, "10:00").await;
    assert!(words(&page).contains("待確認"), "{}", words(&page));
    let to = page.split("/booking/slip/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let sheet = browser.get(&format!("/booking/slip/{to}")).await;
    assert!(sheet.contains("<strong>待確認</strong>") && !sheet.contains("<svg"), "{sheet}");
    browser.post("/booking/clear", "").await;
    let again = words(&browser.post("/booking/read", PERSON).await);
    assert!(again.contains("前次預約登錄結果") && again.contains("取消預約"), "{again}");
}

#[tokio::test]
async fn the_venues_day_by_hour_with_check_in_by_number_and_by_slip() {
    let desk = desk(OPEN).await;
    let mut browser = Browser::before(&desk);
    book(&mut browser, PERSON, "14:00").await;
    let page = words(&browser.get("/booking/day?date=2021/07/15").await);
    assert!(page.contains("14:00~15:00") && page.contains("MO,AZ01-0000014637") && page.contains("未到"), "{page}");
    let early = words(&browser.post("/booking/day/attend", "who=14637&what=checked-in").await);
    assert!(early.contains("此預約日期為 2021/07/15，不是今日"), "{early}");
    let bad = words(&browser.post("/booking/day/attend", "who=ATOLL1.AAAA&what=checked-in").await);
    assert!(bad.contains("不是預約單的條碼"), "{bad}");
    let day = browser.look("/api/v1/booking/day?date=2021-07-15").await;
    assert_eq!(day["expected"][0]["serial"], 14_637, "{day}");
}

#[tokio::test]
async fn at_the_venue_a_card_checks_in_then_the_vaccine_is_given_with_its_lot() {
    let desk = desk("2021-07-06T13:06:23+08:00").await;
    let mut browser = Browser::before(&desk);
    book(&mut browser, PERSON, "14:00").await;
    // Nine days later the hub says what time it is.
    let reading = desk.reading();
    let later = reading.wall_ms / 1_000 + 9 * 86_400 + 1_000;
    desk.beacon(reading, reading, (later, None)).await.unwrap();
    let mut counter = Counter::before(desk, false).await;
    counter.put_in(1, &[0xA4, 0xFD], "A123456789", "0540315").await;
    let page = counter.browser.get("/booking/day").await;
    assert!(page.contains("2021/07/15") && words(&page).contains("讀卡報到"), "{}", words(&page));
    let page = words(&counter.browser.post("/booking/day/attend", "who=&card=1&what=checked-in").await);
    assert!(page.contains("0000014637 已報到") && page.contains("應到 1 人，已處理 1 人"), "{page}");
    let bad = words(&counter.browser.post("/booking/day/attend", "who=14637&what=given&brand=MO&lot=").await);
    assert!(bad.contains("請填寫疫苗批號"), "{bad}");
    let given = "who=MO,AZ01-0000014637&what=given&brand=MO&lot=3004950&request=d1";
    for _ in 0..2 {
        let page = words(&counter.browser.post("/booking/day/attend", given).await);
        assert!(page.contains("已接種 MO（批號 3004950）"), "{page}");
    }
    let page = words(&counter.browser.post("/booking/day/attend", "who=14637&what=checked-in").await);
    assert!(page.contains("此預約已完成接種[B][4]"), "{page}");
}

#[tokio::test]
async fn programs_look_up_book_amend_cancel_and_are_refused_in_the_same_words() {
    let browser = counter().await;
    let document = r#""document":{"kind":"02","number":"A123456789","birth":"1965-03-15"}"#;
    let (status, may) = browser.ask("/api/v1/booking/look-up", &format!("{{{document}}}")).await;
    assert_eq!((status, may["verdict"].as_str()), (200, Some("may")), "{may}");
    let place = r#""slot":{"venue":"0291010019","date":"2021-07-15","start":"14:00","brands":"MO,AZ"}"#;
    let book = format!(r#"{{{document},{place},"name":"王大明","mobile":"0912345678","consent":true,"request":"k1"}}"#);
    let (_, booked) = browser.ask("/api/v1/booking/book", &book).await;
    assert_eq!((booked["verdict"].as_str(), booked["number"].as_str()), (Some("booked"), Some("MO,AZ01-0000014637")));
    let (_, again) = browser.ask("/api/v1/booking/book", &book).await;
    assert_eq!((again["booking"].clone(), again["replayed"].as_bool()), (booked["booking"].clone(), Some(true)));
    let (_, refused) = browser.ask("/api/v1/booking/book", &book.replace("k1", "k2")).await;
    assert_eq!((refused["reason"].as_str(), refused["class"].as_str()), (Some("booked"), Some("B")), "{refused}");
    let (_, has) = browser.ask("/api/v1/booking/look-up", &format!("{{{document}}}")).await;
    assert_eq!((has["verdict"].as_str(), has["printed"].as_str()), (Some("has"), Some("A12-XXXXXX")), "{has}");
    let slip = has["slip"].as_str().unwrap();
    let (_, valid) = browser.ask("/api/v1/booking/verify-slip", &format!(r#"{{"text":"{slip}"}}"#)).await;
    assert_eq!((valid["verdict"].as_str(), valid["here"].as_bool()), (Some("valid"), Some(true)), "{valid}");
    let (_, forged) = browser.ask("/api/v1/booking/verify-slip", r#"{"text":"ATOLL1.AAAA"}"#).await;
    assert_eq!(forged["verdict"].as_str(), Some("refused"), "{forged}");
    let amend = format!(r#"{{"serial":14637,{document},"mobile":"0987654321"}}"#);
    let (_, amended) = browser.ask("/api/v1/booking/amend", &amend).await;
    assert_eq!(amended["verdict"].as_str(), Some("amended"), "{amended}");
    let cancel = format!(r#"{{"serial":14637,{document}}}"#);
    let (_, cancelled) = browser.ask("/api/v1/booking/cancel", &cancel).await;
    assert_eq!(cancelled["verdict"].as_str(), Some("cancelled"), "{cancelled}");
    let (_, twice) = browser.ask("/api/v1/booking/cancel", &cancel).await;
    assert_eq!(twice["reason"].as_str(), Some("unknown"), "{twice}");
    for (path, body) in [
        ("book", format!(r#"{{{document},"name":"x","mobile":"y"}}"#)),
        ("cancel", format!("{{{document}}}")),
        ("attend", r#"{"serial":1,"slip":"x","what":"given"}"#.to_owned()),
        ("attend", r#"{"serial":1,"what":"eaten"}"#.to_owned()),
    ] {
        let (status, answer) = browser.ask(&format!("/api/v1/booking/{path}"), &body).await;
        assert_eq!(status, 400, "{path} {answer}");
    }
    let audit = browser.get_text("/api/v1/audit").await;
    assert!(!audit.contains("A123456789") && !audit.contains("0912345678"), "{audit}");
}

/// The hub's grant of a service to the holder of a 健保卡.
fn nhi_grant(seq: u32, number: &str, right: &str) -> Fact {
    let seed = [u8::try_from(seq).unwrap(); 32];
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let label = Label { what: WHAT, of: "5931102274", salt: [3; 16], cost };
    let locked = lock(&seed, &Passphrase::parse(PASSWORD.as_bytes()).unwrap(), &label).unwrap();
    let document = Document::parse("01", number, "1986-03-15", "2020-02-06".parse().unwrap()).unwrap();
    let id = shared::ids::EntryId { actor: ActorId([45; 16]), seq };
    let to = Holder {
        name: "林藥師".to_owned(),
        card: CardKind::Nhi,
        key: StaffKey::from_seed(&seed).unwrap().spki(),
        locked_key: Some(locked),
        document: Some(site_keys().seal(&id, 0, &document).unwrap()),
        certificate: None,
    };
    let (rights, until) = (vec![Right::service(right).unwrap()], "2021-12-31".parse().unwrap());
    Fact::Access(Access::Grant(Grant { to, rights, until, after: vec![], giver: None }))
}

#[tokio::test]
async fn s24_the_hand_over_checks_once_more_who_stands_there() {
    let desk = desk(OPEN).await;
    let facts = [nhi_grant(1, "B123456780", "booking"), nhi_grant(2, "A123456789", "masks")];
    desk.take_down(5, run("desk/5931102274/2021-08", ActorId([45; 16]), &facts)).await.unwrap();
    let mut counter = Counter::before(desk.for_counters(), false).await;
    let led = words(&counter.browser.get_led("/booking").await);
    assert!(led.contains("請選擇使用卡片"), "{led}");
    let (status, answer) = counter.browser.ask("/api/v1/booking/look-up", "{}").await;
    assert_eq!((status, answer["error"]["code"].as_str()), (401, Some("not-signed-in")));
    counter.put_in(1, &[], "B123456780", "0750315").await;
    let login = format!("reader=nhi&card=nhi&pin_source=keyboard&pin={PASSWORD}&back=L2Jvb2tpbmc").replace(' ', "+");
    let led = words(&counter.browser.post_led("/login", &login).await);
    assert!(led.contains("前往Covid-19公費疫苗作業平台") && led.contains("再次進行身分識別"), "{led}");
    let wrong = login.replace("correct", "wrong12");
    let refused = words(&counter.browser.post("/booking/enter", &wrong).await);
    assert!(refused.contains("登入密碼錯誤"), "{refused}");
    assert!(words(&counter.browser.get_led("/booking").await).contains("再次進行身分識別"), "still not");
    let page = words(&counter.browser.post("/booking/enter", &login).await);
    assert!(page.contains("登錄預約-淡水藥局"), "{page}");
    let page = words(&counter.browser.get("/booking/day?date=2021/07/15").await);
    assert!(page.contains("施打站當日名單"), "and it stays open");
    counter.browser.post_led("/lock", "").await;
    assert!(words(&counter.browser.get_led("/booking").await).contains("請選擇使用卡片"), "until the counter locks");
}

#[tokio::test]
async fn s24_where_nobody_guards_the_service_it_just_opens() {
    let mut browser = counter().await;
    assert!(words(&browser.get("/").await).contains("COVID-19公費疫苗接種預約"));
    let page = words(&browser.get("/booking/enter").await);
    assert!(page.contains("前往Covid-19公費疫苗作業平台") && !page.contains("再次進行身分識別"), "{page}");
    let page = words(&browser.post("/booking/enter", "").await);
    assert!(page.contains("登錄預約-淡水藥局"), "{page}");
}

#[tokio::test]
async fn a_site_that_has_no_bookings_shows_none() {
    let mut browser = Browser::ready().await;
    assert!(!words(&browser.get("/").await).contains("COVID-19公費疫苗接種預約"));
    assert!(words(&browser.get("/booking").await).contains("中心尚未受理預約登錄；請先連線"));
}

#[tokio::test]
async fn nothing_that_is_typed_or_asked_for_breaks_a_page() {
    const ODD: &str = "%3Cfz'%22%26%3E";
    let mut browser = counter().await;
    let all =
        ["kind", "number", "birth", "name", "mobile", "area", "venue", "slot", "wish", "by", "who", "what", "lot"];
    for odd in [
        ODD,
        "",
        "0",
        "-1",
        "99999999999999999999",
        "2021-07-15+14:00",
        "%2B262142-12-31+23:59",
        "ATOLL1.",
        "%E2%80%AE",
    ] {
        let form = all.map(|field| format!("{field}={odd}")).join("&");
        for path in
            ["read", "choose", "confirm", "dismiss", "cancel", "keep", "cancel/confirm", "amend", "day/attend", "clear"]
        {
            let response = browser.post_only(&format!("/booking/{path}"), &form).await;
            assert!(response.status().as_u16() < 500, "{path} {odd}: {}", response.status());
            let page = browser.get("/booking").await;
            assert!(!page.contains("<fz"), "{path} {odd}");
        }
        let sent = format!("{PERSON}&name={odd}&mobile=0912345678&{PLACE}&slot=2021-07-15+14:00&consent=1&by={odd}");
        let page = browser.post("/booking/confirm", &sent).await;
        assert!(!page.contains("<fz"), "{odd}");
        for path in ["result", "slip"] {
            let page = browser.get_led(&format!("/booking/{path}/{}", odd.replace('+', "%20"))).await;
            assert!(!page.contains("<fz"), "{path} {odd}");
        }
        let page = browser.get_led(&format!("/booking/day?date={odd}")).await;
        assert!(!page.contains("<fz"), "{odd}");
    }
}
