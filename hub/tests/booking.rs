//! Booked places at the hub (docs/booking.md): whose booking counts, what is lent and counted, in whatever order the
//! ledgers come (V2, V5, V9, V13, V14).

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use booking::{
    OPEN, account, amend, attend, book, bookings_on_desk, cancel, contact, give_back, greet_plainly, hub_with, leases,
    lent, numbers, offer, person, rebuilds_to_the_same, send, similar, slot, told, venue, wish,
};
use edge::{A, ANNA, B, BORIS, C, Edge, canonical, id, number, refused, second};
use hub::booking::BookingFault;
use hub::cases::{CaseFilter, Times};
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::Fact;
use shared::entry::booking::{Booking, Capacity, Expected, Lease, Stands, Venue};
use shared::ids::{EntryId, SiteCode};
use shared::rules::booking::contact::Contact;
use shared::wire::v1::enquiry::{About, Answered, Enquiry};

#[test]
fn three_quarters_are_lent_by_distance_and_a_quarter_is_kept() {
    let (hub, edges, _) = lent();
    let shares: Vec<u32> = edges.iter().map(|edge| leases(&hub, &edge.site)[0].1.places).collect();
    assert_eq!(shares, [10, 2], "five to one: the venue's district beside its county");
    let account = account(&hub, "10:00");
    assert_eq!((account.capacity, account.lent, account.free(), account.unspent()), (16, 12, 4, 12));
    let Lease { life, until, .. } = leases(&hub, &edges[0].site)[0].1.clone();
    assert_eq!((life, until), (edges[0].incarnation, second(OPEN) + 72 * 3600));
}

#[test]
fn of_a_persons_bookings_the_first_is_live_and_the_other_is_over() {
    let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
    let first = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    let later = book(&mut b, "2021-07-07T09:20", &person(ANNA), (of_b, "10:00", 101));
    send(&mut hub, "2021-07-07T10:00", std::slice::from_ref(&later));
    assert_eq!(told(&hub).len(), 1, "live as far as anybody knows");
    send(&mut hub, "2021-07-07T10:01", std::slice::from_ref(&first));
    let marks = |upload: &Upload| shared::seal::mark(&id(upload));
    let day = "vaccine 2021-07-12".to_owned();
    assert_eq!(
        told(&hub)[1..].iter().cloned().collect::<std::collections::BTreeSet<_>>(),
        [(day.clone(), marks(&later), true), (day, marks(&first), false)].into()
    );
    let standings: Vec<(EntryId, Stands)> = standings(&hub, &b);
    assert_eq!(standings, [(id(&later), Stands::Over)]);
    assert_eq!(standings_of(&hub, &a), [], "a fresh booking needs no telling");
    assert_eq!(account(&hub, "10:00").booked(), 2, "nobody loses a place on paper without a word");
    send(&mut hub, "2021-07-07T10:02", &[cancel(&mut a, "2021-07-07T10:02", id(&first))]);
    assert_eq!(standings_of(&hub, &b), [(id(&later), Stands::Over), (id(&later), Stands::Live)]);
    assert_eq!(standings_of(&hub, &a), [(id(&first), Stands::Cancelled)]);
    let account = account(&hub, "10:00");
    assert_eq!((account.booked_of_lent, account.lent), (1, 12), "the place is the lease's again");
    rebuilds_to_the_same(&mut hub);
}

fn standings_of(hub: &Hub, edge: &Edge) -> Vec<(EntryId, Stands)> {
    standings(hub, edge)
}

fn standings(hub: &Hub, edge: &Edge) -> Vec<(EntryId, Stands)> {
    let standing = |(_, booking)| if let Booking::Standing(of) = booking { Some((of.of, of.stands)) } else { None };
    bookings_on_desk(hub, &edge.site).into_iter().filter_map(standing).collect()
}

#[test]
fn whatever_comes_first_the_same_is_found() {
    let make = || {
        let (hub, [mut a, mut b], [of_a, of_b]) = lent();
        let first = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
        let second = book(&mut a, "2021-07-07T09:12", &person(BORIS), (of_a, "10:00", 2));
        let gone = cancel(&mut a, "2021-07-07T09:15", id(&first));
        let back = give_back(&mut a, "2021-07-07T09:16", of_a, 3);
        let over = book(&mut b, "2021-07-07T09:20", &person(ANNA), (of_b, "10:00", 2));
        let amended = amend(&mut b, "2021-07-07T09:21", id(&over), &contact());
        let elsewhere = cancel(&mut b, "2021-07-07T09:22", id(&second));
        let came = attend(&mut b, "2021-07-07T09:23", id(&over), "10:00");
        (hub, vec![first, second, gone, back], vec![over, amended, elsewhere, came])
    };
    let mut all = Vec::new();
    // Of one ledger in its order, or waiting for what comes before; of two in any.
    for order in 0..4 {
        let (mut hub, a, b) = make();
        let uploads: Vec<Upload> = match order {
            0 => a.into_iter().chain(b).collect(),
            1 => b.into_iter().chain(a).collect(),
            2 => a.into_iter().rev().chain(b.into_iter().rev()).collect(),
            _ => b.iter().zip(&a).flat_map(|(b, a)| [b.clone(), a.clone(), b.clone()]).collect(),
        };
        for upload in uploads {
            hub.ingest(std::slice::from_ref(&upload), second("2021-07-07T10:00")).unwrap();
        }
        // What was given back is lent again, under a name that nobody chose.
        let unnamed = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            if words[0] == "lease" { format!("lease of {}", words[2..].join(" ")) } else { line.to_owned() }
        };
        all.push(canonical(&hub).lines().map(unnamed).collect::<Vec<_>>().join("\n"));
        rebuilds_to_the_same(&mut hub);
    }
    all.iter().for_each(|one| similar(one, &all[0]));
    assert!(all[0].contains("number-twice"), "{}", all[0]);
}

#[test]
fn a_site_writes_only_what_is_a_sites_and_only_under_its_key() {
    let (mut hub, [mut a, mut b], [of_a, _]) = lent();
    let capacity = Capacity { slot: slot("10:00"), places: 99, closed: false };
    for fact in [
        Booking::Capacity(capacity),
        Booking::Venue(venue()),
        Booking::Lease(Lease { life: a.incarnation, slot: slot("10:00"), places: 9, until: 0 }),
    ] {
        let mut other = Edge::new(A, 7);
        assert!(refused(&mut hub, &other.fact(OPEN, Fact::Booking(fact))).contains("only the hub"));
    }
    let mut stolen = book(&mut a, OPEN, &person(ANNA), (of_a, "10:00", 1));
    let theirs = book(&mut b, OPEN, &person(ANNA), (of_a, "10:00", 1));
    assert_ne!(stolen.run.entries, theirs.run.entries);
    stolen = amend(&mut a, OPEN, id(&stolen), &contact());
    assert!(refused(&mut hub, &stolen).contains("missing"), "behind what has not come");
}

#[test]
fn what_no_lease_covers_is_booked_all_the_same_and_takes_a_free_place() {
    let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
    let uploads: Vec<Upload> = (0..5)
        .map(|n| book(&mut b, "2021-07-07T09:10", &person(&number(n)), (of_b, "10:00", 200 + u64::from(n))))
        .collect();
    send(&mut hub, OPEN, &uploads);
    let clone = account(&hub, "10:00");
    assert_eq!((clone.booked(), clone.booked_of_lent, clone.granted), (5, 2, 3), "it held two");
    assert_eq!(clone.free() + clone.unspent() + i64::from(clone.booked()), 16);
    let strange = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_b, "10:00", 300));
    send(&mut hub, OPEN, &[strange]);
    assert_eq!((account(&hub, "10:00").booked(), account(&hub, "10:00").granted), (6, 4), "another site's lease");
    let _ = of_a;
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn wishes_are_answered_first_come_first_served_when_something_comes_free() {
    let (mut hub, [mut a, mut b], [of_a, _]) = lent();
    offer(&mut hub, OPEN, "11:00", 0);
    let late = wish(&mut b, "2021-07-07T09:30", &person(&number(7)), &["11:00", "12:00"]);
    let early = wish(&mut a, "2021-07-07T09:20", &person(&number(8)), &["11:00"]);
    send(&mut hub, "2021-07-07T10:00", &[late.clone(), early.clone()]);
    assert_eq!(hub.waiting_wishes(10).unwrap().iter().map(|wish| wish.id).collect::<Vec<_>>(), [id(&early), id(&late)]);
    offer(&mut hub, "2021-07-07T10:05", "11:00", 1);
    assert_eq!(hub.waiting_wishes(10).unwrap().iter().map(|wish| wish.id).collect::<Vec<_>>(), [id(&late)]);
    let answers = |edge: &Edge| -> Vec<_> {
        let answer = |(_, booking)| if let Booking::Answer(answer) = booking { Some(answer) } else { None };
        bookings_on_desk(&hub, &edge.site).into_iter().filter_map(answer).collect()
    };
    let [given] = answers(&a).try_into().unwrap();
    assert_eq!((given.wish, given.given.as_ref().map(|(at, _)| at.clone())), (id(&early), Some(slot("11:00"))));
    let account_of = account(&hub, "11:00");
    assert_eq!((account_of.granted, account_of.booked(), account_of.free()), (1, 1, 0));
    // Whoever cancels makes room for the next.
    send(&mut hub, "2021-07-07T10:06", &[cancel(&mut a, "2021-07-07T10:06", id(&early))]);
    assert_eq!(hub.waiting_wishes(10).unwrap(), []);
    assert_eq!(account(&hub, "11:00").booked(), 1);
    // Who has a booking wishes in vain.
    let booked = book(&mut a, "2021-07-07T10:07", &person(ANNA), (of_a, "10:00", 3));
    let vain = wish(&mut b, "2021-07-07T10:08", &person(ANNA), &["10:00"]);
    send(&mut hub, "2021-07-07T10:10", &[booked, vain]);
    let refused: Vec<String> = bookings_on_desk(&hub, &b.site)
        .into_iter()
        .filter_map(|(_, booking)| if let Booking::Answer(answer) = booking { Some(answer.why) } else { None })
        .collect();
    assert_eq!(refused, ["", "booked"]);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_wish_of_which_nothing_can_come_is_turned_down() {
    let (mut hub, [mut a, _], _) = lent();
    let hopeless = wish(&mut a, "2021-07-07T09:20", &person(ANNA), &["12:00"]);
    send(&mut hub, "2021-07-07T10:00", &[hopeless]);
    assert_eq!(hub.waiting_wishes(10).unwrap().len(), 1, "twelve o'clock may still be offered");
    hub.lend(second("2021-07-12T11:59")).unwrap();
    assert_eq!(hub.waiting_wishes(10).unwrap().len(), 1);
    hub.lend(second("2021-07-12T12:00")).unwrap();
    assert_eq!(hub.waiting_wishes(10).unwrap(), [], "it has begun");
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_question_about_somebody_is_answered_for_the_asking_site_alone() {
    let (mut hub, [mut a, b], [of_a, _]) = lent();
    let booked = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    let other = Contact::parse("王大明", "0987654321").unwrap();
    let amended = amend(&mut a, "2021-07-07T09:11", id(&booked), &other);
    send(&mut hub, "2021-07-07T10:00", &[booked.clone(), amended]);
    let ask = |hub: &mut Hub, number: &str, seal: &Edge| {
        let nonce = [9; 16];
        let document = seal.keys.seal(&Enquiry::place(nonce), 0, &person(number)).unwrap();
        let about = About::Person { programme: "vaccine".parse().unwrap(), document };
        hub.enquire(&b.site, &b.incarnation, &Enquiry { nonce, about }, second(OPEN)).unwrap().answer
    };
    let Answered::Person { feed, booking: Some(known) } = ask(&mut hub, ANNA, &b) else { panic!("nothing is known") };
    assert_eq!((feed, known.of, known.given.clone()), (1, id(&booked), Some((slot("10:00"), 1))));
    let place = Enquiry::place([9; 16]);
    assert_eq!(b.keys.open_contact(&place, &known.contact).unwrap(), other, "as it was amended");
    assert_eq!(ask(&mut hub, BORIS, &b), Answered::Person { feed: 1, booking: None });
    assert_eq!(ask(&mut hub, ANNA, &a), Answered::Unsaid, "sealed by another site");
    let wished = wish(&mut a, "2021-07-07T09:20", &person(BORIS), &["12:00"]);
    send(&mut hub, "2021-07-07T10:01", std::slice::from_ref(&wished));
    let Answered::Person { booking: Some(known), .. } = ask(&mut hub, BORIS, &b) else { panic!("nothing is known") };
    assert_eq!((known.of, known.given), (id(&wished), None), "it waits");
}

#[test]
fn a_question_for_places_lends_what_is_left_and_says_where_it_stands() {
    let (mut hub, [a, _], _) = lent();
    let ask = |hub: &mut Hub, hour: &str, places| {
        let ask = Enquiry { nonce: [1; 16], about: About::Places { slot: slot(hour), places } };
        hub.enquire(&a.site, &a.incarnation, &ask, second("2021-07-07T09:30")).unwrap().answer
    };
    let before = hub.journal_position().unwrap();
    assert_eq!(ask(&mut hub, "10:00", 3), Answered::Places { lent: 3, upto: before + 1 });
    assert_eq!(leases(&hub, &a.site).last().unwrap().1.places, 3);
    assert_eq!(ask(&mut hub, "10:00", 9), Answered::Places { lent: 1, upto: before + 2 }, "what is left");
    assert_eq!(ask(&mut hub, "10:00", 1), Answered::Places { lent: 0, upto: before + 2 }, "nothing is written");
    assert_eq!(ask(&mut hub, "13:00", 1), Answered::Places { lent: 0, upto: before + 2 }, "no such slot");
    assert_eq!(account(&hub, "10:00").free(), 0);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn the_venue_hears_who_comes_and_who_does_not() {
    let (mut hub, [mut a, _], [of_a, _]) = lent();
    let venue = Edge::new(C, 3);
    let booked = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    send(&mut hub, "2021-07-07T10:00", std::slice::from_ref(&booked));
    let expected = |hub: &Hub| -> Vec<Expected> {
        let expected = |(_, booking)| if let Booking::Expected(expected) = booking { Some(expected) } else { None };
        bookings_on_desk(hub, &venue.site).into_iter().filter_map(expected).collect()
    };
    let [first] = expected(&hub).try_into().unwrap();
    let place = Expected::place(id(&booked));
    assert!(first.comes && first.round == 1 && first.serial == 1);
    assert_eq!(venue.keys.open(&place, 0, &first.document).unwrap(), person(ANNA));
    assert_eq!(venue.keys.open_contact(&place, &first.contact).unwrap(), contact());
    let other = Contact::parse("王大明", "0987654321").unwrap();
    send(&mut hub, "2021-07-07T10:01", &[amend(&mut a, "2021-07-07T10:01", id(&booked), &other)]);
    send(&mut hub, "2021-07-07T10:02", &[attend(&mut a, "2021-07-07T10:02", id(&booked), "10:00")]);
    send(&mut hub, "2021-07-07T10:03", &[cancel(&mut a, "2021-07-07T10:03", id(&booked))]);
    let [_, second, third] = expected(&hub).try_into().unwrap();
    assert_eq!(venue.keys.open_contact(&place, &second.contact).unwrap(), other);
    assert!(second.comes && !third.comes);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn numbers_are_lent_in_blocks_and_never_twice() {
    let (mut hub, [mut a, b], [of_a, _]) = lent();
    assert_eq!(numbers(&hub, &a.site).iter().map(|it| (it.first, it.count)).collect::<Vec<_>>(), [(1, 100)]);
    assert_eq!(numbers(&hub, &b.site)[0].first, 101);
    let used = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 81));
    send(&mut hub, "2021-07-07T09:11", &[used]);
    assert_eq!(numbers(&hub, &a.site)[1].first, 201, "fewer than twenty are left");
    hub.rebuild().unwrap();
    hub.begin_new_life().unwrap();
    let fresh = Edge::new(C, 9);
    greet_plainly(&mut hub, &fresh, "2021-07-07T10:00");
    hub.resume_lending(second("2021-07-07T10:00")).unwrap();
    assert!(numbers(&hub, &fresh.site)[0].first > 10_000_000, "what was lent since the backup is not known");
}

#[test]
fn a_number_that_was_cancelled_is_not_free_for_two_others() {
    let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
    let first = book(&mut a, "2021-07-07T09:10", &person(&number(1)), (of_a, "10:00", 7));
    let gone = cancel(&mut a, "2021-07-07T09:20", id(&first));
    let second = book(&mut a, "2021-07-07T09:30", &person(&number(2)), (of_a, "10:00", 7));
    let third = book(&mut b, "2021-07-07T09:40", &person(&number(3)), (of_b, "10:00", 7));
    send(&mut hub, "2021-07-07T09:41", &[first.clone(), gone, second.clone(), third.clone()]);
    let said = canonical(&hub);
    let is_case = |of: &Upload| said.contains(&format!("number-twice {} ", id(of)));
    assert_eq!([&first, &second, &third].map(is_case), [false, true, true]);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn two_hubs_of_one_seed_agree() {
    assert_eq!(canonical(&hub_with(9)), canonical(&hub_with(9)));
}

#[test]
fn a_case_says_what_to_do_and_that_the_clocks_leave_it_open() {
    let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
    let first = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    let later = book(&mut b, "2021-07-07T09:10", &person(ANNA), (of_b, "10:00", 101));
    send(&mut hub, "2021-07-07T10:00", &[first.clone(), later.clone()]);
    let [case] = hub.cases(&CaseFilter::default()).unwrap().try_into().unwrap();
    // Of one second the site's code decides.
    let (live, over) = if A < B { (id(&first), id(&later)) } else { (id(&later), id(&first)) };
    assert_eq!((case.bookings.as_slice(), case.over.as_slice()), (&[live, over][..], &[over][..]));
    let detail = hub.case(&case.id).unwrap().unwrap();
    let [found] = detail.booking_findings.as_slice() else { panic!("{detail:?}") };
    assert_eq!((found.fault, found.because.as_slice(), found.times), (BookingFault::Over, &[live][..], Times::InDoubt));
    let text = &found.text;
    assert!(text.en.contains("cancel the later one") && text.en.contains("clocks leave open"), "{}", text.en);
    assert!(text.zh.contains("致電本人") && text.zh.contains("時鐘"), "{}", text.zh);
    assert_eq!(detail.person, person(ANNA).masked());
    assert!(detail.summary.en.contains("1 live, 1 over"), "{}", detail.summary.en);
    let page = hub::view::CasePage::from(&detail);
    assert_eq!((page.line.over, page.bookings.len(), page.receipts.len()), (1, 2, 0));
    // An operator takes it back: the case is closed, the desk told, the place the lease's again.
    assert!(hub.cancel_booking(&over, ("", "op"), second(OPEN)).unwrap().is_err(), "without a reason");
    hub.cancel_booking(&over, ("本人要求", "op"), second("2021-07-07T10:05")).unwrap().unwrap();
    assert_eq!(hub.cases(&CaseFilter::default()).unwrap(), []);
    assert_eq!(account(&hub, "10:00").booked(), 1);
    assert!(hub.cancel_booking(&over, ("本人要求", "op"), second(OPEN)).unwrap().is_err(), "once");
    let loser = if A < B { &b } else { &a };
    assert_eq!(standings(&hub, loser), [(over, Stands::Over), (over, Stands::Cancelled)]);
    let [called] = hub.to_call(&venue().id, "2021-07-12".parse().unwrap(), None).unwrap().try_into().unwrap();
    assert_eq!((called.mobile.as_str(), called.booking.id), ("0912345678", live));
    assert!(!called.name.contains("大") && !format!("{called:?}").contains("0912"), "{}", called.name);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_round_that_moves_takes_its_people_along_in_the_feed() {
    let (mut hub, [mut a, _], [of_a, _]) = lent();
    let booked = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    send(&mut hub, "2021-07-07T10:00", std::slice::from_ref(&booked));
    let (_, text) = shared::rules::programme::shipped_rounds()[0];
    let moved = text.replace("first_day = \"2021-07-12\"", "first_day = \"2021-07-11\"");
    hub.publish_round(&moved, "op", second("2021-07-07T10:10")).unwrap().unwrap();
    let days: Vec<(String, bool)> = told(&hub).into_iter().map(|(day, _, gone)| (day, gone)).collect();
    let day = |day: &str| format!("vaccine 2021-07-{day}");
    assert_eq!(days[0], (day("12"), false));
    assert_eq!(
        days[1..].iter().cloned().collect::<std::collections::BTreeSet<_>>(),
        [(day("11"), false), (day("12"), true)].into()
    );
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn a_venue_that_changes_hands_tells_the_old_site_and_the_new_one() {
    let (mut hub, [mut a, b], [of_a, _]) = lent();
    let booked = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    send(&mut hub, "2021-07-07T10:00", std::slice::from_ref(&booked));
    let heard = |hub: &Hub, site: &SiteCode| -> Vec<bool> {
        let comes = |(_, booking)| if let Booking::Expected(it) = booking { Some(it.comes) } else { None };
        bookings_on_desk(hub, site).into_iter().filter_map(comes).collect()
    };
    let moved = Venue { site: Some(b.site), ..venue() };
    hub.put_venues(&[moved], "op", second("2021-07-07T10:10")).unwrap().unwrap();
    assert_eq!((heard(&hub, &C.parse().unwrap()), heard(&hub, &b.site)), (vec![true, false], vec![true]));
    // One that enrols later hears of those who are booked by then.
    let fresh: SiteCode = "0145080011".replace('0', "2").parse().unwrap();
    hub.import_sites([edge::record(fresh)]).unwrap();
    let later = Venue { site: Some(fresh), ..venue() };
    hub.put_venues(&[later], "op", second("2021-07-07T10:20")).unwrap().unwrap();
    assert_eq!((heard(&hub, &b.site), heard(&hub, &fresh)), (vec![true, false], vec![]), "it has no key");
    hub.register(&fresh, &edge::enrolment(fresh)).unwrap().unwrap();
    assert_eq!(heard(&hub, &fresh), [true]);
    rebuilds_to_the_same(&mut hub);
}
