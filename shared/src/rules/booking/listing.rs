//! What a round's list says of somebody: category, registered wish, doses so far (V2).
//!
//! It reaches every edge in a layer of digests, in the two numbers that ride with each fingerprint; so it has few bits.

use chrono::{Datelike, NaiveDate};

use crate::entry::Pieces;

/// Doses that a list can tell apart; more are told as so many.
pub const DOSES_MAX: u8 = 15;

/// One person's line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord, Hash)]
pub struct Listing {
    /// 施打類別, 1 to 255; 0 where the list names none.
    pub category: u8,
    /// 意願登記: they have registered.
    pub registered: bool,
    /// Of the round's brands those that they would take, by the bit of its place; 0 for any.
    pub wants: u8,
    /// Doses given so far.
    pub doses: u8,
    /// The last dose: its day, and which of the round's brands it was, counted from 1; 0 for another.
    pub last: Option<(NaiveDate, u8)>,
}

impl Listing {
    /// As it rides with a fingerprint. Never nothing: who is on the list counts.
    #[must_use]
    pub fn packed(&self) -> Pieces {
        let (day, brand) = self.last.map_or((0, 0), |(day, brand)| (day.num_days_from_ce(), brand));
        let adult = u32::from(self.category)
            | u32::from(self.wants) << 8
            | u32::from(self.doses.min(DOSES_MAX)) << 16
            | u32::from(self.registered) << 20
            | u32::from(brand & 0xf) << 21
            | 1 << 25;
        Pieces { adult, child: u32::try_from(day).unwrap_or(0) }
    }

    /// From that.
    #[must_use]
    pub fn unpacked(pieces: Pieces) -> Self {
        let bits = |from: u32, mask: u32| u8::try_from(pieces.adult >> from & mask).unwrap_or_default();
        let day = i32::try_from(pieces.child).ok().filter(|day| *day > 0);
        Self {
            category: bits(0, 0xff),
            wants: bits(8, 0xff),
            doses: bits(16, 0xf),
            registered: bits(20, 1) == 1,
            last: day.and_then(NaiveDate::from_num_days_from_ce_opt).map(|day| (day, bits(21, 0xf))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_says_comes_out_as_it_went_in() {
        let day = NaiveDate::from_ymd_opt(2021, 6, 1).unwrap();
        let all = [
            Listing::default(),
            Listing { category: 9, registered: true, ..Listing::default() },
            Listing { category: 255, registered: true, wants: 255, doses: 15, last: Some((day, 8)) },
            Listing { doses: 1, last: Some((day, 0)), ..Listing::default() },
        ];
        for listing in all {
            assert_eq!(Listing::unpacked(listing.packed()), listing);
            assert!(listing.packed().total() > 0, "{listing:?} would not count");
        }
        assert_eq!(Listing::unpacked(Listing { doses: 200, ..Listing::default() }.packed()).doses, DOSES_MAX);
    }
}
