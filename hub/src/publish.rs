//! What the hub itself says: versions of programmes, deliveries, standings of sales, and the
//! nation's feed (M19; decision 3; docs/architecture.md).

mod feed;
mod ledger;

use chrono::{NaiveDate, NaiveTime};
use shared::entry::{Delivery, Entry, Fact, Instant, Published, Staff};
use shared::ids::{DocId, Month, SiteCode, VersionName};
use shared::planted;
use shared::rules::calendar::{second_of, taipei_day};
use shared::rules::programme::{BadVersion, Version, Why};
use shared::wire::v1::entry::{self, ENTRY_BYTES_MAX, NAME_BYTES_MAX};

use crate::hub::{Hub, HubError};
use crate::project::Batch;

pub(crate) use feed::News;
pub(crate) use ledger::Standings;

/// The hub's own clock is taken for good to so many seconds.
const DOUBT_S: u32 = 1;
/// Who signs what nobody asked for.
pub(crate) const SELF: &str = "atoll-hub";

/// A version as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedVersion {
    /// The rules.
    pub version: Version,
    /// The file's text.
    pub text: String,
    /// By whom.
    pub by: String,
    /// When, seconds since 1970.
    pub second: i64,
}

impl Hub {
    /// Publishes a version to the nation, and judges again every sale that it concerns.
    ///
    /// # Errors
    /// Where the machine fails; a text that is no version is the inner error.
    pub fn publish_programme(
        &mut self,
        text: &str,
        by: &str,
        second: i64,
    ) -> Result<Result<VersionName, BadVersion>, HubError> {
        let version = match Version::parse(text) {
            Ok(version) => version,
            Err(bad) => return Ok(Err(bad)),
        };
        let entry = signed(Fact::Programme(Published { text: text.to_owned() }), by, second);
        if entry::encode(&entry).len() > ENTRY_BYTES_MAX {
            // Two hundred bytes are for the entry around it.
            let why = Why::TooLong { most: ENTRY_BYTES_MAX - 200 };
            return Ok(Err(BadVersion { line: 1, field: "(toml)".to_owned(), why }));
        }
        self.transact(|hub| {
            let doc = DocId::Nation { month: month(second) };
            let replaced = hub.memory.versions.named_in(&version.programme, &version.name).map(|old| old.from);
            hub.write(doc, &[entry], second)?;
            let from = replaced.map_or(version.from, |old| old.min(version.from));
            hub.judge_again(&version, from, second)
        })?;
        Ok(Ok(version.name))
    }

    /// Judges again everybody whom a version that has just been published may concern.
    fn judge_again(&mut self, version: &Version, from: NaiveDate, second: i64) -> Result<(), HubError> {
        let midnight = second_of(from.and_time(NaiveTime::MIN));
        let mut batch = Batch::new(second);
        if planted!(RejudgeForgotten) {
            return Ok(());
        }
        for tag in self.store.people_since(&version.programme, midnight, &version.name)? {
            batch.touch(&version.programme, tag);
        }
        self.settle(batch)
    }

    /// Announces a delivery to a site's desk (M19).
    ///
    /// # Errors
    /// Where the machine fails.
    pub fn announce_delivery(
        &mut self,
        site: &SiteCode,
        delivery: &Delivery,
        by: &str,
        second: i64,
    ) -> Result<(), HubError> {
        let entry = signed(Fact::Delivery(delivery.clone()), by, second);
        self.transact(|hub| hub.write(desk(site, second), &[entry], second))
    }

    /// Every version that was published, in this order.
    ///
    /// # Errors
    /// Where the store fails or holds a version that cannot be read.
    pub fn programmes(&self) -> Result<Vec<PublishedVersion>, HubError> {
        let read = |row: crate::store::ProgrammeRow| {
            let version = Version::parse(&row.text)
                .map_err(|cause| HubError::Damaged(format!("version {} of the journal: {cause}", row.name)))?;
            Ok(PublishedVersion { version, text: row.text, by: row.author, second: row.second })
        };
        self.store.programmes()?.into_iter().map(read).collect()
    }
}

pub(crate) fn month(second: i64) -> Month {
    Month::of(taipei_day(second))
}

pub(crate) fn desk(site: &SiteCode, second: i64) -> DocId {
    DocId::Desk { site: *site, month: month(second) }
}

pub(crate) fn signed(fact: Fact, by: &str, second: i64) -> Entry {
    let end = by.floor_char_boundary(NAME_BYTES_MAX.min(by.len()));
    let name = by.get(..end).unwrap_or_default().to_owned();
    Entry { at: Instant { second, doubt_s: DOUBT_S }, by: Staff { name, verified: false, id: None }, fact }
}
