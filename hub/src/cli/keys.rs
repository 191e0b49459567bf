//! Where the keys lie and what opens them, as the command line says it; `keys protect`,
//! `keys unprotect`, `escrow` and `keys restore`. A passphrase is never an argument: everybody on the
//! machine could read it.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use data_encoding::HEXLOWER;
use serde_json::json;
use shared::seal::passphrase::Passphrase;

use super::Desk;
use crate::audit::deeds;
use crate::authority::{KeySource, escrow as file, read_passphrase};
use crate::config::DataFolder;

/// Holds the keys' passphrase where no file is named.
const KEYS_VARIABLE: &str = "ATOLL_HUB_PASSPHRASE";
/// Holds the escrow's passphrase where no file is named.
const ESCROW_VARIABLE: &str = "ATOLL_HUB_ESCROW_PASSPHRASE";

/// Of every command.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// Where the secret keys lie.
    #[arg(
        long,
        global = true,
        env = "ATOLL_HUB_KEYS_FROM",
        value_enum,
        default_value = "folder",
        value_name = "WHERE"
    )]
    keys_from: KeysFrom,
    /// A file (or /dev/fd/N) that holds the keys' passphrase; without it the variable ATOLL_HUB_PASSPHRASE is looked
    /// at.
    #[arg(long, global = true, env = "ATOLL_HUB_PASSPHRASE_FILE", value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeysFrom {
    /// Files of the data folder.
    Folder,
    /// The credentials ca.key, server.key and master.key (or keys.sealed) that systemd gives the unit.
    Credentials,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Put the keys under a passphrase; the bytes that lay in clear are overwritten.
    Protect {
        /// A file (or /dev/fd/N) with a new passphrase, where the keys are under one already.
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
    },
    /// Take the keys out from under their passphrase: they lie in clear again, for their owner only.
    Unprotect,
    /// Put the keys of an escrow into a data folder that has none.
    Restore {
        /// The escrow.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[command(flatten)]
        passphrase: EscrowPassphrase,
    },
}

#[derive(Debug, Args)]
pub(super) struct EscrowArgs {
    /// The file to be written; it must not be there.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    passphrase: EscrowPassphrase,
}

#[derive(Debug, Args)]
pub(super) struct EscrowPassphrase {
    /// A file (or /dev/fd/N) that holds the escrow's passphrase; without it the variable ATOLL_HUB_ESCROW_PASSPHRASE
    /// is looked at.
    #[arg(long, value_name = "FILE")]
    escrow_passphrase_file: Option<PathBuf>,
}

impl EscrowPassphrase {
    /// It must be given.
    fn read(&self) -> anyhow::Result<Passphrase> {
        let found = read_passphrase(self.escrow_passphrase_file.as_deref(), ESCROW_VARIABLE)?;
        found.ok_or_else(|| {
            anyhow!(
                "請提供託管檔的密語 give the escrow's passphrase: --escrow-passphrase-file FILE, or {ESCROW_VARIABLE}"
            )
        })
    }
}

/// The data folder with its keys where the command line says.
pub(super) fn folder(folder: DataFolder, args: &KeyArgs) -> anyhow::Result<DataFolder> {
    let source = match args.keys_from {
        KeysFrom::Folder => KeySource::folder(folder.path()),
        KeysFrom::Credentials => KeySource::credentials(folder.path())?,
    };
    let passphrase = read_passphrase(args.passphrase_file.as_deref(), KEYS_VARIABLE)?;
    Ok(folder.with_keys(source.opened_by(passphrase)))
}

/// `keys protect`, `keys unprotect`, `keys restore`.
pub(super) fn run(desk: &Desk, command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Protect { new_passphrase_file } => protect(desk, new_passphrase_file.as_deref()),
        KeysCommand::Unprotect => {
            desk.folder.keys().unprotect()?;
            let text = "金鑰已解除密語保護，僅擁有者可讀 the keys lie in clear again, for their owner only\n";
            desk.out.say(&json!({ "protected": false }), text)
        }
        KeysCommand::Restore { from, passphrase } => restore(desk, from, &passphrase.read()?),
    }
}

fn protect(desk: &Desk, new: Option<&Path>) -> anyhow::Result<()> {
    // Not the variable: it holds the old one.
    let new = new.map(|file| read_passphrase(Some(file), KEYS_VARIABLE)).transpose()?.flatten();
    let keys = desk.folder.keys();
    let passphrase = new.as_ref().or(keys.passphrase()).ok_or_else(|| {
        anyhow!(
            "請提供密語，未作任何變更 nothing was changed: give a passphrase, --passphrase-file FILE or {KEYS_VARIABLE}"
        )
    })?;
    keys.protect(passphrase)?;
    let text = "金鑰已受密語保護 the keys are under the passphrase; serve needs it at its next start\n\
        遺失密語而無託管檔，即無法恢復 whoever loses it and has no escrow has lost this hub\n";
    desk.out.say(&json!({ "protected": true }), text)
}

/// `escrow`.
pub(super) fn escrow(desk: &Desk, args: &EscrowArgs) -> anyhow::Result<()> {
    file::write(desk.folder.keys(), &args.passphrase.read()?, &args.out)?;
    // Keys may be saved where the store is lost.
    if desk.folder.store_file().exists() {
        let (_, mut hub) = desk.open()?;
        desk.looked(&mut hub, (deeds::ESCROW, "", ""))?;
    }
    let out = args.out.display().to_string();
    let text = format!(
        "託管檔已寫入 escrow written: {out}\n請存放於他處 keep it, and apart from it its passphrase, elsewhere\n"
    );
    desk.out.say(&json!({ "escrow": out }), &text)
}

fn restore(desk: &Desk, from: &Path, passphrase: &Passphrase) -> anyhow::Result<()> {
    let authority = file::restore(from, passphrase, desk.folder.keys())?;
    let (folder, mark) = (desk.folder.to_string(), HEXLOWER.encode(&authority.ca_mark()));
    let text = format!("金鑰已由託管檔恢復 keys of the hub {mark} restored into {folder}\n");
    desk.out.say(&json!({ "restored": folder, "hub": mark }), &text)
}
