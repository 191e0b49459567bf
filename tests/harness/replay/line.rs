//! One edge's line: both session machines, and real frames between them, by function calls.

use std::collections::VecDeque;

use anyhow::{Context, Result, anyhow};
use edge::clock::Reading;
use edge::node::Node;
use edge::node::confirm::{Confirmation, Question};
use hub::hub::Hub;
use hub::ingest::{Outcome, Upload};
use shared::ids::SiteCode;
use shared::sync::{edge as edge_sync, hub as hub_sync};
use shared::wire::v1::confirm::Confirmed;
use shared::wire::v1::enquiry::{Enquiry, Told};
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::{Message, PIECE_BYTES_MAX};

/// The two ends of one line that is up.
#[derive(Debug)]
pub struct Line {
    site: SiteCode,
    edge: edge_sync::Session,
    hub: hub_sync::Session,
    to_edge: Wire,
    to_hub: Wire,
    /// When the edge last asked for the time.
    asked: i64,
    /// Of the digests, since somebody last looked.
    pub took: Took,
    /// The last answer about somebody, until it is taken.
    confirmed: Option<Confirmed>,
    /// The last answer about booked places, until it is taken.
    told: Option<Told>,
}

/// What an edge took of the nation's digests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// Manifests in place of the feed up to them.
    pub jumps: u64,
    /// Layers that were begun.
    pub layers: u64,
}

/// A connected edge asks for the time so often, in seconds; one that is about to act has asked.
const ASK_EVERY_S: i64 = 15;

/// Bytes on their way.
#[derive(Debug, Default)]
struct Wire {
    frames: VecDeque<Vec<u8>>,
    deframer: Deframer,
}

impl Wire {
    fn send(&mut self, message: &Message) -> Result<()> {
        self.frames.push_back(frame::encode(message)?);
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<Message>> {
        match self.frames.pop_front() {
            Some(frame) => Ok(self.deframer.push(&frame)?),
            None => Ok(Vec::new()),
        }
    }
}

/// True time, and the edge's clocks at it.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Seconds since 1970, as the hub has them.
    pub second: i64,
    /// As the edge has them.
    pub reading: Reading,
}

impl Line {
    /// Dials: both greetings go through, and the edge asks what time it is.
    ///
    /// # Errors
    /// Where an end has a fault or refuses.
    pub fn dial(node: &mut Node, hub: &mut Hub, now: Now) -> Result<Self> {
        let standing = node.standing();
        let site = standing.site;
        let mut line = Self {
            site,
            edge: edge_sync::Session::default(),
            hub: hub_sync::Session::new(site),
            to_edge: Wire::default(),
            to_hub: Wire::default(),
            asked: i64::MIN,
            took: Took::default(),
            confirmed: None,
            told: None,
        };
        let greeting = line.edge.handle(edge_sync::Input::Connected(standing));
        line.edge_does(greeting, node, now)?;
        let uploads = line.pump(node, hub, now)?;
        if !uploads.is_empty() {
            line.ingest_alone(uploads, node, hub, now)?;
        }
        line.settle(node, hub, now)?;
        Ok(line)
    }

    /// The node wrote something: it goes on its way. Gives what the hub has to put on its disk.
    ///
    /// # Errors
    /// Where an end has a fault.
    pub fn upload(&mut self, node: &mut Node, hub: &mut Hub, now: Now) -> Result<Vec<Upload>> {
        let out = self.edge.handle(edge_sync::Input::Grown);
        self.edge_does(out, node, now)?;
        self.pump(node, hub, now)
    }

    /// What the hub made of an upload goes back. Gives what follows.
    ///
    /// # Errors
    /// Where an end has a fault.
    pub fn answer(&mut self, outcome: Outcome, node: &mut Node, hub: &mut Hub, now: Now) -> Result<Vec<Upload>> {
        let input = match outcome {
            Outcome::Ingested { id, feed, receipt } => hub_sync::Input::Ingested { id, feed, receipt: Some(receipt) },
            Outcome::Quarantined { id, why } => hub_sync::Input::Quarantined { id, why },
        };
        let out = self.hub.handle(input);
        let mut uploads = Vec::new();
        self.hub_does(out, node, hub, now, &mut uploads)?;
        uploads.extend(self.pump(node, hub, now)?);
        Ok(uploads)
    }

    /// What the hub says about booked places.
    ///
    /// # Errors
    /// Where an end has a fault.
    pub fn enquire(&mut self, ask: Enquiry, node: &mut Node, hub: &mut Hub, now: Now) -> Result<Option<Told>> {
        let out = self.edge.handle(edge_sync::Input::Enquire(ask));
        self.edge_does(out, node, now)?;
        let uploads = self.pump(node, hub, now)?;
        if !uploads.is_empty() {
            self.ingest_alone(uploads, node, hub, now)?;
        }
        Ok(self.told.take())
    }

    /// What the hub says of somebody.
    ///
    /// # Errors
    /// Where an end has a fault.
    pub fn ask(
        &mut self,
        question: Question,
        node: &mut Node,
        hub: &mut Hub,
        now: Now,
    ) -> Result<Option<Confirmation>> {
        let out = self.edge.handle(edge_sync::Input::Confirm(question.ask.clone()));
        self.edge_does(out, node, now)?;
        let uploads = self.pump(node, hub, now)?;
        self.ingest_alone(uploads, node, hub, now)?;
        Ok(self.confirmed.take().map(|said| question.answered(said)))
    }

    /// Everything that the hub has for the edge comes down; what the edge has to say goes up.
    ///
    /// # Errors
    /// Where an end has a fault.
    pub fn settle(&mut self, node: &mut Node, hub: &mut Hub, now: Now) -> Result<()> {
        if now.second.saturating_sub(self.asked) >= ASK_EVERY_S {
            self.asked = now.second;
            let ask = self.edge.handle(edge_sync::Input::Ask { echo: 1 });
            self.edge_does(ask, node, now)?;
        }
        let out = self.hub.handle(hub_sync::Input::Grown);
        let mut uploads = Vec::new();
        self.hub_does(out, node, hub, now, &mut uploads)?;
        uploads.extend(self.pump(node, hub, now)?);
        self.ingest_alone(uploads, node, hub, now)
    }

    /// What the hub has to put on its disk goes there, by itself.
    ///
    /// # Errors
    /// Where an end has a fault.
    pub fn take_up(&mut self, uploads: Vec<Upload>, node: &mut Node, hub: &mut Hub, now: Now) -> Result<()> {
        self.ingest_alone(uploads, node, hub, now)
    }

    fn ingest_alone(&mut self, mut uploads: Vec<Upload>, node: &mut Node, hub: &mut Hub, now: Now) -> Result<()> {
        while !uploads.is_empty() {
            let outcomes = hub.ingest(&uploads, now.second)?;
            uploads.clear();
            for outcome in outcomes {
                uploads.extend(self.answer(outcome, node, hub, now)?);
            }
        }
        Ok(())
    }

    /// Until nothing is on its way.
    fn pump(&mut self, node: &mut Node, hub: &mut Hub, now: Now) -> Result<Vec<Upload>> {
        let mut uploads = Vec::new();
        while !(self.to_hub.frames.is_empty() && self.to_edge.frames.is_empty()) {
            for message in self.to_hub.receive()? {
                let out = self.hub.handle(hub_sync::Input::Message(message));
                self.hub_does(out, node, hub, now, &mut uploads)?;
            }
            for message in self.to_edge.receive()? {
                let out = self.edge.handle(edge_sync::Input::Message(message));
                self.edge_does(out, node, now)?;
            }
        }
        Ok(uploads)
    }

    fn edge_does(&mut self, outputs: Vec<edge_sync::Output>, node: &mut Node, now: Now) -> Result<()> {
        let mut queue = VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            let answer = match output {
                edge_sync::Output::Send(message) => {
                    self.to_hub.send(&message)?;
                    continue;
                }
                edge_sync::Output::Resume(welcome) => edge_sync::Input::Resumed(node.resume(&welcome)?),
                edge_sync::Output::Load(after) => edge_sync::Input::Loaded(node.load_run(after)?),
                edge_sync::Output::Acked { upto, feed, receipt } => {
                    node.acked(upto, feed, receipt.as_ref())?;
                    continue;
                }
                edge_sync::Output::Quarantined { upto, why } => {
                    return Err(anyhow!("the hub quarantined entries of {} up to {upto}: {why}", self.site));
                }
                edge_sync::Output::Down { pos, run } => {
                    node.take_down(pos, &run)?;
                    edge_sync::Input::Took
                }
                edge_sync::Output::Feed { after, parts } => {
                    node.take_feed(after, &parts)?;
                    edge_sync::Input::Took
                }
                edge_sync::Output::Manifest { upto, signed } => {
                    self.took.jumps += u64::from(node.standing().feed < upto);
                    node.take_manifest(upto, &signed)?;
                    edge_sync::Input::Took
                }
                edge_sync::Output::Want => edge_sync::Input::Wanted(node.wanted(PIECE_BYTES_MAX)),
                edge_sync::Output::Piece(piece) => {
                    self.took.layers += u64::from(piece.offset == 0);
                    node.take_piece(&piece)?;
                    edge_sync::Input::Kept
                }
                edge_sync::Output::Own { pos, feed, run } => {
                    node.take_own(pos, feed, run.as_ref())?;
                    edge_sync::Input::Took
                }
                edge_sync::Output::Key { number, secret } => {
                    node.take_key(number, &secret)?;
                    continue;
                }
                edge_sync::Output::Beacon { second, feed, .. } => {
                    node.beacon(now.reading, now.reading, (second, feed))?;
                    continue;
                }
                edge_sync::Output::Confirmed(confirmed) => {
                    self.confirmed = Some(confirmed);
                    continue;
                }
                edge_sync::Output::Told(told) => {
                    self.told = Some(told);
                    continue;
                }
                edge_sync::Output::Close(close) => return Err(close).context("the edge closed the line"),
            };
            queue.extend(self.edge.handle(answer));
        }
        Ok(())
    }

    fn hub_does(
        &mut self,
        outputs: Vec<hub_sync::Output>,
        node: &mut Node,
        hub: &mut Hub,
        now: Now,
        uploads: &mut Vec<Upload>,
    ) -> Result<()> {
        let mut queue = VecDeque::from(outputs);
        while let Some(output) = queue.pop_front() {
            let answer = match output {
                hub_sync::Output::Send(message) => {
                    self.to_edge.send(&message)?;
                    continue;
                }
                hub_sync::Output::Greet(hello) => {
                    let greeting = hub.greet(&self.site, &hello, now.second)?;
                    let hub::hub::Greeting { welcome, down, feed, manifest, own } = greeting;
                    hub_sync::Input::Greeted { welcome, down, feed, manifest, own }
                }
                hub_sync::Output::Ingest(run) => {
                    let incarnation = node.standing().incarnation;
                    uploads.push(Upload { site: self.site, incarnation, run });
                    continue;
                }
                hub_sync::Output::LoadDown(after) => hub_sync::Input::Down(hub.load_down(&self.site, after)?),
                hub_sync::Output::LoadFeed { after, manifest } => hub.load_nation(after, manifest)?,
                hub_sync::Output::LoadPiece(fetch) => hub_sync::Input::Piece(hub.load_piece(&fetch)?),
                hub_sync::Output::LoadOwn { after, known } => {
                    hub_sync::Input::Own(hub.load_own(&self.site, after, &known)?)
                }
                hub_sync::Output::Enquire(ask) => {
                    let life = node.standing().incarnation;
                    hub_sync::Input::Told(hub.enquire(&self.site, &life, &ask, now.second)?)
                }
                hub_sync::Output::Confirm(ask) => {
                    hub_sync::Input::Confirmed(hub.confirm(&self.site, &ask, now.second)?)
                }
                hub_sync::Output::Key { number, secret } => {
                    hub.take_key(&self.site, number, &secret, now.second)?;
                    continue;
                }
                hub_sync::Output::Beacon { echo } => {
                    let feed = Some(hub.feed_position()?);
                    self.to_edge.send(&Message::Beacon { echo, second: now.second, feed })?;
                    continue;
                }
                hub_sync::Output::Close(close) => return Err(close).context("the hub closed the line"),
            };
            queue.extend(self.hub.handle(answer));
        }
        Ok(())
    }
}
