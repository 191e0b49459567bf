//! Where the key file lies and what opens it: the data folder or systemd's credentials, in clear for
//! its owner only or under a passphrase (docs/at-rest.md).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use shared::seal::passphrase::{self, PASSPHRASE_BYTES_MAX, Passphrase, PassphraseError};
use zeroize::Zeroizing;

use super::{KEY_FILE, KeyError, Keys, SEALED_WHAT};
use crate::fault::Fault;

/// Holds the passphrase where no file is named.
const PASSPHRASE_VARIABLE: &str = "ATOLL_EDGE_PASSPHRASE";
/// systemd says here where it put a unit's credentials.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// Mode bits of everybody but owner and group. systemd shows its access list in the group's.
const EVERYBODY: u32 = 0o007;
const OTHERS: u32 = 0o077;

/// Where the key file is and what opens it.
#[derive(Debug, Clone)]
pub struct KeySource {
    place: PathBuf,
    in_folder: bool,
    passphrase: Option<Passphrase>,
}

impl KeySource {
    /// In the data folder.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self { place: folder.to_path_buf(), in_folder: true, passphrase: None }
    }

    /// Among the credentials that systemd gave this process.
    ///
    /// # Errors
    /// Where it gave none.
    pub fn credentials() -> Result<Self, KeyError> {
        let place = std::env::var_os(CREDENTIALS_VARIABLE).ok_or(KeyError::NoCredentials)?;
        Ok(Self { place: place.into(), in_folder: false, passphrase: None })
    }

    /// Opened by this passphrase, where it is under one; written under it.
    #[must_use]
    pub fn opened_by(self, passphrase: Option<Passphrase>) -> Self {
        Self { passphrase, ..self }
    }

    /// The key file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.place.join(KEY_FILE)
    }

    /// Its passphrase, where one was given.
    #[must_use]
    pub fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// Whether there is a key file.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path().exists()
    }

    /// Whether the key file is under a passphrase.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn is_protected(&self) -> Result<bool, KeyError> {
        Ok(passphrase::is_sealed(&self.text()?))
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// Where it is missing, open to others, not one of ours, or the passphrase does not open it.
    pub fn load(&self) -> Result<Keys, KeyError> {
        let (path, text) = (self.path(), self.text()?);
        if !passphrase::is_sealed(&text) {
            return Keys::parse(&path, &text);
        }
        let passphrase = self.passphrase.as_ref().ok_or_else(|| KeyError::Protected { path: path.clone() })?;
        let plain = passphrase::open(&text, SEALED_WHAT, passphrase)
            .map_err(|cause| KeyError::Passphrase { path: path.clone(), cause })?;
        let plain = std::str::from_utf8(&plain).map_err(|cause| super::content(&path, cause))?;
        Keys::parse(&path, plain)
    }

    /// Where the key file may be written.
    ///
    /// # Errors
    /// Where systemd alone writes it.
    pub(super) fn writable(&self) -> Result<PathBuf, KeyError> {
        if self.in_folder { Ok(self.path()) } else { Err(KeyError::ReadOnly { path: self.path() }) }
    }

    fn text(&self) -> Result<Zeroizing<String>, KeyError> {
        let path = self.path();
        check_mode(&path, if self.in_folder { OTHERS } else { EVERYBODY })?;
        let text = fs::read_to_string(&path).map_err(|cause| KeyError::Read { path, cause })?;
        Ok(Zeroizing::new(text))
    }
}

fn check_mode(path: &Path, forbidden: u32) -> Result<(), KeyError> {
    let read = |cause| KeyError::Read { path: path.to_owned(), cause };
    let mode = fs::metadata(path).map_err(read)?.permissions().mode() & 0o777;
    if mode & forbidden == 0 { Ok(()) } else { Err(KeyError::Open { path: path.to_owned(), mode }) }
}

/// The passphrase in a file (`/dev/fd/N` is one, too), else in the environment, else none.
///
/// # Errors
/// Where the file cannot be read, is open to everybody, or holds no passphrase.
pub fn read_passphrase(file: Option<&Path>) -> Result<Option<Passphrase>, KeyError> {
    let Some(path) = file else {
        let said = std::env::var_os(PASSPHRASE_VARIABLE).filter(|said| !said.is_empty());
        return said.map(|said| parse(OsStr::new(PASSPHRASE_VARIABLE).as_ref(), said.as_bytes())).transpose();
    };
    let read = |cause| KeyError::Read { path: path.to_owned(), cause };
    check_mode(path, EVERYBODY)?;
    let mut line = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX + 3));
    let most = u64::try_from(PASSPHRASE_BYTES_MAX + 3).unwrap_or(u64::MAX);
    File::open(path).map_err(read)?.take(most).read_to_end(&mut line).map_err(read)?;
    parse(path, &line).map(Some)
}

fn parse(path: &Path, line: &[u8]) -> Result<Passphrase, KeyError> {
    Passphrase::parse(line).map_err(|cause| KeyError::Passphrase { path: path.to_owned(), cause })
}

/// What a passphrase has to do with, in words of its own; `None` for all other faults of the files.
pub(crate) fn passphrase_fault(cause: &KeyError) -> Option<Fault> {
    let (code, zh, en) = match cause {
        KeyError::Protected { .. } => (
            "passphrase-needed",
            "本站金鑰檔受密語保護；請以 --passphrase-file 或環境變數 ATOLL_EDGE_PASSPHRASE 提供密語",
            "this site's key file is under a passphrase: give it with --passphrase-file or in ATOLL_EDGE_PASSPHRASE",
        ),
        KeyError::Passphrase { cause: PassphraseError::Wrong, .. } => (
            "passphrase-wrong",
            "密語不符，或金鑰檔已被更改；未作任何變更，請再輸入一次",
            "the passphrase is wrong, or the key file was changed; nothing was changed: try again",
        ),
        KeyError::Passphrase { cause: PassphraseError::Length, .. } => (
            "passphrase-length",
            "密語長度須為 12 至 1024 位元組；未作任何變更",
            "a passphrase has 12 to 1024 bytes; nothing was changed",
        ),
        KeyError::NoCredentials => (
            "credentials",
            "systemd 未提供憑據（CREDENTIALS_DIRECTORY）；請檢查服務單元的 LoadCredential",
            "systemd gave no credentials (CREDENTIALS_DIRECTORY is not set): look at LoadCredential in the unit",
        ),
        KeyError::ReadOnly { .. } => (
            "credentials-read-only",
            "金鑰由 systemd 憑據提供，無法在此變更；請以 systemd-creds 處理",
            "the keys come from systemd's credentials and cannot be changed here: use systemd-creds",
        ),
        KeyError::Passphrase { .. }
        | KeyError::Read { .. }
        | KeyError::Write { .. }
        | KeyError::Content { .. }
        | KeyError::Open { .. } => return None,
    };
    Some(Fault::new(code, zh, en))
}
