//! What cannot be taken is kept aside with its reason, and disturbs nothing else (T4, T5, T9, T10).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use shared::entry::{Fact, Published, Standing};
use shared::ids::{ActorId, ChangeHash, DocId, EntryId};
use shared::ledger::chain::Tip;
use shared::ledger::run::{Joint, Run};
use shared::wire::v1::entry;

/// A bad run between two good ones: they are taken, it is not, and the reason says why.
fn kept_aside(bad: impl FnOnce(&mut Edge) -> Upload, why: &str) {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let bad = bad(&mut a);
    let uploads = [
        b.sell("2020-02-06T09:00", &document(ANNA), adult(2)),
        bad.clone(),
        b.sell("2020-02-06T10:00", &document(BORIS), adult(2)),
    ];
    let outcomes = hub.ingest(&uploads, second("2020-02-06T20:00")).unwrap();
    assert!(matches!(outcomes[0], Outcome::Ingested { .. }));
    assert!(matches!(outcomes[2], Outcome::Ingested { .. }));
    match &outcomes[1] {
        Outcome::Quarantined { id: named, why: said } => {
            assert_eq!(*named, id(&bad));
            assert!(said.contains(why), "{said}");
        }
        outcome @ Outcome::Ingested { .. } => panic!("{outcome:?}"),
    }
    let mut clean = edge::hub();
    send(&mut clean, &[uploads[0].clone(), uploads[2].clone()]);
    assert_eq!(canonical(&hub), canonical(&clean), "nothing of it is projected");
    let aside = hub.quarantine(10).unwrap();
    assert_eq!((aside.len(), aside[0].site, aside[0].doc.clone()), (1, a.site, bad.run.doc.to_string()));
    assert!(aside[0].bytes > 0 && aside[0].why.contains(why));
    // Sent again, it is kept once.
    refused(&mut hub, &bad);
    assert_eq!(hub.quarantine(10).unwrap().len(), 1);
    assert_eq!(hub.site_status(&a.site).unwrap().unwrap().quarantined, 1);
}

#[test]
fn another_sites_ledger() {
    kept_aside(
        |a| {
            let mut upload = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
            upload.run.doc = format!("site/{B}/2020-02-06").parse().unwrap();
            upload
        },
        "may not write in ledger",
    );
}

#[test]
fn the_hubs_ledgers() {
    for doc in ["nation/2020-02".to_owned(), format!("desk/{A}/2020-02")] {
        kept_aside(
            |a| {
                let mut upload = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
                upload.run.doc = doc.parse().unwrap();
                upload
            },
            "may not write in ledger",
        );
    }
}

#[test]
fn a_wrong_hash() {
    kept_aside(
        |a| {
            let mut upload = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
            upload.run.entries[0][3] ^= 1;
            upload
        },
        "hash differs",
    );
}

#[test]
fn an_entry_that_cannot_be_read() {
    kept_aside(|a| a.write(a.doc(second("2020-02-06T09:00")), 1, |_, _, _| b"nonsense".to_vec()), "cannot be read");
}

#[test]
fn facts_that_only_the_hub_writes() {
    let sale = EntryId { actor: ActorId([1; 16]), seq: 1 };
    kept_aside(|a| a.fact("2020-02-06T09:00", Fact::Standing(Standing { sale, over: false })), "only the hub writes");
    let text = shared::rules::programme::shipped_text(MASK).unwrap().to_owned();
    kept_aside(|a| a.fact("2020-02-06T09:00", Fact::Programme(Published { text })), "only the hub writes");
}

#[test]
fn a_document_sealed_by_another_site_or_moved_to_another_entry() {
    let other = Edge::new(B, 9).keys;
    kept_aside(
        |a| {
            a.sell_as("2020-02-06T09:00", &document(ANNA), adult(2), |sale| {
                let id = EntryId { actor: ActorId([1; 16]), seq: 1 };
                sale.document = other.seal(&id, 0, &document(ANNA)).unwrap();
            })
        },
        "does not open",
    );
    kept_aside(
        |a| {
            a.sell_as("2020-02-06T09:00", &document(ANNA), adult(2), |sale| {
                sale.proxy = Some(sale.document.clone());
            })
        },
        "does not open",
    );
}

#[test]
fn a_site_without_a_key() {
    let mut hub = hub();
    let site = "0291010010";
    hub.import_sites([record(site.parse().unwrap())]).unwrap();
    let why = refused(&mut hub, &Edge::new(site, 5).sell("2020-02-06T09:00", &document(ANNA), adult(2)));
    assert!(why.contains("does not open"), "{why}");
}

#[test]
fn an_actor_that_writes_elsewhere() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let good = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    send(&mut hub, std::slice::from_ref(&good));
    let mut moved = good;
    moved.run.doc = format!("site/{A}/2020-02-07").parse().unwrap();
    assert!(refused(&mut hub, &moved).contains("another ledger"));
}

#[test]
fn another_history_under_the_same_numbers() {
    let mut hub = hub();
    let (mut a, mut clone) = (Edge::new(A, 1), Edge::new(A, 1));
    send(&mut hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2)), a.arrive("2020-02-06T09:01", adult(5))]);
    let before = canonical(&hub);
    assert!(
        refused(&mut hub, &clone.sell("2020-02-06T09:30", &document(BORIS), adult(2))).contains("restored or cloned")
    );
    clone.arrive("2020-02-06T09:31", adult(5));
    assert!(refused(&mut hub, &clone.arrive("2020-02-06T09:32", adult(6))).contains("not known"));
    assert_eq!(canonical(&hub), before);
}

#[test]
fn a_gap_waits_until_it_is_filled() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let runs: Vec<Upload> = (1..5).map(|n| a.sell("2020-02-06T09:00", &document(&number(n)), adult(2))).collect();
    assert!(refused(&mut hub, &runs[3]).contains("entries are missing"));
    assert!(refused(&mut hub, &runs[1]).contains("entries are missing"));
    assert!(hub.quarantine(9).unwrap().iter().all(|run| run.waits));
    send(&mut hub, &runs[..1]);
    assert_eq!(hub.quarantine(9).unwrap().len(), 1, "the second followed by itself, the fourth still waits");
    send(&mut hub, &runs[2..3]);
    assert_eq!(hub.quarantine(9).unwrap().len(), 0);
    assert_eq!(canonical(&hub).matches("sale ").count(), 4);
    assert_eq!(hub.document(&a.doc(second("2020-02-06T09:00"))).unwrap().get_heads().len(), 1);
}

#[test]
fn overlapping_runs_are_cut() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(A, 1));
    let sale = |edge: &mut Edge, n: u32| edge.sell("2020-02-06T09:00", &document(&number(n)), adult(2));
    let short: Vec<Upload> = (1..4).map(|n| sale(&mut a, n)).collect();
    let whole = joined((1..6).map(|n| sale(&mut b, n)).collect());
    send(&mut hub, &short);
    send(&mut hub, std::slice::from_ref(&whole));
    assert_eq!(canonical(&hub).matches("sale ").count(), 5);
    send(&mut hub, &[whole.clone(), short[1].clone()]);
    assert_eq!(hub.journal_position().unwrap(), 1 + 3 + 1, "known runs leave nothing behind");
    assert_eq!(shared::ledger::fold::heads(&hub.document(&whole.run.doc).unwrap()), vec![whole.run.last]);
}

/// Several runs of one actor as one.
fn joined(runs: Vec<Upload>) -> Upload {
    let mut first = runs[0].clone();
    first.run.entries = runs.iter().flat_map(|upload| upload.run.entries.clone()).collect();
    first.run.last = runs.last().unwrap().run.last;
    first
}

/// Two nodes of one site: the second continues behind the first's changes and joins them.
fn two_nodes() -> (Upload, Upload, Upload) {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(A, 2));
    let doc = a.doc(second("2020-02-06T09:00"));
    let of_a = joined((1..4).map(|n| a.sell("2020-02-06T09:00", &document(&number(n)), adult(2))).collect());
    let links = of_a.run.links().unwrap();
    // B begins behind A's second change, then joins A's third.
    let actor = ActorId([2; 16]);
    let mut tip = Tip::start(doc, actor, links[1].op, vec![links[1].hash]);
    let start = tip.next.clone();
    let bytes = entry::encode(&written(
        second("2020-02-06T10:00"),
        Fact::Arrival(shared::entry::Arrival { programme: "mask".parse().unwrap(), counted: adult(7), advised: None }),
    ));
    let one = tip.append(&bytes).unwrap();
    let mut deps = vec![one.hash, links[2].hash];
    deps.sort_unstable();
    tip.next.deps = deps.clone();
    tip.next.op = one.op.max(links[2].op) + 1;
    let op = tip.next.op;
    let two = tip.append(&bytes).unwrap();
    let run = Run {
        doc,
        start,
        entries: vec![bytes.clone(), bytes],
        joints: vec![Joint { index: 1, op, deps }],
        last: two.hash,
        signature: None,
    };
    let of_b = Upload { site: b.site, incarnation: b.incarnation, run };
    let later = {
        b.tip(doc).next = Tip::after(doc, &two).unwrap().next;
        b.arrive("2020-02-06T11:00", adult(9))
    };
    (of_a, of_b, later)
}

#[test]
fn two_nodes_of_one_site_in_any_order() {
    let (of_a, of_b, later) = two_nodes();
    let mut straight = hub();
    send(&mut straight, &[of_a.clone(), of_b.clone(), later.clone()]);
    let doc = of_a.run.doc;
    assert_eq!(shared::ledger::fold::heads(&straight.document(&doc).unwrap()), vec![later.run.last]);
    let mut turned = hub();
    assert!(refused(&mut turned, &of_b).contains("follows changes"));
    refused(&mut turned, &later);
    send(&mut turned, &[of_a]);
    assert_eq!(turned.quarantine(9).unwrap(), vec![]);
    assert_eq!(canonical(&turned), canonical(&straight));
    assert_eq!(turned.document(&doc).unwrap().save(), straight.document(&doc).unwrap().save());
}

#[test]
fn places_that_no_writer_gives() {
    let place = |change: fn(&mut Tip)| {
        let mut hub = hub();
        let mut a = Edge::new(A, 1);
        let first = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
        send(&mut hub, std::slice::from_ref(&first));
        change(a.tip(first.run.doc));
        let why = refused(&mut hub, &a.arrive("2020-02-06T10:00", adult(1)));
        // It opens still.
        hub.document(&first.run.doc).unwrap();
        why
    };
    assert!(place(|tip| tip.next.op = 77).contains("no writer"), "a jump of the operation number");
    assert!(place(|tip| tip.next.deps.clear()).contains("no writer"), "not behind its own last");
    assert!(place(|tip| tip.next.deps = vec![ChangeHash([9; 32])]).contains("follows changes"));
    assert!(place(|tip| tip.next.deps = vec![tip.next.deps[0]; 2]).contains("no writer"), "named twice");
}

#[test]
fn a_restored_hub_refuses_nothing_that_it_lost() {
    // The edge sends from the beginning again: the same as new.
    let mut a = Edge::new(A, 1);
    let runs: Vec<Upload> = (1..9).map(|n| a.sell("2020-02-06T09:00", &document(&number(n)), adult(2))).collect();
    let mut old: Hub = hub();
    send(&mut old, &runs);
    let mut restored = hub();
    send(&mut restored, &runs[..3]);
    send(&mut restored, &runs);
    assert_eq!(canonical(&restored), canonical(&old));
    let DocId::Site { site, .. } = runs[0].run.doc else { panic!() };
    assert_eq!(site, a.site);
}
