//! Puts a node together from a data folder: keys, stamp, store, thread, and the way to the hub.

use std::thread::JoinHandle;

use chrono::{DateTime, FixedOffset};
use rand::Rng;
use shared::seal::Secret;
use shared::sign::Signer;

use crate::config::{Folder, Site};
use crate::desk::{Desk, Rehearsal};
use crate::fault::Fault;
use crate::keys::{self, Certificates, KeyError, Keys, Mark, Secrets, Stored};
use crate::mailbox::{self, Clocks};
use crate::nation::Nation;
use crate::node::{Lives, Node, NodeError, Setup};
use crate::store::{Store, StoreError};
use crate::uplink::quic::{Dialler, Identity};

/// A node that runs.
#[derive(Debug)]
pub struct Opened {
    /// Asks it. When the last desk is gone the thread ends.
    pub desk: Desk,
    /// Whose it is.
    pub site: Site,
    /// Gives the node back at the end.
    pub thread: JoinHandle<Node>,
}

/// Opens the folder's node; whoever calls holds the folder's lock.
///
/// # Errors
/// Where a file cannot be used.
pub fn open(folder: &Folder, clock: Option<DateTime<FixedOffset>>) -> Result<Opened, Fault> {
    let site = folder.site()?;
    let keys = load_keys(folder)?;
    let store = Store::open(&folder.store_file()).map_err(bad_store)?;
    let life = store.incarnation().map_err(bad_store)?;
    let len = store.log_len().map_err(bad_store)?;
    let stored = life.map(|life| Stored { life, len });
    let incarnation = keys::incarnation(folder.path(), stored, dice()).map_err(bad_keys)?;
    let setup = Setup {
        site: site.code,
        name: site.name.clone(),
        secret: keys.secret.clone(),
        key_number: keys.number,
        incarnation,
        store,
        nation: Nation::stored(),
        lives: lives(folder, &keys.tls_key)?,
        dice: Box::new(dice),
    };
    let real = Clocks::default().read();
    let rehearsal = Rehearsal::new(clock, real);
    let node = Node::open(setup, rehearsal.shift(real)).map_err(bad_node)?;
    let (handle, thread) = mailbox::start(node)
        .map_err(|cause| Fault::new("thread", "系統資源不足", "the system has no thread left").because(cause))?;
    Ok(Opened { desk: Desk::new(handle, rehearsal), site, thread })
}

/// Signs with a key that comes from the TLS key, which the hub never sees; stamps beside the database.
fn lives(folder: &Folder, tls_key: &Secrets) -> Result<Lives, Fault> {
    let signer = Signer::derive(&tls_key.0, b"heads").map_err(|cause| bad_node(cause.into()))?;
    let path = folder.path().to_owned();
    let (stamped, marked) = (path.clone(), path);
    Ok(Lives {
        signer,
        stamp: Box::new(move |life| keys::stamp_anew(&stamped, life)),
        mark: Box::new(move |life, pos| keys::mark_spent(&marked, life, pos)),
    })
}

/// Makes the site's keys, once.
///
/// # Errors
/// Where they cannot be made or written.
pub fn make_keys(folder: &Folder) -> Result<(), Fault> {
    if folder.keys().exists() {
        return Ok(());
    }
    let site = folder.site()?;
    let tls_key = rcgen::KeyPair::generate().map_err(bad_tls_key)?.serialize_der();
    let mut secret = [0u8; 32];
    rand::rng().fill_bytes(&mut secret);
    let keys = Keys { secret: Secret::new(secret), number: 1, tls_key: Secrets(tls_key) };
    keys::save(&keys, folder.keys(), Mark { of: site.code.as_str(), salt: dice() }).map_err(bad_keys)
}

/// The site's keys.
///
/// # Errors
/// Where they cannot be read.
pub fn load_keys(folder: &Folder) -> Result<Keys, Fault> {
    folder.keys().load().map_err(bad_keys)
}

/// A certificate signing request for the site's TLS key (PKCS #10, DER).
///
/// # Errors
/// Where the key cannot be used.
pub fn signing_request(site: &Site, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let key = rcgen::KeyPair::try_from(keys.tls_key.0.as_slice()).map_err(bad_tls_key)?;
    // The hub takes the public key alone; the name is for people who look at the request.
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, site.code.as_str());
    let request = params.serialize_request(&key).map_err(bad_tls_key)?;
    Ok(request.der().to_vec())
}

/// The way to the hub; `None` where the site is not enrolled.
///
/// # Errors
/// Where certificate or key cannot be used.
pub fn dialler(folder: &Folder) -> Result<Option<Dialler>, Fault> {
    let Some(hub) = folder.site()?.hub else {
        return Ok(None);
    };
    let Some(certificates) = Certificates::load(folder.path()).map_err(bad_keys)? else {
        return Ok(None);
    };
    let identity =
        Identity { certificate: certificates.site, ca: certificates.ca, key: load_keys(folder)?.tls_key.0.clone() };
    Dialler::new(&hub, &identity).map(Some)
}

pub(crate) fn dice() -> [u8; 16] {
    let mut bytes = [0u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A key or certificate file cannot be used.
pub(crate) fn bad_keys(cause: KeyError) -> Fault {
    if let Some(fault) = keys::passphrase_fault(&cause) {
        return fault.because(cause);
    }
    Fault::new(
        "keys",
        "本站金鑰或憑證檔案無法使用；請檢查資料夾內容與權限，勿刪除 keys 檔",
        "this site's key or certificate files cannot be used: check the folder and its permissions, and never delete the file keys",
    )
    .because(cause)
}

pub(crate) fn bad_store(cause: StoreError) -> Fault {
    Fault::new(
        "store",
        "本站帳本檔案無法開啟；請檢查磁碟空間、權限，以及是否有其他程式占用",
        "this site's ledger file cannot be opened: check the disk's space, the permissions, and whether another program holds it",
    )
    .because(cause)
}

fn bad_node(cause: NodeError) -> Fault {
    Fault::new(
        "ledger",
        "本站帳本無法讀取，未作任何變更；請保留資料夾並聯絡維護人員",
        "this site's ledger cannot be read; nothing was changed: keep the folder and call whoever maintains it",
    )
    .because(cause)
}

fn bad_tls_key(cause: rcgen::Error) -> Fault {
    Fault::new("tls-key", "無法產生或使用連線金鑰", "the key for the line cannot be made or used").because(cause)
}
