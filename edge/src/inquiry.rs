//! The way of a question about somebody to the hub, while there is a line that takes it.
//!
//! Whoever asks waits a second and no longer; the node waits for nobody.

use std::time::Duration;

use shared::sync::edge::CONFIRMS_IN_FLIGHT_MAX;
use shared::wire::v1::confirm::{Confirm, Confirmed};
use tokio::sync::{mpsc, oneshot, watch};

use crate::node::confirm::{Confirmation, Question};

/// People at a counter wait no longer: then the nation's list decides.
const PATIENCE: Duration = Duration::from_secs(1);

/// A question, and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Inquiry {
    pub(crate) confirm: Confirm,
    pub(crate) answer: oneshot::Sender<Confirmed>,
}

/// Where questions go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inquiries {
    line: watch::Sender<Option<mpsc::Sender<Inquiry>>>,
}

impl Inquiries {
    /// From now on to whoever holds this; to nobody once it is dropped.
    pub(crate) fn open(&self) -> mpsc::Receiver<Inquiry> {
        let (line, inquiries) = mpsc::channel(CONFIRMS_IN_FLIGHT_MAX);
        self.line.send_replace(Some(line));
        inquiries
    }

    /// A question with what the hub says; none where there is no line, or no answer in time.
    pub(crate) async fn ask(&self, question: Question) -> Option<Confirmation> {
        let said = self.said(question.ask.clone()).await?;
        Some(question.answered(said))
    }

    async fn said(&self, confirm: Confirm) -> Option<Confirmed> {
        let line = self.line.borrow().clone()?;
        let (answer, answered) = oneshot::channel();
        line.try_send(Inquiry { confirm, answer }).ok()?;
        tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()
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
        let inquiries = Inquiries::default();
        assert_eq!(inquiries.said(question()).await, None, "there is no line");
        let mut line = inquiries.open();
        assert_eq!(inquiries.said(question()).await, None, "the hub says nothing");
        assert!(line.recv().await.unwrap().answer.is_closed());
        let told = Confirmed { nonce: [1; 16], feed: 3, from: question().from, purchases: None };
        let answering = async { line.recv().await.unwrap().answer.send(told.clone()).unwrap() };
        assert_eq!(tokio::join!(inquiries.said(question()), answering).0.as_ref(), Some(&told));
        drop(line);
        assert_eq!(inquiries.said(question()).await, None, "the line is gone");
    }
}
