//! The sales that the output says were made, by person, and by brute force which of them are over.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta};

use super::lines::{Document, Pieces};
use super::reach::Moment;
use super::rules::Rules;

/// The day in Taipei of a second since 1970.
pub(super) fn taipei_day(at: i64) -> NaiveDate {
    DateTime::from_timestamp(at + 8 * 3600, 0).unwrap_or_default().date_naive()
}

/// A sale that was answered "sold".
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) refer: Box<str>,
    pub(super) site: u32,
    pub(super) person: u32,
    pub(super) at: Moment,
    pub(super) typed: bool,
    pub(super) pieces: Pieces,
    pub(super) withdrawn: Option<Moment>,
    /// The same person's sale before this one.
    before: Option<u32>,
}

/// All sales; a person's are linked from the last back, because nearly everybody has one.
#[derive(Debug, Default)]
pub(super) struct Sales {
    pub(super) all: Vec<Sale>,
    by_ref: HashMap<Box<str>, u32>,
    people: HashMap<Box<str>, u32>,
    last_of: Vec<Option<u32>>,
    /// By how many seconds the instant of a sale may be wrong, where its site's clock was.
    errors: HashMap<u32, Vec<i64>>,
}

/// A sale about to be added.
#[derive(Debug)]
pub(super) struct Sold<'a> {
    pub(super) refer: &'a str,
    pub(super) document: &'a Document,
    pub(super) site: u32,
    pub(super) at: Moment,
    pub(super) pieces: Pieces,
    pub(super) errors: &'a [i64],
}

impl Sales {
    /// Adds a sale; false where its `ref` has been used.
    pub(super) fn add(&mut self, sold: &Sold<'_>) -> bool {
        let index = number(self.all.len());
        if self.by_ref.insert(sold.refer.into(), index).is_some() {
            return false;
        }
        let fresh = number(self.last_of.len());
        let person = *self.people.entry(person_key(sold.document).into_boxed_str()).or_insert(fresh);
        if person == fresh {
            self.last_of.push(None);
        }
        let before = self.last_of[person as usize].replace(index);
        if !sold.errors.is_empty() {
            self.errors.insert(index, sold.errors.to_vec());
        }
        self.all.push(Sale {
            refer: sold.refer.into(),
            site: sold.site,
            person,
            at: sold.at,
            typed: sold.document.kind != "01",
            pieces: sold.pieces,
            withdrawn: None,
            before,
        });
        true
    }

    pub(super) fn find(&self, refer: &str) -> Option<u32> {
        self.by_ref.get(refer).copied()
    }

    /// The sales to the holder of a document, the last first.
    pub(super) fn to(&self, document: &Document) -> Vec<u32> {
        self.people.get(person_key(document).as_str()).map_or_else(Vec::new, |&person| self.of(person))
    }

    /// A person's sales, the last first.
    pub(super) fn of(&self, person: u32) -> Vec<u32> {
        let last = self.last_of.get(person as usize).copied().flatten();
        std::iter::successors(last, |&index| self.all[index as usize].before).collect()
    }

    pub(super) fn people(&self) -> std::ops::Range<u32> {
        0..number(self.last_of.len())
    }

    /// How wrong the instant of a sale may be; empty where it is right.
    pub(super) fn errors(&self, sale: u32) -> &[i64] {
        self.errors.get(&sale).map_or(&[], Vec::as_slice)
    }

    /// In the order that decides: instant, card before typed, site code, then the scenario's own order.
    pub(super) fn in_order(
        &self,
        sales: &[u32],
        sites: &[String],
        instant: impl Fn(u32) -> i64,
    ) -> Vec<(u32, NaiveDate)> {
        let mut sorted: Vec<(u32, i64)> = sales.iter().map(|&index| (index, instant(index))).collect();
        sorted.sort_by_cached_key(|&(index, at)| {
            let sale = &self.all[index as usize];
            (at, sale.typed, sites[sale.site as usize].clone(), sale.at.line)
        });
        sorted.into_iter().map(|(index, at)| (index, taipei_day(at))).collect()
    }
}

/// Of sales in order, those that count and those that are over: the first counts, a later one within the window of one that counts
/// is over, and what is over blocks nobody.
pub(super) fn counted(
    sales: &[(u32, NaiveDate)],
    in_force: impl Fn(NaiveDate) -> &'static Rules,
) -> (Vec<NaiveDate>, Vec<u32>) {
    let (mut counts, mut over) = (Vec::new(), Vec::new());
    for &(index, day) in sales {
        if next_day(&counts, day, in_force(day)).is_some() {
            over.push(index);
        } else {
            counts.push(day);
        }
    }
    (counts, over)
}

/// The first day on which somebody with these counted purchases may buy again, where that is after `today`: day d blocks
/// d..d+window-1.
pub(super) fn next_day(counts: &[NaiveDate], today: NaiveDate, rules: &Rules) -> Option<NaiveDate> {
    let last = counts.iter().max()?;
    let next = last.checked_add_signed(TimeDelta::days(rules.window_days))?;
    (next > today).then_some(next)
}

/// Decision 13: the number for 01, 02 and 03; kind and number for 04; kind, number and birth for 05.
fn person_key(document: &Document) -> String {
    let Document { kind, number, birth } = document;
    match kind.as_str() {
        "01" | "02" | "03" => number.clone(),
        "05" => format!("{kind} {number} {birth}"),
        _ => format!("{kind} {number}"),
    }
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
