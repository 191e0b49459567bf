//! Authorities, certificate cards and lists of revoked ones, as their issuers make them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper, of which each test uses a part"
)]

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData, RevocationReason, RevokedCertParams,
    RsaKeySize, SerialNumber, SigningKey, date_time_ymd,
};
use shared::ids::StaffId;

/// An authority that signs cards.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A card with its key and certificate.
pub(crate) struct Card {
    pair: KeyPair,
    pub(crate) der: Vec<u8>,
}

impl Card {
    pub(crate) fn who(&self) -> StaffId {
        StaffId::of_key(&self.key())
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    pub(crate) fn sign(&self, words: &[u8]) -> Vec<u8> {
        self.pair.sign(words).unwrap()
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, KeyPair::generate().unwrap(), |_| {})
    }

    /// With an RSA key, as the real ones have.
    pub(crate) fn rsa(name: &str) -> Self {
        Self::with(name, KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(), |_| {})
    }

    /// Whose time is over.
    pub(crate) fn expired(name: &str) -> Self {
        Self::with(name, KeyPair::generate().unwrap(), |params| params.not_after = date_time_ymd(2019, 12, 31))
    }

    fn with(name: &str, key: KeyPair, change: impl Fn(&mut CertificateParams)) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        change(&mut params);
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// SHA-256 of its key.
    pub(crate) fn id(&self) -> [u8; 32] {
        shared::sign::card::sha256(&self.issuer.key().subject_public_key_info())
    }

    pub(crate) fn card(&self, serial: u64) -> Card {
        self.made(serial, |_| {})
    }

    /// The other certificate of a card, by which nobody signs in.
    pub(crate) fn encrypting(&self, serial: u64) -> Card {
        self.made(serial, |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment])
    }

    /// Valid until the first day of a year.
    pub(crate) fn card_until(&self, serial: u64, year: i32) -> Card {
        self.made(serial, |params| params.not_after = date_time_ymd(year, 1, 1))
    }

    fn made(&self, serial: u64, change: impl Fn(&mut CertificateParams)) -> Card {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let mut params = named("somebody");
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_after = date_time_ymd(2030, 1, 1);
        change(&mut params);
        let der = params.signed_by(&pair, &self.issuer).unwrap().der().to_vec();
        Card { pair, der }
    }

    /// A list made on a day of February 2020.
    pub(crate) fn list(&self, day: u8, serials: impl IntoIterator<Item = u64>) -> Vec<u8> {
        self.list_of(day, serials.into_iter().map(SerialNumber::from), None)
    }

    /// The same with numbers of any length, and the reason.
    pub(crate) fn list_of(
        &self,
        day: u8,
        serials: impl Iterator<Item = SerialNumber>,
        reason_code: Option<RevocationReason>,
    ) -> Vec<u8> {
        let revoked = |serial_number| RevokedCertParams {
            serial_number,
            revocation_time: date_time_ymd(2020, 1, 31),
            reason_code,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 2, day),
            next_update: date_time_ymd(2020, 2, day + 1),
            crl_number: SerialNumber::from(u64::from(day)),
            issuing_distribution_point: None,
            revoked_certs: serials.map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

/// The same bytes as if they had been signed with SHA-1 by RSA: the signature fits no more, which is not asked first.
pub(crate) fn with_sha1(der: &[u8]) -> Vec<u8> {
    const SHA256: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
    let mut out = der.to_vec();
    let places: Vec<usize> = (0..der.len()).filter(|at| der[*at..].starts_with(&SHA256)).collect();
    assert_eq!(places.len(), 2, "within and outside of what is signed");
    places.into_iter().for_each(|at| out[at + SHA256.len() - 1] = 0x05);
    out
}
