//! Questions to certificate cards and who waits for their answers (S12-S15).
//!
//! **Invariant: a question is asked of the helper that runs, once, and of no later one.** What is not answered is
//! answered for: a PIN never waits for a card.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Cards;
use crate::cards::lines::{
    Ask, CardCertificates, Found, MESSAGE_BYTES_MAX, MODULE_LIMIT_MS, PAD_LIMIT_MS, Said, Signed, TOKEN_BYTES_MAX,
};
use crate::cards::login::LoginFailure;
use crate::cards::pin::Pin;

/// The helper answers for a module that hangs; one that does not do even that is waited for so much longer.
const GRACE: Duration = Duration::from_secs(5);
/// No two asks of this process have the same number.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// An ask by its number, and who waits for the answer.
#[derive(Debug)]
pub(super) struct Question {
    number: u64,
    ask: Ask,
    answer: oneshot::Sender<Answer>,
}

/// What comes back.
#[derive(Debug)]
enum Answer {
    Certificates(Found),
    Signed(Signed),
}

/// Who waits for this helper. With it they go, and learn so.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<u64, oneshot::Sender<Answer>>);

impl Waiting {
    /// What to ask; nothing where nobody waits any more.
    pub(super) fn ask(&mut self, question: Question) -> Option<Ask> {
        self.0.retain(|_, answer| !answer.is_closed());
        if question.answer.is_closed() {
            return None;
        }
        self.0.insert(question.number, question.answer);
        Some(question.ask)
    }

    /// Gives an answer to whoever waits for it; what is none comes back.
    pub(super) fn answer(&mut self, said: Said) -> Option<Said> {
        let (ask, answer) = match said {
            Said::Certificates { ask, outcome } => (ask, Answer::Certificates(outcome)),
            Said::Signed { ask, outcome } => (ask, Answer::Signed(outcome)),
            Said::Hello { .. }
            | Said::Alive
            | Said::Service { .. }
            | Said::Readers { .. }
            | Said::Card { .. }
            | Said::Read { .. } => return Some(said),
        };
        if let Some(waits) = self.0.remove(&ask) {
            // Whoever asked may have gone.
            let _ = waits.send(answer);
        }
        None
    }
}

impl Cards {
    /// The certificate cards that are in the readers now; no PIN is needed.
    ///
    /// # Errors
    /// Where there are none, or nobody can say.
    pub async fn certificates(&self) -> Result<Vec<CardCertificates>, LoginFailure> {
        let limit = Duration::from_millis(MODULE_LIMIT_MS) + GRACE;
        match self.question(|ask| Ask::Certificates { ask }, limit).await? {
            Answer::Certificates(Found::Cards(cards)) => Ok(cards),
            Answer::Certificates(Found::Failed(failure)) => Err(failure),
            // To another question under this one's number.
            Answer::Signed(_) => Err(LoginFailure::Refused),
        }
    }

    /// Lets a card sign a message by the key of one of its certificates (`leaf` is its SHA-256). The PIN is given to the
    /// card once, whatever comes of it; without one the reader's own pad asks for it.
    ///
    /// # Errors
    /// Where it does not sign.
    pub async fn sign(
        &self,
        token: &str,
        leaf: [u8; 32],
        pin: Option<Pin>,
        message: &[u8],
    ) -> Result<Vec<u8>, LoginFailure> {
        // Both may come from a page: no helper named a token so long, and no challenge is.
        if token.len() > TOKEN_BYTES_MAX {
            return Err(LoginFailure::Removed);
        }
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(LoginFailure::Refused);
        }
        let limit = if pin.is_some() { MODULE_LIMIT_MS } else { PAD_LIMIT_MS };
        let (token, message) = (token.to_owned(), message.to_vec());
        let sign = |ask| Ask::Sign { ask, token, certificate: leaf, pin, message };
        match self.question(sign, Duration::from_millis(limit) + GRACE).await? {
            Answer::Signed(Signed::Signature(signature)) => Ok(signature),
            Answer::Signed(Signed::Failed(failure)) => Err(failure),
            Answer::Certificates(_) => Err(LoginFailure::Refused),
        }
    }

    async fn question(&self, ask: impl FnOnce(u64) -> Ask, limit: Duration) -> Result<Answer, LoginFailure> {
        if !self.readers.borrow().is_up() {
            return Err(LoginFailure::HelperDown);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let question = Question { number, ask: ask(number), answer };
        self.questions.try_send(question).map_err(|_| LoginFailure::HelperDown)?;
        match timeout(limit, answered).await {
            Ok(answer) => answer.map_err(|_| LoginFailure::HelperDown),
            Err(_) => Err(LoginFailure::Hung),
        }
    }
}
