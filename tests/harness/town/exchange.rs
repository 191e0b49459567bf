//! Carrying out what the two session machines say, frame by frame, as the uplink and the gateway do.

use std::collections::VecDeque;

use anyhow::{Context, Result, bail, ensure};
use edge::node::NodeError;
use hub::ingest::{Outcome, Upload};
use shared::entry::Fact;
use shared::ids::EntryId;
use shared::ledger::run::Run;
use shared::sync::{Close, edge as edge_sync, hub as hub_sync};
use shared::wire::v1::entry;
use shared::wire::v1::message::Message;

use super::line::Line;
use super::{Inbox, Plant, Town};

/// So little of a digest at once that the little ones of a town come in several pieces too.
const PIECE_BYTES: u32 = 64;

impl Town {
    /// The edge dials.
    pub(super) fn dial(&mut self, at: usize) -> Result<()> {
        self.epochs += 1;
        let site = &mut self.sites[at];
        let standing = site.node()?.standing();
        site.line = Some(Line::new(self.epochs, site.code));
        self.tell_edge(at, edge_sync::Input::Connected(standing))
    }

    /// Everything that is due on a line, up to `most` frames, in an order that the dice choose. The
    /// line may be cut at any of them.
    pub(super) fn carry(&mut self, at: usize, most: u64) -> Result<()> {
        for _ in 0..most {
            let now_ms = self.now_ms;
            let Some(line) = &mut self.sites[at].line else { return Ok(()) };
            if std::mem::take(&mut line.edge_grown) {
                self.tell_edge(at, edge_sync::Input::Grown)?;
            }
            let Some(line) = &mut self.sites[at].line else { return Ok(()) };
            if std::mem::take(&mut line.hub_grown) {
                self.tell_hub(at, hub_sync::Input::Grown)?;
            }
            let Some(line) = &self.sites[at].line else { return Ok(()) };
            let (up, down) = (line.up.is_due(now_ms), line.down.is_due(now_ms));
            if !up && !down {
                return Ok(());
            }
            if self.dice.below(1000) < self.knobs.cut_per_1000_frames {
                self.cut(at);
                return Ok(());
            }
            if up && (!down || self.dice.once_in(2)) {
                self.arrive_at_hub(at)?;
            } else {
                self.arrive_at_edge(at)?;
            }
        }
        Ok(())
    }

    /// What is on its way is lost.
    pub(super) fn cut(&mut self, at: usize) {
        self.note(3, &at.to_le_bytes());
        self.sites[at].line = None;
    }

    fn arrive_at_hub(&mut self, at: usize) -> Result<()> {
        let Some(line) = &mut self.sites[at].line else { return Ok(()) };
        for message in line.up.receive()? {
            self.tell_hub(at, hub_sync::Input::Message(message))?;
        }
        Ok(())
    }

    fn arrive_at_edge(&mut self, at: usize) -> Result<()> {
        let Some(line) = &mut self.sites[at].line else { return Ok(()) };
        for message in line.down.receive()? {
            self.tell_edge(at, edge_sync::Input::Message(message))?;
        }
        Ok(())
    }

    fn tell_edge(&mut self, at: usize, input: edge_sync::Input) -> Result<()> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(line) = &mut self.sites[at].line else { return Ok(()) };
            for output in line.edge.handle(input) {
                inputs.extend(self.edge_does(at, output)?);
            }
        }
        Ok(())
    }

    pub(super) fn tell_hub(&mut self, at: usize, input: hub_sync::Input) -> Result<()> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(line) = &mut self.sites[at].line else { return Ok(()) };
            for output in line.hub.handle(input) {
                inputs.extend(self.hub_does(at, output)?);
            }
        }
        Ok(())
    }

    /// The edge asks what time it is.
    pub(super) fn ask_time(&mut self, at: usize) -> Result<()> {
        let reading = self.sites[at].reading(self.now_ms);
        let Some(line) = &mut self.sites[at].line else { return Ok(()) };
        if line.asked.is_some() || !line.edge.is_open() {
            return Ok(());
        }
        line.asked = Some((line.epoch, reading));
        let echo = line.epoch;
        self.tell_edge(at, edge_sync::Input::Ask { echo })
    }

    fn edge_does(&mut self, at: usize, output: edge_sync::Output) -> Result<Option<edge_sync::Input>> {
        let now_ms = self.now_ms;
        let due_ms = now_ms + self.latency();
        let site = &mut self.sites[at];
        let (code, reading) = (site.code, site.reading(now_ms));
        let (node, line) = site.ends()?;
        let line = line.context("a line that is up")?;
        let named = || format!("the edge of {code}");
        Ok(match output {
            edge_sync::Output::Send(message) => {
                let frame = super::hashed(line.up.send(&message, due_ms)?);
                self.note(4, &frame.to_le_bytes());
                None
            }
            edge_sync::Output::Resume(welcome) => {
                let before = node.standing().hub_life;
                let resumed = node.resume(&welcome).with_context(named)?;
                if node.standing().hub_life != before {
                    self.model.book(at).over.clear();
                }
                Some(edge_sync::Input::Resumed(resumed))
            }
            edge_sync::Output::Load(after) => {
                let loaded = node.load_run(after).with_context(named)?;
                if let (Some(Plant::AckedBeforeAnswer), Some((_, upto))) = (self.knobs.plant, &loaded) {
                    node.acked(*upto, node.standing().feed, None)?;
                }
                Some(edge_sync::Input::Loaded(loaded))
            }
            edge_sync::Output::Acked { upto, feed, receipt } => {
                node.acked(upto, feed, receipt.as_ref()).with_context(named)?;
                None
            }
            edge_sync::Output::Quarantined { upto, why } => {
                bail!("the hub put entries of {code} up to {upto} aside: {why}")
            }
            edge_sync::Output::Down { pos, run } => {
                node.take_down(pos, &run).with_context(named)?;
                self.model.learned(at, &run)?;
                Some(edge_sync::Input::Took)
            }
            edge_sync::Output::Feed { after, parts } => {
                node.take_feed(after, &parts).with_context(named)?;
                Some(edge_sync::Input::Took)
            }
            edge_sync::Output::Manifest { upto, signed } => {
                node.take_manifest(upto, &signed).with_context(named)?;
                Some(edge_sync::Input::Took)
            }
            edge_sync::Output::Want => Some(edge_sync::Input::Wanted(node.wanted(PIECE_BYTES))),
            edge_sync::Output::Piece(piece) => {
                node.take_piece(&piece).with_context(named)?;
                Some(edge_sync::Input::Kept)
            }
            edge_sync::Output::Own { pos, feed, run } => {
                match node.take_own(pos, feed, run.as_ref()) {
                    // Sealed under the secret of a computer that enrolled since: it comes with the next greeting.
                    Err(NodeError::GivenBack { .. }) => {
                        self.cut(at);
                        return Ok(None);
                    }
                    done => done.with_context(named)?,
                }
                if let Some(run) = run {
                    self.came_back(at, &run)?;
                }
                Some(edge_sync::Input::Took)
            }
            edge_sync::Output::Key { number, secret } => {
                node.take_key(number, &secret).with_context(named)?;
                None
            }
            edge_sync::Output::Beacon { echo, second, feed } => {
                if let Some((_, asked)) = line.asked.take_if(|(ours, _)| *ours == echo) {
                    node.beacon(asked, reading, (second, feed)).with_context(named)?;
                }
                None
            }
            // A town's counters ask the hub at once, not over the line.
            edge_sync::Output::Confirmed(_) | edge_sync::Output::Told(_) => {
                bail!("an answer to a question that was never asked")
            }
            edge_sync::Output::Close(Close::Anew) => {
                self.lives += 1;
                self.cut(at);
                None
            }
            edge_sync::Output::Close(close) => return Err(close).with_context(named),
        })
    }

    fn hub_does(&mut self, at: usize, output: hub_sync::Output) -> Result<Option<hub_sync::Input>> {
        let due_ms = self.now_ms + self.latency();
        let second = self.second();
        let code = self.sites[at].code;
        let named = || format!("the hub's end of the line of {code}");
        let hub = self.hub.as_mut().context("a hub that is running")?;
        let line = self.sites[at].line.as_mut().context("a line that is up")?;
        Ok(match output {
            hub_sync::Output::Send(message) => {
                let frame = super::hashed(line.down.send(&message, due_ms)?);
                self.note(5, &frame.to_le_bytes());
                None
            }
            hub_sync::Output::Greet(hello) => {
                line.incarnation = Some(hello.incarnation);
                let greeting = hub.greet(&code, &hello, second).with_context(named)?;
                let hub::hub::Greeting { welcome, down, feed, manifest, own } = greeting;
                self.supersede(at, hello.incarnation)?;
                Some(hub_sync::Input::Greeted { welcome, down, feed, manifest, own })
            }
            hub_sync::Output::Ingest(run) => {
                if self.swallows(&run)? {
                    let feed = self.hub()?.feed_position()?;
                    return Ok(Some(hub_sync::Input::Ingested { id: run.last_id(), feed, receipt: None }));
                }
                let line = self.sites[at].line.as_ref().context("a line that is up")?;
                let incarnation = line.incarnation.context("a greeting before a run")?;
                let upload = Upload { site: code, incarnation, run };
                self.inbox.push_back(Inbox { at, epoch: line.epoch, upload });
                None
            }
            hub_sync::Output::LoadDown(after) => Some(hub_sync::Input::Down(hub.load_down(&code, after)?)),
            hub_sync::Output::LoadFeed { after, manifest } => Some(hub.load_nation(after, manifest)?),
            hub_sync::Output::LoadPiece(fetch) => Some(hub_sync::Input::Piece(hub.load_piece(&fetch)?)),
            hub_sync::Output::LoadOwn { after, known } => {
                Some(hub_sync::Input::Own(hub.load_own(&code, after, &known)?))
            }
            hub_sync::Output::Enquire(_) => bail!("a question about booked places"),
            hub_sync::Output::Confirm(ask) => Some(hub_sync::Input::Confirmed(hub.confirm(&code, &ask, second)?)),
            hub_sync::Output::Key { number, secret } => {
                hub.take_key(&code, number, &secret, second)?;
                None
            }
            hub_sync::Output::Beacon { echo } => {
                let feed = Some(hub.feed_position()?);
                line.down.send(&Message::Beacon { echo, second, feed }, due_ms)?;
                None
            }
            hub_sync::Output::Close(close) => return Err(close).with_context(named),
        })
    }

    /// Whether a planted bug loses this run and says that it is on the disk.
    fn swallows(&mut self, run: &Run) -> Result<bool> {
        Ok(match self.knobs.plant {
            Some(Plant::AckWithoutDisk) => self.dice.once_in(4),
            Some(Plant::WithdrawalLost) => {
                let mut lost = false;
                for bytes in &run.entries {
                    lost |= matches!(entry::decode(bytes)?.fact, Fact::Withdrawal(_));
                }
                lost
            }
            _ => false,
        })
    }

    /// The hub's one writer takes what has come, in one transaction, and tells the lines that are still up.
    pub(super) fn ingest(&mut self, most: usize) -> Result<()> {
        let count = most.min(self.inbox.len());
        let taken: Vec<Inbox> = self.inbox.drain(..count).collect();
        let taken = self.tell_before(taken)?;
        if taken.is_empty() {
            return Ok(());
        }
        let uploads: Vec<Upload> = taken.iter().map(|inbox| inbox.upload.clone()).collect();
        let second = self.second();
        let outcomes = self.hub()?.ingest(&uploads, second)?;
        ensure!(outcomes.len() == uploads.len(), "one outcome a run");
        for (inbox, outcome) in taken.into_iter().zip(outcomes) {
            self.ingested(inbox, outcome)?;
        }
        self.hub_wrote()
    }

    fn ingested(&mut self, inbox: Inbox, outcome: Outcome) -> Result<()> {
        let Inbox { at, epoch, upload } = inbox;
        let input = match outcome {
            Outcome::Ingested { id, feed, receipt } => {
                self.delivered(&upload, feed)?;
                self.uploads.push(upload);
                hub_sync::Input::Ingested { id, feed, receipt: Some(receipt) }
            }
            Outcome::Quarantined { id: _, why } => bail!("a run of {} is kept aside: {why}", upload.site),
        };
        match &self.sites[at].line {
            Some(line) if line.epoch == epoch => self.tell_hub(at, input),
            // The line has gone meanwhile: the edge never hears of it.
            Some(_) | None => Ok(()),
        }
    }

    fn delivered(&mut self, upload: &Upload, feed: u64) -> Result<()> {
        let hub = self.hub()?.life();
        let start = upload.run.start.id;
        for (seq, _) in (start.seq..).zip(&upload.run.entries) {
            self.model.deliver(hub, EntryId { seq, ..start }, feed);
        }
        Ok(())
    }

    /// Every line hears that there is something new.
    pub(super) fn hub_wrote(&mut self) -> Result<()> {
        for site in &mut self.sites {
            if let Some(line) = &mut site.line {
                line.hub_grown = true;
            }
        }
        let hub = self.hub.as_ref().context("a hub that is running")?;
        self.model.hear(hub)
    }
}
