//! An entry's bytes: what is hashed, stored, sent and never changed again.
//!
//! Arrays with numbered places; a later version may append places, which an earlier one skips.

use chrono::{Datelike, NaiveDate};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::WireError;
use super::list::some_at_most;
use crate::entry::{
    Arrival, Behind, Correction, Delivery, Entry, Fact, Instant, Pieces, Published, Reading, Sale, Sealed, Staff,
    Standing, Withdrawal,
};
use crate::ids::{ActorId, EntryId, StaffId};
use crate::seal::SEALED_BYTES_MAX;
use access::WireAccess;
use booking::WireBooking;
pub(super) use booking::{WireSlot, contact, serial};
use dispute::{WireDecision, WireDispute, WireException};
use notice::WireNotice;

mod access;
mod booking;
mod dispute;
mod notice;

pub use access::{AFTER_MAX, CERTIFICATE_BYTES_MAX, KEY_BYTES_MAX, REVOKED_MAX, RIGHTS_MAX, SIGNATURE_BYTES_MAX};
pub use booking::{ADDRESS_BYTES_MAX, NUMBERS_MAX, PLACES_MAX, RANKED_MAX, VENUE_NAME_BYTES_MAX, WORD_BYTES_MAX};
pub use dispute::{CLEARED_DAYS_MAX, CLEARED_MARKS_MAX, FOUND_MAX};
pub use notice::NOTICE_BYTES_MAX;

/// Longest entry, in bytes; only a published version comes near.
pub const ENTRY_BYTES_MAX: usize = 32 * 1024;
/// Longest staff name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 200;
/// Most pieces in one entry: above any real delivery (20,052 masks in one pharmacy, 2020-02-14).
pub const PIECES_MAX: u32 = 1_000_000;
/// Most spans of days of which a sale says that less was known: more are told as one.
pub const BEHIND_MAX: usize = 16;

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireEntry {
    #[n(0)]
    second: i64,
    #[n(1)]
    doubt_s: u32,
    #[n(2)]
    fact: WireFact,
    #[n(3)]
    name: String,
    #[n(4)]
    verified: bool,
    /// Not in the first version.
    #[n(5)]
    staff: Option<ByteArray<16>>,
}

#[derive(Encode, Decode)]
enum WireFact {
    #[n(0)]
    Arrival(#[n(0)] WireArrival),
    #[n(1)]
    Sale(#[n(0)] WireSale),
    #[n(2)]
    Withdrawal(#[n(0)] WireWithdrawal),
    #[n(3)]
    Correction(#[n(0)] WireCorrection),
    #[n(4)]
    Programme(#[n(0)] WireProgramme),
    #[n(5)]
    Delivery(#[n(0)] WireDelivery),
    #[n(6)]
    Standing(#[n(0)] WireStanding),
    #[n(7)]
    Dispute(#[n(0)] WireDispute),
    #[n(8)]
    Exception(#[n(0)] WireException),
    #[n(9)]
    Decision(#[n(0)] WireDecision),
    #[n(10)]
    Access(#[n(0)] WireAccess),
    #[n(11)]
    Notice(#[n(0)] WireNotice),
    #[n(12)]
    Booking(#[n(0)] WireBooking),
}

#[derive(Encode, Decode, Clone, Copy)]
#[cbor(array)]
struct WirePieces {
    #[n(0)]
    adult: u32,
    #[n(1)]
    child: u32,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireArrival {
    #[n(0)]
    programme: String,
    #[n(1)]
    counted: WirePieces,
    #[n(2)]
    advised: Option<WirePieces>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireSale {
    #[n(0)]
    document: ByteVec,
    #[n(1)]
    programme: String,
    #[n(2)]
    version: String,
    #[n(3)]
    pieces: WirePieces,
    #[n(4)]
    typed: bool,
    #[n(5)]
    watermark: u64,
    #[n(6)]
    happened: Option<WireInstant>,
    #[n(7)]
    proxy: Option<ByteVec>,
    /// Not in the first version.
    #[n(8)]
    approved_by: Option<String>,
    /// Not in the first version: first and last day, and two positions of the feed, each.
    #[cbor(n(9), decode_with = "some_at_most::<BEHIND_MAX, _, _>")]
    behind: Option<Vec<WireBehind>>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireBehind {
    #[n(0)]
    first: i32,
    #[n(1)]
    last: i32,
    #[n(2)]
    known: u64,
    #[n(3)]
    again: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireInstant {
    #[n(0)]
    second: i64,
    #[n(1)]
    doubt_s: u32,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireEntryId {
    #[cbor(n(0), with = "minicbor::bytes")]
    actor: [u8; 16],
    #[n(1)]
    seq: u32,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireWithdrawal {
    #[n(0)]
    of: WireEntryId,
    #[n(1)]
    reason: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireCorrection {
    #[n(0)]
    programme: String,
    #[n(1)]
    adult: i32,
    #[n(2)]
    child: i32,
    #[n(3)]
    reason: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireProgramme {
    #[n(0)]
    text: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireDelivery {
    #[n(0)]
    programme: String,
    #[n(1)]
    day: String,
    #[n(2)]
    pieces: WirePieces,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct WireStanding {
    #[n(0)]
    sale: WireEntryId,
    #[n(1)]
    over: bool,
}

/// To bytes; the same entry always gives the same bytes.
#[must_use]
pub fn encode(entry: &Entry) -> Vec<u8> {
    // Writing to a Vec cannot fail.
    minicbor::to_vec(WireEntry::from(entry)).unwrap_or_default()
}

/// From bytes.
///
/// # Errors
/// Where the bytes are no entry or one outside its limits.
pub fn decode(bytes: &[u8]) -> Result<Entry, WireError> {
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(WireError::limit("entry", format!("{} bytes", bytes.len())));
    }
    let wire: WireEntry =
        minicbor::decode(bytes).map_err(|cause| WireError::Cbor { what: "entry", why: cause.to_string() })?;
    wire.try_into()
}

impl From<&Entry> for WireEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            second: entry.at.second,
            doubt_s: entry.at.doubt_s,
            fact: WireFact::from(&entry.fact),
            name: entry.by.name.clone(),
            verified: entry.by.verified,
            staff: entry.by.id.map(|id| id.0.into()),
        }
    }
}

impl From<&Fact> for WireFact {
    fn from(fact: &Fact) -> Self {
        match fact {
            Fact::Arrival(arrival) => Self::Arrival(WireArrival {
                programme: arrival.programme.to_string(),
                counted: arrival.counted.into(),
                advised: arrival.advised.map(Into::into),
            }),
            Fact::Sale(sale) => Self::Sale(sale.into()),
            Fact::Withdrawal(withdrawal) => {
                Self::Withdrawal(WireWithdrawal { of: withdrawal.of.into(), reason: withdrawal.reason.clone() })
            }
            Fact::Correction(correction) => Self::Correction(WireCorrection {
                programme: correction.programme.to_string(),
                adult: correction.adult,
                child: correction.child,
                reason: correction.reason.clone(),
            }),
            Fact::Programme(published) => Self::Programme(WireProgramme { text: published.text.clone() }),
            Fact::Delivery(delivery) => Self::Delivery(WireDelivery {
                programme: delivery.programme.to_string(),
                day: delivery.day.to_string(),
                pieces: delivery.pieces.into(),
            }),
            Fact::Standing(standing) => {
                Self::Standing(WireStanding { sale: standing.sale.into(), over: standing.over })
            }
            Fact::Dispute(dispute) => Self::Dispute(dispute.into()),
            Fact::Exception(exception) => Self::Exception(exception.into()),
            Fact::Decision(decision) => Self::Decision(decision.into()),
            Fact::Access(access) => Self::Access(access.into()),
            Fact::Notice(notice) => Self::Notice(notice.into()),
            Fact::Booking(booking) => Self::Booking(booking.into()),
        }
    }
}

impl From<&Sale> for WireSale {
    fn from(sale: &Sale) -> Self {
        Self {
            document: sale.document.0.clone().into(),
            programme: sale.programme.to_string(),
            version: sale.version.to_string(),
            pieces: sale.pieces.into(),
            typed: sale.reading == Reading::Typed,
            watermark: sale.watermark,
            happened: sale.happened.map(|at| WireInstant { second: at.second, doubt_s: at.doubt_s }),
            proxy: sale.proxy.as_ref().map(|sealed| sealed.0.clone().into()),
            approved_by: sale.approved_by.clone(),
            behind: (!sale.behind.is_empty()).then(|| sale.behind.iter().map(Into::into).collect()),
        }
    }
}

impl From<Pieces> for WirePieces {
    fn from(pieces: Pieces) -> Self {
        Self { adult: pieces.adult, child: pieces.child }
    }
}

impl From<EntryId> for WireEntryId {
    fn from(id: EntryId) -> Self {
        Self { actor: id.actor.0, seq: id.seq }
    }
}

impl TryFrom<WireEntry> for Entry {
    type Error = WireError;

    fn try_from(wire: WireEntry) -> Result<Self, WireError> {
        Ok(Self {
            at: instant(wire.second, wire.doubt_s)?,
            by: Staff {
                name: text("name", wire.name, NAME_BYTES_MAX)?,
                verified: wire.verified,
                id: wire.staff.map(|id| StaffId(id.into())),
            },
            fact: wire.fact.try_into()?,
        })
    }
}

impl TryFrom<WireFact> for Fact {
    type Error = WireError;

    fn try_from(wire: WireFact) -> Result<Self, WireError> {
        Ok(match wire {
            WireFact::Arrival(arrival) => Self::Arrival(Arrival {
                programme: name(&arrival.programme)?,
                counted: arrival.counted.try_into()?,
                advised: arrival.advised.map(Pieces::try_from).transpose()?,
            }),
            WireFact::Sale(sale) => Self::Sale(sale.try_into()?),
            WireFact::Withdrawal(withdrawal) => Self::Withdrawal(Withdrawal {
                of: withdrawal.of.try_into()?,
                reason: text("reason", withdrawal.reason, REASON_BYTES_MAX)?,
            }),
            WireFact::Correction(correction) => Self::Correction(Correction {
                programme: name(&correction.programme)?,
                adult: signed_pieces(correction.adult)?,
                child: signed_pieces(correction.child)?,
                reason: text("reason", correction.reason, REASON_BYTES_MAX)?,
            }),
            WireFact::Programme(published) => Self::Programme(Published { text: published.text }),
            WireFact::Delivery(delivery) => Self::Delivery(Delivery {
                programme: name(&delivery.programme)?,
                day: day(&delivery.day)?,
                pieces: delivery.pieces.try_into()?,
            }),
            WireFact::Standing(standing) => {
                Self::Standing(Standing { sale: standing.sale.try_into()?, over: standing.over })
            }
            WireFact::Dispute(dispute) => Self::Dispute(dispute.try_into()?),
            WireFact::Exception(exception) => Self::Exception(exception.try_into()?),
            WireFact::Decision(decision) => Self::Decision(decision.try_into()?),
            WireFact::Access(access) => Self::Access(access.try_into()?),
            WireFact::Notice(notice) => Self::Notice(notice.try_into()?),
            WireFact::Booking(booking) => Self::Booking(booking.try_into()?),
        })
    }
}

impl TryFrom<WireSale> for Sale {
    type Error = WireError;

    fn try_from(wire: WireSale) -> Result<Self, WireError> {
        Ok(Self {
            programme: name(&wire.programme)?,
            version: name(&wire.version)?,
            pieces: wire.pieces.try_into()?,
            happened: wire.happened.map(|at| instant(at.second, at.doubt_s)).transpose()?,
            reading: if wire.typed { Reading::Typed } else { Reading::Card },
            watermark: wire.watermark,
            document: sealed(wire.document)?,
            proxy: wire.proxy.map(sealed).transpose()?,
            approved_by: wire.approved_by.map(|name| text("name", name, NAME_BYTES_MAX)).transpose()?,
            behind: wire.behind.unwrap_or_default().into_iter().map(Behind::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<WirePieces> for Pieces {
    type Error = WireError;

    fn try_from(wire: WirePieces) -> Result<Self, WireError> {
        if wire.adult > PIECES_MAX || wire.child > PIECES_MAX {
            return Err(WireError::limit("pieces", format!("{} and {}", wire.adult, wire.child)));
        }
        Ok(Self { adult: wire.adult, child: wire.child })
    }
}

impl TryFrom<WireEntryId> for EntryId {
    type Error = WireError;

    fn try_from(wire: WireEntryId) -> Result<Self, WireError> {
        if wire.seq == 0 {
            return Err(WireError::limit("entry id", "sequence 0"));
        }
        Ok(Self { actor: ActorId(wire.actor), seq: wire.seq })
    }
}

/// Between 1912 and 9999: whatever a broken clock says must still be a calendar day.
fn instant(second: i64, doubt_s: u32) -> Result<Instant, WireError> {
    const RANGE: std::ops::RangeInclusive<i64> = -1_830_384_000..=253_370_764_800;
    if RANGE.contains(&second) { Ok(Instant { second, doubt_s }) } else { Err(WireError::limit("instant", second)) }
}

pub(super) fn name<T: std::str::FromStr>(text: &str) -> Result<T, WireError> {
    text.parse().map_err(|_| WireError::limit("name", text.chars().take(60).collect::<String>()))
}

fn text(what: &'static str, text: String, bytes_max: usize) -> Result<String, WireError> {
    if text.len() > bytes_max {
        return Err(WireError::limit(what, format!("{} bytes", text.len())));
    }
    Ok(text)
}

fn signed_pieces(pieces: i32) -> Result<i32, WireError> {
    if pieces.unsigned_abs() > PIECES_MAX {
        return Err(WireError::limit("pieces", pieces));
    }
    Ok(pieces)
}

pub(super) fn sealed(bytes: ByteVec) -> Result<Sealed, WireError> {
    if bytes.len() > SEALED_BYTES_MAX {
        return Err(WireError::limit("sealed document", format!("{} bytes", bytes.len())));
    }
    Ok(Sealed(bytes.into()))
}

impl From<&Behind> for WireBehind {
    fn from(behind: &Behind) -> Self {
        let Behind { first, last, known, again } = *behind;
        Self { first: first.num_days_from_ce(), last: last.num_days_from_ce(), known, again }
    }
}

impl TryFrom<WireBehind> for Behind {
    type Error = WireError;

    fn try_from(wire: WireBehind) -> Result<Self, WireError> {
        let WireBehind { first, last, known, again } = wire;
        Ok(Self { first: numbered_day(first)?, last: numbered_day(last)?, known, again })
    }
}

/// A day as its number since the first of the common era, of the years that instants can have.
fn numbered_day(number: i32) -> Result<NaiveDate, WireError> {
    let day = NaiveDate::from_num_days_from_ce_opt(number).filter(|day| (1912..=9999).contains(&day.year()));
    day.ok_or_else(|| WireError::limit("day", number))
}

fn day(text: &str) -> Result<NaiveDate, WireError> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| WireError::limit("day", text))
}

#[cfg(test)]
mod tests;
