//! Slots, lists, bookings and cancellations of a scenario.
//!
//! A scenario's round is open all the time and asks for its list alone: who is on it may book (`eligible` puts them there).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use chrono::{Days, NaiveDate};
use edge::node::ask::DocumentText;
use edge::node::ask::booking::{BookRequest, BookedState, BookingRef, CancelRequest};
use serde_json::{Value, json};
use shared::entry::booking::{Capacity, Slot, Venue, VenueId};
use shared::ids::{EntryId, SiteCode};
use shared::rules::booking::refusal::BookingRefusal;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;

use super::ask::{Book, Document as Written, Open};
use super::town::{Obeyed, Town};

/// How long a scenario's round goes on, in days.
const ROUND_DAYS: u64 = 365;

/// What a scenario has said of bookings.
#[derive(Debug, Default)]
pub(super) struct Booked {
    /// The scenario's name of a round, and what it is here.
    rounds: BTreeMap<String, RoundHere>,
    /// The vaccines of all slots.
    brands: BTreeSet<String>,
    venues: BTreeSet<VenueId>,
    /// In the order in which they were opened.
    slots: Vec<Slot>,
    /// Where each booking was made, its entry, and whose it is.
    made: BTreeMap<String, (SiteCode, EntryId, DocumentText)>,
}

impl Booked {
    /// Whether nothing was said of bookings.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.rounds.is_empty()
    }
}

#[derive(Debug, Clone)]
struct RoundHere {
    name: String,
    number: u32,
    first_day: NaiveDate,
    /// Whom the list has not been told of yet.
    listed: Vec<Document>,
}

impl RoundHere {
    /// Its file, with these vaccines.
    fn text(&self, brands: &BTreeSet<String>) -> String {
        let last_day = self.first_day.checked_add_days(Days::new(ROUND_DAYS)).unwrap_or(self.first_day);
        let opens = self.first_day.pred_opt().unwrap_or(self.first_day);
        let brands: Vec<&String> = brands.iter().collect();
        format!(
            "programme = \"vaccine\"\nname = \"{}\"\nnumber = {}\ntitle = {{ zh = \"疫苗\", en = \"vaccine\" }}\n\
             opens = \"{opens}T00:00\"\ncloses = \"{last_day}T23:59\"\nfirst_day = \"{}\"\nlast_day = \"{last_day}\"\n\
             brands = {brands:?}\n[[groups]]\ntitle = {{ zh = \"名單\", en = \"listed\" }}\nregistered = true\n",
            self.name, self.number, self.first_day
        )
    }
}

impl Town {
    pub(super) fn open(&mut self, open: &Open) -> Result<Obeyed> {
        let slot =
            Slot { venue: open.venue.0.clone(), date: open.date, start: open.slot.0, brands: open.brand.0.clone() };
        let second = self.second();
        if self.booked.venues.insert(slot.venue.clone()) {
            self.hub
                .put_venues(&[venue(&slot.venue)], "replay", second)?
                .map_err(|(_, bad)| anyhow!("venue: {bad}"))?;
        }
        let known = self.booked.brands.len();
        self.booked.brands.extend(slot.brands.iter().map(str::to_owned));
        if known < self.booked.brands.len() {
            for round in self.booked.rounds.values() {
                let text = round.text(&self.booked.brands);
                self.hub.publish_round(&text, "replay", second)?.map_err(|bad| anyhow!("{bad}"))?;
            }
        }
        if !self.booked.slots.contains(&slot) {
            self.booked.slots.push(slot.clone());
        }
        let capacity = Capacity { slot, places: open.capacity, closed: false };
        self.hub.put_capacities(&[capacity], "replay", second)?.map_err(|(_, bad)| anyhow!("slot: {bad}"))?;
        Ok(Ok(None))
    }

    pub(super) fn list(&mut self, document: &Written, round: &Value) -> Result<Obeyed> {
        let name = match round {
            Value::String(name) => name.clone(),
            Value::Number(number) => number.to_string(),
            other => return Ok(Err(format!("round {other}: neither a name nor a number"))),
        };
        let today = taipei_day(self.second());
        let document = match Document::parse(&document.kind, &document.number, &document.birth, today) {
            Ok(document) => document,
            Err(bad) => return Ok(Err(format!("document: {bad}"))),
        };
        self.round(&name, today)?.listed.push(document);
        Ok(Ok(None))
    }

    fn round(&mut self, name: &str, today: NaiveDate) -> Result<&mut RoundHere> {
        if !self.booked.rounds.contains_key(name) {
            let place = u32::try_from(self.booked.rounds.len())?;
            let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let number = name.get(digits..).and_then(|digits| digits.parse().ok()).filter(|it| (1..=99).contains(it));
            // Two rounds of a programme have two first days: their lists travel under them.
            let first_day = today.checked_sub_days(Days::new(u64::from(place))).unwrap_or(today);
            let here = RoundHere {
                name: format!("vaccine-{place}"),
                number: number.unwrap_or(place + 1),
                first_day,
                listed: Vec::new(),
            };
            if self.booked.brands.is_empty() {
                self.booked.brands.insert("AZ".to_owned());
            }
            let text = here.text(&self.booked.brands);
            let second = self.second();
            self.hub.publish_round(&text, "replay", second)?.map_err(|bad| anyhow!("{bad}"))?;
            self.booked.rounds.insert(name.to_owned(), here);
        }
        self.booked.rounds.get_mut(name).ok_or_else(|| anyhow!("a round that was just made"))
    }

    /// The lists reach the hub before anything else happens, and the edges with the next manifest.
    pub(super) fn import_lists(&mut self) -> Result<()> {
        let second = self.second();
        let mut any = false;
        for round in self.booked.rounds.values_mut() {
            let listed = std::mem::take(&mut round.listed);
            if listed.is_empty() {
                continue;
            }
            any = true;
            let list = csv(&listed);
            self.hub
                .import_list(&round.name, list.as_bytes(), false, second)?
                .map_err(|bad| anyhow!("a list: {bad}"))?;
        }
        if any {
            self.hub.publish_digests(second)?;
        }
        Ok(())
    }

    pub(super) fn book(&mut self, book: &Book) -> Result<Obeyed> {
        let site = book.site.0;
        self.be_there(site)?;
        let wanted = |slot: &&Slot| slot.venue == book.venue.0 && slot.date == book.date && slot.start == book.slot.0;
        let Some(slot) = self.booked.slots.iter().find(wanted).cloned() else {
            return Ok(Ok(Some(not_given(&book.r#ref, &BookingRefusal::NoSlot))));
        };
        let document = text(&book.document);
        let request = BookRequest {
            request: Some(book.r#ref.clone()),
            document: document.clone(),
            name: book.name.clone(),
            mobile: book.mobile.clone(),
            slot: slot.clone(),
            consent: true,
            wishes: vec![slot.clone()],
            by: "replay".to_owned(),
        };
        let told = self.asked_of_person(site, &document)?;
        self.ask_for_places(site, &slot)?;
        let (node, reading) = self.node(site)?;
        Ok(Ok(Some(match node.book(&request, told.as_ref(), reading)? {
            Ok(done) => {
                self.to_upload.insert(site);
                let done = done.into_inner();
                self.booked.made.insert(book.r#ref.clone(), (site, done.id, document));
                self.refs.insert(done.id, book.r#ref.as_str().into());
                self.counts.booked += 1;
                let verdict = if done.state == BookedState::Waiting { "wish" } else { "booked" };
                given(&book.r#ref, verdict, done.number.map(|number| number.to_string()))
            }
            Err(refusal) => {
                self.counts.refused += 1;
                not_given(&book.r#ref, &refusal)
            }
        })))
    }

    pub(super) fn cancel(&mut self, site: SiteCode, name: &str) -> Result<Obeyed> {
        self.be_there(site)?;
        let Some((_, of, document)) = self.booked.made.get(name).filter(|(at, ..)| *at == site).cloned() else {
            return Ok(Ok(Some(not_given(name, &BookingRefusal::Unknown))));
        };
        let (node, reading) = self.node(site)?;
        let request = CancelRequest {
            request: None,
            of: BookingRef::Entry(of),
            document,
            reason: "replay".to_owned(),
            by: "replay".to_owned(),
        };
        Ok(Ok(Some(match node.cancel(&request, None, reading)? {
            Ok(_) => {
                self.to_upload.insert(site);
                given(name, "cancelled", None)
            }
            Err(refusal) => not_given(name, &refusal),
        })))
    }

    fn ask_for_places(&mut self, site: SiteCode, slot: &Slot) -> Result<()> {
        let (node, reading) = self.node(site)?;
        if let Some(ask) = node.ask_places(slot, reading)? {
            self.with_line(site, |line, node, hub, now| {
                let told = line.enquire(ask, node, hub, now)?;
                told.iter().for_each(|told| node.hear_told(told, now.reading));
                line.settle(node, hub, now)
            })?;
        }
        Ok(())
    }

    fn asked_of_person(
        &mut self,
        site: SiteCode,
        document: &DocumentText,
    ) -> Result<Option<shared::wire::v1::enquiry::Told>> {
        let (node, reading) = self.node(site)?;
        let Some(ask) = node.ask_person(None, document, reading)? else { return Ok(None) };
        Ok(self.with_line(site, |line, node, hub, now| line.enquire(ask, node, hub, now))?.flatten())
    }

    /// A line a slot, in the order in which they were opened: how many were booked of how many.
    pub(super) fn slot_lines(&mut self) -> Result<Vec<Value>> {
        let accounts: BTreeMap<_, _> = self.hub.slot_accounts()?.into_iter().collect();
        let line = |slot: &Slot| {
            let account = accounts.get(slot).copied().unwrap_or_default();
            json!({
                "venue": slot.venue.as_str(), "date": slot.date.to_string(), "slot": slot.start.to_string(),
                "booked": account.booked(), "capacity": account.capacity,
            })
        };
        Ok(self.booked.slots.iter().map(line).collect())
    }
}

/// A list of people who have registered a wish.
pub(crate) fn csv(people: &[Document]) -> String {
    let mut out = "kind,number,birth,registered\n".to_owned();
    for person in people {
        out += &format!("{},{},{},true\n", person.kind().code(), person.number(), person.birth());
    }
    out
}

fn text(document: &Written) -> DocumentText {
    DocumentText { kind: document.kind.clone(), number: document.number.clone(), birth: document.birth.clone() }
}

fn venue(id: &VenueId) -> Venue {
    Venue {
        id: id.clone(),
        name: id.to_string(),
        county: "不明".to_owned(),
        district: "不明".to_owned(),
        address: "不明".to_owned(),
        phone: String::new(),
        site: None,
        holds: true,
    }
}

fn given(name: &str, verdict: &str, number: Option<String>) -> Value {
    json!({"ref": name, "verdict": verdict, "reason": null, "next": null, "number": number})
}

fn not_given(name: &str, refusal: &BookingRefusal) -> Value {
    json!({"ref": name, "verdict": "refused", "reason": refusal.code(), "next": null, "number": null})
}
