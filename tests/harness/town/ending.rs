//! The end of a town: no more faults; everything must cross, and everybody must agree (L1).

use anyhow::{Context, Result, ensure};
use edge::node::ask::Examine;
use edge::node::confirm::Confirmation;
use hub::hub::Hub;
use shared::rules::refusal::Refusal;

use super::Town;
use super::people::{day_number, day_of};

/// Everything has crossed within so many simulated minutes.
const HEALED_WITHIN_S: i64 = 30 * 60;
/// One look at all lines a step.
const STEP_MS: i64 = 1_000;
/// Frames that a line carries a step.
const FRAMES: u64 = 32;

impl Town {
    /// Heals everything and demands convergence.
    pub(super) fn end(&mut self) -> Result<()> {
        self.knobs.cut_per_1000_frames = 0;
        for index in 0..self.knobs.era.versions.len() {
            self.publish(index)?;
        }
        for site in &mut self.sites {
            site.offset_ms = 0;
        }
        let healed_ms = self.now_ms;
        let mut open = self.open()?;
        while open.is_some() {
            let late = self.now_ms - healed_ms > HEALED_WITHIN_S * 1000;
            ensure!(!late, "L1: after {HEALED_WITHIN_S} s without faults {}", open.unwrap_or_default());
            self.now_ms += STEP_MS;
            self.publish_digests()?;
            for at in 0..self.sites.len() {
                if self.sites[at].line.is_none() {
                    self.dial(at)?;
                }
                self.carry(at, FRAMES)?;
                self.ingest(usize::MAX)?;
            }
            self.check_step()?;
            open = self.open()?;
        }
        self.check_all()?;
        self.check_ledgers()?;
        self.check_desks()?;
        self.check_known()?;
        self.check_fresh_hub()?;
        self.check_rebuild()
    }

    /// What has not crossed yet, in words.
    fn open(&mut self) -> Result<Option<String>> {
        let hub = self.hub.as_ref().context("a hub that is running")?;
        let (feed, now_ms) = (hub.feed_position()?, self.now_ms);
        for site in &mut self.sites {
            let code = site.code;
            let reading = site.reading(now_ms);
            let down = hub.load_down(&code, site.node()?.standing().down)?;
            let node = site.node()?;
            let (len, acked, seen) = (node.log_len(), node.acked_upto(), node.standing().feed);
            let held = hub.site_status(&code)?.context("a site of the register")?.entries;
            if len < held {
                return Ok(Some(format!("{code} holds {len} of {held} entries of its own")));
            }
            if acked < len {
                return Ok(Some(format!("{code} has {acked} of {len} acknowledged")));
            }
            // Which days matter follows from the day by the site's own clock; of another year's nobody tells it.
            let off = day_number(node.business_day(reading)) - day_of(now_ms / 1000);
            let late = node.lagging_today();
            if off.abs() <= 1 && !late.is_empty() {
                return Ok(Some(format!("{code} has no digests of {late:?}")));
            }
            if seen != feed || down.is_some() {
                return Ok(Some(format!("{code} knows the nation up to {seen} of {feed}")));
            }
        }
        Ok(None)
    }

    /// S3 at the hub, and that every answer is there.
    fn check_ledgers(&mut self) -> Result<()> {
        let hub = self.hub.as_ref().context("a hub that is running")?;
        for at in 0..self.sites.len() {
            let code = self.sites[at].code;
            let node = self.sites[at].node()?;
            ensure!(node.versions().iter().count() == self.published.len(), "{code} does not know every version");
            let status = hub.site_status(&code)?.context("a site of the register")?;
            let known = self.model.delivered.keys().filter(|id| self.model.sites.get(id) == Some(&code)).count() as u64;
            ensure!(status.entries == known, "the hub counts {} entries of {code}, {known} came", status.entries);
            let book = self.model.book(at);
            ensure!(book.log.len() as u64 == known, "{code} holds {} of its {known} entries", book.log.len());
            for (programme, have) in &book.stock {
                let said = status.stock.iter().find(|stock| stock.programme.as_str() == *programme);
                let said = said.map_or((0, 0), |stock| (stock.adult, stock.child));
                ensure!(said == *have, "S3: the hub says {said:?} {programme} at {code}, the answers {have:?}");
            }
            let honest = Some(at) != self.liar;
            ensure!(!honest || status.quarantined == 0, "runs of the honest {code} are kept aside");
        }
        Ok(())
    }

    /// L3: in the end every counter knows of everybody whether they may buy, however it came to know; and where the
    /// list speaks against somebody, the hub says the same.
    fn check_known(&mut self) -> Result<()> {
        for at in 0..self.sites.len() {
            for (person, programme) in self.everybody() {
                let document = self.people[person].document(false);
                let ask = Examine { programme: Some(programme.parse()?), document };
                self.check_known_of(at, person, &ask, None)?;
                if let Some(hub) = self.confirmed(at, ask.programme.as_ref(), &ask.document)? {
                    self.check_known_of(at, person, &ask, Some(&hub))?;
                }
            }
        }
        Ok(())
    }

    fn check_known_of(&mut self, at: usize, person: usize, ask: &Examine, hub: Option<&Confirmation>) -> Result<()> {
        let mut view = self.view(at)?;
        if let Some(hub) = hub
            && self.goes_by(at, hub)?
        {
            view.confirmed_by(hub.said());
        }
        let site = &mut self.sites[at];
        let (code, reading) = (site.code, site.reading(self.now_ms));
        let node = site.node()?;
        let today = node.business_day(reading);
        let (version, bought) = match node.examine_confirmed(ask, hub, reading)? {
            Ok(examined) => (examined.version, false),
            Err(Refusal::Bought { .. }) => {
                let programme = ask.programme.as_ref().context("a programme that is named")?;
                let versions = node.versions();
                (versions.in_force(programme, today).context("a version that refuses")?.name.clone(), true)
            }
            // Something else speaks against it first.
            Err(_) => return Ok(()),
        };
        let known = self.model.evidence(&view, person, self.rule(version.as_str())?, day_number(today));
        let by = if hub.is_some() { "the hub" } else { "the list" };
        ensure!(bought || !known.must, "L3: {code} does not know by {by} what person {person} bought");
        ensure!(!bought || known.may, "L3: {code} takes person {person} for a buyer by {by} without a reason");
        Ok(())
    }

    fn everybody(&self) -> Vec<(usize, &'static str)> {
        let mut programmes = self.knobs.era.programmes.clone();
        programmes.dedup();
        (0..self.people.len()).flat_map(|person| programmes.clone().into_iter().map(move |it| (person, it))).collect()
    }

    /// S6, whole: a hub that hears everything for the first time, in another order.
    fn check_fresh_hub(&mut self) -> Result<()> {
        let mut fresh = self.another_hub()?;
        let mut all = self.uploads.clone();
        for index in (1..all.len()).rev() {
            all.swap(index, self.dice.index(index + 1));
        }
        let second = self.second();
        let (before, after) = all.split_at(all.len() / 2);
        fresh.ingest(before, second)?;
        for name in self.published.clone() {
            publish(&mut fresh, &self.text(name)?, second)?;
        }
        for upload in after {
            fresh.ingest(std::slice::from_ref(upload), second)?;
        }
        let hub = self.hub()?;
        ensure!(hub.canonical()? == fresh.canonical()?, "S6: another order gives another truth");
        Ok(())
    }

    /// The projections follow from the journal alone.
    fn check_rebuild(&mut self) -> Result<()> {
        let hub = self.hub()?;
        let before = (hub.canonical()?, hub.feed_position()?);
        hub.rebuild()?;
        let after = (hub.canonical()?, hub.feed_position()?);
        ensure!(before.0 == after.0, "a rebuild says something else");
        ensure!(before.1 == after.1, "a rebuild tells the nation something new: {} and {}", before.1, after.1);
        self.note(9, &after.0);
        Ok(())
    }
}

/// A hub publishes a version.
pub(super) fn publish(hub: &mut Hub, text: &str, second: i64) -> Result<()> {
    hub.publish_programme(text, "town", second)?.map_err(|bad| anyhow::anyhow!("{bad}"))?;
    Ok(())
}
