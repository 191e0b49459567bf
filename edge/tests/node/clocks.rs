//! Clocks that lie: what a site takes for the time, what it says of it, and what a version lets it sell (docs/clocks.md).

use edge::node::ask::{Mark, Sold};
use shared::rules::calendar::{roc_date, roc_minute, taipei_day};
use shared::rules::programme::shipped_text;
use shared::rules::refusal::Refusal;

use super::town::{Hub, Site, second};

/// The versions after which everybody may come on any day: only the window counts.
const EVERYONE: &[&str] = &["mask-2020-04-19"];
/// Odd and even digits, seven days.
const ODD_EVEN: &[&str] = &["mask-2020-02-06"];
const EVEN: &str = "05/P2/1986-03-15";
const ODD: &str = "05/P3/1986-03-15";
const DAY: i64 = 86_400;
const JUMPS: [i64; 11] = [1, -1, 30, -30, 8 * 3_600, -8 * 3_600, 2 * DAY, -2 * DAY, 30 * DAY, -30 * DAY, 400 * DAY];

fn buyer(number: usize) -> String {
    format!("05/Q{number}/1986-03-15")
}

/// What a sale says of its time, against the truth.
fn off_s(site: &Site, sold: &Sold) -> u64 {
    sold.at.second.abs_diff(site.true_second())
}

fn heard(taipei: &str) -> Site {
    let mut site = Site::new(taipei, EVERYONE);
    site.beacon();
    site
}

#[test]
fn after_a_beacon_no_jump_moves_anything() {
    let to_1970 = -second("2020-05-04 09:00");
    for jump in JUMPS.into_iter().chain([-400 * DAY, to_1970]) {
        let mut site = heard("2020-05-04 09:00");
        let sold = site.tick(60).set_clock(jump).sell(EVEN, 2, 0).unwrap();
        assert_eq!((off_s(&site, &sold), sold.mark), (0, Mark::None), "{jump}");
        assert_eq!(taipei_day(sold.at.second).to_string(), "2020-05-04");
        // Started again at once, the line still cut: the correction is kept.
        site.tick(30).crash();
        let sold = site.sell(ODD, 2, 0).unwrap();
        assert!(off_s(&site, &sold) <= u64::from(sold.at.doubt_s).min(200), "{jump}: {sold:?}");
        assert_eq!(sold.mark, Mark::None, "{jump}");
        assert_eq!(site.tick(13 * DAY).try_sell(EVEN, 2, 0), "bought already; next 2020-05-18", "{jump}");
    }
}

#[test]
fn a_clock_that_jumps_before_the_first_beacon_is_not_followed_and_marks() {
    let to_1970 = -second("2020-05-04 09:00");
    for jump in JUMPS.into_iter().chain([-400 * DAY, to_1970]).filter(|jump| jump.abs() > 5) {
        let mut site = heard("2020-05-04 09:00");
        site.sell(&buyer(0), 1, 0).unwrap();
        site.tick(60).crash();
        let sold = site.tick(60).set_clock(jump).sell(&buyer(1), 1, 0).unwrap();
        assert!(off_s(&site, &sold) <= 1, "{jump}: {sold:?}");
        assert_eq!(sold.at.doubt_s, u32::MAX, "{jump}: and says that nobody knows");
        assert!(matches!(sold.mark, Mark::Doubtful { doubt_s: u32::MAX, .. }), "{jump}");
        site.tick(60).crash();
        let sold = site.sell(&buyer(2), 1, 0).unwrap();
        assert!(off_s(&site, &sold) <= 1 && sold.mark.is_doubtful(), "{jump}, started again: {sold:?}");
        site.beacon();
        let sold = site.sell(&buyer(3), 1, 0).unwrap();
        assert_eq!((off_s(&site, &sold), sold.mark), (0, Mark::None), "{jump}, heard again");
    }
}

#[test]
fn a_clock_set_while_the_program_was_off_is_within_its_doubt_and_marked() {
    for (off_days, jump) in [(1, 0), (1, 8 * 3_600), (1, -8 * 3_600), (3, 2 * DAY), (1, 400 * DAY), (0, 400 * DAY)] {
        let mut site = heard("2020-05-04 18:00");
        site.sell(&buyer(0), 1, 0).unwrap();
        site.tick(off_days * DAY - off_days * 10 * 3_600 + 60).set_clock(jump).crash();
        let sold = site.sell(&buyer(1), 1, 0).unwrap();
        assert!(off_s(&site, &sold) <= u64::from(sold.at.doubt_s), "{off_days} {jump}: {sold:?}");
        assert!(sold.mark.is_doubtful(), "{off_days} {jump}: {sold:?}");
        let recent = site.node().recent(1).unwrap();
        assert!(recent[0].mark.zh().contains("時間未經中心確認"), "{:?}", recent[0]);
        assert!(recent[0].mark.en().contains("not confirmed by the hub"));
    }
}

#[test]
fn a_clock_reset_to_1970_goes_on_from_what_was_written() {
    let mut site = heard("2020-05-04 18:00");
    site.sell(&buyer(0), 1, 0).unwrap();
    site.tick(14 * 3_600).set_clock(60 - second("2020-05-05 08:00")).crash();
    let sold = site.sell(&buyer(1), 1, 0).unwrap();
    assert_eq!(roc_date(taipei_day(sold.at.second)), "109/05/04", "the last day of which anything is known");
    assert!(matches!(sold.mark, Mark::Doubtful { doubt_s: u32::MAX, .. }), "{sold:?}");
    // Somebody sets it right by hand.
    let sold = site.tick(600).set_clock(0).sell(&buyer(2), 1, 0).unwrap();
    assert_eq!((off_s(&site, &sold), sold.at.doubt_s), (0, u32::MAX));
    site.tick(60).crash();
    let sold = site.sell(&buyer(3), 1, 0).unwrap();
    assert_eq!(
        (off_s(&site, &sold), sold.at.doubt_s),
        (0, u32::MAX),
        "right at the next start, and nobody has confirmed it"
    );
}

#[test]
fn a_site_that_was_never_heard_says_so() {
    let mut site = Site::new("2020-05-04 09:00", EVERYONE);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    assert_eq!(sold.mark, Mark::Doubtful { doubt_s: u32::MAX, beacon_age_s: None });
    let reading = site.reading();
    let status = site.node().status(reading).unwrap();
    assert_eq!((status.mark.is_doubtful(), status.beacon_age_s), (true, None));
    site.beacon();
    let reading = site.tick(7_200).reading();
    let status = site.node().status(reading).unwrap();
    assert_eq!((status.mark, status.beacon_age_s), (Mark::None, Some(7_200)));
}

/// A site with a version that sells nothing under a doubtful clock.
fn strict(taipei: &str) -> Site {
    let text = shipped_text("mask-2020-02-06").unwrap();
    let text = text.replacen("[[notices]]", "[clock]\ndoubt_s_max = 300\nwhen_doubtful = \"refuse\"\n\n[[notices]]", 1);
    let mut site = Site::new(taipei, &[]);
    site.node().take_down(1, &Hub::default().published_text(1, &text)).unwrap();
    site
}

#[test]
fn a_version_that_refuses_is_obeyed_until_the_hub_is_heard() {
    let mut site = strict("2020-02-06 09:00");
    let refused = Refusal::Clock { doubt_s: u32::MAX };
    assert_eq!(site.sell(EVEN, 2, 0).unwrap_err(), refused);
    assert_eq!(site.examine(EVEN).unwrap_err(), refused);
    assert_eq!(site.sell(ODD, 2, 0).unwrap_err(), refused, "before whose day it is");
    assert_eq!(site.sell("01/A123456780/1986-03-15", 2, 0).unwrap_err().code(), "document");
    // What was sold on paper is written down all the same (decision 16).
    assert!(site.record("2020-02-06 08:30", EVEN, 2).unwrap().is_ok());
    site.beacon();
    assert_eq!(site.sell(ODD, 2, 0).unwrap_err().code(), "turn");
    assert!(site.sell("05/P4/1986-03-15", 2, 0).is_ok());
    site.tick(60).crash();
    assert!(site.sell("05/P6/1986-03-15", 2, 0).is_ok(), "a minute off says nothing");
    site.tick(60).set_clock(400 * DAY);
    assert_eq!(site.sell("05/P8/1986-03-15", 2, 0).unwrap_err(), refused);
    assert_eq!(
        site.node().log_len(),
        4,
        "an arrival, a record and two sales; nothing of the refused: {:?}",
        site.stock()
    );
}

#[test]
fn a_version_that_says_nothing_of_clocks_marks() {
    let text = shipped_text("mask-2020-02-06").unwrap();
    let mut site = Site::new("2020-02-06 09:00", &[]);
    site.node().take_down(1, &Hub::default().published_text(1, text)).unwrap();
    assert!(site.sell(EVEN, 2, 0).unwrap().mark.is_doubtful());
}

#[test]
fn the_roc_year_ends_at_midnight_in_taipei() {
    let mut site = Site::new("2020-12-31 23:59", ODD_EVEN);
    site.beacon();
    // A Thursday: even numbers, to the last second.
    let last = site.tick(59).sell(EVEN, 2, 0).unwrap();
    assert_eq!(
        (roc_date(taipei_day(last.at.second)), roc_minute(last.at.second)),
        ("109/12/31".to_owned(), "109/12/31 23:59".to_owned())
    );
    assert_eq!(site.try_sell(ODD, 2, 0), "today is for even numbers; come on 2021-01-01 (Fri)");
    // A second later it is 110, and a Friday.
    let first = site.tick(1).sell(ODD, 2, 0).unwrap();
    assert_eq!(
        (roc_date(taipei_day(first.at.second)), roc_minute(first.at.second)),
        ("110/01/01".to_owned(), "110/01/01 00:00".to_owned())
    );
    assert_eq!(site.try_sell("05/P4/1986-03-15", 2, 0), "today is for odd numbers; come on 2021-01-02 (Sat)");
    let reading = site.reading();
    assert_eq!(roc_date(site.node().status(reading).unwrap().today), "110/01/01");
    // The window lies across the year.
    let refusal = site.at("2021-01-02 09:00").sell(EVEN, 2, 0).unwrap_err();
    assert!(refusal.zh().contains("下次購買起日：110/01/07"), "{}", refusal.zh());
    assert_eq!(site.at("2021-01-07 00:00").try_sell(EVEN, 2, 0), "sold 2");
    assert_eq!(site.at("2021-01-07 00:00").try_sell(ODD, 2, 0), "today is for even numbers; come on 2021-01-08 (Fri)");
    assert_eq!(site.at("2021-01-08 00:00").try_sell(ODD, 2, 0), "sold 2");
}

#[test]
fn the_twenty_ninth_of_february_is_a_day() {
    let mut site = Site::new("2020-02-29 23:59", ODD_EVEN);
    site.beacon();
    // A Saturday: even numbers; the first of March is a Sunday: everybody.
    let last = site.tick(59).sell(EVEN, 2, 0).unwrap();
    assert_eq!(roc_date(taipei_day(last.at.second)), "109/02/29");
    let first = site.tick(1).sell(ODD, 2, 0).unwrap();
    assert_eq!(roc_date(taipei_day(first.at.second)), "109/03/01");
    assert_eq!(site.at("2020-03-06 09:00").try_sell("05/P5/1986-03-15", 2, 0), "sold 2");
    let refusal = site.at("2020-03-05 09:00").sell(EVEN, 2, 0).unwrap_err();
    assert_eq!(refusal.next().map(|day| day.to_string()).as_deref(), Some("2020-03-07"));
}

#[test]
fn sunday_ends_at_midnight_in_taipei() {
    let mut site = Site::new("2020-02-09 23:59", ODD_EVEN);
    site.beacon();
    assert_eq!(site.tick(59).try_sell(EVEN, 2, 0), "sold 2", "Sunday is for everybody");
    assert_eq!(site.tick(1).try_sell("05/P4/1986-03-15", 2, 0), "today is for odd numbers; come on 2020-02-11 (Tue)");
    assert_eq!(site.try_sell(ODD, 2, 0), "sold 2");
    // Eight hours off: who takes UTC for Taipei's time has Sunday still.
    let mut slow = Site::new("2020-02-10 00:00", ODD_EVEN);
    slow.beacon();
    assert_eq!(slow.set_clock(-8 * 3_600).try_sell(EVEN, 2, 0), "today is for odd numbers; come on 2020-02-11 (Tue)");
}
