//! What the feed comes to: item by item, and layer by layer. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::digest::{Found, Layer, State};
use shared::entry::Pieces;
use shared::wire::v1::feed::Item;

/// What the feed's items of somebody come to between two positions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Net {
    sales: i64,
    adult: i64,
    child: i64,
}

impl Net {
    pub(super) fn add(&mut self, item: &Item) {
        let sign = if item.gone { -1 } else { 1 };
        self.sales += sign;
        self.adult += sign * i64::from(item.pieces.adult);
        self.child += sign * i64::from(item.pieces.child);
    }

    /// What somebody's sales come to, some of which count before.
    pub(super) fn on(self, before: Counted) -> Counted {
        let sum = |had: u32, more: i64| u32::try_from((i64::from(had) + more).max(0)).unwrap_or(u32::MAX);
        let Counted { sales, pieces } = before;
        let pieces = Pieces { adult: sum(pieces.adult, self.adult), child: sum(pieces.child, self.child) };
        Counted { sales: (sales + self.sales).max(0), pieces }
    }
}

/// What counts of somebody.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// How many sales.
    pub(super) sales: i64,
    pub(super) pieces: Pieces,
}

impl Counted {
    /// As a layer says it; none where it says the same as before.
    pub(super) fn news(self, before: Self, has_pieces: bool) -> Option<State> {
        let counts = |it: Self| if has_pieces { it.pieces.total() > 0 } else { it.sales > 0 };
        match (counts(before), counts(self)) {
            (false, false) => None,
            (true, false) => Some(State::Gone),
            (true, true) if !has_pieces || self.pieces == before.pieces => None,
            (_, true) => Some(State::Counts(self.pieces)),
        }
    }
}

/// What layers come to, by fingerprints of which the bits that were kept stand first.
pub(super) fn fold(layers: &[Arc<Layer>], keeps_gone: bool) -> BTreeMap<u64, State> {
    let mut out = BTreeMap::new();
    for layer in layers {
        let rest = 64 - u32::from(layer.header().width);
        for (prefix, found) in layer.iter() {
            let state = match found {
                Found::Counts(pieces) => State::Counts(pieces.unwrap_or_default()),
                Found::Gone => State::Gone,
            };
            out.insert(prefix << rest, state);
        }
    }
    if !keeps_gone {
        out.retain(|_, state| matches!(state, State::Counts(_)));
    }
    out
}

#[cfg(test)]
mod tests {
    use shared::digest::{Header, encode};

    use super::*;

    fn item(adult: u32, gone: bool) -> Item {
        Item { fingerprint: 1, mark: 0, pieces: Pieces { adult, child: 1 }, gone }
    }

    fn net(items: &[Item]) -> Net {
        let mut net = Net::default();
        items.iter().for_each(|item| net.add(item));
        net
    }

    fn counted(sales: i64, adult: u32) -> Counted {
        Counted { sales, pieces: Pieces { adult, child: u32::try_from(sales).unwrap() } }
    }

    fn state(adult: u32, child: u32) -> State {
        State::Counts(Pieces { adult, child })
    }

    #[test]
    fn only_what_changes_is_said() {
        let (came, went) = (item(2, false), item(2, true));
        for (before, items, sales, pieces_say, set_says) in [
            (counted(0, 0), vec![came], 1, Some(state(2, 1)), Some(state(2, 1))),
            (counted(0, 0), vec![came, went], 0, None, None),
            // Its beginning lies before the hub's digests: nobody can owe sales.
            (counted(0, 0), vec![went], 0, None, None),
            (counted(1, 2), vec![went], 0, Some(State::Gone), Some(State::Gone)),
            (counted(1, 2), vec![went, came], 1, None, None),
            (counted(1, 2), vec![came], 2, Some(state(4, 2)), None),
            // One of two goes: whoever bought still counts.
            (counted(2, 4), vec![went], 1, Some(state(2, 1)), None),
        ] {
            let after = net(&items).on(before);
            assert_eq!(after.sales, sales, "{items:?} on {before:?}");
            assert_eq!(after.news(before, true), pieces_say, "{items:?} on {before:?}");
            assert_eq!(after.news(before, false), set_says, "{items:?} on {before:?}");
        }
    }

    #[test]
    fn the_newest_layer_says_it_and_who_is_gone_stands_only_where_somebody_has_to_be_told() {
        let layer = |changes: &[(u64, State)]| {
            let (programme, day) = ("mask".parse().unwrap(), "2020-02-06".parse().unwrap());
            let header = Header { programme, day, width: 44, has_pieces: true, after: 0, upto: 9 };
            let changes = changes.iter().map(|(who, state)| (who << 20, *state)).collect();
            Arc::new(Layer::open(encode(&header, &changes).into()).unwrap())
        };
        let layers = [
            layer(&[(1, state(2, 0)), (2, state(2, 0)), (3, State::Gone)]),
            layer(&[(1, State::Gone), (2, state(3, 0)), (4, state(1, 0))]),
        ];
        let counts = BTreeMap::from([(2 << 20, state(3, 0)), (4 << 20, state(1, 0))]);
        assert_eq!(fold(&layers, false), counts);
        let gone = [(1 << 20, State::Gone), (3 << 20, State::Gone)];
        assert_eq!(fold(&layers, true), counts.into_iter().chain(gone).collect());
    }
}
