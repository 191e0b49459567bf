//! Making the projections again from the journal, and the dump by which two hubs are compared.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::NaiveDate;
use shared::ids::{DocId, EntryId, PersonTag, ProgrammeId, SiteCode};
use shared::ledger::run::Run;
use shared::planted;
use shared::rules::calendar::taipei_day;
use shared::rules::quota::Cleared;
use shared::seal;
use shared::wire::v1::entry;
use shared::wire::v1::feed::{self, Item};

use super::{BUYER, Hub, HubError, Memory};
use crate::conflict::Effect;
use crate::ingest::Opened;
use crate::project::Batch;
use crate::publish::News;
use crate::store::{DecisionRow, DisputeRow, SaleRow};

/// Runs replayed between two settlements.
const RUNS_AT_ONCE: usize = 2_000;
/// Journal rows read at once: a row may be as long as a run.
const ROWS_AT_ONCE: usize = 256;

/// An item's name in the feed.
pub(crate) type Name = (ProgrammeId, NaiveDate, u64, u32);
/// What the feed says counts: the item, and where it was told.
type Published = HashMap<Name, (Item, u64)>;

impl Hub {
    /// Drops every projection and case and makes them again from the journal; gives how many runs
    /// were replayed. The feed stays: what the nation was told already keeps its position, and
    /// only differences are told.
    ///
    /// # Errors
    /// Where the machine fails: then nothing has changed.
    pub fn rebuild(&mut self) -> Result<u64, HubError> {
        self.transact(|hub| {
            hub.store.drop_projections()?;
            hub.memory = Memory {
                loaded: true,
                journal: hub.memory.journal,
                roll: hub.memory.roll,
                signed: hub.memory.signed,
                feed: hub.memory.feed,
                waiting_docs: std::mem::take(&mut hub.memory.waiting_docs),
                holds_back: hub.memory.holds_back,
                ..Memory::default()
            };
            let runs = hub.replay()?;
            hub.tell_differences()?;
            Ok(runs)
        })
    }

    /// Projects the whole journal. The versions first: who was judged by one that came later would
    /// only be judged twice.
    fn replay(&mut self) -> Result<u64, HubError> {
        let mut runs = 0;
        self.each_run(|hub, pos, _, run| match run.doc {
            DocId::Nation { .. } | DocId::Desk { .. } => hub.replay_own(pos, &run),
            DocId::Site { .. } => Ok(()),
        })?;
        let mut batch = Batch::silent(0);
        let mut waiting = 0;
        self.each_run(|hub, pos, received, run| {
            runs += 1;
            let DocId::Site { site, day: _ } = run.doc else {
                return Ok(());
            };
            batch.received = received;
            hub.replay_site(&site, pos, &run, &mut batch)?;
            waiting += 1;
            if waiting >= RUNS_AT_ONCE {
                waiting = 0;
                hub.settle(std::mem::replace(&mut batch, Batch::silent(received)))?;
            }
            Ok(())
        })?;
        self.settle(batch)?;
        Ok(runs)
    }

    fn each_run(
        &mut self,
        mut see: impl FnMut(&mut Self, u64, i64, Run) -> Result<(), HubError>,
    ) -> Result<(), HubError> {
        let mut after = 0;
        loop {
            let rows = self.store.journal_after(after, ROWS_AT_ONCE)?;
            if rows.is_empty() {
                return Ok(());
            }
            for (pos, received, bytes) in rows {
                let run = self.decode(pos, &bytes)?;
                see(self, pos, received, run)?;
                after = pos;
            }
        }
    }

    fn replay_own(&mut self, pos: u64, run: &Run) -> Result<(), HubError> {
        for (seq, bytes) in (run.start.id.seq..).zip(&run.entries) {
            let entry = entry::decode(bytes).map_err(|cause| damaged(pos, &cause))?;
            self.project_own(run.doc, pos, EntryId { seq, ..run.start.id }, &entry)?;
        }
        Ok(())
    }

    fn replay_site(&mut self, site: &SiteCode, pos: u64, run: &Run, batch: &mut Batch) -> Result<(), HubError> {
        for (seq, bytes) in (run.start.id.seq..).zip(&run.entries) {
            let id = EntryId { seq, ..run.start.id };
            let entry = entry::decode(bytes).map_err(|cause| damaged(pos, &cause))?;
            let document = match &entry.fact {
                shared::entry::Fact::Sale(sale) => Some(&sale.document),
                shared::entry::Fact::Dispute(dispute) => Some(&dispute.document),
                shared::entry::Fact::Booking(booking) => booking.booker().map(|person| &person.document),
                shared::entry::Fact::Arrival(_)
                | shared::entry::Fact::Withdrawal(_)
                | shared::entry::Fact::Correction(_)
                | shared::entry::Fact::Programme(_)
                | shared::entry::Fact::Delivery(_)
                | shared::entry::Fact::Standing(_)
                | shared::entry::Fact::Exception(_)
                | shared::entry::Fact::Decision(_)
                | shared::entry::Fact::Access(_)
                | shared::entry::Fact::Notice(_) => None,
            };
            let opened = document.map(|sealed| self.unseal(site, &id, BUYER, sealed)).transpose()?;
            let buyer = opened.transpose().map_err(|cause| damaged(pos, &cause))?;
            self.project(site, pos, Opened { id, entry, buyer }, batch)?;
        }
        Ok(())
    }

    /// Compares what counts with what the nation was told, and tells the rest.
    fn tell_differences(&mut self) -> Result<(), HubError> {
        let mut told = if planted!(RebuildTells) { Published::new() } else { self.published()? };
        let mut sales: Vec<(PersonTag, ProgrammeId, SaleRow)> = Vec::new();
        self.store.each_sale(|tag, programme, row| {
            if row.effect == Effect::Counts {
                sales.push((*tag, programme.clone(), row.clone()));
            }
        })?;
        let mut news = News::default();
        for (at, (tag, programme, row)) in sales.iter_mut().enumerate() {
            let day = taipei_day(row.instant);
            let person = self.unseal_again(&row.site, &row.id, &row.document)?.person();
            let fingerprint = self.fingerprint(programme, day, &person)?;
            let mark = seal::mark(&row.id);
            match told.remove(&(programme.clone(), day, fingerprint, mark)) {
                Some((_, position)) => {
                    row.fed = Some(position);
                    self.store.set_effect(programme, tag, row)?;
                }
                None => {
                    let item = Item { fingerprint, mark, pieces: row.pieces, gone: false };
                    news.push(programme, day, item, Some(at));
                }
            }
        }
        self.tell_bookings_again(&mut news, |name| told.remove(name).is_some())?;
        let mut gone: Vec<(Name, (Item, u64))> = told.into_iter().collect();
        gone.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for ((programme, day, ..), (item, _)) in gone {
            news.push(&programme, day, Item { gone: true, ..item }, None);
        }
        for (at, position) in self.publish_news(news)? {
            if let Some((tag, programme, row)) = sales.get_mut(at) {
                row.fed = Some(position);
                self.store.set_effect(programme, tag, row)?;
            }
        }
        Ok(())
    }

    /// What counts by the feed as published.
    fn published(&self) -> Result<Published, HubError> {
        let mut told = Published::new();
        let mut at = 0;
        while let Some(row) = self.store.feed_after(at)? {
            let batch = feed::decode(&row.body).map_err(|cause| HubError::Damaged(format!("the feed: {cause}")))?;
            let mut position = row.after;
            for group in batch.groups {
                for item in group.items {
                    position += 1;
                    let name = (group.programme.clone(), group.day, item.fingerprint, item.mark);
                    if item.gone {
                        told.remove(&name);
                    } else {
                        told.insert(name, (item, position));
                    }
                }
            }
            at = row.upto;
        }
        Ok(told)
    }

    /// A deterministic dump of everything that follows from the ledgers: sales, withdrawals, stock,
    /// cases, findings, disputes, rights and bookings. The same entries give the same bytes, in whatever order they came.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn canonical(&self) -> Result<Vec<u8>, HubError> {
        let mut out = String::new();
        let mut failed = false;
        self.store.each_sale(|tag, programme, sale| failed |= sale_line(&mut out, tag, programme, sale).is_err())?;
        for row in self.store.withdrawals()? {
            failed |= writeln!(out, "withdrawal of {} at {} by {}", row.of, row.site, row.id).is_err();
        }
        for (site, programme, adult, child) in self.store.stocks()? {
            failed |= writeln!(out, "stock {site} {programme} {adult} {child}").is_err();
        }
        for case in self.store.cases()?.into_iter().filter(|case| case.open) {
            failed |= writeln!(out, "case {} {} {}", case.id, case.programme, case.tag).is_err();
            for found in self.store.findings(&case.id)? {
                let kind = found.kind.code();
                let next = found.next.map_or_else(|| "-".to_owned(), |day| day.to_string());
                let because: Vec<String> = found.because.iter().map(EntryId::to_string).collect();
                let because = because.join(" ");
                failed |= writeln!(out, "  {kind} {} {} {next} {because}", found.sale, found.code).is_err();
            }
        }
        failed |= self.dispute_lines(&mut out)?.is_err();
        failed |= self.rights_lines(&mut out)?.is_err();
        failed |= self.booking_lines(&mut out)?.is_err();
        if failed { Err(HubError::Full("the dump")) } else { Ok(out.into_bytes()) }
    }
}

impl Hub {
    fn dispute_lines(&self, out: &mut String) -> Result<std::fmt::Result, HubError> {
        let mut written = Ok(());
        for row in self.store.disputes()? {
            let DisputeRow { id, entry, site, programme, tag, instant, doubt_s, watermark, .. } = &row;
            written = written.and_then(|()| {
                writeln!(out, "dispute {id} {entry} {site} {programme} {tag} {instant} {doubt_s} {watermark}")
            });
            for decision in self.store.decisions(id)?.iter().rev() {
                let DecisionRow { granted, words, author, second, .. } = decision;
                written = written.and_then(|()| writeln!(out, "  decided {granted} {second} {author:?} {words:?}"));
            }
            for Cleared { day, upto } in self.store.cleared_by(id)? {
                written = written.and_then(|()| writeln!(out, "  clears {day} {upto}"));
            }
        }
        Ok(written)
    }
}

fn sale_line(out: &mut String, tag: &PersonTag, programme: &ProgrammeId, sale: &SaleRow) -> std::fmt::Result {
    let effect = match (sale.effect, sale.stale) {
        (Effect::Withdrawn, _) => "withdrawn",
        (Effect::Over, _) => "over",
        (Effect::Cleared, _) => "cleared",
        (Effect::Counts, true) => "stale",
        (Effect::Counts, false) => "counts",
    };
    let reading = sale.reading.code();
    let recorded = if sale.recorded { " recorded" } else { "" };
    writeln!(
        out,
        "sale {tag} {programme} {} {} {} {} {reading} {} {} {} {} {effect}{recorded}",
        sale.id,
        sale.site,
        sale.instant,
        sale.doubt_s,
        sale.version,
        sale.pieces.adult,
        sale.pieces.child,
        sale.watermark,
    )
}

fn damaged(pos: u64, cause: &dyn std::error::Error) -> HubError {
    HubError::Damaged(format!("journal row {pos}: {cause}"))
}
