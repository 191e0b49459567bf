//! The answers that would be right, and what an edge may believe when it gives them.

use std::fmt;

use chrono::NaiveDate;

use super::lines::Output;

/// One answer that would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Sold,
    Refused(&'static str),
    /// Bought already: with this next date, or with any.
    Bought(Option<NaiveDate>),
}

impl Right {
    pub(super) fn fits(self, answer: &Output) -> bool {
        let is = |verdict: &str, reason: Option<&str>| {
            answer.verdict.as_deref() == Some(verdict) && answer.reason.as_deref() == reason
        };
        match self {
            Self::Sold => is("sold", None) && answer.next.is_none(),
            Self::Refused(reason) => is("refused", Some(reason)) && answer.next.is_none(),
            Self::Bought(next) => {
                is("refused", Some("bought")) && answer.next.is_some() && (next.is_none() || answer.next == next)
            }
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sold => write!(out, "sold"),
            Self::Refused(reason) => write!(out, "refused {reason}"),
            Self::Bought(Some(next)) => write!(out, "refused bought next {next}"),
            Self::Bought(None) => write!(out, "refused bought"),
        }
    }
}

/// What an edge may believe about earlier purchases: nothing in the window, or one until a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Belief {
    Free,
    Until(NaiveDate),
    UntilSomeDay,
}

/// An answer in words.
pub(super) fn told(answer: &Output) -> String {
    let mut words = vec![answer.verdict.clone().unwrap_or_else(|| "nothing".to_owned())];
    words.extend(answer.reason.clone());
    words.extend(answer.next.map(|next| format!("next {next}")));
    words.join(" ")
}
