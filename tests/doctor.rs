//! `atoll-edge doctor` before a real hub: what it finds, and what it says is to be done.

use harness::prepared::{LATER, MORNING, Prepared, SITE, serve_edge, tool};
use serde_json::Value;

fn check<'a>(found: &'a Value, code: &str) -> &'a Value {
    found["checks"].as_array().unwrap().iter().find(|check| check["check"] == code).unwrap()
}

#[test]
fn the_doctor_finds_what_keeps_a_site_from_its_hub() {
    let prepared = Prepared::new().unwrap();
    let edge = tool("atoll-edge", &prepared.edge(), LATER).unwrap();
    let hub = tool("atoll-hub", &prepared.hub(), LATER).unwrap();
    let (serving, _) = prepared.serve_hub(&hub).unwrap();
    let well = edge.json(&["doctor"]).unwrap();
    for code in ["enrolled", "name", "line", "certificate", "rules"] {
        assert_eq!(check(&well, code)["state"], "good", "{well}");
    }
    assert_eq!(check(&well, "cards")["state"], "attention", "started without readers");
    serving.stop().unwrap();
    let (_running, http) = serve_edge(&edge).unwrap();
    // Both wait for a hub that does not answer.
    let ((status, ill), page) = std::thread::scope(|scope| {
        let page = scope.spawn(|| http.text("/doctor").unwrap().1);
        (http.get("/api/v1/doctor").unwrap(), page.join().unwrap())
    });
    let line = check(&ill, "line");
    assert_eq!((status, ill["state"].as_str(), line["state"].as_str()), (200, Some("bad"), Some("bad")), "{ill}");
    assert!(line["zh-TW"].as_str().unwrap().contains("請防火牆開放對該位址的 UDP 連出"), "loopback answers: {line}");
    assert!(page.contains("與中心的連線 (UDP)") && page.contains("異常"), "{page}");
}

/// The doctor in the shell waits for a silent hub, and whoever wants to sell does not wait for the doctor.
#[test]
fn the_folder_is_free_while_the_doctor_waits_for_the_network() {
    let prepared = Prepared::new().unwrap();
    let edge = tool("atoll-edge", &prepared.edge(), LATER).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| edge.output(&["doctor"]).unwrap());
        let ended_before = (0..8).all(|_| edge.run(&["status"]).is_ok() && !waiting.is_finished());
        assert!(ended_before, "eight commands were answered while the doctor waited");
        assert_eq!(waiting.join().unwrap().status.code(), Some(1));
    });
}

#[test]
fn a_new_site_is_told_to_enrol_and_the_command_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let edge = tool("atoll-edge", folder.path(), MORNING).unwrap();
    edge.run(&["init", "--site", SITE]).unwrap();
    let said = edge.output(&["doctor"]).unwrap();
    let words = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(1), "{words}");
    assert!(words.starts_with("✗ 註冊：尚未向中心註冊"), "{words}");
}
