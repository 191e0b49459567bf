//! What must be true: every answer that was given, kept beside the system and never asked of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, ensure};
use shared::entry::{Fact, Pieces, Reading};
use shared::ids::{EntryId, SiteCode};
use shared::ledger::run::Run;
use shared::seal::mark;
use shared::wire::v1::{entry, feed};

use super::people::{Person, Rule, day_of};

/// A sale that was answered.
#[derive(Debug, Clone)]
pub(super) struct Sale {
    pub(super) site: SiteCode,
    pub(super) person: usize,
    pub(super) programme: &'static str,
    pub(super) version: String,
    pub(super) pieces: Pieces,
    /// When it happened, as the site knew it.
    pub(super) instant: i64,
    pub(super) reading: Reading,
}

/// What an entry did.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Sale,
    Arrival { pieces: Pieces },
    Withdrawal { of: EntryId },
    Correction,
}

/// An answered entry.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) id: EntryId,
    pub(super) hash: String,
    pub(super) deed: Deed,
    /// The stock of its programme behind it, as it must be.
    pub(super) stock: (i64, i64),
    pub(super) programme: &'static str,
}

/// One site's answers.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) log: Vec<Answered>,
    pub(super) stock: BTreeMap<&'static str, (i64, i64)>,
    pub(super) withdrawn: BTreeSet<EntryId>,
    /// What the hub told this site of its own sales, as far as it was taken.
    pub(super) over: BTreeSet<EntryId>,
    /// What a restored backup did not hold.
    pub(super) lost: Vec<Answered>,
    /// Up to here the hub was seen to hold what it acknowledged.
    pub(super) proved: u64,
}

/// Everything that was answered, by whomever.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) books: BTreeMap<SiteCode, Book>,
    pub(super) sales: BTreeMap<EntryId, Sale>,
    by_person: HashMap<usize, Vec<EntryId>>,
    /// S8: what each name stands for.
    names: HashMap<EntryId, String>,
    by_mark: HashMap<u32, EntryId>,
    /// What the hub has told the nation of each sale, by position.
    told: HashMap<EntryId, Vec<(u64, bool)>>,
    feed: u64,
    /// Entries that the hub has acknowledged to whomever.
    /// with the feed's position behind them.
    pub(super) delivered: BTreeMap<EntryId, u64>,
}

/// What a site knows of somebody: whether something certainly speaks against a sale, and whether anything may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) must: bool,
    pub(super) may: bool,
}

impl Model {
    pub(super) fn book(&mut self, site: SiteCode) -> &mut Book {
        self.books.entry(site).or_default()
    }

    /// S8: one name, one content.
    pub(super) fn name(&mut self, id: EntryId, hash: &str) -> Result<()> {
        let known = self.names.entry(id).or_insert_with(|| hash.to_owned());
        ensure!(known == hash, "S8: {id} names {known} and {hash}");
        Ok(())
    }

    /// A backup has come back: what it did not hold, its site no longer has.
    pub(super) fn forget(&mut self, site: SiteCode, held: usize, over: BTreeSet<EntryId>) {
        let book = self.book(site);
        book.over = over;
        let lost: Vec<Answered> = book.log.split_off(held.min(book.log.len()));
        book.stock.clear();
        for answered in &book.log {
            book.stock.insert(answered.programme, answered.stock);
        }
        for answered in &lost {
            if let Deed::Withdrawal { of } = answered.deed {
                book.withdrawn.remove(&of);
            }
        }
        book.lost.extend(lost);
        book.proved = book.proved.min(book.log.len() as u64);
    }

    pub(super) fn sold(&mut self, id: EntryId, sale: Sale) {
        self.by_mark.insert(mark(&id), id);
        self.by_person.entry(sale.person).or_default().push(id);
        self.sales.insert(id, sale);
    }

    /// What the nation was told last of a sale: whether it counts.
    pub(super) fn counts_by_feed(&self, id: &EntryId) -> bool {
        self.told.get(id).and_then(|told| told.last()).is_some_and(|(_, gone)| !gone)
    }

    /// Reads what the hub has published since.
    pub(super) fn hear(&mut self, hub: &hub::hub::Hub) -> Result<()> {
        loop {
            let parts = hub.load_feed(self.feed)?;
            if parts.is_empty() {
                return Ok(());
            }
            for part in parts {
                let mut position = self.feed;
                for item in feed::decode(&part.body)?.groups.iter().flat_map(|group| &group.items) {
                    position += 1;
                    if let Some(id) = self.by_mark.get(&item.mark) {
                        self.told.entry(*id).or_default().push((position, item.gone));
                    }
                }
                ensure!(position == part.upto, "the feed says {} items and holds {position}", part.upto);
                self.feed = position;
            }
        }
    }

    /// A site has put a run of the hub's on its disk.
    pub(super) fn learned(&mut self, site: SiteCode, run: &Run) -> Result<()> {
        let book = self.book(site);
        for bytes in &run.entries {
            if let Fact::Standing(standing) = entry::decode(bytes)?.fact {
                if standing.over {
                    book.over.insert(standing.sale);
                } else {
                    book.over.remove(&standing.sale);
                }
            }
        }
        Ok(())
    }

    /// What a site whose watermark is `seen` knows of somebody on a day, by the version that it goes by.
    pub(super) fn evidence(&self, site: SiteCode, person: usize, seen: u64, rule: &Rule, today: i64) -> Evidence {
        let mut out = Evidence::default();
        for id in self.by_person.get(&person).into_iter().flatten() {
            let Some(sale) = self.sales.get(id).filter(|sale| sale.programme == rule.programme) else { continue };
            if !rule.joins(day_of(sale.instant), today) {
                continue;
            }
            let known = self.knows(site, id, sale, seen);
            out.must |= known.must;
            out.may |= known.may;
        }
        out
    }

    fn knows(&self, site: SiteCode, id: &EntryId, sale: &Sale, seen: u64) -> Evidence {
        let told = self.told.get(id).map_or(&[][..], Vec::as_slice);
        let last = told.iter().rev().find(|(position, _)| *position <= seen).map(|(_, gone)| *gone);
        let forgotten = self.books.get(&site).is_some_and(|book| book.lost.iter().any(|lost| lost.id == *id));
        if sale.site != site || forgotten {
            let counts = last == Some(false);
            return Evidence { must: counts, may: counts };
        }
        let Some(book) = self.books.get(&site) else { return Evidence::default() };
        if book.withdrawn.contains(id) || book.over.contains(id) {
            return Evidence::default();
        }
        match last {
            Some(false) => Evidence { must: true, may: true },
            // The feed says it does not count and the desk has not said why yet.
            Some(true) => Evidence { must: false, may: true },
            // The hub may have found it over at once: then it is in no feed, and the desk says so later.
            None => {
                let at_once = |behind: &u64| told.first().is_some_and(|(position, _)| position <= behind);
                Evidence { must: self.delivered.get(id).is_none_or(at_once), may: true }
            }
        }
    }

    /// S5 by brute force: of every (programme, person), the delivered sales that are not withdrawn in
    /// the order that decides, those that are over, and those that were right by an older version.
    pub(super) fn cases(&self, people: &[Person], published: &[&Rule]) -> BTreeSet<Case> {
        let withdrawn: BTreeSet<EntryId> = self.withdrawals().collect();
        let mut groups: BTreeMap<(&str, usize), Vec<Place>> = BTreeMap::new();
        for (id, sale) in &self.sales {
            if self.delivered.contains_key(id) && !withdrawn.contains(id) {
                let place = (sale.instant, sale.reading, sale.site, *id);
                groups.entry((sale.programme, sale.person)).or_default().push(place);
            }
        }
        let mut out = BTreeSet::new();
        for ((programme, person), mut sales) in groups {
            sales.sort();
            let ids: Vec<EntryId> = sales.iter().map(|sale| sale.3).collect();
            let rules: Vec<&Rule> = published.iter().copied().filter(|rule| rule.programme == programme).collect();
            let Some(who) = people.get(person) else { continue };
            let (over, stale) = self.walk(&ids, who, &rules);
            if !over.is_empty() || !stale.is_empty() {
                out.insert(Case { programme: programme.to_owned(), sales: ids, over, stale });
            }
        }
        out
    }

    fn walk(&self, ids: &[EntryId], who: &Person, rules: &[&Rule]) -> (Vec<EntryId>, Vec<EntryId>) {
        let (mut over, mut stale, mut counted) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            let Some(sale) = self.sales.get(id) else { continue };
            let today = day_of(sale.instant);
            let right =
                |rule: &Rule| !counted.iter().any(|past| rule.joins(*past, today)) && rule.fits(who, sale.pieces, true);
            let in_force = rules.iter().filter(|rule| rule.from <= today).max_by_key(|rule| rule.from);
            if let Some(rule) = in_force.filter(|rule| !right(rule)) {
                let own = rules.iter().find(|own| own.name == sale.version && own.name != rule.name);
                if own.is_some_and(|own| right(own)) {
                    stale.push(*id);
                } else {
                    over.push(*id);
                    continue;
                }
            }
            counted.push(today);
        }
        (over, stale)
    }

    /// What delivered withdrawals took back.
    pub(super) fn withdrawals(&self) -> impl Iterator<Item = EntryId> {
        let answered = self.books.values().flat_map(|book| book.log.iter().chain(&book.lost));
        answered.filter(|answered| self.delivered.contains_key(&answered.id)).filter_map(|answered| {
            match answered.deed {
                Deed::Withdrawal { of } => Some(of),
                Deed::Sale | Deed::Arrival { .. } | Deed::Correction => None,
            }
        })
    }
}

/// Where a sale stands in the order that decides.
type Place = (i64, Reading, SiteCode, EntryId);

/// A case, as the hub lists it and as brute force finds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    pub(super) programme: String,
    pub(super) sales: Vec<EntryId>,
    pub(super) over: Vec<EntryId>,
    pub(super) stale: Vec<EntryId>,
}
