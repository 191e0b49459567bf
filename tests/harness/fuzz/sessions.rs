//! The session machines against a peer that may say anything, and against each other.
//!
//! The shell is ours and keeps its promises: it answers what it was asked, once. Only messages are free.

use std::collections::VecDeque;

use shared::ids::{ActorId, EntryId, Incarnation, SiteCode};
use shared::ledger::run::Run;
use shared::ledger::schema::Place;
use shared::sync::edge::{self, CONFIRMS_IN_FLIGHT_MAX, ENQUIRIES_IN_FLIGHT_MAX, LogPos, RUNS_IN_FLIGHT_MAX, Resumed};
use shared::sync::handshake::{Standing, welcome};
use shared::sync::hub::{self, GIVEN_IN_FLIGHT_MAX};
use shared::wire::v1::message::{Fetch, Message, Piece, Refused};

use super::choices::Choices;
use super::said::{self, SITE};

mod pair;

pub(super) use pair::pair;

const STEPS_MAX: usize = 400;

fn site() -> SiteCode {
    SITE.parse().expect("a site")
}

fn standing() -> Standing {
    Standing {
        site: site(),
        incarnation: Incarnation([1; 16]),
        hub_life: Incarnation([2; 16]),
        down: 0,
        feed: 0,
        life: None,
        manifest: Some(0),
    }
}

/// A run of one entry whose place in the log is its sequence number.
fn run(pos: LogPos) -> Run {
    let seq = u32::try_from(pos).unwrap_or(u32::MAX);
    let start = Place { id: EntryId { actor: ActorId([1; 16]), seq }, op: pos, deps: vec![] };
    Run {
        doc: "site/5931102274/2020-02-06".parse().expect("a document"),
        start,
        entries: vec![vec![1]],
        joints: vec![],
        last: shared::ids::ChangeHash([3; 32]),
        signature: None,
    }
}

/// What the edge's shell owes and has.
#[derive(Default)]
struct EdgeShell {
    session: edge::Session,
    dialled: bool,
    greeted: bool,
    closed: bool,
    resuming: bool,
    loading: Option<LogPos>,
    sent: VecDeque<LogPos>,
    log: LogPos,
    wanting: bool,
    keeping: bool,
    fetching: Option<Fetch>,
    asked: VecDeque<[u8; 16]>,
    enquired: VecDeque<[u8; 16]>,
}

/// The edge's machine in front of a hub that may be anybody.
pub(super) fn edge(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut shell = EdgeShell { log: u64::from(choices.byte()), ..EdgeShell::default() };
    for _ in 0..STEPS_MAX {
        if choices.is_empty() {
            break;
        }
        shell.step(&mut choices);
    }
}

impl EdgeShell {
    fn step(&mut self, choices: &mut Choices<'_>) {
        let input = match choices.below(8) {
            0 if !self.dialled => {
                self.dialled = true;
                edge::Input::Connected(standing())
            }
            1 if self.resuming => {
                self.resuming = false;
                let pos = choices.number() % (self.log + 1);
                edge::Input::Resumed(if choices.rarely() {
                    Resumed::Anew
                } else {
                    Resumed::Behind { pos, keys: vec![] }
                })
            }
            2 | 3 => match self.loading.take() {
                Some(after) => edge::Input::Loaded((after < self.log).then(|| (run(after + 1), after + 1))),
                None => edge::Input::Grown,
            },
            4 => {
                self.log += 1;
                edge::Input::Grown
            }
            5 if std::mem::take(&mut self.keeping) => edge::Input::Kept,
            5 if std::mem::take(&mut self.wanting) => edge::Input::Wanted(choices.flag().then(|| said::fetch(choices))),
            5 if choices.rarely() => edge::Input::Confirm(said::confirm(choices)),
            5 if choices.rarely() => edge::Input::Enquire(said::enquiry(choices)),
            5 => edge::Input::Ask { echo: choices.number() },
            // The hub answers what it was sent, or something else altogether.
            6 => self.answer(choices),
            _ => edge::Input::Message(said::message(choices)),
        };
        self.look(input);
    }

    fn answer(&self, choices: &mut Choices<'_>) -> edge::Input {
        let Some(pos) = self.sent.front() else {
            return edge::Input::Message(Message::Welcome(said::welcome(choices)));
        };
        let id = run(*pos).start.id;
        edge::Input::Message(match choices.below(3) {
            0 => Message::Refused(Refused { id: Some(id), why: String::new() }),
            _ => Message::Acked { id, feed: choices.number(), receipt: None },
        })
    }

    fn look(&mut self, input: edge::Input) {
        let said = match &input {
            edge::Input::Message(said) => Some(said.clone()),
            _ => None,
        };
        let outputs = self.session.handle(input);
        assert!(!self.closed || outputs.is_empty(), "closed, and it says {outputs:?}");
        for output in outputs {
            assert!(!self.closed, "behind the end: {output:?}");
            self.output(output, said.as_ref());
        }
        assert!(self.sent.len() <= RUNS_IN_FLIGHT_MAX, "{} runs in flight", self.sent.len());
        assert!(!self.session.is_open() || (self.dialled && self.greeted), "open without a greeting");
    }

    fn output(&mut self, output: edge::Output, said: Option<&Message>) {
        match output {
            edge::Output::Send(Message::Hello(hello)) => assert!(self.dialled && hello.site == SITE),
            edge::Output::Send(Message::Up(run)) => {
                assert!(self.session.is_open());
                self.sent.push_back(u64::from(run.start.id.seq));
            }
            edge::Output::Send(Message::Ask { .. }) => assert!(self.session.is_open()),
            edge::Output::Send(Message::Fetch(fetch)) => {
                assert!(self.session.is_open() && self.fetching.is_none(), "two pieces are asked for at once");
                self.fetching = Some(fetch);
            }
            edge::Output::Send(Message::Confirm(confirm)) => {
                self.asked.push_back(confirm.nonce);
                let few = self.asked.len() <= CONFIRMS_IN_FLIGHT_MAX;
                assert!(self.session.is_open() && few, "{} questions at once", self.asked.len());
            }
            edge::Output::Confirmed(confirmed) => {
                assert_eq!(self.asked.pop_front(), Some(confirmed.nonce), "an answer to nobody");
                assert_eq!(said, Some(&Message::Confirmed(confirmed)));
            }
            edge::Output::Send(Message::Enquiry(enquiry)) => {
                self.enquired.push_back(enquiry.nonce);
                let few = self.enquired.len() <= ENQUIRIES_IN_FLIGHT_MAX;
                assert!(self.session.is_open() && few, "{} questions at once", self.enquired.len());
            }
            edge::Output::Told(told) => {
                assert_eq!(self.enquired.pop_front(), Some(told.nonce), "an answer to nobody");
                assert_eq!(said, Some(&Message::Told(told)));
            }
            edge::Output::Send(other) => panic!("an edge says {other:?}"),
            edge::Output::Resume(_) => {
                assert!(self.dialled && !self.greeted, "a second greeting is taken");
                (self.greeted, self.resuming) = (true, true);
            }
            edge::Output::Load(after) => {
                assert!(self.loading.is_none(), "two runs are read at once");
                self.loading = Some(after);
            }
            edge::Output::Acked { upto, feed, receipt } => {
                let sent = self.sent.pop_front().expect("an acknowledgement of what was never sent");
                assert_eq!(sent, upto);
                let told = Message::Acked { id: run(upto).start.id, feed, receipt };
                assert_eq!(said, Some(&told), "acknowledged by nobody");
            }
            edge::Output::Quarantined { upto, .. } => {
                assert_eq!(self.sent.pop_front(), Some(upto));
                let named =
                    matches!(said, Some(Message::Refused(Refused { id: Some(id), .. })) if *id == run(upto).start.id);
                assert!(named, "set aside by nobody");
            }
            edge::Output::Down { .. }
            | edge::Output::Feed { .. }
            | edge::Output::Own { .. }
            | edge::Output::Manifest { .. }
            | edge::Output::Key { .. } => assert!(self.greeted, "taken from a stranger"),
            edge::Output::Want => self.wanting = true,
            edge::Output::Piece(piece) => {
                assert_eq!(said, Some(&Message::Piece(piece)), "a piece that nobody sent");
                assert!(self.fetching.take().is_some(), "a piece that nobody asked for");
                self.keeping = true;
            }
            edge::Output::Beacon { .. } => assert!(matches!(said, Some(Message::Beacon { .. }))),
            edge::Output::Close(_) => self.closed = true,
        }
    }
}

/// What the hub's shell owes and has.
struct HubShell {
    session: hub::Session,
    greeting: bool,
    open: bool,
    closed: bool,
    ingesting: VecDeque<EntryId>,
    answering: Option<EntryId>,
    loading: Option<hub::Output>,
    fetching: Option<Fetch>,
    given: u32,
    confirming: usize,
    enquiring: usize,
}

/// The hub's machine in front of an edge that may be anybody with a certificate.
pub(super) fn hub(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut shell = HubShell {
        session: hub::Session::new(site()),
        greeting: false,
        open: false,
        closed: false,
        ingesting: VecDeque::new(),
        answering: None,
        loading: None,
        fetching: None,
        given: 0,
        confirming: 0,
        enquiring: 0,
    };
    for _ in 0..STEPS_MAX {
        if choices.is_empty() {
            break;
        }
        shell.step(&mut choices);
    }
}

impl HubShell {
    fn step(&mut self, choices: &mut Choices<'_>) {
        let input = match choices.below(8) {
            0 if self.greeting => {
                (self.greeting, self.open) = (false, true);
                let welcome = welcome(Incarnation([2; 16]), 1_580_950_800, None, 0);
                let own = choices.flag().then(|| hub::OwnStanding {
                    after: choices.number(),
                    upto: choices.number(),
                    keys: vec![],
                });
                let manifest = choices.flag().then(|| choices.number());
                hub::Input::Greeted { welcome, down: choices.number(), feed: choices.number(), manifest, own }
            }
            1 if !self.ingesting.is_empty() => {
                self.answering = self.ingesting.pop_front();
                let id = self.answering.expect("one waits");
                match choices.flag() {
                    true => hub::Input::Ingested { id, feed: choices.number(), receipt: None },
                    false => hub::Input::Quarantined { id, why: "no".to_owned() },
                }
            }
            1 if self.confirming > 0 => {
                self.confirming -= 1;
                hub::Input::Confirmed(said::confirmed(choices))
            }
            1 if self.enquiring > 0 => {
                self.enquiring -= 1;
                hub::Input::Told(said::told(choices))
            }
            2 | 3 => match self.loading.take() {
                Some(hub::Output::LoadDown(after)) => {
                    hub::Input::Down(choices.flag().then(|| (run(1), after.saturating_add(1))))
                }
                Some(hub::Output::LoadFeed { manifest: Some(held), .. }) if choices.rarely() => {
                    let upto = choices.number();
                    hub::Input::Manifest { made: held.saturating_add(1), upto, signed: said::signed(choices) }
                }
                Some(hub::Output::LoadFeed { .. }) => hub::Input::Feed(said::parts(choices)),
                Some(hub::Output::LoadPiece(fetch)) => {
                    let bytes = choices.bytes(40).to_vec();
                    hub::Input::Piece(Piece { layer: fetch.layer, offset: fetch.offset, bytes })
                }
                Some(hub::Output::LoadOwn { after, .. }) => {
                    let pos = after.saturating_add(1);
                    let part = |given: bool| hub::OwnPart { pos, feed: 0, run: given.then(|| run(1)) };
                    hub::Input::Own(choices.flag().then(|| part(choices.flag())))
                }
                _ => hub::Input::Grown,
            },
            4 => hub::Input::Message(Message::Took),
            5 => hub::Input::Message(Message::Hello(said::hello(choices))),
            6 => hub::Input::Message(Message::Up(said::run(choices))),
            _ => hub::Input::Message(said::message(choices)),
        };
        self.look(input);
    }

    fn look(&mut self, input: hub::Input) {
        if matches!(input, hub::Input::Message(Message::Took)) {
            self.given = self.given.saturating_sub(1);
        }
        let outputs = self.session.handle(input);
        assert!(!self.closed || outputs.is_empty(), "closed, and it says {outputs:?}");
        for output in outputs {
            assert!(!self.closed, "behind the end: {output:?}");
            self.output(output);
        }
        self.answering = None;
        assert!(self.ingesting.len() <= RUNS_IN_FLIGHT_MAX, "{} runs wait", self.ingesting.len());
        assert!(self.given <= GIVEN_IN_FLIGHT_MAX, "{} are on their way down", self.given);
    }

    fn output(&mut self, output: hub::Output) {
        match output {
            hub::Output::Send(Message::Welcome(_)) => assert!(self.open),
            hub::Output::Send(Message::Acked { id, .. }) => {
                assert_eq!(self.answering.take(), Some(id), "acknowledged what was not ingested");
            }
            hub::Output::Send(Message::Refused(Refused { id, .. })) => assert_eq!(self.answering.take(), id),
            hub::Output::Send(
                Message::Down { .. } | Message::Feed { .. } | Message::Own { .. } | Message::Manifest { .. },
            ) => {
                assert!(self.open);
                self.given += 1;
            }
            hub::Output::Send(Message::Piece(_) | Message::Confirmed(_) | Message::Told(_)) => assert!(self.open),
            hub::Output::Enquire(_) => {
                self.enquiring += 1;
                assert!(self.open && self.enquiring <= ENQUIRIES_IN_FLIGHT_MAX);
            }
            hub::Output::Confirm(_) => {
                self.confirming += 1;
                assert!(self.open && self.confirming <= CONFIRMS_IN_FLIGHT_MAX);
            }
            hub::Output::Send(other) => panic!("a hub says {other:?}"),
            hub::Output::Greet(hello) => {
                assert!(!self.greeting && !self.open && hello.site == SITE, "greeted twice, or somebody else");
                self.greeting = true;
            }
            hub::Output::Ingest(run) => {
                assert!(self.open, "taken from a stranger");
                self.ingesting.push_back(run.start.id);
            }
            hub::Output::LoadPiece(fetch) => {
                assert!(self.open && self.fetching.is_none(), "two pieces are read at once");
                self.fetching = Some(fetch);
            }
            load @ (hub::Output::LoadDown(_) | hub::Output::LoadFeed { .. } | hub::Output::LoadOwn { .. }) => {
                assert!(self.open && self.loading.is_none(), "two are read at once");
                self.loading = Some(load);
            }
            hub::Output::Beacon { .. } | hub::Output::Key { .. } => assert!(self.open),
            hub::Output::Close(_) => self.closed = true,
        }
    }
}

/// A line that opens, sends and is answered; what a fuzzer begins with.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let opening = [20, 0, 6, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    let hub = [5, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let up = [6, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1];
    let given = [2, 1, 2, 1];
    vec![
        [opening.as_slice(), &[2; 24]].concat(),
        [opening.as_slice(), &[2, 6, 1, 0, 3].repeat(20)].concat(),
        [hub.as_slice(), &up.repeat(12)].concat(),
        [hub.as_slice(), &given.repeat(8), &[4, 2, 1, 1, 0, 0].repeat(8)].concat(),
        (0..60).collect(),
    ]
}
