//! The way of a question to the hub while somebody stands at the counter, as long as there is a line that takes it.
//!
//! Whoever asks waits a second and no longer; the node waits for nobody.

use std::time::Duration;

use shared::wire::v1::confirm::{Confirm, Confirmed};
use shared::wire::v1::enquiry::{Enquiry, Told};
use tokio::sync::{mpsc, oneshot, watch};

use crate::node::confirm::{Confirmation, Question};

/// People at a counter wait no longer: then what is known here decides.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// A question, and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Inquiry<Q, A> {
    pub(crate) ask: Q,
    pub(crate) answer: oneshot::Sender<A>,
}

/// Where questions go.
#[derive(Clone, Debug)]
pub(crate) struct Inquiries<Q, A> {
    line: watch::Sender<Option<mpsc::Sender<Inquiry<Q, A>>>>,
}

/// About what somebody has bought (docs/protocol.md).
pub(crate) type Confirms = Inquiries<Confirm, Confirmed>;
/// About booked places (docs/booking.md).
pub(crate) type Enquiries = Inquiries<Enquiry, Told>;

impl<Q, A> Default for Inquiries<Q, A> {
    fn default() -> Self {
        Self { line: watch::Sender::new(None) }
    }
}

impl<Q, A> Inquiries<Q, A> {
    /// From now on to whoever holds this, so many at once; to nobody once it is dropped.
    pub(crate) fn open(&self, most: usize) -> mpsc::Receiver<Inquiry<Q, A>> {
        let (line, inquiries) = mpsc::channel(most);
        self.line.send_replace(Some(line));
        inquiries
    }

    /// What the hub says; none where there is no line, or no answer in time.
    pub(crate) async fn said(&self, ask: Q) -> Option<A> {
        let line = self.line.borrow().clone()?;
        let (answer, answered) = oneshot::channel();
        // In a rush a question waits for its turn, within the same second.
        let asking = async {
            line.send(Inquiry { ask, answer }).await.ok()?;
            answered.await.ok()
        };
        tokio::time::timeout(PATIENCE, asking).await.ok()?
    }
}

impl Confirms {
    /// A question with what the hub says; none where there is no line, or no answer in time.
    pub(crate) async fn ask(&self, question: Question) -> Option<Confirmation> {
        let said = self.said(question.ask.clone()).await?;
        Some(question.answered(said))
    }
}

#[cfg(test)]
mod tests {
    use shared::entry::Sealed;

    use super::*;

    fn question() -> Confirm {
        let (programme, from) = ("mask".parse().unwrap(), "2020-02-06".parse().unwrap());
        Confirm { programme, from, nonce: [1; 16], document: Sealed(vec![]) }
    }

    #[tokio::test]
    async fn without_a_line_or_an_answer_nobody_waits_for_long() {
        let inquiries = Confirms::default();
        assert_eq!(inquiries.said(question()).await, None, "there is no line");
        let mut line = inquiries.open(4);
        assert_eq!(inquiries.said(question()).await, None, "the hub says nothing");
        assert!(line.recv().await.unwrap().answer.is_closed());
        let told = Confirmed { nonce: [1; 16], feed: 3, from: question().from, purchases: None };
        let answering = async { line.recv().await.unwrap().answer.send(told.clone()).unwrap() };
        assert_eq!(tokio::join!(inquiries.said(question()), answering).0.as_ref(), Some(&told));
        drop(line);
        assert_eq!(inquiries.said(question()).await, None, "the line is gone");
    }

    #[tokio::test]
    async fn in_a_rush_a_question_waits_for_its_turn() {
        let inquiries = Confirms::default();
        let mut line = inquiries.open(1);
        let told = Confirmed { nonce: [1; 16], feed: 3, from: question().from, purchases: None };
        let answering = async {
            for _ in 0..3 {
                line.recv().await.unwrap().answer.send(told.clone()).unwrap();
            }
        };
        let asking =
            async { tokio::join!(inquiries.said(question()), inquiries.said(question()), inquiries.said(question())) };
        let (said, ()) = tokio::join!(asking, answering);
        assert!(said.0.is_some() && said.1.is_some() && said.2.is_some(), "more questions than the line takes at once");
    }
}
