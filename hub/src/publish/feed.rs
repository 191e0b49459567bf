//! The nation's feed: who was served, in batches that are the same for every edge.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shared::ids::ProgrammeId;
use shared::wire::v1::feed::{self, BATCH_ITEMS_MAX, Group, Item};

use crate::hub::{Hub, HubError};
use crate::store::FeedRow;

/// Most items in a batch that we cut: small enough that several fit in a message.
const CUT_ITEMS: usize = BATCH_ITEMS_MAX / 4;

/// An item, and the sale for which its position is wanted.
type Told = (Item, Option<usize>);

/// What has to be told, by programme and business day.
#[derive(Default)]
pub(crate) struct News {
    of: BTreeMap<(ProgrammeId, NaiveDate), Vec<Told>>,
}

impl News {
    /// Puts an item on the list; `sale` is what its position is wanted for.
    pub(crate) fn push(&mut self, programme: &ProgrammeId, day: NaiveDate, item: Item, sale: Option<usize>) {
        self.of.entry((programme.clone(), day)).or_default().push((item, sale));
    }
}

impl Hub {
    /// Publishes; gives the positions of the items that were wanted.
    pub(crate) fn publish_news(&mut self, news: News) -> Result<Vec<(usize, u64)>, HubError> {
        let mut positions = Vec::new();
        let mut at = self.memory.feed;
        let mut cut: Vec<Group> = Vec::new();
        let mut room = CUT_ITEMS;
        for ((programme, day), items) in news.of {
            let key = self.keys.day(&programme, day)?.secret().clone();
            let mut rest = items.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(room.min(rest.len()));
                for (_, sale) in now {
                    at += 1;
                    positions.extend(sale.map(|sale| (sale, at)));
                }
                let items = now.iter().map(|(item, _)| *item).collect();
                cut.push(Group { programme: programme.clone(), day, key: key.clone(), items });
                room -= now.len();
                rest = later;
                if room == 0 {
                    self.publish_batch(std::mem::take(&mut cut), at)?;
                    room = CUT_ITEMS;
                }
            }
        }
        if !cut.is_empty() {
            self.publish_batch(cut, at)?;
        }
        Ok(positions)
    }

    fn publish_batch(&mut self, groups: Vec<Group>, upto: u64) -> Result<(), HubError> {
        let body = feed::encode(&feed::Batch { groups });
        self.store.put_feed(&FeedRow { after: self.memory.feed, upto, body })?;
        self.memory.feed = upto;
        Ok(())
    }
}
