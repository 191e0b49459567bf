//! Capacity that cannot be oversold: whatever happens in whatever order, nothing is lent that is not free, no number is
//! given twice, and a restored hub waits until it knows what it lent (docs/booking.md).
#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use std::collections::{BTreeMap, BTreeSet};

use booking::{
    OPEN, book, cancel, capacity, give_back, greet, greet_as, greet_plainly, hub, leases, numbers, offer, person,
    rebuilds_to_the_same, send, slot, wish,
};
use edge::{A, B, C, Edge, canonical, dice, id, master, number, second};
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::booking::{Booking, Capacity, Slot};
use shared::ids::EntryId;
use shared::lease::Account;
use shared::sign::slip::{Block, Claim};
use shared::wire::v1::enquiry::{About, Answered, Enquiry};

const HOURS: [&str; 3] = ["10:00", "11:00", "14:00"];

/// A generator of its own, so that a seed is enough to play a run again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { all.get(usize::try_from(self.below(all.len() as u64)).unwrap()).cloned() }
    }
}

/// An honest site: it gives away what its desk has lent it and no more.
struct Site {
    edge: Edge,
    spent: BTreeMap<EntryId, u32>,
    used: u64,
    /// Of what was given away: booking, lease.
    booked: Vec<(EntryId, EntryId)>,
    /// Not sent yet.
    waiting: Vec<Upload>,
    /// All that it ever wrote, which it still has.
    log: Vec<Upload>,
}

impl Site {
    fn new(code: &str, actor: u8) -> Self {
        let edge = Edge::new(code, actor);
        Self { edge, spent: BTreeMap::new(), used: 0, booked: vec![], waiting: vec![], log: vec![] }
    }

    fn write(&mut self, upload: Upload) {
        let signed = Upload { run: upload.run.signed(&booking::signer(&self.edge)), ..upload };
        self.log.push(signed.clone());
        self.waiting.push(signed);
    }

    fn send(&mut self, hub: &mut Hub, now: &str) {
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            send(hub, now, &waiting);
        }
    }

    fn greet(&self, hub: &mut Hub, now: &str) {
        greet_as(hub, &self.edge, now, |hello| {
            hello.life.as_mut().unwrap().tips = self.log.last().map(id).into_iter().collect();
        });
    }

    /// A lease of which it has something left, as its desk stands.
    fn lease(&self, hub: &Hub, chance: &mut Chance) -> Option<(EntryId, Slot, u32)> {
        let left = |id: &EntryId, places: u32| places - self.spent.get(id).copied().unwrap_or(0).min(places);
        let all: Vec<_> = leases(hub, &self.edge.site)
            .into_iter()
            .filter(|(id, lease)| lease.life == self.edge.incarnation && left(id, lease.places) > 0)
            .map(|(id, lease)| (id, lease.slot, left(&id, lease.places)))
            .collect();
        chance.of(&all)
    }

    /// The next number of its blocks.
    fn serial(&mut self, hub: &Hub) -> Option<u64> {
        let blocks = numbers(hub, &self.edge.site);
        let all = blocks.iter().flat_map(|block| block.first..block.first + u64::from(block.count));
        let next = all.into_iter().find(|serial| *serial > self.used)?;
        self.used = next;
        Some(next)
    }
}

/// What was promised of each slot, and the most that it ever held.
type Promised = BTreeMap<Slot, (i64, u32)>;

/// What must hold of every slot at every moment; `before` is what was promised at the one before.
fn check(hub: &Hub, before: &mut Promised, run: &str) {
    for (of, account) in hub.slot_accounts().unwrap() {
        let Account { capacity, lent, granted, .. } = account;
        let sum = account.free() + account.unspent() + i64::from(account.booked());
        assert_eq!(sum, i64::from(capacity), "{run} {of}: {account:?}");
        assert!(account.unspent() >= 0, "{run} {of}: {account:?}");
        let promised = i64::from(lent) + i64::from(granted);
        let (last, most) = before.get(&of).copied().unwrap_or_default();
        assert!(account.free() >= 0 || promised <= last, "{run} {of}: more was promised than there is: {account:?}");
        assert!(account.booked() <= capacity.max(most), "{run} {of}: oversold: {account:?}");
        before.insert(of, (promised, capacity.max(most)));
    }
}

fn at(step: u64) -> String {
    format!("2021-07-07T{:02}:{:02}", 9 + step / 60, step % 60)
}

/// One step of a run; gives the most that any slot may have booked or lent from now on.
fn step(hub: &mut Hub, sites: &mut [Site], chance: &mut Chance, step: u64) {
    let now = at(step);
    let who = usize::try_from(chance.below(sites.len() as u64)).unwrap();
    let hour = chance.of(&HOURS).unwrap();
    match chance.below(9) {
        0 | 1 => {
            let site = &mut sites[who];
            let Some((lease, slot, _)) = site.lease(hub, chance) else { return };
            let Some(serial) = site.serial(hub) else { return };
            let document = person(&number(u32::try_from(chance.below(60)).unwrap()));
            let upload = book(&mut site.edge, &now, &document, (lease, &slot.start.to_string(), serial));
            *site.spent.entry(lease).or_default() += 1;
            site.booked.push((id(&upload), lease));
            site.write(upload);
        }
        2 => {
            let site = &mut sites[who];
            let Some((of, lease)) = chance.of(&site.booked) else { return };
            site.booked.retain(|(booking, _)| *booking != of);
            *site.spent.entry(lease).or_default() -= 1;
            let upload = cancel(&mut site.edge, &now, of);
            site.write(upload);
        }
        3 => {
            let site = &mut sites[who];
            let Some((lease, _, left)) = site.lease(hub, chance) else { return };
            let back = 1 + u32::try_from(chance.below(u64::from(left))).unwrap();
            *site.spent.entry(lease).or_default() += back;
            let upload = give_back(&mut site.edge, &now, lease, back);
            site.write(upload);
        }
        4 => {
            let site = &mut sites[who];
            let document = person(&number(u32::try_from(chance.below(60)).unwrap()));
            let upload = wish(&mut site.edge, &now, &document, &[hour, "14:00"]);
            site.write(upload);
        }
        5 => {
            let more = u32::try_from(chance.below(12)).unwrap();
            let holds = booking::account(hub, hour).capacity;
            let cut = if chance.below(4) == 0 { holds / 2 } else { 0 };
            offer(hub, &now, hour, holds - cut + more);
        }
        6 => {
            sites[who].send(hub, &now);
        }
        7 => {
            let edge = &sites[who].edge;
            let about = About::Places { slot: slot(hour), places: u32::try_from(chance.below(5)).unwrap() };
            hub.enquire(&edge.site, &edge.incarnation, &Enquiry { nonce: [1; 16], about }, second(&now)).unwrap();
        }
        _ => {
            sites[who].greet(hub, &now);
            hub.lend(second(&now)).unwrap();
        }
    }
}

#[test]
fn whatever_happens_nothing_is_lent_twice_or_sold_over() {
    for seed in 0..24 {
        let mut chance = Chance(seed);
        let mut hub = hub();
        let mut sites = [Site::new(A, 1), Site::new(B, 2), Site::new(C, 3)];
        sites.iter().for_each(|site| site.greet(&mut hub, OPEN));
        let mut promised = Promised::new();
        for n in 0..160 {
            step(&mut hub, &mut sites, &mut chance, n);
            check(&hub, &mut promised, &format!("seed {seed} step {n}"));
        }
        sites.iter_mut().for_each(|site| site.send(&mut hub, &at(200)));
        check(&hub, &mut promised, &format!("seed {seed} at the end"));
        assert!(hub.site_cases().unwrap().is_empty(), "seed {seed}: honest sites");
        check_numbers(&hub, seed);
        rebuilds_to_the_same(&mut hub);
    }
}

fn check_numbers(hub: &Hub, seed: u64) {
    let serials: Vec<u64> = canonical(hub)
        .lines()
        .filter(|line| line.starts_with("booking ") || line.starts_with("wish "))
        .filter_map(|line| line.rsplit(' ').nth(4)?.parse().ok())
        .filter(|serial| *serial > 0)
        .collect();
    assert!(!serials.is_empty(), "seed {seed}");
    assert_eq!(serials.iter().collect::<BTreeSet<_>>().len(), serials.len(), "seed {seed}: a number twice");
}

#[test]
fn a_hub_that_was_restored_in_between_sells_nothing_over_and_no_number_twice() {
    for seed in 0..24 {
        let mut chance = Chance(seed);
        let mut hub = hub();
        let mut sites = [Site::new(A, 1), Site::new(B, 2), Site::new(C, 3)];
        sites.iter().for_each(|site| site.greet(&mut hub, OPEN));
        sites.iter_mut().for_each(|site| {
            let arrival = site.edge.arrive(OPEN, edge::adult(1));
            site.write(arrival);
            site.send(&mut hub, OPEN);
        });
        HOURS.iter().for_each(|hour| offer(&mut hub, OPEN, hour, 40));
        let mut run = |hub: &mut Hub, sites: &mut [Site], steps: std::ops::Range<u64>| {
            for n in steps {
                step(hub, sites, &mut chance, n);
            }
        };
        run(&mut hub, &mut sites, 0..40);
        let backup = hub.image().unwrap();
        run(&mut hub, &mut sites, 40..80);
        hub = Hub::open(backup, &master(), dice(7)).unwrap();
        hub.begin_new_life().unwrap();
        for site in &mut sites {
            site.waiting.clone_from(&site.log);
        }
        for (n, site) in (80..).zip(&mut sites) {
            assert_eq!(hub.lend(second(&at(n))).unwrap(), 0, "seed {seed}");
            site.greet(&mut hub, &at(n));
            site.send(&mut hub, &at(n));
        }
        assert_eq!(hub.awaited().unwrap(), [], "seed {seed}");
        let mut promised: Promised = Promised::new();
        for (of, account) in hub.slot_accounts().unwrap() {
            // What was given away by leases that are forgotten may stand over a capacity that is forgotten too.
            let stood = account.booked().max(account.capacity);
            promised.insert(of, (i64::from(account.lent) + i64::from(account.granted), stood));
        }
        for n in 90..170 {
            step(&mut hub, &mut sites, &mut chance, n);
            check(&hub, &mut promised, &format!("seed {seed} step {n}"));
        }
        sites.iter_mut().for_each(|site| site.send(&mut hub, &at(200)));
        check(&hub, &mut promised, &format!("seed {seed} at the end"));
        check_numbers(&hub, seed);
        rebuilds_to_the_same(&mut hub);
    }
}

#[test]
fn a_capacity_that_was_cut_below_what_is_promised_lends_nothing_more() {
    let mut hub = hub();
    let edge = Edge::new(A, 1);
    greet_plainly(&mut hub, &edge, OPEN);
    offer(&mut hub, OPEN, "10:00", 16);
    offer(&mut hub, "2021-07-07T09:01", "10:00", 5);
    let cut = booking::account(&hub, "10:00");
    assert!(cut.free() < 0, "{cut:?}");
    hub.lend(second("2021-07-07T09:02")).unwrap();
    let ask = Enquiry { nonce: [1; 16], about: About::Places { slot: slot("10:00"), places: 1 } };
    let told = hub.enquire(&edge.site, &edge.incarnation, &ask, second(OPEN)).unwrap();
    assert!(matches!(told.answer, Answered::Places { lent: 0, .. }));
    assert_eq!(booking::account(&hub, "10:00"), cut);
    let closed = Capacity { closed: true, ..capacity("10:00", 40) };
    hub.put_capacities(&[closed], "op", second("2021-07-07T09:03")).unwrap().unwrap();
    assert_eq!(booking::account(&hub, "10:00").lent, cut.lent, "nothing of a closed slot is lent");
    rebuilds_to_the_same(&mut hub);
}

/// A hub that has lent, its image from before it did, and the two sites.
fn lent_after_the_backup() -> (Hub, Hub, [Edge; 2]) {
    let mut hub = hub();
    let edges = [Edge::new(A, 1), Edge::new(B, 2)];
    edges.iter().for_each(|edge| greet_plainly(&mut hub, edge, OPEN));
    // So that it is written down who was heard.
    hub.lend(second(OPEN)).unwrap();
    let mut first = Edge::new(C, 9);
    send(&mut hub, OPEN, &[first.arrive(OPEN, edge::adult(1))]);
    let backup = hub.image().unwrap();
    offer(&mut hub, OPEN, "10:00", 16);
    let restored = Hub::open(backup, &master(), dice(77)).unwrap();
    (hub, restored, edges)
}

#[test]
fn a_restored_hub_lends_nothing_until_whoever_may_hold_something_has_been_heard() {
    let (mut lost, mut hub, [mut a, b]) = lent_after_the_backup();
    let (lease, _) = leases(&lost, &a.site)[0].clone();
    let booked = book(&mut a, "2021-07-07T09:30", &person(&number(1)), (lease, "10:00", 7));
    send(&mut lost, "2021-07-07T09:31", std::slice::from_ref(&booked));
    hub.begin_new_life().unwrap();
    let offered = |hub: &mut Hub, at: &str| offer(hub, at, "10:00", 16);
    offered(&mut hub, "2021-07-07T10:00");
    assert_eq!(hub.lend(second("2021-07-07T10:01")).unwrap(), 0);
    let ask = Enquiry { nonce: [1; 16], about: About::Places { slot: slot("10:00"), places: 8 } };
    let lent = |hub: &mut Hub, edge: &Edge, at: &str| {
        let told = hub.enquire(&edge.site, &edge.incarnation, &ask, second(at)).unwrap();
        if let Answered::Places { lent, .. } = told.answer { Some(lent) } else { None }
    };
    assert_eq!(
        lent(&mut hub, &b, "2021-07-07T10:01"),
        None,
        "it does not know what it lent: nobody is told that it is full"
    );
    assert_eq!(hub.awaited().unwrap().len(), 3);
    greet_plainly(&mut hub, &b, "2021-07-07T10:02");
    let tips = vec![id(&booked)];
    greet_as(&mut hub, &a, "2021-07-07T10:02", |hello| {
        hello.life.as_mut().unwrap().tips = tips;
    });
    assert_eq!(lent(&mut hub, &b, "2021-07-07T10:03"), None, "what A gave away has not come");
    let mut signed = booked.clone();
    signed.run = signed.run.signed(&booking::signer(&a));
    send(&mut hub, "2021-07-07T10:04", &[signed]);
    assert_eq!(hub.awaited().unwrap().iter().map(|it| it.site).collect::<Vec<_>>(), [C.parse().unwrap()]);
    greet_plainly(&mut hub, &Edge::new(C, 9), "2021-07-07T10:05");
    assert_eq!(hub.awaited().unwrap(), []);
    hub.lend(second("2021-07-07T10:06")).unwrap();
    let account = booking::account(&hub, "10:00");
    assert_eq!((account.granted, account.lent), (1, 11), "a place is gone, a quarter of the rest is kept");
    assert!(lent(&mut hub, &b, "2021-07-07T10:07").is_some_and(|lent| lent > 0));
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn an_operator_can_resume_and_can_give_up_what_never_comes_back() {
    let (_, mut hub, [a, _]) = lent_after_the_backup();
    hub.begin_new_life().unwrap();
    offer(&mut hub, "2021-07-07T10:00", "10:00", 16);
    assert_eq!(booking::account(&hub, "10:00").lent, 0);
    assert_eq!(hub.resume_lending(second("2021-07-07T10:01")).unwrap(), 3);
    let (lease, of) = leases(&hub, &a.site)[0].clone();
    let held = of.places;
    assert!(held > 0);
    let before = booking::account(&hub, "10:00").free();
    let reason = ("電腦損毀", "op");
    assert_eq!(hub.forfeit_lease(&lease, reason, second("2021-07-07T10:02")).unwrap(), Ok(held));
    let desk = booking::bookings_on_desk(&hub, &a.site);
    assert!(
        desk.iter().any(|(_, it)| matches!(it, Booking::Returned(back) if back.lease == lease && back.places == held))
    );
    assert!(booking::account(&hub, "10:00").free() + i64::from(leases(&hub, &a.site)[1].1.places) >= before);
    assert!(hub.forfeit_lease(&lease, reason, second("2021-07-07T10:03")).unwrap().is_err(), "nothing is left of it");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_greeting_lends_once_and_writes_nothing_when_there_is_nothing_to_lend() {
    let mut hub = hub();
    offer(&mut hub, OPEN, "10:00", 16);
    assert_eq!(booking::account(&hub, "10:00").lent, 0, "nobody has been heard");
    let edge = Edge::new(A, 1);
    greet(&mut hub, &edge, "2021-07-07T09:01");
    assert_eq!(booking::account(&hub, "10:00").lent, 12);
    let [block] = numbers(&hub, &edge.site).try_into().unwrap();
    let before = hub.journal_position().unwrap();
    for minute in 2..9 {
        greet(&mut hub, &edge, &format!("2021-07-07T09:0{minute}"));
    }
    assert_eq!(hub.journal_position().unwrap(), before);
    // The hub vouches for the life's key, and for these numbers.
    let key = shared::seal::HubKeys::new(&master()).unwrap().signer().unwrap();
    let claim = Claim {
        site: edge.site,
        number: shared::entry::booking::BookingNumber { brands: "AZ".parse().unwrap(), round: 1, serial: 42 },
        slot: slot("10:00"),
        second: second(OPEN),
        printed: "A12-XXXXXX".to_owned(),
    };
    let text = booking::signer(&edge).slip(&claim, Block::from(&block), &block.voucher.unwrap());
    assert_eq!(key.public().read_slip(&text), Ok(claim));
}

#[test]
fn two_processes_of_one_hub_give_no_number_and_no_place_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let open = |seed| Hub::open(hub::store::Store::open(&path).unwrap(), &master(), dice(seed)).unwrap();
    let mut processes = [open(5), open(6)];
    booking::furnish(&mut processes[0]);
    let edges = [Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3)];
    for (n, edge) in edges.iter().enumerate() {
        greet_plainly(&mut processes[n % 2], edge, OPEN);
    }
    offer(&mut processes[0], OPEN, "10:00", 9);
    let ask = Enquiry { nonce: [1; 16], about: About::Places { slot: slot("10:00"), places: 8 } };
    let mut asked = 0;
    for (n, edge) in edges.iter().cycle().take(9).enumerate() {
        let told = processes[n % 2].enquire(&edge.site, &edge.incarnation, &ask, second(OPEN)).unwrap();
        if let Answered::Places { lent, .. } = told.answer {
            asked += lent;
        }
    }
    let account = booking::account(&processes[1], "10:00");
    assert_eq!((account.lent, account.free()), (9, 0));
    assert!(asked <= 9);
    let firsts: BTreeSet<u64> =
        edges.iter().flat_map(|edge| numbers(&processes[0], &edge.site)).map(|it| it.first).collect();
    assert_eq!(firsts, [1, 101, 201].into());
}

#[test]
fn a_venue_that_takes_people_again_is_lent_again() {
    let mut hub = hub();
    greet_plainly(&mut hub, &Edge::new(A, 1), OPEN);
    let shut = shared::entry::booking::Venue { holds: false, ..booking::venue() };
    hub.put_venues(&[shut], "op", second(OPEN)).unwrap().unwrap();
    offer(&mut hub, OPEN, "10:00", 16);
    assert_eq!(booking::account(&hub, "10:00").lent, 0);
    hub.put_venues(&[booking::venue()], "op", second(OPEN)).unwrap().unwrap();
    assert_eq!(booking::account(&hub, "10:00").lent, 12);
}

#[test]
fn a_site_whose_service_was_refused_is_lent_nothing() {
    let mut hub = hub();
    let edge = Edge::new(A, 1);
    greet_plainly(&mut hub, &edge, OPEN);
    let (service, refused) = ("booking".parse().unwrap(), shared::entry::access::ServiceStanding::Refused);
    hub.answer_service(&edge.site, (&service, refused), ("停用", "op"), second(OPEN)).unwrap().unwrap();
    offer(&mut hub, OPEN, "10:00", 16);
    assert_eq!(booking::account(&hub, "10:00").lent, 0);
    let ask = Enquiry { nonce: [1; 16], about: About::Places { slot: slot("10:00"), places: 1 } };
    let told = hub.enquire(&edge.site, &edge.incarnation, &ask, second(OPEN)).unwrap();
    assert!(matches!(told.answer, Answered::Unsaid));
    let approved = shared::entry::access::ServiceStanding::Approved;
    hub.answer_service(&edge.site, (&service, approved), ("恢復", "op"), second(OPEN)).unwrap().unwrap();
    greet_plainly(&mut hub, &edge, "2021-07-07T09:01");
    assert_eq!(booking::account(&hub, "10:00").lent, 12);
}

#[test]
fn a_site_whose_certificates_were_revoked_is_lent_nothing() {
    let mut hub = hub();
    let edges = [Edge::new(A, 1), Edge::new(B, 2)];
    edges.iter().for_each(|edge| greet_plainly(&mut hub, edge, OPEN));
    assert_eq!(hub.revoke(&edges[0].site, second(OPEN)).unwrap(), 1);
    offer(&mut hub, OPEN, "10:00", 16);
    assert_eq!(leases(&hub, &edges[0].site), [], "however lately it was heard");
    assert_eq!(leases(&hub, &edges[1].site)[0].1.places, 12);
}

#[test]
fn what_is_spent_is_lent_again_before_it_runs_out() {
    let mut hub = hub();
    let mut edge = Edge::new(A, 1);
    greet_plainly(&mut hub, &edge, OPEN);
    offer(&mut hub, OPEN, "10:00", 16);
    let (lease, of) = leases(&hub, &edge.site)[0].clone();
    assert_eq!(of.places, 12);
    let mut serial = 0;
    let mut sell = |hub: &mut Hub, edge: &mut Edge, count: u32| {
        let uploads: Vec<Upload> = (0..count)
            .map(|_| {
                serial += 1;
                let document = person(&number(u32::try_from(serial).unwrap()));
                book(edge, "2021-07-07T09:30", &document, (lease, "10:00", serial))
            })
            .collect();
        send(hub, "2021-07-07T09:31", &uploads);
    };
    sell(&mut hub, &mut edge, 8);
    assert_eq!(leases(&hub, &edge.site).len(), 1, "four of six that are due are left");
    sell(&mut hub, &mut edge, 3);
    let again = leases(&hub, &edge.site);
    let places: Vec<u32> = again.iter().map(|(_, lease)| lease.places).collect();
    assert_eq!(places, [12, 2, 1], "its share, and one of what is kept, as it holds few");
    let account = booking::account(&hub, "10:00");
    assert_eq!((account.booked(), account.unspent(), account.free()), (11, 4, 1));
}
