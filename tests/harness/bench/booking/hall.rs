//! Where people may book, who they are and what they ask for: a tenth more of them than there are places.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use edge::node::ask::{BookRequest, DocumentText};
use hub::config::DataFolder;
use hub::registry::SiteRecord;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use shared::entry::booking::{Capacity, Slot, Venue};
use shared::lease::Account;
use shared::rules::calendar::second_of;
use shared::rules::identity::{Document, DocumentKind};
use shared::rules::programme::shipped_rounds;

use crate::replay::booking::csv;
use crate::replay::town::nameless;
use crate::scenario::number;
use crate::siege::Papers;

const ROUND: &str = "vaccine-2021-r1";
const COUNTY: &str = "金門縣";
/// An hour before the round opens.
const PUBLISHED: &str = "2021-07-06T09:00:00";
/// Days and hours of slots, and the most places of each.
const DAYS: [&str; 5] = ["2021-07-12", "2021-07-13", "2021-07-14", "2021-07-15", "2021-07-16"];
const HOURS: [&str; 8] = ["09:00", "10:00", "11:00", "13:00", "14:00", "15:00", "16:00", "17:00"];
const PLACES_MAX: u32 = 18;
/// Of a hundred people so many find a place, if nobody asks where none is left.
const PLACES_PERCENT: usize = 90;
/// One in so many goes to a venue that is not near their counter.
const AFAR: u32 = 8;
/// One in so many is on no list, and too young to need none.
const STRANGERS: usize = 20;

/// Somebody, and where they would go.
struct Person {
    document: Document,
    is_listed: bool,
    slot: usize,
    others: [usize; 2],
}

/// Slots and people.
pub(super) struct Hall {
    venues: Vec<Venue>,
    pub(super) slots: Vec<Slot>,
    people: Vec<Person>,
    /// Of each slot.
    pub(super) places: u32,
}

impl Hall {
    /// As many venues as it takes; person `n` asks at counter `n % edges`.
    pub(super) fn new(edges: usize, people: usize) -> Result<Self> {
        let (all, of_a_venue) = (people * PLACES_PERCENT / 100, DAYS.len() * HOURS.len());
        let count = all.div_ceil(of_a_venue * PLACES_MAX as usize).max(edges);
        let places = u32::try_from(all / (count * of_a_venue))?.max(1);
        let venues = (0..count).map(|n| venue(n, n % edges)).collect::<Result<Vec<_>>>()?;
        let mut slots = Vec::new();
        for (n, venue) in venues.iter().enumerate() {
            for date in DAYS {
                for start in HOURS {
                    let brands = ["AZ", "MO"][n % 2].parse()?;
                    slots.push(Slot { venue: venue.id.clone(), date: date.parse()?, start: start.parse()?, brands });
                }
            }
        }
        let mut dice = SmallRng::seed_from_u64(430);
        let people =
            (0..people).map(|n| person(&mut dice, n, n % edges, (edges, count))).collect::<Result<Vec<_>>>()?;
        Ok(Self { venues, slots, people, places })
    }

    /// Into the hub's folder, before it serves: round, sites, venues, slots, and the list as a digest.
    pub(super) fn open(&self, folder: &Path, papers: &[Papers]) -> Result<()> {
        let data = DataFolder::named(Some(folder.join("hub"))).map_err(|cause| anyhow!("{cause}"))?;
        let mut hub = data.hub(&data.authority()?)?;
        let second = second_of(PUBLISHED.parse()?);
        let (_, text) = shipped_rounds().iter().find(|(name, _)| *name == ROUND).context("a shipped round")?;
        hub.publish_round(text, "bench", second)?.map_err(|bad| anyhow!("{bad}"))?;
        let sites = papers
            .iter()
            .enumerate()
            .map(|(n, papers)| Ok(SiteRecord { address: address(n), town: district(n), ..nameless(papers.code()?) }));
        hub.import_sites(sites.collect::<Result<Vec<_>>>()?)?;
        hub.put_venues(&self.venues, "bench", second)?.map_err(|(_, bad)| anyhow!("{bad}"))?;
        let offered = |slot: &Slot| Capacity { slot: slot.clone(), places: self.places, closed: false };
        let offered: Vec<Capacity> = self.slots.iter().map(offered).collect();
        hub.put_capacities(&offered, "bench", second)?.map_err(|(_, bad)| anyhow!("{bad}"))?;
        let listed: Vec<Document> =
            self.people.iter().filter(|person| person.is_listed).map(|person| person.document.clone()).collect();
        hub.import_list(ROUND, csv(&listed).as_bytes(), false, second)?.map_err(|bad| anyhow!("{bad}"))?;
        hub.publish_digests(second)?;
        Ok(())
    }

    /// What the hub has of each slot, once it has stopped.
    pub(super) fn accounts(&self, folder: &Path) -> Result<BTreeMap<Slot, Account>> {
        let data = DataFolder::named(Some(folder.join("hub"))).map_err(|cause| anyhow!("{cause}"))?;
        Ok(data.hub(&data.authority()?)?.slot_accounts()?.into_iter().collect())
    }

    pub(super) fn is_listed(&self, who: usize) -> bool {
        self.people[who].is_listed
    }

    /// What somebody wants most.
    pub(super) fn wanted(&self, who: usize) -> &Slot {
        &self.slots[self.people[who].slot]
    }

    pub(super) fn document(&self, who: usize) -> DocumentText {
        let document = &self.people[who].document;
        DocumentText {
            kind: document.kind().code().to_owned(),
            number: document.number().to_owned(),
            birth: document.birth().to_string(),
        }
    }

    pub(super) fn request(&self, who: usize) -> BookRequest {
        BookRequest {
            request: Some(format!("bench-{who}")),
            document: self.document(who),
            name: "王大明".to_owned(),
            mobile: "0912345678".to_owned(),
            slot: self.wanted(who).clone(),
            consent: true,
            wishes: self.people[who].others.map(|other| self.slots[other].clone()).to_vec(),
            by: "王藥師".to_owned(),
        }
    }

    /// By slot, how many who may book want it most.
    pub(super) fn demand(&self) -> BTreeMap<&Slot, u32> {
        let mut demand = BTreeMap::new();
        for person in self.people.iter().filter(|person| person.is_listed) {
            *demand.entry(&self.slots[person.slot]).or_default() += 1;
        }
        demand
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }
}

fn district(n: usize) -> String {
    format!("第{n}區")
}

fn address(n: usize) -> String {
    format!("{COUNTY}{}1號", district(n))
}

fn venue(n: usize, near: usize) -> Result<Venue> {
    Ok(Venue {
        id: format!("V{n:04}").parse()?,
        name: format!("第{n}診所"),
        county: COUNTY.to_owned(),
        district: district(near),
        address: address(near),
        phone: String::new(),
        site: None,
        holds: true,
    })
}

/// Three slots of one venue, mostly one near the counter.
fn person(dice: &mut SmallRng, n: usize, counter: usize, (edges, venues): (usize, usize)) -> Result<Person> {
    let is_listed = n % STRANGERS != STRANGERS - 1;
    let near = (venues - counter).div_ceil(edges);
    let venue = match dice.random_range(0..AFAR) {
        0 => dice.random_range(0..venues),
        _ => counter + edges * dice.random_range(0..near),
    };
    let of_a_venue = DAYS.len() * HOURS.len();
    let mut slot = || venue * of_a_venue + dice.random_range(0..of_a_venue);
    let (slot, others) = (slot(), [slot(), slot()]);
    let birth = if is_listed { "1965-03-15" } else { "1990-03-15" };
    let document = Document::from_parts(DocumentKind::NhiCard, &number(u32::try_from(n)?), birth.parse()?)?;
    Ok(Person { document, is_listed, slot, others })
}
