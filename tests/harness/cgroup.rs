//! A memory-limited control group for a process, by version 1 or 2 of the kernel's interface.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

const GROUPS: &str = "/sys/fs/cgroup";

/// A group of its own, removed when dropped; its processes must have ended by then.
#[derive(Debug)]
pub struct MemoryGroup {
    folder: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl MemoryGroup {
    /// A group whose processes together get so many bytes and no swap.
    ///
    /// # Errors
    /// Where this machine gives none: no right to make one, or no memory controller.
    pub fn new(name: &str, bytes: u64) -> Result<Self> {
        let name = format!("atoll-{name}-{}", std::process::id());
        let one = Path::new(GROUPS).join("memory");
        if one.join("memory.limit_in_bytes").exists() {
            let group = Self { folder: one.join(name), version: Version::One };
            fs::create_dir(&group.folder).context("make a control group (version 1)")?;
            group.write("memory.limit_in_bytes", &bytes.to_string())?;
            // A kernel that does not count swap has no such file.
            let _ = group.write("memory.memsw.limit_in_bytes", &bytes.to_string());
            return Ok(group);
        }
        for root in [PathBuf::from(GROUPS), Path::new(GROUPS).join("unified")] {
            let controllers = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
            if controllers.split_whitespace().any(|controller| controller == "memory") {
                let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
                let group = Self { folder: root.join(name), version: Version::Two };
                fs::create_dir(&group.folder).context("make a control group (version 2)")?;
                group.write("memory.max", &bytes.to_string())?;
                let _ = group.write("memory.swap.max", "0");
                return Ok(group);
            }
        }
        bail!("no memory controller under {GROUPS}")
    }

    /// The file into which a process writes its number to be in the group.
    #[must_use]
    pub fn procs(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// The most that was in use at once, in bytes, the cache of files included.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn peak(&self) -> Result<u64> {
        match self.version {
            Version::One => self.number("memory.max_usage_in_bytes"),
            // An older kernel does not keep the peak.
            Version::Two => self.number("memory.peak").or_else(|_| self.number("memory.current")),
        }
    }

    /// How many processes of the group the kernel has killed for want of memory.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn killed(&self) -> Result<u64> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(self.folder.join(file)).with_context(|| format!("read {file}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.with_context(|| format!("{file} does not count kills"))?.trim().parse().context("a number of kills")
    }

    fn number(&self, file: &str) -> Result<u64> {
        let text = fs::read_to_string(self.folder.join(file)).with_context(|| format!("read {file}"))?;
        text.trim().parse().with_context(|| format!("{file}: {text}"))
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        fs::write(self.folder.join(file), text).with_context(|| format!("write {file}"))
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}
