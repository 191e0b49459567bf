//! The session machines against each other.

use std::collections::VecDeque;

use shared::digest::{LayerId, Signed};
use shared::ids::Incarnation;
use shared::seal::Secret;
use shared::sign::Signature;
use shared::sync::edge::{self, LogPos, Resumed};
use shared::sync::handshake::welcome;
use shared::sync::hub::{self, OwnStanding};
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::{FeedPart, Fetch, Piece};

use super::super::choices::Choices;
use super::{STEPS_MAX, run, site, standing};

/// Of the one layer of two honest ends.
const LAYER_BYTES: u32 = 1_000;

/// Two honest ends: whatever comes first, none closes, and in the end all is acknowledged and taken.
pub(in super::super) fn pair(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut pair =
        Pair::new(u64::from(choices.byte() % 40), u64::from(choices.byte() % 12), u64::from(choices.byte() % 12));
    pair.owns = u64::from(choices.byte() % 12);
    for _ in 0..STEPS_MAX {
        if choices.is_empty() {
            break;
        }
        pair.step(choices.below(7));
    }
    // In order now, until nothing moves.
    for turn in 0..64 * STEPS_MAX {
        if turn % 64 == 0 && pair.has_all() {
            break;
        }
        pair.step(turn % 6);
    }
    assert!(pair.has_all(), "something never arrived: {pair:?}");
    assert_eq!(pair.keys, 1, "the secret that the edge lacked");
}

#[derive(Debug)]
struct Pair {
    edge: edge::Session,
    hub: hub::Session,
    /// Bytes on their way.
    up: VecDeque<Vec<u8>>,
    across: VecDeque<Vec<u8>>,
    from_edge: Deframer,
    from_hub: Deframer,
    edge_asked: VecDeque<edge::Output>,
    hub_asked: VecDeque<hub::Output>,
    log: LogPos,
    downs: u64,
    feeds: u64,
    /// What other lives of the store wrote; every third the edge knows.
    owns: u64,
    acked: LogPos,
    down: u64,
    feed: u64,
    own: u64,
    keys: u32,
    manifest: u64,
    fetched: u32,
}

impl Pair {
    fn new(log: LogPos, downs: u64, feeds: u64) -> Self {
        let mut pair = Self {
            edge: edge::Session::default(),
            hub: hub::Session::new(site()),
            up: VecDeque::new(),
            across: VecDeque::new(),
            from_edge: Deframer::default(),
            from_hub: Deframer::default(),
            edge_asked: VecDeque::new(),
            hub_asked: VecDeque::new(),
            log,
            downs,
            feeds,
            owns: 0,
            acked: 0,
            down: 0,
            feed: 0,
            own: 0,
            keys: 0,
            manifest: 0,
            fetched: 0,
        };
        let outputs = pair.edge.handle(edge::Input::Connected(standing()));
        pair.edge_says(outputs);
        pair
    }

    /// A newer manifest is given to who has the feed as far, or lies far behind.
    fn is_digested(&self, after: u64, held: u64) -> bool {
        self.feeds > held && (after >= self.feeds || self.feeds - after > 5)
    }

    fn wanted(&self) -> Option<Fetch> {
        let more = self.manifest > 0 && self.fetched < LAYER_BYTES;
        more.then_some(Fetch { layer: LayerId([1; 32]), offset: self.fetched, most: 300 })
    }

    /// The last word on what was given back is how long the hub's journal was.
    fn has_all(&self) -> bool {
        (self.acked, self.down, self.feed, self.own) == (self.log, self.downs, self.feeds, self.owns + 1)
    }

    fn step(&mut self, which: usize) {
        match which {
            0 | 1 => self.carry_up(),
            2 => self.carry_down(),
            3 => self.edge_answers(),
            4 => self.hub_answers(),
            5 => {
                let outputs = self.edge.handle(edge::Input::Grown);
                self.edge_says(outputs);
                let outputs = self.hub.handle(hub::Input::Grown);
                self.hub_says(outputs);
            }
            _ => {
                self.log += 1;
                self.feeds += 1;
            }
        }
    }

    fn carry_up(&mut self) {
        let Some(bytes) = self.up.pop_front() else { return };
        for said in self.from_edge.push(&bytes).expect("a frame of ours") {
            let outputs = self.hub.handle(hub::Input::Message(said));
            self.hub_says(outputs);
        }
    }

    fn carry_down(&mut self) {
        let Some(bytes) = self.across.pop_front() else { return };
        for said in self.from_hub.push(&bytes).expect("a frame of ours") {
            let outputs = self.edge.handle(edge::Input::Message(said));
            self.edge_says(outputs);
        }
    }

    fn edge_says(&mut self, outputs: Vec<edge::Output>) {
        for output in outputs {
            match output {
                edge::Output::Send(said) => self.up.push_back(frame::encode(&said).expect("it fits")),
                edge::Output::Acked { upto, .. } => {
                    assert_eq!(upto, self.acked + 1, "out of order");
                    self.acked = upto;
                }
                edge::Output::Close(close) => panic!("an honest edge closes: {close}"),
                edge::Output::Quarantined { .. } => panic!("nothing was refused"),
                other => self.edge_asked.push_back(other),
            }
        }
    }

    fn hub_says(&mut self, outputs: Vec<hub::Output>) {
        for output in outputs {
            match output {
                hub::Output::Send(said) => self.across.push_back(frame::encode(&said).expect("it fits")),
                hub::Output::Close(close) => panic!("an honest hub closes: {close}"),
                other => self.hub_asked.push_back(other),
            }
        }
    }

    fn edge_answers(&mut self) {
        let Some(asked) = self.edge_asked.pop_front() else { return };
        let input = match asked {
            edge::Output::Resume(_) => edge::Input::Resumed(Resumed::Behind { pos: 0, keys: vec![] }),
            edge::Output::Load(after) => edge::Input::Loaded((after < self.log).then(|| (run(after + 1), after + 1))),
            edge::Output::Down { pos, .. } => {
                self.down = pos;
                edge::Input::Took
            }
            edge::Output::Feed { after, parts } => {
                assert_eq!(after, self.feed);
                self.feed = parts.last().map_or(after, |part| part.upto);
                edge::Input::Took
            }
            edge::Output::Manifest { upto, .. } => {
                assert!(upto > self.manifest, "replayed");
                (self.manifest, self.feed) = (upto, self.feed.max(upto));
                edge::Input::Took
            }
            edge::Output::Want => edge::Input::Wanted(self.wanted()),
            edge::Output::Piece(piece) => {
                assert_eq!(piece.offset, self.fetched, "a hole");
                self.fetched += u32::try_from(piece.bytes.len()).expect("a piece");
                edge::Input::Kept
            }
            edge::Output::Own { pos, .. } => {
                assert!(pos > self.own, "out of order");
                self.own = pos;
                edge::Input::Took
            }
            edge::Output::Key { .. } => {
                self.keys += 1;
                return;
            }
            other => panic!("nothing to answer: {other:?}"),
        };
        let outputs = self.edge.handle(input);
        self.edge_says(outputs);
    }

    fn hub_answers(&mut self) {
        let Some(asked) = self.hub_asked.pop_front() else { return };
        let input = match asked {
            hub::Output::Greet(_) => {
                let welcome = welcome(Incarnation([2; 16]), 1_580_950_800, None, 0);
                let keys = vec![(1, Secret::new([1; 32]))];
                let own = Some(OwnStanding { after: 0, upto: self.owns + 1, keys });
                hub::Input::Greeted { welcome, down: 0, feed: 0, manifest: Some(0), own }
            }
            hub::Output::LoadOwn { after, .. } => {
                let part = |pos: u64| hub::OwnPart { pos, feed: 0, run: (!pos.is_multiple_of(3)).then(|| run(pos)) };
                hub::Input::Own((after < self.owns).then(|| part(after + 1)))
            }
            hub::Output::Ingest(run) => hub::Input::Ingested { id: run.start.id, feed: 0, receipt: None },
            hub::Output::LoadDown(after) => hub::Input::Down((after < self.downs).then(|| (run(after + 1), after + 1))),
            hub::Output::LoadFeed { after, manifest: Some(held) } if self.is_digested(after, held) => {
                let signed = Signed { body: vec![1].into(), signature: Signature([1; 64]) };
                hub::Input::Manifest { made: self.feeds, upto: self.feeds, signed }
            }
            hub::Output::LoadPiece(Fetch { layer, offset, most }) => {
                let len = most.min(LAYER_BYTES - offset);
                hub::Input::Piece(Piece { layer, offset, bytes: vec![1; len as usize] })
            }
            hub::Output::LoadFeed { after, .. } => {
                let part = FeedPart { upto: after + 1, body: vec![1].into() };
                hub::Input::Feed(if after < self.feeds { vec![part] } else { vec![] })
            }
            other => panic!("nothing to answer: {other:?}"),
        };
        let outputs = self.hub.handle(input);
        self.hub_says(outputs);
    }
}
