//! The story that is recorded of each version: its own hub, one site on a tapped line, another beside it.
//!
//! Five lines, each with the folders of both ends before it: a first greeting, a day at the counter, a backlog of many
//! starts with one person served twice, a line whose answers are lost with the edge, and the one after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::enrolment;
use super::folder::{pack, point};
use super::line;
use super::tap::{Answers, Tap};
use crate::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use crate::prepared::{all_sent, ask, person, rules_down, scratch, sell, serve};

/// The site on the tapped line.
pub const SITE: &str = "5931102274";
/// The one beside it.
const OTHER: &str = "3501200000";
/// The recorded lines, in their order.
pub const LINES: [&str; 5] = ["greeting", "counter", "backlog", "killed", "again"];
/// Served at both counters.
pub const TWICE: usize = 3;
/// Served by the other site alone, before the first line.
pub const ELSEWHERE: usize = 0;

const PATIENCE: Duration = Duration::from_secs(60);
const REGISTER: &str = "inst_code,name,kind,address,tel,lat,lng,town_code\n\
    5931102274,淡水藥局,pharmacy,,,,,\n3501200000,臺北虛擬診所,other,,,,,\n";

struct Story<'a> {
    programs: &'a Path,
    out: &'a Path,
    place: TempDir,
    quic: u16,
}

/// When a line begins, or what comes behind the last, by the clocks of both ends.
#[must_use]
pub fn clock(line: &str) -> String {
    let hour = 9 + LINES.iter().position(|name| *name == line).unwrap_or(LINES.len());
    moment(hour, 0)
}

fn moment(hour: usize, minute: usize) -> String {
    format!("2020-02-06T{hour:02}:{minute:02}:00+08:00")
}

/// Plays the story with the programs of a folder and writes what is kept of it into another.
///
/// # Errors
/// Where a program fails, or something does not come.
pub fn record(programs: &Path, out: &Path) -> Result<()> {
    fs::create_dir_all(out)?;
    let story = Story { programs, out, place: scratch()?, quic: free_udp_port()? };
    story.open()?;
    // Each sale moves the feed by one, and one that was taken back by another; the one too many never counted.
    story.line("greeting", Answers::Arrive, |http, _| {
        rules_down(http)?;
        fed(http, 1)
    })?;
    story.line("counter", Answers::Arrive, |http, _| story.day(http))?;
    story.apart()?;
    story.line("backlog", Answers::Arrive, |http, _| {
        all_sent(http)?;
        until("the finding comes down", PATIENCE, || (status(http)?["ledger"]["over"] == 1).then_some(()))?;
        fed(http, 18)
    })?;
    story.offline(12, 2)?;
    story.line("killed", Answers::Lost, |_, tap| {
        let told = || (line::count(&tap.lost(), &[line::number::ACKED]) == 2).then_some(());
        until("the hub has what it never could say", PATIENCE, told)
    })?;
    story.offline(13, 1)?;
    story.line("again", Answers::Arrive, |http, _| {
        all_sent(http)?;
        fed(http, 21)
    })?;
    pack(&story.path("edge"), &out.join("end.edge"))?;
    pack(&story.path("hub"), &out.join("end.hub"))
}

impl Story<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn tool(&self, name: &str, clock: &str) -> Result<Tool> {
        let program = if name == "hub" { "atoll-hub" } else { "atoll-edge" };
        Ok(Tool::of(&self.programs.join(program), &self.path(name))?.with(&["--rehearsal-clock", clock]))
    }

    fn serve_hub(&self, clock: &str) -> Result<Process> {
        let (quic, tcp) = (format!("127.0.0.1:{}", self.quic), free_tcp_port()?);
        let hub = self.tool("hub", clock)?;
        Ok(serve(&hub, &["serve", "--listen", &quic, "--http", &format!("127.0.0.1:{tcp}")], tcp)?.0)
    }

    fn serve_edge(&self, name: &str, clock: &str) -> Result<(Process, Http)> {
        let tcp = free_tcp_port()?;
        serve(&self.tool(name, clock)?, &["serve", "--listen", &format!("127.0.0.1:{tcp}")], tcp)
    }

    /// The hub, both sites, the first rules, and one sale of the other site's.
    fn open(&self) -> Result<()> {
        let (early, hub) = (moment(8, 0), self.tool("hub", &moment(8, 0))?);
        let register = self.path("register.csv");
        fs::write(&register, REGISTER)?;
        hub.run(&["init"])?;
        hub.run(&["sites", "import", register.to_str().context("a path")?])?;
        hub.run(&["programme", "publish", "mask-2020-02-06"])?;
        let tokens = [hub.json(&["enrol", SITE])?, hub.json(&["enrol", OTHER])?];
        pack(&self.path("hub"), &self.out.join("enrolment.hub"))?;
        let running = self.serve_hub(&early)?;
        for ((name, site), token) in [("edge", SITE), ("other", OTHER)].into_iter().zip(tokens) {
            let (edge, token) = (self.tool(name, &early)?, token["token"].as_str().context("no token")?);
            edge.run(&["init", "--site", site])?;
            let crossed = enrolment::overhear(&self.path("hub"), self.quic, |port| {
                edge.run(&["enrol", "--hub", &format!("127.0.0.1:{port}"), "--token", token]).map(drop)
            })?;
            if name == "edge" {
                line::write(&self.out.join("enrolment.line"), &crossed)?;
            }
            point(&self.path(name), self.quic)?;
            edge.run(&["status"])?; // its store begins
        }
        let (other, http) = self.serve_edge("other", &early)?;
        rules_down(&http)?;
        http.post("/api/v1/arrive", &json!({ "adult": 200, "child": 50, "by": "test" }))?;
        sold(&http, ELSEWHERE)?;
        all_sent(&http)?;
        other.stop()?;
        running.stop()?;
        Ok(())
    }

    /// One line: the folders before it, what crosses it, and what the hub made of it.
    fn line(&self, name: &str, answers: Answers, play: impl FnOnce(&Http, &Tap) -> Result<()>) -> Result<()> {
        let (edge, hub) = (self.path("edge"), self.path("hub"));
        pack(&edge, &self.out.join(format!("{name}.edge")))?;
        pack(&hub, &self.out.join(format!("{name}.hub")))?;
        let running = self.serve_hub(&clock(name))?;
        let tap = Tap::open(&edge, &hub, self.quic, answers)?;
        let (serving, http) = self.serve_edge("edge", &clock(name))?;
        play(&http, &tap).with_context(|| format!("the line {name}"))?;
        match answers {
            Answers::Arrive => serving.stop().map(drop)?,
            Answers::Lost => serving.kill()?,
        }
        running.stop()?;
        line::write(&self.out.join(format!("{name}.line")), &tap.crossed())?;
        let truth = truth(&self.tool("hub", &clock(name))?)?;
        fs::write(self.out.join(format!("{name}.json")), serde_json::to_string_pretty(&truth)? + "\n")?;
        Ok(())
    }

    /// A delivery, two sales, one of them taken back.
    fn day(&self, http: &Http) -> Result<()> {
        http.post("/api/v1/arrive", &json!({ "adult": 200, "child": 50, "by": "test" }))?;
        sold(http, 1)?;
        let wrong = sold(http, 2)?;
        all_sent(http)?;
        fed(http, 3)?;
        let edge = self.tool("edge", &clock("counter"))?;
        edge.run(&["withdraw", &wrong, "--reason", "打錯", "--as", "test"])?;
        all_sent(http)?;
        fed(http, 4)
    }

    /// The line is away: the other site serves one person whom this one serves too, and this one is started for each of
    /// nine sales, once more for three, and writes down a count and a sale on paper. The hub publishes and announces.
    fn apart(&self) -> Result<()> {
        let running = self.serve_hub(&moment(10, 20))?;
        let (other, http) = self.serve_edge("other", &moment(10, 20))?;
        sold(&http, TWICE)?;
        sold(&http, 4)?;
        all_sent(&http)?;
        other.stop()?;
        running.stop()?;
        let hub = self.tool("hub", &moment(10, 25))?;
        hub.run(&["programme", "publish", "mask-2020-02-20"])?;
        hub.run(&["delivery", SITE, "--adult", "400", "--child", "100"])?;
        for (minute, n) in [TWICE, 5, 6, 7, 8, 9, 10, 11, 12].into_iter().enumerate() {
            self.tool("edge", &moment(10, 30 + minute))?.run(&sell(&person(n), &format!("apart-{n}")))?;
        }
        let late = self.tool("edge", &moment(10, 45))?;
        late.run(&["correct", "--adult", "-1", "--reason", "破損", "--as", "test"])?;
        let on_paper = ["record", "--adult", "2", "--birth", "1986-03-15", "--at", "2020-02-06 10:10", "--number"];
        late.run(&[&on_paper[..], &[&person(13), "--as", "test"]].concat())?;
        fs::write(self.path("edge").join("line-cut"), "")?;
        let (serving, http) = self.serve_edge("edge", &moment(10, 50))?;
        (14..17).try_for_each(|n| sold(&http, n).map(drop))?;
        serving.stop()?;
        Ok(fs::remove_file(self.path("edge").join("line-cut"))?)
    }

    /// So many sales without a line, in the hour before a line.
    fn offline(&self, hour: usize, count: usize) -> Result<()> {
        for n in 0..count {
            let person = person(hour * 10 + n);
            let sale = sell(&person, "");
            self.tool("edge", &moment(hour - 1, 30 + n))?.run(&sale[..sale.len() - 2])?;
        }
        Ok(())
    }
}

/// What a hub that does not serve says of both sites and of all cases, but for when it heard of them.
///
/// # Errors
/// Where it says nothing.
pub fn truth(hub: &Tool) -> Result<Value> {
    let (mut sites, mut cases) = (hub.json(&["sites"])?, hub.json(&["cases"])?);
    let without = |list: &mut Value, name: &str| {
        for one in list.as_array_mut().context("no list")? {
            one.as_object_mut().context("no object")?.remove(name);
        }
        Ok::<_, anyhow::Error>(list.take())
    };
    let (sites, cases) = (without(&mut sites["sites"], "last_contact")?, without(&mut cases["cases"], "opened")?);
    Ok(json!({ "sites": sites, "cases": cases }))
}

fn status(http: &Http) -> Option<Value> {
    http.get("/api/v1/status").ok().map(|(_, status)| status)
}

/// Waits until an edge knows the nation up to a position of the feed.
///
/// # Errors
/// Where it does not come.
pub fn fed(http: &Http, upto: u64) -> Result<()> {
    until("the feed comes down", PATIENCE, || (status(http)?["nation"]["watermark"].as_u64()? >= upto).then_some(()))
}

/// Sells to the n-th person; the sale's number.
fn sold(http: &Http, n: usize) -> Result<String> {
    let (_, answer) = http.post("/api/v1/sell", &ask(&person(n), &format!("sold-{n}")))?;
    ensure!(answer["verdict"] == "sold", "{answer}");
    Ok(answer["sale"].as_str().context("no number")?.to_owned())
}
