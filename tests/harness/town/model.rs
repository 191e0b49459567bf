//! What must be true: every answer that was given, kept beside the system and never asked of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Result, ensure};
use edge::nation::Lag;
use shared::entry::{Fact, Pieces, Reading};
use shared::ids::{EntryId, Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::seal::mark;
use shared::wire::v1::confirm::Confirmed;
use shared::wire::v1::{entry, feed};

use super::people::{Person, Rule, day_number, day_of};

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
    /// How far off that may be, as the site said.
    pub(super) doubt_s: u32,
    /// When it truly happened; `None` where the site could not know how far it was off.
    pub(super) truly: Option<i64>,
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
    /// By how much it moved the stock.
    pub(super) by: (i64, i64),
}

/// One node's answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    pub(super) log: Vec<Answered>,
    /// The names in the log.
    pub(super) own: HashSet<EntryId>,
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
    /// By the number of the node.
    pub(super) books: BTreeMap<usize, Book>,
    pub(super) sales: BTreeMap<EntryId, Sale>,
    by_person: HashMap<usize, Vec<EntryId>>,
    /// S8: what each name stands for.
    names: HashMap<EntryId, String>,
    by_mark: HashMap<u32, EntryId>,
    /// What each life of the hub has told the nation.
    told: HashMap<Incarnation, Told>,
    /// Whose ledger each entry is in.
    pub(super) sites: HashMap<EntryId, SiteCode>,
    /// Entries that the hub has acknowledged to whomever.
    /// with the feed's position behind them.
    pub(super) delivered: BTreeMap<EntryId, u64>,
}

/// What one life of the hub has told the nation of each sale, by position.
#[derive(Debug, Default)]
struct Told {
    of: HashMap<EntryId, Vec<(u64, bool)>>,
    feed: u64,
    /// What it had taken, with the feed's position behind each.
    delivered: HashMap<EntryId, u64>,
}

/// From where a node looks at the nation.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// Which node.
    pub(super) at: usize,
    /// The life of the hub that its watermark belongs to.
    pub(super) hub: Incarnation,
    /// Its watermark.
    pub(super) seen: u64,
    /// The days of which it knows less.
    pub(super) lags: Vec<Lag>,
    /// Whether some of it came by digests.
    pub(super) has_digests: bool,
    /// Whether the hub itself has said it, of one person.
    pub(super) is_confirmed: bool,
}

impl View {
    /// The hub has told what it knows of one person, and the site goes by it.
    pub(super) fn confirmed_by(&mut self, hub: &Confirmed) {
        (self.seen, self.has_digests, self.is_confirmed) = (hub.feed, false, true);
        self.lags.clear();
    }

    /// How the day of a sale lags behind the watermark.
    fn lag(&self, sale: &Sale) -> Option<&Lag> {
        let day = day_of(sale.instant);
        let is_its = |lag: &&Lag| {
            lag.programme.as_str() == sale.programme && (day_number(lag.first)..=day_number(lag.last)).contains(&day)
        };
        self.lags.iter().find(is_its)
    }
}

/// What a site knows of somebody: whether something certainly speaks against a sale, and whether anything may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) must: bool,
    pub(super) may: bool,
}

impl Model {
    pub(super) fn book(&mut self, at: usize) -> &mut Book {
        self.books.entry(at).or_default()
    }

    /// S8: one name, one content.
    pub(super) fn name(&mut self, site: SiteCode, id: EntryId, hash: &str) -> Result<()> {
        self.sites.insert(id, site);
        let known = self.names.entry(id).or_insert_with(|| hash.to_owned());
        ensure!(known == hash, "S8: {id} names {known} and {hash}");
        Ok(())
    }

    /// Something was answered, or came back from the hub: it stands in the log of a node.
    pub(super) fn append(&mut self, at: usize, answered: Answered) {
        let book = self.book(at);
        book.stock.insert(answered.programme, answered.stock);
        book.own.insert(answered.id);
        book.log.push(answered);
    }

    /// What an entry was when it was answered, by whichever node.
    pub(super) fn answered(&self, id: &EntryId) -> Option<&Answered> {
        let all = self.books.values().flat_map(|book| book.log.iter().chain(&book.lost));
        all.into_iter().find(|answered| answered.id == *id)
    }

    /// A backup has come back: what it did not hold, its site no longer has.
    pub(super) fn forget(&mut self, at: usize, held: usize, over: BTreeSet<EntryId>) {
        let book = self.book(at);
        book.over = over;
        let lost: Vec<Answered> = book.log.split_off(held.min(book.log.len()));
        book.stock.clear();
        for answered in &book.log {
            book.stock.insert(answered.programme, answered.stock);
        }
        for answered in &lost {
            book.own.remove(&answered.id);
            if let Deed::Withdrawal { of } = answered.deed
                && answered.by != (0, 0)
            {
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

    /// What a life of the hub told the nation last of a sale: whether it counts.
    pub(super) fn counts_by_feed(&self, hub: &Incarnation, id: &EntryId) -> bool {
        let told = self.told.get(hub).and_then(|told| told.of.get(id)?.last());
        told.is_some_and(|(_, gone)| !gone)
    }

    /// The hub has taken an entry.
    pub(super) fn deliver(&mut self, hub: Incarnation, id: EntryId, feed: u64) {
        self.delivered.entry(id).or_insert(feed);
        self.told.entry(hub).or_default().delivered.entry(id).or_insert(feed);
    }

    /// Reads what the hub has published since.
    pub(super) fn hear(&mut self, hub: &hub::hub::Hub) -> Result<()> {
        let told = self.told.entry(hub.life()).or_default();
        loop {
            let parts = hub.load_feed(told.feed)?;
            if parts.is_empty() {
                return Ok(());
            }
            for part in parts {
                let mut position = told.feed;
                for item in feed::decode(&part.body)?.groups.iter().flat_map(|group| &group.items) {
                    position += 1;
                    if let Some(id) = self.by_mark.get(&item.mark) {
                        told.of.entry(*id).or_default().push((position, item.gone));
                    }
                }
                ensure!(position == part.upto, "the feed says {} items and holds {position}", part.upto);
                told.feed = position;
            }
        }
    }

    /// A site has put a run of the hub's on its disk.
    pub(super) fn learned(&mut self, at: usize, run: &Run) -> Result<()> {
        let book = self.book(at);
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

    /// What a node knows of somebody on a day, by the version that it goes by.
    pub(super) fn evidence(&self, view: &View, person: usize, rule: &Rule, today: i64) -> Evidence {
        let mut out = Evidence::default();
        for id in self.by_person.get(&person).into_iter().flatten() {
            let Some(sale) = self.sales.get(id).filter(|sale| sale.programme == rule.programme) else { continue };
            if !rule.joins(day_of(sale.instant), today) {
                continue;
            }
            let known = self.knows(view, id);
            out.must |= known.must && !self.is_in_doubt(view, person, sale);
            out.may |= known.may;
        }
        out
    }

    /// A digest does not say which sale it means: where another one of that person and day was taken back, by this site
    /// or as the list says since, it may be that one.
    fn is_in_doubt(&self, view: &View, person: usize, sale: &Sale) -> bool {
        let Some(book) = self.books.get(&view.at).filter(|_| view.has_digests) else { return false };
        let told = self.told.get(&view.hub);
        let is_gone = |id: &EntryId| {
            let told = told.and_then(|told| told.of.get(id)).map_or(&[][..], Vec::as_slice);
            told.iter().any(|(position, gone)| *gone && *position <= view.seen)
        };
        let same_day =
            |other: &Sale| other.programme == sale.programme && day_of(other.instant) == day_of(sale.instant);
        let mut of_person = self.by_person.get(&person).into_iter().flatten();
        of_person.any(|id| (book.withdrawn.contains(id) || is_gone(id)) && self.sales.get(id).is_some_and(same_day))
    }

    fn knows(&self, view: &View, id: &EntryId) -> Evidence {
        let life = self.told.get(&view.hub);
        let told = life.and_then(|life| life.of.get(id)).map_or(&[][..], Vec::as_slice);
        let lag = self.sales.get(id).and_then(|sale| view.lag(sale));
        let is_hidden = |position: u64| lag.is_some_and(|lag| position > lag.known && position <= lag.again);
        if told.iter().any(|(position, _)| is_hidden(*position)) {
            // The digest that says so has not come yet; some of the feed of that time may be here.
            return Evidence { must: false, may: true };
        }
        let last = told.iter().rev().find(|(position, _)| *position <= view.seen).map(|(_, gone)| *gone);
        let Some(book) = self.books.get(&view.at).filter(|book| book.own.contains(id)) else {
            let counts = last == Some(false);
            return Evidence { must: counts, may: counts };
        };
        if book.withdrawn.contains(id) {
            return Evidence::default();
        }
        if book.over.contains(id) {
            // The desk may say it before the list does, and of a digest nobody can tell whose sale it means. The hub says
            // it of the sale itself.
            let counts = last == Some(false);
            return Evidence { must: counts && view.is_confirmed, may: counts };
        }
        match last {
            Some(false) => Evidence { must: true, may: true },
            // The feed says it does not count and the desk has not said why yet.
            Some(true) => Evidence { must: false, may: true },
            // The hub may have found it over at once: then it is in no feed, and the desk says so later.
            None => {
                let at_once = |behind: &u64| told.first().is_some_and(|(position, _)| position <= behind);
                let delivered = life.and_then(|life| life.delivered.get(id));
                Evidence { must: delivered.is_none_or(at_once), may: true }
            }
        }
    }

    /// S5 by brute force: of every (programme, person), the delivered sales that are not withdrawn in
    /// the order that decides, those that are over, those that were right by an older version and those whose time is
    /// doubtful; and pairs of which nothing is said although they were truly too many.
    pub(super) fn cases(&self, people: &[Person], published: &[&Rule]) -> (BTreeSet<Case>, Vec<(EntryId, EntryId)>) {
        let withdrawn: BTreeSet<EntryId> = self.withdrawals().collect();
        let mut groups: BTreeMap<(&str, usize), Vec<Place>> = BTreeMap::new();
        for (id, sale) in &self.sales {
            if self.delivered.contains_key(id) && !withdrawn.contains(id) {
                let place = (sale.instant, sale.reading, sale.site, *id);
                groups.entry((sale.programme, sale.person)).or_default().push(place);
            }
        }
        let (mut out, mut hidden) = (BTreeSet::new(), Vec::new());
        for ((programme, person), mut sales) in groups {
            sales.sort();
            let ids: Vec<EntryId> = sales.iter().map(|sale| sale.3).collect();
            let rules: Vec<&Rule> = published.iter().copied().filter(|rule| rule.programme == programme).collect();
            let Some(who) = people.get(person) else { continue };
            let (over, stale) = self.walk(&ids, who, &rules);
            let doubtful = self.doubtful(&ids, &over, &stale, &rules);
            let said = [over.as_slice(), &stale, &doubtful].concat();
            if let Some(pair) = self.hidden(&ids, &said, &rules) {
                hidden.push(pair);
            }
            if !over.is_empty() || !stale.is_empty() || !doubtful.is_empty() {
                out.insert(Case { programme: programme.to_owned(), sales: ids, over, stale, doubtful });
            }
        }
        (out, hidden)
    }

    /// Two sales that truly lie in one window, and of neither of which anything is said: a wrong clock hid them.
    fn hidden(&self, ids: &[EntryId], said: &[EntryId], rules: &[&Rule]) -> Option<(EntryId, EntryId)> {
        let silent = ids.iter().filter(|id| !said.contains(id));
        let true_day = |id: &EntryId| Some((*id, day_of(self.sales.get(id)?.truly?)));
        let silent: Vec<(EntryId, i64)> = silent.filter_map(true_day).collect();
        let together = |one: i64, other: i64| {
            let (first, last) = (one.min(other), one.max(other));
            let in_force = rules.iter().filter(|rule| rule.from <= last).max_by_key(|rule| rule.from);
            in_force.is_some_and(|rule| rule.joins(first, last))
        };
        let pairs = silent.iter().flat_map(|one| silent.iter().map(move |other| (one, other)));
        let mut hidden = pairs.filter(|(one, other)| one.0 < other.0 && together(one.1, other.1));
        hidden.next().map(|(one, other)| (one.0, other.0))
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

    /// Of the sales that count, those that may have happened on another day and there have been one too many: every
    /// day of either's doubt is tried. All rules of a town allow one purchase in a window.
    fn doubtful(&self, ids: &[EntryId], over: &[EntryId], stale: &[EntryId], rules: &[&Rule]) -> Vec<EntryId> {
        let counted: Vec<(EntryId, &Sale)> = ids
            .iter()
            .filter(|id| !over.contains(id))
            .filter_map(|id| self.sales.get(id).map(|sale| (*id, sale)))
            .collect();
        let in_force = |sale: &Sale| {
            let today = day_of(sale.instant);
            rules.iter().copied().filter(|rule| rule.from <= today).max_by_key(|rule| rule.from)
        };
        // Beyond all sales and all windows no day is worth trying.
        let all_days = || counted.iter().map(|(_, sale)| day_of(sale.instant));
        let (from, to) = (all_days().min().unwrap_or(0) - 800, all_days().max().unwrap_or(0) + 800);
        let days = |sale: &Sale| {
            let doubt_s = i64::from(sale.doubt_s);
            day_of(sale.instant - doubt_s).max(from)..=day_of(sale.instant + doubt_s).min(to)
        };
        let together = |(one, other): (&Sale, &Sale)| {
            let rules = [in_force(one), in_force(other)];
            rules.into_iter().flatten().any(|rule| days(one).any(|day| rule.may_join(day, days(other))))
        };
        let is_found = |(id, sale): &(EntryId, &Sale)| {
            days(sale).start() != days(sale).end()
                && !stale.contains(id)
                && counted.iter().any(|(other, past)| other != id && together((sale, past)))
        };
        counted.iter().filter(|sale| is_found(sale)).map(|(id, _)| *id).collect()
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
    /// Those whose time is so doubtful that they may be one too many.
    pub(super) doubtful: Vec<EntryId>,
}
