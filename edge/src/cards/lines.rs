//! What `atoll-card` and the edge say to each other: JSON, one object a line, over the helper's standard input and output.
//!
//! The helper only moves bytes: it says which readers and cards there are, and gives a card's record as it read it. What a
//! record means the edge decides.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::failure::CardFailure;
use super::nhi::RECORD_BYTES;
use super::pin::Pin;

mod certificates;
mod hex;

pub use certificates::{
    CARD_CERTIFICATES_MAX, CARDS_MAX, CERTIFICATE_BYTES_MAX, CardCertificates, Found, PinState, Signed, TOKEN_BYTES_MAX,
};

/// What this library speaks; another one is not listened to.
pub const PROTOCOL: u32 = 2;
/// Longest line of the helper's: that of all certificates.
pub const LINE_BYTES_MAX: usize = 640 * 1024;
/// Longest line of the edge's: a message to sign. A reader's name has at most 128 bytes.
pub const ASK_BYTES_MAX: usize = 8 * 1024;
/// Longest message that a card is asked to sign.
pub const MESSAGE_BYTES_MAX: usize = 1_024;
/// A card that has not answered by then hangs, in milliseconds.
pub const READ_LIMIT_MS: u64 = 5_000;
/// The module of a certificate card that has not answered by then hangs, in milliseconds.
pub const MODULE_LIMIT_MS: u64 = 10_000;
/// The same where somebody types on the reader's own pad.
pub const PAD_LIMIT_MS: u64 = 60_000;

const _: () = assert!(
    2 * CARDS_MAX * CARD_CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX + 16 * 1024 <= LINE_BYTES_MAX,
    "a line holds all certificates of all cards"
);
const _: () = assert!(2 * MESSAGE_BYTES_MAX + 1_024 <= ASK_BYTES_MAX, "an ask holds a message");

/// Helper → edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum Said {
    /// First.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// No real readers: cards are inserted from the page.
        demonstration: bool,
    },
    /// Once a second: the readers are being watched.
    Alive,
    /// Whether the system's card service is there.
    Service {
        /// It is.
        up: bool,
    },
    /// Which readers there are now, all of them.
    Readers {
        /// By the names that the system gives them.
        readers: Vec<String>,
    },
    /// A card came or went.
    Card {
        /// In which reader.
        reader: String,
        /// Counts: another card, or the same one again, has another number.
        insertion: u64,
        /// What happened.
        state: CardState,
    },
    /// The answer to [`Ask::Read`].
    Read {
        /// Of which reader.
        reader: String,
        /// Of which insertion.
        insertion: u64,
        /// How long it took, in milliseconds.
        ms: u64,
        /// How often it was tried.
        tries: u32,
        /// The record, or why there is none.
        outcome: Outcome,
    },
    /// The answer to [`Ask::Certificates`].
    Certificates {
        /// To which ask.
        ask: u64,
        /// The cards, or why there are none.
        outcome: Found,
    },
    /// The answer to [`Ask::Sign`].
    Signed {
        /// To which ask.
        ask: u64,
        /// The signature, or why there is none.
        outcome: Signed,
    },
}

/// Where a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// In the reader.
    Inserted,
    /// In the reader, and silent.
    Mute,
    /// Gone.
    Removed,
}

/// What came of reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The record's bytes.
    Record(RecordBytes),
    /// None.
    Failed(CardFailure),
}

/// A record as it was read. It names somebody: no log shows it, and this copy of it is cleaned from memory.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordBytes(Zeroizing<Vec<u8>>);

impl RecordBytes {
    /// Of these bytes; more than a record has are cut, for [`super::nhi::read`] to refuse.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>) -> Self {
        bytes.truncate(RECORD_BYTES + 1);
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RecordBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordBytes({} bytes)", self.0.len())
    }
}

impl Serialize for RecordBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(HEXLOWER.encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for RecordBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        HEXLOWER.decode(text.as_bytes()).map(Self::new).map_err(serde::de::Error::custom)
    }
}

/// Edge → helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Ask {
    /// Read the NHI record of this insertion, and of no other.
    Read {
        /// In which reader.
        reader: String,
        /// Which card.
        insertion: u64,
    },
    /// Which certificate cards are there, and what do they say of themselves? No PIN is needed.
    Certificates {
        /// Counts: the answer names it.
        ask: u64,
    },
    /// Let this card sign a message. The PIN is given to it once.
    Sign {
        /// Counts: the answer names it.
        ask: u64,
        /// Which card, by [`CardCertificates::token`].
        token: String,
        /// By which of its certificates: SHA-256.
        #[serde(with = "hex::hash")]
        certificate: [u8; 32],
        /// None where it is typed on the reader's own pad.
        pin: Option<Pin>,
        /// At most [`MESSAGE_BYTES_MAX`].
        #[serde(with = "hex::bytes")]
        message: Vec<u8>,
    },
    /// Of a demonstration: put a card in.
    Insert {
        /// Into which reader.
        reader: String,
        /// Whose: its place in the list of people.
        person: usize,
    },
    /// Of a demonstration: pull it.
    Pull {
        /// Out of which reader.
        reader: String,
    },
}

/// One line, without its end.
#[must_use]
pub fn line<T: Serialize>(message: &T) -> String {
    // Nothing in these types can fail to be written.
    serde_json::to_string(message).unwrap_or_default()
}

/// An ask's line with its end. It may hold a PIN: the bytes are cleaned, and were never anywhere else.
#[must_use]
pub fn ask_line(ask: &Ask) -> Zeroizing<Vec<u8>> {
    // With room enough from the start: bytes that grow leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(ASK_BYTES_MAX));
    // Nothing in these types can fail to be written.
    let _ = serde_json::to_writer(&mut *text, ask);
    text.push(b'\n');
    text
}

/// A line.
///
/// # Errors
/// Where it is none of ours; the text of the error never repeats the line, which may hold a record.
pub fn parse<T: for<'de> Deserialize<'de>>(line: &str) -> Result<T, BadLine> {
    serde_json::from_str(line).map_err(|cause| BadLine { column: cause.column() })
}

/// A line that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line that cannot be read, at column {column}")]
pub struct BadLine {
    /// Where.
    pub column: usize,
}

#[cfg(test)]
mod tests {
    use super::super::login::LoginFailure;
    use super::*;

    #[test]
    fn every_line_comes_back_as_it_was_written() {
        let reader = || "ACS ACR39U 00 00".to_owned();
        let record = Outcome::Record(RecordBytes::new(vec![0x41; RECORD_BYTES]));
        for said in [
            Said::Hello { protocol: PROTOCOL, demonstration: true },
            Said::Alive,
            Said::Service { up: false },
            Said::Readers { readers: vec![reader()] },
            Said::Card { reader: reader(), insertion: 7, state: CardState::Mute },
            Said::Read { reader: reader(), insertion: 7, ms: 213, tries: 1, outcome: record },
            Said::Read {
                reader: reader(),
                insertion: 8,
                ms: 5_000,
                tries: 3,
                outcome: Outcome::Failed(CardFailure::Hung),
            },
            Said::Certificates { ask: 3, outcome: Found::Cards(vec![card(CERTIFICATE_BYTES_MAX)]) },
            Said::Certificates { ask: 4, outcome: Found::Failed(LoginFailure::ModuleMissing) },
            Said::Signed { ask: 5, outcome: Signed::Signature(vec![7; 256]) },
            Said::Signed { ask: 6, outcome: Signed::Failed(LoginFailure::PinWrong { last_try: true }) },
        ] {
            assert_eq!(parse::<Said>(&line(&said)), Ok(said.clone()), "{said:?}");
            assert!(!line(&said).contains('\n') && line(&said).len() < LINE_BYTES_MAX);
        }
        for ask in [
            Ask::Read { reader: reader(), insertion: 7 },
            Ask::Insert { reader: reader(), person: 2 },
            Ask::Pull { reader: reader() },
            Ask::Certificates { ask: 3 },
            sign(Some(Pin::new("8\"7\\654".to_owned()).unwrap())),
            sign(None),
        ] {
            let text = ask_line(&ask);
            let (end, text) = text.split_last().unwrap();
            assert_eq!((parse::<Ask>(str::from_utf8(text).unwrap()), *end), (Ok(ask.clone()), b'\n'));
            assert_eq!(text, line(&ask).as_bytes());
        }
        assert_eq!(line(&Ask::Pull { reader: reader() }), r#"{"do":"pull","reader":"ACS ACR39U 00 00"}"#);
    }

    /// With as many certificates as a card may have.
    fn card(bytes: usize) -> CardCertificates {
        CardCertificates {
            token: "0/1/5a0102".to_owned(),
            reader: "ACS ACR39U 00 00".to_owned(),
            label: "HiCOS PKI Smart Card".to_owned(),
            certificates: vec![vec![0x30; bytes]; CARD_CERTIFICATES_MAX],
            pin: PinState::LastTry,
            has_pad: true,
        }
    }

    fn sign(pin: Option<Pin>) -> Ask {
        let (token, message) = ("x".repeat(TOKEN_BYTES_MAX), vec![9; MESSAGE_BYTES_MAX]);
        Ask::Sign { ask: u64::MAX, token, certificate: [8; 32], pin, message }
    }

    #[test]
    fn the_longest_lines_fit_and_the_buffer_of_a_pin_never_grows() {
        let all = Found::Cards(vec![card(CERTIFICATE_BYTES_MAX); CARDS_MAX]);
        assert!(line(&Said::Certificates { ask: u64::MAX, outcome: all }).len() < LINE_BYTES_MAX);
        let text = ask_line(&sign(Some(Pin::new("1234567890123456".to_owned()).unwrap())));
        assert_eq!(text.capacity(), ASK_BYTES_MAX);
    }

    #[test]
    fn more_bytes_than_belong_there_are_refused() {
        let cards = |card| line(&Said::Certificates { ask: 1, outcome: Found::Cards(vec![card]) });
        assert!(parse::<Said>(&cards(card(CERTIFICATE_BYTES_MAX + 1))).is_err());
        let mut many = card(1);
        many.certificates.push(vec![]);
        assert!(parse::<Said>(&cards(many)).is_err());
        let signed = |bytes| line(&Said::Signed { ask: 1, outcome: Signed::Signature(vec![0; bytes]) });
        assert!(parse::<Said>(&signed(1_024)).is_ok() && parse::<Said>(&signed(1_025)).is_err());
        let short = line(&sign(None)).replace(&"08".repeat(32), "0808");
        assert!(parse::<Ask>(&short).is_err(), "no hash");
    }

    #[test]
    fn no_pin_and_no_certificate_is_shown() {
        let asked = sign(Some(Pin::new("750315".to_owned()).unwrap()));
        assert!(!format!("{asked:?}").contains("750315"));
        let shown = format!("{:?}", card(8));
        assert!(!shown.contains("48, 48") && !shown.contains("5a0102"), "{shown}");
        let broken = line(&asked).replace("\"do\"", "\"dont\"");
        let said = parse::<Ask>(&broken).unwrap_err().to_string();
        assert!(!said.contains("373530333135"), "{said}");
    }

    #[test]
    fn nobody_is_named_by_what_is_shown_of_a_record_or_of_a_broken_line() {
        let record = RecordBytes::new(b"A123456789".to_vec());
        assert_eq!(format!("{record:?}"), "RecordBytes(10 bytes)");
        let broken = r#"{"say":"read","outcome":{"record":"A123456789"}"#;
        let said = parse::<Said>(broken).unwrap_err().to_string();
        assert!(!said.contains("A123456789"), "{said}");
        assert!(parse::<Said>(r#"{"say":"sing"}"#).is_err() && parse::<Said>("").is_err());
    }

    #[test]
    fn a_record_that_is_too_long_stays_too_long_and_no_longer() {
        assert_eq!(RecordBytes::new(vec![1; 100_000]).bytes().len(), RECORD_BYTES + 1);
    }
}
