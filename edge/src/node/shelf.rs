//! 口罩到貨 and the correction of the stock (M17-M19; decision 9).

use chrono::NaiveDate;
use shared::entry::{Arrival, Correction, Fact};
use shared::ids::ProgrammeId;
use shared::rules::quota::Allowance;
use shared::rules::refusal::Refusal;
use shared::rules::stock::{Move, Stock};
use shared::wire::v1::entry::PIECES_MAX;

use super::access::Doing;
use super::ask::{ArriveRequest, Arrived, CorrectRequest, Corrected};
use super::sale::counted;
use super::write::{Draft, reason};
use super::{Answer, BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;

/// Goods that arrive before any rules were heard of.
const FIRST_PROGRAMME: &str = "mask";

impl Node {
    /// 口罩到貨: what was counted is on the shelf (M18).
    ///
    /// # Errors
    /// Where the store fails, or the question is no question.
    pub fn arrive(&mut self, ask: &ArriveRequest, reading: Reading) -> Answer<Committed<Arrived>> {
        self.admit(Doing::Write, reading)?;
        if let Some(arrived) = self.arrived_before(ask)? {
            return Ok(Ok(arrived));
        }
        let (at, today) = self.today(reading);
        let counted = match counted(ask.adult, ask.child) {
            Ok(counted) => counted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(programme) = self.programme_for(ask.programme.as_ref(), today) else {
            return Ok(Err(Refusal::NoProgramme));
        };
        let by = self.author(&ask.by)?;
        let advised = self.deliveries.get(&(today, programme.clone())).copied();
        let stock = self.stock_of(&programme).after(Move::In(counted));
        let slot = self.slot(today)?;
        let (id, pos) = (slot.id(), slot.pos);
        let arrived = Arrived { id, pos, at, programme: programme.clone(), counted, advised, stock, replayed: false };
        let draft = Draft {
            slot,
            at,
            reading,
            by,
            fact: Fact::Arrival(Arrival { programme: programme.clone(), counted, advised }),
            programme: &programme,
            stock,
            request: ask.request.as_deref(),
            quota: None,
            carried: None,
            withdraws: None,
        };
        self.commit(draft, arrived).map(Ok)
    }

    /// The shelf holds more or fewer than the ledger says: stock-take, damage.
    ///
    /// # Errors
    /// Where the store fails, or the question is no question.
    pub fn correct(&mut self, ask: &CorrectRequest, reading: Reading) -> Answer<Committed<Corrected>> {
        self.admit(Doing::Write, reading)?;
        if let Some(corrected) = self.corrected_before(ask)? {
            return Ok(Ok(corrected));
        }
        let (at, today) = self.today(reading);
        let Some(programme) = self.programme_for(ask.programme.as_ref(), today) else {
            return Ok(Err(Refusal::NoProgramme));
        };
        let have = self.stock_of(&programme);
        let (adult, child, stock) = match corrected(have, ask.adult, ask.child) {
            Ok(corrected) => corrected,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (by, reason) = (self.author(&ask.by)?, reason(&ask.reason)?);
        let slot = self.slot(today)?;
        let (id, pos) = (slot.id(), slot.pos);
        let answer = Corrected { id, pos, at, programme: programme.clone(), adult, child, stock, replayed: false };
        let draft = Draft {
            slot,
            at,
            reading,
            by,
            fact: Fact::Correction(Correction { programme: programme.clone(), adult, child, reason }),
            programme: &programme,
            stock,
            request: ask.request.as_deref(),
            quota: None,
            carried: None,
            withdraws: None,
        };
        self.commit(draft, answer).map(Ok)
    }

    fn arrived_before(&self, ask: &ArriveRequest) -> Result<Option<Committed<Arrived>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else {
            return Ok(None);
        };
        let arrived = found.try_map(|(row, entry)| match entry.fact {
            Fact::Arrival(Arrival { programme, counted, advised })
                if (i64::from(counted.adult), i64::from(counted.child)) == (ask.adult, ask.child)
                    && is_meant(ask.programme.as_ref(), &programme) =>
            {
                let (id, pos, at, stock) = (row.id, row.pos, entry.at, row.stock);
                Ok(Arrived { id, pos, at, programme, counted, advised, stock, replayed: true })
            }
            Fact::Arrival(_)
            | Fact::Sale(_)
            | Fact::Withdrawal(_)
            | Fact::Correction(_)
            | Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Dispute(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Access(_)
            | Fact::Notice(_)
            | Fact::Booking(_) => Err(NodeError::from(BadAsk::RequestReused)),
        })?;
        Ok(Some(arrived))
    }

    fn corrected_before(&self, ask: &CorrectRequest) -> Result<Option<Committed<Corrected>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else {
            return Ok(None);
        };
        let corrected = found.try_map(|(row, entry)| match entry.fact {
            Fact::Correction(Correction { programme, adult, child, reason: _ })
                if (i64::from(adult), i64::from(child)) == (ask.adult, ask.child)
                    && is_meant(ask.programme.as_ref(), &programme) =>
            {
                let (id, pos, at, stock) = (row.id, row.pos, entry.at, row.stock);
                Ok(Corrected { id, pos, at, programme, adult, child, stock, replayed: true })
            }
            Fact::Arrival(_)
            | Fact::Sale(_)
            | Fact::Withdrawal(_)
            | Fact::Correction(_)
            | Fact::Programme(_)
            | Fact::Delivery(_)
            | Fact::Standing(_)
            | Fact::Dispute(_)
            | Fact::Exception(_)
            | Fact::Decision(_)
            | Fact::Access(_)
            | Fact::Notice(_)
            | Fact::Booking(_) => Err(NodeError::from(BadAsk::RequestReused)),
        })?;
        Ok(Some(corrected))
    }

    /// Whose goods: as named, else of the only programme, else of the first that ever was.
    /// A name of which nothing was ever heard is a slip, once any rules are known.
    fn programme_for(&self, named: Option<&ProgrammeId>, today: NaiveDate) -> Option<ProgrammeId> {
        if named.is_some_and(|named| self.is_shelf_of_rows(named)) {
            return None;
        }
        let versions = &self.rules.versions;
        let announced = |named| self.deliveries.keys().any(|(_, programme)| programme == named);
        let heard_of = |named| versions.programmes().any(|it| it == named) || self.stocks.contains_key(named);
        if named.is_some_and(|named| versions.programmes().next().is_some() && !heard_of(named) && !announced(named)) {
            return None;
        }
        let in_force = || versions.only_in_force(today).map(|version| &version.programme);
        let only = || {
            let mut known = versions.programmes();
            known.next().filter(|_| known.next().is_none())
        };
        if let Some(programme) = named.or_else(in_force).or_else(only) {
            return Some(programme.clone());
        }
        if versions.programmes().next().is_none() { FIRST_PROGRAMME.parse().ok() } else { None }
    }
}

/// Whether a request that names no other programme means this one.
pub(super) fn is_meant(named: Option<&ProgrammeId>, programme: &ProgrammeId) -> bool {
    named.is_none_or(|named| named == programme)
}

/// A correction that an entry can hold and that leaves no hole in the shelf.
fn corrected(have: Stock, adult: i64, child: i64) -> Result<(i32, i32, Stock), Refusal> {
    if adult == 0 && child == 0 {
        return Err(Refusal::NothingAsked);
    }
    let fits = |by: i64| i32::try_from(by).ok().filter(|by| by.unsigned_abs() <= PIECES_MAX);
    let (Some(adult), Some(child)) = (fits(adult), fits(child)) else {
        return Err(Refusal::Limit { most: Allowance { adult: PIECES_MAX, child: PIECES_MAX, mixed: PIECES_MAX } });
    };
    let stock = have.after(Move::By { adult, child });
    if (adult < 0 && stock.adult < 0) || (child < 0 && stock.child < 0) {
        return Err(Refusal::Stock { have });
    }
    Ok((adult, child, stock))
}
