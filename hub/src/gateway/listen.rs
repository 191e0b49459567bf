//! From bytes to messages, one at a time, so that no line holds more than one frame.
//!
//! A long frame needs room that all lines share, and must be finished in time; so does a short one that inflates to a
//! large message, which lies packed until its site is heard. A sale that has just been made never waits for either.

use std::sync::Arc;
use std::time::Duration;

use quinn::RecvStream;
use shared::ids::SiteCode;
use shared::wire::v1::frame::Deframer;
use shared::wire::v1::message::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::line::End;
use super::manners::Manners;
use super::{Room, code};

/// Read at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;
/// A frame up to here is held without asking, in bytes.
pub(super) const SHORT_BYTES_MAX: usize = 16 * 1024;
/// Long frames that are under way, in all lines, in KiB.
pub(super) const LONG_KIB_MAX: usize = 32 * 1024;
/// Messages above [`SHORT_BYTES_MAX`] that wait for their lines, in all lines, in KiB.
pub(super) const INFLATED_KIB_MAX: usize = 32 * 1024;
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

/// A message, with the room that a large one takes.
pub(super) struct Heard {
    pub(super) message: Message,
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

/// Where messages go, and what they need before they are inflated.
pub(super) struct Ear {
    pub(super) site: SiteCode,
    pub(super) manners: Arc<Manners>,
    pub(super) room: Room,
    pub(super) messages: mpsc::Sender<Heard>,
}

/// Reads a stream to its end; whoever takes the messages decides how fast.
pub(super) async fn listen(mut recv: RecvStream, ear: Ear) -> End {
    let mut deframer = Deframer::default();
    let mut long: Option<(OwnedSemaphorePermit, Instant)> = None;
    loop {
        let length = deframer.unfinished().filter(|length| *length > SHORT_BYTES_MAX);
        long = match (long.take(), length) {
            (_, None) => None,
            (Some(held), Some(_)) => Some(held),
            (None, Some(length)) => match room_for(&ear.room.heard, length).await {
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
        if let Err(end) = ear.pass_on(&mut deframer).await {
            return end;
        }
    }
}

impl Ear {
    async fn pass_on(&self, deframer: &mut Deframer) -> Result<(), End> {
        loop {
            let room = match deframer.complete().filter(|bytes| *bytes > SHORT_BYTES_MAX) {
                Some(bytes) => Some(self.room_to_inflate(bytes).await?),
                None => None,
            };
            let Some(message) = deframer.next_message().map_err(End::bad)? else { return Ok(()) };
            let heard = Heard { message, _room: room };
            self.messages.send(heard).await.map_err(|_| End::new(code::DONE, "the line has ended"))?;
        }
    }

    /// A site that is not heard takes no room meanwhile.
    async fn room_to_inflate(&self, bytes: usize) -> Result<OwnedSemaphorePermit, End> {
        while let Some(until) = self.manners.heard_at(&self.site, Instant::now()) {
            sleep_until(until).await;
        }
        let room = room_for(&self.room.inflated, bytes).await;
        room.ok_or_else(|| End::new(code::TROUBLE, "too many large messages at once; come again later"))
    }
}

/// Room for a long frame; none where the others give none back in time.
pub(super) async fn room_for(room: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
    timeout(ROOM_PATIENCE, room.clone().acquire_many_owned(kib)).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use shared::wire::v1::frame;
    use shared::wire::v1::message::Refused;

    use super::*;

    const SOON: Duration = Duration::from_millis(100);

    /// A short frame that becomes a large message.
    fn swollen() -> Deframer {
        let why = "a".repeat(600 * 1024);
        let bytes = frame::encode(&Message::Refused(Refused { id: None, why })).unwrap();
        assert!(bytes.len() < SHORT_BYTES_MAX);
        let mut deframer = Deframer::default();
        deframer.take(&bytes);
        deframer
    }

    fn ear(room: &Room, manners: &Arc<Manners>) -> (Ear, mpsc::Receiver<Heard>) {
        let (messages, heard) = mpsc::channel(1);
        let site = "5931102274".parse().unwrap();
        (Ear { site, manners: manners.clone(), room: room.clone(), messages }, heard)
    }

    #[tokio::test]
    async fn large_messages_of_short_frames_share_a_room_over_all_lines() {
        let room = Room { inflated: Arc::new(Semaphore::new(1024)), ..Room::default() };
        let manners = Arc::default();
        let ((one, mut of_one), (two, mut of_two)) = (ear(&room, &manners), ear(&room, &manners));
        one.pass_on(&mut swollen()).await.unwrap();
        let mut second = swollen();
        assert!(timeout(SOON, two.pass_on(&mut second)).await.is_err(), "there is room for one");
        assert!(of_two.try_recv().is_err());
        let mut small = Deframer::default();
        small.take(&frame::encode(&Message::Ask { echo: 1 }).unwrap());
        two.pass_on(&mut small).await.unwrap();
        assert_eq!(of_two.recv().await.unwrap().message, Message::Ask { echo: 1 }, "a short message waits for none");
        drop(of_one.recv().await.unwrap());
        two.pass_on(&mut second).await.unwrap();
        assert!(of_two.recv().await.is_some());
    }

    #[tokio::test]
    async fn a_site_that_is_not_heard_takes_no_room() {
        let (room, manners) = (Room::default(), Arc::new(Manners::default()));
        let (ear, _heard) = ear(&room, &manners);
        for _ in 0..8 {
            manners.bad(ear.site, Instant::now());
        }
        assert!(timeout(SOON, ear.pass_on(&mut swollen())).await.is_err());
        assert_eq!(room.inflated.available_permits(), INFLATED_KIB_MAX);
    }
}
