//! The browsers that may come in by the second door: each has 256 random bits, the data folder their SHA-256.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::NaiveDate;
use data_encoding::HEXLOWER;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::code::{OneCode, Shown, Tried};
use crate::config::Folder;
use crate::fault::Fault;

/// Most counters that are paired at once.
const COUNTERS_MAX: usize = 64;
/// Longest name of a counter, in characters.
const NAME_CHARS_MAX: usize = 20;

/// A counter that is paired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paired {
    /// What the shop calls it.
    pub name: String,
    /// Since when.
    pub day: NaiveDate,
    /// SHA-256 of what its browser shows, hex. Nobody finds 256 random bits from it: it is no secret.
    pub key_sha256: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    counter: Vec<Paired>,
}

/// Who may come in, and the code by which one more may.
#[derive(Debug)]
pub struct Pairing {
    folder: Folder,
    paired: Mutex<Vec<Paired>>,
    code: Mutex<OneCode>,
}

impl Pairing {
    /// Those that were paired before.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn open(folder: &Folder) -> Result<Self, Fault> {
        let bad = || bad_file(folder);
        let file: File = match std::fs::read_to_string(folder.counters_file()) {
            Ok(text) => toml::from_str(&text).map_err(|cause| bad().because(cause))?,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(cause) => return Err(bad().because(cause)),
        };
        Ok(Self { folder: folder.clone(), paired: Mutex::new(file.counter), code: Mutex::default() })
    }

    /// A new code; the one before is none any more.
    ///
    /// # Errors
    /// Where there are too many counters already.
    pub fn make_code(&self, now: Instant) -> Result<(), Fault> {
        if self.paired().len() >= COUNTERS_MAX {
            return Err(too_many());
        }
        self.code().make(now);
        Ok(())
    }

    /// The code that may be typed now.
    #[must_use]
    pub fn shown(&self, now: Instant) -> Option<Shown> {
        self.code().shown(now)
    }

    /// Somebody types a code.
    #[must_use]
    pub fn try_code(&self, typed: &str, now: Instant) -> Tried {
        self.code().try_it(typed, now)
    }

    /// A counter is paired, on the disk when this returns: what its browser is to show from now on.
    ///
    /// # Errors
    /// Where there are too many, or the disk refuses.
    pub fn pair(&self, name: &str, day: NaiveDate) -> Result<String, Fault> {
        let mut bits = [0u8; 32];
        rand::rng().fill_bytes(&mut bits);
        let key = HEXLOWER.encode(&bits);
        let mut paired = self.paired();
        if paired.len() >= COUNTERS_MAX {
            return Err(too_many());
        }
        let mut more = paired.clone();
        more.push(Paired { name: name.to_owned(), day, key_sha256: sha256(&key) });
        self.keep(&more)?;
        *paired = more;
        Ok(key)
    }

    /// Whether a browser that shows this is paired.
    #[must_use]
    pub fn knows(&self, key: &str) -> bool {
        let shown = sha256(key);
        self.paired().iter().any(|counter| counter.key_sha256 == shown)
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Paired> {
        self.paired().clone()
    }

    /// A counter is paired no more, from now on; the one it was, if there was one.
    ///
    /// # Errors
    /// Where the disk refuses: until the next start it is forgotten all the same.
    pub fn forget(&self, key_sha256: &str) -> Result<Option<Paired>, Fault> {
        let mut paired = self.paired();
        let Some(at) = paired.iter().position(|counter| counter.key_sha256 == key_sha256) else { return Ok(None) };
        let gone = paired.remove(at);
        self.keep(&paired)?;
        Ok(Some(gone))
    }

    fn keep(&self, paired: &[Paired]) -> Result<(), Fault> {
        let text = toml::to_string(&File { counter: paired.to_vec() });
        let text = text.map_err(|cause| bad_file(&self.folder).because(cause))?;
        self.folder.write(&self.folder.counters_file(), text.as_bytes())
    }

    fn paired(&self) -> MutexGuard<'_, Vec<Paired>> {
        // Plain values: after a panic elsewhere they are still whole.
        self.paired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn code(&self) -> MutexGuard<'_, OneCode> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a counter, as it was typed.
///
/// # Errors
/// Where it is empty, too long, or holds control characters.
pub fn checked_name(typed: &str) -> Result<String, Fault> {
    let name = typed.trim();
    let length = name.chars().count();
    if (1..=NAME_CHARS_MAX).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Fault::asked(
        "counter-name",
        format!("請輸入櫃檯名稱，最多 {NAME_CHARS_MAX} 字"),
        format!("give the counter a name of at most {NAME_CHARS_MAX} characters"),
    ))
}

fn sha256(key: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, key.as_bytes()).as_ref())
}

fn too_many() -> Fault {
    Fault::asked(
        "too-many-counters",
        format!("已配對 {COUNTERS_MAX} 台，請先移除不用的櫃檯"),
        format!("{COUNTERS_MAX} counters are paired already: forget one that is not used any more"),
    )
}

fn bad_file(folder: &Folder) -> Fault {
    let file = folder.counters_file();
    Fault::new(
        "counters-file",
        format!("{} 無法讀取；請修正，或刪除後重新配對各櫃檯", file.display()),
        format!("{} cannot be read: mend it, or delete it and pair the counters again", file.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::new(temp.path());
        (temp, folder)
    }

    fn day() -> NaiveDate {
        "2020-02-06".parse().unwrap()
    }

    #[test]
    fn a_paired_counter_is_known_after_a_restart_and_forgotten_for_good() {
        let (_temp, folder) = folder();
        let pairing = Pairing::open(&folder).unwrap();
        let (one, two) = (pairing.pair("一號", day()).unwrap(), pairing.pair("二號", day()).unwrap());
        assert!(one.len() == 64 && one != two);
        let kept = std::fs::read_to_string(folder.counters_file()).unwrap();
        assert!(kept.contains("一號") && !kept.contains(&one), "its key lies nowhere: {kept}");
        let pairing = Pairing::open(&folder).unwrap();
        assert!(pairing.knows(&one) && pairing.knows(&two) && !pairing.knows("") && !pairing.knows(&one[1..]));
        let first = pairing.all()[0].clone();
        assert!(!pairing.knows(&first.key_sha256), "what lies in the folder opens nothing");
        assert_eq!(pairing.forget(&first.key_sha256).unwrap(), Some(first.clone()));
        assert_eq!(pairing.forget(&first.key_sha256).unwrap(), None);
        assert!(!pairing.knows(&one) && pairing.knows(&two));
        assert!(!Pairing::open(&folder).unwrap().knows(&one));
    }

    #[test]
    fn there_is_an_end_to_counters() {
        let (_temp, folder) = folder();
        let pairing = Pairing::open(&folder).unwrap();
        pairing.make_code(Instant::now()).unwrap();
        for _ in 0..COUNTERS_MAX {
            pairing.pair("x", day()).unwrap();
        }
        assert_eq!(pairing.pair("x", day()).unwrap_err().code, "too-many-counters");
        assert_eq!(pairing.make_code(Instant::now()).unwrap_err().code, "too-many-counters");
    }

    #[test]
    fn a_damaged_file_is_named_and_names_are_judged() {
        let (_temp, folder) = folder();
        std::fs::write(folder.counters_file(), "counter = 5").unwrap();
        assert_eq!(Pairing::open(&folder).unwrap_err().code, "counters-file");
        assert_eq!(checked_name(" 二號櫃檯 ").unwrap(), "二號櫃檯");
        for bad in ["", "  ", "a\u{7}b", &"長".repeat(21)] {
            assert_eq!(checked_name(bad).unwrap_err().code, "counter-name", "{bad}");
        }
    }
}
