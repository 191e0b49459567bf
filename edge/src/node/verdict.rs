//! What a refusal rests on, and where a sale of this site stands (docs/architecture.md, promise 2).

use chrono::NaiveDate;
use shared::entry::Fact;
use shared::rules::evidence::Evidence;
use shared::rules::programme::Version;
use shared::rules::quota::filling;
use shared::rules::refusal::Refusal;
use shared::sync::edge::LogPos;

use super::history::{History, Source};
use super::write::decoded;
use super::{Node, NodeError};
use crate::node::ask::Recent;

/// Where a sale stands that was not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The hub has not counted it yet, or what it knows beside it is not here yet.
    Provisional,
    /// The hub has it, and nothing that it has told speaks against it.
    Confirmed,
    /// The hub says that it is one too many.
    Contested,
}

impl Standing {
    /// A stable name for machines.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Confirmed => "confirmed",
            Self::Contested => "contested",
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Provisional => "暫定",
            Self::Confirmed => "已確認",
            Self::Contested => "有爭議",
        }
    }

    /// In English.
    #[must_use]
    pub fn en(self) -> &'static str {
        self.code()
    }
}

impl Recent {
    /// Where the sale stands; `None` where it was taken back.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        match self {
            Self { withdrawn: true, .. } => None,
            Self { over: true, .. } => Some(Standing::Contested),
            Self { acked: true, covered: true, .. } => Some(Standing::Confirmed),
            Self { acked: _, covered: _, .. } => Some(Standing::Provisional),
        }
    }
}

impl Node {
    /// A refusal with what it rests on.
    pub(super) fn with_evidence(
        &self,
        refusal: Refusal,
        version: &Version,
        history: &History,
        today: NaiveDate,
    ) -> Result<Refusal, NodeError> {
        if !matches!(refusal, Refusal::Bought { .. }) {
            return Ok(refusal);
        }
        let mut evidence = Vec::new();
        for at in filling(version, &history.past, today) {
            evidence.extend(match history.sources.get(at) {
                Some(Source::Own(pos)) => self.own_evidence(*pos)?,
                Some(Source::Nation { day, list }) => Some(Evidence::Nation { day: *day, list: *list }),
                None => None,
            });
        }
        Ok(refusal.resting_on(evidence))
    }

    fn own_evidence(&self, pos: LogPos) -> Result<Option<Evidence>, NodeError> {
        let Some(row) = self.store.row(pos)? else { return Ok(None) };
        let entry = decoded(row.get())?;
        let Fact::Sale(sale) = &entry.fact else { return Ok(None) };
        Ok(Some(Evidence::Own { second: sale.instant(entry.at).second }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::ask::Mark;
    use shared::entry::Pieces;
    use shared::ids::{ActorId, EntryId};

    fn recent(flags: &str) -> Recent {
        let is = |flag: &str| flags.split(' ').any(|word| word == flag);
        Recent {
            id: EntryId { actor: ActorId([1; 16]), seq: 1 },
            site_name: String::new(),
            masked: String::new(),
            second: 0,
            mark: Mark::None,
            pieces: Pieces::default(),
            programme: "mask".parse().unwrap(),
            version: "mask-2020-02-06".parse().unwrap(),
            recorded: false,
            withdrawn: is("withdrawn"),
            over: is("over"),
            acked: is("acked"),
            covered: is("covered"),
            by: String::new(),
        }
    }

    #[test]
    fn provisional_confirmed_contested() {
        for (flags, standing) in [
            ("", Some("provisional")),
            ("acked", Some("provisional")),
            // Given back by a hub that has not said so yet.
            ("covered", Some("provisional")),
            ("acked covered", Some("confirmed")),
            ("acked covered over", Some("contested")),
            ("acked over", Some("contested")),
            ("over", Some("contested")),
            ("withdrawn", None),
            ("withdrawn acked covered", None),
            ("withdrawn over", None),
        ] {
            assert_eq!(recent(flags).standing().map(Standing::code), standing, "{flags}");
        }
        let words = [Standing::Provisional, Standing::Confirmed, Standing::Contested].map(Standing::zh);
        assert_eq!(words, ["暫定", "已確認", "有爭議"]);
    }
}
