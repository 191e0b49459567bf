//! The test kits of 2022 by round, in the same words (decision 2).

use crate::counter::{check, check_proxy};
use crate::{EVEN, ODD};

#[test]
fn kit_round_1() {
    // 2022-04-28 was a Thursday, 04-30 a Saturday: the day on which odd numbers could buy by mistake.
    check(EVEN, &[], "2022-04-28", "sold 1");
    check(ODD, &[], "2022-04-30", "today is for even numbers; come on 2022-05-01 (Sun)");
    check(ODD, &[("2022-04-29", 1)], "2022-05-30", "bought already; next 2022-06-06");
    check(EVEN, &[], "2022-04-28 asks 2+0", "over the limit; at most 1 now");
    check(EVEN, &[], "2022-04-28 asks 0+1", "no child goods are sold here");
    check("A123456798 born 2020-01-01", &[], "2022-04-28", "sold 1");
    check("03:A870000015", &[], "2022-04-29", "sold 1");
    check("05:X1234568", &[], "2022-04-28", "05 passport is not accepted at present: use another document");
    check("04:X1234568", &[], "2022-04-28", "04 entry permit is not accepted");
    check_proxy("2022-04-28", ODD, 1, EVEN, "the proxy may carry at most 1");
}

#[test]
fn kit_round_2() {
    check(EVEN, &[("2022-06-04", 1)], "2022-06-07", "sold 1");
    check(ODD, &[], "2022-06-07", "today is for even numbers");
    check(ODD, &[], "2022-06-14", "sold 1");
    check(ODD, &[("2022-06-06", 1)], "2022-06-13", "bought already; next 2022-07-01");
}

#[test]
fn kit_round_3() {
    check(ODD, &[("2022-06-30", 1)], "2022-07-01", "sold 1");
    check(ODD, &[("2022-07-01", 1)], "2022-08-14", "bought already; next 2022-08-15");
}

#[test]
fn kit_rounds_4_and_5_two_packs_in_one_or_two_purchases() {
    check(ODD, &[("2022-08-14", 1)], "2022-08-15", "sold 2");
    check(ODD, &[("2022-08-15", 1)], "2022-08-15", "sold 1");
    check(ODD, &[("2022-08-15", 1)], "2022-08-20 asks 2+0", "over the limit; at most 1 now");
    check(ODD, &[("2022-08-15", 1), ("2022-08-20", 1)], "2022-08-31", "bought already; next 2022-09-01");
    check(ODD, &[("2022-08-31", 2)], "2022-09-01", "sold 2");
    check(ODD, &[("2022-09-01", 2)], "2022-09-30", "bought already; next 2022-10-01");
}

#[test]
fn kit_round_6_six_packs_in_any_number_of_purchases() {
    check(ODD, &[], "2022-10-01", "sold 6");
    let five: Vec<_> = ["01", "02", "03", "04", "05"].map(|day| (format!("2022-10-{day}"), 1)).to_vec();
    let five: Vec<_> = five.iter().map(|(day, packs)| (day.as_str(), *packs)).collect();
    check(ODD, &five, "2022-10-05", "sold 1");
    check(ODD, &five, "2022-10-05 asks 2+0", "over the limit; at most 1 now");
    check(ODD, &[("2022-10-02", 6)], "2022-10-31", "bought already; next 2022-11-01");
    // The version of round 7 is not known here: a new round all the same.
    check(ODD, &[("2022-10-02", 6)], "2022-11-01", "sold 6");
    check(ODD, &[("2022-11-02", 6)], "2022-11-03", "bought already; wait for the next round to be announced");
}
