//! 口罩到貨, correction, and the ledger of the shelf.

use edge::node::ask::{ArriveRequest, MovementKind};
use edge::node::{BadAsk, NodeError};
use shared::entry::{Delivery, Fact, Pieces};
use shared::ids::ActorId;
use shared::rules::refusal::Refusal;

use super::town::{Hub, Site};

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
