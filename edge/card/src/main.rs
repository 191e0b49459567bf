//! `atoll-card`: the readers at a counter, in a process of their own (docs/decisions/0013).
//!
//! Started by `atoll-edge`; asks come in on standard input, what happens goes out on standard output, a JSON object a
//! line (`edge::cards::lines`). It ends when its input does. Whatever a reader's driver does, hang or crash, happens
//! here.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use edge::cards::lines::{Ask, PROTOCOL, Said, line, parse};

mod asks;
mod demonstration;
mod modules;
mod reading;
mod scripted;
mod slots;
mod token;
mod watching;

use asks::Asks;
use demonstration::Demonstration;
use modules::Modules;
use slots::Slots;

/// Holds the card readers of a counter.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// No real readers: two that are scripted, for these people (a JSON list of records).
    #[arg(long, value_name = "PEOPLE")]
    demonstration: Option<PathBuf>,
    /// What reads certificate cards: a PKCS#11 module of their maker's.
    #[arg(long, value_name = "FILE", conflicts_with = "demonstration")]
    module: Vec<PathBuf>,
}

fn main() -> ExitCode {
    edge::crash::leave_nothing_behind();
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).without_time().init();
    let (said, to_say) = channel();
    let saying = thread::spawn(move || say(&to_say));
    let served = match &arguments.demonstration {
        Some(people) => Demonstration::load(people).map(|demonstration| serve(&said, demonstration)),
        None => {
            serve(&said, Real::start(&said, arguments.module));
            Ok(())
        }
    };
    drop(said);
    let outcome = match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            tracing::error!("{cause:#}");
            ExitCode::FAILURE
        }
    };
    // A thread that hangs in a driver still holds a sender: nobody waits for it.
    drop(saying);
    outcome
}

/// What carries out the asks.
trait Readers {
    /// Whether its cards are none.
    const IS_DEMONSTRATION: bool;
    /// Carries one out; what comes of it is said later.
    fn obey(&mut self, ask: Ask, said: &Sender<Said>);
    /// What is said at the start.
    fn begin(&mut self, said: &Sender<Said>);
}

fn serve<R: Readers>(said: &Sender<Said>, mut readers: R) {
    tell(said, Said::Hello { protocol: PROTOCOL, demonstration: R::IS_DEMONSTRATION });
    readers.begin(said);
    let mut asks = Asks::new(std::io::stdin().lock());
    while let Ok(Some(text)) = asks.next() {
        match str::from_utf8(&text).map(parse) {
            Ok(Ok(ask)) => readers.obey(ask, said),
            Ok(Err(bad)) => tracing::warn!("{bad}"),
            Err(_) => tracing::warn!("a line that is no text"),
        }
    }
}

/// The other end of the channel lives as long as the process.
fn tell(said: &Sender<Said>, what: Said) {
    let _ = said.send(what);
}

/// Writes line by line until the edge is gone.
fn say(to_say: &Receiver<Said>) {
    let mut out = std::io::stdout().lock();
    for said in to_say {
        if writeln!(out, "{}", line(&said)).and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }
}

/// Nobody watches any more: then the edge must not believe the last card.
struct EndOfAll;

impl Drop for EndOfAll {
    fn drop(&mut self) {
        std::process::exit(1);
    }
}

/// A number that no insertion of an earlier helper had: milliseconds since 1970.
fn first_insertion() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// The system's readers.
struct Real {
    slots: Arc<Slots>,
    modules: Arc<Modules>,
}

impl Real {
    fn start(said: &Sender<Said>, modules: Vec<PathBuf>) -> Self {
        let slots = Arc::new(Slots::default());
        let (watched, said) = (Arc::clone(&slots), said.clone());
        thread::spawn(move || {
            let _end = EndOfAll;
            watching::watch(&watched, &said);
        });
        Self { slots, modules: Modules::start(modules) }
    }
}

impl Readers for Real {
    const IS_DEMONSTRATION: bool = false;

    fn obey(&mut self, ask: Ask, said: &Sender<Said>) {
        match ask {
            Ask::Read { reader, insertion } => reading::read(&self.slots, reader, insertion, said),
            Ask::Certificates { .. } | Ask::Sign { .. } => self.modules.obey(ask, said),
            Ask::Insert { .. } | Ask::Pull { .. } => tracing::warn!("these readers are real: nothing is put in"),
        }
    }

    fn begin(&mut self, _: &Sender<Said>) {}
}
