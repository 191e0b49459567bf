//! One owner, one mailbox: a thread owns the [`Hub`]; lines and pages ask it.
//!
//! Uploads that wait together reach the disk together (group commit), and each is answered after
//! that commit, never before. Both the mailbox and the bytes that wait in it are bounded; who finds
//! it full waits, and so does its edge. Whose turn it is say the `lanes`.

mod lanes;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::thread;

use shared::ids::{ChangeHash, EntryId, Incarnation, SiteCode};
use shared::ledger::run::{Joint, RUN_ENTRIES_MAX, Run};
use shared::sync::hub::Input;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::authority::Validity;
use crate::clock::WallClock;
use crate::counters::Counters;
use crate::hub::{Hub, HubError};
use crate::ingest::{Outcome, Upload};
use lanes::{Lanes, OTHERS_A_TURN};

/// Most questions that wait.
pub const ASKS_MAX: usize = 1024;
/// Most runs in one commit.
pub const BATCH_RUNS_MAX: usize = 4 * 1024;
/// A commit takes no further run once it has so many entries.
pub const BATCH_ENTRIES_MAX: usize = 16 * 1024;
/// Most bytes of runs that wait, in KiB.
const WAITING_KIB_MAX: usize = 48 * 1024;

const _: () = assert!(BATCH_ENTRIES_MAX >= RUN_ENTRIES_MAX, "a commit takes at least one whole run");

/// Who holds the other end of a line: a site, by a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The site that the certificate names.
    pub site: SiteCode,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
}

/// What a line hears from the mailbox.
#[expect(clippy::large_enum_variant, reason = "nearly every answer is an input, and few wait at once")]
#[derive(Debug)]
pub enum Answer {
    /// For the line's session.
    Input(Input),
    /// The certificate has been revoked or replaced: end the line.
    NotCurrent,
    /// The hub itself is in trouble: end the line; the edge comes again later.
    Trouble,
}

/// How far the hub's journal and feed reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Growth {
    /// The journal's position.
    pub journal: u64,
    /// The feed's position.
    pub feed: u64,
    /// When the newest manifest was made.
    pub manifest: u64,
}

/// The thread has ended, because the hub stops or because it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hub is not running any more")]
pub struct Stopped;

struct Parcel {
    caller: Caller,
    upload: Upload,
    last: EntryId,
    answers: mpsc::Sender<Answer>,
    _room: OwnedSemaphorePermit,
}

type Job = Box<dyn FnOnce(&mut Hub) + Send>;

enum Ask {
    Upload(Box<Parcel>),
    Do(Job),
    Look,
    Stop,
}

/// Asks the thread that owns the hub. Clones are cheap.
#[derive(Clone)]
pub struct HubHandle {
    asks: mpsc::Sender<Ask>,
    room: Arc<Semaphore>,
    growth: watch::Receiver<Growth>,
    counters: Arc<Counters>,
}

impl fmt::Debug for HubHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubHandle(…)")
    }
}

/// The thread itself, to be stopped at the end.
#[derive(Debug)]
pub struct Mailbox {
    asks: mpsc::Sender<Ask>,
    thread: thread::JoinHandle<()>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upload(_) => "Upload",
            Self::Do(_) => "Do",
            Self::Look => "Look",
            Self::Stop => "Stop",
        })
    }
}

/// Gives the hub to a thread of its own.
///
/// # Errors
/// Where the system gives no thread, or the hub cannot be read.
pub fn start(hub: Hub, clock: WallClock, counters: Arc<Counters>) -> Result<(HubHandle, Mailbox), HubError> {
    let (asks, waiting) = mpsc::channel(ASKS_MAX);
    let (growth, grown) = watch::channel(positions(&hub)?);
    let owner = Owner { hub, clock, waiting, lanes: Lanes::default(), growth, counters: counters.clone() };
    let thread = thread::Builder::new()
        .name("hub".to_owned())
        .spawn(move || owner.run())
        .map_err(|_| HubError::Full("the system's table of threads"))?;
    let handle =
        HubHandle { asks: asks.clone(), room: Arc::new(Semaphore::new(WAITING_KIB_MAX)), growth: grown, counters };
    Ok((handle, Mailbox { asks, thread }))
}

impl HubHandle {
    /// Lets the owner do a job and waits for what it gives.
    ///
    /// # Errors
    /// Where the hub has stopped.
    pub async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Hub) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (give, given) = oneshot::channel();
        let job = move |hub: &mut Hub| {
            // Nobody waits any more: nothing to tell.
            let _ = give.send(job(hub));
        };
        self.asks.send(Ask::Do(Box::new(job))).await.map_err(|_| Stopped)?;
        given.await.map_err(|_| Stopped)
    }

    /// Lets the owner do a job for a line; what comes of it goes to the line's answers.
    ///
    /// # Errors
    /// Where the hub has stopped.
    pub(crate) async fn post(
        &self,
        answers: mpsc::Sender<Answer>,
        job: impl FnOnce(&mut Hub) -> Result<Answer, HubError> + Send + 'static,
    ) -> Result<(), Stopped> {
        let job = move |hub: &mut Hub| answer(&answers, job(hub).unwrap_or_else(trouble));
        self.asks.send(Ask::Do(Box::new(job))).await.map_err(|_| Stopped)
    }

    /// Puts a run into the mailbox; the answer comes after it is on the disk.
    ///
    /// # Errors
    /// Where the hub has stopped.
    pub(crate) async fn upload(
        &self,
        caller: Caller,
        incarnation: Incarnation,
        run: Run,
        answers: mpsc::Sender<Answer>,
    ) -> Result<(), Stopped> {
        let room = self.room.clone().acquire_many_owned(kib(&run)).await.map_err(|_| Stopped)?;
        let last = run.last_id();
        let upload = Upload { site: caller.site, incarnation, run };
        let parcel = Box::new(Parcel { caller, upload, last, answers, _room: room });
        self.asks.send(Ask::Upload(parcel)).await.map_err(|_| Stopped)
    }

    /// Follows how far journal and feed reach.
    #[must_use]
    pub fn growth(&self) -> watch::Receiver<Growth> {
        self.growth.clone()
    }

    /// How long the feed is, as far as all lines may know.
    #[must_use]
    pub(crate) fn feed(&self) -> u64 {
        self.growth.borrow().feed
    }

    /// Looks whether another process has written meanwhile; [`Self::growth`] tells.
    ///
    /// # Errors
    /// Where the hub has stopped.
    pub async fn look(&self) -> Result<(), Stopped> {
        self.asks.send(Ask::Look).await.map_err(|_| Stopped)
    }

    /// Waits until the owner is gone.
    pub async fn stopped(&self) {
        self.asks.closed().await;
    }

    /// What has been counted.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

impl Mailbox {
    /// Finishes what waits, then ends the thread. Lines and pages must have ended before.
    pub async fn stop(self) {
        // A thread that has ended already needs no word.
        let _ = self.asks.send(Ask::Stop).await;
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

/// Of the mailbox's bytes: as many KiB as the run fills in memory, at least one.
fn kib(run: &Run) -> u32 {
    let entries: usize = run.entries.iter().map(|entry| entry.len() + size_of::<Vec<u8>>()).sum();
    let joint = |joint: &Joint| size_of::<Joint>() + joint.deps.len() * size_of::<ChangeHash>();
    let bytes = entries + run.joints.iter().map(joint).sum::<usize>();
    u32::try_from((bytes / 1024 + 1).min(WAITING_KIB_MAX)).unwrap_or(1)
}

fn positions(hub: &Hub) -> Result<Growth, HubError> {
    Ok(Growth { journal: hub.journal_position()?, feed: hub.feed_position()?, manifest: hub.manifest_made()? })
}

fn trouble(cause: HubError) -> Answer {
    tracing::error!(error = &cause as &dyn std::error::Error, "the hub is in trouble");
    Answer::Trouble
}

/// A line asks no more at once than its answers have room for; one that is gone hears nothing.
fn answer(answers: &mpsc::Sender<Answer>, answer: Answer) {
    let _ = answers.try_send(answer);
}

struct Owner {
    hub: Hub,
    clock: WallClock,
    waiting: mpsc::Receiver<Ask>,
    lanes: Lanes,
    growth: watch::Sender<Growth>,
    counters: Arc<Counters>,
}

/// Whether the owner goes on.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Out,
}

impl Owner {
    fn run(mut self) {
        let mut goes = Goes::On;
        while goes == Goes::On || !self.lanes.is_empty() {
            if self.lanes.is_empty() {
                match self.waiting.blocking_recv() {
                    Some(ask) => self.lanes.put(ask),
                    None => return,
                }
            }
            self.fetch();
            if self.turn() == Goes::Out {
                goes = Goes::Out;
            }
        }
    }

    fn fetch(&mut self) {
        while let Ok(ask) = self.waiting.try_recv() {
            self.lanes.put(ask);
        }
    }

    fn turn(&mut self) -> Goes {
        // Each lane is asked when it has its turn: what came meanwhile goes with it.
        for lane in [Lanes::good, Lanes::long, Lanes::doubtful] {
            self.fetch();
            let parcels = lane(&mut self.lanes);
            if !parcels.is_empty() {
                self.ingest(parcels);
                self.look();
            }
        }
        let mut goes = Goes::On;
        for _ in 0..OTHERS_A_TURN {
            match self.lanes.other() {
                Some(Ask::Do(job)) => job(&mut self.hub),
                Some(Ask::Look) => self.look(),
                Some(Ask::Stop) => goes = Goes::Out,
                Some(upload @ Ask::Upload(_)) => self.lanes.put(upload),
                None => break,
            }
        }
        goes
    }

    fn ingest(&mut self, parcels: Vec<Parcel>) {
        let (uploads, senders) = self.admit(parcels);
        if uploads.is_empty() {
            return;
        }
        self.counters.batches.add(1);
        match self.hub.ingest(&uploads, self.clock.second()) {
            Ok(outcomes) => {
                self.counters.trouble.set(0);
                for ((upload, (answers, last)), outcome) in uploads.iter().zip(senders).zip(outcomes) {
                    answer(&answers, Answer::Input(self.tell(upload, last, outcome)));
                }
            }
            Err(cause) => {
                self.counters.trouble.set(1);
                trouble(cause);
                senders.iter().for_each(|(answers, _)| answer(answers, Answer::Trouble));
            }
        }
    }

    /// Those whose certificates are still current; the others hear that theirs are not.
    fn admit(&mut self, parcels: Vec<Parcel>) -> (Vec<Upload>, Vec<(mpsc::Sender<Answer>, EntryId)>) {
        let mut standings: HashMap<Caller, Standing> = HashMap::new();
        let (mut uploads, mut senders) = (Vec::new(), Vec::new());
        for parcel in parcels {
            let caller = parcel.caller;
            match standings.entry(caller).or_insert_with(|| Standing::of(&mut self.hub, &caller)) {
                Standing::Current => {
                    uploads.push(parcel.upload);
                    senders.push((parcel.answers, parcel.last));
                }
                Standing::NotCurrent => answer(&parcel.answers, Answer::NotCurrent),
                Standing::Unknown => answer(&parcel.answers, Answer::Trouble),
            }
        }
        (uploads, senders)
    }

    fn tell(&mut self, upload: &Upload, last: EntryId, outcome: Outcome) -> Input {
        match outcome {
            Outcome::Ingested { id, feed, receipt } => {
                self.lanes.was_good(&upload.site);
                self.counters.runs.add(1);
                self.counters.entries.add(u64::try_from(upload.run.entries.len()).unwrap_or(0));
                Input::Ingested { id, feed, receipt: Some(receipt) }
            }
            Outcome::Quarantined { id: _, why } => {
                self.lanes.was_bad(upload.site);
                self.counters.quarantined.add(1);
                // The edge waits for the id that it can count itself.
                Input::Quarantined { id: last, why }
            }
        }
    }

    fn look(&mut self) {
        match positions(&self.hub) {
            Ok(now) => {
                self.growth.send_if_modified(|growth| std::mem::replace(growth, now) != now);
            }
            Err(cause) => {
                trouble(cause);
            }
        }
    }
}

/// What the registry says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is the site's.
    Current,
    /// Revoked, or another has replaced it.
    NotCurrent,
    /// The store cannot say: nobody is let in, and nobody is told that it was revoked.
    Unknown,
}

impl Standing {
    /// Of a certificate that is not in the register: a hub that was brought back may have forgotten it.
    pub(crate) fn remembered(hub: &mut Hub, caller: &Caller, validity: &Validity) -> Self {
        match hub.remember_certificate(&caller.site, &caller.fingerprint, validity) {
            Ok(true) => Self::Current,
            Ok(false) => Self::NotCurrent,
            Err(cause) => {
                trouble(cause);
                Self::Unknown
            }
        }
    }

    pub(crate) fn of(hub: &mut Hub, caller: &Caller) -> Self {
        match hub.is_current(&caller.site, &caller.fingerprint) {
            Ok(true) => Self::Current,
            Ok(false) => Self::NotCurrent,
            Err(cause) => {
                trouble(cause);
                Self::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests;
