//! Taking back a sale or an arrival (decisions 9 and 12): a new entry, on the
//! same business day, once; never an erasure.

use chrono::NaiveDate;

use super::refusal::Refusal;
use super::stock::{Stock, check_stock};
use crate::entry::Pieces;

/// The entry to be taken back, as this site knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The business day on which it was written.
    pub day: NaiveDate,
    /// Whether it was taken back already.
    pub withdrawn: bool,
    /// What it is.
    pub what: Taken,
}

/// What is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// A sale: the goods come back.
    Sale,
    /// An arrival confirmed by mistake: the goods go.
    Arrival {
        /// What it had brought.
        counted: Pieces,
        /// What is there now.
        have: Stock,
    },
}

/// Whether an entry may be taken back today. `target` is `None` where the site
/// has no such sale or arrival.
///
/// An arrival only while its goods are all still there: what was sold from it did arrive.
///
/// # Errors
/// `Unknown`, `AlreadyWithdrawn`, `NotSameDay` or `Stock`, in this order.
pub fn decide_withdrawal(target: Option<Target>, today: NaiveDate) -> Result<(), Refusal> {
    let target = target.ok_or(Refusal::Unknown)?;
    if target.withdrawn {
        return Err(Refusal::AlreadyWithdrawn);
    }
    if target.day != today {
        return Err(Refusal::NotSameDay { day: target.day });
    }
    match target.what {
        Taken::Sale => Ok(()),
        Taken::Arrival { counted, have } => check_stock(have, counted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decision_12_same_day_once_and_only_what_is_there() {
        let day: NaiveDate = "2020-02-06".parse().unwrap();
        let sale = Target { day, withdrawn: false, what: Taken::Sale };
        assert_eq!(decide_withdrawal(Some(sale), day), Ok(()));
        assert_eq!(decide_withdrawal(None, day), Err(Refusal::Unknown));
        assert_eq!(decide_withdrawal(Some(Target { withdrawn: true, ..sale }), day), Err(Refusal::AlreadyWithdrawn));
        for other in ["2020-02-07", "2020-02-05"] {
            let refusal = decide_withdrawal(Some(sale), other.parse().unwrap());
            assert_eq!(refusal, Err(Refusal::NotSameDay { day }), "{other}");
        }
    }

    #[test]
    fn decision_9_an_arrival_goes_back_whole() {
        let day: NaiveDate = "2020-02-14".parse().unwrap();
        let counted = Pieces { adult: 200, child: 50 };
        let arrival = |adult| Target {
            day,
            withdrawn: false,
            what: Taken::Arrival { counted, have: Stock { adult, child: 50 } },
        };
        assert_eq!(decide_withdrawal(Some(arrival(200)), day), Ok(()));
        let refusal = decide_withdrawal(Some(arrival(198)), day);
        assert_eq!(refusal, Err(Refusal::Stock { have: Stock { adult: 198, child: 50 } }));
    }
}
