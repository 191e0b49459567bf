//! `round`, `list`, `venue`, `slot`, `booking`, `wish` and `lease` as an operator runs them: words, exit codes, the audit.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "support/operator.rs"]
mod operator;

use operator::*;
use serde_json::Value;

const SITE: &str = "5931102274";

fn ready() -> Folder {
    Folder::ready("2021-07-07T09:00:00+08:00", &[[SITE, "淡水藥局", "pharmacy"]])
}

impl Folder {
    fn deeds(&self) -> Vec<String> {
        let audit = self.said(&["audit", "export"]);
        audit
            .lines()
            .filter(|line| !line.contains("audit-exported"))
            .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["deed"].as_str().map(str::to_owned))
            .collect()
    }
}

const VENUES: &str = "id,name,county,district,address,phone,site\nV1,金寧衛生所,金門縣,金寧鄉,金寧鄉1號,,5931102274\n";
const SLOTS: &str = "venue,date,start,brands,places\nV1,2021-07-12,10:00,\"MO,AZ\",8\nV1,2021-07-12,11:00,AZ,4\n";

#[test]
fn a_round_its_venues_its_slots_and_its_list_come_from_files() {
    let folder = ready();
    folder.done(&["round", "publish", "vaccine-2021-r1"]);
    assert!(folder.refused(&["round", "publish", "nothing"]).contains("vaccine-2022-r27"));
    let broken = folder.file("round.toml", "programme = \"vaccine\"\n".as_bytes());
    assert!(folder.refused(&["round", "publish", &broken]).contains("round file"));
    assert_eq!(folder.done(&["round", "list"])["rounds"][0]["number"], 1);
    let slots = folder.file("slots.csv", SLOTS.as_bytes());
    assert!(folder.refused(&["slot", "import", &slots]).contains("unknown venue"));
    assert_eq!(folder.done(&["venue", "import", &folder.file("venues.csv", VENUES.as_bytes())])["published"], 1);
    let stranger = VENUES.replace(SITE, "3501200000");
    assert!(
        folder.refused(&["venue", "import", &folder.file("other.csv", stranger.as_bytes())]).contains("3501200000")
    );
    assert_eq!(folder.done(&["venue", "list"])["venues"][0]["site"], SITE);
    assert_eq!(folder.done(&["slot", "import", &slots])["published"], 2);
    let listed = folder.done(&["slot", "list", "--venue", "V1", "--date", "2021-07-12"]);
    assert_eq!((&listed["slots"][0]["capacity"], &listed["slots"][0]["free"]), (&8.into(), &8.into()));
    let list = "kind,number,birth\n01,A123456789,1980-01-01\n01,A123456780,1980-01-01\n";
    let list = folder.file("list.csv", list.as_bytes());
    let refused = folder.refused(&["list", "import", "--round", "vaccine-2021-r1", &list]);
    assert!(refused.contains("line 3") && !refused.contains("A12345678"), "{refused}");
    let done = folder.done(&["list", "import", "--round", "vaccine-2021-r1", &list, "--skip-bad"]);
    assert_eq!((&done["taken"], &done["bad"], &done["people"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(folder.done(&["list", "status"])["lists"][0]["people"], 1);
    assert_eq!(folder.deeds(), ["round", "venues", "slots", "book-list"], "what was not done is not there");
}

#[test]
fn slots_are_closed_and_stay_closed_and_nobody_is_called_in_silence() {
    let folder = ready();
    folder.done(&["round", "publish", "vaccine-2021-r1"]);
    folder.done(&["venue", "import", &folder.file("venues.csv", VENUES.as_bytes())]);
    let slots = folder.file("slots.csv", SLOTS.as_bytes());
    folder.done(&["slot", "import", &slots]);
    assert_eq!(folder.done(&["slot", "close", "V1", "2021-07-12", "10:00"])["slots"], 1);
    assert!(folder.refused(&["slot", "close", "V1", "2021-07-13"]).contains("no such slot"));
    folder.done(&["slot", "import", &slots]);
    let listed = folder.done(&["slot", "list"]);
    assert_eq!((&listed["slots"][0]["closed"], &listed["slots"][1]["closed"]), (&true.into(), &false.into()));
    assert_eq!(folder.done(&["slot", "open", "V1", "2021-07-12"])["slots"], 2);
    assert_eq!(folder.done(&["slot", "called", "V1", "2021-07-12"])["called"], Value::Array(vec![]));
    assert_eq!(folder.deeds().last().map(String::as_str), Some("called"));
    assert_eq!(folder.done(&["wish", "list"])["wishes"], Value::Array(vec![]));
    assert_eq!(folder.done(&["lease", "list"])["leases"], Value::Array(vec![]));
    assert!(folder.refused(&["lease", "resume"]).contains("nothing is on hold"));
    let nobody = format!("{}-1", "0".repeat(32));
    assert!(folder.refused(&["lease", "forfeit", &nobody, "--reason", "電腦損毀"]).contains("no such lease"));
    assert!(folder.refused(&["booking", "find", "7"]).contains("7"));
    assert!(folder.refused(&["booking", "cancel", "7", "--reason", "本人要求"]).contains("no booking"));
    let deeds = folder.deeds();
    let undone = ["lease-forfeited", "lease-resumed", "booking-cancelled", "booking"];
    assert!(undone.iter().all(|deed| !deeds.iter().any(|done| done == deed)), "{deeds:?}");
}
