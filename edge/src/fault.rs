//! What went wrong, in words for the people at the counter: the deed, the cause, what to do.
//!
//! A fault is no refusal (`shared::rules::refusal`): the machine, the folder, the line or the
//! request is not as it should be. Both languages are always there.

use std::error::Error;

/// Whose it is to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The request's: asked otherwise, it would be answered.
    Caller,
    /// This machine's, its folder's or the line's.
    Machine,
}

/// A fault with its words and, for the log, its cause.
#[derive(Debug, thiserror::Error)]
#[error("{en}")]
pub struct Fault {
    /// A stable name for machines.
    pub code: &'static str,
    /// Whose it is to mend.
    pub blame: Blame,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// What lay beneath; for the log, never for a caller on the line.
    #[source]
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault of the machine, without a deeper cause.
    pub fn new(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { code, blame: Blame::Machine, zh: zh.into(), en: en.into(), cause: None }
    }

    /// A request that cannot be meant.
    pub fn asked(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { blame: Blame::Caller, ..Self::new(code, zh, en) }
    }

    /// Keeps the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The causes beneath, in one line for people: outermost first.
    #[must_use]
    pub fn causes(&self) -> String {
        let mut words = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = self.cause.as_deref().map(|cause| cause as _);
        while let Some(cause) = next {
            words.push(cause.to_string());
            next = cause.source();
        }
        words.join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_stand_in_one_line() {
        let inner = std::io::Error::other("disk full");
        let fault = Fault::new("folder", "無法寫入資料夾", "write the data folder").because(inner);
        assert_eq!((fault.to_string().as_str(), fault.causes().as_str()), ("write the data folder", "disk full"));
    }
}
