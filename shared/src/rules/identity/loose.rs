//! Numbers of people in texts that are kept as they are: who stood at the counter, why something was
//! taken back, the key of a request. Those texts are in clear on every disk they reach
//! (docs/at-rest.md), so a number in them is turned away.

use super::number_kind;
use crate::rules::typed::half_width;

/// Length of an identity number and of a mobile phone's, in characters.
const NUMBER_CHARS: usize = 10;
const MOBILE: &str = "09";

/// Whether an identity number that passes its checksum, or a mobile phone's number, stands in the text by itself.
#[must_use]
pub fn holds_number(text: &str) -> bool {
    let text = half_width(text).to_ascii_uppercase();
    let words = || text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words().any(|word| number_kind(word).is_ok()) || phone(&text)
}

/// 0912345678, 0912-345-678, 0912 345 678.
fn phone(text: &str) -> bool {
    let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ' ')));
    parts.flat_map(groups).any(|digits| digits.len() == NUMBER_CHARS && digits.starts_with(MOBILE))
}

/// Every run of neighbouring groups of digits that is not longer than a number.
fn groups(part: &str) -> Vec<String> {
    let words: Vec<&str> = part.split(['-', ' ']).collect();
    let mut out = Vec::new();
    for first in 0..words.len() {
        let mut digits = String::new();
        for word in words.iter().skip(first) {
            let fits = !word.is_empty() && word.bytes().all(|c| c.is_ascii_digit());
            if !fits || digits.len() + word.len() > NUMBER_CHARS {
                break;
            }
            digits.push_str(word);
            out.push(digits.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_people_are_found_where_they_stand_by_themselves() {
        for text in [
            "A123456789",
            "a123456789",
            "Ａ１２３４５６７８９",
            "誤刷A123456789的卡",
            "sell-A123456789-1",
            "王 (A800000014)",
            "0912345678",
            "請電0912-345-678",
            "0912 345 678",
            "two 0912-345678",
        ] {
            assert!(holds_number(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_left_alone() {
        for text in [
            "",
            "王小明",
            "A123456788",
            "XA123456789",
            "A1234567890",
            "5931102274",
            "1580955000123",
            "09123456789",
            "02-2345-6789",
            "109-02-06 10:30",
            "5931102274-0912345",
            "0912-abc-def",
            "9f1c2d3a-0912-4345-8678-a123456789ab",
        ] {
            assert!(!holds_number(text), "{text}");
        }
    }
}
