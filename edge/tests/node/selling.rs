//! 資格審核 and 購買.

use edge::node::{BadAsk, NodeError};
use shared::rules::refusal::Refusal;

use super::town::{Site, document, sale};

/// Even and odd, grown up; and a child.
const EVEN: &str = "05/P2/1986-03-15";
const ODD: &str = "01/A123456789/1986-03-15";
const CHILD: &str = "05/P4/2010-01-01";
const MASK: &[&str] = &["mask-2020-02-06"];

#[test]
fn m2_m9_m15_examine_sell_refuse_with_the_next_date() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let examined = site.examine(EVEN).unwrap();
    assert_eq!((examined.allowance.most(), examined.is_child, examined.stock.adult), (2, false, 200));
    let sold = site.sell(EVEN, 2, 0).unwrap();
    assert_eq!((sold.price_ntd, sold.stock.adult, sold.watermark), (10, 198, 0));
    assert_eq!(site.examine(EVEN).unwrap_err().en(), "bought already; next 2020-02-13");
    assert_eq!(site.at("2020-02-12 09:00").try_sell(EVEN, 2, 0), "today is for odd numbers; come on 2020-02-13 (Thu)");
    assert_eq!(site.at("2020-02-13 09:00").try_sell(EVEN, 2, 0), "sold 2");

    let recent = site.node().recent(10).unwrap();
    let lines: Vec<_> = recent.iter().map(|line| (line.site_name.as_str(), line.pieces.adult, line.acked)).collect();
    assert_eq!(lines, [("淡水藥局", 2, false), ("淡水藥局", 2, false)]);
    assert_eq!(recent[1].id, sold.id, "newest first");
    assert_eq!(site.node().recent(1).unwrap().len(), 1);
    assert_eq!(site.node().recent(0).unwrap(), []);
}

#[test]
fn the_first_failing_reason_is_told() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    for (who, adult, child, answer) in [
        ("01/A123456780/1986-03-15", 2, 0, "document"),
        ("01/A123456789/1100230", 2, 0, "document"),
        (ODD, 2, 0, "turn"),
        (EVEN, 0, 2, "child"),
        (EVEN, 3, 0, "limit"),
        (EVEN, i64::MAX, 0, "limit"),
        (EVEN, -1, 3, "limit"),
        (EVEN, 0, 0, "limit"),
        (CHILD, 1, 1, "sold"),
        (EVEN, 1, 0, "sold"),
        (EVEN, -5, 0, "bought"),
        (EVEN, 9, 9, "bought"),
    ] {
        let said = site.sell(who, adult, child).map_or_else(|refusal| refusal.code(), |_| "sold");
        assert_eq!(said, answer, "{who} {adult} {child}");
    }
    assert_eq!(site.node().log_len(), 3, "an arrival and two sales; nothing half-written");
}

#[test]
fn no_rules_no_sale() {
    let mut site = Site::new("2020-02-06 09:00", &[]);
    assert_eq!(site.sell(EVEN, 2, 0).unwrap_err(), Refusal::NoProgramme);
    assert_eq!(site.stock(), (200, 50), "but goods may arrive, as masks");
    let mut early = Site::new("2020-02-05 09:00", MASK);
    assert_eq!(early.sell(EVEN, 2, 0).unwrap_err(), Refusal::NoProgramme, "not in force yet");
}

#[test]
fn a_repeated_request_is_one_sale_and_the_same_answer() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut ask = sale(EVEN, 2, 0);
    ask.request = Some("r1".to_owned());
    let first = site.ask(&ask).unwrap();
    let again = site.ask(&ask).unwrap();
    assert_eq!((again.id, again.stock, again.replayed, first.replayed), (first.id, first.stock, true, false));
    site.crash();
    let after = site.ask(&ask).unwrap();
    assert_eq!((&after.id, &after.masked, after.price_ntd), (&first.id, &first.masked, 10));
    assert_eq!(site.stock(), (198, 50));
    let mut other = sale(CHILD, 2, 0);
    other.request = Some("r1".to_owned());
    let reading = site.reading();
    let error = site.node().sell(&other, reading).unwrap_err();
    assert!(matches!(error, NodeError::Ask(BadAsk::RequestReused)), "{error}");
    other.by = "x".repeat(65);
    other.request = None;
    assert!(matches!(site.node().sell(&other, reading), Err(NodeError::Ask(BadAsk::Name { bytes_max: 64 }))));
}

#[test]
fn m18_no_stock_no_transaction() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    assert_eq!(site.correct(-199, 0), Ok(1));
    assert_eq!(
        site.try_sell(EVEN, 2, 0),
        "not enough in stock (adult 1, child 50): ask for less, or confirm the arrival first"
    );
    assert_eq!(site.try_sell(EVEN, 1, 0), "sold 1");
}

#[test]
fn decision_12_a_withdrawn_sale_gives_back_stock_and_quota() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    let withdrawn = site.withdraw(sold.id).unwrap();
    assert_eq!((withdrawn.stock.adult, withdrawn.of), (200, sold.id));
    assert_eq!(site.withdraw(sold.id).unwrap_err(), Refusal::AlreadyWithdrawn);
    assert_eq!(site.withdraw(withdrawn.id).unwrap_err(), Refusal::Unknown, "a withdrawal is not taken back");
    assert_eq!(site.withdraw(super::town::elsewhere(1)).unwrap_err(), Refusal::Unknown);
    assert!(site.node().recent(1).unwrap()[0].withdrawn);
    let again = site.sell(EVEN, 2, 0).unwrap();
    assert_eq!(again.stock.adult, 198);
    let refusal = site.at("2020-02-07 00:00").withdraw(again.id).unwrap_err();
    assert_eq!(
        refusal.en(),
        "this entry is of 2020-02-06 and could be withdrawn on that day only: correct the stock instead"
    );
}

#[test]
fn a_second_person_is_another_person() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    assert_eq!(site.try_sell(EVEN, 2, 0), "sold 2");
    assert_eq!(site.try_sell("05/P2/1986-03-16", 2, 0), "sold 2", "a passport with another birth date");
    assert_eq!(site.try_sell("04/P2/1986-03-15", 2, 0), "sold 2", "a permit is no passport");
    site.at("2020-02-07 09:00");
    assert_eq!(site.try_sell(ODD, 2, 0), "sold 2");
    assert_eq!(site.try_sell(&ODD.replace("01/", "02/"), 2, 0), "bought already; next 2020-02-14", "typed or read");
}

#[test]
fn m20_one_card_a_proxy() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut ask = sale(EVEN, 2, 0);
    ask.proxy = Some(document("05/P5/1990-01-01"));
    let sold = site.ask(&ask).unwrap();
    assert!(sold.proxy_masked.is_some());
    ask.document = document(CHILD);
    assert_eq!(site.ask(&ask).unwrap_err(), Refusal::Proxy { most: 1 });
    site.withdraw(sold.id).unwrap();
    assert!(site.ask(&ask).is_ok(), "a withdrawn sale was not carried");
    ask.document = document("05/P8/1986-03-15");
    ask.proxy = Some(document("05/P8/1986-03-15"));
    assert_eq!(site.ask(&ask).unwrap_err(), Refusal::ProxyIsBuyer);
}

#[test]
fn decision_16_a_sale_that_happened_is_never_refused() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    site.correct(-200, -50).unwrap();
    let recorded = site.record("2020-02-07 11:30", EVEN, 5).unwrap().unwrap().into_inner();
    assert_eq!((recorded.stock.adult, recorded.pieces.adult), (-5, 5), "no stock, not their day, over the limit");
    assert_eq!(site.examine(EVEN).unwrap_err().en(), "bought already; next 2020-02-14", "counted on its own day");
    assert!(site.record("2020-02-05 11:30", EVEN, 2).unwrap().is_ok(), "before any rules: by the first");
    assert!(matches!(site.record("2020-02-08 09:05", EVEN, 2), Err(NodeError::Ask(BadAsk::Future))));
    assert!(matches!(site.record("2019-02-08 09:05", EVEN, 2), Err(NodeError::Ask(BadAsk::LongAgo { .. }))));
    assert!(matches!(site.record("2020-02-08 08:00", "01/A123456780/1986-03-15", 2), Ok(Err(Refusal::Document(_)))));
    assert_eq!(site.record("2020-02-08 08:00", EVEN, 0).unwrap().unwrap_err(), Refusal::NothingAsked);
    let recent = site.node().recent(2).unwrap();
    assert!(recent.iter().all(|line| line.recorded));
    assert_eq!(recent[1].second, super::town::second("2020-02-07 11:30"));
}

#[test]
fn versions_follow_each_other_and_old_purchases_count_by_the_new_window() {
    let mut site = Site::new("2020-04-07 09:00", &["mask-2020-03-19", "mask-2020-04-09"]);
    assert_eq!(site.sell(EVEN, 3, 0).unwrap().version.as_str(), "mask-2020-03-19");
    site.at("2020-04-15 09:00");
    assert_eq!(site.examine(EVEN).unwrap_err().en(), "bought already; next 2020-04-21", "14 days now");
}
