//! A data folder as one small file, and back; and certificates that are valid today for keys of long ago.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use edge::config::Folder;
use edge::keys::Certificates;
use edge::open;
use hub::authority::Authority;
use rusqlite::Connection;

const LEVEL: i32 = 19;
const OWNER_ONLY: u32 = 0o600;
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files that say who has the folder open.
const PASSING: [&str; 2] = ["lock", "serve.addr"];
/// A hub's files that a certificate comes from; the key under which it tags people is not among them.
const AUTHORITY: [&str; 4] = ["ca.key", "ca.crt", "server.key", "server.crt"];

/// Packs a folder of files that no process has open.
///
/// # Errors
/// Where the disk refuses.
pub fn pack(folder: &Path, into: &Path) -> Result<()> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a file's name")?.to_owned();
        if !PASSING.contains(&name.as_str()) {
            files.insert(name, HEXLOWER.encode(&fs::read(&path)?));
        }
    }
    fs::write(into, zstd::bulk::compress(&serde_json::to_vec(&files)?, LEVEL)?)?;
    Ok(())
}

/// Unpacks one.
///
/// # Errors
/// Where it is none, or the disk refuses.
pub fn unpack(packed: &Path, folder: &Path) -> Result<()> {
    let bytes = fs::read(packed).with_context(|| format!("read {}", packed.display()))?;
    let files: BTreeMap<String, String> = serde_json::from_slice(&zstd::bulk::decompress(&bytes, BYTES_MAX)?)?;
    fs::create_dir_all(folder)?;
    for (name, hex) in files {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(folder.join(name))?;
        file.write_all(&HEXLOWER.decode(hex.as_bytes())?)?;
    }
    Ok(())
}

/// Certificates run out, recordings do not: a new authority for the hub.
///
/// # Errors
/// Where the folder is none of ours.
pub fn renew_hub(hub: &Path) -> Result<Authority> {
    Authority::open(hub).context("this version reads the authority of that one")?;
    let fresh = tempfile::tempdir()?;
    Authority::init(fresh.path(), &[])?;
    for name in AUTHORITY {
        fs::copy(fresh.path().join(name), hub.join(name))?;
    }
    Ok(Authority::open(hub)?)
}

/// The same, and a certificate of it over the edge's own key, which the register then holds in place of the old one.
///
/// # Errors
/// Where a folder is none of ours.
pub fn renew(hub: &Path, edge: &Path) -> Result<Authority> {
    let authority = renew_hub(hub)?;
    let folder = Folder::new(edge);
    let (site, keys) = (folder.site()?, open::load_keys(&folder)?);
    let certificate = authority.certify(&site.code, &open::signing_request(&site, &keys)?)?;
    let register = Connection::open(hub.join("hub.db"))?;
    let changed = register.execute(
        "UPDATE certificate SET fingerprint = ?2, serial = ?3, expires = ?4 WHERE site = ?1",
        (site.code.as_str(), certificate.fingerprint, certificate.serial, certificate.expires),
    )?;
    ensure!(changed == 1, "{changed} certificates of {} in the register", site.code);
    Certificates { site: certificate.der, ca: authority.ca().to_vec() }.save(edge)?;
    Ok(authority)
}

/// Where the edge finds its hub from now on.
///
/// # Errors
/// Where the folder is none of ours.
pub fn point(edge: &Path, port: u16) -> Result<()> {
    let folder = Folder::new(edge);
    let mut site = folder.site()?;
    site.hub = Some(format!("127.0.0.1:{port}"));
    Ok(folder.save(&site)?)
}
