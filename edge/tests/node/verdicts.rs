//! What a refusal rests on, and where each sale stands: provisional, confirmed, contested.

use shared::entry::{Fact, Standing};
use shared::ids::ActorId;
use shared::rules::evidence::Evidence;
use shared::rules::refusal::Refusal;
use shared::sync::handshake::welcome;

use super::town::{HUB_LIFE, Hub, Site, elsewhere};

const EVEN: &str = "05/P2/1986-03-15";
const ODD: &str = "05/P3/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];
const KIT: &[&str] = &["kit-2022-10-01"];

fn greeted(site: &mut Site, feed: u64) {
    site.node().resume(&welcome(HUB_LIFE, 0, None, feed)).unwrap();
}

fn said(refusal: &Refusal) -> Vec<String> {
    refusal.evidence().iter().map(|evidence| evidence.en()).collect()
}

fn standing(site: &mut Site) -> Vec<&'static str> {
    let recent = site.node().recent(9).unwrap();
    recent.iter().map(|line| line.standing().map_or("withdrawn", edge::node::Standing::code)).collect()
}

#[test]
fn a_refusal_names_this_sites_sale_with_its_time() {
    let mut site = Site::new("2020-02-06 10:32", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    let refusal = site.at("2020-02-11 09:00").sell(EVEN, 2, 0).unwrap_err();
    assert_eq!(refusal.evidence(), [Evidence::Own { second: sold.at.second }]);
    assert_eq!(said(&refusal), ["this site's sale of 2020-02-06 10:32"]);
    assert_eq!(site.examine(EVEN).unwrap_err(), refusal, "資格審核 says the same");
    // The nation's list stands for it now: it is still this site's, and said once.
    greeted(&mut site, 0);
    site.node().acked(sold.pos, 1, None).unwrap();
    let mut hub = Hub::default();
    site.node().take_feed(0, &[hub.news("mask", "2020-02-06 10:32", EVEN, sold.id, 2)]).unwrap();
    assert_eq!(site.sell(EVEN, 2, 0).unwrap_err(), refusal);
}

#[test]
fn a_sale_that_was_written_down_afterwards_is_named_by_when_it_happened() {
    let mut site = Site::new("2020-02-08 10:00", MASK);
    site.record("2020-02-06 17:05", EVEN, 2).unwrap().unwrap();
    assert_eq!(said(&site.sell(EVEN, 2, 0).unwrap_err()), ["this site's sale of 2020-02-06 17:05"]);
}

#[test]
fn of_a_purchase_elsewhere_only_the_day_is_said() {
    let mut site = Site::new("2020-02-09 09:00", MASK);
    let mut hub = Hub::default();
    site.node().take_feed(0, &[hub.news("mask", "2020-02-06 10:32", EVEN, elsewhere(1), 2)]).unwrap();
    let refusal = site.sell(EVEN, 2, 0).unwrap_err();
    assert_eq!((refusal.code(), said(&refusal)), ("bought", vec!["the nation's live list of 2020-02-06".to_owned()]));
    let refused = site.sell(ODD, 9, 0).unwrap_err();
    assert_eq!((refused.code(), refused.evidence()), ("limit", &[][..]), "other reasons need none");
}

#[test]
fn each_thing_that_fills_the_window_is_said_once_and_what_does_not_is_not() {
    let mut site = Site::new("2022-10-03 09:00", KIT);
    let mut hub = Hub::default();
    const ODD: &str = "01/A123456789/1986-03-15";
    let before = hub.news("kit", "2022-09-20 09:00", ODD, elsewhere(1), 2);
    let one = hub.news("kit", "2022-10-01 10:00", ODD, elsewhere(2), 2);
    let same_day = hub.news("kit", "2022-10-01 18:00", ODD, elsewhere(3), 2);
    site.node().take_feed(0, &[before, one, same_day]).unwrap();
    site.sell(ODD, 2, 0).unwrap();
    let said = said(&site.sell(ODD, 1, 0).unwrap_err());
    assert_eq!(said, ["this site's sale of 2022-10-03 09:00", "the nation's live list of 2022-10-01"]);
}

#[test]
fn a_sale_is_provisional_until_the_nations_list_has_come_as_far_as_the_hub_counted_it() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut hub = Hub::default();
    let sold = site.sell(EVEN, 2, 0).unwrap();
    assert_eq!(standing(&mut site), ["provisional"]);
    greeted(&mut site, 0);
    site.node().acked(sold.pos, 2, None).unwrap();
    assert_eq!(standing(&mut site), ["provisional"], "on the hub's disk, and its list is not here yet");
    let other = hub.news("mask", "2020-02-06 08:00", ODD, elsewhere(1), 2);
    site.node().take_feed(0, &[other]).unwrap();
    assert_eq!(standing(&mut site), ["provisional"]);
    site.node().take_feed(1, &[hub.news("mask", "2020-02-06 09:00", EVEN, sold.id, 2)]).unwrap();
    assert_eq!(standing(&mut site), ["confirmed"]);
    site.crash();
    assert_eq!(standing(&mut site), ["confirmed"], "a restart without a line knows it");
    let desk = |over| {
        let standing = |over| Fact::Standing(Standing { sale: sold.id, over });
        let facts: &[Fact] = if over { &[standing(true)] } else { &[standing(true), standing(false)] };
        Hub::default().run("desk/5931102274/2020-02", ActorId([7; 16]), facts)
    };
    site.node().take_down(2, &desk(true)).unwrap();
    assert_eq!(standing(&mut site), ["contested"]);
    site.node().take_down(3, &desk(false)).unwrap();
    assert_eq!(standing(&mut site), ["confirmed"]);
    site.withdraw(sold.id).unwrap();
    assert_eq!(standing(&mut site), ["withdrawn"]);
}

#[test]
fn what_the_hub_put_aside_or_a_new_hub_has_not_seen_is_provisional() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    greeted(&mut site, 0);
    site.node().quarantined(sold.pos, "hash").unwrap();
    assert_eq!(standing(&mut site), ["provisional"]);
    greeted(&mut site, 0);
    site.node().acked(sold.pos, 0, None).unwrap();
    assert_eq!(standing(&mut site), ["confirmed"]);
    site.node().resume(&welcome(shared::ids::Incarnation([77; 16]), 0, None, 0)).unwrap();
    assert_eq!(standing(&mut site), ["provisional"], "another life of the hub has not said so");
}
