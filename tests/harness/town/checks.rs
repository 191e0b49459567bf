//! The invariants of the town (RELIABILITY: S1-S8, S11), cheap ones after every step, whole ones now and then.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::ingest::Outcome;
use shared::ids::EntryId;

use super::Town;
use super::model::Case;

/// Entries read at once.
const ROWS: usize = 256;
/// Uploads that a second hub takes at once, at most.
const BATCH: u64 = 7;

impl Town {
    /// After every step.
    pub(super) fn check_step(&mut self) -> Result<()> {
        for at in 0..self.sites.len() {
            let code = self.sites[at].code;
            let node = self.sites[at].node()?;
            let (len, acked) = (node.log_len(), node.acked_upto());
            let book = self.model.book(at);
            ensure!(len == book.log.len() as u64, "S1: {code} holds {len} of {} answers", book.log.len());
            ensure!(acked <= len, "{code} holds {len} entries and {acked} are acknowledged");
            if acked > book.proved {
                self.prove(at, acked)?;
            }
        }
        Ok(())
    }

    /// S2: what a site believes to be acknowledged is in the hub, byte for byte.
    fn prove(&mut self, at: usize, acked: u64) -> Result<()> {
        let code = self.sites[at].code;
        let hub = self.hub.as_ref().context("a hub that is running")?;
        if self.sites[at].node()?.standing().hub_life != hub.life() {
            // It was told by a hub that has since been taken back; what that forgot it will offer again.
            return Ok(());
        }
        let book = self.model.book(at);
        let upto = usize::try_from(acked)?;
        let from = usize::try_from(book.proved)?;
        for answered in book.log.get(from..upto).unwrap_or_default() {
            let held = hub.entry_hash(&answered.id)?.map(|hash| hash.to_string());
            let held = held.with_context(|| format!("S2: {} is acknowledged to {code} and not there", answered.id))?;
            ensure!(held == answered.hash, "S2: the hub holds another {} than {code}", answered.id);
        }
        book.proved = acked;
        Ok(())
    }

    /// S1 and S3, the whole log of a site.
    pub(super) fn check_log(&mut self, at: usize) -> Result<()> {
        let code = self.sites[at].code;
        let reading = self.sites[at].reading(self.now_ms);
        let node = self.sites[at].node()?;
        let mut lines = Vec::new();
        while let Some(upto) = {
            let some = node.export(lines.len() as u64, ROWS)?;
            lines.extend(some.lines);
            some.upto
        } {
            ensure!(upto == lines.len() as u64, "the export of {code} leaves something out");
        }
        let shelves = node.shelves(reading)?;
        let quarantined = node.status(reading)?.quarantined;
        ensure!(quarantined == 0, "{code} believes that {quarantined} of its runs are kept aside");
        let book = self.model.book(at);
        ensure!(lines.len() == book.log.len(), "S1: {code} holds {} of {} answers", lines.len(), book.log.len());
        for (line, answered) in lines.iter().zip(&book.log) {
            let line: serde_json::Value = serde_json::from_str(line)?;
            let same = line["id"] == answered.id.to_string() && line["hash"] == answered.hash;
            ensure!(same, "S1: {code} holds {line} in place of {}", answered.id);
            let stock = (line["stock"]["adult"].as_i64(), line["stock"]["child"].as_i64());
            ensure!(stock == (Some(answered.stock.0), Some(answered.stock.1)), "S3: {code} holds {line}");
            let withdrawn = book.withdrawn.contains(&answered.id);
            ensure!(line["withdrawn"] == withdrawn, "S1: {code} forgot what became of {}", answered.id);
        }
        for shelf in shelves {
            let have = book.stock.get(shelf.programme.as_str()).copied().unwrap_or_default();
            ensure!((shelf.stock.adult, shelf.stock.child) == have, "S3: the shelf of {code} is not {have:?}");
        }
        Ok(())
    }

    /// Every 64 steps and at the end: S1 to S7 whole.
    pub(super) fn check_all(&mut self) -> Result<()> {
        for at in 0..self.sites.len() {
            self.check_log(at)?;
            let acked = std::mem::take(&mut self.model.book(at).proved);
            self.prove(at, acked)?;
        }
        self.check_cases()?;
        self.check_told()?;
        self.check_other_order()
    }

    /// S5: the hub's cases are those of brute force, each once.
    pub(super) fn check_cases(&mut self) -> Result<()> {
        let hub = self.hub.as_ref().context("a hub that is running")?;
        let found = cases(hub)?;
        let published: Vec<_> = super::rules().iter().filter(|rule| self.published.contains(&rule.name)).collect();
        let (right, hidden) = self.model.cases(&self.people, &published);
        if let Some(case) = right.difference(&found).next() {
            anyhow::bail!("S5: the hub does not say {case:?}; it says {:?}", found.difference(&right).next());
        }
        let false_case = found.difference(&right).next();
        ensure!(false_case.is_none(), "S5: the hub says {false_case:?}");
        ensure!(hidden.is_empty(), "S12: a wrong clock hides a double purchase: {hidden:?}");
        self.cases = right.iter().filter(|case| !case.over.is_empty() || !case.stale.is_empty()).count() as u64;
        self.in_doubt = right.iter().map(|case| case.doubtful.len() as u64).sum();
        Ok(())
    }

    /// S6: a second hub that is given what is new in another order says the same.
    fn check_other_order(&mut self) -> Result<()> {
        let mut new = self.uploads.get(self.shadowed..).unwrap_or_default().to_vec();
        for index in (1..new.len()).rev() {
            new.swap(index, self.dice.index(index + 1));
        }
        self.shadowed = self.uploads.len();
        let second = self.second();
        let mut new = new.as_slice();
        while !new.is_empty() {
            let count = usize::try_from(1 + self.dice.below(BATCH))?.min(new.len());
            let (now, later) = new.split_at(count);
            self.shadow.ingest(now, second)?;
            new = later;
        }
        let hub = self.hub.as_ref().context("a hub that is running")?;
        ensure!(hub.canonical()? == self.shadow.canonical()?, "S6: another order gives another truth");
        Ok(())
    }

    /// S7: what was delivered is delivered again and changes nothing.
    pub(super) fn deliver_again(&mut self) -> Result<()> {
        if self.uploads.is_empty() {
            return Ok(());
        }
        let upload = self.dice.pick(&self.uploads).clone();
        let second = self.second();
        let hub = self.hub()?;
        let state = |hub: &Hub| -> Result<_> {
            Ok((hub.journal_position()?, hub.feed_position()?, hub.status()?.quarantined, hub.canonical()?))
        };
        let before = state(hub)?;
        let outcomes = hub.ingest(std::slice::from_ref(&upload), second)?;
        let taken = matches!(outcomes.as_slice(), [Outcome::Ingested { .. }]);
        ensure!(taken, "S7: what was taken is not taken again: {outcomes:?}");
        ensure!(state(hub)? == before, "S7: a run of {} that came twice changed something", upload.site);
        Ok(())
    }
}

/// The cases as the hub lists them.
fn cases(hub: &Hub) -> Result<BTreeSet<Case>> {
    let mut out = BTreeSet::new();
    for case in hub.cases(&CaseFilter::default())? {
        let in_order =
            |ids: &[EntryId]| -> Vec<EntryId> { case.sales.iter().filter(|id| ids.contains(id)).copied().collect() };
        let (over, stale, doubtful) = (in_order(&case.over), in_order(&case.stale), in_order(&case.doubtful));
        ensure!(
            over.len() == case.over.len() && doubtful.len() == case.doubtful.len(),
            "S5: a case finds a sale that it does not list"
        );
        let programme = case.programme.as_str().to_owned();
        let case = Case { programme, sales: case.sales.clone(), over, stale, doubtful };
        ensure!(out.insert(case.clone()), "S5: twice {case:?}");
    }
    Ok(out)
}
