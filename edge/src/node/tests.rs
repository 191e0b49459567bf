//! What needs the inside of a node: faults of the disk.

use super::ask::{ArriveRequest, Examine};
use super::*;

fn node() -> (Node, Reading) {
    let reading = Reading { wall_ms: 1_580_954_400_000, mono_ms: 0 };
    let setup = Setup {
        site: "5931102274".parse().unwrap(),
        name: "淡水藥局".to_owned(),
        secret: Secret::new([1; 32]),
        key_number: 1,
        incarnation: Incarnation([2; 16]),
        store: Store::in_memory().unwrap(),
        nation: Nation::stored(),
        lives: Lives::in_memory(&Secret::new([1; 32])).unwrap(),
        dice: Box::new(|| [3; 16]),
    };
    (Node::open(setup, reading).unwrap(), reading)
}

#[test]
fn after_a_failed_commit_nothing_is_promised_until_a_restart() {
    let (mut node, reading) = node();
    let arrive = ArriveRequest { request: None, programme: None, adult: 200, child: 50, by: "王".to_owned() };
    node.arrive(&arrive, reading).unwrap().unwrap();
    node.store.break_writes();
    assert!(matches!(node.arrive(&arrive, reading), Err(NodeError::Store(_))));
    let stopped = node.arrive(&arrive, reading).unwrap_err();
    assert!(stopped.to_string().starts_with("this node has stopped selling and must be restarted: commit an entry"));
    let document = ask::DocumentText { kind: "01".into(), number: "A123456789".into(), birth: "1986-03-15".into() };
    assert!(matches!(node.examine(&Examine { programme: None, document }, reading), Err(NodeError::Stopped { .. })));
    let status = node.status(reading).unwrap();
    assert!(status.stopped.is_some(), "and says why");
    assert_eq!((status.entries, status.shelves[0].stock.adult), (1, 200), "what was not committed did not happen");
}
