//! A hub and a site that have met, as folders to copy: every crash begins from the same point.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

use crate::fleet::{Http, Process, Tool, free_tcp_port, free_udp_port, until};
use crate::scenario::even_numbers;

/// The site.
pub const SITE: &str = "5931102274";
/// When the site opens; the commands of a rehearsal begin here.
pub const MORNING: &str = "2020-02-06T09:00:00+08:00";
/// When the faults come.
pub const LATER: &str = "2020-02-06T10:00:00+08:00";

const PATIENCE: Duration = Duration::from_secs(60);

/// The folders.
#[derive(Debug)]
pub struct Prepared {
    folder: TempDir,
    /// Where the hub listens (UDP).
    pub line: String,
}

impl Prepared {
    /// A hub that has published the first day's rules, and a site with them, a thousand masks and one sale
    /// (`--request before`).
    ///
    /// # Errors
    /// Where a command fails.
    pub fn new() -> Result<Self> {
        let prepared = Self { folder: scratch()?, line: format!("127.0.0.1:{}", free_udp_port()?) };
        let hub = tool("atoll-hub", &prepared.hub(), MORNING)?;
        hub.run(&["init"])?;
        hub.run(&["sites", "import"])?;
        hub.run(&["programme", "publish", "mask-2020-02-06"])?;
        let (_running, _) = prepared.serve_hub(&hub)?;
        let token = hub.json(&["enrol", SITE])?;
        let edge = tool("atoll-edge", &prepared.edge(), MORNING)?;
        edge.run(&["init", "--site", SITE])?;
        edge.run(&["enrol", "--hub", &prepared.line, "--token", token["token"].as_str().context("no token")?])?;
        let (serving, http) = serve_edge(&edge)?;
        rules_down(&http)?;
        serving.stop()?;
        edge.run(&["arrive", "--adult", "1000", "--child", "100"])?;
        edge.run(&sell(&person(0), "before"))?;
        Ok(prepared)
    }

    /// Starts the hub.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn serve_hub(&self, hub: &Tool) -> Result<(Process, Http)> {
        let tcp = free_tcp_port()?;
        serve(hub, &["serve", "--listen", &self.line, "--http", &format!("127.0.0.1:{tcp}")], tcp)
    }

    /// The hub's folder.
    #[must_use]
    pub fn hub(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    /// The site's folder.
    #[must_use]
    pub fn edge(&self) -> PathBuf {
        self.folder.path().join("edge")
    }
}

/// Starts a site's counter.
///
/// # Errors
/// Where it does not answer.
pub fn serve_edge(edge: &Tool) -> Result<(Process, Http)> {
    let tcp = free_tcp_port()?;
    serve(edge, &["serve", "--listen", &format!("127.0.0.1:{tcp}")], tcp)
}

/// Starts a command that answers HTTP at this port, and waits until it does.
///
/// # Errors
/// Where it does not answer.
pub fn serve(tool: &Tool, arguments: &[&str], tcp: u16) -> Result<(Process, Http)> {
    let mut process = tool.start(arguments)?;
    let http = Http::new(tcp);
    let mut ended = None;
    until("a process answers", PATIENCE, || {
        ended = process.ended().ok().flatten();
        (http.is_ready() || ended.is_some()).then_some(())
    })?;
    anyhow::ensure!(ended.is_none(), "a process ended at once: {ended:?}");
    Ok((process, http))
}

/// Waits until an edge has the rules.
///
/// # Errors
/// Where they do not come.
pub fn rules_down(http: &Http) -> Result<()> {
    until("the rules come down", PATIENCE, || {
        let versions = http.get("/api/v1/versions").ok()?.1;
        (!versions["versions"].as_array()?.is_empty()).then_some(())
    })
}

/// Waits until the hub has everything of an edge.
///
/// # Errors
/// Where it does not get it.
pub fn all_sent(http: &Http) -> Result<()> {
    until("everything is sent", PATIENCE, || {
        (http.get("/api/v1/status").ok()?.1["ledger"]["unsent"] == json!(0)).then_some(())
    })
}

/// One of the product's commands at a rehearsed time.
///
/// # Errors
/// Where it has not been built.
pub fn tool(name: &str, data: &Path, clock: &str) -> Result<Tool> {
    Ok(Tool::new(name, data)?.with(&["--rehearsal-clock", clock]))
}

/// The n-th person who may buy that day.
#[must_use]
pub fn person(n: usize) -> String {
    even_numbers().nth(n).unwrap_or_default()
}

/// The command of a sale of two masks.
#[must_use]
pub fn sell<'a>(number: &'a str, request: &'a str) -> Vec<&'a str> {
    vec!["sell", "--number", number, "--birth", "1986-03-15", "--adult", "2", "--as", "test", "--request", request]
}

/// The same as a question to the API.
#[must_use]
pub fn ask(number: &str, request: &str) -> serde_json::Value {
    json!({
        "request": request, "document": {"kind": "01", "number": number, "birth": "1986-03-15"},
        "adult": 2, "by": "test",
    })
}

/// Says loudly that a test cannot be made here. `scripts/test` names a file for it, shows it at the end and does not
/// count the test as passed.
pub fn skipped(why: impl std::fmt::Display) {
    println!("SKIPPED, NOT PASSED: {why}");
    let Some(file) = std::env::var_os("ATOLL_SKIPPED") else { return };
    let file = fs::File::options().append(true).create(true).open(file);
    file.and_then(|mut file| writeln!(file, "{why}")).expect("a skipped test can be noted");
}

/// A folder for work whose loss nobody minds: in memory where that is possible, because a process that is
/// killed loses nothing that it has written, wherever the file lies.
///
/// # Errors
/// Where none can be made.
pub fn scratch() -> Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).context("make a folder")
}

/// Copies a folder of files.
///
/// # Errors
/// Where the disk refuses.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
