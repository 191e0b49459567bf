//! Runs through the scenario with the output's answers beside it: which answers were right, and what follows from those given.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use super::clock::Clock;
use super::doubles::Doubles;
use super::lines::{Ask, Deed, Line, Output, Pieces};
use super::places::{self, Places};
use super::reach::{Known, Moment, Reach};
use super::right::{Belief, Right, told};
use super::rules::{self, Finding, Rules};
use super::sales::{self, Sale, Sales, Sold, taipei_day};

/// With more sales of one person half known than this, every answer about them is let pass.
const HALF_KNOWN_MAX: usize = 10;

/// A site as the scenario and the answers leave it.
#[derive(Debug)]
pub(super) struct Site {
    reach: Reach,
    clock: Clock,
    pub(super) stock: Pieces,
}

/// The state of the scenario, and of the output as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) sites: Vec<Site>,
    pub(super) codes: Vec<String>,
    by_code: HashMap<String, u32>,
    /// Versions and when the hub published them.
    published: Vec<(&'static Rules, Moment)>,
    pub(super) sales: Sales,
    pub(super) doubles: Doubles,
    pub(super) places: Places,
    now: Option<Moment>,
}

/// Whether a line has an answer in the output.
pub(super) fn answered(line: &Line) -> Option<&str> {
    match &line.deed {
        Deed::Sell(ask) => Some(&ask.refer),
        Deed::Withdraw { refer, .. } | Deed::Cancel { refer, .. } => Some(refer),
        Deed::Book(ask) => Some(&ask.refer),
        Deed::Programme(_)
        | Deed::Arrive { .. }
        | Deed::Cut(_)
        | Deed::Heal(_)
        | Deed::Crash(_)
        | Deed::Clock { .. }
        | Deed::Open { .. }
        | Deed::Eligible(_) => None,
    }
}

impl Trial {
    /// Takes a line and its answer, if it has one; says what is wrong with the answer.
    ///
    /// # Errors
    /// Where the scenario is at fault.
    pub(super) fn step(&mut self, line: &Line, number: u32, answer: Option<&Output>) -> anyhow::Result<Option<String>> {
        let now = Moment { at: line.at, line: number };
        if self.now.is_some_and(|before| before.at > now.at) {
            anyhow::bail!("`at` goes back");
        }
        self.now = Some(now);
        match &line.deed {
            Deed::Programme(name) => self.publish(name, now)?,
            Deed::Arrive { site, pieces } => {
                let stock = &mut self.site(site, now).stock;
                *stock = Pieces { adult: stock.adult + pieces.adult, child: stock.child + pieces.child };
            }
            Deed::Sell(ask) => return self.sell(ask, now, answer),
            Deed::Withdraw { site, refer } => {
                return Ok(answer.and_then(|answer| self.withdraw(site, refer, now, answer)));
            }
            Deed::Cut(site) => {
                let site = self.site(site, now);
                site.clock.cut(now.at);
                site.reach.cut(now);
            }
            Deed::Heal(site) => {
                let site = self.site(site, now);
                if !site.reach.connected() {
                    site.clock.heal(now.at);
                    site.reach.heal(now);
                }
            }
            Deed::Crash(site) => {
                let site = self.site(site, now);
                let connected = site.reach.connected();
                site.clock.crash(now.at, connected);
                site.reach.crash(now);
            }
            Deed::Clock { site, offset_s } => {
                let site = self.site(site, now);
                let connected = site.reach.connected();
                site.clock.set(*offset_s, now.at, connected);
            }
            Deed::Open { slot, capacity } => self.places.open(slot, *capacity, now),
            Deed::Eligible(document) => self.places.list(document, now),
            Deed::Book(ask) => {
                let site = self.index(&ask.site, now);
                return Ok(answer.and_then(|answer| self.book(ask, site, now, answer)));
            }
            Deed::Cancel { site, refer } => {
                let site = self.index(site, now);
                return Ok(answer.and_then(|answer| self.places.cancel((refer, site), now, answer)));
            }
        }
        Ok(None)
    }

    fn publish(&mut self, name: &str, now: Moment) -> anyhow::Result<()> {
        let rules = Rules::named(name).ok_or_else(|| anyhow::anyhow!("the oracle does not know {name:?}"))?;
        self.published.push((rules, now));
        Ok(())
    }

    fn index(&mut self, code: &str, now: Moment) -> u32 {
        if let Some(&index) = self.by_code.get(code) {
            return index;
        }
        let index = u32::try_from(self.sites.len()).unwrap_or(u32::MAX);
        self.by_code.insert(code.to_owned(), index);
        self.codes.push(code.to_owned());
        self.sites.push(Site { reach: Reach::new(now), clock: Clock::default(), stock: Pieces::default() });
        index
    }

    fn site(&mut self, code: &str, now: Moment) -> &mut Site {
        let index = self.index(code, now);
        &mut self.sites[index as usize]
    }

    fn sell(&mut self, ask: &Ask, now: Moment, answer: Option<&Output>) -> anyhow::Result<Option<String>> {
        if self.published.is_empty() {
            anyhow::bail!("a sale before any programme");
        }
        let site = self.index(&ask.site, now);
        let errors = self.sites[site as usize].clock.errors(now.at).to_vec();
        let Some(answer) = answer else { return Ok(None) };
        let earlier = self.earlier(ask, site, now);
        self.doubles.count(earlier, answer);
        let right = self.right(ask, site, now, &errors);
        let wrong = (!right.iter().any(|right| right.fits(answer))).then(|| {
            let right: Vec<String> = right.iter().map(Right::to_string).collect();
            format!("{} at {}: answered {}, right was {}", ask.refer, ask.site, told(answer), right.join(" or "))
        });
        if answer.verdict.as_deref() == Some("sold") {
            let sold =
                Sold { refer: &ask.refer, document: &ask.document, site, at: now, pieces: ask.pieces, errors: &errors };
            if !self.sales.add(&sold) {
                anyhow::bail!("ref {:?} is used twice", ask.refer);
            }
            let stock = &mut self.sites[site as usize].stock;
            *stock = Pieces { adult: stock.adult - ask.pieces.adult, child: stock.child - ask.pieces.child };
        }
        Ok(wrong)
    }

    /// Every answer that is right: one, or more where knowledge, the version or the clock leave it open.
    fn right(&self, ask: &Ask, site: u32, now: Moment, errors: &[i64]) -> Vec<Right> {
        let mut all = Vec::new();
        for at in std::iter::once(now.at).chain(errors.iter().map(|error| now.at + error)) {
            let today = taipei_day(at);
            for rules in self.versions_at(site, today, now) {
                let mut beliefs = self.beliefs(ask, site, now, today, rules);
                if !errors.is_empty() {
                    beliefs.extend([Belief::Free, Belief::UntilSomeDay]);
                }
                for right in self.walk(ask, site, today, rules, &beliefs) {
                    if !all.contains(&right) {
                        all.push(right);
                    }
                }
            }
        }
        all
    }

    /// The reasons in their order: document, turn, bought, child, limit, stock.
    fn walk(&self, ask: &Ask, site: u32, today: NaiveDate, rules: &Rules, beliefs: &BTreeSet<Belief>) -> Vec<Right> {
        let (document, birth) = rules::document(&ask.document, today);
        let stock = self.sites[site as usize].stock;
        let short = ask.pieces.adult > stock.adult || ask.pieces.child > stock.child;
        let mut right = Vec::new();
        let mut ends = |finding: Finding, reason: Right| {
            if finding != Finding::No {
                right.push(reason);
            }
            finding == Finding::Yes
        };
        if ends(document, Right::Refused("document"))
            || ends(rules.turn(&ask.document, birth, today), Right::Refused("turn"))
        {
            return right;
        }
        for belief in beliefs {
            match *belief {
                Belief::Free => {}
                Belief::Until(next) => _ = ends(Finding::Open, Right::Bought(Some(next))),
                Belief::UntilSomeDay => _ = ends(Finding::Open, Right::Bought(None)),
            }
        }
        let done = !beliefs.contains(&Belief::Free)
            || ends(rules.child(birth, ask.pieces), Right::Refused("child"))
            || ends(rules.limit(ask.pieces), Right::Refused("limit"))
            || ends(if short { Finding::Yes } else { Finding::No }, Right::Refused("stock"));
        if !done {
            right.push(Right::Sold);
        }
        right
    }

    /// What the site may believe about this person: one belief for every set of sales that it may know.
    fn beliefs(&self, ask: &Ask, site: u32, now: Moment, today: NaiveDate, rules: &Rules) -> BTreeSet<Belief> {
        let (mut sure, mut half) = (Vec::new(), Vec::new());
        let mut beliefs = BTreeSet::new();
        let sales = self.sales.to(&ask.document);
        let unsettled = sales.iter().any(|&index| self.unsettled(&self.sales.all[index as usize], site, now));
        for &index in &sales {
            let sale = &self.sales.all[index as usize];
            let (may, must) = self.present(sale, site, now);
            let must = must && (sale.site == site || !unsettled);
            match (may, must) {
                (true, true) => sure.push(index),
                (true, false) => half.push(index),
                (false, _) => continue,
            }
            if !self.sales.errors(index).is_empty() {
                beliefs.extend([Belief::Free, Belief::UntilSomeDay]);
            }
        }
        if half.len() > HALF_KNOWN_MAX {
            return BTreeSet::from([Belief::Free, Belief::UntilSomeDay]);
        }
        for chosen in 0..1u32 << half.len() {
            let known = half.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, &index)| index);
            let known: Vec<u32> = sure.iter().copied().chain(known).collect();
            let ordered = self.sales.in_order(&known, &self.codes, |index| self.sales.all[index as usize].at.at);
            let (counts, _) = sales::counted(&ordered, |day| self.in_force(day));
            beliefs.insert(sales::next_day(&counts, today, rules).map_or(Belief::Free, Belief::Until));
        }
        beliefs
    }

    /// What a site may and must know of any purchase of this person within the window; none where there is none.
    fn earlier(&self, ask: &Ask, site: u32, now: Moment) -> Option<Known> {
        let today = taipei_day(now.at);
        let rules = self.in_force(today);
        let sales = self.sales.to(&ask.document).into_iter().map(|index| &self.sales.all[index as usize]);
        let in_window = |sale: &&Sale| {
            sale.withdrawn.is_none() && sales::next_day(&[taipei_day(sale.at.at)], today, rules).is_some()
        };
        let known = sales.filter(in_window).map(|sale| self.present(sale, site, now));
        known.reduce(|one, other| (one.0 || other.0, one.1 || other.1)).map(|(may, must)| Known { may, must })
    }

    /// Whether a sale may, and whether it must, be among what a site knows and takes for standing.
    fn present(&self, sale: &Sale, site: u32, now: Moment) -> (bool, bool) {
        let known = |since: Moment| {
            if sale.site == site {
                return Known::OWN;
            }
            let reach = |site: u32| &self.sites[site as usize].reach;
            reach(site).hears_site(reach(sale.site), since, now)
        };
        let sold = known(sale.at);
        let withdrawn = sale.withdrawn.map_or(Known::NOT, known);
        (sold.may && !withdrawn.must, sold.must && !withdrawn.may)
    }

    /// Whether the site may not have heard from the hub what this sale's withdrawal changed. The hub tells of purchases that count; one
    /// that was over until an earlier one was withdrawn is heard of only now.
    fn unsettled(&self, sale: &Sale, site: u32, now: Moment) -> bool {
        let reach = |site: u32| &self.sites[site as usize].reach;
        sale.withdrawn.is_some_and(|since| !reach(site).hears_site(reach(sale.site), since, now).must)
    }

    /// The version in force on a day, of all published so far.
    pub(super) fn in_force(&self, day: NaiveDate) -> &'static Rules {
        let earliest = self.published.iter().map(|&(rules, _)| rules).min_by_key(|rules| rules.from());
        let newest = self
            .published
            .iter()
            .map(|&(rules, _)| rules)
            .filter(|rules| rules.from() <= day)
            .max_by_key(|rules| rules.from());
        // `sell` has refused a scenario that publishes nothing.
        newest.or(earliest).unwrap_or_else(|| unreachable!("a programme is published before any sale"))
    }

    /// The versions by which a site may decide today: the newest that it must know, and newer ones that it may know.
    fn versions_at(&self, site: u32, today: NaiveDate, now: Moment) -> Vec<&'static Rules> {
        if let [(only, _)] = self.published[..] {
            return vec![only];
        }
        let reach = &self.sites[site as usize].reach;
        let mut known: Vec<(&'static Rules, Known)> =
            self.published.iter().map(|&(rules, since)| (rules, reach.hears_hub(since, now))).collect();
        known.retain(|(rules, known)| rules.from() <= today && known.may);
        known.sort_by_key(|(rules, _)| rules.from());
        let sure = known.iter().rposition(|(_, known)| known.must).unwrap_or(0);
        let mut versions: Vec<&'static Rules> = known.iter().skip(sure).map(|&(rules, _)| rules).collect();
        if versions.is_empty() {
            versions.push(self.in_force(today));
        }
        versions
    }

    fn book(&mut self, ask: &places::Ask, site: u32, now: Moment, answer: &Output) -> Option<String> {
        let (sites, own) = (&self.sites, &self.sites[site as usize].reach);
        let hears = |other: u32, since: Moment| own.hears_site(&sites[other as usize].reach, since, now);
        self.places.book(ask, (site, own), now, answer, hears)
    }

    fn withdraw(&mut self, code: &str, refer: &str, now: Moment, answer: &Output) -> Option<String> {
        let site = self.index(code, now);
        let unsteady = !self.sites[site as usize].clock.errors(now.at).is_empty();
        let sale = self.sales.find(refer).filter(|&index| {
            let sale = &self.sales.all[index as usize];
            sale.site == site && sale.withdrawn.is_none()
        });
        let withdrawn = answer.verdict.as_deref() == Some("withdrawn");
        let refused = answer.verdict.as_deref() == Some("refused");
        let unknown = refused && answer.reason.as_deref() == Some("unknown");
        let right = match sale {
            None => unknown,
            Some(index) => {
                let same_day = taipei_day(self.sales.all[index as usize].at.at) == taipei_day(now.at);
                let open = unsteady || !self.sales.errors(index).is_empty();
                // On another day it is refused (decision 12); the contract names no reason.
                if open {
                    withdrawn || refused
                } else if same_day {
                    withdrawn
                } else {
                    refused
                }
            }
        };
        if withdrawn && let Some(index) = sale {
            let sale = &mut self.sales.all[index as usize];
            sale.withdrawn = Some(now);
            let pieces = sale.pieces;
            let stock = &mut self.sites[site as usize].stock;
            *stock = Pieces { adult: stock.adult + pieces.adult, child: stock.child + pieces.child };
        }
        let there = if sale.is_some() { "the sale stands there" } else { "no such sale stands there" };
        (!right).then(|| format!("withdraw {refer} at {code}: answered {}, but {there}", told(answer)))
    }
}
