//! 口罩到貨, correction, and the ledger of the shelf.

use edge::node::ask::{ArriveRequest, CorrectRequest, MovementKind};
use edge::node::{BadAsk, NodeError};
use shared::entry::{Delivery, Fact, Pieces};
use shared::ids::ActorId;
use shared::rules::refusal::Refusal;

use super::town::{Hub, Site, second};

const EVEN: &str = "05/P2/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];

#[test]
fn m17_m19_the_announced_delivery_is_proposed_and_both_numbers_are_kept() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let delivery = |day: &str, adult| {
        let pieces = Pieces { adult, child: 40 };
        Fact::Delivery(Delivery { programme: "mask".parse().unwrap(), day: day.parse().unwrap(), pieces })
    };
    let announced = [delivery("2020-02-06", 100), delivery("2020-02-07", 180)];
    let run = Hub::default().run("desk/5931102274/2020-02", ActorId([7; 16]), &announced);
    site.node().take_down(5, &run).unwrap();
    site.at("2020-02-07 08:00").crash();
    let reading = site.reading();
    let shelf = site.node().shelves(reading).unwrap().remove(0);
    let pieces = |adult, child| Some(Pieces { adult, child });
    assert_eq!((shelf.expected, shelf.allotment, shelf.arrived_today), (pieces(180, 40), pieces(200, 50), None));
    let arrived = site.arrive(178, 40).unwrap().unwrap().into_inner();
    assert_eq!((arrived.advised, arrived.stock.adult), (pieces(180, 40), 378));
    let shelf = site.node().shelves(reading).unwrap().remove(0);
    assert_eq!(shelf.arrived_today, pieces(178, 40));
    site.withdraw(arrived.id).unwrap();
    let shelf = site.node().shelves(reading).unwrap().remove(0);
    assert_eq!((shelf.arrived_today, shelf.stock.adult), (None, 200));
}

#[test]
fn decision_9_an_arrival_goes_back_only_while_it_is_all_there() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let second = site.arrive(10, 0).unwrap().unwrap().into_inner();
    site.correct(-205, 0).unwrap();
    assert!(matches!(site.withdraw(second.id), Err(Refusal::Stock { .. })));
    site.correct(5, 0).unwrap();
    assert_eq!(site.withdraw(second.id).unwrap().stock.adult, 0);
}

#[test]
fn what_arrived_today_is_the_same_after_a_restart_and_nothing_tomorrow() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let today = |site: &mut Site| {
        let reading = site.reading();
        site.node().shelves(reading).unwrap().remove(0).arrived_today.map(|pieces| (pieces.adult, pieces.child))
    };
    let before = today(&mut site).unwrap();
    let second = site.arrive(10, 3).unwrap().unwrap().into_inner();
    let all = (before.0 + 10, before.1 + 3);
    assert_eq!(today(&mut site), Some(all), "asked again, and both are there");
    site.crash();
    assert_eq!(today(&mut site), Some(all));
    site.withdraw(second.id).unwrap();
    assert_eq!(today(&mut site), Some(before));
    site.crash();
    assert_eq!(today(&mut site), Some(before));
    site.at("2020-02-07 08:00");
    assert_eq!(today(&mut site), None);
    site.arrive(7, 0).unwrap().unwrap();
    assert_eq!(today(&mut site), Some((7, 0)));
}

#[test]
fn bad_counts_are_refused() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    assert_eq!(site.arrive(0, 0).unwrap().unwrap_err(), Refusal::NothingAsked);
    assert_eq!(site.arrive(-1, 5).unwrap().unwrap_err(), Refusal::NothingAsked);
    assert!(matches!(site.arrive(1_000_001, 0).unwrap().unwrap_err(), Refusal::Limit { .. }));
    assert_eq!(site.correct(0, 0).unwrap_err(), Refusal::NothingAsked);
    assert!(matches!(site.correct(i64::MIN, 0).unwrap_err(), Refusal::Limit { .. }));
    assert!(matches!(site.correct(-201, 0).unwrap_err(), Refusal::Stock { .. }));
    assert_eq!(site.stock(), (200, 50));
}

#[test]
fn a_repeated_arrival_is_one_arrival() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let reading = site.reading();
    let request = Some("a1".to_owned());
    let mut ask = ArriveRequest { request, programme: None, adult: 5, child: 0, by: String::new() };
    let first = site.node().arrive(&ask, reading).unwrap().unwrap().into_inner();
    let again = site.node().arrive(&ask, reading).unwrap().unwrap().into_inner();
    assert_eq!((again.id, again.replayed, site.stock().0), (first.id, true, 205));
    ask.adult = 6;
    assert!(matches!(site.node().arrive(&ask, reading), Err(NodeError::Ask(BadAsk::RequestReused))));
}

#[test]
fn a_repeated_arrival_is_known_after_a_restart_whatever_the_clock_says() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let ask = ArriveRequest { request: Some("a1".to_owned()), programme: None, adult: 5, child: 0, by: String::new() };
    let reading = site.reading();
    let first = site.node().arrive(&ask, reading).unwrap().unwrap().into_inner();
    site.at("2020-02-26 09:00").crash();
    let reading = site.reading();
    let again = site.node().arrive(&ask, reading).unwrap().unwrap().into_inner();
    assert_eq!((again.id, again.replayed, site.stock().0), (first.id, true, 205));
}

#[test]
fn a_request_key_stands_for_one_programme() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    site.node().take_down(2, &Hub::default().published(2, "kit-2022-10-01")).unwrap();
    let reading = site.reading();
    let ask = |programme: &str| ArriveRequest {
        request: Some("a1".to_owned()),
        programme: Some(programme.parse().unwrap()),
        adult: 5,
        child: 0,
        by: String::new(),
    };
    site.node().arrive(&ask("mask"), reading).unwrap().unwrap();
    assert!(matches!(site.node().arrive(&ask("kit"), reading), Err(NodeError::Ask(BadAsk::RequestReused))));
    let correct = |programme: &str| CorrectRequest {
        request: Some("c1".to_owned()),
        programme: Some(programme.parse().unwrap()),
        adult: 1,
        child: 0,
        reason: "盤點".to_owned(),
        by: String::new(),
    };
    site.node().correct(&correct("mask"), reading).unwrap().unwrap();
    assert!(matches!(site.node().correct(&correct("kit"), reading), Err(NodeError::Ask(BadAsk::RequestReused))));
}

#[test]
fn goods_of_a_programme_that_nobody_knows_are_refused() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let reading = site.reading();
    let programme = Some("maks".parse().unwrap());
    let ask = ArriveRequest { request: None, programme, adult: 200, child: 50, by: String::new() };
    assert_eq!(site.node().arrive(&ask, reading).unwrap().unwrap_err(), Refusal::NoProgramme);
    assert_eq!(site.node().shelves(reading).unwrap().len(), 1);
}

#[test]
fn an_announced_delivery_survives_a_clock_that_was_ahead() {
    let mut site = Site::new("2020-02-20 09:00", MASK);
    let day = "2020-02-06".parse().unwrap();
    let pieces = Pieces { adult: 400, child: 100 };
    let fact = Fact::Delivery(Delivery { programme: "mask".parse().unwrap(), day, pieces });
    site.node().take_down(2, &Hub::default().run("desk/5931102274/2020-02", ActorId([7; 16]), &[fact])).unwrap();
    let reading = site.reading();
    site.node().beacon(reading, reading, (second("2020-02-06 09:00"), None)).unwrap();
    assert_eq!(site.node().shelves(reading).unwrap()[0].expected, Some(pieces));
}

#[test]
fn the_ledger_of_the_shelf_adds_up() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.withdraw(sold.id).unwrap();
    site.correct(-3, 0).unwrap();
    let movements = site.node().movements(None, 10).unwrap();
    let lines: Vec<_> = movements.iter().map(|it| (it.kind, it.adult, it.stock.adult, it.withdrawn)).collect();
    assert_eq!(
        lines,
        [
            (MovementKind::Correction, -3, 197, false),
            (MovementKind::Withdrawal, 2, 200, false),
            (MovementKind::Sale, -2, 198, true),
            (MovementKind::Arrival, 200, 200, false),
        ]
    );
    assert_eq!(movements.iter().map(|it| it.adult).sum::<i64>(), site.stock().0);
    assert_eq!((movements[0].reason.as_str(), movements[1].reason.as_str()), ("盤點", "打錯"));
}
