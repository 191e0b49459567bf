//! The data folder of one site: what lies where, whose it is, and who holds it now.
//!
//! Everything is parsed and judged here without binding a port. The lock is the operating
//! system's, so a killed process never leaves it behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared::ids::SiteCode;

use crate::fault::Fault;
use crate::keys::KeySource;

/// Longest name of a site, in characters.
pub const NAME_CHARS_MAX: usize = 60;
/// Longest address of a hub, in bytes.
const HUB_BYTES_MAX: usize = 260;

/// The data folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    keys: KeySource,
}

/// Whose folder it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// 醫事機構代碼.
    pub code: SiteCode,
    /// 院所簡稱.
    pub name: String,
    /// The hub's address, host and port, once enrolled.
    pub hub: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteFile {
    site: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hub: Option<String>,
}

/// Held while a process has the folder's ledger open.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Folder {
    /// The folder at this path; nothing is touched yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { keys: KeySource::folder(&root), root }
    }

    /// The same folder with its keys elsewhere, or under a passphrase.
    #[must_use]
    pub fn with_keys(self, keys: KeySource) -> Self {
        Self { keys, ..self }
    }

    /// Where its keys are.
    #[must_use]
    pub fn keys(&self) -> &KeySource {
        &self.keys
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Code, name and hub.
    #[must_use]
    pub fn site_file(&self) -> PathBuf {
        self.root.join("site.toml")
    }

    /// The ledger's database.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    /// The edge's certificate (DER).
    #[must_use]
    pub fn certificate_file(&self) -> PathBuf {
        self.root.join("certificate.der")
    }

    /// The hub's CA (DER).
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.root.join("ca.der")
    }

    /// While it exists the uplink neither dials nor holds a line (`line cut`, `line heal`).
    #[must_use]
    pub fn line_cut_file(&self) -> PathBuf {
        self.root.join("line-cut")
    }

    /// Where a running `serve` listens.
    #[must_use]
    pub fn address_file(&self) -> PathBuf {
        self.root.join("serve.addr")
    }

    /// Where a running `serve` has its second door, for the counters of the shop's network.
    #[must_use]
    pub fn lan_address_file(&self) -> PathBuf {
        self.root.join("serve.lan")
    }

    /// Certificate and key of that door (PEM).
    #[must_use]
    pub fn lan_certificate_file(&self) -> PathBuf {
        self.root.join("lan.pem")
    }

    /// Which browsers may come in there.
    #[must_use]
    pub fn counters_file(&self) -> PathBuf {
        self.root.join("counters.toml")
    }

    /// Makes the folder and writes whose it is.
    ///
    /// # Errors
    /// Where the folder is somebody's already, or cannot be written.
    pub fn init(&self, code: SiteCode, name: &str) -> Result<Site, Fault> {
        let name = checked_name(name)?;
        if self.site_file().exists() {
            let old = self.site()?;
            return Err(Fault::new(
                "initialised",
                format!("此資料夾已屬於 {} {}，未作任何變更；請改用其他資料夾", old.code, old.name),
                format!(
                    "this folder belongs to {} {} already; nothing was changed: choose another folder",
                    old.code, old.name
                ),
            ));
        }
        private_folder(&self.root).map_err(|cause| self.cannot("建立", "make", cause))?;
        let site = Site { code, name, hub: None };
        self.save(&site)?;
        Ok(site)
    }

    /// Whose it is.
    ///
    /// # Errors
    /// Where the folder was never initialised or its file is damaged.
    pub fn site(&self) -> Result<Site, Fault> {
        let text = match std::fs::read_to_string(self.site_file()) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Err(Fault::new(
                    "not-initialised",
                    format!("{} 尚未設定；請先執行 atoll-edge --data … init --site 機構代碼", self.root.display()),
                    format!(
                        "{} has not been set up: run atoll-edge --data … init --site CODE first",
                        self.root.display()
                    ),
                ));
            }
            Err(cause) => return Err(self.cannot("讀取", "read", cause)),
        };
        let damaged = |cause: String| {
            Fault::new(
                "site-file",
                format!("{} 內容不正確，請修正", self.site_file().display()),
                format!("{} cannot be understood: mend it", self.site_file().display()),
            )
            .because(cause)
        };
        let file: SiteFile = toml::from_str(&text).map_err(|cause| damaged(cause.to_string()))?;
        let code = file.site.parse().map_err(|cause: shared::ids::BadId| damaged(cause.to_string()))?;
        Ok(Site { code, name: checked_name(&file.name)?, hub: file.hub })
    }

    /// Writes whose it is.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn save(&self, site: &Site) -> Result<(), Fault> {
        let file = SiteFile { site: site.code.to_string(), name: site.name.clone(), hub: site.hub.clone() };
        let text = toml::to_string(&file).map_err(|cause| self.cannot("寫入", "write", cause))?;
        self.write(&self.site_file(), text.as_bytes())
    }

    /// Replaces a file of the folder: the old one or the new one, never half of one, for its owner only.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        let fresh = path.with_extension("new");
        let written = private_file(&fresh)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&fresh, path))
            .and_then(|()| File::open(&self.root)?.sync_all());
        written.map_err(|cause| self.cannot("寫入", "write", cause))
    }

    /// Takes the folder for this process; `None` where another has it.
    ///
    /// # Errors
    /// Where the lock file cannot be made.
    pub fn try_lock(&self) -> Result<Option<Lock>, Fault> {
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(self.root.join("lock"));
        let file = opened.map_err(|cause| self.cannot("鎖定", "lock", cause))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(self.cannot("鎖定", "lock", cause)),
        }
    }

    /// Where the running `serve` says that it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        std::fs::read_to_string(self.address_file()).ok()?.trim().parse().ok()
    }

    /// What a shell shows to the running `serve`, to act for the folder's owner; nobody else reads the folder.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.root.join("serve.token")
    }

    /// That, where a `serve` runs.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        std::fs::read_to_string(self.token_file()).ok()
    }

    /// A fault of the folder, as people need it.
    fn cannot(&self, zh: &str, en: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
        let root = self.root.display();
        Fault::new(
            "folder",
            format!("無法{zh}資料夾 {root}；請確認磁碟空間與權限"),
            format!("cannot {en} the data folder {root}: check the disk's space and the permissions"),
        )
        .because(cause)
    }
}

/// Whether a text can be a hub's address: a host and a port.
///
/// # Errors
/// Where it cannot.
pub fn checked_hub(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    let port = text.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then_some(port)?.parse::<u16>().ok());
    match port {
        Some(port) if port > 0 && text.len() <= HUB_BYTES_MAX => Ok(text.to_owned()),
        Some(_) | None => Err(Fault::new(
            "hub-address",
            format!("「{}」不是中心位址；請寫成 主機:埠，例如 hub.example:7443", shown(text)),
            format!("{:?} is no hub address: write host:port, for example hub.example:7443", shown(text)),
        )),
    }
}

fn checked_name(name: &str) -> Result<String, Fault> {
    let name = name.trim();
    let fits = name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
    if fits {
        return Ok(name.to_owned());
    }
    Err(Fault::new(
        "name",
        format!("機構名稱過長或含控制字元；最多 {NAME_CHARS_MAX} 字"),
        format!("the site's name is too long or holds control characters: at most {NAME_CHARS_MAX} characters"),
    ))
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(unix)]
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

/// A new file, in the place of what a crash may have left there.
fn private_file(path: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(cause),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::new(temp.path().join("site"));
        (temp, folder)
    }

    #[test]
    fn a_folder_is_initialised_once() {
        let (_temp, folder) = folder();
        assert_eq!(folder.site().unwrap_err().code, "not-initialised");
        let code = "5931102274".parse().unwrap();
        let site = folder.init(code, " 淡水藥局 ").unwrap();
        assert_eq!((site.name.as_str(), folder.site().unwrap()), ("淡水藥局", site.clone()));
        let other = "3501200000".parse().unwrap();
        assert_eq!(folder.init(other, "x").unwrap_err().code, "initialised");
        assert_eq!(folder.site().unwrap(), site, "the second left nothing behind");
        folder.save(&Site { hub: Some("127.0.0.1:7443".to_owned()), ..site }).unwrap();
        assert_eq!(folder.site().unwrap().hub.as_deref(), Some("127.0.0.1:7443"));
    }

    #[test]
    fn a_damaged_site_file_is_named() {
        let (_temp, folder) = folder();
        folder.init("5931102274".parse().unwrap(), "x").unwrap();
        std::fs::write(folder.site_file(), "site = 5").unwrap();
        assert_eq!(folder.site().unwrap_err().code, "site-file");
    }

    #[test]
    fn one_process_holds_the_folder() {
        let (_temp, folder) = folder();
        folder.init("5931102274".parse().unwrap(), "x").unwrap();
        let held = folder.try_lock().unwrap();
        assert!(held.is_some());
        assert!(folder.try_lock().unwrap().is_none(), "held");
        drop(held);
        assert!(folder.try_lock().unwrap().is_some(), "free again");
    }

    #[test]
    fn hub_addresses_have_a_host_and_a_port() {
        for good in ["hub.example:7443", "127.0.0.1:1", "[::1]:7443"] {
            assert_eq!(checked_hub(good).unwrap(), good);
        }
        for bad in ["", "hub", ":7443", "hub:0", "hub:70000", "hub:x"] {
            assert_eq!(checked_hub(bad).unwrap_err().code, "hub-address", "{bad}");
        }
    }
}
