//! Bugs that are planted, one a town, to see that the town catches them (docs/simulation.md, "Teeth").
//!
//! Most are planted around the real code: in stores, frames, versions, dice. Those that can only lie inside it are
//! `shared::plant`'s, behind the feature `plant`.

use anyhow::Result;
use chrono::Days;
use edge::store::Store;
#[cfg(feature = "plant")]
use shared::plant::{Bug, Planted};
use shared::rules::refusal::Refusal;
use shared::sync::hub as hub_sync;

use super::{Inbox, Town};

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// A run is lost and acknowledged all the same.
    AckWithoutDisk,
    /// A run with a withdrawal is lost and acknowledged all the same.
    WithdrawalLost,
    /// A sale is answered and its transaction forgotten.
    SaleNotWritten,
    /// A withdrawal is answered and its transaction forgotten.
    WithdrawalNotWritten,
    /// A start of a node draws the same actor as the one before.
    ActorReused,
    /// A start on a restored backup draws the same actors as the one before.
    ActorReusedAfterRestore,
    /// The version that the hub publishes counts six days, not seven.
    WindowOffByOne,
    /// It lets everybody come on every day.
    TurnForgotten,
    /// It knows no Sunday.
    SundayForgotten,
    /// Its children are a year younger.
    ChildYearOffByOne,
    /// It gives one piece more.
    LimitOffByOne,
    /// It adds up both kinds of goods in a mixed basket.
    MixedLimitForgotten,
    /// It begins a day early.
    VersionADayEarly,
    /// `synchronous=NORMAL` at an edge: a crash takes back the last commits.
    NormalNotFull,
    /// The hub tells the lines before it commits.
    AckBeforeCommit,
    /// An edge takes a run for acknowledged when it sends it.
    AckedBeforeAnswer,
    /// A refusal names a day too late.
    NextDayOffByOne,
    /// A bug inside the product.
    #[cfg(feature = "plant")]
    Inside(Bug),
}

impl Plant {
    const AROUND: [Self; 17] = [
        Self::AckWithoutDisk,
        Self::WithdrawalLost,
        Self::SaleNotWritten,
        Self::WithdrawalNotWritten,
        Self::ActorReused,
        Self::ActorReusedAfterRestore,
        Self::WindowOffByOne,
        Self::TurnForgotten,
        Self::SundayForgotten,
        Self::ChildYearOffByOne,
        Self::LimitOffByOne,
        Self::MixedLimitForgotten,
        Self::VersionADayEarly,
        Self::NormalNotFull,
        Self::AckBeforeCommit,
        Self::AckedBeforeAnswer,
        Self::NextDayOffByOne,
    ];

    /// All that this build can plant.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let around = Self::AROUND.into_iter();
        #[cfg(feature = "plant")]
        let around = around.chain(Bug::ALL.map(Self::Inside));
        around.collect()
    }

    /// Its name in the table of docs/simulation.md.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            #[cfg(feature = "plant")]
            Self::Inside(bug) => format!("{bug:?}"),
            around => format!("{around:?}"),
        }
    }

    /// Plants what lies inside the product, until it is dropped.
    #[cfg(feature = "plant")]
    pub(super) fn inside(self) -> Option<Planted> {
        match self {
            Self::Inside(bug) => Some(Planted::new(bug)),
            _ => None,
        }
    }

    /// What the bug makes of a version's text.
    pub(super) fn spoil(self, text: &str) -> String {
        match self {
            Self::WindowOffByOne => text.replace("rolling_days = 7", "rolling_days = 6"),
            Self::TurnForgotten => match text.split_once("[turn]").map(|(before, rest)| (before, rest.find("\n\n"))) {
                Some((before, Some(end))) => {
                    let rest = text.split_once("[turn]").map_or("", |(_, rest)| rest).split_at(end).1;
                    format!("{before}[turn]\nrule = \"everyone\"{}", without_freedom(rest))
                }
                Some((_, None)) | None => text.to_owned(),
            },
            Self::SundayForgotten => text.replace(", \"sun\"]", "]"),
            Self::ChildYearOffByOne => {
                let next = text.replace("born_from_year = 2008", "born_from_year = 2009");
                next.replace("born_from_year = 2007", "born_from_year = 2008")
            }
            Self::LimitOffByOne => {
                let next = text.replace("adult = 3\nchild = 0\nmixed = 3", "adult = 4\nchild = 0\nmixed = 4");
                next.replace("adult = 2\nchild = 0\nmixed = 2", "adult = 3\nchild = 0\nmixed = 3")
            }
            Self::MixedLimitForgotten => {
                let next = text.replace("child = 2\nmixed = 2", "child = 2\nmixed = 4");
                let next = next.replace("child = 4\nmixed = 4", "child = 4\nmixed = 6");
                next.replace("child = 5\nmixed = 5", "child = 5\nmixed = 8")
            }
            Self::VersionADayEarly => {
                let next = text.replace("\nfrom = \"2020-02-20\"", "\nfrom = \"2020-02-19\"");
                next.replace("\nfrom = \"2020-03-05\"", "\nfrom = \"2020-03-04\"")
            }
            _ => text.to_owned(),
        }
    }
}

/// Without whom the turn frees: a rule for everyone frees nobody.
fn without_freedom(rest: &str) -> String {
    match rest.split_once("[turn.free_for]") {
        Some((before, behind)) => {
            let behind = behind.find("\n\n").map_or("", |end| &behind[end..]);
            format!("{before}{behind}")
        }
        None => rest.to_owned(),
    }
}

impl Town {
    /// Before a deed, where commits may be lost: the store as a crash will leave it.
    pub(super) fn leave_unsynced(&mut self, at: usize) -> Result<()> {
        if let Some(image) = self.image_for(Plant::NormalNotFull, at)? {
            self.unsynced.insert(at, image);
        }
        Ok(())
    }

    /// For the bugs that forget: the store before the deed, now and then.
    pub(super) fn image_for(&mut self, plant: Plant, at: usize) -> Result<Option<Store>> {
        if self.knobs.plant == Some(plant) && self.dice.once_in(4) {
            return Ok(Some(self.sites[at].node()?.image()?));
        }
        Ok(None)
    }

    /// The deed is answered, and its transaction forgotten.
    pub(super) fn put_back(&mut self, at: usize, image: Option<Store>) -> Result<()> {
        match image {
            Some(image) => {
                let seed = self.dice.next();
                self.sites[at].crash(Some(image), self.now_ms, seed)
            }
            None => Ok(()),
        }
    }

    /// What the counter says in place of a refusal.
    pub(super) fn spoil_refusal(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Bought { next: Some(next), evidence } if self.knobs.plant == Some(Plant::NextDayOffByOne) => {
                Refusal::Bought { next: next.checked_add_days(Days::new(1)), evidence }
            }
            other => other,
        }
    }

    /// Acknowledges before the commit; the runs wait for the next one, and nobody asks for them any more.
    /// Gives back what is to be taken now.
    pub(super) fn tell_before(&mut self, taken: Vec<Inbox>) -> Result<Vec<Inbox>> {
        if self.knobs.plant != Some(Plant::AckBeforeCommit) || !self.dice.once_in(4) {
            return Ok(taken);
        }
        let feed = self.hub()?.feed_position()?;
        for Inbox { at, epoch, upload } in taken {
            if epoch != 0 && self.sites[at].line.as_ref().is_some_and(|line| line.epoch == epoch) {
                self.tell_hub(at, hub_sync::Input::Ingested { id: upload.run.last_id(), feed, receipt: None })?;
            }
            self.inbox.push_back(Inbox { at, epoch: 0, upload });
        }
        Ok(Vec::new())
    }
}
