//! The operator's commands as an operator runs them: exit codes, words, and nothing half done.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const TAMSUI: &str = "5931102274";
const MORNING: &str = "2020-02-06T09:00:00+08:00";

struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("hub")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atoll-hub"));
        command.arg("--data").arg(self.data()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Done, and what it said in JSON.
    fn done(&self, args: &[&str]) -> Value {
        let mut args = args.to_vec();
        args.push("--json");
        let output = self.run(&args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Not done, and what it said on standard error.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output.stdout));
        assert!(output.stdout.is_empty(), "{args:?}");
        said(&output.stderr)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// With a password from standard input.
    fn with_password(&self, args: &[&str], password: &str) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses before it reads has gone by then.
        let written = child.stdin.take().unwrap().write_all(password.as_bytes());
        assert!(matches!(written.map_err(|cause| cause.kind()), Ok(()) | Err(ErrorKind::BrokenPipe)));
        child.wait_with_output().unwrap()
    }

    /// A reader's token.
    fn reader(&self) -> String {
        let add = ["operator", "add", "rita", "--role", "reader", "--password-stdin"];
        assert!(self.with_password(&add, "long enough to keep\n").status.success());
        self.done(&["operator", "token", "rita"])["token"].as_str().unwrap().to_owned()
    }

    fn ready() -> Self {
        let folder = Self::new();
        folder.done(&["init", "--name", "hub.example", "10.0.0.7"]);
        assert_eq!(folder.done(&["sites", "import"])["imported"], 6745);
        folder
    }
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn init_is_done_once() {
    let folder = Folder::new();
    assert!(folder.refused(&["cases"]).contains("init"), "not a data folder yet");
    folder.done(&["init"]);
    let key = std::fs::read(folder.data().join("ca.key")).unwrap();
    assert!(folder.refused(&["init"]).contains("nothing in it is overwritten"));
    assert_eq!(std::fs::read(folder.data().join("ca.key")).unwrap(), key);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.data().join("hub.db")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o077, 0, "the store is the owner's");
    assert!(Folder::new().refused(&["init", "--name", "not a host"]).contains("not a host"));
}

#[test]
fn only_known_sites_get_tokens() {
    let folder = Folder::ready();
    let token = folder.done(&["enrol", TAMSUI, "--minutes", "5"]);
    assert_eq!(token["name"], "淡水藥局");
    assert_eq!(token["token"].as_str().unwrap().len(), 55);
    let unknown = folder.refused(&["enrol", "5931102275"]);
    assert!(unknown.contains("查無此醫事機構") && unknown.contains("unknown site 5931102275"), "{unknown}");
    assert!(unknown.contains("check digit"), "{unknown}");
    assert!(folder.refused(&["revoke", "0000000000"]).contains("unknown site"));
    assert!(folder.refused(&["enrol", "59"]).contains("ten digits"));
    assert_eq!(folder.done(&["revoke", TAMSUI])["revoked"], 0);
}

#[test]
fn a_bad_register_leaves_the_old_one() {
    let folder = Folder::ready();
    let head = "inst_code,name,kind,address,tel,lat,lng,town_code";
    let bad = format!("{head}\n1234567890,環礁測試站,pharmacy,,,,,\n12,x,pharmacy,,,,,\n");
    let told = folder.refused(&["sites", "import", &folder.file("bad.csv", &bad)]);
    assert!(told.contains("bad.csv") && told.contains("line 3") && told.contains("\"12\""), "{told}");
    assert!(folder.refused(&["sites", "import", &folder.file("x.csv", "code,name\n1,x\n")]).contains("inst_code"));
    assert!(folder.refused(&["sites", "import", &folder.file("none.csv", head)]).contains("no site"));
    assert!(folder.refused(&["sites", "import", "/no/such/file.csv"]).contains("/no/such/file.csv"));
    let found = |folder: &Folder| folder.done(&["sites", "--find", "環礁測試站"])["sites"].as_array().unwrap().len();
    assert_eq!(found(&folder), 0);
    let good = format!("\u{feff}{head}\n1234567890,環礁測試站,pharmacy,,,,,\n");
    assert_eq!(folder.done(&["sites", "import", &folder.file("good.csv", &good)])["imported"], 1);
    assert_eq!(found(&folder), 1);
}

#[test]
fn a_bad_version_file_is_told_with_line_and_field_and_nothing_is_published() {
    let folder = Folder::ready();
    let shipped = shared::rules::programme::shipped_text("mask-2020-02-06").unwrap();
    let absurd = folder.file("absurd.toml", &shipped.replace("rolling_days = 7", "rolling_days = -7"));
    let line = 1 + shipped.lines().position(|line| line.starts_with("rolling_days")).unwrap();
    let told = folder.refused(&["programme", "publish", &absurd]);
    assert!(told.contains(&format!("line {line}")) && told.contains("rolling_days"), "{told}");
    let missing = folder.file("missing.toml", &shipped.replace("from = \"2020-02-06\"\n", ""));
    let told = folder.refused(&["programme", "publish", &missing]);
    assert!(told.contains("from"), "{told}");
    assert!(folder.refused(&["programme", "publish", "no-such"]).contains("mask-2020-02-06"));
    assert_eq!(folder.done(&["programme", "list"])["published"].as_array().unwrap().len(), 0);

    folder.done(&["programme", "publish", "mask-2020-02-06", "--rehearsal-clock", MORNING]);
    let listed = folder.done(&["programme", "list"]);
    assert_eq!(listed["published"][0]["name"], "mask-2020-02-06");
}

#[test]
fn deliveries_are_announced_for_known_programmes_in_sane_numbers() {
    let folder = Folder::ready();
    let args = ["delivery", TAMSUI, "--adult", "200", "--child", "50", "--rehearsal-clock", MORNING];
    assert!(folder.refused(&args).contains("no programme"));
    folder.done(&["programme", "publish", "mask-2020-02-06", "--rehearsal-clock", MORNING]);
    let told = folder.done(&args);
    assert_eq!((&told["day"], &told["programme"]), (&"2020-02-06".into(), &"mask".into()));
    assert!(folder.refused(&["delivery", TAMSUI, "--adult", "4000000000"]).contains("at most"));
    assert!(folder.refused(&["delivery", TAMSUI, "--adult", "-1"]).contains("-1"));
    assert!(folder.refused(&["delivery", "0000000000", "--adult", "1"]).contains("unknown site"));
}

#[test]
fn cases_and_rebuild_answer_on_an_empty_hub() {
    let folder = Folder::ready();
    assert_eq!(folder.done(&["cases"])["cases"].as_array().unwrap().len(), 0);
    assert!(folder.refused(&["case", "00"]).contains("unknown case"));
    assert_eq!(folder.done(&["rebuild"])["rebuilt"], true);
}

#[test]
fn a_rehearsal_is_marked_loudly() {
    let folder = Folder::ready();
    let output = folder.run(&["cases", "--rehearsal-clock", MORNING]);
    assert!(said(&output.stderr).contains("REHEARSAL"));
    assert!(folder.refused(&["cases", "--rehearsal-clock", "yesterday"]).contains("yesterday"));
}

/// Ends its own process when a test fails.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(addr: &str, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    let bearer = format!("Authorization: Bearer {token}");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\n{bearer}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn serve_says_where_it_is_works_beside_other_commands_and_stops_when_told() {
    let folder = Folder::ready();
    let args = ["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json", "--rehearsal-clock", MORNING];
    let mut command = folder.command(&args);
    let mut serving = Serving(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(serving.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let http = told["http"].as_str().unwrap();
    assert!(get(http, "/readyz", "").ends_with("ready\n"));

    assert!(get(http, "/", "").contains("operator add"), "nobody can sign in yet");
    let token = folder.reader();
    folder.done(&["programme", "publish", "mask-2020-02-06", "--rehearsal-clock", MORNING]);
    assert!(get(http, "/api/v1/programmes", &token).contains("mask-2020-02-06"), "the other process's word is seen");
    assert!(get(http, "/", &token).contains("演練模式"));
    assert!(get(http, "/", "atoll-wrong").contains("303 See Other"));
    folder.done(&["operator", "disable", "rita"]);
    assert!(get(http, "/api/v1/programmes", &token).contains("401 Unauthorized"), "at once");

    let taken = folder.refused(&["serve", "--listen", told["quic"].as_str().unwrap(), "--http", "127.0.0.1:0"]);
    assert!(taken.contains("listen on"), "{taken}");
    let open = folder.refused(&["serve", "--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"]);
    assert!(open.contains("not a loopback address"), "{open}");

    terminate(&serving.0);
    assert_eq!(serving.0.wait().unwrap().code(), Some(0));
    assert!(Path::new(&folder.data()).join("hub.db").exists());
}

fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_decision_needs_a_dispute_a_way_and_words() {
    let folder = Folder::ready();
    assert_eq!(folder.done(&["disputes"])["disputes"].as_array().unwrap().len(), 0);
    assert_eq!(folder.done(&["cases", "--all"])["disputes"].as_array().unwrap().len(), 0);
    for case in ["00", ""] {
        let told = folder.refused(&["decide", case, "--grant", "--words", "查明"]);
        assert!(told.contains("查無此異議") && told.contains("atoll-hub disputes"), "{told}");
    }
    for args in [
        &["decide", "00", "--words", "x"][..],
        &["decide", "00", "--grant", "--reject", "--words", "x"],
        &["decide", "00", "--grant"],
    ] {
        assert_eq!(folder.run(args).status.code(), Some(2), "{args:?}");
    }
    assert!(folder.refused(&["case", "00"]).contains("unknown case"));
}

#[test]
fn accounts_are_made_listed_changed_and_their_secrets_shown_once() {
    let folder = Folder::ready();
    let add = |name: &str, role: &str, password: &str| {
        let args = ["operator", "add", name, "--role", role, "--password-stdin", "--json"];
        folder.with_password(&args, password)
    };
    let made = add("Sue", "supervisor", "long enough to keep\n");
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&made["name"], &made["role"]), (&"sue".into(), &"supervisor".into()));
    let (secret, uri) = (made["secret"].as_str().unwrap(), made["uri"].as_str().unwrap());
    assert_eq!(secret.len(), 32);
    assert!(uri.starts_with("otpauth://totp/Atoll%20hub:sue?secret=") && uri.contains(secret), "{uri}");

    for (name, role, password, why) in [
        ("otto", "operator", "short", "at least 12"),
        ("otto", "operator", "password1234", "tried first"),
        ("otto.the.great", "operator", "otto.the.great1", "not the name"),
        ("sue", "operator", "long enough to keep", "already"),
        ("otto", "king", "long enough to keep", "reader, operator or supervisor"),
        ("A123456789", "operator", "long enough to keep", "identity number"),
    ] {
        let output = add(name, role, password);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(said(&output.stderr).contains(why), "{}", said(&output.stderr));
    }
    assert!(folder.refused(&["operator", "disable", "sue"]).contains("last supervisor"));
    assert!(folder.refused(&["operator", "role", "sue", "reader"]).contains("last supervisor"));
    assert!(folder.refused(&["operator", "role", "nobody", "reader"]).contains("no such account"));
    assert!(add("otto", "operator", "long enough to keep").status.success());
    folder.done(&["operator", "role", "otto", "reader"]);
    folder.done(&["operator", "disable", "otto"]);
    assert!(folder.refused(&["operator", "token", "otto"]).contains("disabled"));
    let reset = folder.with_password(&["operator", "reset", "otto", "--password-stdin"], "another, as long");
    assert!(said(&reset.stdout).contains("otpauth://"), "{}", said(&reset.stderr));
    let token = folder.done(&["operator", "token", "otto", "--days", "1", "--role", "supervisor"]);
    assert_eq!(token["role"], "reader", "never more than the account");
    let listed = folder.done(&["operator", "list"]);
    assert_eq!((&listed["operators"][0]["name"], &listed["operators"][0]["tokens"]), (&"otto".into(), &1.into()));
    for text in [secret, token["token"].as_str().unwrap(), "long enough"] {
        assert!(!listed.to_string().contains(text), "shown once");
        let store = std::fs::read(folder.data().join("hub.db")).unwrap();
        assert!(!store.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "not in the store");
    }
    assert!(folder.refused(&["operator", "add", "x", "--role", "reader"]).contains("--password-stdin"), "no terminal");
}

#[test]
fn the_audit_is_exported_checked_by_anybody_and_verified() {
    let folder = Folder::ready();
    folder.reader();
    folder.done(&["enrol", TAMSUI]);
    let whole = folder.done(&["audit", "verify"]);
    assert_eq!((&whole["records"], &whole["broken"]), (&3.into(), &Value::Null));
    assert_eq!(folder.done(&["verify"])["audit"]["records"], 3);

    let export = folder.run(&["audit", "export"]);
    let lines: Vec<Value> = said(&export.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deeds: Vec<&str> = lines.iter().map(|line| line["deed"].as_str().unwrap()).collect();
    assert_eq!(deeds, ["account-added", "token-issued", "enrol", "audit-exported"]);
    assert_eq!((&lines[0]["about"], &lines[2]["about"]), (&"rita".into(), &TAMSUI.into()));
    assert!(lines[0]["who"].as_str().unwrap().starts_with("cli:"), "{}", lines[0]);

    // What docs/operating.md says that anybody can do.
    let check = "prev=$(head -n1 \"$0\" | jq -r .previous); while read -r line; do \
        have=$(printf '%s' \"$line\" | jq -j --arg prev \"$prev\" \
        '$prev,\"\\n\",.number,\"\\n\",.second,\"\\n\",.who,\"\\n\",.deed,\"\\n\",.about,\"\\n\",.note,\"\\n\"' | sha256sum | cut -d' ' -f1); \
        prev=$(printf '%s' \"$line\" | jq -r .link); \
        [ \"$have\" = \"$prev\" ] || { printf '%s' \"$line\" | jq .number; exit 1; }; done < \"$0\"";
    let by_hand = |text: &str| {
        let file = folder.file("audit.jsonl", text);
        Command::new("bash").args(["-c", check, &file]).output().unwrap()
    };
    let text = said(&export.stdout);
    let good = by_hand(&text);
    assert!(good.status.success(), "{}{}", said(&good.stdout), said(&good.stderr));
    let bad = by_hand(
        &text.replace("\"note\":\"reader 90d\"", "\"note\":\"\"").replace("\"note\":\"90d\"", "\"note\":\"9d\""),
    );
    assert_eq!((bad.status.code(), said(&bad.stdout).trim()), (Some(1), "2"));

    let rest = folder.run(&["audit", "export", "--from", "4"]);
    let rest = said(&rest.stdout);
    assert_eq!(rest.lines().count(), 2, "and the second export");
    assert!(rest.starts_with("{\"number\":4,"));
}
