//! From entries to what they mean: stock, sales, withdrawals (M8, M18, decisions 9, 12, 16).
//!
//! Only sums and sets, so that the order of arrival leaves no trace: a withdrawal may come before
//! what it takes back.

mod doubt;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use shared::entry::{Correction, Dispute, Entry, Fact, Reading, Sale, Withdrawal};
use shared::ids::{DocId, EntryId, PersonTag, ProgrammeId, SiteCode};
use shared::planted;
use shared::rules::access::Place;
use shared::rules::access::misuse::Deed;
use shared::rules::identity::Document;
use shared::rules::stock::{Move, Stock};

use crate::booking::Touches;
use crate::cases::is_ahead;
use crate::conflict::Effect;
use crate::hub::{Hub, HubError};
use crate::ingest::Opened;
use crate::rights::Deeds;
use crate::store::{DisputeRow, SaleRow, WithdrawalRow};

pub(crate) use doubt::timed;
pub(crate) use settle::as_purchase;

/// What a batch of entries has touched, before it is judged and written.
pub(crate) struct Batch {
    pub(crate) received: i64,
    /// Ledgers that grew, where runs wait for others.
    pub(crate) grown: BTreeSet<DocId>,
    /// In the order of the tags: neighbours lie together on the disk.
    people: BTreeMap<(PersonTag, ProgrammeId), Touched>,
    stock: BTreeMap<(SiteCode, ProgrammeId), Stock>,
    /// What people did who were signed in.
    deeds: Deeds,
    /// Bookings, wishes, slots and sites that hold them.
    pub(crate) bookings: Touches,
    /// Whether the nation and the desks are told of what changes (not while rebuilding).
    tell: bool,
}

/// What happened to one person's sales in one programme.
struct Touched {
    new: Vec<NewSale>,
    withdrawn: BTreeSet<EntryId>,
    /// The earliest place of all this: what was sold before stands as it stood.
    since: Since,
}

/// From where on a person's sales are judged again, in the order that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Since {
    /// All of them.
    Beginning,
    /// From one sale on.
    Sale(i64, Reading, SiteCode, EntryId),
    /// None of them.
    End,
}

impl Since {
    fn sale(row: &SaleRow) -> Self {
        Self::Sale(row.instant, row.reading, row.site, row.id)
    }

    /// The first instant.
    pub(crate) fn instant(self) -> i64 {
        match self {
            Self::Beginning => i64::MIN,
            Self::Sale(instant, ..) => instant,
            Self::End => i64::MAX,
        }
    }
}

impl Default for Touched {
    fn default() -> Self {
        Self { new: Vec::new(), withdrawn: BTreeSet::new(), since: Since::End }
    }
}

/// A sale that has just come.
struct NewSale {
    row: SaleRow,
    buyer: Document,
}

impl Batch {
    pub(crate) fn new(received: i64) -> Self {
        Self {
            received,
            grown: BTreeSet::new(),
            people: BTreeMap::new(),
            stock: BTreeMap::new(),
            deeds: Deeds::default(),
            bookings: Touches::default(),
            tell: true,
        }
    }

    /// A batch of which nobody is told: what it holds was told when it came.
    pub(crate) fn silent(received: i64) -> Self {
        Self { tell: false, ..Self::new(received) }
    }

    /// Has a person judged again from the beginning.
    pub(crate) fn touch(&mut self, programme: &ProgrammeId, tag: PersonTag) {
        self.touched(programme, tag, Since::Beginning);
    }

    fn touched(&mut self, programme: &ProgrammeId, tag: PersonTag, since: Since) -> &mut Touched {
        let touched = self.people.entry((tag, programme.clone())).or_default();
        touched.since = touched.since.min(since);
        touched
    }

    fn shelf(&mut self, site: &SiteCode, programme: &ProgrammeId, step: Move) {
        let stock = self.stock.entry((*site, programme.clone())).or_default();
        *stock = stock.after(step);
    }
}

impl Hub {
    /// Takes one entry of a site into the batch.
    pub(crate) fn project(
        &mut self,
        site: &SiteCode,
        pos: u64,
        opened: Opened,
        batch: &mut Batch,
    ) -> Result<(), HubError> {
        let Opened { id, entry, buyer } = opened;
        let withdrawn = self.came(&id, site)?;
        if let Some(deed) = Deed::of(id, &entry) {
            batch.deeds.push(*site, deed);
        }
        if let (Some(step), Some(programme)) = (Move::of(&entry.fact), programme(&entry.fact)) {
            batch.shelf(site, programme, step);
            if withdrawn && let Some(undo) = undo(&entry.fact) {
                batch.shelf(site, programme, undo);
            }
        }
        match (&entry.fact, buyer) {
            (Fact::Sale(sale), Some(buyer)) => self.sold(site, (pos, id), (&entry, sale, withdrawn), buyer, batch),
            (Fact::Dispute(dispute), Some(person)) => {
                self.disputed(site, (pos, id), (&entry, dispute), &person, batch)?
            }
            (Fact::Withdrawal(withdrawal), _) => self.withdraw(site, (pos, id), withdrawal, batch)?,
            (Fact::Access(access), _) => self.project_access(site, Place::Site, (pos, id), (&entry, access))?,
            (Fact::Booking(booking), person) => {
                self.project_booking(site, (pos, id), (&entry, booking), person.as_ref(), batch)?;
            }
            (
                Fact::Sale(_)
                | Fact::Arrival(_)
                | Fact::Correction(_)
                | Fact::Programme(_)
                | Fact::Delivery(_)
                | Fact::Standing(_)
                | Fact::Dispute(_)
                | Fact::Exception(_)
                | Fact::Decision(_)
                | Fact::Notice(_),
                _,
            ) => {}
        }
        Ok(())
    }

    /// Whether an entry that has just come was taken back before it came.
    fn came(&mut self, id: &EntryId, site: &SiteCode) -> Result<bool, HubError> {
        if self.memory.waiting_withdrawals.is_empty() {
            return Ok(false);
        }
        let ours = self.memory.waiting_withdrawals.remove(&(*id, *site));
        if ours {
            self.store.withdrawal_came(id, site)?;
        }
        Ok(ours)
    }

    fn sold(
        &self,
        site: &SiteCode,
        (pos, id): (u64, EntryId),
        (entry, sale, withdrawn): (&Entry, &Sale, bool),
        buyer: Document,
        batch: &mut Batch,
    ) {
        let instant = sale.instant(entry.at);
        let mut tag = self.keys.tag(&buyer.person());
        if planted!(TypedIsAnother) && sale.reading == Reading::Typed {
            tag.0.reverse();
        }
        let row = SaleRow {
            id,
            site: *site,
            instant: instant.second,
            doubt_s: instant.doubt_s,
            reading: sale.reading,
            recorded: sale.happened.is_some(),
            version: sale.version.clone(),
            pieces: sale.pieces,
            watermark: sale.watermark,
            document: sale.document.clone(),
            effect: Effect::Counts,
            stale: false,
            pos,
            fed: None,
            ahead: sale.happened.is_none() && is_ahead(instant, batch.received),
        };
        let touched = batch.touched(&sale.programme, tag, Since::sale(&row));
        touched.new.push(NewSale { row, buyer });
        if withdrawn {
            touched.withdrawn.insert(id);
        }
    }

    /// Keeps a dispute. While the journal is replayed it may be decided already: then the person is judged again.
    fn disputed(
        &self,
        site: &SiteCode,
        (pos, entry): (u64, EntryId),
        (written, dispute): (&Entry, &Dispute),
        person: &Document,
        batch: &mut Batch,
    ) -> Result<(), HubError> {
        let (id, tag) = (self.keys.dispute_case(&entry), self.keys.tag(&person.person()));
        self.store.put_dispute(&DisputeRow {
            id,
            entry,
            site: *site,
            programme: dispute.programme.clone(),
            tag,
            instant: written.at.second,
            doubt_s: written.at.doubt_s,
            watermark: dispute.watermark,
            pos,
            received: batch.received,
        })?;
        if self.memory.clears && !self.store.cleared_by(&id)?.is_empty() {
            batch.touch(&dispute.programme, tag);
        }
        Ok(())
    }

    /// Takes an entry back; once, and only by the site that wrote it.
    fn withdraw(
        &mut self,
        site: &SiteCode,
        (pos, id): (u64, EntryId),
        withdrawal: &Withdrawal,
        batch: &mut Batch,
    ) -> Result<(), HubError> {
        let of = withdrawal.of;
        let again = self.store.is_withdrawn(&of, site)?;
        // While the journal is replayed, what stands behind this entry has not come yet.
        let found = self.find(&of)?.filter(|found| found.pos <= pos);
        self.store.put_withdrawal(&WithdrawalRow { of, site: *site, id, waits: found.is_none() })?;
        let Some(found) = found else {
            self.memory.waiting_withdrawals.insert((of, *site));
            return Ok(());
        };
        if again || found.tip.site != Some(*site) {
            return Ok(());
        }
        if let (Some(step), Some(programme)) = (undo(&found.entry.fact), programme(&found.entry.fact))
            && !planted!(WithdrawalLeavesStock)
        {
            batch.shelf(site, programme, step);
        }
        if let Fact::Sale(sale) = &found.entry.fact {
            let buyer = self.unseal_again(site, &of, &sale.document)?;
            let tag = self.keys.tag(&buyer.person());
            let instant = sale.instant(found.entry.at).second;
            let since = Since::Sale(instant, sale.reading, *site, of);
            batch.touched(&sale.programme, tag, since).withdrawn.insert(of);
        }
        Ok(())
    }
}

/// The programme whose stock a fact of a site moves.
fn programme(fact: &Fact) -> Option<&ProgrammeId> {
    match fact {
        Fact::Arrival(arrival) => Some(&arrival.programme),
        Fact::Sale(sale) => Some(&sale.programme),
        Fact::Correction(Correction { programme, .. }) => Some(programme),
        Fact::Withdrawal(_)
        | Fact::Programme(_)
        | Fact::Delivery(_)
        | Fact::Standing(_)
        | Fact::Dispute(_)
        | Fact::Exception(_)
        | Fact::Decision(_)
        | Fact::Access(_)
        | Fact::Notice(_)
        | Fact::Booking(_) => None,
    }
}

/// What taking a fact back does to the stock; a correction is corrected, not taken back.
fn undo(fact: &Fact) -> Option<Move> {
    match fact {
        Fact::Arrival(arrival) => Some(Move::Out(arrival.counted)),
        Fact::Sale(sale) => Some(Move::In(sale.pieces)),
        Fact::Correction(_)
        | Fact::Withdrawal(_)
        | Fact::Programme(_)
        | Fact::Delivery(_)
        | Fact::Standing(_)
        | Fact::Dispute(_)
        | Fact::Exception(_)
        | Fact::Decision(_)
        | Fact::Access(_)
        | Fact::Notice(_)
        | Fact::Booking(_) => None,
    }
}
