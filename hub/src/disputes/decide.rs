//! What an operator decides: an entry on the desk of the site that filed the dispute, and in the nation's ledger what
//! is cleared. The person is judged again in the same transaction, so that the feed tells every edge.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared::entry::{ClearedDay, Decision, Exception, Fact};
use shared::ids::{CaseId, DocId, PersonTag, ProgrammeId};
use shared::rules::calendar::taipei_day;
use shared::rules::identity::holds_number;
use shared::rules::quota::Cleared;
use shared::seal;
use shared::wire::v1::entry::{CLEARED_DAYS_MAX, CLEARED_MARKS_MAX, NAME_BYTES_MAX, REASON_BYTES_MAX};

use crate::audit::deeds;
use crate::conflict::Effect;
use crate::hub::{Hub, HubError};
use crate::project::Batch;
use crate::publish::{desk, month, signed};
use crate::store::DisputeRow;

/// Which way a dispute is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The person was right.
    Grant,
    /// The person stays refused.
    Reject,
}

impl Verdict {
    /// As the audit has it.
    #[must_use]
    pub fn deed(self) -> &'static str {
        match self {
            Self::Grant => deeds::GRANT,
            Self::Reject => deeds::REJECT,
        }
    }
}

/// A decision that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDecision {
    /// No such dispute.
    #[error("查無此異議 there is no such dispute")]
    Unknown,
    /// The counter has to be told why.
    #[error("請填寫說明（上限 {bytes_max} 位元組） words are needed, of at most {bytes_max} bytes")]
    Words {
        /// The limit.
        bytes_max: usize,
    },
    /// Somebody has decided it.
    #[error("請填寫承辦人（上限 {bytes_max} 位元組） a name is needed, of at most {bytes_max} bytes")]
    Name {
        /// The limit.
        bytes_max: usize,
    },
    /// A person's number in a text that is kept in clear.
    #[error("說明與姓名會以原文保存，請勿填寫證號 words and names are kept as they are: leave identity numbers out")]
    Personal,
}

/// The person's days that a decision clears: the purchases of each that are known.
type Days = BTreeMap<NaiveDate, Vec<u32>>;

impl Hub {
    /// Decides a dispute, or decides it otherwise: the last decision holds.
    ///
    /// A grant clears the days on which the person was refused and those of the purchases that weighed on it: what was
    /// bought up to the dispute does not count any more. What is bought later does, on the same day too. The sales
    /// stay in their ledgers.
    ///
    /// # Errors
    /// Where the machine fails; what cannot be written is the inner error.
    pub fn decide(
        &mut self,
        case: &CaseId,
        verdict: Verdict,
        (words, by): (&str, &str),
        second: i64,
    ) -> Result<Result<(), BadDecision>, HubError> {
        let (words, by) = (words.trim(), by.trim());
        if let Err(bad) = check(words, by) {
            return Ok(Err(bad));
        }
        let Some(row) = self.store.dispute(case)? else {
            return Ok(Err(BadDecision::Unknown));
        };
        self.transact(|hub| {
            let before = hub.store.cleared_by(case)?;
            let nation = DocId::Nation { month: month(second) };
            match verdict {
                Verdict::Grant => {
                    let exception = hub.exception(&row, &before)?;
                    hub.write(nation, &[signed(Fact::Exception(exception), by, second)], second)?;
                }
                Verdict::Reject if before.is_empty() => {}
                Verdict::Reject => {
                    let ended = ended(&row, second);
                    hub.write(nation, &[signed(Fact::Exception(ended), by, second)], second)?;
                }
            }
            let granted = verdict == Verdict::Grant;
            let decision = Fact::Decision(Decision { of: row.entry, granted, words: words.to_owned() });
            hub.write(desk(&row.site, second), &[signed(decision, by, second)], second)?;
            let mut batch = Batch::new(second);
            batch.touch(&row.programme, row.tag);
            hub.settle(batch)
        })?;
        Ok(Ok(()))
    }

    /// What a grant clears.
    fn exception(&mut self, row: &DisputeRow, before: &[Cleared]) -> Result<Exception, HubError> {
        let filed = self.filed(row)?;
        let (days, upto) = self.days_of(row, filed.dispute.found.iter().map(|found| found.day), before)?;
        let person = filed.person.person();
        let mut cleared = Vec::new();
        for (day, mut marks) in days.into_iter().rev().take(CLEARED_DAYS_MAX) {
            marks.truncate(CLEARED_MARKS_MAX);
            let fingerprint = self.fingerprint(&row.programme, day, &person)?;
            cleared.push(ClearedDay { day, fingerprint, marks });
        }
        cleared.reverse();
        Ok(Exception { case: row.id, programme: row.programme.clone(), holds: true, upto, days: cleared })
    }

    /// The days, and the last second that is cleared: that of the dispute, or of a purchase that the site knew of by
    /// then, whatever its clock says.
    fn days_of(
        &self,
        row: &DisputeRow,
        found: impl Iterator<Item = NaiveDate>,
        before: &[Cleared],
    ) -> Result<(Days, i64), HubError> {
        let latest = row.instant.saturating_add(i64::from(row.doubt_s)).min(row.received).max(row.instant);
        let mut upto = before.iter().map(|cleared| cleared.upto).fold(latest, i64::max);
        let mut days: Days = found.map(|day| (day, Vec::new())).collect();
        let sales = self.sales_in_reach(row)?;
        let known = |fed: Option<u64>| fed.is_some_and(|fed| fed <= row.watermark);
        for sale in sales.iter().filter(|sale| sale.effect != Effect::Withdrawn) {
            if sale.instant <= upto || known(sale.fed) {
                upto = upto.max(sale.instant);
                days.entry(taipei_day(sale.instant)).or_default();
            }
        }
        for sale in sales.iter().filter(|sale| sale.instant <= upto) {
            days.entry(taipei_day(sale.instant)).and_modify(|marks| marks.push(seal::mark(&sale.id)));
        }
        Ok((days, upto))
    }

    /// Whether and which days an exception clears now.
    pub(crate) fn project_exception(&mut self, exception: &Exception) -> Result<(), HubError> {
        let cleared = |day: &ClearedDay| Cleared { day: day.day, upto: exception.upto };
        let days: Vec<Cleared> = exception.days.iter().filter(|_| exception.holds).map(cleared).collect();
        self.store.set_cleared(&exception.case, &days)?;
        self.memory.clears |= !days.is_empty();
        Ok(())
    }

    /// What is cleared of a person in a programme; nearly nobody has any.
    pub(crate) fn cleared_of(&self, programme: &ProgrammeId, tag: &PersonTag) -> Result<Vec<Cleared>, HubError> {
        if self.memory.clears { Ok(self.store.cleared_of(programme, tag)?) } else { Ok(Vec::new()) }
    }
}

/// What a grant had cleared counts again.
fn ended(row: &DisputeRow, second: i64) -> Exception {
    Exception { case: row.id, programme: row.programme.clone(), holds: false, upto: second, days: Vec::new() }
}

fn check(words: &str, by: &str) -> Result<(), BadDecision> {
    if words.is_empty() || words.len() > REASON_BYTES_MAX {
        return Err(BadDecision::Words { bytes_max: REASON_BYTES_MAX });
    }
    if by.is_empty() || by.len() > NAME_BYTES_MAX {
        return Err(BadDecision::Name { bytes_max: NAME_BYTES_MAX });
    }
    if holds_number(words) || holds_number(by) { Err(BadDecision::Personal) } else { Ok(()) }
}
