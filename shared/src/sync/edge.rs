//! The edge's half: it dials, sends what the hub lacks, oldest first, and takes what comes down.

use std::collections::VecDeque;

use super::Close;
use super::handshake::{Standing, hello, judge_welcome};
use crate::digest::Signed;
use crate::ids::EntryId;
use crate::ledger::run::Run;
use crate::seal::Secret;
use crate::sign::Receipt;
use crate::wire::v1::confirm::{Confirm, Confirmed};
use crate::wire::v1::enquiry::{Enquiry, Told};
use crate::wire::v1::message::{FeedPart, Fetch, Message, Piece, Refused, Welcome};

/// Most runs on their way up at once.
pub const RUNS_IN_FLIGHT_MAX: usize = 8;
/// Most runs that the hub refused in one session before the edge gives up.
const REFUSED_MAX: u32 = 16;

/// Most questions about purchases on their way to the hub at once.
pub const CONFIRMS_IN_FLIGHT_MAX: usize = 4;
/// Most questions about booked places on their way to the hub at once.
pub const ENQUIRIES_IN_FLIGHT_MAX: usize = 4;

/// A position in the edge's own log: the number of its entries up to and with this one.
pub type LogPos = u64;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The line is up.
    Connected(Standing),
    /// A message came.
    Message(Message),
    /// The answer to [`Output::Resume`].
    Resumed(Resumed),
    /// The answer to [`Output::Load`]: the next run and the position of its last entry, or the end.
    Loaded(Option<(Run, LogPos)>),
    /// The node wrote new entries.
    Grown,
    /// What came down with one `Down`, `Feed`, `Own` or `Manifest` is on the disk.
    Took,
    /// A piece is on the disk.
    Kept,
    /// The answer to [`Output::Want`]: which bytes of a layer are wanted next, if any.
    Wanted(Option<Fetch>),
    /// Time for another look at the hub's clock; `echo` comes back with it.
    Ask {
        /// Tells this question from the others.
        echo: u64,
    },
    /// Ask the hub about somebody; only where [`Session::confirms`].
    Confirm(Confirm),
    /// Ask the hub about booked places; only where [`Session::enquires`].
    Enquire(Enquiry),
}

/// Where the exchange goes on after the greetings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resumed {
    /// The hub has everything up to here.
    Behind {
        /// Up to here.
        pos: LogPos,
        /// Secrets of the site that the hub lacks.
        keys: Vec<(u8, Secret)>,
    },
    /// The store has begun a new life: dial again.
    Anew,
}

impl Resumed {
    /// Up to where the hub has the log; none in a new life.
    #[must_use]
    pub fn pos(&self) -> Option<LogPos> {
        match self {
            Self::Behind { pos, keys: _ } => Some(*pos),
            Self::Anew => None,
        }
    }
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this.
    Send(Message),
    /// Find out from the greeting where the hub stands; answer with [`Input::Resumed`].
    Resume(Welcome),
    /// Read the next run behind this position; answer with [`Input::Loaded`].
    Load(LogPos),
    /// The hub has everything up to here on its disk, counted at this position of the feed.
    Acked {
        /// Up to here.
        upto: LogPos,
        /// The feed's position.
        feed: u64,
        /// The hub's signature for the last of it.
        receipt: Option<Receipt>,
    },
    /// The hub did not take a run; it keeps it aside, and says why.
    Quarantined {
        /// Up to here.
        upto: LogPos,
        /// For the log and the operator.
        why: String,
    },
    /// Keep this; answer with [`Input::Took`].
    Down {
        /// The hub's journal position behind it.
        pos: u64,
        /// The entries.
        run: Run,
    },
    /// Keep this; answer with [`Input::Took`].
    Feed {
        /// The position before it.
        after: u64,
        /// Consecutive batches.
        parts: Vec<FeedPart>,
    },
    /// Keep what another life of this store wrote, or only the position; answer with [`Input::Took`].
    Own {
        /// The hub's journal position behind it.
        pos: u64,
        /// The feed's position by which it is counted.
        feed: u64,
        /// The entries.
        run: Option<Run>,
    },
    /// Keep which digests there are; answer with [`Input::Took`].
    Manifest {
        /// The position of the feed behind which it goes on.
        upto: u64,
        /// As the hub signed it.
        signed: Signed,
    },
    /// Say which bytes of a layer are wanted next; answer with [`Input::Wanted`].
    Want,
    /// Keep some bytes of a layer; answer with [`Input::Kept`].
    Piece(Piece),
    /// Keep a secret of the site that another machine of it brought.
    Key {
        /// Its number.
        number: u8,
        /// The secret.
        secret: Secret,
    },
    /// The hub's time.
    Beacon {
        /// Of the question.
        echo: u64,
        /// Seconds since 1970.
        second: i64,
        /// How long the hub's feed was then.
        feed: Option<u64>,
    },
    /// What the hub says to the oldest [`Input::Confirm`].
    Confirmed(Confirmed),
    /// What the hub says to the oldest [`Input::Enquire`].
    Told(Told),
    /// End the line.
    Close(Close),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Dialling,
    Greeting,
    Resuming,
    Open,
    Closed,
}

/// The edge's side of one line.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    loaded: LogPos,
    loading: bool,
    more: bool,
    in_flight: VecDeque<(EntryId, LogPos)>,
    refused: u32,
    /// The bytes of a layer that were asked for: one question at a time, so that they never stand in the way.
    fetching: Option<Fetch>,
    /// They came and are not on the disk yet.
    keeping: bool,
    /// The hub takes questions about somebody.
    takes_confirms: bool,
    /// Those that were asked.
    confirming: VecDeque<[u8; 16]>,
    /// The hub takes questions about booked places.
    takes_enquiries: bool,
    /// Those that were asked.
    enquiring: VecDeque<[u8; 16]>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            phase: Phase::Dialling,
            loaded: 0,
            loading: false,
            more: true,
            in_flight: VecDeque::new(),
            refused: 0,
            fetching: None,
            keeping: false,
            takes_confirms: false,
            confirming: VecDeque::new(),
            takes_enquiries: false,
            enquiring: VecDeque::new(),
        }
    }
}

impl Session {
    /// Whether both greetings are through.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the hub can be asked about somebody now.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.is_open() && self.takes_confirms && self.confirming.len() < CONFIRMS_IN_FLIGHT_MAX
    }

    /// Whether the hub can be asked about booked places now.
    #[must_use]
    pub fn enquires(&self) -> bool {
        self.is_open() && self.takes_enquiries && self.enquiring.len() < ENQUIRIES_IN_FLIGHT_MAX
    }

    /// One step.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        match input {
            Input::Connected(standing) => {
                self.phase = Phase::Greeting;
                vec![Output::Send(Message::Hello(hello(standing)))]
            }
            Input::Message(message) => self.message(message),
            Input::Resumed(Resumed::Behind { pos, keys }) => {
                self.phase = Phase::Open;
                self.loaded = pos;
                let give = |(number, secret)| Output::Send(Message::Key { number, secret });
                let mut out: Vec<Output> = keys.into_iter().map(give).collect();
                out.extend(self.load());
                out.push(Output::Want);
                out
            }
            Input::Resumed(Resumed::Anew) => self.close(Close::Anew),
            Input::Loaded(next) => self.loaded(next),
            Input::Grown => {
                self.more = true;
                self.load()
            }
            Input::Took => vec![Output::Send(Message::Took)],
            Input::Wanted(wanted) => self.wanted(wanted),
            Input::Kept => {
                self.keeping = false;
                vec![Output::Want]
            }
            Input::Ask { echo } if self.phase == Phase::Open => vec![Output::Send(Message::Ask { echo })],
            Input::Ask { .. } => Vec::new(),
            Input::Confirm(confirm) => self.confirm(confirm),
            Input::Enquire(enquiry) => self.enquire(enquiry),
        }
    }

    fn message(&mut self, message: Message) -> Vec<Output> {
        match (self.phase, message) {
            (Phase::Greeting, Message::Welcome(welcome)) => match judge_welcome(&welcome) {
                Ok(()) => {
                    self.phase = Phase::Resuming;
                    self.takes_confirms = welcome.life.is_some_and(|hub| hub.confirms);
                    self.takes_enquiries = welcome.life.is_some_and(|hub| hub.booking);
                    vec![Output::Resume(welcome)]
                }
                Err(close) => self.close(close),
            },
            (_, Message::Refused(Refused { id: None, why })) => self.close(Close::Refused(why)),
            (Phase::Open, Message::Refused(Refused { id: Some(id), why })) => self.quarantined(id, why),
            (Phase::Open, Message::Acked { id, feed, receipt }) => self.acked(id, feed, receipt),
            (Phase::Open | Phase::Resuming, Message::Down { pos, run }) => vec![Output::Down { pos, run }],
            (Phase::Open | Phase::Resuming, Message::Feed { after, parts }) => {
                vec![Output::Feed { after, parts }]
            }
            (Phase::Open | Phase::Resuming, Message::Own { pos, feed, run }) => vec![Output::Own { pos, feed, run }],
            (Phase::Open | Phase::Resuming, Message::Key { number, secret }) => vec![Output::Key { number, secret }],
            (Phase::Open | Phase::Resuming, Message::Manifest { upto, signed }) => {
                vec![Output::Manifest { upto, signed }, Output::Want]
            }
            (Phase::Open, Message::Piece(piece)) => self.piece(piece),
            (Phase::Open, Message::Confirmed(confirmed)) => self.confirmed(confirmed),
            (Phase::Open, Message::Told(told)) => self.told(told),
            (_, Message::Beacon { echo, second, feed }) => vec![Output::Beacon { echo, second, feed }],
            (
                Phase::Dialling | Phase::Greeting | Phase::Resuming | Phase::Open | Phase::Closed,
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
                | Message::Refused(_),
            ) => self.close(Close::Unexpected("message from the hub")),
        }
    }

    fn wanted(&mut self, wanted: Option<Fetch>) -> Vec<Output> {
        if self.phase != Phase::Open || self.fetching.is_some() || self.keeping {
            return Vec::new();
        }
        self.fetching = wanted;
        wanted.map(|fetch| Output::Send(Message::Fetch(fetch))).into_iter().collect()
    }

    /// What was asked for, and no more of it.
    fn piece(&mut self, piece: Piece) -> Vec<Output> {
        let asked = self.fetching.take_if(|asked| {
            let fits = u32::try_from(piece.bytes.len()).is_ok_and(|len| len <= asked.most);
            (asked.layer, asked.offset) == (piece.layer, piece.offset) && fits
        });
        if asked.is_some() {
            self.keeping = true;
            vec![Output::Piece(piece)]
        } else {
            self.close(Close::Unexpected("piece of a digest"))
        }
    }

    fn confirm(&mut self, confirm: Confirm) -> Vec<Output> {
        if !self.confirms() {
            return Vec::new();
        }
        self.confirming.push_back(confirm.nonce);
        vec![Output::Send(Message::Confirm(confirm))]
    }

    fn confirmed(&mut self, confirmed: Confirmed) -> Vec<Output> {
        if self.confirming.pop_front() == Some(confirmed.nonce) {
            vec![Output::Confirmed(confirmed)]
        } else {
            self.close(Close::Unexpected("confirmation"))
        }
    }

    fn enquire(&mut self, enquiry: Enquiry) -> Vec<Output> {
        if !self.enquires() {
            return Vec::new();
        }
        self.enquiring.push_back(enquiry.nonce);
        vec![Output::Send(Message::Enquiry(enquiry))]
    }

    fn told(&mut self, told: Told) -> Vec<Output> {
        if self.enquiring.pop_front() == Some(told.nonce) {
            vec![Output::Told(told)]
        } else {
            self.close(Close::Unexpected("answer about booked places"))
        }
    }

    fn load(&mut self) -> Vec<Output> {
        let may = self.phase == Phase::Open && self.more && !self.loading;
        if !may || self.in_flight.len() >= RUNS_IN_FLIGHT_MAX {
            return Vec::new();
        }
        self.loading = true;
        self.more = false;
        vec![Output::Load(self.loaded)]
    }

    fn loaded(&mut self, next: Option<(Run, LogPos)>) -> Vec<Output> {
        self.loading = false;
        let Some((run, upto)) = next else {
            return self.load();
        };
        self.in_flight.push_back((run.last_id(), upto));
        self.loaded = upto;
        self.more = true;
        let mut out = vec![Output::Send(Message::Up(run))];
        out.extend(self.load());
        out
    }

    fn acked(&mut self, id: EntryId, feed: u64, receipt: Option<Receipt>) -> Vec<Output> {
        match self.in_flight.pop_front() {
            Some((sent, upto)) if sent == id => {
                let mut out = vec![Output::Acked { upto, feed, receipt }];
                out.extend(self.load());
                out
            }
            _ => self.close(Close::Unexpected("acknowledgement")),
        }
    }

    fn quarantined(&mut self, id: EntryId, why: String) -> Vec<Output> {
        self.refused += 1;
        match self.in_flight.pop_front() {
            Some((sent, upto)) if sent == id && self.refused <= REFUSED_MAX => {
                let mut out = vec![Output::Quarantined { upto, why }];
                out.extend(self.load());
                out
            }
            _ => self.close(Close::Refused(why)),
        }
    }

    fn close(&mut self, close: Close) -> Vec<Output> {
        self.phase = Phase::Closed;
        vec![Output::Close(close)]
    }
}
