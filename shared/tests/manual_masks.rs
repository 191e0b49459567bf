//! The mask manual and the dated rule sets as tables (REQUIREMENTS M3-M23,
//! decisions 1-4, 11, 14-17): each row goes through one door, in the manual's words.

#[cfg(test)]
#[path = "manual_masks/audits.rs"]
mod audits;
#[cfg(test)]
#[path = "manual_masks/clocks.rs"]
mod clocks;
#[cfg(test)]
#[path = "manual_masks/counter.rs"]
mod counter;
#[cfg(test)]
#[path = "manual_masks/kits.rs"]
mod kits;
#[cfg(test)]
#[path = "manual_masks/ladder.rs"]
mod ladder;

use counter::{check, check_proxy, check_stock, version};
use shared::entry::Pieces;
use shared::rules::programme::shipped;
use shared::rules::sale::price;

const ODD: &str = "A123456789";
const EVEN: &str = "A123456798";
const NOBODY_BEFORE: &[(&str, u32)] = &[];

// ---- the manual of 2020-02-06, line by line

#[test]
fn m7_odd_and_even() {
    // 2020-02-10 is a Monday.
    let week = ["2020-02-10", "2020-02-11", "2020-02-12", "2020-02-13", "2020-02-14", "2020-02-15", "2020-02-16"];
    for (day, whose) in week.into_iter().zip(["odd", "even", "odd", "even", "odd", "even", "all"]) {
        let told = |number: &str, mine: &str| match whose {
            whose if whose == mine || whose == "all" => check(number, NOBODY_BEFORE, day, "sold 2"),
            whose => check(number, NOBODY_BEFORE, day, &format!("today is for {whose} numbers")),
        };
        told(ODD, "odd");
        told(EVEN, "even");
    }
    check(ODD, &[], "2020-02-06", "today is for even numbers; come on 2020-02-07 (Fri)");
    check(EVEN, &[], "2020-02-14", "today is for odd numbers; come on 2020-02-15 (Sat)");
    check(ODD, &[], "2020-02-15", "today is for even numbers; come on 2020-02-16 (Sun)");
}

#[test]
fn decision_4_a_document_without_a_last_digit() {
    check("05:AB12C", &[], "2020-02-07", "today is for odd numbers");
    check("05:AB12C", &[], "2020-02-06", "sold 2");
    check("05:ABC", &[], "2020-02-06", "sold 2");
    check("05:ABC", &[], "2020-02-07", "sold 2");
}

#[test]
fn m8_m9_once_in_seven_days() {
    check(ODD, &[], "2020-02-07", "sold 2");
    check(ODD, &[("2020-02-07", 2)], "2020-02-12", "bought already; next 2020-02-14");
    check(ODD, &[("2020-02-07", 1)], "2020-02-12", "bought already; next 2020-02-14");
    check(ODD, &[("2020-02-07", 2)], "2020-02-14", "sold 2");
    check(ODD, &[("2020-01-31", 2), ("2020-02-07", 2)], "2020-02-09", "bought already; next 2020-02-14");
}

#[test]
fn decision_15_the_turn_is_told_before_the_window() {
    check(ODD, &[("2020-02-07", 2)], "2020-02-08", "today is for even numbers; come on 2020-02-09 (Sun)");
}

#[test]
fn m9_the_dates_of_the_press() {
    // TVBS 1272589: bought on 2/6, the screen said 2/13.
    check(EVEN, &[("2020-02-06", 2)], "2020-02-11", "bought already; next 2020-02-13");
    check(EVEN, &[("2020-02-06", 2)], "2020-02-13", "sold 2");
    // Tainan: bought on 2/16, again from 2/23.
    check(ODD, &[("2020-02-16", 2)], "2020-02-21", "bought already; next 2020-02-23");
    check(ODD, &[("2020-02-16", 2)], "2020-02-23", "sold 2");
}

#[test]
fn m12_child_masks_for_children() {
    check("A123456789 born 2008-01-01", &[], "2020-02-07 asks 0+2", "sold 0+2");
    check("A123456789 born 2008-01-01", &[], "2020-02-07 asks 2+0", "sold 2");
    check("A123456789 born 2008-01-01", &[], "2020-02-07 asks 1+1", "sold 1+1");
    check(
        "A123456789 born 2007-12-31",
        &[],
        "2020-02-07 asks 0+1",
        "child mask only for people born in 2008 or later: take the adult kind",
    );
    check("A123456789 born 2007-12-31", &[], "2020-02-07 asks 2+0", "sold 2");
}

#[test]
fn m13_never_more_than_the_limit() {
    check(ODD, &[], "2020-02-07 asks 1+0", "sold 1");
    check(ODD, &[], "2020-02-07 asks 3+0", "over the limit; at most 2 now");
    check(ODD, &[], "2020-02-07 asks 4294967295+0", "over the limit; at most 2 now");
    check(ODD, &[], "2020-02-07 asks 0+0", "nothing asked for: enter how many");
    let child = "A123456789 born 2010-01-01";
    check(child, &[], "2020-02-07 asks 0+3", "over the limit; at most 2 adult, 2 child, 2 of both together now");
    check(child, &[], "2020-02-07 asks 1+2", "over the limit");
    check(child, &[], "2020-02-07 asks 4294967295+4294967295", "over the limit");
}

#[test]
fn m18_no_stock_no_transaction() {
    check_stock((2, 0), "A123456789", "2+0", "sold 2");
    check_stock((1, 50), "A123456789", "2+0", "not enough in stock (adult 1, child 50)");
    check_stock((0, 0), "A123456789", "3+0", "over the limit; at most 2 now");
    check_stock((-4, 1), "A123456789 born 2010-01-01", "0+1", "sold 0+1");
}

#[test]
fn m20_one_card_of_somebody_else() {
    check_proxy("2020-02-07", EVEN, 0, ODD, "sold 2");
    check_proxy("2020-02-07", EVEN, 1, ODD, "the proxy may carry at most 1 of other people's cards a day");
    check_proxy("2020-02-07", ODD, 0, ODD, "proxy and buyer are the same person: leave the proxy empty");
    check_proxy("2020-02-06", EVEN, 1, ODD, "today is for even numbers");
    check_proxy("2020-02-07", EVEN, 1, "A123456789 born 2010-01-01", "the proxy may carry at most 1");
}

#[test]
fn m19_m8_allotment_and_price_are_in_the_version() {
    let rows = [
        ("mask-2020-02-06", (200, 50), (2, 0, 10)),
        ("mask-2020-02-16", (200, 50), (1, 1, 10)),
        ("mask-2020-02-20", (400, 200), (0, 4, 20)),
        ("mask-2020-02-27", (400, 200), (2, 0, 10)),
        ("mask-2020-03-05", (600, 200), (3, 0, 15)),
        ("mask-2020-03-19", (600, 200), (0, 5, 25)),
        ("mask-2020-04-09", (600, 200), (9, 0, 45)),
        ("mask-2020-04-19", (600, 200), (0, 10, 50)),
        ("kit-2022-04-28", (78, 0), (1, 0, 500)),
        ("kit-2022-06-06", (117, 0), (1, 0, 500)),
        ("kit-2022-06-13", (117, 0), (1, 0, 500)),
        ("kit-2022-07-01", (117, 0), (1, 0, 500)),
        ("kit-2022-08-15", (117, 0), (2, 0, 1000)),
        ("kit-2022-09-01", (117, 0), (2, 0, 1000)),
        ("kit-2022-10-01", (117, 0), (6, 0, 3000)),
    ];
    assert_eq!(rows.map(|row| row.0).to_vec(), shipped().iter().map(|row| row.0).collect::<Vec<_>>());
    for (name, (adult, child), (some_adult, some_child, ntd)) in rows {
        let version = version(name);
        assert_eq!(version.allotment, Pieces { adult, child }, "{name}");
        assert_eq!(price(version, Pieces { adult: some_adult, child: some_child }), ntd, "{name}");
    }
}

// ---- one table a version file

#[test]
fn version_2020_02_06() {
    check(EVEN, &[], "2020-02-05", "no rules are in force today: connect to fetch them");
    check(EVEN, &[], "2020-02-06", "sold 2");
    check("03:A870000015", &[], "2020-02-07", "sold 2");
    check("04:1234567890", &[], "2020-02-06", "sold 2");
}

#[test]
fn version_2020_02_16() {
    check(ODD, &[], "2020-02-16", "sold 2");
    check(ODD, &[("2020-02-09", 2)], "2020-02-16", "sold 2");
    check(ODD, &[("2020-02-10", 2)], "2020-02-16", "bought already; next 2020-02-17");
}

#[test]
fn version_2020_02_20() {
    let child = "A123456798 born 2010-01-01";
    check(EVEN, &[], "2020-02-20", "sold 2");
    check(child, &[], "2020-02-20 asks 0+4", "sold 0+4");
    check(child, &[], "2020-02-20 asks 2+2", "sold 2+2");
    check(child, &[], "2020-02-20 asks 0+5", "over the limit; at most 2 adult, 4 child, 4 of both together now");
    check(child, &[], "2020-02-20 asks 3+0", "over the limit");
    check(child, &[], "2020-02-20 asks 3+1", "over the limit");
    check("A123456789 born 2010-01-01", &[], "2020-02-20 asks 0+4", "today is for even numbers");
}

#[test]
fn version_2020_02_27() {
    // A Thursday: even numbers.
    check("A123456789 born 2010-01-01", &[], "2020-02-27 asks 0+4", "sold 0+4");
    check("A123456789 born 2007-01-01", &[], "2020-02-27 asks 2+0", "sold 2");
    check("A123456789 born 2007-01-01", &[], "2020-02-27 asks 0+1", "child mask only for people born in 2008 or later");
    check("A123456789 born 2006-12-31", &[], "2020-02-27 asks 2+0", "today is for even numbers");
    check(EVEN, &[], "2020-02-27", "sold 2");
    let child = "A123456789 born 2010-01-01";
    for carried in [0, 1, 2] {
        check_proxy("2020-02-27", EVEN, carried, child, "sold 2");
    }
    check_proxy("2020-02-27", EVEN, 3, child, "the proxy may carry at most 3");
    check_proxy("2020-02-28", EVEN, 1, ODD, "the proxy may carry at most 1");
}

#[test]
fn version_2020_03_05() {
    check(EVEN, &[], "2020-03-05", "sold 3");
    check(EVEN, &[], "2020-03-05 asks 4+0", "over the limit; at most 3 now");
    check("A123456789 born 2007-01-01", &[], "2020-03-05 asks 0+5", "sold 0+5");
    check("A123456789 born 2007-01-01", &[], "2020-03-05 asks 3+2", "sold 3+2");
    check("A123456789 born 2007-01-01", &[], "2020-03-05 asks 0+6", "over the limit");
    check("A123456798 born 2006-12-31", &[], "2020-03-05 asks 0+1", "child mask only for people born in 2007 or later");
}

#[test]
fn version_2020_03_19() {
    check("A123456789 born 2004-01-01", &[], "2020-03-19 asks 0+5", "sold 0+5");
    check("A123456789 born 2004-01-01", &[], "2020-03-19 asks 3+0", "sold 3");
    check("A123456789 born 2003-12-31", &[], "2020-03-19 asks 3+0", "today is for even numbers");
    check(
        "A123456798 born 2003-12-31",
        &[],
        "2020-03-19 asks 0+1",
        "child mask only for people born on 2004-01-01 or later: take the adult kind",
    );
    check("A123456789 born 2004-01-01", &[("2020-03-13", 5)], "2020-03-19", "bought already; next 2020-03-20");
    check_proxy("2020-03-19", EVEN, 2, "A123456789 born 2004-01-01", "sold 3");
}

#[test]
fn version_2020_04_09() {
    check(ODD, &[], "2020-04-09", "sold 9");
    check(EVEN, &[], "2020-04-10", "sold 9");
    check(ODD, &[], "2020-04-09 asks 0+10", "sold 0+10");
    check(ODD, &[], "2020-04-09 asks 4+5", "sold 4+5");
    check(ODD, &[], "2020-04-09 asks 5+5", "over the limit; at most 9 adult, 10 child, 9 of both together now");
    check(ODD, &[], "2020-04-09 asks 10+0", "over the limit");
    check("A123456789 born 2010-01-01", &[], "2020-04-09 asks 5+5", "sold 5+5");
    check("A123456789 born 2010-01-01", &[], "2020-04-09 asks 0+11", "over the limit");
    check(ODD, &[("2020-04-09", 3)], "2020-04-22", "bought already; next 2020-04-23");
    check(ODD, &[("2020-04-09", 3)], "2020-04-23", "sold 9");
}

#[test]
fn version_2020_04_19() {
    check(ODD, &[], "2020-04-19", "sold 9");
    check(EVEN, &[("2020-04-12", 9)], "2020-04-25", "bought already; next 2020-04-26");
    let sunday = version("mask-2020-04-19").notices.iter().any(|line| line.zh.contains("藥局週日可不販售口罩"));
    assert!(sunday, "the public is told");
}

#[test]
fn decision_3_a_purchase_of_the_old_rules_counts_by_the_new_window() {
    // Two pieces of 02-14 still block the four of 02-20 for a child.
    check("A123456798 born 2010-01-01", &[("2020-02-15", 2)], "2020-02-20 asks 0+4", "bought already; next 2020-02-22");
    // 7 days until 04-08, 14 days from 04-09.
    check(ODD, &[("2020-04-01", 3)], "2020-04-08", "sold 3");
    check(ODD, &[("2020-04-01", 3)], "2020-04-09", "bought already; next 2020-04-15");
    check(ODD, &[("2020-03-26", 3)], "2020-04-09", "sold 9");
}
