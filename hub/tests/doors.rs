//! The gateway's and the operator's doors: durability, positions, feed, desks, enrolment, and two
//! processes on one file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own helpers")]

#[path = "support/edge.rs"]
mod edge;

use edge::*;
use hub::cases::CaseFilter;
use hub::hub::Hub;
use hub::ingest::Outcome;
use hub::registry::{EnrolRefusal, read_sites};
use hub::store::Store;
use shared::entry::Delivery;
use shared::ids::{DocId, Incarnation, SiteCode};
use shared::ledger::schema::ENCODER;
use shared::wire::v1::feed;
use shared::wire::v1::message::{Hello, PROTOCOL};

fn hello(site: &str, incarnation: u8, life: Incarnation, down: u64, feed: u64) -> Hello {
    Hello {
        protocol: PROTOCOL,
        encoder: ENCODER.to_owned(),
        site: site.to_owned(),
        incarnation: Incarnation([incarnation; 16]),
        hub_life: life,
        down,
        feed,
        life: None,
        manifest: None,
    }
}

fn code(site: &str) -> SiteCode {
    site.parse().unwrap()
}

#[test]
fn what_was_acknowledged_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let mut hub = hub_on(Store::open(&path).unwrap(), 1);
    let mut a = Edge::new(A, 1);
    let sale = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    let outcome = hub.ingest(std::slice::from_ref(&sale), second("2020-02-06T09:01")).unwrap();
    let [Outcome::Ingested { id: last, feed: 1, receipt }] = outcome.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((*last, receipt.journal), (id(&sale), 2), "behind the published version");
    // Another connection sees it without the first being closed.
    let other = Hub::open(Store::open(&path).unwrap(), &master(), dice(9)).unwrap();
    assert_eq!(canonical(&other), canonical(&hub));
    let life = hub.life();
    drop((hub, other));
    let hub = Hub::open(Store::open(&path).unwrap(), &master(), dice(3)).unwrap();
    assert_eq!((hub.life(), hub.feed_position().unwrap()), (life, 1));
    assert_eq!(hub.document(&sale.run.doc).unwrap().get_heads().len(), 1);
}

#[test]
fn the_greeting_says_where_each_side_stands() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let now = second("2020-02-06T12:00");
    let first = hub.greet(&a.site, &hello(A, 1, Incarnation([0; 16]), 7, 9), now).unwrap();
    assert_eq!((first.down, first.feed, first.welcome.last), (0, 0, None), "another life: from the beginning");
    assert_eq!((first.welcome.hub_life, first.welcome.second), (hub.life(), now));
    let sale = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    send(&mut hub, std::slice::from_ref(&sale));
    let again = hub.greet(&a.site, &hello(A, 1, hub.life(), 1, 1), now + 60).unwrap();
    let last = again.welcome.last.unwrap();
    assert_eq!((last.id, last.hash), (id(&sale), sale.run.last));
    assert_eq!((again.down, again.feed, again.welcome.feed), (1, 1, 1));
    // Another incarnation has sent nothing yet.
    assert_eq!(hub.greet(&a.site, &hello(A, 8, hub.life(), 1, 1), now).unwrap().welcome.last, None);
    assert_eq!(hub.site_status(&a.site).unwrap().unwrap().last_contact, Some(second("2020-02-06T20:00")));
}

#[test]
fn the_feed_has_no_gaps_and_counts_items() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let mut n = 0;
    for size in [1usize, 3, 700, 5000, 2] {
        let uploads: Vec<_> = (0..size)
            .map(|_| {
                n += 1;
                let day = if n % 3 == 0 { "2020-02-07T09:00" } else { "2020-02-06T09:00" };
                a.sell(day, &document(&number(n)), adult(2))
            })
            .collect();
        send(&mut hub, &uploads);
    }
    let mut at = 0;
    let mut items = 0u64;
    let mut parts_seen = 0;
    loop {
        let parts = hub.load_feed(at).unwrap();
        if parts.is_empty() {
            break;
        }
        assert!(parts.len() == 1 || parts.iter().map(|part| part.body.len()).sum::<usize>() <= 256 * 1024);
        for part in parts {
            let batch = feed::decode(&part.body).unwrap();
            let count: usize = batch.groups.iter().map(|group| group.items.len()).sum();
            assert_eq!(part.upto - at, count as u64);
            items += count as u64;
            at = part.upto;
            parts_seen += 1;
        }
    }
    assert_eq!((items, at), (u64::from(n), hub.feed_position().unwrap()));
    assert_eq!(parts_seen, 6, "five thousand are cut in two");
    let twice = (hub.load_feed(0).unwrap(), hub.load_feed(0).unwrap());
    assert!(std::ptr::eq(&*twice.0[0].body, &*twice.1[0].body), "thousands of edges share one copy");
    assert_eq!(hub.load_feed(2).unwrap(), vec![], "inside a batch nothing begins");
}

#[test]
fn a_fingerprint_is_taken_back_as_it_was_given() {
    let mut hub = hub();
    let mut a = Edge::new(A, 1);
    let sale = a.sell("2020-02-06T09:00", &document(ANNA), adult(2));
    send(&mut hub, std::slice::from_ref(&sale));
    send(&mut hub, &[a.withdraw("2020-02-06T10:00", id(&sale))]);
    let items: Vec<feed::Item> = hub
        .load_feed(0)
        .unwrap()
        .iter()
        .flat_map(|part| feed::decode(&part.body).unwrap().groups)
        .flat_map(|group| {
            assert_eq!((group.programme.as_str(), group.day.to_string()), ("mask", "2020-02-06".to_owned()));
            assert_eq!(
                shared::seal::DayKey::new(group.key).fingerprint(&document(ANNA).person()),
                group.items[0].fingerprint
            );
            group.items
        })
        .collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[1], feed::Item { gone: true, ..items[0] });
    assert_eq!(items[0].mark, shared::seal::mark(&id(&sale)));
}

#[test]
fn down_come_the_nation_and_the_own_desk_only() {
    let mut hub = hub();
    let delivery =
        Delivery { programme: "mask".parse().unwrap(), day: "2020-02-07".parse().unwrap(), pieces: adult(200) };
    hub.announce_delivery(&code(A), &delivery, "op", second("2020-02-06T20:00")).unwrap();
    hub.announce_delivery(&code(B), &delivery, "op", second("2020-02-06T20:01")).unwrap();
    hub.announce_delivery(&code(A), &delivery, "op", second("2020-03-01T20:00")).unwrap();
    let mut a = Edge::new(A, 1);
    send(&mut hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    let docs = |site: &str| {
        let (mut out, mut after) = (Vec::new(), 0);
        while let Some((run, pos)) = hub.load_down(&code(site), after).unwrap() {
            assert!(pos > after);
            run.links().unwrap();
            after = pos;
            out.push(run.doc.to_string());
        }
        out
    };
    assert_eq!(docs(A), vec!["nation/2020-02".to_owned(), format!("desk/{A}/2020-02"), format!("desk/{A}/2020-03")]);
    assert_eq!(docs(B), vec!["nation/2020-02".to_owned(), format!("desk/{B}/2020-02")]);
    assert_eq!(docs(C), vec!["nation/2020-02".to_owned()]);
}

#[test]
fn bad_versions_are_named_with_their_line_and_change_nothing() {
    let mut hub = hub();
    let before = hub.journal_position().unwrap();
    let text = shared::rules::programme::shipped_text(MASK).unwrap().replace("one_purchase", "one_porchase");
    let bad = hub.publish_programme(&text, "op", 0).unwrap().unwrap_err();
    assert!(bad.field.starts_with("one_p"), "{bad}");
    let long = format!("{}\n#{}", shared::rules::programme::shipped_text(MASK).unwrap(), "x".repeat(40_000));
    assert!(hub.publish_programme(&long, "op", 0).unwrap().is_err());
    assert_eq!(hub.journal_position().unwrap(), before);
    assert_eq!(hub.programmes().unwrap().len(), 1);
}

#[test]
fn a_token_is_good_once_and_for_a_time() {
    let mut hub = hub();
    let now = second("2020-02-06T09:00");
    let (site, ca) = (code(A), [5; 16]);
    assert_eq!(hub.issue_token(&code("0291010010"), ca, now).unwrap(), Err(EnrolRefusal::UnknownSite));
    let token = hub.issue_token(&site, ca, now + 600).unwrap().unwrap();
    assert_eq!(token.ca, ca);
    let at = |second: i64| hub::registry::Enrolment { second, fingerprint: [8; 32], ..enrolment(site) };
    assert_eq!(hub.redeem_token(&[0; 16], &at(now)).unwrap(), Err(EnrolRefusal::UnknownToken));
    assert_eq!(hub.redeem_token(&token.secret, &at(now + 600)).unwrap(), Err(EnrolRefusal::Expired));
    assert_eq!(hub.check_token(&token.secret, now).unwrap().unwrap().code, site);
    assert!(!hub.is_current(&site, &[8; 32]).unwrap(), "looking uses nothing up");
    assert_eq!(hub.redeem_token(&token.secret, &at(now)).unwrap().unwrap().code, site);
    assert_eq!(hub.redeem_token(&token.secret, &at(now)).unwrap(), Err(EnrolRefusal::Used));
    assert!(hub.is_current(&site, &[8; 32]).unwrap());
    assert!(!hub.is_current(&code(B), &[8; 32]).unwrap(), "a certificate of another site");
    let unused = hub.issue_token(&site, ca, now + 600).unwrap().unwrap();
    assert_eq!(hub.revoke(&site, now).unwrap(), 2);
    assert!(!hub.is_current(&site, &[8; 32]).unwrap());
    assert_eq!(hub.redeem_token(&unused.secret, &at(now)).unwrap(), Err(EnrolRefusal::Used), "revoked with the site");
    assert!(!hub.site_status(&site).unwrap().unwrap().enrolled);
}

#[test]
fn a_site_that_lost_its_disk_enrols_again_and_both_keys_open() {
    let mut hub = hub();
    let (mut a, mut again) = (Edge::new(A, 1), Edge::new(A, 2));
    send(&mut hub, &[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))]);
    let secret = shared::seal::Secret::new([77; 32]);
    again.keys = shared::seal::SiteKeys::new(again.site, 1, &secret).unwrap();
    let enrolment = hub::registry::Enrolment { secret, fingerprint: [4; 32], ..enrolment(again.site) };
    hub.register(&again.site, &enrolment).unwrap().unwrap();
    let second_sale = again.sell("2020-02-06T11:00", &document(ANNA), adult(2));
    send(&mut hub, std::slice::from_ref(&second_sale));
    assert_eq!(hub.cases(&CaseFilter::default()).unwrap()[0].over, vec![id(&second_sale)]);
}

#[test]
fn no_number_lies_in_clear_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = hub_on(Store::open(&folder.path().join("hub.db")).unwrap(), 1);
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    for n in 1..50 {
        let sale = a.sell("2020-02-06T09:00", &document(&number(n)), adult(2));
        let other = b.sell("2020-02-06T10:00", &document(&number(n)), adult(2));
        send(&mut hub, &[sale, other]);
    }
    let master = master();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        for n in 1..50 {
            assert!(!holds(number(n).as_bytes()), "{}", number(n));
            assert!(!holds(document(&number(n)).person().key().as_slice()));
        }
        assert!(!holds(b"1986-03-15") && !holds(master.bytes()) && !holds(site_secret(a.site).bytes()));
    }
}

#[test]
fn two_processes_on_one_file_do_not_break_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    let mut serve = hub_on(Store::open(&path).unwrap(), 1);
    let mut command = Hub::open(Store::open(&path).unwrap(), &master(), dice(2)).unwrap();
    let (mut a, mut b) = (Edge::new(A, 1), Edge::new(B, 2));
    let delivery =
        Delivery { programme: "mask".parse().unwrap(), day: "2020-02-07".parse().unwrap(), pieces: adult(9) };
    for n in 0..4u32 {
        let person = document(&number(n + 1));
        send(
            &mut serve,
            &[a.sell("2020-02-06T09:00", &person, adult(2)), b.sell("2020-02-06T10:00", &person, adult(2))],
        );
        command.announce_delivery(&b.site, &delivery, "op", second("2020-02-06T20:00")).unwrap();
        if n == 1 {
            publish(&mut command, "mask-2020-02-16");
        }
        serve.announce_delivery(&b.site, &delivery, "op", second("2020-02-06T20:00")).unwrap();
        send(&mut command, &[a.arrive("2020-02-06T11:00", adult(1))]);
    }
    assert_eq!(canonical(&serve), canonical(&command));
    let desk: DocId = format!("desk/{B}/2020-02").parse().unwrap();
    let document = serve.document(&desk).unwrap();
    assert_eq!(document.get_heads().len(), 1, "one head, whoever wrote");
    assert_eq!(shared::ledger::fold::entries(&document).unwrap().len(), 8 + 4);
    // The server asks by the version that the command published.
    send(&mut serve, &[a.arrive("2020-02-06T12:00", adult(1))]);
    assert_eq!(serve.versions().iter().count(), 2);
    let before = canonical(&serve);
    command.rebuild().unwrap();
    send(&mut serve, &[a.arrive("2020-02-06T12:30", adult(0))]);
    assert_eq!(canonical(&serve), before);
}

#[test]
fn the_wrong_master_key_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    drop(hub_on(Store::open(&path).unwrap(), 1));
    let mut hub = Hub::open(Store::open(&path).unwrap(), &shared::seal::Secret::new([1; 32]), dice(2)).unwrap();
    let mut a = Edge::new(A, 1);
    assert!(
        hub.ingest(&[a.sell("2020-02-06T09:00", &document(ANNA), adult(2))], 0).is_err(),
        "a fault, not a quarantine"
    );
}

#[test]
fn the_shipped_register_is_read() {
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sites.csv.gz")).unwrap();
    let sites = read_sites(flate2::read::GzDecoder::new(file)).unwrap();
    assert_eq!(sites.len(), 6_745);
    let mut hub = hub();
    assert_eq!(hub.import_sites(sites).unwrap(), 6_745);
    assert_eq!(hub.site(&code(A)).unwrap().unwrap().kind, "pharmacy");
    assert!(hub.site_status(&code(A)).unwrap().unwrap().enrolled, "importing again keeps what is enrolled");
}
