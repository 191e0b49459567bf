//! A town that answers rightly, to try the oracle on: edges that hear through a hub, without any of the product's code.

use std::collections::HashMap;
use std::fmt::Write;

use chrono::NaiveDate;

use crate::oracle::lines::{Ask, Deed, Line, Pieces};
use crate::oracle::reach::Moment;
use crate::oracle::rules::{self, Finding, Rules};
use crate::oracle::sales::{self, Sales, Sold, taipei_day};

/// How word travels in a town.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    /// Seconds until what the hub heard is told to others.
    pub(super) delay_s: i64,
    /// Whether word passes a line that is cut.
    pub(super) through_cuts: bool,
}

#[derive(Debug, Default)]
struct Edge {
    cut: bool,
    stock: Pieces,
    /// How far it has read what the hub tells.
    read: usize,
    /// What the hub has not heard yet.
    unsent: Vec<Fact>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fact {
    Sold(u32),
    Withdrawn(u32),
}

#[derive(Debug)]
struct Town {
    ways: Ways,
    edges: Vec<Edge>,
    codes: Vec<String>,
    sales: Sales,
    /// What the hub heard, when.
    told: Vec<(i64, Fact)>,
    place: HashMap<Fact, usize>,
    out: String,
}

/// What a right replay of the scenario writes.
pub(super) fn replay(scenario: &str, ways: Ways) -> String {
    let mut town = Town {
        ways,
        edges: Vec::new(),
        codes: Vec::new(),
        sales: Sales::default(),
        told: Vec::new(),
        place: HashMap::new(),
        out: String::new(),
    };
    let mut by_code = HashMap::new();
    for (number, text) in (0..).zip(scenario.lines()) {
        let line = Line::parse(text).unwrap();
        let now = Moment { at: line.at, line: number };
        let code = match &line.deed {
            Deed::Arrive { site, .. } | Deed::Withdraw { site, .. } | Deed::Clock { site, .. } => site,
            Deed::Cut(site) | Deed::Heal(site) | Deed::Crash(site) => site,
            Deed::Sell(ask) => &ask.site,
            Deed::Programme(_) | Deed::Open { .. } | Deed::Eligible(_) | Deed::Book(_) | Deed::Cancel { .. } => {
                continue;
            }
        };
        let site = *by_code.entry(code.clone()).or_insert_with(|| {
            town.edges.push(Edge::default());
            town.codes.push(code.clone());
            town.edges.len() - 1
        });
        town.line(&line.deed, site, now);
    }
    town.end();
    town.out
}

impl Town {
    fn line(&mut self, deed: &Deed, site: usize, now: Moment) {
        self.hear(site, now.at);
        let edge = &mut self.edges[site];
        match deed {
            Deed::Arrive { pieces, .. } => edge.stock = plus(edge.stock, *pieces, 1),
            Deed::Cut(_) => edge.cut = !self.ways.through_cuts,
            Deed::Heal(_) => {
                edge.cut = false;
                let unsent = std::mem::take(&mut edge.unsent);
                unsent.into_iter().for_each(|fact| self.tell(fact, now.at));
            }
            Deed::Sell(ask) => self.sell(ask, site, now),
            Deed::Withdraw { refer, .. } => self.withdraw(refer, site, now),
            Deed::Programme(_)
            | Deed::Crash(_)
            | Deed::Clock { .. }
            | Deed::Open { .. }
            | Deed::Eligible(_)
            | Deed::Book(_)
            | Deed::Cancel { .. } => {}
        }
    }

    fn hear(&mut self, site: usize, now: i64) {
        let edge = &mut self.edges[site];
        if !edge.cut {
            let heard = self.told[edge.read..].partition_point(|&(at, _)| at + self.ways.delay_s <= now);
            edge.read += heard;
        }
    }

    fn tell(&mut self, fact: Fact, now: i64) {
        self.place.insert(fact, self.told.len());
        self.told.push((now, fact));
    }

    fn did(&mut self, fact: Fact, site: usize, now: i64) {
        if self.edges[site].cut { self.edges[site].unsent.push(fact) } else { self.tell(fact, now) }
    }

    fn sell(&mut self, ask: &Ask, site: usize, now: Moment) {
        let (reason, next) = match self.refusal(ask, site, taipei_day(now.at)) {
            None => {
                let at = u32::try_from(site).unwrap();
                let sold = Sold {
                    refer: &ask.refer,
                    document: &ask.document,
                    site: at,
                    at: now,
                    pieces: ask.pieces,
                    errors: &[],
                };
                assert!(self.sales.add(&sold));
                let stock = &mut self.edges[site].stock;
                *stock = plus(*stock, ask.pieces, -1);
                let sale = self.sales.find(&ask.refer).unwrap();
                self.did(Fact::Sold(sale), site, now.at);
                writeln!(self.out, r#"{{"ref":"{}","verdict":"sold","reason":null,"next":null}}"#, ask.refer).unwrap();
                return;
            }
            Some(refusal) => refusal,
        };
        let next = next.map_or("null".to_owned(), |next| format!("\"{next}\""));
        writeln!(self.out, r#"{{"ref":"{}","verdict":"refused","reason":"{reason}","next":{next}}}"#, ask.refer)
            .unwrap();
    }

    fn refusal(&self, ask: &Ask, site: usize, today: NaiveDate) -> Option<(&'static str, Option<NaiveDate>)> {
        let rules = in_force();
        let yes = |finding| finding == Finding::Yes;
        let (document, birth) = rules::document(&ask.document, today);
        let stock = self.edges[site].stock;
        let next = self.next(ask, site, today);
        [
            (yes(document), "document"),
            (yes(rules.turn(&ask.document, birth, today)), "turn"),
            (next.is_some(), "bought"),
            (yes(rules.child(birth, ask.pieces)), "child"),
            (yes(rules.limit(ask.pieces)), "limit"),
            (ask.pieces.adult > stock.adult || ask.pieces.child > stock.child, "stock"),
        ]
        .into_iter()
        .find_map(|(is, reason)| is.then_some((reason, next.filter(|_| reason == "bought"))))
    }

    fn next(&self, ask: &Ask, site: usize, today: NaiveDate) -> Option<NaiveDate> {
        let read = self.edges[site].read;
        let heard = |fact: Fact| self.place.get(&fact).is_some_and(|&place| place < read);
        let mut known = self.sales.to(&ask.document);
        known.retain(|&index| {
            let sale = &self.sales.all[index as usize];
            if sale.site as usize == site {
                return sale.withdrawn.is_none();
            }
            heard(Fact::Sold(index)) && !heard(Fact::Withdrawn(index))
        });
        let ordered = self.sales.in_order(&known, &self.codes, |index| self.sales.all[index as usize].at.at);
        sales::next_day(&sales::counted(&ordered, |_| in_force()).0, today, in_force())
    }

    fn withdraw(&mut self, refer: &str, site: usize, now: Moment) {
        let found = self.sales.find(refer).filter(|&index| {
            let sale = &self.sales.all[index as usize];
            sale.site as usize == site && sale.withdrawn.is_none() && taipei_day(sale.at.at) == taipei_day(now.at)
        });
        let Some(index) = found else {
            writeln!(self.out, r#"{{"ref":"{refer}","verdict":"refused","reason":"unknown","next":null}}"#).unwrap();
            return;
        };
        let sale = &mut self.sales.all[index as usize];
        sale.withdrawn = Some(now);
        let stock = &mut self.edges[site].stock;
        *stock = plus(*stock, sale.pieces, 1);
        self.did(Fact::Withdrawn(index), site, now.at);
        writeln!(self.out, r#"{{"ref":"{refer}","verdict":"withdrawn","reason":null,"next":null}}"#).unwrap();
    }

    fn end(&mut self) {
        for person in self.sales.people() {
            let mut live = self.sales.of(person);
            live.retain(|&index| self.sales.all[index as usize].withdrawn.is_none());
            let ordered = self.sales.in_order(&live, &self.codes, |index| self.sales.all[index as usize].at.at);
            let (_, over) = sales::counted(&ordered, |_| in_force());
            if !over.is_empty() {
                let list = |list: &[u32]| {
                    let refs: Vec<&str> = list.iter().map(|&index| &*self.sales.all[index as usize].refer).collect();
                    serde_json::to_string(&refs).unwrap()
                };
                let (refs, over) = (list(&live), list(&over));
                writeln!(self.out, r#"{{"case":"c{person}","programme":"mask","refs":{refs},"over":{over}}}"#).unwrap();
            }
        }
        for (code, edge) in self.codes.iter().zip(&self.edges) {
            let Pieces { adult, child } = edge.stock;
            writeln!(self.out, r#"{{"site":"{code}","stock":{{"adult":{adult},"child":{child}}}}}"#).unwrap();
        }
        self.out.push_str("{\"summary\":{}}\n");
    }
}

fn in_force() -> &'static Rules {
    Rules::named("mask-2020-02-06").unwrap()
}

fn plus(stock: Pieces, pieces: Pieces, sign: i64) -> Pieces {
    Pieces { adult: stock.adult + sign * pieces.adult, child: stock.child + sign * pieces.child }
}
