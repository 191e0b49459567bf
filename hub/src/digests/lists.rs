//! A list of who may book travels as one layer of a closed day, which no feed touches (docs/booking.md).

use std::collections::BTreeMap;

use shared::digest::{Header, State, WIDTH_MAX, width_for};

use super::NAMED_BY;
use crate::hub::{Hub, HubError};
use crate::store::DigestDay;

impl Hub {
    /// Makes the one layer of a list's day, in place of whatever it had; the next manifest names it. Gives its length.
    pub(crate) fn replace_list_layer(
        &mut self,
        day: &DigestDay,
        people: &BTreeMap<u64, State>,
        second: i64,
    ) -> Result<u64, HubError> {
        for old in self.store.layers(day)? {
            self.store.replace_layer(&old.id, second)?;
            self.memory.layers.borrow_mut().remove(&old.id);
        }
        let (programme, date) = day.clone();
        let upto = self.memory.feed;
        let header = Header { programme, day: date, width: width_of(people), has_pieces: true, after: 0, upto };
        self.keep_layer(day, &header, people)?;
        self.store.close_day(day)?;
        // Whatever reach the newest manifest was made by, it does not name this.
        self.store.set_meta(NAMED_BY, b"")?;
        Ok(self.store.layers(day)?.iter().map(|layer| u64::from(layer.bytes)).sum())
    }
}

/// So wide that nobody else's line falls together with anybody's: what rides with them would be added up.
fn width_of(people: &BTreeMap<u64, State>) -> u8 {
    let from = width_for(u64::try_from(people.len()).unwrap_or(u64::MAX));
    let is_apart = |width: &u8| {
        let prefix = |print: &u64| print >> (64 - u32::from(*width));
        people.keys().zip(people.keys().skip(1)).all(|(one, next)| prefix(one) != prefix(next))
    };
    (from..WIDTH_MAX).find(is_apart).unwrap_or(WIDTH_MAX)
}

#[cfg(test)]
mod tests {
    use shared::entry::Pieces;

    use super::*;

    #[test]
    fn neighbours_are_told_apart_by_more_bits() {
        let people = |prints: &[u64]| -> BTreeMap<u64, State> {
            prints.iter().map(|print| (*print, State::Counts(Pieces { adult: 1, child: 0 }))).collect()
        };
        let alone = width_of(&people(&[1 << 63, 1]));
        assert_eq!(alone, width_for(2));
        assert_eq!(width_of(&people(&[1 << 63, (1 << 63) + (1 << (63 - u32::from(alone)))])), alone + 1);
        assert_eq!(width_of(&people(&[1, 2])), WIDTH_MAX, "as far as it goes");
    }
}
