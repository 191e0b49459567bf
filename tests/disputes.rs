//! A refused person can have a slip, and the counter can file a dispute; it becomes a case with the evidence; an
//! operator's decision clears the person at every edge by the next sync (docs/disputes.md).
//!
//! Real nodes and a real hub over the real session machines, in one process; only disks and links are not those of
//! production.

use chrono::NaiveDateTime;
use edge::clock::Reading;
use edge::nation::Nation;
use edge::node::ask::{
    ArriveRequest, DisputeLine, DisputeRequest, Disputed, DocumentText, Examine, SaleRequest, Sold, WithdrawRequest,
};
use edge::node::{Answer, Committed, Lives, Node, Setup};
use harness::replay::line::{Line, Now};
use hub::cases::CaseFilter;
use hub::conflict::Effect;
use hub::disputes::{DisputeDetail, DisputeFilter, DisputeState, Verdict};
use hub::hub::{Dice, Hub};
use hub::registry::{Enrolment, SiteRecord};
use shared::entry::{Found, Reading as Read, Source};
use shared::ids::{CaseId, Incarnation, SiteCode};
use shared::rules::calendar::second_of;
use shared::rules::programme::shipped_text;
use shared::seal::Secret;

const SITES: [&str; 3] = ["5931102274", "3501200000", "0145080011"];
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
/// Even: may buy on Thursday 2020-02-06.
const ANNA: &str = "B123456780";
const BORIS: &str = "A100000010";
const THURSDAY: &str = "2020-02-06";

struct Town {
    hub: Hub,
    nodes: Vec<Node>,
    second: i64,
}

fn dice(seed: u8) -> Dice {
    let mut n = 0u64;
    Box::new(move || {
        n += 1;
        let mut out = [seed; 16];
        out[..8].copy_from_slice(&n.to_be_bytes());
        out
    })
}

fn document(number: &str, kind: &str) -> DocumentText {
    DocumentText { kind: kind.to_owned(), number: number.to_owned(), birth: "1986-03-15".to_owned() }
}

fn found(source: Source) -> Vec<Found> {
    vec![Found { day: THURSDAY.parse().unwrap(), source }]
}

impl Town {
    /// A hub and three sites that have met, with 100 masks each, on Thursday at nine.
    fn new() -> Self {
        let mut hub = Hub::open(hub::store::Store::in_memory().unwrap(), &Secret::new([42; 32]), dice(200)).unwrap();
        let mut nodes = Vec::new();
        let second = second_of(format!("{THURSDAY}T09:00:00").parse().unwrap());
        for (n, code) in (1u8..).zip(SITES) {
            let site: SiteCode = code.parse().unwrap();
            let name = format!("藥局{n}");
            let record = SiteRecord {
                code: site,
                name: name.clone(),
                kind: "pharmacy".to_owned(),
                address: "花蓮縣豐濱鄉".to_owned(),
                tel: String::new(),
                lat: None,
                lng: None,
                town: String::new(),
            };
            hub.import_sites([record]).unwrap();
            let secret = Secret::new([n; 32]);
            let (fingerprint, serial) = ([n; 32], [n; 16]);
            let enrolment =
                Enrolment { key_number: 1, secret: secret.clone(), fingerprint, serial, expires: i64::MAX, second };
            hub.register(&site, &enrolment).unwrap().unwrap();
            let setup = Setup {
                site,
                name,
                key_number: 1,
                incarnation: Incarnation([n; 16]),
                store: edge::store::Store::in_memory().unwrap(),
                nation: Nation::stored(),
                lives: Lives::in_memory(&secret).unwrap(),
                secret,
                dice: dice(n),
            };
            nodes.push(Node::open(setup, reading(second)).unwrap());
        }
        hub.publish_programme(shipped_text("mask-2020-02-06").unwrap(), "op", second - 3600).unwrap().unwrap();
        let mut town = Self { hub, nodes, second };
        for site in [A, B, C] {
            town.sync(site);
            let by = "王藥師".to_owned();
            let ask = ArriveRequest { request: None, programme: None, adult: 100, child: 0, by };
            town.nodes[site].arrive(&ask, reading(second)).unwrap().unwrap();
        }
        town
    }

    fn at(&mut self, taipei: &str) -> &mut Self {
        self.second = second_of(NaiveDateTime::parse_from_str(taipei, "%Y-%m-%d %H:%M").unwrap());
        self
    }

    /// Minutes after nine on Thursday.
    fn minute(&mut self, minute: i64) -> &mut Self {
        self.at(&format!("{THURSDAY} 09:00")).second += minute * 60;
        self
    }

    /// Dials, and everything crosses that is to cross.
    fn sync(&mut self, site: usize) {
        let now = Now { second: self.second, reading: reading(self.second) };
        let node = &mut self.nodes[site];
        let mut line = Line::dial(node, &mut self.hub, now).unwrap();
        line.settle(node, &mut self.hub, now).unwrap();
        assert_eq!(node.acked_upto(), node.log_len());
    }

    fn sync_all(&mut self) {
        for site in [A, B, C] {
            self.sync(site);
        }
    }

    fn sell_as(&mut self, site: usize, kind: &str, number: &str) -> Result<Sold, String> {
        let (document, by) = (document(number, kind), "王藥師".to_owned());
        let request = None;
        let ask =
            SaleRequest { request, programme: None, document, adult: 2, child: 0, proxy: None, manager: None, by };
        let sold = self.nodes[site].sell(&ask, reading(self.second)).unwrap();
        sold.map(Committed::into_inner).map_err(|refusal| refusal.en())
    }

    fn sell(&mut self, site: usize, number: &str) -> Result<Sold, String> {
        self.sell_as(site, "01", number)
    }

    /// What 資格審核 says of somebody at each site.
    fn examined(&mut self, number: &str) -> [String; 3] {
        let reading = reading(self.second);
        [A, B, C].map(|site| {
            let ask = Examine { programme: None, document: document(number, "01") };
            match self.nodes[site].examine(&ask, reading).unwrap() {
                Ok(found) => format!("may buy {}", found.allowance.most()),
                Err(refusal) => refusal.en(),
            }
        })
    }

    fn dispute_as(&mut self, site: usize, number: &str, reason: &str) -> Answer<Committed<Disputed>> {
        let (request, by) = (Some(format!("slip of {site}")), "王藥師".to_owned());
        let document = document(number, "01");
        let ask = DisputeRequest { request, programme: None, document, reason: reason.to_owned(), by };
        self.nodes[site].dispute(&ask, None, reading(self.second))
    }

    fn dispute(&mut self, site: usize, number: &str) -> Disputed {
        self.dispute_as(site, number, "本週沒有買過").unwrap().unwrap().into_inner()
    }

    /// The dispute at the hub, explained.
    fn only_dispute(&self) -> DisputeDetail {
        let all = self.hub.disputes(&DisputeFilter { decided_too: true, limit: 0 }).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        self.hub.dispute(&all[0].id).unwrap().unwrap()
    }

    fn decide(&mut self, case: &CaseId, verdict: Verdict, words: &str) {
        self.hub.decide(case, verdict, (words, "陳承辦"), self.second).unwrap().unwrap();
    }

    fn counter_sees(&self, site: usize) -> Vec<DisputeLine> {
        self.nodes[site].disputes(10).unwrap()
    }

    fn cases(&self) -> usize {
        self.hub.cases(&CaseFilter::default()).unwrap().len()
    }

    /// The wrong sale: somebody typed Anna's number at B. She is refused at A and disputes it.
    fn disputed() -> (Self, CaseId) {
        let mut town = Self::new();
        town.sell_as(B, "02", ANNA).unwrap();
        town.sync_all();
        town.sync_all();
        town.minute(60).dispute(A, ANNA);
        town.sync_all();
        let case = town.only_dispute().line.id;
        (town, case)
    }
}

fn reading(second: i64) -> Reading {
    Reading { wall_ms: second * 1_000, mono_ms: u64::try_from(second).unwrap() * 1_000 }
}

const REFUSED: &str = "bought already; next 2020-02-13";

#[test]
fn a_refused_persons_dispute_becomes_a_case_with_its_evidence() {
    let (mut town, case) = Town::disputed();
    assert_eq!(town.examined(ANNA), [REFUSED; 3]);
    let detail = town.only_dispute();
    assert_eq!(detail.line.state, DisputeState::Waiting);
    assert_eq!((detail.line.site.as_str(), detail.line.person.as_str()), (SITES[A], "B12****780"));
    assert_eq!((detail.reason.as_str(), detail.found), ("本週沒有買過", found(Source::Nation)));
    assert_eq!((detail.reading, detail.by.name.as_str()), (Read::Card, "王藥師"));
    let [sale] = detail.sales.as_slice() else { panic!("{:?}", detail.sales) };
    assert_eq!((sale.site.as_str(), sale.reading, sale.effect), (SITES[B], Read::Typed, Effect::Counts));
    assert_eq!(sale.instant, second_of(format!("{THURSDAY}T09:00:00").parse().unwrap()));
    assert!(sale.doubt_s < 60 && sale.text.zh.contains("人工輸入"), "{sale:?}");
    assert!(detail.summary.en.contains("2020-02-06 (the nation's list)"), "{}", detail.summary.en);
    assert!(!detail.summary.en.contains("somebody else's fingerprint"), "{}", detail.summary.en);
    // It is no finding of anybody's, and waits in the list.
    assert_eq!(town.cases(), 0);
    assert_eq!(town.hub.disputes(&DisputeFilter::default()).unwrap()[0].id, case);
    let line = &town.counter_sees(A)[0];
    assert!(line.acked && line.decided.is_none());
    assert!(town.counter_sees(B).is_empty() && town.counter_sees(C).is_empty());
}

#[test]
fn a_decision_clears_the_person_at_every_edge_by_the_next_sync() {
    let (mut town, case) = Town::disputed();
    town.minute(90).decide(&case, Verdict::Grant, "證號係他人誤打");
    assert_eq!(town.examined(ANNA), [REFUSED; 3], "nobody has heard it");
    town.sync_all();
    assert_eq!(town.examined(ANNA), ["may buy 2"; 3]);
    assert_eq!(town.only_dispute().line.state, DisputeState::Granted);
    assert!(town.hub.disputes(&DisputeFilter::default()).unwrap().is_empty(), "nothing waits");
    let decided = town.counter_sees(A)[0].decided.clone().unwrap();
    assert_eq!((decided.granted, decided.words.as_str(), decided.by.as_str()), (true, "證號係他人誤打", "陳承辦"));
    // What she buys now counts, on the same day too, and is not one too many because of what was cleared.
    town.minute(120).sell(C, ANNA).unwrap();
    town.sync_all();
    town.sync_all();
    assert_eq!(town.cases(), 0);
    assert_eq!(town.examined(ANNA), [REFUSED; 3]);
    let effects: Vec<Effect> = town.only_dispute().sales.iter().map(|sale| sale.effect).collect();
    assert_eq!(effects, [Effect::Cleared, Effect::Counts], "the sale that was wrong is still there");
}

#[test]
fn beside_what_she_bought_under_a_grant_another_one_is_one_too_many() {
    let (mut town, case) = Town::disputed();
    town.minute(90).decide(&case, Verdict::Grant, "成立");
    town.sync_all();
    // Neither of the two knows of the other.
    town.minute(120).sell(C, ANNA).unwrap();
    town.minute(121).sell(B, ANNA).unwrap();
    town.sync_all();
    assert_eq!(town.cases(), 1);
    let effects: Vec<Effect> = town.only_dispute().sales.iter().map(|sale| sale.effect).collect();
    assert_eq!(effects, [Effect::Cleared, Effect::Counts, Effect::Over]);
    let [case] = town.hub.cases(&CaseFilter::default()).unwrap().try_into().unwrap();
    let because = &town.hub.case(&case.id).unwrap().unwrap().findings[0].because;
    assert_eq!(because.as_slice(), [case.sales[1]], "not because of what was cleared");
}

#[test]
fn the_sites_own_sale_is_said_to_be_its_own_and_is_cleared_like_any_other() {
    let mut town = Town::new();
    town.sell_as(A, "02", ANNA).unwrap();
    // The line is down: nobody else knows yet.
    assert_eq!(town.minute(10).dispute(A, ANNA).found, found(Source::Own));
    town.sync_all();
    town.sync_all();
    let case = town.only_dispute().line.id;
    town.minute(20).decide(&case, Verdict::Grant, "本站誤打");
    town.sync_all();
    assert_eq!(town.examined(ANNA), ["may buy 2"; 3]);
    town.sell(A, ANNA).unwrap();
    assert_eq!(town.examined(ANNA), [REFUSED, "may buy 2", "may buy 2"]);
    town.sync_all();
    town.sync_all();
    assert_eq!((town.examined(ANNA), town.cases()), ([REFUSED; 3].map(str::to_owned), 0));
}

#[test]
fn days_later_the_grant_is_good_and_the_next_date_is_that_of_what_she_bought_herself() {
    let mut town = Town::new();
    town.sell_as(B, "02", ANNA).unwrap();
    town.sync_all();
    town.at("2020-02-08 10:00").sync_all();
    assert_eq!(town.examined(ANNA), [REFUSED; 3]);
    town.dispute(A, ANNA);
    town.sync(A);
    let case = town.only_dispute().line.id;
    town.at("2020-02-08 11:00").decide(&case, Verdict::Grant, "成立");
    town.sync_all();
    town.sell(A, ANNA).unwrap();
    town.sync_all();
    town.sync_all();
    assert_eq!((town.examined(ANNA), town.cases()), (["bought already; next 2020-02-15"; 3].map(str::to_owned), 0));
}

#[test]
fn a_rejected_one_stays_refused_and_the_counter_sees_why() {
    let (mut town, case) = Town::disputed();
    town.minute(90).decide(&case, Verdict::Reject, "調閱錄影確為本人");
    town.sync_all();
    assert_eq!(town.examined(ANNA), [REFUSED; 3]);
    let decided = town.counter_sees(A)[0].decided.clone().unwrap();
    assert_eq!((decided.granted, decided.words.as_str()), (false, "調閱錄影確為本人"));
    assert_eq!(town.only_dispute().line.state, DisputeState::Rejected);
    // She may say it again: that is another case.
    let again = town.minute(100).dispute_as(A, ANNA, "錄影不是我").unwrap_err();
    assert_eq!(again.to_string(), "this request key was used for another request: take a new one");
    let ask = DisputeRequest {
        request: None,
        programme: None,
        document: document(ANNA, "01"),
        reason: "錄影不是我".to_owned(),
        by: String::new(),
    };
    let reading = reading(town.second);
    assert!(!town.nodes[A].dispute(&ask, None, reading).unwrap().unwrap().get().replayed);
    town.sync(A);
    assert_eq!(town.hub.disputes(&DisputeFilter { decided_too: true, limit: 0 }).unwrap().len(), 2);
}

#[test]
fn a_later_decision_beats_an_earlier_one() {
    let (mut town, case) = Town::disputed();
    town.minute(90).decide(&case, Verdict::Grant, "成立");
    town.sync_all();
    town.minute(100).decide(&case, Verdict::Reject, "更正：不成立");
    town.sync_all();
    assert_eq!(town.examined(ANNA), [REFUSED; 3], "the grant is undone");
    assert!(!town.counter_sees(A)[0].decided.as_ref().unwrap().granted);
    town.minute(110).decide(&case, Verdict::Grant, "再更正：成立");
    town.sync_all();
    assert_eq!(town.examined(ANNA), ["may buy 2"; 3]);
    let words: Vec<String> = town.only_dispute().decisions.into_iter().map(|decision| decision.words).collect();
    assert_eq!(words, ["再更正：成立", "更正：不成立", "成立"], "nothing is edited");
    // What was bought under a grant is one too many when it is undone: that is a case, and nobody is blamed unheard.
    town.minute(120).sell(C, ANNA).unwrap();
    town.sync_all();
    town.minute(130).decide(&case, Verdict::Reject, "仍不成立");
    assert_eq!(town.cases(), 1);
    town.minute(140).decide(&case, Verdict::Grant, "仍成立");
    assert_eq!(town.cases(), 0);
    town.sync_all();
    assert_eq!(town.examined(ANNA), [REFUSED; 3], "by what she bought herself");
}

#[test]
fn what_reaches_the_hub_late_is_cleared_as_well_if_it_was_sold_before_the_dispute() {
    let mut town = Town::new();
    town.sell_as(B, "02", ANNA).unwrap();
    town.sync_all();
    town.sync_all();
    // C has no line, and somebody types the same number there: known to nobody until tonight.
    town.minute(30).sell_as(C, "02", BORIS).unwrap();
    town.minute(60).dispute(A, ANNA);
    town.sync(A);
    let case = town.only_dispute().line.id;
    town.minute(90).decide(&case, Verdict::Grant, "成立");
    town.sync_all();
    town.sync_all();
    assert_eq!(town.examined(ANNA), ["may buy 2"; 3]);
    assert_eq!(town.examined(BORIS), [REFUSED; 3], "nobody else is cleared");
}

#[test]
fn a_late_ledger_with_the_same_number_is_cleared_by_the_day() {
    let mut town = Town::new();
    // Both before anybody knew: B's and C's.
    town.sell_as(B, "02", ANNA).unwrap();
    town.minute(5).sell_as(C, "02", ANNA).unwrap();
    town.sync(B);
    town.sync(A);
    town.minute(60).dispute(A, ANNA);
    town.sync(A);
    let case = town.only_dispute().line.id;
    town.minute(90).decide(&case, Verdict::Grant, "成立");
    town.sync(A);
    assert_eq!(town.examined(ANNA)[A], "may buy 2");
    town.sync(C);
    town.sync_all();
    assert_eq!((town.examined(ANNA), town.cases()), (["may buy 2"; 3].map(str::to_owned), 0));
    let effects: Vec<Effect> = town.only_dispute().sales.iter().map(|sale| sale.effect).collect();
    assert_eq!(effects, [Effect::Cleared, Effect::Cleared]);
}

#[test]
fn a_rebuild_gives_the_same_and_tells_nobody_anything() {
    let (mut town, case) = Town::disputed();
    town.minute(90).decide(&case, Verdict::Grant, "成立");
    town.sync_all();
    town.minute(120).sell(C, ANNA).unwrap();
    town.sync_all();
    let read = |town: &Town| {
        (
            String::from_utf8(town.hub.canonical().unwrap()).unwrap(),
            town.hub.feed_position().unwrap(),
            town.hub.journal_position().unwrap(),
            town.only_dispute(),
        )
    };
    let before = read(&town);
    assert!(before.0.contains("\ndispute ") && before.0.contains(" cleared\n"), "{}", before.0);
    town.hub.rebuild().unwrap();
    assert_eq!(read(&town), before);
    // And it goes on from there: what is rejected after a rebuild counts again.
    town.minute(150).decide(&case, Verdict::Reject, "不成立");
    let (told, feed) = (String::from_utf8(town.hub.canonical().unwrap()).unwrap(), town.hub.feed_position().unwrap());
    assert_eq!((town.cases(), feed), (1, before.1 + 2), "one counts again, the other no more");
    town.hub.rebuild().unwrap();
    assert_eq!(
        (String::from_utf8(town.hub.canonical().unwrap()).unwrap(), town.hub.feed_position().unwrap()),
        (told, feed)
    );
}

#[test]
fn everything_that_was_written_verifies_on_both_sides() {
    let (mut town, case) = Town::disputed();
    town.minute(90).decide(&case, Verdict::Grant, "成立");
    town.sync_all();
    let verified = town.hub.verify().unwrap();
    assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    for node in &town.nodes {
        let mut under_way = node.begin_verification().unwrap();
        let verified = loop {
            match node.verify_on(under_way).unwrap() {
                edge::verify::Step::More(rest) => under_way = *rest,
                edge::verify::Step::Done(verified) => break verified,
            }
        };
        assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    }
}

#[test]
fn a_sale_that_is_taken_back_leaves_nothing_to_clear() {
    let (mut town, case) = Town::disputed();
    // B sees its slip before anybody decides.
    let of = town.nodes[B].recent(1).unwrap()[0].id;
    let ask = WithdrawRequest { request: None, of, reason: "打錯".to_owned(), by: String::new() };
    let now = reading(town.second);
    town.nodes[B].withdraw(&ask, now).unwrap().unwrap();
    town.sync_all();
    town.sync_all();
    assert_eq!(town.examined(ANNA), ["may buy 2"; 3]);
    town.minute(90).decide(&case, Verdict::Grant, "已撤銷");
    town.sync_all();
    town.sell(B, ANNA).unwrap();
    town.sync_all();
    town.sync_all();
    assert_eq!((town.examined(ANNA), town.cases()), ([REFUSED; 3].map(str::to_owned), 0));
}
