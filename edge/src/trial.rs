//! For tests: a node in memory that knows the shipped versions, at a moment of one's choice.

use chrono::DateTime;
use shared::entry::{Entry, Fact, Instant, Pieces, Published, Staff};
use shared::ids::{ActorId, EntryId, Incarnation};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::rules::identity::Document;
use shared::rules::programme::shipped_text;
use shared::seal::{HubKeys, Secret, SiteKeys};
use shared::sign::Signer;
use shared::sync::handshake::welcome;
use shared::wire::v1::entry as wire;
use shared::wire::v1::feed::{self, Batch, Group, Item};
use shared::wire::v1::life::HubLife;
use shared::wire::v1::message::{FeedPart, Welcome};

pub(crate) mod booking;

use crate::config::Site;
use crate::desk::{Desk, Rehearsal};
use crate::mailbox::{self, Clocks};
use crate::nation::Nation;
use crate::node::{Lives, Node, Setup};
use crate::store::Store;

/// Even numbers buy on this Thursday.
pub(crate) const THURSDAY: &str = "2020-02-06T10:00:00+08:00";

/// 淡水藥局 of the manual.
pub(crate) fn site() -> Site {
    Site { code: "5931102274".parse().unwrap(), name: "淡水藥局".to_owned(), hub: None }
}

/// A node that knows these versions, shipped ones by name and others by their text, asked at `time`.
pub(crate) fn desk_at(time: &str, versions: &[&str]) -> Desk {
    let real = Clocks::default().read();
    let rehearsal = Rehearsal::new(Some(DateTime::parse_from_rfc3339(time).unwrap()), real);
    let mut actors = 0u8;
    let dice = move || {
        actors += 1;
        [actors; 16]
    };
    let Site { code, name, hub: _ } = site();
    let setup = Setup {
        site: code,
        name,
        secret: Secret::new([1; 32]),
        key_number: 1,
        incarnation: Incarnation([2; 16]),
        store: Store::in_memory().unwrap(),
        nation: Nation::stored(),
        lives: Lives::in_memory(&Secret::new([1; 32])).unwrap(),
        dice: Box::new(dice),
    };
    let mut node = Node::open(setup, rehearsal.shift(real)).unwrap();
    if !versions.is_empty() {
        node.take_down(1, &published(versions)).unwrap();
    }
    Desk::new(mailbox::start(node).unwrap().0, rehearsal)
}

/// The nation's ledger as the hub sends it.
pub(crate) fn published(versions: &[&str]) -> Run {
    let text = |name: &&str| shipped_text(name).unwrap_or(name).to_owned();
    let facts: Vec<Fact> = versions.iter().map(|name| Fact::Programme(Published { text: text(name) })).collect();
    run("nation/2020-02", ActorId([9; 16]), &facts)
}

/// A run of a ledger of the hub's.
pub(crate) fn run(doc: &str, actor: ActorId, facts: &[Fact]) -> Run {
    let doc = doc.parse().unwrap();
    let mut tip = Tip::start(doc, actor, 0, vec![]);
    let start = tip.next.clone();
    let by = Staff { name: "hub".to_owned(), verified: true, id: None };
    let at = Instant { second: 1_580_900_000, doubt_s: 0 };
    let entry = |fact: &Fact| wire::encode(&Entry { at, by: by.clone(), fact: fact.clone() });
    let entries: Vec<Vec<u8>> = facts.iter().map(entry).collect();
    let links: Vec<_> = entries.iter().map(|entry| tip.append(entry).unwrap()).collect();
    Run { doc, start, entries, joints: vec![], last: links.last().unwrap().hash, signature: None }
}

/// What a hub of this version says of itself.
pub(crate) fn hub_life() -> HubLife {
    let signer = Signer::derive(&[4; 32], b"hub").unwrap().public();
    HubLife {
        renew: false,
        journal: 1,
        signer,
        wants_keys: false,
        disputes: true,
        confirms: true,
        access: true,
        booking: true,
    }
}

/// A hub of this version greets.
pub(crate) async fn meet_hub(desk: &Desk) {
    let greeting = welcome(Incarnation([9; 16]), 1_580_954_400, None, 0);
    desk.resume(Welcome { life: Some(hub_life()), ..greeting }).await.unwrap();
}

/// The hub's word of a purchase on 2020-02-04 at another site, 5901012345.
pub(crate) fn elsewhere(number: &str) -> FeedPart {
    let (programme, day) = ("mask".parse().unwrap(), "2020-02-04".parse().unwrap());
    let key = HubKeys::new(&Secret::new([8; 32])).unwrap().day(&programme, day).unwrap();
    let person = Document::parse("01", number, "1986-03-15", day).unwrap().person();
    let pieces = Pieces { adult: 2, child: 0 };
    let item = Item { fingerprint: key.fingerprint(&person), mark: 7, pieces, gone: false };
    let group = Group { programme, day, key: key.secret().clone(), items: vec![item] };
    FeedPart { upto: 1, body: feed::encode(&Batch { groups: vec![group] }).into() }
}

/// An entry of the site's desk: its place in the run that [`tell_desk`] makes.
pub(crate) fn desk_entry(seq: u32) -> EntryId {
    EntryId { actor: ActorId([8; 16]), seq }
}

/// The hub writes on the site's desk, once in a node's life.
pub(crate) async fn tell_desk(desk: &Desk, facts: &[Fact]) {
    desk.take_down(2, run("desk/5931102274/2020-02", desk_entry(1).actor, facts)).await.unwrap();
}

/// Seals as the hub does for this site.
pub(crate) fn site_keys() -> SiteKeys {
    SiteKeys::new(site().code, 1, &Secret::new([1; 32])).unwrap()
}
