//! The bytes of booking; an end of an earlier version does not read them.

mod read;
mod write;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::super::list::at_most;
use super::WireEntryId;

pub(in crate::wire::v1) use read::{contact, serial};

/// Most slots that a wish names.
pub const RANKED_MAX: usize = 8;
/// Most places of one slot, and of one lease.
pub const PLACES_MAX: u32 = 100_000;
/// Most serial numbers in one block.
pub const NUMBERS_MAX: u32 = 1_000_000;
/// Longest name of a venue, in bytes.
pub const VENUE_NAME_BYTES_MAX: usize = 120;
/// Longest address of a venue, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 240;
/// Longest other word of a venue or an attendance: county, district, telephone, lot; in bytes.
pub const WORD_BYTES_MAX: usize = 40;

#[derive(Encode, Decode)]
pub(super) enum WireBooking {
    #[n(0)]
    Round(#[n(0)] String),
    #[n(1)]
    Venue(#[n(0)] WireVenue),
    #[n(2)]
    Capacity(#[n(0)] WireSlot, #[n(1)] u32, #[n(2)] bool),
    #[n(3)]
    Lease(#[n(0)] WireLease),
    #[n(4)]
    Numbers(#[n(0)] WireNumbers),
    #[n(5)]
    Answer(#[n(0)] WireEntryId, #[n(1)] Option<WireGiven>, #[n(2)] String, #[n(3)] Option<WireVoucher>),
    #[n(6)]
    Standing(#[n(0)] WireEntryId, #[n(1)] u8),
    #[n(7)]
    Expected(#[n(0)] WireExpected),
    #[n(8)]
    Booked(#[n(0)] WireBooked),
    #[n(9)]
    Wish(#[n(0)] WireWish),
    #[n(10)]
    Cancelled(#[n(0)] WireEntryId, #[n(1)] u64, #[n(2)] String),
    #[n(11)]
    Amended(#[n(0)] WireEntryId, #[n(1)] ByteVec),
    #[n(12)]
    Returned(#[n(0)] WireEntryId, #[n(1)] u32),
    #[n(13)]
    Attended(#[n(0)] WireAttended),
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(in crate::wire::v1) struct WireSlot {
    #[n(0)]
    venue: String,
    #[n(1)]
    date: i32,
    #[n(2)]
    start: u16,
    #[n(3)]
    brands: String,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireVenue {
    #[n(0)]
    id: String,
    #[n(1)]
    name: String,
    #[n(2)]
    county: String,
    #[n(3)]
    district: String,
    #[n(4)]
    address: String,
    #[n(5)]
    phone: String,
    #[n(6)]
    site: Option<String>,
    #[n(7)]
    holds: bool,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireLease {
    #[cbor(n(0), with = "minicbor::bytes")]
    life: [u8; 16],
    #[n(1)]
    slot: WireSlot,
    #[n(2)]
    places: u32,
    #[n(3)]
    until: i64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireNumbers {
    #[cbor(n(0), with = "minicbor::bytes")]
    life: [u8; 16],
    #[n(1)]
    first: u64,
    #[n(2)]
    count: u32,
    #[n(3)]
    voucher: Option<WireVoucher>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireVoucher {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    signature: [u8; 64],
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireGiven {
    #[n(0)]
    slot: WireSlot,
    #[n(1)]
    serial: u64,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireExpected {
    #[n(0)]
    of: WireEntryId,
    #[n(1)]
    round: u32,
    #[n(2)]
    serial: u64,
    #[n(3)]
    slot: WireSlot,
    #[n(4)]
    comes: bool,
    #[n(5)]
    document: ByteVec,
    #[n(6)]
    contact: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireBooker {
    #[n(0)]
    document: ByteVec,
    #[n(1)]
    contact: ByteVec,
    #[n(2)]
    typed: bool,
    #[n(3)]
    watermark: u64,
    #[n(4)]
    shown: u8,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireBooked {
    #[n(0)]
    programme: String,
    #[n(1)]
    round: String,
    #[n(2)]
    slot: WireSlot,
    #[n(3)]
    lease: WireEntryId,
    #[n(4)]
    serial: u64,
    #[n(5)]
    person: WireBooker,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireWish {
    #[n(0)]
    programme: String,
    #[n(1)]
    round: String,
    #[cbor(n(2), decode_with = "at_most::<RANKED_MAX, _, _>")]
    ranked: Vec<WireSlot>,
    #[n(3)]
    person: WireBooker,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireAttended {
    #[n(0)]
    of: WireEntryId,
    #[n(1)]
    serial: u64,
    #[n(2)]
    slot: WireSlot,
    #[n(3)]
    what: WireAttendance,
}

#[derive(Encode, Decode)]
enum WireAttendance {
    #[n(0)]
    CheckedIn,
    #[n(1)]
    Given(#[n(0)] String, #[n(1)] String),
    #[n(2)]
    NotGiven(#[n(0)] String),
    #[n(3)]
    Later(#[n(0)] u16),
}
