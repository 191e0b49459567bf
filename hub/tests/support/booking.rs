//! Booked places as a hub and sites write them: a round, a venue, slots, leases, bookings, wishes.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper, of which each test uses a part"
)]

use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use shared::entry::booking::{
    Amended, Attendance, Attended, Booked, Booker, Booking, Cancelled, Capacity, Lease, Numbers, Returned, Shown, Slot,
    Venue, Wish,
};
use shared::entry::{Entry, Fact, Reading};
use shared::ids::{EntryId, Incarnation, SiteCode};
use shared::lease::Account;
use shared::rules::booking::contact::Contact;
use shared::rules::identity::Document;
use shared::rules::programme::shipped_rounds;
use shared::sign::Signer;
use shared::wire::v1::entry;
use shared::wire::v1::feed;
use shared::wire::v1::life::EdgeLife;
use shared::wire::v1::message::Hello;

use crate::edge::{A, B, C, Edge, canonical, dice, enrolment, hello, master, record, second, written};

pub(crate) const ROUND: &str = "vaccine-2021-r1";
/// While the round is open.
pub(crate) const OPEN: &str = "2021-07-07T09:00";
pub(crate) const VENUE: &str = "2390010010";

/// Born 1965: in the round by age, whatever a list says.
pub(crate) fn person(number: &str) -> Document {
    born(number, "1965-01-01")
}

pub(crate) fn born(number: &str, birth: &str) -> Document {
    Document::parse("01", number, birth, "2021-07-01".parse().unwrap()).unwrap()
}

pub(crate) fn contact() -> Contact {
    Contact::parse("王大明", "0912345678").unwrap()
}

pub(crate) fn venue() -> Venue {
    Venue {
        id: VENUE.parse().unwrap(),
        name: "金門縣金寧鄉衛生所".to_owned(),
        county: "金門縣".to_owned(),
        district: "金寧鄉".to_owned(),
        address: "金門縣金寧鄉盤山村仁愛新村2之1號".to_owned(),
        phone: String::new(),
        site: Some(C.parse().unwrap()),
        holds: true,
    }
}

pub(crate) fn slot(hour: &str) -> Slot {
    Slot {
        venue: VENUE.parse().unwrap(),
        date: "2021-07-12".parse().unwrap(),
        start: hour.parse().unwrap(),
        brands: "AZ".parse().unwrap(),
    }
}

pub(crate) fn capacity(hour: &str, places: u32) -> Capacity {
    Capacity { slot: slot(hour), places, closed: false }
}

/// A hub with three sites, a round that is open and a venue; A lies in the venue's district, B in its county.
pub(crate) fn hub() -> Hub {
    hub_with(200)
}

pub(crate) fn hub_with(seed: u8) -> Hub {
    let mut hub = Hub::open(hub::store::Store::in_memory().unwrap(), &master(), dice(seed)).unwrap();
    furnish(&mut hub);
    hub
}

pub(crate) fn furnish(hub: &mut Hub) {
    for (site, address) in [(A, "金門縣金寧鄉1號"), (B, "金門縣金城鎮2號"), (C, "金門縣金湖鎮3號")]
    {
        let code: SiteCode = site.parse().unwrap();
        let mut record = record(code);
        record.address = address.to_owned();
        hub.import_sites([record]).unwrap();
        hub.register(&code, &enrolment(code)).unwrap().unwrap();
    }
    let (_, text) = shipped_rounds().iter().find(|(name, _)| *name == ROUND).unwrap();
    hub.publish_round(text, "op", second("2021-07-01T09:00")).unwrap().unwrap();
    hub.put_venues(&[venue()], "op", second("2021-07-01T09:00")).unwrap().unwrap();
}

pub(crate) fn offer(hub: &mut Hub, at: &str, hour: &str, places: u32) {
    hub.put_capacities(&[capacity(hour, places)], "op", second(at)).unwrap().unwrap();
}

/// A and B with a lease each of ten o'clock, of 16 places, and the first hundred numbers each.
pub(crate) fn lent() -> (Hub, [Edge; 2], [EntryId; 2]) {
    let mut hub = hub();
    let edges = [Edge::new(A, 1), Edge::new(B, 2)];
    edges.iter().for_each(|edge| greet_plainly(&mut hub, edge, OPEN));
    offer(&mut hub, OPEN, "10:00", 16);
    let of = edges.each_ref().map(|edge| leases(&hub, &edge.site)[0].0);
    (hub, edges, of)
}

/// A site greets; its current life is what it names.
pub(crate) fn greet(hub: &mut Hub, edge: &Edge, at: &str) {
    greet_as(hub, edge, at, |_| {});
}

pub(crate) fn greet_as(hub: &mut Hub, edge: &Edge, at: &str, change: impl FnOnce(&mut Hello)) {
    let mut hello = Hello { hub_life: hub.life(), life: Some(life(edge)), ..hello(edge.site, edge.incarnation) };
    change(&mut hello);
    hub.greet(&edge.site, &hello, second(at)).unwrap();
}

fn life(edge: &Edge) -> EdgeLife {
    let signer = signer(edge).public();
    EdgeLife { boot: [1; 16], parent: None, own: 0, signer, keys: vec![], tips: vec![] }
}

pub(crate) fn signer(edge: &Edge) -> Signer {
    Signer::derive(&edge.incarnation.0, b"site").unwrap()
}

/// A greeting without a key: its uploads need no signature.
pub(crate) fn greet_plainly(hub: &mut Hub, edge: &Edge, at: &str) {
    greet_as(hub, edge, at, |hello| hello.life = None);
}

/// Everything that came down to a site's desk.
pub(crate) fn desk(hub: &Hub, site: &SiteCode) -> Vec<(EntryId, Entry)> {
    let (mut after, mut out) = (0, Vec::new());
    while let Some((run, pos)) = hub.load_down(site, after).unwrap() {
        after = pos;
        for (seq, bytes) in (run.start.id.seq..).zip(&run.entries) {
            out.push((EntryId { seq, ..run.start.id }, entry::decode(bytes).unwrap()));
        }
    }
    out
}

pub(crate) fn bookings_on_desk(hub: &Hub, site: &SiteCode) -> Vec<(EntryId, Booking)> {
    let booking = |(id, entry): (EntryId, Entry)| {
        if let Fact::Booking(booking) = entry.fact { Some((id, booking)) } else { None }
    };
    desk(hub, site).into_iter().filter_map(booking).collect()
}

pub(crate) fn leases(hub: &Hub, site: &SiteCode) -> Vec<(EntryId, Lease)> {
    let lease = |(id, booking)| if let Booking::Lease(lease) = booking { Some((id, lease)) } else { None };
    bookings_on_desk(hub, site).into_iter().filter_map(lease).collect()
}

pub(crate) fn numbers(hub: &Hub, site: &SiteCode) -> Vec<Numbers> {
    let lent = |(_, booking)| if let Booking::Numbers(numbers) = booking { Some(numbers) } else { None };
    bookings_on_desk(hub, site).into_iter().filter_map(lent).collect()
}

pub(crate) fn account(hub: &Hub, hour: &str) -> Account {
    let all = hub.slot_accounts().unwrap();
    all.into_iter().find(|(of, _)| *of == slot(hour)).map(|(_, account)| account).unwrap_or_default()
}

pub(crate) fn booker(edge: &Edge, id: &EntryId, document: &Document, shown: Shown) -> Booker {
    Booker {
        document: edge.keys.seal(id, 0, document).unwrap(),
        contact: edge.keys.seal_contact(id, &contact()).unwrap(),
        reading: Reading::Card,
        watermark: 0,
        shown,
    }
}

fn next(edge: &mut Edge, at: &str) -> EntryId {
    let doc = edge.doc(second(at));
    edge.tip(doc).next.id
}

pub(crate) fn book(
    edge: &mut Edge,
    at: &str,
    document: &Document,
    (lease, hour, serial): (EntryId, &str, u64),
) -> Upload {
    book_as(edge, at, document, (lease, hour, serial), Shown::Age)
}

pub(crate) fn book_as(
    edge: &mut Edge,
    at: &str,
    document: &Document,
    given: (EntryId, &str, u64),
    shown: Shown,
) -> Upload {
    book_in(ROUND, edge, at, (document, shown), given)
}

pub(crate) fn book_in(
    round: &str,
    edge: &mut Edge,
    at: &str,
    (document, shown): (&Document, Shown),
    (lease, hour, serial): (EntryId, &str, u64),
) -> Upload {
    let id = next(edge, at);
    let person = booker(edge, &id, document, shown);
    let (programme, round) = ("vaccine".parse().unwrap(), round.parse().unwrap());
    let booked = Booked { programme, round, slot: slot(hour), lease, serial, person };
    edge.fact(at, Fact::Booking(Booking::Booked(booked)))
}

pub(crate) fn wish(edge: &mut Edge, at: &str, document: &Document, hours: &[&str]) -> Upload {
    wish_in(ROUND, edge, at, (document, hours))
}

pub(crate) fn wish_in(round: &str, edge: &mut Edge, at: &str, (document, hours): (&Document, &[&str])) -> Upload {
    let id = next(edge, at);
    let person = booker(edge, &id, document, Shown::Age);
    let ranked = hours.iter().map(|hour| slot(hour)).collect();
    let (programme, round) = ("vaccine".parse().unwrap(), round.parse().unwrap());
    edge.fact(at, Fact::Booking(Booking::Wish(Wish { programme, round, ranked, person })))
}

pub(crate) fn cancel(edge: &mut Edge, at: &str, of: EntryId) -> Upload {
    edge.fact(at, Fact::Booking(Booking::Cancelled(Cancelled { of, serial: 1, reason: String::new() })))
}

pub(crate) fn amend(edge: &mut Edge, at: &str, of: EntryId, contact: &Contact) -> Upload {
    let id = next(edge, at);
    let contact = edge.keys.seal_contact(&id, contact).unwrap();
    edge.fact(at, Fact::Booking(Booking::Amended(Amended { of, contact })))
}

pub(crate) fn give_back(edge: &mut Edge, at: &str, lease: EntryId, places: u32) -> Upload {
    edge.fact(at, Fact::Booking(Booking::Returned(Returned { lease, places })))
}

pub(crate) fn attend(edge: &mut Edge, at: &str, of: EntryId, hour: &str) -> Upload {
    attend_as(edge, at, (of, hour), Attendance::CheckedIn)
}

pub(crate) fn attend_as(edge: &mut Edge, at: &str, (of, hour): (EntryId, &str), what: Attendance) -> Upload {
    let attended = Attended { of, serial: 1, slot: slot(hour), what };
    edge.fact(at, Fact::Booking(Booking::Attended(attended)))
}

/// Sends at a moment and expects all to be taken.
pub(crate) fn send(hub: &mut Hub, at: &str, uploads: &[Upload]) {
    for outcome in hub.ingest(uploads, second(at)).unwrap() {
        assert!(matches!(outcome, Outcome::Ingested { .. }), "{outcome:?}");
    }
}

/// Everything that the feed says counts, and what it took back.
pub(crate) fn told(hub: &Hub) -> Vec<(String, u32, bool)> {
    let mut out = Vec::new();
    let mut after = 0;
    loop {
        let parts = hub.load_feed(after).unwrap();
        let Some(last) = parts.last() else { return out };
        after = last.upto;
        for part in &parts {
            for group in feed::decode(&part.body).unwrap().groups {
                out.extend(
                    group.items.iter().map(|item| (format!("{} {}", group.programme, group.day), item.mark, item.gone)),
                );
            }
        }
    }
}

pub(crate) fn rebuilds_to_the_same(hub: &mut Hub) {
    let (before, feed) = (canonical(hub), hub.feed_position().unwrap());
    hub.rebuild().unwrap();
    similar(&canonical(hub), &before);
    assert_eq!(hub.feed_position().unwrap(), feed, "nothing is told again");
}

pub(crate) fn similar(one: &str, other: &str) {
    let differs: Vec<String> = one
        .lines()
        .filter(|line| !other.contains(line))
        .map(|line| format!("+ {line}"))
        .chain(other.lines().filter(|line| !one.contains(line)).map(|line| format!("- {line}")))
        .collect();
    assert!(one == other, "\n{}", differs.join("\n"));
}

pub(crate) fn fact_entry(fact: Fact, at: &str) -> Entry {
    written(second(at), fact)
}

pub(crate) fn incarnation(number: u8) -> Incarnation {
    Incarnation([number; 16])
}
