//! The exchange between an edge and the hub, without I/O: inputs in, outputs out.
//!
//! The same machines run over QUIC, in the replay and in the simulated town. The shell that
//! drives one carries out its outputs in order and answers with inputs.

pub mod backoff;
pub mod edge;
pub mod handshake;
pub mod hub;

/// Why a session ends by its own decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// The other end speaks another protocol or builds other bytes.
    #[error("the other end speaks {0}; one of the two must be updated")]
    Version(String),
    /// The certificate names another site.
    #[error("the certificate is for {certified}, the edge says {said}")]
    Identity {
        /// By the certificate.
        certified: String,
        /// By the greeting.
        said: String,
    },
    /// A message that cannot come now.
    #[error("unexpected {0}")]
    Unexpected(&'static str),
    /// More unanswered messages than agreed.
    #[error("the other end sends without waiting")]
    Flood,
    /// The edge has taken a new incarnation, or begins with the hub anew: it dials again at once.
    #[error("this site's store begins a new life")]
    Anew,
    /// The other end closed and said why.
    #[error("refused by the other end: {0}")]
    Refused(String),
}
