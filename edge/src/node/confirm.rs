//! Before the nation's list refuses somebody the hub is asked, where there is a line (docs/protocol.md).
//!
//! The node makes the question and weighs the answer; it does not wait for it. Without an answer the list decides.

use chrono::NaiveDate;
use shared::ids::{Incarnation, ProgrammeId};
use shared::rules::quota::filling;
use shared::wire::v1::confirm::{Bought, Confirm, Confirmed};

use super::ask::DocumentText;
use super::history::Source;
use super::sale::{parse, version_for};
use super::{Node, NodeError};
use crate::clock::Reading;

/// What to ask the hub about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// As it goes over the line.
    pub ask: Confirm,
    /// The life of the hub whose list it is about.
    hub: Incarnation,
}

/// A question with the hub's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    question: Question,
    said: Confirmed,
}

impl Question {
    /// The hub has answered it.
    #[must_use]
    pub fn answered(self, said: Confirmed) -> Confirmation {
        Confirmation { question: self, said }
    }
}

impl Confirmation {
    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> &Confirm {
        &self.question.ask
    }

    /// What the hub has said.
    #[must_use]
    pub fn said(&self) -> &Confirmed {
        &self.said
    }
}

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
    ) -> Result<Option<Question>, NodeError> {
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
        Ok(Some(Question { ask: Confirm { programme, from, nonce, document }, hub: self.line.hub_life }))
    }

    /// The purchases of an answer that can take the list's place: where it is about this programme and all of the days
    /// that matter, and the hub has not told this site more than it knew itself when it answered.
    pub(super) fn confirmed<'a>(
        &self,
        answer: Option<&'a Confirmation>,
        programme: &ProgrammeId,
        from: NaiveDate,
    ) -> Option<&'a [Bought]> {
        let fits = |Confirmation { question, said }: &&Confirmation| {
            question.hub == self.line.hub_life
                && question.ask.programme == *programme
                && said.from <= from
                && said.feed >= self.line.feed
        };
        answer.filter(fits)?.said.purchases.as_deref()
    }
}
