//! Honest blame: whether the site of a sale could have known of those before it (docs/architecture.md, promise 2).
//!
//! Each sale says how far its site knew the nation: a position of the feed. The hub knows where the feed told of each
//! sale. The two are compared when a case is shown and nothing of it is kept, for positions are outside what a rebuild
//! must bring back. A position that this hub cannot vouch for says nothing: then nobody is accused.

use shared::entry::{Behind, Instant};
use shared::ids::{EntryId, SiteCode};
use shared::rules::calendar::taipei_day;

use super::{Knew, Knowledge, SaleLine};
use crate::hub::{Hub, HubError};

/// Up to here the feed of every life of this hub is the same.
pub(crate) const FEED_SHARED: &str = "feed_shared";
/// Since when a site goes by this life's positions, having gone by another's; the site's code follows.
const TURNED: &str = "turned/";

/// How far the hub can vouch for the positions that a site names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vouched {
    /// How long the feed is.
    pub(super) feed: u64,
    /// Up to here it is the same in every life of the hub.
    pub(super) shared: u64,
    /// When the site was told that positions begin anew; `None` where it never named another life's.
    pub(super) turned: Option<i64>,
}

/// What a sale's site had heard of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// All of it up to here.
    surely: u64,
    /// Nothing behind here; `None` where nobody knows.
    at_most: Option<u64>,
}

impl Vouched {
    fn reach(&self, watermark: u64, written: Instant) -> Reach {
        let earliest = match written.doubt_s {
            u32::MAX => i64::MIN,
            doubt_s => written.second.saturating_sub(i64::from(doubt_s)),
        };
        let ours = watermark <= self.shared || self.turned.is_none_or(|turned| earliest >= turned);
        if watermark > self.feed {
            // Nobody was told so much.
            Reach { surely: 0, at_most: None }
        } else if ours {
            Reach { surely: watermark, at_most: Some(watermark) }
        } else {
            Reach { surely: self.shared, at_most: None }
        }
    }
}

/// What the site of a sale had heard of an earlier one, when it wrote the sale down.
pub(super) fn knew(sale: &SaleLine, other: &SaleLine, vouched: &Vouched) -> Knew {
    if sale.site == other.site {
        match order(sale, other) {
            Some(Order::Before) => return Knew::Own,
            Some(Order::Behind) => return Knew::NotTold,
            // Another computer of the site, or another life of its store: only the feed can have told it.
            None => {}
        }
    }
    let reach = vouched.reach(sale.watermark, sale.written);
    let is_behind = |published| sale.behind.iter().any(|behind| hides(behind, other, published));
    match (other.published, reach.at_most) {
        // The digest that tells of it had not come yet.
        (Some(published), _) if sale.site != other.site && is_behind(published) => Knew::NotTold,
        (Some(published), _) if published <= reach.surely => Knew::Told,
        (None, Some(_)) if sale.site != other.site => Knew::NotPublished,
        (Some(_), Some(_)) if sale.site != other.site => Knew::NotTold,
        (Some(_) | None, Some(_) | None) => Knew::Unknown,
    }
}

/// Whether a site knew less of a sale's day, and that sale was told of in between.
fn hides(behind: &Behind, other: &SaleLine, published: u64) -> bool {
    let day = taipei_day(other.instant);
    (behind.first..=behind.last).contains(&day) && published > behind.known && published <= behind.again
}

/// Where an entry of one store stands beside another.
enum Order {
    Before,
    Behind,
}

/// Of two sales of one store which was written first; `None` where it was not one store.
fn order(sale: &SaleLine, other: &SaleLine) -> Option<Order> {
    let before = if sale.id.actor == other.id.actor {
        other.id.seq < sale.id.seq
    } else if sale.store.is_some() && sale.store == other.store {
        other.journal < sale.journal
    } else {
        return None;
    };
    Some(if before { Order::Before } else { Order::Behind })
}

/// Whether a sale could have been known to be one too many. `too_many` tells whether it is, beside these of the sales
/// before it alone.
pub(super) fn could_have_known(
    sale: &SaleLine,
    before: &[(EntryId, Knew)],
    too_many: impl Fn(&[EntryId]) -> bool,
) -> Knowledge {
    let those = |keep: &[Knew]| -> Vec<EntryId> {
        before.iter().filter(|(_, knew)| keep.contains(knew)).map(|(id, _)| *id).collect()
    };
    if too_many(&[]) {
        Knowledge::Alone
    } else if sale.recorded {
        Knowledge::Recorded
    } else if too_many(&those(&[Knew::Own])) {
        Knowledge::SameSite
    } else if too_many(&those(&[Knew::Own, Knew::Told])) {
        Knowledge::Could
    } else if too_many(&those(&[Knew::Own, Knew::Told, Knew::Unknown])) {
        Knowledge::Unknown
    } else if before.iter().any(|(_, knew)| *knew == Knew::NotTold) {
        Knowledge::CouldNot
    } else {
        Knowledge::NotPublished
    }
}

impl Hub {
    /// How far the positions that a site names can be taken for this hub's.
    pub(super) fn vouched(&self, site: &SiteCode) -> Result<Vouched, HubError> {
        let shared = self.store.meta_number(FEED_SHARED)?.unwrap_or(0);
        let turned = self.store.meta_number(&turned(site))?.map(u64::cast_signed);
        Ok(Vouched { feed: self.feed_position()?, shared, turned })
    }

    /// A site that went by another life's positions is told that they begin anew.
    pub(crate) fn note_turned(&mut self, site: &SiteCode, second: i64) -> Result<(), HubError> {
        self.transact(|hub| Ok(hub.store.set_meta_number(&turned(site), second.cast_unsigned())?))
    }
}

fn turned(site: &SiteCode) -> String {
    format!("{TURNED}{site}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(second: i64) -> Instant {
        Instant { second, doubt_s: 2 }
    }

    #[test]
    fn a_position_is_taken_for_ours_only_where_it_must_be() {
        let never = Vouched { feed: 100, shared: 0, turned: None };
        let turned = Vouched { feed: 100, shared: 40, turned: Some(1_000) };
        for (vouched, watermark, at, surely, at_most) in [
            (never, 60, written(0), 60, Some(60)),
            (never, 100, written(0), 100, Some(100)),
            // Nobody was told so much.
            (never, 101, written(0), 0, None),
            // Both lives agree on these.
            (turned, 40, written(10), 40, Some(40)),
            // Written by the old life's positions: of the new ones nothing is known.
            (turned, 41, written(10), 40, None),
            (turned, 41, written(1_001), 40, None),
            (turned, 41, written(1_002), 41, Some(41)),
            (turned, 41, Instant { second: 9_999, doubt_s: u32::MAX }, 40, None),
        ] {
            let reach = vouched.reach(watermark, at);
            assert_eq!(reach, Reach { surely, at_most }, "{watermark} at {at:?} by {vouched:?}");
        }
    }
}
