//! 姓名 and 手機號碼: how somebody who books is called and reached (V4).

use std::fmt;

use crate::rules::typed::half_width;

/// Longest name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 120;
/// Digits of a mobile number in Taiwan, 09 first.
const MOBILE_DIGITS: usize = 10;
/// Typed text longer than this is no telephone number.
const TYPED_CHARS_MAX: usize = 40;

/// Name and mobile number, both checked. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Contact {
    name: String,
    mobile: String,
}

/// What is wrong with it. Never repeats what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BadContact {
    /// No name.
    NoName,
    /// A name that is too long, or holds what no name holds.
    Name,
    /// No mobile number of Taiwan.
    Mobile,
}

impl Contact {
    /// From what was typed: the number in any of its usual forms, `0912-345-678`, `+886 912 345 678`, full width.
    ///
    /// # Errors
    /// What is wrong first, the name before the number.
    pub fn parse(name: &str, mobile: &str) -> Result<Self, BadContact> {
        let name = name.trim();
        if name.is_empty() {
            return Err(BadContact::NoName);
        }
        if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(BadContact::Name);
        }
        Ok(Self { name: name.to_owned(), mobile: mobile_number(mobile).ok_or(BadContact::Mobile)? })
    }

    /// 姓名.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// 手機號碼: ten digits, 09 first.
    #[must_use]
    pub fn mobile(&self) -> &str {
        &self.mobile
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(…)")
    }
}

impl BadContact {
    /// For the people at the counter.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::NoName => "請輸入姓名",
            Self::Name => "姓名過長或含有不能使用的字元，請再確認",
            Self::Mobile => "手機號碼格式不正確，請輸入 09 開頭的 10 碼數字",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::NoName => "enter the name",
            Self::Name => "the name is too long or holds what no name holds: check it",
            Self::Mobile => "not a mobile number: enter ten digits that begin with 09",
        }
    }
}

fn mobile_number(typed: &str) -> Option<String> {
    if typed.chars().count() > TYPED_CHARS_MAX {
        return None;
    }
    let typed: String =
        half_width(typed).chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '(' | ')')).collect();
    let local = match typed.strip_prefix("+886").or_else(|| typed.strip_prefix("00886")) {
        Some(rest) => format!("0{}", rest.trim_start_matches('0')),
        None => typed,
    };
    let fits = local.len() == MOBILE_DIGITS && local.starts_with("09") && local.bytes().all(|c| c.is_ascii_digit());
    fits.then_some(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_has_ten_digits_however_it_is_typed() {
        for typed in [
            "0912345678",
            "0912-345-678",
            " 0912 345 678 ",
            "０９１２３４５６７８",
            "+886 912 345 678",
            "+8860912345678",
        ] {
            assert_eq!(Contact::parse("王大明", typed).unwrap().mobile(), "0912345678", "{typed:?}");
        }
        for typed in ["", "0912", "0812345678", "02-2344-3118", "09123456789", "091234567x", "+1 912 345 678"] {
            assert_eq!(Contact::parse("王大明", typed), Err(BadContact::Mobile), "{typed:?}");
        }
    }

    #[test]
    fn a_name_may_be_rare_and_must_be_there() {
        for name in ["王大明", "𠮷野・Ciwas", "Nguyễn Thị Hoa", "⺼"] {
            assert_eq!(Contact::parse(&format!(" {name} "), "0912345678").unwrap().name(), name);
        }
        assert_eq!(Contact::parse("  ", "0912345678"), Err(BadContact::NoName));
        assert_eq!(Contact::parse("王\n明", "0912345678"), Err(BadContact::Name));
        assert_eq!(Contact::parse(&"王".repeat(41), "0912345678"), Err(BadContact::Name));
        assert_eq!(format!("{:?}", Contact::parse("王大明", "0912345678")), "Ok(Contact(…))");
    }
}
