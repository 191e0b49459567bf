//! When every line is up again: everything must have crossed, and everything must be explained.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use shared::entry::booking::Slot;
use shared::ids::EntryId;

use super::world::World;

/// So often everybody exchanges until nothing more can be new.
const ROUNDS: usize = 6;

/// A booking or a wish as the hub has it.
#[derive(Debug)]
struct AtHub {
    stands: String,
    given: Option<(Slot, u64)>,
}

impl World {
    /// Heals all lines and looks at what is left.
    pub(super) fn end(&mut self) -> Result<()> {
        for counter in &mut self.counters {
            counter.up = true;
        }
        for _ in 0..ROUNDS {
            self.now_ms += 61_000;
            self.exchange_all()?;
        }
        self.check_accounts()?;
        let at_hub = self.at_hub()?;
        self.check_wishes(&at_hub)?;
        self.report.cases = self.check_people(&at_hub)?;
        self.report.twice = self.check_numbers(&at_hub)?;
        self.report.oversold = self.truth.oversold();
        ensure!(self.report.oversold == 0 || self.knobs.clones, "{} places too many", self.report.oversold);
        let before = self.hub.canonical()?;
        self.hub.rebuild()?;
        ensure!(before == self.hub.canonical()?, "a rebuilt hub says something else");
        Ok(())
    }

    /// What the canonical dump says of bookings and wishes.
    fn at_hub(&self) -> Result<BTreeMap<EntryId, AtHub>> {
        let dump = String::from_utf8(self.hub.canonical()?)?;
        let lines = dump.lines().filter(|line| line.starts_with("booking ") || line.starts_with("wish "));
        lines.map(|line| read(line).with_context(|| format!("the dump says {line:?}"))).collect()
    }

    /// No wish is lost: the hub has granted it, turned it down, or keeps it because nothing is free.
    fn check_wishes(&mut self, at_hub: &BTreeMap<EntryId, AtHub>) -> Result<()> {
        let wishes: Vec<EntryId> =
            self.truth.told.iter().filter(|(_, told)| told.is_wish && !told.lost).map(|(id, _)| *id).collect();
        for id in wishes {
            let row = at_hub.get(&id).with_context(|| format!("the hub has never heard of wish {id}"))?;
            if let Some((slot, serial)) = &row.given {
                self.report.granted += 1;
                self.truth.granted(id, slot, *serial)?;
            }
        }
        Ok(())
    }

    /// Of everybody at most one booking is live; who has several is in a case; what the hub says is what was answered.
    fn check_people(&mut self, at_hub: &BTreeMap<EntryId, AtHub>) -> Result<u64> {
        let dump = String::from_utf8(self.hub.canonical()?)?;
        let in_case: BTreeSet<EntryId> = findings(&dump).map(|(_, of)| of).collect();
        let blamed = findings(&dump).find(|(kind, _)| matches!(*kind, "number-not-lent" | "attended-elsewhere"));
        ensure!(blamed.is_none(), "{blamed:?}: of sites that only did what they may");
        let mut live: BTreeMap<usize, u32> = BTreeMap::new();
        for (id, told) in self.truth.told.iter().filter(|(_, told)| !told.lost && told.place.is_some()) {
            let row = at_hub.get(id).with_context(|| format!("the hub has never heard of booking {id}"))?;
            let stands = row.stands.as_str();
            let is_cancelled = stands == "cancelled";
            ensure!(!told.cancelled || told.uncancelled || is_cancelled, "{id} was cancelled and is {stands}");
            match stands {
                "live" => *live.entry(told.who).or_default() += 1,
                "over" => ensure!(in_case.contains(id), "{id} is over without a case"),
                "cancelled" => ensure!(told.cancelled, "{id} is cancelled and nobody did it"),
                other => anyhow::bail!("{id} was given and is {other}"),
            }
        }
        let twice = live.iter().find(|(_, count)| **count > 1);
        ensure!(twice.is_none(), "person {twice:?} has more than one live booking");
        Ok(dump.lines().filter(|line| line.starts_with("case ")).count() as u64)
    }

    /// Whoever has a number that somebody had before is in a case for it, whatever became of the first; how many numbers
    /// there are like that.
    fn check_numbers(&self, at_hub: &BTreeMap<EntryId, AtHub>) -> Result<u64> {
        let dump = String::from_utf8(self.hub.canonical()?)?;
        let found: BTreeSet<EntryId> =
            findings(&dump).filter(|(kind, _)| *kind == "number-twice").map(|(_, of)| of).collect();
        let twice = self.truth.given_twice();
        for (ids, others) in &twice {
            let cases = ids.iter().filter(|id| found.contains(id)).count();
            let is_other_first = others.iter().any(|id| at_hub.contains_key(id));
            let holds = cases + 1 == ids.len() || (cases == ids.len() && is_other_first);
            ensure!(holds, "{cases} cases of one number that {ids:?} have, and {others:?} had");
        }
        Ok(twice.len() as u64)
    }
}

/// What kind was found of which entry: it stands under its case.
fn findings(dump: &str) -> impl Iterator<Item = (&str, EntryId)> {
    dump.lines().filter_map(|line| {
        let mut words = line.strip_prefix("  ")?.split(' ');
        Some((words.next()?, words.next()?.parse().ok()?))
    })
}

/// `booking TAG PROGRAMME ID SITE SECOND DOUBT READING ROUND VENUE DATE START BRANDS SERIAL LEASE SHOWN WATERMARK STANDS`,
/// with `-` for the slot of a wish that was not granted.
fn read(line: &str) -> Result<(EntryId, AtHub)> {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |at: usize| words.get(at).copied().context("a short line");
    let id = word(3)?.parse()?;
    let stands = (*words.last().context("an empty line")?).to_owned();
    let given = if word(9)? == "-" {
        None
    } else {
        let slot = Slot {
            venue: word(9)?.parse()?,
            date: word(10)?.parse()?,
            start: word(11)?.parse()?,
            brands: word(12)?.parse()?,
        };
        Some((slot, word(13)?.parse()?))
    };
    Ok((id, AtHub { stands, given }))
}
