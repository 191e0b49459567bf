//! One owner, one mailbox: a thread owns the node, everybody else holds a [`Handle`].
//!
//! No lock on the ledger and none held over an await. A closed mailbox means that the node is gone,
//! never that an answer was lost: what was answered is on the disk.

use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use shared::sync::edge::LogPos;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Reading;
use crate::node::Node;

/// Most questions that wait; who comes later waits outside.
pub const QUEUE_MAX: usize = 256;

type Job = Box<dyn FnOnce(&mut Node, Reading) + Send>;

/// The node's thread has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is not running any more")]
pub struct Gone;

/// A way to the node.
#[derive(Clone, Debug)]
pub struct Handle {
    jobs: mpsc::Sender<Job>,
    grown: watch::Receiver<LogPos>,
    clocks: Clocks,
}

/// The computer's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    started: std::time::Instant,
    /// Time since the boot at the start, where the system tells it.
    boot: Option<Duration>,
}

/// Gives the node a thread of its own. The thread ends, and gives the node back, when the last handle is dropped.
///
/// # Errors
/// Where the system has no thread left.
pub fn start(node: Node) -> std::io::Result<(Handle, JoinHandle<Node>)> {
    let clocks = Clocks::default();
    let (jobs, queue) = mpsc::channel(QUEUE_MAX);
    let (tell, grown) = watch::channel(node.log_len());
    let thread = std::thread::Builder::new().name("node".to_owned());
    let thread = thread.spawn(move || serve(node, queue, &tell, clocks))?;
    Ok((Handle { jobs, grown, clocks }, thread))
}

fn serve(mut node: Node, mut queue: mpsc::Receiver<Job>, grown: &watch::Sender<LogPos>, clocks: Clocks) -> Node {
    while let Some(job) = queue.blocking_recv() {
        job(&mut node, clocks.read());
        let len = node.log_len();
        grown.send_if_modified(|known| std::mem::replace(known, len) != len);
    }
    node
}

impl Handle {
    /// Does something with the node and waits for the answer.
    ///
    /// # Errors
    /// Where the node is gone.
    pub async fn ask<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&mut Node, Reading) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (job, answer) = job(deed);
        self.jobs.send(job).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// As [`Self::ask`], outside of async code.
    ///
    /// # Errors
    /// Where the node is gone.
    pub fn ask_blocking<T: Send + 'static>(
        &self,
        deed: impl FnOnce(&mut Node, Reading) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (job, answer) = job(deed);
        self.jobs.blocking_send(job).map_err(|_| Gone)?;
        answer.blocking_recv().map_err(|_| Gone)
    }

    /// Tells when the log has grown: the number of its entries.
    #[must_use]
    pub fn grown(&self) -> watch::Receiver<LogPos> {
        self.grown.clone()
    }

    /// The clocks, for asking the hub what time it is.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        self.clocks
    }
}

fn job<T: Send + 'static>(deed: impl FnOnce(&mut Node, Reading) -> T + Send + 'static) -> (Job, oneshot::Receiver<T>) {
    let (tell, answer) = oneshot::channel();
    let job = move |node: &mut Node, reading: Reading| {
        // Who asked may be gone; what was done is done.
        let _ = tell.send(deed(node, reading));
    };
    (Box::new(job), answer)
}

impl Default for Clocks {
    fn default() -> Self {
        Self { started: std::time::Instant::now(), boot: since_boot() }
    }
}

impl Clocks {
    /// Both at once.
    #[must_use]
    pub fn read(&self) -> Reading {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Reading { wall_ms: wall.map_or(0, millis), mono_ms: u64::try_from(millis(self.running())).unwrap_or(0) }
    }

    /// Linux's count since the boot goes on while the computer sleeps, the standard library's does not:
    /// a notebook that was closed over night would else sell on yesterday's date.
    fn running(&self) -> Duration {
        match self.boot {
            Some(boot) => since_boot().unwrap_or_else(|| boot + self.started.elapsed()),
            None => self.started.elapsed(),
        }
    }
}

fn since_boot() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use shared::ids::Incarnation;
    use shared::seal::Secret;

    use super::*;
    use crate::nation::Nation;
    use crate::node::ask::ArriveRequest;
    use crate::node::{Lives, Setup};
    use crate::store::Store;

    fn node() -> Node {
        let setup = Setup {
            site: "5931102274".parse().unwrap(),
            name: "淡水藥局".to_owned(),
            secret: Secret::new([1; 32]),
            key_number: 1,
            incarnation: Incarnation([2; 16]),
            store: Store::in_memory().unwrap(),
            nation: Nation::stored(),
            lives: Lives::in_memory(&Secret::new([1; 32])).unwrap(),
            dice: Box::new(|| [3; 16]),
        };
        Node::open(setup, Clocks::default().read()).unwrap()
    }

    #[tokio::test]
    async fn everybody_asks_the_same_node_and_the_uplink_hears_of_it() {
        let (handle, thread) = start(node()).unwrap();
        let mut grown = handle.grown();
        let ask = ArriveRequest { request: None, programme: None, adult: 1, child: 0, by: String::new() };
        let asks = (0..50).map(|_| {
            let (handle, ask) = (handle.clone(), ask.clone());
            tokio::spawn(async move { handle.ask(move |node, reading| node.arrive(&ask, reading)).await })
        });
        for answer in asks.collect::<Vec<_>>() {
            answer.await.unwrap().unwrap().unwrap().unwrap();
        }
        grown.wait_for(|len| *len == 50).await.unwrap();
        drop(handle);
        assert_eq!(thread.join().unwrap().log_len(), 50);
    }

    #[tokio::test]
    async fn a_node_that_is_gone_says_so() {
        let (handle, thread) = start(node()).unwrap();
        assert_eq!(handle.ask(|_, _| panic!("a fault of ours")).await, Err::<(), _>(Gone));
        assert!(thread.join().is_err());
        assert_eq!(handle.ask(|node, _| node.log_len()).await, Err(Gone));
    }

    #[test]
    fn the_clocks_run() {
        let clocks = Clocks::default();
        let first = clocks.read();
        std::thread::sleep(Duration::from_millis(40));
        let second = clocks.read();
        assert!(second.mono_ms > first.mono_ms && second.wall_ms > first.wall_ms);
    }
}
