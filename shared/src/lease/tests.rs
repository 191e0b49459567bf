//! What is promised of places, in the words of what may go wrong.

use chrono::NaiveDate;

use super::*;
use crate::ids::ActorId;

const LIFE: Incarnation = Incarnation([1; 16]);

fn id(number: u8) -> EntryId {
    EntryId { actor: ActorId([number; 16]), seq: 1 }
}

fn slot() -> Slot {
    Slot {
        venue: "0291010019".parse().unwrap(),
        date: NaiveDate::from_ymd_opt(2021, 7, 16).unwrap(),
        start: "10:00".parse().unwrap(),
        brands: "AZ".parse().unwrap(),
    }
}

fn lease(places: u32, until: i64) -> Lease {
    Lease { life: LIFE, slot: slot(), places, until }
}

fn at(second: i64, doubt_s: u32) -> Instant {
    Instant { second, doubt_s }
}

/// Of the one slot.
fn places(purse: &Purse, at: Instant) -> u32 {
    purse.running(&LIFE, at).map(|(_, held)| held.left()).sum()
}

#[test]
fn a_holder_gives_away_what_it_holds_and_nothing_more() {
    let mut purse = Purse::default();
    purse.take_lease(id(1), lease(2, 1_000));
    purse.take_numbers(id(9), Numbers { life: LIFE, first: 41, count: 3, voucher: None });
    for serial in [41, 42] {
        assert_eq!(purse.lease_for(&slot(), &LIFE, at(10, 0)), Some(id(1)));
        assert_eq!(purse.next_number(&LIFE), Some(serial));
        purse.spent(&id(1), serial);
    }
    assert_eq!((purse.lease_for(&slot(), &LIFE, at(10, 0)), places(&purse, at(10, 0))), (None, 0));
    purse.freed(&id(1));
    assert_eq!(places(&purse, at(10, 0)), 1, "a cancellation returns the place to its lease");
    assert_eq!(purse.next_number(&LIFE), Some(43), "a number is never given twice");
    purse.take_lease(id(1), lease(2, 1_000));
    assert_eq!(places(&purse, at(10, 0)), 1, "a lease that comes again is the same");
}

#[test]
fn nothing_is_given_away_when_the_clock_may_be_past_the_end_or_by_another_life() {
    let mut purse = Purse::default();
    purse.take_lease(id(1), lease(2, 1_000));
    purse.take_numbers(id(9), Numbers { life: LIFE, first: 41, count: 3, voucher: None });
    for (now, gives) in [(at(989, 10), true), (at(990, 10), false), (at(0, u32::MAX), false), (at(1_000, 0), false)] {
        assert_eq!(purse.lease_for(&slot(), &LIFE, now).is_some(), gives, "{now:?}");
    }
    let other = Incarnation([2; 16]);
    assert_eq!(purse.lease_for(&slot(), &other, at(10, 0)), None);
    assert_eq!((purse.next_number(&other), purse.numbers_left(&other)), (None, 0));
    let begins = second_of(slot().begins());
    let returns = |until, second| {
        let mut purse = Purse::default();
        purse.take_lease(id(1), lease(2, until));
        !purse.to_return(&LIFE, at(second, 10)).is_empty()
    };
    assert!(!returns(begins, begins + 9) && returns(begins, begins + 10), "it may not be over yet");
    let cut = begins - 5;
    assert!(!returns(cut, cut - RENEW_S + 9) && returns(cut, cut - RENEW_S + 10), "renewed a day before");
    purse.returned(&id(1), 2);
    assert_eq!((purse.to_return(&LIFE, at(2_000, 0)), places(&purse, at(10, 0))), (vec![], 0));
}

#[test]
fn the_account_adds_up_and_says_what_is_wrong() {
    let account = Account { capacity: 10, lent: 6, booked_of_lent: 4, granted: 3 };
    assert_eq!((account.free(), account.unspent(), account.booked()), (1, 2, 7));
    assert_eq!(account.free() + account.unspent() + i64::from(account.booked()), 10);
    assert!(!account.is_oversold());
    assert!(Account { booked_of_lent: 8, ..account }.is_oversold(), "a clone gave away what both held");
    assert_eq!(Account { capacity: 5, ..account }.free(), -4, "the venue has fewer than it promised");
}

#[test]
fn free_places_are_shared_by_weight_and_what_is_held_counts() {
    let site = |number: u32| format!("59311022{number:02}").parse::<SiteCode>().unwrap();
    let asker = |number, weight, holds| Asker { site: site(number), weight, holds, turn: 0 };
    let shares = |free, keep, askers: &[Asker]| {
        let mut out = share_out(free, keep, askers);
        out.sort_unstable();
        out
    };
    assert_eq!(shares(8, 2, &[asker(1, 2, 0), asker(2, 1, 0)]), [(site(1), 4), (site(2), 2)]);
    assert_eq!(
        shares(8, 2, &[asker(1, 1, 3), asker(2, 1, 0)]),
        [(site(1), 2), (site(2), 4)],
        "nine in all, five and four"
    );
    assert_eq!(shares(2, 2, &[asker(1, 1, 0)]), []);
    assert_eq!(shares(8, 0, &[]), []);
    assert_eq!(shares(8, 0, &[asker(1, 0, 0)]), []);
    assert_eq!(shares(1, 0, &[asker(2, 1, 0), asker(1, 1, 0)]), [(site(1), 1)], "ties by site code");
    let late = Asker { turn: 9, ..asker(1, 1, 0) };
    assert_eq!(shares(1, 0, &[asker(2, 1, 0), late]), [(site(2), 1)], "whose turn it is");
}

#[test]
fn where_slots_have_fewer_places_than_there_are_sites_everybody_gets_some() {
    let site = |number: u32| format!("59311022{number:02}").parse::<SiteCode>().unwrap();
    let mut seed = 7u64;
    let mut turn = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed ^ (seed >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let mut got: BTreeMap<SiteCode, u32> = BTreeMap::new();
    for _ in 0..1_000 {
        let weights = (1..=10).map(|number| if number <= 4 { 22 } else { 20 }).chain([2, 2]);
        let askers: Vec<Asker> = (1..)
            .zip(weights)
            .map(|(number, weight)| Asker { site: site(number), weight, holds: 0, turn: turn() })
            .collect();
        for (site, places) in share_out(6, 2, &askers) {
            *got.entry(site).or_default() += places;
        }
    }
    let of = |numbers: std::ops::RangeInclusive<u32>| -> Vec<u32> {
        numbers.map(|number| got.get(&site(number)).copied().unwrap_or(0)).collect()
    };
    let all = (of(1..=4), of(5..=10), of(11..=12));
    assert!(all.0.iter().all(|places| (370..470).contains(places)), "22 of 212, four thousand times: {all:?}");
    assert!(all.1.iter().all(|places| (330..430).contains(places)), "20 of 212: {all:?}");
    assert!(all.2.iter().all(|places| (20..60).contains(places)), "2 of 212: {all:?}");
}

#[test]
fn never_more_is_lent_than_is_free() {
    let site = |number: u32| format!("59311022{number:02}").parse::<SiteCode>().unwrap();
    let mut seed = 1u64;
    let mut dice = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(seed >> 33).unwrap() % u32::try_from(most).unwrap()
    };
    for _ in 0..20_000 {
        let askers: Vec<Asker> = (0..dice(9))
            .map(|number| Asker { site: site(number), weight: dice(5), holds: dice(6), turn: dice(3).into() })
            .collect();
        let (free, keep) = (dice(20), dice(10));
        let lent: u32 = share_out(free, keep, &askers).iter().map(|(_, places)| places).sum();
        assert!(lent <= free.saturating_sub(keep), "{free} {keep} {askers:?}");
    }
}
