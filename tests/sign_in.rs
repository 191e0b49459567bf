//! Who may stand at the counter, from the hub's first grant to what was done behind a withdrawn right: the real hub, a
//! real edge, the real `atoll-card` with scripted certificate cards, and no line while people sign in and sell (S10-S20).

use std::path::Path;
use std::time::Duration;

use harness::fleet::{Http, Process, Tool, binary, free_tcp_port, until};
use harness::prepared::{LATER, Prepared, SITE, serve, tool};

const PIN: &str = "123456";
const SOON: Duration = Duration::from_secs(30);
/// A line comes back by itself, after a pause that grows.
const LONG: Duration = Duration::from_secs(60);
const READERS: [&str; 2] = ["示範讀卡機 Demonstration A", "示範讀卡機 Demonstration B"];
/// In scripts/demo_people.json, from nought.
const SITE_CARD: &str = "3";
const MANAGER_CARD: &str = "4";
const USER_CARD: &str = "5";
const BUYER: [(&str, &str); 3] = [("kind", "02"), ("number", "A123456716"), ("birth", "19860315")];
const THIRD: [(&str, &str); 3] = [("kind", "02"), ("number", "A123456752"), ("birth", "19860315")];
const OTHER: [(&str, &str); 3] = [("kind", "02"), ("number", "A123456734"), ("birth", "19860315")];

fn root(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path).to_str().unwrap().to_owned()
}

/// A browser before the site's counter.
struct Counter {
    http: Http,
    jar: String,
}

impl Counter {
    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> u16 {
        let (status, _, jar) = self.http.form(path, fields, &self.jar).unwrap();
        self.jar = jar;
        status
    }

    fn page(&self, path: &str) -> String {
        self.http.page(path, &self.jar).unwrap()
    }

    /// Puts a card in, after whatever is there.
    fn put_in(&mut self, reader: usize, person: &str) {
        self.post("/cards/pull", &[("reader", READERS[reader])]);
        self.post("/cards/insert", &[("reader", READERS[reader]), ("person", person)]);
        let is_in = || {
            let readers = self.http.get("/api/v1/cards").ok()?.1;
            (readers["error"]["code"] == "not-signed-in" || readers["readers"][reader]["insertion"].is_u64())
                .then_some(())
        };
        until("the card is in", SOON, is_in).unwrap();
    }

    fn sign_in(&mut self, card: &str) -> String {
        let fields = [("reader", "chip"), ("card", card), ("pin_source", "keyboard"), ("pin", PIN), ("back", "")];
        self.post("/login", &fields);
        self.page("/")
    }

    /// The card of whoever is to have a right in one reader, the giver's in the other.
    fn grant(&mut self, right: &str) -> String {
        assert_eq!(self.post("/staff/read", &[("card", "professional")]), 303);
        let fields =
            [("right", right), ("until", "2020-12-31"), ("name", ""), ("pin_source", "keyboard"), ("pin", PIN)];
        self.post("/staff/grant", &fields);
        self.page("/staff")
    }

    fn sell(&mut self, whom: &[(&str, &str)]) -> String {
        self.post("/masks/entered", &[]);
        self.post("/masks/clear", &[]);
        self.post("/masks/check", whom);
        self.post("/masks/buy", &[("adult", "2"), ("child", "0")]);
        self.post("/masks/confirm", &[]);
        self.page("/masks")
    }
}

fn open(edge: &Tool) -> (Process, Counter) {
    let tcp = free_tcp_port().unwrap();
    let (listen, helper, people) =
        (format!("127.0.0.1:{tcp}"), binary("atoll-card").unwrap(), root("scripts/demo_people.json"));
    let arguments =
        ["serve", "--listen", &listen, "--card-helper", helper.to_str().unwrap(), "--demonstration-cards", &people];
    let (serving, http) = serve(edge, &arguments, tcp).unwrap();
    (serving, Counter { http, jar: String::new() })
}

#[test]
fn a_site_is_staffed_and_sells_without_a_line_and_what_was_done_behind_a_withdrawal_is_flagged_once() {
    let prepared = Prepared::new().unwrap();
    let (hub, edge) =
        (tool("atoll-hub", &prepared.hub(), LATER).unwrap(), tool("atoll-edge", &prepared.edge(), LATER).unwrap());
    for kind in ["institution", "professional"] {
        hub.run(&["issuer", "add", &root(&format!("scripts/demo/{kind}-issuer.pem")), "--card", kind]).unwrap();
    }
    let card = root("scripts/demo/site-card.pem");
    let representative = ["--card", "institution", "--certificate", &card, "--right", "representative"];
    hub.run(&[&["staff", "grant", SITE, "--name", "淡水藥局"][..], &representative].concat()).unwrap();

    let (running, _) = prepared.serve_hub(&hub).unwrap();
    let (serving, mut counter) = open(&edge);
    let asks = || counter.http.page("/", "").ok()?.contains("/login").then_some(());
    until("the counter asks for a sign-in", SOON, asks).unwrap();
    // From here on there is no hub.
    running.stop().unwrap();

    counter.put_in(0, SITE_CARD);
    let home = counter.sign_in("institution");
    assert!(home.contains("淡水藥局") && home.contains("機構管理"), "{home}");
    counter.put_in(1, MANAGER_CARD);
    let staff = counter.grant("manager");
    assert!(staff.contains("已授權 王主任"), "{staff}");
    counter.post("/logout", &[]);

    counter.put_in(0, USER_CARD);
    let home = counter.sign_in("professional");
    assert!(!home.contains("登出"), "the user has no right yet, whichever card is looked at first: {home}");
    counter.post("/cards/pull", &[("reader", READERS[0])]);
    let home = counter.sign_in("professional");
    assert!(home.contains("王主任") && home.contains("機構管理"), "{home}");
    counter.put_in(0, USER_CARD);
    let staff = counter.grant("service:masks");
    assert!(staff.contains("已授權 林護理師"), "{staff}");
    counter.post("/logout", &[]);
    counter.post("/cards/pull", &[("reader", READERS[1])]);

    let home = counter.sign_in("professional");
    assert!(home.contains("林護理師") && home.contains("/masks?entering"), "{home}");
    let sold = counter.sell(&BUYER);
    assert!(sold.contains("已完成購買") && sold.contains("林護理師"), "{sold}");

    // A line, for a while: the hub hears who may do what.
    let (running, _) = prepared.serve_hub(&hub).unwrap();
    let user = || {
        let staff = hub.json(&["staff", "list", SITE]).ok()?;
        let user = staff["staff"].as_array()?.iter().find(|member| member["card"] == "professional" && uses(member))?;
        Some(user["staff"].as_str()?.to_owned())
    };
    let user = until("the hub hears of the user", LONG, user).unwrap();
    let is_sent = || (edge.json(&["status"]).ok()?["ledger"]["unsent"].as_u64()? == 0).then_some(());
    until("and of everything else", LONG, is_sent).unwrap();
    running.stop().unwrap();

    // The hub takes the right back while the site cannot hear it, and the site goes on.
    hub.run(&["staff", "revoke", SITE, &user, "--right", "service:masks", "--reason", "離職"]).unwrap();
    let sold = counter.sell(&OTHER);
    assert!(sold.contains("已完成購買"), "{sold}");

    // The ledgers meet: the next deed is refused, and what was done meanwhile is one finding.
    let (running, _) = prepared.serve_hub(&hub).unwrap();
    let denied = || {
        counter.post("/masks/clear", &[]);
        counter.post("/masks/check", &THIRD);
        counter.page("/masks").contains("授權已於").then_some(())
    };
    until("the withdrawal comes down", LONG, denied).unwrap();
    let flagged = || hub.json(&["staff", "flagged", SITE]).unwrap()["staff_cases"].as_array().unwrap().clone();
    until("the hub has found it", LONG, || (!flagged().is_empty()).then_some(())).unwrap();
    running.stop().unwrap();
    let (running, _) = prepared.serve_hub(&hub).unwrap();
    let found = flagged();
    assert_eq!(found.len(), 1, "once: {found:?}");
    assert!(found[0].to_string().contains("離職"), "{found:?}");
    let audit = edge.run(&["audit"]).unwrap();
    let deeds = |deed: &str| audit.lines().filter(|line| line.contains(&format!("\"deed\":\"{deed}\""))).count();
    assert_eq!((deeds("sign-in"), deeds("sign-in-failed"), deeds("sign-out")), (3, 1, 2), "{audit}");
    assert!(!audit.contains("A123456716") && !audit.contains(PIN));
    drop((running, serving));
}

/// Whether somebody of the hub's list was given a service.
fn uses(member: &serde_json::Value) -> bool {
    member["rights"].to_string().contains("service:masks")
}
