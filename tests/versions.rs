//! Ends of different versions talk to each other (tests/versions/README.md): what an edge of each version said is
//! played to the hub of this one, what its hub said to the edge of this one, and their folders are opened. What this
//! version says back must be what that one could read, by the shapes kept with its recording.

use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use harness::prepared::{all_sent, ask, person, scratch, serve};
use harness::versions::enrolment;
use harness::versions::folder::{point, renew, renew_hub, unpack};
use harness::versions::line::{self, Crossed, End, said};
use harness::versions::play::{RecordedHub, as_edge};
use harness::versions::read::{Told, greeted, offered};
use harness::versions::shapes::Shapes;
use harness::versions::story::{ELSEWHERE, LINES, SITE, TWICE, clock, fed, truth};
use hub::authority::Authority;
use serde_json::{Value, json};
use shared::wire::v1::enrol::{Reply, decode_reply};

const VERSIONS: [&str; 2] = ["first", "second"];
const PATIENCE: Duration = Duration::from_secs(30);

/// The folders of both ends at one moment of a version's story, and programs of this version on them.
struct Stage {
    version: &'static str,
    name: &'static str,
    folder: tempfile::TempDir,
    authority: Authority,
}

fn recorded(version: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("versions").join(version).join(name)
}

fn shapes(version: &str) -> Shapes {
    Shapes::open(&recorded(version, "shapes.txt")).unwrap()
}

impl Stage {
    fn new(version: &'static str, name: &'static str) -> Self {
        let folder = scratch().unwrap();
        let (edge, hub) = (folder.path().join("edge"), folder.path().join("hub"));
        unpack(&recorded(version, &format!("{name}.edge")), &edge).unwrap();
        unpack(&recorded(version, &format!("{name}.hub")), &hub).unwrap();
        let authority = renew(&hub, &edge).unwrap();
        Self { version, name, folder, authority }
    }

    fn path(&self, end: &str) -> PathBuf {
        self.folder.path().join(end)
    }

    fn line(&self) -> Vec<Crossed> {
        line::read(&recorded(self.version, &format!("{}.line", self.name))).unwrap()
    }

    fn tool(&self, end: &str) -> Tool {
        let tool = Tool::new(&format!("atoll-{end}"), &self.path(end)).unwrap();
        tool.with(&["--rehearsal-clock", &clock(self.name)])
    }

    /// The hub of this version, where the edge finds it.
    fn serve_hub(&self) -> Process {
        let (quic, tcp) = (free_udp_port().unwrap(), free_tcp_port().unwrap());
        point(&self.path("edge"), quic).unwrap();
        let (quic, tcp_at) = (format!("127.0.0.1:{quic}"), format!("127.0.0.1:{tcp}"));
        serve(&self.tool("hub"), &["serve", "--listen", &quic, "--http", &tcp_at], tcp).unwrap().0
    }

    fn serve_edge(&self) -> (Process, Http) {
        let tcp = free_tcp_port().unwrap();
        serve(&self.tool("edge"), &["serve", "--listen", &format!("127.0.0.1:{tcp}")], tcp).unwrap()
    }

    /// Nothing was said that the version could not read.
    fn could_read(&self, frames: &[Vec<u8>]) {
        let shapes = shapes(self.version);
        assert!(!frames.is_empty());
        for frame in frames {
            let read = line::message(frame).and_then(|message| shapes.of("message", &message));
            assert!(read.is_ok(), "the {} version cannot read: {:#}", self.version, read.unwrap_err());
        }
    }

    fn rows(&self, end: &str, sql: &str) -> Vec<(i64, Vec<u8>)> {
        let file = if end == "hub" { "hub.db" } else { "ledger.db" };
        let store = rusqlite::Connection::open(self.path(end).join(file)).unwrap();
        let mut rows = store.prepare(sql).unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// Everything that was recorded stands there; a later version may say more.
fn says_at_least(said: &Value, recorded: &Value) -> bool {
    match (said, recorded) {
        (Value::Object(said), Value::Object(recorded)) => {
            recorded.iter().all(|(name, value)| said.get(name).is_some_and(|said| says_at_least(said, value)))
        }
        (Value::Array(said), Value::Array(recorded)) => {
            said.len() == recorded.len() && said.iter().zip(recorded).all(|(said, value)| says_at_least(said, value))
        }
        (said, recorded) => said == recorded,
    }
}

fn every_line(play: impl Fn(Stage)) {
    for version in VERSIONS {
        LINES.iter().for_each(|name| play(Stage::new(version, name)));
    }
}

#[test]
fn the_shapes_of_each_version_are_those_of_what_it_said() {
    for version in VERSIONS {
        let shapes = shapes(version);
        for name in LINES {
            for crossed in line::read(&recorded(version, &format!("{name}.line"))).unwrap() {
                let skipped = shapes.of("message", &line::message(&crossed.frame).unwrap());
                assert_eq!(skipped.unwrap(), 0, "{version} {name}: it knew all that it said");
            }
        }
        let enrolment = line::read(&recorded(version, "enrolment.line")).unwrap();
        let skipped = ["request", "reply"].into_iter().zip(&enrolment);
        assert!(
            skipped.map(|(name, said)| shapes.of(name, &said.frame)).all(|skipped| skipped.is_ok_and(|it| it == 0))
        );
    }
}

#[test]
fn the_hub_takes_what_an_edge_of_each_version_said() {
    every_line(|stage| {
        let what = format!("{} {}", stage.version, stage.name);
        let (running, line) = (stage.serve_hub(), stage.line());
        let answers = as_edge(&stage.path("edge"), &line).unwrap_or_else(|cause| panic!("{what}: {cause:#}"));
        running.stop().unwrap();
        stage.could_read(&answers);
        let (told, mut then) = (Told::by(&answers).unwrap(), Told::by(&said(&line, End::Hub)).unwrap());
        then.acked = offered(&said(&line, End::Edge)).unwrap().into_iter().map(|run| run.last).collect();
        if stage.name == "killed" {
            // Its hub said this too; the answers were lost.
            (then.people, then.feed) = (told.people.clone(), told.feed);
        }
        assert_eq!(told, then, "{what}");
        let truth = truth(&stage.tool("hub")).unwrap();
        let kept = std::fs::read_to_string(recorded(stage.version, &format!("{}.json", stage.name))).unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert!(says_at_least(&truth, &kept), "{what}: {truth:#} was {kept:#}");
        assert_eq!(stage.tool("hub").json(&["verify"]).unwrap()["findings"], json!([]), "{what}");
    });
}

#[test]
fn the_edge_understands_what_a_hub_of_each_version_said() {
    for version in VERSIONS {
        for name in ["greeting", "backlog", "again"] {
            understands(&Stage::new(version, name));
        }
    }
}

/// On the lines where the edge said nothing but what its folder held before.
fn understands(stage: &Stage) {
    let (what, line) = (format!("{} {}", stage.version, stage.name), stage.line());
    let (then, told) = (said(&line, End::Edge), Told::by(&said(&line, End::Hub)).unwrap());
    let recorded_hub = RecordedHub::start(&stage.authority, line.clone()).unwrap();
    point(&stage.path("edge"), recorded_hub.port).unwrap();
    let (serving, http) = stage.serve_edge();
    all_sent(&http).unwrap();
    fed(&http, told.feed).unwrap();
    let took = line::count(&said(&line, End::Hub), &line::GIVEN);
    until("the last is on the disk", PATIENCE, || {
        (line::count(&recorded_hub.heard(), &[line::number::TOOK]) >= took).then_some(())
    })
    .unwrap();
    let status = http.get("/api/v1/status").unwrap().1;
    let heard = recorded_hub.heard();
    stage.could_read(&heard);
    assert_eq!(offered(&heard).unwrap(), offered(&then).unwrap(), "{what}: the same entries under the same hashes");
    assert_eq!(greeted(&heard).unwrap(), greeted(&then).unwrap(), "{what}");
    assert_eq!(
        (&status["ledger"]["quarantined"], &status["line"]["state"]),
        (&json!(0), &json!("connected")),
        "{what}"
    );

    let versions = http.get("/api/v1/versions").unwrap().1["versions"].as_array().unwrap().len();
    let is_late = stage.name != "greeting";
    assert_eq!(
        json!([versions, status["ledger"]["over"]]),
        if is_late { json!([2, 1]) } else { json!([1, 0]) },
        "{what}"
    );
    let refused = http.post("/api/v1/sell", &ask(&person(ELSEWHERE), "elsewhere")).unwrap().1;
    assert_eq!(refused["reason"], "bought", "{what}: by the feed alone: {refused}");
    serving.stop().unwrap();
    let verified = stage.tool("edge").json(&["verify"]).unwrap();
    assert_eq!(verified["findings"], json!([]), "{what}");
    assert_eq!(
        verified["signed"] == 0,
        stage.version == "first" || !is_late,
        "{what}: by the hub's receipts: {verified}"
    );
}

#[test]
fn a_site_of_each_version_enrols() {
    for version in VERSIONS {
        let (folder, quic, tcp) = (scratch().unwrap(), free_udp_port().unwrap(), free_tcp_port().unwrap());
        let hub = folder.path().join("hub");
        unpack(&recorded(version, "enrolment.hub"), &hub).unwrap();
        let authority = renew_hub(&hub).unwrap();
        let tool = Tool::new("atoll-hub", &hub).unwrap().with(&["--rehearsal-clock", "2020-02-06T08:00:00+08:00"]);
        let (quic_at, tcp_at) = (format!("127.0.0.1:{quic}"), format!("127.0.0.1:{tcp}"));
        let (running, _) = serve(&tool, &["serve", "--listen", &quic_at, "--http", &tcp_at], tcp).unwrap();
        let said = line::read(&recorded(version, "enrolment.line")).unwrap();
        let reply = enrolment::ask(&authority, quic, &said[0].frame).unwrap();
        running.stop().unwrap();
        assert!(shapes(version).of("reply", &reply).is_ok(), "{version}");
        for reply in [&reply, &said[1].frame] {
            let Reply::Enrolled(enrolled) = decode_reply(reply).unwrap() else { panic!("{version}: refused") };
            assert_eq!((enrolled.site.as_str(), enrolled.name.as_str()), (SITE, "淡水藥局"), "{version}");
        }
    }
}

#[test]
fn the_folders_of_each_version_go_on() {
    for version in VERSIONS {
        goes_on(&Stage::new(version, "end"));
    }
}

fn goes_on(stage: &Stage) {
    const LOG: &str = "SELECT pos, entry FROM log ORDER BY pos";
    const JOURNAL: &str = "SELECT pos, run FROM journal ORDER BY pos";
    let (log, journal) = (stage.rows("edge", LOG), stage.rows("hub", JOURNAL));
    assert!(log.len() > 20 && journal.len() > 20, "{} and {}", log.len(), journal.len());
    let before = truth(&stage.tool("hub")).unwrap();
    let running = stage.serve_hub();
    let (serving, http) = stage.serve_edge();
    let status = || http.get("/api/v1/status").unwrap().1;
    let (had, held) = (status(), u64::try_from(log.len()).unwrap());
    assert_eq!((&had["ledger"]["entries"], &had["ledger"]["unsent"]), (&json!(held), &json!(0)), "{had}");
    for known in [ELSEWHERE, TWICE, 5] {
        let refused = http.post("/api/v1/sell", &ask(&person(known), &format!("again-{known}"))).unwrap().1;
        assert_eq!(refused["reason"], "bought", "{refused}");
    }
    let replayed = http.post("/api/v1/sell", &ask(&person(5), "apart-5")).unwrap().1;
    assert_eq!((&replayed["verdict"], &replayed["replayed"]), (&json!("sold"), &json!(true)), "{replayed}");
    let sold = http.post("/api/v1/sell", &ask(&person(200), "new")).unwrap().1;
    assert_eq!(sold["verdict"], "sold", "{sold}");
    all_sent(&http).unwrap();
    fed(&http, had["nation"]["watermark"].as_u64().unwrap() + 1).unwrap();
    let now = status();
    assert_eq!(now["ledger"]["entries"], held + 1, "nothing of its own came back twice: {now}");
    let shelf = |status: &Value| status["stock"][0]["stock"]["adult"].as_i64().unwrap();
    assert_eq!(shelf(&now), shelf(&had) - 2);
    serving.stop().unwrap();
    running.stop().unwrap();

    assert_eq!(stage.rows("edge", LOG)[..log.len()], log, "every entry as it was written");
    assert_eq!(stage.rows("hub", JOURNAL)[..journal.len()], journal, "every run as it came");
    let after = truth(&stage.tool("hub")).unwrap();
    assert_eq!(after["cases"], before["cases"]);
    let entries = |truth: &Value| {
        let sites = truth["sites"].as_array().unwrap();
        sites.iter().find(|site| site["code"] == SITE).unwrap()["entries"].as_u64().unwrap()
    };
    assert_eq!((entries(&before), entries(&after)), (held, held + 1));
    says_what_is_signed(stage, held);
}

/// What the first version wrote is taken without a signature, and is not called signed.
fn says_what_is_signed(stage: &Stage, held: u64) {
    let verified = |end: &str| stage.tool(end).json(&["verify"]).unwrap();
    let (edge, hub) = (verified("edge"), verified("hub"));
    assert_eq!((&edge["findings"], &hub["findings"]), (&json!([]), &json!([])));
    assert_eq!(edge["entries"], held + 1, "{edge}");
    match stage.version {
        "first" => assert_eq!((&edge["signed"], &hub["signed"]), (&json!(1), &json!(1)), "{edge} {hub}"),
        _ => assert_eq!((&edge["signed"], &hub["signed"]), (&edge["entries"], &hub["entries"])),
    }
}

#[test]
fn every_version_that_is_kept_is_tested() {
    let folders = std::fs::read_dir(recorded("", "")).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = folders
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, VERSIONS);
}
