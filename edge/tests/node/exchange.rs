//! Up, down and the nation: nothing counted twice, nothing forgotten.

use edge::node::NodeError;
use shared::entry::{Fact, Published, Standing};
use shared::ids::{ActorId, DocId, EntryId, Incarnation};
use shared::ledger::fold;
use shared::ledger::run::Run;
use shared::rules::refusal::Refusal;
use shared::sync::handshake::welcome;
use shared::wire::v1::message::{Seen, Welcome};

use super::town::{HUB_LIFE, Hub, SITE, Site, elsewhere, keys, sale, second};

const EVEN: &str = "05/P2/1986-03-15";
const ODD: &str = "01/A123456789/1986-03-15";
const OTHER_ODD: &str = "01/A870000015/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];
const KIT: &[&str] = &["kit-2022-10-01"];

fn runs(site: &mut Site) -> Vec<Run> {
    let mut after = 0;
    let mut out = Vec::new();
    while let Some((run, upto)) = site.node().load_run(after).unwrap() {
        out.push(run);
        after = upto;
    }
    assert_eq!(after, site.node().log_len());
    out
}

fn greeting(last: Option<Seen>, feed: u64) -> Welcome {
    welcome(HUB_LIFE, 0, last, feed)
}

#[test]
fn every_day_and_every_start_has_an_actor_of_its_own_and_all_fold_into_one_document() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    site.sell(EVEN, 2, 0).unwrap();
    site.crash();
    site.sell("05/P4/1986-03-15", 2, 0).unwrap();
    site.sell("05/P6/1986-03-15", 2, 0).unwrap();
    site.at("2020-02-07 00:00").sell(ODD, 2, 0).unwrap();
    let runs = runs(&mut site);
    let docs: Vec<String> = runs.iter().map(|run| format!("{} {}", run.doc, run.entries.len())).collect();
    assert_eq!(docs, ["site/5931102274/2020-02-06 2", "site/5931102274/2020-02-06 2", "site/5931102274/2020-02-07 1"]);
    assert!(runs.iter().all(|run| run.links().is_ok()));
    assert_ne!(runs[0].start.id.actor, runs[1].start.id.actor);
    assert_eq!(runs[1].start.deps, [runs[0].last], "behind the heads of the life before");
    let day = |doc: DocId| runs.iter().filter(move |run| run.doc == doc).flat_map(|run| run.changes().unwrap());
    let document = fold::document(day(runs[0].doc).collect()).unwrap();
    assert_eq!((fold::heads(&document), fold::entries(&document).unwrap().len()), (vec![runs[1].last], 4));
    // From the middle too.
    let (rest, upto) = site.node().load_run(1).unwrap().unwrap();
    assert_eq!((rest.links().unwrap().len(), rest.last, upto), (1, runs[0].last, 2));
}

#[test]
fn a_purchase_elsewhere_refuses_here_with_the_next_date_and_its_removal_frees() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut hub = Hub::default();
    let bought = hub.news("mask", "2020-02-06 10:00", EVEN, elsewhere(1), 2);
    site.node().take_feed(0, std::slice::from_ref(&bought)).unwrap();
    site.node().take_feed(0, &[bought]).unwrap();
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
    site.crash();
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
    assert_eq!(site.node().standing().feed, 1);
    let gone = hub.news("mask", "2020-02-06 10:00", EVEN, elsewhere(1), -2);
    site.node().take_feed(1, &[gone]).unwrap();
    let sold = site.sell(EVEN, 2, 0).unwrap();
    assert_eq!(sold.watermark, 2, "the sale says what was known");
    hub.news("mask", "2020-02-06 10:00", ODD, elsewhere(2), 2);
    let late = hub.news("mask", "2020-02-06 10:00", ODD, elsewhere(3), 2);
    assert!(matches!(site.node().take_feed(3, &[late]), Err(NodeError::Nation(_))), "one is missing");
}

#[test]
fn an_own_sale_that_comes_back_with_the_feed_is_not_counted_twice() {
    let mut site = Site::new("2022-10-03 09:00", KIT);
    let mut hub = Hub::default();
    let node = |site: &mut Site| {
        let pos = site.node().log_len();
        let welcome = greeting(None, 0);
        assert_eq!(site.node().resume(&welcome).unwrap().pos(), Some(0));
        pos
    };
    let sold = site.sell(ODD, 4, 0).unwrap();
    let upto = node(&mut site);
    assert_eq!(site.examine(ODD).unwrap().allowance.adult, 2);
    // The feed is ahead of the acknowledgement, or the other way round, or both are there.
    site.node().take_feed(0, &[hub.news("kit", "2022-10-03 09:00", ODD, sold.id, 4)]).unwrap();
    assert_eq!(site.examine(ODD).unwrap().allowance.adult, 2, "not acknowledged yet");
    site.node().acked(upto, 1, None).unwrap();
    assert_eq!(site.examine(ODD).unwrap().allowance.adult, 2, "covered");
    site.crash();
    assert_eq!(site.examine(ODD).unwrap().allowance.adult, 2, "after a restart without a line");
    let more = site.sell(ODD, 1, 0).unwrap();
    site.node().resume(&greeting(None, 1)).unwrap();
    site.node().acked(more.pos, 2, None).unwrap();
    assert_eq!(site.examine(ODD).unwrap().allowance.adult, 1, "acknowledged, the feed not here yet");
    assert!(site.node().recent(2).unwrap().iter().all(|line| line.acked));
}

#[test]
fn a_withdrawn_sale_that_the_nation_still_lists_does_not_block() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut hub = Hub::default();
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().resume(&greeting(None, 0)).unwrap();
    site.node().acked(sold.pos, 1, None).unwrap();
    site.node().take_feed(0, &[hub.news("mask", "2020-02-06 09:00", EVEN, sold.id, 2)]).unwrap();
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
    site.withdraw(sold.id).unwrap();
    assert_eq!(site.try_sell(EVEN, 2, 0), "sold 2");
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
}

#[test]
fn a_sale_found_one_too_many_stops_counting_and_is_shown() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut hub = Hub::default();
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().resume(&greeting(None, 0)).unwrap();
    site.node().acked(sold.pos, 1, None).unwrap();
    let counted = hub.news("mask", "2020-02-06 09:00", EVEN, sold.id, 2);
    let gone = hub.news("mask", "2020-02-06 09:00", EVEN, sold.id, -2);
    let first = hub.news("mask", "2020-02-04 09:00", EVEN, elsewhere(3), 2);
    site.node().take_feed(0, &[counted, gone]).unwrap();
    assert!(site.examine(EVEN).is_ok(), "only the hub knows why");
    site.node().take_feed(2, &[first]).unwrap();
    assert_eq!(site.examine(EVEN).unwrap_err().en(), "bought already; next 2020-02-11", "by the first purchase");
    let standing = |over| Fact::Standing(Standing { sale: sold.id, over });
    let desk = |facts: &[Fact]| Hub::default().run("desk/5931102274/2020-02", ActorId([7; 16]), facts);
    site.node().take_down(2, &desk(&[standing(true)])).unwrap();
    assert!(site.node().recent(1).unwrap()[0].over);
    site.node().take_down(3, &desk(&[standing(true), standing(false)])).unwrap();
    assert!(!site.node().recent(1).unwrap()[0].over, "and again it counts");
}

#[test]
fn the_hub_says_what_it_has_and_a_new_hub_has_nothing() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    let hash = runs(&mut site)[0].last;
    let seen = |id: EntryId| Some(Seen { id, hash });
    site.node().resume(&greeting(None, 0)).unwrap();
    site.node().acked(sold.pos, 0, None).unwrap();
    assert_eq!(site.node().resume(&greeting(seen(sold.id), 0)).unwrap().pos(), Some(2));
    assert_eq!(site.node().resume(&greeting(seen(elsewhere(1)), 0)).unwrap().pos(), Some(0), "another store's life");
    let other_hash = Some(Seen { id: EntryId { seq: 1, ..sold.id }, hash });
    assert_eq!(site.node().resume(&greeting(other_hash, 0)).unwrap().pos(), Some(0));

    let mut hub = Hub::default();
    site.node().take_feed(0, &[hub.news("mask", "2020-02-06 09:00", ODD, elsewhere(1), 2)]).unwrap();
    let standing = site.node().standing();
    assert_eq!((standing.down, standing.feed, standing.hub_life), (0, 1, HUB_LIFE));
    let another = Welcome { hub_life: Incarnation([77; 16]), ..greeting(None, 0) };
    assert_eq!(site.node().resume(&another).unwrap().pos(), Some(0));
    let standing = site.node().standing();
    assert_eq!((standing.down, standing.feed, standing.hub_life), (0, 0, Incarnation([77; 16])));
    assert_eq!(site.at("2020-02-07 09:00").try_sell(ODD, 2, 0), "sold 2", "what the old hub said is forgotten");
    site.node().take_down(1, &Hub::default().published(1, MASK[0])).unwrap();
}

#[test]
fn what_is_not_for_this_site_or_not_what_it_says_is_refused() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let standing = [Fact::Standing(Standing { sale: elsewhere(1), over: true })];
    let hub = Hub::default();
    for doc in ["desk/3501200000/2020-02", "site/5931102274/2020-02-06"] {
        let run = hub.run(doc, ActorId([7; 16]), &standing);
        assert!(matches!(site.node().take_down(2, &run), Err(NodeError::Foreign { .. })), "{doc}");
    }
    let desk = |facts: &[Fact]| hub.run("desk/5931102274/2020-02", ActorId([7; 16]), facts);
    let mut forged = desk(&standing);
    forged.entries[0][3] ^= 1;
    assert!(matches!(site.node().take_down(2, &forged), Err(NodeError::Run { .. })));
    let two = desk(&[standing[0].clone(), standing[0].clone()]);
    let rest = two.clone().without_first(1, &two.links().unwrap()).unwrap();
    assert!(matches!(site.node().take_down(2, &rest), Err(NodeError::Gap { known: 0, .. })));
    site.node().take_down(2, &two).unwrap();
    site.node().take_down(2, &two).unwrap();
    let other = desk(&[Fact::Standing(Standing { sale: elsewhere(2), over: true })]);
    assert!(matches!(site.node().take_down(3, &other), Err(NodeError::Contradiction { .. })));
    assert_eq!(site.node().standing().down, 2);
}

#[test]
fn a_run_that_the_hub_put_aside_is_listed_and_still_counts_here() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().resume(&greeting(None, 0)).unwrap();
    site.node().quarantined(sold.pos, "hash differs").unwrap();
    site.crash();
    let reading = site.reading();
    assert_eq!(site.node().status(reading).unwrap().quarantined, 1);
    assert!(!site.node().recent(1).unwrap()[0].acked);
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
}

#[test]
fn a_refusal_that_was_lost_with_the_line_is_asked_for_again() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    let last = Some(Seen { id: sold.id, hash: runs(&mut site)[0].last });
    site.node().resume(&greeting(None, 0)).unwrap();
    // The hub put the run aside and goes on behind it; the line broke before its answer was here.
    assert_eq!(site.node().resume(&greeting(last, 0)).unwrap().pos(), Some(0), "nobody told us what became of it");
    assert!(!site.node().recent(1).unwrap()[0].acked);
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
    site.node().quarantined(sold.pos, "hash differs").unwrap();
    assert_eq!(site.node().resume(&greeting(last, 0)).unwrap().pos(), Some(sold.pos), "once is enough");
    assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13");
}

#[test]
fn what_a_lost_hub_found_is_forgotten_with_it_and_its_rules_stand_behind_the_new_ones() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    let priced = |actor: u8, price: &str| {
        let text = shared::rules::programme::shipped_text(MASK[0]).unwrap();
        let text = text.replace("price_ntd_per_piece = 5", &format!("price_ntd_per_piece = {price}"));
        Hub::default().run("nation/2020-02", ActorId([actor; 16]), &[Fact::Programme(Published { text })])
    };
    let over = [Fact::Standing(Standing { sale: sold.id, over: true })];
    let desk = |actor: u8| Hub::default().run("desk/5931102274/2020-02", ActorId([actor; 16]), &over);
    site.node().resume(&greeting(None, 0)).unwrap();
    site.node().quarantined(sold.pos, "hash differs").unwrap();
    site.node().take_down(50, &priced(70, "7")).unwrap();
    site.node().take_down(51, &desk(71)).unwrap();
    assert!(site.node().recent(1).unwrap()[0].over);

    let another = Welcome { hub_life: Incarnation([77; 16]), ..greeting(None, 0) };
    site.node().resume(&another).unwrap();
    site.node().take_down(1, &priced(80, "6")).unwrap();
    for life in ["this", "the next"] {
        assert!(!site.node().recent(1).unwrap()[0].over, "{life}: only the hub that is there says so");
        assert_eq!(site.try_sell(EVEN, 2, 0), "bought already; next 2020-02-13", "{life}");
        let other = site.examine("05/P4/1986-03-15").unwrap();
        assert_eq!(other.price_ntd_per_piece, 6, "{life}: the last word is the new hub's");
        let reading = site.reading();
        assert_eq!(site.node().status(reading).unwrap().quarantined, 0, "{life}: it put nothing aside");
        site.crash();
    }
    site.node().take_down(2, &desk(71)).unwrap();
    assert!(site.node().recent(1).unwrap()[0].over, "a hub out of a backup says it again");
}

#[test]
fn a_round_that_has_ended_is_remembered_until_the_next_is_announced() {
    let mut site = Site::new("2022-10-03 09:00", KIT);
    let mut hub = Hub::default();
    let reading = site.at("2022-12-20 09:00").reading();
    site.node().beacon(reading, reading, (second("2022-12-20 09:00"), None)).unwrap();
    site.node().take_feed(0, &[hub.news("kit", "2022-11-02 10:00", ODD, elsewhere(1), 6)]).unwrap();
    site.node().take_feed(1, &[hub.news("kit", "2022-12-20 08:00", OTHER_ODD, elsewhere(2), 1)]).unwrap();
    site.node().take_feed(2, &[hub.news("kit", "2022-12-20 08:01", OTHER_ODD, elsewhere(3), 1)]).unwrap();
    assert!(matches!(site.examine(ODD).unwrap_err(), Refusal::Bought { .. }), "the round behind it began on 11-01");
}

#[test]
fn the_beacon_decides_the_business_day() {
    let mut site = Site::new("2020-02-09 09:00", MASK);
    site.sell(EVEN, 2, 0).unwrap();
    // It was the sixth all the time.
    let reading = site.reading();
    site.node().beacon(reading, reading, (second("2020-02-06 09:00"), None)).unwrap();
    let sold = site.sell("05/P4/1986-03-15", 2, 0).unwrap();
    assert_eq!((sold.at.second, sold.at.doubt_s), (second("2020-02-06 09:00"), 1));
    site.crash();
    let sold = site.sell("05/P6/1986-03-15", 2, 0).unwrap();
    assert_eq!(sold.at.second, second("2020-02-06 09:00"), "the correction survives");
    let docs: Vec<DocId> = runs(&mut site).iter().map(|run| run.doc).collect();
    let day = |day: &str| format!("site/{SITE}/{day}").parse().unwrap();
    assert_eq!(docs, [day("2020-02-09"), day("2020-02-06"), day("2020-02-06")]);
    assert_eq!(site.at("2020-02-16 09:00").try_sell(EVEN, 2, 0), "bought already; next 2020-02-16");
}

#[test]
fn the_hub_opens_what_the_site_has_sealed() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let mut ask = sale(EVEN, 2, 0);
    ask.proxy = Some(super::town::document(ODD));
    let sold = site.ask(&ask).unwrap();
    let run = runs(&mut site).remove(0);
    let Fact::Sale(sale) = shared::wire::v1::entry::decode(&run.entries[1]).unwrap().fact else { panic!("no sale") };
    assert_eq!(keys().open(&sold.id, 0, &sale.document).unwrap().number(), "P2");
    assert_eq!(keys().open(&sold.id, 1, &sale.proxy.unwrap()).unwrap().number(), "A123456789");
}
