//! Cards on the pages: the form is filled from what is in the reader, and only while it is there (M3, M4, M12; S25).

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use data_encoding::HEXLOWER;
use tempfile::TempDir;

use super::*;
use crate::cards::runner::{Cards, runner};

const SOON: Duration = Duration::from_secs(10);
const READER: &str = "ACS ACR39U 00 00";

/// A browser before a node whose helper says what a test writes.
struct Counter {
    browser: Browser,
    cards: Cards,
    said: File,
    _folder: TempDir,
    _stop: watch::Sender<bool>,
}

impl Counter {
    async fn new(is_demonstration: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("said");
        let said = File::create(&path).unwrap();
        let desk = desk_at(THURSDAY, &["mask-2020-02-06"]);
        let arguments = ["-n", "+1", "-f"].map(Into::into).into_iter().chain([path.into()]).collect();
        let (runner, cards) = runner("tail".into(), arguments, desk.clone(), folder.path());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(runner.run(stopped));
        let (_, line) = watch::channel(LineStatus::default());
        let mut web = Web::new(desk, site(), line, vec![HOST.to_owned()]);
        (web.cards, web.people) = (Some(cards.clone()), vec!["王小明".to_owned()]);
        let mut browser = Browser::of(app(Arc::new(web)));
        browser.post("/masks/entered", "").await;
        browser.post("/stock/arrive", "programme=mask&adult=200&child=50").await;
        let mut counter = Self { browser, cards, said, _folder: folder, _stop: stop };
        counter.say(&format!(r#"{{"say":"hello","protocol":2,"demonstration":{is_demonstration}}}"#));
        counter.say(r#"{"say":"service","up":true}"#);
        counter.say(&format!(r#"{{"say":"readers","readers":["{READER}"]}}"#));
        counter.until("no card").await;
        counter
    }

    fn say(&mut self, line: &str) {
        writeln!(self.said, "{line}").unwrap();
    }

    fn card(&mut self, insertion: u64, state: &str) {
        self.say(&format!(r#"{{"say":"card","reader":"{READER}","insertion":{insertion},"state":"{state}"}}"#));
    }

    fn read(&mut self, insertion: u64, outcome: &str) {
        let read = format!(r#""reader":"{READER}","insertion":{insertion},"ms":200,"tries":1"#);
        self.say(&format!(r#"{{"say":"read",{read},"outcome":{outcome}}}"#));
    }

    /// Until the readers are so: `no card`, `read 1`, or a failure's code.
    async fn until(&self, wanted: &str) {
        let mut readers = self.cards.readers();
        let is = |readers: &crate::cards::readers::Readers| {
            let shown = super::super::cards::shown(readers, None);
            let now = match (&shown.read, shown.failure) {
                (Some(card), _) => format!("read {}", card.insertion),
                (None, Some(failure)) => failure.code().to_owned(),
                (None, None) => "no card".to_owned(),
            };
            now == wanted && !shown.is_reading
        };
        let waited = tokio::time::timeout(SOON, readers.wait_for(is)).await;
        waited.unwrap_or_else(|_| panic!("waited in vain for {wanted}")).unwrap();
    }

    /// Somebody's card is put in and read.
    async fn put_in(&mut self, insertion: u64, name: &[u8], number: &str, birth: &str) {
        let padding = vec![0; 20 - name.len()];
        let record = [b"000012345678", name, &padding, number.as_bytes(), birth.as_bytes(), b"M1080101"].concat();
        self.card(insertion, "inserted");
        self.read(insertion, &format!(r#"{{"record":"{}"}}"#, HEXLOWER.encode(&record)));
        self.until(&format!("read {insertion}")).await;
    }
}

#[tokio::test]
async fn m4_the_form_is_filled_from_the_card_and_checked_by_it() {
    let mut counter = Counter::new(false).await;
    assert!(counter.browser.get("/masks").await.contains("請插入健保卡"));
    counter.put_in(1, &[0xA4, 0xFD], "B123456780", "0750315").await;
    let page = counter.browser.get("/masks").await;
    assert!(page.contains(r#"value="B123456780""#) && page.contains(r#"value="19860315""#), "{page}");
    assert!(page.contains(r#"name="insertion" value="1""#) && page.contains("已讀取健保卡：王"), "{page}");
    // A form of somebody else's card, from before a restart that counted anew, examines nobody.
    let stale = "kind=01&number=A123456789&birth=19500101&insertion=1";
    let page = words(&counter.browser.post("/masks/check", stale).await);
    assert!(page.contains("卡片太早取出"), "{page}");
    let form = "kind=01&number=B123456780&birth=19860315&insertion=1";
    let page = counter.browser.post("/masks/check", form).await;
    assert!(page.contains(r#"value="B123456780""#) && page.contains(r#"<output class="figure">2</output>"#), "{page}");
    counter.browser.post("/masks/buy", "adult=2&child=0").await;
    assert!(words(&counter.browser.post("/masks/confirm", "").await).contains("已完成購買"));
}

#[tokio::test]
async fn a_card_that_was_pulled_or_swapped_checks_nobody() {
    let mut counter = Counter::new(false).await;
    counter.put_in(1, &[], "B123456780", "0750315").await;
    counter.card(1, "removed");
    counter.until("no card").await;
    let form = "kind=01&number=B123456780&birth=19860315&insertion=1";
    let page = words(&counter.browser.post("/masks/check", form).await);
    assert!(page.contains("卡片太早取出"), "{page}");
    counter.put_in(2, &[], "A100000010", "0750315").await;
    let page = words(&counter.browser.post("/masks/check", form).await);
    assert!(page.contains("卡片太早取出"), "the card of somebody else: {page}");
    counter.card(2, "removed");
    counter.card(3, "inserted");
    counter.read(3, r#"{"failed":"not-nhi"}"#);
    counter.until("not-nhi").await;
    let page = counter.browser.get("/masks").await;
    assert!(page.contains("這不是健保卡（4033）") && !page.contains("insertion"), "{page}");
    // And by hand it goes on.
    counter.browser.post("/masks/clear", "").await;
    let page = counter.browser.check("02", "B123456780", "19860315").await;
    assert!(page.contains(r#"<output class="figure">2</output>"#), "{page}");
}

/// Two counters with a reader each: neither ever shows the card in the other's.
#[tokio::test]
async fn of_several_readers_a_counter_shows_its_own_and_before_it_has_chosen_none() {
    let mut counter = Counter::new(false).await;
    let other = "Other reader";
    counter.say(&format!(r#"{{"say":"readers","readers":["{READER}","{other}"]}}"#));
    let ready = |readers: &crate::cards::readers::Readers| readers.all().count() == 2;
    tokio::time::timeout(SOON, counter.cards.readers().wait_for(ready)).await.unwrap().unwrap();
    counter.card(1, "inserted");
    let record = [b"000012345678".as_slice(), &[0; 20], b"B1234567800750315M1080101"].concat();
    counter.read(1, &format!(r#"{{"record":"{}"}}"#, HEXLOWER.encode(&record)));
    let read = |readers: &crate::cards::readers::Readers| readers.record(1).is_ok();
    tokio::time::timeout(SOON, counter.cards.readers().wait_for(read)).await.unwrap().unwrap();
    let page = counter.browser.get("/masks").await;
    assert!(page.contains("請先選擇本櫃台的讀卡機") && !page.contains("B123456780"), "{page}");
    assert_eq!(counter.browser.post_only("/cards/choose", "reader=nowhere").await.status(), 404);
    for (reader, sees) in [(READER, true), (other, false)] {
        let seat = counter.browser.cookie.clone().unwrap();
        let form = format!("reader={}", reader.replace(' ', "+"));
        let chosen = counter.browser.post_only("/cards/choose", &form).await;
        let kept = chosen.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        counter.browser.cookie = Some(format!("{seat}; {kept}"));
        let page = counter.browser.get("/masks").await;
        assert_eq!(page.contains("B123456780"), sees, "{reader}: {page}");
        assert!(page.contains(&format!("✓ {reader}")));
        counter.browser.cookie = Some(seat);
    }
    // This counter's reader is unplugged: the other one does not become its own.
    let seat = counter.browser.cookie.clone().unwrap();
    let chosen = counter.browser.post_only("/cards/choose", "reader=Other+reader").await;
    let kept = chosen.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    counter.browser.cookie = Some(format!("{seat}; {kept}"));
    counter.say(&format!(r#"{{"say":"readers","readers":["{READER}"]}}"#));
    let gone = |readers: &crate::cards::readers::Readers| readers.all().count() == 1;
    tokio::time::timeout(SOON, counter.cards.readers().wait_for(gone)).await.unwrap().unwrap();
    let page = counter.browser.get("/masks").await;
    assert!(page.contains("找不到讀卡機") && !page.contains("B123456780"), "{page}");
}

#[tokio::test]
async fn m12_a_child_born_in_roc_102_is_offered_child_masks() {
    let mut counter = Counter::new(false).await;
    counter.put_in(1, &[], "B123456780", "1020506").await;
    let page = counter.browser.post("/masks/check", "kind=01&number=B123456780&birth=20130506&insertion=1").await;
    let child = page.split(r#"id="child""#).nth(1).unwrap().split("</select>").next().unwrap();
    assert!(page.contains(r#"value="20130506""#) && child.matches("<option").count() > 1, "{page}");
}

#[tokio::test]
async fn a_name_that_may_be_shown_wrongly_says_so() {
    let mut counter = Counter::new(false).await;
    counter.put_in(1, &[0xA4, 0xFD, 0xFA, 0xF0], "B123456780", "0750315").await;
    assert!(counter.browser.get("/masks").await.contains("姓名顯示可能有誤"));
}

#[tokio::test]
async fn the_api_shows_no_number_and_health_beside_each_reader() {
    let mut counter = Counter::new(false).await;
    counter.put_in(1, &[], "B123456780", "0750315").await;
    let said = counter.browser.look("/api/v1/cards").await;
    assert_eq!(said["readers"][0]["state"], "read");
    assert_eq!((said["health"][0]["reads"].as_u64(), said["health"][0]["ms_mean"].as_u64()), (Some(1), Some(200)));
    assert!(!said.to_string().contains("B123456780"), "{said}");
}

#[tokio::test]
async fn pages_hear_of_cards_by_themselves() {
    let mut counter = Counter::new(false).await;
    let page = counter.browser.get("/masks").await;
    let token = page.split("data-token=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let request = Request::get("/cards/events").header(header::HOST, HOST).body(Body::empty()).unwrap();
    let mut heard = counter.browser.send(request).await.into_body().into_data_stream();
    let mut next = async || {
        let chunk = tokio::time::timeout(SOON, futures_util::StreamExt::next(&mut heard)).await.unwrap();
        String::from_utf8(chunk.unwrap().unwrap().to_vec()).unwrap()
    };
    assert_eq!(next().await, format!("data: {token}\n\n"));
    counter.put_in(1, &[], "B123456780", "0750315").await;
    let later = next().await;
    assert!(later != format!("data: {token}\n\n") && !later.contains("B123456780"), "{later}");
    assert!(counter.browser.get("/cards.js").await.contains("EventSource"));
}

#[tokio::test]
async fn cards_are_put_in_from_the_page_only_in_a_demonstration() {
    let mut counter = Counter::new(false).await;
    assert!(!counter.browser.get("/masks").await.contains("示範讀卡機"));
    assert_eq!(counter.browser.post_only("/cards/insert", "reader=x&person=0").await.status(), 404);
    let mut shown = Counter::new(true).await;
    let page = shown.browser.get("/masks").await;
    assert!(page.contains("示範讀卡機，不是真的卡片") && page.contains("插入 王小明"), "{page}");
    assert_eq!(shown.browser.post_only("/cards/insert", "reader=x&person=0").await.status(), 303);
    let mut bare = Browser::ready().await;
    assert_eq!(bare.post_only("/cards/pull", "reader=x").await.status(), 404);
    assert!(bare.get("/masks").await.contains("本站尚未連接讀卡機"));
}
