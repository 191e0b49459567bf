//! What was confirmed today (M17): the log of the day, read once. Each time only what is new is read, so that a status line
//! costs the same in the evening as in the morning.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared::entry::{Fact, Pieces};
use shared::sync::edge::LogPos;

use super::NodeError;
use super::write::decoded;
use crate::store::{LogRow, Store, Way};

/// The arrivals of one business day that nobody has taken back.
#[derive(Default)]
pub(super) struct Arrivals {
    day: NaiveDate,
    /// Up to here the log was read.
    read: LogPos,
    /// By programme and position.
    confirmed: BTreeMap<(i64, LogPos), Pieces>,
}

impl Arrivals {
    /// What has arrived of a programme on a day; `None` where nothing was confirmed.
    pub(super) fn of(&mut self, store: &Store, day: NaiveDate, programme: i64) -> Result<Option<Pieces>, NodeError> {
        if self.day != day {
            let first = store.first_since(day)?;
            *self = Self { day, read: first.map_or(store.log_len()?, |first| first - 1), ..Self::default() };
        }
        let mut failed = None;
        store.walk(Way::Forward { after: self.read }, |row| {
            failed = self.read(store, &row).err();
            failed.is_none()
        })?;
        let of = self.confirmed.range((programme, LogPos::MIN)..=(programme, LogPos::MAX)).map(|(_, pieces)| *pieces);
        failed.map_or(Ok(of.reduce(Pieces::plus)), Err)
    }

    fn read(&mut self, store: &Store, row: &LogRow) -> Result<(), NodeError> {
        match decoded(row)?.fact {
            Fact::Arrival(arrival) if row.day == self.day && !row.withdrawn => {
                self.confirmed.insert((row.programme, row.pos), arrival.counted);
            }
            Fact::Withdrawal(withdrawal) => {
                let of = store.find(&withdrawal.of)?;
                of.and_then(|(pos, _)| self.confirmed.remove(&(row.programme, pos)));
            }
            Fact::Arrival(_)
            | Fact::Sale(_)
            | Fact::Correction(_)
            | Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Dispute(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Access(_)
            | Fact::Notice(_)
            | Fact::Booking(_) => {}
        }
        self.read = row.pos;
        Ok(())
    }
}
