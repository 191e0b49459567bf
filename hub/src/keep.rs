//! Backups of the hub's store, taken while it serves, and bringing one back (docs/lives.md).
//!
//! A backup holds the database alone: whose keys it was sealed under is elsewhere. One that comes back begins a new life,
//! so that every edge offers again what the hub has forgotten.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::authority::Authority;
use crate::config::{ConfigError, DataFolder};
use crate::hub::{Hub, HubError, LIFE};
use crate::store::{Store, StoreError};

/// When a backup was taken, in the backup.
const BACKED_UP: &str = "backed_up";
/// As of when the store was brought back; certificates that were issued later are not in it.
const RESTORED: &str = "restored";
/// What SQLite keeps of one store: the file, and beside it.
const OF_A_STORE: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// Behind the name of a file that is not whole yet.
const PART: &str = ".part";
/// A certificate says only on which day it was issued, in seconds.
const DAY_S: i64 = 86_400;

/// Something is wrong with a backup or its place; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file.
    #[error("{deed} {path}")]
    File {
        /// What was being done.
        deed: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// There is something already.
    #[error("{0} is there already; nothing was overwritten")]
    Exists(PathBuf),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The folder.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Not a hub's store, or not all of it.
    #[error("{0} is no whole backup of a hub; nothing was changed")]
    NoBackup(PathBuf),
    /// A backup of another hub, or a damaged one.
    #[error("the backup does not hold: {0} findings, the first in row {1}; see `verify`")]
    Damaged(usize, u64),
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The file's size.
    pub bytes: u64,
    /// Rows of the journal in it.
    pub rows: u64,
    /// As of when, seconds since 1970, where the backup says so.
    pub second: Option<i64>,
}

impl DataFolder {
    /// Copies the store as it is at this moment into a new file; the hub goes on serving.
    ///
    /// # Errors
    /// Where the file is there already or cannot be written.
    pub fn back_up(&self, hub: &Hub, out: &Path, second: i64) -> Result<Copied, KeepError> {
        if out.exists() {
            return Err(KeepError::Exists(out.to_owned()));
        }
        let aside = beside(out, PART);
        remove(&aside)?;
        hub.store.copy_to(&aside)?;
        let copy = Store::open(&aside)?;
        copy.set_meta_number(BACKED_UP, second.cast_unsigned())?;
        let rows = copy.journal_position()?;
        copy.close()?;
        settle(&aside, out)?;
        Ok(Copied { bytes: size(out)?, rows, second: Some(second) })
    }

    /// Brings a backup back into a folder that has keys and no store. Cut short anywhere, it can be done again.
    ///
    /// # Errors
    /// Where there is a store already, or what an old one left behind, which SQLite would play over the backup; or the
    /// backup is not one of this hub's keys, or does not hold.
    pub fn restore(&self, authority: &Authority, from: &Path) -> Result<Copied, KeepError> {
        let store = self.store_file();
        if let Some(old) = OF_A_STORE.iter().map(|suffix| beside(&store, suffix)).find(|path| path.exists()) {
            return Err(KeepError::Exists(old));
        }
        let aside = beside(&store, PART);
        let (rows, second) = bring_back(authority, from, &aside).inspect_err(|_| {
            // Why it cannot be restored is the error to tell.
            let _ = remove(&aside);
        })?;
        settle(&aside, &store)?;
        Ok(Copied { bytes: size(&store)?, rows, second })
    }
}

/// A backup as the store of a new life, not yet under its name: its rows and as of when it is.
fn bring_back(authority: &Authority, from: &Path, aside: &Path) -> Result<(u64, Option<i64>), KeepError> {
    remove(aside)?;
    fs::copy(from, aside).map_err(file("copy", from))?;
    let store = Store::open(aside)?;
    if store.meta(LIFE)?.is_none() || !store.is_sound()? {
        return Err(KeepError::NoBackup(from.to_owned()));
    }
    let mut hub = Hub::open(store, authority.master(), Box::new(rand::random))?;
    let verified = hub.verify()?;
    if let Some(first) = verified.findings.first() {
        return Err(KeepError::Damaged(verified.findings.len(), first.row));
    }
    hub.begin_new_life()?;
    let second = hub.store.meta_number(BACKED_UP)?;
    if let Some(second) = second {
        hub.store.set_meta_number(RESTORED, second)?;
    }
    hub.into_store().close()?;
    Ok((verified.rows, second.map(u64::cast_signed)))
}

impl Hub {
    /// Whether this hub was brought back from before a certificate was issued, so that it may not know it. `issued`
    /// is the day that the certificate names.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn may_have_forgotten(&self, fingerprint: &[u8; 32], issued: i64) -> Result<bool, HubError> {
        let restored = self.store.meta_number(RESTORED)?;
        let since = restored.is_some_and(|second| issued.saturating_add(DAY_S) > second.cast_signed());
        Ok(since && !self.store.knows_certificate(fingerprint)?)
    }
}

/// Another file whose name goes on behind this one's.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn file(deed: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_owned();
    move |cause| KeepError::File { deed, path, cause }
}

/// What a copy that was cut short left behind.
fn remove(path: &Path) -> Result<(), KeepError> {
    for suffix in OF_A_STORE {
        match fs::remove_file(beside(path, suffix)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(file("remove", path)(cause)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// On the disk under its own name, whole or not at all.
fn settle(aside: &Path, path: &Path) -> Result<(), KeepError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(aside, fs::Permissions::from_mode(0o600)).map_err(file("close to others", aside))?;
    File::open(aside).and_then(|it| it.sync_all()).map_err(file("sync", aside))?;
    fs::rename(aside, path).map_err(file("name", path))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|it| it.sync_all()).map_err(file("sync", folder))
}

fn size(path: &Path) -> Result<u64, KeepError> {
    fs::metadata(path).map(|it| it.len()).map_err(file("look at", path))
}
