//! Whether a sale that is over was made against what its own site knew, by what the sale itself says of that: a position of the feed, and
//! the days of which less was known. Written a second time, beside what the hub's cases say.

use anyhow::{Context, Result};
use hub::cases::{CaseFilter, Knowledge, SaleLine};
use hub::conflict::Effect;
use hub::hub::Hub;
use shared::ids::SiteCode;

/// A purchase blocks its day and so many after it.
const BLOCKED_DAYS: i64 = 6;

/// A sale, as far as it matters here.
#[derive(Debug, Clone)]
struct Told {
    site: SiteCode,
    second: i64,
    /// The day in Taipei, counted from 1970.
    day: i64,
    /// Where the feed told the nation of it.
    published: Option<u64>,
    /// Up to where its site knew the feed.
    watermark: u64,
    /// And not these: days, behind which position, up to which.
    behind: Vec<((i64, i64), (u64, u64))>,
}

impl Told {
    fn of(sale: &SaleLine) -> Self {
        let day = |date: chrono::NaiveDate| date.signed_duration_since(chrono::NaiveDate::default()).num_days();
        Self {
            site: sale.site,
            second: sale.instant,
            day: (sale.instant + 8 * 3600).div_euclid(86_400),
            published: sale.published,
            watermark: sale.watermark,
            behind: sale.behind.iter().map(|lag| ((day(lag.first), day(lag.last)), (lag.known, lag.again))).collect(),
        }
    }

    /// Whether its site had an earlier purchase on its list when it sold.
    fn knew(&self, earlier: &Self) -> bool {
        let blocks = earlier.second <= self.second && (0..=BLOCKED_DAYS).contains(&(self.day - earlier.day));
        let is_told = |at: u64| {
            let is_hidden = |((first, last), (known, again)): &((i64, i64), (u64, u64))| {
                (*first..=*last).contains(&earlier.day) && at > *known && at <= *again
            };
            at <= self.watermark && !self.behind.iter().any(is_hidden)
        };
        blocks && (earlier.site == self.site || earlier.published.is_some_and(is_told))
    }
}

/// Sales that are over and should not have been sold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// By what they say themselves that their sites knew.
    pub against: u64,
    /// By what the hub's cases say of them.
    pub blamed: u64,
}

/// Reads every case of a hub.
///
/// # Errors
/// Where the hub's store fails.
pub fn read(hub: &Hub) -> Result<Record> {
    let mut record = Record::default();
    for case in hub.cases(&CaseFilter::default())? {
        let case = hub.case(&case.id)?.context("a case that was listed")?;
        let with = |effect: Effect| case.sales.iter().filter(move |sale| sale.effect == effect).map(Told::of);
        let counts: Vec<Told> = with(Effect::Counts).collect();
        let is_against = |over: Told| u64::from(counts.iter().any(|earlier| over.knew(earlier)));
        record.against += with(Effect::Over).map(is_against).sum::<u64>();
        let is_free = |knowledge| matches!(knowledge, Knowledge::CouldNot | Knowledge::NotPublished);
        record.blamed += case.findings.iter().map(|found| u64::from(!is_free(found.knowledge))).sum::<u64>();
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_knew_what_its_watermark_holds_and_no_day_hides() {
        let sale = |site: &str, day: i64, published: u64, watermark: u64| Told {
            site: site.parse().unwrap(),
            second: day * 86_400,
            day,
            published: Some(published),
            watermark,
            behind: Vec::new(),
        };
        let (here, there) = ("5900000001", "5900000002");
        let earlier = sale(there, 10, 50, 0);
        for (over, knew) in [
            (sale(here, 12, 90, 49), false),
            (sale(here, 12, 90, 50), true),
            (sale(here, 16, 90, 50), true),
            (sale(here, 17, 90, 50), false),
            (sale(here, 9, 90, 50), false),
            (sale(there, 12, 90, 0), true),
            (Told { behind: vec![((10, 10), (49, 60))], ..sale(here, 12, 90, 70) }, false),
            (Told { behind: vec![((10, 10), (50, 60))], ..sale(here, 12, 90, 70) }, true),
            (Told { behind: vec![((10, 10), (20, 49))], ..sale(here, 12, 90, 70) }, true),
            (Told { behind: vec![((11, 12), (20, 60))], ..sale(here, 12, 90, 70) }, true),
        ] {
            assert_eq!(over.knew(&earlier), knew, "{over:?}");
        }
        assert!(!sale(here, 12, 90, 70).knew(&Told { published: None, ..earlier }));
    }
}
