//! Where the hub's secrets lie and what opens them: the data folder or systemd's credentials, in
//! clear for their owner only or under a passphrase (docs/at-rest.md).

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use shared::seal::passphrase::{self, Cost, Label, PASSPHRASE_BYTES_MAX, Passphrase};
use zeroize::Zeroizing;

use super::AuthorityError;
use super::bundle::Bundle;
use super::files::{self, SEALED};

/// What stands on the file of keys under a passphrase.
const SEALED_WHAT: &str = "hub keys";
/// systemd says here where it put a unit's credentials.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// Mode bits of everybody but owner and group.
const EVERYBODY: u32 = 0o007;

/// Where the hub's secrets are and what opens them.
#[derive(Debug, Clone)]
pub struct KeySource {
    folder: PathBuf,
    /// Where they lie otherwise than in the folder.
    credentials: Option<PathBuf>,
    passphrase: Option<Passphrase>,
}

impl KeySource {
    /// In the data folder.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), credentials: None, passphrase: None }
    }

    /// Among the credentials that systemd gave this process; the certificates stay in the folder.
    ///
    /// # Errors
    /// Where it gave none.
    pub fn credentials(folder: &Path) -> Result<Self, AuthorityError> {
        let place = std::env::var_os(CREDENTIALS_VARIABLE).ok_or(AuthorityError::NoCredentials)?;
        Ok(Self { credentials: Some(place.into()), ..Self::folder(folder) })
    }

    /// Opened by this passphrase, where they are under one; written under it.
    #[must_use]
    pub fn opened_by(self, passphrase: Option<Passphrase>) -> Self {
        Self { passphrase, ..self }
    }

    /// The passphrase, where one was given.
    #[must_use]
    pub fn passphrase(&self) -> Option<&Passphrase> {
        self.passphrase.as_ref()
    }

    /// Whether there are keys.
    #[must_use]
    pub fn exists(&self) -> bool {
        files::any(self.secrets()).is_some()
    }

    /// Puts the secrets under `passphrase`, whatever they were under before; what lay in clear is overwritten.
    ///
    /// # Errors
    /// Where they cannot be read, opened or written; then nothing was changed.
    pub fn protect(&self, passphrase: &Passphrase) -> Result<(), AuthorityError> {
        let folder = self.writable()?;
        let bundle = self.bundle()?;
        let text = seal(&bundle, SEALED_WHAT, passphrase)?;
        files::replace(folder, SEALED, text.as_bytes())?;
        // From here on the sealed file counts; cut short, the same command clears the rest away.
        bundle.secrets().iter().try_for_each(|(name, _)| files::wipe(folder, name))
    }

    /// Takes the secrets out from under their passphrase.
    ///
    /// # Errors
    /// Where they cannot be read, opened or written; then nothing was changed.
    pub fn unprotect(&self) -> Result<(), AuthorityError> {
        let folder = self.writable()?;
        let bundle = self.bundle()?;
        for (name, text) in bundle.secrets() {
            files::replace(folder, name, text.as_bytes())?;
        }
        // Up to here the sealed file counts; cut short, the same command writes the others again. It is not
        // overwritten first: half of it would count, too.
        files::remove(folder, SEALED)
    }

    /// Writes new keys into a folder that was begun.
    pub(super) fn lay(&self, bundle: &Bundle) -> Result<(), AuthorityError> {
        let folder = self.writable()?;
        for (name, text) in bundle.certificates() {
            files::write(folder, name, text.as_bytes())?;
        }
        match &self.passphrase {
            Some(passphrase) => files::write(folder, SEALED, seal(bundle, SEALED_WHAT, passphrase)?.as_bytes()),
            None => bundle.secrets().iter().try_for_each(|(name, text)| files::write(folder, name, text.as_bytes())),
        }
    }

    /// All five texts. Where there is a sealed file it counts, and not what was left beside it.
    pub(super) fn bundle(&self) -> Result<Bundle, AuthorityError> {
        let path = self.secrets().join(SEALED);
        if !path.exists() {
            return Bundle::read(self.secrets(), &self.folder);
        }
        let name = path.display().to_string();
        let passphrase = self.passphrase.as_ref().ok_or_else(|| AuthorityError::Protected(name.clone()))?;
        open(&name, &files::read(self.secrets(), SEALED)?, SEALED_WHAT, passphrase)
    }

    /// The data folder, where its secrets may be written.
    pub(super) fn writable(&self) -> Result<&Path, AuthorityError> {
        match &self.credentials {
            None => Ok(&self.folder),
            Some(place) => Err(AuthorityError::ReadOnly(place.display().to_string())),
        }
    }

    pub(super) fn data_folder(&self) -> &Path {
        &self.folder
    }

    fn secrets(&self) -> &Path {
        self.credentials.as_deref().unwrap_or(&self.folder)
    }
}

/// Sealed, and opened again before anybody relies on it.
pub(super) fn seal(bundle: &Bundle, what: &str, passphrase: &Passphrase) -> Result<String, AuthorityError> {
    let failed = |cause| AuthorityError::Passphrase { name: what.to_owned(), cause };
    let of = bundle.mark()?;
    let label = Label { what, of: &of, salt: rand::random(), cost: Cost::STANDARD };
    let text = passphrase::seal(bundle.text()?.as_bytes(), passphrase, &label).map_err(failed)?;
    if open(what, &text, what, passphrase)? == *bundle {
        Ok(text)
    } else {
        Err(AuthorityError::Content(what.to_owned()))
    }
}

/// What [`seal`] made.
pub(super) fn open(name: &str, text: &str, what: &str, by: &Passphrase) -> Result<Bundle, AuthorityError> {
    let plain = passphrase::open(text, what, by)
        .map_err(|cause| AuthorityError::Passphrase { name: name.to_owned(), cause })?;
    Bundle::parse(name, &plain)
}

/// The passphrase in a file (`/dev/fd/N` is one, too), else in a variable of the environment, else none.
///
/// # Errors
/// Where the file cannot be read, is open to everybody, or holds no passphrase.
pub fn read_passphrase(file: Option<&Path>, variable: &str) -> Result<Option<Passphrase>, AuthorityError> {
    let parse =
        |name: String, line: &[u8]| Passphrase::parse(line).map_err(|cause| AuthorityError::Passphrase { name, cause });
    let Some(path) = file else {
        let said = std::env::var_os(variable).filter(|said| !said.is_empty());
        return said.map(|said| parse(variable.to_owned(), said.as_bytes())).transpose();
    };
    let shown = path.display().to_string();
    let mode = fs::metadata(path).map_err(files::failed("read", path))?.permissions().mode();
    if mode & EVERYBODY != 0 {
        return Err(AuthorityError::Open(shown));
    }
    let mut line = Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX + 3));
    let most = u64::try_from(PASSPHRASE_BYTES_MAX + 3).unwrap_or(u64::MAX);
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut line));
    read.map_err(files::failed("read", path))?;
    parse(shown, &line).map(Some)
}
