//! Taking back a sale or an arrival of today (decisions 9 and 12).

use shared::entry::{Fact, Pieces, Withdrawal};
use shared::ids::{EntryId, ProgrammeId};
use shared::rules::refusal::Refusal;
use shared::rules::stock::{Move, Stock};
use shared::rules::withdrawal::{Taken, Target, decide_withdrawal};
use shared::sync::edge::LogPos;

use super::access::Doing;
use super::ask::{TakenBack, WithdrawRequest, Withdrawn};
use super::write::{Draft, decoded, reason};
use super::{Answer, BadAsk, Committed, Node, NodeError};
use crate::clock::Reading;
use crate::store::LogRow;

/// The entry that is to be taken back.
#[derive(Debug)]
struct Found {
    pos: LogPos,
    programme: ProgrammeId,
    target: Target,
    taken: TakenBack,
}

impl Node {
    /// Takes back a sale (stock and quota come back) or an arrival (the goods were not there).
    ///
    /// # Errors
    /// Where the store fails, or the question is no question.
    pub fn withdraw(&mut self, ask: &WithdrawRequest, reading: Reading) -> Answer<Committed<Withdrawn>> {
        self.admit(Doing::Write, reading)?;
        if let Some(withdrawn) = self.withdrawn_before(ask)? {
            return Ok(Ok(withdrawn));
        }
        let (at, today) = self.today(reading);
        let found = self.find_target(&ask.of)?;
        if let Err(refusal) = decide_withdrawal(found.as_ref().map(|found| found.target), today) {
            return Ok(Err(refusal));
        }
        let Some(Found { pos: of_pos, programme, target: _, taken }) = found else {
            return Ok(Err(Refusal::Unknown));
        };
        let (by, reason) = (self.author(&ask.by)?, reason(&ask.reason)?);
        let stock = self.stock_of(&programme).undone(step(taken));
        let slot = self.slot(today)?;
        let (id, pos) = (slot.id(), slot.pos);
        let withdrawn =
            Withdrawn { id, pos, at, of: ask.of, programme: programme.clone(), taken, stock, replayed: false };
        let draft = Draft {
            slot,
            at,
            reading,
            by,
            fact: Fact::Withdrawal(Withdrawal { of: ask.of, reason }),
            programme: &programme,
            stock,
            request: ask.request.as_deref(),
            quota: None,
            carried: None,
            withdraws: Some(of_pos),
        };
        self.commit(draft, withdrawn).map(Ok)
    }

    fn find_target(&self, of: &EntryId) -> Result<Option<Found>, NodeError> {
        let Some((pos, _)) = self.store.find(of)? else {
            return Ok(None);
        };
        let Some(row) = self.store.row(pos)?.map(Committed::into_inner) else {
            return Ok(None);
        };
        let Some(taken) = taken(&row)? else {
            return Ok(None);
        };
        let programme = self.programme_of(&row)?;
        let have = self.stock_of(&programme);
        let target = Target { day: row.day, withdrawn: row.withdrawn, what: what(taken, have) };
        Ok(Some(Found { pos, programme, target, taken }))
    }

    /// What an entry that was taken back had been.
    pub(super) fn taken_back(&self, of: &EntryId) -> Result<Option<TakenBack>, NodeError> {
        Ok(self.find_target(of)?.map(|found| found.taken))
    }

    fn withdrawn_before(&self, ask: &WithdrawRequest) -> Result<Option<Committed<Withdrawn>>, NodeError> {
        let Some(found) = self.answered(ask.request.as_deref())? else {
            return Ok(None);
        };
        let withdrawn = found.try_map(|(row, entry)| {
            let Fact::Withdrawal(Withdrawal { of, reason: _ }) = entry.fact else {
                return Err(NodeError::from(BadAsk::RequestReused));
            };
            let target = self.find_target(&of)?.filter(|_| of == ask.of).ok_or(BadAsk::RequestReused)?;
            let (id, pos, at, stock) = (row.id, row.pos, entry.at, row.stock);
            let (programme, taken) = (target.programme, target.taken);
            Ok(Withdrawn { id, pos, at, of, programme, taken, stock, replayed: true })
        })?;
        Ok(Some(withdrawn))
    }
}

/// What taking a row back would give; `None` for what cannot be taken back.
fn taken(row: &LogRow) -> Result<Option<TakenBack>, NodeError> {
    Ok(match decoded(row)?.fact {
        Fact::Sale(sale) => Some(TakenBack::Sale(sale.pieces)),
        Fact::Arrival(arrival) => Some(TakenBack::Arrival(arrival.counted)),
        Fact::Withdrawal(_)
        | Fact::Correction(_)
        | Fact::Programme(_)
        | Fact::Delivery(_)
        | Fact::Standing(_)
        | Fact::Dispute(_)
        | Fact::Exception(_)
        | Fact::Decision(_)
        | Fact::Access(_)
        | Fact::Notice(_)
        | Fact::Booking(_) => None,
    })
}

fn what(taken: TakenBack, have: Stock) -> Taken {
    match taken {
        TakenBack::Sale(_) => Taken::Sale,
        TakenBack::Arrival(counted) => Taken::Arrival { counted, have },
    }
}

/// The move that is undone.
fn step(taken: TakenBack) -> Move {
    match taken {
        TakenBack::Sale(pieces) => Move::Out(pieces),
        TakenBack::Arrival(pieces) => Move::In(pieces),
    }
}

/// How the shelf changes when something is taken back.
#[must_use]
pub(super) fn change(taken: TakenBack) -> (i64, i64) {
    let signed = |pieces: Pieces| (i64::from(pieces.adult), i64::from(pieces.child));
    match taken {
        TakenBack::Sale(pieces) => signed(pieces),
        TakenBack::Arrival(pieces) => {
            let (adult, child) = signed(pieces);
            (-adult, -child)
        }
    }
}
