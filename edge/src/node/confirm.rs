//! Before the nation's list refuses somebody the hub is asked, where there is a line (docs/protocol.md).
//!
//! The node makes the question and weighs the answer; it does not wait for it. Without an answer the list decides.

use shared::ids::ProgrammeId;
use shared::rules::quota::filling;
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed};

use super::ask::DocumentText;
use super::history::Source;
use super::sale::{parse, version_for};
use super::{Node, NodeError};
use crate::clock::Reading;

impl Node {
    /// What to ask the hub about somebody; none where the nation's list says nothing that matters today.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn question(
        &mut self,
        programme: Option<&ProgrammeId>,
        document: &DocumentText,
        reading: Reading,
    ) -> Result<Option<Confirm>, NodeError> {
        let (_, today) = self.today(reading);
        let versions = self.versions();
        let (Ok(document), Some(version)) = (parse(document, today), version_for(&versions, programme, today)) else {
            return Ok(None);
        };
        let history = self.history(version, &document.person(), today, None)?;
        let is_listed = |at| matches!(history.sources.get(at), Some(Source::Nation { .. }));
        if !filling(version, &history.past, today).any(is_listed) {
            return Ok(None);
        }
        let nonce = (self.dice)();
        let document = self.keys.seal(&Confirm::place(nonce), 0, &document)?;
        let (programme, from) = (version.programme.clone(), version.window.reached_from(today));
        Ok(Some(Confirm { programme, from, nonce, document }))
    }

    /// The purchases of an answer that can take the list's place: of a hub that could open the question and that has
    /// not told this site more than it knows itself.
    pub(super) fn told<'a>(&self, answer: Option<&'a Confirmed>) -> Option<&'a [Bought]> {
        answer.filter(|answer| answer.feed >= self.line.feed)?.purchases.as_deref()
    }
}
