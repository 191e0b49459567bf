//! The ladder at the node: how old the knowledge of the nation is, and what the version lets the counter sell then.

use edge::node::BadAsk;
use edge::node::NodeError;
use edge::node::ask::SaleRequest;
use edge::store::Store;
use shared::ids::Incarnation;
use shared::rules::knowledge::{Allowed, Heard, Step};
use shared::rules::programme::shipped_text;
use shared::rules::refusal::Refusal;
use shared::sync::handshake::welcome;

use super::town::{HUB_LIFE, Hub, Site, elsewhere, sale};

const EVERYONE: &[&str] = &["mask-2020-04-19"];
const HOUR: i64 = 3_600;

fn buyer(number: usize) -> String {
    format!("05/Q{number}/1986-03-15")
}

/// A site under a version with this table.
fn site(table: &str) -> Site {
    let text = shipped_text("mask-2020-04-19").unwrap();
    let text = text.replacen("[[notices]]", &format!("[knowledge]\n{table}\n[[notices]]"), 1);
    let mut site = Site::on(Store::in_memory().unwrap(), "2020-05-04 09:00");
    site.node().take_down(1, &Hub::default().published_text(1, &text)).unwrap();
    site.arrive(200, 50).unwrap().unwrap();
    site
}

const CAREFUL: &str = "stale = \"one-piece\"\nvery_stale = \"manager\"\nnever = \"refuse\"";

/// A line is made; the hub's feed is so long.
fn greeted(site: &mut Site, feed: u64) {
    site.node().resume(&welcome(HUB_LIFE, 0, None, feed)).unwrap();
    site.beacon();
}

fn known(site: &mut Site) -> (Step, Allowed, Heard) {
    let reading = site.reading();
    let known = site.node().status(reading).unwrap().known;
    (known.step, known.allowed, known.heard)
}

fn step(site: &mut Site) -> Step {
    known(site).0
}

fn ago(age_s: u64, doubt_s: u32) -> Heard {
    Heard::Ago { age_s, doubt_s }
}

#[test]
fn who_never_heard_of_the_nation_knows_nothing_of_it_whatever_is_sold() {
    let mut site = Site::new("2020-05-04 09:00", EVERYONE);
    assert_eq!(known(&mut site), (Step::Never, Allowed::Sell, Heard::Never));
    site.beacon();
    assert_eq!(step(&mut site), Step::Never, "a time alone says nothing of the nation");
    assert_eq!(site.try_sell(&buyer(1), 2, 0), "sold 2");
}

#[test]
fn caught_up_is_when_the_feed_is_as_long_as_the_hub_has_said() {
    let mut site = Site::new("2020-05-04 09:00", EVERYONE);
    let mut hub = Hub::default();
    let parts: Vec<_> = (1..=3).map(|n| hub.news("mask", "2020-05-04 08:00", &buyer(90), elsewhere(n), 1)).collect();
    greeted(&mut site, 2);
    assert_eq!(step(&mut site), Step::Never);
    site.node().take_feed(0, &parts[..1]).unwrap();
    assert_eq!(step(&mut site), Step::Never, "one is missing");
    site.node().take_feed(1, &parts[1..2]).unwrap();
    assert_eq!(known(&mut site), (Step::Connected, Allowed::Sell, Heard::Now));
    // An acknowledgement says that there is more.
    let sold = site.tick(30).sell(&buyer(1), 1, 0).unwrap();
    site.node().acked(sold.pos, 3, None).unwrap();
    site.tick(60).beacon();
    assert_eq!(known(&mut site).2, ago(90, 0));
    site.node().take_feed(2, &parts[2..]).unwrap();
    assert_eq!(step(&mut site), Step::Connected);
}

#[test]
fn without_a_line_it_grows_old_and_beacons_keep_it_young() {
    let mut site = Site::new("2020-05-04 09:00", EVERYONE);
    greeted(&mut site, 0);
    for _ in 0..20 {
        site.tick(15).beacon();
        assert_eq!(step(&mut site), Step::Connected);
    }
    for (hours, step) in [(3, Step::Fresh), (69, Step::Stale), (1, Step::VeryStale)] {
        assert_eq!(known(site.tick(hours * HOUR)).0, step, "{hours} h later");
    }
    // The wall clock is nobody's witness.
    assert_eq!(step(site.set_clock(-70 * HOUR)), Step::VeryStale);
    greeted(&mut site, 0);
    assert_eq!(step(&mut site), Step::Connected);
}

#[test]
fn a_restart_keeps_what_is_known_and_its_clock_makes_it_older_never_younger() {
    let mut site = Site::new("2020-05-04 09:00", EVERYONE);
    greeted(&mut site, 0);
    site.tick(5 * 60).crash();
    let (found, _, heard) = known(&mut site);
    let Heard::Ago { age_s: 301..=303, doubt_s } = heard else { panic!("{heard:?}") };
    assert!((300..=400).contains(&doubt_s), "as far as the clock may have been set meanwhile: {doubt_s}");
    assert_eq!(found, Step::Fresh);
    // Off over lunch: somebody may have set the clock by eight hours.
    site.tick(HOUR).crash();
    assert_eq!(step(&mut site), Step::Stale, "{:?}", known(&mut site));
    // Set back: it does not get younger by that.
    site.set_clock(-30 * HOUR).crash();
    assert_eq!(step(&mut site), Step::VeryStale, "{:?}", known(&mut site));
    greeted(&mut site, 0);
    assert_eq!(step(&mut site), Step::Connected);
}

#[test]
fn of_another_life_of_the_hub_nothing_is_known_until_its_feed_is_here() {
    let mut site = Site::new("2020-05-04 09:00", EVERYONE);
    greeted(&mut site, 0);
    site.node().resume(&welcome(Incarnation([77; 16]), 0, None, 1)).unwrap();
    site.beacon();
    assert_eq!(step(&mut site), Step::Never);
    site.crash();
    assert_eq!(step(&mut site), Step::Never, "and a restart does not know better");
    greeted(&mut site, 0);
    assert_eq!(step(&mut site), Step::Connected);
}

#[test]
fn the_version_says_for_each_step_what_is_sold() {
    let mut site = site(CAREFUL);
    assert_eq!(known(&mut site), (Step::Never, Allowed::Refuse, Heard::Never));
    assert_eq!(site.sell(&buyer(1), 1, 0).unwrap_err(), Refusal::KnowledgeTooOld { heard: Heard::Never });
    assert_eq!(site.examine(&buyer(1)).unwrap_err().code(), "knowledge");
    // What was sold already is written down whatever is known.
    assert!(site.record("2020-05-04 08:30", &buyer(2), 2).unwrap().is_ok());
    greeted(&mut site, 0);
    assert_eq!(site.try_sell(&buyer(1), 2, 0), "sold 2");
    site.tick(10 * HOUR);
    assert_eq!(site.examine(&buyer(3)).unwrap().allowance.most(), 1);
    assert_eq!(site.sell(&buyer(3), 2, 0).unwrap_err(), Refusal::OnePiece { heard: ago(36_000, 0) });
    assert_eq!(site.try_sell(&buyer(3), 1, 0), "sold 1");
}

#[test]
fn very_old_knowledge_needs_a_named_manager_who_does_not_sell() {
    let mut site = site(CAREFUL);
    greeted(&mut site, 0);
    site.tick(100 * HOUR);
    assert_eq!(site.examine(&buyer(1)).unwrap().allowed, Allowed::Manager);
    let ask = |manager: Option<&str>| SaleRequest { manager: manager.map(str::to_owned), ..sale(&buyer(1), 2, 0) };
    for nobody in [None, Some(""), Some("王藥師"), Some(" 王藥師 ")] {
        let refusal = site.ask(&ask(nobody)).unwrap_err();
        assert_eq!(refusal, Refusal::AskManager { heard: ago(360_000, 0) }, "{nobody:?}");
    }
    let reading = site.reading();
    let number = site.node().sell(&ask(Some("A123456789")), reading);
    assert!(matches!(number, Err(NodeError::Ask(BadAsk::Personal))), "{number:?}");
    let sold = site.ask(&SaleRequest { request: Some("r1".to_owned()), ..ask(Some(" 林主任 ")) }).unwrap();
    assert_eq!(sold.approved_by.as_deref(), Some("林主任"));
    let again = site.ask(&SaleRequest { request: Some("r1".to_owned()), ..ask(None) }).unwrap();
    assert_eq!((again.replayed, again.approved_by.as_deref()), (true, Some("林主任")), "it is in the entry");
    // Where nothing asked for it the name is nobody's word.
    greeted(&mut site, 0);
    let sold = site.ask(&SaleRequest { manager: Some("林主任".to_owned()), ..sale(&buyer(2), 2, 0) }).unwrap();
    assert_eq!(sold.approved_by, None);
}
