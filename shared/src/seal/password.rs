//! Passwords of people who sign in: what is taken for one, and the hash that is kept (NIST SP 800-63B: long enough, not
//! one that everybody tries, no rules of composition; Argon2id, RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::passphrase::{Cost, SALT_BYTES};

/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// What a guess at a password costs: OWASP's first choice, 19 MiB and two passes.
pub const COST: Cost = Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

const FORM: &str = "argon2id";
const HASH_BYTES: usize = 32;
/// What is tried first where passwords are guessed, of those that are long enough; compared without case and blanks.
const COMMONEST: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789abc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abcdefghijkl",
    "abc123456789",
    "adminadminadmin",
    "administrator",
    "changemeplease",
    "changeme1234",
    "correcthorsebatterystaple",
    "iloveyou1234",
    "letmeinletmein",
    "letmein12345",
    "passw0rd1234",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "p@ssw0rd1234",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "welcome12345",
    "welcome123456",
    "zxcvbnmasdfg",
];

/// What somebody types to sign in; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Too short.
    #[error("密碼至少 {PASSWORD_CHARS_MIN} 個字元 a password has at least {PASSWORD_CHARS_MIN} characters")]
    Short,
    /// Too long.
    #[error("密碼過長 a password has at most {PASSWORD_BYTES_MAX} bytes")]
    Long,
    /// Everybody tries it.
    #[error("這是最常見的密碼之一 this is among the passwords that are tried first")]
    Common,
    /// It is the name, or little more.
    #[error("密碼不可為帳號名稱 a password is not the name")]
    Name,
}

/// A hash that cannot be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password's hash cannot be made or read")]
pub struct BadHash;

impl Password {
    /// As it was typed, to be compared: whatever it is. One line end at its end is not part of it.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let text = text.strip_suffix('\n').unwrap_or(text);
        Self(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }

    /// Whether it may be somebody's new password.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, name: &str) -> Result<(), BadPassword> {
        let plain = plain(&self.0);
        if self.0.chars().count() < PASSWORD_CHARS_MIN {
            return Err(BadPassword::Short);
        }
        if self.0.len() > PASSWORD_BYTES_MAX {
            return Err(BadPassword::Long);
        }
        if is_one_repeated(&plain) || COMMONEST.contains(&plain.as_str()) {
            return Err(BadPassword::Common);
        }
        if is_little_more_than(&plain, &self::plain(name)) { Err(BadPassword::Name) } else { Ok(()) }
    }

    /// What is kept of it; `salt` is random and never used again.
    ///
    /// # Errors
    /// Where the library refuses.
    pub fn hash(&self, salt: &[u8; SALT_BYTES], cost: Cost) -> Result<String, BadHash> {
        let hash = BASE64.encode(&*self.derive(salt, cost)?);
        let Cost { memory_kib, passes, lanes } = cost;
        Ok(format!("{FORM} {memory_kib} {passes} {lanes} {} {hash}", BASE64.encode(salt)))
    }

    /// Whether it is the one of which this was kept.
    ///
    /// # Errors
    /// Where that is no hash of ours, or the library refuses.
    pub fn is(&self, kept: &str) -> Result<bool, BadHash> {
        let fields: [&str; 6] = kept.split(' ').collect::<Vec<_>>().try_into().map_err(|_| BadHash)?;
        let [form, memory, passes, lanes, salt, hash] = fields;
        let number = |text: &str| text.parse::<u32>().map_err(|_| BadHash);
        let cost = Cost { memory_kib: number(memory)?, passes: number(passes)?, lanes: number(lanes)? };
        let bytes = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| BadHash);
        let salt: [u8; SALT_BYTES] = bytes(salt)?.try_into().map_err(|_| BadHash)?;
        if form != FORM {
            return Err(BadHash);
        }
        let found = self.derive(&salt, cost)?;
        Ok(aws_lc_rs::constant_time::verify_slices_are_equal(&*found, &bytes(hash)?).is_ok())
    }

    fn derive(&self, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; HASH_BYTES]>, BadHash> {
        let params = cost.params().map_err(|_| BadHash)?;
        let argon = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut out = Zeroizing::new([0; HASH_BYTES]);
        argon.hash_password_into(self.0.as_bytes(), salt, &mut *out).map_err(|_| BadHash)?;
        Ok(out)
    }
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn is_one_repeated(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_none_or(|first| chars.all(|c| c == first))
}

/// The name over and over, or with some digits or signs behind it.
fn is_little_more_than(text: &str, name: &str) -> bool {
    let mut rest = text;
    while let Some(behind) = rest.strip_prefix(name).filter(|_| !name.is_empty()) {
        rest = behind;
    }
    rest.len() < text.len() && rest.chars().all(|c| !c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[test]
    fn length_counts_and_nothing_else_but_what_everybody_tries() {
        let table = [
            ("short", Err(BadPassword::Short)),
            ("elevenchars", Err(BadPassword::Short)),
            ("twelve chars", Ok(())),
            ("一二三四五六七八九十十一", Ok(())),
            ("all lower case words", Ok(())),
            ("Password1234", Err(BadPassword::Common)),
            ("correct horse battery staple", Err(BadPassword::Common)),
            ("aaaaaaaaaaaaaaaa", Err(BadPassword::Common)),
            ("            ", Err(BadPassword::Common)),
            ("alice-in-hsinchu", Ok(())),
            ("alice.wang2020!!", Err(BadPassword::Name)),
            ("Alice.Wang Alice.Wang", Err(BadPassword::Name)),
        ];
        for (text, want) in table {
            assert_eq!(Password::typed(text).check("alice.wang"), want, "{text}");
        }
        assert_eq!(Password::typed(&"ab".repeat(600)).check("x"), Err(BadPassword::Long));
        assert!(Password::typed("xyzzyxyzzyxyzzy").check("x").is_ok(), "a short name says little");
    }

    #[test]
    fn only_the_password_fits_its_hash_and_the_hash_does_not_tell_it() {
        let right = Password::typed("twelve chars\n");
        let kept = right.hash(&[7; SALT_BYTES], CHEAP).unwrap();
        assert!(!kept.contains("twelve"));
        assert_eq!(Password::typed("twelve chars").is(&kept), Ok(true));
        for wrong in ["twelve charz", "", "Twelve chars"] {
            assert_eq!(Password::typed(wrong).is(&kept), Ok(false), "{wrong}");
        }
        assert_ne!(kept, right.hash(&[8; SALT_BYTES], CHEAP).unwrap());
        assert!(!format!("{right:?}").contains("twelve"));
    }

    #[test]
    fn what_is_no_hash_is_told_and_costs_nothing() {
        let kept = Password::typed("twelve chars").hash(&[7; SALT_BYTES], CHEAP).unwrap();
        for bad in ["", "argon2id", &kept[1..], &kept.replace("64 1 1", "4000000000 1 1"), &kept.replace("64 1", "x 1")]
        {
            assert_eq!(Password::typed("twelve chars").is(bad), Err(BadHash), "{bad}");
        }
    }

    #[test]
    fn the_list_of_the_commonest_is_as_it_is_compared() {
        for common in COMMONEST {
            assert!(plain(common) == **common && common.chars().count() >= PASSWORD_CHARS_MIN, "{common}");
        }
    }
}
