//! Two doors: which page is seen by which, paired or not, signed in or not; how a counter is paired and forgotten.

use std::collections::HashMap;
use std::time::Instant;

use super::sign_in::staffed_desk;
use super::*;
use crate::config::Folder;
use crate::lan::{Lan, Pairing};
use crate::web::Door;
use crate::web::gate::FOLDER_TOKEN;
use crate::web::paired::kept;
use crate::web::sessions::SignedIn;

const LAN: &str = "192.168.1.5:8751";
const TOKEN: &str = "a shell's token";

/// At which door, who, with which cookies, and what they see.
type Row<'a> = (Door, &'static str, &'a [&'a str], [&'static str; 7]);

/// Both doors of one site.
struct Shop {
    lan: Arc<Lan>,
    here: Router,
    there: Router,
    /// The cookie of each who has signed in, by name.
    signed: HashMap<String, String>,
    _folder: tempfile::TempDir,
}

impl Shop {
    async fn before(desk: Desk) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pairing = Pairing::open(&Folder::new(folder.path())).unwrap();
        let lan = Arc::new(Lan { hosts: vec![LAN.to_owned()], fingerprint: "AA:BB".to_owned(), pairing });
        let (_, line) = watch::channel(LineStatus::default());
        let mut web = Web::new(desk, site(), line, vec![HOST.to_owned()]);
        web.folder_token = Some(TOKEN.to_owned());
        let mut signed = HashMap::new();
        for (id, _, holder) in web.desk.access().await.unwrap().rights.holders() {
            let who = SignedIn { id: *id, name: holder.name.clone(), card: holder.card, list_days_old: None };
            let cookie = web.sessions.begin(&HeaderMap::new(), who, Instant::now());
            signed.insert(holder.name.clone(), cookie.split(';').next().unwrap().to_owned());
        }
        let there = app(Arc::new(web.behind(&lan)));
        web.lan = Some(Arc::clone(&lan));
        Self { lan, here: app(Arc::new(web)), there, signed, _folder: folder }
    }

    /// A site that says of nobody what they may do.
    async fn open() -> Self {
        Self::before(desk_at(THURSDAY, &["mask-2020-02-06"]).for_counters()).await
    }

    fn app(&self, door: Door) -> (&Router, &'static str, &'static str) {
        match door {
            Door::Loopback => (&self.here, HOST, "http"),
            Door::Lan => (&self.there, LAN, "https"),
        }
    }

    async fn get(&self, door: Door, path: &str, cookies: &[&str]) -> Response<Body> {
        let (app, host, _) = self.app(door);
        let request = Request::get(path).header(header::HOST, host).header(header::COOKIE, cookies.join("; "));
        app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn post(&self, door: Door, path: &str, form: &str, cookies: &[&str]) -> Response<Body> {
        let (app, host, scheme) = self.app(door);
        let request = Request::post(path).header(header::HOST, host).header(header::CONTENT_TYPE, FORM);
        let request = request.header(header::ORIGIN, format!("{scheme}://{host}"));
        let request = request.header(header::COOKIE, cookies.join("; "));
        app.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap()
    }

    /// Makes a code at the edge's computer; its digits.
    async fn code(&self, cookies: &[&str]) -> String {
        assert_eq!(self.post(Door::Loopback, "/counters/code", "", cookies).await.status(), 303);
        let digits = self.lan.pairing.shown(Instant::now()).unwrap().digits;
        let page = text(self.get(Door::Loopback, "/counters", cookies).await).await;
        assert!(
            page.contains(&digits) && page.contains("AA:BB") && page.contains("https://192.168.1.5:8751/"),
            "{page}"
        );
        digits
    }

    async fn pair(&self, code: &str) -> Response<Body> {
        self.post(Door::Lan, "/pair", &format!("code={}&name=二號櫃檯", code.replace(' ', "+")), &[]).await
    }

    /// A counter that is paired: its cookie.
    fn paired(&self) -> String {
        let key = self.lan.pairing.pair("一號櫃檯", "2020-02-06".parse().unwrap()).unwrap();
        kept(&key).split(';').next().unwrap().to_owned()
    }

    async fn audit(&self) -> Vec<(String, String, String)> {
        let request = Request::get("/api/v1/audit").header(header::HOST, HOST).header(FOLDER_TOKEN, TOKEN);
        let told = self.here.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let lines = text(told).await;
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let word = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        lines.map(|line| (word(&line, "deed"), word(&line, "about"), word(&line, "note"))).collect()
    }
}

/// What came of a request: its status, and where it leads or which fault it names.
async fn seen(response: Response<Body>) -> String {
    let status = response.status().as_u16();
    if let Some(to) = response.headers().get(header::LOCATION) {
        return format!("{status} {}", to.to_str().unwrap().split('?').next().unwrap());
    }
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let body: Value = if json { serde_json::from_str(&text(response).await).unwrap() } else { Value::Null };
    match body["error"]["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

#[tokio::test]
async fn what_is_seen_by_which_door_paired_or_not_and_signed_in_or_not() {
    let shop = Shop::before(staffed_desk().await).await;
    let paired = shop.paired();
    let (manager, user) = (shop.signed["王經理"].clone(), shop.signed["林藥師"].clone());
    let (paired, manager, user) = (paired.as_str(), manager.as_str(), user.as_str());
    let led_to_pair = ["303 /pair", "303 /pair", "303 /pair", "200", "200", "401 not-paired", "401 not-paired"];
    let nobody_here =
        ["200", "303 /login", "303 /login", "404 not-found", "200", "401 not-signed-in", "401 not-signed-in"];
    let nobody_there = ["200", "303 /login", "404 not-found", "303 /", "200", "401 not-signed-in", "401 not-signed-in"];
    let somebody_there = ["200", "200", "404 not-found", "303 /", "200", "200", "404"];
    // What they see of /, /masks, /counters, /pair, /style.css, the API's status, the readers.
    let table: [Row<'_>; 8] = [
        (Door::Loopback, "nobody", &[], nobody_here),
        (Door::Loopback, "a manager", &[manager], ["200", "200", "200", "404 not-found", "200", "200", "404"]),
        (Door::Loopback, "a user", &[user], ["200", "200", "403", "404 not-found", "200", "200", "404"]),
        (Door::Lan, "nobody", &[], led_to_pair),
        (Door::Lan, "a manager who is not at a paired counter", &[manager], led_to_pair),
        (Door::Lan, "nobody at a paired counter", &[paired], nobody_there),
        (Door::Lan, "a manager at a paired counter", &[paired, manager], somebody_there),
        (Door::Lan, "a user at a paired counter", &[paired, user], somebody_there),
    ];
    let paths = ["/", "/masks", "/counters", "/pair", "/style.css", "/api/v1/status", "/cards/events"];
    for (door, who, cookies, want) in table {
        for (path, want) in paths.into_iter().zip(want) {
            assert_eq!(seen(shop.get(door, path, cookies).await).await, want, "{who} at {door:?}: {path}");
        }
    }
    for path in ["/metrics", "/healthz", "/readyz", "/doctor", "/login", "/cards.js", "/nowhere", "/pair/", "//pair"] {
        assert_eq!(seen(shop.get(Door::Lan, path, &[]).await).await, "303 /pair", "{path}");
    }
    for made_up in ["__Host-paired=", "__Host-paired=00", "paired=1"] {
        assert_eq!(seen(shop.get(Door::Lan, "/", &[made_up]).await).await, "303 /pair", "{made_up}");
    }
}

#[tokio::test]
async fn an_unpaired_browser_changes_nothing_and_learns_no_name() {
    let shop = Shop::open().await;
    for path in ["/stock/arrive", "/counters/code", "/login", "/masks/check"] {
        assert_eq!(seen(shop.post(Door::Lan, path, "programme=mask&adult=5&child=5", &[]).await).await, "303 /pair");
    }
    let page = text(shop.get(Door::Lan, "/pair", &[]).await).await;
    assert!(page.contains("配對代碼") && !page.contains("淡水藥局") && !page.contains("5931102274"), "{page}");
    assert_eq!(seen(shop.pair("12345678").await).await, "403", "no code was made");
    assert!(
        shop.audit().await.iter().all(|(deed, _, _)| !deed.starts_with("pair")),
        "what anybody may do fills no disk"
    );
}

#[tokio::test]
async fn a_counter_is_paired_and_forgotten_and_each_is_in_the_audit() {
    let shop = Shop::open().await;
    let code = shop.code(&[]).await;
    assert_eq!(seen(shop.post(Door::Lan, "/pair", "code=1&name=", &[]).await).await, "403", "a name is missing");
    let wrong = text(shop.pair("1234567").await).await;
    assert!(wrong.contains("還可再試 4 次"), "{wrong}");
    let response = shop.pair(&code).await;
    let set = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["__Host-paired=", "Path=/", "Max-Age=31536000", "HttpOnly", "SameSite=Strict", "Secure"] {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert_eq!(seen(response).await, "303 /");
    assert_eq!(seen(shop.pair(&code).await).await, "403", "it was used");
    let cookie = set.split(';').next().unwrap();
    let home = shop.get(Door::Lan, "/", &[cookie]).await;
    let screen = home.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(screen.starts_with("counter=") && screen.ends_with("; Secure"), "{screen}");
    let home = text(home).await;
    assert!(home.contains("防疫口罩管控系統_購買") && !home.contains("/counters"), "{home}");
    let done = shop.post(Door::Lan, "/stock/arrive", "programme=mask&adult=200&child=50", &[cookie]).await;
    assert_eq!(seen(done).await, "303 /stock");
    // At the edge's computer it stands in the list, and is forgotten at once.
    let list = text(shop.get(Door::Loopback, "/counters", &[]).await).await;
    assert!(list.contains("二號櫃檯") && list.contains("109/02/06"), "{list}");
    let form = format!("counter={}", shop.lan.pairing.all()[0].key_sha256);
    assert_eq!(seen(shop.post(Door::Lan, "/counters/forget", &form, &[cookie]).await).await, "404 not-found");
    assert_eq!(seen(shop.post(Door::Loopback, "/counters/forget", &form, &[]).await).await, "303 /counters");
    assert_eq!(seen(shop.get(Door::Lan, "/", &[cookie]).await).await, "303 /pair");
    let told: Vec<_> = shop.audit().await.into_iter().filter(|(deed, _, _)| deed.contains("pair")).collect();
    let want = [("pair-failed", "二號櫃檯", "4 left"), ("pair", "二號櫃檯", ""), ("unpair", "二號櫃檯", "")];
    assert_eq!(told, want.map(|(deed, about, note)| (deed.to_owned(), about.to_owned(), note.to_owned())));
}

#[tokio::test]
async fn five_wrong_codes_burn_it() {
    let shop = Shop::open().await;
    let code = shop.code(&[]).await;
    for left in [4, 3, 2, 1] {
        assert!(text(shop.pair("1234567").await).await.contains(&format!("還可再試 {left} 次")));
    }
    assert!(text(shop.pair("1234567").await).await.contains("已作廢"));
    let page = text(shop.pair(&code).await).await;
    assert!(page.contains("目前沒有可用的代碼"), "{page}");
}

#[tokio::test]
async fn where_somebody_signs_in_only_who_looks_after_people_pairs_counters() {
    let shop = Shop::before(staffed_desk().await).await;
    let (manager, user) = (shop.signed["王經理"].as_str(), shop.signed["林藥師"].as_str());
    assert_eq!(seen(shop.post(Door::Loopback, "/counters/code", "", &[]).await).await, "303 /login");
    assert_eq!(seen(shop.post(Door::Loopback, "/counters/code", "", &[user]).await).await, "403");
    assert_eq!(shop.lan.pairing.shown(Instant::now()), None);
    let form = format!("counter={}", {
        shop.paired();
        shop.lan.pairing.all()[0].key_sha256.clone()
    });
    assert_eq!(seen(shop.post(Door::Loopback, "/counters/forget", &form, &[user]).await).await, "403");
    assert_eq!(shop.lan.pairing.all().len(), 1);
    shop.code(&[manager]).await;
    assert!(text(shop.get(Door::Loopback, "/", &[manager]).await).await.contains("/counters"));
    assert!(!text(shop.get(Door::Loopback, "/", &[user]).await).await.contains("/counters"));
}

#[tokio::test]
async fn a_shells_token_opens_nothing_at_the_second_door() {
    let shop = Shop::before(staffed_desk().await).await;
    let paired = shop.paired();
    let ask = async |door: Door| {
        let (app, host, _) = shop.app(door);
        let request = Request::get("/api/v1/recent").header(header::HOST, host).header(FOLDER_TOKEN, TOKEN);
        let request = request.header(header::COOKIE, &paired).body(Body::empty()).unwrap();
        seen(app.clone().oneshot(request).await.unwrap()).await
    };
    assert_eq!(ask(Door::Loopback).await, "200");
    assert_eq!(ask(Door::Lan).await, "401 not-signed-in");
}

#[tokio::test]
async fn each_door_has_its_own_names_and_origins() {
    let shop = Shop::open().await;
    let paired = shop.paired();
    let ask = async |app: &Router, host: &str, origin: &str| {
        let request = Request::post("/masks/clear").header(header::HOST, host).header(header::ORIGIN, origin);
        let request = request.header(header::COOKIE, &paired).header(header::CONTENT_TYPE, FORM);
        app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&shop.there, LAN, &format!("https://{LAN}")).await, 303);
    assert_eq!(ask(&shop.there, LAN, &format!("http://{LAN}")).await, 403);
    assert_eq!(ask(&shop.there, HOST, &format!("https://{HOST}")).await, 421);
    assert_eq!(ask(&shop.here, HOST, &format!("http://{HOST}")).await, 303);
    assert_eq!(ask(&shop.here, HOST, &format!("https://{HOST}")).await, 403);
    assert_eq!(ask(&shop.here, LAN, &format!("http://{LAN}")).await, 421);
}

#[tokio::test]
async fn without_a_second_door_the_page_says_how_to_open_one() {
    let mut browser = Browser::at(THURSDAY, &[]);
    let page = words(&browser.get("/counters").await);
    assert!(page.contains("serve --lan"), "{page}");
    let page = words(&browser.post("/counters/code", "").await);
    assert!(page.contains("尚未開放其他櫃檯"), "{page}");
}
