//! Putting the key file under a passphrase, and taking it out again: the old file or the new one,
//! never half of one, and the bytes of the old one overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use shared::seal::passphrase::{self, Cost, Label, Passphrase, SALT_BYTES};
use zeroize::Zeroizing;

use super::{KeyError, KeySource, Keys, SEALED_WHAT, content, write_secret};

/// What stands on the file, and the salt of this writing.
#[derive(Debug, Clone, Copy)]
pub struct Mark<'a> {
    /// Whose keys they are.
    pub of: &'a str,
    /// Random bytes, never used again.
    pub salt: [u8; SALT_BYTES],
}

/// Writes the keys of a new site: under the source's passphrase where it has one.
///
/// # Errors
/// Where the file cannot be written.
pub fn save(keys: &Keys, source: &KeySource, mark: Mark<'_>) -> Result<(), KeyError> {
    let path = source.writable()?;
    let text = match source.passphrase() {
        Some(passphrase) => sealed(keys, &path, passphrase, mark)?,
        None => keys.text(&path)?,
    };
    write_secret(&path, text.as_bytes())
}

/// Puts the key file under `passphrase`, whatever it was under before.
///
/// # Errors
/// Where it cannot be read, opened or written; then nothing was changed.
pub fn protect(source: &KeySource, passphrase: &Passphrase, mark: Mark<'_>) -> Result<(), KeyError> {
    let path = source.writable()?;
    let text = sealed(&source.load()?, &path, passphrase, mark)?;
    replace(&path, &text)
}

/// Takes the key file out from under its passphrase.
///
/// # Errors
/// Where it cannot be read, opened or written; then nothing was changed.
pub fn unprotect(source: &KeySource) -> Result<(), KeyError> {
    let path = source.writable()?;
    let text = source.load()?.text(&path)?;
    replace(&path, &text)
}

/// Sealed, and opened again before anybody relies on it.
fn sealed(keys: &Keys, path: &Path, passphrase: &Passphrase, mark: Mark<'_>) -> Result<Zeroizing<String>, KeyError> {
    let failed = |cause| KeyError::Passphrase { path: path.to_owned(), cause };
    let plain = keys.text(path)?;
    let label = Label { what: SEALED_WHAT, of: mark.of, salt: mark.salt, cost: Cost::STANDARD };
    let text = passphrase::seal(plain.as_bytes(), passphrase, &label).map_err(failed)?;
    let opened = passphrase::open(&text, SEALED_WHAT, passphrase).map_err(failed)?;
    if *opened != plain.as_bytes() {
        return Err(content(path, "what was sealed does not open"));
    }
    Ok(Zeroizing::new(text))
}

/// The new file takes the old one's name; then the old one's bytes, which nobody can name any more, go.
fn replace(path: &Path, text: &str) -> Result<(), KeyError> {
    let failed = |cause| KeyError::Write { path: path.to_owned(), cause };
    let old = OpenOptions::new().write(true).open(path).map_err(failed)?;
    write_secret(path, text.as_bytes())?;
    overwrite(old).map_err(failed)
}

fn overwrite(mut file: File) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use shared::seal::Secret;
    use shared::seal::passphrase::PassphraseError;

    use super::super::{KEY_FILE, Secrets};
    use super::*;

    const MARK: Mark<'_> = Mark { of: "5931102274", salt: [7; SALT_BYTES] };

    fn keys() -> Keys {
        Keys { secret: Secret::new([7; 32]), number: 3, tls_key: Secrets(vec![1, 2, 3]) }
    }

    fn passphrase(text: &str) -> Option<Passphrase> {
        Some(Passphrase::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn the_key_file_goes_under_a_passphrase_and_comes_out_again() {
        let folder = tempfile::tempdir().unwrap();
        keys().save(folder.path()).unwrap();
        let (path, old) = (folder.path().join(KEY_FILE), folder.path().join("held"));
        let plain = fs::read(&path).unwrap();
        fs::hard_link(&path, &old).unwrap();

        let right = passphrase("correct horse battery");
        protect(&KeySource::folder(folder.path()), right.as_ref().unwrap(), MARK).unwrap();
        let sealed = fs::read_to_string(&path).unwrap();
        assert!(passphrase::is_sealed(&sealed) && !sealed.contains("site_secret"));
        assert_eq!(fs::read(&old).unwrap(), vec![0; plain.len()], "the old plain bytes are gone");
        assert!(!path.with_extension("new").exists());

        assert!(matches!(Keys::load(folder.path()), Err(KeyError::Protected { .. })));
        let source = KeySource::folder(folder.path());
        let wrong = source.clone().opened_by(passphrase("correct horse batterx"));
        for ended in [wrong.load().map(drop), unprotect(&wrong)] {
            assert!(matches!(ended, Err(KeyError::Passphrase { cause: PassphraseError::Wrong, .. })));
            assert_eq!(fs::read_to_string(&path).unwrap(), sealed, "nothing lost");
        }
        let source = source.opened_by(right);
        assert_eq!(source.load().unwrap().tls_key, keys().tls_key);
        unprotect(&source).unwrap();
        assert_eq!(fs::read(&path).unwrap(), plain);
    }

    #[test]
    fn a_new_site_may_begin_under_a_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let source = KeySource::folder(folder.path()).opened_by(passphrase("correct horse battery"));
        save(&keys(), &source, MARK).unwrap();
        assert!(source.is_protected().unwrap());
        assert_eq!(source.load().unwrap().secret, keys().secret);
    }
}
