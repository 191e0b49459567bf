//! Whether somebody may have a place: first when the card is read (V1, V2), then for the slot that was chosen (V3-V9).

use chrono::{Days, NaiveDate, NaiveDateTime};

use super::contact::{BadContact, Contact};
use super::listing::Listing;
use super::refusal::{BookedKnown, BookingRefusal, NotEligible};
use super::round::{Group, Interval, Round, Rounds, age_on};
use crate::entry::booking::{Capacity, Shown, Slot, Venue};
use crate::rules::identity::Document;

/// What is known of somebody in a round's list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// They are on it.
    On(Listing),
    /// They are not.
    Off,
    /// It has not come to this site.
    Unseen,
}

/// Somebody may book in a round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permit<'a> {
    /// Which.
    pub round: &'a Round,
    /// What says so.
    pub shown: Shown,
    listed: Listed,
    groups: Vec<&'a Group>,
}

/// Whether somebody may book now, in whichever round; `listed` says what the list of a round says of them.
///
/// # Errors
/// Why not: of several open rounds what the first one says.
pub fn may_book<'a>(
    rounds: &'a Rounds,
    document: &Document,
    now: NaiveDateTime,
    listed: impl Fn(&Round) -> Listed,
) -> Result<Permit<'a>, BookingRefusal> {
    let mut first = None;
    let mut open: Vec<&Round> = rounds.open(now).collect();
    open.sort_by_key(|round| (round.number, round.name.clone()));
    for round in open {
        match in_round(round, document, now, listed(round)) {
            Ok(permit) => return Ok(permit),
            Err(refusal) => drop(first.get_or_insert(refusal)),
        }
    }
    let next = rounds.iter().map(|round| round.opens).filter(|opens| *opens > now).min();
    Err(first.unwrap_or(BookingRefusal::Closed { opens: next }))
}

/// Whether somebody may book in a round that is open.
///
/// # Errors
/// Why not.
pub fn in_round<'a>(
    round: &'a Round,
    document: &Document,
    now: NaiveDateTime,
    listed: Listed,
) -> Result<Permit<'a>, BookingRefusal> {
    let age = age_on(document.birth(), round.first_day);
    let listing = match &listed {
        Listed::On(listing) => Some(listing),
        Listed::Off | Listed::Unseen => None,
    };
    // Nobody is refused for a list that has not come: the hub looks once there is a line.
    let fits = |group: &&Group| {
        group.fits_age(age) && (group.fits_listing(listing) || (listed == Listed::Unseen && group.needs_list()))
    };
    let theirs: Vec<&Group> = round.groups.iter().filter(fits).collect();
    if theirs.is_empty() {
        let because = if listing.is_some() { NotEligible::NoGroup } else { NotEligible::NotListed };
        return Err(BookingRefusal::NotEligible { round: round.number, because });
    }
    let is_open = |group: &&Group| group.opens.is_none_or(|opens| opens <= now);
    let groups: Vec<&Group> = theirs.iter().copied().filter(is_open).collect();
    if groups.is_empty() {
        let from = theirs.iter().filter_map(|group| group.opens).min().unwrap_or(round.opens);
        return Err(BookingRefusal::NotYet { from });
    }
    let shown = if groups.iter().any(|group| !group.needs_list()) {
        Shown::Age
    } else if listing.is_some() {
        Shown::List
    } else {
        Shown::Unseen
    };
    Ok(Permit { round, shown, listed, groups })
}

/// A slot as it is known.
#[derive(Clone, Copy, Debug)]
pub struct SlotKnown<'a> {
    /// Where.
    pub venue: Option<&'a Venue>,
    /// How many.
    pub capacity: Option<&'a Capacity>,
}

impl Permit<'_> {
    /// Whether this slot may be theirs. Whether anything is left there is not asked.
    ///
    /// # Errors
    /// Why not.
    pub fn check_slot(&self, slot: &Slot, known: SlotKnown<'_>, now: NaiveDateTime) -> Result<(), BookingRefusal> {
        let (Some(venue), Some(capacity)) = (known.venue.filter(|venue| venue.holds), known.capacity) else {
            return Err(BookingRefusal::NoSlot);
        };
        if !self.round.has(slot) {
            return Err(BookingRefusal::NoSlot);
        }
        if slot.begins() <= now {
            return Err(BookingRefusal::Past);
        }
        if capacity.closed {
            return Err(BookingRefusal::SlotClosed);
        }
        if !self.groups.iter().any(|group| group.fits_county(&venue.county)) {
            return Err(BookingRefusal::County);
        }
        if let Listed::On(listing) = &self.listed {
            self.check_brand(slot, listing)?;
            if let Some(interval) = &self.round.interval {
                check_interval(self.round, interval, listing, slot.date)?;
            }
        }
        Ok(())
    }

    fn check_brand(&self, slot: &Slot, listing: &Listing) -> Result<(), BookingRefusal> {
        let wants = |brand: &str| {
            let place = self.round.place_of(brand);
            place.is_some_and(|place| listing.wants == 0 || listing.wants >> place & 1 == 1)
        };
        let same = self.round.interval.as_ref().is_some_and(|interval| interval.same_brand);
        let last = listing.last.and_then(|(_, brand)| self.round.brands.get(usize::from(brand).checked_sub(1)?));
        let fits = |brand: &str| wants(brand) && (!same || last.is_none_or(|last| last == brand));
        if slot.brands.iter().any(fits) { Ok(()) } else { Err(BookingRefusal::Brand) }
    }
}

fn check_interval(
    round: &Round,
    interval: &Interval,
    listing: &Listing,
    date: NaiveDate,
) -> Result<(), BookingRefusal> {
    let Some((last, brand)) = listing.last else { return Ok(()) };
    let brand = usize::from(brand).checked_sub(1).and_then(|at| round.brands.get(at));
    let days = brand.and_then(|brand| interval.after.get(brand)).copied().unwrap_or(interval.days);
    let from = last.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX);
    if date >= from { Ok(()) } else { Err(BookingRefusal::Interval { from }) }
}

/// What the form says beside person and slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// 我已閱讀並同意 隱私權公告 (V6).
    pub consent: bool,
    /// Name and telephone.
    pub contact: Result<Contact, BadContact>,
}

/// Everything in the order in which it is told: the person, then what they have, the form, the slot.
///
/// # Errors
/// The first thing that speaks against it.
pub fn check(
    permit: &Permit<'_>,
    booked: Option<BookedKnown>,
    form: &Form,
    (slot, known): (&Slot, SlotKnown<'_>),
    now: NaiveDateTime,
) -> Result<Contact, BookingRefusal> {
    if let Some(known) = booked {
        return Err(BookingRefusal::Booked { known });
    }
    let contact = form.contact.clone()?;
    if !form.consent {
        return Err(BookingRefusal::Consent);
    }
    permit.check_slot(slot, known, now)?;
    Ok(contact)
}
