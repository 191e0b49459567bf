//! What people type: full-width letters, digits and marks become half-width
//! before anybody reads a number or a date (M5, M6).

/// The text with full-width forms (U+FF01 to U+FF5E) and the ideographic space made half-width.
pub(super) fn half_width(text: &str) -> String {
    text.chars().map(half_width_char).collect()
}

fn half_width_char(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_becomes_half_width() {
        assert_eq!(half_width("Ａ１２３　４５－／ｚ"), "A123 45-/z");
        assert_eq!(half_width("口罩"), "口罩");
    }
}
