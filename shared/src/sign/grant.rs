//! What a giver's card signs of a grant (S16): everything that is given, to which key, at which site.

use chrono::Datelike;

use super::card::sha256;
use crate::entry::access::Grant;
use crate::ids::SiteCode;

/// The words under the giver's signature: a purpose, the site and a hash over the grant, each field behind its length.
/// The sealed document and the key under the password are made after the card has signed; they give nothing.
#[must_use]
pub fn grant_words(site: &SiteCode, grant: &Grant) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, grant.to.name.as_bytes());
    field(&mut out, grant.to.card.code().as_bytes());
    field(&mut out, &grant.to.key);
    let certificate = grant.to.certificate.as_ref();
    field(&mut out, certificate.map_or(&[], |of| &of.issuer));
    field(&mut out, certificate.map_or(&[], |of| &of.serial));
    list(&mut out, grant.rights.iter().map(|right| right.to_string().into_bytes()));
    field(&mut out, &grant.until.num_days_from_ce().to_be_bytes());
    list(&mut out, grant.after.iter().map(|id| id.to_string().into_bytes()));
    if let Some(giver) = &grant.giver {
        field(&mut out, &giver.id.0);
        field(&mut out, giver.under.to_string().as_bytes());
    }
    [b"atoll/1 grant\0", site.as_str().as_bytes(), &sha256(&out)].concat()
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    // No field comes near four gigabytes.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn list(out: &mut Vec<u8>, items: impl ExactSizeIterator<Item = Vec<u8>>) {
    field(out, &items.len().to_be_bytes());
    items.for_each(|item| field(out, &item));
}
