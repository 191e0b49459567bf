//! Data folders of the first version, recorded from its own programs (tests/data/first): what this version must open.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::ledger::Ledger;

/// Lays `edge` or `hub` of the recording down as a folder.
///
/// # Errors
/// Where the recording cannot be read or the disk refuses.
pub fn lay(name: &str, to: &Path) -> Result<()> {
    fs::create_dir_all(to).context("make a folder")?;
    for entry in fs::read_dir(recorded().join(name)).context("read the recording")? {
        let path = entry?.path();
        let mut bytes = Vec::new();
        let file = File::open(&path)?;
        let packed = path.extension().is_some_and(|it| it == "gz");
        let name = if packed { path.file_stem() } else { path.file_name() }.context("a file without a name")?;
        let mut reader: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        reader.read_to_end(&mut bytes)?;
        fs::write(to.join(name), bytes)?;
        fs::set_permissions(to.join(name), Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// What the first version exported from the edge's folder.
///
/// # Errors
/// Where it cannot be read.
pub fn exported() -> Result<Ledger> {
    Ledger::parse(&fs::read_to_string(recorded().join("export.jsonl"))?)
}

/// What the first version said of the hub's cases.
///
/// # Errors
/// Where it cannot be read.
pub fn cases() -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(recorded().join("cases.json"))?)?)
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/first")
}
