//! The checksum of national identity numbers and UI numbers, old and new
//! (decision 10). The algorithm is that of `identity_vectors.json`; the vectors
//! are tested in `tests/identity_vectors.rs`.

/// The letters in the order of their values, from A = 10 to O = 35.
const LETTERS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
/// The weights of the eight digits after the second place.
const WEIGHTS: [u32; 8] = [7, 6, 5, 4, 3, 2, 1, 1];

/// Whose number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// 國民身分證統一編號: letter, 1 or 2, eight digits.
    National,
    /// 統一證號 since 2021-01-02: letter, 8 or 9, eight digits.
    UiNew,
    /// 統一證號 before: letter, A to D, eight digits.
    UiOld,
}

/// Why a text is none of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// Letters and digits stand in the wrong places.
    #[error("not the shape of an identity number")]
    Shape,
    /// The check digit does not fit.
    #[error("wrong check digit")]
    Checksum,
}

/// Which kind of identity number a normalised text is.
///
/// # Errors
/// [`BadNumber::Shape`] before [`BadNumber::Checksum`].
pub fn number_kind(text: &str) -> Result<NumberKind, BadNumber> {
    let bytes: [u8; 10] = text.as_bytes().try_into().map_err(|_| BadNumber::Shape)?;
    let [first, second, rest @ ..] = bytes;
    let letter = letter_value(first).ok_or(BadNumber::Shape)?;
    let (kind, second) = second_place(second).ok_or(BadNumber::Shape)?;
    if !rest.iter().all(u8::is_ascii_digit) {
        return Err(BadNumber::Shape);
    }
    let digits: u32 = WEIGHTS.iter().zip(rest).map(|(weight, c)| weight * u32::from(c - b'0')).sum();
    let sum = letter / 10 + letter % 10 * 9 + second * 8 + digits;
    if sum.is_multiple_of(10) { Ok(kind) } else { Err(BadNumber::Checksum) }
}

/// The second place: a digit says its value, an old UI number's letter the last digit of its own.
fn second_place(c: u8) -> Option<(NumberKind, u32)> {
    match c {
        b'1' | b'2' => Some((NumberKind::National, u32::from(c - b'0'))),
        b'8' | b'9' => Some((NumberKind::UiNew, u32::from(c - b'0'))),
        b'A'..=b'D' => Some((NumberKind::UiOld, letter_value(c)? % 10)),
        _ => None,
    }
}

fn letter_value(c: u8) -> Option<u32> {
    let place = LETTERS.iter().position(|letter| *letter == c)?;
    u32::try_from(place).ok().map(|place| place + 10)
}
