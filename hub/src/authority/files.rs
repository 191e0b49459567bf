//! The authority's files in the data folder: written once, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::AuthorityError;

/// The authority's private key.
pub const CA_KEY: &str = "ca.key";
/// The authority's certificate.
pub const CA_CERTIFICATE: &str = "ca.crt";
/// The server's private key.
pub const SERVER_KEY: &str = "server.key";
/// The server's certificate.
pub const SERVER_CERTIFICATE: &str = "server.crt";
/// The secret from which the hub's keys are derived.
pub const MASTER_KEY: &str = "master.key";

/// The three secrets and the certificates under a passphrase: where it is there, it counts.
pub const SEALED: &str = "keys.sealed";

/// There while the files are being written: what lies beside it was never used and is made again.
const UNFINISHED: &str = "init.unfinished";

const ALL: [&str; 6] = [CA_KEY, CA_CERTIFICATE, SERVER_KEY, SERVER_CERTIFICATE, MASTER_KEY, SEALED];
const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;

pub(super) fn failed(deed: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> AuthorityError {
    let path = path.display().to_string();
    move |cause| AuthorityError::File { deed, path, cause }
}

/// Makes the folder where it is not there, finds no file of ours in it, and marks it as unfinished. What an `init`
/// that was cut short has left behind is cleared away.
pub(super) fn begin(folder: &Path) -> Result<(), AuthorityError> {
    let made = fs::DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(folder);
    made.map_err(failed("make the folder", folder))?;
    let is_unfinished = is_unfinished(folder);
    match any(folder) {
        Some(path) if is_unfinished => clear(folder).map_err(failed("clear away what is unfinished beside", &path))?,
        Some(path) => return Err(AuthorityError::Exists(path.display().to_string())),
        None => {}
    }
    if is_unfinished { Ok(()) } else { write(folder, UNFINISHED, b"") }
}

fn clear(folder: &Path) -> std::io::Result<()> {
    for path in ALL.iter().map(|name| folder.join(name)).filter(|path| path.exists()) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Whether an `init` was cut short here: nothing of it may be used.
pub(super) fn is_unfinished(folder: &Path) -> bool {
    folder.join(UNFINISHED).exists()
}

/// Every file is on the disk: they may be used, and are never overwritten from now on.
pub(super) fn finish(folder: &Path) -> Result<(), AuthorityError> {
    let path = folder.join(UNFINISHED);
    fs::remove_file(&path).and_then(|()| File::open(folder)?.sync_all()).map_err(failed("remove", &path))
}

/// Writes a new file and sees it reach the disk.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), AuthorityError> {
    let path = folder.join(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&path)?;
        file.write_all(content)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    };
    write().map_err(failed("write", &path))
}

/// Writes a file whole or not at all, over another of its name.
pub(super) fn replace(folder: &Path, name: &str, content: &[u8]) -> Result<(), AuthorityError> {
    let (path, fresh) = (folder.join(name), format!("{name}.new"));
    if folder.join(&fresh).exists() {
        wipe(folder, &fresh)?;
    }
    write(folder, &fresh, content)?;
    let renamed = fs::rename(folder.join(&fresh), &path).and_then(|()| File::open(folder)?.sync_all());
    renamed.map_err(failed("replace", &path))
}

/// Overwrites a file and removes it, where it is there.
pub(super) fn wipe(folder: &Path, name: &str) -> Result<(), AuthorityError> {
    let path = folder.join(name);
    let wipe = || {
        let mut file = OpenOptions::new().write(true).open(&path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        file.write_all(&vec![0; length])?;
        file.sync_all()?;
        fs::remove_file(&path)?;
        File::open(folder)?.sync_all()
    };
    match wipe() {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        ended => ended.map_err(failed("wipe", &path)),
    }
}

/// Removes a file that tells nothing, where it is there: whole until it is gone.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), AuthorityError> {
    let path = folder.join(name);
    match fs::remove_file(&path).and_then(|()| File::open(folder)?.sync_all()) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        ended => ended.map_err(failed("remove", &path)),
    }
}

/// A file of ours in the folder, where there is one.
pub(super) fn any(folder: &Path) -> Option<PathBuf> {
    ALL.iter().map(|name| folder.join(name)).find(|path| path.exists())
}

/// A file's text.
pub(super) fn read(folder: &Path, name: &str) -> Result<String, AuthorityError> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            Err(AuthorityError::Missing(path.display().to_string()))
        }
        Err(cause) => Err(failed("read", &path)(cause)),
    }
}
