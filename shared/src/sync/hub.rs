//! The hub's half: it takes what an edge lacks to give, and gives what the edge lacks.

use std::collections::BTreeMap;

use super::handshake::judge_hello;
use super::{Close, edge};
use crate::digest::Signed;
use crate::ids::{ActorId, EntryId, SiteCode};
use crate::ledger::run::Run;
use crate::seal::Secret;
use crate::sign::Receipt;
use crate::wire::v1::confirm::{Confirm, Confirmed};
use crate::wire::v1::enquiry::{Enquiry, Told};
use crate::wire::v1::life::KEYS_MAX;
use crate::wire::v1::message::{FeedPart, Fetch, Hello, Message, Piece, Refused, Welcome};

/// Most `Down`, `Feed` and `Own` on their way to one edge at once.
pub const GIVEN_IN_FLIGHT_MAX: u32 = 4;
/// Most actors of a site that a session remembers: every start and every day has one.
const KNOWN_MAX: usize = 64;

/// Of the other end's reason, in characters.
const WORDS_MAX: usize = 200;

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
        /// When the manifest that it holds was made; none where it takes none.
        manifest: Option<u64>,
        /// What only an edge of this version is given.
        own: Option<OwnStanding>,
    },
    /// The answer to [`Output::Ingest`]: on the disk, and counted at this position of the feed.
    Ingested {
        /// The run's last entry.
        id: EntryId,
        /// The feed's position behind it.
        feed: u64,
        /// The hub's signature for it.
        receipt: Option<Receipt>,
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
    /// The other answer to [`Output::LoadFeed`]: a newer manifest.
    Manifest {
        /// When it was made: each is later than the one before.
        made: u64,
        /// The position of the feed behind which it goes on.
        upto: u64,
        /// As it was signed.
        signed: Signed,
    },
    /// The answer to [`Output::LoadPiece`].
    Piece(Piece),
    /// The answer to [`Output::Confirm`], in the order of the questions.
    Confirmed(Confirmed),
    /// The answer to [`Output::Enquire`], in the order of the questions.
    Told(Told),
    /// The answer to [`Output::LoadOwn`]: the next run of the site's other lives, or the end.
    Own(Option<OwnPart>),
}

/// How much of its own ledgers a site is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnStanding {
    /// It has what other lives of its store wrote up to here.
    pub after: u64,
    /// The hub's journal is so long: when all has been given, the site has it up to here.
    pub upto: u64,
    /// The site's secrets that it lacks.
    pub keys: Vec<(u8, Secret)>,
}

/// A step through what a site's stores have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPart {
    /// The position behind it.
    pub pos: u64,
    /// The feed's position by which it is counted.
    pub feed: u64,
    /// The entries; none where the site knows all of them.
    pub run: Option<Run>,
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
    /// Read the next batch behind a position, or a newer manifest; answer with [`Input::Feed`] or
    /// [`Input::Manifest`].
    LoadFeed {
        /// The edge has the feed up to here.
        after: u64,
        /// When the manifest that it holds was made; none where it takes none.
        manifest: Option<u64>,
    },
    /// Read some bytes of a layer; answer with [`Input::Piece`].
    LoadPiece(Fetch),
    /// Read on in what the site's stores have written; answer with [`Input::Own`].
    LoadOwn {
        /// Behind this position.
        after: u64,
        /// The site knows these actors' entries up to these.
        known: Vec<EntryId>,
    },
    /// Keep this secret of the site.
    Key {
        /// Its number.
        number: u8,
        /// The secret.
        secret: Secret,
    },
    /// Look up what counts of somebody; answer with [`Input::Confirmed`].
    Confirm(Confirm),
    /// Find out about booked places; answer with [`Input::Told`].
    Enquire(Enquiry),
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

/// Which of the streams down is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing,
    Down,
    Own,
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
    own: u64,
    /// The position to be told once everything of the site's own has been given.
    own_upto: Option<u64>,
    gives_own: bool,
    /// Up to where the site knows its actors' entries: it has told so, or sent them itself.
    known: BTreeMap<ActorId, u32>,
    more_down: bool,
    more_own: bool,
    more_feed: bool,
    /// The last reading of the hub's ledgers, and of the site's own, found nothing: the feed's turn, however often the
    /// hub grows.
    down_ended: bool,
    own_ended: bool,
    reading: Reading,
    given: u32,
    keys: u8,
    /// When the manifest that the edge holds was made; none where it takes none.
    manifest: Option<u64>,
    /// Bytes of a layer are being read for it.
    fetching: bool,
    /// Questions about somebody that are being looked up for it.
    confirming: usize,
    /// Questions about booked places that are being answered.
    enquiring: usize,
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
            own: 0,
            own_upto: None,
            gives_own: false,
            known: BTreeMap::new(),
            more_down: true,
            more_own: true,
            more_feed: true,
            down_ended: false,
            own_ended: false,
            reading: Reading::Nothing,
            given: 0,
            keys: 0,
            manifest: None,
            fetching: false,
            confirming: 0,
            enquiring: 0,
        }
    }

    /// Whether growth would give it anything: one that confirms nothing of what it was given is given no more.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        self.phase == Phase::Open && self.given < GIVEN_IN_FLIGHT_MAX
    }

    /// One step.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        match input {
            Input::Message(message) => self.message(message),
            Input::Greeted { welcome, down, feed, manifest, own } => {
                self.phase = Phase::Open;
                (self.down, self.feed, self.manifest) = (down, feed, manifest);
                let mut out = vec![Output::Send(Message::Welcome(welcome))];
                out.extend(self.give_back(own));
                out.extend(self.give());
                out
            }
            Input::Ingested { id, feed, receipt } => {
                self.ingesting = self.ingesting.saturating_sub(1);
                vec![Output::Send(Message::Acked { id, feed, receipt })]
            }
            Input::Quarantined { id, why } => {
                self.ingesting = self.ingesting.saturating_sub(1);
                vec![Output::Send(Message::Refused(Refused { id: Some(id), why }))]
            }
            Input::Grown => {
                (self.more_down, self.more_own, self.more_feed) = (true, true, true);
                self.give()
            }
            Input::Down(next) => self.down_loaded(next),
            Input::Own(next) => self.own_loaded(next),
            Input::Feed(parts) => self.feed_loaded(parts),
            Input::Manifest { made, upto, signed } => self.manifest_loaded(made, upto, signed),
            Input::Piece(piece) => {
                self.fetching = false;
                vec![Output::Send(Message::Piece(piece))]
            }
            Input::Confirmed(confirmed) => {
                self.confirming = self.confirming.saturating_sub(1);
                vec![Output::Send(Message::Confirmed(confirmed))]
            }
            Input::Told(told) => {
                self.enquiring = self.enquiring.saturating_sub(1);
                vec![Output::Send(Message::Told(told))]
            }
        }
    }

    /// The site has an actor's entries up to this one.
    fn knows(&mut self, tip: EntryId) {
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&tip.actor) {
            // It would only hear something twice.
            self.known.clear();
        }
        let seq = self.known.entry(tip.actor).or_default();
        *seq = tip.seq.max(*seq);
    }

    /// Keys first: what other lives wrote was sealed under them.
    fn give_back(&mut self, own: Option<OwnStanding>) -> Vec<Output> {
        let Some(OwnStanding { after, upto, keys }) = own else {
            return Vec::new();
        };
        (self.own, self.own_upto, self.gives_own) = (after, Some(upto), true);
        keys.into_iter().map(|(number, secret)| Output::Send(Message::Key { number, secret })).collect()
    }

    fn message(&mut self, message: Message) -> Vec<Output> {
        match (self.phase, message) {
            (Phase::Waiting, Message::Hello(hello)) => match judge_hello(&hello, &self.site) {
                Ok(()) => {
                    self.phase = Phase::Greeting;
                    hello.life.iter().flat_map(|life| &life.tips).for_each(|tip| self.knows(*tip));
                    vec![Output::Greet(hello)]
                }
                Err(close) => self.close(close),
            },
            (Phase::Open, Message::Up(run)) => {
                self.ingesting += 1;
                if self.ingesting > edge::RUNS_IN_FLIGHT_MAX {
                    return self.close(Close::Flood);
                }
                self.knows(run.last_id());
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
            (Phase::Open, Message::Key { number, secret }) => {
                self.keys += 1;
                if usize::from(self.keys) > KEYS_MAX {
                    return self.close(Close::Flood);
                }
                vec![Output::Key { number, secret }]
            }
            (Phase::Open, Message::Fetch(fetch)) => {
                let few = !std::mem::replace(&mut self.fetching, true);
                self.unless_flood(few, Output::LoadPiece(fetch))
            }
            (Phase::Open, Message::Confirm(confirm)) => {
                self.confirming += 1;
                self.unless_flood(self.confirming <= edge::CONFIRMS_IN_FLIGHT_MAX, Output::Confirm(confirm))
            }
            (Phase::Open, Message::Enquiry(enquiry)) => {
                self.enquiring += 1;
                self.unless_flood(self.enquiring <= edge::ENQUIRIES_IN_FLIGHT_MAX, Output::Enquire(enquiry))
            }
            // It goes back to the other end and into the log: a megabyte of words would be both.
            (_, Message::Refused(Refused { why, .. })) => {
                self.close(Close::Refused(why.chars().take(WORDS_MAX).collect()))
            }
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
                | Message::Own { .. }
                | Message::Key { .. }
                | Message::Manifest { .. }
                | Message::Fetch(_)
                | Message::Piece(_)
                | Message::Confirm(_)
                | Message::Confirmed(_)
                | Message::Enquiry(_)
                | Message::Told(_)
                | Message::Beacon { .. },
            ) => self.close(Close::Unexpected("message from the edge")),
        }
    }

    /// What an honest edge asks, it asks a few at a time.
    fn unless_flood(&mut self, few: bool, output: Output) -> Vec<Output> {
        if few { vec![output] } else { self.close(Close::Flood) }
    }

    /// The hub's ledgers before the site's own, and those before the feed: rules matter before people.
    fn give(&mut self) -> Vec<Output> {
        let may = self.wants_more() && self.reading == Reading::Nothing;
        if may && self.more_down && !(self.down_ended && self.more_feed) {
            (self.reading, self.more_down) = (Reading::Down, false);
            return vec![Output::LoadDown(self.down)];
        }
        if may && self.more_own && self.gives_own && !(self.own_ended && self.more_feed) {
            (self.reading, self.more_own) = (Reading::Own, false);
            let known = self.known.iter().map(|(actor, seq)| EntryId { actor: *actor, seq: *seq });
            return vec![Output::LoadOwn { after: self.own, known: known.collect() }];
        }
        if may && let Some(upto) = self.own_upto.take_if(|upto| *upto > self.own) {
            self.given += 1;
            let mut out = vec![Output::Send(Message::Own { pos: upto, feed: self.feed, run: None })];
            out.extend(self.give());
            return out;
        }
        if may && self.more_feed {
            (self.reading, self.more_feed) = (Reading::Feed, false);
            (self.down_ended, self.own_ended) = (false, false);
            return vec![Output::LoadFeed { after: self.feed, manifest: self.manifest }];
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

    fn own_loaded(&mut self, next: Option<OwnPart>) -> Vec<Output> {
        self.reading = Reading::Nothing;
        self.own_ended = next.is_none();
        let mut out = Vec::new();
        if let Some(OwnPart { pos, feed, run }) = next {
            (self.own, self.more_own) = (pos, true);
            if run.is_some() {
                self.given += 1;
                out.push(Output::Send(Message::Own { pos, feed, run }));
            }
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

    /// Behind a manifest the feed goes on where it ends, also where the edge had less.
    fn manifest_loaded(&mut self, made: u64, upto: u64, signed: Signed) -> Vec<Output> {
        self.reading = Reading::Nothing;
        (self.manifest, self.more_feed) = (Some(made), true);
        self.feed = self.feed.max(upto);
        self.given += 1;
        let mut out = vec![Output::Send(Message::Manifest { upto, signed })];
        out.extend(self.give());
        out
    }

    fn close(&mut self, close: Close) -> Vec<Output> {
        self.phase = Phase::Closed;
        vec![Output::Close(close)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_a_megabyte_is_not_said_again() {
        let mut session = Session::new("5931102274".parse().unwrap());
        let why = "a".repeat(1_000_000);
        let out = session.handle(Input::Message(Message::Refused(Refused { id: None, why })));
        assert_eq!(out, [Output::Close(Close::Refused("a".repeat(WORDS_MAX)))]);
    }
}
