//! Lists of who may book (V2): imported from a file, carried by one layer, and asked by the hub of whoever booked without.

#![allow(clippy::expect_used, reason = "a test's own helpers")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use std::sync::Arc;

use booking::{OPEN, ROUND, book_as, born, greet_plainly, hub, leases, offer, person, rebuilds_to_the_same, send};
use edge::{A, ANNA, B, BORIS, Edge, canonical, id, master, number, second};
use hub::booking::{BadRoundList, BookingFault};
use hub::cases::CaseFilter;
use hub::hub::Hub;
use shared::digest::{Found, Layer, Manifest};
use shared::entry::booking::Shown;
use shared::rules::booking::listing::Listing;
use shared::rules::identity::Document;
use shared::seal::HubKeys;
use shared::sync::hub::Input;
use shared::wire::v1::message::Fetch;

const HEAD: &str = "kind,number,birth,category,registered,brands,doses,last_dose,last_brand\n";

fn import(hub: &mut Hub, at: &str, lines: &str) -> Result<hub::booking::ListImported, BadRoundList> {
    hub.import_list(ROUND, format!("{HEAD}{lines}").as_bytes(), false, second(at)).expect("the machine is well")
}

/// The newest manifest, and the list's layer that it names, as an edge fetches them.
fn layer(hub: &Hub) -> (Manifest, Layer) {
    let Input::Manifest { signed, .. } = hub.load_nation(hub.feed_position().expect("a feed"), Some(0)).expect("well")
    else {
        panic!("no manifest")
    };
    let key = HubKeys::new(&master()).expect("keys").signer().expect("a signer").public();
    let manifest = signed.open(&key).expect("the hub's own");
    let day = manifest.days.iter().find(|day| day.programme.as_str() == "vaccine-list").expect("the list is named");
    assert!(day.is_closed, "no feed touches it");
    let [named] = day.layers.as_slice() else { panic!("one layer") };
    let fetch = Fetch { layer: named.id, offset: 0, most: named.bytes };
    let layer = Layer::open(Arc::from(hub.load_piece(&fetch).expect("well").bytes)).expect("a layer");
    layer.expect(&day.programme, day.day, named).expect("the one that was named");
    (manifest.clone(), layer)
}

fn said(manifest: &Manifest, layer: &Layer, document: &Document) -> Option<Listing> {
    let day = manifest.days.iter().find(|day| day.programme.as_str() == "vaccine-list")?;
    let print = shared::seal::DayKey::new(day.key.clone()).fingerprint(&document.person());
    match layer.find(print)? {
        Found::Counts(pieces) => pieces.map(Listing::unpacked),
        Found::Gone => None,
    }
}

#[test]
fn whoever_is_on_the_list_is_found_in_the_layer_with_their_line() {
    let mut hub = hub();
    hub.publish_digests(second("2021-07-01T10:00")).expect("well");
    let Input::Manifest { signed, .. } = hub.load_nation(0, Some(0)).expect("well") else { panic!("no manifest") };
    let key = HubKeys::new(&master()).expect("keys").signer().expect("a signer").public();
    let named = signed.open(&key).expect("ours").days;
    assert!(named.iter().all(|day| day.programme.as_str() != "vaccine-list"), "that nobody is on it is not said");
    assert!(named.iter().any(|day| day.programme.as_str() == "vaccine"), "that nobody has booked is");
    let anna = format!("01,{ANNA},1980-01-01,9,1,AZ,1,2021-05-01,AZ\n");
    let done = import(&mut hub, "2021-07-02T09:00", &format!("{anna}01,{BORIS},19700203,,,,,,\n")).expect("good");
    assert_eq!((done.taken, done.people, done.bad.count), (2, 2, 0));
    hub.publish_digests_in_time(900, second("2021-07-02T09:01")).expect("well").expect("at once, not in 15 minutes");
    let (manifest, first) = layer(&hub);
    let last = Some(("2021-05-01".parse().expect("a day"), 1));
    let listing = Listing { category: 9, registered: true, wants: 1, doses: 1, last };
    assert_eq!(said(&manifest, &first, &born(ANNA, "1980-01-01")), Some(listing));
    assert_eq!(said(&manifest, &first, &born(BORIS, "1970-02-03")), Some(Listing::default()));
    assert_eq!(said(&manifest, &first, &person(&number(7))), None);
    // Another import replaces by person, and the others stay.
    import(&mut hub, "2021-07-02T10:00", &format!("01,{ANNA},1980-01-01,8,,,,,\n")).expect("good");
    hub.publish_digests_in_time(900, second("2021-07-02T10:01")).expect("well").expect("at once");
    let (manifest, again) = layer(&hub);
    let of_anna = said(&manifest, &again, &born(ANNA, "1980-01-01"));
    assert_eq!(of_anna, Some(Listing { category: 8, ..Listing::default() }));
    assert!(said(&manifest, &again, &born(BORIS, "1970-02-03")).is_some());
    assert_eq!(hub.round_lists().expect("well")[0].people, 2);
}

#[test]
fn whoever_has_a_live_booking_is_in_the_digest_of_the_rounds_first_day() {
    let mut hub = hub();
    let mut edge = Edge::new(A, 1);
    greet_plainly(&mut hub, &edge, OPEN);
    offer(&mut hub, OPEN, "10:00", 16);
    let lease = leases(&hub, &edge.site)[0].0;
    let found = |hub: &mut Hub, at: &str| {
        hub.publish_digests(second(at)).expect("well");
        let Input::Manifest { signed, .. } = hub.load_nation(u64::MAX, Some(0)).expect("well") else { panic!("none") };
        let key = HubKeys::new(&master()).expect("keys").signer().expect("a signer").public();
        let manifest = signed.open(&key).expect("ours");
        let of =
            |day: &&shared::digest::Day| day.programme.as_str() == "vaccine" && day.day.to_string() == "2021-07-12";
        let day = manifest.days.iter().find(of).expect("the day is named");
        let print = shared::seal::DayKey::new(day.key.clone()).fingerprint(&person(ANNA).person());
        let open = |named: &shared::digest::LayerRef| {
            let fetch = Fetch { layer: named.id, offset: 0, most: named.bytes };
            Arc::new(Layer::open(Arc::from(hub.load_piece(&fetch).expect("well").bytes)).expect("a layer"))
        };
        let layers: Vec<Arc<Layer>> = day.layers.iter().map(open).collect();
        shared::digest::find(&layers, print)
    };
    let booked = book_as(&mut edge, "2021-07-07T09:10", &person(ANNA), (lease, "10:00", 1), Shown::Age);
    send(&mut hub, OPEN, std::slice::from_ref(&booked));
    assert_eq!(found(&mut hub, "2021-07-07T09:30"), Some(Found::Counts(None)), "a set, no pieces");
    let gone = booking::cancel(&mut edge, "2021-07-07T09:40", id(&booked));
    send(&mut hub, "2021-07-07T09:41", &[gone]);
    assert_eq!(found(&mut hub, "2021-07-07T10:00"), Some(Found::Gone));
}

#[test]
fn no_sale_of_a_strange_programme_changes_a_list() {
    let mut hub = hub();
    import(&mut hub, OPEN, &format!("01,{ANNA},1980-01-01,9,,,,,\n")).expect("good");
    hub.publish_digests(second(OPEN)).expect("well");
    let before = layer(&hub).1.id();
    let mut edge = Edge::new(A, 1);
    // On the list's own day and in its own name, by a site that has a certificate and no good in mind.
    let sold = edge.sell_as("2021-07-12T09:00", &person(BORIS), edge::adult(2), |sale| {
        sale.programme = "vaccine-list".parse().expect("a name");
    });
    send(&mut hub, "2021-07-12T09:01", &[sold]);
    hub.publish_digests(second("2021-07-12T09:30")).expect("well");
    assert_eq!(layer(&hub).1.id(), before);
}

#[test]
fn a_bad_line_is_named_by_its_place_and_takes_the_file_with_it() {
    let mut hub = hub();
    let lines = format!(
        "01,{ANNA},1980-01-01,9,,,,,\n01,A123456780,1980-01-01,9,,,,,\n{ANNA},01,1980-01-01,,,,,,\n01,{BORIS},1980,,,,,,\n\
         01,{BORIS},1980-01-01,,maybe,,,,\n01,{BORIS},1980-01-01,,,BNT,,,\n01,{BORIS},1980-01-01,,,,,2031-01-01,\n\
         01,{BORIS},1980-01-01\n"
    );
    let Err(BadRoundList::Lines(bad)) = import(&mut hub, "2021-07-02T09:00", &lines) else { panic!("it was taken") };
    let places: Vec<u64> = bad.shown.iter().map(|(line, _)| *line).collect();
    assert_eq!((bad.count, places), (7, vec![3, 4, 5, 6, 7, 8, 9]));
    let told = BadRoundList::Lines(bad).to_string();
    assert!(!told.contains("123456") && !told.contains("A1") && !told.contains(BORIS), "{told}");
    assert!(told.contains("line 3: the number's check digit is wrong"), "{told}");
    assert_eq!(hub.round_lists().expect("well"), [], "nothing was imported");
    let file = format!("{HEAD}{lines}");
    let done = hub.import_list(ROUND, file.as_bytes(), true, second("2021-07-02T09:00")).expect("well").expect("taken");
    assert_eq!((done.taken, done.people, done.bad.count), (1, 1, 7));
    assert!(matches!(
        hub.import_list("nothing", HEAD.as_bytes(), true, 0).expect("well"),
        Err(BadRoundList::Round(name)) if name == "nothing"
    ));
    let no_birth = "kind,number\n01,A123456789\n";
    let told = hub.import_list(ROUND, no_birth.as_bytes(), true, 0).expect("well");
    assert!(matches!(told, Err(BadRoundList::Column("birth"))));
    assert!(matches!(import(&mut hub, OPEN, ""), Err(BadRoundList::Empty)));
}

#[test]
fn whoever_booked_without_the_list_is_found_once_it_is_there_and_cleared_when_it_is_corrected() {
    let mut hub = hub();
    let mut edge = Edge::new(A, 1);
    greet_plainly(&mut hub, &edge, OPEN);
    offer(&mut hub, OPEN, "10:00", 16);
    let lease = leases(&hub, &edge.site)[0].0;
    let young = born(ANNA, "1990-01-01");
    let booked = book_as(&mut edge, "2021-07-07T09:10", &young, (lease, "10:00", 1), Shown::Unseen);
    send(&mut hub, OPEN, std::slice::from_ref(&booked));
    assert_eq!(hub.cases(&CaseFilter::default()).expect("well"), [], "there is no list yet");
    import(&mut hub, "2021-07-07T10:00", &format!("01,{BORIS},1990-01-01,9,,,,,\n")).expect("good");
    let [case] = hub.cases(&CaseFilter::default()).expect("well").try_into().expect("one");
    assert_eq!((case.bookings.clone(), case.booked_wrongly.clone()), (vec![id(&booked)], vec![id(&booked)]));
    let detail = hub.case(&case.id).expect("well").expect("there");
    let [found] = detail.booking_findings.as_slice() else { panic!("{detail:?}") };
    assert_eq!((found.fault, found.code.as_str()), (BookingFault::NotEligible, "eligible"));
    assert!(found.text.en.contains("Proposal: call the person and cancel it"), "{}", found.text.en);
    rebuilds_to_the_same(&mut hub);
    import(&mut hub, "2021-07-07T11:00", &format!("01,{ANNA},1990-01-01,9,,,,,\n")).expect("good");
    assert_eq!(hub.cases(&CaseFilter::default()).expect("well"), [], "corrected");
    rebuilds_to_the_same(&mut hub);
    let _ = (B, canonical(&hub));
}
