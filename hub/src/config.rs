//! The data folder and what `serve` was told: judged before any port is bound.

use std::fmt;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::authority::{Authority, AuthorityError, KeySource};
use crate::hub::{Hub, HubError};
use crate::store::{Store, StoreError};

/// The database's file in the data folder.
pub const STORE: &str = "hub.db";

/// A setting or a data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No folder was named.
    #[error("name the data folder: --data DIR, or ATOLL_HUB_DATA in the environment")]
    NoData,
    /// The keys.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The database.
    #[error("open the store of {folder}")]
    Store {
        /// The data folder.
        folder: String,
        /// Why not.
        #[source]
        cause: StoreError,
    },
    /// The hub.
    #[error("open the hub of {folder}")]
    Hub {
        /// The data folder.
        folder: String,
        /// Why not.
        #[source]
        cause: Box<HubError>,
    },
    /// Keys and no store: an empty one in its place would pass for the hub.
    #[error(
        "帳庫檔不存在 {0} is missing: `atoll-hub restore` brings a backup back, `atoll-hub init` makes an empty one"
    )]
    NoStore(String),
    /// The console shows personal matters, and speaks no TLS.
    #[error(
        "the console speaks plain HTTP: {0} is not a loopback address; use a tunnel, or name who may ask with --http-host"
    )]
    Open(SocketAddr),
}

/// Where a hub lives.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
    keys: KeySource,
}

impl DataFolder {
    /// A folder that `--data` or the environment named.
    ///
    /// # Errors
    /// Where none was.
    pub fn named(folder: Option<PathBuf>) -> Result<Self, ConfigError> {
        let root = folder.ok_or(ConfigError::NoData)?;
        Ok(Self { keys: KeySource::folder(&root), root })
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

    /// Makes keys and store; overwrites nothing. Where there are keys and no store, it makes the store.
    ///
    /// # Errors
    /// Where the folder has been initialised, a host is none, or the disk says no.
    pub fn init(&self, hosts: &[String]) -> Result<Authority, ConfigError> {
        let store = self.store_file();
        let authority = match Authority::init_in(&self.keys, hosts) {
            Err(AuthorityError::Exists(_) | AuthorityError::ReadOnly(_)) if !store.exists() => self.authority()?,
            made => made?,
        };
        self.open(&authority)?;
        fs::set_permissions(&store, Permissions::from_mode(0o600)).map_err(|cause| AuthorityError::File {
            deed: "close to others",
            path: store.display().to_string(),
            cause,
        })?;
        Ok(authority)
    }

    /// Opens the keys.
    ///
    /// # Errors
    /// Where the folder is no hub's.
    pub fn authority(&self) -> Result<Authority, ConfigError> {
        Ok(Authority::open_in(&self.keys)?)
    }

    /// Opens the hub; several may be open at once, in this process and in others.
    ///
    /// # Errors
    /// Where there is no store, or it cannot be opened.
    pub fn hub(&self, authority: &Authority) -> Result<Hub, ConfigError> {
        let store = self.store_file();
        if !store.exists() {
            return Err(ConfigError::NoStore(store.display().to_string()));
        }
        self.open(authority)
    }

    fn open(&self, authority: &Authority) -> Result<Hub, ConfigError> {
        let folder = || self.to_string();
        let store = Store::open(&self.store_file()).map_err(|cause| ConfigError::Store { folder: folder(), cause })?;
        Hub::open(store, authority.master(), Box::new(rand::random))
            .map_err(|cause| ConfigError::Hub { folder: folder(), cause: Box::new(cause) })
    }

    /// Where its store lies.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.root.join(STORE)
    }

    /// Whether the folder has been initialised.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        self.keys.exists()
    }
}

impl fmt::Display for DataFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root.display())
    }
}

/// Who may ask the console: the names that a browser on this machine uses, and those given.
///
/// # Errors
/// Where the console would listen to the network without a word about who may ask.
pub fn console_hosts(http: SocketAddr, named: &[String]) -> Result<Vec<String>, ConfigError> {
    if !http.ip().is_loopback() && named.is_empty() {
        return Err(ConfigError::Open(http));
    }
    let port = http.port();
    let own = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
    Ok(own.into_iter().chain(named.iter().map(|name| name.to_ascii_lowercase())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_listens_to_the_network_only_when_told_who_may_ask() {
        let open: SocketAddr = "0.0.0.0:7480".parse().unwrap();
        assert!(matches!(console_hosts(open, &[]), Err(ConfigError::Open(_))));
        let hosts = console_hosts(open, &["Hub.Example:7480".to_owned()]).unwrap();
        assert!(hosts.contains(&"hub.example:7480".to_owned()));
        let own = console_hosts("127.0.0.1:7480".parse().unwrap(), &[]).unwrap();
        assert_eq!(own, ["127.0.0.1:7480", "localhost:7480", "[::1]:7480"]);
    }
}
