//! A hub's folder as an operator works in it: the real command at a rehearsed time.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Folder {
    dir: TempDir,
    clock: &'static str,
}

impl Folder {
    /// A hub that knows some sites, each of them its code, its name and its kind.
    pub(crate) fn ready(clock: &'static str, sites: &[[&str; 3]]) -> Self {
        let folder = Self { dir: tempfile::tempdir().unwrap(), clock };
        folder.done(&["init"]);
        let lines: String = sites.iter().map(|site| format!("{},,,,,\n", site.join(","))).collect();
        let file = format!("inst_code,name,kind,address,tel,lat,lng,town_code\n{lines}");
        folder.done(&["sites", "import", &folder.file("sites.csv", file.as_bytes())]);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atoll-hub"));
        command.arg("--data").arg(self.path().join("hub")).args(["--rehearsal-clock", self.clock]).args(args);
        command.output().unwrap()
    }

    /// Done, and what it said in JSON.
    pub(crate) fn done(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Done, and what it said in words.
    pub(crate) fn said(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Not done, and what it said on standard error.
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stdout));
        assert!(output.stdout.is_empty(), "{args:?}");
        text(&output.stderr)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
