//! The two session machines against each other, over a line that a test cuts where it likes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::collections::VecDeque;

use shared::digest::{LayerId, Signed};
use shared::ids::{ActorId, EntryId, Incarnation, SiteCode};
use shared::ledger::chain::Tip;
use shared::ledger::run::Run;
use shared::sign::Signature;
use shared::sync::handshake::{Standing, welcome};
use shared::sync::{Close, edge, hub};
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::{FeedPart, Fetch, Message, Piece, Seen, Welcome};

const LIFE: Incarnation = Incarnation([9; 16]);
/// The layer that the manifest names.
const LAYER: [u8; 5_000] = [3; 5_000];

/// An edge whose log is a list of runs of `per_run` entries, and a hub that keeps what it is given.
struct Pair {
    runs: Vec<Run>,
    acked: u64,
    down: Vec<u64>,
    feed: u64,
    hub_has: Vec<EntryId>,
    hub_down: Vec<Run>,
    hub_feed: Vec<FeedPart>,
    /// What another life of the edge's store wrote, at the hub and here.
    hub_own: Vec<Run>,
    own: Vec<Run>,
    own_pos: u64,
    /// The position of the hub's manifest; it names [`LAYER`]. And of the edge's; none where it takes none.
    hub_manifest: u64,
    manifest: Option<u64>,
    /// What of the layer is here.
    fetched: Vec<u8>,
}

impl Pair {
    fn new(entries: u32, per_run: usize) -> Self {
        let runs = runs("site/5931102274/2020-02-06", entries, per_run);
        let hub_down = runs_of("nation/2020-02", 3, 1);
        let part = |n: u64| FeedPart { upto: n * 10, body: vec![7; 100].into() };
        let hub_feed = (1..=20).map(part).collect();
        Self {
            runs,
            acked: 0,
            down: vec![],
            feed: 0,
            hub_has: vec![],
            hub_down,
            hub_feed,
            hub_own: vec![],
            own: vec![],
            own_pos: 0,
            hub_manifest: 0,
            manifest: None,
            fetched: vec![],
        }
    }

    /// Runs one line until it is quiet, or until `cut` messages have crossed.
    fn line(&mut self, cut: usize) -> Option<Close> {
        let site: SiteCode = "5931102274".parse().unwrap();
        let (mut edge, mut hub) = (edge::Session::default(), hub::Session::new(site));
        let (mut to_edge, mut to_hub) = (VecDeque::new(), VecDeque::new());
        let mut crossed = 0;
        let standing = Standing {
            site,
            incarnation: Incarnation([1; 16]),
            hub_life: LIFE,
            down: self.down_pos(),
            feed: self.feed,
            life: None,
            manifest: self.manifest,
        };
        let first = edge.handle(edge::Input::Connected(standing));
        if let Some(close) = self.edge_outputs(&mut edge, first, &mut to_hub) {
            return Some(close);
        }
        while !(to_edge.is_empty() && to_hub.is_empty()) {
            if let Some(message) = to_hub.pop_front() {
                crossed += 1;
                let out = hub.handle(hub::Input::Message(cross(&message)));
                if let Some(close) = self.hub_outputs(&mut hub, out, &mut to_edge) {
                    return Some(close);
                }
            }
            if let Some(message) = to_edge.pop_front() {
                crossed += 1;
                let out = edge.handle(edge::Input::Message(cross(&message)));
                if let Some(close) = self.edge_outputs(&mut edge, out, &mut to_hub) {
                    return Some(close);
                }
            }
            if crossed >= cut {
                return None;
            }
        }
        None
    }

    fn edge_outputs(
        &mut self,
        session: &mut edge::Session,
        outputs: Vec<edge::Output>,
        to_hub: &mut VecDeque<Message>,
    ) -> Option<Close> {
        let mut queue = VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            let answer = match output {
                edge::Output::Send(message) => {
                    to_hub.push_back(message);
                    continue;
                }
                edge::Output::Resume(Welcome { last, .. }) => {
                    // What the hub says it has is as good as acknowledged.
                    self.acked = self.acked.max(self.position(last));
                    edge::Input::Resumed(edge::Resumed::Behind { pos: self.position(last), keys: vec![] })
                }
                edge::Output::Load(after) => edge::Input::Loaded(self.run_after(after)),
                edge::Output::Acked { upto, .. } => {
                    self.acked = upto;
                    continue;
                }
                edge::Output::Down { pos, .. } => {
                    self.down.push(pos);
                    edge::Input::Took
                }
                edge::Output::Feed { after, parts } => {
                    assert_eq!(after, self.feed, "no gap");
                    self.feed = parts.last().unwrap().upto;
                    edge::Input::Took
                }
                edge::Output::Told(_) => panic!("an answer to a question that was never asked"),
                edge::Output::Close(close) => return Some(close),
                edge::Output::Manifest { upto, .. } => {
                    self.manifest = Some(upto);
                    self.feed = self.feed.max(upto);
                    edge::Input::Took
                }
                edge::Output::Want => edge::Input::Wanted(self.wanted()),
                edge::Output::Piece(piece) => {
                    assert_eq!(piece.offset as usize, self.fetched.len(), "no gap");
                    self.fetched.extend(piece.bytes);
                    edge::Input::Kept
                }
                edge::Output::Own { pos, run, .. } => {
                    self.own.extend(run);
                    self.own_pos = pos;
                    edge::Input::Took
                }
                edge::Output::Quarantined { .. }
                | edge::Output::Beacon { .. }
                | edge::Output::Confirmed(_)
                | edge::Output::Key { .. } => continue,
            };
            queue.extend(session.handle(answer));
        }
        None
    }

    fn hub_outputs(
        &mut self,
        session: &mut hub::Session,
        outputs: Vec<hub::Output>,
        to_edge: &mut VecDeque<Message>,
    ) -> Option<Close> {
        let mut queue = VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            let answer = match output {
                hub::Output::Send(message) => {
                    to_edge.push_back(message);
                    continue;
                }
                hub::Output::Greet(hello) => hub::Input::Greeted {
                    welcome: welcome(LIFE, 0, self.hub_last(), 0),
                    down: hello.down,
                    feed: hello.feed,
                    manifest: hello.manifest,
                    own: Some(self.own_standing()),
                },
                hub::Output::Ingest(run) => hub::Input::Ingested { id: self.ingest(&run), feed: 0, receipt: None },
                hub::Output::LoadOwn { after, .. } => hub::Input::Own(self.own_after(after)),
                hub::Output::LoadDown(after) => hub::Input::Down(self.down_after(after)),
                hub::Output::LoadFeed { after: _, manifest: Some(held) } if held < self.hub_manifest => {
                    let signed = Signed { body: vec![1].into(), signature: Signature([1; 64]) };
                    hub::Input::Manifest { made: self.hub_manifest, upto: self.hub_manifest, signed }
                }
                hub::Output::LoadPiece(Fetch { layer, offset, most }) => {
                    let bytes = LAYER[offset as usize..].iter().copied().take(most as usize).collect();
                    hub::Input::Piece(Piece { layer, offset, bytes })
                }
                hub::Output::LoadFeed { after, .. } => {
                    let next = self.hub_feed.iter().filter(|part| part.upto > after).take(3).cloned();
                    hub::Input::Feed(next.collect())
                }
                hub::Output::Beacon { .. }
                | hub::Output::Key { .. }
                | hub::Output::Confirm(_)
                | hub::Output::Enquire(_) => continue,
                hub::Output::Close(close) => return Some(close),
            };
            queue.extend(session.handle(answer));
        }
        None
    }

    fn ingest(&mut self, run: &Run) -> EntryId {
        for link in run.links().unwrap() {
            if !self.hub_has.contains(&link.id) {
                self.hub_has.push(link.id);
            }
        }
        *self.hub_has.last().unwrap()
    }

    fn hub_last(&self) -> Option<Seen> {
        let id = *self.hub_has.last()?;
        Some(Seen { id, hash: shared::ids::ChangeHash([0; 32]) })
    }

    fn position(&self, last: Option<Seen>) -> u64 {
        last.map_or(0, |seen| u64::from(seen.id.seq))
    }

    fn run_after(&self, after: u64) -> Option<(Run, u64)> {
        let run = self.runs.iter().find(|run| u64::from(run.start.id.seq) == after + 1)?;
        Some((run.clone(), after + run.entries.len() as u64))
    }

    fn wanted(&self) -> Option<Fetch> {
        let offset = u32::try_from(self.fetched.len()).unwrap();
        let more = self.manifest.is_some_and(|upto| upto > 0) && self.fetched.len() < LAYER.len();
        more.then_some(Fetch { layer: LayerId([7; 32]), offset, most: 700 })
    }

    fn own_standing(&self) -> hub::OwnStanding {
        hub::OwnStanding { after: self.own_pos, upto: 99, keys: vec![] }
    }

    fn own_after(&self, after: u64) -> Option<hub::OwnPart> {
        let run = self.hub_own.get(usize::try_from(after).unwrap())?.clone();
        Some(hub::OwnPart { pos: after + 1, feed: 0, run: Some(run) })
    }

    fn down_pos(&self) -> u64 {
        self.down.last().copied().unwrap_or_default()
    }

    fn down_after(&self, after: u64) -> Option<(Run, u64)> {
        let run = self.hub_down.get(usize::try_from(after).unwrap())?;
        Some((run.clone(), after + 1))
    }
}

/// Through real frames.
fn cross(message: &Message) -> Message {
    let bytes = frame::encode(message).unwrap();
    Deframer::default().push(&bytes).unwrap().pop().unwrap()
}

fn runs(doc: &str, entries: u32, per_run: usize) -> Vec<Run> {
    runs_of(doc, entries, per_run)
}

fn runs_of(doc: &str, entries: u32, per_run: usize) -> Vec<Run> {
    let mut tip = Tip::start(doc.parse().unwrap(), ActorId([4; 16]), 0, vec![]);
    let all: Vec<Vec<u8>> = (0..entries).map(|n| n.to_be_bytes().repeat(10)).collect();
    let run = |entries: &[Vec<u8>]| {
        let start = tip.next.clone();
        let links: Vec<_> = entries.iter().map(|entry| tip.append(entry).unwrap()).collect();
        let last = links.last().unwrap().hash;
        Run { doc: tip.doc, start, entries: entries.to_vec(), joints: vec![], last, signature: None }
    };
    all.chunks(per_run).map(run).collect()
}

#[test]
fn everything_crosses_on_a_good_line() {
    let mut pair = Pair::new(1000, 10);
    assert_eq!(pair.line(usize::MAX), None);
    assert_eq!((pair.acked, pair.hub_has.len()), (1000, 1000));
    assert_eq!((pair.down.len(), pair.feed), (3, 200));
}

fn standing_anywhere() -> Standing {
    let site = "5931102274".parse().unwrap();
    Standing { site, incarnation: LIFE, hub_life: LIFE, down: 0, feed: 0, life: None, manifest: Some(0) }
}

fn open_edge() -> edge::Session {
    let mut edge = edge::Session::default();
    edge.handle(edge::Input::Connected(standing_anywhere()));
    edge.handle(edge::Input::Message(Message::Welcome(welcome(LIFE, 0, None, 0))));
    edge.handle(edge::Input::Resumed(edge::Resumed::Behind { pos: 0, keys: vec![] }));
    edge
}

fn open_hub() -> hub::Session {
    let mut hub = hub::Session::new("5931102274".parse().unwrap());
    hub.handle(hub::Input::Message(Message::Hello(shared::sync::handshake::hello(standing_anywhere()))));
    let welcome = welcome(LIFE, 0, None, 0);
    hub.handle(hub::Input::Greeted { welcome, down: 0, feed: 0, manifest: Some(0), own: None });
    hub
}

#[test]
fn behind_a_manifest_the_feed_goes_on_where_it_ends_and_its_layers_come_in_pieces() {
    for cut in [usize::MAX, 5, 9] {
        let mut pair = Pair::new(60, 10);
        (pair.manifest, pair.hub_manifest) = (Some(0), 100);
        for _ in 0..100 {
            assert_eq!(pair.line(cut), None);
        }
        assert_eq!((pair.manifest, pair.feed, pair.acked), (Some(100), 200, 60), "cut after {cut}");
        assert_eq!(pair.fetched, LAYER, "cut after {cut}");
        // The next one is newer than what the edge has of the feed.
        pair.hub_manifest = 210;
        assert_eq!(pair.line(usize::MAX), None);
        assert_eq!((pair.manifest, pair.feed), (Some(210), 210));
    }
    // An edge of a version that knows no digests is given the feed alone.
    let mut first = Pair::new(1, 1);
    first.hub_manifest = 100;
    assert_eq!(first.line(usize::MAX), None);
    assert_eq!((first.manifest, first.feed, first.fetched.len()), (None, 200, 0));
}

#[test]
fn a_piece_that_nobody_asked_for_ends_the_line_and_so_does_a_second_question() {
    let piece = Piece { layer: LayerId([7; 32]), offset: 0, bytes: vec![1] };
    let mut edge = open_edge();
    let out = edge.handle(edge::Input::Message(Message::Piece(piece.clone())));
    assert!(matches!(out.as_slice(), [edge::Output::Close(Close::Unexpected(_))]), "{out:?}");
    let fetch = Fetch { layer: LayerId([7; 32]), offset: 0, most: 700 };
    for other in [
        Piece { offset: 1, ..piece.clone() },
        Piece { layer: LayerId([8; 32]), ..piece.clone() },
        Piece { bytes: vec![1; 701], ..piece },
    ] {
        let mut edge = open_edge();
        assert_eq!(edge.handle(edge::Input::Wanted(Some(fetch))), [edge::Output::Send(Message::Fetch(fetch))]);
        let out = edge.handle(edge::Input::Message(Message::Piece(other.clone())));
        assert!(matches!(out.as_slice(), [edge::Output::Close(Close::Unexpected(_))]), "{other:?}: {out:?}");
    }
    let mut hub = open_hub();
    let ask = || hub::Input::Message(Message::Fetch(fetch));
    assert_eq!(hub.handle(ask()), [hub::Output::LoadPiece(fetch)]);
    assert_eq!(hub.handle(ask()), [hub::Output::Close(Close::Flood)]);
}

#[test]
fn a_line_cut_after_any_message_loses_and_doubles_nothing() {
    for cut in 1..60 {
        let mut pair = Pair::new(120, 10);
        for _ in 0..200 {
            assert_eq!(pair.line(cut), None);
        }
        // A line shorter than the greeting can carry nothing.
        if cut > 3 {
            assert_eq!((pair.acked, pair.hub_has.len()), (120, 120), "cut after {cut}");
        }
        if cut > 8 {
            assert_eq!((pair.down.len(), pair.feed), (3, 200), "cut after {cut}");
        }
    }
}

#[test]
fn what_other_lives_wrote_comes_back_once_wherever_the_line_is_cut() {
    for cut in 4..40 {
        let mut pair = Pair::new(30, 10);
        pair.hub_own = runs_of("site/5931102274/2020-02-05", 60, 10);
        for _ in 0..60 {
            assert_eq!(pair.line(cut), None);
        }
        if cut > 8 {
            assert_eq!((pair.own.len(), pair.own_pos), (6, 99), "cut after {cut}");
            assert_eq!(pair.own, pair.hub_own);
        }
    }
}

#[test]
fn an_edge_whose_certificate_names_another_site_is_closed() {
    let mut hub = hub::Session::new("3501200000".parse().unwrap());
    let standing = Standing {
        site: "5931102274".parse().unwrap(),
        incarnation: LIFE,
        hub_life: LIFE,
        down: 0,
        feed: 0,
        life: None,
        manifest: None,
    };
    let edge::Output::Send(hello) = edge::Session::default().handle(edge::Input::Connected(standing)).remove(0) else {
        panic!("an edge greets first");
    };
    let out = hub.handle(hub::Input::Message(hello));
    assert!(matches!(out[..], [hub::Output::Close(Close::Identity { .. })]));
}

#[test]
fn a_hub_of_another_protocol_is_left() {
    let mut edge = edge::Session::default();
    let standing = Standing {
        site: "5931102274".parse().unwrap(),
        incarnation: LIFE,
        hub_life: LIFE,
        down: 0,
        feed: 0,
        life: None,
        manifest: None,
    };
    edge.handle(edge::Input::Connected(standing));
    let mut strange = welcome(LIFE, 0, None, 0);
    strange.encoder = "automerge-9".to_owned();
    let out = edge.handle(edge::Input::Message(Message::Welcome(strange)));
    assert!(matches!(out[..], [edge::Output::Close(Close::Version(_))]));
}

#[test]
fn an_edge_that_does_not_wait_is_closed() {
    let mut hub = hub::Session::new("5931102274".parse().unwrap());
    let standing = Standing {
        site: "5931102274".parse().unwrap(),
        incarnation: LIFE,
        hub_life: LIFE,
        down: 0,
        feed: 0,
        life: None,
        manifest: None,
    };
    let hello = shared::sync::handshake::hello(standing);
    hub.handle(hub::Input::Message(Message::Hello(hello)));
    hub.handle(hub::Input::Greeted { welcome: welcome(LIFE, 0, None, 0), down: 0, feed: 0, manifest: None, own: None });
    let runs = runs("site/5931102274/2020-02-06", 20, 1);
    let closed = runs
        .into_iter()
        .any(|run| hub.handle(hub::Input::Message(Message::Up(run))).contains(&hub::Output::Close(Close::Flood)));
    assert!(closed);
}

#[test]
fn a_hub_that_grows_all_the_time_gives_its_feed_all_the_same() {
    let mut hub = hub::Session::new("5931102274".parse().unwrap());
    let standing = Standing {
        site: "5931102274".parse().unwrap(),
        incarnation: LIFE,
        hub_life: LIFE,
        down: 0,
        feed: 0,
        life: None,
        manifest: None,
    };
    let hello = shared::sync::handshake::hello(standing);
    hub.handle(hub::Input::Message(Message::Hello(hello)));
    hub.handle(hub::Input::Greeted { welcome: welcome(LIFE, 0, None, 0), down: 0, feed: 0, manifest: None, own: None });
    // Another site's upload between every question and its answer.
    hub.handle(hub::Input::Grown);
    let out = hub.handle(hub::Input::Down(None));
    assert_eq!(out, [hub::Output::LoadFeed { after: 0, manifest: None }]);
    hub.handle(hub::Input::Grown);
    let out = hub.handle(hub::Input::Feed(vec![]));
    assert_eq!(out, [hub::Output::LoadDown(0)], "and the rules are not forgotten");
}
