//! The program as people run it: exit codes, both languages, the same answers with and without a
//! running `serve`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const CLOCK: &str = "2020-02-06T09:00:00+08:00";

pub(crate) fn edge(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll-edge"));
    command.arg("--data").arg(data).args(args).env_remove("RUST_LOG").output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(data: &Path, args: &[&str]) -> Value {
    let output = edge(data, &[args, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{args:?}: {cause}: {text}"))
}

pub(crate) fn site() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(code(&edge(data.path(), &["init", "--site", "5931102274", "--name", "淡水藥局"])), 0);
    data
}

/// A `serve`, ended politely when dropped.
struct Serve(Child);

impl Serve {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atoll-edge"))
            .arg("--data")
            .arg(data)
            .args(["--rehearsal-clock", CLOCK, "serve", "--listen", "127.0.0.1:0"])
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(log.any(|line| line.unwrap().contains("serving http://127.0.0.1:")), "it says where");
        let began = Instant::now();
        while !data.join("serve.addr").exists() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::spawn(move || log.for_each(drop));
        Self(child)
    }

    fn stop(mut self) -> i32 {
        let told = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(told.success());
        self.0.wait().unwrap().code().unwrap()
    }
}

impl Drop for Serve {
    /// After a failed test nobody else ends it; after [`Self::stop`] it is gone already.
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn exit_codes_and_words() {
    let data = tempfile::tempdir().unwrap();
    let fresh = edge(data.path(), &["status"]);
    assert_eq!(code(&fresh), 2);
    let words = String::from_utf8(fresh.stderr).unwrap();
    assert!(words.contains("尚未設定") && words.contains("init --site CODE first"), "{words}");
    assert_eq!(code(&edge(data.path(), &["init", "--site", "59311"])), 2);
    let data = site();
    assert_eq!(code(&edge(data.path(), &["init", "--site", "5931102274"])), 2, "twice");
    let sell = ["sell", "--number", "A123456789", "--birth", "19860315", "--adult", "2"];
    let refused = edge(data.path(), &sell);
    assert_eq!(code(&refused), 1);
    let words = String::from_utf8(refused.stdout).unwrap();
    assert_eq!(words.lines().count(), 2, "Chinese, then English: {words}");
    assert_eq!(json(data.path(), &sell)["reason"], "programme");
    assert_eq!(code(&edge(data.path(), &["arrive", "--adult", "-5"])), 1);
    assert_eq!(code(&edge(data.path(), &["correct", "--adult", "+5", "--reason", ""])), 2);
    assert_eq!(code(&edge(data.path(), &["enrol", "--hub", "localhost:1", "--token", "nonsense"])), 2);
    assert_eq!(code(&edge(data.path(), &["sell"])), 2);
}

#[test]
fn a_code_whose_check_digit_misfits_is_only_warned_of() {
    let data = tempfile::tempdir().unwrap();
    let made = edge(data.path(), &["init", "--site", "3501200000"]);
    assert_eq!(code(&made), 0);
    assert!(String::from_utf8(made.stdout).unwrap().contains("檢查碼不符"));
}

#[test]
fn an_init_that_was_cut_short_can_be_done_again() {
    let data = site();
    std::fs::remove_file(data.path().join("keys")).unwrap();
    assert_eq!(code(&edge(data.path(), &["init", "--site", "3501200000"])), 2, "another's folder stays another's");
    assert_eq!(code(&edge(data.path(), &["init", "--site", "5931102274"])), 0);
    assert_eq!(json(data.path(), &["arrive", "--adult", "5"])["verdict"], "arrived");
    std::fs::remove_file(data.path().join("keys")).unwrap();
    assert_eq!(code(&edge(data.path(), &["init", "--site", "5931102274"])), 2, "never new keys for an old ledger");
}

#[test]
fn a_command_never_goes_to_another_sites_serve() {
    let (ours, theirs) = (site(), tempfile::tempdir().unwrap());
    assert_eq!(code(&edge(theirs.path(), &["init", "--site", "3501200000"])), 0);
    let serve = Serve::start(theirs.path());
    // Our serve was killed and its port is theirs now; somebody else of ours has the folder for a moment.
    std::fs::copy(theirs.path().join("serve.addr"), ours.path().join("serve.addr")).unwrap();
    let busy = std::fs::File::create(ours.path().join("lock")).unwrap();
    busy.lock().unwrap();
    let free = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        drop(busy);
    });
    assert_eq!(json(ours.path(), &["arrive", "--adult", "200"])["verdict"], "arrived");
    free.join().unwrap();
    let entries = |data: &Path| json(data, &["status"])["ledger"]["entries"].as_u64();
    assert_eq!((entries(ours.path()), entries(theirs.path())), (Some(1), Some(0)));
    assert_eq!(serve.stop(), 0);
}

#[test]
fn commands_go_to_the_serve_that_holds_the_folder() {
    let data = site();
    let arrive = ["--rehearsal-clock", CLOCK, "arrive", "--adult", "200", "--child", "50", "--request", "a1"];
    assert_eq!(json(data.path(), &arrive)["verdict"], "arrived");
    let serve = Serve::start(data.path());
    let status = json(data.path(), &["status"]);
    assert_eq!((status["rehearsal"].as_bool(), status["ledger"]["entries"].as_u64()), (Some(true), Some(1)));
    assert_eq!(json(data.path(), &arrive)["replayed"], true, "the same key, another process");
    let second = edge(data.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code(&second), 2);
    assert!(String::from_utf8(second.stderr).unwrap().contains("serve runs on this folder already"));
    assert_eq!(code(&edge(data.path(), &["line", "cut"])), 0);
    assert_eq!(code(&edge(data.path(), &["line", "heal"])), 0);
    assert_eq!(serve.stop(), 0, "it drains and ends");
    assert!(!data.path().join("serve.addr").exists());
    let export = edge(data.path(), &["export"]);
    assert_eq!(String::from_utf8(export.stdout).unwrap().lines().count(), 1);
}

#[test]
fn a_rehearsed_command_never_reaches_a_real_ledger() {
    let data = site();
    let mut real = Command::new(env!("CARGO_BIN_EXE_atoll-edge"))
        .arg("--data")
        .arg(data.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !data.path().join("serve.addr").exists() && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let refused = json(data.path(), &["--rehearsal-clock", CLOCK, "arrive", "--adult", "1"]);
    assert_eq!(refused["error"]["code"], "rehearsal");
    assert_eq!(json(data.path(), &["status"])["ledger"]["entries"], 0);
    real.kill().unwrap();
    real.wait().unwrap();
    // Killed, not ended: the lock is free and nothing is lost.
    assert_eq!(json(data.path(), &["status"])["ledger"]["entries"], 0);
}

#[test]
fn scripted_cards_are_put_in_only_in_a_rehearsal() {
    let data = site();
    let served = edge(data.path(), &["serve", "--card-helper", "atoll-card", "--demonstration-cards", "people.json"]);
    assert_eq!(code(&served), 2);
    assert!(String::from_utf8_lossy(&served.stderr).contains("--rehearsal-clock"));
}
