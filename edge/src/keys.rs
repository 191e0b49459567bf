//! What an edge keeps outside its database: the key file, the certificate, the incarnation's stamp
//! (docs/architecture.md).
//!
//! The key file is 0600 and lies on the same disk unless the operator moves it: a stolen disk with
//! it tells one site's own people, without it nothing. It may be under a passphrase or come from
//! systemd (docs/at-rest.md).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use shared::ids::Incarnation;
use shared::seal::Secret;
use shared::seal::passphrase::PassphraseError;
use shared::sync::edge::LogPos;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

mod protection;
mod ring;
mod source;
mod vault;

pub use protection::{Mark, protect, save, unprotect};
pub(crate) use ring::KeyRing;
pub(crate) use source::passphrase_fault;
pub use source::{KeySource, read_passphrase};
pub(crate) use vault::Vault;

/// The site's secret, its number and the TLS key.
const KEY_FILE: &str = "keys";
/// What stands on a key file under a passphrase.
const SEALED_WHAT: &str = "edge keys";
/// The hub's certificate for this site.
const CERTIFICATE_FILE: &str = "certificate.der";
/// The hub's own.
const CA_FILE: &str = "ca.der";
/// Never in a backup: a copy of the data folder without it is another life.
const STAMP_FILE: &str = "incarnation";
/// How far the log has given away what was lent; beside the stamp, and like it in no backup.
const SPENT_FILE: &str = "spent";

/// A file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not readable.
    #[error("read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Not writable.
    #[error("write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Not what we write there.
    #[error("{path} is not a key file of ours: {why}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Others may read it.
    #[error("{path} is readable by others (mode {mode:o}): chmod 600 it, and think about who has read it")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Under a passphrase, and none was given.
    #[error("{path} is under a passphrase")]
    Protected {
        /// Which file.
        path: PathBuf,
    },
    /// The passphrase is none, or does not open it.
    #[error("open {path}")]
    Passphrase {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: PassphraseError,
    },
    /// systemd was to give the keys.
    #[error("CREDENTIALS_DIRECTORY is not set")]
    NoCredentials,
    /// Only systemd writes its credentials.
    #[error("{path} is one of systemd's credentials")]
    ReadOnly {
        /// Which file.
        path: PathBuf,
    },
}

/// Everything secret that an edge has.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The site's secret: sealing and look-up keys come from it.
    pub secret: Secret,
    /// Which of the site's secrets it is; counts renewals from 1.
    pub number: u8,
    /// The TLS private key (PKCS #8, DER).
    pub tls_key: Secrets,
}

/// Secret bytes of any length that are never printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secrets(pub Vec<u8>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct KeyFile {
    key_number: u8,
    site_secret: String,
    tls_key: String,
}

impl Keys {
    /// Writes the key file of a data folder in clear, whole or not at all.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), KeyError> {
        let path = folder.join(KEY_FILE);
        write_secret(&path, self.text(&path)?.as_bytes())
    }

    /// Reads the key file of a data folder where it is in clear ([`KeySource`] knows the other ways).
    ///
    /// # Errors
    /// Where the file is missing, open to others, under a passphrase or not one of ours.
    pub fn load(folder: &Path) -> Result<Self, KeyError> {
        KeySource::folder(folder).load()
    }

    fn text(&self, path: &Path) -> Result<Zeroizing<String>, KeyError> {
        let file = KeyFile {
            key_number: self.number,
            site_secret: BASE64.encode(self.secret.bytes()),
            tls_key: BASE64.encode(&self.tls_key.0),
        };
        toml::to_string(&file).map(Zeroizing::new).map_err(|cause| content(path, cause))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, KeyError> {
        // toml's own words would show the line.
        let file: KeyFile = toml::from_str(text).map_err(|cause| content(path, cause.message()))?;
        let secret = Zeroizing::new(BASE64.decode(file.site_secret.as_bytes()).map_err(|cause| content(path, cause))?);
        let secret = secret.as_slice().try_into().map_err(|_| content(path, "a site secret is 32 bytes"))?;
        let tls_key = BASE64.decode(file.tls_key.as_bytes()).map_err(|cause| content(path, cause))?;
        Ok(Self { secret: Secret::new(secret), number: file.key_number, tls_key: Secrets(tls_key) })
    }

    /// Whether a data folder has a key file.
    #[must_use]
    pub fn exist(folder: &Path) -> bool {
        folder.join(KEY_FILE).exists()
    }
}

/// What the hub gave at enrolment; nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// This site's certificate (DER).
    pub site: Vec<u8>,
    /// The hub's CA (DER).
    pub ca: Vec<u8>,
}

impl Certificates {
    /// Writes both into a data folder.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), KeyError> {
        write_secret(&folder.join(CA_FILE), &self.ca)?;
        write_secret(&folder.join(CERTIFICATE_FILE), &self.site)
    }

    /// Reads both; `None` where the site is not enrolled.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn load(folder: &Path) -> Result<Option<Self>, KeyError> {
        let both = (read_if_there(&folder.join(CERTIFICATE_FILE))?, read_if_there(&folder.join(CA_FILE))?);
        Ok(match both {
            (Some(site), Some(ca)) => Some(Self { site, ca }),
            (None, _) | (_, None) => None,
        })
    }
}

/// What a store says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its life.
    pub life: Incarnation,
    /// The length of its log.
    pub len: LogPos,
}

/// Which life of the store this is: the stamp where it equals the store's own copy and the store holds all that was
/// given away under it, else a new one, written before anything is done under it. A restored backup and a copied folder
/// are new lives.
///
/// # Errors
/// Where the stamp cannot be read or written.
pub fn incarnation(folder: &Path, stored: Option<Stored>, dice: [u8; 16]) -> Result<Incarnation, KeyError> {
    let path = folder.join(STAMP_FILE);
    let stamp = read_if_there(&path)?.and_then(|bytes| stamp(&bytes));
    if let (Some(stamp), Some(stored)) = (stamp, stored)
        && stamp == stored.life
        && !spent(folder)?.is_some_and(|spent| spent.life == stored.life && spent.len > stored.len)
    {
        return Ok(stamp);
    }
    let new = Incarnation(dice);
    stamp_anew(folder, new)?;
    Ok(new)
}

/// Writes the stamp of a life that begins.
///
/// # Errors
/// Where it cannot be written.
pub fn stamp_anew(folder: &Path, life: Incarnation) -> Result<(), KeyError> {
    write_secret(&folder.join(STAMP_FILE), format!("{life}\n").as_bytes())
}

/// Notes that the entry at this place gives away what was lent; on the disk before the entry is. A store that lacks it
/// later is an old image of itself, and must not give the same away again.
///
/// # Errors
/// Where it cannot be written.
pub fn mark_spent(folder: &Path, life: Incarnation, pos: LogPos) -> Result<(), KeyError> {
    write_secret(&folder.join(SPENT_FILE), format!("{life} {pos}\n").as_bytes())
}

fn spent(folder: &Path) -> Result<Option<Stored>, KeyError> {
    let Some(bytes) = read_if_there(&folder.join(SPENT_FILE))? else { return Ok(None) };
    let read = || {
        let (life, pos) = std::str::from_utf8(&bytes).ok()?.trim().split_once(' ')?;
        Some(Stored { life: stamp(life.as_bytes())?, len: pos.parse().ok()? })
    };
    Ok(read())
}

fn stamp(bytes: &[u8]) -> Option<Incarnation> {
    let decoded = HEXLOWER.decode(bytes.trim_ascii()).ok()?;
    decoded.try_into().ok().map(Incarnation)
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, KeyError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(KeyError::Read { path: path.to_owned(), cause }),
    }
}

/// Whole or not at all, on the disk when it returns, for the owner only.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let failed = |cause| KeyError::Write { path: path.to_owned(), cause };
    let aside = path.with_extension("new");
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn content(path: &Path, why: impl ToString) -> KeyError {
    KeyError::Content { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn keys() -> Keys {
        Keys { secret: Secret::new([7; 32]), number: 1, tls_key: Secrets(vec![1, 2, 3]) }
    }

    #[test]
    fn the_key_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!Keys::exist(folder.path()));
        keys().save(folder.path()).unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let back = Keys::load(folder.path()).unwrap();
        assert_eq!((back.secret, back.number, back.tls_key), (keys().secret, 1, Secrets(vec![1, 2, 3])));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::load(folder.path()), Err(KeyError::Open { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "key_number = 1\nsite_secret = \"AAAA\"\ntls_key = \"\"\n").unwrap();
        assert!(matches!(Keys::load(folder.path()), Err(KeyError::Content { .. })));
        assert!(!format!("{:?}", keys()).contains('7'), "secrets are not printed");
    }

    #[test]
    fn certificates_are_both_there_or_the_site_is_not_enrolled() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Certificates::load(folder.path()).unwrap(), None);
        let both = Certificates { site: vec![1], ca: vec![2] };
        both.save(folder.path()).unwrap();
        assert_eq!(Certificates::load(folder.path()).unwrap(), Some(both));
    }

    #[test]
    fn a_stamp_that_is_missing_or_another_makes_a_new_life() {
        let folder = tempfile::tempdir().unwrap();
        let first = incarnation(folder.path(), None, [1; 16]).unwrap();
        let stored = |life| Some(Stored { life, len: 5 });
        assert_eq!(incarnation(folder.path(), stored(first), [2; 16]).unwrap(), first, "the same life goes on");
        let restored = incarnation(folder.path(), stored(Incarnation([9; 16])), [3; 16]).unwrap();
        assert_eq!(restored, Incarnation([3; 16]), "the database is a backup of another life");
        fs::remove_file(folder.path().join(STAMP_FILE)).unwrap();
        assert_eq!(incarnation(folder.path(), stored(restored), [4; 16]).unwrap(), Incarnation([4; 16]), "a copy");
        fs::write(folder.path().join(STAMP_FILE), "no stamp").unwrap();
        assert_eq!(incarnation(folder.path(), stored(restored), [5; 16]).unwrap(), Incarnation([5; 16]));
    }

    #[test]
    fn a_store_that_lacks_what_it_gave_away_is_a_new_life() {
        let folder = tempfile::tempdir().unwrap();
        let life = incarnation(folder.path(), None, [1; 16]).unwrap();
        let next = |len| incarnation(folder.path(), Some(Stored { life, len }), [2; 16]).unwrap();
        mark_spent(folder.path(), life, 6).unwrap();
        assert_eq!(next(6), life, "all of it is there");
        mark_spent(folder.path(), Incarnation([9; 16]), 60).unwrap();
        assert_eq!(next(6), life, "another life's");
        mark_spent(folder.path(), life, 7).unwrap();
        assert_eq!(next(6), Incarnation([2; 16]), "an old image, under its own stamp");
    }
}
