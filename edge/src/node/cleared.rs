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
    of: BTreeMap<Place, ClearedDay>,
    /// Where each case stands in it.
    places: BTreeMap<CaseId, Vec<Place>>,
}

type Place = (NaiveDate, ProgrammeId, CaseId);

impl Exceptions {
    /// The last word on a case.
    pub(super) fn take(&mut self, exception: Exception) {
        let Exception { case, programme, holds, upto: _, days } = exception;
        for place in self.places.remove(&case).unwrap_or_default() {
            self.of.remove(&place);
        }
        if !holds {
            return;
        }
        for cleared in days {
            let place = (cleared.day, programme.clone(), case);
            self.of.insert(place.clone(), cleared);
            self.places.entry(case).or_default().push(place);
        }
        while self.of.len() > DAYS_MAX
            && let Some((oldest, _)) = self.of.pop_first()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, place: &Place) {
        if let Some(places) = self.places.get_mut(&place.2) {
            places.retain(|other| other != place);
            if places.is_empty() {
                self.places.remove(&place.2);
            }
        }
    }

    fn on(&self, programme: &ProgrammeId, day: NaiveDate) -> impl Iterator<Item = &ClearedDay> {
        let case = |byte| (day, programme.clone(), CaseId([byte; 16]));
        self.of.range(case(0)..=case(u8::MAX)).map(|(_, cleared)| cleared)
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
        let mut cleared = self.exceptions.on(programme, day).peekable();
        if cleared.peek().is_none() {
            return false;
        }
        let Some(fingerprint) = self.nation.fingerprint(programme, day, person) else { return false };
        cleared
            .filter(|cleared| cleared.fingerprint == fingerprint)
            .any(|cleared| cleared.marks.is_empty() || mark.is_some_and(|mark| cleared.marks.contains(&mark)))
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
        exceptions.on(&"mask".parse().unwrap(), day.parse().unwrap()).count()
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
        assert_eq!((on(&exceptions, "2020-02-06"), on(&exceptions, "2020-02-07")), (1, 0));
        assert_eq!((exceptions.of.len(), exceptions.places.len()), (1, 1));
    }

    #[test]
    fn what_is_remembered_has_a_limit_and_the_oldest_day_goes_first() {
        let mut exceptions = Exceptions::default();
        for number in 0..=DAYS_MAX / 2 {
            let mut one = exception(1, true, &["2020-02-06", "2020-02-07"]);
            one.case.0[..8].copy_from_slice(&number.to_be_bytes());
            exceptions.take(one);
        }
        assert_eq!(
            (on(&exceptions, "2020-02-06"), on(&exceptions, "2020-02-07")),
            (DAYS_MAX / 2 - 1, DAYS_MAX / 2 + 1)
        );
        let places = exceptions.places.values().map(Vec::len).sum::<usize>();
        assert_eq!((exceptions.of.len(), places), (DAYS_MAX, DAYS_MAX), "and nothing of what went");
        // Nor of cases of which nothing is left.
        for number in 0..2_usize {
            let mut one = exception(2, true, &["2020-02-05"]);
            one.case.0[..8].copy_from_slice(&number.to_be_bytes());
            exceptions.take(one);
        }
        assert_eq!(exceptions.places.len(), DAYS_MAX / 2 + 1);
    }
}
