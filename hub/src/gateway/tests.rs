//! The gateway end to end: real QUIC on loopback, a real store on a real disk (T3, T7).

mod edge;
mod limits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use shared::entry::booking::{Capacity, Slot, Venue};
use shared::rules::identity::Document;
use shared::rules::programme::{shipped_rounds, shipped_text};
use shared::seal::{Secret, SiteKeys};
use shared::wire::v1::confirm::Confirm;
use shared::wire::v1::enquiry::{About, Answered, Enquiry};
use shared::wire::v1::enrol::{ALPN_SYNC, Token};
use shared::wire::v1::message::Message;
use tempfile::TempDir;

use self::edge::{Edge, PATIENCE, Papers, client, dial, ended, endpoint, enrol, framed};
use super::{Gateway, Setup, code};
use crate::authority::Authority;
use crate::clock::WallClock;
use crate::config::DataFolder;
use crate::counters::Counters;
use crate::hub::Hub;
use crate::mailbox::{self, HubHandle, Mailbox};
use crate::testing::{Ledger, MORNING, OTHER, TAMSUI, code_of, record};

const SECRET: [u8; 32] = [5; 32];

/// A hub with its gateway, in the morning of 2020-02-06.
struct Town {
    _folder: TempDir,
    data: DataFolder,
    authority: Arc<Authority>,
    hub: HubHandle,
    mailbox: Mailbox,
    gateway: Gateway,
}

impl Town {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::named(Some(folder.path().join("hub"))).unwrap();
        let authority = Arc::new(data.init(&[]).unwrap());
        let clock = WallClock::rehearsing(DateTime::from_timestamp(MORNING, 0).unwrap().fixed_offset());
        let mut hub = data.hub(&authority).unwrap();
        let sites = [record(TAMSUI, "淡水藥局", "新北市淡水區"), record(OTHER, "台北虛擬診所", "臺北市")];
        hub.import_sites(sites).unwrap();
        hub.publish_programme(shipped_text("mask-2020-02-06").unwrap(), "t", MORNING).unwrap().unwrap();
        let (hub, mailbox) = mailbox::start(hub, clock, Arc::new(Counters::default())).unwrap();
        let setup = Setup { listen: "127.0.0.1:0".parse().unwrap(), authority: authority.clone(), clock };
        let gateway = super::start(setup, hub.clone()).unwrap();
        Self { _folder: folder, data, authority, hub, mailbox, gateway }
    }

    /// The same store as another process sees it.
    fn another_process(&self) -> Hub {
        self.data.hub(&self.authority).unwrap()
    }

    fn ca(&self) -> &CertificateDer<'static> {
        self.authority.ca()
    }

    fn token(&self, site: &str, expires: i64) -> Token {
        self.another_process().issue_token(&code_of(site), self.authority.ca_mark(), expires).unwrap().unwrap()
    }

    async fn enrol(&self, site: &str) -> Papers {
        let token = self.token(site, MORNING + 3600);
        enrol(self.gateway.local_addr(), self.ca(), &token, &Secret::new(SECRET)).await.unwrap()
    }

    /// An enrolled edge on the line.
    async fn edge(&self, site: &str, actor: u8) -> (Edge, Papers) {
        let papers = self.enrol(site).await;
        let edge = self.dial(site, &papers, Ledger::new(code_of(site), actor, &Secret::new(SECRET))).await;
        (edge, papers)
    }

    async fn dial(&self, site: &str, papers: &Papers, ledger: Ledger) -> Edge {
        Edge::dial(self.gateway.local_addr(), self.ca(), papers, code_of(site), ledger).await
    }

    async fn stop(self) {
        self.gateway.stop().await;
        drop(self.hub);
        self.mailbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_enrols_syncs_and_hears_of_the_nation() {
    let town = Town::new().await;
    let (mut one, _) = town.edge(TAMSUI, 1).await;
    for n in 0..40 {
        one.ledger.sell("A123456789", MORNING + n * 8 * 86_400);
    }
    one.grown().await;
    one.until("every acknowledgement", |edge| edge.acked == 40).await;
    assert!(one.refused.is_empty(), "{:?}", one.refused);
    one.until("the rules", |edge| !edge.down.is_empty()).await;
    one.until("its own people in the feed", |edge| edge.people() == 40).await;

    let (mut two, _) = town.edge(OTHER, 2).await;
    two.until("the people of the other site", |edge| edge.people() == 40).await;
    assert_eq!(town.hub.counters().entries.get(), 40);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_on_the_disk_and_not_sent_again() {
    let town = Town::new().await;
    let (mut edge, papers) = town.edge(TAMSUI, 1).await;
    for n in 1..=10u64 {
        edge.ledger.sell("A123456789", MORNING + i64::try_from(n).unwrap());
        edge.grown().await;
        edge.until("an acknowledgement", |edge| edge.acked == n).await;
        assert!(town.another_process().status().unwrap().entries >= n, "acknowledged before it was durable");
    }
    let ledger = edge.ledger;
    edge.connection.close(quinn::VarInt::from_u32(0), b"");
    let mut again = town.dial(TAMSUI, &papers, ledger).await;
    again.until("the greeting", |edge| edge.welcome.is_some()).await;
    assert_eq!(again.welcome.as_ref().unwrap().last.unwrap().id.seq, 10);
    again.ledger.sell("A123456789", MORNING + 11);
    again.grown().await;
    again.until("the eleventh", |edge| edge.acked == 11).await;
    assert_eq!(town.another_process().status().unwrap().entries, 11);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_once_and_for_a_time() {
    let town = Town::new().await;
    let addr = town.gateway.local_addr();
    let secret = Secret::new(SECRET);
    let token = town.token(TAMSUI, MORNING + 3600);
    enrol(addr, town.ca(), &token, &secret).await.map(|_| ()).unwrap();
    let again = enrol(addr, town.ca(), &token, &secret).await.map(|_| ()).unwrap_err();
    assert!(again.contains("used"), "{again}");

    let late = town.token(TAMSUI, MORNING - 1);
    let late = enrol(addr, town.ca(), &late, &secret).await.map(|_| ()).unwrap_err();
    assert!(late.contains("expired"), "{late}");

    let guessed = Token { secret: [9; 16], ca: token.ca };
    let guessed = enrol(addr, town.ca(), &guessed, &secret).await.map(|_| ()).unwrap_err();
    assert!(guessed.contains("not known"), "{guessed}");
    assert_eq!(town.hub.counters().enrolments_refused.get(), 3);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_speaks_only_for_itself() {
    let town = Town::new().await;
    let papers = town.enrol(TAMSUI).await;
    let ledger = Ledger::new(code_of(OTHER), 1, &Secret::new(SECRET));
    let edge = town.dial(OTHER, &papers, ledger).await;
    let (code, why) = edge.ending().await;
    assert_eq!(code, Some(code::PROTOCOL));
    assert!(why.contains(TAMSUI) && why.contains(OTHER), "{why}");

    // Its own name, but the other's ledger.
    let mut foreign = Ledger::new(code_of(OTHER), 1, &Secret::new(SECRET));
    foreign.sell("A123456789", MORNING);
    let mut edge = town.dial(TAMSUI, &papers, foreign).await;
    edge.until("the refusal", |edge| !edge.refused.is_empty()).await;
    assert_eq!((edge.acked, edge.site()), (0, code_of(TAMSUI)));
    let status = town.another_process().status().unwrap();
    assert_eq!((status.entries, status.quarantined), (0, 1));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_of_ours_nobody_syncs() {
    let town = Town::new().await;
    let (addr, endpoint) = (town.gateway.local_addr(), endpoint());
    let bare = dial(&endpoint, addr, client(town.ca(), None, ALPN_SYNC)).await;
    assert_eq!(ended(bare).await.0, Some(code::NO_CERTIFICATE));

    // Another authority's certificate for the same site.
    let elsewhere = Town::new().await;
    let papers = elsewhere.enrol(TAMSUI).await;
    let foreign = dial(&endpoint, addr, client(town.ca(), Some(&papers), ALPN_SYNC)).await;
    let (code, why) = ended(foreign).await;
    assert_eq!(code, None, "TLS itself refuses: {why}");

    // Our own, but made for a server.
    let rustls::pki_types::PrivateKeyDer::Pkcs8(key) = town.authority.server_key() else { panic!("not PKCS #8") };
    let papers = Papers { chain: town.authority.server_chain(), key };
    let wrong = dial(&endpoint, addr, client(town.ca(), Some(&papers), ALPN_SYNC)).await;
    let (code, why) = ended(wrong).await;
    assert_eq!(code, None, "TLS itself refuses: {why}");

    // Signed by our authority, but never registered.
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let certificate = town.authority.certify(&code_of(TAMSUI), csr.der()).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let papers = Papers { chain: vec![CertificateDer::from(certificate.der)], key };
    let stray = dial(&endpoint, addr, client(town.ca(), Some(&papers), ALPN_SYNC)).await;
    assert_eq!(ended(stray).await.0, Some(code::NOT_CURRENT));
    elsewhere.stop().await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_that_is_not_ours_is_refused() {
    let town = Town::new().await;
    let endpoint = endpoint();
    let config = client(town.ca(), None, b"h3");
    let (code, why) = ended(dial(&endpoint, town.gateway.local_addr(), config).await).await;
    assert_eq!(code, None, "TLS itself refuses: {why}");
    assert!(why.contains("protocol"), "{why}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_from_another_process_ends_the_line_within_seconds() {
    let town = Town::new().await;
    let (mut edge, papers) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    let asked = Instant::now();
    assert_eq!(town.another_process().revoke(&code_of(TAMSUI), MORNING).unwrap(), 1);
    let (code, why) = edge.ending().await;
    assert_eq!(code, Some(code::NOT_CURRENT), "{why}");
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());

    let endpoint = endpoint();
    let config = client(town.ca(), Some(&papers), ALPN_SYNC);
    let again = dial(&endpoint, town.gateway.local_addr(), config).await;
    assert_eq!(ended(again).await.0, Some(code::NOT_CURRENT));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_publishes_comes_down_to_open_lines() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the rules", |edge| edge.down.len() == 1).await;
    let text = shipped_text("mask-2020-03-05").unwrap();
    town.another_process().publish_programme(text, "t", MORNING + 60).unwrap().unwrap();
    edge.until("the new rules", |edge| edge.down.len() == 2).await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_ends_its_own_line_and_no_other() {
    let town = Town::new().await;
    let (mut good, papers) = town.edge(TAMSUI, 1).await;
    good.until("the greeting", |edge| edge.welcome.is_some()).await;
    let bomb = [0x7f, 0xff, 0xff, 0xff, 0, 0];
    let early = framed(&Message::Took);
    for garbage in [&bomb[..], &[0, 0, 0, 2, 9, 9], &[0, 0, 0, 0], &early, &[0, 0, 0, 3, 1, 1, 1]] {
        let mut bad = town.dial(TAMSUI, &papers, Ledger::new(code_of(TAMSUI), 9, &Secret::new(SECRET))).await;
        bad.say(garbage).await;
        let (code, why) = bad.ending().await;
        assert_eq!(code, Some(code::PROTOCOL), "{garbage:?}: {why}");
    }
    good.ask().await;
    good.until("the time", |edge| !edge.beacons.is_empty()).await;
    assert!((good.beacons[0] - MORNING).abs() < 60);
    good.ledger.sell("A123456789", MORNING);
    good.grown().await;
    good.until("an acknowledgement", |edge| edge.acked == 1).await;
    assert_eq!(town.hub.counters().refused.get(), 5);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_asks_without_end_is_heard_slowly() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    let asks: Vec<u8> = (0..200_000).flat_map(|echo| framed(&Message::Ask { echo })).collect();
    let all = tokio::time::timeout(Duration::from_secs(5), edge.say(&asks)).await;
    assert!(all.is_err(), "so many questions were taken");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_somebody_are_answered_counted_and_heard_as_slowly() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    let day = "2020-02-06".parse().unwrap();
    let keys = SiteKeys::new(code_of(TAMSUI), 1, &Secret::new(SECRET)).unwrap();
    let person = Document::parse("01", "A123456789", "1986-03-15", day).unwrap();
    let sealed = |nonce| keys.seal(&Confirm::place(nonce), 0, &person).unwrap();
    let asks = |nonce: [u8; 16], document| {
        framed(&Message::Confirm(Confirm { programme: "mask".parse().unwrap(), from: day, nonce, document }))
    };
    edge.say(&asks([1; 16], sealed([1; 16]))).await;
    edge.say(&asks([2; 16], sealed([1; 16]))).await;
    // The session asked nothing, so the answers end it.
    edge.until("an answer", |edge| !edge.refused.is_empty()).await;
    let counters = town.hub.counters().clone();
    let counted = async {
        while counters.confirmed.get() + counters.not_confirmed.get() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.unwrap();
    assert_eq!((counters.confirmed.get(), counters.not_confirmed.get()), (1, 1));
    let many = asks([1; 16], sealed([1; 16])).repeat(100_000);
    let all = tokio::time::timeout(Duration::from_secs(3), edge.say(&many)).await;
    assert!(all.is_err() || edge.ending().await.0 == Some(code::PROTOCOL), "so many questions were taken");
    assert!(counters.confirmed.get() < 200, "{} were answered", counters.confirmed.get());
    town.stop().await;
}

/// A round that is open in the morning, a venue far from every site, and a slot of which everything is free.
fn offered(hub: &mut Hub) -> Slot {
    let (_, text) = shipped_rounds()[0];
    let days = [("2021-07-06", "2020-02-05"), ("2021-07-09", "2020-02-08"), ("2021-07-12", "2020-02-10")];
    let text = days.iter().fold(text.replace("2021-07-16", "2020-02-14"), |text, (from, to)| text.replace(from, to));
    hub.publish_round(&text, "t", MORNING).unwrap().unwrap();
    let venue = Venue {
        id: "V1".parse().unwrap(),
        name: "金寧衛生所".to_owned(),
        county: "金門縣".to_owned(),
        district: "金寧鄉".to_owned(),
        address: "金寧鄉1號".to_owned(),
        phone: String::new(),
        site: None,
        holds: true,
    };
    hub.put_venues(&[venue], "t", MORNING).unwrap().unwrap();
    let (venue, start, brands) = ("V1".parse().unwrap(), "10:00".parse().unwrap(), "AZ".parse().unwrap());
    let slot = Slot { venue, date: "2020-02-10".parse().unwrap(), start, brands };
    hub.put_capacities(&[Capacity { slot: slot.clone(), places: 4, closed: false }], "t", MORNING).unwrap().unwrap();
    slot
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_comes_down_at_once_behind_the_answer_that_names_it() {
    let town = Town::new().await;
    let slot = offered(&mut town.another_process());
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    // The versions and what was offered, and the numbers that the greeting lent.
    edge.until("the hub's ledgers", |edge| edge.down.len() >= 5).await;
    let ask = Enquiry { nonce: [7; 16], about: About::Places { slot, places: 3 } };
    edge.say(&framed(&Message::Enquiry(ask))).await;
    let heard = edge.hear(2).await;
    let [Message::Told(told), Message::Down { pos, .. }] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(told.answer, Answered::Places { lent: 3, upto: *pos });
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_run_is_named_and_the_next_goes_on() {
    let town = Town::new().await;
    let (mut edge, papers) = town.edge(TAMSUI, 1).await;
    edge.ledger.sell("A123456789", MORNING);
    let mut forged = edge.ledger.run(0).unwrap();
    forged.entries[0][3] ^= 1;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    edge.say(&framed(&Message::Up(forged))).await;
    // The session did not send it, so its answer ends the session; the hub has kept it aside.
    edge.until("the refusal", |edge| !edge.refused.is_empty()).await;
    assert_eq!(town.another_process().status().unwrap().quarantined, 1);
    let mut ledger = Ledger::new(code_of(TAMSUI), 2, &Secret::new(SECRET));
    ledger.sell("A123456789", MORNING);
    let mut again = town.dial(TAMSUI, &papers, ledger).await;
    again.until("the next life's run", |edge| edge.acked == 1).await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_says_so() {
    let town = Town::new().await;
    let (mut edge, _) = town.edge(TAMSUI, 1).await;
    edge.until("the greeting", |edge| edge.welcome.is_some()).await;
    let (_, (code, _)) = tokio::join!(town.stop(), edge.ending());
    assert_eq!(code, Some(code::STOPPING));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_has_only_so_many_lines() {
    let town = Town::new().await;
    let (mut first, papers) = town.edge(TAMSUI, 1).await;
    first.until("the greeting", |edge| edge.welcome.is_some()).await;
    let mut others = Vec::new();
    for actor in 2..=9 {
        let mut edge = town.dial(TAMSUI, &papers, Ledger::new(code_of(TAMSUI), actor, &Secret::new(SECRET))).await;
        edge.until("the greeting", |edge| edge.welcome.is_some()).await;
        others.push(edge);
    }
    assert_eq!(first.ending().await.0, Some(code::TOO_MANY));
    assert_eq!(town.hub.counters().lines_total.get(), 9);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_crowd_an_edge_proves_its_address_and_in_a_flood_it_comes_later() {
    let town = Town::new().await;
    let papers = town.enrol(TAMSUI).await;
    let half_open = &town.hub.counters().half_open;
    half_open.add(super::HALF_OPEN_RETRY);
    let ledger = Ledger::new(code_of(TAMSUI), 1, &Secret::new(SECRET));
    let mut edge = town.dial(TAMSUI, &papers, ledger).await;
    edge.until("the greeting behind a retry", |edge| edge.welcome.is_some()).await;

    half_open.add(super::HALF_OPEN_MAX);
    let endpoint = endpoint();
    let late = dial(&endpoint, town.gateway.local_addr(), client(town.ca(), Some(&papers), ALPN_SYNC)).await;
    assert!(late.is_err(), "nobody new is let in");
    edge.ask().await;
    edge.until("the time, on the line that is open", |edge| !edge.beacons.is_empty()).await;
    town.stop().await;
}
