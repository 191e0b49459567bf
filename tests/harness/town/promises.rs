//! What a counter promises beside the sale itself: the day on which somebody may come again, and whose cards a
//! proxy may carry (M10, M20).

use chrono::NaiveDate;
use shared::ids::EntryId;

use super::Town;
use super::counter::Wish;
use super::model::{Evidence, View};
use super::people::{Rule, day_number};

/// The day is looked for so far ahead.
const NEXT_DAYS_MAX: i64 = 800;
/// A sale can be written down for so long.
const RECORD_S_MAX: i64 = 80 * 86_400;

impl Town {
    /// S4: the day that a refusal names is the first on which nothing that the site knows speaks against a sale.
    pub(super) fn next_is_right(
        &self,
        view: &View,
        person: usize,
        rule: &Rule,
        today: i64,
        next: Option<NaiveDate>,
    ) -> bool {
        let first = |is_free: fn(Evidence) -> bool| {
            let known = |day: &i64| is_free(self.model.evidence(view, person, rule, *day));
            (today + 1..today + NEXT_DAYS_MAX).find(known)
        };
        // What may or may not be known there opens a span.
        let (soonest, latest) = (first(|known| !known.must), first(|known| !known.may));
        match next.map(day_number) {
            Some(day) => soonest.is_some_and(|soonest| soonest <= day) && latest.is_none_or(|latest| day <= latest),
            None => latest.is_none(),
        }
    }

    /// Whether a proxy may carry one more card: by what this site itself has answered.
    pub(super) fn proxy_may(&mut self, at: usize, wish: &Wish, rule: &Rule, today: i64) -> bool {
        let Some(proxy) = wish.proxy else { return true };
        let book = self.model.book(at);
        let stands = |id: &EntryId| !book.withdrawn.contains(id) && book.log.iter().any(|answered| answered.id == *id);
        let mut cards: Vec<usize> = Vec::new();
        for (id, (by, card, day)) in &self.carried {
            if *by == proxy && *day == today && *card != wish.person && stands(id) {
                cards.push(*card);
            }
        }
        cards.sort_unstable();
        cards.dedup();
        proxy != wish.person && cards.len() < rule.cards(&self.people[wish.person])
    }

    /// Notes whose card was carried.
    pub(super) fn carry_card(&mut self, id: EntryId, wish: &Wish, day: i64) {
        if let Some(proxy) = wish.proxy {
            self.carried.insert(id, (proxy, wish.person, day));
        }
    }

    /// Now and then somebody is written down in the second in which they bought elsewhere: then the reading
    /// decides, and where that is the same the site.
    pub(super) fn same_second(&mut self, wish: &mut Wish, now: i64) -> Option<i64> {
        let count = self.model.sales.len();
        if count == 0 || !self.dice.once_in(4) {
            return None;
        }
        let sale = self.model.sales.values().nth(self.dice.index(count))?;
        let instant = Some(sale.instant).filter(|instant| (now - RECORD_S_MAX..=now).contains(instant))?;
        (wish.person, wish.programme) = (sale.person, sale.programme);
        Some(instant)
    }
}
