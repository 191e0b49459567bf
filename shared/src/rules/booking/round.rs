//! A round of a booking programme (期別), as data: when it may be booked, for which days, by whom (V2, V15).

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use super::listing::Listing;
use crate::entry::booking::{BRANDS_MAX, Slot};
use crate::ids::{ProgrammeId, VersionName};
use crate::rules::programme::{BadVersion, Text};

mod parse;

/// 期別 has two digits (V10).
pub const NUMBER_MAX: u32 = 99;
/// Most groups of a round.
pub const GROUPS_MAX: usize = 32;

/// One round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round {
    /// The family: one live booking a person in it.
    pub programme: ProgrammeId,
    /// Its own name, such as `vaccine-2021-r4`.
    pub name: VersionName,
    /// 期別.
    pub number: u32,
    /// What the screens call it.
    pub title: Text,
    /// 開放預約接種登記期間, in Taipei's time: from then on.
    pub opens: NaiveDateTime,
    /// And until then.
    pub closes: NaiveDateTime,
    /// The first day of its slots.
    pub first_day: NaiveDate,
    /// The last one.
    pub last_day: NaiveDate,
    /// Its vaccines; their places are the bits of a registered wish.
    pub brands: Vec<String>,
    /// Days between two doses, where that is minded.
    pub interval: Option<Interval>,
    /// Who may book: whoever is in one of them.
    pub groups: Vec<Group>,
    /// Lines that stay visible on the page.
    pub notices: Vec<Text>,
}

/// How long after a dose the next one may be given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interval {
    /// After a dose of any brand.
    pub days: u32,
    /// After one of these.
    pub after: BTreeMap<String, u32>,
    /// The next dose must be of the same brand, where the list says which it was.
    pub same_brand: bool,
}

/// 施打對象: all that is said must hold; what is not said is not minded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// What the screens call it.
    pub title: Text,
    /// Age in years on the round's first day: at least.
    pub age_from: Option<u32>,
    /// At most.
    pub age_to: Option<u32>,
    /// On the list in one of these categories.
    pub categories: Vec<u8>,
    /// On the list with a registered wish.
    pub registered: bool,
    /// At least so many doses so far.
    pub doses_from: Option<u8>,
    /// At most.
    pub doses_to: Option<u8>,
    /// From then on, where later than the round.
    pub opens: Option<NaiveDateTime>,
    /// Only at venues of these counties; none: of any.
    pub counties: Vec<String>,
}

impl Round {
    /// Reads a round's file.
    ///
    /// # Errors
    /// The first field that is missing, unknown or absurd, with its line.
    pub fn parse(text: &str) -> Result<Self, BadVersion> {
        parse::round(text)
    }

    /// The programme under which its list travels as a digest, at [`Round::list_day`].
    #[must_use]
    pub fn list_programme(&self) -> Option<ProgrammeId> {
        list_programme(&self.programme)
    }

    /// The day under which its list and its bookings travel in digests and feed: of two rounds of a programme another.
    #[must_use]
    pub fn list_day(&self) -> NaiveDate {
        self.first_day
    }

    /// Whether a slot is one of its.
    #[must_use]
    pub fn has(&self, slot: &Slot) -> bool {
        (self.first_day..=self.last_day).contains(&slot.date)
            && slot.brands.iter().any(|one| self.place_of(one).is_some())
    }

    /// The place of a brand, from 0.
    #[must_use]
    pub fn place_of(&self, brand: &str) -> Option<usize> {
        self.brands.iter().position(|own| own == brand)
    }

    /// Whether any group asks what the list says.
    #[must_use]
    pub fn needs_list(&self) -> bool {
        self.interval.is_some() || self.groups.iter().any(Group::needs_list)
    }
}

/// Under which name lists of a programme travel.
#[must_use]
pub fn list_programme(programme: &ProgrammeId) -> Option<ProgrammeId> {
    format!("{programme}-list").parse().ok()
}

impl Group {
    /// Whether it asks what the list says.
    #[must_use]
    pub fn needs_list(&self) -> bool {
        self.registered || !self.categories.is_empty() || self.doses_from.is_some() || self.doses_to.is_some()
    }

    /// Whether somebody of that age is in it by all but what a list says.
    #[must_use]
    pub fn fits_age(&self, age: u32) -> bool {
        self.age_from.is_none_or(|from| age >= from) && self.age_to.is_none_or(|to| age <= to)
    }

    /// Whether what the list says fits; none: on no list.
    #[must_use]
    pub fn fits_listing(&self, listing: Option<&Listing>) -> bool {
        if !self.needs_list() {
            return true;
        }
        let Some(listing) = listing else { return false };
        (!self.registered || listing.registered)
            && (self.categories.is_empty() || self.categories.contains(&listing.category))
            && self.doses_from.is_none_or(|from| listing.doses >= from)
            && self.doses_to.is_none_or(|to| listing.doses <= to)
    }

    /// Whether a venue's county is open to it.
    #[must_use]
    pub fn fits_county(&self, county: &str) -> bool {
        self.counties.is_empty() || self.counties.iter().any(|one| one == county)
    }
}

/// Whole years on a day; born on 29 February one has one's birthday on 1 March in other years (民法 §124).
#[must_use]
pub fn age_on(birth: NaiveDate, day: NaiveDate) -> u32 {
    let had = (day.month(), day.day()) >= (birth.month(), birth.day());
    let years = day.year().saturating_sub(birth.year()).saturating_sub(i32::from(!had));
    u32::try_from(years).unwrap_or(0)
}

/// The rounds that somebody knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rounds {
    of: BTreeMap<VersionName, Round>,
}

impl Rounds {
    /// Takes a round in; one of the same name is replaced.
    pub fn insert(&mut self, round: Round) {
        self.of.insert(round.name.clone(), round);
    }

    /// Another round of the same programme that begins on the same day: a list goes by those two, so there may be none.
    #[must_use]
    pub fn clash(&self, round: &Round) -> Option<&Round> {
        let is_same = |other: &&Round| other.programme == round.programme && other.first_day == round.first_day;
        self.iter().filter(|other| other.name != round.name).find(is_same)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Round> {
        self.of.values()
    }

    /// The one of this name.
    #[must_use]
    pub fn named(&self, name: &VersionName) -> Option<&Round> {
        self.of.get(name)
    }

    /// Those that may be booked at a moment, in Taipei's time.
    pub fn open(&self, at: NaiveDateTime) -> impl Iterator<Item = &Round> {
        self.of.values().filter(move |round| (round.opens..round.closes).contains(&at))
    }

    /// Those whose slots are not over on a day, or that may still be booked.
    pub fn current(&self, today: NaiveDate) -> impl Iterator<Item = &Round> {
        self.of.values().filter(move |round| round.last_day >= today || round.closes.date() >= today)
    }

    /// The first day whose list or bookings may still matter, by programme.
    #[must_use]
    pub fn reached_from(&self, today: NaiveDate) -> BTreeMap<ProgrammeId, NaiveDate> {
        let mut out: BTreeMap<ProgrammeId, NaiveDate> = BTreeMap::new();
        for round in self.current(today) {
            for programme in [Some(round.programme.clone()), round.list_programme()].into_iter().flatten() {
                let first = out.entry(programme).or_insert_with(|| round.list_day());
                *first = round.list_day().min(*first);
            }
        }
        out
    }

    /// Whether any round is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

/// Most brands of a round: each is a bit of a registered wish.
const ROUND_BRANDS_MAX: usize = BRANDS_MAX;

#[cfg(test)]
mod tests;
