//! What came of it: nothing oversold, everybody answered, and the figures.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use shared::entry::booking::Slot;
use shared::lease::Account;

use super::counters::Heard;
use super::hall::Hall;
use super::rush::{Answer, RUSH_A_SECOND, Said, Shape};
use crate::bench::{Figure, quantile_us};

/// Everything that was seen.
pub(super) struct Outcome {
    pub(super) shape: Shape,
    pub(super) begin: Instant,
    pub(super) answers: Vec<Answer>,
    /// Bare rows: with whom each was due, and how long it took.
    pub(super) bare: Vec<(usize, Duration)>,
    /// By counter.
    pub(super) heard: Vec<Heard>,
}

/// Figures of the rush, or of what came later.
struct Part {
    is_rush: bool,
    p50: &'static str,
    p99: &'static str,
    ack_p99: &'static str,
}

const PARTS: [Part; 2] = [
    Part { is_rush: true, p50: "booking-rush-p50", p99: "booking-rush-p99", ack_p99: "booking-rush-ack-p99" },
    Part { is_rush: false, p50: "booking-p50", p99: "booking-p99", ack_p99: "booking-ack-p99" },
];

impl Outcome {
    /// The figures, where everything holds.
    pub(super) fn judge(&self, hall: &Hall, accounts: &BTreeMap<Slot, Account>) -> Result<Vec<Figure>> {
        let asked: BTreeSet<usize> = self.answers.iter().map(|answer| answer.who).collect();
        ensure!(asked.len() == hall.len() && self.answers.len() == hall.len(), "somebody was not answered");
        let given = self.given()?;
        for slot in &hall.slots {
            let (live, account) = (given.get(slot).copied().unwrap_or(0), accounts.get(slot).context("a slot")?);
            ensure!(live <= hall.places, "{slot} is oversold: {live} of {}", hall.places);
            ensure!(!account.is_oversold() && account.booked() == live, "{slot}: {live} were told, {account:?}");
        }
        let mut figures = Vec::new();
        for part in &PARTS {
            figures.extend(self.times(part)?);
        }
        figures.extend(self.counts(hall, accounts)?);
        Ok(figures)
    }

    /// Places that people were told of, at once or by the answer to a wish; no number twice.
    fn given(&self) -> Result<BTreeMap<Slot, u32>> {
        let (mut given, mut serials) = (BTreeMap::<Slot, u32>::new(), BTreeSet::new());
        let at_once = self.answers.iter().filter_map(|answer| match &answer.said {
            Said::Booked { slot, serial, .. } => Some((slot, *serial)),
            Said::Wish(_) | Said::Refused(_) => None,
        });
        let granted = self.heard.iter().flat_map(|heard| &heard.granted);
        let granted = granted.filter_map(|granted| granted.given.as_ref().map(|(slot, serial)| (slot, *serial)));
        for (slot, serial) in at_once.chain(granted) {
            ensure!(serials.insert(serial), "number {serial} is given twice");
            *given.entry(slot.clone()).or_default() += 1;
        }
        Ok(given)
    }

    /// Until they were answered, and until the hub had it, beside the bare rows of the same part.
    fn times(&self, part: &Part) -> Result<Vec<Figure>> {
        let is_of = |who: usize| (who < self.shape.rush) == part.is_rush;
        let theirs: Vec<&Answer> = self.answers.iter().filter(|answer| is_of(answer.who)).collect();
        if theirs.is_empty() {
            return Ok(Vec::new());
        }
        let mut took: Vec<Duration> = theirs.iter().map(|answer| answer.took).collect();
        let mut bare: Vec<Duration> = self.bare.iter().filter(|(who, _)| is_of(*who)).map(|(_, took)| *took).collect();
        let mut acks = Vec::new();
        for answer in &theirs {
            acks.extend(self.acked(answer)?);
        }
        let (bare_50, bare_99) = (quantile_us(&mut bare, 0.5), quantile_us(&mut bare, 0.99));
        let of = |name, value, baseline| Figure { name, value, unit: "us", baseline };
        let mut figures = vec![
            of(part.p50, quantile_us(&mut took, 0.5), bare_50),
            of(part.p99, quantile_us(&mut took, 0.99), bare_99),
        ];
        if !acks.is_empty() {
            figures.push(of(part.ack_p99, quantile_us(&mut acks, 0.99), bare_99));
        }
        Ok(figures)
    }

    /// From when it was due until the hub had what was written for it.
    fn acked(&self, answer: &Answer) -> Result<Option<Duration>> {
        let id = match &answer.said {
            Said::Booked { id, .. } | Said::Wish(id) => id,
            Said::Refused(_) => return Ok(None),
        };
        // One life and one day's ledger: an entry's number is its place in the log.
        let acks = &self.heard[answer.who % self.heard.len()].acks;
        let at = acks.partition_point(|(_, upto)| *upto < u64::from(id.seq));
        let (at, _) = acks.get(at).context("an entry that the hub never acknowledged")?;
        Ok(Some(at.saturating_duration_since(answer.due)))
    }

    fn counts(&self, hall: &Hall, accounts: &BTreeMap<Slot, Account>) -> Result<Vec<Figure>> {
        let is_booked = |answer: &&Answer| matches!(answer.said, Said::Booked { .. });
        let is_wish = |answer: &&Answer| matches!(answer.said, Said::Wish(_));
        let refused = |why: &str| self.count(|answer| matches!(answer.said, Said::Refused(code) if code == why));
        let demand = hall.demand();
        let could: f64 = demand.values().map(|asked| f64::from((*asked).min(hall.places))).sum();
        let over: f64 = demand.values().map(|asked| f64::from(asked.saturating_sub(hall.places))).sum();
        let strangers = (0..hall.len()).filter(|who| !hall.is_listed(*who)).count() as f64;
        let (booked, wishes) = (self.count(is_booked), self.count(is_wish));
        ensure!(
            booked + wishes + refused("full") + refused("eligible") == hall.len() as f64,
            "somebody was refused for a reason that nobody knows: {:?}",
            self.answers
                .iter()
                .find(|it| matches!(it.said, Said::Refused(code) if !["full", "eligible"].contains(&code)))
        );
        let rush = self.begin + self.shape.rush_lasts();
        let in_time = self.count(|answer| answer.who < self.shape.rush && answer.due + answer.took <= rush);
        let unspent: i64 = accounts.values().map(Account::unspent).sum();
        let waiting: usize = self.heard.iter().map(|heard| heard.waiting.len()).sum();
        let places = (hall.slots.len() * hall.places as usize) as f64;
        let of = |name, value, baseline| Figure { name, value, unit: "requests", baseline };
        let a_second = in_time / self.shape.rush_lasts().as_secs_f64();
        let mut figures = vec![
            Figure { name: "booking-rush-answered", value: a_second, unit: "/s", baseline: RUSH_A_SECOND as f64 },
            of("booking-at-once", booked, could),
            of("booking-refused-full", refused("full"), over),
            of("booking-refused-eligible", refused("eligible"), strangers),
            of("booking-wishes", wishes, hall.len() as f64),
            of("booking-wishes-waiting", waiting as f64, hall.len() as f64),
            Figure { name: "booking-unspent", value: unspent as f64, unit: "places", baseline: places },
        ];
        let mut took: Vec<Duration> =
            self.heard.iter().flat_map(|it| &it.granted).map(|granted| granted.took).collect();
        if !took.is_empty() {
            let mut bare: Vec<Duration> = self.bare.iter().map(|(_, took)| *took).collect();
            for (name, q) in [("booking-wish-p50", 0.5), ("booking-wish-p99", 0.99)] {
                let (value, baseline) = (quantile_us(&mut took, q), quantile_us(&mut bare, q));
                figures.push(Figure { name, value, unit: "us", baseline });
            }
        }
        Ok(figures)
    }

    fn count(&self, is_one: impl Fn(&&Answer) -> bool) -> f64 {
        self.answers.iter().filter(is_one).count() as f64
    }
}
