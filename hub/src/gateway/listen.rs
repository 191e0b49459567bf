//! From bytes to messages, one at a time, so that no line holds more than one frame.
//!
//! A long frame needs room that all lines share, and must be finished in time; a short one, such as a
//! sale that has just been made, never waits for either.

use std::sync::Arc;
use std::time::Duration;

use quinn::RecvStream;
use shared::wire::v1::frame::Deframer;
use shared::wire::v1::message::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use super::code;
use super::line::End;

/// Read at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;
/// A frame up to here is held without asking, in bytes.
pub(super) const SHORT_BYTES_MAX: usize = 16 * 1024;
/// Long frames that are under way, in all lines, in KiB.
pub(super) const LONG_KIB_MAX: usize = 48 * 1024;
/// A long frame waits for its room so long at most.
const ROOM_PATIENCE: Duration = Duration::from_secs(40);
/// A long frame is through after so long, and a second more for so many bytes: half of what 64 kbit/s carry.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
const SLOWEST_BYTES_PER_S: usize = 4 * 1024;

/// How long a frame may be under way, once it has got its room.
pub(super) fn patience(bytes: usize) -> Duration {
    let seconds = u64::try_from(bytes / SLOWEST_BYTES_PER_S).unwrap_or(u64::MAX);
    LONG_PATIENCE.saturating_add(Duration::from_secs(seconds))
}

/// Reads a stream to its end; whoever takes the messages decides how fast.
pub(super) async fn listen(mut recv: RecvStream, room: Arc<Semaphore>, messages: mpsc::Sender<Message>) -> End {
    let mut deframer = Deframer::default();
    let mut long: Option<(OwnedSemaphorePermit, Instant)> = None;
    loop {
        let length = deframer.unfinished().filter(|length| *length > SHORT_BYTES_MAX);
        long = match (long.take(), length) {
            (_, None) => None,
            (Some(held), Some(_)) => Some(held),
            (None, Some(length)) => match room_for(&room, length).await {
                Some(permit) => Some((permit, Instant::now() + patience(length))),
                None => return End::new(code::TROUBLE, "too many long frames at once; come again later"),
            },
        };
        let chunk = match &long {
            Some((_, end)) => timeout_at(*end, recv.read_chunk(CHUNK_BYTES, true)).await,
            None => Ok(recv.read_chunk(CHUNK_BYTES, true).await),
        };
        match chunk {
            Ok(Ok(Some(chunk))) => deframer.take(&chunk.bytes),
            Ok(Ok(None)) => return End::new(code::DONE, "the edge has finished"),
            Ok(Err(cause)) => return End::new(code::DONE, cause),
            Err(_) => return End::bad("a long frame was begun and not finished"),
        }
        if let Err(end) = pass_on(&mut deframer, &messages).await {
            return end;
        }
    }
}

async fn pass_on(deframer: &mut Deframer, messages: &mpsc::Sender<Message>) -> Result<(), End> {
    while let Some(message) = deframer.next_message().map_err(End::bad)? {
        messages.send(message).await.map_err(|_| End::new(code::DONE, "the line has ended"))?;
    }
    Ok(())
}

/// Room for a long frame; none where the others give none back in time.
pub(super) async fn room_for(room: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
    timeout(ROOM_PATIENCE, room.clone().acquire_many_owned(kib)).await.ok()?.ok()
}
