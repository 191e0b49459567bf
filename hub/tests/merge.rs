//! The same ledgers give the same truth in whatever order they come (docs/architecture.md, promise 3), and
//! what that truth is: double purchases, withdrawals, late ledgers, versions (M8, M9, decision 12).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::cases::{CaseFilter, CaseSummary, Knowledge};
use hub::conflict::Effect;
use hub::hub::Hub;
use hub::ingest::Upload;
use shared::entry::{Instant, Pieces, Reading};
use shared::ids::DocId;
use shared::rules::quota::FindingKind;

fn only_case(hub: &Hub) -> CaseSummary {
    let mut cases = hub.cases(&CaseFilter::default()).unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");
    cases.remove(0)
}

fn no_case(hub: &Hub) {
    assert_eq!(hub.cases(&CaseFilter::default()).unwrap(), vec![]);
}

/// A nation in small: three sites, two days, everything that can happen.
fn story() -> Vec<Vec<Upload>> {
    let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
    let (anna, boris) = (document(ANNA), document(BORIS));
    let mut of_a = vec![a.arrive("2020-02-06T08:00", Pieces { adult: 200, child: 50 })];
    of_a.push(a.sell("2020-02-06T09:00", &anna, adult(2)));
    let wrong = a.sell("2020-02-06T09:30", &boris, adult(2));
    of_a.push(wrong.clone());
    of_a.push(a.withdraw("2020-02-06T09:31", id(&wrong)));
    of_a.push(a.correct("2020-02-06T18:00", -3));
    let mut of_b = vec![b.arrive("2020-02-06T08:10", adult(100))];
    of_b.push(b.sell("2020-02-06T10:00", &anna, adult(2)));
    of_b.push(b.sell("2020-02-06T10:05", &boris, adult(2)));
    of_b.push(b.sell("2020-02-06T11:00", &boris, adult(2)));
    let mut of_c = vec![c.sell("2020-02-06T12:00", &anna, adult(2))];
    of_c.push(c.sell_as("2020-02-06T13:00", &boris, adult(2), |sale| {
        sale.happened = Some(Instant { second: second("2020-02-06T08:30"), doubt_s: 600 });
    }));
    for serial in 0..40 {
        of_c.push(c.sell("2020-02-06T14:00", &document(&number(1 + serial)), adult(2)));
        of_b.push(b.sell("2020-02-06T15:00", &document(&number(1 + serial * 2)), adult(1)));
    }
    // The next day is another document.
    of_a.push(a.sell("2020-02-07T09:00", &document(&number(1)), adult(2)));
    // Taken back before it comes: the withdrawal lies in the next day's ledger.
    let late = a.sell("2020-02-07T10:00", &document(&number(3)), adult(2));
    let taken_back = a.withdraw("2020-02-08T10:00", id(&late));
    vec![of_a, of_b, of_c, vec![late], vec![taken_back]]
}

/// All orders keep each actor's sequence; some deliver one run at a time, some all at once.
fn deliver(order: &[usize], at_once: usize, doubled: bool) -> Hub {
    let mut hub = hub();
    let story = story();
    let mut line: Vec<Upload> = Vec::new();
    match order {
        // Round and round, one of each.
        [] => {
            let most = story.iter().map(Vec::len).max().unwrap();
            for n in 0..most {
                for part in [4, 0, 2, 1] {
                    line.extend(story[part].get(n).cloned());
                }
            }
            line.extend(story[3].clone());
        }
        order => line.extend(order.iter().flat_map(|part| story[*part].clone())),
    }
    if doubled {
        line = line.iter().flat_map(|upload| [upload.clone(), upload.clone()]).collect();
        line.extend(story.concat());
    }
    for batch in line.chunks(at_once) {
        send_or_wait(&mut hub, batch);
    }
    hub
}

/// The late sale follows a run of its ledger's actor that may not have come yet: it waits then.
fn send_or_wait(hub: &mut Hub, batch: &[Upload]) {
    hub.ingest(batch, second("2020-02-08T20:00")).unwrap();
}

#[test]
fn the_order_of_delivery_leaves_no_trace() {
    let first = deliver(&[0, 1, 2, 3, 4], 1000, false);
    let expected = canonical(&first);
    // Two of Anna's three, two of Boris's three that stand, twenty of forty at B, one at A the day after.
    assert_eq!(expected.matches("  over ").count(), 25, "{expected}");
    let ids: Vec<_> = first.cases(&CaseFilter::default()).unwrap().iter().map(|case| case.id).collect();
    for (order, at_once, doubled) in [
        (&[0, 1, 2, 3, 4][..], 1, false),
        (&[2, 1, 0, 3, 4][..], 7, false),
        (&[4, 3, 2, 0, 1][..], 3, false),
        (&[][..], 2, false),
        (&[1, 0, 4, 2, 3][..], 5, true),
        (&[][..], 1000, true),
    ] {
        let hub = deliver(order, at_once, doubled);
        assert_eq!(canonical(&hub), expected, "{order:?} {at_once} {doubled}");
        let mut again: Vec<_> = hub.cases(&CaseFilter::default()).unwrap().iter().map(|case| case.id).collect();
        again.sort_unstable();
        let mut ids = ids.clone();
        ids.sort_unstable();
        assert_eq!(again, ids);
        assert_eq!(hub.status().unwrap().quarantined, 0, "what waited was taken");
    }
}

#[test]
fn a_rebuild_gives_the_same_bytes_and_tells_nobody_anything() {
    let mut hub = deliver(&[], 3, false);
    let (before, feed, journal) = (canonical(&hub), hub.feed_position().unwrap(), hub.journal_position().unwrap());
    let detail = |hub: &Hub| {
        let case = hub.cases(&CaseFilter::default()).unwrap()[0].id;
        hub.case(&case).unwrap().unwrap().findings
    };
    let findings = detail(&hub);
    hub.rebuild().unwrap();
    assert_eq!(canonical(&hub), before);
    assert_eq!((hub.feed_position().unwrap(), hub.journal_position().unwrap()), (feed, journal));
    assert_eq!(detail(&hub), findings, "what each site knew is kept");
    let mut other = deliver(&[0, 1, 2, 3, 4], 1000, false);
    other.rebuild().unwrap();
    assert_eq!(canonical(&other), before);
    // And it goes on from there.
    let mut d = Edge::new(A, 9);
    send(&mut hub, &[d.sell("2020-02-09T09:00", &document(&number(2000)), adult(2))]);
    assert_eq!(hub.feed_position().unwrap(), feed + 1);
}

#[test]
fn a_rebuild_meets_a_withdrawal_long_before_what_it_takes_back() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let late = a.sell("2020-02-06T10:00", &document(ANNA), adult(2));
    send(&mut hub, &[a.withdraw("2020-02-07T10:00", id(&late))]);
    let between: Vec<Upload> = (0..2100).map(|_| b.arrive("2020-02-06T08:00", adult(1))).collect();
    send(&mut hub, &between);
    send(&mut hub, &[late]);
    let before = canonical(&hub);
    assert!(before.contains("withdrawn"), "{before}");
    hub.rebuild().unwrap();
    assert_eq!(canonical(&hub), before);
    assert_eq!(hub.feed_position().unwrap(), 0);
}

#[test]
fn m9_two_sites_one_person_one_case() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let first = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    let second_sale = b.sell("2020-02-06T15:00", &document(ANNA), adult(2));
    send(&mut hub, std::slice::from_ref(&second_sale));
    no_case(&hub);
    send(&mut hub, std::slice::from_ref(&first));
    let case = only_case(&hub);
    assert_eq!(case.over, vec![id(&second_sale)]);
    assert_eq!(case.sales, vec![id(&first), id(&second_sale)]);
    let detail = hub.case(&case.id).unwrap().unwrap();
    assert_eq!(detail.person, "A12****789");
    assert_eq!(detail.sales[0].effect, Effect::Counts);
    assert_eq!(detail.sales[1].effect, Effect::Over);
    let finding = &detail.findings[0];
    assert_eq!((finding.kind, finding.code, finding.because.clone()), (FindingKind::Over, "bought", vec![id(&first)]));
    assert_eq!(finding.next, Some("2020-02-13".parse().unwrap()));
    assert!(finding.text.zh.contains("下次購買起日 109/02/13"), "{}", finding.text.zh);
    assert!(finding.text.en.contains("next eligible on 2020-02-13"), "{}", finding.text.en);
    assert!(!format!("{detail:?}").contains(ANNA), "masked everywhere");
    // The same with the line up: the site had heard of it.
    assert_eq!(finding.knowledge, Knowledge::CouldNot);
}

#[test]
fn who_had_heard_of_it_could_have_known() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    send(&mut hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    b.watermark = hub.feed_position().unwrap();
    send(&mut hub, &[b.sell("2020-02-06T15:00", &document(ANNA), adult(2))]);
    send(&mut hub, &[a.sell("2020-02-06T16:00", &document(ANNA), adult(2))]);
    let case = only_case(&hub);
    let detail = hub.case(&case.id).unwrap().unwrap();
    let known: Vec<Knowledge> = detail.findings.iter().map(|finding| finding.knowledge).collect();
    assert_eq!(known, vec![Knowledge::Could, Knowledge::SameSite], "third purchase in the same window");
    assert_eq!(case.over.len(), 2);
}

#[test]
fn decision_12_a_withdrawal_lifts_the_finding() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let first = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    let second_sale = b.sell("2020-02-06T15:00", &document(ANNA), adult(2));
    send(&mut hub, &[first.clone(), second_sale.clone()]);
    let case = only_case(&hub);
    send(&mut hub, &[a.withdraw("2020-02-06T16:00", id(&first))]);
    no_case(&hub);
    let closed = hub.cases(&CaseFilter { closed_too: true, ..CaseFilter::default() }).unwrap();
    assert_eq!((closed.len(), closed[0].id, closed[0].open), (1, case.id, false));
    assert!(hub.case(&case.id).unwrap().unwrap().findings.is_empty());
    // B's desk heard both: over, and counts again.
    let told = desk_standings(&hub, B);
    assert_eq!(told, vec![(id(&second_sale), true), (id(&second_sale), false)]);
    // Withdrawing twice changes nothing.
    let before = hub.sites().unwrap();
    send(&mut hub, &[a.withdraw("2020-02-06T16:01", id(&first))]);
    assert_eq!(hub.sites().unwrap()[2].stock, before[2].stock);
}

#[test]
fn nobody_withdraws_another_sites_sale() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let sale = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    send(&mut hub, std::slice::from_ref(&sale));
    let before = canonical(&hub);
    send(&mut hub, &[b.withdraw("2020-02-06T10:00", id(&sale))]);
    let after = canonical(&hub);
    assert!(after.contains("counts") && !after.contains("withdrawn"), "{before}{after}");
}

#[test]
fn a_late_older_sale_moves_the_finding() {
    let mut hub = hub();
    let (mut a, mut b, mut c) = (Edge::new(A, 1), Edge::new(B, 2), Edge::new(C, 3));
    let early = c.sell("2020-02-06T08:00", &document(ANNA), adult(2));
    let middle = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    let last = b.sell("2020-02-13T09:00", &document(ANNA), adult(2));
    send(&mut hub, &[middle.clone(), last.clone()]);
    no_case(&hub);
    send(&mut hub, std::slice::from_ref(&early));
    let case = only_case(&hub);
    assert_eq!(case.over, vec![id(&middle)], "the older one counts, and the third a week later still does");
    assert_eq!(desk_standings(&hub, A), vec![(id(&middle), true)]);
    assert_eq!(desk_standings(&hub, C), vec![]);
    // The feed took back what it had told: +middle, +last, −middle, +early.
    assert_eq!(hub.feed_position().unwrap(), 4);
}

#[test]
fn kits_count_pieces() {
    let mut hub = hub();
    let name = "kit-2022-09-01";
    publish(&mut hub, name);
    let version = hub.versions().iter().find(|version| version.name.as_str() == name).unwrap().clone();
    assert!(!version.one_purchase_per_window, "the version of the test");
    let limit = version.limit.adult_card.adult;
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    (a.programme, a.version, b.programme, b.version) = ("kit", name, "kit", name);
    let day = format!("{}T09:00", version.from);
    let one = a.sell(&day, &document(ANNA), adult(1));
    let rest = b.sell(&format!("{}T10:00", version.from), &document(ANNA), adult(limit - 1));
    send(&mut hub, &[one, rest]);
    no_case(&hub);
    let more = a.sell(&format!("{}T11:00", version.from), &document(ANNA), adult(1));
    send(&mut hub, std::slice::from_ref(&more));
    assert_eq!(only_case(&hub).over, vec![id(&more)]);
}

#[test]
fn a_version_published_later_is_asked_again() {
    let mut hub = hub();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    // 2020-04-09: nine pieces in fourteen days. By the rules known so far (seven days) both are right.
    let first = a.sell("2020-04-09T09:00", &document(ANNA), adult(2));
    let second_sale = b.sell("2020-04-20T09:00", &document(ANNA), adult(2));
    let third = b.sell("2020-04-20T10:00", &document(BORIS), adult(9));
    send(&mut hub, &[first.clone(), second_sale.clone(), third.clone()]);
    assert_eq!(only_case(&hub).over, vec![id(&third)], "nine were too many");
    publish(&mut hub, "mask-2020-04-09");
    let open = hub.cases(&CaseFilter::default()).unwrap();
    assert_eq!(open.len(), 1);
    let case = &open[0];
    // One purchase in fourteen days: the second was right by the version its site knew.
    assert_eq!((case.over.clone(), case.stale.clone()), (vec![], vec![id(&second_sale)]), "{case:?}");
    let detail = hub.case(&case.id).unwrap().unwrap();
    assert_eq!(detail.findings[0].kind, FindingKind::StaleVersion);
    let mut again = hub;
    let before = canonical(&again);
    again.rebuild().unwrap();
    assert_eq!(canonical(&again), before);
}

#[test]
fn stock_is_the_sum_of_the_ledgers() {
    let mut hub = deliver(&[0, 1, 2, 3, 4], 4, false);
    hub.rebuild().unwrap();
    let stock = |code: &str| {
        let status = hub.site_status(&code.parse().unwrap()).unwrap().unwrap();
        (status.stock[0].adult, status.stock[0].child)
    };
    assert_eq!(stock(A), (200 - 2 - 3 - 2, 50));
    assert_eq!(stock(B), (100 - 6 - 40, 0));
    assert_eq!(stock(C), (-84, 0), "recorded sales may take the shelf below zero");
}

/// What a site's desk was told of its sales, in order.
fn desk_standings(hub: &Hub, site: &str) -> Vec<(shared::ids::EntryId, bool)> {
    let site = site.parse().unwrap();
    let mut out = Vec::new();
    let mut after = 0;
    while let Some((run, pos)) = hub.load_down(&site, after).unwrap() {
        run.links().unwrap();
        after = pos;
        if matches!(run.doc, DocId::Desk { .. }) {
            for bytes in &run.entries {
                if let shared::entry::Fact::Standing(standing) = shared::wire::v1::entry::decode(bytes).unwrap().fact {
                    out.push((standing.sale, standing.over));
                }
            }
        }
    }
    out
}

/// Only what can have changed is judged again: the same as judging everything at once, whatever came
/// before what, withdrawn and published in between (rolling windows, rounds, no version at all).
#[test]
fn judged_piece_by_piece_is_judged_as_a_whole() {
    let mut state = 7u64;
    let mut dice = move |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let kits = ["kit-2022-08-15", "kit-2022-09-01"];
    for round in 0..20 {
        let mut line = Vec::new();
        for (site, actor) in [(A, 1), (B, 2), (C, 3)] {
            let mut edge = Edge::new(site, actor);
            for _ in 0..30 {
                let kit = round % 2 == 1;
                (edge.programme, edge.version) = match (kit, dice(2)) {
                    (true, one) => ("kit", kits[usize::try_from(one).unwrap()]),
                    (false, 0) => ("mask", MASK),
                    (false, _) => ("mask", "mask-2020-04-09"),
                };
                let first = second(if kit { "2022-08-20T09:00" } else { "2020-03-25T09:00" });
                let (days, tie, typed) = (i64::try_from(dice(40)).unwrap(), dice(2), dice(2) == 0);
                let pieces = adult(u32::try_from(dice(4)).unwrap());
                let buyer = [ANNA, BORIS][usize::try_from(dice(2)).unwrap()];
                let sale = edge.sell_as("2020-02-06T09:00", &document(buyer), pieces, |sale| {
                    let second = first + days * 86_400 + i64::try_from(tie).unwrap();
                    sale.happened = Some(Instant { second, doubt_s: 1 });
                    sale.reading = if typed { Reading::Typed } else { Reading::Card };
                });
                if dice(5) == 0 {
                    line.push(edge.withdraw("2020-02-07T09:00", id(&sale)));
                }
                line.push(sale);
            }
        }
        for at in (1..line.len()).rev() {
            line.swap(at, usize::try_from(dice(u64::try_from(at).unwrap() + 1)).unwrap());
        }
        let mut whole = hub();
        ["mask-2020-04-09", kits[0], kits[1]].into_iter().for_each(|name| publish(&mut whole, name));
        whole.ingest(&line, second("2020-02-08T20:00")).unwrap();
        let mut pieces = hub();
        for (at, upload) in line.iter().enumerate() {
            match at {
                20 => publish(&mut pieces, "mask-2020-04-09"),
                40 => publish(&mut pieces, kits[0]),
                60 => publish(&mut pieces, kits[1]),
                _ => {}
            }
            pieces.ingest(std::slice::from_ref(upload), second("2020-02-08T20:00")).unwrap();
        }
        assert_eq!(canonical(&pieces), canonical(&whole), "round {round}");
        let told = pieces.feed_position().unwrap();
        pieces.rebuild().unwrap();
        assert_eq!(canonical(&pieces), canonical(&whole), "round {round}, rebuilt");
        assert_eq!(pieces.feed_position().unwrap(), told, "everybody who counts had been told, and nobody else");
        assert_eq!(pieces.status().unwrap().quarantined, 0);
    }
}
