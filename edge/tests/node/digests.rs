//! Digests at a counter: who bought elsewhere is refused by them with the exact day, one's own sales are not taken for
//! others', and what does not hold changes nothing.

use std::collections::BTreeMap;

use edge::node::NodeError;
use shared::digest::{Day, Header, LayerId, LayerRef, Manifest, Signed, State, encode};
use shared::entry::{Fact, Pieces};
use shared::ids::Incarnation;
use shared::rules::calendar::taipei_day;
use shared::rules::identity::Document;
use shared::seal::{HubKeys, Secret};
use shared::sign::Signer;
use shared::sync::edge::Resumed;
use shared::sync::handshake::welcome;
use shared::wire::v1::entry;
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::{Piece, Seen, Welcome};

use super::town::{HUB_LIFE, Hub, Site, document, elsewhere, second};

const EVEN: &str = "05/P2/1986-03-15";
const OTHER: &str = "05/P4/1986-03-15";
const CARD: &str = "01/A123456789/1986-03-15";
const MASK: &[&str] = &["mask-2020-02-06"];
const KIT: &[&str] = &["kit-2022-10-01"];

fn hub_keys() -> HubKeys {
    HubKeys::new(&Secret::new([8; 32])).unwrap()
}

fn signer() -> Signer {
    hub_keys().signer().unwrap()
}

/// The hub greets; it has so much of this store.
fn greeted(site: &mut Site, last: Option<Seen>, feed: u64) {
    let life = HubLife {
        renew: false,
        journal: 1,
        signer: signer().public(),
        wants_keys: false,
        disputes: false,
        confirms: false,
        access: false,
        booking: false,
    };
    let greeting = Welcome { life: Some(life), ..welcome(HUB_LIFE, 0, last, feed) };
    site.node().resume(&greeting).unwrap();
}

/// A programme's day with one layer: who bought how much.
fn digest(programme: &str, on: &str, upto: u64, people: &[(&str, u32)], has_pieces: bool) -> (Day, Vec<u8>) {
    let people: Vec<(&str, Pieces)> =
        people.iter().map(|(who, adult)| (*who, Pieces { adult: *adult, child: 0 })).collect();
    layer(programme, on, upto, &people, has_pieces)
}

/// The same of any two numbers.
pub(crate) fn layer(
    programme: &str,
    on: &str,
    upto: u64,
    people: &[(&str, Pieces)],
    has_pieces: bool,
) -> (Day, Vec<u8>) {
    let (programme, day) = (programme.parse().unwrap(), taipei_day(second(on)));
    let key = hub_keys().day(&programme, day).unwrap();
    let print = |who: &str| {
        let text = document(who);
        key.fingerprint(&Document::parse(&text.kind, &text.number, &text.birth, day).unwrap().person())
    };
    let changes: BTreeMap<u64, State> =
        people.iter().map(|(who, pieces)| (print(who), State::Counts(*pieces))).collect();
    let header = Header { programme: programme.clone(), day, width: 44, has_pieces, after: 0, upto };
    let body = encode(&header, &changes);
    let layer = LayerRef { id: LayerId::of(&body), bytes: u32::try_from(body.len()).unwrap(), upto };
    let key = key.secret().clone();
    (Day { programme, day, key, is_closed: true, unheard: 0, layers: vec![layer] }, body)
}

fn manifest(made: i64, upto: u64, days: Vec<Day>) -> Manifest {
    Manifest { hub_life: HUB_LIFE, upto, second: made, days }
}

fn take(site: &mut Site, manifest: &Manifest) -> Result<(), NodeError> {
    site.node().take_manifest(manifest.upto, &manifest.sign(&signer()))
}

pub(crate) fn fetch(site: &mut Site, body: &[u8]) {
    while let Some(fetch) = site.node().wanted(16) {
        let from = usize::try_from(fetch.offset).unwrap();
        let bytes = body[from..].iter().copied().take(usize::try_from(fetch.most).unwrap()).collect();
        site.node().take_piece(&Piece { layer: fetch.layer, offset: fetch.offset, bytes }).unwrap();
    }
}

/// A site whose digest of the sixth says that these bought.
fn told(site: &mut Site, people: &[(&str, u32)]) {
    let (day, body) = digest("mask", "2020-02-06 10:00", 50, people, false);
    take(site, &manifest(100, 50, vec![day])).unwrap();
    fetch(site, &body);
}

#[test]
fn who_bought_in_another_town_is_refused_offline_with_the_exact_day_and_the_evidence() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 50);
    told(&mut site, &[(EVEN, 2)]);
    site.crash();
    let refusal = site.at("2020-02-11 09:00").sell(EVEN, 2, 0).unwrap_err();
    assert_eq!((refusal.code(), refusal.next()), ("bought", Some("2020-02-13".parse().unwrap())));
    let evidence: Vec<String> = refusal.evidence().iter().map(|it| it.en()).collect();
    assert_eq!(evidence, ["the nation's digest of 2020-02-06"]);
    site.sell(OTHER, 2, 0).unwrap();
}

#[test]
fn forged_changed_replayed_and_foreign_manifests_are_refused_and_what_is_known_stays() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    let first_version = take(&mut site, &manifest(1, 50, vec![]));
    assert!(first_version.is_err(), "whose key is not known");
    greeted(&mut site, None, 50);
    told(&mut site, &[(EVEN, 2)]);
    let next = manifest(200, 60, vec![]);
    let stranger = Signer::derive(&[3; 32], b"stranger").unwrap();
    let good = next.sign(&signer());
    let mut changed = good.body.to_vec();
    changed[3] ^= 1;
    let cut = good.body[..good.body.len() - 1].to_vec();
    let with = |body: Vec<u8>| Signed { body: body.into(), signature: good.signature };
    for (said, signed, what) in [
        (60, next.sign(&stranger), "another key's"),
        (60, with(changed), "changed"),
        (60, with(cut), "cut short"),
        (60, with(vec![]), "empty"),
        (61, good.clone(), "for another position"),
        (60, Manifest { hub_life: Incarnation([1; 16]), ..next.clone() }.sign(&signer()), "another hub's"),
        (50, manifest(100, 50, vec![]).sign(&signer()), "replayed"),
        (40, manifest(300, 40, vec![]).sign(&signer()), "behind what is known"),
    ] {
        let refused = site.node().take_manifest(said, &signed).unwrap_err();
        assert!(!refused.to_string().is_empty(), "{what}");
        assert_eq!(site.node().standing().manifest, Some(100), "{what}");
        assert_eq!(site.sell(EVEN, 2, 0).unwrap_err().code(), "bought", "{what}");
        assert!(site.node().sells(), "{what}: only the own disk stops the node");
    }
    site.node().take_manifest(60, &good).unwrap();
}

#[test]
fn a_day_whose_digest_has_not_come_is_said_in_the_sale() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 50);
    let (day, body) = digest("mask", "2020-02-06 10:00", 50, &[(EVEN, 2)], false);
    // To the last day that is named nothing is missing, though nobody bought.
    let last = Day { day: "2021-02-06".parse().unwrap(), layers: vec![], ..day.clone() };
    take(&mut site, &manifest(100, 50, vec![day, last])).unwrap();
    let behind = |site: &mut Site, pos: u64| {
        let (run, _) = site.node().load_run(pos - 1).unwrap().unwrap();
        let Fact::Sale(sale) = entry::decode(&run.entries[0]).unwrap().fact else { panic!("no sale") };
        (sale.watermark, sale.behind.iter().map(|it| (it.first.to_string(), it.known)).collect::<Vec<_>>())
    };
    let early = site.sell(OTHER, 2, 0).unwrap();
    // The days before the first that is named are as little known.
    let none = [("2020-02-02".to_owned(), 0), ("2020-02-06".to_owned(), 0)];
    let (watermark, mut days) = behind(&mut site, early.pos);
    days.sort();
    assert_eq!((watermark, days.as_slice()), (50, &none[..]));
    fetch(&mut site, &body);
    let late = site.sell("05/P6/1986-03-15", 2, 0).unwrap();
    assert_eq!(behind(&mut site, late.pos).1, [none[0].clone()]);
}

#[test]
fn a_sale_of_ours_that_the_hub_counted_is_one_sale_and_withdrawn_it_is_none() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted(&mut site, None, 0);
    let sold = site.sell(CARD, 2, 0).unwrap();
    site.node().load_run(0).unwrap();
    site.node().acked(sold.pos, 30, None).unwrap();
    // The digest has it, and three packs of another place.
    let (day, body) = digest("kit", "2022-10-05 10:00", 50, &[(CARD, 5)], true);
    take(&mut site, &manifest(100, 50, vec![day])).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 4, "the day lags: our own is counted by ourselves");
    fetch(&mut site, &body);
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 1);
    site.withdraw(sold.id).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 3, "the digest has it still");
    // The hub says that it counts no more.
    let gone = hub_at(50).news("kit", "2022-10-05 09:00", CARD, sold.id, -2);
    site.node().take_feed(50, &[gone]).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 3);
}

#[test]
fn a_sale_of_ours_that_the_hub_has_not_heard_of_is_not_in_its_digest() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted(&mut site, None, 0);
    let sold = site.sell(CARD, 2, 0).unwrap();
    let (day, body) = digest("kit", "2022-10-05 10:00", 50, &[(CARD, 3)], true);
    take(&mut site, &manifest(100, 50, vec![day])).unwrap();
    fetch(&mut site, &body);
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 1, "three elsewhere and two here");
    site.withdraw(sold.id).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 3);
}

/// What those sites sold on a day nobody knows yet, however new the list is.
#[test]
fn how_many_sites_were_not_heard_of_a_day_that_matters_is_kept() {
    let mut site = Site::new("2020-02-12 09:00", MASK);
    let told = |site: &mut Site, made, days: &[(&str, u32)]| {
        greeted(site, None, 0);
        let day =
            |(on, unheard): &(&str, u32)| Day { unheard: *unheard, ..digest("mask", on, 50, &[(EVEN, 2)], false).0 };
        take(site, &manifest(made, 50, days.iter().map(day).collect())).unwrap();
    };
    let unheard = |site: &mut Site| {
        let reading = site.reading();
        site.node().status(reading).unwrap().unheard
    };
    let [before, first, last, today] = ["2020-02-05 10:00", "2020-02-06 10:00", "2020-02-11 10:00", "2020-02-12 10:00"];
    told(&mut site, 100, &[(before, 90), (first, 4), (last, 7), (today, 800)]);
    assert_eq!(unheard(&mut site), 7, "not of a day before the window, nor of today");
    site.crash();
    assert_eq!(unheard(&mut site), 7);
    told(&mut site, 101, &[(first, 0), (last, 2)]);
    assert_eq!(unheard(&mut site), 2);
}

#[test]
fn a_sale_that_was_taken_back_before_the_digest_is_not_taken_for_one_in_it() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted(&mut site, None, 0);
    let sold = site.sell(CARD, 2, 0).unwrap();
    let gone = site.withdraw(sold.id).unwrap();
    site.node().load_run(0).unwrap();
    site.node().acked(gone.pos, 30, None).unwrap();
    let (day, body) = digest("kit", "2022-10-05 10:00", 50, &[(CARD, 3)], true);
    take(&mut site, &manifest(100, 50, vec![day])).unwrap();
    fetch(&mut site, &body);
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 3, "three elsewhere");
}

/// The hub may have taken it before the digest or behind it: nobody is refused because of a purchase counted twice.
#[test]
fn a_sale_of_ours_that_was_on_its_way_may_be_in_the_digest() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted(&mut site, None, 0);
    let sold = site.sell(CARD, 2, 0).unwrap();
    site.node().load_run(0).unwrap();
    let (day, body) = digest("kit", "2022-10-05 10:00", 50, &[(CARD, 5)], true);
    take(&mut site, &manifest(100, 50, vec![day])).unwrap();
    fetch(&mut site, &body);
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 1, "five in all, or seven");
    // It confirms what it had as it confirms what is new to it.
    site.node().acked(sold.pos, 100, None).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 1);
}

/// Found by reading: what the hub had taken on the line before, and confirms again, was taken for news to it.
#[test]
fn what_the_hub_confirms_twice_may_have_been_in_the_digest_since_the_first_time() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted(&mut site, None, 0);
    let sold = site.sell(CARD, 2, 0).unwrap();
    let (run, _) = site.node().load_run(0).unwrap().unwrap();
    // It was taken by position 49, and the line went before the answer came.
    greeted(&mut site, Some(Seen { id: sold.id, hash: run.last }), 51);
    let (day, body) = digest("kit", "2022-10-05 10:00", 50, &[(CARD, 5)], true);
    take(&mut site, &manifest(100, 50, vec![day])).unwrap();
    fetch(&mut site, &body);
    site.node().load_run(0).unwrap();
    site.node().acked(sold.pos, 51, None).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 1, "two here and three elsewhere");
    site.withdraw(sold.id).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 3, "three elsewhere");
}

/// A town's seed 400963: an old run that came once more to the hub made it greet with less than it had.
#[test]
fn a_hub_that_says_that_it_has_less_than_it_had_makes_nobody_refused_for_a_sale_taken_back() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 0);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().load_run(0).unwrap();
    greeted(&mut site, None, 21);
    let (day, body) = digest("mask", "2020-02-08 09:00", 21, &[(EVEN, 2)], false);
    take(&mut site, &manifest(100, 21, vec![day])).unwrap();
    fetch(&mut site, &body);
    site.node().load_run(0).unwrap();
    site.node().acked(sold.pos, 23, None).unwrap();
    site.withdraw(sold.id).unwrap();
    assert_eq!(site.examine(EVEN).unwrap().allowance.adult, 2);
}

#[test]
fn what_is_confirmed_behind_a_digest_says_nothing_of_what_is_in_it() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 0);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    let gone = site.withdraw(sold.id).unwrap();
    site.node().load_run(0).unwrap();
    told_on_the_eighth(&mut site, 50);
    site.node().acked(gone.pos, 100, None).unwrap();
    assert_eq!(site.examine(EVEN).unwrap().allowance.adult, 2, "the digest may mean the sale that was taken back");
}

/// Found by a reader: a new life was told that the hub has nothing of it, and took that for all.
#[test]
fn a_new_life_does_not_count_what_was_never_sent() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 0);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().load_run(0).unwrap();
    site.node().acked(sold.pos, 10, None).unwrap();
    site.withdraw(sold.id).unwrap();
    let again = |renew| {
        let signer = signer().public();
        let life = HubLife {
            renew,
            journal: 1,
            signer,
            wants_keys: false,
            disputes: false,
            confirms: false,
            access: true,
            booking: false,
        };
        Welcome { life: Some(life), ..welcome(HUB_LIFE, 0, None, 20) }
    };
    assert_eq!(site.node().resume(&again(true)).unwrap(), Resumed::Anew);
    site.node().resume(&again(false)).unwrap();
    told_on_the_eighth(&mut site, 20);
    assert_eq!(site.examine(EVEN).unwrap().allowance.adult, 2);
}

#[test]
fn what_the_hub_put_aside_is_in_no_digest_for_certain() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 0);
    let sold = site.sell(EVEN, 2, 0).unwrap();
    site.node().load_run(0).unwrap();
    site.node().acked(sold.pos, 10, None).unwrap();
    let gone = site.withdraw(sold.id).unwrap();
    site.node().load_run(sold.pos).unwrap();
    site.node().quarantined(gone.pos, "no").unwrap();
    let next = site.sell(OTHER, 2, 0).unwrap();
    site.node().load_run(gone.pos).unwrap();
    site.node().acked(next.pos, 15, None).unwrap();
    told_on_the_eighth(&mut site, 20);
    assert_eq!(site.examine(EVEN).unwrap().allowance.adult, 2, "the hub has not taken the withdrawal");
}

/// A digest says that somebody bought today, up to this position.
fn told_on_the_eighth(site: &mut Site, upto: u64) {
    let (day, body) = digest("mask", "2020-02-08 09:00", upto, &[(EVEN, 2)], false);
    take(site, &manifest(100, upto, vec![day])).unwrap();
    fetch(site, &body);
}

/// Both came to the hub at once, so that the list has spoken of neither.
#[test]
fn what_may_have_been_in_the_digest_was_not_where_all_is_told_up_to_its_withdrawal() {
    let mut site = Site::new("2022-10-05 09:00", KIT);
    greeted(&mut site, None, 0);
    let sold = site.sell(CARD, 2, 0).unwrap();
    let gone = site.withdraw(sold.id).unwrap();
    let (run, _) = site.node().load_run(0).unwrap().unwrap();
    greeted(&mut site, Some(Seen { id: gone.id, hash: run.last }), 51);
    let (day, body) = digest("kit", "2022-10-05 10:00", 50, &[(CARD, 3)], true);
    take(&mut site, &manifest(100, 50, vec![day])).unwrap();
    fetch(&mut site, &body);
    site.node().acked(gone.pos, 51, None).unwrap();
    let other = hub_at(50).news("kit", "2022-10-05 10:00", EVEN, elsewhere(1), 1);
    site.node().take_feed(50, &[other]).unwrap();
    assert_eq!(site.examine(CARD).unwrap().allowance.adult, 3, "three elsewhere");
}

#[test]
fn a_purchase_elsewhere_that_is_taken_back_frees() {
    let mut site = Site::new("2020-02-08 09:00", MASK);
    greeted(&mut site, None, 50);
    told(&mut site, &[(EVEN, 2)]);
    let gone = hub_at(50).news("mask", "2020-02-06 10:00", EVEN, elsewhere(1), -2);
    site.node().take_feed(50, &[gone]).unwrap();
    site.sell(EVEN, 2, 0).unwrap();
}

/// A hub whose feed goes on behind a position.
fn hub_at(upto: u64) -> Hub {
    Hub { upto }
}
