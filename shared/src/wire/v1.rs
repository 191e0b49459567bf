//! Version 1: CBOR (RFC 8949) with numbered fields, so that versions may differ.
//!
//! An entry's bytes are kept as they came: what a later version added survives here.

pub mod confirm;
pub mod document;
pub mod enquiry;
pub mod enrol;
pub mod entry;
pub mod feed;
pub mod frame;
pub mod life;
mod list;
pub mod message;
pub mod run;

/// What came is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not the CBOR that was expected.
    #[error("read {what}: {why}")]
    Cbor {
        /// What was being read.
        what: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// Well-formed, but outside its limits.
    #[error("{what} is outside its limits: {why}")]
    Limit {
        /// Which part.
        what: &'static str,
        /// Which limit.
        why: String,
    },
}

impl WireError {
    pub(crate) fn limit(what: &'static str, why: impl ToString) -> Self {
        Self::Limit { what, why: why.to_string() }
    }
}
