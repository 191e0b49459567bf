//! Booked places by the clock. Run by hand, built for release:
//! `cargo nextest run -p hub --release --test booking_measured --run-ignored only --no-capture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use std::fmt::Write;
use std::time::Instant;

use booking::{OPEN, ROUND, slot, venue};
use edge::{dice, enrolment, hello, master, number, record, second};
use hub::hub::Hub;
use hub::opendata::smart;
use hub::store::Store;
use shared::entry::booking::{Capacity, Slot, Venue};
use shared::ids::{Incarnation, SiteCode};
use shared::rules::programme::shipped_rounds;
use shared::wire::v1::enquiry::{About, Answered, Enquiry};

fn fresh(folder: &tempfile::TempDir) -> Hub {
    let store = Store::open(&folder.path().join("hub.db")).unwrap();
    let mut hub = Hub::open(store, &master(), dice(1)).unwrap();
    let (_, text) = shipped_rounds()[0];
    hub.publish_round(text, "op", second("2021-07-01T09:00")).unwrap().unwrap();
    hub
}

#[test]
#[ignore = "a measurement"]
fn a_list_of_a_million_in_under_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = fresh(&folder);
    let mut file = "kind,number,birth,category,registered,brands,doses,last_dose,last_brand\n".to_owned();
    for serial in 0..1_000_000u32 {
        let (number, day, year) = (number(serial), 1 + serial % 28, 20 + serial % 80);
        let (brand, last) = (["AZ", "MO"][serial as usize % 2], 1 + serial % 6);
        let category = serial % 10;
        writeln!(file, "01,{number},19{year:02}-01-{day:02},{category},1,AZ|MO,1,2021-0{last}-{day:02},{brand}")
            .unwrap_or(());
    }
    for nth in ["first", "second"] {
        let begun = Instant::now();
        let done = hub.import_list(ROUND, file.as_bytes(), false, second(OPEN)).unwrap().unwrap();
        let took = begun.elapsed();
        println!("{nth}: {} lines, {} MB, in {took:?}; a layer of {} bytes", done.taken, file.len() >> 20, done.bytes);
        assert!(took.as_secs() < 60, "{took:?}");
    }
}

#[test]
#[ignore = "a measurement"]
fn a_nation_is_shared_out_in_turns_that_nobody_waits_long_behind() {
    const SITES: u32 = 6_500;
    const VENUES: u32 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let mut hub = fresh(&folder);
    let county = |n: u32| ["金門縣", "連江縣", "澎湖縣", "臺北市", "高雄市"][n as usize % 5];
    let code = |n: u32| -> SiteCode { format!("59{n:08}").parse().unwrap() };
    let place = |n: u32| format!("{}第{}區{n}號", county(n), n / 5 % 20);
    hub.import_sites((0..SITES).map(|n| {
        let mut site = record(code(n));
        site.address = place(n);
        site
    }))
    .unwrap();
    for n in 0..SITES {
        hub.register(&code(n), &enrolment(code(n))).unwrap().unwrap();
        hub.greet(&code(n), &hello(code(n), Incarnation([1; 16])), second(OPEN)).unwrap();
    }
    let venues: Vec<Venue> = (0..VENUES)
        .map(|n| Venue {
            id: format!("V{n}").parse().unwrap(),
            county: county(n).to_owned(),
            district: format!("第{}區", n / 5 % 20),
            site: None,
            ..venue()
        })
        .collect();
    hub.put_venues(&venues, "op", second(OPEN)).unwrap().unwrap();
    let of = |venue: &Venue, n: u32| {
        let (day, hour) = (12 + n / 8, 9 + n % 8);
        let start = format!("{hour:02}:00").parse().unwrap();
        Slot { venue: venue.id.clone(), date: format!("2021-07-{day}").parse().unwrap(), start, ..slot("10:00") }
    };
    let capacities: Vec<Capacity> = venues
        .iter()
        .flat_map(|venue| (0..40).map(|n| Capacity { slot: of(venue, n), places: 12, closed: false }))
        .collect();
    let begun = Instant::now();
    hub.put_capacities(&capacities, "op", second(OPEN)).unwrap().unwrap();
    println!("{} slots published in {:?}", capacities.len(), begun.elapsed());
    let (begun, mut longest, mut turns, mut all) = (Instant::now(), std::time::Duration::ZERO, 0, 0);
    loop {
        let turn = Instant::now();
        let lent = hub.lend(second(OPEN)).unwrap();
        longest = longest.max(turn.elapsed());
        if lent == 0 {
            break;
        }
        (turns, all) = (turns + 1, all + lent);
    }
    println!("{all} places lent in {turns} turns, {:?} in all, the longest {longest:?}", begun.elapsed());
    assert!(all > 480_000, "half of what there is: {all}");
    let turn = Instant::now();
    assert_eq!(hub.lend(second(OPEN)).unwrap(), 0);
    println!("a turn with nothing to do: {:?}", turn.elapsed());
    for nth in ["of a life that holds nothing", "once more"] {
        let greets = Instant::now();
        for n in 0..1_000 {
            hub.greet(&code(n), &hello(code(n), Incarnation([2; 16])), second(OPEN)).unwrap();
        }
        println!("a greeting {nth}: {:?}", greets.elapsed() / 1_000);
    }
    let asks = Instant::now();
    for (n, capacity) in (0..1_000).zip(&capacities) {
        let about = About::Places { slot: capacity.slot.clone(), places: 1 };
        let told =
            hub.enquire(&code(n), &Incarnation([1; 16]), &Enquiry { nonce: [1; 16], about }, second(OPEN)).unwrap();
        assert!(matches!(told.answer, Answered::Places { lent: 1, .. }));
    }
    println!("a question for places: {:?}", asks.elapsed() / 1_000);
}

#[test]
#[ignore = "a measurement"]
fn what_everybody_may_read_is_read_and_rendered_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = fresh(&folder);
    let venues: Vec<Venue> =
        (0..2_000).map(|n| Venue { id: format!("V{n}").parse().unwrap(), site: None, ..venue() }).collect();
    hub.put_venues(&venues, "op", second(OPEN)).unwrap().unwrap();
    let of = |venue: &Venue, n: u32| {
        let date = format!("2021-07-{}", 12 + n / 8).parse().unwrap();
        let start = format!("{:02}:00", 9 + n % 8).parse().unwrap();
        Slot { venue: venue.id.clone(), date, start, ..slot("10:00") }
    };
    let capacity = |slot: Slot| Capacity { slot, places: 12, closed: false };
    let capacities: Vec<Capacity> = venues.iter().flat_map(|venue| (0..40).map(|n| capacity(of(venue, n)))).collect();
    hub.put_capacities(&capacities, "op", second(OPEN)).unwrap().unwrap();
    for nth in ["first", "second"] {
        let begun = Instant::now();
        let published = hub.places_offered(second(OPEN)).unwrap();
        println!("{nth}: {} slots read in {:?}", published.slots.len(), begun.elapsed());
        for (name, render) in [
            ("locations", smart::locations as fn(&_) -> String),
            ("schedules", smart::schedules),
            ("slots", smart::slots),
        ] {
            let begun = Instant::now();
            let text = render(&published);
            println!("{name}: {} bytes in {:?}", text.len(), begun.elapsed());
        }
    }
}
