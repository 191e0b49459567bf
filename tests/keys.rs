//! Keys at rest, with the real programs: under a passphrase, from systemd's credentials, and an escrow
//! that makes another machine the same hub (docs/at-rest.md).

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use harness::fleet::{Http, Tool, free_tcp_port, until};
use harness::prepared::{LATER, Prepared, all_sent, copy, person, scratch, sell, serve_edge, tool};
use harness::recorder::{Fault, Recorder, calls};
use harness::sweep::every;
use serde_json::{Value, json};

const RIGHT: &str = "correct horse battery";
const WRONG: &str = "correct horse batterx";
const PATIENCE: Duration = Duration::from_secs(60);

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Fails with these words, in both languages, and changes nothing in the folder.
fn fails(tool: &Tool, folder: &Path, arguments: &[&str], words: [&str; 2]) {
    let before = content(folder);
    let output = tool.output(arguments).unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
    assert_eq!(content(folder), before, "{arguments:?} changed something");
}

fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn passphrase_file(folder: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

fn under(tool: &Tool, variables: &[(&'static str, &str)]) -> Tool {
    tool.clone().under(variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect())
}

#[test]
fn an_edges_key_file_is_kept_in_three_ways() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("edge");
    let edge = tool("atoll-edge", &data, LATER).unwrap();
    edge.run(&["init", "--site", "5931102274"]).unwrap();
    edge.run(&["status"]).unwrap();
    let plain = fs::read(data.join("keys")).unwrap();

    fails(&edge, &data, &["keys", "protect"], ["密語", "passphrase"]);
    let open = passphrase_file(folder.path(), "open", RIGHT, 0o644);
    fails(&edge, &data, &["keys", "protect", "--passphrase-file", &open], ["其他人", "everybody can read"]);
    let short = passphrase_file(folder.path(), "short", "short", 0o600);
    fails(&edge, &data, &["keys", "protect", "--passphrase-file", &short], ["長度", "12 to 1024"]);
    let right = passphrase_file(folder.path(), "right", RIGHT, 0o600);
    edge.run(&["keys", "protect", "--passphrase-file", &right]).unwrap();
    let sealed = fs::read_to_string(data.join("keys")).unwrap();
    assert!(sealed.contains("argon2id") && sealed.contains("5931102274") && !sealed.contains("site_secret"));

    fails(&edge, &data, &["status"], ["受密語保護", "is under a passphrase"]);
    let wrong = under(&edge, &[("ATOLL_EDGE_PASSPHRASE", WRONG)]);
    fails(&wrong, &data, &["status"], ["密語不符", "the passphrase is wrong"]);
    fails(&wrong, &data, &["keys", "unprotect"], ["密語不符", "the passphrase is wrong"]);
    under(&edge, &[("ATOLL_EDGE_PASSPHRASE", RIGHT)]).run(&["status"]).unwrap();
    edge.run(&["status", "--passphrase-file", &right]).unwrap();
    by_descriptor(&edge, &data, &right);

    let new = passphrase_file(folder.path(), "new", "another horse battery", 0o600);
    edge.run(&["keys", "protect", "--passphrase-file", &right, "--new-passphrase-file", &new]).unwrap();
    fails(&edge, &data, &["status", "--passphrase-file", &right], ["密語不符", "the passphrase is wrong"]);

    // systemd may hand out what is under a passphrase, too; here it is in clear.
    edge.run(&["keys", "unprotect", "--passphrase-file", &new]).unwrap();
    assert_eq!(fs::read(data.join("keys")).unwrap(), plain);
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::rename(data.join("keys"), credentials.join("keys")).unwrap();
    fs::set_permissions(credentials.join("keys"), Permissions::from_mode(0o440)).unwrap();
    let from = [("ATOLL_EDGE_KEYS_FROM", "credentials"), ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())];
    fails(&under(&edge, &from[..1]), &data, &["status"], ["systemd", "CREDENTIALS_DIRECTORY is not set"]);
    let unit = under(&edge, &from);
    unit.run(&["status"]).unwrap();
    fails(&unit, &data, &["keys", "protect", "--passphrase-file", &right], ["systemd 憑據", "cannot be changed here"]);
    fails(&edge, &data, &["status"], ["keys 檔", "never delete the file keys"]);
}

/// The passphrase through a file that is open already: nothing of it stands anywhere.
fn by_descriptor(edge: &Tool, data: &Path, right: &str) {
    let binary = edge.binary().display().to_string();
    let data = data.display().to_string();
    let script = r#"cat "$3" | { exec 3<&0; "$1" --data "$2" --rehearsal-clock 2020-02-06T10:00:00+08:00 status --passphrase-file /dev/fd/3; }"#;
    let output = Command::new("sh").args(["-c", script, "sh", &binary, &data, right]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn an_escrow_makes_another_machine_the_same_hub() {
    let prepared = Prepared::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let right = passphrase_file(folder.path(), "right", RIGHT, 0o600);
    let held = passphrase_file(folder.path(), "held", "kept by a notary", 0o600);
    let hub = tool("atoll-hub", &prepared.hub(), LATER).unwrap();
    let edge = under(&tool("atoll-edge", &prepared.edge(), LATER).unwrap(), &[("ATOLL_EDGE_PASSPHRASE", RIGHT)]);

    fails(&hub, &prepared.hub(), &["keys", "protect"], ["密語", "give a passphrase"]);
    hub.run(&["keys", "protect", "--passphrase-file", &right]).unwrap();
    edge.run(&["keys", "protect"]).unwrap();
    fails(&hub, &prepared.hub(), &["cases"], ["密語保護", "is under a passphrase"]);
    let wrong = under(&hub, &[("ATOLL_HUB_PASSPHRASE", WRONG)]);
    fails(&wrong, &prepared.hub(), &["cases"], ["密語不符", "the passphrase is wrong"]);

    // Both serve with their keys under a passphrase.
    let hub = under(&hub, &[("ATOLL_HUB_PASSPHRASE_FILE", &right)]);
    let (running, _) = prepared.serve_hub(&hub).unwrap();
    sell_and_send(&edge, 1);
    running.stop().unwrap();

    let out = folder.path().join("escrow").display().to_string();
    fails(&hub, &prepared.hub(), &["escrow", "--out", &out], ["託管檔", "give the escrow's passphrase"]);
    hub.run(&["escrow", "--out", &out, "--escrow-passphrase-file", &held]).unwrap();
    let again = ["escrow", "--out", &out, "--escrow-passphrase-file", &held];
    fails(&hub, folder.path(), &again, ["未完成", "File exists"]);

    // Another machine: a copy of the database, the escrow, and nothing else.
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(prepared.hub().join("hub.db"), elsewhere.join("hub.db")).unwrap();
    let other = tool("atoll-hub", &elsewhere, LATER).unwrap();
    let restore = |passphrase| ["keys", "restore", "--from", out.as_str(), "--escrow-passphrase-file", passphrase];
    fails(&other, &elsewhere, &restore(&right), ["密語不符", "the passphrase is wrong"]);
    other.run(&restore(&held)).unwrap();
    fails(&hub, &prepared.hub(), &restore(&held), ["未完成", "nothing in it is overwritten"]);

    let tcp = free_tcp_port().unwrap();
    let serve = ["serve", "--listen", &prepared.line, "--http", &format!("127.0.0.1:{tcp}")];
    let running = other.start(&serve).unwrap();
    let http = Http::new(tcp);
    until("the other machine answers", PATIENCE, || http.is_ready().then_some(())).unwrap();
    sell_and_send(&edge, 2);
    running.stop().unwrap();
    let found: Value = other.json(&["sites", "--find", "5931102274"]).unwrap();
    assert_eq!(found["sites"][0]["enrolled"], json!(true), "{found}");
}

/// One sale, and the hub has it.
fn sell_and_send(edge: &Tool, n: usize) {
    edge.run(&sell(&person(n), &format!("keys-{n}"))).unwrap();
    let (serving, http) = serve_edge(edge).unwrap();
    all_sent(&http).unwrap();
    serving.stop().unwrap();
}

/// How the keys of a folder can be read after a crash: in clear, or with the passphrase. One of the two always holds.
fn opens(tool: &Tool, what: &[&str]) -> &'static str {
    if tool.output(what).unwrap().status.success() {
        return "in clear";
    }
    let with = under(tool, &[("ATOLL_EDGE_PASSPHRASE", RIGHT), ("ATOLL_HUB_PASSPHRASE", RIGHT)]);
    if with.output(what).unwrap().status.success() { "under the passphrase" } else { "never again" }
}

/// Kills `keys protect` and then `keys unprotect` before every call that changes the disk, and in the middle of every
/// write (every third point in the short form); the same command again must end what was begun. Gives how often.
fn sweep(tool: &Tool, data: &Path, what: &[&str], secret: &str) -> usize {
    let (recorder, folder) = (Recorder::build().unwrap(), scratch().unwrap());
    let log = folder.path().join("log");
    let passphrase = [("ATOLL_EDGE_PASSPHRASE", OsString::from(RIGHT)), ("ATOLL_HUB_PASSPHRASE", RIGHT.into())];
    let mut killed = 0;
    for (command, end) in [("protect", "under the passphrase"), ("unprotect", "in clear")] {
        let run = |on: &Path, environment: Vec<(&'static str, OsString)>| {
            let tool = tool.on(on).under([environment, passphrase.to_vec()].concat());
            tool.output(&["keys", command]).unwrap().status
        };
        let trial = folder.path().join("trial");
        copy(data, &trial).unwrap();
        assert!(run(&trial, recorder.logging(&log)).success());
        let calls = calls(&log).unwrap();
        fs::remove_file(&log).unwrap();
        assert!(calls.len() > 3, "keys {command} changes the disk in {} calls only", calls.len());
        for (at, call) in (1u32..).zip(&calls).step_by(every(3)) {
            let torn = call.is_write().then_some(Fault::Tear(at, 500));
            for fault in [Some(Fault::Kill(at)), torn].into_iter().flatten() {
                fs::remove_dir_all(&trial).unwrap();
                copy(data, &trial).unwrap();
                assert!(!run(&trial, recorder.environment(fault)).success(), "{fault:?} killed nothing");
                let after = opens(&tool.on(&trial), what);
                assert_ne!(after, "never again", "{command}, {fault:?}: {call:?}");
                assert!(run(&trial, Vec::new()).success(), "{command} again after {fault:?}");
                assert_eq!(opens(&tool.on(&trial), what), end, "{command}, {fault:?}");
                let is_clear = content(&trial).iter().any(|(_, bytes)| holds(bytes, secret.as_bytes()));
                assert_eq!(is_clear, end == "in clear", "{command}, {fault:?}: keys in clear");
                killed += 1;
            }
        }
        assert!(run(data, Vec::new()).success());
        fs::remove_dir_all(&trial).unwrap();
    }
    killed
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn no_crash_loses_a_key() {
    let folder = scratch().unwrap();
    let data = folder.path().join("edge");
    let edge = tool("atoll-edge", &data, LATER).unwrap();
    edge.run(&["init", "--site", "5931102274"]).unwrap();
    edge.run(&["status"]).unwrap();
    let keys = fs::read_to_string(data.join("keys")).unwrap();
    let secret = keys.lines().find_map(|line| line.strip_prefix("site_secret = \"")).unwrap().trim_matches('"');
    let killed = sweep(&edge, &data, &["recent"], secret);

    let data = folder.path().join("hub");
    let hub = tool("atoll-hub", &data, LATER).unwrap();
    hub.run(&["init"]).unwrap();
    let master = fs::read_to_string(data.join("master.key")).unwrap();
    let hub_killed = sweep(&hub, &data, &["cases"], master.trim());
    println!("keys protect and unprotect killed {killed} times at an edge, {hub_killed} times at a hub; no key lost");
}
