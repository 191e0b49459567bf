//! Real power cuts (S1): the edge serves and sells on an ext4 of its own, whose power is cut at a
//! random moment (what the journal has not written is gone); mounted again, every answered sale is there.
//! The negative control, the same with a bare SQLite in WAL and `synchronous=NORMAL`, must lose.
//!
//! Twenty cuts in the short form, a hundred with `ATOLL_LONG=1`. Needs root and a loop device; where those cannot
//! be had it says SKIPPED, and nothing is counted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use harness::fleet::Http;
use harness::ledger::Ledger;
use harness::prepared::{LATER, Prepared, ask, copy, serve_edge, skipped, tool};
use harness::recorder::compile;
use harness::scenario::even_numbers;
use harness::sweep::is_long;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

const SEED: u64 = 20_200_206;
const CUTS: usize = 20;
const CUTS_LONG: usize = 100;
/// Of the negative control.
const COMMITS: usize = 300;
const IMAGE_MIB: u64 = 48;

/// A disk with a plug: an ext4 in a file, on a loop device.
struct Disk {
    folder: TempDir,
    mounted: bool,
}

impl Disk {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let disk = Self { folder, mounted: false };
        std::fs::File::create(disk.image())?.set_len(IMAGE_MIB << 20)?;
        run("mkfs.ext4", &["-q", "-F", &disk.image().display().to_string()])?;
        std::fs::create_dir(disk.root())?;
        compile(include_str!("harness/power.c"), &disk.folder.path().join("power"), &[])?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn mount(&mut self) -> Result<()> {
        run("mount", &["-o", "loop", &self.image().display().to_string(), &self.root().display().to_string()])?;
        self.mounted = true;
        Ok(())
    }

    fn cut(&self) -> Result<()> {
        run(&self.folder.path().join("power").display().to_string(), &[&self.root().display().to_string()])
    }

    fn unmount(&mut self) -> Result<()> {
        run("umount", &[&self.root().display().to_string()])?;
        self.mounted = false;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = run("umount", &["-l", &self.root().display().to_string()]);
        }
    }
}

fn run(command: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(command).args(arguments).env("PATH", path()).output()?;
    if !output.status.success() {
        bail!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// mkfs and mount lie where only an administrator looks.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// A disk that can be cut, or a loud word.
fn disk() -> Option<Disk> {
    let tried = Disk::new().and_then(|mut disk| {
        disk.mount()?;
        disk.cut()?;
        disk.unmount()?;
        Ok(disk)
    });
    tried.inspect_err(|cause| skipped(format_args!("no power can be cut here ({cause:#})"))).ok()
}

fn cuts() -> usize {
    if is_long() { CUTS_LONG } else { CUTS }
}

#[test]
fn a_power_cut_loses_no_answered_sale() {
    let Some(mut disk) = disk() else { return };
    let prepared = Prepared::new().unwrap();
    let data = disk.root().join("edge");
    disk.mount().unwrap();
    copy(&prepared.edge(), &data).unwrap();
    run("sync", &["-f", &data.display().to_string()]).unwrap();
    let edge = tool("atoll-edge", &data, LATER).unwrap();
    let mut known: BTreeSet<String> =
        Ledger::of(&edge).unwrap().ids("sale").iter().map(|id| (*id).to_owned()).collect();
    edge.run(&["arrive", "--adult", "90000"]).unwrap();

    let mut dice = SmallRng::seed_from_u64(SEED);
    let mut people = even_numbers().skip(100);
    let (mut answered, mut unanswered) = (0, 0);
    for cut in 0..cuts() {
        let (process, http) = serve_edge(&edge).unwrap();
        let buyers: Vec<String> = people.by_ref().take(2_000).collect();
        let wait = Duration::from_millis(dice.random_range(1..400));
        let sold = sell_until_dark(&http, cut, &buyers, || {
            thread::sleep(wait);
            // A machine without power answers nobody: the ioctl alone would leave the process running, and an fsync
            // that overlaps with it may return 0 for what never reached the disk.
            process.freeze().unwrap();
            disk.cut().unwrap();
            process.kill().unwrap();
        });
        disk.unmount().unwrap();
        disk.mount().unwrap();

        let ledger = Ledger::of(&edge).unwrap_or_else(|cause| panic!("cut {cut} (SEED={SEED}): {cause:#}"));
        let there: BTreeSet<String> = ledger.ids("sale").iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(there.len(), ledger.ids("sale").len(), "cut {cut}: doubled");
        known.extend(sold.iter().cloned());
        let lost: Vec<&String> = known.difference(&there).collect();
        assert!(lost.is_empty(), "cut {cut} after {wait:?} (SEED={SEED}): {} sales lost", lost.len());
        // At most the one that was being written is there without an answer.
        assert!(there.len() - known.len() <= 1, "cut {cut}: {} sales nobody was told of", there.len() - known.len());
        unanswered += there.len() - known.len();
        answered += sold.len();
        known = there;
    }
    disk.unmount().unwrap();
    assert!(answered > cuts() * 5, "the load was too small to mean anything: {answered} sales");
    println!("{} power cuts: {answered} sales answered, 0 lost, {unanswered} written but not yet answered", cuts());
}

/// Sells to one after the other until nobody answers; gives the ids of the sales that were answered.
fn sell_until_dark(http: &Http, round: usize, buyers: &[String], cut: impl FnOnce()) -> Vec<String> {
    thread::scope(|scope| {
        let seller = scope.spawn(|| {
            let mut sold = Vec::new();
            for (nth, number) in buyers.iter().enumerate() {
                match http.post("/api/v1/sell", &ask(number, &format!("buyer {round}-{nth}"))) {
                    Ok((200, answer)) => {
                        assert_eq!(answer["verdict"], "sold", "{answer}");
                        sold.push(answer["sale"].as_str().unwrap().to_owned());
                    }
                    Ok((status @ 400..=499, answer)) => panic!("{status}: {answer}"),
                    // The edge says that its disk has failed, or nothing.
                    Ok(_) | Err(_) => break,
                }
            }
            sold
        });
        cut();
        seller.join().unwrap()
    })
}

/// The cut has teeth: a database that does not wait for the disk loses what it has answered.
#[test]
fn a_power_cut_does_lose_what_was_not_synced() {
    let Some(mut disk) = disk() else { return };
    let mut lost = 0;
    for round in 0..3 {
        disk.mount().unwrap();
        let file = disk.root().join(format!("{round}.db"));
        let (conn, before) = committed(&file);
        disk.cut().unwrap();
        // Closing would checkpoint; nothing reaches the disk any more.
        drop(conn);
        disk.unmount().unwrap();
        disk.mount().unwrap();
        let after = left(&file);
        lost += before - after;
        println!("negative control, synchronous=NORMAL: {before} commits answered, {after} left after a power cut");
        disk.unmount().unwrap();
    }
    assert!(lost > 0, "the power cut lost nothing even without fsync: it proves nothing");
}

fn committed(file: &Path) -> (rusqlite::Connection, usize) {
    let conn = rusqlite::Connection::open(file).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.pragma_update(None, "synchronous", "NORMAL").unwrap();
    conn.execute_batch("CREATE TABLE sale (n INTEGER PRIMARY KEY)").unwrap();
    for n in 0..COMMITS {
        conn.execute("INSERT INTO sale VALUES (?1)", [i64::try_from(n).unwrap()]).unwrap();
    }
    (conn, COMMITS)
}

fn left(file: &Path) -> usize {
    let count =
        |conn: rusqlite::Connection| conn.query_row("SELECT count(*) FROM sale", [], |row| row.get::<_, i64>(0));
    let left = rusqlite::Connection::open(file).and_then(count).unwrap_or(0);
    usize::try_from(left).unwrap()
}
