//! What operators have cleared of people, as the nation's ledger says it: fingerprints of days, nobody named
//! (docs/disputes.md).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared::entry::{ClearedDay, Exception};
use shared::ids::{CaseId, ProgrammeId};
use shared::rules::identity::Person;

use super::Node;

/// Most days of people that are remembered; the oldest day goes first.
const DAYS_MAX: usize = 65_536;

/// Every exception that holds.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    of: BTreeMap<(NaiveDate, ProgrammeId), Vec<Kept>>,
    /// Where each case stands in it.
    places: BTreeMap<CaseId, Vec<(NaiveDate, ProgrammeId)>>,
    len: usize,
}

#[derive(Debug)]
struct Kept {
    case: CaseId,
    fingerprint: u64,
    marks: Vec<u32>,
}

impl Exceptions {
    /// The last word on a case.
    pub(super) fn take(&mut self, exception: Exception) {
        let Exception { case, programme, holds, upto: _, days } = exception;
        for place in self.places.remove(&case).unwrap_or_default() {
            if let Some(kept) = self.of.get_mut(&place) {
                let before = kept.len();
                kept.retain(|kept| kept.case != case);
                self.len -= before - kept.len();
            }
        }
        if !holds {
            return;
        }
        for ClearedDay { day, fingerprint, marks } in days {
            let place = (day, programme.clone());
            self.of.entry(place.clone()).or_default().push(Kept { case, fingerprint, marks });
            self.places.entry(case).or_default().push(place);
            self.len += 1;
        }
        while self.len > DAYS_MAX
            && let Some((_, oldest)) = self.of.pop_first()
        {
            self.len -= oldest.len();
        }
    }

    fn on(&self, programme: &ProgrammeId, day: NaiveDate) -> &[Kept] {
        self.of.get(&(day, programme.clone())).map_or(&[], Vec::as_slice)
    }
}

impl Node {
    /// Whether an item of the nation's list does not count: an operator has cleared the person of it. A digest has no
    /// marks; what was taken back sale by sale leaves it with the feed.
    pub(super) fn is_cleared(
        &self,
        programme: &ProgrammeId,
        person: &Person,
        day: NaiveDate,
        mark: Option<u32>,
    ) -> bool {
        let kept = self.exceptions.on(programme, day);
        if kept.is_empty() {
            return false;
        }
        let fingerprint = self.nation.fingerprint(programme, day, person);
        let is_meant = |kept: &&Kept| Some(kept.fingerprint) == fingerprint;
        kept.iter()
            .filter(is_meant)
            .any(|kept| kept.marks.is_empty() || mark.is_some_and(|mark| kept.marks.contains(&mark)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(case: u8, holds: bool, days: &[&str]) -> Exception {
        let cleared = |day: &&str| ClearedDay { day: day.parse().unwrap(), fingerprint: 7, marks: vec![] };
        let days = days.iter().map(cleared).collect();
        Exception { case: CaseId([case; 16]), programme: "mask".parse().unwrap(), holds, upto: 0, days }
    }

    fn on(exceptions: &Exceptions, day: &str) -> usize {
        exceptions.on(&"mask".parse().unwrap(), day.parse().unwrap()).len()
    }

    #[test]
    fn the_last_word_on_a_case_holds() {
        let mut exceptions = Exceptions::default();
        exceptions.take(exception(1, true, &["2020-02-06", "2020-02-07"]));
        exceptions.take(exception(2, true, &["2020-02-06"]));
        exceptions.take(exception(1, true, &["2020-02-07"]));
        assert_eq!((on(&exceptions, "2020-02-06"), on(&exceptions, "2020-02-07")), (1, 1));
        exceptions.take(exception(1, false, &[]));
        exceptions.take(exception(3, false, &["2020-02-07"]));
        assert_eq!((on(&exceptions, "2020-02-06"), on(&exceptions, "2020-02-07"), exceptions.len), (1, 0, 1));
    }

    #[test]
    fn what_is_remembered_has_a_limit_and_the_oldest_day_goes_first() {
        let mut exceptions = Exceptions::default();
        for _ in 0..=DAYS_MAX / 2 {
            let mut one = exception(1, true, &["2020-02-06", "2020-02-07"]);
            one.case.0[..8].copy_from_slice(&exceptions.places.len().to_be_bytes());
            exceptions.take(one);
        }
        assert_eq!((on(&exceptions, "2020-02-06"), on(&exceptions, "2020-02-07")), (0, DAYS_MAX / 2 + 1));
        assert_eq!(exceptions.len, DAYS_MAX / 2 + 1);
    }
}
