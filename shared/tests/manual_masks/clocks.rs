//! Clocks that are in doubt: what the version says at the counter, and what is found afterwards (docs/clocks.md).

use crate::counter::{check_clock, found_in_doubt, in_doubt};
use crate::{EVEN, ODD};
use shared::rules::programme::{ClockRule, WhenDoubtful, shipped};
use shared::rules::quota::{DOUBTFUL_BECAUSE_MAX, DOUBTFUL_SALES_MAX};

const MARK: ClockRule = ClockRule { doubt_s_max: 300, when_doubtful: WhenDoubtful::Mark };
const REFUSE: ClockRule = ClockRule { doubt_s_max: 300, when_doubtful: WhenDoubtful::Refuse };
const DAY: u32 = 86_400;

#[test]
fn the_shipped_versions_sell_under_any_clock() {
    for (name, _) in shipped() {
        assert_eq!(crate::counter::version(name).clock, MARK, "{name}");
    }
    for doubt_s in [0, 300, 301, DAY, u32::MAX] {
        check_clock(MARK, doubt_s, "2020-02-07", ODD, "sold 2");
    }
}

#[test]
fn a_version_may_refuse_under_a_doubtful_clock() {
    check_clock(REFUSE, 0, "2020-02-07", ODD, "sold 2");
    check_clock(REFUSE, 300, "2020-02-07", ODD, "sold 2");
    check_clock(REFUSE, 301, "2020-02-07", ODD, "the time of this computer is not certain (it may be off by 6 min)");
    check_clock(REFUSE, u32::MAX, "2020-02-07", ODD, "the time of this computer is not certain (nobody knows");
}

#[test]
fn the_clock_is_told_before_whose_day_it_is_and_after_the_document() {
    check_clock(REFUSE, DAY, "2020-02-07", EVEN, "the time of this computer is not certain (it may be off by 24 h)");
    check_clock(MARK, DAY, "2020-02-07", EVEN, "today is for odd numbers");
    check_clock(REFUSE, DAY, "2022-04-28", "05:X1234568", "05 passport is not accepted");
}

#[test]
fn a_time_that_cannot_be_another_day_is_none_of_anybodys_business() {
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-14 09:00:00 ± 3600 2+0"], &[]);
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-14 00:00:01 ± 1 2+0"], &[]);
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-14 00:00:01 ± 2 2+0"], &["#2 because #1"]);
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-15 00:00:01 ± 2 2+0"], &[]);
    in_doubt(&["2020-02-07 23:59:59 ± 0 2+0", "2020-02-14 00:00:00 ± 0 2+0"], &[]);
}

#[test]
fn eight_hours_off_may_hide_a_double_purchase() {
    // Written on the seventh day at six in the morning; it may have been the sixth day at ten in the evening.
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-14 06:00:00 ± 28860 2+0"], &["#2 because #1"]);
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-14 09:00:00 ± 28860 2+0"], &[]);
    in_doubt(&["2020-02-07 20:00:00 ± 28860 2+0", "2020-02-14 09:00:00 ± 2 2+0"], &["#1 because #2"]);
    // Both may be off: each by half a day, together by one.
    in_doubt(
        &["2020-02-07 20:00:00 ± 28860 2+0", "2020-02-15 06:00:00 ± 28860 2+0"],
        &["#1 because #2", "#2 because #1"],
    );
}

#[test]
fn four_hundred_days_off_is_within_reach_of_its_doubt() {
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2021-03-13 10:00:00 ± 34560060 2+0"], &["#2 because #1"]);
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2021-03-13 10:00:00 ± 60 2+0"], &[]);
}

#[test]
fn a_clock_that_was_never_checked_may_stand_anywhere() {
    in_doubt(&["1970-01-01 09:00:00 ± never 2+0", "2020-02-07 09:00:00 ± 2 2+0"], &["#1 because #2"]);
    in_doubt(
        &["2020-02-07 09:00:00 ± never 2+0", "2020-03-30 09:00:00 ± never 2+0"],
        &["#1 because #2", "#2 because #1"],
    );
    in_doubt(&["2020-02-07 09:00:00 ± never 2+0"], &[]);
}

#[test]
fn rounds_have_edges_of_their_own() {
    // Round 1 ends with 2022-06-05.
    in_doubt(&["2022-05-02 09:00:00 ± 2 1+0", "2022-06-06 00:10:00 ± 900 1+0"], &["#2 because #1"]);
    in_doubt(&["2022-05-02 09:00:00 ± 2 1+0", "2022-06-07 00:10:00 ± 900 1+0"], &[]);
    in_doubt(&["2022-06-05 23:55:00 ± 900 1+0", "2022-06-20 09:00:00 ± 2 1+0"], &["#1 because #2"]);
    in_doubt(&["2022-06-04 23:55:00 ± 900 1+0", "2022-06-20 09:00:00 ± 2 1+0"], &[]);
}

#[test]
fn what_is_allowed_together_is_not_found() {
    // Round 4: two packs in one or two purchases.
    in_doubt(&["2022-08-20 09:00:00 ± 2 1+0", "2022-08-22 09:00:00 ± never 1+0"], &[]);
    in_doubt(&["2022-08-20 09:00:00 ± 2 1+0", "2022-09-02 09:00:00 ± never 2+0"], &["#2 because #1"]);
}

#[test]
fn nothing_bought_is_nothing_in_doubt() {
    in_doubt(&["2020-02-07 09:00:00 ± 2 0+0", "2020-02-08 09:00:00 ± never 2+0"], &[]);
    in_doubt(&["2020-02-07 09:00:00 ± 2 2+0", "2020-02-08 09:00:00 ± never 0+0"], &[]);
}

#[test]
fn the_roc_year_ends_like_any_other_day() {
    in_doubt(&["2020-12-18 09:00:00 ± 2 2+0", "2020-12-31 23:59:59 ± 0 2+0"], &[]);
    in_doubt(&["2020-12-18 09:00:00 ± 2 2+0", "2021-01-01 00:00:00 ± 1 2+0"], &["#2 because #1"]);
}

#[test]
fn however_many_there_are_only_some_are_looked_at() {
    let rows: Vec<String> =
        (10..80).map(|minute| format!("2020-02-{:02} 09:{minute:02}:00 ± never 1+0", 7 + minute / 60)).collect();
    let rows: Vec<String> = rows.iter().map(|row| row.replace(" 09:6", " 10:0").replace(" 09:7", " 10:1")).collect();
    let found = found_in_doubt(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(found.len(), DOUBTFUL_SALES_MAX);
    assert!(found.iter().all(|finding| finding.because.len() == DOUBTFUL_BECAUSE_MAX), "the nearest");
}
