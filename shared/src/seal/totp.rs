//! Six digits that change every 30 seconds, as a telephone shows them (RFC 6238 over RFC 4226, HMAC-SHA-1, which is
//! what every authenticator speaks).

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

/// Length of a key, in bytes (RFC 4226, section 4).
pub const KEY_BYTES: usize = 20;
/// How long a code is good, in seconds.
pub const STEP_S: i64 = 30;
/// So many steps a telephone's clock may be off.
pub const SKEW_STEPS: i64 = 1;
/// Digits of a code.
pub const DIGITS: usize = 6;

const MODULUS: u32 = 1_000_000;

/// The step in which a second lies.
#[must_use]
pub fn step(second: i64) -> i64 {
    second.div_euclid(STEP_S)
}

/// The code of a step.
#[must_use]
pub fn code(key: &[u8; KEY_BYTES], step: i64) -> String {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), &step.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let four = mac.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    let number = (u32::from_be_bytes(four) & 0x7fff_ffff) % MODULUS;
    format!("{number:0width$}", width = DIGITS)
}

/// The step whose code this is: the current one or one beside it, and later than the last that was used, so that
/// nobody who saw a code can use it again.
#[must_use]
pub fn accept(key: &[u8; KEY_BYTES], typed: &str, second: i64, last_used: i64) -> Option<i64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let now = step(second);
    let mut found = None;
    // All are looked at, whichever fits.
    for step in now - SKEW_STEPS..=now + SKEW_STEPS {
        let fits = aws_lc_rs::constant_time::verify_slices_are_equal(code(key, step).as_bytes(), typed.as_bytes());
        if fits.is_ok() && step > last_used {
            found = Some(step);
        }
    }
    found
}

/// The key as it is typed by hand.
#[must_use]
pub fn base32(key: &[u8; KEY_BYTES]) -> String {
    BASE32_NOPAD.encode(key)
}

/// What a telephone reads from a picture. `issuer` is ASCII.
#[must_use]
pub fn uri(key: &[u8; KEY_BYTES], issuer: &str, name: &str) -> String {
    let (issuer, name, secret) = (percent(issuer), percent(name), base32(key));
    format!(
        "otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"
    )
}

fn percent(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8; KEY_BYTES] = b"12345678901234567890";

    /// RFC 4226, appendix D.
    #[test]
    fn the_codes_of_rfc_4226() {
        let want = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, want) in (0..).zip(want) {
            assert_eq!(code(KEY, step), want, "step {step}");
        }
    }

    /// RFC 6238, appendix B; its eight digits end with our six.
    #[test]
    fn the_codes_of_rfc_6238() {
        let table = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        for (second, want) in table {
            assert_eq!(code(KEY, step(second)), want[2..], "second {second}");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let now = 2_000_000_000;
        let at = |steps: i64| code(KEY, step(now) + steps);
        for steps in -1..=1 {
            assert_eq!(accept(KEY, &at(steps), now, 0), Some(step(now) + steps), "{steps}");
        }
        for steps in [-2, 2, 100] {
            assert_eq!(accept(KEY, &at(steps), now, 0), None, "{steps}");
        }
        assert_eq!(accept(KEY, &format!(" {} {}", &at(0)[..3], &at(0)[3..]), now, 0), Some(step(now)));
        for typed in ["", "000000", "69279037", "69279", "六九二七九〇"] {
            assert_eq!(accept(KEY, typed, now, 0), None, "{typed}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_none_before_it_is_good_after() {
        let now = 2_000_000_000;
        let used = accept(KEY, &code(KEY, step(now)), now, 0).unwrap();
        assert_eq!(accept(KEY, &code(KEY, step(now)), now + 5, used), None, "the same again");
        assert_eq!(accept(KEY, &code(KEY, step(now) - 1), now, used), None, "the one before");
        assert_eq!(accept(KEY, &code(KEY, step(now) + 1), now, used), Some(used + 1));
    }

    #[test]
    fn the_address_for_the_telephone_carries_any_name() {
        let uri = uri(KEY, "Atoll hub", "王 明");
        assert_eq!(
            uri,
            "otpauth://totp/Atoll%20hub:%E7%8E%8B%20%E6%98%8E?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Atoll%20hub&algorithm=SHA1&digits=6&period=30"
        );
    }
}
