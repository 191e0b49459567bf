//! Small random scenarios of bookings in which everything goes wrong: few places, few sites, much cutting, people who book
//! twice, cancel and come again.

use chrono::NaiveDate;

use super::dice::Dice;
use super::lines::{Document, Lines, Place};
use super::pace::Pace;
use super::people::Number;

/// 2021-07-06T10:00:00+08:00, and two days later.
const FIRST_S: i64 = 1_625_536_800;
const LAST_S: i64 = FIRST_S + 2 * 86_400;
/// Real sites: cities, mountains, islands.
const SITES: [&str; 5] = ["5931102274", "5901010058", "2391030026", "2346160014", "2345100014"];
const VENUES: [(&str, &str); 3] = [("0291010019", "AZ"), ("2390010010", "MO"), ("2344010010", "MO,AZ")];
const STARTS: [&str; 3] = ["09:00", "10:00", "14:00"];
/// One of so many people is on no list.
const UNLISTED_ONE_IN: usize = 6;

/// A scenario of about so many events over two days: slots of a few places, a list, bookings right and wrong, cancellations
/// here and elsewhere, crashes, cuts and heals.
#[must_use]
pub fn places(seed: u64, events: usize) -> String {
    let mut text = Vec::new();
    let mut town = Town::new(seed, events, &mut text);
    // Writing to memory does not fail.
    let written = town.run(events);
    debug_assert!(written.is_ok());
    String::from_utf8(text).unwrap_or_default()
}

struct Town<'a> {
    dice: Dice,
    sites: &'static [&'static str],
    people: Vec<(String, NaiveDate)>,
    lines: Lines<&'a mut Vec<u8>>,
    pace: Pace,
    booked: u64,
    /// The last bookings asked for: site and ref.
    recent: Vec<(&'static str, u64)>,
}

impl<'a> Town<'a> {
    fn new(seed: u64, events: usize, text: &'a mut Vec<u8>) -> Self {
        let mut dice = Dice::new(seed, 7);
        let sites = &SITES[..2 + dice.index(SITES.len() - 1)];
        let birth = |dice: &mut Dice| {
            let year = i32::try_from(dice.between(1930, 2002)).unwrap_or(1980);
            NaiveDate::from_ymd_opt(year, 6, 15).unwrap_or_default()
        };
        let people = 8 + dice.index(30);
        let people = (0..people).map(|_| {
            let number = Number::new(u32::try_from(dice.below(520_000_000)).unwrap_or(0), false);
            (number.to_string(), birth(&mut dice))
        });
        let people = people.collect();
        let pace = Pace::new(FIRST_S, LAST_S, events);
        Self { dice, sites, people, lines: Lines::new(text), pace, booked: 0, recent: Vec::new() }
    }

    fn run(&mut self, events: usize) -> std::io::Result<()> {
        for (venue, brand) in VENUES {
            for start in STARTS {
                let capacity = self.dice.below(6);
                self.lines.open(FIRST_S, place(venue, start), brand, capacity)?;
            }
        }
        for at in 0..self.people.len() {
            if at % UNLISTED_ONE_IN != 0 {
                self.list(at)?;
            }
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
            0..55 => self.book(site),
            55..70 => self.cancel(site),
            70..79 => self.lines.state(self.pace.now, site, "cut"),
            79..88 => self.lines.state(self.pace.now, site, "heal"),
            88..93 => self.lines.state(self.pace.now, site, "crash"),
            93..97 => {
                let who = self.dice.index(self.people.len());
                self.list(who)
            }
            _ => {
                let (venue, brand) = *self.dice.pick(&VENUES);
                let start = *self.dice.pick(&STARTS);
                // Never fewer than may have been promised.
                let capacity = 9;
                self.lines.open(self.pace.now, place(venue, start), brand, capacity)
            }
        }
    }

    fn list(&mut self, who: usize) -> std::io::Result<()> {
        let (number, birth) = &self.people[who];
        self.lines.eligible(self.pace.now, Document { kind: "01", number, birth: *birth }, 1)
    }

    fn book(&mut self, site: &'static str) -> std::io::Result<()> {
        self.booked += 1;
        self.recent.push((site, self.booked));
        let (mut number, birth) = self.dice.pick(&self.people).clone();
        let kind = if self.dice.once_in(5) { "02" } else { "01" };
        let (mut name, mut mobile, mut start) = ("王大明", "0912345678", *self.dice.pick(&STARTS));
        match self.dice.below(40) {
            0 => name = " ",
            1 => mobile = "0812345678",
            2 => start = "23:00",
            3 => number = "A123456780".to_owned(),
            4 => name = "𠮷野・Ciwas",
            _ => {}
        }
        let (venue, _) = *self.dice.pick(&VENUES);
        let document = Document { kind, number: &number, birth };
        self.lines.book(self.pace.now, (site, self.booked), document, (name, mobile), place(venue, start))
    }

    /// Mostly something booked lately, at its own site; sometimes at another, sometimes what never was.
    fn cancel(&mut self, anywhere: &'static str) -> std::io::Result<()> {
        let recent = &self.recent[self.recent.len().saturating_sub(10)..];
        if recent.is_empty() || self.dice.once_in(10) {
            return self.lines.cancel(self.pace.now, anywhere, "never");
        }
        let &(site, booking) = self.dice.pick(recent);
        let site = if self.dice.once_in(10) { anywhere } else { site };
        self.lines.cancel(self.pace.now, site, &format!("b{booking}"))
    }
}

fn place<'a>(venue: &'a str, start: &'a str) -> Place<'a> {
    Place { venue, date: NaiveDate::from_ymd_opt(2021, 7, 12).unwrap_or_default(), start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_of_places_is_deterministic_ordered_and_full() {
        let text = places(5, 400);
        assert_eq!(text, places(5, 400));
        assert_ne!(text, places(6, 400));
        let times: Vec<&str> = text.lines().map(|line| &line[7..32]).collect();
        assert!(times.is_sorted());
        for deed in ["open", "eligible", "book", "cancel", "cut", "heal", "crash"] {
            assert!(text.contains(&format!(r#""do":"{deed}""#)), "{deed}");
        }
    }
}
