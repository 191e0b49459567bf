//! Small random scenarios in which everything goes wrong: few people, few sites, much cutting, and second purchases over two weeks.

use chrono::{DateTime, NaiveDate};

use super::dice::Dice;
use super::lines::{Document, Lines, TAIPEI_S};
use super::pace::Pace;
use super::people::{Number, Turn};

/// 2020-02-06T08:00:00+08:00, and the last second of 2020-02-20.
const FIRST_S: i64 = 1_580_947_200;
const LAST_S: i64 = FIRST_S + 15 * 86_400 - 8 * 3600 - 1;
/// Real sites: cities, mountains, islands.
const SITES: [&str; 6] = ["5931102274", "5901010058", "2391030026", "2346160014", "2345100014", "2340180012"];

/// A scenario of about so many events, 2020-02-06 to 2020-02-20, under mask-2020-02-06: wrong days, wrong documents, child masks for
/// adults, too many, none left, withdrawals right and wrong, crashes, clocks, cuts and heals, and people who come again and again.
#[must_use]
pub fn nasty(seed: u64, events: usize) -> String {
    let mut text = Vec::new();
    let mut town = Town::new(seed, events, &mut text);
    // Writing to memory does not fail.
    let written = town.run(events);
    debug_assert!(written.is_ok());
    String::from_utf8(text).unwrap_or_default()
}

/// Somebody of the town.
struct Neighbour {
    kind: &'static str,
    number: String,
    birth: NaiveDate,
}

struct Town<'a> {
    dice: Dice,
    sites: &'static [&'static str],
    people: Vec<Neighbour>,
    lines: Lines<&'a mut Vec<u8>>,
    pace: Pace,
    sales: u64,
    /// The last sales asked for: site and ref.
    recent: Vec<(&'static str, u64)>,
}

impl<'a> Town<'a> {
    fn new(seed: u64, events: usize, text: &'a mut Vec<u8>) -> Self {
        let mut dice = Dice::new(seed, 2);
        let sites = &SITES[..2 + dice.index(SITES.len() - 1)];
        let people = neighbours(&mut dice);
        let pace = Pace::new(FIRST_S, LAST_S, events);
        Self { dice, sites, people, lines: Lines::new(text), pace, sales: 0, recent: Vec::new() }
    }

    fn run(&mut self, events: usize) -> std::io::Result<()> {
        self.lines.programme(FIRST_S, "mask-2020-02-06")?;
        for &site in self.sites {
            let (adult, child) = (self.dice.below(30), self.dice.below(12));
            self.lines.arrive(FIRST_S, site, adult, child)?;
        }
        for _ in 0..events {
            self.pace.pass(&mut self.dice);
            self.event()?;
        }
        Ok(())
    }

    fn event(&mut self) -> std::io::Result<()> {
        let site = *self.dice.pick(self.sites);
        match self.dice.below(100) {
            0..62 => self.sell(site),
            62..70 => self.withdraw(site),
            70..78 => self.lines.state(self.pace.now, site, "cut"),
            78..88 => self.lines.state(self.pace.now, site, "heal"),
            88..92 => self.lines.state(self.pace.now, site, "crash"),
            92..93 => {
                let offset = *self.dice.pick(&[-90_000, -3_700, -40, 0, 0, 30, 5_000, 100_000]);
                self.lines.clock(self.pace.now, site, offset)
            }
            _ => {
                let (adult, child) = (self.dice.below(12), self.dice.below(6));
                self.lines.arrive(self.pace.now, site, adult, child)
            }
        }
    }

    fn sell(&mut self, site: &'static str) -> std::io::Result<()> {
        self.sales += 1;
        self.recent.push((site, self.sales));
        let who = self.whose_turn();
        let person = &self.people[who];
        let mut kind = person.kind;
        let mut number = person.number.clone();
        let mut birth = person.birth;
        if kind == "01" && self.dice.once_in(4) {
            kind = "02";
        }
        match self.dice.below(40) {
            0 if kind <= "03" => number = spoilt(&number),
            1 => birth = NaiveDate::from_ymd_opt(2021, 5, 1).unwrap_or_default(),
            2 if kind == "02" => birth = NaiveDate::from_ymd_opt(1911, 10, 10).unwrap_or_default(),
            // Typed wrong, but possible: still the same person, because the number is.
            3 if kind == "02" => birth = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap_or_default(),
            _ => {}
        }
        let pieces =
            *self.dice.pick(&[(2, 0), (2, 0), (2, 0), (1, 0), (1, 0), (1, 1), (0, 1), (0, 2), (0, 2), (2, 1), (3, 0)]);
        let document = Document { kind, number: &number, birth };
        self.lines.sell(self.pace.now, site, self.sales, document, pieces)
    }

    /// Seven times in eight somebody whose day it is, else anybody.
    fn whose_turn(&mut self) -> usize {
        let today = DateTime::from_timestamp(self.pace.now + TAIPEI_S, 0).unwrap_or_default().date_naive();
        let turn = Turn::of(today);
        let anybody = self.dice.once_in(8);
        loop {
            let who = self.dice.index(self.people.len());
            let digit = self.people[who].number.bytes().rev().find(u8::is_ascii_digit).unwrap_or(b'0') - b'0';
            if anybody || turn.allows(digit) {
                return who;
            }
        }
    }

    /// Mostly something sold lately, at its own site; sometimes at another, sometimes what never was.
    fn withdraw(&mut self, anywhere: &'static str) -> std::io::Result<()> {
        let recent = &self.recent[self.recent.len().saturating_sub(8)..];
        if recent.is_empty() || self.dice.once_in(10) {
            return self.lines.withdraw(self.pace.now, anywhere, "never");
        }
        let &(site, sale) = self.dice.pick(recent);
        let site = if self.dice.once_in(10) { anywhere } else { site };
        self.lines.withdraw(self.pace.now, site, &format!("s{sale}"))
    }
}

/// A dozen people of every kind of document; some share a number without being one person.
fn neighbours(dice: &mut Dice) -> Vec<Neighbour> {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let mut people = Vec::new();
    let births =
        [day(1931, 1, 1), day(1986, 3, 15), day(2007, 12, 31), day(2008, 1, 1), day(2013, 6, 30), day(1955, 2, 28)];
    // Half with an even last digit and half with an odd one, so that every day has its buyers.
    for (place, &birth) in births.iter().chain(&births[1..4]).enumerate() {
        let resident = place % 4 == 3;
        let number = loop {
            let number = Number::new(u32::try_from(dice.below(520_000_000)).unwrap_or(0), resident).to_string();
            if usize::from(number.as_bytes()[9]) % 2 == place % 2 {
                break number;
            }
        };
        people.push(Neighbour { kind: if resident { "03" } else { "01" }, number, birth });
    }
    let paper = format!("{}", dice.between(100_000_000, 999_999_999));
    for (kind, birth) in [("05", births[1]), ("05", births[4]), ("04", births[1])] {
        people.push(Neighbour { kind, number: paper.clone(), birth });
    }
    people
}

/// The number with a wrong check digit.
fn spoilt(number: &str) -> String {
    let (front, last) = number.split_at(number.len() - 1);
    let last = last.parse().unwrap_or(0u8);
    format!("{front}{}", (last + 2) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nasty_is_deterministic_ordered_and_full() {
        let text = nasty(5, 400);
        assert_eq!(text, nasty(5, 400));
        assert_ne!(text, nasty(6, 400));
        let times: Vec<&str> = text.lines().map(|line| &line[7..32]).collect();
        assert!(times.is_sorted());
        assert!(times[0].starts_with("2020-02-06T08:00:00"), "{}", times[0]);
        assert!(times[times.len() - 1] >= "2020-02-14", "{}", times[times.len() - 1]);
        assert!(times[times.len() - 1] < "2020-02-21", "{}", times[times.len() - 1]);
        for deed in ["sell", "withdraw", "cut", "heal", "crash", "arrive"] {
            assert!(text.contains(&format!(r#""do":"{deed}""#)), "{deed}");
        }
    }
}
