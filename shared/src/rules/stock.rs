//! The shelf: what a site has, and what each fact does to it (M17, M18, decisions 9 and 12).
//!
//! Stock is signed: a sale that is recorded afterwards is never refused
//! (decision 16), so the shelf may be below zero until somebody counts it.

use crate::entry::{Fact, Pieces};

use super::refusal::Refusal;

/// What a site has of one programme's goods.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stock {
    /// 成人片數.
    pub adult: i64,
    /// 兒童片數.
    pub child: i64,
}

/// What one fact does to the stock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// Arrived.
    In(Pieces),
    /// Sold.
    Out(Pieces),
    /// Corrected, by so many more or fewer.
    By {
        /// 成人片數.
        adult: i32,
        /// 兒童片數.
        child: i32,
    },
}

impl Move {
    /// What a fact does to the stock of its programme. `None` for facts that do
    /// nothing by themselves; a withdrawal undoes the move of the entry it names.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Arrival(arrival) => Some(Self::In(arrival.counted)),
            Fact::Sale(sale) => Some(Self::Out(sale.pieces)),
            Fact::Correction(correction) => Some(Self::By { adult: correction.adult, child: correction.child }),
            Fact::Withdrawal(_)
            | Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Dispute(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Access(_)
            | Fact::Notice(_)
            | Fact::Booking(_) => None,
        }
    }

    /// By how much the stock changes: adult, child.
    fn by(self) -> (i64, i64) {
        match self {
            Self::In(pieces) => (i64::from(pieces.adult), i64::from(pieces.child)),
            Self::Out(pieces) => (-i64::from(pieces.adult), -i64::from(pieces.child)),
            Self::By { adult, child } => (i64::from(adult), i64::from(child)),
        }
    }
}

impl Stock {
    /// The stock after a move.
    #[must_use]
    pub fn after(self, step: Move) -> Self {
        let (adult, child) = step.by();
        Self { adult: self.adult.saturating_add(adult), child: self.child.saturating_add(child) }
    }

    /// The stock after a move was taken back.
    #[must_use]
    pub fn undone(self, step: Move) -> Self {
        let (adult, child) = step.by();
        Self { adult: self.adult.saturating_sub(adult), child: self.child.saturating_sub(child) }
    }

    /// Whether it holds these pieces, kind by kind.
    #[must_use]
    pub fn covers(self, pieces: Pieces) -> bool {
        let enough = |have: i64, ask: u32| ask == 0 || have >= i64::from(ask);
        enough(self.adult, pieces.adult) && enough(self.child, pieces.child)
    }
}

/// No stock, no transaction (M18).
///
/// # Errors
/// [`Refusal::Stock`] with what there is.
pub fn check_stock(have: Stock, ask: Pieces) -> Result<(), Refusal> {
    if have.covers(ask) { Ok(()) } else { Err(Refusal::Stock { have }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Arrival, Correction};

    const fn pieces(adult: u32, child: u32) -> Pieces {
        Pieces { adult, child }
    }

    #[test]
    fn m18_no_stock_no_transaction() {
        let empty = Stock::default();
        assert_eq!(check_stock(empty, pieces(2, 0)), Err(Refusal::Stock { have: empty }));
        let have = empty.after(Move::In(pieces(200, 50)));
        assert_eq!(check_stock(have, pieces(200, 50)), Ok(()));
        assert_eq!(check_stock(have, pieces(0, 51)), Err(Refusal::Stock { have }));
        assert_eq!(check_stock(Stock { adult: -3, child: 5 }, pieces(0, 5)), Ok(()), "kind by kind");
    }

    #[test]
    fn what_arrives_comes_in_and_what_is_counted_again_is_set_right() {
        let programme: crate::ids::ProgrammeId = "mask".parse().unwrap();
        let arrival = Arrival { programme: programme.clone(), counted: pieces(200, 50), advised: None };
        assert_eq!(Move::of(&Fact::Arrival(arrival)), Some(Move::In(pieces(200, 50))));
        let correction = Correction { programme, adult: -3, child: 1, reason: "counted".to_owned() };
        assert_eq!(Move::of(&Fact::Correction(correction)), Some(Move::By { adult: -3, child: 1 }));
        let text = "name = \"mask\"".to_owned();
        assert_eq!(Move::of(&Fact::Programme(crate::entry::Published { text })), None, "rules move no goods");
    }

    #[test]
    fn every_move_can_be_taken_back() {
        let have = Stock { adult: 7, child: 0 };
        for step in [Move::In(pieces(3, 4)), Move::Out(pieces(9, 1)), Move::By { adult: -2, child: i32::MAX }] {
            assert_eq!(have.after(step).undone(step), have, "{step:?}");
        }
        assert_eq!(have.after(Move::Out(pieces(9, 1))), Stock { adult: -2, child: -1 });
        let brim = Stock { adult: i64::MAX, child: i64::MIN };
        assert_eq!(brim.after(Move::By { adult: 1, child: -1 }), brim, "saturates");
    }
}
