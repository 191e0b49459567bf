//! A real day as a scenario: arrivals and sales as the stock of each site moved in the feed of 2020 (`tests/data/README.md`).

use std::io::Write;

use anyhow::bail;
use chrono::NaiveDate;

use super::dice::Dice;
use super::feed::{DAY_S, RealDay};
use super::lines::{Document, Lines, TAIPEI_S};
use super::people::{Age, People, Person, Turn};

/// The rules of that week.
const PROGRAMME: &str = "mask-2020-02-06";
/// Of so many purchases one is tried by somebody who already bought that day.
const ONE_REPEAT_IN: u64 = 200;
/// Of so many of those one is tried at the same site, the others elsewhere.
const ONE_SAME_SITE_IN: u64 = 20;
/// Of so many sites one is cut for part of the day.
const ONE_CUT_IN: usize = 10;
/// Of so many cuts one lasts until the end.
const ONE_NEVER_HEALED_IN: u64 = 20;
/// Opening stock is counted in within so many seconds before the first interval.
const OPENING_S: u32 = 50 * 60;

/// What to make.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A day of the data: 2020-02-06 to 2020-02-12.
    pub day: NaiveDate,
    /// Times, people and cuts come from it.
    pub seed: u64,
    /// So many sites of the day, drawn by the seed; all where absent.
    pub sites: Option<usize>,
    /// The day's pattern repeated or thinned to exactly so many purchases; as it was where absent.
    pub purchases: Option<u64>,
}

impl Default for Plan {
    fn default() -> Self {
        let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap_or_default();
        Self { day, seed: 1, sites: None, purchases: None }
    }
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lines in all.
    pub lines: u64,
    /// Sites of the day.
    pub sites: usize,
    /// Purchases tried.
    pub purchases: u64,
    /// Of those, by somebody who had already been at a counter that day.
    pub repeats: u64,
    /// Arrivals, opening stock included.
    pub arrivals: u64,
    /// Adult and child masks asked for.
    pub masks: u64,
    /// Lines that cut a site.
    pub cuts: u64,
}

/// Writes the scenario of a day, its lines in order of time.
///
/// # Errors
/// Where the data cannot be read, have nothing for the day, or `out` fails.
pub fn write_day(plan: &Plan, out: impl Write) -> anyhow::Result<Figures> {
    let mut dice = Dice::new(plan.seed, 1);
    let mut day = RealDay::of(plan.day)?;
    if let Some(sites) = plan.sites {
        day.keep(sites, &mut dice);
    }
    let mut events = sales_and_arrivals(&day, plan.purchases, &mut dice)?;
    cuts(&mut events, day.sites.len(), &mut dice);
    events.sort_by_key(|event| (event.at, event.deed));
    Counter::new(plan, &day, out, dice).write(&events)
}

/// In the order in which they happen within one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Arrive,
    Heal,
    Sell,
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    at: u32,
    deed: Deed,
    site: u16,
    pieces: (u32, u32),
}

/// What moved stock, and the smallest opening arrival of each site with which the day is possible. Not yet in order.
fn sales_and_arrivals(day: &RealDay, wanted: Option<u64>, dice: &mut Dice) -> anyhow::Result<Vec<Event>> {
    let real: usize = day.moves.iter().map(|one| one.purchases().count()).sum();
    let real = u64::try_from(real)?;
    let wanted = wanted.unwrap_or(real);
    if real == 0 && wanted > 0 {
        bail!("these sites sold nothing that day");
    }
    let growth = u32::try_from(wanted.div_ceil(real.max(1)).max(1))?;
    let mut events = Vec::new();
    let mut stock = vec![Stock::default(); day.sites.len()];
    let mut due = 0;
    for one in &day.moves {
        let time = |dice: &mut Dice| u32::try_from(dice.between(i64::from(one.from) + 1, i64::from(one.to)));
        let stock = &mut stock[usize::from(one.site)];
        let came = (one.came.0 * growth, one.came.1 * growth);
        if came != (0, 0) {
            events.push(Event { at: time(dice)?, deed: Deed::Arrive, site: one.site, pieces: came });
            stock.rise(came);
        }
        for pieces in one.purchases() {
            due += wanted;
            while due >= real {
                due -= real;
                events.push(Event { at: time(dice)?, deed: Deed::Sell, site: one.site, pieces });
                stock.fall(pieces);
            }
        }
    }
    let first = day.moves.iter().map(|one| one.from).min().unwrap_or(0);
    for (site, stock) in (0u16..).zip(&stock) {
        if stock.lacked != (0, 0) {
            let at = dice.between(i64::from(first.saturating_sub(OPENING_S)), i64::from(first));
            events.push(Event { at: u32::try_from(at)?, deed: Deed::Arrive, site, pieces: stock.lacked });
        }
    }
    Ok(events)
}

/// A site's running stock and what it lacked at worst. Between two looks the feed shows either a fall or a rise of one kind of
/// mask, so the order within an interval does not matter.
#[derive(Debug, Clone, Copy, Default)]
struct Stock {
    now: (i64, i64),
    lacked: (u32, u32),
}

impl Stock {
    fn rise(&mut self, (adult, child): (u32, u32)) {
        self.now.0 += i64::from(adult);
        self.now.1 += i64::from(child);
    }

    fn fall(&mut self, (adult, child): (u32, u32)) {
        self.now.0 -= i64::from(adult);
        self.now.1 -= i64::from(child);
        let lack = |now: i64, before: u32| before.max(u32::try_from(-now).unwrap_or(0));
        self.lacked = (lack(self.now.0, self.lacked.0), lack(self.now.1, self.lacked.1));
    }
}

/// Cuts one site in ten once, for half an hour to six hours.
fn cuts(events: &mut Vec<Event>, sites: usize, dice: &mut Dice) {
    let count = sites.div_ceil(ONE_CUT_IN);
    let mut all: Vec<usize> = (0..sites).collect();
    for place in 0..count {
        let other = place + dice.index(sites - place);
        all.swap(place, other);
        let site = u16::try_from(all[place]).unwrap_or(0);
        let hours = |from: i64, to: i64, dice: &mut Dice| {
            u32::try_from(dice.between(from * 3600 / 2, to * 3600 / 2)).unwrap_or(0)
        };
        let cut = hours(17, 36, dice);
        let heal = cut + hours(1, 12, dice);
        events.push(Event { at: cut, deed: Deed::Cut, site, pieces: (0, 0) });
        if heal < DAY_S && !dice.once_in(ONE_NEVER_HEALED_IN) {
            events.push(Event { at: heal, deed: Deed::Heal, site, pieces: (0, 0) });
        }
    }
}

/// Gives each purchase its person and writes the lines.
struct Counter<'a, W> {
    day: &'a RealDay,
    midnight: i64,
    turn: Turn,
    dice: Dice,
    people: People,
    /// Who has been where, in order; of those, the children; and the last at each site.
    been: Vec<(u16, Person)>,
    children: Vec<u32>,
    last_at: Vec<Option<Person>>,
    lines: Lines<W>,
    figures: Figures,
}

impl<'a, W: Write> Counter<'a, W> {
    fn new(plan: &Plan, day: &'a RealDay, out: W, mut dice: Dice) -> Self {
        let midnight = plan.day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() - TAIPEI_S;
        Self {
            day,
            midnight,
            turn: Turn::of(plan.day),
            people: People::new(&mut dice),
            dice,
            been: Vec::new(),
            children: Vec::new(),
            last_at: vec![None; day.sites.len()],
            lines: Lines::new(out),
            figures: Figures { sites: day.sites.len(), ..Figures::default() },
        }
    }

    fn write(mut self, events: &[Event]) -> anyhow::Result<Figures> {
        self.lines.programme(self.midnight, PROGRAMME)?;
        for event in events {
            self.one(event)?;
        }
        self.lines.flush()?;
        Ok(Figures { lines: self.lines.written, ..self.figures })
    }

    fn one(&mut self, event: &Event) -> anyhow::Result<()> {
        let at = self.midnight + i64::from(event.at);
        let day = self.day;
        let site = &day.sites[usize::from(event.site)];
        let (adult, child) = event.pieces;
        match event.deed {
            Deed::Arrive => {
                self.figures.arrivals += 1;
                self.lines.arrive(at, site, adult.into(), child.into())?;
            }
            Deed::Cut => {
                self.figures.cuts += 1;
                self.lines.state(at, site, "cut")?;
            }
            Deed::Heal => self.lines.state(at, site, "heal")?,
            Deed::Sell => {
                let person = self.person(event)?;
                self.figures.purchases += 1;
                self.figures.masks += u64::from(adult + child);
                let number = person.number();
                let document = Document { kind: person.code(), number: &number, birth: person.birth() };
                self.lines.sell(at, site, self.figures.purchases, document, event.pieces)?;
            }
        }
        Ok(())
    }

    /// Somebody new, or one time in 200 somebody who has been elsewhere.
    fn person(&mut self, event: &Event) -> anyhow::Result<Person> {
        let repeat = if self.dice.once_in(ONE_REPEAT_IN) { self.somebody_again(event) } else { None };
        self.figures.repeats += u64::from(repeat.is_some());
        let person = match repeat {
            Some(person) => person,
            None => {
                // A few adult masks are bought on a child's card: children may choose.
                let child = event.pieces.1 > 0 || self.dice.once_in(20);
                let age = if child { Age::Child } else { Age::Adult };
                self.people.next(&mut self.dice, age, self.turn)?
            }
        };
        if person.age == Age::Child {
            self.children.push(u32::try_from(self.been.len())?);
        }
        self.been.push((event.site, person));
        self.last_at[usize::from(event.site)] = Some(person);
        Ok(person)
    }

    fn somebody_again(&mut self, event: &Event) -> Option<Person> {
        let needs_child = event.pieces.1 > 0;
        let person = if self.dice.once_in(ONE_SAME_SITE_IN) {
            self.last_at[usize::from(event.site)].filter(|person| !needs_child || person.age == Age::Child)
        } else {
            (0..8).find_map(|_| self.somebody_elsewhere(event.site, needs_child))
        }?;
        Some(if self.dice.once_in(10) { person.typed() } else { person })
    }

    fn somebody_elsewhere(&mut self, site: u16, needs_child: bool) -> Option<Person> {
        let index = if needs_child {
            (!self.children.is_empty()).then(|| *self.dice.pick(&self.children) as usize)?
        } else {
            (!self.been.is_empty()).then(|| self.dice.index(self.been.len()))?
        };
        let (place, person) = self.been[index];
        (place != site).then_some(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(plan: &Plan) -> (Figures, String) {
        let mut text = Vec::new();
        let figures = write_day(plan, &mut text).unwrap();
        (figures, String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_seed_means_one_scenario() {
        let plan = Plan { sites: Some(20), ..Plan::default() };
        let (figures, text) = scenario(&plan);
        assert_eq!(scenario(&plan).1, text);
        assert_ne!(scenario(&Plan { seed: 2, ..plan }).1, text);
        assert_eq!(figures.lines, u64::try_from(text.lines().count()).unwrap());
        assert_eq!(figures.sites, 20);
        assert_eq!(figures.cuts, 2);
    }

    #[test]
    fn lines_are_in_order_and_stock_never_runs_out() {
        let (_, text) = scenario(&Plan { sites: Some(40), seed: 3, ..Plan::default() });
        let mut stock = std::collections::HashMap::<String, (i64, i64)>::new();
        let mut last = String::new();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let at = line["at"].as_str().unwrap().to_owned();
            assert!(at >= last, "{line}");
            last = at;
            let sign = match line["do"].as_str().unwrap() {
                "arrive" => 1,
                "sell" => -1,
                _ => continue,
            };
            let stock = stock.entry(line["site"].as_str().unwrap().to_owned()).or_default();
            stock.0 += sign * line["adult"].as_i64().unwrap();
            stock.1 += sign * line["child"].as_i64().unwrap();
            assert!(stock.0 >= 0 && stock.1 >= 0, "{line}");
        }
        assert!(
            text.starts_with(r#"{"at":"2020-02-06T00:00:00+08:00","do":"programme","programme":"mask-2020-02-06"}"#)
        );
    }

    #[test]
    fn a_day_grows_and_shrinks_to_the_purchases_wanted() {
        for wanted in [1, 500, 12_345] {
            let plan = Plan { sites: Some(30), purchases: Some(wanted), ..Plan::default() };
            assert_eq!(scenario(&plan).0.purchases, wanted);
        }
    }

    #[test]
    fn every_day_of_the_week_can_be_made() {
        for day in 6..=12 {
            let day = NaiveDate::from_ymd_opt(2020, 2, day).unwrap();
            let plan = Plan { day, sites: Some(10), ..Plan::default() };
            assert!(scenario(&plan).0.purchases > 0, "{day}");
        }
        let day = NaiveDate::from_ymd_opt(2020, 2, 20).unwrap();
        assert!(write_day(&Plan { day, ..Plan::default() }, Vec::new()).is_err());
    }
}
