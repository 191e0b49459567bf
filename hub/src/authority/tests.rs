//! The authority through its own door; what TLS makes of its certificates is in `gateway`'s tests.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn csr(site: &str) -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::default();
    // What a greedy edge would like to be.
    params.distinguished_name.push(DnType::CommonName, "hub");
    params.subject_alt_names = vec![SanType::URI(format!("atoll://site/{site}").as_str().try_into().unwrap())];
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let der = params.serialize_request(&key).unwrap().der().to_vec();
    (key, der)
}

#[test]
fn init_makes_five_files_for_the_owner_only_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub");
    Authority::init(&data, &["hub.example".to_owned(), "10.0.0.7".to_owned()]).unwrap();
    for name in [CA_KEY, CA_CERTIFICATE, SERVER_KEY, SERVER_CERTIFICATE, MASTER_KEY] {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let before = std::fs::read(data.join(CA_KEY)).unwrap();
    let again = Authority::init(&data, &[]).unwrap_err();
    assert!(matches!(again, AuthorityError::Exists(_)), "{again}");
    assert_eq!(std::fs::read(data.join(CA_KEY)).unwrap(), before);
}

#[test]
fn one_file_of_five_is_enough_to_refuse() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(MASTER_KEY), "x").unwrap();
    assert!(matches!(Authority::init(folder.path(), &[]), Err(AuthorityError::Exists(_))));
    assert!(!folder.path().join(CA_KEY).exists());
}

#[test]
fn a_folder_that_is_no_hubs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Authority::open(folder.path()), Err(AuthorityError::Missing(_))));
    Authority::init(folder.path(), &[]).unwrap();
    std::fs::write(folder.path().join(MASTER_KEY), "short").unwrap();
    assert!(matches!(Authority::open(folder.path()), Err(AuthorityError::Content(_))));
}

#[test]
fn a_site_gets_its_own_name_whatever_it_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), &[]).unwrap();
    let site: SiteCode = "5931102274".parse().unwrap();
    let (_, csr) = csr("3501200000");
    let certificate = authority.certify(&site, &csr).unwrap();
    assert_eq!(site_of(&certificate.der), Ok(site));
    assert_eq!(certificate.fingerprint, fingerprint(&certificate.der));

    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate.der).unwrap();
    assert!(!parsed.is_ca());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert_eq!(parsed.subject().iter_common_name().next().unwrap().as_str().unwrap(), "5931102274");
    let days = (certificate.expires - system_second()) / 86_400;
    assert!((398..=400).contains(&days), "{days}");
    let again = authority.certify(&site, &csr).unwrap();
    assert_ne!(again.serial, certificate.serial);
}

#[test]
fn certificates_that_are_not_for_a_site_name_none() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), &[]).unwrap();
    let [server, ca] = <[_; 2]>::try_from(authority.server_chain()).unwrap();
    assert_eq!(site_of(&server), Err(BadCertificate::Purpose));
    assert_eq!(site_of(&ca), Err(BadCertificate::Purpose));
    assert_eq!(site_of(b"nonsense"), Err(BadCertificate::Unreadable));
}

#[test]
fn requests_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::init(folder.path(), &[]).unwrap();
    let site: SiteCode = "5931102274".parse().unwrap();
    let (_, mut csr) = csr("5931102274");
    let last = csr.len() - 1;
    csr[last] ^= 1;
    assert!(matches!(authority.certify(&site, &csr), Err(AuthorityError::Request(_))), "changed signature");
    assert!(matches!(authority.certify(&site, b""), Err(AuthorityError::Request(_))));

    let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let csr = CertificateParams::default().serialize_request(&other).unwrap();
    assert!(matches!(authority.certify(&site, csr.der()), Err(AuthorityError::Request(_))), "another curve");
}

#[test]
fn hosts_are_names_or_addresses() {
    for host in ["not a host", "", "-x-"] {
        let folder = tempfile::tempdir().unwrap();
        let made = Authority::init(folder.path(), &[host.to_owned()]);
        assert!(matches!(made, Err(AuthorityError::Host(_))), "{host:?}");
        assert!(!folder.path().join(CA_KEY).exists(), "nothing half made");
    }
}
