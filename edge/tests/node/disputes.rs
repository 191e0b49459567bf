//! Somebody who is refused may say that it is wrong: written once, known after a restart, and cleared by the nation's
//! ledger (docs/disputes.md).

use edge::node::ask::{DisputeRequest, Disputed, Examine, Slip};
use edge::node::{Answer, BadAsk, Committed, NodeError};
use shared::entry::{ClearedDay, Decision, Exception, Fact, Found, Source};
use shared::ids::{ActorId, CaseId, EntryId};
use shared::rules::refusal::Refusal;
use shared::seal::{HubKeys, Secret, mark};
use shared::sign::Signer;
use shared::sync::handshake::welcome;
use shared::wire::v1::entry as wire;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::Welcome;

use super::town::{HUB_LIFE, Hub, Site, document, elsewhere, keys, sale};

const EVEN: &str = "05/P2/1986-03-15";
const OTHER: &str = "05/P4/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];
const REFUSED: &str = "bought already; next 2020-02-13";

/// A hub of this version, of the second one, which had lives and no disputes, and of the first one.
fn greeting(disputes: Option<bool>) -> Welcome {
    let signer = Signer::derive(&[4; 32], b"hub").unwrap().public();
    let life = HubLife {
        renew: false,
        journal: 1,
        signer,
        wants_keys: false,
        disputes: false,
        confirms: false,
        access: true,
        booking: false,
    };
    let life = disputes.map(|disputes| HubLife { disputes, ..life });
    Welcome { life, ..welcome(HUB_LIFE, 0, None, 0) }
}

fn ask(who: &str) -> DisputeRequest {
    DisputeRequest {
        request: Some("slip-1".to_owned()),
        programme: None,
        document: document(who),
        reason: " 本週沒有買過 ".to_owned(),
        by: "王藥師".to_owned(),
    }
}

fn dispute(site: &mut Site, ask: &DisputeRequest) -> Answer<Committed<Disputed>> {
    let reading = site.reading();
    site.node().dispute(ask, None, reading)
}

fn disputed(site: &mut Site, ask: &DisputeRequest) -> Disputed {
    dispute(site, ask).unwrap().unwrap().into_inner()
}

fn bad(answer: Answer<Committed<Disputed>>) -> BadAsk {
    match answer {
        Err(NodeError::Ask(bad)) => bad,
        other => panic!("{other:?}"),
    }
}

fn slip(site: &mut Site, who: &str) -> Slip {
    let reading = site.reading();
    site.node().slip(&Examine { programme: None, document: document(who) }, None, reading).unwrap().unwrap()
}

/// Refused because of a purchase elsewhere, beside a hub that takes disputes.
fn refused() -> (Site, Hub) {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    site.node().resume(&greeting(Some(true))).unwrap();
    let mut hub = Hub::default();
    let bought = hub.news("mask", "2020-02-06 08:00", EVEN, elsewhere(1), 2);
    site.node().take_feed(0, &[bought]).unwrap();
    assert_eq!(site.try_sell(EVEN, 2, 0), REFUSED);
    (site, hub)
}

/// What the hub says when an operator has cleared the person of the day, by these marks.
fn exception(holds: bool, marks: Vec<u32>) -> Fact {
    let (programme, day) = ("mask".parse().unwrap(), "2020-02-06".parse().unwrap());
    let key = HubKeys::new(&Secret::new([8; 32])).unwrap().day(&programme, day).unwrap();
    let kinds = document(EVEN);
    let person =
        shared::rules::identity::Document::parse(&kinds.kind, &kinds.number, &kinds.birth, day).unwrap().person();
    let days = vec![ClearedDay { day, fingerprint: key.fingerprint(&person), marks }];
    Fact::Exception(Exception { case: CaseId([6; 16]), programme, holds, upto: 0, days })
}

fn nation(site: &mut Site, pos: u64, facts: &[Fact]) {
    let run = Hub::default().run("nation/2020-02", ActorId([u8::try_from(pos).unwrap(); 16]), facts);
    site.node().take_down(pos, &run).unwrap();
}

#[test]
fn a_slip_says_what_was_found_when_and_until_when_and_never_where() {
    let (mut site, _) = refused();
    let Slip { programme, masked, found, next, dispute, .. } = slip(&mut site, EVEN);
    assert_eq!((programme.as_str(), masked.as_str(), dispute), ("mask", "**", None));
    assert_eq!(found, [Found { day: "2020-02-06".parse().unwrap(), source: Source::Nation }]);
    assert_eq!(next, Some("2020-02-13".parse().unwrap()));
    site.sell(OTHER, 2, 0).unwrap();
    let own = slip(&mut site, OTHER).found;
    assert_eq!(own, [Found { day: "2020-02-06".parse().unwrap(), source: Source::Own }]);
    // Both at once.
    let mut hub = Hub::default();
    hub.news("mask", "2020-02-06 08:00", EVEN, elsewhere(1), 2);
    let more = hub.news("mask", "2020-02-06 08:30", OTHER, elsewhere(2), 2);
    site.node().take_feed(1, &[more]).unwrap();
    assert_eq!(slip(&mut site, OTHER).found.len(), 2);
}

#[test]
fn who_is_not_refused_for_what_was_bought_cannot_dispute() {
    let (mut site, _) = refused();
    let len = site.node().log_len();
    assert_eq!(bad(dispute(&mut site, &ask(OTHER))), BadAsk::NotRefused);
    // Another reason is no matter of what was bought: the counter is told that one.
    assert!(matches!(dispute(&mut site, &ask("01/A123456789/1986-03-15")).unwrap(), Err(Refusal::Turn { .. })));
    assert!(matches!(dispute(&mut site, &ask("01/A123456788/1986-03-15")).unwrap(), Err(Refusal::Document(_))));
    let none = DisputeRequest { programme: Some("kit".parse().unwrap()), ..ask(EVEN) };
    assert_eq!(dispute(&mut site, &none).unwrap().unwrap_err(), Refusal::NoProgramme);
    let reading = site.reading();
    let slip = site.node().slip(&Examine { programme: None, document: document(OTHER) }, None, reading);
    assert!(matches!(slip, Err(NodeError::Ask(BadAsk::NotRefused))));
    // A week later the purchase weighs no more.
    site.at("2020-02-13 09:00");
    assert_eq!(bad(dispute(&mut site, &ask(EVEN))), BadAsk::NotRefused);
    assert_eq!((site.node().log_len(), site.node().disputes(9).unwrap()), (len, vec![]));
}

#[test]
fn twice_the_same_request_files_one() {
    let (mut site, _) = refused();
    let (stock, len) = (site.stock(), site.node().log_len());
    let first = disputed(&mut site, &ask(EVEN));
    assert!(!first.replayed);
    let again = Disputed { replayed: true, ..first.clone() };
    assert_eq!(disputed(&mut site, &ask(EVEN)), again);
    site.crash();
    assert_eq!(disputed(&mut site, &ask(EVEN)), again);
    // The same person under another key: the dispute that waits.
    assert_eq!(disputed(&mut site, &DisputeRequest { request: None, ..ask(EVEN) }), again);
    assert_eq!((site.node().log_len(), site.stock()), (len + 1, stock), "it moves no stock");
    // The key stands for this person, this reason.
    let other = DisputeRequest { reason: "另一理由".to_owned(), ..ask(EVEN) };
    assert_eq!(bad(dispute(&mut site, &other)), BadAsk::RequestReused);
    let sold = edge::node::ask::SaleRequest { request: Some("slip-1".to_owned()), ..sale(OTHER, 2, 0) };
    let reading = site.reading();
    assert!(matches!(site.node().sell(&sold, reading), Err(NodeError::Ask(BadAsk::RequestReused))));
    let line = &site.node().disputes(9).unwrap()[0];
    assert_eq!((line.id, line.reason.as_str(), line.by.as_str()), (first.id, "本週沒有買過", "王藥師"));
    assert!(line.decided.is_none() && !line.acked);
    assert_eq!(slip(&mut site, EVEN).dispute.map(|line| line.id), Some(first.id));
}

#[test]
fn the_number_is_sealed_and_the_reason_holds_none() {
    let (mut site, _) = refused();
    for (reason, code) in [
        ("", "reason"),
        ("  ", "reason"),
        (&"長".repeat(67), "reason"),
        ("我是A123456789", "personal"),
        ("打0912345678", "personal"),
    ] {
        let ask = DisputeRequest { request: None, reason: reason.to_owned(), ..ask(EVEN) };
        assert_eq!(bad(dispute(&mut site, &ask)).code(), code, "{reason}");
    }
    let named = DisputeRequest { request: None, by: "A123456789".to_owned(), ..ask(EVEN) };
    assert_eq!(bad(dispute(&mut site, &named)), BadAsk::Personal);
    let keyed = DisputeRequest { request: Some("A123456789".to_owned()), ..ask(EVEN) };
    assert_eq!(bad(dispute(&mut site, &keyed)), BadAsk::Personal);
    let id = disputed(&mut site, &ask(EVEN)).id;
    let (run, upto) = site.node().load_run(1).unwrap().unwrap();
    let entry = wire::decode(&run.entries[0]).unwrap();
    let Fact::Dispute(dispute) = entry.fact else { panic!("{upto}: {entry:?}") };
    assert_eq!(keys().open(&id, 0, &dispute.document).unwrap().masked(), "**");
    assert!(!run.entries[0].windows(2).any(|bytes| bytes == b"P2"), "not in clear");
    assert_eq!((dispute.watermark, dispute.found.len()), (1, 1), "what the site knew");
    let export = site.node().export(0, 10).unwrap().lines.join("\n");
    assert!(export.contains(r#""kind":"dispute""#) && !export.contains("P2"), "{export}");
}

#[test]
fn a_hub_that_does_not_read_disputes_gets_none_and_the_counter_is_told() {
    // Never met one; then one of each version: the answer is the last one's, after a restart too.
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let bought = Hub::default().news("mask", "2020-02-06 08:00", EVEN, elsewhere(1), 2);
    site.node().take_feed(0, std::slice::from_ref(&bought)).unwrap();
    let len = site.node().log_len();
    assert_eq!(bad(dispute(&mut site, &ask(EVEN))), BadAsk::NoDisputes);
    // It is the first hub that it meets: what was known before is forgotten.
    site.node().resume(&greeting(Some(true))).unwrap();
    site.node().take_feed(0, &[bought]).unwrap();
    for old in [None, Some(false)] {
        site.node().resume(&greeting(old)).unwrap();
        assert_eq!(bad(dispute(&mut site, &ask(EVEN))), BadAsk::NoDisputes, "{old:?}");
        site.crash();
        assert_eq!(bad(dispute(&mut site, &ask(EVEN))), BadAsk::NoDisputes, "{old:?}");
    }
    assert_eq!(site.node().log_len(), len, "its ledger stays as it can read it");
    assert!(slip(&mut site, EVEN).dispute.is_none(), "a slip there is all the same");
    site.node().resume(&greeting(Some(true))).unwrap();
    site.crash();
    assert!(!disputed(&mut site, &ask(EVEN)).replayed, "without a line, by what was said at the last greeting");
}

#[test]
fn what_the_nations_ledger_clears_does_not_refuse_and_what_it_clears_no_more_does() {
    let (mut site, mut hub) = refused();
    // A hub that knows of no such purchase: the fingerprint is somebody else's.
    nation(&mut site, 2, &[exception(true, vec![])]);
    assert!(site.examine(EVEN).is_ok());
    site.crash();
    assert!(site.examine(EVEN).is_ok(), "after a restart");
    nation(&mut site, 3, &[exception(false, vec![])]);
    assert_eq!(site.try_sell(EVEN, 2, 0), REFUSED);
    // Of a purchase that the hub knows: this one, and no other of the day.
    nation(&mut site, 4, &[exception(true, vec![mark(&elsewhere(1))])]);
    assert!(site.examine(EVEN).is_ok());
    let more = hub.news("mask", "2020-02-06 12:00", EVEN, elsewhere(2), 2);
    site.node().take_feed(1, &[more]).unwrap();
    assert_eq!(site.try_sell(EVEN, 2, 0), REFUSED, "what is bought later counts");
    assert_eq!(slip(&mut site, EVEN).found.len(), 1);
    // Somebody else is not cleared by it.
    let other = hub.news("mask", "2020-02-06 12:00", OTHER, elsewhere(1), 2);
    site.node().take_feed(2, &[other]).unwrap();
    assert_eq!(site.try_sell(OTHER, 2, 0), REFUSED);
}

#[test]
fn an_own_sale_that_the_nation_lists_is_cleared_by_its_mark() {
    let mut site = Site::new("2020-02-06 09:00", MASK);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().resume(&greeting(Some(true))).unwrap();
    site.node().acked(sold.pos, 1, None).unwrap();
    let counted = Hub::default().news("mask", "2020-02-06 09:00", EVEN, sold.id, 2);
    site.node().take_feed(0, &[counted]).unwrap();
    assert_eq!(slip(&mut site, EVEN).found[0].source, Source::Own, "its own, though the list has it");
    nation(&mut site, 2, &[exception(true, vec![mark(&sold.id)])]);
    assert_eq!(site.try_sell(EVEN, 2, 0), "sold 2");
    assert_eq!(site.try_sell(EVEN, 2, 0), REFUSED, "once");
}

#[test]
fn the_counter_sees_the_last_decision_on_its_own_dispute() {
    let (mut site, _) = refused();
    let id = disputed(&mut site, &ask(EVEN)).id;
    let decision =
        |of: EntryId, granted, words: &str| Fact::Decision(Decision { of, granted, words: words.to_owned() });
    let words = [decision(id, true, "成立"), decision(elsewhere(9), true, "別人的"), decision(id, false, "不成立")];
    let run = Hub::default().run("desk/5931102274/2020-02", ActorId([70; 16]), &words);
    site.node().take_down(5, &run).unwrap();
    for _ in 0..2 {
        let lines = site.node().disputes(9).unwrap();
        let decided = lines[0].decided.as_ref().unwrap();
        assert_eq!((lines.len(), decided.granted, decided.words.as_str()), (1, false, "不成立"));
        site.crash();
    }
    // A decision in the nation's ledger, an exception on a desk, a dispute of the hub's: kept, without meaning.
    nation(&mut site, 6, &[decision(id, true, "x")]);
    let odd = Hub::default().run("desk/5931102274/2020-02", ActorId([71; 16]), &[exception(true, vec![])]);
    site.node().take_down(7, &odd).unwrap();
    assert_eq!(site.try_sell(EVEN, 2, 0), REFUSED);
    assert!(!site.node().disputes(9).unwrap()[0].decided.as_ref().unwrap().granted);
}

#[test]
fn a_dispute_that_another_life_of_the_store_filed_comes_back() {
    let (mut site, _) = refused();
    site.crash();
    let first = disputed(&mut site, &ask(EVEN));
    let (run, _) = site.node().load_run(1).unwrap().unwrap();
    let mut again = Site::new("2020-02-06 10:00", MASK);
    again.node().take_own(9, 1, Some(&run)).unwrap();
    for _ in 0..2 {
        let lines = again.node().disputes(9).unwrap();
        assert_eq!((lines.len(), lines[0].id, lines[0].acked), (1, first.id, true));
        again.crash();
    }
}
