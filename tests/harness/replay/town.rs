//! The hub and the edges of a scenario.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use chrono::NaiveDate;
use edge::clock::Reading;
use edge::nation::{Nation, SharedNation};
use edge::node::ask::{ArriveRequest, DocumentText, SaleRequest, WithdrawRequest};
use edge::node::{Lives, Node, Setup};
use edge::store::Store as EdgeStore;
use hub::digests::MANIFEST_EVERY_S;
use hub::hub::Hub;
use hub::registry::{Enrolment, SiteRecord};
use hub::store::Store as HubStore;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use shared::ids::{EntryId, Incarnation, ProgrammeId, SiteCode};
use shared::rules::calendar::taipei_day;
use shared::rules::programme::Version;
use shared::rules::refusal::Refusal;
use shared::seal::Secret;

use super::TICK_MS;
use super::ask::{self, Ask, Sell};
use super::booking::Booked;
use super::line::{Line, Now, Took};

/// An answer to write, none where the line has none, or what is wrong with the line.
pub type Obeyed = Result<Option<Value>, String>;

/// Everything that a scenario names.
pub struct Town {
    /// The hub.
    pub hub: Hub,
    edges: BTreeMap<SiteCode, Edge>,
    /// Connected edges that wrote something since the last tick.
    pub(super) to_upload: BTreeSet<SiteCode>,
    lists: Lists,
    dice: SmallRng,
    now_ms: i64,
    next_tick_ms: i64,
    /// The scenario's name of each sale that was sold.
    pub(super) refs: HashMap<EntryId, Arc<str>>,
    sold: HashMap<Arc<str>, (SiteCode, EntryId)>,
    /// The programmes, each with its first day, in the order in which they were published.
    published: Vec<(ProgrammeId, NaiveDate)>,
    pub(super) booked: Booked,
    /// What was counted on the way.
    pub counts: Counts,
}

/// Where the edges keep what they know of the nation.
#[derive(Debug, Clone)]
pub enum Lists {
    /// All of them in one place, for thousands of edges in one process; each has its own watermark.
    Shared(SharedNation),
    /// Each in its own store, as in production.
    Own,
}

impl Lists {
    fn nation(&self) -> Nation {
        match self {
            Self::Shared(nation) => Nation::shared(nation),
            Self::Own => Nation::stored(),
        }
    }
}

/// For the summary.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Lines that asked for something.
    pub lines: u64,
    /// Sales made.
    pub sold: u64,
    /// Sales refused.
    pub refused: u64,
    /// Sales withdrawn.
    pub withdrawn: u64,
    /// Bookings and wishes.
    pub booked: u64,
    /// Of the digests, by all edges.
    pub took: Took,
}

struct Edge {
    node: Option<Node>,
    line: Option<Line>,
    cut: bool,
    offset_ms: i64,
    booted_ms: i64,
    secret: Secret,
    incarnation: Incarnation,
}

impl Town {
    /// A hub that knows nobody.
    ///
    /// # Errors
    /// Where the machine has a fault.
    pub fn new(lists: Lists) -> Result<Self> {
        let mut dice = SmallRng::seed_from_u64(20_200_206);
        let master = Secret::new(dice.random());
        let mut hub_dice = SmallRng::seed_from_u64(dice.random());
        let hub = Hub::open(HubStore::in_memory()?, &master, Box::new(move || hub_dice.random()))?;
        Ok(Self {
            hub,
            edges: BTreeMap::new(),
            to_upload: BTreeSet::new(),
            lists,
            dice,
            now_ms: i64::MIN,
            next_tick_ms: i64::MIN,
            refs: HashMap::new(),
            sold: HashMap::new(),
            published: Vec::new(),
            booked: Booked::default(),
            counts: Counts::default(),
        })
    }

    /// One line of the scenario.
    ///
    /// # Errors
    /// Outer: the machine has a fault. Inner: what is wrong with the line.
    pub fn obey(&mut self, at_ms: i64, ask: Ask) -> Result<Obeyed> {
        if at_ms < self.now_ms {
            return Ok(Err("earlier than the line before it".to_owned()));
        }
        self.run_ticks(at_ms)?;
        self.counts.lines += 1;
        if !matches!(ask, Ask::Eligible { .. }) {
            self.import_lists()?;
        }
        match ask {
            Ask::Programme { programme } => self.publish(&programme),
            Ask::Arrive { site, adult, child } => self.arrive(site.0, adult, child),
            Ask::Sell(sell) => self.sell(&sell),
            Ask::Withdraw { site, r#ref } => self.withdraw(site.0, &r#ref),
            Ask::Cut { site } => self.cut(site.0),
            Ask::Heal { site } => self.heal(site.0),
            Ask::Clock { site, offset_s } => self.set_clock(site.0, offset_s),
            Ask::Crash { site } => self.crash(site.0),
            Ask::Open(open) => self.open(&open),
            Ask::Eligible { document, round } => self.list(&document, &round),
            Ask::Book(book) => self.book(&book),
            Ask::Cancel { site, r#ref } => self.cancel(site.0, &r#ref),
        }
    }

    /// Heals every line and lets everything cross.
    ///
    /// # Errors
    /// Where the machine has a fault.
    pub fn settle(&mut self) -> Result<()> {
        let sites: Vec<SiteCode> = self.edges.keys().copied().collect();
        for site in &sites {
            let _ = self.heal(*site)?;
        }
        self.tick()?;
        for site in &sites {
            self.catch_up(*site)?;
        }
        Ok(())
    }

    /// The scenario's name of a sale.
    #[must_use]
    pub fn ref_of(&self, id: &EntryId) -> Option<&str> {
        self.refs.get(id).map(AsRef::as_ref)
    }

    /// The sites in the order of their codes, with their nodes and clocks.
    pub fn nodes(&mut self) -> impl Iterator<Item = (&SiteCode, &mut Node, Reading)> {
        let now_ms = self.now_ms;
        self.edges.iter_mut().filter_map(move |(site, edge)| {
            let reading = edge.reading(now_ms);
            Some((site, edge.node.as_mut()?, reading))
        })
    }

    fn run_ticks(&mut self, at_ms: i64) -> Result<()> {
        if self.next_tick_ms == i64::MIN {
            self.next_tick_ms = at_ms + TICK_MS;
        }
        if at_ms >= self.next_tick_ms {
            // Nothing happens between two lines, so one tick stands for all that have passed.
            let passed = (at_ms - self.next_tick_ms) / TICK_MS;
            self.now_ms = self.next_tick_ms;
            self.tick()?;
            self.next_tick_ms += (passed + 1) * TICK_MS;
            self.now_ms = self.next_tick_ms - TICK_MS;
            self.hub.publish_digests_in_time(MANIFEST_EVERY_S, self.second())?;
        }
        self.now_ms = at_ms;
        Ok(())
    }

    /// Every connected edge that wrote something sends it; the hub takes it all in one batch.
    fn tick(&mut self) -> Result<()> {
        let mut uploads = Vec::new();
        for site in std::mem::take(&mut self.to_upload) {
            uploads
                .extend(self.with_line(site, |line, node, hub, now| line.upload(node, hub, now))?.unwrap_or_default());
        }
        while !uploads.is_empty() {
            let outcomes = self.hub.ingest(&uploads, self.second())?;
            let sites: Vec<SiteCode> = uploads.drain(..).map(|upload| upload.site).collect();
            for (site, outcome) in sites.into_iter().zip(outcomes) {
                let more = self.with_line(site, |line, node, hub, now| line.answer(outcome, node, hub, now))?;
                uploads.extend(more.unwrap_or_default());
            }
        }
        if !self.booked.is_empty() {
            self.hub.lend(self.second())?;
        }
        Ok(())
    }

    /// What the hub has for a connected edge comes down.
    fn catch_up(&mut self, site: SiteCode) -> Result<()> {
        self.with_line(site, |line, node, hub, now| line.settle(node, hub, now))?;
        Ok(())
    }

    /// Uses a site's line, dialling first where it is up but not yet used; none where it is cut.
    pub(super) fn with_line<T>(
        &mut self,
        site: SiteCode,
        deed: impl FnOnce(&mut Line, &mut Node, &mut Hub, Now) -> Result<T>,
    ) -> Result<Option<T>> {
        let now_ms = self.now_ms;
        let Some(edge) = self.edges.get_mut(&site).filter(|edge| !edge.cut) else {
            return Ok(None);
        };
        let now = Now { second: now_ms.div_euclid(1000), reading: edge.reading(now_ms) };
        let node = edge.node.as_mut().context("a node that is running")?;
        let line = match &mut edge.line {
            Some(line) => line,
            none => none.insert(Line::dial(node, &mut self.hub, now)?),
        };
        let done = deed(line, node, &mut self.hub, now);
        let Took { jumps, layers } = std::mem::take(&mut line.took);
        self.counts.took.jumps += jumps;
        self.counts.took.layers += layers;
        done.map(Some).with_context(|| format!("the line of {site}"))
    }

    fn publish(&mut self, programme: &Value) -> Result<Obeyed> {
        let text = match ask::version_text(programme) {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        let second = self.second();
        Ok(match self.hub.publish_programme(&text, "replay", second)? {
            Ok(_) => {
                let version = Version::parse(&text).map_err(|bad| anyhow!("{bad}"))?;
                self.published.push((version.programme, version.from));
                Ok(None)
            }
            Err(bad) => Err(format!("programme: {bad}")),
        })
    }

    fn arrive(&mut self, site: SiteCode, adult: u32, child: u32) -> Result<Obeyed> {
        self.be_there(site)?;
        if (adult, child) == (0, 0) {
            return Ok(Ok(None));
        }
        let programme = self.programme();
        let (node, reading) = self.node(site)?;
        let request = ArriveRequest {
            request: None,
            programme,
            adult: i64::from(adult),
            child: i64::from(child),
            by: "replay".to_owned(),
        };
        let answer = node.arrive(&request, reading)?;
        self.to_upload.insert(site);
        Ok(match answer {
            Ok(_) => Ok(None),
            Err(refusal) => Err(format!("the arrival is refused: {}", refusal.en())),
        })
    }

    fn sell(&mut self, sell: &Sell) -> Result<Obeyed> {
        let site = sell.site.0;
        let programme = match sell.programme.as_ref().map(|name| name.parse()).transpose() {
            Ok(named) => named.or_else(|| self.programme()),
            Err(bad) => return Ok(Err(format!("programme: {bad}"))),
        };
        self.be_there(site)?;
        let request = SaleRequest {
            request: Some(sell.r#ref.clone()),
            programme,
            document: DocumentText {
                kind: sell.document.kind.clone(),
                number: sell.document.number.clone(),
                birth: sell.document.birth.clone(),
            },
            adult: sell.adult,
            child: sell.child,
            proxy: None,
            manager: None,
            by: "replay".to_owned(),
        };
        let (node, reading) = self.node(site)?;
        let mut answer = node.sell(&request, reading)?;
        if matches!(answer, Err(Refusal::Bought { .. } | Refusal::Limit { .. }))
            && let Some(question) = node.question(request.programme.as_ref(), &request.document, reading)?
            && let Some(hub) =
                self.with_line(site, |line, node, hub, now| line.ask(question, node, hub, now))?.flatten()
        {
            answer = self.node(site)?.0.sell_confirmed(&request, Some(&hub), reading)?;
        }
        Ok(Ok(Some(match answer {
            Ok(sold) => {
                let name: Arc<str> = sell.r#ref.as_str().into();
                self.to_upload.insert(site);
                self.refs.insert(sold.get().id, name.clone());
                self.sold.insert(name, (site, sold.get().id));
                self.counts.sold += 1;
                said(&sell.r#ref, "sold")
            }
            Err(refusal) => {
                self.counts.refused += 1;
                refused(&sell.r#ref, &refusal)
            }
        })))
    }

    fn withdraw(&mut self, site: SiteCode, name: &str) -> Result<Obeyed> {
        self.be_there(site)?;
        let Some((_, of)) = self.sold.get(name).filter(|(at, _)| *at == site).copied() else {
            return Ok(Ok(Some(refused(name, &Refusal::Unknown))));
        };
        let (node, reading) = self.node(site)?;
        let request = WithdrawRequest { request: None, of, reason: "replay".to_owned(), by: "replay".to_owned() };
        Ok(Ok(Some(match node.withdraw(&request, reading)? {
            Ok(_) => {
                self.to_upload.insert(site);
                self.counts.withdrawn += 1;
                said(name, "withdrawn")
            }
            Err(refusal) => refused(name, &refusal),
        })))
    }

    fn cut(&mut self, site: SiteCode) -> Result<Obeyed> {
        // Up to this moment the line carried everything down.
        self.be_there(site)?;
        let edge = self.edges.get_mut(&site).context("an edge that is there")?;
        (edge.cut, edge.line) = (true, None);
        Ok(Ok(None))
    }

    fn heal(&mut self, site: SiteCode) -> Result<Obeyed> {
        self.enrol(site)?;
        let edge = self.edges.get_mut(&site).context("an edge that is there")?;
        edge.cut = false;
        self.to_upload.insert(site);
        Ok(Ok(None))
    }

    fn set_clock(&mut self, site: SiteCode, offset_s: i64) -> Result<Obeyed> {
        self.be_there(site)?;
        let edge = self.edges.get_mut(&site).context("an edge that is there")?;
        match offset_s.checked_mul(1000).filter(|ms| ms.abs() < 100 * 366 * 86_400_000) {
            Some(offset_ms) => {
                edge.offset_ms = offset_ms;
                Ok(Ok(None))
            }
            None => Ok(Err(format!("offset_s {offset_s} is more than a hundred years"))),
        }
    }

    /// Everything that is not in the store is lost.
    fn crash(&mut self, site: SiteCode) -> Result<Obeyed> {
        self.be_there(site)?;
        let (now_ms, dice) = (self.now_ms, self.dice.random());
        let edge = self.edges.get_mut(&site).context("an edge that is there")?;
        edge.line = None;
        let store = edge.node.take().context("a node that is running")?.into_store();
        edge.booted_ms = now_ms;
        edge.start(site, store, &self.lists, dice, now_ms)?;
        self.to_upload.insert(site);
        Ok(Ok(None))
    }

    /// A site that is named is enrolled and connected, and knows what its line could bring until now.
    pub(super) fn be_there(&mut self, site: SiteCode) -> Result<()> {
        self.enrol(site)?;
        self.catch_up(site)
    }

    fn enrol(&mut self, site: SiteCode) -> Result<()> {
        if self.edges.contains_key(&site) {
            return Ok(());
        }
        let second = self.second();
        let secret = Secret::new(self.dice.random());
        let enrolment = Enrolment {
            key_number: 1,
            secret: secret.clone(),
            fingerprint: self.dice.random(),
            serial: self.dice.random(),
            expires: i64::MAX,
            second,
        };
        self.hub.import_sites([nameless(site)])?;
        self.hub.register(&site, &enrolment)?.map_err(|refusal| anyhow!("enrol {site}: {refusal}"))?;
        let mut edge = Edge {
            node: None,
            line: None,
            cut: false,
            offset_ms: 0,
            booted_ms: self.now_ms,
            secret,
            incarnation: Incarnation(self.dice.random()),
        };
        edge.start(site, EdgeStore::in_memory()?, &self.lists, self.dice.random(), self.now_ms)?;
        self.edges.insert(site, edge);
        Ok(())
    }

    pub(super) fn node(&mut self, site: SiteCode) -> Result<(&mut Node, Reading)> {
        let edge = self.edges.get_mut(&site).context("an edge that is there")?;
        let reading = edge.reading(self.now_ms);
        Ok((edge.node.as_mut().context("a node that is running")?, reading))
    }

    /// A scenario's lines name no programme: where several are in force they mean the one published last.
    fn programme(&self) -> Option<ProgrammeId> {
        let today = taipei_day(self.second());
        let mut in_force =
            self.published.iter().rev().filter(|(_, from)| *from <= today).map(|(programme, _)| programme);
        let last = in_force.next()?;
        in_force.any(|other| other != last).then(|| last.clone())
    }

    pub(super) fn second(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }
}

impl Edge {
    fn start(&mut self, site: SiteCode, store: EdgeStore, lists: &Lists, seed: u64, now_ms: i64) -> Result<()> {
        let mut dice = SmallRng::seed_from_u64(seed);
        let setup = Setup {
            site,
            name: site.to_string(),
            key_number: 1,
            secret: self.secret.clone(),
            incarnation: self.incarnation,
            store,
            nation: lists.nation(),
            lives: Lives::in_memory(&self.secret)?,
            dice: Box::new(move || dice.random()),
        };
        self.node = Some(Node::open(setup, self.reading(now_ms))?);
        Ok(())
    }

    fn reading(&self, now_ms: i64) -> Reading {
        let mono_ms = u64::try_from(now_ms - self.booted_ms).unwrap_or_default();
        Reading { wall_ms: now_ms + self.offset_ms, mono_ms }
    }
}

/// A line of the register that holds only the code.
#[must_use]
pub fn nameless(site: SiteCode) -> SiteRecord {
    SiteRecord {
        code: site,
        name: site.to_string(),
        kind: "pharmacy".to_owned(),
        address: String::new(),
        tel: String::new(),
        lat: None,
        lng: None,
        town: String::new(),
    }
}

fn said(name: &str, verdict: &str) -> Value {
    json!({"ref": name, "verdict": verdict, "reason": null, "next": null, "number": null})
}

fn refused(name: &str, refusal: &Refusal) -> Value {
    let next = refusal.next().map(|day| day.to_string());
    json!({"ref": name, "verdict": "refused", "reason": refusal.code(), "next": next, "number": null})
}
