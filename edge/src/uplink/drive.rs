//! Drives the exchange over one connection: bytes in, frames out, everything kept before it is
//! answered.
//!
//! One stream. A task cuts what comes into messages, a task writes frames; both queues are bounded
//! and the protocol itself bounds what can stand in them (`RUNS_IN_FLIGHT_MAX`, a few questions).

use std::collections::VecDeque;
use std::time::Duration;

use quinn::{Connection, RecvStream, SendStream, VarInt};
use shared::sync::edge::{CONFIRMS_IN_FLIGHT_MAX, ENQUIRIES_IN_FLIGHT_MAX, Input, Output, RUNS_IN_FLIGHT_MAX, Session};
use shared::wire::v1::confirm::{Confirm, Confirmed};
use shared::wire::v1::enquiry::{Enquiry, Told};
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::{Message, Refused};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::pace::Pace;
use super::quic::not_connected;
use crate::clock::Reading;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::inquiry::Inquiry;

/// Most messages read ahead.
const INBOUND_MAX: usize = 16;
/// Most frames waiting to be written.
const OUTBOUND_MAX: usize = RUNS_IN_FLIGHT_MAX * 2 + 8;
/// Most bytes of one read.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// The hub must greet within this.
const GREETING: Duration = Duration::from_secs(20);
/// The hub's clock is asked so often.
const BEACON: Duration = Duration::from_secs(15);
/// A question for the time that is not answered within this is forgotten.
const BEACON_LOST: Duration = Duration::from_secs(60);
/// A reason is worth waiting for, but not for long.
const GOODBYE: Duration = Duration::from_secs(2);

/// The code of the fault by which a line ends that begins again at once.
pub(crate) const ANEW: &str = "anew";

/// What the status line wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Both greetings are through.
    Opened,
    /// Something was exchanged and kept.
    Exchanged,
}

struct Driver<T> {
    session: Session,
    desk: Desk,
    out: mpsc::Sender<Vec<u8>>,
    tell: T,
    asked: Option<(u64, Reading)>,
    echo: u64,
    told_open: bool,
    pace: Pace,
    /// Questions from the counters about purchases, once the hub takes them.
    confirms: Counters<Confirm, Confirmed>,
    /// Questions from the counters about booked places, once the hub takes them.
    enquiries: Counters<Enquiry, Told>,
}

/// Runs the exchange until the line ends. `Ok` where the hub ended it without a reason.
///
/// # Errors
/// Why the line ended: broken, refused, or this site's own ledger cannot be used.
pub async fn run_line<T: FnMut(News) + Send>(connection: Connection, desk: Desk, tell: T) -> Result<(), Fault> {
    let remote = connection.remote_address();
    let (send, recv) = connection.open_bi().await.map_err(|cause| not_connected(remote, cause))?;
    let (inbound, messages) = mpsc::channel(INBOUND_MAX);
    let (out, frames) = mpsc::channel(OUTBOUND_MAX);
    // Dropped with this future: a cut line leaves no task behind.
    let mut tasks = JoinSet::new();
    tasks.spawn(read(recv, inbound));
    let writer = tasks.spawn(write(send, frames));
    let driver = Driver {
        session: Session::default(),
        desk,
        out,
        tell,
        asked: None,
        echo: 0,
        told_open: false,
        pace: Pace::default(),
        confirms: Counters::default(),
        enquiries: Counters::default(),
    };
    let ended = driver.run(messages).await;
    // The driver is gone and its queue with it: the writer finishes what is left, such as a reason.
    let _late = tokio::time::timeout(GOODBYE, async {
        while !writer.is_finished() {
            tasks.join_next().await;
        }
    })
    .await;
    let broken = connection.close_reason();
    connection.close(VarInt::from_u32(0), b"done");
    match (ended, broken) {
        (Ok(()), Some(cause)) if !is_goodbye(&cause) => Err(not_connected(remote, cause)),
        (ended, _) => ended,
    }
}

fn is_goodbye(cause: &quinn::ConnectionError) -> bool {
    matches!(cause, quinn::ConnectionError::ApplicationClosed(close) if close.error_code == VarInt::from_u32(0))
}

impl<T: FnMut(News) + Send> Driver<T> {
    async fn run(mut self, mut messages: mpsc::Receiver<Result<Message, Fault>>) -> Result<(), Fault> {
        let mut grown = self.desk.grown();
        let standing = self.desk.standing().await?;
        self.step(Input::Connected(standing)).await?;
        let greeting = tokio::time::sleep(GREETING);
        tokio::pin!(greeting);
        let mut beacon = tokio::time::interval(BEACON);
        beacon.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let open = self.session.is_open();
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.step(Input::Message(message?)).await?,
                    None => return Ok(()),
                },
                changed = grown.changed(), if open => {
                    changed.map_err(own_fault)?;
                    self.step(Input::Grown).await?;
                }
                _ = beacon.tick(), if open => self.ask().await?,
                Some(ask) = self.confirms.next(), if self.session.confirms() => self.step(Input::Confirm(ask)).await?,
                Some(ask) = self.enquiries.next(), if self.session.enquires() => self.step(Input::Enquire(ask)).await?,
                () = &mut greeting, if !open => return Err(no_greeting()),
            }
        }
    }

    /// One input and everything that follows from it, in order.
    async fn step(&mut self, input: Input) -> Result<(), Fault> {
        let mut todo: VecDeque<Output> = self.session.handle(input).into();
        while let Some(output) = todo.pop_front() {
            if let Some(answer) = self.carry_out(output).await? {
                todo.extend(self.session.handle(answer));
            }
            if self.session.is_open() && !self.told_open {
                self.told_open = true;
                let (confirms, enquires) = (self.session.confirms(), self.session.enquires());
                self.confirms.line = confirms.then(|| self.desk.confirms().open(CONFIRMS_IN_FLIGHT_MAX));
                self.enquiries.line = enquires.then(|| self.desk.enquiries().open(ENQUIRIES_IN_FLIGHT_MAX));
                (self.tell)(News::Opened);
                self.give_back().await?;
            }
        }
        Ok(())
    }

    /// Nothing is answered before the node has it on the disk.
    async fn carry_out(&mut self, output: Output) -> Result<Option<Input>, Fault> {
        match output {
            Output::Send(message) => self.send(&message).await.map(|()| None),
            Output::Resume(welcome) => {
                let resumed = self.desk.resume(welcome).await?;
                Ok(Some(Input::Resumed(resumed)))
            }
            Output::Load(after) => Ok(Some(Input::Loaded(self.desk.load_run(after).await?))),
            Output::Acked { upto, feed, receipt } => {
                self.desk.acked(upto, feed, receipt).await?;
                (self.tell)(News::Exchanged);
                Ok(None)
            }
            Output::Quarantined { upto, why } => {
                tracing::error!(upto, why, "the hub put entries of this site aside");
                self.desk.quarantined(upto, why).await?;
                Ok(None)
            }
            Output::Down { pos, run } => {
                self.desk.take_down(pos, run).await?;
                (self.tell)(News::Exchanged);
                Ok(Some(Input::Took))
            }
            Output::Feed { after, parts } => {
                self.desk.take_feed(after, parts).await?;
                (self.tell)(News::Exchanged);
                Ok(Some(Input::Took))
            }
            Output::Own { pos, feed, run } => {
                self.desk.take_own(pos, feed, run).await?;
                (self.tell)(News::Exchanged);
                Ok(Some(Input::Took))
            }
            Output::Manifest { upto, signed } => {
                self.desk.take_manifest(upto, signed).await?;
                (self.tell)(News::Exchanged);
                Ok(Some(Input::Took))
            }
            Output::Want => {
                let most = self.pace.ask(self.desk.reading().mono_ms);
                Ok(Some(Input::Wanted(self.desk.wanted(most).await?)))
            }
            Output::Piece(piece) => {
                self.pace.answered(self.desk.reading().mono_ms);
                self.desk.take_piece(piece).await?;
                (self.tell)(News::Exchanged);
                Ok(Some(Input::Kept))
            }
            Output::Key { number, secret } => self.desk.take_key(number, secret).await.map(|()| None),
            Output::Beacon { echo, second, feed } => self.beacon(echo, (second, feed)).await.map(|()| None),
            Output::Confirmed(confirmed) => {
                self.confirms.answer(confirmed);
                Ok(None)
            }
            Output::Told(told) => {
                self.enquiries.answer(told);
                Ok(None)
            }
            Output::Close(close) => {
                // The other end reads the reason in its log; a line that is gone needs none.
                let refused = Message::Refused(Refused { id: None, why: close.to_string() });
                let _gone = self.send(&refused).await;
                Err(closed(close))
            }
        }
    }

    async fn send(&self, message: &Message) -> Result<(), Fault> {
        let frame = frame::encode(message).map_err(own_fault)?;
        self.out.send(frame).await.map_err(|_| broken())
    }

    /// One question at a time.
    async fn ask(&mut self) -> Result<(), Fault> {
        let now = self.desk.reading();
        if let Some((_, since)) = &self.asked {
            let waited = Duration::from_millis(now.mono_ms.saturating_sub(since.mono_ms));
            if waited < BEACON_LOST {
                return Ok(());
            }
        }
        self.echo += 1;
        self.asked = Some((self.echo, now));
        self.step(Input::Ask { echo: self.echo }).await
    }

    async fn beacon(&mut self, echo: u64, hub: (i64, Option<u64>)) -> Result<(), Fault> {
        // An answer to no question of ours says nothing about the way it took.
        let Some((_, asked)) = self.asked.take_if(|(ours, _)| *ours == echo) else {
            return Ok(());
        };
        self.desk.beacon(asked, self.desk.reading(), hub).await?;
        (self.tell)(News::Exchanged);
        self.give_back().await
    }

    /// Places whose time is over go back while there is a line; what is written grows the log.
    async fn give_back(&self) -> Result<(), Fault> {
        let returned = self.desk.give_back().await?;
        if returned > 0 {
            tracing::info!(returned, "leases of booked places are over and returned");
        }
        Ok(())
    }
}

/// Who asks something at the counters.
struct Counters<Q, A> {
    line: Option<mpsc::Receiver<Inquiry<Q, A>>>,
    /// Who waits for the hub's answers, in the order of the questions.
    waiting: VecDeque<oneshot::Sender<A>>,
}

impl<Q, A> Default for Counters<Q, A> {
    fn default() -> Self {
        Self { line: None, waiting: VecDeque::new() }
    }
}

impl<Q, A> Counters<Q, A> {
    /// The next question for which somebody still waits.
    async fn next(&mut self) -> Option<Q> {
        let line = self.line.as_mut()?;
        loop {
            let Inquiry { ask, answer } = line.recv().await?;
            if !answer.is_closed() {
                self.waiting.push_back(answer);
                return Some(ask);
            }
        }
    }

    fn answer(&mut self, said: A) {
        if let Some(answer) = self.waiting.pop_front() {
            // Who asked may have lost patience.
            let _ = answer.send(said);
        }
    }
}

async fn read(mut recv: RecvStream, messages: mpsc::Sender<Result<Message, Fault>>) {
    let mut deframer = Deframer::default();
    loop {
        let cut = match recv.read_chunk(CHUNK_BYTES_MAX, true).await {
            Ok(Some(chunk)) => deframer.push(&chunk.bytes).map_err(|cause| garbage().because(cause)),
            Ok(None) => return,
            Err(cause) => Err(broken().because(cause)),
        };
        match cut {
            Ok(complete) => {
                for message in complete {
                    if messages.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
            }
            Err(fault) => {
                // Nobody listens any more: then nobody needs to know.
                let _gone = messages.send(Err(fault)).await;
                return;
            }
        }
    }
}

async fn write(mut send: SendStream, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if send.write_all(&frame).await.is_err() {
            return;
        }
    }
    if send.finish().is_ok() {
        // Until the other end has it all, or the line is gone.
        let _gone = send.stopped().await;
    }
}

fn own_fault(cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(
        "ledger",
        "本站帳本無法讀寫；請檢查磁碟空間並查看記錄檔",
        "this site's ledger cannot be read or written: check the disk's space and look at the log",
    )
    .because(cause)
}

fn closed(close: shared::sync::Close) -> Fault {
    use shared::sync::Close;
    let (zh, en) = match &close {
        Close::Version(_) => ("與中心的版本不同，請更新程式", "the hub runs another version: update the program"),
        Close::Identity { .. } => ("憑證屬於其他機構，請重新註冊", "the certificate is another site's: enrol again"),
        Close::Unexpected(_) | Close::Flood => ("中心的回應不合約定", "the hub answered out of turn"),
        Close::Anew => ("本站帳本開始新的紀錄週期，重新連線", "this site's store begins a new life and dials again"),
        Close::Refused(_) => ("中心拒絕了連線", "the hub refused the line"),
    };
    let code = if matches!(close, Close::Anew) { ANEW } else { "exchange" };
    Fault::new(code, zh, format!("{en} ({close})")).because(close)
}

fn no_greeting() -> Fault {
    Fault::new("no-greeting", "中心接通後沒有回應", "the hub took the call and said nothing")
}

fn garbage() -> Fault {
    Fault::new("garbage", "中心傳來無法辨識的資料", "the hub sent something that cannot be read")
}

fn broken() -> Fault {
    Fault::new("line", "與中心的連線中斷", "the line to the hub broke")
}
