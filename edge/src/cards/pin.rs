//! A PIN on its way to a card: cleaned from memory behind it, and shown by nothing.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::login::LoginFailure;

/// Fewer bytes no card takes.
pub const PIN_BYTES_MIN: usize = 4;
/// Nor more.
pub const PIN_BYTES_MAX: usize = 16;

/// What somebody typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// What was typed; it is cleaned from memory, whether it can be a PIN or not.
    ///
    /// # Errors
    /// [`LoginFailure::PinLength`] where it has not [`PIN_BYTES_MIN`] to [`PIN_BYTES_MAX`] bytes, or what no key types.
    pub fn new(typed: String) -> Result<Self, LoginFailure> {
        let typed = Zeroizing::new(typed);
        let fits = (PIN_BYTES_MIN..=PIN_BYTES_MAX).contains(&typed.len()) && !typed.chars().any(char::is_control);
        if fits { Ok(Self(typed)) } else { Err(LoginFailure::PinLength) }
    }

    /// For the card.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

/// In hexadecimal, so that no character needs an escape: a reader would unescape it into bytes that nobody cleans.
impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(HEXLOWER.encode(self.0.as_bytes())))
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Hex)
    }
}

/// Reads where the text stands, without a copy.
struct Hex;

impl Visitor<'_> for Hex {
    type Value = Pin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a PIN in hexadecimal")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pin, E> {
        let bad = || E::custom("no PIN");
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| bad())?;
        let typed = String::from_utf8(bytes).map_err(|cause| {
            drop(Zeroizing::new(cause.into_bytes()));
            bad()
        })?;
        Pin::new(typed).map_err(|_| bad())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Pin, E> {
        self.visit_str(&Zeroizing::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_shown_by_nothing_and_comes_back() {
        let pin = Pin::new("8\"7\\6大".to_owned()).unwrap();
        assert_eq!(format!("{pin:?}"), "Pin");
        let text = serde_json::to_string(&pin).unwrap();
        assert!(!text.contains('\\'), "nothing to unescape: {text}");
        assert_eq!(serde_json::from_str::<Pin>(&text).unwrap(), pin);
        assert_eq!(pin.reveal(), "8\"7\\6大");
        for bad in [r#""313233""#, r#""3132333g""#, r#""ffffffff""#, "1234", "null"] {
            let said = serde_json::from_str::<Pin>(bad).unwrap_err().to_string();
            assert!(!said.contains("3132"), "{said}");
        }
    }

    #[test]
    fn a_pin_has_four_to_sixteen_bytes() {
        for (typed, fits) in [("123", false), ("1234", true), ("1234567890123456", true), ("12345678901234567", false)]
        {
            assert_eq!(Pin::new(typed.to_owned()).is_ok(), fits, "{typed}");
        }
        assert_eq!(Pin::new("1234\n".to_owned()), Err(LoginFailure::PinLength));
    }
}
