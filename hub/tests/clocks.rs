//! No clock that is wrong makes or hides a double purchase in silence (docs/clocks.md).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::cases::{CaseDetail, CaseFilter, CaseSummary, Times};
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::rules::quota::FindingKind;

const HOURS_8: u32 = 8 * 3_600;
const DAYS_400: u32 = 400 * 86_400;

fn cases(hub: &Hub) -> Vec<CaseSummary> {
    hub.cases(&CaseFilter { closed_too: true, ..CaseFilter::default() }).unwrap()
}

fn only(hub: &Hub) -> (CaseSummary, CaseDetail) {
    let mut cases = cases(hub);
    assert_eq!(cases.len(), 1, "{cases:?}");
    let case = cases.remove(0);
    let detail = hub.case(&case.id).unwrap().unwrap();
    (case, detail)
}

/// Whatever comes first: the same truth, and after a rebuild.
fn in_every_order(uploads: &[Upload]) -> Hub {
    let mut first = hub();
    send(&mut first, uploads);
    for turn in 1..uploads.len() {
        let mut other = hub();
        let (behind, before) = uploads.split_at(turn);
        for upload in before.iter().chain(behind) {
            send(&mut other, std::slice::from_ref(upload));
        }
        assert_eq!(canonical(&other), canonical(&first), "in another order, from {turn} on");
    }
    let before = canonical(&first);
    first.rebuild().unwrap();
    assert_eq!(canonical(&first), before, "rebuilt");
    first
}

#[test]
fn a_sale_four_hundred_days_away_is_found_by_its_doubt() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let anna = document(ANNA);
    let sure = a.sell("2020-02-06T09:00", &anna, adult(2));
    let skewed = b.sell_in_doubt("2021-03-12T10:00", &anna, adult(2), DAYS_400 + 60);
    let hub = in_every_order(&[sure.clone(), skewed.clone()]);
    let (case, detail) = only(&hub);
    assert_eq!((case.over.clone(), case.doubtful.clone()), (vec![], vec![id(&skewed)]), "nobody loses anything");
    let finding = &detail.findings[0];
    assert_eq!((finding.kind, finding.code, finding.next), (FindingKind::DoubtfulTime, "clock", None));
    assert_eq!(finding.because, [id(&sure)]);
    assert!(finding.text.en.contains("its time is in doubt") && finding.text.en.contains("401 days"), "{finding:?}");
    assert!(finding.text.zh.contains("時間可疑") && !finding.text.zh.contains("不計入"), "{finding:?}");
}

#[test]
fn eight_hours_at_the_edge_of_the_window() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let anna = document(ANNA);
    let sure = a.sell("2020-02-06T09:00", &anna, adult(2));
    let shifted = b.sell_in_doubt("2020-02-13T06:00", &anna, adult(2), HOURS_8);
    let (case, _) = only(&in_every_order(&[sure.clone(), shifted.clone()]));
    assert_eq!((case.over, case.doubtful), (vec![], vec![id(&shifted)]));
    // At ten in the morning it is the seventh day whatever the clock.
    let mut c = Edge::new(B, 3);
    let later = c.sell_in_doubt("2020-02-13T10:00", &anna, adult(2), HOURS_8);
    assert_eq!(cases(&in_every_order(&[sure, later])), vec![]);
}

#[test]
fn what_is_over_by_doubtful_times_says_so() {
    let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
    let anna = document(ANNA);
    let first = a.sell("2020-02-06T09:00", &anna, adult(2));
    let by_doubt = b.sell_in_doubt("2020-02-06T12:00", &anna, adult(2), HOURS_8);
    let (case, detail) = only(&in_every_order(&[first.clone(), by_doubt.clone()]));
    assert_eq!((case.over.clone(), case.doubtful.clone()), (vec![id(&by_doubt)], vec![]));
    assert_eq!(detail.findings[0].times, Times::InDoubt, "it may have been the first of the two");
    assert!(detail.findings[0].text.en.ends_with("is not certain."), "{}", detail.findings[0].text.en);
    assert!(detail.findings[0].text.zh.contains("先後或相隔日數不能確定"));
    let sure = c.sell("2020-02-06T12:00", &anna, adult(2));
    let (_, detail) = only(&in_every_order(&[first, sure]));
    assert_eq!(detail.findings[0].times, Times::Certain);
    assert!(!detail.findings[0].text.en.contains("is not certain"));
}

#[test]
fn what_is_taken_back_is_in_doubt_no_more() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let anna = document(ANNA);
    let sure = a.sell("2020-02-06T09:00", &anna, adult(2));
    let skewed = b.sell_in_doubt("2020-06-01T10:00", &anna, adult(2), u32::MAX);
    for taken_back in [a.withdraw("2020-02-06T18:00", id(&sure)), b.withdraw("2020-06-01T10:05", id(&skewed))] {
        let mut hub = hub();
        send(&mut hub, &[sure.clone(), skewed.clone()]);
        assert_eq!(only(&hub).0.doubtful, [id(&skewed)]);
        send(&mut hub, &[taken_back]);
        let (case, _) = only(&hub);
        assert_eq!((case.open, case.doubtful.len()), (false, 0));
        assert!(!canonical(&hub).contains("doubtful"));
    }
}

#[test]
fn one_that_is_over_is_not_doubtful_until_it_counts() {
    let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
    let anna = document(ANNA);
    let first = a.sell("2020-02-06T09:00", &anna, adult(2));
    let over = b.sell_in_doubt("2020-02-07T10:00", &anna, adult(2), 3 * 86_400);
    let next = c.sell("2020-02-14T09:00", &anna, adult(2));
    let back = a.withdraw("2020-02-06T18:00", id(&first));
    let all = [first, over.clone(), next];
    let (case, _) = only(&in_every_order(&all));
    assert_eq!((case.over.clone(), case.doubtful.len()), (vec![id(&over)], 0));
    let mut hub = hub();
    send(&mut hub, &all);
    send(&mut hub, std::slice::from_ref(&back));
    let (case, _) = only(&hub);
    assert_eq!((case.over.len(), case.doubtful), (0, vec![id(&over)]), "it may have been the eighth");
    let mut other = edge::hub();
    let [first, over, next] = all;
    send(&mut other, &[next, first, back, over]);
    assert_eq!(canonical(&hub), canonical(&other));
}

#[test]
fn a_version_that_comes_late_is_asked_about_doubtful_times_too() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let anna = document(ANNA);
    // Fourteen days from 2020-04-09 on, seven before.
    let sure = a.sell("2020-04-10T09:00", &anna, adult(2));
    let shifted = b.sell_in_doubt("2020-04-24T06:00", &anna, adult(2), HOURS_8);
    let text = shared::rules::programme::shipped_text("mask-2020-04-09").unwrap();
    let mut before = hub();
    before.publish_programme(text, "test", second("2020-04-08T09:00")).unwrap().unwrap();
    send(&mut before, &[sure.clone(), shifted.clone()]);
    let mut after = hub();
    send(&mut after, &[sure, shifted.clone()]);
    assert_eq!(cases(&after), vec![], "seven days lie far apart");
    after.publish_programme(text, "test", second("2020-04-25T09:00")).unwrap().unwrap();
    assert_eq!(only(&after).0.doubtful, [id(&shifted)]);
    assert_eq!(canonical(&after), canonical(&before));
}

#[test]
fn a_sale_of_the_hubs_future_is_listed_although_its_clock_was_sure() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let anna = document(ANNA);
    let sure = a.sell("2020-02-06T09:00", &anna, adult(2));
    // Everything is received on 2020-02-06 at 20:00.
    let ahead = b.sell("2020-02-14T09:00", &anna, adult(2));
    let doubted = b.sell_in_doubt("2020-02-14T09:00", &document(BORIS), adult(2), 10 * 86_400);
    let mut hub = hub();
    send(&mut hub, &[sure, ahead.clone(), doubted]);
    let listed = hub.sales_ahead(10).unwrap();
    assert_eq!(listed.iter().map(|sale| sale.id).collect::<Vec<_>>(), [id(&ahead)]);
    assert_eq!((listed[0].instant, listed[0].received), (second("2020-02-14T09:00"), second("2020-02-06T20:00")));
    assert!(!canonical(&hub).contains("doubtful"), "when it was received decides nothing");
    hub.rebuild().unwrap();
    assert_eq!(hub.sales_ahead(10).unwrap(), listed, "also from the journal alone");
}
