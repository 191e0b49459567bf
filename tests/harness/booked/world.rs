//! The sites, their lines, the hub, and the steps of a day.

mod asks;

use anyhow::{Context, Result, ensure};
use chrono::{Days, NaiveDate, NaiveTime};
use edge::store::Store as EdgeStore;
use hub::digests::MANIFEST_EVERY_S;
use hub::hub::Hub;
use hub::registry::{Enrolment, SiteRecord};
use hub::store::Store as HubStore;
use shared::entry::booking::{Capacity, Slot, Venue};
use shared::ids::{EntryId, Incarnation, SiteCode};
use shared::rules::calendar::{second_of, taipei_time};
use shared::rules::identity::Document;
use shared::seal::Secret;
use shared::sync::Close;

use super::people::Person;
use super::truth::Truth;
use super::{Knobs, Report};
use crate::replay::booking::csv;
use crate::replay::line::{Line, Now};
use crate::scenario::dice::Dice;
use crate::town::site::{Site, bytes};

/// A step, in milliseconds.
const STEP_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
/// Counters are open so many hours a day.
const OPEN_HOURS: i64 = 9;
/// Hours of a venue's day.
const STARTS: [&str; 5] = ["09:00", "10:00", "11:00", "14:00", "15:00"];
/// Days of the slots.
const SLOT_DAYS: u64 = 4;
const BRANDS: [&str; 2] = ["AZ", "MO"];
/// What somebody would take beside their first wish.
const WISHES_MAX: usize = 4;
/// The first day of booking.
const FIRST_DAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(2021, 7, 6);

/// A counter with its line.
pub(super) struct Counter {
    pub(super) site: Site,
    pub(super) line: Option<Line>,
    pub(super) up: bool,
    turns_ms: i64,
    district: usize,
    /// The life of its store that had a line last.
    met: Option<Incarnation>,
    /// An old image: the store, its stamp, how long its log is.
    backup: Option<(EdgeStore, Incarnation, u64)>,
    /// What was answered here, by its place in the log.
    wrote: Vec<(u64, Wrote)>,
}

/// What a counter wrote.
#[derive(Debug, Clone, Copy)]
enum Wrote {
    Booking(EntryId),
    Cancellation(EntryId),
}

pub(super) struct World {
    pub(super) report: Report,
    pub(super) knobs: Knobs,
    dice: Dice,
    pub(super) hub: Hub,
    pub(super) counters: Vec<Counter>,
    people: Vec<Person>,
    pub(super) truth: Truth,
    pub(super) now_ms: i64,
    districts: usize,
    slots: Vec<Slot>,
}

impl World {
    pub(super) fn new(seed: u64, knobs: Knobs) -> Result<Self> {
        let mut dice = Dice::new(seed, 0xb00c);
        let first = FIRST_DAY.context("a day")?;
        let now_ms = second_of(first.and_time(NaiveTime::MIN)) * 1_000 + 8 * HOUR_MS;
        let mut hub_dice = Dice::new(dice.next(), 1);
        let master = Secret::new(bytes(&mut dice));
        let hub = Hub::open(HubStore::in_memory()?, &master, Box::new(move || bytes(&mut hub_dice)))?;
        let districts = (knobs.venues / 2).max(1);
        let mut world = Self {
            report: Report::default(),
            knobs,
            dice,
            hub,
            counters: Vec::new(),
            people: Vec::new(),
            truth: Truth::new(knobs.clones),
            now_ms,
            districts,
            slots: Vec::new(),
        };
        for number in 0..knobs.sites {
            world.enrol(number)?;
        }
        world.publish(first)?;
        Ok(world)
    }

    pub(super) fn when(&self) -> String {
        taipei_time(self.second()).to_string()
    }

    pub(super) fn second(&self) -> i64 {
        self.now_ms.div_euclid(1_000)
    }

    fn enrol(&mut self, number: usize) -> Result<()> {
        let code: SiteCode = format!("59{number:08}").parse()?;
        let secret = Secret::new(bytes(&mut self.dice));
        let district = number % self.districts;
        self.hub.import_sites([SiteRecord {
            code,
            name: code.to_string(),
            kind: "pharmacy".to_owned(),
            address: format!("金門縣{}1號", district_name(district)),
            tel: String::new(),
            lat: None,
            lng: None,
            town: district_name(district),
        }])?;
        let enrolment = Enrolment {
            key_number: 1,
            secret: secret.clone(),
            fingerprint: bytes(&mut self.dice),
            serial: bytes(&mut self.dice),
            expires: i64::MAX,
            second: self.second(),
        };
        self.hub.register(&code, &enrolment)?.map_err(|refusal| anyhow::anyhow!("enrol {code}: {refusal}"))?;
        let (stamp, seed) = (Incarnation(bytes(&mut self.dice)), self.dice.next());
        let site = Site::on(EdgeStore::in_memory()?, (code, secret), stamp, self.now_ms, seed)?;
        self.counters.push(Counter {
            site,
            line: None,
            up: true,
            turns_ms: self.now_ms,
            district,
            met: None,
            backup: None,
            wrote: Vec::new(),
        });
        Ok(())
    }

    /// Round, venues, slots and list are known an hour before booking begins.
    fn publish(&mut self, first: NaiveDate) -> Result<()> {
        let day = |after: u64| first.checked_add_days(Days::new(after)).context("a day");
        let days = u64::try_from(self.knobs.days)?;
        let (closes, first_slot, last_slot) = (day(days)?, day(days)?, day(days + SLOT_DAYS - 1)?);
        let text = format!(
            "programme = \"vaccine\"\nname = \"town-r1\"\nnumber = 1\ntitle = {{ zh = \"疫苗\", en = \"vaccine\" }}\n\
             opens = \"{first}T09:00\"\ncloses = \"{closes}T23:00\"\nfirst_day = \"{first_slot}\"\n\
             last_day = \"{last_slot}\"\nbrands = {BRANDS:?}\n\
             [[groups]]\ntitle = {{ zh = \"名單\", en = \"listed\" }}\nregistered = true\n"
        );
        let second = self.second();
        self.hub.publish_round(&text, "town", second)?.map_err(|bad| anyhow::anyhow!("{bad}"))?;
        let mut capacities = Vec::new();
        for number in 0..self.knobs.venues {
            let venue = venue(number, number % self.districts)?;
            self.hub
                .put_venues(std::slice::from_ref(&venue), "town", second)?
                .map_err(|(_, bad)| anyhow::anyhow!("{bad}"))?;
            for after in 0..SLOT_DAYS {
                for start in STARTS {
                    let slot = Slot {
                        venue: venue.id.clone(),
                        date: day(days + after)?,
                        start: start.parse()?,
                        brands: BRANDS[number % BRANDS.len()].parse()?,
                    };
                    self.truth.capacity.insert(slot.clone(), self.knobs.places);
                    self.slots.push(slot.clone());
                    capacities.push(Capacity { slot, places: self.knobs.places, closed: false });
                }
            }
        }
        self.hub.put_capacities(&capacities, "town", second)?.map_err(|(_, bad)| anyhow::anyhow!("{bad}"))?;
        let places = u64::try_from(self.slots.len())? * u64::from(self.knobs.places);
        let people = places * self.knobs.demand_percent / 100;
        for _ in 0..people {
            let person = Person::draw(&mut self.dice, self.districts);
            self.people.push(person);
        }
        let listed: Vec<Document> =
            self.people.iter().filter(|person| person.listed).map(Person::document).collect::<Result<_>>()?;
        let list = csv(&listed);
        self.hub
            .import_list("town-r1", list.as_bytes(), false, second)?
            .map_err(|bad| anyhow::anyhow!("a list: {bad}"))?;
        self.hub.publish_digests(second)?;
        Ok(())
    }

    /// Every day from eight on.
    pub(super) fn live(&mut self) -> Result<()> {
        self.exchange_all()?;
        let steps = self.knobs.days * OPEN_HOURS * HOUR_MS / STEP_MS;
        let asks = u64::try_from(self.people.len())? * 5 / 4;
        let mut owed = 0;
        for day in 0..self.knobs.days {
            let begins = self.now_ms;
            for _ in 0..OPEN_HOURS * HOUR_MS / STEP_MS {
                self.now_ms += STEP_MS;
                self.weather()?;
                if self.knobs.trouble {
                    self.trouble()?;
                }
                self.exchange_all()?;
                self.hub.publish_digests_in_time(MANIFEST_EVERY_S, self.second())?;
                owed += asks;
                while owed >= u64::try_from(steps)? {
                    owed -= u64::try_from(steps)?;
                    self.somebody()?;
                }
            }
            self.check_accounts()?;
            if day + 1 < self.knobs.days {
                self.now_ms = begins + 24 * HOUR_MS;
            }
        }
        Ok(())
    }

    /// Lines come and go.
    fn weather(&mut self) -> Result<()> {
        for at in 0..self.counters.len() {
            if self.counters[at].turns_ms > self.now_ms {
                continue;
            }
            let up = self.dice.below(100) < self.knobs.up_percent.unsigned_abs();
            let counter = &mut self.counters[at];
            counter.up = up;
            counter.turns_ms = self.now_ms + self.dice.between(20 * 60_000, 4 * HOUR_MS);
            if !up {
                self.counters[at].line = None;
            }
        }
        Ok(())
    }

    /// Nodes crash, backups come back, clocks are set.
    fn trouble(&mut self) -> Result<()> {
        for at in 0..self.counters.len() {
            if self.dice.once_in(1_500) {
                self.crash(at, None)?;
                self.report.crashes += 1;
            }
            if self.dice.once_in(6_000) {
                self.counters[at].site.offset_ms = self.dice.between(-2 * HOUR_MS, 2 * HOUR_MS);
                self.counters[at].site.set_ms = self.now_ms;
            }
            if self.dice.once_in(1_500) {
                self.restore(at)?;
            }
            if self.knobs.clones && self.dice.once_in(1_500) && self.counters.len() < 2 * self.knobs.sites {
                self.clone_computer(at)?;
            }
        }
        Ok(())
    }

    fn crash(&mut self, at: usize, store: Option<EdgeStore>) -> Result<()> {
        let seed = self.dice.next();
        let counter = &mut self.counters[at];
        counter.line = None;
        counter.site.crash(store, self.now_ms, seed)
    }

    /// An old image is taken, or comes back: with its stamp, or without.
    fn restore(&mut self, at: usize) -> Result<()> {
        let counter = &mut self.counters[at];
        let Some((store, stamp, held)) = counter.backup.take() else {
            let stamp = counter.site.stamp();
            let node = counter.site.node()?;
            counter.backup = Some((node.image()?, stamp, node.log_len()));
            return Ok(());
        };
        // What only this disk knew is gone; who has a slip keeps it.
        let acked = counter.site.node()?.acked_upto();
        let gone = counter.wrote.iter().filter(|(pos, _)| *pos > held && *pos > acked);
        for (_, wrote) in gone {
            match wrote {
                Wrote::Booking(id) => self.truth.lost(id),
                Wrote::Cancellation(of) => self.truth.never_cancelled(of),
            }
        }
        counter.wrote.retain(|(pos, _)| *pos <= held);
        if self.dice.once_in(2) {
            self.counters[at].site.set_stamp(stamp);
        }
        self.report.shaken += 1;
        self.crash(at, Some(store))
    }

    /// The whole computer is copied, with everything beside the database; both go on.
    fn clone_computer(&mut self, at: usize) -> Result<()> {
        let seed = self.dice.next();
        let counter = &mut self.counters[at];
        let (store, stamp) = (counter.site.node()?.image()?, counter.site.stamp());
        let named = (counter.site.code, counter.site.secret.clone());
        let mut site = Site::on(store, named, stamp, self.now_ms, seed)?;
        site.note_spent(&counter.site);
        let (up, turns_ms, district, met) = (counter.up, counter.turns_ms, counter.district, counter.met);
        let wrote = counter.wrote.clone();
        self.counters.push(Counter { site, line: None, up, turns_ms, district, met, backup: None, wrote });
        self.report.shaken += 1;
        Ok(())
    }

    /// A line greets: the hub closes an older one of another process under the same incarnation, as the gateway does.
    fn supersede(&mut self, at: usize) {
        let (code, stamp) = (self.counters[at].site.code, self.counters[at].site.stamp());
        for other in (0..self.counters.len()).filter(|other| *other != at) {
            let counter = &mut self.counters[other];
            if counter.site.code == code && counter.site.stamp() == stamp {
                counter.line = None;
            }
        }
    }

    /// Everybody whose line is up says what is new and hears what is new; then the hub lends.
    pub(super) fn exchange_all(&mut self) -> Result<()> {
        for at in 0..self.counters.len() {
            self.exchange(at)?;
        }
        self.hub.lend(self.second())?;
        Ok(())
    }

    pub(super) fn exchange(&mut self, at: usize) -> Result<()> {
        self.with_line(at, |line, node, hub, now| {
            node.give_back(now.reading)?;
            let uploads = line.upload(node, hub, now)?;
            line.take_up(uploads, node, hub, now)?;
            line.settle(node, hub, now)
        })?;
        let counter = &mut self.counters[at];
        if counter.up {
            counter.met = Some(counter.site.stamp());
        }
        Ok(())
    }

    /// Uses a counter's line, dialling first; again where the store has begun a new life.
    fn with_line<T>(
        &mut self,
        at: usize,
        mut deed: impl FnMut(&mut Line, &mut edge::node::Node, &mut Hub, Now) -> Result<T>,
    ) -> Result<Option<T>> {
        let second = self.second();
        if !self.counters[at].up {
            return Ok(None);
        }
        for _ in 0..4 {
            if self.counters[at].line.is_none() {
                self.supersede(at);
            }
            let counter = &mut self.counters[at];
            let now = Now { second, reading: counter.site.reading(self.now_ms) };
            let node = counter.site.node()?;
            let done = match &mut counter.line {
                Some(line) => deed(line, node, &mut self.hub, now),
                none => Line::dial(node, &mut self.hub, now)
                    .and_then(|line| deed(none.insert(line), node, &mut self.hub, now)),
            };
            match done {
                Err(cause) if matches!(cause.downcast_ref::<Close>(), Some(Close::Anew)) => counter.line = None,
                done => return done.map(Some).with_context(|| format!("the line of {}", counter.site.code)),
            }
        }
        anyhow::bail!("{} begins new lives without end", self.counters[at].site.code)
    }

    /// Free, lent and unspent, and booked are the capacity; nothing of it is less than nothing.
    pub(super) fn check_accounts(&mut self) -> Result<()> {
        for (slot, account) in self.hub.slot_accounts()? {
            let sum = account.free() + account.unspent() + i64::from(account.booked());
            ensure!(sum == i64::from(account.capacity), "{slot}: {account:?} does not add up");
            let holds = account.free() >= 0 && account.unspent() >= 0 && !account.is_oversold();
            ensure!(holds || self.knobs.clones, "{slot}: {account:?}");
        }
        Ok(())
    }
}

fn district_name(district: usize) -> String {
    format!("第{district}區")
}

fn venue(number: usize, district: usize) -> Result<Venue> {
    Ok(Venue {
        id: format!("V{number:03}-{district}").parse()?,
        name: format!("第{number}診所"),
        county: "金門縣".to_owned(),
        district: district_name(district),
        address: format!("金門縣{}{number}號", district_name(district)),
        phone: String::new(),
        site: None,
        holds: true,
    })
}
