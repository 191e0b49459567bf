//! What came of it: whether every edge was told the same and all of it, how late the last one was, and the figures.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use shared::wire::v1::feed::{self, Item};
use shared::wire::v1::message::FeedPart;

use super::super::{Figure, quantile_us};
use crate::siege::honest::News;

/// The least that a person takes in the feed (`shared::wire::v1::feed`).
const ITEM_BYTES: f64 = 13.0;

/// A sale that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Sale {
    /// When the seller heard so.
    pub acked: Instant,
    /// How long it had waited for that.
    pub took: Duration,
    /// The feed's position by which the sale is counted, as the acknowledgement names it.
    pub feed: u64,
}

/// All that was measured.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In no order.
    pub sales: Vec<Sale>,
    /// What each edge was told, in its order.
    pub edges: Vec<Vec<News>>,
    /// From the first sale to the last acknowledgement.
    pub selling: Duration,
    /// From the first sale until everybody knew of the last.
    pub following: Duration,
    /// What crossed the edges' lines meanwhile, both ways, everything included.
    pub wire_bytes: u64,
    /// The processor time of the hub and of all edges together, while sales were made.
    pub worked: (Duration, Duration),
    /// The hub's memory with the sellers only, with all lines held, and after the sales.
    pub hub_bytes: (u64, u64, u64),
    /// The bare server's memory, a line.
    pub bare_bytes: f64,
    /// How long it took the bare server to tell all.
    pub rounds: Vec<Duration>,
}

impl Outcome {
    /// Every edge was told the same, from the first position on, without a gap and nothing twice; and that is every
    /// sale, once.
    ///
    /// # Errors
    /// Which edge, or what was not told.
    pub fn judge(&self) -> Result<()> {
        let told: Vec<Vec<&FeedPart>> = self.edges.iter().map(|news| parts(news)).collect::<Result<_>>()?;
        let first = told.first().context("there is no edge")?;
        for (n, other) in told.iter().enumerate() {
            ensure!(other == first, "edge {n} was told something else than the first");
        }
        let mut items: Vec<Item> = Vec::new();
        for part in first {
            items.extend(feed::decode(&part.body)?.groups.into_iter().flat_map(|group| group.items));
        }
        ensure!(items.iter().all(|item| !item.gone), "a sale ceased to count");
        let people: BTreeSet<u64> = items.iter().map(|item| item.fingerprint).collect();
        let (sold, told, people) = (self.sales.len(), items.len(), people.len());
        ensure!(told == sold && people == sold, "{sold} were sold, {told} told, of {people} people");
        let upto = first.last().map_or(0, |part| part.upto);
        ensure!(self.sales.iter().all(|sale| sale.feed <= upto), "the feed ends before the last sale");
        Ok(())
    }

    /// Of each sale: from its acknowledgement until the last edge knew of it.
    #[must_use]
    pub fn delays(&self) -> Vec<Duration> {
        let mut last: Vec<Option<Instant>> = vec![None; self.sales.len()];
        for news in &self.edges {
            let upto: Vec<u64> = news.iter().map(|news| news.parts.last().map_or(0, |part| part.upto)).collect();
            for (sale, last) in self.sales.iter().zip(&mut last) {
                let knew = news.get(upto.partition_point(|upto| *upto < sale.feed));
                *last = (*last).max(knew.map(|news| news.at));
            }
        }
        let delay =
            |(sale, last): (&Sale, Option<Instant>)| last.map(|last| last.saturating_duration_since(sale.acked));
        self.sales.iter().zip(last).filter_map(delay).collect()
    }

    /// The figures, by the number of edges.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let (mut delays, mut rounds) = (self.delays(), self.rounds.clone());
        let mut acks: Vec<Duration> = self.sales.iter().map(|sale| sale.took).collect();
        let mut seconds = |q| (quantile_us(&mut delays, q) / 1e6, quantile_us(&mut rounds, q) / 1e6);
        #[expect(clippy::cast_precision_loss, reason = "thousands, and megabytes")]
        let (edges, sold) = (self.edges.len() as f64, self.sales.len() as f64);
        let (empty, held, told) = self.hub_bytes;
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let a_line = |bytes: u64| bytes.saturating_sub(empty) as f64 / edges;
        let minutes = self.following.as_secs_f64() / 60.0;
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let wire = self.wire_bytes as f64 / edges / minutes;
        let part = |time: Duration| time.as_secs_f64() / self.selling.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a few cores")]
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
        let ((p50, bare_p50), (p99, bare_p99)) = (seconds(0.5), seconds(0.99));
        let ack = quantile_us(&mut acks, 0.99) / 1e6;
        let all = [
            ("p50-seconds", p50, "s", bare_p50),
            ("p99-seconds", p99, "s", bare_p99),
            ("ack-p99-seconds", ack, "s", p99),
            ("hub-bytes-per-edge", a_line(held), "B", self.bare_bytes),
            ("hub-bytes-per-edge-told", a_line(told), "B", self.bare_bytes),
            ("line-bytes-a-minute", wire, "B", ITEM_BYTES * sold / minutes),
            ("hub-cores", part(self.worked.0), "cores", cores),
            ("edges-cores", part(self.worked.1), "cores", cores),
        ];
        let figure = |(name, value, unit, baseline)| Figure {
            // A few names, as long as the process.
            name: format!("feed-{name}-{}", self.edges.len()).leak(),
            value,
            unit,
            baseline,
        };
        all.map(figure).into()
    }
}

/// What an edge was told, if it is without a gap from the first position on.
fn parts(news: &[News]) -> Result<Vec<&FeedPart>> {
    let mut upto = 0;
    let mut all = Vec::new();
    for news in news {
        ensure!(news.after == upto, "at position {upto} an edge was told what follows {}", news.after);
        for part in &news.parts {
            ensure!(part.upto > upto, "at position {upto} an edge was told of {} again", part.upto);
            upto = part.upto;
            all.push(part);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use shared::entry::Pieces;
    use shared::seal::Secret;
    use shared::wire::v1::feed::{Batch, Group};

    use super::*;

    fn part(upto: u64, person: u64) -> FeedPart {
        let items = vec![Item { fingerprint: person, mark: 1, pieces: Pieces { adult: 2, child: 0 }, gone: false }];
        let day = NaiveDate::from_ymd_opt(2020, 2, 6).unwrap_or_default();
        let group = Group { programme: "mask".parse().unwrap(), day, key: Secret::new([1; 32]), items };
        FeedPart { upto, body: feed::encode(&Batch { groups: vec![group] }).into() }
    }

    fn told(at: Instant, after: u64, parts: &[FeedPart]) -> News {
        News { at, after, parts: parts.to_vec() }
    }

    /// Two sales at once; one edge hears of both after 2 s, the other of one after 1 s and of the next after 3 s.
    fn outcome() -> Outcome {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let (one, two) = (part(1, 11), part(2, 22));
        let sale = |feed| Sale { acked: begun, took: Duration::ZERO, feed };
        let edges = vec![
            vec![told(at(2), 0, &[one.clone(), two.clone()])],
            vec![told(at(1), 0, &[one]), told(at(3), 1, &[two])],
        ];
        Outcome { sales: vec![sale(1), sale(2)], edges, ..Outcome::default() }
    }

    #[test]
    fn a_sale_is_known_when_the_last_edge_knows_of_it() {
        let outcome = outcome();
        outcome.judge().unwrap();
        assert_eq!(outcome.delays(), [2, 3].map(Duration::from_secs));
    }

    #[test]
    fn a_sale_that_an_edge_was_not_told_or_was_told_twice_is_noticed() {
        let judged = |change: fn(&mut Outcome)| {
            let mut outcome = outcome();
            change(&mut outcome);
            outcome.judge().unwrap_err().to_string()
        };
        assert!(judged(|it| drop(it.edges[1].pop())).contains("something else"));
        assert!(judged(|it| it.edges[1][1].after = 2).contains("what follows 2"));
        assert!(judged(|it| it.edges[1][1].parts[0].upto = 1).contains("again"));
        assert!(judged(|it| it.sales.push(it.sales[0])).contains("3 were sold, 2 told, of 2 people"));
        assert!(
            judged(|it| it.edges.iter_mut().flatten().flat_map(|news| &mut news.parts).for_each(|told| {
                *told = part(told.upto, 11);
            }))
            .contains("of 1 people")
        );
    }
}
