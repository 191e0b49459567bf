//! A vaccination is booked from any counter, with the line up and down: the real hub, two real sites, the files of the
//! demonstration, and nothing between them but QUIC (V1-V17).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::fleet::{Http, Process, Tool, free_udp_port, until};
use harness::prepared::{person, scratch, serve, serve_edge, skipped, tool};
use serde_json::{Value, json};
use tempfile::TempDir;

const MORNING: &str = "2020-02-06T09:00:00+08:00";
/// A line comes back by itself, after a pause that grows.
const SOON: Duration = Duration::from_secs(60);
/// 東莒衛生所, where people are vaccinated as well.
const ISLAND: &str = "2391030026";
/// 康杏藥局 in Taipei: a counter, no venue.
const CITY: &str = "5901172651";
const VENUE: &str = "0291010019";

fn shipped(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/demo").join(file).display().to_string()
}

struct Hub {
    tool: Tool,
    line: String,
    running: Option<Process>,
}

impl Hub {
    fn start(&mut self) {
        let tcp = harness::fleet::free_tcp_port().unwrap();
        let arguments = ["serve", "--listen", &self.line, "--http", &format!("127.0.0.1:{tcp}")];
        self.running = Some(serve(&self.tool, &arguments, tcp).unwrap().0);
    }

    fn stop(&mut self) {
        self.running.take().unwrap().stop().unwrap();
    }
}

struct Site {
    tool: Tool,
    http: Http,
    _serving: Process,
}

/// Everything is killed before its folder goes.
struct Town {
    hub: Hub,
    island: Site,
    city: Site,
    folder: TempDir,
}

impl Town {
    fn new() -> Self {
        let folder = scratch().unwrap();
        let line = format!("127.0.0.1:{}", free_udp_port().unwrap());
        let mut hub =
            Hub { tool: tool("atoll-hub", &folder.path().join("hub"), MORNING).unwrap(), line, running: None };
        let list: String = (0..40).map(|n| format!("01,{},1986-03-15,true\n", person(n))).collect();
        let file = folder.path().join("list.csv");
        std::fs::write(&file, format!("kind,number,birth,registered\n{list}")).unwrap();
        for command in [
            &["init"][..],
            &["sites", "import"],
            &["programme", "publish", "mask-2020-02-06"],
            &["round", "publish", &shipped("round.toml")],
            &["venue", "import", &shipped("venues.csv")],
            &["slot", "import", &shipped("slots.csv")],
            &["list", "import", "--round", "vaccine-demo", file.to_str().unwrap()],
        ] {
            hub.tool.run(command).unwrap();
        }
        hub.start();
        let [island, city] = [("island", ISLAND), ("city", CITY)].map(|(name, code)| {
            let edge = tool("atoll-edge", &folder.path().join(name), MORNING).unwrap();
            let token = hub.tool.json(&["enrol", code]).unwrap();
            edge.run(&["init", "--site", code]).unwrap();
            edge.run(&["enrol", "--hub", &hub.line, "--token", token["token"].as_str().unwrap()]).unwrap();
            let (serving, http) = serve_edge(&edge).unwrap();
            Site { tool: edge, http, _serving: serving }
        });
        let town = Self { hub, island, city, folder };
        // Whoever is near a venue is lent its places before anybody asks.
        for (site, venue) in [(&town.island, ISLAND), (&town.city, VENUE)] {
            until("places are lent", SOON, || (site.held(venue, "10:00") > 0 && site.knows_the_list()).then_some(()))
                .unwrap();
        }
        town
    }

    fn slot(&self, date: &str, start: &str) -> Value {
        let listed = self.hub.tool.json(&["slot", "list", "--venue", VENUE, "--date", date]).unwrap();
        listed["slots"].as_array().unwrap().iter().find(|it| it["start"] == start).unwrap().clone()
    }
}

fn document(n: usize) -> Value {
    json!({"kind": "01", "number": person(n), "birth": "1986-03-15"})
}

/// Of tomorrow.
fn slot(venue: &str, start: &str) -> Value {
    slot_on("2020-02-07", venue, start)
}

fn slot_on(date: &str, venue: &str, start: &str) -> Value {
    let brands = if venue == VENUE { "AZ" } else { "MO,AZ" };
    json!({"venue": venue, "date": date, "start": start, "brands": brands})
}

impl Site {
    fn ask(&self, path: &str, body: &Value) -> Value {
        self.http.post(&format!("/api/v1/booking/{path}"), body).unwrap().1
    }

    fn look_up(&self, n: usize) -> Value {
        self.ask("look-up", &json!({"document": document(n)}))
    }

    fn book(&self, n: usize, slot: &Value) -> Value {
        let body = json!({
            "document": document(n), "name": "王大明", "mobile": "0912-345-678", "slot": slot, "consent": true,
            "request": format!("{n}-{slot}"), "by": "test",
        });
        self.ask("book", &body)
    }

    /// Places of tomorrow that are lent here and left.
    fn held(&self, venue: &str, start: &str) -> u64 {
        let view = self.http.get("/api/v1/booking/view").unwrap().1;
        let of = |it: &&Value| it["venue"] == venue && it["date"] == "2020-02-07" && it["start"] == start;
        let all = view["slots"].as_array().cloned().unwrap_or_default();
        all.iter().find(of).and_then(|it| it["held"].as_u64()).unwrap_or(0)
    }

    fn knows_the_list(&self) -> bool {
        self.look_up(39)["verdict"] == "may"
    }

    fn verify(&self, slip: &Value) -> Value {
        self.tool.json(&["verify-slip", slip.as_str().unwrap()]).unwrap()
    }
}

#[test]
fn it_is_booked_without_a_line_waits_where_nothing_is_lent_and_is_answered_when_the_hub_is_back() {
    let mut town = Town::new();
    assert_eq!(town.city.look_up(0)["verdict"], "may", "V1");
    assert_eq!(town.city.look_up(50)["modal"], "您不符合本期可施打資格[C][R01-1]", "V2");
    town.hub.stop();

    let place = slot(VENUE, "10:00");
    let lent = town.city.held(VENUE, "10:00");
    let first = town.city.book(0, &place);
    assert_eq!(first["verdict"], "booked", "{first}");
    let number = first["number"].as_str().unwrap();
    assert!(number.starts_with("AZ01-"), "V10: {number}");
    assert_eq!(town.city.book(0, &place)["booking"], first["booking"], "asked twice is booked once");
    assert_eq!(town.city.book(0, &slot(VENUE, "11:00"))["reason"], "booked", "one live booking a person");
    let slip = &first["slip"];
    assert_eq!(town.island.verify(slip)["verdict"], "valid", "anywhere, without a line");

    for n in 1..usize::try_from(lent).unwrap() {
        assert_eq!(town.city.book(n, &place)["verdict"], "booked", "{n} of {lent}");
    }
    let wish = town.city.book(20, &place);
    assert_eq!((&wish["verdict"], &wish["number"]), (&json!("wish"), &Value::Null), "{wish}");
    assert_eq!(town.city.look_up(20)["state"], wish["state"], "it waits, and the counter says so");

    town.hub.start();
    let answered = || Some(town.city.look_up(20)).filter(|it| it["verdict"] == "has" && it["number"].is_string());
    let answer = until("the wish is answered", SOON, answered).unwrap();
    assert_eq!(answer["slot"]["start"], "10:00", "{answer}");
    assert_eq!(town.island.verify(&answer["slip"])["verdict"], "valid");
    let counts = town.slot("2020-02-07", "10:00");
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(count("booked"), lent + 1, "{counts}");
    assert_eq!(count("free") + count("lent") + count("booked"), count("capacity"), "{counts}");
}

#[test]
fn whoever_booked_at_one_counter_is_found_at_the_other_cancels_there_books_again_and_comes() {
    let town = Town::new();
    let first = town.city.book(0, &slot(VENUE, "14:00"));
    assert_eq!(first["verdict"], "booked", "{first}");
    let seen = || Some(town.island.look_up(0)).filter(|it| it["verdict"] == "has");
    let seen = until("the other counter finds it", SOON, seen).unwrap();
    assert_eq!((&seen["number"], &seen["own"]), (&first["number"], &json!(false)), "{seen}");
    let refused = town.island.book(0, &slot(ISLAND, "10:00"));
    assert_eq!(refused["reason"], "booked", "{refused}");

    let cancel = json!({"booking": first["booking"], "document": document(0), "reason": "換時段"});
    assert_eq!(town.island.ask("cancel", &cancel)["verdict"], "cancelled", "V14, at any counter");
    let again = until("the place is free again", SOON, || {
        Some(town.island.book(0, &slot_on("2020-02-06", ISLAND, "10:00"))).filter(|it| it["verdict"] == "booked")
    });
    let again = again.unwrap();
    let gone = || Some(town.city.look_up(0)).filter(|it| it["slot"]["venue"] == ISLAND);
    until("the first counter has the new one", SOON, gone).unwrap();

    let expected = || {
        let day = town.island.http.get("/api/v1/booking/day").ok()?.1;
        day["expected"].as_array()?.iter().find(|it| it["serial"] == again["serial"] && it["comes"] == true).cloned()
    };
    let line = until("the venue expects them", SOON, expected).unwrap();
    assert_eq!((&line["name"], &line["mobile"]), (&json!("王大明"), &json!("0912345678")), "{line}");
    let comes = |what: &str| json!({"slip": again["slip"], "what": what, "brand": "MO", "lot": "3004950"});
    for what in ["checked-in", "given"] {
        let done = town.island.ask("attend", &comes(what));
        assert_eq!((&done["verdict"], &done["what"]), (&json!("attended"), &json!(what)), "{done}");
    }
    let given =
        || town.hub.tool.run(&["booking", "find", &again["serial"].to_string()]).ok().filter(|it| it.contains("MO"));
    until("the hub hears that it was given", SOON, given).unwrap();
    assert_eq!(town.city.book(0, &slot(VENUE, "15:00"))["verdict"], "refused", "whoever had it needs no second");
}

#[test]
fn two_cut_counters_that_book_for_one_person_are_one_case() {
    let town = Town::new();
    for site in [&town.island, &town.city] {
        site.tool.run(&["line", "cut"]).unwrap();
    }
    until("the lines are down", SOON, || {
        let is_down = |site: &Site| site.http.get("/api/v1/status").unwrap().1["line"]["state"] == "cut";
        (is_down(&town.island) && is_down(&town.city)).then_some(())
    })
    .unwrap();
    assert_eq!(town.city.book(0, &slot(VENUE, "10:00"))["verdict"], "booked");
    assert_eq!(town.island.book(0, &slot(ISLAND, "11:00"))["verdict"], "booked", "neither can know");
    for site in [&town.island, &town.city] {
        site.tool.run(&["line", "heal"]).unwrap();
    }
    let case = || town.hub.tool.json(&["cases"]).ok()?["cases"].as_array()?.first().cloned();
    let case = until("the hub finds the case", SOON, case).unwrap();
    let detail = town.hub.tool.run(&["case", case["id"].as_str().unwrap()]).unwrap();
    assert!(detail.contains(CITY) && detail.contains(ISLAND), "both are named: {detail}");
    assert!(!detail.contains(&person(0)), "and the person is not: {detail}");
    let states = || {
        let mut states: Vec<Value> = [&town.city, &town.island].map(|site| site.look_up(0)["state"].clone()).into();
        states.sort_by_key(ToString::to_string);
        (states == ["live", "over"]).then_some(())
    };
    until("each counter says how its own stands", SOON, states).unwrap();
}

#[test]
fn the_code_on_the_sheet_is_read_by_other_peoples_scanner() {
    let has = |command: &str| Command::new(command).arg("--version").output().is_ok();
    if !has("rsvg-convert") || !has("zbarimg") {
        return skipped("no scanner here (Debian packages librsvg2-bin, zbar-tools)");
    }
    let town = Town::new();
    let booked = town.city.book(0, &slot(VENUE, "15:00"));
    let sheet = town.city.http.page(&format!("/booking/slip/{}", booked["booking"].as_str().unwrap()), "").unwrap();
    let begins = sheet.find("<svg").unwrap_or_else(|| panic!("no code on the sheet: {sheet}"));
    let svg = &sheet[begins..][..sheet[begins..].find("</svg>").unwrap() + "</svg>".len()];
    let file = |name: &str| town.folder.path().join(name).display().to_string();
    let (drawn, image) = (file("slip.svg"), file("slip.png"));
    std::fs::write(&drawn, svg).unwrap();
    let drew = Command::new("rsvg-convert").args(["-w", "600", "-b", "white", "-o", &image, &drawn]).output().unwrap();
    assert!(drew.status.success(), "{}", String::from_utf8_lossy(&drew.stderr));
    let read = Command::new("zbarimg").args(["--quiet", "--raw", &image]).output().unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    assert_eq!(json!(text.trim()), booked["slip"]);
    assert_eq!(town.island.verify(&json!(text.trim()))["number"], booked["number"]);
}
