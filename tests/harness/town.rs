//! A town in a box: the production code of nodes, sessions, frames and hub on a virtual clock and a
//! virtual network, with every choice from one seed. What was answered is kept beside it and compared
//! after every step (docs/simulation.md; RELIABILITY S1-S8, S11, L1).

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use edge::node::ask::SaleRequest;
use edge::store::Store as EdgeStore;
use hub::hub::Hub;
use hub::ingest::Upload;
use hub::registry::Enrolment;
use hub::store::Store as HubStore;
use shared::ids::{EntryId, Incarnation, SiteCode};
use shared::rules::programme::shipped_text;
use shared::seal::Secret;

use crate::replay::town::nameless;
use crate::scenario::dice::Dice;

mod checks;
mod counter;
mod ending;
mod exchange;
mod hostile;
mod knobs;
mod line;
mod lives;
mod model;
mod people;
mod plants;
mod promises;
pub(crate) mod site;
mod steps;
mod told;

pub use knobs::Extra;
pub use plants::Plant;

use knobs::{Digests, Knobs};
use model::Model;
use people::{Person, Rule};
use site::{Site, bytes};

/// A stream of dice.
const DIGESTS: u64 = 0x00d1_6e57;

/// What a town came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Sites times simulated days, in thousandths.
    pub site_millidays: u64,
    /// Sales that were answered.
    pub sold: u64,
    /// Refusals.
    pub refused: u64,
    /// Cases at the end.
    pub cases: u64,
    /// Sales whose time was in doubt at the end.
    pub in_doubt: u64,
    /// Forged runs.
    pub lies: u64,
    /// Starts of edges and of the hub after kill -9.
    pub crashes: u64,
    /// Lines that were dialled.
    pub lines: u64,
    /// Backups that came back, clones, dead computers, hubs taken back.
    pub shaken: u64,
    /// New lives of stores, and of the hub as a store sees it.
    pub lives: u64,
    /// Entries that the hub gave back.
    pub came_back: u64,
    /// A hash of everything that happened, in order.
    pub trace: u64,
}

impl Report {
    /// Adds another town's figures; the trace stays.
    pub fn add(&mut self, other: &Self) {
        self.site_millidays += other.site_millidays;
        self.sold += other.sold;
        self.refused += other.refused;
        self.cases += other.cases;
        self.in_doubt += other.in_doubt;
        self.lies += other.lies;
        self.crashes += other.crashes;
        self.lines += other.lines;
        self.shaken += other.shaken;
        self.lives += other.lives;
        self.came_back += other.came_back;
    }
}

/// A town in which something did not hold.
#[derive(Debug)]
pub struct Violation {
    /// Of the town.
    pub seed: u64,
    /// When, counted in steps.
    pub step: u64,
    /// What.
    pub why: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SEED={} step {}: {}", self.seed, self.step, self.why)
    }
}

impl std::error::Error for Violation {}

/// Lives through the town of a seed.
///
/// # Errors
/// [`Violation`] where an invariant does not hold or an end has a fault.
pub fn simulate(seed: u64, extra: Extra) -> Result<Report, Violation> {
    let mut step = 0;
    #[cfg(feature = "plant")]
    let _inside = extra.plant.and_then(Plant::inside);
    let lived = catch_unwind(AssertUnwindSafe(|| Town::new(seed, extra).and_then(|mut town| town.live(&mut step))));
    let why = match lived {
        Ok(Ok(report)) => return Ok(report),
        Ok(Err(cause)) => format!("{cause:#}"),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("a panic: {}", said.unwrap_or("without words"))
        }
    };
    Err(Violation { seed, step, why })
}

/// A run that waits for the hub's writer.
struct Inbox {
    at: usize,
    epoch: u64,
    upload: Upload,
}

/// Everything.
struct Town {
    knobs: Knobs,
    dice: Dice,
    now_ms: i64,
    begun_ms: i64,
    master: Secret,
    /// None only while it is being started.
    hub: Option<Hub>,
    inbox: VecDeque<Inbox>,
    sites: Vec<Site>,
    /// Every secret under which a site ever enrolled.
    enrolled: Vec<(SiteCode, Secret)>,
    hub_backup: Option<HubStore>,
    people: Vec<Person>,
    model: Model,
    published: Vec<&'static str>,
    /// What the hub has taken, in order.
    uploads: Vec<Upload>,
    /// A hub that hears the same in another order, and how much it has heard.
    shadow: Hub,
    shadowed: usize,
    /// The site that lies, where there is one.
    liar: Option<usize>,
    last_sale: Option<(usize, SaleRequest, EntryId)>,
    /// Cards that somebody else carried: who, whose, on which day.
    carried: BTreeMap<EntryId, (usize, usize, i64)>,
    /// What a crash leaves of a site, where the planted bug is `NormalNotFull`.
    unsynced: BTreeMap<usize, edge::store::Store>,
    epochs: u64,
    requests: u64,
    sold: u64,
    refused: u64,
    cases: u64,
    in_doubt: u64,
    lies: u64,
    crashes: u64,
    shaken: u64,
    lives: u64,
    came_back: u64,
    trace: u64,
}

impl Town {
    fn new(seed: u64, extra: Extra) -> Result<Self> {
        let mut dice = Dice::new(seed, 0x70f4);
        // With dice of its own: the rest of a seed's town stays what it was.
        let digests = Digests::drawn(&mut Dice::new(seed, DIGESTS));
        let knobs = Knobs { digests, ..Knobs::drawn(&mut dice, extra) };
        let master = Secret::new(bytes(&mut dice));
        let people = Person::some(&mut dice, knobs.people);
        let (mut sites, mut enrolled) = (Vec::new(), Vec::new());
        for number in 0..knobs.sites {
            let code: SiteCode = format!("59311022{number:02}").parse()?;
            let secret = Secret::new(bytes(&mut dice));
            let stamp = Incarnation(bytes(&mut dice));
            enrolled.push((code, secret.clone()));
            let store = EdgeStore::in_memory()?;
            sites.push(Site::on(store, (code, secret), stamp, knobs.era.begins_ms, dice.next())?);
        }
        let liar = (knobs.lie_per_1000 > 0).then(|| dice.index(sites.len()));
        let mut town = Self {
            now_ms: knobs.era.begins_ms,
            begun_ms: knobs.era.begins_ms,
            shadow: Hub::open(HubStore::in_memory()?, &master, hub_dice(seed))?,
            hub: None,
            knobs,
            dice,
            master,
            inbox: VecDeque::new(),
            sites,
            enrolled,
            hub_backup: None,
            people,
            model: Model::default(),
            published: Vec::new(),
            uploads: Vec::new(),
            shadowed: 0,
            liar,
            last_sale: None,
            carried: BTreeMap::new(),
            unsynced: BTreeMap::new(),
            epochs: 0,
            requests: 0,
            sold: 0,
            refused: 0,
            cases: 0,
            in_doubt: 0,
            lies: 0,
            crashes: 0,
            shaken: 0,
            lives: 0,
            came_back: 0,
            trace: seed,
        };
        town.shadow = town.another_hub()?;
        town.hub = Some(town.another_hub()?);
        Ok(town)
    }

    /// A hub with the town's register and nothing else.
    fn another_hub(&mut self) -> Result<Hub> {
        let mut hub = Hub::open(HubStore::in_memory()?, &self.master, hub_dice(self.dice.next()))?;
        self.jump(&mut hub);
        hub.import_sites(self.enrolled.iter().map(|(code, _)| nameless(*code)))?;
        for (number, (code, secret)) in self.enrolled.iter().enumerate() {
            let enrolment = enrolment(number, secret, self.begun_ms / 1000)?;
            hub.register(code, &enrolment)?.map_err(|refusal| anyhow!("enrol {code}: {refusal}"))?;
        }
        Ok(hub)
    }

    fn jump(&self, hub: &mut Hub) {
        if let Some(digests) = self.knobs.digests {
            hub.jump_at(digests.jump_items);
        }
    }

    fn live(&mut self, step: &mut u64) -> Result<Report> {
        for now in 1..=self.knobs.steps {
            *step = now;
            self.step(now)?;
        }
        *step += 1;
        self.end()?;
        let lived_ms = u64::try_from(self.now_ms - self.begun_ms)?;
        Ok(Report {
            site_millidays: lived_ms * self.sites.len() as u64 / 86_400,
            sold: self.sold,
            refused: self.refused,
            cases: self.cases,
            in_doubt: self.in_doubt,
            lies: self.lies,
            crashes: self.crashes,
            lines: self.epochs,
            shaken: self.shaken,
            lives: self.lives,
            came_back: self.came_back,
            trace: self.trace,
        })
    }

    /// The text of a version, as the hub publishes it.
    fn text(&self, name: &str) -> Result<String> {
        let text = shipped_text(name).with_context(|| format!("{name} is not shipped"))?;
        Ok(self.knobs.plant.map_or_else(|| text.to_owned(), |plant| plant.spoil(text)))
    }

    fn hub(&mut self) -> Result<&mut Hub> {
        self.hub.as_mut().context("a hub that is running")
    }

    fn second(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    fn latency(&mut self) -> i64 {
        self.dice.between(0, self.knobs.latency_ms)
    }

    /// Adds to the trace.
    fn note(&mut self, what: u64, more: &[u8]) {
        let mut next = Dice::new(self.trace ^ hashed(more), what);
        self.trace = next.next();
    }
}

/// The n-th enrolment of a town.
fn enrolment(number: usize, secret: &Secret, second: i64) -> Result<Enrolment> {
    let number = u8::try_from(number)?;
    Ok(Enrolment {
        key_number: 1,
        secret: secret.clone(),
        fingerprint: [number; 32],
        serial: [number; 16],
        expires: i64::MAX,
        second,
    })
}

fn hub_dice(seed: u64) -> hub::hub::Dice {
    let mut dice = Dice::new(seed, 0x4b);
    Box::new(move || bytes(&mut dice))
}

/// FNV-1a.
fn hashed(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The rules that the town judges by.
fn rules() -> &'static [Rule; 6] {
    static RULES: OnceLock<[Rule; 6]> = OnceLock::new();
    RULES.get_or_init(people::rules)
}
