//! SMART Scheduling Links (smart-on-fhir/smart-scheduling-links, specification.md; FHIR R4): Location, Schedule and Slot, a
//! line each. Pure: what the hub knows comes in as plain values.
//!
//! One product is one Schedule, as the manual's 培靈醫院-AZ has it (V8). Whoever shows these must know how old they are: a
//! venue whose edge is silent has `has-availability: unknown`, and the second of its last exchange.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use shared::entry::booking::{Brands, SLOT_MINUTES, Slot, Venue, VenueId};
use shared::lease::Account;
use shared::rules::booking::venue_title;

const REGISTRY: &str = "http://fhir-registry.smarthealthit.org";
/// CVX codes of the CDC for the brands as the manual abbreviates them; of another brand nothing is said.
const CVX: [(&str, &str, &str); 3] = [
    ("AZ", "210", "COVID-19 vaccine, vector-nr, rS-ChAdOx1, PF, 0.5 mL (AstraZeneca)"),
    ("MO", "207", "COVID-19, mRNA, LNP-S, PF, 100 mcg/0.5mL dose or 50 mcg/0.25mL dose (Moderna)"),
    ("BNT", "208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose (Pfizer-BioNTech)"),
];
/// A venue's edge is silent after so many seconds without a word.
pub const SILENT_AFTER_S: i64 = 15 * 60;
/// Characters of an id that is made.
const ID_CHARS: usize = 32;
/// Longest id of FHIR.
const ID_CHARS_MAX: usize = 64;
/// Whom to call where a venue names no telephone: the hotline of the CDC.
const HOTLINE: &str = "1922";

/// What is published.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// Venues that are offered.
    pub venues: Vec<Venue>,
    /// Slots with their accounts, and whether each is closed.
    pub slots: Vec<(Slot, Account, bool)>,
    /// When the edge of a venue was last heard, in seconds since 1970; none where it never was.
    pub heard: BTreeMap<VenueId, Option<i64>>,
    /// Now, in seconds since 1970.
    pub second: i64,
}

/// The manifest of `$bulk-publish`; `base` is where it was asked for, without a slash at its end.
#[must_use]
pub fn manifest(base: &str, second: i64) -> Value {
    let file = |kind: &str| json!({"type": kind, "url": format!("{base}/smart/{}.ndjson", kind.to_lowercase())});
    json!({
        "transactionTime": moment(second),
        "request": format!("{base}/$bulk-publish"),
        "output": [file("Location"), file("Schedule"), file("Slot")],
        "error": [],
    })
}

/// `location.ndjson`.
#[must_use]
pub fn locations(published: &Published) -> String {
    lines(published.venues.iter().map(|venue| location(venue, published)))
}

/// `schedule.ndjson`.
#[must_use]
pub fn schedules(published: &Published) -> String {
    let mut of: BTreeMap<(&VenueId, &Brands), bool> = BTreeMap::new();
    for (slot, account, closed) in &published.slots {
        *of.entry((&slot.venue, &slot.brands)).or_default() |= left(account, *closed) > 0;
    }
    let venues: BTreeMap<&VenueId, &Venue> = published.venues.iter().map(|venue| (&venue.id, venue)).collect();
    lines(of.into_iter().filter_map(|((id, brands), some)| {
        let venue = venues.get(id)?;
        Some(schedule(venue, brands, some, published))
    }))
}

/// `slot.ndjson`.
#[must_use]
pub fn slots(published: &Published) -> String {
    let venues: BTreeMap<&VenueId, &Venue> = published.venues.iter().map(|venue| (&venue.id, venue)).collect();
    let offered = published.slots.iter().filter(|(slot, _, _)| venues.contains_key(&slot.venue));
    lines(offered.map(|(slot, account, closed)| slot_line(slot, left(account, *closed))))
}

/// Places that somebody can still have.
fn left(account: &Account, closed: bool) -> u32 {
    let left = account.free().max(0).saturating_add(account.unspent().max(0));
    if closed { 0 } else { u32::try_from(left).unwrap_or(u32::MAX) }
}

fn location(venue: &Venue, published: &Published) -> Value {
    let phone = if venue.phone.is_empty() { HOTLINE } else { &venue.phone };
    let mut out = json!({
        "resourceType": "Location",
        "id": location_id(&venue.id),
        "name": venue.name,
        "identifier": [{"system": "urn:atoll:venue", "value": venue.id.as_str()}],
        "telecom": [{"system": "phone", "value": phone}],
        "address": {"country": "TW"},
    });
    if let Some(address) = out.get_mut("address").and_then(Value::as_object_mut) {
        let parts = [("state", &venue.county), ("city", &venue.district)];
        address.extend(
            parts.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| ((*name).to_owned(), json!(text))),
        );
        if !venue.address.is_empty() {
            address.insert("line".to_owned(), json!([venue.address]));
        }
    }
    if let Some(Some(heard)) = published.heard.get(&venue.id) {
        let url = "http://hl7.org/fhir/StructureDefinition/lastSourceSync";
        out["meta"] = json!({"extension": [{"url": url, "valueDateTime": moment(*heard)}]});
    }
    out
}

fn schedule(venue: &Venue, brands: &Brands, some: bool, published: &Published) -> Value {
    let heard = published.heard.get(&venue.id);
    let is_silent = heard.is_some_and(|heard| heard.is_none_or(|at| published.second - at > SILENT_AFTER_S));
    let availability = match (is_silent, some) {
        (true, _) => "unknown",
        (false, true) => "some",
        (false, false) => "none",
    };
    let mut extension =
        vec![json!({"url": format!("{REGISTRY}/StructureDefinition/has-availability"), "valueCode": availability})];
    extension.extend(product(brands).map(
        |coding| json!({"url": format!("{REGISTRY}/StructureDefinition/vaccine-product"), "valueCoding": coding}),
    ));
    let service = |system: String, code: &str| json!({"coding": [{"system": system, "code": code}]});
    json!({
        "resourceType": "Schedule",
        "id": schedule_id(&venue.id, brands),
        "comment": venue_title(&venue.name, brands),
        "serviceType": [
            service("http://terminology.hl7.org/CodeSystem/service-type".to_owned(), "57"),
            service(format!("{REGISTRY}/CodeSystem/service-type"), "covid19-immunization"),
        ],
        "actor": [{"reference": format!("Location/{}", location_id(&venue.id))}],
        "extension": extension,
    })
}

/// The one product of a schedule; of several together nobody can say which it will be.
fn product(brands: &Brands) -> Option<Value> {
    let mut all = brands.iter();
    let (only, None) = (all.next()?, all.next()) else { return None };
    let (_, code, display) = CVX.iter().find(|(brand, _, _)| *brand == only)?;
    Some(json!({"system": "http://hl7.org/fhir/sid/cvx", "code": code, "display": display}))
}

fn slot_line(slot: &Slot, left: u32) -> Value {
    let begins = slot.begins();
    let extension = |name: &str, field: &str, value: Value| json!({"url": format!("{REGISTRY}/StructureDefinition/{name}"), field: value});
    json!({
        "resourceType": "Slot",
        "id": made_id(&["slot", &slot.to_string()]),
        "schedule": {"reference": format!("Schedule/{}", schedule_id(&slot.venue, &slot.brands))},
        "status": if left > 0 { "free" } else { "busy" },
        "start": local(begins),
        "end": local(begins + TimeDelta::minutes(i64::from(SLOT_MINUTES))),
        "extension": [
            extension("slot-capacity", "valueInteger", json!(left)),
            extension("booking-phone", "valueString", json!(HOTLINE)),
        ],
    })
}

/// The venue's own name where FHIR takes it, else one that is made of it.
fn location_id(venue: &VenueId) -> String {
    let name = venue.as_str();
    let fits = name.len() <= ID_CHARS_MAX && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'.');
    if fits { name.to_owned() } else { made_id(&["venue", name]) }
}

fn schedule_id(venue: &VenueId, brands: &Brands) -> String {
    made_id(&["schedule", venue.as_str(), brands.as_str()])
}

fn made_id(of: &[&str]) -> String {
    let hash = HEXLOWER.encode(digest(&SHA256, of.join("\0").as_bytes()).as_ref());
    hash.chars().take(ID_CHARS).collect()
}

fn lines(all: impl Iterator<Item = Value>) -> String {
    all.map(|line| format!("{line}\n")).collect()
}

/// Taipei's offset, which never changes.
fn taipei() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| unreachable!("eight hours are an offset"))
}

fn moment(second: i64) -> String {
    let utc = DateTime::from_timestamp(second, 0).unwrap_or_default();
    utc.with_timezone(&taipei()).to_rfc3339()
}

fn local(at: NaiveDateTime) -> String {
    format!("{}+08:00", at.format("%Y-%m-%dT%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue(id: &str) -> Venue {
        Venue {
            id: id.parse().unwrap(),
            name: "培靈醫院".to_owned(),
            county: "臺北市".to_owned(),
            district: "松山區".to_owned(),
            address: "臺北市松山區八德路四段355號".to_owned(),
            phone: String::new(),
            site: None,
            holds: true,
        }
    }

    fn slot(venue: &str, brands: &str) -> Slot {
        Slot {
            venue: venue.parse().unwrap(),
            date: chrono::NaiveDate::from_ymd_opt(2021, 7, 2).unwrap(),
            start: "10:00".parse().unwrap(),
            brands: brands.parse().unwrap(),
        }
    }

    fn published(second: i64) -> Published {
        let account = |booked_of_lent| Account { capacity: 8, lent: 4, booked_of_lent, granted: 0 };
        Published {
            venues: vec![venue("0291010019"), venue("培靈")],
            slots: vec![
                (slot("0291010019", "AZ"), account(1), false),
                (slot("0291010019", "MO,AZ"), Account { capacity: 2, lent: 0, booked_of_lent: 0, granted: 2 }, false),
                (slot("培靈", "MO"), account(0), true),
                (slot("gone", "MO"), account(0), false),
            ],
            heard: BTreeMap::from([("0291010019".parse().unwrap(), Some(1_625_000_000))]),
            second,
        }
    }

    fn read(lines: &str) -> Vec<Value> {
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn one_product_is_one_schedule_and_a_silent_venue_is_unknown() {
        let says = |second| -> Vec<(String, String)> {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let all = read(&schedules(&published(second)));
            all.iter().map(|it| (text(&it["comment"]), text(&it["extension"][0]["valueCode"]))).collect()
        };
        let pair = |title: &str, availability: &str| (title.to_owned(), availability.to_owned());
        assert_eq!(
            says(1_625_000_060),
            [pair("培靈醫院-AZ", "some"), pair("培靈醫院-MO,AZ", "none"), pair("培靈醫院-MO", "none")]
        );
        let silent = says(1_625_000_000 + SILENT_AFTER_S + 1);
        assert_eq!(silent[0], pair("培靈醫院-AZ", "unknown"));
        assert_eq!(silent[2], pair("培靈醫院-MO", "none"), "nobody's edge keeps its day");
        let first = &read(&schedules(&published(1_625_000_060)))[0];
        assert_eq!(first["extension"][1]["valueCoding"]["code"], "210");
    }

    #[test]
    fn a_slot_says_what_is_left_and_who_is_booked_is_nobodys_business() {
        let all = read(&slots(&published(1_625_000_060)));
        let say = |at: usize| (all[at]["status"].as_str().unwrap(), all[at]["extension"][0]["valueInteger"].as_u64());
        assert_eq!((say(0), say(1), say(2)), (("free", Some(7)), ("busy", Some(0)), ("busy", Some(0))));
        assert_eq!(all.len(), 3, "a slot of a venue that is not offered");
        assert_eq!(all[0]["start"], "2021-07-02T10:00:00+08:00");
        assert_eq!(all[0]["end"], "2021-07-02T11:00:00+08:00");
        let schedules: Vec<String> = read(&schedules(&published(0)))
            .iter()
            .map(|it| format!("Schedule/{}", it["id"].as_str().unwrap()))
            .collect();
        assert!(all.iter().all(|slot| schedules.contains(&slot["schedule"]["reference"].as_str().unwrap().to_owned())));
    }

    #[test]
    fn ids_fit_and_the_last_exchange_is_told() {
        let all = read(&locations(&published(1_625_000_060)));
        assert_eq!(all[0]["id"], "0291010019");
        assert_eq!(all[1]["id"].as_str().unwrap().len(), ID_CHARS);
        assert_eq!(all[0]["meta"]["extension"][0]["valueDateTime"], "2021-06-30T04:53:20+08:00");
        assert_eq!(manifest("http://127.0.0.1:9", 0)["output"][2]["url"], "http://127.0.0.1:9/smart/slot.ndjson");
    }
}
