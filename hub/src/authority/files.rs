//! The authority's files in the data folder: written once, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use data_encoding::HEXLOWER;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use shared::seal::Secret;

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

/// There while the files are being written: what lies beside it was never used and is made again.
const UNFINISHED: &str = "init.unfinished";

const ALL: [&str; 5] = [CA_KEY, CA_CERTIFICATE, SERVER_KEY, SERVER_CERTIFICATE, MASTER_KEY];
const OWNER_ONLY: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;

fn failed(deed: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> AuthorityError {
    let path = path.display().to_string();
    move |cause| AuthorityError::File { deed, path, cause }
}

/// Makes the folder where it is not there, finds no file of ours in it, and marks it as unfinished. What an `init`
/// that was cut short has left behind is cleared away.
pub(super) fn begin(folder: &Path) -> Result<(), AuthorityError> {
    let made = fs::DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(folder);
    made.map_err(failed("make the folder", folder))?;
    let is_unfinished = is_unfinished(folder);
    match ALL.iter().map(|name| folder.join(name)).find(|path| path.exists()) {
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

fn read(folder: &Path, name: &str) -> Result<(String, String), AuthorityError> {
    let path = folder.join(name);
    let shown = path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => Ok((shown, text)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Err(AuthorityError::Missing(shown)),
        Err(cause) => Err(failed("read", &path)(cause)),
    }
}

pub(super) fn certificate(folder: &Path, name: &str) -> Result<CertificateDer<'static>, AuthorityError> {
    let (path, text) = read(folder, name)?;
    CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| AuthorityError::Content(path))
}

pub(super) fn key_pair(folder: &Path, name: &str) -> Result<KeyPair, AuthorityError> {
    let (path, text) = read(folder, name)?;
    KeyPair::from_pem(&text).map_err(|_| AuthorityError::Content(path))
}

pub(super) fn secret(folder: &Path, name: &str) -> Result<Secret, AuthorityError> {
    let (path, text) = read(folder, name)?;
    let bytes = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Secret::new).ok_or(AuthorityError::Content(path))
}

pub(super) fn secret_text(secret: &Secret) -> String {
    format!("{}\n", HEXLOWER.encode(secret.bytes()))
}
