//! Which days the manifest names, and what it says of each.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveTime};
use shared::digest::{self, Manifest};
use shared::ids::ProgrammeId;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::programme::WINDOW_DAYS_MAX;

use super::MANIFEST_EVERY_S;
use crate::hub::{Hub, HubError};
use crate::store::{DigestDay, ManifestRow};

/// Of each programme the first day that a window may reach, of a version in force or of one to come.
pub(super) struct Reach(BTreeMap<ProgrammeId, NaiveDate>);

impl Reach {
    fn has(&self, (programme, day): &DigestDay) -> bool {
        self.0.get(programme).is_some_and(|first| day >= first)
    }

    /// As the store keeps it: a manifest that was made by another one names other days.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let line = |(programme, first): (&ProgrammeId, &NaiveDate)| format!("{programme} {first}\n");
        self.0.iter().map(line).collect::<String>().into_bytes()
    }
}

impl Hub {
    pub(super) fn reach(&self, second: i64) -> Reach {
        let first = |programme| self.reached_from(programme, second);
        let all = self.memory.versions.programmes();
        let mut reach: BTreeMap<ProgrammeId, NaiveDate> =
            all.filter_map(|programme| Some((programme.clone(), first(programme)?))).collect();
        // And a day more, for the same reason.
        let today = taipei_day(second);
        for (programme, from) in self.memory.rounds.reached_from(today.pred_opt().unwrap_or(today)) {
            reach.entry(programme).and_modify(|first| *first = from.min(*first)).or_insert(from);
        }
        Reach(reach)
    }

    /// The first day of a programme that a window may reach; none where nothing is known of it.
    pub(crate) fn reached_from(&self, programme: &ProgrammeId, second: i64) -> Option<NaiveDate> {
        let today = taipei_day(second);
        // And a day more: an edge's day may end a little after the hub's.
        let days = [today.pred_opt().unwrap_or(today), today];
        days.iter().filter_map(|day| self.memory.versions.reached_from(programme, *day)).min()
    }

    pub(super) fn next_manifest(&self, reach: &Reach, second: i64) -> Result<ManifestRow, HubError> {
        let contacts = self.store.contacts()?;
        let mut days = Vec::new();
        for ((programme, day), is_closed) in self.named_days(reach, taipei_day(second))? {
            let ends =
                day.checked_add_days(Days::new(1)).map_or(i64::MAX, |next| second_of(next.and_time(NaiveTime::MIN)));
            let since = ends.min(second.saturating_sub(MANIFEST_EVERY_S));
            let unheard = contacts.iter().filter(|(_, heard)| *heard < since).count();
            let unheard = u32::try_from(unheard).unwrap_or(u32::MAX);
            let key = self.keys.day(&programme, day)?.secret().clone();
            let layers = self.store.layers(&(programme.clone(), day))?;
            days.push(digest::Day { programme, day, key, is_closed, unheard, layers });
        }
        let upto = self.digested()?;
        // Later than the last, also where somebody set the hub's clock back.
        let made = second.cast_unsigned().max(self.manifest_made()? + 1);
        let signed = Manifest { hub_life: self.life, upto, second: made.cast_signed(), days }.sign(&self.signer);
        Ok(ManifestRow { made, upto, signed })
    }

    /// The days in reach, and whether each is closed; and for every programme the first and the last day between which
    /// nothing is missing, though nobody bought on them.
    fn named_days(&self, reach: &Reach, today: NaiveDate) -> Result<BTreeMap<DigestDay, bool>, HubError> {
        let days = self.store.digested_days()?.into_iter();
        let mut named: BTreeMap<DigestDay, bool> = days.filter(|(day, _)| reach.has(day)).collect();
        // Who says absurd days must not crowd out the days that matter.
        let far = |day: NaiveDate| today.signed_duration_since(day).num_days().unsigned_abs();
        let mut distances: Vec<u64> = named.keys().map(|(_, day)| far(*day)).collect();
        distances.sort_unstable();
        let room = digest::DAYS_MAX.saturating_sub(2 * reach.0.len());
        let most = distances.get(room).map_or(u64::from(WINDOW_DAYS_MAX), |beyond| beyond.saturating_sub(1));
        named.retain(|(_, day), _| far(*day) <= most);
        let first = today.checked_sub_days(Days::new(most)).unwrap_or(NaiveDate::MIN);
        let last = today.checked_add_days(Days::new(most)).unwrap_or(NaiveDate::MAX);
        // A day of a list is named once the list is there, and no other: that nobody stands on it must not be said before.
        let is_list =
            |of: &ProgrammeId| self.memory.rounds.iter().any(|round| round.list_programme().as_ref() == Some(of));
        for (programme, from) in reach.0.iter().filter(|(programme, _)| !is_list(programme)) {
            named.entry((programme.clone(), first.max(*from))).or_insert(false);
            named.entry((programme.clone(), last)).or_insert(false);
        }
        Ok(named)
    }
}
