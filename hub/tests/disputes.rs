//! A dispute at the hub: a case of its own kind with the evidence, a decision that is an entry, and a rule that stays a
//! function of what was written (docs/disputes.md).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::cases::CaseFilter;
use hub::conflict::Effect;
use hub::disputes::{BadDecision, DisputeDetail, DisputeFilter, DisputeState, Verdict};
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::{ClearedDay, Decision, Dispute, Exception, Fact, Found, Reading, Sealed, Source};
use shared::ids::CaseId;
use shared::ledger::fold;
use shared::seal::mark;
use shared::wire::v1::{entry, feed};

fn found(day: &str, source: Source) -> Found {
    Found { day: day.parse().unwrap(), source }
}

fn dispute_as(edge: &mut Edge, at: &str, number: &str, change: impl Fn(&mut Dispute)) -> Upload {
    let at_second = second(at);
    let (watermark, person) = (edge.watermark, document(number));
    edge.write(edge.doc(at_second), 1, |keys, id, _| {
        let mut dispute = Dispute {
            programme: "mask".parse().unwrap(),
            version: MASK.parse().unwrap(),
            reading: Reading::Card,
            watermark,
            document: keys.seal(&id, 0, &person).unwrap(),
            found: vec![found("2020-02-06", Source::Nation)],
            reason: "本週沒有買過 <b>".to_owned(),
        };
        change(&mut dispute);
        entry::encode(&written(at_second, Fact::Dispute(dispute)))
    })
}

fn dispute(edge: &mut Edge, at: &str, number: &str) -> Upload {
    dispute_as(edge, at, number, |_| {})
}

fn only(hub: &Hub) -> DisputeDetail {
    let all = hub.disputes(&DisputeFilter { decided_too: true, limit: 0 }).unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    hub.dispute(&all[0].id).unwrap().unwrap()
}

fn effects(hub: &Hub) -> Vec<Effect> {
    only(hub).sales.iter().map(|sale| sale.effect).collect()
}

fn decide(hub: &mut Hub, case: &CaseId, verdict: Verdict) {
    hub.decide(case, verdict, ("查明", "陳承辦"), second("2020-02-06T19:00")).unwrap().unwrap();
}

fn open_cases(hub: &Hub) -> usize {
    hub.cases(&CaseFilter::default()).unwrap().len()
}

#[test]
fn the_evidence_is_every_sale_in_the_window_with_place_time_reading_and_doubt() {
    let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
    let anna = document(ANNA);
    let mut hub = hub();
    let long_ago = c.sell("2020-01-20T09:00", &anna, adult(2));
    let typed = b.sell_as("2020-02-06T09:00", &anna, adult(2), |sale| sale.reading = Reading::Typed);
    let doubtful = c.sell_in_doubt("2020-02-06T09:30", &anna, adult(2), 7_200);
    let taken_back = b.sell("2020-02-06T09:40", &anna, adult(2));
    let withdrawal = b.withdraw("2020-02-06T09:41", id(&taken_back));
    let filed = dispute(&mut a, "2020-02-06T10:00", ANNA);
    send(&mut hub, &[long_ago, typed.clone(), doubtful.clone(), taken_back.clone(), withdrawal, filed.clone()]);
    let detail = only(&hub);
    let lines: Vec<_> = detail.sales.iter().map(|sale| (sale.id, sale.site.to_string(), sale.effect)).collect();
    assert_eq!(
        lines,
        [
            (id(&typed), B.to_owned(), Effect::Counts),
            (id(&doubtful), C.to_owned(), Effect::Over),
            (id(&taken_back), B.to_owned(), Effect::Withdrawn),
        ],
        "what no window reaches is no evidence"
    );
    assert_eq!((detail.sales[0].reading, detail.sales[1].doubt_s), (Reading::Typed, 7_200));
    assert_eq!((detail.line.entry, detail.line.state), (id(&filed), DisputeState::Waiting));
    assert!(detail.summary.zh.contains("2 筆購買"), "{}", detail.summary.zh);
}

#[test]
fn a_hit_without_a_sale_is_said_to_be_somebody_elses_and_its_day_is_cleared_all_the_same() {
    let mut a = Edge::new(A, 1);
    let mut hub = hub();
    send(&mut hub, &[dispute(&mut a, "2020-02-07T10:00", ANNA)]);
    let detail = only(&hub);
    assert!(detail.sales.is_empty());
    assert!(detail.summary.en.contains("Of 2020-02-06 the hub has no purchase"), "{}", detail.summary.en);
    decide(&mut hub, &detail.line.id, Verdict::Grant);
    let [exception] = exceptions(&hub).try_into().unwrap();
    let [ClearedDay { day, fingerprint, marks }] = exception.days.try_into().unwrap();
    assert!(exception.holds && marks.is_empty() && fingerprint != 0);
    assert_eq!(day.to_string(), "2020-02-06");
    // What she buys afterwards counts at the hub, on that day too.
    let mut b = Edge::new(B, 2);
    send(&mut hub, &[b.sell("2020-02-07T11:00", &document(ANNA), adult(2))]);
    assert_eq!(effects(&hub), [Effect::Counts]);
}

/// What stands in the nation's ledger.
fn exceptions(hub: &Hub) -> Vec<Exception> {
    let nation = hub.document(&"nation/2020-02".parse().unwrap()).unwrap();
    let entries = fold::entries(&nation).unwrap();
    let exception = |bytes: &Vec<u8>| {
        let Fact::Exception(exception) = entry::decode(bytes).unwrap().fact else { return None };
        // Nobody is named: neither the number, nor the nation's tag, nor the person's case.
        assert!(!String::from_utf8_lossy(bytes).contains(ANNA));
        Some(exception)
    };
    entries.values().filter_map(exception).collect()
}

#[test]
fn the_nations_ledger_names_nobody_and_two_cases_of_one_person_cannot_be_joined() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let mut hub = hub();
    send(&mut hub, &[b.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    send(&mut hub, &[dispute(&mut a, "2020-02-06T10:00", ANNA), dispute(&mut b, "2020-02-06T10:00", ANNA)]);
    let all = hub.disputes(&DisputeFilter::default()).unwrap();
    assert!(all.len() == 2 && all[0].id != all[1].id);
    for dispute in &all {
        decide(&mut hub, &dispute.id, Verdict::Grant);
    }
    let written = exceptions(&hub);
    assert_eq!(written.len(), 2);
    let dump = canonical(&hub);
    let tag = dump.lines().find_map(|line| line.strip_prefix("sale ")?.split(' ').next()).unwrap();
    assert!(written.iter().all(|exception| !tag.contains(&exception.case.to_string()[..16])));
    // One of them is undone: the other still holds.
    decide(&mut hub, &all[0].id, Verdict::Reject);
    assert_eq!(hub.dispute(&all[1].id).unwrap().unwrap().sales[0].effect, Effect::Cleared);
    decide(&mut hub, &all[1].id, Verdict::Reject);
    assert_eq!(hub.dispute(&all[1].id).unwrap().unwrap().sales[0].effect, Effect::Counts);
}

#[test]
fn the_feed_takes_back_what_is_cleared_for_edges_that_read_no_exceptions() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let mut hub = hub();
    let sale = b.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    send(&mut hub, &[sale.clone(), dispute(&mut a, "2020-02-06T10:00", ANNA)]);
    let case = only(&hub).line.id;
    let news = |hub: &Hub, after: u64| {
        let parts = hub.load_feed(after).unwrap();
        let groups = parts.iter().flat_map(|part| feed::decode(&part.body).unwrap().groups);
        groups.flat_map(|group| group.items).map(|item| (item.mark, item.gone)).collect::<Vec<_>>()
    };
    for (verdict, gone) in [(Verdict::Grant, true), (Verdict::Reject, false), (Verdict::Grant, true)] {
        let before = hub.feed_position().unwrap();
        decide(&mut hub, &case, verdict);
        assert_eq!(news(&hub, before), [(mark(&id(&sale)), gone)], "{verdict:?}");
        // Once more changes nothing.
        let after = hub.feed_position().unwrap();
        decide(&mut hub, &case, verdict);
        assert_eq!(hub.feed_position().unwrap(), after);
    }
}

#[test]
fn a_sale_under_a_clock_that_ran_ahead_is_cleared_where_the_site_knew_of_it() {
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let mut hub = hub();
    // B's clock is two hours ahead and does not know it.
    send(&mut hub, &[b.sell("2020-02-06T12:00", &document(ANNA), adult(2))]);
    a.watermark = hub.feed_position().unwrap();
    send(&mut hub, &[dispute(&mut a, "2020-02-06T10:00", ANNA)]);
    let case = only(&hub).line.id;
    decide(&mut hub, &case, Verdict::Grant);
    assert_eq!(effects(&hub), [Effect::Cleared]);
    // Granted again after an undo, the same is cleared.
    decide(&mut hub, &case, Verdict::Reject);
    assert_eq!(effects(&hub), [Effect::Counts]);
    decide(&mut hub, &case, Verdict::Grant);
    let feed = hub.feed_position().unwrap();
    hub.rebuild().unwrap();
    assert_eq!(hub.feed_position().unwrap(), feed);
}

#[test]
fn the_order_of_delivery_leaves_no_trace_beside_the_decision() {
    let story = || {
        let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
        let anna = document(ANNA);
        [
            b.sell("2020-02-06T09:00", &anna, adult(2)),
            c.sell("2020-02-06T09:30", &anna, adult(2)),
            dispute(&mut a, "2020-02-06T10:00", ANNA),
            c.sell("2020-02-06T18:00", &anna, adult(2)),
        ]
    };
    // The decision comes when the dispute has come, whatever else has.
    let dump = |order: [usize; 4]| {
        let mut hub = hub();
        let story = story();
        for part in order {
            send(&mut hub, &[story[part].clone(), story[part].clone()]);
            if part == 2 {
                let case = only(&hub).line.id;
                decide(&mut hub, &case, Verdict::Grant);
            }
        }
        let before = canonical(&hub);
        hub.rebuild().unwrap();
        assert_eq!(canonical(&hub), before);
        assert_eq!(open_cases(&hub), 0);
        before
    };
    let expected = dump([0, 1, 2, 3]);
    assert_eq!((expected.matches(" cleared\n").count(), expected.matches(" counts\n").count()), (2, 1), "{expected}");
    for order in [[2, 0, 1, 3], [1, 2, 3, 0], [0, 2, 1, 3], [1, 3, 2, 0], [2, 1, 3, 0]] {
        assert_eq!(dump(order), expected, "{order:?}");
    }
}

#[test]
fn what_a_decision_needs_and_what_is_no_decision() {
    let mut a = Edge::new(A, 1);
    let mut hub = hub();
    send(&mut hub, &[dispute(&mut a, "2020-02-06T10:00", ANNA)]);
    let case = only(&hub).line.id;
    let before = (canonical(&hub), hub.journal_position().unwrap());
    let long = "長".repeat(67);
    for (case, words, by, bad) in [
        (CaseId([9; 16]), "查明", "陳承辦", BadDecision::Unknown),
        (case, " ", "陳承辦", BadDecision::Words { bytes_max: 200 }),
        (case, &long, "陳承辦", BadDecision::Words { bytes_max: 200 }),
        (case, "查明", "", BadDecision::Name { bytes_max: 64 }),
        (case, "查明", &long, BadDecision::Name { bytes_max: 64 }),
        (case, "A123456789查無", "陳承辦", BadDecision::Personal),
        (case, "查明", "A123456789", BadDecision::Personal),
    ] {
        for verdict in [Verdict::Grant, Verdict::Reject] {
            let decided = hub.decide(&case, verdict, (words, by), second("2020-02-06T19:00")).unwrap();
            assert_eq!(decided, Err(bad.clone()), "{words} {by}");
        }
    }
    assert_eq!((canonical(&hub), hub.journal_position().unwrap()), before, "nothing was written");
    // A rejection with nothing to undo tells the desk only.
    decide(&mut hub, &case, Verdict::Reject);
    assert_eq!((exceptions(&hub).len(), hub.journal_position().unwrap()), (0, before.1 + 1));
}

#[test]
fn only_the_hub_writes_exceptions_and_decisions_and_a_dispute_must_open() {
    let mut hub = hub();
    let cleared = ClearedDay { day: "2020-02-06".parse().unwrap(), fingerprint: 1, marks: vec![] };
    let exception = Fact::Exception(Exception {
        case: CaseId([1; 16]),
        programme: "mask".parse().unwrap(),
        holds: true,
        upto: 0,
        days: vec![cleared],
    });
    let of = id(&Edge::new(B, 2).arrive("2020-02-06T08:00", adult(1)));
    let decision = Fact::Decision(Decision { of, granted: true, words: "x".to_owned() });
    for fact in [exception, decision] {
        let mut a = Edge::new(A, 1);
        assert!(refused(&mut hub, &a.fact("2020-02-06T09:00", fact)).contains("only the hub writes"));
    }
    for bytes in [vec![], vec![7; 64]] {
        let mut a = Edge::new(A, 4);
        let upload = dispute_as(&mut a, "2020-02-06T09:00", ANNA, |dispute| dispute.document = Sealed(bytes.clone()));
        assert!(refused(&mut hub, &upload).contains("does not open"));
    }
    assert!(hub.disputes(&DisputeFilter::default()).unwrap().is_empty());
}

#[test]
fn a_dispute_of_a_programme_that_nobody_published_can_be_read_and_decided() {
    let mut a = Edge::new(A, 1);
    let mut hub = hub();
    let odd = dispute_as(&mut a, "2020-02-06T09:00", ANNA, |dispute| {
        dispute.programme = "unheard".parse().unwrap();
        dispute.found = vec![];
    });
    send(&mut hub, &[odd]);
    let detail = only(&hub);
    assert_eq!((detail.line.title.zh.as_str(), detail.sales.len()), ("unheard", 0));
    decide(&mut hub, &detail.line.id, Verdict::Grant);
    decide(&mut hub, &detail.line.id, Verdict::Reject);
    assert_eq!(only(&hub).line.state, DisputeState::Rejected);
}
