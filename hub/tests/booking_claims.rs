//! What a site says of booked places counts only where it was its to say: its own numbers and leases, those that it had,
//! and the day of a venue that it keeps; and what it asks of people is written down (docs/booking.md).
#![allow(clippy::unwrap_used, reason = "a test's own helpers")]

#[path = "support/booking.rs"]
mod booking;
#[path = "support/edge.rs"]
mod edge;

use booking::{
    OPEN, account, attend_as, book, book_in, give_back, greet_plainly, hub, leases, lent, numbers, offer, person,
    rebuilds_to_the_same, send, venue,
};
use edge::{A, ANNA, B, BORIS, C, Edge, dice, id, master, number, second};
use hub::booking::BookingFault;
use hub::cases::CaseFilter;
use hub::hub::Hub;
use shared::entry::booking::{Attendance, Shown, Venue};
use shared::ids::{ActorId, EntryId};
use shared::wire::v1::enquiry::{About, Answered, Enquiry};

/// What is found of bookings, with the words of each.
fn found(hub: &Hub) -> Vec<(EntryId, BookingFault, String)> {
    let mut out = Vec::new();
    for case in hub.cases(&CaseFilter::default()).unwrap() {
        let detail = hub.case(&case.id).unwrap().unwrap();
        out.extend(detail.booking_findings.into_iter().map(|it| (it.booking, it.fault, it.text.en)));
    }
    out.sort_by_key(|(id, fault, _)| (*id, *fault));
    out
}

fn faults(hub: &Hub) -> Vec<(EntryId, BookingFault)> {
    found(hub).into_iter().map(|(id, fault, _)| (id, fault)).collect()
}

#[test]
fn a_number_used_by_a_site_that_was_never_lent_it_falls_on_that_site_however_early_it_was() {
    for a_is_first in [true, false] {
        let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
        assert_eq!(numbers(&hub, &a.site)[0].first, 1);
        let right = book(&mut a, "2021-07-07T09:20", &person(ANNA), (of_a, "10:00", 5));
        let wrong = book(&mut b, "2021-07-07T09:10", &person(BORIS), (of_b, "10:00", 5));
        let mut both = [right.clone(), wrong.clone()];
        if !a_is_first {
            both.reverse();
        }
        both.iter().for_each(|one| send(&mut hub, "2021-07-07T10:00", std::slice::from_ref(one)));
        let on_b = [(id(&wrong), BookingFault::NumberTwice), (id(&wrong), BookingFault::NumberNotLent)];
        assert_eq!(faults(&hub), on_b);
        assert!(found(&hub)[1].2.contains("never lent"), "{:?}", found(&hub));
        rebuilds_to_the_same(&mut hub);
        assert_eq!(faults(&hub), on_b);
    }
}

#[test]
fn a_number_that_nobody_was_lent_is_found_also_where_it_is_lent_to_its_site_afterwards() {
    let (mut hub, [mut a, _], [of_a, _]) = lent();
    let ahead = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 205));
    send(&mut hub, "2021-07-07T10:00", std::slice::from_ref(&ahead));
    let low = book(&mut a, "2021-07-07T09:11", &person(BORIS), (of_a, "10:00", 90));
    send(&mut hub, "2021-07-07T10:01", &[low]);
    assert_eq!(numbers(&hub, &a.site)[1].first, 201, "the block with that number is lent now");
    assert_eq!(faults(&hub), [(id(&ahead), BookingFault::NumberNotLent)]);
    rebuilds_to_the_same(&mut hub);
}

#[test]
fn numbers_that_were_lent_after_a_backup_are_nobodys_fault() {
    let mut before = hub();
    let mut a = Edge::new(A, 1);
    greet_plainly(&mut before, &a, OPEN);
    before.lend(second(OPEN)).unwrap();
    let backup = before.image().unwrap();
    offer(&mut before, OPEN, "10:00", 16);
    let (lease, _) = leases(&before, &a.site)[0].clone();
    let low = book(&mut a, "2021-07-07T09:29", &person(BORIS), (lease, "10:00", 90));
    send(&mut before, "2021-07-07T09:30", std::slice::from_ref(&low));
    let after = numbers(&before, &a.site)[1].first;
    let booked = book(&mut a, "2021-07-07T09:30", &person(ANNA), (lease, "10:00", after));
    let mut restored = Hub::open(backup, &master(), dice(77)).unwrap();
    restored.begin_new_life().unwrap();
    greet_plainly(&mut restored, &a, "2021-07-07T09:40");
    send(&mut restored, "2021-07-07T10:00", &[low, booked]);
    assert_eq!(faults(&restored), []);
    rebuilds_to_the_same(&mut restored);
    assert_eq!(faults(&restored), []);
}

#[test]
fn two_restores_of_one_backup_lend_other_numbers_and_blame_nobody_for_the_others() {
    let mut before = hub();
    greet_plainly(&mut before, &Edge::new(A, 1), OPEN);
    before.lend(second(OPEN)).unwrap();
    let restored = |image, seed, edge: &Edge| {
        let mut hub = Hub::open(image, &master(), dice(seed)).unwrap();
        hub.begin_new_life().unwrap();
        hub.resume_lending(second("2021-07-07T09:30")).unwrap();
        greet_plainly(&mut hub, edge, "2021-07-07T09:40");
        hub
    };
    // The life with the most left out is lost, and the same backup comes back once more.
    let (mut fresh, again) = (Edge::new(A, 2), Edge::new(A, 3));
    let lost = restored(before.image().unwrap(), 31, &fresh);
    let mut second_life = restored(before.image().unwrap(), 2, &again);
    let first_of = |hub: &Hub, edge: &Edge| {
        numbers(hub, &edge.site).into_iter().find(|it| it.life == edge.incarnation).unwrap().first
    };
    let (one, other) = (first_of(&lost, &fresh), first_of(&second_life, &again));
    assert!(one.abs_diff(other) >= 10_000_000, "{one} {other}");
    let lease = EntryId { actor: ActorId([9; 16]), seq: 1 };
    let booked = book(&mut fresh, "2021-07-07T10:00", &person(ANNA), (lease, "10:00", one));
    send(&mut second_life, "2021-07-07T10:10", &[booked]);
    assert_eq!(faults(&second_life), []);
}

#[test]
fn who_came_is_said_by_the_site_that_keeps_the_venues_day_or_has() {
    let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
    let booked = book(&mut a, "2021-07-07T09:10", &person(ANNA), (of_a, "10:00", 1));
    let given = Attendance::Given { brand: "AZ".to_owned(), lot: "L1".to_owned() };
    let said = attend_as(&mut b, "2021-07-07T09:20", (id(&booked), "10:00"), given);
    let later = ("vaccine-2021-r2", "2021-07-07T09:30");
    let again = book_in(later.0, &mut b, later.1, (&person(ANNA), Shown::Age), (of_b, "10:00", 101));
    send(&mut hub, "2021-07-07T10:00", &[booked.clone(), said, again.clone()]);
    let (over, elsewhere) = ((id(&again), BookingFault::Over), (id(&booked), BookingFault::AttendedElsewhere));
    let sorted = |mut all: Vec<(EntryId, BookingFault)>| {
        all.sort_unstable();
        all
    };
    assert_eq!(
        sorted(faults(&hub)),
        sorted(vec![over, elsewhere]),
        "were it given by that word, a second would not be over"
    );
    assert!(found(&hub).iter().any(|(_, _, text)| text.contains(B)), "who said it is named: {:?}", found(&hub));
    rebuilds_to_the_same(&mut hub);
    // It was right: B keeps that day, the hub had not been told.
    hub.put_venues(&[Venue { site: Some(b.site), ..venue() }], "op", second("2021-07-07T10:10")).unwrap().unwrap();
    assert_eq!(faults(&hub), []);
    // What was its to say stays said after the venue has changed hands again.
    hub.put_venues(&[Venue { site: Some(C.parse().unwrap()), ..venue() }], "op", second("2021-07-07T10:20"))
        .unwrap()
        .unwrap();
    assert_eq!(faults(&hub), []);
    rebuilds_to_the_same(&mut hub);
    assert_eq!(faults(&hub), []);
}

#[test]
fn a_lease_that_is_still_to_be_lent_is_nobodys_to_return_or_to_give_away() {
    let mut hub = hub();
    let (mut a, b) = (Edge::new(A, 1), Edge::new(B, 2));
    [&a, &b].into_iter().for_each(|edge| greet_plainly(&mut hub, edge, OPEN));
    offer(&mut hub, OPEN, "10:00", 16);
    let (last, _) = leases(&hub, &a.site)[0].clone();
    // The next that the hub will write on this desk is easily guessed.
    let guessed = EntryId { seq: last.seq + 1, ..last };
    let back = give_back(&mut a, "2021-07-07T09:10", guessed, 3);
    let booked = book(&mut a, "2021-07-07T09:11", &person(ANNA), (guessed, "11:00", 1));
    send(&mut hub, "2021-07-07T09:20", &[back, booked]);
    offer(&mut hub, "2021-07-07T09:30", "11:00", 16);
    let (of, lease) = leases(&hub, &a.site).into_iter().find(|(of, _)| *of == guessed).unwrap();
    assert_eq!((of, lease.slot.start), (guessed, "11:00".parse().unwrap()));
    let account = account(&hub, "11:00");
    assert_eq!((account.granted, account.booked_of_lent), (1, 0), "what it gave away before was never lent");
    rebuilds_to_the_same(&mut hub);
}

/// A asks about somebody.
fn ask(hub: &mut Hub, a: &Edge, nth: u32, at: &str) -> Answered {
    ask_at(hub, a, nth, second(at))
}

fn ask_at(hub: &mut Hub, a: &Edge, nth: u32, at: i64) -> Answered {
    let mut nonce = [0; 16];
    nonce[..4].copy_from_slice(&nth.to_be_bytes());
    let document = a.keys.seal(&Enquiry::place(nonce), 0, &person(&number(nth))).unwrap();
    let about = About::Person { programme: "vaccine".parse().unwrap(), document };
    hub.enquire(&a.site, &a.incarnation, &Enquiry { nonce, about }, at).unwrap().answer
}

#[test]
fn of_whose_booking_a_site_is_told_is_written_down_and_of_no_more_than_stand_at_a_counter() {
    let (mut hub, [mut a, mut b], [of_a, of_b]) = lent();
    let own = book(&mut a, "2021-07-07T09:05", &person(&number(1_000)), (of_a, "10:00", 1));
    send(&mut hub, "2021-07-07T09:06", &[own]);
    let theirs: Vec<_> = (0..130)
        .map(|nth| book(&mut b, "2021-07-07T09:10", &person(&number(nth)), (of_b, "10:00", 101 + u64::from(nth))))
        .collect();
    send(&mut hub, "2021-07-07T09:20", &theirs);
    let records = |hub: &Hub, deed: &str| -> Vec<String> {
        let (_, all) = hub.audit(0, 1_000).unwrap();
        let of = all.into_iter().map(|linked| linked.record).filter(|it| it.deed == deed && it.who == A);
        of.map(|it| it.about).collect()
    };
    let is_told = |answer: &Answered| matches!(answer, Answered::Person { booking: Some(_), .. });
    assert!(is_told(&ask(&mut hub, &a, 1_000, "2021-07-07T09:30")), "its own");
    assert_eq!(records(&hub, "booking-told"), [""; 0]);
    for nth in 0..120 {
        assert!(is_told(&ask(&mut hub, &a, nth, "2021-07-07T09:30")), "{nth}");
    }
    assert!(is_told(&ask(&mut hub, &a, 7, "2021-07-07T09:40")), "once more of the same person");
    let told = records(&hub, "booking-told");
    assert_eq!((told.len(), &told[0]), (120, &id(&theirs[0]).to_string()), "each once in an hour");
    for nth in [121, 122] {
        assert_eq!(ask(&mut hub, &a, nth, "2021-07-07T09:50"), Answered::Unsaid);
    }
    assert_eq!(records(&hub, "booking-withheld").len(), 1);
    assert!(is_told(&ask(&mut hub, &a, 1_000, "2021-07-07T09:50")), "its own all the same");
    assert!(is_told(&ask(&mut hub, &a, 121, "2021-07-07T10:31")), "an hour later");
    assert_eq!(records(&hub, "booking-told").len(), 121);
    assert_eq!(ask(&mut hub, &a, 121, "2021-07-14T10:31"), nothing(&hub), "its day has passed, and its round");
}

fn nothing(hub: &Hub) -> Answered {
    Answered::Person { feed: hub.feed_position().unwrap(), booking: None }
}

#[test]
fn a_site_that_asks_all_day_is_told_of_120_in_every_hour_and_that_there_are_no_more_is_written_once_in_each() {
    let (mut hub, [a, mut b], [_, of_b]) = lent();
    let theirs: Vec<_> = (0..250)
        .map(|nth| book(&mut b, "2021-07-07T09:10", &person(&number(nth)), (of_b, "10:00", 101 + u64::from(nth))))
        .collect();
    send(&mut hub, "2021-07-07T09:20", &theirs);
    let mut told = Vec::new();
    // One every twenty seconds, four hours.
    for nth in 0..720_u32 {
        let at = second("2021-07-07T10:00") + i64::from(nth) * 20;
        if matches!(ask_at(&mut hub, &a, nth % 250, at), Answered::Person { booking: Some(_), .. }) {
            told.push(at);
        }
    }
    let most = told.iter().map(|at| told.iter().filter(|it| (at - 3_600..=*at).contains(it)).count()).max();
    assert!(most <= Some(121) && told.len() >= 4 * 119, "{most:?} of {}", told.len());
    let (_, all) = hub.audit(0, 10_000).unwrap();
    let withheld = all.iter().filter(|linked| linked.record.deed == "booking-withheld").count();
    assert!((1..=5).contains(&withheld), "{withheld}");
}
