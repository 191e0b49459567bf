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
        Self::under(Path::new(GROUPS), &format!("atoll-{name}-{}", std::process::id()), bytes)
    }

    /// The same where the kernel's groups are shown under `root`.
    fn under(root: &Path, name: &str, bytes: u64) -> Result<Self> {
        let one = root.join("memory");
        if one.join("memory.limit_in_bytes").exists() {
            let group = Self { folder: one.join(name), version: Version::One };
            fs::create_dir(&group.folder).context("make a control group (version 1)")?;
            group.write("memory.limit_in_bytes", &bytes.to_string())?;
            // A kernel that does not count swap has no such file.
            let _ = group.write("memory.memsw.limit_in_bytes", &bytes.to_string());
            return Ok(group);
        }
        for root in [root.to_path_buf(), root.join("unified")] {
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
        bail!("no memory controller under {}", root.display())
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

    /// What is in use now, in bytes, the cache of files included.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn in_use(&self) -> Result<u64> {
        match self.version {
            Version::One => self.number("memory.usage_in_bytes"),
            Version::Two => self.number("memory.current"),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Files where a kernel would show its groups: what is written and read, not what a kernel makes of it.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    #[test]
    fn version_2_is_taken_where_it_has_the_memory_controller() {
        let root = tree(&[("cgroup.controllers", "cpuset cpu io memory pids\n")]);
        let group = MemoryGroup::under(root.path(), "g", 512 << 20).unwrap();
        let read = |name: &str| fs::read_to_string(root.path().join(name)).unwrap();
        assert_eq!(group.procs(), root.path().join("g/cgroup.procs"));
        assert_eq!((read("cgroup.subtree_control"), read("g/memory.max")), ("+memory".into(), "536870912".into()));
        assert_eq!(read("g/memory.swap.max"), "0");
        group.write("memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n").unwrap();
        group.write("memory.current", "900\n").unwrap();
        assert_eq!((group.killed().unwrap(), group.peak().unwrap(), group.in_use().unwrap()), (1, 900, 900));
        group.write("memory.peak", "1000\n").unwrap();
        assert_eq!(group.peak().unwrap(), 1000);
    }

    #[test]
    fn version_1_counts_where_it_has_the_memory_controller() {
        let root = tree(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("unified/cgroup.controllers", "hugetlb\n"),
        ]);
        let group = MemoryGroup::under(root.path(), "g", 7 << 20).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("memory/g/memory.limit_in_bytes")).unwrap(), "7340032");
        group.write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n").unwrap();
        assert_eq!(group.killed().unwrap(), 3);
    }

    #[test]
    fn without_the_memory_controller_there_is_no_group() {
        let root = tree(&[("unified/cgroup.controllers", "hugetlb\n")]);
        let none = MemoryGroup::under(root.path(), "g", 1 << 20).unwrap_err();
        assert!(none.to_string().contains("no memory controller"), "{none:#}");
    }
}
