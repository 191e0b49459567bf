//! A crash before every call of `atoll-hub backup` and `restore`: a backup that was cut short never looks like a good
//! one, a restore that was cut short says so until it is done again, and neither touches what it reads.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::first;
use harness::fleet::Tool;
use harness::prepared::{LATER, Prepared, all_sent, ask, person, scratch, serve_edge, tool};
use harness::recorder::{Fault, Recorder};
use harness::sweep::{SEED, Swept, answer, each_point, fresh_copy, is_long};
use harness::tables::Tables;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tempfile::TempDir;

/// A hub that is kept: its folder, its keys alone, and where backups go.
struct Kept {
    folder: TempDir,
    recorder: Recorder,
}

impl Kept {
    /// A hub with two sites, what they sent, and a case.
    fn new() -> Self {
        let kept = Self { folder: scratch().unwrap(), recorder: Recorder::build().unwrap() };
        first::lay("hub", &kept.path("hub")).unwrap();
        kept.hub("hub").run(&["cases"]).unwrap();
        kept.keys_of(&kept.path("hub"));
        fs::create_dir(kept.path("out")).unwrap();
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hub(&self, name: &str) -> Tool {
        tool("atoll-hub", &self.path(name), LATER).unwrap()
    }

    fn keys_of(&self, hub: &Path) {
        let keys = self.path("keys");
        fresh_copy(hub, &keys).unwrap();
        for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
            let _ = fs::remove_file(keys.join(name));
        }
    }

    /// Everything that comes back with a backup: the hub's life and the times do not.
    fn rows(&self, name: &str) -> Result<Tables> {
        // A restored hub notes its new life, whom it has to hear before it lends again, and which numbers may be lost.
        Ok(Tables::of(&self.path(name).join("hub.db"))?.without(&["meta", "lease_hold", "numbers_lost"]))
    }

    /// Restores a file into a folder with the keys alone; whether it was taken.
    fn restore(&self, file: &Path) -> Result<bool> {
        fresh_copy(&self.path("keys"), &self.path("back"))?;
        let back = self.hub("back").output(&["restore", "--from", file.to_str().context("a path")?])?;
        ensure!(back.status.success() == self.path("back/hub.db").exists(), "{back:?}");
        if back.status.success() {
            self.hub("back").run(&["verify"])?;
        }
        Ok(back.status.success())
    }

    /// After a backup was killed: it is there whole or not at all, whatever lies beside it is not taken for one, and it
    /// can be made again.
    fn judge(&self, hub: &Tool, out: &Path, said: bool, judge: &dyn Fn() -> Result<()>) -> Result<()> {
        let whole = out.exists();
        ensure!(whole || !said, "said but not there");
        for entry in fs::read_dir(self.path("out"))? {
            let file = entry?.path();
            let taken = self.restore(&file).with_context(|| format!("restore from {}", file.display()))?;
            ensure!(taken || file != out, "the backup is not whole");
            if taken {
                judge().with_context(|| format!("half a store, from {}", file.display()))?;
            }
        }
        let again = hub.output(&["backup", "--out", out.to_str().context("a path")?])?;
        ensure!(again.status.success() != whole, "whole: {whole}; again: {again:?}");
        ensure!(self.restore(out)?, "the second backup is not whole");
        judge()
    }

    fn clear_out(&self) {
        fs::remove_dir_all(self.path("out")).unwrap();
        fs::create_dir(self.path("out")).unwrap();
    }
}

#[test]
fn a_backup_is_whole_or_none_through_every_crash() {
    let kept = Kept::new();
    let out = kept.path("out/hub.db");
    let arguments = ["backup", "--out", out.to_str().unwrap()];
    // That a copy was taken is written down before.
    let before = kept.rows("hub").unwrap().without(&["audit", "audit_end"]);
    let swept = Swept { from: &kept.path("hub"), name: "atoll-hub", arguments: &arguments, step: 1 };
    let points = each_point(&kept.recorder, swept, |fault| {
        kept.clear_out();
        fresh_copy(swept.from, &kept.path("data"))?;
        let hub = kept.hub("data");
        let said = answer(&hub, kept.recorder.environment(fault), &arguments)?.is_some();
        kept.judge(&hub, &out, said, &|| kept.rows("back")?.hold(&before))?;
        kept.rows("data")?.hold(&before).context("the hub itself")
    });
    println!("backup: {}; 0 that look good and are not, lost 0", points.unwrap());
}

/// A backup while edges send: what it holds is one moment of the store, and they go on. Every sixtieth point, every
/// seventh with `ATOLL_LONG=1`: it is the same copy.
#[test]
fn a_backup_of_a_hub_that_serves_is_whole_or_none_through_every_crash() {
    let (kept, prepared) = (Kept::new(), Prepared::new().unwrap());
    kept.keys_of(&prepared.hub());
    let out = kept.path("out/hub.db");
    let arguments = ["backup", "--out", out.to_str().unwrap()];
    let hub = tool("atoll-hub", &prepared.hub(), LATER).unwrap();
    let (serving, _) = prepared.serve_hub(&hub).unwrap();
    let edge = tool("atoll-edge", &prepared.edge(), LATER).unwrap();
    let (counter, http) = serve_edge(&edge).unwrap();
    let mut sold = 0;
    let swept =
        Swept { from: &prepared.hub(), name: "atoll-hub", arguments: &arguments, step: if is_long() { 7 } else { 60 } };
    let points = each_point(&kept.recorder, swept, |fault| {
        kept.clear_out();
        sold += 1;
        let (_, answered) = http.post("/api/v1/sell", &ask(&person(sold), &sold.to_string()))?;
        ensure!(answered["verdict"] == "sold", "{answered}");
        all_sent(&http)?;
        let said = answer(&hub, kept.recorder.environment(fault), &arguments)?.is_some();
        let entries = |hub: &Tool| Ok::<_, anyhow::Error>(hub.json(&["sites"])?["sites"].clone());
        kept.judge(&hub, &out, said, &|| {
            ensure!(entries(&kept.hub("back"))? == entries(&hub)?, "other sites, or other entries of them");
            Ok(())
        })
    });
    println!("backup while the hub serves: {}; {sold} sales meanwhile, lost 0", points.unwrap());
    assert!(counter.stop().unwrap().success() && serving.stop().unwrap().success());
    assert_eq!(hub.json(&["verify"]).unwrap()["findings"], json!([]));
}

#[test]
fn a_restore_is_done_or_to_be_done_again_through_every_crash() {
    let kept = Kept::new();
    let backup = kept.path("out/hub.db");
    kept.hub("hub").run(&["backup", "--out", backup.to_str().unwrap()]).unwrap();
    let bytes = fs::read(&backup).unwrap();
    let before = kept.rows("hub").unwrap();
    let arguments = ["restore", "--from", backup.to_str().unwrap()];
    let mut dice = SmallRng::seed_from_u64(SEED);
    let swept = Swept { from: &kept.path("keys"), name: "atoll-hub", arguments: &arguments, step: 1 };
    let points = each_point(&kept.recorder, swept, |fault| {
        fresh_copy(swept.from, &kept.path("data"))?;
        let hub = kept.hub("data");
        for fault in [fault, Fault::Kill(dice.random_range(1..60))] {
            let said = answer(&hub, kept.recorder.environment(fault), &arguments)?.is_some();
            ensure!(is_done(&kept, &hub)? || !said, "said but not there");
        }
        let last = hub.output(&arguments)?;
        ensure!(is_done(&kept, &hub)?, "the last one did nothing: {last:?}");
        kept.rows("data")?.hold(&before)?;
        ensure!(fs::read(&backup)? == bytes, "the backup has changed");
        Ok(())
    });
    println!("restore: {}; 0 folders that hold half of a store, lost 0, doubled 0", points.unwrap());
}

/// Whether the folder has its store; where not, every command says what to do, and makes none.
fn is_done(kept: &Kept, hub: &Tool) -> Result<bool> {
    if kept.path("data/hub.db").exists() {
        hub.run(&["verify"])?;
        return Ok(true);
    }
    let asked = hub.output(&["cases"])?;
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    ensure!(!asked.status.success() && said.contains("atoll-hub restore"), "no store, and yet: {asked:?}");
    ensure!(!kept.path("data/hub.db").exists(), "an empty store was made");
    Ok(false)
}

/// What is no whole backup is not taken for one: nothing, half of one, one with a hole where a page was.
#[test]
fn what_is_no_backup_is_not_restored() {
    let kept = Kept::new();
    let backup = kept.path("out/hub.db");
    kept.hub("hub").run(&["backup", "--out", backup.to_str().unwrap()]).unwrap();
    let (bytes, before) = (fs::read(&backup).unwrap(), kept.rows("hub").unwrap());
    let file = kept.path("out/bad.db");
    for length in [0, 1, 4096, bytes.len() / 2, bytes.len() - 4096] {
        fs::write(&file, &bytes[..length]).unwrap();
        assert!(!kept.restore(&file).unwrap(), "{length} of {} bytes", bytes.len());
    }
    let (mut refused, mut whole) = (0, 0);
    for page in 0..bytes.len() / 4096 {
        let mut holed = bytes.clone();
        holed[page * 4096..][..4096].fill(0);
        fs::write(&file, &holed).unwrap();
        if kept.restore(&file).unwrap_or(false) {
            kept.rows("back").unwrap().hold(&before).unwrap_or_else(|cause| panic!("page {page}: {cause:#}"));
            whole += 1;
        } else {
            refused += 1;
        }
    }
    println!("backups with a page of zeros: {refused} refused, {whole} whole all the same, 0 taken with a hole");
    assert!(refused > 20);
}

/// A journal of SQLite's from before would be played over what is restored.
#[test]
fn what_is_left_of_an_old_store_is_not_played_over_a_restored_one() {
    let kept = Kept::new();
    let backup = kept.path("out/hub.db");
    kept.hub("hub").run(&["backup", "--out", backup.to_str().unwrap()]).unwrap();
    let arguments = ["restore", "--from", backup.to_str().unwrap()];
    for name in ["hub.db-wal", "hub.db-journal"] {
        fresh_copy(&kept.path("keys"), &kept.path("data")).unwrap();
        fs::write(kept.path("data").join(name), "of another time").unwrap();
        let refused = kept.hub("data").output(&arguments).unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(name), "{said}");
        assert!(!kept.path("data/hub.db").exists());
        fs::remove_file(kept.path("data").join(name)).unwrap();
        kept.hub("data").run(&arguments).unwrap();
    }
}

/// Two backups whose names differ behind the last point do not use one file on their way.
#[test]
fn a_backup_has_its_own_way_to_the_disk() {
    let kept = Kept::new();
    for name in ["out/hub.part", "out/hub.1"] {
        let out = kept.path(name);
        let log = kept.path("log");
        let logging = kept.hub("hub").under(kept.recorder.logging(&log));
        logging.run(&["backup", "--out", out.to_str().unwrap()]).unwrap();
        let direct: Vec<_> =
            harness::recorder::calls(&log).unwrap().into_iter().filter(|call| call.is_write()).collect();
        let wrote = |path: &Path| direct.iter().any(|call| call.file == path);
        assert!(!wrote(&out), "{name} was written under its own name");
        assert!(wrote(&kept.path(&format!("{name}.part"))), "{direct:?}");
        fs::remove_file(log).unwrap();
    }
}
