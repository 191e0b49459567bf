//! The inputs that are kept: one file a target, one input a line in hexadecimal, `#` before a word on what it found.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;

use super::Target;

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn file(target: &Target) -> PathBuf {
    folder().join(format!("{}.hex", target.name))
}

/// The inputs kept for a target.
///
/// # Errors
/// Where the file cannot be read.
pub fn kept(target: &Target) -> Result<Vec<Vec<u8>>> {
    let path = file(target);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| HEXLOWER.decode(line.as_bytes()).with_context(|| format!("{}: {line}", path.display()))).collect()
}

/// What a fuzzer begins with: the made inputs and the kept ones.
///
/// # Errors
/// As [`kept`].
pub fn known(target: &Target) -> Result<Vec<Vec<u8>>> {
    Ok((target.seeds)().into_iter().chain(kept(target)?).collect())
}

/// Writes every known input into a folder, one file each.
///
/// # Errors
/// Where the disk says no.
pub fn unpack(target: &Target, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    for (number, input) in known(target)?.iter().enumerate() {
        fs::write(into.join(format!("kept-{number}")), input)?;
    }
    Ok(())
}

/// Keeps a folder's inputs that are not made, at most half as many as the short run changes and of every length, the
/// smallest first, up to so many bytes; what stands there with a word on it stays.
///
/// # Errors
/// Where the disk says no.
pub fn pack(target: &Target, from: &Path, bytes_max: usize) -> Result<usize> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(from)? {
        inputs.push(fs::read(entry?.path())?);
    }
    let made = (target.seeds)();
    inputs.retain(|input| !made.contains(input));
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    let path = file(target);
    let mut text = told(&fs::read_to_string(&path).unwrap_or_default());
    let (mut bytes, mut count) = (0, 0);
    let most = usize::try_from(target.rounds / 2)?;
    let every = inputs.len().div_ceil(most).max(1);
    for input in inputs.into_iter().step_by(every) {
        bytes += input.len();
        if bytes > bytes_max {
            break;
        }
        let line = HEXLOWER.encode(&input);
        if !line.is_empty() && !text.lines().any(|kept| kept == line) {
            text.push_str(&line);
            text.push('\n');
            count += 1;
        }
    }
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(count)
}

/// The lines with a word before them: what was found once is never dropped.
fn told(text: &str) -> String {
    let mut out = String::new();
    let mut keep = false;
    for line in text.lines() {
        let is_word = line.starts_with('#');
        if is_word || keep {
            out.push_str(line);
            out.push('\n');
        }
        keep = is_word;
    }
    out
}
