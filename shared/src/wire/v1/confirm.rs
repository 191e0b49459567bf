//! Before the nation's list refuses somebody the hub is asked, where there is a line (docs/protocol.md).
//!
//! A digest may take a stranger for somebody (less than one in a million a day), and a purchase that was taken back elsewhere a
//! second ago is still on the list here: the hub knows the person, and knows it now.

use chrono::{Datelike, NaiveDate};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::WireError;
use super::entry::{name, sealed};
use super::list::some_at_most;
use super::message::position;
use crate::entry::{Pieces, Sealed};
use crate::ids::{ActorId, EntryId, ProgrammeId};

/// Most purchases in one answer, the newest; whoever has so many in a window is refused by any rule.
pub const PURCHASES_MAX: usize = 64;

/// Edge → hub: which purchases of this person count?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// In this programme.
    pub programme: ProgrammeId,
    /// On this business day or later.
    pub from: NaiveDate,
    /// Never the same twice; comes back.
    pub nonce: [u8; 16],
    /// Whose: sealed for [`Confirm::place`], slot 0.
    pub document: Sealed,
}

/// Hub → edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Of the question.
    pub nonce: [u8; 16],
    /// By this position of the feed.
    pub feed: u64,
    /// On this business day or later: no earlier one than a window may reach, whatever was asked.
    pub from: NaiveDate,
    /// At any site, the asking one's own too; none where the hub cannot say.
    pub purchases: Option<Vec<Bought>>,
}

/// A purchase that counts. Never where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bought {
    /// On which business day.
    pub day: NaiveDate,
    /// Which sale, for the site that made it ([`crate::seal::mark`]).
    pub mark: u32,
    /// How many pieces.
    pub pieces: Pieces,
}

impl Confirm {
    /// What the document is sealed for. No entry has this id: they count from 1.
    #[must_use]
    pub fn place(nonce: [u8; 16]) -> EntryId {
        EntryId { actor: ActorId(nonce), seq: 0 }
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireConfirm {
    #[n(0)]
    nonce: ByteArray<16>,
    #[n(1)]
    programme: String,
    #[n(2)]
    from: i32,
    #[n(3)]
    document: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct WireConfirmed {
    #[n(0)]
    nonce: ByteArray<16>,
    #[n(1)]
    feed: u64,
    #[n(2)]
    from: i32,
    /// Day, mark, adults' and children's pieces.
    #[cbor(n(3), decode_with = "some_at_most::<PURCHASES_MAX, _, _>")]
    purchases: Option<Vec<(i32, u32, u32, u32)>>,
}

impl From<&Confirm> for WireConfirm {
    fn from(confirm: &Confirm) -> Self {
        Self {
            programme: confirm.programme.to_string(),
            from: confirm.from.num_days_from_ce(),
            nonce: confirm.nonce.into(),
            document: confirm.document.0.clone().into(),
        }
    }
}

impl TryFrom<WireConfirm> for Confirm {
    type Error = WireError;

    fn try_from(wire: WireConfirm) -> Result<Self, WireError> {
        Ok(Self {
            programme: name(&wire.programme)?,
            from: day(wire.from)?,
            nonce: wire.nonce.into(),
            document: sealed(wire.document)?,
        })
    }
}

impl From<&Confirmed> for WireConfirmed {
    fn from(confirmed: &Confirmed) -> Self {
        let bought = |one: &Bought| (one.day.num_days_from_ce(), one.mark, one.pieces.adult, one.pieces.child);
        let purchases = confirmed.purchases.as_ref().map(|all| all.iter().map(bought).collect());
        let from = confirmed.from.num_days_from_ce();
        Self { nonce: confirmed.nonce.into(), feed: confirmed.feed, from, purchases }
    }
}

impl TryFrom<WireConfirmed> for Confirmed {
    type Error = WireError;

    fn try_from(wire: WireConfirmed) -> Result<Self, WireError> {
        let bought = |(at, mark, adult, child)| Ok(Bought { day: day(at)?, mark, pieces: Pieces { adult, child } });
        let all = |all: Vec<_>| all.into_iter().map(bought).collect::<Result<_, WireError>>();
        Ok(Self {
            nonce: wire.nonce.into(),
            feed: position(wire.feed)?,
            from: day(wire.from)?,
            purchases: wire.purchases.map(all).transpose()?,
        })
    }
}

fn day(number: i32) -> Result<NaiveDate, WireError> {
    NaiveDate::from_num_days_from_ce_opt(number).ok_or_else(|| WireError::limit("day", number))
}

#[cfg(test)]
mod tests {
    use super::super::message::{Message, decode, encode};
    use super::*;

    fn bought(number: u32) -> Bought {
        let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap();
        Bought { day, mark: u32::MAX - number, pieces: Pieces { adult: number, child: 1 } }
    }

    fn confirmed(purchases: Option<Vec<Bought>>) -> Message {
        Message::Confirmed(Confirmed { nonce: [5; 16], feed: 8, from: bought(0).day, purchases })
    }

    #[test]
    fn questions_and_answers_round_trip() {
        let (programme, from) = ("mask".parse().unwrap(), bought(0).day);
        let document = Sealed(vec![1; 40]);
        let asked = Message::Confirm(Confirm { programme, from, nonce: [5; 16], document });
        let most: Vec<Bought> = (0..64).map(bought).collect();
        for message in [asked, confirmed(None), confirmed(Some(vec![])), confirmed(Some(most))] {
            assert_eq!(decode(&encode(&message)).unwrap(), message);
        }
        assert!(decode(&encode(&confirmed(Some((0..65).map(bought).collect())))).is_err(), "one too many");
    }
}
