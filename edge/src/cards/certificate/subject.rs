//! What a certificate says of its holder: names and codes, in the subject and in its directory attributes (2.5.29.9),
//! as the authorities of Taiwan's government write them (docs/cards.md). Nothing here was seen on a real card.

use shared::rules::access::card::CardKind;
use x509_parser::asn1_rs::{Any, FromDer, Oid, Tag, oid};
use x509_parser::certificate::X509Certificate;

/// The extension of the subject's directory attributes.
const ATTRIBUTES: Oid<'static> = oid!(2.5.29.9);
/// A subject's own number: on an institution's card that of the institution.
const SERIAL_NUMBER: Oid<'static> = oid!(2.5.4.5);
/// What the subject is: one of the two below, or of many others.
const SUBJECT_TYPE: Oid<'static> = oid!(2.16.886.1.100.2.1);
/// 醫事人員.
const PROFESSIONAL: Oid<'static> = oid!(2.16.886.1.100.3.1.7);
/// 醫事機構.
const INSTITUTION: Oid<'static> = oid!(2.16.886.1.100.3.2.21);
/// The last four characters of a citizen's number.
const ID_TAIL: Oid<'static> = oid!(2.16.886.1.100.2.51);
/// A government agency's code.
const AGENCY: Oid<'static> = oid!(2.16.886.1.100.2.102);
/// An organisation's code.
const ORGANISATION: Oid<'static> = oid!(2.16.886.1.100.2.101);
/// An institution's code at the health insurance has so many digits.
const SITE_DIGITS: usize = 10;
const ID_TAIL_CHARS: usize = 4;

/// No certificate has more of anything.
const ITEMS_MAX: usize = 32;
/// Longer names are cut.
const TEXT_CHARS_MAX: usize = 64;

/// The name, fit to be shown; empty where there is none.
pub(super) fn common_name(leaf: &X509Certificate<'_>) -> String {
    leaf.subject().iter_common_name().find_map(|name| text(name.attr_value())).unwrap_or_default()
}

/// Which kind of card it says it is.
pub(super) fn kind(leaf: &X509Certificate<'_>) -> Option<CardKind> {
    let said = attribute(leaf, &SUBJECT_TYPE)?.oid().ok()?;
    [(PROFESSIONAL, CardKind::Professional), (INSTITUTION, CardKind::Institution)]
        .into_iter()
        .find_map(|(oid, kind)| (oid == said).then_some(kind))
}

/// The last four characters of the holder's number.
pub(super) fn id_tail(leaf: &X509Certificate<'_>) -> Option<String> {
    let tail = text(&attribute(leaf, &ID_TAIL)?)?;
    (tail.len() == ID_TAIL_CHARS && tail.chars().all(|c| c.is_ascii_alphanumeric())).then_some(tail)
}

/// The code of the institution or unit.
pub(super) fn unit(leaf: &X509Certificate<'_>, kind: CardKind) -> Option<String> {
    let is_site = |code: &String| code.len() == SITE_DIGITS && code.chars().all(|c| c.is_ascii_digit());
    let numbers = || leaf.subject().iter_by_oid(&SERIAL_NUMBER);
    let site = || numbers().find_map(|number| text(number.attr_value()).filter(is_site));
    let site = if kind == CardKind::Institution { site() } else { None };
    site.or_else(|| code(leaf, &AGENCY)).or_else(|| code(leaf, &ORGANISATION))
}

/// An attribute that is an object's number or a text.
fn code(leaf: &X509Certificate<'_>, name: &Oid<'_>) -> Option<String> {
    let value = attribute(leaf, name)?;
    let number = value.clone().oid().ok().map(|oid| oid.to_id_string());
    number.or_else(|| text(&value)).filter(|code| !code.is_empty() && code.len() <= TEXT_CHARS_MAX)
}

/// The first value of a directory attribute.
fn attribute<'c>(leaf: &X509Certificate<'c>, wanted: &Oid<'_>) -> Option<Any<'c>> {
    let extension = leaf.get_extension_unique(&ATTRIBUTES).ok()??;
    let [all] = items(extension.value)?.try_into().ok()?;
    items(all.data)?.into_iter().find_map(|attribute| {
        let [name, values] = items(attribute.data)?.try_into().ok()?;
        let is_wanted = name.oid().is_ok_and(|oid| oid == *wanted);
        if is_wanted { items(values.data)?.into_iter().next() } else { None }
    })
}

/// What stands side by side in these bytes; none where they are no DER or too much of it.
fn items(mut bytes: &[u8]) -> Option<Vec<Any<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        if all.len() == ITEMS_MAX {
            return None;
        }
        let (rest, item) = Any::from_der(bytes).ok()?;
        all.push(item);
        bytes = rest;
    }
    Some(all)
}

/// A text fit to be shown: no control characters, none that turn the direction, not too long.
fn text(value: &Any<'_>) -> Option<String> {
    let said = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            str::from_utf8(value.data).ok()?.to_owned()
        }
        Tag::BmpString => {
            let (pairs, []) = value.data.as_chunks::<2>() else { return None };
            String::from_utf16(&pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect::<Vec<_>>()).ok()?
        }
        _ => return None,
    };
    Some(said.chars().filter(|c| !is_unseen(*c)).take(TEXT_CHARS_MAX).collect())
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}
