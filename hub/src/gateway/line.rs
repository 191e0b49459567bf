//! One line: bytes to messages, messages to the session, what the session wants to the mailbox.
//!
//! Three tasks: one reads (`listen`), this one decides, one writes, so that an edge which does not read
//! cannot keep the hub from reading. Between them lie short queues; whoever fills the last is closed.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream};
use shared::ids::Incarnation;
use shared::sync::edge::{CONFIRMS_IN_FLIGHT_MAX, RUNS_IN_FLIGHT_MAX};
use shared::sync::hub::{Input, Output, Session};
use shared::wire::v1::enquiry::{Answered, Told};
use shared::wire::v1::frame;
use shared::wire::v1::message::{Hello, Message, Refused};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::arrivals::{NOT_CURRENT, PATIENCE, close};
use super::lines::Entry;
use super::listen::{Ear, Heard, SHORT_BYTES_MAX, listen, patience, room_for};
use super::{Desk, GOODBYE, SEND_WINDOW_BYTES, WINDOW_BYTES, code};
use crate::mailbox::{Answer, Caller, Growth, Standing, Stopped};
use crate::opendata::smart::SILENT_AFTER_S;

/// More than a session asks for at once: its runs in flight, its questions about somebody, one greeting, one thing to
/// read, one piece of a digest.
const ANSWERS_MAX: usize = 32;
/// Messages that wait to be written: above every acknowledgement and gift that can be on its way.
const WAITING_MESSAGES_MAX: usize = 64;

/// Questions of one line that are answered in a second: an edge asks for the time a few times a minute, and about a
/// person when one stands there.
const ASKS_PER_S: u32 = 16;
const ASKED_ANEW: Duration = Duration::from_secs(1);
/// An open line that brings nothing is heard all the same, so often in seconds: who has been silent for
/// [`SILENT_AFTER_S`] is offline.
const HEARD_EVERY_S: i64 = 300;

const _: () = assert!(HEARD_EVERY_S * 2 < SILENT_AFTER_S, "an open line is never silent");
const _: () =
    assert!(ANSWERS_MAX > RUNS_IN_FLIGHT_MAX + CONFIRMS_IN_FLIGHT_MAX + 3, "the owner never waits for a line");

/// How a line ends.
#[derive(Debug)]
pub(super) struct End {
    code: u32,
    why: String,
}

impl End {
    pub(super) fn new(code: u32, why: impl Display) -> Self {
        Self { code, why: why.to_string() }
    }

    pub(super) fn bad(why: impl Display) -> Self {
        Self::new(code::PROTOCOL, why)
    }
}

impl From<Stopped> for End {
    fn from(stopped: Stopped) -> Self {
        Self::new(code::STOPPING, stopped)
    }
}

struct Line<'a> {
    desk: Desk,
    caller: Caller,
    entry: &'a Entry,
    incarnation: Option<Incarnation>,
    session: Session,
    answers: mpsc::Sender<Answer>,
    out: mpsc::Sender<Message>,
    connection: &'a Connection,
    /// Once a run of this line has been taken, if enough of the wide windows are left.
    wide: Option<OwnedSemaphorePermit>,
    /// Since when, and how many questions were answered since.
    asked: (Instant, u32),
    /// When the hub was told last that this line is there.
    heard: i64,
}

/// Serves a line of a caller whose certificate has been judged, to its end.
pub(super) async fn serve(connection: Connection, caller: Caller, desk: Desk) {
    let Ok(Ok((send, recv))) = tokio::time::timeout(PATIENCE, connection.accept_bi()).await else {
        return close(&connection, code::PROTOCOL, "no stream was opened");
    };
    let counters = desk.hub.counters().clone();
    let entry = desk.lines.enter(caller, connection.clone());
    tracing::info!(site = %caller.site, from = %connection.remote_address(), "line open");
    let (out, waiting) = mpsc::channel(WAITING_MESSAGES_MAX);
    let writing = tokio::spawn(write(send, waiting, desk.room.sent.clone()));
    let manners = desk.manners.clone();
    let end = read(desk, (caller, &entry), (&connection, recv), out).await;
    if end.code == code::PROTOCOL {
        counters.refused.add(1);
        manners.bad(caller.site, Instant::now());
    }
    tracing::info!(site = %caller.site, why = %end.why, "line closed");
    finish(&connection, writing, &end).await;
    drop(entry);
}

/// What is still to be said is said, unless the edge does not listen.
async fn finish(connection: &Connection, mut writing: JoinHandle<()>, end: &End) {
    if tokio::time::timeout(GOODBYE, &mut writing).await.is_err() {
        writing.abort();
    }
    close(connection, end.code, &end.why);
}

async fn write(mut send: SendStream, mut waiting: mpsc::Receiver<Message>, room: Arc<Semaphore>) {
    while let Some(message) = waiting.recv().await {
        let frame = match frame::encode(&message) {
            Ok(frame) => frame,
            Err(cause) => return tracing::error!(%cause, "a message does not fit in a frame"),
        };
        drop(message);
        // Long frames that nobody reads are bounded over all lines; an answer is short and waits for none.
        let _room = match frame.len() {
            ..=SHORT_BYTES_MAX => None,
            long => match room_for(&room, long).await {
                Some(permit) => Some(permit),
                None => return tracing::info!("a line was given up: too much waits to be read"),
            },
        };
        match timeout(patience(frame.len()), send.write_all(&frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                // Without this the stream would be finished, and what is left sent for ever.
                let _ = send.reset(quinn::VarInt::from_u32(code::PROTOCOL));
                return tracing::info!("a line was given up: the edge does not read");
            }
        }
    }
    if send.finish().is_ok() {
        // Until the edge has it all, or is gone.
        let _ = send.stopped().await;
    }
}

async fn read(
    desk: Desk,
    who: (Caller, &Entry),
    (connection, recv): (&Connection, RecvStream),
    out: mpsc::Sender<Message>,
) -> End {
    let (caller, entry) = who;
    let (answers, mut answered) = mpsc::channel(ANSWERS_MAX);
    let mut growth = desk.told.of(entry.number());
    let (heard, mut messages) = mpsc::channel(1);
    // Dropped with this future: a line that ends leaves no task behind.
    let mut listening = JoinSet::new();
    let (manners, room) = (desk.manners.clone(), desk.room.clone());
    listening.spawn(listen(recv, Ear { site: caller.site, manners, room, messages: heard }));
    let session = Session::new(caller.site);
    let mut line = Line {
        desk,
        caller,
        entry,
        incarnation: None,
        session,
        answers,
        out,
        connection,
        wide: None,
        asked: (Instant::now(), 0),
        heard: 0,
    };
    let greeted_by = Instant::now() + PATIENCE;
    loop {
        let quiet = line.quiet_until();
        let step = tokio::select! {
            message = messages.recv(), if quiet.is_none() => match message {
                // Its room is given back once the mailbox has it.
                Some(Heard { message, _room }) => line.step(Input::Message(message)).await,
                None => Err(ended(&mut listening).await),
            },
            () = sleep_until(quiet.unwrap_or(greeted_by)), if quiet.is_some() => Ok(()),
            Some(answer) = answered.recv() => line.answered(answer).await,
            () = sleep_until(greeted_by), if line.incarnation.is_none() => Err(End::bad("no greeting came")),
            // Who takes nothing is not woken: thousands of such lines would be, at every commit.
            grown = next(&mut growth), if line.session.wants_more() => match grown {
                Ok(()) => line.step(Input::Grown).await,
                Err(stopped) => Err(stopped.into()),
            },
            () = line.out.closed() => Err(End::bad("the edge does not read")),
        };
        if let Err(end) = step {
            return end;
        }
    }
}

/// Why nothing more comes.
async fn ended(listening: &mut JoinSet<End>) -> End {
    let end = listening.join_next().await;
    end.and_then(Result::ok).unwrap_or_else(|| End::new(code::TROUBLE, "the hub is in trouble; try again later"))
}

async fn next(growth: &mut watch::Receiver<Growth>) -> Result<(), Stopped> {
    growth.changed().await.map_err(|_| Stopped)
}

impl Line<'_> {
    /// Where the site sent what cannot be taken, it is not heard for a while; what it is owed goes out.
    fn quiet_until(&self) -> Option<Instant> {
        let (since, count) = self.asked;
        let asked = (count >= ASKS_PER_S).then_some(since + ASKED_ANEW).filter(|until| *until > Instant::now());
        self.desk.manners.heard_at(&self.caller.site, Instant::now()).max(asked)
    }

    /// One more question: whoever asks without end is heard again only in the next second.
    fn was_asked(&mut self) {
        let now = Instant::now();
        let (since, count) = self.asked;
        self.asked = if now.duration_since(since) >= ASKED_ANEW { (now, 1) } else { (since, count + 1) };
    }

    async fn answered(&mut self, answer: Answer) -> Result<(), End> {
        match answer {
            Answer::Input(input) => {
                if matches!(input, Input::Quarantined { .. }) {
                    self.desk.manners.bad(self.caller.site, Instant::now());
                }
                if matches!(input, Input::Ingested { .. }) {
                    self.widen();
                }
                if let Input::Confirmed(confirmed) = &input {
                    let counters = self.desk.hub.counters();
                    counters.confirmed.add(u64::from(confirmed.purchases.is_some()));
                    counters.not_confirmed.add(u64::from(confirmed.purchases.is_none()));
                }
                // What was lent stands in the site's desk: whoever waits for it does not wait for the next round of growth.
                let lent = matches!(&input, Input::Told(Told { answer: Answered::Places { lent: 1.., .. }, .. }));
                self.step(input).await?;
                if lent { self.step(Input::Grown).await } else { Ok(()) }
            }
            Answer::NotCurrent => Err(End::new(code::NOT_CURRENT, NOT_CURRENT)),
            Answer::Trouble => Err(End::new(code::TROUBLE, "the hub is in trouble; try again later")),
        }
    }

    /// A line that has brought something good gets wide windows, as long as there are any.
    fn widen(&mut self) {
        if self.wide.is_none()
            && let Ok(one) = self.desk.room.wide.clone().try_acquire_owned()
        {
            self.connection.set_receive_window(quinn::VarInt::from_u32(WINDOW_BYTES));
            self.connection.set_send_window(SEND_WINDOW_BYTES);
            self.wide = Some(one);
        }
    }

    async fn step(&mut self, input: Input) -> Result<(), End> {
        for output in self.session.handle(input) {
            self.carry_out(output).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, output: Output) -> Result<(), End> {
        match output {
            Output::Send(message) => self.send(message),
            Output::Greet(hello) => self.greet(hello).await,
            Output::Ingest(run) => {
                let incarnation = self.incarnation.ok_or_else(|| End::bad("a run before the greeting"))?;
                Ok(self.desk.hub.upload(self.caller, incarnation, run, self.answers.clone()).await?)
            }
            Output::LoadDown(after) => {
                let site = self.caller.site;
                let load =
                    move |hub: &mut crate::hub::Hub| Ok(Answer::Input(Input::Down(hub.load_down(&site, after)?)));
                Ok(self.desk.hub.post(self.answers.clone(), load).await?)
            }
            Output::LoadFeed { after, manifest } => {
                let load = move |hub: &mut crate::hub::Hub| Ok(Answer::Input(hub.load_nation(after, manifest)?));
                Ok(self.desk.hub.post(self.answers.clone(), load).await?)
            }
            Output::LoadPiece(fetch) => {
                let load = move |hub: &mut crate::hub::Hub| Ok(Answer::Input(Input::Piece(hub.load_piece(&fetch)?)));
                Ok(self.desk.hub.post(self.answers.clone(), load).await?)
            }
            Output::Confirm(ask) => {
                self.was_asked();
                let (site, second) = (self.caller.site, self.desk.clock.second());
                let look = move |hub: &mut crate::hub::Hub| {
                    Ok(Answer::Input(Input::Confirmed(hub.confirm(&site, &ask, second)?)))
                };
                Ok(self.desk.hub.post(self.answers.clone(), look).await?)
            }
            Output::Enquire(ask) => {
                self.was_asked();
                let life = self.incarnation.ok_or_else(|| End::bad("a question before the greeting"))?;
                let (site, second) = (self.caller.site, self.desk.clock.second());
                let answer = move |hub: &mut crate::hub::Hub| {
                    Ok(Answer::Input(Input::Told(hub.enquire(&site, &life, &ask, second)?)))
                };
                Ok(self.desk.hub.post(self.answers.clone(), answer).await?)
            }
            Output::LoadOwn { after, known } => {
                let site = self.caller.site;
                let load =
                    move |hub: &mut crate::hub::Hub| Ok(Answer::Input(Input::Own(hub.load_own(&site, after, &known)?)));
                Ok(self.desk.hub.post(self.answers.clone(), load).await?)
            }
            Output::Key { number, secret } => {
                let (site, second) = (self.caller.site, self.desk.clock.second());
                let kept = self.desk.hub.call(move |hub| hub.take_key(&site, number, &secret, second)).await?;
                kept.map_err(|cause| End::new(code::TROUBLE, cause))
            }
            Output::Beacon { echo } => {
                self.was_asked();
                let (feed, second) = (Some(self.desk.hub.feed()), self.desk.clock.second());
                self.still_there(second).await?;
                self.send(Message::Beacon { echo, second, feed })
            }
            Output::Close(cause) => {
                let why = cause.to_string();
                self.send(Message::Refused(Refused { id: None, why: why.clone() }))?;
                Err(End::bad(why))
            }
        }
    }

    /// The hub hears now and then of a line that only asks for the time.
    async fn still_there(&mut self, second: i64) -> Result<(), End> {
        let Some(life) = self.incarnation else { return Ok(()) };
        if (0..HEARD_EVERY_S).contains(&(second - self.heard)) {
            return Ok(());
        }
        let site = self.caller.site;
        self.heard = second;
        let heard = self.desk.hub.call(move |hub| hub.heard(&site, &life, second)).await?;
        heard.map_err(|cause| End::new(code::TROUBLE, cause))
    }

    fn send(&self, message: Message) -> Result<(), End> {
        self.out.try_send(message).map_err(|full| match full {
            mpsc::error::TrySendError::Full(_) => End::bad("the edge asks without reading"),
            mpsc::error::TrySendError::Closed(_) => End::new(code::DONE, "the edge does not read any more"),
        })
    }

    async fn greet(&mut self, hello: Hello) -> Result<(), End> {
        self.incarnation = Some(hello.incarnation);
        if let Some(life) = &hello.life {
            self.entry.greeted(hello.incarnation, life.boot);
        }
        let (caller, second) = (self.caller, self.desk.clock.second());
        self.heard = second;
        let greet = move |hub: &mut crate::hub::Hub| {
            match Standing::of(hub, &caller) {
                Standing::Current => {}
                Standing::NotCurrent => return Ok(Answer::NotCurrent),
                Standing::Unknown => return Ok(Answer::Trouble),
            }
            let greeting = hub.greet(&caller.site, &hello, second)?;
            let crate::hub::Greeting { welcome, down, feed, manifest, own } = greeting;
            Ok(Answer::Input(Input::Greeted { welcome, down, feed, manifest, own }))
        };
        Ok(self.desk.hub.post(self.answers.clone(), greet).await?)
    }
}
