//! The certificate of the second door: self-signed, made once, and anew when the address changes or its end is near.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Datelike, Days, NaiveDate};
use data_encoding::HEXUPPER;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use crate::config::Folder;
use crate::fault::Fault;

/// So long it is good: browsers trust none for longer than 825 days.
const DAYS: u64 = 800;
/// So many days before its end there is a new one.
const LEFT_MIN_DAYS: u64 = 30;

/// Certificate and key.
pub(super) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// SHA-256 of the certificate, as browsers show it.
    pub(super) fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, &self.certificate);
        hash.as_ref().iter().map(|byte| HEXUPPER.encode(&[*byte])).collect::<Vec<_>>().join(":")
    }

    fn parse(pem: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        Some(Self { certificate, key: PrivateKeyDer::from_pem_slice(pem).ok()? })
    }

    /// Whether browsers that come to these names on this day, and some time after, are content.
    fn fits(&self, names: &BTreeSet<String>, today: NaiveDate) -> bool {
        let Ok((_, certificate)) = X509Certificate::from_der(&self.certificate) else { return false };
        let day = |second: i64| DateTime::from_timestamp(second, 0).map(|at| at.date_naive());
        let validity = certificate.validity();
        let (from, to) = (day(validity.not_before.timestamp()), day(validity.not_after.timestamp()));
        let soon = today.checked_add_days(Days::new(LEFT_MIN_DAYS));
        from.is_some_and(|from| from <= today) && soon < to && of(&certificate) == *names
    }
}

/// The names that stand in a certificate.
fn of(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for extension in certificate.extensions() {
        if let ParsedExtension::SubjectAlternativeName(alternative) = extension.parsed_extension() {
            for name in &alternative.general_names {
                if let GeneralName::DNSName(name) = name {
                    names.insert((*name).to_owned());
                } else if let GeneralName::IPAddress(bytes) = name {
                    names.extend(address(bytes).map(|address| address.to_string()));
                }
            }
        }
    }
    names
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// What has to stand in the certificate of a door at this address that also answers to `more`, with or without a port.
pub(super) fn names(address: IpAddr, more: &[String]) -> BTreeSet<String> {
    let bare = |name: &String| {
        if let Ok(address) = name.parse::<SocketAddr>() {
            return address.ip().to_string();
        }
        name.rsplit_once(':').map_or(name.as_str(), |(name, _)| name).to_ascii_lowercase()
    };
    more.iter().map(bare).chain([address.to_string()]).collect()
}

/// The one that is kept, where it still fits; else a new one, which every paired browser asks about once more.
pub(super) fn kept(folder: &Folder, names: &BTreeSet<String>, today: NaiveDate) -> Result<Identity, Fault> {
    let file = folder.lan_certificate_file();
    let kept = match std::fs::read(&file) {
        Ok(pem) => Identity::parse(&pem),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => return Err(unusable().because(cause)),
    };
    if let Some(identity) = kept.filter(|identity| identity.fits(names, today)) {
        return Ok(identity);
    }
    let pem = make(names, today)?;
    folder.write(&file, pem.as_bytes())?;
    tracing::info!(
        "a new certificate for the counters of this shop's network: compare its fingerprint at each of them"
    );
    Identity::parse(pem.as_bytes()).ok_or_else(unusable)
}

/// Certificate and key, PEM.
fn make(names: &BTreeSet<String>, today: NaiveDate) -> Result<String, Fault> {
    let names: Vec<String> = names.iter().cloned().collect();
    let bad_names = |cause: rcgen::Error| bad_names().because(cause);
    let mut params = CertificateParams::new(names).map_err(bad_names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Atoll counters");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Counters' clocks may be some hours off.
    let first = midnight(today.checked_sub_days(Days::new(1)).unwrap_or(today));
    let last = midnight(today.checked_add_days(Days::new(DAYS)).unwrap_or(today));
    params.not_before = date_time_ymd(first.0, first.1, first.2);
    params.not_after = date_time_ymd(last.0, last.1, last.2);
    let unmade = |cause: rcgen::Error| unusable().because(cause);
    let key = KeyPair::generate().map_err(unmade)?;
    let certificate = params.self_signed(&key).map_err(unmade)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

/// Year, month and day.
fn midnight(day: NaiveDate) -> (i32, u8, u8) {
    let narrow = |number: u32| u8::try_from(number).unwrap_or(1);
    (day.year(), narrow(day.month()), narrow(day.day()))
}

fn bad_names() -> Fault {
    Fault::new(
        "lan-names",
        "--host 的名稱不能寫入憑證；請只用英文字母、數字、連字號與句點",
        "a name given with --host cannot stand in a certificate: letters, digits, hyphens and dots only",
    )
}

fn unusable() -> Fault {
    Fault::new(
        "lan-certificate",
        "店內網路用的憑證無法讀取或產生；請檢查資料夾的權限，或刪除 lan.pem 後重新啟動",
        "the certificate for this shop's network cannot be read or made: check the folder's permissions, or delete lan.pem and start again",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn here(more: &[&str]) -> BTreeSet<String> {
        names("192.168.1.5".parse().unwrap(), &more.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_lose_their_port() {
        let all = here(&["Counter.lan", "other.lan:8751", "10.0.0.1:80", "[fd00::1]:80", "counter.lan"]);
        let want = ["10.0.0.1", "192.168.1.5", "counter.lan", "fd00::1", "other.lan"].map(str::to_owned);
        assert_eq!(all, want.into());
    }

    #[test]
    fn it_is_made_once_for_its_owner_only_and_anew_when_it_fits_no_longer() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::new(temp.path());
        let at = |names: &BTreeSet<String>, today| kept(&folder, names, day(today)).unwrap().fingerprint();
        let (names, more) = (here(&[]), here(&["counter.lan"]));
        let first = at(&names, "2026-03-01");
        assert_eq!(first.len(), 32 * 3 - 1);
        let mode = std::fs::metadata(folder.lan_certificate_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // 800 days on from that day: 2028-05-09.
        for same in ["2026-03-01", "2026-02-28", "2028-04-08"] {
            assert_eq!(at(&names, same), first, "{same}");
        }
        let second = at(&names, "2028-04-09");
        assert_ne!(second, first, "thirty days before its end");
        assert_ne!(at(&names, "2026-03-01"), second, "not before it begins");
        let named = at(&more, "2026-03-01");
        assert_eq!(at(&more, "2026-03-02"), named);
        assert_ne!(at(&here(&["counter.lan", "other.lan"]), "2026-03-02"), named, "another name");
        std::fs::write(folder.lan_certificate_file(), "nonsense").unwrap();
        assert_ne!(at(&more, "2026-03-02"), named, "a damaged one is none");
    }

    #[test]
    fn a_name_that_cannot_stand_in_it_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let made = kept(&Folder::new(temp.path()), &here(&["櫃檯.lan"]), day("2026-03-01"));
        assert_eq!(made.err().unwrap().code, "lan-names");
    }
}
