//! Reads a card in a thread of its own, with a watchdog beside it: a driver that hangs is answered for, and the other
//! reader goes on.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use edge::cards::apdu::{Unread, read_record};
use edge::cards::failure::CardFailure;
use edge::cards::lines::{Outcome, READ_LIMIT_MS, RecordBytes, Said};
use pcsc::{Context, Disposition, Error, Protocols, Scope, ShareMode};
use tracing::debug;

use crate::slots::{Refused, Slots};
use crate::tell;

/// A contact that was lost is tried so often, from SELECT on, so that two people's data never mix.
const TRIES_MAX: u32 = 4;
/// Between two tries: a card that shakes comes back, one that is pulled does not.
const PAUSE: Duration = Duration::from_millis(300);
/// Whether a read before has ended is looked at so often.
const LOOK: Duration = Duration::from_millis(50);
/// More than any answer has.
const ANSWER_BYTES_MAX: usize = 1_024;

/// Begins to read; the answer is said within [`READ_LIMIT_MS`].
pub(crate) fn read(slots: &Arc<Slots>, reader: String, insertion: u64, said: &Sender<Said>) {
    let (slots, said) = (Arc::clone(slots), said.clone());
    thread::spawn(move || watched(&slots, &reader, insertion, &said));
}

/// Gives the slot back, however the read ended.
struct Held<'a>(&'a Slots, &'a str);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

/// A read of the card before may just be ending: it is waited for.
fn begin(slots: &Slots, reader: &str, insertion: u64, until: Instant) -> Result<(), CardFailure> {
    loop {
        match slots.begin(reader, insertion) {
            Ok(()) => return Ok(()),
            Err(Refused::Gone) => return Err(CardFailure::Removed),
            Err(Refused::Hung) if Instant::now() >= until => return Err(CardFailure::Hung),
            Err(Refused::Hung) => thread::sleep(LOOK),
        }
    }
}

fn watched(slots: &Arc<Slots>, reader: &str, insertion: u64, said: &Sender<Said>) {
    let began = Instant::now();
    let until = began + Duration::from_millis(READ_LIMIT_MS);
    let (give, given) = channel();
    let waited = begin(slots, reader, insertion, until).map_err(|failure| (0, Err(failure)));
    if waited.is_ok() {
        let (held, name) = (Arc::clone(slots), reader.to_owned());
        thread::spawn(move || {
            let read = {
                let _held = Held(&held, &name);
                read_with_patience(&held, &name, insertion)
            };
            // The watchdog may have answered already.
            let _ = give.send(read);
        });
    }
    let left = until.saturating_duration_since(Instant::now());
    let (tries, outcome) = match waited {
        Ok(()) => given.recv_timeout(left).unwrap_or((1, Err(CardFailure::Hung))),
        Err(refused) => refused,
    };
    // What was read of a card that is gone belongs to nobody who stands here.
    let outcome = match outcome {
        Ok(_) if !slots.holds(reader, insertion) => Outcome::Failed(CardFailure::Removed),
        Ok(record) => Outcome::Record(record),
        Err(failure) => Outcome::Failed(failure),
    };
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tell(said, Said::Read { reader: reader.to_owned(), insertion, ms, tries, outcome });
}

fn read_with_patience(slots: &Slots, reader: &str, insertion: u64) -> (u32, Result<RecordBytes, CardFailure>) {
    let mut last = CardFailure::Unreadable;
    for tries in 1..=TRIES_MAX {
        if !slots.holds(reader, insertion) {
            return (tries, Err(CardFailure::Removed));
        }
        match read_once(reader) {
            Ok(record) => return (tries, Ok(record)),
            Err((failure, is_final)) => {
                debug!(reader, tries, code = failure.code(), "not read");
                last = failure;
                if is_final {
                    return (tries, Err(failure));
                }
            }
        }
        thread::sleep(PAUSE);
    }
    (TRIES_MAX, Err(last))
}

/// A failure, and whether another try is of no use.
type Failed = (CardFailure, bool);

fn read_once(reader: &str) -> Result<RecordBytes, Failed> {
    let name = CString::new(reader).map_err(|_| (CardFailure::NoReader, true))?;
    let context = Context::establish(Scope::User).map_err(failed)?;
    let mut card = context.connect(&name, ShareMode::Shared, Protocols::ANY).map_err(failed)?;
    let read = {
        let transaction = card.transaction().map_err(failed)?;
        let mut buffer = [0; ANSWER_BYTES_MAX];
        let read = read_record(|command| transaction.transmit(command, &mut buffer).map(<[u8]>::to_vec));
        buffer.fill(0);
        read
    };
    // A reset behind a failure can leave the service believing that no card is there (seen with pcscd 1.9.9).
    let _ = card.disconnect(Disposition::LeaveCard);
    match read {
        Ok(record) => Ok(RecordBytes::new(record)),
        Err(Unread::NotNhi { .. }) => Err((CardFailure::NotNhi, true)),
        Err(Unread::Refused { .. }) => Err((CardFailure::Refused, true)),
        Err(Unread::Cut) => Err((CardFailure::Unreadable, false)),
        Err(Unread::Lost(cause)) => Err(failed(cause)),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "sixty more, and each of them is tried again")]
fn failed(cause: Error) -> Failed {
    match cause {
        Error::NoService | Error::ServiceStopped => (CardFailure::ServiceDown, true),
        Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => (CardFailure::NoReader, true),
        Error::SharingViolation => (CardFailure::Busy, false),
        Error::UnpoweredCard | Error::UnresponsiveCard => (CardFailure::Mute, false),
        Error::NoSmartcard | Error::RemovedCard => (CardFailure::Removed, false),
        _ => (CardFailure::Unreadable, false),
    }
}
