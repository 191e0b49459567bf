//! Certificate cards that are none: tokens of SoftHSM behind a module of our own (`softhsm.c`), which is a reader with
//! one card in it at a time and counts wrong PINs as cards do. No reader, no card service and no root are needed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use data_encoding::BASE64;
use tempfile::TempDir;

use crate::cards::Helper;
use crate::cards::issued::Issued;
use crate::fleet::binary;
use crate::recorder::compile;

const SOURCE: &str = include_str!("softhsm.c");
/// Where Debian keeps it.
const LIBRARY: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// What all cards here open by.
pub const PIN: &str = "750315";
/// Of the security officer: nobody uses it.
const SO_PIN: &str = "87654321";
/// What the key to sign by is called on a citizen's card: SIGN.
const SIGN_ID: &str = "5349474e";

/// A reader, and a drawer of cards.
#[derive(Debug)]
pub struct Drawer {
    folder: TempDir,
}

impl Drawer {
    /// An empty reader; none where SoftHSM or the tools to fill its tokens are not there.
    ///
    /// # Errors
    /// Where the module cannot be built.
    pub fn new() -> Result<Option<Self>> {
        let has = |tool: &str| Command::new(tool).arg("--help").output().is_ok();
        if !Path::new(LIBRARY).exists() || !has("softhsm2-util") || !has("pkcs11-tool") {
            return Ok(None);
        }
        let drawer = Self { folder: tempfile::tempdir().context("make a folder")? };
        compile(SOURCE, &drawer.module(), &["-shared", "-fPIC"])?;
        let tokens = drawer.path("tokens");
        fs::create_dir(&tokens)?;
        let conf =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        fs::write(drawer.path("softhsm2.conf"), conf)?;
        Ok(Some(drawer))
    }

    /// The module that `atoll-card` loads.
    #[must_use]
    pub fn module(&self) -> PathBuf {
        self.path("reader.so")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the module needs to know.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("SOFTHSM2_CONF", self.path("softhsm2.conf").into()),
            ("CARD_LAB", self.folder.path().into()),
            ("CARD_LAB_LIBRARY", LIBRARY.into()),
        ]
    }

    /// Makes a card with this certificate and its key, and others beside it. It lies in the drawer, before any helper
    /// begins: SoftHSM looks for its tokens only then.
    ///
    /// # Errors
    /// Where a tool refuses.
    pub fn make(&self, label: &str, issued: &Issued, others: &[&[u8]]) -> Result<()> {
        self.run("softhsm2-util", &["--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN])?;
        let key = self.path("key.pem");
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(&issued.key));
        fs::write(&key, pem)?;
        let key = key.display().to_string();
        let import = ["--import", &key, "--token", label, "--label", "sign", "--id", SIGN_ID, "--pin", PIN];
        self.run("softhsm2-util", &import)?;
        let all = others.iter().copied().chain([issued.der.as_slice()]);
        for (at, der) in all.enumerate() {
            let file = self.path("certificate.der");
            fs::write(&file, der)?;
            let id = if at == others.len() { SIGN_ID.to_owned() } else { format!("0{at}") };
            let file = file.display().to_string();
            let write = ["--module", LIBRARY, "--token-label", label, "--login", "--pin", PIN, "--write-object", &file];
            self.run(
                "pkcs11-tool",
                &[write.as_slice(), &["--type", "cert", "--id", &id, "--label", "certificate"]].concat(),
            )?;
        }
        Ok(())
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Result<()> {
        let output = Command::new(tool).args(arguments).envs(self.environment()).output().context(tool.to_owned())?;
        if !output.status.success() {
            bail!("{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Somebody puts a card in, where another one may have been.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn insert(&self, label: &str) -> Result<()> {
        self.say("present", label)
    }

    /// Somebody pulls it.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn pull(&self) -> Result<()> {
        self.say("present", "")
    }

    /// The reader has a pad, and somebody types this on it; `cancel` is its red key.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn pad(&self, typed: &str) -> Result<()> {
        self.say("pad", typed)
    }

    /// The module hangs at its next look at the card.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn hang(&self) -> Result<()> {
        self.say("hang", "x")
    }

    /// It goes on.
    ///
    /// # Errors
    /// Where it did not hang.
    pub fn go_on(&self) -> Result<()> {
        Ok(fs::remove_file(self.path("hang"))?)
    }

    /// In one step: the module may be looking.
    fn say(&self, name: &str, text: &str) -> Result<()> {
        let fresh = self.path("fresh");
        fs::write(&fresh, text)?;
        Ok(fs::rename(fresh, self.path(name))?)
    }

    /// What the card was asked: a word for each C_Login and C_Logout.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The helper that an edge would start, with this module and perhaps others.
    ///
    /// # Errors
    /// Where it is not built.
    pub fn helper(&self, more: &[&str]) -> Result<Helper> {
        let mut command = Command::new(binary("atoll-card")?);
        command.arg("--module").arg(self.module()).args(more).envs(self.environment());
        Helper::run(command)
    }
}
