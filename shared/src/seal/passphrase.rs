//! Keys under a passphrase: how a key file or an escrow stands on a disk that may be stolen
//! (docs/at-rest.md).
//!
//! The passphrase becomes a key by Argon2id (RFC 9106), which makes every guess cost memory and
//! time; the key seals with AES-256-GCM-SIV. What is not secret, the cost and the salt, stands in
//! clear beside the sealed bytes and is bound to them.

use std::fmt;

use argon2::{Algorithm, Argon2, Params};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Shortest passphrase, in bytes.
pub const PASSPHRASE_BYTES_MIN: usize = 12;
/// Longest passphrase, in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;
/// Length of a salt, in bytes.
pub const SALT_BYTES: usize = 16;
/// Longest sealed file that is looked at, in bytes.
pub const SEALED_FILE_BYTES_MAX: usize = 64 * 1024;

/// The first line of every sealed file begins so.
const FORM: &str = "atoll sealed keys 1";
const KEY_BYTES: usize = 32;
/// A file that asks for more is none of ours, in KiB.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 8;

/// What somebody has to know; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes a line as it was read: one line end at its end is not part of it.
    ///
    /// # Errors
    /// Where it is too short or too long.
    pub fn parse(line: &[u8]) -> Result<Self, PassphraseError> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !(PASSPHRASE_BYTES_MIN..=PASSPHRASE_BYTES_MAX).contains(&line.len()) {
            return Err(PassphraseError::Length);
        }
        Ok(Self(Zeroizing::new(line.to_vec())))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Sealing or opening under a passphrase failed; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Too short or too long.
    #[error("a passphrase has {PASSPHRASE_BYTES_MIN} to {PASSPHRASE_BYTES_MAX} bytes")]
    Length,
    /// Not a file of this form.
    #[error("this is no file of ours under a passphrase, or it is cut short")]
    Form,
    /// Sealed for another purpose.
    #[error("this file holds {0:?}")]
    What(String),
    /// The cost is not one that we write.
    #[error("the file asks for more memory or time than any file of ours")]
    Cost,
    /// The passphrase does not open it.
    #[error("the passphrase is wrong, or the file was changed")]
    Wrong,
    /// The library refused.
    #[error("the key cannot be used")]
    Library,
}

/// What one guess costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often it is gone over.
    pub passes: u32,
    /// How many parts of it can be filled at once.
    pub lanes: u32,
}

impl Cost {
    /// The second choice of RFC 9106 for machines with little memory: 64 MiB, three passes, four lanes.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    pub(super) fn params(self) -> Result<Params, PassphraseError> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return Err(PassphraseError::Cost);
        }
        Params::new(self.memory_kib, self.passes, self.lanes, None).map_err(|_| PassphraseError::Cost)
    }
}

/// What stands on a sealed file, for people, and how dear it is to guess.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// What is in it.
    pub what: &'a str,
    /// Whose it is.
    pub of: &'a str,
    /// Random bytes from the caller, never used again.
    pub salt: [u8; SALT_BYTES],
    /// What a guess costs.
    pub cost: Cost,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    form: String,
    what: String,
    of: String,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    sealed: String,
}

const KDF: &str = "argon2id";

/// Whether a text is a sealed file, whatever is in it.
#[must_use]
pub fn is_sealed(text: &str) -> bool {
    text.starts_with("form = ") && text.contains(FORM)
}

/// Seals `plain`; the text of the file.
///
/// # Errors
/// Where the cost cannot be paid or the library refuses.
pub fn seal(plain: &[u8], passphrase: &Passphrase, label: &Label<'_>) -> Result<String, PassphraseError> {
    let mut file = File {
        form: FORM.to_owned(),
        what: label.what.to_owned(),
        of: label.of.to_owned(),
        kdf: KDF.to_owned(),
        memory_kib: label.cost.memory_kib,
        passes: label.cost.passes,
        lanes: label.cost.lanes,
        salt: BASE64.encode(&label.salt),
        sealed: String::new(),
    };
    let (key, nonce) = file.derive(passphrase)?;
    let mut bytes = Zeroizing::new(plain.to_vec());
    key.seal_in_place_append_tag(nonce, file.associated(), &mut *bytes).map_err(|_| PassphraseError::Library)?;
    file.sealed = BASE64.encode(&bytes);
    toml::to_string(&file).map_err(|_| PassphraseError::Library)
}

/// Opens what [`seal`] made of `what`.
///
/// # Errors
/// Where it is another file, was changed, or the passphrase is wrong.
pub fn open(text: &str, what: &str, passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
    let file = File::parse(text)?;
    if file.what != what {
        return Err(PassphraseError::What(file.what));
    }
    let mut bytes = Zeroizing::new(BASE64.decode(file.sealed.as_bytes()).map_err(|_| PassphraseError::Form)?);
    let (key, nonce) = file.derive(passphrase)?;
    let plain = key.open_in_place(nonce, file.associated(), &mut bytes).map_err(|_| PassphraseError::Wrong)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

impl File {
    fn parse(text: &str) -> Result<Self, PassphraseError> {
        if text.len() > SEALED_FILE_BYTES_MAX {
            return Err(PassphraseError::Form);
        }
        let file: Self = toml::from_str(text).map_err(|_| PassphraseError::Form)?;
        if file.form != FORM || file.kdf != KDF {
            return Err(PassphraseError::Form);
        }
        Ok(file)
    }

    /// Key and nonce: each salt is used once, and so is each nonce under its key.
    fn derive(&self, passphrase: &Passphrase) -> Result<(LessSafeKey, Nonce), PassphraseError> {
        let salt = BASE64.decode(self.salt.as_bytes()).map_err(|_| PassphraseError::Form)?;
        let salt: [u8; SALT_BYTES] = salt.try_into().map_err(|_| PassphraseError::Form)?;
        let cost = Cost { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes };
        let argon = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, cost.params()?);
        let mut out = Zeroizing::new([0; KEY_BYTES + NONCE_LEN]);
        argon.hash_password_into(&passphrase.0, &salt, &mut *out).map_err(|_| PassphraseError::Library)?;
        let (key, nonce) = out.split_at(KEY_BYTES);
        let key = UnboundKey::new(&AES_256_GCM_SIV, key).map_err(|_| PassphraseError::Library)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| PassphraseError::Library)?;
        Ok((LessSafeKey::new(key), nonce))
    }

    /// Everything that is read before it is opened.
    fn associated(&self) -> Aad<Vec<u8>> {
        let Self { form, what, of, kdf, memory_kib, passes, lanes, salt, sealed: _ } = self;
        Aad::from(format!("{form}\n{what}\n{of}\n{kdf}\n{memory_kib}\n{passes}\n{lanes}\n{salt}").into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    const LABEL: Label<'_> = Label { what: "edge keys", of: "5931102274", salt: [7; SALT_BYTES], cost: CHEAP };

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn only_the_passphrase_opens() {
        let right = passphrase("correct horse battery");
        let text = seal(b"secret", &right, &LABEL).unwrap();
        assert!(is_sealed(&text) && !text.contains("secret"));
        assert_eq!(*open(&text, "edge keys", &right).unwrap(), b"secret");
        assert_eq!(*open(&text, "edge keys", &passphrase("correct horse battery\r\n")).unwrap(), b"secret");
        let wrong = passphrase("correct horse batterx");
        assert_eq!(open(&text, "edge keys", &wrong).unwrap_err(), PassphraseError::Wrong);
        let other = open(&text, "hub keys", &right).unwrap_err();
        assert_eq!(other, PassphraseError::What("edge keys".to_owned()));
    }

    #[test]
    fn another_salt_is_another_key() {
        let right = passphrase("correct horse battery");
        let first = seal(b"secret", &right, &LABEL).unwrap();
        let second = seal(b"secret", &right, &Label { salt: [8; SALT_BYTES], ..LABEL }).unwrap();
        let sealed = |text: &str| File::parse(text).unwrap().sealed;
        assert_ne!(sealed(&first), sealed(&second));
    }

    #[test]
    fn a_changed_file_does_not_open() {
        let right = passphrase("correct horse battery");
        let text = seal(b"secret", &right, &LABEL).unwrap();
        for (from, to, want) in [
            ("of = \"5931102274\"", "of = \"3501200000\"", PassphraseError::Wrong),
            ("passes = 1", "passes = 2", PassphraseError::Wrong),
            ("memory_kib = 64", "memory_kib = 4000000000", PassphraseError::Cost),
            ("passes = 1", "passes = 17", PassphraseError::Cost),
            ("argon2id", "none", PassphraseError::Form),
            ("sealed keys 1", "sealed keys 2", PassphraseError::Form),
            ("sealed = \"", "sealed = \"AAAA", PassphraseError::Wrong),
            ("salt = \"", "salt = \"AAAA", PassphraseError::Form),
            ("kdf", "kdx", PassphraseError::Form),
        ] {
            assert!(text.contains(from), "{from}");
            assert_eq!(open(&text.replace(from, to), "edge keys", &right).unwrap_err(), want, "{to}");
        }
        let cut = &text[..text.len() - 20];
        assert_eq!(open(cut, "edge keys", &right).unwrap_err(), PassphraseError::Form);
        let long = " ".repeat(SEALED_FILE_BYTES_MAX + 1);
        assert_eq!(open(&long, "edge keys", &right).unwrap_err(), PassphraseError::Form);
    }

    #[test]
    fn a_passphrase_has_a_length_and_is_not_printed() {
        for bad in ["", "short", "elevenbytes\n"] {
            assert_eq!(Passphrase::parse(bad.as_bytes()).unwrap_err(), PassphraseError::Length, "{bad:?}");
        }
        assert!(Passphrase::parse(&[b'x'; PASSPHRASE_BYTES_MAX + 1]).is_err());
        assert!(!format!("{:?}", passphrase("correct horse battery")).contains("horse"));
    }

    #[test]
    fn the_key_is_argon2id_of_rfc_9106() {
        let ad = argon2::AssociatedData::new(&[4; 12]).unwrap();
        let params = argon2::ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(ad).build().unwrap();
        let argon = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, argon2::Version::V0x13, params).unwrap();
        let mut out = [0; 32];
        argon.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
        let want = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
        assert_eq!(data_encoding::HEXLOWER.encode(&out), want, "section 5.3");
    }

    /// A file of today must open for ever: this one was written by the first version.
    #[test]
    fn a_file_of_the_first_version_opens() {
        const FILE: &str = "form = \"atoll sealed keys 1\"\nwhat = \"edge keys\"\nof = \"5931102274\"\nkdf = \"argon2id\"\n\
            memory_kib = 64\npasses = 1\nlanes = 1\nsalt = \"BwcHBwcHBwcHBwcHBwcHBw==\"\n\
            sealed = \"rUmcAuLZ91vd1QD3gUg361U87NTDiA==\"\n";
        let right = passphrase("correct horse battery");
        assert_eq!(*open(FILE, "edge keys", &right).unwrap(), b"secret");
    }
}
