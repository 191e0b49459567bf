//! The recorder: a preloaded library that counts one process's calls that change the disk, and at the
//! chosen one kills, tears or fails (`recorder.c` says which calls).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

const SOURCE: &str = include_str!("recorder.c");

/// What happens to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Killed before its n-th call.
    Kill(u32),
    /// The n-th call, where it writes, gets so many thousandths of its bytes out; then killed.
    Tear(u32, u32),
    /// The n-th fsync or fdatasync fails with EIO; every later one too.
    NoSync(u32, Lasts),
    /// The n-th write fails with ENOSPC; every later one too.
    Full(u32, Lasts),
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// One call.
    Once,
    /// As long as the process.
    Ever,
}

/// One call that changes the disk, or prints the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The system call.
    pub name: String,
    /// How many bytes, of a write.
    pub bytes: u64,
    /// Which file.
    pub file: PathBuf,
}

/// The compiled library.
#[derive(Debug)]
pub struct Recorder {
    folder: TempDir,
}

impl Recorder {
    /// Compiles it.
    ///
    /// # Errors
    /// Where there is no C compiler.
    pub fn build() -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        compile(SOURCE, &folder.path().join("recorder.so"), &["-shared", "-fPIC"])?;
        Ok(Self { folder })
    }

    /// The environment of a process that is to suffer a fault.
    #[must_use]
    pub fn environment(&self, fault: Fault) -> Vec<(&'static str, OsString)> {
        let mut set = vec![("LD_PRELOAD", self.folder.path().join("recorder.so").into_os_string())];
        let mut say = |name, value: u32| set.push((name, value.to_string().into()));
        let lasts = |lasts| u32::from(lasts == Lasts::Ever);
        match fault {
            Fault::Kill(at) => say("ATOLL_FAULT_KILL", at),
            Fault::Tear(at, thousandths) => {
                say("ATOLL_FAULT_KILL", at);
                say("ATOLL_FAULT_TEAR", thousandths);
            }
            Fault::NoSync(at, long) => {
                say("ATOLL_FAULT_SYNC", at);
                say("ATOLL_FAULT_EVER", lasts(long));
            }
            Fault::Full(at, long) => {
                say("ATOLL_FAULT_FULL", at);
                say("ATOLL_FAULT_EVER", lasts(long));
            }
        }
        set
    }

    /// The environment of a process whose calls are written into `log`.
    #[must_use]
    pub fn logging(&self, log: &Path) -> Vec<(&'static str, OsString)> {
        let mut set = self.environment(Fault::Kill(0));
        set.push(("ATOLL_FAULT_LOG", log.as_os_str().to_owned()));
        set
    }
}

/// The calls in a log, in order.
///
/// # Errors
/// Where it cannot be read.
pub fn calls(log: &Path) -> Result<Vec<Call>> {
    let text = std::fs::read_to_string(log).with_context(|| format!("read {}", log.display()))?;
    text.lines().map(|line| call(line).with_context(|| format!("the recorder wrote {line:?}"))).collect()
}

fn call(line: &str) -> Option<Call> {
    let mut words = line.splitn(4, ' ').skip(1);
    Some(Call { name: words.next()?.to_owned(), bytes: words.next()?.parse().ok()?, file: words.next()?.into() })
}

impl Call {
    /// Whether it can be torn.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.bytes > 1
    }
}

/// Compiles a C file of the harness.
///
/// # Errors
/// Where there is no compiler, or it refuses.
pub fn compile(source: &str, out: &Path, options: &[&str]) -> Result<()> {
    let file = out.with_extension("c");
    std::fs::write(&file, source).context("write a C file")?;
    let built = Command::new("cc").args(["-O2", "-Wall"]).args(options).arg("-o").arg(out).arg(&file).output();
    let built = built.context("run cc (scripts/need.sh installs it)")?;
    if !built.status.success() {
        bail!("cc: {}", String::from_utf8_lossy(&built.stderr));
    }
    Ok(())
}
