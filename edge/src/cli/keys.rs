//! Where the key file lies and what opens it, as the command line says it; `keys protect` and
//! `keys unprotect`. A passphrase is never an argument: everybody on the machine could read it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use shared::seal::passphrase::Passphrase;

use super::{Cli, Outcome};
use crate::config::Folder;
use crate::fault::Fault;
use crate::keys::{self, KeyError, KeySource, Mark, read_passphrase};
use crate::open;

/// Of every command.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Where the key file lies.
    #[arg(
        long,
        global = true,
        env = "ATOLL_EDGE_KEYS_FROM",
        value_enum,
        default_value = "folder",
        value_name = "WHERE"
    )]
    pub keys_from: KeysFrom,
    /// A file (or /dev/fd/N) that holds the key file's passphrase; without it the variable ATOLL_EDGE_PASSPHRASE is
    /// looked at.
    #[arg(long, global = true, env = "ATOLL_EDGE_PASSPHRASE_FILE", value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Where the key file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeysFrom {
    /// The file `keys` of the data folder.
    Folder,
    /// The credential `keys` that systemd gives the unit ($CREDENTIALS_DIRECTORY/keys).
    Credentials,
}

/// Which.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Put the key file under a passphrase; the bytes that lay in clear are overwritten.
    Protect {
        /// A file (or /dev/fd/N) with a new passphrase, where the key file is under one already.
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Take the key file out from under its passphrase: it lies in clear again, for its owner only.
    Unprotect,
}

/// The data folder with its keys where the command line says.
pub(super) fn folder(cli: &Cli) -> Result<Folder, Fault> {
    let folder = Folder::new(&cli.data);
    let source = match cli.keys.keys_from {
        KeysFrom::Folder => KeySource::folder(folder.path()),
        KeysFrom::Credentials => KeySource::credentials().map_err(open::bad_keys)?,
    };
    let passphrase = passphrase(cli.keys.passphrase_file.as_ref())?;
    Ok(folder.with_keys(source.opened_by(passphrase)))
}

fn passphrase(file: Option<&PathBuf>) -> Result<Option<Passphrase>, Fault> {
    read_passphrase(file.map(PathBuf::as_path)).map_err(|cause| match keys::passphrase_fault(&cause) {
        Some(fault) => fault.because(cause),
        None => unreadable(cause),
    })
}

/// `keys protect`, `keys unprotect`.
pub(super) fn run(folder: &Folder, what: &KeysCommand) -> Result<Outcome, Fault> {
    let site = folder.site()?;
    let Some(_lock) = folder.try_lock()? else {
        return Err(Fault::new(
            "running",
            "此資料夾的 serve 正在執行，未作任何變更；請先停止再試",
            "serve runs on this folder, nothing was changed: stop it first",
        ));
    };
    match what {
        KeysCommand::Protect { new_passphrase_file } => {
            // Not the variable: it holds the old one.
            let new = new_passphrase_file.as_ref().map(|file| passphrase(Some(file))).transpose()?.flatten();
            protect(folder, site.code.as_str(), new.as_ref())
        }
        KeysCommand::Unprotect => unprotect(folder),
    }
}

fn protect(folder: &Folder, of: &str, new: Option<&Passphrase>) -> Result<Outcome, Fault> {
    let source = folder.keys();
    let Some(passphrase) = new.or(source.passphrase()) else {
        return Err(Fault::asked(
            "passphrase-needed",
            "請以 --passphrase-file 或環境變數 ATOLL_EDGE_PASSPHRASE 提供密語；未作任何變更",
            "give a passphrase with --passphrase-file or in ATOLL_EDGE_PASSPHRASE; nothing was changed",
        ));
    };
    keys::protect(source, passphrase, Mark { of, salt: open::dice() }).map_err(open::bad_keys)?;
    Ok(Outcome::done(
        "金鑰檔已受密語保護；遺失密語即無法開啟本站帳本中的證號，請另存於安全處",
        "the key file is under the passphrase; whoever loses it loses the documents in this ledger: keep a copy in a safe place",
        json!({ "verdict": "protected" }),
    ))
}

fn unprotect(folder: &Folder) -> Result<Outcome, Fault> {
    keys::unprotect(folder.keys()).map_err(open::bad_keys)?;
    Ok(Outcome::done(
        "金鑰檔已解除密語保護，僅擁有者可讀",
        "the key file lies in clear again, for its owner only",
        json!({ "verdict": "unprotected" }),
    ))
}

fn unreadable(cause: KeyError) -> Fault {
    Fault::new(
        "passphrase-file",
        "無法讀取密語檔，或其他人也能讀取；未作任何變更",
        "the passphrase's file cannot be read, or everybody can read it; nothing was changed",
    )
    .because(cause)
}
