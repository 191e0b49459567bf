//! Readers and cards that are none, before the system's real card service: `pcscd` with virtual readers (vsmartcard) in
//! namespaces of its own, and a program there that plays the cards. Needs root.
//!
//! The virtual readers listen on every address, so they get a network of their own; `pcscd` writes below `/run`, so it
//! gets one of its own, with its socket in a folder that programs outside can reach (`PCSCLITE_CSOCK_NAME`).

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use edge::cards::lines::{Ask, Said, ask_line, parse};

use crate::fleet::{binary, until};

#[path = "../../edge/src/cards/certificate/tests/issued.rs"]
pub mod issued;
pub mod played;

use played::{Order, Play, SLOTS};

/// The port of the first virtual reader; the second one has the next.
pub const FIRST_PORT: u16 = 35_963;
const SOON: Duration = Duration::from_secs(20);
/// The namespaces do not outlive a test that was killed by more than this, in seconds.
const LIFE_S: &str = "600";

/// The card service and what plays cards before it; gone when dropped.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    holder: Child,
    service: Option<Child>,
    cards: Child,
    orders: Option<ChildStdin>,
}

impl Lab {
    /// Two empty readers; none where there is no right to make namespaces.
    ///
    /// # Errors
    /// Where a package or a program is missing, or does not come up.
    pub fn new(folder: &Path) -> Result<Option<Self>> {
        let (run, ready) = (folder.join("run"), folder.join("ready"));
        fs::create_dir_all(&run)?;
        fs::write(folder.join("readers"), readers_conf())?;
        let setup = format!(
            "ip link set lo up && mount -t tmpfs tmpfs /run && mkdir /run/pcscd && mount --bind {} /run/pcscd \
             && touch {} && exec sleep {LIFE_S}",
            run.display(),
            ready.display()
        );
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--", "sh", "-c", &setup])
            .stderr(Stdio::null())
            .spawn()
            .context("unshare")?;
        let made = until("the namespaces", SOON, || {
            let ended = holder.try_wait().ok().flatten().is_some();
            ended.then_some(false).or_else(|| ready.exists().then_some(true))
        })?;
        if !made {
            return Ok(None);
        }
        let mut cards = inside(&holder, &binary("atoll-vcard")?.display().to_string())
            .stdin(Stdio::piped())
            .spawn()
            .context("atoll-vcard")?;
        let orders = cards.stdin.take();
        let mut lab = Self { folder: folder.to_owned(), holder, service: None, cards, orders };
        lab.start_service()?;
        Ok(Some(lab))
    }

    /// Where programs find the card service.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/pcscd.comm")
    }

    /// The card service begins.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start_service(&mut self) -> Result<()> {
        let log = fs::File::create(self.folder.join("pcscd.log"))?;
        let service = inside(&self.holder, "pcscd")
            .args(["--foreground", "--info", "--config"])
            .arg(self.folder.join("readers"))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        self.service = Some(service.context("pcscd")?);
        let socket = self.socket();
        until("pcscd", SOON, || socket.exists().then_some(()))
    }

    /// The card service is killed.
    ///
    /// # Errors
    /// Where it was not there.
    pub fn kill_service(&mut self) -> Result<()> {
        let mut service = self.service.take().context("a card service that runs")?;
        service.kill()?;
        service.wait()?;
        // As a system's own supervisor does: what it leaves behind would keep the next one out.
        for left in ["pcscd.comm", "pcscd.pid"] {
            let _ = fs::remove_file(self.folder.join("run").join(left));
        }
        Ok(())
    }

    /// Somebody puts a card in.
    ///
    /// # Errors
    /// Where the player is gone.
    pub fn insert(&mut self, slot: usize, play: Play) -> Result<()> {
        self.order(&Order { slot, play: Some(play) })
    }

    /// Somebody pulls it.
    ///
    /// # Errors
    /// Where the player is gone.
    pub fn pull(&mut self, slot: usize) -> Result<()> {
        self.order(&Order { slot, play: None })
    }

    fn order(&mut self, order: &Order) -> Result<()> {
        let orders = self.orders.as_mut().context("a player that runs")?;
        writeln!(orders, "{}", serde_json::to_string(order)?)?;
        Ok(orders.flush()?)
    }

    /// The helper that an edge would start.
    ///
    /// # Errors
    /// Where it is not built.
    pub fn helper(&self) -> Result<Helper> {
        Helper::start(&self.socket())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.orders = None;
        for child in [self.service.as_mut(), Some(&mut self.cards), Some(&mut self.holder)].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The name that the card service gives a virtual reader.
#[must_use]
pub fn reader(slot: usize) -> String {
    format!("Virtual PCD 00 0{slot}")
}

fn readers_conf() -> String {
    format!(
        "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:{FIRST_PORT:#x}\nCHANNELID {FIRST_PORT:#x}\n\
         LIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so\n"
    )
}

fn inside(holder: &Child, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--net", "--mount", "--target", &holder.id().to_string(), "--", program]);
    command
}

/// `atoll-card`, as an edge holds it.
#[derive(Debug)]
pub struct Helper {
    child: Child,
    asks: Option<ChildStdin>,
    said: Receiver<Said>,
}

impl Helper {
    fn start(socket: &Path) -> Result<Self> {
        let mut command = Command::new(binary("atoll-card")?);
        command.env("PCSCLITE_CSOCK_NAME", socket);
        Self::run(command)
    }

    /// As this command starts it.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn run(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (asks, out) = child.stdin.take().zip(child.stdout.take()).context("pipes")?;
        let (tell, said) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            for said in lines.filter_map(|line| parse::<Said>(&line).ok()) {
                if tell.send(said).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, asks: Some(asks), said })
    }

    /// Says something.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn ask(&mut self, ask: &Ask) -> Result<()> {
        let asks = self.asks.as_mut().context("a helper that runs")?;
        Ok(asks.write_all(&ask_line(ask)).and_then(|()| asks.flush())?)
    }

    /// What it says next that fits; what does not is passed over.
    ///
    /// # Errors
    /// Where nothing like it comes.
    pub fn next<T>(&self, what: &str, mut fits: impl FnMut(Said) -> Option<T>) -> Result<T> {
        let ends = Instant::now() + SOON;
        loop {
            match self.said.recv_timeout(ends.saturating_duration_since(Instant::now())) {
                Ok(said) => {
                    if let Some(found) = fits(said) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("waited in vain for {what}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the helper ended before {what}"),
            }
        }
    }
}

impl Helper {
    /// Whether these bytes stand anywhere in what it may write to its memory.
    ///
    /// # Errors
    /// Where the system does not let us look.
    pub fn remembers(&self, wanted: &[u8]) -> Result<bool> {
        let of = |name| format!("/proc/{}/{name}", self.child.id());
        let (maps, mut memory) = (fs::read_to_string(of("maps"))?, fs::File::open(of("mem"))?);
        for map in maps.lines().filter(|map| map.contains(" rw")) {
            let (from, to) = map.split(' ').next().and_then(|range| range.split_once('-')).context("a range")?;
            let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
            let mut bytes = vec![0; usize::try_from(to - from)?];
            memory.seek(SeekFrom::Start(from))?;
            // What the kernel keeps to itself cannot be read.
            if memory.read_exact(&mut bytes).is_ok() && bytes.windows(wanted.len()).any(|part| part == wanted) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// kill -9.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Helper {
    /// It ends with its input, and lets go of the card service; one that hangs is killed.
    fn drop(&mut self) {
        self.asks = None;
        let _ = until("the helper's end", Duration::from_secs(2), || self.child.try_wait().ok().flatten());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const _: () = assert!(SLOTS == 2, "a virtual reader has two slots, and pcscd takes one virtual reader");
