//! What everybody may read of places: SMART Scheduling Links.

use axum::http::Method;
use shared::entry::booking::{Capacity, Slot, Venue};
use shared::rules::booking::contact::Contact;

use super::*;
use crate::opendata::smart::SILENT_AFTER_S;
use crate::testing::TAMSUI;

const FILES: [&str; 3] = ["/smart/location.ndjson", "/smart/schedule.ndjson", "/smart/slot.ndjson"];
const NAME: &str = "王大明";
const MOBILE: &str = "0912345678";
const ROUND: &str = "programme = \"vaccine\"\nname = \"vaccine-r1\"\nnumber = 1\ntitle = { zh = \"疫苗\", en = \"vaccine\" }\n\
    opens = \"2020-02-05T09:00\"\ncloses = \"2020-02-09T17:00\"\nfirst_day = \"2020-02-05\"\nlast_day = \"2020-02-14\"\n\
    brands = [\"AZ\", \"MO\"]\n[[groups]]\ntitle = { zh = \"五十歲\", en = \"fifty\" }\nage_from = 50\n";

/// At the venue whose day 淡水藥局 keeps, or at the one whose day nobody's edge keeps.
fn slot(venue: &str, date: &str, start: &str, brands: &str) -> Slot {
    let (venue, date) = (venue.parse().unwrap(), date.parse().unwrap());
    Slot { venue, date, start: start.parse().unwrap(), brands: brands.parse().unwrap() }
}

/// Of the pharmacy's slots one is yesterday's, one has begun, one is closed, and one of one place is free.
fn offered() -> Hub {
    let mut hub = hub();
    hub.publish_round(ROUND, "op", MORNING).unwrap().unwrap();
    let venue = |id: &str, site: Option<&str>| Venue {
        id: id.parse().unwrap(),
        name: format!("地點{id}"),
        county: "新北市".to_owned(),
        district: "淡水區".to_owned(),
        address: "新北市淡水區中正路1號".to_owned(),
        phone: String::new(),
        site: site.map(code_of),
        holds: true,
    };
    hub.put_venues(&[venue("V1", Some(TAMSUI)), venue("V2", None)], "op", MORNING).unwrap().unwrap();
    let capacity = |slot: Slot, places: u32, closed: bool| Capacity { slot, places, closed };
    let capacities = [
        capacity(slot("V1", "2020-02-05", "10:00", "AZ"), 8, false),
        capacity(slot("V1", "2020-02-06", "09:00", "AZ"), 8, false),
        capacity(slot("V1", "2020-02-07", "10:00", "AZ"), 1, false),
        capacity(slot("V1", "2020-02-07", "11:00", "MO"), 8, true),
        capacity(slot("V2", "2020-02-07", "11:00", "MO"), 8, false),
    ];
    hub.put_capacities(&capacities, "op", MORNING).unwrap().unwrap();
    hub
}

/// 淡水藥局 gives the one place away.
async fn books(console: &Console, second: i64) {
    let write = move |hub: &mut Hub| {
        let mut ledger = Ledger::new(code_of(TAMSUI), 8, &Secret::new([1; 32]));
        ledger.book(PERSON, second, &slot("V1", "2020-02-07", "10:00", "AZ"), &Contact::parse(NAME, MOBILE).unwrap());
        let run = ledger.run(0).unwrap();
        let done = hub.ingest(&[Upload { site: code_of(TAMSUI), incarnation: ledger.incarnation(), run }], second);
        format!("{:?}", done.unwrap())
    };
    let done = console.hub.call(write).await.unwrap();
    assert!(done.contains("Ingested"), "{done}");
}

/// Nobody has signed in.
async fn read(console: &Console, path: &str) -> Got {
    had(console, path, None).await
}

/// The same by somebody who has a text already.
async fn had(console: &Console, path: &str, tags: Option<&str>) -> Got {
    let request = tags.map_or(Request::get(path), |tags| Request::get(path).header("if-none-match", tags));
    ask(console, request.header("host", HOST).body(Body::empty()).unwrap()).await
}

async fn lines(console: &Console, path: &str) -> Vec<Value> {
    let got = read(console, path).await;
    assert_eq!(
        (got.status, &got.headers["content-type"]),
        (StatusCode::OK, &"application/fhir+ndjson".parse().unwrap())
    );
    got.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// When each slot begins, and whether it is free.
async fn slots(console: &Console) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = lines(console, "/smart/slot.ndjson").await;
    all.iter().map(|it| format!("{} {}", &text(&it["start"])[..13], text(&it["status"]))).collect()
}

/// Each schedule, and whether it has anything.
async fn schedules(console: &Console) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = lines(console, "/smart/schedule.ndjson").await;
    all.iter().map(|it| format!("{} {}", text(&it["comment"]), text(&it["extension"][0]["valueCode"]))).collect()
}

#[tokio::test]
async fn the_manifest_names_the_files_where_it_was_asked_for() {
    let (console, _mailbox) = empty(offered(), morning());
    let got = read(&console, "/$bulk-publish").await;
    assert_eq!((got.status, &got.headers["content-type"]), (StatusCode::OK, &"application/json".parse().unwrap()));
    let manifest = got.json();
    assert_eq!(manifest["request"], format!("http://{HOST}/$bulk-publish"));
    assert_eq!(manifest["transactionTime"], "2020-02-06T11:00:00+08:00");
    let output = manifest["output"].as_array().unwrap();
    for (file, kind) in output.iter().zip(["Location", "Schedule", "Slot"]) {
        assert_eq!(file["type"], kind);
        let path = file["url"].as_str().unwrap().strip_prefix(&format!("http://{HOST}")).unwrap().to_owned();
        assert!(lines(&console, &path).await.iter().all(|line| line["resourceType"] == kind), "{path}");
    }
    assert_eq!(output.len(), 3);
    let request = Request::get("/$bulk-publish").header("host", "LOCALHOST:7480").header("x-forwarded-proto", "https");
    let got = ask(&console, request.body(Body::empty()).unwrap()).await;
    assert_eq!(got.json()["output"][2]["url"], "https://LOCALHOST:7480/smart/slot.ndjson");
    assert_eq!(got.headers["vary"], "x-forwarded-proto", "no cache gives it to whoever asks without TLS");
    let tag = got.headers["etag"].to_str().unwrap();
    assert_eq!(had(&console, "/$bulk-publish", Some(tag)).await.headers["vary"], "x-forwarded-proto");
    assert!(!read(&console, FILES[0]).await.headers.contains_key("vary"), "these are the same by any way");
    let elsewhere = Request::get("/$bulk-publish").header("host", "attacker.test").body(Body::empty()).unwrap();
    assert_eq!(ask(&console, elsewhere).await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn what_was_given_away_begun_or_closed_is_busy_and_a_silent_venue_unknown() {
    let (console, _mailbox) = empty(offered(), at(3_700));
    assert_eq!(
        slots(&console).await,
        ["2020-02-06T09 busy", "2020-02-07T10 free", "2020-02-07T11 busy", "2020-02-07T11 free"],
        "from today on"
    );
    assert_eq!(schedules(&console).await, ["地點V1-AZ some", "地點V1-MO none", "地點V2-MO some"]);
    let venues = lines(&console, "/smart/location.ndjson").await;
    assert_eq!(venues[0]["meta"]["extension"][0]["valueDateTime"], "2020-02-06T10:00:00+08:00");
    assert_eq!((&venues[1]["id"], &venues[1]["meta"]), (&"V2".into(), &Value::Null), "nobody's edge keeps its day");

    books(&console, MORNING + 3_702).await;
    assert_eq!(slots(&console).await[1], "2020-02-07T10 free", "rendered a moment ago");
    let later = Console { clock: at(3_710), ..console.clone() };
    assert_eq!(slots(&later).await[1], "2020-02-07T10 busy");
    assert_eq!(schedules(&later).await[0], "地點V1-AZ none");
    let silent = Console { clock: at(3_703 + SILENT_AFTER_S), ..console };
    assert_eq!(schedules(&silent).await, ["地點V1-AZ unknown", "地點V1-MO unknown", "地點V2-MO some"]);
}

#[tokio::test]
async fn who_has_it_already_is_told_so_until_it_changes() {
    let (console, _mailbox) = empty(offered(), at(3_700));
    let later = Console { clock: at(3_720), ..console.clone() };
    for path in FILES.into_iter().chain(["/$bulk-publish"]) {
        let got = read(&console, path).await;
        let tag = got.headers["etag"].to_str().unwrap().to_owned();
        assert!(!got.text.is_empty() && tag.starts_with('"'), "{path}: {tag}");
        for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let got = had(&later, path, Some(&tags)).await;
            assert_eq!((got.status, got.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path} {tags}");
            assert_eq!(got.headers["etag"], tag);
        }
        for got in [had(&later, path, Some("\"other\"")).await, got] {
            assert_eq!(got.status, StatusCode::OK, "{path}");
            assert_eq!(got.headers["cache-control"], "public, max-age=60");
            assert_eq!(got.headers["access-control-allow-origin"], "*");
            assert_eq!(got.headers["cross-origin-resource-policy"], "cross-origin");
        }
    }
    let tags = [had(&later, FILES[2], None).await, read(&later, "/$bulk-publish").await];
    books(&console, MORNING + 3_721).await;
    let changed = Console { clock: at(3_730), ..console };
    for (path, before) in [FILES[2], "/$bulk-publish"].into_iter().zip(tags) {
        let got = had(&changed, path, Some(before.headers["etag"].to_str().unwrap())).await;
        assert_eq!(got.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn it_is_only_read_and_names_nobody() {
    let (console, mailbox) = empty(offered(), at(3_700));
    books(&console, MORNING + 3_700).await;
    for path in FILES.into_iter().chain(["/$bulk-publish"]) {
        let text = read(&console, path).await.text;
        for never in [PERSON, NAME, MOBILE, "王小明", "A12", "\"op\""] {
            assert!(!text.contains(never), "{path}: {never}");
        }
        for (method, status) in [("HEAD", 200), ("POST", 405), ("DELETE", 405), ("OPTIONS", 405)] {
            let method: Method = method.parse().unwrap();
            let request = Request::builder().method(&method).uri(path).header("host", HOST).header("origin", ORIGIN);
            let got = ask(&console, request.body(Body::empty()).unwrap()).await;
            assert_eq!((got.status.as_u16(), got.text.as_str()), (status, ""), "{method} {path}");
        }
    }
    mailbox.stop().await;
    let stopped = Console { clock: at(3_720), ..console };
    assert_eq!(read(&stopped, FILES[0]).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn so_many_read_at_once_and_no_more() {
    let (console, _mailbox) = empty(offered(), morning());
    let open = || {
        let request = Request::get(FILES[2]).header("host", HOST).body(Body::empty()).unwrap();
        app(console.clone()).oneshot(request)
    };
    let mut reading = Vec::new();
    for _ in 0..crate::console::smart::READERS_MAX {
        reading.push(open().await.unwrap());
    }
    assert!(reading.iter().all(|response| response.status() == StatusCode::OK));
    let got = read(&console, FILES[2]).await;
    assert_eq!((got.status, got.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "refused"));
    assert_eq!(got.headers["cache-control"], "no-store");
    reading.clear();
    assert_eq!(read(&console, FILES[2]).await.status, StatusCode::OK);
}
