//! Bookings by the contract alone: who may have one, that no slot has more than it holds, no number is given twice, and
//! nobody has two without a case.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::lines::{Document, Output};
use super::reach::{Known, Moment, Reach};
use super::right::told;
use super::rules::{self, Finding};

/// What the hub has said of a slot counts so long, in seconds.
const ANSWER_S: i64 = 10;

/// A slot as the scenario names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) venue: String,
    pub(super) date: String,
    pub(super) start: String,
}

/// A booking that is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) site: String,
    pub(super) refer: String,
    pub(super) document: Document,
    pub(super) slot: Slot,
    /// Name and telephone.
    pub(super) contact: (String, String),
}

/// How a booking was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Booked,
    Wish,
}

#[derive(Debug, Clone)]
struct Made {
    site: u32,
    who: String,
    slot: Slot,
    at: Moment,
    how: How,
    cancelled: Option<Moment>,
}

#[derive(Debug, Default, Clone)]
struct Opened {
    capacity: i64,
    first: Option<Moment>,
}

/// Everything that was said of bookings.
#[derive(Debug, Default, Clone)]
pub(super) struct Places {
    slots: HashMap<Slot, Opened>,
    /// People on any list, since when.
    listed: HashMap<String, Moment>,
    /// Since when there is any list.
    first_list: Option<Moment>,
    made: HashMap<String, Made>,
    numbers: HashSet<String>,
    lines: HashSet<Slot>,
    /// People of whom a case was told.
    in_case: BTreeSet<String>,
}

impl Places {
    pub(super) fn open(&mut self, slot: &Slot, capacity: i64, now: Moment) {
        let opened = self.slots.entry(slot.clone()).or_default();
        opened.capacity = capacity;
        opened.first.get_or_insert(now);
    }

    pub(super) fn list(&mut self, document: &Document, now: Moment) {
        self.listed.entry(who(document)).or_insert(now);
        self.first_list.get_or_insert(now);
    }

    /// Takes an answer; says what is wrong with it. `hears` says what the asking site knows of another's deed.
    pub(super) fn book(
        &mut self,
        ask: &Ask,
        (site, reach): (u32, &Reach),
        now: Moment,
        answer: &Output,
        hears: impl Fn(u32, Moment) -> Known,
    ) -> Option<String> {
        let wrong = self.judge(ask, (site, reach), now, answer, hears);
        let how = match answer.verdict.as_deref() {
            Some("booked") => How::Booked,
            Some("wish") => How::Wish,
            _ => return wrong,
        };
        let made = Made { site, who: who(&ask.document), slot: ask.slot.clone(), at: now, how, cancelled: None };
        self.made.insert(ask.refer.clone(), made);
        let number = answer.number.clone().unwrap_or_default();
        if how == How::Booked && !self.numbers.insert(number.clone()) {
            return Some(format!("{}: number {number:?} is given twice", ask.refer));
        }
        wrong.or_else(|| self.oversold(&ask.slot))
    }

    fn judge(
        &self,
        ask: &Ask,
        (site, reach): (u32, &Reach),
        now: Moment,
        answer: &Output,
        hears: impl Fn(u32, Moment) -> Known,
    ) -> Option<String> {
        let wrong = |why: &str| Some(format!("{} at {}: answered {}, but {why}", ask.refer, ask.site, told(answer)));
        let person = who(&ask.document);
        let from_hub = |since: Option<Moment>| since.map_or(Known::NOT, |since| reach.hears_hub(since, now));
        let slot = from_hub(self.slots.get(&ask.slot).and_then(|slot| slot.first));
        let listed = from_hub(self.listed.get(&person).copied());
        let any_list = from_hub(self.first_list);
        let theirs = || self.made.values().filter(|made| made.who == person);
        // A digest names no booking: one that was taken back here may be the one that it holds.
        let is_blurred = theirs().any(|made| made.site == site && made.cancelled.is_some());
        let known = theirs().map(|made| {
            let known = present(made, site, &hears);
            Known { must: known.must && (made.site == site || !is_blurred), ..known }
        });
        let has =
            known.fold(Known::NOT, |one, other| Known { may: one.may || other.may, must: one.must || other.must });
        let document = rules::document(&ask.document, super::sales::taipei_day(now.at)).0;
        let contact = contact_is_right(&ask.contact);
        match (answer.verdict.as_deref(), answer.reason.as_deref()) {
            (Some("refused"), Some("document")) if document == Finding::No => wrong("the document is right"),
            (Some("refused"), Some("document")) => None,
            _ if document == Finding::Yes => wrong("the document is wrong"),
            (Some("refused"), Some("round")) if any_list.must => wrong("a round is open"),
            (Some("refused"), Some("eligible")) if listed.must => wrong("the person is on the list"),
            (Some("refused"), Some("booked")) if !has.may => wrong("the person has no booking that the site may know"),
            (Some("refused"), Some("name" | "mobile")) if contact => wrong("name and telephone are right"),
            (Some("refused"), Some("slot")) if slot.must => wrong("the slot is open"),
            (Some("refused"), Some("full")) if !reach.up_within(ANSWER_S, now) => {
                wrong("nobody can know it without a line")
            }
            (Some("refused"), Some("round" | "eligible" | "booked" | "name" | "mobile" | "slot" | "full" | "past")) => {
                None
            }
            (Some("booked" | "wish"), None) => {
                let on_no_list = !self.listed.contains_key(&person) && any_list.must;
                let checks = [
                    (!slot.may, "the slot is not open"),
                    (on_no_list, "the person is on no list"),
                    (has.must, "the person has a booking"),
                    (!contact, "name or telephone is wrong"),
                    (answer.verdict.as_deref() == Some("wish") && reach.connected(), "there is a line"),
                    (answer.verdict.as_deref() == Some("booked") && answer.number.is_none(), "it has no number"),
                ];
                checks.iter().find(|(is, _)| *is).and_then(|(_, why)| wrong(why))
            }
            _ => wrong("that is no answer to a booking"),
        }
    }

    fn oversold(&self, slot: &Slot) -> Option<String> {
        let booked = i64::try_from(self.live(slot, How::Booked)).unwrap_or(i64::MAX);
        let holds = self.slots.get(slot).map_or(0, |slot| slot.capacity);
        (booked > holds).then(|| format!("{slot:?} is oversold: {booked} of {holds}"))
    }

    fn live(&self, slot: &Slot, how: How) -> usize {
        self.made.values().filter(|made| made.slot == *slot && made.how == how && made.cancelled.is_none()).count()
    }

    pub(super) fn cancel(&mut self, (refer, site): (&str, u32), now: Moment, answer: &Output) -> Option<String> {
        let made = self.made.get_mut(refer).filter(|made| made.site == site && made.cancelled.is_none());
        let cancelled = answer.verdict.as_deref() == Some("cancelled");
        match made {
            Some(made) if cancelled => {
                made.cancelled = Some(now);
                None
            }
            // A wish that the hub granted or refused meanwhile may have ended.
            Some(made) if made.how == How::Wish => None,
            None if answer.reason.as_deref() == Some("unknown") => None,
            Some(_) => Some(format!("cancel {refer}: answered {}, but it stands there", told(answer))),
            None => Some(format!("cancel {refer}: answered {}, but no such booking stands there", told(answer))),
        }
    }

    /// A case of bookings: of one person, all but one of whose bookings are over.
    pub(super) fn case(&mut self, id: &str, refs: &BTreeSet<String>, over: &BTreeSet<String>) -> Option<String> {
        let made: Vec<&Made> = refs.iter().filter_map(|refer| self.made.get(refer)).collect();
        let people: BTreeSet<&String> = made.iter().map(|made| &made.who).collect();
        let Some(person) = people.iter().next().filter(|_| people.len() == 1).map(|person| (*person).clone()) else {
            return Some(format!("case {id}: {refs:?} are not bookings of one person"));
        };
        if over.is_empty() || !over.is_subset(refs) || over.iter().any(|refer| self.made[refer].cancelled.is_some()) {
            return Some(format!("case {id}: {over:?} are over of {refs:?}"));
        }
        if !self.in_case.insert(person.clone()) {
            return Some(format!("case {id}: a second case of {person}"));
        }
        None
    }

    /// `{"venue", "date", "slot", "booked", "capacity"}`.
    pub(super) fn line(&mut self, line: &Output) -> Option<String> {
        let text = |value: &Option<serde_json::Value>| value.as_ref()?.as_str().map(str::to_owned);
        let (Some(venue), Some(date), Some(start)) = (text(&line.venue), text(&line.date), text(&line.slot)) else {
            return Some("a slot's line without venue, date or slot".to_owned());
        };
        let slot = Slot { venue, date, start };
        let Some(opened) = self.slots.get(&slot) else { return Some(format!("{slot:?} was never opened")) };
        let (booked, capacity) = (line.booked.unwrap_or(-1), line.capacity.unwrap_or(-1));
        let live = i64::try_from(self.live(&slot, How::Booked)).unwrap_or(i64::MAX);
        let wishes =
            i64::try_from(self.made.values().filter(|made| made.how == How::Wish && made.slot == slot).count());
        let most = live + wishes.unwrap_or(i64::MAX);
        if !self.lines.insert(slot.clone()) {
            return Some(format!("{slot:?} is told twice"));
        }
        let right = capacity == opened.capacity && booked <= capacity.max(live) && (live..=most).contains(&booked);
        (!right).then(|| format!("{slot:?}: {booked} of {capacity}, right was {live} to {most} of {}", opened.capacity))
    }

    /// What should have been there and was not.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut live: HashMap<&String, usize> = HashMap::new();
        for made in self.made.values().filter(|made| made.how == How::Booked && made.cancelled.is_none()) {
            *live.entry(&made.who).or_default() += 1;
        }
        let twice = live.into_iter().filter(|(who, count)| *count > 1 && !self.in_case.contains(*who));
        let slots = self.slots.keys().filter(|slot| !self.lines.contains(*slot));
        let cases = twice.map(|(who, count)| format!("missed case: {who} has {count} bookings"));
        cases.chain(slots.map(|slot| format!("no line of {slot:?}"))).collect()
    }
}

/// Whether a booking may, and whether it must, stand for a site.
fn present(made: &Made, site: u32, hears: &impl Fn(u32, Moment) -> Known) -> Known {
    let known = |since: Moment| if made.site == site { Known::OWN } else { hears(made.site, since) };
    let booked = known(made.at);
    let cancelled = made.cancelled.map_or(Known::NOT, known);
    // What became of a wish only the hub knows.
    let is_sure = made.how == How::Booked;
    Known { may: booked.may && !cancelled.must, must: is_sure && booked.must && !cancelled.may }
}

/// One space of numbers for 01, 02 and 03.
fn who(document: &Document) -> String {
    let number = document.number.trim().to_ascii_uppercase();
    match document.kind.as_str() {
        "01" | "02" | "03" => number,
        "05" => format!("05/{number}/{}", document.birth),
        kind => format!("{kind}/{number}"),
    }
}

fn contact_is_right((name, mobile): &(String, String)) -> bool {
    let digits = mobile.len() == 10 && mobile.starts_with("09") && mobile.bytes().all(|c| c.is_ascii_digit());
    !name.trim().is_empty() && digits
}
