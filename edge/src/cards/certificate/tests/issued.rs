//! Authorities and cards that are none, as those of Taiwan's government write theirs (docs/cards.md): for these tests and
//! for the system's.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SerialNumber, date_time_ymd,
};
use shared::rules::access::card::CardKind;

/// What the subject is.
pub const SUBJECT_TYPE: &[u64] = &[2, 16, 886, 1, 100, 2, 1];
/// 醫事人員.
pub const PROFESSIONAL: &[u64] = &[2, 16, 886, 1, 100, 3, 1, 7];
/// 醫事機構.
pub const INSTITUTION: &[u64] = &[2, 16, 886, 1, 100, 3, 2, 21];
/// The last four characters of a citizen's number.
pub const ID_TAIL: &[u64] = &[2, 16, 886, 1, 100, 2, 51];
/// A government agency's code.
pub const AGENCY: &[u64] = &[2, 16, 886, 1, 100, 2, 102];
/// The agency that a government unit's card names.
pub const AN_AGENCY: &[u64] = &[2, 16, 886, 101, 20003, 20001];
/// The institution that an institution's card names.
pub const A_SITE: &str = "5931102274";
const ATTRIBUTES: &[u64] = &[2, 5, 29, 9];
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];

/// Makes cards.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub der: Vec<u8>,
}

/// A card as it is ordered.
#[derive(Debug, Clone)]
pub struct Card {
    /// On it.
    pub name: String,
    /// Its number.
    pub serial: Vec<u8>,
    /// The first day of its validity.
    pub from: (i32, u8, u8),
    /// The day after the last one.
    pub to: (i32, u8, u8),
    /// Of its subject: attribute, and the DER of its value.
    pub attributes: Vec<(&'static [u64], Vec<u8>)>,
    /// The number in its subject.
    pub number: Option<String>,
    /// What its key may do.
    pub usages: Vec<KeyUsagePurpose>,
    /// What more is said of its key.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
    /// It has a short key (P-256), not an RSA key.
    pub is_short: bool,
}

/// A card that was made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Its certificate.
    pub der: Vec<u8>,
    /// Its key (PKCS#8).
    pub key: Vec<u8>,
}

impl Authority {
    /// Of this name.
    ///
    /// # Panics
    /// Where the library refuses.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(2010, 1, 1), date_time_ymd(2040, 1, 1));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = made(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256));
        let der = made(params.self_signed(&key)).der().to_vec();
        Self { issuer: Issuer::new(params, key), der }
    }

    /// Makes a card.
    ///
    /// # Panics
    /// Where the library refuses.
    #[must_use]
    pub fn issue(&self, card: &Card) -> Issued {
        let key = if card.is_short { &PKCS_ECDSA_P256_SHA256 } else { &PKCS_RSA_SHA256 };
        let key = made(KeyPair::generate_for(key));
        let der = made(card.params().signed_by(&key, &self.issuer)).der().to_vec();
        Issued { der, key: key.serialize_der() }
    }
}

impl Card {
    /// As its authority would make one: valid through 2020, short for speed.
    #[must_use]
    pub fn of(kind: CardKind) -> Self {
        let (name, attributes, number) = match kind {
            CardKind::Professional => ("王小明", vec![(SUBJECT_TYPE, oid(PROFESSIONAL))], None),
            CardKind::Institution => ("測試藥局", vec![(SUBJECT_TYPE, oid(INSTITUTION))], Some(A_SITE.to_owned())),
            CardKind::Government => ("測試衛生所", vec![(AGENCY, oid(AN_AGENCY))], None),
            CardKind::Citizen | CardKind::Nhi | CardKind::Envelope => {
                ("陳美玲", vec![(ID_TAIL, printable("6734"))], None)
            }
        };
        Self {
            name: name.to_owned(),
            serial: vec![0x5A, 0x01, 0x02, 0x03],
            from: (2020, 1, 1),
            to: (2021, 1, 1),
            attributes,
            number,
            usages: vec![KeyUsagePurpose::DigitalSignature],
            purposes: vec![],
            is_short: true,
        }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, self.name.as_str());
        if let Some(number) = &self.number {
            params.distinguished_name.push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), number.as_str());
        }
        params.serial_number = Some(SerialNumber::from_slice(&self.serial));
        let ((year, month, day), to) = (self.from, self.to);
        params.not_before = date_time_ymd(year, month, day);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        params.key_usages.clone_from(&self.usages);
        params.extended_key_usages.clone_from(&self.purposes);
        if !self.attributes.is_empty() {
            let of = |(name, value): &(&[u64], Vec<u8>)| tlv(0x30, &[oid(name), tlv(0x31, value)].concat());
            let all: Vec<u8> = self.attributes.iter().flat_map(of).collect();
            params.custom_extensions.push(CustomExtension::from_oid_content(ATTRIBUTES, tlv(0x30, &all)));
        }
        params
    }
}

/// The DER of an object's number.
#[must_use]
pub fn oid(numbers: &[u64]) -> Vec<u8> {
    let first = numbers.iter().take(2).fold(0, |sum, number| sum * 40 + number);
    let all = std::iter::once(first).chain(numbers.iter().skip(2).copied());
    tlv(0x06, &all.flat_map(base_128).collect::<Vec<_>>())
}

fn base_128(number: u64) -> Vec<u8> {
    let septet = |place: u32| u8::try_from(number >> (7 * place) & 0x7F).unwrap_or(0);
    let places = (0..9).rev().skip_while(|place| *place > 0 && septet(*place) == 0);
    places.map(|place| if place > 0 { septet(place) | 0x80 } else { septet(place) }).collect()
}

/// The DER of a text of few characters.
#[must_use]
pub fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

/// The DER of anything.
///
/// # Panics
/// Where it is too long.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80);
    let [high, low] = made(u16::try_from(content.len())).to_be_bytes();
    let head = length.map_or_else(|| vec![tag, 0x82, high, low], |length| vec![tag, length]);
    [head.as_slice(), content].concat()
}

fn made<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|cause| panic!("{cause:?}"))
}
