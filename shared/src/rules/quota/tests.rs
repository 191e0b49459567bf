//! The quota's own arithmetic, and what must hold whatever the history.

use std::sync::OnceLock;

use super::*;
use crate::entry::Reading;
use crate::ids::{ActorId, EntryId, ProgrammeId};
use crate::rules::calendar::{second_of, taipei_day};
use crate::rules::programme::{Versions, shipped};
use chrono::NaiveTime;
use proptest::prelude::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn pieces(adult: u32, child: u32) -> Pieces {
    Pieces { adult, child }
}

/// Every shipped version, read once.
fn versions() -> &'static Versions {
    static READ: OnceLock<Versions> = OnceLock::new();
    READ.get_or_init(|| {
        let mut versions = Versions::default();
        for (_, text) in shipped() {
            versions.insert(Version::parse(text).unwrap());
        }
        versions
    })
}

fn version(name: &str) -> Version {
    versions().named(&name.parse().unwrap()).unwrap().clone()
}

#[test]
fn a_mixed_basket_has_the_class_limit_and_each_kind_its_own() {
    let limits = Limits { adult: 2, child: 4, mixed: 4 };
    let left = |used| Allowance::beside(limits, used);
    assert_eq!(left(pieces(0, 0)), Allowance { adult: 2, child: 4, mixed: 4 });
    assert_eq!(left(pieces(1, 0)), Allowance { adult: 1, child: 3, mixed: 3 });
    assert_eq!(left(pieces(0, 4)), Allowance::NONE);
    assert_eq!(left(pieces(9, 9)), Allowance::NONE, "more than ever allowed: recorded afterwards");
    let all = left(pieces(0, 0));
    for (ask, fits) in [(pieces(2, 2), true), (pieces(3, 0), false), (pieces(3, 1), false), (pieces(1, 4), false)] {
        assert_eq!(all.covers(ask), fits, "{ask:?}");
    }
    assert!(!all.covers(pieces(u32::MAX, u32::MAX)));
    let narrow = Allowance { adult: 3, child: 2, mixed: 2 };
    assert!(
        narrow.covers(pieces(3, 0)) && !narrow.covers(pieces(2, 1)),
        "the limit of a mixed basket is for mixed ones"
    );
}

#[test]
fn a_window_reaches_as_far_forward_as_back() {
    let seven = Window::Rolling { days: 7 };
    let at = day("2020-02-06");
    for (other, joined) in [("2020-01-30", false), ("2020-01-31", true), ("2020-02-12", true), ("2020-02-13", false)] {
        assert_eq!(seven.joins(at, day(other)), joined, "{other}");
        assert_eq!(seven.joins(day(other), at), joined, "{other}");
    }
    assert!(!seven.joins(NaiveDate::MIN, NaiveDate::MAX));
}

#[test]
fn a_round_ends_where_the_next_begins() {
    let round = Window::Round { number: 4, from: day("2022-08-15"), next: Some(day("2022-09-01")) };
    let joins = |bought, today| round.joins(day(bought), day(today));
    assert!(!joins("2022-08-14", "2022-08-15"), "the round before");
    assert!(joins("2022-08-15", "2022-08-31"));
    assert!(!joins("2022-08-31", "2022-09-01"), "a new round, although its version is not known here");
    assert!(joins("2022-09-01", "2022-09-30"), "within that round");
    let open = Window::Round { number: 4, from: day("2022-08-15"), next: None };
    assert!(open.joins(day("2022-08-15"), day("2023-01-01")));
}

#[test]
fn a_purchase_dated_after_today_is_evidence_too() {
    let version = version("mask-2020-02-06");
    let born = day("1986-03-15");
    let ahead = [Past { day: day("2020-02-10"), pieces: pieces(2, 0) }];
    let refusal = check(&version, &ahead, born, pieces(2, 0), day("2020-02-06"));
    assert_eq!(refusal, Err(Refusal::Bought { next: Some(day("2020-02-17")), evidence: Vec::new() }));
    assert_eq!(check(&version, &ahead, born, pieces(2, 0), day("2020-02-03")), Ok(()));
}

#[test]
fn only_what_fills_todays_window_is_evidence() {
    let version = version("mask-2020-02-06");
    let history = ["2020-01-30", "2020-01-31", "2020-02-06", "2020-02-12", "2020-02-13"];
    let mut history: Vec<Past> = history.iter().map(|on| Past { day: day(on), pieces: pieces(1, 0) }).collect();
    history.push(Past { day: day("2020-02-06"), pieces: pieces(0, 0) });
    assert_eq!(filling(&version, &history, day("2020-02-06")).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_purchase_of_nothing_is_none() {
    let version = version("mask-2020-02-06");
    let nothing = [Past { day: day("2020-02-06"), pieces: pieces(0, 0) }];
    assert_eq!(check(&version, &nothing, day("1986-03-15"), pieces(2, 0), day("2020-02-06")), Ok(()));
}

// ---- what must hold whatever the history

const BIRTHS: [&str; 5] = ["1986-03-15", "2004-01-01", "2007-06-01", "2008-01-01", "2015-05-05"];

fn some_version() -> impl Strategy<Value = Version> {
    // Beside the shipped ones: masks that count pieces, which nobody ever shipped.
    let names: Vec<&str> = shipped().iter().map(|(name, _)| *name).collect();
    (prop::sample::select(names), any::<bool>()).prop_map(|(name, once)| {
        let version = version(name);
        Version { one_purchase_per_window: version.one_purchase_per_window && once, ..version }
    })
}

fn some_history() -> impl Strategy<Value = Vec<(u64, Pieces)>> {
    prop::collection::vec((0u64..50, (0u32..5, 0u32..6).prop_map(|(adult, child)| pieces(adult, child))), 0..8)
}

fn at(version: &Version, ahead: u64) -> NaiveDate {
    version.from + Days::new(ahead)
}

fn pasts(version: &Version, history: &[(u64, Pieces)]) -> Vec<Past> {
    history.iter().map(|(ahead, pieces)| Past { day: at(version, *ahead), pieces: *pieces }).collect()
}

fn purchase(seq: u32, day: NaiveDate, pieces: Pieces, birth: NaiveDate, version: &Version) -> Purchase {
    Purchase {
        id: EntryId { actor: ActorId([1; 16]), seq },
        site: "5931102274".parse().unwrap(),
        instant: second_of(day.and_time(NaiveTime::MIN)) + i64::from(seq),
        doubt_s: 1,
        reading: Reading::Card,
        version: version.name.clone(),
        birth,
        pieces,
        watermark: 0,
        recorded: false,
    }
}

proptest! {
    #[test]
    fn the_next_date_is_the_first_on_which_it_is_allowed(
        version in some_version(), history in some_history(), today in 0u64..45, birth in prop::sample::select(&BIRTHS[..]),
    ) {
        let (today, birth) = (at(&version, today), day(birth));
        let history = pasts(&version, &history);
        if let Err(refusal) = remaining(&version, &history, birth, today) {
            let first = (1..120).map(|ahead| today + Days::new(ahead))
                .find(|day| remaining(&version, &history, birth, *day).is_ok());
            prop_assert_eq!(refusal.next(), first);
        }
    }

    #[test]
    fn remaining_and_check_agree_on_every_basket(
        version in some_version(), history in some_history(), today in 0u64..45, birth in prop::sample::select(&BIRTHS[..]),
    ) {
        let (today, birth) = (at(&version, today), day(birth));
        let history = pasts(&version, &history);
        let left = remaining(&version, &history, birth, today).unwrap_or(Allowance::NONE);
        let mut most = 0;
        for adult in 0..12 {
            for child in 0..12 {
                let ask = pieces(adult, child);
                let ok = check(&version, &history, birth, ask, today).is_ok();
                if ask.total() > 0 {
                    prop_assert_eq!(ok, left.covers(ask));
                }
                if ok { most = most.max(ask.total()); }
            }
        }
        prop_assert_eq!(most, left.most(), "the number on the screen can really be bought");
    }

    #[test]
    fn the_order_of_a_history_means_nothing(
        version in some_version(), history in some_history(), today in 0u64..45, turn in 0usize..8,
    ) {
        let (today, birth) = (at(&version, today), day("2015-05-05"));
        let straight = pasts(&version, &history);
        let mut turned = straight.clone();
        turned.rotate_left(turn % straight.len().max(1));
        turned.reverse();
        prop_assert_eq!(remaining(&version, &straight, birth, today), remaining(&version, &turned, birth, today));
    }

    #[test]
    fn what_is_cleared_is_as_if_it_had_never_been_bought(
        history in some_history(), birth in prop::sample::select(&BIRTHS[..]), which in 0usize..8, cut in 0i64..3,
    ) {
        let versions = versions();
        let mask: ProgrammeId = "mask".parse().unwrap();
        let first = version("mask-2020-02-06");
        let all: Vec<Purchase> = history.iter().zip(1..)
            .map(|((ahead, pieces), seq)| purchase(seq, at(&first, *ahead), *pieces, day(birth), &first)).collect();
        let Some(one) = all.get(which % all.len().max(1)) else { return Ok(()) };
        let cleared = Cleared { day: taipei_day(one.instant), upto: one.instant + cut - 1 };
        let rest: Vec<Purchase> = all.iter().filter(|purchase| !cleared.covers(purchase)).cloned().collect();
        prop_assert_eq!(rest.contains(one), cut == 0, "up to its own second");
        prop_assert_eq!(audit(versions, &mask, &all, &[cleared]), audit(versions, &mask, &rest, &[]));
        prop_assert_eq!(audit(versions, &mask, &all, &[cleared, cleared]), audit(versions, &mask, &rest, &[]));
    }

    #[test]
    fn the_audit_is_a_function_of_the_set(
        history in some_history(), shift in 0usize..8, birth in prop::sample::select(&BIRTHS[..]),
    ) {
        let versions = versions();
        let mask: ProgrammeId = "mask".parse().unwrap();
        let first = version("mask-2020-02-06");
        let mut all: Vec<Purchase> = history.iter().zip(1..)
            .map(|((ahead, pieces), seq)| {
                let on = at(&first, ahead * 2);
                let known = versions.in_force(&mask, at(&first, *ahead)).unwrap();
                purchase(seq, on, *pieces, day(birth), known)
            }).collect();
        let found = audit(versions, &mask, &all, &[]);
        all.reverse();
        prop_assert_eq!(&audit(versions, &mask, &all, &[]), &found);
        all.rotate_left(shift % history.len().max(1));
        prop_assert_eq!(&audit(versions, &mask, &all, &[]), &found);
        let doubled: Vec<Purchase> = all.iter().chain(&all).cloned().collect();
        prop_assert_eq!(&audit(versions, &mask, &doubled, &[]), &found);
    }

    /// One after the other, each known everywhere: the audit blames exactly what the counter would have refused.
    #[test]
    fn audit_and_check_agree(history in some_history(), version in some_version(), birth in prop::sample::select(&BIRTHS[..])) {
        let birth = day(birth);
        let mut versions = Versions::default();
        versions.insert(version.clone());
        let mut history = history;
        history.sort_unstable_by_key(|(ahead, _)| *ahead);
        let mut known: Vec<Past> = Vec::new();
        let mut refused = Vec::new();
        let mut all = Vec::new();
        for ((ahead, ask), seq) in history.into_iter().zip(1..) {
            // Child goods and empty baskets are the counter's business, not the audit's.
            let forbidden = version.limits_for(birth).child == 0;
            let ask = if forbidden { Pieces { adult: ask.adult, child: 0 } } else { ask };
            let on = at(&version, ahead);
            let bought = purchase(seq, on, ask, birth, &version);
            if ask.total() > 0 {
                match check(&version, &known, birth, ask, on) {
                    Ok(()) => known.push(Past { day: on, pieces: ask }),
                    Err(refusal) => refused.push((bought.id, FindingKind::Over, refusal)),
                }
            }
            all.push(bought);
        }
        let found: Vec<_> = audit(&versions, &version.programme, &all, &[])
            .into_iter().map(|finding| (finding.sale, finding.kind, finding.refusal)).collect();
        prop_assert_eq!(found, refused);
    }
}
