//! The hub's half: it takes what an edge lacks to give, and gives what the edge lacks.

use super::handshake::judge_hello;
use super::{Close, edge};
use crate::ids::{EntryId, SiteCode};
use crate::ledger::run::Run;
use crate::wire::v1::message::{FeedPart, Hello, Message, Refused, Welcome};

/// Most `Down` and `Feed` on their way to one edge at once.
pub const GIVEN_IN_FLIGHT_MAX: u32 = 4;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A message came.
    Message(Message),
    /// The answer to [`Output::Greet`]: the greeting, and where to give from.
    Greeted {
        /// To send.
        welcome: Welcome,
        /// The edge has the hub's ledgers up to here.
        down: u64,
        /// The edge has the feed up to here.
        feed: u64,
    },
    /// The answer to [`Output::Ingest`]: on the disk, and counted at this position of the feed.
    Ingested {
        /// The run's last entry.
        id: EntryId,
        /// The feed's position behind it.
        feed: u64,
    },
    /// The answer to [`Output::Ingest`]: kept aside.
    Quarantined {
        /// The run's last entry.
        id: EntryId,
        /// What was wrong.
        why: String,
    },
    /// The hub's ledgers or the feed may have grown.
    Grown,
    /// The answer to [`Output::LoadDown`]: the next run and the position behind it, or the end.
    Down(Option<(Run, u64)>),
    /// The answer to [`Output::LoadFeed`]: the next batches, none at the end.
    Feed(Vec<FeedPart>),
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this.
    Send(Message),
    /// An edge greets; answer with [`Input::Greeted`].
    Greet(Hello),
    /// Put this on the disk; answer with [`Input::Ingested`] or [`Input::Quarantined`].
    Ingest(Run),
    /// Read the next of the hub's ledgers behind this position; answer with [`Input::Down`].
    LoadDown(u64),
    /// Read the next batch behind this position; answer with [`Input::Feed`].
    LoadFeed(u64),
    /// Answer with the time.
    Beacon {
        /// Send it back.
        echo: u64,
    },
    /// Send the reason, then end the line.
    Close(Close),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Greeting,
    Open,
    Closed,
}

/// Which of the two streams down is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing,
    Down,
    Feed,
}

/// The hub's side of one line.
#[derive(Debug)]
pub struct Session {
    site: SiteCode,
    phase: Phase,
    ingesting: usize,
    down: u64,
    feed: u64,
    more_down: bool,
    more_feed: bool,
    /// The last reading of the ledgers found nothing: the feed's turn, however often the hub grows.
    down_ended: bool,
    reading: Reading,
    given: u32,
}

impl Session {
    /// For an edge whose certificate names `site`.
    #[must_use]
    pub fn new(site: SiteCode) -> Self {
        Self {
            site,
            phase: Phase::Waiting,
            ingesting: 0,
            down: 0,
            feed: 0,
            more_down: true,
            more_feed: true,
            down_ended: false,
            reading: Reading::Nothing,
            given: 0,
        }
    }

    /// One step.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        match input {
            Input::Message(message) => self.message(message),
            Input::Greeted { welcome, down, feed } => {
                self.phase = Phase::Open;
                (self.down, self.feed) = (down, feed);
                let mut out = vec![Output::Send(Message::Welcome(welcome))];
                out.extend(self.give());
                out
            }
            Input::Ingested { id, feed } => {
                self.ingesting = self.ingesting.saturating_sub(1);
                vec![Output::Send(Message::Acked { id, feed })]
            }
            Input::Quarantined { id, why } => {
                self.ingesting = self.ingesting.saturating_sub(1);
                vec![Output::Send(Message::Refused(Refused { id: Some(id), why }))]
            }
            Input::Grown => {
                (self.more_down, self.more_feed) = (true, true);
                self.give()
            }
            Input::Down(next) => self.down_loaded(next),
            Input::Feed(parts) => self.feed_loaded(parts),
        }
    }

    fn message(&mut self, message: Message) -> Vec<Output> {
        match (self.phase, message) {
            (Phase::Waiting, Message::Hello(hello)) => match judge_hello(&hello, &self.site) {
                Ok(()) => {
                    self.phase = Phase::Greeting;
                    vec![Output::Greet(hello)]
                }
                Err(close) => self.close(close),
            },
            (Phase::Open, Message::Up(run)) => {
                self.ingesting += 1;
                if self.ingesting > edge::RUNS_IN_FLIGHT_MAX {
                    return self.close(Close::Flood);
                }
                vec![Output::Ingest(run)]
            }
            (Phase::Open, Message::Took) => match self.given.checked_sub(1) {
                Some(given) => {
                    self.given = given;
                    self.give()
                }
                None => self.close(Close::Unexpected("receipt")),
            },
            (Phase::Open, Message::Ask { echo }) => vec![Output::Beacon { echo }],
            (_, Message::Refused(Refused { why, .. })) => self.close(Close::Refused(why)),
            (
                Phase::Waiting | Phase::Greeting | Phase::Open | Phase::Closed,
                Message::Hello(_)
                | Message::Welcome(_)
                | Message::Up(_)
                | Message::Acked { .. }
                | Message::Down { .. }
                | Message::Feed { .. }
                | Message::Took
                | Message::Ask { .. }
                | Message::Beacon { .. },
            ) => self.close(Close::Unexpected("message from the edge")),
        }
    }

    /// The hub's ledgers before the feed: rules matter before people.
    fn give(&mut self) -> Vec<Output> {
        let may = self.phase == Phase::Open && self.reading == Reading::Nothing && self.given < GIVEN_IN_FLIGHT_MAX;
        if may && self.more_down && !(self.down_ended && self.more_feed) {
            (self.reading, self.more_down) = (Reading::Down, false);
            return vec![Output::LoadDown(self.down)];
        }
        if may && self.more_feed {
            (self.reading, self.more_feed, self.down_ended) = (Reading::Feed, false, false);
            return vec![Output::LoadFeed(self.feed)];
        }
        Vec::new()
    }

    fn down_loaded(&mut self, next: Option<(Run, u64)>) -> Vec<Output> {
        self.reading = Reading::Nothing;
        self.down_ended = next.is_none();
        let mut out = Vec::new();
        if let Some((run, pos)) = next {
            (self.down, self.more_down) = (pos, true);
            self.given += 1;
            out.push(Output::Send(Message::Down { pos, run }));
        }
        out.extend(self.give());
        out
    }

    fn feed_loaded(&mut self, parts: Vec<FeedPart>) -> Vec<Output> {
        self.reading = Reading::Nothing;
        let mut out = Vec::new();
        if let Some(last) = parts.last() {
            let after = std::mem::replace(&mut self.feed, last.upto);
            self.more_feed = true;
            self.given += 1;
            out.push(Output::Send(Message::Feed { after, parts }));
        }
        out.extend(self.give());
        out
    }

    fn close(&mut self, close: Close) -> Vec<Output> {
        self.phase = Phase::Closed;
        vec![Output::Close(close)]
    }
}
