//! Audits: sales that all happened, and which of them was one too many. The door
//! asks in three orders and doubled.

use crate::counter::found;

const ADULT: &str = "1986-03-15";

#[test]
fn the_first_counts_and_the_second_is_over() {
    found(
        ADULT,
        &[
            "2020-02-06 09:00:00 5931102274 card mask-2020-02-06 2+0",
            "2020-02-06 14:30:00 2391030026 card mask-2020-02-06 2+0",
        ],
        &["#2 Over: bought already; next 2020-02-13; because #1"],
    );
    found(
        ADULT,
        &[
            "2020-02-06 09:00:00 5931102274 card mask-2020-02-06 2+0",
            "2020-02-13 08:30:00 2391030026 card mask-2020-02-06 2+0",
        ],
        &[],
    );
}

#[test]
fn in_one_second_the_card_comes_first_then_the_site_code() {
    found(
        ADULT,
        &[
            "2020-02-07 09:00:00 2391030026 typed mask-2020-02-06 2+0",
            "2020-02-07 09:00:00 5931102274 card mask-2020-02-06 2+0",
        ],
        &["#1 Over: bought already; next 2020-02-14; because #2"],
    );
    found(
        ADULT,
        &[
            "2020-02-07 09:00:00 5931102274 card mask-2020-02-06 2+0",
            "2020-02-07 09:00:00 2391030026 card mask-2020-02-06 2+0",
        ],
        &["#1 Over: bought already; next 2020-02-14; because #2"],
    );
}

#[test]
fn a_loser_does_not_count() {
    found(
        ADULT,
        &[
            "2020-02-07 09:00:00 5931102274 card mask-2020-02-06 2+0",
            "2020-02-10 09:00:00 2391030026 card mask-2020-02-06 2+0",
            "2020-02-14 09:00:00 5931102274 card mask-2020-02-06 2+0",
            "2020-02-16 09:00:00 2391030026 card mask-2020-02-16 2+0",
        ],
        &[
            "#2 Over: bought already; next 2020-02-14; because #1",
            "#4 Over: bought already; next 2020-02-21; because #3",
        ],
    );
}

#[test]
fn the_business_day_is_that_of_taipei() {
    // 23:59:59 and 00:00:00 are two days apart from the window's end by one second.
    found(
        ADULT,
        &[
            "2020-02-06 23:59:59 5931102274 card mask-2020-02-06 2+0",
            "2020-02-13 00:00:00 5931102274 card mask-2020-02-06 2+0",
        ],
        &[],
    );
    found(
        ADULT,
        &[
            "2020-02-07 00:00:00 5931102274 card mask-2020-02-06 2+0",
            "2020-02-13 23:59:59 5931102274 card mask-2020-02-06 2+0",
        ],
        &["#2 Over: bought already; next 2020-02-14; because #1"],
    );
}

#[test]
fn a_stale_version_is_a_finding_of_its_own_and_counts() {
    // The site still sold by 7 days, after 14 days had come into force.
    found(
        ADULT,
        &[
            "2020-04-09 09:00:00 5931102274 card mask-2020-03-19 3+0",
            "2020-04-17 09:00:00 5931102274 card mask-2020-03-19 3+0",
            "2020-04-24 09:00:00 2391030026 card mask-2020-04-19 9+0",
        ],
        &[
            "#2 StaleVersion: bought already; next 2020-04-23; because #1",
            "#3 Over: bought already; next 2020-05-01; because #2",
        ],
    );
    // Wrong under its own version too, or under none that is known: over.
    found(
        ADULT,
        &[
            "2020-04-09 09:00:00 5931102274 card mask-2020-03-19 3+0",
            "2020-04-15 09:00:00 5931102274 card mask-2020-03-19 3+0",
        ],
        &["#2 Over: bought already; next 2020-04-23; because #1"],
    );
    found(
        ADULT,
        &[
            "2020-04-09 09:00:00 5931102274 card mask-unheard-of 3+0",
            "2020-04-17 09:00:00 5931102274 card mask-unheard-of 3+0",
        ],
        &["#2 Over: bought already; next 2020-04-23; because #1"],
    );
}

#[test]
fn a_stale_version_that_was_stricter_is_no_finding() {
    found(ADULT, &["2020-03-05 09:00:00 5931102274 card mask-2020-02-27 2+0"], &[]);
}

#[test]
fn decision_16_a_recorded_sale_over_the_limit_is_over() {
    found(
        ADULT,
        &[
            "2020-02-07 09:00:00 5931102274 typed mask-2020-02-06 5+0",
            "2020-02-10 09:00:00 5931102274 card mask-2020-02-06 2+0",
        ],
        &["#1 Over: over the limit; at most 2 now; because nothing"],
    );
}

#[test]
fn turn_and_child_masks_are_the_counters_business() {
    // An even day, child masks on an adult's card: not what a case is made of; the number is.
    found(ADULT, &["2020-02-06 09:00:00 5931102274 card mask-2020-02-06 0+2"], &[]);
    found(
        ADULT,
        &["2020-02-06 09:00:00 5931102274 card mask-2020-02-06 1+2"],
        &["#1 Over: over the limit; at most 2 now; because nothing"],
    );
    found("2015-01-01", &["2020-02-20 09:00:00 5931102274 card mask-2020-02-20 0+4"], &[]);
    found(
        "2015-01-01",
        &["2020-02-19 09:00:00 5931102274 card mask-2020-02-16 0+4"],
        &["#1 Over: over the limit; at most 2 adult, 2 child, 2 of both together now; because nothing"],
    );
}

#[test]
fn before_the_first_version_nothing_is_over_but_it_counts() {
    found(
        ADULT,
        &[
            "2020-02-04 16:26:00 5931102274 card mask-2020-02-06 9+0",
            "2020-02-06 09:00:00 5931102274 card mask-2020-02-06 2+0",
        ],
        &["#2 Over: bought already; next 2020-02-11; because #1"],
    );
}

#[test]
fn kits_count_pieces_by_round() {
    found(
        ADULT,
        &[
            "2022-08-14 09:00:00 5931102274 card kit-2022-07-01 1+0",
            "2022-08-15 09:00:00 5931102274 card kit-2022-08-15 1+0",
            "2022-08-16 09:00:00 2391030026 card kit-2022-08-15 2+0",
            "2022-08-17 09:00:00 2391030026 card kit-2022-08-15 1+0",
            "2022-08-18 09:00:00 5931102274 card kit-2022-08-15 1+0",
            "2022-09-01 09:00:00 5931102274 card kit-2022-09-01 2+0",
        ],
        &[
            "#3 Over: over the limit; at most 1 now; because #2",
            "#5 Over: bought already; next 2022-09-01; because #2 #4",
        ],
    );
}
