//! The bytes of rights; an end of an earlier version does not read them.

use std::collections::BTreeSet;

use chrono::Datelike;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::super::list::at_most;
use super::{NAME_BYTES_MAX, REASON_BYTES_MAX, WireEntryId, WireError, name, numbered_day, sealed, text};
use crate::entry::access::{
    Access, Certificate, Giver, Grant, Holder, Issuer, Revocation, RevokedCards, Right, ServiceStanding, ServiceWord,
};
use crate::ids::{EntryId, StaffId};
use crate::rules::access::card::CardKind;

/// Longest public key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// Longest signature, in bytes: RSA with 8,192 bits.
pub const SIGNATURE_BYTES_MAX: usize = 1024;
/// Longest certificate of an issuer, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 4 * 1024;
/// Most rights in one grant.
pub const RIGHTS_MAX: usize = 16;
/// Most revocations that a grant names.
pub const AFTER_MAX: usize = 64;
/// Most revoked cards of one site's people.
pub const REVOKED_MAX: usize = 512;
const LOCKED_KEY_BYTES_MAX: usize = 1024;
const SERIAL_BYTES_MAX: usize = 20;
const CARDS_MAX: usize = 5;

#[expect(clippy::large_enum_variant, reason = "one at a time, on its way to or from bytes")]
#[derive(Encode, Decode)]
pub(super) enum WireAccess {
    #[n(0)]
    Grant(#[n(0)] WireGrant),
    #[n(1)]
    Revocation(#[n(0)] WireRevocation),
    #[n(2)]
    Issuer(#[n(0)] WireIssuer),
    #[n(3)]
    Revoked(#[n(0)] WireRevoked),
    #[n(4)]
    Service(#[n(0)] WireService),
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireService {
    #[n(0)]
    service: String,
    #[n(1)]
    standing: String,
    #[n(2)]
    reason: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireGrant {
    #[n(0)]
    to: WireHolder,
    #[cbor(n(1), decode_with = "at_most::<RIGHTS_MAX, _, _>")]
    rights: Vec<String>,
    #[n(2)]
    until: i32,
    #[cbor(n(3), decode_with = "at_most::<AFTER_MAX, _, _>")]
    after: Vec<WireEntryId>,
    #[n(4)]
    giver: Option<WireGiver>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireHolder {
    #[n(0)]
    name: String,
    #[n(1)]
    card: String,
    #[n(2)]
    key: ByteVec,
    #[n(3)]
    locked_key: Option<ByteVec>,
    #[n(4)]
    document: Option<ByteVec>,
    #[n(5)]
    certificate: Option<WireCertificate>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireCertificate {
    #[cbor(n(0), with = "minicbor::bytes")]
    issuer: [u8; 32],
    #[n(1)]
    serial: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireGiver {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[n(1)]
    under: WireEntryId,
    #[n(2)]
    signature: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireRevocation {
    #[cbor(n(0), with = "minicbor::bytes")]
    of: [u8; 16],
    #[cbor(n(1), decode_with = "at_most::<RIGHTS_MAX, _, _>")]
    rights: Vec<String>,
    #[n(2)]
    taker: Option<minicbor::bytes::ByteArray<16>>,
    #[n(3)]
    reason: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireIssuer {
    #[cbor(n(0), decode_with = "at_most::<CARDS_MAX, _, _>")]
    cards: Vec<String>,
    #[n(1)]
    certificate: ByteVec,
    #[n(2)]
    holds: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireRevoked {
    #[cbor(n(0), with = "minicbor::bytes")]
    issuer: [u8; 32],
    #[n(1)]
    as_of: i64,
    #[cbor(n(2), decode_with = "at_most::<REVOKED_MAX, _, _>")]
    cards: Vec<WireRevokedCard>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireRevokedCard {
    #[n(0)]
    serial: ByteVec,
    #[n(1)]
    since: i64,
}

impl From<&Access> for WireAccess {
    fn from(access: &Access) -> Self {
        match access {
            Access::Grant(grant) => Self::Grant(grant.into()),
            Access::Revocation(revocation) => Self::Revocation(WireRevocation {
                of: revocation.of.0,
                rights: revocation.rights.iter().map(Right::to_string).collect(),
                taker: revocation.taker.map(|taker| taker.0.into()),
                reason: revocation.reason.clone(),
            }),
            Access::Issuer(issuer) => Self::Issuer(WireIssuer {
                cards: issuer.cards.iter().map(CardKind::to_string).collect(),
                certificate: issuer.certificate.clone().into(),
                holds: issuer.holds,
            }),
            Access::Service(word) => Self::Service(WireService {
                service: word.service.to_string(),
                standing: word.standing.code().to_owned(),
                reason: word.reason.clone(),
            }),
            Access::Revoked(revoked) => Self::Revoked(WireRevoked {
                issuer: revoked.issuer,
                as_of: revoked.as_of,
                cards: revoked.cards.iter().map(Into::into).collect(),
            }),
        }
    }
}

impl From<&(Vec<u8>, i64)> for WireRevokedCard {
    fn from((serial, since): &(Vec<u8>, i64)) -> Self {
        Self { serial: serial.clone().into(), since: *since }
    }
}

impl From<&Grant> for WireGrant {
    fn from(grant: &Grant) -> Self {
        Self {
            to: (&grant.to).into(),
            rights: grant.rights.iter().map(Right::to_string).collect(),
            until: grant.until.num_days_from_ce(),
            after: grant.after.iter().copied().map(Into::into).collect(),
            giver: grant.giver.as_ref().map(|giver| WireGiver {
                id: giver.id.0,
                under: giver.under.into(),
                signature: giver.signature.clone().into(),
            }),
        }
    }
}

impl From<&Holder> for WireHolder {
    fn from(holder: &Holder) -> Self {
        Self {
            name: holder.name.clone(),
            card: holder.card.to_string(),
            key: holder.key.clone().into(),
            locked_key: holder.locked_key.clone().map(Into::into),
            document: holder.document.as_ref().map(|sealed| sealed.0.clone().into()),
            certificate: holder
                .certificate
                .as_ref()
                .map(|of| WireCertificate { issuer: of.issuer, serial: of.serial.clone().into() }),
        }
    }
}

impl TryFrom<WireAccess> for Access {
    type Error = WireError;

    fn try_from(wire: WireAccess) -> Result<Self, WireError> {
        Ok(match wire {
            WireAccess::Grant(grant) => Self::Grant(grant.try_into()?),
            WireAccess::Revocation(revocation) => Self::Revocation(Revocation {
                of: StaffId(revocation.of),
                rights: rights(&revocation.rights)?,
                taker: revocation.taker.map(|taker| StaffId(taker.into())),
                reason: text("reason", revocation.reason, REASON_BYTES_MAX)?,
            }),
            WireAccess::Issuer(issuer) => Self::Issuer(Issuer {
                cards: issuer.cards.iter().map(|card| name(card)).collect::<Result<_, _>>()?,
                certificate: bytes("certificate", issuer.certificate, CERTIFICATE_BYTES_MAX)?,
                holds: issuer.holds,
            }),
            WireAccess::Service(word) => Self::Service(ServiceWord {
                service: name(&word.service)?,
                standing: ServiceStanding::from_code(&word.standing)
                    .ok_or_else(|| WireError::limit("standing", word.standing.chars().take(20).collect::<String>()))?,
                reason: text("reason", word.reason, REASON_BYTES_MAX)?,
            }),
            WireAccess::Revoked(revoked) => Self::Revoked(RevokedCards {
                issuer: revoked.issuer,
                as_of: revoked.as_of,
                cards: revoked.cards.into_iter().map(revoked_card).collect::<Result<_, _>>()?,
            }),
        })
    }
}

fn revoked_card(wire: WireRevokedCard) -> Result<(Vec<u8>, i64), WireError> {
    Ok((bytes("serial number", wire.serial, SERIAL_BYTES_MAX)?, wire.since))
}

impl TryFrom<WireGrant> for Grant {
    type Error = WireError;

    fn try_from(wire: WireGrant) -> Result<Self, WireError> {
        let giver = wire.giver.map(|giver| {
            let signature = bytes("signature", giver.signature, SIGNATURE_BYTES_MAX)?;
            Ok(Giver { id: StaffId(giver.id), under: giver.under.try_into()?, signature })
        });
        Ok(Self {
            to: wire.to.try_into()?,
            rights: rights(&wire.rights)?,
            until: numbered_day(wire.until)?,
            after: each_once("revocations", wire.after.into_iter().map(EntryId::try_from).collect::<Result<_, _>>()?)?,
            giver: giver.transpose()?,
        })
    }
}

impl TryFrom<WireHolder> for Holder {
    type Error = WireError;

    fn try_from(wire: WireHolder) -> Result<Self, WireError> {
        let certificate = wire.certificate.map(|of| {
            bytes("serial number", of.serial, SERIAL_BYTES_MAX).map(|serial| Certificate { issuer: of.issuer, serial })
        });
        Ok(Self {
            name: text("name", wire.name, NAME_BYTES_MAX)?,
            card: name(&wire.card)?,
            key: bytes("public key", wire.key, KEY_BYTES_MAX)?,
            locked_key: wire.locked_key.map(|key| bytes("locked key", key, LOCKED_KEY_BYTES_MAX)).transpose()?,
            document: wire.document.map(sealed).transpose()?,
            certificate: certificate.transpose()?,
        })
    }
}

/// Each once: a list that repeats itself makes work and means nothing.
fn rights(texts: &[String]) -> Result<Vec<Right>, WireError> {
    let rights: Vec<Right> = texts.iter().map(|right| name(right)).collect::<Result<_, _>>()?;
    each_once("rights", rights)
}

fn each_once<T: Ord>(what: &'static str, list: Vec<T>) -> Result<Vec<T>, WireError> {
    let distinct = list.iter().collect::<BTreeSet<_>>().len();
    if distinct == list.len() { Ok(list) } else { Err(WireError::limit(what, "the same twice")) }
}

fn bytes(what: &'static str, bytes: ByteVec, most: usize) -> Result<Vec<u8>, WireError> {
    if bytes.len() > most {
        return Err(WireError::limit(what, format!("{} bytes", bytes.len())));
    }
    Ok(bytes.into())
}
