//! A line that is up: both session machines and the frames on their way.
//!
//! QUIC's stream is reliable and in order, so inside one line nothing is lost, doubled or reordered.
//! When the line goes, everything on its way is lost, and the next one begins with a greeting.

use std::collections::VecDeque;

use anyhow::{Result, ensure};
use edge::clock::Reading;
use shared::ids::{Incarnation, SiteCode};
use shared::sync::{edge as edge_sync, hub as hub_sync};
use shared::wire::v1::frame::{self, Deframer};
use shared::wire::v1::message::Message;

/// Runs up and messages down that may be unanswered, with what a session sends beside them.
const FRAMES_MAX: usize = edge_sync::RUNS_IN_FLIGHT_MAX + hub_sync::GIVEN_IN_FLIGHT_MAX as usize + 32;

/// The two ends of a line.
pub(super) struct Line {
    /// Tells this line from the one before.
    pub(super) epoch: u64,
    pub(super) edge: edge_sync::Session,
    pub(super) hub: hub_sync::Session,
    pub(super) up: Wire,
    pub(super) down: Wire,
    /// The question about the time that is open.
    pub(super) asked: Option<(u64, Reading)>,
    /// As the edge greeted.
    pub(super) incarnation: Option<Incarnation>,
    /// The node wrote something.
    pub(super) edge_grown: bool,
    /// The hub wrote something.
    pub(super) hub_grown: bool,
}

impl Line {
    pub(super) fn new(epoch: u64, site: SiteCode) -> Self {
        Self {
            epoch,
            edge: edge_sync::Session::default(),
            hub: hub_sync::Session::new(site),
            up: Wire::default(),
            down: Wire::default(),
            asked: None,
            incarnation: None,
            edge_grown: false,
            hub_grown: false,
        }
    }
}

/// One direction.
#[derive(Default)]
pub(super) struct Wire {
    frames: VecDeque<(i64, Vec<u8>)>,
    deframer: Deframer,
}

impl Wire {
    /// Sends; what is sent later does not come earlier. Gives the frame's bytes, for the trace.
    pub(super) fn send(&mut self, message: &Message, due_ms: i64) -> Result<&[u8]> {
        let due_ms = self.frames.back().map_or(due_ms, |(last, _)| due_ms.max(*last));
        self.frames.push_back((due_ms, frame::encode(message)?));
        ensure!(self.frames.len() <= FRAMES_MAX, "S11: {} frames on their way", self.frames.len());
        Ok(self.frames.back().map_or(&[], |(_, frame)| frame))
    }

    pub(super) fn is_due(&self, now_ms: i64) -> bool {
        self.frames.front().is_some_and(|(due_ms, _)| *due_ms <= now_ms)
    }

    /// The messages of the next frame.
    pub(super) fn receive(&mut self) -> Result<Vec<Message>> {
        match self.frames.pop_front() {
            Some((_, frame)) => Ok(self.deframer.push(&frame)?),
            None => Ok(Vec::new()),
        }
    }
}
