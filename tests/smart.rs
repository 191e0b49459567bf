//! What everybody may read of places (docs/booking.md): asked as other people's software asks, from the manifest on, at a
//! real hub, and held against other people's models of FHIR.

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::fhir::{judge, python};
use harness::fleet::{Http, Tool, free_tcp_port, free_udp_port, until};
use harness::prepared::{LATER, scratch, serve, skipped, tool};
use serde_json::Value;

/// Above the seconds for which a reading is shown.
const RENDERED: Duration = Duration::from_secs(30);
/// With and without what a venue may lack; the second one's name is longer than FHIR's ids, and no ASCII.
const VENUES: [&str; 3] = [
    "V1,淡水藥局,新北市,淡水區,新北市淡水區中正路1號,(02)26211234,5931102274",
    "北投區石牌國小活動中心,活動中心<一樓>,臺北市,北投區,臺北市北投區文林北路1號,,",
    "V_3,衛生所,金門縣,金寧鄉,金門縣金寧鄉2之1號,,",
];
const BRANDS: [&str; 4] = ["AZ", "MO", "\"MO,AZ\"", "XX"];

fn furnish(hub: &Tool, folder: &Path) {
    let import = |kind: &str, text: String| {
        let file = folder.join(format!("{kind}.csv"));
        fs::write(&file, text).unwrap();
        hub.run(&[kind, "import", file.to_str().unwrap()]).unwrap();
    };
    hub.run(&["init"]).unwrap();
    hub.run(&["sites", "import"]).unwrap();
    import("venue", format!("id,name,county,district,address,phone,site\n{}\n", VENUES.join("\n")));
    let ids = VENUES.map(|venue| venue.split(',').next().unwrap());
    let hours = (9..17).flat_map(|hour| [7, 8].map(|day| (day, hour)));
    let slots = hours.flat_map(|(day, hour)| ids.map(|id| (id, day, hour)));
    let slots = slots.zip(BRANDS.iter().cycle());
    let lines = slots.map(|((id, day, hour), brands)| format!("{id},2020-02-{day:02},{hour:02}:00,{brands},{hour}\n"));
    import("slot", format!("venue,date,start,brands,places\n{}", lines.collect::<String>()));
}

/// The files that the manifest names, by kind.
fn published(http: &Http, port: u16) -> Vec<(String, String)> {
    let (status, manifest) = http.get("/$bulk-publish").unwrap();
    assert_eq!(status, 200, "{manifest}");
    let base = format!("http://127.0.0.1:{port}");
    let file = |file: &Value| {
        let (status, text) = http.text(file["url"].as_str().unwrap().strip_prefix(&base).unwrap()).unwrap();
        assert_eq!(status, 200, "{text}");
        (file["type"].as_str().unwrap().to_owned(), text)
    };
    manifest["output"].as_array().unwrap().iter().map(file).collect()
}

#[test]
fn other_peoples_software_reads_what_is_published() {
    let folder = scratch().unwrap();
    let hub = tool("atoll-hub", &folder.path().join("hub"), LATER).unwrap();
    furnish(&hub, folder.path());
    let (quic, port) = (format!("127.0.0.1:{}", free_udp_port().unwrap()), free_tcp_port().unwrap());
    let arguments = ["serve", "--listen", &quic, "--http", &format!("127.0.0.1:{port}")];
    let (running, http) = serve(&hub, &arguments, port).unwrap();
    let files = published(&http, port);
    let lines = |kind: &str| files.iter().find(|(of, _)| of == kind).unwrap().1.lines().count();
    assert_eq!((lines("Location"), lines("Slot")), (3, 48));
    assert!(lines("Schedule") >= 4, "{files:?}");

    hub.run(&["slot", "close", "V1", "2020-02-07"]).unwrap();
    let busy = || {
        let (_, slots) = http.text("/smart/slot.ndjson").ok()?;
        (slots.matches("\"status\":\"busy\"").count() == 8).then_some(slots)
    };
    let closed = until("the slots are closed for everybody", RENDERED, busy).unwrap();
    running.stop().unwrap();

    let Some(python) = python() else {
        return skipped("no fhir.resources here (PyPI) to judge what is published of places");
    };
    for text in files.iter().map(|(_, text)| text).chain([&closed]) {
        let judged = judge(&python, text).unwrap();
        assert_eq!(judged, u64::try_from(text.lines().count()).unwrap());
    }
    let broken = closed.replacen("\"busy\"", "\"taken\"", 1);
    assert!(judge(&python, &broken.replacen("\"start\"", "\"begins\"", 1)).is_err(), "the judge judges");
}
