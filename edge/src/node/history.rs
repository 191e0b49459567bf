//! What is known of a person: this site's own sales and the nation's list, nothing twice.
//!
//! Own sales that the nation's list stands for ("covered") are left to it, so that one which the hub
//! found one too many stops counting with the list. The others are known again by their mark.

use chrono::NaiveDate;
use shared::entry::Pieces;
use shared::ids::{EntryId, ProgrammeId};
use shared::planted;
use shared::rules::evidence::List;
use shared::rules::identity::Person;
use shared::rules::programme::Version;
use shared::rules::quota::Past;
use shared::seal::mark;
use shared::sync::edge::LogPos;

use super::confirm::Confirmation;
use super::{Node, NodeError};
use crate::nation::{Ask, DigestHit, Seen};
use crate::store::OwnSale;

/// A person's counted purchases, and whence each is known.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) past: Vec<Past>,
    /// In the same order.
    pub(super) sources: Vec<Source>,
}

/// Whence a purchase is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It was sold here.
    Own(LogPos),
    /// The nation's list of a day.
    Nation { day: NaiveDate, list: List },
}

impl History {
    fn push(&mut self, past: Past, source: Source) {
        self.past.push(past);
        self.sources.push(source);
    }
}

impl Node {
    /// Every counted purchase of a person that is known here; what the hub has `confirmed` takes the list's place.
    pub(super) fn history(
        &mut self,
        version: &Version,
        person: &Person,
        today: NaiveDate,
        confirmed: Option<&Confirmation>,
    ) -> Result<History, NodeError> {
        let number = self.programmes.number(&mut self.store, &version.programme);
        let number = self.promised(number)?;
        let own = self.store.own_sales(&self.keys.tag(person), number)?;
        let from = version.window.reached_from(today);
        let ask =
            Ask { store: &self.store, watermark: self.line.feed, programme: &version.programme, number, person, from };
        let confirmed = self.confirmed(confirmed, &version.programme, from);
        let Seen { hits, digests } = match confirmed {
            Some(bought) => Seen { hits: bought.to_vec(), digests: Vec::new() },
            None => self.nation.find(&ask)?,
        };
        let list = if confirmed.is_some() { List::Hub } else { List::Live };
        let (mut ours, mut covered) = (Vec::new(), Vec::new());
        let mut history = History::default();
        for sale in own {
            let id = self.id_at(&sale)?;
            let withdrawn = sale.withdrawn.filter(|_| !planted!(WithdrawalKeepsQuota));
            let is_over = id.is_some_and(|id| self.over.contains(&id));
            let counts = withdrawn.is_none() && !is_over;
            let is_covered = self.line.covers(sale.pos) && !self.nation.lags(&version.programme, sale.past.day);
            if counts && (is_covered || (planted!(CoveredTooEarly) && self.line.has(sale.pos))) {
                covered.extend(id.map(|id| (mark(&id), sale)));
                continue;
            }
            ours.extend(id.filter(|_| !planted!(OwnItemCounted)).map(|id| Ours { mark: mark(&id), sale, is_over }));
            if counts {
                history.push(sale.past, Source::Own(sale.pos));
            }
        }
        // The hub knows what it found over and what was cleared since it told this site of either.
        let is_final = confirmed.is_some();
        let cleared = |day, mark| !is_final && self.is_cleared(&version.programme, person, day, mark);
        let is_ours =
            |own: &Ours, mark| own.mark == mark && (own.sale.withdrawn.is_some() || !own.is_over || !is_final);
        let theirs = hits.into_iter().filter(|hit| !ours.iter().any(|own| is_ours(own, hit.mark)));
        for hit in theirs.filter(|hit| !cleared(hit.day, Some(hit.mark))) {
            let over = ours.iter().filter(|own| own.is_over).map(|own| (own.mark, &own.sale));
            let mut known = covered.iter().map(|(mark, sale)| (*mark, sale)).chain(over);
            let own = known.find(|(mark, _)| *mark == hit.mark).map(|(_, sale)| sale);
            history.push(Past { day: hit.day, pieces: hit.pieces }, source(own, hit.day, list));
        }
        for hit in digests.into_iter().filter(|hit| !cleared(hit.day, None)) {
            // A digest names no sale: one of ours that it stands for is on the same day.
            let own = covered.iter().map(|(_, sale)| sale).find(|sale| sale.past.day == hit.day);
            if let Some(past) = self.without(&version.programme, &hit, &ours) {
                history.push(past, source(own, hit.day, List::Digest));
            }
        }
        Ok(history)
    }

    /// What others sold by a day's digest, as far as it is certain: a sale of ours that may be in it is taken out.
    fn without(&self, programme: &ProgrammeId, hit: &DigestHit, ours: &[Ours]) -> Option<Past> {
        let is_held = |pos| self.line.is_held(pos, hit.upto, hit.own);
        // What the list has been told of since the digest came behind it, unless it was jumped over.
        let is_told = |pos| !self.nation.lags(programme, hit.day) && self.line.covers(pos);
        let may_hold = |own: &&Ours| {
            let is_taken_out = own.sale.withdrawn.is_some_and(|by| is_held(by) == Some(true) || is_told(by));
            // One that is over counts in none, and that it is over says that others sold.
            let counts = !own.is_over && !is_taken_out && is_held(own.sale.pos) != Some(false);
            counts && own.sale.past.day == hit.day && !hit.marks.contains(&own.mark)
        };
        let mut in_it = ours.iter().filter(may_hold).peekable();
        let pieces = match hit.pieces {
            Some(pieces) => in_it.fold(pieces, |left, own| left.minus(own.sale.past.pieces)),
            None if in_it.peek().is_some() => return None,
            // That they bought is all that it says.
            None => Pieces { adult: 1, child: 0 },
        };
        (pieces.total() > 0).then_some(Past { day: hit.day, pieces })
    }

    fn id_at(&self, sale: &OwnSale) -> Result<Option<EntryId>, NodeError> {
        Ok(self.store.id_at(sale.pos)?)
    }
}

/// Whence a purchase of the nation's list is known, one of ours that it stands for first.
fn source(own: Option<&OwnSale>, day: NaiveDate, list: List) -> Source {
    own.map_or(Source::Nation { day, list }, |sale| Source::Own(sale.pos))
}

/// A sale of ours that is counted, or not, by our own ledger and not by the nation's list.
struct Ours {
    mark: u32,
    sale: OwnSale,
    is_over: bool,
}
