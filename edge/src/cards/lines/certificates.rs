//! What the helper says of certificate cards: bytes, and what their tokens say of the PIN.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::login::LoginFailure;
use super::hex;

/// So many cards are told of.
pub const CARDS_MAX: usize = 8;
/// So many certificates of a card; a citizen's has four.
pub const CARD_CERTIFICATES_MAX: usize = 8;
/// Longest certificate that is told of, in bytes; a longer one is left out.
pub const CERTIFICATE_BYTES_MAX: usize = 4 * 1024;
/// Longest name of a token, of a reader, of a label.
pub const TOKEN_BYTES_MAX: usize = 256;

/// A certificate card, as it can be read without a PIN.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CardCertificates {
    /// Names this very card in this very slot, for [`super::Ask::Sign`]; what it says is the helper's business.
    pub token: String,
    /// The slot's description: most often the reader's name.
    pub reader: String,
    /// The token's label.
    pub label: String,
    /// All its certificates that are not too long (DER), in the order of the card.
    #[serde(with = "hex::certificates")]
    pub certificates: Vec<Vec<u8>>,
    /// How often the PIN may still be wrong.
    pub pin: PinState,
    /// The PIN can be typed on the reader itself.
    pub has_pad: bool,
}

/// A certificate names somebody: no log shows it.
impl fmt::Debug for CardCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardCertificates")
            .field("reader", &self.reader)
            .field("certificates", &self.certificates.len())
            .field("pin", &self.pin)
            .field("has_pad", &self.has_pad)
            .finish_non_exhaustive()
    }
}

/// What a token says of its PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinState {
    /// Nothing.
    Fine,
    /// It was wrong since it was last right.
    FewTries,
    /// If it is wrong once more the card locks.
    LastTry,
    /// The card is locked.
    Locked,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// At least one, at most [`CARDS_MAX`].
    Cards(Vec<CardCertificates>),
    /// None.
    Failed(LoginFailure),
}

/// What came of signing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// The card signed.
    Signature(#[serde(with = "hex::bytes")] Vec<u8>),
    /// It did not.
    Failed(LoginFailure),
}
