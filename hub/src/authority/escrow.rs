//! The escrow: one file with every key and certificate of a hub, under a passphrase of its own, kept
//! by somebody else. With it and a backup of the database another machine becomes this hub.

use std::path::Path;

use shared::seal::passphrase::Passphrase;

use super::{Authority, AuthorityError, KeySource, files, source};

/// What stands on an escrow.
const WHAT: &str = "hub escrow";

/// Writes the escrow of the hub's keys to a new file, for its owner only.
///
/// # Errors
/// Where the keys cannot be read, or the file is there already or cannot be written.
pub fn write(keys: &KeySource, passphrase: &Passphrase, out: &Path) -> Result<(), AuthorityError> {
    let bundle = keys.bundle()?;
    // Keys that do not open a hub are no escrow.
    Authority::of(&bundle)?;
    let text = source::seal(&bundle, WHAT, passphrase)?;
    let name = out.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| AuthorityError::Content(out.display().to_string()))?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    files::write(folder, name, text.as_bytes())
}

/// Puts the keys of an escrow into a data folder that has none, under the passphrase of `keys` where it has one.
/// A database may lie there. Cut short, it may be done again.
///
/// # Errors
/// Where the escrow does not open, or the folder has keys, or the disk says no; then no key was touched.
pub fn restore(from: &Path, passphrase: &Passphrase, keys: &KeySource) -> Result<Authority, AuthorityError> {
    let text = std::fs::read_to_string(from).map_err(files::failed("read", from))?;
    let bundle = source::open(&from.display().to_string(), &text, WHAT, passphrase)?;
    let authority = Authority::of(&bundle)?;
    let folder = keys.writable()?;
    files::begin(folder)?;
    keys.lay(&bundle)?;
    files::finish(folder)?;
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use shared::seal::passphrase::PassphraseError;

    use super::super::{CA_KEY, MASTER_KEY, SEALED, SERVER_KEY};
    use super::*;

    const SECRETS: [&str; 3] = [CA_KEY, SERVER_KEY, MASTER_KEY];

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::parse(text.as_bytes()).unwrap()
    }

    fn is_wrong(cause: &AuthorityError) -> bool {
        matches!(cause, AuthorityError::Passphrase { cause: PassphraseError::Wrong, .. })
    }

    #[test]
    fn keys_go_under_a_passphrase_and_come_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let plain = KeySource::folder(data);
        let master = Authority::init(data, &[]).unwrap().master().clone();
        let before = SECRETS.map(|name| fs::read(data.join(name)).unwrap());
        let held = SECRETS.map(|name| (data.join(name), folder.path().join(format!("held-{name}"))));
        held.iter().for_each(|(path, held)| fs::hard_link(path, held).unwrap());

        plain.protect(&passphrase("correct horse battery")).unwrap();
        for ((path, held), before) in held.iter().zip(&before) {
            assert!(!path.exists(), "{}", path.display());
            assert_eq!(fs::read(held).unwrap(), vec![0; before.len()], "the old plain bytes are gone");
        }
        assert_eq!(fs::metadata(data.join(SEALED)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Authority::open(data), Err(AuthorityError::Protected(_))));
        assert!(matches!(Authority::init(data, &[]), Err(AuthorityError::Exists(_))));
        let wrong = plain.clone().opened_by(Some(passphrase("correct horse batterx")));
        assert!(is_wrong(&Authority::open_in(&wrong).unwrap_err()) && is_wrong(&wrong.unprotect().unwrap_err()));

        let right = plain.clone().opened_by(Some(passphrase("correct horse battery")));
        assert_eq!(Authority::open_in(&right).unwrap().master(), &master);
        // As if the power had gone before the rest was cleared away: the sealed file counts.
        fs::write(data.join(MASTER_KEY), "of another time").unwrap();
        assert_eq!(Authority::open_in(&right).unwrap().master(), &master);
        right.protect(&passphrase("another horse battery")).unwrap();
        assert!(!data.join(MASTER_KEY).exists(), "the same command clears it away");
        assert!(is_wrong(&Authority::open_in(&right).unwrap_err()), "the passphrase is another now");

        plain.clone().opened_by(Some(passphrase("another horse battery"))).unprotect().unwrap();
        assert!(!data.join(SEALED).exists());
        assert_eq!(SECRETS.map(|name| fs::read(data.join(name)).unwrap()), before);
        assert_eq!(Authority::open(data).unwrap().master(), &master);
    }

    #[test]
    fn an_escrow_makes_another_folder_this_hub_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, other, out] = ["first", "second", "other", "escrow"].map(|name| folder.path().join(name));
        let authority = Authority::init(&first, &["hub.example".to_owned()]).unwrap();
        let (right, wrong) = (passphrase("correct horse battery"), passphrase("correct horse batterx"));
        write(&KeySource::folder(&first), &right, &out).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        let again = write(&KeySource::folder(&first), &right, &out);
        assert!(matches!(again, Err(AuthorityError::File { .. })), "an escrow is never overwritten");

        let into = KeySource::folder(&second).opened_by(Some(passphrase("a third one for the disk")));
        assert!(is_wrong(&restore(&out, &wrong, &into).unwrap_err()));
        assert!(!second.exists(), "a wrong passphrase touches nothing");
        let restored = restore(&out, &right, &into).unwrap();
        assert_eq!((restored.ca_mark(), restored.master()), (authority.ca_mark(), authority.master()));
        assert!(second.join(SEALED).exists() && !second.join(MASTER_KEY).exists(), "never in clear on that disk");
        assert_eq!(Authority::open_in(&into).unwrap().server_chain(), authority.server_chain());

        let theirs = Authority::init(&other, &[]).unwrap();
        let refused = restore(&out, &right, &KeySource::folder(&other));
        assert!(matches!(refused, Err(AuthorityError::Exists(_))));
        assert_eq!(Authority::open(&other).unwrap().ca_mark(), theirs.ca_mark(), "another hub's keys stay");
    }

    #[test]
    fn keys_that_do_not_belong_together_are_no_hub() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        Authority::init(&one, &[]).unwrap();
        Authority::init(&two, &[]).unwrap();
        fs::copy(two.join(CA_KEY), one.join(CA_KEY)).unwrap();
        assert!(matches!(Authority::open(&one), Err(AuthorityError::Content(name)) if name == CA_KEY));
        let out = folder.path().join("escrow");
        assert!(write(&KeySource::folder(&one), &passphrase("correct horse battery"), &out).is_err());
        assert!(!out.exists());
    }
}
