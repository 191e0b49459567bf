//! A town in which some buy twice: the same people with lines that are up much or little, and nothing else goes wrong.

use std::io::Write;

use anyhow::ensure;
use chrono::{Days, NaiveDate};

use super::dice::Dice;
use super::lines::{Document, Lines, TAIPEI_S};
use super::people::{Age, People, Person, Turn};

/// The rules of the whole time.
const PROGRAMME: &str = "mask-2020-02-06";
/// A purchase blocks its day and the six after it (M8).
const WINDOW_DAYS: u64 = 7;
/// Of so many people one tries again elsewhere within the window.
const ONE_DOUBLE_IN: u64 = 5;
/// Of so many of those one is at both counters within two minutes; the others come at any time that is left to them.
const ONE_AT_ONCE_IN: u64 = 10;
const AT_ONCE_S: i64 = 120;
/// Of so many of the others one comes again when the window has passed, if there is time.
const ONE_REGULAR_IN: u64 = 2;
/// Counters are open from eight to eight.
const OPEN_S: i64 = 8 * 3600;
const CLOSED_S: i64 = 20 * 3600;
/// A line comes and goes once in so many seconds on average.
const CYCLE_S: i64 = DAY_S;
const DAY_S: i64 = 86_400;
/// Every site has had the rules and its goods when its line begins to come and go.
const BEGIN_S: i64 = 600;
/// Lines come and go for so long before that, so that the beginning is like any other time.
const BEFORE_S: i64 = 10 * CYCLE_S;

/// What to make.
#[derive(Debug, Clone)]
pub struct DoublesPlan {
    /// People, purchases and lines come from it; with one seed only the lines differ.
    pub seed: u64,
    /// How many sites.
    pub sites: u32,
    /// How many days, from 2020-02-06 on.
    pub days: u64,
    /// How many people.
    pub people: u32,
    /// A line is up so many hundredths of the time, 1 to 100.
    pub up_percent: u32,
}

impl Default for DoublesPlan {
    fn default() -> Self {
        Self { seed: 1, sites: 50, days: 14, people: 10_000, up_percent: 70 }
    }
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DoublesFigures {
    /// Lines in all.
    pub lines: u64,
    /// Purchases tried.
    pub purchases: u64,
    /// Of those, by somebody who bought elsewhere within the window.
    pub doubles: u64,
    /// The share of the time for which a line was up, in hundredths.
    pub up_percent: f64,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Heal,
    Sell(Person),
    Cut,
}

impl Deed {
    /// The order in which they happen within one second.
    fn order(self) -> u8 {
        match self {
            Self::Heal => 0,
            Self::Sell(_) => 1,
            Self::Cut => 2,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Event {
    /// Seconds after the first midnight.
    at: i64,
    deed: Deed,
    site: u32,
}

/// Writes the scenario, its lines in order of time.
///
/// # Errors
/// Where the plan cannot be made or `out` fails.
pub fn write_doubles(plan: &DoublesPlan, out: impl Write) -> anyhow::Result<DoublesFigures> {
    ensure!(plan.sites >= 2 && plan.days >= 1, "a double purchase needs two sites and a day");
    ensure!((1..=100).contains(&plan.up_percent), "a line is up 1 to 100 hundredths of the time");
    let mut figures = DoublesFigures::default();
    let mut events = Vec::new();
    Visits { plan, dice: Dice::new(plan.seed, 3), events: &mut events, doubles: &mut figures.doubles }.draw()?;
    figures.purchases = u64::try_from(events.len())?;
    figures.up_percent = draw_lines(plan, &mut events);
    events.sort_by_key(|event| (event.at, event.deed.order()));
    figures.lines = write(plan, &events, out)?;
    Ok(figures)
}

/// Who comes where and when.
struct Visits<'a> {
    plan: &'a DoublesPlan,
    dice: Dice,
    events: &'a mut Vec<Event>,
    doubles: &'a mut u64,
}

impl Visits<'_> {
    fn draw(&mut self) -> anyhow::Result<()> {
        let mut people = People::new(&mut self.dice);
        for _ in 0..self.plan.people {
            let day = self.dice.below(self.plan.days);
            let person = people.next(&mut self.dice, Age::Adult, Turn::of(date(day)))?;
            let at = self.within(day, OPEN_S);
            let site = self.site();
            self.buy(at, site, person);
            if self.dice.once_in(ONE_DOUBLE_IN) {
                self.again(day, at, site, person);
            } else if self.dice.once_in(ONE_REGULAR_IN)
                && let Some(day) = self.day_of(person, day + WINDOW_DAYS, u64::MAX)
            {
                let (at, site) = (self.within(day, OPEN_S), self.site());
                self.buy(at, site, person);
            }
        }
        Ok(())
    }

    /// The same person at another site within the window.
    fn again(&mut self, day: u64, first: i64, site: u32, person: Person) {
        let at = if self.dice.once_in(ONE_AT_ONCE_IN) {
            first + self.dice.between(1, AT_ONCE_S)
        } else {
            let day = self.day_of(person, day, day + WINDOW_DAYS - 1).unwrap_or(day);
            self.within(day, first + 1)
        };
        let other =
            (site + 1 + u32::try_from(self.dice.below(u64::from(self.plan.sites - 1))).unwrap_or(0)) % self.plan.sites;
        let person = if self.dice.once_in(10) { person.typed() } else { person };
        *self.doubles += 1;
        self.buy(at, other, person);
    }

    fn buy(&mut self, at: i64, site: u32, person: Person) {
        self.events.push(Event { at, deed: Deed::Sell(person), site });
    }

    fn site(&mut self) -> u32 {
        u32::try_from(self.dice.below(u64::from(self.plan.sites))).unwrap_or(0)
    }

    /// One of the days from the first to the last on which this person may come.
    fn day_of(&mut self, person: Person, first: u64, last: u64) -> Option<u64> {
        let digit = person.number().last_digit();
        let days: Vec<u64> =
            (first..=last.min(self.plan.days - 1)).filter(|day| Turn::of(date(*day)).allows(digit)).collect();
        (!days.is_empty()).then(|| *self.dice.pick(&days))
    }

    /// A second of a day's opening hours, not before `from`.
    fn within(&mut self, day: u64, from: i64) -> i64 {
        let midnight = i64::try_from(day).unwrap_or(0) * DAY_S;
        self.dice.between((midnight + OPEN_S).max(from), midnight + CLOSED_S)
    }
}

/// Cuts and heals; spells of every length up to twice the mean are equally likely. Gives the share of the time for which lines were up.
fn draw_lines(plan: &DoublesPlan, events: &mut Vec<Event>) -> f64 {
    if plan.up_percent == 100 {
        return 100.0;
    }
    let mut dice = Dice::new(plan.seed, 4);
    let end = i64::try_from(plan.days).unwrap_or(0) * DAY_S;
    let percent = i64::from(plan.up_percent);
    let mut up_s = 0;
    for site in 0..plan.sites {
        let mut is_up = dice.below(100) < percent.unsigned_abs();
        let mut event = |at, deed| events.push(Event { at, deed, site });
        let (mut at, mut is_begun) = (BEGIN_S - BEFORE_S, false);
        while at < end {
            let share = if is_up { percent } else { 100 - percent };
            let until = at + dice.between(1, 2 * CYCLE_S * share / 100);
            if until > BEGIN_S {
                // What was before is as if the line had been up.
                if !is_up {
                    event(at.max(BEGIN_S), Deed::Cut);
                } else if is_begun {
                    event(at, Deed::Heal);
                }
                is_begun = true;
                up_s += if is_up { until.min(end) - at.max(BEGIN_S) } else { 0 };
            }
            (at, is_up) = (until, !is_up);
        }
    }
    100.0 * up_s as f64 / (i64::from(plan.sites) * (end - BEGIN_S)) as f64
}

fn write(plan: &DoublesPlan, events: &[Event], out: impl Write) -> anyhow::Result<u64> {
    let midnight = date(0).and_time(chrono::NaiveTime::MIN).and_utc().timestamp() - TAIPEI_S;
    let codes: Vec<String> = (1..=plan.sites).map(|number| format!("59{number:08}")).collect();
    let mut wanted = vec![0u64; codes.len()];
    for event in events {
        wanted[event.site as usize] += if matches!(event.deed, Deed::Sell(_)) { 2 } else { 0 };
    }
    let mut lines = Lines::new(out);
    lines.programme(midnight, PROGRAMME)?;
    for (code, adult) in codes.iter().zip(wanted) {
        lines.arrive(midnight + 1, code, adult, 0)?;
    }
    let mut refer = 0;
    for event in events {
        let (at, code) = (midnight + event.at, &codes[event.site as usize]);
        match event.deed {
            Deed::Cut => lines.state(at, code, "cut")?,
            Deed::Heal => lines.state(at, code, "heal")?,
            Deed::Sell(person) => {
                refer += 1;
                let number = person.number();
                let document = Document { kind: person.code(), number: &number, birth: person.birth() };
                lines.sell(at, code, refer, document, (2, 0))?;
            }
        }
    }
    lines.flush()?;
    Ok(lines.written)
}

/// 2020-02-06, a Thursday, and the days after it.
fn date(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 2, 6).unwrap_or_default() + Days::new(day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn made(plan: &DoublesPlan) -> (DoublesFigures, Vec<Value>) {
        let mut text = Vec::new();
        let figures = write_doubles(plan, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        (figures, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn lines_are_up_for_their_share() {
        for up_percent in [1, 30, 70, 100] {
            let (figures, lines) = made(&DoublesPlan { up_percent, people: 10, ..DoublesPlan::default() });
            let off = (figures.up_percent - f64::from(up_percent)).abs();
            assert!(off < 0.2 * f64::from(up_percent.min(50)), "{figures:?}");
            // Each site is cut and healed in turn, as often as a day has come.
            let (mut cut, mut heals) = (std::collections::HashSet::new(), 0);
            for line in &lines {
                let site = line["site"].as_str().unwrap_or_default().to_owned();
                match line["do"].as_str().unwrap() {
                    "cut" => assert!(cut.insert(site), "{line}"),
                    "heal" => {
                        assert!(cut.remove(&site), "{line}");
                        heals += 1;
                    }
                    _ => {}
                }
            }
            assert!(if up_percent == 100 { heals == 0 } else { (500..900).contains(&heals) }, "{heals}");
        }
    }

    #[test]
    fn one_seed_means_the_same_people_at_every_share() {
        let sales = |up_percent| {
            let (figures, lines) = made(&DoublesPlan { up_percent, people: 500, ..DoublesPlan::default() });
            let sales: Vec<Value> = lines.into_iter().filter(|line| line["do"] == "sell").collect();
            assert_eq!(sales.len() as u64, figures.purchases);
            (figures.doubles, sales)
        };
        assert_eq!(sales(1), sales(70));
    }

    #[test]
    fn who_comes_again_comes_elsewhere_within_the_window_or_when_it_has_passed() {
        let (figures, lines) = made(&DoublesPlan { people: 2_000, ..DoublesPlan::default() });
        let mut first = std::collections::HashMap::new();
        let (mut doubles, mut regulars, mut last) = (0, 0, String::new());
        for line in lines {
            let at = line["at"].as_str().unwrap().to_owned();
            assert!(at >= last, "{line}");
            last.clone_from(&at);
            if line["do"] != "sell" {
                continue;
            }
            assert!(("08:00:00"..="20:02:00").contains(&&at[11..19]), "{line}");
            let day: NaiveDate = at[..10].parse().unwrap();
            let number = line["document"]["number"].as_str().unwrap().to_owned();
            assert!(Turn::of(day).allows(number.as_bytes()[9] - b'0'), "{line}");
            let site = line["site"].clone();
            let Some((before, elsewhere)) = first.insert(number, (day, site.clone())) else { continue };
            if (day - before).num_days() < 7 {
                doubles += 1;
                assert_ne!(site, elsewhere, "{line}");
            } else {
                regulars += 1;
            }
        }
        assert_eq!(doubles, figures.doubles);
        assert!((350..450).contains(&doubles) && regulars > 200, "{doubles} doubles, {regulars} regulars");
    }
}
