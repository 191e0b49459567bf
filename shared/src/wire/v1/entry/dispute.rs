//! The bytes of disputes, exceptions and decisions; an end of an earlier version does not read them.

use chrono::Datelike;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::super::list::at_most;
use super::{REASON_BYTES_MAX, WireEntryId, WireError, instant, name, numbered_day, sealed, text};
use crate::entry::{ClearedDay, Decision, Dispute, Exception, Found, Reading, Source};
use crate::ids::CaseId;

/// Most purchases that a dispute names: a window holds fewer of one person.
pub const FOUND_MAX: usize = 32;
/// Most days that an exception clears.
pub const CLEARED_DAYS_MAX: usize = 64;
/// Most purchases that an exception names of one day.
pub const CLEARED_MARKS_MAX: usize = 16;

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireDispute {
    #[n(0)]
    document: ByteVec,
    #[n(1)]
    programme: String,
    #[n(2)]
    version: String,
    #[n(3)]
    typed: bool,
    #[n(4)]
    watermark: u64,
    #[cbor(n(5), decode_with = "at_most::<FOUND_MAX, _, _>")]
    found: Vec<WireFound>,
    #[n(6)]
    reason: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireFound {
    /// Counted from the first day of the year 1.
    #[n(0)]
    day: i32,
    #[n(1)]
    own: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireException {
    #[cbor(n(0), with = "minicbor::bytes")]
    case: [u8; 16],
    #[n(1)]
    programme: String,
    #[n(2)]
    holds: bool,
    #[n(3)]
    upto: i64,
    #[cbor(n(4), decode_with = "at_most::<CLEARED_DAYS_MAX, _, _>")]
    days: Vec<WireClearedDay>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireClearedDay {
    #[n(0)]
    day: i32,
    #[n(1)]
    fingerprint: u64,
    #[cbor(n(2), decode_with = "at_most::<CLEARED_MARKS_MAX, _, _>")]
    marks: Vec<u32>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireDecision {
    #[n(0)]
    of: WireEntryId,
    #[n(1)]
    granted: bool,
    #[n(2)]
    words: String,
}

impl From<&Dispute> for WireDispute {
    fn from(dispute: &Dispute) -> Self {
        let found = |found: &Found| WireFound { day: found.day.num_days_from_ce(), own: found.source == Source::Own };
        Self {
            document: dispute.document.0.clone().into(),
            programme: dispute.programme.to_string(),
            version: dispute.version.to_string(),
            typed: dispute.reading == Reading::Typed,
            watermark: dispute.watermark,
            found: dispute.found.iter().map(found).collect(),
            reason: dispute.reason.clone(),
        }
    }
}

impl TryFrom<WireDispute> for Dispute {
    type Error = WireError;

    fn try_from(wire: WireDispute) -> Result<Self, WireError> {
        let source = |own| if own { Source::Own } else { Source::Nation };
        let found = |found: WireFound| Ok(Found { day: numbered_day(found.day)?, source: source(found.own) });
        Ok(Self {
            programme: name(&wire.programme)?,
            version: name(&wire.version)?,
            reading: if wire.typed { Reading::Typed } else { Reading::Card },
            watermark: wire.watermark,
            document: sealed(wire.document)?,
            found: wire.found.into_iter().map(found).collect::<Result<_, WireError>>()?,
            reason: text("reason", wire.reason, REASON_BYTES_MAX)?,
        })
    }
}

impl From<&Exception> for WireException {
    fn from(exception: &Exception) -> Self {
        let cleared = |cleared: &ClearedDay| WireClearedDay {
            day: cleared.day.num_days_from_ce(),
            fingerprint: cleared.fingerprint,
            marks: cleared.marks.clone(),
        };
        Self {
            case: exception.case.0,
            programme: exception.programme.to_string(),
            holds: exception.holds,
            upto: exception.upto,
            days: exception.days.iter().map(cleared).collect(),
        }
    }
}

impl TryFrom<WireException> for Exception {
    type Error = WireError;

    fn try_from(wire: WireException) -> Result<Self, WireError> {
        let cleared = |WireClearedDay { day: number, fingerprint, marks }| {
            Ok(ClearedDay { day: numbered_day(number)?, fingerprint, marks })
        };
        Ok(Self {
            case: CaseId(wire.case),
            programme: name(&wire.programme)?,
            holds: wire.holds,
            upto: instant(wire.upto, 0)?.second,
            days: wire.days.into_iter().map(cleared).collect::<Result<_, WireError>>()?,
        })
    }
}

impl From<&Decision> for WireDecision {
    fn from(decision: &Decision) -> Self {
        Self { of: decision.of.into(), granted: decision.granted, words: decision.words.clone() }
    }
}

impl TryFrom<WireDecision> for Decision {
    type Error = WireError;

    fn try_from(wire: WireDecision) -> Result<Self, WireError> {
        let words = text("words", wire.words, REASON_BYTES_MAX)?;
        Ok(Self { of: wire.of.try_into()?, granted: wire.granted, words })
    }
}
